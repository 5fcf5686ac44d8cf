/* SPDX-License-Identifier: MIT */
#include "cmocka_all.h"
#include "stream_of.h"

#include <migproto/qemu.h>
#include <string.h>

#define ROOM 64

static void build_device(struct build *build)
{
    build_header(build);
    build_vfio_start(build);
    build_vfio_end(build);
    build_vfio_full(build);
    build_tail(build);
}

static void test_options_init__defaults(void **state)
{
    struct migp_qemu_options options;

    (void)state;
    memset(&options, 0xa5, sizeof(options));
    migp_qemu_options_init(&options);
    assert_int_equal(options.struct_size, sizeof(options));
    assert_int_equal(options.footers, MIGP_QEMU_FOOTERS_AUTO);
    assert_int_equal(options.decoder_flags, 0);
    assert_int_equal(options.page_size, 0);
    assert_int_equal(options.max_sections, MIGP_DEFAULT_MAX_SECTIONS);
    assert_true(options.max_data == MIGP_DEFAULT_MAX_DATA);
    assert_true(options.max_config == MIGP_DEFAULT_MAX_CONFIG);
    assert_null(options.vmdesc);
    assert_int_equal(options.n_vmdesc, 0);
    migp_qemu_options_init(NULL);
}

static void test_new__bad_options(void **state)
{
    static const uint32_t pages[] = {1, 512, 1000, 1536, 131072, UINT32_MAX};
    struct migp_qemu_options options;
    struct migp_qemu_reader *reader = (void *)&options;
    struct migp_error error = MIGP_ERROR_INIT;
    size_t i;

    (void)state;
    assert_int_equal(migp_qemu_reader_new(NULL, NULL, &error),
                     MIGP_ERR_INVALID_ARGUMENT);
    for (i = 0; i < N_TESTS(pages); i++) {
        migp_qemu_options_init(&options);
        options.page_size = pages[i];
        assert_int_equal(migp_qemu_reader_new(&reader, &options, &error),
                         MIGP_ERR_INVALID_ARGUMENT);
        assert_null(reader);
    }
    migp_qemu_options_init(&options);
    options.footers = 3;
    assert_int_equal(migp_qemu_reader_new(&reader, &options, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    migp_qemu_options_init(&options);
    options.decoder_flags = 8;
    assert_int_equal(migp_qemu_reader_new(&reader, &options, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    migp_qemu_options_init(&options);
    options.n_vmdesc = 1;
    assert_int_equal(migp_qemu_reader_new(&reader, &options, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    migp_qemu_reader_free(NULL);
}

static void test_new__page_sizes_at_the_bounds(void **state)
{
    static const uint32_t pages[] = {0, 1024, 4096, 65536};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(pages); i++) {
        struct migp_qemu_options options;
        struct migp_qemu_reader *reader;

        migp_qemu_options_init(&options);
        options.page_size = pages[i];
        assert_int_equal(migp_qemu_reader_new(&reader, &options, NULL),
                         MIGP_OK);
        migp_qemu_reader_free(reader);
    }
}

static void test_feed__bad_arguments(void **state)
{
    struct migp_qemu_reader *reader;
    struct migp_qemu_event events[2];
    size_t n = 9;

    (void)state;
    assert_int_equal(migp_qemu_reader_new(&reader, NULL, NULL), MIGP_OK);
    assert_int_equal(migp_qemu_reader_feed(NULL, "", 0, 0, events, 2, &n),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_qemu_reader_feed(reader, NULL, 1, 0, events, 2, &n),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_qemu_reader_feed(reader, "", 1, 4, events, 2, &n),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_qemu_reader_feed(reader, "", 1, 0, NULL, 2, &n),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_qemu_reader_feed(reader, "", 1, 0, events, 0, &n),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_qemu_reader_feed(reader, "", 1, 0, events, 2, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_qemu_reader_error(reader, NULL), MIGP_OK);
    assert_int_equal(migp_qemu_reader_finish(NULL, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_qemu_reader_skip(NULL, 0), MIGP_ERR_INVALID_ARGUMENT);
    migp_qemu_reader_free(reader);
}

/* [QC-1] */
static void test_feed__what_is_no_migration_stream(void **state)
{
    static const struct {
        const char *start;
        size_t size;
        int code;
        uint32_t finding;
        uint64_t offset;
    } cases[] = {
        {"QEVN\0\0\0\3", 8, MIGP_ERR_NOT_A_STREAM, MIGP_FINDING_NOT_A_STREAM,
         0},
        {"MVEQ\3\0\0\0", 8, MIGP_ERR_NOT_A_STREAM, MIGP_FINDING_NOT_A_STREAM,
         0},
        {"QEVM\0\0\0\2", 8, MIGP_ERR_UNSUPPORTED, MIGP_FINDING_STREAM_VERSION,
         4},
        {"QEVM\0\0\0\4", 8, MIGP_ERR_UNSUPPORTED, MIGP_FINDING_STREAM_VERSION,
         4},
        {"\x11\x22\x33\x44\0\0\0\1", 8, MIGP_ERR_NOT_A_STREAM,
         MIGP_FINDING_MULTIFD_CHANNEL, 0},
    };
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(cases); i++) {
        struct build build = {NULL, 0, 0};
        struct outcome outcome;

        build_bytes(&build, cases[i].start, cases[i].size);
        build_fill(&build, 64, 0);
        outcome_of(&outcome, &build, NULL);
        assert_null(outcome.broken);
        assert_int_equal(outcome.error.finding, cases[i].finding);
        assert_int_equal(outcome.code, cases[i].code);
        assert_int_equal(outcome.journal.count, 0);
        outcome_free(&outcome);
    }
}

static void test_finish__empty_and_cut_header(void **state)
{
    size_t size;

    (void)state;
    for (size = 0; size < 8; size++) {
        struct feeding feeding = feeding_of("QEVM\0\0\0\3", size);
        struct outcome outcome;

        feed_reader(&outcome, &feeding, NULL);
        assert_null(outcome.broken);
        assert_int_equal(outcome.finish, MIGP_ERR_TRUNCATED);
        assert_true(outcome.error.offset == size);
        outcome_free(&outcome);
    }
}

static void test_feed__need_is_bounded(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_qemu_options options;
    struct migp_qemu_reader *reader;
    struct migp_qemu_event events[ROOM];
    size_t at = 0;
    size_t size = 1;
    size_t n;

    (void)state;
    build_header(&build);
    build_vfio_start(&build);
    build_vfio_end(&build);
    build_head(&build, 4, VFIO_ID, VFIO_IDSTR, 0, 1);
    build_tag(&build, 2);
    build_fill(&build, 30000, 0x41); /* CONFIG without end */
    migp_qemu_options_init(&options);
    options.max_config = 10000;
    assert_int_equal(migp_qemu_reader_new(&reader, &options, NULL), MIGP_OK);
    for (;;) {
        migp_ssize got = migp_qemu_reader_feed(reader, build.bytes + at, size,
                                               0, events, ROOM, &n);
        size_t need;

        if (got < 0) {
            assert_int_equal(got, MIGP_ERR_LIMIT);
            break;
        }
        at += (size_t)got;
        need = migp_qemu_reader_need(reader);
        assert_true(need <= 10000 + 4096);
        size = need ? need : 1;
        assert_true(at + size <= build.size);
    }
    migp_qemu_reader_free(reader);
    build_free(&build);
}

static void test_skip__ram_pages_and_data(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_qemu_reader *reader;
    struct migp_qemu_event events[ROOM];
    size_t at = 0;
    size_t skipped = 0;
    size_t n;
    bool ended = false;

    (void)state;
    build_header(&build);
    build_head(&build, 1, 1, "ram", 0, 4);
    build_u64(&build, 8); /* PAGE */
    build_u8(&build, 1);
    build_text(&build, "m");
    build_fill(&build, 4096, 0x77);
    build_u64(&build, 16); /* EOS */
    build_footer(&build, 1);
    build_vfio_start(&build);
    build_short_head(&build, 3, VFIO_ID);
    build_tag(&build, 4);
    build_u64(&build, 5000);
    build_fill(&build, 5000, 0x66);
    build_tag(&build, 1);
    build_footer(&build, VFIO_ID);
    build_vfio_full(&build);
    build_tail(&build);
    assert_int_equal(migp_qemu_reader_new(&reader, NULL, NULL), MIGP_OK);
    while (at < build.size) {
        size_t size = 1;
        size_t need = migp_qemu_reader_need(reader);
        uint64_t skip = migp_qemu_reader_skippable(reader);
        migp_ssize got;
        size_t i;

        assert_int_equal(migp_qemu_reader_skip(reader, skip + 1),
                         MIGP_ERR_INVALID_ARGUMENT);
        if (skip > 0) {
            assert_int_equal(migp_qemu_reader_skip(reader, skip), MIGP_OK);
            at += (size_t)skip;
            skipped += (size_t)skip;
            continue;
        }
        size = need > size ? need : size;
        size = size < build.size - at ? size : build.size - at;
        got = migp_qemu_reader_feed(reader, build.bytes + at, size,
                                    at + size == build.size, events, ROOM, &n);
        assert_true(got >= 0);
        assert_true(got > 0 || migp_qemu_reader_need(reader) > size);
        at += (size_t)got;
        for (i = 0; i < n; i++) {
            ended |= events[i].kind == MIGP_QEMU_EVENT_VMDESC;
        }
        assert_true(migp_qemu_reader_offset(reader) == at);
    }
    assert_true(skipped >= 4096 + 5000);
    assert_true(ended);
    assert_int_equal(migp_qemu_reader_finish(reader, NULL), MIGP_OK);
    migp_qemu_reader_free(reader);
    build_free(&build);
}

static void test_dialects__of_a_section(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_qemu_reader *reader;
    struct migp_qemu_event events[ROOM];
    const struct migp_qemu_section *vfio = NULL;
    const struct migp_qemu_section *other = NULL;
    size_t n;
    size_t i;

    (void)state;
    build_header(&build);
    build_vfio_start(&build);
    build_vfio_end(&build);
    build_head(&build, 4, 3, "timer", 2, 7);
    build_footer(&build, 3);
    build_head(&build, 4, VFIO_ID, VFIO_IDSTR, 0, 1);
    build_tag(&build, 6);
    build_footer(&build, VFIO_ID);
    build_tail(&build);
    assert_int_equal(migp_qemu_reader_new(&reader, NULL, NULL), MIGP_OK);
    assert_int_equal(migp_qemu_reader_feed(reader, build.bytes, build.size,
                                           MIGP_FEED_LAST, events, ROOM, &n),
                     build.size);
    for (i = 0; i < n; i++) {
        if (events[i].section && events[i].section->is_vfio) {
            vfio = events[i].section;
        } else if (events[i].section) {
            other = events[i].section;
        }
    }
    assert_non_null(vfio);
    assert_non_null(other);
    assert_int_equal(vfio->section_id, VFIO_ID);
    assert_string_equal(vfio->idstr, VFIO_IDSTR);
    assert_int_equal(vfio->version_id, 1);
    assert_int_equal(other->instance_id, 2);
    assert_int_equal(other->version_id, 7);
    assert_string_equal(other->idstr, "timer");
    assert_int_equal(migp_qemu_reader_dialects(reader, vfio), MIGP_DIALECT_V2);
    assert_int_equal(migp_qemu_reader_dialects(reader, other), 0);
    assert_int_equal(migp_qemu_reader_dialects(reader, NULL), 0);
    migp_qemu_reader_free(reader);
    build_free(&build);
}

/* [QC-3] Only "vfio" and what ends in "/vfio" is a VFIO device. */
static void test_section__which_are_vfio(void **state)
{
    static const struct {
        const char *idstr;
        uint32_t is_vfio;
    } cases[] = {{"vfio", 1},   {"a/vfio", 1},   {"/vfio", 1}, {"xvfio", 0},
                 {"vfio/0", 0}, {"a/vfi", 0},    {"VFIO", 0},  {"a/vfio2", 0},
                 {"fio", 0},    {"b/vfio-ap", 0}};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(cases); i++) {
        struct build build = {NULL, 0, 0};
        struct migp_qemu_reader *reader;
        struct migp_qemu_event events[ROOM];
        size_t n;

        build_header(&build);
        build_head(&build, 1, 5, cases[i].idstr, 0, 1);
        build_tag(&build, 3);
        build_tag(&build, 1);
        build_footer(&build, 5);
        build_tail(&build);
        assert_int_equal(migp_qemu_reader_new(&reader, NULL, NULL), MIGP_OK);
        assert_int_equal(migp_qemu_reader_feed(reader, build.bytes, build.size,
                                               MIGP_FEED_LAST, events, ROOM,
                                               &n),
                         build.size);
        assert_int_equal(events[1].kind, MIGP_QEMU_EVENT_SECTION);
        assert_int_equal(events[1].section->is_vfio, cases[i].is_vfio);
        assert_int_equal(events[2].kind, cases[i].is_vfio
                                             ? MIGP_QEMU_EVENT_RECORD
                                             : MIGP_QEMU_EVENT_SECTION_END);
        migp_qemu_reader_free(reader);
        build_free(&build);
    }
}

static void test_feed__every_feed_size(void **state)
{
    struct build build = {NULL, 0, 0};
    struct feeding feeding;
    struct outcome whole;

    (void)state;
    build_device(&build);
    feeding = feeding_of(build.bytes, build.size);
    feed_reader(&whole, &feeding, NULL);
    assert_int_equal(whole.finish, MIGP_OK);
    for (feeding.chunk = 1; feeding.chunk < build.size; feeding.chunk++) {
        struct outcome outcome;

        feed_reader(&outcome, &feeding, NULL);
        assert_null(outcome.broken);
        assert_true(outcome_same("feed size", &whole, &outcome));
        outcome_free(&outcome);
    }
    outcome_free(&whole);
    build_free(&build);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_init__defaults),
        cmocka_unit_test(test_new__bad_options),
        cmocka_unit_test(test_new__page_sizes_at_the_bounds),
        cmocka_unit_test(test_feed__bad_arguments),
        cmocka_unit_test(test_feed__what_is_no_migration_stream),
        cmocka_unit_test(test_finish__empty_and_cut_header),
        cmocka_unit_test(test_feed__need_is_bounded),
        cmocka_unit_test(test_skip__ram_pages_and_data),
        cmocka_unit_test(test_dialects__of_a_section),
        cmocka_unit_test(test_section__which_are_vfio),
        cmocka_unit_test(test_feed__every_feed_size),
    };

    return cmocka_run_group_tests_name("reader", tests, NULL, NULL);
}
