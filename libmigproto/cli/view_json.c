/* SPDX-License-Identifier: MIT */
#include "view.h"

#include "json.h"
#include "printable.h"

#include <stdio.h>
#include <stdlib.h>

static void print_field(struct migp_json *json, const struct migp_field *field)
{
    char *hex;

    if (field->kind == MIGP_FIELD_BYTES) {
        hex = migp_printable_hex(field->bytes, field->size);
        migp_json_text(json, field->name, hex);
        free(hex);
    } else {
        migp_json_number(json, field->name, field->number);
    }
}

static void print_driver_state(struct migp_json *json,
                               const struct migp_report *report, size_t device,
                               size_t n_fields)
{
    struct migp_field field;
    size_t i;

    migp_json_open(json, "driver_state", '{');
    for (i = 0; i < n_fields; i++) {
        if (migp_report_field(report, device, i, &field) == MIGP_OK) {
            print_field(json, &field);
        }
    }
    migp_json_close(json, '}');
}

static void print_caps(struct migp_json *json,
                       const struct migp_pci_config *pci)
{
    size_t i;

    migp_json_open(json, "capabilities", '[');
    for (i = 0; i < pci->n_caps; i++) {
        migp_json_open(json, NULL, '{');
        migp_json_number(json, "id", pci->caps[i].id);
        migp_json_text(json, "name", migp_pci_cap_id(pci->caps[i].id));
        migp_json_number(json, "offset", pci->caps[i].offset);
        migp_json_close(json, '}');
    }
    migp_json_close(json, ']');
}

static void print_ramfb(struct migp_json *json,
                        const struct migp_pci_config *pci)
{
    if (!pci->has_ramfb) {
        migp_json_null(json, "ramfb");
        return;
    }
    migp_json_open(json, "ramfb", '{');
    migp_json_number(json, "address", pci->ramfb_address);
    migp_json_number(json, "fourcc", pci->ramfb_fourcc);
    migp_json_number(json, "width", pci->ramfb_width);
    migp_json_number(json, "height", pci->ramfb_height);
    migp_json_number(json, "stride", pci->ramfb_stride);
    migp_json_close(json, '}');
}

static void print_pci(struct migp_json *json, const struct migp_pci_config *pci)
{
    size_t i;

    migp_json_number(json, "vendor", pci->vendor_id);
    migp_json_number(json, "device", pci->device_id);
    migp_json_number(json, "class", pci->class_code);
    migp_json_number(json, "msix_vectors", pci->msix_vectors);
    migp_json_number(json, "msix_masked", pci->msix_masked);
    migp_json_number(json, "msix_pending", pci->msix_pending);
    migp_json_number(json, "config_space", pci->config_size);
    migp_json_number(json, "revision", pci->revision);
    migp_json_number(json, "subsystem_vendor", pci->subsystem_vendor_id);
    migp_json_number(json, "subsystem_device", pci->subsystem_id);
    migp_json_number(json, "command", pci->command);
    migp_json_number(json, "status", pci->status);
    migp_json_number(json, "header_kind", pci->header_kind);
    migp_json_number(json, "interrupt_pin", pci->interrupt_pin);
    migp_json_open(json, "bars", '[');
    for (i = 0; i < 6; i++) {
        migp_json_number(json, NULL, pci->bars[i]);
    }
    migp_json_close(json, ']');
    print_caps(json, pci);
    print_ramfb(json, pci);
}

static void print_config(struct migp_json *json, const struct migp_scan *scan,
                         const struct migp_report_device *device)
{
    if (!device->has_config) {
        migp_json_null(json, "config");
        return;
    }
    migp_json_open(json, "config", '{');
    migp_json_number(json, "size", device->config_size);
    if (device->has_pci) {
        print_pci(json, &device->pci);
    } else {
        migp_json_null(json, "vendor");
        migp_json_null(json, "device");
        migp_json_null(json, "class");
        migp_json_null(json, "msix_vectors");
    }
    migp_json_number(json, "offset", device->config_offset);
    migp_json_number(json, "channel",
                     migp_scan_channel_of(scan, device->config_input));
    migp_json_close(json, '}');
}

static void print_records(struct migp_json *json, const struct migp_scan *scan,
                          size_t device, uint64_t n_records)
{
    const struct migp_report *report = scan->report;
    struct migp_report_record record;
    uint64_t i;

    migp_json_open(json, "records", '[');
    for (i = 0; i < n_records; i++) {
        if (migp_report_record(report, device, i, &record) != MIGP_OK) {
            break;
        }
        migp_json_open(json, NULL, '{');
        migp_json_number(json, "offset", record.offset);
        migp_json_number(json, "channel",
                         migp_scan_channel_of(scan, record.input));
        migp_json_text(json, "section", migp_section_id(record.section));
        migp_json_text(json, "tag", migp_record_id(record.kind));
        migp_json_number(json, "size", record.size);
        migp_json_close(json, '}');
    }
    migp_json_close(json, ']');
}

