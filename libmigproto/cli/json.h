/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_JSON_H
#define MIGP_CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>

/* Writes one JSON text to stdout piece by piece, so that a report of any
 * number of records takes no memory here; json-c makes the values. */
struct migp_json {
    bool comma; /* the next value is not the first of its container */
};

/* In an object every call has a key; in an array, and at the top, NULL. */
void migp_json_open(struct migp_json *json, const char *key, char bracket);
void migp_json_close(struct migp_json *json, char bracket);
void migp_json_number(struct migp_json *json, const char *key, uint64_t value);
void migp_json_bool(struct migp_json *json, const char *key, bool value);
void migp_json_null(struct migp_json *json, const char *key);
/* Text that is ours. */
void migp_json_text(struct migp_json *json, const char *key, const char *text);
/* Text that the peer sent. */
void migp_json_peer_text(struct migp_json *json, const char *key,
                         const char *text);

#endif
