/* SPDX-License-Identifier: MIT */

/*
 * The mutator as AFL++ wants one: a shared object that afl-fuzz loads
 * (AFL_CUSTOM_MUTATOR_LIBRARY). Its interface is in AFL++'s documentation,
 * docs/custom_mutators.md; no header of its is needed.
 *
 * MIGP_AFL_FRAMING=keep or =break chooses a framing; else it is by chance.
 */

#include <migproto/mutate.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

struct afl_mutator {
    struct migp_mutate_options options;
    uint8_t *out;
    size_t room;
};

EXPORT void *afl_custom_init(void *afl, unsigned int seed);
EXPORT size_t afl_custom_fuzz(void *data, uint8_t *bytes, size_t size,
                              uint8_t **out, const uint8_t *other,
                              size_t other_size, size_t max_size);
EXPORT void afl_custom_deinit(void *data);

static uint32_t framing_asked_for(void)
{
    const char *word = getenv("MIGP_AFL_FRAMING");

    if (word != NULL && strcmp(word, "keep") == 0) {
        return MIGP_MUTATE_FRAMING_KEEP;
    }
    return word != NULL && strcmp(word, "break") == 0
               ? MIGP_MUTATE_FRAMING_BREAK
               : MIGP_MUTATE_FRAMING_ANY;
}

void *afl_custom_init(void *afl, unsigned int seed)
{
    struct afl_mutator *mutator = calloc(1, sizeof(*mutator));

    (void)afl;
    if (mutator == NULL) {
        return NULL;
    }
    migp_mutate_options_init(&mutator->options);
    mutator->options.framing = framing_asked_for();
    /* far apart, so that no run comes to another's seeds */
    mutator->options.seed = (uint64_t)seed << 32;
    return mutator;
}

static bool make_room(struct afl_mutator *mutator, size_t room)
{
    uint8_t *out;

    if (room <= mutator->room) {
        return true;
    }
    out = realloc(mutator->out, room);
    if (out == NULL) {
        return false;
    }
    mutator->out = out;
    mutator->room = room;
    return true;
}

/* 0 tells AFL++ that there is nothing to run this time; it ends itself if out
 * is NULL then. */
size_t afl_custom_fuzz(void *data, uint8_t *bytes, size_t size, uint8_t **out,
                       const uint8_t *other, size_t other_size, size_t max_size)
{
    struct afl_mutator *mutator = data;
    migp_ssize got;

    (void)other;
    (void)other_size;
    *out = bytes;
    if (max_size == 0 || !make_room(mutator, max_size)) {
        return 0;
    }
    got = migp_mutate(bytes, size, mutator->out, max_size, &mutator->options,
                      NULL, 0, NULL);
    mutator->options.seed++;
    if (got <= 0) {
        return 0;
    }
    *out = mutator->out;
    return (size_t)got;
}

void afl_custom_deinit(void *data)
{
    struct afl_mutator *mutator = data;

    if (mutator != NULL) {
        free(mutator->out);
        free(mutator);
    }
}
