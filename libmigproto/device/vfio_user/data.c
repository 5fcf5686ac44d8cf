/* SPDX-License-Identifier: MIT */
#include "device/vfio_user/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * A reply's data goes from the socket to where the reader wants it; what a
 * reader does not take now stays in the socket. Only if another request must be
 * made while replies are on their way are they kept here: at most in_flight of
 * them, each as long as was asked for.
 */

static void forget_reads(struct migp_vfio_user *server)
{
    size_t i;

    for (i = 0; i < server->n_pending; i++) {
        if (server->pending[i].command == MIGP_VU_MIG_DATA_READ) {
            server->pending[i].orphan = true;
        }
    }
    server->session.n_reads = 0;
    server->session.data_left = 0;
}

int migp_user_session_open(struct migp_vfio_user *server, bool saving)
{
    struct migp_user_session *session = &server->session;
    int number = session->number < INT32_MAX ? session->number + 1 : 0;

    migp_user_session_close(server, session->number);
    *session = (struct migp_user_session){
        .open = true, .saving = saving, .number = number, .window = 1};
    return number;
}

void migp_user_session_close(struct migp_vfio_user *server, int number)
{
    struct migp_user_session *session = &server->session;

    if (session->open && session->number == number) {
        forget_reads(server);
        free(session->store);
        session->store = NULL;
        session->store_at = 0;
        session->store_end = 0;
        session->open = false;
    }
}

void migp_user_session_turn(struct migp_vfio_user *server)
{
    server->session.dry = false;
    server->session.ended = false;
    server->session.window = 1;
}

/* --- replies -------------------------------------------------------------- */

/*
 * The reply to the oldest MIG_DATA_READ is there: how much of it is data? A
 * server's reply is as long as the request wanted, however little there was,
 * and a count that is smaller than the request's is the only sign of an end:
 * for now in PRE_COPY, for good in STOP_COPY. There is no ENOMSG.
 * [VU-1]
 */
static int open_data(struct migp_vfio_user *server)
{
    struct migp_user_session *session = &server->session;
    const struct migp_vu_message *reply = &server->input.message;
    uint32_t wanted = server->pending[0].count;

    if (reply->head_flags & MIGP_VU_ERROR) {
        session->n_reads--;
        if (migp_user_reply_errno(reply) == -ENOMSG) {
            session->dry = true;
            session->window = 1;
            return migp_user_done(server);
        }
        /* what comes behind it has a hole in front */
        session->failed = migp_user_reply_errno(reply);
        forget_reads(server);
        return migp_user_done(server);
    }
    if (reply->count > wanted || reply->tail > wanted) {
        return migp_user_die(server, EPROTO,
                             "more device state than was asked for");
    }
    session->dry = reply->count < wanted;
    session->window = session->dry ? 1 : server->in_flight;
    session->data_left = reply->count;
    return 0;
}

/* Some of the data; the reply is done with its last byte. */
static migp_ssize take_data(struct migp_vfio_user *server, void *bytes,
                            size_t size, enum migp_user_wait wait)
{
    struct migp_user_session *session = &server->session;
    size_t part = size < session->data_left ? size : session->data_left;
    migp_ssize got = migp_user_tail(server, bytes, part, wait);
    int code = 0;

    if (got < 0) {
        return got;
    }
    session->data_left -= (uint32_t)got;
    if (session->data_left == 0) {
        session->n_reads--;
        code = migp_user_done(server);
    }
    /* what was taken is good; the next call sees that the server is lost */
    return code < 0 && got == 0 ? code : got;
}

/* Room for all that may still come. [VU-10] */
static int make_store(struct migp_vfio_user *server)
{
    struct migp_user_session *session = &server->session;
    size_t held = session->store_end - session->store_at;
    size_t more = 0;
    uint8_t *store;
    size_t i;

    for (i = 0; i < server->n_pending; i++) {
        if (server->pending[i].command == MIGP_VU_MIG_DATA_READ &&
            !server->pending[i].orphan) {
            more += server->pending[i].count;
        }
    }
    store = malloc(held + more + 1);
    if (!store) {
        return -ENOMEM;
    }
    if (held > 0) {
        memcpy(store, session->store + session->store_at, held);
    }
    free(session->store);
    session->store = store;
    session->store_at = 0;
    session->store_end = held;
    return 0;
}

/* The rest of the data goes to the store. */
static int store_data(struct migp_vfio_user *server, enum migp_user_wait wait)
{
    struct migp_user_session *session = &server->session;

    do {
        migp_ssize got = take_data(server, session->store + session->store_end,
                                   session->data_left, wait);

        if (got < 0) {
            return (int)got;
        }
        session->store_end += (size_t)got;
    } while (session->data_left > 0);
    return 0;
}

int migp_user_take_written(struct migp_vfio_user *server)
{
    struct migp_user_session *session = &server->session;
    const struct migp_vu_message *reply = &server->input.message;

    if ((reply->head_flags & MIGP_VU_ERROR) && !server->pending[0].orphan &&
        session->failed == 0) {
        session->failed = migp_user_reply_errno(reply);
    }
    return migp_user_done(server);
}

