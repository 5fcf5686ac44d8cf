/* SPDX-License-Identifier: MIT */
#include "cmocka_all.h"

#include "support/build.h"

#include <migproto/stream.h>
#include <string.h>

struct bench {
    struct migp_encoder *encoder;
    struct build out;
};

static void begin(struct bench *bench, uint32_t dialect)
{
    struct migp_encoder_options options;

    migp_encoder_options_init(&options);
    options.dialect = dialect;
    memset(&bench->out, 0, sizeof(bench->out));
    assert_int_equal(migp_encoder_new(&bench->encoder, &options, NULL),
                     MIGP_OK);
}

static void end(struct bench *bench)
{
    migp_encoder_free(bench->encoder);
    build_free(&bench->out);
}

static migp_ssize record(struct bench *bench, int kind, const void *payload,
                         uint64_t size)
{
    uint8_t head[MIGP_RECORD_HEAD_MAX];
    struct migp_piece pieces[2];
    size_t n = 0;
    migp_ssize got = migp_encoder_record(bench->encoder, kind, payload, size,
                                         head, pieces, &n);
    size_t i;

    if (got < 0) {
        return got;
    }
    assert_in_range(n, 1, 2);
    assert_ptr_equal(pieces[0].bytes, head);
    assert_int_equal(pieces[0].size, got);
    for (i = 0; i < n; i++) {
        build_bytes(&bench->out, pieces[i].bytes, pieces[i].size);
    }
    return got;
}

static void assert_written(const struct bench *bench,
                           const struct build *wanted)
{
    assert_int_equal(bench->out.size, wanted->size);
    assert_memory_equal(bench->out.bytes, wanted->bytes, wanted->size);
}

static void test_options_init__defaults(void **state)
{
    struct migp_encoder_options options;

    (void)state;
    memset(&options, 0xa5, sizeof(options));
    migp_encoder_options_init(&options);
    assert_int_equal(options.struct_size, sizeof(options));
    assert_int_equal(options.dialect, MIGP_DIALECT_V2);
    assert_int_equal(options.reserved, 0);
    migp_encoder_options_init(NULL);
}

