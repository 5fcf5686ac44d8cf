/* SPDX-License-Identifier: MIT */
#include "mutate/table.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 64U

void migp_mutate_table_free(struct migp_mutate_table *table)
{
    free(table->units);
    free(table->fields);
    memset(table, 0, sizeof(*table));
}

void migp_mutate_table_clear(struct migp_mutate_table *table)
{
    table->n_units = 0;
    table->n_fields = 0;
    table->format = MIGP_MUTATE_BYTES;
    table->whole = false;
    table->rest = 0;
    table->full = false;
    table->full_offset = 0;
    table->no_memory = false;
}

/* Room for one more of size bytes; the bound is a multiple of FIRST_ROOM. */
static bool make_room(void **entries, uint32_t n, uint32_t *room, size_t size)
{
    uint32_t more = *room > 0 ? 2 * *room : FIRST_ROOM;
    void *grown;

    if (n < *room) {
        return true;
    }
    grown = realloc(*entries, more * size);
    if (grown == NULL) {
        return false;
    }
    *entries = grown;
    *room = more;
    return true;
}

uint32_t migp_mutate_add_unit(struct migp_mutate_table *table, const char *name,
                              uint32_t parent, size_t offset, size_t size)
{
    void *entries = table->units;
    struct migp_mutate_unit *unit;

    /* the last place is for what is left out */
    if (table->n_units >= MIGP_MUTATE_MAX_UNITS - 1 &&
        table->full_offset == 0 && !table->full) {
        table->full = true;
        table->full_offset = offset;
    }
    if (table->full || table->no_memory) {
        return MIGP_MUTATE_NONE;
    }
    if (!make_room(&entries, table->n_units, &table->unit_room,
                   sizeof(*unit))) {
        table->no_memory = true;
        return MIGP_MUTATE_NONE;
    }
    table->units = entries;
    unit = &table->units[table->n_units];
    unit->offset = offset;
    unit->size = size;
    unit->parent = parent;
    unit->sizer = MIGP_MUTATE_NONE;
    unit->name = name;
    unit->close = parent != MIGP_MUTATE_NONE;
    if (parent != MIGP_MUTATE_NONE) {
        table->units[parent].close = true;
    }
    return table->n_units++;
}

uint32_t migp_mutate_add_field(struct migp_mutate_table *table, uint32_t unit,
                               enum migp_mutate_role role, const char *name,
                               size_t offset, size_t size)
{
    void *entries = table->fields;
    struct migp_mutate_field *field;

    if (unit == MIGP_MUTATE_NONE || table->no_memory ||
        table->n_fields == MIGP_MUTATE_MAX_FIELDS) {
        return MIGP_MUTATE_NONE;
    }
    if (!make_room(&entries, table->n_fields, &table->field_room,
                   sizeof(*field))) {
        table->no_memory = true;
        return MIGP_MUTATE_NONE;
    }
    table->fields = entries;
    field = &table->fields[table->n_fields];
    field->offset = offset;
    field->size = size;
    field->unit = unit;
    field->link = MIGP_MUTATE_NONE;
    field->role = role;
    field->little_endian = false;
    field->name = name;
    return table->n_fields++;
}

void migp_mutate_add_bytes(struct migp_mutate_table *table, uint32_t unit,
                           enum migp_mutate_role role, const char *name,
                           size_t offset, size_t size, uint32_t link)
{
    uint32_t field;

    if (size == 0 && link == MIGP_MUTATE_NONE) {
        return;
    }
    field = migp_mutate_add_field(table, unit, role, name, offset, size);
    if (field != MIGP_MUTATE_NONE) {
        table->fields[field].link = link;
    }
}
