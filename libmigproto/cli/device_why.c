/* SPDX-License-Identifier: MIT */
#include "device_why.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* Of a path that is made here, or of a name in it. */
#define MAX_NAME 128
#define MAX_PATH 512

/* The drivers of Linux that can migrate a device, by PCI vendor and the class
 * of the function (0: any). vfio-pci itself never can.
 * Source: drivers/vfio/pci/ of linux, the drivers' names as sysfs has them. */
static const struct {
    unsigned int vendor;
    unsigned int base_class;
    const char *driver;
} variants[] = {
    {0x15b3, 0x00, "mlx5_vfio_pci"},     {0x1af4, 0x00, "virtio_vfio_pci"},
    {0x19e5, 0x00, "hisi_acc_vfio_pci"}, {0x1dd8, 0x00, "pds_vfio_pci"},
    {0x8086, 0x0b, "qat_vfio_pci"},      {0x8086, 0x03, "xe-vfio-pci"},
};

__attribute__((format(printf, 2, 3))) static void say(char why[MIGP_WHY_MAX],
                                                      const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(why, MIGP_WHY_MAX, format, arguments);
    va_end(arguments);
}

static const char *sysfs(void)
{
    const char *set = getenv("MIGPROTO_SYSFS");

    return set != NULL && set[0] != '\0' ? set : "/sys";
}

/* x stands for a hexadecimal digit. */
static bool has_shape(const char *name, const char *shape)
{
    size_t i;

    for (i = 0; shape[i] != '\0' && name[i] != '\0'; i++) {
        if (shape[i] == 'x' ? !isxdigit((unsigned char)name[i])
                            : name[i] != shape[i]) {
            return false;
        }
    }
    return shape[i] == name[i];
}

/* DDDD:BB:DD.F */
static bool is_pci_address(const char *name)
{
    return has_shape(name, "xxxx:xx:xx.x");
}

static unsigned int read_number(const char *address, const char *file)
{
    char path[MAX_PATH];
    unsigned int number = 0;
    char text[32];
    FILE *stream;

    (void)snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/%s", sysfs(),
                   address, file);
    stream = fopen(path, "re");
    if (stream != NULL) {
        if (fgets(text, sizeof(text), stream) != NULL) {
            number = (unsigned int)strtoul(text, NULL, 16);
        }
        (void)fclose(stream);
    }
    return number;
}

/* The driver that can migrate this function; NULL if none is known. */
static const char *find_variant(const char *address)
{
    unsigned int vendor = read_number(address, "vendor");
    unsigned int base_class = read_number(address, "class") >> 16;
    size_t i;

    for (i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
        if (variants[i].vendor == vendor &&
            (variants[i].base_class == 0 ||
             variants[i].base_class == base_class)) {
            return variants[i].driver;
        }
    }
    return NULL;
}

/* The name of the driver that a PCI function is bound to; "" if of none. */
static void find_driver(const char *address, char driver[MAX_NAME])
{
    char path[MAX_PATH];
    char target[PATH_MAX];
    const char *name;
    ssize_t size;

    (void)snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/driver", sysfs(),
                   address);
    size = readlink(path, target, sizeof(target) - 1);
    target[size > 0 ? size : 0] = '\0';
    name = strrchr(target, '/');
    (void)snprintf(driver, MAX_NAME, "%.*s", MAX_NAME - 1,
                   name != NULL ? name + 1 : target);
}

static void say_how_to_bind(char why[MIGP_WHY_MAX], const char *address,
                            const char *driver, const char *fact)
{
    const char *variant = find_variant(address);
    char unbind[MAX_PATH] = "";

    if (variant == NULL) {
        say(why,
            "%s; a device migrates if its driver is a VFIO variant driver "
            "(such as mlx5_vfio_pci), and none is known for PCI vendor %04x",
            fact, read_number(address, "vendor"));
        return;
    }
    if (driver[0] != '\0') {
        (void)snprintf(unbind, sizeof(unbind),
                       "echo %s > /sys/bus/pci/devices/%s/driver/unbind; ",
                       address, address);
    }
    say(why,
        "%s; bind the virtual function to its variant driver: modprobe %s; "
        "echo %s > /sys/bus/pci/devices/%s/driver_override; %secho %s > "
        "/sys/bus/pci/drivers_probe",
        fact, variant, variant, address, unbind, address);
}

