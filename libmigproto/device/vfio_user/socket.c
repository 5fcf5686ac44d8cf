/* SPDX-License-Identifier: MIT */
#include "device/vfio_user/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

/* A poll that says "ready" or EINTR this often without a byte has a fault of
 * its own. */
#define SPINS_MAX (1 << 20)

/* [VU-9] */
int migp_user_die(struct migp_vfio_user *server, int number, const char *why)
{
    if (server->dead == 0) {
        server->dead = number;
        (void)snprintf(server->why, sizeof(server->why), "%s", why);
    }
    return -number;
}

/* Until the socket is ready for one of events; which, or a negative errno. */
static int await(struct migp_vfio_user *server, int events,
                 struct migp_user_waiting *waiting, enum migp_user_wait wait)
{
    const struct migp_sys *sys = &server->sys;
    int milliseconds = -1;
    int got;

    if (wait == MIGP_USER_NOT) {
        return -EAGAIN;
    }
    if (server->timeout > 0) {
        uint64_t now = sys->now(sys->user);
        uint64_t left;

        if (!waiting->begun) {
            waiting->begun = true;
            waiting->deadline = server->timeout > UINT64_MAX - now
                                    ? UINT64_MAX
                                    : now + server->timeout;
        }
        if (now >= waiting->deadline) {
            return migp_user_die(server, ETIMEDOUT,
                                 "the server does not answer");
        }
        left = (waiting->deadline - now) / 1000000;
        milliseconds = left < INT32_MAX ? (int)left + 1 : INT32_MAX;
    }
    if (++waiting->spins > SPINS_MAX) {
        return migp_user_die(server, ETIMEDOUT, "waiting makes no progress");
    }
    got = sys->poll(sys->user, server->socket, events, milliseconds);
    if (got == -EINTR && wait != MIGP_USER_STOPPABLE) {
        return 0;
    }
    if (got == 0) {
        return migp_user_die(server, ETIMEDOUT, "the server does not answer");
    }
    if (got < 0 && got != -EINTR) {
        return migp_user_die(server, ENODEV, "the socket cannot be waited for");
    }
    return got;
}

static bool lost(migp_ssize answer)
{
    return answer < 0 && answer != -EAGAIN && answer != -EINTR;
}

static void close_fds(struct migp_vfio_user *server, const int *fds, size_t n)
{
    size_t i;

    for (i = 0; i < n && i < MIGP_SYS_MAX_FDS; i++) {
        (void)server->sys.close(server->sys.user, fds[i]);
    }
}

migp_ssize migp_user_fill(struct migp_vfio_user *server, void *bytes,
                          size_t size, struct migp_user_waiting *waiting,
                          enum migp_user_wait wait)
{
    const struct migp_sys *sys = &server->sys;

    for (;;) {
        int fds[MIGP_SYS_MAX_FDS];
        size_t n_fds = MIGP_SYS_MAX_FDS;
        migp_ssize got;
        int ready;

        got = sys->receive(sys->user, server->socket, bytes, size, fds, &n_fds);
        if (got >= 0) {
            /* nothing that is asked for here comes with one */
            close_fds(server, fds, n_fds);
        }
        if (got > 0 && (uint64_t)got <= size) {
            return got;
        }
        if (got == 0) {
            return migp_user_die(server, ENODEV, "the server hung up");
        }
        if (got > 0 || lost(got)) {
            return migp_user_die(server, ENODEV, "the socket failed");
        }
        if (got == -EINTR && wait == MIGP_USER_STOPPABLE) {
            return -EINTR;
        }
        ready = got == -EINTR && waiting->spins++ < SPINS_MAX
                    ? 0
                    : await(server, POLLIN, waiting, wait);
        if (ready < 0) {
            return ready;
        }
    }
}

/* --- sending -------------------------------------------------------------- */

/* While the socket takes no more: a server that is sending to us does not read
 * what we send, so take what it sends, if it can be taken now. */
static int take_meanwhile(struct migp_vfio_user *server, bool *stuck)
{
    int code;

    if (server->answer_waits) {
        *stuck = true;
        return 0;
    }
    code = migp_user_next(server, MIGP_USER_NOT);
    if (code == -EAGAIN) {
        return 0;
    }
    if (code == 0 && server->pending[0].command == MIGP_VU_MIG_DATA_WRITE) {
        return migp_user_take_written(server);
    }
    *stuck = code == 0;
    return code;
}

static int wait_to_send(struct migp_vfio_user *server,
                        struct migp_user_waiting *waiting, bool *stuck,
                        enum migp_user_wait wait)
{
    int events = *stuck ? POLLOUT : POLLIN | POLLOUT;
    int ready = await(server, events, waiting, wait);

    if (ready > 0 && (ready & POLLOUT) == 0 && !*stuck) {
        return take_meanwhile(server, stuck);
    }
    return ready < 0 ? ready : 0;
}

