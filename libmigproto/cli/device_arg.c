/* SPDX-License-Identifier: MIT */
#include "device_arg.h"

#include "device_why.h"
#include "interrupt.h"
#include "message.h"

#include <migproto/open.h>

#include <string.h>

int migp_device_arg_try(struct migp_device_arg *arg, const char *spec,
                        bool reset_ok, struct migp_error *error)
{
    struct migp_open_options options;
    int result;

    memset(arg, 0, sizeof(*arg));
    arg->spec = spec;
    arg->reset_ok = reset_ok;
    arg->caps.struct_size = sizeof(arg->caps);
    migp_open_options_init(&options);
    options.flags = reset_ok ? MIGP_OPEN_RESET_OK : 0;
    result = migp_device_open(&arg->device, spec, &options, error);
    if (result != MIGP_OK) {
        return result;
    }
    arg->start = migp_device_state(arg->device);
    return migp_device_get_caps(arg->device, &arg->caps);
}

void migp_device_arg_complain(const struct migp_device_arg *arg,
                              const struct migp_error *error)
{
    struct migp_error told = *error;
    char why[MIGP_WHY_MAX];

    migp_device_why(arg->spec, arg->reset_ok, &told, why);
    migp_message_print(arg->spec, "%s",
                       told.text[0] != '\0' ? told.text
                                            : migp_error_text(told.code));
    if (why[0] != '\0') {
        migp_message_print(arg->spec, "%s", why);
    }
}

int migp_device_arg_open(struct migp_device_arg *arg, const char *spec,
                         bool reset_ok)
{
    struct migp_error error = MIGP_ERROR_INIT;

    if (migp_device_arg_try(arg, spec, reset_ok, &error) != MIGP_OK) {
        migp_device_arg_complain(arg, &error);
        return -1;
    }
    if (arg->start != MIGP_STATE_RUNNING && arg->start != MIGP_STATE_STOP) {
        migp_message_print(
            spec, "the device is in state %s: %s", migp_state_name(arg->start),
            arg->start == MIGP_STATE_ERROR ? "only a reset brings it back"
                                           : "somebody is migrating it");
        migp_device_arg_close(arg);
        return -1;
    }
    migp_interrupt_catch();
    migp_interrupt_watch(arg->device);
    return 0;
}

void migp_device_arg_close(struct migp_device_arg *arg)
{
    migp_interrupt_watch(NULL);
    migp_device_free(arg->device);
    arg->device = NULL;
}

int migp_device_arg_go(struct migp_device_arg *arg, uint32_t state)
{
    struct migp_error error = MIGP_ERROR_INIT;

    if (migp_device_set_state(arg->device, state, &error) == MIGP_OK) {
        return 0;
    }
    if (error.code != MIGP_ERR_CANCELLED) {
        migp_device_arg_complain(arg, &error);
    }
    return -1;
}

static const char *why_now(void)
{
    return migp_interrupt_came() ? "interrupted; " : "";
}

/* A call that was cancelled or failed may have left the device elsewhere than
 * was seen last: only the device knows. */
static int ask_where(struct migp_device_arg *arg)
{
    struct migp_error error = MIGP_ERROR_INIT;
    int code = migp_device_query_state(arg->device, NULL, &error);

    if (code == MIGP_OK || code == MIGP_ERR_DEVICE_RESET) {
        return 0;
    }
    migp_message_print(arg->spec,
                       "%swhich state the device is in is not known: %s",
                       why_now(), error.text);
    return -1;
}

static void say_where(const struct migp_device_arg *arg)
{
    migp_message_print(arg->spec, "%sthe device is in state %s", why_now(),
                       migp_state_name(migp_device_state(arg->device)));
}

static void reset(struct migp_device_arg *arg)
{
    struct migp_error error = MIGP_ERROR_INIT;

    if (!arg->reset_ok) {
        say_where(arg);
        migp_message_print(arg->spec, "only a reset brings it back, and "
                                      "--reset-ok was not given");
    } else if (migp_device_reset(arg->device, &error) != MIGP_OK) {
        migp_device_arg_complain(arg, &error);
    } else {
        migp_message_print(
            arg->spec, "%sthe device was reset, and is in state %s", why_now(),
            migp_state_name(migp_device_state(arg->device)));
    }
}

void migp_device_arg_bring_back(struct migp_device_arg *arg)
{
    uint32_t state;

    migp_interrupt_settle();
    if (ask_where(arg) != 0) {
        return;
    }
    state = migp_device_state(arg->device);
    /* What was written so far would be loaded on the way out of RESUMING. */
    if (migp_device_needs_reset(arg->device) || state == MIGP_STATE_RESUMING) {
        reset(arg);
        return;
    }
    if (state != arg->start && migp_device_arg_go(arg, arg->start) != 0 &&
        ask_where(arg) != 0) {
        return;
    }
    if (migp_device_needs_reset(arg->device)) {
        reset(arg);
    } else {
        say_where(arg);
    }
}
