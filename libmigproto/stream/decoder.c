/* SPDX-License-Identifier: MIT */
#include "stream/decoder.h"

#include "core/bytes.h"
#include "core/error.h"
#include "core/options.h"
#include "stream/config_measure.h"
#include "stream/tag.h"

/* One call of feed: what comes in, and where events go. */
struct feed {
    struct migp_cursor in;
    uint32_t flags;
    struct migp_event *events;
    size_t max_events;
    size_t n_events;
};

/*
 * A step runs only while there is room for one event; what it gives beyond
 * that waits in the queue. Queued events never point into the input.
 */
static inline struct migp_event *emit(struct migp_decoder *decoder,
                                      struct feed *feed, uint32_t kind,
                                      uint64_t offset, uint64_t size)
{
    struct migp_event *event = &decoder->queue[MIGP_DECODER_QUEUE];

    if (feed->n_events < feed->max_events) {
        event = &feed->events[feed->n_events++];
    } else if (decoder->n_queued < MIGP_DECODER_QUEUE) {
        event = &decoder->queue[decoder->n_queued++];
    }
    event->kind = kind;
    event->finding = MIGP_FINDING_NONE;
    event->offset = offset;
    event->size = size;
    event->bytes = NULL;
    event->expected = 0;
    return event;
}

static void emit_finding(struct migp_decoder *decoder, struct feed *feed,
                         uint32_t code, uint64_t offset, uint64_t value)
{
    emit(decoder, feed, MIGP_EVENT_FINDING, offset, value)->finding = code;
}

/* [DS-11] A be64 that the input cuts is collected over several calls. */
static bool take_cut_be64(struct migp_decoder *decoder, struct feed *feed,
                          uint64_t *out)
{
    while (decoder->n_held < 8 &&
           migp_cursor_u8(&feed->in, &decoder->held[decoder->n_held])) {
        decoder->n_held++;
        decoder->offset++;
    }
    if (decoder->n_held < 8) {
        return false;
    }
    decoder->n_held = 0;
    *out = migp_load_be64(decoder->held);
    return true;
}

static inline bool take_be64(struct migp_decoder *decoder, struct feed *feed,
                             uint64_t *out)
{
    if (decoder->n_held == 0 && migp_cursor_be64(&feed->in, out)) {
        decoder->offset += 8;
        return true;
    }
    return take_cut_be64(decoder, feed, out);
}

/* Move on by a record, or say that it may not come here. */
static int take_order(struct migp_decoder *decoder, struct feed *feed,
                      unsigned record, bool empty)
{
    migp_places next =
        migp_order_step(decoder->places, record, decoder->section, empty);

    if (next == 0 && empty) { /* [DS-8] */
        emit_finding(decoder, feed, MIGP_FINDING_DATA_SIZE_ZERO,
                     decoder->record_offset, 0);
        next =
            migp_order_step(decoder->places, record, decoder->section, false);
    }
    if (next == 0) { /* [DS-2] */
        if (!migp_decoder_tolerant(decoder)) {
            return migp_decoder_fail(decoder, MIGP_ERR_MALFORMED,
                                     MIGP_FINDING_TAG_ORDER,
                                     decoder->record_offset, record, 0);
        }
        emit_finding(decoder, feed, MIGP_FINDING_TAG_ORDER,
                     decoder->record_offset, record);
        next = migp_order_anywhere(record, decoder->section);
        if (next == 0) {
            next = migp_order_anywhere(record, MIGP_SECTION_BARE);
        }
        next = migp_order_within(next, decoder->options.dialects);
    }
    decoder->places = next;
    return MIGP_OK;
}

/*
 * A DATA record with too big a size swallows the first bytes of the next tag;
 * the word read in its place then is that tag, shifted.
 */
static unsigned shift_of(uint64_t word)
{
    unsigned shift;

    for (shift = 1; shift <= 4; shift++) {
        unsigned kind;

        for (kind = MIGP_EVENT_END; kind <= MIGP_EVENT_CONFIG_LOAD_READY;
             kind++) {
            uint64_t tail = migp_tag_of(kind) << (8 * shift);

            if (word >> (8 * shift) == tail >> (8 * shift)) {
                return shift;
            }
        }
    }
    return 0;
}

