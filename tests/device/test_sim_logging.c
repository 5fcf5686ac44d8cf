/* SPDX-License-Identifier: MIT */
#include "device/sim_calls.h"

/*
 * DMA logging: the checks of the kernel's core (docs/protocol.md, "Dirty page
 * tracking"), then what is logged.
 */

typedef struct migp_vfio_feature_logging_range range;

static int start(const struct box *box, uint64_t page_size, const range *ranges,
                 uint32_t n, uint64_t *chosen)
{
    struct migp_vfio_feature_logging_control control = {
        page_size, n, 0, (uint64_t)(uintptr_t)ranges};
    int result = box_feature(
        box, 32, MIGP_FEATURE_DMA_LOGGING_START | MIGP_VFIO_FEATURE_SET,
        &control, sizeof(control));

    if (chosen != NULL) {
        *chosen = control.page_size;
    }
    return result;
}

static int stop(const struct box *box)
{
    return box_feature(
        box, 8, MIGP_FEATURE_DMA_LOGGING_STOP | MIGP_VFIO_FEATURE_SET, NULL, 0);
}

/* NOLINTBEGIN(readability-non-const-parameter): bits are written to. */
static int report(const struct box *box, uint64_t iova, uint64_t length,
                  uint64_t page_size, uint64_t *bitmap)
{
    struct migp_vfio_feature_logging_report payload = {
        iova, length, page_size, (uint64_t)(uintptr_t)bitmap};

    return box_feature(box, 40,
                       MIGP_FEATURE_DMA_LOGGING_REPORT | MIGP_VFIO_FEATURE_GET,
                       &payload, sizeof(payload));
}
/* NOLINTEND(readability-non-const-parameter) */

static void test_start__ranges(void **state)
{
    static const struct {
        uint64_t page_size;
        uint32_t n;
        range ranges[3];
        int result;
    } asked[] = {
        {4096, 1, {{0, 4096}}, 0},
        {4096, 2, {{8192, 4096}, {0, 8192}}, 0},
        {4096, 0, {{0, 4096}}, -EINVAL},
        {4096, 1, {{1, 4096}}, -EINVAL},
        {4096, 1, {{4096, 4095}}, -EINVAL},
        {8192, 1, {{4096, 8192}}, -EINVAL},
        {0, 1, {{0, 4096}}, -EINVAL},
        {4096, 2, {{0, 8192}, {4096, 8192}}, -EINVAL},
        {4096, 2, {{4096, 4096}, {0, 16384}}, -EINVAL},
        {4096, 2, {{4096, 4096}, {4096, 4096}}, -EINVAL},
        {4096, 3, {{0, 4096}, {8192, 4096}, {8192, 8192}}, -EINVAL},
        {4096, 1, {{UINT64_MAX - 4095, 4096}}, -EOVERFLOW},
        {4096, 1, {{UINT64_MAX - 4095, 8192}}, -EOVERFLOW},
        {4096, 1, {{UINT64_MAX - 8191, 4096}}, 0},
        {4096, 2, {{1, 4096}, {UINT64_MAX - 4095, 4096}}, -EINVAL},
    };
    struct box box = box_new("");
    range many[257];
    uint32_t i;

    (void)state;
    for (i = 0; i < N_TESTS(asked); i++) {
        assert_int_equal(
            start(&box, asked[i].page_size, asked[i].ranges, asked[i].n, NULL),
            asked[i].result);
        assert_int_equal(stop(&box), 0);
    }
    for (i = 0; i < 257; i++) {
        many[i].iova = UINT64_C(8192) * i;
        many[i].length = 4096;
    }
    assert_int_equal(start(&box, 4096, many, 257, NULL), -E2BIG);
    assert_int_equal(start(&box, 4096, many, UINT32_MAX, NULL), -E2BIG);
    assert_int_equal(start(&box, 4096, NULL, 1, NULL), -EFAULT);
    assert_int_equal(start(&box, 4096, many, 256, NULL), 0);
    box_free(&box);
}

