/* SPDX-License-Identifier: MIT */
#include "device/device.h"

#include "core/error.h"
#include "device/fsm.h"

#include <errno.h>

static int no_config(struct migp_error *error)
{
    return migp_error_say(error, MIGP_ERR_UNSUPPORTED, 0,
                          "the device keeps no CONFIG bytes: config space is "
                          "the VMM's");
}

migp_ssize migp_device_save_config(struct migp_device *device, void *bytes,
                                   size_t size, struct migp_error *error)
{
    migp_ssize result;

    if (device == NULL || (bytes == NULL && size > 0)) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    if ((device->caps.features & MIGP_HAS_CONFIG) == 0) {
        return no_config(error);
    }
    do {
        if (migp_device_cancelled(device)) {
            return migp_error_set(error, MIGP_ERR_CANCELLED, NULL);
        }
        result = migp_call_amount(
            device->ops.save_config(device->user, bytes, size), size);
    } while (result == -EINTR);
    if (result >= 0) {
        return result;
    }
    if (result == -ENOSPC) {
        return migp_error_set(error, MIGP_ERR_NO_SPACE, NULL);
    }
    return migp_device_failed(device, error, MIGP_ERR_SYSTEM, result,
                              "asking for the CONFIG bytes");
}

int migp_device_load_config(struct migp_device *device, const void *bytes,
                            size_t size, struct migp_error *error)
{
    struct migp_error own = MIGP_ERROR_INIT;
    int result;
    int code;

    if (device == NULL || (bytes == NULL && size > 0)) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    if ((device->caps.features & MIGP_HAS_CONFIG) == 0) {
        return no_config(error);
    }
    if (device->state != MIGP_STATE_RESUMING || device->needs_reset) {
        return migp_error_say(error, MIGP_ERR_STATE, 0,
                              "CONFIG bytes are loaded in RESUMING, before "
                              "anything was refused; the device is in %s",
                              migp_state_name(device->state));
    }
    do {
        if (migp_device_cancelled(device)) {
            return migp_error_set(error, MIGP_ERR_CANCELLED, NULL);
        }
        result = migp_call_answer(
            device->ops.load_config(device->user, bytes, size));
    } while (result == -EINTR);
    if (result == 0) {
        return MIGP_OK;
    }
    code = migp_device_judge(device, MIGP_ERR_REFUSED, result,
                             "loading the CONFIG bytes", &own);
    if (code == MIGP_ERR_REFUSED) {
        code = migp_device_last_resort(device, code, &own);
    }
    return migp_device_give_error(error, code, &own);
}
