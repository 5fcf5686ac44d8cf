/* SPDX-License-Identifier: MIT */
#include "support/script_sys.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int hex_digit(char c)
{
    return c >= 'a' ? c - 'a' + 10 : c - '0';
}

/* The next byte; -1: any. False at the end. */
static bool hex_next(const char **hex, int *byte)
{
    while (**hex == ' ') {
        (*hex)++;
    }
    if (**hex == '\0') {
        return false;
    }
    *byte =
        **hex == 'x' ? -1 : hex_digit((*hex)[0]) * 16 + hex_digit((*hex)[1]);
    *hex += 2;
    return true;
}

static void compare(const struct script *script, const char *hex,
                    const void *bytes)
{
    const uint8_t *given = bytes;
    int byte;
    size_t i;

    if (hex == NULL) {
        return;
    }
    if (hex[0] == '\'') {
        assert_string_equal(given, hex + 1);
        return;
    }
    for (i = 0; hex_next(&hex, &byte); i++) {
        if (byte >= 0 && given[i] != byte) {
            fail_msg("step %zu: byte %zu is %02x, not %02x", script->next, i,
                     given[i], (unsigned)byte);
        }
    }
}

static size_t answer(const char *hex, void *bytes)
{
    uint8_t *out = bytes;
    int byte;
    size_t i = 0;

    while (hex != NULL && hex_next(&hex, &byte)) {
        if (byte >= 0) {
            out[i] = (uint8_t)byte;
        }
        i++;
    }
    return i;
}

static void opened(struct script *script, int64_t fd)
{
    if (fd >= 0 && fd < SCRIPT_FDS) {
        assert_false(script->open[fd]);
        script->open[fd] = true;
        script->cloexec[fd] = !script->naked;
    }
}

/* The step that this call is; NULL: it fails with *result. */
static const struct script_step *take(struct script *script, const char *call,
                                      const char *text, int fd, int64_t *result)
{
    const struct script_step *step;

    *result = -ENOSYS;
    if (script->failed) {
        return NULL;
    }
    if (script->next >= script->n_steps) {
        fail_msg("%s(%s, %d) behind the last step", call, text, fd);
    }
    step = &script->steps[script->next++];
    if (strcmp(step->call, call) != 0 || (text == NULL && step->fd != fd)) {
        fail_msg("step %zu: %s(%s, %d), not %s(%s, %d)", script->next, call,
                 text != NULL ? text : "", fd, step->call,
                 step->text != NULL ? step->text : "", step->fd);
    }
    if (text != NULL && strcmp(step->text, text) != 0) {
        fail_msg("step %zu: %s(%s), not %s", script->next, call, text,
                 step->text);
    }
    if (script->fail_at == script->next) {
        script->failed = true;
        *result = -script->fail_errno;
        return NULL;
    }
    *result = step->result;
    return step;
}

static int sc_open(void *user, const char *path, int flags)
{
    struct script *script = user;
    int64_t result;

    assert_int_equal(flags & O_ACCMODE, O_RDWR);
    if (take(script, "open", path, 0, &result) != NULL) {
        opened(script, result);
    }
    return (int)result;
}

static int sc_close(void *user, int fd)
{
    struct script *script = user;

    if (fd < 0 || fd >= SCRIPT_FDS || !script->open[fd]) {
        script->bad_closes++;
        return -EBADF;
    }
    script->open[fd] = false;
    assert_true(script->n_closed < SCRIPT_FDS);
    script->closed[script->n_closed++] = fd;
    return 0;
}

static int sc_ioctl(void *user, int fd, unsigned long request, void *arg)
{
    struct script *script = user;
    const struct script_step *step;
    int64_t result;

    step = take(script, "ioctl", NULL, fd, &result);
    if (step == NULL) {
        return (int)result;
    }
    if (step->request != request) {
        fail_msg("step %zu: ioctl %lx, not %lx", script->next, request,
                 step->request);
    }
    if (step->in == NULL) {
        assert_int_equal((uintptr_t)arg, step->number);
        return (int)result;
    }
    compare(script, step->in, arg);
    if (step->hook != NULL) {
        step->hook(arg);
    }
    (void)answer(step->out, arg);
    opened(script, step->opens > 0 ? step->opens : -1);
    return (int)result;
}