static void test_start__page_size_is_a_hint(void **state)
{
    static const uint64_t hints[][2] = {{4096, 4096},
                                        {1, 4096},
                                        {65536, 65536},
                                        {UINT64_C(1) << 21, UINT64_C(1) << 21},
                                        {UINT64_C(1) << 40, UINT64_C(1) << 21}};
    static const range big = {0, UINT64_C(1) << 40};
    struct box box = box_new("");
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(hints); i++) {
        uint64_t chosen;

        assert_int_equal(start(&box, hints[i][0], &big, 1, &chosen), 0);
        assert_int_equal(chosen, hints[i][1]);
        assert_int_equal(stop(&box), 0);
    }
    box_free(&box);
}

static void test_start__order_of_calls(void **state)
{
    static const range one = {0, 4096};
    struct box box = box_new("");
    uint64_t bits[1] = {0};
    int fd;

    (void)state;
    assert_int_equal(stop(&box), 0);
    assert_int_equal(report(&box, 0, 4096, 4096, bits), -EINVAL);
    assert_int_equal(start(&box, 4096, &one, 1, NULL), 0);
    assert_int_equal(start(&box, 4096, &one, 1, NULL), -EINVAL);
    assert_int_equal(report(&box, 0, 4096, 4096, bits), 0);
    /* A reset does not stop it; closing the device does. */
    assert_int_equal(box_reset(&box), 0);
    assert_int_equal(report(&box, 0, 4096, 4096, bits), 0);
    box_close(&box, box.fd);
    box.fd = box.sys->open(box.sys->user, MIGP_SIM_PATH, O_RDWR);
    assert_int_equal(report(&box, 0, 4096, 4096, bits), -EINVAL);
    /* It has nothing to do with the state. */
    fd = box_enter(&box, MIGP_STATE_STOP_COPY);
    assert_int_equal(start(&box, 4096, &one, 1, NULL), 0);
    assert_int_equal(report(&box, 0, 4096, 4096, bits), 0);
    assert_int_equal(stop(&box), 0);
    assert_int_equal(report(&box, 0, 4096, 4096, bits), -EINVAL);
    box_close(&box, fd);
    box_free(&box);
}

static void test_report__arguments(void **state)
{
    static const range one = {0, 65536};
    struct box box = box_new("");
    uint64_t bits[1] = {0};

    (void)state;
    assert_int_equal(start(&box, 4096, &one, 1, NULL), 0);
    assert_int_equal(report(&box, 0, 65536, 2048, bits), -EINVAL);
    assert_int_equal(report(&box, 0, 65536, 0, bits), -EINVAL);
    assert_int_equal(report(&box, 0, 65536, 3 * 4096, bits), -EINVAL);
    assert_int_equal(report(&box, UINT64_MAX - 4095, 8192, 4096, bits),
                     -EOVERFLOW);
    assert_int_equal(report(&box, 0, 65536, 4096, NULL), -EFAULT);
    assert_int_equal(bits[0], 0);
    box_free(&box);
}

static void test_report__reads_and_clears(void **state)
{
    static const range two[] = {{0x100000, 0x100000}, {0x400000, 0x100000}};
    struct box box = box_new("");
    uint64_t bits[4] = {0};

    (void)state;
    assert_int_equal(start(&box, 4096, two, 2, NULL), 0);
    migp_sim_dma_write(box.sim, 0x101fff, 2);      /* pages 1 and 2 */
    migp_sim_dma_write(box.sim, 0x1ff000, 0x5000); /* the last, and outside */
    migp_sim_dma_write(box.sim, 0x300000, 4096);   /* outside */
    migp_sim_dma_write(box.sim, 0x440000, 0x41000);
    migp_sim_dma_write(box.sim, 0x440000, 0);
    bits[0] = UINT64_C(1) << 63;
    assert_int_equal(report(&box, 0x100000, 0x100000, 4096, bits), 0);
    assert_int_equal(bits[0], UINT64_C(1) << 63 | 6);
    assert_int_equal(bits[1], 0);
    assert_int_equal(bits[2], 0);
    assert_int_equal(bits[3], UINT64_C(1) << 63);
    memset(bits, 0, sizeof(bits));
    assert_int_equal(report(&box, 0x100000, 0x100000, 4096, bits), 0);
    assert_int_equal(bits[0] | bits[1] | bits[2] | bits[3], 0);
    /* Half of the second range, then all of it. */
    assert_int_equal(report(&box, 0x400000, 0x80000, 4096, bits), 0);
    assert_int_equal(bits[0], 0);
    assert_int_equal(bits[1], UINT64_MAX);
    memset(bits, 0, sizeof(bits));
    assert_int_equal(report(&box, 0x400000, 0x100000, 4096, bits), 0);
    assert_int_equal(bits[0] | bits[1] | bits[3], 0);
    assert_int_equal(bits[2], 1);
    box_free(&box);
}

