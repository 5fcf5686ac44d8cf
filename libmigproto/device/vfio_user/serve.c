/* SPDX-License-Identifier: MIT */
#include "device/vfio_user/serve.h"

#include "core/error.h"
#include "core/options.h"
#include "device/sys.h"
#include "device/sys_call.h"
#include "device/vfio_user/client.h"

#include <errno.h>
#include <migproto/vfio_user_serve.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

/*
 * A client is not trusted: what it asks for is bounded by our own max_transfer,
 * what it sends beyond that is read and dropped, and a message that is wrong in
 * itself gets EINVAL. Only what leaves no way to find the next message ends the
 * service.
 */

void migp_vfio_user_serve_options_init(
    struct migp_vfio_user_serve_options *options)
{
    if (options) {
        memset(options, 0, sizeof(*options));
        options->struct_size = sizeof(*options);
        options->max_transfer = UINT32_C(1) << 20;
    }
}

/* What became of a piece of input or output. */
enum outcome {
    DONE = 0,
    HUNG_UP = 1, /* before the first byte */
    CUT = 2,     /* after it */
    STOPPED = 3, /* by a signal */
    FAILED = 4
};

static enum outcome wait_for(struct migp_user_service *service, int events)
{
    int ready =
        service->sys.poll(service->sys.user, service->socket, events, -1);

    if (ready == -EINTR) {
        return STOPPED;
    }
    service->failed = -migp_sys_errno(ready);
    return ready < 0 ? FAILED : DONE;
}

static enum outcome after_failure(struct migp_user_service *service,
                                  migp_ssize answer, int events, bool begun)
{
    if (answer == -EAGAIN) {
        return wait_for(service, events);
    }
    if (answer == -EINTR) {
        return STOPPED;
    }
    if (answer == 0 || answer == -ECONNRESET || answer == -EPIPE) {
        return begun ? CUT : HUNG_UP;
    }
    service->failed = answer < 0 ? -migp_sys_errno(answer) : EIO;
    return FAILED;
}

/* Exactly size bytes; bytes NULL drops them. */
static enum outcome receive_all(struct migp_user_service *service,
                                uint8_t *bytes, size_t size, bool begun)
{
    const struct migp_sys *sys = &service->sys;

    while (size > 0) {
        uint8_t nowhere[4096];
        size_t part = bytes || size < sizeof(nowhere) ? size : sizeof(nowhere);
        int fds[MIGP_SYS_MAX_FDS];
        size_t n_fds = MIGP_SYS_MAX_FDS;
        migp_ssize got =
            sys->receive(sys->user, service->socket, bytes ? bytes : nowhere,
                         part, fds, &n_fds);
        enum outcome outcome = DONE;

        while (got >= 0 && n_fds > 0 && n_fds <= MIGP_SYS_MAX_FDS) {
            /* memory to map: it is not used */
            (void)sys->close(sys->user, fds[--n_fds]);
        }
        if (got <= 0 || (uint64_t)got > part) {
            outcome = after_failure(service, got, POLLIN, begun);
        } else {
            begun = true;
            size -= (size_t)got;
            bytes = bytes ? bytes + got : NULL;
        }
        if (outcome != DONE) {
            return outcome;
        }
    }
    return DONE;
}

static enum outcome send_all(struct migp_user_service *service,
                             const uint8_t *head, size_t head_size,
                             const uint8_t *tail, size_t tail_size)
{
    const struct migp_sys *sys = &service->sys;
    size_t at = 0;

    while (at < head_size + tail_size) {
        size_t in_head = at < head_size ? at : head_size;
        size_t in_tail = at - in_head;
        const struct migp_piece pieces[2] = {
            {head + in_head, head_size - in_head},
            {tail + in_tail, tail_size - in_tail},
        };
        size_t first = in_head < head_size ? 0 : 1;
        size_t n = (tail_size > in_tail ? 2u : 1u) - first;
        migp_ssize sent =
            sys->send(sys->user, service->socket, pieces + first, n, NULL, 0);
        enum outcome outcome = DONE;

        if (sent <= 0 || (uint64_t)sent > head_size + tail_size - at) {
            outcome = after_failure(service, sent, POLLOUT, at > 0);
        } else {
            at += (size_t)sent;
        }
        if (outcome != DONE) {
            return outcome;
        }
    }
    return DONE;
}

/* --- a message ------------------------------------------------------------ */

static enum outcome answer(struct migp_user_service *service,
                           const struct migp_vu_message *request,
                           struct migp_vu_message *reply, int code)
{
    uint8_t fixed[MIGP_VU_FIXED_MAX];
    migp_ssize size;

    if (request->head_flags & MIGP_VU_NO_REPLY) {
        return DONE;
    }
    reply->struct_size = sizeof(*reply);
    reply->id = request->id;
    reply->command = request->command;
    reply->head_flags = MIGP_VU_REPLY;
    if (code < 0) {
        reply->head_flags |= MIGP_VU_ERROR;
        reply->error_number = (uint32_t)-code;
        reply->tail = 0;
    }
    size = migp_vu_encode(reply, fixed, sizeof(fixed));
    if (size < 0) {
        /* a command without a layout has only a head */
        memset(fixed, 0, MIGP_VU_HEAD_SIZE);
        size = MIGP_VU_HEAD_SIZE;
        memcpy(fixed, &reply->id, 2);
        memcpy(fixed + 2, &reply->command, 2);
        fixed[4] = MIGP_VU_HEAD_SIZE;
        memcpy(fixed + 8, &reply->head_flags, 4);
        memcpy(fixed + 12, &reply->error_number, 4);
    }
    return send_all(service, fixed, (size_t)size, service->out,
                    (size_t)reply->tail);
}

