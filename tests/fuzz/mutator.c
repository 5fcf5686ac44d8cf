/* SPDX-License-Identifier: MIT */

/*
 * libFuzzer's mutator for targets whose input begins with FUZZ_HEAD bytes that
 * say how to feed it: those are left to libFuzzer, the stream behind them is
 * mutated as a stream. Where several streams are behind one another, with
 * FUZZ_PART between them, it is one of them.
 *
 * libFuzzer's own mutations stay in the game: they know what the code under
 * test compares its input with. MIGP_FUZZ_PLAIN=1 leaves only those, to see
 * what the difference is.
 */

#include "fuzz/check.h"

#include "mutate/edit.h"
#include "mutate/random.h"

#include <migproto/mutate.h>
#include <stdlib.h>
#include <string.h>

/* What is longer is made shorter first: short inputs run more often. */
#define LONG 2048

size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t max_size,
                               unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *left, size_t left_size,
                                 const uint8_t *right, size_t right_size,
                                 uint8_t *out, size_t max_size,
                                 unsigned int seed);

static bool is_plain(void)
{
    static int plain = -1;

    if (plain < 0) {
        plain = getenv("MIGP_FUZZ_PLAIN") != NULL;
    }
    return plain != 0;
}

static size_t any_part(const uint8_t *bytes, size_t size,
                       struct migp_random *random, size_t *from)
{
    size_t count = fuzz_part_count(bytes, size);

    return fuzz_part(bytes, size, (size_t)migp_random_below(random, count),
                     from);
}

/* Leave a run of units out; in place. */
static size_t thin(uint8_t *bytes, size_t size, struct migp_random *random)
{
    const struct migp_mutate_input input = {bytes, size, 4096};
    struct migp_mutate_table table;
    size_t from, to;

    memset(&table, 0, sizeof(table));
    FUZZ_CHECK(migp_mutate_take_apart(&table, &input) == MIGP_OK);
    from = table.units[migp_random_below(random, table.n_units)].offset;
    to = table.units[migp_random_below(random, table.n_units)].offset;
    migp_mutate_table_free(&table);
    if (to < from) {
        size_t swapped = to;

        to = from;
        from = swapped;
    }
    memmove(bytes + from, bytes + to, size - to);
    return size - (to - from);
}

static size_t mutate(const uint8_t *bytes, size_t size, uint8_t *out,
                     size_t room, struct migp_random *random)
{
    struct migp_mutate_options options;
    uint8_t *own = malloc(size + 1);
    migp_ssize got;
    int rounds;

    FUZZ_CHECK(own != NULL);
    memcpy(own, bytes, size);
    for (rounds = 0; size > LONG && rounds < 16; rounds++) {
        size = thin(own, size, random);
    }
    migp_mutate_options_init(&options);
    options.seed = migp_random_next(random);
    options.count = migp_random_one_in(random, 4) ? 0 : 1; /* one is faster */
    got = migp_mutate(own, size, out, room, &options, NULL, 0, NULL);
    FUZZ_CHECK(got >= 0 && (size_t)got <= room);
    free(own);
    return (size_t)got;
}

static size_t mutate_part(uint8_t *bytes, size_t size, size_t max_size,
                          struct migp_random *random)
{
    size_t from, part = any_part(bytes, size, random, &from);
    size_t room = max_size - (size - part);
    uint8_t *out;
    size_t got;

    room = room < 2 * part + LONG ? room : 2 * part + LONG;
    if (room == 0) {
        return size;
    }
    out = malloc(room);
    FUZZ_CHECK(out != NULL);
    got = mutate(bytes + from, part, out, room, random);
    memmove(bytes + from + got, bytes + from + part, size - from - part);
    memcpy(bytes + from, out, got);
    free(out);
    return size - part + got;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t max_size,
                               unsigned int seed)
{
    struct migp_random random = {seed};

    if (is_plain() || size <= FUZZ_HEAD || size > max_size ||
        migp_random_one_in(&random, 2)) {
        return LLVMFuzzerMutate(bytes, size, max_size);
    }
    size = mutate_part(bytes, size, max_size, &random);
    if (migp_random_one_in(&random, 4)) {
        (void)LLVMFuzzerMutate(bytes, FUZZ_HEAD, FUZZ_HEAD);
    }
    if (migp_random_one_in(&random, 4)) {
        size = LLVMFuzzerMutate(bytes, size, max_size);
    }
    return size;
}

