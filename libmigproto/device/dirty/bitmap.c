/* SPDX-License-Identifier: MIT */
#include "device/dirty/bitmap.h"

#include <stddef.h>

#define WORD_BITS 64

uint64_t migp_bitmap_pages(uint64_t length, uint64_t page_size)
{
    return length / page_size + (length % page_size != 0);
}

uint64_t migp_bitmap_words(uint64_t n_pages)
{
    return n_pages / WORD_BITS + (n_pages % WORD_BITS != 0);
}

/* The first bit at or behind page that is set, in words that are inverted by
 * flip; n_pages if there is none. */
static uint64_t next_bit(const uint64_t *words, uint64_t n_pages, uint64_t page,
                         uint64_t flip)
{
    while (page < n_pages) {
        const uint64_t word =
            (words[page / WORD_BITS] ^ flip) >> (page % WORD_BITS);

        if (word != 0) {
            page += (uint64_t)__builtin_ctzll(word);
            return page < n_pages ? page : n_pages;
        }
        /* n_pages may be next to 2^64. */
        if (n_pages - page <= WORD_BITS - page % WORD_BITS) {
            return n_pages;
        }
        page += WORD_BITS - page % WORD_BITS;
    }
    return n_pages;
}

bool migp_bitmap_run(const uint64_t *words, uint64_t n_pages, uint64_t *page,
                     uint64_t *end)
{
    *page = next_bit(words, n_pages, *page, 0);
    if (*page == n_pages) {
        return false;
    }
    *end = next_bit(words, n_pages, *page, UINT64_MAX);
    return true;
}

int migp_range_flush(struct migp_range_joiner *joiner)
{
    const struct migp_iova_range range = joiner->range;

    joiner->range.length = 0;
    return range.length > 0 ? joiner->sink(joiner->user, &range) : 0;
}

int migp_range_join(struct migp_range_joiner *joiner, uint64_t iova,
                    uint64_t length)
{
    const uint64_t room = (uint64_t)INT64_MAX - joiner->bytes;
    int stop = 0;

    joiner->bytes += length < room ? length : room;
    if (joiner->range.length > 0 &&
        joiner->range.iova + joiner->range.length == iova) {
        joiner->range.length += length;
        return 0;
    }
    stop = migp_range_flush(joiner);
    joiner->range.iova = iova;
    joiner->range.length = length;
    return stop;
}

int migp_bitmap_join(const uint64_t *words, uint64_t iova, uint64_t length,
                     uint64_t page_size, struct migp_range_joiner *joiner)
{
    const uint64_t n_pages = migp_bitmap_pages(length, page_size);
    uint64_t page = 0;
    uint64_t end = 0;
    int stop = 0;

    while (stop == 0 && migp_bitmap_run(words, n_pages, &page, &end)) {
        const uint64_t from = page * page_size;
        const uint64_t to = end == n_pages ? length : end * page_size;

        stop = migp_range_join(joiner, iova + from, to - from);
        page = end;
    }
    return stop;
}

migp_ssize migp_bitmap_ranges(const uint64_t *words, uint64_t n_pages,
                              uint64_t iova, uint64_t page_size,
                              migp_dirty_sink sink, void *user)
{
    struct migp_range_joiner joiner = {sink, user, {0, 0}, 0};

    if (sink == NULL || page_size == 0 || (words == NULL && n_pages > 0) ||
        n_pages > (UINT64_MAX - iova) / page_size) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    if (n_pages == 0) {
        return 0;
    }
    if (migp_bitmap_join(words, iova, n_pages * page_size, page_size,
                         &joiner) != 0 ||
        migp_range_flush(&joiner) != 0) {
        return MIGP_ERR_CANCELLED;
    }
    return (migp_ssize)joiner.bytes;
}
