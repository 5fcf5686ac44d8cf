/* SPDX-License-Identifier: MIT */

/*
 * Streams that real QEMUs wrote: the same events whatever the pieces, the
 * beginning of them for prefixes, and every VFIO section written again byte
 * for byte by the encoder.
 */

#include "cmocka_all.h"

#include "support/build.h"
#include "support/feed.h"
#include "support/file.h"
#include "support/scale.h"

#include <migproto/migproto.h>
#include <stdio.h>
#include <string.h>

/* A mapped-ram file is mostly holes: nothing to see at every step. */
#define BIG (4U << 20)
#define BIG_END 65536

static struct file_list captures;

static int load_all(void **state)
{
    (void)state;
    captures = golden_list("qemu", "main.bin");
    return 0;
}

static int free_all(void **state)
{
    (void)state;
    file_list_free(&captures);
    return 0;
}

static void assert_same(const char *name, const struct outcome *whole,
                        const struct feeding *feeding)
{
    struct outcome outcome;

    feed_reader(&outcome, feeding, NULL);
    if (outcome.broken) {
        fprintf(stderr, "%s: %s\n", name, outcome.broken);
    }
    assert_null(outcome.broken);
    assert_true(outcome_same(name, whole, &outcome));
    outcome_free(&outcome);
}

static void test_feed__in_pieces_of_every_kind(void **state)
{
    static const size_t chunks[] = {1, 2, 3, 7, 8, 13, 64, 4093, 65536};
    size_t i;
    size_t j;

    (void)state;
    assert_true(captures.count >= 24);
    for (i = 0; i < captures.count; i++) {
        const struct file *file = &captures.files[i];
        struct feeding feeding = feeding_of(file->bytes, file->size);
        struct outcome whole;

        feed_reader(&whole, &feeding, NULL);
        assert_null(whole.broken);
        feeding.max_events = 1;
        assert_same(file->name, &whole, &feeding);
        for (j = 0; j<N_TESTS(chunks); j += test_stride()> 1 ? 4 : 1) {
            if (file->size > BIG && chunks[j] < 4093) {
                continue;
            }
            feeding.chunk = chunks[j];
            feeding.max_events = j % 2 ? 1 : 0;
            feeding.exact = true;
            assert_same(file->name, &whole, &feeding);
        }
        outcome_free(&whole);
    }
}

static void test_report__in_pieces_of_every_kind(void **state)
{
    static const size_t chunks[] = {1, 5, 4093};
    size_t i;
    size_t j;

    (void)state;
    for (i = 0; i < captures.count; i++) {
        const struct file *file = &captures.files[i];
        struct feeding feeding = feeding_of(file->bytes, file->size);
        struct outcome whole;

        feed_report(&whole, &feeding, NULL);
        assert_null(whole.broken);
        for (j = 0; j<N_TESTS(chunks); j += test_stride()> 1 ? 2 : 1) {
            struct outcome outcome;

            if (file->size > BIG && chunks[j] < 4093) {
                continue;
            }
            feeding.chunk = chunks[j];
            feed_report(&outcome, &feeding, NULL);
            assert_null(outcome.broken);
            assert_true(outcome_same(file->name, &whole, &outcome));
            outcome_free(&outcome);
        }
        outcome_free(&whole);
    }
}

/*
 * Without footers and sizes a file that is cut inside another device's bytes,
 * at a 0, may be one that ended there.
 */
static bool may_be_whole(const struct file *file, const struct outcome *outcome,
                         size_t size)
{
    const struct journal *journal = &outcome->journal;

    return outcome->finish == MIGP_OK && size > 0 && journal->count > 3 &&
           file->bytes[size - 1] == 0 &&
           journal->entries[journal->count - 3].kind == ENTRY_FINDING &&
           journal->entries[journal->count - 3].detail ==
               MIGP_FINDING_OPAQUE_RUN;
}

static void assert_prefix(const struct file *file, const struct outcome *whole,
                          size_t size)
{
    struct feeding feeding = feeding_of(file->bytes, size);
    struct outcome outcome;
    bool good;

    feed_reader(&outcome, &feeding, NULL);
    good = !outcome.broken &&
           (outcome.finish == MIGP_ERR_TRUNCATED ||
            (outcome.finish == MIGP_OK && whole->finish == MIGP_OK)) &&
           (may_be_whole(file, &outcome, size) ||
            journal_is_prefix(&outcome.journal, &whole->journal, size));
    if (!good) {
        fprintf(stderr, "%s, first %zu bytes: %s (%s) %s\n", file->name, size,
                migp_error_id(outcome.finish),
                migp_finding_id(outcome.error.finding),
                outcome.broken ? outcome.broken : "");
        journal_show("got", &outcome.journal, outcome.journal.count);
    }
    assert_true(good);
    outcome_free(&outcome);
}

