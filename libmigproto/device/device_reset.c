/* SPDX-License-Identifier: MIT */
#include "device/device.h"

#include "core/error.h"
#include "device/fsm.h"

#include <errno.h>

/* Between two questions; firmware takes from no time to seconds. */
#define FIRST_PAUSE UINT64_C(1000000)
#define LONGEST_PAUSE UINT64_C(100000000)

/* How long one reset may take in all. */
struct patience {
    struct migp_device *device;
    uint64_t start;
    uint64_t slept;
    uint64_t pause;
};

static uint64_t time_left(const struct patience *patience)
{
    const struct migp_device *device = patience->device;
    uint64_t now = device->clock.now(device->clock.user);
    /* A clock that stands still must not make this wait for ever. */
    uint64_t passed =
        now > patience->start ? now - patience->start : patience->slept;

    return passed < device->reset_timeout ? device->reset_timeout - passed : 0;
}

/* Sleep once; false if the time is over. */
static bool wait_some(struct patience *patience)
{
    struct migp_device *device = patience->device;
    uint64_t left = time_left(patience);
    uint64_t pause = patience->pause < left ? patience->pause : left;

    if (left == 0) {
        return false;
    }
    device->clock.sleep(device->clock.user, pause);
    patience->slept += pause;
    patience->pause = patience->pause < LONGEST_PAUSE / 2 ? patience->pause * 2
                                                          : LONGEST_PAUSE;
    return true;
}

static int ask_reset(struct patience *patience)
{
    struct migp_device *device = patience->device;
    int result;

    do {
        if (migp_device_cancelled(device)) {
            return MIGP_CALL_CANCELLED;
        }
        result = migp_call_answer(device->ops.reset(device->user));
        /* EAGAIN: the kernel could not take the device's lock. */
    } while (result == -EINTR || (result == -EAGAIN && wait_some(patience)));
    return result;
}

static int await_running(struct patience *patience, struct migp_error *error)
{
    struct migp_device *device = patience->device;
    uint32_t state;

    do {
        int result = migp_device_ask(device, &state);

        if (result == -ENODEV) {
            return migp_device_gone(device, error);
        }
        if (result < 0) {
            return migp_device_failed(device, error, MIGP_ERR_SYSTEM, result,
                                      "asking for the state after a reset");
        }
        migp_device_adopt(device, state);
        if (state == MIGP_STATE_RUNNING) {
            device->needs_reset = false;
            return MIGP_OK;
        }
    } while (wait_some(patience));
    return migp_error_say(error, MIGP_ERR_TIMED_OUT, 0,
                          "the device is in %s after a reset, not in RUNNING",
                          migp_state_name(state));
}

/* [DV-15] */
int migp_device_reset(struct migp_device *device, struct migp_error *error)
{
    struct patience patience;
    int result;

    if (device == NULL) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    if ((device->caps.features & MIGP_HAS_RESET) == 0) {
        return migp_error_say(error, MIGP_ERR_UNSUPPORTED, 0,
                              "the device cannot be reset");
    }
    patience.device = device;
    patience.start = device->clock.now(device->clock.user);
    patience.slept = 0;
    patience.pause = FIRST_PAUSE;
    result = ask_reset(&patience);
    if (result == -ENOTTY) {
        return migp_error_say(error, MIGP_ERR_UNSUPPORTED, ENOTTY,
                              "the device cannot be reset");
    }
    if (result < 0) {
        /* It may have happened all the same, or in part. */
        device->unsure = true;
        return migp_device_judge(device, MIGP_ERR_SYSTEM, result, "the reset",
                                 error);
    }
    migp_device_end_session(device);
    device->unsure = true;
    /* What was in the session must not be loaded if it does not come. */
    device->needs_reset = true;
    return await_running(&patience, error);
}
