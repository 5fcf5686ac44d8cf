/* SPDX-License-Identifier: MIT */
#include "core/options.h"
#include "mutate/operation.h"

#include <stdlib.h>
#include <string.h>

#define MAX_COUNT 64U
#define TRIES 24
#define PAGE_SIZE_MIN 1024U
#define PAGE_SIZE_MAX 65536U
#define N_OPERATIONS 7

struct operation {
    const char *id;
    migp_operation draw;
};

/* By the number of their bit. */
static const struct operation operations[N_OPERATIONS] = {
    {"swap", migp_mutate_swap},     {"drop", migp_mutate_drop},
    {"repeat", migp_mutate_repeat}, {"resize", migp_mutate_resize},
    {"retag", migp_mutate_retag},   {"cut", migp_mutate_cut},
    {"flip", migp_mutate_flip},
};

/* One call. Of the two tables one is the input's, the other a result's that is
 * looked at. */
struct mutator {
    struct migp_mutate_options options;
    struct migp_random random;
    struct migp_mutate_table tables[2];
    unsigned now; /* which table is the input's */
    struct migp_mutate_input input;
    size_t room;
    struct migp_mutation_done done;
};

void migp_mutate_options_init(struct migp_mutate_options *options)
{
    if (options != NULL) {
        memset(options, 0, sizeof(*options));
        options->struct_size = sizeof(*options);
        options->operations = MIGP_MUTATE_ALL;
        options->page_size = 4096;
    }
}

const char *migp_mutation_id(uint32_t operation)
{
    unsigned i;

    for (i = 0; i < N_OPERATIONS; i++) {
        if (operation == 1U << i) {
            return operations[i].id;
        }
    }
    return "unknown";
}

static bool options_good(const struct migp_mutate_options *options)
{
    uint32_t page_size = options->page_size;

    return options->operations != 0 &&
           (options->operations & ~(uint32_t)MIGP_MUTATE_ALL) == 0 &&
           options->framing <= MIGP_MUTATE_FRAMING_BREAK &&
           options->count <= MAX_COUNT && page_size >= PAGE_SIZE_MIN &&
           page_size <= PAGE_SIZE_MAX && (page_size & (page_size - 1)) == 0;
}

static unsigned draw_operation(struct mutator *mutator)
{
    unsigned operation;

    do {
        operation = (unsigned)migp_random_below(&mutator->random, N_OPERATIONS);
    } while ((mutator->options.operations >> operation & 1U) == 0);
    return operation;
}

static bool draw_keep(struct mutator *mutator)
{
    return mutator->options.framing == MIGP_MUTATE_FRAMING_ANY
               ? migp_random_one_in(&mutator->random, 2)
               : mutator->options.framing == MIGP_MUTATE_FRAMING_KEEP;
}

static void describe(struct mutator *mutator, const struct migp_draw *draw,
                     unsigned operation)
{
    const struct migp_mutate_table *table = draw->table;
    const struct migp_mutate_unit *unit = &table->units[draw->unit];

    mutator->done.operation = 1U << operation;
    mutator->done.framing =
        draw->keep ? MIGP_MUTATE_FRAMING_KEEP : MIGP_MUTATE_FRAMING_BREAK;
    mutator->done.unit = unit->name;
    mutator->done.offset = unit->offset;
    mutator->done.size = unit->size;
    mutator->done.field = "";
    if (draw->field != MIGP_MUTATE_NONE) {
        const struct migp_mutate_field *field = &table->fields[draw->field];

        mutator->done.offset = field->offset;
        mutator->done.size = field->size;
        mutator->done.field = field->name;
    }
}

/* One draw. Returns the size of what it made in out, SIZE_MAX if it made
 * nothing. */
static size_t draw_once(struct mutator *mutator, uint8_t *out)
{
    struct migp_draw draw = {.table = &mutator->tables[mutator->now],
                             .input = &mutator->input,
                             .random = &mutator->random,
                             .unit = MIGP_MUTATE_NONE,
                             .field = MIGP_MUTATE_NONE};
    unsigned operation = draw_operation(mutator);

    draw.keep = draw_keep(mutator);
    if (!operations[operation].draw(&draw) ||
        (draw.keep && !migp_edit_follow(&draw.edit, draw.table, draw.input))) {
        return SIZE_MAX;
    }
    describe(mutator, &draw, operation);
    return migp_edit_apply(&draw.edit, &mutator->input, out, mutator->room);
}

/*
 * Does a result come apart as well as the input did? Where the input does not
 * to its end, no more may be lost than what was added.
 */
