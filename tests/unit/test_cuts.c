/* SPDX-License-Identifier: MIT */

/* One real stream, cut once at every byte, and ended at every byte. */

#include "cmocka_all.h"

#include "support/feed.h"
#include "support/file.h"
#include "support/scale.h"

#include <stdio.h>
#include <string.h>

static struct file capture;
static struct outcome whole;

static int load(void **state)
{
    struct feeding feeding;

    (void)state;
    capture = golden_load("qemu/a-one-exec/main.bin");
    feeding = feeding_of(capture.bytes, capture.size);
    feed_reader(&whole, &feeding, NULL);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    outcome_free(&whole);
    file_free(&capture);
    return 0;
}

static void test_stream__is_what_it_should_be(void **state)
{
    (void)state;
    assert_null(whole.broken);
    assert_int_equal(whole.finish, MIGP_OK);
    assert_true(capture.size > 280000);
    assert_true(whole.journal.count > 80);
}

/* [DS-11] */
static void test_feed__every_single_cut(void **state)
{
    struct feeding feeding = feeding_of(capture.bytes, capture.size);

    (void)state;
    for (feeding.cut = 1; feeding.cut < capture.size;
         feeding.cut += test_stride()) {
        struct outcome outcome;

        feed_reader(&outcome, &feeding, NULL);
        if (outcome.broken || !outcome_same("cut", &whole, &outcome)) {
            fprintf(stderr, "cut at %zu: %s\n", feeding.cut,
                    outcome.broken ? outcome.broken : "");
            fail();
        }
        outcome_free(&outcome);
    }
}

static void test_feed__every_prefix(void **state)
{
    size_t size;

    (void)state;
    for (size = 0; size < capture.size; size += test_stride()) {
        struct feeding feeding = feeding_of(capture.bytes, size);
        struct outcome outcome;

        feed_reader(&outcome, &feeding, NULL);
        if (outcome.broken ||
            !journal_is_prefix(&outcome.journal, &whole.journal, size) ||
            (outcome.finish != MIGP_ERR_TRUNCATED &&
             outcome.finish != MIGP_OK)) {
            fprintf(stderr, "first %zu bytes: %s (%s) %s\n", size,
                    migp_error_id(outcome.finish),
                    migp_finding_id(outcome.error.finding),
                    outcome.broken ? outcome.broken : "");
            journal_show("got", &outcome.journal, outcome.journal.count);
            fail();
        }
        outcome_free(&outcome);
    }
}

/* The report says which prefix is whole: none without the EOF byte. */
static void test_report__every_prefix(void **state)
{
    size_t end = 0;
    size_t size;
    size_t i;

    (void)state;
    for (i = 0; i < whole.journal.count; i++) {
        const struct entry *entry = &whole.journal.entries[i];

        if (entry->kind == ENTRY_READER &&
            entry->detail == MIGP_QEMU_EVENT_END_OF_STREAM) {
            end = (size_t)entry->offset;
        }
    }
    assert_true(end > 0);
    for (size = 0; size < capture.size; size += 7 * test_stride()) {
        struct feeding feeding = feeding_of(capture.bytes, size);
        struct outcome outcome;

        feed_report(&outcome, &feeding, NULL);
        assert_null(outcome.broken);
        if (size >= 8 && size <= end) {
            assert_int_equal(outcome.finish, MIGP_ERR_TRUNCATED);
        }
        outcome_free(&outcome);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream__is_what_it_should_be),
        cmocka_unit_test(test_feed__every_single_cut),
        cmocka_unit_test(test_feed__every_prefix),
        cmocka_unit_test(test_report__every_prefix),
    };

    return cmocka_run_group_tests_name("cuts", tests, load, unload);
}
