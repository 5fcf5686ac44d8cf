/* SPDX-License-Identifier: MIT */
#ifndef MIGP_DEVICE_DEVICE_H
#define MIGP_DEVICE_DEVICE_H

#include <migproto/device.h>

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>

/*
 * One device. What holds between two calls:
 * - session >= 0 only in a state that has one: PRE_COPY, PRE_COPY_P2P,
 *   STOP_COPY or RESUMING; each session is ended exactly once;
 * - state is what the device last said, or what a set_state made it that
 *   succeeded; with unsure, the device may have gone on from there, and the
 *   next answer is taken as it is;
 * - a device in ERROR needs a reset.
 */
struct migp_device {
    struct migp_device_ops ops;          /* complete: shorter ones are filled */
    const struct migp_device_ops *given; /* for migp_device_backend() */
    void *user;
    struct migp_device_caps caps;
    struct migp_sys clock; /* only now and sleep */
    uint64_t reset_timeout;
    uint32_t recover;
    uint32_t state;
    int session;
    bool unsure;
    bool lost; /* a session was opened, and an interruption kept it from us */
    bool needs_reset;
    bool write_cut;   /* by a cancel: the rest is missing */
    int read_failure; /* of this session; MIGP_OK: none */
    int read_errno;
    atomic_int cancelled;
};

/*
 * What a call of the backend came to: 0 or an amount, a negative errno, or
 * this. An answer that no backend may give counts as -EPROTO.
 */
#define MIGP_CALL_CANCELLED INT_MIN

static inline bool migp_device_cancelled(struct migp_device *device)
{
    return atomic_load_explicit(&device->cancelled, memory_order_relaxed) != 0;
}

/* The answer of a function that gives 0 or an errno. */
int migp_call_answer(int result);
/* The answer of a function that gives an amount up to size. */
migp_ssize migp_call_amount(migp_ssize result, size_t size);

/* --- where the device is: device_state.c --- */

/* Ask; retries when interrupted. The answer is a state the device can have. */
int migp_device_ask(struct migp_device *device, uint32_t *state);

/* Do the two states share one data session? */
bool migp_device_same_session(uint32_t left, uint32_t right);

/* Is there a session in this state? */
bool migp_device_has_session(uint32_t state);

/* End the session if there is one. */
void migp_device_end_session(struct migp_device *device);

/* Take a state as the device's own doing of what it was asked for: the session
 * lives on if it is of the same group. */
void migp_device_adopt(struct migp_device *device, uint32_t state);

/* Take a state that nobody asked for: the device was reset. Ends the session.
 * Returns MIGP_ERR_DEVICE_RESET. */
int migp_device_moved(struct migp_device *device, uint32_t state,
                      struct migp_error *error);

/* Make an error of a call that failed: result is not >= 0; what: a verb. */
int migp_device_failed(const struct migp_device *device,
                       struct migp_error *error, int code, migp_ssize result,
                       const char *what);

/* Make an error of a device that does not even say where it is any more. */
int migp_device_gone(const struct migp_device *device,
                     struct migp_error *error);

/* Ask, and compare with where it was left. */
int migp_device_look(struct migp_device *device, struct migp_error *error);

/*
 * What the failure of a call meant: ENODEV, and what else may be a session
 * that is gone, is asked about. code is the error if the device is where it
 * was left.
 */
int migp_device_judge(struct migp_device *device, int code, migp_ssize result,
                      const char *what, struct migp_error *error);

/* --- changing states: transition.c --- */

/*
 * Ask the device to go from where it is, and no more than that. Interrupted,
 * it is asked where it is before the next attempt, and that is adopted.
 * *session is MIGP_NO_SESSION on failure.
 */
int migp_device_request(struct migp_device *device, uint32_t target,
                        int *session);

/* --- after a failure: recover.c --- */

/*
 * The change from one state to another failed, and the device is in its
 * present state. Do what the options allow, say in error what was done.
 * Returns code, the first failure; MIGP_ERR_CANCELLED.
 */
int migp_device_recover(struct migp_device *device, uint32_t from,
                        uint32_t target, int code, struct migp_error *error);

/* Is this a change that must not be asked for again if it fails on the spot? */
bool migp_device_one_way(uint32_t from, uint32_t target);

/* Back to RUNNING, if that can be done; where it ends up is adopted. */
void migp_device_let_run(struct migp_device *device);

/* Only a reset helps: do it if the options allow, note it otherwise. */
int migp_device_last_resort(struct migp_device *device, int code,
                            struct migp_error *error);

/* --- errors that grow --- */

/* A complete error object, copied to the caller's at the end. */
int migp_device_give_error(struct migp_error *given, int code,
                           const struct migp_error *own);

#endif
