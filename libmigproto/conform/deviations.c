/* SPDX-License-Identifier: MIT */
#include "conform/deviations.h"

#include "conform/kit.h"

#include <string.h>

/*
 * Known by reading the drivers of Linux 6.12, virtio's of 6.13, and by asking
 * mtty. A driver that is repaired shows as XPASS.
 */
static const struct migp_deviation deviations[] = {
    {"mtty", 6, MIGP_ASPECT_REOPEN, true, "the state survives close and open",
     "mtty.c:1945-1957"},
    {"mtty", 19, MIGP_ASPECT_ZERO, true, "a read without pre-copy data gives 0",
     "mtty.c:909-921"},
    {"mtty", 30, MIGP_ASPECT_RULE, true,
     "bytes of a write that was refused stay, and load", "mtty.c:1052-1073"},
    {"mtty", 33, MIGP_ASPECT_RESTART | MIGP_ASPECT_REPORT, true,
     "DMA logging is a stub that keeps no state", "mtty.c:1287-1304"},
    {"mtty", 39, MIGP_ASPECT_REOPEN, true, "the state survives close and open",
     "mtty.c:1945-1957"},

    {"hisi", 19, MIGP_ASPECT_ZERO, true, "a read without pre-copy data gives 0",
     "hisi_acc_vfio_pci.c:870-884"},
    /* match_done stays set: a second load on one device checks nothing. */
    {"hisi", 28, MIGP_ASPECT_TRUNCATED | MIGP_ASPECT_HEADER, true,
     "40 bytes are accepted, and a second load is not checked",
     "hisi_acc_vfio_pci.c:389,429"},
    {"hisi", 30, MIGP_ASPECT_RULE, false,
     "bytes of a write that was refused stay, and load",
     "hisi_acc_vfio_pci.c:725-766"},

    {"qat", 19, MIGP_ASPECT_ZERO, true, "a read without pre-copy data gives 0",
     "qat/main.c:190-203"},
    {"qat", 26, MIGP_ASPECT_DIFFERS, false,
     "the tail of the stream is not state", "qat/main.c:378-381"},
    {"qat", 28, MIGP_ASPECT_EMPTY | MIGP_ASPECT_TRUNCATED, true,
     "bytes of an older stream stand in for missing ones",
     "qat/main.c:467-474"},

    {"mlx5", 26, MIGP_ASPECT_DIFFERS, false,
     "what the firmware gives need not be the same again", "the firmware"},
    {"mlx5", 28, MIGP_ASPECT_EMPTY | MIGP_ASPECT_TRUNCATED, true,
     "a stream that ends early is accepted", "mlx5/main.c:1175-1178"},

    {"virtio", 28, MIGP_ASPECT_EMPTY | MIGP_ASPECT_TRUNCATED, true,
     "a stream that ends early is accepted", "virtio/migrate.c of Linux 6.13"},

    /* What is missing reads as zeros; the rest is the firmware's to judge. */
    {"pds", 28,
     MIGP_ASPECT_EMPTY | MIGP_ASPECT_TRUNCATED | MIGP_ASPECT_HEADER |
         MIGP_ASPECT_TRAILING,
     false, "64 KiB go to the firmware, whatever was written",
     "pds/lm.c, pds/cmds.c"},
    {"pds", 37, MIGP_ASPECT_LASTS, true, "leaving STOP_COPY ends DMA logging",
     "pds/lm.c:425-429"},

    {"igb", 19, MIGP_ASPECT_ZERO, true, "a read without pre-copy data gives 0",
     "vfio-pci-extras"},
    {"igb", 24, MIGP_ASPECT_ZERO, true, "initial_bytes is 0 from the start",
     "vfio-pci-extras"},
};

struct driver_names {
    const char *driver;
    const char *fd_name;
    const char *module;
};

static const struct driver_names drivers[] = {
    {"mtty", "mtty_mig", "mtty"},
    {"mlx5", "mlx5vf_mig", "mlx5_vfio_pci"},
    {"hisi", "hisi_acc_vf_mig", "hisi_acc_vfio_pci"},
    {"pds", "pds_vfio_lm", "pds_vfio_pci"},
    {"qat", "qat_vf_mig", "qat_vfio_pci"},
    {"virtio", "virtiovf_mig", "virtio_vfio_pci"},
    {"xe", "xe_vfio_mig", "xe_vfio_pci"},
    {"igb", "igb_mig", "igb_vfio_pci"},
};

const struct migp_deviation *migp_deviation_at(size_t index)
{
    return index < sizeof(deviations) / sizeof(deviations[0])
               ? &deviations[index]
               : NULL;
}

const char *migp_deviation_driver(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
        if (strcmp(name, drivers[i].driver) == 0 ||
            strcmp(name, drivers[i].fd_name) == 0 ||
            strcmp(name, drivers[i].module) == 0) {
            return drivers[i].driver;
        }
    }
    return NULL;
}

const struct migp_deviation *migp_deviation_find(const char *driver,
                                                 uint32_t number)
{
    size_t i;

    for (i = 0; i < sizeof(deviations) / sizeof(deviations[0]); i++) {
        if (deviations[i].number == number &&
            strcmp(deviations[i].driver, driver) == 0) {
            return &deviations[i];
        }
    }
    return NULL;
}
