/* SPDX-License-Identifier: MIT */
#include "device/sim/simulated.h"

#include "core/error.h"
#include "device/sys.h"

#include <stdlib.h>
#include <string.h>

void migp_sim_content_fresh(struct migp_sim *sim)
{
    migp_sim_content_make(&sim->content, sim->settings.seed);
    if (sim->quirk->image != NULL && sim->quirk->image->fresh != NULL) {
        sim->quirk->image->fresh(sim);
    }
}

int migp_sim_new(struct migp_sim **out, const char *options,
                 const struct migp_sys *clock, struct migp_error *error)
{
    struct sim_settings settings;
    struct migp_sys taken;
    struct migp_sim *sim;
    int result;

    if (out == NULL) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    *out = NULL;
    result = migp_sim_settings_parse(&settings, options, error);
    if (result != MIGP_OK) {
        return result;
    }
    if (migp_sys_take(&taken, clock) != MIGP_OK) {
        return migp_error_say(error, MIGP_ERR_INVALID_ARGUMENT, 0,
                              "the table of the clock is too short, or longer "
                              "than this library knows");
    }
    sim = calloc(1, sizeof(*sim));
    if (sim == NULL) {
        return migp_error_set(error, MIGP_ERR_NO_MEMORY, NULL);
    }
    sim->settings = settings;
    sim->quirk = settings.quirk;
    sim->clock = taken;
    sim->migration = MIGP_MIGRATION_STOP_COPY |
                     (settings.p2p ? MIGP_MIGRATION_P2P : 0U) |
                     (settings.precopy ? MIGP_MIGRATION_PRE_COPY : 0U);
    sim->state = MIGP_STATE_RUNNING;
    migp_sim_fill_sys(sim);
    migp_sim_content_fresh(sim);
    migp_sim_config_fill(sim);
    migp_sim_pattern_make(&sim->out_pattern, settings.seed);
    *out = sim;
    return MIGP_OK;
}

void migp_sim_free(struct migp_sim *sim)
{
    free(sim);
}

void migp_sim_advance(struct migp_sim *sim, uint64_t nanoseconds)
{
    if (!sim->settings.real_clock) {
        migp_sim_pass(sim, nanoseconds);
    }
}

/* Of a driver whose stream has no seed, what of the content it has. */
uint64_t migp_sim_fingerprint(const struct migp_sim *sim)
{
    if (sim->quirk->state_size < SIM_BAR_SIZE) {
        return migp_sim_hash(sim->content.bar, sim->quirk->state_size);
    }
    return migp_sim_content_hash(&sim->content, sim->quirk->state_size);
}
