/* SPDX-License-Identifier: MIT */
#include "device/sim/simulated.h"
#include "device/uapi.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

/* What read(), write(), PRECOPY_INFO and poll() do on a data fd, whatever the
 * stream in it is made of. */

/* Has poll.h only for _GNU_SOURCE. */
#define READ_HANGUP 0x2000

/* What a broken driver goes on giving after a session has ended. */
#define STALE_MAX 65536

static bool alive(const struct migp_sim *sim, const struct sim_fd *file)
{
    return sim->session.live && file->session == sim->session.number;
}

/* A reset that is due after so many bytes happens between two calls, so no
 * call takes more than there is until then. */
static size_t until_reset(const struct migp_sim *sim, size_t size)
{
    uint64_t left;

    if (sim->settings.reset_bytes == 0 || sim->ever_reset) {
        return size;
    }
    left = sim->settings.reset_bytes - sim->session.bytes;
    return left < size ? (size_t)left : size;
}

/* Nothing to read: for now, or for good. */
static migp_ssize read_end(struct migp_sim *sim, uint8_t *bytes)
{
    if (migp_sim_precopying(sim)) {
        bool zero = (sim->quirk->bits & SIM_QUIRK_ZERO_FOR_ENOMSG) != 0 ||
                    sim_broken(sim, SIM_BREAK_PRECOPY_END);

        return zero ? 0 : -ENOMSG;
    }
    sim->session.eof_seen++;
    if (sim_broken(sim, SIM_BREAK_EOF) && sim->session.eof_seen == 2) {
        bytes[0] = 0;
        return 1;
    }
    return sim_broken(sim, SIM_BREAK_ENOMSG) ? -ENOMSG : 0;
}

migp_ssize migp_sim_data_read(struct migp_sim *sim, struct sim_fd *file,
                              void *bytes, size_t size)
{
    uint8_t *out = bytes;
    size_t n;
    size_t i;
    int result;

    if (!alive(sim, file)) {
        if (!sim_broken(sim, SIM_BREAK_READ_AFTER_END) ||
            file->stale == STALE_MAX) {
            return -ENODEV;
        }
        n = size < STALE_MAX - file->stale ? size
                                           : (size_t)(STALE_MAX - file->stale);
        memset(bytes, 0, n);
        file->stale += n;
        return (migp_ssize)n;
    }
    result = migp_sim_fault(sim, SIM_OP_READ);
    if (result != 0 || size == 0) {
        return result;
    }
    migp_sim_dirty_update(sim);
    n = sim->quirk->family->read(sim, out, until_reset(sim, size));
    if (n == 0) {
        return read_end(sim, out);
    }
    if (sim_broken(sim, SIM_BREAK_READ_SIZES) && size < 16) {
        for (i = 0; i < n; i++) {
            out[i] ^= 0xff;
        }
    }
    sim->session.bytes += n;
    migp_sim_pass_bytes(sim, n, sim->settings.read_bw);
    return (migp_ssize)n;
}

migp_ssize migp_sim_data_write(struct migp_sim *sim, struct sim_fd *file,
                               const void *bytes, size_t size)
{
    migp_ssize n;
    int result;

    if (!alive(sim, file)) {
        return -ENODEV;
    }
    result = migp_sim_fault(sim, SIM_OP_WRITE);
    if (result != 0) {
        return result;
    }
    if (sim->session.poisoned) {
        return sim_broken(sim, SIM_BREAK_AFTER_REFUSAL) ? (migp_ssize)size
                                                        : -ENODEV;
    }
    if (size == 0) {
        return 0;
    }
    if (sim_broken(sim, SIM_BREAK_WRITE_SIZES) && size < 16) {
        return -EINVAL;
    }
    n = sim->quirk->family->write(sim, bytes, until_reset(sim, size));
    if (n > 0) {
        sim->session.bytes += (uint64_t)n;
        migp_sim_pass_bytes(sim, (uint64_t)n, sim->settings.write_bw);
    }
    return n;
}

/* A kernel before the second version of the call leaves flags as they are. */
static void fill_flags(struct migp_sim *sim,
                       struct migp_vfio_precopy_info *info)
{
    if (sim->reinit_wanted) {
        info->flags = sim->save.reinit ? MIGP_VFIO_PRECOPY_INFO_REINIT : 0;
        sim->save.reinit = false;
        if (sim_broken(sim, SIM_BREAK_INFO_FLAGS)) {
            info->flags |= UINT32_C(1) << 31;
        }
    }
}

int migp_sim_precopy_info(struct migp_sim *sim, struct sim_fd *file, void *arg)
{
    struct migp_vfio_precopy_info info;
    bool allowed =
        migp_sim_precopying(sim) || (sim->state == MIGP_STATE_STOP_COPY &&
                                     sim_broken(sim, SIM_BREAK_INFO_IN_STOP));
    int result;

    if ((sim->migration & MIGP_MIGRATION_PRE_COPY) == 0) {
        return -ENOTTY;
    }
    if (migp_sim_bad_pointer(arg)) {
        return -EFAULT;
    }
    memcpy(&info, arg, sizeof(info.argsz));
    if (info.argsz < sizeof(info) || !allowed) {
        return -EINVAL;
    }
    if (!alive(sim, file)) {
        return -ENODEV;
    }
    result = migp_sim_fault(sim, SIM_OP_INFO);
    if (result != 0) {
        return result;
    }
    memcpy(&info, arg, sizeof(info));
    migp_sim_dirty_update(sim);
    sim->quirk->family->amounts(sim, &info.initial_bytes, &info.dirty_bytes);
    if (sim_broken(sim, SIM_BREAK_INITIAL_GROWS)) {
        info.initial_bytes += 2 * sim->session.bytes;
    }
    fill_flags(sim, &info);
    memcpy(arg, &info, sizeof(info));
    return 0;
}

/* Most drivers have no poll(), which then says that everything is possible. */
int migp_sim_data_poll(struct migp_sim *sim, const struct sim_fd *file)
{
    if (file->kind != SIM_FD_SAVE || (sim->quirk->bits & SIM_QUIRK_POLL) == 0) {
        return POLLIN | POLLOUT;
    }
    if (!alive(sim, file)) {
        return POLLIN | POLLHUP | READ_HANGUP;
    }
    return sim->state == MIGP_STATE_STOP_COPY ||
                   migp_sim_payload_left(&sim->save.payload) > 0
               ? POLLIN
               : 0;
}
