/* SPDX-License-Identifier: MIT */
#include "conform_sim.h"

#include "device/uapi.h"
#include "support/alloc_fail.h"
#include "support/fail_sys.h"
#include "support/scale.h"

#include <errno.h>
#include <migproto/fsm.h>

static const uint32_t nothing[] = {0};

/* --- the table ----------------------------------------------------------- */

static void test_check__table_is_whole(void **state)
{
    static const uint32_t practice[] = {10, 17, 26, 30, 39};
    size_t n_practice = 0;
    size_t i;
    size_t k;

    (void)state;
    assert_int_equal(migp_conform_count(), CHECKS);
    for (i = 0; i < CHECKS; i++) {
        struct migp_conform_check check = {sizeof(check), 0, 0, "", "", ""};

        assert_int_equal(migp_conform_check_at(i, &check), MIGP_OK);
        assert_int_equal(check.number, i + 1);
        assert_in_range(strlen(check.id), 3, 20);
        assert_int_equal(strspn(check.id, "abcdefghijklmnopqrstuvwxyz0123456789"
                                          "-"),
                         strlen(check.id));
        assert_in_range(strlen(check.title), 10, 78);
        /* It would end a KTAP description. */
        assert_null(strchr(check.title, '#'));
        assert_true(strlen(check.source) > 0);
        assert_int_equal((check.flags & MIGP_CONFORM_DANGEROUS) != 0,
                         check.number == 9);
        assert_int_equal((check.flags & MIGP_CONFORM_REOPENS) != 0,
                         check.number == 6 || check.number == 39);
        if ((check.flags & MIGP_CONFORM_NORMATIVE) == 0) {
            assert_true(n_practice < 5);
            assert_int_equal(check.number, practice[n_practice++]);
        }
        for (k = 0; k < i; k++) {
            struct migp_conform_check other = {sizeof(other), 0, 0, "", "", ""};

            (void)migp_conform_check_at(k, &other);
            assert_string_not_equal(check.id, other.id);
        }
    }
    assert_int_equal(n_practice, 5);
}

static void test_check__bad_arguments(void **state)
{
    struct migp_conform_check check = {sizeof(check), 0, 0, "", "", ""};

    (void)state;
    assert_int_equal(migp_conform_check_at(CHECKS, &check),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_conform_check_at(0, NULL), MIGP_ERR_INVALID_ARGUMENT);
    check.struct_size = 3;
    assert_int_equal(migp_conform_check_at(0, &check),
                     MIGP_ERR_INVALID_ARGUMENT);
}

/* --- a device that keeps the rules --------------------------------------- */

static void test_run__every_rule_kept(void **state)
{
    static const struct {
        const char *sim;
        uint32_t skipped[16]; /* a list that 0 ends */
    } devices[] = {
        {"", {9, 15, 41}},
        {"size=256K", {9, 15, 41}},
        {"size=64K,initial=16K", {9, 15, 41}},
        {"size=256K,p2p=off", {9, 15, 41}},
        {"size=256K,precopy=off", {9, 12, 15, 19, 22, 24, 25, 41}},
        {"size=256K,precopy=off,p2p=off", {9, 12, 15, 19, 22, 24, 25, 41}},
        {"size=256K,read-bw=64M/s,write-bw=64M/s,load-setup=300ms",
         {9, 15, 41}},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
        struct outcome outcome;

        if (devices[i].sim[0] == '\0') {
            continue; /* 64 MiB are more than are kept here; see the CLI's */
        }
        run_sim(devices[i].sim, NULL, 0, &outcome);
        assert_int_equal(outcome.failed, 0);
        expect_numbers(&outcome, devices[i].sim, MIGP_CONFORM_FAIL, nothing);
        expect_numbers(&outcome, devices[i].sim, MIGP_CONFORM_SKIP,
                       devices[i].skipped);
        assert_int_equal(outcome.fds, 0);
    }
}

static void test_run__dangerous_checks_too(void **state)
{
    static const uint32_t skipped[] = {15, 41, 0};
    struct outcome outcome;

    (void)state;
    run_sim("size=256K", NULL, MIGP_CONFORM_ALLOW_DANGEROUS, &outcome);
    assert_int_equal(outcome.failed, 0);
    expect_numbers(&outcome, "dangerous", MIGP_CONFORM_SKIP, skipped);
}

/* State that is not kept is not judged, and nothing is called a failure. */
static void test_run__more_state_than_is_kept(void **state)
{
    static const uint32_t need_it[] = {7,  9,  11, 14, 15, 18, 20, 21,
                                       22, 26, 27, 28, 29, 30, 41, 0};
    struct migp_conform_options how;
    struct outcome outcome;
    struct migp_sim *sim;

    (void)state;
    migp_conform_options_init(&how);
    how.max_data = 100000;
    assert_int_equal(migp_sim_new(&sim, "size=1G", NULL, NULL), MIGP_OK);
    run_on(migp_sim_sys(sim), MIGP_SIM_PATH, &how, &outcome);
    assert_int_equal(outcome.failed, 0);
    expect_numbers(&outcome, "size=1G", MIGP_CONFORM_FAIL, nothing);
    expect_numbers(&outcome, "size=1G", MIGP_CONFORM_SKIP, need_it);
    migp_sim_free(sim);
}

