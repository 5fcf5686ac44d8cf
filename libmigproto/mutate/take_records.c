/* SPDX-License-Identifier: MIT */
#include "core/bytes.h"
#include "mutate/take_apart.h"
#include "stream/decoder.h"

#include <migproto/record.h>

/* Device-state records, alone or inside something, and the driver's own. */

#define BATCH 64
#define TAG_SIZE 8U
#define DATA_HEAD 16U

bool migp_mutate_is_framing(uint32_t finding)
{
    switch (finding) {
    case MIGP_FINDING_UNKNOWN_TAG:
    case MIGP_FINDING_TAG_SHIFTED:
    case MIGP_FINDING_DATA_TOO_BIG:
    case MIGP_FINDING_CONFIG_TOO_BIG:
    case MIGP_FINDING_CONFIG_HINT:
    case MIGP_FINDING_TRUNCATED:
    case MIGP_FINDING_FOOTER_MISSING:
    case MIGP_FINDING_FOOTER_MISMATCH:
    case MIGP_FINDING_PACKAGE_EOF:
    case MIGP_FINDING_PACKAGE_OVERRUN:
    case MIGP_FINDING_BYTES_AFTER_END:
        return true;
    default:
        return false;
    }
}

static const char *record_name(uint32_t kind)
{
    switch (kind) {
    case MIGP_EVENT_END:
        return "record END";
    case MIGP_EVENT_CONFIG:
        return "record CONFIG";
    case MIGP_EVENT_SETUP:
        return "record SETUP";
    case MIGP_EVENT_DATA_BEGIN:
        return "record DATA";
    case MIGP_EVENT_INIT_DATA_SENT:
        return "record INIT_DATA_SENT";
    default:
        return "record CONFIG_LOAD_READY";
    }
}

static void add_data(struct migp_mutate_table *table,
                     const struct migp_mutate_input *input, uint32_t unit,
                     size_t offset, size_t end)
{
    size_t from = offset + DATA_HEAD;
    uint32_t size = migp_mutate_add_field(table, unit, MIGP_ROLE_SIZE, "size",
                                          offset + TAG_SIZE, TAG_SIZE);

    if (!migp_mutate_add_chain(table, input, unit, from, end)) {
        migp_mutate_add_bytes(table, unit, MIGP_ROLE_PAYLOAD, "payload", from,
                              end - from, size);
    } else if (unit != MIGP_MUTATE_NONE) {
        table->units[unit].sizer = size;
    }
}

size_t migp_mutate_add_record(struct migp_mutate_table *table,
                              const struct migp_mutate_input *input,
                              uint32_t parent, const struct migp_event *event)
{
    size_t offset = (size_t)event->offset;
    size_t head = event->kind == MIGP_EVENT_DATA_BEGIN ? DATA_HEAD : TAG_SIZE;
    size_t left = input->size - offset - head;
    size_t end =
        offset + head + (event->size < left ? (size_t)event->size : left);
    uint32_t unit = migp_mutate_add_unit(table, record_name(event->kind),
                                         parent, offset, end - offset);

    (void)migp_mutate_add_field(table, unit, MIGP_ROLE_TAG, "tag", offset,
                                TAG_SIZE);
    if (event->kind == MIGP_EVENT_DATA_BEGIN) {
        add_data(table, input, unit, offset, end);
    } else {
        migp_mutate_add_bytes(table, unit, MIGP_ROLE_PAYLOAD, "config",
                              offset + head, end - offset - head,
                              MIGP_MUTATE_NONE);
    }
    return end;
}

