/* SPDX-License-Identifier: MIT */
#ifndef MIGP_TESTS_SUPPORT_JOURNEY_H
#define MIGP_TESTS_SUPPORT_JOURNEY_H

/* A whole save and a whole load, as a VMM makes them. */

#include <migproto/device.h>

#include <stdbool.h>

#define JOURNEY_MAX ((size_t)1 << 20)

struct journey {
    size_t n; /* bytes saved */
    /* Lifts a cancel and makes the cancelled call again, as a VMM does whose
     * signals were meant for something else. */
    bool patient;
    /* Reads once in PRE_COPY, and goes on without having seen its end. */
    bool hasty;
    uint8_t bytes[JOURNEY_MAX];
};

/* From where the device is to STOP, reading at most chunk bytes at a time; by
 * PRE_COPY if the device has it and precopy is set. MIGP_OK or what failed. */
int journey_save(struct journey *journey, struct migp_device *device,
                 bool precopy, size_t chunk, struct migp_error *error);

/* From where the device is to RUNNING, with what was saved. */
int journey_load(const struct journey *journey, struct migp_device *device,
                 size_t chunk, struct migp_error *error);

#endif
