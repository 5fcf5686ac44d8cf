/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_GRAFT_OUTPUTS_H
#define MIGP_CLI_GRAFT_OUTPUTS_H

#include "option.h"
#include "output.h"

/* Open one output for each name. They must be files, no two the same: they
 * get their names together, at the end. Close them in every case. */
int migp_graft_outputs_open(struct migp_output *outputs,
                            const struct migp_list *names, char *const *files);
void migp_graft_outputs_close(struct migp_output *outputs, size_t n_outputs);

#endif
