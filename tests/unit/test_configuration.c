/* SPDX-License-Identifier: MIT */
#include "cmocka_all.h"
#include "stream_of.h"

#include <migproto/qemu.h>
#include <string.h>

static void build_configuration(struct build *build, const char *machine)
{
    build_header(build);
    build_u8(build, 7);
    build_u32(build, (uint32_t)strlen(machine));
    build_text(build, machine);
}

static void build_sub(struct build *build, const char *name)
{
    build_u8(build, 5);
    build_u8(build, (uint8_t)strlen(name));
    build_text(build, name);
    build_u32(build, 1);
}

static void build_capabilities(struct build *build, const char *capability)
{
    build_sub(build, "configuration/capabilities");
    build_u32(build, 1);
    build_u8(build, (uint8_t)strlen(capability));
    build_text(build, capability);
}

static void assert_whole(struct build *build)
{
    struct outcome outcome;

    build_vfio_start(build);
    build_tail(build);
    outcome_of(&outcome, build, NULL);
    assert_null(outcome.broken);
    assert_int_equal(outcome.finish, MIGP_OK);
    assert_string_equal(outcome.journal.entries[1].text, "pc-9.9");
    outcome_free(&outcome);
}

static void assert_refused(struct build *build, uint32_t finding)
{
    struct outcome outcome;

    build_vfio_start(build);
    build_tail(build);
    outcome_of(&outcome, build, NULL);
    assert_null(outcome.broken);
    assert_int_not_equal(outcome.code, MIGP_OK);
    assert_int_equal(outcome.error.finding, finding);
    outcome_free(&outcome);
}

/* [QC-2] */
static void test_configuration__each_subsection(void **state)
{
    struct build build = {NULL, 0, 0};

    (void)state;
    build_configuration(&build, "pc-9.9");
    build_sub(&build, "configuration/target-page-bits");
    build_u32(&build, 12);
    build_capabilities(&build, "x-ignore-shared");
    build_sub(&build, "configuration/uuid");
    build_fill(&build, 16, 0x05);
    assert_whole(&build);
}

static void test_configuration__no_capability_named(void **state)
{
    struct build build = {NULL, 0, 0};

    (void)state;
    build_configuration(&build, "pc-9.9");
    build_sub(&build, "configuration/capabilities");
    build_u32(&build, 0);
    assert_whole(&build);
}

/* [QC-2] */
static void test_configuration__unknown_subsections(void **state)
{
    static const char *const names[] = {"configuration/", "configuration",
                                        "configuration/uuidx",
                                        "configuration/targetpagebits", "x"};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(names); i++) {
        struct build build = {NULL, 0, 0};

        build_configuration(&build, "pc-9.9");
        build_sub(&build, names[i]);
        build_fill(&build, 16, 0);
        assert_refused(&build, MIGP_FINDING_CONFIGURATION);
    }
}

/* [QC-2] */
static void test_configuration__mapped_ram(void **state)
{
    struct build build = {NULL, 0, 0};

    (void)state;
    build_configuration(&build, "pc-9.9");
    build_capabilities(&build, "mapped-ram");
    assert_whole(&build);
}

static void test_configuration__page_bits_out_of_range(void **state)
{
    static const struct {
        uint32_t bits;
        int good;
    } cases[] = {{9, 0},  {10, 1}, {12, 1},        {16, 1},
                 {17, 0}, {64, 0}, {UINT32_MAX, 0}};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(cases); i++) {
        struct build build = {NULL, 0, 0};

        build_configuration(&build, "pc-9.9");
        build_sub(&build, "configuration/target-page-bits");
        build_u32(&build, cases[i].bits);
        if (cases[i].good) {
            assert_whole(&build);
        } else {
            assert_refused(&build, MIGP_FINDING_CONFIGURATION);
        }
    }
}

static void test_configuration__lengths_that_are_hostile(void **state)
{
    static const uint32_t lengths[] = {4097, 65536, UINT32_MAX};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(lengths); i++) {
        struct build build = {NULL, 0, 0};

        build_header(&build);
        build_u8(&build, 7);
        build_u32(&build, lengths[i]);
        build_fill(&build, 8192, 'm');
        assert_refused(&build, MIGP_FINDING_CONFIGURATION);
    }
}

static void test_configuration__capability_count_that_is_hostile(void **state)
{
    struct build build = {NULL, 0, 0};

    (void)state;
    build_configuration(&build, "pc-9.9");
    build_sub(&build, "configuration/capabilities");
    build_u32(&build, UINT32_MAX);
    build_fill(&build, 8192, 0);
    assert_refused(&build, MIGP_FINDING_CONFIGURATION);
}

static void test_configuration__a_second_one(void **state)
{
    struct build build = {NULL, 0, 0};

    (void)state;
    build_configuration(&build, "pc-9.9");
    build_u8(&build, 7);
    build_u32(&build, 6);
    build_text(&build, "pc-9.9");
    assert_refused(&build, MIGP_FINDING_CONFIGURATION);
}

static void test_configuration__none_at_all(void **state)
{
    struct build build = {NULL, 0, 0};
    struct outcome outcome;

    (void)state;
    build_header(&build);
    build_vfio_start(&build);
    build_tail(&build);
    outcome_of(&outcome, &build, NULL);
    assert_int_equal(outcome.finish, MIGP_OK);
    assert_int_equal(outcome.journal.entries[1].detail,
                     MIGP_QEMU_EVENT_SECTION);
    outcome_free(&outcome);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_configuration__each_subsection),
        cmocka_unit_test(test_configuration__no_capability_named),
        cmocka_unit_test(test_configuration__unknown_subsections),
        cmocka_unit_test(test_configuration__mapped_ram),
        cmocka_unit_test(test_configuration__page_bits_out_of_range),
        cmocka_unit_test(test_configuration__lengths_that_are_hostile),
        cmocka_unit_test(test_configuration__capability_count_that_is_hostile),
        cmocka_unit_test(test_configuration__a_second_one),
        cmocka_unit_test(test_configuration__none_at_all),
    };

    return cmocka_run_group_tests_name("configuration", tests, NULL, NULL);
}
