/* SPDX-License-Identifier: MIT */

/* A save file's header: filled on success, untouched otherwise, and no prefix
 * of a good one is taken for something else. */

#include "fuzz/check.h"

#include <migproto/libvirt.h>
#include <stdlib.h>
#include <string.h>

static int parse(const uint8_t *bytes, size_t size,
                 struct migp_libvirt_header *header)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_libvirt_header before;
    uint8_t *exact = malloc(size + 1);
    int code;

    FUZZ_CHECK(exact != NULL);
    memcpy(exact, bytes, size);
    memset(header, 0xa5, sizeof(*header));
    header->struct_size = sizeof(*header);
    before = *header;
    code = migp_libvirt_header_parse(exact, size, header, &error);
    free(exact);
    FUZZ_CHECK(error.code == code);
    FUZZ_CHECK(code == MIGP_OK ||
               memcmp((const uint8_t *)header, (const uint8_t *)&before,
                      sizeof(before)) == 0);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct feeding feeding = fuzz_whole(bytes, size);
    struct migp_libvirt_header header;
    int code = parse(feeding.bytes, feeding.size, &header);
    bool settled = false;
    size_t at;

    for (at = 0; at < feeding.size && at < MIGP_LIBVIRT_HEADER_SIZE; at++) {
        struct migp_libvirt_header part;
        int early = parse(feeding.bytes, at, &part);

        FUZZ_CHECK(early == MIGP_ERR_NEED_MORE || early == code);
        FUZZ_CHECK(!settled || early == code); /* no second thoughts */
        settled = early == code;
    }
    if (code != MIGP_OK) {
        FUZZ_CHECK(code == MIGP_ERR_NOT_A_STREAM ||
                   code == MIGP_ERR_NEED_MORE || code == MIGP_ERR_UNSUPPORTED);
        return 0;
    }
    FUZZ_CHECK(feeding.size >= MIGP_LIBVIRT_HEADER_SIZE && !settled);
    FUZZ_CHECK(header.version >= 1 && header.version <= 3);
    FUZZ_CHECK(header.big_endian <= 1 && header.is_partial <= 1);
    FUZZ_CHECK(header.stream_offset ==
               MIGP_LIBVIRT_HEADER_SIZE + (uint64_t)header.data_size);
    FUZZ_CHECK(migp_libvirt_format_id(header.format) != NULL);
    return 0;
}
