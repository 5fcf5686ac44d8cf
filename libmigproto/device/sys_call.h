/* SPDX-License-Identifier: MIT */
#ifndef MIGP_DEVICE_SYS_CALL_H
#define MIGP_DEVICE_SYS_CALL_H

/*
 * Calls of a table whose answers are in their range, made again where a signal
 * interrupted them and nobody can have meant to stop them.
 */

#include <migproto/sys.h>

/* A thread that is signalled all the time gets EINTR in the end. */
#define MIGP_SYS_TRIES 100

/* 0 or a negative errno, whatever the table's function returned. */
int migp_sys_errno(int64_t answer);

/* An amount up to size, or a negative errno. */
migp_ssize migp_sys_amount(migp_ssize answer, size_t size);

/* These are made again after EINTR, but not for ever. */
int migp_sys_open(const struct migp_sys *sys, const char *path, int flags);
int migp_sys_ioctl(const struct migp_sys *sys, int fd, unsigned long request,
                   void *arg);
migp_ssize migp_sys_pread(const struct migp_sys *sys, int fd, void *bytes,
                          size_t size, uint64_t offset);
migp_ssize migp_sys_pwrite(const struct migp_sys *sys, int fd,
                           const void *bytes, size_t size, uint64_t offset);

/* Close it if it is one (>= 0), and forget it. */
void migp_sys_close(const struct migp_sys *sys, int *fd);

/* An fd that another call than open() gave: is it one, and does it close when
 * another program is executed? 0 or a negative errno. */
int migp_sys_check_fd(const struct migp_sys *sys, int fd);

#endif
