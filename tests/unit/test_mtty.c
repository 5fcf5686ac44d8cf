/* SPDX-License-Identifier: MIT */
#include "cmocka_all.h"

#include "support/file.h"

#include <migproto/record.h>
#include <string.h>

static struct migp_mtty_state fresh(void)
{
    struct migp_mtty_state mtty;

    memset(&mtty, 0xa5, sizeof(mtty));
    mtty.struct_size = sizeof(mtty);
    return mtty;
}

/* One port, each field with a value of its own, as a little-endian host
 * writes it. [MT-1] [MT-2] */
static const uint8_t little[60] = {
    0x4e, 0x2c, 0x3e, 0x8c, 0x89, 0x09, 0x9d, 0x7e, /* magic */
    1,    0,    0,    0,                            /* major */
    0,    0,    0,    0,                            /* minor */
    1,    0,    0,    0,                            /* ports */
    0,    0,    0,    0,                            /* flags */
    0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, /* uart_reg */
    0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, /* fifo */
    0x28, 0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f,
    3,    5,    2,    1,    0, /* head ... overrun */
    0xee,                      /* not used */
    0x34, 0x12,                /* divisor */
    0xc7, 16,   14,   0xee};   /* fcr ... */

static const uint8_t big[60] = {
    0x7e, 0x9d, 0x09, 0x89, 0x8c, 0x3e, 0x2c, 0x4e, 0,    0,    0,    1,
    0,    0,    0,    0,    0,    0,    0,    1,    0,    0,    0,    0,
    0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x20, 0x21, 0x22, 0x23,
    0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f,
    3,    5,    2,    1,    0,    0xee, 0x12, 0x34, 0xc7, 16,   14,   0xee};

static void assert_fields(const struct migp_mtty_state *mtty)
{
    assert_int_equal(mtty->major_version, 1);
    assert_int_equal(mtty->minor_version, 0);
    assert_int_equal(mtty->flags, 0);
    assert_int_equal(mtty->n_ports, 1);
    assert_int_equal(mtty->n_ports_read, 1);
    assert_memory_equal(mtty->ports[0].uart_reg, little + 24, 8);
    assert_memory_equal(mtty->ports[0].fifo, little + 32, 16);
    assert_int_equal(mtty->ports[0].head, 3);
    assert_int_equal(mtty->ports[0].tail, 5);
    assert_int_equal(mtty->ports[0].count, 2);
    assert_int_equal(mtty->ports[0].dlab, 1);
    assert_int_equal(mtty->ports[0].overrun, 0);
    assert_int_equal(mtty->ports[0].divisor, 0x1234);
    assert_int_equal(mtty->ports[0].fcr, 0xc7);
    assert_int_equal(mtty->ports[0].max_fifo_size, 16);
    assert_int_equal(mtty->ports[0].intr_trigger_level, 14);
}

/* [MT-1] */
static void test_parse__every_field_in_both_byte_orders(void **state)
{
    struct migp_mtty_state mtty = fresh();

    (void)state;
    assert_int_equal(migp_mtty_parse(little, 60, &mtty, NULL), MIGP_OK);
    assert_int_equal(mtty.big_endian, 0);
    assert_fields(&mtty);
    mtty = fresh();
    assert_int_equal(migp_mtty_parse(big, 60, &mtty, NULL), MIGP_OK);
    assert_int_equal(mtty.big_endian, 1);
    assert_fields(&mtty);
}

/* [MT-3] */
static void test_parse__every_length(void **state)
{
    uint8_t two[100];
    size_t size;

    (void)state;
    memset(two, 0, sizeof(two));
    memcpy(two, little, 60);
    memcpy(two + 60, little + 24, 36);
    two[16] = 2;
    for (size = 0; size <= 100; size++) {
        struct migp_mtty_state mtty = fresh();
        struct migp_error error = MIGP_ERROR_INIT;
        uint8_t *exact = malloc(size ? size : 1);
        int code;

        assert_non_null(exact);
        memcpy(exact, two, size);
        code = migp_mtty_parse(exact, size, &mtty, &error);
        free(exact);
        if (size == 96) {
            assert_int_equal(code, MIGP_OK);
            assert_int_equal(mtty.n_ports_read, 2);
            assert_int_equal(mtty.ports[1].divisor, 0x1234);
        } else if (size > 96) {
            assert_int_equal(code, MIGP_ERR_MALFORMED);
            assert_int_equal(error.finding, MIGP_FINDING_DRIVER_LONG);
        } else {
            assert_int_equal(code, MIGP_ERR_TRUNCATED);
            assert_int_equal(error.finding, MIGP_FINDING_DRIVER_SHORT);
            assert_true(error.value == size);
        }
        if (size >= 24 && size < 96) {
            assert_int_equal(mtty.n_ports, 2);
            assert_int_equal(mtty.n_ports_read, (size - 24) / 36);
            assert_true(error.expected == 96);
        }
    }
}

