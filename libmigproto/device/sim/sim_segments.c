/* SPDX-License-Identifier: MIT */
#include "device/sim/simulated.h"

#include <errno.h>
#include <string.h>

/*
 * The stream of a device that keeps all rules: payloads one after the other,
 * an INITIAL one in PRE_COPY, DIRTY ones as the device runs on, and a FINAL
 * one. INITIAL and FINAL together are the size of the state.
 */

void migp_sim_begin_payload(struct migp_sim *sim, uint32_t kind,
                            uint64_t length, const void *lead, size_t lead_size)
{
    const struct sim_payload_head head = {
        .kind = kind,
        .vendor = sim->quirk->vendor,
        .product = sim->quirk->product,
        .seed = sim->content.seed,
        .length = length,
        .size = sim->settings.size,
        .number = sim->save.sequence++,
    };

    if (sim->out_pattern.seed != sim->content.seed) {
        migp_sim_pattern_make(&sim->out_pattern, sim->content.seed);
    }
    migp_sim_payload_begin(&sim->save.payload, &head, &sim->content, lead,
                           lead_size);
}

/* What has been dirtied, in whole pages. */
uint64_t migp_sim_dirty_pages(const struct migp_sim *sim)
{
    return sim->save.dirty / SIM_PAGE * SIM_PAGE;
}

static void begin_final(struct migp_sim *sim)
{
    sim->save.final_begun = true;
    migp_sim_begin_payload(sim, SIM_PAYLOAD_FINAL,
                           sim->settings.size - sim->save.given_of_size, NULL,
                           0);
}

static void segments_begin(struct migp_sim *sim)
{
    uint64_t initial = sim->settings.initial;

    if (sim->state == MIGP_STATE_STOP_COPY) {
        begin_final(sim);
        return;
    }
    if (initial < SIM_HEADER_SIZE) {
        initial = SIM_HEADER_SIZE;
    }
    sim->save.given_of_size = initial;
    migp_sim_begin_payload(sim, SIM_PAYLOAD_INITIAL, initial, NULL, 0);
}

static bool begin_next(struct migp_sim *sim)
{
    uint64_t dirty = migp_sim_dirty_pages(sim);

    if (sim->save.final_begun) {
        return false;
    }
    if (dirty > 0) {
        sim->save.dirty -= dirty;
        migp_sim_begin_payload(sim, SIM_PAYLOAD_DIRTY, dirty, NULL, 0);
        return true;
    }
    if (sim->state == MIGP_STATE_STOP_COPY) {
        begin_final(sim);
        return true;
    }
    return false;
}

static size_t segments_read(struct migp_sim *sim, uint8_t *bytes, size_t size)
{
    size_t given = 0;

    while (given < size) {
        if (migp_sim_payload_left(&sim->save.payload) == 0 &&
            !begin_next(sim)) {
            break;
        }
        given += migp_sim_payload_give(&sim->save.payload, &sim->out_pattern,
                                       bytes + given, size - given);
    }
    return given;
}

static void segments_amounts(struct migp_sim *sim, uint64_t *initial,
                             uint64_t *dirty)
{
    uint64_t left = migp_sim_payload_left(&sim->save.payload);

    *initial = 0;
    *dirty = migp_sim_dirty_pages(sim);
    if (sim->save.payload.kind == SIM_PAYLOAD_INITIAL) {
        *initial = left;
    } else if (sim->save.payload.kind == SIM_PAYLOAD_DIRTY) {
        *dirty += left;
    }
}

/* Is the arriving payload one of this kind of device, and the next? */
bool migp_sim_payload_fits(const struct migp_sim *sim)
{
    const struct sim_payload_head *head = &sim->load.payload.head;

    return head->vendor == sim->quirk->vendor &&
           head->product == sim->quirk->product &&
           head->size == sim->settings.size &&
           head->number == sim->load.sequence;
}

static bool length_fits(const struct migp_sim *sim)
{
    const struct sim_payload_head *head = &sim->load.payload.head;
    uint64_t size = sim->settings.size;

    switch (head->kind) {
    case SIM_PAYLOAD_INITIAL:
        return sim->load.sequence == 0 &&
               head->length <= size - SIM_FINAL_MIN &&
               !sim_broken(sim, SIM_BREAK_PRECOPY_LOAD);
    case SIM_PAYLOAD_DIRTY:
        return sim->load.sequence > 0 && head->length <= size;
    default:
        return head->length == size - sim->load.got_of_size;
    }
}

static void payload_done(struct migp_sim *sim)
{
    struct sim_load *load = &sim->load;

    load->sequence++;
    load->damaged = load->damaged || load->payload.damaged;
    if (load->payload.head.kind == SIM_PAYLOAD_INITIAL) {
        load->got_of_size = load->payload.head.length;
    } else if (load->payload.head.kind == SIM_PAYLOAD_FINAL) {
        load->complete = true;
        load->pending.seed = load->payload.head.seed;
        memcpy(load->pending.bar, load->payload.bar, SIM_BAR_SIZE);
    }
    load->checked = false;
    memset(&load->payload, 0, sizeof(load->payload));
}

static migp_ssize segments_write(struct migp_sim *sim, const uint8_t *bytes,
                                 size_t size)
{
    struct sim_load *load = &sim->load;
    size_t at = 0;

    while (at < size) {
        int64_t taken = -1;

        if (!load->complete) {
            taken = migp_sim_payload_take(&load->payload, &sim->in_pattern,
                                          bytes + at, size - at);
        }
        if (taken >= 0 && load->payload.at >= SIM_HEADER_SIZE &&
            !load->checked) {
            load->checked = migp_sim_payload_fits(sim) && length_fits(sim);
            taken = load->checked ? taken : -1;
        }
        if (taken < 0) {
            sim->session.poisoned = true;
            return -EINVAL;
        }
        at += (size_t)taken;
        if (migp_sim_payload_whole(&load->payload)) {
            payload_done(sim);
        }
    }
    return (migp_ssize)size;
}

static int segments_load(struct migp_sim *sim)
{
    struct sim_load *load = &sim->load;

    if (sim->session.poisoned) {
        return sim_broken(sim, SIM_BREAK_AFTER_REFUSAL) ? 0 : -EINVAL;
    }
    if (!load->complete || load->damaged) {
        return sim_broken(sim, SIM_BREAK_TRUNCATED) ? 0 : -EINVAL;
    }
    sim->content = load->pending;
    if (sim_broken(sim, SIM_BREAK_ALTERS)) {
        sim->content.bar[0] ^= 1;
    }
    return 0;
}

const struct sim_family migp_sim_family_segments = {
    .begin = segments_begin,
    .read = segments_read,
    .amounts = segments_amounts,
    .write = segments_write,
    .load = segments_load,
};
