/* SPDX-License-Identifier: MIT */
#include "device/sim_calls.h"

/* What a simulated device is besides migration: its regions, its iommufd. */

#define REGION(index) ((uint64_t)(index) << 40)

static int ioctl_of(const struct box *box, int fd, unsigned long request,
                    void *arg)
{
    return box->sys->ioctl(box->sys->user, fd, request, arg);
}

static void test_info__device(void **state)
{
    struct box box = box_new("");
    struct migp_vfio_device_info info;
    uint32_t argsz;

    (void)state;
    for (argsz = 0; argsz < 16; argsz++) {
        info.argsz = argsz;
        assert_int_equal(
            ioctl_of(&box, box.fd, MIGP_VFIO_DEVICE_GET_INFO, &info), -EINVAL);
    }
    memset(&info, 0xff, sizeof(info));
    info.argsz = 16;
    assert_int_equal(ioctl_of(&box, box.fd, MIGP_VFIO_DEVICE_GET_INFO, &info),
                     0);
    assert_int_equal(info.flags,
                     MIGP_VFIO_DEVICE_FLAGS_RESET | MIGP_VFIO_DEVICE_FLAGS_PCI);
    assert_int_equal(info.num_regions, 9);
    assert_int_equal(info.cap_offset, UINT32_MAX); /* not asked for */
    info.argsz = sizeof(info);
    assert_int_equal(ioctl_of(&box, box.fd, MIGP_VFIO_DEVICE_GET_INFO, &info),
                     0);
    assert_int_equal(info.cap_offset, 0);
    assert_int_equal(ioctl_of(&box, box.fd, MIGP_VFIO_DEVICE_GET_INFO, NULL),
                     -EFAULT);
    box_free(&box);
}

static void test_info__regions(void **state)
{
    struct box box = box_new("");
    struct migp_vfio_region_info info = {.argsz = sizeof(info)};
    uint32_t index;

    (void)state;
    for (index = 0; index < 9; index++) {
        uint64_t size = index == 0 ? 4096 : index == 7 ? 256 : 0;

        info.index = index;
        assert_int_equal(
            ioctl_of(&box, box.fd, MIGP_VFIO_DEVICE_GET_REGION_INFO, &info), 0);
        assert_int_equal(info.size, size);
        assert_int_equal(info.flags, size > 0 ? 3 : 0);
        assert_int_equal(info.offset, REGION(index));
    }
    info.index = 9;
    assert_int_equal(
        ioctl_of(&box, box.fd, MIGP_VFIO_DEVICE_GET_REGION_INFO, &info),
        -EINVAL);
    info.index = 0;
    info.argsz = sizeof(info) - 1;
    assert_int_equal(
        ioctl_of(&box, box.fd, MIGP_VFIO_DEVICE_GET_REGION_INFO, &info),
        -EINVAL);
    box_free(&box);
}

static void test_region__read_and_write(void **state)
{
    struct box box = box_new("");
    const struct migp_sys *sys = box.sys;
    uint8_t bytes[8];

    (void)state;
    box_poke(&box, 100, "written", 7);
    assert_int_equal(sys->pread(sys->user, box.fd, bytes, 7, 100), 7);
    assert_memory_equal(bytes, "written", 7);
    /* Up to the end, not beyond it. */
    assert_int_equal(sys->pread(sys->user, box.fd, bytes, 8, 4092), 4);
    assert_int_equal(sys->pwrite(sys->user, box.fd, bytes, 8, 4092), 4);
    assert_int_equal(sys->pread(sys->user, box.fd, bytes, 1, 4096), -EINVAL);
    assert_int_equal(sys->pread(sys->user, box.fd, bytes, 1, REGION(1)),
                     -EINVAL);
    assert_int_equal(sys->pread(sys->user, box.fd, bytes, 1, UINT64_MAX),
                     -EINVAL);
    assert_int_equal(sys->pread(sys->user, box.fd, NULL, 1, 0), -EFAULT);
    assert_int_equal(sys->pwrite(sys->user, box.fd, NULL, 1, 0), -EFAULT);
    assert_int_equal(sys->read(sys->user, box.fd, bytes, 1), -EINVAL);
    box_free(&box);
}

