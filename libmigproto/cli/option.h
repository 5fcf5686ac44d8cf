/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_OPTION_H
#define MIGP_CLI_OPTION_H

#include <stddef.h>
#include <stdint.h>

/* What an option's argument is, and so the type of the member it sets. */
enum migp_option_kind {
    MIGP_OPTION_FLAG,   /* none; bool */
    MIGP_OPTION_TEXT,   /* any text; const char * */
    MIGP_OPTION_SIZE,   /* bytes, suffix K, M, G or T allowed; uint64_t */
    MIGP_OPTION_COUNT,  /* a number; uint32_t */
    MIGP_OPTION_CHOICE, /* one of a list of words; uint32_t */
    MIGP_OPTION_LIST    /* any text, again and again; struct migp_list */
};

/* A main stream and the 256 channels beside it that one byte can number. */
#define MIGP_LIST_MAX 257

/* What a LIST was given, in order. */
struct migp_list {
    const char *items[MIGP_LIST_MAX];
    size_t n_items;
};

/* A word that a CHOICE accepts; the list ends with a NULL word. */
struct migp_choice {
    const char *word;
    uint32_t value;
};

/* One row of a command's option table; the table ends with a NULL name. */
struct migp_option {
    const char *name; /* long name without the dashes */
    int letter;       /* short name, or 0 */
    enum migp_option_kind kind;
    size_t member;        /* offset in the command's settings */
    const char *argument; /* as the help shows it; NULL for a FLAG */
    const struct migp_choice *choices; /* of a CHOICE, else NULL */
    const char *help;
};

/* A command's own words for its help. */
struct migp_usage {
    const char *name;     /* of the command */
    const char *operands; /* as the help shows them */
    const char *summary;  /* one sentence */
    const struct migp_option *options;
    size_t n_operands;   /* at least this many are taken */
    size_t max_operands; /* and at most this many; 0: exactly n_operands */
    const char *exits;   /* what each exit status says; NULL: as inspect */
};

/* Set the settings from the command line; operands are left at the end of
 * argv. Returns the index of the first operand, or a negative number when the
 * command has nothing more to do: then *status is how to exit. --help is
 * understood for every command. */
int migp_option_parse(const struct migp_usage *usage, void *settings, int argc,
                      char **argv, int *status);

/* "migproto COMMAND: SENTENCE" and where to find help; gives the status. */
int migp_option_complain(const struct migp_usage *usage, const char *sentence);

#endif
