/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "mock_iommu.h"

#include "device/uapi.h"
#include "unit/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Source (numbers, layouts): Linux 6.12 include/uapi/linux/iommufd.h and
 * drivers/iommu/iommufd/iommufd_test.h. */
#define IOMMU_IOAS_MAP 0x3b85
#define IOMMU_HWPT_ALLOC 0x3b89
#define IOMMU_TEST_CMD 0x3ba0
#define TEST_MOCK_DOMAIN 2
#define TEST_DIRTY 13
#define MOCK_PAGE UINT64_C(2048)
#define PAGE UINT64_C(4096)

struct test_command {
    uint32_t size, op, id, reserved;
    union {
        struct {
            uint32_t out_device, out_hwpt, out_idev;
        } domain;
        struct {
            uint32_t flags;
            uint64_t iova, length, page_size, bits, out_dirty;
        } dirty;
    } u;
    uint32_t last;
};

static void ask_iommu(const struct mock_iommu *mock, unsigned long request,
                      void *arg)
{
    if (ioctl(mock->fd, request, arg) != 0) {
        fail_msg("iommufd request %#lx: %s", request, strerror(errno));
    }
}

void mock_iommu_open(struct mock_iommu *mock, bool tracks)
{
    struct {
        uint32_t size, flags, out_ioas;
    } ioas = {sizeof(ioas), 0, 0};
    struct test_command domain = {.size = sizeof(domain),
                                  .op = TEST_MOCK_DOMAIN};
    struct {
        uint32_t size, flags, dev, pt, out_hwpt, reserved, kind, length;
        uint64_t data;
        uint32_t fault, reserved2;
    } hwpt = {.size = sizeof(hwpt), .flags = tracks ? 2 : 0};
    struct {
        uint32_t size, flags, ioas, reserved;
        uint64_t memory, length, iova;
    } map = {.size = sizeof(map), .flags = 7}; /* fixed, writable, readable */

    mock->fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
    assert_true(mock->fd >= 0);
    ask_iommu(mock, MIGP_IOMMU_IOAS_ALLOC, &ioas);
    domain.id = ioas.out_ioas;
    ask_iommu(mock, IOMMU_TEST_CMD, &domain);
    hwpt.dev = domain.u.domain.out_idev;
    hwpt.pt = ioas.out_ioas;
    ask_iommu(mock, IOMMU_HWPT_ALLOC, &hwpt);
    mock->hwpt = hwpt.out_hwpt;
    mock->memory = mmap(NULL, MOCK_IOMMU_PAGES * PAGE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(mock->memory, MAP_FAILED);
    map.ioas = ioas.out_ioas;
    map.memory = (uint64_t)(uintptr_t)mock->memory;
    map.length = MOCK_IOMMU_PAGES * PAGE;
    map.iova = MOCK_IOMMU_BASE;
    ask_iommu(mock, IOMMU_IOAS_MAP, &map);
}

void mock_iommu_close(struct mock_iommu *mock)
{
    assert_int_equal(close(mock->fd), 0);
    assert_int_equal(munmap(mock->memory, MOCK_IOMMU_PAGES * PAGE), 0);
}

void mock_iommu_write(const struct mock_iommu *mock, size_t page, size_t n)
{
    uint64_t bits[MOCK_IOMMU_PAGES * 2 / 64] = {0};
    struct test_command command = {
        .size = sizeof(command), .op = TEST_DIRTY, .id = mock->hwpt};
    size_t i;

    for (i = 2 * page; i < 2 * (page + n); i++) {
        bits[i / 64] |= UINT64_C(1) << i % 64;
    }
    command.u.dirty.iova = MOCK_IOMMU_BASE;
    command.u.dirty.length = MOCK_IOMMU_PAGES * PAGE;
    command.u.dirty.page_size = MOCK_PAGE;
    command.u.dirty.bits = (uint64_t)(uintptr_t)bits;
    ask_iommu(mock, IOMMU_TEST_CMD, &command);
    assert_int_equal(command.u.dirty.out_dirty, 2 * n);
}