/*
 * A unit of the right stream goes before one of the left, or in its place.
 * Both lie one behind the other in joined, so that one edit can do it: the
 * other splice takes the right one away again.
 */
static bool join(struct migp_edit *edit, const struct migp_mutate_table *left,
                 const struct migp_mutate_table *right, size_t left_size,
                 size_t right_size, struct migp_random *random)
{
    const struct migp_mutate_unit *to, *from;
    struct migp_splice *splice = &edit->splices[0];

    if (left->n_units == 0 || right->n_units == 0) {
        return false;
    }
    to = &left->units[migp_random_below(random, left->n_units)];
    from = &right->units[migp_random_below(random, right->n_units)];
    memset(edit, 0, sizeof(*edit));
    edit->n_splices = 2;
    splice->at = to->offset;
    splice->remove = migp_random_one_in(random, 2) ? to->size : 0;
    splice->from = left_size + from->offset;
    splice->period = splice->insert = from->size;
    splice->sizer = MIGP_MUTATE_NONE;
    splice->inside = to->parent;
    edit->splices[1].at = left_size;
    edit->splices[1].remove = right_size;
    edit->splices[1].sizer = edit->splices[1].inside = MIGP_MUTATE_NONE;
    return true;
}

static size_t cross(const struct migp_mutate_input *joined, size_t left_size,
                    uint8_t *out, size_t room, struct migp_random *random)
{
    const struct migp_mutate_input right = {joined->bytes + left_size,
                                            joined->size - left_size, 4096};
    const struct migp_mutate_input left = {joined->bytes, left_size, 4096};
    struct migp_mutate_table tables[2];
    size_t size = SIZE_MAX;
    struct migp_edit edit;

    memset(tables, 0, sizeof(tables));
    FUZZ_CHECK(migp_mutate_take_apart(&tables[0], &left) == MIGP_OK);
    FUZZ_CHECK(migp_mutate_take_apart(&tables[1], &right) == MIGP_OK);
    if (join(&edit, &tables[0], &tables[1], left_size, right.size, random) &&
        migp_edit_follow(&edit, &tables[0], joined)) {
        size = migp_edit_apply(&edit, joined, out, room);
    }
    migp_mutate_table_free(&tables[0]);
    migp_mutate_table_free(&tables[1]);
    return size;
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *left, size_t left_size,
                                 const uint8_t *right, size_t right_size,
                                 uint8_t *out, size_t max_size,
                                 unsigned int seed)
{
    struct migp_random random = {seed};
    struct migp_mutate_input joined = {NULL, 0, 4096};
    size_t left_from, right_from, before, after, size;
    uint8_t *bytes;

    if (is_plain() || left_size <= FUZZ_HEAD || right_size <= FUZZ_HEAD ||
        left_size > max_size) {
        return 0;
    }
    before = any_part(left, left_size, &random, &left_from);
    after = any_part(right, right_size, &random, &right_from);
    bytes = malloc(before + after + 1);
    FUZZ_CHECK(bytes != NULL);
    memcpy(bytes, left + left_from, before);
    memcpy(bytes + before, right + right_from, after);
    joined.bytes = bytes;
    joined.size = before + after;
    size = cross(&joined, before, out + left_from,
                 max_size - (left_size - before), &random);
    free(bytes);
    if (size == SIZE_MAX) {
        return 0;
    }
    memcpy(out, left, left_from);
    memcpy(out + left_from + size, left + left_from + before,
           left_size - left_from - before);
    return left_size - before + size;
}
