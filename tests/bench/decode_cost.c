/* SPDX-License-Identifier: MIT */

/*
 * decode_cost SIZE COUNT: decode COUNT records of SIZE payload bytes.
 *
 * Run it under callgrind with two counts: the difference is what the records
 * between them cost. Records are fed in windows of at least 64 KiB, with room
 * for 256 events, and nobody looks at their payload.
 */

#include <migproto/stream.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW 65536
#define ROOM 256

struct cost {
    uint8_t *window;
    size_t record_size;
    size_t per_window;
    uint64_t events;
};

static void put_be64(uint8_t *bytes, uint64_t value)
{
    int i;

    for (i = 7; i >= 0; i--) {
        bytes[i] = (uint8_t)value;
        value >>= 8;
    }
}

static int fill(struct cost *cost, size_t size)
{
    size_t i;

    cost->record_size = 16 + size;
    cost->per_window = WINDOW / cost->record_size + 1;
    cost->window = calloc(cost->per_window, cost->record_size);
    if (!cost->window) {
        return -1;
    }
    for (i = 0; i < cost->per_window; i++) {
        put_be64(cost->window + i * cost->record_size, MIGP_TAG_DATA);
        put_be64(cost->window + i * cost->record_size + 8, size);
    }
    return 0;
}

static int feed(struct migp_decoder *decoder, struct cost *cost,
                const uint8_t *bytes, size_t size)
{
    struct migp_event events[ROOM];
    size_t at = 0;

    while (at < size) {
        size_t n;
        migp_ssize got = migp_decoder_feed(decoder, bytes + at, size - at, 0,
                                           events, ROOM, &n);

        if (got < 0) {
            return (int)got;
        }
        at += (size_t)got;
        cost->events += n;
    }
    return MIGP_OK;
}

static int run(struct cost *cost, unsigned long count)
{
    uint8_t start[16];
    struct migp_decoder *decoder;
    int code = migp_decoder_new(&decoder, NULL, NULL);

    put_be64(start, MIGP_TAG_SETUP);
    put_be64(start + 8, MIGP_TAG_END_OF_STATE);
    if (code == MIGP_OK) {
        code = feed(decoder, cost, start, sizeof(start));
    }
    while (code == MIGP_OK && count > 0) {
        size_t n = count < cost->per_window ? count : cost->per_window;

        code = feed(decoder, cost, cost->window, n * cost->record_size);
        count -= n;
    }
    migp_decoder_free(decoder);
    return code;
}

int main(int argc, char **argv)
{
    struct cost cost = {NULL, 0, 0, 0};
    unsigned long size;
    unsigned long count;
    int code;

    if (argc != 3) {
        fprintf(stderr, "usage: decode_cost SIZE COUNT\n");
        return 2;
    }
    size = strtoul(argv[1], NULL, 10);
    count = strtoul(argv[2], NULL, 10);
    if (size == 0 || fill(&cost, size) < 0) {
        fprintf(stderr, "decode_cost: no window for records of %lu bytes\n",
                size);
        return 2;
    }
    code = run(&cost, count);
    free(cost.window);
    if (code != MIGP_OK || cost.events != 2 + 2 * (uint64_t)count) {
        fprintf(stderr, "decode_cost: %s after %llu events\n",
                migp_error_id(code), (unsigned long long)cost.events);
        return 1;
    }
    printf("%lu records of %lu bytes\n", count, size);
    return 0;
}
