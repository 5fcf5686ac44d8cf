/* SPDX-License-Identifier: MIT */
#include "mutate/take_apart.h"

#include "core/bytes.h"
#include "stream/tag.h"

#include <migproto/libvirt.h>
#include <migproto/multifd.h>
#include <migproto/record.h>

/* What the bytes are, and what cannot be taken apart. */

#define QEMU_MAGIC "QEVM"
#define TAG_SIZE 8U

/* [LV-1] The header, and what it counts before QEMU's stream. Gives where
 * that begins, or 0 if it is not there. */
static size_t take_libvirt(struct migp_mutate_table *table,
                           const struct migp_mutate_input *input)
{
    struct migp_libvirt_header header = {.struct_size = sizeof(header)};
    static const char *const words[] = {"version", "data size", "was running",
                                        "format", "cookie offset"};
    uint32_t unit, size = MIGP_MUTATE_NONE, i;

    if (migp_libvirt_header_parse(input->bytes, input->size, &header, NULL) !=
            MIGP_OK ||
        header.stream_offset > input->size) {
        return 0;
    }
    unit = migp_mutate_add_unit(table, "libvirt header", MIGP_MUTATE_NONE, 0,
                                MIGP_LIBVIRT_HEADER_SIZE);
    (void)migp_mutate_add_field(table, unit, MIGP_ROLE_MAGIC, "magic", 0, 16);
    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        uint32_t field = migp_mutate_add_field(
            table, unit, i == 1 ? MIGP_ROLE_SIZE : MIGP_ROLE_NUMBER, words[i],
            16 + 4 * (size_t)i, 4);

        size = i == 1 ? field : size;
        if (field != MIGP_MUTATE_NONE) {
            table->fields[field].little_endian = header.big_endian == 0;
        }
    }
    if (header.data_size == 0) {
        return (size_t)header.stream_offset;
    }
    unit = migp_mutate_add_unit(table, "libvirt XML", MIGP_MUTATE_NONE,
                                MIGP_LIBVIRT_HEADER_SIZE, header.data_size);
    migp_mutate_add_bytes(table, unit, MIGP_ROLE_PAYLOAD, "XML",
                          MIGP_LIBVIRT_HEADER_SIZE, header.data_size, size);
    return (size_t)header.stream_offset;
}

/* The next tag from an offset on, or the end. */
static size_t find_tag(const struct migp_mutate_input *input, size_t from)
{
    const uint8_t *bytes = input->bytes;
    size_t at = from;

    /* memchr() finds the fifth byte of a tag */
    while (input->size - at >= TAG_SIZE) {
        const uint8_t *found =
            memchr(bytes + at + 4, (int)(MIGP_TAG_BASE >> 24 & 0xff),
                   input->size - at - 7);

        if (found == NULL) {
            break;
        }
        at = (size_t)(found - bytes) - 4;
        if (migp_tag_kind(migp_load_be64(bytes + at)) != 0) {
            return at;
        }
        at++;
    }
    return input->size;
}

/* Bytes that nobody could take apart; their tags still say where to cut. */
static void add_rest(struct migp_mutate_table *table,
                     const struct migp_mutate_input *input, size_t from)
{
    while (from < input->size) {
        size_t head = 0, to = from;
        uint32_t unit;

        if (input->size - from >= TAG_SIZE &&
            migp_tag_kind(migp_load_be64(input->bytes + from)) != 0) {
            head = TAG_SIZE;
        }
        to = find_tag(input, from + head);
        unit = migp_mutate_add_unit(table, "bytes", MIGP_MUTATE_NONE, from,
                                    to - from);
        if (unit == MIGP_MUTATE_NONE) {
            return;
        }
        if (head > 0) {
            (void)migp_mutate_add_field(table, unit, MIGP_ROLE_TAG, "tag", from,
                                        head);
        }
        migp_mutate_add_bytes(table, unit, MIGP_ROLE_PAYLOAD, "bytes",
                              from + head, to - from - head, MIGP_MUTATE_NONE);
        from = to;
    }
}

static enum migp_mutate_format recognise(const struct migp_mutate_input *input,
                                         size_t from)
{
    const uint8_t *bytes = input->bytes + from;
    size_t size = input->size - from;
    struct migp_driver_record record;

    if (size >= 8 && memcmp(bytes, QEMU_MAGIC, 4) == 0) {
        return MIGP_MUTATE_QEMU;
    }
    if (from > 0) {
        return MIGP_MUTATE_BYTES;
    }
    if (size >= 4 && migp_load_be32(bytes) == MIGP_MULTIFD_MAGIC) {
        return MIGP_MUTATE_MULTIFD;
    }
    if (size >= TAG_SIZE && migp_tag_kind(migp_load_be64(bytes)) != 0) {
        return MIGP_MUTATE_BARE;
    }
    if (migp_driver_record_parse(bytes, size, &record) == MIGP_OK &&
        record.flags <= MIGP_DRIVER_RECORD_OPTIONAL && record.size > 0 &&
        record.tag <= MIGP_MLX5_STOP_COPY_SIZE &&
        record.size <= size - MIGP_DRIVER_RECORD_HEAD) {
        return MIGP_MUTATE_DRIVER;
    }
    return MIGP_MUTATE_BYTES;
}

static int64_t take_format(struct migp_mutate_table *table,
                           const struct migp_mutate_input *input, size_t from)
{
    switch (table->format) {
    case MIGP_MUTATE_QEMU:
        return migp_mutate_take_qemu(table, input, from);
    case MIGP_MUTATE_BARE:
        return migp_mutate_take_bare(table, input, from, input->size,
                                     MIGP_MUTATE_NONE);
    case MIGP_MUTATE_MULTIFD:
        return migp_mutate_take_multifd(table, input);
    case MIGP_MUTATE_DRIVER:
        return migp_mutate_take_driver(table, input);
    default:
        return (int64_t)from;
    }
}

int migp_mutate_take_apart(struct migp_mutate_table *table,
                           const struct migp_mutate_input *input)
{
    size_t from;
    int64_t end;

    migp_mutate_table_clear(table);
    if (input->size == 0) {
        return MIGP_OK;
    }
    from = take_libvirt(table, input);
    table->format = recognise(input, from);
    end = take_format(table, input, from);
    if (end < 0) {
        return (int)end;
    }
    table->rest = input->size - (size_t)end;
    if (!table->full) {
        add_rest(table, input, (size_t)end);
    }
    if (table->full) { /* the last place was kept for it */
        table->full = false;
        (void)migp_mutate_add_unit(table, "bytes", MIGP_MUTATE_NONE,
                                   table->full_offset,
                                   input->size - table->full_offset);
        migp_mutate_add_bytes(table, table->n_units - 1, MIGP_ROLE_PAYLOAD,
                              "bytes", table->full_offset,
                              input->size - table->full_offset,
                              MIGP_MUTATE_NONE);
    }
    return table->no_memory ? MIGP_ERR_NO_MEMORY : MIGP_OK;
}
