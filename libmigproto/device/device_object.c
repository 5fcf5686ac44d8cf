/* SPDX-License-Identifier: MIT */
#include "device/device.h"

#include "core/error.h"
#include "core/options.h"
#include "device/fsm.h"
#include "device/sys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_RESET_TIMEOUT UINT64_C(10000000000)

/* Nobody can cancel what is not there yet, so a backend that is interrupted
 * for ever is given up. */
#define MAX_INTERRUPTIONS 1000

void migp_device_options_init(struct migp_device_options *options)
{
    if (options != NULL) {
        memset(options, 0, sizeof(*options));
        options->struct_size = sizeof(*options);
        options->recover = MIGP_RECOVER_STATE;
        options->reset_timeout = DEFAULT_RESET_TIMEOUT;
    }
}

static int take_ops(struct migp_device *device,
                    const struct migp_device_ops *given)
{
    struct migp_device_ops *ops = &device->ops;

    if (given->struct_size % sizeof(void *) != 0 ||
        migp_struct_read(ops, sizeof(*ops), given) < 0 || ops->caps == NULL ||
        ops->get_state == NULL || ops->set_state == NULL || ops->read == NULL ||
        ops->write == NULL) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    device->given = given;
    return MIGP_OK;
}

static int take_options(struct migp_device *device,
                        const struct migp_device_options *given)
{
    struct migp_device_options own;

    migp_device_options_init(&own);
    if (given != NULL && migp_struct_read(&own, sizeof(own), given) < 0) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    if (own.recover > MIGP_RECOVER_RESET) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    device->recover = own.recover;
    device->reset_timeout = own.reset_timeout;
    return migp_sys_take(&device->clock, own.sys);
}

/* No member without its NUL, no feature without its function. */
static void clean_caps(struct migp_device *device)
{
    struct migp_device_caps *caps = &device->caps;
    const struct migp_device_ops *ops = &device->ops;

    caps->struct_size = sizeof(*caps);
    caps->backend[sizeof(caps->backend) - 1] = '\0';
    caps->driver[sizeof(caps->driver) - 1] = '\0';
    caps->name[sizeof(caps->name) - 1] = '\0';
    if (ops->reset == NULL) {
        caps->features &= ~(uint32_t)MIGP_HAS_RESET;
    }
    if (ops->stop_copy_size == NULL) {
        caps->features &= ~(uint32_t)MIGP_HAS_STOP_COPY_SIZE;
    }
    if (ops->precopy_info == NULL) {
        caps->features &= ~(uint32_t)(MIGP_HAS_PRECOPY_INFO | MIGP_HAS_REINIT);
    }
    if (ops->save_config == NULL || ops->load_config == NULL) {
        caps->features &= ~(uint32_t)MIGP_HAS_CONFIG;
    }
}

static int ask_caps(struct migp_device *device, struct migp_error *error)
{
    int tries = 0;
    int result;

    do {
        memset(&device->caps, 0, sizeof(device->caps));
        device->caps.struct_size = sizeof(device->caps);
        result =
            migp_call_answer(device->ops.caps(device->user, &device->caps));
    } while (result == -EINTR && ++tries < MAX_INTERRUPTIONS);
    if (result == -ENOTTY) {
        return migp_error_say(error, MIGP_ERR_NO_MIGRATION, ENOTTY,
                              "the driver has no migration");
    }
    if (result < 0) {
        return migp_device_failed(device, error,
                                  result == -ENODEV ? MIGP_ERR_DEVICE_LOST
                                                    : MIGP_ERR_SYSTEM,
                                  result, "asking what the device can do");
    }
    clean_caps(device);
    if (!migp_migration_valid(device->caps.migration)) {
        return migp_error_say(
            error, MIGP_ERR_NO_MIGRATION, 0,
            "the driver says impossible migration flags: 0x%x",
            (unsigned)device->caps.migration);
    }
    return MIGP_OK;
}

static int ask_first_state(struct migp_device *device, struct migp_error *error)
{
    uint32_t state = MIGP_STATE_COUNT;
    int tries = 0;
    int result;

    do {
        result = migp_call_answer(device->ops.get_state(device->user, &state));
    } while (result == -EINTR && ++tries < MAX_INTERRUPTIONS);
    if (result < 0) {
        return migp_device_failed(device, error,
                                  result == -ENODEV ? MIGP_ERR_DEVICE_LOST
                                                    : MIGP_ERR_SYSTEM,
                                  result, "asking for the state");
    }
    if (!migp_state_supported(device->caps.migration, state)) {
        return migp_error_say(
            error, MIGP_ERR_NO_MIGRATION, 0,
            "the driver says an impossible state: %u, with migration flags %u",
            (unsigned)state, (unsigned)device->caps.migration);
    }
    migp_device_adopt(device, state);
    return MIGP_OK;
}

static int start(struct migp_device *device, struct migp_error *error)
{
    int code = ask_caps(device, error);

    return code < 0 ? code : ask_first_state(device, error);
}

int migp_device_new(struct migp_device **out, const struct migp_device_ops *ops,
                    void *user, const struct migp_device_options *options,
                    struct migp_error *error)
{
    struct migp_device *device;
    int code;

    if (out == NULL) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    *out = NULL;
    if (ops == NULL) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    device = calloc(1, sizeof(*device));
    if (device == NULL) {
        return migp_error_set(error, MIGP_ERR_NO_MEMORY, NULL);
    }
    device->user = user;
    device->session = MIGP_NO_SESSION;
    atomic_init(&device->cancelled, 0);
    code = take_ops(device, ops);
    if (code == MIGP_OK) {
        code = take_options(device, options);
    }
    if (code < 0) {
        (void)migp_error_set(error, code, NULL);
    } else {
        code = start(device, error);
    }
    if (code < 0) {
        free(device);
        return code;
    }
    *out = device;
    return MIGP_OK;
}

void migp_device_free(struct migp_device *device)
{
    if (device == NULL) {
        return;
    }
    /* Drivers touch the device through a data fd: it must go first. */
    migp_device_end_session(device);
    if (device->ops.close != NULL) {
        device->ops.close(device->user);
    }
    free(device);
}

int migp_device_get_caps(const struct migp_device *device,
                         struct migp_device_caps *caps)
{
    if (device == NULL || caps == NULL) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    return migp_struct_write(caps, &device->caps, sizeof(device->caps));
}

void *migp_device_backend(const struct migp_device *device,
                          const struct migp_device_ops *ops)
{
    return device != NULL && device->given == ops ? device->user : NULL;
}

uint32_t migp_device_state(const struct migp_device *device)
{
    return device != NULL ? device->state : (uint32_t)MIGP_STATE_ERROR;
}

int migp_device_needs_reset(const struct migp_device *device)
{
    return device != NULL && device->needs_reset;
}

int migp_device_session(const struct migp_device *device)
{
    return device != NULL ? device->session : MIGP_NO_SESSION;
}

void migp_device_cancel(struct migp_device *device, int cancel)
{
    if (device != NULL) {
        atomic_store(&device->cancelled, cancel != 0);
    }
}