/* What sysfs says against a PCI function. */
static void look_at_pci(const char *address, const struct migp_error *error,
                        char why[MIGP_WHY_MAX])
{
    char driver[MAX_NAME];
    char path[MAX_PATH];
    char fact[MAX_NAME + 64];

    (void)snprintf(path, sizeof(path), "%s/bus/pci/devices/%s", sysfs(),
                   address);
    if (access(path, F_OK) != 0) {
        say(why,
            "there is no PCI device %s; lspci -D lists what there is; virtual "
            "functions are made by writing their number to sriov_numvfs of "
            "the physical one",
            address);
        return;
    }
    find_driver(address, driver);
    if (driver[0] == '\0') {
        say_how_to_bind(why, address, driver, "no driver is bound to it");
    } else if (strstr(driver, "vfio") == NULL) {
        (void)snprintf(fact, sizeof(fact), "its driver %s is no VFIO driver",
                       driver);
        say_how_to_bind(why, address, driver, fact);
    } else if (error->code == MIGP_ERR_NO_MIGRATION) {
        (void)snprintf(fact, sizeof(fact), "its driver %s cannot migrate it",
                       driver);
        say_how_to_bind(why, address, driver, fact);
    }
}

/* A name that is found in sysfs: a PCI function or a mediated device. */
static void look_at_name(const char *name, const struct migp_error *error,
                         char why[MIGP_WHY_MAX])
{
    char path[MAX_PATH];

    if (is_pci_address(name)) {
        look_at_pci(name, error, why);
        return;
    }
    (void)snprintf(path, sizeof(path), "%s/bus/mdev/devices/%s", sysfs(), name);
    if (access(path, F_OK) != 0) {
        say(why,
            "there is no mediated device %s; the folder /sys/bus/mdev/devices "
            "has those that there are, and a PCI address is written as "
            "0000:3b:00.2",
            name);
    } else if (error->code == MIGP_ERR_NO_MIGRATION) {
        say(why, "the driver that made this mediated device has no migration: "
                 "nothing but another driver, or a newer one, helps");
    }
}

/* A file in /dev/vfio that cannot be opened. */
static void look_at_file(const char *path, char why[MIGP_WHY_MAX])
{
    if (access(path, F_OK) != 0) {
        say(why,
            "there is no %s; such a file appears when the device is bound to "
            "a VFIO driver%s",
            path,
            strncmp(path, "/dev/vfio/devices/", 18) == 0
                ? ", on Linux 6.6 and later with CONFIG_VFIO_DEVICE_CDEV"
                : "");
    } else if (access(path, R_OK | W_OK) != 0) {
        say(why,
            "no permission for %s; be root, or let your group have it: "
            "chown root:GROUP %s; chmod 660 %s",
            path, path, path);
    }
}

/* The name of the device behind a file in /dev/vfio: a group's is told with
 * it, a cdev's is where its link in sysfs ends. */
static bool name_behind(const char *spec, char name[MAX_NAME])
{
    const char *told = strstr(spec, ",name=");
    const char *file = strrchr(spec, '/');
    char path[MAX_PATH];
    char target[MAX_PATH];
    const char *last;
    ssize_t n;

    if (told != NULL) {
        told += strlen(",name=");
        (void)snprintf(name, MAX_NAME, "%.*s", (int)strcspn(told, ","), told);
        return name[0] != '\0';
    }
    (void)snprintf(path, sizeof(path), "%s/class/vfio-dev%s/device", sysfs(),
                   file);
    n = readlink(path, target, sizeof(target) - 1);
    if (n < 0) {
        return false;
    }
    target[n] = '\0';
    last = strrchr(target, '/');
    n = snprintf(name, MAX_NAME, "%s", last != NULL ? last + 1 : target);
    return n > 0 && n < MAX_NAME;
}

static void look_at_vfio(const char *spec, const struct migp_error *error,
                         char why[MIGP_WHY_MAX])
{
    char name[MAX_NAME];

    (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(spec, ","), spec);
    if (name[0] == '/') {
        look_at_file(name, why);
        if (why[0] == '\0' && name_behind(spec, name)) {
            look_at_name(name, error, why);
        }
    } else if (name[0] != '\0' && strchr(name, '/') == NULL) {
        look_at_name(name, error, why);
    }
}

/* VFIO's migration, version 2, came with Linux 5.18. */
static bool kernel_is_old(void)
{
    struct utsname name;
    char *end;
    unsigned long major;
    unsigned long minor;

    if (uname(&name) != 0) {
        return false;
    }
    major = strtoul(name.release, &end, 10);
    minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
    return major < 5 || (major == 5 && minor < 18);
}