static void test_report__other_page_sizes(void **state)
{
    static const range one = {0, UINT64_C(1) << 24};
    struct box box = box_new("");
    uint64_t bits[64] = {0};
    uint64_t chosen;
    size_t i;

    (void)state;
    /* The device logs 64 KiB pages: finer, all sixteen; coarser, one. */
    assert_int_equal(start(&box, 65536, &one, 1, &chosen), 0);
    assert_int_equal(chosen, 65536);
    migp_sim_dma_write(box.sim, 0x123456, 1);
    migp_sim_dma_write(box.sim, 0x923456, 1);
    assert_int_equal(report(&box, 0, UINT64_C(1) << 23, 4096, bits), 0);
    for (i = 0; i < 64; i++) {
        assert_int_equal(bits[i],
                         i == 4 ? UINT64_C(0xffff) << 32 : UINT64_C(0));
    }
    memset(bits, 0, sizeof(bits));
    assert_int_equal(report(&box, 0, UINT64_C(1) << 24, 1 << 20, bits), 0);
    assert_int_equal(bits[0], 1 << 9);
    box_free(&box);
}

static void test_dma_write__not_while_stopped(void **state)
{
    static const range one = {0, 65536};
    struct box box = box_new("");
    uint64_t bits[1] = {0};

    (void)state;
    assert_int_equal(start(&box, 4096, &one, 1, NULL), 0);
    box_go(&box, MIGP_STATE_STOP);
    migp_sim_dma_write(box.sim, 0, 65536);
    assert_int_equal(report(&box, 0, 65536, 4096, bits), 0);
    assert_int_equal(bits[0], 0);
    box_go(&box, MIGP_STATE_RUNNING_P2P);
    migp_sim_dma_write(box.sim, 0, 65536);
    assert_int_equal(report(&box, 0, 65536, 4096, bits), 0);
    assert_int_equal(bits[0], 0xffff);
    box_free(&box);
}

/* More single pages than are remembered: too much may be reported, never too
 * little; and what was reported is clean. */
static void test_dma_write__very_many_pages(void **state)
{
    enum {
        PAGES = 40000
    };
    static const range one = {0, UINT64_C(4096) * PAGES};
    static uint64_t bits[PAGES / 64];
    struct box box = box_new("");
    uint64_t i;

    (void)state;
    assert_int_equal(start(&box, 4096, &one, 1, NULL), 0);
    for (i = 0; i < PAGES; i += 2) {
        uint64_t page = i * 7919 % PAGES; /* in no order */

        migp_sim_dma_write(box.sim, page / 2 * 2 * 4096, 1);
    }
    assert_int_equal(report(&box, 0, one.length, 4096, bits), 0);
    for (i = 0; i < PAGES; i += 2) {
        assert_true((bits[i / 64] >> i % 64 & 1) != 0);
    }
    memset(bits, 0, sizeof(bits));
    assert_int_equal(report(&box, 0, one.length, 4096, bits), 0);
    for (i = 0; i < PAGES / 64; i++) {
        assert_int_equal(bits[i], 0);
    }
    box_free(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start__ranges),
        cmocka_unit_test(test_start__page_size_is_a_hint),
        cmocka_unit_test(test_start__order_of_calls),
        cmocka_unit_test(test_report__arguments),
        cmocka_unit_test(test_report__reads_and_clears),
        cmocka_unit_test(test_report__other_page_sizes),
        cmocka_unit_test(test_dma_write__not_while_stopped),
        cmocka_unit_test(test_dma_write__very_many_pages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
