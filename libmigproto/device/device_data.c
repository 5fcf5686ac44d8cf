/* SPDX-License-Identifier: MIT */
#include "device/device.h"

#include "core/error.h"
#include "device/fsm.h"

#include <errno.h>

static int no_session(const struct migp_device *device, const char *what,
                      struct migp_error *error)
{
    return migp_error_say(
        error, MIGP_ERR_STATE, 0, "there is no session to %s in %s%s", what,
        migp_state_name(device->state),
        device->needs_reset ? ", and only a reset helps the device" : "");
}

/* From here on bytes may be missing: the session answers nothing else. [DV-11] */
static migp_ssize read_failed(struct migp_device *device, migp_ssize result,
                              struct migp_error *error)
{
    int code = MIGP_ERR_SYSTEM;

    if (result == -ENODEV) {
        code = migp_device_judge(device, code, result, "reading", error);
    } else {
        (void)migp_device_failed(device, error, code, result, "reading");
    }
    if (code == MIGP_ERR_SYSTEM || code == MIGP_ERR_DEVICE_LOST) {
        device->read_failure = code;
        device->read_errno = (int)-result;
    }
    return code;
}

/* A read gave nothing. What that means depends on where the device is; linux
 * include/uapi/linux/vfio.h has ENOMSG in PRE_COPY and 0 in STOP_COPY, some
 * drivers have 0 in both. [DV-8] */
static migp_ssize read_nothing(struct migp_device *device,
                               struct migp_error *error)
{
    int code;

    if (device->state != MIGP_STATE_STOP_COPY) {
        return migp_error_set(error, MIGP_ERR_PRECOPY_EMPTY, NULL);
    }
    /* The data fd of a device that was reset may say 0, too. */
    code = migp_device_look(device, error);
    if (code == MIGP_OK && device->state != MIGP_STATE_STOP_COPY) {
        /* It was not known for sure where it is, and it is not at an end. */
        return migp_device_moved(device, device->state, error);
    }
    return code;
}

migp_ssize migp_device_read(struct migp_device *device, void *bytes,
                            size_t size, struct migp_error *error)
{
    migp_ssize result;

    if (device == NULL || bytes == NULL || size == 0) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    if (device->unsure && !device->needs_reset) {
        int code = migp_device_look(device, error);

        if (code < 0) {
            return code;
        }
    }
    if (device->session < 0 || !migp_state_saving(device->state) ||
        device->needs_reset) {
        return no_session(device, "read from", error);
    }
    if (device->read_failure != MIGP_OK) {
        return migp_error_say(error, device->read_failure, device->read_errno,
                              "reading has failed before in this session");
    }
    do {
        if (migp_device_cancelled(device)) {
            return migp_error_set(error, MIGP_ERR_CANCELLED, NULL);
        }
        result = device->ops.read(device->user, device->session, bytes, size);
    } while (result == -EINTR);
    if (result > 0 && (uint64_t)result <= size) {
        return result;
    }
    if (result == 0 ||
        (result == -ENOMSG && device->state != MIGP_STATE_STOP_COPY)) {
        return read_nothing(device, error);
    }
    return read_failed(device, migp_call_amount(result, size), error);
}

/* Some drivers load what they have just refused (mtty does), so nothing more
 * is written, and RESUMING is not left but by a reset. [DV-10] */
static migp_ssize write_failed(struct migp_device *device, size_t done,
                               migp_ssize result, struct migp_error *error)
{
    struct migp_error own = MIGP_ERROR_INIT;
    int code = MIGP_ERR_REFUSED;

    if (result == 0) {
        (void)migp_error_say(&own, code, 0, "the device took nothing");
    } else if (result == -ENODEV) {
        code = migp_device_judge(device, code, result, "writing", &own);
    } else {
        (void)migp_device_failed(device, &own, code, result, "writing");
    }
    own.value = done;
    if (code == MIGP_ERR_REFUSED) {
        code = migp_device_last_resort(device, code, &own);
    } else if (code == MIGP_ERR_DEVICE_LOST) {
        device->needs_reset = true; /* should it come back */
    }
    return migp_device_give_error(error, code, &own);
}

migp_ssize migp_device_write(struct migp_device *device, const void *bytes,
                             size_t size, struct migp_error *error)
{
    const uint8_t *from = bytes;
    size_t done = 0;

    if (device == NULL || (bytes == NULL && size > 0) || size > INT64_MAX) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    /* It may have loaded already: what is written now would be lost. */
    if (device->unsure && !device->needs_reset) {
        int code = migp_device_look(device, error);

        if (code < 0) {
            return code;
        }
    }
    if (device->needs_reset) {
        return migp_error_set(error, MIGP_ERR_NEEDS_RESET, NULL);
    }
    if (device->session < 0 || device->state != MIGP_STATE_RESUMING) {
        return no_session(device, "write to", error);
    }
    while (done < size) {
        size_t left = size - done;
        migp_ssize result;

        if (migp_device_cancelled(device)) {
            device->write_cut = true;
            return done > 0 ? (migp_ssize)done
                            : migp_error_set(error, MIGP_ERR_CANCELLED, NULL);
        }
        result = migp_call_amount(
            device->ops.write(device->user, device->session, from + done, left),
            left);
        if (result == -EINTR) {
            continue;
        }
        if (result <= 0) {
            return write_failed(device, done, result, error);
        }
        done += (size_t)result;
        device->write_cut = false;
    }
    return (migp_ssize)size;
}
