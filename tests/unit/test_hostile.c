/* SPDX-License-Identifier: MIT */
#include "cmocka_all.h"
#include "stream_of.h"

#include <migproto/report.h>
#include <migproto/stream.h>
#include <string.h>

/* What a guest, or whoever made a stream, could try; across the rooms. */

#define VECTORS 300

static uint8_t *config_with_table(struct build *build, size_t *size)
{
    size_t from = build->size;

    build_pci(build, 4096, VECTORS);
    *size = build->size - from;
    return build->bytes + from;
}

/* [DS-9] The guest writes END into its MSI-X table, where a config space of
 * 256 bytes would end. */
static void test_measure__end_in_the_table_of_the_larger_layout(void **state)
{
    static const uint8_t end[8] = {0xff, 0xff, 0xff, 0xff,
                                   0xef, 0x10, 0x00, 0x01};
    size_t small = 20 + 256 + 16 * VECTORS + (VECTORS + 7) / 8;
    struct build build = {NULL, 0, 0};
    size_t size, given, need;
    uint8_t *config = config_with_table(&build, &size);

    (void)state;
    memcpy(config + small, end, sizeof(end));
    build_tag(&build, 1);
    for (given = 0; given < build.size; given++) {
        migp_ssize got =
            migp_config_measure(build.bytes, given, 65536, NULL, 0, &need);

        assert_true(got == MIGP_ERR_NEED_MORE);
        assert_true(need > given && need <= build.size);
    }
    assert_true(migp_config_measure(build.bytes, build.size, 65536, NULL, 0,
                                    &need) == (migp_ssize)size);
    build_free(&build);
}

/* [DS-10] A table over the limit is not looked into for an END. */
static void test_measure__table_over_the_limit(void **state)
{
    static const uint8_t end[8] = {0xff, 0xff, 0xff, 0xff,
                                   0xef, 0x10, 0x00, 0x01};
    struct build build = {NULL, 0, 0};
    size_t size;
    uint8_t *config = config_with_table(&build, &size);

    (void)state;
    memcpy(config + 20 + 4096, end, sizeof(end));
    build_tag(&build, 1);
    assert_true(migp_config_measure(build.bytes, build.size, size - 1, NULL, 0,
                                    NULL) == MIGP_ERR_LIMIT);
    assert_true(migp_config_measure(build.bytes, build.size, size, NULL, 0,
                                    NULL) == (migp_ssize)size);
    build_free(&build);
}

/* [QC-6] An EOF byte may not jump to the end of its package. */
static void test_package__eof_byte_before_its_end(void **state)
{
    struct build build = {NULL, 0, 0};
    struct outcome outcome;

    (void)state;
    build_header(&build);
    build_vfio_start(&build);
    build_command(&build, 7, 4);
    build_u32(&build, 20);
    build_fill(&build, 20, 0);
    build_tail(&build);
    outcome_of(&outcome, &build, NULL);
    assert_null(outcome.broken);
    assert_int_equal(outcome.error.finding, MIGP_FINDING_PACKAGE_EOF);
    assert_true(outcome.error.value == 19);
    outcome_free(&outcome);
}

/* [QC-6] */
static void test_package__inside_a_package(void **state)
{
    struct build build = {NULL, 0, 0};
    struct outcome outcome;

    (void)state;
    build_header(&build);
    build_command(&build, 7, 4);
    build_u32(&build, 18);
    build_command(&build, 7, 4);
    build_u32(&build, 9);
    build_command(&build, 2, 4);
    build_u32(&build, 1);
    build_tail(&build);
    outcome_of(&outcome, &build, NULL);
    assert_null(outcome.broken);
    assert_int_equal(outcome.code, MIGP_ERR_MALFORMED);
    assert_int_equal(outcome.error.finding, MIGP_FINDING_UNKNOWN_COMMAND);
    outcome_free(&outcome);
}

/* [QC-8] A section of another device may end where its package does. */
static void test_package__ends_with_another_devices_section(void **state)
{
    struct build inside = {NULL, 0, 0};
    struct build build = {NULL, 0, 0};
    struct outcome outcome;

    (void)state;
    build_head(&inside, 4, 9, "timer", 0, 1);
    build_fill(&inside, 30, 0x11);
    build_footer(&inside, 9);
    build_header(&build);
    build_vfio_start(&build);
    build_command(&build, 7, 4);
    build_u32(&build, (uint32_t)inside.size);
    build_bytes(&build, inside.bytes, inside.size);
    build_fill(&build, 1, 0x55);
    outcome_of(&outcome, &build, NULL);
    assert_null(outcome.broken);
    assert_int_equal(outcome.error.finding, MIGP_FINDING_UNKNOWN_SECTION_BYTE);
    outcome_free(&outcome);
    build_free(&inside);
}

