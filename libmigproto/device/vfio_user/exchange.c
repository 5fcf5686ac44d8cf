/* SPDX-License-Identifier: MIT */
#include "device/vfio_user/client.h"
#include "device/vfio_user/codec.h"

#include <errno.h>
#include <string.h>

/* Linux include/linux/err.h: no errno is above it. */
#define ERRNO_MAX 4095

/* Requests of the server's that are served before a caller may look around,
 * and before it is lost. */
#define SERVED_AT_A_TIME 64
#define SERVED_MAX (UINT32_C(1) << 20)

/* Replies of libvfio-user to a refused request repeat the request. */
#define ERROR_TAIL_MAX (MIGP_USER_TRANSFER_MAX + 65536)

/* [VU-5] */
int migp_user_reply_errno(const struct migp_vu_message *reply)
{
    uint32_t number = reply->error_number;

    /* libvfio-user passes on what its user's callback left in errno. EINTR of
     * the server's is nobody's wish to stop here. */
    if (number == 0 || number > ERRNO_MAX || number == EINTR) {
        return -EIO;
    }
    return -(int)number;
}

/* --- sending -------------------------------------------------------------- */

int migp_user_send_answer(struct migp_vfio_user *server)
{
    int code = 0;

    if (server->answer_waits) {
        /* while it waits no other request of the server is taken */
        code = migp_user_send_message(server, &server->answer,
                                      server->dma_bytes, -1, MIGP_USER_FIRM);
        server->answer_waits = false;
    }
    return code;
}

static uint64_t key_of(const struct migp_vu_message *request, const void *tail)
{
    uint64_t key = 0;

    if (tail && request->tail > 0) {
        memcpy(&key, tail,
               request->tail < sizeof(key) ? (size_t)request->tail
                                           : sizeof(key));
    }
    return key;
}

int migp_user_send(struct migp_vfio_user *server,
                   struct migp_vu_message *request, const void *tail, int fd,
                   enum migp_user_wait wait)
{
    struct migp_user_pending *entry;
    int code;

    if (server->dead) {
        return -ENODEV;
    }
    if (server->n_pending == MIGP_USER_PENDING_MAX) {
        return -EBUSY;
    }
    request->struct_size = sizeof(*request);
    request->id = server->next_id;
    code = migp_user_send_message(server, request, tail, fd, wait);
    if (code < 0) {
        return code;
    }
    server->next_id++;
    entry = &server->pending[server->n_pending++];
    *entry = (struct migp_user_pending){
        .id = request->id,
        .command = request->command,
        .flags = request->flags,
        .count = request->count,
        .key = key_of(request, tail),
    };
    return migp_user_send_answer(server);
}

/* --- receiving ------------------------------------------------------------ */

/* Until input has the fixed part of a message. */
static int take_fixed(struct migp_vfio_user *server, enum migp_user_wait wait)
{
    struct migp_user_input *input = &server->input;
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_user_waiting waiting = {0};

    for (;;) {
        migp_ssize size = input->have < MIGP_VU_HEAD_SIZE
                              ? MIGP_VU_HEAD_SIZE
                              : migp_vu_fixed_size(input->fixed, &error);
        migp_ssize got;

        if (size < 0) {
            return migp_user_die(server, EPROTO, error.text);
        }
        if (input->have == (size_t)size) {
            break;
        }
        got = migp_user_fill(server, input->fixed + input->have,
                             (size_t)size - input->have, &waiting, wait);
        if (got < 0) {
            return (int)got;
        }
        input->have += (size_t)got;
    }
    input->message.struct_size = sizeof(input->message);
    if (migp_vu_decode(input->fixed, input->have, &input->message, &error) <
        0) {
        return migp_user_die(server, EPROTO, error.text);
    }
    input->tail_left = input->message.tail;
    input->ready = true;
    return 0;
}

static void drop_message(struct migp_vfio_user *server)
{
    server->input.have = 0;
    server->input.ready = false;
    server->input.tail_left = 0;
}

