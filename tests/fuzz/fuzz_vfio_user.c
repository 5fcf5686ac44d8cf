/* SPDX-License-Identifier: MIT */

/*
 * A hostile server. Behind the head (how to cut, how many requests at once,
 * what to do) the input is records of a kind, a length and that many bytes: one
 * for each request that the client makes. At the input's end the server hangs
 * up. Whatever comes: no crash, no wait without end, no fd left.
 */

#include "fuzz/check.h"
#include "support/vu_peer.h"

#include "device/vfio_user/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum kind {
    RAW,     /* the bytes themselves */
    REPLY,   /* behind the head of the reply that is awaited */
    ERROR,   /* an error reply, the number in the first four bytes */
    REQUEST, /* a DMA request, then what is right */
    DATA,    /* the right reply to a read, with these bytes */
    RIGHT,   /* what a device would say; the bytes are its next data */
    SILENCE,
    KINDS
};

struct tape {
    const uint8_t *bytes;
    size_t size;
    size_t at;
};

static uint8_t take_byte(struct tape *tape)
{
    return tape->at < tape->size ? tape->bytes[tape->at++] : 0;
}

/* A head that fits its tail. */
static void push_framed(struct vu_peer *peer,
                        const struct migp_vu_message *request, uint32_t flags,
                        uint16_t command, const uint8_t *bytes, size_t size)
{
    uint8_t head[MIGP_VU_HEAD_SIZE] = {0};
    uint32_t whole = (uint32_t)(sizeof(head) + size);

    memcpy(head, &request->id, 2);
    memcpy(head + 2, &command, 2);
    memcpy(head + 4, &whole, 4);
    memcpy(head + 8, &flags, 4);
    if (flags & MIGP_VU_ERROR && size >= 4) {
        memcpy(head + 12, bytes, 4);
    }
    vu_peer_push(peer, head, sizeof(head));
    vu_peer_push(peer, bytes, size);
}

static void push_data(struct vu_peer *peer,
                      const struct migp_vu_message *request,
                      const uint8_t *bytes, size_t size)
{
    struct migp_vu_message reply = {.argsz = request->argsz};

    if (request->command != MIGP_VU_MIG_DATA_READ) {
        push_framed(peer, request, MIGP_VU_REPLY, request->command, bytes,
                    size);
        return;
    }
    reply.count = size < request->count ? (uint32_t)size : request->count;
    reply.tail = reply.count;
    vu_peer_reply(peer, request, &reply, bytes);
}

static void answer(struct vu_peer *peer, const struct migp_vu_message *message,
                   const uint8_t *bytes, size_t size)
{
    struct tape *tape = peer->user;
    const uint8_t *own;
    uint8_t kind;
    size_t length;

    if (message->head_flags & MIGP_VU_REPLY) {
        return;
    }
    if (tape->at >= tape->size) {
        peer->hung_up = true;
        return;
    }
    kind = take_byte(tape);
    length = take_byte(tape);
    length = length < tape->size - tape->at ? length : tape->size - tape->at;
    own = tape->bytes + tape->at;
    tape->at += length;
    switch (kind % KINDS) {
    case RAW:
        vu_peer_push(peer, own, length);
        break;
    case REPLY:
        push_framed(peer, message, MIGP_VU_REPLY, message->command, own,
                    length);
        break;
    case ERROR:
        push_framed(peer, message, MIGP_VU_REPLY | MIGP_VU_ERROR,
                    message->command, own, length);
        break;
    case REQUEST:
        push_framed(peer, message, kind & 128 ? MIGP_VU_NO_REPLY : 0,
                    kind & 64 ? MIGP_VU_DMA_READ : MIGP_VU_DMA_WRITE, own,
                    length);
        vu_peer_device(peer, message, bytes, size);
        break;
    case DATA:
        push_data(peer, message, own, length);
        break;
    case RIGHT:
        peer->data = own;
        peer->data_at = 0;
        peer->data_size = length;
        vu_peer_device(peer, message, bytes, size);
        break;
    default:
        break;
    }
}

static int move(void *user, int is_write, uint64_t address, void *bytes,
                size_t length)
{
    uint8_t *memory = user;

    FUZZ_CHECK(address <= 8192 && length <= 8192 - address);
    if (is_write) {
        memcpy(memory + address, bytes, length);
    } else {
        memcpy(bytes, memory + address, length);
    }
    return 0;
}

