/* SPDX-License-Identifier: MIT */
#ifndef MIGP_REPORT_REPORT_H
#define MIGP_REPORT_REPORT_H

#include "qemu/reader.h"
#include "record/driver_reader.h"

#include <migproto/report.h>

#define MIGP_NO_RECORD UINT64_MAX

/* One section of a bare stream, while it is not known which kind it is. */
struct migp_bare_section {
    uint64_t first_record; /* of those kept */
    uint64_t n_records;    /* all of them */
    uint64_t data_bytes;
};

/*
 * A bare stream does not name its sections: the one before CONFIG turns out
 * to be END only when CONFIG comes. See report/bare.c.
 */
struct migp_bare {
    struct migp_bare_section current;
    struct migp_bare_section previous;
    bool setup_seen;  /* in the section in hand */
    bool full_seen;   /* CONFIG or CONFIG_LOAD_READY */
    bool config_seen; /* CONFIG, and nothing yet that shows 5.2 */
    bool config_over; /* and its END */
};

struct migp_device_report {
    struct migp_report_device shown;
    const struct migp_qemu_section *section; /* NULL in a bare stream */
    struct migp_report_record *records;
    uint64_t n_records;
    uint64_t room;
    struct migp_driver_reader *driver;
    uint64_t section_data_bytes; /* of the section in hand */
    uint64_t state_end;          /* offset where the driver's bytes end */
    uint32_t state_input;        /* and in which input */
    bool state_ended;
    bool driver_finished;
    bool init_sent;
    uint64_t last_offset;             /* of the last record */
    uint64_t multifd_offset;          /* where main says that it is there */
    struct migp_multifd_order *order; /* NULL without packets */
    uint64_t n_given;                 /* of them, that were seen again */
    bool packets_bad;                 /* a finding says why */
    bool config_refused;              /* the only one: a finding says why */
    bool packet_refused;              /* said so once */
    struct migp_bare bare;
};

/* A channel beside the main one, while it is read and after. */
struct migp_channel_report {
    struct migp_report_channel shown;
    struct migp_multifd_reader *reader; /* NULL once it has ended */
    bool started;                       /* shown.channel_id is known */
    bool device_unknown;                /* said so once */
    size_t last_device;                 /* that a packet named */
    size_t unread;                      /* bytes that were left */
    uint64_t end;                       /* one past the last byte seen */
    int failure;
};

/* Going through the devices' packets in order; see report/assemble.c. */
struct migp_assembly {
    bool begun;
    bool in_hand; /* place is to be given, from done on */
    size_t device;
    struct migp_multifd_place place;
    uint64_t done;
};

struct migp_report {
    struct migp_report_options options;
    struct migp_qemu_options qemu_options;
    uint32_t format; /* enum migp_format */
    bool finished;
    int failure;
    struct migp_finding why;
    uint64_t offset;       /* of the next byte, before the format is known */
    uint64_t need;         /* bytes in one piece, before that */
    uint64_t wrapper_left; /* of libvirt's XML, to be passed over */
    struct migp_qemu_reader *reader;
    struct migp_decoder *decoder;
    struct migp_device_report **devices;
    size_t n_devices;
    size_t devices_room;
    struct migp_report_finding *findings;
    size_t n_findings;
    size_t findings_room;
    uint64_t n_findings_omitted;
    uint32_t worst;
    struct migp_finding first_error; /* of all, kept or not */
    char machine[256];
    bool end_of_stream;
    uint64_t end_offset;
    struct migp_report_summary counts;
    bool main_ended;
    uint32_t input; /* in hand: that findings and records are about */
    struct migp_channel_report **channels;
    size_t n_channels;
    struct migp_assembly assembly;
};

/* recognise.c */

/* Find out what the input is; format is set, or more bytes are needed.
 * Gives the bytes that were consumed. */
migp_ssize migp_report_recognise(struct migp_report *report,
                                 const uint8_t *bytes, size_t size, bool last);

/* report_feed.c */

/* The bytes are at fault: remember it as a finding, and read no further. */
int migp_report_fail(struct migp_report *report, int64_t device, int code,
                     const struct migp_finding *why);

/* channels.c */

/* The channel that is being read, or NULL. */
struct migp_channel_report *
migp_report_channel_in_hand(const struct migp_report *report);
migp_ssize migp_report_feed_channel(struct migp_report *report,
                                    const uint8_t *bytes, size_t size);
/* The channel in hand, if any, has no more bytes. */
void migp_report_end_channel(struct migp_report *report);
void migp_report_channels_free(struct migp_report *report);
/* Was there a channel that could not be read to its end? */
bool migp_report_channel_failed(const struct migp_report *report);
/* What all channels together show. */
void migp_report_check_channels(struct migp_report *report);

/* assemble.c */

/* Judge a device's packets; is its state whole? */
bool migp_report_packets_whole(struct migp_report *report, size_t index);

/* report_finish.c */

/* The main channel's own end: TRUNCATED if the parser was not through. */
void migp_report_finish_main(struct migp_report *report);

/* collect.c */

/* Take one event of the device at index; section_kind BARE in a bare stream. */
int migp_report_collect(struct migp_report *report, size_t index,
                        int section_kind, const struct migp_event *event);
/* How many of the next bytes of a device's data, of which there are left, need
 * nobody see? */
uint64_t migp_report_uninteresting(const struct migp_report *report,
                                   const struct migp_device_report *device,
                                   uint64_t left);
/* That many were passed over. */
void migp_report_pass_data(const struct migp_report *report,
                           struct migp_device_report *device, int section_kind,
                           uint64_t size);
/* Were this device's records given up as not to be followed? */
bool migp_report_is_broken(const struct migp_report *report,
                           const struct migp_device_report *device);
/* The driver's bytes are all there: check that they are whole. */
void migp_report_end_of_state(struct migp_report *report, size_t index);

/* devices.c */

/* The index of a section's device, added if new; negative on failure. */
migp_ssize migp_report_device_of(struct migp_report *report,
                                 const struct migp_qemu_section *section,
                                 uint64_t offset);
/* The index of the device with this name, looked for from one on; or -1. */
int64_t migp_report_find_device(const struct migp_report *report, size_t from,
                                const char *id, uint32_t instance_id);
/* The index of the device that the parser is in a section of, or -1. */
int64_t migp_report_device_in_hand(const struct migp_report *report);
int migp_report_add_record(struct migp_report *report,
                           struct migp_device_report *device, int section_kind,
                           const struct migp_event *event);
void migp_report_devices_free(struct migp_report *report);

/* findings.c */

/* device: index or -1. */
int migp_report_add_finding(struct migp_report *report, int64_t device,
                            const struct migp_finding *finding);
int migp_report_say(struct migp_report *report, int64_t device, uint32_t code,
                    uint64_t offset, uint64_t value, uint64_t expected);

/* bare.c */
void migp_bare_record(struct migp_device_report *device,
                      const struct migp_event *event);
/* Payload of a DATA record came. */
void migp_bare_data(struct migp_device_report *device, uint64_t size);
/* The stream ended: settle what is still open. */
void migp_bare_finish(struct migp_device_report *device, bool complete);

#endif
