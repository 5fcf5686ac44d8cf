/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_GRAFT_SITE_H
#define MIGP_CLI_GRAFT_SITE_H

#include "input.h"
#include "scan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes before a DATA record's payload on the main channel: tag and size. */
#define MIGP_GRAFT_RECORD_HEAD 16

/* One DATA record, or one packet of a multifd channel with state in it. */
struct migp_graft_slot {
    size_t input;    /* which operand */
    uint64_t offset; /* of its head */
    uint64_t size;   /* payload bytes */
    bool is_packet;
    bool is_stop_copy; /* sent while the device stood still */
};

/* Where in the streams a device's state and config bytes lie. */
struct migp_graft_site {
    size_t device; /* index in the report */
    struct migp_report_device shown;
    struct migp_graft_slot *slots; /* in the order of the state */
    size_t n_slots;
    uint64_t state_size;
    /* The record sizes reach the driver: they may not change. */
    bool is_rigid;
    size_t n_configs;
    size_t config_input;
    uint64_t config_offset; /* of the first config byte */
    uint64_t config_size;
    /* Where a first stop-copy record goes if there is none: before the END
     * tag of the END section, or before the config packet. */
    size_t end_input;
    uint64_t end_offset;
};

/* Look the device up in a scan. wanted: "ID" or "ID#INSTANCE", NULL for the
 * only one. Fails, with a message, if it is not there once, or not whole. */
int migp_graft_site_find(struct migp_graft_site *site,
                         const struct migp_scan *scan, const char *wanted);
void migp_graft_site_free(struct migp_graft_site *site);

#endif
