/* SPDX-License-Identifier: MIT */
#include "device/dirty/dirty.h"

#include "core/error.h"
#include "device/dirty/bitmap.h"

#include <stdlib.h>
#include <string.h>

struct migp_dirty {
    const struct migp_dirty_ops *ops;
    void *user;
    struct migp_iova_range *ranges; /* NULL: not started */
    bool reporting;                 /* a sink is being called, perhaps */
    size_t n_ranges;
    uint64_t page_size;
    uint64_t *words;
    uint64_t n_words;
};

static int bad_argument(struct migp_error *error, const char *why)
{
    return migp_error_say(error, MIGP_ERR_INVALID_ARGUMENT, 0, "%s", why);
}

bool migp_dirty_page_valid(uint64_t page_size)
{
    return page_size >= MIGP_DIRTY_PAGE_MIN &&
           (page_size & (page_size - 1)) == 0;
}

int migp_dirty_make(struct migp_dirty **out, const struct migp_dirty_ops *ops,
                    void *user, struct migp_error *error)
{
    struct migp_dirty *dirty = calloc(1, sizeof(*dirty));

    if (dirty == NULL) {
        ops->release(user);
        return migp_error_set(error, MIGP_ERR_NO_MEMORY, NULL);
    }
    dirty->ops = ops;
    dirty->user = user;
    *out = dirty;
    return MIGP_OK;
}

static void forget(struct migp_dirty *dirty)
{
    free(dirty->ranges);
    free(dirty->words);
    dirty->ranges = NULL;
    dirty->words = NULL;
    dirty->n_ranges = 0;
    dirty->page_size = 0;
}

void migp_dirty_free(struct migp_dirty *dirty)
{
    if (dirty == NULL) {
        return;
    }
    (void)migp_dirty_stop(dirty, NULL);
    forget(dirty); /* also if it failed */
    dirty->ops->release(dirty->user);
    free(dirty);
}

static int ranges_check(const struct migp_iova_range *ranges, size_t n_ranges,
                        uint64_t page_size, struct migp_error *error)
{
    uint64_t end = 0;
    size_t i;

    if (ranges == NULL || n_ranges == 0) {
        return bad_argument(error, "no ranges");
    }
    if (n_ranges > MIGP_DIRTY_RANGES_MAX) {
        return migp_error_say(error, MIGP_ERR_LIMIT, 0,
                              "more than %d ranges: join some",
                              MIGP_DIRTY_RANGES_MAX);
    }
    if (!migp_dirty_page_valid(page_size)) {
        return bad_argument(error,
                            "the page size is no power of two from 4096");
    }
    for (i = 0; i < n_ranges; i++) {
        const struct migp_iova_range *range = &ranges[i];

        if (range->length == 0 || range->length > UINT64_MAX - range->iova) {
            return bad_argument(error, "a range is empty or ends behind 2^64");
        }
        if (range->iova % page_size != 0 || range->length % page_size != 0) {
            return bad_argument(error, "a range is not made of pages");
        }
        if (range->iova < end) {
            return bad_argument(error, "ranges overlap or are not in order");
        }
        end = range->iova + range->length;
    }
    return MIGP_OK;
}

/* Words for the longest range, at least n. */
static int words_whole(const struct migp_dirty *dirty, uint64_t *n,
                       struct migp_error *error)
{
    uint64_t page_size = 0;
    const uint64_t most = dirty->ops->whole(dirty->user, &page_size);
    size_t i;

    for (i = 0; i < dirty->n_ranges; i++) {
        const uint64_t needed = migp_bitmap_words(
            migp_bitmap_pages(dirty->ranges[i].length, page_size));

        if (needed > most / sizeof(uint64_t)) {
            return migp_error_say(error, MIGP_ERR_LIMIT, 0,
                                  "the bitmap of a range is larger than the "
                                  "kernel makes: give each mapping as a range");
        }
        *n = needed > *n ? needed : *n;
    }
    return MIGP_OK;
}

/* Room for the bitmap of one call of the backend. */
static int words_make(struct migp_dirty *dirty, struct migp_error *error)
{
    uint64_t n = migp_bitmap_words(MIGP_DIRTY_CHUNK_PAGES);
    int code = MIGP_OK;

    if (dirty->ops->whole != NULL) {
        code = words_whole(dirty, &n, error);
    }
    if (code < 0) {
        return code;
    }
    if (n > SIZE_MAX / sizeof(uint64_t)) {
        return migp_error_set(error, MIGP_ERR_NO_MEMORY, NULL);
    }
    dirty->words = calloc((size_t)n, sizeof(uint64_t));
    dirty->n_words = n;
    return dirty->words != NULL
               ? MIGP_OK
               : migp_error_set(error, MIGP_ERR_NO_MEMORY, NULL);
}

