/* SPDX-License-Identifier: MIT */
#include "core/error.h"
#include "core/options.h"
#include "device/sys.h"
#include "device/sys_call.h"
#include "device/vfio/vfio.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct migp_vfio_hint common_hints[] = {
    {EACCES, "this user lacks the permission"},
    {EPERM, "this user lacks the permission, or the locked memory "
            "(ulimit -l)"},
    {EBUSY, "another program has it, perhaps a VMM"},
    {EMFILE, "ulimit -n"},
    {0, NULL},
};

void migp_vfio_options_init(struct migp_vfio_options *options)
{
    if (options != NULL) {
        memset(options, 0, sizeof(*options));
        options->struct_size = sizeof(*options);
        options->device_fd = -1;
        options->iommufd = -1;
        options->container_fd = -1;
    }
}

void migp_vfio_adopt_owner(struct migp_vfio *vfio, const char *backend,
                           void (*release)(void *owner), void *owner)
{
    size_t i;

    memset(vfio->backend, 0, sizeof(vfio->backend));
    for (i = 0; i < sizeof(vfio->backend) - 1 && backend[i] != '\0'; i++) {
        vfio->backend[i] = backend[i];
    }
    vfio->release = release;
    vfio->owner = owner;
}

bool migp_vfio_knows_fd(const struct migp_vfio *vfio, int fd)
{
    size_t i;

    for (i = 0; i < MIGP_VFIO_SESSIONS_MAX; i++) {
        if (fd >= 0 && vfio->sessions[i] == fd) {
            return true;
        }
    }
    return fd >= 0 && (fd == vfio->device_fd || fd == vfio->group_fd ||
                       fd == vfio->container_fd || fd == vfio->iommufd);
}

const char *migp_vfio_hint(const struct migp_vfio_hint *hints, int answer)
{
    for (; hints->number != 0; hints++) {
        if (hints->number == -answer) {
            return hints->text;
        }
    }
    return NULL;
}

int migp_vfio_fail(struct migp_error *error, int answer, const char *path,
                   const char *step, const char *hint)
{
    if (hint == NULL) {
        hint = migp_vfio_hint(common_hints, answer);
    }
    if (hint == NULL) {
        return migp_error_say(error, MIGP_ERR_SYSTEM, -answer, "%.96s: %s",
                              path, step);
    }
    return migp_error_say(error, MIGP_ERR_SYSTEM, -answer, "%.96s: %s (%s)",
                          path, step, hint);
}

static int bad_argument(struct migp_error *error, const char *why)
{
    return migp_error_say(error, MIGP_ERR_INVALID_ARGUMENT, 0, "%s", why);
}

static int options_check(const struct migp_vfio_options *how,
                         struct migp_error *error)
{
    const uint32_t known = MIGP_VFIO_RESET_OK | MIGP_VFIO_NO_REINIT;
    const bool by_name = how->name != NULL && how->group_path == NULL;
    const int ways = (how->device_fd >= 0) + (how->cdev_path != NULL) +
                     (how->group_path != NULL) + by_name;

    if ((how->flags & ~known) != 0) {
        return bad_argument(error, "unknown flags");
    }
    if (ways != 1) {
        return bad_argument(error, "exactly one of device_fd, cdev_path, "
                                   "group_path and name says which device");
    }
    if (how->group_path != NULL && how->name == NULL) {
        return bad_argument(error, "group_path needs the device's name");
    }
    if (how->vf_token != NULL && how->name == NULL) {
        return bad_argument(error, "vf_token goes with group_path or name");
    }
    if (how->iommufd >= 0 && (how->device_fd >= 0 || how->group_path != NULL)) {
        return bad_argument(error, "iommufd goes with cdev_path");
    }
    if (how->container_fd >= 0 &&
        (how->name == NULL || how->iommufd >= 0 || how->device_fd >= 0)) {
        return bad_argument(error, "container_fd goes with group_path");
    }
    if (how->device_fd < 0 && (how->flags & MIGP_VFIO_RESET_OK) == 0) {
        return bad_argument(error, "opening a device by its path may reset "
                                   "it: that must be allowed first");
    }
    return MIGP_OK;
}

