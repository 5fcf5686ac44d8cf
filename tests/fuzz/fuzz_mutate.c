/* SPDX-License-Identifier: MIT */

/*
 * The mutator, on any bytes with any options: it stays in its room, it does
 * the same again, and what came apart to its end still does if it is to.
 */

#include "fuzz/check.h"

#include "mutate/take_apart.h"

#include <migproto/mutate.h>
#include <stdlib.h>
#include <string.h>

static struct migp_mutate_options choose(const uint8_t *bytes, size_t size)
{
    struct migp_mutate_options options;
    uint8_t how = fuzz_choice(bytes, size, 1);

    migp_mutate_options_init(&options);
    options.operations = fuzz_choice(bytes, size, 0) & MIGP_MUTATE_ALL;
    options.operations |= options.operations == 0 ? MIGP_MUTATE_ALL : 0;
    options.framing = how % 3;
    options.count = how >> 2 & 15u;
    options.page_size = how & 64 ? 65536 : 4096;
    options.seed = fuzz_choice(bytes, size, 2);
    return options;
}

static bool is_whole(const uint8_t *bytes, size_t size, uint32_t page_size,
                     enum migp_mutate_format *format)
{
    const struct migp_mutate_input input = {bytes, size, page_size};
    struct migp_mutate_table table;
    bool whole;

    memset(&table, 0, sizeof(table));
    FUZZ_CHECK(migp_mutate_take_apart(&table, &input) == MIGP_OK);
    FUZZ_CHECK(table.n_units <= MIGP_MUTATE_MAX_UNITS);
    whole = table.whole;
    *format = table.format;
    migp_mutate_table_free(&table);
    return whole;
}

static size_t mutate(const struct feeding *feeding, uint8_t *out, size_t room,
                     const struct migp_mutate_options *options)
{
    struct migp_mutation_done done[64];
    size_t n, i;
    migp_ssize got = migp_mutate(feeding->bytes, feeding->size, out, room,
                                 options, done, 64, &n);

    FUZZ_CHECK(got >= 0 && (size_t)got <= room);
    FUZZ_CHECK(n <= 64 && (options->count == 0 || n <= options->count));
    for (i = 0; i < n; i++) {
        FUZZ_CHECK((done[i].operation & options->operations) != 0);
        FUZZ_CHECK(strcmp(migp_mutation_id(done[i].operation), "unknown") != 0);
        FUZZ_CHECK(done[i].framing == MIGP_MUTATE_FRAMING_KEEP ||
                   done[i].framing == MIGP_MUTATE_FRAMING_BREAK);
        FUZZ_CHECK(options->framing == MIGP_MUTATE_FRAMING_ANY ||
                   done[i].framing == options->framing);
    }
    return (size_t)got;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct feeding feeding = fuzz_whole(bytes, size);
    struct migp_mutate_options options = choose(bytes, size);
    uint8_t slack = fuzz_choice(bytes, size, 3);
    /* less than the input, or more */
    size_t room = slack < 128 ? feeding.size / 128 * slack + 1
                              : feeding.size + 16 * (size_t)(slack - 127);
    enum migp_mutate_format before, after;
    uint8_t *first = malloc(room);
    uint8_t *again = malloc(room);
    size_t got;

    FUZZ_CHECK(first != NULL && again != NULL);
    got = mutate(&feeding, first, room, &options);
    FUZZ_CHECK(mutate(&feeding, again, room, &options) == got);
    FUZZ_CHECK(memcmp(first, again, got) == 0);
    if (options.framing == MIGP_MUTATE_FRAMING_KEEP && room >= feeding.size &&
        is_whole(feeding.bytes, feeding.size, options.page_size, &before)) {
        FUZZ_CHECK(is_whole(first, got, options.page_size, &after));
        FUZZ_CHECK(before == after);
    }
    free(first);
    free(again);
    return 0;
}
