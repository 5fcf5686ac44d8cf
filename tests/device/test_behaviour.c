/* SPDX-License-Identifier: MIT */
/* One suite for all backends: what a VMM relies on, whatever is behind. */
#include "support/journey.h"
#include "support/rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SIM "size=20K,initial=5K"

static struct journey first;
static struct journey second;

static enum rig_kind kinds[] = {RIG_KERNEL, RIG_VFIO_USER, RIG_CUSTOM};

static enum rig_kind kind_of(void **state)
{
    return *(const enum rig_kind *)*state;
}

static void expect_ok(int status, const struct migp_error *error)
{
    if (status != MIGP_OK) {
        fail_msg("%s: %s", migp_error_id(status), error->text);
    }
}

static void open_two(struct rig *source, struct rig *target, enum rig_kind kind)
{
    assert_int_equal(rig_open(source, kind, SIM ",seed=7", NULL, NULL, NULL),
                     MIGP_OK);
    assert_int_equal(rig_open(target, kind, SIM ",seed=8", NULL, NULL, NULL),
                     MIGP_OK);
    assert_true(rig_fingerprint(source) != rig_fingerprint(target));
}

static void round_trip(enum rig_kind kind, bool precopy, size_t chunk)
{
    struct rig source;
    struct rig target;
    uint64_t before;

    open_two(&source, &target, kind);
    before = rig_fingerprint(&source);
    assert_int_equal(journey_save(&first, source.device, precopy, chunk, NULL),
                     MIGP_OK);
    assert_int_equal(rig_true_state(&source), MIGP_STATE_STOP);
    assert_int_equal(journey_load(&first, target.device, chunk, NULL), MIGP_OK);
    assert_int_equal(rig_true_state(&target), MIGP_STATE_RUNNING);
    assert_true(rig_fingerprint(&target) == before);
    assert_true(rig_fingerprint(&source) == before);
    assert_int_equal(migp_device_session(source.device), MIGP_NO_SESSION);
    assert_int_equal(migp_device_session(target.device), MIGP_NO_SESSION);
    rig_close(&target);
    rig_close(&source);
}

static void test_round_trip__any_chunk_with_and_without_precopy(void **state)
{
    static const size_t chunks[] = {1, 7, 512, 4096, 5120, 65536};
    size_t i;

    for (i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
        round_trip(kind_of(state), false, chunks[i]);
        round_trip(kind_of(state), true, chunks[i]);
    }
}

static void test_read__chunks_make_no_difference(void **state)
{
    struct rig rig;

    assert_int_equal(rig_open(&rig, kind_of(state), SIM, NULL, NULL, NULL),
                     MIGP_OK);
    assert_int_equal(journey_save(&first, rig.device, false, 4096, NULL),
                     MIGP_OK);
    assert_true(first.n > 0);
    assert_int_equal(
        migp_device_set_state(rig.device, MIGP_STATE_RUNNING, NULL), MIGP_OK);
    assert_int_equal(journey_save(&second, rig.device, false, 13, NULL),
                     MIGP_OK);
    assert_int_equal(first.n, second.n);
    assert_memory_equal(first.bytes, second.bytes, first.n);
    rig_close(&rig);
}

static void test_read__end_stays_the_end(void **state)
{
    struct rig rig;
    char byte;
    int i;

    assert_int_equal(rig_open(&rig, kind_of(state), SIM, NULL, NULL, NULL),
                     MIGP_OK);
    assert_int_equal(
        migp_device_set_state(rig.device, MIGP_STATE_STOP_COPY, NULL), MIGP_OK);
    while (migp_device_read(rig.device, first.bytes, 4096, NULL) > 0) {
    }
    for (i = 0; i < 3; i++) {
        assert_int_equal(migp_device_read(rig.device, &byte, 1, NULL), 0);
    }
    rig_close(&rig);
}

/* Brings a device from RUNNING into a state; data that RESUMING needs to be
 * left again is not there, so what starts there is not tried. */
