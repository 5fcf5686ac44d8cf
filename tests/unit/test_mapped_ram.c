/* SPDX-License-Identifier: MIT */
#include "cmocka_all.h"
#include "stream_of.h"

#include <migproto/qemu.h>
#include <string.h>

#define RAM_ID 1u
#define PAGE 4096u

/* A file whose offsets count `shift` bytes from before its first. */
struct file {
    struct build build;
    uint64_t shift;
};

static void begin(struct file *file, uint64_t total, bool ignore_shared)
{
    struct build *build = &file->build;

    memset(file, 0, sizeof(*file));
    build_header(build);
    build_u8(build, 7);
    build_u32(build, 6);
    build_text(build, "pc-9.9");
    build_u8(build, 5);
    build_u8(build, 26);
    build_text(build, "configuration/capabilities");
    build_u32(build, 1);
    build_u32(build, ignore_shared ? 2 : 1);
    if (ignore_shared) {
        build_u8(build, 15);
        build_text(build, "x-ignore-shared");
    }
    build_u8(build, 10);
    build_text(build, "mapped-ram");
    build_head(build, 1, RAM_ID, "ram", 0, 4);
    build_u64(build, total | 4);
}

static void entry(struct file *file, const char *name, uint64_t used_length)
{
    build_u8(&file->build, (uint8_t)strlen(name));
    build_text(&file->build, name);
    build_u64(&file->build, used_length);
}

static void header(struct file *file, uint32_t version, uint64_t page_size,
                   uint64_t bitmap, uint64_t pages)
{
    build_u32(&file->build, version);
    build_u64(&file->build, page_size);
    build_u64(&file->build, bitmap);
    build_u64(&file->build, pages);
}

/* A block as QEMU writes it, its pages at the next multiple of the page size
 * behind the bitmap's end, or `more` pages further on. */
static void block(struct file *file, uint64_t used_length, size_t more)
{
    uint64_t pages = used_length / PAGE + (used_length % PAGE != 0);
    size_t bitmap = (size_t)((pages + 63) / 64 * 8);
    uint64_t behind = file->build.size + 28 + file->shift;
    size_t gap = (size_t)(PAGE - (behind + bitmap) % PAGE) % PAGE + more * PAGE;

    header(file, 1, PAGE, behind, behind + bitmap + gap);
    build_fill(&file->build, bitmap + gap + (size_t)used_length, 0x7e);
}

static void end(struct file *file)
{
    build_u64(&file->build, 0x10);
    build_footer(&file->build, RAM_ID);
    build_vfio_start(&file->build);
    build_vfio_end(&file->build);
    build_vfio_full(&file->build);
    build_tail(&file->build);
}

static void assert_read(struct file *file)
{
    struct outcome outcome;

    end(file);
    outcome_of(&outcome, &file->build, NULL);
    assert_null(outcome.broken);
    assert_int_equal(outcome.code, MIGP_OK);
    assert_int_equal(outcome.finish, MIGP_OK);
    outcome_free(&outcome);
}

static void assert_refused(struct file *file, uint32_t finding, uint64_t offset,
                           uint64_t value, uint64_t expected)
{
    struct outcome outcome;

    end(file);
    outcome_of(&outcome, &file->build, NULL);
    assert_null(outcome.broken);
    assert_int_equal(outcome.code, MIGP_ERR_MALFORMED);
    assert_int_equal(outcome.error.finding, finding);
    assert_true(outcome.error.offset == offset);
    assert_true(outcome.error.value == value);
    assert_true(outcome.error.expected == expected);
    outcome_free(&outcome);
}

/* [QC-14] */
static void test_mapped_ram__blocks(void **state)
{
    static const uint64_t shifts[] = {0, 1, 100000};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(shifts); i++) {
        struct file file;

        begin(&file, 65 * PAGE + PAGE + PAGE, false);
        file.shift = shifts[i];
        entry(&file, "a", 65 * PAGE);
        block(&file, 65 * PAGE, 0);
        entry(&file, "b", PAGE);
        block(&file, PAGE, 2);
        entry(&file, "c", PAGE);
        block(&file, PAGE, 1);
        assert_read(&file);
    }
}