/* What the head alone says. Returns the message's size, or 0 if it is not the
 * head of a request. */
static uint32_t read_head(const uint8_t *head, struct migp_vu_message *request)
{
    uint32_t size;

    memset(request, 0, sizeof(*request));
    request->struct_size = sizeof(*request);
    memcpy(&request->id, head, 2);
    memcpy(&request->command, head + 2, 2);
    memcpy(&size, head + 4, 4);
    memcpy(&request->head_flags, head + 8, 4);
    if (size < MIGP_VU_HEAD_SIZE || size > MIGP_VU_MESSAGE_MAX ||
        (request->head_flags & 15) != 0) {
        return 0;
    }
    return size;
}

static int not_vfio_user(struct migp_error *error, const char *what)
{
    return migp_error_say(error, MIGP_ERR_MALFORMED, 0,
                          "the client does not speak vfio-user: %s", what);
}

static int told(const struct migp_user_service *service, enum outcome result,
                struct migp_error *error)
{
    switch (result) {
    case DONE:
    case HUNG_UP:
        return MIGP_OK;
    case CUT:
        return migp_error_say(error, MIGP_ERR_TRUNCATED, 0,
                              "the client hung up inside a message");
    case STOPPED:
        return migp_error_say(error, MIGP_ERR_CANCELLED, 0,
                              "interrupted by a signal");
    default:
        return migp_error_say(error, MIGP_ERR_SYSTEM, service->failed,
                              "the client's socket");
    }
}

/* One request and its reply. *over: there is no next one. */
static int serve_one(struct migp_user_service *service, bool *over,
                     struct migp_error *error)
{
    struct migp_vu_message request;
    struct migp_vu_message reply = {.struct_size = sizeof(reply)};
    enum outcome result =
        receive_all(service, service->in, MIGP_VU_HEAD_SIZE, false);
    migp_ssize fixed = 0;
    uint32_t size;
    int code = -EINVAL;

    *over = true;
    if (result != DONE) {
        return told(service, result, error);
    }
    size = read_head(service->in, &request);
    if (size == 0) {
        return not_vfio_user(error, "not a request");
    }
    result = receive_all(
        service, size <= service->room ? service->in + MIGP_VU_HEAD_SIZE : NULL,
        size - MIGP_VU_HEAD_SIZE, true);
    if (result != DONE) {
        return told(service, result, error);
    }
    if (size <= service->room) {
        fixed = migp_vu_decode(service->in, size, &request, NULL);
    }
    if (fixed > 0) {
        code = migp_user_serve_message(service, &request, service->in + fixed,
                                       &reply);
    }
    if (service->stopped) {
        return told(service, STOPPED, error);
    }
    result = answer(service, &request, &reply, code);
    if (result != DONE) {
        return told(service, result, error);
    }
    if (!service->greeted) {
        return not_vfio_user(error, "it does not begin with VERSION");
    }
    *over = false;
    return MIGP_OK;
}

static int begin(struct migp_user_service *service,
                 const struct migp_vfio_user_serve_options *how,
                 struct migp_error *error)
{
    service->max_transfer = how->max_transfer;
    service->room = (size_t)how->max_transfer + MIGP_USER_SERVE_EXTRA;
    if (how->max_transfer < MIGP_USER_TRANSFER_MIN ||
        how->max_transfer > MIGP_USER_TRANSFER_MAX ||
        migp_sys_take(&service->sys, how->sys) < 0 ||
        migp_sys_take(&service->device,
                      how->device_sys ? how->device_sys : how->sys) < 0) {
        return migp_error_say(error, MIGP_ERR_INVALID_ARGUMENT, 0,
                              "max_transfer, or a table of system calls");
    }
    service->in = malloc(service->room);
    service->out = malloc(service->room);
    return service->in && service->out
               ? MIGP_OK
               : migp_error_say(error, MIGP_ERR_NO_MEMORY, 0, "vfio-user");
}

int migp_vfio_user_serve(int socket, int device_fd,
                         const struct migp_vfio_user_serve_options *options,
                         struct migp_error *error)
{
    struct migp_vfio_user_serve_options how;
    struct migp_user_service service = {
        .socket = socket, .device_fd = device_fd, .data_fd = -1};
    bool over = false;
    int code;

    migp_vfio_user_serve_options_init(&how);
    if (socket < 0 || device_fd < 0 ||
        (options && migp_struct_read(&how, sizeof(how), options) < 0)) {
        return migp_error_say(error, MIGP_ERR_INVALID_ARGUMENT, 0,
                              "a socket and a device are needed");
    }
    code = begin(&service, &how, error);
    while (code == MIGP_OK && !over) {
        code = serve_one(&service, &over, error);
    }
    if (service.data_fd >= 0) {
        migp_sys_close(&service.device, &service.data_fd);
    }
    free(service.in);
    free(service.out);
    return code;
}
