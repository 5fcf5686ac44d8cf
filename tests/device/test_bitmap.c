/* SPDX-License-Identifier: MIT */

/* From bits to ranges, compared with a loop over single bits. */

#include "unit/cmocka_all.h"

#include "device/dirty/bitmap.h"
#include "support/prng.h"

#include <string.h>

#define PAGE UINT64_C(4096)
#define MAX_RANGES 512

struct list {
    struct migp_iova_range ranges[MAX_RANGES];
    size_t n;
    size_t stop_at; /* 0: never */
};

static int keep(void *user, const struct migp_iova_range *dirty)
{
    struct list *list = user;

    assert_true(list->n < MAX_RANGES);
    assert_true(dirty->length > 0);
    list->ranges[list->n++] = *dirty;
    return list->n == list->stop_at;
}

static bool bit(const uint64_t *words, uint64_t page)
{
    return (words[page / 64] >> (page % 64) & 1) != 0;
}

/* One range for each run, found bit by bit. */
static void expect(const uint64_t *words, uint64_t n_pages, uint64_t iova)
{
    struct list got = {.n = 0};
    uint64_t bytes = 0;
    uint64_t page;
    size_t n = 0;

    assert_true(migp_bitmap_ranges(words, n_pages, iova, PAGE, keep, &got) >=
                0);
    for (page = 0; page < n_pages; page++) {
        if (!bit(words, page)) {
            continue;
        }
        bytes += PAGE;
        if (page > 0 && bit(words, page - 1)) {
            got.ranges[n - 1].length -= PAGE;
            continue;
        }
        assert_true(n < got.n);
        assert_true(got.ranges[n].iova == iova + page * PAGE);
        got.ranges[n].length -= PAGE;
        n++;
    }
    assert_int_equal(n, got.n);
    for (n = 0; n < got.n; n++) {
        assert_true(got.ranges[n].length == 0);
    }
    got.n = 0;
    assert_true(migp_bitmap_ranges(words, n_pages, iova, PAGE, keep, &got) ==
                (migp_ssize)bytes);
}

static void test_bitmap_ranges__every_single_run(void **state)
{
    uint64_t first;
    uint64_t end;

    (void)state;
    for (first = 0; first < 130; first++) {
        for (end = first; end <= 130; end++) {
            uint64_t words[3] = {0};
            uint64_t page;

            for (page = first; page < end; page++) {
                words[page / 64] |= UINT64_C(1) << (page % 64);
            }
            expect(words, 130, 0x100000);
        }
    }
}

static void test_bitmap_ranges__random(void **state)
{
    struct prng prng = prng_seeded(7);
    size_t round;

    (void)state;
    for (round = 0; round < 3000; round++) {
        uint64_t words[4];
        size_t i;

        for (i = 0; i < 4; i++) {
            const uint64_t one = prng_next(&prng);
            const uint64_t two = prng_next(&prng);

            words[i] = round % 3 == 0   ? one
                       : round % 3 == 1 ? one & two & (two >> 7)
                                        : one | two | (two >> 7);
        }
        expect(words, prng_below(&prng, 257), 0);
    }
}

static void test_bitmap_ranges__bits_behind_the_end(void **state)
{
    const uint64_t words[2] = {UINT64_MAX, UINT64_MAX};
    struct list got = {.n = 0};

    (void)state;
    assert_int_equal(migp_bitmap_ranges(words, 65, 0, PAGE, keep, &got),
                     65 * 4096);
    assert_int_equal(got.n, 1);
    assert_true(got.ranges[0].length == 65 * PAGE);
}

static void test_bitmap_ranges__nothing(void **state)
{
    const uint64_t words[1] = {0};
    struct list got = {.n = 0};

    (void)state;
    assert_int_equal(migp_bitmap_ranges(NULL, 0, 0, PAGE, keep, &got), 0);
    assert_int_equal(migp_bitmap_ranges(words, 64, 0, PAGE, keep, &got), 0);
    assert_int_equal(got.n, 0);
}

