/* SPDX-License-Identifier: MIT */

/*
 * Real streams, mutated: with the framing kept every reader still comes to
 * the end; with the framing broken it mostly does not.
 */

#include "cmocka_all.h"

#include "support/file.h"
#include "support/journal.h"
#include "support/prng.h"
#include "support/scale.h"

#include <migproto/migproto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is large has more of the same (RAM), and takes longer. */
#define SEEDS 1000
#define LARGE ((size_t)128 << 10)
#define SEEDS_LARGE 300
#define HUGE ((size_t)4 << 20)
#define SEEDS_HUGE 10
#define GROWTH ((size_t)1 << 20)

static struct file_list captures;
static struct file_list channels;

static int load_all(void **state)
{
    (void)state;
    captures = golden_list("qemu", "main.bin");
    channels = golden_list("qemu", "chan1.bin");
    return 0;
}

static int free_all(void **state)
{
    (void)state;
    file_list_free(&captures);
    file_list_free(&channels);
    return 0;
}

/* Codes that say: the bytes are not where their frame says they are. */
static bool is_framing(uint32_t code)
{
    return code == MIGP_FINDING_FOOTER_MISSING ||
           code == MIGP_FINDING_FOOTER_MISMATCH ||
           code == MIGP_FINDING_UNKNOWN_TAG || code == MIGP_FINDING_LOST ||
           code == MIGP_FINDING_BYTES_AFTER_END ||
           code == MIGP_FINDING_PACKAGE_EOF;
}

/* Does a tolerant reader come to the end, with nothing out of its frame? */
static bool reads_main(const uint8_t *bytes, size_t size)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_qemu_event events[64];
    struct migp_qemu_options options;
    struct migp_qemu_reader *reader;
    bool good = true;
    migp_ssize used;
    size_t at = 0, n, i;
    int code;

    migp_qemu_options_init(&options);
    options.decoder_flags = MIGP_DECODER_TOLERANT;
    assert_int_equal(migp_qemu_reader_new(&reader, &options, NULL), MIGP_OK);
    do {
        used = migp_qemu_reader_feed(reader, bytes + at, size - at,
                                     MIGP_FEED_LAST, events, 64, &n);
        for (i = 0; i < n; i++) {
            good = good && (events[i].kind != MIGP_QEMU_EVENT_FINDING ||
                            !is_framing(events[i].finding));
        }
        at += used > 0 ? (size_t)used : 0;
    } while (used >= 0 && n == 64);
    code = migp_qemu_reader_finish(reader, &error);
    migp_qemu_reader_free(reader);
    /* a cut between two sections is one that keeps the framing */
    return good && at == size &&
           (code == MIGP_OK || error.finding == MIGP_FINDING_UNFINISHED);
}

static bool reads_channel(const uint8_t *bytes, size_t size)
{
    struct migp_multifd_event events[64];
    struct migp_multifd_reader *reader;
    migp_ssize used;
    size_t at = 0, n;
    int code;

    assert_int_equal(migp_multifd_reader_new(&reader, NULL, NULL), MIGP_OK);
    do {
        used = migp_multifd_reader_feed(reader, bytes + at, size - at, events,
                                        64, &n);
        at += used > 0 ? (size_t)used : 0;
    } while (used > 0);
    code = migp_multifd_reader_finish(reader, size - at, NULL);
    migp_multifd_reader_free(reader);
    return code == MIGP_OK;
}

struct tally {
    uint64_t runs;
    uint64_t good;
    uint64_t same;
};

static void mutate_all(const struct file *file, uint32_t framing,
                       uint32_t count, bool (*reads)(const uint8_t *, size_t),
                       struct tally *tally)
{
    uint64_t seeds = test_scaled(file->size > HUGE    ? SEEDS_HUGE
                                 : file->size > LARGE ? SEEDS_LARGE
                                                      : SEEDS);
    struct migp_mutate_options options;
    uint8_t *out = malloc(file->size + GROWTH);
    uint64_t seed;

