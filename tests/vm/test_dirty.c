/* SPDX-License-Identifier: MIT */
/*
 * Dirty tracking against real kernels: mtty's own log (a stub: it takes START
 * and logs nothing), a type1 container, and, where there is iommufd, its mock
 * of an IOMMU that tracks.
 */
#define _DEFAULT_SOURCE
#include "mock_iommu.h"
#include "mtty.h"
#include "unit/cmocka_all.h"

#include <migproto/dirty.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE UINT64_C(4096)

static bool on_iommufd(void)
{
    return strcmp(mtty_variable("KERNEL", "", false), "iommufd") == 0;
}

/* A sink that keeps what it is told. */
struct told {
    struct migp_iova_range ranges[64];
    size_t n;
};

static int tell(void *user, const struct migp_iova_range *dirty)
{
    struct told *told = user;

    assert_in_range(told->n, 0, N_TESTS(told->ranges) - 1);
    told->ranges[told->n++] = *dirty;
    return 0;
}

/* --- the device's own log ------------------------------------------------- */

/* Debian's kernel has no IOMMUFD, and without it no bitmap for REPORT. */
static void check_report(struct migp_dirty *dirty,
                         const struct migp_iova_range *range)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct told told = {.n = 0};
    migp_ssize got = migp_dirty_report(dirty, range->iova, range->length, tell,
                                       &told, &error);

    if (on_iommufd()) {
        assert_int_equal(got, 0);
    } else {
        assert_int_equal(got, MIGP_ERR_SYSTEM);
        assert_int_equal(error.system_errno, EOPNOTSUPP);
    }
    assert_int_equal(told.n, 0);
}

static void log_of(struct migp_vfio *const *devices, size_t n)
{
    static const struct migp_iova_range ranges[] = {
        {0, 64 * PAGE}, {UINT64_C(1) << 32, 1000 * PAGE}};
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_dirty *dirty;
    struct told told = {.n = 0};
    int round;

    assert_int_equal(migp_dirty_new_vfio(&dirty, devices, n, &error), MIGP_OK);
    assert_int_equal(migp_dirty_report(dirty, 0, PAGE, tell, &told, &error),
                     MIGP_ERR_STATE);
    for (round = 0; round < 2; round++) {
        assert_int_equal(migp_dirty_start(dirty, ranges, 2, PAGE, &error),
                         MIGP_OK);
        assert_int_equal(migp_dirty_page_size(dirty), PAGE);
        /* mtty would take it (spec: START twice must fail). */
        assert_int_equal(migp_dirty_start(dirty, ranges, 2, PAGE, &error),
                         MIGP_ERR_STATE);
        check_report(dirty, &ranges[0]);
        check_report(dirty, &ranges[1]);
        assert_int_equal(migp_dirty_stop(dirty, &error), MIGP_OK);
        assert_int_equal(migp_dirty_stop(dirty, &error), MIGP_OK);
        /* mtty would answer. */
        assert_int_equal(migp_dirty_report(dirty, 0, PAGE, tell, &told, &error),
                         MIGP_ERR_STATE);
    }
    /* Left started: freeing stops it. */
    assert_int_equal(migp_dirty_start(dirty, ranges, 1, PAGE, &error), MIGP_OK);
    migp_dirty_free(dirty);
}

static void test_log__start_report_stop(void **state)
{
    struct mtty first;
    struct mtty second;
    struct migp_vfio *devices[2];

    (void)state;
    mtty_open_raw(&first, "MTTY1A");
    mtty_open_raw(&second, "MTTY2A");
    devices[0] = first.vfio;
    devices[1] = second.vfio;
    log_of(devices, 1);
    log_of(devices, 2);
    mtty_close(&second);
    mtty_close(&first);
}

/* In every state, and it changes none. */
static void test_log__in_every_state(void **state)
{
    struct mtty mtty;
    uint32_t to;

    (void)state;
    mtty_open_raw(&mtty, "MTTY1A");
    for (to = MIGP_STATE_STOP; to < MIGP_STATE_COUNT; to++) {
        struct mtty_answer answer = mtty_set(&mtty, to);

        assert_int_equal(answer.error, 0);
        log_of(&mtty.vfio, 1);
        assert_int_equal(mtty_state(&mtty), to);
        mtty_close_fd(&mtty, answer.fd);
        assert_int_equal(mtty_reset(&mtty), 0);
    }
    mtty_close(&mtty);
}

/* As the kernel itself says no: it is asked. */
static void test_log__more_ranges_than_the_kernel_takes(void **state)
{
    static struct migp_iova_range ranges[257];
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_dirty *dirty;
    struct mtty mtty;
    uint64_t i;

    (void)state;
    for (i = 0; i < N_TESTS(ranges); i++) {
        ranges[i].iova = 2 * i * PAGE;
        ranges[i].length = PAGE;
    }
    mtty_open_raw(&mtty, "MTTY1A");
    assert_int_equal(migp_dirty_new_vfio(&dirty, &mtty.vfio, 1, &error),
                     MIGP_OK);
    assert_int_equal(migp_dirty_start(dirty, ranges, 257, PAGE, &error),
                     MIGP_ERR_LIMIT);
    assert_int_equal(migp_dirty_start(dirty, ranges, 256, PAGE, &error),
                     MIGP_OK);
    migp_dirty_free(dirty);
    mtty_close(&mtty);
}

