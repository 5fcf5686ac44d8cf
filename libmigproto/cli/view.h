/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_VIEW_H
#define MIGP_CLI_VIEW_H

#include "digest.h"
#include "scan.h"
#include "table.h"

#include <stdbool.h>

/* A report as it is shown, whatever shows it. */
struct migp_view {
    const struct migp_scan *scan;
    struct migp_digests *digests; /* NULL: not wanted */
    bool all_records;             /* the tables show each record */
    bool colour;                  /* the tables are coloured */
};

/* Print one JSON object and a newline. Fails, with a message, only if the
 * digests do. */
int migp_view_print_json(const struct migp_view *view);

/* Print tables for people. Fails as above. */
int migp_view_print_tables(const struct migp_view *view);

/* The parts of the tables. */
void migp_view_print_container(const struct migp_view *view);
int migp_view_print_devices(const struct migp_view *view);
void migp_view_add_fields(struct migp_table *table,
                          const struct migp_report *report, size_t device,
                          size_t n_fields);
void migp_view_add_channel(struct migp_table *table, uint32_t channel);
void migp_view_print_records(const struct migp_view *view, size_t device,
                             uint64_t n_records);
void migp_view_print_findings(const struct migp_view *view,
                              int lowest_severity);

#endif
