/* SPDX-License-Identifier: MIT */
#ifndef MIGPROTO_DEVICE_OPS_H
#define MIGPROTO_DEVICE_OPS_H

/**
 * @file device_ops.h
 * @brief What is behind a device: the table of functions that a backend is.
 *
 * The kernel's devices, vfio-user servers and simulated devices bring theirs; a
 * VMM brings its own for a device that it emulates. device.h makes a device of
 * it, and keeps all rules that backends have in common.
 */

#include <migproto/core.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What else a device can do. A bit whose function a backend does not have is
 *  not believed. */
enum migp_device_feature {
    MIGP_HAS_RESET = 1,          /**< can be asked to reset */
    MIGP_HAS_STOP_COPY_SIZE = 2, /**< tells its stop-copy size */
    MIGP_HAS_PRECOPY_INFO = 4,   /**< tells its pre-copy amounts */
    MIGP_HAS_REINIT = 8,         /**< may report new initial bytes; opted in */
    MIGP_HAS_DMA_LOGGING = 16,   /**< logs its own DMA */
    MIGP_HAS_CONFIG = 32         /**< keeps CONFIG bytes itself */
};

/** What a device is and can do. */
struct migp_device_caps {
    size_t struct_size; /**< sizeof(struct migp_device_caps) */
    uint32_t migration; /**< set of enum migp_migration_flag */
    uint32_t features;  /**< set of enum migp_device_feature */
    uint16_t vendor;    /**< PCI vendor, 0 if not known */
    uint16_t product;   /**< PCI device id, 0 if not known */
    char backend[16];   /**< "vfio", "vfio-user", "sim", or the caller's */
    char driver[32];    /**< e.g. "mlx5_vfio_pci"; empty if not known */
    char name[128];     /**< e.g. "0000:3b:00.2"; empty if not known */
};

/** What is still to be read in PRE_COPY. Estimates of a driver: they bound
 *  nothing, and are never above #MIGP_ESTIMATE_MAX. */
struct migp_precopy_info {
    size_t struct_size; /**< sizeof(struct migp_precopy_info) */
    uint32_t flags;     /**< set of enum migp_precopy_flag */
    uint64_t
        initial_bytes;    /**< bytes to be read before STOP_COPY makes sense */
    uint64_t dirty_bytes; /**< bytes beyond those */
};

/** Flags of struct migp_precopy_info. */
enum migp_precopy_flag {
    /** initial_bytes is an entirely new amount: readiness starts again. Only
     *  with #MIGP_HAS_REINIT. */
    MIGP_PRECOPY_REINIT = 1
};

/** Largest amount that an estimate is reported as, bytes: 1 EiB. Eight of them
 *  can be added without overflow. */
#define MIGP_ESTIMATE_MAX (UINT64_C(1) << 60)

/** No data session; see struct migp_device_ops. */
#define MIGP_NO_SESSION (-1)

/**
 * @brief A device as its backend sees it; a VMM can bring its own.
 *
 * Every function returns 0 or an amount, or a negative errno (not an enum
 * migp_errc). The device calls them one at a time, on the thread of the call that it serves. A NULL member
 * is a thing that the device cannot do; caps, get_state, set_state, read and
 * write are needed. The table must live as long as the device.
 *
 * A data session is what a state change opens (PRE_COPY, STOP_COPY to read
 * from, RESUMING to write to): a number >= 0 of the backend's choice, the data
 * fd where there is one. The device keeps it, hands it to read, write and
 * precopy_info, and gives it back with end_session, exactly once.
 */
struct migp_device_ops {
    size_t struct_size; /**< sizeof(struct migp_device_ops) */
    /** Fill caps, which is zeroed and has its struct_size. Called once. */
    int (*caps)(void *user, struct migp_device_caps *caps);
    /** Ask the device where it is: enum migp_state. */
    int (*get_state)(void *user, uint32_t *state);
    /** Go there, by the kernel's path if it is not one step. session: in
     *  #MIGP_NO_SESSION; out the session that was opened, if one was. On
     *  failure no session is opened. */
    int (*set_state)(void *user, uint32_t state, int *session);
    /** As read(2) on a data fd: 0 is an end for now or for good; -ENOMSG is an
     *  end for now. */
    migp_ssize (*read)(void *user, int session, void *bytes, size_t size);
    /** As write(2) on a data fd. What was taken may still be refused later, by
     *  another write or by the set_state that leaves RESUMING, which then must
     *  not load. */
    migp_ssize (*write)(void *user, int session, const void *bytes,
                        size_t size);
    /** Amounts left in PRE_COPY; info is zeroed and has its struct_size. */
    int (*precopy_info)(void *user, int session,
                        struct migp_precopy_info *info);
    /** Estimate of bytes that STOP_COPY gives, were it entered now. */
    int (*stop_copy_size)(void *user, uint64_t *size);
    /** The bytes of a CONFIG record; returns how many. */
    migp_ssize (*save_config)(void *user, void *bytes, size_t size);
    /** Take the bytes of a CONFIG record. */
    int (*load_config)(void *user, const void *bytes, size_t size);
    /** Reset the device; may return before the state is RUNNING. */
    int (*reset)(void *user);
    /** Close a session. */
    void (*end_session)(void *user, int session);
    /** Free user; after the last session has ended. */
    void (*close)(void *user);
    /** Say in a few words why the last call failed, for an error's text; NULL
     *  if there is nothing to say. The text lives until the next call. */
    const char *(*explain)(void *user);
};

#ifdef __cplusplus
}
#endif

#endif
