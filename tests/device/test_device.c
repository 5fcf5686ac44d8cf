/* SPDX-License-Identifier: MIT */

/* A device: making one, changing its state, resets that were asked for and
 * resets that were not. */

#include "device/fsm.h"
#include "support/fake_device.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ER MIGP_STATE_ERROR
#define ST MIGP_STATE_STOP
#define RU MIGP_STATE_RUNNING
#define SC MIGP_STATE_STOP_COPY
#define RE MIGP_STATE_RESUMING
#define RP MIGP_STATE_RUNNING_P2P
#define PC MIGP_STATE_PRE_COPY
#define PP MIGP_STATE_PRE_COPY_P2P

/* A list of answers: the nth call of an op gives this. */
struct answer {
    enum fake_op op;
    size_t nth;
    int64_t answer;
    uint32_t move;   /* the device is then in this state ... */
    bool keeps;      /* ... and its session lives; */
    bool then_usual; /* the call is made as usual afterwards */
};

struct list {
    struct answer answers[8];
};

static int64_t play(struct fake_device *fake, enum fake_op op, size_t nth,
                    uint64_t value)
{
    const struct list *list = fake->hook_user;
    size_t i;

    (void)value;
    for (i = 0; i < 8; i++) {
        const struct answer *answer = &list->answers[i];

        if (answer->op != op || answer->nth != nth) {
            continue;
        }
        if (answer->move != 0 && answer->keeps) {
            fake->state = answer->move;
        } else if (answer->move != 0) {
            fake_move(fake, answer->move);
        }
        return answer->then_usual ? FAKE_GO : answer->answer;
    }
    return FAKE_GO;
}

static struct migp_device *start(struct fake_device *fake, uint32_t state,
                                 struct list *list)
{
    struct migp_device *device;

    fake_init(fake);
    device = fake_device_in(fake, MIGP_RECOVER_STATE, state);
    fake->hook = play;
    fake->hook_user = list;
    return device;
}

static void stop(struct fake_device *fake, struct migp_device *device)
{
    fake_check_sessions(fake, device);
    migp_device_free(device);
    assert_int_equal(fake->opened, fake->ended);
    assert_true(fake->closed);
}

/* --- making one --- */

