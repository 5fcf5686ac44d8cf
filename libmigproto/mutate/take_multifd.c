/* SPDX-License-Identifier: MIT */
#include "core/bytes.h"
#include "mutate/take_apart.h"
#include "qemu/multifd.h"

/* A multifd channel: its start, RAM packets, device-state packets. */

#define BATCH 16

static void add_common(struct migp_mutate_table *table, uint32_t unit,
                       size_t at)
{
    (void)migp_mutate_add_field(table, unit, MIGP_ROLE_MAGIC, "magic", at, 4);
    (void)migp_mutate_add_field(table, unit, MIGP_ROLE_NUMBER, "version",
                                at + 4, 4);
}

static void add_start(struct migp_mutate_table *table, size_t at)
{
    uint32_t unit = migp_mutate_add_unit(
        table, "channel start", MIGP_MUTATE_NONE, at, MIGP_MULTIFD_INIT_SIZE);

    add_common(table, unit, at);
    (void)migp_mutate_add_field(table, unit, MIGP_ROLE_ID, "uuid",
                                at + MIGP_MULTIFD_INIT_UUID, 16);
    (void)migp_mutate_add_field(table, unit, MIGP_ROLE_ID, "channel id",
                                at + MIGP_MULTIFD_INIT_ID, 1);
}

/* size: what the packet says it has; at most left are there. */
static void add_ram(struct migp_mutate_table *table,
                    const struct migp_mutate_input *input, size_t at,
                    uint64_t size)
{
    size_t left = input->size - at;
    size_t there = size < left ? (size_t)size : left;
    uint32_t unit =
        migp_mutate_add_unit(table, "RAM packet", MIGP_MUTATE_NONE, at, there);
    size_t head = (size_t)(size - migp_load_be32(input->bytes + at +
                                                 MIGP_MULTIFD_RAM_NEXT));
    uint32_t next;

    head = head < there ? head : there;
    add_common(table, unit, at);
    (void)migp_mutate_add_field(table, unit, MIGP_ROLE_FLAGS, "flags",
                                at + MIGP_MULTIFD_FLAGS, 4);
    (void)migp_mutate_add_field(table, unit, MIGP_ROLE_SIZE, "pages",
                                at + MIGP_MULTIFD_RAM_PAGES, 4);
    next = migp_mutate_add_field(table, unit, MIGP_ROLE_SIZE, "next size",
                                 at + MIGP_MULTIFD_RAM_NEXT, 4);
    if (head > MIGP_MULTIFD_RAM_LOOK) {
        (void)migp_mutate_add_field(table, unit, MIGP_ROLE_NUMBER, "head",
                                    at + MIGP_MULTIFD_RAM_LOOK,
                                    head - MIGP_MULTIFD_RAM_LOOK);
    }
    migp_mutate_add_bytes(table, unit, MIGP_ROLE_PAYLOAD, "pages", at + head,
                          there - head, next);
}

/* What a device-state packet holds: config records, or the driver's bytes. */
static void add_data(struct migp_mutate_table *table,
                     const struct migp_mutate_input *input, uint32_t unit,
                     uint32_t next, size_t from, size_t to, uint32_t flags)
{
    uint32_t before = table->n_units;

    if (unit != MIGP_MUTATE_NONE) {
        table->units[unit].close = true;
    }
    if ((flags & MIGP_MULTIFD_CONFIG) != 0) {
        (void)migp_mutate_take_bare(table, input, from, to, unit);
    } else {
        (void)migp_mutate_add_chain(table, input, unit, from, to);
    }
    if (table->n_units == before) {
        migp_mutate_add_bytes(table, unit, MIGP_ROLE_PAYLOAD, "data", from,
                              to - from, next);
    } else if (unit != MIGP_MUTATE_NONE) {
        table->units[unit].sizer = next;
    }
}

static void add_device(struct migp_mutate_table *table,
                       const struct migp_mutate_input *input, size_t at,
                       const struct migp_multifd_packet *packet)
{
    size_t from = at + MIGP_MULTIFD_HEAD_SIZE;
    size_t left = input->size - from;
    size_t to = from + (packet->size < left ? packet->size : left);
    size_t inner = at + MIGP_MULTIFD_INNER;
    uint32_t unit = migp_mutate_add_unit(table, "device packet",
                                         MIGP_MUTATE_NONE, at, to - at);
    uint32_t next;

    add_common(table, unit, at);
    (void)migp_mutate_add_field(table, unit, MIGP_ROLE_FLAGS, "flags",
                                at + MIGP_MULTIFD_FLAGS, 4);
    (void)migp_mutate_add_field(table, unit, MIGP_ROLE_ID, "idstr",
                                at + MIGP_MULTIFD_IDSTR,
                                MIGP_MULTIFD_IDSTR_SIZE);
    (void)migp_mutate_add_field(table, unit, MIGP_ROLE_ID, "instance",
                                at + MIGP_MULTIFD_INSTANCE, 4);
    next = migp_mutate_add_field(table, unit, MIGP_ROLE_SIZE, "next size",
                                 at + MIGP_MULTIFD_NEXT, 4);
    (void)migp_mutate_add_field(table, unit, MIGP_ROLE_NUMBER, "packet version",
                                inner, 4);
    (void)migp_mutate_add_field(table, unit, MIGP_ROLE_INDEX, "index",
                                inner + 4, 4);
    (void)migp_mutate_add_field(table, unit, MIGP_ROLE_FLAGS, "packet flags",
                                inner + 8, 4);
    add_data(table, input, unit, next, from, to, packet->flags);
}

static void add_event(struct migp_mutate_table *table,
                      const struct migp_mutate_input *input,
                      const struct migp_multifd_event *event)
{
    switch (event->kind) {
    case MIGP_MULTIFD_EVENT_INIT:
        add_start(table, (size_t)event->offset);
        break;
    case MIGP_MULTIFD_EVENT_RAM:
        add_ram(table, input, (size_t)event->offset, event->size);
        break;
    case MIGP_MULTIFD_EVENT_DEVICE:
        add_device(table, input, (size_t)event->offset, event->packet);
        break;
    default:
        break;
    }
}

int64_t migp_mutate_take_multifd(struct migp_mutate_table *table,
                                 const struct migp_mutate_input *input)
{
    struct migp_multifd_event events[BATCH];
    struct migp_multifd_options options;
    struct migp_multifd_reader *reader;
    migp_ssize used;
    size_t at = 0, n, i;
    int code;

    migp_multifd_options_init(&options);
    options.page_size = input->page_size;
    code = migp_multifd_reader_new(&reader, &options, NULL);
    if (code < 0) {
        return code;
    }
    do {
        used = migp_multifd_reader_feed(reader, input->bytes + at,
                                        input->size - at, events, BATCH, &n);
        for (i = 0; i < n; i++) {
            add_event(table, input, &events[i]);
        }
        at += used > 0 ? (size_t)used : 0;
    } while (used > 0 || (used == 0 && n > 0));
    at = (size_t)migp_multifd_reader_offset(reader);
    table->whole =
        migp_multifd_reader_finish(reader, input->size - at, NULL) == MIGP_OK;
    migp_multifd_reader_free(reader);
    return table->no_memory ? MIGP_ERR_NO_MEMORY : (int64_t)at;
}
