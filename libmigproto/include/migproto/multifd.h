/* SPDX-License-Identifier: MIT */
#ifndef MIGPROTO_MULTIFD_H
#define MIGPROTO_MULTIFD_H

/**
 * @file multifd.h
 * @brief The channels beside QEMU's main channel.
 *
 * With multifd, RAM pages travel in packets on channels of their own, and from
 * QEMU 10.0 on so does what a VFIO device gives in STOP_COPY: one packet per
 * read, numbered from 0, on whichever channel is idle, so in any order across
 * channels; the last one holds the device's config bytes. Three parts:
 *
 * - migp_multifd_reader_feed() takes one channel apart;
 * - migp_multifd_order_add() and migp_multifd_order_next() put the packets of
 *   one device back in order, whatever they are to the caller: places in
 *   files, or buffers of a live connection;
 * - migp_multifd_init_encode() and migp_multifd_packet_encode() write what the
 *   reader reads.
 *
 * All integers on the wire are big-endian. Everything here is pure; a reader
 * is one allocation, an order grows with the packets that wait in it.
 */

#include <migproto/core.h>
#include <migproto/finding.h>

#ifdef __cplusplus
extern "C" {
#endif

/** First four bytes of a channel and of each packet. */
#define MIGP_MULTIFD_MAGIC UINT32_C(0x11223344)
/** Bytes that a channel starts with. */
#define MIGP_MULTIFD_INIT_SIZE 64
/** Bytes before a device-state packet's data. */
#define MIGP_MULTIFD_HEAD_SIZE 288
/** Default of migp_multifd_options.max_packet: 1 GiB. */
#define MIGP_DEFAULT_MAX_PACKET (UINT32_C(1) << 30)
/** Default of most packets of one device: 1 TiB, in QEMU's 1 MiB. */
#define MIGP_DEFAULT_MAX_PACKETS (UINT32_C(1) << 20)
/** The biggest value that may be set instead. */
#define MIGP_MAX_PACKETS_CEILING (UINT32_C(1) << 28)

/** Set of bits in struct migp_multifd_packet. */
enum migp_multifd_packet_flag {
    MIGP_MULTIFD_CONFIG = 1 /**< the device's last packet: its config bytes,
                                 as DEV_CONFIG_STATE, bytes, END_OF_STATE */
};

/** What a channel starts with. */
struct migp_multifd_init {
    uint32_t version;    /**< 1 */
    uint32_t channel_id; /**< 0 to 255; 0 is the first channel beside the
                              main one */
    uint8_t uuid[16];    /**< the machine's; zeros if it has none */
};

/** The head of a device-state packet. */
struct migp_multifd_packet {
    const char *idstr;    /**< NUL-terminated; at most 255 bytes of the peer's,
                               not checked to be printable */
    uint32_t instance_id; /**< tells apart equal idstr */
    uint32_t version;     /**< 0 */
    uint32_t index;       /**< place in the device's state, from 0 */
    uint32_t flags;       /**< set of enum migp_multifd_packet_flag; unknown
                               bits are kept, as QEMU ignores them */
    uint32_t size;        /**< bytes of data behind the head */
    uint32_t reserved;    /**< 0 */
};

/** @name One channel
 *  @{ */

/** How to read a channel; start from migp_multifd_options_init(). */
struct migp_multifd_options {
    size_t struct_size;  /**< sizeof(struct migp_multifd_options) */
    uint32_t page_size;  /**< target page bytes, as the main channel has it: a
                              power of two from 1024 to 65536; default 4096 */
    uint32_t max_packet; /**< most bytes behind a packet's head; default
                              #MIGP_DEFAULT_MAX_PACKET */
};

/** What a channel's reader reports. */
enum migp_multifd_event_kind {
    MIGP_MULTIFD_EVENT_NONE = 0,   /**< never reported */
    MIGP_MULTIFD_EVENT_INIT = 1,   /**< the channel's start */
    MIGP_MULTIFD_EVENT_RAM = 2,    /**< a packet of RAM, or one that only
                                        synchronises */
    MIGP_MULTIFD_EVENT_DEVICE = 3, /**< the head of a device-state packet */
    MIGP_MULTIFD_EVENT_DATA = 4    /**< a piece of its data */
};

/**
 * @brief One thing the reader saw.
 *
 * | kind | offset of | size | value | bytes |
 * |---|---|---|---|---|
 * | INIT | the magic | 64 | 0 | NULL |
 * | RAM | the magic | of the whole packet | flags | NULL |
 * | DEVICE | the magic | data behind the head | 0 | NULL |
 * | DATA | the first byte | of this piece, > 0 | 0 | the piece |
 */
struct migp_multifd_event {
    uint32_t kind;        /**< enum migp_multifd_event_kind */
    uint32_t reserved;    /**< 0 */
    uint64_t offset;      /**< bytes from the start of the channel */
    uint64_t size;        /**< see the table above */
    uint64_t value;       /**< see the table above */
    const uint8_t *bytes; /**< into the caller's bytes; as long as they live */
    const struct migp_multifd_init *init;     /**< INIT; lives as long as the
                                               reader */
    const struct migp_multifd_packet *packet; /**< DEVICE, DATA; until the next
                                                   feed, its idstr too */
};

/** A pull parser of one channel. */
struct migp_multifd_reader;

/**
 * @brief Fill in the defaults.
 * @param options the object; NULL is allowed and does nothing
 * @since 0.1.0
 */
MIGP_API void migp_multifd_options_init(struct migp_multifd_options *options);

/**
 * @brief Make a reader.
 * @param[out] out the reader; free it with migp_multifd_reader_free()
 * @param options NULL for the defaults; not kept
 * @param[out] error why it failed; may be NULL
 * @return MIGP_OK, MIGP_ERR_INVALID_ARGUMENT or MIGP_ERR_NO_MEMORY; *out is
 *         NULL then
 * @since 0.1.0
 */
MIGP_API int migp_multifd_reader_new(struct migp_multifd_reader **out,
                                     const struct migp_multifd_options *options,
                                     struct migp_error *error);

/**
 * @brief Free a reader.
 * @param reader the reader; NULL is allowed
 * @since 0.1.0
 */
MIGP_API void migp_multifd_reader_free(struct migp_multifd_reader *reader);

/**
 * @brief Read bytes.
 *
 * Consumes as many bytes as it can and stops when the event array is full, or
 * before the second DEVICE event, so that there is one packet at a time; what
 * it leaves is presented again with more behind it. A device's data is passed
 * on in pieces as it comes; RAM is passed over.
 *
 * @param reader the reader
 * @param bytes input; NULL only if size is 0
 * @param size bytes of input
 * @param[out] events array to fill; never more than max_events written
 * @param max_events room in events, > 0
 * @param[out] n_events events written; valid also on failure: those are the
 *             events before the fault
 * @return bytes consumed (0 to size), or MIGP_ERR_INVALID_ARGUMENT,
 *         MIGP_ERR_NOT_A_STREAM, MIGP_ERR_MALFORMED, MIGP_ERR_LIMIT,
 *         MIGP_ERR_UNSUPPORTED; after a failure every further call returns
 *         the same
 * @since 0.1.0
 */
MIGP_API migp_ssize migp_multifd_reader_feed(struct migp_multifd_reader *reader,
                                             const void *bytes, size_t size,
                                             struct migp_multifd_event *events,
                                             size_t max_events,
                                             size_t *n_events);

/**
 * @brief Tell how many bytes the next feed must present in one piece.
 * @param reader the reader
 * @return bytes, counted from the first one not consumed, at most
 *         #MIGP_MULTIFD_HEAD_SIZE; 0 if any number will do
 * @since 0.1.0
 */
MIGP_API size_t
migp_multifd_reader_need(const struct migp_multifd_reader *reader);

/**
 * @brief Tell how many bytes of RAM or of a device's data come next.
 * @param reader the reader
 * @return bytes; 0 if the next byte must be fed
 * @since 0.1.0
 */
MIGP_API uint64_t
migp_multifd_reader_skippable(const struct migp_multifd_reader *reader);

/**
 * @brief Say that the caller passed over bytes.
 * @param reader the reader
 * @param size bytes, at most migp_multifd_reader_skippable()
 * @return MIGP_OK or MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int migp_multifd_reader_skip(struct migp_multifd_reader *reader,
                                      uint64_t size);

/**
 * @brief Ask at the end of the channel whether it was whole.
 *
 * A channel has no end mark: it may end between any two packets.
 *
 * @param reader the reader
 * @param unread bytes that were there but not consumed
 * @param[out] error what is missing; may be NULL
 * @return MIGP_OK, MIGP_ERR_TRUNCATED, MIGP_ERR_INVALID_ARGUMENT, or the
 *         failure that the reader is in
 * @since 0.1.0
 */
MIGP_API int migp_multifd_reader_finish(struct migp_multifd_reader *reader,
                                        size_t unread,
                                        struct migp_error *error);

/**
 * @brief Tell the offset of the next byte the reader will consume.
 * @param reader the reader
 * @return bytes from the start of the channel
 * @since 0.1.0
 */
MIGP_API uint64_t
migp_multifd_reader_offset(const struct migp_multifd_reader *reader);

/**
 * @brief Tell why the reader failed.
 * @param reader the reader
 * @param[out] error filled; may be NULL
 * @return the failure, or MIGP_OK if there is none
 * @since 0.1.0
 */
MIGP_API int migp_multifd_reader_error(const struct migp_multifd_reader *reader,
                                       struct migp_error *error);

/** @} */
/** @name Writing
 *  @{ */

/**
 * @brief Write what a channel starts with.
 * @param init what to say; its version is not looked at
 * @param[out] buffer where to write #MIGP_MULTIFD_INIT_SIZE bytes
 * @param size bytes in buffer
 * @return bytes written; MIGP_ERR_NO_SPACE; MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API migp_ssize migp_multifd_init_encode(
    const struct migp_multifd_init *init, void *buffer, size_t size);

/**
 * @brief Write the head of a device-state packet.
 * @param packet what to say; its version is not looked at
 * @param[out] buffer where to write #MIGP_MULTIFD_HEAD_SIZE bytes; packet.size
 *             bytes of data are to follow them
 * @param size bytes in buffer
 * @return bytes written; MIGP_ERR_NO_SPACE; MIGP_ERR_INVALID_ARGUMENT if the
 *         idstr is empty or longer than 255 bytes, or size above 2^32 - 13
 * @since 0.1.0
 */
MIGP_API migp_ssize migp_multifd_packet_encode(
    const struct migp_multifd_packet *packet, void *buffer, size_t size);

/** @} */
/** @name The packets of one device in order
 *  @{ */

/** A packet as the caller keeps it. */
struct migp_multifd_place {
    uint32_t index;  /**< as in struct migp_multifd_packet */
    uint32_t flags;  /**< as in struct migp_multifd_packet */
    uint64_t offset; /**< of the packet, for findings */
    uint64_t size;   /**< bytes of data */
    uint64_t token;  /**< the caller's, e.g. which channel or buffer */
};

/** Packets of one device that wait for their turn. */
struct migp_multifd_order;

/**
 * @brief Make an order.
 * @param[out] out the order; free it with migp_multifd_order_free()
 * @param max_packets indices are to be below this; 0 for
 *                    #MIGP_DEFAULT_MAX_PACKETS; at most
 *                    #MIGP_MAX_PACKETS_CEILING
 * @return MIGP_OK, MIGP_ERR_INVALID_ARGUMENT or MIGP_ERR_NO_MEMORY; *out is
 *         NULL then
 * @since 0.1.0
 */
MIGP_API int migp_multifd_order_new(struct migp_multifd_order **out,
                                    uint32_t max_packets);

/**
 * @brief Free an order.
 * @param order the order; NULL is allowed
 * @since 0.1.0
 */
MIGP_API void migp_multifd_order_free(struct migp_multifd_order *order);

/**
 * @brief Put a packet in.
 *
 * Stricter than QEMU's reader, which has no bound on the index and takes a
 * second config packet (docs/protocol.md). A packet that is refused changes
 * nothing.
 *
 * @param order the order
 * @param place the packet; copied
 * @param[out] error what is wrong with it; may be NULL
 * @return MIGP_OK; MIGP_ERR_LIMIT (the index is too big); MIGP_ERR_MALFORMED
 *         (that index was there, it is behind the config packet, or a second
 *         config packet); MIGP_ERR_NO_MEMORY; MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int migp_multifd_order_add(struct migp_multifd_order *order,
                                    const struct migp_multifd_place *place,
                                    struct migp_error *error);

/**
 * @brief Take the next packet out.
 * @param order the order
 * @param[out] place filled on success, else unchanged
 * @return MIGP_OK; MIGP_ERR_NEED_MORE if it is not there yet; MIGP_ERR_STATE
 *         if the config packet has been taken: there is no next one;
 *         MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int migp_multifd_order_next(struct migp_multifd_order *order,
                                     struct migp_multifd_place *place);

/**
 * @brief Tell how many packets were put in.
 * @param order the order
 * @return a number; 0 for NULL
 * @since 0.1.0
 */
MIGP_API uint64_t
migp_multifd_order_count(const struct migp_multifd_order *order);

/**
 * @brief Ask whether all packets were there and taken.
 * @param order the order
 * @param[out] beside on MIGP_ERR_TRUNCATED the packet beside the gap, zeros if
 *             no packet came, else unchanged; may be NULL
 * @param[out] error what is missing, with that packet's offset; may be NULL
 * @return MIGP_OK; MIGP_ERR_TRUNCATED (a gap, or no config packet);
 *         MIGP_ERR_STATE (the next one can be taken); MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int migp_multifd_order_finish(const struct migp_multifd_order *order,
                                       struct migp_multifd_place *beside,
                                       struct migp_error *error);

/** @} */

#ifdef __cplusplus
}
#endif

#endif
