/* SPDX-License-Identifier: MIT */

/* Reading and writing a device's data, and the amounts it tells. */

#include "support/fake_device.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define RU MIGP_STATE_RUNNING
#define SC MIGP_STATE_STOP_COPY
#define RE MIGP_STATE_RESUMING
#define PC MIGP_STATE_PRE_COPY
#define PP MIGP_STATE_PRE_COPY_P2P

/* A scripted answer of one op, and what happens meanwhile. */
struct script {
    enum fake_op op;
    int64_t answer;   /* FAKE_GO: as usual */
    size_t first;     /* from the nth call on */
    size_t last;      /* to that one; 0: for ever */
    uint32_t move;    /* the device is then in this state; 0: stays */
    int64_t get;      /* answer of get_state after that; 0: as usual */
    size_t cancel_at; /* of all calls, before it answers; 0: never */
    struct migp_device *device;
};

static int64_t play(struct fake_device *fake, enum fake_op op, size_t nth,
                    uint64_t value)
{
    const struct script *script = fake->hook_user;

    (void)value;
    if (script->cancel_at != 0 && fake->all_calls == script->cancel_at) {
        migp_device_cancel(script->device, 1);
    }
    if (op == script->op && nth >= script->first &&
        (script->last == 0 || nth <= script->last)) {
        if (script->move != 0) {
            fake_move(fake, script->move);
        }
        return script->answer;
    }
    if (op == FAKE_GET && script->get != 0 && fake->calls[script->op] > 0) {
        return script->get;
    }
    return FAKE_GO;
}

static struct migp_device *start(struct fake_device *fake, uint32_t state,
                                 struct script *script)
{
    struct migp_device *device;

    fake_init(fake);
    device = fake_device_in(fake, MIGP_RECOVER_STATE, state);
    if (script->first == 0) {
        script->first = 1;
    }
    script->device = device;
    fake->hook = play;
    fake->hook_user = script;
    return device;
}

static void stop(struct fake_device *fake, struct migp_device *device)
{
    fake_check_sessions(fake, device);
    migp_device_free(device);
    assert_int_equal(fake->opened, fake->ended);
    assert_true(fake->closed);
}

static void test_read__to_the_end(void **state)
{
    static const size_t sizes[] = {1, 7, 99, 100, 101, 4096};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct script script = {.op = FAKE_OPS};
        struct fake_device fake;
        struct migp_device *device = start(&fake, SC, &script);
        uint8_t bytes[4096];
        uint64_t total = 0;
        migp_ssize n;

        while ((n = migp_device_read(device, bytes, sizes[i], NULL)) > 0) {
            assert_true((uint64_t)n <= sizes[i]);
            total += (uint64_t)n;
        }
        assert_int_equal(n, 0);
        assert_int_equal(total, 100);
        assert_int_equal(migp_device_read(device, bytes, 1, NULL), 0);
        /* Nothing was asked on the way. */
        assert_int_equal(fake.calls[FAKE_GET], 2);
        stop(&fake, device);
    }
}

/* state, the script, what read returns, then again, is the session there. */
struct reading {
    uint32_t state;
    struct script script;
    migp_ssize first;
    migp_ssize again;
    int system_errno;
    bool session;
};

