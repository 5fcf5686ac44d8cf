/* SPDX-License-Identifier: MIT */

/* Messages one behind the other; each says the same when it is made again. */

#include "fuzz/check.h"

#include <migproto/vfio_user_codec.h>
#include <stdlib.h>
#include <string.h>

static void check_again(const struct migp_vu_message *message)
{
    struct migp_vu_message again = {.struct_size = sizeof(again)};
    uint8_t bytes[MIGP_VU_FIXED_MAX];
    migp_ssize made = migp_vu_encode(message, bytes, sizeof(bytes));

    FUZZ_CHECK(made >= MIGP_VU_HEAD_SIZE && made <= MIGP_VU_FIXED_MAX);
    FUZZ_CHECK(migp_vu_decode(bytes, (size_t)made, &again, NULL) == made);
    FUZZ_CHECK(memcmp(&again, message, sizeof(again)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    size_t at = 0;

    while (at < size) {
        struct migp_vu_message message = {.struct_size = sizeof(message)};
        struct migp_error error = MIGP_ERROR_INIT;
        uint8_t *exact = malloc(size - at);
        migp_ssize got;

        FUZZ_CHECK(exact != NULL);
        memcpy(exact, bytes + at, size - at);
        got = migp_vu_decode(exact, size - at, &message, &error);
        free(exact);
        if (got < 0) {
            FUZZ_CHECK(error.code == got);
            FUZZ_CHECK(memchr(error.text, '\0', sizeof(error.text)) != NULL);
            FUZZ_CHECK(got != MIGP_ERR_NEED_MORE ||
                       size - at < MIGP_VU_FIXED_MAX);
            at++;
            continue;
        }
        FUZZ_CHECK(got <= MIGP_VU_FIXED_MAX && (size_t)got <= size - at);
        FUZZ_CHECK(message.tail <= MIGP_VU_MESSAGE_MAX);
        check_again(&message);
        at += (size_t)got;
        at += message.tail < size - at ? (size_t)message.tail : size - at;
    }
    return 0;
}
