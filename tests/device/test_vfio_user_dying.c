/* SPDX-License-Identifier: MIT */
#include "unit/cmocka_all.h"

#include "support/fail_sys.h"
#include "support/vu_peer.h"

#include <errno.h>
#include <migproto/device.h>
#include <string.h>

/*
 * A save and a load of a migp_device while its server dies, falls silent or
 * lies, at every byte that it sends and at every system call. Whatever happens:
 * the call returns, the device says what became of it, no fd is left.
 */

#define SIZE 3000
#define SECOND UINT64_C(1000000000)

struct trial {
    struct vu_peer peer;
    struct fail_sys fail;
    struct migp_device *device;
    struct migp_error error;
    uint8_t data[SIZE];
    uint8_t got[SIZE + 4096];
    size_t n_got;
};

static struct trial trial;

static void prepare(void)
{
    size_t i;

    memset(&trial, 0, sizeof(trial));
    vu_peer_init(&trial.peer, NULL);
    fail_sys_init(&trial.fail, &trial.peer.sys);
    migp_error_init(&trial.error);
    for (i = 0; i < SIZE; i++) {
        trial.data[i] = (uint8_t)(i * 31 + i / 256);
    }
    trial.peer.data = trial.data;
    trial.peer.data_size = SIZE;
    trial.peer.full_size = true;
    trial.peer.like_libvfio = true;
}

static void finish(void)
{
    migp_device_free(trial.device);
    assert_int_equal(trial.peer.open, 0);
    assert_int_equal(trial.fail.double_close, 0);
    vu_peer_free(&trial.peer);
}

static int connect_device(void)
{
    struct migp_device_options options;
    struct migp_vfio_user_options how;
    struct migp_vfio_user *server;
    int code;

    vu_peer_options(&trial.peer, &how);
    how.sys = &trial.fail.sys;
    how.timeout = 10 * SECOND;
    how.max_transfer = 4096;
    code = migp_vfio_user_connect(&server, &how, &trial.error);
    if (code != MIGP_OK) {
        return code;
    }
    migp_device_options_init(&options);
    options.sys = &trial.peer.sys;
    code = migp_device_new(&trial.device, migp_vfio_user_ops(), server,
                           &options, &trial.error);
    if (code != MIGP_OK) {
        migp_vfio_user_close(server);
    }
    return code;
}

static int save(void)
{
    int code =
        migp_device_set_state(trial.device, MIGP_STATE_PRE_COPY, &trial.error);
    migp_ssize got = 1;

    if (code != MIGP_OK) {
        return code;
    }
    got = migp_device_read(trial.device, trial.got, 700, &trial.error);
    if (got < 0) {
        return (int)got;
    }
    trial.n_got = (size_t)got;
    code =
        migp_device_set_state(trial.device, MIGP_STATE_STOP_COPY, &trial.error);
    while (code == MIGP_OK && got > 0) {
        assert_true(trial.n_got + 700 <= sizeof(trial.got));
        got = migp_device_read(trial.device, trial.got + trial.n_got, 700,
                               &trial.error);
        trial.n_got += got > 0 ? (size_t)got : 0;
    }
    if (code == MIGP_OK && got < 0) {
        return (int)got;
    }
    return code != MIGP_OK ? code
                           : migp_device_set_state(
                                 trial.device, MIGP_STATE_STOP, &trial.error);
}

static int load(void)
{
    int code =
        migp_device_set_state(trial.device, MIGP_STATE_RESUMING, &trial.error);
    size_t at;

    for (at = 0; code == MIGP_OK && at < SIZE; at += 500) {
        migp_ssize got =
            migp_device_write(trial.device, trial.data + at, 500, &trial.error);

        code = got < 0 ? (int)got : MIGP_OK;
    }
    return code != MIGP_OK
               ? code
               : migp_device_set_state(trial.device, MIGP_STATE_RUNNING,
                                       &trial.error);
}

static int journey(void)
{
    int code = connect_device();

    if (code == MIGP_OK) {
        code = save();
    }
    return code == MIGP_OK ? load() : code;
}

