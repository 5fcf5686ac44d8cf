/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_TABLE_H
#define MIGP_CLI_TABLE_H

#include <libsmartcols.h>
#include <stdbool.h>
#include <stddef.h>

/* Colours by what they mean; names of libsmartcols. */
#define MIGP_COLOUR_TITLE "bold"
#define MIGP_COLOUR_GOOD "green"
#define MIGP_COLOUR_NOTE "cyan"
#define MIGP_COLOUR_WARNING "yellow"
#define MIGP_COLOUR_ERROR "red"

/* A column; the list ends with a NULL name. */
struct migp_column {
    const char *name;
    int flags;    /* SCOLS_FL_... */
    double width; /* hint: characters from 1 on, or a part of the line */
};

/* A libsmartcols table that prints to stdout; memory that runs out ends the
 * program with a message. */
struct migp_table {
    struct libscols_table *scols;
    struct libscols_line *line; /* the last one */
    size_t next;                /* column that the next cell fills */
};

void migp_table_open(struct migp_table *table,
                     const struct migp_column *columns, bool headings,
                     bool colour);
void migp_table_add_line(struct migp_table *table);

/* Fill the line's next cell; colour NULL for none. */
__attribute__((format(printf, 3, 4))) void
migp_table_add(struct migp_table *table, const char *colour, const char *format,
               ...);

/* A line of a table with a name and a value column. */
__attribute__((format(printf, 3, 4))) void
migp_table_add_pair(struct migp_table *table, const char *name,
                    const char *format, ...);

/* Print and free; an empty table prints nothing. */
void migp_table_print(struct migp_table *table);

/* A line above tables. */
void migp_table_title(const char *title, bool colour);

#endif
