/* SPDX-License-Identifier: MIT */
#include "command.h"
#include "input.h"
#include "json.h"
#include "message.h"
#include "option.h"
#include "output.h"

#include <migproto/mutate.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DONE 64
/* The input and two results are held in memory. */
#define MAX_INPUT ((uint64_t)1 << 30)
/* What a result may be longer than its input, unless told otherwise. */
#define GROWTH ((uint64_t)1 << 20)
#define FIRST_READ ((size_t)1 << 16)

struct settings {
    const char *operations;
    const char *output;
    uint64_t seed;
    uint64_t max_size;
    uint64_t max_input;
    uint64_t page_size;
    uint32_t framing;
    uint32_t count;
    bool explain;
    bool json;
};

static const struct migp_choice framing_choices[] = {
    {"keep", MIGP_MUTATE_FRAMING_KEEP},
    {"break", MIGP_MUTATE_FRAMING_BREAK},
    {"any", MIGP_MUTATE_FRAMING_ANY},
    {NULL, 0},
};

static const struct migp_option options[] = {
    {"seed", 's', MIGP_OPTION_SIZE, offsetof(struct settings, seed), "N", NULL,
     "which mutation; the same number gives the same result"},
    {"operation", 0, MIGP_OPTION_TEXT, offsetof(struct settings, operations),
     "LIST", NULL, "swap,drop,repeat,resize,retag,cut,flip (default all)"},
    {"framing", 0, MIGP_OPTION_CHOICE, offsetof(struct settings, framing),
     "keep|break|any", framing_choices,
     "whether sizes and footers stay true (default any)"},
    {"count", 0, MIGP_OPTION_COUNT, offsetof(struct settings, count), "N", NULL,
     "how many mutations, 1 to 64 (default 1 to 4, by the seed)"},
    {"output", 'o', MIGP_OPTION_TEXT, offsetof(struct settings, output), "FILE",
     NULL, "where to write (default standard output)"},
    {"max-size", 0, MIGP_OPTION_SIZE, offsetof(struct settings, max_size),
     "BYTES", NULL, "most bytes to write (default the input's and 1M)"},
    {"max-input", 0, MIGP_OPTION_SIZE, offsetof(struct settings, max_input),
     "BYTES", NULL, "most bytes to read (default 1G)"},
    {"page-size", 0, MIGP_OPTION_SIZE, offsetof(struct settings, page_size),
     "BYTES", NULL, "target page of a multifd channel (default 4096)"},
    {"explain", 'v', MIGP_OPTION_FLAG, offsetof(struct settings, explain), NULL,
     NULL, "say on standard error what was done"},
    {"json", 0, MIGP_OPTION_FLAG, offsetof(struct settings, json), NULL, NULL,
     "say it on standard output as JSON; needs --output"},
    {NULL, 0, MIGP_OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const struct migp_usage usage = {
    "mutate",
    "FILE",
    "Damage a stream for those who fuzz its readers: sections, records and\n"
    "packets move, sizes and tags change. FILE - is standard input.",
    options,
    1,
    0,
    "0 written, 2 input unreadable, output not written, or usage."};

struct mutation {
    const struct settings *settings;
    struct migp_mutate_options how;
    struct migp_input input;
    struct migp_output output;
    uint8_t *result;
    size_t size;
    struct migp_mutation_done done[MAX_DONE];
    size_t n_done;
};

/* "swap,drop": the set, or 0 if a word is none. */
static uint32_t parse_operations(const char *list)
{
    uint32_t set = 0;

    while (*list != '\0') {
        size_t length = strcspn(list, ",");
        uint32_t operation = 1;

        while (operation <= MIGP_MUTATE_ALL) {
            const char *id = migp_mutation_id(operation);

            if (strlen(id) == length && memcmp(list, id, length) == 0) {
                break;
            }
            operation <<= 1;
        }
        if (operation > MIGP_MUTATE_ALL) {
            return 0;
        }
        set |= operation;
        list += length;
        if (*list == ',') {
            list++;
        }
    }
    return set;
}

static const char *framing_word(uint32_t framing)
{
    return framing == MIGP_MUTATE_FRAMING_KEEP ? "keep" : "break";
}

static void explain(const struct mutation *mutation)
{
    size_t i;

    for (i = 0; i < mutation->n_done; i++) {
        const struct migp_mutation_done *done = &mutation->done[i];

        fprintf(stderr,
                "%s (%s): offset %" PRIu64 " (0x%" PRIx64 "), %" PRIu64
                " bytes: %s%s%s\n",
                migp_mutation_id(done->operation), framing_word(done->framing),
                done->offset, done->offset, done->size, done->unit,
                done->field[0] != '\0' ? ", " : "", done->field);
    }
}

static void print_json(const struct mutation *mutation)
{
    struct migp_json json = {false};
    size_t i;

    migp_json_open(&json, NULL, '{');
    migp_json_number(&json, "seed", mutation->how.seed);
    migp_json_number(&json, "input_bytes", migp_input_size(&mutation->input));
    migp_json_number(&json, "output_bytes", mutation->size);
    migp_json_open(&json, "mutations", '[');
    for (i = 0; i < mutation->n_done; i++) {
        const struct migp_mutation_done *done = &mutation->done[i];

        migp_json_open(&json, NULL, '{');
        migp_json_text(&json, "operation", migp_mutation_id(done->operation));
        migp_json_text(&json, "framing", framing_word(done->framing));
        migp_json_text(&json, "unit", done->unit);
        migp_json_text(&json, "field", done->field);
        migp_json_number(&json, "offset", done->offset);
        migp_json_number(&json, "size", done->size);
        migp_json_close(&json, '}');
    }
    migp_json_close(&json, ']');
    migp_json_close(&json, '}');
    putchar('\n');
}

/* Piece by piece: memory is taken for what there is, not for what may be. */
static int read_whole(struct migp_input *input, uint64_t max_input)
{
    size_t wanted = FIRST_READ;

    while (migp_input_size(input) <= max_input) {
        if (migp_input_fill(input, wanted) != 0) {
            return -1;
        }
        if (migp_input_size(input) < wanted) {
            break;
        }
        wanted = 2 * migp_input_size(input);
    }
    if (migp_input_size(input) > max_input) {
        migp_message_print(input->name,
                           "more than the %" PRIu64
                           " bytes that --max-input allows",
                           max_input);
        return -1;
    }
    return 0;
}

static int mutate(struct mutation *mutation)
{
    const struct settings *settings = mutation->settings;
    struct migp_input *input = &mutation->input;
    uint64_t room = settings->max_size;
    migp_ssize size;

    if (read_whole(input, settings->max_input) != 0) {
        return -1;
    }
    if (room == 0) {
        room = migp_input_size(input) + GROWTH;
    }
    mutation->result = migp_memory_resize(NULL, (size_t)room, 1);
    size = migp_mutate(migp_input_bytes(input), migp_input_size(input),
                       mutation->result, (size_t)room, &mutation->how,
                       mutation->done, MAX_DONE, &mutation->n_done);
    if (size < 0) {
        migp_message_print(input->name, "%s", migp_error_text((int)size));
        return -1;
    }
    mutation->size = (size_t)size;
    if (mutation->n_done == 0) {
        migp_message_print(input->name, "nothing could be done to it");
    }
    return 0;
}

static int run(struct mutation *mutation, const char *file)
{
    const struct settings *settings = mutation->settings;
    int status = MIGP_EXIT_FAILED;

    mutation->input.fd = mutation->output.fd = -1;
    if (migp_input_open(&mutation->input, file) == 0 &&
        migp_output_open(&mutation->output, settings->output) == 0 &&
        mutate(mutation) == 0 &&
        migp_output_write(&mutation->output, mutation->result,
                          mutation->size) == 0 &&
        migp_output_commit(&mutation->output) == 0) {
        status = MIGP_EXIT_GOOD;
        if (settings->explain) {
            explain(mutation);
        }
        if (settings->json) {
            print_json(mutation);
        }
    }
    free(mutation->result);
    migp_output_close(&mutation->output);
    migp_input_close(&mutation->input);
    return status;
}

static const char *find_fault(const struct settings *settings,
                              struct migp_mutate_options *how)
{
    migp_mutate_options_init(how);
    how->seed = settings->seed;
    how->framing = settings->framing;
    how->count = settings->count;
    if (settings->operations != NULL) {
        how->operations = parse_operations(settings->operations);
    }
    if (how->operations == 0) {
        return "--operation takes words of: swap,drop,repeat,resize,retag,cut,"
               "flip";
    }
    if (settings->count > MAX_DONE) {
        return "--count must be at most 64";
    }
    if (settings->max_input == 0 || settings->max_input > UINT32_MAX ||
        settings->max_size > UINT32_MAX) {
        return "--max-input and --max-size must be below 4G";
    }
    if (settings->page_size < 1024 || settings->page_size > 65536 ||
        (settings->page_size & (settings->page_size - 1)) != 0) {
        return "--page-size must be a power of two from 1024 to 65536";
    }
    how->page_size = (uint32_t)settings->page_size;
    if (settings->json &&
        (settings->output == NULL || strcmp(settings->output, "-") == 0)) {
        return "--json needs --output: both would go to standard output";
    }
    return NULL;
}

int migp_mutate_main(int argc, char **argv)
{
    struct mutation mutation;
    struct settings settings;
    const char *fault;
    int status;
    int operand;

    memset(&settings, 0, sizeof(settings));
    settings.max_input = MAX_INPUT;
    settings.page_size = 4096;
    operand = migp_option_parse(&usage, &settings, argc, argv, &status);
    if (operand < 0) {
        return status;
    }
    memset(&mutation, 0, sizeof(mutation));
    fault = find_fault(&settings, &mutation.how);
    if (fault != NULL) {
        return migp_option_complain(&usage, fault);
    }
    mutation.settings = &settings;
    return run(&mutation, argv[operand]);
}
