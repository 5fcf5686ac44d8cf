/* SPDX-License-Identifier: MIT */
#include "support/rig.h"

#include "device/uapi.h"
#include "support/rig_memory.h"

#include <migproto/vfio.h>
#include <migproto/vfio_user.h>
#include <migproto/vfio_user_serve.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

const char *rig_name(enum rig_kind kind)
{
    static const char *const names[RIG_KINDS] = {"kernel", "vfio-user",
                                                 "custom"};

    return names[kind];
}

/*
 * The simulated device is used by the server's thread and by the test, one at
 * a time.
 */
static int locked_open(void *user, const char *path, int flags)
{
    struct rig *rig = user;
    const struct migp_sys *inner = migp_sim_sys(rig->sim);
    int result;

    (void)pthread_mutex_lock(&rig->lock);
    result = inner->open(inner->user, path, flags);
    (void)pthread_mutex_unlock(&rig->lock);
    return result;
}

static int locked_close(void *user, int fd)
{
    struct rig *rig = user;
    const struct migp_sys *inner = migp_sim_sys(rig->sim);
    int result;

    (void)pthread_mutex_lock(&rig->lock);
    result = inner->close(inner->user, fd);
    (void)pthread_mutex_unlock(&rig->lock);
    return result;
}

static int locked_ioctl(void *user, int fd, unsigned long request, void *arg)
{
    struct rig *rig = user;
    const struct migp_sys *inner = migp_sim_sys(rig->sim);
    int result;

    (void)pthread_mutex_lock(&rig->lock);
    result = inner->ioctl(inner->user, fd, request, arg);
    (void)pthread_mutex_unlock(&rig->lock);
    return result;
}

static migp_ssize locked_read(void *user, int fd, void *bytes, size_t size)
{
    struct rig *rig = user;
    const struct migp_sys *inner = migp_sim_sys(rig->sim);
    migp_ssize result;

    (void)pthread_mutex_lock(&rig->lock);
    result = inner->read(inner->user, fd, bytes, size);
    (void)pthread_mutex_unlock(&rig->lock);
    return result;
}

static migp_ssize locked_write(void *user, int fd, const void *bytes,
                               size_t size)
{
    struct rig *rig = user;
    const struct migp_sys *inner = migp_sim_sys(rig->sim);
    migp_ssize result;

    (void)pthread_mutex_lock(&rig->lock);
    result = inner->write(inner->user, fd, bytes, size);
    (void)pthread_mutex_unlock(&rig->lock);
    return result;
}

static migp_ssize locked_pread(void *user, int fd, void *bytes, size_t size,
                               uint64_t offset)
{
    struct rig *rig = user;
    const struct migp_sys *inner = migp_sim_sys(rig->sim);
    migp_ssize result;

    (void)pthread_mutex_lock(&rig->lock);
    result = inner->pread(inner->user, fd, bytes, size, offset);
    (void)pthread_mutex_unlock(&rig->lock);
    return result;
}

static migp_ssize locked_pwrite(void *user, int fd, const void *bytes,
                                size_t size, uint64_t offset)
{
    struct rig *rig = user;
    const struct migp_sys *inner = migp_sim_sys(rig->sim);
    migp_ssize result;

    (void)pthread_mutex_lock(&rig->lock);
    result = inner->pwrite(inner->user, fd, bytes, size, offset);
    (void)pthread_mutex_unlock(&rig->lock);
    return result;
}

static void *serve(void *user)
{
    struct rig *rig = user;
    struct migp_vfio_user_serve_options how;

    migp_vfio_user_serve_options_init(&how);
    how.device_sys = &rig->locked;
    (void)migp_vfio_user_serve(rig->sockets[1], rig->device_fd, &how, NULL);
    (void)shutdown(rig->sockets[1], SHUT_RDWR);
    return NULL;
}

static void stop_server(struct rig *rig)
{
    (void)shutdown(rig->sockets[0], SHUT_RDWR);
    assert_int_equal(pthread_join(rig->server, NULL), 0);
    (void)close(rig->sockets[0]);
    (void)close(rig->sockets[1]);
    (void)locked_close(rig, rig->device_fd);
    (void)pthread_mutex_destroy(&rig->lock);
}

static int open_vfio_user(struct rig *rig, const struct fail_plan *plan,
                          const struct migp_device_options *options,
                          struct migp_error *error)
{
    struct migp_vfio_user_options how;
    struct migp_vfio_user *server;
    int status;

    assert_int_equal(pthread_mutex_init(&rig->lock, NULL), 0);
    rig->locked = (struct migp_sys){
        .struct_size = sizeof(struct migp_sys),
        .user = rig,
        .open = locked_open,
        .close = locked_close,
        .ioctl = locked_ioctl,
        .read = locked_read,
        .write = locked_write,
        .pread = locked_pread,
        .pwrite = locked_pwrite,
    };
    rig->device_fd = locked_open(rig, MIGP_SIM_PATH, 0);
    assert_true(rig->device_fd >= 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, rig->sockets), 0);
    assert_int_equal(pthread_create(&rig->server, NULL, serve, rig), 0);

    fail_sys_init(&rig->fail, migp_sys_linux());
    fail_sys_start(&rig->fail, plan);
    migp_vfio_user_options_init(&how);
    how.sys = &rig->fail.sys;
    how.socket = rig->sockets[0];
    status = migp_vfio_user_connect(&server, &how, error);
    if (status == MIGP_OK) {
        status = migp_device_new(&rig->device, migp_vfio_user_ops(), server,
                                 options, error);
        if (status != MIGP_OK) {
            migp_vfio_user_close(server);
        }
    }
    if (status != MIGP_OK) {
        stop_server(rig);
    }
    return status;
}

