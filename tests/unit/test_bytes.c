/* SPDX-License-Identifier: MIT */
#include "cmocka_all.h"

#include "core/bytes.h"

static const uint8_t sample[] = {0x01, 0x82, 0x03, 0x84, 0x05,
                                 0x86, 0x07, 0x88, 0x09};

static void test_load__big_and_little_endian(void **state)
{
    (void)state;
    assert_int_equal(migp_load_be16(sample), 0x0182);
    assert_int_equal(migp_load_be32(sample), 0x01820384);
    assert_true(migp_load_be64(sample) == UINT64_C(0x0182038405860788));
    assert_int_equal(migp_load_le16(sample), 0x8201);
    assert_int_equal(migp_load_le32(sample), 0x84038201);
    assert_true(migp_load_le64(sample) == UINT64_C(0x8807860584038201));
}

static void test_load__high_bits_do_not_smear(void **state)
{
    static const uint8_t ones[8] = {0xff, 0xff, 0xff, 0xff,
                                    0xff, 0xff, 0xff, 0xfe};

    (void)state;
    assert_true(migp_load_be64(ones) == UINT64_C(0xfffffffffffffffe));
    assert_true(migp_load_le64(ones) == UINT64_C(0xfeffffffffffffff));
    assert_true(migp_load_be32(ones) == UINT32_C(0xffffffff));
    assert_int_equal(migp_load_be16(ones + 6), 0xfffe);
}

static void test_store__is_what_load_reads(void **state)
{
    uint8_t bytes[8];

    (void)state;
    migp_store_be16(bytes, 0x0182);
    assert_memory_equal(bytes, sample, 2);
    migp_store_be32(bytes, 0x01820384);
    assert_memory_equal(bytes, sample, 4);
    migp_store_be64(bytes, UINT64_C(0x0182038405860788));
    assert_memory_equal(bytes, sample, 8);
}

static void test_cursor__reads_in_order(void **state)
{
    struct migp_cursor cursor = migp_cursor_over(sample, sizeof(sample));
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;

    (void)state;
    assert_true(migp_cursor_u8(&cursor, &u8));
    assert_int_equal(u8, 0x01);
    assert_true(migp_cursor_be16(&cursor, &u16));
    assert_int_equal(u16, 0x8203);
    assert_true(migp_cursor_be32(&cursor, &u32));
    assert_int_equal(u32, 0x84058607);
    assert_int_equal(migp_cursor_left(&cursor), 2);
}

static void test_cursor__a_read_too_far_moves_nothing(void **state)
{
    struct migp_cursor cursor = migp_cursor_over(sample, 7);
    uint8_t u8 = 0x5a;
    uint16_t u16 = 0x5a5a;
    uint32_t u32 = 0x5a5a5a5a;
    uint64_t u64 = 0x5a5a5a5a;
    const uint8_t *bytes = NULL;

    (void)state;
    assert_false(migp_cursor_be64(&cursor, &u64));
    assert_true(u64 == 0x5a5a5a5a);
    assert_int_equal(migp_cursor_left(&cursor), 7);
    assert_true(migp_cursor_take(&cursor, 4, &bytes));
    assert_ptr_equal(bytes, sample);
    assert_false(migp_cursor_be32(&cursor, &u32));
    assert_int_equal(u32, 0x5a5a5a5a);
    assert_true(migp_cursor_take(&cursor, 2, &bytes));
    assert_ptr_equal(bytes, sample + 4);
    assert_false(migp_cursor_be16(&cursor, &u16));
    assert_int_equal(u16, 0x5a5a);
    assert_true(migp_cursor_u8(&cursor, &u8));
    assert_false(migp_cursor_u8(&cursor, &u8));
    assert_int_equal(u8, 0x07);
    assert_int_equal(migp_cursor_left(&cursor), 0);
}

static void test_cursor_take__sizes_that_would_overflow(void **state)
{
    struct migp_cursor cursor = migp_cursor_over(sample, 4);
    const uint8_t *bytes = NULL;

    (void)state;
    assert_true(migp_cursor_take(&cursor, 3, &bytes));
    assert_false(migp_cursor_take(&cursor, SIZE_MAX, &bytes));
    assert_false(migp_cursor_take(&cursor, SIZE_MAX - 2, &bytes));
    assert_true(migp_cursor_take(&cursor, 0, &bytes));
    assert_int_equal(migp_cursor_left(&cursor), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_load__big_and_little_endian),
        cmocka_unit_test(test_load__high_bits_do_not_smear),
        cmocka_unit_test(test_store__is_what_load_reads),
        cmocka_unit_test(test_cursor__reads_in_order),
        cmocka_unit_test(test_cursor__a_read_too_far_moves_nothing),
        cmocka_unit_test(test_cursor_take__sizes_that_would_overflow),
    };

    return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