static const struct reading readings[] = {
    /* An end for now, said in two ways. */
    {PC,
     {FAKE_READ, 0, 1, 1, 0, 0, 0, NULL},
     MIGP_ERR_PRECOPY_EMPTY,
     100,
     0,
     1},
    {PP,
     {FAKE_READ, 0, 1, 1, 0, 0, 0, NULL},
     MIGP_ERR_PRECOPY_EMPTY,
     100,
     0,
     1},
    {PC,
     {FAKE_READ, -ENOMSG, 1, 1, 0, 0, 0, NULL},
     MIGP_ERR_PRECOPY_EMPTY,
     100,
     0,
     1},
    {PP,
     {FAKE_READ, -ENOMSG, 1, 2, 0, 0, 0, NULL},
     MIGP_ERR_PRECOPY_EMPTY,
     MIGP_ERR_PRECOPY_EMPTY,
     0,
     1},
    /* The end: only if the device says that it is still there. */
    {SC, {FAKE_READ, 0, 1, 0, 0, 0, 0, NULL}, 0, 0, 0, 1},
    {SC,
     {FAKE_READ, 0, 1, 1, RU, 0, 0, NULL},
     MIGP_ERR_DEVICE_RESET,
     MIGP_ERR_STATE,
     0,
     0},
    {SC, {FAKE_READ, 0, 1, 1, 0, -EIO, 0, NULL}, MIGP_ERR_SYSTEM, 100, EIO, 1},
    {SC,
     {FAKE_READ, 0, 1, 1, 0, -ENODEV, 0, NULL},
     MIGP_ERR_DEVICE_LOST,
     100,
     ENODEV,
     1},
    /* A driver's fault. */
    {SC,
     {FAKE_READ, -ENOMSG, 1, 1, 0, 0, 0, NULL},
     MIGP_ERR_SYSTEM,
     MIGP_ERR_SYSTEM,
     ENOMSG,
     1},
    {SC,
     {FAKE_READ, -EIO, 1, 1, 0, 0, 0, NULL},
     MIGP_ERR_SYSTEM,
     MIGP_ERR_SYSTEM,
     EIO,
     1},
    {PC,
     {FAKE_READ, -EFAULT, 1, 1, 0, 0, 0, NULL},
     MIGP_ERR_SYSTEM,
     MIGP_ERR_SYSTEM,
     EFAULT,
     1},
    {SC,
     {FAKE_READ, -EAGAIN, 1, 1, 0, 0, 0, NULL},
     MIGP_ERR_SYSTEM,
     MIGP_ERR_SYSTEM,
     EAGAIN,
     1},
    /* ENODEV means many things. */
    {SC,
     {FAKE_READ, -ENODEV, 1, 1, 0, 0, 0, NULL},
     MIGP_ERR_SYSTEM,
     MIGP_ERR_SYSTEM,
     ENODEV,
     1},
    {PC,
     {FAKE_READ, -ENODEV, 1, 1, RU, 0, 0, NULL},
     MIGP_ERR_DEVICE_RESET,
     MIGP_ERR_STATE,
     0,
     0},
    {PC,
     {FAKE_READ, -ENODEV, 1, 1, 0, -ENODEV, 0, NULL},
     MIGP_ERR_DEVICE_LOST,
     MIGP_ERR_DEVICE_LOST,
     ENODEV,
     1},
    {PC,
     {FAKE_READ, -ENODEV, 1, 1, 0, -EIO, 0, NULL},
     MIGP_ERR_SYSTEM,
     MIGP_ERR_SYSTEM,
     ENODEV,
     1},
    /* What no read returns. */
    {SC,
     {FAKE_READ, 4097, 1, 1, 0, 0, 0, NULL},
     MIGP_ERR_SYSTEM,
     MIGP_ERR_SYSTEM,
     EPROTO,
     1},
    {SC,
     {FAKE_READ, INT64_MAX, 1, 1, 0, 0, 0, NULL},
     MIGP_ERR_SYSTEM,
     MIGP_ERR_SYSTEM,
     EPROTO,
     1},
    {PC,
     {FAKE_READ, INT64_MIN + 1, 1, 1, 0, 0, 0, NULL},
     MIGP_ERR_SYSTEM,
     MIGP_ERR_SYSTEM,
     EPROTO,
     1},
    {PC,
     {FAKE_READ, INT32_MIN, 1, 1, 0, 0, 0, NULL},
     MIGP_ERR_SYSTEM,
     MIGP_ERR_SYSTEM,
     EPROTO,
     1},
    {PC,
     {FAKE_READ, -4096, 1, 1, 0, 0, 0, NULL},
     MIGP_ERR_SYSTEM,
     MIGP_ERR_SYSTEM,
     EPROTO,
     1},
    {PC,
     {FAKE_READ, -4095, 1, 1, 0, 0, 0, NULL},
     MIGP_ERR_SYSTEM,
     MIGP_ERR_SYSTEM,
     4095,
     1},
    /* Interrupted: that is nothing. */
    {SC, {FAKE_READ, -EINTR, 1, 1000, 0, 0, 0, NULL}, 100, 0, 0, 1},
    {PC,
     {FAKE_READ, -EINTR, 1, 1000, 0, 0, 0, NULL},
     100,
     MIGP_ERR_PRECOPY_EMPTY,
     0,
     1},
};