static void try_pair(enum rig_kind kind, uint32_t from, uint32_t to)
{
    struct migp_device_caps caps = {.struct_size = sizeof(caps)};
    struct rig rig;
    migp_ssize way;
    int status;

    assert_int_equal(rig_open(&rig, kind, SIM, NULL, NULL, NULL), MIGP_OK);
    assert_int_equal(migp_device_get_caps(rig.device, &caps), MIGP_OK);
    assert_int_equal(migp_device_set_state(rig.device, from, NULL), MIGP_OK);
    way = migp_state_path(caps.migration, from, to, NULL, 0);
    status = migp_device_set_state(rig.device, to, NULL);
    assert_int_equal(status, way < 0 ? way : MIGP_OK);
    assert_int_equal(rig_true_state(&rig), way < 0 ? from : to);
    assert_int_equal(migp_device_state(rig.device), rig_true_state(&rig));
    assert_true((migp_device_session(rig.device) != MIGP_NO_SESSION) ==
                (migp_device_state(rig.device) >= MIGP_STATE_STOP_COPY &&
                 migp_device_state(rig.device) != MIGP_STATE_RUNNING_P2P));
    rig_close(&rig);
}

/* [DV-3] */
static void test_set_state__every_pair(void **state)
{
    uint32_t from;
    uint32_t to;

    for (from = MIGP_STATE_STOP; from < MIGP_STATE_COUNT; from++) {
        for (to = MIGP_STATE_STOP; to < MIGP_STATE_COUNT; to++) {
            if (from != MIGP_STATE_RESUMING || to == MIGP_STATE_RESUMING) {
                try_pair(kind_of(state), from, to);
            }
        }
    }
}

static void test_set_state__no_such_state(void **state)
{
    static const uint32_t none[] = {MIGP_STATE_ERROR, 8, 255, UINT32_MAX};
    struct rig rig;
    size_t i;

    assert_int_equal(rig_open(&rig, kind_of(state), SIM, NULL, NULL, NULL),
                     MIGP_OK);
    for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_true(migp_device_set_state(rig.device, none[i], NULL) < 0);
        assert_int_equal(rig_true_state(&rig), MIGP_STATE_RUNNING);
    }
    rig_close(&rig);
}

static void test_load__every_cut_is_refused_and_nothing_is_loaded(void **state)
{
    struct migp_device_options options;
    struct rig source;
    struct rig target;
    size_t whole;
    size_t cut;
    uint64_t before;

    migp_device_options_init(&options);
    options.recover = MIGP_RECOVER_RESET;
    assert_int_equal(
        rig_open(&source, kind_of(state), SIM ",seed=7", NULL, NULL, NULL),
        MIGP_OK);
    assert_int_equal(journey_save(&first, source.device, false, 4096, NULL),
                     MIGP_OK);
    assert_int_equal(
        rig_open(&target, kind_of(state), SIM ",seed=8", NULL, &options, NULL),
        MIGP_OK);
    before = rig_fingerprint(&target);
    whole = first.n;
    for (cut = 0; cut < whole; cut += 1 + cut / 8) {
        first.n = cut;
        assert_int_equal(journey_load(&first, target.device, 4096, NULL),
                         MIGP_ERR_REFUSED);
        assert_int_equal(rig_true_state(&target), MIGP_STATE_RUNNING);
        assert_int_equal(migp_device_state(target.device), MIGP_STATE_RUNNING);
        assert_true(rig_fingerprint(&target) == before);
    }
    first.n = whole;
    assert_int_equal(journey_load(&first, target.device, 4096, NULL), MIGP_OK);
    rig_close(&target);
    rig_close(&source);
}

static void test_load__more_than_all_is_refused(void **state)
{
    struct rig rig;

    assert_int_equal(rig_open(&rig, kind_of(state), SIM, NULL, NULL, NULL),
                     MIGP_OK);
    assert_int_equal(journey_save(&first, rig.device, false, 4096, NULL),
                     MIGP_OK);
    first.bytes[first.n++] = 0;
    assert_int_equal(journey_load(&first, rig.device, 4096, NULL),
                     MIGP_ERR_REFUSED);
    assert_true(migp_device_needs_reset(rig.device));
    assert_int_equal(
        migp_device_set_state(rig.device, MIGP_STATE_RUNNING, NULL),
        MIGP_ERR_NEEDS_RESET);
    rig_close(&rig);
}

/* A reset from outside after the n-th step of a save: the save must notice, or
 * have been through already; and a new save must then work. [DV-4] */
