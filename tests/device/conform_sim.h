/* SPDX-License-Identifier: MIT */
#ifndef MIGP_TESTS_CONFORM_SIM_H
#define MIGP_TESTS_CONFORM_SIM_H

/* Run the suite on a simulated device and keep what it said. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <migproto/conform.h>
#include <migproto/sim.h>
#include <migproto/vfio.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECKS 41
#define NOT_RUN UINT32_MAX

struct outcome {
    migp_ssize failed;
    struct migp_error error;
    uint32_t verdict[CHECKS + 1]; /* by number */
    char text[CHECKS + 1][MIGP_TEXT_MAX];
    size_t fds; /* open at the end */
};

static inline int keep(void *user, const struct migp_conform_check *check,
                       const struct migp_conform_result *result)
{
    struct outcome *outcome = user;

    assert_in_range(check->number, 1, CHECKS);
    if (result != NULL) {
        assert_int_equal(result->number, check->number);
        outcome->verdict[check->number] = result->verdict;
        memcpy(outcome->text[check->number], result->text, MIGP_TEXT_MAX);
    }
    return 0;
}

/* On a device that sys has. */
static inline void run_on(const struct migp_sys *sys, const char *path,
                          const struct migp_conform_options *how,
                          struct outcome *outcome)
{
    struct migp_vfio_options options;
    struct migp_vfio *vfio;
    size_t i;

    memset(outcome, 0, sizeof(*outcome));
    migp_error_init(&outcome->error);
    for (i = 0; i <= CHECKS; i++) {
        outcome->verdict[i] = NOT_RUN;
    }
    migp_vfio_options_init(&options);
    options.sys = sys;
    options.flags = MIGP_VFIO_RESET_OK;
    options.cdev_path = path;
    assert_int_equal(migp_vfio_open(&vfio, &options, &outcome->error), MIGP_OK);
    outcome->failed =
        migp_conform_run(vfio, how, keep, outcome, &outcome->error);
    migp_vfio_close(vfio);
}

static inline void run_sim(const char *text, const char *driver, uint32_t flags,
                           struct outcome *outcome)
{
    struct migp_conform_options how;
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_sim *sim;

    migp_conform_options_init(&how);
    how.driver = driver;
    how.flags = flags;
    how.max_data = UINT64_C(8) << 20;
    if (migp_sim_new(&sim, text, NULL, &error) != MIGP_OK) {
        fail_msg("%s: %s", text, error.text);
    }
    run_on(migp_sim_sys(sim), MIGP_SIM_PATH, &how, outcome);
    outcome->fds = migp_sim_open_fds(sim);
    migp_sim_free(sim);
}

/* The numbers that ended so, against a list that 0 ends. */
static inline void expect_numbers(const struct outcome *outcome, const char *of,
                                  uint32_t verdict, const uint32_t *numbers)
{
    bool good = true;
    uint32_t n;

    for (n = 1; n <= CHECKS; n++) {
        const uint32_t *wanted = numbers;
        bool is = outcome->verdict[n] == verdict;

        while (*wanted != 0 && *wanted != n) {
            wanted++;
        }
        if (is != (*wanted == n)) {
            print_error("%s: check %" PRIu32 " ended %" PRIu32 ", should%s "
                        "end %" PRIu32 ": %s\n",
                        of, n, outcome->verdict[n], is ? " not" : "", verdict,
                        outcome->text[n]);
            good = false;
        }
    }
    assert_true(good);
}

#endif
