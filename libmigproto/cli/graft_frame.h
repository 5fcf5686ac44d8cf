/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_GRAFT_FRAME_H
#define MIGP_CLI_GRAFT_FRAME_H

#include "graft_plan.h"
#include "input.h"
#include "scan.h"

/* Make right what tells sizes or places around a device's sections on the
 * main channel: the length of a package that they are in. Fails, with a
 * message, where that cannot be: RAM pages at fixed offsets behind the device.
 * file is the main channel, not read yet, main its operand; the plan has all
 * other edits. */
int migp_graft_frame(struct migp_graft_plan *plan, const struct migp_scan *scan,
                     struct migp_input *file, size_t main,
                     const struct migp_reading *reading);

#endif
