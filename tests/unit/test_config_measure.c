/* SPDX-License-Identifier: MIT */
#include "cmocka_all.h"

#include "support/build.h"

#include <migproto/stream.h>
#include <stdio.h>
#include <string.h>

#define MAX MIGP_DEFAULT_MAX_CONFIG
#define ID 0x28u

static struct migp_config_hint with_size(uint64_t size)
{
    struct migp_config_hint hint = {sizeof(hint), MIGP_CONFIG_HINT_SIZE, 0,
                                    size};

    return hint;
}

static struct migp_config_hint with_footer(void)
{
    struct migp_config_hint hint = {sizeof(hint), MIGP_CONFIG_HINT_FOOTER, ID,
                                    0};

    return hint;
}

/* As a decoder does: give more while it asks for more, 1 byte at least. */
static migp_ssize measure_growing(const struct build *build, size_t first,
                                  const struct migp_config_hint *hint)
{
    size_t size = first;

    for (;;) {
        uint32_t flags = size == build->size ? MIGP_FEED_LAST : 0;
        size_t need = 0;
        uint8_t *exact = malloc(size ? size : 1);
        migp_ssize got;

        assert_non_null(exact);
        memcpy(exact, build->bytes, size);
        got = migp_config_measure(exact, size, MAX, hint, flags, &need);
        free(exact);
        if (got != MIGP_ERR_NEED_MORE) {
            return got;
        }
        assert_true(need > size);
        assert_true(size < build->size);
        size = need < build->size ? need : build->size;
    }
}

/* [DS-9] [PC-1] [PC-3] */
static void test_measure__layouts_of_a_pci_device(void **state)
{
    static const unsigned vectors[] = {0, 1, 7, 8, 9, 64, 65, 2047, 2048};
    static const size_t spaces[] = {256, 4096};
    size_t i;
    size_t j;

    (void)state;
    for (i = 0; i < N_TESTS(spaces); i++) {
        for (j = 0; j < N_TESTS(vectors); j++) {
            struct build build = {NULL, 0, 0};
            size_t size;

            build_pci(&build, spaces[i], vectors[j]);
            size = build.size;
            assert_int_equal(size, 20 + spaces[i] + 16 * vectors[j] +
                                       (vectors[j] + 7) / 8);
            build_tag(&build, 1);
            assert_int_equal(measure_growing(&build, 1, NULL), size);
            build_footer(&build, ID);
            {
                struct migp_config_hint hint = with_footer();

                assert_int_equal(measure_growing(&build, 1, &hint), size);
            }
            build_free(&build);
        }
    }
}

static void build_ramfb(struct build *build)
{
    build_u8(build, 5);
    build_u8(build, 25);
    build_text(build, "VFIOPCIDevice/VFIODisplay");
    build_u32(build, 1);
    build_fill(build, 28, 0x33);
}

static void test_measure__ramfb_subsection(void **state)
{
    struct build build = {NULL, 0, 0};
    size_t size;

    (void)state;
    build_pci(&build, 4096, 64);
    build_ramfb(&build);
    size = build.size;
    assert_int_equal(size, 5148 + 59);
    build_tag(&build, 1);
    assert_int_equal(measure_growing(&build, 1, NULL), size);
    build_free(&build);
}

/* END_OF_STATE among the ramfb bytes: the layout tells, not the first match. */
/* [DS-9] */
static void test_measure__end_tag_inside_ramfb_and_msix(void **state)
{
    struct migp_config_hint hint = with_footer();
    struct build build = {NULL, 0, 0};
    size_t size;

    (void)state;
    build_pci(&build, 4096, 4);
    memcpy(build.bytes + 4116,
           "\xff\xff\xff\xff\xef\x10\x00\x01"
           "\x7e\x00\x00\x00\x28",
           13);
    build_ramfb(&build);
    memcpy(build.bytes + build.size - 28,
           "\xff\xff\xff\xff\xef\x10\x00\x01\x7e\x00\x00\x00\x28", 13);
    size = build.size;
    build_tag(&build, 1);
    build_footer(&build, ID);
    build_u8(&build, 0);
    assert_int_equal(measure_growing(&build, 1, &hint), size);
    assert_int_equal(measure_growing(&build, 1, NULL), size);
    build_free(&build);
}

