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

#define N_TESTS(list) (sizeof(list) / sizeof((list)[0]))

#endif