static struct migp_report *report_of(struct build *build, uint32_t max_findings,
                                     struct migp_error *error)
{
    struct migp_report_options options;
    struct migp_report *report;

    migp_report_options_init(&options);
    options.max_findings = max_findings;
    assert_int_equal(migp_report_new(&report, &options, NULL), MIGP_OK);
    (void)migp_report_feed(report, build->bytes, build->size, MIGP_FEED_LAST);
    migp_error_init(error);
    (void)migp_report_finish(report, error);
    build_free(build);
    return report;
}

/* Notes, which cost a peer 18 bytes each, may not crowd an error out. */
static void test_findings__an_error_behind_many_notes(void **state)
{
    uint32_t limit;

    (void)state;
    for (limit = 0; limit < 5; limit++) {
        struct migp_report_summary summary = {.struct_size = sizeof(summary)};
        struct migp_report_finding found;
        struct build build = {NULL, 0, 0};
        struct migp_error error;
        struct migp_report *report;
        size_t i;

        build_tag(&build, 3);
        build_tag(&build, 1);
        for (i = 0; i < 20; i++) {
            build_tag(&build, 5);
        }
        build_u64(&build, 0x1122334455667788);
        report = report_of(&build, limit, &error);
        assert_int_equal(error.code, MIGP_ERR_MALFORMED);
        assert_int_equal(error.finding, MIGP_FINDING_UNKNOWN_TAG);
        assert_int_equal(migp_report_summary(report, &summary), MIGP_OK);
        assert_int_equal(summary.worst, MIGP_SEVERITY_ERROR + 1);
        if (limit > 0) {
            bool kept = false;

            for (i = 0; i < summary.n_findings; i++) {
                assert_int_equal(migp_report_finding(report, i, &found),
                                 MIGP_OK);
                kept |= found.finding.code == MIGP_FINDING_UNKNOWN_TAG;
            }
            assert_true(kept);
        }
        migp_report_free(report);
    }
}

/* [QC-9] What the VM description says of VFIO devices must hold. */
static void test_report__vmdesc_that_knows_more(void **state)
{
    static const struct migp_vmdesc_entry entries[] = {
        {VFIO_IDSTR, 0, 0, 23}, {"0000:00:05.0/vfio", 0, 0, 22}};
    static const uint32_t wanted[] = {MIGP_FINDING_VMDESC_FULL,
                                      MIGP_FINDING_VMDESC_DEVICE};
    struct migp_report_options options;
    struct migp_qemu_options qemu;
    struct migp_report_finding found;
    struct build build = {NULL, 0, 0};
    struct migp_report *report;
    size_t i, j;

    (void)state;
    migp_report_options_init(&options);
    migp_qemu_options_init(&qemu);
    qemu.vmdesc = entries;
    qemu.n_vmdesc = 2;
    options.qemu = &qemu;
    build_header(&build);
    build_vfio_start(&build);
    build_vfio_end(&build);
    build_vfio_full(&build); /* 22 bytes */
    build_tail(&build);
    assert_int_equal(migp_report_new(&report, &options, NULL), MIGP_OK);
    assert_true(
        migp_report_feed(report, build.bytes, build.size, MIGP_FEED_LAST) > 0);
    assert_int_equal(migp_report_finish(report, NULL), MIGP_ERR_MALFORMED);
    for (i = 0; i < N_TESTS(wanted); i++) {
        bool seen = false;

        for (j = 0; migp_report_finding(report, j, &found) == MIGP_OK; j++) {
            seen |= found.finding.code == wanted[i];
        }
        assert_true(seen);
    }
    migp_report_free(report);
    build_free(&build);
}

/* Bytes behind a whole bare stream, too few for a tag. */
static void test_finish__stray_bytes_behind_a_whole_stream(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_decoder *decoder;
    struct migp_event events[16];
    size_t n;

    (void)state;
    build_tag(&build, 3);
    build_tag(&build, 1);
    build_tag(&build, 1);
    build_tag(&build, 2);
    build_tag(&build, 1);
    build_fill(&build, 3, 0xff);
    assert_int_equal(migp_decoder_new(&decoder, NULL, NULL), MIGP_OK);
    assert_int_equal(
        migp_decoder_feed(decoder, build.bytes, build.size, 0, events, 16, &n),
        build.size);
    assert_int_equal(migp_decoder_finish(decoder, NULL), MIGP_ERR_TRUNCATED);
    migp_decoder_free(decoder);
    build_free(&build);
}

