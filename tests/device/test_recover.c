/* SPDX-License-Identifier: MIT */

/* What happens after a state change has failed: every change, every errno,
 * every place where the device may have ended up. */

#include "device/device.h"
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

#define RESET_ONLY 99U

/* One change that fails. */
struct failure {
    uint32_t migration;
    uint32_t from;
    uint32_t to;
    uint32_t land;
    int error;
    int get_error;    /* of all GETs behind the SET; 0: they answer */
    bool more_fail;   /* all later SETs, too */
    int reset_error;  /* of all resets; 0: they work */
    uint32_t recover; /* enum migp_recover */
};

static bool one_group(uint32_t left, uint32_t right)
{
    return (migp_state_saving(left) && migp_state_saving(right)) ||
           (left == RE && right == RE);
}

static int64_t fail_set(struct fake_device *fake, enum fake_op op, size_t nth,
                        uint64_t value)
{
    const struct failure *failure = fake->hook_user;

    (void)value;
    if (op == FAKE_SET && nth == 1) {
        if (!one_group(failure->from, failure->land)) {
            fake->live = MIGP_NO_SESSION;
        }
        fake->state = failure->land;
        return -failure->error;
    }
    if (op == FAKE_SET && failure->more_fail) {
        return -EBUSY;
    }
    if (op == FAKE_GET && fake->calls[FAKE_SET] > 0 &&
        failure->get_error != 0) {
        return -failure->get_error;
    }
    if (op == FAKE_RESET && failure->reset_error != 0) {
        return -failure->reset_error;
    }
    return FAKE_GO;
}

static bool on_the_way(const struct failure *failure)
{
    uint32_t path[MIGP_STATE_COUNT];
    migp_ssize n = migp_state_path(failure->migration, failure->from,
                                   failure->to, path, MIGP_STATE_COUNT);
    migp_ssize i;

    for (i = 0; i < n; i++) {
        if (path[i] == failure->land) {
            return true;
        }
    }
    return failure->land == failure->from;
}

static int expected_code(const struct failure *failure)
{
    if (failure->get_error == ENODEV) {
        return MIGP_ERR_DEVICE_LOST;
    }
    if (failure->get_error == 0 && failure->land != ER &&
        !on_the_way(failure)) {
        return MIGP_ERR_DEVICE_RESET;
    }
    return failure->from == RE && (failure->get_error != 0 ||
                                   failure->land == RE || failure->land == ER)
               ? MIGP_ERR_REFUSED
               : MIGP_ERR_SYSTEM;
}

/* The device's way in the fake's hands; the caller frees it. */
static struct migp_device *make_it_fail(struct fake_device *fake,
                                        const struct failure *failure,
                                        struct migp_error *error)
{
    struct migp_device *device;

    fake_init(fake);
    fake->migration = failure->migration;
    device = fake_device_in(fake, failure->recover, failure->from);
    fake->hook = fail_set;
    fake->hook_user = (void *)failure;
    migp_error_init(error);
    assert_int_equal(migp_device_set_state(device, failure->to, error),
                     expected_code(failure));
    assert_int_equal(error->code, expected_code(failure));
    return device;
}

/* A way out that is not gone twice. */
static bool one_way(const struct failure *failure)
{
    return failure->from == RE ||
           ((failure->from == PC || failure->from == PP) && failure->to != PC &&
            failure->to != PP && failure->to != SC);
}

/* What must be true whatever failed. */
static void check_truth(const struct fake_device *fake,
                        const struct failure *failure,
                        const struct migp_device *device,
                        const struct migp_error *error)
{
    int code = error->code;

    fake_check_sessions(fake, device);
    assert_true(error->text[0] != '\0');
    if (code == MIGP_ERR_SYSTEM || code == MIGP_ERR_REFUSED) {
        assert_int_equal(error->system_errno, failure->error);
    }
    if (failure->get_error == 0) {
        assert_int_equal(migp_device_state(device), fake->state);
        /* Whoever has a session can use it. */
        assert_int_equal(migp_device_session(device),
                         code == MIGP_ERR_DEVICE_RESET ? MIGP_NO_SESSION
                                                       : fake->live);
        if (fake->state == ER) {
            assert_true(migp_device_needs_reset(device));
        }
    }
    if (failure->recover == MIGP_RECOVER_NONE) {
        assert_int_equal(fake->n_sets, 1);
    }
    if (failure->recover != MIGP_RECOVER_RESET) {
        assert_int_equal(fake->calls[FAKE_RESET], 0);
    }
    if (code == MIGP_ERR_DEVICE_RESET || code == MIGP_ERR_DEVICE_LOST) {
        assert_int_equal(fake->n_sets, 1);
        assert_int_equal(fake->calls[FAKE_RESET], 0);
    }
    assert_int_equal(fake->calls[FAKE_INFO], 0);
    assert_int_equal(migp_device_needs_reset(device),
                     strstr(error->text, "only a reset helps") != NULL ||
                         (fake->state == ER && failure->get_error == 0) ||
                         (code == MIGP_ERR_DEVICE_LOST && one_way(failure)));
}

