/* SPDX-License-Identifier: MIT */

/* Each allocation fails in turn: MIGP_ERR_NO_MEMORY, and nothing leaks (the
 * sanitizers and valgrind see to that). */

#include "cmocka_all.h"

#include "support/alloc_fail.h"
#include "support/build.h"
#include "support/file.h"
#include "support/made.h"

#include <migproto/migproto.h>
#include <string.h>

#define CHUNK 2000

/* Returns MIGP_OK or the failure that came. */
typedef int (*attempt)(const uint8_t *bytes, size_t size);

static int read_reader(const uint8_t *bytes, size_t size)
{
    struct migp_qemu_reader *reader = (void *)&size;
    struct migp_error error = MIGP_ERROR_INIT;
    size_t at = 0;
    size_t window = CHUNK;
    int code = migp_qemu_reader_new(&reader, NULL, &error);

    if (code != MIGP_OK) {
        assert_null(reader);
        assert_int_equal(error.code, code);
        return code;
    }
    while (at < size) {
        struct migp_qemu_event events[16];
        size_t n;
        size_t need;
        size_t now = window < size - at ? window : size - at;
        migp_ssize got = migp_qemu_reader_feed(
            reader, bytes + at, now, now == size - at ? MIGP_FEED_LAST : 0,
            events, 16, &n);

        if (got < 0) {
            code = (int)got;
            assert_int_equal(migp_qemu_reader_error(reader, NULL), code);
            break;
        }
        at += (size_t)got;
        need = migp_qemu_reader_need(reader);
        window = need > CHUNK ? need : CHUNK;
    }
    migp_qemu_reader_free(reader);
    return code;
}

static int read_report(const uint8_t *bytes, size_t size)
{
    struct migp_report *report = (void *)&size;
    struct migp_error error = MIGP_ERROR_INIT;
    size_t at = 0;
    size_t window = CHUNK;
    int code = migp_report_new(&report, NULL, &error);
    int finish;

    if (code != MIGP_OK) {
        assert_null(report);
        assert_int_equal(error.code, code);
        return code;
    }
    while (at < size) {
        size_t need;
        size_t now = window < size - at ? window : size - at;
        migp_ssize got = migp_report_feed(
            report, bytes + at, now, now == size - at ? MIGP_FEED_LAST : 0);

        if (got < 0) {
            code = (int)got;
            break;
        }
        at += (size_t)got;
        need = migp_report_need(report);
        window = need > CHUNK ? need : CHUNK;
    }
    finish = migp_report_finish(report, &error);
    if (code == MIGP_OK) {
        code = finish;
    }
    {
        struct migp_report_summary sum = {.struct_size = sizeof(sum)};

        /* asking is allowed whatever happened */
        assert_int_equal(migp_report_summary(report, &sum), MIGP_OK);
    }
    migp_report_free(report);
    return code;
}

static int make_decoder(const uint8_t *bytes, size_t size)
{
    struct migp_decoder *decoder = (void *)&size;
    struct migp_error error = MIGP_ERROR_INIT;
    int code = migp_decoder_new(&decoder, NULL, &error);

    (void)bytes;
    if (code != MIGP_OK) {
        assert_null(decoder);
        assert_int_equal(error.code, code);
    }
    migp_decoder_free(decoder);
    return code;
}

static int make_encoder(const uint8_t *bytes, size_t size)
{
    struct migp_encoder *encoder = (void *)&size;
    int code = migp_encoder_new(&encoder, NULL, NULL);

    (void)bytes;
    if (code != MIGP_OK) {
        assert_null(encoder);
    }
    migp_encoder_free(encoder);
    return code;
}

static int read_driver(const uint8_t *bytes, size_t size)
{
    struct migp_driver_reader *reader = (void *)&size;
    int code = migp_driver_reader_new(&reader);

    if (code != MIGP_OK) {
        assert_null(reader);
        return code;
    }
    assert_int_equal(migp_driver_reader_feed(reader, bytes, size, 0), MIGP_OK);
    code = migp_driver_reader_finish(reader, size);
    migp_driver_reader_free(reader);
    return code;
}

/* Let allocation 1, 2, 3 ... fail until none is left to fail. */
static size_t fail_each(attempt try, const uint8_t *bytes, size_t size,
                        int good)
{
    size_t n;

    for (n = 1;; n++) {
        int code;

        alloc_fail_at(n);
        code = try(bytes, size);
        if (!alloc_failed()) {
            assert_int_equal(code, good);
            alloc_fail_at(0);
            return n - 1;
        }
        alloc_fail_at(0);
        assert_int_equal(code, MIGP_ERR_NO_MEMORY);
        assert_true(n < 100000);
    }
}

static void test_new__each_object(void **state)
{
    struct file mtty = golden_load("mtty/mtty-1port-stopcopy-direct.bin");

    (void)state;
    assert_int_equal(fail_each(make_decoder, NULL, 0, MIGP_OK), 1);
    assert_int_equal(fail_each(make_encoder, NULL, 0, MIGP_OK), 1);
    assert_true(fail_each(read_driver, mtty.bytes, mtty.size, MIGP_OK) >= 1);
    file_free(&mtty);
}

static void test_reader__each_allocation(void **state)
{
    struct file file = golden_load("qemu/b-two-exec/main.bin");

    (void)state;
    assert_true(fail_each(read_reader, file.bytes, file.size, MIGP_OK) > 10);
    file_free(&file);
}

static void test_report__each_allocation(void **state)
{
    static const char *const names[] = {"qemu/b-two-exec/main.bin",
                                        "qemu/x-no-footer/main.bin",
                                        "qemu/g-cut-mid-stream/main.bin",
                                        "replay/03-first-data-size-plus-1.bin"};
    static const int good[] = {MIGP_OK, MIGP_OK, MIGP_ERR_TRUNCATED,
                               MIGP_ERR_MALFORMED};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(names); i++) {
        struct file file = golden_load(names[i]);

        assert_true(fail_each(read_report, file.bytes, file.size, good[i]) > 3);
        file_free(&file);
    }
}

static void test_report__each_allocation_of_a_bare_stream(void **state)
{
    struct made made = made_load("made/bare-ramfb.hex");

    (void)state;
    assert_true(fail_each(read_report, made.bytes, made.size, MIGP_OK) > 3);
    made_free(&made);
}

/* No allocation after _new(): the decoder is for real-time threads too. */
static void test_decoder__allocates_once(void **state)
{
    struct made made = made_load("made/bare-msix-64.hex");
    struct migp_decoder *decoder;
    struct migp_event events[64];
    size_t n;

    (void)state;
    alloc_fail_at(0);
    assert_int_equal(migp_decoder_new(&decoder, NULL, NULL), MIGP_OK);
    assert_int_equal(migp_decoder_feed(decoder, made.bytes, made.size,
                                       MIGP_FEED_LAST, events, 64, &n),
                     made.size);
    assert_int_equal(migp_decoder_finish(decoder, NULL), MIGP_OK);
    assert_int_equal(alloc_count(), 1);
    migp_decoder_free(decoder);
    made_free(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new__each_object),
        cmocka_unit_test(test_reader__each_allocation),
        cmocka_unit_test(test_report__each_allocation),
        cmocka_unit_test(test_report__each_allocation_of_a_bare_stream),
        cmocka_unit_test(test_decoder__allocates_once),
    };

    return cmocka_run_group_tests_name("allocation", tests, NULL, NULL);
}