static void test_new__tells_what_the_backend_told(void **state)
{
    struct migp_device_caps caps = {.struct_size = sizeof(caps)};
    struct fake_device fake;
    struct migp_device_ops other;
    struct migp_device *device;

    (void)state;
    fake_init(&fake);
    assert_int_equal(migp_device_new(&device, &fake.ops, &fake, NULL, NULL),
                     MIGP_OK);
    assert_int_equal(migp_device_get_caps(device, &caps), MIGP_OK);
    assert_int_equal(caps.migration, 7);
    assert_int_equal(caps.features, 63);
    assert_string_equal(caps.backend, "fake");
    assert_string_equal(caps.driver, "fake_vfio_pci");
    assert_string_equal(caps.name, "0000:00:00.0");
    assert_int_equal(migp_device_state(device), RU);
    assert_int_equal(migp_device_session(device), MIGP_NO_SESSION);
    assert_ptr_equal(migp_device_backend(device, &fake.ops), &fake);
    other = fake.ops;
    assert_null(migp_device_backend(device, &other));
    assert_int_equal(fake.all_calls, 2);
    assert_int_equal(migp_device_get_caps(device, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_device_get_caps(NULL, &caps),
                     MIGP_ERR_INVALID_ARGUMENT);
    stop(&fake, device);
}

static void test_null__is_no_device(void **state)
{
    uint8_t byte = 0;
    struct migp_error error = MIGP_ERROR_INIT;

    (void)state;
    migp_device_free(NULL);
    migp_device_cancel(NULL, 1);
    migp_device_options_init(NULL);
    assert_int_equal(migp_device_state(NULL), ER);
    assert_int_equal(migp_device_needs_reset(NULL), 0);
    assert_int_equal(migp_device_session(NULL), MIGP_NO_SESSION);
    assert_null(migp_device_backend(NULL, NULL));
    assert_int_equal(migp_device_set_state(NULL, RU, &error),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(error.code, MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_device_query_state(NULL, NULL, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_device_reset(NULL, NULL), MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_device_save_config(NULL, &byte, 1, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_device_load_config(NULL, &byte, 1, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
}

static void refuse_new(struct fake_device *fake,
                       const struct migp_device_options *options, int code)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_device *device = (void *)fake;

    assert_int_equal(
        migp_device_new(&device, &fake->ops, fake, options, &error), code);
    assert_null(device);
    assert_int_equal(error.code, code);
    assert_true(error.text[0] != '\0');
    assert_false(fake->closed); /* still the caller's */
}

static void test_new__migration_flags(void **state)
{
    static const uint32_t all[] = {0,  1,  2,  3,          4,         5,  6,
                                   7,  8,  9,  15,         16,        17, 64,
                                   65, 71, 73, 0x80000001, UINT32_MAX};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct fake_device fake;
        struct migp_device *device;

        fake_init(&fake);
        fake.migration = all[i];
        if (all[i] < 8 && all[i] % 2 == 1) {
            assert_int_equal(
                migp_device_new(&device, &fake.ops, &fake, NULL, NULL),
                MIGP_OK);
            stop(&fake, device);
        } else {
            refuse_new(&fake, NULL, MIGP_ERR_NO_MIGRATION);
        }
    }
}

static void test_new__states(void **state)
{
    uint32_t migration;
    uint32_t i;

    (void)state;
    for (migration = 1; migration <= 7; migration += 2) {
        for (i = 0; i < 12; i++) {
            struct fake_device fake;
            struct migp_device *device;

            fake_init(&fake);
            fake.migration = migration;
            fake.state = i < 11 ? i : UINT32_MAX;
            if (!migp_state_supported(migration, fake.state)) {
                refuse_new(&fake, NULL, MIGP_ERR_NO_MIGRATION);
                continue;
            }
            assert_int_equal(
                migp_device_new(&device, &fake.ops, &fake, NULL, NULL),
                MIGP_OK);
            assert_int_equal(migp_device_state(device), i);
            assert_int_equal(migp_device_session(device), MIGP_NO_SESSION);
            assert_int_equal(migp_device_needs_reset(device), i == ER);
            stop(&fake, device);
        }
    }
}

static void test_new__the_backend_fails(void **state)
{
    static const struct {
        struct list list;
        int code;
    } cases[] = {
        {{{{FAKE_CAPS, 1, -ENOTTY, 0, 0, 0}}}, MIGP_ERR_NO_MIGRATION},
        {{{{FAKE_CAPS, 1, -EIO, 0, 0, 0}}}, MIGP_ERR_SYSTEM},
        {{{{FAKE_CAPS, 1, -ENODEV, 0, 0, 0}}}, MIGP_ERR_DEVICE_LOST},
        {{{{FAKE_CAPS, 1, 1, 0, 0, 0}}}, MIGP_ERR_SYSTEM},
        {{{{FAKE_CAPS, 1, INT32_MIN, 0, 0, 0}}}, MIGP_ERR_SYSTEM},
        {{{{FAKE_GET, 1, -EIO, 0, 0, 0}}}, MIGP_ERR_SYSTEM},
        {{{{FAKE_GET, 1, -ENODEV, 0, 0, 0}}}, MIGP_ERR_DEVICE_LOST},
        {{{{FAKE_GET, 1, 7, 0, 0, 0}}}, MIGP_ERR_SYSTEM},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake_device fake;

        fake_init(&fake);
        fake.hook = play;
        fake.hook_user = (void *)&cases[i].list;
        refuse_new(&fake, NULL, cases[i].code);
    }
}

static int64_t always_interrupted(struct fake_device *fake, enum fake_op op,
                                  size_t nth, uint64_t value)
{
    (void)value;
    if (op == (enum fake_op)fake->size) {
        return -EINTR;
    }
    return op == FAKE_CAPS && nth < 50 ? -EINTR : FAKE_GO;
}

static int64_t interrupted_at_first(struct fake_device *fake, enum fake_op op,
                                    size_t nth, uint64_t value)
{
    (void)fake;
    (void)value;
    return op == FAKE_GET && nth < 50 ? -EINTR : FAKE_GO;
}

static void test_new__interrupted(void **state)
{
    struct fake_device fake;
    struct migp_device *device;

    (void)state;
    fake_init(&fake);
    fake.hook = always_interrupted;
    fake.size = FAKE_OPS;
    assert_int_equal(migp_device_new(&device, &fake.ops, &fake, NULL, NULL),
                     MIGP_OK);
    assert_int_equal(fake.calls[FAKE_CAPS], 50);
    stop(&fake, device);
    fake_init(&fake);
    fake.hook = interrupted_at_first;
    assert_int_equal(migp_device_new(&device, &fake.ops, &fake, NULL, NULL),
                     MIGP_OK);
    assert_int_equal(fake.calls[FAKE_GET], 50);
    stop(&fake, device);
    /* A storm that never ends is given up: nobody could cancel it. */
    fake_init(&fake);
    fake.hook = always_interrupted;
    fake.size = FAKE_CAPS;
    refuse_new(&fake, NULL, MIGP_ERR_SYSTEM);
    fake.size = FAKE_GET;
    refuse_new(&fake, NULL, MIGP_ERR_SYSTEM);
}

static int64_t dirty_caps(struct fake_device *fake, enum fake_op op, size_t nth,
                          uint64_t value)
{
    (void)nth;
    (void)value;
    if (op == FAKE_CAPS) {
        struct migp_device_caps *caps = fake->caps;

        memset(caps->backend, 'b', sizeof(caps->backend));
        memset(caps->driver, 'd', sizeof(caps->driver));
        memset(caps->name, 'n', sizeof(caps->name));
        caps->struct_size = 1000000;
        caps->features = UINT32_MAX;
    }
    return FAKE_GO;
}

static void test_new__garbage_caps_are_cleaned(void **state)
{
    struct migp_device_caps caps = {.struct_size = sizeof(caps)};
    struct fake_device fake;
    struct migp_device *device;
    uint8_t byte;
    uint64_t size;

    (void)state;
    fake_init(&fake);
    fake.hook = dirty_caps;
    fake.ops.reset = NULL;
    fake.ops.precopy_info = NULL;
    fake.ops.stop_copy_size = NULL;
    fake.ops.load_config = NULL;
    assert_int_equal(migp_device_new(&device, &fake.ops, &fake, NULL, NULL),
                     MIGP_OK);
    assert_int_equal(migp_device_get_caps(device, &caps), MIGP_OK);
    assert_int_equal(strlen(caps.backend), 15);
    assert_int_equal(strlen(caps.driver), 31);
    assert_int_equal(strlen(caps.name), 127);
    assert_int_equal(caps.features & 63, MIGP_HAS_DMA_LOGGING);
    assert_int_equal(migp_device_reset(device, NULL), MIGP_ERR_UNSUPPORTED);
    assert_int_equal(migp_device_stop_copy_size(device, &size, NULL),
                     MIGP_ERR_UNSUPPORTED);
    assert_int_equal(migp_device_save_config(device, &byte, 1, NULL),
                     MIGP_ERR_UNSUPPORTED);
    assert_int_equal(migp_device_load_config(device, &byte, 1, NULL),
                     MIGP_ERR_UNSUPPORTED);
    stop(&fake, device);
}

static void test_new__bad_arguments(void **state)
{
    struct migp_device_options options;
    struct migp_device_ops ops;
    struct fake_device fake;
    struct migp_sys sys;
    size_t i;

    (void)state;
    fake_init(&fake);
    assert_int_equal(migp_device_new(NULL, &fake.ops, &fake, NULL, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    migp_device_options_init(&options);
    assert_int_equal(options.recover, MIGP_RECOVER_STATE);
    assert_int_equal(options.reset_timeout, UINT64_C(10000000000));
    options.recover = 3;
    refuse_new(&fake, &options, MIGP_ERR_INVALID_ARGUMENT);
    options.recover = 2;
    options.struct_size = 3;
    refuse_new(&fake, &options, MIGP_ERR_INVALID_ARGUMENT);
    options.struct_size = sizeof(options);
    memset(&sys, 0, sizeof(sys));
    options.sys = &sys; /* no size */
    refuse_new(&fake, &options, MIGP_ERR_INVALID_ARGUMENT);
    ops = fake.ops;
    for (i = 0; i < 6; i++) {
        fake.ops = ops;
        switch (i) {
        case 0:
            fake.ops.caps = NULL;
            break;
        case 1:
            fake.ops.get_state = NULL;
            break;
        case 2:
            fake.ops.set_state = NULL;
            break;
        case 3:
            fake.ops.read = NULL;
            break;
        case 4:
            fake.ops.write = NULL;
            break;
        default:
            fake.ops.struct_size = sizeof(ops) - 1; /* half a pointer */
        }
        refuse_new(&fake, NULL, MIGP_ERR_INVALID_ARGUMENT);
    }
    assert_int_equal(fake.all_calls, 0);
}

/* A backend built against an older header: no reset, no sizes. */
static void test_new__a_short_table(void **state)
{
    struct migp_device_caps caps = {.struct_size = sizeof(caps)};
    struct fake_device fake;
    struct migp_device *device;

    (void)state;
    fake_init(&fake);
    fake.ops.struct_size = offsetof(struct migp_device_ops, precopy_info);
    assert_int_equal(migp_device_new(&device, &fake.ops, &fake, NULL, NULL),
                     MIGP_OK);
    assert_int_equal(migp_device_get_caps(device, &caps), MIGP_OK);
    assert_int_equal(caps.features, MIGP_HAS_DMA_LOGGING);
    assert_int_equal(migp_device_set_state(device, SC, NULL), MIGP_OK);
    assert_int_equal(migp_device_set_state(device, ST, NULL), MIGP_OK);
    migp_device_free(device);
    assert_false(fake.closed); /* that member was not there, either */
}

/* --- changing states --- */

/* [DV-2] */
static void test_set_state__every_way(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 0; i < 4 * 64; i++) {
        uint32_t migration = i / 64 * 2 + 1;
        uint32_t from = i / 8 % 8;
        uint32_t to = i % 8;
        struct fake_device fake;
        struct migp_device *device;
        migp_ssize n;
        int code;

        fake_init(&fake);
        fake.migration = migration;
        if (from == ER || !migp_state_supported(migration, from)) {
            continue;
        }
        device = fake_device_in(&fake, MIGP_RECOVER_STATE, from);
        n = migp_state_path(migration, from, to, NULL, 0);
        code = migp_device_set_state(device, to, NULL);
        assert_int_equal(code, n < 0 ? (int)n : MIGP_OK);
        if (n < 0) {
            assert_int_equal(fake.all_calls, 0); /* it never gets there */
            assert_int_equal(migp_device_state(device), from);
        } else {
            assert_int_equal(fake.state, to);
            assert_int_equal(fake.n_sets, n > 0);
            assert_int_equal(migp_device_state(device), to);
            assert_int_equal(migp_device_session(device), fake.live);
        }
        stop(&fake, device);
    }
}

static void test_set_state__one_session_for_a_whole_save(void **state)
{
    struct list list = {{{0}}};
    struct fake_device fake;
    struct migp_device *device = start(&fake, RU, &list);

    (void)state;
    list.answers[0].op = FAKE_OPS;
    assert_int_equal(migp_device_set_state(device, PC, NULL), MIGP_OK);
    assert_int_equal(migp_device_session(device), 100);
    assert_int_equal(migp_device_set_state(device, PP, NULL), MIGP_OK);
    assert_int_equal(migp_device_set_state(device, PC, NULL), MIGP_OK);
    assert_int_equal(migp_device_set_state(device, SC, NULL), MIGP_OK);
    assert_int_equal(migp_device_session(device), 100);
    assert_int_equal(fake.ended, 0);
    assert_int_equal(migp_device_set_state(device, RE, NULL), MIGP_OK);
    assert_int_equal(migp_device_session(device), 101);
    assert_int_equal(fake.ended, 1);
    assert_int_equal(migp_device_set_state(device, RE, NULL), MIGP_OK);
    assert_int_equal(migp_device_session(device), 101);
    assert_int_equal(migp_device_set_state(device, RU, NULL), MIGP_OK);
    assert_int_equal(fake.ended, 2);
    stop(&fake, device);
}

static void test_set_state__a_session_of_somebody_else(void **state)
{
    struct fake_device fake;
    struct migp_device *device;
    uint8_t byte = 0;

    (void)state;
    fake_init(&fake);
    fake.state = PC;
    assert_int_equal(migp_device_new(&device, &fake.ops, &fake, NULL, NULL),
                     MIGP_OK);
    assert_int_equal(migp_device_read(device, &byte, 1, NULL), MIGP_ERR_STATE);
    assert_int_equal(migp_device_set_state(device, SC, NULL), MIGP_OK);
    assert_int_equal(migp_device_read(device, &byte, 1, NULL), MIGP_ERR_STATE);
    assert_int_equal(migp_device_set_state(device, RE, NULL), MIGP_OK);
    assert_int_equal(migp_device_write(device, &byte, 1, NULL), 1);
    stop(&fake, device);
}

/* Hands out the session that it has where none belongs. */
static int gives_it_twice(void *user, uint32_t state, int *session)
{
    struct fake_device *fake = user;
    int code = fake->set_state(user, state, session);

    if (code == 0 && fake->live >= 0) {
        *session = fake->live;
    }
    return code;
}

static void test_set_state__the_same_session_again(void **state)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct fake_device fake;
    struct migp_device *device;

    (void)state;
    fake_init(&fake);
    fake.set_state = fake.ops.set_state;
    fake.ops.set_state = gives_it_twice;
    device = fake_device_in(&fake, MIGP_RECOVER_NONE, PC);
    assert_int_equal(migp_device_set_state(device, SC, &error),
                     MIGP_ERR_DEVICE_RESET);
    assert_int_equal(migp_device_session(device), MIGP_NO_SESSION);
    assert_int_equal(fake.opened, 1);
    assert_int_equal(fake.ended, 1);
    stop(&fake, device);
}

static void test_set_state__no_such_state(void **state)
{
    static const uint32_t bad[] = {8, 9, 255, UINT32_MAX};
    struct migp_error error = MIGP_ERROR_INIT;
    struct list list = {{{FAKE_OPS, 0, 0, 0, 0, 0}}};
    struct fake_device fake;
    struct migp_device *device = start(&fake, RU, &list);
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(migp_device_set_state(device, bad[i], &error),
                         MIGP_ERR_INVALID_ARGUMENT);
    }
    assert_int_equal(migp_device_set_state(device, ER, &error), MIGP_ERR_STATE);
    assert_string_equal(error.text, "there is no way from RUNNING to ERROR");
    assert_int_equal(fake.all_calls, 0);
    stop(&fake, device);
}

/* What a change comes to when the device does not do what it should. */
struct surprise {
    uint32_t from;
    uint32_t to;
    struct list list;
    int code;
    uint32_t state; /* afterwards */
    int session;
};

#define NONE MIGP_NO_SESSION

static const struct surprise surprises[] = {
    /* It was reset before. */
    {PC, SC, {{{FAKE_GET, 1, 0, RU, 0, 1}}}, MIGP_ERR_DEVICE_RESET, RU, NONE},
    {RE, ST, {{{FAKE_GET, 1, 0, RU, 0, 1}}}, MIGP_ERR_DEVICE_RESET, RU, NONE},
    {SC, SC, {{{FAKE_GET, 1, 0, RU, 0, 1}}}, MIGP_ERR_DEVICE_RESET, RU, NONE},
    /* It was reset between the question and the change: a session comes while
     * one is open. Both are closed, and it runs again, as the reset had left it. */
    {PC, SC, {{{FAKE_SET, 1, 0, RU, 0, 1}}}, MIGP_ERR_DEVICE_RESET, RU, NONE},
    {PC, PP, {{{FAKE_SET, 1, 0, RU, 0, 1}}}, MIGP_ERR_DEVICE_RESET, RU, NONE},
    /* It was reset after the change, or that was deferred until then. */
    {RU, PC, {{{FAKE_GET, 2, 0, RU, 0, 1}}}, MIGP_ERR_DEVICE_RESET, RU, NONE},
    {PC, SC, {{{FAKE_GET, 2, 0, RU, 0, 1}}}, MIGP_ERR_DEVICE_RESET, RU, NONE},
    {ST, RE, {{{FAKE_GET, 2, 0, RU, 0, 1}}}, MIGP_ERR_DEVICE_RESET, RU, NONE},
    {RE, ST, {{{FAKE_GET, 2, 0, RU, 0, 1}}}, MIGP_ERR_DEVICE_RESET, RU, NONE},
    /* It says success, opens nothing and goes nowhere. */
    {RU, PC, {{{FAKE_SET, 1, 0, 0, 0, 0}}}, MIGP_ERR_SYSTEM, RU, NONE},
    /* It says success and opens nothing. */
    {RU, PC, {{{FAKE_SET, 1, 0, PC, 0, 0}}}, MIGP_ERR_SYSTEM, RU, NONE},
    {RU, SC, {{{FAKE_SET, 1, 0, SC, 0, 0}}}, MIGP_ERR_SYSTEM, RU, NONE},
    {ST, RE, {{{FAKE_SET, 1, 0, RE, 0, 0}}}, MIGP_ERR_SYSTEM, RE, NONE},
    /* It says success where nothing is to be opened, and goes nowhere. */
    {RU, ST, {{{FAKE_SET, 1, 0, 0, 0, 0}}}, MIGP_ERR_DEVICE_RESET, RU, NONE},
    /* The first question fails. */
    {PC, SC, {{{FAKE_GET, 1, -EIO, 0, 0, 0}}}, MIGP_ERR_SYSTEM, PC, 100},
    {PC, SC, {{{FAKE_GET, 1, 9, 0, 0, 0}}}, MIGP_ERR_SYSTEM, PC, 100},
    {PC,
     SC,
     {{{FAKE_GET, 1, -ENODEV, 0, 0, 0}}},
     MIGP_ERR_DEVICE_LOST,
     PC,
     100},
    {PC, SC, {{{FAKE_GET, 1, 0, 0, 0, 0}}}, MIGP_ERR_SYSTEM, PC, 100},
    /* The last question fails once: it is taken for a failed change. */
    {RU, SC, {{{FAKE_GET, 2, -EIO, 0, 0, 0}}}, MIGP_ERR_SYSTEM, RU, NONE},
    {RU, ST, {{{FAKE_GET, 2, -EIO, 0, 0, 0}}}, MIGP_ERR_SYSTEM, ST, NONE},
    {PC, PP, {{{FAKE_GET, 2, -EIO, 0, 0, 0}}}, MIGP_ERR_SYSTEM, PC, 100},
    /* Answers that no backend gives. */
    {RU, ST, {{{FAKE_SET, 1, 1, 0, 0, 0}}}, MIGP_ERR_SYSTEM, RU, NONE},
    {RU, ST, {{{FAKE_SET, 1, INT32_MIN, 0, 0, 0}}}, MIGP_ERR_SYSTEM, RU, NONE},
    /* Interrupted: it has not happened, has happened, has half happened. */
    {RU, PC, {{{FAKE_SET, 1, -EINTR, 0, 0, 0}}}, MIGP_OK, PC, 100},
    {RU, SC, {{{FAKE_SET, 1, -EINTR, RP, 0, 0}}}, MIGP_OK, SC, 100},
    {RU,
     SC,
     {{{FAKE_SET, 1, -EINTR, RP, 0, 0}, {FAKE_SET, 2, -EINTR, ST, 0, 0}}},
     MIGP_OK,
     SC,
     100},
    {PC, RU, {{{FAKE_SET, 1, -EINTR, RU, 0, 0}}}, MIGP_OK, RU, NONE},
    {RE, ST, {{{FAKE_SET, 1, -EINTR, ST, 0, 0}}}, MIGP_OK, ST, NONE},
    {PC, SC, {{{FAKE_SET, 1, -EINTR, SC, 1, 0}}}, MIGP_OK, SC, 100},
    {PC, SC, {{{FAKE_SET, 1, -EINTR, PP, 1, 0}}}, MIGP_OK, SC, 100},
    {SC, RE, {{{FAKE_SET, 1, -EINTR, ST, 0, 0}}}, MIGP_OK, RE, 101},
    {PC, ST, {{{FAKE_SET, 1, -EINTR, RU, 0, 0}}}, MIGP_OK, ST, NONE},
    /* It has happened, but the session is lost. */
    {RU, PC, {{{FAKE_SET, 1, -EINTR, PC, 0, 0}}}, MIGP_ERR_SYSTEM, RU, NONE},
    {RU, SC, {{{FAKE_SET, 1, -EINTR, SC, 0, 0}}}, MIGP_ERR_SYSTEM, RU, NONE},
    {ST, RE, {{{FAKE_SET, 1, -EINTR, RE, 0, 0}}}, MIGP_ERR_SYSTEM, RE, NONE},
    /* A signal, and a reset. */
    {PC,
     SC,
     {{{FAKE_SET, 1, -EINTR, RU, 0, 0}}},
     MIGP_ERR_DEVICE_RESET,
     RU,
     NONE},
    {PC,
     RU,
     {{{FAKE_SET, 1, -EINTR, ST, 0, 0}}},
     MIGP_ERR_DEVICE_RESET,
     ST,
     NONE},
};

static void test_set_state__surprises(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(surprises) / sizeof(surprises[0]); i++) {
        const struct surprise *surprise = &surprises[i];
        struct migp_error error = MIGP_ERROR_INIT;
        struct list list = surprise->list;
        struct fake_device fake;
        struct migp_device *device = start(&fake, surprise->from, &list);
        int code = migp_device_set_state(device, surprise->to, &error);

        if (code != surprise->code ||
            migp_device_state(device) != surprise->state ||
            migp_device_session(device) != surprise->session) {
            fail_msg("%zu: %s to %s: %s (%s), %s, %d", i,
                     migp_state_name(surprise->from),
                     migp_state_name(surprise->to), migp_error_id(code),
                     error.text, migp_state_name(migp_device_state(device)),
                     migp_device_session(device));
        }
        assert_int_equal(error.code, code);
        /* From there it goes on. */
        fake.hook = NULL;
        if (code == MIGP_ERR_DEVICE_RESET) {
            assert_int_equal(migp_device_query_state(device, NULL, NULL),
                             MIGP_OK);
        }
        assert_int_equal(migp_device_needs_reset(device),
                         surprise->state == RE && surprise->session == NONE);
        if (migp_device_needs_reset(device)) {
            assert_int_equal(migp_device_reset(device, NULL), MIGP_OK);
        }
        assert_int_equal(migp_device_set_state(device, RU, NULL), MIGP_OK);
        assert_int_equal(migp_device_set_state(device, PC, NULL), MIGP_OK);
        assert_int_equal(migp_device_session(device), fake.live);
        stop(&fake, device);
    }
}

/* Any change, interrupted and cancelled at any call. */
static int64_t storm(struct fake_device *fake, enum fake_op op, size_t nth,
                     uint64_t value)
{
    const size_t *plan = fake->hook_user; /* cancel at, interrupt until */

    (void)nth;
    (void)value;
    if (fake->all_calls == plan[0]) {
        migp_device_cancel(fake->device, 1);
    }
    if (fake->all_calls < plan[1] && (op == FAKE_SET || op == FAKE_GET)) {
        return -EINTR;
    }
    return FAKE_GO;
}

/* [DV-9] */
static void test_set_state__storms_and_cancels(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 0; i < 64 * 36; i++) {
        uint32_t from = i % 8;
        uint32_t to = i / 8 % 8;
        size_t plan[2];
        struct fake_device fake;
        struct migp_device *device;
        int code;

        plan[0] = i / 64 % 6; /* 0: never cancelled */
        plan[1] = i / 64 / 6;
        if (from == ER || migp_state_path(7, from, to, NULL, 0) <= 0) {
            continue;
        }
        fake_init(&fake);
        device = fake_device_in(&fake, MIGP_RECOVER_STATE, from);
        fake.hook_user = plan;
        fake.hook = storm;
        code = migp_device_set_state(device, to, NULL);
        if (plan[0] == 0) {
            assert_int_equal(code, MIGP_OK);
        } else {
            assert_true(fake.all_calls <= plan[0] || code == MIGP_OK);
            assert_true(code == MIGP_OK || code == MIGP_ERR_CANCELLED);
        }
        fake.hook = NULL;
        migp_device_cancel(device, 0);
        assert_int_equal(migp_device_query_state(device, NULL, NULL), MIGP_OK);
        assert_int_equal(migp_device_state(device), fake.state);
        assert_int_equal(migp_device_session(device), fake.live);
        assert_true(fake.state == to || code == MIGP_ERR_CANCELLED);
        stop(&fake, device);
    }
}

/* Interrupted after it has happened. A backend that still has the session
 * gives it when it is asked once more. */
static int64_t happens_then_interrupts(struct fake_device *fake,
                                       enum fake_op op, size_t nth,
                                       uint64_t value)
{
    if (op != FAKE_SET || nth != 1) {
        return FAKE_GO;
    }
    if (fake->hook_user != NULL) {
        migp_device_cancel(fake->device, 1);
    }
    fake_move(fake, (uint32_t)value);
    return -EINTR;
}

static int gives_it_late(void *user, uint32_t state, int *session)
{
    struct fake_device *fake = user;
    bool again = fake->state == state;
    int code = fake->set_state(user, state, session);

    if (again && code == 0) {
        fake->live = fake->next_session++;
        fake->opened++;
        *session = fake->live;
    }
    return code;
}

static void test_set_state__interrupted_and_the_session_comes_late(void **state)
{
    struct fake_device fake;
    struct migp_device *device;
    uint8_t byte;

    (void)state;
    fake_init(&fake);
    fake.set_state = fake.ops.set_state;
    fake.ops.set_state = gives_it_late;
    device = fake_device_in(&fake, MIGP_RECOVER_STATE, RU);
    fake.hook = happens_then_interrupts;
    assert_int_equal(migp_device_set_state(device, SC, NULL), MIGP_OK);
    assert_int_equal(fake.n_sets, 2);
    assert_int_equal(migp_device_read(device, &byte, 1, NULL), 1);
    stop(&fake, device);
}

/* Cancelled where nobody knows whether it has happened: what the device says
 * next is no surprise, and counts. */
static void test_set_state__cancelled_not_knowing(void **state)
{
    static const uint32_t ways[][2] = {{RU, ST}, {RU, SC}, {PC, RU}, {SC, ST},
                                       {RE, ST}, {ST, RE}, {PC, ST}};
    size_t i;

    (void)state;
    for (i = 0; i < 2 * sizeof(ways) / sizeof(ways[0]); i++) {
        const uint32_t *way = ways[i / 2];
        struct fake_device fake;
        struct migp_device *device;

        fake_init(&fake);
        device = fake_device_in(&fake, MIGP_RECOVER_STATE, way[0]);
        fake.hook = happens_then_interrupts;
        fake.hook_user = &fake;
        assert_int_equal(migp_device_set_state(device, way[1], NULL),
                         MIGP_ERR_CANCELLED);
        assert_int_equal(migp_device_state(device), way[0]); /* last seen */
        migp_device_cancel(device, 0);
        if (i % 2 == 0) {
            assert_int_equal(migp_device_query_state(device, NULL, NULL),
                             MIGP_OK);
            assert_int_equal(migp_device_state(device), way[1]);
            assert_int_equal(migp_device_session(device), NONE);
        } else {
            /* No way there from the state that it was last seen in, perhaps,
             * but from where it is. */
            int code = migp_device_set_state(device, PC, NULL);

            assert_int_equal(code, way[1] == SC ? MIGP_ERR_STATE : MIGP_OK);
        }
        stop(&fake, device);
    }
}

/* Cancelled after the device said yes: whatever moves it now is a reset. */
static void test_set_state__cancelled_knowing(void **state)
{
    struct fake_device fake;
    struct migp_device *device;
    size_t plan[2] = {2, 0}; /* cancelled at the SET, it goes through */

    (void)state;
    fake_init(&fake);
    device = fake_device_in(&fake, MIGP_RECOVER_STATE, RU);
    fake.hook = storm;
    fake.hook_user = plan;
    assert_int_equal(migp_device_set_state(device, SC, NULL),
                     MIGP_ERR_CANCELLED);
    assert_int_equal(migp_device_state(device), SC);
    assert_int_equal(migp_device_session(device), fake.live);
    migp_device_cancel(device, 0);
    fake_move(&fake, RU);
    assert_int_equal(migp_device_query_state(device, NULL, NULL),
                     MIGP_ERR_DEVICE_RESET);
    stop(&fake, device);
}

/* --- where it is --- */

static void test_query_state__reset_from_outside(void **state)
{
    uint32_t from;

    (void)state;
    for (from = 1; from < MIGP_STATE_COUNT; from++) {
        struct migp_error error = MIGP_ERROR_INIT;
        struct list list = {{{FAKE_OPS, 0, 0, 0, 0, 0}}};
        struct fake_device fake;
        struct migp_device *device = start(&fake, from, &list);
        uint32_t where = 99;

        assert_int_equal(migp_device_query_state(device, &where, &error),
                         MIGP_OK);
        assert_int_equal(where, from);
        fake_move(&fake, from == RU ? ST : RU);
        assert_int_equal(migp_device_query_state(device, &where, &error),
                         MIGP_ERR_DEVICE_RESET);
        assert_int_equal(where, fake.state);
        assert_int_equal(error.code, MIGP_ERR_DEVICE_RESET);
        assert_int_equal(migp_device_session(device), NONE);
        fake_check_sessions(&fake, device);
        assert_int_equal(migp_device_query_state(device, NULL, NULL), MIGP_OK);
        assert_int_equal(migp_device_set_state(device, PC, NULL), MIGP_OK);
        stop(&fake, device);
    }
}

static void test_query_state__error_and_out_of_it(void **state)
{
    struct list list = {{{FAKE_OPS, 0, 0, 0, 0, 0}}};
    struct fake_device fake;
    struct migp_device *device = start(&fake, PC, &list);
    uint32_t where = 99;

    (void)state;
    fake_move(&fake, ER);
    assert_int_equal(migp_device_query_state(device, &where, NULL),
                     MIGP_ERR_DEVICE_RESET);
    assert_int_equal(where, ER);
    assert_int_equal(migp_device_needs_reset(device), 1);
    assert_int_equal(migp_device_set_state(device, RU, NULL),
                     MIGP_ERR_NEEDS_RESET);
    assert_int_equal(fake.n_sets, 0);
    /* Somebody else resets it: that is as good. */
    fake_move(&fake, RU);
    assert_int_equal(migp_device_query_state(device, &where, NULL),
                     MIGP_ERR_DEVICE_RESET);
    assert_int_equal(migp_device_needs_reset(device), 0);
    assert_int_equal(migp_device_set_state(device, PC, NULL), MIGP_OK);
    stop(&fake, device);
}

static void test_query_state__impossible_answers(void **state)
{
    static const uint32_t bad[] = {8, 100, UINT32_MAX, RP, PC, PP};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct fake_device fake;
        struct migp_device *device;
        uint32_t where = 99;

        fake_init(&fake);
        fake.migration = 1;
        device = fake_device_in(&fake, MIGP_RECOVER_STATE, SC);
        fake.state = bad[i];
        assert_int_equal(migp_device_query_state(device, &where, NULL),
                         MIGP_ERR_SYSTEM);
        assert_int_equal(where, 99);
        assert_int_equal(migp_device_state(device), SC);
        assert_int_equal(migp_device_set_state(device, ST, NULL),
                         MIGP_ERR_SYSTEM);
        assert_int_equal(fake.n_sets, 0);
        stop(&fake, device);
    }
}

