/* SPDX-License-Identifier: MIT */

/* The devices' own DMA logs: bytes of START, REPORT and STOP, several devices
 * at once, and drivers that say impossible things. */

#include "unit/cmocka_all.h"

#include "support/alloc_fail.h"
#include "support/script_sys.h"

#include <errno.h>
#include <migproto/dirty.h>
#include <migproto/vfio.h>
#include <string.h>

#define FIRST 20
#define SECOND 21

#define FEATURE(FD, IN, OUT, RESULT, HOOK)                                     \
    {                                                                          \
        .call = "ioctl", .fd = (FD), .request = 0x3b75, .in = (IN),            \
        .out = (OUT), .result = (RESULT), .hook = (HOOK)                       \
    }
#define HAS_LOG(FD)                                                            \
    FEATURE(FD, "08000000 06000600", NULL, 0, NULL),                           \
        FEATURE(FD, "08000000 08000500", NULL, 0, NULL)
/* argsz 32, SET START; page size, 2 ranges, reserved, pointer. */
#define START(FD, PAGE, OUT, RESULT)                                           \
    FEATURE(FD,                                                                \
            "20000000 06000200 " PAGE " 02000000 00000000 xxxxxxxxxxxxxxxx",   \
            "xxxxxxxx xxxxxxxx " OUT, RESULT, see_ranges)
#define STOP(FD, RESULT) FEATURE(FD, "08000000 07000200", NULL, RESULT, NULL)
/* argsz 40, GET REPORT; iova, length, page size, pointer. */
#define REPORT(FD, IOVA, LENGTH, PAGE, HOOK, RESULT)                           \
    FEATURE(FD, "28000000 08000100 " IOVA LENGTH PAGE " xxxxxxxxxxxxxxxx",     \
            NULL, RESULT, HOOK)
#define P4K "0010000000000000"
#define P64K "0000010000000000"
#define P2M "0000200000000000"

static const struct migp_iova_range two[] = {
    {0, 0x80000000}, {UINT64_C(1) << 32, UINT64_C(5) << 30}};

static struct script script;
static struct migp_vfio *devices[2];

static uint64_t word_at(const void *arg, size_t offset)
{
    uint64_t word;

    memcpy(&word, (const char *)arg + offset, sizeof(word));
    return word;
}

static void see_ranges(void *arg)
{
    const uint64_t *ranges;

    memcpy(&ranges, (char *)arg + 24, sizeof(ranges));
    assert_true(ranges[0] == 0 && ranges[1] == 0x80000000);
    assert_true(ranges[2] == UINT64_C(1) << 32);
    assert_true(ranges[3] == UINT64_C(5) << 30);
}

static uint64_t *bitmap_of(void *arg)
{
    uint64_t *words;

    memcpy(&words, (char *)arg + 32, sizeof(words));
    return words;
}

/* Of a REPORT. */
static uint64_t words_of(const void *arg)
{
    const uint64_t page = word_at(arg, 24);

    return ((word_at(arg, 16) - 1) / page + 64) / 64;
}

static void assert_zero_then(void *arg, uint64_t first, uint64_t last)
{
    uint64_t *words = bitmap_of(arg);
    const uint64_t n = words_of(arg);
    uint64_t i;

    for (i = 0; i < n; i++) {
        assert_true(words[i] == 0);
    }
    words[0] |= first;
    words[n - 1] |= last;
}

static void dirty_ends(void *arg)
{
    assert_zero_then(arg, 1, UINT64_C(1) << 63);
}

static void dirty_first(void *arg)
{
    assert_zero_then(arg, 1, 1);
}

static void dirty_none(void *arg)
{
    assert_zero_then(arg, 0, 0);
}

static void dirty_more(void *arg)
{
    /* What the other device set is still there. */
    assert_true(bitmap_of(arg)[0] == 1);
    bitmap_of(arg)[0] |= 2;
}

static void dirty_all(void *arg)
{
    memset(bitmap_of(arg), 0xff, (size_t)words_of(arg) * 8);
}

