/* SPDX-License-Identifier: MIT */
#ifndef MIGP_TESTS_SUPPORT_SCRIPT_SYS_H
#define MIGP_TESTS_SUPPORT_SCRIPT_SYS_H

/*
 * A kernel that expects certain calls in a certain order, and compares the
 * bytes it is given with literal ones. A call that is not the next one fails
 * the test, and so does one that never came (script_end()). Closes are not in
 * the script: they are kept account of. So is FD_CLOEXEC.
 */

#include <migproto/sys.h>
#include <stdbool.h>

#define SCRIPT_FDS 256

struct script_step {
    const char *call;      /* "open", "ioctl", "read", "readlink" ... */
    int fd;                /* the call's; none for those with a path */
    unsigned long request; /* ioctl's */
    const char *text;      /* path that is expected; a directory's, for
                              find_name */
    uint64_t number;       /* ioctl's integer argument, an offset, a size */
    const char *in;        /* bytes that are expected, in hex; xx: any byte;
                              with ' in front: a string */
    const char *out;       /* bytes to answer, in hex; for links and names, a
                              string */
    int64_t result;
    int opens;               /* ioctl: an fd that it opens; 0: none */
    void (*hook)(void *arg); /* ioctl: sees the argument, may change it */
};

struct script {
    struct migp_sys sys; /* give this to the code under test */
    const struct script_step *steps;
    size_t n_steps;
    size_t next;

    size_t fail_at; /* this step (1 is the first) fails; 0: none */
    int fail_errno;
    bool failed; /* and all calls behind it answer ENOSYS */
    bool naked;  /* fds are opened without FD_CLOEXEC */

    bool open[SCRIPT_FDS];
    bool cloexec[SCRIPT_FDS];
    int closed[SCRIPT_FDS]; /* in that order */
    size_t n_closed;
    size_t bad_closes; /* of what was not open */
};

void script_begin(struct script *script, const struct script_step *steps,
                  size_t n_steps);

/* More steps; all earlier ones must have been taken. */
void script_more(struct script *script, const struct script_step *steps,
                 size_t n_steps);

/* An fd that the caller has. */
void script_own(struct script *script, int fd);

/* All steps taken, nothing closed twice. */
void script_end(const struct script *script);

size_t script_open_fds(const struct script *script);

#define SCRIPT(script, ...)                                                    \
    script_begin(script, (const struct script_step[]){__VA_ARGS__},            \
                 sizeof((const struct script_step[]){__VA_ARGS__}) /           \
                     sizeof(struct script_step))
#define SCRIPT_MORE(script, ...)                                               \
    script_more(script, (const struct script_step[]){__VA_ARGS__},             \
                sizeof((const struct script_step[]){__VA_ARGS__}) /            \
                    sizeof(struct script_step))

#endif
