/* SPDX-License-Identifier: MIT */

/* A bare stream that decodes is encoded again, to the same bytes. */

#include "fuzz/check.h"

#include "support/build.h"

#include <string.h>

static uint32_t newest(uint32_t dialects)
{
    if (dialects & MIGP_DIALECT_V2) {
        return MIGP_DIALECT_V2;
    }
    return dialects & MIGP_DIALECT_V1 ? MIGP_DIALECT_V1 : MIGP_DIALECT_QEMU_5_2;
}

/* v2 takes a DATA record of size 0 with a warning, but never writes one. */
static int has_finding(const struct journal *journal)
{
    size_t i;

    for (i = 0; i < journal->count; i++) {
        if (journal->entries[i].kind == ENTRY_FINDING) {
            return 1;
        }
    }
    return 0;
}

static void encode(struct migp_encoder *encoder, const struct entry *entry,
                   const uint8_t *bytes, struct build *out)
{
    size_t head_size = entry->detail == MIGP_EVENT_DATA_BEGIN ? 16 : 8;
    const uint8_t *payload =
        entry->size ? bytes + entry->offset + head_size : NULL;
    uint8_t head[MIGP_RECORD_HEAD_MAX];
    struct migp_piece pieces[2];
    size_t n = 0;
    size_t i;

    FUZZ_CHECK(migp_encoder_record(encoder, (int)entry->detail, payload,
                                   entry->size, head, pieces,
                                   &n) == (migp_ssize)head_size);
    FUZZ_CHECK(n == (entry->size ? 2u : 1u));
    for (i = 0; i < n; i++) {
        build_bytes(out, pieces[i].bytes, pieces[i].size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct feeding feeding = fuzz_whole(bytes, size);
    struct migp_encoder_options options;
    struct migp_encoder *encoder;
    struct outcome outcome;
    struct build out = {NULL, 0, 0};
    size_t i;

    feed_decoder(&outcome, &feeding, NULL);
    if (outcome.finish == MIGP_OK && !has_finding(&outcome.journal)) {
        migp_encoder_options_init(&options);
        options.dialect = newest(outcome.dialects);
        FUZZ_CHECK(migp_encoder_new(&encoder, &options, NULL) == MIGP_OK);
        for (i = 0; i < outcome.journal.count; i++) {
            const struct entry *entry = &outcome.journal.entries[i];

            if (entry->detail != MIGP_EVENT_DATA) {
                encode(encoder, entry, feeding.bytes, &out);
            }
        }
        FUZZ_CHECK(out.size == feeding.size);
        FUZZ_CHECK(memcmp(out.bytes, feeding.bytes, out.size) == 0);
        migp_encoder_free(encoder);
        build_free(&out);
    }
    outcome_free(&outcome);
    return 0;
}
