/* SPDX-License-Identifier: MIT */
#ifndef MIGP_MUTATE_TAKE_APART_H
#define MIGP_MUTATE_TAKE_APART_H

/*
 * From bytes to units. The parsers of stream/, qemu/ and record/ do the
 * reading; here their events become units, and the heads that they have
 * passed become fields.
 */

#include "mutate/table.h"

#include <migproto/stream.h>

struct migp_mutate_input {
    const uint8_t *bytes;
    size_t size;
    uint32_t page_size; /* of a multifd channel */
};

/* Fill the table, which may hold an older input's units.
 * Returns MIGP_OK or MIGP_ERR_NO_MEMORY. */
int migp_mutate_take_apart(struct migp_mutate_table *table,
                           const struct migp_mutate_input *input);

/*
 * The parts, each from an offset on. They give the offset that they came to,
 * or MIGP_ERR_NO_MEMORY, and set table->whole if that is the input's end and
 * nothing is cut or out of place.
 */
int64_t migp_mutate_take_qemu(struct migp_mutate_table *table,
                              const struct migp_mutate_input *input,
                              size_t from);
int64_t migp_mutate_take_bare(struct migp_mutate_table *table,
                              const struct migp_mutate_input *input,
                              size_t from, size_t to, uint32_t parent);
int64_t migp_mutate_take_multifd(struct migp_mutate_table *table,
                                 const struct migp_mutate_input *input);
int64_t migp_mutate_take_driver(struct migp_mutate_table *table,
                                const struct migp_mutate_input *input);

/* Does a finding say that bytes are not where their frame says? */
bool migp_mutate_is_framing(uint32_t finding);

/* A record's unit, and what is inside the driver's part of it. Gives the
 * record's end, which is not behind the input's. */
size_t migp_mutate_add_record(struct migp_mutate_table *table,
                              const struct migp_mutate_input *input,
                              uint32_t parent, const struct migp_event *event);

/* If these bytes, all of them, are a chain of driver records: their units. */
bool migp_mutate_add_chain(struct migp_mutate_table *table,
                           const struct migp_mutate_input *input,
                           uint32_t parent, size_t from, size_t to);

#endif