static void read_some(struct migp_device *device, size_t chunk)
{
    uint8_t bytes[3000];
    migp_ssize got = 1;
    int i;

    for (i = 0; i < 40 && got > 0; i++) {
        got = migp_device_read(device, bytes, chunk, NULL);
        FUZZ_CHECK(got <= (migp_ssize)chunk);
    }
}

static void write_some(struct migp_device *device, size_t chunk)
{
    static const uint8_t bytes[5000];
    migp_ssize got = 1;
    int i;

    for (i = 0; i < 6 && got > 0; i++) {
        got = migp_device_write(device, bytes, chunk, NULL);
        FUZZ_CHECK(got < 0 || got == (migp_ssize)chunk);
    }
}

static void use_memory(struct migp_vfio_user *server)
{
    const struct migp_iova_range whole = {0, 8192};
    uint64_t words[1] = {0};
    uint8_t bytes[16];

    (void)migp_vfio_user_dma_map(server, 0, 8192, 3, -1, 0, NULL);
    (void)migp_user_log_start(server, &whole, 1, 4096);
    (void)migp_vfio_user_region_read(server, 0, 0, bytes, sizeof(bytes), NULL);
    (void)migp_vfio_user_region_write(server, 0, 0, bytes, sizeof(bytes), NULL);
    (void)migp_user_log_report(server, 0, 8192, 4096, words);
    FUZZ_CHECK((words[0] & ~UINT64_C(3)) == 0);
    (void)migp_user_log_stop(server);
}

static void use_device(struct migp_device *device, uint8_t what)
{
    size_t chunk = what & 1 ? 3000 : 100;

    (void)migp_device_set_state(device, MIGP_STATE_PRE_COPY, NULL);
    read_some(device, chunk);
    (void)migp_device_query_state(device, NULL, NULL);
    read_some(device, chunk);
    (void)migp_device_set_state(device, MIGP_STATE_STOP_COPY, NULL);
    read_some(device, chunk);
    if (what & 2) {
        (void)migp_device_reset(device, NULL);
    }
    (void)migp_device_set_state(device, MIGP_STATE_STOP, NULL);
    (void)migp_device_set_state(device, MIGP_STATE_RESUMING, NULL);
    write_some(device, chunk);
    if (what & 4) {
        (void)migp_device_reset(device, NULL);
    }
    (void)migp_device_set_state(device, MIGP_STATE_RUNNING, NULL);
}

static void run(struct vu_peer *peer, const uint8_t *bytes, size_t size)
{
    uint8_t memory[8192] = {0};
    struct migp_device_options options;
    struct migp_vfio_user_options how;
    struct migp_vfio_user *server;
    struct migp_device *device;
    uint8_t what = fuzz_choice(bytes, size, 3);

    vu_peer_options(peer, &how);
    how.in_flight = 1u + fuzz_choice(bytes, size, 2) % 16;
    how.max_transfer = 4096;
    how.dma = move;
    how.dma_user = memory;
    if (migp_vfio_user_connect(&server, &how, NULL) != MIGP_OK) {
        return;
    }
    if (what & 8) {
        use_memory(server);
    }
    migp_device_options_init(&options);
    options.sys = &peer->sys;
    options.recover = what & 16 ? MIGP_RECOVER_RESET : MIGP_RECOVER_STATE;
    if (migp_device_new(&device, migp_vfio_user_ops(), server, &options,
                        NULL) != MIGP_OK) {
        migp_vfio_user_close(server);
        return;
    }
    use_device(device, what);
    migp_device_free(device);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    size_t head = size < FUZZ_HEAD ? size : FUZZ_HEAD;
    struct tape tape = {bytes + head, size - head, 0};
    struct vu_peer peer;

    vu_peer_init(&peer, answer);
    peer.user = &tape;
    peer.chunk = fuzz_choice(bytes, size, 0);
    peer.stutter = fuzz_choice(bytes, size, 1) & 1;
    peer.full_size = fuzz_choice(bytes, size, 1) & 2;
    peer.like_libvfio = fuzz_choice(bytes, size, 1) & 4;
    run(&peer, bytes, size);
    FUZZ_CHECK(peer.open == 0);
    vu_peer_free(&peer);
    return 0;
}
