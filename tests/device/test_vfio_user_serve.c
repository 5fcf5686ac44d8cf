/* SPDX-License-Identifier: MIT */

#define _GNU_SOURCE
#include "unit/cmocka_all.h"

#include "device/uapi.h"
#include "support/journey.h"

#include <errno.h>
#include <fcntl.h>
#include <migproto/sim.h>
#include <migproto/vfio_user.h>
#include <migproto/vfio_user_codec.h>
#include <migproto/vfio_user_serve.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * The server, with a simulated device behind it, over a real socket: to our own
 * client, and to clients that send whatever they like.
 */

struct host {
    struct migp_sim *sim;
    int device_fd;
    int ends[2]; /* the client's, the server's */
    uint32_t max_transfer;
    pthread_t thread;
    int code; /* what the server returned */
    struct migp_error error;
};

static void *host_run(void *user)
{
    struct host *host = user;
    struct migp_vfio_user_serve_options how;

    migp_vfio_user_serve_options_init(&how);
    how.device_sys = migp_sim_sys(host->sim);
    how.max_transfer = host->max_transfer;
    host->code = migp_vfio_user_serve(host->ends[1], host->device_fd, &how,
                                      &host->error);
    (void)shutdown(host->ends[1], SHUT_RDWR);
    return NULL;
}

static void host_start(struct host *host, const char *options)
{
    const struct migp_sys *sys;

    memset(host, 0, sizeof(*host));
    migp_error_init(&host->error);
    host->max_transfer = 65536;
    assert_int_equal(migp_sim_new(&host->sim, options, NULL, NULL), MIGP_OK);
    sys = migp_sim_sys(host->sim);
    host->device_fd = sys->open(sys->user, MIGP_SIM_PATH, O_RDWR);
    assert_true(host->device_fd >= 0);
    assert_int_equal(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, host->ends), 0);
    assert_int_equal(pthread_create(&host->thread, NULL, host_run, host), 0);
}

/* Hang up, and wait for the server to see it. */
static int host_stop(struct host *host)
{
    const struct migp_sys *sys = migp_sim_sys(host->sim);

    (void)shutdown(host->ends[0], SHUT_RDWR);
    assert_int_equal(pthread_join(host->thread, NULL), 0);
    (void)close(host->ends[0]);
    (void)close(host->ends[1]);
    /* the session's fd is closed: only the device's is left */
    assert_int_equal(migp_sim_open_fds(host->sim), 1);
    (void)sys->close(sys->user, host->device_fd);
    return host->code;
}

static struct migp_device *host_device(struct host *host, uint32_t in_flight,
                                       uint32_t max_transfer)
{
    struct migp_vfio_user_options how;
    struct migp_vfio_user *server;
    struct migp_device *device;

    migp_vfio_user_options_init(&how);
    how.socket = host->ends[0];
    how.in_flight = in_flight;
    how.max_transfer = max_transfer;
    assert_int_equal(migp_vfio_user_connect(&server, &how, NULL), MIGP_OK);
    assert_int_equal(
        migp_device_new(&device, migp_vfio_user_ops(), server, NULL, NULL),
        MIGP_OK);
    return device;
}

/* --- journeys ------------------------------------------------------------- */

static void test_serve__save_and_load(void **state)
{
    static const uint32_t in_flight[] = {1, 4, 16};
    static const uint32_t transfers[] = {4096, 65536};
    static const size_t chunks[] = {100, 5000, 65536};
    static struct journey journey;
    size_t i;
    size_t j;
    size_t k;
    int precopy;

    (void)state;
    for (i = 0; i < 3; i++) {
        for (j = 0; j < 2; j++) {
            for (k = 0; k < 3; k++) {
                for (precopy = 0; precopy < 2; precopy++) {
                    struct host from;
                    struct host to;
                    struct migp_device *device;
                    struct migp_error error = MIGP_ERROR_INIT;
                    uint64_t before;

                    host_start(&from, "size=300K,initial=40K,seed=3");
                    before = migp_sim_fingerprint(from.sim);
                    device = host_device(&from, in_flight[i], transfers[j]);
                    assert_int_equal(journey_save(&journey, device, precopy,
                                                  chunks[k], &error),
                                     MIGP_OK);
                    migp_device_free(device);
                    assert_int_equal(host_stop(&from), MIGP_OK);
                    assert_true(journey.n >= 300 * 1024);

                    host_start(&to, "size=300K,initial=40K,seed=9");
                    device = host_device(&to, in_flight[i], transfers[j]);
                    assert_int_equal(
                        journey_load(&journey, device, chunks[k], &error),
                        MIGP_OK);
                    migp_device_free(device);
                    assert_int_equal(host_stop(&to), MIGP_OK);
                    assert_int_equal(migp_sim_fingerprint(to.sim), before);
                    migp_sim_free(from.sim);
                    migp_sim_free(to.sim);
                }
            }
        }
    }
}

