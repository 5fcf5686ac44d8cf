/* SPDX-License-Identifier: MIT */
#include "core/error.h"
#include "device/sys_call.h"
#include "device/uapi.h"
#include "device/vfio/vfio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define CONTAINER_PATH "/dev/vfio/vfio"

/* The only one there is. Source: Linux include/uapi/linux/vfio.h,
 * VFIO_API_VERSION. */
#define API_VERSION 0

static const struct migp_vfio_hint container_hints[] = {
    {ENOENT, "modprobe vfio"},
    {ENODEV, "modprobe vfio"},
    {0, NULL},
};

static const struct migp_vfio_hint group_hints[] = {
    {EPERM, "a group without an IOMMU needs CAP_SYS_RAWIO"},
    {0, NULL},
};

static const struct migp_vfio_hint join_hints[] = {
    {EBUSY, "another program has it"},
    {EINVAL, "is the group in another container?"},
    {0, NULL},
};

static const struct migp_vfio_hint iommu_hints[] = {
    {ENODEV, "modprobe vfio_iommu_type1; is the IOMMU on?"},
    {EPERM, "see the kernel's log: interrupt remapping may be missing"},
    {0, NULL},
};

static const struct migp_vfio_hint device_hints[] = {
    {ENODEV, "no device of that name is in the group"},
    {EACCES, "a VF whose PF was opened with a vf_token wants the same one"},
    {EINVAL, "with a vf_token: is it a VF whose PF is bound to vfio-pci?"},
    {0, NULL},
};

/* Some ioctls take a number in place of a pointer. */
static int ioctl_number(const struct migp_vfio *vfio, unsigned long request,
                        uintptr_t number)
{
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): it is no pointer. */
    void *argument = (void *)number;

    return migp_sys_ioctl(&vfio->sys, vfio->container_fd, request, argument);
}

static int container_open(struct migp_vfio *vfio, struct migp_error *error)
{
    int answer;

    if (vfio->container_fd < 0) {
        answer = migp_sys_open(&vfio->sys, CONTAINER_PATH, O_RDWR);
        if (answer < 0) {
            return migp_vfio_fail(error, answer, CONTAINER_PATH, "cannot open",
                                  migp_vfio_hint(container_hints, answer));
        }
        vfio->container_fd = answer;
        vfio->own_container = true;
    }
    answer = migp_sys_ioctl(&vfio->sys, vfio->container_fd,
                            MIGP_VFIO_GET_API_VERSION, NULL);
    if (answer != API_VERSION) {
        return migp_vfio_fail(error, answer < 0 ? answer : -EPROTO,
                              CONTAINER_PATH, "no VFIO container of version 0",
                              NULL);
    }
    answer =
        ioctl_number(vfio, MIGP_VFIO_CHECK_EXTENSION, MIGP_VFIO_TYPE1V2_IOMMU);
    if (answer <= 0) {
        return migp_vfio_fail(error, answer < 0 ? answer : -ENODEV,
                              CONTAINER_PATH, "has no type1v2 IOMMU",
                              "modprobe vfio_iommu_type1");
    }
    return MIGP_OK;
}

static int group_join(struct migp_vfio *vfio, struct migp_error *error)
{
    int32_t container = vfio->container_fd;
    int answer;

    answer = migp_sys_ioctl(&vfio->sys, vfio->group_fd,
                            MIGP_VFIO_GROUP_SET_CONTAINER, &container);
    if (answer < 0) {
        return migp_vfio_fail(error, answer, vfio->group_path,
                              "cannot join the container",
                              migp_vfio_hint(join_hints, answer));
    }
    answer = ioctl_number(vfio, MIGP_VFIO_SET_IOMMU, MIGP_VFIO_TYPE1V2_IOMMU);
    /* A container that had a group before has its IOMMU already: EINVAL. */
    if (answer < 0 && (vfio->own_container || answer != -EINVAL)) {
        return migp_vfio_fail(error, answer, vfio->group_path,
                              "cannot set the type1v2 IOMMU",
                              migp_vfio_hint(iommu_hints, answer));
    }
    return MIGP_OK;
}

