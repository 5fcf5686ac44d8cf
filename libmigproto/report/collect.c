/* SPDX-License-Identifier: MIT */
#include "core/error.h"
#include "report/report.h"

/* From events to what a report holds of a device. */

static int read_pci(struct migp_report *report, size_t index,
                    const struct migp_event *event)
{
    struct migp_device_report *device = report->devices[index];
    struct migp_error error = MIGP_ERROR_INIT;
    int code = migp_pci_config_parse(event->bytes, (size_t)event->size,
                                     &device->shown.pci, &error);

    device->shown.has_pci = code == MIGP_OK;
    if (error.finding == MIGP_FINDING_NONE) {
        return MIGP_OK;
    }
    return migp_report_say(report, (int64_t)index, error.finding,
                           event->offset + 8 + error.offset, error.value,
                           error.expected);
}

static int take_config(struct migp_report *report, size_t index,
                       const struct migp_event *event)
{
    struct migp_device_report *device = report->devices[index];

    device->shown.has_config = 1;
    device->shown.config_offset = event->offset;
    device->shown.config_input = report->input;
    device->shown.config_size = event->size;
    return event->size > 0 ? read_pci(report, index, event) : MIGP_OK;
}

static int take_init_data_sent(struct migp_report *report, size_t index,
                               const struct migp_event *event)
{
    struct migp_device_report *device = report->devices[index];
    bool again = device->init_sent;

    device->init_sent = true;
    return again ? migp_report_say(report, (int64_t)index,
                                   MIGP_FINDING_INIT_REPEATED, event->offset, 0,
                                   0)
                 : MIGP_OK;
}

static void count_data(struct migp_device_report *device, int section_kind,
                       uint64_t size)
{
    device->section_data_bytes += size;
    if (section_kind == MIGP_SECTION_BARE) {
        migp_bare_data(device, size);
    } else if (section_kind == MIGP_SECTION_PART) {
        device->shown.precopy_bytes += size;
    } else {
        device->shown.stopcopy_bytes += size;
    }
}

uint64_t migp_report_uninteresting(const struct migp_report *report,
                                   const struct migp_device_report *device,
                                   uint64_t left)
{
    uint64_t size = report->options.sink == NULL
                        ? migp_driver_reader_uninteresting(device->driver)
                        : 0;

    return size < left ? size : left;
}

void migp_report_pass_data(const struct migp_report *report,
                           struct migp_device_report *device, int section_kind,
                           uint64_t size)
{
    device->state_input = report->input;
    device->driver->input = report->input;
    (void)migp_driver_reader_skip(device->driver, size);
    device->state_end += size;
    count_data(device, section_kind, size);
}

static int take_record(struct migp_report *report, size_t index,
                       int section_kind, const struct migp_event *event)
{
    struct migp_device_report *device = report->devices[index];
    int code = migp_report_add_record(report, device, section_kind, event);

    device->last_offset = event->offset;
    if (code < 0) {
        return code;
    }
    if (section_kind == MIGP_SECTION_BARE) {
        migp_bare_record(device, event);
    }
    switch (event->kind) {
    case MIGP_EVENT_CONFIG:
        return take_config(report, index, event);
    case MIGP_EVENT_INIT_DATA_SENT:
        return take_init_data_sent(report, index, event);
    case MIGP_EVENT_CONFIG_LOAD_READY:
        device->shown.on_multifd = 1;
        device->multifd_offset = event->offset;
        return MIGP_OK;
    default:
        return MIGP_OK;
    }
}

int migp_report_collect(struct migp_report *report, size_t index,
                        int section_kind, const struct migp_event *event)
{
    struct migp_device_report *device = report->devices[index];
    int code = MIGP_OK;

    if (event->kind == MIGP_EVENT_FINDING) {
        return migp_report_say(report, (int64_t)index, event->finding,
                               event->offset, event->size, event->expected);
    }
    if (event->kind == MIGP_EVENT_DATA) {
        device->driver->input = report->input;
        (void)migp_driver_reader_feed(device->driver, event->bytes,
                                      (size_t)event->size, event->offset);
        device->state_end = event->offset + event->size;
        device->state_input = report->input;
        count_data(device, section_kind, event->size);
    } else {
        code = take_record(report, index, section_kind, event);
    }
    if (report->options.sink != NULL) {
        report->options.sink(report->options.user, index, section_kind, event);
    }
    return code;
}

bool migp_report_is_broken(const struct migp_report *report,
                           const struct migp_device_report *device)
{
    const struct migp_section *section =
        device->section != NULL ? migp_section_find(&report->reader->table,
                                                    device->section->section_id)
                                : NULL;

    return section != NULL && section->content == MIGP_CONTENT_BROKEN;
}

void migp_report_end_of_state(struct migp_report *report, size_t index)
{
    struct migp_device_report *device = report->devices[index];
    uint32_t input = report->input;
    struct migp_finding finding;
    size_t i;

    if (device->driver_finished || migp_report_is_broken(report, device) ||
        (device->shown.on_multifd && device->order == NULL)) {
        return;
    }
    device->driver_finished = true;
    if (device->shown.has_pci) {
        (void)migp_driver_reader_set_vendor(device->driver,
                                            device->shown.pci.vendor_id);
    }
    device->driver->input = device->state_input;
    (void)migp_driver_reader_finish(device->driver, device->state_end);
    for (i = 0;
         migp_driver_reader_finding(device->driver, i, &finding) == MIGP_OK;
         i++) {
        report->input = device->driver->finding_inputs[i];
        (void)migp_report_add_finding(report, (int64_t)index, &finding);
    }
    report->input = input;
}