static int settle_one(struct migp_vfio_user *server, enum migp_user_wait wait)
{
    const struct migp_user_pending *entry = &server->pending[0];
    int code = 0;

    if (server->session.data_left > 0) {
        return store_data(server, wait);
    }
    code = migp_user_next(server, wait);
    if (code < 0) {
        return code;
    }
    if (entry->command == MIGP_VU_MIG_DATA_WRITE) {
        return migp_user_take_written(server);
    }
    if (entry->command != MIGP_VU_MIG_DATA_READ || entry->orphan) {
        return migp_user_done(server);
    }
    code = open_data(server);
    if (code == 0 && server->input.ready) {
        code = store_data(server, wait);
    }
    return code;
}

int migp_user_settle(struct migp_vfio_user *server, enum migp_user_wait wait)
{
    int code = 0;

    if (server->dead) {
        return -ENODEV;
    }
    if (server->session.n_reads > 0) {
        code = make_store(server);
    }
    while (code == 0 && server->n_pending > 0) {
        code = settle_one(server, wait);
    }
    return code;
}

/* --- reading -------------------------------------------------------------- */

static migp_ssize take_stored(struct migp_user_session *session, void *bytes,
                              size_t size)
{
    size_t held = session->store_end - session->store_at;
    size_t part = size < held ? size : held;

    memcpy(bytes, session->store + session->store_at, part);
    session->store_at += part;
    return (migp_ssize)part;
}

/* Have as many requests on their way as there should be. [VU-8] */
static int ask_for_data(struct migp_vfio_user *server, size_t size)
{
    struct migp_user_session *session = &server->session;

    while (session->n_reads < session->window) {
        struct migp_vu_message request = {.command = MIGP_VU_MIG_DATA_READ};
        int code;

        /* Longer messages than that get EINVAL (libvfio-user). */
        request.count =
            size < server->max_transfer ? (uint32_t)size : server->max_transfer;
        request.argsz = 8 + request.count;
        code = migp_user_send(server, &request, NULL, -1, MIGP_USER_STOPPABLE);
        if (code < 0) {
            return code == -EINTR && session->n_reads > 0 ? 0 : code;
        }
        session->n_reads++;
    }
    return 0;
}

/* No request is on its way: say so if there is nothing to ask for. [VU-2] */
static bool at_end(struct migp_vfio_user *server, migp_ssize *answer)
{
    struct migp_user_session *session = &server->session;

    if (session->failed < 0) {
        *answer = session->failed;
        return true;
    }
    if (session->dry) {
        session->dry = false;
        session->ended =
            server->state_known && server->state == MIGP_STATE_STOP_COPY;
        *answer = session->ended ? 0 : -ENOMSG;
        return true;
    }
    *answer = 0;
    return session->ended;
}

/* Until there is data of the oldest request: 1; 0: see *answer. */
static int reach_data(struct migp_vfio_user *server, size_t size,
                      migp_ssize *answer)
{
    struct migp_user_session *session = &server->session;
    int code;

    while (session->data_left == 0) {
        if (session->n_reads == 0 && at_end(server, answer)) {
            return 0;
        }
        /* After a short reply those that are on their way may still have data,
         * in order; no more are sent until all have been seen. */
        code = session->dry ? 0 : ask_for_data(server, size);
        if (code == 0) {
            code = migp_user_next(server, MIGP_USER_STOPPABLE);
        }
        if (code == 0 &&
            (server->pending[0].orphan ||
             server->pending[0].command != MIGP_VU_MIG_DATA_READ)) {
            code = migp_user_done(server);
        } else if (code == 0) {
            code = open_data(server);
            if (code == 0 && server->input.ready && session->data_left == 0) {
                session->n_reads--;
                code = migp_user_done(server);
            }
        }
        if (code < 0) {
            *answer = code;
            return 0;
        }
    }
    return 1;
}

migp_ssize migp_user_read(struct migp_vfio_user *server, int number,
                          void *bytes, size_t size)
{
    struct migp_user_session *session = &server->session;
    uint8_t *out = bytes;
    migp_ssize answer = 0;
    size_t done = 0;

    if (!session->open || session->number != number || !session->saving) {
        return -EBADF;
    }
    if (session->store_at < session->store_end) {
        return take_stored(session, bytes, size);
    }
    if (server->dead) {
        return -ENODEV;
    }
    if (size == 0) {
        return 0;
    }
    if (reach_data(server, size, &answer) == 0) {
        return answer;
    }
    while (done < size && session->data_left > 0) {
        migp_ssize got =
            take_data(server, out + done, size - done, MIGP_USER_STOPPABLE);

        if (got < 0) {
            return done > 0 ? (migp_ssize)done : got;
        }
        done += (size_t)got;
    }
    return (migp_ssize)done;
}

/* --- writing -------------------------------------------------------------- */

migp_ssize migp_user_write(struct migp_vfio_user *server, int number,
                           const void *bytes, size_t size)
{
    struct migp_user_session *session = &server->session;
    struct migp_vu_message request = {.command = MIGP_VU_MIG_DATA_WRITE};
    int code;

    if (!session->open || session->number != number || session->saving) {
        return -EBADF;
    }
    while (server->n_pending >= server->in_flight && session->failed == 0) {
        code = settle_one(server, MIGP_USER_STOPPABLE);
        if (code < 0) {
            return code;
        }
    }
    if (session->failed < 0) {
        return session->failed;
    }
    if (size == 0) {
        return 0;
    }
    request.count =
        size < server->max_transfer ? (uint32_t)size : server->max_transfer;
    request.argsz = 8 + request.count;
    request.tail = request.count;
    code = migp_user_send(server, &request, bytes, -1, MIGP_USER_STOPPABLE);
    if (code < 0) {
        return code;
    }
    return (migp_ssize)request.count;
}
