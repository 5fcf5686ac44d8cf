/* SPDX-License-Identifier: MIT */
#ifndef MIGP_MUTATE_TABLE_H
#define MIGP_MUTATE_TABLE_H

/*
 * A stream taken apart: units, which nest, and their fields. Who parses the
 * bytes fills it (take_apart.h); who mutates reads it. Both kinds of entries
 * are bounded: behind the bound the rest of the input is one unit.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MIGP_MUTATE_MAX_UNITS 4096U
#define MIGP_MUTATE_MAX_FIELDS 16384U
#define MIGP_MUTATE_NONE UINT32_MAX

/* What a field is for, which decides what can be done to it. */
enum migp_mutate_role {
    MIGP_ROLE_MAGIC,   /* a fixed number that something begins with */
    MIGP_ROLE_TAG,     /* a device-state record's */
    MIGP_ROLE_BYTE,    /* starts a section, a command or the end */
    MIGP_ROLE_COMMAND, /* a command's number */
    MIGP_ROLE_FLAGS,
    MIGP_ROLE_INDEX,
    MIGP_ROLE_ID,     /* tells things apart */
    MIGP_ROLE_NUMBER, /* a version, or what else readers only compare */
    MIGP_ROLE_SIZE,   /* counts bytes */
    MIGP_ROLE_FOOTER, /* what a section ends with */
    MIGP_ROLE_NAME,   /* text */
    MIGP_ROLE_PAYLOAD
};

struct migp_mutate_unit {
    size_t offset;
    size_t size;
    uint32_t parent; /* unit that it lies in; NONE at the top */
    uint32_t sizer;  /* field that counts the units inside; NONE */
    const char *name;
    bool close; /* it is of a device's state, or holds units itself */
};

struct migp_mutate_field {
    size_t offset;
    size_t size;
    uint32_t unit;
    uint32_t link; /* NAME, PAYLOAD: the SIZE field that counts it; ID: the
                      footer's copy of it; NONE */
    enum migp_mutate_role role;
    bool little_endian;
    const char *name;
};

/* What the bytes were taken for. */
enum migp_mutate_format {
    MIGP_MUTATE_BYTES,
    MIGP_MUTATE_QEMU,
    MIGP_MUTATE_BARE,
    MIGP_MUTATE_MULTIFD,
    MIGP_MUTATE_DRIVER
};

struct migp_mutate_table {
    struct migp_mutate_unit *units;
    uint32_t n_units;
    uint32_t unit_room;
    struct migp_mutate_field *fields;
    uint32_t n_fields;
    uint32_t field_room;
    enum migp_mutate_format format;
    bool whole;         /* every byte has its place, to the end of the input */
    size_t rest;        /* bytes at the end that could not be taken apart */
    bool full;          /* units were left out */
    size_t full_offset; /* of the first of them */
    bool no_memory;
};

void migp_mutate_table_free(struct migp_mutate_table *table);
void migp_mutate_table_clear(struct migp_mutate_table *table);

/* Add a unit of at least one byte; gives its number, or NONE if the table is
 * full. */
uint32_t migp_mutate_add_unit(struct migp_mutate_table *table, const char *name,
                              uint32_t parent, size_t offset, size_t size);

/* Add a field of the last unit, or of one before; NONE if it does not fit. */
uint32_t migp_mutate_add_field(struct migp_mutate_table *table, uint32_t unit,
                               enum migp_mutate_role role, const char *name,
                               size_t offset, size_t size);

/* Add a NAME or PAYLOAD that the field link counts; nothing if size is 0 and
 * nobody counts it. */
void migp_mutate_add_bytes(struct migp_mutate_table *table, uint32_t unit,
                           enum migp_mutate_role role, const char *name,
                           size_t offset, size_t size, uint32_t link);

#endif