static void test_bitmap_ranges__up_to_the_last_byte(void **state)
{
    const uint64_t words[1] = {3};
    struct list got = {.n = 0};

    (void)state;
    /* Ends at 2^64 - 1. */
    assert_int_equal(
        migp_bitmap_ranges(words, 2, UINT64_MAX - 2, 1, keep, &got), 2);
    assert_true(got.ranges[0].iova == UINT64_MAX - 2);
    assert_int_equal(got.ranges[0].length, 2);
    /* One further is too far. */
    assert_int_equal(
        migp_bitmap_ranges(words, 2, UINT64_MAX - 1, 1, keep, &got),
        MIGP_ERR_INVALID_ARGUMENT);
    /* Two pages of 2^63 do not fit; one of them is more than an amount. */
    assert_int_equal(
        migp_bitmap_ranges(words, 2, 0, UINT64_C(1) << 63, keep, &got),
        MIGP_ERR_INVALID_ARGUMENT);
    assert_true(migp_bitmap_ranges(words, 1, 0, UINT64_C(1) << 63, keep,
                                   &got) == INT64_MAX);
    assert_true(got.ranges[1].length == UINT64_C(1) << 63);
}

static void test_bitmap_ranges__arguments(void **state)
{
    const uint64_t words[1] = {1};
    struct list got = {.n = 0};

    (void)state;
    assert_int_equal(migp_bitmap_ranges(NULL, 1, 0, PAGE, keep, &got),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_bitmap_ranges(words, 1, 0, 0, keep, &got),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_bitmap_ranges(words, 1, 0, PAGE, NULL, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(got.n, 0);
}

static void test_bitmap_ranges__the_sink_stops(void **state)
{
    const uint64_t words[1] = {0x15};
    struct list got;
    size_t stop;

    (void)state;
    for (stop = 1; stop <= 3; stop++) {
        got.n = 0;
        got.stop_at = stop;
        assert_int_equal(migp_bitmap_ranges(words, 64, 0, PAGE, keep, &got),
                         MIGP_ERR_CANCELLED);
        assert_int_equal(got.n, stop);
    }
}

static void test_bitmap_words__near_the_end(void **state)
{
    (void)state;
    assert_true(migp_bitmap_words(0) == 0);
    assert_true(migp_bitmap_words(1) == 1);
    assert_true(migp_bitmap_words(64) == 1);
    assert_true(migp_bitmap_words(65) == 2);
    assert_true(migp_bitmap_words(UINT64_MAX) == UINT64_C(1) << 58);
    assert_true(migp_bitmap_pages(UINT64_MAX, PAGE) == UINT64_C(1) << 52);
    assert_true(migp_bitmap_pages(1, UINT64_C(1) << 63) == 1);
    assert_true(migp_bitmap_pages(2 * PAGE, PAGE) == 2);
}

/* A page larger than what is left of the range. */
static void test_bitmap_join__last_page_is_cut(void **state)
{
    const uint64_t words[1] = {3};
    struct list got = {.n = 0};
    struct migp_range_joiner joiner = {keep, &got, {0, 0}, 0};

    (void)state;
    assert_int_equal(migp_bitmap_join(words, 0x1000, 0x3000, 0x2000, &joiner),
                     0);
    /* Touches: the same range. */
    assert_int_equal(migp_range_join(&joiner, 0x4000, 0x1000), 0);
    assert_int_equal(migp_range_join(&joiner, 0x6000, 0x1000), 0);
    assert_int_equal(migp_range_flush(&joiner), 0);
    assert_int_equal(migp_range_flush(&joiner), 0);
    assert_int_equal(got.n, 2);
    assert_int_equal(got.ranges[0].iova, 0x1000);
    assert_int_equal(got.ranges[0].length, 0x4000);
    assert_int_equal(got.ranges[1].iova, 0x6000);
    assert_int_equal(joiner.bytes, 0x5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bitmap_ranges__every_single_run),
        cmocka_unit_test(test_bitmap_ranges__random),
        cmocka_unit_test(test_bitmap_ranges__bits_behind_the_end),
        cmocka_unit_test(test_bitmap_ranges__nothing),
        cmocka_unit_test(test_bitmap_ranges__up_to_the_last_byte),
        cmocka_unit_test(test_bitmap_ranges__arguments),
        cmocka_unit_test(test_bitmap_ranges__the_sink_stops),
        cmocka_unit_test(test_bitmap_words__near_the_end),
        cmocka_unit_test(test_bitmap_join__last_page_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
