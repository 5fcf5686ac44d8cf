/* SPDX-License-Identifier: MIT */
#ifndef MIGP_TESTS_SUPPORT_RIG_H
#define MIGP_TESTS_SUPPORT_RIG_H

/*
 * One device behind each backend, set up alike, so that one suite runs on all
 * of them:
 *
 *     kernel     the kernel backend on a simulated kernel
 *     vfio-user  the vfio-user backend, a server in a thread, the same
 *                simulated device behind it
 *     custom     a device of the caller's own, in memory
 *
 * All system calls of the backend go through `fail`.
 */

#include "support/fail_sys.h"

#include <migproto/device.h>
#include <migproto/sim.h>

#include <pthread.h>
#include <stdbool.h>

enum rig_kind {
    RIG_KERNEL,
    RIG_VFIO_USER,
    RIG_CUSTOM,
    RIG_KINDS
};

struct rig {
    enum rig_kind kind;
    struct fail_sys fail;
    struct migp_device *device;
    struct migp_sim *sim; /* NULL for custom */

    /* vfio-user: the server's side */
    pthread_mutex_t lock;
    pthread_t server;
    struct migp_sys locked;
    int device_fd;
    int sockets[2];

    /* custom */
    struct rig_memory *memory;
};

const char *rig_name(enum rig_kind kind);

/* Options of the simulated device (custom takes none); what is to go wrong
 * from the first call on, NULL: nothing. Returns what the backend or
 * migp_device_new() returned; on failure everything is taken down again. */
int rig_open(struct rig *rig, enum rig_kind kind, const char *sim_options,
             const struct fail_plan *plan,
             const struct migp_device_options *options,
             struct migp_error *error);

/* Frees the device and asserts that no fd is left and none was closed twice. */
void rig_close(struct rig *rig);

/* What a guest would find in the device. */
uint64_t rig_fingerprint(struct rig *rig);

/* A reset from outside. */
void rig_reset_outside(struct rig *rig);

/* Where the device really is, whatever the migp_device believes. */
uint32_t rig_true_state(struct rig *rig);

#endif
