/* SPDX-License-Identifier: MIT */
#include <migproto/open.h>

#include "core/error.h"
#include "core/options.h"
#include "device/device.h"
#include "device/vfio/vfio.h"

#include <migproto/sim.h>
#include <migproto/vfio.h>
#include <migproto/vfio_user.h>

#include <stdint.h>
#include <string.h>

/* Bytes of a name, its NUL included; a path has PATH_MAX. */
#define SPEC_MAX 4096

#define REAL_CLOCK "clock=real"

/* A name being taken apart. at: what is not yet read, in spec or in text. */
struct opening {
    struct migp_open_options options;
    struct migp_device **out;
    const char *spec;
    struct migp_error *error; /* complete */
    char text[SPEC_MAX + sizeof(REAL_CLOCK)];
};

void migp_open_options_init(struct migp_open_options *options)
{
    if (options != NULL) {
        memset(options, 0, sizeof(*options));
        options->struct_size = sizeof(*options);
        options->recover = MIGP_RECOVER_STATE;
    }
}

static int not_understood(struct opening *opening, const char *at,
                          const char *why)
{
    int code =
        migp_error_say(opening->error, MIGP_ERR_INVALID_ARGUMENT, 0, "%s", why);

    opening->error->offset = (uint64_t)(at - opening->spec);
    return code;
}

static int make_device(struct opening *opening,
                       const struct migp_device_ops *ops, void *user,
                       const struct migp_sys *clock)
{
    struct migp_device_options options;

    migp_device_options_init(&options);
    options.recover = opening->options.recover;
    options.sys = clock;
    return migp_device_new(opening->out, ops, user, &options, opening->error);
}

/* [DV-16] */
static int open_vfio(struct opening *opening, struct migp_vfio_options *how)
{
    struct migp_vfio *vfio;
    int code;

    how->sys = opening->options.sys;
    if ((opening->options.flags & MIGP_OPEN_RESET_OK) != 0) {
        how->flags |= MIGP_VFIO_RESET_OK;
    }
    code = migp_vfio_open(&vfio, how, opening->error);
    if (code == MIGP_OK) {
        code = make_device(opening, migp_vfio_ops(), vfio, how->sys);
        if (code < 0) {
            migp_vfio_close(vfio);
        }
    }
    return code;
}

static int vfio_fd(struct opening *opening, struct migp_vfio_options *how,
                   const char *number)
{
    const char *at = number;
    int32_t fd = 0;

    for (; *at >= '0' && *at <= '9'; at++) {
        if (fd > (INT32_MAX - (*at - '0')) / 10) {
            return not_understood(opening, number,
                                  "there is no fd of that number");
        }
        fd = fd * 10 + (*at - '0');
    }
    if (at == number || *at != '\0') {
        return not_understood(opening, at, "an fd's number is decimal digits");
    }
    how->device_fd = fd;
    return open_vfio(opening, how);
}

/* One of NAME=VALUE behind a group's path; ends the value before it. */
static int group_option(struct opening *opening, struct migp_vfio_options *how,
                        char *at)
{
    static const char name[] = "name=";
    static const char token[] = "vf-token=";
    const char *where = opening->spec + (at - opening->text);
    const char **member = NULL;
    const char *value = at;

    if (strncmp(at, name, sizeof(name) - 1) == 0) {
        member = &how->name;
        value += sizeof(name) - 1;
    } else if (strncmp(at, token, sizeof(token) - 1) == 0) {
        member = &how->vf_token;
        value += sizeof(token) - 1;
    }
    if (member == NULL || *member != NULL || *value == '\0' || *value == ',') {
        return not_understood(opening, where,
                              "behind a group come name=NAME and, perhaps, "
                              "vf-token=UUID, each once");
    }
    *member = value;
    return MIGP_OK;
}

static int is_group(const char *path)
{
    static const char folder[] = "/dev/vfio/";
    const char *at = path + sizeof(folder) - 1;

    if (strncmp(path, folder, sizeof(folder) - 1) != 0) {
        return 0;
    }
    while (*at >= '0' && *at <= '9') {
        at++;
    }
    return *at == '\0' && at > path + sizeof(folder) - 1;
}

static int vfio_path(struct opening *opening, struct migp_vfio_options *how,
                     const char *path)
{
    size_t skipped = (size_t)(path - opening->spec);
    char *own = opening->text + skipped;
    char *comma;

    memcpy(opening->text, opening->spec, strlen(opening->spec) + 1);
    comma = strchr(own, ',');
    if (comma == NULL && is_group(own)) {
        return not_understood(opening, path + strlen(path),
                              "which device of the group: ,name=NAME");
    }
    if (comma == NULL) {
        how->cdev_path = own;
        return open_vfio(opening, how);
    }
    how->group_path = own;
    while (comma != NULL) {
        char *option = comma + 1;
        int code = group_option(opening, how, option);

        if (code < 0) {
            return code;
        }
        *comma = '\0';
        comma = strchr(option, ',');
    }
    if (how->name == NULL) {
        return not_understood(opening, path + strlen(path),
                              "which device of the group: ,name=NAME");
    }
    return open_vfio(opening, how);
}

