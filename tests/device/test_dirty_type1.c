/* SPDX-License-Identifier: MIT */

/* Tracking by a type1 container: linux v6.12 include/uapi/linux/vfio.h,
 * VFIO_IOMMU_GET_INFO, VFIO_IOMMU_DIRTY_PAGES. */

#include "unit/cmocka_all.h"

#include "support/alloc_fail.h"
#include "support/script_sys.h"

#include <errno.h>
#include <migproto/dirty.h>
#include <string.h>

#define CONTAINER 9
#define INFO_ROOM 16384

#define INFO(OUT, RESULT)                                                      \
    {                                                                          \
        .call = "ioctl", .fd = CONTAINER, .request = 0x3b70,                   \
        .in = "00400000 00000000 0000000000000000 00000000 00000000",          \
        .out = (OUT), .result = (RESULT)                                       \
    }
/* flags PGSIZES and CAPS, cap_offset 24: the usable addresses (id 1) at 24,
 * migration (id 2) at 56, then DMA_AVAIL (id 3) */
#define HEAD(OFFSET)                                                           \
    "80000000 03000000 00f0ffffffffffff " OFFSET "000000 00000000"
#define ADDRESSES(NEXT)                                                        \
    "0100 0100 " NEXT "000000 01000000 00000000"                               \
    "0000000000000000 ffffffffffff0000"
#define MIGRATION(PAGES, MAX) "0200 0100 58000000 00000000 00000000" PAGES MAX
#define AVAIL "0300 0100 00000000 ffff0000"
#define P4K "0010000000000000"
#define MAX_256M "0000001000000000"
#define GOOD HEAD("18") ADDRESSES("38") MIGRATION(P4K, MAX_256M) AVAIL

#define PAGES(FLAGS, RESULT)                                                   \
    {                                                                          \
        .call = "ioctl", .fd = CONTAINER, .request = 0x3b75,                   \
        .in = "08000000 " FLAGS "000000", .result = (RESULT)                   \
    }
/* argsz 48, GET_BITMAP; iova, size; page size, bytes of bitmap, pointer */
#define GET(IOVA, LENGTH, BYTES, HOOK, RESULT)                                 \
    {                                                                          \
        .call = "ioctl", .fd = CONTAINER, .request = 0x3b75,                   \
        .in = "30000000 04000000" IOVA LENGTH P4K BYTES "xxxxxxxxxxxxxxxx",    \
        .result = (RESULT), .hook = (HOOK)                                     \
    }

static struct script script;

static uint64_t word_at(const void *arg, size_t offset)
{
    uint64_t word;

    memcpy(&word, (const char *)arg + offset, sizeof(word));
    return word;
}

static void dirty_ends(void *arg)
{
    const uint64_t n = word_at(arg, 32) / 8;
    uint64_t *words;
    uint64_t i;

    memcpy(&words, (char *)arg + 40, sizeof(words));
    for (i = 0; i < n; i++) {
        assert_true(words[i] == 0);
    }
    words[0] |= 1;
    words[n - 1] |= UINT64_C(1) << 63;
}

struct list {
    struct migp_iova_range ranges[8];
    size_t n;
};

static int keep(void *user, const struct migp_iova_range *dirty)
{
    struct list *list = user;

    assert_true(list->n < 8);
    list->ranges[list->n++] = *dirty;
    return 0;
}

static struct migp_dirty *tracker(const char *info)
{
    struct migp_dirty *dirty;

    SCRIPT(&script, INFO(info, 0));
    assert_int_equal(migp_dirty_new_type1(&dirty, &script.sys, CONTAINER, NULL),
                     MIGP_OK);
    script_end(&script);
    return dirty;
}

/* 4 GiB are asked for in one piece: the kernel cuts no mapping. */
static void test_dirty__start_report_stop(void **state)
{
    const struct migp_iova_range range = {0, UINT64_C(1) << 32};
    struct migp_dirty *dirty = tracker(GOOD);
    struct list got = {.n = 0};

    (void)state;
    SCRIPT_MORE(&script, PAGES("01", 0),
                GET("0000000000000000", "0000000001000000", "0000020000000000",
                    dirty_ends, 0),
                PAGES("02", 0));
    /* Whatever pages are asked for, the container has its own. */
    assert_int_equal(migp_dirty_start(dirty, &range, 1, 65536, NULL), MIGP_OK);
    assert_int_equal(migp_dirty_page_size(dirty), 4096);
    assert_int_equal(
        migp_dirty_report(dirty, 0, UINT64_C(1) << 40, keep, &got, NULL), 8192);
    assert_int_equal(got.n, 2);
    assert_true(got.ranges[1].iova == 0xfffff000);
    migp_dirty_free(dirty);
    script_end(&script);
}

