/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_DEVICE_WHY_H
#define MIGP_CLI_DEVICE_WHY_H

#include <migproto/core.h>

#include <stdbool.h>

/* Room for a piece of advice. */
#define MIGP_WHY_MAX 768

/* What somebody can change so that the device of this name can be opened and
 * migrated, after that failed with this error; "" if nothing is known. If it was
 * only not allowed, and there is a reason that lies deeper, error has that
 * afterwards. */
void migp_device_why(const char *spec, bool reset_ok, struct migp_error *error,
                     char why[MIGP_WHY_MAX]);

#endif