struct list {
    struct migp_iova_range ranges[16];
    size_t n;
    size_t stop_at;
};

static int keep(void *user, const struct migp_iova_range *dirty)
{
    struct list *list = user;

    assert_true(list->n < 16);
    list->ranges[list->n++] = *dirty;
    return list->n == list->stop_at;
}

static void assert_range(const struct list *list, size_t i, uint64_t iova,
                         uint64_t length)
{
    assert_true(i < list->n);
    assert_true(list->ranges[i].iova == iova);
    assert_true(list->ranges[i].length == length);
}

static struct migp_vfio *adopt(int fd)
{
    struct migp_vfio_options how;
    struct migp_vfio *vfio;

    migp_vfio_options_init(&how);
    how.sys = &script.sys;
    how.device_fd = fd;
    assert_int_equal(migp_vfio_open(&vfio, &how, NULL), MIGP_OK);
    return vfio;
}

static int set_up(void **state)
{
    (void)state;
    SCRIPT(&script,
           {.call = "ioctl", .fd = FIRST, .request = 0x3b6b, .in = "18"},
           {.call = "readlink", .text = "/proc/self/fd/20", .result = -ENOENT},
           {.call = "ioctl", .fd = SECOND, .request = 0x3b6b, .in = "18"},
           {.call = "readlink", .text = "/proc/self/fd/21", .result = -ENOENT});
    devices[0] = adopt(FIRST);
    devices[1] = adopt(SECOND);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    migp_vfio_close(devices[0]);
    migp_vfio_close(devices[1]);
    script_end(&script);
    return 0;
}

static struct migp_dirty *tracker(size_t n)
{
    struct migp_dirty *dirty;

    SCRIPT_MORE(&script, HAS_LOG(FIRST), HAS_LOG(SECOND));
    script.n_steps = 2 * n;
    assert_int_equal(migp_dirty_new_vfio(&dirty, devices, n, NULL), MIGP_OK);
    assert_int_equal(migp_dirty_page_size(dirty), 0);
    return dirty;
}

static struct migp_dirty *started_one(void)
{
    struct migp_dirty *dirty = tracker(1);

    SCRIPT_MORE(&script, START(FIRST, P4K, P4K, 0));
    assert_int_equal(migp_dirty_start(dirty, two, 2, 4096, NULL), MIGP_OK);
    return dirty;
}

static void test_dirty__one_device(void **state)
{
    struct migp_dirty *dirty = started_one();
    struct list got = {.n = 0};

    (void)state;
    assert_int_equal(migp_dirty_page_size(dirty), 4096);
    SCRIPT_MORE(&script,
                REPORT(FIRST, "0000000000000000", "0000008000000000", P4K,
                       dirty_ends, 0),
                /* 5 GiB in pieces of 64 KiB of bitmap */
                REPORT(FIRST, "0000000001000000", "0000008000000000", P4K,
                       dirty_ends, 0),
                REPORT(FIRST, "0000008001000000", "0000008000000000", P4K,
                       dirty_ends, 0),
                REPORT(FIRST, "0000000002000000", "0000004000000000", P4K,
                       dirty_none, 0),
                STOP(FIRST, 0));
    assert_int_equal(
        migp_dirty_report(dirty, 0, UINT64_C(1) << 62, keep, &got, NULL),
        6 * 4096);
    assert_int_equal(got.n, 5);
    assert_range(&got, 0, 0, 4096);
    assert_range(&got, 1, 0x7ffff000, 4096);
    assert_range(&got, 2, UINT64_C(0x100000000), 4096);
    /* Two pieces, one range. */
    assert_range(&got, 3, UINT64_C(0x17ffff000), 8192);
    assert_range(&got, 4, UINT64_C(0x1fffff000), 4096);
    assert_int_equal(migp_dirty_stop(dirty, NULL), MIGP_OK);
    assert_int_equal(migp_dirty_stop(dirty, NULL), MIGP_OK);
    assert_int_equal(migp_dirty_page_size(dirty), 0);
    migp_dirty_free(dirty);
}

