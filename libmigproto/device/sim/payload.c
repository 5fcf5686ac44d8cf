/* SPDX-License-Identifier: MIT */
#include "device/sim/payload.h"

#include "core/bytes.h"

#include <string.h>

#define HEADER_MAGIC UINT64_C(0x314d49535047494d)
#define TRAILER_MAGIC UINT64_C(0x31444e455047494d)

/* Payloads of one stream take the pattern from different places. */
#define NUMBER_STRIDE UINT64_C(1000003)

static void store_le64(uint8_t *bytes, uint64_t value)
{
    unsigned i;

    for (i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(value >> 8 * i);
    }
}

static void store_le32(uint8_t *bytes, uint32_t value)
{
    unsigned i;

    for (i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(value >> 8 * i);
    }
}

uint64_t migp_sim_hash(const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    size_t i;

    for (i = 0; i < size; i++) {
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void migp_sim_pattern_make(struct sim_pattern *pattern, uint64_t seed)
{
    uint64_t state = seed;
    size_t i;

    for (i = 0; i < SIM_PATTERN_SIZE; i += 8) {
        store_le64(pattern->bytes + i, next_random(&state));
    }
    memcpy(pattern->bytes + SIM_PATTERN_SIZE, pattern->bytes, SIM_PATTERN_SIZE);
    pattern->seed = seed;
}

/* Each run of 64 KiB starts elsewhere, so that runs cannot be exchanged. */
static const uint8_t *pattern_run(const struct sim_pattern *pattern,
                                  uint64_t from, size_t *left)
{
    uint64_t run = from / SIM_PATTERN_SIZE;
    size_t at = (size_t)(from % SIM_PATTERN_SIZE);
    size_t start = (size_t)(run * 8191 % SIM_PATTERN_SIZE);

    *left = SIM_PATTERN_SIZE - at;
    return pattern->bytes + start + at;
}

void migp_sim_pattern_copy(const struct sim_pattern *pattern, uint64_t from,
                           uint8_t *bytes, size_t size)
{
    while (size > 0) {
        size_t left;
        const uint8_t *run = pattern_run(pattern, from, &left);

        left = left < size ? left : size;
        memcpy(bytes, run, left);
        bytes += left;
        from += left;
        size -= left;
    }
}

bool migp_sim_pattern_equal(const struct sim_pattern *pattern, uint64_t from,
                            const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        size_t left;
        const uint8_t *run = pattern_run(pattern, from, &left);

        left = left < size ? left : size;
        if (memcmp(bytes, run, left) != 0) {
            return false;
        }
        bytes += left;
        from += left;
        size -= left;
    }
    return true;
}

void migp_sim_content_make(struct sim_content *content, uint64_t seed)
{
    uint64_t state = ~seed;
    size_t i;

    content->seed = seed;
    for (i = 0; i < SIM_BAR_SIZE; i += 8) {
        store_le64(content->bar + i, next_random(&state));
    }
}

uint64_t migp_sim_content_hash(const struct sim_content *content,
                               size_t state_size)
{
    return migp_sim_hash(content->bar, state_size) ^
           content->seed * UINT64_C(0x9e3779b97f4a7c15);
}

static void store_header(uint8_t *bytes, const struct sim_payload_head *head)
{
    store_le64(bytes, HEADER_MAGIC);
    store_le32(bytes + 8, head->kind);
    store_le32(bytes + 12, head->vendor | (uint32_t)head->product << 16);
    store_le64(bytes + 16, head->seed);
    store_le64(bytes + 24, head->length);
    store_le64(bytes + 32, head->size);
    store_le64(bytes + 40, head->number);
    store_le64(bytes + 48, 0);
    store_le64(bytes + 56, migp_sim_hash(bytes, 56));
}

static void store_trailer(uint8_t *bytes, const struct sim_payload_head *head,
                          const uint8_t *bar)
{
    memset(bytes, 0, SIM_TRAILER_SIZE);
    store_le64(bytes, TRAILER_MAGIC);
    store_le64(bytes + 8, migp_sim_hash(bar, SIM_BAR_SIZE));
    store_le64(bytes + 16, head->seed);
    store_le64(bytes + 24, head->size);
    store_le64(bytes + 56, migp_sim_hash(bytes, 56));
}

void migp_sim_payload_begin(struct sim_payload_out *out,
                            const struct sim_payload_head *head,
                            const struct sim_content *content, const void *lead,
                            size_t lead_size)
{
    out->kind = head->kind;
    out->number = head->number;
    out->at = 0;
    out->lead_size = lead_size;
    out->head_size = lead_size + SIM_HEADER_SIZE;
    out->trailer_size = 0;
    out->total = lead_size + head->length;
    if (lead_size > 0) {
        memcpy(out->head, lead, lead_size);
    }
    store_header(out->head + lead_size, head);
    if (head->kind == SIM_PAYLOAD_FINAL) {
        memcpy(out->head + out->head_size, content->bar, SIM_BAR_SIZE);
        out->head_size += SIM_BAR_SIZE;
        store_trailer(out->trailer, head, content->bar);
        out->trailer_size = SIM_TRAILER_SIZE;
    }
}

uint64_t migp_sim_payload_left(const struct sim_payload_out *out)
{
    return out->total - out->at;
}

/* At most size, and no further than to end. */
static size_t up_to(uint64_t at, uint64_t end, size_t size)
{
    return end - at < size ? (size_t)(end - at) : size;
}

size_t migp_sim_payload_give(struct sim_payload_out *out,
                             const struct sim_pattern *pattern, uint8_t *bytes,
                             size_t size)
{
    uint64_t body_end = out->total - out->trailer_size;
    size_t given = 0;

    while (given < size && out->at < out->total) {
        size_t n;

        if (out->at < out->head_size) {
            n = up_to(out->at, out->head_size, size - given);
            memcpy(bytes + given, out->head + out->at, n);
        } else if (out->at < body_end) {
            n = up_to(out->at, body_end, size - given);
            migp_sim_pattern_copy(
                pattern, out->at - out->lead_size + out->number * NUMBER_STRIDE,
                bytes + given, n);
        } else {
            n = up_to(out->at, out->total, size - given);
            memcpy(bytes + given, out->trailer + (out->at - body_end), n);
        }
        out->at += n;
        given += n;
    }
    return given;
}

/* Both of the header's own promises: its hash, and room for its parts. */
static bool read_header(struct sim_payload_in *in)
{
    const uint8_t *bytes = in->header;
    struct sim_payload_head *head = &in->head;
    uint64_t least = SIM_HEADER_SIZE;

    head->kind = migp_load_le32(bytes + 8);
    head->vendor = migp_load_le16(bytes + 12);
    head->product = migp_load_le16(bytes + 14);
    head->seed = migp_load_le64(bytes + 16);
    head->length = migp_load_le64(bytes + 24);
    head->size = migp_load_le64(bytes + 32);
    head->number = migp_load_le64(bytes + 40);
    if (head->kind == SIM_PAYLOAD_FINAL) {
        least += SIM_BAR_SIZE + SIM_TRAILER_SIZE;
    }
    return migp_load_le64(bytes) == HEADER_MAGIC &&
           migp_load_le64(bytes + 48) == 0 &&
           migp_load_le64(bytes + 56) == migp_sim_hash(bytes, 56) &&
           head->kind >= SIM_PAYLOAD_INITIAL &&
           head->kind <= SIM_PAYLOAD_FINAL && head->length >= least;
}

static void check_trailer(struct sim_payload_in *in)
{
    uint8_t expected[SIM_TRAILER_SIZE];

    store_trailer(expected, &in->head, in->bar);
    if (memcmp(expected, in->trailer, sizeof(expected)) != 0) {
        in->damaged = true;
    }
}

static size_t take_part(uint8_t *part, uint64_t at, uint64_t end,
                        const uint8_t *bytes, size_t size)
{
    size_t n = up_to(at, end, size);

    memcpy(part, bytes, n);
    return n;
}

int64_t migp_sim_payload_take(struct sim_payload_in *in,
                              struct sim_pattern *pattern, const uint8_t *bytes,
                              size_t size)
{
    size_t taken = 0;

    while (taken < size && !migp_sim_payload_whole(in)) {
        const uint8_t *next = bytes + taken;
        size_t left = size - taken;
        bool final =
            in->at >= SIM_HEADER_SIZE && in->head.kind == SIM_PAYLOAD_FINAL;
        uint64_t head_end = SIM_HEADER_SIZE + (final ? SIM_BAR_SIZE : 0);
        uint64_t body_end = in->head.length - (final ? SIM_TRAILER_SIZE : 0);
        size_t n;

        if (in->at < SIM_HEADER_SIZE) {
            n = take_part(in->header + in->at, in->at, SIM_HEADER_SIZE, next,
                          left);
            if (in->at + n == SIM_HEADER_SIZE) {
                if (!read_header(in)) {
                    return -1;
                }
                if (pattern->seed != in->head.seed) {
                    migp_sim_pattern_make(pattern, in->head.seed);
                }
            }
        } else if (in->at < head_end) {
            n = take_part(in->bar + (in->at - SIM_HEADER_SIZE), in->at,
                          head_end, next, left);
        } else if (in->at < body_end) {
            n = up_to(in->at, body_end, left);
            if (!migp_sim_pattern_equal(
                    pattern, in->at + in->head.number * NUMBER_STRIDE, next,
                    n)) {
                in->damaged = true;
            }
        } else {
            n = take_part(in->trailer + (in->at - body_end), in->at,
                          in->head.length, next, left);
        }
        in->at += n;
        taken += n;
        if (final && migp_sim_payload_whole(in)) {
            check_trailer(in);
        }
    }
    return (int64_t)taken;
}

bool migp_sim_payload_whole(const struct sim_payload_in *in)
{
    return in->at >= SIM_HEADER_SIZE && in->at == in->head.length;
}
