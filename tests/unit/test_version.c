/* SPDX-License-Identifier: MIT */
#include "cmocka_all.h"

#include <migproto/migproto.h>
#include <stdio.h>

static void test_version__is_the_headers(void **state)
{
    char wanted[32];

    (void)state;
    snprintf(wanted, sizeof(wanted), "%d.%d.%d", MIGP_VERSION_MAJOR,
             MIGP_VERSION_MINOR, MIGP_VERSION_PATCH);
    assert_string_equal(migp_version(), wanted);
}

/* Fixed for SOVERSION 0: callers allocate these. */
static void test_layout__of_what_callers_allocate(void **state)
{
    (void)state;
    assert_int_equal(sizeof(struct migp_finding), 32);
    if (sizeof(void *) == 8) {
        assert_int_equal(sizeof(struct migp_event), 40);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version__is_the_headers),
        cmocka_unit_test(test_layout__of_what_callers_allocate),
    };

    return cmocka_run_group_tests_name("version", tests, NULL, NULL);
}
