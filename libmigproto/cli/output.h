/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_OUTPUT_H
#define MIGP_CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

/* Where bytes go: standard output, or a file that appears under its name only
 * when it is whole. Calls that fail have said so on stderr. */
struct migp_output {
    const char *name; /* for messages, and of the file */
    char *temporary;  /* path written until the commit; NULL for a stream */
    int fd;
    bool failed; /* further writes do nothing */
    unsigned char *buffer;
    size_t held; /* bytes in the buffer */
};

/* Open FILE, or standard output for NULL and "-", which must not be a
 * terminal. Nothing else may be open: one command has one output. */
int migp_output_open(struct migp_output *output, const char *file);

int migp_output_write(struct migp_output *output, const void *bytes,
                      size_t size);

/* Write what is held back and give the file its name. */
int migp_output_commit(struct migp_output *output);

/* Close; a file that was not committed goes away. */
void migp_output_close(struct migp_output *output);

/* At the end of a command that printed: was all of stdout written? */
int migp_output_check_stdout(void);

#endif
