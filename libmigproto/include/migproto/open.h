/* SPDX-License-Identifier: MIT */
#ifndef MIGPROTO_OPEN_H
#define MIGPROTO_OPEN_H

/**
 * @file open.h
 * @brief Open a device by its name, whatever the backend.
 *
 * What the migproto command does with its SPEC arguments. What is behind the
 * device can be had: migp_device_backend(device, migp_vfio_ops()) gives the
 * struct migp_vfio of a "vfio:" or "sim" device.
 */

#include <migproto/device.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How to open a device by its name; start from migp_open_options_init(). */
struct migp_open_options {
    size_t struct_size;         /**< sizeof(struct migp_open_options) */
    uint32_t flags;             /**< set of enum migp_open_flag; default 0 */
    uint32_t recover;           /**< enum migp_recover; default STATE */
    const struct migp_sys *sys; /**< NULL: migp_sys_linux(); lives as long as
                                     the device */
};

/** Flags of struct migp_open_options. */
enum migp_open_flag {
    /** Opening may reset the device, as vfio-pci does when it is opened by its
     *  path. Without it such a name is refused. */
    MIGP_OPEN_RESET_OK = 1
};

/**
 * @brief Fill in the defaults.
 * @param options the object; NULL is allowed and does nothing
 * @since 0.1.0
 */
MIGP_API void migp_open_options_init(struct migp_open_options *options);

/**
 * @brief Open a device by its name.
 *
 *     vfio:fd:N                        a VFIO device fd of this process; it
 *                                      stays the caller's
 *     vfio:/dev/vfio/devices/vfioN     by its cdev, bound to iommufd
 *     vfio:/dev/vfio/N,name=NAME[,vf-token=UUID]
 *                                      by its group and its name in it
 *     vfio:NAME                        0000:3b:00.2 or an mdev's UUID: found
 *                                      in /sys
 *     vfio-user:PATH                   the UNIX socket of a vfio-user server
 *     sim[:OPTION,...]                 a simulated device in real time; the
 *                                      options are those of sim.h
 *
 * @param[out] out the device; free it with migp_device_free()
 * @param spec the name
 * @param options NULL for the defaults; not kept
 * @param[out] error why it failed, offset: where in spec; may be NULL
 * @return as migp_device_new(), or MIGP_ERR_INVALID_ARGUMENT if the name is
 *         not understood or MIGP_OPEN_RESET_OK is missing
 * @since 0.1.0
 */
MIGP_API int migp_device_open(struct migp_device **out, const char *spec,
                              const struct migp_open_options *options,
                              struct migp_error *error);

#ifdef __cplusplus
}
#endif

#endif