/* Who the device is cannot be written; the command can. */
static void test_region__config(void **state)
{
    struct box box = box_new("quirk=mlx5");
    static const uint8_t ones[6] = {0xff, 0xff, 0xff, 0xff, 0x06, 0x01};
    static const uint8_t expected[6] = {0xb3, 0x15, 0x1e, 0x10, 0x06, 0x01};
    uint8_t bytes[6];

    (void)state;
    box_go(&box, MIGP_STATE_STOP);
    box_poke(&box, REGION(7), ones, 6);
    assert_int_equal(box.sys->pread(box.sys->user, box.fd, bytes, 6, REGION(7)),
                     6);
    assert_memory_equal(bytes, expected, 6);
    assert_int_equal(
        box.sys->pread(box.sys->user, box.fd, bytes, 6, REGION(7) + 252), 4);
    box_free(&box);
}

static void test_bind__to_an_iommufd(void **state)
{
    struct box box = box_new("");
    const struct migp_sys *sys = box.sys;
    struct migp_vfio_bind_iommufd bind = {sizeof(bind), 0, -1, 0};
    uint32_t ioas[3] = {12, 0, 0};
    uint32_t attach[3] = {12, 0, 1};
    int iommufd = sys->open(sys->user, "/dev/iommu", O_RDWR);

    (void)state;
    assert_true(iommufd >= 0);
    assert_int_equal(ioctl_of(&box, box.fd, MIGP_VFIO_DEVICE_ATTACH_PT, attach),
                     -EINVAL);
    assert_int_equal(
        ioctl_of(&box, box.fd, MIGP_VFIO_DEVICE_BIND_IOMMUFD, &bind), -EBADF);
    bind.iommufd = box.fd;
    assert_int_equal(
        ioctl_of(&box, box.fd, MIGP_VFIO_DEVICE_BIND_IOMMUFD, &bind), -EBADF);
    bind.iommufd = iommufd;
    bind.argsz = 8;
    assert_int_equal(
        ioctl_of(&box, box.fd, MIGP_VFIO_DEVICE_BIND_IOMMUFD, &bind), -EINVAL);
    bind.argsz = sizeof(bind);
    assert_int_equal(
        ioctl_of(&box, box.fd, MIGP_VFIO_DEVICE_BIND_IOMMUFD, &bind), 0);
    assert_int_equal(bind.out_devid, 1);
    assert_int_equal(
        ioctl_of(&box, box.fd, MIGP_VFIO_DEVICE_BIND_IOMMUFD, &bind), -EINVAL);
    assert_int_equal(ioctl_of(&box, iommufd, MIGP_IOMMU_IOAS_ALLOC, ioas), 0);
    assert_int_equal(ioas[2], 1);
    assert_int_equal(ioctl_of(&box, box.fd, MIGP_VFIO_DEVICE_ATTACH_PT, attach),
                     0);
    assert_int_equal(
        ioctl_of(&box, iommufd, MIGP_IOMMU_HWPT_GET_DIRTY_BITMAP, ioas),
        -ENOTTY);
    assert_int_equal(migp_sim_open_fds(box.sim), 1);
    box_close(&box, iommufd);
    box_free(&box);
}

static void test_open__other_paths(void **state)
{
    struct box box = box_new("");
    const struct migp_sys *sys = box.sys;
    char text[16];

    (void)state;
    assert_int_equal(sys->open(sys->user, "/dev/vfio/vfio", O_RDWR), -ENOENT);
    assert_int_equal(sys->readlink(sys->user, "/proc/self/fd/3", text, 16),
                     -ENOENT);
    assert_int_equal(
        sys->readlink(sys->user, "/proc/self/fd/99999999999999", text, 16),
        -ENOENT);
    assert_int_equal(sys->readlink(sys->user, "/sys/bus", text, 16), -ENOENT);
    assert_int_equal(sys->find_name(sys->user, "/sys", "vfio", text, 16),
                     -ENOENT);
    assert_int_equal(sys->connect_unix(sys->user, "/run/x"), -ENOENT);
    assert_int_equal(sys->send(sys->user, box.fd, NULL, 0, NULL, 0), -ENOTSOCK);
    assert_int_equal(sys->close(sys->user, 3), -EBADF);
    assert_int_equal(sys->close(sys->user, -1), -EBADF);
    box_free(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_info__device),
        cmocka_unit_test(test_info__regions),
        cmocka_unit_test(test_region__read_and_write),
        cmocka_unit_test(test_region__config),
        cmocka_unit_test(test_bind__to_an_iommufd),
        cmocka_unit_test(test_open__other_paths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
