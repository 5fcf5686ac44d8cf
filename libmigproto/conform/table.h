/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CONFORM_TABLE_H
#define MIGP_CONFORM_TABLE_H

#include "conform/kit.h"

struct migp_conform_entry {
    uint32_t number;
    uint32_t flags; /* set of enum migp_conform_check_flag */
    const char *id;
    const char *title;
    const char *source;
    void (*run)(struct migp_kit *kit);
};

/* NULL behind the last. */
const struct migp_conform_entry *migp_conform_entry(size_t index);

/* The checks, by the number of their invariant. check_envelope.c */
void migp_check_probe(struct migp_kit *kit);
void migp_check_flags(struct migp_kit *kit);
void migp_check_envelope(struct migp_kit *kit);
void migp_check_get_state(struct migp_kit *kit);
void migp_check_data_size(struct migp_kit *kit);
/* check_fsm.c */
void migp_check_pairs(struct migp_kit *kit);
void migp_check_bad_states(struct migp_kit *kit);
void migp_check_blocked(struct migp_kit *kit);
void migp_check_same_state(struct migp_kit *kit);
void migp_check_data_fds(struct migp_kit *kit);
void migp_check_failed_set(struct migp_kit *kit);
void migp_check_error_state(struct migp_kit *kit);
void migp_check_no_drift(struct migp_kit *kit);
/* check_session.c */
void migp_check_session_kept(struct migp_kit *kit);
void migp_check_session_ends(struct migp_kit *kit);
void migp_check_one_way(struct migp_kit *kit);
/* check_save.c */
void migp_check_stop_copy_end(struct migp_kit *kit);
void migp_check_size_ratio(struct migp_kit *kit);
void migp_check_read_cuts(struct migp_kit *kit);
/* check_precopy.c */
void migp_check_precopy_end(struct migp_kit *kit);
void migp_check_precopy_stream(struct migp_kit *kit);
void migp_check_info(struct migp_kit *kit);
void migp_check_initial_bytes(struct migp_kit *kit);
void migp_check_info_flags(struct migp_kit *kit);
/* check_load.c */
void migp_check_round_trip(struct migp_kit *kit);
void migp_check_write_cuts(struct migp_kit *kit);
void migp_check_bad_loads(struct migp_kit *kit);
void migp_check_failed_load(struct migp_kit *kit);
void migp_check_refused_write(struct migp_kit *kit);
void migp_check_load_abort(struct migp_kit *kit);
/* check_logging.c */
void migp_check_logging_ranges(struct migp_kit *kit);
void migp_check_logging_order(struct migp_kit *kit);
void migp_check_report(struct migp_kit *kit);
void migp_check_report_pages(struct migp_kit *kit);
void migp_check_report_stopped(struct migp_kit *kit);
void migp_check_logging_states(struct migp_kit *kit);
/* check_reset.c */
void migp_check_reset_running(struct migp_kit *kit);
void migp_check_reset_session(struct migp_kit *kit);
void migp_check_close(struct migp_kit *kit);
void migp_check_stopped_config(struct migp_kit *kit);
void migp_check_p2p(struct migp_kit *kit);

#endif
