/* SPDX-License-Identifier: MIT */
#include "device/vfio_user/serve.h"

#include "device/fsm.h"
#include "device/sys_call.h"
#include "device/uapi.h"

#include <errno.h>
#include <migproto/fsm.h>
#include <string.h>

/*
 * DEVICE_FEATURE is the envelope of the ioctl of that name; only where the
 * ioctl has a pointer or an fd in it something else is on the wire.
 */

/* Payloads that go through as they are. */
#define PLAIN_SIZE 8

/* The ioctl's envelope: a payload of 32 bytes is the longest. */
struct envelope {
    struct migp_vfio_feature feature;
    union {
        uint8_t plain[PLAIN_SIZE];
        struct migp_vfio_feature_mig_state state;
        struct migp_vfio_feature_logging_control control;
        struct migp_vfio_feature_logging_report report;
    } payload;
};

static int call(struct migp_user_service *service, struct envelope *envelope,
                uint32_t flags, size_t payload)
{
    int code;

    envelope->feature.argsz = (uint32_t)(sizeof(envelope->feature) + payload);
    envelope->feature.flags = flags;
    code = migp_sys_ioctl(&service->device, service->device_fd,
                          MIGP_VFIO_DEVICE_FEATURE, envelope);
    return code < 0 ? code : 0;
}

/* argsz must have room for the reply; so says the transcript of a server. */
static bool room_for(const struct migp_vu_message *request, size_t payload)
{
    return request->argsz >= 8 && request->argsz - 8 >= payload;
}

static int get_plain(struct migp_user_service *service,
                     const struct migp_vu_message *request,
                     struct migp_vu_message *reply)
{
    struct envelope envelope = {{0, 0}, {{0}}};
    uint32_t feature = request->flags & MIGP_VFIO_FEATURE_INDEX;
    int code;

    if (!room_for(request, PLAIN_SIZE) || request->tail > PLAIN_SIZE) {
        return -EINVAL;
    }
    code = call(service, &envelope, request->flags, PLAIN_SIZE);
    if (code < 0) {
        return code;
    }
    if (feature == MIGP_FEATURE_MIG_DEVICE_STATE) {
        envelope.payload.state.data_fd = -1;
    }
    memcpy(service->out, &envelope.payload, PLAIN_SIZE);
    reply->tail = PLAIN_SIZE;
    return 0;
}

static int set_state(struct migp_user_service *service,
                     const struct migp_vu_message *request, const uint8_t *tail,
                     struct migp_vu_message *reply)
{
    struct envelope envelope = {{0, 0}, {{0}}};
    struct migp_vfio_feature_mig_state *state = &envelope.payload.state;
    uint32_t wanted;
    int code;

    if (!room_for(request, sizeof(*state)) || request->tail != sizeof(*state)) {
        return -EINVAL;
    }
    memcpy(&wanted, tail, sizeof(wanted));
    state->device_state = wanted;
    state->data_fd = -1;
    code = call(service, &envelope, request->flags, sizeof(*state));
    if (code < 0) {
        /* what a failed SET leaves in data_fd means nothing */
        return code;
    }
    if (state->data_fd >= 0 ||
        (!migp_state_saving(wanted) && wanted != MIGP_STATE_RESUMING)) {
        migp_sys_close(&service->device, &service->data_fd);
        service->data_fd = state->data_fd;
    }
    state->device_state = wanted;
    state->data_fd = -1;
    memcpy(service->out, state, sizeof(*state));
    reply->tail = sizeof(*state);
    return 0;
}

/* On the wire: page_size, num_ranges, a pad, the ranges themselves. */
static int log_start(struct migp_user_service *service,
                     const struct migp_vu_message *request, const uint8_t *tail,
                     struct migp_vu_message *reply)
{
    struct migp_vfio_feature_logging_range ranges[MIGP_VFIO_LOGGING_RANGES_MAX];
    struct envelope envelope = {{0, 0}, {{0}}};
    struct migp_vfio_feature_logging_control *control =
        &envelope.payload.control;
    int code;