/* Records from an offset on; whole if they end where the input does. */
int64_t migp_mutate_take_bare(struct migp_mutate_table *table,
                              const struct migp_mutate_input *input,
                              size_t from, size_t to, uint32_t parent)
{
    struct migp_mutate_input own = {input->bytes, to, input->page_size};
    struct migp_decoder_options options;
    struct migp_event events[BATCH];
    struct migp_decoder decoder;
    migp_ssize used = 0;
    size_t end = from, at, n, i;
    bool fits = true;

    migp_decoder_options_init(&options);
    options.flags = MIGP_DECODER_TOLERANT;
    options.base_offset = from;
    migp_decoder_setup(&decoder, &options);
    for (at = from, n = BATCH; n == BATCH && used >= 0; at += (size_t)used) {
        used = migp_decoder_feed(&decoder, input->bytes + at, to - at,
                                 MIGP_FEED_LAST, events, BATCH, &n);
        for (i = 0; i < n; i++) {
            if (events[i].kind == MIGP_EVENT_FINDING) {
                fits = fits && !migp_mutate_is_framing(events[i].finding);
            } else if (events[i].kind != MIGP_EVENT_DATA) {
                end = migp_mutate_add_record(table, &own, parent, &events[i]);
            }
        }
        if (used < 0) {
            break;
        }
    }
    if (parent == MIGP_MUTATE_NONE) {
        table->whole = fits && used >= 0 && end == to &&
                       migp_decoder_data_left(&decoder) == 0;
    }
    return table->no_memory ? MIGP_ERR_NO_MEMORY : (int64_t)end;
}

/* One record of a driver's chain; gives its size, or 0 if it does not fit. */
static size_t chain_step(const uint8_t *bytes, size_t size)
{
    struct migp_driver_record record;

    if (migp_driver_record_parse(bytes, size, &record) != MIGP_OK ||
        record.flags > MIGP_DRIVER_RECORD_OPTIONAL || record.tag > UINT16_MAX ||
        record.size > size - MIGP_DRIVER_RECORD_HEAD) {
        return 0;
    }
    return MIGP_DRIVER_RECORD_HEAD + (size_t)record.size;
}

/* Where a chain ends that starts here; from if none does. */
static size_t chain_end(const struct migp_mutate_input *input, size_t from,
                        size_t to)
{
    size_t at = from, step = chain_step(input->bytes + at, to - at);

    if (step <= MIGP_DRIVER_RECORD_HEAD) { /* zeros would be a chain, too */
        return from;
    }
    while (step > 0) {
        at += step;
        step = chain_step(input->bytes + at, to - at);
    }
    return at;
}

/* The heads have: be it size, flags and tag, all of them little-endian. */
static void add_links(struct migp_mutate_table *table,
                      const struct migp_mutate_input *input, uint32_t parent,
                      size_t from, size_t to)
{
    while (from < to && !table->full && !table->no_memory) {
        size_t step = chain_step(input->bytes + from, to - from);
        uint32_t unit =
            migp_mutate_add_unit(table, "driver record", parent, from, step);
        uint32_t first = table->n_fields, size;

        size =
            migp_mutate_add_field(table, unit, MIGP_ROLE_SIZE, "size", from, 8);
        (void)migp_mutate_add_field(table, unit, MIGP_ROLE_FLAGS, "flags",
                                    from + 8, 4);
        (void)migp_mutate_add_field(table, unit, MIGP_ROLE_INDEX, "tag",
                                    from + 12, 4);
        for (; first < table->n_fields; first++) {
            table->fields[first].little_endian = true;
        }
        from += MIGP_DRIVER_RECORD_HEAD;
        step -= MIGP_DRIVER_RECORD_HEAD;
        migp_mutate_add_bytes(table, unit, MIGP_ROLE_PAYLOAD, "payload", from,
                              step, size);
        from += step;
    }
}

bool migp_mutate_add_chain(struct migp_mutate_table *table,
                           const struct migp_mutate_input *input,
                           uint32_t parent, size_t from, size_t to)
{
    if (from == to || chain_end(input, from, to) != to) {
        return false;
    }
    add_links(table, input, parent, from, to);
    return true;
}

int64_t migp_mutate_take_driver(struct migp_mutate_table *table,
                                const struct migp_mutate_input *input)
{
    size_t end = chain_end(input, 0, input->size);

    add_links(table, input, MIGP_MUTATE_NONE, 0, end);
    table->whole = end == input->size;
    return table->no_memory ? MIGP_ERR_NO_MEMORY : (int64_t)end;
}
