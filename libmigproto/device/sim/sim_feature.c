/* SPDX-License-Identifier: MIT */
#include "device/sim/simulated.h"
#include "device/uapi.h"

#include <errno.h>
#include <string.h>

/*
 * The envelope of VFIO_DEVICE_FEATURE, its checks in the kernel's order.
 * Source: linux v6.12 drivers/vfio/vfio_main.c "vfio_ioctl_device_feature",
 * include/linux/vfio.h "vfio_check_feature" (facts only).
 */

#define GET MIGP_VFIO_FEATURE_GET
#define SET MIGP_VFIO_FEATURE_SET
#define PROBE MIGP_VFIO_FEATURE_PROBE

static int get_migration(struct migp_sim *sim, void *payload)
{
    struct migp_vfio_feature_migration migration = {sim->migration};

    if (sim_broken(sim, SIM_BREAK_FLAGS)) {
        migration.flags |= 8;
    }
    memcpy(payload, &migration, sizeof(migration));
    return 0;
}

static int get_state(struct migp_sim *sim, void *payload)
{
    struct migp_vfio_feature_mig_state state;
    int result = migp_sim_fault(sim, SIM_OP_GET);

    if (result != 0) {
        return result;
    }
    state.device_state = sim->state;
    state.data_fd = sim_broken(sim, SIM_BREAK_GET_FD) ? 0 : -1;
    memcpy(payload, &state, sizeof(state));
    return 0;
}

/* The payload is written back on failure too. */
static int set_state(struct migp_sim *sim, void *payload)
{
    struct migp_vfio_feature_mig_state state;
    int result;

    memcpy(&state, payload, sizeof(state));
    state.data_fd = -1;
    result = migp_sim_set_state(sim, state.device_state, &state.data_fd);
    memcpy(payload, &state, sizeof(state));
    return result;
}

static int get_data_size(struct migp_sim *sim, void *payload)
{
    struct migp_vfio_feature_mig_data_size size;
    int result = migp_sim_fault(sim, SIM_OP_SIZE);

    if (result != 0) {
        return result;
    }
    if (sim_broken(sim, SIM_BREAK_SIZE) && sim->state == MIGP_STATE_RESUMING) {
        return -EINVAL;
    }
    size.stop_copy_length = sim->settings.size - sim->quirk->unmeasured;
    memcpy(payload, &size, sizeof(size));
    return 0;
}

static int stop_logging(struct migp_sim *sim, void *payload)
{
    int result = migp_sim_fault(sim, SIM_OP_STOP);

    (void)payload;
    if (result == 0) {
        migp_sim_logging_stop(sim);
    }
    return result;
}

/* Source: linux v7.1 "VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2". */
static int want_reinit(struct migp_sim *sim, void *payload)
{
    (void)payload;
    if ((sim->migration & MIGP_MIGRATION_PRE_COPY) == 0) {
        return -EINVAL;
    }
    sim->reinit_wanted = true;
    return 0;
}

struct feature {
    uint32_t index;
    uint32_t allowed;
    uint32_t size; /* of the payload, at least */
    int (*get)(struct migp_sim *sim, void *payload);
    int (*set)(struct migp_sim *sim, void *payload);
};

static const struct feature feature_list[] = {
    {MIGP_FEATURE_MIGRATION, GET, 8, get_migration, NULL},
    {MIGP_FEATURE_MIG_DEVICE_STATE, GET | SET, 8, get_state, set_state},
    {MIGP_FEATURE_DMA_LOGGING_START, SET, 24, NULL, migp_sim_logging_start},
    {MIGP_FEATURE_DMA_LOGGING_STOP, SET, 0, NULL, stop_logging},
    {MIGP_FEATURE_DMA_LOGGING_REPORT, GET, 32, migp_sim_logging_report, NULL},
    {MIGP_FEATURE_MIG_DATA_SIZE, GET, 8, get_data_size, NULL},
    {MIGP_FEATURE_MIG_PRECOPY_INFOV2, SET, 0, NULL, want_reinit},
};

static const struct feature *find_feature(const struct migp_sim *sim,
                                          uint32_t index)
{
    const struct feature *feature = NULL;
    size_t i;

    for (i = 0; i < sizeof(feature_list) / sizeof(feature_list[0]); i++) {
        if (feature_list[i].index == index) {
            feature = &feature_list[i];
        }
    }
    switch (index) {
    case MIGP_FEATURE_DMA_LOGGING_START:
    case MIGP_FEATURE_DMA_LOGGING_STOP:
    case MIGP_FEATURE_DMA_LOGGING_REPORT:
        return sim->quirk->logging != SIM_LOGGING_NONE ? feature : NULL;
    case MIGP_FEATURE_MIG_PRECOPY_INFOV2:
        return (sim->quirk->bits & SIM_QUIRK_NO_PRECOPY_V2) == 0 ? feature
                                                                 : NULL;
    default:
        return feature;
    }
}

int migp_sim_feature(struct migp_sim *sim, void *arg)
{
    struct migp_vfio_feature head;
    const struct feature *feature;
    uint32_t operation;

    if (migp_sim_bad_pointer(arg)) {
        return -EFAULT;
    }
    memcpy(&head, arg, sizeof(head));
    operation = head.flags & (GET | SET);
    if (head.argsz < sizeof(head) ||
        (head.flags & ~(MIGP_VFIO_FEATURE_INDEX | GET | SET | PROBE)) != 0 ||
        ((head.flags & PROBE) == 0 && operation == (GET | SET))) {
        return -EINVAL;
    }
    feature = find_feature(sim, head.flags & MIGP_VFIO_FEATURE_INDEX);
    if (feature == NULL) {
        return -ENOTTY;
    }
    if ((operation & ~feature->allowed) != 0) {
        return -EINVAL;
    }
    if ((head.flags & PROBE) != 0) {
        return sim_broken(sim, SIM_BREAK_PROBE) &&
                       feature->index == MIGP_FEATURE_MIG_DEVICE_STATE
                   ? -ENOTTY
                   : 0;
    }
    if (operation == 0 || (head.argsz - sizeof(head) < feature->size &&
                           !sim_broken(sim, SIM_BREAK_ARGSZ))) {
        return -EINVAL;
    }
    if (head.argsz - sizeof(head) < feature->size) {
        return 0;
    }
    return (operation == GET ? feature->get : feature->set)(
        sim, (uint8_t *)arg + sizeof(head));
}