static void test_save__reset_at_every_step(void **state)
{
    static const uint32_t way[] = {MIGP_STATE_PRE_COPY, MIGP_STATE_PRE_COPY_P2P,
                                   MIGP_STATE_STOP_COPY, MIGP_STATE_STOP};
    size_t step;

    for (step = 0; step < sizeof(way) / sizeof(way[0]); step++) {
        struct rig rig;
        size_t i;
        uint32_t now;

        assert_int_equal(rig_open(&rig, kind_of(state), SIM, NULL, NULL, NULL),
                         MIGP_OK);
        for (i = 0; i <= step; i++) {
            assert_int_equal(migp_device_set_state(rig.device, way[i], NULL),
                             MIGP_OK);
        }
        rig_reset_outside(&rig);
        if (step + 1 < sizeof(way) / sizeof(way[0])) {
            assert_int_equal(
                migp_device_set_state(rig.device, way[step + 1], NULL),
                MIGP_ERR_DEVICE_RESET);
        } else {
            assert_int_equal(migp_device_query_state(rig.device, &now, NULL),
                             MIGP_ERR_DEVICE_RESET);
            assert_int_equal(now, MIGP_STATE_RUNNING);
        }
        assert_int_equal(migp_device_state(rig.device), MIGP_STATE_RUNNING);
        assert_int_equal(migp_device_session(rig.device), MIGP_NO_SESSION);
        assert_int_equal(journey_save(&first, rig.device, true, 512, NULL),
                         MIGP_OK);
        rig_close(&rig);
    }
}

static void test_read__reset_while_reading(void **state)
{
    static const uint32_t from[] = {MIGP_STATE_PRE_COPY, MIGP_STATE_STOP_COPY};
    size_t i;

    for (i = 0; i < 2; i++) {
        struct rig rig;
        migp_ssize got;

        assert_int_equal(rig_open(&rig, kind_of(state), SIM, NULL, NULL, NULL),
                         MIGP_OK);
        assert_int_equal(migp_device_set_state(rig.device, from[i], NULL),
                         MIGP_OK);
        rig_reset_outside(&rig);
        do {
            got = migp_device_read(rig.device, first.bytes, 100, NULL);
        } while (got > 0);
        /* What a server had sent already may still come, but no end. */
        assert_int_equal(got, MIGP_ERR_DEVICE_RESET);
        assert_int_equal(migp_device_state(rig.device), MIGP_STATE_RUNNING);
        rig_close(&rig);
    }
}

static void test_load__reset_at_every_step(void **state)
{
    struct rig source;
    size_t step;

    assert_int_equal(rig_open(&source, kind_of(state), SIM, NULL, NULL, NULL),
                     MIGP_OK);
    assert_int_equal(journey_save(&first, source.device, false, 4096, NULL),
                     MIGP_OK);
    for (step = 0; step < 3; step++) {
        struct rig rig;
        int status = MIGP_OK;
        size_t half = first.n / 2;

        assert_int_equal(
            rig_open(&rig, kind_of(state), SIM ",seed=9", NULL, NULL, NULL),
            MIGP_OK);
        assert_int_equal(
            migp_device_set_state(rig.device, MIGP_STATE_RESUMING, NULL),
            MIGP_OK);
        if (step > 0) {
            assert_int_equal(
                migp_device_write(rig.device, first.bytes, half, NULL), half);
        }
        if (step > 1) {
            assert_int_equal(migp_device_write(rig.device, first.bytes + half,
                                               first.n - half, NULL),
                             first.n - half);
        }
        rig_reset_outside(&rig);
        status = migp_device_set_state(rig.device, MIGP_STATE_STOP, NULL);
        assert_int_equal(status, MIGP_ERR_DEVICE_RESET);
        assert_int_equal(migp_device_state(rig.device), MIGP_STATE_RUNNING);
        assert_int_equal(journey_load(&first, rig.device, 4096, NULL), MIGP_OK);
        rig_close(&rig);
    }
    rig_close(&source);
}

