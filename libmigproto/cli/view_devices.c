/* SPDX-License-Identifier: MIT */
#include "view.h"

#include "printable.h"
#include "table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More records than this are counted, unless all are asked for. */
#define FEW_RECORDS 20

static void add_sections(struct migp_table *table,
                         const struct migp_report_device *device)
{
    char size[MIGP_PRINTABLE_SIZE_MAX];

    if (device->section_id != 0) {
        migp_table_add_pair(table, "section id",
                            "%" PRIu32 " (from offset %" PRIu64 ")",
                            device->section_id, device->start_offset);
    }
    if (device->n_parts > 0) {
        migp_table_add_pair(table, "pre-copy sections",
                            "%" PRIu64 ", %" PRIu64 " of them without data",
                            device->n_parts, device->n_empty_parts);
    }
    migp_table_add_pair(table, "bytes in PRE_COPY", "%s",
                        migp_printable_size(device->precopy_bytes, size));
    migp_table_add_pair(table, "bytes in STOP_COPY", "%s",
                        migp_printable_size(device->stopcopy_bytes, size));
}

static void add_driver(struct migp_table *table,
                       const struct migp_report *report, size_t index,
                       const struct migp_report_device *device)
{
    migp_table_add_pair(table, "driver", "%s",
                        device->driver == MIGP_DRIVER_OPAQUE
                            ? "not recognised (its bytes are opaque)"
                            : migp_driver_id((int)device->driver));
    migp_view_add_fields(table, report, index, device->n_fields);
}

static void add_bars(struct migp_table *table,
                     const struct migp_pci_config *pci)
{
    size_t i;

    for (i = 0; i < 6; i++) {
        uint32_t bar = pci->bars[i];
        bool is_wide;

        if (bar == 0) {
            continue;
        }
        /* Bit 0 tells I/O from memory, bits 1 and 2 the width, bit 3
         * prefetchable (PCI Local Bus 3.0, 6.2.5.1). */
        if ((bar & 1) != 0) {
            migp_table_add_pair(table, "  BAR", "%zu: I/O at 0x%" PRIx32, i,
                                bar & ~UINT32_C(3));
            continue;
        }
        is_wide = (bar & 6) == 4 && i < 5;
        migp_table_add_pair(
            table, "  BAR", "%zu: %s-bit memory at 0x%" PRIx64 "%s", i,
            is_wide ? "64" : "32",
            (bar & ~UINT64_C(15)) |
                (is_wide ? (uint64_t)pci->bars[i + 1] << 32 : 0),
            (bar & 8) != 0 ? ", prefetchable" : "");
        if (is_wide) {
            i++;
        }
    }
}

static void add_caps(struct migp_table *table,
                     const struct migp_pci_config *pci)
{
    char text[MIGP_PCI_MAX_CAPS * 32];
    size_t length = 0;
    size_t i;

    for (i = 0; i < pci->n_caps && length < sizeof(text); i++) {
        length += (size_t)snprintf(text + length, sizeof(text) - length,
                                   "%s%s at 0x%02x", i > 0 ? ", " : "",
                                   migp_pci_cap_id(pci->caps[i].id),
                                   pci->caps[i].offset);
    }
    if (pci->n_caps > 0) {
        migp_table_add_pair(table, "  capabilities", "%s", text);
    }
}

static void add_pci(struct migp_table *table, const struct migp_pci_config *pci)
{
    migp_table_add_pair(table, "  PCI id",
                        "%04x:%04x, class %06" PRIx32 ", revision %02x, "
                        "subsystem %04x:%04x",
                        pci->vendor_id, pci->device_id, pci->class_code,
                        pci->revision, pci->subsystem_vendor_id,
                        pci->subsystem_id);
    migp_table_add_pair(table, "  command",
                        "0x%04x (I/O %s, memory %s, bus "
                        "master %s)",
                        pci->command, (pci->command & 1) != 0 ? "on" : "off",
                        (pci->command & 2) != 0 ? "on" : "off",
                        (pci->command & 4) != 0 ? "on" : "off");
    add_bars(table, pci);
    add_caps(table, pci);
    if (pci->has_msix) {
        migp_table_add_pair(
            table, "  MSI-X",
            "%" PRIu32 " vectors, %" PRIu32 " masked, %" PRIu32 " pending",
            pci->msix_vectors, pci->msix_masked, pci->msix_pending);
    }
    if (pci->has_ramfb) {
        migp_table_add_pair(
            table, "  ramfb", "%" PRIu32 " x %" PRIu32 " at 0x%" PRIx64,
            pci->ramfb_width, pci->ramfb_height, pci->ramfb_address);
    }
}

static void add_config(struct migp_table *table, const struct migp_scan *scan,
                       const struct migp_report_device *device)
{
    uint32_t channel = migp_scan_channel_of(scan, device->config_input);
    char where[32] = "";

    if (!device->has_config) {
        migp_table_add_pair(table, "config", "none");
        return;
    }
    if (channel > 0) {
        snprintf(where, sizeof(where), " of channel %" PRIu32, channel);
    }
    migp_table_add_pair(table, "config",
                        "%" PRIu64 " bytes (from offset %" PRIu64 "%s)",
                        device->config_size, device->config_offset, where);
    if (device->has_pci) {
        add_pci(table, &device->pci);
    }
}

