/* SPDX-License-Identifier: MIT */
#include "unit/cmocka_all.h"

#include "device/uapi.h"
#include "device/vfio_user/client.h"
#include "support/file.h"
#include "support/vu_peer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * What a real server was asked and what it answered: see
 * golden/vfio-user/README.md. From each request its intent is taken ("go to
 * state 6", "read 4 bytes"); the library is given the intent, must make the
 * recorded bytes (ids apart), gets the recorded answer and must understand it.
 */

#define EXCHANGES_MAX 200
#define MESSAGE_MAX 64

struct exchange {
    char name[80];
    uint8_t request[MESSAGE_MAX];
    size_t request_size;
    uint8_t reply[MESSAGE_MAX];
    size_t reply_size;
};

static struct exchange exchanges[EXCHANGES_MAX];
static size_t n_exchanges;

/*
 * Requests that are wrong on purpose. The codec makes those whose numbers are
 * wrong; those that are cut it must refuse to make.
 */
static const struct {
    const char *name;
    bool cut;
} broken[] = {
    {"test_handle_mig_data_read_short_write", true},
    {"test_handle_mig_data_write_short_write", true},
    {"test_device_feature_short_write", true},
    {"test_device_feature_unsupported_operation", false},
    {"test_device_feature_bad_argsz_probe", false},
    {"test_device_feature_bad_argsz_get_migration", false},
    {"test_device_feature_bad_argsz_get_dma", false},
    {"test_device_feature_bad_argsz_set", false},
};

static const struct {
    const char *name;
    size_t count;
    uint16_t command;
} not_asked[] = {
    /* without a session there is nothing to read from or write to */
    {"test_handle_mig_data_read", 3, MIGP_VU_MIG_DATA_READ},
    {"test_handle_mig_data_write_invalid_state", 1, MIGP_VU_MIG_DATA_WRITE},
    /* a client probes what it may not have: the log */
    {"test_device_feature_probe", 2, MIGP_VU_DEVICE_FEATURE},
};

/* --- the file ------------------------------------------------------------- */

static const char *value_of(const char *line, const char *key, size_t *length)
{
    char pattern[32];
    const char *at;

    snprintf(pattern, sizeof(pattern), "\"%s\": \"", key);
    at = strstr(line, pattern);
    assert_non_null(at);
    at += strlen(pattern);
    *length = strcspn(at, "\"");
    return at;
}

static size_t take_hex(const char *hex, size_t length, uint8_t *bytes)
{
    size_t i;

    assert_true(length % 2 == 0 && length / 2 <= MESSAGE_MAX);
    for (i = 0; i < length / 2; i++) {
        char pair[3] = {hex[2 * i], hex[2 * i + 1], 0};

        bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return length / 2;
}

static void take_line(const char *line)
{
    size_t name_length;
    size_t length;
    const char *name = value_of(line, "case", &name_length);
    const char *hex = value_of(line, "bytes", &length);
    struct exchange *one;

    if (strstr(line, "\"dir\": \"c2s\"")) {
        assert_true(n_exchanges < EXCHANGES_MAX);
        one = &exchanges[n_exchanges++];
        snprintf(one->name, sizeof(one->name), "%.*s", (int)name_length, name);
        one->request_size = take_hex(hex, length, one->request);
    } else {
        one = &exchanges[n_exchanges - 1];
        assert_true(one->reply_size == 0);
        assert_memory_equal(one->name, name, name_length);
        one->reply_size = take_hex(hex, length, one->reply);
    }
}

static int load(void **state)
{
    struct file file =
        file_load(MIGP_TESTS_DIR "/golden/vfio-user/transcripts.jsonl");
    char *text = malloc(file.size + 1);
    char *line;

    (void)state;
    memcpy(text, file.bytes, file.size);
    text[file.size] = '\0';
    for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        take_line(line);
    }
    free(text);
    file_free(&file);
    return n_exchanges == 144 ? 0 : -1;
}

/* --- intents -------------------------------------------------------------- */

/* The recording's numbers at their places; not by the codec. */
static uint32_t number(const uint8_t *bytes, size_t at)
{
    uint32_t value;

    memcpy(&value, bytes + at, 4);
    return value;
}

static uint16_t command_of(const struct exchange *one)
{
    uint16_t command;

    memcpy(&command, one->request + 2, 2);
    return command;
}

static int find_broken(const struct exchange *one)
{
    size_t i;

    for (i = 0; i < N_TESTS(broken); i++) {
        if (strcmp(broken[i].name, one->name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* The errno of a recorded reply, 0 if it is none. */
static uint32_t recorded_error(const struct exchange *one)
{
    return number(one->reply, 8) & MIGP_VU_ERROR ? number(one->reply, 12) : 0;
}

/* --- the codec ------------------------------------------------------------ */

static struct migp_vu_message intent_of(const struct exchange *one,
                                        size_t *tail_at)
{
    struct migp_vu_message message = {.struct_size = sizeof(message)};

    message.command = command_of(one);
    message.argsz = number(one->request, 16);
    *tail_at = 24;
    switch (message.command) {
    case MIGP_VU_DEVICE_FEATURE:
        message.flags = number(one->request, 20);
        break;
    case MIGP_VU_MIG_DATA_READ:
    case MIGP_VU_MIG_DATA_WRITE:
        message.count = number(one->request, 20);
        break;
    default:
        fail_msg("a command that the recording did not have");
    }
    message.tail = one->request_size - 24;
    return message;
}

static void check_request(const struct exchange *one)
{
    size_t tail_at;
    struct migp_vu_message message = intent_of(one, &tail_at);
    uint8_t bytes[MIGP_VU_FIXED_MAX];
    migp_ssize got;

    memcpy(&message.id, one->request, 2);
    got = migp_vu_encode(&message, bytes, sizeof(bytes));
    assert_int_equal(got, tail_at);
    assert_memory_equal(bytes, one->request, tail_at);
}

static void check_cut_request(const struct exchange *one)
{
    struct migp_vu_message message = {.struct_size = sizeof(message)};

    assert_int_equal(
        migp_vu_decode(one->request, one->request_size, &message, NULL),
        MIGP_ERR_MALFORMED);
}

static void check_reply(const struct exchange *one)
{
    struct migp_vu_message message = {.struct_size = sizeof(message)};
    uint32_t error = recorded_error(one);
    migp_ssize got =
        migp_vu_decode(one->reply, one->reply_size, &message, NULL);
    bool has_fixed = error == 0 && command_of(one) != MIGP_VU_MIG_DATA_WRITE;

    assert_int_equal(got, has_fixed ? 24 : 16);
    assert_int_equal(message.tail, one->reply_size - (size_t)got);
    assert_int_equal(message.command, command_of(one));
    assert_memory_equal(&message.id, one->request, 2);
    assert_int_equal(message.head_flags & MIGP_VU_REPLY, MIGP_VU_REPLY);
    assert_int_equal(message.error_number, error);
    if (has_fixed && command_of(one) == MIGP_VU_DEVICE_FEATURE) {
        assert_int_equal(message.flags, number(one->request, 20));
    } else if (has_fixed) {
        assert_int_equal(message.count, 4);
    }
}

static void test_codec__all_exchanges(void **state)
{
    size_t cut = 0;
    size_t i;

    (void)state;
    for (i = 0; i < n_exchanges; i++) {
        const struct exchange *one = &exchanges[i];
        int which = find_broken(one);

        if (which >= 0 && broken[which].cut) {
            check_cut_request(one);
            cut++;
        } else {
            check_request(one);
        }
        check_reply(one);
    }
    assert_int_equal(cut, 3);
}

/* --- the client ----------------------------------------------------------- */

/* The server: has the next recorded answer for the request that it expects. */
struct recorded {
    const struct exchange *next;
    size_t compared;
};

static void answer(struct vu_peer *peer, const struct migp_vu_message *message,
                   const uint8_t *bytes, size_t size)
{
    struct recorded *recorded = peer->user;
    const struct exchange *one = recorded->next;
    uint8_t reply[MESSAGE_MAX];

    if (message->command == MIGP_VU_VERSION) {
        vu_peer_device(peer, message, bytes, size);
        return;
    }
    assert_non_null(one);
    assert_int_equal(size, one->request_size);
    assert_memory_equal(bytes + 2, one->request + 2, size - 2);
    memcpy(reply, one->reply, one->reply_size);
    memcpy(reply, bytes, 2);
    vu_peer_push(peer, reply, one->reply_size);
    recorded->next = NULL;
    recorded->compared++;
}

struct client {
    struct vu_peer peer;
    struct recorded recorded;
    struct migp_vfio_user *server;
    int session;
};

static void client_begin(struct client *client)
{
    struct migp_vfio_user_options how;

    memset(client, 0, sizeof(*client));
    vu_peer_init(&client->peer, answer);
    client->peer.user = &client->recorded;
    vu_peer_options(&client->peer, &how);
    how.in_flight = 1;
    assert_int_equal(migp_vfio_user_connect(&client->server, &how, NULL),
                     MIGP_OK);
    client->session = MIGP_NO_SESSION;
}

static void client_end(struct client *client)
{
    migp_vfio_user_close(client->server);
    assert_int_equal(client->peer.open, 0);
    vu_peer_free(&client->peer);
}

/* What an errno of the recording is for a caller: 48879 is none. */
static int as_answer(uint32_t error)
{
    return error > 4095 ? -EIO : -(int)error;
}

static void play_feature(struct client *client, const struct exchange *one)
{
    const struct migp_device_ops *ops = migp_vfio_user_ops();
    int expected = as_answer(recorded_error(one));
    uint32_t state = 0;
    uint64_t flags = 0;
    int session = MIGP_NO_SESSION;

    switch (number(one->request, 20)) {
    case 0x20002:
        state = number(one->request, 24);
        assert_int_equal(ops->set_state(client->server, state, &session),
                         expected);
        if (session >= 0) {
            client->session = session;
        }
        return;
    case 0x10002:
        assert_int_equal(ops->get_state(client->server, &state), expected);
        assert_int_equal(state, number(one->reply, 24));
        return;
    case 0x10001:
        assert_int_equal(migp_user_get_migration(client->server, &flags),
                         expected);
        assert_int_equal(flags, number(one->reply, 24));
        assert_int_equal(flags,
                         MIGP_MIGRATION_STOP_COPY | MIGP_MIGRATION_PRE_COPY);
        return;
    default:
        fail_msg("a feature that the recording did not have");
    }
}

static void play_read(struct client *client, const struct exchange *one)
{
    const struct migp_device_ops *ops = migp_vfio_user_ops();
    uint32_t count = number(one->request, 20);
    uint8_t bytes[16];
    migp_ssize got = ops->read(client->server, client->session, bytes, count);

    if (recorded_error(one)) {
        assert_int_equal(got, as_answer(recorded_error(one)));
    } else {
        assert_int_equal(got, number(one->reply, 20));
        assert_memory_equal(bytes, one->reply + 24, (size_t)got);
    }
}

static void play_write(struct client *client, const struct exchange *one)
{
    const struct migp_device_ops *ops = migp_vfio_user_ops();
    uint32_t count = number(one->request, 20);

    /* the answer comes to light with the next one */
    assert_int_equal(
        ops->write(client->server, client->session, one->request + 24, count),
        count);
    assert_int_equal(migp_user_settle(client->server, MIGP_USER_FIRM), 0);
    if (recorded_error(one)) {
        assert_int_equal(ops->write(client->server, client->session, "x", 1),
                         as_answer(recorded_error(one)));
    }
}

static void play(struct client *client, const struct exchange *one)
{
    client->recorded.next = one;
    switch (command_of(one)) {
    case MIGP_VU_DEVICE_FEATURE:
        play_feature(client, one);
        break;
    case MIGP_VU_MIG_DATA_READ:
        play_read(client, one);
        break;
    default:
        play_write(client, one);
        break;
    }
    assert_null(client->recorded.next);
}

/* Is it one that the client does not make in this state? */
static bool client_asks(const struct exchange *one, size_t *counts)
{
    size_t i;

    for (i = 0; i < N_TESTS(not_asked); i++) {
        bool data_of_no_session =
            command_of(one) == not_asked[i].command &&
            strcmp(one->name, not_asked[i].name) == 0 &&
            (command_of(one) == MIGP_VU_DEVICE_FEATURE || recorded_error(one));

        if (data_of_no_session) {
            counts[i]++;
            return false;
        }
    }
    return true;
}

static void test_client__all_exchanges(void **state)
{
    size_t counts[N_TESTS(not_asked)] = {0};
    struct client client;
    size_t n_broken = 0;
    size_t played = 0;
    size_t i;

    (void)state;
    for (i = 0; i < n_exchanges; i++) {
        const struct exchange *one = &exchanges[i];
        bool first = i == 0 || strcmp(one->name, one[-1].name) != 0;
        bool last = i + 1 == n_exchanges || strcmp(one->name, one[1].name) != 0;

        if (first) {
            client_begin(&client);
        }
        if (find_broken(one) >= 0) {
            n_broken++;
        } else if (client_asks(one, counts)) {
            play(&client, one);
            played++;
        } else {
            print_message("not asked: %s\n", one->name);
        }
        if (last) {
            client_end(&client);
        }
    }
    for (i = 0; i < N_TESTS(not_asked); i++) {
        assert_int_equal(counts[i], not_asked[i].count);
    }
    assert_int_equal(n_broken, N_TESTS(broken));
    assert_int_equal(played, 144 - 8 - 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codec__all_exchanges),
        cmocka_unit_test(test_client__all_exchanges),
    };

    return cmocka_run_group_tests(tests, load, NULL);
}
