/* SPDX-License-Identifier: MIT */

/* The decoder as one uses it who unwraps QEMU's sections. */

#include "cmocka_all.h"

#include "support/build.h"

#include <migproto/stream.h>
#include <string.h>

#define ROOM 16

struct bench {
    struct migp_decoder *decoder;
    struct migp_event events[ROOM];
    size_t n;
};

static void begin(struct bench *bench, uint32_t flags)
{
    struct migp_decoder_options options;

    migp_decoder_options_init(&options);
    options.flags = flags;
    assert_int_equal(migp_decoder_new(&bench->decoder, &options, NULL),
                     MIGP_OK);
    bench->n = 0;
}

static migp_ssize feed(struct bench *bench, const struct build *build)
{
    return migp_decoder_feed(bench->decoder, build->bytes, build->size, 0,
                             bench->events, ROOM, &bench->n);
}

static void start_section(struct bench *bench)
{
    struct build build = {NULL, 0, 0};

    build_tag(&build, 3);
    build_tag(&build, 1);
    assert_int_equal(
        migp_decoder_begin_section(bench->decoder, MIGP_SECTION_START, 0, NULL),
        MIGP_OK);
    assert_int_equal(feed(bench, &build), 16);
    build_free(&build);
}

/* [DS-12] */
static void test_feed__stops_where_the_section_ends(void **state)
{
    struct bench bench;
    struct build build = {NULL, 0, 0};

    (void)state;
    begin(&bench, 0);
    build_tag(&build, 3);
    build_tag(&build, 1);
    build_u8(&build, 0x7e); /* a footer follows: not the decoder's */
    build_u32(&build, 1);
    assert_int_equal(
        migp_decoder_begin_section(bench.decoder, MIGP_SECTION_START, 50, NULL),
        MIGP_OK);
    assert_int_equal(feed(&bench, &build), 16);
    assert_int_equal(bench.n, 2);
    assert_true(bench.events[0].offset == 50);
    assert_true(migp_decoder_offset(bench.decoder) == 66);
    /* INIT_DATA_SENT ends its section alone */
    build_free(&build);
    build_data(&build, "a", 1);
    build_tag(&build, 5);
    build_tag(&build, 1);
    assert_int_equal(
        migp_decoder_begin_section(bench.decoder, MIGP_SECTION_PART, 100, NULL),
        MIGP_OK);
    assert_int_equal(feed(&bench, &build), 25);
    assert_int_equal(bench.n, 3);
    assert_int_equal(bench.events[2].kind, MIGP_EVENT_INIT_DATA_SENT);
    migp_decoder_free(bench.decoder);
    build_free(&build);
}

static void test_begin_section__bad_arguments(void **state)
{
    static const int kinds[] = {MIGP_SECTION_BARE, -1, 5, 0x7e};
    struct bench bench;
    size_t i;

    (void)state;
    begin(&bench, 0);
    for (i = 0; i < N_TESTS(kinds); i++) {
        assert_int_equal(
            migp_decoder_begin_section(bench.decoder, kinds[i], 0, NULL),
            MIGP_ERR_INVALID_ARGUMENT);
    }
    start_section(&bench);
    migp_decoder_free(bench.decoder);
}

static void test_begin_section__inside_a_section(void **state)
{
    struct bench bench;
    struct build build = {NULL, 0, 0};

    (void)state;
    begin(&bench, 0);
    build_tag(&build, 3);
    assert_int_equal(
        migp_decoder_begin_section(bench.decoder, MIGP_SECTION_START, 0, NULL),
        MIGP_OK);
    assert_int_equal(
        migp_decoder_begin_section(bench.decoder, MIGP_SECTION_START, 0, NULL),
        MIGP_ERR_STATE);
    assert_int_equal(feed(&bench, &build), 8);
    assert_int_equal(
        migp_decoder_begin_section(bench.decoder, MIGP_SECTION_PART, 8, NULL),
        MIGP_ERR_STATE);
    migp_decoder_free(bench.decoder);
    build_free(&build);
}

/* [DS-2] */
static void test_begin_section__out_of_order(void **state)
{
    struct bench bench;
    struct migp_error error = MIGP_ERROR_INIT;

    (void)state;
    begin(&bench, 0);
    assert_int_equal(
        migp_decoder_begin_section(bench.decoder, MIGP_SECTION_FULL, 77, NULL),
        MIGP_ERR_MALFORMED);
    assert_int_equal(migp_decoder_error(bench.decoder, &error),
                     MIGP_ERR_MALFORMED);
    assert_int_equal(error.finding, MIGP_FINDING_SECTION_ORDER);
    assert_true(error.value == MIGP_SECTION_FULL);
    assert_true(error.offset == 77);
    migp_decoder_free(bench.decoder);
}

static void test_begin_section__out_of_order_but_tolerant(void **state)
{
    struct bench bench;
    struct build build = {NULL, 0, 0};
    bool found = false;
    size_t i;

    (void)state;
    begin(&bench, MIGP_DECODER_TOLERANT);
    assert_int_equal(
        migp_decoder_begin_section(bench.decoder, MIGP_SECTION_FULL, 77, NULL),
        MIGP_OK);
    build_tag(&build, 2);
    build_text(&build, "cfg");
    build_tag(&build, 1);
    assert_int_equal(feed(&bench, &build), 19);
    for (i = 0; i < bench.n; i++) {
        found |= bench.events[i].finding == MIGP_FINDING_SECTION_ORDER;
    }
    assert_true(found);
    migp_decoder_free(bench.decoder);
    build_free(&build);
}

