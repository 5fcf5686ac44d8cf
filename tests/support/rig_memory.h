/* SPDX-License-Identifier: MIT */
#ifndef MIGP_TESTS_SUPPORT_RIG_MEMORY_H
#define MIGP_TESTS_SUPPORT_RIG_MEMORY_H

/* A device of the caller's own: some bytes in memory, all states, PRE_COPY. */

#include <migproto/device.h>

#include <stdbool.h>

#define RIG_MEMORY_SIZE 10000
#define RIG_MEMORY_INITIAL 1000

struct rig_memory {
    uint32_t state;
    int session; /* the open one, or MIGP_NO_SESSION */
    int next_session;
    size_t position;
    uint8_t bytes[RIG_MEMORY_SIZE];
    uint8_t loading[RIG_MEMORY_SIZE];
};

struct rig_memory *rig_memory_new(uint32_t seed);
const struct migp_device_ops *rig_memory_ops(void);
void rig_memory_reset(struct rig_memory *memory);
uint64_t rig_memory_fingerprint(const struct rig_memory *memory);

#endif