/* [DS-9] */
static void test_measure__first_end_where_there_is_no_layout(void **state)
{
    static const size_t sizes[] = {0,   1,   3,   4,    7,    8,   9,
                                   255, 276, 277, 4115, 4117, 9000};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(sizes); i++) {
        struct build build = {NULL, 0, 0};

        build_fill(&build, sizes[i], 0xff); /* version 0xffffffff is none */
        build_tag(&build, 1);
        build_fill(&build, 20, 0x11);
        assert_int_equal(measure_growing(&build, 1, NULL), sizes[i]);
        assert_int_equal(migp_config_measure(build.bytes, build.size, MAX, NULL,
                                             MIGP_FEED_LAST, NULL),
                         sizes[i]);
        build_free(&build);
    }
}

/* 0xff bytes before the tag begin like the tag: no match may be missed. */
static void test_measure__runs_of_ff_before_the_tag(void **state)
{
    size_t run;

    (void)state;
    for (run = 0; run < 20; run++) {
        struct build build = {NULL, 0, 0};

        build_text(&build, "not PCI");
        build_fill(&build, run, 0xff);
        build_tag(&build, 1);
        assert_int_equal(measure_growing(&build, 1, NULL), 7 + run);
        build_free(&build);
    }
}

static void test_measure__other_tags_do_not_end_it(void **state)
{
    struct build build = {NULL, 0, 0};
    unsigned number;

    (void)state;
    for (number = 0; number < 10; number++) {
        if (number != 1) {
            build_tag(&build, number);
        }
    }
    build_tag(&build, 1);
    assert_int_equal(measure_growing(&build, 1, NULL), 72);
    build_free(&build);
}

static void test_measure__footer_hint_wants_this_section(void **state)
{
    struct migp_config_hint hint = with_footer();
    struct build build = {NULL, 0, 0};

    (void)state;
    build_text(&build, "not PCI");
    build_tag(&build, 1);
    build_footer(&build, ID + 1);
    build_tag(&build, 1);
    build_footer(&build, ID);
    assert_int_equal(measure_growing(&build, 1, NULL), 7);
    assert_int_equal(measure_growing(&build, 1, &hint), 7 + 13);
    build_free(&build);
}

/* [DS-9] */
static void test_measure__exact_size(void **state)
{
    struct migp_config_hint hint = with_size(7 + 8);
    struct build build = {NULL, 0, 0};

    (void)state;
    build_text(&build, "not PCI");
    build_tag(&build, 1);
    build_tag(&build, 1);
    build_tag(&build, 1);
    /* all three sizes can be meant; only the hint knows */
    assert_int_equal(measure_growing(&build, 1, &hint), 15);
    hint = with_size(7);
    assert_int_equal(measure_growing(&build, 1, &hint), 7);
    hint = with_size(23);
    assert_int_equal(measure_growing(&build, 1, &hint), 23);
    hint = with_size(8);
    assert_int_equal(measure_growing(&build, 1, &hint), MIGP_ERR_MALFORMED);
    build_free(&build);
}

static void test_measure__exact_size_asks_for_all_at_once(void **state)
{
    struct migp_config_hint hint = with_size(5148);
    size_t need = 0;

    (void)state;
    assert_int_equal(migp_config_measure("abc", 3, MAX, &hint, 0, &need),
                     MIGP_ERR_NEED_MORE);
    assert_int_equal(need, 5148 + 8);
    assert_int_equal(
        migp_config_measure("abc", 3, MAX, &hint, MIGP_FEED_LAST, &need),
        MIGP_ERR_TRUNCATED);
}

/* [DS-10] */
static void test_measure__limit_at_below_and_above(void **state)
{
    struct migp_config_hint hint = with_size(100);
    struct build build = {NULL, 0, 0};

    (void)state;
    build_fill(&build, 100, 0x41);
    build_tag(&build, 1);
    assert_int_equal(
        migp_config_measure(build.bytes, build.size, 101, NULL, 0, NULL), 100);
    assert_int_equal(
        migp_config_measure(build.bytes, build.size, 100, NULL, 0, NULL), 100);
    assert_int_equal(
        migp_config_measure(build.bytes, build.size, 99, NULL, 0, NULL),
        MIGP_ERR_LIMIT);
    assert_int_equal(
        migp_config_measure(build.bytes, build.size, 100, &hint, 0, NULL), 100);
    assert_int_equal(
        migp_config_measure(build.bytes, build.size, 99, &hint, 0, NULL),
        MIGP_ERR_LIMIT);
    build_free(&build);
}

