/* SPDX-License-Identifier: MIT */
#include "support/fail_sys.h"

#include "device/uapi.h"

#include <errno.h>
#include <string.h>

/* 0, or what the call must answer instead of being made. */
static int before(struct fail_sys *fail, bool interruptible)
{
    if (interruptible && fail->plan.interrupts > 0) {
        fail->storm = fail->storm * 1103515245U + 12345U;
        if ((fail->storm >> 16) % (fail->plan.interrupts + 1) != 0) {
            fail->interrupted++;
            return -EINTR;
        }
    }
    fail->calls++;
    if (fail->plan.hook != NULL) {
        fail->plan.hook(fail->plan.hook_user, fail->calls);
    }
    if (fail->plan.error == EINTR && !interruptible) {
        return 0;
    }
    if (fail->plan.at != 0 && !fail->plan.after &&
        (fail->calls == fail->plan.at ||
         (fail->plan.on && fail->calls > fail->plan.at))) {
        fail->failed = true;
        return -fail->plan.error;
    }
    return 0;
}

/* Is the success of the call just made to be taken away? */
static bool spoil(struct fail_sys *fail)
{
    if (fail->plan.at == 0 || !fail->plan.after) {
        return false;
    }
    if (fail->calls == fail->plan.at ||
        (fail->plan.on && fail->calls > fail->plan.at)) {
        fail->failed = true;
        return true;
    }
    return false;
}

static int opened(struct fail_sys *fail, int fd)
{
    if (fd >= 0 && fd < FAIL_SYS_FDS) {
        fail->open[fd] = true;
    }
    return fd;
}

static int fs_close(void *user, int fd)
{
    struct fail_sys *fail = user;

    if (fd >= 0 && fd < FAIL_SYS_FDS) {
        if (!fail->open[fd]) {
            fail->double_close++;
        }
        fail->open[fd] = false;
    }
    return fail->inner->close(fail->inner->user, fd);
}

/* A new fd that nobody is told of. */
static int spoil_fd(struct fail_sys *fail, int fd)
{
    if (fd >= 0 && spoil(fail)) {
        (void)fail->inner->close(fail->inner->user, fd);
        return -fail->plan.error;
    }
    return opened(fail, fd);
}

static int fs_open(void *user, const char *path, int flags)
{
    struct fail_sys *fail = user;
    int status = before(fail, false);

    return status != 0 ? status
                       : spoil_fd(fail, fail->inner->open(fail->inner->user,
                                                          path, flags));
}

static int fs_connect(void *user, const char *path)
{
    struct fail_sys *fail = user;
    int status = before(fail, true);

    return status != 0
               ? status
               : spoil_fd(fail,
                          fail->inner->connect_unix(fail->inner->user, path));
}

/* The data fd in the answer of a state change, if the request is one. */
static int32_t *data_fd(unsigned long request, void *arg)
{
    const struct migp_vfio_feature *feature = arg;
    void *payload;

    if (request != MIGP_VFIO_DEVICE_FEATURE ||
        feature->flags !=
            (MIGP_VFIO_FEATURE_SET | MIGP_FEATURE_MIG_DEVICE_STATE)) {
        return NULL;
    }
    payload = (char *)arg + sizeof(*feature);
    return &((struct migp_vfio_feature_mig_state *)payload)->data_fd;
}

static int fs_ioctl(void *user, int fd, unsigned long request, void *arg)
{
    struct fail_sys *fail = user;
    int status = before(fail, true);
    int32_t *answer;

    if (status != 0) {
        return status;
    }
    status = fail->inner->ioctl(fail->inner->user, fd, request, arg);
    if (status < 0) {
        return status;
    }
    if (request == MIGP_VFIO_GROUP_GET_DEVICE_FD) {
        return spoil_fd(fail, status);
    }
    answer = data_fd(request, arg);
    if (spoil(fail)) {
        if (answer != NULL && *answer >= 0) {
            (void)fail->inner->close(fail->inner->user, *answer);
            *answer = -1;
        }
        return -fail->plan.error;
    }
    if (answer != NULL) {
        (void)opened(fail, *answer);
    }
    return status;
}

static size_t shorten(const struct fail_sys *fail, size_t size)
{
    return fail->plan.max_io != 0 && size > fail->plan.max_io
               ? fail->plan.max_io
               : size;
}

static migp_ssize fs_read(void *user, int fd, void *bytes, size_t size)
{
    struct fail_sys *fail = user;
    migp_ssize result = before(fail, true);

    if (result == 0) {
        result = fail->inner->read(fail->inner->user, fd, bytes,
                                   shorten(fail, size));
    }
    return result >= 0 && spoil(fail) ? -fail->plan.error : result;
}

static migp_ssize fs_write(void *user, int fd, const void *bytes, size_t size)
{
    struct fail_sys *fail = user;
    migp_ssize result = before(fail, true);

    if (result == 0) {
        result = fail->inner->write(fail->inner->user, fd, bytes,
                                    shorten(fail, size));
    }
    return result >= 0 && spoil(fail) ? -fail->plan.error : result;
}

