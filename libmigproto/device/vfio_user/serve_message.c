/* SPDX-License-Identifier: MIT */
#include "device/vfio_user/serve.h"

#include "device/sys_call.h"
#include "device/uapi.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* --- about the device ----------------------------------------------------- */

static int greet(struct migp_user_service *service,
                 const struct migp_vu_message *request, const uint8_t *tail,
                 struct migp_vu_message *reply)
{
    int length;

    if (request->major != 0 ||
        (request->tail > 0 && tail[request->tail - 1] != '\0')) {
        return -EINVAL;
    }
    length = snprintf((char *)service->out, service->room,
                      "{\"capabilities\":{\"max_msg_fds\":%d,"
                      "\"max_data_xfer_size\":%u,"
                      "\"migration\":{\"pgsize\":4096}}}",
                      MIGP_SYS_MAX_FDS, (unsigned int)service->max_transfer);
    reply->minor = request->minor < 2 ? request->minor : 2;
    reply->tail = (uint64_t)length + 1;
    service->greeted = true;
    return 0;
}

static int get_info(struct migp_user_service *service,
                    const struct migp_vu_message *request,
                    struct migp_vu_message *reply)
{
    struct migp_vfio_device_info info = {.argsz = sizeof(info)};
    int code;

    if (request->argsz < 16) {
        return -EINVAL;
    }
    code = migp_sys_ioctl(&service->device, service->device_fd,
                          MIGP_VFIO_DEVICE_GET_INFO, &info);
    if (code < 0) {
        return code;
    }
    reply->argsz = 16;
    reply->flags = info.flags &
                   (MIGP_VFIO_DEVICE_FLAGS_RESET | MIGP_VFIO_DEVICE_FLAGS_PCI);
    reply->num_regions = info.num_regions;
    reply->num_irqs = info.num_irqs;
    return 0;
}

static int ask_region(struct migp_user_service *service, uint32_t region,
                      struct migp_vfio_region_info *info)
{
    int code;

    memset(info, 0, sizeof(*info));
    info->argsz = sizeof(*info);
    info->index = region;
    code = migp_sys_ioctl(&service->device, service->device_fd,
                          MIGP_VFIO_DEVICE_GET_REGION_INFO, info);
    return code < 0 ? code : 0;
}

static int region_info(struct migp_user_service *service,
                       const struct migp_vu_message *request,
                       struct migp_vu_message *reply)
{
    struct migp_vfio_region_info info;
    int code = request->argsz < 32
                   ? -EINVAL
                   : ask_region(service, request->region, &info);

    if (code < 0) {
        return code;
    }
    /* nothing can be mapped, so no capabilities and no offset */
    reply->argsz = 32;
    reply->flags =
        info.flags & (MIGP_VFIO_REGION_FLAG_READ | MIGP_VFIO_REGION_FLAG_WRITE);
    reply->region = request->region;
    reply->length = info.size;
    return 0;
}

/* --- registers ------------------------------------------------------------ */

/* Where the bytes lie in the device fd. */
static int locate(struct migp_user_service *service,
                  const struct migp_vu_message *request, uint32_t flag,
                  uint64_t *at)
{
    struct migp_vfio_region_info info;
    int code = request->count > service->max_transfer
                   ? -EINVAL
                   : ask_region(service, request->region, &info);

    if (code < 0) {
        return code;
    }
    if ((info.flags & flag) == 0 || request->offset > info.size ||
        request->count > info.size - request->offset ||
        info.offset > INT64_MAX || info.size > INT64_MAX - info.offset) {
        return -EINVAL;
    }
    *at = info.offset + request->offset;
    return 0;
}

static void access_reply(const struct migp_vu_message *request, uint32_t done,
                         struct migp_vu_message *reply)
{
    reply->offset = request->offset;
    reply->region = request->region;
    reply->count = done;
}

static int region_read(struct migp_user_service *service,
                       const struct migp_vu_message *request,
                       struct migp_vu_message *reply)
{
    uint32_t done = 0;
    uint64_t at = 0;
    int code = locate(service, request, MIGP_VFIO_REGION_FLAG_READ, &at);

    while (code == 0 && done < request->count) {
        migp_ssize got = migp_sys_pread(&service->device, service->device_fd,
                                        service->out + done,
                                        request->count - done, at + done);

        if (got < 0) {
            code = (int)got;
        }
        if (got <= 0) {
            break;
        }
        done += (uint32_t)got;
    }
    access_reply(request, done, reply);
    reply->tail = done;
    return code;
}

static int region_write(struct migp_user_service *service,
                        const struct migp_vu_message *request,
                        const uint8_t *tail, struct migp_vu_message *reply)
{
    uint32_t done = 0;
    uint64_t at = 0;
    int code = locate(service, request, MIGP_VFIO_REGION_FLAG_WRITE, &at);

    while (code == 0 && done < request->count) {
        migp_ssize got =
            migp_sys_pwrite(&service->device, service->device_fd, tail + done,
                            request->count - done, at + done);

        if (got < 0) {
            code = (int)got;
        }
        if (got <= 0) {
            break;
        }
        done += (uint32_t)got;
    }
    access_reply(request, done, reply);
    return code;
}