static void test_dirty__part_of_a_range(void **state)
{
    struct migp_dirty *dirty = started_one();
    struct list got = {.n = 0};

    (void)state;
    SCRIPT_MORE(&script,
                REPORT(FIRST, "00f0ff7f00000000", P4K, P4K, dirty_all, 0),
                REPORT(FIRST, "0000000001000000", "0020000000000000", P4K,
                       dirty_all, 0));
    /* From the last page of the first range into the second. */
    assert_int_equal(
        migp_dirty_report(dirty, 0x7ffff000, 0x80003000, keep, &got, NULL),
        3 * 4096);
    assert_int_equal(got.n, 2);
    assert_range(&got, 0, 0x7ffff000, 4096);
    assert_range(&got, 1, UINT64_C(1) << 32, 8192);
    /* Between the ranges nothing is asked. */
    assert_int_equal(
        migp_dirty_report(dirty, 0x80000000, 0x80000000, keep, &got, NULL), 0);
    assert_int_equal(migp_dirty_report(dirty, 0, 0, keep, &got, NULL), 0);
    SCRIPT_MORE(&script, STOP(FIRST, 0));
    migp_dirty_free(dirty);
}

static void test_dirty__two_devices_share_a_bitmap(void **state)
{
    struct migp_dirty *dirty = tracker(2);
    struct list got = {.n = 0};

    (void)state;
    /* One takes larger pages than the other: the smaller are reported. */
    SCRIPT_MORE(&script, START(FIRST, P4K, P2M, 0), START(SECOND, P4K, P64K, 0),
                REPORT(FIRST, "0000000000000000", "0000040000000000", P64K,
                       dirty_first, 0),
                REPORT(SECOND, "0000000000000000", "0000040000000000", P64K,
                       dirty_more, 0),
                STOP(FIRST, -EIO), STOP(SECOND, 0), STOP(FIRST, 0),
                STOP(SECOND, 0));
    assert_int_equal(migp_dirty_start(dirty, two, 2, 4096, NULL), MIGP_OK);
    assert_int_equal(migp_dirty_page_size(dirty), 65536);
    assert_int_equal(migp_dirty_report(dirty, 0, 0x40000, keep, &got, NULL),
                     0x20000);
    assert_int_equal(got.n, 1);
    assert_range(&got, 0, 0, 0x20000);
    {
        struct migp_error error = MIGP_ERROR_INIT;

        assert_int_equal(migp_dirty_stop(dirty, &error), MIGP_ERR_SYSTEM);
        assert_int_equal(error.system_errno, EIO);
        assert_non_null(strstr(error.text, "device 0"));
    }
    /* The first one may log on: it can be asked again. */
    assert_int_equal(migp_dirty_stop(dirty, NULL), MIGP_OK);
    assert_int_equal(migp_dirty_page_size(dirty), 0);
    migp_dirty_free(dirty);
}

/* In whatever order the devices come. */
static void test_dirty__the_smallest_page_comes_first(void **state)
{
    struct migp_dirty *dirty = tracker(2);
    struct list got = {.n = 0};

    (void)state;
    SCRIPT_MORE(&script, START(FIRST, P4K, P64K, 0), START(SECOND, P4K, P2M, 0),
                REPORT(FIRST, "0000000000000000", "0000040000000000", P64K,
                       dirty_first, 0),
                REPORT(SECOND, "0000000000000000", "0000040000000000", P64K,
                       dirty_more, 0),
                STOP(FIRST, 0), STOP(SECOND, 0));
    assert_int_equal(migp_dirty_start(dirty, two, 2, 4096, NULL), MIGP_OK);
    assert_int_equal(migp_dirty_page_size(dirty), 65536);
    assert_int_equal(migp_dirty_report(dirty, 0, 0x40000, keep, &got, NULL),
                     0x20000);
    migp_dirty_free(dirty);
}

