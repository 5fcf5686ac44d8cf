/* SPDX-License-Identifier: MIT */
#ifndef MIGP_TESTS_SUPPORT_SCALE_H
#define MIGP_TESTS_SUPPORT_SCALE_H

/*
 * MIGP_TEST_SCALE ("1/50", "2", "1") lowers or raises how much a test tries,
 * for lanes where every instruction is dear (valgrind, an emulated machine).
 */

#include <stddef.h>
#include <stdint.h>

/* count times the scale, at least 1 (0 stays 0). */
uint64_t test_scaled(uint64_t count);

/* How far to step through all positions so that about 1/scale are tried. */
size_t test_stride(void);

#endif