/* And the device can be brought back, as promised. */
static void check_return(struct fake_device *fake, struct migp_device *device)
{
    uint32_t state;

    fake->hook = NULL;
    if (migp_device_needs_reset(device)) {
        fake_forget(fake);
        assert_int_equal(migp_device_set_state(device, RU, NULL),
                         MIGP_ERR_NEEDS_RESET);
        assert_int_equal(fake->all_calls, 0);
        assert_int_equal(migp_device_reset(device, NULL), MIGP_OK);
        assert_int_equal(migp_device_state(device), RU);
    } else {
        (void)migp_device_query_state(device, &state, NULL);
        if (fake->state != ER) {
            assert_int_equal(migp_device_set_state(device, RU, NULL), MIGP_OK);
        }
    }
    fake_check_sessions(fake, device);
    migp_device_free(device);
    assert_true(fake->closed);
    assert_int_equal(fake->opened, fake->ended);
}

static void check_failure(const struct failure *failure)
{
    struct fake_device fake;
    struct migp_error error;
    struct migp_device *device = make_it_fail(&fake, failure, &error);

    check_truth(&fake, failure, device, &error);
    check_return(&fake, device);
}

static void check_all_options(struct failure *failure)
{
    static const int reset_errors[] = {0, EINVAL};
    unsigned variant;

    for (variant = 0; variant < 12; variant++) {
        failure->recover = variant % 3;
        failure->more_fail = variant / 3 % 2 != 0;
        failure->reset_error = reset_errors[variant / 6];
        check_failure(failure);
    }
}

static void check_all_places(struct failure *failure)
{
    static const int get_errors[] = {EIO, ENODEV, EINVAL};
    size_t i;

    failure->get_error = 0;
    for (failure->land = 0; failure->land < MIGP_STATE_COUNT; failure->land++) {
        if (migp_state_supported(failure->migration, failure->land)) {
            check_all_options(failure);
        }
    }
    failure->land = failure->from;
    for (i = 0; i < sizeof(get_errors) / sizeof(get_errors[0]); i++) {
        failure->get_error = get_errors[i];
        check_all_options(failure);
    }
}

static void test_set_state__every_change_fails_everywhere(void **state)
{
    static const int errors[] = {EIO,    EINVAL, EBUSY,    ENODEV,
                                 EMFILE, ENOMEM, ENOTCONN, EFAULT};
    struct failure failure;
    size_t changes = 0;
    uint32_t i;

    (void)state;
    memset(&failure, 0, sizeof(failure));
    for (i = 0; i < 4 * 64; i++) {
        size_t e;

        failure.migration = i / 64 * 2 + 1;
        failure.from = i / 8 % 8;
        failure.to = i % 8;
        if (failure.from == ER ||
            migp_state_path(failure.migration, failure.from, failure.to, NULL,
                            0) <= 0) {
            continue;
        }
        changes++;
        for (e = 0; e < sizeof(errors) / sizeof(errors[0]); e++) {
            failure.error = errors[e];
            check_all_places(&failure);
        }
    }
    /* The cells of the four tables that are neither - nor X. */
    assert_int_equal(changes, 12 + 20 + 19 + 40);
}

/* The rules by hand, for a device with all states: a change, where it left the
 * device, and what is asked of the device then. */
