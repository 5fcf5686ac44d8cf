/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_RESTREAM_H
#define MIGP_CLI_RESTREAM_H

#include "output.h"

#include <migproto/stream.h>

/* One per dialect. */
#define MIGP_RESTREAM_ENCODERS 3

/* Writes records as a bare stream. Which dialect they are in shows only on
 * the way: an encoder of each goes along, until it meets a record that its
 * dialect does not allow. */
struct migp_restream {
    struct migp_encoder *encoders[MIGP_RESTREAM_ENCODERS];
    struct migp_output *output;
};

/* dialects: a set of enum migp_dialect. */
int migp_restream_open(struct migp_restream *restream, uint32_t dialects,
                       struct migp_output *output);

/* Write one record's head and, if payload is not NULL, its payload. Returns
 * MIGP_ERR_STATE if no dialect allows the record here; other failures have
 * said so on stderr. */
int migp_restream_write(struct migp_restream *restream, int kind,
                        const void *payload, uint64_t size);

void migp_restream_close(struct migp_restream *restream);

#endif
