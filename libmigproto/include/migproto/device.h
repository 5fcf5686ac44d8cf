/* SPDX-License-Identifier: MIT */
#ifndef MIGPROTO_DEVICE_H
#define MIGPROTO_DEVICE_H

/**
 * @file device.h
 * @brief A device that can be migrated: its states, its data, its recovery.
 *
 * A migp_device drives VFIO's migration state machine, version 2. It keeps,
 * once, the rules that every user of that machine needs: which state follows
 * which, who owns the data session after a failure, what 0 and ENOMSG mean
 * now, that a refused write is final, and that a device may be reset by the
 * guest at any time. Behind it is a backend: a VFIO device of the kernel
 * (vfio.h), a vfio-user server (vfio_user.h), a simulated device (sim.h), or
 * the caller's own (device_ops.h); open.h opens one by its name.
 *
 * A source: RUNNING, PRE_COPY (read until MIGP_ERR_PRECOPY_EMPTY, again and
 * again), STOP_COPY (read until 0), STOP. A destination: RESUMING (write all),
 * STOP, RUNNING. docs/embedding.md has the order of what goes on around.
 *
 * Threads: a device is used by one thread at a time. migp_device_cancel() may
 * be called from any thread and from a signal handler. Nothing here starts a
 * thread or installs a handler.
 */

#include <migproto/core.h>
#include <migproto/device_ops.h>
#include <migproto/fsm.h>
#include <migproto/sys.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How far a device goes by itself to come back from a failed state change. */
enum migp_recover {
    MIGP_RECOVER_NONE = 0,  /**< stay where the failure left it */
    MIGP_RECOVER_STATE = 1, /**< change states, never reset */
    /** Reset where nothing else helps. On a source that destroys the state of
     *  the guest's device. */
    MIGP_RECOVER_RESET = 2
};

/** How a device behaves; start from migp_device_options_init(). */
struct migp_device_options {
    size_t struct_size;         /**< sizeof(struct migp_device_options) */
    uint32_t recover;           /**< enum migp_recover; default STATE */
    uint64_t reset_timeout;     /**< nanoseconds a device may take after a reset
                                     until it is RUNNING; default 10 s */
    const struct migp_sys *sys; /**< only its now and sleep are used, while a
                                     reset is awaited; NULL: migp_sys_linux();
                                     lives as long as the device */
};

/** A device behind one interface. */
struct migp_device;

/**
 * @brief Fill in the defaults.
 * @param options the object; NULL is allowed and does nothing
 * @since 0.1.0
 */
MIGP_API void migp_device_options_init(struct migp_device_options *options);

/**
 * @brief Make a device of a backend.
 *
 * Asks the backend for its caps and its state. A device in the middle of a
 * session that somebody else opened is taken as it is; its data cannot be read
 * or written.
 *
 * @param[out] out the device; free it with migp_device_free()
 * @param ops the backend; kept, not copied
 * @param user given to every function of ops; the device's to close on
 *        success, still the caller's on failure
 * @param options NULL for the defaults; not kept
 * @param[out] error why it failed; may be NULL
 * @return MIGP_OK; MIGP_ERR_INVALID_ARGUMENT; MIGP_ERR_NO_MEMORY;
 *         MIGP_ERR_NO_MIGRATION (the driver has none, or says impossible
 *         things about it: error tells which); MIGP_ERR_SYSTEM;
 *         MIGP_ERR_DEVICE_LOST; *out is NULL then
 * @since 0.1.0
 */
MIGP_API int migp_device_new(struct migp_device **out,
                             const struct migp_device_ops *ops, void *user,
                             const struct migp_device_options *options,
                             struct migp_error *error);

/**
 * @brief End the session, close the backend, free the device.
 *
 * Changes no state: what a device does when its last file descriptor is closed
 * is the kernel's affair (vfio-pci resets it).
 *
 * @param device the device; NULL is allowed
 * @since 0.1.0
 */
MIGP_API void migp_device_free(struct migp_device *device);

/**
 * @brief Tell what a device is and can do.
 * @param device the device
 * @param[out] caps struct_size set by the caller
 * @return MIGP_OK or MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int migp_device_get_caps(const struct migp_device *device,
                                  struct migp_device_caps *caps);

/**
 * @brief Tell the backend's object, as given to migp_device_new().
 * @param device the device
 * @param ops the backend's table
 * @return user; NULL if the device has another backend
 * @since 0.1.0
 */
MIGP_API void *migp_device_backend(const struct migp_device *device,
                                   const struct migp_device_ops *ops);

