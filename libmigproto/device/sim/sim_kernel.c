/* SPDX-License-Identifier: MIT */
#include "device/sim/simulated.h"
#include "device/uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

/* The table of fds, and which file a call goes to. */

#define IOMMU_PATH "/dev/iommu"
#define PROC_FD "/proc/self/fd/"

/* One call moves no more, as the kernel's own limit does (there 2 GiB). */
#define CALL_MAX ((size_t)1 << 30)

/* Nobody maps the first page, so what points there can be refused with EFAULT
 * as a kernel would. */
bool migp_sim_bad_pointer(const void *pointer)
{
    return (uintptr_t)pointer < SIM_PAGE;
}

struct sim_fd *migp_sim_fd_find(struct migp_sim *sim, int fd)
{
    if (fd < SIM_FIRST_FD || fd >= SIM_FIRST_FD + SIM_MAX_FDS ||
        sim->fds[fd - SIM_FIRST_FD].kind == SIM_FD_FREE) {
        return NULL;
    }
    return &sim->fds[fd - SIM_FIRST_FD];
}

int migp_sim_fd_install(struct migp_sim *sim, enum sim_fd_kind kind, int status)
{
    int i;

    for (i = 0; i < SIM_MAX_FDS; i++) {
        struct sim_fd *file = &sim->fds[i];

        if (file->kind == SIM_FD_FREE) {
            memset(file, 0, sizeof(*file));
            file->kind = (uint8_t)kind;
            file->status = status;
            file->cloexec = true;
            return SIM_FIRST_FD + i;
        }
    }
    return -EMFILE;
}

static bool is_data(const struct sim_fd *file)
{
    return file->kind == SIM_FD_SAVE || file->kind == SIM_FD_LOAD;
}

static bool device_open(const struct migp_sim *sim)
{
    size_t i;

    for (i = 0; i < SIM_MAX_FDS; i++) {
        if (sim->fds[i].kind == SIM_FD_DEVICE) {
            return true;
        }
    }
    return false;
}

size_t migp_sim_open_fds(const struct migp_sim *sim)
{
    size_t count = 0;
    size_t i;

    for (i = 0; i < SIM_MAX_FDS; i++) {
        if (sim->fds[i].kind == SIM_FD_DEVICE || is_data(&sim->fds[i])) {
            count++;
        }
    }
    return count;
}

static int sys_open(void *user, const char *path, int flags)
{
    struct migp_sim *sim = user;
    int fd;

    if (strcmp(path, IOMMU_PATH) == 0) {
        return migp_sim_fd_install(sim, SIM_FD_IOMMU, flags & O_ACCMODE);
    }
    if (strcmp(path, MIGP_SIM_PATH) != 0) {
        return -ENOENT;
    }
    if (device_open(sim)) {
        return -EBUSY;
    }
    fd = migp_sim_fd_install(sim, SIM_FD_DEVICE, flags & O_ACCMODE);
    if (fd >= 0) {
        migp_sim_device_opened(sim);
    }
    return fd;
}

/* A session outlives its data fd, and ends with the device's. */
static int sys_close(void *user, int fd)
{
    struct migp_sim *sim = user;
    struct sim_fd *file = migp_sim_fd_find(sim, fd);
    uint8_t kind;

    if (file == NULL) {
        return -EBADF;
    }
    migp_sim_tick(sim);
    kind = file->kind;
    if (is_data(file) && sim_broken(sim, SIM_BREAK_CLOSE_DATA) &&
        sim->session.live && file->session == sim->session.number) {
        migp_sim_end_session(sim);
        sim->state = MIGP_STATE_RUNNING;
    }
    memset(file, 0, sizeof(*file));
    if (kind == SIM_FD_DEVICE) {
        migp_sim_device_closed(sim);
    }
    return 0;
}

/* IOMMU_IOAS_ALLOC: u32 size, flags, id. What is mapped does not matter to a
 * device that does no DMA of its own. */
static int iommu_ioctl(unsigned long request, void *arg)
{
    uint32_t ioas[3];

    switch (request) {
    case MIGP_IOMMU_IOAS_ALLOC:
        if (migp_sim_bad_pointer(arg)) {
            return -EFAULT;
        }
        memcpy(ioas, arg, sizeof(ioas));
        if (ioas[0] < sizeof(ioas) || ioas[1] != 0) {
            return -EINVAL;
        }
        ioas[2] = 1;
        memcpy(arg, ioas, sizeof(ioas));
        return 0;
    case MIGP_IOMMU_DESTROY:
        return 0;
    default:
        return -ENOTTY;
    }
}