/* [DV-8] [DV-11] */
static void test_read__every_answer(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(readings) / sizeof(readings[0]); i++) {
        struct migp_error error = MIGP_ERROR_INIT;
        struct script script = readings[i].script;
        struct fake_device fake;
        struct migp_device *device = start(&fake, readings[i].state, &script);
        uint8_t bytes[4096];

        assert_int_equal(migp_device_read(device, bytes, sizeof(bytes), &error),
                         readings[i].first);
        if (readings[i].first < 0) {
            assert_int_equal(error.code, readings[i].first);
            assert_int_equal(error.system_errno, readings[i].system_errno);
        }
        assert_int_equal(migp_device_session(device) >= 0, readings[i].session);
        script.get = 0;
        migp_error_init(&error);
        assert_int_equal(migp_device_read(device, bytes, sizeof(bytes), &error),
                         readings[i].again);
        if (readings[i].again < 0 && readings[i].again == readings[i].first) {
            /* the same failure, with all that is known of it */
            assert_int_equal(error.system_errno, readings[i].system_errno);
        }
        fake.hook = NULL;
        assert_int_equal(migp_device_set_state(device, RU, NULL), MIGP_OK);
        /* A new session does not remember the old one's failure. */
        assert_int_equal(migp_device_set_state(device, SC, NULL), MIGP_OK);
        fake.left = 5;
        assert_int_equal(migp_device_read(device, bytes, sizeof(bytes), NULL),
                         5);
        stop(&fake, device);
    }
}

