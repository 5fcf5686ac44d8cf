/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_KTAP_H
#define MIGP_CLI_KTAP_H

#include <stdbool.h>
#include <stddef.h>

/* KTAP version 1 on stdout, as kernel selftests print it. Each line is out
 * before the next thing is done: after a lockup the last one tells where.
 * Source: linux Documentation/dev-tools/ktap.rst. */

enum migp_ktap_result {
    MIGP_KTAP_PASS,
    MIGP_KTAP_FAIL,
    MIGP_KTAP_XFAIL,
    MIGP_KTAP_XPASS,
    MIGP_KTAP_SKIP,
    MIGP_KTAP_ERROR, /* of the run, not of a test */
    MIGP_KTAP_COUNT
};

struct migp_ktap {
    size_t n;
    size_t counts[MIGP_KTAP_COUNT];
};

void migp_ktap_begin(struct migp_ktap *ktap, size_t planned);

/* A diagnostic line. */
__attribute__((format(printf, 1, 2))) void migp_ktap_say(const char *format,
                                                         ...);

/* A test's result line; reason goes with SKIP, XFAIL and XPASS. */
void migp_ktap_result(struct migp_ktap *ktap, enum migp_ktap_result result,
                      const char *name, const char *reason);

/* The end; bail: why it came too early, or NULL. */
void migp_ktap_end(struct migp_ktap *ktap, const char *bail);

#endif
