/* SPDX-License-Identifier: MIT */
#include "fuzz/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fuzz_fail(const char *what)
{
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

uint8_t fuzz_choice(const uint8_t *bytes, size_t size, size_t which)
{
    return which < size && which < FUZZ_HEAD ? bytes[which] : 0;
}

struct feeding fuzz_whole(const uint8_t *bytes, size_t size)
{
    size_t head = size < FUZZ_HEAD ? size : FUZZ_HEAD;
    struct feeding feeding = feeding_of(bytes + head, size - head);

    feeding.exact = true;
    return feeding;
}

struct feeding fuzz_split(const uint8_t *bytes, size_t size)
{
    struct feeding feeding = fuzz_whole(bytes, size);

    feeding.chunk = 1u + fuzz_choice(bytes, size, 0);
    feeding.phase = 1u + fuzz_choice(bytes, size, 1);
    feeding.max_events = 1u + fuzz_choice(bytes, size, 2) % 16;
    return feeding;
}

/* Where the part that begins at from ends. */
static size_t part_end(const uint8_t *bytes, size_t size, size_t from)
{
    const size_t length = sizeof(FUZZ_PART) - 1;
    size_t at;

    for (at = from; at + length <= size; at++) {
        if (memcmp(bytes + at, FUZZ_PART, length) == 0) {
            return at;
        }
    }
    return size;
}

size_t fuzz_part_count(const uint8_t *bytes, size_t size)
{
    size_t at = size < FUZZ_HEAD ? size : FUZZ_HEAD;
    size_t count = 1;

    for (at = part_end(bytes, size, at); at < size;
         at = part_end(bytes, size, at + sizeof(FUZZ_PART) - 1)) {
        count++;
    }
    return count;
}

size_t fuzz_part(const uint8_t *bytes, size_t size, size_t which, size_t *from)
{
    size_t at = size < FUZZ_HEAD ? size : FUZZ_HEAD;
    size_t i;

    for (i = 0; i < which; i++) {
        at = part_end(bytes, size, at) + sizeof(FUZZ_PART) - 1;
    }
    *from = at;
    return part_end(bytes, size, at) - at;
}

void fuzz_compare(struct outcome *whole, struct outcome *split)
{
    if (whole->broken) {
        fuzz_fail(whole->broken);
    }
    if (split->broken) {
        fuzz_fail(split->broken);
    }
    FUZZ_CHECK(outcome_same("whole and split", whole, split));
    outcome_free(whole);
    outcome_free(split);
}
