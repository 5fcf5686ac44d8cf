/* SPDX-License-Identifier: MIT */
#ifndef MIGP_STREAM_PCI_LAYOUT_H
#define MIGP_STREAM_PCI_LAYOUT_H

/*
 * Where things lie in the config bytes of a vfio-pci device: the one thing
 * that finding the end of CONFIG and reading it have in common.
 *
 *     be32 version | config space, 256 or 4096 | be32 INTx[4]
 *     | MSI-X table 16 * N | pending bits ceil(N / 8) | [ramfb subsection]
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MIGP_PCI_VERSION_SIZE 4
#define MIGP_PCI_VERSION_NEWEST 2
#define MIGP_PCI_SMALL 256
#define MIGP_PCI_LARGE 4096
#define MIGP_PCI_IRQ_SIZE 16
#define MIGP_PCI_RAMFB_SIZE 59
#define MIGP_PCI_RAMFB_HEAD 31
#define MIGP_PCI_CHAIN_MAX 48

/* The MSI-X capability in config space, or 0; *n_vectors from its control. */
uint8_t migp_pci_find_msix(const uint8_t *config, uint32_t *n_vectors);

/* Bytes before the optional ramfb subsection. */
size_t migp_pci_layout_size(size_t config_size, uint32_t n_vectors);

/*
 * Walk the capability chain of 256 bytes of config space.
 * Returns the number of capabilities, at most max; their offsets in offsets.
 * *broken_at: where the chain loops or leaves config space, else 0.
 */
size_t migp_pci_walk(const uint8_t *config, uint8_t *offsets, size_t max,
                     uint8_t *broken_at);

/* Does the ramfb subsection's head start here? size: bytes that are there. */
bool migp_pci_ramfb_head(const uint8_t *bytes, size_t size);

#endif
