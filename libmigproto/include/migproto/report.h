/* SPDX-License-Identifier: MIT */
#ifndef MIGPROTO_REPORT_H
#define MIGPROTO_REPORT_H

/**
 * @file report.h
 * @brief Devices, sections, records and findings of a stream, as data.
 *
 * A report recognises what it is given (a QEMU migration stream, also inside a
 * libvirt save file, or a bare device-state stream), reads it to the end in
 * bounded memory, and can then be asked. `migproto inspect` and the bindings
 * only print what it holds.
 *
 * A migration with multifd has several channels. They are read one after the
 * other, the main channel first (migp_report_next_channel()). A device's
 * packets lie in any order in them, and nobody has to hold them: when all
 * channels have been read the report asks for the pieces that it wants to see
 * again, in the order of the device's state (migp_report_piece(),
 * migp_report_give()).
 *
 * Pure, as the rooms it stands on; it allocates within its limits.
 */

#include <migproto/core.h>
#include <migproto/finding.h>
#include <migproto/multifd.h>
#include <migproto/pci.h>
#include <migproto/qemu.h>
#include <migproto/record.h>
#include <migproto/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Default of migp_report_options.max_records. */
#define MIGP_DEFAULT_MAX_RECORDS 65536
/** Default of migp_report_options.max_devices. */
#define MIGP_DEFAULT_MAX_DEVICES 256
/** Default of migp_report_options.max_findings. */
#define MIGP_DEFAULT_MAX_FINDINGS 1024
/** Most channels beside the main one: their ids have one byte. */
#define MIGP_MAX_CHANNELS 256

/** What the input is. */
enum migp_format {
    MIGP_FORMAT_UNKNOWN = 0, /**< not known yet, or neither of the others */
    MIGP_FORMAT_QEMU = 1,    /**< a QEMU migration stream, main channel */
    MIGP_FORMAT_STREAM = 2   /**< a bare device-state stream */
};

/**
 * @brief Called for each record event of each device, in stream order.
 *
 * Where digests, extraction and progress hook in. It may not call into the
 * report.
 *
 * @param user as given in the options
 * @param device index of the device
 * @param section_kind enum migp_section_kind
 * @param event the event; its bytes live until the callback returns
 */
typedef void (*migp_report_sink)(void *user, size_t device, int section_kind,
                                 const struct migp_event *event);

/** How to make a report; start from migp_report_options_init(). */
struct migp_report_options {
    size_t struct_size;    /**< sizeof(struct migp_report_options) */
    uint32_t max_records;  /**< kept per device; the rest is counted; default
                                #MIGP_DEFAULT_MAX_RECORDS */
    uint32_t max_devices;  /**< more are an error; default
                                #MIGP_DEFAULT_MAX_DEVICES */
    uint32_t max_findings; /**< kept; the rest is counted; default
                                #MIGP_DEFAULT_MAX_FINDINGS */
    uint32_t dialects;     /**< of a bare stream; default ANY */
    const struct migp_qemu_options *qemu; /**< NULL for the defaults; its
                                limits count for a bare stream too; only its
                                vmdesc must outlive the call */
    migp_report_sink sink;                /**< NULL for none */
    void *user;                           /**< given to sink */
    uint32_t max_packets; /**< per device; default #MIGP_DEFAULT_MAX_PACKETS */
    uint32_t max_packet;  /**< bytes; default #MIGP_DEFAULT_MAX_PACKET */
};

/** One record of one device. */
struct migp_report_record {
    uint64_t offset;  /**< of the tag, from the start of its channel; section
                           MULTIFD: DATA: of the packet; CONFIG, END: of the
                           tag in the packet */
    uint64_t size;    /**< DATA: payload; CONFIG: config bytes; else 0 */
    uint32_t input;   /**< what offset is in: 0 the main channel, else which
                           next_channel() began it */
    uint16_t section; /**< enum migp_section_kind */
    uint16_t kind;    /**< enum migp_event_kind; a DATA record is DATA_BEGIN */
};

