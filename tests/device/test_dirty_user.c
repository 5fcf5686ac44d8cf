/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L /* fileno */

/*
 * Trackers over a simulated device that does DMA, by the kernel's interface
 * and by vfio-user, compared with an array of pages.
 */

#include "unit/cmocka_all.h"

#include "support/prng.h"
#include "support/rig.h"

#include <errno.h>
#include <migproto/dirty.h>
#include <migproto/vfio.h>
#include <migproto/vfio_user.h>
#include <migproto/vfio_user_codec.h>
#include <stdio.h>
#include <string.h>

#define PAGE UINT64_C(4096)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define N_RANGES 4

/* The first two touch; the last needs two pieces of bitmap. */
static const struct migp_iova_range tracked[N_RANGES] = {
    {0, MIB},
    {MIB, MIB},
    {GIB, 3 * MIB},
    {8 * GIB, 2 * GIB + GIB / 2},
};

struct bench {
    struct rig rig;
    FILE *memory;
    struct migp_dirty *dirty;
    uint8_t *pages[N_RANGES]; /* one byte for each: dirty */
    struct migp_iova_range asked;
    uint64_t last_end;
    uint64_t bytes;
};

static struct bench bench;

static void map_memory(struct migp_vfio_user *server)
{
    struct migp_error error = MIGP_ERROR_INIT;
    size_t i;

    bench.memory = tmpfile();
    assert_non_null(bench.memory);
    for (i = 0; i < N_RANGES; i++) {
        if (migp_vfio_user_dma_map(server, tracked[i].iova, tracked[i].length,
                                   MIGP_VU_DMA_READABLE | MIGP_VU_DMA_WRITABLE,
                                   fileno(bench.memory), 0,
                                   &error) != MIGP_OK) {
            fail_msg("%s", error.text);
        }
    }
}

static void bench_open(enum rig_kind kind)
{
    struct migp_error error = MIGP_ERROR_INIT;
    size_t i;
    int code;

    memset(&bench, 0, sizeof(bench));
    if (rig_open(&bench.rig, kind, "size=64K", NULL, NULL, &error) < 0) {
        fail_msg("%s", error.text);
    }
    if (kind == RIG_KERNEL) {
        struct migp_vfio *vfio =
            migp_device_backend(bench.rig.device, migp_vfio_ops());

        code = migp_dirty_new_vfio(&bench.dirty, &vfio, 1, &error);
    } else {
        struct migp_vfio_user *server =
            migp_device_backend(bench.rig.device, migp_vfio_user_ops());

        map_memory(server);
        code = migp_dirty_new_vfio_user(&bench.dirty, server, &error);
    }
    if (code < 0) {
        fail_msg("%s", error.text);
    }
    for (i = 0; i < N_RANGES; i++) {
        bench.pages[i] = calloc((size_t)(tracked[i].length / PAGE), 1);
        assert_non_null(bench.pages[i]);
    }
}

static void bench_close(void)
{
    size_t i;

    migp_dirty_free(bench.dirty);
    rig_close(&bench.rig);
    if (bench.memory != NULL) {
        (void)fclose(bench.memory);
    }
    for (i = 0; i < N_RANGES; i++) {
        free(bench.pages[i]);
    }
}

/* The byte of a page; NULL: it is not tracked. */
static uint8_t *page_at(uint64_t iova)
{
    size_t i;

    for (i = 0; i < N_RANGES; i++) {
        if (iova >= tracked[i].iova &&
            iova - tracked[i].iova < tracked[i].length) {
            return &bench.pages[i][(iova - tracked[i].iova) / PAGE];
        }
    }
    return NULL;
}

static void dma_write(uint64_t iova, uint64_t length)
{
    uint64_t at;

    if (bench.rig.kind == RIG_VFIO_USER) {
        (void)pthread_mutex_lock(&bench.rig.lock);
    }
    migp_sim_dma_write(bench.rig.sim, iova, length);
    if (bench.rig.kind == RIG_VFIO_USER) {
        (void)pthread_mutex_unlock(&bench.rig.lock);
    }
    for (at = iova - iova % PAGE; at < iova + length; at += PAGE) {
        if (page_at(at) != NULL) {
            *page_at(at) = 1;
        }
    }
}

/* Each page of it was dirty, and is reported once. */
static int see(void *user, const struct migp_iova_range *dirty)
{
    uint64_t at;

    (void)user;
    assert_true(dirty->iova >= bench.asked.iova);
    assert_true(dirty->iova + dirty->length <=
                bench.asked.iova + bench.asked.length);
    assert_true(bench.bytes == 0 || dirty->iova > bench.last_end);
    for (at = dirty->iova; at < dirty->iova + dirty->length; at += PAGE) {
        assert_non_null(page_at(at));
        assert_int_equal(*page_at(at), 1);
        *page_at(at) = 0;
    }
    bench.last_end = at;
    bench.bytes += dirty->length;
    return 0;
}

