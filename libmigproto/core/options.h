/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CORE_OPTIONS_H
#define MIGP_CORE_OPTIONS_H

/*
 * Structs that a caller allocates lead with their size, as the kernel's argsz
 * does: a caller built against an older header gives a shorter struct and gets
 * the defaults for the rest, one built against a newer header may give a
 * longer one as long as what is unknown here is zero.
 */

#include <stddef.h>

/*
 * Overlay the caller's struct onto own, which holds the defaults.
 * Returns MIGP_OK or MIGP_ERR_INVALID_ARGUMENT, own unchanged then.
 */
int migp_struct_read(void *own, size_t own_size, const void *given);

/* Fill the caller's struct from own, as far as the caller's struct goes. */
int migp_struct_write(void *given, const void *own, size_t own_size);

#endif
