/* SPDX-License-Identifier: MIT */
#include "core/bytes.h"
#include "device/sim/simulated.h"

#include <errno.h>
#include <string.h>

/*
 * The streams of mlx5 and virtio: records, each a header of 16 bytes (u64
 * size, u32 flags, u32 tag, little-endian) and its data. Data of tag 0 is a
 * payload here. mlx5: what was said and done so far, as increments; virtio:
 * each record is the whole state. Source: docs/protocol.md.
 */

#define RECORD_HEADER 16
#define RECORD_MAX UINT64_C(0xffffffff)
#define FLAG_OPTIONAL UINT32_C(1)
#define TAG_DATA 0
#define TAG_STOP_COPY_SIZE 1

/* How long virtio does not ask its device again. */
#define QUERY_NS UINT64_C(1000000000)

static void store_le32(uint8_t *bytes, uint32_t value)
{
    unsigned i;

    for (i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(value >> 8 * i);
    }
}

static size_t store_record(uint8_t *bytes, uint64_t size, uint32_t flags,
                           uint32_t tag)
{
    store_le32(bytes, (uint32_t)size);
    store_le32(bytes + 4, (uint32_t)(size >> 32));
    store_le32(bytes + 8, flags);
    store_le32(bytes + 12, tag);
    return RECORD_HEADER;
}

/* One record of tag 0, total bytes with its header and what leads it. */
static void begin_record(struct migp_sim *sim, uint32_t kind, uint64_t total,
                         bool lead_with_size)
{
    uint8_t lead[2 * RECORD_HEADER + 8];
    size_t n = 0;

    if (lead_with_size) {
        uint64_t size = sim->settings.size - RECORD_HEADER;

        n = store_record(lead, 8, FLAG_OPTIONAL, TAG_STOP_COPY_SIZE);
        store_le32(lead + n, (uint32_t)size);
        store_le32(lead + n + 4, (uint32_t)(size >> 32));
        n += 8;
    }
    n += store_record(lead + n, total - n - RECORD_HEADER, 0, TAG_DATA);
    migp_sim_begin_payload(sim, kind, total - n, lead, n);
}

static bool whole_records(const struct migp_sim *sim)
{
    return (sim->quirk->bits & SIM_QUIRK_WHOLE_RECORDS) != 0;
}

static void begin_final(struct migp_sim *sim)
{
    sim->save.final_begun = true;
    begin_record(sim, SIM_PAYLOAD_FINAL,
                 sim->settings.size - sim->save.given_of_size, false);
}

static void chain_begin(struct migp_sim *sim)
{
    const uint64_t least = 2 * RECORD_HEADER + 8 + SIM_HEADER_SIZE;
    uint64_t initial = sim->settings.initial;

    sim->save.queried = migp_sim_now(sim);
    if (sim->state == MIGP_STATE_STOP_COPY) {
        begin_final(sim);
    } else if (whole_records(sim)) {
        begin_record(sim, SIM_PAYLOAD_FINAL, sim->settings.size, false);
    } else {
        initial = initial > least ? initial : least;
        sim->save.given_of_size = initial;
        begin_record(sim, SIM_PAYLOAD_INITIAL, initial,
                     (sim->quirk->bits & SIM_QUIRK_SIZE_RECORD) != 0);
    }
}

static size_t chain_read(struct migp_sim *sim, uint8_t *bytes, size_t size)
{
    size_t given = 0;

    while (given < size) {
        if (migp_sim_payload_left(&sim->save.payload) == 0) {
            if (sim->state != MIGP_STATE_STOP_COPY || sim->save.final_begun) {
                break;
            }
            begin_final(sim);
        }
        given += migp_sim_payload_give(&sim->save.payload, &sim->out_pattern,
                                       bytes + given, size - given);
    }
    return given;
}

/* The question is what makes the driver fetch more. */
static void fetch_more(struct migp_sim *sim)
{
    struct sim_save *save = &sim->save;
    uint64_t now = migp_sim_now(sim);
    uint64_t dirty = migp_sim_dirty_pages(sim);

    if (whole_records(sim)) {
        if (now - save->queried >= QUERY_NS) {
            save->queried = now;
            begin_record(sim, SIM_PAYLOAD_FINAL, sim->settings.size, false);
        }
    } else if (dirty > 0) {
        bool again = sim->reinit_wanted && !save->reinit_done &&
                     (sim->quirk->bits & SIM_QUIRK_REINIT) != 0;

        save->dirty -= dirty;
        save->reinit = again;
        save->reinit_done = save->reinit_done || again;
        begin_record(sim, again ? SIM_PAYLOAD_INITIAL : SIM_PAYLOAD_DIRTY,
                     dirty, false);
    }
}