static void test_report__failures(void **state)
{
    const struct migp_iova_range range = {0, 0x40000};
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_dirty *dirty = tracker(GOOD);

    (void)state;
    SCRIPT_MORE(&script, PAGES("01", -EIO), PAGES("01", 0),
                GET("0000000000000000", P4K, "0800000000000000", NULL, -EINVAL),
                /* Not a second time: the first may have cleared pages. */
                GET("0000000000000000", P4K, "0800000000000000", NULL, -EINTR),
                PAGES("02", -EBADF), PAGES("02", 0));
    assert_int_equal(migp_dirty_start(dirty, &range, 1, 4096, &error),
                     MIGP_ERR_SYSTEM);
    assert_int_equal(error.system_errno, EIO);
    assert_int_equal(migp_dirty_start(dirty, &range, 1, 4096, &error), MIGP_OK);
    assert_int_equal(migp_dirty_report(dirty, 0, 4096, keep, NULL, &error),
                     MIGP_ERR_SYSTEM);
    assert_non_null(strstr(error.text, "whole mappings"));
    assert_int_equal(migp_dirty_report(dirty, 0, 4096, keep, NULL, &error),
                     MIGP_ERR_SYSTEM);
    assert_int_equal(error.system_errno, EINTR);
    assert_int_equal(migp_dirty_stop(dirty, &error), MIGP_ERR_SYSTEM);
    assert_int_equal(error.system_errno, EBADF);
    migp_dirty_free(dirty);
    script_end(&script);
}

static void test_start__bitmap_larger_than_the_kernels(void **state)
{
    /* 64 pages a word: 8 bytes are 256 KiB. */
    const struct migp_iova_range fits = {0, 0x40000};
    const struct migp_iova_range large = {0, 0x41000};
    const struct migp_iova_range all = {0, UINT64_C(0xfffffffffffff000)};
    struct migp_dirty *dirty = tracker(
        HEAD("18") ADDRESSES("38") MIGRATION(P4K, "0800000000000000") AVAIL);

    (void)state;
    assert_int_equal(migp_dirty_start(dirty, &large, 1, 4096, NULL),
                     MIGP_ERR_LIMIT);
    assert_int_equal(migp_dirty_start(dirty, &all, 1, 4096, NULL),
                     MIGP_ERR_LIMIT);
    SCRIPT_MORE(&script, PAGES("01", 0), PAGES("02", 0));
    assert_int_equal(migp_dirty_start(dirty, &fits, 1, 4096, NULL), MIGP_OK);
    migp_dirty_free(dirty);
    script_end(&script);
}