/** One device. Strings and bytes live as long as the report. */
struct migp_report_device {
    size_t struct_size;      /**< sizeof(struct migp_report_device) */
    const char *id;          /**< idstr; "" in a bare stream */
    uint32_t instance_id;    /**< tells apart equal ids */
    uint32_t section_id;     /**< 0 in a bare stream */
    uint32_t dialects;       /**< set of enum migp_dialect */
    uint32_t driver;         /**< enum migp_driver */
    uint32_t complete;       /**< 1 if the device's state is whole */
    uint32_t has_config;     /**< 1 if CONFIG was seen */
    uint64_t start_offset;   /**< of the section byte (or record) it began at */
    uint64_t precopy_bytes;  /**< payload of DATA in PART sections */
    uint64_t stopcopy_bytes; /**< payload of DATA in END sections and in
                                  multifd packets */
    uint64_t n_parts;        /**< PART sections */
    uint64_t n_empty_parts;  /**< of those, without DATA */
    uint64_t n_records;      /**< kept: migp_report_record() */
    uint64_t n_records_omitted; /**< counted only */
    uint64_t config_offset;     /**< of CONFIG's tag */
    uint64_t config_size;       /**< bytes */
    uint32_t has_pci;           /**< 1 if pci is filled */
    uint32_t n_fields;          /**< migp_report_field() */
    struct migp_pci_config pci; /**< what the config bytes say */
    uint32_t on_multifd;   /**< 1 if stop-copy data and config are in packets of
                              multifd channels */
    uint32_t config_input; /**< what config_offset is in, as in struct
                                migp_report_record */
    uint64_t n_packets;    /**< of them, that were seen */
};

/** A channel beside the main one. */
struct migp_report_channel {
    size_t struct_size;  /**< sizeof(struct migp_report_channel) */
    uint32_t input;      /**< which next_channel() began it, from 1 */
    uint32_t channel_id; /**< as its start says */
    uint8_t uuid[16];    /**< as its start says */
    uint64_t bytes;      /**< taken */
    uint64_t n_ram;      /**< packets of RAM, and those that synchronise */
    uint64_t ram_bytes;  /**< their bytes, heads included */
    uint64_t n_packets;  /**< device-state packets */
    uint64_t data_bytes; /**< their data, heads not included */
    uint32_t complete;   /**< 1 if it ends between two packets */
    uint32_t reserved;   /**< 0 */
};

/** Bytes that the report wants to see again. */
struct migp_report_piece {
    uint64_t offset;  /**< from the start of the input */
    uint64_t size;    /**< bytes, > 0 */
    uint32_t input;   /**< which next_channel() began it, from 1 */
    uint32_t at_once; /**< 1: to be given in one call (config bytes; at most
                           max_config + 16) */
};

/** The whole. Strings live as long as the report. */
struct migp_report_summary {
    size_t struct_size;   /**< sizeof(struct migp_report_summary) */
    uint32_t format;      /**< enum migp_format */
    uint32_t complete;    /**< 1 if the stream and all its devices are whole */
    const char *machine;  /**< machine name; "" where there is none. The peer's
                              bytes, not checked to be printable */
    uint64_t bytes;       /**< bytes of input taken */
    uint64_t n_sections;  /**< sections of the container, all devices */
    uint64_t n_commands;  /**< commands of the container */
    uint64_t ram_bytes;   /**< payload bytes of RAM sections */
    uint64_t other_bytes; /**< payload bytes of other devices' sections */
    uint32_t page_size;   /**< target page bytes; 0 in a bare stream */
    uint32_t footers;     /**< enum migp_qemu_footers as found */
    uint32_t has_vmdesc;  /**< 1 if the VM description is there */
    uint32_t has_switchover_start; /**< 1 if the command was seen */
    uint32_t n_devices;            /**< VFIO devices: migp_report_device() */
    uint32_t n_findings;           /**< kept: migp_report_finding() */
    uint32_t worst;      /**< enum migp_severity, + 1; 0 without findings */
    uint32_t failed;     /**< enum migp_errc (negated) that ended the reading;
                              0 if it went to the end */
    uint32_t is_libvirt; /**< 1 if a libvirt save file is around it */
    uint32_t is_mapped_ram; /**< 1 if RAM pages lie at fixed offsets */
    uint64_t stream_offset; /**< where QEMU's own stream begins */
    uint32_t n_channels;    /**< besides main: migp_report_channel() */
    uint32_t reserved;      /**< 0 */
};

