/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_GRAFT_POUR_H
#define MIGP_CLI_GRAFT_POUR_H

#include "graft_plan.h"
#include "graft_site.h"

/* Plan a new state of size bytes in place of the one that is there.
 *
 * It is poured into the records that there are, each up to its size; the last
 * stop-copy record takes the rest, in records of at most 1 MiB or the biggest
 * size met. Records that get nothing go, as nobody writes empty ones. A state
 * of the size of the old one therefore keeps every record. The sizes of a
 * rigid site may not change. */
void migp_graft_pour(struct migp_graft_plan *plan,
                     const struct migp_graft_site *site, uint64_t size);

/* Plan new config bytes in place of those that are there: the record, or the
 * packet, but not what tells its size elsewhere. */
void migp_graft_pour_config(struct migp_graft_plan *plan,
                            const struct migp_graft_site *site, uint64_t size);

#endif
