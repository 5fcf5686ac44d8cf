/* SPDX-License-Identifier: MIT */
#ifndef MIGPROTO_FINDING_H
#define MIGPROTO_FINDING_H

/**
 * @file finding.h
 * @brief What is wrong with, or worth knowing about, the bytes that were read.
 *
 * One list makes the numbers, the names, the sentences and docs/errors.md.
 */

#include <migproto/core.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How much a finding matters. */
enum migp_severity {
    MIGP_SEVERITY_NOTE = 0,    /**< worth knowing */
    MIGP_SEVERITY_WARNING = 1, /**< unusual; the stream can still be loaded */
    MIGP_SEVERITY_ERROR = 2    /**< state is lost or the load will fail */
};

/** Every finding: name, number, severity, identifier, sentence.
 *
 * In the sentence {v} and {V} stand for the finding's value in decimal and
 * in hexadecimal, {e} and {E} for its expected, {r} for the record and {s} for
 * the section kind whose number is the value. Numbers are stable. */
#define MIGP_FINDING_LIST(X)                                                   \
    /* the device-state stream */                                              \
    X(MIGP_FINDING_UNKNOWN_TAG, 1, ERROR, "unknown-tag",                       \
      "{V} is not a tag; the last good record starts at offset {e}")           \
    X(MIGP_FINDING_TAG_ORDER, 2, ERROR, "tag-order",                           \
      "{r} is not allowed at this place of the device's state")                \
    X(MIGP_FINDING_DATA_SIZE_ZERO, 3, WARNING, "data-size-zero",               \
      "a DATA record of size 0 in a stream that is not of protocol v1")        \
    X(MIGP_FINDING_DATA_TOO_BIG, 4, ERROR, "data-too-big",                     \
      "a DATA record of {v} bytes; the limit is {e}")                          \
    X(MIGP_FINDING_CONFIG_TOO_BIG, 5, ERROR, "config-too-big",                 \
      "no END_OF_STATE within {e} bytes after DEV_CONFIG_STATE")               \
    X(MIGP_FINDING_CONFIG_HINT, 6, ERROR, "config-hint",                       \
      "no END_OF_STATE after the {v} config bytes that the size given from "   \
      "outside allows")                                                        \
    X(MIGP_FINDING_TAG_SHIFTED, 7, NOTE, "tag-shifted",                        \
      "a tag seems to start {v} bytes earlier: the DATA record before it may " \
      "give a size that is {v} too big")                                       \
    X(MIGP_FINDING_TRUNCATED, 8, ERROR, "truncated",                           \
      "the input ends here, inside what started at offset {v}, at least {e} "  \
      "bytes too early")                                                       \
    X(MIGP_FINDING_SECTION_ORDER, 9, ERROR, "section-order",                   \
      "a {s} section is not allowed at this place of the device's state")      \
    /* QEMU's container */                                                     \
    X(MIGP_FINDING_NOT_A_STREAM, 32, ERROR, "not-a-stream",                    \
      "neither a QEMU migration stream nor a device-state stream (starts "     \
      "with {V})")                                                             \
    X(MIGP_FINDING_STREAM_VERSION, 33, ERROR, "stream-version",                \
      "stream version {v}; only {e} is read")                                  \
    X(MIGP_FINDING_MULTIFD_CHANNEL, 34, ERROR, "multifd-channel",              \
      "this is a multifd channel, not the main channel of a migration")        \
    X(MIGP_FINDING_UNKNOWN_SECTION_BYTE, 35, ERROR, "unknown-section-byte",    \
      "{V} does not start a section, a command or the end of the stream")      \
    X(MIGP_FINDING_UNKNOWN_SECTION_ID, 36, ERROR, "unknown-section-id",        \
      "section id {v} was never introduced by START or FULL")                  \
    X(MIGP_FINDING_SECTION_ID_REUSED, 37, ERROR, "section-id-reused",          \
      "section id {v} already belongs to another idstr or instance")           \
    X(MIGP_FINDING_IDSTR_EMPTY, 38, ERROR, "idstr-empty",                      \
      "a section with an empty idstr")                                         \
    X(MIGP_FINDING_SECTION_VERSION, 39, ERROR, "section-version",              \
      "VFIO section of version {v}; only {e} exists")                          \
    X(MIGP_FINDING_FOOTER_MISSING, 40, ERROR, "footer-missing",                \
      "{V} where the section's footer 0x7e was expected")                      \
    X(MIGP_FINDING_FOOTER_MISMATCH, 41, ERROR, "footer-mismatch",              \
      "the footer says section id {v}; this is section {e}")                   \
    X(MIGP_FINDING_UNKNOWN_COMMAND, 42, ERROR, "unknown-command",              \
      "command {v} is not known")                                              \
    X(MIGP_FINDING_COMMAND_LENGTH, 43, ERROR, "command-length",                \
      "a command of length {v}; it must be {e}")                               \
    X(MIGP_FINDING_RAM_FLAGS, 44, ERROR, "ram-flags",                          \
      "RAM word {V} has flags that are not known with pages of {e} bytes")     \
    X(MIGP_FINDING_RAM_BLOCKS, 45, ERROR, "ram-blocks",                        \
      "a RAM block of {v} bytes where {e} are left of the announced sum")      \
    X(MIGP_FINDING_MAPPED_RAM, 46, ERROR, "mapped-ram",                        \
      "a RAM block's mapped-ram header has version or page size {v}; it must " \
      "be {e}")                                                                \
    X(MIGP_FINDING_PACKAGE_OVERRUN, 47, ERROR, "package-overrun",              \
      "runs past the end of its package at offset {e}")                        \
    X(MIGP_FINDING_CONFIGURATION, 48, ERROR, "configuration",                  \
      "the configuration section is malformed")                                \
    X(MIGP_FINDING_VMDESC_MISSING, 49, WARNING, "vmdesc-missing",              \
      "no VM description after the end of the stream")                         \
    X(MIGP_FINDING_VMDESC_SIZE, 50, WARNING, "vmdesc-size",                    \
      "the VM description says {e} bytes; the section ends after {v}")         \
    X(MIGP_FINDING_BYTES_AFTER_END, 51, WARNING, "bytes-after-end",            \
      "bytes follow the end of the stream")                                    \
    X(MIGP_FINDING_OPAQUE_RUN, 52, NOTE, "opaque-run",                         \
      "sections without footers and of unknown size were passed over; {v} "    \
      "bytes in all")                                                          \
    X(MIGP_FINDING_TOO_MANY_SECTIONS, 54, ERROR, "too-many-sections",          \
      "more than {e} section ids")                                             \
    X(MIGP_FINDING_NO_DEVICE, 55, NOTE, "no-device",                           \
      "the stream has no VFIO device")                                         \
    X(MIGP_FINDING_UNFINISHED, 56, ERROR, "unfinished",                        \
      "the input ends here, between two sections: the end-of-stream byte is "  \
      "missing")                                                               \
    X(MIGP_FINDING_LOST, 57, ERROR, "lost",                                    \
      "the footer of the section that starts here was not found again: "       \
      "nothing behind it was read")                                            \
    X(MIGP_FINDING_VMDESC_DEVICE, 58, ERROR, "vmdesc-device",                  \
      "the VM description names {e} VFIO devices; the stream has {v} of them") \
    X(MIGP_FINDING_VMDESC_FULL, 59, ERROR, "vmdesc-full",                      \
      "the VM description says {e} bytes for this device's FULL section, "     \
      "which has {v}")                                                         \
    X(MIGP_FINDING_PACKAGE_EOF, 60, ERROR, "package-eof",                      \
      "an end-of-stream byte inside a package, {v} bytes before its end")      \
    X(MIGP_FINDING_MAPPED_RAM_OFFSET, 61, ERROR, "mapped-ram-offset",          \
      "a RAM block's pages at {v}, before the end of its bitmap at {e}")       \
    X(MIGP_FINDING_LIBVIRT_VERSION, 62, ERROR, "libvirt-version",              \
      "a libvirt save file of version {v}; 1 to {e} are read")                 \
    X(MIGP_FINDING_LIBVIRT_FORMAT, 63, ERROR, "libvirt-format",                \
      "a libvirt save file whose stream, from offset {e} on, is compressed "   \
      "(format {v}: 1 gzip, 2 bzip2, 3 xz, 4 lzop, 5 zstd): decompress that "  \
      "part first")                                                            \
    /* PCI config bytes */                                                     \
    X(MIGP_FINDING_PCI_VERSION, 64, ERROR, "pci-version",                      \
      "PCIDevice version {v}; 0 to 2 exist")                                   \
    X(MIGP_FINDING_PCI_SIZE, 65, WARNING, "pci-size",                          \
      "{v} config bytes fit no layout of a vfio-pci device")                   \
    X(MIGP_FINDING_PCI_IRQ_STATE, 66, ERROR, "pci-irq-state",                  \
      "an INTx state of {v}; QEMU accepts 0 and 1")                            \
    X(MIGP_FINDING_PCI_CAP_LOOP, 67, WARNING, "pci-cap-loop",                  \
      "the capability chain loops or leaves config space at {V}")              \
    X(MIGP_FINDING_MAPPED_RAM_BITMAP, 69, ERROR, "mapped-ram-bitmap",          \
      "a RAM block's bitmap is said to be at {v}; it lies right behind the "   \
      "block's header, at {e} as these offsets count (were bytes put in "      \
      "front of a mapped-ram file?)")                                          \
    X(MIGP_FINDING_LIBVIRT_PARTIAL, 68, WARNING, "libvirt-partial",            \
      "a libvirt save file that was never finished")                           \
    /* multifd channels */                                                     \
    X(MIGP_FINDING_MULTIFD_MAGIC, 70, ERROR, "multifd-magic",                  \
      "{V} where a packet's magic 0x11223344 was expected (or the page size "  \
      "is not that of the stream)")                                            \
    X(MIGP_FINDING_MULTIFD_VERSION, 71, ERROR, "multifd-version",              \
      "a channel or packet of version {v}; only {e} is read")                  \
    X(MIGP_FINDING_PACKET_FLAGS, 72, ERROR, "packet-flags",                    \
      "packet flags {V}, which are not known or exclude each other")           \
    X(MIGP_FINDING_PACKET_TOO_BIG, 73, ERROR, "packet-too-big",                \
      "a packet of {v} bytes; the limit is {e}")                               \
    X(MIGP_FINDING_PACKET_TOO_SMALL, 74, ERROR, "packet-too-small",            \
      "a device-state packet of {v} bytes; its own head has {e}")              \
    X(MIGP_FINDING_PACKET_IDSTR, 75, ERROR, "packet-idstr",                    \
      "a device-state packet whose idstr is empty or has no end")              \
    X(MIGP_FINDING_PACKET_VERSION, 76, ERROR, "packet-version",                \
      "a device-state packet of version {v}; only {e} is read")                \
    X(MIGP_FINDING_PACKET_INDEX, 77, ERROR, "packet-index",                    \
      "packet index {v}; it must be below {e}")                                \
    X(MIGP_FINDING_PACKET_REPEATED, 78, ERROR, "packet-repeated",              \
      "packet index {v} comes a second time")                                  \
    X(MIGP_FINDING_PACKET_MISSING, 79, ERROR, "packet-missing",                \
      "packet index {v} is missing; there are packets up to index {e} (was a " \
      "channel left out?)")                                                    \
    X(MIGP_FINDING_PACKET_AFTER_CONFIG, 80, ERROR, "packet-after-config",      \
      "packet index {v} is behind the config packet, which is the last one "   \
      "and has index {e}")                                                     \
    X(MIGP_FINDING_CONFIG_REPEATED, 81, ERROR, "config-repeated",              \
      "a second config packet, index {v}; the first has index {e}")            \
    X(MIGP_FINDING_CONFIG_MISSING, 82, ERROR, "config-missing",                \
      "no config packet: the state has no end; packets that are there: {v} "   \
      "(was a channel left out?)")                                             \
    X(MIGP_FINDING_PACKET_DEVICE, 83, ERROR, "packet-device",                  \
      "a packet for a device that the main channel does not have")             \
    X(MIGP_FINDING_PACKET_ON_MAIN, 84, ERROR, "packet-on-main",                \
      "a packet for a device whose stop-copy data or config is on the main "   \
      "channel")                                                               \
    X(MIGP_FINDING_STATE_MISSING, 85, ERROR, "state-missing",                  \
      "this device's state is on multifd channels, and no packet of it is on " \
      "those that were given ({v}; was one left out?)")                        \
    X(MIGP_FINDING_CHANNEL_REPEATED, 86, ERROR, "channel-repeated",            \
      "channel {v} is there twice")                                            \
    X(MIGP_FINDING_CHANNEL_MISSING, 87, ERROR, "channel-missing",              \
      "channel {v} is not there; channels up to {e} are: RAM pages, and "      \
      "perhaps packets, are missing")                                          \
    X(MIGP_FINDING_CHANNEL_UUID, 88, ERROR, "channel-uuid",                    \
      "the channel's UUID is not that of the first channel: it is another "    \
      "machine's")                                                             \
    X(MIGP_FINDING_CONFIG_PACKET, 89, ERROR, "config-packet",                  \
      "a config packet of {v} bytes that is not DEV_CONFIG_STATE, config "     \
      "bytes, END_OF_STATE")                                                   \
    X(MIGP_FINDING_CHANNEL_ID, 90, ERROR, "channel-id",                        \
      "channel id {v}; it must be below {e}")                                  \
    X(MIGP_FINDING_STATE_UNREAD, 91, ERROR, "state-unread",                    \
      "packets of this device were not presented again: {v} of {e} were")      \
    X(MIGP_FINDING_PACKET_PAGES, 92, ERROR, "packet-pages",                    \
      "a RAM packet for {v} pages; with this page size it has at most {e}")    \
    X(MIGP_FINDING_CONFIG_NOWHERE, 93, ERROR, "config-nowhere",                \
      "DATA in END, and no CONFIG in FULL: a stream without multifd lacks "    \
      "the config, one with it has DATA in the wrong place")                   \
    X(MIGP_FINDING_PACKET_NORMAL, 94, ERROR, "packet-normal",                  \
      "a RAM packet with {v} normal pages, of {e} in all")                     \
    X(MIGP_FINDING_MAPPED_RAM_ALIGN, 95, ERROR, "mapped-ram-align",            \
      "a RAM block's pages at {v}, which is no multiple of the page size {e}") \
    /* what drivers put inside */                                              \
    X(MIGP_FINDING_DRIVER_SHORT, 96, ERROR, "driver-state-short",              \
      "the driver's state is cut short: {v} bytes, its own header says {e}")   \
    X(MIGP_FINDING_DRIVER_LONG, 97, ERROR, "driver-state-long",                \
      "the driver's state is too long: {v} bytes, its own header says {e}")    \
    X(MIGP_FINDING_DRIVER_HEADER, 98, ERROR, "driver-header",                  \
      "the driver's header has {v} in a field that must be {e}")               \
    X(MIGP_FINDING_DRIVER_REPEAT, 99, WARNING, "driver-header-repeats",        \
      "the driver's header is repeated {v} times; an unpatched driver "        \
      "refuses that")                                                          \
    X(MIGP_FINDING_DRIVER_FIELD, 100, WARNING, "driver-field",                 \
      "a field of the driver's state is {v}; at most {e} is sane")             \
    X(MIGP_FINDING_DRIVER_OPAQUE, 101, NOTE, "driver-opaque",                  \
      "the driver's format is not known: {v} bytes of state were not checked") \
    X(MIGP_FINDING_DRIVER_TAG, 102, ERROR, "driver-record-tag",                \
      "a mandatory record of unknown tag {v}: the driver refuses it")          \
    X(MIGP_FINDING_DRIVER_SKIPPED, 103, NOTE, "driver-record-skipped",         \
      "an optional record of unknown tag {v}: the driver skips its {e} bytes") \
    X(MIGP_FINDING_DRIVER_SIZE, 104, ERROR, "driver-record-size",              \
      "a record of {v} bytes; the driver takes at most {e}")                   \
    X(MIGP_FINDING_DRIVER_EMPTY, 105, WARNING, "driver-state-empty",           \
      "{v} records, but none of them holds the device's state")                \
    X(MIGP_FINDING_DRIVER_FLAGS, 106, WARNING, "driver-record-flags",          \
      "record flags {V}; only bit 0 has a meaning")                            \
    X(MIGP_FINDING_DRIVER_RECORD_ODD, 108, WARNING, "driver-record-odd",       \
      "a record of {v} bytes; its tag has {e}")                                \
    X(MIGP_FINDING_DRIVER_NO_CHAIN, 109, WARNING, "driver-no-chain",           \
      "the PCI vendor is {V}, whose driver writes a chain of records, and "    \
      "these bytes are none")                                                  \
    X(MIGP_FINDING_DRIVER_CUT, 107, ERROR, "driver-record-cut",                \
      "the driver's last record is cut short: {v} bytes of it are there, of "  \
      "{e}; the driver would load the rest without a word")                    \
    /* the whole */                                                            \
    X(MIGP_FINDING_DEVICE_INCOMPLETE, 128, ERROR, "device-incomplete",         \
      "the reading ends before this device's state does")                      \
    X(MIGP_FINDING_INIT_REPEATED, 129, NOTE, "init-data-sent-repeated",        \
      "INIT_DATA_SENT again: legal from QEMU 11.1 on, refused before")         \
    X(MIGP_FINDING_LOAD_READY, 130, ERROR, "state-on-multifd",                 \
      "this device's stop-copy data and config are on multifd channels, "      \
      "which were not given")                                                  \
    X(MIGP_FINDING_RECORDS_OMITTED, 131, NOTE, "records-omitted",              \
      "{v} records were counted but not kept (limit {e})")                     \
    X(MIGP_FINDING_FINDINGS_OMITTED, 132, NOTE, "findings-omitted",            \
      "{v} more findings were counted but not kept (limit {e})")               \
    X(MIGP_FINDING_NO_STOP_COPY, 134, WARNING, "no-stop-copy-data",            \
      "no stop-copy data: the last of the state may be missing")               \
    X(MIGP_FINDING_DEVICE_LIMIT, 133, ERROR, "device-limit",                   \
      "more than {e} VFIO devices")