/* --- options and sink ---------------------------------------------------- */

struct order {
    uint32_t seen[2 * CHECKS];
    size_t n;
    size_t stop_at;
};

static int note_order(void *user, const struct migp_conform_check *check,
                      const struct migp_conform_result *result)
{
    struct order *order = user;

    assert_true(order->n < 2 * CHECKS);
    order->seen[order->n++] = check->number + (result != NULL ? 1000 : 0);
    return order->n == order->stop_at;
}

struct opened {
    struct migp_sim *sim;
    struct migp_vfio *vfio;
};

static struct opened open_sim(const char *text)
{
    struct migp_vfio_options how;
    struct opened opened;

    assert_int_equal(migp_sim_new(&opened.sim, text, NULL, NULL), MIGP_OK);
    migp_vfio_options_init(&how);
    how.sys = migp_sim_sys(opened.sim);
    how.flags = MIGP_VFIO_RESET_OK;
    how.cdev_path = MIGP_SIM_PATH;
    assert_int_equal(migp_vfio_open(&opened.vfio, &how, NULL), MIGP_OK);
    return opened;
}

static void close_sim(struct opened *opened)
{
    migp_vfio_close(opened->vfio);
    migp_sim_free(opened->sim);
}

static void test_run__only_some(void **state)
{
    static const uint32_t only[] = {19, 6};
    static const uint32_t wanted[] = {6, 1006, 19, 1019};
    struct opened opened = open_sim("size=64K");
    struct migp_conform_options how;
    struct order order = {{0}, 0, 0};

    (void)state;
    migp_conform_options_init(&how);
    how.only = only;
    how.n_only = 2;
    assert_int_equal(
        migp_conform_run(opened.vfio, &how, note_order, &order, NULL), 0);
    assert_int_equal(order.n, 4);
    assert_memory_equal(order.seen, wanted, sizeof(wanted));
    assert_int_equal(migp_conform_run(opened.vfio, &how, NULL, NULL, NULL), 0);
    close_sim(&opened);
}

static void test_run__cancelled(void **state)
{
    struct opened opened = open_sim("size=64K");
    struct migp_error error = MIGP_ERROR_INIT;
    size_t stop_at;

    (void)state;
    for (stop_at = 1; stop_at < 8; stop_at++) {
        struct order order = {{0}, 0, stop_at};

        assert_int_equal(
            migp_conform_run(opened.vfio, NULL, note_order, &order, &error),
            MIGP_ERR_CANCELLED);
        assert_int_equal(order.n, stop_at);
        assert_int_equal(error.code, MIGP_ERR_CANCELLED);
    }
    close_sim(&opened);
}

