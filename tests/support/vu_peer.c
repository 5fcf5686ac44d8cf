/* SPDX-License-Identifier: MIT */
#include "support/vu_peer.h"

#include "device/uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* --- the table ------------------------------------------------------------ */

static bool stutters(struct vu_peer *peer)
{
    peer->turn = !peer->turn;
    return peer->stutter && peer->turn;
}

static int peer_close(void *user, int fd)
{
    struct vu_peer *peer = user;

    (void)fd;
    peer->open--;
    return 0;
}

static int peer_fcntl(void *user, int fd, int command, int arg)
{
    (void)user;
    (void)fd;
    (void)arg;
    return command == F_GETFL ? O_RDWR : 0;
}

static int peer_connect(void *user, const char *path)
{
    struct vu_peer *peer = user;

    (void)path;
    peer->open++;
    return VU_PEER_SOCKET;
}

static bool muted(const struct vu_peer *peer)
{
    return peer->mute_at > 0 && peer->given == peer->mute_at;
}

static int peer_poll(void *user, int fd, int events, int timeout)
{
    struct vu_peer *peer = user;
    int ready = 0;

    (void)fd;
    if ((peer->out_at < peer->out_end && !muted(peer)) || peer->hung_up) {
        ready |= POLLIN;
    }
    if (!peer->deaf) {
        ready |= POLLOUT;
    }
    ready &= events;
    if (ready == 0) {
        peer->clock += timeout < 0 ? 0 : (uint64_t)timeout * 1000000;
    }
    return ready;
}

/* Every message that is whole now. */
static void hand_over(struct vu_peer *peer)
{
    for (;;) {
        struct migp_vu_message message = {.struct_size = sizeof(message)};
        uint32_t size = 0;

        if (peer->in_size < MIGP_VU_HEAD_SIZE) {
            return;
        }
        memcpy(&size, peer->in + 4, 4);
        if (size < MIGP_VU_HEAD_SIZE || peer->in_size < size) {
            return;
        }
        if (migp_vu_decode(peer->in, size, &message, NULL) < 0) {
            memset(&message, 0, sizeof(message));
        }
        peer->requests++;
        peer->handler(peer, &message, peer->in, size);
        peer->in_size -= size;
        memmove(peer->in, peer->in + size, peer->in_size);
    }
}

static migp_ssize peer_send(void *user, int fd, const struct migp_piece *pieces,
                            size_t n_pieces, const int *fds, size_t n_fds)
{
    struct vu_peer *peer = user;
    size_t sent = 0;
    size_t i;

    (void)fd;
    (void)fds;
    peer->calls++;
    if (peer->error) {
        return -peer->error;
    }
    if (peer->hung_up || (peer->cut_at > 0 && peer->given == peer->cut_at)) {
        return -EPIPE;
    }
    if (peer->deaf || stutters(peer)) {
        return -EAGAIN;
    }
    peer->fds_passed += n_fds;
    for (i = 0; i < n_pieces; i++) {
        size_t part = pieces[i].size;

        if (peer->chunk > 0 && part > peer->chunk - sent) {
            part = peer->chunk - sent;
        }
        if (part > VU_PEER_ROOM - peer->in_size) {
            part = VU_PEER_ROOM - peer->in_size;
        }
        if (part > 0) {
            memcpy(peer->in + peer->in_size, pieces[i].bytes, part);
        }
        peer->in_size += part;
        sent += part;
        if (part < pieces[i].size) {
            break;
        }
    }
    hand_over(peer);
    return (migp_ssize)sent;
}

static migp_ssize peer_receive(void *user, int fd, void *bytes, size_t size,
                               int *fds, size_t *n_fds)
{
    struct vu_peer *peer = user;
    size_t part = peer->out_end - peer->out_at;
    size_t room;

    (void)fd;
    if (*n_fds > 0) {
        fds[0] = -1;
    }
    room = *n_fds;
    *n_fds = 0;
    peer->calls++;
    peer->clock += peer->per_call;
    if (peer->error) {
        return -peer->error;
    }
    if (peer->cut_at > 0 && part > peer->cut_at - peer->given) {
        part = peer->cut_at - peer->given;
        peer->hung_up = peer->hung_up || part == 0;
    }
    if (peer->mute_at > 0 && part > peer->mute_at - peer->given) {
        part = peer->mute_at - peer->given;
    }
    if (part == 0) {
        return peer->hung_up ? 0 : -EAGAIN;
    }
    if (stutters(peer)) {
        return -EAGAIN;
    }
    part = part < size ? part : size;
    part = peer->chunk > 0 && part > peer->chunk ? peer->chunk : part;
    memcpy(bytes, peer->out + peer->out_at, part);
    if (peer->flip_at > peer->given && peer->flip_at <= peer->given + part) {
        ((uint8_t *)bytes)[peer->flip_at - peer->given - 1] ^= peer->flip_mask;
    }
    while (peer->give_fds > 0 && *n_fds < room) {
        peer->give_fds--;
        peer->open++;
        fds[(*n_fds)++] = VU_PEER_SOCKET + 1 + (int)peer->given_fds++;
    }
    peer->given += part;
    peer->out_at += part;
    if (peer->out_at == peer->out_end) {
        peer->out_at = 0;
        peer->out_end = 0;
    }
    return (migp_ssize)part;
}

