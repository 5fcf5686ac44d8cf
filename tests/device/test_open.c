/* SPDX-License-Identifier: MIT */

/* Devices by their names: what is understood, where what is not stands, and
 * what is asked of the system then. */

#include "device/uapi.h"

#include <migproto/open.h>
#include <migproto/sim.h>
#include <migproto/vfio.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CONTAINER 555

/* A system that has nothing but a type1 container, and remembers what it was
 * asked for. */
struct nothing {
    struct migp_sys sys;
    char asked[4096]; /* paths, a line each */
};

static void remember(struct nothing *nothing, const char *what)
{
    size_t length = strlen(nothing->asked);

    (void)snprintf(nothing->asked + length, sizeof(nothing->asked) - length,
                   "%s\n", what);
}

static int no_open(void *user, const char *path, int flags)
{
    (void)flags;
    remember(user, path);
    return strcmp(path, "/dev/vfio/vfio") == 0 ? CONTAINER : -ENOENT;
}

static int no_ioctl(void *user, int fd, unsigned long request, void *arg)
{
    char text[32];

    (void)arg;
    (void)snprintf(text, sizeof(text), "ioctl %d", fd);
    remember(user, text);
    if (fd == CONTAINER) {
        return request == MIGP_VFIO_CHECK_EXTENSION;
    }
    return -EBADF;
}

static int no_fcntl(void *user, int fd, int command, int arg)
{
    (void)command;
    (void)arg;
    return no_ioctl(user, fd, 0, NULL);
}

static int no_connect(void *user, const char *path)
{
    remember(user, path);
    return -ECONNREFUSED;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the table's type. */
static migp_ssize no_readlink(void *user, const char *path, char *text,
                              size_t size)
{
    (void)text;
    (void)size;
    remember(user, path);
    return -ENOENT;
}

static int no_find_name(void *user, const char *directory, const char *prefix,
                        char *text, size_t size)
{
    (void)prefix;
    return (int)no_readlink(user, directory, text, size);
}

static void nothing_init(struct nothing *nothing)
{
    memset(nothing, 0, sizeof(*nothing));
    nothing->sys.struct_size = sizeof(nothing->sys);
    nothing->sys.user = nothing;
    nothing->sys.open = no_open;
    nothing->sys.ioctl = no_ioctl;
    nothing->sys.fcntl = no_fcntl;
    nothing->sys.connect_unix = no_connect;
    nothing->sys.readlink = no_readlink;
    nothing->sys.find_name = no_find_name;
}

static int open_on(const struct migp_sys *sys, const char *spec, uint32_t flags,
                   struct migp_device **device, struct migp_error *error)
{
    struct migp_open_options options;

    migp_open_options_init(&options);
    options.sys = sys;
    options.flags = flags;
    migp_error_init(error);
    *device = (void *)error;
    return migp_device_open(device, spec, &options, error);
}

struct bad_name {
    const char *spec;
    uint64_t offset;
};

static const struct bad_name bad_names[] = {
    {"", 0},
    {"vfi", 0},
    {"vfio", 0},
    {"VFIO:fd:3", 0},
    {"mtty:1", 0},
    {"simulated", 0},
    {"vfio:", 5},
    {"vfio:fd:", 8},
    {"vfio:fd:-1", 8},
    {"vfio:fd:x", 8},
    {"vfio:fd:3x", 9},
    {"vfio:fd:3,name=x", 9},
    {"vfio:fd: 3", 8},
    {"vfio:fd:2147483648", 8},
    {"vfio:fd:99999999999999999999999999", 8},
    {"vfio:a/b", 5},
    {"vfio:a,name=b", 5},
    {"vfio:/dev/vfio/12", 17},
    {"vfio:/dev/vfio/12,", 18},
    {"vfio:/dev/vfio/12,vf-token=u", 28},
    {"vfio:/dev/vfio/12,name=", 18},
    {"vfio:/dev/vfio/12,name=a,", 25},
    {"vfio:/dev/vfio/12,name=a,,vf-token=u", 25},
    {"vfio:/dev/vfio/12,name=a,name=b", 25},
    {"vfio:/dev/vfio/12,name=a,token=b", 25},
    {"vfio:/dev/vfio/12,name=,vf-token=u", 18},
    {"vfio:/dev/vfio/12,names=a", 18},
    {"vfio-user:", 10},
    {"vfio-use:/x", 0},
};

static void test_open__not_understood(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad_names) / sizeof(bad_names[0]); i++) {
        struct nothing nothing;
        struct migp_device *device;
        struct migp_error error;

        nothing_init(&nothing);
        assert_int_equal(open_on(&nothing.sys, bad_names[i].spec,
                                 MIGP_OPEN_RESET_OK, &device, &error),
                         MIGP_ERR_INVALID_ARGUMENT);
        assert_null(device);
        assert_int_equal(error.code, MIGP_ERR_INVALID_ARGUMENT);
        if (error.offset != bad_names[i].offset) {
            fail_msg("%s: %s at %llu, not %llu", bad_names[i].spec, error.text,
                     (unsigned long long)error.offset,
                     (unsigned long long)bad_names[i].offset);
        }
        assert_true(error.text[0] != '\0');
        assert_string_equal(nothing.asked, "");
    }
}

