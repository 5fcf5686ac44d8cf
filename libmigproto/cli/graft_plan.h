/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_GRAFT_PLAN_H
#define MIGP_CLI_GRAFT_PLAN_H

#include <stddef.h>
#include <stdint.h>

/* Where the bytes that an edit puts in come from. */
enum migp_graft_source {
    MIGP_GRAFT_LITERAL, /* the plan's own bytes */
    MIGP_GRAFT_STATE,   /* the new state */
    MIGP_GRAFT_CONFIG,  /* the new config bytes */
    MIGP_GRAFT_INPUT    /* another place of the same input */
};

/* Bytes of an input that go, and what takes their place. */
struct migp_graft_edit {
    size_t input;     /* which operand */
    uint64_t offset;  /* of the bytes that go */
    uint64_t removed; /* how many; 0 to put in only */
    int source;       /* enum migp_graft_source */
    uint64_t from;    /* offset in the source */
    uint64_t size;    /* bytes of it; 0 to take away only */
    size_t order;     /* edits at one offset are done in order of adding */
};

/* What is to be changed, before anything is. No input or output is touched
 * here: a plan can be looked at, and thrown away. */
struct migp_graft_plan {
    struct migp_graft_edit *edits;
    size_t n_edits;
    size_t room;
    uint8_t *literals;
    size_t n_literals;
    size_t literals_room;
};

/* Replace bytes by a part of a source. */
void migp_graft_plan_replace(struct migp_graft_plan *plan,
                             const struct migp_graft_edit *edit);

/* Replace bytes by those given. */
void migp_graft_plan_write(struct migp_graft_plan *plan, size_t input,
                           uint64_t offset, uint64_t removed, const void *bytes,
                           size_t size);

/* Replace four bytes by a big-endian number. */
void migp_graft_plan_write_be32(struct migp_graft_plan *plan, size_t input,
                                uint64_t offset, uint32_t number);

/* Put the edits in the order in which they are met: by input, then by
 * offset. */
void migp_graft_plan_sort(struct migp_graft_plan *plan);

/* By how many bytes an input grows at offsets [begin, end); modulo 2^64, so
 * that a number to which it is added becomes right also where it shrinks. */
uint64_t migp_graft_plan_growth(const struct migp_graft_plan *plan,
                                size_t input, uint64_t begin, uint64_t end);

void migp_graft_plan_free(struct migp_graft_plan *plan);

#endif
