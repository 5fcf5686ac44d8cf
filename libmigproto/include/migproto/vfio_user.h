/* SPDX-License-Identifier: MIT */
#ifndef MIGPROTO_VFIO_USER_H
#define MIGPROTO_VFIO_USER_H

/**
 * @file vfio_user.h
 * @brief A device in another process, behind a UNIX socket, as a backend.
 *
 *     migp_vfio_user_connect(&server, &how, &error);
 *     migp_device_new(&device, migp_vfio_user_ops(), server, NULL, &error);
 *
 * Several requests for device state are on their way at once, so reading is as
 * fast as the socket. What a server does otherwise than the kernel is met here:
 * replies longer than their count, no ENOMSG, no pre-copy amounts, a reset that
 * leaves the state, DMA logs by region, errors with a tail, a server that dies.
 *
 * The connection is this object's alone: it says VERSION, and it takes what the
 * server sends only while a call runs. So it serves whoever has no vfio-user
 * client yet. A VMM that has one, with its own interrupts and memory, keeps it:
 * it takes the messages from vfio_user_codec.h and makes a struct
 * migp_device_ops of them.
 *
 * VERSION's JSON goes in and out as bytes; nothing here parses JSON.
 *
 * Threads: one at a time, as for the device.
 */

#include <migproto/device.h>
#include <migproto/vfio_user_codec.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Answers a server's DMA_READ or DMA_WRITE: move length bytes between the
 *  guest's memory at address and bytes. Returns 0 or a negative errno. */
typedef int (*migp_vfio_user_dma)(void *user, int is_write, uint64_t address,
                                  void *bytes, size_t length);

/** Which server, and how; start from migp_vfio_user_options_init(). */
struct migp_vfio_user_options {
    size_t struct_size;         /**< sizeof(struct migp_vfio_user_options) */
    const struct migp_sys *sys; /**< NULL: migp_sys_linux(); lives as long as
                                     the object */
    const char *path;           /**< of the socket, or NULL */
    int32_t socket;             /**< a connected socket to adopt; it stays the
                                     caller's; -1 for none */
    uint32_t in_flight;         /**< requests for data at once, 1 to 16;
                                     default 4 */
    uint32_t max_transfer;      /**< bytes of data in one message, 4096 to
                                     16 MiB; default 1 MiB. What the server
                                     allows less of, its VERSION says: the
                                     caller that reads that sets it with
                                     migp_vfio_user_set_max_transfer() */
    uint64_t timeout;           /**< nanoseconds without a byte of an awaited
                                     reply; default 30 s, 0: for ever */
    const char *version_json;   /**< capabilities to offer; NULL: ours */
    migp_vfio_user_dma dma;     /**< NULL: such requests are refused */
    void *dma_user;             /**< given to dma */
};

/** A connection to a vfio-user server. */
struct migp_vfio_user;

/**
 * @brief Fill in the defaults.
 * @param options the object; NULL is allowed and does nothing
 * @since 0.1.0
 */
MIGP_API void
migp_vfio_user_options_init(struct migp_vfio_user_options *options);

/**
 * @brief Connect and exchange versions.
 * @param[out] out the connection; migp_vfio_user_close() frees it, or the
 *             device that was made of it
 * @param options which server
 * @param[out] error why it failed; may be NULL
 * @return MIGP_OK; MIGP_ERR_SYSTEM (errno in error); MIGP_ERR_MALFORMED (what
 *         came is not vfio-user); MIGP_ERR_UNSUPPORTED (another major
 *         version); MIGP_ERR_TIMED_OUT; MIGP_ERR_DEVICE_LOST (the server hung
 *         up); MIGP_ERR_NO_MEMORY; MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int
migp_vfio_user_connect(struct migp_vfio_user **out,
                       const struct migp_vfio_user_options *options,
                       struct migp_error *error);

/**
 * @brief Hang up, free the object.
 * @param server the connection, not given to a device; NULL is allowed
 * @since 0.1.0
 */
MIGP_API void migp_vfio_user_close(struct migp_vfio_user *server);

/**
 * @brief Tell the backend's table; user is a struct migp_vfio_user.
 * @return static, never NULL
 * @since 0.1.0
 */
MIGP_API const struct migp_device_ops *migp_vfio_user_ops(void);

/**
 * @brief Tell what the server said in VERSION.
 * @param server the connection
 * @param[out] size bytes, the NUL not counted; may be NULL
 * @return JSON as the server sent it, at most 4096 bytes of it are kept,
 *         NUL-terminated; "" if it sent none
 * @since 0.1.0
 */
MIGP_API const char *migp_vfio_user_version(const struct migp_vfio_user *server,
                                            size_t *size);

/**
 * @brief Send no more data in one message than that.
 * @param server the connection, no data session open
 * @param max_transfer bytes, 4096 to 16 MiB
 * @return MIGP_OK; MIGP_ERR_STATE; MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int migp_vfio_user_set_max_transfer(struct migp_vfio_user *server,
                                             uint32_t max_transfer);

/**
 * @brief Let the device reach memory.
 *
 * Servers refuse it in STOP and STOP_COPY: map while RUNNING or RESUMING.
 *
 * @param server the connection
 * @param address I/O virtual address
 * @param length bytes
 * @param flags set of enum migp_vu_dma_flag
 * @param fd memory that the server maps, -1: it asks by message; it stays the
 *           caller's
 * @param offset of the memory in fd, bytes
 * @param[out] error why it failed; may be NULL
 * @return MIGP_OK; MIGP_ERR_SYSTEM (errno in error); MIGP_ERR_LIMIT (more than
 *         65535 maps); MIGP_ERR_DEVICE_LOST; MIGP_ERR_TIMED_OUT;
 *         MIGP_ERR_MALFORMED; MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int migp_vfio_user_dma_map(struct migp_vfio_user *server,
                                    uint64_t address, uint64_t length,
                                    uint32_t flags, int fd, uint64_t offset,
                                    struct migp_error *error);

/**
 * @brief Take memory away from the device.
 * @param server the connection
 * @param address as it was mapped
 * @param length as it was mapped
 * @param[out] error why it failed; may be NULL
 * @return as migp_vfio_user_dma_map()
 * @since 0.1.0
 */
MIGP_API int migp_vfio_user_dma_unmap(struct migp_vfio_user *server,
                                      uint64_t address, uint64_t length,
                                      struct migp_error *error);

/**
 * @brief Read registers.
 * @param server the connection
 * @param region index, as for VFIO
 * @param offset bytes from the region's start
 * @param[out] bytes where to put them
 * @param size bytes
 * @param[out] error why it failed; may be NULL
 * @return bytes read; as migp_vfio_user_dma_map()
 * @since 0.1.0
 */
MIGP_API migp_ssize migp_vfio_user_region_read(struct migp_vfio_user *server,
                                               uint32_t region, uint64_t offset,
                                               void *bytes, size_t size,
                                               struct migp_error *error);

/**
 * @brief Write registers.
 * @param server the connection
 * @param region index, as for VFIO
 * @param offset bytes from the region's start
 * @param bytes what to write
 * @param size bytes
 * @param[out] error why it failed; may be NULL
 * @return bytes written; as migp_vfio_user_dma_map()
 * @since 0.1.0
 */
MIGP_API migp_ssize migp_vfio_user_region_write(struct migp_vfio_user *server,
                                                uint32_t region,
                                                uint64_t offset,
                                                const void *bytes, size_t size,
                                                struct migp_error *error);

#ifdef __cplusplus
}
#endif

#endif
