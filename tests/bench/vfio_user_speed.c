/* SPDX-License-Identifier: MIT */

/*
 * vfio_user_speed [MIB [RUNS]]: how fast device state comes and goes over a
 * UNIX socket, against a bare exchange of the same messages: 24 bytes one way,
 * 24 bytes and the data back (or the data, and 16 bytes back), four requests
 * ahead, send() and recv() only. The other end is the same process for both.
 * Each of RUNS (31) runs does both; the median of their ratios counts, as the
 * machine may be busy with other things. Fails below 0.9 if the environment has
 * MIGP_BENCH_STRICT=1.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <migproto/vfio_user.h>
#include <migproto/vfio_user_codec.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TRANSFER (UINT32_C(1) << 20)
#define IN_FLIGHT 4
#define RUNS_MAX 101

static uint8_t data[TRANSFER];
static bool is_server;

static void must(bool fine, const char *what)
{
    /* a client that hangs up has replies on their way */
    if (!fine && is_server && (errno == EPIPE || errno == ECONNRESET)) {
        _exit(0);
    }
    if (!fine) {
        fprintf(stderr, "vfio_user_speed: %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static void put(int fd, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    while (size > 0) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);

        must(sent > 0, "send");
        at += sent;
        size -= (size_t)sent;
    }
}

static bool get(int fd, void *bytes, size_t size)
{
    uint8_t *at = bytes;

    while (size > 0) {
        ssize_t got = recv(fd, at, size, 0);

        if (got <= 0) {
            return false;
        }
        at += got;
        size -= (size_t)got;
    }
    return true;
}

/* --- the other end -------------------------------------------------------- */

static void reply_to(int fd, const struct migp_vu_message *request,
                     uint8_t *tail)
{
    struct migp_vu_message reply = *request;
    uint8_t fixed[MIGP_VU_FIXED_MAX];
    struct iovec pieces[2] = {{fixed, 0}, {data, 0}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
    ssize_t sent;
    migp_ssize size;

    reply.head_flags = MIGP_VU_REPLY;
    reply.tail = 0;
    if (request->command == MIGP_VU_MIG_DATA_READ) {
        reply.tail = request->count;
    } else if (request->command == MIGP_VU_DEVICE_FEATURE) {
        reply.tail = request->tail;
        pieces[1].iov_base = tail;
    }
    size = migp_vu_encode(&reply, fixed, sizeof(fixed));
    must(size > 0, "reply");
    pieces[0].iov_len = (size_t)size;
    pieces[1].iov_len = (size_t)reply.tail;
    sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    must(sent >= size, "sendmsg");
    put(fd, (uint8_t *)pieces[1].iov_base + (sent - size),
        (size_t)(size + (ssize_t)reply.tail - sent));
}

static void serve(int fd)
{
    static uint8_t bytes[TRANSFER + MIGP_VU_FIXED_MAX];
    struct migp_vu_message request = {.struct_size = sizeof(request)};
    uint32_t size;

    while (get(fd, bytes, MIGP_VU_HEAD_SIZE)) {
        migp_ssize fixed;

        memcpy(&size, bytes + 4, 4);
        must(size >= MIGP_VU_HEAD_SIZE && size <= sizeof(bytes), "a request");
        must(get(fd, bytes + MIGP_VU_HEAD_SIZE, size - MIGP_VU_HEAD_SIZE),
             "the rest of a request");
        fixed = migp_vu_decode(bytes, size, &request, NULL);
        must(fixed > 0, "a request");
        reply_to(fd, &request, bytes + fixed);
    }
}

static int start(pid_t *child)
{
    int ends[2];

    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0,
         "socketpair");
    (void)fflush(NULL);
    *child = fork();
    must(*child >= 0, "fork");
    if (*child == 0) {
        close(ends[0]);
        is_server = true;
        serve(ends[1]);
        _exit(0);
    }
    close(ends[1]);
    return ends[0];
}

static void stop(int fd, pid_t child)
{
    int status;

    close(fd);
    must(waitpid(child, &status, 0) == child && status == 0, "the server");
}

/* --- bare ----------------------------------------------------------------- */

static void bare_request(int fd, uint16_t command)
{
    struct migp_vu_message request = {
        .struct_size = sizeof(request),
        .command = command,
        .argsz = 8 + TRANSFER,
        .count = TRANSFER,
        .tail = command == MIGP_VU_MIG_DATA_WRITE ? TRANSFER : 0,
    };
    uint8_t fixed[MIGP_VU_FIXED_MAX];
    migp_ssize size = migp_vu_encode(&request, fixed, sizeof(fixed));

    must(size == 24, "a request");
    put(fd, fixed, (size_t)size);
    put(fd, data, (size_t)request.tail);
}

