/* SPDX-License-Identifier: MIT */

/*
 * Every stream in tests/golden/made: the events written down beside it, then
 * the same events however it is cut, and the beginning of them for every
 * prefix.
 */

#include "cmocka_all.h"

#include "support/file.h"
#include "support/made.h"
#include "support/scale.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct made *mades;
static size_t n_mades;

static int load_all(void **state)
{
    struct file_list list = golden_list("made", ".hex");
    size_t i;

    (void)state;
    mades = calloc(list.count, sizeof(*mades));
    if (!mades) {
        return -1;
    }
    for (i = 0; i < list.count; i++) {
        mades[i] = made_load(list.files[i].name);
    }
    n_mades = list.count;
    file_list_free(&list);
    return 0;
}

static int free_all(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < n_mades; i++) {
        made_free(&mades[i]);
    }
    free(mades);
    return 0;
}

static bool as_written(const struct made *made, const struct outcome *outcome)
{
    size_t i;

    if (outcome->broken) {
        fprintf(stderr, "%s: %s\n", made->name, outcome->broken);
        return false;
    }
    for (i = 0; i < made->n_events || i < outcome->journal.count; i++) {
        char line[512] = "(nothing)";

        if (i < outcome->journal.count) {
            entry_print(&outcome->journal.entries[i], line, sizeof(line));
        }
        if (i >= made->n_events || strcmp(line, made->events[i]) != 0) {
            fprintf(stderr, "%s: event %zu\n  want %s\n  got  %s\n", made->name,
                    i, i < made->n_events ? made->events[i] : "(nothing)",
                    line);
            return false;
        }
    }
    if (outcome->finish != made->finish) {
        fprintf(stderr, "%s: finish() said %s (%s at %" PRIu64 ")\n",
                made->name, migp_error_id(outcome->finish),
                migp_finding_id(outcome->error.finding), outcome->error.offset);
        return false;
    }
    if (made->dialects && made->dialects != outcome->dialects) {
        fprintf(stderr, "%s: dialects %#x, want %#x\n", made->name,
                outcome->dialects, made->dialects);
        return false;
    }
    return true;
}

static void test_feed__gives_the_events_written_down(void **state)
{
    size_t bad = 0;
    size_t i;

    (void)state;
    for (i = 0; i < n_mades; i++) {
        struct feeding feeding = feeding_of(mades[i].bytes, mades[i].size);
        struct outcome outcome;

        made_feed(&mades[i], &outcome, &feeding);
        bad += !as_written(&mades[i], &outcome);
        outcome_free(&outcome);
    }
    assert_int_equal(bad, 0);
}

/* The same events for feedings that differ in one thing. */
static size_t differs(const struct made *made, const struct feeding *feeding,
                      const char *what)
{
    struct outcome outcome;
    char name[256];
    bool good;

    made_feed(made, &outcome, feeding);
    snprintf(name, sizeof(name), "%s, %s", made->name, what);
    good = as_written(made, &outcome);
    if (!good) {
        fprintf(stderr, "  (%s)\n", name);
    }
    outcome_free(&outcome);
    return !good;
}

static void test_feed__one_byte_at_a_time_and_room_for_one_event(void **state)
{
    size_t bad = 0;
    size_t i;

    (void)state;
    for (i = 0; i < n_mades; i++) {
        struct feeding feeding = feeding_of(mades[i].bytes, mades[i].size);

        feeding.max_events = 1;
        bad += differs(&mades[i], &feeding, "room for one event");
        feeding.chunk = 1;
        feeding.exact = true;
        bad += differs(&mades[i], &feeding, "one byte, one event");
        feeding.max_events = 0;
        bad += differs(&mades[i], &feeding, "one byte at a time");
    }
    assert_int_equal(bad, 0);
}

static void test_feed__every_cut(void **state)
{
    size_t stride = test_stride();
    size_t bad = 0;
    size_t i;

    (void)state;
    for (i = 0; i < n_mades; i++) {
        struct feeding feeding = feeding_of(mades[i].bytes, mades[i].size);

        for (feeding.cut = 1; feeding.cut < mades[i].size && !bad;
             feeding.cut += stride) {
            char what[32];

            snprintf(what, sizeof(what), "cut at %zu", feeding.cut);
            bad += differs(&mades[i], &feeding, what);
        }
    }
    assert_int_equal(bad, 0);
}

