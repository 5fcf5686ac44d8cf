/* SPDX-License-Identifier: MIT */
#include "conform/kit.h"

#include <migproto/vfio.h>
#include <string.h>

/*
 * Two states of one device, to tell a load from none. After a reset a device
 * mostly has the state that it saved after another; so one byte of it has to
 * be another one, and be back before the load.
 */

/* Registers that only remember what is written to them, and are state. A
 * driver is known by its data fd: elsewhere the same place may do anything. */
static const struct place {
    const char *fd_name;
    uint32_t region;
    uint64_t offset;
} places[] = {
    {"mtty_mig", MIGP_VFIO_REGION_BAR0, 7}, /* scratch register of a 16550 */
    {"sim_mig", MIGP_VFIO_REGION_BAR0, 7},
};

static const struct place *find_place(struct migp_kit *kit)
{
    char name[64] = "";
    size_t i;

    if (kit->session < 0 ||
        !migp_kit_fd_name(kit, kit->session, name, sizeof(name))) {
        return NULL;
    }
    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (strcmp(name, places[i].fd_name) == 0) {
            return &places[i];
        }
    }
    return NULL;
}

/* False if the verdict is told. */
static bool ask_place(struct migp_kit *kit)
{
    struct migp_change *change = &kit->change;
    const struct place *place;

    if (!migp_kit_go(kit, MIGP_STATE_STOP_COPY)) {
        return false;
    }
    place = find_place(kit);
    change->asked = true;
    if (!migp_kit_reset(kit)) {
        return false;
    }
    if (place != NULL) {
        change->region = place->region;
        change->offset = place->offset;
        change->known =
            migp_vfio_region_read(kit->vfio, place->region, place->offset,
                                  &change->plain, 1, NULL) == 1;
    }
    return true;
}

bool migp_kit_prepare(struct migp_kit *kit, bool changed)
{
    struct migp_change *change = &kit->change;
    uint8_t byte;

    if (!migp_kit_reset(kit) || (!change->asked && !ask_place(kit))) {
        return false;
    }
    if (change->known) {
        byte = changed ? change->plain ^ 0xff : change->plain;
        change->known =
            migp_vfio_region_write(kit->vfio, change->region, change->offset,
                                   &byte, 1, NULL) == 1;
    }
    return true;
}

bool migp_kit_save(struct migp_kit *kit, struct migp_blob *blob)
{
    return migp_kit_go(kit, MIGP_STATE_STOP_COPY) &&
           migp_kit_drain_all(kit, blob, MIGP_CUT_LARGE) &&
           migp_kit_go(kit, MIGP_STATE_STOP);
}