static void test_read__where_there_is_nothing_to_read(void **state)
{
    struct script script = {.op = FAKE_OPS};
    struct fake_device fake;
    struct migp_device *device = start(&fake, RU, &script);
    uint8_t byte;

    (void)state;
    assert_int_equal(migp_device_read(device, &byte, 1, NULL), MIGP_ERR_STATE);
    assert_int_equal(migp_device_read(device, NULL, 1, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_device_read(device, &byte, 0, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_device_read(NULL, &byte, 1, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_device_set_state(device, RE, NULL), MIGP_OK);
    assert_int_equal(migp_device_read(device, &byte, 1, NULL), MIGP_ERR_STATE);
    assert_int_equal(fake.calls[FAKE_READ], 0);
    stop(&fake, device);
}

/* A reset failed and the device did not say where it is; then it is not where
 * an end would be one. */
static void test_read__an_end_where_there_is_none(void **state)
{
    struct script script = {.op = FAKE_RESET, .answer = -EIO, .get = -EIO};
    struct fake_device fake;
    struct migp_device *device = start(&fake, SC, &script);
    uint8_t byte;

    (void)state;
    assert_int_equal(migp_device_reset(device, NULL), MIGP_ERR_SYSTEM);
    script = (struct script){.op = FAKE_READ, .first = 1, .move = RU};
    assert_int_equal(migp_device_read(device, &byte, 1, NULL),
                     MIGP_ERR_DEVICE_RESET);
    assert_int_equal(migp_device_state(device), RU);
    stop(&fake, device);
}

static void test_read__cancelled(void **state)
{
    struct script script = {.op = FAKE_READ, .answer = -EINTR, .last = 100};
    struct fake_device fake;
    struct migp_device *device;
    uint8_t byte;

    (void)state;
    script.cancel_at = 5;
    device = start(&fake, SC, &script);
    assert_int_equal(migp_device_read(device, &byte, 1, NULL),
                     MIGP_ERR_CANCELLED);
    assert_int_equal(fake.calls[FAKE_READ], 5);
    /* No further call reaches the backend. */
    assert_int_equal(migp_device_read(device, &byte, 1, NULL),
                     MIGP_ERR_CANCELLED);
    assert_int_equal(migp_device_set_state(device, RU, NULL),
                     MIGP_ERR_CANCELLED);
    assert_int_equal(migp_device_query_state(device, NULL, NULL),
                     MIGP_ERR_CANCELLED);
    assert_int_equal(fake.all_calls, 5);
    /* Nothing was lost. */
    migp_device_cancel(device, 0);
    assert_int_equal(migp_device_read(device, &byte, 1, NULL), 1);
    assert_int_equal(fake.calls[FAKE_READ], 101);
    stop(&fake, device);
}

static void test_write__in_any_pieces(void **state)
{
    static const size_t rooms[] = {1, 3, 499, 500, 501, 0};
    uint8_t bytes[500] = {0};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
        struct script script = {.op = FAKE_WRITE, .answer = -EINTR, .last = 50};
        struct fake_device fake;
        struct migp_device *device = start(&fake, RE, &script);

        fake.max_write = rooms[i];
        assert_int_equal(migp_device_write(device, bytes, 500, NULL), 500);
        assert_int_equal(fake.written, 500);
        assert_int_equal(
            fake.calls[FAKE_WRITE],
            50 + (rooms[i] == 0 ? 1 : (500 + rooms[i] - 1) / rooms[i]));
        assert_int_equal(migp_device_write(device, NULL, 0, NULL), 0);
        assert_int_equal(migp_device_set_state(device, RU, NULL), MIGP_OK);
        stop(&fake, device);
    }
}

struct writing {
    struct script script;
    int code;
    int system_errno;
    int needs_reset;
};

static const struct writing writings[] = {
    {{FAKE_WRITE, -EINVAL, 3, 3, 0, 0, 0, NULL}, MIGP_ERR_REFUSED, EINVAL, 1},
    {{FAKE_WRITE, -EFAULT, 3, 3, 0, 0, 0, NULL}, MIGP_ERR_REFUSED, EFAULT, 1},
    {{FAKE_WRITE, 0, 3, 3, 0, 0, 0, NULL}, MIGP_ERR_REFUSED, 0, 1},
    {{FAKE_WRITE, -EAGAIN, 3, 3, 0, 0, 0, NULL}, MIGP_ERR_REFUSED, EAGAIN, 1},
    {{FAKE_WRITE, 81, 3, 3, 0, 0, 0, NULL}, MIGP_ERR_REFUSED, EPROTO, 1},
    {{FAKE_WRITE, INT64_MAX, 3, 3, 0, 0, 0, NULL}, MIGP_ERR_REFUSED, EPROTO, 1},
    {{FAKE_WRITE, INT64_MIN + 1, 3, 3, 0, 0, 0, NULL},
     MIGP_ERR_REFUSED,
     EPROTO,
     1},
    {{FAKE_WRITE, -ENODEV, 3, 3, 0, 0, 0, NULL}, MIGP_ERR_REFUSED, ENODEV, 1},
    {{FAKE_WRITE, -ENODEV, 3, 3, RU, 0, 0, NULL}, MIGP_ERR_DEVICE_RESET, 0, 0},
    {{FAKE_WRITE, -ENODEV, 3, 3, 0, -ENODEV, 0, NULL},
     MIGP_ERR_DEVICE_LOST,
     ENODEV,
     1},
    {{FAKE_WRITE, -ENODEV, 3, 3, 0, -EIO, 0, NULL},
     MIGP_ERR_REFUSED,
     ENODEV,
     1},
};

/* [DV-10] */
static void test_write__a_failure_is_final(void **state)
{
    uint8_t bytes[100] = {0};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(writings) / sizeof(writings[0]); i++) {
        struct migp_error error = MIGP_ERROR_INIT;
        struct script script = writings[i].script;
        struct fake_device fake;
        struct migp_device *device = start(&fake, RE, &script);

        fake.max_write = 10;
        assert_int_equal(migp_device_write(device, bytes, 100, &error),
                         writings[i].code);
        assert_int_equal(error.code, writings[i].code);
        assert_int_equal(error.system_errno, writings[i].system_errno);
        assert_int_equal(error.value, 20);
        assert_int_equal(migp_device_needs_reset(device),
                         writings[i].needs_reset);
        assert_int_equal(fake.n_sets, 0);
        script.get = 0;
        if (writings[i].needs_reset) {
            fake_forget(&fake);
            assert_int_equal(migp_device_write(device, bytes, 1, NULL),
                             MIGP_ERR_NEEDS_RESET);
            assert_int_equal(migp_device_load_config(device, bytes, 1, NULL),
                             MIGP_ERR_STATE);
            assert_int_equal(
                migp_device_set_state(device, MIGP_STATE_STOP, NULL),
                MIGP_ERR_NEEDS_RESET);
            assert_int_equal(fake.all_calls, 0);
            assert_int_equal(migp_device_reset(device, NULL), MIGP_OK);
            assert_int_equal(migp_device_needs_reset(device), 0);
            assert_int_equal(migp_device_set_state(device, RE, NULL), MIGP_OK);
        }
        stop(&fake, device);
    }
}

static void test_write__refused_and_reset_at_once(void **state)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct script script = {.op = FAKE_WRITE, .answer = -EFAULT, .first = 2};
    uint8_t bytes[100] = {0};
    struct fake_device fake;
    struct migp_device *device;

    (void)state;
    fake_init(&fake);
    fake.max_write = 24;
    device = fake_device_in(&fake, MIGP_RECOVER_RESET, RE);
    fake.hook = play;
    fake.hook_user = &script;
    assert_int_equal(migp_device_write(device, bytes, 100, &error),
                     MIGP_ERR_REFUSED);
    assert_string_equal(error.text,
                        "writing failed: EFAULT; the device was reset");
    assert_int_equal(error.value, 24);
    assert_int_equal(fake.calls[FAKE_RESET], 1);
    assert_int_equal(fake.n_sets, 0);
    assert_int_equal(migp_device_state(device), RU);
    assert_int_equal(migp_device_session(device), MIGP_NO_SESSION);
    assert_int_equal(migp_device_needs_reset(device), 0);
    assert_int_equal(migp_device_write(device, bytes, 1, NULL), MIGP_ERR_STATE);
    stop(&fake, device);
}

