/* SPDX-License-Identifier: MIT */

/* The backend's table: which ioctls on which fd with which bytes. */

#include "unit/cmocka_all.h"

#include "support/script_sys.h"

#include <errno.h>
#include <migproto/vfio.h>
#include <stdio.h>
#include <string.h>

#define DEVICE 20

/* argsz 8 + payload, flags, payload; spec 1.2. */
#define FEATURE(IN, OUT, RESULT)                                               \
    {                                                                          \
        .call = "ioctl", .fd = DEVICE, .request = 0x3b75, .in = (IN),          \
        .out = (OUT), .result = (RESULT)                                       \
    }
#define MIGRATION(FLAGS)                                                       \
    FEATURE("10000000 01000100 00000000 00000000", "xxxxxxxx xxxxxxxx " FLAGS, \
            0)
#define PROBE_SIZE(RESULT) FEATURE("08000000 09000500", NULL, RESULT)
#define PROBE_START(RESULT) FEATURE("08000000 06000600", NULL, RESULT)
#define PROBE_REPORT(RESULT) FEATURE("08000000 08000500", NULL, RESULT)
#define PROBE_REINIT(RESULT) FEATURE("08000000 0c000600", NULL, RESULT)
#define SET_REINIT(RESULT) FEATURE("08000000 0c000200", NULL, RESULT)
#define GET_STATE(OUT, RESULT)                                                 \
    FEATURE("10000000 02000100 xxxxxxxx ffffffff", "xxxxxxxx xxxxxxxx" OUT,    \
            RESULT)
#define SET_STATE(STATE, OUT, RESULT)                                          \
    FEATURE("10000000 02000200 " STATE " ffffffff", "xxxxxxxx xxxxxxxx" OUT,   \
            RESULT)
/* The same, and an fd is opened. */
#define SET_STATE_FD(STATE, FD, HEX)                                           \
    {                                                                          \
        .call = "ioctl", .fd = DEVICE, .request = 0x3b75,                      \
        .in = "10000000 02000200 " STATE " ffffffff",                          \
        .out = "xxxxxxxx xxxxxxxx" STATE HEX "000000", .opens = (FD)           \
    }
#define PRECOPY(FD, OUT, RESULT)                                               \
    {                                                                          \
        .call = "ioctl", .fd = (FD), .request = 0x3b79,                        \
        .in = "18000000 00000000 00000000 00000000 00000000 00000000",         \
        .out = "xxxxxxxx" OUT, .result = (RESULT)                              \
    }

static struct script script;

static struct migp_vfio *adopt_flags(uint32_t flags, const char *info)
{
    struct migp_vfio_options how;
    struct migp_vfio *vfio;

    migp_vfio_options_init(&how);
    how.sys = &script.sys;
    how.device_fd = DEVICE;
    how.flags = flags;
    SCRIPT(&script,
           {.call = "ioctl",
            .fd = DEVICE,
            .request = 0x3b6b,
            .in = "18000000",
            .out = info},
           {.call = "readlink", .text = "/proc/self/fd/20", .result = -ENOENT});
    script_own(&script, DEVICE);
    assert_int_equal(migp_vfio_open(&vfio, &how, NULL), MIGP_OK);
    script_end(&script);
    return vfio;
}

static struct migp_vfio *adopt(void)
{
    return adopt_flags(0, NULL);
}

/* Nothing of the caller's is closed, nothing else stays open. */
static void drop(struct migp_vfio *vfio)
{
    migp_vfio_close(vfio);
    script_end(&script);
    assert_int_equal(script_open_fds(&script), 1);
    assert_true(script.open[DEVICE]);
}

static const struct migp_device_ops *ops(void)
{
    return migp_vfio_ops();
}

static struct migp_device_caps caps_of(struct migp_vfio *vfio)
{
    struct migp_device_caps caps = {.struct_size = sizeof(caps)};

    assert_int_equal(ops()->caps(vfio, &caps), 0);
    script_end(&script);
    return caps;
}