static int print_device(struct migp_json *json, const struct migp_view *view,
                        size_t index)
{
    const struct migp_report *report = view->scan->report;
    struct migp_report_device device;
    char digest[MIGP_DIGEST_TEXT];

    device.struct_size = sizeof(device);
    if (migp_report_device(report, index, &device) != MIGP_OK) {
        return 0;
    }
    migp_json_open(json, NULL, '{');
    migp_json_peer_text(json, "id", device.id);
    migp_json_number(json, "instance", device.instance_id);
    migp_json_number(json, "section_id", device.section_id);
    migp_json_text(json, "dialect", migp_dialect_id(device.dialects));
    migp_json_text(json, "driver", migp_driver_id((int)device.driver));
    migp_json_number(json, "precopy_bytes", device.precopy_bytes);
    migp_json_number(json, "stopcopy_bytes", device.stopcopy_bytes);
    migp_json_number(json, "state_bytes",
                     device.precopy_bytes + device.stopcopy_bytes);
    if (view->digests == NULL) {
        migp_json_null(json, "state_sha256");
    } else if (migp_digests_finish(view->digests, index, digest) == 0) {
        migp_json_text(json, "state_sha256", digest);
    } else {
        return -1;
    }
    print_config(json, view->scan, &device);
    print_records(json, view->scan, index, device.n_records);
    migp_json_number(json, "records_omitted", device.n_records_omitted);
    migp_json_bool(json, "complete", device.complete != 0);
    migp_json_number(json, "offset", device.start_offset);
    migp_json_number(json, "parts", device.n_parts);
    migp_json_number(json, "empty_parts", device.n_empty_parts);
    migp_json_bool(json, "multifd", device.on_multifd != 0);
    migp_json_number(json, "packets", device.n_packets);
    print_driver_state(json, report, index, device.n_fields);
    migp_json_close(json, '}');
    return 0;
}

static void print_finding(struct migp_json *json, const struct migp_scan *scan,
                          const struct migp_report_finding *found)
{
    const struct migp_finding *finding = &found->finding;
    char text[MIGP_TEXT_MAX];

    migp_finding_text(finding, text, sizeof(text));
    migp_json_open(json, NULL, '{');
    migp_json_number(json, "offset", finding->offset);
    migp_json_text(json, "severity", migp_severity_id((int)finding->severity));
    migp_json_text(json, "code", migp_finding_id(finding->code));
    migp_json_text(json, "text", text);
    migp_json_number(json, "value", finding->value);
    migp_json_number(json, "expected", finding->expected);
    if (found->device < 0) {
        migp_json_null(json, "device");
    } else {
        migp_json_number(json, "device", (uint64_t)found->device);
    }
    migp_json_number(json, "channel", migp_scan_channel_of(scan, found->input));
    migp_json_peer_text(json, "file", migp_scan_finding_file(scan, found));
    migp_json_close(json, '}');
}

static const char *footers_id(uint32_t footers)
{
    return footers == MIGP_QEMU_FOOTERS_ON    ? "on"
           : footers == MIGP_QEMU_FOOTERS_OFF ? "off"
                                              : "unknown";
}

static void print_container(struct migp_json *json,
                            const struct migp_report_summary *summary)
{
    migp_json_number(json, "bytes", summary->bytes);
    migp_json_number(json, "page_size", summary->page_size);
    migp_json_text(json, "footers", footers_id(summary->footers));
    migp_json_number(json, "sections", summary->n_sections);
    migp_json_number(json, "commands", summary->n_commands);
    migp_json_number(json, "ram_bytes", summary->ram_bytes);
    migp_json_number(json, "other_bytes", summary->other_bytes);
    migp_json_bool(json, "vmdesc", summary->has_vmdesc != 0);
    migp_json_bool(json, "switchover_start",
                   summary->has_switchover_start != 0);
    migp_json_bool(json, "libvirt", summary->is_libvirt != 0);
    migp_json_bool(json, "mapped_ram", summary->is_mapped_ram != 0);
    migp_json_number(json, "stream_offset", summary->stream_offset);
}

static void print_channels(struct migp_json *json, const struct migp_scan *scan)
{
    const struct migp_report *report = scan->report;
    struct migp_report_channel channel = {.struct_size = sizeof(channel)};
    size_t i;

    migp_json_open(json, "channels", '[');
    for (i = 0; migp_report_channel(report, i, &channel) == MIGP_OK; i++) {
        char *uuid = migp_printable_hex(channel.uuid, sizeof(channel.uuid));

        migp_json_open(json, NULL, '{');
        migp_json_number(json, "channel", (uint64_t)channel.channel_id + 1);
        migp_json_number(json, "id", channel.channel_id);
        migp_json_text(json, "uuid", uuid);
        migp_json_number(json, "bytes", channel.bytes);
        migp_json_number(json, "ram_packets", channel.n_ram);
        migp_json_number(json, "ram_bytes", channel.ram_bytes);
        migp_json_number(json, "packets", channel.n_packets);
        migp_json_number(json, "data_bytes", channel.data_bytes);
        migp_json_bool(json, "complete", channel.complete != 0);
        migp_json_peer_text(json, "file", scan->channels.files[i + 1].file);
        migp_json_close(json, '}');
        free(uuid);
    }
    migp_json_close(json, ']');
}

int migp_view_print_json(const struct migp_view *view)
{
    const struct migp_report_summary *summary = &view->scan->summary;
    struct migp_report_finding found;
    struct migp_json json = {false};
    size_t i;

    migp_json_open(&json, NULL, '{');
    migp_json_text(&json, "format", migp_format_id((int)summary->format));
    migp_json_bool(&json, "complete", summary->complete != 0);
    migp_json_peer_text(&json, "machine", summary->machine);
    migp_json_open(&json, "devices", '[');
    for (i = 0; i < summary->n_devices; i++) {
        if (print_device(&json, view, i) != 0) {
            return -1;
        }
    }
    migp_json_close(&json, ']');
    migp_json_open(&json, "findings", '[');
    for (i = 0; i < summary->n_findings; i++) {
        if (migp_report_finding(view->scan->report, i, &found) == MIGP_OK) {
            print_finding(&json, view->scan, &found);
        }
    }
    migp_json_close(&json, ']');
    print_container(&json, summary);
    print_channels(&json, view->scan);
    migp_json_close(&json, '}');
    putchar('\n');
    return 0;
}
