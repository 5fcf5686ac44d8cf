/* SPDX-License-Identifier: MIT */

/* The only file of the library that calls the system; see sys.h. */

#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64

#include <migproto/sys.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define NANOSECONDS 1000000000U

/* Pieces of one sendmsg(); what is behind them goes with the next. */
#define MAX_PIECES 16

static int answer(int result)
{
    return result < 0 ? -errno : result;
}

static migp_ssize amount(ssize_t result)
{
    return result < 0 ? -errno : result;
}

static int linux_open(void *user, const char *path, int flags)
{
    (void)user;
    return answer(open(path, flags | O_CLOEXEC, 0));
}

static int linux_close(void *user, int fd)
{
    (void)user;
    return answer(close(fd));
}

static int linux_ioctl(void *user, int fd, unsigned long request, void *arg)
{
    (void)user;
#ifdef __GLIBC__
    return answer(ioctl(fd, request, arg));
#else
    return answer(ioctl(fd, (int)request, arg));
#endif
}

static migp_ssize linux_read(void *user, int fd, void *bytes, size_t size)
{
    (void)user;
    return amount(read(fd, bytes, size));
}

static migp_ssize linux_write(void *user, int fd, const void *bytes,
                              size_t size)
{
    (void)user;
    return amount(write(fd, bytes, size));
}

static migp_ssize linux_pread(void *user, int fd, void *bytes, size_t size,
                              uint64_t offset)
{
    (void)user;
    if (offset > INT64_MAX) {
        return -EINVAL;
    }
    return amount(pread(fd, bytes, size, (off_t)offset));
}

static migp_ssize linux_pwrite(void *user, int fd, const void *bytes,
                               size_t size, uint64_t offset)
{
    (void)user;
    if (offset > INT64_MAX) {
        return -EINVAL;
    }
    return amount(pwrite(fd, bytes, size, (off_t)offset));
}

static int linux_fcntl(void *user, int fd, int command, int arg)
{
    (void)user;
    return answer(fcntl(fd, command, arg));
}

static int linux_poll(void *user, int fd, int events, int timeout)
{
    struct pollfd one;

    (void)user;
    one.fd = fd;
    one.events = (short)events;
    one.revents = 0;
    return poll(&one, 1, timeout) < 0 ? -errno : one.revents;
}

static migp_ssize linux_readlink(void *user, const char *path, char *text,
                                 size_t size)
{
    (void)user;
    return amount(readlink(path, text, size));
}

/* The first in alphabetical order: the order of a directory is nobody's. */
static int find_first(DIR *listing, const char *prefix, char *text, size_t size)
{
    const struct dirent *entry;
    int found = -ENOENT;

    for (;;) {
        size_t length;

        errno = 0;
        entry = readdir(listing);
        if (entry == NULL) {
            return errno != 0 ? -errno : found;
        }
        length = strlen(entry->d_name);
        if (strcmp(entry->d_name, ".") == 0 ||
            strcmp(entry->d_name, "..") == 0 ||
            strncmp(entry->d_name, prefix, strlen(prefix)) != 0 ||
            (found == 0 && strcmp(entry->d_name, text) > 0)) {
            continue;
        }
        if (length >= size) {
            return -ENAMETOOLONG;
        }
        memcpy(text, entry->d_name, length + 1);
        found = 0;
    }
}

static int linux_find_name(void *user, const char *directory,
                           const char *prefix, char *text, size_t size)
{
    DIR *listing;
    int code;

    (void)user;
    listing = opendir(directory);
    if (listing == NULL) {
        return -errno;
    }
    code = find_first(listing, prefix, text, size);
    (void)closedir(listing);
    return code;
}

static int linux_connect_unix(void *user, const char *path)
{
    struct sockaddr_un address;
    size_t length = strlen(path);
    int fd;

    (void)user;
    memset(&address, 0, sizeof(address));
    address.sun_family = AF_UNIX;
    if (length >= sizeof(address.sun_path)) {
        return -ENAMETOOLONG;
    }
    memcpy(address.sun_path, path, length);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        int code = -errno;

        (void)close(fd);
        return code;
    }
    return fd;
}

/* Room for the fds of one message, aligned as the kernel wants it. */
union control {
    struct cmsghdr head;
    unsigned char bytes[CMSG_SPACE(MIGP_SYS_MAX_FDS * sizeof(int))];
};