static void test_reset__from_every_state(void **state)
{
    uint32_t from;

    for (from = MIGP_STATE_STOP; from < MIGP_STATE_COUNT; from++) {
        struct rig rig;

        assert_int_equal(rig_open(&rig, kind_of(state), SIM, NULL, NULL, NULL),
                         MIGP_OK);
        assert_int_equal(migp_device_set_state(rig.device, from, NULL),
                         MIGP_OK);
        assert_int_equal(migp_device_reset(rig.device, NULL), MIGP_OK);
        assert_int_equal(rig_true_state(&rig), MIGP_STATE_RUNNING);
        assert_int_equal(migp_device_state(rig.device), MIGP_STATE_RUNNING);
        assert_int_equal(migp_device_session(rig.device), MIGP_NO_SESSION);
        rig_close(&rig);
    }
}

static void test_cancel__every_call_says_so_until_it_is_lifted(void **state)
{
    struct rig rig;
    char byte;

    assert_int_equal(rig_open(&rig, kind_of(state), SIM, NULL, NULL, NULL),
                     MIGP_OK);
    assert_int_equal(
        migp_device_set_state(rig.device, MIGP_STATE_STOP_COPY, NULL), MIGP_OK);
    migp_device_cancel(rig.device, 1);
    assert_int_equal(migp_device_read(rig.device, &byte, 1, NULL),
                     MIGP_ERR_CANCELLED);
    assert_int_equal(migp_device_set_state(rig.device, MIGP_STATE_STOP, NULL),
                     MIGP_ERR_CANCELLED);
    assert_int_equal(rig_true_state(&rig), MIGP_STATE_STOP_COPY);
    migp_device_cancel(rig.device, 0);
    assert_int_equal(migp_device_read(rig.device, &byte, 1, NULL), 1);
    rig_close(&rig);
}

/* Those that make system calls. */

static void test_transfer__short_reads_and_writes_of_every_size(void **state)
{
    struct fail_plan plan = {0};
    struct rig source;
    struct rig target;

    for (plan.max_io = 1; plan.max_io < 80; plan.max_io++) {
        assert_int_equal(
            rig_open(&source, kind_of(state), SIM ",seed=7", &plan, NULL, NULL),
            MIGP_OK);
        assert_int_equal(
            rig_open(&target, kind_of(state), SIM ",seed=8", &plan, NULL, NULL),
            MIGP_OK);
        assert_int_equal(journey_save(&first, source.device, true, 5000, NULL),
                         MIGP_OK);
        assert_int_equal(journey_load(&first, target.device, 5000, NULL),
                         MIGP_OK);
        assert_true(rig_fingerprint(&source) == rig_fingerprint(&target));
        rig_close(&target);
        rig_close(&source);
    }
}

static void test_transfer__interrupted_before_every_call(void **state)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct fail_plan plan = {.interrupts = 3};
    struct rig source;
    struct rig target;

    assert_int_equal(
        rig_open(&source, kind_of(state), SIM ",seed=7", NULL, NULL, NULL),
        MIGP_OK);
    assert_int_equal(
        rig_open(&target, kind_of(state), SIM ",seed=8", NULL, NULL, NULL),
        MIGP_OK);
    fail_sys_start(&source.fail, &plan);
    fail_sys_start(&target.fail, &plan);
    expect_ok(journey_save(&first, source.device, true, 512, &error), &error);
    expect_ok(journey_load(&first, target.device, 512, &error), &error);
    assert_true(source.fail.interrupted > 30);
    assert_true(target.fail.interrupted > 30);
    assert_true(rig_fingerprint(&source) == rig_fingerprint(&target));
    rig_close(&target);
    rig_close(&source);
}

struct canceller {
    struct migp_device *device;
    size_t at;
};

static void cancel_at(void *user, size_t call)
{
    const struct canceller *canceller = user;

    if (call == canceller->at) {
        migp_device_cancel(canceller->device, 1);
    }
}

/* Interrupted and cancelled at the n-th call, for all n: it ends at once, the
 * state is known, and the device is good for another journey. */
