/* SPDX-License-Identifier: MIT */
#include "unit/cmocka_all.h"

#include "device/uapi.h"
#include "device/vfio_user/client.h"
#include "support/fail_sys.h"
#include "support/vu_peer.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

/*
 * Which requests the client makes, and whose reply it takes for whose: after an
 * interruption, while the socket takes no more, and when a server sends what
 * nobody asked for.
 */

#define BASE UINT64_C(0x100000000)
#define PAGE UINT64_C(4096)

struct client {
    struct vu_peer peer;
    struct fail_sys fail;
    struct migp_vfio_user_options how;
    struct migp_vfio_user *server;
    const struct migp_device_ops *ops;

    /* The call behind this request is interrupted; command 0: none. */
    struct {
        uint16_t command;
        uint32_t flags; /* DEVICE_FEATURE's */
        size_t skip;
    } interrupt;
    size_t sets; /* states that were asked for */
    uint64_t report[3];
    size_t reports;
    size_t polls;
};

static bool is_set(const struct migp_vu_message *message)
{
    return message->command == MIGP_VU_DEVICE_FEATURE &&
           message->flags ==
               (MIGP_FEATURE_MIG_DEVICE_STATE | MIGP_VFIO_FEATURE_SET);
}

static void look(struct vu_peer *peer, const struct migp_vu_message *message,
                 const uint8_t *bytes, size_t size)
{
    struct client *client = peer->user;

    client->sets += is_set(message);
    if (client->interrupt.command == message->command &&
        (message->command != MIGP_VU_DEVICE_FEATURE ||
         message->flags == client->interrupt.flags) &&
        client->interrupt.skip-- == 0) {
        client->interrupt.command = 0;
        client->fail.calls = 0;
        client->fail.plan.at = 1;
        client->fail.plan.error = EINTR;
    }
    vu_peer_device(peer, message, bytes, size);
}

static void begin_with(struct client *client, vu_peer_handler handler)
{
    memset(client, 0, sizeof(*client));
    vu_peer_init(&client->peer, handler);
    client->peer.user = client;
    fail_sys_init(&client->fail, &client->peer.sys);
    vu_peer_options(&client->peer, &client->how);
    client->how.sys = &client->fail.sys;
    client->how.in_flight = 4;
    client->ops = migp_vfio_user_ops();
    assert_int_equal(
        migp_vfio_user_connect(&client->server, &client->how, NULL), MIGP_OK);
}

static void begin(struct client *client)
{
    begin_with(client, look);
}

static void end(struct client *client)
{
    migp_vfio_user_close(client->server);
    assert_int_equal(client->peer.open, 0);
    assert_int_equal(fail_sys_open_fds(&client->fail), 0);
    assert_int_equal(client->fail.double_close, 0);
    vu_peer_free(&client->peer);
}

static void interrupt_behind(struct client *client, uint16_t command,
                             uint32_t flags, size_t skip)
{
    client->interrupt.command = command;
    client->interrupt.flags = flags;
    client->interrupt.skip = skip;
}

static int set(struct client *client, uint32_t state)
{
    int session = MIGP_NO_SESSION;
    int code = client->ops->set_state(client->server, state, &session);

    return code < 0 ? code : session;
}

static void fill(struct client *client, uint8_t *data, size_t size)
{
    size_t i;

    for (i = 0; i < size; i++) {
        data[i] = (uint8_t)(i * 7 + (i >> 8) * 13 + 1);
    }
    client->peer.data = data;
    client->peer.data_size = size;
}

#define GET_STATE (MIGP_FEATURE_MIG_DEVICE_STATE | MIGP_VFIO_FEATURE_GET)
#define SET_STATE (MIGP_FEATURE_MIG_DEVICE_STATE | MIGP_VFIO_FEATURE_SET)

/* --- the same call again, and another one --------------------------------- */

static void test_given_up__another_state_is_another_request(void **state)
{
    struct client client;

    (void)state;
    begin(&client);
    interrupt_behind(&client, MIGP_VU_DEVICE_FEATURE, SET_STATE, 0);
    assert_int_equal(set(&client, MIGP_STATE_STOP), -EINTR);
    assert_int_equal(client.peer.state, MIGP_STATE_STOP);
    /* not the reply to the one before */
    assert_int_equal(set(&client, MIGP_STATE_RUNNING), MIGP_NO_SESSION);
    assert_int_equal(client.peer.state, MIGP_STATE_RUNNING);
    assert_int_equal(client.sets, 2);
    end(&client);
}

