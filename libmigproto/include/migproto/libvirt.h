/* SPDX-License-Identifier: MIT */
#ifndef MIGPROTO_LIBVIRT_H
#define MIGPROTO_LIBVIRT_H

/**
 * @file libvirt.h
 * @brief What libvirt puts before a QEMU stream in a save file.
 *
 * `virsh save` and `virsh managedsave` write a header, the domain's XML (with
 * a cookie behind it) and then QEMU's stream, raw or compressed. The header's
 * numbers are in the byte order of the host that wrote it; the version tells
 * which. Pure; allocates nothing.
 */

#include <migproto/core.h>
#include <migproto/finding.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of the header. */
#define MIGP_LIBVIRT_HEADER_SIZE 92
/** Where in it the format stands. */
#define MIGP_LIBVIRT_FORMAT_AT 28

/** How the stream behind the XML is stored. */
enum migp_libvirt_format {
    MIGP_LIBVIRT_RAW = 0,   /**< as QEMU wrote it */
    MIGP_LIBVIRT_GZIP = 1,  /**< compressed */
    MIGP_LIBVIRT_BZIP2 = 2, /**< compressed */
    MIGP_LIBVIRT_XZ = 3,    /**< compressed */
    MIGP_LIBVIRT_LZOP = 4,  /**< compressed */
    MIGP_LIBVIRT_ZSTD = 5,  /**< compressed */
    MIGP_LIBVIRT_SPARSE = 6 /**< a mapped-ram file */
};

/** What the header says. */
struct migp_libvirt_header {
    size_t struct_size;     /**< sizeof(struct migp_libvirt_header) */
    uint32_t version;       /**< 1 to 3 */
    uint32_t big_endian;    /**< 1 if the host that wrote it was big-endian */
    uint32_t data_size;     /**< bytes of XML and cookie behind the header */
    uint32_t was_running;   /**< 1 if the guest ran when it was saved */
    uint32_t format;        /**< enum migp_libvirt_format, or an unknown one */
    uint32_t is_partial;    /**< 1 if the save was never finished */
    uint64_t stream_offset; /**< where QEMU's stream begins: bytes from the
                                 first of the header */
};

/**
 * @brief Decode the header.
 * @param bytes the start of the file
 * @param size number of bytes; #MIGP_LIBVIRT_HEADER_SIZE is enough
 * @param[out] header struct_size set by the caller; filled on success, else
 *             unchanged
 * @param[out] error what is wrong, offset counted from bytes; may be NULL
 * @return MIGP_OK; MIGP_ERR_NOT_A_STREAM (no such header);
 *         MIGP_ERR_NEED_MORE; MIGP_ERR_UNSUPPORTED (an unknown version);
 *         MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int migp_libvirt_header_parse(const void *bytes, size_t size,
                                       struct migp_libvirt_header *header,
                                       struct migp_error *error);

/**
 * @brief Tell a format's name.
 * @param format enum migp_libvirt_format
 * @return "raw", "gzip", "bzip2", "xz", "lzop", "zstd", "sparse"; "unknown"
 *         for what is none; static, never NULL
 * @since 0.1.0
 */
MIGP_API const char *migp_libvirt_format_id(uint32_t format);

#ifdef __cplusplus
}
#endif

#endif
