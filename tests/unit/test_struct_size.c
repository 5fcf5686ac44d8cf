/* SPDX-License-Identifier: MIT */

/*
 * struct_size leads every struct that a caller allocates. Shorter: an older
 * caller; the rest has its defaults, and nothing beyond is touched. Longer: a
 * newer caller; what is unknown here must be zero.
 */

#include "cmocka_all.h"

#include "support/file.h"

#include <migproto/migproto.h>
#include <string.h>

#define SLACK 32

union wide {
    size_t struct_size;
    struct migp_decoder_options decoder;
    struct migp_encoder_options encoder;
    struct migp_qemu_options qemu;
    struct migp_report_options report;
    struct migp_error error;
    uint8_t bytes[sizeof(struct migp_report_device) + 2 * SLACK];
};

static int decoder_with(const union wide *options)
{
    struct migp_decoder *decoder;
    int code = migp_decoder_new(&decoder, &options->decoder, NULL);

    migp_decoder_free(decoder);
    return code;
}

static int encoder_with(const union wide *options)
{
    struct migp_encoder *encoder;
    int code = migp_encoder_new(&encoder, &options->encoder, NULL);

    migp_encoder_free(encoder);
    return code;
}

static int qemu_with(const union wide *options)
{
    struct migp_qemu_reader *reader;
    int code = migp_qemu_reader_new(&reader, &options->qemu, NULL);

    migp_qemu_reader_free(reader);
    return code;
}

static int report_with(const union wide *options)
{
    struct migp_report *report;
    int code = migp_report_new(&report, &options->report, NULL);

    migp_report_free(report);
    return code;
}

static const struct {
    int (*with)(const union wide *options);
    size_t size;
} option_kinds[] = {
    {decoder_with, sizeof(struct migp_decoder_options)},
    {encoder_with, sizeof(struct migp_encoder_options)},
    {qemu_with, sizeof(struct migp_qemu_options)},
    {report_with, sizeof(struct migp_report_options)},
};

static void fill_defaults(union wide *options, size_t kind)
{
    memset(options, 0, sizeof(*options));
    switch (kind) {
    case 0:
        migp_decoder_options_init(&options->decoder);
        break;
    case 1:
        migp_encoder_options_init(&options->encoder);
        break;
    case 2:
        migp_qemu_options_init(&options->qemu);
        break;
    default:
        migp_report_options_init(&options->report);
        break;
    }
}

static void test_options__of_the_right_size_and_longer(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(option_kinds); i++) {
        union wide options;

        fill_defaults(&options, i);
        assert_int_equal(options.struct_size, option_kinds[i].size);
        assert_int_equal(option_kinds[i].with(&options), MIGP_OK);
        options.struct_size += SLACK;
        assert_int_equal(option_kinds[i].with(&options), MIGP_OK);
        options.bytes[option_kinds[i].size] = 1;
        assert_int_equal(option_kinds[i].with(&options),
                         MIGP_ERR_INVALID_ARGUMENT);
        options.bytes[option_kinds[i].size] = 0;
        options.bytes[option_kinds[i].size + SLACK - 1] = 1;
        assert_int_equal(option_kinds[i].with(&options),
                         MIGP_ERR_INVALID_ARGUMENT);
        options.struct_size -= 1; /* now it lies beyond */
        assert_int_equal(option_kinds[i].with(&options), MIGP_OK);
    }
}

/* An older caller's struct ends early; garbage behind it does not count. */
static void test_options__shorter(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(option_kinds); i++) {
        union wide options;

        memset(&options, 0xff, sizeof(options));
        options.struct_size = sizeof(size_t);
        assert_int_equal(option_kinds[i].with(&options), MIGP_OK);
        options.struct_size = sizeof(size_t) - 1;
        assert_int_equal(option_kinds[i].with(&options),
                         MIGP_ERR_INVALID_ARGUMENT);
        options.struct_size = 0;
        assert_int_equal(option_kinds[i].with(&options),
                         MIGP_ERR_INVALID_ARGUMENT);
    }
}

/* A filled struct: bytes behind the caller's size stay as they were. */
static void assert_filled(const uint8_t *bytes, size_t given, size_t own)
{
    size_t i;

    for (i = given; i < own + SLACK; i++) {
        assert_int_equal(bytes[i], 0xa5);
    }
}

static void test_error__shorter_and_longer(void **state)
{
    size_t given;

    (void)state;
    for (given = sizeof(size_t); given < sizeof(struct migp_error) + SLACK;
         given++) {
        union wide out;
        struct migp_decoder_options bad;
        struct migp_decoder *decoder;

        migp_decoder_options_init(&bad);
        bad.dialects = 0;
        memset(&out, 0xa5, sizeof(out));
        out.struct_size = given;
        assert_int_equal(migp_decoder_new(&decoder, &bad, &out.error),
                         MIGP_ERR_INVALID_ARGUMENT);
        assert_int_equal(out.struct_size, given);
        assert_filled(out.bytes, given, sizeof(struct migp_error));
        if (given >= offsetof(struct migp_error, finding)) {
            assert_int_equal(out.error.code, MIGP_ERR_INVALID_ARGUMENT);
        }
    }
}

static struct migp_report *report_of(const char *name)
{
    struct file file = golden_load(name);
    struct migp_report *report;

    assert_int_equal(migp_report_new(&report, NULL, NULL), MIGP_OK);
    assert_int_equal(
        migp_report_feed(report, file.bytes, file.size, MIGP_FEED_LAST),
        file.size);
    assert_int_equal(migp_report_finish(report, NULL), MIGP_OK);
    file_free(&file);
    return report;
}

static void test_answers__shorter_and_longer(void **state)
{
    struct migp_report *report = report_of("qemu/a-one-exec/main.bin");
    size_t given;

    (void)state;
    for (given = sizeof(size_t);
         given <= sizeof(struct migp_report_device) + SLACK; given++) {
        union wide out;
        struct migp_report_device *device = (void *)out.bytes;

        memset(&out, 0xa5, sizeof(out));
        out.struct_size = given;
        assert_int_equal(migp_report_device(report, 0, device), MIGP_OK);
        assert_int_equal(out.struct_size, given);
        assert_filled(out.bytes,
                      given < sizeof(*device) ? given : sizeof(*device) + SLACK,
                      sizeof(*device));
        if (given >= offsetof(struct migp_report_device, section_id)) {
            assert_int_equal(device->instance_id, 0);
        }
    }
    for (given = 0; given < sizeof(size_t); given++) {
        union wide out;

        memset(&out, 0xa5, sizeof(out));
        out.struct_size = given;
        assert_int_equal(migp_report_device(report, 0, (void *)out.bytes),
                         MIGP_ERR_INVALID_ARGUMENT);
        assert_int_equal(migp_report_summary(report, (void *)out.bytes),
                         MIGP_ERR_INVALID_ARGUMENT);
    }
    migp_report_free(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options__of_the_right_size_and_longer),
        cmocka_unit_test(test_options__shorter),
        cmocka_unit_test(test_error__shorter_and_longer),
        cmocka_unit_test(test_answers__shorter_and_longer),
    };

    return cmocka_run_group_tests_name("struct_size", tests, NULL, NULL);
}
