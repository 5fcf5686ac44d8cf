/* SPDX-License-Identifier: MIT */
#ifndef MIGP_DEVICE_DIRTY_BITMAP_H
#define MIGP_DEVICE_DIRTY_BITMAP_H

#include <migproto/dirty.h>
#include <stdbool.h>

/*
 * Find the next run of set bits at or behind *page, among n_pages. True: *page
 * is its first bit, *end the one behind its last.
 */
bool migp_bitmap_run(const uint64_t *words, uint64_t n_pages, uint64_t *page,
                     uint64_t *end);

/*
 * Joins ranges that touch, on their way to the caller's sink. Ranges come in
 * ascending order.
 */
struct migp_range_joiner {
    migp_dirty_sink sink;
    void *user;
    struct migp_iova_range range; /* not given yet; length 0: none */
    uint64_t bytes;               /* given and not given; no more than 2^63-1 */
};

/* 0, or what the sink returned to stop. */
int migp_range_join(struct migp_range_joiner *joiner, uint64_t iova,
                    uint64_t length);
/* Give the last one. */
int migp_range_flush(struct migp_range_joiner *joiner);

/*
 * The set bits of a bitmap for [iova, iova + length), the last page cut at the
 * end. length > 0, page_size > 0, iova + length <= 2^64 - 1.
 */
int migp_bitmap_join(const uint64_t *words, uint64_t iova, uint64_t length,
                     uint64_t page_size, struct migp_range_joiner *joiner);

/* Pages of a length, the last perhaps in part. */
uint64_t migp_bitmap_pages(uint64_t length, uint64_t page_size);
/* Words for so many pages; cannot overflow. */
uint64_t migp_bitmap_words(uint64_t n_pages);

#endif
