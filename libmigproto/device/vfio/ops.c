/* SPDX-License-Identifier: MIT */
#include "core/options.h"
#include "device/sys_call.h"
#include "device/uapi.h"
#include "device/vfio/vfio.h"

#include <errno.h>
#include <string.h>

void migp_vfio_opt_in(struct migp_vfio *vfio)
{
    const uint32_t feature = MIGP_FEATURE_MIG_PRECOPY_INFOV2;

    vfio->reinit =
        migp_vfio_feature_probe(vfio, feature, MIGP_VFIO_FEATURE_SET) &&
        migp_vfio_feature(vfio, feature, MIGP_VFIO_FEATURE_SET, NULL, 0) == 0;
}

static uint32_t ask_features(struct migp_vfio *vfio, uint32_t migration)
{
    /* Whether it can be reset, nobody tells before it is tried. */
    uint32_t features = MIGP_HAS_RESET;

    if (migp_vfio_feature_probe(vfio, MIGP_FEATURE_MIG_DATA_SIZE,
                                MIGP_VFIO_FEATURE_GET)) {
        features |= MIGP_HAS_STOP_COPY_SIZE;
    }
    if (migp_vfio_feature_probe(vfio, MIGP_FEATURE_DMA_LOGGING_START,
                                MIGP_VFIO_FEATURE_SET) &&
        migp_vfio_feature_probe(vfio, MIGP_FEATURE_DMA_LOGGING_REPORT,
                                MIGP_VFIO_FEATURE_GET)) {
        features |= MIGP_HAS_DMA_LOGGING;
    }
    if ((migration & MIGP_MIGRATION_PRE_COPY) != 0) {
        features |= MIGP_HAS_PRECOPY_INFO;
        if ((vfio->flags & MIGP_VFIO_NO_REINIT) == 0) {
            migp_vfio_opt_in(vfio);
        }
        if (vfio->reinit) {
            features |= MIGP_HAS_REINIT;
        }
    }
    return features;
}

static int vfio_caps(void *user, struct migp_device_caps *caps)
{
    struct migp_vfio *vfio = user;
    struct migp_vfio_feature_migration migration = {0};
    struct migp_device_caps own = {0};
    int answer;

    answer =
        migp_vfio_feature(vfio, MIGP_FEATURE_MIGRATION, MIGP_VFIO_FEATURE_GET,
                          &migration, sizeof(migration));
    if (answer < 0) {
        return answer;
    }
    own.struct_size = sizeof(own);
    /* Flags beyond 32 bits must not look like none. */
    own.migration =
        migration.flags > UINT32_MAX ? UINT32_MAX : (uint32_t)migration.flags;
    own.features = ask_features(vfio, own.migration);
    own.vendor = vfio->vendor;
    own.product = vfio->product;
    memcpy(own.backend, vfio->backend, sizeof(own.backend));
    memcpy(own.driver, vfio->driver, sizeof(own.driver));
    memcpy(own.name, vfio->name, sizeof(own.name));
    return migp_struct_write(caps, &own, sizeof(own)) < 0 ? -EINVAL : 0;
}

static int vfio_get_state(void *user, uint32_t *state)
{
    struct migp_vfio_feature_mig_state reply = {0, -1};
    int answer;

    /* A data fd in a GET is none: Linux gives -1. */
    answer = migp_vfio_feature(user, MIGP_FEATURE_MIG_DEVICE_STATE,
                               MIGP_VFIO_FEATURE_GET, &reply, sizeof(reply));
    if (answer == 0) {
        *state = reply.device_state;
    }
    return answer;
}

static int take_session(struct migp_vfio *vfio, int fd)
{
    size_t i;

    if (fd < 0 || migp_vfio_knows_fd(vfio, fd)) {
        return -EPROTO;
    }
    if (migp_sys_check_fd(&vfio->sys, fd) < 0) {
        return -EPROTO;
    }
    for (i = 0; i < MIGP_VFIO_SESSIONS_MAX; i++) {
        if (vfio->sessions[i] < 0) {
            vfio->sessions[i] = fd;
            return 0;
        }
    }
    migp_sys_close(&vfio->sys, &fd);
    return -EPROTO;
}

