/* SPDX-License-Identifier: MIT */
#include "device/device.h"

#include "core/error.h"
#include "core/options.h"
#include "device/fsm.h"

#include <errno.h>
#include <string.h>

/* Drivers are known to say 0, UINT64_MAX and garbage. */
static uint64_t clamp(uint64_t estimate)
{
    return estimate < MIGP_ESTIMATE_MAX ? estimate : MIGP_ESTIMATE_MAX;
}

static int not_told(struct migp_error *error, int system_errno)
{
    return migp_error_say(error, MIGP_ERR_UNSUPPORTED, system_errno,
                          "the device does not tell");
}

/* A session that is gone says ENODEV, or EINVAL as the state is looked at
 * first. */
static int amount_failed(struct migp_device *device, int result,
                         const char *what, struct migp_error *error)
{
    if (result == -ENOTTY) {
        return not_told(error, ENOTTY);
    }
    if (result == -ENODEV || result == -EINVAL) {
        return migp_device_judge(device, MIGP_ERR_SYSTEM, result, what, error);
    }
    return migp_device_failed(device, error, MIGP_ERR_SYSTEM, result, what);
}

static int ask_info(struct migp_device *device, struct migp_precopy_info *info)
{
    int result;

    do {
        if (migp_device_cancelled(device)) {
            return MIGP_CALL_CANCELLED;
        }
        memset(info, 0, sizeof(*info));
        info->struct_size = sizeof(*info);
        result = migp_call_answer(
            device->ops.precopy_info(device->user, device->session, info));
    } while (result == -EINTR);
    return result;
}

int migp_device_precopy_info(struct migp_device *device,
                             struct migp_precopy_info *info,
                             struct migp_error *error)
{
    struct migp_precopy_info own;
    int result;

    if (device == NULL || info == NULL || info->struct_size < sizeof(size_t)) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    /* After a failed way out of PRE_COPY, drivers have oopsed on it. */
    if (device->session < 0 || device->needs_reset ||
        (device->state != MIGP_STATE_PRE_COPY &&
         device->state != MIGP_STATE_PRE_COPY_P2P)) {
        return migp_error_say(error, MIGP_ERR_STATE, 0,
                              "there is no pre-copy session in %s",
                              migp_state_name(device->state));
    }
    if (device->ops.precopy_info == NULL) {
        return not_told(error, 0);
    }
    result = ask_info(device, &own);
    if (result < 0) {
        return amount_failed(device, result, "asking what is left in pre-copy",
                             error);
    }
    own.struct_size = sizeof(own);
    own.initial_bytes = clamp(own.initial_bytes);
    own.dirty_bytes = clamp(own.dirty_bytes);
    own.flags &= (device->caps.features & MIGP_HAS_REINIT) != 0
                     ? (uint32_t)MIGP_PRECOPY_REINIT
                     : 0;
    return migp_struct_write(info, &own, sizeof(own));
}

int migp_device_stop_copy_size(struct migp_device *device, uint64_t *size,
                               struct migp_error *error)
{
    uint64_t estimate;
    int result;

    if (device == NULL || size == NULL) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    if (device->ops.stop_copy_size == NULL) {
        return not_told(error, 0);
    }
    do {
        if (migp_device_cancelled(device)) {
            return migp_error_set(error, MIGP_ERR_CANCELLED, NULL);
        }
        estimate = 0;
        result = migp_call_answer(
            device->ops.stop_copy_size(device->user, &estimate));
    } while (result == -EINTR);
    if (result < 0) {
        return amount_failed(device, result, "asking for the stop-copy size",
                             error);
    }
    *size = clamp(estimate);
    return MIGP_OK;
}
