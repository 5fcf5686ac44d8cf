/* SPDX-License-Identifier: MIT */
#include "conform_sim.h"

/*
 * Each driver that the simulated device behaves like breaks the rules that the
 * driver breaks. The lists stand here by hand, from what docs/protocol.md says
 * of the drivers; a list ends with 0.
 */

struct quirk {
    const char *sim;
    uint32_t broken[8];   /* FAIL without, XFAIL with its driver's name */
    uint32_t skipped[24]; /* cannot be told on it */
};

static const struct quirk quirks[] = {
    /* State survives close and open; 0 for ENOMSG; a refused header loads;
     * DMA logging is a stub. */
    {"quirk=mtty", {6, 19, 30, 33, 39}, {9, 15, 25, 41}},
    /* A stream that ends early is accepted. */
    {"quirk=mlx5,size=256K", {28}, {9, 14, 15, 41}},
    {"quirk=virtio,size=256K", {28}, {9, 14, 15, 32, 33, 34, 35, 36, 37, 41}},
    /* 0 for ENOMSG; 40 bytes are accepted; a refused header loads. No P2P, no
     * DMA logging. */
    {"quirk=hisi", {19, 28, 30}, {9, 15, 25, 32, 33, 34, 35, 36, 37, 41}},
    /* 0 for ENOMSG; the tail is not state; what is missing is filled up from
     * an older stream. */
    {"quirk=qat",
     {19, 26, 28},
     {9, 14, 15, 21, 25, 32, 33, 34, 35, 36, 37, 41}},
    /* Whatever was written goes to the firmware as 64 KiB, and that one finds
     * what is wrong with it. No PRE_COPY; no write is refused. Leaving
     * STOP_COPY ends DMA logging. */
    {"quirk=pds", {37}, {9, 12, 15, 19, 22, 24, 25, 30, 41}},
};

#define N_QUIRKS (sizeof(quirks) / sizeof(quirks[0]))

static const uint32_t nothing[] = {0};

static void test_run__quirk_of_an_unnamed_driver(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < N_QUIRKS; i++) {
        struct outcome outcome;
        size_t n = 0;

        run_sim(quirks[i].sim, "", 0, &outcome);
        expect_numbers(&outcome, quirks[i].sim, MIGP_CONFORM_FAIL,
                       quirks[i].broken);
        expect_numbers(&outcome, quirks[i].sim, MIGP_CONFORM_SKIP,
                       quirks[i].skipped);
        while (quirks[i].broken[n] != 0) {
            n++;
        }
        assert_int_equal(outcome.failed, n);
        assert_int_equal(outcome.fds, 0);
    }
}

/* The data fd says who it is, so what is known is expected. */
static void test_run__quirk_is_known(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < N_QUIRKS; i++) {
        const char *name = quirks[i].sim + strlen("quirk=");
        struct outcome outcome;
        uint32_t n;

        run_sim(quirks[i].sim, NULL, 0, &outcome);
        assert_int_equal(outcome.failed, 0);
        expect_numbers(&outcome, quirks[i].sim, MIGP_CONFORM_FAIL, nothing);
        expect_numbers(&outcome, quirks[i].sim, MIGP_CONFORM_XFAIL,
                       quirks[i].broken);
        for (n = 1; n <= CHECKS; n++) {
            if (outcome.verdict[n] == MIGP_CONFORM_XFAIL) {
                assert_memory_equal(outcome.text[n], name, strcspn(name, ","));
            }
        }
    }
}

/* A driver that is better than its name. */
static void test_run__known_deviation_is_gone(void **state)
{
    static const uint32_t known[] = {6, 19, 30, 33, 39, 0};
    struct outcome outcome;

    (void)state;
    run_sim("size=256K", "mtty", 0, &outcome);
    assert_int_equal(outcome.failed, 0);
    expect_numbers(&outcome, "sim as mtty", MIGP_CONFORM_XPASS, known);
    run_sim("size=256K", "mtty_mig", 0, &outcome);
    expect_numbers(&outcome, "sim as mtty_mig", MIGP_CONFORM_XPASS, known);
}

/* A known deviation excuses nothing else in its check. */
static void test_run__another_break_of_a_known_check(void **state)
{
    struct outcome outcome;

    (void)state;
    run_sim("quirk=mtty,break=data-close-changes-state", NULL, 0, &outcome);
    assert_int_equal(outcome.verdict[39], MIGP_CONFORM_FAIL);
    assert_int_equal(outcome.failed, 1);
}

/* Where nothing can be changed a lost load looks like a good one, and the
 * check says so. */
static void test_run__what_a_load_cannot_tell(void **state)
{
    static const uint32_t numbers[] = {22, 26, 27};
    struct outcome outcome;
    size_t i;

    (void)state;
    run_sim("quirk=hisi", NULL, 0, &outcome);
    for (i = 0; i < 3; i++) {
        assert_int_equal(outcome.verdict[numbers[i]], MIGP_CONFORM_PASS);
        assert_non_null(strstr(outcome.text[numbers[i]],
                               "a load that does nothing would look the same"));
    }
    run_sim("size=64K", NULL, 0, &outcome);
    for (i = 0; i < 3; i++) {
        assert_int_equal(outcome.verdict[numbers[i]], MIGP_CONFORM_PASS);
        assert_string_equal(outcome.text[numbers[i]], "");
    }
    assert_non_null(strstr(outcome.text[35], "was not looked at"));
}

/* A device that comes with a state of its own, to the first check. */
static void run_given(uint32_t number, struct outcome *outcome)
{
    struct migp_conform_options how;
    struct migp_vfio_options options;
    struct migp_vfio *vfio;
    struct migp_sim *sim;

    memset(outcome, 0, sizeof(*outcome));
    migp_conform_options_init(&how);
    how.only = &number;
    how.n_only = 1;
    assert_int_equal(migp_sim_new(&sim, "quirk=mlx5,size=256K", NULL, NULL),
                     MIGP_OK);
    migp_vfio_options_init(&options);
    options.sys = migp_sim_sys(sim);
    options.flags = MIGP_VFIO_RESET_OK;
    options.cdev_path = MIGP_SIM_PATH;
    assert_int_equal(migp_vfio_open(&vfio, &options, NULL), MIGP_OK);
    assert_int_equal(migp_vfio_region_write(vfio, MIGP_VFIO_REGION_BAR0, 0,
                                            "guest", 5, NULL),
                     5);
    outcome->failed = migp_conform_run(vfio, &how, keep, outcome, NULL);
    migp_vfio_close(vfio);
    assert_int_equal(migp_sim_open_fds(sim), 0);
    migp_sim_free(sim);
}

static void test_run__state_before_the_first_reset(void **state)
{
    uint32_t number;

    (void)state;
    for (number = 26; number <= 27; number++) {
        struct outcome outcome;

        run_given(number, &outcome);
        assert_int_equal(outcome.failed, 0);
        assert_int_equal(outcome.verdict[number], MIGP_CONFORM_PASS);
        assert_string_equal(outcome.text[number], "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run__quirk_of_an_unnamed_driver),
        cmocka_unit_test(test_run__quirk_is_known),
        cmocka_unit_test(test_run__known_deviation_is_gone),
        cmocka_unit_test(test_run__another_break_of_a_known_check),
        cmocka_unit_test(test_run__what_a_load_cannot_tell),
        cmocka_unit_test(test_run__state_before_the_first_reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
