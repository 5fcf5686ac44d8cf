/* SPDX-License-Identifier: MIT */
#include "device/vfio_user/client.h"

#include "core/error.h"
#include "core/options.h"
#include "device/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

/* The minor version of the protocol text that this follows. */
#define MINOR 2

int migp_user_fail(const struct migp_vfio_user *server,
                   struct migp_error *error, const char *what, int answer)
{
    switch (server->dead) {
    case 0:
        return migp_error_say(error, MIGP_ERR_SYSTEM, -answer, "%s", what);
    case EPROTO:
        return migp_error_say(error, MIGP_ERR_MALFORMED, EPROTO, "%s: %s", what,
                              server->why);
    case ETIMEDOUT:
        return migp_error_say(error, MIGP_ERR_TIMED_OUT, ETIMEDOUT, "%s: %s",
                              what, server->why);
    default:
        return migp_error_say(error, MIGP_ERR_DEVICE_LOST, server->dead,
                              "%s: %s", what, server->why);
    }
}

/* --- connecting ----------------------------------------------------------- */

void migp_vfio_user_options_init(struct migp_vfio_user_options *options)
{
    if (options) {
        memset(options, 0, sizeof(*options));
        options->struct_size = sizeof(*options);
        options->socket = -1;
        options->in_flight = 4;
        options->max_transfer = UINT32_C(1) << 20;
        options->timeout = 30 * SECOND;
    }
}

static bool transfer_valid(uint32_t max_transfer)
{
    return max_transfer >= MIGP_USER_TRANSFER_MIN &&
           max_transfer <= MIGP_USER_TRANSFER_MAX;
}

/* The file's name is all that a path says about a device. */
static void take_name(struct migp_vfio_user *server, const char *path)
{
    const char *slash = strrchr(path, '/');

    (void)snprintf(server->name, sizeof(server->name), "%s",
                   slash ? slash + 1 : path);
}

/* A thread that is signalled all the time gets EINTR in the end. */
static int connect_to(const struct migp_sys *sys, const char *path)
{
    int code = -EINTR;
    int i;

    for (i = 0; i < 100 && code == -EINTR; i++) {
        code = sys->connect_unix(sys->user, path);
    }
    return code;
}

static int flags_call(struct migp_vfio_user *server, int command, int flags)
{
    const struct migp_sys *sys = &server->sys;
    int code = -EINTR;
    int i;

    for (i = 0; i < 100 && code == -EINTR; i++) {
        code = sys->fcntl(sys->user, server->socket, command, flags);
    }
    return code;
}

static int take_socket(struct migp_vfio_user *server,
                       const struct migp_vfio_user_options *how,
                       struct migp_error *error)
{
    const struct migp_sys *sys = &server->sys;
    int code;

    server->socket = how->socket;
    if (how->path) {
        take_name(server, how->path);
        code = connect_to(sys, how->path);
        if (code < 0) {
            return migp_error_say(error, MIGP_ERR_SYSTEM, -code, "%s",
                                  how->path);
        }
        server->socket = code;
        server->own_socket = true;
    }
    /* A timeout needs calls that come back. */
    code = flags_call(server, F_GETFL, 0);
    if (code >= 0) {
        server->old_flags = code;
        code =
            sys->fcntl(sys->user, server->socket, F_SETFL, code | O_NONBLOCK);
    }
    return code >= 0 ? MIGP_OK
                     : migp_error_say(error, MIGP_ERR_SYSTEM, -code,
                                      "the socket's flags");
}

static int exchange_versions(struct migp_vfio_user *server,
                             const struct migp_vfio_user_options *how,
                             struct migp_error *error)
{
    char ours[96];
    struct migp_user_call call = {.fd = -1, .lax = true};
    int code;

    (void)snprintf(ours, sizeof(ours),
                   "{\"capabilities\":{\"max_msg_fds\":%d,"
                   "\"max_data_xfer_size\":%u}}",
                   MIGP_SYS_MAX_FDS, (unsigned int)server->max_transfer);
    call.request.command = MIGP_VU_VERSION;
    call.request.minor = MINOR;
    call.tail = how->version_json ? how->version_json : ours;
    call.request.tail = strlen(call.tail) + 1;
    call.out = server->version;
    call.room = MIGP_USER_VERSION_MAX;
    code = migp_user_call(server, &call, MIGP_USER_FIRM);
    if (code < 0) {
        return migp_user_fail(server, error, "VERSION", code);
    }
    if (call.reply.major != 0) {
        return migp_error_say(error, MIGP_ERR_UNSUPPORTED, 0,
                              "the server speaks vfio-user %u.%u, not 0.%u",
                              (unsigned int)call.reply.major,
                              (unsigned int)call.reply.minor, MINOR);
    }
    server->version[call.got] = '\0';
    server->version_size = strlen(server->version);
    return MIGP_OK;
}

int migp_vfio_user_connect(struct migp_vfio_user **out,
                           const struct migp_vfio_user_options *options,
                           struct migp_error *error)
{
    struct migp_vfio_user_options how;
    struct migp_vfio_user *server;
    int code;

