/* SPDX-License-Identifier: MIT */
#include "cmocka_all.h"
#include "stream_of.h"

#include <migproto/qemu.h>
#include <string.h>

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

static uint64_t payload_of(const struct outcome *outcome, uint32_t id)
{
    size_t i;

    for (i = 0; i < outcome->journal.count; i++) {
        const struct entry *entry = &outcome->journal.entries[i];

        if (entry->kind == ENTRY_READER && entry->section_id == id &&
            entry->detail == MIGP_QEMU_EVENT_SECTION_END) {
            return entry->size;
        }
    }
    return UINT64_MAX;
}

static struct migp_qemu_options with_vmdesc(struct migp_vmdesc_entry *entry,
                                            uint64_t size)
{
    struct migp_qemu_options options;

    memset(entry, 0, sizeof(*entry));
    entry->idstr = "timer";
    entry->size = size;
    migp_qemu_options_init(&options);
    options.vmdesc = entry;
    options.n_vmdesc = 1;
    return options;
}

/* [QC-8] What may follow a footer, and what may not. */
static void test_scan__footer_wants_a_legal_byte_behind(void **state)
{
    unsigned byte;

    (void)state;
    for (byte = 0; byte < 256; byte++) {
        bool legal = byte == 0 || (byte >= 1 && byte <= 4) || byte == 8;
        struct build build = {NULL, 0, 0};
        struct outcome outcome;

        build_header(&build);
        build_vfio_start(&build);
        build_head(&build, 4, 9, "timer", 0, 1);
        build_text(&build, "abc");
        build_footer(&build, 9);
        build_u8(&build, (uint8_t)byte);
        build_fill(&build, 40, 0xfe);
        build_footer(&build, 9);
        build_tail(&build);
        outcome_of(&outcome, &build, NULL);
        assert_null(outcome.broken);
        if (!legal) {
            assert_int_equal(outcome.finish, MIGP_OK);
            assert_true(payload_of(&outcome, 9) == 3 + 5 + 1 + 40);
        } else if (outcome.finish == MIGP_OK && byte != 0) {
            /* the byte alone is legal, what it starts is not: either the
             * search went on, or it stopped there and failed behind it */
            assert_true(payload_of(&outcome, 9) == 3 + 5 + 1 + 40);
        }
        outcome_free(&outcome);
    }
}

static void test_scan__longer_than_any_window(void **state)
{
    struct build build = {NULL, 0, 0};
    struct feeding feeding;
    struct outcome outcome;

    (void)state;
    build_header(&build);
    build_vfio_start(&build);
    build_head(&build, 4, 9, "timer", 0, 1);
    build_fill(&build, 300000, 0x7e);
    build_footer(&build, 9);
    build_vfio_end(&build);
    build_vfio_full(&build);
    build_tail(&build);
    feeding = feeding_of(build.bytes, build.size);
    feeding.chunk = 1000;
    feed_reader(&outcome, &feeding, NULL);
    assert_null(outcome.broken);
    assert_int_equal(outcome.finish, MIGP_OK);
    assert_true(payload_of(&outcome, 9) == 300000);
    outcome_free(&outcome);
    build_free(&build);
}

static void test_scan__no_footer_to_be_found(void **state)
{
    struct build build = {NULL, 0, 0};
    struct outcome outcome;
    size_t size;

    (void)state;
    build_header(&build);
    build_vfio_start(&build);
    build_head(&build, 4, 9, "timer", 0, 1);
    build_fill(&build, 5000, 0x11);
    size = build.size;
    outcome_of(&outcome, &build, NULL);
    assert_null(outcome.broken);
    assert_int_not_equal(outcome.finish, MIGP_OK);
    assert_int_equal(outcome.error.finding, MIGP_FINDING_TRUNCATED);
    assert_true(outcome.error.offset == size);
    outcome_free(&outcome);
}

/* [QC-8] A payload that holds its own footer and a legal byte: only the size
 * tells. */
/* [QC-8] [QC-9] */
static void test_vmdesc__size_wins_over_the_search(void **state)
{
    struct migp_vmdesc_entry entry;
    struct migp_qemu_options options = with_vmdesc(&entry, 16);
    struct build build = {NULL, 0, 0};
    struct outcome outcome;

    (void)state;
    build_header(&build);
    build_vfio_start(&build);
    build_head(&build, 4, 9, "timer", 0, 1);
    build_footer(&build, 9);
    build_u8(&build, 0);
    build_fill(&build, 10, 6);
    build_footer(&build, 9);
    build_tail(&build);
    outcome_of(&outcome, &build, &options);
    assert_null(outcome.broken);
    assert_int_equal(outcome.finish, MIGP_OK);
    assert_true(payload_of(&outcome, 9) == 16);
    outcome_free(&outcome);
}

/* [QC-9] Believed only where the stream agrees. */
static void test_vmdesc__size_that_is_wrong(void **state)
{
    static const uint64_t sizes[] = {0, 15, 17, 1000, 65536};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(sizes); i++) {
        struct migp_vmdesc_entry entry;
        struct migp_qemu_options options = with_vmdesc(&entry, sizes[i]);
        struct build build = {NULL, 0, 0};
        struct outcome outcome;

        build_header(&build);
        build_vfio_start(&build);
        build_head(&build, 4, 9, "timer", 0, 1);
        build_fill(&build, 16, 0x55);
        build_footer(&build, 9);
        build_vfio_end(&build);
        build_vfio_full(&build);
        build_tail(&build);
        outcome_of(&outcome, &build, &options);
        assert_null(outcome.broken);
        assert_int_equal(outcome.finish, MIGP_OK);
        assert_true(payload_of(&outcome, 9) == 16);
        assert_int_equal(count_findings(&outcome, MIGP_FINDING_VMDESC_SIZE), 1);
        outcome_free(&outcome);
    }
}