static void to_full_section(struct bench *bench,
                            const struct migp_config_hint *hint)
{
    struct build build = {NULL, 0, 0};

    begin(bench, 0);
    start_section(bench);
    build_tag(&build, 1);
    assert_int_equal(
        migp_decoder_begin_section(bench->decoder, MIGP_SECTION_END, 16, NULL),
        MIGP_OK);
    assert_int_equal(feed(bench, &build), 8);
    assert_int_equal(
        migp_decoder_begin_section(bench->decoder, MIGP_SECTION_FULL, 24, hint),
        MIGP_OK);
    build_free(&build);
}

static void test_hint__size_wins_over_what_looks_like_the_end(void **state)
{
    struct migp_config_hint hint = {sizeof(hint), MIGP_CONFIG_HINT_SIZE, 0, 19};
    struct bench bench;
    struct build build = {NULL, 0, 0};

    (void)state;
    to_full_section(&bench, &hint);
    memset(&hint, 0xff, sizeof(hint)); /* it is a copy that counts */
    build_tag(&build, 2);
    build_text(&build, "abc");
    build_tag(&build, 1);
    build_tag(&build, 5);
    build_tag(&build, 1);
    assert_int_equal(feed(&bench, &build), 35);
    assert_int_equal(bench.n, 2);
    assert_true(bench.events[0].size == 19);
    assert_int_equal(migp_decoder_finish(bench.decoder, NULL), MIGP_OK);
    migp_decoder_free(bench.decoder);
    build_free(&build);
}

static void test_hint__size_that_is_wrong(void **state)
{
    struct migp_config_hint hint = {sizeof(hint), MIGP_CONFIG_HINT_SIZE, 0, 4};
    struct migp_error error = MIGP_ERROR_INIT;
    struct bench bench;
    struct build build = {NULL, 0, 0};

    (void)state;
    to_full_section(&bench, &hint);
    build_tag(&build, 2);
    build_text(&build, "abc");
    build_tag(&build, 1);
    build_u32(&build, 0);
    assert_int_equal(feed(&bench, &build), MIGP_ERR_MALFORMED);
    assert_int_equal(migp_decoder_error(bench.decoder, &error),
                     MIGP_ERR_MALFORMED);
    assert_int_equal(error.finding, MIGP_FINDING_CONFIG_HINT);
    assert_true(error.value == 4);
    migp_decoder_free(bench.decoder);
    build_free(&build);
}

static void test_hint__footer_tells_the_true_end(void **state)
{
    struct migp_config_hint hint = {sizeof(hint), MIGP_CONFIG_HINT_FOOTER, 9,
                                    0};
    struct bench bench;
    struct build build = {NULL, 0, 0};

    (void)state;
    to_full_section(&bench, &hint);
    build_tag(&build, 2);
    build_text(&build, "abc");
    build_tag(&build, 1);
    build_text(&build, "more");
    build_tag(&build, 1);
    build_footer(&build, 9);
    assert_int_equal(feed(&bench, &build), build.size - 5);
    assert_true(bench.events[0].size == 15);
    migp_decoder_free(bench.decoder);
    build_free(&build);
}

static void test_hint__bad_ones(void **state)
{
    struct migp_config_hint hint = {sizeof(hint), 4, 0, 0};
    struct bench bench;

    (void)state;
    begin(&bench, 0);
    assert_int_equal(
        migp_decoder_begin_section(bench.decoder, MIGP_SECTION_START, 0, &hint),
        MIGP_ERR_INVALID_ARGUMENT);
    hint.flags = 0;
    hint.struct_size = 3;
    assert_int_equal(
        migp_decoder_begin_section(bench.decoder, MIGP_SECTION_START, 0, &hint),
        MIGP_ERR_INVALID_ARGUMENT);
    start_section(&bench);
    migp_decoder_free(bench.decoder);
}

static void test_finish__load_ready_makes_it_whole(void **state)
{
    struct bench bench;
    struct build build = {NULL, 0, 0};

    (void)state;
    to_full_section(&bench, NULL);
    build_tag(&build, 6);
    assert_int_equal(feed(&bench, &build), 8);
    assert_int_equal(bench.n, 1);
    assert_int_equal(migp_decoder_finish(bench.decoder, NULL), MIGP_OK);
    assert_int_equal(migp_decoder_dialects(bench.decoder), MIGP_DIALECT_V2);
    migp_decoder_free(bench.decoder);
    build_free(&build);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_feed__stops_where_the_section_ends),
        cmocka_unit_test(test_begin_section__bad_arguments),
        cmocka_unit_test(test_begin_section__inside_a_section),
        cmocka_unit_test(test_begin_section__out_of_order),
        cmocka_unit_test(test_begin_section__out_of_order_but_tolerant),
        cmocka_unit_test(test_hint__size_wins_over_what_looks_like_the_end),
        cmocka_unit_test(test_hint__size_that_is_wrong),
        cmocka_unit_test(test_hint__footer_tells_the_true_end),
        cmocka_unit_test(test_hint__bad_ones),
        cmocka_unit_test(test_finish__load_ready_makes_it_whole),
    };

    return cmocka_run_group_tests_name("decoder_section", tests, NULL, NULL);
}
