/* SPDX-License-Identifier: MIT */
#include "device/vfio/vfio.h"

#include "core/error.h"
#include "device/dirty/dirty.h"
#include "device/uapi.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* The caller's ranges go to the kernel as they are. */
static_assert(sizeof(struct migp_iova_range) ==
                      sizeof(struct migp_vfio_feature_logging_range) &&
                  offsetof(struct migp_iova_range, length) ==
                      offsetof(struct migp_vfio_feature_logging_range, length),
              "the same layout");

struct device_logs {
    size_t n;
    struct migp_vfio *devices[];
};

static int device_say(struct migp_error *error, int code, int answer,
                      const struct migp_vfio *device, size_t index,
                      const char *what)
{
    return migp_error_say(error, code, -answer, "device %zu (%s): %s", index,
                          device->name[0] != '\0' ? device->name : "no name",
                          what);
}

static int log_stop(const struct migp_vfio *device)
{
    return migp_vfio_feature(device, MIGP_FEATURE_DMA_LOGGING_STOP,
                             MIGP_VFIO_FEATURE_SET, NULL, 0);
}

/* *chosen: the driver's page size. */
static int log_start(const struct migp_vfio *device,
                     const struct migp_dirty_wish *wish, uint64_t *chosen)
{
    struct migp_vfio_feature_logging_control control = {0};
    int answer;

    control.page_size = wish->page_size;
    control.num_ranges = (uint32_t)wish->n_ranges;
    control.ranges = (uint64_t)(uintptr_t)wish->ranges;
    answer =
        migp_vfio_feature(device, MIGP_FEATURE_DMA_LOGGING_START,
                          MIGP_VFIO_FEATURE_SET, &control, sizeof(control));
    *chosen = control.page_size;
    return answer;
}

static void stop_first(const struct device_logs *logs, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        (void)log_stop(logs->devices[i]);
    }
}

static int logs_start(void *user, struct migp_dirty_wish *wish,
                      struct migp_error *error)
{
    const struct device_logs *logs = user;
    uint64_t smallest = UINT64_MAX;
    size_t i;

    for (i = 0; i < logs->n; i++) {
        uint64_t chosen = 0;
        const int answer = log_start(logs->devices[i], wish, &chosen);

        if (answer < 0) {
            stop_first(logs, i);
            return device_say(error, MIGP_ERR_SYSTEM, answer, logs->devices[i],
                              i, "DMA logging does not start");
        }
        if (!migp_dirty_page_valid(chosen)) {
            stop_first(logs, i + 1);
            return device_say(error, MIGP_ERR_SYSTEM, -EPROTO, logs->devices[i],
                              i, "the driver's page size is impossible");
        }
        smallest = chosen < smallest ? chosen : smallest;
    }
    /* A log of larger pages sets all bits of each. Source: Linux
     * include/uapi/linux/vfio.h, "DMA_LOGGING_REPORT". */
    wish->page_size = smallest;
    return MIGP_OK;
}

static int logs_stop(void *user, struct migp_error *error)
{
    const struct device_logs *logs = user;
    int code = MIGP_OK;
    size_t i;

    for (i = 0; i < logs->n; i++) {
        const int answer = log_stop(logs->devices[i]);

        if (answer < 0 && code == MIGP_OK) {
            code = device_say(error, MIGP_ERR_SYSTEM, answer, logs->devices[i],
                              i, "DMA logging does not stop");
        }
    }
    return code;
}

/* The kernel only sets bits: all devices share one bitmap. */
static int logs_report(void *user, const struct migp_iova_range *part,
                       uint64_t page_size, uint64_t *words,
                       struct migp_error *error)
{
    const struct device_logs *logs = user;
    size_t i;

    for (i = 0; i < logs->n; i++) {
        struct migp_vfio_feature_logging_report report;
        int answer;

        report.iova = part->iova;
        report.length = part->length;
        report.page_size = page_size;
        report.bitmap = migp_dirty_pointer(words);
        answer =
            migp_vfio_feature(logs->devices[i], MIGP_FEATURE_DMA_LOGGING_REPORT,
                              MIGP_VFIO_FEATURE_GET, &report, sizeof(report));
        if (answer < 0) {
            return device_say(error, MIGP_ERR_SYSTEM, answer, logs->devices[i],
                              i, "its DMA log cannot be read");
        }
    }
    return MIGP_OK;
}

static const struct migp_dirty_ops logs_ops = {
    .start = logs_start,
    .stop = logs_stop,
    .report = logs_report,
    .release = free,
};

static bool has_log(const struct migp_vfio *device)
{
    return migp_vfio_feature_probe(device, MIGP_FEATURE_DMA_LOGGING_START,
                                   MIGP_VFIO_FEATURE_SET) &&
           migp_vfio_feature_probe(device, MIGP_FEATURE_DMA_LOGGING_REPORT,
                                   MIGP_VFIO_FEATURE_GET);
}

int migp_dirty_new_vfio(struct migp_dirty **out,
                        struct migp_vfio *const *devices, size_t n_devices,
                        struct migp_error *error)
{
    struct device_logs *logs;
    size_t i;

    if (out != NULL) {
        *out = NULL;
    }
    if (out == NULL || devices == NULL || n_devices == 0 ||
        n_devices > SIZE_MAX / sizeof(*devices) / 2) {
        return migp_error_say(error, MIGP_ERR_INVALID_ARGUMENT, 0,
                              "no devices");
    }
    for (i = 0; i < n_devices; i++) {
        if (devices[i] == NULL) {
            return migp_error_say(error, MIGP_ERR_INVALID_ARGUMENT, 0,
                                  "device %zu is NULL", i);
        }
        if (!has_log(devices[i])) {
            return device_say(error, MIGP_ERR_UNSUPPORTED, 0, devices[i], i,
                              "its driver has no DMA log");
        }
    }
    logs = malloc(sizeof(*logs) + n_devices * sizeof(logs->devices[0]));
    if (logs == NULL) {
        return migp_error_set(error, MIGP_ERR_NO_MEMORY, NULL);
    }
    logs->n = n_devices;
    memcpy(logs->devices, devices, n_devices * sizeof(logs->devices[0]));
    return migp_dirty_make(out, &logs_ops, logs, error);
}
