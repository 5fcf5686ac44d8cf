/* SPDX-License-Identifier: MIT */
#ifndef MIGPROTO_QEMU_H
#define MIGPROTO_QEMU_H

/**
 * @file qemu.h
 * @brief What QEMU wraps around device state.
 *
 * - the container of a migration stream: sections, footers, commands, RAM
 *   (skipped by its grammar), other devices (skipped by size or by footer),
 *   VM description;
 * - the config bytes of a vfio-pci device;
 * - the messages of the return path.
 *
 * All integers on the wire are big-endian unless a comment says otherwise.
 * Everything here is pure: no system call, no clock, no thread. The reader
 * allocates a bounded table of sections; the rest allocates nothing.
 */

#include <migproto/core.h>
#include <migproto/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @name The container
 *  @{ */

/** Default of migp_qemu_options.max_sections. */
#define MIGP_DEFAULT_MAX_SECTIONS 4096

/** Are there footers? */
enum migp_qemu_footers {
    MIGP_QEMU_FOOTERS_AUTO = 0, /**< find out from the first section */
    MIGP_QEMU_FOOTERS_ON = 1,   /**< send-section-footer=on, the default */
    MIGP_QEMU_FOOTERS_OFF = 2   /**< send-section-footer=off */
};

/** One entry of the VM description: the exact payload size of a FULL. */
struct migp_vmdesc_entry {
    const char *idstr;    /**< NUL-terminated; "name" in the description */
    uint32_t instance_id; /**< "instance_id" in the description */
    uint32_t reserved;    /**< 0 */
    uint64_t size;        /**< payload bytes of the FULL section */
};

/** How to read a container; start from migp_qemu_options_init(). */
struct migp_qemu_options {
    size_t struct_size;     /**< sizeof(struct migp_qemu_options) */
    uint32_t footers;       /**< enum migp_qemu_footers; default AUTO */
    uint32_t decoder_flags; /**< set of enum migp_decoder_flag; default 0 */
    uint32_t page_size;     /**< target page bytes, a power of two from 1024
                                 to 65536; 0: from the stream, else 4096 */
    uint32_t max_sections;  /**< section ids; default
                                 #MIGP_DEFAULT_MAX_SECTIONS */
    uint64_t max_data;      /**< as in struct migp_decoder_options */
    uint64_t max_config;    /**< as in struct migp_decoder_options */
    const struct migp_vmdesc_entry *vmdesc; /**< NULL if there is none; must
                                                 live as long as the reader */
    size_t n_vmdesc;                        /**< entries in vmdesc */
};

/** A section of the container, as START or FULL introduced it. */
struct migp_qemu_section {
    uint32_t section_id;  /**< the stream's number for it */
    uint32_t instance_id; /**< tells apart equal idstr */
    uint32_t version_id;  /**< of the payload's format */
    uint32_t is_vfio;     /**< 1 if idstr is "vfio" or ends in "/vfio" */
    const char *idstr;    /**< NUL-terminated; 1 to 255 bytes of the peer's,
                               not checked to be printable */
};

/** What a reader reports. */
enum migp_qemu_event_kind {
    MIGP_QEMU_EVENT_NONE = 0,          /**< never reported */
    MIGP_QEMU_EVENT_HEADER = 1,        /**< the stream's magic and version */
    MIGP_QEMU_EVENT_MACHINE = 2,       /**< configuration: machine name */
    MIGP_QEMU_EVENT_SECTION = 3,       /**< a section starts */
    MIGP_QEMU_EVENT_RECORD = 4,        /**< in a VFIO section: see record */
    MIGP_QEMU_EVENT_SECTION_END = 5,   /**< a section, footer included, ended */
    MIGP_QEMU_EVENT_COMMAND = 6,       /**< a command */
    MIGP_QEMU_EVENT_END_OF_STREAM = 7, /**< the EOF byte */
    MIGP_QEMU_EVENT_VMDESC = 8,        /**< the VM description starts */
    MIGP_QEMU_EVENT_FINDING = 9        /**< something worth reporting */
};

/**
 * @brief One thing the reader saw.
 *
 * | kind | offset of | size | value | bytes |
 * |---|---|---|---|---|
 * | HEADER | the magic | 8 | version | NULL |
 * | MACHINE | the section byte | name's bytes | 0 | the name, no NUL |
 * | SECTION | the section byte | head's bytes | section kind | NULL |
 * | RECORD | record.offset | record.size | section kind | record.bytes |
 * | SECTION_END | end of the payload | payload bytes | section kind | NULL |
 * | COMMAND | the section byte | body's bytes | command number | the body |
 * | END_OF_STREAM | the EOF byte | 0 | 0 | NULL |
 * | VMDESC | the section byte | JSON bytes | 0 | NULL |
 * | FINDING | see finding | value | expected | NULL |
 */
struct migp_qemu_event {
    uint32_t kind;        /**< enum migp_qemu_event_kind */
    uint32_t finding;     /**< FINDING: enum migp_finding_code, else 0 */
    uint64_t offset;      /**< bytes from the start of the input */
    uint64_t size;        /**< see the table above */
    uint64_t value;       /**< see the table above */
    const uint8_t *bytes; /**< into the caller's bytes; as long as they live */
    const struct migp_qemu_section *section; /**< NULL outside a section;
                                                  lives as long as the reader */
    struct migp_event record;                /**< RECORD: the decoder's event */
};

/** A pull parser of a QEMU migration stream's main channel. */
struct migp_qemu_reader;

/**
 * @brief Fill in the defaults.
 * @param options the object; NULL is allowed and does nothing
 * @since 0.1.0
 */
MIGP_API void migp_qemu_options_init(struct migp_qemu_options *options);

/**
 * @brief Make a reader.
 * @param[out] out the reader; free it with migp_qemu_reader_free()
 * @param options NULL for the defaults; not kept, but see vmdesc
 * @param[out] error why it failed; may be NULL
 * @return MIGP_OK, MIGP_ERR_INVALID_ARGUMENT or MIGP_ERR_NO_MEMORY; *out is
 *         NULL then
 * @since 0.1.0
 */
MIGP_API int migp_qemu_reader_new(struct migp_qemu_reader **out,
                                  const struct migp_qemu_options *options,
                                  struct migp_error *error);

/**
 * @brief Free a reader.
 * @param reader the reader; NULL is allowed
 * @since 0.1.0
 */
MIGP_API void migp_qemu_reader_free(struct migp_qemu_reader *reader);

/**
 * @brief Read bytes.
 *
 * Consumes as many bytes as it can and stops when the event array is full;
 * what it leaves is presented again with more behind it. One call is enough
 * for the bytes there are, unless it filled the array. Records come only from
 * VFIO sections; what their decoder finds comes as FINDING with the section
 * set. migp_qemu_reader_need() says how many bytes in one piece it
 * waits for: heads of sections, commands, CONFIG, and the look-ahead behind a
 * section of unknown size. That is at most the larger of max_config + 4096 and
 * 65540 (the body of a command) bytes.
 *
 * @param reader the reader
 * @param bytes input; NULL only if size is 0
 * @param size bytes of input
 * @param flags set of enum migp_feed_flag
 * @param[out] events array to fill; never more than max_events written
 * @param max_events room in events, > 0
 * @param[out] n_events events written; valid also on failure: those are the
 *             events before the fault
 * @return bytes consumed (0 to size), or MIGP_ERR_INVALID_ARGUMENT,
 *         MIGP_ERR_NOT_A_STREAM, MIGP_ERR_MALFORMED, MIGP_ERR_LIMIT,
 *         MIGP_ERR_UNSUPPORTED, MIGP_ERR_TRUNCATED, MIGP_ERR_NO_MEMORY;
 *         after a failure every further call returns the same
 * @since 0.1.0
 */
MIGP_API migp_ssize migp_qemu_reader_feed(struct migp_qemu_reader *reader,
                                          const void *bytes, size_t size,
                                          uint32_t flags,
                                          struct migp_qemu_event *events,
                                          size_t max_events, size_t *n_events);

/**
 * @brief Tell how many bytes the next feed must present in one piece.
 * @param reader the reader
 * @return bytes, counted from the first one not consumed; 0 if any number
 *         will do
 * @since 0.1.0
 */
MIGP_API size_t migp_qemu_reader_need(const struct migp_qemu_reader *reader);

/**
 * @brief Tell how many bytes that interest nobody come next.
 *
 * RAM pages, a known-size section of another device, a VM description, or the
 * payload of a DATA record. A caller that can seek may leave them out and
 * call migp_qemu_reader_skip().
 *
 * @param reader the reader
 * @return bytes; 0 if the next byte must be fed
 * @since 0.1.0
 */
MIGP_API uint64_t
migp_qemu_reader_skippable(const struct migp_qemu_reader *reader);

/**
 * @brief Say that the caller passed over bytes.
 * @param reader the reader
 * @param size bytes, at most migp_qemu_reader_skippable()
 * @return MIGP_OK or MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int migp_qemu_reader_skip(struct migp_qemu_reader *reader,
                                   uint64_t size);

/**
 * @brief Ask at the end of the input whether it was whole.
 * @param reader the reader
 * @param[out] error what is missing; may be NULL
 * This is about the container: ask migp_qemu_reader_is_complete() about each
 * device.
 *
 * @return MIGP_OK if the stream reached its EOF byte (and the end of the VM
 *         description, where one was begun); MIGP_ERR_TRUNCATED;
 *         MIGP_ERR_MALFORMED if a tolerant reader lost its place; or the
 *         failure that the reader is in
 * @since 0.1.0
 */
MIGP_API int migp_qemu_reader_finish(struct migp_qemu_reader *reader,
                                     struct migp_error *error);

/**
 * @brief Tell the offset of the next byte the reader will consume.
 * @param reader the reader
 * @return bytes from the start of the input
 * @since 0.1.0
 */
MIGP_API uint64_t
migp_qemu_reader_offset(const struct migp_qemu_reader *reader);

/**
 * @brief Tell which dialects fit a section's records so far.
 * @param reader the reader
 * @param section a section of this reader
 * @return a set of enum migp_dialect; 0 if section is not a VFIO section
 * @since 0.1.0
 */
MIGP_API uint32_t
migp_qemu_reader_dialects(const struct migp_qemu_reader *reader,
                          const struct migp_qemu_section *section);

/**
 * @brief Tell whether a device's state is whole.
 * @param reader the reader
 * @param section a section of this reader
 * @return 1 if all records of this VFIO device have been seen; else 0, also
 *         if section is not a VFIO section
 * @since 0.1.0
 */
MIGP_API int
migp_qemu_reader_is_complete(const struct migp_qemu_reader *reader,
                             const struct migp_qemu_section *section);

/**
 * @brief Tell why the reader failed.
 * @param reader the reader
 * @param[out] error filled; may be NULL
 * @return the failure, or MIGP_OK if there is none
 * @since 0.1.0
 */
MIGP_API int migp_qemu_reader_error(const struct migp_qemu_reader *reader,
                                    struct migp_error *error);

/**
 * @brief Tell a command's name.
 * @param command its number on the wire
 * @return e.g. "SWITCHOVER_START"; "unknown" for what is none; static, never
 *         NULL
 * @since 0.1.0
 */
MIGP_API const char *migp_qemu_command_id(uint32_t command);

/** @} */
/** @name PCI config bytes
 *  @{ */

/** Most capabilities a chain in 256 bytes can have. */
#define MIGP_PCI_MAX_CAPS 48

/** One capability of the standard chain. */
struct migp_pci_cap {
    uint8_t id;          /**< capability id, e.g. 0x11 MSI-X */
    uint8_t offset;      /**< in config space */
    uint8_t reserved[2]; /**< 0 */
};

/** What the config bytes of a vfio-pci device say. */
struct migp_pci_config {
    size_t struct_size;           /**< sizeof(struct migp_pci_config) */
    uint32_t version;             /**< of QEMU's PCIDevice state, 2 today */
    uint32_t config_size;         /**< config space: 256 or 4096 bytes */
    uint32_t msix_vectors;        /**< entries of the MSI-X table; 0 without */
    uint32_t msix_pending;        /**< pending bits that are set */
    uint32_t msix_masked;         /**< table entries that are masked */
    uint32_t has_msix;            /**< 1 if the MSI-X table was written */
    uint16_t vendor_id;           /**< config space 0x00 */
    uint16_t device_id;           /**< config space 0x02 */
    uint16_t command;             /**< config space 0x04 */
    uint16_t status;              /**< config space 0x06 */
    uint32_t class_code;          /**< config space 0x09, 24 bits */
    uint8_t revision;             /**< config space 0x08 */
    uint8_t header_kind;          /**< config space 0x0e, low 7 bits */
    uint8_t interrupt_pin;        /**< config space 0x3d */
    uint8_t n_caps;               /**< entries in caps */
    uint16_t subsystem_vendor_id; /**< config space 0x2c; header kind 0 */
    uint16_t subsystem_id;        /**< config space 0x2e; header kind 0 */
    uint32_t bars[6];             /**< config space 0x10; header kind 0 */
    uint32_t irq_state[4];        /**< INTx A to D, each 0 or 1 */
    uint32_t msix_table;          /**< MSI-X: table offset and BIR register */
    uint32_t msix_pba;      /**< MSI-X: pending bits offset and BIR register */
    uint32_t msix_control;  /**< MSI-X: message control */
    uint32_t has_ramfb;     /**< 1 if the ramfb subsection is there */
    uint64_t ramfb_address; /**< guest-physical */
    uint32_t ramfb_fourcc;  /**< pixel format */
    uint32_t ramfb_flags;   /**< 0 */
    uint32_t ramfb_width;   /**< pixels */
    uint32_t ramfb_height;  /**< pixels */
    uint32_t ramfb_stride;  /**< bytes */
    struct migp_pci_cap caps[MIGP_PCI_MAX_CAPS]; /**< in chain order */
};

/**
 * @brief Decode the config bytes of a vfio-pci device.
 * @param bytes the bytes of a CONFIG event
 * @param size number of bytes
 * @param[out] config struct_size set by the caller; filled on success, else
 *             unchanged
 * @param[out] error what is wrong and where, offset counted from bytes; also
 *             set on success if the capability chain is broken
 *             (error->finding); may be NULL
 * @return MIGP_OK; MIGP_ERR_INVALID_ARGUMENT; MIGP_ERR_UNSUPPORTED if the
 *         bytes have no layout of a vfio-pci device (they may be right for
 *         another bus); MIGP_ERR_MALFORMED if they have but break its rules
 * @since 0.1.0
 */
MIGP_API int migp_pci_config_parse(const void *bytes, size_t size,
                                   struct migp_pci_config *config,
                                   struct migp_error *error);

/**
 * @brief Tell a PCI capability's name.
 * @param id capability id
 * @return e.g. "MSI-X"; "unknown" for what is none; static, never NULL
 * @since 0.1.0
 */
MIGP_API const char *migp_pci_cap_id(uint32_t id);

/** @} */
/** @name The return path
 *  @{ */

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

/** @} */

#ifdef __cplusplus
}
#endif

#endif