static void test_write__cancelled(void **state)
{
    uint8_t bytes[100] = {0};
    size_t at;

    (void)state;
    for (at = 1; at <= 4; at++) {
        struct script script = {.op = FAKE_OPS, .cancel_at = at};
        struct fake_device fake;
        struct migp_device *device = start(&fake, RE, &script);

        fake.max_write = 30;
        /* What was taken counts; with the last piece there is no cancel. */
        assert_int_equal(migp_device_write(device, bytes, 100, NULL),
                         at == 4 ? 100 : (migp_ssize)(30 * at));
        assert_int_equal(migp_device_write(device, bytes, 1, NULL),
                         MIGP_ERR_CANCELLED);
        migp_device_cancel(device, 0);
        /* The rest is missing, and must not be loaded without it. */
        assert_int_equal(migp_device_set_state(device, RU, NULL),
                         MIGP_ERR_STATE);
        assert_int_equal(fake.n_sets, 0);
        assert_int_equal(migp_device_write(device, bytes, 5, NULL), 5);
        assert_int_equal(migp_device_set_state(device, RU, NULL), MIGP_OK);
        stop(&fake, device);
    }
}

/* A reset that does not come must not make a state that was cut short one that
 * can be loaded. */
static void test_write__cut_short_and_the_reset_does_not_come(void **state)
{
    struct script script = {.op = FAKE_OPS};
    struct fake_device fake;
    struct migp_device *device = start(&fake, RE, &script);
    uint8_t bytes[100] = {0};

    (void)state;
    assert_int_equal(migp_device_write(device, bytes, 4, NULL), 4);
    migp_device_cancel(device, 1);
    assert_int_equal(migp_device_write(device, bytes, 4, NULL),
                     MIGP_ERR_CANCELLED);
    migp_device_cancel(device, 0);
    fake.after_reset = RE;
    assert_int_equal(migp_device_reset(device, NULL), MIGP_ERR_TIMED_OUT);
    assert_int_equal(migp_device_set_state(device, MIGP_STATE_STOP, NULL),
                     MIGP_ERR_NEEDS_RESET);
    assert_int_equal(fake.n_sets, 0);
    fake.after_reset = RU;
    assert_int_equal(migp_device_reset(device, NULL), MIGP_OK);
    assert_int_equal(migp_device_set_state(device, MIGP_STATE_STOP, NULL),
                     MIGP_OK);
    stop(&fake, device);
}

static void test_write__interrupted_for_ever(void **state)
{
    struct script script = {.op = FAKE_WRITE, .answer = -EINTR};
    uint8_t byte = 0;
    struct fake_device fake;
    struct migp_device *device;

    (void)state;
    script.cancel_at = 1000;
    device = start(&fake, RE, &script);
    assert_int_equal(migp_device_write(device, &byte, 1, NULL),
                     MIGP_ERR_CANCELLED);
    assert_int_equal(fake.calls[FAKE_WRITE], 1000);
    migp_device_cancel(device, 0);
    /* A reset brings it back, missing rest or not. */
    assert_int_equal(migp_device_reset(device, NULL), MIGP_OK);
    assert_int_equal(migp_device_set_state(device, PC, NULL), MIGP_OK);
    stop(&fake, device);
}