int migp_dirty_start(struct migp_dirty *dirty,
                     const struct migp_iova_range *ranges, size_t n_ranges,
                     uint64_t page_size, struct migp_error *error)
{
    struct migp_dirty_wish wish = {NULL, n_ranges, page_size};
    int code;

    if (dirty == NULL) {
        return bad_argument(error, "no tracker");
    }
    if (dirty->ranges != NULL) {
        return migp_error_say(error, MIGP_ERR_STATE, 0, "started already");
    }
    code = ranges_check(ranges, n_ranges, page_size, error);
    if (code < 0) {
        return code;
    }
    dirty->ranges = calloc(n_ranges, sizeof(*ranges));
    if (dirty->ranges == NULL) {
        return migp_error_set(error, MIGP_ERR_NO_MEMORY, NULL);
    }
    memcpy(dirty->ranges, ranges, n_ranges * sizeof(*ranges));
    dirty->n_ranges = n_ranges;
    wish.ranges = dirty->ranges;
    code = words_make(dirty, error);
    if (code == MIGP_OK) {
        code = dirty->ops->start(dirty->user, &wish, error);
    }
    if (code < 0) {
        forget(dirty);
        return code;
    }
    dirty->page_size = wish.page_size;
    return MIGP_OK;
}

int migp_dirty_stop(struct migp_dirty *dirty, struct migp_error *error)
{
    int code;

    if (dirty == NULL) {
        return bad_argument(error, "no tracker");
    }
    if (dirty->ranges == NULL) {
        return MIGP_OK;
    }
    if (dirty->reporting) {
        return migp_error_say(error, MIGP_ERR_STATE, 0, "inside a report");
    }
    code = dirty->ops->stop(dirty->user, error);
    if (code == MIGP_OK) {
        forget(dirty);
    }
    return code;
}

uint64_t migp_dirty_page_size(const struct migp_dirty *dirty)
{
    return dirty != NULL ? dirty->page_size : 0;
}

/* The part of a range from `at` on that one call can report. */
static uint64_t chunk_length(const struct migp_dirty *dirty, uint64_t rest)
{
    const uint64_t pages = dirty->n_words * 64;

    return migp_bitmap_pages(rest, dirty->page_size) > pages
               ? pages * dirty->page_size
               : rest;
}

static int report_range(struct migp_dirty *dirty,
                        const struct migp_iova_range *range,
                        struct migp_range_joiner *joiner,
                        struct migp_error *error)
{
    uint64_t done = 0;

    while (done < range->length) {
        struct migp_iova_range part = {range->iova + done, 0};
        uint64_t n_words;
        int code;

        part.length = chunk_length(dirty, range->length - done);
        n_words =
            migp_bitmap_words(migp_bitmap_pages(part.length, dirty->page_size));
        memset(dirty->words, 0, (size_t)n_words * sizeof(uint64_t));
        code = dirty->ops->report(dirty->user, &part, dirty->page_size,
                                  dirty->words, error);
        if (code < 0) {
            return code;
        }
        if (migp_bitmap_join(dirty->words, part.iova, part.length,
                             dirty->page_size, joiner) != 0) {
            return migp_error_say(error, MIGP_ERR_CANCELLED, 0,
                                  "the sink stopped the report");
        }
        done += part.length;
    }
    return MIGP_OK;
}

/* What two ranges have in common; length 0: nothing. */
static struct migp_iova_range range_cut(const struct migp_iova_range *a,
                                        const struct migp_iova_range *b)
{
    const uint64_t end_a = a->iova + a->length;
    const uint64_t end_b = b->iova + b->length;
    const uint64_t end = end_a < end_b ? end_a : end_b;
    struct migp_iova_range cut = {a->iova > b->iova ? a->iova : b->iova, 0};

    cut.length = end > cut.iova ? end - cut.iova : 0;
    return cut;
}

static int report_check(const struct migp_dirty *dirty, uint64_t iova,
                        uint64_t length, migp_dirty_sink sink,
                        struct migp_error *error)
{
    if (dirty == NULL || sink == NULL) {
        return bad_argument(error, "no tracker or no sink");
    }
    if (dirty->ranges == NULL) {
        return migp_error_say(error, MIGP_ERR_STATE, 0, "not started");
    }
    if (length > UINT64_MAX - iova || iova % dirty->page_size != 0 ||
        length % dirty->page_size != 0) {
        return bad_argument(error, "not made of pages, or ends behind 2^64");
    }
    return MIGP_OK;
}

migp_ssize migp_dirty_report(struct migp_dirty *dirty, uint64_t iova,
                             uint64_t length, migp_dirty_sink sink, void *user,
                             struct migp_error *error)
{
    const struct migp_iova_range asked = {iova, length};
    struct migp_range_joiner joiner = {sink, user, {0, 0}, 0};
    int code = report_check(dirty, iova, length, sink, error);
    size_t i;

    if (code < 0) {
        return code;
    }
    dirty->reporting = true;
    for (i = 0; code == MIGP_OK && i < dirty->n_ranges; i++) {
        const struct migp_iova_range cut = range_cut(&asked, &dirty->ranges[i]);

        code = report_range(dirty, &cut, &joiner, error);
    }
    if (code == MIGP_OK && migp_range_flush(&joiner) != 0) {
        code = migp_error_say(error, MIGP_ERR_CANCELLED, 0,
                              "the sink stopped the report");
    }
    dirty->reporting = false;
    return code < 0 ? code : (migp_ssize)joiner.bytes;
}
