/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_GRAFT_COPY_H
#define MIGP_CLI_GRAFT_COPY_H

#include "graft_donor.h"
#include "graft_plan.h"
#include "input.h"
#include "output.h"

/* Write every input to its output, with the edits of a sorted plan done. What
 * no edit names is copied as it is; runs of zeros become holes. */
int migp_graft_copy(const struct migp_graft_plan *plan,
                    const struct migp_graft_donor *donor,
                    const struct migp_input *inputs,
                    struct migp_output *outputs, size_t n_files);

#endif
