/* SPDX-License-Identifier: MIT */
#include "fuzz/check.h"

#include <stdio.h>
#include <stdlib.h>

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
