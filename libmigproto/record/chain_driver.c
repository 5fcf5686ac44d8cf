/* SPDX-License-Identifier: MIT */
#include "record/chain.h"

#include <string.h>

/*
 * Whose chain is it? Any driver's state may begin like a record: a small
 * number and eight zero bytes are enough.
 */

/* [DR-5] */
int migp_chain_driver(const struct migp_chain *chain, uint16_t vendor)
{
    if (!chain->begun) {
        return MIGP_DRIVER_OPAQUE;
    }
    switch (vendor) {
    case 0:
        break;
    case MIGP_VENDOR_MLX5:
        return MIGP_DRIVER_MLX5;
    case MIGP_VENDOR_VIRTIO:
        return MIGP_DRIVER_VIRTIO;
    default:
        return MIGP_DRIVER_OPAQUE;
    }
    if (chain->announces_stop_copy) { /* [DR-3] */
        return MIGP_DRIVER_MLX5;
    }
    if (chain->parts_seen && !chain->parts_contradict) { /* [DR-4] */
        return MIGP_DRIVER_VIRTIO;
    }
    return chain->has_state && !chain->doubtful ? MIGP_DRIVER_RECORDS
                                                : MIGP_DRIVER_OPAQUE;
}

bool migp_chain_is_beginning(const struct migp_chain *chain)
{
    uint8_t head[MIGP_DRIVER_RECORD_HEAD] = {0};
    struct migp_driver_record record;

    if (chain->begun || chain->ended || chain->n_thing == 0) {
        return false;
    }
    /* what is plausible with zeros behind it is so with nothing else or with
     * other bytes; what is not, is not with any */
    memcpy(head, chain->thing, chain->n_thing);
    (void)migp_driver_record_parse(head, sizeof(head), &record);
    return migp_driver_record_plausible(&record);
}
