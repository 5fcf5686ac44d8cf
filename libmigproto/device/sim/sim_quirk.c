/* SPDX-License-Identifier: MIT */
#include "device/sim/simulated.h"

#include <errno.h>
#include <string.h>

/*
 * How drivers differ, as data. Source: docs/protocol.md (the drivers' streams
 * and their behaviour at bad data, as read in linux v6.12 and later, and as
 * mtty answered on a real kernel).
 */

#define STOP_COPY MIGP_MIGRATION_STOP_COPY
#define P2P MIGP_MIGRATION_P2P
#define PRE_COPY MIGP_MIGRATION_PRE_COPY

static const struct sim_quirk none = {
    .name = "",
    .fd_name = "sim_mig",
    .family = &migp_sim_family_segments,
    .migration = STOP_COPY | P2P | PRE_COPY,
    .logging = SIM_LOGGING_REAL,
    .vendor = 0x1d55,
    .product = 0x5349,
    .bar_size = SIM_BAR_SIZE,
    .state_size = SIM_BAR_SIZE,
};

static const struct sim_quirk drivers[] = {
    {
        .name = "mtty",
        .fd_name = "mtty_mig",
        .family = &migp_sim_family_image,
        .image = &migp_sim_image_mtty,
        .migration = STOP_COPY | P2P | PRE_COPY,
        .bits = SIM_QUIRK_ZERO_FOR_ENOMSG | SIM_QUIRK_STATE_SURVIVES |
                SIM_QUIRK_KEEPS_CONTENT | SIM_QUIRK_NO_PRECOPY_V2,
        .logging = SIM_LOGGING_STUB,
        .vendor = 0x4348,
        .product = 0x3253,
        .bar_size = 8,
        .state_size = 36,
        .fixed_size = 60,
        .fixed_initial = 24,
        .refusal = EFAULT,
        .overflow = ENOMEM,
        .load_failure = EINVAL,
    },
    {
        .name = "mlx5",
        .fd_name = "mlx5vf_mig",
        .family = &migp_sim_family_chain,
        .migration = STOP_COPY | P2P | PRE_COPY,
        .bits = SIM_QUIRK_INFO_STARTS | SIM_QUIRK_POLL | SIM_QUIRK_REINIT |
                SIM_QUIRK_SIZE_RECORD,
        .logging = SIM_LOGGING_REAL,
        .vendor = 0x15b3,
        .product = 0x101e,
        .bar_size = SIM_BAR_SIZE,
        .state_size = SIM_BAR_SIZE,
        .unmeasured = 16,
    },
    {
        .name = "virtio",
        .fd_name = "virtiovf_mig",
        .family = &migp_sim_family_chain,
        .migration = STOP_COPY | P2P | PRE_COPY,
        .bits = SIM_QUIRK_INFO_STARTS | SIM_QUIRK_WHOLE_RECORDS,
        .logging = SIM_LOGGING_NONE,
        .vendor = 0x1af4,
        .product = 0x1041,
        .bar_size = SIM_BAR_SIZE,
        .state_size = SIM_BAR_SIZE,
        .unmeasured = 16,
    },
    {
        .name = "hisi",
        .fd_name = "hisi_acc_vf_mig",
        .family = &migp_sim_family_image,
        .image = &migp_sim_image_hisi,
        .migration = STOP_COPY | PRE_COPY,
        .bits = SIM_QUIRK_ZERO_FOR_ENOMSG | SIM_QUIRK_NO_PRECOPY_V2,
        .logging = SIM_LOGGING_NONE,
        .vendor = 0x19e5,
        .product = 0xa256,
        .bar_size = 64,
        .state_size = 136,
        .fixed_size = 176,
        .fixed_initial = 40,
        .refusal = EFAULT,
        .overflow = ENOMEM,
        .load_failure = EINVAL,
    },
    {
        .name = "qat",
        .fd_name = "qat_vf_mig",
        .family = &migp_sim_family_image,
        .image = &migp_sim_image_qat,
        .migration = STOP_COPY | P2P | PRE_COPY,
        .bits = SIM_QUIRK_ZERO_FOR_ENOMSG | SIM_QUIRK_NO_PRECOPY_V2 |
                SIM_QUIRK_STALE,
        .logging = SIM_LOGGING_NONE,
        .vendor = 0x8086,
        .product = 0x4941,
        .bar_size = 256,
        .state_size = 256,
        .fixed_size = 4096,
        .fixed_initial = 92,
        .refusal = EINVAL,
        .overflow = ENOMEM,
        .load_failure = EINVAL,
    },
    {
        .name = "pds",
        .fd_name = "pds_vfio_lm",
        .family = &migp_sim_family_image,
        .image = &migp_sim_image_pds,
        .migration = STOP_COPY | P2P,
        .bits = SIM_QUIRK_ERROR_STATE | SIM_QUIRK_NO_PRECOPY_V2 |
                SIM_QUIRK_SHORT_WRITE | SIM_QUIRK_LOG_ENDS,
        .logging = SIM_LOGGING_ONE_RANGE,
        .vendor = 0x1dd8,
        .product = 0x1003,
        .bar_size = SIM_BAR_SIZE,
        .state_size = SIM_BAR_SIZE,
        .fixed_size = 65536,
        .overflow = EINVAL,
        .load_failure = EIO,
    },
};

const struct sim_quirk *migp_sim_quirk_none(void)
{
    return &none;
}

const struct sim_quirk *migp_sim_quirk_find(const char *name, size_t n)
{
    size_t i;

    for (i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
        if (strlen(drivers[i].name) == n &&
            memcmp(drivers[i].name, name, n) == 0) {
            return &drivers[i];
        }
    }
    return NULL;
}
