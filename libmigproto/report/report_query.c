/* SPDX-License-Identifier: MIT */
#include "core/error.h"
#include "core/options.h"
#include "report/report.h"

size_t migp_report_need(const struct migp_report *report)
{
    const struct migp_channel_report *channel;

    if (report == NULL || report->failure < 0 || report->finished) {
        return 0;
    }
    channel = migp_report_channel_in_hand(report);
    if (channel != NULL) {
        return migp_multifd_reader_need(channel->reader);
    }
    switch (report->format) {
    case MIGP_FORMAT_QEMU:
        return migp_qemu_reader_need(report->reader);
    case MIGP_FORMAT_STREAM:
        return migp_decoder_need(report->decoder);
    default:
        return report->wrapper_left > 0 ? 0 : report->need;
    }
}

/* The device whose DATA record the parser is in, or NULL. */
static struct migp_device_report *data_in_hand(const struct migp_report *report)
{
    int64_t index = migp_report_device_in_hand(report);

    if (index < 0 || (report->format == MIGP_FORMAT_QEMU &&
                      report->reader->state != MIGP_QEMU_IN_VFIO)) {
        return NULL;
    }
    return report->devices[index];
}

uint64_t migp_report_skippable(const struct migp_report *report)
{
    const struct migp_device_report *device;
    uint64_t left;

    if (report == NULL || report->failure < 0 || report->finished) {
        return 0;
    }
    if (report->n_channels > 0) {
        return migp_multifd_reader_skippable(
            migp_report_channel_in_hand(report)->reader);
    }
    if (report->format == MIGP_FORMAT_UNKNOWN) {
        return report->wrapper_left;
    }
    left = report->format == MIGP_FORMAT_QEMU
               ? migp_qemu_reader_skippable(report->reader)
               : migp_decoder_data_left(report->decoder);
    device = data_in_hand(report);
    return device != NULL ? migp_report_uninteresting(report, device, left)
                          : left;
}

int migp_report_skip(struct migp_report *report, uint64_t size)
{
    struct migp_device_report *device;

    if (report == NULL || size > migp_report_skippable(report)) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    if (size == 0) {
        return MIGP_OK;
    }
    if (report->n_channels > 0) {
        return migp_multifd_reader_skip(
            migp_report_channel_in_hand(report)->reader, size);
    }
    if (report->format == MIGP_FORMAT_UNKNOWN) {
        report->offset += size;
        report->wrapper_left -= size;
        return MIGP_OK;
    }
    device = data_in_hand(report);
    if (device != NULL) {
        migp_report_pass_data(report, device,
                              report->format == MIGP_FORMAT_QEMU
                                  ? report->reader->section_kind
                                  : MIGP_SECTION_BARE,
                              size);
    }
    return report->format == MIGP_FORMAT_QEMU
               ? migp_qemu_reader_skip(report->reader, size)
               : migp_decoder_skip(report->decoder, size);
}

/* After a fault only what was read before it counts, however much was seen. */
static uint64_t bytes_taken(const struct migp_report *report)
{
    uint64_t offset, input_end;

    switch (report->format) {
    case MIGP_FORMAT_QEMU:
        offset = report->reader->offset;
        input_end = report->reader->input_end;
        break;
    case MIGP_FORMAT_STREAM:
        offset = report->decoder->offset;
        input_end = report->decoder->input_end;
        break;
    default:
        offset = report->offset;
        input_end = offset;
        break;
    }
    if (report->failure < 0 && report->failure != MIGP_ERR_TRUNCATED) {
        return report->why.offset;
    }
    return input_end > offset ? input_end : offset;
}

static bool all_complete(const struct migp_report *report)
{
    size_t i;

    for (i = 0; i < report->n_devices; i++) {
        if (report->devices[i]->shown.complete == 0) {
            return false;
        }
    }
    return !migp_report_channel_failed(report);
}

int migp_report_summary(const struct migp_report *report,
                        struct migp_report_summary *summary)
{
    struct migp_report_summary own;

    if (report == NULL || summary == NULL) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    own = report->counts;
    own.struct_size = sizeof(own);
    own.format = report->format;
    own.machine = report->machine;
    own.bytes = bytes_taken(report);
    own.complete = report->finished && report->failure == MIGP_OK &&
                   report->format != MIGP_FORMAT_UNKNOWN &&
                   all_complete(report);
    if (report->format == MIGP_FORMAT_QEMU) {
        own.page_size = report->reader->page_size;
        own.footers = report->reader->footers;
        own.is_mapped_ram = report->reader->ram.mapped ? 1 : 0;
    }
    own.n_devices = (uint32_t)report->n_devices;
    own.n_channels = (uint32_t)report->n_channels;
    own.n_findings = (uint32_t)report->n_findings;
    own.worst = report->worst;
    own.failed = (uint32_t)-report->failure;
    return migp_struct_write(summary, &own, sizeof(own));
}

int migp_report_device(const struct migp_report *report, size_t index,
                       struct migp_report_device *out)
{
    struct migp_report_device own;
    const struct migp_device_report *device;

    if (report == NULL || out == NULL || index >= report->n_devices) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    device = report->devices[index];
    own = device->shown;
    own.driver = (uint32_t)device->driver->driver;
    own.n_fields = (uint32_t)device->driver->n_fields;
    own.n_records = device->n_records;
    own.dialects =
        device->section != NULL
            ? migp_qemu_reader_dialects(report->reader, device->section)
            : migp_decoder_dialects(report->decoder);
    return migp_struct_write(out, &own, sizeof(own));
}

int migp_report_record(const struct migp_report *report, size_t index,
                       uint64_t position, struct migp_report_record *out)
{
    if (report == NULL || out == NULL || index >= report->n_devices ||
        position >= report->devices[index]->n_records) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    *out = report->devices[index]->records[position];
    return MIGP_OK;
}

int migp_report_field(const struct migp_report *report, size_t index,
                      size_t position, struct migp_field *out)
{
    if (report == NULL || index >= report->n_devices) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    return migp_driver_reader_field(report->devices[index]->driver, position,
                                    out);
}

int migp_report_finding(const struct migp_report *report, size_t position,
                        struct migp_report_finding *out)
{
    if (report == NULL || out == NULL || position >= report->n_findings) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    *out = report->findings[position];
    return MIGP_OK;
}