static void report(uint64_t iova, uint64_t length)
{
    struct migp_error error = MIGP_ERROR_INIT;
    uint64_t at;
    size_t i;
    migp_ssize got;

    bench.asked.iova = iova;
    bench.asked.length = length;
    bench.bytes = 0;
    got = migp_dirty_report(bench.dirty, iova, length, see, NULL, &error);
    if (got < 0) {
        fail_msg("%s", error.text);
    }
    assert_true((uint64_t)got == bench.bytes);
    /* Nothing that was dirty was left out. */
    for (i = 0; i < N_RANGES; i++) {
        for (at = 0; at < tracked[i].length; at += PAGE) {
            if (bench.pages[i][at / PAGE] != 0) {
                const uint64_t page = tracked[i].iova + at;

                assert_true(page < iova || page >= iova + length);
            }
        }
    }
}

static uint64_t place(struct prng *prng)
{
    const struct migp_iova_range *range = &tracked[prng_below(prng, N_RANGES)];

    return range->iova + prng_below(prng, range->length + MIB);
}

static void random_writes(enum rig_kind kind, const struct fail_plan *plan)
{
    struct prng prng = prng_seeded(11);
    size_t round;
    size_t i;

    bench_open(kind);
    fail_sys_start(&bench.rig.fail, plan);
    dma_write(0, 4 * PAGE); /* before the start: not logged */
    memset(bench.pages[0], 0, 4);
    assert_int_equal(
        migp_dirty_start(bench.dirty, tracked, N_RANGES, PAGE, NULL), MIGP_OK);
    assert_int_equal(migp_dirty_page_size(bench.dirty), PAGE);
    for (round = 0; round < 30; round++) {
        for (i = prng_below(&prng, 20); i > 0; i--) {
            dma_write(place(&prng), 1 + prng_below(&prng, 40 * PAGE));
        }
        if (round % 3 == 0) {
            report(0, 16 * GIB);
        } else {
            report(place(&prng) / PAGE * PAGE,
                   prng_below(&prng, 2 * MIB) / PAGE * PAGE);
        }
    }
    report(0, 16 * GIB);
    report(0, 16 * GIB);
    assert_true(bench.bytes == 0);
    bench_close();
}

static void test_report__random_writes_kernel(void **state)
{
    (void)state;
    random_writes(RIG_KERNEL, NULL);
}

static void test_report__random_writes_vfio_user(void **state)
{
    (void)state;
    random_writes(RIG_VFIO_USER, NULL);
}

static void test_report__interrupted_all_the_time(void **state)
{
    const struct fail_plan plan = {.interrupts = 5, .max_io = 997};

    (void)state;
    random_writes(RIG_KERNEL, &plan);
    random_writes(RIG_VFIO_USER, &plan);
}

/* Start, report and stop with one call failing. Returns whether one was. */
static bool one_failing(enum rig_kind kind, const struct fail_plan *plan)
{
    struct migp_error error = MIGP_ERROR_INIT;
    migp_ssize code;
    bool failed;
    int again;

    bench_open(kind);
    fail_sys_start(&bench.rig.fail, plan);
    code = migp_dirty_start(bench.dirty, tracked, N_RANGES, PAGE, &error);
    assert_true((code == MIGP_OK) == (migp_dirty_page_size(bench.dirty) > 0));
    if (code == MIGP_OK) {
        dma_write(0, 3 * PAGE);
        bench.asked.iova = 0;
        bench.asked.length = 16 * GIB;
        bench.bytes = 0;
        code = migp_dirty_report(bench.dirty, 0, 16 * GIB, see, NULL, &error);
        /* All of it, or an error that says that all is dirty. */
        assert_true(code == (migp_ssize)(3 * PAGE) || code == MIGP_ERR_SYSTEM);
        if (code >= 0) {
            code = migp_dirty_stop(bench.dirty, &error);
        }
        /* It may be asked again; a server that is lost stays lost. */
        again = migp_dirty_stop(bench.dirty, NULL);
        assert_true((migp_dirty_page_size(bench.dirty) == 0) ==
                    (again == MIGP_OK));
    }
    failed = bench.rig.fail.failed;
    assert_true(failed == (code < 0));
    if (code < 0) {
        assert_int_equal(error.code, MIGP_ERR_SYSTEM);
        assert_true(error.system_errno > 0);
    }
    bench_close();
    return failed;
}