static void test_serve__registers_and_reset(void **state)
{
    struct host host;
    struct migp_vfio_user_options how;
    struct migp_vfio_user *server;
    const struct migp_device_ops *ops = migp_vfio_user_ops();
    uint8_t bytes[32] = {1, 2, 3, 4};
    uint8_t back[32] = {0};
    int session = MIGP_NO_SESSION;
    uint32_t now = 0;
    int memory = memfd_create("guest", MFD_CLOEXEC);

    (void)state;
    host_start(&host, "size=64K");
    migp_vfio_user_options_init(&how);
    how.socket = host.ends[0];
    assert_int_equal(migp_vfio_user_connect(&server, &how, NULL), MIGP_OK);
    assert_int_equal(migp_vfio_user_region_write(server, 0, 8, bytes, 32, NULL),
                     32);
    assert_int_equal(migp_vfio_user_region_read(server, 0, 8, back, 32, NULL),
                     32);
    assert_memory_equal(bytes, back, 32);
    assert_int_equal(migp_vfio_user_region_read(server, 0, UINT64_C(1) << 40,
                                                back, 32, NULL),
                     MIGP_ERR_SYSTEM);
    assert_int_equal(migp_vfio_user_region_read(server, 77, 0, back, 32, NULL),
                     MIGP_ERR_SYSTEM);
    assert_int_equal(
        migp_vfio_user_dma_map(server, 0, 4096, 3, memory, 0, NULL), MIGP_OK);
    assert_int_equal(migp_vfio_user_dma_unmap(server, 0, 4096, NULL), MIGP_OK);
    /* the kernel's reset: RUNNING again, from anywhere */
    assert_int_equal(ops->set_state(server, MIGP_STATE_RESUMING, &session), 0);
    assert_true(session >= 0);
    assert_int_equal(ops->reset(server), 0);
    assert_int_equal(ops->get_state(server, &now), 0);
    assert_int_equal(now, MIGP_STATE_RUNNING);
    migp_vfio_user_close(server);
    (void)close(memory);
    assert_int_equal(host_stop(&host), MIGP_OK);
    migp_sim_free(host.sim);
}

/* The sim's P2P states are the kernel's. */
static void test_serve__p2p(void **state)
{
    struct host host;
    struct migp_device *device;
    struct migp_device_caps caps = {.struct_size = sizeof(caps)};

    (void)state;
    host_start(&host, "size=64K,p2p=on");
    device = host_device(&host, 4, 4096);
    assert_int_equal(migp_device_get_caps(device, &caps), MIGP_OK);
    assert_int_equal(caps.migration, 7);
    assert_int_equal(
        migp_device_set_state(device, MIGP_STATE_PRE_COPY_P2P, NULL), MIGP_OK);
    assert_int_equal(migp_device_set_state(device, MIGP_STATE_STOP_COPY, NULL),
                     MIGP_OK);
    migp_device_free(device);
    assert_int_equal(host_stop(&host), MIGP_OK);
    migp_sim_free(host.sim);
}

/* --- hostile clients ------------------------------------------------------ */

static void put(struct host *host, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    while (size > 0) {
        ssize_t sent = send(host->ends[0], at, size, MSG_NOSIGNAL);

        if (sent <= 0) {
            return;
        }
        at += sent;
        size -= (size_t)sent;
    }
}

static void put_message(struct host *host, struct migp_vu_message *message,
                        const void *tail)
{
    uint8_t fixed[MIGP_VU_FIXED_MAX];
    migp_ssize size;

    message->struct_size = sizeof(*message);
    size = migp_vu_encode(message, fixed, sizeof(fixed));
    assert_true(size > 0);
    put(host, fixed, (size_t)size);
    put(host, tail, (size_t)message->tail);
}

