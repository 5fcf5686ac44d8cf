/* SPDX-License-Identifier: MIT */

/* One fault each in a small container: the finding, its offset and numbers. */

#include "cmocka_all.h"
#include "stream_of.h"

#include <migproto/qemu.h>
#include <stdio.h>
#include <string.h>

static void assert_fault(struct build *build, int code, uint32_t finding,
                         uint64_t offset, uint64_t value, uint64_t expected)
{
    struct outcome outcome;

    outcome_of(&outcome, build, NULL);
    assert_null(outcome.broken);
    if (outcome.error.finding != finding || outcome.error.offset != offset ||
        outcome.error.value != value || outcome.error.expected != expected) {
        fprintf(stderr, "got %s at %llu value %llu expected %llu\n",
                migp_finding_id(outcome.error.finding),
                (unsigned long long)outcome.error.offset,
                (unsigned long long)outcome.error.value,
                (unsigned long long)outcome.error.expected);
    }
    assert_int_equal(outcome.code, code);
    assert_int_equal(outcome.error.finding, finding);
    assert_true(outcome.error.offset == offset);
    assert_true(outcome.error.value == value);
    assert_true(outcome.error.expected == expected);
    outcome_free(&outcome);
}

/* [QC-4] */
static void test_footer__of_another_section(void **state)
{
    struct build build = {NULL, 0, 0};
    size_t at;

    (void)state;
    build_header(&build);
    build_vfio_start(&build);
    build_vfio_end(&build);
    at = build.size - 5;
    build_vfio_full(&build);
    build.bytes[at + 4] = 0x63;
    build_tail(&build);
    assert_fault(&build, MIGP_ERR_MALFORMED, MIGP_FINDING_FOOTER_MISMATCH, at,
                 0x63, VFIO_ID);
}

/* Only the lowest or only the highest byte of the id is wrong. */
static void test_footer__each_byte_of_the_id_counts(void **state)
{
    size_t byte;

    (void)state;
    for (byte = 1; byte < 5; byte++) {
        struct build build = {NULL, 0, 0};
        struct outcome outcome;

        build_header(&build);
        build_vfio_start(&build);
        build_vfio_end(&build);
        build.bytes[build.size - 5 + byte] ^= 0x10;
        build_vfio_full(&build);
        build_tail(&build);
        outcome_of(&outcome, &build, NULL);
        assert_int_equal(outcome.error.finding, MIGP_FINDING_FOOTER_MISMATCH);
        outcome_free(&outcome);
    }
}

/* [QC-4] */
static void test_footer__missing(void **state)
{
    struct build build = {NULL, 0, 0};
    size_t at;

    (void)state;
    build_header(&build);
    build_vfio_start(&build);
    build_vfio_end(&build);
    at = build.size - 5;
    build.bytes[at] = 0x03;
    build_vfio_full(&build);
    build_tail(&build);
    assert_fault(&build, MIGP_ERR_MALFORMED, MIGP_FINDING_FOOTER_MISSING, at,
                 0x03, 0);
}

static void test_footer__there_although_switched_off(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_qemu_options options;
    struct outcome outcome;

    (void)state;
    build_header(&build);
    build_vfio_start(&build);
    build_tail(&build);
    migp_qemu_options_init(&options);
    options.footers = MIGP_QEMU_FOOTERS_OFF;
    outcome_of(&outcome, &build, &options);
    assert_int_equal(outcome.code, MIGP_ERR_MALFORMED);
    assert_int_equal(outcome.error.finding, MIGP_FINDING_UNKNOWN_SECTION_BYTE);
    assert_true(outcome.error.value == 0x7e);
    outcome_free(&outcome);
}

static void test_footer__not_there_although_switched_on(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_qemu_options options;
    struct outcome outcome;

    (void)state;
    build_header(&build);
    build_vfio_start(&build);
    build.size -= 5;
    build_vfio_end(&build);
    migp_qemu_options_init(&options);
    options.footers = MIGP_QEMU_FOOTERS_ON;
    outcome_of(&outcome, &build, &options);
    assert_int_equal(outcome.code, MIGP_ERR_MALFORMED);
    assert_int_equal(outcome.error.finding, MIGP_FINDING_FOOTER_MISSING);
    outcome_free(&outcome);
}

static void test_section__unknown_byte(void **state)
{
    static const uint8_t bytes[] = {0x05, 0x06, 0x09, 0x0a, 0x7e, 0x7f, 0xff};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(bytes); i++) {
        struct build build = {NULL, 0, 0};
        size_t at;

        build_header(&build);
        build_vfio_start(&build);
        at = build.size;
        build_u8(&build, bytes[i]);
        build_fill(&build, 20, 0);
        assert_fault(&build, MIGP_ERR_MALFORMED,
                     MIGP_FINDING_UNKNOWN_SECTION_BYTE, at, bytes[i], 0);
    }
}