static void test_given_up__another_feature_is_another_request(void **state)
{
    struct client client;
    uint64_t migration = 0;
    uint32_t now = 0;

    (void)state;
    begin(&client);
    interrupt_behind(&client, MIGP_VU_DEVICE_FEATURE, GET_STATE, 0);
    assert_int_equal(client.ops->get_state(client.server, &now), -EINTR);
    assert_int_equal(migp_user_get_migration(client.server, &migration), 0);
    assert_int_equal(migration, client.peer.migration);
    assert_int_not_equal(migration, MIGP_STATE_RUNNING);
    end(&client);
}

/* Out of RESUMING: the second SET would load what is no longer there. */
static void test_given_up__the_same_set_is_made_once(void **state)
{
    struct client client;
    int session;

    (void)state;
    begin(&client);
    session = set(&client, MIGP_STATE_RESUMING);
    assert_true(session >= 0);
    assert_int_equal(client.ops->write(client.server, session, "abc", 3), 3);
    interrupt_behind(&client, MIGP_VU_DEVICE_FEATURE, SET_STATE, 0);
    assert_int_equal(set(&client, MIGP_STATE_STOP), -EINTR);
    assert_int_equal(set(&client, MIGP_STATE_STOP), MIGP_NO_SESSION);
    assert_int_equal(client.peer.state, MIGP_STATE_STOP);
    assert_int_equal(client.sets, 2); /* RESUMING, STOP */
    end(&client);
}

/* A write that failed is not followed by a SET, whatever else was given up. */
static void test_given_up__a_write_has_failed(void **state)
{
    struct client client;
    uint32_t now = 0;
    int session;

    (void)state;
    begin(&client);
    session = set(&client, MIGP_STATE_RESUMING);
    client.peer.fail_command = MIGP_VU_MIG_DATA_WRITE;
    client.peer.fail_errno = EIO;
    assert_int_equal(client.ops->write(client.server, session, "abc", 3), 3);
    interrupt_behind(&client, MIGP_VU_DEVICE_FEATURE, GET_STATE, 0);
    assert_int_equal(client.ops->get_state(client.server, &now), -EINTR);
    assert_int_equal(set(&client, MIGP_STATE_STOP), -EIO);
    assert_int_equal(client.peer.state, MIGP_STATE_RESUMING);
    assert_int_equal(client.sets, 1);
    end(&client);
}

/* --- reading -------------------------------------------------------------- */

/* Interrupted while it asks for more than it needs now: there is data. */
static void test_read__interrupted_while_reading_ahead(void **state)
{
    static uint8_t data[2000];
    uint8_t bytes[100];
    struct client client;
    int session;
    size_t i;

    (void)state;
    begin(&client);
    fill(&client, data, sizeof(data));
    session = set(&client, MIGP_STATE_STOP_COPY);
    assert_int_equal(client.ops->read(client.server, session, bytes, 100), 100);
    interrupt_behind(&client, MIGP_VU_MIG_DATA_READ, 0, 0);
    assert_int_equal(client.ops->read(client.server, session, bytes, 100), 100);
    assert_true(client.fail.failed);
    assert_memory_equal(bytes, data + 100, 100);
    for (i = 2; i < 20; i++) {
        assert_int_equal(client.ops->read(client.server, session, bytes, 100),
                         100);
        assert_memory_equal(bytes, data + i * 100, 100);
    }
    assert_int_equal(client.ops->read(client.server, session, bytes, 100), 0);
    end(&client);
}

/* What was read ahead of a question that was interrupted, in whatever place,
 * is kept when it is asked again, however little of it is left. */
static void test_read__ahead_of_a_question_given_up(void **state)
{
    static uint8_t data[2000];
    size_t at;
    size_t rest;

    (void)state;
    for (at = 1; at < 24; at++) {
        for (rest = 1; rest < 12; rest++) {
            struct client client;
            uint8_t bytes[sizeof(data) + 100];
            size_t done = 200;
            uint32_t now = 0;
            migp_ssize got;
            int session;

            begin(&client);
            fill(&client, data, sizeof(data));
            session = set(&client, MIGP_STATE_STOP_COPY);
            assert_int_equal(
                client.ops->read(client.server, session, bytes, 100), 100);
            assert_int_equal(
                client.ops->read(client.server, session, bytes + 100, 100),
                100);
            fail_sys_start(&client.fail,
                           &(struct fail_plan){.at = at, .error = EINTR});
            (void)client.ops->get_state(client.server, &now);
            fail_sys_start(&client.fail, NULL);
            got = client.ops->read(client.server, session, bytes + done,
                                   100 - rest);
            assert_int_equal(got, 100 - rest);
            done += (size_t)got;
            assert_int_equal(client.ops->get_state(client.server, &now), 0);
            while ((got = client.ops->read(client.server, session, bytes + done,
                                           100)) > 0) {
                done += (size_t)got;
                assert_true(done <= sizeof(data));
            }
            assert_int_equal(got, 0);
            assert_int_equal(done, sizeof(data));
            assert_memory_equal(bytes, data, sizeof(data));
            end(&client);
        }
    }
}

