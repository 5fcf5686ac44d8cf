/* SPDX-License-Identifier: MIT */
#ifndef MIGPROTO_DIRTY_H
#define MIGPROTO_DIRTY_H

/**
 * @file dirty.h
 * @brief Which pages a device wrote to: one tracker for each DMA domain.
 *
 * A tracker asks the devices of a domain (if all of them log their own DMA),
 * or the domain's IOMMU. Every report is read-and-clear. A report that failed
 * means that all memory is dirty: what it read is gone.
 *
 * A bitmap is an array of 64-bit words of the host's byte order; bit i % 64 of
 * word i / 64 is page i.
 *
 * Threads: one at a time for each tracker.
 */

#include <migproto/core.h>
#include <migproto/sys.h>

#ifdef __cplusplus
extern "C" {
#endif

struct migp_vfio;
struct migp_vfio_user;

/** Bytes of I/O virtual address space. */
struct migp_iova_range {
    uint64_t iova;   /**< bytes */
    uint64_t length; /**< bytes, > 0; iova + length is at most 2^64 - 1 */
};

/** A tracker of dirty pages. */
struct migp_dirty;

/** Takes a dirty range; returns 0, or anything else to stop the report. It must
 *  not use the tracker. */
typedef int (*migp_dirty_sink)(void *user, const struct migp_iova_range *dirty);

/**
 * @brief Track by the devices' own DMA logs.
 * @param[out] out the tracker; free it with migp_dirty_free()
 * @param devices the devices of one domain; kept, and must outlive the tracker
 * @param n_devices how many, > 0
 * @param[out] error why it failed; may be NULL
 * @return MIGP_OK; MIGP_ERR_UNSUPPORTED (error names the first device that has
 *         no log); MIGP_ERR_NO_MEMORY; MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int migp_dirty_new_vfio(struct migp_dirty **out,
                                 struct migp_vfio *const *devices,
                                 size_t n_devices, struct migp_error *error);

/**
 * @brief Track by a vfio-user server's log.
 *
 * Reports are asked for by DMA region, as libvfio-user wants it; pages that the
 * server wrote through messages are counted too.
 *
 * @param[out] out the tracker; free it with migp_dirty_free()
 * @param server the connection; must outlive the tracker
 * @param[out] error why it failed; may be NULL
 * @return MIGP_OK; MIGP_ERR_NO_MEMORY; MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int migp_dirty_new_vfio_user(struct migp_dirty **out,
                                      struct migp_vfio_user *server,
                                      struct migp_error *error);

/**
 * @brief Track by an IOMMU through iommufd.
 * @param[out] out the tracker; free it with migp_dirty_free()
 * @param sys NULL: migp_sys_linux(); must outlive the tracker
 * @param iommufd the caller's, stays open while the tracker lives
 * @param hwpt_id a page table made with IOMMU_HWPT_ALLOC_DIRTY_TRACKING
 * @param[out] error why it failed; may be NULL
 * @return MIGP_OK; MIGP_ERR_NO_MEMORY; MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int migp_dirty_new_iommufd(struct migp_dirty **out,
                                    const struct migp_sys *sys, int iommufd,
                                    uint32_t hwpt_id, struct migp_error *error);

/**
 * @brief Track by a type1 container.
 *
 * With any physical device in the container every mapped page is always dirty.
 *
 * @param[out] out the tracker; free it with migp_dirty_free()
 * @param sys NULL: migp_sys_linux(); must outlive the tracker
 * @param container the caller's type1v2 container
 * @param[out] error why it failed; may be NULL
 * @return MIGP_OK; MIGP_ERR_UNSUPPORTED (the container has no tracking);
 *         MIGP_ERR_SYSTEM; MIGP_ERR_NO_MEMORY; MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int migp_dirty_new_type1(struct migp_dirty **out,
                                  const struct migp_sys *sys, int container,
                                  struct migp_error *error);

/**
 * @brief Stop tracking and free the tracker.
 * @param dirty the tracker; NULL is allowed
 * @since 0.1.0
 */
MIGP_API void migp_dirty_free(struct migp_dirty *dirty);

/**
 * @brief Start tracking.
 *
 * Mappings that are made later are not tracked by a device's log: start with
 * all that the domain will ever have.
 *
 * @param dirty the tracker, not started
 * @param ranges what to track, in ascending order and apart; copied
 * @param n_ranges how many, > 0, at most 256
 * @param page_size bytes, a power of two and at least 4096; the tracker may
 *                  take another one, see migp_dirty_page_size()
 * @param[out] error why it failed; nothing tracks then; may be NULL
 * @return MIGP_OK; MIGP_ERR_STATE (started already);
 *         MIGP_ERR_INVALID_ARGUMENT (ranges not aligned, not in order);
 *         MIGP_ERR_LIMIT; MIGP_ERR_NO_MEMORY; MIGP_ERR_SYSTEM (errno in error)
 * @since 0.1.0
 */
MIGP_API int migp_dirty_start(struct migp_dirty *dirty,
                              const struct migp_iova_range *ranges,
                              size_t n_ranges, uint64_t page_size,
                              struct migp_error *error);

/**
 * @brief Stop tracking.
 * @param dirty the tracker
 * @param[out] error why it failed; may be NULL
 * @return MIGP_OK, also if it was not started; MIGP_ERR_SYSTEM (the first
 *         failure; all were asked to stop, and may be asked again);
 *         MIGP_ERR_STATE (inside a report's sink)
 * @since 0.1.0
 */
MIGP_API int migp_dirty_stop(struct migp_dirty *dirty,
                             struct migp_error *error);

/**
 * @brief Tell the size of the pages that are reported.
 * @param dirty the tracker
 * @return bytes, a power of two; 0 before the start
 * @since 0.1.0
 */
MIGP_API uint64_t migp_dirty_page_size(const struct migp_dirty *dirty);

/**
 * @brief Report what is dirty in a range, and clear it.
 *
 * Ranges come in ascending order, joined where they touch, cut at the ends of
 * what is asked for. Parts that are not tracked are not reported.
 *
 * @param dirty the tracker, started
 * @param iova start, a multiple of the page size
 * @param length bytes, a multiple of the page size
 * @param sink takes the ranges
 * @param user given to sink
 * @param[out] error why it failed; may be NULL
 * @return bytes reported dirty; MIGP_ERR_STATE (not started);
 *         MIGP_ERR_INVALID_ARGUMENT; MIGP_ERR_SYSTEM (take all of it as
 *         dirty); MIGP_ERR_CANCELLED (the sink stopped it: likewise)
 * @since 0.1.0
 */
MIGP_API migp_ssize migp_dirty_report(struct migp_dirty *dirty, uint64_t iova,
                                      uint64_t length, migp_dirty_sink sink,
                                      void *user, struct migp_error *error);

/**
 * @brief Turn a bitmap into ranges.
 *
 * Pure; allocates nothing. Ranges come in ascending order, joined where they
 * touch.
 *
 * @param words the bitmap; NULL only if n_pages is 0
 * @param n_pages bits that count; those behind them are not looked at
 * @param iova address of page 0
 * @param page_size bytes, > 0; iova + n_pages * page_size is at most 2^64 - 1
 * @param sink takes the ranges
 * @param user given to sink
 * @return bytes in the ranges; MIGP_ERR_CANCELLED (the sink stopped it);
 *         MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API migp_ssize migp_bitmap_ranges(const uint64_t *words, uint64_t n_pages,
                                       uint64_t iova, uint64_t page_size,
                                       migp_dirty_sink sink, void *user);

#ifdef __cplusplus
}
#endif

#endif
