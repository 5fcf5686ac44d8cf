/* SPDX-License-Identifier: MIT */
#include "report/report.h"

#include <stdlib.h>

static void free_device(struct migp_device_report *device)
{
    if (device != NULL) {
        migp_driver_reader_free(device->driver);
        migp_multifd_order_free(device->order);
        free(device->records);
        free(device);
    }
}

void migp_report_devices_free(struct migp_report *report)
{
    size_t i;

    for (i = 0; i < report->n_devices; i++) {
        free_device(report->devices[i]);
    }
    free(report->devices);
    report->devices = NULL;
    report->n_devices = 0;
}

static struct migp_device_report *
make_device(const struct migp_qemu_section *section, uint64_t offset)
{
    struct migp_device_report *device = calloc(1, sizeof(*device));

    if (device == NULL) {
        return NULL;
    }
    if (migp_driver_reader_new(&device->driver) < 0) {
        free(device);
        return NULL;
    }
    device->section = section;
    device->shown.struct_size = sizeof(device->shown);
    device->shown.id = section != NULL ? section->idstr : "";
    device->shown.instance_id = section != NULL ? section->instance_id : 0;
    device->shown.section_id = section != NULL ? section->section_id : 0;
    device->shown.start_offset = offset;
    device->shown.pci.struct_size = sizeof(device->shown.pci);
    return device;
}

static bool make_room(struct migp_report *report)
{
    size_t room = report->devices_room > 0 ? 2 * report->devices_room : 8;
    struct migp_device_report **devices;

    if (report->n_devices < report->devices_room) {
        return true;
    }
    devices = realloc(report->devices, room * sizeof(*devices));
    if (devices == NULL) {
        return false;
    }
    report->devices = devices;
    report->devices_room = room;
    return true;
}

migp_ssize migp_report_device_of(struct migp_report *report,
                                 const struct migp_qemu_section *section,
                                 uint64_t offset)
{
    struct migp_device_report *device;
    size_t i;

    for (i = report->n_devices; i > 0; i--) {
        if (report->devices[i - 1]->section == section) {
            return (migp_ssize)(i - 1);
        }
    }
    if (report->n_devices >= report->options.max_devices) {
        (void)migp_report_say(report, -1, MIGP_FINDING_DEVICE_LIMIT, offset, 0,
                              report->options.max_devices);
        return MIGP_ERR_LIMIT;
    }
    if (!make_room(report)) {
        return MIGP_ERR_NO_MEMORY;
    }
    device = make_device(section, offset);
    if (device == NULL) {
        return MIGP_ERR_NO_MEMORY;
    }
    report->devices[report->n_devices++] = device;
    return (migp_ssize)(report->n_devices - 1);
}

int64_t migp_report_find_device(const struct migp_report *report, size_t from,
                                const char *id, uint32_t instance_id)
{
    size_t n = report->n_devices, i;

    for (i = 0; i < n; i++) {
        size_t at = (from + i) % n;
        const struct migp_report_device *shown = &report->devices[at]->shown;

        if (shown->instance_id == instance_id && strcmp(shown->id, id) == 0) {
            return (int64_t)at;
        }
    }
    return -1;
}

int64_t migp_report_device_in_hand(const struct migp_report *report)
{
    const struct migp_section *section = report->reader->section;
    size_t i;

    if (report->format == MIGP_FORMAT_STREAM) {
        return report->n_devices > 0 ? 0 : -1;
    }
    for (i = 0; section != NULL && i < report->n_devices; i++) {
        if (report->devices[i]->section == &section->shown) {
            return (int64_t)i;
        }
    }
    return -1;
}

static bool make_record_room(struct migp_device_report *device)
{
    uint64_t room = device->room > 0 ? 2 * device->room : 64;
    struct migp_report_record *records;

    if (device->n_records < device->room) {
        return true;
    }
    records = realloc(device->records, (size_t)room * sizeof(*records));
    if (records == NULL) {
        return false;
    }
    device->records = records;
    device->room = room;
    return true;
}

int migp_report_add_record(struct migp_report *report,
                           struct migp_device_report *device, int section_kind,
                           const struct migp_event *event)
{
    struct migp_report_record *record;

    if (device->n_records >= report->options.max_records) {
        device->shown.n_records_omitted++;
        return MIGP_OK;
    }
    if (!make_record_room(device)) {
        return MIGP_ERR_NO_MEMORY;
    }
    record = &device->records[device->n_records++];
    memset(record, 0, sizeof(*record));
    record->offset = event->offset;
    record->size = event->size;
    record->input = report->input;
    record->section = (uint16_t)section_kind;
    record->kind = (uint16_t)event->kind;
    return MIGP_OK;
}
