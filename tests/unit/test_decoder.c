/* SPDX-License-Identifier: MIT */
#include "cmocka_all.h"

#include "support/build.h"
#include "support/feed.h"
#include "support/prng.h"
#include "support/scale.h"

#include <migproto/stream.h>
#include <stdio.h>
#include <string.h>

#define ROOM 64

static struct migp_decoder *made(uint32_t dialects, uint32_t flags)
{
    struct migp_decoder_options options;
    struct migp_decoder *decoder;

    migp_decoder_options_init(&options);
    options.dialects = dialects;
    options.flags = flags;
    assert_int_equal(migp_decoder_new(&decoder, &options, NULL), MIGP_OK);
    return decoder;
}

static void build_begin(struct build *build)
{
    build_tag(build, 3);
    build_tag(build, 1);
}

static void test_options_init__defaults(void **state)
{
    struct migp_decoder_options options;

    (void)state;
    memset(&options, 0xa5, sizeof(options));
    migp_decoder_options_init(&options);
    assert_int_equal(options.struct_size, sizeof(options));
    assert_int_equal(options.dialects, MIGP_DIALECT_ANY);
    assert_int_equal(options.flags, 0);
    assert_true(options.base_offset == 0);
    assert_true(options.max_data == MIGP_DEFAULT_MAX_DATA);
    assert_true(options.max_config == MIGP_DEFAULT_MAX_CONFIG);
    migp_decoder_options_init(NULL);
}