/** Stable number of a finding; migp_finding_id() gives its stable name. */
enum migp_finding_code {
    MIGP_FINDING_NONE = 0, /**< no finding */
#define MIGP_X(name, number, severity, id, text) name = (number),
    MIGP_FINDING_LIST(MIGP_X)
#undef MIGP_X
};

/**
 * @brief One fact about the bytes that were read.
 *
 * What value and expected mean is in the finding's sentence
 * (docs/errors.md).
 */
struct migp_finding {
    uint32_t code;     /**< enum migp_finding_code */
    uint32_t severity; /**< enum migp_severity */
    uint64_t offset;   /**< bytes from the start of the input */
    uint64_t value;    /**< what was there */
    uint64_t expected; /**< what should have been there, or a related offset */
};

/**
 * @brief Tell a finding's stable identifier.
 * @param code enum migp_finding_code, or any number
 * @return e.g. "unknown-tag"; "none" for 0, "unknown" for a number that is
 *         none; static, never NULL
 * @since 0.1.0
 */
MIGP_API const char *migp_finding_id(uint32_t code);

/**
 * @brief Tell how much a finding matters.
 * @param code enum migp_finding_code, or any number
 * @return enum migp_severity; MIGP_SEVERITY_NOTE for a number that is none
 * @since 0.1.0
 */
MIGP_API int migp_finding_severity(uint32_t code);

/**
 * @brief Tell a severity's name as `--json` prints it.
 * @param severity enum migp_severity
 * @return "note", "warning" or "error"; static, never NULL
 * @since 0.1.0
 */
MIGP_API const char *migp_severity_id(int severity);

/**
 * @brief Write a finding's sentence, its numbers filled in.
 * @param finding what was found
 * @param buffer where to write; always NUL-terminated if size > 0
 * @param size bytes in buffer; #MIGP_TEXT_MAX is always enough
 * @return length of the whole sentence without NUL, as snprintf() would, or
 *         MIGP_ERR_INVALID_ARGUMENT if finding is NULL, or buffer is NULL
 *         while size > 0
 * @since 0.1.0
 */
MIGP_API migp_ssize migp_finding_text(const struct migp_finding *finding,
                                      char *buffer, size_t size);

#ifdef __cplusplus
}
#endif

#endif
