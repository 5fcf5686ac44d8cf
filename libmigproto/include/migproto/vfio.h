/* SPDX-License-Identifier: MIT */
#ifndef MIGPROTO_VFIO_H
#define MIGPROTO_VFIO_H

/**
 * @file vfio.h
 * @brief A VFIO device of the Linux kernel, as a backend of a device.
 *
 * Open one (or adopt the fd that the VMM has), then give it to
 * migp_device_new() with migp_vfio_ops():
 *
 *     struct migp_vfio_options how;
 *     migp_vfio_options_init(&how);
 *     how.device_fd = fd;
 *     migp_vfio_open(&vfio, &how, &error);
 *     migp_device_new(&device, migp_vfio_ops(), vfio, NULL, &error);
 *
 * Opening a vfio-pci device by a path resets it, and so does closing its last
 * file descriptor. An adopted fd stays the caller's and is never closed here.
 *
 * Threads: one at a time, as for the device. docs/embedding.md names the
 * system calls behind each function.
 */

#include <migproto/device.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Flags of struct migp_vfio_options. */
enum migp_vfio_flag {
    /** The device may be reset by being opened by its path. */
    MIGP_VFIO_RESET_OK = 1,
    /** Do not opt in to MIGP_PRECOPY_REINIT where the kernel has it. */
    MIGP_VFIO_NO_REINIT = 2
};

/**
 * @brief Which device, and how; start from migp_vfio_options_init().
 *
 * Exactly one of device_fd, cdev_path, group_path and name alone says which
 * device; the strings are not kept.
 */
struct migp_vfio_options {
    size_t struct_size;         /**< sizeof(struct migp_vfio_options) */
    const struct migp_sys *sys; /**< NULL: migp_sys_linux(); lives as long as
                                     the object */
    uint32_t flags;             /**< set of enum migp_vfio_flag; default 0 */
    int32_t device_fd;          /**< a device fd to adopt, -1 for none */
    int32_t iommufd;            /**< with cdev_path: an iommufd to bind to, it
                                     stays the caller's; -1: opens one */
    int32_t container_fd;       /**< with group_path: a type1 container that
                                     the group is in or comes into, it stays
                                     the caller's; -1: opens one */
    const char *cdev_path;      /**< "/dev/vfio/devices/vfio0", or NULL */
    const char *group_path;     /**< "/dev/vfio/12", or NULL */
    const char *name;           /**< the device in the group; alone: found in
                                     /sys by its PCI address or mdev UUID */
    const char *vf_token;       /**< UUID, or NULL; with group_path or name */
};

/** A VFIO device of the kernel. */
struct migp_vfio;

/**
 * @brief Fill in the defaults.
 * @param options the object; NULL is allowed and does nothing
 * @since 0.1.0
 */
MIGP_API void migp_vfio_options_init(struct migp_vfio_options *options);

/**
 * @brief Open or adopt a VFIO device.
 * @param[out] out the object; migp_vfio_close() frees it, or the device that
 *             was made of it
 * @param options which device
 * @param[out] error why it failed; may be NULL
 * @return MIGP_OK; MIGP_ERR_INVALID_ARGUMENT (not exactly one device named; a
 *         path without #MIGP_VFIO_RESET_OK); MIGP_ERR_NO_MEMORY;
 *         MIGP_ERR_SYSTEM (errno and the file in error); *out is NULL then
 * @since 0.1.0
 */
MIGP_API int migp_vfio_open(struct migp_vfio **out,
                            const struct migp_vfio_options *options,
                            struct migp_error *error);

/**
 * @brief Close what was opened, free the object.
 * @param vfio the object, not given to a device; NULL is allowed
 * @since 0.1.0
 */
MIGP_API void migp_vfio_close(struct migp_vfio *vfio);

/**
 * @brief Tell the backend's table; user is a struct migp_vfio.
 * @return static, never NULL
 * @since 0.1.0
 */
MIGP_API const struct migp_device_ops *migp_vfio_ops(void);

/**
 * @brief Tell the fd of the device.
 * @param vfio the object
 * @return the fd; whoever owned it still does; -1 for no object
 * @since 0.1.0
 */
MIGP_API int migp_vfio_fd(const struct migp_vfio *vfio);

/**
 * @brief Tell the system calls in use.
 * @param vfio the object
 * @return lives as long as the object; NULL for no object
 * @since 0.1.0
 */
MIGP_API const struct migp_sys *migp_vfio_sys(const struct migp_vfio *vfio);

/**
 * @brief Close the device and open it again; not for an adopted fd.
 * @param vfio the object, no session open
 * @param[out] error why it failed; may be NULL
 * @return MIGP_OK; MIGP_ERR_UNSUPPORTED (adopted); MIGP_ERR_SYSTEM (the object
 *         can then only be closed)
 * @since 0.1.0
 */
MIGP_API int migp_vfio_reopen(struct migp_vfio *vfio, struct migp_error *error);

/** Regions of a PCI device. Source: Linux include/uapi/linux/vfio.h. */
enum migp_vfio_region {
    MIGP_VFIO_REGION_BAR0 = 0,  /**< BAR 0; BAR n is this + n, n up to 5 */
    MIGP_VFIO_REGION_ROM = 6,   /**< expansion ROM */
    MIGP_VFIO_REGION_CONFIG = 7 /**< PCI config space */
};

/**
 * @brief Read from a region of the device.
 * @param vfio the object
 * @param region enum migp_vfio_region, or any index
 * @param offset bytes from the region's start
 * @param[out] bytes where to put it
 * @param size bytes
 * @param[out] error why it failed; may be NULL
 * @return bytes read, fewer only at the region's end; MIGP_ERR_UNSUPPORTED (no
 *         such region); MIGP_ERR_INVALID_ARGUMENT (beyond it);
 *         MIGP_ERR_SYSTEM
 * @since 0.1.0
 */
MIGP_API migp_ssize migp_vfio_region_read(struct migp_vfio *vfio,
                                          uint32_t region, uint64_t offset,
                                          void *bytes, size_t size,
                                          struct migp_error *error);

/**
 * @brief Write to a region of the device.
 * @param vfio the object
 * @param region enum migp_vfio_region, or any index
 * @param offset bytes from the region's start
 * @param bytes what to write
 * @param size bytes
 * @param[out] error why it failed; may be NULL
 * @return as migp_vfio_region_read()
 * @since 0.1.0
 */
MIGP_API migp_ssize migp_vfio_region_write(struct migp_vfio *vfio,
                                           uint32_t region, uint64_t offset,
                                           const void *bytes, size_t size,
                                           struct migp_error *error);

#ifdef __cplusplus
}
#endif

#endif
