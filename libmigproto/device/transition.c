/* SPDX-License-Identifier: MIT */
#include "device/device.h"

#include "core/error.h"
#include "device/fsm.h"

#include <errno.h>

/* A state's longest way has this many steps. */
#define MAX_STEPS 7

static bool on_the_way(const struct migp_device *device, uint32_t from,
                       uint32_t target, uint32_t state)
{
    uint32_t path[MAX_STEPS];
    migp_ssize n =
        migp_state_path(device->caps.migration, from, target, path, MAX_STEPS);
    migp_ssize i;

    for (i = 0; i < n; i++) {
        if (path[i] == state) {
            return true;
        }
    }
    return state == from;
}

/* [DV-9] */
int migp_device_request(struct migp_device *device, uint32_t target,
                        int *session)
{
    const uint32_t from = device->state;
    const bool opens = migp_step_opens(from, target);

    for (;;) {
        uint32_t state;
        int result;

        *session = MIGP_NO_SESSION;
        if (migp_device_cancelled(device)) {
            return MIGP_CALL_CANCELLED;
        }
        result = migp_call_answer(
            device->ops.set_state(device->user, target, session));
        if (result == 0) {
            return 0;
        }
        *session = MIGP_NO_SESSION;
        if (result != -EINTR) {
            return result;
        }
        result = migp_device_ask(device, &state);
        if (result < 0) {
            device->unsure = true;
            return result == MIGP_CALL_CANCELLED ? result : -EINTR;
        }
        if (!on_the_way(device, from, target, state)) {
            return -EINTR;
        }
        migp_device_adopt(device, state);
        if (state == target && !opens) {
            return 0;
        }
        /* It has happened, but what it opened has not come. Asked once more,
         * a backend may still have it; the kernel changes nothing, gives none,
         * and that is the failure. */
    }
}

/* Why a change from here to there is not even asked for. [DV-2] */
static int refuse(const struct migp_device *device, uint32_t target,
                  struct migp_error *error)
{
    migp_ssize n =
        migp_state_path(device->caps.migration, device->state, target, NULL, 0);

    if (n >= 0 && device->write_cut && target != MIGP_STATE_RESUMING) {
        return migp_error_say(error, MIGP_ERR_STATE, 0,
                              "the last write was cancelled: what is loaded "
                              "now would lack its rest");
    }
    if (n >= 0) {
        return MIGP_OK;
    }
    if (n == MIGP_ERR_UNSUPPORTED) {
        return migp_error_say(error, MIGP_ERR_UNSUPPORTED, 0,
                              "the device does not have the state %s",
                              migp_state_name(target));
    }
    return migp_error_say(error, (int)n, 0, "there is no way from %s to %s",
                          migp_state_name(device->state),
                          migp_state_name(target));
}

/*
 * The change failed: find out where the device is now. Everything it may have
 * been asked to do lies on the way; anything else is somebody else's doing.
 */
static int failed(struct migp_device *device, uint32_t from, uint32_t target,
                  int result, struct migp_error *error)
{
    int code = from == MIGP_STATE_RESUMING ? MIGP_ERR_REFUSED : MIGP_ERR_SYSTEM;
    int system_errno = -result;
    uint32_t state;

    /* Until it is known that the device has left the state that must not be
     * left twice. */
    if (migp_device_one_way(from, target)) {
        device->needs_reset = true;
    }
    result = migp_device_ask(device, &state);
    if (result < 0) {
        device->unsure = true;
        if (result == MIGP_CALL_CANCELLED) {
            return migp_error_set(error, MIGP_ERR_CANCELLED, NULL);
        }
        if (result == -ENODEV) {
            return migp_device_gone(device, error);
        }
        (void)migp_error_say(error, code, system_errno,
                             "going from %s to %s failed, and the device does "
                             "not say where it is",
                             migp_state_name(from), migp_state_name(target));
        return device->recover == MIGP_RECOVER_NONE && !device->needs_reset
                   ? code
                   : migp_device_last_resort(device, code, error);
    }
    if (state != MIGP_STATE_ERROR && !on_the_way(device, from, target, state)) {
        device->needs_reset = false; /* not our doing, so not our way out */
        return migp_device_moved(device, state, error);
    }
    if (state != from && state != MIGP_STATE_ERROR) {
        code = MIGP_ERR_SYSTEM; /* what was written has been taken */
    }
    migp_device_adopt(device, state);
    (void)migp_error_say(
        error, code, system_errno, "going from %s to %s failed in %s",
        migp_state_name(from), migp_state_name(target), migp_state_name(state));
    return migp_device_recover(device, from, target, code, error);
}

