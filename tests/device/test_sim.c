/* SPDX-License-Identifier: MIT */
#include "device/sim_calls.h"

#include <poll.h>
#include <stdio.h>

/*
 * A simulated device without a quirk, against what docs/protocol.md says of
 * the kernel: the envelope, files, sessions.
 */

#define SMALL "size=16K,initial=4K"

/* As vfio_ioctl_device_feature() and vfio_check_feature() answer; mtty's
 * kernel gave the same for all that it was asked. */
static void test_feature__envelope(void **state)
{
    enum {
        GET = MIGP_VFIO_FEATURE_GET,
        SET = MIGP_VFIO_FEATURE_SET,
        PROBE = MIGP_VFIO_FEATURE_PROBE
    };
    static const struct {
        uint32_t argsz;
        uint32_t flags;
        int result;
    } asked[] = {
        {8, 1 | PROBE, 0},
        {8, 1 | PROBE | GET, 0},
        {8, 1 | PROBE | SET, -EINVAL},
        {8, 1 | PROBE | GET | SET, -EINVAL},
        {8, 2 | PROBE | GET | SET, 0},
        {8, 6 | PROBE | GET, -EINVAL},
        {8, 6 | PROBE | SET, 0},
        {8, 7 | PROBE | SET, 0},
        {8, 8 | PROBE | GET, 0},
        {8, 8 | PROBE | SET, -EINVAL},
        {8, 9 | PROBE | GET, 0},
        {8, 9 | PROBE | SET, -EINVAL},
        {8, 12 | PROBE | SET, 0},
        {8, 0 | PROBE, -ENOTTY},
        {8, 3 | PROBE | SET, -ENOTTY},
        {8, 11 | PROBE, -ENOTTY},
        {8, 13 | PROBE | GET, -ENOTTY},
        {8, 0xffff | PROBE, -ENOTTY},
        {16, 1 | GET, 0},
        {72, 1 | GET, 0},
        {15, 1 | GET, -EINVAL},
        {8, 1 | GET, -EINVAL},
        {7, 1 | PROBE, -EINVAL},
        {0, 1 | PROBE, -EINVAL},
        {16, 1 | SET, -EINVAL},
        {16, 1 | GET | SET, -EINVAL},
        {16, 1, -EINVAL},
        {16, 1 | GET | UINT32_C(1) << 19, -EINVAL},
        {8, 13 | PROBE | UINT32_C(1) << 31, -EINVAL},
        {16, 13 | GET | SET, -EINVAL},
        {31, 6 | SET, -EINVAL},
        {39, 8 | GET, -EINVAL},
        {8, 7 | SET, 0},
        {8, 12 | SET, 0},
    };
    struct box box = box_new(SMALL);
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(asked); i++) {
        int result = box_feature(&box, asked[i].argsz, asked[i].flags, NULL, 0);

        if (result != asked[i].result) {
            fail_msg("argsz %u flags %#x: %d", asked[i].argsz, asked[i].flags,
                     result);
        }
    }
    assert_int_equal(
        box.sys->ioctl(box.sys->user, box.fd, MIGP_VFIO_DEVICE_FEATURE, NULL),
        -EFAULT);
    assert_int_equal(box.sys->ioctl(box.sys->user, box.fd, 0x3b99, NULL),
                     -ENOTTY);
    box_free(&box);
}

static void test_data_size__in_every_state(void **state)
{
    struct box box = box_new(SMALL);
    uint32_t target;

    (void)state;
    for (target = 1; target < MIGP_STATE_COUNT; target++) {
        uint64_t size = 0;
        int data_fd;

        assert_int_equal(box_reset(&box), 0);
        assert_int_equal(box_set(&box, target, &data_fd), 0);
        assert_int_equal(
            box_feature(&box, 16,
                        MIGP_FEATURE_MIG_DATA_SIZE | MIGP_VFIO_FEATURE_GET,
                        &size, sizeof(size)),
            0);
        assert_int_equal(size, 16384);
        if (data_fd >= 0) {
            box_close(&box, data_fd);
        }
    }
    box_free(&box);
}

