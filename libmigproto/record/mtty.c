/* SPDX-License-Identifier: MIT */
#include "record/mtty.h"

#include "core/bytes.h"
#include "core/error.h"
#include "core/options.h"

/*
 * A header of 24 bytes and 36 for each port, in the source host's byte order.
 * Source: linux v6.12 samples/vfio-mdev/mtty.c (facts only).
 */

#define MAJOR_VERSION 1
#define MINOR_VERSION 0
#define FIFO_SIZE 16

static uint32_t load_u32(const uint8_t *bytes, bool big_endian)
{
    return big_endian ? migp_load_be32(bytes) : migp_load_le32(bytes);
}

static uint16_t load_u16(const uint8_t *bytes, bool big_endian)
{
    return big_endian ? migp_load_be16(bytes) : migp_load_le16(bytes);
}

/* [MT-1] */
bool migp_mtty_magic(const uint8_t *bytes, bool *big_endian)
{
    *big_endian = migp_load_be64(bytes) == MIGP_MTTY_MAGIC;
    return *big_endian || migp_load_le64(bytes) == MIGP_MTTY_MAGIC;
}

/* [MT-2] The driver refuses any other value. */
int migp_mtty_read_header(const uint8_t *bytes, struct migp_mtty_state *state,
                          struct migp_finding *why)
{
    bool big_endian;
    uint32_t ports;

    if (!migp_mtty_magic(bytes, &big_endian)) {
        *why = migp_finding_make(MIGP_FINDING_DRIVER_HEADER, 0,
                                 migp_load_le64(bytes), MIGP_MTTY_MAGIC);
        return MIGP_ERR_NOT_A_STREAM;
    }
    state->big_endian = big_endian;
    state->major_version = load_u32(bytes + 8, big_endian);
    state->minor_version = load_u32(bytes + 12, big_endian);
    ports = load_u32(bytes + 16, big_endian);
    state->flags = load_u32(bytes + 20, big_endian);
    if (state->major_version != MAJOR_VERSION) {
        *why = migp_finding_make(MIGP_FINDING_DRIVER_HEADER, 8,
                                 state->major_version, MAJOR_VERSION);
        return MIGP_ERR_MALFORMED;
    }
    if (state->minor_version != MINOR_VERSION) {
        *why = migp_finding_make(MIGP_FINDING_DRIVER_HEADER, 12,
                                 state->minor_version, MINOR_VERSION);
        return MIGP_ERR_MALFORMED;
    }
    if (ports < 1 || ports > MIGP_MTTY_MAX_PORTS) {
        *why = migp_finding_make(MIGP_FINDING_DRIVER_HEADER, 16, ports,
                                 ports < 1 ? 1 : MIGP_MTTY_MAX_PORTS);
        return MIGP_ERR_MALFORMED;
    }
    if (state->flags != 0) {
        *why =
            migp_finding_make(MIGP_FINDING_DRIVER_HEADER, 20, state->flags, 0);
        return MIGP_ERR_MALFORMED;
    }
    state->n_ports = ports;
    return MIGP_OK;
}

/* [MT-3] */
uint64_t migp_mtty_size(const struct migp_mtty_state *state)
{
    return MIGP_MTTY_HEADER_SIZE +
           (uint64_t)MIGP_MTTY_PORT_SIZE * state->n_ports;
}

void migp_mtty_read_port(const uint8_t *bytes, bool big_endian,
                         struct migp_mtty_port *port)
{
    memset(port, 0, sizeof(*port));
    memcpy(port->uart_reg, bytes, sizeof(port->uart_reg));
    memcpy(port->fifo, bytes + 8, sizeof(port->fifo));
    port->head = bytes[24];
    port->tail = bytes[25];
    port->count = bytes[26];
    port->dlab = bytes[27];
    port->overrun = bytes[28];
    port->divisor = load_u16(bytes + 30, big_endian);
    port->fcr = bytes[32];
    port->max_fifo_size = bytes[33];
    port->intr_trigger_level = bytes[34];
}

/* [MT-5] */
bool migp_mtty_check_port(const struct migp_mtty_port *port,
                          struct migp_finding *why)
{
    if (port->head >= FIFO_SIZE) {
        *why = migp_finding_make(MIGP_FINDING_DRIVER_FIELD, 24, port->head,
                                 FIFO_SIZE - 1);
        return true;
    }
    if (port->tail >= FIFO_SIZE) {
        *why = migp_finding_make(MIGP_FINDING_DRIVER_FIELD, 25, port->tail,
                                 FIFO_SIZE - 1);
        return true;
    }
    if (port->count > FIFO_SIZE) {
        *why = migp_finding_make(MIGP_FINDING_DRIVER_FIELD, 26, port->count,
                                 FIFO_SIZE);
        return true;
    }
    return false;
}

static int check_length(const struct migp_mtty_state *state, size_t size,
                        struct migp_error *error)
{
    uint64_t expected = migp_mtty_size(state);
    struct migp_finding why;

    if (size == expected) {
        return migp_error_set(error, MIGP_OK, NULL);
    }
    if (size < expected) {
        why =
            migp_finding_make(MIGP_FINDING_DRIVER_SHORT, size, size, expected);
        return migp_error_set(error, MIGP_ERR_TRUNCATED, &why);
    }
    why = migp_finding_make(MIGP_FINDING_DRIVER_LONG, expected, size, expected);
    return migp_error_set(error, MIGP_ERR_MALFORMED, &why);
}

int migp_mtty_parse(const void *bytes, size_t size,
                    struct migp_mtty_state *state, struct migp_error *error)
{
    struct migp_mtty_state own = {.struct_size = sizeof(own)};
    struct migp_cursor cursor = migp_cursor_over(bytes, size);
    struct migp_finding why = {0};
    const uint8_t *part;
    int code;

    if (bytes == NULL || state == NULL || state->struct_size < sizeof(size_t)) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    if (!migp_cursor_take(&cursor, MIGP_MTTY_HEADER_SIZE, &part)) {
        why = migp_finding_make(MIGP_FINDING_DRIVER_SHORT, size, size,
                                MIGP_MTTY_HEADER_SIZE);
        return migp_error_set(error, MIGP_ERR_TRUNCATED, &why);
    }
    code = migp_mtty_read_header(part, &own, &why);
    if (code < 0) {
        return migp_error_set(error, code, &why);
    }
    while (own.n_ports_read < own.n_ports &&
           migp_cursor_take(&cursor, MIGP_MTTY_PORT_SIZE, &part)) {
        migp_mtty_read_port(part, own.big_endian != 0,
                            &own.ports[own.n_ports_read++]);
    }
    (void)migp_struct_write(state, &own, sizeof(own));
    return check_length(&own, size, error);
}
