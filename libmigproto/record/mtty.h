/* SPDX-License-Identifier: MIT */
#ifndef MIGP_RECORD_MTTY_H
#define MIGP_RECORD_MTTY_H

#include <migproto/record.h>
#include <stdbool.h>

/* Do these eight bytes start mtty's state? Tells the source's byte order. */
bool migp_mtty_magic(const uint8_t *bytes, bool *big_endian);

/*
 * Read the 24-byte header, magic included.
 * Returns MIGP_OK, or MIGP_ERR_MALFORMED with *why and its offset in bytes.
 */
int migp_mtty_read_header(const uint8_t *bytes, struct migp_mtty_state *state,
                          struct migp_finding *why);

/* Read one port; its multi-byte fields are in the source's byte order. */
void migp_mtty_read_port(const uint8_t *bytes, bool big_endian,
                         struct migp_mtty_port *port);

/* How big the state must be. */
uint64_t migp_mtty_size(const struct migp_mtty_state *state);

/* The first field of a port that makes no sense, if there is one. */
bool migp_mtty_check_port(const struct migp_mtty_port *port,
                          struct migp_finding *why);

#endif
