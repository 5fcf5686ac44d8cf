/* SPDX-License-Identifier: MIT */

/* Every way to open a device: which calls, with which bytes, in which order;
 * each of them failing; what is closed then, and in which order. */

#include "unit/cmocka_all.h"

#include "device/vfio/vfio.h"
#include "support/alloc_fail.h"
#include "support/script_sys.h"

#include <errno.h>
#include <migproto/vfio.h>
#include <string.h>

#define ADDRESS "0000:3b:00.2"
#define UUID "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"
#define PCI_DEVICES "/sys/bus/pci/devices/"
#define MDEV_DEVICES "/sys/bus/mdev/devices/"

/* Bytes from the layouts of spec 1.2 and linux v6.12 include/uapi/linux/vfio.h
 * (VFIO_DEVICE_GET_INFO, VFIO_DEVICE_GET_REGION_INFO), little-endian. */
#define GET_INFO(FD, FLAGS)                                                    \
    {                                                                          \
        .call = "ioctl", .fd = (FD), .request = 0x3b6b,                        \
        .in = "18000000 00000000 00000000 00000000 00000000 00000000",         \
        .out = "xxxxxxxx " FLAGS " 09000000 05000000"                          \
    }
#define CONFIG_INFO(FD)                                                        \
    {                                                                          \
        .call = "ioctl", .fd = (FD), .request = 0x3b6c,                        \
        .in = "20000000 00000000 07000000 00000000"                            \
              "00000000 00000000 00000000 00000000",                           \
        .out = "xxxxxxxx 03000000 xxxxxxxx xxxxxxxx"                           \
               "00010000 00000000 00000000 00070000"                           \
    }
#define CONFIG_READ(FD)                                                        \
    {                                                                          \
        .call = "pread", .fd = (FD), .number = 0x70000000000,                  \
        .out = "b3151e10", .result = 4                                         \
    }
#define ABOUT(FD) GET_INFO(FD, "03000000"), CONFIG_INFO(FD), CONFIG_READ(FD)
#define OPEN(PATH, FD)                                                         \
    {                                                                          \
        .call = "open", .text = (PATH), .result = (FD)                         \
    }
#define LINK(PATH, TARGET)                                                     \
    {                                                                          \
        .call = "readlink", .text = (PATH), .out = (TARGET)                    \
    }
#define NO_LINK(PATH)                                                          \
    {                                                                          \
        .call = "readlink", .text = (PATH), .result = -ENOENT                  \
    }
#define FIND(DIRECTORY, NAME)                                                  \
    {                                                                          \
        .call = "find_name", .text = (DIRECTORY), .in = "'vfio", .out = (NAME) \
    }
#define NOT_FOUND(DIRECTORY)                                                   \
    {                                                                          \
        .call = "find_name", .text = (DIRECTORY), .result = -ENOENT            \
    }
#define DRIVER_LINK "../../../../bus/pci/drivers/mlx5_vfio_pci"

#define BIND(FD, IOMMUFD)                                                      \
    {                                                                          \
        .call = "ioctl", .fd = (FD), .request = 0x3b76,                        \
        .in = "10000000 00000000 " IOMMUFD "000000 00000000",                  \
        .out = "xxxxxxxx xxxxxxxx xxxxxxxx 01000000"                           \
    }
#define CDEV_STEPS                                                             \
    OPEN("/dev/vfio/devices/vfio0", 10), OPEN("/dev/iommu", 11),               \
        BIND(10, "0b"), ABOUT(10),                                             \
        LINK("/sys/class/vfio-dev/vfio0/device", "../../../" ADDRESS),         \
        LINK("/sys/class/vfio-dev/vfio0/device/driver", DRIVER_LINK)

#define CONTAINER_ASK(FD)                                                      \
    {.call = "ioctl", .fd = (FD), .request = 0x3b64, .result = 0},             \
    {                                                                          \
        .call = "ioctl", .fd = (FD), .request = 0x3b65, .number = 3,           \
        .result = 1                                                            \
    }
#define GROUP_STATUS(FD, FLAGS)                                                \
    {                                                                          \
        .call = "ioctl", .fd = (FD), .request = 0x3b67,                        \
        .in = "08000000 00000000", .out = "xxxxxxxx " FLAGS                    \
    }
#define GROUP_JOIN(GROUP, CONTAINER)                                           \
    {                                                                          \
        .call = "ioctl", .fd = (GROUP), .request = 0x3b68,                     \
        .in = CONTAINER "000000"                                               \
    }
#define SET_IOMMU(CONTAINER, RESULT)                                           \
    {                                                                          \
        .call = "ioctl", .fd = (CONTAINER), .request = 0x3b66, .number = 3,    \
        .result = (RESULT)                                                     \
    }
