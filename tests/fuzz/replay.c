/* SPDX-License-Identifier: MIT */

/* Runs a fuzz target over files and folders, without libFuzzer. */

#define _POSIX_C_SOURCE 200809L
#include "fuzz/check.h"
#include "support/file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static size_t run_file(const char *path)
{
    struct file file = file_load(path);

    /* printed first: a crash leaves the name of its input behind */
    fprintf(stderr, "%s (%zu bytes)\n", path, file.size);
    (void)LLVMFuzzerTestOneInput(file.bytes, file.size);
    file_free(&file);
    return 1;
}

static size_t run_folder(const char *path)
{
    struct dirent **names;
    int count = scandir(path, &names, NULL, alphasort);
    size_t ran = 0;
    int i;

    for (i = 0; i < count; i++) {
        char name[4096];

        snprintf(name, sizeof(name), "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.') {
            ran += run_file(name);
        }
        free(names[i]);
    }
    if (count >= 0) {
        free(names);
    }
    return ran;
}

int main(int argc, char **argv)
{
    size_t ran = 0;
    int i;

    for (i = 1; i < argc; i++) {
        struct stat about;

        if (stat(argv[i], &about) != 0) {
            perror(argv[i]);
            return 2;
        }
        ran += S_ISDIR(about.st_mode) ? run_folder(argv[i]) : run_file(argv[i]);
    }
    printf("%zu inputs\n", ran);
    return ran > 0 ? 0 : 1;
}