/* --- resets --- */

static void test_reset__from_every_state(void **state)
{
    uint32_t from;

    (void)state;
    for (from = 1; from < MIGP_STATE_COUNT; from++) {
        struct list list = {{{FAKE_OPS, 0, 0, 0, 0, 0}}};
        struct fake_device fake;
        struct migp_device *device = start(&fake, from, &list);

        assert_int_equal(migp_device_reset(device, NULL), MIGP_OK);
        assert_int_equal(migp_device_state(device), RU);
        assert_int_equal(migp_device_session(device), NONE);
        assert_int_equal(fake.slept, 0);
        stop(&fake, device);
    }
}

static int64_t late(struct fake_device *fake, enum fake_op op, size_t nth,
                    uint64_t value)
{
    (void)value;
    if (op == FAKE_GET && fake->now >= fake->size && fake->size != 0) {
        fake->state = RU;
    }
    return op == FAKE_RESET && nth <= fake->left ? -EAGAIN : FAKE_GO;
}

static struct migp_device *start_late(struct fake_device *fake,
                                      uint32_t after_reset, uint64_t running)
{
    struct migp_device *device;

    fake_init(fake);
    fake->left = 0;
    fake->after_reset = after_reset;
    device = fake_device_in(fake, MIGP_RECOVER_STATE, SC);
    fake->size = running;
    fake->hook = late;
    return device;
}

