/* SPDX-License-Identifier: MIT */
#ifndef MIGP_DEVICE_DIRTY_DIRTY_H
#define MIGP_DEVICE_DIRTY_DIRTY_H

#include <migproto/dirty.h>
#include <stdbool.h>

/* The smallest page that the kernel reports. Source: Linux
 * drivers/vfio/vfio_main.c, DMA_LOGGING_REPORT. */
#define MIGP_DIRTY_PAGE_MIN UINT64_C(4096)

/* Most ranges of a START. Source: as above, with 4 KiB pages. */
#define MIGP_DIRTY_RANGES_MAX 256

/*
 * Pages that one call of a backend reports: 64 KiB of bitmap, 2 GiB of memory
 * in 4 KiB pages. A multiple of 64 pages, which some drivers want chunks to
 * start at.
 */
#define MIGP_DIRTY_CHUNK_PAGES (UINT64_C(8) * 65536)

/* What to track. */
struct migp_dirty_wish {
    const struct migp_iova_range *ranges;
    size_t n_ranges;
    /* The caller's wish, then what is reported: a power of two of at least
     * MIGP_DIRTY_PAGE_MIN. */
    uint64_t page_size;
};

/* What a tracker asks. */
struct migp_dirty_ops {
    /* Start. Returns MIGP_OK, or an error: nothing tracks then. */
    int (*start)(void *user, struct migp_dirty_wish *wish,
                 struct migp_error *error);
    /* Stop, all of it. Returns MIGP_OK or the first error. */
    int (*stop)(void *user, struct migp_error *error);
    /* Set the bits of what is dirty in a part of one range; words are zeroed.
     * Returns MIGP_OK or an error. */
    int (*report)(void *user, const struct migp_iova_range *part,
                  uint64_t page_size, uint64_t *words,
                  struct migp_error *error);
    /* Most bytes of bitmap for one range, and the page size that it will have:
     * a range must not be asked for in chunks. NULL: it may. */
    uint64_t (*whole)(const void *user, uint64_t *page_size);
    void (*release)(void *user);
};

/* Make a tracker; user is released with it, also on failure. */
int migp_dirty_make(struct migp_dirty **out, const struct migp_dirty_ops *ops,
                    void *user, struct migp_error *error);

bool migp_dirty_page_valid(uint64_t page_size);

/* Memory that the kernel writes to, as it wants to be told of it. */
static inline uint64_t migp_dirty_pointer(void *memory)
{
    return (uint64_t)(uintptr_t)memory;
}

#endif
