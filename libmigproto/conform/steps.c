/* SPDX-License-Identifier: MIT */
#include "conform/kit.h"

#include "device/fsm.h"
#include "device/uapi.h"

#include <errno.h>
#include <migproto/vfio.h>
#include <stddef.h>

#define MS UINT64_C(1000000)

/* Drivers may defer the work of a reset to whoever holds their lock, and the
 * kernel answers EAGAIN while somebody else resets. */
#define RESET_TIMEOUT (3000 * MS)
#define RESET_STEP (5 * MS)
/* Enough where a reset was seen not to help. */
#define BROKEN_TIMEOUT (50 * MS)
/* A device that does not answer GET will not do so later. */
#define MOST_ERRORS 3

static void stop_logging(struct migp_kit *kit)
{
    if (kit->logging) {
        (void)migp_kit_feature(
            kit, 8, MIGP_FEATURE_DMA_LOGGING_STOP | MIGP_VFIO_FEATURE_SET, NULL,
            0);
        kit->logging = false;
    }
}

/* Returns 0, or the error of the last call; *state: where it was last. */
static int await_running(struct migp_kit *kit, uint32_t *state)
{
    const uint64_t limit = kit->reset_broken ? BROKEN_TIMEOUT : RESET_TIMEOUT;
    const uint64_t start = kit->sys->now(kit->sys->user);
    uint64_t turns = limit / RESET_STEP;
    unsigned errors = 0;
    bool asked = false;
    int result = 0;

    /* The count bounds it where the clock stands still. */
    while (turns-- > 0 && kit->sys->now(kit->sys->user) - start < limit) {
        if (!asked) {
            result = migp_kit_ioctl(kit, migp_vfio_fd(kit->vfio),
                                    MIGP_VFIO_DEVICE_RESET_IOCTL, NULL);
            asked = result >= 0;
        }
        if (asked) {
            result = migp_kit_get(kit, state, NULL);
            if (result == 0 && *state == MIGP_STATE_RUNNING) {
                return 0;
            }
            if (result != 0 && ++errors == MOST_ERRORS) {
                return result;
            }
        } else if (result != -EAGAIN) {
            break;
        }
        migp_kit_sleep(kit, RESET_STEP);
    }
    return result;
}

/* Where RESET does not help: the checks that tell of it come later, so the
 * suite must go on. Leaving RESUMING would load what was written. */
static int come_back(struct migp_kit *kit, uint32_t *state)
{
    int32_t fd = -2;
    int result = migp_kit_get(kit, state, NULL);

    if (result == 0 && *state != MIGP_STATE_RUNNING &&
        *state != MIGP_STATE_RESUMING) {
        result = migp_kit_set(kit, MIGP_STATE_RUNNING, &fd);
        if (result == 0) {
            result = migp_kit_get(kit, state, NULL);
        }
    }
    if ((result != 0 || *state != MIGP_STATE_RUNNING) &&
        migp_vfio_reopen(kit->vfio, NULL) == MIGP_OK) {
        result = migp_kit_get(kit, state, NULL);
    }
    return result;
}

bool migp_kit_reset(struct migp_kit *kit)
{
    uint32_t state = MIGP_STATE_COUNT;
    int result;

    stop_logging(kit);
    result = await_running(kit, &state);
    migp_kit_close(kit, &kit->session);
    migp_kit_close(kit, &kit->kept);
    if (result == 0 && state == MIGP_STATE_RUNNING) {
        return true;
    }
    kit->reset_broken = true;
    kit->lost_errno = -result;
    result = come_back(kit, &state);
    if (result == 0 && state == MIGP_STATE_RUNNING) {
        return true;
    }
    kit->lost = true;
    kit->lost_errno = result < 0 ? -result : kit->lost_errno;
    return migp_kit_skip(kit, "the device does not come back from a reset: %s",
                         result < 0 ? migp_kit_answer(result)
                                    : migp_state_name(state));
}

bool migp_kit_go(struct migp_kit *kit, uint32_t state)
{
    uint32_t now = MIGP_STATE_COUNT;
    int32_t fd = -2;
    int result = migp_kit_set(kit, state, &fd);

    if (result != 0) {
        return migp_kit_skip(kit, "SET to %s fails with %s; see 7",
                             migp_state_name(state), migp_kit_answer(result));
    }
    if (fd >= 0) {
        if (kit->session >= 0) {
            migp_kit_close(kit, &kit->kept);
            kit->kept = kit->session;
        }
        kit->session = fd;
    }
    result = migp_kit_get(kit, &now, NULL);
    if (result != 0 || now != state) {
        return migp_kit_skip(kit, "%s after SET to %s; see 7",
                             result != 0 ? migp_kit_answer(result)
                                         : migp_state_name(now),
                             migp_state_name(state));
    }
    return true;
}

bool migp_kit_start(struct migp_kit *kit, uint32_t state)
{
    size_t done;
    int result;

    if (!migp_kit_reset(kit) || !migp_kit_go(kit, state)) {
        return false;
    }
    if (state != MIGP_STATE_RESUMING) {
        return true;
    }
    result = migp_kit_pour(kit, kit->image.bytes, kit->image.size,
                           MIGP_CUT_LARGE, &done);
    return result == 0 ||
           migp_kit_skip(kit,
                         "the device's own stream is refused with %s; "
                         "see 26",
                         migp_kit_answer(result));
}

bool migp_kit_state(const struct migp_kit *kit, size_t n, uint32_t *state)
{
    for (*state = MIGP_STATE_STOP; *state < MIGP_STATE_COUNT; (*state)++) {
        if (migp_state_supported(kit->migration, *state) && n-- == 0) {
            return true;
        }
    }
    return false;
}

bool migp_kit_need_image(struct migp_kit *kit)
{
    if (kit->image.size > 0) {
        return true;
    }
    if (!migp_kit_start(kit, MIGP_STATE_STOP_COPY) ||
        !migp_kit_drain_all(kit, &kit->image, MIGP_CUT_LARGE)) {
        kit->image.size = 0;
        return false;
    }
    if (kit->image.size == 0) {
        return migp_kit_skip(kit, "the device gives no state");
    }
    return migp_kit_reset(kit);
}
