/* SPDX-License-Identifier: MIT */
#include "support/prng.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct prng prng_seeded(uint64_t seed)
{
    struct prng prng = {seed};

    return prng;
}

struct prng prng_start(const char *what)
{
    const char *text = getenv("MIGP_TEST_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);

    fprintf(stderr, "%s: MIGP_TEST_SEED=%" PRIu64 "\n", what, seed);
    return prng_seeded(seed);
}

/* SplitMix64 (public domain, S. Vigna): any seed is a good one. */
uint64_t prng_next(struct prng *prng)
{
    uint64_t z = prng->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t prng_below(struct prng *prng, uint64_t below)
{
    return prng_next(prng) % below;
}