static migp_ssize fs_pread(void *user, int fd, void *bytes, size_t size,
                           uint64_t offset)
{
    struct fail_sys *fail = user;
    migp_ssize result = before(fail, true);

    return result < 0
               ? result
               : fail->inner->pread(fail->inner->user, fd, bytes, size, offset);
}

static migp_ssize fs_pwrite(void *user, int fd, const void *bytes, size_t size,
                            uint64_t offset)
{
    struct fail_sys *fail = user;
    migp_ssize result = before(fail, true);

    return result < 0 ? result
                      : fail->inner->pwrite(fail->inner->user, fd, bytes, size,
                                            offset);
}

static int fs_fcntl(void *user, int fd, int command, int arg)
{
    struct fail_sys *fail = user;
    int status = before(fail, false);

    return status < 0 ? status
                      : fail->inner->fcntl(fail->inner->user, fd, command, arg);
}

static int fs_poll(void *user, int fd, int events, int timeout)
{
    struct fail_sys *fail = user;
    int status = before(fail, true);

    return status < 0
               ? status
               : fail->inner->poll(fail->inner->user, fd, events, timeout);
}

static migp_ssize fs_readlink(void *user, const char *path, char *text,
                              size_t size)
{
    struct fail_sys *fail = user;
    migp_ssize result = before(fail, false);

    return result < 0
               ? result
               : fail->inner->readlink(fail->inner->user, path, text, size);
}

static int fs_find_name(void *user, const char *directory, const char *prefix,
                        char *text, size_t size)
{
    struct fail_sys *fail = user;
    int status = before(fail, false);

    return status < 0 ? status
                      : fail->inner->find_name(fail->inner->user, directory,
                                               prefix, text, size);
}

static migp_ssize fs_send(void *user, int fd, const struct migp_piece *pieces,
                          size_t n_pieces, const int *fds, size_t n_fds)
{
    struct fail_sys *fail = user;
    migp_ssize result = before(fail, true);
    struct migp_piece first;
    size_t i = 0;

    if (result < 0) {
        return result;
    }
    while (i < n_pieces && pieces[i].size == 0) {
        i++;
    }
    if (fail->plan.max_io == 0 || i == n_pieces) {
        return fail->inner->send(fail->inner->user, fd, pieces, n_pieces, fds,
                                 n_fds);
    }
    first = (struct migp_piece){pieces[0].bytes, shorten(fail, pieces[0].size)};
    return fail->inner->send(fail->inner->user, fd, &first, 1, fds, n_fds);
}

static migp_ssize fs_receive(void *user, int fd, void *bytes, size_t size,
                             int *fds, size_t *n_fds)
{
    struct fail_sys *fail = user;
    migp_ssize result = before(fail, true);
    size_t i;

    if (result < 0) {
        return result;
    }
    result = fail->inner->receive(fail->inner->user, fd, bytes,
                                  shorten(fail, size), fds, n_fds);
    for (i = 0; result >= 0 && n_fds != NULL && i < *n_fds; i++) {
        (void)opened(fail, fds[i]);
    }
    return result;
}

static uint64_t fs_now(void *user)
{
    const struct fail_sys *fail = user;

    return fail->inner->now(fail->inner->user);
}

static void fs_sleep(void *user, uint64_t nanoseconds)
{
    const struct fail_sys *fail = user;

    fail->inner->sleep(fail->inner->user, nanoseconds);
}

void fail_sys_init(struct fail_sys *fail, const struct migp_sys *inner)
{
    memset(fail, 0, sizeof(*fail));
    fail->inner = inner;
    fail->sys = (struct migp_sys){
        .struct_size = sizeof(struct migp_sys),
        .user = fail,
        .open = fs_open,
        .close = fs_close,
        .ioctl = fs_ioctl,
        .read = fs_read,
        .write = fs_write,
        .pread = fs_pread,
        .pwrite = fs_pwrite,
        .fcntl = fs_fcntl,
        .poll = fs_poll,
        .readlink = fs_readlink,
        .find_name = fs_find_name,
        .connect_unix = fs_connect,
        .send = fs_send,
        .receive = fs_receive,
        .now = fs_now,
        .sleep = fs_sleep,
    };
}

void fail_sys_start(struct fail_sys *fail, const struct fail_plan *plan)
{
    fail->plan = plan != NULL ? *plan : (struct fail_plan){0};
    fail->calls = 0;
    fail->failed = false;
    fail->interrupted = 0;
    fail->storm = 1;
}

size_t fail_sys_open_fds(const struct fail_sys *fail)
{
    size_t n = 0;
    size_t i;

    for (i = 0; i < FAIL_SYS_FDS; i++) {
        n += fail->open[i];
    }
    return n;
}
