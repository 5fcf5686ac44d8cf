/* SPDX-License-Identifier: MIT */
#include "device/sim/simulated.h"

#define SECOND UINT64_C(1000000000)

uint64_t migp_sim_now(const struct migp_sim *sim)
{
    return sim->settings.real_clock ? sim->clock.now(sim->clock.user)
                                    : sim->virtual_now;
}

void migp_sim_pass(struct migp_sim *sim, uint64_t nanoseconds)
{
    if (nanoseconds == 0) {
        return;
    }
    if (sim->settings.real_clock) {
        sim->clock.sleep(sim->clock.user, nanoseconds);
    } else if (nanoseconds > UINT64_MAX - sim->virtual_now) {
        sim->virtual_now = UINT64_MAX;
    } else {
        sim->virtual_now += nanoseconds;
    }
}

/* bytes is at most 1 GiB, so that this cannot overflow. What a division
 * leaves over is kept: many small reads take as long as one large one. */
void migp_sim_pass_bytes(struct migp_sim *sim, uint64_t bytes, uint64_t rate)
{
    uint64_t work;

    if (rate == 0) {
        return;
    }
    work = bytes * SECOND + sim->time_rest;
    sim->time_rest = work % rate;
    migp_sim_pass(sim, work / rate);
}

void migp_sim_dirty_begin(struct migp_sim *sim)
{
    sim->save.dirty = 0;
    sim->save.dirty_rest = 0;
    sim->save.dirty_since = migp_sim_now(sim);
}

/* No more can be dirty than PRE_COPY did not give at first. */
void migp_sim_dirty_update(struct migp_sim *sim)
{
    struct sim_save *save = &sim->save;
    uint64_t rate = sim->settings.dirty_rate;
    uint64_t most = sim->settings.size - save->given_of_size;
    uint64_t now = migp_sim_now(sim);
    uint64_t elapsed = now - save->dirty_since;
    uint64_t seconds = elapsed / SECOND;
    uint64_t rest = elapsed % SECOND;
    uint64_t fine;

    save->dirty_since = now;
    if (rate == 0 || !migp_sim_precopying(sim)) {
        return;
    }
    if (seconds >= most / rate + 1) {
        save->dirty = most;
        return;
    }
    fine = rate % SECOND * rest + save->dirty_rest;
    save->dirty += rate * seconds + rate / SECOND * rest + fine / SECOND;
    save->dirty_rest = fine % SECOND;
    if (save->dirty > most) {
        save->dirty = most;
    }
}
