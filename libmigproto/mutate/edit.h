/* SPDX-License-Identifier: MIT */
#ifndef MIGP_MUTATE_EDIT_H
#define MIGP_MUTATE_EDIT_H

/*
 * A mutation as a list of changes: bytes that are replaced by others of the
 * same input, and numbers that are written over. All places are those of the
 * input, whatever the changes before them add or take away.
 */

#include "mutate/take_apart.h"

#define MIGP_EDIT_SPLICES 2
#define MIGP_EDIT_STORES 16

/* At a place, remove bytes and insert others: period bytes from an offset on,
 * again and again; zeros if period is 0. */
struct migp_splice {
    size_t at;
    size_t remove;
    size_t from;
    size_t period;
    size_t insert;
    uint32_t sizer;  /* field that counts the place by itself; NONE */
    uint32_t inside; /* unit that the place is in; NONE at the top */
};

struct migp_store {
    size_t offset;
    size_t size;
    bool little_endian;
    uint64_t value;
};

struct migp_edit {
    struct migp_splice splices[MIGP_EDIT_SPLICES]; /* in their order, apart */
    unsigned n_splices;
    struct migp_store stores[MIGP_EDIT_STORES];
    unsigned n_stores;
};

/* Is it one number, 1, 2, 4 or 8 bytes wide? */
bool migp_mutate_is_number(const struct migp_mutate_field *field);
uint64_t migp_mutate_load(const struct migp_mutate_input *input,
                          const struct migp_mutate_field *field);

/* Write over a field; false if there is no place for it in the edit. */
bool migp_edit_store(struct migp_edit *edit,
                     const struct migp_mutate_field *field, uint64_t value);
bool migp_edit_store_byte(struct migp_edit *edit, size_t offset, uint8_t value);

/* Let all numbers that count what the splices change follow; false if one
 * of them would not fit its field. */
bool migp_edit_follow(struct migp_edit *edit,
                      const struct migp_mutate_table *table,
                      const struct migp_mutate_input *input);

/* Make the result. Returns its size, or SIZE_MAX if it is longer than room,
 * empty, or the same as the input. */
size_t migp_edit_apply(const struct migp_edit *edit,
                       const struct migp_mutate_input *input, uint8_t *out,
                       size_t room);

#endif
