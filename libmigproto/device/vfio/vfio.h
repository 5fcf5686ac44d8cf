/* SPDX-License-Identifier: MIT */
#ifndef MIGP_DEVICE_VFIO_VFIO_H
#define MIGP_DEVICE_VFIO_VFIO_H

#include <migproto/sys.h>
#include <migproto/vfio.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest names, terminating NUL included. The kernel takes a page for
 * "name vf_token=UUID". */
#define MIGP_VFIO_PATH_MAX 256
#define MIGP_VFIO_NAME_MAX 128
#define MIGP_VFIO_TOKEN_MAX 37

/* Two are possible: an old one, and the one that the driver opens because a
 * reset behind our back has ended it. */
#define MIGP_VFIO_SESSIONS_MAX 4

struct migp_vfio {
    struct migp_sys sys;
    uint32_t flags;

    /* What was opened: -1, or an fd; the caller's are not closed. */
    int device_fd;
    int group_fd;
    int container_fd;
    int iommufd;
    bool own_device;
    bool own_container;
    bool own_iommufd;

    /* How it was opened, to do it again. */
    char cdev_path[MIGP_VFIO_PATH_MAX];
    char group_path[MIGP_VFIO_PATH_MAX];
    char name[MIGP_VFIO_NAME_MAX];
    char vf_token[MIGP_VFIO_TOKEN_MAX];

    /* What the device says about itself. */
    char driver[32];
    uint16_t vendor;
    uint16_t product;
    bool is_pci;
    bool says_reset; /* a hint: mtty does not say it and resets */
    bool reinit;

    int sessions[MIGP_VFIO_SESSIONS_MAX];

    char backend[16];
    void (*release)(void *owner);
    void *owner;
};

/* open.c. Hang the object that the fds belong to on it: what caps call the
 * backend, and what frees the object when the device is closed. */
void migp_vfio_adopt_owner(struct migp_vfio *vfio, const char *backend,
                           void (*release)(void *owner), void *owner);

/* open.c. Is it an fd that this object knows? A kernel that gives one of them
 * again gives garbage. */
bool migp_vfio_knows_fd(const struct migp_vfio *vfio, int fd);

/* open.c. "PATH: STEP (HINT): ERRNO" as MIGP_ERR_SYSTEM; hint may be NULL. */
int migp_vfio_fail(struct migp_error *error, int answer, const char *path,
                   const char *step, const char *hint);

/* What to change when a step failed with an errno; a list ends with 0. */
struct migp_vfio_hint {
    int number;
    const char *text;
};
const char *migp_vfio_hint(const struct migp_vfio_hint *hints, int answer);

/* open_cdev.c, open_group.c: what is not open yet of device, iommufd, group and
 * container; on failure some may be, and migp_vfio_close() closes them. */
int migp_vfio_open_cdev(struct migp_vfio *vfio, struct migp_error *error);
int migp_vfio_open_group(struct migp_vfio *vfio, struct migp_error *error);

/* find.c. From a name to cdev_path and group_path, whichever there are. */
int migp_vfio_find(struct migp_vfio *vfio, struct migp_error *error);

/* find.c. Name and driver, as far as /sys knows them. */
void migp_vfio_find_driver(struct migp_vfio *vfio);

/* region.c. DEVICE_GET_INFO, then vendor and device of a PCI device. */
int migp_vfio_ask_info(struct migp_vfio *vfio, struct migp_error *error);

/*
 * feature.c: the envelope of VFIO_DEVICE_FEATURE. operation is one of
 * MIGP_VFIO_FEATURE_GET and _SET, with or without _PROBE; size: of the payload,
 * at most MIGP_VFIO_PAYLOAD_MAX; it is written back only on success. 0 or a
 * negative errno. migp_vfio_feature_once() does not repeat after EINTR.
 */
#define MIGP_VFIO_PAYLOAD_MAX 32
int migp_vfio_feature(const struct migp_vfio *vfio, uint32_t feature,
                      uint32_t operation, void *payload, size_t size);
int migp_vfio_feature_once(const struct migp_vfio *vfio, uint32_t feature,
                           uint32_t operation, void *payload, size_t size);

/* Does the device have it? operation without _PROBE. */
bool migp_vfio_feature_probe(const struct migp_vfio *vfio, uint32_t feature,
                             uint32_t operation);

/* ops.c. Ask for REINIT; quietly nothing where the kernel does not have it. */
void migp_vfio_opt_in(struct migp_vfio *vfio);

#endif
