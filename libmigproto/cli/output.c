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

/* What an early end has to take away; a slot is free while it is NULL. */
static char *volatile unfinished[MIGP_OUTPUT_MAX];

static const int end_signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
#define N_END_SIGNALS (sizeof(end_signals) / sizeof(end_signals[0]))

static void remove_unfinished(void)
{
    size_t i;

    for (i = 0; i < MIGP_OUTPUT_MAX; i++) {
        char *path = unfinished[i];

        if (path != NULL) {
            unlink(path);
        }
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
    struct sigaction action;
    struct sigaction before;
    size_t i;

    memset(&action, 0, sizeof(action));
    action.sa_handler = end_by_signal;
    action.sa_flags = (int)SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    for (i = 0; i < N_END_SIGNALS; i++) {
        /* nohup and the like ignore signals on purpose. */
        if (sigaction(end_signals[i], NULL, &before) == 0 &&
            before.sa_handler != SIG_IGN) {
            sigaction(end_signals[i], &action, NULL);
        }
    }
}

/* What is done between these two an early end finds done or not begun. */
static void hold_signals(sigset_t *before)
{
    sigset_t held;
    size_t i;

    sigemptyset(&held);
    for (i = 0; i < N_END_SIGNALS; i++) {
        sigaddset(&held, end_signals[i]);
    }
    sigprocmask(SIG_BLOCK, &held, before);
}

static void release_signals(const sigset_t *before)
{
    sigprocmask(SIG_SETMASK, before, NULL);
}

/* Once, before the first file is made. */
static void prepare_for_early_end(void)
{
    static bool prepared;

    /* Memory that runs out ends the command where it stands. */
    if (!prepared && atexit(remove_unfinished) == 0) {
        catch_signals();
    }
    prepared = true;
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

static int take_slot(struct migp_output *output)
{
    for (output->slot = 0; output->slot < MIGP_OUTPUT_MAX; output->slot++) {
        if (unfinished[output->slot] == NULL) {
            return 0;
        }
    }
    errno = EMFILE;
    return fail(output);
}

static void forget_temporary(struct migp_output *output)
{
    unfinished[output->slot] = NULL;
    free(output->temporary);
    output->temporary = NULL;
}

/* A path beside the file, for mkstemp(). */
static char *path_beside(const char *file)
{
    size_t size = strlen(file) + sizeof(".XXXXXX");
    char *path = migp_memory_resize(NULL, size, 1);

    snprintf(path, size, "%s.XXXXXX", file);
    return path;
}

/* mkstemp() makes it private; a result is as readable as the file that it
 * replaces, or as any new file. */
static void set_mode(const struct migp_output *output, const char *file)
{
    struct stat status;
    mode_t mask;

    if (stat(file, &status) == 0) {
        fchmod(output->fd, status.st_mode & 0777);
        return;
    }
    mask = umask(0);
    umask(mask);
    fchmod(output->fd, 0666 & ~mask);
}

static int open_temporary(struct migp_output *output, const char *file)
{
    sigset_t before;

    prepare_for_early_end();
    if (take_slot(output) != 0) {
        return -1;
    }
    output->temporary = path_beside(file);
    hold_signals(&before);
    output->fd = mkstemp(output->temporary);
    if (output->fd >= 0) {
        unfinished[output->slot] = output->temporary;
    }
    release_signals(&before);
    if (output->fd < 0) {
        fail(output);
        forget_temporary(output);
        return -1;
    }
    set_mode(output, file);
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
            if (output->stop == NULL || *output->stop == 0) {
                continue;
            }
            output->failed = true;
            return -1;
        }
        if (written < 0) {
            return fail(output);
        }
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

int migp_output_flush(struct migp_output *output)
{
    size_t held = output->held;

    if (output->failed) {
        return -1;
    }
    output->held = 0;
    return write_all(output, output->buffer, held);
}

int migp_output_write(struct migp_output *output, const void *bytes,
                      size_t size)
{
    if (output->failed) {
        return -1;
    }
    if (size > BUFFER_SIZE - output->held && migp_output_flush(output) != 0) {
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

int migp_output_skip(struct migp_output *output, uint64_t size)
{
    off_t end;

    if (migp_output_flush(output) != 0) {
        return -1;
    }
    /* A hole at the end is there only if the size says so. */
    end = lseek(output->fd, (off_t)size, SEEK_CUR);
    if (end < 0 || ftruncate(output->fd, end) != 0) {
        return fail(output);
    }
    return 0;
}

int migp_output_commit(struct migp_output *output)
{
    if (migp_output_flush(output) != 0) {
        return -1;
    }
    if (output->temporary == NULL) {
        return 0;
    }
    if (rename(output->temporary, output->name) != 0) {
        return fail(output);
    }
    forget_temporary(output);
    return 0;
}

/* Keep the file that a commit replaces, under a name of its own. Where links
 * are not to be had it is lost, also if the commit is taken back. */
static void keep_backup(struct migp_output *output)
{
    int fd;

    output->existed = access(output->name, F_OK) == 0;
    if (output->temporary == NULL || !output->existed) {
        return;
    }
    output->backup = path_beside(output->name);
    fd = mkstemp(output->backup);
    if (fd >= 0) {
        /* link() makes a name that nothing has yet. */
        close(fd);
        unlink(output->backup);
    }
    if (fd < 0 || link(output->name, output->backup) != 0) {
        free(output->backup);
        output->backup = NULL;
    }
}

static void drop_backup(struct migp_output *output)
{
    if (output->backup != NULL) {
        unlink(output->backup);
        free(output->backup);
        output->backup = NULL;
    }
}

static void take_back(struct migp_output *output)
{
    if (output->backup != NULL) {
        (void)rename(output->backup, output->name);
    } else if (!output->existed) {
        unlink(output->name);
    }
}

static int commit_in_turn(struct migp_output *outputs, size_t n_outputs)
{
    size_t done = 0;
    size_t i;

    do {
        keep_backup(&outputs[done]);
    } while (migp_output_commit(&outputs[done]) == 0 && ++done < n_outputs);
    for (i = 0; i < n_outputs; i++) {
        if (i < done && done < n_outputs) {
            take_back(&outputs[i]);
        }
        drop_backup(&outputs[i]);
    }
    return done == n_outputs ? 0 : -1;
}

int migp_output_commit_all(struct migp_output *outputs, size_t n_outputs)
{
    sigset_t before;
    size_t i;
    int result;

    for (i = 0; i < n_outputs; i++) {
        if (migp_output_flush(&outputs[i]) != 0) {
            return -1;
        }
    }
    hold_signals(&before);
    result = commit_in_turn(outputs, n_outputs);
    release_signals(&before);
    return result;
}

void migp_output_close(struct migp_output *output)
{
    if (output->temporary != NULL) {
        unlink(output->temporary);
        forget_temporary(output);
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
