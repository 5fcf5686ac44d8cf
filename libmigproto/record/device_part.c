/* SPDX-License-Identifier: MIT */
#include "core/bytes.h"
#include "record/chain.h"

/*
 * virtio's DEVICE_DATA is a run of device parts: u16 kind, u8 flags, u8
 * reserved, 8 bytes of selector, u32 length, all little-endian, and length
 * bytes. Source: virtio 1.4, "Device parts". A firmware image of mlx5 does not
 * look like that from its first byte to its last.
 */

#define PART_DEV_FEATURES 0x100 /* the first of the common parts */
#define PART_KINDS_END 0x600    /* behind the parts of device types */
#define PART_OPTIONAL 1

/* [DR-4] */
bool migp_device_part_head(const uint8_t *bytes, uint64_t *length)
{
    uint16_t kind = migp_load_le16(bytes);

    if (kind < PART_DEV_FEATURES || kind >= PART_KINDS_END ||
        (bytes[2] & ~PART_OPTIONAL) != 0 || bytes[3] != 0) {
        return false;
    }
    *length = migp_load_le32(bytes + 12);
    return true;
}
