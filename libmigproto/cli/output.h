/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_OUTPUT_H
#define MIGP_CLI_OUTPUT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where bytes go: standard output, or a file that appears under its name only
 * when it is whole. Calls that fail have said so on stderr. */
struct migp_output {
    const char *name; /* for messages, and of the file */
    char *temporary;  /* path written until the commit; NULL for a stream */
    char *backup;     /* during a commit: the file that is replaced */
    bool existed;     /* the same: there was one */
    size_t slot;      /* of the temporary, in the list of unfinished files */
    int fd;
    bool failed; /* further writes do nothing */
    unsigned char *buffer;
    size_t held; /* bytes in the buffer */
    /* Not NULL, and not 0 when a signal came: blocking writes give up, and say
     * nothing. */
    const volatile sig_atomic_t *stop;
};

/* Open FILE, or standard output for NULL and "-", which must not be a
 * terminal. At most MIGP_OUTPUT_MAX files may be open at once. */
#define MIGP_OUTPUT_MAX 257
int migp_output_open(struct migp_output *output, const char *file);

int migp_output_write(struct migp_output *output, const void *bytes,
                      size_t size);

/* Leave a hole of size bytes, which read as zeros; only in a file. */
int migp_output_skip(struct migp_output *output, uint64_t size);

/* Write what is held back: the temporary then has all bytes so far. */
int migp_output_flush(struct migp_output *output);

/* Write what is held back and give the file its name. */
int migp_output_commit(struct migp_output *output);

/* The same for several files, one at least: all get their names, or none
 * does. */
int migp_output_commit_all(struct migp_output *outputs, size_t n_outputs);

/* Close; a file that was not committed goes away. */
void migp_output_close(struct migp_output *output);

/* At the end of a command that printed: was all of stdout written? */
int migp_output_check_stdout(void);

#endif