/* [MT-2] */
static void test_parse__headers_that_the_driver_refuses(void **state)
{
    static const struct {
        size_t at;
        uint8_t value;
        uint64_t expected;
    } cases[] = {{8, 0, 1},  {8, 2, 1},  {11, 1, 1}, {12, 1, 0}, {15, 1, 0},
                 {20, 1, 0}, {23, 1, 0}, {16, 0, 0}, {16, 3, 0}, {19, 1, 0}};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(cases); i++) {
        struct migp_mtty_state mtty = fresh();
        struct migp_mtty_state before = mtty;
        struct migp_error error = MIGP_ERROR_INIT;
        uint8_t bytes[60];

        memcpy(bytes, little, 60);
        bytes[cases[i].at] = cases[i].value;
        assert_int_equal(migp_mtty_parse(bytes, 60, &mtty, &error),
                         MIGP_ERR_MALFORMED);
        assert_int_equal(error.finding, MIGP_FINDING_DRIVER_HEADER);
        assert_memory_equal(&mtty, &before, sizeof(mtty));
        assert_true(error.offset >= 8 && error.offset < 24);
        if (cases[i].at / 4 != 4) {
            assert_true(error.offset == cases[i].at / 4 * 4);
            assert_true(error.expected == cases[i].expected);
        }
    }
}

static void test_parse__no_mtty(void **state)
{
    size_t byte;

    (void)state;
    for (byte = 0; byte < 8; byte++) {
        struct migp_mtty_state mtty = fresh();
        struct migp_mtty_state before = mtty;
        uint8_t bytes[60];

        memcpy(bytes, little, 60);
        bytes[byte] ^= 1;
        assert_int_equal(migp_mtty_parse(bytes, 60, &mtty, NULL),
                         MIGP_ERR_NOT_A_STREAM);
        assert_memory_equal(&mtty, &before, sizeof(mtty));
    }
}

static void test_parse__bad_arguments(void **state)
{
    struct migp_mtty_state mtty = fresh();

    (void)state;
    assert_int_equal(migp_mtty_parse(NULL, 60, &mtty, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_mtty_parse(little, 60, NULL, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    mtty.struct_size = 0;
    assert_int_equal(migp_mtty_parse(little, 60, &mtty, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
}

/* States that a real kernel's driver gave. */
static void test_parse__captures(void **state)
{
    static const struct {
        const char *name;
        size_t size;
        int code;
        uint32_t ports;
        uint32_t read;
    } cases[] = {
        {"mtty/mtty-1port-stopcopy-direct.bin", 60, MIGP_OK, 1, 1},
        {"mtty/mtty-1port-full-precopy-path.bin", 60, MIGP_OK, 1, 1},
        {"mtty/mtty-2port-stopcopy-direct.bin", 96, MIGP_OK, 2, 2},
        {"mtty/mtty-2port-full-precopy-path.bin", 96, MIGP_OK, 2, 2},
        {"mtty/mtty-1port-precopy-initial.bin", 24, MIGP_ERR_TRUNCATED, 1, 0},
        {"mtty/mtty-2port-precopy-initial.bin", 24, MIGP_ERR_TRUNCATED, 2, 0},
    };
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(cases); i++) {
        struct file file = golden_load(cases[i].name);
        struct migp_mtty_state mtty = fresh();

        assert_int_equal(file.size, cases[i].size);
        assert_int_equal(migp_mtty_parse(file.bytes, file.size, &mtty, NULL),
                         cases[i].code);
        assert_int_equal(mtty.big_endian, 0);
        assert_int_equal(mtty.n_ports, cases[i].ports);
        assert_int_equal(mtty.n_ports_read, cases[i].read);
        file_free(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__every_field_in_both_byte_orders),
        cmocka_unit_test(test_parse__every_length),
        cmocka_unit_test(test_parse__headers_that_the_driver_refuses),
        cmocka_unit_test(test_parse__no_mtty),
        cmocka_unit_test(test_parse__bad_arguments),
        cmocka_unit_test(test_parse__captures),
    };

    return cmocka_run_group_tests_name("mtty", tests, NULL, NULL);
}
