/* SPDX-License-Identifier: MIT */
#ifndef MIGPROTO_STREAM_H
#define MIGPROTO_STREAM_H

/**
 * @file stream.h
 * @brief The device-state stream: what QEMU writes for one VFIO device.
 *
 * A device's state is a row of records. A record starts with a 64-bit
 * big-endian tag:
 *
 *     SETUP END            the device is there
 *     [DATA size bytes]... what the driver's data_fd gave, END
 *     CONFIG bytes END     PCI config space and MSI-X, as the VMM keeps them
 *
 * QEMU wraps those records into sections (START, PART, END, FULL; see
 * qemu.h); without the wrapping they are a "bare" stream. docs/protocol.md
 * is the normative text.
 *
 * Decoding: give bytes in any split to migp_decoder_feed(); it fills an array
 * of events. Payload is never copied: events point into the caller's bytes.
 * What a call does not consume is presented again, with more behind it, in
 * the next call. Only for CONFIG, which has no length on the wire, the
 * decoder asks for a number of bytes in one piece: migp_decoder_need().
 *
 * Encoding: migp_encoder_record() writes a record's head into caller memory;
 * the payload goes out from where it lies.
 *
 * Everything here is pure: no system call, no clock, no thread, and no
 * allocation after migp_decoder_new() and migp_encoder_new().
 */

#include <migproto/core.h>
#include <migproto/finding.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Tags, as read from the wire in big-endian order.
 *  Source: qemu hw/vfio/vfio-migration-internal.h (facts only). */
#define MIGP_TAG_END_OF_STATE UINT64_C(0xffffffffef100001)
#define MIGP_TAG_CONFIG UINT64_C(0xffffffffef100002) /**< since QEMU 5.2 */
#define MIGP_TAG_SETUP UINT64_C(0xffffffffef100003)  /**< since QEMU 5.2 */
#define MIGP_TAG_DATA UINT64_C(0xffffffffef100004)   /**< since QEMU 5.2 */
/** since QEMU 8.1 */
#define MIGP_TAG_INIT_DATA_SENT UINT64_C(0xffffffffef100005)
/** since QEMU 10.1 */
#define MIGP_TAG_CONFIG_LOAD_READY UINT64_C(0xffffffffef100006)

/** Longest head of a record: tag and size, in bytes. */
#define MIGP_RECORD_HEAD_MAX 16

/** Default of migp_decoder_options.max_config, bytes. */
#define MIGP_DEFAULT_MAX_CONFIG 65536
/** Highest value of migp_decoder_options.max_config, bytes: 1 GiB. */
#define MIGP_MAX_CONFIG_CEILING (UINT64_C(1) << 30)
/** Default of migp_decoder_options.max_data, bytes: 1 TiB. */
#define MIGP_DEFAULT_MAX_DATA (UINT64_C(1) << 40)

/** Which QEMUs wrote the stream; a set of bits where several are possible. */
enum migp_dialect {
    MIGP_DIALECT_QEMU_5_2 = 1, /**< 5.2: CONFIG first inside END */
    MIGP_DIALECT_V1 = 2,       /**< 6.0 to 7.2: one chunk per PART, 0 allowed */
    MIGP_DIALECT_V2 = 4,       /**< 8.0 and later */
    MIGP_DIALECT_ANY = 7       /**< find out while reading */
};

/** QEMU's section kinds; values are the bytes on the wire. */
enum migp_section_kind {
    MIGP_SECTION_BARE = 0,  /**< no section around the records */
    MIGP_SECTION_START = 1, /**< QEMU_VM_SECTION_START */
    MIGP_SECTION_PART = 2,  /**< QEMU_VM_SECTION_PART */
    MIGP_SECTION_END = 3,   /**< QEMU_VM_SECTION_END */
    MIGP_SECTION_FULL = 4,  /**< QEMU_VM_SECTION_FULL */
    MIGP_SECTION_MULTIFD =
        5 /**< no section, but packets of multifd channels; see multifd.h */
};

/** What a decoder reports. Record kinds have their tag's number. */
enum migp_event_kind {
    MIGP_EVENT_NONE = 0,           /**< never reported */
    MIGP_EVENT_END = 1,            /**< END_OF_STATE */
    MIGP_EVENT_CONFIG = 2,         /**< CONFIG, its bytes held whole */
    MIGP_EVENT_SETUP = 3,          /**< SETUP */
    MIGP_EVENT_DATA_BEGIN = 4,     /**< DATA and its size */
    MIGP_EVENT_INIT_DATA_SENT = 5, /**< INIT_DATA_SENT; ends its section */
    MIGP_EVENT_CONFIG_LOAD_READY =
        6,                 /**< CONFIG_LOAD_READY; ends its section */
    MIGP_EVENT_DATA = 7,   /**< a piece of a DATA record's payload */
    MIGP_EVENT_FINDING = 8 /**< something worth reporting */
};