/* A whole reply. */
static struct migp_vu_message take(struct host *host, uint8_t *tail,
                                   size_t room)
{
    struct migp_vu_message message = {.struct_size = sizeof(message)};
    uint8_t bytes[128 * 1024];
    uint32_t size = 0;
    migp_ssize fixed;

    assert_int_equal(recv(host->ends[0], bytes, 16, MSG_WAITALL), 16);
    memcpy(&size, bytes + 4, 4);
    assert_true(size >= 16 && size <= sizeof(bytes));
    if (size > 16) {
        assert_int_equal(
            recv(host->ends[0], bytes + 16, size - 16, MSG_WAITALL), size - 16);
    }
    fixed = migp_vu_decode(bytes, size, &message, NULL);
    if (fixed < 0) {
        /* an error about a command that the codec does not know */
        assert_int_equal(size, 16);
        memcpy(&message.head_flags, bytes + 8, 4);
        memcpy(&message.error_number, bytes + 12, 4);
        return message;
    }
    assert_true(message.tail <= room);
    memcpy(tail, bytes + fixed, (size_t)message.tail);
    return message;
}

static void greet(struct host *host)
{
    struct migp_vu_message message = {
        .command = MIGP_VU_VERSION, .minor = 2, .tail = 3};
    uint8_t tail[512];

    put_message(host, &message, "{}");
    message = take(host, tail, sizeof(tail));
    assert_int_equal(message.head_flags, MIGP_VU_REPLY);
    assert_non_null(strstr((char *)tail, "\"max_data_xfer_size\":65536"));
}

static void test_hostile__not_vfio_user(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        int code;
    } cases[] = {
        {"", 0, MIGP_OK},
        {"\1\0\1\0\24", 5, MIGP_ERR_TRUNCATED},
        {"\1\0\1\0\24\0\0\0\0\0\0\0\0\0\0\0\0", 17, MIGP_ERR_TRUNCATED},
        {"GET / HTTP/1.1\r\n\r\n", 18, MIGP_ERR_MALFORMED},
        {"\1\0\1\0\17\0\0\0\0\0\0\0\0\0\0\0", 16, MIGP_ERR_MALFORMED},
        {"\1\0\1\0\20\0\0\0\1\0\0\0\0\0\0\0", 16, MIGP_ERR_MALFORMED},
        {"\1\0\1\0\377\377\377\377\0\0\0\0\0\0\0\0", 16, MIGP_ERR_MALFORMED},
        /* a reset before VERSION; a VERSION without a version */
        {"\1\0\15\0\20\0\0\0\0\0\0\0\0\0\0\0", 16, MIGP_ERR_MALFORMED},
        {"\1\0\1\0\20\0\0\0\0\0\0\0\0\0\0\0", 16, MIGP_ERR_MALFORMED},
        /* JSON without its NUL; another major version */
        {"\1\0\1\0\26\0\0\0\0\0\0\0\0\0\0\0\0\0\2\0{}", 22, MIGP_ERR_MALFORMED},
        {"\1\0\1\0\24\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0", 20, MIGP_ERR_MALFORMED},
    };
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(cases); i++) {
        struct host host;

        host_start(&host, "size=64K");
        put(&host, cases[i].bytes, cases[i].size);
        (void)shutdown(host.ends[0], SHUT_WR);
        assert_int_equal(pthread_join(host.thread, NULL), 0);
        assert_int_equal(host.code, cases[i].code);
        assert_int_equal(host.error.code, cases[i].code);
        (void)close(host.ends[0]);
        (void)close(host.ends[1]);
        assert_int_equal(migp_sim_open_fds(host.sim), 1);
        migp_sim_free(host.sim);
    }
}

