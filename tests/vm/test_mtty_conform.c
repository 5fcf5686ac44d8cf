/* SPDX-License-Identifier: MIT */
/*
 * The conformance suite on a real driver, whose deviations are known by reading
 * it: those are found, and nothing else is.
 */
#include "mtty.h"
#include "unit/cmocka_all.h"

#include <migproto/conform.h>

#include <stdio.h>
#include <string.h>

#define CHECKS 41

/*
 * One letter for each check, in the order of their numbers: P passes; X is
 * broken by mtty; S cannot be told; p passes, or says that it could not see all
 * of it. mtty's code and the recording in tests/golden/mtty say which, not the
 * suite.
 *
 *  6, 39  the state outlives close and open: mtty has no open hook
 *  9      not run unless asked for; Linux 6.12.117 has the repaired arc
 * 15      no arc leads to ERROR
 * 19      "14,0": 0 where ENOMSG should be
 * 25      no kernel before 7.1 has feature 12
 * 30      a refused header is loaded
 * 33      START twice; with IOMMUFD in the kernel also REPORT without START
 * 34-37   no REPORT without IOMMUFD in the kernel; mtty never does DMA
 * 40, 41  interrupts and DMA between devices are not to be seen
 */
/*                                   1         2         3         4
                                 12345678901234567890123456789012345678901 */
static const char on_debian[] = "PPPPPXPPSPPPPPSPPPXPPPPPSPPPPXPPXSSSSPXpS";
static const char on_iommufd[] = "PPPPPXPPSPPPPPSPPPXPPPPPSPPPPXPPXPpPPPXpS";

struct results {
    uint32_t verdicts[CHECKS + 1];
    char texts[CHECKS + 1][MIGP_TEXT_MAX];
    size_t n;
    size_t starts;
};

static const char *expectation(void)
{
    return strcmp(mtty_variable("KERNEL", "", false), "iommufd") == 0
               ? on_iommufd
               : on_debian;
}

static int keep(void *user, const struct migp_conform_check *check,
                const struct migp_conform_result *result)
{
    struct results *results = user;

    assert_in_range(check->number, 1, CHECKS);
    if (result == NULL) {
        results->starts++;
        return 0;
    }
    assert_int_equal(result->number, check->number);
    results->verdicts[result->number] = result->verdict;
    memcpy(results->texts[result->number], result->text, MIGP_TEXT_MAX);
    results->n++;
    return 0;
}

static void run(struct mtty *mtty, const struct migp_conform_options *options,
                struct results *results, migp_ssize failures)
{
    struct migp_error error = MIGP_ERROR_INIT;
    migp_ssize got;

    memset(results, 0, sizeof(*results));
    got = migp_conform_run(mtty->vfio, options, keep, results, &error);
    if (got < 0) {
        fail_msg("%s: %s", migp_error_id((int)got), error.text);
    }
    assert_int_equal(results->starts, results->n);
    assert_int_equal(got, failures);
    assert_int_equal(mtty_state(mtty), MIGP_STATE_RUNNING);
}

static bool fits(char letter, uint32_t verdict, uint32_t broken)
{
    switch (letter) {
    case 'P':
        return verdict == MIGP_CONFORM_PASS;
    case 'p':
        return verdict == MIGP_CONFORM_PASS || verdict == MIGP_CONFORM_SKIP;
    case 'S':
        return verdict == MIGP_CONFORM_SKIP;
    default:
        return verdict == broken;
    }
}

/* broken: what mtty's deviations are to be called */
static void check_results(const struct results *results, const char *expected,
                          uint32_t broken)
{
    size_t wrong = 0;
    uint32_t i;

    assert_int_equal(strlen(expected), CHECKS);
    assert_int_equal(results->n, CHECKS);
    for (i = 1; i <= CHECKS; i++) {
        if (!fits(expected[i - 1], results->verdicts[i], broken)) {
            print_error("%u: verdict %u, not %c: %s\n", i, results->verdicts[i],
                        expected[i - 1], results->texts[i]);
            wrong++;
        }
        if (results->verdicts[i] == MIGP_CONFORM_XFAIL) {
            assert_non_null(strstr(results->texts[i], "mtty"));
        }
        if (results->verdicts[i] != MIGP_CONFORM_PASS) {
            assert_true(results->texts[i][0] != '\0');
        }
    }
    assert_int_equal(wrong, 0);
}

static void test_conform__known_deviations_are_expected_failures(void **state)
{
    struct results results;
    struct mtty mtty;

    mtty_open_raw(&mtty, mtty_kind(state)->source);
    run(&mtty, NULL, &results, 0);
    check_results(&results, expectation(), MIGP_CONFORM_XFAIL);
    mtty_close(&mtty);
}

static void test_conform__of_an_unknown_driver_they_are_failures(void **state)
{
    struct migp_conform_options options;
    struct results results;
    struct mtty mtty;

    mtty_open_raw(&mtty, mtty_kind(state)->source);
    migp_conform_options_init(&options);
    options.driver = "";
    run(&mtty, &options, &results, 5);
    check_results(&results, expectation(), MIGP_CONFORM_FAIL);
    /* Which half of 33: the first that is seen. */
    assert_non_null(strstr(results.texts[33], expectation() == on_debian
                                                  ? "second START"
                                                  : "REPORT before START"));
    mtty_close(&mtty);
}

static void test_conform__dangerous_ones_pass_on_a_repaired_kernel(void **state)
{
    static const uint32_t only[] = {9};
    struct migp_conform_options options;
    struct results results;
    struct mtty mtty;

    mtty_open_raw(&mtty, mtty_kind(state)->source);
    migp_conform_options_init(&options);
    options.flags = MIGP_CONFORM_ALLOW_DANGEROUS;
    options.only = only;
    options.n_only = 1;
    run(&mtty, &options, &results, 0);
    assert_int_equal(results.n, 1);
    assert_int_equal(results.verdicts[9], MIGP_CONFORM_PASS);
    mtty_close(&mtty);
}

/* A VMM's own device is never closed: what needs that is skipped. */
static void test_conform__an_adopted_fd_stays_open(void **state)
{
    static const uint32_t only[] = {6, 39};
    struct migp_conform_options options;
    struct migp_vfio_options how;
    struct migp_vfio *adopted;
    struct results results;
    struct mtty mtty;
    uint64_t size;

    mtty_open_raw(&mtty, mtty_kind(state)->source);
    migp_vfio_options_init(&how);
    how.device_fd = migp_vfio_fd(mtty.vfio);
    assert_int_equal(migp_vfio_open(&adopted, &how, NULL), MIGP_OK);
    migp_conform_options_init(&options);
    options.only = only;
    options.n_only = 2;
    memset(&results, 0, sizeof(results));
    assert_int_equal(migp_conform_run(adopted, &options, keep, &results, NULL),
                     0);
    assert_true(results.verdicts[6] != MIGP_CONFORM_XFAIL);
    assert_true(results.verdicts[39] != MIGP_CONFORM_XFAIL);
    migp_vfio_close(adopted);
    size = mtty_data_size(&mtty);
    assert_int_equal(size, mtty_size(&mtty));
    mtty_close(&mtty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MTTY_BOTH(test_conform__known_deviations_are_expected_failures),
        MTTY_BOTH(test_conform__of_an_unknown_driver_they_are_failures),
        MTTY_BOTH(test_conform__dangerous_ones_pass_on_a_repaired_kernel),
        MTTY_BOTH(test_conform__an_adopted_fd_stays_open),
    };

    return cmocka_run_group_tests_name("mtty_conform", tests, NULL, NULL);
}