static int vfio_set_state(void *user, uint32_t state, int *session)
{
    struct migp_vfio *vfio = user;
    struct migp_vfio_feature_mig_state wish = {state, -1};
    int answer;

    answer = migp_vfio_feature_once(vfio, MIGP_FEATURE_MIG_DEVICE_STATE,
                                    MIGP_VFIO_FEATURE_SET, &wish, sizeof(wish));
    if (answer < 0 || wish.data_fd == -1) {
        return answer;
    }
    answer = take_session(vfio, wish.data_fd);
    if (answer == 0) {
        *session = wish.data_fd;
    }
    return answer;
}

static migp_ssize vfio_read(void *user, int session, void *bytes, size_t size)
{
    const struct migp_sys *sys = &((struct migp_vfio *)user)->sys;

    return migp_sys_amount(sys->read(sys->user, session, bytes, size), size);
}

static migp_ssize vfio_write(void *user, int session, const void *bytes,
                             size_t size)
{
    const struct migp_sys *sys = &((struct migp_vfio *)user)->sys;

    return migp_sys_amount(sys->write(sys->user, session, bytes, size), size);
}

/* [DV-13] */
static int vfio_precopy_info(void *user, int session,
                             struct migp_precopy_info *info)
{
    struct migp_vfio *vfio = user;
    struct migp_vfio_precopy_info reply = {0};
    struct migp_precopy_info own = {0};
    int answer;

    reply.argsz = sizeof(reply);
    answer = vfio->sys.ioctl(vfio->sys.user, session,
                             MIGP_VFIO_MIG_GET_PRECOPY_INFO, &reply);
    if (answer < 0) {
        return migp_sys_errno(answer);
    }
    own.struct_size = sizeof(own);
    /* Without the opt-in flags are whatever lay in the struct. */
    if (vfio->reinit && (reply.flags & MIGP_VFIO_PRECOPY_INFO_REINIT) != 0) {
        own.flags = MIGP_PRECOPY_REINIT;
    }
    own.initial_bytes = reply.initial_bytes;
    own.dirty_bytes = reply.dirty_bytes;
    return migp_struct_write(info, &own, sizeof(own)) < 0 ? -EINVAL : 0;
}

static int vfio_stop_copy_size(void *user, uint64_t *size)
{
    struct migp_vfio_feature_mig_data_size reply = {0};
    int answer;

    answer = migp_vfio_feature(user, MIGP_FEATURE_MIG_DATA_SIZE,
                               MIGP_VFIO_FEATURE_GET, &reply, sizeof(reply));
    if (answer == 0) {
        *size = reply.stop_copy_length;
    }
    return answer;
}

static int vfio_reset(void *user)
{
    struct migp_vfio *vfio = user;
    int answer;

    answer = vfio->sys.ioctl(vfio->sys.user, vfio->device_fd,
                             MIGP_VFIO_DEVICE_RESET_IOCTL, NULL);
    answer = migp_sys_errno(answer);
    /* vfio-pci's answer for a device that has no reset. Source: Linux
     * drivers/vfio/pci/vfio_pci_core.c, vfio_pci_ioctl_reset(). */
    if (answer == -EINVAL && !vfio->says_reset) {
        answer = -ENOTTY;
    }
    return answer;
}

static void vfio_end_session(void *user, int session)
{
    struct migp_vfio *vfio = user;
    size_t i;

    for (i = 0; i < MIGP_VFIO_SESSIONS_MAX; i++) {
        if (vfio->sessions[i] == session && session >= 0) {
            migp_sys_close(&vfio->sys, &vfio->sessions[i]);
        }
    }
}

static void vfio_close(void *user)
{
    migp_vfio_close(user);
}

static const struct migp_device_ops vfio_ops = {
    .struct_size = sizeof(struct migp_device_ops),
    .caps = vfio_caps,
    .get_state = vfio_get_state,
    .set_state = vfio_set_state,
    .read = vfio_read,
    .write = vfio_write,
    .precopy_info = vfio_precopy_info,
    .stop_copy_size = vfio_stop_copy_size,
    .reset = vfio_reset,
    .end_session = vfio_end_session,
    .close = vfio_close,
};

const struct migp_device_ops *migp_vfio_ops(void)
{
    return &vfio_ops;
}
