/* SPDX-License-Identifier: MIT */
#include "support/scale.h"

#include <stdio.h>
#include <stdlib.h>

struct scale {
    uint64_t above;
    uint64_t below;
};

static struct scale scale_read(void)
{
    const char *text = getenv("MIGP_TEST_SCALE");
    struct scale scale = {1, 1};
    char *end;

    if (!text || !*text) {
        return scale;
    }
    scale.above = strtoull(text, &end, 10);
    if (*end == '/') {
        scale.below = strtoull(end + 1, &end, 10);
    }
    if (*end || scale.above == 0 || scale.below == 0 || scale.above > 1000000 ||
        scale.below > 1000000) {
        fprintf(stderr, "MIGP_TEST_SCALE=%s is neither N nor N/M\n", text);
        exit(2);
    }
    return scale;
}

uint64_t test_scaled(uint64_t count)
{
    struct scale scale = scale_read();
    uint64_t scaled = count * scale.above / scale.below;

    return count && !scaled ? 1 : scaled;
}

size_t test_stride(void)
{
    struct scale scale = scale_read();

    return scale.below > scale.above ? (size_t)(scale.below / scale.above) : 1;
}