/* A block that is shared and left out has an address, and no pages. */
static void test_mapped_ram__ignored_block(void **state)
{
    struct file file;

    (void)state;
    begin(&file, 2 * PAGE, true);
    entry(&file, "a", PAGE);
    build_u64(&file.build, 0xfeed000);
    header(&file, 1, PAGE, 0, 0);
    entry(&file, "b", PAGE);
    build_u64(&file.build, 0xbeef000);
    block(&file, PAGE, 0);
    assert_read(&file);
}

/* [QC-14] */
static void test_mapped_ram__version(void **state)
{
    struct file file;
    uint64_t at;

    (void)state;
    begin(&file, PAGE, false);
    entry(&file, "a", PAGE);
    at = file.build.size;
    header(&file, 2, PAGE, at + 28, at + 36);
    build_fill(&file.build, 8 + PAGE, 0);
    assert_refused(&file, MIGP_FINDING_MAPPED_RAM, at, 2, 1);
}

static void test_mapped_ram__page_size(void **state)
{
    static const uint64_t sizes[] = {0, 1, 512, 3000, 131072, UINT64_MAX};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(sizes); i++) {
        struct file file;
        uint64_t at;

        begin(&file, PAGE, false);
        entry(&file, "a", PAGE);
        at = file.build.size;
        header(&file, 1, sizes[i], at + 28, at + 36);
        build_fill(&file.build, 8 + PAGE, 0);
        assert_refused(&file, MIGP_FINDING_MAPPED_RAM, at + 4, sizes[i], PAGE);
    }
}

/* The bitmap is right behind the header; all blocks count alike. */
static void test_mapped_ram__bitmap_elsewhere(void **state)
{
    struct file file;
    uint64_t at;

    (void)state;
    begin(&file, PAGE, false);
    entry(&file, "a", PAGE);
    at = file.build.size;
    header(&file, 1, PAGE, at + 27, at + 100);
    build_fill(&file.build, 100 + PAGE, 0);
    assert_refused(&file, MIGP_FINDING_MAPPED_RAM_BITMAP, at + 12, at + 27,
                   at + 28);
    begin(&file, 2 * PAGE, false);
    file.shift = 10;
    entry(&file, "a", PAGE);
    block(&file, PAGE, 0);
    entry(&file, "b", PAGE);
    at = file.build.size;
    header(&file, 1, PAGE, at + 28 + 11, at + 28 + 100);
    build_fill(&file.build, 100 + PAGE, 0);
    assert_refused(&file, MIGP_FINDING_MAPPED_RAM_BITMAP, at + 12, at + 39,
                   at + 38);
}

/* [QC-14] */
static void test_mapped_ram__pages_inside_bitmap(void **state)
{
    static const uint64_t used[] = {PAGE, 64 * PAGE, 65 * PAGE, PAGE + 1,
                                    64 * PAGE + 1};
    static const uint64_t bitmap[] = {8, 8, 16, 8, 16};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(used); i++) {
        struct file file;
        uint64_t at;

        begin(&file, 65 * PAGE, false);
        entry(&file, "a", used[i]);
        at = file.build.size + 28;
        header(&file, 1, PAGE, at, at + bitmap[i] - 1);
        build_fill(&file.build, (size_t)used[i], 0);
        assert_refused(&file, MIGP_FINDING_MAPPED_RAM_OFFSET, at - 8,
                       at + bitmap[i] - 1, at + bitmap[i]);
    }
}

/* [QC-14] */
static void test_mapped_ram__pages_not_aligned(void **state)
{
    static const uint64_t off[] = {1, PAGE / 2, PAGE - 1};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(off); i++) {
        struct file file;
        uint64_t at;

        begin(&file, PAGE, false);
        entry(&file, "a", PAGE);
        at = file.build.size + 28;
        header(&file, 1, PAGE, at, 3 * PAGE + off[i]);
        build_fill(&file.build, 5 * PAGE, 0);
        assert_refused(&file, MIGP_FINDING_MAPPED_RAM_ALIGN, at - 8,
                       3 * PAGE + off[i], PAGE);
    }
}