/**
 * @brief One thing the decoder saw. 40 bytes, fixed for SOVERSION 0.
 *
 * | kind | offset of | size | bytes |
 * |---|---|---|---|
 * | SETUP, END, INIT_DATA_SENT, CONFIG_LOAD_READY | the tag | 0 | NULL |
 * | DATA_BEGIN | the tag | payload of the record | NULL |
 * | DATA | the first byte | bytes in this piece, > 0 | the piece |
 * | CONFIG | the tag | config bytes | the config bytes |
 * | FINDING | see finding | value | NULL; expected in @ref expected |
 */
struct migp_event {
    uint32_t kind;        /**< enum migp_event_kind */
    uint32_t finding;     /**< FINDING: enum migp_finding_code, else 0 */
    uint64_t offset;      /**< bytes from the start of the input */
    uint64_t size;        /**< see the table above */
    const uint8_t *bytes; /**< into the caller's bytes; as long as they live */
    uint64_t expected;    /**< FINDING: struct migp_finding.expected, else 0 */
};

/** Flags of migp_decoder_options. */
enum migp_decoder_flag {
    /** Report what breaks the order rules as a finding and go on. A container's
     *  reader then also goes on behind records that it cannot follow. */
    MIGP_DECODER_TOLERANT = 1
};

/** Flags of a feed call. */
enum migp_feed_flag {
    /** No byte will ever follow those of this call. */
    MIGP_FEED_LAST = 1
};

/** How to decode; start from migp_decoder_options_init(). */
struct migp_decoder_options {
    size_t struct_size;   /**< sizeof(struct migp_decoder_options) */
    uint32_t dialects;    /**< set of enum migp_dialect; default ANY */
    uint32_t flags;       /**< set of enum migp_decoder_flag; default 0 */
    uint64_t base_offset; /**< offset of the first byte; default 0 */
    uint64_t max_data;    /**< bytes in one DATA record;
                               default #MIGP_DEFAULT_MAX_DATA */
    uint64_t max_config;  /**< config bytes; default #MIGP_DEFAULT_MAX_CONFIG */
};

/** What is known about the end of CONFIG from outside. */
struct migp_config_hint {
    size_t struct_size;  /**< sizeof(struct migp_config_hint) */
    uint32_t flags;      /**< set of enum migp_config_hint_flag */
    uint32_t section_id; /**< with HAS_FOOTER: the section's id */
    uint64_t size;       /**< with HAS_SIZE: exact number of config bytes */
};

/** Which members of a struct migp_config_hint count. */
enum migp_config_hint_flag {
    MIGP_CONFIG_HINT_SIZE = 1,  /**< size is exact */
    MIGP_CONFIG_HINT_FOOTER = 2 /**< a footer with section_id follows END */
};

/** A pull parser of one device's records. */
struct migp_decoder;

/**
 * @brief Fill in the defaults.
 * @param options the object; NULL is allowed and does nothing
 * @since 0.1.0
 */
MIGP_API void migp_decoder_options_init(struct migp_decoder_options *options);

/**
 * @brief Make a decoder.
 * @param[out] out the decoder; free it with migp_decoder_free()
 * @param options NULL for the defaults; not kept
 * @param[out] error why it failed; may be NULL
 * @return MIGP_OK, MIGP_ERR_INVALID_ARGUMENT (out NULL, unknown dialect or
 *         flag, struct_size of a newer library with non-zero rest) or
 *         MIGP_ERR_NO_MEMORY; *out is NULL then
 * @since 0.1.0
 */
MIGP_API int migp_decoder_new(struct migp_decoder **out,
                              const struct migp_decoder_options *options,
                              struct migp_error *error);

/**
 * @brief Free a decoder.
 * @param decoder the decoder; NULL is allowed
 * @since 0.1.0
 */
MIGP_API void migp_decoder_free(struct migp_decoder *decoder);

/**
 * @brief Say that a section's payload starts at the next byte.
 *
 * For callers that unwrap QEMU's sections themselves. Without this call the
 * records are taken as a bare stream.
 *
 * @param decoder the decoder, between two sections
 * @param kind enum migp_section_kind, neither BARE nor MULTIFD
 * @param offset offset of the payload's first byte
 * @param hint what is known about CONFIG's end; NULL for nothing; copied
 * @return MIGP_OK; MIGP_ERR_INVALID_ARGUMENT; MIGP_ERR_STATE inside a
 *         section or after an error; MIGP_ERR_MALFORMED if a section of this
 *         kind may not follow (strict only; the decoder is then failed, see
 *         migp_decoder_error())
 * @since 0.1.0
 */
