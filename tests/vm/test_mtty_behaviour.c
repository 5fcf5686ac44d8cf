/* SPDX-License-Identifier: MIT */
/*
 * What can go wrong around a real device: each system call failing in turn,
 * interrupted, cut short, cancelled, and a reset from outside before each. No
 * fd is left, no state is unknown, no stream is wrong that was called good.
 */
#include "mtty.h"
#include "support/journey.h"
#include "unit/cmocka_all.h"

#include <migproto/fsm.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* More calls than a save or a load makes. */
#define CALLS_MAX 200

/* In the scratch register of a target before the load. */
#define BEFORE 0x5c

static struct journey saved;
static struct journey scratch;

/* The state that all saves below must give, into `saved`. */
static void prepare(const char *name)
{
    struct mtty mtty;

    mtty_open(&mtty, name, MIGP_RECOVER_STATE);
    mtty_renew(&mtty);
    mtty_fill(&mtty, 3);
    saved.n = mtty_golden(&mtty, "stopcopy-direct", saved.bytes);
    mtty_close(&mtty);
}

static void set_running(struct mtty *mtty)
{
    assert_int_equal(mtty_reset(mtty), 0);
    assert_int_equal(mtty_state(mtty), MIGP_STATE_RUNNING);
}

static void check_saved(void)
{
    assert_int_equal(scratch.n, saved.n);
    assert_memory_equal(scratch.bytes, saved.bytes, saved.n);
}

/* --- a call fails --------------------------------------------------------- */

/* After a failure, when nothing fails any more: the state is known, and the
 * device is good for another journey. */
static void check_known(struct mtty *mtty, int status,
                        const struct migp_error *e)
{
    uint32_t now = UINT32_MAX;
    int known;

    assert_int_equal(e->code, status);
    assert_true(e->text[0] != '\0');
    known = migp_device_query_state(mtty->device, &now, NULL);
    assert_true(known == MIGP_OK || known == MIGP_ERR_DEVICE_RESET);
    assert_int_equal(now, mtty_state(mtty));
    assert_int_equal(migp_device_state(mtty->device), now);
    if (migp_device_needs_reset(mtty->device)) {
        assert_int_equal(migp_device_reset(mtty->device, NULL), MIGP_OK);
    } else {
        assert_int_equal(
            migp_device_set_state(mtty->device, MIGP_STATE_RUNNING, NULL),
            MIGP_OK);
    }
    assert_int_equal(mtty_state(mtty), MIGP_STATE_RUNNING);
    assert_int_equal(journey_save(&scratch, mtty->device, true, 4096, NULL),
                     MIGP_OK);
}

/* One journey, the n-th call failing; false when it has no n calls. */
static bool try_one(const char *name, const struct fail_plan *plan, bool load)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct mtty mtty;
    bool failed;
    bool enough;
    int status = mtty_try_open(&mtty, name, MIGP_RECOVER_STATE, plan, &error);

    if (status != MIGP_OK) {
        assert_int_equal(error.code, status);
        assert_true(error.text[0] != '\0');
        return true;
    }
    status = load ? journey_load(&saved, mtty.device, 40, &error)
                  : journey_save(&scratch, mtty.device, true, 40, &error);
    failed = mtty.fail.failed;
    enough = mtty.fail.calls >= plan->at;
    fail_sys_start(&mtty.fail, NULL);
    if (status != MIGP_OK) {
        assert_true(failed);
        check_known(&mtty, status, &error);
    } else if (!load) {
        check_saved();
    } else {
        assert_int_equal(mtty_state(&mtty), MIGP_STATE_RUNNING);
        assert_int_equal(mtty_get(&mtty, 0, UART_SCR), 0xa6);
    }
    set_running(&mtty);
    mtty_close(&mtty);
    return enough;
}

static void try_all(void **state, int number, bool after, bool load)
{
    struct fail_plan plan = {.error = number, .after = after};
    const char *name =
        load ? mtty_kind(state)->target : mtty_kind(state)->source;

    do {
        plan.at++;
        assert_in_range(plan.at, 1, CALLS_MAX);
    } while (try_one(name, &plan, load));
    assert_in_range(plan.at, 10, CALLS_MAX);
}

static void test_every_call__fails_in_turn(void **state)
{
    static const int numbers[] = {EIO,    ENOMEM, ENODEV, EINVAL,
                                  EFAULT, EMFILE, ENOTTY, EBUSY};
    size_t i;

    prepare(mtty_kind(state)->source);
    for (i = 0; i < N_TESTS(numbers); i++) {
        try_all(state, numbers[i], false, false);
        try_all(state, numbers[i], false, true);
        try_all(state, numbers[i], true, false);
        try_all(state, numbers[i], true, true);
    }
}

