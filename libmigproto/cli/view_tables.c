/* SPDX-License-Identifier: MIT */
#include "view.h"

#include "printable.h"
#include "table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char *footers_text(const struct migp_report_summary *summary)
{
    return summary->footers == MIGP_QEMU_FOOTERS_ON    ? "yes"
           : summary->footers == MIGP_QEMU_FOOTERS_OFF ? "no"
                                                       : "not known";
}

static const char *wrapper_text(const struct migp_report_summary *summary)
{
    return summary->is_libvirt && summary->is_mapped_ram
               ? ", mapped-ram, in a libvirt save file"
           : summary->is_libvirt    ? ", in a libvirt save file"
           : summary->is_mapped_ram ? ", mapped-ram"
                                    : "";
}

static void add_qemu_container(struct migp_table *table,
                               const struct migp_report_summary *summary)
{
    char size[MIGP_PRINTABLE_SIZE_MAX];
    char *machine = migp_printable_make(summary->machine);

    migp_table_add_pair(table, "machine", "%s",
                        machine[0] != '\0' ? machine : "not said");
    free(machine);
    migp_table_add_pair(table, "page size", "%" PRIu32, summary->page_size);
    migp_table_add_pair(table, "section footers", "%s", footers_text(summary));
    migp_table_add_pair(table, "sections", "%" PRIu64, summary->n_sections);
    migp_table_add_pair(
        table, "commands", "%" PRIu64 "%s", summary->n_commands,
        summary->has_switchover_start ? ", SWITCHOVER_START among them" : "");
    migp_table_add_pair(table, "RAM bytes", "%s",
                        migp_printable_size(summary->ram_bytes, size));
    migp_table_add_pair(table, "other devices' bytes", "%s",
                        migp_printable_size(summary->other_bytes, size));
    migp_table_add_pair(table, "VM description", "%s",
                        summary->has_vmdesc ? "yes" : "no");
}

void migp_view_print_container(const struct migp_view *view)
{
    static const struct migp_column columns[] = {
        {"NAME", 0, 24}, {"VALUE", 0, 1}, {NULL, 0, 0}};
    const struct migp_report_summary *summary = &view->scan->summary;
    bool is_qemu = summary->format == MIGP_FORMAT_QEMU;
    char size[MIGP_PRINTABLE_SIZE_MAX];
    struct migp_table table;

    migp_table_title("Container", view->colour);
    migp_table_open(&table, columns, false, view->colour);
    migp_table_add_pair(&table, "format", "%s%s",
                        is_qemu ? "QEMU migration stream"
                                : "bare device-state stream",
                        wrapper_text(summary));
    migp_table_add_line(&table);
    migp_table_add(&table, NULL, "  complete");
    migp_table_add(&table,
                   summary->complete ? MIGP_COLOUR_GOOD : MIGP_COLOUR_ERROR,
                   "%s", summary->complete ? "yes" : "no");
    migp_table_add_pair(&table, "bytes read", "%s",
                        migp_printable_size(summary->bytes, size));
    if (is_qemu) {
        add_qemu_container(&table, summary);
    }
    migp_table_print(&table);
}

void migp_view_add_channel(struct migp_table *table, uint32_t channel)
{
    if (channel > 0) {
        migp_table_add(table, NULL, "%" PRIu32, channel);
    } else {
        migp_table_add(table, NULL, "main");
    }
}

