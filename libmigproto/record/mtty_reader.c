/* SPDX-License-Identifier: MIT */
#include "core/error.h"
#include "record/driver_reader.h"

#include <string.h>

static void describe_header(struct migp_driver_reader *reader)
{
    const struct migp_mtty_state *state = &reader->mtty.state;

    migp_driver_add_number(reader, MIGP_FIELD_NUMBER, "", "major_version",
                           state->major_version);
    migp_driver_add_number(reader, MIGP_FIELD_NUMBER, "", "minor_version",
                           state->minor_version);
    migp_driver_add_number(reader, MIGP_FIELD_NUMBER, "", "big_endian",
                           state->big_endian);
    migp_driver_add_number(reader, MIGP_FIELD_NUMBER, "", "nr_ports",
                           state->n_ports);
}

static void describe_port(struct migp_driver_reader *reader, uint32_t at)
{
    struct migp_mtty_port *port = &reader->mtty.state.ports[at];
    const char *prefix = at == 0 ? "port0." : "port1.";

    migp_driver_add_bytes(reader, prefix, "uart_reg", port->uart_reg,
                          sizeof(port->uart_reg));
    migp_driver_add_bytes(reader, prefix, "fifo", port->fifo,
                          sizeof(port->fifo));
    migp_driver_add_number(reader, MIGP_FIELD_NUMBER, prefix, "head",
                           port->head);
    migp_driver_add_number(reader, MIGP_FIELD_NUMBER, prefix, "tail",
                           port->tail);
    migp_driver_add_number(reader, MIGP_FIELD_NUMBER, prefix, "count",
                           port->count);
    migp_driver_add_number(reader, MIGP_FIELD_NUMBER, prefix, "dlab",
                           port->dlab);
    migp_driver_add_number(reader, MIGP_FIELD_NUMBER, prefix, "overrun",
                           port->overrun);
    migp_driver_add_number(reader, MIGP_FIELD_NUMBER, prefix, "divisor",
                           port->divisor);
    migp_driver_add_number(reader, MIGP_FIELD_HEX, prefix, "fcr", port->fcr);
    migp_driver_add_number(reader, MIGP_FIELD_NUMBER, prefix, "max_fifo_size",
                           port->max_fifo_size);
    migp_driver_add_number(reader, MIGP_FIELD_NUMBER, prefix,
                           "intr_trigger_level", port->intr_trigger_level);
}

static void take_header(struct migp_driver_reader *reader)
{
    struct migp_mtty_reader *mtty = &reader->mtty;
    struct migp_finding why;

    memcpy(mtty->header, mtty->part, sizeof(mtty->header));
    mtty->has_header = true;
    mtty->n_part = 0;
    if (migp_mtty_read_header(mtty->part, &mtty->state, &why) < 0) {
        why.offset += mtty->part_offset;
        migp_driver_add_finding(reader, &why, mtty->part_input);
        mtty->refused = true;
        return;
    }
    describe_header(reader);
}

static void take_port(struct migp_driver_reader *reader)
{
    struct migp_mtty_reader *mtty = &reader->mtty;
    uint32_t at = mtty->state.n_ports_read++;
    struct migp_finding why;

    migp_mtty_read_port(mtty->part, mtty->state.big_endian != 0,
                        &mtty->state.ports[at]);
    mtty->n_part = 0;
    describe_port(reader, at);
    if (migp_mtty_check_port(&mtty->state.ports[at], &why)) {
        why.offset += mtty->part_offset;
        migp_driver_add_finding(reader, &why, mtty->part_input);
    }
}

/*
 * [MT-4] A kernel with REINIT presents the header again after each one. Port
 * registers that happen to equal the whole header are not told apart.
 */
static bool is_repeated_header(const struct migp_mtty_reader *mtty)
{
    return mtty->state.n_ports_read == 0 &&
           mtty->n_part == MIGP_MTTY_HEADER_SIZE &&
           memcmp(mtty->part, mtty->header, sizeof(mtty->header)) == 0;
}

/* One more byte of the part in hand. */
static void take_byte(struct migp_driver_reader *reader, uint8_t byte,
                      uint64_t offset)
{
    struct migp_mtty_reader *mtty = &reader->mtty;

    if (mtty->n_part == 0) {
        mtty->part_offset = offset;
        mtty->part_input = reader->input;
    }
    mtty->part[mtty->n_part++] = byte;
    if (!mtty->has_header) {
        if (mtty->n_part == MIGP_MTTY_HEADER_SIZE) {
            take_header(reader);
        }
    } else if (is_repeated_header(mtty)) {
        mtty->n_repeats++;
        mtty->n_part = 0;
    } else if (mtty->n_part == MIGP_MTTY_PORT_SIZE) {
        take_port(reader);
    }
}

static bool wants_bytes(const struct migp_mtty_reader *mtty)
{
    return !mtty->has_header ||
           (!mtty->refused && mtty->state.n_ports_read < mtty->state.n_ports);
}

void migp_mtty_reader_feed(struct migp_driver_reader *reader,
                           const uint8_t *bytes, size_t size, uint64_t offset)
{
    size_t i;

    for (i = 0; i < size && wants_bytes(&reader->mtty); i++) {
        take_byte(reader, bytes[i], offset + i);
    }
}

int migp_mtty_reader_finish(struct migp_driver_reader *reader, uint64_t offset)
{
    const struct migp_mtty_reader *mtty = &reader->mtty;
    uint64_t expected, repeated = mtty->n_repeats * MIGP_MTTY_HEADER_SIZE;
    struct migp_finding why;

    if (mtty->refused) {
        return MIGP_ERR_MALFORMED;
    }
    expected =
        mtty->has_header ? migp_mtty_size(&mtty->state) : MIGP_MTTY_HEADER_SIZE;
    if (mtty->n_repeats > 0) {
        why = migp_finding_make(MIGP_FINDING_DRIVER_REPEAT, offset,
                                mtty->n_repeats, 0);
        migp_driver_add_finding(reader, &why, reader->input);
    }
    if (reader->n_bytes < expected + repeated) { /* [MT-3] */
        why = migp_finding_make(MIGP_FINDING_DRIVER_SHORT, offset,
                                reader->n_bytes - repeated, expected);
        migp_driver_add_finding(reader, &why, reader->input);
        return MIGP_ERR_TRUNCATED;
    }
    if (reader->n_bytes > expected + repeated) {
        why = migp_finding_make(MIGP_FINDING_DRIVER_LONG, offset,
                                reader->n_bytes - repeated, expected);
        migp_driver_add_finding(reader, &why, reader->input);
        return MIGP_ERR_MALFORMED;
    }
    return MIGP_OK;
}
