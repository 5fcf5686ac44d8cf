/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_GRAFT_DONOR_H
#define MIGP_CLI_GRAFT_DONOR_H

#include "digest.h"
#include "graft_site.h"
#include "input.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is grafted: the new state, which stays in its file, and perhaps new
 * config bytes. */
struct migp_graft_donor {
    struct migp_input state;
    const char *config_name; /* NULL: the config bytes stay */
    uint8_t *config;
    size_t config_size;
    char digest[MIGP_DIGEST_TEXT]; /* of the state, once it was checked */
};

/* Open the files. config: NULL for none; at most max_config bytes are taken.
 * Free the donor in every case. */
int migp_graft_donor_open(struct migp_graft_donor *donor, const char *state,
                          const char *config, uint64_t max_config);
void migp_graft_donor_free(struct migp_graft_donor *donor);

/* Would a reader find the end of the config bytes where it is? */
int migp_graft_donor_check_config(const struct migp_graft_donor *donor,
                                  const struct migp_graft_site *site,
                                  const struct migp_scan *scan,
                                  uint64_t max_config);

/* Warn of what a destination with such a device would hardly take. */
void migp_graft_donor_warn(const struct migp_graft_donor *donor,
                           const struct migp_graft_site *site);

/* Would the device's driver take the state? Says what it knows on stderr.
 * Returns 0, 1 if the driver would refuse it, or -1. */
int migp_graft_donor_check_state(struct migp_graft_donor *donor,
                                 const struct migp_graft_site *site);

#endif