/* Too big to look ahead for: passed over, and the input ends inside. */
static void test_vmdesc__size_beyond_the_input(void **state)
{
    static const uint64_t sizes[] = {1000000, UINT64_MAX / 2, UINT64_MAX};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(sizes); i++) {
        struct migp_vmdesc_entry entry;
        struct migp_qemu_options options = with_vmdesc(&entry, sizes[i]);
        struct build build = {NULL, 0, 0};
        struct outcome outcome;

        build_header(&build);
        build_vfio_start(&build);
        build_head(&build, 4, 9, "timer", 0, 1);
        build_fill(&build, 16, 0x55);
        build_footer(&build, 9);
        build_tail(&build);
        outcome_of(&outcome, &build, &options);
        assert_null(outcome.broken);
        assert_int_not_equal(outcome.finish, MIGP_OK);
        outcome_free(&outcome);
    }
}

/* What is asked for in one piece stays within max_config + 4096. */
static void test_vmdesc__need_is_bounded(void **state)
{
    struct migp_vmdesc_entry entry;
    struct migp_qemu_options options = with_vmdesc(&entry, 60000);
    struct build build = {NULL, 0, 0};
    struct migp_qemu_reader *reader;
    struct migp_qemu_event events[8];
    size_t at = 0;
    size_t n;

    (void)state;
    options.max_config = 10000;
    build_header(&build);
    build_vfio_start(&build);
    build_head(&build, 4, 9, "timer", 0, 1);
    build_fill(&build, 60000, 0x55);
    build_footer(&build, 9);
    build_tail(&build);
    assert_int_equal(migp_qemu_reader_new(&reader, &options, NULL), MIGP_OK);
    while (at < build.size) {
        size_t size = migp_qemu_reader_need(reader);
        migp_ssize got;

        assert_true(size <= 10000 + 4096);
        size = size ? size : 1;
        size = size < build.size - at ? size : build.size - at;
        got = migp_qemu_reader_feed(reader, build.bytes + at, size,
                                    at + size == build.size, events, 8, &n);
        assert_true(got >= 0);
        at += (size_t)got;
    }
    migp_qemu_reader_free(reader);
    build_free(&build);
}

static void test_vmdesc__other_instances_and_names_do_not_count(void **state)
{
    struct migp_vmdesc_entry entries[3] = {
        {"timer", 1, 0, 3}, {"time", 0, 0, 4}, {"timer2", 0, 0, 5}};
    struct migp_qemu_options options;
    struct build build = {NULL, 0, 0};
    struct outcome outcome;

    (void)state;
    migp_qemu_options_init(&options);
    options.vmdesc = entries;
    options.n_vmdesc = 3;
    build_header(&build);
    build_vfio_start(&build);
    build_head(&build, 4, 9, "timer", 0, 1);
    build_fill(&build, 16, 0x55);
    build_footer(&build, 9);
    build_tail(&build);
    outcome_of(&outcome, &build, &options);
    assert_int_equal(outcome.finish, MIGP_OK);
    assert_int_equal(count_findings(&outcome, MIGP_FINDING_VMDESC_SIZE), 0);
    outcome_free(&outcome);
}

/* [QC-12] Without footers and sizes: to the next section of a known device. */
static void test_no_footers__runs_of_other_devices(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_qemu_options options;
    struct outcome outcome;

    (void)state;
    migp_qemu_options_init(&options);
    options.footers = MIGP_QEMU_FOOTERS_OFF;
    build_header(&build);
    build_head(&build, 1, VFIO_ID, VFIO_IDSTR, 0, 1);
    build_tag(&build, 3);
    build_tag(&build, 1);
    build_short_head(&build, 3, VFIO_ID);
    build_tag(&build, 1);
    build_head(&build, 4, 9, "timer", 0, 1);
    build_fill(&build, 300, 0x04);
    build_head(&build, 4, 10, "other", 0, 1);
    build_fill(&build, 77, 0x01);
    build_head(&build, 4, VFIO_ID, VFIO_IDSTR, 0, 1);
    build_tag(&build, 2);
    build_text(&build, "config");
    build_tag(&build, 1);
    build_tail(&build);
    outcome_of(&outcome, &build, &options);
    assert_null(outcome.broken);
    assert_int_equal(outcome.finish, MIGP_OK);
    assert_int_equal(count_findings(&outcome, MIGP_FINDING_OPAQUE_RUN), 1);
    assert_true(payload_of(&outcome, VFIO_ID) == 16);
    outcome_free(&outcome);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan__footer_wants_a_legal_byte_behind),
        cmocka_unit_test(test_scan__longer_than_any_window),
        cmocka_unit_test(test_scan__no_footer_to_be_found),
        cmocka_unit_test(test_vmdesc__size_wins_over_the_search),
        cmocka_unit_test(test_vmdesc__size_that_is_wrong),
        cmocka_unit_test(test_vmdesc__size_beyond_the_input),
        cmocka_unit_test(test_vmdesc__need_is_bounded),
        cmocka_unit_test(test_vmdesc__other_instances_and_names_do_not_count),
        cmocka_unit_test(test_no_footers__runs_of_other_devices),
    };

    return cmocka_run_group_tests_name("opaque", tests, NULL, NULL);
}