static void test_caps__everything(void **state)
{
    struct migp_vfio *vfio = adopt();
    struct migp_device_caps caps;

    (void)state;
    SCRIPT_MORE(&script, MIGRATION("07000000 00000000"), PROBE_SIZE(0),
                PROBE_START(0), PROBE_REPORT(0), PROBE_REINIT(0),
                SET_REINIT(0));
    caps = caps_of(vfio);
    assert_int_equal(caps.migration, 7);
    assert_int_equal(caps.features, MIGP_HAS_RESET | MIGP_HAS_STOP_COPY_SIZE |
                                        MIGP_HAS_PRECOPY_INFO |
                                        MIGP_HAS_REINIT | MIGP_HAS_DMA_LOGGING);
    assert_string_equal(caps.backend, "vfio");
    drop(vfio);
}

static void test_caps__old_kernel(void **state)
{
    struct migp_vfio *vfio = adopt();

    (void)state;
    SCRIPT_MORE(&script, MIGRATION("05000000 00000000"), PROBE_SIZE(-ENOTTY),
                PROBE_START(-ENOTTY), PROBE_REINIT(-ENOTTY));
    assert_int_equal(caps_of(vfio).features,
                     MIGP_HAS_RESET | MIGP_HAS_PRECOPY_INFO);
    drop(vfio);
}

static void test_caps__reinit_is_refused(void **state)
{
    struct migp_vfio *vfio = adopt();

    (void)state;
    SCRIPT_MORE(&script, MIGRATION("05000000 00000000"), PROBE_SIZE(0),
                PROBE_START(0), PROBE_REPORT(-ENOTTY), PROBE_REINIT(0),
                SET_REINIT(-EINVAL));
    assert_int_equal(caps_of(vfio).features, MIGP_HAS_RESET |
                                                 MIGP_HAS_STOP_COPY_SIZE |
                                                 MIGP_HAS_PRECOPY_INFO);
    drop(vfio);
}

static void test_caps__reinit_is_not_wanted(void **state)
{
    struct migp_vfio *vfio = adopt_flags(MIGP_VFIO_NO_REINIT, NULL);

    (void)state;
    SCRIPT_MORE(&script, MIGRATION("05000000 00000000"), PROBE_SIZE(0),
                PROBE_START(-ENOTTY));
    assert_int_equal(caps_of(vfio).features & MIGP_HAS_REINIT, 0);
    drop(vfio);
}

static void test_caps__reinit_needs_pre_copy(void **state)
{
    struct migp_vfio *vfio = adopt();

    (void)state;
    SCRIPT_MORE(&script, MIGRATION("03000000 00000000"), PROBE_SIZE(0),
                PROBE_START(-ENOTTY));
    assert_int_equal(caps_of(vfio).features,
                     MIGP_HAS_RESET | MIGP_HAS_STOP_COPY_SIZE);
    drop(vfio);
}

static void test_caps__no_migration(void **state)
{
    struct migp_device_caps caps = {.struct_size = sizeof(caps)};
    struct migp_vfio *vfio = adopt();

    (void)state;
    SCRIPT_MORE(&script, FEATURE("10000000 01000100 00000000 00000000",
                                 "xxxxxxxx xxxxxxxx 07000000", -ENOTTY));
    assert_int_equal(ops()->caps(vfio, &caps), -ENOTTY);
    assert_int_equal(caps.migration, 0);
    drop(vfio);
}

/* Flags behind the 32nd bit do not vanish: the device refuses them. */
static void test_caps__flags_beyond_32_bits(void **state)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_device *device;
    struct migp_vfio *vfio = adopt_flags(MIGP_VFIO_NO_REINIT, NULL);

    (void)state;
    SCRIPT_MORE(&script, MIGRATION("01000000 01000000"), PROBE_SIZE(0),
                PROBE_START(-ENOTTY));
    assert_int_equal(migp_device_new(&device, ops(), vfio, NULL, &error),
                     MIGP_ERR_NO_MIGRATION);
    drop(vfio);
}

static void test_get_state__each(void **state)
{
    struct migp_vfio *vfio = adopt();
    uint32_t now = 99;

    (void)state;
    SCRIPT_MORE(&script, GET_STATE("06000000 ffffffff", 0),
                GET_STATE("04000000 14000000", 0), GET_STATE("02000000", -EIO),
                GET_STATE("02000000 14000000", -EINTR),
                GET_STATE("01000000 ffffffff", 0));
    assert_int_equal(ops()->get_state(vfio, &now), 0);
    assert_int_equal(now, MIGP_STATE_PRE_COPY);
    /* An fd in the answer of a GET is none: it is the device's, even. */
    assert_int_equal(ops()->get_state(vfio, &now), 0);
    assert_int_equal(now, MIGP_STATE_RESUMING);
    assert_int_equal(ops()->get_state(vfio, &now), -EIO);
    assert_int_equal(now, MIGP_STATE_RESUMING);
    assert_int_equal(ops()->get_state(vfio, &now), 0);
    assert_int_equal(now, MIGP_STATE_STOP);
    drop(vfio);
}

