/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_PROGRESS_H
#define MIGP_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* A bar on stderr for reading that takes a while. */
struct migp_progress {
    bool wanted;    /* there may be a bar at all */
    bool drawn;     /* there is one */
    uint64_t total; /* bytes */
    uint64_t last;  /* milliseconds of the clock at the last drawing */
};

/* Nothing is shown unless stderr is a terminal and total is large. */
void migp_progress_start(struct migp_progress *progress, uint64_t total);
void migp_progress_update(struct migp_progress *progress, uint64_t done);
void migp_progress_clear(struct migp_progress *progress);

#endif