/* Wrong requests get EINVAL (or what is said), and the next one is served. */
static void test_hostile__wrong_requests(void **state)
{
    static const struct {
        struct migp_vu_message message;
        uint32_t error;
    } cases[] = {
        {{.command = MIGP_VU_VERSION}, EINVAL}, /* a second one */
        {{.command = MIGP_VU_GET_INFO, .argsz = 15}, EINVAL},
        {{.command = MIGP_VU_REGION_INFO, .argsz = 31}, EINVAL},
        {{.command = MIGP_VU_DMA_MAP, .argsz = 31}, EINVAL},
        {{.command = MIGP_VU_DMA_UNMAP, .argsz = 23}, EINVAL},
        {{.command = MIGP_VU_DMA_UNMAP, .argsz = 24, .flags = 1}, EINVAL},
        {{.command = MIGP_VU_REGION_READ, .count = UINT32_MAX}, EINVAL},
        {{.command = MIGP_VU_REGION_READ, .count = 65537}, EINVAL},
        {{.command = MIGP_VU_REGION_READ, .count = 1, .offset = UINT64_MAX},
         EINVAL},
        {{.command = MIGP_VU_DMA_READ, .length = 16}, EINVAL},
        {{.command = MIGP_VU_MIG_DATA_READ, .argsz = 12, .count = 4}, EINVAL},
        {{.command = MIGP_VU_MIG_DATA_WRITE, .argsz = 8}, EINVAL},
        {{.command = MIGP_VU_DEVICE_FEATURE, .argsz = 15, .flags = 0x10001},
         EINVAL},
        {{.command = MIGP_VU_DEVICE_FEATURE, .argsz = 15, .flags = 0x10002},
         EINVAL},
        {{.command = MIGP_VU_DEVICE_FEATURE, .argsz = 16, .flags = 0x20002},
         EINVAL}, /* without a state */
        {{.command = MIGP_VU_DEVICE_FEATURE, .argsz = 16, .flags = 0x30002},
         EINVAL},
        {{.command = MIGP_VU_DEVICE_FEATURE, .argsz = 16, .flags = 2}, EINVAL},
        {{.command = MIGP_VU_DEVICE_FEATURE, .argsz = 16, .flags = 0x20001},
         EINVAL},
        {{.command = MIGP_VU_DEVICE_FEATURE, .argsz = 7, .flags = 0x50001},
         EINVAL},
        {{.command = MIGP_VU_DEVICE_FEATURE, .argsz = 8, .flags = 0x70001},
         EINVAL},
        {{.command = MIGP_VU_DEVICE_FEATURE, .argsz = 99, .flags = 0x10063},
         EINVAL},
        {{.command = MIGP_VU_DEVICE_FEATURE, .argsz = 99, .flags = 0x10008},
         EINVAL},
    };
    struct migp_vu_message last = {
        .command = MIGP_VU_DEVICE_FEATURE, .argsz = 16, .flags = 0x10002};
    uint8_t tail[256];
    struct host host;
    size_t i;

    (void)state;
    host_start(&host, "size=64K");
    greet(&host);
    for (i = 0; i < N_TESTS(cases); i++) {
        struct migp_vu_message message = cases[i].message;

        message.id = (uint16_t)(100 + i);
        put_message(&host, &message, NULL);
        message = take(&host, tail, sizeof(tail));
        assert_int_equal(message.id, 100 + i);
        assert_int_equal(message.head_flags, MIGP_VU_REPLY | MIGP_VU_ERROR);
        assert_int_equal(message.error_number, cases[i].error);
    }
    put_message(&host, &last, NULL);
    last = take(&host, tail, sizeof(tail));
    assert_int_equal(last.head_flags, MIGP_VU_REPLY);
    assert_int_equal(tail[0], MIGP_STATE_RUNNING);
    assert_int_equal(host_stop(&host), MIGP_OK);
    migp_sim_free(host.sim);
}

static void refused(struct host *host, const void *bytes, size_t size,
                    uint32_t error)
{
    struct migp_vu_message message;
    uint8_t tail[256];

    put(host, bytes, size);
    message = take(host, tail, sizeof(tail));
    assert_int_equal(message.head_flags, MIGP_VU_REPLY | MIGP_VU_ERROR);
    assert_int_equal(message.error_number, error);
}

