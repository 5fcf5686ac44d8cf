/* SPDX-License-Identifier: MIT */
#include "cmocka_all.h"

#include "support/build.h"
#include "support/file.h"

#include <migproto/record.h>
#include <stdio.h>
#include <string.h>

static struct migp_driver_reader *made(void)
{
    struct migp_driver_reader *reader;

    assert_int_equal(migp_driver_reader_new(&reader), MIGP_OK);
    return reader;
}

static struct file two_ports(void)
{
    return golden_load("mtty/mtty-2port-stopcopy-direct.bin");
}

/* Feed in pieces of this size; returns what finish said. */
static int feed_all(struct migp_driver_reader *reader, const uint8_t *bytes,
                    size_t size, size_t piece)
{
    size_t at;

    for (at = 0; at < size; at += piece) {
        size_t now = size - at < piece ? size - at : piece;

        assert_int_equal(
            migp_driver_reader_feed(reader, bytes + at, now, 1000 + at),
            MIGP_OK);
    }
    return migp_driver_reader_finish(reader, 1000 + size);
}

static struct migp_finding only_finding(const struct migp_driver_reader *r)
{
    struct migp_finding finding;

    assert_int_equal(migp_driver_reader_finding_count(r), 1);
    assert_int_equal(migp_driver_reader_finding(r, 0, &finding), MIGP_OK);
    assert_int_equal(finding.severity, migp_finding_severity(finding.code));
    return finding;
}

static void test_feed__same_in_every_split(void **state)
{
    struct file file = two_ports();
    size_t piece;

    (void)state;
    for (piece = 1; piece <= file.size; piece++) {
        struct migp_driver_reader *reader = made();
        struct migp_field field;
        size_t i;
        bool found = false;

        assert_int_equal(feed_all(reader, file.bytes, file.size, piece),
                         MIGP_OK);
        assert_int_equal(migp_driver_reader_driver(reader), MIGP_DRIVER_MTTY);
        assert_int_equal(migp_driver_reader_finding_count(reader), 0);
        for (i = 0; i < migp_driver_reader_field_count(reader); i++) {
            assert_int_equal(migp_driver_reader_field(reader, i, &field),
                             MIGP_OK);
            if (strcmp(field.name, "port1.uart_reg") == 0) {
                found = true;
                assert_int_equal(field.kind, MIGP_FIELD_BYTES);
                assert_int_equal(field.size, 8);
                assert_memory_equal(field.bytes, file.bytes + 60, 8);
            } else if (strcmp(field.name, "nr_ports") == 0) {
                assert_true(field.number == 2);
            }
        }
        assert_true(found);
        assert_int_equal(migp_driver_reader_field(reader, i, &field),
                         MIGP_ERR_INVALID_ARGUMENT);
        migp_driver_reader_free(reader);
    }
    file_free(&file);
}

/* [MT-3] */
static void test_finish__every_prefix_is_short(void **state)
{
    struct file file = two_ports();
    size_t size;

    (void)state;
    for (size = 8; size < file.size; size++) {
        struct migp_driver_reader *reader = made();
        struct migp_finding finding;

        assert_int_equal(feed_all(reader, file.bytes, size, size),
                         MIGP_ERR_TRUNCATED);
        assert_int_equal(migp_driver_reader_driver(reader), MIGP_DRIVER_MTTY);
        finding = only_finding(reader);
        assert_int_equal(finding.code, MIGP_FINDING_DRIVER_SHORT);
        assert_true(finding.value == size);
        assert_true(finding.expected == (size < 24 ? 24 : 96));
        assert_true(finding.offset == 1000 + size);
        migp_driver_reader_free(reader);
    }
    file_free(&file);
}

/* Less than the magic is nobody's: opaque, and not judged. */
static void test_finish__less_than_the_magic_is_opaque(void **state)
{
    struct file file = two_ports();
    size_t size;

    (void)state;
    for (size = 0; size < 8; size++) {
        struct migp_driver_reader *reader = made();

        assert_int_equal(feed_all(reader, file.bytes, size, 1), MIGP_OK);
        assert_int_equal(migp_driver_reader_driver(reader), MIGP_DRIVER_OPAQUE);
        assert_int_equal(migp_driver_reader_finding_count(reader), 0);
        assert_int_equal(migp_driver_reader_field_count(reader), 0);
        migp_driver_reader_free(reader);
    }
    file_free(&file);
}