/* "9 (SETUP 1, DATA 2, ...)"; what was not kept has no kind. */
static void add_record_counts(struct migp_table *table,
                              const struct migp_report *report, size_t index,
                              const struct migp_report_device *device)
{
    static const int kinds[] = {
        MIGP_EVENT_SETUP, MIGP_EVENT_DATA_BEGIN, MIGP_EVENT_INIT_DATA_SENT,
        MIGP_EVENT_END,   MIGP_EVENT_CONFIG,     MIGP_EVENT_CONFIG_LOAD_READY};
    uint64_t counts[MIGP_EVENT_FINDING + 1] = {0};
    struct migp_report_record record;
    char text[256] = "";
    size_t length = 0;
    uint64_t i;

    for (i = 0; i < device->n_records; i++) {
        if (migp_report_record(report, index, i, &record) == MIGP_OK &&
            record.kind <= MIGP_EVENT_FINDING) {
            counts[record.kind]++;
        }
    }
    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (counts[kinds[i]] > 0) {
            length +=
                (size_t)snprintf(text + length, sizeof(text) - length,
                                 "%s%s %" PRIu64, length > 0 ? ", " : "",
                                 migp_record_id(kinds[i]), counts[kinds[i]]);
        }
    }
    if (device->n_records_omitted > 0) {
        snprintf(text + length, sizeof(text) - length, "%snot kept %" PRIu64,
                 length > 0 ? ", " : "", device->n_records_omitted);
    }
    migp_table_add_pair(table, "records", "%" PRIu64 " (%s)",
                        device->n_records + device->n_records_omitted, text);
}

static void print_title(const struct migp_view *view,
                        const struct migp_report_device *device)
{
    char *id = migp_printable_make(device->id);
    size_t size = strlen(id) + 64;
    char *title = malloc(size);

    if (title != NULL) {
        snprintf(title, size, "Device %s%sinstance %" PRIu32, id,
                 id[0] != '\0' ? ", " : "", device->instance_id);
        migp_table_title(title, view->colour);
    }
    free(title);
    free(id);
}

static int print_device(const struct migp_view *view, size_t index)
{
    static const struct migp_column columns[] = {
        {"NAME", 0, 24}, {"VALUE", SCOLS_FL_WRAP, 0.7}, {NULL, 0, 0}};
    const struct migp_report *report = view->scan->report;
    struct migp_report_device device;
    char digest[MIGP_DIGEST_TEXT];
    struct migp_table table;

    device.struct_size = sizeof(device);
    if (migp_report_device(report, index, &device) != MIGP_OK) {
        return 0;
    }
    if (view->digests != NULL &&
        migp_digests_finish(view->digests, index, digest) != 0) {
        return -1;
    }
    print_title(view, &device);
    migp_table_open(&table, columns, false, view->colour);
    migp_table_add_line(&table);
    migp_table_add(&table, NULL, "  complete");
    migp_table_add(&table,
                   device.complete ? MIGP_COLOUR_GOOD : MIGP_COLOUR_ERROR, "%s",
                   device.complete ? "yes" : "no");
    add_sections(&table, &device);
    migp_table_add_pair(&table, "dialect", "%s",
                        migp_dialect_id(device.dialects));
    if (view->digests != NULL) {
        migp_table_add_pair(&table, "SHA-256 of the state", "%s", digest);
    }
    add_driver(&table, report, index, &device);
    add_config(&table, view->scan, &device);
    add_record_counts(&table, report, index, &device);
    migp_table_print(&table);
    if (view->all_records || device.n_records <= FEW_RECORDS) {
        migp_view_print_records(view, index, device.n_records);
    }
    return 0;
}

/* One line each, for a stream with several. */
static void print_overview(const struct migp_view *view, size_t n_devices)
{
    static const struct migp_column columns[] = {
        {"  DEVICE", 0, 1},
        {"DIALECT", 0, 1},
        {"DRIVER", 0, 1},
        {"PRE_COPY", SCOLS_FL_RIGHT, 1},
        {"STOP_COPY", SCOLS_FL_RIGHT, 1},
        {"CONFIG", SCOLS_FL_RIGHT, 1},
        {"COMPLETE", 0, 1},
        {NULL, 0, 0}};
    struct migp_report_device device;
    struct migp_table table;
    size_t i;

    migp_table_title("Devices", view->colour);
    migp_table_open(&table, columns, true, view->colour);
    device.struct_size = sizeof(device);
    for (i = 0; i < n_devices; i++) {
        char *id;

        if (migp_report_device(view->scan->report, i, &device) != MIGP_OK) {
            continue;
        }
        id = migp_printable_make(device.id);
        migp_table_add_line(&table);
        migp_table_add(&table, NULL, "  %s", id);
        free(id);
        migp_table_add(&table, NULL, "%s", migp_dialect_id(device.dialects));
        migp_table_add(&table, NULL, "%s", migp_driver_id((int)device.driver));
        migp_table_add(&table, NULL, "%" PRIu64, device.precopy_bytes);
        migp_table_add(&table, NULL, "%" PRIu64, device.stopcopy_bytes);
        migp_table_add(&table, NULL, "%" PRIu64, device.config_size);
        migp_table_add(&table,
                       device.complete ? MIGP_COLOUR_GOOD : MIGP_COLOUR_ERROR,
                       "%s", device.complete ? "yes" : "no");
    }
    migp_table_print(&table);
}

int migp_view_print_devices(const struct migp_view *view)
{
    size_t n_devices = view->scan->summary.n_devices;
    size_t i;

    if (n_devices > 1) {
        print_overview(view, n_devices);
    }
    for (i = 0; i < n_devices; i++) {
        if (print_device(view, i) != 0) {
            return -1;
        }
    }
    return 0;
}