/* [DV-15] */
static void test_reset__deferred(void **state)
{
    static const uint64_t delays[] = {1, 1000000, 5000000000, 9999999999};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
        struct fake_device fake;
        struct migp_device *device = start_late(&fake, SC, delays[i]);

        assert_int_equal(migp_device_reset(device, NULL), MIGP_OK);
        assert_int_equal(migp_device_state(device), RU);
        assert_true(fake.slept >= delays[i] &&
                    fake.slept <= delays[i] + 100000000);
        /* 1, 2, 4 ... 64, 100, 100 ... ms: no busy loop, no long wait. */
        assert_true(fake.calls[FAKE_GET] <= 8 + delays[i] / 100000000 + 2);
        stop(&fake, device);
    }
}

static void test_reset__never_running(void **state)
{
    static const uint32_t places[] = {SC, ST, ER};
    struct migp_error error = MIGP_ERROR_INIT;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct fake_device fake;
        struct migp_device *device = start_late(&fake, places[i], 0);

        assert_int_equal(migp_device_reset(device, &error), MIGP_ERR_TIMED_OUT);
        assert_int_equal(fake.slept, UINT64_C(10000000000));
        assert_int_equal(migp_device_state(device), places[i]);
        assert_int_equal(migp_device_session(device), NONE);
        /* What could be loaded is not, unless it has left the session. */
        assert_int_equal(migp_device_needs_reset(device), places[i] != ST);
        stop(&fake, device);
    }
}