/* [QC-3] */
static void test_section__unknown_id(void **state)
{
    struct build build = {NULL, 0, 0};
    size_t at;

    (void)state;
    build_header(&build);
    build_vfio_start(&build);
    at = build.size + 1; /* the id */
    build_short_head(&build, 2, VFIO_ID + 1);
    build_tag(&build, 1);
    build_footer(&build, VFIO_ID + 1);
    assert_fault(&build, MIGP_ERR_MALFORMED, MIGP_FINDING_UNKNOWN_SECTION_ID,
                 at, VFIO_ID + 1, 0);
}

/* [QC-3] */
static void test_section__id_reused(void **state)
{
    static const struct {
        const char *idstr;
        uint32_t instance;
    } others[] = {{"0000:00:05.0/vfio", 0}, {VFIO_IDSTR, 1}};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(others); i++) {
        struct build build = {NULL, 0, 0};
        size_t at;

        build_header(&build);
        build_vfio_start(&build);
        at = build.size + 1; /* the id */
        build_head(&build, 4, VFIO_ID, others[i].idstr, others[i].instance, 1);
        build_tag(&build, 1);
        build_footer(&build, VFIO_ID);
        assert_fault(&build, MIGP_ERR_MALFORMED, MIGP_FINDING_SECTION_ID_REUSED,
                     at, VFIO_ID, 0);
    }
}

static void test_section__empty_idstr(void **state)
{
    struct build build = {NULL, 0, 0};
    struct outcome outcome;

    (void)state;
    build_header(&build);
    build_head(&build, 1, 1, "", 0, 1);
    build_fill(&build, 30, 0);
    outcome_of(&outcome, &build, NULL);
    assert_int_equal(outcome.code, MIGP_ERR_MALFORMED);
    assert_int_equal(outcome.error.finding, MIGP_FINDING_IDSTR_EMPTY);
    outcome_free(&outcome);
}

static void test_section__longest_idstr(void **state)
{
    struct build build = {NULL, 0, 0};
    struct outcome outcome;
    char idstr[256];

    (void)state;
    memset(idstr, 'x', 255);
    idstr[255] = '\0';
    memcpy(idstr + 250, "/vfio", 5);
    build_header(&build);
    build_head(&build, 1, 1, idstr, 0, 1);
    build_tag(&build, 3);
    build_tag(&build, 1);
    build_footer(&build, 1);
    build_tail(&build);
    outcome_of(&outcome, &build, NULL);
    assert_null(outcome.broken);
    assert_int_equal(outcome.finish, MIGP_OK);
    outcome_free(&outcome);
}

static void test_section__vfio_of_another_version(void **state)
{
    static const uint32_t versions[] = {0, 2, UINT32_MAX};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(versions); i++) {
        struct build build = {NULL, 0, 0};
        struct outcome outcome;

        build_header(&build);
        build_head(&build, 1, VFIO_ID, VFIO_IDSTR, 0, versions[i]);
        build_tag(&build, 3);
        build_tag(&build, 1);
        build_footer(&build, VFIO_ID);
        build_tail(&build);
        outcome_of(&outcome, &build, NULL);
        assert_int_not_equal(outcome.code, MIGP_OK);
        assert_int_equal(outcome.error.finding, MIGP_FINDING_SECTION_VERSION);
        assert_true(outcome.error.value == versions[i]);
        assert_true(outcome.error.expected == 1);
        outcome_free(&outcome);
    }
}

/* A fault of one device's records carries the container's offsets. */
static void test_records__out_of_order(void **state)
{
    struct build build = {NULL, 0, 0};
    size_t at;

    (void)state;
    build_header(&build);
    build_vfio_start(&build);
    build_short_head(&build, 3, VFIO_ID);
    at = build.size;
    build_tag(&build, 5); /* INIT_DATA_SENT in an END section */
    build_footer(&build, VFIO_ID);
    assert_fault(&build, MIGP_ERR_MALFORMED, MIGP_FINDING_TAG_ORDER, at, 5, 0);
}

static void test_sections__out_of_order(void **state)
{
    struct build build = {NULL, 0, 0};
    struct outcome outcome;

    (void)state;
    build_header(&build);
    build_vfio_start(&build);
    build_vfio_full(&build); /* no END section before */
    outcome_of(&outcome, &build, NULL);
    assert_int_equal(outcome.code, MIGP_ERR_MALFORMED);
    assert_int_equal(outcome.error.finding, MIGP_FINDING_SECTION_ORDER);
    assert_true(outcome.error.value == MIGP_SECTION_FULL);
    outcome_free(&outcome);
}