static void test_each_call_fails(void **state)
{
    const int numbers[] = {EIO, ENODEV, EOPNOTSUPP};
    struct fail_plan plan = {.at = 0};
    size_t i;
    int kind;

    (void)state;
    for (i = 0; i < N_TESTS(numbers); i++) {
        for (kind = RIG_KERNEL; kind <= RIG_VFIO_USER; kind++) {
            plan.error = numbers[i];
            plan.at = 1;
            while (one_failing((enum rig_kind)kind, &plan)) {
                plan.at++;
            }
            assert_true(plan.at > 6);
        }
    }
}

/* Two ranges that touch, and a run across their border. */
static void joined(enum rig_kind kind)
{
    bench_open(kind);
    assert_int_equal(
        migp_dirty_start(bench.dirty, tracked, N_RANGES, PAGE, NULL), MIGP_OK);
    dma_write(MIB - PAGE, 2 * PAGE);
    dma_write(8 * GIB + 2 * GIB - 1, 2);
    report(0, 2 * MIB);
    assert_true(bench.bytes == 2 * PAGE && bench.last_end == MIB + PAGE);
    report(8 * GIB, 3 * GIB);
    assert_true(bench.bytes == 2 * PAGE);
    assert_int_equal(migp_dirty_stop(bench.dirty, NULL), MIGP_OK);
    assert_int_equal(migp_dirty_report(bench.dirty, 0, MIB, see, NULL, NULL),
                     MIGP_ERR_STATE);
    bench_close();
}

static void test_report__across_a_border(void **state)
{
    (void)state;
    joined(RIG_KERNEL);
    joined(RIG_VFIO_USER);
}

static void test_start__no_memory_is_mapped(void **state)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_vfio_user *server;
    struct migp_dirty *dirty;
    struct rig rig;

    (void)state;
    memset(&rig, 0, sizeof(rig));
    assert_int_equal(
        rig_open(&rig, RIG_VFIO_USER, "size=64K", NULL, NULL, NULL), MIGP_OK);
    server = migp_device_backend(rig.device, migp_vfio_user_ops());
    assert_int_equal(migp_dirty_new_vfio_user(NULL, server, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_dirty_new_vfio_user(&dirty, NULL, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_null(dirty);
    assert_int_equal(migp_dirty_new_vfio_user(&dirty, server, NULL), MIGP_OK);
    assert_int_equal(migp_dirty_start(dirty, tracked, 1, PAGE, &error),
                     MIGP_ERR_SYSTEM);
    assert_int_equal(error.system_errno, ENOENT);
    assert_non_null(strstr(error.text, "map memory first"));
    migp_dirty_free(dirty);
    rig_close(&rig);
}

/* The log's own calls fail on the simulated device. */
static void test_failures__of_the_device(void **state)
{
    static const struct {
        const char *options;
        int start, report, stop;
    } cases[] = {
        {"fail=START:EBUSY", MIGP_ERR_SYSTEM, MIGP_ERR_STATE, MIGP_OK},
        {"fail=REPORT:EIO", MIGP_OK, MIGP_ERR_SYSTEM, MIGP_OK},
        {"fail=STOP:EIO", MIGP_OK, 0, MIGP_ERR_SYSTEM},
    };
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(cases); i++) {
        struct migp_vfio *vfio;
        struct migp_dirty *dirty;
        struct rig rig;

        memset(&rig, 0, sizeof(rig));
        assert_int_equal(
            rig_open(&rig, RIG_KERNEL, cases[i].options, NULL, NULL, NULL),
            MIGP_OK);
        vfio = migp_device_backend(rig.device, migp_vfio_ops());
        assert_int_equal(migp_dirty_new_vfio(&dirty, &vfio, 1, NULL), MIGP_OK);
        assert_int_equal(migp_dirty_start(dirty, tracked, 1, PAGE, NULL),
                         cases[i].start);
        bench.asked = tracked[0];
        bench.bytes = 0;
        assert_int_equal(migp_dirty_report(dirty, 0, MIB, see, NULL, NULL),
                         cases[i].report);
        assert_int_equal(migp_dirty_stop(dirty, NULL), cases[i].stop);
        migp_dirty_free(dirty);
        rig_close(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report__random_writes_kernel),
        cmocka_unit_test(test_report__random_writes_vfio_user),
        cmocka_unit_test(test_report__interrupted_all_the_time),
        cmocka_unit_test(test_each_call_fails),
        cmocka_unit_test(test_report__across_a_border),
        cmocka_unit_test(test_start__no_memory_is_mapped),
        cmocka_unit_test(test_failures__of_the_device),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