MIGP_API int migp_decoder_begin_section(struct migp_decoder *decoder, int kind,
                                        uint64_t offset,
                                        const struct migp_config_hint *hint);

/**
 * @brief Decode bytes.
 *
 * Consumes as many bytes as it can and stops early when the event array is
 * full, when a section that migp_decoder_begin_section() opened has ended,
 * or when CONFIG needs more bytes in one piece (migp_decoder_need()).
 *
 * @param decoder the decoder
 * @param bytes input; NULL only if size is 0
 * @param size bytes of input
 * @param flags set of enum migp_feed_flag
 * @param[out] events array to fill; never more than max_events written
 * @param max_events room in events, > 0
 * @param[out] n_events events written; valid also on failure: those are the
 *             events before the fault
 * @return bytes consumed (0 to size), or MIGP_ERR_INVALID_ARGUMENT,
 *         MIGP_ERR_MALFORMED, MIGP_ERR_LIMIT, MIGP_ERR_TRUNCATED (with
 *         MIGP_FEED_LAST, inside CONFIG); after a failure of the bytes every
 *         further call returns the same
 * @since 0.1.0
 */
MIGP_API migp_ssize migp_decoder_feed(struct migp_decoder *decoder,
                                      const void *bytes, size_t size,
                                      uint32_t flags, struct migp_event *events,
                                      size_t max_events, size_t *n_events);

/**
 * @brief Tell how many bytes the next feed must present in one piece.
 * @param decoder the decoder
 * @return bytes, counted from the first one not consumed; 0 if any number
 *         will do
 * @since 0.1.0
 */
MIGP_API size_t migp_decoder_need(const struct migp_decoder *decoder);

/**
 * @brief Tell how much payload of the current DATA record is still to come.
 * @param decoder the decoder
 * @return bytes; 0 outside a DATA record
 * @since 0.1.0
 */
MIGP_API uint64_t migp_decoder_data_left(const struct migp_decoder *decoder);

/**
 * @brief Say that the caller moved payload by itself (splice, seek).
 * @param decoder the decoder
 * @param size bytes moved, at most migp_decoder_data_left()
 * @return MIGP_OK, or MIGP_ERR_INVALID_ARGUMENT if size is more than is left
 * @since 0.1.0
 */
MIGP_API int migp_decoder_skip(struct migp_decoder *decoder, uint64_t size);

/**
 * @brief Ask at the end of the input whether it was whole.
 * @param decoder the decoder
 * @param[out] error what is missing; may be NULL
 * @return MIGP_OK if the device's state is complete; MIGP_ERR_TRUNCATED if
 *         records are missing or one is cut; or the failure that the decoder
 *         is in
 * @since 0.1.0
 */
MIGP_API int migp_decoder_finish(struct migp_decoder *decoder,
                                 struct migp_error *error);

/**
 * @brief Tell the offset of the next byte the decoder will consume.
 * @param decoder the decoder
 * @return bytes from the start of the input
 * @since 0.1.0
 */
MIGP_API uint64_t migp_decoder_offset(const struct migp_decoder *decoder);

/**
 * @brief Tell which dialects fit all bytes so far.
 * @param decoder the decoder
 * @return a set of enum migp_dialect, never 0
 * @since 0.1.0
 */
MIGP_API uint32_t migp_decoder_dialects(const struct migp_decoder *decoder);

/**
 * @brief Tell why the decoder failed.
 * @param decoder the decoder
 * @param[out] error filled; may be NULL
 * @return the failure, or MIGP_OK if there is none
 * @since 0.1.0
 */
MIGP_API int migp_decoder_error(const struct migp_decoder *decoder,
                                struct migp_error *error);

/**
 * @brief Find the end of CONFIG; a pure function.
 *
 * Tries, in this order: the exact size in hint; the layouts of a vfio-pci
 * device (config space of 256 or 4096 bytes, MSI-X by its capability, ramfb)
 * that END_OF_STATE, and the footer if there is one, closes; the first
 * END_OF_STATE, with the footer if there is one.
 *
 * @param bytes what follows the CONFIG tag
 * @param size bytes given
 * @param max_config most config bytes to accept, up to
 *                   #MIGP_MAX_CONFIG_CEILING
 * @param hint NULL for nothing
 * @param flags MIGP_FEED_LAST if no byte follows
 * @param[out] need with MIGP_ERR_NEED_MORE: how many bytes to give next
 *             time, > size; may be NULL
 * @return number of config bytes, END_OF_STATE not counted; or
 *         MIGP_ERR_NEED_MORE, MIGP_ERR_LIMIT, MIGP_ERR_MALFORMED (hint.size
 *         is wrong), MIGP_ERR_TRUNCATED (with MIGP_FEED_LAST), or
 *         MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API migp_ssize migp_config_measure(const void *bytes, size_t size,
                                        uint64_t max_config,
                                        const struct migp_config_hint *hint,
                                        uint32_t flags, size_t *need);

/** How to encode; start from migp_encoder_options_init(). */
struct migp_encoder_options {
    size_t struct_size; /**< sizeof(struct migp_encoder_options) */
    uint32_t dialect;   /**< one enum migp_dialect; default V2 */
    uint32_t reserved;  /**< 0 */
};