    if (request->tail < 16 || !room_for(request, (size_t)request->tail)) {
        return -EINVAL;
    }
    memcpy(&control->page_size, tail, 8);
    memcpy(&control->num_ranges, tail + 8, 4);
    if (control->num_ranges > MIGP_VFIO_LOGGING_RANGES_MAX) {
        return -E2BIG;
    }
    if (request->tail - 16 != control->num_ranges * sizeof(ranges[0])) {
        return -EINVAL;
    }
    memcpy(ranges, tail + 16, control->num_ranges * sizeof(ranges[0]));
    control->ranges = (uint64_t)(uintptr_t)ranges;
    code = call(service, &envelope, request->flags, sizeof(*control));
    if (code == 0) {
        memcpy(service->out, tail, (size_t)request->tail);
        reply->tail = request->tail;
    }
    return code;
}

/* On the wire: iova, length, page_size, in the reply the bitmap behind them. */
static int log_report(struct migp_user_service *service,
                      const struct migp_vu_message *request,
                      const uint8_t *tail, struct migp_vu_message *reply)
{
    struct envelope envelope = {{0, 0}, {{0}}};
    struct migp_vfio_feature_logging_report *report = &envelope.payload.report;
    uint8_t *bitmap = service->out + 24;
    uint64_t pages;
    size_t size;
    int code;

    if (request->tail != 24) {
        return -EINVAL;
    }
    memcpy(&report->iova, tail, 8);
    memcpy(&report->length, tail + 8, 8);
    memcpy(&report->page_size, tail + 16, 8);
    if (report->page_size == 0) {
        return -EINVAL;
    }
    pages = report->length / report->page_size +
            (report->length % report->page_size > 0);
    if (pages / 8 > service->max_transfer) {
        return -EINVAL;
    }
    size = (size_t)(pages + 63) / 64 * 8;
    if (!room_for(request, 24 + size)) {
        return -EINVAL;
    }
    memset(bitmap, 0, size);
    report->bitmap = (uint64_t)(uintptr_t)bitmap;
    code = call(service, &envelope, request->flags, sizeof(*report));
    if (code == 0) {
        memcpy(service->out, tail, 24);
        reply->tail = 24 + size;
    }
    return code;
}

static int log_stop(struct migp_user_service *service,
                    const struct migp_vu_message *request)
{
    struct envelope envelope = {{0, 0}, {{0}}};

    return request->tail > 0 || !room_for(request, 0)
               ? -EINVAL
               : call(service, &envelope, request->flags, 0);
}

static int probe(struct migp_user_service *service,
                 const struct migp_vu_message *request)
{
    struct envelope envelope = {{0, 0}, {{0}}};
    const uint32_t both = MIGP_VFIO_FEATURE_GET | MIGP_VFIO_FEATURE_SET;

    if (!room_for(request, 0) || (request->flags & both) == both) {
        return -EINVAL;
    }
    return call(service, &envelope, request->flags, 0);
}

static int dispatch(struct migp_user_service *service,
                    const struct migp_vu_message *request, const uint8_t *tail,
                    struct migp_vu_message *reply)
{
    if (request->flags & MIGP_VFIO_FEATURE_PROBE) {
        return probe(service, request);
    }
    switch (request->flags) {
    case MIGP_FEATURE_MIGRATION | MIGP_VFIO_FEATURE_GET:
    case MIGP_FEATURE_MIG_DEVICE_STATE | MIGP_VFIO_FEATURE_GET:
    case MIGP_FEATURE_MIG_DATA_SIZE | MIGP_VFIO_FEATURE_GET:
        return get_plain(service, request, reply);
    case MIGP_FEATURE_MIG_DEVICE_STATE | MIGP_VFIO_FEATURE_SET:
        return set_state(service, request, tail, reply);
    case MIGP_FEATURE_DMA_LOGGING_START | MIGP_VFIO_FEATURE_SET:
        return log_start(service, request, tail, reply);
    case MIGP_FEATURE_DMA_LOGGING_STOP | MIGP_VFIO_FEATURE_SET:
        return log_stop(service, request);
    case MIGP_FEATURE_DMA_LOGGING_REPORT | MIGP_VFIO_FEATURE_GET:
        return log_report(service, request, tail, reply);
    default:
        return -EINVAL;
    }
}

int migp_user_serve_feature(struct migp_user_service *service,
                            const struct migp_vu_message *request,
                            const uint8_t *tail, struct migp_vu_message *reply)
{
    int code = dispatch(service, request, tail, reply);

    reply->argsz = 8 + (uint32_t)reply->tail;
    if (request->argsz > reply->argsz) {
        reply->argsz = request->argsz;
    }
    reply->flags = request->flags;
    return code;
}
