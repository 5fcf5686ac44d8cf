/* SPDX-License-Identifier: MIT */
#include "mutate/operation.h"
#include "stream/tag.h"

/* What changes values: sizes, tags and the like, bits. */

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* Limits of readers and of what they count with, and their neighbours. */
static const uint64_t sizes[] = {
    0,
    1,
    2,
    7,
    8,
    16,
    UINT64_C(0x7f),
    UINT64_C(0xff),
    UINT64_C(0x7fff),
    UINT64_C(0xffff),
    4096,
    65536,
    65537,
    UINT64_C(1) << 20,
    (UINT64_C(1) << 30) + 1,
    UINT64_C(0x7fffffff),
    UINT64_C(1) << 31,
    UINT64_C(0xfffffff3), /* with a packet's own 12 bytes it is 2^32 - 1 */
    UINT64_C(0xfffffffe),
    UINT64_C(0xffffffff),
    UINT64_C(1) << 32,
    UINT64_C(1) << 40,
    (UINT64_C(1) << 40) + 1,
    UINT64_C(0x7fffffffffffffff),
    UINT64_C(1) << 63,
    UINT64_C(0xfffffffffffffff0),
    UINT64_MAX,
};

static const uint64_t flags[] = {0, 1, 2, 0x3e, 0x40, 0x41, 0x7f, UINT64_MAX};

/* What another field that is used alike says. */
static uint64_t of_other(struct migp_draw *draw, uint32_t role)
{
    uint32_t other = migp_mutate_pick_field(draw, 1U << role);

    return other != MIGP_MUTATE_NONE &&
                   migp_mutate_is_number(&draw->table->fields[other])
               ? migp_mutate_load(draw->input, &draw->table->fields[other])
               : 0;
}

static uint64_t any_size(struct migp_draw *draw,
                         const struct migp_mutate_field *field)
{
    uint64_t old = migp_mutate_load(draw->input, field);
    uint64_t left = draw->input->size - field->offset - field->size;

    switch (migp_random_below(draw->random, 8)) {
    case 0:
        return old - 1;
    case 1:
        return old + 1;
    case 2:
        return left + migp_random_below(draw->random, 3) - 1;
    case 3:
        return migp_random_one_in(draw->random, 2) ? old / 2 : old * 2;
    case 4:
        return of_other(draw, MIGP_ROLE_SIZE);
    case 5:
        return old + migp_random_below(draw->random, 64) - 32;
    default:
        return sizes[migp_random_below(draw->random, N(sizes))];
    }
}

static uint64_t any_id(struct migp_draw *draw,
                       const struct migp_mutate_field *field)
{
    uint64_t old = migp_mutate_load(draw->input, field);

    switch (migp_random_below(draw->random, 6)) {
    case 0:
        return old + 1;
    case 1:
        return old - 1;
    case 2:
        return migp_random_below(draw->random, 4);
    case 3: /* the last of them, and those before: indices have a bound */
        return UINT64_MAX - migp_random_below(draw->random, 3);
    case 4:
        return (UINT64_C(1) << 20) - migp_random_below(draw->random, 2);
    default:
        return of_other(draw, field->role);
    }
}

/* All tags, and one number to each side of them. */
static uint64_t any_tag(struct migp_draw *draw)
{
    uint64_t number = migp_random_below(draw->random, 8);

    return migp_random_one_in(draw->random, 4) ? of_other(draw, MIGP_ROLE_TAG)
                                               : MIGP_TAG_BASE + number;
}

static uint64_t any_value(struct migp_draw *draw,
                          const struct migp_mutate_field *field)
{
    bool usual = !migp_random_one_in(draw->random, 8);

    switch (field->role) {
    case MIGP_ROLE_TAG:
        return usual ? any_tag(draw) : migp_random_next(draw->random);
    case MIGP_ROLE_BYTE: /* 0 to 8 start something, 0x7e is the footer */
        return usual ? migp_random_below(draw->random, 9)
                     : 0x7e + migp_random_below(draw->random, 2);
    case MIGP_ROLE_COMMAND: /* 1 to 11 are known */
        return usual ? migp_random_below(draw->random, 13) : UINT64_MAX;
    case MIGP_ROLE_FLAGS:
        return migp_random_one_in(draw->random, 2)
                   ? flags[migp_random_below(draw->random, N(flags))]
                   : migp_mutate_load(draw->input, field) ^
                         UINT64_C(1) << migp_random_below(draw->random, 8);
    case MIGP_ROLE_SIZE:
        return any_size(draw, field);
    default:
        return any_id(draw, field);
    }
}

