/* SPDX-License-Identifier: MIT */
#ifndef MIGPROTO_SIM_H
#define MIGPROTO_SIM_H

/**
 * @file sim.h
 * @brief A simulated VFIO device: a kernel behind the table of system calls.
 *
 * migp_sim_sys() answers open, ioctl, read and the rest as a kernel with one
 * migratable device would, so everything above it (vfio.h, conform.h) is the
 * code that runs on real devices. It obeys the kernel's state machine, takes
 * as long as its bandwidths say, fails where it was told to, and behaves like
 * a named driver if asked.
 *
 * Options, as text separated by commas; sizes take K, M, G, T (1024), rates an
 * additional "/s", times ns, us, ms, s:
 *
 *     size=64M           state that STOP_COPY gives in all, 8K to 1T; not
 *                        with a quirk whose state has a size of its own
 *     initial=0          of it, what PRE_COPY must give first, a header of a
 *                        few bytes at least; likewise
 *     precopy=on         has the PRE_COPY states
 *     p2p=on             has the P2P states
 *     dirty-rate=0       how fast a running device dirties state again
 *     read-bw=0          bytes a second, 0: takes no time; write-bw likewise
 *     load-setup=0       time that RESUMING to STOP takes
 *     stop-setup=0       time that entering STOP_COPY takes
 *     fail=OP[:STATE]:ERRNO[@N]
 *                        the N-th (default 1) OP fails; @N+ from then on. OP:
 *                        SET (any request; with STATE: each step into it, on
 *                        the way elsewhere too), GET, READ, WRITE, INFO, SIZE,
 *                        RESET, START, STOP, REPORT; may be given eight times
 *     reset-after=N      is reset from outside, once, after N bytes of data
 *                        or, with a unit of time, after that time in a session
 *     seed=1             what the state's bytes are made of
 *     quirk=DRIVER       mtty, mlx5, virtio, hisi, qat, pds: behaves as that
 *                        driver does (docs/protocol.md)
 *     break=RULE         breaks one rule; migp_sim_break_id() lists them; may
 *                        be given several times
 *     clock=virtual      time passes by being used; real: really waits
 *
 * To make a device of one, open it as a kernel's device:
 *
 *     struct migp_vfio_options how;
 *     migp_vfio_options_init(&how);
 *     how.sys = migp_sim_sys(sim);
 *     how.cdev_path = MIGP_SIM_PATH;
 *     how.flags = MIGP_VFIO_RESET_OK;
 *     migp_vfio_open(&vfio, &how, &error);
 *
 * or by its name, "sim:OPTIONS" (open.h), where all of that is done.
 *
 * Content: the state is a pattern made of the seed and of what was written to
 * BAR 0, whose first 4096 bytes are part of it. A device that has loaded
 * another's state has that device's migp_sim_fingerprint().
 *
 * Pure except with clock=real. Threads: one at a time.
 */

#include <migproto/core.h>
#include <migproto/sys.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A simulated device. */
struct migp_sim;

/** The path that opens the device; the fd is a device fd. */
#define MIGP_SIM_PATH "/dev/vfio/devices/sim"

/**
 * @brief Make a simulated device.
 * @param[out] out the device; free it with migp_sim_free()
 * @param options the text above, "" or NULL for the defaults
 * @param clock with clock=real, its now and sleep are used; NULL:
 *              migp_sys_linux()
 * @param[out] error what is wrong, offset: where in options; may be NULL
 * @return MIGP_OK; MIGP_ERR_INVALID_ARGUMENT; MIGP_ERR_NO_MEMORY; *out is NULL
 *         then
 * @since 0.1.0
 */
MIGP_API int migp_sim_new(struct migp_sim **out, const char *options,
                          const struct migp_sys *clock,
                          struct migp_error *error);

/**
 * @brief Free a simulated device, its fds with it.
 * @param sim the device; NULL is allowed
 * @since 0.1.0
 */
MIGP_API void migp_sim_free(struct migp_sim *sim);

/**
 * @brief Tell the system calls of the device's kernel.
 *
 * The fds are numbers of its own: they mean nothing to the running system.
 *
 * @param sim the device
 * @return lives as long as the device
 * @since 0.1.0
 */
MIGP_API const struct migp_sys *migp_sim_sys(struct migp_sim *sim);

/**
 * @brief Reset the device from outside, as a guest's FLR does.
 * @param sim the device
 * @since 0.1.0
 */
MIGP_API void migp_sim_reset(struct migp_sim *sim);

/**
 * @brief Let virtual time pass.
 * @param sim the device, with clock=virtual
 * @param nanoseconds how long
 * @since 0.1.0
 */
MIGP_API void migp_sim_advance(struct migp_sim *sim, uint64_t nanoseconds);

/**
 * @brief Tell what the guest would find in the device.
 * @param sim the device
 * @return a hash of the state's content
 * @since 0.1.0
 */
MIGP_API uint64_t migp_sim_fingerprint(const struct migp_sim *sim);

/**
 * @brief Tell how many fds of the device are open.
 * @param sim the device
 * @return device fds and data fds
 * @since 0.1.0
 */
MIGP_API size_t migp_sim_open_fds(const struct migp_sim *sim);

/**
 * @brief Write memory by DMA, as the device would: it enters the DMA log. A
 * device that is stopped does none.
 * @param sim the device
 * @param iova start, bytes
 * @param length bytes
 * @since 0.1.0
 */
MIGP_API void migp_sim_dma_write(struct migp_sim *sim, uint64_t iova,
                                 uint64_t length);

/**
 * @brief Tell the rules that break= can break.
 * @param index from 0
 * @return the rule's name; NULL behind the last; static
 * @since 0.1.0
 */
MIGP_API const char *migp_sim_break_id(size_t index);

/**
 * @brief Tell the invariant that a broken rule belongs to.
 * @param index from 0
 * @return number of the check in conform.h that names the rule; 0 behind the
 *         last
 * @since 0.1.0
 */
MIGP_API uint32_t migp_sim_break_check(size_t index);

#ifdef __cplusplus
}
#endif

#endif
