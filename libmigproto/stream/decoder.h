/* SPDX-License-Identifier: MIT */
#ifndef MIGP_STREAM_DECODER_H
#define MIGP_STREAM_DECODER_H

/*
 * The decoder's inside, for those who keep one in a table of their own
 * instead of on the heap: qemu/ has one for each VFIO section.
 */

#include "stream/order.h"

#include <migproto/stream.h>

/* Findings and events one step can give, beyond the one it has room for. */
#define MIGP_DECODER_QUEUE 3

enum migp_decoder_state {
    MIGP_DECODER_TAG,    /* collecting a tag */
    MIGP_DECODER_SIZE,   /* collecting a DATA record's size */
    MIGP_DECODER_DATA,   /* passing payload through */
    MIGP_DECODER_CONFIG, /* waiting for CONFIG to be whole */
    MIGP_DECODER_CLOSED, /* a section ended; the next has not begun */
    MIGP_DECODER_FAILED
};

struct migp_decoder {
    struct migp_decoder_options options;
    enum migp_decoder_state state;
    int section; /* enum migp_section_kind */
    bool begun;  /* a byte or a section has come */
    migp_places places;
    migp_places data_from;  /* DATA that is not empty leads from here ... */
    migp_places data_to;    /* ... to here: most records are of that kind */
    uint64_t offset;        /* of the next byte */
    uint64_t input_end;     /* one past the last byte seen */
    uint64_t record_offset; /* of the record in hand, or of the last one */
    uint64_t record_size;   /* of the last DATA record */
    uint64_t data_left;
    struct migp_config_hint hint;
    size_t scanned; /* of CONFIG; see migp_config_measure_from() */
    size_t need;
    uint8_t held[8]; /* a number that a split cut in two */
    unsigned n_held;
    unsigned n_queued;
    unsigned queue_at;
    struct migp_event queue[MIGP_DECODER_QUEUE + 1]; /* the last: a spill */
    int failure;
    struct migp_finding why;
};

/* options: complete and valid. */
void migp_decoder_setup(struct migp_decoder *decoder,
                        const struct migp_decoder_options *options);

/* Read and check a caller's options; NULL gives the defaults. */
int migp_decoder_options_read(struct migp_decoder_options *own,
                              const struct migp_decoder_options *given);

bool migp_decoder_tolerant(const struct migp_decoder *decoder);

/* Where the record starts that the input ended in; *missing: at least 1. */
uint64_t migp_decoder_open_record(const struct migp_decoder *decoder,
                                  uint64_t *missing);

/* Enter the failed state; returns code. */
int migp_decoder_fail(struct migp_decoder *decoder, int code, uint32_t finding,
                      uint64_t offset, uint64_t value, uint64_t expected);

/*
 * Give back the bytes of a record's head that the input cut: they are to be
 * fed again. Returns how many.
 */
size_t migp_decoder_rewind(struct migp_decoder *decoder);

/* Count payload as passed on; size is at most what is left. */
static inline void migp_decoder_pass(struct migp_decoder *decoder,
                                     uint64_t size)
{
    decoder->offset += size;
    decoder->data_left -= size;
    if (decoder->data_left == 0) {
        decoder->state = MIGP_DECODER_TAG;
    }
}

#endif
