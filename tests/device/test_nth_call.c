/* SPDX-License-Identifier: MIT */
/*
 * The n-th system call fails, for all n, for several errnos, before and after
 * the call was made: no leak, no double close, no abort, and the state is known
 * or the device is reported lost.
 */
#include "support/journey.h"
#include "support/rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SIM "size=12K,initial=4K"

static struct journey saved;
static struct journey scratch;

static enum rig_kind kinds[] = {RIG_KERNEL, RIG_VFIO_USER, RIG_CUSTOM};

static enum rig_kind kind_of(void **state)
{
    return *(const enum rig_kind *)*state;
}

/* After a failure: ask, with nothing failing any more. */
static void check_known(struct rig *rig, int status, const struct migp_error *e)
{
    struct migp_error error = MIGP_ERROR_INIT;
    uint32_t now = UINT32_MAX;
    int known;

    assert_int_equal(e->code, status);
    assert_true(strlen(e->text) > 0);
    fail_sys_start(&rig->fail, NULL);
    known = migp_device_query_state(rig->device, &now, &error);
    if (known == MIGP_ERR_DEVICE_LOST) {
        /* A connection that broke does not come back. */
        assert_int_equal(rig->kind, RIG_VFIO_USER);
        assert_int_equal(migp_device_reset(rig->device, NULL),
                         MIGP_ERR_DEVICE_LOST);
        return;
    }
    assert_true(known == MIGP_OK || known == MIGP_ERR_DEVICE_RESET);
    assert_int_equal(now, rig_true_state(rig));
    assert_int_equal(migp_device_state(rig->device), now);
    if (migp_device_needs_reset(rig->device)) {
        assert_int_equal(migp_device_reset(rig->device, &error), MIGP_OK);
    } else {
        assert_int_equal(
            migp_device_set_state(rig->device, MIGP_STATE_RUNNING, &error),
            MIGP_OK);
    }
    assert_int_equal(journey_save(&scratch, rig->device, true, 4096, &error),
                     MIGP_OK);
}

/* Open, save or load with the n-th call failing. Returns false when there are
 * no n calls. */
static bool try_one(enum rig_kind kind, const struct fail_plan *plan, bool load)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct rig rig;
    bool reached;
    int status = rig_open(&rig, kind, SIM ",seed=5", plan, NULL, &error);

    if (status != MIGP_OK) {
        assert_int_equal(error.code, status);
        assert_true(strlen(error.text) > 0);
        return true;
    }
    status = load ? journey_load(&saved, rig.device, 4096, &error)
                  : journey_save(&scratch, rig.device, true, 4096, &error);
    reached = rig.fail.calls >= plan->at;
    if (status != MIGP_OK) {
        assert_true(rig.fail.failed);
        check_known(&rig, status, &error);
    } else if (load) {
        /* It was met without harm: the state is all there. */
        assert_int_equal(rig_true_state(&rig), MIGP_STATE_RUNNING);
    }
    rig_close(&rig);
    return reached;
}

static void try_all(enum rig_kind kind, int number, bool after, bool load)
{
    struct fail_plan plan = {.error = number, .after = after};

    do {
        plan.at++;
        assert_true(plan.at < 10000);
    } while (try_one(kind, &plan, load));
    assert_true(plan.at > 10);
}

static void test_every_call__fails_in_turn(void **state)
{
    static const int numbers[] = {EIO,    ENOMEM, ENODEV, EINVAL, EFAULT,
                                  EMFILE, ENOTTY, EBUSY,  EPIPE};
    struct rig rig;
    size_t i;

    assert_int_equal(
        rig_open(&rig, kind_of(state), SIM ",seed=4", NULL, NULL, NULL),
        MIGP_OK);
    assert_int_equal(journey_save(&saved, rig.device, false, 4096, NULL),
                     MIGP_OK);
    rig_close(&rig);
    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        try_all(kind_of(state), numbers[i], false, false);
        try_all(kind_of(state), numbers[i], false, true);
        try_all(kind_of(state), numbers[i], true, false);
        try_all(kind_of(state), numbers[i], true, true);
    }
}

/* From the n-th call on everything fails: the device is gone. */
static void test_every_call__and_all_after_it_fail(void **state)
{
    struct fail_plan plan = {.error = ENODEV, .on = true};
    bool failed;

    do {
        struct migp_error error = MIGP_ERROR_INIT;
        struct rig rig;
        int status;

        plan.at++;
        status = rig_open(&rig, kind_of(state), SIM, &plan, NULL, &error);
        if (status != MIGP_OK) {
            failed = true;
            continue;
        }
        status = journey_save(&scratch, rig.device, true, 4096, &error);
        failed = rig.fail.failed;
        if (failed) {
            assert_int_equal(status, MIGP_ERR_DEVICE_LOST);
        }
        rig_close(&rig);
    } while (failed);
    assert_true(plan.at > 10);
}

#define FOR(kind, test)                                                        \
    {                                                                          \
        #test " on " #kind, test, NULL, NULL, &kinds[RIG_##kind]               \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOR(KERNEL, test_every_call__fails_in_turn),
        FOR(VFIO_USER, test_every_call__fails_in_turn),
        FOR(KERNEL, test_every_call__and_all_after_it_fail),
        FOR(VFIO_USER, test_every_call__and_all_after_it_fail),
    };

    return cmocka_run_group_tests_name("nth_call", tests, NULL, NULL);
}
