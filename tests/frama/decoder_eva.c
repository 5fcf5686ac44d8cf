/* SPDX-License-Identifier: MIT */

/*
 * frama-c: libmigproto/stream/decoder.c libmigproto/stream/decoder_object.c libmigproto/stream/tag.c libmigproto/core/error.c libmigproto/core/finding.c libmigproto/core/options.c
 * eva: -eva-split-return full -eva-slevel 1000 -eva-slevel-function shift_of:0,migp_tag_kind:20,main:0
 * proves: the decoder has no undefined behaviour in any number of feeds of 0 to 20 bytes each, of any content, strict or tolerant, given that the search for the end of CONFIG answers within the bytes
 */

#include "stream/config_measure.h"
#include "stream/decoder.h"

#include <__fc_builtin.h>

#define LENGTH 20

static uint8_t input[LENGTH];

/*
 * Whatever config_measure.c may answer: a size that leaves room for END, a
 * need, or a failure. That it keeps to this is not proven here; the fuzz
 * target config_measure checks it.
 */
migp_ssize migp_config_measure_from(const uint8_t *bytes, size_t size,
                                    uint64_t max_config,
                                    const struct migp_config_hint *hint,
                                    uint32_t flags, size_t *scanned,
                                    size_t *need)
{
    (void)bytes;
    (void)max_config;
    (void)hint;
    *scanned = (size_t)Frama_C_unsigned_long_interval(0, (unsigned long)-1);
    if (size >= 8 && Frama_C_interval(0, 1)) {
        return (migp_ssize)Frama_C_unsigned_long_interval(0, size - 8);
    }
    if ((flags & MIGP_FEED_LAST) == 0 && Frama_C_interval(0, 1)) {
        *need = (size_t)Frama_C_unsigned_long_interval(1, (unsigned long)-1);
        return MIGP_ERR_NEED_MORE;
    }
    return Frama_C_interval(MIGP_ERR_UNSUPPORTED, MIGP_ERR_NO_MEMORY);
}

/*
 * The order rules are arithmetic on two integers: any answer will do. That
 * they index nothing out of their table is proven by order_eva.c.
 */
migp_places migp_order_start(uint32_t dialects)
{
    return (migp_places)Frama_C_unsigned_int_interval(0, dialects | ~0u);
}

migp_places migp_order_step(migp_places places, unsigned record, int kind,
                            bool empty)
{
    (void)places;
    (void)kind;
    (void)empty;
    /*@ assert 1 <= record <= 6; */
    return (migp_places)Frama_C_unsigned_int_interval(0, ~0u);
}

migp_places migp_order_anywhere(unsigned record, int kind)
{
    return migp_order_step(0, record, kind, false);
}

bool migp_order_closed(migp_places places)
{
    (void)places;
    return Frama_C_interval(0, 1) != 0;
}

bool migp_order_complete(migp_places places)
{
    return migp_order_closed(places);
}

uint32_t migp_order_dialects(migp_places places)
{
    return migp_order_step(places, 1, 0, false);
}

migp_places migp_order_enter(migp_places places, int kind)
{
    return migp_order_step(places, 1, kind, false);
}

migp_places migp_order_entry(int kind)
{
    return migp_order_step(0, 1, kind, false);
}

/* What holds between two calls; feed() may rely on no more than this. */
static void any_decoder(struct migp_decoder *decoder)
{
    struct migp_decoder_options options;

    migp_decoder_options_init(&options);
    options.flags = (uint32_t)Frama_C_interval(0, 1);
    options.max_data = Frama_C_unsigned_long_interval(0, (unsigned long)-1);
    migp_decoder_setup(decoder, &options);
    decoder->section = Frama_C_interval(MIGP_SECTION_BARE, MIGP_SECTION_FULL);
    decoder->places =
        (migp_places)Frama_C_unsigned_int_interval(0, (unsigned)-1);
    decoder->offset = Frama_C_unsigned_long_interval(0, (unsigned long)-1);
    decoder->record_offset = decoder->offset;
    decoder->record_size = decoder->offset;
    decoder->data_left = Frama_C_unsigned_long_interval(0, (unsigned long)-1);
    decoder->n_queued = Frama_C_unsigned_int_interval(0, MIGP_DECODER_QUEUE);
    decoder->queue_at = Frama_C_unsigned_int_interval(0, MIGP_DECODER_QUEUE);
    Frama_C_make_unknown((char *)decoder->held, sizeof(decoder->held));
    decoder->state = (enum migp_decoder_state)Frama_C_interval(
        MIGP_DECODER_TAG, MIGP_DECODER_FAILED);
    decoder->n_held = 0;
    if (decoder->state <= MIGP_DECODER_SIZE) {
        decoder->n_held = Frama_C_unsigned_int_interval(0, 7);
    }
}

/*
 * The bytes end where the array does, so a read too far is one outside it. One
 * event a call: what is behind a DATA record is then fed in the next call, and
 * Eva, which knows intervals but not that two numbers belong together, need
 * not follow a position that depends on a record's size.
 */
int main(void)
{
    struct migp_decoder decoder;
    struct migp_event event;
    size_t size = (size_t)Frama_C_interval(0, LENGTH);
    uint32_t last = (uint32_t)Frama_C_interval(0, 1);
    size_t n = 0;

    Frama_C_make_unknown((char *)input, sizeof(input));
    any_decoder(&decoder);
    /*@ split size; */
    /*@ split decoder.state; */
    /*@ split decoder.n_held; */
    (void)migp_decoder_feed(&decoder, input + LENGTH - size, size, last, &event,
                            1, &n);
    /*@ assert decoder.n_held <= 7; */
    /*@ assert decoder.n_queued <= 3 && decoder.queue_at <= 3; */
    /*@ assert n <= 1; */
    (void)migp_decoder_finish(&decoder, NULL);
    return 0;
}