/* count and the message's length are two numbers of the server's. */
static void longer(struct vu_peer *peer, const struct migp_vu_message *message,
                   const uint8_t *bytes, size_t size)
{
    static const uint8_t tail[200];
    struct migp_vu_message reply = {
        .argsz = message->argsz, .count = 100, .tail = 101};

    if (message->command == MIGP_VU_MIG_DATA_READ) {
        assert_int_equal(message->count, 100);
        vu_peer_reply(peer, message, &reply, tail);
        return;
    }
    vu_peer_device(peer, message, bytes, size);
}

static void test_read__a_reply_longer_than_its_count(void **state)
{
    struct client client;
    uint8_t bytes[100];
    int session;

    (void)state;
    begin_with(&client, longer);
    session = set(&client, MIGP_STATE_STOP_COPY);
    assert_int_equal(client.ops->read(client.server, session, bytes, 100),
                     -EPROTO);
    assert_non_null(strstr(client.ops->explain(client.server),
                           "more device state than was asked for"));
    end(&client);
}

/* --- the log -------------------------------------------------------------- */

static void logs(struct vu_peer *peer, const struct migp_vu_message *message,
                 const uint8_t *bytes, size_t size)
{
    struct client *client = peer->user;
    struct migp_vu_message reply = {.argsz = message->argsz,
                                    .flags = message->flags};
    uint8_t tail[4096] = {0};

    if (message->command != MIGP_VU_DEVICE_FEATURE ||
        (message->flags & MIGP_VFIO_FEATURE_INDEX) <
            MIGP_FEATURE_DMA_LOGGING_START) {
        vu_peer_device(peer, message, bytes, size);
        return;
    }
    memcpy(tail, bytes + 24, (size_t)message->tail);
    reply.tail = message->tail;
    if ((message->flags & MIGP_VFIO_FEATURE_INDEX) ==
        MIGP_FEATURE_DMA_LOGGING_REPORT) {
        client->reports++;
        memcpy(client->report, tail, 24);
        reply.tail = message->argsz - 8;
    }
    vu_peer_reply(peer, message, &reply, tail);
}

/* A report clears what it reports, and its bitmap is as long as the part of
 * the region that is asked for: only what is needed, in whole words. */
static void test_log_report__no_more_than_is_asked_for(void **state)
{
    static const struct {
        uint64_t first;
        uint64_t n;
        uint64_t asked;
    } cases[] = {
        {0, 1, 64},    {0, 64, 64},   {0, 65, 128},
        {63, 2, 128},  {64, 64, 128}, {190, 2, 192},
        {190, 3, 200}, {199, 1, 200}, {0, 200, 200},
    };
    const struct migp_iova_range range = {BASE, 200 * PAGE};
    struct client client;
    size_t i;

    (void)state;
    begin_with(&client, logs);
    assert_int_equal(
        migp_vfio_user_dma_map(client.server, BASE, 200 * PAGE, 3, 5, 0, NULL),
        MIGP_OK);
    assert_int_equal(migp_user_log_start(client.server, &range, 1, PAGE), 0);
    for (i = 0; i < N_TESTS(cases); i++) {
        uint64_t words[4] = {0};

        assert_int_equal(migp_user_log_report(client.server,
                                              BASE + cases[i].first * PAGE,
                                              cases[i].n * PAGE, PAGE, words),
                         0);
        assert_int_equal(client.reports, i + 1);
        assert_int_equal(client.report[0], BASE);
        assert_int_equal(client.report[1], cases[i].asked * PAGE);
        assert_int_equal(client.report[2], PAGE);
    }
    /* its end is no 64-bit number */
    assert_int_equal(migp_user_log_report(client.server, UINT64_MAX - PAGE + 1,
                                          PAGE, PAGE, NULL),
                     -EINVAL);
    end(&client);
}

/* Memory that is not made of whole pages: no server has more than it. */
static void test_log_report__half_a_page_at_the_end(void **state)
{
    const struct migp_iova_range range = {BASE, 4 * PAGE};
    struct client client;
    uint64_t words[1] = {0};

    (void)state;
    begin_with(&client, logs);
    assert_int_equal(migp_vfio_user_dma_map(client.server, BASE, 7 * PAGE / 2,
                                            3, 5, 0, NULL),
                     MIGP_OK);
    assert_int_equal(migp_user_log_start(client.server, &range, 1, PAGE), 0);
    assert_int_equal(
        migp_user_log_report(client.server, BASE, 4 * PAGE, PAGE, words), 0);
    assert_int_equal(client.report[1], 7 * PAGE / 2);
    end(&client);
}

