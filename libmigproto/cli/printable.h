/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_PRINTABLE_H
#define MIGP_CLI_PRINTABLE_H

#include <stddef.h>
#include <stdint.h>

/* The peer's text made safe for terminals and for JSON: printable ASCII stays
 * as it is, every other byte, and the backslash, becomes \xNN. Two different
 * texts never look the same. The result is the caller's, to free(). */
char *migp_printable_make(const char *text);

/* Bytes in hexadecimal, two digits each; the caller's, to free(). */
char *migp_printable_hex(const uint8_t *bytes, size_t size);

/* An amount of bytes for people: "4116", or "1.0 GiB (1073741824)". */
#define MIGP_PRINTABLE_SIZE_MAX 48
const char *migp_printable_size(uint64_t size,
                                char buffer[MIGP_PRINTABLE_SIZE_MAX]);

#endif
