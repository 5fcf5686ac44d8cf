/* SPDX-License-Identifier: MIT */
#include "printable.h"

#include "message.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char digits[] = "0123456789abcdef";

char *migp_printable_make(const char *text)
{
    char *result = migp_memory_resize(NULL, strlen(text) + 1, 4);
    char *out = result;

    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;

        if (byte >= 0x20 && byte < 0x7f && byte != '\\') {
            *out++ = *text;
        } else {
            *out++ = '\\';
            *out++ = 'x';
            *out++ = digits[byte >> 4];
            *out++ = digits[byte & 0xf];
        }
    }
    *out = '\0';
    return result;
}

char *migp_printable_hex(const uint8_t *bytes, size_t size)
{
    char *result = migp_memory_resize(NULL, size + 1, 2);
    size_t i;

    for (i = 0; i < size; i++) {
        result[2 * i] = digits[bytes[i] >> 4];
        result[2 * i + 1] = digits[bytes[i] & 0xf];
    }
    result[2 * size] = '\0';
    return result;
}

const char *migp_printable_size(uint64_t size,
                                char buffer[MIGP_PRINTABLE_SIZE_MAX])
{
    static const char *const units[] = {"KiB", "MiB", "GiB",
                                        "TiB", "PiB", "EiB"};
    uint64_t scaled = size;
    size_t unit = 0;

    if (size < 65536) {
        snprintf(buffer, MIGP_PRINTABLE_SIZE_MAX, "%" PRIu64, size);
        return buffer;
    }
    while (scaled >= 1024 * UINT64_C(1024)) {
        scaled /= 1024;
        unit++;
    }
    snprintf(buffer, MIGP_PRINTABLE_SIZE_MAX,
             "%" PRIu64 ".%" PRIu64 " %s (%" PRIu64 ")", scaled / 1024,
             scaled % 1024 * 10 / 1024, units[unit], size);
    return buffer;
}