static void test_set_state__opens_a_session(void **state)
{
    struct migp_vfio *vfio = adopt();
    uint8_t bytes[8] = {0};
    int session = MIGP_NO_SESSION;

    (void)state;
    SCRIPT_MORE(&script, SET_STATE_FD("03000000", 30, "1e"),
                {.call = "read", .fd = 30, .out = "0102030405", .result = 5},
                {.call = "read", .fd = 30, .result = -ENOMSG},
                {.call = "read", .fd = 30, .result = 0},
                SET_STATE("01000000", "01000000 ffffffff", 0));
    assert_int_equal(ops()->set_state(vfio, MIGP_STATE_STOP_COPY, &session), 0);
    assert_int_equal(session, 30);
    assert_int_equal(ops()->read(vfio, session, bytes, 8), 5);
    assert_memory_equal(bytes, "\1\2\3\4\5\0\0", 8);
    assert_int_equal(ops()->read(vfio, session, bytes, 8), -ENOMSG);
    assert_int_equal(ops()->read(vfio, session, bytes, 8), 0);
    session = MIGP_NO_SESSION;
    assert_int_equal(ops()->set_state(vfio, MIGP_STATE_STOP, &session), 0);
    assert_int_equal(session, MIGP_NO_SESSION);
    ops()->end_session(vfio, 30);
    assert_false(script.open[30]);
    /* A second time it is nobody's. */
    ops()->end_session(vfio, 30);
    ops()->end_session(vfio, MIGP_NO_SESSION);
    assert_int_equal(script.n_closed, 1);
    drop(vfio);
}

static void test_set_state__writes(void **state)
{
    struct migp_vfio *vfio = adopt();
    int session = MIGP_NO_SESSION;

    (void)state;
    SCRIPT_MORE(&script, SET_STATE_FD("04000000", 31, "1f"),
                {.call = "write", .fd = 31, .in = "0a0b0c", .result = 2},
                {.call = "write", .fd = 31, .in = "0c", .result = -EFAULT});
    script.naked = true;
    assert_int_equal(ops()->set_state(vfio, MIGP_STATE_RESUMING, &session), 0);
    assert_int_equal(session, 31);
    assert_true(script.cloexec[31]);
    assert_int_equal(ops()->write(vfio, session, "\x0a\x0b\x0c", 3), 2);
    assert_int_equal(ops()->write(vfio, session, "\x0c", 1), -EFAULT);
    /* Whoever forgets to end it: the fd goes before the device's. */
    drop(vfio);
}

/* The kernel copies the struct back on failure: its fd means nothing. */
static void test_set_state__failure_gives_no_session(void **state)
{
    struct migp_vfio *vfio = adopt();
    int session = MIGP_NO_SESSION;

    (void)state;
    SCRIPT_MORE(&script, SET_STATE("03000000", "03000000 1e000000", -EIO),
                SET_STATE("03000000", "03000000 1e000000", -EINTR));
    assert_int_equal(ops()->set_state(vfio, MIGP_STATE_STOP_COPY, &session),
                     -EIO);
    assert_int_equal(session, MIGP_NO_SESSION);
    /* Not repeated: whoever asks may have been cancelled. */
    assert_int_equal(ops()->set_state(vfio, MIGP_STATE_STOP_COPY, &session),
                     -EINTR);
    assert_int_equal(session, MIGP_NO_SESSION);
    assert_int_equal(script.n_closed, 0);
    drop(vfio);
}

