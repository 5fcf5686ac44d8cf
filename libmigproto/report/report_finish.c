/* SPDX-License-Identifier: MIT */
#include "core/error.h"
#include "report/report.h"

/* The conclusions that only the end of the input allows. */

/* [QC-9] Every VFIO device of the VM description is in the stream. */
static void check_vmdesc(struct migp_report *report)
{
    const struct migp_qemu_options *options = &report->qemu_options;
    uint64_t named = 0, there = 0;
    size_t i;

    for (i = 0; i < options->n_vmdesc; i++) {
        const struct migp_vmdesc_entry *entry = &options->vmdesc[i];

        if (migp_section_names_vfio(entry->idstr, strlen(entry->idstr))) {
            named++;
            there += migp_report_find_device(report, 0, entry->idstr,
                                             entry->instance_id) >= 0;
        }
    }
    if (there < named) {
        (void)migp_report_say(report, -1, MIGP_FINDING_VMDESC_DEVICE,
                              report->end_offset, there, named);
    }
}

/* What can be said of a device's state without knowing its driver. */
static void judge_state(struct migp_report *report, size_t index)
{
    const struct migp_device_report *device = report->devices[index];

    if (device->shown.on_multifd && device->order == NULL) {
        return;
    }
    report->input = device->state_input;
    if (device->driver->driver == MIGP_DRIVER_OPAQUE &&
        device->shown.precopy_bytes + device->shown.stopcopy_bytes > 0) {
        (void)migp_report_say(
            report, (int64_t)index, MIGP_FINDING_DRIVER_OPAQUE,
            device->state_end,
            device->shown.precopy_bytes + device->shown.stopcopy_bytes, 0);
    }
    if (device->shown.stopcopy_bytes == 0) {
        (void)migp_report_say(report, (int64_t)index, MIGP_FINDING_NO_STOP_COPY,
                              device->state_end, 0, 0);
    }
    report->input = 0;
}

static void finish_device(struct migp_report *report, size_t index,
                          uint64_t end)
{
    struct migp_device_report *device = report->devices[index];
    bool complete, explained = migp_report_is_broken(report, device);

    if (device->section != NULL) {
        complete =
            migp_qemu_reader_is_complete(report->reader, device->section) != 0;
    } else {
        complete = report->failure == MIGP_OK;
        migp_bare_finish(device, complete);
    }
    if (complete && device->shown.on_multifd) {
        complete = migp_report_packets_whole(report, index);
        explained = true;
    }
    device->shown.complete = complete;
    if (complete || (device->state_ended && device->shown.stopcopy_bytes > 0)) {
        migp_report_end_of_state(report, index);
    }
    if (complete) {
        judge_state(report, index);
    }
    if (!complete && !explained) {
        (void)migp_report_say(report, (int64_t)index,
                              MIGP_FINDING_DEVICE_INCOMPLETE, end, 0, 0);
    }
    if (device->shown.n_records_omitted > 0) {
        (void)migp_report_say(
            report, (int64_t)index, MIGP_FINDING_RECORDS_OMITTED,
            device->shown.start_offset, device->shown.n_records_omitted,
            report->options.max_records);
    }
}

void migp_report_finish_main(struct migp_report *report)
{
    struct migp_error error = MIGP_ERROR_INIT;
    int code;

    if (report->failure < 0 || report->main_ended) {
        return;
    }
    report->main_ended = true;
    switch (report->format) {
    case MIGP_FORMAT_QEMU:
        code = migp_qemu_reader_finish(report->reader, &error);
        break;
    case MIGP_FORMAT_STREAM:
        code = migp_decoder_finish(report->decoder, &error);
        break;
    default:
        code = report->offset > 0 ? MIGP_ERR_TRUNCATED : MIGP_ERR_NOT_A_STREAM;
        error.finding = report->offset > 0 ? MIGP_FINDING_TRUNCATED
                                           : MIGP_FINDING_NOT_A_STREAM;
        error.offset = report->offset;
        error.expected = report->wrapper_left > 0 ? report->wrapper_left : 8;
        break;
    }
    if (code < 0) {
        report->failure = code;
        report->why = migp_finding_make(error.finding, error.offset,
                                        error.value, error.expected);
        (void)migp_report_add_finding(
            report, migp_report_device_in_hand(report), &report->why);
    }
}

static void finish_container(struct migp_report *report)
{
    if (report->format != MIGP_FORMAT_QEMU || report->failure < 0) {
        return;
    }
    if (report->counts.has_vmdesc == 0) {
        (void)migp_report_say(report, -1, MIGP_FINDING_VMDESC_MISSING,
                              report->end_offset, 0, 0);
    }
    check_vmdesc(report);
    if (report->n_devices == 0) {
        (void)migp_report_say(report, -1, MIGP_FINDING_NO_DEVICE, 0, 0, 0);
    }
}

static int first_error(const struct migp_report *report,
                       struct migp_error *error)
{
    if (report->failure < 0) {
        return migp_error_set(
            error, report->failure,
            report->failure == MIGP_ERR_NO_MEMORY ? NULL : &report->why);
    }
    if (report->first_error.code != 0) {
        return migp_error_set(error, MIGP_ERR_MALFORMED, &report->first_error);
    }
    return migp_error_set(error, MIGP_OK, NULL);
}

/* Pieces that nobody has to give are gone through; the rest is missing. */
static void finish_channels(struct migp_report *report)
{
    struct migp_report_piece piece;

    if (report->n_channels > 0) {
        (void)migp_report_piece(report, &piece);
        report->input = 0;
        migp_report_check_channels(report);
    }
}

int migp_report_finish(struct migp_report *report, struct migp_error *error)
{
    uint64_t end;
    size_t i;

    if (report == NULL) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    if (!report->finished) {
        struct migp_report_summary summary = {.struct_size = sizeof(summary)};

        finish_channels(report);
        migp_report_finish_main(report);
        report->finished = true;
        (void)migp_report_summary(report, &summary);
        end = summary.bytes;
        for (i = 0; i < report->n_devices; i++) {
            finish_device(report, i, end);
        }
        finish_container(report);
        if (report->n_findings_omitted > 0) {
            report->options.max_findings++;
            (void)migp_report_say(report, -1, MIGP_FINDING_FINDINGS_OMITTED,
                                  end, report->n_findings_omitted,
                                  report->n_findings);
        }
    }
    return first_error(report, error);
}
