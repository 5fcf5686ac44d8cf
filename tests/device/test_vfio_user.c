/* SPDX-License-Identifier: MIT */
#include "unit/cmocka_all.h"

#include "device/uapi.h"
#include "device/vfio_user/client.h"
#include "support/fail_sys.h"
#include "support/vu_peer.h"

#include <errno.h>
#include <string.h>

/*
 * The client against a server that behaves as libvfio-user does where that is
 * not what the kernel does. Numbers are those of the rules VU-n in
 * docs/protocol.md.
 */

struct rig_user {
    struct vu_peer peer;
    struct fail_sys fail;
    struct migp_vfio_user_options how;
    struct migp_vfio_user *server;
    const struct migp_device_ops *ops;
};

static void begin_with(struct rig_user *rig, vu_peer_handler handler)
{
    memset(rig, 0, sizeof(*rig));
    vu_peer_init(&rig->peer, handler);
    fail_sys_init(&rig->fail, &rig->peer.sys);
    vu_peer_options(&rig->peer, &rig->how);
    rig->how.sys = &rig->fail.sys;
    rig->ops = migp_vfio_user_ops();
}

static void begin(struct rig_user *rig)
{
    begin_with(rig, NULL);
    assert_int_equal(migp_vfio_user_connect(&rig->server, &rig->how, NULL),
                     MIGP_OK);
}

static void end(struct rig_user *rig)
{
    migp_vfio_user_close(rig->server);
    assert_int_equal(rig->peer.open, 0);
    assert_int_equal(fail_sys_open_fds(&rig->fail), 0);
    assert_int_equal(rig->fail.double_close, 0);
    vu_peer_free(&rig->peer);
}

static uint8_t pattern(size_t at)
{
    return (uint8_t)(at * 7 + (at >> 8) * 13);
}

static uint8_t *make_data(struct rig_user *rig, size_t size)
{
    uint8_t *data = malloc(size);
    size_t i;

    for (i = 0; i < size; i++) {
        data[i] = pattern(i);
    }
    rig->peer.data = data;
    rig->peer.data_size = size;
    rig->peer.data_at = 0;
    return data;
}

static int set(struct rig_user *rig, uint32_t state)
{
    int session = MIGP_NO_SESSION;
    int code = rig->ops->set_state(rig->server, state, &session);

    assert_true(code == 0 || session == MIGP_NO_SESSION);
    return code < 0 ? code : session;
}

