/* SPDX-License-Identifier: MIT */
#ifndef MIGP_TESTS_SUPPORT_FAIL_SYS_H
#define MIGP_TESTS_SUPPORT_FAIL_SYS_H

/*
 * Stands between a backend and any table of system calls: lets the n-th call
 * fail, interrupts, shortens reads and writes, and keeps account of file
 * descriptors. Everything else goes through.
 */

#include <migproto/sys.h>

#include <stdbool.h>

#define FAIL_SYS_FDS 4096

/* What is to go wrong; all zero: nothing. */
struct fail_plan {
    size_t at;         /* the call that fails, 1 is the next; 0: none */
    bool on;           /* all later ones fail too */
    bool after;        /* the call is made, then its success is taken away */
    int error;         /* e.g. EIO */
    size_t interrupts; /* so many EINTR for each call that can give one and
                          is made; in no pattern that a retry could fall into */
    size_t max_io;     /* most bytes of a read or write; 0: no bound */
    /* Called before each call, with its number. */
    void (*hook)(void *user, size_t call);
    void *hook_user;
};

struct fail_sys {
    struct migp_sys sys; /* give this to the code under test */
    const struct migp_sys *inner;
    struct fail_plan plan; /* to be changed at any time */

    /* To be looked at. */
    size_t calls;        /* that could fail, since fail_sys_start() */
    bool failed;         /* one was made to */
    size_t interrupted;  /* EINTRs given */
    size_t double_close; /* closes of what was not open */

    uint32_t storm; /* where the sequence of EINTRs is */
    bool open[FAIL_SYS_FDS];
};

/* Nothing goes wrong, no fd known. */
void fail_sys_init(struct fail_sys *fail, const struct migp_sys *inner);

/* Count from here; NULL: nothing goes wrong any more. */
void fail_sys_start(struct fail_sys *fail, const struct fail_plan *plan);

/* Fds that were opened through the table and are not closed. */
size_t fail_sys_open_fds(const struct fail_sys *fail);

#endif
