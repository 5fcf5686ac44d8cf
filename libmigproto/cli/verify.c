/* SPDX-License-Identifier: MIT */
#include "command.h"
#include "view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct settings {
    struct migp_reading reading;
    bool json;
    bool quiet;
};

static const struct migp_option options[] = {
    {"json", 0, MIGP_OPTION_FLAG, offsetof(struct settings, json), NULL, NULL,
     "print one JSON object, as inspect does"},
    {"quiet", 'q', MIGP_OPTION_FLAG, offsetof(struct settings, quiet), NULL,
     NULL, "print nothing: the exit status says it"},
    MIGP_READING_OPTIONS(struct settings),
    {NULL, 0, MIGP_OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const struct migp_usage usage = {
    "verify",
    "FILE [CHANNEL]...",
    "Check a migration stream: print the errors and warnings, and a verdict.\n"
    "FILE - is standard input; the CHANNELs are those of multifd, in any "
    "order.",
    options,
    1,
    MIGP_CHANNELS_OPERANDS_MAX,
    NULL};

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void print_verdict(const struct migp_scan *scan)
{
    uint64_t counts[MIGP_SEVERITY_ERROR + 1] = {0};
    const struct migp_report_summary *summary = &scan->summary;
    struct migp_report_finding found;
    uint64_t opaque = 0;
    size_t i;

    for (i = 0; i < summary->n_findings; i++) {
        if (migp_report_finding(scan->report, i, &found) == MIGP_OK &&
            found.finding.severity <= MIGP_SEVERITY_ERROR) {
            counts[found.finding.severity]++;
            opaque += found.finding.code == MIGP_FINDING_DRIVER_OPAQUE;
        }
    }
    printf("%s: %s: %s, %" PRIu32 " device%s, %" PRIu64 " error%s, %" PRIu64
           " warning%s",
           scan->name,
           migp_scan_status(scan) == MIGP_EXIT_GOOD ? "good" : "BAD",
           summary->complete ? "complete" : "incomplete", summary->n_devices,
           plural(summary->n_devices), counts[MIGP_SEVERITY_ERROR],
           plural(counts[MIGP_SEVERITY_ERROR]), counts[MIGP_SEVERITY_WARNING],
           plural(counts[MIGP_SEVERITY_WARNING]));
    if (opaque > 0) {
        printf("; driver not known, state not checked inside: %" PRIu64
               " device%s",
               opaque, plural(opaque));
    }
    putchar('\n');
}

/* Errors look as all messages do, for people and for grep. */
static void print_findings(const struct migp_scan *scan)
{
    struct migp_report_finding found;
    char *text;
    size_t i;

    for (i = 0; i < scan->summary.n_findings; i++) {
        if (migp_report_finding(scan->report, i, &found) != MIGP_OK ||
            found.finding.severity < MIGP_SEVERITY_WARNING) {
            continue;
        }
        text = migp_scan_finding_text(scan, &found);
        printf("%s: offset %" PRIu64 " (0x%" PRIx64 "): %s: %s [%s]\n",
               migp_scan_finding_file(scan, &found), found.finding.offset,
               found.finding.offset,
               migp_severity_id((int)found.finding.severity), text,
               migp_finding_id(found.finding.code));
        free(text);
    }
}

static int show(const struct settings *settings, const struct migp_scan *scan,
                struct migp_digests *digests)
{
    struct migp_view view = {.scan = scan, .digests = digests};

    if (settings->quiet) {
        return 0;
    }
    if (settings->json) {
        return migp_view_print_json(&view);
    }
    print_findings(scan);
    print_verdict(scan);
    return 0;
}

int migp_verify_main(int argc, char **argv)
{
    struct migp_digests digests = {0};
    struct migp_scan_hooks hooks = {0};
    struct settings settings;
    struct migp_scan scan;
    int status;
    int operand;

    memset(&settings, 0, sizeof(settings));
    migp_reading_init(&settings.reading);
    operand = migp_option_parse(&usage, &settings, argc, argv, &status);
    if (operand < 0) {
        return status;
    }
    if (settings.json && !settings.quiet) {
        hooks.sink = migp_digests_sink;
        hooks.user = &digests;
    }
    status = MIGP_EXIT_FAILED;
    if (migp_scan_run(&scan, argv + operand, (size_t)(argc - operand),
                      &settings.reading, &hooks) == 0 &&
        show(&settings, &scan, &digests) == 0) {
        status = migp_scan_status(&scan);
    }
    migp_scan_free(&scan);
    migp_digests_free(&digests);
    return status;
}
