/* SPDX-License-Identifier: MIT */
#include "device/sim/simulated.h"

#include <errno.h>
#include <string.h>

/*
 * Streams that are an image of a fixed size, as mtty, hisi, qat and pds have:
 * PRE_COPY gives its first bytes, STOP_COPY the rest; a load is collected in a
 * buffer, its first bytes checked as they become complete, the rest on leaving
 * RESUMING. An errno of write() has consumed the bytes all the same, and
 * nobody remembers it.
 */

static void image_begin(struct migp_sim *sim)
{
    sim->quirk->image->build(sim);
    sim->save.image_at = 0;
    sim->save.image_end = sim->state == MIGP_STATE_STOP_COPY
                              ? sim->quirk->fixed_size
                              : sim->quirk->fixed_initial;
}

static void image_finish(struct migp_sim *sim)
{
    sim->quirk->image->build(sim);
    sim->save.image_end = sim->quirk->fixed_size;
}

static size_t image_read(struct migp_sim *sim, uint8_t *bytes, size_t size)
{
    struct sim_save *save = &sim->save;
    uint64_t left = save->image_end - save->image_at;
    size_t n = left < size ? (size_t)left : size;

    memcpy(bytes, sim->image + save->image_at, n);
    save->image_at += n;
    return n;
}

static void image_amounts(struct migp_sim *sim, uint64_t *initial,
                          uint64_t *dirty)
{
    *initial = sim->save.image_end - sim->save.image_at;
    *dirty = 0;
}

static void image_load_begin(struct migp_sim *sim)
{
    if ((sim->quirk->bits & SIM_QUIRK_STALE) == 0) {
        memset(sim->image, 0, sizeof(sim->image));
    }
}

static migp_ssize image_write(struct migp_sim *sim, const uint8_t *bytes,
                              size_t size)
{
    const struct sim_quirk *quirk = sim->quirk;
    uint64_t at = sim->load.image_at;
    uint64_t room = quirk->fixed_size - at;

    if (size > room) {
        if ((quirk->bits & SIM_QUIRK_SHORT_WRITE) == 0 || room == 0) {
            return -quirk->overflow;
        }
        size = (size_t)room;
    }
    memcpy(sim->image + at, bytes, size);
    sim->load.image_at = at + size;
    if (at < quirk->fixed_initial && at + size >= quirk->fixed_initial &&
        !quirk->image->head_fits(sim)) {
        return -quirk->refusal;
    }
    return (migp_ssize)size;
}

static int image_load(struct migp_sim *sim)
{
    return sim->quirk->image->load(sim, sim->load.image_at);
}

const struct sim_family migp_sim_family_image = {
    .begin = image_begin,
    .finish = image_finish,
    .read = image_read,
    .amounts = image_amounts,
    .load_begin = image_load_begin,
    .write = image_write,
    .load = image_load,
};
