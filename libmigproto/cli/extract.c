/* SPDX-License-Identifier: MIT */
#include "command.h"
#include "message.h"
#include "output.h"
#include "pick.h"
#include "restream.h"
#include "scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct settings {
    struct migp_reading reading;
    const char *device;
    const char *output;
    bool config;
    bool stream;
    bool partial;
};

static const struct migp_option options[] = {
    {"device", 'd', MIGP_OPTION_TEXT, offsetof(struct settings, device),
     "ID[#N]", NULL, "which device; may be left out if there is only one"},
    {"output", 'o', MIGP_OPTION_TEXT, offsetof(struct settings, output), "FILE",
     NULL, "where to write (default standard output)"},
    {"config", 0, MIGP_OPTION_FLAG, offsetof(struct settings, config), NULL,
     NULL, "write the config bytes instead of the state"},
    {"stream", 0, MIGP_OPTION_FLAG, offsetof(struct settings, stream), NULL,
     NULL, "write the device's records as a bare stream instead"},
    {"partial", 0, MIGP_OPTION_FLAG, offsetof(struct settings, partial), NULL,
     NULL, "keep what could be read of a damaged stream"},
    MIGP_READING_OPTIONS(struct settings),
    {NULL, 0, MIGP_OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const struct migp_usage usage = {
    "extract",
    "FILE [CHANNEL]...",
    "Write the state of a device: exactly the bytes that the destination's\n"
    "driver would be given. FILE - is standard input; the CHANNELs are those "
    "of\n"
    "multifd, in any order.",
    options,
    1,
    MIGP_CHANNELS_OPERANDS_MAX,
    NULL};

/* One extraction on its way. */
struct extraction {
    const struct settings *settings;
    struct migp_pick pick;
    struct migp_output output;
    struct migp_restream restream;
    bool has_channels;   /* of multifd */
    bool packet_written; /* the last record was one of multifd */
    bool config_written;
    bool failed;  /* writing is impossible */
    bool refused; /* no dialect allows a record at its place */
    uint64_t refused_at;
};

static void write_record(struct extraction *extraction,
                         const struct migp_event *event)
{
    /* DATA_BEGIN's payload follows in events of its own. */
    int result = migp_restream_write(&extraction->restream, (int)event->kind,
                                     event->bytes, event->size);

    if (result == MIGP_ERR_STATE) {
        extraction->refused = true;
        extraction->refused_at = event->offset;
    } else if (result != 0) {
        extraction->failed = true;
    }
}

/* With multifd the main channel's END section has no DATA, and its FULL no
 * CONFIG: a bare stream has the packets' in their place. */
static void write_in_order(struct extraction *extraction, int section_kind,
                           const struct migp_event *event)
{
    const struct migp_event end = {.kind = MIGP_EVENT_END,
                                   .offset = event->offset};

    if (extraction->has_channels && section_kind == MIGP_SECTION_FULL &&
        event->kind != MIGP_EVENT_CONFIG && !extraction->config_written) {
        return;
    }
    if (section_kind == MIGP_SECTION_MULTIFD &&
        event->kind == MIGP_EVENT_DATA_BEGIN && event->size == 0) {
        return; /* a packet may be empty, a record may not */
    }
    if (section_kind == MIGP_SECTION_MULTIFD &&
        event->kind == MIGP_EVENT_CONFIG && extraction->packet_written) {
        write_record(extraction, &end);
    }
    extraction->packet_written = section_kind == MIGP_SECTION_MULTIFD;
    extraction->config_written |= event->kind == MIGP_EVENT_CONFIG;
    write_record(extraction, event);
}

static void deliver(void *user, int section_kind,
                    const struct migp_event *event)
{
    struct extraction *extraction = user;
    const struct settings *settings = extraction->settings;
    uint32_t wanted = settings->config ? MIGP_EVENT_CONFIG : MIGP_EVENT_DATA;

    if (extraction->failed || extraction->refused ||
        event->kind == MIGP_EVENT_FINDING) {
        return;
    }
    if (settings->stream && event->kind != MIGP_EVENT_DATA) {
        write_in_order(extraction, section_kind, event);
    } else if (event->kind == wanted &&
               migp_output_write(&extraction->output, event->bytes,
                                 (size_t)event->size) != 0) {
        extraction->failed = true;
    }
}

static int step(void *user, const struct migp_report *report)
{
    struct extraction *extraction = user;

    migp_pick_step(&extraction->pick, report);
    return extraction->failed ? -1 : 0;
}

/* The sink's user has to be the pick itself. */
static void sink(void *user, size_t device, int section_kind,
                 const struct migp_event *event)
{
    struct extraction *extraction = user;

    migp_pick_sink(&extraction->pick, device, section_kind, event);
}

/* Say what is wrong with the stream; 0 if the device's bytes are whole. */
static int check_whole(const struct extraction *extraction,
                       const struct migp_scan *scan)
{
    struct migp_report_device device;
    struct migp_report_finding found;
    char *text;
    int result = 0;
    size_t i;

    for (i = 0; i < scan->summary.n_findings; i++) {
        if (migp_report_finding(scan->report, i, &found) == MIGP_OK &&
            found.finding.severity == MIGP_SEVERITY_ERROR) {
            text = migp_scan_finding_text(scan, &found);
            migp_message_print_at(migp_scan_finding_file(scan, &found),
                                  found.finding.offset, text,
                                  migp_finding_id(found.finding.code));
            free(text);
            result = -1;
        }
    }
    if (migp_scan_status(scan) != MIGP_EXIT_GOOD) {
        result = -1; /* also if no finding of an error was kept */
    }
    if (extraction->refused && result == 0) {
        migp_message_print_at(scan->name, extraction->refused_at,
                              "no dialect allows this record at its place",
                              migp_finding_id(MIGP_FINDING_TAG_ORDER));
        result = -1;
    }
    device.struct_size = sizeof(device);
    if (migp_report_device(scan->report, extraction->pick.target, &device) ==
            MIGP_OK &&
        result == 0 && (!device.complete || !device.has_config)) {
        migp_message_print(scan->name, "this channel does not hold the "
                                       "device's whole state");
        result = -1;
    }
    return result;
}

static int finish(struct extraction *extraction, const struct migp_scan *scan)
{
    int status = MIGP_EXIT_GOOD;

    if (migp_pick_check(&extraction->pick, scan->name, scan->report) != 0) {
        return MIGP_EXIT_FAILED;
    }
    if (check_whole(extraction, scan) != 0) {
        status = MIGP_EXIT_FINDINGS;
        if (!extraction->settings->partial) {
            migp_message_print(scan->name, "nothing kept; --partial keeps what "
                                           "could be read");
            return status;
        }
    }
    if (migp_output_commit(&extraction->output) != 0) {
        return MIGP_EXIT_FAILED;
    }
    return status;
}

static int run(struct extraction *extraction, char *const *files,
               size_t n_files)
{
    const struct migp_scan_hooks hooks = {sink, step, extraction};
    struct migp_scan scan;
    int status = MIGP_EXIT_FAILED;

    if (migp_output_open(&extraction->output, extraction->settings->output) !=
        0) {
        return MIGP_EXIT_FAILED;
    }
    if (migp_restream_open(&extraction->restream, MIGP_DIALECT_ANY,
                           &extraction->output) == 0) {
        if (migp_scan_run(&scan, files, n_files, &extraction->settings->reading,
                          &hooks) == 0) {
            status = finish(extraction, &scan);
        }
        migp_scan_free(&scan);
        migp_restream_close(&extraction->restream);
    }
    migp_output_close(&extraction->output);
    migp_pick_free(&extraction->pick);
    return status;
}

int migp_extract_main(int argc, char **argv)
{
    struct extraction extraction;
    struct settings settings;
    int status;
    int operand;

    memset(&settings, 0, sizeof(settings));
    migp_reading_init(&settings.reading);
    /* Nobody will ask for them. */
    settings.reading.max_records = 1;
    operand = migp_option_parse(&usage, &settings, argc, argv, &status);
    if (operand < 0) {
        return status;
    }
    if (settings.config && settings.stream) {
        return migp_option_complain(&usage,
                                    "--config and --stream exclude each other");
    }
    memset(&extraction, 0, sizeof(extraction));
    extraction.settings = &settings;
    extraction.pick.wanted = settings.device;
    extraction.pick.deliver = deliver;
    extraction.pick.user = &extraction;
    extraction.has_channels = argc - operand > 1;
    return run(&extraction, argv + operand, (size_t)(argc - operand));
}