static const struct by_hand {
    uint32_t from;
    uint32_t to;
    uint32_t land;
    uint32_t then[3];
    const char *says;
} by_hand[] = {
    /* STOP_COPY was not reached: STOP, then RUNNING. */
    {PC, SC, PC, {ST, RU}, "went back to RUNNING"},
    {PC, SC, PP, {ST, RU}, "went back to RUNNING"},
    {PC, SC, SC, {ST, RU}, "went back to RUNNING"},
    {PP, SC, PP, {ST, RU}, "went back to RUNNING"},
    {PP, SC, SC, {ST, RU}, "went back to RUNNING"},
    {RU, SC, SC, {ST, RU}, "went back to RUNNING"},
    {RU, SC, ST, {RU}, "went back to RUNNING"},
    {RU, SC, RP, {RU}, "went back to RUNNING"},
    {RU, SC, RU, {0}, NULL},
    {RP, SC, RP, {RU}, "went back to RUNNING"},
    {RP, SC, ST, {RU}, "went back to RUNNING"},
    /* A VM that was stopped stays so. */
    {ST, SC, ST, {0}, NULL},
    {ST, SC, SC, {ST}, "went back to STOP"},
    {RE, SC, ST, {0}, NULL},
    {RE, SC, SC, {ST}, "went back to STOP"},
    /* PRE_COPY: where it was before. */
    {RU, PC, RU, {0}, NULL},
    {RU, PC, PC, {RU}, "went back to RUNNING"},
    {RU, PP, RP, {RU}, "went back to RUNNING"},
    {RU, PP, PP, {RU}, "went back to RUNNING"},
    {RP, PC, RU, {RP}, "went back to RUNNING_P2P"},
    {RP, PP, PP, {RP}, "went back to RUNNING_P2P"},
    {ST, PC, RU, {ST}, "went back to STOP"},
    {ST, PP, RP, {ST}, "went back to STOP"},
    {PC, PP, PC, {0}, NULL},
    {PC, PP, PP, {PC}, "went back to PRE_COPY"},
    {PP, PC, PC, {PP}, "went back to PRE_COPY_P2P"},
    {RE, PC, RU, {ST}, "went back to STOP"},
    /* RESUMING: where it was before, without a session that is gone. */
    {ST, RE, ST, {0}, NULL},
    {ST, RE, RE, {RESET_ONLY}, NULL},
    {RU, RE, ST, {RU}, "went back to RUNNING"},
    {RU, RE, RE, {RESET_ONLY}, NULL},
    {PC, RE, ST, {RU}, "went back to RUNNING"},
    {PP, RE, ST, {RP}, "went back to RUNNING_P2P"},
    {SC, RE, SC, {0}, NULL},
    {SC, RE, ST, {0}, NULL},
    /* Out of PRE_COPY and RESUMING: nothing is tried twice. */
    {PC, RU, PC, {RESET_ONLY}, NULL},
    {PC, RP, PC, {RESET_ONLY}, NULL},
    {PC, ST, PC, {RESET_ONLY}, NULL},
    {PC, RE, PC, {RESET_ONLY}, NULL},
    {PP, RU, PP, {RESET_ONLY}, NULL},
    {PP, ST, PP, {RESET_ONLY}, NULL},
    {PP, RE, PP, {RESET_ONLY}, NULL},
    {RE, ST, RE, {RESET_ONLY}, NULL},
    {RE, RU, RE, {RESET_ONLY}, NULL},
    {RE, SC, RE, {RESET_ONLY}, NULL},
    {RE, PC, RE, {RESET_ONLY}, NULL},
    {RE, PP, RE, {RESET_ONLY}, NULL},
    {RU, SC, ER, {RESET_ONLY}, NULL},
    {ST, RU, ER, {RESET_ONLY}, NULL},
    /* Anything else: as it is. */
    {PC, RU, RU, {0}, NULL},
    {PC, ST, RU, {0}, NULL},
    {PC, ST, RP, {0}, NULL},
    {RE, RU, ST, {0}, NULL},
    {RE, RU, RP, {0}, NULL},
    {SC, ST, SC, {0}, NULL},
    {SC, RU, ST, {0}, NULL},
    {ST, RU, RP, {0}, NULL},
    {RU, ST, RP, {0}, NULL},
    {RP, RU, RP, {0}, NULL},
};

