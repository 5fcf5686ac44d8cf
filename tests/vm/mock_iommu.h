/* SPDX-License-Identifier: MIT */
#ifndef MIGP_TESTS_VM_MOCK_IOMMU_H
#define MIGP_TESTS_VM_MOCK_IOMMU_H

/*
 * The IOMMU that the kernel itself is tested with (CONFIG_IOMMUFD_TEST): it
 * tracks dirty pages, and says which are dirty if told so.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MOCK_IOMMU_BASE (UINT64_C(1) << 24) /* what it maps: from here on */
#define MOCK_IOMMU_PAGES 512                /* of 4096 bytes */

struct mock_iommu {
    int fd;
    uint32_t hwpt;
    void *memory;
};

/* A page table with all pages mapped; tracks: can it track? */
void mock_iommu_open(struct mock_iommu *mock, bool tracks);
void mock_iommu_close(struct mock_iommu *mock);

/* n pages from a page on are written to. */
void mock_iommu_write(const struct mock_iommu *mock, size_t page, size_t n);

#endif
