/* SPDX-License-Identifier: MIT */
#include "load_check.h"

#include "command.h"
#include "input.h"
#include "message.h"
#include "scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What files that hold more than a bare stream begin with. */
static const struct {
    const char *bytes;
    const char *kind;
} containers[] = {
    {"QEVM", "a QEMU migration stream"},
    {"LibvirtQemud", "a save file of libvirt"},
    {"\x11\x22\x33\x44", "a multifd channel of QEMU"},
};

static int refuse_container(const char *name, const char *file,
                            const char *kind)
{
    migp_message_print(name,
                       "this is %s, and a device loads a bare stream: migproto "
                       "extract %s --stream --device ID -o FILE makes one "
                       "(migproto inspect lists the ids)",
                       kind, file);
    return MIGP_EXIT_FAILED;
}

static int look_at_start(struct migp_input *input, const char *file)
{
    size_t i;

    if (migp_input_fill(input, strlen("LibvirtQemud")) != 0) {
        return MIGP_EXIT_FAILED;
    }
    for (i = 0; i < sizeof(containers) / sizeof(containers[0]); i++) {
        size_t size = strlen(containers[i].bytes);

        if (migp_input_size(input) >= size &&
            memcmp(migp_input_bytes(input), containers[i].bytes, size) == 0) {
            return refuse_container(input->name, file, containers[i].kind);
        }
    }
    return MIGP_EXIT_GOOD;
}

static void print_finding(const struct migp_scan *scan,
                          const struct migp_report_finding *found)
{
    static const char warning[] = "warning: ";
    char *text = migp_scan_finding_text(scan, found);
    size_t size = sizeof(warning) + strlen(text);
    char *sentence = migp_memory_resize(NULL, size, 1);

    (void)snprintf(
        sentence, size, "%s%s",
        found->finding.severity == MIGP_SEVERITY_ERROR ? "" : warning, text);
    migp_message_print_at(scan->name, found->finding.offset, sentence,
                          migp_finding_id(found->finding.code));
    free(sentence);
    free(text);
}

static int check_findings(const struct migp_scan *scan)
{
    struct migp_report_finding found;
    size_t i;

    for (i = 0; i < scan->summary.n_findings; i++) {
        if (migp_report_finding(scan->report, i, &found) == MIGP_OK &&
            found.finding.severity >= MIGP_SEVERITY_WARNING) {
            print_finding(scan, &found);
        }
    }
    if (migp_scan_status(scan) != MIGP_EXIT_GOOD) {
        migp_message_print(scan->name, "nothing was loaded: the stream has "
                                       "errors");
    }
    return migp_scan_status(scan);
}

static int read_twice(char *file)
{
    const struct migp_scan_hooks hooks = {0};
    struct migp_reading reading;
    struct migp_scan scan;
    int status = MIGP_EXIT_FAILED;

    memset(&reading, 0, sizeof(reading));
    migp_reading_init(&reading);
    reading.max_records = 1;
    if (migp_scan_run(&scan, &file, 1, &reading, &hooks) == 0) {
        status = check_findings(&scan);
    }
    migp_scan_free(&scan);
    return status;
}

static int say_no_stream(const char *name, const struct migp_error *error)
{
    migp_message_print_at(name, 0, error->text,
                          error->finding != 0 ? migp_finding_id(error->finding)
                                              : migp_error_id(error->code));
    return MIGP_EXIT_FAILED;
}

/* Is there a stream at all? By the report, as for files; what the window holds
 * at the start is enough for it to know. */
static int recognise(const struct migp_input *input)
{
    struct migp_report_summary summary = {.struct_size = sizeof(summary)};
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_report *report = NULL;

    if (migp_input_size(input) == 0) {
        migp_message_print_at(input->name, 0, "the input is empty",
                              migp_error_id(MIGP_ERR_NOT_A_STREAM));
        return MIGP_EXIT_FAILED;
    }
    if (migp_report_new(&report, NULL, &error) != MIGP_OK) {
        migp_message_print(NULL, "%s", error.text);
        return MIGP_EXIT_FAILED;
    }
    (void)migp_report_feed(report, migp_input_bytes(input),
                           migp_input_size(input),
                           input->at_end ? MIGP_FEED_LAST : 0);
    (void)migp_report_finish(report, &error);
    (void)migp_report_summary(report, &summary);
    migp_report_free(report);
    return summary.format != MIGP_FORMAT_UNKNOWN
               ? MIGP_EXIT_GOOD
               : say_no_stream(input->name, &error);
}

int migp_load_check(struct migp_input *input, char *file)
{
    int status = look_at_start(input, file);

    if (status != MIGP_EXIT_GOOD) {
        return status;
    }
    return input->seekable && strcmp(file, "-") != 0 ? read_twice(file)
                                                     : recognise(input);
}