/* The group's file is there as long as a vfio driver has a device of it. */
static int group_missing(const struct migp_vfio *vfio, struct migp_error *error)
{
    return migp_error_say(error, MIGP_ERR_SYSTEM, ENOENT,
                          "%.96s: cannot open (is the device bound to a vfio "
                          "driver? ls -l /sys/bus/pci/devices/%.64s/driver)",
                          vfio->group_path, vfio->name);
}

static int group_not_viable(const struct migp_vfio *vfio,
                            struct migp_error *error)
{
    const char *last = strrchr(vfio->group_path, '/');

    return migp_error_say(
        error, MIGP_ERR_SYSTEM, EPERM,
        "%.64s: the group is not viable (another device of it "
        "is bound to a host driver: ls -l "
        "/sys/kernel/iommu_groups/%.32s/devices/*/driver)",
        vfio->group_path, last != NULL ? last + 1 : "*");
}

static int group_open(struct migp_vfio *vfio, struct migp_error *error)
{
    struct migp_vfio_group_status status = {sizeof(status), 0};
    int answer;

    answer = migp_sys_open(&vfio->sys, vfio->group_path, O_RDWR);
    if (answer == -ENOENT) {
        return group_missing(vfio, error);
    }
    if (answer < 0) {
        return migp_vfio_fail(error, answer, vfio->group_path, "cannot open",
                              migp_vfio_hint(group_hints, answer));
    }
    vfio->group_fd = answer;
    answer = migp_sys_ioctl(&vfio->sys, vfio->group_fd,
                            MIGP_VFIO_GROUP_GET_STATUS, &status);
    if (answer < 0) {
        return migp_vfio_fail(error, answer, vfio->group_path,
                              "VFIO_GROUP_GET_STATUS failed", NULL);
    }
    if ((status.flags & MIGP_VFIO_GROUP_FLAGS_VIABLE) == 0) {
        return group_not_viable(vfio, error);
    }
    if ((status.flags & MIGP_VFIO_GROUP_FLAGS_CONTAINER_SET) == 0) {
        return group_join(vfio, error);
    }
    if (vfio->own_container) {
        return migp_vfio_fail(error, -EBUSY, vfio->group_path,
                              "the group is in another container",
                              "give that container's fd");
    }
    return MIGP_OK;
}

static int device_open(struct migp_vfio *vfio, struct migp_error *error)
{
    char text[MIGP_VFIO_NAME_MAX + MIGP_VFIO_TOKEN_MAX + 16];
    int answer;

    (void)snprintf(text, sizeof(text), "%s%s%s", vfio->name,
                   vfio->vf_token[0] != '\0' ? " vf_token=" : "",
                   vfio->vf_token);
    answer = migp_sys_ioctl(&vfio->sys, vfio->group_fd,
                            MIGP_VFIO_GROUP_GET_DEVICE_FD, text);
    if (answer >= 0 && (migp_vfio_knows_fd(vfio, answer) ||
                        migp_sys_check_fd(&vfio->sys, answer) < 0)) {
        answer = -EPROTO;
    }
    if (answer < 0) {
        return migp_vfio_fail(error, answer, vfio->name,
                              "the group does not give the device",
                              migp_vfio_hint(device_hints, answer));
    }
    vfio->device_fd = answer;
    vfio->own_device = true;
    return MIGP_OK;
}

int migp_vfio_open_group(struct migp_vfio *vfio, struct migp_error *error)
{
    int code = MIGP_OK;

    if (vfio->group_fd < 0) {
        code = container_open(vfio, error);
        if (code == MIGP_OK) {
            code = group_open(vfio, error);
        }
    }
    return code < 0 ? code : device_open(vfio, error);
}
