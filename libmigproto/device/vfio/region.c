/* SPDX-License-Identifier: MIT */
#include "core/error.h"
#include "device/sys_call.h"
#include "device/uapi.h"
#include "device/vfio/vfio.h"

#include <errno.h>

/* The largest off_t. */
#define OFFSET_MAX ((uint64_t)INT64_MAX)

struct transfer {
    uint32_t region;
    uint64_t offset; /* in the region, then in the device fd */
    uint8_t *in;     /* one of the two */
    const uint8_t *out;
    size_t size;
};

static int region_say(struct migp_error *error, int answer, uint32_t region,
                      const char *what)
{
    return migp_error_say(error, MIGP_ERR_SYSTEM, -answer, "region %u: %s",
                          region, what);
}

/* Find the region, cut the transfer at its end and place it in the fd. */
static int region_place(const struct migp_vfio *vfio, struct transfer *transfer,
                        struct migp_error *error)
{
    const uint32_t needed = transfer->in != NULL ? MIGP_VFIO_REGION_FLAG_READ
                                                 : MIGP_VFIO_REGION_FLAG_WRITE;
    struct migp_vfio_region_info info = {0};
    int answer;

    info.argsz = sizeof(info);
    info.index = transfer->region;
    answer = migp_sys_ioctl(&vfio->sys, vfio->device_fd,
                            MIGP_VFIO_DEVICE_GET_REGION_INFO, &info);
    if (answer < 0 && answer != -EINVAL) {
        return region_say(error, answer, transfer->region,
                          "VFIO_DEVICE_GET_REGION_INFO failed");
    }
    if (answer < 0 || info.size == 0) {
        return migp_error_say(error, MIGP_ERR_UNSUPPORTED, 0,
                              "the device has no region %u", transfer->region);
    }
    if ((info.flags & needed) == 0) {
        return migp_error_say(error, MIGP_ERR_UNSUPPORTED, 0,
                              "region %u cannot be %s", transfer->region,
                              transfer->in != NULL ? "read" : "written");
    }
    if (transfer->offset >= info.size) {
        return migp_error_say(error, MIGP_ERR_INVALID_ARGUMENT, 0,
                              "the offset is beyond the end of region %u",
                              transfer->region);
    }
    if (transfer->size > info.size - transfer->offset) {
        transfer->size = (size_t)(info.size - transfer->offset);
    }
    if (info.offset > OFFSET_MAX ||
        transfer->offset > OFFSET_MAX - info.offset ||
        transfer->size > OFFSET_MAX - info.offset - transfer->offset) {
        return region_say(error, -EOVERFLOW, transfer->region,
                          "the kernel says that it lies beyond all offsets");
    }
    transfer->offset += info.offset;
    return MIGP_OK;
}

static migp_ssize region_move(const struct migp_vfio *vfio,
                              const struct transfer *transfer,
                              struct migp_error *error)
{
    size_t done = 0;

    while (done < transfer->size) {
        const uint64_t offset = transfer->offset + done;
        const size_t rest = transfer->size - done;
        migp_ssize n;

        if (transfer->in != NULL) {
            n = migp_sys_pread(&vfio->sys, vfio->device_fd, transfer->in + done,
                               rest, offset);
        } else {
            n = migp_sys_pwrite(&vfio->sys, vfio->device_fd,
                                transfer->out + done, rest, offset);
        }
        if (n <= 0) {
            return region_say(error, n < 0 ? (int)n : -EIO, transfer->region,
                              transfer->in != NULL ? "reading failed"
                                                   : "writing failed");
        }
        done += (size_t)n;
    }
    return (migp_ssize)done;
}

static migp_ssize region_transfer(const struct migp_vfio *vfio,
                                  struct transfer *transfer,
                                  struct migp_error *error)
{
    int code;

    if (vfio == NULL || (transfer->in == NULL && transfer->out == NULL)) {
        return migp_error_say(error, MIGP_ERR_INVALID_ARGUMENT, 0,
                              "no object or no buffer");
    }
    code = region_place(vfio, transfer, error);
    return code < 0 ? code : region_move(vfio, transfer, error);
}

migp_ssize migp_vfio_region_read(struct migp_vfio *vfio, uint32_t region,
                                 uint64_t offset, void *bytes, size_t size,
                                 struct migp_error *error)
{
    struct transfer transfer = {region, offset, bytes, NULL, size};

    return region_transfer(vfio, &transfer, error);
}

migp_ssize migp_vfio_region_write(struct migp_vfio *vfio, uint32_t region,
                                  uint64_t offset, const void *bytes,
                                  size_t size, struct migp_error *error)
{
    struct transfer transfer = {region, offset, NULL, bytes, size};

    return region_transfer(vfio, &transfer, error);
}

int migp_vfio_ask_info(struct migp_vfio *vfio, struct migp_error *error)
{
    struct migp_vfio_device_info info = {0};
    uint8_t ids[4];
    int answer;

    info.argsz = sizeof(info);
    answer = migp_sys_ioctl(&vfio->sys, vfio->device_fd,
                            MIGP_VFIO_DEVICE_GET_INFO, &info);
    if (answer < 0) {
        const char *hint = NULL;

        if (answer == -ENOTTY || answer == -EBADF) {
            hint = "this is no fd of a VFIO device";
        } else if (answer == -EINVAL) {
            hint = "is it a cdev that is not bound to an iommufd yet?";
        }
        return migp_vfio_fail(error, answer, "the device",
                              "VFIO_DEVICE_GET_INFO failed", hint);
    }
    vfio->says_reset = (info.flags & MIGP_VFIO_DEVICE_FLAGS_RESET) != 0;
    vfio->is_pci = (info.flags & MIGP_VFIO_DEVICE_FLAGS_PCI) != 0;
    /* Little-endian in any PCI device. It is only a name: no error. */
    if (vfio->is_pci &&
        migp_vfio_region_read(vfio, MIGP_VFIO_REGION_CONFIG, 0, ids,
                              sizeof(ids), NULL) == (migp_ssize)sizeof(ids)) {
        vfio->vendor = (uint16_t)(ids[0] | ids[1] << 8);
        vfio->product = (uint16_t)(ids[2] | ids[3] << 8);
    }
    return MIGP_OK;
}
