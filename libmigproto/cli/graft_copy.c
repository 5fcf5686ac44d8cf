/* SPDX-License-Identifier: MIT */
#include "graft_copy.h"

#include "message.h"
#include "progress.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK ((size_t)1 << 20)

/* A copy on its way. */
struct copying {
    const struct migp_graft_plan *plan;
    const struct migp_graft_donor *donor;
    struct migp_progress progress;
    uint64_t done; /* bytes of all outputs */
    uint8_t *block;
};

static bool is_zero(const uint8_t *bytes, size_t size)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

static int put_block(struct copying *copying, struct migp_output *output,
                     size_t size)
{
    int result = size == BLOCK && is_zero(copying->block, size)
                     ? migp_output_skip(output, size)
                     : migp_output_write(output, copying->block, size);

    copying->done += size;
    migp_progress_update(&copying->progress, copying->done);
    return result;
}

static int copy_range(struct copying *copying, struct migp_output *output,
                      const struct migp_input *input, uint64_t offset,
                      uint64_t size)
{
    while (size > 0) {
        /* Whole blocks of the file: guest memory lies in those. */
        size_t part = BLOCK - (size_t)(offset % BLOCK);

        if (part > size) {
            part = (size_t)size;
        }
        if (migp_input_read_at(input, offset, copying->block, part) != 0 ||
            put_block(copying, output, part) != 0) {
            return -1;
        }
        offset += part;
        size -= part;
    }
    return 0;
}

static int put_source(struct copying *copying, struct migp_output *output,
                      const struct migp_input *input,
                      const struct migp_graft_edit *edit)
{
    switch (edit->source) {
    case MIGP_GRAFT_STATE:
        return copy_range(copying, output, &copying->donor->state, edit->from,
                          edit->size);
    case MIGP_GRAFT_INPUT:
        return copy_range(copying, output, input, edit->from, edit->size);
    case MIGP_GRAFT_CONFIG:
        return migp_output_write(output, copying->donor->config + edit->from,
                                 (size_t)edit->size);
    default:
        return edit->size == 0
                   ? 0
                   : migp_output_write(output,
                                       copying->plan->literals + edit->from,
                                       (size_t)edit->size);
    }
}

/* One input, with the edits from *next on; gives the first one that is not
 * its own. */
static int copy_input(struct copying *copying, struct migp_output *output,
                      const struct migp_input *input, size_t number,
                      size_t *next)
{
    const struct migp_graft_plan *plan = copying->plan;
    uint64_t offset = 0;

    for (; *next < plan->n_edits && plan->edits[*next].input == number;
         (*next)++) {
        const struct migp_graft_edit *edit = &plan->edits[*next];

        if (edit->offset < offset || edit->offset > input->size ||
            edit->removed > input->size - edit->offset) {
            migp_message_print(input->name, "the file has changed");
            return -1;
        }
        if (copy_range(copying, output, input, offset, edit->offset - offset) !=
                0 ||
            put_source(copying, output, input, edit) != 0) {
            return -1;
        }
        offset = edit->offset + edit->removed;
    }
    return copy_range(copying, output, input, offset, input->size - offset);
}

int migp_graft_copy(const struct migp_graft_plan *plan,
                    const struct migp_graft_donor *donor,
                    const struct migp_input *inputs,
                    struct migp_output *outputs, size_t n_files)
{
    struct copying copying = {.plan = plan, .donor = donor};
    uint64_t total = 0;
    size_t next = 0;
    size_t i;
    int result = 0;

    for (i = 0; i < n_files; i++) {
        total += inputs[i].size;
    }
    copying.block = migp_memory_resize(NULL, BLOCK, 1);
    migp_progress_start(&copying.progress, total);
    for (i = 0; i < n_files && result == 0; i++) {
        result = copy_input(&copying, &outputs[i], &inputs[i], i, &next);
        if (result == 0) {
            result = migp_output_flush(&outputs[i]);
        }
    }
    migp_progress_clear(&copying.progress);
    free(copying.block);
    return result;
}
