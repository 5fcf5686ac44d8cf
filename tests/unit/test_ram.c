/* SPDX-License-Identifier: MIT */
#include "cmocka_all.h"
#include "stream_of.h"

#include <migproto/qemu.h>
#include <stdio.h>
#include <string.h>

#define RAM_ID 1u

/* A RAM section of this kind; words go between the two. */
static void ram_begin(struct build *build, uint8_t kind)
{
    if (build->size == 0) {
        build_header(build);
    }
    if (kind == 1 || kind == 4) {
        build_head(build, kind, RAM_ID, "ram", 0, 4);
    } else {
        build_short_head(build, kind, RAM_ID);
    }
}

static void ram_end(struct build *build)
{
    build_u64(build, 0x10);
    build_footer(build, RAM_ID);
}

static void block(struct build *build, const char *name)
{
    build_u8(build, (uint8_t)strlen(name));
    build_text(build, name);
}

/* One START section with this word in it and what follows. */
static void outcome_of_word(struct outcome *outcome, uint64_t word,
                            const struct migp_qemu_options *options)
{
    struct build build = {NULL, 0, 0};

    ram_begin(&build, 1);
    build_u64(&build, word);
    build_fill(&build, 64, 0);
    outcome_of(outcome, &build, options);
}

/* [QC-7] */
static void test_ram__unknown_flags(void **state)
{
    static const uint64_t words[] = {0x1,    0x80, 0x400, 0x800, 0x40a,
                                     0xfff,  0x20, 0x0,   0x12,  0xa,
                                     0x1081, 0x48, 0x300};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(words); i++) {
        struct outcome outcome;

        outcome_of_word(&outcome, words[i], NULL);
        assert_null(outcome.broken);
        if (outcome.code != MIGP_ERR_MALFORMED) {
            fprintf(stderr, "word %#llx: %d\n", (unsigned long long)words[i],
                    (int)outcome.code);
        }
        assert_int_equal(outcome.code, MIGP_ERR_MALFORMED);
        assert_int_equal(outcome.error.finding, MIGP_FINDING_RAM_FLAGS);
        assert_true(outcome.error.value == words[i]);
        assert_true(outcome.error.expected == 4096);
        assert_true(outcome.error.offset == 8 + 17);
        outcome_free(&outcome);
    }
}

/* What are flags with big pages is part of the address with small ones. */
static void test_ram__flags_are_the_bits_below_the_page_size(void **state)
{
    static const struct {
        uint32_t page_size;
        uint64_t word;
        int good;
    } cases[] = {{1024, 0x402, 1},  {4096, 0x402, 0},    {4096, 0x1002, 1},
                 {8192, 0x1002, 0}, {65536, 0x10002, 1}, {65536, 0x8002, 0}};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(cases); i++) {
        struct build build = {NULL, 0, 0};
        struct migp_qemu_options options;
        struct outcome outcome;

        migp_qemu_options_init(&options);
        options.page_size = cases[i].page_size;
        ram_begin(&build, 1);
        build_u64(&build, cases[i].word); /* ZERO */
        block(&build, "m");
        build_u8(&build, 0);
        ram_end(&build);
        build_tail(&build);
        outcome_of(&outcome, &build, &options);
        assert_int_equal(outcome.code,
                         cases[i].good ? MIGP_OK : MIGP_ERR_MALFORMED);
        outcome_free(&outcome);
    }
}

/* [QC-7] */
static void test_ram__page_of_each_size(void **state)
{
    static const uint32_t sizes[] = {1024, 2048, 4096, 8192, 16384, 65536};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(sizes); i++) {
        struct build build = {NULL, 0, 0};
        struct migp_qemu_options options;
        struct outcome outcome;

        migp_qemu_options_init(&options);
        options.page_size = sizes[i];
        ram_begin(&build, 1);
        build_u64(&build, 0x8);
        block(&build, "m");
        build_fill(&build, sizes[i], 0xee);
        ram_end(&build);
        build_tail(&build);
        outcome_of(&outcome, &build, &options);
        assert_null(outcome.broken);
        assert_int_equal(outcome.finish, MIGP_OK);
        outcome_free(&outcome);
    }
}

static void test_ram__block_list_that_does_not_add_up(void **state)
{
    static const uint64_t totals[] = {0x2000, 0x4000, 0x3000000};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(totals); i++) {
        struct build build = {NULL, 0, 0};
        struct outcome outcome;

        ram_begin(&build, 1);
        build_u64(&build, totals[i] | 4); /* 0x3000 bytes are listed */
        block(&build, "one");
        build_u64(&build, 0x1000);
        block(&build, "two");
        build_u64(&build, 0x2000);
        ram_end(&build);
        build_tail(&build);
        outcome_of(&outcome, &build, NULL);
        assert_null(outcome.broken);
        assert_int_not_equal(outcome.finish, MIGP_OK);
        outcome_free(&outcome);
    }
}

