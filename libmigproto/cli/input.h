/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_INPUT_H
#define MIGP_CLI_INPUT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A window over a file of any size, a pipe or a device. Calls that fail have
 * said so on stderr. */
struct migp_input {
    const char *name; /* for messages */
    int fd;
    bool seekable;  /* size is known, and bytes can be left out */
    bool at_end;    /* nothing follows what the window holds */
    uint64_t size;  /* of the file; 0 if not seekable */
    uint64_t taken; /* bytes read or left out so far */
    uint8_t *buffer;
    size_t capacity;
    size_t start; /* the window is [start, end) of the buffer */
    size_t end;
    /* Not NULL, and not 0 when a signal came: blocking reads give up, and say
     * nothing. */
    const volatile sig_atomic_t *stop;
};

/* Open a file, or standard input for "-", which is read as a pipe. */
int migp_input_open(struct migp_input *input, const char *file);
void migp_input_close(struct migp_input *input);

/* Go back to the start of a seekable input, and give the window's memory back. */
int migp_input_rewind(struct migp_input *input);

/* Give the window's memory back; migp_input_read_at() still works. */
void migp_input_release(struct migp_input *input);

/* Read until the window holds at least size bytes, or the input ends. */
int migp_input_fill(struct migp_input *input, size_t size);

static inline size_t migp_input_size(const struct migp_input *input)
{
    return input->end - input->start;
}

static inline const uint8_t *migp_input_bytes(const struct migp_input *input)
{
    return input->buffer + input->start;
}

static inline void migp_input_consume(struct migp_input *input, size_t size)
{
    input->start += size;
}

/* Pass over at most size bytes without reading them, as far as possible;
 * gives how many. */
uint64_t migp_input_skip(struct migp_input *input, uint64_t size);

/* Read exactly size bytes at an offset; only if seekable. */
int migp_input_read_at(const struct migp_input *input, uint64_t offset,
                       void *bytes, size_t size);

#endif