static void test_new__bad_arguments(void **state)
{
    static const uint32_t wrong[] = {0, 3, 5, 6, 7, 8, UINT32_MAX};
    struct migp_encoder_options options;
    struct migp_encoder *encoder = (void *)&options;
    struct migp_error error = MIGP_ERROR_INIT;
    size_t i;

    (void)state;
    assert_int_equal(migp_encoder_new(NULL, NULL, &error),
                     MIGP_ERR_INVALID_ARGUMENT);
    for (i = 0; i < N_TESTS(wrong); i++) {
        migp_encoder_options_init(&options);
        options.dialect = wrong[i]; /* one dialect, not a set */
        encoder = (void *)&options;
        assert_int_equal(migp_encoder_new(&encoder, &options, &error),
                         MIGP_ERR_INVALID_ARGUMENT);
        assert_null(encoder);
    }
    migp_encoder_options_init(&options);
    options.reserved = 1;
    assert_int_equal(migp_encoder_new(&encoder, &options, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    migp_encoder_free(NULL);
}

static void test_record__a_whole_v2_stream(void **state)
{
    struct bench bench;
    struct build want = {NULL, 0, 0};

    (void)state;
    begin(&bench, MIGP_DIALECT_V2);
    assert_int_equal(record(&bench, MIGP_EVENT_SETUP, NULL, 0), 8);
    assert_int_equal(record(&bench, MIGP_EVENT_END, NULL, 0), 8);
    assert_int_equal(record(&bench, MIGP_EVENT_DATA_BEGIN, "hello", 5), 16);
    assert_int_equal(record(&bench, MIGP_EVENT_INIT_DATA_SENT, NULL, 0), 8);
    assert_int_equal(record(&bench, MIGP_EVENT_DATA_BEGIN, "x", 1), 16);
    assert_int_equal(record(&bench, MIGP_EVENT_DATA_BEGIN, "y", 1), 16);
    assert_int_equal(record(&bench, MIGP_EVENT_END, NULL, 0), 8);
    assert_int_equal(migp_encoder_is_complete(bench.encoder), 0);
    assert_int_equal(record(&bench, MIGP_EVENT_CONFIG, "config", 6), 8);
    assert_int_equal(migp_encoder_is_complete(bench.encoder), 0);
    assert_int_equal(record(&bench, MIGP_EVENT_END, NULL, 0), 8);
    assert_int_equal(migp_encoder_is_complete(bench.encoder), 1);
    build_tag(&want, 3);
    build_tag(&want, 1);
    build_data(&want, "hello", 5);
    build_tag(&want, 5);
    build_data(&want, "x", 1);
    build_data(&want, "y", 1);
    build_tag(&want, 1);
    build_tag(&want, 2);
    build_text(&want, "config");
    build_tag(&want, 1);
    assert_written(&bench, &want);
    build_free(&want);
    end(&bench);
}

/* [DS-13] */
static void test_record__qemu_5_2_in_sections(void **state)
{
    struct bench bench;
    struct build want = {NULL, 0, 0};

    (void)state;
    begin(&bench, MIGP_DIALECT_QEMU_5_2);
    assert_int_equal(
        migp_encoder_begin_section(bench.encoder, MIGP_SECTION_START), MIGP_OK);
    assert_int_equal(record(&bench, MIGP_EVENT_SETUP, NULL, 0), 8);
    assert_int_equal(record(&bench, MIGP_EVENT_END, NULL, 0), 8);
    assert_int_equal(
        migp_encoder_begin_section(bench.encoder, MIGP_SECTION_END), MIGP_OK);
    assert_int_equal(record(&bench, MIGP_EVENT_CONFIG, "cfg", 3), 8);
    assert_int_equal(record(&bench, MIGP_EVENT_END, NULL, 0), 8);
    assert_int_equal(record(&bench, MIGP_EVENT_DATA_BEGIN, "d", 1), 16);
    assert_int_equal(migp_encoder_is_complete(bench.encoder), 0);
    assert_int_equal(record(&bench, MIGP_EVENT_END, NULL, 0), 8);
    assert_int_equal(migp_encoder_is_complete(bench.encoder), 1);
    build_tag(&want, 3);
    build_tag(&want, 1);
    build_tag(&want, 2);
    build_text(&want, "cfg");
    build_tag(&want, 1);
    build_data(&want, "d", 1);
    build_tag(&want, 1);
    assert_written(&bench, &want);
    build_free(&want);
    end(&bench);
}

static void test_record__zero_size_data_only_where_v1_is(void **state)
{
    static const struct {
        uint32_t dialect;
        migp_ssize result;
    } cases[] = {{MIGP_DIALECT_QEMU_5_2, 16},
                 {MIGP_DIALECT_V1, 16},
                 {MIGP_DIALECT_V2, MIGP_ERR_STATE}};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(cases); i++) {
        struct bench bench;

        begin(&bench, cases[i].dialect);
        record(&bench, MIGP_EVENT_SETUP, NULL, 0);
        record(&bench, MIGP_EVENT_END, NULL, 0);
        assert_int_equal(record(&bench, MIGP_EVENT_DATA_BEGIN, NULL, 0),
                         cases[i].result);
        end(&bench);
    }
}

static void test_record__out_of_order_changes_nothing(void **state)
{
    static const int kinds[] = {MIGP_EVENT_END, MIGP_EVENT_DATA_BEGIN,
                                MIGP_EVENT_CONFIG, MIGP_EVENT_INIT_DATA_SENT,
                                MIGP_EVENT_CONFIG_LOAD_READY};
    struct bench bench;
    size_t i;

    (void)state;
    begin(&bench, MIGP_DIALECT_V2);
    for (i = 0; i < N_TESTS(kinds); i++) {
        int sized =
            kinds[i] == MIGP_EVENT_DATA_BEGIN || kinds[i] == MIGP_EVENT_CONFIG;

        assert_int_equal(
            record(&bench, kinds[i], sized ? "x" : NULL, sized ? 1 : 0),
            MIGP_ERR_STATE);
    }
    assert_int_equal(bench.out.size, 0);
    assert_int_equal(record(&bench, MIGP_EVENT_SETUP, NULL, 0), 8);
    assert_int_equal(record(&bench, MIGP_EVENT_SETUP, NULL, 0), MIGP_ERR_STATE);
    assert_int_equal(record(&bench, MIGP_EVENT_END, NULL, 0), 8);
    end(&bench);
}

static void test_record__payload_sent_by_other_means(void **state)
{
    struct bench bench;
    uint8_t head[MIGP_RECORD_HEAD_MAX];
    struct migp_piece pieces[2];
    size_t n = 0;
    struct build want = {NULL, 0, 0};

    (void)state;
    begin(&bench, MIGP_DIALECT_V2);
    record(&bench, MIGP_EVENT_SETUP, NULL, 0);
    record(&bench, MIGP_EVENT_END, NULL, 0);
    assert_int_equal(migp_encoder_record(bench.encoder, MIGP_EVENT_DATA_BEGIN,
                                         NULL, UINT64_C(0x123456789a), head,
                                         pieces, &n),
                     16);
    assert_int_equal(n, 1);
    build_tag(&want, 4);
    build_u64(&want, UINT64_C(0x123456789a));
    assert_memory_equal(head, want.bytes, 16);
    build_free(&want);
    end(&bench);
}

static void test_record__bad_arguments(void **state)
{
    static const int kinds[] = {0, 7, 8, -1, 100};
    struct bench bench;
    uint8_t head[MIGP_RECORD_HEAD_MAX];
    struct migp_piece pieces[2];
    size_t n;
    size_t i;

    (void)state;
    begin(&bench, MIGP_DIALECT_V2);
    for (i = 0; i < N_TESTS(kinds); i++) {
        assert_int_equal(record(&bench, kinds[i], NULL, 0),
                         MIGP_ERR_INVALID_ARGUMENT);
    }
    assert_int_equal(record(&bench, MIGP_EVENT_SETUP, "x", 1),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(record(&bench, MIGP_EVENT_SETUP, NULL, 1),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(
        migp_encoder_record(NULL, MIGP_EVENT_SETUP, NULL, 0, head, pieces, &n),
        MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_encoder_record(bench.encoder, MIGP_EVENT_SETUP, NULL,
                                         0, NULL, pieces, &n),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_encoder_record(bench.encoder, MIGP_EVENT_SETUP, NULL,
                                         0, head, NULL, &n),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_encoder_record(bench.encoder, MIGP_EVENT_SETUP, NULL,
                                         0, head, pieces, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(record(&bench, MIGP_EVENT_SETUP, NULL, 0), 8);
    end(&bench);
}

static void test_begin_section__order_and_arguments(void **state)
{
    struct bench bench;

    (void)state;
    begin(&bench, MIGP_DIALECT_V2);
    assert_int_equal(migp_encoder_begin_section(NULL, MIGP_SECTION_START),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(
        migp_encoder_begin_section(bench.encoder, MIGP_SECTION_BARE),
        MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_encoder_begin_section(bench.encoder, 5),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(
        migp_encoder_begin_section(bench.encoder, MIGP_SECTION_PART),
        MIGP_ERR_STATE);
    assert_int_equal(
        migp_encoder_begin_section(bench.encoder, MIGP_SECTION_START), MIGP_OK);
    assert_int_equal(
        migp_encoder_begin_section(bench.encoder, MIGP_SECTION_START),
        MIGP_ERR_STATE);
    assert_int_equal(record(&bench, MIGP_EVENT_SETUP, NULL, 0), 8);
    assert_int_equal(
        migp_encoder_begin_section(bench.encoder, MIGP_SECTION_PART),
        MIGP_ERR_STATE);
    assert_int_equal(record(&bench, MIGP_EVENT_END, NULL, 0), 8);
    assert_int_equal(
        migp_encoder_begin_section(bench.encoder, MIGP_SECTION_PART), MIGP_OK);
    /* a PART holds at most one DATA */
    assert_int_equal(record(&bench, MIGP_EVENT_DATA_BEGIN, "a", 1), 16);
    assert_int_equal(record(&bench, MIGP_EVENT_DATA_BEGIN, "b", 1),
                     MIGP_ERR_STATE);
    assert_int_equal(record(&bench, MIGP_EVENT_INIT_DATA_SENT, NULL, 0), 8);
    assert_int_equal(
        migp_encoder_begin_section(bench.encoder, MIGP_SECTION_END), MIGP_OK);
    assert_int_equal(record(&bench, MIGP_EVENT_END, NULL, 0), 8);
    assert_int_equal(
        migp_encoder_begin_section(bench.encoder, MIGP_SECTION_FULL), MIGP_OK);
    assert_int_equal(record(&bench, MIGP_EVENT_CONFIG_LOAD_READY, NULL, 0), 8);
    assert_int_equal(migp_encoder_is_complete(bench.encoder), 1);
    end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_init__defaults),
        cmocka_unit_test(test_new__bad_arguments),
        cmocka_unit_test(test_record__a_whole_v2_stream),
        cmocka_unit_test(test_record__qemu_5_2_in_sections),
        cmocka_unit_test(test_record__zero_size_data_only_where_v1_is),
        cmocka_unit_test(test_record__out_of_order_changes_nothing),
        cmocka_unit_test(test_record__payload_sent_by_other_means),
        cmocka_unit_test(test_record__bad_arguments),
        cmocka_unit_test(test_begin_section__order_and_arguments),
    };

    return cmocka_run_group_tests_name("encoder", tests, NULL, NULL);
}