static uint64_t stopped_clock(void *user)
{
    (void)user;
    return 5;
}

static void test_reset__a_clock_that_stands_still(void **state)
{
    struct fake_device fake;
    struct migp_device_options options;
    struct migp_device *device;

    (void)state;
    fake_init(&fake);
    fake.after_reset = ST;
    fake.clock.now = stopped_clock;
    migp_device_options_init(&options);
    options.sys = &fake.clock;
    assert_int_equal(migp_device_new(&device, &fake.ops, &fake, &options, NULL),
                     MIGP_OK);
    assert_int_equal(migp_device_reset(device, NULL), MIGP_ERR_TIMED_OUT);
    stop(&fake, device);
}

static void test_reset__again(void **state)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct fake_device fake;
    struct migp_device *device = start_late(&fake, RU, 0);

    (void)state;
    fake.left = 20;
    assert_int_equal(migp_device_reset(device, NULL), MIGP_OK);
    assert_int_equal(fake.calls[FAKE_RESET], 21);
    stop(&fake, device);
    device = start_late(&fake, RU, 0);
    fake.left = UINT64_MAX;
    assert_int_equal(migp_device_reset(device, &error), MIGP_ERR_SYSTEM);
    assert_int_equal(error.system_errno, EAGAIN);
    assert_int_equal(fake.slept, UINT64_C(10000000000));
    assert_int_equal(migp_device_session(device), 100);
    stop(&fake, device);
}

