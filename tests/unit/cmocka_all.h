/* SPDX-License-Identifier: MIT */
#ifndef MIGP_TESTS_UNIT_CMOCKA_ALL_H
#define MIGP_TESTS_UNIT_CMOCKA_ALL_H

/* cmocka.h wants these before it, in this order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* CMOCKA_TEST_FILTER='test_feed__*' runs some of a program's tests. */
__attribute__((constructor)) static void choose_tests(void)
{
    const char *pattern = getenv("CMOCKA_TEST_FILTER");

    if (pattern) {
        cmocka_set_test_filter(pattern);
    }
}

#define N_TESTS(list) (sizeof(list) / sizeof((list)[0]))

#endif
