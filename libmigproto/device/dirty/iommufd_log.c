/* SPDX-License-Identifier: MIT */
#include "core/error.h"
#include "device/dirty/dirty.h"
#include "device/sys.h"
#include "device/sys_call.h"
#include "device/uapi.h"

#include <errno.h>
#include <stdlib.h>

struct iommufd_log {
    struct migp_sys sys;
    int iommufd;
    uint32_t hwpt_id;
};

static int set_tracking(const struct iommufd_log *log, uint32_t flags,
                        const char *what, struct migp_error *error)
{
    struct migp_iommu_set_dirty_tracking set = {sizeof(set), flags,
                                                log->hwpt_id, 0};
    const char *hint = "";
    int answer;

    answer = migp_sys_ioctl(&log->sys, log->iommufd,
                            MIGP_IOMMU_HWPT_SET_DIRTY_TRACKING, &set);
    if (answer >= 0) {
        return MIGP_OK;
    }
    if (answer == -EOPNOTSUPP || answer == -EINVAL) {
        hint = " (was it made with IOMMU_HWPT_ALLOC_DIRTY_TRACKING?)";
    } else if (answer == -ENOTTY) {
        hint = " (a kernel before 6.7, or no iommufd)";
    }
    return migp_error_say(error, MIGP_ERR_SYSTEM, -answer,
                          "page table %u: tracking does not %s%s", log->hwpt_id,
                          what, hint);
}

static int iommufd_start(void *user, struct migp_dirty_wish *wish,
                         struct migp_error *error)
{
    /* It tracks the whole page table, in the pages that the report names. */
    (void)wish;
    return set_tracking(user, MIGP_IOMMU_DIRTY_TRACKING_ENABLE, "start", error);
}

static int iommufd_stop(void *user, struct migp_error *error)
{
    return set_tracking(user, 0, "stop", error);
}

static int iommufd_report(void *user, const struct migp_iova_range *part,
                          uint64_t page_size, uint64_t *words,
                          struct migp_error *error)
{
    const struct iommufd_log *log = user;
    struct migp_iommu_get_dirty_bitmap get = {0};
    int answer;

    get.size = sizeof(get);
    get.hwpt_id = log->hwpt_id;
    get.iova = part->iova;
    get.length = part->length;
    get.page_size = page_size;
    get.data = migp_dirty_pointer(words);
    answer = migp_sys_ioctl(&log->sys, log->iommufd,
                            MIGP_IOMMU_HWPT_GET_DIRTY_BITMAP, &get);
    if (answer < 0) {
        return migp_error_say(error, MIGP_ERR_SYSTEM, -answer,
                              "page table %u: its dirty bitmap cannot be read",
                              log->hwpt_id);
    }
    return MIGP_OK;
}

static const struct migp_dirty_ops iommufd_ops = {
    .start = iommufd_start,
    .stop = iommufd_stop,
    .report = iommufd_report,
    .release = free,
};

int migp_dirty_new_iommufd(struct migp_dirty **out, const struct migp_sys *sys,
                           int iommufd, uint32_t hwpt_id,
                           struct migp_error *error)
{
    struct iommufd_log *log;

    if (out != NULL) {
        *out = NULL;
    }
    if (out == NULL || iommufd < 0) {
        return migp_error_say(error, MIGP_ERR_INVALID_ARGUMENT, 0,
                              "no iommufd");
    }
    log = calloc(1, sizeof(*log));
    if (log == NULL) {
        return migp_error_set(error, MIGP_ERR_NO_MEMORY, NULL);
    }
    if (migp_sys_take(&log->sys, sys) < 0) {
        free(log);
        return migp_error_say(error, MIGP_ERR_INVALID_ARGUMENT, 0,
                              "an unknown table of system calls");
    }
    log->iommufd = iommufd;
    log->hwpt_id = hwpt_id;
    return migp_dirty_make(out, &iommufd_ops, log, error);
}
