/* SPDX-License-Identifier: MIT */
#ifndef MIGP_QEMU_SECTION_TABLE_H
#define MIGP_QEMU_SECTION_TABLE_H

#include "stream/decoder.h"

#include <migproto/qemu.h>

enum migp_section_content {
    MIGP_CONTENT_OTHER, /* another device's, opaque */
    MIGP_CONTENT_RAM,
    MIGP_CONTENT_VFIO,
    MIGP_CONTENT_BROKEN /* VFIO, but its records cannot be followed any more */
};

/* What the stream has introduced under one section id. */
struct migp_section {
    struct migp_qemu_section shown;
    enum migp_section_content content;
    size_t idstr_size;
    char idstr[256];
    struct migp_decoder *decoder;           /* VFIO only */
    const struct migp_vmdesc_entry *vmdesc; /* NULL if it says nothing */
};

/* Sections in the order of their ids; entries stay where they are. */
struct migp_section_table {
    struct migp_section **entries;
    size_t n;
    size_t room;
};

struct migp_section *migp_section_find(const struct migp_section_table *table,
                                       uint32_t section_id);

/* Is this what a VFIO device's section is called? */
bool migp_section_names_vfio(const void *idstr, size_t size);

/*
 * Add a section under an id that is not there yet; NULL if out of memory.
 * idstr: 1 to 255 bytes. decoder: how to decode it if it is a VFIO device's.
 */
struct migp_section *
migp_section_add(struct migp_section_table *table, uint32_t section_id,
                 const uint8_t *idstr, size_t idstr_size,
                 const struct migp_decoder_options *decoder);

void migp_section_table_free(struct migp_section_table *table);

#endif