static void test_start__smallest_page_of_several(void **state)
{
    const struct migp_iova_range wrong = {0, 0x11000};
    const struct migp_iova_range right = {0x10000, 0x20000};
    struct migp_dirty *dirty = tracker(HEAD("18") ADDRESSES("38") MIGRATION(
        "0000210000000000", MAX_256M) AVAIL);

    (void)state;
    assert_int_equal(migp_dirty_start(dirty, &wrong, 1, 4096, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    SCRIPT_MORE(&script, PAGES("01", 0), PAGES("02", 0));
    assert_int_equal(migp_dirty_start(dirty, &right, 1, 4096, NULL), MIGP_OK);
    assert_int_equal(migp_dirty_page_size(dirty), 65536);
    migp_dirty_free(dirty);
    script_end(&script);
}

/* The kernel adds capabilities in no order that it promises: here it is the
 * fourth, behind the addresses, DMA_AVAIL and one that nobody knows. */
static void test_new__capability_at_the_end_of_the_chain(void **state)
{
    const struct migp_iova_range range = {0, 0x10000};
    struct migp_dirty *dirty = tracker(HEAD("18") ADDRESSES(
        "38") "0300 0100 44000000 ffff0000"
              "6300 0100 4c000000" MIGRATION(P4K, MAX_256M));

    (void)state;
    SCRIPT_MORE(&script, PAGES("01", 0), PAGES("02", 0));
    assert_int_equal(migp_dirty_start(dirty, &range, 1, 65536, NULL), MIGP_OK);
    assert_int_equal(migp_dirty_page_size(dirty), 4096);
    migp_dirty_free(dirty);
    script_end(&script);
}

static void test_new__no_capability(void **state)
{
    static const char *const infos[] = {
        /* no capabilities; the flag without a chain; a chain without it */
        "80000000 01000000 00f0ffffffffffff 18000000 00000000" ADDRESSES("38")
            MIGRATION(P4K, MAX_256M) AVAIL,
        HEAD("00") ADDRESSES("38") MIGRATION(P4K, MAX_256M) AVAIL,
        HEAD("18") ADDRESSES("00") MIGRATION(P4K, MAX_256M) AVAIL,
        /* chains that leave the struct, or go round */
        "80000000 03000000 00f0ffffffffffff f9ffffff 00000000",
        "80000000 03000000 00f0ffffffffffff fa3f0000 00000000",
        "80000000 03000000 00f0ffffffffffff 00400000 00000000",
        HEAD("18") ADDRESSES("18"),
        /* numbers that cannot be */
        HEAD("18") ADDRESSES("38") MIGRATION("0000000000000000", MAX_256M),
        HEAD("18") ADDRESSES("38") MIGRATION("0108000000000000", MAX_256M),
        HEAD("18") ADDRESSES("38") MIGRATION(P4K, "0700000000000000"),
    };
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(infos); i++) {
        struct migp_error error = MIGP_ERROR_INIT;
        struct migp_dirty *dirty = (void *)&error;

        SCRIPT(&script, INFO(infos[i], 0));
        assert_int_equal(
            migp_dirty_new_type1(&dirty, &script.sys, CONTAINER, &error),
            MIGP_ERR_UNSUPPORTED);
        assert_null(dirty);
        script_end(&script);
    }
}

/* The capability's header is the last thing that fits. */
static void cap_at_the_end(void *arg)
{
    const uint8_t header[] = {2, 0, 1, 0, 0, 0, 0, 0};
    const uint32_t offset = INFO_ROOM - 8;

    memcpy((uint8_t *)arg + 16, &offset, sizeof(offset));
    memcpy((uint8_t *)arg + offset, header, sizeof(header));
}

static void test_new__capability_is_cut(void **state)
{
    struct migp_dirty *dirty;

    (void)state;
    SCRIPT(&script, {.call = "ioctl",
                     .fd = CONTAINER,
                     .request = 0x3b70,
                     .in = "00400000",
                     .out = "xxxxxxxx 03000000",
                     .hook = cap_at_the_end});
    assert_int_equal(migp_dirty_new_type1(&dirty, &script.sys, CONTAINER, NULL),
                     MIGP_ERR_UNSUPPORTED);
    script_end(&script);
}

static void test_new__arguments_and_memory(void **state)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_dirty *dirty;
    size_t n;

    (void)state;
    SCRIPT(&script, INFO("", -ENOTTY));
    assert_int_equal(
        migp_dirty_new_type1(&dirty, &script.sys, CONTAINER, &error),
        MIGP_ERR_SYSTEM);
    assert_int_equal(error.system_errno, ENOTTY);
    assert_int_equal(migp_dirty_new_type1(&dirty, &script.sys, -1, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_dirty_new_type1(NULL, &script.sys, 1, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    script.sys.struct_size = 1;
    assert_int_equal(migp_dirty_new_type1(&dirty, &script.sys, 1, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    for (n = 1; n <= 3; n++) {
        SCRIPT(&script, INFO(GOOD, 0));
        alloc_fail_at(n);
        assert_int_equal(
            migp_dirty_new_type1(&dirty, &script.sys, CONTAINER, NULL),
            MIGP_ERR_NO_MEMORY);
        assert_true(alloc_failed());
        alloc_fail_at(0);
        assert_null(dirty);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dirty__start_report_stop),
        cmocka_unit_test(test_report__failures),
        cmocka_unit_test(test_start__bitmap_larger_than_the_kernels),
        cmocka_unit_test(test_start__smallest_page_of_several),
        cmocka_unit_test(test_new__capability_at_the_end_of_the_chain),
        cmocka_unit_test(test_new__no_capability),
        cmocka_unit_test(test_new__capability_is_cut),
        cmocka_unit_test(test_new__arguments_and_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
