/* SPDX-License-Identifier: MIT */
#ifndef MIGP_DEVICE_FSM_H
#define MIGP_DEVICE_FSM_H

#include <stdbool.h>
#include <stdint.h>

/* One of the four sets of flags that a driver may have. */
bool migp_migration_valid(uint64_t migration);

/* A state that a device with these flags has; ERROR and RUNNING always. */
bool migp_state_supported(uint32_t migration, uint32_t state);

/* The next step on the way, MIGP_STATE_ERROR if there is none. All arguments
 * valid, from is not to. */
uint32_t migp_state_next(uint32_t migration, uint32_t from, uint32_t to);

/* Does the step open a data session; does it end one? Single steps only. */
bool migp_step_opens(uint32_t from, uint32_t to);
bool migp_step_ends(uint32_t from, uint32_t to);

/* The states that share one session to read from. */
bool migp_state_saving(uint32_t state);

#endif
