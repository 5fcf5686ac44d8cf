/* SPDX-License-Identifier: MIT */
#ifndef MIGPROTO_SYS_H
#define MIGPROTO_SYS_H

/**
 * @file sys.h
 * @brief The one table of system calls that device backends go through.
 *
 * Nothing under device/ calls the system in any other way, so a caller can
 * see, filter, count, delay and fail every call: a VMM with its own opinion of
 * open(), a test that fails the n-th call, the simulated device (sim.h), which
 * is a kernel behind this table.
 *
 * Every function returns a value >= 0 or a negative errno; errno itself is
 * neither read nor set. None retries on EINTR. All file descriptors are opened
 * with O_CLOEXEC. NULL members of a caller's table answer -ENOSYS; without now
 * time stands still, without sleep nothing waits.
 *
 * Threads: a table may be used by as many threads at once as its functions
 * allow; migp_sys_linux() allows any number.
 */

#include <migproto/core.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Most file descriptors in one message. */
#define MIGP_SYS_MAX_FDS 8

/** The table. Fill struct_size and user; see migp_sys_linux(). */
struct migp_sys {
    size_t struct_size; /**< sizeof(struct migp_sys) */
    void *user;         /**< given to every function */
    /** open(2); flags as of fcntl.h, O_CLOEXEC is added. Returns the fd. */
    int (*open)(void *user, const char *path, int flags);
    /** close(2). */
    int (*close)(void *user, int fd);
    /** ioctl(2); arg is a pointer, or an integer where the request takes one. */
    int (*ioctl)(void *user, int fd, unsigned long request, void *arg);
    /** read(2). */
    migp_ssize (*read)(void *user, int fd, void *bytes, size_t size);
    /** write(2); for devices and data fds, which raise no SIGPIPE. */
    migp_ssize (*write)(void *user, int fd, const void *bytes, size_t size);
    /** pread(2). */
    migp_ssize (*pread)(void *user, int fd, void *bytes, size_t size,
                        uint64_t offset);
    /** pwrite(2). */
    migp_ssize (*pwrite)(void *user, int fd, const void *bytes, size_t size,
                         uint64_t offset);
    /** fcntl(2) with an integer argument. */
    int (*fcntl)(void *user, int fd, int command, int arg);
    /** poll(2) for one fd; timeout in milliseconds, -1 for ever. Returns
     *  revents, 0 after the timeout. */
    int (*poll)(void *user, int fd, int events, int timeout);
    /** readlink(2). Returns the bytes put into text, no NUL among them. */
    migp_ssize (*readlink)(void *user, const char *path, char *text,
                           size_t size);
    /** The first name in a directory that starts with prefix, into text with a
     *  NUL; -ENOENT if there is none. */
    int (*find_name)(void *user, const char *directory, const char *prefix,
                     char *text, size_t size);
    /** A UNIX stream socket connected to path. Returns the fd. */
    int (*connect_unix)(void *user, const char *path);
    /** sendmsg(2) with SCM_RIGHTS; never raises SIGPIPE. Returns bytes sent,
     *  perhaps fewer than given; the fds went with the first byte. */
    migp_ssize (*send)(void *user, int fd, const struct migp_piece *pieces,
                       size_t n_pieces, const int *fds, size_t n_fds);
    /** recvmsg(2) with SCM_RIGHTS. n_fds: room in fds, at most
     *  #MIGP_SYS_MAX_FDS; then how many came, the caller's to close. Fds for
     *  which there is no room are closed. Returns bytes, 0 at the end. */
    migp_ssize (*receive)(void *user, int fd, void *bytes, size_t size,
                          int *fds, size_t *n_fds);
    /** Nanoseconds of a clock that never goes back. */
    uint64_t (*now)(void *user);
    /** Wait; a signal may end it early. */
    void (*sleep)(void *user, uint64_t nanoseconds);
};

/**
 * @brief The table of the running Linux.
 * @return static, never NULL
 * @since 0.1.0
 */
MIGP_API const struct migp_sys *migp_sys_linux(void);

#ifdef __cplusplus
}
#endif

#endif