static bool as_good(const struct migp_mutate_table *before, size_t before_size,
                    const struct migp_mutate_table *after, size_t after_size)
{
    size_t more = after_size > before_size ? after_size - before_size : 0;

    return after->format == before->format &&
           (before->whole ? after->whole : after->rest <= before->rest + more);
}

/* One mutation into out. Where the framing is to be kept and the result does
 * not show it, another draw is made. */
static int mutate_once(struct mutator *mutator, uint8_t *out, size_t *size)
{
    const struct migp_mutate_table *before = &mutator->tables[mutator->now];
    struct migp_mutate_table *after = &mutator->tables[1 - mutator->now];
    unsigned i;

    for (i = 0; i < TRIES; i++) {
        struct migp_mutate_input result = mutator->input;
        int code;

        *size = draw_once(mutator, out);
        if (*size == SIZE_MAX) {
            continue;
        }
        if (mutator->done.framing == MIGP_MUTATE_FRAMING_BREAK) {
            return MIGP_OK;
        }
        result.bytes = out;
        result.size = *size;
        code = migp_mutate_take_apart(after, &result);
        if (code < 0 || as_good(before, mutator->input.size, after, *size)) {
            return code;
        }
    }
    *size = SIZE_MAX;
    return MIGP_OK;
}

/* All of them, back and forth between out and scratch. Gives the size of what
 * is in *last then, which is the input if nothing was done. */
static migp_ssize mutate_all(struct mutator *mutator, uint8_t *out,
                             uint8_t *scratch, uint32_t count,
                             struct migp_mutation_done *done, size_t max_done,
                             size_t *n_done, const uint8_t **last)
{
    uint8_t *to = out;
    uint32_t i;

    for (i = 0; i < count; i++) {
        struct migp_mutate_table *table = &mutator->tables[mutator->now];
        size_t size = SIZE_MAX;
        int code = migp_mutate_take_apart(table, &mutator->input);

        if (code == MIGP_OK) {
            code = mutate_once(mutator, to, &size);
        }
        if (code < 0) {
            return code;
        }
        if (size == SIZE_MAX) {
            continue;
        }
        if (*n_done < max_done) {
            done[(*n_done)++] = mutator->done;
        }
        mutator->input.bytes = to;
        mutator->input.size = size;
        to = to == out ? scratch : out;
    }
    *last = mutator->input.bytes;
    return (migp_ssize)mutator->input.size;
}

static migp_ssize run(struct mutator *mutator, uint8_t *out, uint32_t count,
                      struct migp_mutation_done *done, size_t max_done,
                      size_t *n_done)
{
    uint8_t *scratch = NULL;
    const uint8_t *last = NULL;
    migp_ssize size;

    if (count > 1) {
        scratch = malloc(mutator->room);
        if (scratch == NULL) {
            return MIGP_ERR_NO_MEMORY;
        }
    }
    size =
        mutate_all(mutator, out, scratch, count, done, max_done, n_done, &last);
    if (size > 0 && last != out) {
        memcpy(out, last, (size_t)size);
    }
    free(scratch);
    return size;
}

migp_ssize migp_mutate(const void *bytes, size_t size, void *out, size_t room,
                       const struct migp_mutate_options *options,
                       struct migp_mutation_done *done, size_t max_done,
                       size_t *n_done)
{
    struct mutator mutator;
    migp_ssize result;
    size_t count_done = 0;
    uint32_t count;

    memset(&mutator, 0, sizeof(mutator));
    migp_mutate_options_init(&mutator.options);
    if (n_done != NULL) {
        *n_done = 0;
    }
    if ((bytes == NULL && size > 0) || out == NULL || room == 0 ||
        (max_done > 0 && (done == NULL || n_done == NULL)) ||
        (options != NULL &&
         migp_struct_read(&mutator.options, sizeof(mutator.options), options) <
             0) ||
        !options_good(&mutator.options)) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    mutator.random.state = mutator.options.seed;
    mutator.room = room;
    mutator.input.bytes = bytes != NULL ? bytes : out;
    mutator.input.size = size < room ? size : room;
    mutator.input.page_size = mutator.options.page_size;
    count = mutator.options.count > 0
                ? mutator.options.count
                : 1 + (uint32_t)migp_random_below(&mutator.random, 4);
    result = run(&mutator, out, count, done, max_done, &count_done);
    migp_mutate_table_free(&mutator.tables[0]);
    migp_mutate_table_free(&mutator.tables[1]);
    if (n_done != NULL) {
        *n_done = count_done;
    }
    return result;
}