static void test_finish__bytes_too_many(void **state)
{
    struct file file = two_ports();
    size_t more;

    (void)state;
    for (more = 1; more < 100; more += 7) {
        struct migp_driver_reader *reader = made();
        struct build build = {NULL, 0, 0};
        struct migp_finding finding;

        build_bytes(&build, file.bytes, file.size);
        build_fill(&build, more, 0x11);
        assert_int_equal(feed_all(reader, build.bytes, build.size, 10),
                         MIGP_ERR_MALFORMED);
        finding = only_finding(reader);
        assert_int_equal(finding.code, MIGP_FINDING_DRIVER_LONG);
        assert_true(finding.value == 96 + more);
        assert_true(finding.expected == 96);
        migp_driver_reader_free(reader);
        build_free(&build);
    }
    file_free(&file);
}

/* [MT-4] The header again, as a kernel with REINIT gives it. */
static void test_finish__header_repeated(void **state)
{
    struct file file = two_ports();
    size_t times;
    size_t piece;

    (void)state;
    for (times = 1; times < 5; times++) {
        struct build build = {NULL, 0, 0};
        size_t i;

        for (i = 0; i < times; i++) {
            build_bytes(&build, file.bytes, 24);
        }
        build_bytes(&build, file.bytes, file.size);
        for (piece = 1; piece <= build.size; piece++) {
            struct migp_driver_reader *reader = made();
            struct migp_finding finding;

            assert_int_equal(feed_all(reader, build.bytes, build.size, piece),
                             MIGP_OK);
            finding = only_finding(reader);
            assert_int_equal(finding.code, MIGP_FINDING_DRIVER_REPEAT);
            assert_int_equal(finding.severity, MIGP_SEVERITY_WARNING);
            assert_true(finding.value == times);
            migp_driver_reader_free(reader);
        }
        build_free(&build);
    }
    file_free(&file);
}

/* Behind the first port there is no header any more, whatever it looks like. */
static void test_finish__second_port_like_the_header(void **state)
{
    struct file file = two_ports();
    struct migp_driver_reader *reader = made();
    struct migp_finding finding;
    size_t i;

    (void)state;
    memcpy(file.bytes + 60, file.bytes, 24);
    assert_int_equal(feed_all(reader, file.bytes, file.size, 7), MIGP_OK);
    for (i = 0; i < migp_driver_reader_finding_count(reader); i++) {
        assert_int_equal(migp_driver_reader_finding(reader, i, &finding),
                         MIGP_OK);
        assert_int_not_equal(finding.code, MIGP_FINDING_DRIVER_REPEAT);
        assert_int_not_equal(finding.code, MIGP_FINDING_DRIVER_SHORT);
    }
    migp_driver_reader_free(reader);
    file_free(&file);
}

/* [MT-2] */
static void test_finish__header_refused(void **state)
{
    struct file file = two_ports();
    size_t at;

    (void)state;
    for (at = 8; at < 24; at++) {
        struct migp_driver_reader *reader = made();
        uint8_t before = file.bytes[at];

        file.bytes[at] ^= 0x40;
        assert_int_equal(feed_all(reader, file.bytes, file.size, 5),
                         MIGP_ERR_MALFORMED);
        assert_int_equal(only_finding(reader).code, MIGP_FINDING_DRIVER_HEADER);
        assert_true(only_finding(reader).offset == 1000 + at / 4 * 4);
        file.bytes[at] = before;
        migp_driver_reader_free(reader);
    }
    file_free(&file);
}

