/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "data_fd.h"

#include "unit/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

/* "-1 ESPIPE", "10 0": a result and errno, as the recorder wrote them. */
static void is_result(long long result, const struct table_row *row,
                      const char *field)
{
    char text[64];

    (void)snprintf(text, sizeof(text), "%lld %s", result,
                   table_errno(result < 0 ? errno : 0));
    assert_string_equal(text, table_text(row, field));
}

static void is_errno(int error, const struct table_row *row, const char *field)
{
    assert_string_equal(table_errno(error), table_text(row, field));
}

static void is_octal(int value, const struct table_row *row, const char *field)
{
    char text[24];

    assert_true(value >= 0);
    (void)snprintf(text, sizeof(text), "%#o", (unsigned int)value);
    assert_string_equal(text, table_text(row, field));
}

static void is_outcome(long long result, const struct table_row *row,
                       const char *field)
{
    is_errno(result < 0 ? errno : 0, row, field);
}

static void check_waiting(int fd, const struct table_row *row)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN | POLLOUT};
    struct epoll_event event = {.events = EPOLLIN};
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    char text[16];

    assert_true(epoll >= 0);
    assert_int_equal(poll(&wait, 1, 0), table_number(row, "poll_ret"));
    (void)snprintf(text, sizeof(text), "%#x", (unsigned int)wait.revents);
    assert_string_equal(text, table_text(row, "poll_revents"));
    is_outcome(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), row,
               "epoll_ctl_add");
    (void)close(epoll);
    is_octal(fcntl(fd, F_GETFL), row, "F_GETFL");
    assert_int_equal(fcntl(fd, F_GETFD), table_number(row, "F_GETFD"));
    is_outcome(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK), row,
               "F_SETFL_O_NONBLOCK");
    is_octal(fcntl(fd, F_GETFL), row, "F_GETFL_after");
    assert_int_equal(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK), 0);
}

static void check_moving(int fd, bool writable, const struct table_row *row)
{
    int out = open("/dev/null", O_WRONLY | O_CLOEXEC);
    int pipes[2];
    char byte = 0;
    void *map;

    assert_true(out >= 0);
    assert_int_equal(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
    is_outcome(lseek(fd, 0, SEEK_CUR), row, "lseek_cur");
    is_outcome(lseek(fd, 0, SEEK_SET), row, "lseek_set");
    is_result(pread(fd, &byte, 1, 0), row, "pread");
    is_result(pwrite(fd, &byte, 0, 0), row, "pwrite0");
    map =
        mmap(NULL, 4096, writable ? PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
    is_outcome(map == MAP_FAILED ? -1 : 0, row, "mmap");
    is_result(writable ? read(fd, &byte, 1) : write(fd, &byte, 1), row,
              "wrong_direction_io");
    if (!writable) {
        is_result(splice(fd, NULL, pipes[1], NULL, 1, 0), row, "splice");
        is_result(sendfile(out, fd, NULL, 1), row, "sendfile");
    }
    (void)close(pipes[0]);
    (void)close(pipes[1]);
    (void)close(out);
}

void data_fd_check(int fd, bool writable, const struct table_row *row)
{
    struct stat status;
    char path[64];
    char link[64];
    ssize_t length;

    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    length = readlink(path, link, sizeof(link) - 1);
    assert_true(length > 0);
    link[length] = '\0';
    assert_string_equal(link, table_text(row, "proc_link"));
    check_waiting(fd, row);
    check_moving(fd, writable, row);
    assert_int_equal(fstat(fd, &status), 0);
    is_octal((int)status.st_mode, row, "st_mode");
    assert_int_equal(status.st_size, table_number(row, "st_size"));
}