static int sc_fcntl(void *user, int fd, int command, int arg)
{
    struct script *script = user;

    if (fd < 0 || fd >= SCRIPT_FDS || !script->open[fd]) {
        return -EBADF;
    }
    if (command == F_GETFD) {
        return script->cloexec[fd] ? FD_CLOEXEC : 0;
    }
    assert_int_equal(command, F_SETFD);
    script->cloexec[fd] = (arg & FD_CLOEXEC) != 0;
    return 0;
}

static migp_ssize transfer_in(struct script *script, const char *call, int fd,
                              void *bytes, size_t size, uint64_t offset)
{
    const struct script_step *step;
    int64_t result;

    step = take(script, call, NULL, fd, &result);
    if (step == NULL) {
        return result;
    }
    assert_int_equal(step->number, offset);
    /* a kernel may claim more than there is room for, not write it */
    assert_true(result <= (int64_t)size || step->out == NULL);
    (void)answer(step->out, bytes);
    return result;
}

static migp_ssize transfer_out(struct script *script, const char *call, int fd,
                               const void *bytes, uint64_t offset)
{
    const struct script_step *step;
    int64_t result;

    step = take(script, call, NULL, fd, &result);
    if (step == NULL) {
        return result;
    }
    assert_int_equal(step->number, offset);
    compare(script, step->in, bytes);
    return result;
}

static migp_ssize sc_read(void *user, int fd, void *bytes, size_t size)
{
    return transfer_in(user, "read", fd, bytes, size, 0);
}

static migp_ssize sc_pread(void *user, int fd, void *bytes, size_t size,
                           uint64_t offset)
{
    return transfer_in(user, "pread", fd, bytes, size, offset);
}

static migp_ssize sc_write(void *user, int fd, const void *bytes, size_t size)
{
    (void)size;
    return transfer_out(user, "write", fd, bytes, 0);
}

static migp_ssize sc_pwrite(void *user, int fd, const void *bytes, size_t size,
                            uint64_t offset)
{
    (void)size;
    return transfer_out(user, "pwrite", fd, bytes, offset);
}

static migp_ssize sc_readlink(void *user, const char *path, char *text,
                              size_t size)
{
    struct script *script = user;
    const struct script_step *step;
    int64_t result;

    step = take(script, "readlink", path, 0, &result);
    if (step == NULL || step->out == NULL) {
        return result;
    }
    assert_true(strlen(step->out) < size);
    memcpy(text, step->out, strlen(step->out));
    return (migp_ssize)strlen(step->out);
}

static int sc_find_name(void *user, const char *directory, const char *prefix,
                        char *text, size_t size)
{
    struct script *script = user;
    const struct script_step *step;
    int64_t result;

    step = take(script, "find_name", directory, 0, &result);
    if (step == NULL || step->out == NULL) {
        return (int)result;
    }
    compare(script, step->in, prefix);
    assert_true(strlen(step->out) < size);
    memcpy(text, step->out, strlen(step->out) + 1);
    return 0;
}

void script_begin(struct script *script, const struct script_step *steps,
                  size_t n_steps)
{
    memset(script, 0, sizeof(*script));
    script->sys.struct_size = sizeof(script->sys);
    script->sys.user = script;
    script->sys.open = sc_open;
    script->sys.close = sc_close;
    script->sys.ioctl = sc_ioctl;
    script->sys.fcntl = sc_fcntl;
    script->sys.read = sc_read;
    script->sys.write = sc_write;
    script->sys.pread = sc_pread;
    script->sys.pwrite = sc_pwrite;
    script->sys.readlink = sc_readlink;
    script->sys.find_name = sc_find_name;
    script->steps = steps;
    script->n_steps = n_steps;
}

void script_more(struct script *script, const struct script_step *steps,
                 size_t n_steps)
{
    assert_int_equal(script->next, script->n_steps);
    script->steps = steps;
    script->n_steps = n_steps;
    script->next = 0;
}

void script_own(struct script *script, int fd)
{
    opened(script, fd);
}

void script_end(const struct script *script)
{
    if (!script->failed) {
        assert_int_equal(script->next, script->n_steps);
    }
    assert_int_equal(script->bad_closes, 0);
}

size_t script_open_fds(const struct script *script)
{
    size_t n = 0;
    size_t fd;

    for (fd = 0; fd < SCRIPT_FDS; fd++) {
        n += script->open[fd];
    }
    return n;
}
