/* SPDX-License-Identifier: MIT */
#include "core/error.h"
#include "report/report.h"

#include <stdlib.h>

static bool make_room(struct migp_report *report)
{
    size_t room = report->findings_room > 0 ? 2 * report->findings_room : 16;
    struct migp_report_finding *findings;

    if (report->n_findings < report->findings_room) {
        return true;
    }
    findings = realloc(report->findings, room * sizeof(*findings));
    if (findings == NULL) {
        return false;
    }
    report->findings = findings;
    report->findings_room = room;
    return true;
}

/* Order rules that the caller asked to tolerate are broken with a warning. */
static uint32_t severity_of(const struct migp_report *report,
                            const struct migp_finding *finding)
{
    bool tolerated = finding->code == MIGP_FINDING_TAG_ORDER ||
                     finding->code == MIGP_FINDING_SECTION_ORDER;

    if (tolerated &&
        (report->qemu_options.decoder_flags & MIGP_DECODER_TOLERANT)) {
        return MIGP_SEVERITY_WARNING;
    }
    return finding->severity;
}

/* The last finding kept that is no error: an error may take its place. */
static struct migp_report_finding *find_lesser(const struct migp_report *report)
{
    size_t i;

    for (i = report->n_findings; i > 0; i--) {
        if (report->findings[i - 1].finding.severity < MIGP_SEVERITY_ERROR) {
            return &report->findings[i - 1];
        }
    }
    return NULL;
}

static void fill(const struct migp_report *report,
                 struct migp_report_finding *entry, int64_t device,
                 const struct migp_finding *finding, uint32_t severity)
{
    memset(entry, 0, sizeof(*entry));
    entry->finding = *finding;
    entry->finding.severity = severity;
    entry->device = (int32_t)device;
    entry->input = report->input;
}

int migp_report_add_finding(struct migp_report *report, int64_t device,
                            const struct migp_finding *finding)
{
    struct migp_report_finding *entry;
    uint32_t severity = severity_of(report, finding);

    if (severity + 1 > report->worst) {
        report->worst = severity + 1;
    }
    if (severity == MIGP_SEVERITY_ERROR && report->first_error.code == 0) {
        report->first_error = *finding;
    }
    if (report->n_findings >= report->options.max_findings) {
        report->n_findings_omitted++;
        entry = severity == MIGP_SEVERITY_ERROR ? find_lesser(report) : NULL;
        if (entry != NULL) {
            fill(report, entry, device, finding, severity);
        }
        return MIGP_OK;
    }
    if (!make_room(report)) {
        report->failure = MIGP_ERR_NO_MEMORY;
        return MIGP_ERR_NO_MEMORY;
    }
    entry = &report->findings[report->n_findings++];
    fill(report, entry, device, finding, severity);
    return MIGP_OK;
}

int migp_report_say(struct migp_report *report, int64_t device, uint32_t code,
                    uint64_t offset, uint64_t value, uint64_t expected)
{
    const struct migp_finding finding =
        migp_finding_make(code, offset, value, expected);

    return migp_report_add_finding(report, device, &finding);
}
