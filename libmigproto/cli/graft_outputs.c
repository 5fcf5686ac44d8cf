/* SPDX-License-Identifier: MIT */
#include "graft_outputs.h"

#include "message.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A directory entry: two names are the same file if these agree. Links to one
 * file are two entries, and stay two. */
struct entry {
    dev_t device;
    ino_t directory;
    const char *base;
};

static int check_kind(const char *name)
{
    struct stat status;

    if (strcmp(name, "-") == 0) {
        migp_message_print(NULL, "-o must name a file, not standard output: "
                                 "the result is read before it appears");
        return -1;
    }
    if (stat(name, &status) == 0 && !S_ISREG(status.st_mode)) {
        migp_message_print(name, "not a regular file: the result is read "
                                 "before it appears");
        return -1;
    }
    return 0;
}

static int find_entry(const char *name, struct entry *entry)
{
    const char *slash = strrchr(name, '/');
    struct stat status;
    char *directory;
    int result;

    entry->base = slash != NULL ? slash + 1 : name;
    directory = migp_memory_copy_text(slash != NULL ? name : ".");
    if (slash != NULL) {
        directory[slash - name + 1] = '\0';
    }
    result = stat(directory, &status);
    if (result != 0) {
        migp_message_print(name, "%s", strerror(errno));
    }
    entry->device = status.st_dev;
    entry->directory = status.st_ino;
    free(directory);
    return result;
}

static bool is_same(const struct entry *a, const struct entry *b)
{
    return a->device == b->device && a->directory == b->directory &&
           strcmp(a->base, b->base) == 0;
}

static int check_names(const struct migp_list *names)
{
    struct entry entries[MIGP_LIST_MAX];
    size_t i;
    size_t j;

    for (i = 0; i < names->n_items; i++) {
        if (check_kind(names->items[i]) != 0 ||
            find_entry(names->items[i], &entries[i]) != 0) {
            return -1;
        }
        for (j = 0; j < i; j++) {
            if (is_same(&entries[i], &entries[j])) {
                migp_message_print(names->items[i], "is named by two -o");
                return -1;
            }
        }
    }
    return 0;
}

/* A result may take the place of its own operand, not of another one. */
static int check_operands(const struct migp_list *names, char *const *files)
{
    size_t i;
    size_t j;

    for (i = 0; i < names->n_items; i++) {
        struct entry output;

        if (find_entry(names->items[i], &output) != 0) {
            return -1;
        }
        for (j = 0; j < names->n_items; j++) {
            struct entry operand;

            if (j != i && find_entry(files[j], &operand) == 0 &&
                is_same(&output, &operand)) {
                migp_message_print(names->items[i],
                                   "this -o is another operand than the one "
                                   "in its place");
                return -1;
            }
        }
    }
    return 0;
}

int migp_graft_outputs_open(struct migp_output *outputs,
                            const struct migp_list *names, char *const *files)
{
    size_t i;

    for (i = 0; i < names->n_items; i++) {
        memset(&outputs[i], 0, sizeof(outputs[i]));
        outputs[i].fd = -1;
    }
    if (check_names(names) != 0 || check_operands(names, files) != 0) {
        return -1;
    }
    for (i = 0; i < names->n_items; i++) {
        if (migp_output_open(&outputs[i], names->items[i]) != 0) {
            return -1;
        }
    }
    return 0;
}

void migp_graft_outputs_close(struct migp_output *outputs, size_t n_outputs)
{
    size_t i;

    for (i = 0; i < n_outputs; i++) {
        migp_output_close(&outputs[i]);
    }
}
