/* SPDX-License-Identifier: MIT */
#include "option.h"

#include "command.h"
#include "message.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More than any command has; a table that outgrows it fails its first run. */
#define MAX_OPTIONS 32
/* Keeps the values of long options apart from the letters. */
#define FIRST_LONG 256

static int parse_number(const char *text, uint64_t *number, char **end)
{
    int base = strncmp(text, "0x", 2) == 0 ? 16 : 10;

    /* strtoull takes signs and blanks; a size has neither. */
    if (text[0] < '0' || text[0] > '9') {
        return -1;
    }
    errno = 0;
    *number = strtoull(text, end, base);
    return errno == 0 ? 0 : -1;
}

static int parse_size(const char *text, uint64_t *size)
{
    static const char suffixes[] = "KMGT";
    const char *suffix;
    uint64_t number;
    char *end;

    if (parse_number(text, &number, &end) != 0) {
        return -1;
    }
    if (*end != '\0') {
        suffix = strchr(suffixes, *end);
        if (suffix == NULL || end[1] != '\0') {
            return -1;
        }
        unsigned int shift = 10 * (unsigned int)(suffix - suffixes + 1);
        if (number > UINT64_MAX >> shift) {
            return -1;
        }
        number <<= shift;
    }
    *size = number;
    return 0;
}

static int parse_count(const char *text, uint32_t *count)
{
    uint64_t number;
    char *end;

    if (parse_number(text, &number, &end) != 0 || *end != '\0' ||
        number > UINT32_MAX) {
        return -1;
    }
    *count = (uint32_t)number;
    return 0;
}

static int parse_choice(const struct migp_choice *choices, const char *text,
                        uint32_t *value)
{
    for (; choices->word != NULL; choices++) {
        if (strcmp(choices->word, text) == 0) {
            *value = choices->value;
            return 0;
        }
    }
    return -1;
}

static int append(struct migp_list *list, const char *text)
{
    if (list->n_items == MIGP_LIST_MAX) {
        return -1;
    }
    list->items[list->n_items++] = text;
    return 0;
}

static int set_member(const struct migp_option *option, void *settings,
                      const char *text)
{
    void *member = (char *)settings + option->member;

    switch (option->kind) {
    case MIGP_OPTION_FLAG:
        *(bool *)member = true;
        return 0;
    case MIGP_OPTION_TEXT:
        *(const char **)member = text;
        return 0;
    case MIGP_OPTION_SIZE:
        return parse_size(text, member);
    case MIGP_OPTION_COUNT:
        return parse_count(text, member);
    case MIGP_OPTION_CHOICE:
        return parse_choice(option->choices, text, member);
    case MIGP_OPTION_LIST:
        return append(member, text);
    }
    return -1;
}

static void print_option(const struct migp_option *option)
{
    char left[64];
    int length;

    length = snprintf(left, sizeof(left), "  %c%c%c --%s%s%s",
                      option->letter != 0 ? '-' : ' ',
                      option->letter != 0 ? option->letter : ' ',
                      option->letter != 0 ? ',' : ' ', option->name,
                      option->argument != NULL ? "=" : "",
                      option->argument != NULL ? option->argument : "");
    if (length > 30) {
        printf("%s\n%-31s%s\n", left, "", option->help);
    } else {
        printf("%-31s%s\n", left, option->help);
    }
}

static void print_help(const struct migp_usage *usage)
{
    static const struct migp_option help = {
        "help", 'h', MIGP_OPTION_FLAG, 0, NULL, NULL, "show this and exit"};
    const struct migp_option *option;

    printf("Usage: migproto %s [OPTION]... %s\n\n%s\n\nOptions:\n", usage->name,
           usage->operands, usage->summary);
    for (option = usage->options; option->name != NULL; option++) {
        print_option(option);
    }
    print_option(&help);
    printf("\nExit status: %s\n",
           usage->exits != NULL ? usage->exits
                                : "0 good, 1 findings of severity error, 2 "
                                  "unreadable or usage.");
}

/* What getopt_long() wants, made from the table. */
struct getopt_tables {
    struct option longs[MAX_OPTIONS + 2];
    char shorts[2 * MAX_OPTIONS + 3];
};

static void make_getopt_tables(const struct migp_option *options,
                               struct getopt_tables *tables)
{
    char *letter = tables->shorts;
    size_t i;

    memset(tables, 0, sizeof(*tables));
    for (i = 0; options[i].name != NULL; i++) {
        if (i == MAX_OPTIONS) {
            abort();
        }
        tables->longs[i].name = options[i].name;
        tables->longs[i].has_arg = options[i].kind == MIGP_OPTION_FLAG
                                       ? no_argument
                                       : required_argument;
        tables->longs[i].val = FIRST_LONG + (int)i;
        if (options[i].letter != 0) {
            *letter++ = (char)options[i].letter;
            if (options[i].kind != MIGP_OPTION_FLAG) {
                *letter++ = ':';
            }
        }
    }
    tables->longs[i].name = "help";
    tables->longs[i].val = 'h';
    *letter = 'h';
}

static const struct migp_option *find_option(const struct migp_option *options,
                                             int value)
{
    if (value >= FIRST_LONG) {
        return &options[value - FIRST_LONG];
    }
    for (; options->name != NULL; options++) {
        if (options->letter == value) {
            return options;
        }
    }
    return NULL;
}

static void point_to_help(const struct migp_usage *usage)
{
    fprintf(stderr, "Try 'migproto %s --help'.\n", usage->name);
}

int migp_option_complain(const struct migp_usage *usage, const char *sentence)
{
    migp_message_print(usage->name, "%s", sentence);
    point_to_help(usage);
    return MIGP_EXIT_FAILED;
}

static int check_operands(const struct migp_usage *usage, int count,
                          int *status)
{
    int least = (int)usage->n_operands;
    int most = usage->max_operands != 0 ? (int)usage->max_operands : least;

    if (count >= least && count <= most) {
        return optind;
    }
    *status = migp_option_complain(
        usage, count < least ? "an operand is missing" : "too many operands");
    return -1;
}

int migp_option_parse(const struct migp_usage *usage, void *settings, int argc,
                      char **argv, int *status)
{
    /* getopt_long() names the program by argv[0] in its messages. */
    static char program[] = "migproto";
    const struct migp_option *option;
    struct getopt_tables tables;
    char sentence[256];
    int value;

    make_getopt_tables(usage->options, &tables);
    argv[0] = program;
    while ((value = getopt_long(argc, argv, tables.shorts, tables.longs,
                                NULL)) != -1) {
        if (value == 'h') {
            print_help(usage);
            *status = MIGP_EXIT_GOOD;
            return -1;
        }
        option = value == '?' ? NULL : find_option(usage->options, value);
        if (option == NULL) {
            point_to_help(usage);
            *status = MIGP_EXIT_FAILED;
            return -1;
        }
        if (set_member(option, settings, optarg) != 0) {
            snprintf(sentence, sizeof(sentence), "--%s=%s: expected %s",
                     option->name, optarg, option->argument);
            *status = migp_option_complain(usage, sentence);
            return -1;
        }
    }
    return check_operands(usage, argc - optind, status);
}