static void test_write__where_nothing_is_written(void **state)
{
    struct script script = {.op = FAKE_OPS};
    struct fake_device fake;
    struct migp_device *device = start(&fake, SC, &script);
    uint8_t byte = 0;

    (void)state;
    assert_int_equal(migp_device_write(device, &byte, 1, NULL), MIGP_ERR_STATE);
    assert_int_equal(migp_device_write(device, NULL, 1, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_device_write(NULL, &byte, 1, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(fake.calls[FAKE_WRITE], 0);
    stop(&fake, device);
}

/* [DV-12] */
static void test_precopy_info__garbage_is_bounded(void **state)
{
    static const uint64_t amounts[][2] = {
        {0, 0},
        {24, 24},
        {MIGP_ESTIMATE_MAX - 1, MIGP_ESTIMATE_MAX - 1},
        {MIGP_ESTIMATE_MAX, MIGP_ESTIMATE_MAX},
        {MIGP_ESTIMATE_MAX + 1, MIGP_ESTIMATE_MAX},
        {UINT64_MAX, MIGP_ESTIMATE_MAX},
    };
    uint32_t reinit;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(amounts) / sizeof(amounts[0]); i++) {
        for (reinit = 0; reinit < 2; reinit++) {
            struct migp_precopy_info info = {.struct_size = sizeof(info)};
            struct fake_device fake;
            struct migp_device *device;
            uint64_t size;

            fake_init(&fake);
            fake.features = reinit ? 63 : 63 & ~(uint32_t)MIGP_HAS_REINIT;
            device = fake_device_in(&fake, MIGP_RECOVER_STATE, PC);
            fake.info.struct_size = 0; /* garbage, too */
            fake.info.flags = UINT32_MAX;
            fake.info.initial_bytes = amounts[i][0];
            fake.info.dirty_bytes = amounts[i][0];
            fake.size = amounts[i][0];
            assert_int_equal(migp_device_precopy_info(device, &info, NULL),
                             MIGP_OK);
            assert_int_equal(info.struct_size, sizeof(info));
            assert_int_equal(info.flags, reinit);
            assert_int_equal(info.initial_bytes, amounts[i][1]);
            assert_int_equal(info.dirty_bytes, amounts[i][1]);
            assert_int_equal(migp_device_stop_copy_size(device, &size, NULL),
                             MIGP_OK);
            assert_int_equal(size, amounts[i][1]);
            stop(&fake, device);
        }
    }
}

struct asking {
    struct script script;
    int code;
    int system_errno;
};

static const struct asking askings[] = {
    {{FAKE_INFO, -ENOTTY, 1, 0, 0, 0, 0, NULL}, MIGP_ERR_UNSUPPORTED, ENOTTY},
    {{FAKE_INFO, -EIO, 1, 0, 0, 0, 0, NULL}, MIGP_ERR_SYSTEM, EIO},
    {{FAKE_INFO, -EINVAL, 1, 0, 0, 0, 0, NULL}, MIGP_ERR_SYSTEM, EINVAL},
    {{FAKE_INFO, -EINVAL, 1, 0, RU, 0, 0, NULL}, MIGP_ERR_DEVICE_RESET, 0},
    {{FAKE_INFO, -ENODEV, 1, 0, RU, 0, 0, NULL}, MIGP_ERR_DEVICE_RESET, 0},
    {{FAKE_INFO, -ENODEV, 1, 0, 0, -ENODEV, 0, NULL},
     MIGP_ERR_DEVICE_LOST,
     ENODEV},
    {{FAKE_INFO, 1, 1, 0, 0, 0, 0, NULL}, MIGP_ERR_SYSTEM, EPROTO},
    {{FAKE_INFO, -EINTR, 1, 9, 0, 0, 0, NULL}, MIGP_OK, 0},
    {{FAKE_INFO, -EINTR, 1, 9, 0, 0, 4, NULL}, MIGP_ERR_CANCELLED, 0},
    {{FAKE_SIZE, -ENOTTY, 1, 0, 0, 0, 0, NULL}, MIGP_ERR_UNSUPPORTED, ENOTTY},
    {{FAKE_SIZE, -EIO, 1, 0, 0, 0, 0, NULL}, MIGP_ERR_SYSTEM, EIO},
    {{FAKE_SIZE, -EINVAL, 1, 0, 0, 0, 0, NULL}, MIGP_ERR_SYSTEM, EINVAL},
    {{FAKE_SIZE, -ENODEV, 1, 0, RU, 0, 0, NULL}, MIGP_ERR_DEVICE_RESET, 0},
    {{FAKE_SIZE, -ENODEV, 1, 0, 0, -ENODEV, 0, NULL},
     MIGP_ERR_DEVICE_LOST,
     ENODEV},
    {{FAKE_SIZE, -EINTR, 1, 9, 0, 0, 0, NULL}, MIGP_OK, 0},
    {{FAKE_SIZE, -EINTR, 1, 9, 0, 0, 4, NULL}, MIGP_ERR_CANCELLED, 0},
};

/* [DV-14] */
static void test_amounts__every_answer(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(askings) / sizeof(askings[0]); i++) {
        struct migp_precopy_info info = {.struct_size = sizeof(info)};
        struct migp_error error = MIGP_ERROR_INIT;
        struct script script = askings[i].script;
        struct fake_device fake;
        struct migp_device *device = start(&fake, PC, &script);
        uint64_t size = 77;
        int code = script.op == FAKE_INFO
                       ? migp_device_precopy_info(device, &info, &error)
                       : migp_device_stop_copy_size(device, &size, &error);

        assert_int_equal(code, askings[i].code);
        assert_int_equal(error.code, askings[i].code);
        assert_int_equal(error.system_errno, askings[i].system_errno);
        if (code < 0) {
            assert_int_equal(size, 77);
            assert_int_equal(info.initial_bytes, 0);
        }
        assert_int_equal(migp_device_session(device) >= 0,
                         code != MIGP_ERR_DEVICE_RESET);
        stop(&fake, device);
    }
}

static void test_precopy_info__only_in_precopy(void **state)
{
    static const uint32_t states[] = {1, 2, 3, 4, 5};
    struct migp_precopy_info info = {.struct_size = sizeof(info)};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        struct script script = {.op = FAKE_OPS};
        struct fake_device fake;
        struct migp_device *device = start(&fake, states[i], &script);

        assert_int_equal(migp_device_precopy_info(device, &info, NULL),
                         MIGP_ERR_STATE);
        assert_int_equal(fake.all_calls, 0);
        stop(&fake, device);
    }
}