static void test_log__a_device_without_one_is_named(void **state)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_vfio_options how;
    struct migp_vfio *devices[2];
    struct migp_dirty *dirty;
    struct mtty mtty;

    (void)state;
    mtty_open_raw(&mtty, "MTTY1A");
    migp_vfio_options_init(&how);
    how.flags = MIGP_VFIO_RESET_OK;
    how.group_path = mtty_variable("MDPY", "_GROUP", false);
    how.name = mtty_variable("MDPY", "", false);
    devices[0] = mtty.vfio;
    assert_int_equal(migp_vfio_open(&devices[1], &how, &error), MIGP_OK);
    assert_int_equal(migp_dirty_new_vfio(&dirty, devices, 2, &error),
                     MIGP_ERR_UNSUPPORTED);
    assert_null(dirty);
    assert_non_null(strstr(error.text, how.name));
    migp_vfio_close(devices[1]);
    mtty_close(&mtty);
}

/* --- a type1 container ---------------------------------------------------- */

struct container {
    int fd;
    int group;
    uint8_t *memory;
};

static void container_open(struct container *container, unsigned long kind)
{
    container->fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
    container->group =
        open(mtty_variable("MTTY1A", "_GROUP", false), O_RDWR | O_CLOEXEC);
    assert_true(container->fd >= 0 && container->group >= 0);
    assert_int_equal(
        ioctl(container->group, MIGP_VFIO_GROUP_SET_CONTAINER, &container->fd),
        0);
    assert_int_equal(ioctl(container->fd, MIGP_VFIO_SET_IOMMU, kind), 0);
}

static void container_close(struct container *container)
{
    assert_int_equal(close(container->group), 0);
    assert_int_equal(close(container->fd), 0);
}

/* struct vfio_iommu_type1_dma_map */
static void container_map(const struct container *container, uint64_t iova,
                          void *memory, uint64_t size)
{
    struct {
        uint32_t argsz, flags;
        uint64_t vaddr, iova, size;
    } map = {sizeof(map), 3, (uint64_t)(uintptr_t)memory, iova, size};

    assert_int_equal(ioctl(container->fd, MIGP_VFIO_IOMMU_MAP_DMA, &map), 0);
}

static void *pages(uint64_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(memory, MAP_FAILED);
    return memory;
}

/* All devices of the container are mediated ones, which pin what they write to;
 * mtty pins nothing, so nothing is ever dirty. With a device that does DMA by
 * itself it would be everything. */
static void test_type1__nothing_is_dirty_that_nobody_pinned(void **state)
{
    static const struct migp_iova_range ranges[] = {{256 * PAGE, 300 * PAGE},
                                                    {1024 * PAGE, PAGE}};
    struct migp_error error = MIGP_ERROR_INIT;
    struct container container;
    struct migp_dirty *dirty;
    struct told told = {.n = 0};
    void *memory = pages(301 * PAGE);
    size_t i;
    int round;

    (void)state;
    container_open(&container, MIGP_VFIO_TYPE1V2_IOMMU);
    container_map(&container, ranges[0].iova, memory, ranges[0].length);
    container_map(&container, ranges[1].iova,
                  (uint8_t *)memory + ranges[0].length, ranges[1].length);
    assert_int_equal(migp_dirty_new_type1(&dirty, NULL, container.fd, &error),
                     MIGP_OK);
    for (round = 0; round < 2; round++) {
        assert_int_equal(migp_dirty_start(dirty, ranges, 2, PAGE, &error),
                         MIGP_OK);
        assert_int_equal(migp_dirty_page_size(dirty), PAGE);
        for (i = 0; i < N_TESTS(ranges); i++) {
            assert_int_equal(migp_dirty_report(dirty, ranges[i].iova,
                                               ranges[i].length, tell, &told,
                                               &error),
                             0);
        }
        /* Both, and the hole between them. */
        assert_int_equal(
            migp_dirty_report(dirty, 0, 2048 * PAGE, tell, &told, &error), 0);
        assert_int_equal(migp_dirty_stop(dirty, &error), MIGP_OK);
    }
    assert_int_equal(told.n, 0);
    migp_dirty_free(dirty);
    container_close(&container);
    assert_int_equal(munmap(memory, 301 * PAGE), 0);
}

