/* SPDX-License-Identifier: MIT */
#include "support/journey.h"

/* Rounds of PRE_COPY after which a save goes on regardless. */
#define ROUNDS_MAX 1000

static bool again(const struct journey *journey, struct migp_device *device,
                  migp_ssize result)
{
    if (result != MIGP_ERR_CANCELLED || !journey->patient) {
        return false;
    }
    migp_device_cancel(device, 0);
    return true;
}

static int set(const struct journey *journey, struct migp_device *device,
               uint32_t state, struct migp_error *error)
{
    int status;

    do {
        status = migp_device_set_state(device, state, error);
    } while (again(journey, device, status));
    return status;
}

static int read_all(struct journey *journey, struct migp_device *device,
                    size_t chunk, struct migp_error *error)
{
    while (journey->n < JOURNEY_MAX) {
        size_t room = JOURNEY_MAX - journey->n;
        migp_ssize got;

        do {
            got = migp_device_read(device, journey->bytes + journey->n,
                                   room < chunk ? room : chunk, error);
        } while (again(journey, device, got));
        if (got <= 0) {
            return (int)got;
        }
        journey->n += (size_t)got;
    }
    return MIGP_ERR_NO_SPACE;
}

static int read_once(struct journey *journey, struct migp_device *device,
                     size_t chunk, struct migp_error *error)
{
    migp_ssize got;

    do {
        got = migp_device_read(device, journey->bytes, chunk, error);
    } while (again(journey, device, got));
    if (got < 0) {
        return (int)got;
    }
    journey->n += (size_t)got;
    return MIGP_OK;
}

static int read_precopy(struct journey *journey, struct migp_device *device,
                        size_t chunk, struct migp_error *error)
{
    size_t round;

    for (round = 0; round < ROUNDS_MAX; round++) {
        struct migp_precopy_info info = {.struct_size = sizeof(info)};
        int status = read_all(journey, device, chunk, error);

        if (status != MIGP_ERR_PRECOPY_EMPTY) {
            return status;
        }
        do {
            status = migp_device_precopy_info(device, &info, error);
        } while (again(journey, device, status));
        if (status == MIGP_ERR_UNSUPPORTED ||
            (status == MIGP_OK && info.initial_bytes == 0 &&
             info.dirty_bytes == 0)) {
            return MIGP_OK;
        }
        if (status != MIGP_OK) {
            return status;
        }
    }
    return MIGP_OK;
}

static int go(const struct journey *journey, struct migp_device *device,
              uint32_t state, uint32_t needs, struct migp_error *error)
{
    struct migp_device_caps caps = {.struct_size = sizeof(caps)};

    (void)migp_device_get_caps(device, &caps);
    if ((caps.migration & needs) != needs) {
        return MIGP_OK;
    }
    return set(journey, device, state, error);
}

int journey_save(struct journey *journey, struct migp_device *device,
                 bool precopy, size_t chunk, struct migp_error *error)
{
    struct migp_device_caps caps = {.struct_size = sizeof(caps)};
    int status = MIGP_OK;

    journey->n = 0;
    (void)migp_device_get_caps(device, &caps);
    if (precopy && (caps.migration & MIGP_MIGRATION_PRE_COPY) != 0) {
        status = set(journey, device, MIGP_STATE_PRE_COPY, error);
        if (status == MIGP_OK) {
            status = journey->hasty
                         ? read_once(journey, device, chunk, error)
                         : read_precopy(journey, device, chunk, error);
        }
        if (status == MIGP_OK) {
            status = go(journey, device, MIGP_STATE_PRE_COPY_P2P,
                        MIGP_MIGRATION_P2P, error);
        }
    } else {
        status = go(journey, device, MIGP_STATE_RUNNING_P2P, MIGP_MIGRATION_P2P,
                    error);
    }
    if (status == MIGP_OK) {
        status = set(journey, device, MIGP_STATE_STOP_COPY, error);
    }
    if (status == MIGP_OK) {
        status = read_all(journey, device, chunk, error);
    }
    return status != MIGP_OK ? status
                             : set(journey, device, MIGP_STATE_STOP, error);
}

int journey_load(const struct journey *journey, struct migp_device *device,
                 size_t chunk, struct migp_error *error)
{
    int status = set(journey, device, MIGP_STATE_RESUMING, error);
    size_t done = 0;

    while (status == MIGP_OK && done < journey->n) {
        size_t size = journey->n - done < chunk ? journey->n - done : chunk;
        migp_ssize took;

        do {
            took =
                migp_device_write(device, journey->bytes + done, size, error);
        } while (again(journey, device, took));
        if (took < 0) {
            status = (int)took;
        } else if ((size_t)took < size && !journey->patient) {
            status = MIGP_ERR_CANCELLED;
        }
        done += took > 0 ? (size_t)took : 0;
    }
    if (status == MIGP_OK) {
        status = set(journey, device, MIGP_STATE_STOP, error);
    }
    return status != MIGP_OK ? status
                             : set(journey, device, MIGP_STATE_RUNNING, error);
}
