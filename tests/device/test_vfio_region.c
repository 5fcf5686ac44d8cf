/* SPDX-License-Identifier: MIT */

/* Regions of a device, and what a kernel may answer about them. */

#include "unit/cmocka_all.h"

#include "support/script_sys.h"

#include <errno.h>
#include <migproto/vfio.h>
#include <string.h>

#define DEVICE 20

#define INFO(REGION, OUT, RESULT)                                              \
    {                                                                          \
        .call = "ioctl", .fd = DEVICE, .request = 0x3b6c,                      \
        .in = "20000000 00000000 " REGION "000000 00000000"                    \
              "00000000 00000000 00000000 00000000",                           \
        .out = "xxxxxxxx" OUT, .result = (RESULT)                              \
    }
/* 16 bytes at 0x1000 of the fd. */
#define BAR0                                                                   \
    INFO("00", "03000000 xxxxxxxx xxxxxxxx 1000000000000000 0010000000000000", \
         0)

static struct script script;
static struct migp_vfio *vfio;

static int set_up(void **state)
{
    struct migp_vfio_options how;

    (void)state;
    migp_vfio_options_init(&how);
    how.sys = &script.sys;
    how.device_fd = DEVICE;
    SCRIPT(&script,
           {.call = "ioctl", .fd = DEVICE, .request = 0x3b6b, .in = "18"},
           {.call = "readlink", .text = "/proc/self/fd/20", .result = -ENOENT});
    return migp_vfio_open(&vfio, &how, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    script_end(&script);
    migp_vfio_close(vfio);
    return 0;
}

static void read_fails(uint32_t region, uint64_t offset, size_t size, int code,
                       int number)
{
    struct migp_error error = MIGP_ERROR_INIT;
    uint8_t bytes[64];

    assert_int_equal(
        migp_vfio_region_read(vfio, region, offset, bytes, size, &error), code);
    assert_int_equal(error.code, code);
    assert_int_equal(error.system_errno, number);
    assert_true(strlen(error.text) > 0);
}

static void test_region_read__whole(void **state)
{
    uint8_t bytes[4];

    (void)state;
    SCRIPT_MORE(&script, BAR0,
                {.call = "pread",
                 .fd = DEVICE,
                 .number = 0x1004,
                 .out = "11223344",
                 .result = 4});
    assert_int_equal(migp_vfio_region_read(vfio, 0, 4, bytes, 4, NULL), 4);
    assert_memory_equal(bytes, "\x11\x22\x33\x44", 4);
}

static void test_region_read__in_pieces_with_interruptions(void **state)
{
    uint8_t bytes[4];

    (void)state;
    SCRIPT_MORE(
        &script, BAR0,
        {.call = "pread", .fd = DEVICE, .number = 0x1004, .result = -EINTR},
        {.call = "pread",
         .fd = DEVICE,
         .number = 0x1004,
         .out = "11",
         .result = 1},
        {.call = "pread", .fd = DEVICE, .number = 0x1005, .result = -EINTR},
        {.call = "pread",
         .fd = DEVICE,
         .number = 0x1005,
         .out = "223344",
         .result = 3});
    assert_int_equal(migp_vfio_region_read(vfio, 0, 4, bytes, 4, NULL), 4);
    assert_memory_equal(bytes, "\x11\x22\x33\x44", 4);
}

static void test_region_read__ends_with_the_region(void **state)
{
    uint8_t bytes[64];

    (void)state;
    SCRIPT_MORE(&script, BAR0,
                {.call = "pread",
                 .fd = DEVICE,
                 .number = 0x100e,
                 .out = "1122",
                 .result = 2},
                BAR0, BAR0);
    assert_int_equal(migp_vfio_region_read(vfio, 0, 14, bytes, 64, NULL), 2);
    read_fails(0, 16, 1, MIGP_ERR_INVALID_ARGUMENT, 0);
    read_fails(0, UINT64_MAX, 1, MIGP_ERR_INVALID_ARGUMENT, 0);
}

static void test_region_write__whole(void **state)
{
    struct migp_error error = MIGP_ERROR_INIT;

    (void)state;
    SCRIPT_MORE(
        &script, BAR0,
        {.call = "pwrite",
         .fd = DEVICE,
         .number = 0x1000,
         .in = "aabb",
         .result = 1},
        {.call = "pwrite",
         .fd = DEVICE,
         .number = 0x1001,
         .in = "bb",
         .result = 1},
        BAR0,
        {.call = "pwrite", .fd = DEVICE, .number = 0x1000, .result = -EIO});
    assert_int_equal(migp_vfio_region_write(vfio, 0, 0, "\xaa\xbb", 2, NULL),
                     2);
    assert_int_equal(migp_vfio_region_write(vfio, 0, 0, "\xaa\xbb", 2, &error),
                     MIGP_ERR_SYSTEM);
    assert_int_equal(error.system_errno, EIO);
}

static void test_region_read__no_such_region(void **state)
{
    (void)state;
    SCRIPT_MORE(&script, INFO("40", "", -EINVAL),
                INFO("05", "03000000 xxxxxxxx xxxxxxxx 0000000000000000", 0),
                INFO("06", "02000000 xxxxxxxx xxxxxxxx 1000000000000000", 0),
                INFO("00", "", -EIO));
    read_fails(64, 0, 4, MIGP_ERR_UNSUPPORTED, 0);
    read_fails(5, 0, 4, MIGP_ERR_UNSUPPORTED, 0);
    read_fails(6, 0, 4, MIGP_ERR_UNSUPPORTED, 0);
    read_fails(0, 0, 4, MIGP_ERR_SYSTEM, EIO);
}

static void test_region_write__read_only(void **state)
{
    (void)state;
    SCRIPT_MORE(&script,
                INFO("06", "01000000 xxxxxxxx xxxxxxxx 1000000000000000", 0));
    assert_int_equal(migp_vfio_region_write(vfio, 6, 0, "a", 1, NULL),
                     MIGP_ERR_UNSUPPORTED);
}

/* A kernel whose numbers wrap around. */
static void test_region_read__impossible_places(void **state)
{
    (void)state;
    SCRIPT_MORE(&script,
                INFO("00",
                     "03000000 xxxxxxxx xxxxxxxx ffffffffffffffff"
                     "ffffffffffffffff",
                     0),
                INFO("00",
                     "03000000 xxxxxxxx xxxxxxxx ffffffffffffffff"
                     "ffffffffffffff7f",
                     0),
                INFO("00",
                     "03000000 xxxxxxxx xxxxxxxx ffffffffffffffff"
                     "fcffffffffffff7f",
                     0));
    read_fails(0, 0, 4, MIGP_ERR_SYSTEM, EOVERFLOW);
    read_fails(0, 1, 4, MIGP_ERR_SYSTEM, EOVERFLOW);
    read_fails(0, 0, 4, MIGP_ERR_SYSTEM, EOVERFLOW);
}

/* More than was asked for, or nothing where there is something. */
static void test_region_read__impossible_amounts(void **state)
{
    (void)state;
    SCRIPT_MORE(
        &script, BAR0,
        {.call = "pread", .fd = DEVICE, .number = 0x1000, .result = 0}, BAR0,
        {.call = "pread", .fd = DEVICE, .number = 0x1000, .result = 5}, BAR0,
        {.call = "pread", .fd = DEVICE, .number = 0x1000, .result = INT64_MAX},
        BAR0,
        {.call = "pread", .fd = DEVICE, .number = 0x1000, .result = -ENODEV});
    read_fails(0, 0, 4, MIGP_ERR_SYSTEM, EIO);
    read_fails(0, 0, 4, MIGP_ERR_SYSTEM, EIO);
    read_fails(0, 0, 4, MIGP_ERR_SYSTEM, EIO);
    read_fails(0, 0, 4, MIGP_ERR_SYSTEM, ENODEV);
}

static void test_region__no_buffer(void **state)
{
    (void)state;
    assert_int_equal(migp_vfio_region_read(vfio, 0, 0, NULL, 4, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_vfio_region_write(vfio, 0, 0, NULL, 4, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_vfio_region_read(NULL, 0, 0, &script, 4, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_region_read__whole),
        TEST(test_region_read__in_pieces_with_interruptions),
        TEST(test_region_read__ends_with_the_region),
        TEST(test_region_write__whole),
        TEST(test_region_read__no_such_region),
        TEST(test_region_write__read_only),
        TEST(test_region_read__impossible_places),
        TEST(test_region_read__impossible_amounts),
        TEST(test_region__no_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