static void test_every_call__and_all_after_it_fail(void **state)
{
    struct fail_plan plan = {.error = ENODEV, .on = true};
    bool failed = true;

    while (failed) {
        struct migp_error error = MIGP_ERROR_INIT;
        struct mtty mtty;
        int status;

        plan.at++;
        assert_in_range(plan.at, 1, CALLS_MAX);
        status = mtty_try_open(&mtty, mtty_kind(state)->source,
                               MIGP_RECOVER_RESET, &plan, &error);
        if (status != MIGP_OK) {
            continue;
        }
        status = journey_save(&scratch, mtty.device, true, 40, &error);
        failed = mtty.fail.failed;
        assert_int_equal(status, failed ? MIGP_ERR_DEVICE_LOST : MIGP_OK);
        fail_sys_start(&mtty.fail, NULL);
        set_running(&mtty);
        mtty_close(&mtty);
    }
    assert_in_range(plan.at, 10, CALLS_MAX);
}

/* --- short, interrupted, cancelled ---------------------------------------- */

static void transfer(void **state, const struct fail_plan *plan)
{
    struct mtty source;
    struct mtty target;

    prepare(mtty_kind(state)->source);
    mtty_open(&source, mtty_kind(state)->source, MIGP_RECOVER_STATE);
    mtty_open(&target, mtty_kind(state)->target, MIGP_RECOVER_STATE);
    mtty_put(&target, 0, UART_SCR, BEFORE);
    fail_sys_start(&source.fail, plan);
    fail_sys_start(&target.fail, plan);
    assert_int_equal(journey_save(&scratch, source.device, true, 4096, NULL),
                     MIGP_OK);
    check_saved();
    assert_int_equal(journey_load(&scratch, target.device, 4096, NULL),
                     MIGP_OK);
    if (plan->interrupts > 0) {
        assert_true(source.fail.interrupted > 10);
        assert_true(target.fail.interrupted > 6);
    }
    fail_sys_start(&target.fail, NULL);
    assert_int_equal(mtty_get(&target, 0, UART_SCR), 0xa6);
    fail_sys_start(&source.fail, NULL);
    mtty_close(&target);
    mtty_close(&source);
}

static void test_transfer__short_reads_and_writes_of_every_size(void **state)
{
    struct fail_plan plan = {0};

    for (plan.max_io = 1; plan.max_io <= MTTY_MAX + 1; plan.max_io++) {
        transfer(state, &plan);
    }
}

static void test_transfer__interrupted_before_every_call(void **state)
{
    const struct fail_plan plan = {.interrupts = 3};

    transfer(state, &plan);
}

/* Something that happens before the n-th call. */
struct event {
    struct mtty *mtty;
    size_t at;
};

static void cancel(void *user, size_t call)
{
    const struct event *event = user;

    if (call == event->at) {
        migp_device_cancel(event->mtty->device, 1);
    }
}

static void test_save__cancelled_at_every_call(void **state)
{
    struct mtty mtty;
    struct event event = {&mtty, 0};
    const struct fail_plan plan = {
        .interrupts = 1, .hook = cancel, .hook_user = &event};
    int status = MIGP_ERR_CANCELLED;

    prepare(mtty_kind(state)->source);
    while (status != MIGP_OK) {
        uint32_t now;

        event.at++;
        assert_in_range(event.at, 1, CALLS_MAX);
        mtty_open(&mtty, mtty_kind(state)->source, MIGP_RECOVER_STATE);
        fail_sys_start(&mtty.fail, &plan);
        status = journey_save(&scratch, mtty.device, true, 40, NULL);
        if (status != MIGP_OK) {
            assert_int_equal(status, MIGP_ERR_CANCELLED);
            assert_true(mtty.fail.calls <= event.at + 2);
        }
        fail_sys_start(&mtty.fail, NULL);
        migp_device_cancel(mtty.device, 0);
        assert_int_equal(migp_device_query_state(mtty.device, &now, NULL),
                         MIGP_OK);
        assert_int_equal(now, mtty_state(&mtty));
        assert_int_equal(
            migp_device_set_state(mtty.device, MIGP_STATE_RUNNING, NULL),
            MIGP_OK);
        assert_int_equal(journey_save(&scratch, mtty.device, true, 40, NULL),
                         MIGP_OK);
        check_saved();
        mtty_close(&mtty);
    }
    assert_true(event.at > 10);
}

