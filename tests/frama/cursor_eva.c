/* SPDX-License-Identifier: MIT */

/*
 * frama-c: libmigproto/core/version.c
 * proves: the cursor reads no byte outside its own and overflows nowhere, for any 0 to 32 bytes and any number of reads in any order
 */

#include "core/bytes.h"

#include <__fc_builtin.h>

#define LENGTH 32

static volatile uint64_t sink;

static void read_once(struct migp_cursor *cursor, int which)
{
    const uint8_t *bytes;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    size_t size = (size_t)Frama_C_unsigned_long_interval(0, (unsigned long)-1);

    switch (which) {
    case 0:
        sink = migp_cursor_u8(cursor, &u8) ? u8 : 0;
        break;
    case 1:
        sink = migp_cursor_be16(cursor, &u16) ? u16 : 0;
        break;
    case 2:
        sink = migp_cursor_be32(cursor, &u32) ? u32 : 0;
        break;
    case 3:
        sink = migp_cursor_be64(cursor, &u64) ? u64 : 0;
        break;
    default:
        if (migp_cursor_take(cursor, size, &bytes) && size > 0) {
            sink = bytes[0];
            sink = bytes[size - 1];
        }
        break;
    }
}

static void loads_and_stores(void)
{
    uint8_t bytes[8];

    Frama_C_make_unknown((char *)bytes, sizeof(bytes));
    sink = migp_load_be16(bytes);
    sink = migp_load_be32(bytes);
    sink = migp_load_be64(bytes);
    sink = migp_load_le16(bytes);
    sink = migp_load_le32(bytes);
    sink = migp_load_le64(bytes);
    migp_store_be16(bytes, (uint16_t)sink);
    migp_store_be32(bytes, (uint32_t)sink);
    migp_store_be64(bytes, sink);
}

int main(void)
{
    uint8_t bytes[LENGTH];
    struct migp_cursor cursor;
    size_t size = (size_t)Frama_C_interval(0, LENGTH);

    Frama_C_make_unknown((char *)bytes, sizeof(bytes));
    /* Eva keeps apart what it is told to split, and joins the rest: the loop
     * is analysed until nothing new comes, for any number of reads. */
    /*@ split size; */
    cursor = migp_cursor_over(bytes + LENGTH - size, size);
    while (Frama_C_interval(0, 1)) {
        /*@ split cursor.at; */
        read_once(&cursor, Frama_C_interval(0, 4));
    }
    sink = migp_cursor_left(&cursor);
    loads_and_stores();
    return 0;
}