static void check_by_hand(const struct by_hand *row, uint32_t recover)
{
    struct failure failure = {.migration = 7, .error = EIO};
    struct fake_device fake;
    struct migp_device *device;
    struct migp_error error;
    bool reset_only = row->then[0] == RESET_ONLY;
    size_t n = 0;

    failure.from = row->from;
    failure.to = row->to;
    failure.land = row->land;
    failure.recover = recover;
    device = make_it_fail(&fake, &failure, &error);
    assert_int_equal(fake.sets[0], row->to);
    while (!reset_only && recover != MIGP_RECOVER_NONE && row->then[n] != 0) {
        assert_true(n + 1 < fake.n_sets);
        assert_int_equal(fake.sets[n + 1], row->then[n]);
        n++;
    }
    assert_int_equal(fake.n_sets, n + 1);
    assert_int_equal(fake.calls[FAKE_RESET],
                     reset_only && recover == MIGP_RECOVER_RESET);
    assert_int_equal(migp_device_needs_reset(device),
                     reset_only && recover != MIGP_RECOVER_RESET);
    if (reset_only) {
        assert_non_null(strstr(error.text, recover == MIGP_RECOVER_RESET
                                               ? "; the device was reset"
                                               : "; only a reset helps"));
        assert_int_equal(migp_device_state(device),
                         recover == MIGP_RECOVER_RESET ? RU : row->land);
    } else if (n > 0) {
        assert_non_null(strstr(error.text, row->says));
        assert_int_equal(migp_device_state(device), row->then[n - 1]);
    } else {
        assert_null(strchr(error.text, ';'));
        assert_int_equal(migp_device_state(device), row->land);
    }
    check_return(&fake, device);
}

/* [DV-6] */
static void test_set_state__recovers_as_the_rules_say(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(by_hand) / sizeof(by_hand[0]); i++) {
        check_by_hand(&by_hand[i], MIGP_RECOVER_NONE);
        check_by_hand(&by_hand[i], MIGP_RECOVER_STATE);
        check_by_hand(&by_hand[i], MIGP_RECOVER_RESET);
    }
}

/* [DV-5] */
static void test_set_state__the_session_lives_on(void **state)
{
    static const struct failure kept[] = {
        {7, PC, PP, PC, EIO, 0, false, 0, 1},
        {7, PC, PP, PP, EIO, 0, false, 0, 0},
        {7, PC, SC, PP, EIO, 0, false, 0, 0},
        {7, SC, RE, SC, EIO, 0, false, 0, 1},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        struct fake_device fake;
        struct migp_error error;
        struct migp_device *device = make_it_fail(&fake, &kept[i], &error);
        uint8_t byte;

        assert_int_equal(migp_device_session(device), 100);
        assert_int_equal(migp_device_read(device, &byte, 1, NULL), 1);
        check_return(&fake, device);
    }
}

static void test_set_state__texts(void **state)
{
    static const struct {
        struct failure failure;
        const char *text;
    } cases[] = {
        {{7, RU, SC, ST, EIO, 0, false, 0, 1},
         "going from RUNNING to STOP_COPY failed in STOP: EIO; went back to "
         "RUNNING"},
        {{7, RE, ST, RE, EINVAL, 0, false, 0, 1},
         "going from RESUMING to STOP failed in RESUMING: EINVAL; only a reset "
         "helps"},
        {{7, RE, ST, RE, EINVAL, 0, false, 0, 2},
         "going from RESUMING to STOP failed in RESUMING: EINVAL; the device "
         "was reset"},
        {{7, RE, ST, RE, EINVAL, 0, false, EIO, 2},
         "going from RESUMING to STOP failed in RESUMING: EINVAL; only a reset "
         "helps, but the reset failed: EIO"},
        {{7, RU, SC, ST, EIO, 0, true, 0, 1},
         "going from RUNNING to STOP_COPY failed in STOP: EIO; going back to "
         "RUNNING failed, too; only a reset helps"},
        {{7, PC, SC, RU, EIO, 0, false, 0, 1},
         "the device is in RUNNING, it was left in PRE_COPY: somebody else "
         "reset it"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake_device fake;
        struct migp_error error;
        struct migp_device *device =
            make_it_fail(&fake, &cases[i].failure, &error);

        assert_string_equal(error.text, cases[i].text);
        check_return(&fake, device);
    }
}

/* The way back says that it has been made, and it has not. */
static int64_t pretend(struct fake_device *fake, enum fake_op op, size_t nth,
                       uint64_t value)
{
    (void)value;
    if (op == FAKE_SET && nth == 1) {
        fake_move(fake, ST);
        return -EIO;
    }
    return op == FAKE_SET ? 0 : FAKE_GO;
}

static void test_set_state__a_way_back_that_is_none(void **state)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct fake_device fake;
    struct migp_device *device;

    (void)state;
    fake_init(&fake);
    device = fake_device_in(&fake, MIGP_RECOVER_STATE, RU);
    fake.hook = pretend;
    assert_int_equal(migp_device_set_state(device, SC, &error),
                     MIGP_ERR_SYSTEM);
    assert_int_equal(migp_device_state(device), ST);
    assert_int_equal(migp_device_needs_reset(device), 1);
    assert_non_null(strstr(error.text, "going back to RUNNING failed, too"));
    check_return(&fake, device);
}