    assert_non_null(out);
    migp_mutate_options_init(&options);
    options.framing = framing;
    options.count = count;
    for (seed = 0; seed < seeds; seed++) {
        struct migp_mutation_done done[64];
        size_t n = 0;
        migp_ssize size;
        bool good;

        options.seed = seed;
        size = migp_mutate(file->bytes, file->size, out, file->size + GROWTH,
                           &options, done, 64, &n);
        assert_true(size >= 0);
        good = reads(out, (size_t)size);
        tally->runs++;
        tally->good += good ? 1 : 0;
        tally->same += n == 0 ? 1 : 0;
        if (!good && framing == MIGP_MUTATE_FRAMING_KEEP) {
            print_error("%s, seed %u: %s of %s %s at %u\n", file->name,
                        (unsigned)seed, migp_mutation_id(done[0].operation),
                        done[0].unit, done[0].field, (unsigned)done[0].offset);
        }
    }
    free(out);
}

static void test_keep__every_capture_still_reads(void **state)
{
    struct tally tally = {0, 0, 0};
    size_t i, read = 0;

    (void)state;
    for (i = 0; i < captures.count; i++) {
        const struct file *file = &captures.files[i];

        if (reads_main(file->bytes, file->size)) { /* one is cut, for one */
            mutate_all(file, MIGP_MUTATE_FRAMING_KEEP, 0, reads_main, &tally);
            read++;
        }
    }
    assert_true(read >= 15);
    assert_int_equal(tally.good, tally.runs);
    assert_int_equal(tally.same, 0);
}

static void test_keep__every_channel_still_reads(void **state)
{
    struct tally tally = {0, 0, 0};
    size_t i;

    (void)state;
    assert_true(channels.count > 0);
    for (i = 0; i < channels.count; i++) {
        const struct file *file = &channels.files[i];

        assert_true(reads_channel(file->bytes, file->size));
        mutate_all(file, MIGP_MUTATE_FRAMING_KEEP, 0, reads_channel, &tally);
    }
    assert_int_equal(tally.good, tally.runs);
    assert_int_equal(tally.same, 0);
}

/* One broken thing is noticed in most cases; not, say, a version that nobody
 * looks at, or a name in the middle of nothing. */
static void test_break__mostly_ends_the_reading(void **state)
{
    struct tally mains = {0, 0, 0};
    struct tally others = {0, 0, 0};
    struct file main = golden_load("qemu/v10.1.0-loadready/main.bin");

    (void)state;
    mutate_all(&main, MIGP_MUTATE_FRAMING_BREAK, 1, reads_main, &mains);
    mutate_all(&channels.files[0], MIGP_MUTATE_FRAMING_BREAK, 1, reads_channel,
               &others);
    print_message("broken: %u of %u, in a channel %u of %u\n",
                  (unsigned)(mains.runs - mains.good), (unsigned)mains.runs,
                  (unsigned)(others.runs - others.good), (unsigned)others.runs);
    assert_true(mains.good * 4 < mains.runs);
    assert_true(others.good * 4 < others.runs);
    file_free(&main);
}

/* Every operation, both ways, happens by itself. */
static void test_any__reaches_everything(void **state)
{
    struct file file = golden_load("qemu/v10.1.0-loadready/main.bin");
    struct migp_mutate_options options;
    uint8_t *out = malloc(file.size + GROWTH);
    uint64_t seen[3] = {0, 0, 0};

    (void)state;
    assert_non_null(out);
    migp_mutate_options_init(&options);
    for (options.seed = 0; options.seed < 500; options.seed++) {
        struct migp_mutation_done done[64];
        size_t n, i;

        assert_true(migp_mutate(file.bytes, file.size, out, file.size + GROWTH,
                                &options, done, 64, &n) >= 0);
        assert_true(n >= 1 && n <= 4);
        for (i = 0; i < n; i++) {
            assert_in_range(done[i].framing, 1, 2);
            seen[done[i].framing] |= done[i].operation;
        }
    }
    assert_int_equal(seen[MIGP_MUTATE_FRAMING_KEEP], MIGP_MUTATE_ALL);
    assert_int_equal(seen[MIGP_MUTATE_FRAMING_BREAK], MIGP_MUTATE_ALL);
    free(out);
    file_free(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keep__every_capture_still_reads),
        cmocka_unit_test(test_keep__every_channel_still_reads),
        cmocka_unit_test(test_break__mostly_ends_the_reading),
        cmocka_unit_test(test_any__reaches_everything),
    };

    return cmocka_run_group_tests_name("mutate_golden", tests, load_all,
                                       free_all);
}