static void test_save__cancelled_at_every_call(void **state)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct canceller canceller = {NULL, 0};
    struct fail_plan plan = {
        .interrupts = 1, .hook = cancel_at, .hook_user = &canceller};
    int status;

    do {
        struct rig rig;
        uint32_t now;

        assert_int_equal(rig_open(&rig, kind_of(state), SIM, NULL, NULL, NULL),
                         MIGP_OK);
        canceller.device = rig.device;
        canceller.at++;
        fail_sys_start(&rig.fail, &plan);
        status = journey_save(&first, rig.device, true, 512, NULL);
        if (status != MIGP_OK) {
            assert_int_equal(status, MIGP_ERR_CANCELLED);
            /* Nothing new is begun; a message that is on its way ends. */
            assert_true(rig.fail.calls <= canceller.at + 12);
        }
        fail_sys_start(&rig.fail, NULL);
        migp_device_cancel(rig.device, 0);
        assert_int_equal(migp_device_query_state(rig.device, &now, NULL),
                         MIGP_OK);
        assert_int_equal(now, rig_true_state(&rig));
        expect_ok(migp_device_set_state(rig.device, MIGP_STATE_RUNNING, &error),
                  &error);
        expect_ok(journey_save(&first, rig.device, true, 512, &error), &error);
        rig_close(&rig);
    } while (status != MIGP_OK);
    assert_true(canceller.at > 20);
}

/* One signal at the n-th call, for all n, with a cancel that is lifted again or
 * without: the state that arrives is whole. */
static void interrupt_once(enum rig_kind kind, bool cancel, bool load,
                           bool hasty)
{
    struct canceller canceller = {NULL, 0};
    struct fail_plan plan = {.error = EINTR};
    bool reached;

    if (cancel) {
        plan.hook = cancel_at;
        plan.hook_user = &canceller;
    }
    do {
        struct migp_error error = MIGP_ERROR_INIT;
        struct rig source;
        struct rig target;

        canceller.at = ++plan.at;
        open_two(&source, &target, kind);
        canceller.device = load ? target.device : source.device;
        first.patient = true;
        first.hasty = hasty;
        fail_sys_start(load ? &target.fail : &source.fail, &plan);
        expect_ok(journey_save(&first, source.device, true, 8192, &error),
                  &error);
        expect_ok(journey_load(&first, target.device, 3000, &error), &error);
        reached = (load ? &target : &source)->fail.calls >= plan.at;
        assert_true(rig_fingerprint(&source) == rig_fingerprint(&target));
        first.patient = false;
        first.hasty = false;
        rig_close(&target);
        rig_close(&source);
    } while (reached);
    assert_true(plan.at > 5);
}

static void test_transfer__interrupted_once_at_every_call(void **state)
{
    interrupt_once(kind_of(state), false, false, false);
    interrupt_once(kind_of(state), false, false, true);
    interrupt_once(kind_of(state), false, true, false);
}

static void test_transfer__cancelled_once_at_every_call(void **state)
{
    interrupt_once(kind_of(state), true, false, false);
    interrupt_once(kind_of(state), true, false, true);
    interrupt_once(kind_of(state), true, true, false);
}

#define FOR(kind, test)                                                        \
    {                                                                          \
        #test " on " #kind, test, NULL, NULL, &kinds[RIG_##kind]               \
    }
#define ALL(test) FOR(KERNEL, test), FOR(VFIO_USER, test), FOR(CUSTOM, test)
#define CALLS(test) FOR(KERNEL, test), FOR(VFIO_USER, test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ALL(test_round_trip__any_chunk_with_and_without_precopy),
        ALL(test_read__chunks_make_no_difference),
        ALL(test_read__end_stays_the_end),
        ALL(test_set_state__every_pair),
        ALL(test_set_state__no_such_state),
        ALL(test_load__every_cut_is_refused_and_nothing_is_loaded),
        ALL(test_load__more_than_all_is_refused),
        ALL(test_save__reset_at_every_step),
        ALL(test_read__reset_while_reading),
        ALL(test_load__reset_at_every_step),
        ALL(test_reset__from_every_state),
        ALL(test_cancel__every_call_says_so_until_it_is_lifted),
        CALLS(test_transfer__short_reads_and_writes_of_every_size),
        CALLS(test_transfer__interrupted_before_every_call),
        CALLS(test_save__cancelled_at_every_call),
        CALLS(test_transfer__interrupted_once_at_every_call),
        CALLS(test_transfer__cancelled_once_at_every_call),
    };

    return cmocka_run_group_tests_name("behaviour", tests, NULL, NULL);
}