/* --- a reset from outside ------------------------------------------------- */

static void reset(void *user, size_t call)
{
    const struct event *event = user;

    if (call == event->at) {
        assert_int_equal(mtty_reset(event->mtty), 0);
    }
}

/* What was told to be there is; a journey from here succeeds. */
static void check_after_reset(struct mtty *mtty, int status)
{
    uint32_t now;

    fail_sys_start(&mtty->fail, NULL);
    if (status != MIGP_OK) {
        /* RUNNING, or where the request went that came after the reset. */
        assert_int_equal(status, MIGP_ERR_DEVICE_RESET);
        assert_int_equal(migp_device_state(mtty->device), mtty_state(mtty));
        assert_int_equal(migp_device_session(mtty->device), MIGP_NO_SESSION);
    }
    /* A reset after the last look is seen at the next one. */
    (void)migp_device_query_state(mtty->device, &now, NULL);
    assert_int_equal(now, mtty_state(mtty));
    assert_int_equal(
        migp_device_set_state(mtty->device, MIGP_STATE_RUNNING, NULL), MIGP_OK);
    assert_int_equal(journey_save(&scratch, mtty->device, true, 40, NULL),
                     MIGP_OK);
    assert_int_equal(scratch.n, saved.n);
}

static void test_save__reset_before_every_call(void **state)
{
    struct mtty mtty;
    struct event event = {&mtty, 0};
    const struct fail_plan plan = {.hook = reset, .hook_user = &event};
    size_t noticed = 0;
    size_t calls;

    prepare(mtty_kind(state)->source);
    do {
        int status;

        event.at++;
        assert_in_range(event.at, 1, CALLS_MAX);
        mtty_open(&mtty, mtty_kind(state)->source, MIGP_RECOVER_STATE);
        fail_sys_start(&mtty.fail, &plan);
        status = journey_save(&scratch, mtty.device, true, 40, NULL);
        calls = mtty.fail.calls;
        if (status == MIGP_OK) {
            check_saved();
        } else {
            noticed++;
        }
        check_after_reset(&mtty, status);
        mtty_close(&mtty);
    } while (calls >= event.at);
    assert_in_range(noticed, 5, event.at);
}

/* One reset cannot be seen: the one between the last look and the request that
 * loads, to which the kernel then answers from RUNNING. */
static void test_load__reset_before_every_call(void **state)
{
    struct mtty mtty;
    struct event event = {&mtty, 0};
    const struct fail_plan plan = {.hook = reset, .hook_user = &event};
    size_t noticed = 0;
    size_t missed = 0;
    size_t calls;

    prepare(mtty_kind(state)->source);
    do {
        int status;

        event.at++;
        assert_in_range(event.at, 1, CALLS_MAX);
        mtty_open(&mtty, mtty_kind(state)->target, MIGP_RECOVER_STATE);
        mtty_put(&mtty, 0, UART_SCR, BEFORE);
        fail_sys_start(&mtty.fail, &plan);
        status = journey_load(&saved, mtty.device, 40, NULL);
        calls = mtty.fail.calls;
        fail_sys_start(&mtty.fail, NULL);
        if (status != MIGP_OK) {
            noticed++;
        } else if (mtty_get(&mtty, 0, UART_SCR) != 0xa6) {
            missed++;
        }
        check_after_reset(&mtty, status);
        mtty_close(&mtty);
    } while (calls >= event.at);
    assert_in_range(noticed, 2, event.at);
    assert_in_range(missed, 0, 1);
}

/* Between two calls of a VMM it is always seen, by the next one. */
static void test_save__reset_between_steps(void **state)
{
    static const uint32_t way[] = {MIGP_STATE_PRE_COPY, MIGP_STATE_PRE_COPY_P2P,
                                   MIGP_STATE_STOP_COPY, MIGP_STATE_STOP};
    struct mtty mtty;
    uint32_t now;
    size_t steps;
    size_t i;

    prepare(mtty_kind(state)->source);
    for (steps = 1; steps <= N_TESTS(way); steps++) {
        mtty_open(&mtty, mtty_kind(state)->source, MIGP_RECOVER_STATE);
        for (i = 0; i < steps; i++) {
            assert_int_equal(migp_device_set_state(mtty.device, way[i], NULL),
                             MIGP_OK);
        }
        assert_int_equal(mtty_reset(&mtty), 0);
        if (steps < N_TESTS(way)) {
            assert_int_equal(
                migp_device_set_state(mtty.device, way[steps], NULL),
                MIGP_ERR_DEVICE_RESET);
        } else {
            assert_int_equal(migp_device_query_state(mtty.device, &now, NULL),
                             MIGP_ERR_DEVICE_RESET);
        }
        assert_int_equal(mtty_state(&mtty), MIGP_STATE_RUNNING);
        check_after_reset(&mtty, MIGP_ERR_DEVICE_RESET);
        mtty_close(&mtty);
    }
}