/* Bytes that no encoder makes. */
static void test_hostile__wrong_messages(void **state)
{
    static uint8_t large[300000];
    static const uint8_t start[] = {
        1,   0,   16,  0,   56, 0, 0, 0,
        0,   0,   0,   0,   0,  0, 0, 0, /* head */
        40,  0,   0,   0,   6,  0, 2, 0,
        0,   16,  0,   0,   0,  0, 0, 0, /* page size */
        255, 255, 255, 255, 0,  0, 0, 0, /* ranges */
        0,   0,   0,   0,   0,  0, 0, 0,
        0,   16,  0,   0,   0,  0, 0, 0};
    uint8_t report[48] = {1, 0, 16, 0, 48, 0, 0, 0, 0, 0, 0, 0,
                          0, 0, 0,  0, 40, 0, 0, 0, 8, 0, 1, 0};
    uint32_t size = sizeof(large);
    struct host host;

    (void)state;
    host_start(&host, "size=64K");
    greet(&host);
    /* an unknown command */
    refused(&host, "\1\0\77\0\20\0\0\0\0\0\0\0\0\0\0\0", 16, EINVAL);
    /* a feature cut short, data that is not as long as it says */
    refused(&host, "\1\0\20\0\27\0\0\0\0\0\0\0\0\0\0\0\20\0\0\0\1\0\1", 23,
            EINVAL);
    refused(&host, "\1\0\22\0\30\0\0\0\0\0\0\0\0\0\0\0\14\0\0\0\4\0\0\0", 24,
            EINVAL);
    /* longer than max_transfer: read over, not kept */
    large[0] = 1;
    large[2] = MIGP_VU_MIG_DATA_WRITE;
    memcpy(large + 4, &size, 4);
    refused(&host, large, sizeof(large), EINVAL);
    /* more ranges than there are bytes; pages that are none, too many */
    refused(&host, start, sizeof(start), E2BIG);
    refused(&host, report, sizeof(report), EINVAL);
    memset(report + 32, 0xff, 8);
    report[40] = 1;
    refused(&host, report, sizeof(report), EINVAL);
    assert_int_equal(host_stop(&host), MIGP_OK);
    migp_sim_free(host.sim);
}

static void test_hostile__fds_are_closed(void **state)
{
    struct migp_vu_message message = {.struct_size = sizeof(message),
                                      .command = MIGP_VU_RESET};
    uint8_t fixed[MIGP_VU_FIXED_MAX];
    migp_ssize size = migp_vu_encode(&message, fixed, sizeof(fixed));
    const struct migp_sys *sys = migp_sys_linux();
    const struct migp_piece piece = {fixed, (size_t)size};
    uint8_t tail[64];
    struct host host;
    char byte;
    int ends[2];
    int fds[8];
    size_t i;

    (void)state;
    host_start(&host, "size=64K");
    greet(&host);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    for (i = 0; i < 8; i++) {
        fds[i] = ends[1];
    }
    assert_int_equal(sys->send(sys->user, host.ends[0], &piece, 1, fds, 8),
                     size);
    message = take(&host, tail, sizeof(tail));
    assert_int_equal(message.head_flags, MIGP_VU_REPLY);
    (void)close(ends[1]);
    /* nobody has the writing end: the end of the pipe */
    assert_int_equal(read(ends[0], &byte, 1), 0);
    (void)close(ends[0]);
    assert_int_equal(host_stop(&host), MIGP_OK);
    migp_sim_free(host.sim);
}