#define DEVICE_FD(GROUP, NAME, FD)                                             \
    {                                                                          \
        .call = "ioctl", .fd = (GROUP), .request = 0x3b6a, .in = "'" NAME,     \
        .result = (FD), .opens = (FD)                                          \
    }
#define GROUP_STEPS                                                            \
    OPEN("/dev/vfio/vfio", 10), CONTAINER_ASK(10), OPEN("/dev/vfio/12", 11),   \
        GROUP_STATUS(11, "01000000"), GROUP_JOIN(11, "0a"), SET_IOMMU(10, 0),  \
        DEVICE_FD(11, ADDRESS, 12), ABOUT(12),                                 \
        LINK(PCI_DEVICES ADDRESS "/driver", DRIVER_LINK)

static struct script script;

static struct migp_vfio_options options_for(void)
{
    struct migp_vfio_options how;

    migp_vfio_options_init(&how);
    how.sys = &script.sys;
    how.flags = MIGP_VFIO_RESET_OK;
    return how;
}

static struct migp_vfio_options cdev_options(void)
{
    struct migp_vfio_options how = options_for();

    how.cdev_path = "/dev/vfio/devices/vfio0";
    return how;
}

static struct migp_vfio_options group_options(void)
{
    struct migp_vfio_options how = options_for();

    how.group_path = "/dev/vfio/12";
    how.name = ADDRESS;
    return how;
}

static struct migp_vfio *open_well(const struct migp_vfio_options *how)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_vfio *vfio = NULL;

    if (migp_vfio_open(&vfio, how, &error) != MIGP_OK) {
        fail_msg("%s", error.text);
    }
    script_end(&script);
    return vfio;
}

static void open_badly(const struct migp_vfio_options *how, int code,
                       int number, const char *part)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_vfio *vfio = (void *)&error;

    assert_int_equal(migp_vfio_open(&vfio, how, &error), code);
    assert_null(vfio);
    assert_int_equal(error.code, code);
    assert_int_equal(error.system_errno, number);
    if (strstr(error.text, part) == NULL) {
        fail_msg("'%s' does not say '%s'", error.text, part);
    }
    script_end(&script);
}

static void assert_closed(const int *fds, size_t n)
{
    size_t i;

    assert_int_equal(script.n_closed, n);
    for (i = 0; i < n; i++) {
        assert_int_equal(script.closed[i], fds[i]);
    }
    assert_int_equal(script.bad_closes, 0);
}

static struct migp_device_caps caps_of(struct migp_vfio *vfio)
{
    struct migp_device_caps caps = {.struct_size = sizeof(caps)};

    /* MIGRATION: STOP_COPY and no other feature. */
    SCRIPT_MORE(&script,
                {.call = "ioctl",
                 .fd = migp_vfio_fd(vfio),
                 .request = 0x3b75,
                 .in = "10000000 01000100 00000000 00000000",
                 .out = "xxxxxxxx xxxxxxxx 01000000 00000000"},
                {.call = "ioctl",
                 .fd = migp_vfio_fd(vfio),
                 .request = 0x3b75,
                 .in = "08000000 09000500",
                 .result = -ENOTTY},
                {.call = "ioctl",
                 .fd = migp_vfio_fd(vfio),
                 .request = 0x3b75,
                 .in = "08000000 06000600",
                 .result = -ENOTTY});
    assert_int_equal(migp_vfio_ops()->caps(vfio, &caps), 0);
    script_end(&script);
    return caps;
}

static void test_open__cdev(void **state)
{
    const struct migp_vfio_options how = cdev_options();
    struct migp_device_caps caps;
    struct migp_vfio *vfio;

    (void)state;
    SCRIPT(&script, CDEV_STEPS);
    vfio = open_well(&how);
    assert_int_equal(migp_vfio_fd(vfio), 10);
    caps = caps_of(vfio);
    assert_string_equal(caps.backend, "vfio");
    assert_string_equal(caps.driver, "mlx5_vfio_pci");
    assert_string_equal(caps.name, ADDRESS);
    assert_int_equal(caps.vendor, 0x15b3);
    assert_int_equal(caps.product, 0x101e);
    assert_int_equal(caps.features, MIGP_HAS_RESET);
    migp_vfio_close(vfio);
    assert_closed((const int[]){10, 11}, 2);
}