/* Read until the session says that there is no more; its word for it. */
static migp_ssize drain(struct rig_user *rig, int session, size_t chunk,
                        size_t *at)
{
    uint8_t *bytes = malloc(chunk);
    migp_ssize got;

    for (;;) {
        size_t i;

        got = rig->ops->read(rig->server, session, bytes, chunk);
        if (got == -EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        assert_true((size_t)got <= chunk);
        for (i = 0; i < (size_t)got; i++) {
            assert_int_equal(bytes[i], pattern(*at));
            ++*at;
        }
    }
    free(bytes);
    return got;
}

/* --- connecting ----------------------------------------------------------- */

static void test_connect__options(void **state)
{
    struct rig_user rig;
    struct migp_error error = MIGP_ERROR_INIT;
    size_t size = 0;

    (void)state;
    begin_with(&rig, NULL);
    rig.how.socket = 5; /* and a path */
    assert_int_equal(migp_vfio_user_connect(&rig.server, &rig.how, &error),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_null(rig.server);
    rig.how.socket = -1;
    rig.how.in_flight = 17;
    assert_int_equal(migp_vfio_user_connect(&rig.server, &rig.how, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    rig.how.in_flight = 16;
    rig.how.max_transfer = 4095;
    assert_int_equal(migp_vfio_user_connect(&rig.server, &rig.how, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    rig.how.max_transfer = 4096;
    assert_int_equal(migp_vfio_user_connect(&rig.server, &rig.how, NULL),
                     MIGP_OK);
    assert_non_null(
        strstr(migp_vfio_user_version(rig.server, &size), "pgsize"));
    assert_int_equal(size, strlen(migp_vfio_user_version(rig.server, NULL)));
    assert_int_equal(migp_vfio_user_set_max_transfer(rig.server, 4095),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_vfio_user_set_max_transfer(rig.server, 8192),
                     MIGP_OK);
    assert_true(set(&rig, MIGP_STATE_PRE_COPY) >= 0);
    assert_int_equal(migp_vfio_user_set_max_transfer(rig.server, 8192),
                     MIGP_ERR_STATE);
    end(&rig);
}

static void other_major(struct vu_peer *peer,
                        const struct migp_vu_message *message,
                        const uint8_t *bytes, size_t size)
{
    struct migp_vu_message reply = {.major = 1};

    /* what was sent is ours: major 0, JSON with its NUL */
    assert_int_equal(message->command, MIGP_VU_VERSION);
    assert_int_equal(message->major, 0);
    assert_true(message->tail > 2 && bytes[size - 1] == '\0');
    assert_non_null(strstr((const char *)bytes + 20, "\"max_data_xfer_size\":"
                                                     "1048576"));
    vu_peer_reply(peer, message, &reply, NULL);
}

static void refuses(struct vu_peer *peer, const struct migp_vu_message *message,
                    const uint8_t *bytes, size_t size)
{
    (void)bytes;
    (void)size;
    vu_peer_error(peer, message, EINVAL);
}

static void silent(struct vu_peer *peer, const struct migp_vu_message *message,
                   const uint8_t *bytes, size_t size)
{
    (void)peer;
    (void)message;
    (void)bytes;
    (void)size;
}

static void says_garbage(struct vu_peer *peer,
                         const struct migp_vu_message *message,
                         const uint8_t *bytes, size_t size)
{
    (void)message;
    (void)bytes;
    (void)size;
    vu_peer_push(peer, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
}

static void long_json(struct vu_peer *peer,
                      const struct migp_vu_message *message,
                      const uint8_t *bytes, size_t size)
{
    struct migp_vu_message reply = {.minor = 2, .tail = 6000};
    char *json = malloc(6000);

    (void)bytes;
    (void)size;
    memset(json, 'x', 6000);
    vu_peer_reply(peer, message, &reply, json);
    free(json);
}

static void test_connect__answers(void **state)
{
    static const struct {
        vu_peer_handler handler;
        int code;
        int number;
    } cases[] = {
        {other_major, MIGP_ERR_UNSUPPORTED, 0},
        {refuses, MIGP_ERR_SYSTEM, EINVAL},
        {silent, MIGP_ERR_TIMED_OUT, ETIMEDOUT},
        {says_garbage, MIGP_ERR_MALFORMED, EPROTO},
    };
    struct rig_user rig;
    size_t size;
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(cases); i++) {
        struct migp_error error = MIGP_ERROR_INIT;

        begin_with(&rig, cases[i].handler);
        assert_int_equal(migp_vfio_user_connect(&rig.server, &rig.how, &error),
                         cases[i].code);
        assert_int_equal(error.system_errno, cases[i].number);
        assert_true(error.text[0] != '\0');
        end(&rig);
    }
    begin_with(&rig, silent);
    rig.peer.hung_up = true;
    assert_int_equal(migp_vfio_user_connect(&rig.server, &rig.how, NULL),
                     MIGP_ERR_DEVICE_LOST);
    end(&rig);
    begin_with(&rig, long_json);
    assert_int_equal(migp_vfio_user_connect(&rig.server, &rig.how, NULL),
                     MIGP_OK);
    assert_int_equal(strlen(migp_vfio_user_version(rig.server, &size)), 4096);
    assert_int_equal(size, 4096);
    end(&rig);
}

/* --- reading -------------------------------------------------------------- */

/* Quirks 1, 2 and 8: full-sized replies, a short count is the end, no message
 * is longer than the server takes. [VU-1] [VU-8] */
static void test_read__all_sizes(void **state)
{
    static const size_t sizes[] = {0, 1, 60, 4095, 4096, 4097, 70000};
    static const size_t chunks[] = {1, 7, 4096, 5000, 100000};
    size_t i;
    size_t j;
    int k;

    (void)state;
    for (i = 0; i < N_TESTS(sizes); i++) {
        for (j = 0; j < N_TESTS(chunks); j++) {
            for (k = 0; k < 8; k++) {
                struct rig_user rig;
                size_t at = 0;
                int session;
                uint8_t *data;

                if (sizes[i] / chunks[j] > 5000) {
                    continue;
                }
                begin_with(&rig, NULL);
                rig.how.max_transfer = 4096;
                rig.peer.max_transfer = 4096;
                rig.how.in_flight = k & 1 ? 4 : 1;
                assert_int_equal(
                    migp_vfio_user_connect(&rig.server, &rig.how, NULL), 0);
                data = make_data(&rig, sizes[i] + 1);
                rig.peer.data_size = sizes[i];
                rig.peer.full_size = (k & 2) != 0;
                rig.peer.stutter = (k & 4) != 0;
                rig.peer.chunk = k & 4 ? 1000 : 0;
                session = set(&rig, MIGP_STATE_STOP_COPY);
                assert_true(session >= 0);
                assert_int_equal(drain(&rig, session, chunks[j], &at), 0);
                assert_int_equal(at, sizes[i]);
                assert_int_equal(drain(&rig, session, chunks[j], &at), 0);
                free(data);
                end(&rig);
            }
        }
    }
}

/* Quirk 2: in PRE_COPY short means "now", and there is no ENOMSG to say it. [VU-2] */
static void test_read__precopy(void **state)
{
    struct rig_user rig;
    uint8_t *data;
    size_t at = 0;
    size_t asked;
    int session;
    uint32_t now = 0;

    (void)state;
    begin(&rig);
    rig.peer.full_size = true;
    data = make_data(&rig, 50000);
    rig.peer.data_size = 20000;
    session = set(&rig, MIGP_STATE_PRE_COPY);
    assert_int_equal(drain(&rig, session, 3000, &at), -ENOMSG);
    assert_int_equal(at, 20000);
    /* nothing: one question, not as many as may be on their way */
    asked = rig.peer.requests;
    assert_int_equal(drain(&rig, session, 3000, &at), -ENOMSG);
    assert_int_equal(rig.peer.requests, asked + 1);
    rig.peer.data_size = 30000;
    assert_int_equal(drain(&rig, session, 3000, &at), -ENOMSG);
    assert_int_equal(at, 30000);
    /* the session lives on in STOP_COPY, what comes there ends for good */
    rig.peer.data_size = 50000;
    assert_int_equal(set(&rig, MIGP_STATE_STOP_COPY), MIGP_NO_SESSION);
    assert_int_equal(drain(&rig, session, 3000, &at), 0);
    assert_int_equal(at, 50000);
    assert_int_equal(rig.ops->get_state(rig.server, &now), 0);
    assert_int_equal(now, MIGP_STATE_STOP_COPY);
    assert_int_equal(set(&rig, MIGP_STATE_STOP), MIGP_NO_SESSION);
    rig.ops->end_session(rig.server, session);
    assert_int_equal(rig.ops->read(rig.server, session, &now, 4), -EBADF);
    free(data);
    end(&rig);
}

/* What was read ahead is handed out before what STOP_COPY adds, and questions
 * in between do not disturb it. [VU-10] */
static void test_read__ahead_of_other_requests(void **state)
{
    struct rig_user rig;
    size_t step;

    (void)state;
    for (step = 0; step < 12; step++) {
        uint8_t bytes[1000];
        uint32_t now;
        uint8_t *data;
        size_t at = 0;
        size_t i;
        int session;

        begin(&rig);
        data = make_data(&rig, 40000);
        rig.peer.data_size = 10500;
        rig.peer.chunk = step % 3 == 0 ? 999 : 0;
        session = set(&rig, MIGP_STATE_PRE_COPY);
        for (i = 0; i < step; i++) {
            migp_ssize got =
                rig.ops->read(rig.server, session, bytes, 100 + 70 * i);
            size_t j;

            for (j = 0; got > 0 && j < (size_t)got; j++) {
                assert_int_equal(bytes[j], pattern(at));
                at++;
            }
            if (i % 2) {
                assert_int_equal(rig.ops->get_state(rig.server, &now), 0);
            }
        }
        rig.peer.data_size = 40000;
        assert_int_equal(set(&rig, MIGP_STATE_STOP_COPY), MIGP_NO_SESSION);
        assert_int_equal(drain(&rig, session, 512, &at), 0);
        assert_int_equal(at, 40000);
        free(data);
        end(&rig);
    }
}

/* Counts by turns: short replies while others are on their way. */
static void uneven(struct vu_peer *peer, const struct migp_vu_message *message,
                   const uint8_t *bytes, size_t size)
{
    static const uint32_t counts[] = {100, 100, 100, 40, 100, 0,
                                      30,  0,   0,   0,  0,   0};
    size_t *turn = peer->user;
    struct migp_vu_message reply = {.argsz = message->argsz};

    if (message->command != MIGP_VU_MIG_DATA_READ) {
        vu_peer_device(peer, message, bytes, size);
        return;
    }
    assert_int_equal(message->count, 100);
    reply.count = counts[*turn < 11 ? *turn : 11];
    reply.tail = 100;
    ++*turn;
    {
        uint8_t tail[100];
        uint32_t i;

        for (i = 0; i < 100; i++) {
            tail[i] = i < reply.count ? pattern(peer->data_at + i) : 0xee;
        }
        peer->data_at += reply.count;
        vu_peer_reply(peer, message, &reply, tail);
    }
}

static void test_read__short_reply_between_full_ones(void **state)
{
    struct rig_user rig;
    size_t turn = 0;
    size_t at = 0;
    int session;

    (void)state;
    begin_with(&rig, uneven);
    rig.peer.user = &turn;
    assert_int_equal(migp_vfio_user_connect(&rig.server, &rig.how, NULL), 0);
    session = set(&rig, MIGP_STATE_PRE_COPY);
    while (turn < 12) {
        assert_int_equal(drain(&rig, session, 100, &at), -ENOMSG);
    }
    assert_int_equal(at, 470);
    end(&rig);
}

/* [VU-5] */
static void test_read__errors(void **state)
{
    static const struct {
        uint32_t said;
        int seen;
    } errors[] = {{EIO, -EIO},   {48879, -EIO},     {0, -EIO},
                  {EINTR, -EIO}, {EINVAL, -EINVAL}, {UINT32_MAX, -EIO},
                  {4095, -4095}};
    struct rig_user rig;
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(errors); i++) {
        uint8_t *data;
        size_t at = 0;
        int session;

        begin(&rig);
        data = make_data(&rig, 10000);
        rig.peer.fail_command = MIGP_VU_MIG_DATA_READ;
        rig.peer.fail_errno = errors[i].said == 0 ? 1u << 20 : errors[i].said;
        rig.peer.fail_after = 4;
        session = set(&rig, MIGP_STATE_STOP_COPY);
        assert_int_equal(drain(&rig, session, 1000, &at), errors[i].seen);
        /* what is behind the hole is not given out */
        rig.peer.fail_errno = 0;
        assert_int_equal(at, 4000);
        assert_int_equal(drain(&rig, session, 1000, &at), errors[i].seen);
        assert_int_equal(set(&rig, MIGP_STATE_STOP), MIGP_NO_SESSION);
        free(data);
        end(&rig);
    }
}

/* --- writing -------------------------------------------------------------- */

/* [VU-8] */
static void test_write__all_of_it(void **state)
{
    struct rig_user rig;
    uint8_t *data;
    size_t at = 0;
    int session;

    (void)state;
    begin_with(&rig, NULL);
    rig.how.max_transfer = 4096;
    rig.peer.max_transfer = 4096;
    rig.peer.chunk = 1111;
    rig.peer.stutter = true;
    assert_int_equal(migp_vfio_user_connect(&rig.server, &rig.how, NULL), 0);
    data = make_data(&rig, 100000);
    session = set(&rig, MIGP_STATE_RESUMING);
    assert_true(session >= 0);
    while (at < 100000) {
        migp_ssize got =
            rig.ops->write(rig.server, session, data + at, 100000 - at);

        assert_true(got > 0 && got <= 4096);
        at += (size_t)got;
    }
    assert_int_equal(set(&rig, MIGP_STATE_STOP), MIGP_NO_SESSION);
    assert_int_equal(rig.peer.written, 100000);
    assert_memory_equal(rig.peer.written_bytes, data, 100000);
    assert_int_equal(rig.ops->read(rig.server, session, data, 1), -EBADF);
    free(data);
    end(&rig);
}

/* A write that failed after the caller went on: no SET may follow it. */
static void test_write__late_error(void **state)
{
    struct rig_user rig;
    uint32_t now = 0;
    size_t n;

    (void)state;
    for (n = 0; n < 4; n++) {
        size_t requests;
        size_t i;
        int session;

        begin(&rig);
        rig.peer.fail_command = MIGP_VU_MIG_DATA_WRITE;
        rig.peer.fail_errno = ENOSPC;
        rig.peer.fail_after = n;
        session = set(&rig, MIGP_STATE_RESUMING);
        for (i = 0; i < 4; i++) {
            assert_int_equal(rig.ops->write(rig.server, session, "abcd", 4), 4);
        }
        requests = rig.peer.requests;
        assert_int_equal(set(&rig, MIGP_STATE_STOP), -ENOSPC);
        assert_int_equal(rig.peer.requests, requests);
        assert_int_equal(rig.ops->write(rig.server, session, "abcd", 4),
                         -ENOSPC);
        assert_int_equal(rig.peer.requests, requests);
        assert_int_equal(rig.ops->get_state(rig.server, &now), 0);
        assert_int_equal(now, MIGP_STATE_RESUMING);
        end(&rig);
    }
}

static void test_write__no_more_than_in_flight(void **state)
{
    struct rig_user rig;
    int session;
    int i;

    (void)state;
    begin_with(&rig, NULL);
    rig.how.in_flight = 3;
    assert_int_equal(migp_vfio_user_connect(&rig.server, &rig.how, NULL), 0);
    session = set(&rig, MIGP_STATE_RESUMING);
    for (i = 0; i < 20; i++) {
        assert_int_equal(rig.ops->write(rig.server, session, "ab", 2), 2);
        assert_true(rig.server->n_pending <= 3);
    }
    end(&rig);
}

/* --- states --------------------------------------------------------------- */

/* A change that failed leaves the state as it was. */
static void test_set_state__refused(void **state)
{
    static const uint32_t refused[] = {0, 5, 7, 8, 0xabcd};
    struct rig_user rig;
    uint32_t now = 0;
    size_t i;

    (void)state;
    begin(&rig);
    for (i = 0; i < N_TESTS(refused); i++) {
        assert_int_equal(set(&rig, refused[i]), -EINVAL);
        assert_int_equal(rig.ops->get_state(rig.server, &now), 0);
        assert_int_equal(now, MIGP_STATE_RUNNING);
    }
    end(&rig);
}

static void test_set_state__sessions(void **state)
{
    struct rig_user rig;
    int first;
    int second;

    (void)state;
    begin(&rig);
    first = set(&rig, MIGP_STATE_PRE_COPY);
    assert_true(first >= 0);
    assert_int_equal(set(&rig, MIGP_STATE_PRE_COPY), MIGP_NO_SESSION);
    assert_int_equal(set(&rig, MIGP_STATE_STOP_COPY), MIGP_NO_SESSION);
    second = set(&rig, MIGP_STATE_RESUMING);
    assert_true(second >= 0 && second != first);
    /* the first is over; ending it does not end the second */
    rig.ops->end_session(rig.server, first);
    assert_int_equal(rig.ops->write(rig.server, first, "x", 1), -EBADF);
    assert_int_equal(rig.ops->write(rig.server, second, "x", 1), 1);
    assert_int_equal(set(&rig, MIGP_STATE_RUNNING), MIGP_NO_SESSION);
    rig.ops->end_session(rig.server, second);
    end(&rig);
}

/* Quirks 3 and 4: no reset in STOP, STOP_COPY; afterwards the old state. [VU-3] [VU-4] */
static void test_reset__from_every_state(void **state)
{
    static const struct {
        uint32_t from;
        uint32_t to;
    } cases[] = {
        {MIGP_STATE_RUNNING, MIGP_STATE_RUNNING},
        {MIGP_STATE_STOP, MIGP_STATE_RUNNING},
        {MIGP_STATE_STOP_COPY, MIGP_STATE_RUNNING},
        {MIGP_STATE_PRE_COPY, MIGP_STATE_RUNNING},
        /* the way out would load what was written */
        {MIGP_STATE_RESUMING, MIGP_STATE_RESUMING},
    };
    struct rig_user rig;
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(cases); i++) {
        uint32_t now = 0;

        begin(&rig);
        rig.peer.like_libvfio = true;
        rig.peer.state = cases[i].from;
        assert_int_equal(rig.ops->reset(rig.server), 0);
        assert_int_equal(rig.peer.resets, 1);
        assert_int_equal(rig.ops->get_state(rig.server, &now), 0);
        assert_int_equal(now, cases[i].to);
        end(&rig);
    }
}

static void test_caps__running_and_stopped(void **state)
{
    struct rig_user rig;
    uint32_t at;

    (void)state;
    for (at = MIGP_STATE_STOP; at <= MIGP_STATE_RUNNING; at++) {
        struct migp_device_caps caps = {.struct_size = sizeof(caps)};

        begin(&rig);
        rig.peer.like_libvfio = true;
        rig.peer.state = at;
        assert_int_equal(rig.ops->caps(rig.server, &caps), 0);
        assert_int_equal(caps.migration, 5);
        assert_int_equal(caps.features, MIGP_HAS_RESET);
        assert_string_equal(caps.backend, "vfio-user");
        assert_string_equal(caps.name, "vu-peer");
        end(&rig);
    }
    begin_with(&rig, NULL);
    rig.peer.fail_command = MIGP_VU_DEVICE_FEATURE;
    rig.peer.fail_errno = EINVAL;
    assert_int_equal(migp_vfio_user_connect(&rig.server, &rig.how, NULL), 0);
    {
        struct migp_device_caps caps = {.struct_size = sizeof(caps)};

        assert_int_equal(rig.ops->caps(rig.server, &caps), -ENOTTY);
    }
    end(&rig);
}

/* --- interruption --------------------------------------------------------- */

/* Every call that can be is interrupted first, once or several times. */
static void test_interrupted__journey(void **state)
{
    size_t storms;

    (void)state;
    for (storms = 1; storms < 4; storms++) {
        const struct fail_plan plan = {.interrupts = storms};
        struct rig_user rig;
        uint8_t *data;
        size_t at = 0;
        size_t requests;
        int session;
        int tries = 0;
        int code;

        begin(&rig);
        data = make_data(&rig, 9000);
        rig.peer.chunk = 700;
        fail_sys_start(&rig.fail, &plan);
        requests = rig.peer.requests;
        do {
            code = set(&rig, MIGP_STATE_STOP_COPY);
            assert_true(++tries < 1000);
        } while (code == -EINTR);
        assert_true(tries > 1);
        /* asked once, however often it was tried */
        assert_int_equal(rig.peer.requests, requests + 1);
        session = code;
        assert_true(session >= 0);
        assert_int_equal(drain(&rig, session, 2000, &at), 0);
        assert_int_equal(at, 9000);
        do {
            code = set(&rig, MIGP_STATE_RESUMING);
        } while (code == -EINTR);
        session = code;
        for (at = 0; at < 9000;) {
            migp_ssize got =
                rig.ops->write(rig.server, session, data + at, 9000 - at);

            assert_true(got > 0 || got == -EINTR);
            at += got > 0 ? (size_t)got : 0;
        }
        do {
            code = set(&rig, MIGP_STATE_STOP);
        } while (code == -EINTR);
        assert_int_equal(code, MIGP_NO_SESSION);
        assert_memory_equal(rig.peer.written_bytes, data, 9000);
        assert_int_equal(rig.peer.written, 9000);
        fail_sys_start(&rig.fail, NULL);
        free(data);
        end(&rig);
    }
}

/* A SET given up after it was sent: its reply is not taken for another's. */
static void later(struct vu_peer *peer, const struct migp_vu_message *message,
                  const uint8_t *bytes, size_t size)
{
    struct fail_sys *fail = peer->user;

    if (fail && message->command == MIGP_VU_DEVICE_FEATURE) {
        fail->calls = 0; /* the wait for the reply */
        fail->plan.at = 1;
        fail->plan.error = EINTR;
        peer->user = NULL;
    }
    vu_peer_device(peer, message, bytes, size);
}

static void test_interrupted__reply_of_a_request_given_up(void **state)
{
    struct rig_user rig;
    uint32_t now = 0;

    (void)state;
    begin_with(&rig, later);
    assert_int_equal(migp_vfio_user_connect(&rig.server, &rig.how, NULL), 0);
    rig.peer.user = &rig.fail;
    assert_int_equal(set(&rig, MIGP_STATE_STOP), -EINTR);
    fail_sys_start(&rig.fail, NULL);
    assert_int_equal(rig.server->n_pending, 1);
    assert_int_equal(rig.ops->get_state(rig.server, &now), 0);
    assert_int_equal(now, MIGP_STATE_STOP);
    assert_int_equal(rig.server->n_pending, 0);
    end(&rig);
}

/* --- memory --------------------------------------------------------------- */

#define BASE UINT64_C(0x100000000)
#define PAGE UINT64_C(4096)

/* A server's log of libvfio-user's: by region, from its base. */
struct logger {
    struct {
        uint64_t address;
        uint64_t length;
        uint64_t dirty[8]; /* 512 pages */
        bool mapped_fd;
    } regions[4];
    size_t n_regions;
    size_t starts;
    size_t reports;
};

static void log_feature(struct vu_peer *peer,
                        const struct migp_vu_message *message,
                        const uint8_t *tail)
{
    struct logger *logger = peer->user;
    struct migp_vu_message reply = {.argsz = message->argsz,
                                    .flags = message->flags,
                                    .tail = message->tail};
    uint64_t payload[3 + 8];
    size_t i;

    if ((message->flags & MIGP_VFIO_FEATURE_INDEX) !=
        MIGP_FEATURE_DMA_LOGGING_REPORT) {
        logger->starts++;
        vu_peer_reply(peer, message, &reply, tail);
        return;
    }
    logger->reports++;
    memcpy(payload, tail, 24);
    for (i = 0; i < logger->n_regions; i++) {
        if (payload[0] >= logger->regions[i].address &&
            payload[0] <
                logger->regions[i].address + logger->regions[i].length) {
            uint64_t pages = payload[1] / payload[2];
            size_t words = (size_t)(pages + 63) / 64;

            if (payload[0] != logger->regions[i].address) {
                vu_peer_error(peer, message, EOPNOTSUPP);
                return;
            }
            if (payload[1] > logger->regions[i].length) {
                vu_peer_error(peer, message, ENOENT);
                return;
            }
            if (!logger->regions[i].mapped_fd) {
                vu_peer_error(peer, message, EINVAL);
                return;
            }
            assert_int_equal(message->argsz, 32 + words * 8);
            memcpy(payload + 3, logger->regions[i].dirty, words * 8);
            memset(logger->regions[i].dirty, 0, words * 8);
            reply.tail = 24 + words * 8;
            vu_peer_reply(peer, message, &reply, payload);
            return;
        }
    }
    vu_peer_error(peer, message, ENOENT);
}

static void log_server(struct vu_peer *peer,
                       const struct migp_vu_message *message,
                       const uint8_t *bytes, size_t size)
{
    struct logger *logger = peer->user;
    uint32_t feature = message->flags & MIGP_VFIO_FEATURE_INDEX;

    if (message->command == MIGP_VU_DMA_MAP) {
        size_t i = logger->n_regions++;

        logger->regions[i].address = message->address;
        logger->regions[i].length = message->length;
        logger->regions[i].mapped_fd = peer->fds_passed > 0;
        peer->fds_passed = 0;
    }
    if (message->command == MIGP_VU_DEVICE_FEATURE &&
        feature >= MIGP_FEATURE_DMA_LOGGING_START &&
        feature <= MIGP_FEATURE_DMA_LOGGING_REPORT) {
        log_feature(peer, message, bytes + 24);
        return;
    }
    vu_peer_device(peer, message, bytes, size);
}

static void map(struct rig_user *rig, uint64_t address, uint64_t length, int fd)
{
    assert_int_equal(
        migp_vfio_user_dma_map(rig->server, address, length, 3, fd, 0, NULL),
        MIGP_OK);
}

/* Quirk 7: a server that never saw a map aborts at LOG_START. [VU-7] */
static void test_log__without_a_map(void **state)
{
    const struct migp_iova_range range = {BASE, PAGE};
    struct rig_user rig;
    struct logger logger = {0};

    (void)state;
    begin_with(&rig, log_server);
    rig.peer.user = &logger;
    assert_int_equal(migp_vfio_user_connect(&rig.server, &rig.how, NULL), 0);
    assert_int_equal(migp_user_log_start(rig.server, &range, 1, PAGE), -ENOENT);
    assert_int_equal(logger.starts, 0);
    assert_int_equal(migp_user_log_report(rig.server, BASE, PAGE, PAGE, NULL),
                     -ENODATA);
    end(&rig);
}

/* Quirk 6: by region, from its base; what was read too early is not lost. [VU-6] */
static void test_log__by_region(void **state)
{
    const struct migp_iova_range range = {BASE, 1000 * PAGE};
    struct rig_user rig;
    struct logger logger = {0};
    uint64_t words[16] = {0};

    (void)state;
    begin_with(&rig, log_server);
    rig.peer.user = &logger;
    assert_int_equal(migp_vfio_user_connect(&rig.server, &rig.how, NULL), 0);
    map(&rig, BASE + 600 * PAGE, 100 * PAGE, 5);
    map(&rig, BASE, 200 * PAGE, 5);
    map(&rig, BASE + 300 * PAGE, 10 * PAGE, -1);
    assert_int_equal(migp_user_log_start(rig.server, &range, 1, PAGE), 0);
    assert_int_equal(migp_user_log_start(rig.server, &range, 1, PAGE),
                     -EALREADY);
    logger.regions[1].dirty[0] = 0x9;
    logger.regions[1].dirty[2] = 0x80;              /* page 135 */
    logger.regions[0].dirty[1] = UINT64_C(1) << 35; /* its page 99 */
    /* the middle: pages 100 to 199 */
    assert_int_equal(migp_user_log_report(rig.server, BASE + 100 * PAGE,
                                          100 * PAGE, PAGE, words),
                     0);
    assert_int_equal(words[0], UINT64_C(1) << 35);
    assert_int_equal(words[1], 0);
    /* all: what the first report took from the server and nobody asked for */
    memset(words, 0, sizeof(words));
    assert_int_equal(
        migp_user_log_report(rig.server, BASE, 1000 * PAGE, PAGE, words), 0);
    assert_int_equal(words[0], 0x9);
    assert_int_equal(words[2], 0);
    assert_int_equal(words[699 / 64], UINT64_C(1) << (699 % 64));
    memset(words, 0, sizeof(words));
    assert_int_equal(
        migp_user_log_report(rig.server, BASE, 1000 * PAGE, PAGE, words), 0);
    assert_int_equal(words[0] | words[2] | words[10], 0);
    assert_int_equal(
        migp_user_log_report(rig.server, BASE + 1, PAGE, PAGE, words), -EINVAL);
    assert_int_equal(migp_user_log_stop(rig.server), 0);
    assert_int_equal(migp_user_log_stop(rig.server), 0);
    end(&rig);
}

/* --- the server's own requests -------------------------------------------- */

struct memory {
    uint8_t bytes[4 * 4096];
    int answer;
    size_t calls;
};

static int move(void *user, int is_write, uint64_t address, void *bytes,
                size_t length)
{
    struct memory *memory = user;

    memory->calls++;
    assert_true(address >= BASE && address - BASE + length <= 4 * 4096);
    if (memory->answer < 0) {
        return memory->answer;
    }
    if (is_write) {
        memcpy(memory->bytes + (address - BASE), bytes, length);
    } else {
        memcpy(bytes, memory->bytes + (address - BASE), length);
    }
    return 0;
}

/* Before it answers a GET, a server asks for memory; sees what comes back. */
struct asking {
    struct migp_vu_message request;
    uint8_t tail[8192];
    struct migp_vu_message answer;
    uint8_t answer_tail[8192];
    size_t answers;
};

static void asks(struct vu_peer *peer, const struct migp_vu_message *message,
                 const uint8_t *bytes, size_t size)
{
    struct asking *asking = peer->user;

    if (message->head_flags & MIGP_VU_REPLY) {
        asking->answer = *message;
        asking->answers++;
        memcpy(asking->answer_tail, bytes + (size - message->tail),
               (size_t)message->tail);
        return;
    }
    if (message->command == MIGP_VU_DEVICE_FEATURE &&
        asking->request.command != 0) {
        vu_peer_say(peer, &asking->request, asking->tail);
    }
    vu_peer_device(peer, message, bytes, size);
}

static void begin_asking(struct rig_user *rig, struct asking *asking,
                         struct memory *memory)
{
    begin_with(rig, asks);
    memset(asking, 0, sizeof(*asking));
    memset(memory, 0, sizeof(*memory));
    rig->peer.user = asking;
    rig->how.dma = move;
    rig->how.dma_user = memory;
    rig->how.max_transfer = 4096;
    assert_int_equal(migp_vfio_user_connect(&rig->server, &rig->how, NULL), 0);
}

static void get(struct rig_user *rig)
{
    uint32_t now = 0;

    assert_int_equal(rig->ops->get_state(rig->server, &now), 0);
    assert_int_equal(now, MIGP_STATE_RUNNING);
}

static void test_dma__read_and_write(void **state)
{
    const struct migp_iova_range range = {BASE, 4 * PAGE};
    struct rig_user rig;
    struct asking asking;
    struct memory memory;
    uint64_t words[1] = {0};

    (void)state;
    begin_asking(&rig, &asking, &memory);
    map(&rig, BASE, 4 * PAGE, -1);
    assert_int_equal(migp_user_log_start(rig.server, &range, 1, PAGE), -EINVAL);
    asking.request = (struct migp_vu_message){.id = 77,
                                              .command = MIGP_VU_DMA_WRITE,
                                              .address = BASE + 4000,
                                              .length = 200,
                                              .tail = 200};
    memset(asking.tail, 0x5a, sizeof(asking.tail));
    get(&rig);
    assert_int_equal(asking.answers, 1);
    assert_int_equal(asking.answer.id, 77);
    assert_int_equal(asking.answer.head_flags, MIGP_VU_REPLY);
    assert_int_equal(memory.bytes[4199], 0x5a);
    assert_int_equal(memory.bytes[4200], 0);
    asking.request.command = MIGP_VU_DMA_READ;
    asking.request.tail = 0;
    get(&rig);
    assert_int_equal(asking.answers, 2);
    assert_int_equal(asking.answer.tail, 200);
    assert_memory_equal(asking.answer_tail, asking.tail, 200);
    /* without an answer */
    asking.request.command = MIGP_VU_DMA_WRITE;
    asking.request.tail = 200;
    asking.request.head_flags = MIGP_VU_NO_REPLY;
    get(&rig);
    assert_int_equal(asking.answers, 2);
    assert_int_equal(memory.calls, 3);
    (void)words;
    end(&rig);
}

static void test_dma__refused(void **state)
{
    static const struct {
        uint64_t address;
        uint64_t length;
        uint16_t command;
        int error;
    } cases[] = {
        {BASE, 4097, MIGP_VU_DMA_READ, EINVAL}, /* more than max_transfer */
        {BASE, UINT64_MAX, MIGP_VU_DMA_READ, EINVAL},
        {BASE, 0, MIGP_VU_DMA_READ, EINVAL},
        {BASE, 0, MIGP_VU_DMA_WRITE, EINVAL},
        {BASE - 1, 10, MIGP_VU_DMA_READ, EFAULT},
        {BASE + PAGE - 1, 2, MIGP_VU_DMA_READ, EFAULT},
        {BASE, 8, MIGP_VU_DMA_WRITE, EFAULT}, /* mapped to be read */
        {BASE, 5000, MIGP_VU_DMA_WRITE, EINVAL},
    };
    struct rig_user rig;
    struct asking asking;
    struct memory memory;
    size_t i;

    (void)state;
    begin_asking(&rig, &asking, &memory);
    assert_int_equal(migp_vfio_user_dma_map(rig.server, BASE, PAGE,
                                            MIGP_VU_DMA_READABLE, -1, 0, NULL),
                     0);
    for (i = 0; i < N_TESTS(cases); i++) {
        asking.request = (struct migp_vu_message){
            .command = cases[i].command,
            .address = cases[i].address,
            .length = cases[i].length,
            .tail = cases[i].command == MIGP_VU_DMA_WRITE ? cases[i].length : 0,
        };
        get(&rig);
        assert_int_equal(asking.answer.error_number, cases[i].error);
    }
    assert_int_equal(memory.calls, 0);
    memory.answer = -EPERM;
    asking.request = (struct migp_vu_message){
        .command = MIGP_VU_DMA_READ, .address = BASE, .length = PAGE};
    get(&rig);
    assert_int_equal(asking.answer.error_number, EPERM);
    rig.server->dma = NULL;
    get(&rig);
    assert_int_equal(asking.answer.error_number, EOPNOTSUPP);
    end(&rig);
}

/* What the server wrote by message is in the log, though its own says no. */
static void log_and_ask(struct vu_peer *peer,
                        const struct migp_vu_message *message,
                        const uint8_t *bytes, size_t size)
{
    static const uint8_t zeros[64];
    struct migp_vu_message reply = {.argsz = message->argsz,
                                    .flags = message->flags};
    uint32_t feature = message->flags & MIGP_VFIO_FEATURE_INDEX;

    if (message->command == MIGP_VU_DEVICE_FEATURE &&
        feature == MIGP_FEATURE_DMA_LOGGING_REPORT) {
        reply.tail = 24 + (message->argsz - 32);
        vu_peer_reply(peer, message, &reply, zeros);
        return;
    }
    if (message->command == MIGP_VU_DEVICE_FEATURE &&
        feature == MIGP_FEATURE_DMA_LOGGING_START) {
        vu_peer_reply(peer, message, &reply, NULL);
        return;
    }
    asks(peer, message, bytes, size);
}

static void test_dma__writes_are_logged(void **state)
{
    const struct migp_iova_range range = {BASE, 4 * PAGE};
    struct rig_user rig;
    struct asking asking;
    struct memory memory;
    uint64_t words[1] = {0};
    int fd;

    (void)state;
    for (fd = -1; fd < 1; fd++) {
        begin_asking(&rig, &asking, &memory);
        rig.peer.handler = log_and_ask;
        map(&rig, BASE, 4 * PAGE, fd);
        assert_int_equal(migp_user_log_start(rig.server, &range, 1, PAGE), 0);
        asking.request = (struct migp_vu_message){.command = MIGP_VU_DMA_WRITE,
                                                  .address = BASE + 4095,
                                                  .length = 4096,
                                                  .tail = 4096};
        get(&rig);
        words[0] = 0;
        assert_int_equal(migp_user_log_report(rig.server, BASE + 2 * PAGE,
                                              2 * PAGE, PAGE, words),
                         0);
        assert_int_equal(words[0], 0);
        assert_int_equal(
            migp_user_log_report(rig.server, BASE, 4 * PAGE, PAGE, words), 0);
        assert_int_equal(words[0], 3);
        end(&rig);
    }
}

static void test_dma_map__arguments(void **state)
{
    struct rig_user rig;

    (void)state;
    begin(&rig);
    map(&rig, BASE, PAGE, 3);
    assert_int_equal(rig.peer.fds_passed, 1);
#define MAP(address, length, flags)                                            \
    migp_vfio_user_dma_map(rig.server, address, length, flags, -1, 0, NULL)
    assert_int_equal(MAP(BASE, PAGE, 3), MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(MAP(BASE - 1, 2, 3), MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(MAP(BASE + PAGE - 1, 2, 3), MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(MAP(0, 0, 3), MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(MAP(UINT64_MAX, 2, 3), MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(MAP(0, PAGE, 4), MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(MAP(BASE - PAGE, PAGE, 3), MIGP_OK);
    assert_int_equal(MAP(BASE + PAGE, PAGE, 3), MIGP_OK);
    assert_int_equal(rig.server->n_maps, 3);
    assert_int_equal(rig.server->maps[1].address, BASE);
    assert_int_equal(migp_vfio_user_dma_unmap(rig.server, BASE, 2 * PAGE, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_vfio_user_dma_unmap(rig.server, BASE, PAGE, NULL),
                     MIGP_OK);
    assert_int_equal(migp_vfio_user_dma_unmap(rig.server, BASE, PAGE, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    rig.peer.fail_command = MIGP_VU_DMA_MAP;
    rig.peer.fail_errno = ENOMEM;
    {
        struct migp_error error = MIGP_ERROR_INIT;

        assert_int_equal(
            migp_vfio_user_dma_map(rig.server, BASE, PAGE, 3, -1, 0, &error),
            MIGP_ERR_SYSTEM);
        assert_int_equal(error.system_errno, ENOMEM);
    }
    assert_int_equal(rig.server->n_maps, 2);
    end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connect__options),
        cmocka_unit_test(test_connect__answers),
        cmocka_unit_test(test_read__all_sizes),
        cmocka_unit_test(test_read__precopy),
        cmocka_unit_test(test_read__ahead_of_other_requests),
        cmocka_unit_test(test_read__short_reply_between_full_ones),
        cmocka_unit_test(test_read__errors),
        cmocka_unit_test(test_write__all_of_it),
        cmocka_unit_test(test_write__late_error),
        cmocka_unit_test(test_write__no_more_than_in_flight),
        cmocka_unit_test(test_set_state__refused),
        cmocka_unit_test(test_set_state__sessions),
        cmocka_unit_test(test_reset__from_every_state),
        cmocka_unit_test(test_caps__running_and_stopped),
        cmocka_unit_test(test_interrupted__journey),
        cmocka_unit_test(test_interrupted__reply_of_a_request_given_up),
        cmocka_unit_test(test_log__without_a_map),
        cmocka_unit_test(test_log__by_region),
        cmocka_unit_test(test_dma__read_and_write),
        cmocka_unit_test(test_dma__refused),
        cmocka_unit_test(test_dma__writes_are_logged),
        cmocka_unit_test(test_dma_map__arguments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
