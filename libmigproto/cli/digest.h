/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_DIGEST_H
#define MIGP_CLI_DIGEST_H

#include <migproto/report.h>

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>

/* A SHA-256 in hexadecimal, with its NUL. */
#define MIGP_DIGEST_TEXT 65

/* The SHA-256 of each device's state, made while a report is read. */
struct migp_digests {
    EVP_MD_CTX **contexts; /* by device index */
    size_t n_contexts;
    bool failed; /* the crypto library refused */
};

/* A migp_report_sink; user is a struct migp_digests, zeroed at first. */
void migp_digests_sink(void *user, size_t device, int section_kind,
                       const struct migp_event *event);

/* The digest of a device, also of one without any state. Once per device;
 * fails if the crypto library does. */
int migp_digests_finish(struct migp_digests *digests, size_t device,
                        char text[MIGP_DIGEST_TEXT]);

void migp_digests_free(struct migp_digests *digests);

#endif