/* How many bytes a server sends, and calls a client makes, if all is well. */
static void measure(size_t *bytes, size_t *calls)
{
    prepare();
    assert_int_equal(journey(), MIGP_OK);
    assert_int_equal(trial.n_got, SIZE);
    assert_memory_equal(trial.got, trial.data, SIZE);
    assert_memory_equal(trial.peer.written_bytes, trial.data, SIZE);
    *bytes = trial.peer.given;
    *calls = trial.fail.calls;
    finish();
}

static void check_lost(int code)
{
    assert_int_equal(code, MIGP_ERR_DEVICE_LOST);
    assert_int_equal(trial.error.code, MIGP_ERR_DEVICE_LOST);
    if (trial.device) {
        assert_int_equal(
            migp_device_query_state(trial.device, NULL, &trial.error),
            MIGP_ERR_DEVICE_LOST);
    }
}

static void test_dies__at_every_byte(void **state)
{
    size_t bytes;
    size_t calls;
    size_t at;

    (void)state;
    measure(&bytes, &calls);
    assert_true(bytes > SIZE && calls > 50);
    for (at = 1; at < bytes; at++) {
        prepare();
        trial.peer.cut_at = at;
        check_lost(journey());
        finish();
    }
}

static void test_falls_silent__at_every_byte(void **state)
{
    size_t bytes;
    size_t calls;
    size_t at;

    (void)state;
    measure(&bytes, &calls);
    for (at = 1; at < bytes; at += at % 64 == 0 ? 37 : 1) {
        int code;

        prepare();
        trial.peer.mute_at = at;
        code = journey();
        assert_true(code < 0);
        /* one timeout, not one for each call */
        assert_true(trial.peer.clock >= 10 * SECOND);
        assert_true(trial.peer.clock < 11 * SECOND);
        if (trial.device) {
            assert_int_equal(
                migp_device_query_state(trial.device, NULL, &trial.error),
                MIGP_ERR_DEVICE_LOST);
        } else {
            assert_int_not_equal(code, MIGP_OK);
        }
        finish();
    }
}

/* A damaged byte: seen, or it was one of the device's own. [VU-9] */
static void test_lies__at_every_byte(void **state)
{
    static const uint8_t masks[] = {1, 0x80, 0xff};
    size_t bytes;
    size_t calls;
    size_t at;
    size_t seen = 0;
    size_t i;

    (void)state;
    measure(&bytes, &calls);
    for (i = 0; i < N_TESTS(masks); i++) {
        for (at = 1; at <= bytes; at++) {
            int code;

            prepare();
            trial.peer.flip_at = at;
            trial.peer.flip_mask = masks[i];
            code = journey();
            seen += code != MIGP_OK;
            assert_true(code <= 0);
            if (code == MIGP_OK) {
                assert_int_equal(trial.peer.written, SIZE);
            }
            finish();
        }
    }
    /* every head has a dozen bytes that matter */
    assert_true(seen > 3 * 12 * 20);
}

static void test_call_fails__every_one(void **state)
{
    static const int errors[] = {EIO, ECONNRESET, EPIPE, ENOMEM, EBADF, ENODEV};
    size_t bytes;
    size_t calls;
    size_t i;
    size_t at;
    int on;

    (void)state;
    measure(&bytes, &calls);
    for (i = 0; i < N_TESTS(errors); i++) {
        for (at = 1; at <= calls; at++) {
            for (on = 0; on < 4; on++) {
                const struct fail_plan plan = {.at = at,
                                               .on = on & 1,
                                               .after = on & 2,
                                               .error = errors[i]};
                int code;

                prepare();
                fail_sys_start(&trial.fail, &plan);
                code = journey();
                if (trial.fail.failed) {
                    assert_true(code < 0);
                    assert_true(trial.device == NULL ||
                                code == MIGP_ERR_DEVICE_LOST);
                }
                fail_sys_start(&trial.fail, NULL);
                finish();
            }
        }
    }
}

/* A byte at a time is slow, and still a message. */
static void test_trickles(void **state)
{
    (void)state;
    prepare();
    trial.peer.chunk = 1;
    trial.peer.stutter = true;
    trial.peer.per_call = SECOND / 1000;
    assert_int_equal(journey(), MIGP_OK);
    finish();
    prepare();
    trial.peer.chunk = 1;
    trial.peer.stutter = true;
    trial.peer.per_call = SECOND;
    assert_int_equal(journey(), MIGP_ERR_TIMED_OUT);
    finish();
}

