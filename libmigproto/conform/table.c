/* SPDX-License-Identifier: MIT */
#include "conform/table.h"

#include "core/options.h"

#define N MIGP_CONFORM_NORMATIVE
#define D MIGP_CONFORM_DANGEROUS
#define R MIGP_CONFORM_REOPENS

/*
 * docs/conformance.md has the same table. Lines are those of Linux 6.12:
 * include/uapi/linux/vfio.h, drivers/vfio/vfio_main.c. What has no line is
 * practice of all drivers.
 */
static const struct migp_conform_entry entries[] = {
    {1, N, "probe-agrees",
     "PROBE of MIGRATION and MIG_DEVICE_STATE agrees with GET, without payload",
     "vfio.h:879-887", migp_check_probe},
    {2, N, "migration-flags",
     "MIGRATION has flags 1, 3, 5 or 7, and cannot be SET",
     "vfio.h:990-1009, vfio_main.c:983", migp_check_flags},
    {3, N, "feature-envelope",
     "DEVICE_FEATURE refuses a short argsz, unknown flags, GET with SET, none",
     "vfio_main.c:1219-1232", migp_check_envelope},
    {4, N, "get-state",
     "GET of the state has no data_fd and a state that the "
     "flags allow",
     "vfio.h:1044-1045,1205-1207", migp_check_get_state},
    {5, N, "data-size", "MIG_DATA_SIZE can be asked in every state",
     "vfio.h:1427-1431", migp_check_data_size},
    {6, N | R, "reset-is-running", "the state is RUNNING after RESET and open",
     "vfio.h:1175; open: practice", migp_check_reset_running},
    {7, N, "arcs", "every change of state of the table succeeds and arrives",
     "vfio.h:1024,1190-1208", migp_check_pairs},
    {8, N, "bad-states",
     "SET of ERROR and of states that are none fails, nothing changes",
     "vfio.h:1171,1205", migp_check_bad_states},
    {9, N | D, "blocked-arc", "STOP_COPY to PRE_COPY fails, nothing changes",
     "vfio.h:1163-1168", migp_check_blocked},
    {10, 0, "same-state", "SET to the present state succeeds without a data_fd",
     "practice", migp_check_same_state},
    {11, N, "data-fds",
     "four arcs return a data_fd, close-on-exec; no other SET does",
     "vfio.h:1037, vfio_main.c:872,935", migp_check_data_fds},
    {12, N, "session-kept",
     "the session of PRE_COPY lives through PRE_COPY_P2P and STOP_COPY",
     "vfio.h:1123-1126", migp_check_session_kept},
    {13, N, "session-ends", "the data_fd of a session that ended has no data",
     "vfio.h:1087-1118, linux/vfio.h vfio_migration_ops",
     migp_check_session_ends},
    {14, N, "failed-set",
     "a SET that fails leaves a state on the way, or ERROR",
     "vfio.h:1031-1035,1198-1201", migp_check_failed_set},
    {15, N, "error-state", "nothing but RESET leads out of ERROR",
     "vfio.h:1170-1176", migp_check_error_state},
    {16, N, "no-drift", "the device does not change its state by itself",
     "vfio.h:1027-1029", migp_check_no_drift},
    {17, 0, "one-way",
     "a data_fd is for reading or for writing, not for seeking", "practice",
     migp_check_one_way},
    {18, N, "stop-copy-end",
     "STOP_COPY ends with 0 for ever, never ENOMSG, and is readable",
     "vfio.h:1268-1270", migp_check_stop_copy_end},
    {19, N, "precopy-end", "a read without pre-copy data fails with ENOMSG",
     "vfio.h:1264-1266", migp_check_precopy_end},
    {20, N, "size-ratio", "MIG_DATA_SIZE against what STOP_COPY gives",
     "vfio.h:1427", migp_check_size_ratio},
    {21, N, "read-cuts", "the size of reads does not change the stream",
     "vfio.h:1041", migp_check_read_cuts},
    {22, N, "precopy-stream",
     "pre-copy data and stop-copy data together are a stream that loads",
     "vfio.h:1157-1159", migp_check_precopy_stream},
    {23, N, "precopy-info",
     "PRECOPY_INFO answers in PRE_COPY and only there, argsz is checked",
     "vfio.h:1233,1271", migp_check_info},
    {24, N, "initial-bytes",
     "initial_bytes starts above 0 and falls to 0 as it is read",
     "vfio.h:1243,1247", migp_check_initial_bytes},
    {25, N, "info-flags",
     "after MIG_PRECOPY_INFOv2 the flags of PRECOPY_INFO are defined ones",
     "vfio.h of 7.1", migp_check_info_flags},
    {26, 0, "round-trip", "a device loads what it saved, and saves it again",
     "practice", migp_check_round_trip},
    {27, N, "write-cuts", "the size of writes does not change the load",
     "vfio.h:1041", migp_check_write_cuts},
    {28, N, "bad-loads",
     "empty, truncated, damaged and overlong streams are refused",
     "vfio.h:1089-1097", migp_check_bad_loads},
    {29, N, "failed-load",
     "a failed load leaves a state that RESET leads out of", "vfio.h:1095-1102",
     migp_check_failed_load},
    {30, 0, "refused-write", "data that a write refused is not loaded",
     "practice (security)", migp_check_refused_write},
    {31, N, "load-abort", "RESET ends RESUMING", "vfio.h:1102",
     migp_check_load_abort},
    {32, N, "logging-ranges", "DMA_LOGGING_START refuses bad ranges",
     "vfio_main.c:1082-1118", migp_check_logging_ranges},
    {33, N, "logging-order",
     "no second START, STOP always, REPORT only in between",
     "vfio.h:1369-1370,1415", migp_check_logging_order},
    {34, N, "report",
     "REPORT refuses bad page sizes and keeps the bits of the bitmap",
     "vfio.h:1408-1409, vfio_main.c:1165-1208", migp_check_report},
    {35, N, "report-pages", "REPORT answers in coarser and finer pages",
     "vfio.h:1403-1406", migp_check_report_pages},
    {36, N, "report-stopped",
     "a report clears the log, and that of a stopped device stays empty",
     "vfio.h:1079-1080,1396-1397", migp_check_report_stopped},
    {37, N, "logging-states", "DMA logging works in every state", "vfio.h:1350",
     migp_check_logging_states},
    {38, N, "reset-session", "RESET ends a session to read from", "vfio.h:1175",
     migp_check_reset_session},
    {39, R, "close",
     "closing the data_fd changes nothing, closing the device "
     "ends the session",
     "practice", migp_check_close},
    {40, N, "stopped-config",
     "config space answers while the device is stopped", "vfio.h:1079-1083",
     migp_check_stopped_config},
    {41, N, "p2p", "the P2P states start no peer-to-peer DMA",
     "vfio.h:1178-1188", migp_check_p2p},
};

const struct migp_conform_entry *migp_conform_entry(size_t index)
{
    return index < sizeof(entries) / sizeof(entries[0]) ? &entries[index]
                                                        : NULL;
}

size_t migp_conform_count(void)
{
    return sizeof(entries) / sizeof(entries[0]);
}

int migp_conform_check_at(size_t index, struct migp_conform_check *check)
{
    const struct migp_conform_entry *entry = migp_conform_entry(index);
    struct migp_conform_check own;

    if (entry == NULL || check == NULL) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    own.struct_size = sizeof(own);
    own.number = entry->number;
    own.flags = entry->flags;
    own.id = entry->id;
    own.title = entry->title;
    own.source = entry->source;
    return migp_struct_write(check, &own, sizeof(own));
}