static void test_open__cdev_with_the_callers_iommufd(void **state)
{
    struct migp_vfio_options how = cdev_options();

    (void)state;
    SCRIPT(&script, OPEN("/dev/vfio/devices/vfio0", 10), BIND(10, "20"),
           ABOUT(10), NO_LINK("/sys/class/vfio-dev/vfio0/device"),
           NO_LINK("/sys/class/vfio-dev/vfio0/device/driver"));
    script_own(&script, 32);
    how.iommufd = 32;
    migp_vfio_close(open_well(&how));
    assert_closed((const int[]){10}, 1);
    assert_true(script.open[32]);
}

static void test_open__group(void **state)
{
    const struct migp_vfio_options how = group_options();
    struct migp_device_caps caps;
    struct migp_vfio *vfio;

    (void)state;
    SCRIPT(&script, GROUP_STEPS);
    vfio = open_well(&how);
    assert_int_equal(migp_vfio_fd(vfio), 12);
    caps = caps_of(vfio);
    assert_string_equal(caps.driver, "mlx5_vfio_pci");
    assert_string_equal(caps.name, ADDRESS);
    migp_vfio_close(vfio);
    assert_closed((const int[]){12, 11, 10}, 3);
}

static void test_open__group_with_vf_token(void **state)
{
    struct migp_vfio_options how = group_options();

    (void)state;
    how.vf_token = UUID;
    SCRIPT(&script, OPEN("/dev/vfio/vfio", 10), CONTAINER_ASK(10),
           OPEN("/dev/vfio/12", 11), GROUP_STATUS(11, "01000000"),
           GROUP_JOIN(11, "0a"), SET_IOMMU(10, 0),
           DEVICE_FD(11, ADDRESS " vf_token=" UUID, 12), ABOUT(12),
           NO_LINK(PCI_DEVICES ADDRESS "/driver"),
           LINK(MDEV_DEVICES ADDRESS "/driver", "drivers/some"));
    migp_vfio_close(open_well(&how));
    assert_int_equal(script_open_fds(&script), 0);
}

static void test_open__group_comes_into_the_callers_container(void **state)
{
    struct migp_vfio_options how = group_options();

    (void)state;
    how.container_fd = 32;
    /* It has an IOMMU from another group. */
    SCRIPT(&script, CONTAINER_ASK(32), OPEN("/dev/vfio/12", 11),
           GROUP_STATUS(11, "01000000"), GROUP_JOIN(11, "20"),
           SET_IOMMU(32, -EINVAL), DEVICE_FD(11, ADDRESS, 12), ABOUT(12),
           LINK(PCI_DEVICES ADDRESS "/driver", DRIVER_LINK));
    script_own(&script, 32);
    migp_vfio_close(open_well(&how));
    assert_closed((const int[]){12, 11}, 2);
}

static void test_open__group_is_in_the_callers_container(void **state)
{
    struct migp_vfio_options how = group_options();

    (void)state;
    how.container_fd = 32;
    SCRIPT(&script, CONTAINER_ASK(32), OPEN("/dev/vfio/12", 11),
           GROUP_STATUS(11, "03000000"), DEVICE_FD(11, ADDRESS, 12), ABOUT(12),
           LINK(PCI_DEVICES ADDRESS "/driver", DRIVER_LINK));
    script_own(&script, 32);
    migp_vfio_close(open_well(&how));
    assert_closed((const int[]){12, 11}, 2);
}

static void test_open__adopted(void **state)
{
    struct migp_vfio_options how = options_for();
    struct migp_device_caps caps;
    struct migp_vfio *vfio;

    (void)state;
    how.flags = 0;
    how.device_fd = 20;
    SCRIPT(&script, GET_INFO(20, "00000000"),
           LINK("/proc/self/fd/20", "anon_inode:[vfio-device]"));
    script_own(&script, 20);
    vfio = open_well(&how);
    caps = caps_of(vfio);
    assert_string_equal(caps.driver, "");
    assert_string_equal(caps.name, "");
    assert_int_equal(caps.vendor, 0);
    assert_int_equal(migp_vfio_reopen(vfio, NULL), MIGP_ERR_UNSUPPORTED);
    migp_vfio_close(vfio);
    assert_closed(NULL, 0);
    assert_true(script.open[20]);
}

static void test_open__adopted_cdev_has_a_name(void **state)
{
    struct migp_vfio_options how = options_for();
    struct migp_device_caps caps;
    struct migp_vfio *vfio;

    (void)state;
    how.device_fd = 20;
    SCRIPT(&script, ABOUT(20),
           LINK("/proc/self/fd/20", "/dev/vfio/devices/vfio7"),
           LINK("/sys/class/vfio-dev/vfio7/device", "../../../" ADDRESS),
           LINK("/sys/class/vfio-dev/vfio7/device/driver", DRIVER_LINK));
    vfio = open_well(&how);
    caps = caps_of(vfio);
    assert_string_equal(caps.driver, "mlx5_vfio_pci");
    assert_string_equal(caps.name, ADDRESS);
    migp_vfio_close(vfio);
}

