/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_LOAD_CHECK_H
#define MIGP_CLI_LOAD_CHECK_H

/* Before a device is touched: is the file a bare stream without findings of
 * severity error? Only files can be read twice; of a pipe the beginning is
 * looked at. Returns an exit status, and has said what is wrong. */
struct migp_input;
int migp_load_check(struct migp_input *input, char *file);

#endif