static migp_ssize linux_send(void *user, int fd,
                             const struct migp_piece *pieces, size_t n_pieces,
                             const int *fds, size_t n_fds)
{
    struct iovec vector[MAX_PIECES];
    union control control;
    struct msghdr message;
    size_t i;

    (void)user;
    if (n_fds > MIGP_SYS_MAX_FDS) {
        return -EINVAL;
    }
    memset(&message, 0, sizeof(message));
    memset(&control, 0, sizeof(control));
    for (i = 0; i < n_pieces && i < MAX_PIECES; i++) {
        vector[i].iov_base = (void *)pieces[i].bytes;
        vector[i].iov_len = pieces[i].size;
    }
    message.msg_iov = vector;
    message.msg_iovlen = (__typeof__(message.msg_iovlen))i;
    if (n_fds > 0) {
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len =
            (__typeof__(control.head.cmsg_len))CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(&control.head), fds, n_fds * sizeof(int));
        message.msg_control = control.bytes;
        message.msg_controllen =
            (__typeof__(message.msg_controllen))CMSG_SPACE(n_fds * sizeof(int));
    }
    return amount(sendmsg(fd, &message, MSG_NOSIGNAL));
}

/*
 * Keep as many fds of a message as there is room for, close the others. The
 * headers are walked by hand: CMSG_NXTHDR() of musl does not compile without
 * warnings. Linux include/linux/socket.h: aligned like a long.
 */
static size_t take_fds(const unsigned char *control, size_t size, int *fds,
                       size_t room)
{
    const size_t align = sizeof(long) - 1;
    size_t count = 0;
    size_t at = 0;

    while (size - at >= sizeof(struct cmsghdr)) {
        struct cmsghdr head;
        size_t end;
        size_t i;

        memcpy(&head, control + at, sizeof(head));
        end = (size_t)head.cmsg_len;
        if (end < CMSG_LEN(0) || end > size - at) {
            break;
        }
        for (i = CMSG_LEN(0);
             head.cmsg_level == SOL_SOCKET && head.cmsg_type == SCM_RIGHTS &&
             end - i >= sizeof(int);
             i += sizeof(int)) {
            int fd;

            memcpy(&fd, control + at + i, sizeof(fd));
            if (count < room) {
                fds[count++] = fd;
            } else {
                (void)close(fd);
            }
        }
        end = (end + align) & ~align;
        at = end < size - at ? at + end : size;
    }
    return count;
}

static migp_ssize linux_receive(void *user, int fd, void *bytes, size_t size,
                                int *fds, size_t *n_fds)
{
    struct iovec vector;
    union control control;
    struct msghdr message;
    size_t room = n_fds != NULL ? *n_fds : 0;
    ssize_t got;

    (void)user;
    if (n_fds != NULL) {
        *n_fds = 0;
    }
    memset(&message, 0, sizeof(message));
    memset(&control, 0, sizeof(control));
    vector.iov_base = bytes;
    vector.iov_len = size;
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof(control.bytes);
    got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    if (got < 0) {
        return -errno;
    }
    room = take_fds(control.bytes, (size_t)message.msg_controllen, fds, room);
    if (n_fds != NULL) {
        *n_fds = room;
    }
    return got;
}

static uint64_t linux_now(void *user)
{
    struct timespec time;

    (void)user;
    if (clock_gettime(CLOCK_MONOTONIC, &time) < 0) {
        return 0;
    }
    return (uint64_t)time.tv_sec * NANOSECONDS + (uint64_t)time.tv_nsec;
}

static void linux_sleep(void *user, uint64_t nanoseconds)
{
    struct timespec time;

    (void)user;
    time.tv_sec = (time_t)(nanoseconds / NANOSECONDS);
    time.tv_nsec = (long)(nanoseconds % NANOSECONDS);
    (void)nanosleep(&time, NULL);
}

const struct migp_sys *migp_sys_linux(void)
{
    static const struct migp_sys table = {
        .struct_size = sizeof(struct migp_sys),
        .open = linux_open,
        .close = linux_close,
        .ioctl = linux_ioctl,
        .read = linux_read,
        .write = linux_write,
        .pread = linux_pread,
        .pwrite = linux_pwrite,
        .fcntl = linux_fcntl,
        .poll = linux_poll,
        .readlink = linux_readlink,
        .find_name = linux_find_name,
        .connect_unix = linux_connect_unix,
        .send = linux_send,
        .receive = linux_receive,
        .now = linux_now,
        .sleep = linux_sleep,
    };

    return &table;
}