/* [MT-5] Indices into a FIFO of 16 bytes, at the bound and above. */
static void test_finish__fifo_indices(void **state)
{
    static const struct {
        size_t at; /* in the port */
        uint8_t value;
        bool sane;
    } cases[] = {{24, 15, true},  {24, 16, false}, {25, 15, true},
                 {25, 16, false}, {26, 16, true},  {26, 17, false},
                 {24, 255, false}};
    struct file file = two_ports();
    size_t port;
    size_t i;

    (void)state;
    for (port = 0; port < 2; port++) {
        for (i = 0; i < N_TESTS(cases); i++) {
            struct migp_driver_reader *reader = made();
            size_t at = 24 + 36 * port + cases[i].at;
            uint8_t before = file.bytes[at];

            file.bytes[at] = cases[i].value;
            assert_int_equal(feed_all(reader, file.bytes, file.size, 96),
                             MIGP_OK);
            if (cases[i].sane) {
                assert_int_equal(migp_driver_reader_finding_count(reader), 0);
            } else {
                struct migp_finding finding = only_finding(reader);

                assert_int_equal(finding.code, MIGP_FINDING_DRIVER_FIELD);
                assert_true(finding.value == cases[i].value);
                assert_true(finding.offset == 1000 + at);
            }
            file.bytes[at] = before;
            migp_driver_reader_free(reader);
        }
    }
    file_free(&file);
}

static void test_feed__opaque_bytes_are_not_judged(void **state)
{
    struct migp_driver_reader *reader = made();
    uint8_t noise[1000];
    size_t i;

    (void)state;
    memset(noise, 0x3c, sizeof(noise));
    for (i = 0; i < 100; i++) {
        assert_int_equal(migp_driver_reader_feed(reader, noise, sizeof(noise),
                                                 i * sizeof(noise)),
                         MIGP_OK);
    }
    assert_int_equal(migp_driver_reader_finish(reader, 100000), MIGP_OK);
    assert_int_equal(migp_driver_reader_driver(reader), MIGP_DRIVER_OPAQUE);
    assert_int_equal(migp_driver_reader_finding_count(reader), 0);
    migp_driver_reader_free(reader);
}

static void test_queries__bad_arguments(void **state)
{
    struct migp_driver_reader *reader = made();
    struct migp_finding finding;
    struct migp_field field;

    (void)state;
    assert_int_equal(migp_driver_reader_new(NULL), MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_driver_reader_feed(NULL, "", 0, 0),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_driver_reader_feed(reader, NULL, 1, 0),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_driver_reader_feed(reader, NULL, 0, 0), MIGP_OK);
    assert_int_equal(migp_driver_reader_finish(NULL, 0),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_driver_reader_finding(reader, 0, &finding),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_driver_reader_finding(NULL, 0, &finding),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_driver_reader_finding(reader, 0, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_driver_reader_field(reader, 0, &field),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_driver_reader_field(reader, 0, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    migp_driver_reader_free(reader);
    migp_driver_reader_free(NULL);
}

static void test_driver_id__names(void **state)
{
    (void)state;
    assert_string_equal(migp_driver_id(MIGP_DRIVER_OPAQUE), "opaque");
    assert_string_equal(migp_driver_id(MIGP_DRIVER_MTTY), "mtty");
    assert_string_equal(migp_driver_id(MIGP_DRIVER_MLX5), "mlx5");
    assert_string_equal(migp_driver_id(MIGP_DRIVER_VIRTIO), "virtio");
    assert_string_equal(migp_driver_id(MIGP_DRIVER_RECORDS), "mlx5-or-virtio");
    assert_string_equal(migp_driver_id(-1), "opaque");
    assert_string_equal(migp_driver_id(99), "opaque");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_feed__same_in_every_split),
        cmocka_unit_test(test_finish__every_prefix_is_short),
        cmocka_unit_test(test_finish__less_than_the_magic_is_opaque),
        cmocka_unit_test(test_finish__bytes_too_many),
        cmocka_unit_test(test_finish__header_repeated),
        cmocka_unit_test(test_finish__second_port_like_the_header),
        cmocka_unit_test(test_finish__header_refused),
        cmocka_unit_test(test_finish__fifo_indices),
        cmocka_unit_test(test_feed__opaque_bytes_are_not_judged),
        cmocka_unit_test(test_queries__bad_arguments),
        cmocka_unit_test(test_driver_id__names),
    };

    return cmocka_run_group_tests_name("driver_reader", tests, NULL, NULL);
}