/* A size lies, or the payload behind it has another one. */
static bool resize_number(struct migp_draw *draw)
{
    const struct migp_mutate_field *field;

    draw->field = migp_mutate_pick_field(draw, 1U << MIGP_ROLE_SIZE);
    if (draw->field == MIGP_MUTATE_NONE) {
        return false;
    }
    field = &draw->table->fields[draw->field];
    draw->unit = field->unit;
    return migp_edit_store(&draw->edit, field, any_value(draw, field));
}

static size_t any_growth(struct migp_draw *draw, size_t size)
{
    static const size_t steps[] = {1, 2, 7, 8, 16, 64, 256, 4096};

    return migp_random_one_in(draw->random, 4)
               ? size
               : steps[migp_random_below(draw->random, N(steps))];
}

bool migp_mutate_resize(struct migp_draw *draw)
{
    const uint32_t roles = 1U << MIGP_ROLE_NAME | 1U << MIGP_ROLE_PAYLOAD;
    const struct migp_mutate_field *field;
    struct migp_splice *splice = &draw->edit.splices[0];
    size_t change;

    if (!draw->keep && !migp_random_one_in(draw->random, 4)) {
        return resize_number(draw);
    }
    draw->field = migp_mutate_pick_field(draw, roles);
    if (draw->field == MIGP_MUTATE_NONE) {
        return false;
    }
    field = &draw->table->fields[draw->field];
    draw->unit = field->unit;
    splice->sizer = field->link;
    splice->inside = draw->table->units[field->unit].parent;
    if (!draw->keep && splice->sizer == MIGP_MUTATE_NONE &&
        !migp_mutate_is_counted(draw->table, splice->inside)) {
        return resize_number(draw);
    }
    draw->edit.n_splices = 1;
    change = any_growth(draw, field->size);
    if (migp_random_one_in(draw->random, 2)) { /* the end is doubled */
        splice->at = field->offset + field->size;
        splice->insert = change;
        splice->from = field->offset;
        splice->period = migp_random_one_in(draw->random, 4) ? 0 : field->size;
        return true;
    }
    splice->remove = change < field->size ? change : field->size;
    splice->at = field->offset + field->size - splice->remove;
    return true;
}

bool migp_mutate_retag(struct migp_draw *draw)
{
    uint32_t roles = 1U << MIGP_ROLE_TAG | 1U << MIGP_ROLE_BYTE |
                     1U << MIGP_ROLE_COMMAND | 1U << MIGP_ROLE_FLAGS |
                     1U << MIGP_ROLE_INDEX | 1U << MIGP_ROLE_ID;
    const struct migp_mutate_field *field;
    uint64_t value;

    if (!draw->keep) {
        roles |= 1U << MIGP_ROLE_FOOTER;
    }
    draw->field = migp_mutate_pick_field(draw, roles);
    if (draw->field == MIGP_MUTATE_NONE ||
        !migp_mutate_is_number(&draw->table->fields[draw->field])) {
        return false;
    }
    field = &draw->table->fields[draw->field];
    draw->unit = field->unit;
    value = any_value(draw, field);
    if (!migp_edit_store(&draw->edit, field, value)) {
        return false;
    }
    return !draw->keep || field->link == MIGP_MUTATE_NONE ||
           migp_edit_store(&draw->edit, &draw->table->fields[field->link],
                           value);
}

/* One bit, or a few, or a byte; close together. */
bool migp_mutate_flip(struct migp_draw *draw)
{
    const struct migp_mutate_field *field;
    size_t at, i, count;

    draw->field = migp_mutate_pick_field(draw, draw->keep ? MIGP_ROLES_CONTENT
                                                          : MIGP_ROLES_FRAMING);
    if (draw->field == MIGP_MUTATE_NONE) {
        draw->field = migp_mutate_pick_field(draw, MIGP_ROLES_ALL);
    }
    if (draw->field == MIGP_MUTATE_NONE) {
        return false;
    }
    field = &draw->table->fields[draw->field];
    draw->unit = field->unit;
    at = (size_t)migp_random_below(draw->random, field->size);
    /* what counts is mostly at the start: heads, magics, capabilities */
    if (migp_random_one_in(draw->random, 2)) {
        at = (size_t)migp_random_below(draw->random, at + 1);
    }
    count = migp_random_one_in(draw->random, 4)
                ? 1 + (size_t)migp_random_below(draw->random, 4)
                : 1;
    for (i = 0; i < count && at + i < field->size; i++) {
        size_t offset = field->offset + at + i;
        uint8_t bits =
            migp_random_one_in(draw->random, 2)
                ? (uint8_t)(1U << migp_random_below(draw->random, 8))
                : (uint8_t)(1 + migp_random_below(draw->random, 255));

        (void)migp_edit_store_byte(&draw->edit, offset,
                                   draw->input->bytes[offset] ^ bits);
    }
    return true;
}