    if (out) {
        *out = NULL;
    }
    migp_vfio_user_options_init(&how);
    if (!out || !options || migp_struct_read(&how, sizeof(how), options) < 0 ||
        (how.path != NULL) == (how.socket >= 0) || how.in_flight < 1 ||
        how.in_flight > MIGP_USER_IN_FLIGHT_MAX ||
        !transfer_valid(how.max_transfer)) {
        return migp_error_say(error, MIGP_ERR_INVALID_ARGUMENT, 0,
                              "vfio-user: give a path or a socket, and numbers "
                              "in their range");
    }
    server = calloc(1, sizeof(*server));
    if (!server) {
        return migp_error_say(error, MIGP_ERR_NO_MEMORY, 0, "vfio-user");
    }
    server->socket = -1;
    server->old_flags = -1;
    server->in_flight = how.in_flight;
    server->max_transfer = how.max_transfer;
    server->timeout = how.timeout;
    server->dma = how.dma;
    server->dma_user = how.dma_user;
    code = migp_sys_take(&server->sys, how.sys);
    if (code == MIGP_OK) {
        code = take_socket(server, &how, error);
    } else {
        (void)migp_error_say(error, code, 0, "the table of system calls");
    }
    if (code == MIGP_OK) {
        code = exchange_versions(server, &how, error);
    }
    if (code < 0) {
        migp_vfio_user_close(server);
        return code;
    }
    *out = server;
    return MIGP_OK;
}

void migp_vfio_user_close(struct migp_vfio_user *server)
{
    const struct migp_sys *sys;
    size_t i;

    if (!server) {
        return;
    }
    sys = &server->sys;
    if (server->own_socket) {
        (void)sys->close(sys->user, server->socket);
    } else if (server->old_flags >= 0) {
        (void)flags_call(server, F_SETFL, server->old_flags);
    }
    for (i = 0; i < server->n_maps; i++) {
        free(server->maps[i].marks);
    }
    free(server->maps);
    free(server->session.store);
    free(server->dma_bytes);
    free(server);
}

const char *migp_vfio_user_version(const struct migp_vfio_user *server,
                                   size_t *size)
{
    if (size) {
        *size = server->version_size;
    }
    return server->version;
}

int migp_vfio_user_set_max_transfer(struct migp_vfio_user *server,
                                    uint32_t max_transfer)
{
    if (!server || !transfer_valid(max_transfer)) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    if (server->session.open) {
        return MIGP_ERR_STATE;
    }
    free(server->dma_bytes);
    server->dma_bytes = NULL;
    server->dma_room = 0;
    server->max_transfer = max_transfer;
    return MIGP_OK;
}

/* --- the device ----------------------------------------------------------- */

int migp_user_device_flags(struct migp_vfio_user *server, uint32_t *flags)
{
    struct migp_user_call call = {.fd = -1, .lax = true};
    int code;

    call.request.command = MIGP_VU_GET_INFO;
    call.request.argsz = 16;
    code = migp_user_call(server, &call, MIGP_USER_FIRM);
    if (code == 0) {
        *flags = call.reply.flags;
    }
    return code;
}

migp_ssize migp_user_region_read(struct migp_vfio_user *server, uint32_t region,
                                 uint64_t offset, void *bytes, uint32_t size)
{
    struct migp_user_call call = {.fd = -1, .out = bytes, .room = size};
    int code;

    call.request.command = MIGP_VU_REGION_READ;
    call.request.region = region;
    call.request.offset = offset;
    call.request.count = size;
    code = migp_user_call(server, &call, MIGP_USER_FIRM);
    return code < 0 ? code : (migp_ssize)call.got;
}

static bool access_valid(const struct migp_vfio_user *server, uint64_t offset,
                         const void *bytes, size_t size)
{
    return server && (bytes || size == 0) && size <= UINT64_MAX - offset &&
           size <= INT64_MAX;
}

static uint32_t one_transfer(const struct migp_vfio_user *server, size_t size)
{
    return size < server->max_transfer ? (uint32_t)size : server->max_transfer;
}

migp_ssize migp_vfio_user_region_read(struct migp_vfio_user *server,
                                      uint32_t region, uint64_t offset,
                                      void *bytes, size_t size,
                                      struct migp_error *error)
{
    uint8_t *out = bytes;
    size_t done = 0;

    if (!access_valid(server, offset, bytes, size)) {
        return migp_error_say(error, MIGP_ERR_INVALID_ARGUMENT, 0,
                              "REGION_READ");
    }
    while (done < size) {
        uint32_t part = one_transfer(server, size - done);
        migp_ssize got = migp_user_region_read(server, region, offset + done,
                                               out + done, part);

        if (got < 0) {
            return migp_user_fail(server, error, "REGION_READ", (int)got);
        }
        done += (size_t)got;
        if (got < part) {
            break;
        }
    }
    return (migp_ssize)done;
}

static migp_ssize write_one(struct migp_vfio_user *server, uint32_t region,
                            uint64_t offset, const uint8_t *bytes,
                            uint32_t size)
{
    struct migp_user_call call = {.fd = -1, .tail = bytes, .lax = true};
    int code;

    call.request.command = MIGP_VU_REGION_WRITE;
    call.request.region = region;
    call.request.offset = offset;
    call.request.count = size;
    call.request.tail = size;
    code = migp_user_call(server, &call, MIGP_USER_FIRM);
    if (code == 0 && call.reply.count > size) {
        return migp_user_die(server, EPROTO, "more written than was sent");
    }
    return code < 0 ? code : (migp_ssize)call.reply.count;
}

migp_ssize migp_vfio_user_region_write(struct migp_vfio_user *server,
                                       uint32_t region, uint64_t offset,
                                       const void *bytes, size_t size,
                                       struct migp_error *error)
{
    const uint8_t *in = bytes;
    size_t done = 0;

    if (!access_valid(server, offset, bytes, size)) {
        return migp_error_say(error, MIGP_ERR_INVALID_ARGUMENT, 0,
                              "REGION_WRITE");
    }
    while (done < size) {
        uint32_t part = one_transfer(server, size - done);
        migp_ssize got =
            write_one(server, region, offset + done, in + done, part);

        if (got < 0) {
            return migp_user_fail(server, error, "REGION_WRITE", (int)got);
        }
        done += (size_t)got;
        if (got < part) {
            break;
        }
    }
    return (migp_ssize)done;
}