static void test_measure__limit_holds_for_layouts(void **state)
{
    struct build build = {NULL, 0, 0};

    (void)state;
    build_pci(&build, 4096, 64);
    build_tag(&build, 1);
    assert_int_equal(
        migp_config_measure(build.bytes, build.size, 5148, NULL, 0, NULL),
        5148);
    assert_int_equal(
        migp_config_measure(build.bytes, build.size, 5147, NULL, 0, NULL),
        MIGP_ERR_LIMIT);
    build_free(&build);
}

/* However long it goes on, what it asks for stays inside the limit. */
static void test_measure__need_is_bounded(void **state)
{
    size_t size = 0;
    uint8_t *bytes = malloc(2048);

    (void)state;
    assert_non_null(bytes);
    memset(bytes, 0x41, 2048);
    while (size < 2048) {
        size_t need = 0;
        migp_ssize got = migp_config_measure(bytes, size, 1000, NULL, 0, &need);

        if (got == MIGP_ERR_LIMIT) {
            break;
        }
        assert_int_equal(got, MIGP_ERR_NEED_MORE);
        assert_true(need > size);
        assert_true(need <= 1000 + 8 + 5);
        size++;
    }
    /* byte 1000 is no 0xff: no tag starts there or before */
    assert_true(size > 1000);
    assert_true(size <= 1013);
    free(bytes);
}

static void test_measure__truncated_only_when_no_byte_follows(void **state)
{
    struct build build = {NULL, 0, 0};
    size_t size;

    (void)state;
    build_pci(&build, 256, 3);
    build_tag(&build, 1);
    for (size = 0; size < build.size; size++) {
        size_t need = 0;

        assert_int_equal(
            migp_config_measure(build.bytes, size, MAX, NULL, 0, &need),
            MIGP_ERR_NEED_MORE);
        assert_true(need > size);
        assert_int_equal(migp_config_measure(build.bytes, size, MAX, NULL,
                                             MIGP_FEED_LAST, &need),
                         MIGP_ERR_TRUNCATED);
    }
    build_free(&build);
}

/* An INTx word that is neither 0 nor 1 rules a layout out. */
static void test_measure__irq_words_tell_the_layouts_apart(void **state)
{
    struct build build = {NULL, 0, 0};

    (void)state;
    build_pci(&build, 4096, 2);
    build.bytes[4 + 256 + 3] = 2;
    build_tag(&build, 1);
    assert_int_equal(measure_growing(&build, 1, NULL), 4116 + 33);
    build_free(&build);
}

static void test_measure__bad_arguments(void **state)
{
    struct migp_config_hint hint = with_size(1);
    size_t need;

    (void)state;
    assert_int_equal(migp_config_measure(NULL, 1, MAX, NULL, 0, &need),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_config_measure(NULL, 0, MAX, NULL, 0, &need),
                     MIGP_ERR_NEED_MORE);
    assert_int_equal(migp_config_measure(NULL, 0, MAX, NULL, 0, NULL),
                     MIGP_ERR_NEED_MORE);
    assert_int_equal(migp_config_measure("", 1, MAX, NULL, 0x80, &need),
                     MIGP_ERR_INVALID_ARGUMENT);
    hint.struct_size = 0;
    assert_int_equal(migp_config_measure("", 1, MAX, &hint, 0, &need),
                     MIGP_ERR_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_measure__layouts_of_a_pci_device),
        cmocka_unit_test(test_measure__ramfb_subsection),
        cmocka_unit_test(test_measure__end_tag_inside_ramfb_and_msix),
        cmocka_unit_test(test_measure__first_end_where_there_is_no_layout),
        cmocka_unit_test(test_measure__runs_of_ff_before_the_tag),
        cmocka_unit_test(test_measure__other_tags_do_not_end_it),
        cmocka_unit_test(test_measure__footer_hint_wants_this_section),
        cmocka_unit_test(test_measure__exact_size),
        cmocka_unit_test(test_measure__exact_size_asks_for_all_at_once),
        cmocka_unit_test(test_measure__limit_at_below_and_above),
        cmocka_unit_test(test_measure__limit_holds_for_layouts),
        cmocka_unit_test(test_measure__need_is_bounded),
        cmocka_unit_test(test_measure__truncated_only_when_no_byte_follows),
        cmocka_unit_test(test_measure__irq_words_tell_the_layouts_apart),
        cmocka_unit_test(test_measure__bad_arguments),
    };

    return cmocka_run_group_tests_name("config_measure", tests, NULL, NULL);
}
