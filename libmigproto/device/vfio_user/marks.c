/* SPDX-License-Identifier: MIT */
#include "device/vfio_user/client.h"

#include <errno.h>
#include <stdlib.h>

/*
 * The server's log does not know what it wrote by DMA_WRITE messages, and a
 * report clears a whole region where only a part was asked for. Both are kept
 * here until somebody asks.
 */

uint64_t migp_user_pages(const struct migp_user_map *map, uint64_t page_size)
{
    return map->length / page_size + (map->length % page_size > 0);
}

int migp_user_marks_new(struct migp_user_map *map, uint64_t page_size)
{
    uint64_t words = (migp_user_pages(map, page_size) + 63) / 64;

    free(map->marks);
    map->marks = words <= SIZE_MAX / sizeof(uint64_t)
                     ? calloc((size_t)words, sizeof(uint64_t))
                     : NULL;
    return map->marks ? 0 : -ENOMEM;
}

void migp_user_marks_set(struct migp_vfio_user *server, uint64_t address,
                         uint64_t length)
{
    size_t i;

    for (i = 0; i < server->n_maps; i++) {
        const struct migp_user_map *map = &server->maps[i];
        uint64_t page;
        uint64_t last;

        if (!map->marks || length == 0 || address < map->address ||
            address - map->address >= map->length) {
            continue;
        }
        page = (address - map->address) / server->log_page;
        last = (address - map->address + length - 1) / server->log_page;
        for (; page <= last; page++) {
            map->marks[page / 64] |= UINT64_C(1) << (page % 64);
        }
    }
}
