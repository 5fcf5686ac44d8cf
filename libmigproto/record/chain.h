/* SPDX-License-Identifier: MIT */
#ifndef MIGP_RECORD_CHAIN_H
#define MIGP_RECORD_CHAIN_H

/*
 * A chain of records, as mlx5 and virtio write it, followed head by head. What
 * is odd about it is kept as marks: whether it is worth a finding depends on
 * the driver, which may be known only when the state has ended.
 */

#include <migproto/record.h>
#include <stdbool.h>

#define MIGP_DEVICE_PART_HEAD 16

/* PCI vendors of the devices that the two drivers drive. */
#define MIGP_VENDOR_MLX5 0x15b3
#define MIGP_VENDOR_VIRTIO 0x1af4

/* Records of an unknown tag that are told one by one. */
#define MIGP_CHAIN_SKIPPED 3

/* mlx5 knows tag 1, virtio does not: told apart from the start. */
enum migp_chain_strange {
    MIGP_CHAIN_TAG_1,
    MIGP_CHAIN_TAG_OTHER,
    MIGP_CHAIN_STRANGE
};

/* A record that may become a finding. */
struct migp_chain_mark {
    struct migp_driver_record record;
    uint64_t offset; /* of its head, in the input */
    uint32_t input;  /* which one that is */
    uint64_t number; /* records before it */
};

/* Records of one kind. */
struct migp_chain_count {
    uint64_t records;
    uint64_t bytes; /* of payload that was there */
};

/* What the bytes in chain->thing are to become. */
enum migp_chain_thing {
    MIGP_CHAIN_HEAD,           /* of a record */
    MIGP_CHAIN_PART_HEAD,      /* of a device part, inside a tag 0 record */
    MIGP_CHAIN_STOP_COPY_SIZE, /* mlx5's eight bytes */
};

struct migp_chain {
    uint32_t input; /* of the bytes that come */
    enum migp_chain_thing next;
    uint8_t thing[MIGP_DRIVER_RECORD_HEAD];
    size_t n_thing;
    uint64_t gap;  /* bytes that nobody looks at, before the thing */
    uint64_t left; /* bytes of the record in hand; gap is a part of them */
    struct migp_chain_mark hand;
    struct migp_chain_count *hand_count; /* one of those below */
    bool begun;                          /* the first head could be one */
    bool ended;                          /* nothing more can be followed */
    bool doubtful; /* a later head that neither driver writes today */

    uint64_t n_records;
    struct migp_chain_count state; /* tag 0 */
    uint64_t last_state_size;
    bool has_state; /* a tag 0 record that is not empty */
    uint64_t stop_copy_size;
    bool has_stop_copy_size;
    bool announces_stop_copy; /* its head is there, as mlx5 writes it */

    uint64_t n_parts;      /* device parts of the last record */
    bool parts_seen;       /* a tag 0 record made of device parts */
    bool parts_contradict; /* one that is not */

    struct migp_chain_count strange[MIGP_CHAIN_STRANGE];
    struct migp_chain_mark skipped[MIGP_CHAIN_STRANGE][MIGP_CHAIN_SKIPPED];
    size_t n_skipped[MIGP_CHAIN_STRANGE];
    struct migp_chain_mark refused[MIGP_CHAIN_STRANGE]; /* the first */
    bool has_refused[MIGP_CHAIN_STRANGE];
    struct migp_chain_mark odd_flags; /* the first */
    bool has_odd_flags;
    struct migp_chain_mark odd_size; /* the first STOP_COPY_SIZE, not 8 */
    bool has_odd_size;
    bool too_big; /* the record in hand */
};

/* Could this be the head of a chain's first record? */
bool migp_driver_record_plausible(const struct migp_driver_record *record);

/*
 * Read the head of a virtio device part.
 * Returns false if it is none; *length is that of its value.
 */
bool migp_device_part_head(const uint8_t *bytes, uint64_t *length);

void migp_chain_feed(struct migp_chain *chain, const uint8_t *bytes,
                     size_t size, uint64_t offset);
/* Bytes that come next and need not be fed; UINT64_MAX: all. */
uint64_t migp_chain_uninteresting(const struct migp_chain *chain);
/* At most as many as that. */
void migp_chain_skip(struct migp_chain *chain, uint64_t size);

/*
 * Whose chain it is, as far as it was read: enum migp_driver.
 * vendor: of the PCI device, or 0 if it is not known.
 */
int migp_chain_driver(const struct migp_chain *chain, uint16_t vendor);

/* Is there no more than the beginning of a first head? */
bool migp_chain_is_beginning(const struct migp_chain *chain);

/* Does the chain end inside a record? */
bool migp_chain_is_cut(const struct migp_chain *chain);

#endif
