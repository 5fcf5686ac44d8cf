/* SPDX-License-Identifier: MIT */
#include "conform/table.h"

#include "device/fsm.h"
#include "device/uapi.h"

#include <errno.h>
#include <migproto/vfio.h>
#include <stddef.h>
#include <string.h>

/* Drivers may put off the end of a session until a reset has become RUNNING,
 * which was awaited, and until the device is closed; a little more is given. */
#define LATER UINT64_C(5000000)

/* RESET where the device is; false if it does not lead to RUNNING. */
static bool reset_works(struct migp_kit *kit)
{
    kit->reset_broken = false;
    return migp_kit_reset(kit) && !kit->reset_broken;
}

/* A driver that keeps the state over an open keeps STOP, which is harmless;
 * RESUMING would not be: mtty crashes at the next SET. */
static void check_reopen(struct migp_kit *kit)
{
    uint32_t now = MIGP_STATE_COUNT;
    struct migp_error error = MIGP_ERROR_INIT;
    int code;

    if (!migp_kit_reset(kit) || !migp_kit_go(kit, MIGP_STATE_STOP)) {
        return;
    }
    code = migp_vfio_reopen(kit->vfio, &error);
    if (code == MIGP_ERR_UNSUPPORTED) {
        migp_kit_partial(kit, "the device was opened by somebody else and "
                              "cannot be opened again here");
        return;
    }
    if (code != MIGP_OK) {
        kit->lost = true;
        kit->lost_errno = error.system_errno;
        (void)migp_kit_skip(kit, "the device cannot be opened again: %.150s",
                            error.text);
        return;
    }
    (void)migp_kit_get(kit, &now, NULL);
    if (now != MIGP_STATE_RUNNING) {
        migp_kit_fail(kit, MIGP_ASPECT_REOPEN, "the state is %s after an open",
                      migp_state_name(now));
    }
}

/* The states of sessions are the matter of 31 and 38. */
void migp_check_reset_running(struct migp_kit *kit)
{
    static const uint32_t states[] = {MIGP_STATE_RUNNING, MIGP_STATE_STOP,
                                      MIGP_STATE_RUNNING_P2P};
    size_t i;

    for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (!migp_state_supported(kit->migration, states[i])) {
            continue;
        }
        if (!migp_kit_reset(kit) || !migp_kit_go(kit, states[i])) {
            return;
        }
        if (!reset_works(kit)) {
            migp_kit_fail(kit, MIGP_ASPECT_RULE,
                          "RESET in %s does not lead to RUNNING",
                          migp_state_name(states[i]));
            if (kit->lost) {
                return;
            }
        }
    }
    check_reopen(kit);
}

/* One read: a driver that gives what is left, and then ends, breaks it too. */
static void expect_end(struct migp_kit *kit, int session, const char *when,
                       uint32_t aspect)
{
    migp_kit_sleep(kit, LATER);
    if (migp_kit_read(kit, session, kit->scratch, 64) > 0) {
        migp_kit_fail(kit, aspect, "the data_fd still gives data after %s",
                      when);
    }
}

static void check_reset_in(struct migp_kit *kit, uint32_t state)
{
    int session;

    if (!migp_kit_reset(kit) || !migp_kit_go(kit, state)) {
        return;
    }
    session = kit->session;
    kit->session = -1;
    if (!reset_works(kit)) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "RESET in %s does not lead to RUNNING",
                      migp_state_name(state));
    } else {
        expect_end(kit, session, "RESET", MIGP_ASPECT_RULE);
    }
    migp_kit_close(kit, &session);
}

void migp_check_reset_session(struct migp_kit *kit)
{
    static const uint32_t states[] = {MIGP_STATE_STOP_COPY, MIGP_STATE_PRE_COPY,
                                      MIGP_STATE_PRE_COPY_P2P};
    size_t i;

    for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (migp_state_supported(kit->migration, states[i]) && !kit->lost) {
            check_reset_in(kit, states[i]);
        }
    }
}

