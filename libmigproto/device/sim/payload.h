/* SPDX-License-Identifier: MIT */
#ifndef MIGP_DEVICE_SIM_PAYLOAD_H
#define MIGP_DEVICE_SIM_PAYLOAD_H

/*
 * The simulated state, and the pieces of a stream that it travels in.
 *
 * A state is a seed and what is in BAR 0. The rest of it, up to any size, is a
 * pattern made of the seed, so that nothing of that size is ever kept.
 *
 * A payload is a header of 64 bytes, in a FINAL one BAR 0's 4096 bytes, then
 * pattern, and in a FINAL one a trailer of 64 bytes. Little-endian:
 *
 *     header    0 magic "MIGPSIM1"      trailer   0 magic "MIGPEND1"
 *               8 u32 kind                        8 u64 hash of BAR 0
 *              12 u16 vendor, device             16 u64 seed
 *              16 u64 seed                       24 u64 size of the state
 *              24 u64 length, header included    32 24 bytes of 0
 *              32 u64 size of the state          56 u64 hash of these 56
 *              40 u64 number of the payload
 *              48 u64 0
 *              56 u64 hash of these 56
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_BAR_SIZE 4096
#define SIM_HEADER_SIZE 64
#define SIM_TRAILER_SIZE 64

/* What may lead a payload's own header: records of a chain. */
#define SIM_LEAD_MAX 64

struct sim_content {
    uint64_t seed;
    uint8_t bar[SIM_BAR_SIZE];
};

#define SIM_PATTERN_SIZE 65536

/* Doubled, so that any start in the first half has a whole run behind it. */
struct sim_pattern {
    uint64_t seed;
    uint8_t bytes[2 * SIM_PATTERN_SIZE];
};

enum sim_payload_kind {
    SIM_PAYLOAD_INITIAL = 1,
    SIM_PAYLOAD_DIRTY = 2,
    SIM_PAYLOAD_FINAL = 3
};

struct sim_payload_head {
    uint32_t kind;
    uint16_t vendor;
    uint16_t product;
    uint64_t seed;
    uint64_t length;
    uint64_t size;
    uint64_t number;
};

struct sim_payload_out {
    uint32_t kind;
    uint64_t number;
    uint8_t head[SIM_LEAD_MAX + SIM_HEADER_SIZE + SIM_BAR_SIZE];
    size_t lead_size; /* of head, what stands before the payload */
    size_t head_size;
    uint8_t trailer[SIM_TRAILER_SIZE];
    size_t trailer_size;
    uint64_t total; /* lead included */
    uint64_t at;    /* bytes given */
};

struct sim_payload_in {
    struct sim_payload_head head;
    uint8_t header[SIM_HEADER_SIZE];
    uint8_t bar[SIM_BAR_SIZE];
    uint8_t trailer[SIM_TRAILER_SIZE];
    uint64_t at;
    bool damaged; /* pattern or trailer are not what the header promises */
};

void migp_sim_pattern_make(struct sim_pattern *pattern, uint64_t seed);
void migp_sim_pattern_copy(const struct sim_pattern *pattern, uint64_t from,
                           uint8_t *bytes, size_t size);
bool migp_sim_pattern_equal(const struct sim_pattern *pattern, uint64_t from,
                            const uint8_t *bytes, size_t size);

/* FNV-1a. */
uint64_t migp_sim_hash(const void *bytes, size_t size);

/* The state that a seed gives; state_size: of the BAR, what migrates. */
void migp_sim_content_make(struct sim_content *content, uint64_t seed);
uint64_t migp_sim_content_hash(const struct sim_content *content,
                               size_t state_size);

/* Begin a payload; lead: bytes to go before it, lead_size at most
 * SIM_LEAD_MAX. */
void migp_sim_payload_begin(struct sim_payload_out *out,
                            const struct sim_payload_head *head,
                            const struct sim_content *content, const void *lead,
                            size_t lead_size);
uint64_t migp_sim_payload_left(const struct sim_payload_out *out);
size_t migp_sim_payload_give(struct sim_payload_out *out,
                             const struct sim_pattern *pattern, uint8_t *bytes,
                             size_t size);

/* Take bytes of one payload. Returns how many belonged to it, fewer than size
 * at its end; -1 as soon as its header is none. */
int64_t migp_sim_payload_take(struct sim_payload_in *in,
                              struct sim_pattern *pattern, const uint8_t *bytes,
                              size_t size);
bool migp_sim_payload_whole(const struct sim_payload_in *in);

#endif