static void test_limits__data_and_config(void **state)
{
    struct migp_qemu_options options;
    uint64_t size;

    (void)state;
    migp_qemu_options_init(&options);
    options.max_data = 20;
    options.max_config = 6;
    for (size = 19; size <= 21; size++) {
        struct build build = {NULL, 0, 0};
        struct outcome outcome;

        build_header(&build);
        build_vfio_start(&build);
        build_short_head(&build, 3, VFIO_ID);
        build_tag(&build, 4);
        build_u64(&build, size);
        build_fill(&build, (size_t)size, 1);
        build_tag(&build, 1);
        build_footer(&build, VFIO_ID);
        build_vfio_full(&build); /* 6 bytes of config */
        build_tail(&build);
        outcome_of(&outcome, &build, &options);
        assert_int_equal(outcome.finish, size <= 20 ? MIGP_OK : MIGP_ERR_LIMIT);
        if (size > 20) {
            assert_int_equal(outcome.error.finding, MIGP_FINDING_DATA_TOO_BIG);
        }
        outcome_free(&outcome);
    }
    for (options.max_config = 5; options.max_config <= 7;
         options.max_config++) {
        struct build build = {NULL, 0, 0};
        struct outcome outcome;

        build_header(&build);
        build_vfio_start(&build);
        build_vfio_end(&build);
        build_vfio_full(&build);
        build_tail(&build);
        outcome_of(&outcome, &build, &options);
        assert_int_equal(outcome.finish,
                         options.max_config >= 6 ? MIGP_OK : MIGP_ERR_LIMIT);
        outcome_free(&outcome);
    }
}

/* [QC-11] */
static void test_limits__sections(void **state)
{
    uint32_t limit;

    (void)state;
    for (limit = 9; limit <= 11; limit++) {
        struct build build = {NULL, 0, 0};
        struct migp_qemu_options options;
        struct outcome outcome;
        uint32_t id;

        build_header(&build);
        for (id = 0; id < 10; id++) {
            char name[8];

            snprintf(name, sizeof(name), "dev%u", (unsigned)id);
            build_head(&build, 4, id * 1000003u, name, 0, 1);
            build_u8(&build, 0x55);
            build_footer(&build, id * 1000003u);
        }
        build_tail(&build);
        migp_qemu_options_init(&options);
        options.max_sections = limit;
        outcome_of(&outcome, &build, &options);
        assert_null(outcome.broken);
        assert_int_equal(outcome.finish,
                         limit >= 10 ? MIGP_OK : MIGP_ERR_LIMIT);
        if (limit < 10) {
            assert_int_equal(outcome.error.finding,
                             MIGP_FINDING_TOO_MANY_SECTIONS);
            assert_true(outcome.error.expected == limit);
        }
        outcome_free(&outcome);
    }
}

static size_t count_findings(const struct outcome *outcome, uint32_t code)
{
    size_t count = 0;
    size_t i;

    for (i = 0; i < outcome->journal.count; i++) {
        count += outcome->journal.entries[i].kind == ENTRY_FINDING &&
                 outcome->journal.entries[i].detail == code;
    }
    return count;
}

/* [QC-13] Tolerant: the fault is reported, the other sections are read. */
static void test_tolerant__goes_on_behind_the_footer(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_qemu_options options;
    struct outcome outcome;

    (void)state;
    build_header(&build);
    build_vfio_start(&build);
    build_short_head(&build, 3, VFIO_ID);
    build_u64(&build, 0x1234); /* no tag */
    build_footer(&build, VFIO_ID);
    build_head(&build, 4, 7, "timer", 0, 1);
    build_footer(&build, 7);
    build_tail(&build);
    migp_qemu_options_init(&options);
    options.decoder_flags = MIGP_DECODER_TOLERANT;
    outcome_of(&outcome, &build, &options);
    assert_null(outcome.broken);
    assert_int_equal(outcome.code, MIGP_OK);
    assert_int_equal(count_findings(&outcome, MIGP_FINDING_UNKNOWN_TAG), 1);
    outcome_free(&outcome);
}

/* [QC-10] */
static void test_end__bytes_behind_it(void **state)
{
    struct build build = {NULL, 0, 0};
    struct outcome outcome;
    size_t at;

    (void)state;
    build_header(&build);
    build_vfio_start(&build);
    build_tail(&build);
    at = build.size;
    build_text(&build, "trailing bytes");
    outcome_of(&outcome, &build, NULL);
    assert_null(outcome.broken);
    assert_int_equal(outcome.code, MIGP_OK);
    assert_int_equal(outcome.finish, MIGP_OK);
    assert_int_equal(count_findings(&outcome, MIGP_FINDING_BYTES_AFTER_END), 1);
    assert_true(outcome.journal.entries[outcome.journal.count - 1].offset ==
                at);
    outcome_free(&outcome);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_footer__of_another_section),
        cmocka_unit_test(test_footer__each_byte_of_the_id_counts),
        cmocka_unit_test(test_footer__missing),
        cmocka_unit_test(test_footer__there_although_switched_off),
        cmocka_unit_test(test_footer__not_there_although_switched_on),
        cmocka_unit_test(test_section__unknown_byte),
        cmocka_unit_test(test_section__unknown_id),
        cmocka_unit_test(test_section__id_reused),
        cmocka_unit_test(test_section__empty_idstr),
        cmocka_unit_test(test_section__longest_idstr),
        cmocka_unit_test(test_section__vfio_of_another_version),
        cmocka_unit_test(test_records__out_of_order),
        cmocka_unit_test(test_sections__out_of_order),
        cmocka_unit_test(test_limits__data_and_config),
        cmocka_unit_test(test_limits__sections),
        cmocka_unit_test(test_tolerant__goes_on_behind_the_footer),
        cmocka_unit_test(test_end__bytes_behind_it),
    };

    return cmocka_run_group_tests_name("reader_fault", tests, NULL, NULL);
}
