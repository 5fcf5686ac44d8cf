/* SPDX-License-Identifier: MIT */
#ifndef MIGPROTO_VFIO_USER_CODEC_H
#define MIGPROTO_VFIO_USER_CODEC_H

/**
 * @file vfio_user_codec.h
 * @brief The messages of vfio-user that migration needs, as bytes and back.
 *
 * A message is a fixed part, at most #MIGP_VU_FIXED_MAX bytes, and a tail whose
 * length the fixed part gives: JSON, the data of a feature, device state.
 * Encoding writes the fixed part; the tail goes out from where it lies.
 * Decoding reads the fixed part and says how long the tail is; it may be read
 * straight to where it belongs. Integers are in the host's byte order, as the
 * socket never leaves the host.
 *
 * Pure; allocates nothing. The same functions serve a client and a server.
 * Source: the vfio-user protocol in QEMU's docs/interop (facts only), and what
 * libvfio-user answers.
 */

#include <migproto/core.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of the header in front of every message. */
#define MIGP_VU_HEAD_SIZE 16
/** Longest fixed part, header included, in bytes. */
#define MIGP_VU_FIXED_MAX 64
/** Longest message that is decoded, bytes: 64 MiB. */
#define MIGP_VU_MESSAGE_MAX (UINT32_C(64) << 20)

/** Commands; a reply has its request's. */
enum migp_vu_command {
    MIGP_VU_VERSION = 1,         /**< first of all messages */
    MIGP_VU_DMA_MAP = 2,         /**< an fd may come along */
    MIGP_VU_DMA_UNMAP = 3,       /**< the other way */
    MIGP_VU_GET_INFO = 4,        /**< about the device */
    MIGP_VU_REGION_INFO = 5,     /**< about one region */
    MIGP_VU_REGION_READ = 9,     /**< of registers */
    MIGP_VU_REGION_WRITE = 10,   /**< of registers */
    MIGP_VU_DMA_READ = 11,       /**< from server to client */
    MIGP_VU_DMA_WRITE = 12,      /**< from server to client */
    MIGP_VU_RESET = 13,          /**< of the device */
    MIGP_VU_DEVICE_FEATURE = 16, /**< as the ioctl VFIO_DEVICE_FEATURE */
    MIGP_VU_MIG_DATA_READ = 17,  /**< as read(2) on a data fd */
    MIGP_VU_MIG_DATA_WRITE = 18  /**< as write(2) on a data fd */
};

/** Flags of a header, as on the wire. */
enum migp_vu_flag {
    MIGP_VU_REPLY = 1,     /**< else a request */
    MIGP_VU_NO_REPLY = 16, /**< request: no reply is wanted */
    MIGP_VU_ERROR = 32     /**< reply: error_number counts, nothing else */
};

/** Flags of DMA_MAP. */
enum migp_vu_dma_flag {
    MIGP_VU_DMA_READABLE = 1, /**< by the device */
    MIGP_VU_DMA_WRITABLE = 2  /**< by the device */
};

/**
 * @brief One message. Members that its command does not have are 0.
 *
 * | command | request | reply |
 * |---|---|---|
 * | VERSION | major, minor, tail: JSON with its NUL | the same |
 * | DMA_MAP | argsz, flags, offset, address, length | - |
 * | DMA_UNMAP | argsz, flags, address, length | the same; tail: bitmap |
 * | GET_INFO | argsz | argsz, flags, num_regions, num_irqs |
 * | REGION_INFO | argsz, region | argsz, flags, region, length, offset; tail: capabilities |
 * | REGION_READ | offset, region, count | the same; tail: data |
 * | REGION_WRITE | offset, region, count, tail: data | offset, region, count |
 * | DMA_READ | address, length | the same; tail: data |
 * | DMA_WRITE | address, length, tail: data | address, length |
 * | RESET | - | - |
 * | DEVICE_FEATURE | argsz, flags, tail: data | the same |
 * | MIG_DATA_READ | argsz, count | the same; tail: data, of which count bytes count |
 * | MIG_DATA_WRITE | argsz, count, tail: data | - |
 */
struct migp_vu_message {
    size_t struct_size;    /**< sizeof(struct migp_vu_message) */
    uint16_t id;           /**< the sender's; its reply has the same */
    uint16_t command;      /**< enum migp_vu_command */
    uint32_t head_flags;   /**< set of enum migp_vu_flag */
    uint32_t error_number; /**< reply with ERROR: errno, perhaps 0 or none that
                                exists; else 0 */
    uint16_t major;        /**< VERSION */
    uint16_t minor;        /**< VERSION */
    uint32_t argsz;        /**< most bytes that the reply may have, its header
                                not counted; where there is one */
    uint32_t flags;        /**< DMA flags, VFIO_DEVICE_FEATURE flags,
                                VFIO_DEVICE_FLAGS, VFIO_REGION_INFO flags */
    uint32_t region;       /**< index */
    uint32_t count;        /**< bytes */
    uint32_t num_regions;  /**< GET_INFO */
    uint32_t num_irqs;     /**< GET_INFO */
    uint64_t offset;       /**< bytes */
    uint64_t address;      /**< I/O virtual address */
    uint64_t length;       /**< bytes */
    uint64_t tail;         /**< bytes behind the fixed part */
};

/**
 * @brief Write a message's fixed part.
 * @param message what to say; tail: how many bytes the caller sends behind it
 * @param[out] bytes where to put it
 * @param size room; #MIGP_VU_FIXED_MAX is always enough
 * @return bytes written; MIGP_ERR_NO_SPACE; MIGP_ERR_INVALID_ARGUMENT (unknown
 *         command; a tail where the command has none, or not the one that its
 *         count says; a message longer than #MIGP_VU_MESSAGE_MAX)
 * @since 0.1.0
 */
MIGP_API migp_ssize migp_vu_encode(const struct migp_vu_message *message,
                                   void *bytes, size_t size);

/**
 * @brief Read a message's fixed part.
 *
 * A reply with ERROR has no fixed part but its header: all that follows is
 * tail, and means nothing.
 *
 * @param bytes input, from the message's start
 * @param size bytes of input
 * @param[out] message struct_size set by the caller; filled on success
 * @param[out] error what is wrong; may be NULL
 * @return bytes of the fixed part, tail bytes follow; MIGP_ERR_NEED_MORE;
 *         MIGP_ERR_MALFORMED (sizes that do not fit each other, unknown
 *         command, neither request nor reply); MIGP_ERR_LIMIT (longer than
 *         #MIGP_VU_MESSAGE_MAX); MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API migp_ssize migp_vu_decode(const void *bytes, size_t size,
                                   struct migp_vu_message *message,
                                   struct migp_error *error);

#ifdef __cplusplus
}
#endif

#endif