/**
 * @brief Tell the state that the device was last seen in; asks nobody.
 * @param device the device
 * @return enum migp_state
 * @since 0.1.0
 */
MIGP_API uint32_t migp_device_state(const struct migp_device *device);

/**
 * @brief Ask the device where it is.
 * @param device the device
 * @param[out] state enum migp_state; may be NULL; set whenever the
 *             device answered
 * @param[out] error why it failed; may be NULL
 * @return MIGP_OK if it is where it was left; MIGP_ERR_DEVICE_RESET if it is
 *         not (the session is ended, the new state is known: migrate again
 *         from there); MIGP_ERR_SYSTEM; MIGP_ERR_DEVICE_LOST;
 *         MIGP_ERR_CANCELLED
 * @since 0.1.0
 */
MIGP_API int migp_device_query_state(struct migp_device *device,
                                     uint32_t *state, struct migp_error *error);

/**
 * @brief Bring the device into a state.
 *
 * Returns when it is there. A change that the state machine forbids does not
 * reach the device; a change to the present state does nothing.
 *
 * After a failure the device is asked where it is, and brought back as far as
 * the options allow: to where it was before PRE_COPY or RESUMING, to STOP and
 * from there to RUNNING if STOP_COPY could not be entered (to STOP if it was
 * stopped before). A failure on the way out of PRE_COPY or RESUMING can only
 * be mended by a reset. The return value tells the first failure in any case,
 * migp_device_state() where the device is now, migp_device_needs_reset()
 * whether only a reset helps.
 *
 * @param device the device
 * @param state enum migp_state
 * @param[out] error why it failed; may be NULL
 * @return MIGP_OK; MIGP_ERR_INVALID_ARGUMENT (no such state);
 *         MIGP_ERR_UNSUPPORTED (the device does not have that state);
 *         MIGP_ERR_STATE (forbidden from here; or a write is missing, see
 *         migp_device_write()); MIGP_ERR_SYSTEM (the driver failed: errno in
 *         error); MIGP_ERR_REFUSED (out of RESUMING: the driver does not want
 *         what was written); MIGP_ERR_DEVICE_RESET; MIGP_ERR_NEEDS_RESET;
 *         MIGP_ERR_DEVICE_LOST; MIGP_ERR_CANCELLED (after
 *         migp_device_cancel())
 * @since 0.1.0
 */
MIGP_API int migp_device_set_state(struct migp_device *device, uint32_t state,
                                   struct migp_error *error);

/**
 * @brief Read the device's state: PRE_COPY, PRE_COPY_P2P, STOP_COPY.
 *
 * A failure other than CANCELLED and PRECOPY_EMPTY is final for this session:
 * bytes may be lost. Leave to RUNNING (or STOP) and start again. With
 * ETIMEDOUT a vfio-user server did not answer, and is lost, too.
 *
 * @param device the device
 * @param[out] bytes where to put it
 * @param size room, > 0
 * @param[out] error why it failed; may be NULL
 * @return bytes read, > 0 and at most size; 0 at the end, only in STOP_COPY;
 *         MIGP_ERR_PRECOPY_EMPTY; MIGP_ERR_CANCELLED (nothing lost);
 *         MIGP_ERR_STATE (no session to read from); MIGP_ERR_SYSTEM (errno in
 *         error); MIGP_ERR_DEVICE_RESET; MIGP_ERR_DEVICE_LOST;
 *         MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API migp_ssize migp_device_read(struct migp_device *device, void *bytes,
                                     size_t size, struct migp_error *error);

/**
 * @brief Write the device's state: RESUMING.
 *
 * Writes all of it, whatever the driver takes at a time. With a vfio-user
 * server the last in_flight messages may still be on their way when this
 * returns: if one of them is refused, the next write says so, or the
 * migp_device_set_state() that would load, which is then not asked for.
 *
 * A failure is final:
 * some drivers load what they have just refused. From then on the device
 * writes nothing and leaves RESUMING only by a reset; with
 * #MIGP_RECOVER_RESET the reset has already happened when this returns.
 *
 * @param device the device
 * @param bytes what to write; NULL only if size is 0
 * @param size bytes
 * @param[out] error why it failed; value: bytes of this call that were taken, or
 *             are on their way; may be NULL
 * @return size; fewer, perhaps 0, only after migp_device_cancel(), and then
 *         that many were taken; MIGP_ERR_CANCELLED if none were;
 *         MIGP_ERR_REFUSED (errno in error); MIGP_ERR_STATE;
 *         MIGP_ERR_NEEDS_RESET; MIGP_ERR_DEVICE_RESET; MIGP_ERR_DEVICE_LOST;
 *         MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API migp_ssize migp_device_write(struct migp_device *device,
                                      const void *bytes, size_t size,
                                      struct migp_error *error);

/**
 * @brief Ask what is left in PRE_COPY.
 *
 * Not merely a question: with some drivers it is what starts the next save,
 * and without it reading stays at PRECOPY_EMPTY.
 *
 * @param device the device, in PRE_COPY or PRE_COPY_P2P
 * @param[out] info struct_size set by the caller
 * @param[out] error why it failed; may be NULL
 * @return MIGP_OK; MIGP_ERR_UNSUPPORTED (the device does not tell);
 *         MIGP_ERR_STATE; MIGP_ERR_SYSTEM; MIGP_ERR_DEVICE_RESET;
 *         MIGP_ERR_DEVICE_LOST; MIGP_ERR_CANCELLED;
 *         MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int migp_device_precopy_info(struct migp_device *device,
                                      struct migp_precopy_info *info,
                                      struct migp_error *error);

/**
 * @brief Ask how many bytes STOP_COPY would give, were it entered now.
 * @param device the device, in any state
 * @param[out] size an estimate, at most #MIGP_ESTIMATE_MAX
 * @param[out] error why it failed; may be NULL
 * @return as migp_device_precopy_info()
 * @since 0.1.0
 */
