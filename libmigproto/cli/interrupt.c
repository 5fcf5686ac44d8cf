/* SPDX-License-Identifier: MIT */
#include "interrupt.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const int end_signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
#define N_END_SIGNALS (sizeof(end_signals) / sizeof(end_signals[0]))
#define REPEAT_NS 20000000L

static volatile sig_atomic_t caught;
static timer_t repeater;
static volatile bool has_repeater;
static struct sigaction before[N_END_SIGNALS];
static volatile bool changed[N_END_SIGNALS];
static struct migp_device *volatile watched;
static volatile bool settled;

static void put_back(void)
{
    size_t i;

    for (i = 0; i < N_END_SIGNALS; i++) {
        if (changed[i]) {
            sigaction(end_signals[i], &before[i], NULL);
        }
    }
}

static void cancel_watched(void)
{
    struct migp_device *device = watched;

    if (device != NULL) {
        migp_device_cancel(device, 1);
    }
}

static void repeat(long nanoseconds)
{
    struct itimerspec often;

    memset(&often, 0, sizeof(often));
    often.it_value.tv_nsec = nanoseconds;
    often.it_interval.tv_nsec = nanoseconds;
    if (has_repeater) {
        timer_settime(repeater, 0, &often, NULL);
    }
}

static void note_signal(int number)
{
    int saved = errno;

    put_back();
    caught = number;
    cancel_watched();
    /* It may have come just before a call that blocks: others follow until
     * the call has returned. */
    if (!settled) {
        repeat(REPEAT_NS);
    }
    errno = saved;
}

static void wake(int number)
{
    (void)number;
}

void migp_interrupt_catch(void)
{
    struct sigaction action;
    size_t i;

    /* Without SA_RESTART: what blocks is to return. */
    memset(&action, 0, sizeof(action));
    sigemptyset(&action.sa_mask);
    action.sa_handler = wake;
    sigaction(SIGALRM, &action, NULL);
    /* Without an event to say which, it sends SIGALRM. */
    has_repeater =
        has_repeater || timer_create(CLOCK_MONOTONIC, NULL, &repeater) == 0;
    action.sa_handler = note_signal;
    for (i = 0; i < N_END_SIGNALS; i++) {
        sigaddset(&action.sa_mask, end_signals[i]);
    }
    for (i = 0; i < N_END_SIGNALS; i++) {
        /* nohup and the like ignore signals on purpose. */
        if (!changed[i] && sigaction(end_signals[i], NULL, &before[i]) == 0 &&
            before[i].sa_handler != SIG_IGN) {
            changed[i] = true;
            sigaction(end_signals[i], &action, NULL);
        }
    }
}

void migp_interrupt_watch(struct migp_device *device)
{
    watched = device;
    if (caught != 0) {
        cancel_watched();
    }
}

bool migp_interrupt_came(void)
{
    return caught != 0;
}

const volatile sig_atomic_t *migp_interrupt_flag(void)
{
    return &caught;
}

void migp_interrupt_settle(void)
{
    struct migp_device *device = watched;

    watched = NULL;
    settled = true;
    repeat(0);
    if (device != NULL) {
        migp_device_cancel(device, 0);
    }
}

void migp_interrupt_end(void)
{
    if (caught != 0) {
        /* Whoever reads it is to have what was said so far. */
        (void)fflush(stdout);
        raise(caught);
    }
}
