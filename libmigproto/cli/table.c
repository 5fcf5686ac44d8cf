/* SPDX-License-Identifier: MIT */
#include "table.h"

#include "command.h"
#include "message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Driver fields in hexadecimal are the longest cells there are. */
#define MAX_CELL 2048

static void check(bool good)
{
    if (!good) {
        migp_message_print(NULL, "out of memory");
        exit(MIGP_EXIT_FAILED);
    }
}

void migp_table_open(struct migp_table *table,
                     const struct migp_column *columns, bool headings,
                     bool colour)
{
    table->scols = scols_new_table();
    table->line = NULL;
    table->next = 0;
    check(table->scols != NULL);
    scols_table_enable_noheadings(table->scols, headings ? 0 : 1);
    scols_table_enable_colors(table->scols, colour ? 1 : 0);
    /* The peer's texts are printable already; see printable.h. */
    scols_table_enable_noencoding(table->scols, 1);
    scols_table_set_column_separator(table->scols, "  ");
    for (; columns->name != NULL; columns++) {
        check(scols_table_new_column(table->scols, columns->name,
                                     columns->width, columns->flags) != NULL);
    }
}

void migp_table_add_line(struct migp_table *table)
{
    table->line = scols_table_new_line(table->scols, NULL);
    table->next = 0;
    check(table->line != NULL);
}

__attribute__((format(printf, 3, 0))) static void
add_cell(struct migp_table *table, const char *colour, const char *format,
         va_list arguments)
{
    char text[MAX_CELL];

    vsnprintf(text, sizeof(text), format, arguments);
    check(scols_line_set_data(table->line, table->next, text) == 0);
    if (colour != NULL) {
        check(scols_cell_set_color(
                  scols_line_get_cell(table->line, table->next), colour) == 0);
    }
    table->next++;
}

void migp_table_add(struct migp_table *table, const char *colour,
                    const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    add_cell(table, colour, format, arguments);
    va_end(arguments);
}

void migp_table_add_pair(struct migp_table *table, const char *name,
                         const char *format, ...)
{
    va_list arguments;

    migp_table_add_line(table);
    migp_table_add(table, NULL, "  %s", name);
    va_start(arguments, format);
    add_cell(table, NULL, format, arguments);
    va_end(arguments);
}

void migp_table_print(struct migp_table *table)
{
    if (scols_table_get_nlines(table->scols) > 0) {
        /* libsmartcols writes to stdout through stdio; errors show at the
         * final flush. */
        (void)scols_print_table(table->scols);
    }
    scols_unref_table(table->scols);
    table->scols = NULL;
}

void migp_table_title(const char *title, bool colour)
{
    printf(colour ? "\n\033[1m%s\033[0m\n" : "\n%s\n", title);
}