static void check_close_data(struct migp_kit *kit)
{
    uint32_t state;
    size_t n;

    for (n = 0; migp_kit_state(kit, n, &state); n++) {
        uint32_t now = MIGP_STATE_COUNT;

        if (!migp_kit_reset(kit) || !migp_kit_go(kit, state)) {
            return;
        }
        if (kit->session < 0) {
            continue;
        }
        migp_kit_close(kit, &kit->session);
        (void)migp_kit_get(kit, &now, NULL);
        if (now != state) {
            migp_kit_fail(kit, MIGP_ASPECT_RULE,
                          "closing the data_fd leads from %s to %s",
                          migp_state_name(state), migp_state_name(now));
        }
    }
}

static void check_close_device(struct migp_kit *kit)
{
    uint32_t now = MIGP_STATE_COUNT;
    struct migp_error error = MIGP_ERROR_INIT;
    int session;
    int code;

    if (!migp_kit_reset(kit) || !migp_kit_go(kit, MIGP_STATE_STOP_COPY)) {
        return;
    }
    session = kit->session;
    kit->session = -1;
    code = migp_vfio_reopen(kit->vfio, &error);
    if (code == MIGP_ERR_UNSUPPORTED) {
        migp_kit_partial(kit, "the device was opened by somebody else and "
                              "cannot be closed here");
    } else if (code != MIGP_OK) {
        kit->lost = true;
        kit->lost_errno = error.system_errno;
        (void)migp_kit_skip(kit, "the device cannot be opened again: %.150s",
                            error.text);
    } else {
        expect_end(kit, session, "close of the device", MIGP_ASPECT_RULE);
        (void)migp_kit_get(kit, &now, NULL);
        if (now != MIGP_STATE_RUNNING) {
            migp_kit_fail(kit, MIGP_ASPECT_REOPEN,
                          "the state is %s after close and open",
                          migp_state_name(now));
        }
    }
    migp_kit_close(kit, &session);
}

void migp_check_close(struct migp_kit *kit)
{
    check_close_data(kit);
    if (!kit->lost) {
        check_close_device(kit);
    }
}

void migp_check_stopped_config(struct migp_kit *kit)
{
    struct migp_vfio_device_info info = {0};
    struct migp_error error = MIGP_ERROR_INIT;
    uint8_t running[4];
    uint8_t stopped[4];
    int result;

    info.argsz = sizeof(info);
    if (migp_vfio_region_read(kit->vfio, MIGP_VFIO_REGION_CONFIG, 0, running,
                              sizeof(running),
                              &error) != (migp_ssize)sizeof(running)) {
        (void)migp_kit_skip(kit,
                            "config space cannot be read in RUNNING: "
                            "%.150s",
                            error.text);
        return;
    }
    if (!migp_kit_go(kit, MIGP_STATE_STOP)) {
        return;
    }
    if (migp_vfio_region_read(kit->vfio, MIGP_VFIO_REGION_CONFIG, 0, stopped,
                              sizeof(stopped),
                              &error) != (migp_ssize)sizeof(stopped)) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "config space cannot be read in STOP: %.150s",
                      error.text);
    } else if (memcmp(running, stopped, sizeof(running)) != 0) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "vendor and device read differently in STOP");
    }
    result = migp_kit_ioctl(kit, migp_vfio_fd(kit->vfio),
                            MIGP_VFIO_DEVICE_GET_INFO, &info);
    if (result < 0) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "DEVICE_GET_INFO answers %s in "
                      "STOP",
                      migp_kit_answer(result));
    }
    migp_kit_partial(kit, "that no interrupt comes was not looked at");
}

void migp_check_p2p(struct migp_kit *kit)
{
    if ((kit->migration & MIGP_MIGRATION_P2P) == 0) {
        (void)migp_kit_skip(kit, "the device has no P2P states");
    } else {
        (void)migp_kit_skip(kit, "DMA between devices cannot be seen from "
                                 "outside");
    }
}
