/* SPDX-License-Identifier: MIT */
#ifndef MIGPROTO_RECORD_H
#define MIGPROTO_RECORD_H

/**
 * @file record.h
 * @brief What drivers put inside the device state.
 *
 * The payload of all DATA records, put end to end, is the driver's own
 * format. Some formats can be recognised by their first bytes and checked:
 * whether the state is whole is known to nobody else on the way, and some
 * drivers accept a state that is cut short.
 *
 * Known: mtty (samples/vfio-mdev/mtty.c of Linux 6.7 and later), mlx5 and
 * virtio (drivers/vfio/pci/mlx5 and .../virtio: chains of records). Bytes of
 * any other driver are "opaque": counted, never judged.
 *
 * Everything here is pure, and allocates only in migp_driver_reader_new().
 */

#include <migproto/core.h>
#include <migproto/finding.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Drivers whose bytes are understood. */
enum migp_driver {
    MIGP_DRIVER_OPAQUE = 0, /**< not recognised */
    MIGP_DRIVER_MTTY = 1,   /**< the kernel's sample driver */
    MIGP_DRIVER_MLX5 = 2,   /**< mlx5-vfio-pci */
    MIGP_DRIVER_VIRTIO = 3, /**< virtio-vfio-pci */
    MIGP_DRIVER_RECORDS = 4 /**< mlx5 or virtio: the bytes fit both */
};

/** What a field's value is. */
enum migp_field_kind {
    MIGP_FIELD_NUMBER = 0, /**< number, print in decimal */
    MIGP_FIELD_HEX = 1,    /**< number, print in hexadecimal */
    MIGP_FIELD_BYTES = 2   /**< bytes and size */
};

/** One field of a driver's state, for people to read. */
struct migp_field {
    const char *name;     /**< e.g. "port0.divisor"; lives as long as the
                               reader */
    uint32_t kind;        /**< enum migp_field_kind */
    uint32_t size;        /**< BYTES: how many */
    uint64_t number;      /**< NUMBER, HEX: the value */
    const uint8_t *bytes; /**< BYTES: the value; lives as long as the reader */
};

/** Recognises a driver's format and checks it, in any split. */
struct migp_driver_reader;

/**
 * @brief Make a reader.
 * @param[out] out the reader; free it with migp_driver_reader_free()
 * @return MIGP_OK, MIGP_ERR_INVALID_ARGUMENT or MIGP_ERR_NO_MEMORY; *out is
 *         NULL then
 * @since 0.1.0
 */
MIGP_API int migp_driver_reader_new(struct migp_driver_reader **out);

/**
 * @brief Free a reader.
 * @param reader the reader; NULL is allowed
 * @since 0.1.0
 */
MIGP_API void migp_driver_reader_free(struct migp_driver_reader *reader);

/**
 * @brief Give the next bytes of the device's state.
 * @param reader the reader
 * @param bytes payload of DATA records; NULL only if size is 0
 * @param size number of bytes
 * @param offset where the first of them is in the input, for findings
 * @return MIGP_OK or MIGP_ERR_INVALID_ARGUMENT; what is wrong with the bytes
 *         is told by findings only
 * @since 0.1.0
 */
MIGP_API int migp_driver_reader_feed(struct migp_driver_reader *reader,
                                     const void *bytes, size_t size,
                                     uint64_t offset);

/**
 * @brief Say whose PCI device it is.
 *
 * Where the bytes fit more than one driver (records of tag 0 only, or an
 * unknown driver's state that happens to begin like a record) this decides.
 * Call it before migp_driver_reader_finish(), or not at all.
 *
 * @param reader the reader
 * @param vendor_id PCI vendor, config space 0x00
 * @return MIGP_OK or MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int migp_driver_reader_set_vendor(struct migp_driver_reader *reader,
                                           uint16_t vendor_id);

/**
 * @brief Say that the device's state ended, and check that it is whole.
 * @param reader the reader
 * @param offset where in the input it ended, for findings
 * @return MIGP_OK; MIGP_ERR_TRUNCATED if the format says that bytes are
 *         missing; MIGP_ERR_MALFORMED if it refuses them otherwise;
 *         MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int migp_driver_reader_finish(struct migp_driver_reader *reader,
                                       uint64_t offset);

/**
 * @brief Tell whose bytes they are.
 * @param reader the reader
 * @return enum migp_driver
 * @since 0.1.0
 */
MIGP_API int migp_driver_reader_driver(const struct migp_driver_reader *reader);

/**
 * @brief Tell how many findings there are.
 * @param reader the reader
 * @return a small number
 * @since 0.1.0
 */
MIGP_API size_t
migp_driver_reader_finding_count(const struct migp_driver_reader *reader);

/**
 * @brief Get a finding.
 * @param reader the reader
 * @param position 0 to count - 1
 * @param[out] finding filled
 * @return MIGP_OK or MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int migp_driver_reader_finding(const struct migp_driver_reader *reader,
                                        size_t position,
                                        struct migp_finding *finding);

/**
 * @brief Tell how many fields have been read.
 * @param reader the reader
 * @return a small number; 0 for opaque bytes
 * @since 0.1.0
 */