struct good_name {
    const char *spec;
    const char *asks_for; /* among what is asked of the system */
};

static const struct good_name good_names[] = {
    {"vfio:fd:0", "ioctl 0\n"},
    {"vfio:fd:77", "ioctl 77\n"},
    {"vfio:fd:2147483647", "ioctl 2147483647\n"},
    {"vfio:/dev/vfio/devices/vfio0", "/dev/vfio/devices/vfio0\n"},
    {"vfio:/dev/vfio/12,name=0000:3b:00.2", "/dev/vfio/12\n"},
    {"vfio:/dev/vfio/12,name=0000:3b:00.2,"
     "vf-token=12345678-1234-1234-1234-123456789abc",
     "/dev/vfio/12\n"},
    {"vfio:/dev/vfio/12,vf-token=12345678-1234-1234-1234-123456789abc,"
     "name=0000:3b:00.2",
     "/dev/vfio/12\n"},
    {"vfio:/elsewhere/noiommu-3,name=a", "/elsewhere/noiommu-3\n"},
    {"vfio:0000:3b:00.2", "0000:3b:00.2"},
    {"vfio:83b8f4f2-509f-382f-3c1e-e6bfe0fa1001",
     "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"},
    {"vfio-user:/run/a socket,with=anything", "/run/a socket,with=anything\n"},
    {"vfio-user:relative", "relative\n"},
};

static void test_open__understood(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(good_names) / sizeof(good_names[0]); i++) {
        struct nothing nothing;
        struct migp_device *device;
        struct migp_error error;

        nothing_init(&nothing);
        assert_int_equal(open_on(&nothing.sys, good_names[i].spec,
                                 MIGP_OPEN_RESET_OK, &device, &error),
                         MIGP_ERR_SYSTEM);
        assert_null(device);
        if (strstr(nothing.asked, good_names[i].asks_for) == NULL) {
            fail_msg("%s (%s) asks for:\n%s", good_names[i].spec, error.text,
                     nothing.asked);
        }
    }
}

/* [DV-16] */
static void test_open__resets_only_if_told(void **state)
{
    static const char *const specs[] = {
        "vfio:/dev/vfio/devices/vfio0",
        "vfio:/dev/vfio/12,name=0000:3b:00.2",
        "vfio:0000:3b:00.2",
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
        struct nothing nothing;
        struct migp_device *device;
        struct migp_error error;

        nothing_init(&nothing);
        assert_int_equal(open_on(&nothing.sys, specs[i], 0, &device, &error),
                         MIGP_ERR_INVALID_ARGUMENT);
        assert_string_equal(nothing.asked, "");
    }
}

static void test_open__names_of_any_length(void **state)
{
    static const size_t lengths[] = {200, 4094, 4095, 4096, 5000, 100000};
    static const char *const heads[] = {"vfio:/", "vfio:", "vfio-user:/",
                                        "vfio:/dev/vfio/1,name=", "sim:size="};
    size_t h;
    size_t i;

    (void)state;
    for (h = 0; h < sizeof(heads) / sizeof(heads[0]); h++) {
        for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
            char *spec = malloc(lengths[i] + 1);
            struct nothing nothing;
            struct migp_device *device;
            struct migp_error error;
            int code;

            assert_non_null(spec);
            memset(spec, '1', lengths[i]);
            memcpy(spec, heads[h], strlen(heads[h]));
            spec[lengths[i]] = '\0';
            nothing_init(&nothing);
            code = open_on(&nothing.sys, spec, MIGP_OPEN_RESET_OK, &device,
                           &error);
            assert_true(code < 0);
            assert_null(device);
            if (lengths[i] >= 4096) {
                assert_int_equal(code, MIGP_ERR_INVALID_ARGUMENT);
                assert_string_equal(error.text, "the name is too long");
                assert_string_equal(nothing.asked, "");
            }
            free(spec);
        }
    }
}

