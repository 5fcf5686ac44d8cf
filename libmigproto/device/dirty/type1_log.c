/* SPDX-License-Identifier: MIT */
#include "core/error.h"
#include "device/dirty/dirty.h"
#include "device/sys.h"
#include "device/sys_call.h"
#include "device/uapi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Room for IOMMU_GET_INFO's capabilities. The list of usable addresses is the
 * only one that grows, 16 bytes for each hole between them. */
#define INFO_ROOM 16384

/* Capabilities that a chain may have; Linux has four kinds. */
#define CAPS_MAX 64

struct type1_log {
    struct migp_sys sys;
    int container;
    uint64_t page_size;
    uint64_t max_bitmap; /* bytes */
};

static int dirty_pages(const struct type1_log *log, uint32_t flags,
                       const char *what, struct migp_error *error)
{
    struct migp_vfio_dirty_bitmap arg = {sizeof(arg), flags};
    const int answer = migp_sys_ioctl(&log->sys, log->container,
                                      MIGP_VFIO_IOMMU_DIRTY_PAGES, &arg);

    if (answer < 0) {
        return migp_error_say(error, MIGP_ERR_SYSTEM, -answer,
                              "the container's tracking does not %s", what);
    }
    return MIGP_OK;
}

static int type1_start(void *user, struct migp_dirty_wish *wish,
                       struct migp_error *error)
{
    const struct type1_log *log = user;
    size_t i;

    /* The kernel reports in its smallest pages, and in no others. */
    for (i = 0; i < wish->n_ranges; i++) {
        if (wish->ranges[i].iova % log->page_size != 0 ||
            wish->ranges[i].length % log->page_size != 0) {
            return migp_error_say(error, MIGP_ERR_INVALID_ARGUMENT, 0,
                                  "a range is not made of the container's "
                                  "pages");
        }
    }
    wish->page_size = log->page_size;
    return dirty_pages(log, MIGP_VFIO_DIRTY_START, "start", error);
}

static int type1_stop(void *user, struct migp_error *error)
{
    return dirty_pages(user, MIGP_VFIO_DIRTY_STOP, "stop", error);
}

static int type1_report(void *user, const struct migp_iova_range *part,
                        uint64_t page_size, uint64_t *words,
                        struct migp_error *error)
{
    const struct type1_log *log = user;
    const uint64_t pages = part->length / page_size;
    struct migp_vfio_dirty_bitmap_get get = {0};
    int answer;

    get.head.argsz = sizeof(get);
    get.head.flags = MIGP_VFIO_DIRTY_GET_BITMAP;
    get.iova = part->iova;
    get.size = part->length;
    get.pgsize = page_size;
    get.bitmap_size = (pages / 64 + (pages % 64 != 0)) * sizeof(uint64_t);
    get.bitmap = migp_dirty_pointer(words);
    /* Once: the kernel overwrites words, so a second try would lose what the
     * first has cleared. */
    answer = log->sys.ioctl(log->sys.user, log->container,
                            MIGP_VFIO_IOMMU_DIRTY_PAGES, &get);
    if (answer < 0) {
        return migp_error_say(
            error, MIGP_ERR_SYSTEM, -migp_sys_errno(answer),
            "the container's dirty bitmap cannot be read%s",
            answer == -EINVAL ? " (whole mappings must be asked for)" : "");
    }
    return MIGP_OK;
}

static uint64_t type1_whole(const void *user, uint64_t *page_size)
{
    const struct type1_log *log = user;

    *page_size = log->page_size;
    return log->max_bitmap;
}

static const struct migp_dirty_ops type1_ops = {
    .start = type1_start,
    .stop = type1_stop,
    .report = type1_report,
    .whole = type1_whole,
    .release = free,
};

/* Find the capability in what the kernel wrote; offsets are from the start of
 * the struct, and are the kernel's word. */
static bool find_migration(const uint8_t *info, size_t size, uint32_t offset,
                           struct migp_vfio_iommu_cap_migration *found)
{
    struct migp_vfio_cap_header header;
    int i;

    for (i = 0; i < CAPS_MAX && offset != 0; i++) {
        if (offset > size || size - offset < sizeof(header)) {
            return false;
        }
        memcpy(&header, info + offset, sizeof(header));
        if (header.id == MIGP_VFIO_IOMMU_INFO_CAP_MIGRATION) {
            if (size - offset < sizeof(*found)) {
                return false;
            }
            memcpy(found, info + offset, sizeof(*found));
            return true;
        }
        offset = header.next;
    }
    return false;
}

static int info_read(struct type1_log *log, const uint8_t *bytes,
                     struct migp_error *error)
{
    struct migp_vfio_iommu_cap_migration cap;
    struct migp_vfio_iommu_info info;

    memcpy(&info, bytes, sizeof(info));
    if ((info.flags & MIGP_VFIO_IOMMU_INFO_CAPS) == 0 ||
        !find_migration(bytes, INFO_ROOM, info.cap_offset, &cap)) {
        return migp_error_say(error, MIGP_ERR_UNSUPPORTED, 0,
                              "the container does not track dirty pages");
    }
    log->page_size = cap.pgsize_bitmap & (~cap.pgsize_bitmap + 1);
    log->max_bitmap = cap.max_dirty_bitmap_size;
    if (!migp_dirty_page_valid(log->page_size) ||
        log->max_bitmap < sizeof(uint64_t)) {
        return migp_error_say(error, MIGP_ERR_UNSUPPORTED, 0,
                              "the container says impossible things about its "
                              "tracking");
    }
    return MIGP_OK;
}

static int info_ask(struct type1_log *log, struct migp_error *error)
{
    const struct migp_vfio_iommu_info head = {.argsz = INFO_ROOM};
    uint8_t *bytes = calloc(1, INFO_ROOM);
    int answer;
    int code;

    if (bytes == NULL) {
        return migp_error_set(error, MIGP_ERR_NO_MEMORY, NULL);
    }
    memcpy(bytes, &head, sizeof(head));
    answer = migp_sys_ioctl(&log->sys, log->container, MIGP_VFIO_IOMMU_GET_INFO,
                            bytes);
    if (answer < 0) {
        code = migp_error_say(error, MIGP_ERR_SYSTEM, -answer,
                              "VFIO_IOMMU_GET_INFO failed: is it a type1 "
                              "container with a group in it?");
    } else {
        code = info_read(log, bytes, error);
    }
    free(bytes);
    return code;
}

int migp_dirty_new_type1(struct migp_dirty **out, const struct migp_sys *sys,
                         int container, struct migp_error *error)
{
    struct type1_log *log;
    int code;

    if (out != NULL) {
        *out = NULL;
    }
    if (out == NULL || container < 0) {
        return migp_error_say(error, MIGP_ERR_INVALID_ARGUMENT, 0,
                              "no container");
    }
    log = calloc(1, sizeof(*log));
    if (log == NULL) {
        return migp_error_set(error, MIGP_ERR_NO_MEMORY, NULL);
    }
    log->container = container;
    if (migp_sys_take(&log->sys, sys) < 0) {
        code = migp_error_say(error, MIGP_ERR_INVALID_ARGUMENT, 0,
                              "an unknown table of system calls");
    } else {
        code = info_ask(log, error);
    }
    if (code < 0) {
        free(log);
        return code;
    }
    return migp_dirty_make(out, &type1_ops, log, error);
}
