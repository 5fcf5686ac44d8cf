/* SPDX-License-Identifier: MIT */
#ifndef MIGP_TESTS_SUPPORT_PRNG_H
#define MIGP_TESTS_SUPPORT_PRNG_H

/*
 * Random numbers that a failed run can repeat: the seed is printed, and
 * MIGP_TEST_SEED overrides it. The same seed gives the same numbers on every
 * machine.
 */

#include <stdint.h>

struct prng {
    uint64_t state;
};

/* Seed from MIGP_TEST_SEED or the clock, and print it. */
struct prng prng_start(const char *what);

struct prng prng_seeded(uint64_t seed);

uint64_t prng_next(struct prng *prng);

/* 0 to below - 1; below > 0. */
uint64_t prng_below(struct prng *prng, uint64_t below);

#endif
