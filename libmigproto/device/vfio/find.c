/* SPDX-License-Identifier: MIT */
#include "core/error.h"
#include "device/vfio/vfio.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Where devices that have no cdev in their own names lie. Source: Linux
 * Documentation/ABI/testing/sysfs-bus-pci, sysfs-bus-vfio-mdev,
 * sysfs-devices-vfio-dev. */
static const char *const bus_list[] = {
    "/sys/bus/pci/devices",
    "/sys/bus/mdev/devices",
};

#define N_BUSES (sizeof(bus_list) / sizeof(bus_list[0]))
#define LINK_MAX 512

/* Longest of them is a bus, a name and a member. */
#define SYS_PATH_MAX (MIGP_VFIO_PATH_MAX + MIGP_VFIO_NAME_MAX)

/* The last part of what a link points to. False: no such link, or too long. */
static bool link_name(const struct migp_vfio *vfio, const char *path,
                      char *name, size_t room)
{
    char text[LINK_MAX];
    const char *last;
    migp_ssize n;
    size_t i;

    n = vfio->sys.readlink(vfio->sys.user, path, text, sizeof(text));
    if (n <= 0 || n >= (migp_ssize)sizeof(text)) {
        return false;
    }
    text[n] = '\0';
    last = strrchr(text, '/');
    last = last != NULL ? last + 1 : text;
    if (last[0] == '\0' || strlen(last) >= room) {
        return false;
    }
    memset(name, 0, room);
    for (i = 0; last[i] != '\0'; i++) {
        /* It will be printed. */
        name[i] = '?';
        if (last[i] > ' ' && last[i] < 0x7f) {
            name[i] = last[i];
        }
    }
    return true;
}

static bool find_cdev(struct migp_vfio *vfio, const char *bus)
{
    char directory[SYS_PATH_MAX];
    char name[64];

    (void)snprintf(directory, sizeof(directory), "%s/%s/vfio-dev", bus,
                   vfio->name);
    memset(name, 0, sizeof(name));
    if (vfio->sys.find_name(vfio->sys.user, directory, "vfio", name,
                            sizeof(name)) < 0) {
        return false;
    }
    name[sizeof(name) - 1] = '\0';
    if (strncmp(name, "vfio", 4) != 0 || strchr(name, '/') != NULL) {
        return false;
    }
    (void)snprintf(vfio->cdev_path, sizeof(vfio->cdev_path),
                   "/dev/vfio/devices/%s", name);
    return true;
}

static bool find_group(struct migp_vfio *vfio, const char *bus)
{
    char path[SYS_PATH_MAX];
    char group[32];

    (void)snprintf(path, sizeof(path), "%s/%s/iommu_group", bus, vfio->name);
    if (!link_name(vfio, path, group, sizeof(group))) {
        return false;
    }
    (void)snprintf(vfio->group_path, sizeof(vfio->group_path), "/dev/vfio/%s",
                   group);
    return true;
}

int migp_vfio_find(struct migp_vfio *vfio, struct migp_error *error)
{
    bool found = false;
    size_t i;

    for (i = 0; i < N_BUSES && !found; i++) {
        found = find_cdev(vfio, bus_list[i]);
        found = find_group(vfio, bus_list[i]) || found;
    }
    if (!found) {
        return migp_error_say(
            error, MIGP_ERR_SYSTEM, ENOENT,
            "%s: not in /sys/bus/pci/devices or /sys/bus/mdev/devices, or "
            "without an IOMMU group (is the IOMMU on?)",
            vfio->name);
    }
    return MIGP_OK;
}

/* A cdev's own name, from the path that opened it or that a fd has. */
static bool cdev_name(const struct migp_vfio *vfio, char *name, size_t room)
{
    char path[32];
    const char *last;

    if (vfio->own_device) {
        last = strrchr(vfio->cdev_path, '/');
        if (last == NULL || strlen(last + 1) >= room) {
            return false;
        }
        memcpy(name, last + 1, strlen(last + 1) + 1);
    } else {
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", vfio->device_fd);
        if (!link_name(vfio, path, name, room)) {
            return false;
        }
    }
    return strncmp(name, "vfio", 4) == 0;
}

void migp_vfio_find_driver(struct migp_vfio *vfio)
{
    char path[SYS_PATH_MAX];
    char name[64];
    size_t i;

    if (vfio->name[0] == '\0' && cdev_name(vfio, name, sizeof(name))) {
        (void)snprintf(path, sizeof(path), "/sys/class/vfio-dev/%s/device",
                       name);
        (void)link_name(vfio, path, vfio->name, sizeof(vfio->name));
        (void)snprintf(path, sizeof(path),
                       "/sys/class/vfio-dev/%s/device/driver", name);
        (void)link_name(vfio, path, vfio->driver, sizeof(vfio->driver));
    }
    for (i = 0; i < N_BUSES; i++) {
        if (vfio->name[0] == '\0' || vfio->driver[0] != '\0') {
            return;
        }
        (void)snprintf(path, sizeof(path), "%s/%s/driver", bus_list[i],
                       vfio->name);
        (void)link_name(vfio, path, vfio->driver, sizeof(vfio->driver));
    }
}
