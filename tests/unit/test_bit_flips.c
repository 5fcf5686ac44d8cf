/* SPDX-License-Identifier: MIT */

/*
 * Damaged copies of real streams: nothing crashes, nothing runs on without
 * end, and what is said does not depend on how the damaged bytes are cut.
 */

#include "cmocka_all.h"

#include "support/feed.h"
#include "support/file.h"
#include "support/scale.h"

#include <stdio.h>
#include <string.h>

#define FLIPS 10000

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

/* Calls that make no progress show in the count of calls. */
static void assert_bounded(const struct outcome *outcome, size_t size)
{
    if (outcome->broken) {
        fprintf(stderr, "%s\n", outcome->broken);
    }
    assert_null(outcome->broken);
    assert_true(outcome->calls <= 64 + 2 * (uint64_t)size);
}

static void flip_and_read(struct file *file, size_t at, uint8_t bit,
                          struct prng *prng, uint32_t flags)
{
    struct feeding feeding = feeding_of(file->bytes, file->size);
    struct migp_qemu_options options;
    struct outcome whole;
    struct outcome pieces;
    bool same;

    migp_qemu_options_init(&options);
    options.decoder_flags = flags;
    file->bytes[at] ^= bit;
    feed_reader(&whole, &feeding, &options);
    assert_bounded(&whole, file->size);
    feeding.chunk = 1 + (size_t)prng_below(prng, 40000);
    feeding.phase = (size_t)prng_below(prng, feeding.chunk) + 1;
    feeding.max_events = 1 + (size_t)prng_below(prng, 64);
    feed_reader(&pieces, &feeding, &options);
    assert_bounded(&pieces, file->size);
    same = outcome_same(file->name, &whole, &pieces);
    if (!same) {
        fprintf(stderr,
                "%s: bit %#x of byte %zu, flags %u, pieces of %zu "
                "from %zu\n",
                file->name, bit, at, (unsigned)flags, feeding.chunk,
                feeding.phase);
    }
    assert_true(same);
    outcome_free(&whole);
    outcome_free(&pieces);
    file->bytes[at] ^= bit;
}

/* Where it hurts: the bytes of sections other than RAM pages. */
static size_t somewhere(const struct file *file, struct prng *prng)
{
    size_t at = (size_t)prng_below(prng, file->size);
    size_t tries;

    for (tries = 0; tries < 4 && file->bytes[at] == 0; tries++) {
        at = (size_t)prng_below(prng, file->size);
    }
    return at;
}

static void test_reader__single_bits(void **state)
{
    struct prng prng = prng_start("single bits");
    uint64_t flips = test_scaled(FLIPS);
    uint64_t i;

    (void)state;
    for (i = 0; i < flips; i++) {
        struct file *file = &captures.files[i % captures.count];
        size_t at = somewhere(file, &prng);

        flip_and_read(file, at, (uint8_t)(1u << prng_below(&prng, 8)), &prng,
                      i % 3 == 0 ? MIGP_DECODER_TOLERANT : 0);
    }
}

/* Every bit of the first device's sections, and of the stream's head. */
static void test_reader__every_bit_near_a_vfio_section(void **state)
{
    struct file *file = &captures.files[0];
    struct feeding feeding = feeding_of(file->bytes, file->size);
    struct prng prng = prng_seeded(1);
    struct outcome whole;
    size_t step = 3 * test_stride();
    size_t count = 0;
    size_t i;

    (void)state;
    feed_reader(&whole, &feeding, NULL);
    for (i = 0; i < whole.journal.count; i++) {
        const struct entry *entry = &whole.journal.entries[i];
        size_t at;

        if (entry->kind != ENTRY_RECORD || entry->detail == MIGP_EVENT_CONFIG ||
            entry->detail == MIGP_EVENT_DATA) {
            continue;
        }
        for (at = (size_t)entry->offset * 8; at < (entry->offset + 13) * 8;
             at += step) {
            flip_and_read(file, at / 8, (uint8_t)(1u << at % 8), &prng,
                          count++ % 2 ? MIGP_DECODER_TOLERANT : 0);
        }
    }
    assert_true(count > 0);
    outcome_free(&whole);
}

/* The report on several flips at once, a cut end, and a swapped piece. */
static void test_report__worse_damage(void **state)
{
    struct prng prng = prng_start("worse damage");
    uint64_t rounds = test_scaled(FLIPS / 4);
    uint64_t i;

    (void)state;
    for (i = 0; i < rounds; i++) {
        const struct file *file = &captures.files[i % captures.count];
        size_t size = 1 + (size_t)prng_below(&prng, file->size);
        uint8_t *bytes = malloc(size);
        struct migp_qemu_options qemu;
        struct migp_report_options options;
        struct feeding feeding;
        struct outcome outcome;
        unsigned n;

        assert_non_null(bytes);
        memcpy(bytes, file->bytes, size);
        for (n = (unsigned)prng_below(&prng, 6); n > 0; n--) {
            bytes[prng_below(&prng, size)] ^=
                (uint8_t)(1u << prng_below(&prng, 8));
        }
        n = (unsigned)prng_below(&prng, 64);
        if (size > 2 * n) {
            memmove(bytes + prng_below(&prng, size - n),
                    bytes + prng_below(&prng, size - n), n);
        }
        feeding = feeding_of(bytes, size);
        feeding.chunk = 1 + (size_t)prng_below(&prng, 20000);
        migp_qemu_options_init(&qemu);
        qemu.decoder_flags = i % 2 ? MIGP_DECODER_TOLERANT : 0;
        migp_report_options_init(&options);
        options.qemu = &qemu;
        feed_report(&outcome, &feeding, &options);
        assert_bounded(&outcome, size);
        outcome_free(&outcome);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reader__single_bits),
        cmocka_unit_test(test_reader__every_bit_near_a_vfio_section),
        cmocka_unit_test(test_report__worse_damage),
    };

    return cmocka_run_group_tests_name("bit_flips", tests, load_all, free_all);
}
