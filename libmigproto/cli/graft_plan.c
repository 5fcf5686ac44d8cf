/* SPDX-License-Identifier: MIT */
#include "graft_plan.h"

#include "message.h"

#include <stdlib.h>
#include <string.h>

void migp_graft_plan_replace(struct migp_graft_plan *plan,
                             const struct migp_graft_edit *edit)
{
    if (plan->n_edits == plan->room) {
        plan->room = plan->room > 0 ? 2 * plan->room : 64;
        plan->edits =
            migp_memory_resize(plan->edits, plan->room, sizeof(*plan->edits));
    }
    plan->edits[plan->n_edits] = *edit;
    plan->edits[plan->n_edits].order = plan->n_edits;
    plan->n_edits++;
}

void migp_graft_plan_write(struct migp_graft_plan *plan, size_t input,
                           uint64_t offset, uint64_t removed, const void *bytes,
                           size_t size)
{
    struct migp_graft_edit edit = {.input = input,
                                   .offset = offset,
                                   .removed = removed,
                                   .source = MIGP_GRAFT_LITERAL,
                                   .from = plan->n_literals,
                                   .size = size};

    if (plan->literals_room - plan->n_literals < size) {
        plan->literals_room = 2 * plan->literals_room + size;
        plan->literals =
            migp_memory_resize(plan->literals, plan->literals_room, 1);
    }
    if (size > 0) {
        memcpy(plan->literals + plan->n_literals, bytes, size);
        plan->n_literals += size;
    }
    migp_graft_plan_replace(plan, &edit);
}

void migp_graft_plan_write_be32(struct migp_graft_plan *plan, size_t input,
                                uint64_t offset, uint32_t number)
{
    const uint8_t bytes[4] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16),
                              (uint8_t)(number >> 8), (uint8_t)number};

    migp_graft_plan_write(plan, input, offset, sizeof(bytes), bytes,
                          sizeof(bytes));
}

static int compare_edits(const void *left, const void *right)
{
    const struct migp_graft_edit *a = left;
    const struct migp_graft_edit *b = right;

    if (a->input != b->input) {
        return a->input < b->input ? -1 : 1;
    }
    if (a->offset != b->offset) {
        return a->offset < b->offset ? -1 : 1;
    }
    return a->order < b->order ? -1 : a->order > b->order;
}

void migp_graft_plan_sort(struct migp_graft_plan *plan)
{
    if (plan->n_edits > 0) {
        qsort(plan->edits, plan->n_edits, sizeof(*plan->edits), compare_edits);
    }
}

uint64_t migp_graft_plan_growth(const struct migp_graft_plan *plan,
                                size_t input, uint64_t begin, uint64_t end)
{
    uint64_t growth = 0;
    size_t i;

    for (i = 0; i < plan->n_edits; i++) {
        const struct migp_graft_edit *edit = &plan->edits[i];

        if (edit->input == input && edit->offset >= begin &&
            edit->offset < end) {
            growth += edit->size - edit->removed;
        }
    }
    return growth;
}

void migp_graft_plan_free(struct migp_graft_plan *plan)
{
    free(plan->edits);
    free(plan->literals);
    memset(plan, 0, sizeof(*plan));
}
