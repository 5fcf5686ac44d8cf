/* SPDX-License-Identifier: MIT */
#include "output.h"

#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_SIZE ((size_t)64 << 10)

/* What an early end has to take away; set before signals are caught. */
static char *volatile unfinished;

static void remove_unfinished(void)
{
    if (unfinished != NULL) {
        unlink(unfinished);
    }
}

static void end_by_signal(int number)
{
    remove_unfinished();
    /* SA_RESETHAND has put the default action back: end as if uncaught. */
    raise(number);
}

static void catch_signals(void)
{
    static const int numbers[] = {SIGHUP, SIGINT, SIGTERM};
    struct sigaction action;
    struct sigaction before;
    size_t i;

    memset(&action, 0, sizeof(action));
    action.sa_handler = end_by_signal;
    action.sa_flags = (int)SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        /* nohup and the like ignore signals on purpose. */
        if (sigaction(numbers[i], NULL, &before) == 0 &&
            before.sa_handler != SIG_IGN) {
            sigaction(numbers[i], &action, NULL);
        }
    }
}

static int fail(struct migp_output *output)
{
    /* A reader that went away wants no message. */
    if (errno != EPIPE) {
        migp_message_print(output->name, "%s", strerror(errno));
    }
    output->failed = true;
    return -1;
}

static int open_temporary(struct migp_output *output, const char *file)
{
    size_t size = strlen(file) + sizeof(".XXXXXX");
    mode_t mask;

    output->temporary = migp_memory_resize(NULL, size, 1);
    snprintf(output->temporary, size, "%s.XXXXXX", file);
    output->fd = mkstemp(output->temporary);
    if (output->fd < 0) {
        fail(output);
        free(output->temporary);
        output->temporary = NULL;
        return -1;
    }
    /* mkstemp() makes it private; a result is as readable as any file. */
    mask = umask(0);
    umask(mask);
    fchmod(output->fd, 0666 & ~mask);
    unfinished = output->temporary;
    /* Memory that runs out ends the command where it stands. */
    if (atexit(remove_unfinished) == 0) {
        catch_signals();
    }
    return 0;
}

/* A pipe or device given by name is written as it is: a rename would put a
 * file in its place. */
static bool is_special(const char *file)
{
    struct stat status;

    return stat(file, &status) == 0 && !S_ISREG(status.st_mode) &&
           !S_ISDIR(status.st_mode);
}

int migp_output_open(struct migp_output *output, const char *file)
{
    memset(output, 0, sizeof(*output));
    if (file == NULL || strcmp(file, "-") == 0) {
        output->name = "standard output";
        output->fd = STDOUT_FILENO;
        if (isatty(STDOUT_FILENO) != 0) {
            migp_message_print(output->name, "binary data is not written to a "
                                             "terminal; use -o or a pipe");
            return -1;
        }
    } else {
        output->name = file;
        if (is_special(file)) {
            output->fd = open(file, O_WRONLY | O_CLOEXEC);
            if (output->fd < 0) {
                return fail(output);
            }
        } else if (open_temporary(output, file) != 0) {
            return -1;
        }
    }
    output->buffer = migp_memory_resize(NULL, BUFFER_SIZE, 1);
    return 0;
}

static int write_all(struct migp_output *output, const unsigned char *bytes,
                     size_t size)
{
    ssize_t written;

    while (size > 0) {
        written = write(output->fd, bytes, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return fail(output);
        }
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

static int flush(struct migp_output *output)
{
    size_t held = output->held;

    output->held = 0;
    return write_all(output, output->buffer, held);
}

int migp_output_write(struct migp_output *output, const void *bytes,
                      size_t size)
{
    if (output->failed) {
        return -1;
    }
    if (size > BUFFER_SIZE - output->held && flush(output) != 0) {
        return -1;
    }
    if (size >= BUFFER_SIZE) {
        return write_all(output, bytes, size);
    }
    if (size > 0) {
        memcpy(output->buffer + output->held, bytes, size);
        output->held += size;
    }
    return 0;
}

int migp_output_commit(struct migp_output *output)
{
    if (output->failed || flush(output) != 0) {
        return -1;
    }
    if (output->temporary == NULL) {
        return 0;
    }
    if (rename(output->temporary, output->name) != 0) {
        return fail(output);
    }
    unfinished = NULL;
    free(output->temporary);
    output->temporary = NULL;
    return 0;
}

void migp_output_close(struct migp_output *output)
{
    if (output->temporary != NULL) {
        unlink(output->temporary);
        unfinished = NULL;
        free(output->temporary);
        output->temporary = NULL;
    }
    if (output->fd > STDERR_FILENO) {
        close(output->fd);
    }
    output->fd = -1;
    free(output->buffer);
    output->buffer = NULL;
}

int migp_output_check_stdout(void)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0) {
        return 0;
    }
    if (errno != EPIPE) {
        migp_message_print("standard output", "%s", strerror(errno));
    }
    return -1;
}