static int fail_unknown_tag(struct migp_decoder *decoder, struct feed *feed,
                            uint64_t previous, uint64_t word)
{
    unsigned shift = decoder->record_size > 0 ? shift_of(word) : 0;

    if (shift > 0 && shift <= decoder->record_size) {
        emit_finding(decoder, feed, MIGP_FINDING_TAG_SHIFTED,
                     decoder->record_offset - shift, shift);
    }
    return migp_decoder_fail(decoder, MIGP_ERR_MALFORMED,
                             MIGP_FINDING_UNKNOWN_TAG, decoder->record_offset,
                             word, previous);
}

/* The records that are nothing but a tag. */
static int take_plain(struct migp_decoder *decoder, struct feed *feed,
                      unsigned kind)
{
    int code = take_order(decoder, feed, kind, false);

    if (code < 0) {
        return code;
    }
    (void)emit(decoder, feed, kind, decoder->record_offset, 0);
    decoder->record_size = 0;
    if (decoder->section != MIGP_SECTION_BARE &&
        migp_order_closed(decoder->places)) { /* [DS-12] [DS-13] */
        decoder->state = MIGP_DECODER_CLOSED;
    }
    return MIGP_OK;
}

static int step_data(struct migp_decoder *decoder, struct feed *feed)
{
    size_t left = migp_cursor_left(&feed->in);
    size_t size = decoder->data_left < left ? (size_t)decoder->data_left : left;
    const uint8_t *bytes;

    if (size == 0 || !migp_cursor_take(&feed->in, size, &bytes)) {
        return MIGP_OK;
    }
    emit(decoder, feed, MIGP_EVENT_DATA, decoder->offset, size)->bytes = bytes;
    migp_decoder_pass(decoder, size);
    return MIGP_OK;
}

/* The order of DATA that is not empty, remembered from the last time. */
static inline int take_data_order(struct migp_decoder *decoder,
                                  struct feed *feed, uint64_t size)
{
    migp_places from = decoder->places;
    int code;

    if (size > 0 && from == decoder->data_from) {
        decoder->places = decoder->data_to;
        return MIGP_OK;
    }
    code = take_order(decoder, feed, MIGP_EVENT_DATA_BEGIN, size == 0);
    if (size > 0 && code == MIGP_OK &&
        migp_order_step(from, MIGP_EVENT_DATA_BEGIN, decoder->section, false) !=
            0) {
        decoder->data_from = from;
        decoder->data_to = decoder->places;
    }
    return code;
}

/* Every tag but DATA, which is left to step_head(): it is the frequent one. */
static int take_tag(struct migp_decoder *decoder, struct feed *feed,
                    uint64_t word)
{
    uint64_t previous = decoder->record_offset;
    unsigned kind = migp_tag_kind(word);

    decoder->record_offset = decoder->offset - 8;
    switch (kind) {
    case MIGP_EVENT_NONE: /* [DS-1] */
        return fail_unknown_tag(decoder, feed, previous, word);
    case MIGP_EVENT_CONFIG:
        decoder->state = MIGP_DECODER_CONFIG;
        decoder->scanned = 0;
        return take_order(decoder, feed, kind, false);
    default:
        return take_plain(decoder, feed, kind);
    }
}

/* A record's head: a tag, and the size behind DATA. */
static int step_head(struct migp_decoder *decoder, struct feed *feed)
{
    uint64_t word;
    int code;

    if (decoder->state == MIGP_DECODER_TAG) {
        if (!take_be64(decoder, feed, &word)) {
            return MIGP_OK;
        }
        if (word != MIGP_TAG_DATA) {
            return take_tag(decoder, feed, word);
        }
        decoder->record_offset = decoder->offset - 8;
        decoder->state = MIGP_DECODER_SIZE;
    }
    if (!take_be64(decoder, feed, &word)) {
        return MIGP_OK;
    }
    if (word > decoder->options.max_data ||
        word > UINT64_MAX - decoder->offset) { /* [DS-7] */
        return migp_decoder_fail(
            decoder, MIGP_ERR_LIMIT, MIGP_FINDING_DATA_TOO_BIG,
            decoder->record_offset, word, decoder->options.max_data);
    }
    code = take_data_order(decoder, feed, word);
    if (code < 0) {
        return code;
    }
    (void)emit(decoder, feed, MIGP_EVENT_DATA_BEGIN, decoder->record_offset,
               word);
    decoder->record_size = word;
    decoder->data_left = word;
    decoder->state = word > 0 ? MIGP_DECODER_DATA : MIGP_DECODER_TAG;
    return MIGP_OK;
}

