/* SPDX-License-Identifier: MIT */
#ifndef MIGP_TESTS_SUPPORT_FILE_H
#define MIGP_TESTS_SUPPORT_FILE_H

/*
 * Files as byte strings. Golden files are found below MIGP_GOLDEN_DIR (the
 * environment's, else the build's), unpacked.
 */

#include <stddef.h>
#include <stdint.h>

struct file {
    uint8_t *bytes;
    size_t size;
    char *name; /* path below the folder it was looked for in */
};

struct file_list {
    struct file *files;
    size_t count;
};

/* These stop the test program with a message where there is no such file. */
struct file file_load(const char *path);
struct file golden_load(const char *name);
void file_free(struct file *file);

/* All files named name (or ending so) one or two folders below golden/where,
 * in the order of their names. */
struct file_list golden_list(const char *where, const char *suffix);
void file_list_free(struct file_list *list);

/* MIGP_GOLDEN_DIR. */
const char *golden_dir(void);

#endif