/* A session that nobody asked for: the device was not where it was thought to
 * be, so the one that was open is dead. */
static int surprised(struct migp_device *device, uint32_t target, int session,
                     struct migp_error *error)
{
    uint32_t state = target;
    bool unsure;

    if (device->ops.end_session != NULL && session != device->session) {
        device->ops.end_session(device->user, session);
    }
    unsure = migp_device_ask(device, &state) < 0;
    (void)migp_device_moved(device, state, error);
    device->unsure = unsure;
    /* The reset had left it RUNNING; what it was asked for after that made it
     * go on, in the worst case stop, with a session that nobody has. */
    if (!unsure && device->recover != MIGP_RECOVER_NONE &&
        migp_state_saving(device->state)) {
        migp_device_let_run(device);
    }
    return migp_error_say(error, MIGP_ERR_DEVICE_RESET, 0,
                          "a session was opened on the way to %s where one was "
                          "open or none belongs: somebody else reset the "
                          "device, it is in %s",
                          migp_state_name(target),
                          migp_state_name(device->state));
}

/* The driver says that the change has been made. */
static int arrive(struct migp_device *device, uint32_t from, uint32_t target,
                  int session, struct migp_error *error)
{
    bool opens = migp_step_opens(from, target) ||
                 (device->lost && migp_device_has_session(target));
    uint32_t state;
    int result;

    if (session >= 0 && !opens) {
        return surprised(device, target, session, error);
    }
    migp_device_adopt(device, target);
    if (opens) {
        if (session < 0) {
            return failed(device, from, target, -EBADF, error);
        }
        device->session = session;
        device->lost = false;
    }
    /* A reset that was deferred until now leaves a success and a session that
     * is dead. */
    result = migp_device_ask(device, &state);
    if (result == MIGP_CALL_CANCELLED) {
        return migp_error_set(error, MIGP_ERR_CANCELLED, NULL);
    }
    if (result < 0) {
        return failed(device, from, target, result, error);
    }
    return state == target ? MIGP_OK : migp_device_moved(device, state, error);
}

static int change(struct migp_device *device, uint32_t target,
                  struct migp_error *error)
{
    uint32_t from = device->state;
    int session;
    int result = migp_device_request(device, target, &session);

    if (result == MIGP_CALL_CANCELLED) {
        return migp_error_set(error, MIGP_ERR_CANCELLED, NULL);
    }
    if (result < 0) {
        return failed(device, from, target, result, error);
    }
    return arrive(device, from, target, session, error);
}

static int set_state(struct migp_device *device, uint32_t target,
                     struct migp_error *error)
{
    int code = MIGP_OK;

    if (!migp_state_supported(device->caps.migration, target)) {
        return refuse(device, target, error);
    }
    if (device->needs_reset) {
        return migp_error_set(error, MIGP_ERR_NEEDS_RESET, NULL);
    }
    if (device->unsure) {
        code = migp_device_look(device, error);
    }
    if (code == MIGP_OK) {
        code = refuse(device, target, error);
    }
    if (code == MIGP_OK) {
        code = migp_device_look(device, error);
    }
    /* [DV-3] */
    if (code < 0 || (device->state == target && !device->lost)) {
        return code;
    }
    return change(device, target, error);
}

int migp_device_set_state(struct migp_device *device, uint32_t state,
                          struct migp_error *error)
{
    struct migp_error own = MIGP_ERROR_INIT;

    if (device == NULL || state >= MIGP_STATE_COUNT) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    return migp_device_give_error(error, set_state(device, state, &own), &own);
}
