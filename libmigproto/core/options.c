/* SPDX-License-Identifier: MIT */
#include "core/options.h"

#include <migproto/core.h>
#include <stdint.h>
#include <string.h>

static size_t given_size(const void *given)
{
    size_t size;

    memcpy(&size, given, sizeof(size));
    return size;
}

int migp_struct_read(void *own, size_t own_size, const void *given)
{
    const uint8_t *bytes = given;
    size_t size = given_size(given);
    size_t i;

    if (size < sizeof(size_t)) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    for (i = own_size; i < size; i++) {
        if (bytes[i] != 0) {
            return MIGP_ERR_INVALID_ARGUMENT;
        }
    }
    memcpy(own, given, size < own_size ? size : own_size);
    memcpy(own, &own_size, sizeof(own_size));
    return MIGP_OK;
}

int migp_struct_write(void *given, const void *own, size_t own_size)
{
    size_t size = given_size(given);

    if (size < sizeof(size_t)) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    memcpy(given, own, size < own_size ? size : own_size);
    if (size > own_size) {
        memset((uint8_t *)given + own_size, 0, size - own_size);
    }
    memcpy(given, &size, sizeof(size));
    return MIGP_OK;
}
