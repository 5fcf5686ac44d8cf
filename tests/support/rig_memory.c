/* SPDX-License-Identifier: MIT */
#include "support/rig_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ALL                                                                    \
    (MIGP_MIGRATION_STOP_COPY | MIGP_MIGRATION_P2P | MIGP_MIGRATION_PRE_COPY)

struct rig_memory *rig_memory_new(uint32_t seed)
{
    struct rig_memory *memory = calloc(1, sizeof(*memory));
    size_t i;

    if (memory == NULL) {
        return NULL;
    }
    memory->state = MIGP_STATE_RUNNING;
    memory->session = MIGP_NO_SESSION;
    for (i = 0; i < RIG_MEMORY_SIZE; i++) {
        seed = seed * 1103515245U + 12345U;
        memory->bytes[i] = (uint8_t)(seed >> 16);
    }
    return memory;
}

uint64_t rig_memory_fingerprint(const struct rig_memory *memory)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    size_t i;

    for (i = 0; i < RIG_MEMORY_SIZE; i++) {
        hash = (hash ^ memory->bytes[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

void rig_memory_reset(struct rig_memory *memory)
{
    memory->state = MIGP_STATE_RUNNING;
    memory->session = MIGP_NO_SESSION;
}

static int memory_caps(void *user, struct migp_device_caps *caps)
{
    (void)user;
    caps->migration = ALL;
    caps->features =
        MIGP_HAS_RESET | MIGP_HAS_STOP_COPY_SIZE | MIGP_HAS_PRECOPY_INFO;
    memcpy(caps->backend, "memory", sizeof("memory"));
    return 0;
}

static int memory_get_state(void *user, uint32_t *state)
{
    const struct rig_memory *memory = user;

    *state = memory->state;
    return 0;
}

static bool saving(uint32_t state)
{
    return state == MIGP_STATE_PRE_COPY || state == MIGP_STATE_PRE_COPY_P2P ||
           state == MIGP_STATE_STOP_COPY;
}

static int memory_step(struct rig_memory *memory, uint32_t next, int *session)
{
    if (memory->state == MIGP_STATE_RESUMING) {
        if (memory->position != RIG_MEMORY_SIZE) {
            return -EINVAL;
        }
        memcpy(memory->bytes, memory->loading, RIG_MEMORY_SIZE);
    }
    if (memory->state == MIGP_STATE_RESUMING ||
        (saving(memory->state) && !saving(next))) {
        memory->session = MIGP_NO_SESSION;
    }
    if (next == MIGP_STATE_RESUMING ||
        (saving(next) && !saving(memory->state))) {
        memory->position = 0;
        memory->session = memory->next_session++;
        *session = memory->session;
    }
    memory->state = next;
    return 0;
}

static int memory_set_state(void *user, uint32_t state, int *session)
{
    struct rig_memory *memory = user;
    uint32_t path[MIGP_STATE_COUNT];
    migp_ssize n =
        migp_state_path(ALL, memory->state, state, path, MIGP_STATE_COUNT);
    migp_ssize i;

    if (n < 0) {
        return -EINVAL;
    }
    for (i = 0; i < n; i++) {
        int status = memory_step(memory, path[i], session);

        if (status != 0) {
            return status;
        }
    }
    return 0;
}

static size_t readable(const struct rig_memory *memory)
{
    return memory->state == MIGP_STATE_STOP_COPY ? RIG_MEMORY_SIZE
                                                 : RIG_MEMORY_INITIAL;
}

static migp_ssize memory_read(void *user, int session, void *bytes, size_t size)
{
    struct rig_memory *memory = user;
    size_t left;

    if (session != memory->session || !saving(memory->state)) {
        return -ENODEV;
    }
    left = readable(memory) > memory->position
               ? readable(memory) - memory->position
               : 0;
    if (left == 0 && memory->state != MIGP_STATE_STOP_COPY) {
        return -ENOMSG;
    }
    size = size < left ? size : left;
    memcpy(bytes, memory->bytes + memory->position, size);
    memory->position += size;
    return (migp_ssize)size;
}

static migp_ssize memory_write(void *user, int session, const void *bytes,
                               size_t size)
{
    struct rig_memory *memory = user;

    if (session != memory->session || memory->state != MIGP_STATE_RESUMING) {
        return -ENODEV;
    }
    if (size > RIG_MEMORY_SIZE - memory->position) {
        return -ENOMEM;
    }
    memcpy(memory->loading + memory->position, bytes, size);
    memory->position += size;
    return (migp_ssize)size;
}

static int memory_precopy_info(void *user, int session,
                               struct migp_precopy_info *info)
{
    const struct rig_memory *memory = user;

    if (session != memory->session || memory->state == MIGP_STATE_STOP_COPY) {
        return -EINVAL;
    }
    info->initial_bytes = memory->position < RIG_MEMORY_INITIAL
                              ? RIG_MEMORY_INITIAL - memory->position
                              : 0;
    return 0;
}

static int memory_stop_copy_size(void *user, uint64_t *size)
{
    (void)user;
    *size = RIG_MEMORY_SIZE;
    return 0;
}

static int memory_reset(void *user)
{
    rig_memory_reset(user);
    return 0;
}

static void memory_close(void *user)
{
    free(user);
}

const struct migp_device_ops *rig_memory_ops(void)
{
    static const struct migp_device_ops ops = {
        .struct_size = sizeof(struct migp_device_ops),
        .caps = memory_caps,
        .get_state = memory_get_state,
        .set_state = memory_set_state,
        .read = memory_read,
        .write = memory_write,
        .precopy_info = memory_precopy_info,
        .stop_copy_size = memory_stop_copy_size,
        .reset = memory_reset,
        .close = memory_close,
    };

    return &ops;
}