/* --- device state --------------------------------------------------------- */

static bool sizes_fit(const struct migp_user_service *service,
                      const struct migp_vu_message *request)
{
    return request->count <= service->max_transfer && request->argsz >= 8 &&
           request->argsz - 8 >= request->count;
}

/*
 * vfio-user has no PRECOPY_INFO, but some drivers prepare more data only when
 * they are asked how much there is. Returns whether it is worth another read.
 */
static bool ask_precopy(struct migp_user_service *service)
{
    struct migp_vfio_precopy_info info = {.argsz = sizeof(info)};

    return migp_sys_ioctl(&service->device, service->data_fd,
                          MIGP_VFIO_MIG_GET_PRECOPY_INFO, &info) >= 0 &&
           (info.initial_bytes > 0 || info.dirty_bytes > 0);
}

/*
 * A reply with less than was asked for means the end to a client, so a driver
 * that gives its data in pieces is read until there is no more. An error after
 * some data is an error: the rest would look like the end.
 */
static int data_read(struct migp_user_service *service,
                     const struct migp_vu_message *request,
                     struct migp_vu_message *reply)
{
    const struct migp_sys *sys = &service->device;
    bool asked = false;
    uint32_t done = 0;

    if (service->data_fd < 0 || !sizes_fit(service, request)) {
        return -EINVAL;
    }
    while (done < request->count) {
        migp_ssize got = migp_sys_amount(sys->read(sys->user, service->data_fd,
                                                   service->out + done,
                                                   request->count - done),
                                         request->count - done);

        if (got == -EINTR) {
            service->stopped = true;
        }
        if (got == -ENOMSG && !asked) {
            asked = true;
            if (ask_precopy(service)) {
                continue;
            }
        }
        if (got < 0 && got != -ENOMSG) {
            return (int)got;
        }
        if (got <= 0) {
            break;
        }
        done += (uint32_t)got;
    }
    reply->argsz = 8 + done;
    reply->count = done;
    reply->tail = done;
    return 0;
}

static int data_write(struct migp_user_service *service,
                      const struct migp_vu_message *request,
                      const uint8_t *tail)
{
    const struct migp_sys *sys = &service->device;
    uint32_t done = 0;

    if (service->data_fd < 0 || !sizes_fit(service, request)) {
        return -EINVAL;
    }
    while (done < request->count) {
        migp_ssize got =
            migp_sys_amount(sys->write(sys->user, service->data_fd, tail + done,
                                       request->count - done),
                            request->count - done);

        if (got == -EINTR) {
            service->stopped = true;
        }
        if (got <= 0) {
            return got < 0 ? (int)got : -EIO;
        }
        done += (uint32_t)got;
    }
    return 0;
}

static int reset(struct migp_user_service *service)
{
    int code = migp_sys_ioctl(&service->device, service->device_fd,
                              MIGP_VFIO_DEVICE_RESET_IOCTL, NULL);

    if (code >= 0) {
        /* the driver has ended the session */
        migp_sys_close(&service->device, &service->data_fd);
    }
    return code < 0 ? code : 0;
}

static int unmap(const struct migp_vu_message *request,
                 struct migp_vu_message *reply)
{
    if (request->argsz < 24 || (request->flags & 1) != 0) {
        return -EINVAL; /* bit 0 asks for a bitmap */
    }
    reply->argsz = 24;
    reply->flags = request->flags;
    reply->address = request->address;
    reply->length = request->length;
    return 0;
}

int migp_user_serve_message(struct migp_user_service *service,
                            const struct migp_vu_message *request,
                            const uint8_t *tail, struct migp_vu_message *reply)
{
    if (service->greeted == (request->command == MIGP_VU_VERSION)) {
        return -EINVAL;
    }
    switch (request->command) {
    case MIGP_VU_VERSION:
        return greet(service, request, tail, reply);
    case MIGP_VU_DMA_MAP:
        return request->argsz < 32 ? -EINVAL : 0;
    case MIGP_VU_DMA_UNMAP:
        return unmap(request, reply);
    case MIGP_VU_GET_INFO:
        return get_info(service, request, reply);
    case MIGP_VU_REGION_INFO:
        return region_info(service, request, reply);
    case MIGP_VU_REGION_READ:
        return region_read(service, request, reply);
    case MIGP_VU_REGION_WRITE:
        return region_write(service, request, tail, reply);
    case MIGP_VU_RESET:
        return reset(service);
    case MIGP_VU_DEVICE_FEATURE:
        return migp_user_serve_feature(service, request, tail, reply);
    case MIGP_VU_MIG_DATA_READ:
        return data_read(service, request, reply);
    case MIGP_VU_MIG_DATA_WRITE:
        return data_write(service, request, tail);
    default:
        return -EINVAL;
    }
}
