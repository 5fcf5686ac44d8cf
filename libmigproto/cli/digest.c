/* SPDX-License-Identifier: MIT */
#include "digest.h"

#include "message.h"

#include <stdio.h>
#include <stdlib.h>

static EVP_MD_CTX *get_context(struct migp_digests *digests, size_t device)
{
    EVP_MD_CTX *context;

    /* A report numbers its devices from 0 on and bounds how many there are. */
    while (digests->n_contexts <= device) {
        context = EVP_MD_CTX_new();
        if (context == NULL ||
            EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) {
            EVP_MD_CTX_free(context);
            digests->failed = true;
            return NULL;
        }
        digests->contexts = migp_memory_resize(
            digests->contexts, digests->n_contexts + 1, sizeof(EVP_MD_CTX *));
        digests->contexts[digests->n_contexts++] = context;
    }
    return digests->contexts[device];
}

void migp_digests_sink(void *user, size_t device, int section_kind,
                       const struct migp_event *event)
{
    struct migp_digests *digests = user;
    EVP_MD_CTX *context;

    (void)section_kind;
    if (event->kind != MIGP_EVENT_DATA || digests->failed) {
        return;
    }
    context = get_context(digests, device);
    if (context == NULL ||
        EVP_DigestUpdate(context, event->bytes, (size_t)event->size) != 1) {
        digests->failed = true;
    }
}

int migp_digests_finish(struct migp_digests *digests, size_t device,
                        char text[MIGP_DIGEST_TEXT])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    unsigned int i;
    EVP_MD_CTX *context;

    context = digests->failed ? NULL : get_context(digests, device);
    if (context == NULL || EVP_DigestFinal_ex(context, digest, &size) != 1 ||
        2 * size + 1 != MIGP_DIGEST_TEXT) {
        digests->failed = true;
        migp_message_print(NULL, "SHA-256 is not available");
        return -1;
    }
    for (i = 0; i < size; i++) {
        snprintf(text + (size_t)2 * i, 3, "%02x", digest[i]);
    }
    return 0;
}

void migp_digests_free(struct migp_digests *digests)
{
    size_t i;

    for (i = 0; i < digests->n_contexts; i++) {
        EVP_MD_CTX_free(digests->contexts[i]);
    }
    free(digests->contexts);
    digests->contexts = NULL;
    digests->n_contexts = 0;
}