static void test_open__adopted_is_no_device(void **state)
{
    struct migp_vfio_options how = options_for();

    (void)state;
    how.device_fd = 20;
    SCRIPT(&script, {.call = "ioctl",
                     .fd = 20,
                     .request = 0x3b6b,
                     .in = "18000000",
                     .result = -ENOTTY});
    open_badly(&how, MIGP_ERR_SYSTEM, ENOTTY, "no fd of a VFIO device");
    SCRIPT(&script, {.call = "ioctl",
                     .fd = 20,
                     .request = 0x3b6b,
                     .in = "18000000",
                     .result = -EINVAL});
    open_badly(&how, MIGP_ERR_SYSTEM, EINVAL, "bound to an iommufd");
    assert_closed(NULL, 0);
}

static void test_open__name_with_a_cdev(void **state)
{
    struct migp_vfio_options how = options_for();

    (void)state;
    how.name = ADDRESS;
    SCRIPT(&script, FIND(PCI_DEVICES ADDRESS "/vfio-dev", "vfio0"),
           NO_LINK(PCI_DEVICES ADDRESS "/iommu_group"),
           OPEN("/dev/vfio/devices/vfio0", 10), OPEN("/dev/iommu", 11),
           BIND(10, "0b"), ABOUT(10),
           LINK(PCI_DEVICES ADDRESS "/driver", DRIVER_LINK));
    migp_vfio_close(open_well(&how));
    assert_closed((const int[]){10, 11}, 2);
}

/* A kernel with cdevs, and no /dev/iommu in this container. */
static void test_open__name_falls_back_to_its_group(void **state)
{
    struct migp_vfio_options how = options_for();

    (void)state;
    how.name = ADDRESS;
    SCRIPT(&script, FIND(PCI_DEVICES ADDRESS "/vfio-dev", "vfio0"),
           LINK(PCI_DEVICES ADDRESS "/iommu_group",
                "../../../kernel/iommu_groups/12"),
           OPEN("/dev/vfio/devices/vfio0", 9), OPEN("/dev/iommu", -ENOENT),
           GROUP_STEPS);
    migp_vfio_close(open_well(&how));
    assert_closed((const int[]){9, 12, 11, 10}, 4);
}

static void test_open__name_of_an_mdev(void **state)
{
    struct migp_vfio_options how = options_for();

    (void)state;
    how.name = UUID;
    SCRIPT(&script, NOT_FOUND(PCI_DEVICES UUID "/vfio-dev"),
           NO_LINK(PCI_DEVICES UUID "/iommu_group"),
           NOT_FOUND(MDEV_DEVICES UUID "/vfio-dev"),
           LINK(MDEV_DEVICES UUID "/iommu_group",
                "../../../kernel/iommu_groups/3"),
           OPEN("/dev/vfio/vfio", 10), CONTAINER_ASK(10),
           OPEN("/dev/vfio/3", 11), GROUP_STATUS(11, "01000000"),
           GROUP_JOIN(11, "0a"), SET_IOMMU(10, 0), DEVICE_FD(11, UUID, 12),
           GET_INFO(12, "02000000"), CONFIG_INFO(12), CONFIG_READ(12),
           NO_LINK(PCI_DEVICES UUID "/driver"),
           LINK(MDEV_DEVICES UUID "/driver",
                "../../../bus/mdev/drivers/vfio_mdev"));
    migp_vfio_close(open_well(&how));
    assert_int_equal(script_open_fds(&script), 0);
}

static void test_open__name_that_nobody_knows(void **state)
{
    struct migp_vfio_options how = options_for();

    (void)state;
    how.name = ADDRESS;
    SCRIPT(&script, NOT_FOUND(PCI_DEVICES ADDRESS "/vfio-dev"),
           NO_LINK(PCI_DEVICES ADDRESS "/iommu_group"),
           NOT_FOUND(MDEV_DEVICES ADDRESS "/vfio-dev"),
           NO_LINK(MDEV_DEVICES ADDRESS "/iommu_group"));
    open_badly(&how, MIGP_ERR_SYSTEM, ENOENT, ADDRESS);
}

static void test_open__name_with_a_token_goes_by_group(void **state)
{
    struct migp_vfio_options how = options_for();

    (void)state;
    how.name = ADDRESS;
    how.vf_token = UUID;
    SCRIPT(&script, FIND(PCI_DEVICES ADDRESS "/vfio-dev", "vfio0"),
           NO_LINK(PCI_DEVICES ADDRESS "/iommu_group"));
    open_badly(&how, MIGP_ERR_SYSTEM, ENOENT, "has no group");
}

