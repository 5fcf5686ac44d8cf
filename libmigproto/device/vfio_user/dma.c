/* SPDX-License-Identifier: MIT */
#include "device/vfio_user/client.h"

#include "core/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- the server's requests ------------------------------------------------ */

static bool may_move(const struct migp_vfio_user *server, uint64_t address,
                     uint64_t length, uint32_t flag)
{
    size_t i;

    for (i = 0; i < server->n_maps; i++) {
        const struct migp_user_map *map = &server->maps[i];

        if (address >= map->address && address - map->address <= map->length &&
            length <= map->length - (address - map->address)) {
            return (map->flags & flag) != 0;
        }
    }
    return false;
}

/* Why it cannot be, 0 or a negative errno. */
static int may_serve(struct migp_vfio_user *server,
                     const struct migp_vu_message *request)
{
    bool is_write = request->command == MIGP_VU_DMA_WRITE;

    if (!server->dma) {
        return -EOPNOTSUPP;
    }
    if (request->length == 0 || request->length > server->max_transfer) {
        return -EINVAL;
    }
    if (!may_move(server, request->address, request->length,
                  is_write ? MIGP_VU_DMA_WRITABLE : MIGP_VU_DMA_READABLE)) {
        return -EFAULT;
    }
    if (server->dma_room < request->length) {
        free(server->dma_bytes);
        server->dma_bytes = malloc(server->max_transfer);
        server->dma_room = server->dma_bytes ? server->max_transfer : 0;
    }
    return server->dma_room < request->length ? -ENOMEM : 0;
}

static int serve(struct migp_vfio_user *server,
                 const struct migp_vu_message *request, int *answer)
{
    bool is_write = request->command == MIGP_VU_DMA_WRITE;
    int code;

    *answer = may_serve(server, request);
    if (*answer < 0) {
        return migp_user_skip_tail(server);
    }
    code = migp_user_tail_all(server, server->dma_bytes, (size_t)request->tail);
    if (code < 0) {
        return code;
    }
    *answer = server->dma(server->dma_user, is_write, request->address,
                          server->dma_bytes, (size_t)request->length);
    if (is_write) {
        /* also when it failed: part of it may be there */
        migp_user_marks_set(server, request->address, request->length);
    }
    return 0;
}

int migp_user_serve_dma(struct migp_vfio_user *server)
{
    struct migp_vu_message request = server->input.message;
    struct migp_vu_message *reply = &server->answer;
    int answer = 0;
    int code;

    if (request.command != MIGP_VU_DMA_READ &&
        request.command != MIGP_VU_DMA_WRITE) {
        return migp_user_die(server, EPROTO,
                             "a request that only a client makes");
    }
    /* the rest of a message that is dropped must have an end */
    if (request.tail > MIGP_USER_TRANSFER_MAX) {
        return migp_user_die(server, EPROTO, "a DMA request without end");
    }
    code = serve(server, &request, &answer);
    if (code < 0 || (request.head_flags & MIGP_VU_NO_REPLY)) {
        return code;
    }
    memset(reply, 0, sizeof(*reply));
    reply->struct_size = sizeof(*reply);
    reply->id = request.id;
    reply->command = request.command;
    reply->head_flags = MIGP_VU_REPLY;
    if (answer < 0) {
        reply->head_flags |= MIGP_VU_ERROR;
        reply->error_number = (uint32_t)-answer;
    } else {
        reply->address = request.address;
        reply->length = request.length;
        reply->tail = request.command == MIGP_VU_DMA_READ ? request.length : 0;
    }
    server->answer_waits = true;
    return 0;
}

/* --- maps ----------------------------------------------------------------- */

/* Where it is, or would be, among the maps. */
static size_t find_map(const struct migp_vfio_user *server, uint64_t address)
{
    size_t i;

    for (i = 0; i < server->n_maps; i++) {
        if (server->maps[i].address >= address) {
            break;
        }
    }
    return i;
}

static int make_room(struct migp_vfio_user *server)
{
    size_t room = server->room_maps > 0 ? server->room_maps * 2 : 16;
    struct migp_user_map *maps;

    if (server->n_maps < server->room_maps) {
        return 0;
    }
    maps = realloc(server->maps, room * sizeof(*maps));
    if (!maps) {
        return -ENOMEM;
    }
    server->maps = maps;
    server->room_maps = room;
    return 0;
}

static bool overlaps(const struct migp_vfio_user *server, size_t at,
                     uint64_t address, uint64_t length)
{
    const struct migp_user_map *maps = server->maps;

    return (at > 0 && address - maps[at - 1].address < maps[at - 1].length) ||
           (at < server->n_maps && maps[at].address - address < length);
}

int migp_vfio_user_dma_map(struct migp_vfio_user *server, uint64_t address,
                           uint64_t length, uint32_t flags, int fd,
                           uint64_t offset, struct migp_error *error)
{
    struct migp_user_call call = {.fd = fd, .lax = true};
    const struct migp_user_map map = {address, length, flags,
                                      fd >= 0, false,  NULL};
    size_t at;
    int code;

    if (!server || length == 0 || length > UINT64_MAX - address ||
        (flags & ~(uint32_t)(MIGP_VU_DMA_READABLE | MIGP_VU_DMA_WRITABLE)) ||
        overlaps(server, find_map(server, address), address, length)) {
        return migp_error_say(error, MIGP_ERR_INVALID_ARGUMENT, 0,
                              "DMA map: no memory, or other memory is there");
    }
    if (server->n_maps == MIGP_USER_MAPS_MAX) {
        return migp_error_say(error, MIGP_ERR_LIMIT, 0,
                              "DMA map: there are %u maps already",
                              MIGP_USER_MAPS_MAX);
    }
    /* a log that runs does not know it: no marks */
    code = make_room(server);
    if (code == 0) {
        call.request.command = MIGP_VU_DMA_MAP;
        call.request.argsz = 32;
        call.request.flags = flags;
        call.request.offset = offset;
        call.request.address = address;
        call.request.length = length;
        code = migp_user_call(server, &call, MIGP_USER_FIRM);
    }
    if (code < 0) {
        return migp_user_fail(server, error, "DMA map", code);
    }
    at = find_map(server, address);
    memmove(server->maps + at + 1, server->maps + at,
            (server->n_maps - at) * sizeof(map));
    server->maps[at] = map;
    server->n_maps++;
    return MIGP_OK;
}

int migp_vfio_user_dma_unmap(struct migp_vfio_user *server, uint64_t address,
                             uint64_t length, struct migp_error *error)
{
    struct migp_user_call call = {.fd = -1, .lax = true};
    size_t at = server ? find_map(server, address) : 0;
    int code;

    if (!server || at == server->n_maps ||
        server->maps[at].address != address ||
        server->maps[at].length != length) {
        return migp_error_say(error, MIGP_ERR_INVALID_ARGUMENT, 0,
                              "DMA unmap: it was not mapped so");
    }
    call.request.command = MIGP_VU_DMA_UNMAP;
    call.request.argsz = 24;
    call.request.address = address;
    call.request.length = length;
    code = migp_user_call(server, &call, MIGP_USER_FIRM);
    if (code < 0) {
        return migp_user_fail(server, error, "DMA unmap", code);
    }
    free(server->maps[at].marks);
    server->n_maps--;
    memmove(server->maps + at, server->maps + at + 1,
            (server->n_maps - at) * sizeof(server->maps[0]));
    return MIGP_OK;
}