/* What the kernel refuses comes as an error with its errno, never as "clean". */
static void test_type1__half_a_mapping_is_an_error(void **state)
{
    static const struct migp_iova_range half = {256 * PAGE, 100 * PAGE};
    struct migp_error error = MIGP_ERROR_INIT;
    struct container container;
    struct migp_dirty *dirty;
    struct told told = {.n = 0};
    void *memory = pages(200 * PAGE);

    (void)state;
    container_open(&container, MIGP_VFIO_TYPE1V2_IOMMU);
    container_map(&container, half.iova, memory, 200 * PAGE);
    assert_int_equal(migp_dirty_new_type1(&dirty, NULL, container.fd, &error),
                     MIGP_OK);
    assert_int_equal(migp_dirty_start(dirty, &half, 1, PAGE, &error), MIGP_OK);
    assert_int_equal(
        migp_dirty_report(dirty, half.iova, half.length, tell, &told, &error),
        MIGP_ERR_SYSTEM);
    assert_int_equal(error.system_errno, EINVAL);
    migp_dirty_free(dirty);
    container_close(&container);
    assert_int_equal(munmap(memory, 200 * PAGE), 0);
}

static void test_type1__a_container_without_a_group(void **state)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_dirty *dirty;
    int fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(migp_dirty_new_type1(&dirty, NULL, fd, &error),
                     MIGP_ERR_SYSTEM);
    assert_int_equal(error.system_errno, EINVAL);
    assert_null(dirty);
    assert_int_equal(close(fd), 0);
}

/* --- iommufd, on the kernel's own mock ------------------------------------ */

static const struct migp_iova_range mock_range = {MOCK_IOMMU_BASE,
                                                  MOCK_IOMMU_PAGES *PAGE};

static void check_told(struct migp_dirty *dirty,
                       const struct migp_iova_range *expected, size_t n)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct told told = {.n = 0};
    migp_ssize bytes = 0;
    migp_ssize got;
    size_t i;

    for (i = 0; i < n; i++) {
        bytes += (migp_ssize)expected[i].length;
    }
    got = migp_dirty_report(dirty, mock_range.iova, mock_range.length, tell,
                            &told, &error);
    assert_int_equal(got, bytes);
    assert_int_equal(told.n, n);
    for (i = 0; i < n; i++) {
        assert_int_equal(told.ranges[i].iova, expected[i].iova);
        assert_int_equal(told.ranges[i].length, expected[i].length);
    }
}

static void test_iommufd__what_was_written_is_told_once(void **state)
{
    static const struct migp_iova_range first[] = {
        {MOCK_IOMMU_BASE, PAGE},
        {MOCK_IOMMU_BASE + 62 * PAGE, 4 * PAGE}, /* over a word's end */
        {MOCK_IOMMU_BASE + 511 * PAGE, PAGE}};
    static const struct migp_iova_range second[] = {
        {MOCK_IOMMU_BASE + 63 * PAGE, PAGE}};
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_dirty *dirty;
    struct mock_iommu mock;

    (void)state;
    mock_iommu_open(&mock, true);
    assert_int_equal(
        migp_dirty_new_iommufd(&dirty, NULL, mock.fd, mock.hwpt, &error),
        MIGP_OK);
    assert_int_equal(migp_dirty_start(dirty, &mock_range, 1, PAGE, &error),
                     MIGP_OK);
    check_told(dirty, NULL, 0);
    mock_iommu_write(&mock, 0, 1);
    mock_iommu_write(&mock, 62, 4);
    mock_iommu_write(&mock, 511, 1);
    check_told(dirty, first, 3);
    check_told(dirty, NULL, 0);
    mock_iommu_write(&mock, 63, 1);
    check_told(dirty, second, 1);
    assert_int_equal(migp_dirty_stop(dirty, &error), MIGP_OK);
    migp_dirty_free(dirty);
    mock_iommu_close(&mock);
}

static void test_iommufd__a_page_table_that_cannot_track(void **state)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_dirty *dirty;
    struct mock_iommu mock;

    (void)state;
    mock_iommu_open(&mock, false);
    assert_int_equal(
        migp_dirty_new_iommufd(&dirty, NULL, mock.fd, mock.hwpt, &error),
        MIGP_OK);
    assert_int_equal(migp_dirty_start(dirty, &mock_range, 1, PAGE, &error),
                     MIGP_ERR_SYSTEM);
    assert_int_equal(error.system_errno, EOPNOTSUPP);
    migp_dirty_free(dirty);
    mock_iommu_close(&mock);
}

int main(void)
{
    const struct CMUnitTest everywhere[] = {
        cmocka_unit_test(test_log__start_report_stop),
        cmocka_unit_test(test_log__in_every_state),
        cmocka_unit_test(test_log__more_ranges_than_the_kernel_takes),
        cmocka_unit_test(test_log__a_device_without_one_is_named),
        cmocka_unit_test(test_type1__nothing_is_dirty_that_nobody_pinned),
        cmocka_unit_test(test_type1__half_a_mapping_is_an_error),
        cmocka_unit_test(test_type1__a_container_without_a_group),
    };
    const struct CMUnitTest iommufd[] = {
        cmocka_unit_test(test_iommufd__what_was_written_is_told_once),
        cmocka_unit_test(test_iommufd__a_page_table_that_cannot_track),
    };
    int failed = cmocka_run_group_tests_name("dirty", everywhere, NULL, NULL);

    if (on_iommufd()) {
        failed +=
            cmocka_run_group_tests_name("dirty_iommufd", iommufd, NULL, NULL);
    }
    return failed;
}