static bool take_text(char *out, size_t room, const char *text)
{
    size_t length;

    memset(out, 0, room);
    if (text == NULL) {
        return true;
    }
    length = strlen(text);
    if (length == 0 || length >= room) {
        return false;
    }
    memcpy(out, text, length);
    return true;
}

/* 8-4-4-4-12; Linux lib/uuid.c takes no other form. */
static bool is_uuid(const char *text)
{
    size_t i;

    for (i = 0; text[i] != '\0'; i++) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        const char c = text[i];
        const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
                         (c >= 'A' && c <= 'F');

        if (dash ? c != '-' : !hex) {
            return false;
        }
    }
    return i == 36;
}

static int options_take(struct migp_vfio *vfio,
                        const struct migp_vfio_options *how,
                        struct migp_error *error)
{
    int code = options_check(how, error);

    if (code < 0) {
        return code;
    }
    if (migp_sys_take(&vfio->sys, how->sys) < 0) {
        return bad_argument(error, "a table of system calls that this version "
                                   "of the library does not know");
    }
    if (!take_text(vfio->cdev_path, sizeof(vfio->cdev_path), how->cdev_path) ||
        !take_text(vfio->group_path, sizeof(vfio->group_path),
                   how->group_path)) {
        return bad_argument(error, "a path is empty or too long");
    }
    /* The name becomes part of a path and of the text for the kernel. */
    if (!take_text(vfio->name, sizeof(vfio->name), how->name) ||
        strchr(vfio->name, '/') != NULL || strchr(vfio->name, ' ') != NULL ||
        vfio->name[0] == '.') {
        return bad_argument(error, "that is no name of a device");
    }
    if (!take_text(vfio->vf_token, sizeof(vfio->vf_token), how->vf_token) ||
        (how->vf_token != NULL && !is_uuid(vfio->vf_token))) {
        return bad_argument(error, "vf_token is not a UUID");
    }
    vfio->flags = how->flags;
    vfio->device_fd = how->device_fd >= 0 ? how->device_fd : -1;
    vfio->iommufd = how->iommufd >= 0 ? how->iommufd : -1;
    vfio->container_fd = how->container_fd >= 0 ? how->container_fd : -1;
    return MIGP_OK;
}

static void close_fds(struct migp_vfio *vfio)
{
    size_t i;

    /* A data fd holds no reference on its device: it goes first. */
    for (i = 0; i < MIGP_VFIO_SESSIONS_MAX; i++) {
        migp_sys_close(&vfio->sys, &vfio->sessions[i]);
    }
    if (vfio->own_device) {
        migp_sys_close(&vfio->sys, &vfio->device_fd);
    }
    migp_sys_close(&vfio->sys, &vfio->group_fd);
    if (vfio->own_container) {
        migp_sys_close(&vfio->sys, &vfio->container_fd);
    }
    if (vfio->own_iommufd) {
        migp_sys_close(&vfio->sys, &vfio->iommufd);
    }
}

/* By the path that is there; a name found in /sys may have both, and a kernel
 * that knows cdevs may still lack /dev/iommu. */
static int open_device(struct migp_vfio *vfio, struct migp_error *error)
{
    const bool by_group = vfio->group_path[0] != '\0';
    struct migp_error why = MIGP_ERROR_INIT;
    int code;

    if (vfio->cdev_path[0] == '\0') {
        return migp_vfio_open_group(vfio, error);
    }
    code = migp_vfio_open_cdev(vfio, &why);
    if (code < 0 && by_group && why.system_errno == ENOENT) {
        migp_sys_close(&vfio->sys, &vfio->device_fd);
        vfio->cdev_path[0] = '\0';
        return migp_vfio_open_group(vfio, error);
    }
    if (code < 0) {
        (void)migp_error_say(error, code, 0, "%s", why.text);
        if (error != NULL) {
            error->system_errno = why.system_errno;
        }
    }
    return code;
}

