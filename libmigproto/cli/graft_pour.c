/* SPDX-License-Identifier: MIT */
#include "graft_pour.h"

#include <migproto/multifd.h>

/* QEMU's own records are not larger: hw/vfio/migration.c, the data buffer. */
#define USUAL_BLOCK ((uint64_t)1 << 20)

/* Fields of a device-state packet, counted from its magic; the size counts
 * the last three and the data (docs/protocol.md). */
#define PACKET_SIZE 272
#define PACKET_VERSION 276
#define PACKET_INDEX 280
#define PACKET_FLAGS 284
#define PACKET_INNER (MIGP_MULTIFD_HEAD_SIZE - PACKET_VERSION)

/* A new state on its way into the slots. */
struct pouring {
    struct migp_graft_plan *plan;
    const struct migp_graft_site *site;
    uint64_t done;   /* bytes that have a place */
    uint64_t left;   /* bytes that have none yet */
    uint64_t block;  /* most bytes in a new record */
    uint32_t n_kept; /* packets so far: the next one's index */
};

static uint64_t head_size(const struct migp_graft_slot *slot)
{
    return slot->is_packet ? MIGP_MULTIFD_HEAD_SIZE : MIGP_GRAFT_RECORD_HEAD;
}

static uint64_t end_of(const struct migp_graft_slot *slot)
{
    return slot->offset + head_size(slot) + slot->size;
}

static void remove_slot(struct pouring *pouring,
                        const struct migp_graft_slot *slot)
{
    migp_graft_plan_write(pouring->plan, slot->input, slot->offset,
                          head_size(slot) + slot->size, NULL, 0);
}

/* The next bytes of the state, at a place where some may go. */
static void put_state(struct pouring *pouring, size_t input, uint64_t offset,
                      uint64_t removed, uint64_t size)
{
    const struct migp_graft_edit edit = {.input = input,
                                         .offset = offset,
                                         .removed = removed,
                                         .source = MIGP_GRAFT_STATE,
                                         .from = pouring->done,
                                         .size = size};

    if (size > 0 || removed > 0) {
        migp_graft_plan_replace(pouring->plan, &edit);
    }
    pouring->done += size;
    pouring->left -= size;
}

static void write_record_head(struct pouring *pouring, size_t input,
                              uint64_t offset, uint64_t removed, uint64_t size)
{
    uint8_t head[MIGP_GRAFT_RECORD_HEAD];
    size_t i;

    for (i = 0; i < 8; i++) {
        head[i] = (uint8_t)(MIGP_TAG_DATA >> (56 - 8 * i));
        head[8 + i] = (uint8_t)(size >> (56 - 8 * i));
    }
    migp_graft_plan_write(pouring->plan, input, offset, removed, head,
                          sizeof(head));
}

/* Give a slot size bytes instead of those it has. */
static void fill_slot(struct pouring *pouring,
                      const struct migp_graft_slot *slot, uint64_t size,
                      uint32_t index)
{
    if (slot->is_packet) {
        if (size != slot->size) {
            migp_graft_plan_write_be32(pouring->plan, slot->input,
                                       slot->offset + PACKET_SIZE,
                                       (uint32_t)(PACKET_INNER + size));
        }
        if (pouring->n_kept != index) {
            migp_graft_plan_write_be32(pouring->plan, slot->input,
                                       slot->offset + PACKET_INDEX,
                                       pouring->n_kept);
        }
        pouring->n_kept++;
    } else if (size != slot->size) {
        write_record_head(pouring, slot->input, slot->offset,
                          MIGP_GRAFT_RECORD_HEAD, size);
    }
    put_state(pouring, slot->input, slot->offset + head_size(slot), slot->size,
              size);
}

static void copy_input(struct pouring *pouring, size_t input, uint64_t offset,
                       uint64_t from, uint64_t size)
{
    const struct migp_graft_edit edit = {.input = input,
                                         .offset = offset,
                                         .source = MIGP_GRAFT_INPUT,
                                         .from = from,
                                         .size = size};

    migp_graft_plan_replace(pouring->plan, &edit);
}