static void test_open__name_with_an_iommufd_goes_by_cdev(void **state)
{
    struct migp_vfio_options how = options_for();

    (void)state;
    how.name = ADDRESS;
    how.iommufd = 32;
    /* Not by its group, although the cdev is not there. */
    SCRIPT(&script, FIND(PCI_DEVICES ADDRESS "/vfio-dev", "vfio0"),
           LINK(PCI_DEVICES ADDRESS "/iommu_group", "x/12"),
           OPEN("/dev/vfio/devices/vfio0", -ENOENT));
    script_own(&script, 32);
    open_badly(&how, MIGP_ERR_SYSTEM, ENOENT, "/dev/vfio/devices/vfio0");
    assert_closed(NULL, 0);
}

/* What /sys says becomes a path, or nothing. */
static void test_open__names_that_are_none(void **state)
{
    static const char *const names[] = {"vfio/../../../etc", "other"};
    struct migp_vfio_options how = options_for();
    char text[511];
    size_t i;

    (void)state;
    memset(text, 'a', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    how.name = ADDRESS;
    for (i = 0; i < N_TESTS(names); i++) {
        SCRIPT(&script, FIND(PCI_DEVICES ADDRESS "/vfio-dev", names[i]),
               LINK(PCI_DEVICES ADDRESS "/iommu_group", "iommu_groups/"),
               NOT_FOUND(MDEV_DEVICES ADDRESS "/vfio-dev"),
               LINK(MDEV_DEVICES ADDRESS "/iommu_group", text));
        open_badly(&how, MIGP_ERR_SYSTEM, ENOENT, ADDRESS);
    }
}

static void test_open__cdev_of_a_long_name(void **state)
{
    struct migp_vfio_options how = options_for();
    char path[100] = "/dev/vfio/devices/vfio";

    (void)state;
    memset(path + 22, '0', sizeof(path) - 23);
    how.cdev_path = path;
    /* /sys is not asked about it. */
    SCRIPT(&script, OPEN(path, 10), OPEN("/dev/iommu", 11), BIND(10, "0b"),
           ABOUT(10));
    migp_vfio_close(open_well(&how));
    assert_closed((const int[]){10, 11}, 2);
}

static size_t released;

static void release(void *owner)
{
    assert_ptr_equal(owner, &released);
    /* The fds may be the owner's: they are closed by now. */
    assert_int_equal(script.n_closed, 2);
    released++;
}

static void test_close__releases_the_owner(void **state)
{
    const struct migp_vfio_options how = cdev_options();
    struct migp_vfio *vfio;

    (void)state;
    SCRIPT(&script, CDEV_STEPS);
    vfio = open_well(&how);
    assert_int_equal(migp_vfio_sys(vfio)->struct_size, sizeof(struct migp_sys));
    assert_ptr_equal(migp_vfio_sys(vfio)->user, &script);
    migp_vfio_adopt_owner(vfio, "a name that is too long", release, &released);
    assert_string_equal(caps_of(vfio).backend, "a name that is ");
    migp_vfio_close(vfio);
    assert_int_equal(released, 1);
}

/* Each step fails; then nothing is left open, and the error names the errno
 * unless the step is one that opening can do without. */
static void each_failing(const struct migp_vfio_options *how,
                         const struct script_step *steps, size_t n_steps,
                         size_t n_needed)
{
    const int numbers[] = {EACCES, EPERM, EBUSY, ENODEV, EIO, EINVAL, EMFILE};
    size_t at;
    size_t i;

    for (at = 1; at <= n_steps; at++) {
        for (i = 0; i < N_TESTS(numbers); i++) {
            struct migp_error error = MIGP_ERROR_INIT;
            struct migp_vfio *vfio = NULL;
            int code;

            script_begin(&script, steps, n_steps);
            script.fail_at = at;
            script.fail_errno = numbers[i];
            code = migp_vfio_open(&vfio, how, &error);
            if (at <= n_needed) {
                assert_int_equal(code, MIGP_ERR_SYSTEM);
                assert_int_equal(error.system_errno, numbers[i]);
                assert_true(strlen(error.text) > 12);
                assert_null(vfio);
            } else {
                assert_int_equal(code, MIGP_OK);
            }
            migp_vfio_close(vfio);
            script_end(&script);
            assert_int_equal(script_open_fds(&script), 0);
        }
    }
}

static void test_open__each_cdev_call_fails(void **state)
{
    const struct script_step steps[] = {CDEV_STEPS};
    const struct migp_vfio_options how = cdev_options();

    (void)state;
    each_failing(&how, steps, N_TESTS(steps), 4);
}

static void test_open__each_group_call_fails(void **state)
{
    const struct script_step steps[] = {GROUP_STEPS};
    const struct migp_vfio_options how = group_options();

    (void)state;
    each_failing(&how, steps, N_TESTS(steps), 9);
}

static void test_open__errors_say_what_to_change(void **state)
{
    struct migp_vfio_options how = group_options();

    (void)state;
    SCRIPT(&script, OPEN("/dev/vfio/vfio", 10), CONTAINER_ASK(10),
           OPEN("/dev/vfio/12", -ENOENT));
    open_badly(&how, MIGP_ERR_SYSTEM, ENOENT,
               "/dev/vfio/12: cannot open (is the device bound to a vfio "
               "driver? ls -l /sys/bus/pci/devices/" ADDRESS
               "/driver): ENOENT");
    SCRIPT(&script, OPEN("/dev/vfio/vfio", 10), CONTAINER_ASK(10),
           OPEN("/dev/vfio/12", -EBUSY));
    open_badly(&how, MIGP_ERR_SYSTEM, EBUSY, "another program has it");
    SCRIPT(&script, OPEN("/dev/vfio/vfio", 10), CONTAINER_ASK(10),
           OPEN("/dev/vfio/12", 11), GROUP_STATUS(11, "00000000"));
    open_badly(&how, MIGP_ERR_SYSTEM, EPERM,
               "bound to a host driver: ls -l "
               "/sys/kernel/iommu_groups/12/devices/*/driver): EPERM");
    assert_int_equal(script_open_fds(&script), 0);
    SCRIPT(&script, OPEN("/dev/vfio/vfio", 10), CONTAINER_ASK(10),
           OPEN("/dev/vfio/12", 11), GROUP_STATUS(11, "03000000"));
    open_badly(&how, MIGP_ERR_SYSTEM, EBUSY, "in another container");
    SCRIPT(&script, OPEN("/dev/vfio/vfio", 10), CONTAINER_ASK(10),
           OPEN("/dev/vfio/12", 11), GROUP_STATUS(11, "01000000"),
           GROUP_JOIN(11, "0a"), SET_IOMMU(10, 0),
           {.call = "ioctl",
            .fd = 11,
            .request = 0x3b6a,
            .in = "'" ADDRESS,
            .result = -EACCES});
    open_badly(&how, MIGP_ERR_SYSTEM, EACCES, "vf_token");
    assert_int_equal(script_open_fds(&script), 0);
}

static void test_open__container_of_another_kind(void **state)
{
    const struct migp_vfio_options how = group_options();

    (void)state;
    SCRIPT(&script, OPEN("/dev/vfio/vfio", 10),
           {.call = "ioctl", .fd = 10, .request = 0x3b64, .result = 1});
    open_badly(&how, MIGP_ERR_SYSTEM, EPROTO, "version 0");
    SCRIPT(&script, OPEN("/dev/vfio/vfio", 10),
           {.call = "ioctl", .fd = 10, .request = 0x3b64, .result = 0},
           {.call = "ioctl",
            .fd = 10,
            .request = 0x3b65,
            .number = 3,
            .result = 0});
    open_badly(&how, MIGP_ERR_SYSTEM, ENODEV, "vfio_iommu_type1");
    assert_int_equal(script_open_fds(&script), 0);
}

/* Fds that are garbage: not open, or known already. Neither is closed. */
static void test_open__group_gives_garbage(void **state)
{
    const struct migp_vfio_options how = group_options();
    const int garbage[] = {10, 11, 77, 5000};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(garbage); i++) {
        SCRIPT(&script, OPEN("/dev/vfio/vfio", 10), CONTAINER_ASK(10),
               OPEN("/dev/vfio/12", 11), GROUP_STATUS(11, "01000000"),
               GROUP_JOIN(11, "0a"), SET_IOMMU(10, 0),
               {.call = "ioctl",
                .fd = 11,
                .request = 0x3b6a,
                .in = "'" ADDRESS,
                .result = garbage[i]});
        open_badly(&how, MIGP_ERR_SYSTEM, EPROTO, "does not give the device");
        assert_closed((const int[]){11, 10}, 2);
    }
}