/* Pieces of a message, and how far they are sent. */
struct outgoing {
    struct migp_piece pieces[2];
    size_t n_pieces;
    int fd;
    bool begun;
};

static void advance(struct outgoing *out, size_t sent)
{
    while (sent > 0 && out->n_pieces > 0) {
        struct migp_piece *first = &out->pieces[0];
        size_t part = sent < first->size ? sent : first->size;

        first->bytes = (const uint8_t *)first->bytes + part;
        first->size -= part;
        sent -= part;
        if (first->size == 0) {
            out->pieces[0] = out->pieces[1];
            out->n_pieces--;
        }
    }
}

/* From its first byte on, a message is sent to its end. */
static int send_all(struct migp_vfio_user *server, struct outgoing *out,
                    enum migp_user_wait wait)
{
    const struct migp_sys *sys = &server->sys;
    struct migp_user_waiting waiting = {0};
    bool stuck = false;

    while (out->n_pieces > 0) {
        size_t left =
            out->pieces[0].size + (out->n_pieces > 1 ? out->pieces[1].size : 0);
        size_t n_fds = out->fd >= 0 && !out->begun ? 1 : 0;
        migp_ssize sent = sys->send(sys->user, server->socket, out->pieces,
                                    out->n_pieces, &out->fd, n_fds);
        int code = 0;

        if (sent == 0 || (sent > 0 && (uint64_t)sent > left) || lost(sent)) {
            return migp_user_die(server, ENODEV, "the server hung up");
        }
        if (sent == -EINTR && wait == MIGP_USER_STOPPABLE && !out->begun) {
            return -EINTR;
        }
        if (sent > 0) {
            advance(out, (size_t)sent);
            out->begun = true;
            server->sending = true;
            waiting = (struct migp_user_waiting){0};
            stuck = false;
        }
        /* what did not fit will not fit at once */
        if (out->n_pieces > 0 &&
            (sent != -EINTR || waiting.spins++ >= SPINS_MAX)) {
            code = wait_to_send(server, &waiting, &stuck,
                                out->begun ? MIGP_USER_FIRM : wait);
        }
        if (code < 0) {
            return code;
        }
    }
    return 0;
}

int migp_user_send_message(struct migp_vfio_user *server,
                           const struct migp_vu_message *message,
                           const void *tail, int fd, enum migp_user_wait wait)
{
    uint8_t fixed[MIGP_VU_FIXED_MAX];
    migp_ssize size = migp_vu_encode(message, fixed, sizeof(fixed));
    struct outgoing out = {.fd = fd};
    int code;

    if (size < 0) {
        return -EMSGSIZE;
    }
    out.pieces[0] = (struct migp_piece){fixed, (size_t)size};
    out.pieces[1] = (struct migp_piece){tail, (size_t)message->tail};
    out.n_pieces = message->tail > 0 ? 2 : 1;
    code = send_all(server, &out, wait);
    server->sending = false;
    return code;
}

/* --- the tail of a message ------------------------------------------------ */

migp_ssize migp_user_tail(struct migp_vfio_user *server, void *bytes,
                          size_t size, enum migp_user_wait wait)
{
    struct migp_user_waiting waiting = {0};
    migp_ssize got;

    if (server->dead) {
        return -ENODEV;
    }
    if (size > server->input.tail_left) {
        size = (size_t)server->input.tail_left;
    }
    if (size == 0) {
        return 0;
    }
    got = migp_user_fill(server, bytes, size, &waiting, wait);
    if (got > 0) {
        server->input.tail_left -= (uint64_t)got;
    }
    return got;
}

int migp_user_tail_all(struct migp_vfio_user *server, void *bytes, size_t size)
{
    struct migp_user_waiting waiting = {0};
    uint8_t *out = bytes;

    if (server->dead) {
        return -ENODEV;
    }
    while (size > 0) {
        migp_ssize got =
            migp_user_fill(server, out, size, &waiting, MIGP_USER_FIRM);

        if (got < 0) {
            return (int)got;
        }
        out += got;
        size -= (size_t)got;
        server->input.tail_left -= (uint64_t)got;
    }
    return 0;
}

int migp_user_skip_tail(struct migp_vfio_user *server)
{
    struct migp_user_waiting waiting = {0};

    if (server->dead) {
        return -ENODEV;
    }
    while (server->input.tail_left > 0) {
        uint8_t nowhere[4096];
        size_t part = server->input.tail_left < sizeof(nowhere)
                          ? (size_t)server->input.tail_left
                          : sizeof(nowhere);
        migp_ssize got =
            migp_user_fill(server, nowhere, part, &waiting, MIGP_USER_FIRM);

        if (got < 0) {
            return (int)got;
        }
        server->input.tail_left -= (uint64_t)got;
    }
    return 0;
}
