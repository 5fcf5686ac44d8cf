/* SPDX-License-Identifier: MIT */
#include "mutate/operation.h"

/*
 * What a mutation is done to. Half of the time only what is of a device's
 * state is looked at: in a virtual machine's stream that is the smaller part.
 */

/* Number of the candidate, counted among those that fit. */
static uint64_t draw_one(struct migp_draw *draw, uint64_t n_close,
                         uint64_t n_all, bool *close)
{
    *close = n_close > 0 && migp_random_one_in(draw->random, 2);
    return migp_random_below(draw->random, *close ? n_close : n_all);
}

static bool fits(const struct migp_mutate_table *table,
                 const struct migp_mutate_field *field, uint32_t roles,
                 bool close)
{
    return (roles >> field->role & 1U) != 0 && field->size > 0 &&
           (!close || table->units[field->unit].close);
}

uint32_t migp_mutate_pick_field(struct migp_draw *draw, uint32_t roles)
{
    const struct migp_mutate_table *table = draw->table;
    uint64_t n_all = 0, n_close = 0, number;
    uint32_t at;
    bool close;

    for (at = 0; at < table->n_fields; at++) {
        n_all += fits(table, &table->fields[at], roles, false) ? 1 : 0;
        n_close += fits(table, &table->fields[at], roles, true) ? 1 : 0;
    }
    if (n_all == 0) {
        return MIGP_MUTATE_NONE;
    }
    number = draw_one(draw, n_close, n_all, &close);
    for (at = 0; at < table->n_fields; at++) {
        if (fits(table, &table->fields[at], roles, close) && number-- == 0) {
            break;
        }
    }
    return at;
}

uint32_t migp_mutate_pick_unit(struct migp_draw *draw)
{
    const struct migp_mutate_table *table = draw->table;
    uint64_t n_close = 0, number;
    uint32_t at;
    bool close;

    if (table->n_units == 0) {
        return MIGP_MUTATE_NONE;
    }
    for (at = 0; at < table->n_units; at++) {
        n_close += table->units[at].close ? 1 : 0;
    }
    number = draw_one(draw, n_close, table->n_units, &close);
    for (at = 0; at < table->n_units; at++) {
        if ((!close || table->units[at].close) && number-- == 0) {
            break;
        }
    }
    return at;
}

static bool apart(const struct migp_mutate_unit *left,
                  const struct migp_mutate_unit *right)
{
    return left->offset + left->size <= right->offset ||
           right->offset + right->size <= left->offset;
}

uint32_t migp_mutate_pick_other(struct migp_draw *draw, uint32_t unit)
{
    const struct migp_mutate_table *table = draw->table;
    const struct migp_mutate_unit *own = &table->units[unit];
    uint64_t n_all = 0, n_near = 0, number;
    uint32_t at;
    bool near;

    for (at = 0; at < table->n_units; at++) {
        if (apart(own, &table->units[at])) {
            n_all++;
            n_near += table->units[at].parent == own->parent ? 1 : 0;
        }
    }
    if (n_all == 0) {
        return MIGP_MUTATE_NONE;
    }
    near = n_near > 0 && !migp_random_one_in(draw->random, 4);
    number = migp_random_below(draw->random, near ? n_near : n_all);
    for (at = 0; at < table->n_units; at++) {
        if (apart(own, &table->units[at]) &&
            (!near || table->units[at].parent == own->parent) &&
            number-- == 0) {
            break;
        }
    }
    return at;
}

bool migp_mutate_is_counted(const struct migp_mutate_table *table,
                            uint32_t unit)
{
    while (unit != MIGP_MUTATE_NONE) {
        if (table->units[unit].sizer != MIGP_MUTATE_NONE) {
            return true;
        }
        unit = table->units[unit].parent;
    }
    return false;
}
