/* SPDX-License-Identifier: MIT */
#include "device/sim/simulated.h"

static bool due(struct sim_fault_rule *rule)
{
    rule->seen++;
    return rule->seen == rule->first ||
           (rule->onwards && rule->seen > rule->first);
}

/* All rules that the operation meets count it; the first that is due wins. */
static int look(struct migp_sim *sim, uint32_t operation, uint32_t state)
{
    int result = 0;
    size_t i;

    for (i = 0; i < sim->settings.n_faults; i++) {
        struct sim_fault_rule *rule = &sim->settings.faults[i];

        if (rule->operation == operation && rule->state == state && due(rule) &&
            result == 0) {
            result = -rule->number;
        }
    }
    return result;
}

int migp_sim_fault(struct migp_sim *sim, enum sim_operation operation)
{
    return look(sim, operation, SIM_ANY_STATE);
}

int migp_sim_fault_step(struct migp_sim *sim, uint32_t state)
{
    return look(sim, SIM_OP_SET, state);
}
