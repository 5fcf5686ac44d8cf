/* SPDX-License-Identifier: MIT */
#include "device/uapi.h"
#include "device/vfio_user/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The payload of a GET, exactly size bytes. request may be NULL. */
static int get_feature(struct migp_vfio_user *server, uint32_t feature,
                       void *payload, uint32_t size, enum migp_user_wait wait)
{
    struct migp_user_call call = {.fd = -1, .out = payload, .room = size};
    int code;

    call.request.command = MIGP_VU_DEVICE_FEATURE;
    call.request.flags = feature | MIGP_VFIO_FEATURE_GET;
    call.request.argsz = 8 + size;
    code = migp_user_call(server, &call, wait);
    if (code == 0 && call.got < size) {
        return migp_user_die(server, EPROTO,
                             "a feature with less than was asked for");
    }
    return code;
}

static int set_feature(struct migp_vfio_user *server, uint32_t flags,
                       const void *payload, uint32_t size,
                       enum migp_user_wait wait)
{
    /* the reply is the request again: nothing in it is news */
    struct migp_user_call call = {.fd = -1, .tail = payload, .lax = true};

    call.request.command = MIGP_VU_DEVICE_FEATURE;
    call.request.flags = flags;
    call.request.argsz = 8 + size;
    call.request.tail = size;
    return migp_user_call(server, &call, wait);
}

/* --- states --------------------------------------------------------------- */

int migp_user_get_migration(struct migp_vfio_user *server, uint64_t *flags)
{
    return get_feature(server, MIGP_FEATURE_MIGRATION, flags, sizeof(*flags),
                       MIGP_USER_FIRM);
}

/* Whoever finds out first that it is STOP_COPY now: what was the end of the
 * PRE_COPY data is not the end of the state. */
static void note_state(struct migp_vfio_user *server, uint32_t state)
{
    if (state == MIGP_STATE_STOP_COPY &&
        !(server->state_known && server->state == MIGP_STATE_STOP_COPY)) {
        migp_user_session_turn(server);
    }
    server->state = state;
    server->state_known = true;
}

int migp_user_get_state(struct migp_vfio_user *server, uint32_t *state,
                        enum migp_user_wait wait)
{
    struct migp_vfio_feature_mig_state payload = {0, 0};
    int code = get_feature(server, MIGP_FEATURE_MIG_DEVICE_STATE, &payload,
                           sizeof(payload), wait);

    if (code == 0) {
        *state = payload.device_state;
        note_state(server, payload.device_state);
    }
    return code;
}

/* Writes are on their way when the caller believes them done. One that failed
 * must not be followed by a SET: that would load what is there. */
static int check_written(struct migp_vfio_user *server,
                         enum migp_user_wait wait)
{
    const struct migp_user_session *session = &server->session;
    bool again = server->n_pending == 1 && server->pending[0].orphan &&
                 server->pending[0].command == MIGP_VU_DEVICE_FEATURE &&
                 (server->pending[0].flags & MIGP_VFIO_FEATURE_SET) != 0;
    int code;

    if (!session->open || session->saving || again) {
        return 0;
    }
    code = migp_user_settle(server, wait);
    return code < 0 ? code : session->failed;
}

int migp_user_set_state(struct migp_vfio_user *server, uint32_t state,
                        enum migp_user_wait wait)
{
    struct migp_vfio_feature_mig_state payload = {state, 0};
    int code = check_written(server, wait);

    if (code < 0) {
        return code;
    }
    code = set_feature(server,
                       MIGP_FEATURE_MIG_DEVICE_STATE | MIGP_VFIO_FEATURE_SET,
                       &payload, sizeof(payload), wait);
    if (code == 0) {
        note_state(server, state);
    } else if (code != -EINTR) {
        /* libvfio-user stays where it was and has no ERROR; another server may
         * differ: the device asks */
        server->state_known = false;
    }
    return code;
}

/* --- the log -------------------------------------------------------------- */

int migp_user_has_log(struct migp_vfio_user *server)
{
    int code = set_feature(server,
                           MIGP_FEATURE_DMA_LOGGING_START |
                               MIGP_VFIO_FEATURE_PROBE | MIGP_VFIO_FEATURE_SET,
                           NULL, 0, MIGP_USER_FIRM);

    if (server->dead) {
        return code;
    }
    return code == 0;
}

static void forget_log(struct migp_vfio_user *server)
{
    size_t i;

    for (i = 0; i < server->n_maps; i++) {
        free(server->maps[i].marks);
        server->maps[i].marks = NULL;
        server->maps[i].tracked = false;
    }
    server->log_page = 0;
}

static bool tracks(const struct migp_iova_range *ranges, size_t n,
                   const struct migp_user_map *map)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (ranges[i].iova - map->address < map->length ||
            map->address - ranges[i].iova < ranges[i].length) {
            return true;
        }
    }
    return false;
}

/* On the wire: page_size, the number of ranges, the ranges. */
static int send_start(struct migp_vfio_user *server,
                      const struct migp_iova_range *ranges, size_t n_ranges,
                      uint64_t page_size)
{
    size_t size = 16 + n_ranges * sizeof(*ranges);
    uint8_t *payload = calloc(1, size);
    uint32_t count = (uint32_t)n_ranges;
    int code;

    if (!payload) {
        return -ENOMEM;
    }
    memcpy(payload, &page_size, 8);
    memcpy(payload + 8, &count, 4);
    memcpy(payload + 16, ranges, n_ranges * sizeof(*ranges));
    code = set_feature(server,
                       MIGP_FEATURE_DMA_LOGGING_START | MIGP_VFIO_FEATURE_SET,
                       payload, (uint32_t)size, MIGP_USER_FIRM);
    free(payload);
    return code;
}

