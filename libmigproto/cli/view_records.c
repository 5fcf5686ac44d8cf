/* SPDX-License-Identifier: MIT */
#include "view.h"

#include "table.h"

#include <inttypes.h>
#include <stdio.h>

/* libsmartcols keeps a table whole to find its widths: many records are many
 * tables, and cells padded to one width keep their columns in line. */
#define LINES_PER_TABLE 4096

static void add_record(struct migp_table *table, const struct migp_scan *scan,
                       const struct migp_report_record *record, int digits)
{
    char hex[24];

    snprintf(hex, sizeof(hex), "0x%" PRIx64, record->offset);
    migp_table_add_line(table);
    migp_table_add(table, NULL, "    %*" PRIu64, digits, record->offset);
    migp_table_add(table, NULL, "%*s", digits + 2, hex);
    migp_table_add(table, NULL, "%s", migp_section_id(record->section));
    if (scan->summary.n_channels > 0) {
        migp_view_add_channel(table, migp_scan_channel_of(scan, record->input));
    }
    migp_table_add(table, NULL, "%-17s", migp_record_id(record->kind));
    migp_table_add(table, NULL, "%*" PRIu64, digits, record->size);
}

void migp_view_print_records(const struct migp_view *view, size_t device,
                             uint64_t n_records)
{
    static const struct migp_column plain[] = {{"OFFSET", SCOLS_FL_RIGHT, 1},
                                               {"HEX", SCOLS_FL_RIGHT, 1},
                                               {"SECTION", 0, 1},
                                               {"TAG", 0, 1},
                                               {"SIZE", SCOLS_FL_RIGHT, 1},
                                               {NULL, 0, 0}};
    static const struct migp_column several[] = {{"OFFSET", SCOLS_FL_RIGHT, 1},
                                                 {"HEX", SCOLS_FL_RIGHT, 1},
                                                 {"SECTION", 0, 1},
                                                 {"CHANNEL", 0, 1},
                                                 {"TAG", 0, 1},
                                                 {"SIZE", SCOLS_FL_RIGHT, 1},
                                                 {NULL, 0, 0}};
    bool channels = view->scan->summary.n_channels > 0;
    const struct migp_report *report = view->scan->report;
    struct migp_report_record record;
    struct migp_table table;
    uint64_t i, most = 0;
    int digits;

    for (i = 0; i < n_records; i++) {
        if (migp_report_record(report, device, i, &record) == MIGP_OK) {
            most = record.offset > most ? record.offset : most;
        }
    }
    if (n_records == 0) {
        return;
    }
    digits = snprintf(NULL, 0, "%" PRIu64, most);
    for (i = 0; i < n_records; i++) {
        if (i % LINES_PER_TABLE == 0) {
            if (i > 0) {
                migp_table_print(&table);
            }
            migp_table_open(&table, channels ? several : plain, i == 0,
                            view->colour);
        }
        if (migp_report_record(report, device, i, &record) == MIGP_OK) {
            add_record(&table, view->scan, &record, digits);
        }
    }
    migp_table_print(&table);
}
