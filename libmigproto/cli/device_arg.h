/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_DEVICE_ARG_H
#define MIGP_CLI_DEVICE_ARG_H

#include <migproto/device.h>

#include <stdbool.h>

/* A device that was named on the command line. */
struct migp_device_arg {
    const char *spec;
    bool reset_ok; /* --reset-ok */
    struct migp_device *device;
    struct migp_device_caps caps;
    uint32_t start; /* enum migp_state: where it was found */
};

/* The option's row in the table of a command. */
#define MIGP_RESET_OK_OPTION(settings)                                         \
    {                                                                          \
        "reset-ok", 0, MIGP_OPTION_FLAG, offsetof(settings, reset_ok), NULL,   \
            NULL, "the device may be reset"                                    \
    }

/* Open the device; returns 0 or an enum migp_errc and the error, said to
 * nobody. */
int migp_device_arg_try(struct migp_device_arg *arg, const char *spec,
                        bool reset_ok, struct migp_error *error);

/* Open the device, catch signals, and see that nobody is migrating it. Returns
 * 0, or -1 and has said why. Close it in every case. */
int migp_device_arg_open(struct migp_device_arg *arg, const char *spec,
                         bool reset_ok);
void migp_device_arg_close(struct migp_device_arg *arg);

/* Bring the device into a state; -1 if that failed, and has said why. */
int migp_device_arg_go(struct migp_device_arg *arg, uint32_t state);

/* Say what failed. */
void migp_device_arg_complain(const struct migp_device_arg *arg,
                              const struct migp_error *error);

/* After a failure or a signal: bring the device back to where it was found, by
 * a reset if nothing else helps and the user allowed it, and say where it is
 * now. */
void migp_device_arg_bring_back(struct migp_device_arg *arg);

#endif
