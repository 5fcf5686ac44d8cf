/* SPDX-License-Identifier: MIT */
#include "device/sys_call.h"

#include <errno.h>
#include <fcntl.h>

/* Linux include/linux/err.h: no errno is above it. */
#define ERRNO_MAX 4095

int migp_sys_errno(int64_t answer)
{
    if (answer >= 0) {
        return 0;
    }
    return answer < -ERRNO_MAX ? -EIO : (int)answer;
}

migp_ssize migp_sys_amount(migp_ssize answer, size_t size)
{
    if (answer < 0) {
        return migp_sys_errno(answer);
    }
    return (uint64_t)answer > size ? -EIO : answer;
}

int migp_sys_open(const struct migp_sys *sys, const char *path, int flags)
{
    int answer = -EINTR;
    int i;

    for (i = 0; i < MIGP_SYS_TRIES && answer == -EINTR; i++) {
        answer = sys->open(sys->user, path, flags);
    }
    return answer < 0 ? migp_sys_errno(answer) : answer;
}

int migp_sys_ioctl(const struct migp_sys *sys, int fd, unsigned long request,
                   void *arg)
{
    int answer = -EINTR;
    int i;

    for (i = 0; i < MIGP_SYS_TRIES && answer == -EINTR; i++) {
        answer = sys->ioctl(sys->user, fd, request, arg);
    }
    return answer < 0 ? migp_sys_errno(answer) : answer;
}

migp_ssize migp_sys_pread(const struct migp_sys *sys, int fd, void *bytes,
                          size_t size, uint64_t offset)
{
    migp_ssize answer = -EINTR;
    int i;

    for (i = 0; i < MIGP_SYS_TRIES && answer == -EINTR; i++) {
        answer = sys->pread(sys->user, fd, bytes, size, offset);
    }
    return migp_sys_amount(answer, size);
}

migp_ssize migp_sys_pwrite(const struct migp_sys *sys, int fd,
                           const void *bytes, size_t size, uint64_t offset)
{
    migp_ssize answer = -EINTR;
    int i;

    for (i = 0; i < MIGP_SYS_TRIES && answer == -EINTR; i++) {
        answer = sys->pwrite(sys->user, fd, bytes, size, offset);
    }
    return migp_sys_amount(answer, size);
}

void migp_sys_close(const struct migp_sys *sys, int *fd)
{
    /* Linux has freed the fd even when close() says EINTR. */
    if (*fd >= 0) {
        (void)sys->close(sys->user, *fd);
        *fd = -1;
    }
}

int migp_sys_check_fd(const struct migp_sys *sys, int fd)
{
    int flags = -EINTR;
    int i;

    for (i = 0; i < MIGP_SYS_TRIES && flags == -EINTR; i++) {
        flags = sys->fcntl(sys->user, fd, F_GETFD, 0);
    }
    if (flags == -EBADF) {
        return -EBADF;
    }
    /* The kernel's are CLOEXEC; a table may hand out others. A table without
     * fcntl() must take care of it itself. */
    if (flags >= 0 && (flags & FD_CLOEXEC) == 0) {
        (void)sys->fcntl(sys->user, fd, F_SETFD, flags | FD_CLOEXEC);
    }
    return 0;
}
