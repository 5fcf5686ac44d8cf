/* SPDX-License-Identifier: MIT */
#ifndef MIGPROTO_QEMU_H
#define MIGPROTO_QEMU_H

/**
 * @file qemu.h
 * @brief The container of a QEMU migration stream.
 *
 * The main channel: sections, footers, commands, RAM (skipped by its grammar,
 * mapped-ram files by the offsets in them), other devices (skipped by size or
 * by footer), VM description. multifd.h has the channels beside it, pci.h a
 * device's config bytes, return_path.h what the destination answers.
 *
 * All integers on the wire are big-endian unless a comment says otherwise.
 * Everything here is pure: no system call, no clock, no thread. The reader
 * allocates a bounded table of sections; the rest allocates nothing.
 */

#include <migproto/core.h>
#include <migproto/finding.h>
#include <migproto/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

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

#ifdef __cplusplus
}
#endif

#endif
