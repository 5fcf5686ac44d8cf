/* SPDX-License-Identifier: MIT */
#ifndef MIGP_TESTS_SUPPORT_FEED_H
#define MIGP_TESTS_SUPPORT_FEED_H

/*
 * Feeds bytes to a decoder, a reader or a report in any split, as their
 * headers tell a caller to, and watches what every call must keep: nothing
 * consumed that was not given, offsets in order, event bytes inside the bytes
 * of this call, no call that neither moves nor says what it waits for, the
 * same answer again after a failure.
 */

#include "support/journal.h"
#include "support/prng.h"

struct feeding {
    const uint8_t *bytes;
    size_t size;
    size_t cut;   /* a cut here; 0: none */
    size_t chunk; /* cuts at phase + n * chunk; 0: none */
    size_t phase;
    struct prng *random; /* cuts anywhere; NULL: none */
    size_t max_events;   /* room in the event array; 0: 64 */
    bool open;           /* never say MIGP_FEED_LAST */
    bool exact;          /* each piece in a block of its own size */
};

struct outcome {
    struct journal journal;
    migp_ssize code;         /* what feed failed with, or MIGP_OK */
    int finish;              /* what finish said */
    struct migp_error error; /* of finish */
    uint64_t consumed;
    uint32_t dialects;  /* decoder only */
    const char *broken; /* the rule that a call broke, or NULL */
    uint64_t calls;
};

/* options may be NULL. The outcome is to be freed in every case. */
void feed_decoder(struct outcome *outcome, const struct feeding *feeding,
                  const struct migp_decoder_options *options);
void feed_reader(struct outcome *outcome, const struct feeding *feeding,
                 const struct migp_qemu_options *options);
/* The journal then holds the answers of the finished report. */
void feed_report(struct outcome *outcome, const struct feeding *feeding,
                 const struct migp_report_options *options);
void outcome_free(struct outcome *outcome);

/* Do two outcomes tell the same? Prints the difference to stderr if not. */
bool outcome_same(const char *what, const struct outcome *left,
                  const struct outcome *right);

/* The whole in one call, no cut. */
struct feeding feeding_of(const void *bytes, size_t size);

#endif