static uint64_t peer_now(void *user)
{
    const struct vu_peer *peer = user;

    return peer->clock;
}

static void peer_sleep(void *user, uint64_t nanoseconds)
{
    struct vu_peer *peer = user;

    peer->clock += nanoseconds;
}

void vu_peer_init(struct vu_peer *peer, vu_peer_handler handler)
{
    memset(peer, 0, sizeof(*peer));
    peer->sys = (struct migp_sys){
        .struct_size = sizeof(peer->sys),
        .user = peer,
        .close = peer_close,
        .fcntl = peer_fcntl,
        .poll = peer_poll,
        .connect_unix = peer_connect,
        .send = peer_send,
        .receive = peer_receive,
        .now = peer_now,
        .sleep = peer_sleep,
    };
    peer->handler = handler ? handler : vu_peer_device;
    peer->state = MIGP_STATE_RUNNING;
    peer->migration = MIGP_MIGRATION_STOP_COPY | MIGP_MIGRATION_PRE_COPY;
    peer->in = malloc(VU_PEER_ROOM);
    peer->out = malloc(VU_PEER_ROOM);
    peer->written_room = VU_PEER_ROOM;
    peer->written_bytes = malloc(peer->written_room);
    if (!peer->in || !peer->out || !peer->written_bytes) {
        abort();
    }
}

void vu_peer_free(struct vu_peer *peer)
{
    free(peer->in);
    free(peer->out);
    free(peer->written_bytes);
}

void vu_peer_options(struct vu_peer *peer, struct migp_vfio_user_options *how)
{
    migp_vfio_user_options_init(how);
    how->sys = &peer->sys;
    how->path = "/run/vu-peer";
}

/* --- what it says --------------------------------------------------------- */

void vu_peer_push(struct vu_peer *peer, const void *bytes, size_t size)
{
    if (size > VU_PEER_ROOM - peer->out_end) {
        memmove(peer->out, peer->out + peer->out_at,
                peer->out_end - peer->out_at);
        peer->out_end -= peer->out_at;
        peer->out_at = 0;
    }
    if (size > VU_PEER_ROOM - peer->out_end) {
        abort();
    }
    if (size > 0) {
        memcpy(peer->out + peer->out_end, bytes, size);
        peer->out_end += size;
    }
}

void vu_peer_say(struct vu_peer *peer, const struct migp_vu_message *message,
                 const void *tail)
{
    struct migp_vu_message own = *message;
    uint8_t fixed[MIGP_VU_FIXED_MAX];
    migp_ssize size;

    own.struct_size = sizeof(own);
    size = migp_vu_encode(&own, fixed, sizeof(fixed));
    if (size < 0) {
        abort();
    }
    vu_peer_push(peer, fixed, (size_t)size);
    vu_peer_push(peer, tail, (size_t)own.tail);
}

void vu_peer_reply(struct vu_peer *peer, const struct migp_vu_message *request,
                   struct migp_vu_message *reply, const void *tail)
{
    reply->id = request->id;
    reply->command = request->command;
    reply->head_flags |= MIGP_VU_REPLY;
    vu_peer_say(peer, reply, tail);
}

void vu_peer_error(struct vu_peer *peer, const struct migp_vu_message *request,
                   uint32_t number)
{
    struct migp_vu_message reply = {.head_flags = MIGP_VU_ERROR,
                                    .error_number = number};

    vu_peer_reply(peer, request, &reply, NULL);
}

/* --- a device ------------------------------------------------------------- */

static void device_feature(struct vu_peer *peer,
                           const struct migp_vu_message *request,
                           const uint8_t *tail)
{
    struct migp_vu_message reply = {.argsz = request->argsz,
                                    .flags = request->flags};
    uint32_t state[2] = {0, 0};

    switch (request->flags) {
    case MIGP_FEATURE_MIGRATION | MIGP_VFIO_FEATURE_GET:
        reply.tail = 8;
        vu_peer_reply(peer, request, &reply, &peer->migration);
        return;
    case MIGP_FEATURE_MIG_DEVICE_STATE | MIGP_VFIO_FEATURE_GET:
        state[0] = peer->state;
        reply.tail = 8;
        vu_peer_reply(peer, request, &reply, state);
        return;
    case MIGP_FEATURE_MIG_DEVICE_STATE | MIGP_VFIO_FEATURE_SET:
        memcpy(state, tail, 8);
        if (state[0] == 0 || state[0] > 6 || state[0] == 5) {
            vu_peer_error(peer, request, EINVAL);
            return;
        }
        peer->state = state[0];
        reply.tail = request->tail;
        vu_peer_reply(peer, request, &reply, tail);
        return;
    default:
        vu_peer_error(peer, request, EINVAL);
    }
}