/* [QC-3] The version counts in every section that names it. */
static void test_section__full_of_another_version(void **state)
{
    struct build build = {NULL, 0, 0};
    struct outcome outcome;

    (void)state;
    build_header(&build);
    build_head(&build, 1, 5, "a/vfio", 0, 1);
    build_tag(&build, 3);
    build_tag(&build, 1);
    build_footer(&build, 5);
    build_short_head(&build, 3, 5);
    build_tag(&build, 1);
    build_footer(&build, 5);
    build_head(&build, 4, 5, "a/vfio", 0, 2);
    build_tag(&build, 1);
    build_footer(&build, 5);
    build_tail(&build);
    outcome_of(&outcome, &build, NULL);
    assert_null(outcome.broken);
    assert_int_equal(outcome.error.finding, MIGP_FINDING_SECTION_VERSION);
    outcome_free(&outcome);
}

/* [DS-2] Inside sections the encoder writes nothing between them. */
static void test_encoder__between_two_sections(void **state)
{
    struct migp_encoder *encoder;
    struct migp_piece pieces[2];
    uint8_t head[MIGP_RECORD_HEAD_MAX];
    size_t n;

    (void)state;
    assert_int_equal(migp_encoder_new(&encoder, NULL, NULL), MIGP_OK);
    assert_int_equal(migp_encoder_begin_section(encoder, MIGP_SECTION_START),
                     MIGP_OK);
    assert_int_equal(migp_encoder_record(encoder, MIGP_EVENT_SETUP, NULL, 0,
                                         head, pieces, &n),
                     8);
    assert_int_equal(
        migp_encoder_record(encoder, MIGP_EVENT_END, NULL, 0, head, pieces, &n),
        8);
    assert_int_equal(migp_encoder_record(encoder, MIGP_EVENT_DATA_BEGIN, "x", 1,
                                         head, pieces, &n),
                     MIGP_ERR_STATE);
    migp_encoder_free(encoder);
}

/* Options that would let offsets wrap are refused. */
static void test_new__offsets_that_would_wrap(void **state)
{
    struct migp_vmdesc_entry entry = {"timer", 0, 0, UINT64_MAX};
    struct migp_decoder_options options;
    struct migp_qemu_options qemu;
    struct migp_decoder *decoder;
    struct migp_qemu_reader *reader;

    (void)state;
    migp_decoder_options_init(&options);
    options.base_offset = (uint64_t)INT64_MAX + 1;
    assert_int_equal(migp_decoder_new(&decoder, &options, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    migp_qemu_options_init(&qemu);
    qemu.vmdesc = &entry;
    qemu.n_vmdesc = 1;
    assert_int_equal(migp_qemu_reader_new(&reader, &qemu, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
}

/* A fault that was tolerated does not widen the dialects that were asked for. */
static void test_dialects__stay_within_the_options(void **state)
{
    struct migp_decoder_options options;
    struct build build = {NULL, 0, 0};
    struct migp_decoder *decoder;
    struct migp_event events[16];
    size_t n;

    (void)state;
    migp_decoder_options_init(&options);
    options.dialects = MIGP_DIALECT_V1;
    options.flags = MIGP_DECODER_TOLERANT;
    build_tag(&build, 3);
    build_tag(&build, 1);
    build_tag(&build, 1);
    build_tag(&build, 3);
    build_tag(&build, 1);
    assert_int_equal(migp_decoder_new(&decoder, &options, NULL), MIGP_OK);
    assert_int_equal(
        migp_decoder_feed(decoder, build.bytes, build.size, 0, events, 16, &n),
        build.size);
    assert_int_equal(migp_decoder_dialects(decoder), MIGP_DIALECT_V1);
    migp_decoder_free(decoder);
    build_free(&build);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_measure__end_in_the_table_of_the_larger_layout),
        cmocka_unit_test(test_measure__table_over_the_limit),
        cmocka_unit_test(test_package__eof_byte_before_its_end),
        cmocka_unit_test(test_package__inside_a_package),
        cmocka_unit_test(test_package__ends_with_another_devices_section),
        cmocka_unit_test(test_findings__an_error_behind_many_notes),
        cmocka_unit_test(test_report__vmdesc_that_knows_more),
        cmocka_unit_test(test_finish__stray_bytes_behind_a_whole_stream),
        cmocka_unit_test(test_section__full_of_another_version),
        cmocka_unit_test(test_encoder__between_two_sections),
        cmocka_unit_test(test_new__offsets_that_would_wrap),
        cmocka_unit_test(test_dialects__stay_within_the_options),
    };

    return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
