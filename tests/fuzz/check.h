/* SPDX-License-Identifier: MIT */
#ifndef MIGP_TESTS_FUZZ_CHECK_H
#define MIGP_TESTS_FUZZ_CHECK_H

/*
 * What all targets have in common. An input begins with FUZZ_HEAD bytes that
 * choose how the rest is cut and what the options are.
 */

#include "support/feed.h"

#define FUZZ_HEAD 4

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Say what is wrong and abort, for the fuzzer to see. */
_Noreturn void fuzz_fail(const char *what);

#define FUZZ_CHECK(condition)                                                  \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fuzz_fail(#condition);                                             \
        }                                                                      \
    } while (0)

/* The rest of the input, to be fed in one piece; the head may be short. */
struct feeding fuzz_whole(const uint8_t *bytes, size_t size);

/* The same, cut as the head says. */
struct feeding fuzz_split(const uint8_t *bytes, size_t size);

/* One byte of the head; 0 where it is short. */
uint8_t fuzz_choice(const uint8_t *bytes, size_t size, size_t which);

/* Between several streams in one input; the first begins behind the head. */
#define FUZZ_PART "CHANNEL:"

/* How many there are, and one of them: its size, and where it begins. */
size_t fuzz_part_count(const uint8_t *bytes, size_t size);
size_t fuzz_part(const uint8_t *bytes, size_t size, size_t which, size_t *from);

/* Two feedings told the same, and neither broke a rule. Frees both. */
void fuzz_compare(struct outcome *whole, struct outcome *split);

#endif