static void check_data_fd(const struct box *box, int fd, bool load)
{
    const struct migp_sys *sys = box->sys;
    char path[32];
    char link[32];
    char byte = 0;
    migp_ssize n;

    assert_int_equal(sys->fcntl(sys->user, fd, F_GETFD, 0), FD_CLOEXEC);
    assert_int_equal(sys->fcntl(sys->user, fd, F_GETFL, 0),
                     load ? O_WRONLY : O_RDONLY);
    assert_int_equal(sys->fcntl(sys->user, fd, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(sys->fcntl(sys->user, fd, F_GETFL, 0),
                     (load ? O_WRONLY : O_RDONLY) | O_NONBLOCK);
    assert_int_equal(sys->pread(sys->user, fd, &byte, 1, 0), -ESPIPE);
    assert_int_equal(sys->pwrite(sys->user, fd, &byte, 1, 0), -ESPIPE);
    assert_int_equal(sys->poll(sys->user, fd, POLLIN | POLLOUT, 0),
                     POLLIN | POLLOUT);
    assert_int_equal(sys->ioctl(sys->user, fd, 0x3b99, NULL), -ENOTTY);
    if (load) {
        assert_int_equal(box_read(box, fd, &byte, 1), -EBADF);
        assert_int_equal(box_write(box, fd, NULL, 1), -EFAULT);
        assert_int_equal(box_write(box, fd, NULL, 0), 0);
    } else {
        assert_int_equal(box_write(box, fd, &byte, 1), -EBADF);
        assert_int_equal(box_read(box, fd, NULL, 1), -EFAULT);
        assert_int_equal(box_read(box, fd, NULL, 0), 0);
    }
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    n = sys->readlink(sys->user, path, link, sizeof(link));
    assert_int_equal(n, strlen("anon_inode:sim_mig"));
    assert_memory_equal(link, "anon_inode:sim_mig", (size_t)n);
    assert_int_equal(sys->fcntl(sys->user, fd, F_SETFL, 0), 0);
}

static void test_data_fd__is_a_stream_one_way(void **state)
{
    struct box box = box_new(SMALL);
    int fd;

    (void)state;
    fd = box_enter(&box, MIGP_STATE_PRE_COPY);
    check_data_fd(&box, fd, false);
    box_go(&box, MIGP_STATE_STOP_COPY);
    check_data_fd(&box, fd, false);
    box_close(&box, fd);
    fd = box_enter(&box, MIGP_STATE_RESUMING);
    check_data_fd(&box, fd, true);
    box_close(&box, fd);
    assert_int_equal(box.sys->close(box.sys->user, fd), -EBADF);
    assert_int_equal(box_read(&box, fd, &fd, 1), -EBADF);
    box_free(&box);
}

static void test_data_fd__no_room_for_it(void **state)
{
    struct box box = box_new(SMALL);
    int fds[100];
    int data_fd;
    int n = 0;

    (void)state;
    do {
        fds[n] = box.sys->open(box.sys->user, "/dev/iommu", O_RDWR);
    } while (fds[n] >= 0 && ++n < 100);
    assert_int_equal(fds[n], -EMFILE);
    assert_int_equal(box_set(&box, MIGP_STATE_STOP_COPY, &data_fd), -EMFILE);
    assert_int_equal(data_fd, -1);
    assert_int_equal(box_get(&box), MIGP_STATE_STOP_COPY);
    while (n > 0) {
        box_close(&box, fds[--n]);
    }
    box_go(&box, MIGP_STATE_STOP);
    box_close(&box, box_enter(&box, MIGP_STATE_STOP_COPY));
    box_free(&box);
}

static void test_session__closing_its_fd_is_not_its_end(void **state)
{
    struct box box = box_new(SMALL);

    (void)state;
    box_close(&box, box_enter(&box, MIGP_STATE_PRE_COPY));
    assert_int_equal(box_get(&box), MIGP_STATE_PRE_COPY);
    box_go(&box, MIGP_STATE_STOP_COPY);
    box_free(&box);
}

static void check_ended(const struct box *box, int fd, bool load)
{
    struct migp_vfio_precopy_info info;
    uint8_t byte = 0;

    if (load) {
        assert_int_equal(box_write(box, fd, &byte, 1), -ENODEV);
        assert_int_equal(box_info(box, fd, &info), -ENOTTY);
    } else {
        assert_int_equal(box_read(box, fd, &byte, 1), -ENODEV);
        assert_int_equal(box_info(box, fd, &info), -EINVAL);
    }
    box_close(box, fd);
}

static void test_session__ended_by_a_reset(void **state)
{
    static const uint32_t states[] = {
        MIGP_STATE_PRE_COPY, MIGP_STATE_PRE_COPY_P2P, MIGP_STATE_STOP_COPY,
        MIGP_STATE_RESUMING};
    size_t i;
    int outside;

    (void)state;
    for (outside = 0; outside < 2; outside++) {
        for (i = 0; i < N_TESTS(states); i++) {
            struct box box = box_new(SMALL);
            int fd = box_enter(&box, states[i]);

            if (outside != 0) {
                migp_sim_reset(box.sim);
            } else {
                assert_int_equal(box_reset(&box), 0);
            }
            assert_int_equal(box_get(&box), MIGP_STATE_RUNNING);
            check_ended(&box, fd, states[i] == MIGP_STATE_RESUMING);
            box_free(&box);
        }
    }
}

static void test_session__ended_with_the_device(void **state)
{
    struct box box = box_new(SMALL);
    uint8_t byte;
    int fd;

    (void)state;
    fd = box_enter(&box, MIGP_STATE_STOP_COPY);
    assert_int_equal(box.sys->open(box.sys->user, MIGP_SIM_PATH, O_RDWR),
                     -EBUSY);
    box_close(&box, box.fd);
    assert_int_equal(box_read(&box, fd, &byte, 1), -ENODEV);
    assert_int_equal(migp_sim_open_fds(box.sim), 1);
    box.fd = box.sys->open(box.sys->user, MIGP_SIM_PATH, O_RDWR);
    assert_int_equal(box_get(&box), MIGP_STATE_RUNNING);
    assert_int_equal(box_read(&box, fd, &byte, 1), -ENODEV);
    box_close(&box, fd);
    box_free(&box);
}

/* An old fd does not come to life with the next session. */
static void test_session__old_fd_beside_a_new_one(void **state)
{
    struct box box = box_new(SMALL);
    struct migp_vfio_precopy_info info;
    uint8_t byte;
    int old_fd = box_enter(&box, MIGP_STATE_PRE_COPY);
    int fd;

    (void)state;
    box_go(&box, MIGP_STATE_RUNNING);
    fd = box_enter(&box, MIGP_STATE_PRE_COPY);
    assert_int_equal(box_read(&box, old_fd, &byte, 1), -ENODEV);
    assert_int_equal(box_info(&box, old_fd, &info), -ENODEV);
    assert_int_equal(box_info(&box, fd, &info), 0);
    assert_int_equal(box_read(&box, fd, &byte, 1), 1);
    box_close(&box, old_fd);
    box_close(&box, fd);
    box_free(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_feature__envelope),
        cmocka_unit_test(test_data_size__in_every_state),
        cmocka_unit_test(test_data_fd__is_a_stream_one_way),
        cmocka_unit_test(test_data_fd__no_room_for_it),
        cmocka_unit_test(test_session__closing_its_fd_is_not_its_end),
        cmocka_unit_test(test_session__ended_by_a_reset),
        cmocka_unit_test(test_session__ended_with_the_device),
        cmocka_unit_test(test_session__old_fd_beside_a_new_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