/* The SET fails and leaves the device stopped; then, as *user says, the way
 * back opens a session that nobody wants, or fails with a number of no session
 * in place of one. */
static int leaves_a_session(void *user, uint32_t state, int *session)
{
    struct fake_device *fake = user;
    const bool fails = *(const bool *)fake->hook_user;
    int code;

    if (fake->n_sets == 0) {
        fake->sets[fake->n_sets++] = state;
        fake_move(fake, ST);
        *session = 777;
        return -EIO;
    }
    if (fails) {
        *session = 777;
        return -EBUSY;
    }
    code = fake->set_state(user, state, session);
    *session = fake->next_session++;
    fake->opened++;
    return code;
}

static void test_set_state__a_way_back_with_a_session(void **state)
{
    int fails;

    (void)state;
    for (fails = 0; fails < 2; fails++) {
        struct migp_error error = MIGP_ERROR_INIT;
        struct fake_device fake;
        struct migp_device *device;
        bool how = fails != 0;

        fake_init(&fake);
        fake.set_state = fake.ops.set_state;
        fake.hook_user = &how;
        fake.ops.set_state = leaves_a_session;
        assert_int_equal(migp_device_new(&device, &fake.ops, &fake, NULL, NULL),
                         MIGP_OK);
        assert_int_equal(migp_device_set_state(device, SC, &error),
                         MIGP_ERR_SYSTEM);
        assert_int_equal(error.system_errno, EIO);
        assert_int_equal(migp_device_session(device), MIGP_NO_SESSION);
        assert_int_equal(migp_device_state(device), fails ? ST : RU);
        assert_int_equal(fake.opened, !fails);
        fake_check_sessions(&fake, device);
        migp_device_free(device);
        assert_int_equal(fake.ended_wrongly, 0);
    }
}

/* The first SET fails on the spot; later ones give out the session that was
 * open, as if it were new. */
static int gives_the_old_one(void *user, uint32_t state, int *session)
{
    struct fake_device *fake = user;
    int old = fake->live;
    int code;

    if (fake->n_sets == 0) {
        fake->sets[fake->n_sets++] = state;
        return -EIO;
    }
    code = fake->set_state(user, state, session);
    *session = old;
    return code;
}

static void test_set_state__a_way_back_with_the_old_session(void **state)
{
    struct fake_device fake;
    struct migp_device *device;

    (void)state;
    fake_init(&fake);
    fake.set_state = fake.ops.set_state;
    device = fake_device_in(&fake, MIGP_RECOVER_STATE, PC);
    device->ops.set_state = gives_the_old_one;
    assert_int_equal(migp_device_set_state(device, SC, NULL), MIGP_ERR_SYSTEM);
    assert_int_equal(migp_device_state(device), RU);
    assert_int_equal(fake.opened, 1);
    fake_check_sessions(&fake, device);
    migp_device_free(device);
}

/* A failed way out of PRE_COPY: its session is there, and nobody touches it. [DV-7] */
static void test_set_state__hands_off_after_a_failed_way_out(void **state)
{
    const struct failure failure = {7, PC, RU, PC, EIO, 0, false, 0, 1};
    struct migp_precopy_info info = {.struct_size = sizeof(info)};
    struct migp_error error;
    struct fake_device fake;
    struct migp_device *device = make_it_fail(&fake, &failure, &error);
    uint8_t byte;

    (void)state;
    fake_forget(&fake);
    assert_int_equal(migp_device_read(device, &byte, 1, NULL), MIGP_ERR_STATE);
    assert_int_equal(migp_device_precopy_info(device, &info, NULL),
                     MIGP_ERR_STATE);
    assert_int_equal(fake.all_calls, 0);
    check_return(&fake, device);
}

/* Cancels before call number *user of the change. */
static int64_t cancel_at(struct fake_device *fake, enum fake_op op, size_t nth,
                         uint64_t value)
{
    struct failure *failure = fake->hook_user;
    int64_t answer = fail_set(fake, op, nth, value);

    if (fake->all_calls == (size_t)failure->reset_error) {
        migp_device_cancel(fake->device, 1);
    }
    return answer == -EINVAL && op == FAKE_RESET ? FAKE_GO : answer;
}

