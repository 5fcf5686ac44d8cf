/* SPDX-License-Identifier: MIT */
#include "device/device.h"

#include "core/error.h"
#include "core/options.h"
#include "device/fsm.h"

#include <errno.h>

/* The largest number that Linux gives an errno: include/linux/err.h
 * MAX_ERRNO. */
#define MAX_ERRNO 4095

int migp_call_answer(int result)
{
    return result > 0 || result < -MAX_ERRNO ? -EPROTO : result;
}

/* [DV-12] */
migp_ssize migp_call_amount(migp_ssize result, size_t size)
{
    if (result < -MAX_ERRNO || (result > 0 && (uint64_t)result > size)) {
        return -EPROTO;
    }
    return result;
}

int migp_device_ask(struct migp_device *device, uint32_t *state)
{
    uint32_t answer = MIGP_STATE_COUNT;
    int result;

    do {
        if (migp_device_cancelled(device)) {
            return MIGP_CALL_CANCELLED;
        }
        result = migp_call_answer(device->ops.get_state(device->user, &answer));
    } while (result == -EINTR);
    if (result < 0) {
        return result;
    }
    if (!migp_state_supported(device->caps.migration, answer)) {
        return -EPROTO;
    }
    *state = answer;
    return 0;
}

bool migp_device_same_session(uint32_t left, uint32_t right)
{
    return (migp_state_saving(left) && migp_state_saving(right)) ||
           (left == MIGP_STATE_RESUMING && right == MIGP_STATE_RESUMING);
}

bool migp_device_has_session(uint32_t state)
{
    return migp_state_saving(state) || state == MIGP_STATE_RESUMING;
}

void migp_device_end_session(struct migp_device *device)
{
    int session = device->session;

    device->session = MIGP_NO_SESSION;
    device->read_failure = MIGP_OK;
    device->write_cut = false;
    if (session >= 0 && device->ops.end_session != NULL) {
        device->ops.end_session(device->user, session);
    }
}

/* [DV-5] */
void migp_device_adopt(struct migp_device *device, uint32_t state)
{
    if (!migp_device_same_session(device->state, state)) {
        migp_device_end_session(device);
        if (migp_device_has_session(device->state)) {
            device->needs_reset = false; /* it is out of there */
        }
        device->lost = false;
    }
    device->state = state;
    device->unsure = false;
    if (state == MIGP_STATE_ERROR) {
        device->needs_reset = true;
    }
}

int migp_device_moved(struct migp_device *device, uint32_t state,
                      struct migp_error *error)
{
    uint32_t left = device->state;

    migp_device_end_session(device);
    migp_device_adopt(device, state);
    if (state == MIGP_STATE_RUNNING) {
        device->needs_reset = false; /* it had one */
    }
    return migp_error_say(error, MIGP_ERR_DEVICE_RESET, 0,
                          "the device is in %s, it was left in %s: somebody "
                          "else reset it",
                          migp_state_name(state), migp_state_name(left));
}

/* What the backend has to say, bounded; "" for nothing. */
static const char *explanation(const struct migp_device *device)
{
    const char *text = NULL;

    if (device->ops.explain != NULL) {
        text = device->ops.explain(device->user);
    }
    return text != NULL ? text : "";
}

int migp_device_failed(const struct migp_device *device,
                       struct migp_error *error, int code, migp_ssize result,
                       const char *what)
{
    const char *why = explanation(device);

    if (result == MIGP_CALL_CANCELLED) {
        return migp_error_set(error, MIGP_ERR_CANCELLED, NULL);
    }
    return migp_error_say(error, code, (int)-result, "%s failed%s%.100s%s",
                          what, *why != '\0' ? " (" : "", why,
                          *why != '\0' ? ")" : "");
}

int migp_device_gone(const struct migp_device *device, struct migp_error *error)
{
    const char *why = explanation(device);

    return migp_error_say(
        error, MIGP_ERR_DEVICE_LOST, ENODEV, "the device is gone%s%.100s%s",
        *why != '\0' ? " (" : "", why, *why != '\0' ? ")" : "");
}

static int unanswered(const struct migp_device *device, int result,
                      struct migp_error *error)
{
    if (result == -ENODEV) {
        return migp_device_gone(device, error);
    }
    return migp_device_failed(device, error, MIGP_ERR_SYSTEM, result,
                              "asking for the state");
}

/* [DV-4] */
int migp_device_look(struct migp_device *device, struct migp_error *error)
{
    uint32_t state;
    int result = migp_device_ask(device, &state);

    if (result < 0) {
        return unanswered(device, result, error);
    }
    if (state != device->state && !device->unsure) {
        return migp_device_moved(device, state, error);
    }
    if (device->unsure && !migp_device_same_session(device->state, state)) {
        migp_device_adopt(device, state);
        device->lost = migp_device_has_session(state);
    }
    migp_device_adopt(device, state);
    return MIGP_OK;
}

/* [DV-14] */
int migp_device_judge(struct migp_device *device, int code, migp_ssize result,
                      const char *what, struct migp_error *error)
{
    int seen;

    if (result == MIGP_CALL_CANCELLED) {
        return migp_error_set(error, MIGP_ERR_CANCELLED, NULL);
    }
    seen = migp_device_look(device, error);
    if (seen == MIGP_ERR_DEVICE_RESET || seen == MIGP_ERR_DEVICE_LOST) {
        return seen;
    }
    return migp_device_failed(device, error, code, result, what);
}

int migp_device_query_state(struct migp_device *device, uint32_t *state,
                            struct migp_error *error)
{
    int code;

    if (device == NULL) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    code = migp_device_look(device, error);
    if (state != NULL && (code == MIGP_OK || code == MIGP_ERR_DEVICE_RESET)) {
        *state = device->state;
    }
    return code;
}

int migp_device_give_error(struct migp_error *given, int code,
                           const struct migp_error *own)
{
    if (given != NULL && code != MIGP_OK) {
        (void)migp_struct_write(given, own, sizeof(*own));
    }
    return code;
}