/* A new packet, like one that is there but for size, index and flags. */
static void add_packet(struct pouring *pouring, size_t input, uint64_t offset,
                       uint64_t model, uint64_t size)
{
    const uint64_t inner = PACKET_INNER + size;
    const uint32_t index = pouring->n_kept++;
    const uint8_t bytes[16] = {(uint8_t)(inner >> 24),
                               (uint8_t)(inner >> 16),
                               (uint8_t)(inner >> 8),
                               (uint8_t)inner,
                               0,
                               0,
                               0,
                               0,
                               (uint8_t)(index >> 24),
                               (uint8_t)(index >> 16),
                               (uint8_t)(index >> 8),
                               (uint8_t)index};

    copy_input(pouring, input, offset, model, PACKET_SIZE);
    migp_graft_plan_write(pouring->plan, input, offset, 0, bytes,
                          sizeof(bytes));
    put_state(pouring, input, offset, 0, size);
}

/* New records for what is left, put in at an offset. model: a packet to be
 * like. */
static void add_records(struct pouring *pouring, size_t input, uint64_t offset,
                        bool are_packets, uint64_t model)
{
    while (pouring->left > 0) {
        uint64_t size =
            pouring->left < pouring->block ? pouring->left : pouring->block;

        if (are_packets) {
            add_packet(pouring, input, offset, model, size);
        } else {
            write_record_head(pouring, input, offset, 0, size);
            put_state(pouring, input, offset, 0, size);
        }
    }
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The index of the slot that takes what the others do not; n_slots if there
 * is none. */
static size_t find_last(const struct migp_graft_site *site)
{
    size_t i = site->n_slots;

    return i > 0 && site->slots[i - 1].is_stop_copy ? i - 1 : site->n_slots;
}

/* Records and packets are of different making; pre-copy is another thing too. */
static uint64_t choose_block(const struct migp_graft_site *site)
{
    uint64_t block = USUAL_BLOCK;
    size_t i;

    for (i = 0; i < site->n_slots; i++) {
        if (site->slots[i].is_stop_copy && site->slots[i].size > block) {
            block = site->slots[i].size;
        }
    }
    return block;
}

void migp_graft_pour(struct migp_graft_plan *plan,
                     const struct migp_graft_site *site, uint64_t size)
{
    struct pouring pouring = {
        .plan = plan, .site = site, .left = size, .block = choose_block(site)};
    size_t last = find_last(site);
    uint32_t n_packets = 0;
    size_t i;

    for (i = 0; i < site->n_slots; i++) {
        const struct migp_graft_slot *slot = &site->slots[i];
        uint64_t part =
            smaller(pouring.left, i == last ? pouring.block : slot->size);
        uint32_t index = n_packets;

        n_packets += slot->is_packet;
        /* One that was empty before is somebody's, and stays. */
        if (part == 0 && slot->size > 0) {
            remove_slot(&pouring, slot);
        } else {
            fill_slot(&pouring, slot, part, index);
        }
    }
    if (last < site->n_slots) {
        const struct migp_graft_slot *slot = &site->slots[last];

        add_records(&pouring, slot->input, end_of(slot), slot->is_packet,
                    slot->offset);
    } else {
        add_records(&pouring, site->end_input, site->end_offset,
                    site->shown.on_multifd != 0, site->end_offset);
    }
    if (site->shown.on_multifd && pouring.n_kept != n_packets) {
        migp_graft_plan_write_be32(plan, site->end_input,
                                   site->end_offset + PACKET_INDEX,
                                   pouring.n_kept);
    }
}

void migp_graft_pour_config(struct migp_graft_plan *plan,
                            const struct migp_graft_site *site, uint64_t size)
{
    const struct migp_graft_edit edit = {.input = site->config_input,
                                         .offset = site->config_offset,
                                         .removed = site->config_size,
                                         .source = MIGP_GRAFT_CONFIG,
                                         .size = size};

    migp_graft_plan_replace(plan, &edit);
    if (site->shown.on_multifd && size != site->config_size) {
        /* Tag, bytes and END are what the packet holds. */
        migp_graft_plan_write_be32(plan, site->end_input,
                                   site->end_offset + PACKET_SIZE,
                                   (uint32_t)(PACKET_INNER + 8 + size + 8));
    }
}