static void bare(int fd, uint16_t command, size_t count)
{
    uint8_t head[24];
    size_t sent = 0;
    size_t done;

    for (done = 0; done < count; done++) {
        while (sent < count && sent < done + IN_FLIGHT) {
            bare_request(fd, command);
            sent++;
        }
        if (command == MIGP_VU_MIG_DATA_READ) {
            must(get(fd, head, 24) && get(fd, data, TRANSFER), "a reply");
        } else {
            must(get(fd, head, 16), "a reply");
        }
    }
}

/* --- ours ----------------------------------------------------------------- */

struct ours {
    struct migp_vfio_user *server;
    int session;
};

static struct ours ours_open(int fd, uint32_t state)
{
    struct ours ours = {NULL, MIGP_NO_SESSION};
    struct migp_vfio_user_options how;

    migp_vfio_user_options_init(&how);
    how.socket = fd;
    how.in_flight = IN_FLIGHT;
    how.max_transfer = TRANSFER;
    must(migp_vfio_user_connect(&ours.server, &how, NULL) == MIGP_OK,
         "connect");
    must(migp_vfio_user_ops()->set_state(ours.server, state, &ours.session) ==
             0,
         "set_state");
    return ours;
}

static void ours_read(struct ours *ours, size_t size)
{
    const struct migp_device_ops *ops = migp_vfio_user_ops();
    size_t done = 0;

    while (done < size) {
        migp_ssize got =
            ops->read(ours->server, ours->session, data, sizeof(data));

        must(got > 0, "read");
        done += (size_t)got;
    }
}

static void ours_write(struct ours *ours, size_t size)
{
    const struct migp_device_ops *ops = migp_vfio_user_ops();
    int session = MIGP_NO_SESSION;
    size_t done = 0;

    while (done < size) {
        migp_ssize got =
            ops->write(ours->server, ours->session, data, sizeof(data));

        must(got > 0, "write");
        done += (size_t)got;
    }
    /* a change of state waits until the last of them is answered */
    must(ops->set_state(ours->server, MIGP_STATE_RESUMING, &session) == 0,
         "set_state");
}

/* --- measuring ------------------------------------------------------------ */

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int ascending(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;

    return (*x > *y) - (*x < *y);
}

static double median(double *values, size_t n)
{
    qsort(values, n, sizeof(values[0]), ascending);
    return values[n / 2];
}

static double time_bare(uint16_t command, size_t mib)
{
    pid_t child;
    int fd = start(&child);
    double begin;

    bare(fd, command, IN_FLIGHT); /* both ends run, all memory is there */
    begin = now();
    bare(fd, command, mib);
    begin = now() - begin;
    stop(fd, child);
    return begin;
}

static double time_ours(uint16_t command, size_t mib)
{
    bool reads = command == MIGP_VU_MIG_DATA_READ;
    struct ours ours;
    pid_t child;
    int fd = start(&child);
    double begin;

    ours = ours_open(fd, reads ? MIGP_STATE_STOP_COPY : MIGP_STATE_RESUMING);
    (reads ? ours_read : ours_write)(&ours, (size_t)IN_FLIGHT << 20);
    begin = now();
    (reads ? ours_read : ours_write)(&ours, mib << 20);
    begin = now() - begin;
    migp_vfio_user_close(ours.server);
    stop(fd, child);
    return begin;
}

static double compare(const char *name, uint16_t command, size_t mib,
                      size_t runs)
{
    double ratios[RUNS_MAX];
    double plain = 0;
    double own = 0;
    size_t i;

    for (i = 0; i < runs; i++) {
        const double bare_time = time_bare(command, mib);
        const double own_time = time_ours(command, mib);

        ratios[i] = bare_time / own_time;
        plain += bare_time;
        own += own_time;
    }
    printf("%-6s %5.2f of a bare exchange (%.0f MiB/s against %.0f MiB/s on "
           "average)\n",
           name, median(ratios, runs), (double)(mib * runs) / own,
           (double)(mib * runs) / plain);
    return median(ratios, runs);
}

int main(int argc, char **argv)
{
    size_t mib = argc > 1 ? strtoul(argv[1], NULL, 10) : 256;
    size_t runs = argc > 2 ? strtoul(argv[2], NULL, 10) : 31;
    const char *strict = getenv("MIGP_BENCH_STRICT");
    double reads;
    double writes;

    must(mib > 0 && runs > 0 && runs <= RUNS_MAX, "usage");
    printf("vfio-user, %zu MiB in messages of 1 MiB, %d on their way, median "
           "of %zu runs\n",
           mib, IN_FLIGHT, runs);
    reads = compare("read", MIGP_VU_MIG_DATA_READ, mib, runs);
    writes = compare("write", MIGP_VU_MIG_DATA_WRITE, mib, runs);
    return strict && strict[0] == '1' && (reads < 0.9 || writes < 0.9);
}
