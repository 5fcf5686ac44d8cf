/* SPDX-License-Identifier: MIT */
#include "device/sim/simulated.h"
#include "device/uapi.h"

#include <errno.h>
#include <migproto/vfio.h>
#include <string.h>

/* What a device is besides migration: BAR 0 and config space. */

/* As vfio-pci numbers them: six BARs, ROM, config space, VGA; five kinds of
 * interrupt. */
#define REGIONS 9
#define INTERRUPTS 5
#define REGION_SHIFT 40

#define CONFIG_COMMAND 4
#define CONFIG_CLASS 10
#define CONFIG_BAR0 16
#define CONFIG_LATENCY 12
#define CONFIG_LINE 60

/* Everything a kernel of vfio-pci asks for ends before the pointer to
 * capabilities, which older users do not know. */
#define DEVICE_INFO_MIN 16

void migp_sim_config_fill(struct migp_sim *sim)
{
    uint8_t *config = sim->config;

    memset(config, 0, sizeof(sim->config));
    config[0] = (uint8_t)sim->quirk->vendor;
    config[1] = (uint8_t)(sim->quirk->vendor >> 8);
    config[2] = (uint8_t)sim->quirk->product;
    config[3] = (uint8_t)(sim->quirk->product >> 8);
    config[CONFIG_CLASS] = 0x80; /* an unassigned class: other */
    config[CONFIG_CLASS + 1] = 0xff;
}

static uint64_t region_size(const struct migp_sim *sim, uint64_t index)
{
    switch (index) {
    case MIGP_VFIO_REGION_BAR0:
        return sim->quirk->bar_size;
    case MIGP_VFIO_REGION_CONFIG:
        return SIM_CONFIG_SIZE;
    default:
        return 0;
    }
}

static int get_info(void *arg)
{
    struct migp_vfio_device_info info;

    memcpy(&info, arg, DEVICE_INFO_MIN);
    if (info.argsz < DEVICE_INFO_MIN) {
        return -EINVAL;
    }
    info.flags = MIGP_VFIO_DEVICE_FLAGS_RESET | MIGP_VFIO_DEVICE_FLAGS_PCI;
    info.num_regions = REGIONS;
    info.num_irqs = INTERRUPTS;
    info.cap_offset = 0;
    info.pad = 0;
    memcpy(arg, &info,
           info.argsz < sizeof(info) ? DEVICE_INFO_MIN : sizeof(info));
    return 0;
}

static int get_region_info(const struct migp_sim *sim, void *arg)
{
    struct migp_vfio_region_info info;

    memcpy(&info, arg, sizeof(info));
    if (info.argsz < sizeof(info) || info.index >= REGIONS) {
        return -EINVAL;
    }
    info.size = region_size(sim, info.index);
    info.flags = info.size > 0
                     ? MIGP_VFIO_REGION_FLAG_READ | MIGP_VFIO_REGION_FLAG_WRITE
                     : 0;
    info.offset = (uint64_t)info.index << REGION_SHIFT;
    info.cap_offset = 0;
    memcpy(arg, &info, sizeof(info));
    return 0;
}

int migp_sim_device_ioctl(struct migp_sim *sim, unsigned long request,
                          void *arg)
{
    if (request != MIGP_VFIO_DEVICE_GET_INFO &&
        request != MIGP_VFIO_DEVICE_GET_REGION_INFO) {
        return -ENOTTY;
    }
    if (migp_sim_bad_pointer(arg)) {
        return -EFAULT;
    }
    return request == MIGP_VFIO_DEVICE_GET_INFO ? get_info(arg)
                                                : get_region_info(sim, arg);
}

/* The command, what is for the BIOS to note, and BAR 0's address. */
static bool config_writable(size_t at)
{
    return at == CONFIG_COMMAND || at == CONFIG_COMMAND + 1 ||
           at == CONFIG_LATENCY || at == CONFIG_LINE ||
           (at >= CONFIG_BAR0 + 2 && at < CONFIG_BAR0 + 4);
}

static void write_config(struct migp_sim *sim, size_t at, const uint8_t *bytes,
                         size_t size)
{
    size_t i;

    for (i = 0; i < size; i++) {
        if (config_writable(at + i)) {
            sim->config[at + i] = bytes[i];
        }
    }
}

/* bytes: to read into; NULL: given is written. */
migp_ssize migp_sim_region_access(struct migp_sim *sim, void *bytes,
                                  const void *given, size_t size,
                                  uint64_t offset)
{
    uint64_t index = offset >> REGION_SHIFT;
    uint64_t at = offset & ((UINT64_C(1) << REGION_SHIFT) - 1);
    uint64_t end = region_size(sim, index);
    bool config = index == MIGP_VFIO_REGION_CONFIG;
    uint8_t *region = config ? sim->config : sim->content.bar;

    if (at >= end) {
        return -EINVAL;
    }
    if (sim_broken(sim, SIM_BREAK_REGION) && !migp_sim_running(sim)) {
        return -EIO;
    }
    size = end - at < size ? (size_t)(end - at) : size;
    if (size == 0) {
        return 0;
    }
    if (bytes != NULL) {
        memcpy(bytes, region + at, size);
    } else if (config) {
        write_config(sim, (size_t)at, given, size);
    } else {
        memcpy(region + at, given, size);
    }
    return (migp_ssize)size;
}
