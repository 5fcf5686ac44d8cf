/* SPDX-License-Identifier: MIT */
#include "record/chain.h"

#include "core/bytes.h"

#define STOP_COPY_SIZE_SIZE 8

static void expect(struct migp_chain *chain, enum migp_chain_thing next,
                   uint64_t gap)
{
    chain->next = next;
    chain->gap = gap;
    chain->n_thing = 0;
}

static bool is_optional(const struct migp_driver_record *record)
{
    return (record->flags & MIGP_DRIVER_RECORD_OPTIONAL) != 0;
}

/* [DR-2] A state that begins with zeros is not a chain of empty records. */
static bool is_nothing(const struct migp_driver_record *record)
{
    return record->size == 0 && !is_optional(record);
}

/* Tag 0: look for device parts as long as there are any. */
static void take_state_head(struct migp_chain *chain)
{
    uint64_t size = chain->hand.record.size;

    chain->hand_count = &chain->state;
    chain->last_state_size = size;
    chain->n_parts = 0;
    chain->has_state = chain->has_state || size > 0;
    if (size == 0 || chain->parts_contradict) {
        expect(chain, MIGP_CHAIN_HEAD, size);
    } else if (size < MIGP_DEVICE_PART_HEAD) {
        chain->parts_contradict = true;
        expect(chain, MIGP_CHAIN_HEAD, size);
    } else {
        expect(chain, MIGP_CHAIN_PART_HEAD, 0);
    }
}

/* Any other tag; which of the two drivers knows it is seen later. */
static void take_strange_head(struct migp_chain *chain)
{
    const struct migp_driver_record *record = &chain->hand.record;
    size_t which = record->tag == MIGP_MLX5_STOP_COPY_SIZE
                       ? MIGP_CHAIN_TAG_1
                       : MIGP_CHAIN_TAG_OTHER;

    chain->hand_count = &chain->strange[which];
    if (!is_optional(record)) {
        if (!chain->has_refused[which]) {
            chain->refused[which] = chain->hand;
        }
        chain->has_refused[which] = true;
    } else if (chain->n_skipped[which] < MIGP_CHAIN_SKIPPED) {
        chain->skipped[which][chain->n_skipped[which]++] = chain->hand;
    }
    if (which == MIGP_CHAIN_TAG_1 && record->size == STOP_COPY_SIZE_SIZE) {
        chain->announces_stop_copy = /* [DR-3] */
            chain->announces_stop_copy ||
            record->flags == MIGP_DRIVER_RECORD_OPTIONAL;
        expect(chain, MIGP_CHAIN_STOP_COPY_SIZE, 0);
        return;
    }
    if (which == MIGP_CHAIN_TAG_1 && !chain->has_odd_size) {
        chain->odd_size = chain->hand;
        chain->has_odd_size = true;
    }
    expect(chain, MIGP_CHAIN_HEAD, record->size);
}

static void take_head(struct migp_chain *chain)
{
    struct migp_driver_record *record = &chain->hand.record;
    bool plausible;

    (void)migp_driver_record_parse(chain->thing, sizeof(chain->thing), record);
    plausible = migp_driver_record_plausible(record);
    if (!chain->begun && (!plausible || is_nothing(record))) {
        chain->ended = true;
        return;
    }
    chain->begun = true;
    chain->doubtful = chain->doubtful || !plausible;
    chain->hand.number = chain->n_records++;
    if ((record->flags & ~MIGP_DRIVER_RECORD_OPTIONAL) != 0 &&
        !chain->has_odd_flags) {
        chain->odd_flags = chain->hand;
        chain->has_odd_flags = true;
    }
    if (record->size > MIGP_DRIVER_RECORD_MAX) { /* [DR-6] */
        chain->too_big = true;
        chain->ended = true;
        return;
    }
    chain->left = record->size;
    if (record->tag == MIGP_MLX5_FW_DATA) {
        take_state_head(chain);
    } else {
        take_strange_head(chain);
    }
    chain->hand_count->records++;
}

/* [DR-4] Parts must fill their record to its last byte. */
static void take_part_head(struct migp_chain *chain)
{
    uint64_t length;

    if (!migp_device_part_head(chain->thing, &length) || length > chain->left ||
        (length < chain->left &&
         chain->left - length < MIGP_DEVICE_PART_HEAD)) {
        chain->parts_contradict = true;
        expect(chain, MIGP_CHAIN_HEAD, chain->left);
        return;
    }
    chain->n_parts++;
    if (length < chain->left) {
        expect(chain, MIGP_CHAIN_PART_HEAD, length);
        return;
    }
    chain->parts_seen = true;
    expect(chain, MIGP_CHAIN_HEAD, length);
}

static void take_stop_copy_size(struct migp_chain *chain)
{
    chain->has_stop_copy_size = true;
    chain->stop_copy_size = migp_load_le64(chain->thing);
    expect(chain, MIGP_CHAIN_HEAD, 0);
}

static size_t thing_size(const struct migp_chain *chain)
{
    switch (chain->next) {
    case MIGP_CHAIN_PART_HEAD:
        return MIGP_DEVICE_PART_HEAD;
    case MIGP_CHAIN_STOP_COPY_SIZE:
        return STOP_COPY_SIZE_SIZE;
    default:
        return MIGP_DRIVER_RECORD_HEAD;
    }
}

static void count_payload(struct migp_chain *chain, uint64_t size)
{
    chain->left -= size;
    chain->hand_count->bytes += size;
}

/* Bytes of the thing in hand; returns how many were taken. */
static size_t collect(struct migp_chain *chain, const uint8_t *bytes,
                      size_t size, uint64_t offset)
{
    size_t wanted = thing_size(chain) - chain->n_thing;
    size_t taken = wanted < size ? wanted : size;

    if (chain->next != MIGP_CHAIN_HEAD) {
        count_payload(chain, taken);
    } else if (chain->n_thing == 0) {
        chain->hand.offset = offset;
        chain->hand.input = chain->input;
    }
    memcpy(chain->thing + chain->n_thing, bytes, taken);
    chain->n_thing += taken;
    if (taken < wanted) {
        return taken;
    }
    switch (chain->next) {
    case MIGP_CHAIN_PART_HEAD:
        take_part_head(chain);
        break;
    case MIGP_CHAIN_STOP_COPY_SIZE:
        take_stop_copy_size(chain);
        break;
    default:
        chain->n_thing = 0;
        take_head(chain);
        break;
    }
    return taken;
}

uint64_t migp_chain_uninteresting(const struct migp_chain *chain)
{
    return chain->ended ? UINT64_MAX : chain->gap;
}

void migp_chain_skip(struct migp_chain *chain, uint64_t size)
{
    if (!chain->ended && size > 0) {
        chain->gap -= size;
        count_payload(chain, size);
    }
}

void migp_chain_feed(struct migp_chain *chain, const uint8_t *bytes,
                     size_t size, uint64_t offset)
{
    size_t at = 0;

    while (at < size && !chain->ended) {
        size_t now = size - at;

        if (chain->gap > 0) {
            now = chain->gap < now ? (size_t)chain->gap : now;
            migp_chain_skip(chain, now);
        } else {
            now = collect(chain, bytes + at, now, offset + at);
        }
        at += now;
    }
}

bool migp_chain_is_cut(const struct migp_chain *chain)
{
    return !chain->ended && (chain->left > 0 || chain->n_thing > 0);
}
