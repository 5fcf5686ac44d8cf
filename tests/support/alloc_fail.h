/* SPDX-License-Identifier: MIT */
#ifndef MIGP_TESTS_SUPPORT_ALLOC_FAIL_H
#define MIGP_TESTS_SUPPORT_ALLOC_FAIL_H

/*
 * Lets the n-th allocation fail. Link migp_test_alloc: it brings the --wrap
 * options that lead the code under test here.
 */

#include <stdbool.h>
#include <stddef.h>

/* From now on let allocation number n (1 is the next) fail; 0: none. */
void alloc_fail_at(size_t n);

/* Allocations since alloc_fail_at(). */
size_t alloc_count(void);

/* Did one fail since alloc_fail_at()? */
bool alloc_failed(void);

#endif
