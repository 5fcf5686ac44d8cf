/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CORE_BYTES_H
#define MIGP_CORE_BYTES_H

/*
 * The cursor owns all bounds arithmetic: a read either succeeds and moves, or
 * fails and has moved nothing. The byte order is in the name.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct migp_cursor {
    const uint8_t *bytes;
    size_t size;
    size_t at;
};

static inline struct migp_cursor migp_cursor_over(const void *bytes,
                                                  size_t size)
{
    struct migp_cursor cursor = {(const uint8_t *)bytes, size, 0};

    return cursor;
}

static inline size_t migp_cursor_left(const struct migp_cursor *cursor)
{
    return cursor->size - cursor->at;
}

static inline bool migp_cursor_take(struct migp_cursor *cursor, size_t size,
                                    const uint8_t **out)
{
    if (size > migp_cursor_left(cursor)) {
        return false;
    }
    *out = cursor->bytes + cursor->at;
    cursor->at += size;
    return true;
}

static inline uint16_t migp_load_be16(const uint8_t *bytes)
{
    return (uint16_t)((bytes[0] << 8) | bytes[1]);
}

static inline uint32_t migp_load_be32(const uint8_t *bytes)
{
    return ((uint32_t)bytes[0] << 24) | ((uint32_t)bytes[1] << 16) |
           ((uint32_t)bytes[2] << 8) | (uint32_t)bytes[3];
}

static inline uint64_t migp_load_be64(const uint8_t *bytes)
{
    return ((uint64_t)bytes[0] << 56) | ((uint64_t)bytes[1] << 48) |
           ((uint64_t)bytes[2] << 40) | ((uint64_t)bytes[3] << 32) |
           ((uint64_t)bytes[4] << 24) | ((uint64_t)bytes[5] << 16) |
           ((uint64_t)bytes[6] << 8) | (uint64_t)bytes[7];
}

static inline uint16_t migp_load_le16(const uint8_t *bytes)
{
    return (uint16_t)((bytes[1] << 8) | bytes[0]);
}

static inline uint32_t migp_load_le32(const uint8_t *bytes)
{
    return ((uint32_t)bytes[3] << 24) | ((uint32_t)bytes[2] << 16) |
           ((uint32_t)bytes[1] << 8) | (uint32_t)bytes[0];
}

static inline uint64_t migp_load_le64(const uint8_t *bytes)
{
    return ((uint64_t)migp_load_le32(bytes + 4) << 32) | migp_load_le32(bytes);
}

static inline void migp_store_be16(uint8_t *bytes, uint16_t value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

static inline void migp_store_be32(uint8_t *bytes, uint32_t value)
{
    migp_store_be16(bytes, (uint16_t)(value >> 16));
    migp_store_be16(bytes + 2, (uint16_t)value);
}

static inline void migp_store_be64(uint8_t *bytes, uint64_t value)
{
    migp_store_be32(bytes, (uint32_t)(value >> 32));
    migp_store_be32(bytes + 4, (uint32_t)value);
}

static inline bool migp_cursor_u8(struct migp_cursor *cursor, uint8_t *out)
{
    const uint8_t *bytes;

    if (!migp_cursor_take(cursor, 1, &bytes)) {
        return false;
    }
    *out = bytes[0];
    return true;
}

static inline bool migp_cursor_be16(struct migp_cursor *cursor, uint16_t *out)
{
    const uint8_t *bytes;

    if (!migp_cursor_take(cursor, 2, &bytes)) {
        return false;
    }
    *out = migp_load_be16(bytes);
    return true;
}

static inline bool migp_cursor_be32(struct migp_cursor *cursor, uint32_t *out)
{
    const uint8_t *bytes;

    if (!migp_cursor_take(cursor, 4, &bytes)) {
        return false;
    }
    *out = migp_load_be32(bytes);
    return true;
}

static inline bool migp_cursor_be64(struct migp_cursor *cursor, uint64_t *out)
{
    const uint8_t *bytes;

    if (!migp_cursor_take(cursor, 8, &bytes)) {
        return false;
    }
    *out = migp_load_be64(bytes);
    return true;
}

#endif