/* Numbers that do not fit into any file must not wrap. */
static void test_mapped_ram__huge(void **state)
{
    static const uint64_t pages[] = {UINT64_MAX, (uint64_t)INT64_MAX + 1,
                                     (uint64_t)INT64_MAX - PAGE + 1};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(pages); i++) {
        struct file file;
        uint64_t at;

        begin(&file, PAGE, false);
        entry(&file, "a", PAGE);
        at = file.build.size + 28;
        header(&file, 1, PAGE, at, pages[i]);
        assert_refused(&file, MIGP_FINDING_MAPPED_RAM_OFFSET, at - 8, pages[i],
                       at + 8);
    }
}

/* [QC-14] A file that begins just before the end of all numbers. */
static void test_mapped_ram__bitmap_wraps(void **state)
{
    struct file file;
    uint64_t at;

    (void)state;
    begin(&file, PAGE, false);
    entry(&file, "a", PAGE);
    at = file.build.size + 28;
    header(&file, 1, PAGE, UINT64_MAX - 3, 5);
    assert_refused(&file, MIGP_FINDING_MAPPED_RAM_OFFSET, at - 8, 5, 4);
}

/* [QC-14] The page size is the target's, where that is known. */
static void test_mapped_ram__page_size_of_another(void **state)
{
    struct migp_qemu_options options;
    struct outcome outcome;
    struct file file;
    uint64_t at;

    (void)state;
    migp_qemu_options_init(&options);
    options.page_size = 2 * PAGE;
    begin(&file, 2 * PAGE, false);
    entry(&file, "a", 2 * PAGE);
    at = file.build.size;
    block(&file, 2 * PAGE, 0);
    end(&file);
    outcome_of(&outcome, &file.build, &options);
    assert_int_equal(outcome.code, MIGP_ERR_MALFORMED);
    assert_int_equal(outcome.error.finding, MIGP_FINDING_MAPPED_RAM);
    assert_true(outcome.error.offset == at + 4);
    assert_true(outcome.error.value == PAGE &&
                outcome.error.expected == 2 * PAGE);
    outcome_free(&outcome);
}

/* [QC-14] No pages in the sections. */
static void test_mapped_ram__words(void **state)
{
    static const uint64_t words[] = {0x2, 0x8, 0x28, 0x40, 0x100, 0x200, 0x30};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(words); i++) {
        struct file file;
        uint64_t at;

        begin(&file, PAGE, false);
        entry(&file, "a", PAGE);
        block(&file, PAGE, 0);
        at = file.build.size;
        build_u64(&file.build, words[i]);
        build_fill(&file.build, PAGE, 0);
        assert_refused(&file, MIGP_FINDING_RAM_FLAGS, at, words[i], PAGE);
    }
}

static void test_mapped_ram__huge_block(void **state)
{
    struct file file;
    uint64_t at;
    struct outcome outcome;

    (void)state;
    begin(&file, ~(uint64_t)0xfff, false);
    entry(&file, "a", (uint64_t)INT64_MAX - 100000000000000000ULL);
    at = file.build.size + 28;
    header(&file, 1, PAGE, at, 1ULL << 52);
    end(&file);
    outcome_of(&outcome, &file.build, NULL);
    assert_null(outcome.broken);
    assert_int_equal(outcome.finish, MIGP_ERR_TRUNCATED);
    outcome_free(&outcome);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mapped_ram__blocks),
        cmocka_unit_test(test_mapped_ram__ignored_block),
        cmocka_unit_test(test_mapped_ram__version),
        cmocka_unit_test(test_mapped_ram__page_size),
        cmocka_unit_test(test_mapped_ram__bitmap_elsewhere),
        cmocka_unit_test(test_mapped_ram__pages_inside_bitmap),
        cmocka_unit_test(test_mapped_ram__pages_not_aligned),
        cmocka_unit_test(test_mapped_ram__huge),
        cmocka_unit_test(test_mapped_ram__bitmap_wraps),
        cmocka_unit_test(test_mapped_ram__page_size_of_another),
        cmocka_unit_test(test_mapped_ram__words),
        cmocka_unit_test(test_mapped_ram__huge_block),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
