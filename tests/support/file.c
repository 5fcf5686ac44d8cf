/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "support/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SIZE 4096

static _Noreturn void stop(const char *what, const char *path)
{
    fprintf(stderr, "%s %s: %s\n", what, path, strerror(errno));
    exit(2);
}

static void *must(void *memory)
{
    if (!memory) {
        stop("no memory for", "a test");
    }
    return memory;
}

const char *golden_dir(void)
{
    const char *dir = getenv("MIGP_GOLDEN_DIR");

    return dir && *dir ? dir : MIGP_GOLDEN_DIR;
}

struct file file_load(const char *path)
{
    FILE *stream = fopen(path, "rb");
    struct file file = {NULL, 0, NULL};
    size_t room = 65536;
    size_t got;

    if (!stream) {
        stop("cannot open", path);
    }
    file.bytes = must(malloc(room));
    while ((got = fread(file.bytes + file.size, 1, room - file.size, stream)) >
           0) {
        file.size += got;
        if (file.size == room) {
            room *= 2;
            file.bytes = must(realloc(file.bytes, room));
        }
    }
    if (ferror(stream)) {
        stop("cannot read", path);
    }
    fclose(stream);
    /* No slack behind the last byte: sanitizers see every read too far. */
    file.bytes = must(realloc(file.bytes, file.size ? file.size : 1));
    file.name = must(strdup(path));
    return file;
}

struct file golden_load(const char *name)
{
    char path[PATH_SIZE];
    struct file file;

    snprintf(path, sizeof(path), "%s/%s", golden_dir(), name);
    file = file_load(path);
    free(file.name);
    file.name = must(strdup(name));
    return file;
}

void file_free(struct file *file)
{
    free(file->bytes);
    free(file->name);
    memset(file, 0, sizeof(*file));
}

static int ends_with(const char *name, const char *suffix)
{
    size_t length = strlen(name);
    size_t wanted = strlen(suffix);

    return length >= wanted && strcmp(name + length - wanted, suffix) == 0;
}

static void collect(struct file_list *list, const char *where,
                    const char *suffix, int depth)
{
    char path[PATH_SIZE];
    struct dirent **names;
    int count;
    int i;

    snprintf(path, sizeof(path), "%s/%s", golden_dir(), where);
    count = scandir(path, &names, NULL, alphasort);
    if (count < 0 && depth == 0) {
        stop("cannot list", path);
    }
    for (i = 0; i < count; i++) {
        const char *name = names[i]->d_name;

        if (name[0] != '.') {
            snprintf(path, sizeof(path), "%s/%s", where, name);
            if (ends_with(name, suffix)) {
                list->files = must(realloc(
                    list->files, (list->count + 1) * sizeof(*list->files)));
                list->files[list->count++] = golden_load(path);
            } else if (depth < 1) {
                collect(list, path, suffix, depth + 1);
            }
        }
        free(names[i]);
    }
    if (count >= 0) {
        free(names);
    }
}

struct file_list golden_list(const char *where, const char *suffix)
{
    struct file_list list = {NULL, 0};

    collect(&list, where, suffix, 0);
    if (list.count == 0) {
        fprintf(stderr, "no *%s below %s/%s\n", suffix, golden_dir(), where);
        exit(2);
    }
    return list;
}

void file_list_free(struct file_list *list)
{
    size_t i;

    for (i = 0; i < list->count; i++) {
        file_free(&list->files[i]);
    }
    free(list->files);
    memset(list, 0, sizeof(*list));
}