static size_t prefix_differs(const struct made *made,
                             const struct outcome *whole, size_t size)
{
    struct feeding feeding = feeding_of(made->bytes, size);
    struct outcome outcome;
    bool good;

    made_feed(made, &outcome, &feeding);
    good =
        !outcome.broken &&
        (outcome.code == MIGP_OK || outcome.code == MIGP_ERR_TRUNCATED) &&
        (outcome.finish == MIGP_OK || outcome.finish == MIGP_ERR_TRUNCATED) &&
        journal_is_prefix(&outcome.journal, &whole->journal, size);
    if (!good) {
        fprintf(stderr,
                "%s, first %zu bytes: feed %" PRId64
                " finish %s (%s at %" PRIu64 ") %s\n",
                made->name, size, outcome.code, migp_error_id(outcome.finish),
                migp_finding_id(outcome.error.finding), outcome.error.offset,
                outcome.broken ? outcome.broken : "");
        journal_show("got", &outcome.journal, outcome.journal.count);
    }
    outcome_free(&outcome);
    return !good;
}

static void test_feed__every_prefix(void **state)
{
    size_t stride = test_stride();
    size_t bad = 0;
    size_t i;

    (void)state;
    for (i = 0; i < n_mades; i++) {
        const struct made *made = &mades[i];
        struct feeding feeding = feeding_of(made->bytes, made->size);
        struct outcome whole;
        size_t size;

        made_feed(made, &whole, &feeding);
        for (size = 0; size < made->size && bad < 5; size += stride) {
            if (made->ambiguous && size >= made->ambiguous_from &&
                size < made->ambiguous_to + 13) {
                continue;
            }
            bad += prefix_differs(made, &whole, size);
        }
        outcome_free(&whole);
    }
    assert_int_equal(bad, 0);
}

/* A prefix that misses more than the VM description is never "whole". */
static void test_finish__a_prefix_is_truncated(void **state)
{
    size_t stride = test_stride();
    size_t i;

    (void)state;
    for (i = 0; i < n_mades; i++) {
        const struct made *made = &mades[i];
        size_t tail = made->is_qemu ? 8 : 0;
        size_t size;

        if (made->ambiguous || made->finish != MIGP_OK) {
            continue;
        }
        for (size = 0; size + tail < made->size; size += stride) {
            struct feeding feeding = feeding_of(made->bytes, size);
            struct outcome outcome;

            made_feed(made, &outcome, &feeding);
            if (outcome.finish != MIGP_ERR_TRUNCATED) {
                fprintf(stderr, "%s: %zu of %zu bytes are whole?\n", made->name,
                        size, made->size);
            }
            assert_int_equal(outcome.finish, MIGP_ERR_TRUNCATED);
            assert_true(outcome.error.code == MIGP_ERR_TRUNCATED);
            outcome_free(&outcome);
        }
    }
}

static void test_report__device_is_complete_where_the_file_says(void **state)
{
    size_t told = 0;
    size_t i;

    (void)state;
    for (i = 0; i < n_mades; i++) {
        const struct made *made = &mades[i];
        struct migp_qemu_options qemu = made_options(made);
        struct migp_report_options options;
        struct migp_report_device device = {.struct_size = sizeof(device)};
        struct migp_report *report;

        if (made->device_complete < 0) {
            continue;
        }
        told++;
        migp_report_options_init(&options);
        options.qemu = &qemu;
        assert_int_equal(migp_report_new(&report, &options, NULL), MIGP_OK);
        assert_int_equal(
            migp_report_feed(report, made->bytes, made->size, MIGP_FEED_LAST),
            (migp_ssize)made->size);
        assert_int_equal(migp_report_finish(report, NULL), MIGP_OK);
        assert_int_equal(migp_report_device(report, 0, &device), MIGP_OK);
        assert_int_equal(device.complete, made->device_complete);
        migp_report_free(report);
    }
    assert_true(told >= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_feed__gives_the_events_written_down),
        cmocka_unit_test(test_feed__one_byte_at_a_time_and_room_for_one_event),
        cmocka_unit_test(test_feed__every_cut),
        cmocka_unit_test(test_feed__every_prefix),
        cmocka_unit_test(test_finish__a_prefix_is_truncated),
        cmocka_unit_test(test_report__device_is_complete_where_the_file_says),
    };

    return cmocka_run_group_tests_name("made", tests, load_all, free_all);
}
