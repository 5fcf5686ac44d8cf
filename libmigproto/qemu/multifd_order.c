/* SPDX-License-Identifier: MIT */
#include "core/error.h"

#include <migproto/multifd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * [MF-6] A device's packets in the order of their index. Those that wait are
 * in a heap, the smallest index on top; a bit for each index tells whether it
 * came.
 */

#define FIRST_ROOM 16

struct migp_multifd_order {
    struct migp_multifd_place *heap;
    size_t n;
    size_t room;
    uint8_t *seen; /* a bit for each index below max_packets */
    uint32_t max_packets;
    uint32_t next;                  /* index to be taken next */
    struct migp_multifd_place last; /* of the biggest index that came */
    uint64_t count;
    bool has_config;
    bool config_taken;
    uint32_t config_index;
};

int migp_multifd_order_new(struct migp_multifd_order **out,
                           uint32_t max_packets)
{
    struct migp_multifd_order *order;

    if (out == NULL) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    *out = NULL;
    if (max_packets > MIGP_MAX_PACKETS_CEILING) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    order = calloc(1, sizeof(*order));
    if (order == NULL) {
        return MIGP_ERR_NO_MEMORY;
    }
    order->max_packets =
        max_packets > 0 ? max_packets : MIGP_DEFAULT_MAX_PACKETS;
    order->seen = calloc(order->max_packets / 8 + 1, 1);
    if (order->seen == NULL) {
        free(order);
        return MIGP_ERR_NO_MEMORY;
    }
    *out = order;
    return MIGP_OK;
}

void migp_multifd_order_free(struct migp_multifd_order *order)
{
    if (order != NULL) {
        free(order->seen);
        free(order->heap);
        free(order);
    }
}

static bool make_room(struct migp_multifd_order *order)
{
    size_t room = order->room > 0 ? 2 * order->room : FIRST_ROOM;
    struct migp_multifd_place *heap;

    if (order->n < order->room) {
        return true;
    }
    heap = realloc(order->heap, room * sizeof(*heap));
    if (heap == NULL) {
        return false;
    }
    order->heap = heap;
    order->room = room;
    return true;
}

/* Let a place that was added at the end rise to where it belongs. */
static void rise(struct migp_multifd_order *order)
{
    struct migp_multifd_place *heap = order->heap;
    size_t at = order->n - 1;

    while (at > 0 && heap[at].index < heap[(at - 1) / 2].index) {
        struct migp_multifd_place place = heap[at];

        heap[at] = heap[(at - 1) / 2];
        heap[(at - 1) / 2] = place;
        at = (at - 1) / 2;
    }
}

/* Let the place on top sink to where it belongs. */
static void sink(struct migp_multifd_order *order)
{
    struct migp_multifd_place *heap = order->heap;
    size_t at = 0;

    for (;;) {
        struct migp_multifd_place place = heap[at];
        size_t child = 2 * at + 1;

        if (child + 1 < order->n && heap[child + 1].index < heap[child].index) {
            child++;
        }
        if (child >= order->n || heap[at].index <= heap[child].index) {
            return;
        }
        heap[at] = heap[child];
        heap[child] = place;
        at = child;
    }
}

/* What is wrong with the packet, or MIGP_OK. */
static int refuse(const struct migp_multifd_order *order,
                  const struct migp_multifd_place *place,
                  struct migp_finding *why)
{
    uint32_t index = place->index;
    bool is_config = (place->flags & MIGP_MULTIFD_CONFIG) != 0;

    if (index >= order->max_packets) {
        *why = migp_finding_make(MIGP_FINDING_PACKET_INDEX, place->offset,
                                 index, order->max_packets);
        return MIGP_ERR_LIMIT;
    }
    if (is_config && order->has_config) {
        *why = migp_finding_make(MIGP_FINDING_CONFIG_REPEATED, place->offset,
                                 index, order->config_index);
        return MIGP_ERR_MALFORMED;
    }
    if ((order->seen[index / 8] >> (index % 8) & 1) != 0) {
        *why = migp_finding_make(MIGP_FINDING_PACKET_REPEATED, place->offset,
                                 index, 0);
        return MIGP_ERR_MALFORMED;
    }
    if (order->has_config && index > order->config_index) {
        *why = migp_finding_make(MIGP_FINDING_PACKET_AFTER_CONFIG,
                                 place->offset, index, order->config_index);
        return MIGP_ERR_MALFORMED;
    }
    if (is_config && order->count > 0 && index < order->last.index) {
        *why = migp_finding_make(MIGP_FINDING_PACKET_AFTER_CONFIG,
                                 place->offset, order->last.index, index);
        return MIGP_ERR_MALFORMED;
    }
    return MIGP_OK;
}

int migp_multifd_order_add(struct migp_multifd_order *order,
                           const struct migp_multifd_place *place,
                           struct migp_error *error)
{
    struct migp_finding why;
    int code;

    if (order == NULL || place == NULL) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    code = refuse(order, place, &why);
    if (code < 0) {
        return migp_error_set(error, code, &why);
    }
    if (!make_room(order)) {
        return migp_error_set(error, MIGP_ERR_NO_MEMORY, NULL);
    }
    order->heap[order->n++] = *place;
    rise(order);
    order->seen[place->index / 8] |= (uint8_t)(1U << (place->index % 8));
    if (order->count == 0 || place->index > order->last.index) {
        order->last = *place;
    }
    order->count++;
    if ((place->flags & MIGP_MULTIFD_CONFIG) != 0) {
        order->has_config = true;
        order->config_index = place->index;
    }
    return migp_error_set(error, MIGP_OK, NULL);
}

int migp_multifd_order_next(struct migp_multifd_order *order,
                            struct migp_multifd_place *place)
{
    if (order == NULL || place == NULL) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    if (order->config_taken) {
        return MIGP_ERR_STATE;
    }
    if (order->n == 0 || order->heap[0].index != order->next) {
        return MIGP_ERR_NEED_MORE;
    }
    *place = order->heap[0];
    order->n--;
    order->heap[0] = order->heap[order->n];
    sink(order);
    order->next++;
    order->config_taken = (place->flags & MIGP_MULTIFD_CONFIG) != 0;
    return MIGP_OK;
}

uint64_t migp_multifd_order_count(const struct migp_multifd_order *order)
{
    return order != NULL ? order->count : 0;
}

int migp_multifd_order_finish(const struct migp_multifd_order *order,
                              struct migp_multifd_place *beside,
                              struct migp_error *error)
{
    struct migp_multifd_place place;
    struct migp_finding why;

    if (order == NULL) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    if (order->config_taken) {
        return migp_error_set(error, MIGP_OK, NULL);
    }
    if (order->n > 0 && order->heap[0].index == order->next) {
        return migp_error_set(error, MIGP_ERR_STATE, NULL);
    }
    if (order->n > 0) {
        place = order->heap[0];
        why = migp_finding_make(MIGP_FINDING_PACKET_MISSING, place.offset,
                                order->next, order->last.index);
    } else {
        place = order->last;
        why = migp_finding_make(MIGP_FINDING_CONFIG_MISSING, place.offset,
                                order->count, 0);
    }
    if (beside != NULL) {
        *beside = place;
    }
    return migp_error_set(error, MIGP_ERR_TRUNCATED, &why);
}