static void test_reset__fails(void **state)
{
    static const struct {
        struct list list;
        int code;
        int system_errno;
        uint32_t state;
        int session;
    } cases[] = {
        {{{{FAKE_RESET, 1, -EINVAL, 0, 0, 0}}},
         MIGP_ERR_SYSTEM,
         EINVAL,
         SC,
         100},
        {{{{FAKE_RESET, 1, -EIO, ST, 0, 0}}}, MIGP_ERR_SYSTEM, EIO, ST, NONE},
        {{{{FAKE_RESET, 1, 5, 0, 0, 0}}}, MIGP_ERR_SYSTEM, EPROTO, SC, 100},
        {{{{FAKE_RESET, 1, -ENODEV, 0, 0, 0}}},
         MIGP_ERR_SYSTEM,
         ENODEV,
         SC,
         100},
        {{{{FAKE_RESET, 1, -ENODEV, 0, 0, 0}, {FAKE_GET, 1, -ENODEV, 0, 0, 0}}},
         MIGP_ERR_DEVICE_LOST,
         ENODEV,
         SC,
         100},
        {{{{FAKE_GET, 1, -ENODEV, 0, 0, 0}}},
         MIGP_ERR_DEVICE_LOST,
         ENODEV,
         SC,
         NONE},
        {{{{FAKE_GET, 1, -EIO, 0, 0, 0}}}, MIGP_ERR_SYSTEM, EIO, SC, NONE},
        {{{{FAKE_RESET, 1, -EINTR, 0, 0, 0},
           {FAKE_RESET, 2, -EINTR, RU, 0, 0}}},
         MIGP_OK,
         0,
         RU,
         NONE},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct migp_error error = MIGP_ERROR_INIT;
        struct list list = cases[i].list;
        struct fake_device fake;
        struct migp_device *device = start(&fake, SC, &list);

        assert_int_equal(migp_device_reset(device, &error), cases[i].code);
        assert_int_equal(error.system_errno, cases[i].system_errno);
        assert_int_equal(migp_device_state(device), cases[i].state);
        assert_int_equal(migp_device_session(device), cases[i].session);
        fake.hook = NULL;
        assert_int_equal(migp_device_query_state(device, NULL, NULL), MIGP_OK);
        assert_int_equal(migp_device_state(device), fake.state);
        stop(&fake, device);
    }
}