static void test_dirty__pages_larger_than_the_ranges(void **state)
{
    const struct migp_iova_range small[] = {{0x1000, 0x3000},
                                            {0x201000, 0x1000}};
    struct migp_dirty *dirty = tracker(1);
    struct list got = {.n = 0};

    (void)state;
    SCRIPT_MORE(&script,
                FEATURE(FIRST, "20000000 06000200 " P4K " 02000000 00000000",
                        "xxxxxxxx xxxxxxxx " P2M, 0, NULL),
                REPORT(FIRST, "0010000000000000", "0030000000000000", P2M,
                       dirty_all, 0),
                REPORT(FIRST, "0010200000000000", P4K, P2M, dirty_all, 0),
                STOP(FIRST, 0));
    assert_int_equal(migp_dirty_start(dirty, small, 2, 4096, NULL), MIGP_OK);
    assert_int_equal(migp_dirty_report(dirty, 0, 4096, keep, &got, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_dirty_report(dirty, 0, 0x400000, keep, &got, NULL),
                     0x4000);
    assert_int_equal(got.n, 2);
    assert_range(&got, 0, 0x1000, 0x3000);
    assert_range(&got, 1, 0x201000, 0x1000);
    migp_dirty_free(dirty);
}

static void test_start__the_second_device_fails(void **state)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_dirty *dirty = tracker(2);

    (void)state;
    SCRIPT_MORE(&script, START(FIRST, P4K, P4K, 0),
                START(SECOND, P4K, P4K, -EBUSY), STOP(FIRST, 0),
                /* and it can be started again */
                START(FIRST, P4K, P4K, 0), START(SECOND, P4K, P4K, 0),
                STOP(FIRST, 0), STOP(SECOND, 0));
    assert_int_equal(migp_dirty_start(dirty, two, 2, 4096, &error),
                     MIGP_ERR_SYSTEM);
    assert_int_equal(error.system_errno, EBUSY);
    assert_non_null(strstr(error.text, "device 1"));
    assert_int_equal(migp_dirty_page_size(dirty), 0);
    assert_int_equal(migp_dirty_report(dirty, 0, 4096, keep, NULL, NULL),
                     MIGP_ERR_STATE);
    assert_int_equal(migp_dirty_start(dirty, two, 2, 4096, &error), MIGP_OK);
    assert_int_equal(migp_dirty_start(dirty, two, 2, 4096, &error),
                     MIGP_ERR_STATE);
    migp_dirty_free(dirty);
}

static void test_start__impossible_page_sizes(void **state)
{
    static const char *const pages[] = {
        "xxxxxxxx xxxxxxxx 0000000000000000",
        "xxxxxxxx xxxxxxxx 0100000000000000",
        "xxxxxxxx xxxxxxxx 0008000000000000",
        "xxxxxxxx xxxxxxxx 0030000000000000",
        "xxxxxxxx xxxxxxxx ffffffffffffffff",
    };
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(pages); i++) {
        struct migp_error error = MIGP_ERROR_INIT;
        struct migp_dirty *dirty = tracker(2);

        SCRIPT_MORE(&script, START(FIRST, P4K, P4K, 0),
                    FEATURE(SECOND, "20000000 06000200", pages[i], 0, NULL),
                    STOP(FIRST, 0), STOP(SECOND, 0));
        assert_int_equal(migp_dirty_start(dirty, two, 2, 4096, &error),
                         MIGP_ERR_SYSTEM);
        assert_int_equal(error.system_errno, EPROTO);
        migp_dirty_free(dirty);
    }
}

