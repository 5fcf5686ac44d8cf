/* SPDX-License-Identifier: MIT */
#include "core/bytes.h"
#include "record/chain.h"

/*
 * One record: u64 size, u32 flags, u32 tag, all little-endian, and size bytes.
 * Source: linux v6.12 drivers/vfio/pci/mlx5/cmd.h "mlx5_vf_migration_header",
 * linux v6.14 drivers/vfio/pci/virtio/migrate.c "virtiovf_migration_header"
 * (facts only).
 */

/* [DR-1] */
int migp_driver_record_parse(const void *bytes, size_t size,
                             struct migp_driver_record *record)
{
    const uint8_t *at = bytes;

    if ((bytes == NULL && size > 0) || record == NULL) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    if (size < MIGP_DRIVER_RECORD_HEAD) {
        return MIGP_ERR_NEED_MORE;
    }
    record->size = migp_load_le64(at);
    record->flags = migp_load_le32(at + 8);
    record->tag = migp_load_le32(at + 12);
    return MIGP_OK;
}

/* [DR-2] */
bool migp_driver_record_plausible(const struct migp_driver_record *record)
{
    if (record->size > MIGP_DRIVER_RECORD_MAX) {
        return false;
    }
    return record->flags == MIGP_DRIVER_RECORD_OPTIONAL ||
           (record->flags == 0 && record->tag == 0);
}
