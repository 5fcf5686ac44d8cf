/* SPDX-License-Identifier: MIT */
#ifndef MIGP_TESTS_VM_TABLE_H
#define MIGP_TESTS_VM_TABLE_H

/*
 * tests/golden/mtty/mtty-N.tsv: what a real mtty device with N ports answered.
 * tests/golden/mtty_table.py says how a line is made.
 */

#include <stdbool.h>
#include <stddef.h>

#define TABLE_ROWS 256
#define TABLE_FIELDS 32

struct table_row {
    const char *list;
    const char *fields[TABLE_FIELDS];
    size_t n_fields;
};

struct table {
    char *text;
    struct table_row rows[TABLE_ROWS];
    size_t n_rows;
};

/* These fail the test where there is no such file, row or field. */
void table_load(struct table *table, unsigned int ports);
const struct table_row *table_find(const struct table *table, const char *list,
                                   const char *test);
const char *table_text(const struct table_row *row, const char *field);
long table_number(const struct table_row *row, const char *field);

bool table_has(const struct table_row *row, const char *field);
bool table_says(const struct table_row *row, const char *field,
                const char *text);
void table_free(struct table *table);

/* As the table writes it: "0", or the errno's name. */
const char *table_errno(int error);

#endif
