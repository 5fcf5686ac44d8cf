/* SPDX-License-Identifier: MIT */
#include "cmocka_all.h"
#include "stream_of.h"

#include <migproto/qemu.h>
#include <string.h>

static const struct {
    uint16_t number;
    const char *name;
    int length; /* -1: any */
} commands[] = {{1, "OPEN_RETURN_PATH", 0}, {2, "PING", 4},
                {3, "POSTCOPY_ADVISE", 16}, {4, "POSTCOPY_LISTEN", 0},
                {5, "POSTCOPY_RUN", 0},     {6, "POSTCOPY_RAM_DISCARD", -1},
                {7, "PACKAGED", 4},         {8, "ENABLE_COLO", 0},
                {9, "POSTCOPY_RESUME", 0},  {10, "RECV_BITMAP", -1},
                {11, "SWITCHOVER_START", 0}};

static void outcome_of_command(struct outcome *outcome, uint16_t number,
                               uint16_t length)
{
    struct build build = {NULL, 0, 0};

    build_header(&build);
    build_command(&build, number, length);
    build_fill(&build, length, 0); /* PACKAGED: of 0 bytes */
    build_tail(&build);
    outcome_of(outcome, &build, NULL);
}

/* [QC-5] */
static void test_command__each_with_its_length(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(commands); i++) {
        uint16_t length =
            commands[i].length < 0 ? 9 : (uint16_t)commands[i].length;
        struct outcome outcome;

        assert_string_equal(migp_qemu_command_id(commands[i].number),
                            commands[i].name);
        if (commands[i].length < 0) {
            continue; /* see below: their length is in their body */
        }
        outcome_of_command(&outcome, commands[i].number, length);
        assert_null(outcome.broken);
        assert_int_equal(outcome.finish, MIGP_OK);
        assert_int_equal(outcome.journal.entries[1].detail,
                         MIGP_QEMU_EVENT_COMMAND);
        assert_true(outcome.journal.entries[1].value == commands[i].number);
        assert_true(outcome.journal.entries[1].size == length);
        assert_true(outcome.journal.entries[1].offset == 8);
        outcome_free(&outcome);
    }
    assert_string_equal(migp_qemu_command_id(0), "unknown");
    assert_string_equal(migp_qemu_command_id(12), "unknown");
    assert_string_equal(migp_qemu_command_id(UINT32_MAX), "unknown");
}

static void test_command__wrong_lengths(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(commands); i++) {
        uint16_t lengths[2] = {(uint16_t)(commands[i].length + 1),
                               (uint16_t)(commands[i].length - 1)};
        size_t j;

        for (j = 0; j < 2 && commands[i].length >= 0; j++) {
            struct outcome outcome;

            if (lengths[j] > 100) {
                continue; /* one less than none */
            }
            outcome_of_command(&outcome, commands[i].number, lengths[j]);
            assert_null(outcome.broken);
            assert_int_equal(outcome.code, MIGP_ERR_MALFORMED);
            assert_int_equal(outcome.error.finding,
                             MIGP_FINDING_COMMAND_LENGTH);
            assert_true(outcome.error.value == lengths[j]);
            outcome_free(&outcome);
        }
    }
}

static void test_command__advise_may_be_empty(void **state)
{
    struct outcome outcome;

    (void)state;
    outcome_of_command(&outcome, 3, 0);
    assert_int_equal(outcome.finish, MIGP_OK);
    outcome_free(&outcome);
    outcome_of_command(&outcome, 3, 8);
    assert_int_equal(outcome.error.finding, MIGP_FINDING_COMMAND_LENGTH);
    outcome_free(&outcome);
}

static void test_command__bodies_of_their_own_length(void **state)
{
    struct build build = {NULL, 0, 0};
    struct outcome outcome;

    (void)state;
    build_header(&build);
    build_command(&build, 6, 2 + 3 + 1 + 32);
    build_u8(&build, 0);
    build_u8(&build, 3);
    build_text(&build, "ram");
    build_u8(&build, 0);
    build_fill(&build, 32, 0);
    build_command(&build, 10, 4);
    build_u8(&build, 3);
    build_text(&build, "ram");
    build_tail(&build);
    outcome_of(&outcome, &build, NULL);
    assert_null(outcome.broken);
    assert_int_equal(outcome.finish, MIGP_OK);
    assert_true(outcome.journal.entries[1].size == 38);
    outcome_free(&outcome);
}