int migp_user_log_start(struct migp_vfio_user *server,
                        const struct migp_iova_range *ranges, size_t n_ranges,
                        uint64_t page_size)
{
    int code = 0;
    size_t i;

    if (server->log_page > 0) {
        return -EALREADY;
    }
    if (page_size == 0 || n_ranges > MIGP_USER_MAPS_MAX) {
        return -EINVAL;
    }
    /* libvfio-user aborts: "Assertion `dma != NULL' failed". [VU-7] */
    if (server->n_maps == 0) {
        return -ENOENT;
    }
    for (i = 0; i < server->n_maps && code == 0; i++) {
        server->maps[i].tracked = tracks(ranges, n_ranges, &server->maps[i]);
        code = migp_user_marks_new(&server->maps[i], page_size);
    }
    if (code == 0) {
        server->log_page = page_size;
        code = send_start(server, ranges, n_ranges, page_size);
    }
    if (code < 0) {
        forget_log(server);
    }
    return code;
}

int migp_user_log_stop(struct migp_vfio_user *server)
{
    int code;

    if (server->log_page == 0) {
        return 0;
    }
    code = set_feature(server,
                       MIGP_FEATURE_DMA_LOGGING_STOP | MIGP_VFIO_FEATURE_SET,
                       NULL, 0, MIGP_USER_FIRM);
    forget_log(server);
    return code;
}

/* Bytes of a report in front of its bitmap: iova, length, page_size. */
#define REPORT_SIZE 24

/* Add what the server's log has for the map's first pages to its marks. */
static int fetch(struct migp_vfio_user *server, struct migp_user_map *map,
                 uint64_t n_pages)
{
    uint64_t n_words = (n_pages + 63) / 64;
    uint64_t length = n_pages * server->log_page;
    struct migp_user_call call = {.fd = -1};
    uint64_t head[3] = {map->address, length, server->log_page};
    uint64_t i;
    int code;

    if (n_words > (MIGP_VU_MESSAGE_MAX - 64) / 8) {
        return -EMSGSIZE;
    }
    head[1] = length < map->length ? length : map->length;
    call.room = REPORT_SIZE + (size_t)n_words * 8;
    call.out = malloc(call.room);
    if (!call.out) {
        return -ENOMEM;
    }
    call.request.command = MIGP_VU_DEVICE_FEATURE;
    call.request.flags =
        MIGP_FEATURE_DMA_LOGGING_REPORT | MIGP_VFIO_FEATURE_GET;
    call.request.argsz = 8 + (uint32_t)call.room;
    call.request.tail = REPORT_SIZE;
    call.tail = head;
    code = migp_user_call(server, &call, MIGP_USER_FIRM);
    if (code == 0 && call.got < call.room) {
        code = migp_user_die(server, EPROTO, "a log with too few pages");
    }
    for (i = 0; code == 0 && i < n_words; i++) {
        uint64_t word;

        memcpy(&word, (const uint8_t *)call.out + REPORT_SIZE + i * 8, 8);
        map->marks[i] |= word;
    }
    free(call.out);
    return code;
}

/* Move the marks of pages from begin to end into the caller's words; at: the
 * caller's bit for page begin. */
static void report_marks(struct migp_user_map *map, uint64_t begin,
                         uint64_t end, uint64_t at, uint64_t *words)
{
    uint64_t page = begin;

    while (page < end) {
        uint64_t bit = UINT64_C(1) << (page % 64);
        uint64_t *mark = &map->marks[page / 64];

        if (*mark == 0) {
            page = (page / 64 + 1) * 64;
            continue;
        }
        if (*mark & bit) {
            *mark &= ~bit;
            words[(at + page - begin) / 64] |= UINT64_C(1)
                                               << ((at + page - begin) % 64);
        }
        page++;
    }
}

static int report_map(struct migp_vfio_user *server, struct migp_user_map *map,
                      uint64_t iova, uint64_t length, uint64_t *words)
{
    uint64_t page = server->log_page;
    uint64_t begin = iova > map->address ? (iova - map->address) / page : 0;
    uint64_t to_end = iova + length - map->address;
    uint64_t n_pages = migp_user_pages(map, page);
    uint64_t end = to_end < map->length ? to_end / page : n_pages;
    uint64_t asked = (end + 63) / 64 * 64;
    int code = 0;

    /* libvfio-user reports a region or the first part of it: another part is
     * EOPNOTSUPP, more than it is ENOENT. It has no log (EINVAL) for memory
     * that it cannot map, and writes there only by message. */
    if (map->has_fd) {
        code = fetch(server, map, asked < n_pages ? asked : n_pages);
    }
    if (code == 0) {
        report_marks(map, begin, end,
                     map->address > iova ? (map->address - iova) / page : 0,
                     words);
    }
    return code;
}

/* [VU-6] */
int migp_user_log_report(struct migp_vfio_user *server, uint64_t iova,
                         uint64_t length, uint64_t page_size, uint64_t *words)
{
    size_t i;

    if (server->log_page == 0) {
        return -ENODATA;
    }
    if (page_size != server->log_page || iova % page_size > 0 ||
        length % page_size > 0 || length > UINT64_MAX - iova) {
        return -EINVAL;
    }
    for (i = 0; i < server->n_maps; i++) {
        struct migp_user_map *map = &server->maps[i];
        int code;

        if (!map->tracked || !map->marks || map->address >= iova + length ||
            map->address + map->length <= iova) {
            continue;
        }
        code = report_map(server, map, iova, length, words);
        if (code < 0) {
            return code;
        }
    }
    return 0;
}