/* A server that takes nothing. */
static void test_deaf(void **state)
{
    (void)state;
    prepare();
    trial.peer.deaf = true;
    assert_int_equal(journey(), MIGP_ERR_TIMED_OUT);
    finish();
    prepare();
    assert_int_equal(connect_device(), MIGP_OK);
    trial.peer.deaf = true;
    assert_true(save() < 0);
    assert_int_equal(migp_device_query_state(trial.device, NULL, &trial.error),
                     MIGP_ERR_DEVICE_LOST);
    finish();
}

/* --- answers that are none ------------------------------------------------ */

struct lie {
    uint16_t id;
    uint16_t command;
    uint32_t size;
    uint32_t flags;
    size_t tail;
};

static void tell(struct vu_peer *peer, const struct migp_vu_message *message,
                 const uint8_t *bytes, size_t size)
{
    static const uint8_t zeros[65536];
    const struct lie *lie = peer->user;
    uint8_t head[16] = {0};
    uint16_t id = message->id ^ lie->id;

    if (message->command == MIGP_VU_VERSION) {
        vu_peer_device(peer, message, bytes, size);
        return;
    }
    memcpy(head, &id, 2);
    memcpy(head + 2, &lie->command, 2);
    memcpy(head + 4, &lie->size, 4);
    memcpy(head + 8, &lie->flags, 4);
    vu_peer_push(peer, head, 16);
    vu_peer_push(peer, zeros, lie->tail);
}

static void test_answer__is_none(void **state)
{
    static struct lie lies[] = {
        {1, 16, 32, 1, 16},        /* another id */
        {0, 17, 24, 1, 8},         /* another command */
        {0, 16, 15, 1, 16},        /* shorter than a head */
        {0, 16, 0, 1, 16},         /* no size */
        {0, 16, 23, 1, 16},        /* shorter than its fixed part */
        {0, 16, 24, 1, 8},         /* no payload */
        {0, 16, 31, 1, 15},        /* half a payload */
        {0, 16, 33, 1, 17},        /* more than was asked for */
        {0, 16, 65536, 1, 65520},  /* far more */
        {0, 16, 1u << 31, 1, 16},  /* more than there can be */
        {0, 16, 32, 2, 16},        /* neither request nor reply */
        {0, 16, 32, 0, 16},        /* a client's request */
        {0, 99, 32, 1, 16},        /* a command that is none */
        {0, 16, 60 << 20, 33, 16}, /* an error without end */
        {0, 12, 60 << 20, 0, 16},  /* a write without end */
        {0, 12, 33, 0, 17},        /* a write that is not as long as it says */
    };
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(lies); i++) {
        struct migp_vfio_user_options how;
        struct migp_vfio_user *server;
        const struct migp_device_ops *ops = migp_vfio_user_ops();
        struct migp_error error = MIGP_ERROR_INIT;
        uint32_t now = 0;

        prepare();
        trial.peer.handler = tell;
        trial.peer.user = &lies[i];
        vu_peer_options(&trial.peer, &how);
        assert_int_equal(migp_vfio_user_connect(&server, &how, NULL), MIGP_OK);
        assert_int_equal(ops->get_state(server, &now), -EPROTO);
        /* and it is over */
        trial.peer.handler = vu_peer_device;
        assert_int_equal(ops->get_state(server, &now), -ENODEV);
        assert_int_equal(
            migp_vfio_user_dma_map(server, 0, 4096, 3, -1, 0, &error),
            MIGP_ERR_MALFORMED);
        assert_non_null(strchr(error.text, ':'));
        migp_vfio_user_close(server);
        finish();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dies__at_every_byte),
        cmocka_unit_test(test_falls_silent__at_every_byte),
        cmocka_unit_test(test_lies__at_every_byte),
        cmocka_unit_test(test_call_fails__every_one),
        cmocka_unit_test(test_trickles),
        cmocka_unit_test(test_deaf),
        cmocka_unit_test(test_answer__is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