/* A driver of the largest page there is. */
static void test_start__page_of_2_63(void **state)
{
    struct migp_dirty *dirty = tracker(1);
    struct list got = {.n = 0};

    (void)state;
    SCRIPT_MORE(&script, START(FIRST, P4K, "0000000000000080", 0),
                REPORT(FIRST, "0000000000000000", "0000008000000000",
                       "0000000000000080", dirty_all, 0),
                REPORT(FIRST, "0000000001000000", "0000004001000000",
                       "0000000000000080", dirty_all, 0),
                STOP(FIRST, 0));
    assert_int_equal(migp_dirty_start(dirty, two, 2, 4096, NULL), MIGP_OK);
    assert_true(migp_dirty_report(dirty, 0, UINT64_C(1) << 63, keep, &got,
                                  NULL) == (INT64_C(7) << 30));
    assert_int_equal(got.n, 2);
    migp_dirty_free(dirty);
}

/* All of the address space but its last page; the kernel takes no more. */
static void test_report__next_to_2_64(void **state)
{
    const struct migp_iova_range all = {0, UINT64_C(0xfffffffffffff000)};
    const struct migp_iova_range top = {UINT64_C(0xfffffffffffe0000),
                                        UINT64_C(0x1f000)};
    struct migp_dirty *dirty = tracker(1);
    struct list got = {.n = 0};

    (void)state;
    SCRIPT_MORE(&script,
                FEATURE(FIRST, "20000000 06000200 " P4K " 01000000 00000000",
                        NULL, 0, NULL),
                REPORT(FIRST, "0000feffffffffff", "00f0010000000000", P4K,
                       dirty_all, 0));
    assert_int_equal(migp_dirty_start(dirty, &all, 1, 4096, NULL), MIGP_OK);
    assert_int_equal(
        migp_dirty_report(dirty, top.iova, top.length, keep, &got, NULL),
        0x1f000);
    assert_range(&got, 0, top.iova, top.length);
    assert_int_equal(
        migp_dirty_report(dirty, top.iova, 0x20000, keep, &got, NULL),
        MIGP_ERR_INVALID_ARGUMENT);
    SCRIPT_MORE(&script, STOP(FIRST, 0));
    migp_dirty_free(dirty);
}

