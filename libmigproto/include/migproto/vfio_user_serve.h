/* SPDX-License-Identifier: MIT */
#ifndef MIGPROTO_VFIO_USER_SERVE_H
#define MIGPROTO_VFIO_USER_SERVE_H

/**
 * @file vfio_user_serve.h
 * @brief Offer a VFIO device of the kernel, or a simulated one, to another
 *        process by vfio-user.
 *
 * Meant for trying clients out; what `migproto serve-sim` runs.
 */

#include <migproto/core.h>
#include <migproto/sys.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How to serve; start from migp_vfio_user_serve_options_init(). */
struct migp_vfio_user_serve_options {
    size_t struct_size;    /**< sizeof(struct migp_vfio_user_serve_options) */
    uint32_t max_transfer; /**< bytes of data in one message; default 1 MiB */
    const struct migp_sys *sys; /**< of the socket; NULL: migp_sys_linux() */
    const struct migp_sys *device_sys; /**< of the device; NULL: as sys */
};

/**
 * @brief Fill in the defaults.
 * @param options the object; NULL is allowed and does nothing
 * @since 0.1.0
 */
MIGP_API void
migp_vfio_user_serve_options_init(struct migp_vfio_user_serve_options *options);

/**
 * @brief Offer a VFIO device to one client, until it hangs up.
 *
 * The device is the kernel's, or a simulated one. DMA is not offered: maps are
 * accepted and not used.
 *
 * @param socket connected to the client; stays the caller's
 * @param device_fd of the device; stays the caller's
 * @param options NULL for the defaults; not kept
 * @param[out] error why it failed; may be NULL
 * @return MIGP_OK when the client has hung up between two messages;
 *         MIGP_ERR_TRUNCATED (inside one); MIGP_ERR_MALFORMED (not vfio-user);
 *         MIGP_ERR_SYSTEM; MIGP_ERR_CANCELLED (interrupted by a signal);
 *         MIGP_ERR_NO_MEMORY; MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int
migp_vfio_user_serve(int socket, int device_fd,
                     const struct migp_vfio_user_serve_options *options,
                     struct migp_error *error);

#ifdef __cplusplus
}
#endif

#endif