/* In a big file, between its beginning and its end, few. */
static size_t next_prefix(const struct file *file, size_t size)
{
    if (file->size > BIG && size > BIG_END && size < file->size - BIG_END) {
        size += file->size / 50;
        return size < file->size - BIG_END ? size : file->size - BIG_END;
    }
    return size + 4001 * test_stride();
}

/* All captures, at positions with no pattern; one of them whole: test_cuts. */
static void test_feed__prefixes(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < captures.count; i++) {
        const struct file *file = &captures.files[i];
        struct feeding feeding = feeding_of(file->bytes, file->size);
        struct outcome whole;
        size_t size;

        feed_reader(&whole, &feeding, NULL);
        for (size = 0; size < file->size; size = next_prefix(file, size)) {
            assert_prefix(file, &whole, size);
        }
        outcome_free(&whole);
    }
}

/* The journal's sections again, by the encoder. */
struct again {
    struct migp_encoder *encoder;
    uint32_t section_id;
    struct build bytes;
};

static void encode(struct again *again, int kind, const uint8_t *payload,
                   uint64_t size)
{
    uint8_t head[MIGP_RECORD_HEAD_MAX];
    struct migp_piece pieces[2];
    size_t n = 0;
    size_t i;

    assert_true(migp_encoder_record(again->encoder, kind, payload, size, head,
                                    pieces, &n) > 0);
    for (i = 0; i < n; i++) {
        build_bytes(&again->bytes, pieces[i].bytes, pieces[i].size);
    }
}

static struct again *again_of(struct again *table, size_t count, uint32_t id)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (table[i].section_id == id) {
            return &table[i];
        }
    }
    return NULL;
}

static size_t reencode(const struct file *file, const struct outcome *outcome)
{
    struct again table[8];
    struct again *now = NULL;
    size_t count = 0;
    size_t sections = 0;
    size_t i;

    memset(table, 0, sizeof(table));
    for (i = 0; i < outcome->journal.count; i++) {
        const struct entry *entry = &outcome->journal.entries[i];
        const uint8_t *at = file->bytes + entry->offset;

        if (entry->kind == ENTRY_READER &&
            entry->detail == MIGP_QEMU_EVENT_SECTION) {
            size_t length = strlen(entry->text);

            if (length < 5 || strcmp(entry->text + length - 5, "/vfio") != 0) {
                now = NULL;
                continue;
            }
            now = again_of(table, count, entry->section_id);
            if (!now) {
                now = &table[count++];
                now->section_id = entry->section_id;
                assert_int_equal(migp_encoder_new(&now->encoder, NULL, NULL),
                                 MIGP_OK);
            }
            build_free(&now->bytes);
            assert_int_equal(
                migp_encoder_begin_section(now->encoder, (int)entry->value),
                MIGP_OK);
        } else if (now && entry->kind == ENTRY_RECORD &&
                   entry->detail != MIGP_EVENT_DATA) {
            size_t skip = entry->detail == MIGP_EVENT_DATA_BEGIN ? 16 : 8;

            encode(now, (int)entry->detail, entry->size ? at + skip : NULL,
                   entry->size);
        } else if (now && entry->kind == ENTRY_READER &&
                   entry->detail == MIGP_QEMU_EVENT_SECTION_END) {
            assert_true(now->bytes.size == entry->size);
            assert_memory_equal(now->bytes.bytes,
                                file->bytes + entry->offset - entry->size,
                                now->bytes.size);
            sections++;
        }
    }
    for (i = 0; i < count; i++) {
        if (outcome->finish == MIGP_OK) {
            assert_int_equal(migp_encoder_is_complete(table[i].encoder), 1);
        }
        migp_encoder_free(table[i].encoder);
        build_free(&table[i].bytes);
    }
    return sections;
}

static void test_encoder__every_vfio_section_again(void **state)
{
    size_t sections = 0;
    size_t i;

    (void)state;
    for (i = 0; i < captures.count; i++) {
        const struct file *file = &captures.files[i];
        struct feeding feeding = feeding_of(file->bytes, file->size);
        struct outcome outcome;

        feed_reader(&outcome, &feeding, NULL);
        sections += reencode(file, &outcome);
        outcome_free(&outcome);
    }
    assert_true(sections > 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_feed__in_pieces_of_every_kind),
        cmocka_unit_test(test_report__in_pieces_of_every_kind),
        cmocka_unit_test(test_feed__prefixes),
        cmocka_unit_test(test_encoder__every_vfio_section_again),
    };

    return cmocka_run_group_tests_name("captures", tests, load_all, free_all);
}