static void test_run__bad_arguments(void **state)
{
    static const uint32_t none[] = {0};
    static const uint32_t beyond[] = {CHECKS + 1};
    struct opened opened = open_sim("size=64K");
    struct migp_conform_options how;

    (void)state;
    assert_int_equal(migp_conform_run(NULL, NULL, NULL, NULL, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    migp_conform_options_init(NULL);
    migp_conform_options_init(&how);
    how.flags = 2;
    assert_int_equal(migp_conform_run(opened.vfio, &how, NULL, NULL, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    migp_conform_options_init(&how);
    how.only = none;
    how.n_only = 1;
    assert_int_equal(migp_conform_run(opened.vfio, &how, NULL, NULL, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    how.only = beyond;
    assert_int_equal(migp_conform_run(opened.vfio, &how, NULL, NULL, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    how.only = NULL;
    assert_int_equal(migp_conform_run(opened.vfio, &how, NULL, NULL, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    migp_conform_options_init(&how);
    how.driver = "nobody";
    assert_int_equal(migp_conform_run(opened.vfio, &how, NULL, NULL, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    close_sim(&opened);
}

/* An fd of somebody else cannot be opened again: so much is left out. */
static void test_run__adopted_fd(void **state)
{
    struct migp_vfio_options options;
    struct migp_vfio *vfio;
    struct migp_sim *sim;
    const struct migp_sys *sys;
    struct outcome outcome;
    int fd;

    (void)state;
    assert_int_equal(migp_sim_new(&sim, "quirk=mtty", NULL, NULL), MIGP_OK);
    sys = migp_sim_sys(sim);
    memset(&outcome, 0, sizeof(outcome));
    fd = sys->open(sys->user, MIGP_SIM_PATH, 0);
    assert_true(fd >= 0);
    {
        struct migp_vfio_bind_iommufd bind = {sizeof(bind), 0, -1, 0};

        bind.iommufd = sys->open(sys->user, "/dev/iommu", 0);
        if (bind.iommufd >= 0) {
            (void)sys->ioctl(sys->user, fd, MIGP_VFIO_DEVICE_BIND_IOMMUFD,
                             &bind);
        }
    }
    migp_vfio_options_init(&options);
    options.sys = sys;
    options.device_fd = fd;
    assert_int_equal(migp_vfio_open(&vfio, &options, NULL), MIGP_OK);
    outcome.failed = migp_conform_run(vfio, NULL, keep, &outcome, NULL);
    assert_int_equal(outcome.failed, 0);
    assert_int_equal(outcome.verdict[6], MIGP_CONFORM_PASS);
    assert_int_equal(outcome.verdict[39], MIGP_CONFORM_PASS);
    assert_non_null(strstr(outcome.text[6], "cannot be opened again"));
    assert_int_equal(outcome.verdict[19], MIGP_CONFORM_XFAIL);
    migp_vfio_close(vfio);
    migp_sim_free(sim);
}

/* --- calls that fail ------------------------------------------------------ */

static void run_failing(const struct fail_plan *plan, struct outcome *outcome,
                        size_t *calls)
{
    struct migp_vfio_options options;
    struct migp_conform_options how;
    struct migp_vfio *vfio;
    struct fail_sys fail;
    struct migp_sim *sim;

    memset(outcome, 0, sizeof(*outcome));
    migp_error_init(&outcome->error);
    assert_int_equal(migp_sim_new(&sim, "size=16K,initial=4K", NULL, NULL),
                     MIGP_OK);
    fail_sys_init(&fail, migp_sim_sys(sim));
    migp_vfio_options_init(&options);
    options.sys = &fail.sys;
    options.flags = MIGP_VFIO_RESET_OK;
    options.cdev_path = MIGP_SIM_PATH;
    assert_int_equal(migp_vfio_open(&vfio, &options, NULL), MIGP_OK);
    migp_conform_options_init(&how);
    how.max_data = 1 << 20;
    fail_sys_start(&fail, plan);
    outcome->failed =
        migp_conform_run(vfio, &how, keep, outcome, &outcome->error);
    *calls = fail.calls;
    fail_sys_start(&fail, NULL);
    migp_vfio_close(vfio);
    assert_int_equal(fail.double_close, 0);
    assert_int_equal(fail_sys_open_fds(&fail), 0);
    assert_int_equal(migp_sim_open_fds(sim), 0);
    migp_sim_free(sim);
}

/* No leak, no abort, and an end: the verdicts are what they are then. */
static void test_run__nth_call_fails(void **state)
{
    static const int errors[] = {EIO, ENODEV, EINVAL};
    struct fail_plan plan = {0};
    struct outcome outcome;
    size_t calls;
    size_t total;
    size_t n;

    (void)state;
    run_failing(&plan, &outcome, &total);
    assert_int_equal(outcome.failed, 0);
    assert_true(total > 1000);
    for (n = 1; n < total; n += 1 + total / test_scaled(300)) {
        plan.at = n;
        plan.error = errors[n % 3];
        plan.on = false;
        run_failing(&plan, &outcome, &calls);
        plan.on = true;
        run_failing(&plan, &outcome, &calls);
        assert_true(outcome.failed < 0);
    }
}

static void test_run__nth_allocation_fails(void **state)
{
    struct opened opened = open_sim("size=64K,initial=16K");
    size_t n = 1;
    size_t stopped = 0;

    (void)state;
    for (;;) {
        struct migp_error error = MIGP_ERROR_INIT;
        migp_ssize result;

        alloc_fail_at(n++);
        result = migp_conform_run(opened.vfio, NULL, NULL, NULL, &error);
        if (!alloc_failed()) {
            assert_int_equal(result, 0);
            break;
        }
        assert_int_equal(result, MIGP_ERR_NO_MEMORY);
        assert_int_equal(error.code, MIGP_ERR_NO_MEMORY);
        stopped++;
    }
    alloc_fail_at(0);
    assert_true(stopped > 5);
    close_sim(&opened);
}

static void test_run__signals_and_short_calls(void **state)
{
    struct fail_plan plan = {0};
    struct outcome outcome;
    size_t calls;

    (void)state;
    plan.interrupts = 3;
    run_failing(&plan, &outcome, &calls);
    expect_numbers(&outcome, "signals", MIGP_CONFORM_FAIL, nothing);
    assert_int_equal(outcome.failed, 0);
    plan.interrupts = 0;
    plan.max_io = 7;
    run_failing(&plan, &outcome, &calls);
    expect_numbers(&outcome, "short calls", MIGP_CONFORM_FAIL, nothing);
    assert_int_equal(outcome.failed, 0);
    /* A storm that does not end is an error, not a hang. */
    plan.max_io = 0;
    plan.interrupts = 1000000;
    run_failing(&plan, &outcome, &calls);
    assert_true(outcome.failed < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check__table_is_whole),
        cmocka_unit_test(test_check__bad_arguments),
        cmocka_unit_test(test_run__every_rule_kept),
        cmocka_unit_test(test_run__dangerous_checks_too),
        cmocka_unit_test(test_run__more_state_than_is_kept),
        cmocka_unit_test(test_run__only_some),
        cmocka_unit_test(test_run__cancelled),
        cmocka_unit_test(test_run__bad_arguments),
        cmocka_unit_test(test_run__adopted_fd),
        cmocka_unit_test(test_run__nth_call_fails),
        cmocka_unit_test(test_run__nth_allocation_fails),
        cmocka_unit_test(test_run__signals_and_short_calls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