/** A finding of a report. */
struct migp_report_finding {
    struct migp_finding finding; /**< what, where */
    int32_t device;              /**< index of the device, or -1 */
    uint32_t input;              /**< what offset is in: 0 the main channel,
                                      else which next_channel() began it */
};

/** Collects what a stream says. */
struct migp_report;

/**
 * @brief Fill in the defaults.
 * @param options the object; NULL is allowed and does nothing
 * @since 0.1.0
 */
MIGP_API void migp_report_options_init(struct migp_report_options *options);

/**
 * @brief Make a report.
 * @param[out] out the report; free it with migp_report_free()
 * @param options NULL for the defaults; not kept
 * @param[out] error why it failed; may be NULL
 * @return MIGP_OK, MIGP_ERR_INVALID_ARGUMENT or MIGP_ERR_NO_MEMORY; *out is
 *         NULL then
 * @since 0.1.0
 */
MIGP_API int migp_report_new(struct migp_report **out,
                             const struct migp_report_options *options,
                             struct migp_error *error);

/**
 * @brief Free a report.
 * @param report the report; NULL is allowed
 * @since 0.1.0
 */
MIGP_API void migp_report_free(struct migp_report *report);

/**
 * @brief Read bytes.
 *
 * What is not consumed is presented again with more behind it; see
 * migp_report_need(). A fault of the bytes ends the reading: it becomes a
 * finding, and the call fails.
 *
 * @param report the report
 * @param bytes input; NULL only if size is 0
 * @param size bytes of input
 * @param flags set of enum migp_feed_flag
 * @return bytes consumed; MIGP_ERR_NOT_A_STREAM, MIGP_ERR_MALFORMED,
 *         MIGP_ERR_TRUNCATED, MIGP_ERR_LIMIT, MIGP_ERR_UNSUPPORTED (a fault of
 *         the bytes: what was read before it can be asked for);
 *         MIGP_ERR_INVALID_ARGUMENT; MIGP_ERR_STATE after
 *         migp_report_finish(); MIGP_ERR_NO_MEMORY
 * @since 0.1.0
 */
MIGP_API migp_ssize migp_report_feed(struct migp_report *report,
                                     const void *bytes, size_t size,
                                     uint32_t flags);

/**
 * @brief Tell how many bytes the next feed must present in one piece.
 * @param report the report
 * @return bytes, counted from the first one not consumed; 0 if any number
 *         will do
 * @since 0.1.0
 */
MIGP_API size_t migp_report_need(const struct migp_report *report);

/**
 * @brief Tell how many bytes nobody looks at come next.
 *
 * With a sink, or while the driver's format is still being read, DATA is
 * looked at; RAM and other devices are not.
 *
 * @param report the report
 * @return bytes; 0 if the next byte must be fed
 * @since 0.1.0
 */
MIGP_API uint64_t migp_report_skippable(const struct migp_report *report);

/**
 * @brief Say that the caller passed over bytes.
 * @param report the report
 * @param size bytes, at most migp_report_skippable()
 * @return MIGP_OK or MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int migp_report_skip(struct migp_report *report, uint64_t size);

/**
 * @brief Go on to another channel of the same migration.
 *
 * What is fed from now on is a multifd channel, from its first byte; a fault
 * in it ends the reading of that channel only. Present the main channel
 * first, whole. The order of the channels changes nothing but the numbers of
 * the inputs. #MIGP_FEED_LAST is about the main channel; a channel's end needs
 * no word, because it means nothing.
 *
 * @param report the report
 * @param[out] error what was wrong with the input so far; may be NULL
 * @return MIGP_OK; MIGP_ERR_STATE after migp_report_piece() or
 *         migp_report_finish(), or if the main channel is not a QEMU stream;
 *         MIGP_ERR_LIMIT after #MIGP_MAX_CHANNELS; MIGP_ERR_NO_MEMORY;
 *         MIGP_ERR_INVALID_ARGUMENT; the failure of the main channel
 * @since 0.1.0
 */