static void test_new__bad_arguments(void **state)
{
    struct migp_decoder_options options;
    struct migp_decoder *decoder = (void *)&options;
    struct migp_error error = MIGP_ERROR_INIT;

    (void)state;
    migp_decoder_options_init(&options);
    assert_int_equal(migp_decoder_new(NULL, &options, &error),
                     MIGP_ERR_INVALID_ARGUMENT);
    options.dialects = 8;
    assert_int_equal(migp_decoder_new(&decoder, &options, &error),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_null(decoder);
    assert_int_equal(error.code, MIGP_ERR_INVALID_ARGUMENT);
    assert_true(strlen(error.text) > 0);
    options.dialects = 0;
    assert_int_equal(migp_decoder_new(&decoder, &options, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    options.dialects = MIGP_DIALECT_V2 | 8;
    assert_int_equal(migp_decoder_new(&decoder, &options, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    options.dialects = MIGP_DIALECT_V2;
    options.flags = 2;
    assert_int_equal(migp_decoder_new(&decoder, &options, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_null(decoder);
    migp_decoder_free(NULL);
}

static void test_feed__bad_arguments(void **state)
{
    struct migp_decoder *decoder = made(MIGP_DIALECT_ANY, 0);
    struct migp_event events[2];
    size_t n = 7;

    (void)state;
    assert_int_equal(migp_decoder_feed(NULL, "", 0, 0, events, 2, &n),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_decoder_feed(decoder, NULL, 1, 0, events, 2, &n),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_decoder_feed(decoder, "", 1, 2, events, 2, &n),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_decoder_feed(decoder, "", 1, 0, NULL, 2, &n),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_decoder_feed(decoder, "", 1, 0, events, 0, &n),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_decoder_feed(decoder, "", 1, 0, events, 2, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    /* none of this was a failure of the bytes */
    assert_int_equal(migp_decoder_error(decoder, NULL), MIGP_OK);
    assert_int_equal(migp_decoder_feed(decoder, NULL, 0, 0, events, 2, &n), 0);
    assert_int_equal(n, 0);
    migp_decoder_free(decoder);
}

static void test_queries__null_is_harmless(void **state)
{
    struct migp_error error = MIGP_ERROR_INIT;

    (void)state;
    assert_int_equal(migp_decoder_skip(NULL, 0), MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_decoder_finish(NULL, &error),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_decoder_error(NULL, &error),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_decoder_begin_section(NULL, 1, 0, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
}

/* [DS-1] */
static void test_feed__event_of_each_kind(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_decoder *decoder = made(MIGP_DIALECT_ANY, 0);
    struct migp_event events[ROOM];
    size_t n;

    (void)state;
    build_begin(&build);
    build_data(&build, "abc", 3);
    build_tag(&build, 1);
    build_tag(&build, 2);
    build_text(&build, "config");
    build_tag(&build, 1);
    assert_int_equal(migp_decoder_feed(decoder, build.bytes, build.size,
                                       MIGP_FEED_LAST, events, ROOM, &n),
                     build.size);
    assert_int_equal(n, 7);
    assert_int_equal(events[2].kind, MIGP_EVENT_DATA_BEGIN);
    assert_true(events[2].offset == 16 && events[2].size == 3);
    assert_null(events[2].bytes);
    assert_int_equal(events[3].kind, MIGP_EVENT_DATA);
    assert_true(events[3].offset == 32 && events[3].size == 3);
    assert_ptr_equal(events[3].bytes, build.bytes + 32);
    assert_int_equal(events[5].kind, MIGP_EVENT_CONFIG);
    assert_true(events[5].offset == 43 && events[5].size == 6);
    assert_ptr_equal(events[5].bytes, build.bytes + 51);
    assert_int_equal(migp_decoder_finish(decoder, NULL), MIGP_OK);
    migp_decoder_free(decoder);
    build_free(&build);
}

static void test_feed__base_offset_counts(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_decoder_options options;
    struct feeding feeding;
    struct outcome outcome;

    (void)state;
    build_begin(&build);
    build_tag(&build, 9);
    migp_decoder_options_init(&options);
    options.base_offset = UINT64_C(1) << 33;
    feeding = feeding_of(build.bytes, build.size);
    feed_decoder(&outcome, &feeding, &options);
    assert_null(outcome.broken);
    assert_int_equal(outcome.code, MIGP_ERR_MALFORMED);
    assert_true(outcome.journal.entries[1].offset == (UINT64_C(1) << 33) + 8);
    assert_true(outcome.error.offset == (UINT64_C(1) << 33) + 16);
    outcome_free(&outcome);
    build_free(&build);
}

/* [DS-1] */
static void test_feed__unknown_tag(void **state)
{
    static const uint64_t tags[] = {0,
                                    1,
                                    UINT64_MAX,
                                    UINT64_C(0xffffffffef100000),
                                    UINT64_C(0xffffffffef100007),
                                    UINT64_C(0xffffffffef1000ff),
                                    UINT64_C(0xffffffffef110001),
                                    UINT64_C(0xfffffffeef100001),
                                    UINT64_C(0x010010efffffffff),
                                    UINT64_C(0x7fffffffef100001),
                                    UINT64_C(0xffffffffef100101)};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(tags); i++) {
        struct build build = {NULL, 0, 0};
        struct feeding feeding;
        struct outcome outcome;

        build_begin(&build);
        build_data(&build, "x", 1);
        build_u64(&build, tags[i]);
        build_tag(&build, 1);
        feeding = feeding_of(build.bytes, build.size);
        feed_decoder(&outcome, &feeding, NULL);
        assert_null(outcome.broken);
        assert_int_equal(outcome.code, MIGP_ERR_MALFORMED);
        assert_int_equal(outcome.error.finding, MIGP_FINDING_UNKNOWN_TAG);
        assert_true(outcome.error.offset == 33);
        assert_true(outcome.error.value == tags[i]);
        assert_true(outcome.error.expected == 16);
        assert_true(strlen(outcome.error.text) > 0);
        outcome_free(&outcome);
        build_free(&build);
    }
}

/* A size that is k too big swallows the head of the next tag. */
/* [DS-1] */
static void test_feed__tag_shifted_is_noted(void **state)
{
    unsigned k;

    (void)state;
    for (k = 1; k <= 4; k++) { /* fewer than 4 bytes are no evidence */
        struct build build = {NULL, 0, 0};
        struct feeding feeding;
        struct outcome outcome;
        size_t i;
        bool noted = false;

        build_begin(&build);
        build_tag(&build, 4);
        build_u64(&build, 3 + k);
        build_text(&build, "abc");
        build_tag(&build, 1);
        build_tag(&build, 1);
        build_tag(&build, 1);
        feeding = feeding_of(build.bytes, build.size);
        feed_decoder(&outcome, &feeding, NULL);
        assert_int_equal(outcome.code, MIGP_ERR_MALFORMED);
        assert_int_equal(outcome.error.finding, MIGP_FINDING_UNKNOWN_TAG);
        for (i = 0; i < outcome.journal.count; i++) {
            const struct entry *entry = &outcome.journal.entries[i];

            if (entry->kind == ENTRY_FINDING &&
                entry->detail == MIGP_FINDING_TAG_SHIFTED) {
                noted = true;
                assert_int_equal(entry->size, k);
            }
        }
        assert_true(noted);
        outcome_free(&outcome);
        build_free(&build);
    }
}

/* [DS-7] */
static void test_feed__data_limit_at_below_and_above(void **state)
{
    static const uint64_t sizes[] = {99, 100, 101, UINT64_MAX};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(sizes); i++) {
        struct build build = {NULL, 0, 0};
        struct migp_decoder_options options;
        struct feeding feeding;
        struct outcome outcome;

        migp_decoder_options_init(&options);
        options.max_data = 100;
        build_begin(&build);
        build_tag(&build, 4);
        build_u64(&build, sizes[i]);
        build_fill(&build, 102, 0);
        feeding = feeding_of(build.bytes, build.size);
        feed_decoder(&outcome, &feeding, &options);
        assert_null(outcome.broken);
        if (sizes[i] <= 100) {
            assert_int_not_equal(outcome.code, MIGP_ERR_LIMIT);
            assert_int_equal(outcome.journal.entries[3].size, sizes[i]);
        } else {
            assert_int_equal(outcome.code, MIGP_ERR_LIMIT);
            assert_int_equal(outcome.error.finding, MIGP_FINDING_DATA_TOO_BIG);
            assert_true(outcome.error.value == sizes[i]);
            assert_true(outcome.error.expected == 100);
            assert_true(outcome.error.offset == 16);
            assert_int_equal(outcome.journal.count, 2);
        }
        outcome_free(&outcome);
        build_free(&build);
    }
}

/* [DS-7] */
static void test_feed__default_data_limit(void **state)
{
    static const uint64_t sizes[] = {MIGP_DEFAULT_MAX_DATA,
                                     MIGP_DEFAULT_MAX_DATA + 1};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(sizes); i++) {
        struct build build = {NULL, 0, 0};
        struct migp_decoder *decoder = made(MIGP_DIALECT_ANY, 0);
        struct migp_event events[ROOM];
        size_t n;
        migp_ssize got;

        build_begin(&build);
        build_tag(&build, 4);
        build_u64(&build, sizes[i]);
        got = migp_decoder_feed(decoder, build.bytes, build.size, 0, events,
                                ROOM, &n);
        assert_int_equal(got, i == 0 ? (migp_ssize)build.size : MIGP_ERR_LIMIT);
        if (i == 0) {
            assert_true(migp_decoder_data_left(decoder) == sizes[i]);
        }
        migp_decoder_free(decoder);
        build_free(&build);
    }
}

/* [DS-10] */
static void test_feed__config_limit_at_below_and_above(void **state)
{
    static const size_t sizes[] = {49, 50, 51, 300};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(sizes); i++) {
        struct build build = {NULL, 0, 0};
        struct migp_decoder_options options;
        struct feeding feeding;
        struct outcome outcome;

        migp_decoder_options_init(&options);
        options.max_config = 50;
        build_begin(&build);
        build_tag(&build, 1);
        build_tag(&build, 2);
        build_fill(&build, sizes[i], 0x41);
        build_tag(&build, 1);
        feeding = feeding_of(build.bytes, build.size);
        options.dialects = MIGP_DIALECT_V2;
        feeding.chunk = 1;
        feed_decoder(&outcome, &feeding, &options);
        assert_null(outcome.broken);
        if (sizes[i] <= 50) {
            assert_int_equal(outcome.finish, MIGP_OK);
        } else {
            assert_int_equal(outcome.code, MIGP_ERR_LIMIT);
            assert_int_equal(outcome.error.finding,
                             MIGP_FINDING_CONFIG_TOO_BIG);
            assert_true(outcome.error.expected == 50);
            assert_true(outcome.error.offset == 24);
        }
        outcome_free(&outcome);
        build_free(&build);
    }
}

static void test_feed__config_is_asked_for_in_one_piece(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_decoder *decoder = made(MIGP_DIALECT_V2, 0);
    struct migp_event events[ROOM];
    size_t n;
    size_t before;
    migp_ssize got;

    (void)state;
    build_begin(&build);
    build_tag(&build, 1);
    before = build.size;
    build_tag(&build, 2);
    build_pci(&build, 4096, 64);
    build_tag(&build, 1);
    got = migp_decoder_feed(decoder, build.bytes, build.size - 1, 0, events,
                            ROOM, &n);
    assert_true(got >= (migp_ssize)before);
    assert_int_equal(n, 3);
    assert_true(migp_decoder_need(decoder) > build.size - 1 - (size_t)got);
    assert_true(migp_decoder_offset(decoder) == (uint64_t)got);
    /* less than it needs moves nothing, however often it is offered */
    assert_int_equal(
        migp_decoder_feed(decoder, build.bytes + got, 100, 0, events, ROOM, &n),
        0);
    assert_int_equal(n, 0);
    got =
        migp_decoder_feed(decoder, build.bytes + got, build.size - (size_t)got,
                          MIGP_FEED_LAST, events, ROOM, &n);
    assert_int_equal(n, 2);
    assert_true(events[0].size == 5148 && events[0].offset == 24);
    assert_int_equal(migp_decoder_finish(decoder, NULL), MIGP_OK);
    assert_int_equal(migp_decoder_need(decoder), 0);
    migp_decoder_free(decoder);
    build_free(&build);
}

static void test_feed__config_cut_with_last_is_truncated(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_decoder *decoder = made(MIGP_DIALECT_V2, 0);
    struct migp_event events[ROOM];
    struct migp_error error = MIGP_ERROR_INIT;
    size_t n;

    (void)state;
    build_begin(&build);
    build_tag(&build, 1);
    build_tag(&build, 2);
    build_text(&build, "some bytes");
    assert_int_equal(migp_decoder_feed(decoder, build.bytes, build.size,
                                       MIGP_FEED_LAST, events, ROOM, &n),
                     MIGP_ERR_TRUNCATED);
    assert_int_equal(n, 3);
    assert_int_equal(migp_decoder_finish(decoder, &error), MIGP_ERR_TRUNCATED);
    assert_int_equal(error.finding, MIGP_FINDING_TRUNCATED);
    migp_decoder_free(decoder);
    build_free(&build);
}

/* [DS-14] */
static void test_finish__where_the_bytes_end(void **state)
{
    struct build build = {NULL, 0, 0};
    size_t size;

    (void)state;
    build_begin(&build);
    build_data(&build, "0123456789", 10);
    build_tag(&build, 1);
    for (size = 0; size < build.size; size++) {
        struct feeding feeding = feeding_of(build.bytes, size);
        struct outcome outcome;

        feed_decoder(&outcome, &feeding, NULL);
        assert_null(outcome.broken);
        assert_int_equal(outcome.finish, MIGP_ERR_TRUNCATED);
        assert_int_equal(outcome.error.finding, MIGP_FINDING_TRUNCATED);
        assert_true(outcome.error.offset == size);
        assert_true(outcome.error.value <= size);
        /* inside the tag, the size or the payload of what starts at 16 */
        if (size > 16 && size < 42) {
            assert_true(outcome.error.value == 16);
        }
        outcome_free(&outcome);
    }
    build_free(&build);
}

static void test_skip__payload_moved_by_the_caller(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_decoder *decoder = made(MIGP_DIALECT_ANY, 0);
    struct migp_event events[ROOM];
    size_t n;

    (void)state;
    build_begin(&build);
    build_tag(&build, 4);
    build_u64(&build, 1000);
    assert_true(migp_decoder_data_left(decoder) == 0);
    assert_int_equal(migp_decoder_skip(decoder, 1), MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_decoder_skip(decoder, 0), MIGP_OK);
    assert_int_equal(migp_decoder_feed(decoder, build.bytes, build.size, 0,
                                       events, ROOM, &n),
                     32);
    assert_int_equal(n, 3);
    assert_true(migp_decoder_data_left(decoder) == 1000);
    assert_int_equal(migp_decoder_skip(decoder, 1001),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_decoder_skip(decoder, UINT64_MAX),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_decoder_skip(decoder, 600), MIGP_OK);
    assert_true(migp_decoder_data_left(decoder) == 400);
    assert_true(migp_decoder_offset(decoder) == 632);
    assert_int_equal(
        migp_decoder_feed(decoder, build.bytes, 1, 0, events, ROOM, &n), 1);
    assert_int_equal(n, 1);
    assert_true(events[0].offset == 632 && events[0].size == 1);
    assert_int_equal(migp_decoder_skip(decoder, 399), MIGP_OK);
    assert_true(migp_decoder_data_left(decoder) == 0);
    assert_int_equal(
        migp_decoder_feed(decoder, build.bytes + 8, 8, 0, events, ROOM, &n), 8);
    assert_int_equal(n, 1);
    assert_int_equal(events[0].kind, MIGP_EVENT_END);
    assert_true(events[0].offset == 1032);
    migp_decoder_free(decoder);
    build_free(&build);
}

static void test_feed__after_the_end_of_a_bare_stream(void **state)
{
    struct build build = {NULL, 0, 0};
    struct feeding feeding;
    struct outcome outcome;

    (void)state;
    build_begin(&build);
    build_tag(&build, 1);
    build_tag(&build, 2);
    build_text(&build, "c");
    build_tag(&build, 1);
    build_tag(&build, 3);
    feeding = feeding_of(build.bytes, build.size);
    feed_decoder(&outcome, &feeding, NULL);
    assert_null(outcome.broken);
    assert_int_equal(outcome.code, MIGP_ERR_MALFORMED);
    assert_int_equal(outcome.error.finding, MIGP_FINDING_TAG_ORDER);
    assert_true(outcome.error.offset == 41);
    assert_true(outcome.error.value == 3);
    outcome_free(&outcome);
    build_free(&build);
}

/* [DS-2] */
static void test_tolerant__order_faults_become_findings(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_decoder_options options;
    struct feeding feeding;
    struct outcome outcome;
    size_t found = 0;
    size_t records = 0;
    size_t i;

    (void)state;
    migp_decoder_options_init(&options);
    options.flags = MIGP_DECODER_TOLERANT;
    build_data(&build, "early", 5); /* before SETUP */
    build_begin(&build);
    build_begin(&build); /* SETUP again */
    build_tag(&build, 6);
    build_tag(&build, 1);
    feeding = feeding_of(build.bytes, build.size);
    feed_decoder(&outcome, &feeding, &options);
    assert_null(outcome.broken);
    assert_int_equal(outcome.code, MIGP_OK);
    for (i = 0; i < outcome.journal.count; i++) {
        const struct entry *entry = &outcome.journal.entries[i];

        found += entry->kind == ENTRY_FINDING &&
                 entry->detail == MIGP_FINDING_TAG_ORDER;
        records += entry->kind == ENTRY_RECORD;
    }
    assert_true(found >= 2);
    assert_int_equal(records, 8);
    outcome_free(&outcome);
    options.flags = 0;
    feed_decoder(&outcome, &feeding, &options);
    assert_int_equal(outcome.code, MIGP_ERR_MALFORMED);
    assert_int_equal(outcome.error.finding, MIGP_FINDING_TAG_ORDER);
    assert_true(outcome.error.offset == 0);
    assert_int_equal(outcome.journal.count, 0);
    outcome_free(&outcome);
    build_free(&build);
}

/* An unknown tag cannot be passed over: nobody knows its length. */
static void test_tolerant__unknown_tags_still_fail(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_decoder_options options;
    struct feeding feeding;
    struct outcome outcome;

    (void)state;
    migp_decoder_options_init(&options);
    options.flags = MIGP_DECODER_TOLERANT;
    build_begin(&build);
    build_tag(&build, 7);
    feeding = feeding_of(build.bytes, build.size);
    feed_decoder(&outcome, &feeding, &options);
    assert_null(outcome.broken);
    assert_int_equal(outcome.code, MIGP_ERR_MALFORMED);
    assert_int_equal(outcome.error.finding, MIGP_FINDING_UNKNOWN_TAG);
    outcome_free(&outcome);
    build_free(&build);
}

/* v2 writes no DATA of size 0, but QEMU's loader takes it. */
/* [DS-8] */
static void test_feed__zero_size_data_where_it_is_not_v1(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_decoder_options options;
    struct feeding feeding;
    struct outcome outcome;
    bool found = false;
    size_t i;

    (void)state;
    migp_decoder_options_init(&options);
    options.dialects = MIGP_DIALECT_V2;
    options.flags = MIGP_DECODER_TOLERANT;
    build_begin(&build);
    build_data(&build, "", 0);
    build_tag(&build, 1);
    feeding = feeding_of(build.bytes, build.size);
    feed_decoder(&outcome, &feeding, &options);
    assert_null(outcome.broken);
    assert_int_equal(outcome.code, MIGP_OK);
    for (i = 0; i < outcome.journal.count; i++) {
        const struct entry *entry = &outcome.journal.entries[i];

        if (entry->kind == ENTRY_FINDING) {
            found = true;
            assert_int_equal(entry->detail, MIGP_FINDING_DATA_SIZE_ZERO);
            assert_true(entry->offset == 16);
        }
    }
    assert_true(found);
    outcome_free(&outcome);
    build_free(&build);
}

static void test_dialects__narrow_and_stay(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_decoder *decoder = made(MIGP_DIALECT_ANY, 0);
    struct migp_event events[ROOM];
    size_t n;

    (void)state;
    assert_int_equal(migp_decoder_dialects(decoder), MIGP_DIALECT_ANY);
    build_begin(&build);
    build_tag(&build, 5);
    assert_int_equal(
        migp_decoder_feed(decoder, build.bytes, 16, 0, events, ROOM, &n), 16);
    assert_int_equal(migp_decoder_dialects(decoder), MIGP_DIALECT_ANY);
    assert_int_equal(
        migp_decoder_feed(decoder, build.bytes + 16, 8, 0, events, ROOM, &n),
        8);
    assert_int_equal(migp_decoder_dialects(decoder), MIGP_DIALECT_V2);
    migp_decoder_free(decoder);
    build_free(&build);
}

static void test_error__tells_what_feed_failed_with(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_decoder *decoder = made(MIGP_DIALECT_ANY, 0);
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_event events[ROOM];
    size_t n;

    (void)state;
    assert_int_equal(migp_decoder_error(decoder, &error), MIGP_OK);
    assert_int_equal(error.code, MIGP_OK);
    build_begin(&build);
    build_u64(&build, 42);
    assert_int_equal(migp_decoder_feed(decoder, build.bytes, build.size, 0,
                                       events, ROOM, &n),
                     MIGP_ERR_MALFORMED);
    assert_int_equal(n, 2);
    assert_int_equal(migp_decoder_error(decoder, &error), MIGP_ERR_MALFORMED);
    assert_int_equal(error.code, MIGP_ERR_MALFORMED);
    assert_int_equal(error.finding, MIGP_FINDING_UNKNOWN_TAG);
    assert_true(error.offset == 16 && error.value == 42);
    assert_int_equal(migp_decoder_finish(decoder, NULL), MIGP_ERR_MALFORMED);
    assert_int_equal(
        migp_decoder_begin_section(decoder, MIGP_SECTION_START, 24, NULL),
        MIGP_ERR_STATE);
    migp_decoder_free(decoder);
    build_free(&build);
}

/* Pseudo-random records in tolerant mode: however they are cut, the same. */
/* [DS-11] */
static void test_feed__random_records_in_random_splits(void **state)
{
    struct prng prng = prng_start("random records");
    uint64_t rounds = test_scaled(2000);
    uint64_t round;

    (void)state;
    for (round = 0; round < rounds; round++) {
        struct build build = {NULL, 0, 0};
        struct migp_decoder_options options;
        struct feeding feeding;
        struct outcome whole;
        struct outcome split;
        unsigned i;

        migp_decoder_options_init(&options);
        options.flags = MIGP_DECODER_TOLERANT;
        for (i = 0; i < 12; i++) {
            unsigned tag = 1 + (unsigned)prng_below(&prng, 6);

            if (tag == 4) {
                uint8_t noise[64] = {0};

                build_data(&build, noise, (size_t)prng_below(&prng, 65));
            } else {
                build_tag(&build, tag);
            }
        }
        feeding = feeding_of(build.bytes, build.size);
        feed_decoder(&whole, &feeding, &options);
        feeding.random = &prng;
        feeding.exact = true;
        feeding.max_events = 1 + (size_t)prng_below(&prng, 5);
        feed_decoder(&split, &feeding, &options);
        assert_null(whole.broken);
        assert_null(split.broken);
        assert_true(outcome_same("random records", &whole, &split));
        outcome_free(&whole);
        outcome_free(&split);
        build_free(&build);
    }
}

static void test_ids__every_name(void **state)
{
    (void)state;
    assert_string_equal(migp_record_id(MIGP_EVENT_END), "END");
    assert_string_equal(migp_record_id(MIGP_EVENT_CONFIG), "CONFIG");
    assert_string_equal(migp_record_id(MIGP_EVENT_SETUP), "SETUP");
    assert_string_equal(migp_record_id(MIGP_EVENT_DATA_BEGIN), "DATA");
    assert_string_equal(migp_record_id(MIGP_EVENT_INIT_DATA_SENT),
                        "INIT_DATA_SENT");
    assert_string_equal(migp_record_id(MIGP_EVENT_CONFIG_LOAD_READY),
                        "CONFIG_LOAD_READY");
    assert_string_equal(migp_record_id(0), "unknown");
    assert_string_equal(migp_record_id(-1), "unknown");
    assert_string_equal(migp_record_id(9), "unknown");
    assert_string_equal(migp_section_id(MIGP_SECTION_BARE), "bare");
    assert_string_equal(migp_section_id(MIGP_SECTION_START), "start");
    assert_string_equal(migp_section_id(MIGP_SECTION_PART), "part");
    assert_string_equal(migp_section_id(MIGP_SECTION_END), "end");
    assert_string_equal(migp_section_id(MIGP_SECTION_FULL), "full");
    assert_non_null(migp_section_id(5));
    assert_non_null(migp_section_id(-1));
    assert_string_equal(migp_dialect_id(MIGP_DIALECT_V2), "v2");
    assert_string_equal(migp_dialect_id(MIGP_DIALECT_V1), "v1");
    assert_string_equal(migp_dialect_id(MIGP_DIALECT_QEMU_5_2), "qemu-5.2");
    assert_string_equal(migp_dialect_id(MIGP_DIALECT_ANY), "v2");
    assert_string_equal(
        migp_dialect_id(MIGP_DIALECT_V1 | MIGP_DIALECT_QEMU_5_2), "v1");
    assert_string_equal(migp_dialect_id(0), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_init__defaults),
        cmocka_unit_test(test_new__bad_arguments),
        cmocka_unit_test(test_feed__bad_arguments),
        cmocka_unit_test(test_queries__null_is_harmless),
        cmocka_unit_test(test_feed__event_of_each_kind),
        cmocka_unit_test(test_feed__base_offset_counts),
        cmocka_unit_test(test_feed__unknown_tag),
        cmocka_unit_test(test_feed__tag_shifted_is_noted),
        cmocka_unit_test(test_feed__data_limit_at_below_and_above),
        cmocka_unit_test(test_feed__default_data_limit),
        cmocka_unit_test(test_feed__config_limit_at_below_and_above),
        cmocka_unit_test(test_feed__config_is_asked_for_in_one_piece),
        cmocka_unit_test(test_feed__config_cut_with_last_is_truncated),
        cmocka_unit_test(test_finish__where_the_bytes_end),
        cmocka_unit_test(test_skip__payload_moved_by_the_caller),
        cmocka_unit_test(test_feed__after_the_end_of_a_bare_stream),
        cmocka_unit_test(test_tolerant__order_faults_become_findings),
        cmocka_unit_test(test_tolerant__unknown_tags_still_fail),
        cmocka_unit_test(test_feed__zero_size_data_where_it_is_not_v1),
        cmocka_unit_test(test_dialects__narrow_and_stay),
        cmocka_unit_test(test_error__tells_what_feed_failed_with),
        cmocka_unit_test(test_feed__random_records_in_random_splits),
        cmocka_unit_test(test_ids__every_name),
    };

    return cmocka_run_group_tests_name("decoder", tests, NULL, NULL);
}