/* The channels of multifd, one line each. */
static void print_channels(const struct migp_view *view)
{
    static const struct migp_column columns[] = {
        {"  CHANNEL", SCOLS_FL_RIGHT, 1},
        {"BYTES", SCOLS_FL_RIGHT, 1},
        {"RAM PACKETS", SCOLS_FL_RIGHT, 1},
        {"PACKETS", SCOLS_FL_RIGHT, 1},
        {"STATE BYTES", SCOLS_FL_RIGHT, 1},
        {"WHOLE", 0, 1},
        {"FILE", 0, 0.3},
        {NULL, 0, 0}};
    struct migp_report_channel channel = {.struct_size = sizeof(channel)};
    struct migp_table table;
    size_t i;

    if (view->scan->summary.n_channels == 0) {
        return;
    }
    migp_table_title("Channels of multifd", view->colour);
    migp_table_open(&table, columns, true, view->colour);
    for (i = 0; migp_report_channel(view->scan->report, i, &channel) == MIGP_OK;
         i++) {
        char *file =
            migp_printable_make(view->scan->channels.files[i + 1].file);

        migp_table_add_line(&table);
        migp_table_add(&table, NULL, "%" PRIu32, channel.channel_id + 1);
        migp_table_add(&table, NULL, "%" PRIu64, channel.bytes);
        migp_table_add(&table, NULL, "%" PRIu64, channel.n_ram);
        migp_table_add(&table, NULL, "%" PRIu64, channel.n_packets);
        migp_table_add(&table, NULL, "%" PRIu64, channel.data_bytes);
        migp_table_add(&table,
                       channel.complete ? MIGP_COLOUR_GOOD : MIGP_COLOUR_ERROR,
                       "%s", channel.complete ? "yes" : "no");
        migp_table_add(&table, NULL, "%s", file);
        free(file);
    }
    migp_table_print(&table);
}

static const char *severity_colour(uint32_t severity)
{
    return severity == MIGP_SEVERITY_ERROR     ? MIGP_COLOUR_ERROR
           : severity == MIGP_SEVERITY_WARNING ? MIGP_COLOUR_WARNING
                                               : MIGP_COLOUR_NOTE;
}

void migp_view_print_findings(const struct migp_view *view, int lowest_severity)
{
    static const struct migp_column plain[] = {{"  OFFSET", SCOLS_FL_RIGHT, 1},
                                               {"HEX", SCOLS_FL_RIGHT, 1},
                                               {"SEVERITY", 0, 1},
                                               {"CODE", 0, 1},
                                               {"WHAT", SCOLS_FL_WRAP, 0.5},
                                               {NULL, 0, 0}};
    static const struct migp_column several[] = {
        {"  OFFSET", SCOLS_FL_RIGHT, 1},
        {"HEX", SCOLS_FL_RIGHT, 1},
        {"CHANNEL", 0, 1},
        {"SEVERITY", 0, 1},
        {"CODE", 0, 1},
        {"WHAT", SCOLS_FL_WRAP, 0.5},
        {NULL, 0, 0}};
    bool channels = view->scan->summary.n_channels > 0;
    struct migp_report_finding found;
    struct migp_table table;
    char *text;
    size_t i;

    migp_table_open(&table, channels ? several : plain, true, view->colour);
    for (i = 0; i < view->scan->summary.n_findings; i++) {
        if (migp_report_finding(view->scan->report, i, &found) != MIGP_OK ||
            (int)found.finding.severity < lowest_severity) {
            continue;
        }
        text = migp_scan_finding_text(view->scan, &found);
        migp_table_add_line(&table);
        migp_table_add(&table, NULL, "%" PRIu64, found.finding.offset);
        migp_table_add(&table, NULL, "0x%" PRIx64, found.finding.offset);
        if (channels) {
            migp_view_add_channel(
                &table, migp_scan_channel_of(view->scan, found.input));
        }
        migp_table_add(&table, severity_colour(found.finding.severity), "%s",
                       migp_severity_id((int)found.finding.severity));
        migp_table_add(&table, NULL, "%s", migp_finding_id(found.finding.code));
        migp_table_add(&table, NULL, "%s", text);
        free(text);
    }
    migp_table_print(&table);
}

int migp_view_print_tables(const struct migp_view *view)
{
    migp_view_print_container(view);
    print_channels(view);
    if (migp_view_print_devices(view) != 0) {
        return -1;
    }
    migp_table_title("Findings", view->colour);
    if (view->scan->summary.n_findings == 0) {
        puts("  none");
    }
    migp_view_print_findings(view, MIGP_SEVERITY_NOTE);
    return 0;
}
