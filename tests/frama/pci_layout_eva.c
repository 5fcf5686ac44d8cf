/* SPDX-License-Identifier: MIT */

/*
 * frama-c: libmigproto/stream/pci_layout.c
 * proves: the walk along the capability chain has no undefined behaviour for any 256 bytes of config space
 */

#include "stream/pci_layout.h"

#include <__fc_builtin.h>

static volatile size_t sink;

int main(void)
{
    uint8_t config[MIGP_PCI_SMALL];
    uint8_t offsets[MIGP_PCI_CHAIN_MAX];
    uint8_t broken;

    Frama_C_make_unknown((char *)config, sizeof(config));
    sink = migp_pci_walk(config, offsets, MIGP_PCI_CHAIN_MAX, &broken);
    return 0;
}