static int open_kernel(struct rig *rig, const struct fail_plan *plan,
                       const struct migp_device_options *options,
                       struct migp_error *error)
{
    struct migp_vfio_options how;
    struct migp_vfio *vfio;
    int status;

    fail_sys_init(&rig->fail, migp_sim_sys(rig->sim));
    fail_sys_start(&rig->fail, plan);
    migp_vfio_options_init(&how);
    how.sys = &rig->fail.sys;
    how.cdev_path = MIGP_SIM_PATH;
    how.flags = MIGP_VFIO_RESET_OK;
    status = migp_vfio_open(&vfio, &how, error);
    if (status == MIGP_OK) {
        status = migp_device_new(&rig->device, migp_vfio_ops(), vfio, options,
                                 error);
        if (status != MIGP_OK) {
            migp_vfio_close(vfio);
        }
    }
    return status;
}

static int open_custom(struct rig *rig,
                       const struct migp_device_options *options,
                       struct migp_error *error)
{
    static uint32_t seed;

    fail_sys_init(&rig->fail, migp_sys_linux());
    rig->memory = rig_memory_new(++seed);
    assert_non_null(rig->memory);
    return migp_device_new(&rig->device, rig_memory_ops(), rig->memory, options,
                           error);
}

int rig_open(struct rig *rig, enum rig_kind kind, const char *sim_options,
             const struct fail_plan *plan,
             const struct migp_device_options *options,
             struct migp_error *error)
{
    int status;

    memset(rig, 0, sizeof(*rig));
    rig->kind = kind;
    if (kind == RIG_CUSTOM) {
        return open_custom(rig, options, error);
    }
    status = migp_sim_new(&rig->sim, sim_options, NULL, error);
    if (status != MIGP_OK) {
        return status;
    }
    status = kind == RIG_KERNEL ? open_kernel(rig, plan, options, error)
                                : open_vfio_user(rig, plan, options, error);
    if (status != MIGP_OK) {
        assert_int_equal(fail_sys_open_fds(&rig->fail), 0);
        assert_int_equal(migp_sim_open_fds(rig->sim), 0);
        migp_sim_free(rig->sim);
    }
    return status;
}

void rig_close(struct rig *rig)
{
    migp_device_free(rig->device);
    if (rig->kind == RIG_VFIO_USER) {
        stop_server(rig);
    }
    assert_int_equal(fail_sys_open_fds(&rig->fail), 0);
    assert_int_equal(rig->fail.double_close, 0);
    if (rig->sim != NULL) {
        assert_int_equal(migp_sim_open_fds(rig->sim), 0);
    }
    migp_sim_free(rig->sim);
}

uint64_t rig_fingerprint(struct rig *rig)
{
    uint64_t result;

    if (rig->kind == RIG_CUSTOM) {
        return rig_memory_fingerprint(rig->memory);
    }
    if (rig->kind == RIG_KERNEL) {
        return migp_sim_fingerprint(rig->sim);
    }
    (void)pthread_mutex_lock(&rig->lock);
    result = migp_sim_fingerprint(rig->sim);
    (void)pthread_mutex_unlock(&rig->lock);
    return result;
}

void rig_reset_outside(struct rig *rig)
{
    if (rig->kind == RIG_CUSTOM) {
        rig_memory_reset(rig->memory);
    } else if (rig->kind == RIG_KERNEL) {
        migp_sim_reset(rig->sim);
    } else {
        (void)pthread_mutex_lock(&rig->lock);
        migp_sim_reset(rig->sim);
        (void)pthread_mutex_unlock(&rig->lock);
    }
}

uint32_t rig_true_state(struct rig *rig)
{
    struct {
        struct migp_vfio_feature head;
        struct migp_vfio_feature_mig_state state;
    } ask = {
        {sizeof(ask), MIGP_VFIO_FEATURE_GET | MIGP_FEATURE_MIG_DEVICE_STATE},
        {0, -1}};
    const struct migp_sys *sys;
    int fd;

    if (rig->kind == RIG_CUSTOM) {
        return rig->memory->state;
    }
    if (rig->kind == RIG_VFIO_USER) {
        assert_int_equal(
            locked_ioctl(rig, rig->device_fd, MIGP_VFIO_DEVICE_FEATURE, &ask),
            0);
        return ask.state.device_state;
    }
    sys = migp_sim_sys(rig->sim);
    fd = migp_vfio_fd(migp_device_backend(rig->device, migp_vfio_ops()));
    assert_int_equal(sys->ioctl(sys->user, fd, MIGP_VFIO_DEVICE_FEATURE, &ask),
                     0);
    return ask.state.device_state;
}
