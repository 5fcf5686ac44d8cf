/* SPDX-License-Identifier: MIT */
#include "conform_sim.h"

/*
 * Each rule that the simulated device can break is found by the check that the
 * rule belongs to, and by no other but those that rest on the same words of
 * the specification; those stand here by hand.
 */

struct related {
    const char *rule;
    uint32_t also[6]; /* a list that 0 ends */
};

static const struct related related[] = {
    /* A device that is closed in a session is in a state when it is. */
    {"state-survives-reopen", {39}},
    {"close-keeps-session", {6}},
    /* The new data_fd is one that no arc may return. */
    {"new-fd-at-stop-copy", {11}},
    /* The SET that can be made to fail is the one of a load. */
    {"failed-set-moves-elsewhere", {29}},
    {"reset-keeps-resuming", {29}},
    /* A reset and a close end a session as a change of state does. */
    {"read-after-session-end", {38, 39}},
};

static uint32_t expected_also(const char *rule, uint32_t n)
{
    size_t i;
    size_t k;

    for (i = 0; i < sizeof(related) / sizeof(related[0]); i++) {
        if (strcmp(related[i].rule, rule) != 0) {
            continue;
        }
        for (k = 0; related[i].also[k] != 0; k++) {
            if (related[i].also[k] == n) {
                return MIGP_CONFORM_FAIL;
            }
        }
    }
    return MIGP_CONFORM_PASS;
}

static bool check_rule(size_t index)
{
    const char *rule = migp_sim_break_id(index);
    const uint32_t check = migp_sim_break_check(index);
    /* A device that broke 9 locks nothing up here. */
    const uint32_t flags = check == 9 ? MIGP_CONFORM_ALLOW_DANGEROUS : 0;
    struct outcome outcome;
    char text[128];
    bool good = true;
    uint32_t n;

    snprintf(text, sizeof(text), "size=256K,break=%s", rule);
    run_sim(text, NULL, flags, &outcome);
    if (outcome.failed < 0) {
        fail_msg("%s: %s", rule, outcome.error.text);
    }
    for (n = 1; n <= CHECKS; n++) {
        const uint32_t wanted =
            n == check ? (uint32_t)MIGP_CONFORM_FAIL : expected_also(rule, n);

        if ((outcome.verdict[n] == MIGP_CONFORM_FAIL) !=
            (wanted == MIGP_CONFORM_FAIL)) {
            print_error("%s: check %" PRIu32 " ended %" PRIu32 ": %s\n", rule,
                        n, outcome.verdict[n], outcome.text[n]);
            good = false;
        }
    }
    assert_int_equal(outcome.fds, 0);
    return good;
}

static void test_run__each_broken_rule(void **state)
{
    bool good = true;
    size_t i;

    (void)state;
    for (i = 0; migp_sim_break_id(i) != NULL; i++) {
        good = check_rule(i) && good;
    }
    assert_true(good);
    assert_true(i >= 12);
}

/* Without being asked, a dangerous check does not even look. */
static void test_run__forbidden_arc_is_not_tried(void **state)
{
    struct outcome outcome;

    (void)state;
    run_sim("size=256K,break=forbidden-arc-allowed", NULL, 0, &outcome);
    assert_int_equal(outcome.verdict[9], MIGP_CONFORM_SKIP);
    assert_int_equal(outcome.failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run__each_broken_rule),
        cmocka_unit_test(test_run__forbidden_arc_is_not_tried),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