static void test_serve__arguments(void **state)
{
    struct migp_vfio_user_serve_options how;
    struct migp_error error = MIGP_ERROR_INIT;

    (void)state;
    migp_vfio_user_serve_options_init(&how);
    assert_int_equal(how.max_transfer, 1 << 20);
    assert_int_equal(migp_vfio_user_serve(-1, 3, &how, &error),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_vfio_user_serve(3, -1, &how, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    how.max_transfer = 4095;
    assert_int_equal(migp_vfio_user_serve(3, 3, &how, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    how.max_transfer = UINT32_MAX;
    assert_int_equal(migp_vfio_user_serve(3, 3, &how, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
}

/* --- both directions on one socket ---------------------------------------- */

#define CROSS (1u << 20)

/*
 * A server that writes a mebibyte of guest memory before it reads the data that
 * the client is sending: each side has more to send than the socket holds.
 */
static void *cross_run(void *user)
{
    struct host *host = user;
    int end = host->ends[1];
    static uint8_t bytes[CROSS + 64];
    int round;

    for (round = 0;; round++) {
        struct migp_vu_message message = {.struct_size = sizeof(message)};
        struct migp_vu_message reply = {.struct_size = sizeof(reply)};
        uint8_t fixed[MIGP_VU_FIXED_MAX];
        migp_ssize size;
        uint32_t whole = 0;

        if (recv(end, bytes, 16, MSG_WAITALL) != 16) {
            return NULL;
        }
        memcpy(&whole, bytes + 4, 4);
        if (bytes[2] == MIGP_VU_MIG_DATA_WRITE) {
            static uint8_t memory[CROSS];
            struct migp_vu_message write = {
                .struct_size = sizeof(write),
                .id = 7,
                .command = MIGP_VU_DMA_WRITE,
                .address = 0,
                .length = CROSS,
                .tail = CROSS,
            };

            memset(memory, 0x40 + round, sizeof(memory));
            size = migp_vu_encode(&write, fixed, sizeof(fixed));
            (void)send(end, fixed, (size_t)size, MSG_NOSIGNAL);
            (void)send(end, memory, CROSS, MSG_NOSIGNAL);
        }
        if (recv(end, bytes + 16, whole - 16, MSG_WAITALL) !=
            (ssize_t)whole - 16) {
            return NULL;
        }
        (void)migp_vu_decode(bytes, whole, &message, NULL);
        if (message.head_flags & MIGP_VU_REPLY) {
            host->code += message.error_number == 0;
            continue;
        }
        reply.id = message.id;
        reply.command = message.command;
        reply.head_flags = MIGP_VU_REPLY;
        reply.minor = message.minor;
        reply.argsz = message.argsz;
        reply.flags = message.flags;
        reply.tail =
            message.command == MIGP_VU_DEVICE_FEATURE ? message.tail : 0;
        size = migp_vu_encode(&reply, fixed, sizeof(fixed));
        (void)send(end, fixed, (size_t)size, MSG_NOSIGNAL);
        (void)send(end, bytes + 24, (size_t)reply.tail, MSG_NOSIGNAL);
    }
}

static int cross_move(void *user, int is_write, uint64_t address, void *bytes,
                      size_t length)
{
    uint8_t *memory = user;

    assert_int_equal(is_write, 1);
    memcpy(memory + address, bytes, length);
    return 0;
}

static void test_dma__crosses_data(void **state)
{
    static uint8_t memory[CROSS];
    static uint8_t data[CROSS];
    const struct migp_device_ops *ops = migp_vfio_user_ops();
    struct migp_vfio_user_options how;
    struct migp_vfio_user *server;
    struct host host = {0};
    int session = MIGP_NO_SESSION;
    int i;

    (void)state;
    assert_int_equal(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, host.ends), 0);
    assert_int_equal(pthread_create(&host.thread, NULL, cross_run, &host), 0);
    migp_vfio_user_options_init(&how);
    how.socket = host.ends[0];
    how.dma = cross_move;
    how.dma_user = memory;
    how.timeout = UINT64_C(20000000000);
    assert_int_equal(migp_vfio_user_connect(&server, &how, NULL), MIGP_OK);
    assert_int_equal(migp_vfio_user_dma_map(server, 0, CROSS, 3, -1, 0, NULL),
                     MIGP_OK);
    assert_int_equal(ops->set_state(server, MIGP_STATE_RESUMING, &session), 0);
    for (i = 0; i < 20; i++) {
        assert_int_equal(ops->write(server, session, data, CROSS), CROSS);
    }
    assert_int_equal(ops->set_state(server, MIGP_STATE_STOP, &session), 0);
    assert_true(memory[0] != 0);
    assert_int_equal(memory[0], memory[CROSS - 1]);
    migp_vfio_user_close(server);
    (void)shutdown(host.ends[0], SHUT_RDWR);
    assert_int_equal(pthread_join(host.thread, NULL), 0);
    assert_int_equal(host.code, 20);
    /* the socket is the caller's, as it was */
    assert_int_equal(fcntl(host.ends[0], F_GETFL) & O_NONBLOCK, 0);
    (void)close(host.ends[0]);
    (void)close(host.ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_serve__save_and_load),
        cmocka_unit_test(test_serve__registers_and_reset),
        cmocka_unit_test(test_serve__p2p),
        cmocka_unit_test(test_serve__arguments),
        cmocka_unit_test(test_hostile__not_vfio_user),
        cmocka_unit_test(test_hostile__wrong_requests),
        cmocka_unit_test(test_hostile__wrong_messages),
        cmocka_unit_test(test_hostile__fds_are_closed),
        cmocka_unit_test(test_dma__crosses_data),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
