/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_GRAFT_VMDESC_H
#define MIGP_CLI_GRAFT_VMDESC_H

#include "graft_plan.h"
#include "graft_site.h"

/* Plan what the VM description at the end of the main channel is to say when
 * the device has config_size bytes of config: its entry is written anew, the
 * rest of the text stays as it is. file is the main channel, main its operand.
 * Fails, with a message, if the entry is there but cannot be made right. */
int migp_graft_vmdesc(struct migp_graft_plan *plan,
                      const struct migp_graft_site *site,
                      const struct migp_scan *scan,
                      const struct migp_input *file, size_t main,
                      uint64_t config_size);

#endif
