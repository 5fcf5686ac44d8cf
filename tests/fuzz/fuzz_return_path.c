/* SPDX-License-Identifier: MIT */

/* Messages to the end of the input; each encodes to what it was. */

#include "fuzz/check.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    size_t at = 0;

    for (;;) {
        struct migp_rp_message message = {.struct_size = sizeof(message)};
        uint8_t again[MIGP_RP_MESSAGE_MAX];
        uint8_t *exact = malloc(size - at + 1);
        migp_ssize got;

        FUZZ_CHECK(exact != NULL);
        memcpy(exact, bytes + at, size - at);
        got = migp_rp_decode(exact, size - at, &message, NULL);
        free(exact);
        if (got < 0) {
            FUZZ_CHECK(got == MIGP_ERR_NEED_MORE || got == MIGP_ERR_MALFORMED);
            FUZZ_CHECK(got != MIGP_ERR_NEED_MORE ||
                       size - at < MIGP_RP_MESSAGE_MAX);
            return 0;
        }
        FUZZ_CHECK(got > 0 && got <= MIGP_RP_MESSAGE_MAX);
        FUZZ_CHECK((size_t)got <= size - at);
        FUZZ_CHECK(memchr(message.name, '\0', sizeof(message.name)) != NULL);
        /* a name with a NUL inside ends there in C: no way back then */
        if (migp_rp_encode(&message, again, sizeof(again)) == got) {
            FUZZ_CHECK(memcmp(again, bytes + at, (size_t)got) == 0);
        }
        at += (size_t)got;
    }
}