static void test_open__fds_close_on_exec(void **state)
{
    const struct migp_vfio_options how = group_options();
    struct migp_vfio *vfio;

    (void)state;
    SCRIPT(&script, GROUP_STEPS);
    script.naked = true;
    vfio = open_well(&how);
    assert_true(script.cloexec[12]);
    migp_vfio_close(vfio);
}

static void test_open__options_that_do_not_fit(void **state)
{
    char long_text[300];
    struct migp_vfio_options base;
    struct migp_vfio_options how;
    size_t i;
    const struct {
        int device_fd, iommufd, container;
        const char *cdev, *group, *name, *token;
        uint32_t flags;
    } wrong[] = {
        {-1, -1, -1, NULL, NULL, NULL, NULL, 1},
        {3, -1, -1, "/dev/vfio/devices/vfio0", NULL, NULL, NULL, 1},
        {3, -1, -1, NULL, NULL, ADDRESS, NULL, 1},
        {-1, -1, -1, "/dev/vfio/devices/vfio0", "/dev/vfio/1", ADDRESS, NULL,
         1},
        {-1, -1, -1, "/dev/vfio/devices/vfio0", NULL, ADDRESS, NULL, 1},
        {-1, -1, -1, NULL, "/dev/vfio/1", NULL, NULL, 1},
        {-1, -1, -1, "/dev/vfio/devices/vfio0", NULL, NULL, UUID, 1},
        {3, 4, -1, NULL, NULL, NULL, NULL, 1},
        {3, -1, 4, NULL, NULL, NULL, NULL, 1},
        {-1, -1, 4, "/dev/vfio/devices/vfio0", NULL, NULL, NULL, 1},
        {-1, 4, -1, NULL, "/dev/vfio/1", ADDRESS, NULL, 1},
        {-1, 4, 5, NULL, NULL, ADDRESS, NULL, 1},
        {-1, -1, -1, NULL, NULL, "", NULL, 1},
        {-1, -1, -1, "", NULL, NULL, NULL, 1},
        {-1, -1, -1, NULL, NULL, "../../x", NULL, 1},
        {-1, -1, -1, NULL, NULL, "..", NULL, 1},
        {-1, -1, -1, NULL, NULL, ADDRESS " vf_token=x", NULL, 1},
        {-1, -1, -1, NULL, NULL, long_text, NULL, 1},
        {-1, -1, -1, long_text, NULL, NULL, NULL, 1},
        {-1, -1, -1, NULL, long_text, ADDRESS, NULL, 1},
        {-1, -1, -1, NULL, NULL, ADDRESS, "83b8", 1},
        {-1, -1, -1, NULL, NULL, ADDRESS, UUID "0", 1},
        {-1, -1, -1, NULL, NULL, ADDRESS,
         "83b8f4f2x509f-382f-3c1e-e6bfe0fa1001", 1},
        {-1, -1, -1, NULL, NULL, ADDRESS,
         "83b8f4f2-509f-382f-3c1e-e6bfe0fag001", 1},
        {-1, -1, -1, NULL, NULL, ADDRESS, NULL, 0},
        {-1, -1, -1, "/dev/vfio/devices/vfio0", NULL, NULL, NULL, 0},
        {-1, -1, -1, NULL, "/dev/vfio/1", ADDRESS, NULL, 2},
        {3, -1, -1, NULL, NULL, NULL, NULL, 4},
    };

    (void)state;
    memset(long_text, 'a', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    script_begin(&script, NULL, 0);
    base = options_for();
    for (i = 0; i < N_TESTS(wrong); i++) {
        how = base;
        how.device_fd = wrong[i].device_fd;
        how.iommufd = wrong[i].iommufd;
        how.container_fd = wrong[i].container;
        how.cdev_path = wrong[i].cdev;
        how.group_path = wrong[i].group;
        how.name = wrong[i].name;
        how.vf_token = wrong[i].token;
        how.flags = wrong[i].flags;
        open_badly(&how, MIGP_ERR_INVALID_ARGUMENT, 0, "");
    }
    assert_int_equal(migp_vfio_open(NULL, &base, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    open_badly(NULL, MIGP_ERR_INVALID_ARGUMENT, 0, "options");
    base.device_fd = 3;
    script.sys.struct_size = 3;
    open_badly(&base, MIGP_ERR_INVALID_ARGUMENT, 0, "system calls");
    assert_int_equal(migp_vfio_reopen(NULL, NULL), MIGP_ERR_INVALID_ARGUMENT);
}

static void test_open__strings_are_not_kept(void **state)
{
    struct migp_vfio_options how = options_for();
    char path[] = "/dev/vfio/devices/vfio0";
    struct migp_vfio *vfio;

    (void)state;
    how.cdev_path = path;
    SCRIPT(&script, CDEV_STEPS);
    vfio = open_well(&how);
    memset(path, 'x', sizeof(path) - 1);
    SCRIPT_MORE(&script, OPEN("/dev/vfio/devices/vfio0", 20), BIND(20, "0b"));
    assert_int_equal(migp_vfio_reopen(vfio, NULL), MIGP_OK);
    assert_int_equal(migp_vfio_fd(vfio), 20);
    script_end(&script);
    migp_vfio_close(vfio);
    assert_closed((const int[]){10, 20, 11}, 3);
}

static void test_reopen__group(void **state)
{
    const struct migp_vfio_options how = group_options();
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_vfio *vfio;

    (void)state;
    SCRIPT(&script, GROUP_STEPS);
    vfio = open_well(&how);
    SCRIPT_MORE(&script, DEVICE_FD(11, ADDRESS, 13));
    assert_int_equal(migp_vfio_reopen(vfio, NULL), MIGP_OK);
    assert_int_equal(migp_vfio_fd(vfio), 13);
    SCRIPT_MORE(&script, {.call = "ioctl",
                          .fd = 11,
                          .request = 0x3b6a,
                          .in = "'" ADDRESS,
                          .result = -EIO});
    assert_int_equal(migp_vfio_reopen(vfio, &error), MIGP_ERR_SYSTEM);
    assert_int_equal(error.system_errno, EIO);
    migp_vfio_close(vfio);
    assert_closed((const int[]){12, 13, 11, 10}, 4);
}

static void test_open__no_memory(void **state)
{
    const struct migp_vfio_options how = cdev_options();
    struct migp_vfio *vfio = (void *)&script;

    (void)state;
    script_begin(&script, NULL, 0);
    alloc_fail_at(1);
    assert_int_equal(migp_vfio_open(&vfio, &how, NULL), MIGP_ERR_NO_MEMORY);
    alloc_fail_at(0);
    assert_null(vfio);
    migp_vfio_close(NULL);
}

/* A driver's name is printed: it must not move the terminal's cursor. */
static void test_open__names_are_printable(void **state)
{
    const struct migp_vfio_options how = group_options();
    struct migp_device_caps caps;
    struct migp_vfio *vfio;

    (void)state;
    SCRIPT(&script, OPEN("/dev/vfio/vfio", 10), CONTAINER_ASK(10),
           OPEN("/dev/vfio/12", 11), GROUP_STATUS(11, "01000000"),
           GROUP_JOIN(11, "0a"), SET_IOMMU(10, 0), DEVICE_FD(11, ADDRESS, 12),
           GET_INFO(12, "00000000"),
           LINK(PCI_DEVICES ADDRESS "/driver", "x/a\033[2J\x80z"));
    vfio = open_well(&how);
    caps = caps_of(vfio);
    assert_string_equal(caps.driver, "a?[2J?z");
    migp_vfio_close(vfio);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open__cdev),
        cmocka_unit_test(test_open__cdev_with_the_callers_iommufd),
        cmocka_unit_test(test_open__group),
        cmocka_unit_test(test_open__group_with_vf_token),
        cmocka_unit_test(test_open__group_comes_into_the_callers_container),
        cmocka_unit_test(test_open__group_is_in_the_callers_container),
        cmocka_unit_test(test_open__adopted),
        cmocka_unit_test(test_open__adopted_cdev_has_a_name),
        cmocka_unit_test(test_open__adopted_is_no_device),
        cmocka_unit_test(test_open__name_with_a_cdev),
        cmocka_unit_test(test_open__name_falls_back_to_its_group),
        cmocka_unit_test(test_open__name_of_an_mdev),
        cmocka_unit_test(test_open__name_that_nobody_knows),
        cmocka_unit_test(test_open__name_with_a_token_goes_by_group),
        cmocka_unit_test(test_open__name_with_an_iommufd_goes_by_cdev),
        cmocka_unit_test(test_open__names_that_are_none),
        cmocka_unit_test(test_open__cdev_of_a_long_name),
        cmocka_unit_test(test_close__releases_the_owner),
        cmocka_unit_test(test_open__each_cdev_call_fails),
        cmocka_unit_test(test_open__each_group_call_fails),
        cmocka_unit_test(test_open__errors_say_what_to_change),
        cmocka_unit_test(test_open__container_of_another_kind),
        cmocka_unit_test(test_open__group_gives_garbage),
        cmocka_unit_test(test_open__fds_close_on_exec),
        cmocka_unit_test(test_open__options_that_do_not_fit),
        cmocka_unit_test(test_open__strings_are_not_kept),
        cmocka_unit_test(test_reopen__group),
        cmocka_unit_test(test_open__no_memory),
        cmocka_unit_test(test_open__names_are_printable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