static int64_t cancel_late(struct fake_device *fake, enum fake_op op,
                           size_t nth, uint64_t value)
{
    (void)nth;
    (void)value;
    (void)op;
    if (fake->all_calls == fake->left) {
        migp_device_cancel(fake->device, 1);
    }
    return FAKE_GO;
}

static void test_reset__cancelled_while_waiting(void **state)
{
    size_t at;

    (void)state;
    for (at = 1; at < 6; at++) {
        struct fake_device fake;
        struct migp_device *device = start_late(&fake, ST, 0);

        fake.hook = cancel_late;
        fake.left = at;
        assert_int_equal(migp_device_reset(device, NULL), MIGP_ERR_CANCELLED);
        assert_int_equal(fake.all_calls, at);
        fake_check_sessions(&fake, device);
        migp_device_cancel(device, 0);
        fake.state = RU;
        /* Nobody else did it: that is no surprise. */
        assert_int_equal(at == 1 ? migp_device_query_state(device, NULL, NULL)
                                 : MIGP_OK,
                         MIGP_OK);
        stop(&fake, device);
    }
}

static void test_reset__not_to_be_had(void **state)
{
    struct fake_device fake;
    struct migp_device *device;

    (void)state;
    fake_init(&fake);
    fake.features = 0;
    device = fake_device_in(&fake, MIGP_RECOVER_RESET, RU);
    assert_int_equal(migp_device_reset(device, NULL), MIGP_ERR_UNSUPPORTED);
    assert_int_equal(fake.all_calls, 0);
    stop(&fake, device);
}

