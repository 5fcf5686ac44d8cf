/* SPDX-License-Identifier: MIT */

/* Tracking by a page table of an IOMMU: linux v6.12
 * include/uapi/linux/iommufd.h, IOMMU_HWPT_SET_DIRTY_TRACKING and
 * IOMMU_HWPT_GET_DIRTY_BITMAP. */

#include "unit/cmocka_all.h"

#include "support/alloc_fail.h"
#include "support/script_sys.h"

#include <errno.h>
#include <migproto/dirty.h>
#include <string.h>

#define IOMMUFD 9

#define SET(FLAGS, RESULT)                                                     \
    {                                                                          \
        .call = "ioctl", .fd = IOMMUFD, .request = 0x3b8b,                     \
        .in = "10000000 " FLAGS "000000 07000000 00000000", .result = (RESULT) \
    }
/* size 48, page table 7, no flags: read and clear */
#define GET(IOVA, LENGTH, PAGE, HOOK, RESULT)                                  \
    {                                                                          \
        .call = "ioctl", .fd = IOMMUFD, .request = 0x3b8c,                     \
        .in = "30000000 07000000 00000000 00000000" IOVA LENGTH PAGE,          \
        .result = (RESULT), .hook = (HOOK)                                     \
    }
#define P4K "0010000000000000"

static struct script script;
static const struct migp_iova_range one = {UINT64_C(1) << 40, 0x100000000};

static uint64_t *bitmap_of(void *arg)
{
    uint64_t *words;

    memcpy(&words, (char *)arg + 40, sizeof(words));
    return words;
}

static void dirty_third(void *arg)
{
    assert_true(bitmap_of(arg)[0] == 0);
    bitmap_of(arg)[0] = 4;
}

static int count(void *user, const struct migp_iova_range *dirty)
{
    struct migp_iova_range *last = user;

    *last = *dirty;
    return 0;
}

static struct migp_dirty *tracker(void)
{
    struct migp_dirty *dirty;

    assert_int_equal(
        migp_dirty_new_iommufd(&dirty, &script.sys, IOMMUFD, 7, NULL), MIGP_OK);
    return dirty;
}

static void test_dirty__start_report_stop(void **state)
{
    struct migp_iova_range last = {0, 0};
    struct migp_dirty *dirty;

    (void)state;
    SCRIPT(&script, SET("01", -EINTR), SET("01", 0),
           GET("0000000000010000", "0000008000000000", P4K, dirty_third, 0),
           GET("0000008000010000", "0000008000000000", P4K, NULL, 0),
           SET("00", 0));
    dirty = tracker();
    assert_int_equal(migp_dirty_start(dirty, &one, 1, 4096, NULL), MIGP_OK);
    assert_int_equal(migp_dirty_page_size(dirty), 4096);
    assert_int_equal(
        migp_dirty_report(dirty, 0, UINT64_C(1) << 63, count, &last, NULL),
        4096);
    assert_true(last.iova == one.iova + 8192 && last.length == 4096);
    migp_dirty_free(dirty);
    script_end(&script);
}

static void test_dirty__failures(void **state)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_iova_range last = {0, 0};
    struct migp_dirty *dirty;

    (void)state;
    SCRIPT(&script, SET("01", -EOPNOTSUPP), SET("01", -ENOTTY), SET("01", 0),
           GET("0000000000010000", P4K, P4K, NULL, -EINVAL), SET("00", -EIO),
           SET("00", 0));
    dirty = tracker();
    assert_int_equal(migp_dirty_start(dirty, &one, 1, 4096, &error),
                     MIGP_ERR_SYSTEM);
    assert_int_equal(error.system_errno, EOPNOTSUPP);
    assert_non_null(strstr(error.text, "ALLOC_DIRTY_TRACKING"));
    assert_int_equal(migp_dirty_start(dirty, &one, 1, 4096, &error),
                     MIGP_ERR_SYSTEM);
    assert_non_null(strstr(error.text, "6.7"));
    assert_int_equal(migp_dirty_page_size(dirty), 0);
    assert_int_equal(migp_dirty_start(dirty, &one, 1, 4096, NULL), MIGP_OK);
    assert_int_equal(
        migp_dirty_report(dirty, one.iova, 4096, count, &last, &error),
        MIGP_ERR_SYSTEM);
    assert_int_equal(error.system_errno, EINVAL);
    assert_int_equal(migp_dirty_stop(dirty, &error), MIGP_ERR_SYSTEM);
    assert_int_equal(error.system_errno, EIO);
    migp_dirty_free(dirty);
    script_end(&script);
}

static void test_new__arguments_and_memory(void **state)
{
    struct migp_dirty *dirty;
    struct migp_sys half;
    size_t n;

    (void)state;
    script_begin(&script, NULL, 0);
    half = script.sys;
    half.struct_size = 4;
    assert_int_equal(migp_dirty_new_iommufd(NULL, &script.sys, 9, 7, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_dirty_new_iommufd(&dirty, &script.sys, -1, 7, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_dirty_new_iommufd(&dirty, &half, 9, 7, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    for (n = 1; n <= 2; n++) {
        alloc_fail_at(n);
        assert_int_equal(
            migp_dirty_new_iommufd(&dirty, &script.sys, 9, 7, NULL),
            MIGP_ERR_NO_MEMORY);
        assert_null(dirty);
        alloc_fail_at(0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dirty__start_report_stop),
        cmocka_unit_test(test_dirty__failures),
        cmocka_unit_test(test_new__arguments_and_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
