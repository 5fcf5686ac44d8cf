/* SPDX-License-Identifier: MIT */
#include "qemu/section_table.h"

#include <stdlib.h>
#include <string.h>

/* The first entry whose id is not below section_id. */
static size_t position_of(const struct migp_section_table *table,
                          uint32_t section_id)
{
    size_t low = 0;
    size_t high = table->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (table->entries[middle]->shown.section_id < section_id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct migp_section *migp_section_find(const struct migp_section_table *table,
                                       uint32_t section_id)
{
    size_t at = position_of(table, section_id);

    if (at < table->n && table->entries[at]->shown.section_id == section_id) {
        return table->entries[at];
    }
    return NULL;
}

static bool make_room(struct migp_section_table *table)
{
    size_t room = table->room > 0 ? 2 * table->room : 32;
    struct migp_section **entries;

    if (table->n < table->room) {
        return true;
    }
    entries = realloc(table->entries, room * sizeof(*entries));
    if (entries == NULL) {
        return false;
    }
    table->entries = entries;
    table->room = room;
    return true;
}

/* [QC-3] A device without an id of its own is just "vfio". */
bool migp_section_names_vfio(const void *idstr, size_t size)
{
    const uint8_t *bytes = idstr;

    return (size == 4 && memcmp(bytes, "vfio", 4) == 0) ||
           (size >= 5 && memcmp(bytes + size - 5, "/vfio", 5) == 0);
}

static enum migp_section_content content_of(const uint8_t *idstr, size_t size)
{
    if (migp_section_names_vfio(idstr, size)) {
        return MIGP_CONTENT_VFIO;
    }
    return size == 3 && memcmp(idstr, "ram", 3) == 0 ? MIGP_CONTENT_RAM
                                                     : MIGP_CONTENT_OTHER;
}

static struct migp_section *make_section(const uint8_t *idstr, size_t size,
                                         const struct migp_decoder_options *how)
{
    struct migp_section *section = calloc(1, sizeof(*section));

    if (section == NULL) {
        return NULL;
    }
    section->content = content_of(idstr, size);
    memcpy(section->idstr, idstr, size);
    section->idstr_size = size;
    section->shown.idstr = section->idstr;
    if (section->content == MIGP_CONTENT_VFIO) {
        section->shown.is_vfio = 1;
        if (migp_decoder_new(&section->decoder, how, NULL) < 0) {
            free(section);
            return NULL;
        }
    }
    return section;
}

struct migp_section *
migp_section_add(struct migp_section_table *table, uint32_t section_id,
                 const uint8_t *idstr, size_t idstr_size,
                 const struct migp_decoder_options *decoder)
{
    size_t at = position_of(table, section_id);
    struct migp_section *section;

    if (!make_room(table)) {
        return NULL;
    }
    section = make_section(idstr, idstr_size, decoder);
    if (section == NULL) {
        return NULL;
    }
    section->shown.section_id = section_id;
    memmove(table->entries + at + 1, table->entries + at,
            (table->n - at) * sizeof(*table->entries));
    table->entries[at] = section;
    table->n++;
    return section;
}

void migp_section_table_free(struct migp_section_table *table)
{
    size_t i;

    for (i = 0; i < table->n; i++) {
        migp_decoder_free(table->entries[i]->decoder);
        free(table->entries[i]);
    }
    free(table->entries);
    memset(table, 0, sizeof(*table));
}
