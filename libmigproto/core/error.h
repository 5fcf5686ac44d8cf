/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CORE_ERROR_H
#define MIGP_CORE_ERROR_H

#include <migproto/finding.h>

/* Fill the caller's error (NULL is allowed) and return code. */
int migp_error_set(struct migp_error *error, int code,
                   const struct migp_finding *finding);

/*
 * Fill the caller's error (NULL is allowed) with a sentence of its own and
 * return code. system_errno > 0 is named at the sentence's end: "...: EIO".
 */
__attribute__((format(printf, 4, 5))) int
migp_error_say(struct migp_error *error, int code, int system_errno,
               const char *format, ...);

/* A finding with its severity from the list. */
struct migp_finding migp_finding_make(uint32_t code, uint64_t offset,
                                      uint64_t value, uint64_t expected);

#endif
