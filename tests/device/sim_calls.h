/* SPDX-License-Identifier: MIT */
#ifndef MIGP_TESTS_DEVICE_SIM_CALLS_H
#define MIGP_TESTS_DEVICE_SIM_CALLS_H

/*
 * The simulated device through its table of system calls, as a kernel is
 * called: what the tests of the device itself share. No backend in between.
 */

#include "device/uapi.h"
#include "unit/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <migproto/fsm.h>
#include <migproto/sim.h>
#include <string.h>

/* A device, open. */
struct box {
    struct migp_sim *sim;
    const struct migp_sys *sys;
    int fd;
};

static inline struct box box_new(const char *options)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct box box;

    if (migp_sim_new(&box.sim, options, NULL, &error) != MIGP_OK) {
        fail_msg("%s: %s", options, error.text);
    }
    box.sys = migp_sim_sys(box.sim);
    box.fd = box.sys->open(box.sys->user, MIGP_SIM_PATH, O_RDWR);
    assert_true(box.fd >= 0);
    return box;
}

/* Whatever the test opened must be closed by now. */
static inline void box_free(struct box *box)
{
    assert_int_equal(box->sys->close(box->sys->user, box->fd), 0);
    assert_int_equal(migp_sim_open_fds(box->sim), 0);
    migp_sim_free(box->sim);
}

static inline int box_feature(const struct box *box, uint32_t argsz,
                              uint32_t flags, void *payload, size_t size)
{
    struct {
        struct migp_vfio_feature head;
        uint8_t payload[64];
    } arg;
    int result;

    memset(&arg, 0, sizeof(arg));
    arg.head.argsz = argsz;
    arg.head.flags = flags;
    if (size > 0) {
        memcpy(arg.payload, payload, size);
    }
    result = box->sys->ioctl(box->sys->user, box->fd, MIGP_VFIO_DEVICE_FEATURE,
                             &arg);
    if (size > 0) {
        memcpy(payload, arg.payload, size);
    }
    return result;
}

/* data_fd: as the kernel left it. */
static inline int box_set(const struct box *box, uint32_t state, int *data_fd)
{
    struct migp_vfio_feature_mig_state payload = {state, 77};
    int result = box_feature(
        box, 16, MIGP_FEATURE_MIG_DEVICE_STATE | MIGP_VFIO_FEATURE_SET,
        &payload, sizeof(payload));

    assert_int_equal(payload.device_state, state);
    *data_fd = payload.data_fd;
    return result;
}

static inline uint32_t box_get(const struct box *box)
{
    struct migp_vfio_feature_mig_state payload = {99, 77};

    assert_int_equal(
        box_feature(box, 16,
                    MIGP_FEATURE_MIG_DEVICE_STATE | MIGP_VFIO_FEATURE_GET,
                    &payload, sizeof(payload)),
        0);
    assert_int_equal(payload.data_fd, -1);
    return payload.device_state;
}

/* Go there, which must open a session; its fd. */
static inline int box_enter(const struct box *box, uint32_t state)
{
    int data_fd;

    assert_int_equal(box_set(box, state, &data_fd), 0);
    assert_true(data_fd >= 0);
    return data_fd;
}

/* Go there, which must open none. */
static inline void box_go(const struct box *box, uint32_t state)
{
    int data_fd;

    assert_int_equal(box_set(box, state, &data_fd), 0);
    assert_int_equal(data_fd, -1);
    assert_int_equal(box_get(box), state);
}

static inline void box_close(const struct box *box, int fd)
{
    assert_int_equal(box->sys->close(box->sys->user, fd), 0);
}

static inline int box_reset(const struct box *box)
{
    return box->sys->ioctl(box->sys->user, box->fd,
                           MIGP_VFIO_DEVICE_RESET_IOCTL, NULL);
}

static inline migp_ssize box_read(const struct box *box, int fd, void *bytes,
                                  size_t size)
{
    return box->sys->read(box->sys->user, fd, bytes, size);
}

static inline migp_ssize box_write(const struct box *box, int fd,
                                   const void *bytes, size_t size)
{
    return box->sys->write(box->sys->user, fd, bytes, size);
}

/* Read in pieces until a read gives nothing; *end: what it gave. */
static inline size_t box_drain(const struct box *box, int fd, uint8_t *bytes,
                               size_t room, size_t piece, migp_ssize *end)
{
    size_t n = 0;

    for (;;) {
        size_t size = room - n < piece ? room - n : piece;
        migp_ssize got;

        assert_true(size > 0);
        got = box_read(box, fd, bytes + n, size);
        if (got <= 0) {
            *end = got;
            return n;
        }
        n += (size_t)got;
    }
}

/* Write in pieces; the first result that is no success, or 0. */
static inline migp_ssize box_pour(const struct box *box, int fd,
                                  const uint8_t *bytes, size_t size,
                                  size_t piece)
{
    size_t n = 0;

    while (n < size) {
        migp_ssize put =
            box_write(box, fd, bytes + n, size - n < piece ? size - n : piece);

        if (put <= 0) {
            return put;
        }
        n += (size_t)put;
    }
    return 0;
}

static inline int box_info(const struct box *box, int fd,
                           struct migp_vfio_precopy_info *info)
{
    memset(info, 0, sizeof(*info));
    info->argsz = sizeof(*info);
    return box->sys->ioctl(box->sys->user, fd, MIGP_VFIO_MIG_GET_PRECOPY_INFO,
                           info);
}

/* The whole state, by STOP_COPY alone, leaving the device RUNNING. */
static inline size_t box_save(const struct box *box, uint8_t *bytes,
                              size_t room)
{
    int fd = box_enter(box, MIGP_STATE_STOP_COPY);
    migp_ssize end;
    size_t n = box_drain(box, fd, bytes, room, 65536, &end);

    assert_int_equal(end, 0);
    box_go(box, MIGP_STATE_RUNNING);
    box_close(box, fd);
    return n;
}

/* BAR 0 starts the device fd's address space. */
static inline void box_poke(const struct box *box, uint64_t at,
                            const void *bytes, size_t size)
{
    assert_int_equal(box->sys->pwrite(box->sys->user, box->fd, bytes, size, at),
                     size);
}

#endif
