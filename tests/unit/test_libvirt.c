/* SPDX-License-Identifier: MIT */
#include "cmocka_all.h"

#include <migproto/libvirt.h>
#include <string.h>

static void store(uint8_t *bytes, size_t word, uint32_t value, bool big_endian)
{
    size_t i;

    for (i = 0; i < 4; i++) {
        bytes[16 + 4 * word + i] =
            (uint8_t)(value >> 8 * (big_endian ? 3 - i : i));
    }
}

static void make(uint8_t bytes[92], const char *magic, uint32_t version,
                 bool big_endian)
{
    memset(bytes, 0, 92);
    memcpy(bytes, magic, 16);
    store(bytes, 0, version, big_endian);
    store(bytes, 1, 0x01020304, big_endian);
    store(bytes, 2, 1, big_endian);
    store(bytes, 3, 5, big_endian);
}

/* [LV-1] */
static void test_parse__both_byte_orders(void **state)
{
    uint32_t version, order;

    (void)state;
    for (version = 1; version <= 3; version++) {
        for (order = 0; order < 2; order++) {
            struct migp_libvirt_header header = {.struct_size = sizeof(header)};
            uint8_t bytes[92];

            make(bytes, "LibvirtQemudSave", version, order == 1);
            assert_int_equal(
                migp_libvirt_header_parse(bytes, 92, &header, NULL), MIGP_OK);
            assert_int_equal(header.version, version);
            assert_int_equal(header.big_endian, order);
            assert_int_equal(header.data_size, 0x01020304);
            assert_int_equal(header.was_running, 1);
            assert_int_equal(header.format, MIGP_LIBVIRT_ZSTD);
            assert_int_equal(header.is_partial, 0);
            assert_true(header.stream_offset == 92 + 0x01020304);
        }
    }
}

static void test_parse__partial(void **state)
{
    struct migp_libvirt_header header = {.struct_size = sizeof(header)};
    uint8_t bytes[92];

    (void)state;
    make(bytes, "LibvirtQemudPart", 2, false);
    assert_int_equal(migp_libvirt_header_parse(bytes, 92, &header, NULL),
                     MIGP_OK);
    assert_int_equal(header.is_partial, 1);
}

static void test_parse__every_prefix(void **state)
{
    uint8_t bytes[92];
    size_t size;

    (void)state;
    make(bytes, "LibvirtQemudSave", 2, false);
    for (size = 0; size < 92; size++) {
        struct migp_libvirt_header header = {.struct_size = sizeof(header),
                                             .version = 77};

        assert_int_equal(migp_libvirt_header_parse(bytes, size, &header, NULL),
                         MIGP_ERR_NEED_MORE);
        assert_int_equal(header.version, 77);
    }
}

static void test_parse__another_file(void **state)
{
    struct migp_libvirt_header header = {.struct_size = sizeof(header)};
    uint8_t bytes[92];
    size_t i;

    (void)state;
    for (i = 0; i < 16; i++) {
        make(bytes, "LibvirtQemudSave", 2, false);
        bytes[i] ^= 0x20;
        assert_int_equal(migp_libvirt_header_parse(bytes, 92, &header, NULL),
                         MIGP_ERR_NOT_A_STREAM);
    }
    assert_int_equal(migp_libvirt_header_parse("QEVM", 4, &header, NULL),
                     MIGP_ERR_NOT_A_STREAM);
}

/* [LV-1] */
static void test_parse__versions(void **state)
{
    static const uint32_t versions[] = {0, 4, 0x80, 0xffffffff, 0x04000000};
    struct migp_error error = MIGP_ERROR_INIT;
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(versions); i++) {
        struct migp_libvirt_header header = {.struct_size = sizeof(header)};
        uint8_t bytes[92];

        make(bytes, "LibvirtQemudSave", versions[i], false);
        assert_int_equal(migp_libvirt_header_parse(bytes, 92, &header, &error),
                         MIGP_ERR_UNSUPPORTED);
        assert_int_equal(error.finding, MIGP_FINDING_LIBVIRT_VERSION);
        assert_true(error.offset == 16 && error.value == versions[i]);
    }
}

static void test_arguments(void **state)
{
    struct migp_libvirt_header header = {.struct_size = sizeof(header)};
    uint8_t bytes[92];

    (void)state;
    make(bytes, "LibvirtQemudSave", 2, false);
    assert_int_equal(migp_libvirt_header_parse(NULL, 92, &header, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_libvirt_header_parse(bytes, 92, NULL, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    header.struct_size = 1;
    assert_int_equal(migp_libvirt_header_parse(bytes, 92, &header, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
}

static void test_format_id(void **state)
{
    (void)state;
    assert_string_equal(migp_libvirt_format_id(MIGP_LIBVIRT_RAW), "raw");
    assert_string_equal(migp_libvirt_format_id(MIGP_LIBVIRT_ZSTD), "zstd");
    assert_string_equal(migp_libvirt_format_id(MIGP_LIBVIRT_SPARSE), "sparse");
    assert_string_equal(migp_libvirt_format_id(7), "unknown");
    assert_string_equal(migp_libvirt_format_id(UINT32_MAX), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__both_byte_orders),
        cmocka_unit_test(test_parse__partial),
        cmocka_unit_test(test_parse__every_prefix),
        cmocka_unit_test(test_parse__another_file),
        cmocka_unit_test(test_parse__versions),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_format_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