/* [QC-7] */
static void test_ram__block_longer_than_the_total(void **state)
{
    static const uint64_t lengths[] = {0x1001, 0x2000, UINT64_MAX};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(lengths); i++) {
        struct build build = {NULL, 0, 0};
        struct outcome outcome;

        ram_begin(&build, 1);
        build_u64(&build, 0x1004);
        block(&build, "big");
        build_u64(&build, lengths[i]);
        ram_end(&build);
        build_tail(&build);
        outcome_of(&outcome, &build, NULL);
        assert_null(outcome.broken);
        assert_int_equal(outcome.code, MIGP_ERR_MALFORMED);
        assert_int_equal(outcome.error.finding, MIGP_FINDING_RAM_BLOCKS);
        assert_true(outcome.error.value == lengths[i]);
        assert_true(outcome.error.expected == 0x1000);
        outcome_free(&outcome);
    }
}

static void test_ram__no_blocks_at_all(void **state)
{
    struct build build = {NULL, 0, 0};
    struct outcome outcome;

    (void)state;
    ram_begin(&build, 1);
    build_u64(&build, 0x4); /* MEM_SIZE of 0 bytes */
    ram_end(&build);
    build_tail(&build);
    outcome_of(&outcome, &build, NULL);
    assert_null(outcome.broken);
    assert_int_equal(outcome.finish, MIGP_OK);
    outcome_free(&outcome);
}

static void test_ram__xbzrle_and_compressed_lengths(void **state)
{
    static const uint16_t lengths[] = {0, 1, 4096, 65535};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(lengths); i++) {
        struct build build = {NULL, 0, 0};
        struct outcome outcome;

        ram_begin(&build, 1);
        build_u64(&build, 0x1040); /* XBZRLE */
        block(&build, "m");
        build_u8(&build, 1);
        build_u16(&build, lengths[i]);
        build_fill(&build, lengths[i], 0x10);
        build_u64(&build, 0x2120); /* COMPRESS_PAGE, CONTINUE */
        build_u32(&build, lengths[i]);
        build_fill(&build, lengths[i], 0x7e);
        ram_end(&build);
        build_tail(&build);
        outcome_of(&outcome, &build, NULL);
        assert_null(outcome.broken);
        assert_int_equal(outcome.finish, MIGP_OK);
        outcome_free(&outcome);
    }
}

/* A hostile length costs nothing: it is only passed over. */
static void test_ram__compressed_length_of_4_gib(void **state)
{
    struct build build = {NULL, 0, 0};
    struct outcome outcome;

    (void)state;
    ram_begin(&build, 1);
    build_u64(&build, 0x120);
    build_u32(&build, UINT32_MAX);
    build_fill(&build, 5000, 0);
    outcome_of(&outcome, &build, NULL);
    assert_null(outcome.broken);
    assert_int_not_equal(outcome.finish, MIGP_OK);
    outcome_free(&outcome);
}

/* Other kinds of section, and a second instance, are RAM as well. */
static void test_ram__part_end_and_full(void **state)
{
    struct build build = {NULL, 0, 0};
    struct outcome outcome;
    uint8_t kind;

    (void)state;
    ram_begin(&build, 1);
    ram_end(&build);
    for (kind = 2; kind <= 3; kind++) {
        ram_begin(&build, kind);
        build_u64(&build, 0x200); /* MULTIFD_FLUSH */
        build_u64(&build, 0x2);
        block(&build, "m");
        build_u8(&build, 0);
        build_u64(&build, 0x1022);
        build_u8(&build, 0);
        ram_end(&build);
    }
    build_tail(&build);
    outcome_of(&outcome, &build, NULL);
    assert_null(outcome.broken);
    assert_int_equal(outcome.finish, MIGP_OK);
    assert_int_equal(outcome.journal.count, 1 + 6 + 2);
    outcome_free(&outcome);
}

/* Payload that looks like the end of the section is only payload. */
static void test_ram__page_full_of_footers(void **state)
{
    struct build build = {NULL, 0, 0};
    struct outcome outcome;
    size_t i;

    (void)state;
    ram_begin(&build, 1);
    build_u64(&build, 0x8);
    block(&build, "m");
    for (i = 0; i < 4096 / 16; i++) {
        build_u64(&build, 0x10);
        build_footer(&build, RAM_ID);
        build_fill(&build, 3, 0);
    }
    ram_end(&build);
    build_tail(&build);
    outcome_of(&outcome, &build, NULL);
    assert_null(outcome.broken);
    assert_int_equal(outcome.finish, MIGP_OK);
    assert_int_equal(outcome.journal.entries[2].size, 8 + 2 + 4096 + 8);
    outcome_free(&outcome);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ram__unknown_flags),
        cmocka_unit_test(test_ram__flags_are_the_bits_below_the_page_size),
        cmocka_unit_test(test_ram__page_of_each_size),
        cmocka_unit_test(test_ram__block_list_that_does_not_add_up),
        cmocka_unit_test(test_ram__block_longer_than_the_total),
        cmocka_unit_test(test_ram__no_blocks_at_all),
        cmocka_unit_test(test_ram__xbzrle_and_compressed_lengths),
        cmocka_unit_test(test_ram__compressed_length_of_4_gib),
        cmocka_unit_test(test_ram__part_end_and_full),
        cmocka_unit_test(test_ram__page_full_of_footers),
    };

    return cmocka_run_group_tests_name("ram", tests, NULL, NULL);
}