/* What the errno alone tells, of a VFIO device of the kernel. */
static void explain_errno(const struct migp_error *error,
                          char why[MIGP_WHY_MAX])
{
    if (error->code == MIGP_ERR_NO_MIGRATION && kernel_is_old()) {
        say(why, "this kernel is too old: migration came with Linux 5.18");
    } else if (error->code == MIGP_ERR_NO_MIGRATION) {
        say(why,
            "vfio-pci itself has no migration: bind the virtual function to "
            "its variant driver, such as mlx5_vfio_pci, by driver_override");
    } else if (error->system_errno == EBUSY) {
        say(why, "another process has the device: a VMM that runs, perhaps; "
                 "use the fd that it has (vfio:fd:N), or end it");
    } else if (error->system_errno == EACCES || error->system_errno == EPERM) {
        say(why, "be root, or let your group have the files in /dev/vfio; all "
                 "devices of an IOMMU group must be bound to VFIO drivers, or "
                 "to none");
    } else if (error->system_errno == ENODEV) {
        say(why, "the group has no device of that name, or its driver was "
                 "unbound");
    }
}

/* An fd that a VMM, or a shell, was to hand over. */
static void explain_fd(const char *number, const struct migp_error *error,
                       char why[MIGP_WHY_MAX])
{
    if (error->system_errno == EBADF) {
        say(why,
            "this process has no fd %s: it must inherit it; a shell such as "
            "bash hands on what it opens behind the command: %s<>FILE",
            number, number);
    } else if (error->system_errno == ENOTTY) {
        say(why, "the fd must be of the device itself: what "
                 "VFIO_GROUP_GET_DEVICE_FD gave, or a bound file in "
                 "/dev/vfio/devices; a group's or a container's is none");
    }
}

static void explain_socket(const struct migp_error *error,
                           char why[MIGP_WHY_MAX])
{
    switch (error->system_errno) {
    case ENOENT:
        say(why, "there is no such socket: start the vfio-user server first");
        break;
    case ECONNREFUSED:
        say(why, "nobody listens on the socket: the vfio-user server has "
                 "ended, or serves somebody else");
        break;
    case EACCES:
    case EPERM:
        say(why, "no permission for the socket: be the server's user, or have "
                 "it opened to your group");
        break;
    default:
        if (error->code == MIGP_ERR_NO_MIGRATION) {
            say(why, "the vfio-user server offers no migration");
        }
    }
}

/* A word that is no spec, but looks like the rest of one. */
static void suggest_spec(const char *spec, char why[MIGP_WHY_MAX])
{
    if (is_pci_address(spec) || strncmp(spec, "/dev/vfio", 9) == 0) {
        say(why, "for a device of the kernel write vfio:%s", spec);
    } else if (has_shape(spec, "xx:xx.x")) {
        say(why, "for a device of the kernel write vfio:0000:%s", spec);
    }
}

/* The device was not opened, because only --reset-ok allows that. What was
 * found out without opening it, FACT; ADVICE, is the better reason, as
 * --reset-ok would not help. */
static void explain_refusal(struct migp_error *error, char why[MIGP_WHY_MAX])
{
    char *advice = strstr(why, "; ");

    if (advice == NULL) {
        say(why, "vfio-pci resets a device that is opened by its name; if "
                 "that may be, repeat with --reset-ok");
        return;
    }
    (void)snprintf(error->text, sizeof(error->text), "%.*s",
                   (int)(advice - why), why);
    memmove(why, advice + 2, strlen(advice + 2) + 1);
}

void migp_device_why(const char *spec, bool reset_ok, struct migp_error *error,
                     char why[MIGP_WHY_MAX])
{
    const bool misspelt =
        error->code == MIGP_ERR_INVALID_ARGUMENT && error->offset > 0;

    why[0] = '\0';
    if (strncmp(spec, "vfio-user:", 10) == 0) {
        explain_socket(error, why);
        return;
    }
    if (strncmp(spec, "vfio:", 5) != 0) {
        suggest_spec(spec, why);
        return;
    }
    if (misspelt) {
        return;
    }
    if (strncmp(spec, "vfio:fd:", 8) == 0) {
        explain_fd(spec + 8, error, why);
    } else {
        look_at_vfio(spec + 5, error, why);
        if (!reset_ok && error->code == MIGP_ERR_INVALID_ARGUMENT) {
            explain_refusal(error, why);
        }
    }
    if (why[0] == '\0') {
        explain_errno(error, why);
    }
}