MIGP_API int migp_device_stop_copy_size(struct migp_device *device,
                                        uint64_t *size,
                                        struct migp_error *error);

/**
 * @brief Take the bytes of a CONFIG record from the device.
 * @param device the device, with #MIGP_HAS_CONFIG
 * @param[out] bytes where to put them
 * @param size room
 * @param[out] error why it failed; may be NULL
 * @return bytes, at most size; MIGP_ERR_UNSUPPORTED (a kernel device has none:
 *         config space is the VMM's); MIGP_ERR_NO_SPACE; MIGP_ERR_SYSTEM;
 *         MIGP_ERR_CANCELLED; MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API migp_ssize migp_device_save_config(struct migp_device *device,
                                            void *bytes, size_t size,
                                            struct migp_error *error);

/**
 * @brief Give the bytes of a CONFIG record to the device.
 * @param device the device, with #MIGP_HAS_CONFIG, in RESUMING
 * @param bytes the bytes
 * @param size how many
 * @param[out] error why it failed; may be NULL
 * @return MIGP_OK; MIGP_ERR_UNSUPPORTED; MIGP_ERR_REFUSED (final, as a failed
 *         write is); MIGP_ERR_STATE; MIGP_ERR_CANCELLED;
 *         MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int migp_device_load_config(struct migp_device *device,
                                     const void *bytes, size_t size,
                                     struct migp_error *error);

/**
 * @brief Reset the device and wait until it is RUNNING.
 *
 * Destroys the device's state. A driver may defer a reset, so the state is
 * asked for until it is RUNNING or the time is over.
 *
 * @param device the device
 * @param[out] error why it failed; may be NULL
 * @return MIGP_OK; MIGP_ERR_UNSUPPORTED (no reset); MIGP_ERR_SYSTEM (errno in
 *         error: EAGAIN may be tried again); MIGP_ERR_TIMED_OUT (not RUNNING:
 *         vfio-user servers may stay in their state);
 *         MIGP_ERR_DEVICE_LOST; MIGP_ERR_CANCELLED
 * @since 0.1.0
 */
MIGP_API int migp_device_reset(struct migp_device *device,
                               struct migp_error *error);

/**
 * @brief Tell whether nothing but a reset brings the device back.
 * @param device the device
 * @return 1 or 0
 * @since 0.1.0
 */
MIGP_API int migp_device_needs_reset(const struct migp_device *device);

/**
 * @brief Tell the open data session.
 * @param device the device
 * @return what the backend gave (the kernel: the data fd), still the device's;
 *         #MIGP_NO_SESSION
 * @since 0.1.0
 */
MIGP_API int migp_device_session(const struct migp_device *device);

/**
 * @brief Make the running call, and all later ones, return CANCELLED.
 *
 * Sets a flag that is looked at before every call of the backend and when one
 * was interrupted. To wake a call that blocks in the kernel, send its thread a
 * signal whose handler does not restart calls, until it has returned.
 *
 * @param device the device; any thread, also a signal handler
 * @param cancel 1 to cancel, 0 to allow calls again
 * @since 0.1.0
 */
MIGP_API void migp_device_cancel(struct migp_device *device, int cancel);

#ifdef __cplusplus
}
#endif

#endif