/* A caller built against an older header, and callers that are wrong. */
static void test_amounts__other_arguments(void **state)
{
    struct migp_precopy_info info = {.struct_size = 16};
    struct script script = {.op = FAKE_OPS};
    struct fake_device fake;
    struct migp_device *device = start(&fake, PP, &script);
    uint64_t size;

    (void)state;
    fake.info.initial_bytes = 5;
    info.initial_bytes = 99;
    assert_int_equal(migp_device_precopy_info(device, &info, NULL), MIGP_OK);
    assert_int_equal(info.struct_size, 16);
    assert_int_equal(info.initial_bytes, 99);
    info.struct_size = 7;
    assert_int_equal(migp_device_precopy_info(device, &info, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(fake.calls[FAKE_INFO], 1);
    assert_int_equal(migp_device_precopy_info(device, NULL, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_device_precopy_info(NULL, &info, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_device_stop_copy_size(device, NULL, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_device_stop_copy_size(NULL, &size, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    stop(&fake, device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read__to_the_end),
        cmocka_unit_test(test_read__every_answer),
        cmocka_unit_test(test_read__where_there_is_nothing_to_read),
        cmocka_unit_test(test_read__an_end_where_there_is_none),
        cmocka_unit_test(test_read__cancelled),
        cmocka_unit_test(test_write__in_any_pieces),
        cmocka_unit_test(test_write__a_failure_is_final),
        cmocka_unit_test(test_write__refused_and_reset_at_once),
        cmocka_unit_test(test_write__cancelled),
        cmocka_unit_test(test_write__cut_short_and_the_reset_does_not_come),
        cmocka_unit_test(test_write__interrupted_for_ever),
        cmocka_unit_test(test_write__where_nothing_is_written),
        cmocka_unit_test(test_precopy_info__garbage_is_bounded),
        cmocka_unit_test(test_precopy_info__only_in_precopy),
        cmocka_unit_test(test_amounts__every_answer),
        cmocka_unit_test(test_amounts__other_arguments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
