/* SPDX-License-Identifier: MIT */
#ifndef MIGP_TESTS_SUPPORT_FAKE_DEVICE_H
#define MIGP_TESTS_SUPPORT_FAKE_DEVICE_H

/*
 * A backend that does exactly what a test says: it walks the state machine,
 * opens and ends sessions and keeps account of them, and before each call a
 * test's hook may look, move the device, or give another answer.
 */

#include <migproto/device.h>

#include <stdbool.h>

enum fake_op {
    FAKE_CAPS,
    FAKE_GET,
    FAKE_SET,
    FAKE_READ,
    FAKE_WRITE,
    FAKE_INFO,
    FAKE_SIZE,
    FAKE_SAVE_CONFIG,
    FAKE_LOAD_CONFIG,
    FAKE_RESET,
    FAKE_OPS
};

/* A hook's answer: the call is to be made as usual. */
#define FAKE_GO INT64_MIN

#define FAKE_MAX_SETS 64

struct fake_device {
    struct migp_device_ops ops;
    struct migp_sys clock; /* virtual: sleeping moves it */

    /* To be set by the test. */
    uint32_t migration;
    uint32_t features;
    uint32_t state;
    uint32_t after_reset; /* the state that a reset leads to */
    uint64_t left;        /* bytes that can be read */
    size_t max_write;     /* most bytes of one write; 0: no bound */
    struct migp_precopy_info info;
    uint64_t size;
    /* nth: of that op, from 1; value: the state of a SET. */
    int64_t (*hook)(struct fake_device *fake, enum fake_op op, size_t nth,
                    uint64_t value);
    void *hook_user;
    /* A test may put its own function before this one. */
    int (*set_state)(void *user, uint32_t state, int *session);
    struct migp_device *device;    /* for hooks */
    struct migp_device_caps *caps; /* of the call of that name */

    /* To be looked at. */
    size_t calls[FAKE_OPS];
    size_t all_calls;
    uint32_t sets[FAKE_MAX_SETS]; /* the states asked for */
    size_t n_sets;
    int live; /* the session that works, or MIGP_NO_SESSION */
    int next_session;
    size_t opened;
    size_t ended;
    size_t ended_wrongly; /* twice, or never opened */
    bool is_ended[1024];
    bool closed;
    uint64_t written;
    uint64_t now;
    uint64_t slept;
};

/* RUNNING, has all states and features, 100 bytes to read. */
void fake_init(struct fake_device *fake);

/* From outside: to a state, the session dies. */
void fake_move(struct fake_device *fake, uint32_t state);

/* Forget the calls so far. */
void fake_forget(struct fake_device *fake);

/* A device of it, brought into a state with its session. */
struct migp_device *fake_device_in(struct fake_device *fake, uint32_t recover,
                                   uint32_t state);

/* All sessions ended exactly once but for the device's own, if it has one. */
void fake_check_sessions(const struct fake_device *fake,
                         const struct migp_device *device);

#endif