static int bind_iommufd(struct migp_sim *sim, struct sim_fd *file, void *arg)
{
    struct migp_vfio_bind_iommufd bind;
    const struct sim_fd *iommu;

    if (migp_sim_bad_pointer(arg)) {
        return -EFAULT;
    }
    memcpy(&bind, arg, sizeof(bind));
    if (bind.argsz < sizeof(bind) || bind.flags != 0 || file->bound) {
        return -EINVAL;
    }
    iommu = migp_sim_fd_find(sim, bind.iommufd);
    if (iommu == NULL || iommu->kind != SIM_FD_IOMMU) {
        return -EBADF;
    }
    file->bound = true;
    bind.out_devid = 1;
    memcpy(arg, &bind, sizeof(bind));
    return 0;
}

static int sys_ioctl(void *user, int fd, unsigned long request, void *arg)
{
    struct migp_sim *sim = user;
    struct sim_fd *file = migp_sim_fd_find(sim, fd);

    if (file == NULL) {
        return -EBADF;
    }
    migp_sim_tick(sim);
    switch (file->kind) {
    case SIM_FD_IOMMU:
        return iommu_ioctl(request, arg);
    case SIM_FD_SAVE:
        if (request != MIGP_VFIO_MIG_GET_PRECOPY_INFO) {
            return -ENOTTY;
        }
        return migp_sim_precopy_info(sim, file, arg);
    case SIM_FD_LOAD:
        return -ENOTTY;
    default:
        break;
    }
    switch (request) {
    case MIGP_VFIO_DEVICE_FEATURE:
        return migp_sim_feature(sim, arg);
    case MIGP_VFIO_DEVICE_RESET_IOCTL:
        return migp_sim_ask_reset(sim);
    case MIGP_VFIO_DEVICE_BIND_IOMMUFD:
        return bind_iommufd(sim, file, arg);
    case MIGP_VFIO_DEVICE_ATTACH_PT:
    case MIGP_VFIO_DEVICE_DETACH_PT:
        return file->bound ? 0 : -EINVAL;
    default:
        return migp_sim_device_ioctl(sim, request, arg);
    }
}

static migp_ssize sys_read(void *user, int fd, void *bytes, size_t size)
{
    struct migp_sim *sim = user;
    struct sim_fd *file = migp_sim_fd_find(sim, fd);

    if (file == NULL ||
        (file->kind == SIM_FD_LOAD && !sim_broken(sim, SIM_BREAK_DIRECTION))) {
        return -EBADF;
    }
    if (file->kind == SIM_FD_LOAD) {
        return 0;
    }
    if (file->kind != SIM_FD_SAVE) {
        return -EINVAL;
    }
    if (size > 0 && migp_sim_bad_pointer(bytes)) {
        return -EFAULT;
    }
    migp_sim_tick(sim);
    return migp_sim_data_read(sim, file, bytes,
                              size < CALL_MAX ? size : CALL_MAX);
}

static migp_ssize sys_write(void *user, int fd, const void *bytes, size_t size)
{
    struct migp_sim *sim = user;
    struct sim_fd *file = migp_sim_fd_find(sim, fd);

    if (file == NULL || file->kind == SIM_FD_SAVE) {
        return -EBADF;
    }
    if (file->kind != SIM_FD_LOAD) {
        return -EINVAL;
    }
    if (size > 0 && migp_sim_bad_pointer(bytes)) {
        return -EFAULT;
    }
    migp_sim_tick(sim);
    return migp_sim_data_write(sim, file, bytes,
                               size < CALL_MAX ? size : CALL_MAX);
}

static migp_ssize access_at(struct migp_sim *sim, int fd, void *bytes,
                            const void *given, size_t size, uint64_t offset)
{
    struct sim_fd *file = migp_sim_fd_find(sim, fd);

    if (file == NULL) {
        return -EBADF;
    }
    if (is_data(file)) {
        return -ESPIPE;
    }
    if (file->kind != SIM_FD_DEVICE) {
        return -EINVAL;
    }
    if (size > 0 && migp_sim_bad_pointer(bytes != NULL ? bytes : given)) {
        return -EFAULT;
    }
    migp_sim_tick(sim);
    return migp_sim_region_access(sim, bytes, given, size, offset);
}

static migp_ssize sys_pread(void *user, int fd, void *bytes, size_t size,
                            uint64_t offset)
{
    return access_at(user, fd, bytes, NULL, size, offset);
}

static migp_ssize sys_pwrite(void *user, int fd, const void *bytes, size_t size,
                             uint64_t offset)
{
    return access_at(user, fd, NULL, bytes, size, offset);
}