static void chain_amounts(struct migp_sim *sim, uint64_t *initial,
                          uint64_t *dirty)
{
    struct sim_save *save = &sim->save;
    bool first;

    if (migp_sim_payload_left(&save->payload) == 0 &&
        migp_sim_precopying(sim)) {
        fetch_more(sim);
    }
    first = save->payload.kind == SIM_PAYLOAD_INITIAL ||
            (whole_records(sim) && save->sequence == 1);
    *initial = first ? migp_sim_payload_left(&save->payload) : 0;
    *dirty = migp_sim_dirty_pages(sim);
    if (!first) {
        *dirty += migp_sim_payload_left(&save->payload);
    }
}

/* The last byte of a record is there: the device loads its data. */
static int record_done(struct migp_sim *sim)
{
    struct sim_load *load = &sim->load;

    load->record_at = 0;
    if (load->record_skipped) {
        return 0;
    }
    if (!migp_sim_payload_whole(&load->payload) || load->payload.damaged ||
        !migp_sim_payload_fits(sim)) {
        return -EINVAL;
    }
    if (load->payload.head.kind == SIM_PAYLOAD_FINAL) {
        sim->content.seed = load->payload.head.seed;
        memcpy(sim->content.bar, load->payload.bar, SIM_BAR_SIZE);
    }
    load->sequence++;
    memset(&load->payload, 0, sizeof(load->payload));
    return 0;
}

static int record_begin(struct migp_sim *sim)
{
    struct sim_load *load = &sim->load;
    uint32_t flags = migp_load_le32(load->record + 8);
    uint32_t tag = migp_load_le32(load->record + 12);
    bool size_known = tag == TAG_STOP_COPY_SIZE && !whole_records(sim);

    load->record_left = migp_load_le64(load->record);
    load->record_skipped = tag != TAG_DATA;
    if (load->record_left > RECORD_MAX) {
        return -ENOMEM;
    }
    if (tag != TAG_DATA && !size_known && (flags & FLAG_OPTIONAL) == 0) {
        return -EOPNOTSUPP;
    }
    return load->record_left == 0 ? record_done(sim) : 0;
}

/* Data of the record that is arriving; returns how much of it, or an errno. */
static migp_ssize take_data(struct migp_sim *sim, const uint8_t *bytes,
                            size_t size)
{
    struct sim_load *load = &sim->load;
    size_t n = load->record_left < size ? (size_t)load->record_left : size;
    int result;

    if (!load->record_skipped &&
        migp_sim_payload_take(&load->payload, &sim->in_pattern, bytes, n) !=
            (int64_t)n) {
        return -EINVAL;
    }
    load->record_left -= n;
    if (load->record_left == 0) {
        result = record_done(sim);
        if (result != 0) {
            return result;
        }
    }
    return (migp_ssize)n;
}

static migp_ssize chain_write(struct migp_sim *sim, const uint8_t *bytes,
                              size_t size)
{
    struct sim_load *load = &sim->load;
    size_t at = 0;

    while (at < size) {
        migp_ssize n = 0;

        if (load->record_at < RECORD_HEADER) {
            load->record[load->record_at++] = bytes[at++];
            if (load->record_at == RECORD_HEADER) {
                n = record_begin(sim);
            }
        } else {
            n = take_data(sim, bytes + at, size - at);
            at += n > 0 ? (size_t)n : 0;
        }
        if (n < 0) {
            sim->session.poisoned = true;
            return n;
        }
    }
    return (migp_ssize)size;
}

/* Nothing is checked here: a stream cut short is taken as it is. */
static int chain_load(struct migp_sim *sim)
{
    (void)sim;
    return 0;
}

const struct sim_family migp_sim_family_chain = {
    .begin = chain_begin,
    .read = chain_read,
    .amounts = chain_amounts,
    .write = chain_write,
    .load = chain_load,
};
