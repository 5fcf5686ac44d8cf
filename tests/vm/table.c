/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "table.h"

#include "core/errno_name.h"
#include "support/file.h"
#include "unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_row(struct table *table, char *line)
{
    struct table_row *row = &table->rows[table->n_rows];
    char *rest = line;
    char *field = strsep(&rest, "\t");

    assert_in_range(table->n_rows, 0, TABLE_ROWS - 1);
    row->list = field;
    while ((field = strsep(&rest, "\t")) != NULL) {
        assert_in_range(row->n_fields, 0, TABLE_FIELDS - 1);
        assert_non_null(strchr(field, '='));
        row->fields[row->n_fields++] = field;
    }
    table->n_rows++;
}

void table_load(struct table *table, unsigned int ports)
{
    char path[512];
    struct file file;
    char *rest;
    char *line;

    (void)snprintf(path, sizeof(path), "%s/mtty/mtty-%u.tsv", MIGP_VM_GOLDEN,
                   ports);
    file = file_load(path);
    memset(table, 0, sizeof(*table));
    table->text = malloc(file.size + 1);
    assert_non_null(table->text);
    memcpy(table->text, file.bytes, file.size);
    table->text[file.size] = '\0';
    file_free(&file);
    rest = table->text;
    while ((line = strsep(&rest, "\n")) != NULL) {
        if (*line != '\0') {
            add_row(table, line);
        }
    }
}

static const char *value_of(const struct table_row *row, const char *field)
{
    size_t length = strlen(field);
    size_t i;

    for (i = 0; i < row->n_fields; i++) {
        if (strncmp(row->fields[i], field, length) == 0 &&
            row->fields[i][length] == '=') {
            return row->fields[i] + length + 1;
        }
    }
    return NULL;
}

const struct table_row *table_find(const struct table *table, const char *list,
                                   const char *test)
{
    size_t i;

    for (i = 0; i < table->n_rows; i++) {
        const char *name = value_of(&table->rows[i], "test");

        if (strcmp(table->rows[i].list, list) == 0 && name != NULL &&
            strcmp(name, test) == 0) {
            return &table->rows[i];
        }
    }
    fail_msg("the recording has no %s %s", list, test);
    return NULL;
}

const char *table_text(const struct table_row *row, const char *field)
{
    const char *value = value_of(row, field);

    if (value == NULL) {
        fail_msg("%s %s: no field %s", row->list, row->fields[0], field);
    }
    return value;
}

long table_number(const struct table_row *row, const char *field)
{
    const char *text = table_text(row, field);
    char *end;
    long value = strtol(text, &end, 0);

    if (*text == '\0' || *end != '\0') {
        fail_msg("%s %s: %s is no number", row->list, row->fields[0], field);
    }
    return value;
}

bool table_has(const struct table_row *row, const char *field)
{
    return value_of(row, field) != NULL;
}

bool table_says(const struct table_row *row, const char *field,
                const char *text)
{
    return strcmp(table_text(row, field), text) == 0;
}

void table_free(struct table *table)
{
    free(table->text);
    table->text = NULL;
}

const char *table_errno(int error)
{
    return error == 0 ? "0" : migp_errno_name(error);
}