static void test_set_state__garbage_fds(void **state)
{
    /* -2, the least, the device's own, one that is not open, far away */
    static const char *const garbage[] = {
        "03000000 feffffff", "03000000 00000080", "03000000 14000000",
        "03000000 63000000", "03000000 ffffff7f",
    };
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(garbage); i++) {
        struct migp_vfio *vfio = adopt();
        int session = MIGP_NO_SESSION;
        char out[64];

        (void)snprintf(out, sizeof(out), "xxxxxxxx xxxxxxxx %s", garbage[i]);
        SCRIPT_MORE(&script,
                    FEATURE("10000000 02000200 03000000 ffffffff", out, 0));
        assert_int_equal(ops()->set_state(vfio, MIGP_STATE_STOP_COPY, &session),
                         -EPROTO);
        assert_int_equal(session, MIGP_NO_SESSION);
        assert_int_equal(script.n_closed, 0);
        drop(vfio);
    }
}

/* A session that is given again would be closed twice. */
static void test_set_state__the_same_fd_again(void **state)
{
    struct migp_vfio *vfio = adopt();
    int session = MIGP_NO_SESSION;

    (void)state;
    SCRIPT_MORE(&script, SET_STATE_FD("06000000", 30, "1e"),
                SET_STATE("06000000", "06000000 1e000000", 0));
    assert_int_equal(ops()->set_state(vfio, MIGP_STATE_PRE_COPY, &session), 0);
    session = MIGP_NO_SESSION;
    assert_int_equal(ops()->set_state(vfio, MIGP_STATE_PRE_COPY, &session),
                     -EPROTO);
    assert_int_equal(session, MIGP_NO_SESSION);
    drop(vfio);
}

static void test_set_state__too_many_sessions(void **state)
{
    struct migp_vfio *vfio = adopt();
    int session = MIGP_NO_SESSION;
    size_t i;

    (void)state;
    SCRIPT_MORE(
        &script, SET_STATE_FD("06000000", 30, "1e"),
        SET_STATE_FD("06000000", 31, "1f"), SET_STATE_FD("06000000", 32, "20"),
        SET_STATE_FD("06000000", 33, "21"), SET_STATE_FD("06000000", 34, "22"));
    for (i = 0; i < 4; i++) {
        assert_int_equal(ops()->set_state(vfio, MIGP_STATE_PRE_COPY, &session),
                         0);
    }
    assert_int_equal(ops()->set_state(vfio, MIGP_STATE_PRE_COPY, &session),
                     -EPROTO);
    assert_false(script.open[34]);
    drop(vfio);
}

/* [DV-13] */
static void test_precopy_info__flags_are_not_trusted(void **state)
{
    struct migp_precopy_info info = {.struct_size = sizeof(info)};
    struct migp_vfio *vfio = adopt();

    (void)state;
    SCRIPT_MORE(&script,
                PRECOPY(30, "01000000 18000000 00000000 0000000000000080", 0),
                PRECOPY(30, "ffffffff 01", -EINVAL));
    assert_int_equal(ops()->precopy_info(vfio, 30, &info), 0);
    assert_int_equal(info.flags, 0);
    assert_int_equal(info.initial_bytes, 24);
    assert_true(info.dirty_bytes == UINT64_C(1) << 63);
    assert_int_equal(ops()->precopy_info(vfio, 30, &info), -EINVAL);
    assert_int_equal(info.initial_bytes, 24);
    drop(vfio);
}

static void test_precopy_info__reinit(void **state)
{
    struct migp_precopy_info info = {.struct_size = sizeof(info)};
    struct migp_vfio *vfio = adopt();

    (void)state;
    SCRIPT_MORE(&script, MIGRATION("07000000 00000000"), PROBE_SIZE(0),
                PROBE_START(-ENOTTY), PROBE_REINIT(0), SET_REINIT(0));
    (void)caps_of(vfio);
    SCRIPT_MORE(&script, PRECOPY(30, "ffffffff 05000000 00000000", 0),
                PRECOPY(30, "00000000 05000000 00000000", 0));
    assert_int_equal(ops()->precopy_info(vfio, 30, &info), 0);
    assert_int_equal(info.flags, MIGP_PRECOPY_REINIT);
    assert_int_equal(ops()->precopy_info(vfio, 30, &info), 0);
    assert_int_equal(info.flags, 0);
    drop(vfio);
}

