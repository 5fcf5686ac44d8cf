/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CONFORM_DEVIATIONS_H
#define MIGP_CONFORM_DEVIATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A rule that a driver is known to break. */
struct migp_deviation {
    const char *driver;
    uint32_t number;    /* of the check */
    uint32_t aspects;   /* set of enum migp_aspect that may fail */
    bool certain;       /* always breaks it: keeping it is news */
    const char *reason; /* what it does */
    const char *source; /* where that can be read */
};

/* NULL behind the last. */
const struct migp_deviation *migp_deviation_at(size_t index);

/* The driver whose data fds are called so, or that is called so itself, or
 * whose module is; NULL if it is not known. Static. */
const char *migp_deviation_driver(const char *name);

/* Of a driver from migp_deviation_driver(); NULL if there is none. */
const struct migp_deviation *migp_deviation_find(const char *driver,
                                                 uint32_t number);

#endif
