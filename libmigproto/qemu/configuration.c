/* SPDX-License-Identifier: MIT */
#include "qemu/reader.h"

/*
 * [QC-2] The configuration: a machine name and subsections of three kinds.
 * It is parsed whole; no real one is longer than a few hundred bytes.
 */

#define CONFIGURATION_MAX 4096
#define PAGE_BITS_MIN 10
#define PAGE_BITS_MAX 16

struct configuration {
    const uint8_t *machine;
    uint32_t machine_size;
    uint32_t page_bits; /* 0: not given */
    bool ignore_shared;
    bool mapped_ram;
};

enum outcome {
    WHOLE,
    SHORT,
    BAD
};

static bool is_text(const uint8_t *bytes, size_t size, const char *text)
{
    return size == strlen(text) && memcmp(bytes, text, size) == 0;
}

static enum outcome read_page_bits(struct migp_cursor *cursor,
                                   struct configuration *out)
{
    if (!migp_cursor_be32(cursor, &out->page_bits)) {
        return SHORT;
    }
    return out->page_bits >= PAGE_BITS_MIN && out->page_bits <= PAGE_BITS_MAX
               ? WHOLE
               : BAD;
}

static enum outcome read_capabilities(struct migp_cursor *cursor,
                                      struct configuration *out)
{
    uint32_t count, i;

    if (!migp_cursor_be32(cursor, &count)) {
        return SHORT;
    }
    for (i = 0; i < count; i++) {
        const uint8_t *name;
        uint8_t size;

        if (!migp_cursor_u8(cursor, &size) ||
            !migp_cursor_take(cursor, size, &name)) {
            return SHORT;
        }
        out->ignore_shared |= is_text(name, size, "x-ignore-shared");
        out->mapped_ram |= is_text(name, size, "mapped-ram");
    }
    return WHOLE;
}

static enum outcome read_subsection(struct migp_cursor *cursor,
                                    struct configuration *out)
{
    const uint8_t *name, *uuid;
    uint32_t version;
    uint8_t byte, size;

    if (!migp_cursor_u8(cursor, &byte) || !migp_cursor_u8(cursor, &size) ||
        !migp_cursor_take(cursor, size, &name) ||
        !migp_cursor_be32(cursor, &version)) {
        return SHORT;
    }
    if (is_text(name, size, "configuration/target-page-bits")) {
        return read_page_bits(cursor, out);
    }
    if (is_text(name, size, "configuration/capabilities")) {
        return read_capabilities(cursor, out);
    }
    if (is_text(name, size, "configuration/uuid")) {
        return migp_cursor_take(cursor, 16, &uuid) ? WHOLE : SHORT;
    }
    return BAD;
}

static enum outcome read_configuration(struct migp_cursor *cursor, bool last,
                                       struct configuration *out)
{
    uint8_t byte;

    if (!migp_cursor_u8(cursor, &byte) ||
        !migp_cursor_be32(cursor, &out->machine_size)) {
        return SHORT;
    }
    if (out->machine_size > CONFIGURATION_MAX) {
        return BAD;
    }
    if (!migp_cursor_take(cursor, out->machine_size, &out->machine)) {
        return SHORT;
    }
    for (;;) {
        enum outcome outcome;

        if (migp_cursor_left(cursor) == 0) {
            return last ? WHOLE : SHORT;
        }
        if (cursor->bytes[cursor->at] != MIGP_QEMU_SUBSECTION) {
            return WHOLE;
        }
        outcome = read_subsection(cursor, out);
        if (outcome != WHOLE) {
            return outcome;
        }
    }
}

static void apply(struct migp_qemu_reader *reader,
                  const struct configuration *configuration)
{
    reader->configuration_seen = true;
    reader->ram.ignore_shared = configuration->ignore_shared;
    reader->ram.mapped = configuration->mapped_ram;
    if (configuration->page_bits != 0 && reader->options.page_size == 0) {
        reader->page_size = (uint32_t)1 << configuration->page_bits;
        reader->page_size_known = true;
    }
}

int migp_qemu_step_configuration(struct migp_qemu_reader *reader,
                                 struct migp_qemu_feed *feed)
{
    size_t left = migp_qemu_left(feed);
    struct migp_cursor cursor =
        migp_cursor_over(migp_qemu_at(feed),
                         left < CONFIGURATION_MAX ? left : CONFIGURATION_MAX);
    struct configuration configuration = {0};
    struct migp_qemu_event event = {.kind = MIGP_QEMU_EVENT_MACHINE,
                                    .offset = reader->offset};
    enum outcome outcome =
        reader->configuration_seen
            ? BAD
            : read_configuration(&cursor, feed->last, &configuration);

    if (outcome == SHORT && left < CONFIGURATION_MAX) {
        (void)migp_qemu_want(reader, feed, left + 1);
        return MIGP_OK;
    }
    if (outcome != WHOLE) {
        return migp_qemu_fail(reader, MIGP_ERR_MALFORMED,
                              MIGP_FINDING_CONFIGURATION, reader->offset, 0, 0);
    }
    event.bytes = configuration.machine;
    event.size = configuration.machine_size;
    apply(reader, &configuration);
    migp_qemu_emit(reader, feed, &event);
    migp_qemu_consume(reader, feed, cursor.at);
    return MIGP_OK;
}
