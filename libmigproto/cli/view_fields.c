/* SPDX-License-Identifier: MIT */
#include "view.h"

#include "printable.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fields are many and short: as many share a line as fit in this. */
#define LINE_WIDTH 66
/* A name, and the longest bytes in hexadecimal that are shown. */
#define MAX_FIELD 160

/* A line being filled; its label is what the names have before the dot. */
struct field_line {
    struct migp_table *table;
    char label[MAX_FIELD + 2]; /* indented */
    char text[LINE_WIDTH + MAX_FIELD + 4];
};

static void flush_line(struct field_line *line)
{
    if (line->text[0] != '\0') {
        migp_table_add_pair(line->table, line->label, "%s", line->text);
    }
    line->text[0] = '\0';
    line->label[0] = '\0';
}

static void field_text(const struct migp_field *field, const char *name,
                       char text[MAX_FIELD])
{
    char *hex;

    if (field->kind == MIGP_FIELD_BYTES) {
        hex = migp_printable_hex(field->bytes, field->size);
        snprintf(text, MAX_FIELD, "%s %s", name, hex);
        free(hex);
    } else if (field->kind == MIGP_FIELD_HEX) {
        snprintf(text, MAX_FIELD, "%s 0x%" PRIx64, name, field->number);
    } else {
        snprintf(text, MAX_FIELD, "%s %" PRIu64, name, field->number);
    }
}

static void add_text(struct field_line *line, const char *text)
{
    size_t length = strlen(line->text);

    if (length > 0 && length + strlen(text) > LINE_WIDTH) {
        flush_line(line);
        length = 0;
    }
    snprintf(line->text + length, sizeof(line->text) - length, "%s%s",
             length > 0 ? ", " : "", text);
}

void migp_view_add_fields(struct migp_table *table,
                          const struct migp_report *report, size_t device,
                          size_t n_fields)
{
    struct field_line line = {.table = table};
    char group[MAX_FIELD] = "";
    char text[MAX_FIELD];
    struct migp_field field;
    size_t i;

    for (i = 0; i < n_fields; i++) {
        const char *dot;
        size_t length;

        if (migp_report_field(report, device, i, &field) != MIGP_OK) {
            continue;
        }
        dot = strchr(field.name, '.');
        length = dot != NULL ? (size_t)(dot - field.name) : 0;
        if (length >= sizeof(group)) {
            length = sizeof(group) - 1;
        }
        if (strlen(group) != length || memcmp(group, field.name, length) != 0) {
            flush_line(&line);
            memcpy(group, field.name, length);
            group[length] = '\0';
            snprintf(line.label, sizeof(line.label), "  %s", group);
        }
        field_text(&field, dot != NULL ? dot + 1 : field.name, text);
        add_text(&line, text);
    }
    flush_line(&line);
}