static int check_reply(struct migp_vfio_user *server)
{
    const struct migp_vu_message *message = &server->input.message;

    if (server->n_pending == 0 || message->id != server->pending[0].id ||
        message->command != server->pending[0].command) {
        return migp_user_die(server, EPROTO,
                             "a reply to a request that was not made");
    }
    if ((message->head_flags & MIGP_VU_ERROR) &&
        message->tail > ERROR_TAIL_MAX) {
        return migp_user_die(server, EPROTO, "an error reply without end");
    }
    return 0;
}

int migp_user_next(struct migp_vfio_user *server, enum migp_user_wait wait)
{
    uint32_t served = 0;

    if (server->dead) {
        return -ENODEV;
    }
    for (;;) {
        int code;

        if (!server->input.ready) {
            code = take_fixed(server, wait);
            if (code < 0) {
                return code;
            }
        }
        if (server->input.message.head_flags & MIGP_VU_REPLY) {
            code = check_reply(server);
            if (code < 0) {
                drop_message(server);
            }
            return code;
        }
        code = migp_user_serve_dma(server);
        drop_message(server);
        if (code == 0 && !server->sending) {
            code = migp_user_send_answer(server);
        }
        if (code < 0) {
            return code;
        }
        if (server->sending) {
            return -EAGAIN;
        }
        /* A server that asks and asks leaves no pause in which a signal could
         * be seen: let the caller look. And it must answer some time. */
        if (++served == SERVED_MAX) {
            return migp_user_die(server, EPROTO,
                                 "the server asks for memory without end");
        }
        if (served % SERVED_AT_A_TIME == 0 && wait == MIGP_USER_STOPPABLE) {
            return -EINTR;
        }
    }
}

int migp_user_done(struct migp_vfio_user *server)
{
    int code = migp_user_skip_tail(server);

    if (code < 0) {
        return code;
    }
    drop_message(server);
    server->n_pending--;
    memmove(server->pending, server->pending + 1,
            server->n_pending * sizeof(server->pending[0]));
    return 0;
}

/* --- a request and its reply ---------------------------------------------- */

static bool adopt(struct migp_vfio_user *server,
                  const struct migp_user_call *call)
{
    struct migp_user_pending *entry = &server->pending[0];

    if (server->n_pending != 1 || !entry->orphan ||
        entry->command != call->request.command ||
        entry->flags != call->request.flags ||
        entry->key != key_of(&call->request, call->tail)) {
        return false;
    }
    entry->orphan = false;
    return true;
}

static int take_reply(struct migp_vfio_user *server,
                      struct migp_user_call *call)
{
    const struct migp_vu_message *reply = &server->input.message;
    int answer = 0;
    int code = 0;

    call->reply = *reply;
    call->got = 0;
    if (reply->head_flags & MIGP_VU_ERROR) {
        answer = migp_user_reply_errno(reply);
    } else {
        if (reply->tail > call->room &&
            (!call->lax || reply->tail > ERROR_TAIL_MAX)) {
            return migp_user_die(server, EPROTO,
                                 "a reply longer than was asked for");
        }
        call->got = reply->tail < call->room ? (size_t)reply->tail : call->room;
        code = migp_user_tail_all(server, call->out, call->got);
    }
    if (code == 0) {
        code = migp_user_done(server);
    }
    return code < 0 ? code : answer;
}

int migp_user_call(struct migp_vfio_user *server, struct migp_user_call *call,
                   enum migp_user_wait wait)
{
    int code;

    if (server->dead) {
        return -ENODEV;
    }
    if (!adopt(server, call)) {
        code = migp_user_settle(server, wait);
        if (code == 0) {
            code = migp_user_send(server, &call->request, call->tail, call->fd,
                                  wait);
        }
        if (code < 0) {
            return code;
        }
    }
    code = migp_user_next(server, wait);
    if (code == -EINTR) {
        server->pending[0].orphan = true;
    }
    return code < 0 ? code : take_reply(server, call);
}
