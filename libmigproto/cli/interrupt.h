/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_INTERRUPT_H
#define MIGP_CLI_INTERRUPT_H

#include <migproto/device.h>

#include <signal.h>
#include <stdbool.h>

/* A command that holds a device cannot end where a signal finds it: the device
 * is to be brought back first. The first SIGHUP, SIGINT, SIGQUIT or SIGTERM is
 * noted and cancels what runs; the second one does what it did before. */

/* From now on, until the end of the process. */
void migp_interrupt_catch(void);

/* Which device to cancel; NULL for none. */
void migp_interrupt_watch(struct migp_device *device);

/* Did a signal come? */
bool migp_interrupt_came(void);

/* The same for code that blocks: not 0 when a signal came. */
const volatile sig_atomic_t *migp_interrupt_flag(void);

/* The signal is being dealt with: the device can be used again. */
void migp_interrupt_settle(void);

/* If a signal came, end by it, as if it had not been caught. */
void migp_interrupt_end(void);

#endif
