/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

/* The table of system calls: Linux's own, and what is made of a caller's. */

#include "device/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/migp-sys-XXXXXX";

static const struct migp_sys *linux_sys;

static const char *in_folder(const char *name)
{
    static char path[256];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void make_file(const char *name, const char *text)
{
    FILE *file = fopen(in_folder(name), "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int is_cloexec(int fd)
{
    return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

static int open_fds(void)
{
    int count = 0;
    int fd;

    for (fd = 0; fd < 256; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

static int set_up(void **state)
{
    (void)state;
    linux_sys = migp_sys_linux();
    return mkdtemp(folder) == NULL;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"a",     "vfio1", "vfio7",
                                        "vfio3", "link",  "socket"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)unlink(in_folder(names[i]));
    }
    return rmdir(folder);
}

static void test_files__read_write_and_offsets(void **state)
{
    const struct migp_sys *sys = linux_sys;
    char bytes[8];
    int fd;

    (void)state;
    make_file("a", "0123456789");
    fd = sys->open(sys->user, in_folder("a"), O_RDWR);
    assert_true(fd >= 0);
    assert_true(is_cloexec(fd));
    assert_int_equal(sys->read(sys->user, fd, bytes, 4), 4);
    assert_memory_equal(bytes, "0123", 4);
    assert_int_equal(sys->write(sys->user, fd, "ab", 2), 2);
    assert_int_equal(sys->pread(sys->user, fd, bytes, 4, 3), 4);
    assert_memory_equal(bytes, "3ab6", 4);
    assert_int_equal(sys->pwrite(sys->user, fd, "Z", 1, 9), 1);
    assert_int_equal(sys->pread(sys->user, fd, bytes, 8, 8), 2);
    assert_memory_equal(bytes, "8Z", 2);
    assert_int_equal(sys->pread(sys->user, fd, bytes, 8, 100), 0);
    assert_int_equal(sys->pread(sys->user, fd, bytes, 8, UINT64_MAX), -EINVAL);
    assert_int_equal(
        sys->pwrite(sys->user, fd, bytes, 8, (uint64_t)INT64_MAX + 1), -EINVAL);
    assert_int_equal(sys->fcntl(sys->user, fd, F_GETFL, 0) & O_ACCMODE, O_RDWR);
    assert_int_equal(sys->close(sys->user, fd), 0);
    assert_int_equal(sys->close(sys->user, fd), -EBADF);
    assert_int_equal(sys->read(sys->user, fd, bytes, 1), -EBADF);
    assert_int_equal(sys->write(sys->user, fd, bytes, 1), -EBADF);
    assert_int_equal(sys->fcntl(sys->user, fd, F_GETFL, 0), -EBADF);
    assert_int_equal(sys->open(sys->user, in_folder("none"), O_RDONLY),
                     -ENOENT);
}

static void test_ioctl__poll__on_a_pipe(void **state)
{
    const struct migp_sys *sys = linux_sys;
    int ends[2];
    int waiting = 0;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(sys->poll(sys->user, ends[0], POLLIN, 0), 0);
    assert_int_equal(sys->poll(sys->user, ends[1], POLLOUT, -1), POLLOUT);
    assert_int_equal(write(ends[1], "abc", 3), 3);
    assert_int_equal(sys->poll(sys->user, ends[0], POLLIN, -1), POLLIN);
    assert_int_equal(sys->ioctl(sys->user, ends[0], FIONREAD, &waiting), 0);
    assert_int_equal(waiting, 3);
    assert_int_equal(sys->ioctl(sys->user, ends[0], 0x3b75, NULL), -ENOTTY);
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(close(ends[1]), 0);
    assert_int_equal(sys->poll(sys->user, ends[0], POLLIN, 0), POLLNVAL);
}

static void test_readlink__no_nul(void **state)
{
    const struct migp_sys *sys = linux_sys;
    char text[16];

    (void)state;
    memset(text, 'x', sizeof(text));
    assert_int_equal(symlink("some/where", in_folder("link")), 0);
    assert_int_equal(sys->readlink(sys->user, in_folder("link"), text, 16), 10);
    assert_memory_equal(text, "some/wherexxxxxx", 16);
    assert_int_equal(sys->readlink(sys->user, in_folder("link"), text, 4), 4);
    assert_int_equal(sys->readlink(sys->user, in_folder("none"), text, 4),
                     -ENOENT);
}

static void test_find_name__first_in_order(void **state)
{
    const struct migp_sys *sys = linux_sys;
    int before = open_fds();
    char text[6];

    (void)state;
    make_file("vfio7", "");
    make_file("vfio3", "");
    assert_int_equal(sys->find_name(sys->user, folder, "vfio", text, 6), 0);
    assert_string_equal(text, "vfio3");
    make_file("vfio1", "");
    assert_int_equal(sys->find_name(sys->user, folder, "vfio", text, 6), 0);
    assert_string_equal(text, "vfio1");
    assert_int_equal(sys->find_name(sys->user, folder, "vfio7", text, 6), 0);
    assert_string_equal(text, "vfio7");
    assert_int_equal(sys->find_name(sys->user, folder, "vfio", text, 5),
                     -ENAMETOOLONG);
    assert_int_equal(sys->find_name(sys->user, folder, ".", text, 6), -ENOENT);
    assert_int_equal(sys->find_name(sys->user, folder, "vfio70", text, 6),
                     -ENOENT);
    assert_int_equal(sys->find_name(sys->user, in_folder("none"), "v", text, 6),
                     -ENOENT);
    assert_int_equal(open_fds(), before);
}

static void test_connect_unix__and_not(void **state)
{
    const struct migp_sys *sys = linux_sys;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char path[200];
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    int before;
    int fd;

    (void)state;
    assert_true(strlen(in_folder("socket")) < sizeof(address.sun_path));
    memcpy(address.sun_path, in_folder("socket"),
           strlen(in_folder("socket")) + 1);
    assert_int_equal(
        bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    before = open_fds();
    /* Nobody listens; nobody is there; a name that no socket can have. */
    assert_int_equal(sys->connect_unix(sys->user, address.sun_path),
                     -ECONNREFUSED);
    assert_int_equal(sys->connect_unix(sys->user, in_folder("none")), -ENOENT);
    memset(path, 'p', sizeof(path));
    path[107] = '\0';
    assert_int_equal(sys->connect_unix(sys->user, path), -ENOENT);
    path[107] = 'p';
    path[108] = '\0';
    assert_int_equal(sys->connect_unix(sys->user, path), -ENAMETOOLONG);
    assert_int_equal(open_fds(), before);
    assert_int_equal(listen(listener, 1), 0);
    fd = sys->connect_unix(sys->user, address.sun_path);
    assert_true(fd >= 0);
    assert_true(is_cloexec(fd));
    assert_int_equal(close(fd), 0);
    assert_int_equal(close(listener), 0);
}

static void test_send__pieces_and_fds(void **state)
{
    const struct migp_sys *sys = linux_sys;
    const struct migp_piece pieces[] = {{"ab", 2}, {NULL, 0}, {"cde", 3}};
    int fds[MIGP_SYS_MAX_FDS + 1];
    size_t n_fds = MIGP_SYS_MAX_FDS;
    char bytes[16];
    int ends[2];
    int before;
    size_t i;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    before = open_fds();
    for (i = 0; i < MIGP_SYS_MAX_FDS + 1; i++) {
        fds[i] = ends[i % 2];
    }
    assert_int_equal(
        sys->send(sys->user, ends[0], pieces, 3, fds, MIGP_SYS_MAX_FDS + 1),
        -EINVAL);
    assert_int_equal(
        sys->send(sys->user, ends[0], pieces, 3, fds, MIGP_SYS_MAX_FDS), 5);
    memset(fds, 0xff, sizeof(fds));
    assert_int_equal(sys->receive(sys->user, ends[1], bytes, 16, fds, &n_fds),
                     5);
    assert_memory_equal(bytes, "abcde", 5);
    assert_int_equal(n_fds, MIGP_SYS_MAX_FDS);
    assert_int_equal(open_fds(), before + MIGP_SYS_MAX_FDS);
    for (i = 0; i < n_fds; i++) {
        assert_true(is_cloexec(fds[i]));
        assert_int_equal(close(fds[i]), 0);
    }
    assert_int_equal(fds[MIGP_SYS_MAX_FDS], -1);
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(sys->receive(sys->user, ends[1], bytes, 16, NULL, NULL),
                     0);
    assert_int_equal(close(ends[1]), 0);
}

static void test_receive__fds_without_room_are_closed(void **state)
{
    const struct migp_sys *sys = linux_sys;
    const struct migp_piece piece = {"x", 1};
    size_t sent;
    size_t room;

    (void)state;
    for (sent = 0; sent <= MIGP_SYS_MAX_FDS; sent++) {
        for (room = 0; room <= MIGP_SYS_MAX_FDS; room++) {
            int fds[MIGP_SYS_MAX_FDS];
            int ends[2];
            size_t n_fds = room;
            char byte;
            int before;
            size_t i;

            assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
            before = open_fds();
            for (i = 0; i < MIGP_SYS_MAX_FDS; i++) {
                fds[i] = ends[0];
            }
            assert_int_equal(
                sys->send(sys->user, ends[0], &piece, 1, fds, sent), 1);
            assert_int_equal(sys->receive(sys->user, ends[1], &byte, 1,
                                          room > 0 ? fds : NULL,
                                          room > 0 ? &n_fds : NULL),
                             1);
            if (room > 0) {
                assert_int_equal(n_fds, sent < room ? sent : room);
            } else {
                n_fds = 0;
            }
            assert_int_equal(open_fds(), before + (int)n_fds);
            for (i = 0; i < n_fds; i++) {
                assert_int_equal(close(fds[i]), 0);
            }
            assert_int_equal(close(ends[0]), 0);
            assert_int_equal(close(ends[1]), 0);
        }
    }
}

/* More than a message of ours may have: the kernel keeps those back. */
static void test_receive__too_many_fds(void **state)
{
    const struct migp_sys *sys = linux_sys;
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(20 * sizeof(int))];
    } control = {.head = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct iovec vector = {.iov_base = "x", .iov_len = 1};
    struct msghdr message = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    int fds[20];
    size_t n_fds = MIGP_SYS_MAX_FDS;
    int ends[2];
    int before;
    char byte;
    size_t i;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    for (i = 0; i < 20; i++) {
        fds[i] = ends[0];
    }
    control.head.cmsg_len = CMSG_LEN(sizeof(fds));
    memcpy(CMSG_DATA(&control.head), fds, sizeof(fds));
    before = open_fds();
    assert_int_equal(sendmsg(ends[0], &message, 0), 1);
    assert_int_equal(sys->receive(sys->user, ends[1], &byte, 1, fds, &n_fds),
                     1);
    assert_int_equal(n_fds, MIGP_SYS_MAX_FDS);
    assert_int_equal(open_fds(), before + MIGP_SYS_MAX_FDS);
    for (i = 0; i < n_fds; i++) {
        assert_int_equal(close(fds[i]), 0);
    }
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(close(ends[1]), 0);
}

static void test_send__many_pieces_go_in_part(void **state)
{
    const struct migp_sys *sys = linux_sys;
    struct migp_piece pieces[100];
    char bytes[200];
    int ends[2];
    migp_ssize n;
    size_t i;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    for (i = 0; i < 100; i++) {
        bytes[i] = (char)i;
        pieces[i].bytes = &bytes[i];
        pieces[i].size = 1;
    }
    n = sys->send(sys->user, ends[0], pieces, 100, NULL, 0);
    assert_true(n > 0 && n <= 100);
    assert_int_equal(
        sys->receive(sys->user, ends[1], bytes + 100, 100, NULL, NULL), n);
    assert_memory_equal(bytes, bytes + 100, (size_t)n);
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(close(ends[1]), 0);
}

static volatile sig_atomic_t pipe_signals;

static void count_signal(int number)
{
    (void)number;
    pipe_signals++;
}

static void test_send__no_signal_from_a_peer_that_left(void **state)
{
    const struct migp_sys *sys = linux_sys;
    const struct migp_piece piece = {"x", 1};
    struct sigaction old;
    struct sigaction action;
    int ends[2];

    (void)state;
    memset(&action, 0, sizeof(action));
    action.sa_handler = count_signal;
    assert_int_equal(sigaction(SIGPIPE, &action, &old), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(close(ends[1]), 0);
    assert_int_equal(sys->send(sys->user, ends[0], &piece, 1, NULL, 0), -EPIPE);
    assert_int_equal(pipe_signals, 0);
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(sigaction(SIGPIPE, &old, NULL), 0);
}

static void test_now__goes_on(void **state)
{
    const struct migp_sys *sys = linux_sys;
    uint64_t before = sys->now(sys->user);
    uint64_t after;

    (void)state;
    sys->sleep(sys->user, 2000000);
    after = sys->now(sys->user);
    assert_true(after >= before + 2000000);
    sys->sleep(sys->user, 0);
    assert_true(sys->now(sys->user) >= after);
}

/* --- a caller's table --- */

static void test_take__nothing_given_is_linux(void **state)
{
    struct migp_sys own;

    (void)state;
    assert_int_equal(migp_sys_take(&own, NULL), MIGP_OK);
    assert_memory_equal(&own, linux_sys, sizeof(own));
}

static void all_answer_enosys(const struct migp_sys *sys)
{
    const struct migp_piece piece = {"x", 1};
    size_t n_fds = 0;
    char byte;

    assert_int_equal(sys->open(sys->user, "/", O_RDONLY), -ENOSYS);
    assert_int_equal(sys->close(sys->user, 0), -ENOSYS);
    assert_int_equal(sys->ioctl(sys->user, 0, 0, NULL), -ENOSYS);
    assert_int_equal(sys->read(sys->user, 0, &byte, 1), -ENOSYS);
    assert_int_equal(sys->write(sys->user, 0, &byte, 1), -ENOSYS);
    assert_int_equal(sys->pread(sys->user, 0, &byte, 1, 0), -ENOSYS);
    assert_int_equal(sys->pwrite(sys->user, 0, &byte, 1, 0), -ENOSYS);
    assert_int_equal(sys->fcntl(sys->user, 0, F_GETFD, 0), -ENOSYS);
    assert_int_equal(sys->poll(sys->user, 0, POLLIN, 0), -ENOSYS);
    assert_int_equal(sys->readlink(sys->user, "/", &byte, 1), -ENOSYS);
    assert_int_equal(sys->find_name(sys->user, "/", "", &byte, 1), -ENOSYS);
    assert_int_equal(sys->connect_unix(sys->user, "/"), -ENOSYS);
    assert_int_equal(sys->send(sys->user, 0, &piece, 1, NULL, 0), -ENOSYS);
    assert_int_equal(sys->receive(sys->user, 0, &byte, 1, NULL, &n_fds),
                     -ENOSYS);
    assert_int_equal(sys->now(sys->user), 0);
    sys->sleep(sys->user, UINT64_MAX);
}

static int my_close(void *user, int fd)
{
    *(int *)user = fd;
    return 0;
}

static void test_take__missing_members(void **state)
{
    struct migp_sys given;
    struct migp_sys own;
    int closed = 0;

    (void)state;
    memset(&given, 0, sizeof(given));
    given.struct_size = sizeof(given);
    assert_int_equal(migp_sys_take(&own, &given), MIGP_OK);
    all_answer_enosys(&own);
    given.user = &closed;
    given.close = my_close;
    assert_int_equal(migp_sys_take(&own, &given), MIGP_OK);
    assert_int_equal(own.close(own.user, 7), 0);
    assert_int_equal(closed, 7);
    assert_int_equal(own.open(own.user, "/", 0), -ENOSYS);
}

static void test_take__every_size(void **state)
{
    struct migp_sys given = *linux_sys;
    struct migp_sys before;
    struct migp_sys own;
    size_t size;

    (void)state;
    memset(&own, 0x55, sizeof(own));
    before = own;
    for (size = 0; size <= sizeof(given); size++) {
        given.struct_size = size;
        own = before;
        if (size < sizeof(size_t) || size % sizeof(void *) != 0) {
            assert_int_equal(migp_sys_take(&own, &given),
                             MIGP_ERR_INVALID_ARGUMENT);
            assert_memory_equal(&own, &before, sizeof(own));
            continue;
        }
        assert_int_equal(migp_sys_take(&own, &given), MIGP_OK);
        assert_int_equal(own.struct_size, sizeof(own));
        assert_int_equal(own.now(own.user) != 0,
                         size > offsetof(struct migp_sys, now));
    }
    given.struct_size = sizeof(size_t);
    assert_int_equal(migp_sys_take(&own, &given), MIGP_OK);
    all_answer_enosys(&own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files__read_write_and_offsets),
        cmocka_unit_test(test_ioctl__poll__on_a_pipe),
        cmocka_unit_test(test_readlink__no_nul),
        cmocka_unit_test(test_find_name__first_in_order),
        cmocka_unit_test(test_connect_unix__and_not),
        cmocka_unit_test(test_send__pieces_and_fds),
        cmocka_unit_test(test_receive__fds_without_room_are_closed),
        cmocka_unit_test(test_receive__too_many_fds),
        cmocka_unit_test(test_send__many_pieces_go_in_part),
        cmocka_unit_test(test_send__no_signal_from_a_peer_that_left),
        cmocka_unit_test(test_now__goes_on),
        cmocka_unit_test(test_take__nothing_given_is_linux),
        cmocka_unit_test(test_take__missing_members),
        cmocka_unit_test(test_take__every_size),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
