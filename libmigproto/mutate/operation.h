/* SPDX-License-Identifier: MIT */
#ifndef MIGP_MUTATE_OPERATION_H
#define MIGP_MUTATE_OPERATION_H

/*
 * One mutation, drawn by chance: an edit of the input, and what it is called.
 * Whether the result can still be taken apart is looked at afterwards; a draw
 * that finds nothing to do says so and another one is made.
 */

#include "mutate/edit.h"
#include "mutate/random.h"

#include <migproto/mutate.h>

struct migp_draw {
    const struct migp_mutate_table *table;
    const struct migp_mutate_input *input;
    struct migp_random *random;
    bool keep; /* framing */
    struct migp_edit edit;
    uint32_t unit;  /* what was done to */
    uint32_t field; /* NONE: the whole unit */
};

typedef bool (*migp_operation)(struct migp_draw *draw);

/* structure.c */
bool migp_mutate_swap(struct migp_draw *draw);
bool migp_mutate_drop(struct migp_draw *draw);
bool migp_mutate_repeat(struct migp_draw *draw);
bool migp_mutate_cut(struct migp_draw *draw);

/* value.c */
bool migp_mutate_resize(struct migp_draw *draw);
bool migp_mutate_retag(struct migp_draw *draw);
bool migp_mutate_flip(struct migp_draw *draw);

/* pick.c */

/* Any field whose role is in the set of 1 << enum migp_mutate_role. */
uint32_t migp_mutate_pick_field(struct migp_draw *draw, uint32_t roles);
/* Any unit; NONE if there is none. */
uint32_t migp_mutate_pick_unit(struct migp_draw *draw);
/* A unit apart from the given one, mostly with the same parent; or NONE. */
uint32_t migp_mutate_pick_other(struct migp_draw *draw, uint32_t unit);
/* Is there a number that counts what is in the unit, or around it? */
bool migp_mutate_is_counted(const struct migp_mutate_table *table,
                            uint32_t unit);

#define MIGP_ROLES_FRAMING                                                     \
    ((1U << MIGP_ROLE_MAGIC) | (1U << MIGP_ROLE_TAG) |                         \
     (1U << MIGP_ROLE_BYTE) | (1U << MIGP_ROLE_COMMAND) |                      \
     (1U << MIGP_ROLE_ID) | (1U << MIGP_ROLE_SIZE) | (1U << MIGP_ROLE_FOOTER))
#define MIGP_ROLES_CONTENT                                                     \
    ((1U << MIGP_ROLE_FLAGS) | (1U << MIGP_ROLE_INDEX) |                       \
     (1U << MIGP_ROLE_NUMBER) | (1U << MIGP_ROLE_NAME) |                       \
     (1U << MIGP_ROLE_PAYLOAD) | (1U << MIGP_ROLE_ID))
#define MIGP_ROLES_ALL (MIGP_ROLES_FRAMING | MIGP_ROLES_CONTENT)

#endif
