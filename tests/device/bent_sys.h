/* SPDX-License-Identifier: MIT */
#ifndef MIGP_TESTS_BENT_SYS_H
#define MIGP_TESTS_BENT_SYS_H

/* A table of system calls that passes everything on to another one; a test
 * replaces the calls that it bends. */

#include <migproto/sys.h>

#include <string.h>

struct bent_sys {
    struct migp_sys sys; /* give this to the code under test */
    const struct migp_sys *inner;
};

#define BENT_INNER(user) (((struct bent_sys *)(user))->inner)

static inline int through_open(void *user, const char *path, int flags)
{
    return BENT_INNER(user)->open(BENT_INNER(user)->user, path, flags);
}

static inline int through_close(void *user, int fd)
{
    return BENT_INNER(user)->close(BENT_INNER(user)->user, fd);
}

static inline int through_ioctl(void *user, int fd, unsigned long request,
                                void *arg)
{
    return BENT_INNER(user)->ioctl(BENT_INNER(user)->user, fd, request, arg);
}

static inline migp_ssize through_read(void *user, int fd, void *bytes,
                                      size_t size)
{
    return BENT_INNER(user)->read(BENT_INNER(user)->user, fd, bytes, size);
}

static inline migp_ssize through_write(void *user, int fd, const void *bytes,
                                       size_t size)
{
    return BENT_INNER(user)->write(BENT_INNER(user)->user, fd, bytes, size);
}

static inline migp_ssize through_pread(void *user, int fd, void *bytes,
                                       size_t size, uint64_t offset)
{
    return BENT_INNER(user)->pread(BENT_INNER(user)->user, fd, bytes, size,
                                   offset);
}

static inline migp_ssize through_pwrite(void *user, int fd, const void *bytes,
                                        size_t size, uint64_t offset)
{
    return BENT_INNER(user)->pwrite(BENT_INNER(user)->user, fd, bytes, size,
                                    offset);
}

static inline int through_fcntl(void *user, int fd, int command, int arg)
{
    return BENT_INNER(user)->fcntl(BENT_INNER(user)->user, fd, command, arg);
}

static inline int through_poll(void *user, int fd, int events, int timeout)
{
    return BENT_INNER(user)->poll(BENT_INNER(user)->user, fd, events, timeout);
}

static inline migp_ssize through_readlink(void *user, const char *path,
                                          char *text, size_t size)
{
    return BENT_INNER(user)->readlink(BENT_INNER(user)->user, path, text, size);
}

static inline uint64_t through_now(void *user)
{
    return BENT_INNER(user)->now(BENT_INNER(user)->user);
}

static inline void through_sleep(void *user, uint64_t nanoseconds)
{
    BENT_INNER(user)->sleep(BENT_INNER(user)->user, nanoseconds);
}

/* bent: the first member of what the bent calls get as their user. */
static inline void bent_sys_init(struct bent_sys *bent,
                                 const struct migp_sys *inner)
{
    memset(bent, 0, sizeof(*bent));
    bent->inner = inner;
    bent->sys.struct_size = sizeof(bent->sys);
    bent->sys.user = bent;
    bent->sys.open = through_open;
    bent->sys.close = through_close;
    bent->sys.ioctl = through_ioctl;
    bent->sys.read = through_read;
    bent->sys.write = through_write;
    bent->sys.pread = through_pread;
    bent->sys.pwrite = through_pwrite;
    bent->sys.fcntl = through_fcntl;
    bent->sys.poll = through_poll;
    bent->sys.readlink = through_readlink;
    bent->sys.now = through_now;
    bent->sys.sleep = through_sleep;
}

#endif