static int sys_fcntl(void *user, int fd, int command, int arg)
{
    struct migp_sim *sim = user;
    struct sim_fd *file = migp_sim_fd_find(sim, fd);

    if (file == NULL) {
        return -EBADF;
    }
    switch (command) {
    case F_GETFD:
        return file->cloexec ? FD_CLOEXEC : 0;
    case F_SETFD:
        file->cloexec = (arg & FD_CLOEXEC) != 0;
        return 0;
    case F_GETFL:
        return file->status;
    case F_SETFL:
        file->status = (file->status & O_ACCMODE) | (arg & O_NONBLOCK);
        return 0;
    default:
        return -EINVAL;
    }
}

/* Nothing else can happen while this call waits, so what is not there now
 * comes, if at all, with time. */
static int sys_poll(void *user, int fd, int events, int timeout)
{
    struct migp_sim *sim = user;
    struct sim_fd *file = migp_sim_fd_find(sim, fd);
    int found;

    if (file == NULL) {
        return POLLNVAL;
    }
    migp_sim_tick(sim);
    found = migp_sim_data_poll(sim, file) & (events | POLLERR | POLLHUP);
    if (found == 0 && timeout > 0) {
        migp_sim_pass(sim, (uint64_t)timeout * 1000000);
        migp_sim_tick(sim);
        found = migp_sim_data_poll(sim, file) & (events | POLLERR | POLLHUP);
    }
    return found;
}

static int number_of(const char *text)
{
    int number = 0;

    while (*text >= '0' && *text <= '9' && number < 100000) {
        number = number * 10 + (*text++ - '0');
    }
    return *text == '\0' ? number : -1;
}

static migp_ssize sys_readlink(void *user, const char *path, char *text,
                               size_t size)
{
    struct migp_sim *sim = user;
    const struct sim_fd *file;
    char link[64];
    size_t length;

    if (strncmp(path, PROC_FD, strlen(PROC_FD)) != 0) {
        return -ENOENT;
    }
    file = migp_sim_fd_find(sim, number_of(path + strlen(PROC_FD)));
    if (file == NULL) {
        return -ENOENT;
    }
    if (is_data(file)) {
        (void)snprintf(link, sizeof(link), "anon_inode:%s",
                       sim->quirk->fd_name);
    } else {
        (void)snprintf(link, sizeof(link), "%s",
                       file->kind == SIM_FD_IOMMU ? IOMMU_PATH : MIGP_SIM_PATH);
    }
    length = strlen(link) < size ? strlen(link) : size;
    memcpy(text, link, length);
    return (migp_ssize)length;
}

static int sys_find_name(void *user, const char *directory, const char *prefix,
                         char *text, size_t size)
{
    (void)user;
    (void)directory;
    (void)prefix;
    if (size > 0) {
        text[0] = '\0';
    }
    return -ENOENT;
}

static int sys_connect_unix(void *user, const char *path)
{
    (void)user;
    (void)path;
    return -ENOENT;
}

static migp_ssize sys_send(void *user, int fd, const struct migp_piece *pieces,
                           size_t n_pieces, const int *fds, size_t n_fds)
{
    (void)pieces;
    (void)n_pieces;
    (void)fds;
    (void)n_fds;
    return migp_sim_fd_find(user, fd) != NULL ? -ENOTSOCK : -EBADF;
}

static migp_ssize sys_receive(void *user, int fd, void *bytes, size_t size,
                              int *fds, size_t *n_fds)
{
    (void)bytes;
    (void)size;
    if (n_fds != NULL) {
        if (*n_fds > 0) {
            fds[0] = -1;
        }
        *n_fds = 0;
    }
    return migp_sim_fd_find(user, fd) != NULL ? -ENOTSOCK : -EBADF;
}

static uint64_t sys_now(void *user)
{
    return migp_sim_now(user);
}

static void sys_sleep(void *user, uint64_t nanoseconds)
{
    migp_sim_pass(user, nanoseconds);
}

void migp_sim_fill_sys(struct migp_sim *sim)
{
    const struct migp_sys sys = {
        .struct_size = sizeof(struct migp_sys),
        .user = sim,
        .open = sys_open,
        .close = sys_close,
        .ioctl = sys_ioctl,
        .read = sys_read,
        .write = sys_write,
        .pread = sys_pread,
        .pwrite = sys_pwrite,
        .fcntl = sys_fcntl,
        .poll = sys_poll,
        .readlink = sys_readlink,
        .find_name = sys_find_name,
        .connect_unix = sys_connect_unix,
        .send = sys_send,
        .receive = sys_receive,
        .now = sys_now,
        .sleep = sys_sleep,
    };

    sim->sys = sys;
}

const struct migp_sys *migp_sim_sys(struct migp_sim *sim)
{
    return &sim->sys;
}
