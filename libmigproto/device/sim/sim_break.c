/* SPDX-License-Identifier: MIT */
#include "device/sim/settings.h"

#include <migproto/sim.h>

struct broken_rule {
    const char *id;
    uint32_t check; /* the invariant's number */
};

static const struct broken_rule rules[SIM_BREAK_COUNT] = {
    [SIM_BREAK_PROBE] = {"probe-disagrees", 1},
    [SIM_BREAK_FLAGS] = {"bad-flags", 2},
    [SIM_BREAK_ARGSZ] = {"bad-argsz-accepted", 3},
    [SIM_BREAK_GET_FD] = {"get-returns-fd", 4},
    [SIM_BREAK_SIZE] = {"no-size-while-resuming", 5},
    [SIM_BREAK_REOPEN] = {"state-survives-reopen", 6},
    [SIM_BREAK_ARC_REFUSED] = {"combined-arc-refused", 7},
    [SIM_BREAK_SET_ERROR] = {"error-can-be-set", 8},
    [SIM_BREAK_FORBIDDEN_ARC] = {"forbidden-arc-allowed", 9},
    [SIM_BREAK_SAME_STATE] = {"set-same-state-fails", 10},
    [SIM_BREAK_CLOEXEC] = {"fd-not-cloexec", 11},
    [SIM_BREAK_NEW_FD] = {"new-fd-at-stop-copy", 12},
    [SIM_BREAK_READ_AFTER_END] = {"read-after-session-end", 13},
    [SIM_BREAK_FAILED_SET] = {"failed-set-moves-elsewhere", 14},
    [SIM_BREAK_SPONTANEOUS] = {"spontaneous-state", 16},
    [SIM_BREAK_DIRECTION] = {"resume-fd-readable", 17},
    [SIM_BREAK_EOF] = {"eof-then-data", 18},
    [SIM_BREAK_ENOMSG] = {"enomsg-in-stop-copy", 18},
    [SIM_BREAK_PRECOPY_END] = {"precopy-end-is-zero", 19},
    [SIM_BREAK_READ_SIZES] = {"segmentation-matters", 21},
    [SIM_BREAK_PRECOPY_LOAD] = {"precopy-not-loadable", 22},
    [SIM_BREAK_INFO_IN_STOP] = {"precopy-info-in-stop", 23},
    [SIM_BREAK_INITIAL_GROWS] = {"initial-bytes-grow", 24},
    [SIM_BREAK_INFO_FLAGS] = {"precopy-flags-undefined", 25},
    [SIM_BREAK_ALTERS] = {"load-alters-state", 26},
    [SIM_BREAK_WRITE_SIZES] = {"small-write-refused", 27},
    [SIM_BREAK_TRUNCATED] = {"truncated-load-accepted", 28},
    [SIM_BREAK_AFTER_REFUSAL] = {"accepts-after-refusal", 30},
    [SIM_BREAK_RESET_RESUMING] = {"reset-keeps-resuming", 31},
    [SIM_BREAK_OVERLAP] = {"overlapping-ranges-accepted", 32},
    [SIM_BREAK_UNSTARTED] = {"report-without-start", 33},
    [SIM_BREAK_SECOND_START] = {"second-start", 33},
    [SIM_BREAK_BITMAP] = {"report-overwrites-bitmap", 34},
    [SIM_BREAK_PHANTOM] = {"report-never-clean", 36},
    [SIM_BREAK_LOGGING_STATE] = {"logging-needs-running", 37},
    [SIM_BREAK_RESET_STATE] = {"reset-keeps-state", 38},
    [SIM_BREAK_CLOSE_DEVICE] = {"close-keeps-session", 39},
    [SIM_BREAK_CLOSE_DATA] = {"data-close-changes-state", 39},
    [SIM_BREAK_REGION] = {"config-silent-in-stop", 40},
};

const char *migp_sim_break_id(size_t index)
{
    return index < SIM_BREAK_COUNT ? rules[index].id : NULL;
}

uint32_t migp_sim_break_check(size_t index)
{
    return index < SIM_BREAK_COUNT ? rules[index].check : 0;
}
