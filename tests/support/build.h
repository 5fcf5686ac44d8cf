/* SPDX-License-Identifier: MIT */
#ifndef MIGP_TESTS_SUPPORT_BUILD_H
#define MIGP_TESTS_SUPPORT_BUILD_H

/* Puts bytes one behind the other, big-endian; not by the library's encoder. */

#include <stddef.h>
#include <stdint.h>

struct build {
    uint8_t *bytes;
    size_t size;
    size_t room;
};

void build_u8(struct build *build, uint8_t value);
void build_u16(struct build *build, uint16_t value);
void build_u32(struct build *build, uint32_t value);
void build_u64(struct build *build, uint64_t value);
void build_text(struct build *build, const char *text); /* without the NUL */
void build_fill(struct build *build, size_t size, uint8_t value);
void build_bytes(struct build *build, const void *bytes, size_t size);

/* Tag number 1 to 6, or any other. */
void build_tag(struct build *build, unsigned number);
void build_data(struct build *build, const void *bytes, size_t size);

/* "QEVM", version 3. */
void build_header(struct build *build);
/* START or FULL; then PART or END; then the footer. */
void build_head(struct build *build, uint8_t kind, uint32_t id,
                const char *idstr, uint32_t instance, uint32_t version);
void build_short_head(struct build *build, uint8_t kind, uint32_t id);
void build_footer(struct build *build, uint32_t id);
void build_command(struct build *build, uint16_t command, uint16_t length);

/* config bytes of a vfio-pci device: config space of 256 or 4096 bytes with an
 * MSI-X capability of n_vectors (0: none), its table and pending bits. */
void build_pci(struct build *build, size_t config_size, unsigned n_vectors);

void build_free(struct build *build);

#endif