/* [QC-5] */
static void test_command__unknown(void **state)
{
    static const uint16_t numbers[] = {0, 12, 0x0100, 0xffff};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(numbers); i++) {
        struct outcome outcome;

        outcome_of_command(&outcome, numbers[i], 0);
        assert_int_equal(outcome.code, MIGP_ERR_MALFORMED);
        assert_int_equal(outcome.error.finding, MIGP_FINDING_UNKNOWN_COMMAND);
        assert_true(outcome.error.value == numbers[i]);
        outcome_free(&outcome);
    }
}

static void build_package(struct build *build, uint32_t size)
{
    build_command(build, 7, 4);
    build_u32(build, size);
}

/* [QC-6] */
static void test_package__section_runs_over_its_end(void **state)
{
    uint32_t size;

    (void)state;
    for (size = 1; size < 12; size++) {
        struct build build = {NULL, 0, 0};
        struct outcome outcome;

        build_header(&build);
        build_package(&build, size);
        build_command(&build, 2, 4); /* 9 bytes */
        build_u32(&build, 1);
        build_command(&build, 1, 0); /* 5 */
        build_tail(&build);
        outcome_of(&outcome, &build, NULL);
        assert_null(outcome.broken);
        if (size == 9) {
            assert_int_equal(outcome.finish, MIGP_OK);
        } else {
            assert_int_equal(outcome.code, MIGP_ERR_MALFORMED);
            assert_int_equal(outcome.error.finding,
                             MIGP_FINDING_PACKAGE_OVERRUN);
            assert_true(outcome.error.expected == 17 + size);
        }
        outcome_free(&outcome);
    }
}

static void test_package__vfio_section_inside(void **state)
{
    struct build inside = {NULL, 0, 0};
    struct build build = {NULL, 0, 0};
    struct outcome outcome;

    (void)state;
    build_vfio_end(&inside);
    build_vfio_full(&inside);
    build_header(&build);
    build_vfio_start(&build);
    build_package(&build, (uint32_t)inside.size);
    build_bytes(&build, inside.bytes, inside.size);
    build_tail(&build);
    outcome_of(&outcome, &build, NULL);
    assert_null(outcome.broken);
    assert_int_equal(outcome.finish, MIGP_OK);
    outcome_free(&outcome);
    build_header(&build);
    build_vfio_start(&build);
    build_package(&build, (uint32_t)inside.size - 1);
    build_bytes(&build, inside.bytes, inside.size);
    build_tail(&build);
    outcome_of(&outcome, &build, NULL);
    assert_null(outcome.broken);
    assert_int_equal(outcome.error.finding, MIGP_FINDING_PACKAGE_OVERRUN);
    outcome_free(&outcome);
    build_free(&inside);
}

/* [QC-6] */
static void test_package__with_an_eof_byte_of_its_own(void **state)
{
    struct build build = {NULL, 0, 0};
    struct outcome outcome;

    (void)state;
    build_header(&build);
    build_package(&build, 6);
    build_command(&build, 4, 0);
    build_u8(&build, 0);
    build_command(&build, 5, 0);
    build_tail(&build);
    outcome_of(&outcome, &build, NULL);
    assert_null(outcome.broken);
    assert_int_equal(outcome.finish, MIGP_OK);
    outcome_free(&outcome);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_command__each_with_its_length),
        cmocka_unit_test(test_command__wrong_lengths),
        cmocka_unit_test(test_command__advise_may_be_empty),
        cmocka_unit_test(test_command__bodies_of_their_own_length),
        cmocka_unit_test(test_command__unknown),
        cmocka_unit_test(test_package__section_runs_over_its_end),
        cmocka_unit_test(test_package__vfio_section_inside),
        cmocka_unit_test(test_package__with_an_eof_byte_of_its_own),
    };

    return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
