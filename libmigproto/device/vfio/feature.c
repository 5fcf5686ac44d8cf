/* SPDX-License-Identifier: MIT */
#include "device/sys_call.h"
#include "device/uapi.h"
#include "device/vfio/vfio.h"

#include <errno.h>
#include <string.h>

/* As an array of 64-bit words, because payloads have some. */
struct envelope {
    struct migp_vfio_feature head;
    uint64_t payload[MIGP_VFIO_PAYLOAD_MAX / sizeof(uint64_t)];
};

static void envelope_make(struct envelope *envelope, uint32_t flags,
                          const void *payload, size_t size)
{
    memset(envelope, 0, sizeof(*envelope));
    envelope->head.argsz = (uint32_t)(sizeof(envelope->head) + size);
    envelope->head.flags = flags;
    if (size > 0) {
        memcpy(envelope->payload, payload, size);
    }
}

/* Linux copies the struct back on failure too ("MIG_DEVICE_STATE" in
 * include/uapi/linux/vfio.h): what is in it then means nothing. */
static int envelope_take(const struct envelope *envelope, int answer,
                         void *payload, size_t size)
{
    if (answer < 0) {
        return migp_sys_errno(answer);
    }
    if (size > 0) {
        memcpy(payload, envelope->payload, size);
    }
    return 0;
}

int migp_vfio_feature_once(const struct migp_vfio *vfio, uint32_t feature,
                           uint32_t operation, void *payload, size_t size)
{
    struct envelope envelope;
    int answer;

    envelope_make(&envelope, feature | operation, payload, size);
    answer = vfio->sys.ioctl(vfio->sys.user, vfio->device_fd,
                             MIGP_VFIO_DEVICE_FEATURE, &envelope);
    return envelope_take(&envelope, answer, payload, size);
}

/* Not migp_sys_ioctl(): what is sent again must not be what came back. */
int migp_vfio_feature(const struct migp_vfio *vfio, uint32_t feature,
                      uint32_t operation, void *payload, size_t size)
{
    int answer = -EINTR;
    int i;

    for (i = 0; i < MIGP_SYS_TRIES && answer == -EINTR; i++) {
        answer =
            migp_vfio_feature_once(vfio, feature, operation, payload, size);
    }
    return answer;
}

bool migp_vfio_feature_probe(const struct migp_vfio *vfio, uint32_t feature,
                             uint32_t operation)
{
    return migp_vfio_feature(vfio, feature, operation | MIGP_VFIO_FEATURE_PROBE,
                             NULL, 0) == 0;
}