/* --- what nobody asked for ------------------------------------------------ */

static void test_fds__of_a_server_are_closed(void **state)
{
    struct client client;
    uint32_t now = 0;
    size_t n;

    (void)state;
    for (n = 1; n <= MIGP_SYS_MAX_FDS; n++) {
        size_t open;

        begin(&client);
        open = client.peer.open;
        client.peer.give_fds = n;
        assert_int_equal(client.ops->get_state(client.server, &now), 0);
        assert_int_equal(now, MIGP_STATE_RUNNING);
        assert_int_equal(client.peer.given_fds, n);
        assert_int_equal(client.peer.open, open);
        end(&client);
    }
}

/* A message in pieces: the fd goes with the first of them. */
static void test_fds__passed_once(void **state)
{
    struct client client;

    (void)state;
    begin(&client);
    client.peer.chunk = 5;
    assert_int_equal(
        migp_vfio_user_dma_map(client.server, BASE, PAGE, 3, 5, 0, NULL),
        MIGP_OK);
    assert_int_equal(client.peer.fds_passed, 1);
    end(&client);
}

static int no_dma(void *user, int is_write, uint64_t address, void *bytes,
                  size_t length)
{
    size_t *calls = user;

    (void)is_write;
    (void)address;
    (void)bytes;
    (void)length;
    ++*calls;
    return 0;
}

/* Answers with an error that has no number; before that it asks for memory
 * that lies behind what it was given. */
static void refuses_with_zero(struct vu_peer *peer,
                              const struct migp_vu_message *message,
                              const uint8_t *bytes, size_t size)
{
    static const uint8_t tail[16];
    struct client *client = peer->user;
    const struct migp_vu_message write = {.id = 9,
                                          .command = MIGP_VU_DMA_WRITE,
                                          .address = BASE + 2 * PAGE,
                                          .length = 16,
                                          .tail = 16};

    if (message->head_flags & MIGP_VU_REPLY) {
        client->reports++;
        assert_true(message->head_flags & MIGP_VU_ERROR);
        assert_int_equal(message->error_number, EFAULT);
        return;
    }
    if (message->command == MIGP_VU_DEVICE_FEATURE) {
        vu_peer_say(peer, &write, tail);
        vu_peer_error(peer, message, 0);
        return;
    }
    vu_peer_device(peer, message, bytes, size);
}

static void test_errors__without_a_number_and_behind_a_map(void **state)
{
    struct client client;
    size_t calls = 0;

    (void)state;
    begin_with(&client, refuses_with_zero);
    client.server->dma = no_dma;
    client.server->dma_user = &calls;
    assert_int_equal(
        migp_vfio_user_dma_map(client.server, BASE, PAGE, 3, -1, 0, NULL),
        MIGP_OK);
    assert_int_equal(set(&client, MIGP_STATE_STOP), -EIO);
    assert_int_equal(client.reports, 1);
    assert_int_equal(calls, 0);
    end(&client);
}

static void endless(struct vu_peer *peer, const struct migp_vu_message *message,
                    const uint8_t *bytes, size_t size)
{
    /* DMA_WRITE, 16 MiB and one byte behind its fixed part of 32 */
    static const uint8_t head[32] = {7, 0, 12, 0, 33, 0, 0, 1, 0, 0, 0,
                                     0, 0, 0,  0, 0,  0, 0, 0, 0, 1, 0,
                                     0, 0, 1,  0, 0,  1, 0, 0, 0, 0};

    if (message->command == MIGP_VU_DEVICE_FEATURE) {
        vu_peer_push(peer, head, sizeof(head));
        return;
    }
    vu_peer_device(peer, message, bytes, size);
}

/* For ever, from a clock that is not at its beginning. */
static void test_wait__for_the_longest_time(void **state)
{
    struct client client;
    uint32_t now = 0;

    (void)state;
    begin(&client);
    client.server->timeout = UINT64_MAX;
    client.peer.clock = 1000000;
    client.peer.stutter = true;
    assert_int_equal(client.ops->get_state(client.server, &now), 0);
    end(&client);
}

