/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_GRAFT_CHECK_H
#define MIGP_CLI_GRAFT_CHECK_H

#include "graft_donor.h"
#include "graft_site.h"
#include "output.h"
#include "scan.h"

/* Print the errors that a scan found; 1 if there are any, else 0. outputs: the
 * files that were scanned, under the names that they are to get, in the order
 * of the operands; NULL if they were inputs. */
int migp_graft_print_errors(const struct migp_scan *scan,
                            const struct migp_output *outputs);

/* Read what was written, as any command would, before it gets its names: is
 * the device whole, and are state and config bytes of the right sizes? Says
 * what is wrong. Returns 0, 1 if there are findings of severity error, or
 * -1. */
int migp_graft_check_result(const struct migp_output *outputs, size_t n_files,
                            const struct migp_reading *reading,
                            const char *wanted,
                            const struct migp_graft_site *before,
                            const struct migp_graft_donor *donor,
                            const struct migp_report_summary *was);

#endif
