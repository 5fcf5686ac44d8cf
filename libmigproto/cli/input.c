/* SPDX-License-Identifier: MIT */
#include "input.h"

#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Big enough to make system calls rare, small enough for the caches. */
#define WINDOW_SIZE ((size_t)1 << 20)

static int fail(const struct migp_input *input)
{
    migp_message_print(input->name, "%s", strerror(errno));
    return -1;
}

static int find_size(struct migp_input *input)
{
    struct stat status;
    off_t end;

    if (fstat(input->fd, &status) != 0) {
        return fail(input);
    }
    if (S_ISDIR(status.st_mode)) {
        errno = EISDIR;
        return fail(input);
    }
    if (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode)) {
        end = lseek(input->fd, 0, SEEK_END);
        if (end < 0 || lseek(input->fd, 0, SEEK_SET) != 0) {
            return fail(input);
        }
        input->size = (uint64_t)end;
        input->seekable = true;
    }
    return 0;
}

int migp_input_open(struct migp_input *input, const char *file)
{
    memset(input, 0, sizeof(*input));
    input->name = migp_message_input_name(file);
    if (strcmp(file, "-") == 0) {
        input->fd = STDIN_FILENO;
        /* From the start of a file the VM description can be had. */
        if (lseek(input->fd, 0, SEEK_CUR) == 0 && find_size(input) != 0) {
            return -1;
        }
    } else {
        input->fd = open(file, O_RDONLY | O_CLOEXEC);
        if (input->fd < 0) {
            return fail(input);
        }
        if (find_size(input) != 0) {
            migp_input_close(input);
            return -1;
        }
    }
    input->capacity = WINDOW_SIZE;
    input->buffer = migp_memory_resize(NULL, WINDOW_SIZE, 1);
    return 0;
}

void migp_input_close(struct migp_input *input)
{
    if (input->fd > STDIN_FILENO) {
        close(input->fd);
    }
    free(input->buffer);
    input->buffer = NULL;
    input->fd = -1;
}

void migp_input_release(struct migp_input *input)
{
    free(input->buffer);
    input->buffer = NULL;
    input->capacity = 0;
    input->start = 0;
    input->end = 0;
}

int migp_input_rewind(struct migp_input *input)
{
    migp_input_release(input);
    input->taken = 0;
    input->at_end = false;
    return lseek(input->fd, 0, SEEK_SET) == 0 ? 0 : fail(input);
}

/* Room for size bytes from the window's start on. */
static void make_room(struct migp_input *input, size_t size)
{
    size_t held = migp_input_size(input);

    if (input->start != 0) {
        memmove(input->buffer, migp_input_bytes(input), held);
        input->start = 0;
        input->end = held;
    }
    if (size > input->capacity) {
        input->capacity = size + WINDOW_SIZE;
        input->buffer = migp_memory_resize(input->buffer, input->capacity, 1);
    }
}

int migp_input_fill(struct migp_input *input, size_t size)
{
    ssize_t got;

    if (migp_input_size(input) < size) {
        make_room(input, size);
    }
    while (migp_input_size(input) < size && !input->at_end) {
        got = read(input->fd, input->buffer + input->end,
                   input->capacity - input->end);
        if (got < 0 && errno != EINTR) {
            return fail(input);
        }
        if (got < 0 && input->stop != NULL && *input->stop != 0) {
            return -1;
        }
        if (got == 0) {
            input->at_end = true;
        }
        if (got > 0) {
            input->end += (size_t)got;
            input->taken += (uint64_t)got;
        }
    }
    return 0;
}

uint64_t migp_input_skip(struct migp_input *input, uint64_t size)
{
    uint64_t held = migp_input_size(input);
    uint64_t ahead;

    if (size <= held) {
        input->start += (size_t)size;
        return size;
    }
    input->start = input->end;
    size -= held;
    /* Reading a little is cheaper than a seek that empties the read-ahead. */
    if (!input->seekable || size < WINDOW_SIZE / 4 ||
        input->taken >= input->size) {
        return held;
    }
    ahead = input->size - input->taken;
    if (size > ahead) {
        size = ahead;
    }
    if (lseek(input->fd, (off_t)size, SEEK_CUR) < 0) {
        return held;
    }
    input->taken += size;
    return held + size;
}

int migp_input_read_at(const struct migp_input *input, uint64_t offset,
                       void *bytes, size_t size)
{
    uint8_t *next = bytes;
    ssize_t got;

    while (size > 0) {
        got = pread(input->fd, next, size, (off_t)offset);
        if (got < 0 && errno != EINTR) {
            return fail(input);
        }
        if (got == 0) {
            migp_message_print(input->name, "the file became shorter");
            return -1;
        }
        if (got > 0) {
            next += got;
            offset += (uint64_t)got;
            size -= (size_t)got;
        }
    }
    return 0;
}