static void test_stop_copy_size__any_number(void **state)
{
    struct migp_vfio *vfio = adopt();
    uint64_t size = 5;

    (void)state;
    SCRIPT_MORE(&script,
                FEATURE("10000000 09000100 00000000 00000000",
                        "xxxxxxxx xxxxxxxx ffffffff ffffffff", 0),
                FEATURE("10000000 09000100 00000000 00000000",
                        "xxxxxxxx xxxxxxxx 01000000 00000000", -EIO));
    assert_int_equal(ops()->stop_copy_size(vfio, &size), 0);
    assert_true(size == UINT64_MAX);
    assert_int_equal(ops()->stop_copy_size(vfio, &size), -EIO);
    assert_true(size == UINT64_MAX);
    drop(vfio);
}

#define RESET(RESULT)                                                          \
    {                                                                          \
        .call = "ioctl", .fd = DEVICE, .request = 0x3b6f, .number = 0,         \
        .result = (RESULT)                                                     \
    }

static void test_reset__what_it_answers(void **state)
{
    struct migp_vfio *vfio = adopt();

    (void)state;
    SCRIPT_MORE(&script, RESET(0), RESET(-EAGAIN), RESET(-ENOTTY),
                RESET(-EINVAL));
    assert_int_equal(ops()->reset(vfio), 0);
    assert_int_equal(ops()->reset(vfio), -EAGAIN);
    assert_int_equal(ops()->reset(vfio), -ENOTTY);
    /* vfio-pci says EINVAL for a device without a reset. */
    assert_int_equal(ops()->reset(vfio), -ENOTTY);
    drop(vfio);
    vfio = adopt_flags(0, "xxxxxxxx 01000000");
    SCRIPT_MORE(&script, RESET(-EINVAL));
    assert_int_equal(ops()->reset(vfio), -EINVAL);
    drop(vfio);
}

static void test_reopen__opts_in_again(void **state)
{
    struct migp_device_caps caps = {.struct_size = sizeof(caps)};
    struct migp_vfio_options how;
    struct migp_vfio *vfio;

    (void)state;
    migp_vfio_options_init(&how);
    how.sys = &script.sys;
    how.cdev_path = "/dev/vfio/devices/x";
    how.iommufd = 40;
    how.flags = MIGP_VFIO_RESET_OK;
    SCRIPT(&script,
           {.call = "open", .text = "/dev/vfio/devices/x", .result = DEVICE},
           {.call = "ioctl", .fd = DEVICE, .request = 0x3b76, .in = "10"},
           {.call = "ioctl", .fd = DEVICE, .request = 0x3b6b, .in = "18"},
           MIGRATION("07000000 00000000"), PROBE_SIZE(0), PROBE_START(-ENOTTY),
           PROBE_REINIT(0), SET_REINIT(0),
           {.call = "open", .text = "/dev/vfio/devices/x", .result = DEVICE},
           {.call = "ioctl", .fd = DEVICE, .request = 0x3b76, .in = "10"},
           PROBE_REINIT(0), SET_REINIT(0));
    assert_int_equal(migp_vfio_open(&vfio, &how, NULL), MIGP_OK);
    assert_int_equal(ops()->caps(vfio, &caps), 0);
    assert_int_equal(migp_vfio_reopen(vfio, NULL), MIGP_OK);
    script_end(&script);
    ops()->close(vfio);
    assert_int_equal(script_open_fds(&script), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_caps__everything),
        cmocka_unit_test(test_caps__old_kernel),
        cmocka_unit_test(test_caps__reinit_is_refused),
        cmocka_unit_test(test_caps__reinit_is_not_wanted),
        cmocka_unit_test(test_caps__reinit_needs_pre_copy),
        cmocka_unit_test(test_caps__no_migration),
        cmocka_unit_test(test_caps__flags_beyond_32_bits),
        cmocka_unit_test(test_get_state__each),
        cmocka_unit_test(test_set_state__opens_a_session),
        cmocka_unit_test(test_set_state__writes),
        cmocka_unit_test(test_set_state__failure_gives_no_session),
        cmocka_unit_test(test_set_state__garbage_fds),
        cmocka_unit_test(test_set_state__the_same_fd_again),
        cmocka_unit_test(test_set_state__too_many_sessions),
        cmocka_unit_test(test_precopy_info__flags_are_not_trusted),
        cmocka_unit_test(test_precopy_info__reinit),
        cmocka_unit_test(test_stop_copy_size__any_number),
        cmocka_unit_test(test_reset__what_it_answers),
        cmocka_unit_test(test_reopen__opts_in_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