static int fail_config(struct migp_decoder *decoder, int code)
{
    switch (code) {
    case MIGP_ERR_LIMIT: /* [DS-10] */
        return migp_decoder_fail(decoder, code, MIGP_FINDING_CONFIG_TOO_BIG,
                                 decoder->record_offset, 0,
                                 decoder->options.max_config);
    case MIGP_ERR_MALFORMED:
        return migp_decoder_fail(decoder, code, MIGP_FINDING_CONFIG_HINT,
                                 decoder->record_offset, decoder->hint.size, 0);
    default:
        return migp_decoder_fail(decoder, code, MIGP_FINDING_TRUNCATED,
                                 decoder->input_end, decoder->record_offset, 1);
    }
}

static int step_config(struct migp_decoder *decoder, struct feed *feed)
{
    const uint8_t *bytes;
    migp_ssize size = migp_config_measure_from(
        feed->in.bytes + feed->in.at, migp_cursor_left(&feed->in),
        decoder->options.max_config, &decoder->hint, feed->flags,
        &decoder->scanned, &decoder->need);

    if (size == MIGP_ERR_NEED_MORE) {
        return MIGP_OK;
    }
    decoder->need = 0;
    if (size < 0) {
        return fail_config(decoder, (int)size);
    }
    if (migp_cursor_take(&feed->in, (size_t)size, &bytes)) {
        emit(decoder, feed, MIGP_EVENT_CONFIG, decoder->record_offset,
             (uint64_t)size)
            ->bytes = bytes;
    }
    decoder->offset += (uint64_t)size;
    decoder->record_size = 0;
    decoder->state = MIGP_DECODER_TAG;
    return MIGP_OK;
}

static int step(struct migp_decoder *decoder, struct feed *feed)
{
    switch (decoder->state) {
    case MIGP_DECODER_TAG:
    case MIGP_DECODER_SIZE:
        return step_head(decoder, feed);
    case MIGP_DECODER_DATA:
        return step_data(decoder, feed);
    case MIGP_DECODER_CONFIG:
        return step_config(decoder, feed);
    case MIGP_DECODER_CLOSED:
        return MIGP_OK;
    default:
        return decoder->failure;
    }
}

static void drain_queue(struct migp_decoder *decoder, struct feed *feed)
{
    while (decoder->queue_at < decoder->n_queued &&
           feed->n_events < feed->max_events) {
        feed->events[feed->n_events++] = decoder->queue[decoder->queue_at++];
    }
    if (decoder->queue_at == decoder->n_queued) {
        decoder->queue_at = 0;
        decoder->n_queued = 0;
    }
}

migp_ssize migp_decoder_feed(struct migp_decoder *decoder, const void *bytes,
                             size_t size, uint32_t flags,
                             struct migp_event *events, size_t max_events,
                             size_t *n_events)
{
    struct feed feed = {.in =
                            migp_cursor_over(bytes != NULL ? bytes : "", size),
                        .flags = flags,
                        .events = events,
                        .max_events = max_events};
    int code = MIGP_OK;

    if (n_events != NULL) {
        *n_events = 0;
    }
    if (decoder == NULL || (bytes == NULL && size > 0) || events == NULL ||
        max_events == 0 || n_events == NULL ||
        (flags & ~(uint32_t)MIGP_FEED_LAST) != 0) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    decoder->begun = decoder->begun || size > 0;
    decoder->input_end = decoder->offset + size;
    drain_queue(decoder, &feed);
    while (code == MIGP_OK && feed.n_events < max_events) {
        enum migp_decoder_state state = decoder->state;
        size_t at = feed.in.at;

        code = step(decoder, &feed);
        if (feed.in.at == at && decoder->state == state) {
            break;
        }
    }
    *n_events = feed.n_events;
    return code < 0 ? code : (migp_ssize)feed.in.at;
}