MIGP_API int migp_report_next_channel(struct migp_report *report,
                                      struct migp_error *error);

/**
 * @brief Tell which bytes the report wants to see again.
 *
 * Call it when all channels have been fed, and migp_report_give() with those
 * bytes, or the first of them; then call it again, until it says that there are
 * none. With no channels there are none.
 *
 * @code
 * while (migp_report_piece(report, &piece) == 1) {
 *     size = piece.at_once || piece.size < room ? piece.size : room;
 *     pread(fds[piece.input], buffer, size, piece.offset);
 *     migp_report_give(report, buffer, size);
 * }
 * @endcode
 *
 * @param report the report
 * @param[out] piece filled if there is one
 * @return 1 if there is a piece, 0 if not; MIGP_ERR_INVALID_ARGUMENT;
 *         MIGP_ERR_STATE after migp_report_finish(); MIGP_ERR_NO_MEMORY
 * @since 0.1.0
 */
MIGP_API int migp_report_piece(struct migp_report *report,
                               struct migp_report_piece *piece);

/**
 * @brief Give the piece that was asked for, or its first bytes.
 * @param report the report
 * @param bytes input
 * @param size number of bytes, > 0, at most the piece's; all of it if at_once
 * @return MIGP_OK, MIGP_ERR_STATE if no piece was asked for,
 *         MIGP_ERR_INVALID_ARGUMENT, MIGP_ERR_NO_MEMORY
 * @since 0.1.0
 */
MIGP_API int migp_report_give(struct migp_report *report, const void *bytes,
                              size_t size);

/**
 * @brief End the input and draw the conclusions.
 * @param report the report
 * @param[out] error the first fault, if any; may be NULL
 * @return MIGP_OK if there is no finding of severity error; the failure of
 *         feed; MIGP_ERR_TRUNCATED if the main channel ended too early;
 *         MIGP_ERR_MALFORMED with the first such finding otherwise. Asking is
 *         allowed in every case
 * @since 0.1.0
 */
MIGP_API int migp_report_finish(struct migp_report *report,
                                struct migp_error *error);

/**
 * @brief Ask for the whole.
 * @param report the report
 * @param[out] summary struct_size set by the caller; filled
 * @return MIGP_OK or MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int migp_report_summary(const struct migp_report *report,
                                 struct migp_report_summary *summary);

/**
 * @brief Ask for a device.
 * @param report the report
 * @param device 0 to n_devices - 1
 * @param[out] out struct_size set by the caller; filled
 * @return MIGP_OK or MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int migp_report_device(const struct migp_report *report, size_t device,
                                struct migp_report_device *out);

/**
 * @brief Ask for a record.
 * @param report the report
 * @param device 0 to n_devices - 1
 * @param position 0 to n_records - 1
 * @param[out] out filled
 * @return MIGP_OK or MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int migp_report_record(const struct migp_report *report, size_t device,
                                uint64_t position,
                                struct migp_report_record *out);

/**
 * @brief Ask for a field of the driver's state.
 * @param report the report
 * @param device 0 to n_devices - 1
 * @param position 0 to n_fields - 1
 * @param[out] out filled; lives as long as the report
 * @return MIGP_OK or MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int migp_report_field(const struct migp_report *report, size_t device,
                               size_t position, struct migp_field *out);

/**
 * @brief Ask for a channel beside the main one.
 * @param report the report
 * @param position 0 to n_channels - 1
 * @param[out] out struct_size set by the caller; filled
 * @return MIGP_OK or MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int migp_report_channel(const struct migp_report *report,
                                 size_t position,
                                 struct migp_report_channel *out);

/**
 * @brief Ask for a finding; they are in the order of their discovery.
 * @param report the report
 * @param position 0 to n_findings - 1
 * @param[out] out filled
 * @return MIGP_OK or MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int migp_report_finding(const struct migp_report *report,
                                 size_t position,
                                 struct migp_report_finding *out);

/**
 * @brief Tell a format's name as `--json` prints it.
 * @param format enum migp_format
 * @return "qemu", "stream" or "unknown"; static, never NULL
 * @since 0.1.0
 */
MIGP_API const char *migp_format_id(int format);

#ifdef __cplusplus
}
#endif

#endif