MIGP_API size_t
migp_driver_reader_field_count(const struct migp_driver_reader *reader);

/**
 * @brief Get a field.
 * @param reader the reader
 * @param position 0 to count - 1
 * @param[out] field filled
 * @return MIGP_OK or MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int migp_driver_reader_field(const struct migp_driver_reader *reader,
                                      size_t position,
                                      struct migp_field *field);

/**
 * @brief Tell a driver's name as `--json` prints it.
 * @param driver enum migp_driver
 * @return "opaque", "mtty", "mlx5", "virtio", "mlx5-or-virtio"; static, never
 *         NULL
 * @since 0.1.0
 */
MIGP_API const char *migp_driver_id(int driver);

/** @name Records of mlx5 and virtio
 *  @{ */

/** Bytes of a record's head. */
#define MIGP_DRIVER_RECORD_HEAD 16
/** Most bytes behind it that the drivers take. */
#define MIGP_DRIVER_RECORD_MAX UINT32_C(0xffffffff)
/** Set in flags: a driver that does not know the tag skips the record. */
#define MIGP_DRIVER_RECORD_OPTIONAL UINT32_C(1)

/** Tags of mlx5; virtio's only one is 0 too: a whole device context. */
enum migp_mlx5_tag {
    MIGP_MLX5_FW_DATA = 0,       /**< a firmware image */
    MIGP_MLX5_STOP_COPY_SIZE = 1 /**< optional; 8 bytes, little-endian: what
                                      the source's STOP_COPY image needs */
};

/** The head of a record; on the wire all numbers are little-endian. */
struct migp_driver_record {
    uint64_t size;  /**< bytes behind the head */
    uint32_t flags; /**< #MIGP_DRIVER_RECORD_OPTIONAL or 0 */
    uint32_t tag;   /**< enum migp_mlx5_tag, or 0 */
};

/**
 * @brief Decode the head of a record.
 * @param bytes #MIGP_DRIVER_RECORD_HEAD bytes
 * @param size number of bytes
 * @param[out] record filled on success, else unchanged
 * @return MIGP_OK, MIGP_ERR_NEED_MORE or MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int migp_driver_record_parse(const void *bytes, size_t size,
                                      struct migp_driver_record *record);

/** @} */
/** @name mtty
 *  @{ */

/** Bytes of mtty's header, and of each port that follows. */
#define MIGP_MTTY_HEADER_SIZE 24
#define MIGP_MTTY_PORT_SIZE 36 /**< see #MIGP_MTTY_HEADER_SIZE */
/** Most ports a device has. */
#define MIGP_MTTY_MAX_PORTS 2
/** First eight bytes, in the host's byte order. */
#define MIGP_MTTY_MAGIC UINT64_C(0x7e9d09898c3e2c4e)

/** One serial port. */
struct migp_mtty_port {
    uint8_t uart_reg[8];        /**< 8250 registers */
    uint8_t fifo[16];           /**< receive buffer */
    uint8_t head;               /**< index in fifo, 0 to 15 */
    uint8_t tail;               /**< index in fifo, 0 to 15 */
    uint8_t count;              /**< bytes in fifo, 0 to 16 */
    uint8_t dlab;               /**< divisor latch access */
    uint8_t overrun;            /**< 1 after an overrun */
    uint8_t max_fifo_size;      /**< 1 or 16 */
    uint8_t intr_trigger_level; /**< 1, 4, 8 or 14 */
    uint8_t fcr;                /**< FIFO control register */
    uint16_t divisor;           /**< baud divisor */
    uint16_t reserved;          /**< 0 */
};

/** mtty's state. */
struct migp_mtty_state {
    size_t struct_size;     /**< sizeof(struct migp_mtty_state) */
    uint32_t big_endian;    /**< 1 if the source host was big-endian */
    uint32_t major_version; /**< 1 */
    uint32_t minor_version; /**< 0 */
    uint32_t flags;         /**< 0 */
    uint32_t n_ports;       /**< 1 or 2 */
    uint32_t n_ports_read;  /**< how many of ports are filled */
    struct migp_mtty_port ports[MIGP_MTTY_MAX_PORTS]; /**< the ports */
};

/**
 * @brief Decode mtty's state.
 * @param bytes the whole state
 * @param size number of bytes
 * @param[out] state struct_size set by the caller; filled as far as the bytes
 *             go if the header is good, else unchanged
 * @param[out] error what is wrong, offset counted from bytes; may be NULL
 * @return MIGP_OK; MIGP_ERR_NOT_A_STREAM (no mtty magic); MIGP_ERR_TRUNCATED;
 *         MIGP_ERR_MALFORMED (a header that mtty refuses, or bytes too many);
 *         MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int migp_mtty_parse(const void *bytes, size_t size,
                             struct migp_mtty_state *state,
                             struct migp_error *error);

/** @} */

#ifdef __cplusplus
}
#endif

#endif