static int open_kernel(struct opening *opening, const char *at)
{
    struct migp_vfio_options how;

    migp_vfio_options_init(&how);
    if (strncmp(at, "fd:", 3) == 0) {
        return vfio_fd(opening, &how, at + 3);
    }
    if (*at == '/') {
        return vfio_path(opening, &how, at);
    }
    if (*at == '\0' || strchr(at, '/') != NULL || strchr(at, ',') != NULL) {
        return not_understood(opening, at,
                              "behind vfio: comes fd:N, a path, a PCI address "
                              "or an mdev's UUID");
    }
    how.name = at;
    return open_vfio(opening, &how);
}

static int open_server(struct opening *opening, const char *path)
{
    struct migp_vfio_user_options how;
    struct migp_vfio_user *server;
    int code;

    if (*path == '\0') {
        return not_understood(opening, path,
                              "behind vfio-user: comes a socket's path");
    }
    migp_vfio_user_options_init(&how);
    how.sys = opening->options.sys;
    how.path = path;
    code = migp_vfio_user_connect(&server, &how, opening->error);
    if (code == MIGP_OK) {
        code = make_device(opening, migp_vfio_user_ops(), server, how.sys);
        if (code < 0) {
            migp_vfio_user_close(server);
        }
    }
    return code;
}

static void free_sim(void *owner)
{
    migp_sim_free(owner);
}

static int open_sim_device(struct opening *opening, struct migp_sim *sim)
{
    const struct migp_sys *sys = migp_sim_sys(sim);
    struct migp_vfio_options how;
    struct migp_vfio *vfio;
    int code;

    migp_vfio_options_init(&how);
    how.sys = sys;
    how.cdev_path = MIGP_SIM_PATH;
    how.flags = MIGP_VFIO_RESET_OK;
    code = migp_vfio_open(&vfio, &how, opening->error);
    if (code < 0) {
        migp_sim_free(sim);
        return code;
    }
    migp_vfio_adopt_owner(vfio, "sim", free_sim, sim);
    code = make_device(opening, migp_vfio_ops(), vfio, sys);
    if (code < 0) {
        migp_vfio_close(vfio);
    }
    return code;
}

/* Does the text name a clock? */
static int has_clock(const char *text)
{
    const char *at = text;

    while (at != NULL) {
        if (strncmp(at, "clock=", 6) == 0) {
            return 1;
        }
        at = strchr(at, ',');
        at = at != NULL ? at + 1 : NULL;
    }
    return 0;
}

static int open_sim(struct opening *opening, const char *options)
{
    size_t length = strlen(options);
    struct migp_sim *sim;
    int code;

    memcpy(opening->text, options, length + 1);
    if (!has_clock(options)) {
        if (length > 0) {
            opening->text[length++] = ',';
        }
        memcpy(opening->text + length, REAL_CLOCK, sizeof(REAL_CLOCK));
    }
    code =
        migp_sim_new(&sim, opening->text, opening->options.sys, opening->error);
    if (code == MIGP_ERR_INVALID_ARGUMENT) {
        opening->error->offset += (uint64_t)(options - opening->spec);
    }
    return code < 0 ? code : open_sim_device(opening, sim);
}

static int open_by_kind(struct opening *opening)
{
    static const struct kind {
        const char *prefix;
        int (*open)(struct opening *opening, const char *rest);
    } kinds[] = {
        {"vfio:", open_kernel},
        {"vfio-user:", open_server},
        {"sim:", open_sim},
    };
    size_t i;

    if (memchr(opening->spec, '\0', SPEC_MAX) == NULL) {
        return not_understood(opening, opening->spec, "the name is too long");
    }
    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t length = strlen(kinds[i].prefix);

        if (strncmp(opening->spec, kinds[i].prefix, length) == 0) {
            return kinds[i].open(opening, opening->spec + length);
        }
    }
    if (strcmp(opening->spec, "sim") == 0) {
        return open_sim(opening, opening->spec + 3);
    }
    return not_understood(opening, opening->spec,
                          "a device's name starts with vfio:, vfio-user: or "
                          "sim");
}

int migp_device_open(struct migp_device **out, const char *spec,
                     const struct migp_open_options *options,
                     struct migp_error *error)
{
    struct migp_error own = MIGP_ERROR_INIT;
    struct opening opening;

    if (out == NULL) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    *out = NULL;
    migp_open_options_init(&opening.options);
    if (spec == NULL ||
        (options != NULL &&
         migp_struct_read(&opening.options, sizeof(opening.options), options) <
             0) ||
        (opening.options.flags & ~(uint32_t)MIGP_OPEN_RESET_OK) != 0 ||
        opening.options.recover > MIGP_RECOVER_RESET) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    opening.out = out;
    opening.spec = spec;
    opening.error = &own;
    return migp_device_give_error(error, open_by_kind(&opening), &own);
}
