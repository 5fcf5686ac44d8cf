/* SPDX-License-Identifier: MIT */
#include "ktap.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void migp_ktap_begin(struct migp_ktap *ktap, size_t planned)
{
    memset(ktap, 0, sizeof(*ktap));
    printf("KTAP version 1\n1..%zu\n", planned);
    fflush(stdout);
}

void migp_ktap_say(const char *format, ...)
{
    va_list arguments;

    fputs("# ", stdout);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

void migp_ktap_result(struct migp_ktap *ktap, enum migp_ktap_result result,
                      const char *name, const char *reason)
{
    static const char *const directives[MIGP_KTAP_COUNT] = {
        [MIGP_KTAP_XFAIL] = "XFAIL",
        [MIGP_KTAP_XPASS] = "XPASS",
        [MIGP_KTAP_SKIP] = "SKIP",
    };
    const char *directive = directives[result];

    ktap->counts[result]++;
    printf("%s %zu - %s",
           result == MIGP_KTAP_FAIL || result == MIGP_KTAP_XFAIL ? "not ok"
                                                                 : "ok",
           ++ktap->n, name);
    if (directive != NULL) {
        printf(" # %s %s", directive, reason);
    }
    putchar('\n');
    fflush(stdout);
}

void migp_ktap_end(struct migp_ktap *ktap, const char *bail)
{
    if (bail != NULL) {
        printf("Bail out! %s\n", bail);
        ktap->counts[MIGP_KTAP_ERROR]++;
    }
    migp_ktap_say("Totals: pass:%zu fail:%zu xfail:%zu xpass:%zu skip:%zu "
                  "error:%zu",
                  ktap->counts[MIGP_KTAP_PASS], ktap->counts[MIGP_KTAP_FAIL],
                  ktap->counts[MIGP_KTAP_XFAIL], ktap->counts[MIGP_KTAP_XPASS],
                  ktap->counts[MIGP_KTAP_SKIP], ktap->counts[MIGP_KTAP_ERROR]);
}