static void test_open__bad_arguments(void **state)
{
    struct migp_open_options options;
    struct migp_device *device;

    (void)state;
    migp_open_options_init(NULL);
    migp_open_options_init(&options);
    assert_int_equal(options.struct_size, sizeof(options));
    assert_int_equal(options.recover, MIGP_RECOVER_STATE);
    assert_int_equal(options.flags, 0);
    assert_int_equal(migp_device_open(NULL, "sim", &options, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_device_open(&device, NULL, &options, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    options.flags = 2;
    assert_int_equal(migp_device_open(&device, "sim", &options, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    options.flags = 0;
    options.recover = 3;
    assert_int_equal(migp_device_open(&device, "sim", &options, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    options.recover = 0;
    options.struct_size = 0;
    assert_int_equal(migp_device_open(&device, "sim", &options, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_null(device);
}

/* --- sim --- */

static void test_open__sim(void **state)
{
    static const char *const specs[] = {
        "sim",
        "sim:",
        "sim:size=16K",
        "sim:clock=virtual",
        "sim:size=16K,seed=7",
        "sim:size=16K,clock=virtual,seed=7",
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
        struct migp_device_caps caps = {.struct_size = sizeof(caps)};
        struct migp_device *device;
        struct migp_error error = MIGP_ERROR_INIT;

        if (migp_device_open(&device, specs[i], NULL, &error) != MIGP_OK) {
            fail_msg("%s: %s", specs[i], error.text);
        }
        assert_int_equal(migp_device_get_caps(device, &caps), MIGP_OK);
        assert_string_equal(caps.backend, "sim");
        assert_int_equal(caps.migration, 7);
        assert_int_equal(migp_device_state(device), MIGP_STATE_RUNNING);
        assert_int_equal(
            migp_device_set_state(device, MIGP_STATE_STOP_COPY, NULL), MIGP_OK);
        migp_device_free(device);
    }
}

static void test_open__sim_options_are_sims(void **state)
{
    static const struct bad_name bad[] = {
        {"sim:nothing=1", 4},
        {"sim:size=16K,nothing=1", 13},
        {"sim:clock=", 10},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct migp_device *device;
        struct migp_error error = MIGP_ERROR_INIT;

        assert_int_equal(migp_device_open(&device, bad[i].spec, NULL, &error),
                         MIGP_ERR_INVALID_ARGUMENT);
        assert_null(device);
        assert_int_equal(error.offset, bad[i].offset);
    }
}

/* A reset that is awaited takes the clock that the device has. */
struct counting_clock {
    struct migp_sys sys;
    uint64_t now;
    size_t sleeps;
};

static uint64_t counting_now(void *user)
{
    return ((struct counting_clock *)user)->now;
}

static void counting_sleep(void *user, uint64_t nanoseconds)
{
    struct counting_clock *clock = user;

    clock->now += nanoseconds;
    clock->sleeps++;
}

static void test_open__sim_has_the_callers_clock(void **state)
{
    struct counting_clock clock = {.sys = {.struct_size = sizeof(clock.sys),
                                           .user = &clock,
                                           .now = counting_now,
                                           .sleep = counting_sleep}};
    static const char *const specs[] = {"sim:stop-setup=3s",
                                        "sim:stop-setup=3s,clock=virtual"};
    size_t i;

    (void)state;
    for (i = 0; i < 2; i++) {
        struct migp_device *device;
        struct migp_error error;

        clock.now = 1;
        assert_int_equal(open_on(&clock.sys, specs[i], 0, &device, &error),
                         MIGP_OK);
        assert_int_equal(
            migp_device_set_state(device, MIGP_STATE_STOP_COPY, NULL), MIGP_OK);
        assert_int_equal(clock.now >= 3000000000, i == 0);
        migp_device_free(device);
    }
}

/* --- the kernel's way in, on a simulated kernel --- */

static void test_open__by_cdev_and_by_fd(void **state)
{
    char spec[64];
    const struct migp_sys *sys;
    struct migp_sim *sim;
    struct migp_device *device;
    struct migp_error error;
    int fd;

    (void)state;
    assert_int_equal(migp_sim_new(&sim, "size=16K", NULL, NULL), MIGP_OK);
    sys = migp_sim_sys(sim);
    assert_int_equal(open_on(sys, "vfio:" MIGP_SIM_PATH, MIGP_OPEN_RESET_OK,
                             &device, &error),
                     MIGP_OK);
    assert_int_equal(migp_device_set_state(device, MIGP_STATE_PRE_COPY, NULL),
                     MIGP_OK);
    assert_true(migp_sim_open_fds(sim) >= 2);
    migp_device_free(device);
    assert_int_equal(migp_sim_open_fds(sim), 0);
    fd = sys->open(sys->user, MIGP_SIM_PATH, O_RDWR);
    assert_true(fd >= 0);
    (void)snprintf(spec, sizeof(spec), "vfio:fd:%d", fd);
    assert_int_equal(open_on(sys, spec, 0, &device, &error), MIGP_OK);
    assert_non_null(migp_device_backend(device, migp_vfio_ops()));
    migp_device_free(device);
    assert_int_equal(migp_sim_open_fds(sim), 1); /* it stays the caller's */
    assert_int_equal(sys->close(sys->user, fd), 0);
    /* Closed, it is none any more. */
    assert_true(open_on(sys, spec, 0, &device, &error) < 0);
    migp_sim_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open__not_understood),
        cmocka_unit_test(test_open__understood),
        cmocka_unit_test(test_open__resets_only_if_told),
        cmocka_unit_test(test_open__names_of_any_length),
        cmocka_unit_test(test_open__bad_arguments),
        cmocka_unit_test(test_open__sim),
        cmocka_unit_test(test_open__sim_options_are_sims),
        cmocka_unit_test(test_open__sim_has_the_callers_clock),
        cmocka_unit_test(test_open__by_cdev_and_by_fd),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
