/* SPDX-License-Identifier: MIT */

/*
 * The end of CONFIG: asked with ever more bytes, the answer is the one for all
 * bytes, and what is asked for is bounded.
 */

#include "fuzz/check.h"

#include <stdlib.h>
#include <string.h>

#define MAX_CONFIG 6000

static migp_ssize measure(const uint8_t *bytes, size_t size,
                          const struct migp_config_hint *hint, uint32_t flags,
                          size_t *need)
{
    uint8_t *exact = malloc(size ? size : 1);
    migp_ssize got;

    FUZZ_CHECK(exact != NULL);
    memcpy(exact, bytes, size);
    got = migp_config_measure(exact, size, MAX_CONFIG, hint, flags, need);
    free(exact);
    return got;
}

static void check_answer(migp_ssize got, const uint8_t *bytes, size_t size)
{
    static const uint8_t end[8] = {0xff, 0xff, 0xff, 0xff,
                                   0xef, 0x10, 0x00, 0x01};

    if (got < 0) {
        FUZZ_CHECK(got == MIGP_ERR_LIMIT || got == MIGP_ERR_MALFORMED ||
                   got == MIGP_ERR_TRUNCATED);
        return;
    }
    FUZZ_CHECK(got <= MAX_CONFIG);
    FUZZ_CHECK((size_t)got + 8 <= size);
    FUZZ_CHECK(memcmp(bytes + got, end, 8) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t choice = fuzz_choice(bytes, size, 3);
    struct feeding feeding = fuzz_whole(bytes, size);
    struct migp_config_hint hint = {sizeof(hint), choice & 3u, 0x28,
                                    (uint64_t)choice * 16};
    size_t step = 1u + fuzz_choice(bytes, size, 0);
    size_t now = 0;
    migp_ssize whole;
    migp_ssize got;
    size_t need;

    whole = measure(feeding.bytes, feeding.size, &hint, MIGP_FEED_LAST, &need);
    check_answer(whole, feeding.bytes, feeding.size);
    for (;;) {
        uint32_t flags = now == feeding.size ? MIGP_FEED_LAST : 0;

        need = 0;
        got = measure(feeding.bytes, now, &hint, flags, &need);
        if (got != MIGP_ERR_NEED_MORE) {
            break;
        }
        FUZZ_CHECK(flags == 0);
        FUZZ_CHECK(need > now);
        FUZZ_CHECK(need <= MAX_CONFIG + 13);
        now = now + step > need ? now + step : need;
        now = now < feeding.size ? now : feeding.size;
    }
    FUZZ_CHECK(got == whole);
    return 0;
}