static void test_report__failures(void **state)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_dirty *dirty = started_one();
    struct list got = {.n = 0, .stop_at = 1};

    (void)state;
    SCRIPT_MORE(&script,
                REPORT(FIRST, "0000000000000000", P4K, P4K, NULL, -EINTR),
                REPORT(FIRST, "0000000000000000", P4K, P4K, NULL, -EOPNOTSUPP),
                REPORT(FIRST, "0000000000000000", "0000010000000000", P4K,
                       dirty_all, 0),
                REPORT(FIRST, "0000000000000000", "0000040000000000", P4K,
                       dirty_ends, 0));
    assert_int_equal(migp_dirty_report(dirty, 0, 4096, keep, &got, &error),
                     MIGP_ERR_SYSTEM);
    assert_int_equal(error.system_errno, EOPNOTSUPP);
    assert_int_equal(got.n, 0);
    assert_int_equal(migp_dirty_report(dirty, 0, 65536, keep, &got, &error),
                     MIGP_ERR_CANCELLED);
    got.n = 0;
    assert_int_equal(migp_dirty_report(dirty, 0, 0x40000, keep, &got, &error),
                     MIGP_ERR_CANCELLED);
    assert_int_equal(got.n, 1);
    assert_int_equal(migp_dirty_report(dirty, 0, 4096, NULL, NULL, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_dirty_report(dirty, 1, 4096, keep, &got, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_dirty_report(dirty, 0, 4095, keep, &got, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    SCRIPT_MORE(&script, STOP(FIRST, 0));
    migp_dirty_free(dirty);
}

static void test_start__arguments(void **state)
{
    static const struct {
        struct migp_iova_range ranges[2];
        size_t n;
        uint64_t page;
    } wrong[] = {
        {{{0, 4096}}, 0, 4096},
        {{{0, 4096}}, 1, 0},
        {{{0, 4096}}, 1, 2048},
        {{{0, 0x3000}}, 1, 0x3000},
        {{{0, 0}}, 1, 4096},
        {{{1, 4096}}, 1, 4096},
        {{{0, 4097}}, 1, 4096},
        {{{0, 4096}}, 1, 8192},
        {{{UINT64_C(0xfffffffffffff000), 4096}}, 1, 4096},
        {{{0, 8192}, {4096, 4096}}, 2, 4096},
        {{{8192, 4096}, {0, 4096}}, 2, 4096},
        {{{0, 4096}, {0, 4096}}, 2, 4096},
    };
    struct migp_iova_range many[257];
    struct migp_dirty *dirty = tracker(1);
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(wrong); i++) {
        assert_int_equal(migp_dirty_start(dirty, wrong[i].ranges, wrong[i].n,
                                          wrong[i].page, NULL),
                         MIGP_ERR_INVALID_ARGUMENT);
    }
    assert_int_equal(migp_dirty_start(dirty, NULL, 1, 4096, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_dirty_start(NULL, two, 2, 4096, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    for (i = 0; i < 257; i++) {
        many[i].iova = i * 8192;
        many[i].length = 4096;
    }
    assert_int_equal(migp_dirty_start(dirty, many, 257, 4096, NULL),
                     MIGP_ERR_LIMIT);
    SCRIPT_MORE(&script,
                FEATURE(FIRST, "20000000 06000200 " P4K " 00010000 00000000",
                        NULL, 0, NULL),
                STOP(FIRST, 0));
    assert_int_equal(migp_dirty_start(dirty, many, 256, 4096, NULL), MIGP_OK);
    migp_dirty_free(dirty);
}

static void test_new__device_without_a_log(void **state)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_dirty *dirty = (void *)&error;
    struct migp_vfio *const hole[] = {NULL};

    (void)state;
    SCRIPT_MORE(&script, HAS_LOG(FIRST),
                FEATURE(SECOND, "08000000 06000600", NULL, -ENOTTY, NULL));
    assert_int_equal(migp_dirty_new_vfio(&dirty, devices, 2, &error),
                     MIGP_ERR_UNSUPPORTED);
    assert_null(dirty);
    assert_non_null(strstr(error.text, "device 1"));
    assert_int_equal(migp_dirty_new_vfio(&dirty, devices, 0, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_dirty_new_vfio(&dirty, NULL, 1, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_dirty_new_vfio(&dirty, hole, 1, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_dirty_new_vfio(NULL, devices, 1, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    migp_dirty_free(NULL);
    assert_int_equal(migp_dirty_page_size(NULL), 0);
    assert_int_equal(migp_dirty_stop(NULL, NULL), MIGP_ERR_INVALID_ARGUMENT);
}

static void test_new__no_memory(void **state)
{
    struct migp_dirty *dirty;
    size_t n;

    (void)state;
    for (n = 1; n <= 2; n++) {
        SCRIPT_MORE(&script, HAS_LOG(FIRST));
        alloc_fail_at(n);
        assert_int_equal(migp_dirty_new_vfio(&dirty, devices, 1, NULL),
                         MIGP_ERR_NO_MEMORY);
        assert_null(dirty);
        assert_true(alloc_failed());
        alloc_fail_at(0);
    }
    dirty = tracker(1);
    for (n = 1; n <= 2; n++) {
        alloc_fail_at(n);
        assert_int_equal(migp_dirty_start(dirty, two, 2, 4096, NULL),
                         MIGP_ERR_NO_MEMORY);
        alloc_fail_at(0);
        assert_int_equal(migp_dirty_page_size(dirty), 0);
    }
    migp_dirty_free(dirty);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_dirty__one_device),
        TEST(test_dirty__part_of_a_range),
        TEST(test_dirty__two_devices_share_a_bitmap),
        TEST(test_dirty__the_smallest_page_comes_first),
        TEST(test_dirty__pages_larger_than_the_ranges),
        TEST(test_start__the_second_device_fails),
        TEST(test_start__impossible_page_sizes),
        TEST(test_start__page_of_2_63),
        TEST(test_report__next_to_2_64),
        TEST(test_report__failures),
        TEST(test_start__arguments),
        TEST(test_new__device_without_a_log),
        TEST(test_new__no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