/** Writes one device's records, in their order. */
struct migp_encoder;

/**
 * @brief Fill in the defaults.
 * @param options the object; NULL is allowed and does nothing
 * @since 0.1.0
 */
MIGP_API void migp_encoder_options_init(struct migp_encoder_options *options);

/**
 * @brief Make an encoder.
 * @param[out] out the encoder; free it with migp_encoder_free()
 * @param options NULL for the defaults; not kept
 * @param[out] error why it failed; may be NULL
 * @return MIGP_OK, MIGP_ERR_INVALID_ARGUMENT or MIGP_ERR_NO_MEMORY; *out is
 *         NULL then
 * @since 0.1.0
 */
MIGP_API int migp_encoder_new(struct migp_encoder **out,
                              const struct migp_encoder_options *options,
                              struct migp_error *error);

/**
 * @brief Free an encoder.
 * @param encoder the encoder; NULL is allowed
 * @since 0.1.0
 */
MIGP_API void migp_encoder_free(struct migp_encoder *encoder);

/**
 * @brief Say that the next records go into a QEMU section of this kind.
 *
 * Without this call they make a bare stream.
 *
 * @param encoder the encoder, between two sections
 * @param kind enum migp_section_kind, neither BARE nor MULTIFD
 * @return MIGP_OK; MIGP_ERR_INVALID_ARGUMENT; MIGP_ERR_STATE inside a section
 *         or if a section of this kind may not follow
 * @since 0.1.0
 */
MIGP_API int migp_encoder_begin_section(struct migp_encoder *encoder, int kind);

/**
 * @brief Write a record's head and say what to send.
 *
 * The pieces are the head, in caller memory, and the payload, where it lies:
 * send them in that order, for instance by writev().
 *
 * @param encoder the encoder
 * @param kind SETUP, DATA_BEGIN (not DATA: a record is written whole), CONFIG,
 *             END, INIT_DATA_SENT or CONFIG_LOAD_READY
 * @param payload DATA_BEGIN and CONFIG: the payload, or NULL if the caller
 *                sends it by other means; else NULL. It must stay until sent
 * @param size DATA_BEGIN and CONFIG: payload bytes; else 0
 * @param[out] head at least #MIGP_RECORD_HEAD_MAX bytes; must stay until sent
 * @param[out] pieces two of them
 * @param[out] n_pieces pieces to send: 1 or 2
 * @return bytes in the head; MIGP_ERR_INVALID_ARGUMENT; MIGP_ERR_STATE if the
 *         dialect does not allow this record here (an empty DATA record
 *         belongs to v1 and qemu-5.2 only): nothing has changed then
 * @since 0.1.0
 */
MIGP_API migp_ssize migp_encoder_record(struct migp_encoder *encoder, int kind,
                                        const void *payload, uint64_t size,
                                        void *head, struct migp_piece *pieces,
                                        size_t *n_pieces);

/**
 * @brief Tell whether the records so far are a device's whole state.
 * @param encoder the encoder
 * @return 1 or 0
 * @since 0.1.0
 */
MIGP_API int migp_encoder_is_complete(const struct migp_encoder *encoder);

/**
 * @brief Tell a dialect's name as `--json` prints it.
 * @param dialects a set of enum migp_dialect: the newest one is named
 * @return "v2", "v1", "qemu-5.2", or "unknown"; static, never NULL
 * @since 0.1.0
 */
MIGP_API const char *migp_dialect_id(uint32_t dialects);

/**
 * @brief Tell a record's name as `--json` prints it.
 * @param kind enum migp_event_kind
 * @return e.g. "DATA", "INIT_DATA_SENT"; "unknown" for what is none; static,
 *         never NULL
 * @since 0.1.0
 */
MIGP_API const char *migp_record_id(int kind);

/**
 * @brief Tell a section kind's name as `--json` prints it.
 * @param kind enum migp_section_kind
 * @return "start", "part", "end", "full", "bare" or "multifd"; "unknown" for
 *         what is none; static, never NULL
 * @since 0.1.0
 */
MIGP_API const char *migp_section_id(int kind);

#ifdef __cplusplus
}
#endif

#endif