static void test_dma__a_request_without_end(void **state)
{
    struct client client;
    uint32_t now = 0;

    (void)state;
    begin_with(&client, endless);
    assert_int_equal(client.ops->get_state(client.server, &now), -EPROTO);
    assert_string_equal(client.ops->explain(client.server),
                        "a DMA request without end");
    end(&client);
}

/* --- a socket that takes no more ------------------------------------------ */

#define POLLS_MAX 100

/* The server reads on when all that it sent is taken, or nothing but that is
 * waited for. */
static int patient_poll(void *user, int fd, int events, int timeout)
{
    struct vu_peer *peer = user;
    struct client *client = peer->user;

    (void)fd;
    (void)timeout;
    if (++client->polls > POLLS_MAX) {
        return -EIO;
    }
    if ((events & POLLIN) && peer->out_at < peer->out_end) {
        return POLLIN;
    }
    peer->deaf = false;
    return events & POLLOUT;
}

static void begin_patient(struct client *client, vu_peer_handler handler,
                          size_t *calls)
{
    memset(client, 0, sizeof(*client));
    vu_peer_init(&client->peer, handler);
    client->peer.user = client;
    client->peer.sys.poll = patient_poll;
    fail_sys_init(&client->fail, &client->peer.sys);
    vu_peer_options(&client->peer, &client->how);
    client->how.in_flight = 4;
    client->how.dma = no_dma;
    client->how.dma_user = calls;
    client->ops = migp_vfio_user_ops();
    assert_int_equal(
        migp_vfio_user_connect(&client->server, &client->how, NULL), MIGP_OK);
}

static void deaf_after_a_read(struct vu_peer *peer,
                              const struct migp_vu_message *message,
                              const uint8_t *bytes, size_t size)
{
    vu_peer_device(peer, message, bytes, size);
    peer->deaf = message->command == MIGP_VU_MIG_DATA_READ;
}

/* Data that is there has no place yet: only the way out is waited for. */
static void test_send__data_waits_in_the_socket(void **state)
{
    static uint8_t data[2000];
    uint8_t bytes[100];
    struct client client;
    size_t calls = 0;
    int session;
    size_t i;

    (void)state;
    begin_patient(&client, deaf_after_a_read, &calls);
    fill(&client, data, sizeof(data));
    session = set(&client, MIGP_STATE_STOP_COPY);
    for (i = 0; i < 20; i++) {
        client.polls = 0;
        assert_int_equal(client.ops->read(client.server, session, bytes, 100),
                         100);
        assert_memory_equal(bytes, data + i * 100, 100);
    }
    assert_int_equal(client.ops->read(client.server, session, bytes, 100), 0);
    end(&client);
}

static void test_send__an_answer_waits_to_be_sent(void **state)
{
    static const uint8_t tail[16];
    const struct migp_vu_message write = {.id = 9,
                                          .command = MIGP_VU_DMA_WRITE,
                                          .address = BASE,
                                          .length = 16,
                                          .tail = 16};
    struct client client;
    size_t calls = 0;
    uint32_t now = 0;
    int i;

    (void)state;
    begin_patient(&client, NULL, &calls);
    assert_int_equal(
        migp_vfio_user_dma_map(client.server, BASE, PAGE, 3, -1, 0, NULL),
        MIGP_OK);
    client.peer.deaf = true;
    for (i = 0; i < 5; i++) {
        vu_peer_say(&client.peer, &write, tail);
    }
    client.polls = 0;
    assert_int_equal(client.ops->get_state(client.server, &now), 0);
    assert_int_equal(now, MIGP_STATE_RUNNING);
    assert_int_equal(calls, 5);
    end(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_given_up__another_state_is_another_request),
        cmocka_unit_test(test_given_up__another_feature_is_another_request),
        cmocka_unit_test(test_given_up__the_same_set_is_made_once),
        cmocka_unit_test(test_given_up__a_write_has_failed),
        cmocka_unit_test(test_read__interrupted_while_reading_ahead),
        cmocka_unit_test(test_read__ahead_of_a_question_given_up),
        cmocka_unit_test(test_read__a_reply_longer_than_its_count),
        cmocka_unit_test(test_log_report__no_more_than_is_asked_for),
        cmocka_unit_test(test_log_report__half_a_page_at_the_end),
        cmocka_unit_test(test_fds__passed_once),
        cmocka_unit_test(test_wait__for_the_longest_time),
        cmocka_unit_test(test_errors__without_a_number_and_behind_a_map),
        cmocka_unit_test(test_fds__of_a_server_are_closed),
        cmocka_unit_test(test_dma__a_request_without_end),
        cmocka_unit_test(test_send__data_waits_in_the_socket),
        cmocka_unit_test(test_send__an_answer_waits_to_be_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
