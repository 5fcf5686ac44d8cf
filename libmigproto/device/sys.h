/* SPDX-License-Identifier: MIT */
#ifndef MIGP_DEVICE_SYS_H
#define MIGP_DEVICE_SYS_H

#include <migproto/sys.h>

/*
 * Make a complete table of a caller's, which may be shorter and lack members:
 * those answer -ENOSYS, a missing clock stands still, a missing sleep returns
 * at once. given NULL: migp_sys_linux(). Returns MIGP_OK or
 * MIGP_ERR_INVALID_ARGUMENT, own unchanged then.
 */
int migp_sys_take(struct migp_sys *own, const struct migp_sys *given);

#endif
