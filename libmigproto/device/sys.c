/* SPDX-License-Identifier: MIT */
#include "device/sys.h"

#include "core/options.h"

#include <errno.h>
#include <string.h>

/* NOLINTBEGIN(readability-non-const-parameter): the types are the table's. */

static int no_open(void *user, const char *path, int flags)
{
    (void)user;
    (void)path;
    (void)flags;
    return -ENOSYS;
}

static int no_close(void *user, int fd)
{
    (void)user;
    (void)fd;
    return -ENOSYS;
}

static int no_ioctl(void *user, int fd, unsigned long request, void *arg)
{
    (void)user;
    (void)fd;
    (void)request;
    (void)arg;
    return -ENOSYS;
}

static migp_ssize no_read(void *user, int fd, void *bytes, size_t size)
{
    (void)user;
    (void)fd;
    (void)bytes;
    (void)size;
    return -ENOSYS;
}

static migp_ssize no_write(void *user, int fd, const void *bytes, size_t size)
{
    (void)user;
    (void)fd;
    (void)bytes;
    (void)size;
    return -ENOSYS;
}

static migp_ssize no_pread(void *user, int fd, void *bytes, size_t size,
                           uint64_t offset)
{
    (void)offset;
    return no_read(user, fd, bytes, size);
}

static migp_ssize no_pwrite(void *user, int fd, const void *bytes, size_t size,
                            uint64_t offset)
{
    (void)offset;
    return no_write(user, fd, bytes, size);
}

static int no_fcntl(void *user, int fd, int command, int arg)
{
    (void)user;
    (void)fd;
    (void)command;
    (void)arg;
    return -ENOSYS;
}

static migp_ssize no_readlink(void *user, const char *path, char *text,
                              size_t size)
{
    (void)user;
    (void)path;
    (void)text;
    (void)size;
    return -ENOSYS;
}

static int no_find_name(void *user, const char *directory, const char *prefix,
                        char *text, size_t size)
{
    (void)prefix;
    return (int)no_readlink(user, directory, text, size);
}

static int no_connect_unix(void *user, const char *path)
{
    return no_open(user, path, 0);
}

static migp_ssize no_send(void *user, int fd, const struct migp_piece *pieces,
                          size_t n_pieces, const int *fds, size_t n_fds)
{
    (void)fds;
    (void)n_fds;
    return no_write(user, fd, pieces, n_pieces);
}

static migp_ssize no_receive(void *user, int fd, void *bytes, size_t size,
                             int *fds, size_t *n_fds)
{
    (void)fds;
    (void)n_fds;
    return no_read(user, fd, bytes, size);
}

static uint64_t no_now(void *user)
{
    (void)user;
    return 0;
}

static void no_sleep(void *user, uint64_t nanoseconds)
{
    (void)user;
    (void)nanoseconds;
}

/* NOLINTEND(readability-non-const-parameter) */

int migp_sys_take(struct migp_sys *own, const struct migp_sys *given)
{
    struct migp_sys table;

    memset(&table, 0, sizeof(table));
    if (given == NULL) {
        given = migp_sys_linux();
    }
    /* Half a pointer would be none. */
    if (given->struct_size % sizeof(void *) != 0 ||
        migp_struct_read(&table, sizeof(table), given) < 0) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
#define MIGP_X(member)                                                         \
    if (table.member == NULL) {                                                \
        table.member = no_##member;                                            \
    }
    MIGP_X(open)
    MIGP_X(close)
    MIGP_X(ioctl)
    MIGP_X(read)
    MIGP_X(write)
    MIGP_X(pread)
    MIGP_X(pwrite)
    MIGP_X(fcntl)
    if (table.poll == NULL) {
        table.poll = no_fcntl; /* of the same type */
    }
    MIGP_X(readlink)
    MIGP_X(find_name)
    MIGP_X(connect_unix)
    MIGP_X(send)
    MIGP_X(receive)
    MIGP_X(now)
    MIGP_X(sleep)
#undef MIGP_X
    *own = table;
    return MIGP_OK;
}