static void device_read(struct vu_peer *peer,
                        const struct migp_vu_message *request)
{
    size_t left = peer->data_size - peer->data_at;
    struct migp_vu_message reply = {.argsz = request->argsz};
    uint8_t *tail = calloc(1, (size_t)request->count + 1);

    if (!tail) {
        abort();
    }
    reply.count = left < request->count ? (uint32_t)left : request->count;
    reply.tail = peer->full_size ? request->count : reply.count;
    if (reply.count > 0) {
        memcpy(tail, peer->data + peer->data_at, reply.count);
    }
    peer->data_at += reply.count;
    vu_peer_reply(peer, request, &reply, tail);
    free(tail);
}

static void device_write(struct vu_peer *peer,
                         const struct migp_vu_message *request,
                         const uint8_t *tail)
{
    struct migp_vu_message reply = {0};

    if (peer->state != MIGP_STATE_RESUMING ||
        request->count > peer->written_room - peer->written) {
        vu_peer_error(peer, request, EINVAL);
        return;
    }
    memcpy(peer->written_bytes + peer->written, tail, request->count);
    peer->written += request->count;
    vu_peer_reply(peer, request, &reply, NULL);
}

static bool device_refuses(struct vu_peer *peer,
                           const struct migp_vu_message *request)
{
    bool stopped =
        peer->state == MIGP_STATE_STOP || peer->state == MIGP_STATE_STOP_COPY;

    if (peer->fail_command == request->command && peer->fail_errno != 0) {
        if (peer->fail_after == 0) {
            vu_peer_error(peer, request, peer->fail_errno);
            return true;
        }
        peer->fail_after--;
    }
    if (peer->max_transfer > 0 && request->count > peer->max_transfer) {
        vu_peer_error(peer, request, EINVAL);
        return true;
    }
    if (peer->like_libvfio && stopped &&
        request->command != MIGP_VU_REGION_READ &&
        request->command != MIGP_VU_REGION_WRITE &&
        request->command != MIGP_VU_DEVICE_FEATURE &&
        request->command != MIGP_VU_MIG_DATA_READ) {
        vu_peer_error(peer, request, EINVAL);
        return true;
    }
    return false;
}

void vu_peer_device(struct vu_peer *peer, const struct migp_vu_message *message,
                    const uint8_t *bytes, size_t size)
{
    static const char json[] =
        "{ \"capabilities\": { \"max_msg_fds\": 8, \"max_data_xfer_size\": "
        "1048576, \"migration\": { \"pgsize\": 4096 } } }";
    struct migp_vu_message reply = {0};
    const uint8_t *tail = bytes + (size - (size_t)message->tail);

    if (message->head_flags & MIGP_VU_REPLY || device_refuses(peer, message)) {
        return;
    }
    switch (message->command) {
    case MIGP_VU_VERSION:
        reply.minor = 2;
        reply.tail = sizeof(json);
        vu_peer_reply(peer, message, &reply, json);
        return;
    case MIGP_VU_GET_INFO:
        reply.argsz = 16;
        reply.flags = 3;
        reply.num_regions = 9;
        vu_peer_reply(peer, message, &reply, NULL);
        return;
    case MIGP_VU_RESET:
        peer->resets++;
        if (!peer->like_libvfio) {
            peer->state = MIGP_STATE_RUNNING;
        }
        vu_peer_reply(peer, message, &reply, NULL);
        return;
    case MIGP_VU_DMA_MAP:
        vu_peer_reply(peer, message, &reply, NULL);
        return;
    case MIGP_VU_DMA_UNMAP:
        reply.argsz = 24;
        reply.address = message->address;
        reply.length = message->length;
        vu_peer_reply(peer, message, &reply, NULL);
        return;
    case MIGP_VU_DEVICE_FEATURE:
        device_feature(peer, message, tail);
        return;
    case MIGP_VU_MIG_DATA_READ:
        device_read(peer, message);
        return;
    case MIGP_VU_MIG_DATA_WRITE:
        device_write(peer, message, tail);
        return;
    default:
        vu_peer_error(peer, message, EINVAL);
    }
}
