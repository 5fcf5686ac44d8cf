/* SPDX-License-Identifier: MIT */
#ifndef MIGP_MUTATE_RANDOM_H
#define MIGP_MUTATE_RANDOM_H

/*
 * SplitMix64 (S. Vigna, public domain): every seed is a good one, and the
 * same seed gives the same numbers on every machine.
 */

#include <stdbool.h>
#include <stdint.h>

struct migp_random {
    uint64_t state;
};

static inline uint64_t migp_random_next(struct migp_random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* 0 to below - 1; below > 0. */
static inline uint64_t migp_random_below(struct migp_random *random,
                                         uint64_t below)
{
    return migp_random_next(random) % below;
}

/* Once in so many times. */
static inline bool migp_random_one_in(struct migp_random *random, uint64_t n)
{
    return migp_random_below(random, n) == 0;
}

#endif
