/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_SCAN_H
#define MIGP_CLI_SCAN_H

#include "channels.h"
#include "option.h"
#include "vmdesc.h"

#include <migproto/report.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How to read a stream: settings that inspect, verify and extract share. */
struct migp_reading {
    bool tolerant;
    uint32_t dialects;
    uint32_t footers;
    uint64_t page_size;
    uint64_t max_data;
    uint64_t max_config;
    uint64_t max_packet;
    uint32_t max_packets;
    uint32_t max_records;
};

/* Their defaults, from the library. */
void migp_reading_init(struct migp_reading *reading);

extern const struct migp_choice migp_dialect_choices[];
extern const struct migp_choice migp_footers_choices[];

/* Their rows in an option table whose settings have a member `reading`. */
#define MIGP_READING_OPTIONS(settings)                                         \
    {"tolerant",                                                               \
     0,                                                                        \
     MIGP_OPTION_FLAG,                                                         \
     offsetof(settings, reading.tolerant),                                     \
     NULL,                                                                     \
     NULL,                                                                     \
     "count broken order rules as warnings, not errors"},                      \
        {"dialect",                                                            \
         0,                                                                    \
         MIGP_OPTION_CHOICE,                                                   \
         offsetof(settings, reading.dialects),                                 \
         "v2|v1|qemu-5.2|any",                                                 \
         migp_dialect_choices,                                                 \
         "dialect of a bare stream (default any)"},                            \
        {"footers",                                                            \
         0,                                                                    \
         MIGP_OPTION_CHOICE,                                                   \
         offsetof(settings, reading.footers),                                  \
         "auto|on|off",                                                        \
         migp_footers_choices,                                                 \
         "do sections have footers? (default auto)"},                          \
        {"page-size",                                                          \
         0,                                                                    \
         MIGP_OPTION_SIZE,                                                     \
         offsetof(settings, reading.page_size),                                \
         "BYTES",                                                              \
         NULL,                                                                 \
         "target page size (default: from the stream, else 4096)"},            \
        {"max-data",                                                           \
         0,                                                                    \
         MIGP_OPTION_SIZE,                                                     \
         offsetof(settings, reading.max_data),                                 \
         "BYTES",                                                              \
         NULL,                                                                 \
         "most bytes in one DATA record (default 1T)"},                        \
        {"max-config",                                                         \
         0,                                                                    \
         MIGP_OPTION_SIZE,                                                     \
         offsetof(settings, reading.max_config),                               \
         "BYTES",                                                              \
         NULL,                                                                 \
         "most config bytes of a device (default 64K)"},                       \
        {"max-packet",                                                         \
         0,                                                                    \
         MIGP_OPTION_SIZE,                                                     \
         offsetof(settings, reading.max_packet),                               \
         "BYTES",                                                              \
         NULL,                                                                 \
         "most bytes in one packet of multifd (default 1G)"},                  \
    {                                                                          \
        "max-packets", 0, MIGP_OPTION_COUNT,                                   \
            offsetof(settings, reading.max_packets), "N", NULL,                \
            "packets of a device (default 1048576)"                            \
    }

/* What looks on while a stream is read. */
struct migp_scan_hooks {
    migp_report_sink sink; /* NULL: nobody needs the payload */
    /* Called after each feed, when the report may be asked; NULL for none.
     * Anything but 0 ends the reading. */
    int (*step)(void *user, const struct migp_report *report);
    void *user;
};

/* A stream that was read to its end, or to its first fault. */
struct migp_scan {
    const char *name; /* of the main channel, for messages */
    struct migp_channels channels;
    struct migp_report *report;
    struct migp_report_summary summary;
    struct migp_vmdesc vmdesc;
};

/* Read the files of one migration, in any order ("-" is standard input).
 * Returns 0 if there is a stream to talk about, good or bad; fails, with a
 * message, if an input cannot be read or is no stream. Free the scan in every
 * case. */
int migp_scan_run(struct migp_scan *scan, char *const *files, size_t n_files,
                  const struct migp_reading *reading,
                  const struct migp_scan_hooks *hooks);
void migp_scan_free(struct migp_scan *scan);

/* A finding's sentence, led by the device that it is about, if it is about
 * one; printable. The caller's, to free(). */
char *migp_scan_finding_text(const struct migp_scan *scan,
                             const struct migp_report_finding *found);

/* The file that a finding's offset is in. */
const char *migp_scan_finding_file(const struct migp_scan *scan,
                                   const struct migp_report_finding *found);

/* An input's number for people: 0 is the main channel, else it is the
 * channel's id + 1. */
uint32_t migp_scan_channel_of(const struct migp_scan *scan, uint32_t input);

/* The exit status that the findings ask for. */
int migp_scan_status(const struct migp_scan *scan);

#endif