/* --- CONFIG bytes --- */

static void test_config__both_ways(void **state)
{
    struct list list = {{{FAKE_OPS, 0, 0, 0, 0, 0}}};
    struct fake_device fake;
    struct migp_device *device = start(&fake, RE, &list);
    char bytes[8];

    (void)state;
    assert_int_equal(migp_device_save_config(device, bytes, 3, NULL),
                     MIGP_ERR_NO_SPACE);
    assert_int_equal(migp_device_save_config(device, NULL, 3, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_device_save_config(device, bytes, 8, NULL), 4);
    assert_memory_equal(bytes, "conf", 4);
    assert_int_equal(migp_device_load_config(device, bytes, 4, NULL), MIGP_OK);
    assert_int_equal(migp_device_load_config(device, NULL, 4, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_device_set_state(device, RU, NULL), MIGP_OK);
    assert_int_equal(migp_device_load_config(device, bytes, 4, NULL),
                     MIGP_ERR_STATE);
    stop(&fake, device);
}

static void test_config__fails(void **state)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct list list = {{{FAKE_SAVE_CONFIG, 1, -EIO, 0, 0, 0},
                         {FAKE_SAVE_CONFIG, 2, 9, 0, 0, 0},
                         {FAKE_SAVE_CONFIG, 3, -EINTR, 0, 0, 0},
                         {FAKE_LOAD_CONFIG, 1, -EINTR, 0, 0, 0},
                         {FAKE_LOAD_CONFIG, 2, -EINVAL, 0, 0, 0}}};
    struct fake_device fake;
    struct migp_device *device = start(&fake, RE, &list);
    char bytes[8] = {0};

    (void)state;
    assert_int_equal(migp_device_save_config(device, bytes, 8, &error),
                     MIGP_ERR_SYSTEM);
    assert_int_equal(error.system_errno, EIO);
    assert_int_equal(migp_device_save_config(device, bytes, 8, &error),
                     MIGP_ERR_SYSTEM);
    assert_int_equal(error.system_errno, EPROTO);
    assert_int_equal(migp_device_save_config(device, bytes, 8, NULL), 4);
    assert_int_equal(migp_device_load_config(device, bytes, 4, &error),
                     MIGP_ERR_REFUSED);
    assert_int_equal(error.system_errno, EINVAL);
    assert_int_equal(fake.calls[FAKE_LOAD_CONFIG], 2);
    assert_int_equal(migp_device_needs_reset(device), 1);
    assert_int_equal(migp_device_write(device, bytes, 1, NULL),
                     MIGP_ERR_NEEDS_RESET);
    stop(&fake, device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new__tells_what_the_backend_told),
        cmocka_unit_test(test_null__is_no_device),
        cmocka_unit_test(test_new__migration_flags),
        cmocka_unit_test(test_new__states),
        cmocka_unit_test(test_new__the_backend_fails),
        cmocka_unit_test(test_new__interrupted),
        cmocka_unit_test(test_new__garbage_caps_are_cleaned),
        cmocka_unit_test(test_new__bad_arguments),
        cmocka_unit_test(test_new__a_short_table),
        cmocka_unit_test(test_set_state__every_way),
        cmocka_unit_test(test_set_state__one_session_for_a_whole_save),
        cmocka_unit_test(test_set_state__a_session_of_somebody_else),
        cmocka_unit_test(test_set_state__the_same_session_again),
        cmocka_unit_test(test_set_state__no_such_state),
        cmocka_unit_test(test_set_state__surprises),
        cmocka_unit_test(test_set_state__storms_and_cancels),
        cmocka_unit_test(
            test_set_state__interrupted_and_the_session_comes_late),
        cmocka_unit_test(test_set_state__cancelled_not_knowing),
        cmocka_unit_test(test_set_state__cancelled_knowing),
        cmocka_unit_test(test_query_state__reset_from_outside),
        cmocka_unit_test(test_query_state__error_and_out_of_it),
        cmocka_unit_test(test_query_state__impossible_answers),
        cmocka_unit_test(test_reset__from_every_state),
        cmocka_unit_test(test_reset__deferred),
        cmocka_unit_test(test_reset__never_running),
        cmocka_unit_test(test_reset__a_clock_that_stands_still),
        cmocka_unit_test(test_reset__again),
        cmocka_unit_test(test_reset__fails),
        cmocka_unit_test(test_reset__cancelled_while_waiting),
        cmocka_unit_test(test_reset__not_to_be_had),
        cmocka_unit_test(test_config__both_ways),
        cmocka_unit_test(test_config__fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
