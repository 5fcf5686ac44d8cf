/* SPDX-License-Identifier: MIT */
#ifndef MIGPROTO_RETURN_PATH_H
#define MIGPROTO_RETURN_PATH_H

/**
 * @file return_path.h
 * @brief The messages of QEMU's return path, from destination to source.
 *
 * All integers on the wire are big-endian. Pure; allocates nothing.
 */

#include <migproto/core.h>
#include <migproto/finding.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Longest message, head included, in bytes. */
#define MIGP_RP_MESSAGE_MAX 516

/** Messages from destination to source. */
enum migp_rp_kind {
    MIGP_RP_SHUT = 1,          /**< value: status, 0 is good */
    MIGP_RP_PONG = 2,          /**< value: what PING said */
    MIGP_RP_REQ_PAGES_ID = 3,  /**< start, length, name */
    MIGP_RP_REQ_PAGES = 4,     /**< start, length */
    MIGP_RP_RECV_BITMAP = 5,   /**< name; the bitmap that follows is not part
                                    of the message */
    MIGP_RP_RESUME_ACK = 6,    /**< value: 1 */
    MIGP_RP_SWITCHOVER_ACK = 7 /**< since QEMU 8.1 */
};

/** One message of the return path. */
struct migp_rp_message {
    size_t struct_size; /**< sizeof(struct migp_rp_message) */
    uint32_t kind;      /**< enum migp_rp_kind */
    uint32_t value;     /**< see enum migp_rp_kind, else 0 */
    uint64_t start;     /**< bytes; see enum migp_rp_kind, else 0 */
    uint32_t length;    /**< bytes; see enum migp_rp_kind, else 0 */
    char name[256];     /**< NUL-terminated; empty where there is none */
};

/**
 * @brief Decode one message.
 * @param bytes input
 * @param size bytes of input
 * @param[out] message struct_size set by the caller; filled on success, else
 *             unchanged
 * @param[out] error what is wrong; may be NULL
 * @return bytes of the message, > 0; MIGP_ERR_NEED_MORE; MIGP_ERR_MALFORMED
 *         (unknown kind, wrong length); MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API migp_ssize migp_rp_decode(const void *bytes, size_t size,
                                   struct migp_rp_message *message,
                                   struct migp_error *error);

/**
 * @brief Encode one message.
 * @param message what to say
 * @param[out] buffer where to write; #MIGP_RP_MESSAGE_MAX is always enough
 * @param size bytes in buffer
 * @return bytes written; MIGP_ERR_NO_SPACE; MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API migp_ssize migp_rp_encode(const struct migp_rp_message *message,
                                   void *buffer, size_t size);

/**
 * @brief Tell a message's name.
 * @param kind enum migp_rp_kind
 * @return e.g. "SWITCHOVER_ACK"; "unknown" for what is none; static, never
 *         NULL
 * @since 0.1.0
 */
MIGP_API const char *migp_rp_id(uint32_t kind);

#ifdef __cplusplus
}
#endif

#endif
