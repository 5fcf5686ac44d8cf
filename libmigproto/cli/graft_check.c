/* SPDX-License-Identifier: MIT */
#include "graft_check.h"

#include "command.h"
#include "message.h"

#include <stdlib.h>
#include <string.h>

static const char *file_of(const struct migp_scan *scan,
                           const struct migp_output *outputs,
                           const struct migp_report_finding *found)
{
    size_t input = found->input < scan->channels.n_files ? found->input : 0;

    return outputs != NULL ? outputs[scan->channels.files[input].operand].name
                           : migp_scan_finding_file(scan, found);
}

int migp_graft_print_errors(const struct migp_scan *scan,
                            const struct migp_output *outputs)
{
    struct migp_report_finding found;
    size_t i;

    for (i = 0; i < scan->summary.n_findings; i++) {
        if (migp_report_finding(scan->report, i, &found) == MIGP_OK &&
            found.finding.severity == MIGP_SEVERITY_ERROR) {
            char *text = migp_scan_finding_text(scan, &found);

            migp_message_print_at(file_of(scan, outputs, &found),
                                  found.finding.offset, text,
                                  migp_finding_id(found.finding.code));
            free(text);
        }
    }
    /* Also if no finding of an error was kept. */
    return migp_scan_status(scan) != MIGP_EXIT_GOOD;
}

/* What the stream did not have before, the reader is told. */
static void print_warnings(const struct migp_scan *scan,
                           const struct migp_output *outputs)
{
    struct migp_report_finding found;
    size_t i;

    for (i = 0; i < scan->summary.n_findings; i++) {
        if (migp_report_finding(scan->report, i, &found) == MIGP_OK &&
            found.finding.severity == MIGP_SEVERITY_WARNING) {
            char *text = migp_scan_finding_text(scan, &found);

            migp_message_print(file_of(scan, outputs, &found),
                               "offset %llu: warning: %s [%s]",
                               (unsigned long long)found.finding.offset, text,
                               migp_finding_id(found.finding.code));
            free(text);
        }
    }
}

/* Is it what was put in? */
static int check_content(const struct migp_scan *scan, const char *wanted,
                         const struct migp_graft_site *before,
                         const struct migp_graft_donor *donor,
                         struct migp_digests *digests)
{
    const uint64_t state_size = donor->state.size;
    const uint64_t config_size =
        donor->config_name != NULL ? donor->config_size : before->config_size;
    char digest[MIGP_DIGEST_TEXT];
    struct migp_graft_site after;
    int result = migp_graft_site_find(&after, scan, wanted);

    if (result == 0 &&
        (after.state_size != state_size || after.config_size != config_size)) {
        migp_message_print(scan->name,
                           "the result would have %llu bytes of state and %llu "
                           "config bytes, not %llu and %llu",
                           (unsigned long long)after.state_size,
                           (unsigned long long)after.config_size,
                           (unsigned long long)state_size,
                           (unsigned long long)config_size);
        result = -1;
    }
    if (result == 0) {
        result = migp_digests_finish(digests, after.device, digest);
    }
    if (result == 0 && strcmp(digest, donor->digest) != 0) {
        migp_message_print(scan->name, "the result would not hold the new "
                                       "state; nothing written");
        result = -1;
    }
    migp_graft_site_free(&after);
    return result;
}

int migp_graft_check_result(const struct migp_output *outputs, size_t n_files,
                            const struct migp_reading *reading,
                            const char *wanted,
                            const struct migp_graft_site *before,
                            const struct migp_graft_donor *donor,
                            const struct migp_report_summary *was)
{
    struct migp_digests digests = {0};
    const struct migp_scan_hooks hooks = {migp_digests_sink, NULL, &digests};
    char **files = migp_memory_resize(NULL, n_files, sizeof(*files));
    struct migp_scan scan;
    size_t i;
    int result;

    for (i = 0; i < n_files; i++) {
        files[i] = outputs[i].temporary;
    }
    result = migp_scan_run(&scan, files, n_files, reading, &hooks);
    if (result == 0) {
        int errors = migp_graft_print_errors(&scan, outputs);

        scan.name = outputs[scan.channels.files[0].operand].name;
        result = check_content(&scan, wanted, before, donor, &digests);
        if (result == 0) {
            if (scan.summary.n_findings > was->n_findings) {
                print_warnings(&scan, outputs);
            }
            result = errors;
        }
    }
    migp_scan_free(&scan);
    migp_digests_free(&digests);
    free(files);
    return result;
}
