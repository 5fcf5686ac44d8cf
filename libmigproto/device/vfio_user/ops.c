/* SPDX-License-Identifier: MIT */
#include "device/vfio_user/client.h"

#include "device/fsm.h"
#include "device/uapi.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Of a PCI device: vendor and device are the first four bytes of it. */
#define CONFIG_REGION 7

static void ask_ids(struct migp_vfio_user *server,
                    struct migp_device_caps *caps)
{
    uint16_t ids[2] = {0, 0};
    migp_ssize got =
        migp_user_region_read(server, CONFIG_REGION, 0, ids, sizeof(ids));

    if (got == (migp_ssize)sizeof(ids) && ids[0] != UINT16_MAX) {
        caps->vendor = ids[0];
        caps->product = ids[1];
    }
}

static int user_caps(void *user, struct migp_device_caps *caps)
{
    struct migp_vfio_user *server = user;
    uint32_t device = 0;
    uint64_t migration = 0;
    int code = migp_user_get_migration(server, &migration);

    if (code < 0) {
        /* libvfio-user's word for "no migration"; the kernel's is ENOTTY */
        return code == -EINVAL ? -ENOTTY : code;
    }
    caps->migration = migration < UINT32_MAX ? (uint32_t)migration : UINT32_MAX;
    /* libvfio-user has a reset and is PCI, but does not say so in STOP and
     * STOP_COPY, where GET_INFO is refused */
    if (migp_user_device_flags(server, &device) < 0) {
        device = MIGP_VFIO_DEVICE_FLAGS_RESET | MIGP_VFIO_DEVICE_FLAGS_PCI;
    }
    if (device & MIGP_VFIO_DEVICE_FLAGS_PCI) {
        ask_ids(server, caps);
    }
    if (device & MIGP_VFIO_DEVICE_FLAGS_RESET) {
        caps->features |= MIGP_HAS_RESET;
    }
    code = migp_user_has_log(server);
    if (code > 0) {
        caps->features |= MIGP_HAS_DMA_LOGGING;
    }
    (void)snprintf(caps->backend, sizeof(caps->backend), "vfio-user");
    (void)snprintf(caps->name, sizeof(caps->name), "%s", server->name);
    return server->dead ? -ENODEV : 0;
}

static int user_get_state(void *user, uint32_t *state)
{
    return migp_user_get_state(user, state, MIGP_USER_STOPPABLE);
}

/* There is no data fd: a session is what the kernel would have opened one
 * for. */
static int user_set_state(void *user, uint32_t state, int *session)
{
    struct migp_vfio_user *server = user;
    const struct migp_user_session *now = &server->session;
    const bool saving = migp_state_saving(state);
    int code = migp_user_set_state(server, state, MIGP_USER_STOPPABLE);

    if (code < 0 || (!saving && state != MIGP_STATE_RESUMING)) {
        return code;
    }
    /* Not by where the device was: after an interruption it may have been
     * there already, and what it opened is handed out now. */
    if (!now->open || now->saving != saving) {
        *session = migp_user_session_open(server, saving);
    }
    return 0;
}

static migp_ssize user_read(void *user, int session, void *bytes, size_t size)
{
    return migp_user_read(user, session, bytes, size);
}

static migp_ssize user_write(void *user, int session, const void *bytes,
                             size_t size)
{
    return migp_user_write(user, session, bytes, size);
}

/*
 * libvfio-user refuses a reset in STOP and STOP_COPY (should_exec_command), so
 * the device runs first; and its reset leaves the state as it is, so a device
 * in PRE_COPY is told to run afterwards. From RESUMING the way to RUNNING loads
 * what was written: it is left there, for the device to report. Signals do not
 * interrupt it: it is several requests. [VU-3] [VU-4]
 */
static int user_reset(void *user)
{
    struct migp_vfio_user *server = user;
    struct migp_user_call call = {.fd = -1};
    uint32_t state = 0;
    int code = migp_user_get_state(server, &state, MIGP_USER_FIRM);

    if (code == 0 &&
        (state == MIGP_STATE_STOP || state == MIGP_STATE_STOP_COPY)) {
        code = migp_user_set_state(server, MIGP_STATE_RUNNING, MIGP_USER_FIRM);
    }
    if (code == 0) {
        call.request.command = MIGP_VU_RESET;
        code = migp_user_call(server, &call, MIGP_USER_FIRM);
    }
    if (code == 0) {
        code = migp_user_get_state(server, &state, MIGP_USER_FIRM);
    }
    if (code == 0 && state != MIGP_STATE_STOP_COPY &&
        migp_state_saving(state)) {
        code = migp_user_set_state(server, MIGP_STATE_RUNNING, MIGP_USER_FIRM);
    }
    return code;
}

static void user_end_session(void *user, int session)
{
    migp_user_session_close(user, session);
}

/* Once a server is lost, each later call fails for that reason. */
static const char *user_explain(void *user)
{
    const struct migp_vfio_user *server = user;

    return server->dead != 0 ? server->why : NULL;
}

static void user_close(void *user)
{
    migp_vfio_user_close(user);
}

/* Neither PRECOPY_INFO nor MIG_DATA_SIZE has a message. */
static const struct migp_device_ops user_ops = {
    .struct_size = sizeof(struct migp_device_ops),
    .caps = user_caps,
    .get_state = user_get_state,
    .set_state = user_set_state,
    .read = user_read,
    .write = user_write,
    .reset = user_reset,
    .end_session = user_end_session,
    .close = user_close,
    .explain = user_explain,
};

const struct migp_device_ops *migp_vfio_user_ops(void)
{
    return &user_ops;
}
