/* SPDX-License-Identifier: MIT */
#include "mutate/operation.h"

/*
 * What moves units. To break the framing, either nobody tells the numbers
 * around a unit, or it is a field that goes, not the unit.
 */

static void splice(struct migp_draw *draw, size_t at, size_t remove,
                   size_t from, size_t insert, uint32_t inside)
{
    struct migp_edit *edit = &draw->edit;
    struct migp_splice *own = &edit->splices[edit->n_splices++];

    own->at = at;
    own->remove = remove;
    own->from = from;
    own->period = insert;
    own->insert = insert;
    own->sizer = MIGP_MUTATE_NONE;
    own->inside = inside;
}

/* A unit, and with it whether one is to be taken: to break something that
 * nobody counts, a field has to be. */
static bool take_unit(struct migp_draw *draw)
{
    const struct migp_mutate_table *table = draw->table;

    draw->unit = migp_mutate_pick_unit(draw);
    if (draw->unit == MIGP_MUTATE_NONE) {
        return false;
    }
    return draw->keep ||
           (migp_mutate_is_counted(table, table->units[draw->unit].parent) &&
            migp_random_one_in(draw->random, 2));
}

static bool take_field(struct migp_draw *draw)
{
    draw->field = migp_mutate_pick_field(draw, MIGP_ROLES_ALL);
    if (draw->keep || draw->field == MIGP_MUTATE_NONE) {
        return false;
    }
    draw->unit = draw->table->fields[draw->field].unit;
    return true;
}

/* Two places change their bytes; both are apart. */
static void exchange(struct migp_draw *draw, size_t left, size_t left_size,
                     uint32_t left_inside, size_t right, size_t right_size,
                     uint32_t right_inside)
{
    if (left < right) {
        splice(draw, left, left_size, right, right_size, left_inside);
        splice(draw, right, right_size, left, left_size, right_inside);
    } else {
        splice(draw, right, right_size, left, left_size, right_inside);
        splice(draw, left, left_size, right, right_size, left_inside);
    }
}

static bool swap_fields(struct migp_draw *draw)
{
    const struct migp_mutate_field *left, *right;
    uint32_t other;

    if (!take_field(draw)) {
        return false;
    }
    left = &draw->table->fields[draw->field];
    other = migp_mutate_pick_field(draw, migp_random_one_in(draw->random, 2)
                                             ? MIGP_ROLES_ALL
                                             : 1U << left->role);
    if (other == MIGP_MUTATE_NONE) {
        return false;
    }
    right = &draw->table->fields[other];
    if (left->offset + left->size > right->offset &&
        right->offset + right->size > left->offset) {
        return false;
    }
    exchange(draw, left->offset, left->size, MIGP_MUTATE_NONE, right->offset,
             right->size, MIGP_MUTATE_NONE);
    return true;
}

bool migp_mutate_swap(struct migp_draw *draw)
{
    const struct migp_mutate_unit *units = draw->table->units;
    const struct migp_mutate_unit *left, *right;
    uint32_t other;

    if (!take_unit(draw)) {
        return swap_fields(draw);
    }
    other = migp_mutate_pick_other(draw, draw->unit);
    if (other == MIGP_MUTATE_NONE) {
        return false;
    }
    left = &units[draw->unit];
    right = &units[other];
    exchange(draw, left->offset, left->size, left->parent, right->offset,
             right->size, right->parent);
    return true;
}

bool migp_mutate_drop(struct migp_draw *draw)
{
    if (take_unit(draw)) {
        const struct migp_mutate_unit *unit = &draw->table->units[draw->unit];

        splice(draw, unit->offset, unit->size, 0, 0, unit->parent);
        return true;
    }
    if (take_field(draw)) {
        const struct migp_mutate_field *field =
            &draw->table->fields[draw->field];

        splice(draw, field->offset, field->size, 0, 0, MIGP_MUTATE_NONE);
        return true;
    }
    return false;
}

/* A copy of a unit, or of a field, where a field of any unit begins. */
static bool repeat_inside(struct migp_draw *draw, size_t from, size_t size)
{
    uint32_t place = migp_mutate_pick_field(draw, MIGP_ROLES_ALL);

    if (place == MIGP_MUTATE_NONE) {
        return false;
    }
    splice(draw, draw->table->fields[place].offset, 0, from, size,
           MIGP_MUTATE_NONE);
    return true;
}

bool migp_mutate_repeat(struct migp_draw *draw)
{
    const struct migp_mutate_unit *units = draw->table->units;
    const struct migp_mutate_unit *unit;
    size_t at;
    uint32_t other;

    if (!draw->keep && take_field(draw) &&
        migp_random_one_in(draw->random, 2)) {
        const struct migp_mutate_field *field =
            &draw->table->fields[draw->field];

        return repeat_inside(draw, field->offset, field->size);
    }
    draw->field = MIGP_MUTATE_NONE;
    draw->unit = migp_mutate_pick_unit(draw);
    if (draw->unit == MIGP_MUTATE_NONE) {
        return false;
    }
    unit = &units[draw->unit];
    if (!draw->keep) {
        return repeat_inside(draw, unit->offset, unit->size);
    }
    at = unit->offset + unit->size;
    other = migp_mutate_pick_other(draw, draw->unit);
    if (other != MIGP_MUTATE_NONE && migp_random_one_in(draw->random, 2)) {
        at = units[other].offset;
        splice(draw, at, 0, unit->offset, unit->size, units[other].parent);
    } else {
        splice(draw, at, 0, unit->offset, unit->size, unit->parent);
    }
    return true;
}

static bool is_top(const struct migp_mutate_table *table, size_t offset)
{
    uint32_t i;

    for (i = 0; i < table->n_units; i++) {
        if (table->units[i].parent == MIGP_MUTATE_NONE &&
            table->units[i].offset == offset) {
            return true;
        }
    }
    return false;
}

/* At the start of a unit at the top, or inside one. */
bool migp_mutate_cut(struct migp_draw *draw)
{
    size_t size = draw->input->size;
    size_t at;

    if (draw->keep) {
        draw->unit = migp_mutate_pick_unit(draw);
        if (draw->unit == MIGP_MUTATE_NONE ||
            draw->table->units[draw->unit].parent != MIGP_MUTATE_NONE) {
            return false;
        }
        at = draw->table->units[draw->unit].offset;
        if (at == 0) {
            return false;
        }
    } else {
        const struct migp_mutate_field *field;

        if (!take_field(draw)) {
            return false;
        }
        field = &draw->table->fields[draw->field];
        at = field->offset +
             (size_t)migp_random_below(draw->random, field->size);
        if (is_top(draw->table, at)) {
            return false;
        }
    }
    splice(draw, at, size - at, 0, 0, MIGP_MUTATE_NONE);
    return true;
}
