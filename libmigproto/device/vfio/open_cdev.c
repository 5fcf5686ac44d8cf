/* SPDX-License-Identifier: MIT */
#include "device/sys_call.h"
#include "device/uapi.h"
#include "device/vfio/vfio.h"

#include <errno.h>
#include <fcntl.h>

#define IOMMU_PATH "/dev/iommu"

static const struct migp_vfio_hint cdev_hints[] = {
    {ENOENT, "is the device bound to a vfio driver? "
             "ls -l /sys/bus/pci/devices/*/vfio-dev"},
    {0, NULL},
};

static const struct migp_vfio_hint iommu_hints[] = {
    {ENOENT, "a kernel without IOMMUFD: open the device by its group, "
             "or modprobe iommufd"},
    {ENODEV, "modprobe iommufd"},
    {0, NULL},
};

static const struct migp_vfio_hint bind_hints[] = {
    {EBUSY, "another program has the device, or its group, open"},
    {EINVAL, "the iommufd is none, or the device is bound already"},
    {ENOTTY, "is this a VFIO device?"},
    {0, NULL},
};

int migp_vfio_open_cdev(struct migp_vfio *vfio, struct migp_error *error)
{
    struct migp_vfio_bind_iommufd bind = {0};
    int answer;

    answer = migp_sys_open(&vfio->sys, vfio->cdev_path, O_RDWR);
    if (answer < 0) {
        return migp_vfio_fail(error, answer, vfio->cdev_path, "cannot open",
                              migp_vfio_hint(cdev_hints, answer));
    }
    vfio->device_fd = answer;
    vfio->own_device = true;
    if (vfio->iommufd < 0) {
        answer = migp_sys_open(&vfio->sys, IOMMU_PATH, O_RDWR);
        if (answer < 0) {
            return migp_vfio_fail(error, answer, IOMMU_PATH, "cannot open",
                                  migp_vfio_hint(iommu_hints, answer));
        }
        vfio->iommufd = answer;
        vfio->own_iommufd = true;
    }
    bind.argsz = sizeof(bind);
    bind.iommufd = vfio->iommufd;
    answer = migp_sys_ioctl(&vfio->sys, vfio->device_fd,
                            MIGP_VFIO_DEVICE_BIND_IOMMUFD, &bind);
    if (answer < 0) {
        return migp_vfio_fail(error, answer, vfio->cdev_path,
                              "cannot bind to the iommufd",
                              migp_vfio_hint(bind_hints, answer));
    }
    return MIGP_OK;
}