static void test_set_state__cancelled_while_recovering(void **state)
{
    size_t i;
    int at;

    (void)state;
    for (i = 0; i < sizeof(by_hand) / sizeof(by_hand[0]); i++) {
        for (at = 1; at < 12; at++) {
            struct failure failure = {.migration = 7, .error = EIO};
            struct fake_device fake;
            struct migp_device *device;
            size_t before;
            int code;

            fake_init(&fake);
            failure.from = by_hand[i].from;
            failure.to = by_hand[i].to;
            failure.land = by_hand[i].land;
            failure.reset_error = at;
            device = fake_device_in(&fake, MIGP_RECOVER_RESET, failure.from);
            fake.hook_user = &failure;
            fake.hook = cancel_at;
            code = migp_device_set_state(device, failure.to, NULL);
            before = fake.all_calls;
            if (before > (size_t)at) {
                fail_msg("a call after the cancel");
            }
            assert_true(code == MIGP_ERR_CANCELLED || code == MIGP_ERR_SYSTEM ||
                        code == MIGP_ERR_REFUSED);
            fake_check_sessions(&fake, device);
            migp_device_cancel(device, 0);
            fake.hook = NULL;
            assert_true(migp_device_query_state(device, NULL, NULL) == MIGP_OK);
            assert_int_equal(migp_device_state(device), fake.state);
            assert_int_equal(migp_device_session(device), fake.live);
            check_return(&fake, device);
        }
    }
}

struct stab {
    struct migp_device *device;
    int get;
};

static int64_t fail_and_cancel(struct fake_device *fake, enum fake_op op,
                               size_t nth, uint64_t value)
{
    const struct stab *stab = fake->hook_user;

    (void)nth;
    (void)value;
    if (op == FAKE_SET) {
        migp_device_cancel(stab->device, stab->get == 0);
        return -EIO;
    }
    return op == FAKE_GET && fake->n_sets > 0 && stab->get != 0 ? stab->get
                                                                : FAKE_GO;
}

/* Not knowing where it is, after a way out that failed: no second attempt, no
 * write, no question. */
static void test_set_state__one_way_and_nobody_answers(void **state)
{
    static const uint32_t from[] = {RE, PC, PP};
    static const int gets[] = {0, -EIO}; /* 0: cancelled instead */
    size_t i;

    (void)state;
    for (i = 0; i < 12; i++) {
        uint32_t recover = i / 6 == 0 ? MIGP_RECOVER_NONE : MIGP_RECOVER_STATE;
        struct migp_precopy_info info = {.struct_size = sizeof(info)};
        struct fake_device fake;
        struct stab stab = {NULL, gets[i / 3 % 2]};
        char byte = 0;

        fake_init(&fake);
        stab.device = fake_device_in(&fake, recover, from[i % 3]);
        fake.hook = fail_and_cancel;
        fake.hook_user = &stab;
        assert_true(migp_device_set_state(stab.device, ST, NULL) < 0);
        migp_device_cancel(stab.device, 0);
        fake.hook = NULL;
        fake_forget(&fake);
        assert_true(migp_device_needs_reset(stab.device));
        assert_int_equal(migp_device_set_state(stab.device, ST, NULL),
                         MIGP_ERR_NEEDS_RESET);
        assert_true(migp_device_write(stab.device, &byte, 1, NULL) < 0);
        assert_true(migp_device_read(stab.device, &byte, 1, NULL) < 0);
        assert_true(migp_device_precopy_info(stab.device, &info, NULL) < 0);
        assert_int_equal(fake.all_calls, 0);
        assert_int_equal(migp_device_reset(stab.device, NULL), MIGP_OK);
        assert_int_equal(migp_device_needs_reset(stab.device), 0);
        fake_check_sessions(&fake, stab.device);
        migp_device_free(stab.device);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_state__every_change_fails_everywhere),
        cmocka_unit_test(test_set_state__recovers_as_the_rules_say),
        cmocka_unit_test(test_set_state__the_session_lives_on),
        cmocka_unit_test(test_set_state__texts),
        cmocka_unit_test(test_set_state__a_way_back_that_is_none),
        cmocka_unit_test(test_set_state__a_way_back_with_a_session),
        cmocka_unit_test(test_set_state__a_way_back_with_the_old_session),
        cmocka_unit_test(test_set_state__hands_off_after_a_failed_way_out),
        cmocka_unit_test(test_set_state__cancelled_while_recovering),
        cmocka_unit_test(test_set_state__one_way_and_nobody_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
