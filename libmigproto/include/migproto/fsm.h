/* SPDX-License-Identifier: MIT */
#ifndef MIGPROTO_FSM_H
#define MIGPROTO_FSM_H

/**
 * @file fsm.h
 * @brief The states of VFIO migration and the ways between them.
 *
 * Pure; allocates nothing. Source of states and flags: Linux
 * include/uapi/linux/vfio.h (numbers); of the ways: docs/protocol.md.
 */

#include <migproto/core.h>

#ifdef __cplusplus
extern "C" {
#endif

/** States; values are the kernel's enum vfio_device_mig_state. */
enum migp_state {
    MIGP_STATE_ERROR = 0,        /**< only a reset leads out */
    MIGP_STATE_STOP = 1,         /**< no interrupt, no DMA, no change */
    MIGP_STATE_RUNNING = 2,      /**< as if there were no migration */
    MIGP_STATE_STOP_COPY = 3,    /**< stopped, its state can be read */
    MIGP_STATE_RESUMING = 4,     /**< stopped, its state can be written */
    MIGP_STATE_RUNNING_P2P = 5,  /**< running, but starts no peer-to-peer DMA */
    MIGP_STATE_PRE_COPY = 6,     /**< running, and its state can be read */
    MIGP_STATE_PRE_COPY_P2P = 7, /**< PRE_COPY without new peer-to-peer DMA */
    MIGP_STATE_COUNT = 8         /**< number of states */
};

/** What a device's state machine has; values are VFIO_MIGRATION_*. */
enum migp_migration_flag {
    MIGP_MIGRATION_STOP_COPY = 1, /**< always set */
    MIGP_MIGRATION_P2P = 2,       /**< has the P2P states */
    MIGP_MIGRATION_PRE_COPY = 4   /**< has the PRE_COPY states */
};

/**
 * @brief Tell the way from one state to another, as the kernel takes it.
 * @param migration set of enum migp_migration_flag
 * @param from enum migp_state
 * @param to enum migp_state
 * @param[out] path the states after from, to among them; may be NULL
 * @param max room in path, in states; 7 is always enough
 * @return number of states, 0 if from is to; MIGP_ERR_STATE (forbidden);
 *         MIGP_ERR_UNSUPPORTED (a state that these flags do not have);
 *         MIGP_ERR_INVALID_ARGUMENT (no such flags or state);
 *         MIGP_ERR_NO_SPACE
 * @since 0.1.0
 */
MIGP_API migp_ssize migp_state_path(uint32_t migration, uint32_t from,
                                    uint32_t to, uint32_t *path, size_t max);

/**
 * @brief Tell a state's name.
 * @param state enum migp_state, or any number
 * @return e.g. "STOP_COPY"; "unknown" for a number that is none; static
 * @since 0.1.0
 */
MIGP_API const char *migp_state_name(uint32_t state);

#ifdef __cplusplus
}
#endif

#endif