static void test_read__reset_between_two(void **state)
{
    static const uint32_t from[] = {MIGP_STATE_PRE_COPY, MIGP_STATE_STOP_COPY};
    struct mtty mtty;
    uint8_t bytes[MTTY_MAX];
    size_t i;

    prepare(mtty_kind(state)->source);
    for (i = 0; i < N_TESTS(from); i++) {
        mtty_open(&mtty, mtty_kind(state)->source, MIGP_RECOVER_STATE);
        assert_int_equal(migp_device_set_state(mtty.device, from[i], NULL),
                         MIGP_OK);
        assert_int_equal(migp_device_read(mtty.device, bytes, 7, NULL), 7);
        assert_int_equal(mtty_reset(&mtty), 0);
        assert_int_equal(migp_device_read(mtty.device, bytes, 7, NULL),
                         MIGP_ERR_DEVICE_RESET);
        check_after_reset(&mtty, MIGP_ERR_DEVICE_RESET);
        mtty_close(&mtty);
    }
}

/* Before anything was written, in the middle, and when all was: the kernel
 * would go to STOP and have loaded nothing. */
static void test_load__reset_between_steps(void **state)
{
    struct mtty mtty;
    size_t written;

    prepare(mtty_kind(state)->source);
    for (written = 0; written <= saved.n; written += saved.n / 2) {
        mtty_open(&mtty, mtty_kind(state)->target, MIGP_RECOVER_STATE);
        mtty_put(&mtty, 0, UART_SCR, BEFORE);
        assert_int_equal(
            migp_device_set_state(mtty.device, MIGP_STATE_RESUMING, NULL),
            MIGP_OK);
        assert_int_equal(
            migp_device_write(mtty.device, saved.bytes, written, NULL),
            (migp_ssize)written);
        assert_int_equal(mtty_reset(&mtty), 0);
        assert_int_equal(
            migp_device_set_state(mtty.device, MIGP_STATE_STOP, NULL),
            MIGP_ERR_DEVICE_RESET);
        assert_int_equal(mtty_get(&mtty, 0, UART_SCR), BEFORE);
        assert_int_equal(mtty_state(&mtty), MIGP_STATE_RUNNING);
        assert_int_equal(journey_load(&saved, mtty.device, 40, NULL), MIGP_OK);
        assert_int_equal(mtty_get(&mtty, 0, UART_SCR), 0xa6);
        mtty_close(&mtty);
    }
}

static void test_reset__from_every_state(void **state)
{
    struct mtty mtty;
    uint32_t from;

    mtty_open(&mtty, mtty_kind(state)->source, MIGP_RECOVER_STATE);
    for (from = MIGP_STATE_STOP; from < MIGP_STATE_COUNT; from++) {
        assert_int_equal(migp_device_set_state(mtty.device, from, NULL),
                         MIGP_OK);
        assert_int_equal(migp_device_reset(mtty.device, NULL), MIGP_OK);
        assert_int_equal(mtty_state(&mtty), MIGP_STATE_RUNNING);
        assert_int_equal(migp_device_state(mtty.device), MIGP_STATE_RUNNING);
        assert_int_equal(migp_device_session(mtty.device), MIGP_NO_SESSION);
    }
    mtty_close(&mtty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MTTY_BOTH(test_every_call__fails_in_turn),
        MTTY_BOTH(test_every_call__and_all_after_it_fail),
        MTTY_BOTH(test_transfer__short_reads_and_writes_of_every_size),
        MTTY_BOTH(test_transfer__interrupted_before_every_call),
        MTTY_BOTH(test_save__cancelled_at_every_call),
        MTTY_BOTH(test_save__reset_before_every_call),
        MTTY_BOTH(test_load__reset_before_every_call),
        MTTY_BOTH(test_save__reset_between_steps),
        MTTY_BOTH(test_read__reset_between_two),
        MTTY_BOTH(test_load__reset_between_steps),
        MTTY_BOTH(test_reset__from_every_state),
    };

    return cmocka_run_group_tests_name("mtty_behaviour", tests, NULL, NULL);
}