static int find_device(struct migp_vfio *vfio, struct migp_error *error)
{
    const bool want_cdev = vfio->iommufd >= 0;
    const bool want_group =
        vfio->container_fd >= 0 || vfio->vf_token[0] != '\0';
    int code;

    if (vfio->device_fd >= 0 || vfio->cdev_path[0] != '\0' ||
        vfio->group_path[0] != '\0') {
        return MIGP_OK;
    }
    code = migp_vfio_find(vfio, error);
    if (code < 0) {
        return code;
    }
    if (want_cdev) {
        vfio->group_path[0] = '\0';
    }
    if (want_group) {
        vfio->cdev_path[0] = '\0';
    }
    if (vfio->cdev_path[0] == '\0' && vfio->group_path[0] == '\0') {
        return migp_vfio_fail(error, -ENOENT, vfio->name,
                              want_cdev ? "has no cdev" : "has no group", NULL);
    }
    return MIGP_OK;
}

static int open_all(struct migp_vfio *vfio, struct migp_error *error)
{
    int code = find_device(vfio, error);

    if (code == MIGP_OK && vfio->device_fd < 0) {
        code = open_device(vfio, error);
    }
    if (code == MIGP_OK) {
        code = migp_vfio_ask_info(vfio, error);
    }
    if (code == MIGP_OK) {
        migp_vfio_find_driver(vfio);
    }
    return code;
}

int migp_vfio_open(struct migp_vfio **out,
                   const struct migp_vfio_options *options,
                   struct migp_error *error)
{
    struct migp_vfio_options how;
    struct migp_vfio *vfio;
    size_t i;
    int code;

    if (out == NULL) {
        return bad_argument(error, "nowhere to put the object");
    }
    *out = NULL;
    migp_vfio_options_init(&how);
    if (options == NULL || migp_struct_read(&how, sizeof(how), options) < 0) {
        return bad_argument(error, "no options, or of an unknown size");
    }
    vfio = calloc(1, sizeof(*vfio));
    if (vfio == NULL) {
        return migp_error_set(error, MIGP_ERR_NO_MEMORY, NULL);
    }
    vfio->device_fd = vfio->group_fd = vfio->container_fd = vfio->iommufd = -1;
    for (i = 0; i < MIGP_VFIO_SESSIONS_MAX; i++) {
        vfio->sessions[i] = -1;
    }
    migp_vfio_adopt_owner(vfio, "vfio", NULL, NULL);
    code = options_take(vfio, &how, error);
    if (code == MIGP_OK) {
        code = open_all(vfio, error);
    }
    if (code < 0) {
        migp_vfio_close(vfio);
        return code;
    }
    *out = vfio;
    return MIGP_OK;
}

void migp_vfio_close(struct migp_vfio *vfio)
{
    if (vfio == NULL) {
        return;
    }
    close_fds(vfio);
    if (vfio->release != NULL) {
        vfio->release(vfio->owner);
    }
    free(vfio);
}

int migp_vfio_fd(const struct migp_vfio *vfio)
{
    return vfio != NULL ? vfio->device_fd : -1;
}

const struct migp_sys *migp_vfio_sys(const struct migp_vfio *vfio)
{
    return vfio != NULL ? &vfio->sys : NULL;
}

int migp_vfio_reopen(struct migp_vfio *vfio, struct migp_error *error)
{
    int code;

    if (vfio == NULL) {
        return bad_argument(error, "no object");
    }
    if (!vfio->own_device) {
        return migp_error_say(error, MIGP_ERR_UNSUPPORTED, 0,
                              "an adopted fd cannot be opened again");
    }
    migp_sys_close(&vfio->sys, &vfio->device_fd);
    code = open_device(vfio, error);
    if (code == MIGP_OK && vfio->reinit) {
        migp_vfio_opt_in(vfio);
    }
    return code;
}
