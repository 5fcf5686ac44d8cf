/* SPDX-License-Identifier: MIT */

/*
 * A kernel that lies, under the backend and a device on it: the simulated
 * one, with one kind of answer twisted. Nothing may abort, leak or be closed
 * twice, and no number may be believed.
 */

#include "unit/cmocka_all.h"

#include "device/uapi.h"
#include "support/fail_sys.h"

#include <errno.h>
#include <migproto/sim.h>
#include <migproto/vfio.h>
#include <string.h>

struct liar {
    struct migp_sys sys;
    struct fail_sys below; /* counts fds */
    struct migp_sim *sim;

    unsigned long request; /* whose answer is twisted; 0: none */
    uint32_t feature;      /* with VFIO_DEVICE_FEATURE: its flags */
    size_t offset;         /* in the argument */
    uint8_t bytes[20];     /* that stand there in the answer */
    size_t n_bytes;
    int64_t result; /* where not 0, of the call */
    bool twist_io;  /* read and write return result */
};

static struct liar liar;

static int liar_ioctl(void *user, int fd, unsigned long request, void *arg)
{
    const struct migp_sys *inner = &liar.below.sys;
    struct migp_vfio_feature head = {0, 0};
    int result;

    (void)user;
    if (request == MIGP_VFIO_DEVICE_FEATURE) {
        memcpy(&head, arg, sizeof(head));
    }
    result = inner->ioctl(inner->user, fd, request, arg);
    if (liar.request != request || liar.feature != head.flags) {
        return result;
    }
    memcpy((uint8_t *)arg + liar.offset, liar.bytes, liar.n_bytes);
    return liar.result != 0 ? (int)liar.result : result;
}

static migp_ssize liar_read(void *user, int fd, void *bytes, size_t size)
{
    const struct migp_sys *inner = &liar.below.sys;

    (void)user;
    return liar.twist_io ? liar.result
                         : inner->read(inner->user, fd, bytes, size);
}

static migp_ssize liar_write(void *user, int fd, const void *bytes, size_t size)
{
    const struct migp_sys *inner = &liar.below.sys;

    (void)user;
    return liar.twist_io ? liar.result
                         : inner->write(inner->user, fd, bytes, size);
}

static int set_up(void **state)
{
    (void)state;
    memset(&liar, 0, sizeof(liar));
    if (migp_sim_new(&liar.sim, "size=64K,initial=16K", NULL, NULL) < 0) {
        return -1;
    }
    fail_sys_init(&liar.below, migp_sim_sys(liar.sim));
    liar.sys = liar.below.sys;
    liar.sys.ioctl = liar_ioctl;
    liar.sys.read = liar_read;
    liar.sys.write = liar_write;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(fail_sys_open_fds(&liar.below), 0);
    assert_int_equal(liar.below.double_close, 0);
    assert_int_equal(migp_sim_open_fds(liar.sim), 0);
    migp_sim_free(liar.sim);
    return 0;
}

static void lie(unsigned long request, uint32_t feature, size_t offset,
                const void *bytes, size_t n_bytes)
{
    liar.request = request;
    liar.feature = feature;
    liar.offset = offset;
    liar.n_bytes = n_bytes;
    memcpy(liar.bytes, bytes, n_bytes);
}

static void lie_about(uint32_t feature, const void *bytes, size_t n_bytes)
{
    lie(MIGP_VFIO_DEVICE_FEATURE, feature, 8, bytes, n_bytes);
}

static struct migp_vfio *open_vfio(const struct migp_sys *sys)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_vfio_options how;
    struct migp_vfio *vfio = NULL;

    migp_vfio_options_init(&how);
    how.sys = sys;
    how.cdev_path = MIGP_SIM_PATH;
    how.flags = MIGP_VFIO_RESET_OK;
    if (migp_vfio_open(&vfio, &how, &error) < 0) {
        assert_null(vfio);
        assert_int_equal(error.code, MIGP_ERR_SYSTEM);
        assert_true(error.system_errno > 0);
    }
    return vfio;
}

static int new_device(struct migp_device **device)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_device_options options;
    struct migp_vfio *vfio = open_vfio(&liar.sys);
    int code;

    assert_non_null(vfio);
    migp_device_options_init(&options);
    options.sys = &liar.sys;
    code = migp_device_new(device, migp_vfio_ops(), vfio, &options, &error);
    if (code < 0) {
        assert_int_equal(error.code, code);
        migp_vfio_close(vfio);
    }
    return code;
}

static void test_flags__that_cannot_be(void **state)
{
    uint64_t flags;

    (void)state;
    for (flags = 0; flags < 20; flags++) {
        const bool good = flags == 1 || flags == 3 || flags == 5 || flags == 7;
        struct migp_device *device;

        lie_about(MIGP_VFIO_FEATURE_GET | MIGP_FEATURE_MIGRATION, &flags, 8);
        assert_int_equal(new_device(&device),
                         good ? MIGP_OK : MIGP_ERR_NO_MIGRATION);
        migp_device_free(device);
    }
    for (flags = UINT64_C(1) << 32; flags != 0; flags <<= 1) {
        const uint64_t more = flags | 7;
        struct migp_device *device;

        lie_about(MIGP_VFIO_FEATURE_GET | MIGP_FEATURE_MIGRATION, &more, 8);
        assert_int_equal(new_device(&device), MIGP_ERR_NO_MIGRATION);
    }
}

static void test_state__that_cannot_be(void **state)
{
    const uint32_t states[] = {8, 9, 255, 0x7fffffff, 0x80000000, 0xffffffff};
    struct migp_device *device;
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(states); i++) {
        struct migp_error error = MIGP_ERROR_INIT;
        uint32_t now = 77;

        liar.request = 0;
        assert_int_equal(new_device(&device), MIGP_OK);
        lie_about(MIGP_VFIO_FEATURE_GET | MIGP_FEATURE_MIG_DEVICE_STATE,
                  &states[i], 4);
        assert_int_equal(migp_device_query_state(device, &now, &error),
                         MIGP_ERR_SYSTEM);
        assert_int_equal(now, 77);
        assert_int_equal(migp_device_state(device), MIGP_STATE_RUNNING);
        migp_device_free(device);
        assert_int_equal(new_device(&device), MIGP_ERR_NO_MIGRATION);
    }
}

static void test_set_state__fds_that_are_none(void **state)
{
    const int32_t fds[] = {-2, INT32_MIN, 0, 1, 999, 1000, 1001, INT32_MAX};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(fds); i++) {
        struct migp_error error = MIGP_ERROR_INIT;
        struct migp_device *device;

        liar.request = 0;
        assert_int_equal(new_device(&device), MIGP_OK);
        /* STOP opens no session, whatever the answer says. */
        lie(MIGP_VFIO_DEVICE_FEATURE,
            MIGP_VFIO_FEATURE_SET | MIGP_FEATURE_MIG_DEVICE_STATE, 12, &fds[i],
            4);
        assert_true(migp_device_set_state(device, MIGP_STATE_STOP, &error) < 0);
        assert_int_equal(migp_device_session(device), MIGP_NO_SESSION);
        assert_true(migp_device_state(device) < MIGP_STATE_COUNT);
        migp_device_free(device);
    }
}

static void test_amounts__are_clamped(void **state)
{
    const uint64_t amounts[] = {MIGP_ESTIMATE_MAX, MIGP_ESTIMATE_MAX + 1,
                                UINT64_C(1) << 63, UINT64_MAX};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(amounts); i++) {
        struct migp_precopy_info info = {.struct_size = sizeof(info)};
        const uint64_t both[] = {amounts[i], amounts[i]};
        struct migp_device *device;
        uint64_t size = 0;

        liar.request = 0;
        assert_int_equal(new_device(&device), MIGP_OK);
        lie_about(MIGP_VFIO_FEATURE_GET | MIGP_FEATURE_MIG_DATA_SIZE,
                  &amounts[i], 8);
        assert_int_equal(migp_device_stop_copy_size(device, &size, NULL),
                         MIGP_OK);
        assert_true(size == MIGP_ESTIMATE_MAX);
        assert_int_equal(
            migp_device_set_state(device, MIGP_STATE_PRE_COPY, NULL), MIGP_OK);
        lie(MIGP_VFIO_MIG_GET_PRECOPY_INFO, 0, 8, both, 16);
        assert_int_equal(migp_device_precopy_info(device, &info, NULL),
                         MIGP_OK);
        assert_true(info.initial_bytes == MIGP_ESTIMATE_MAX);
        assert_true(info.dirty_bytes == MIGP_ESTIMATE_MAX);
        migp_device_free(device);
    }
}

static void test_io__amounts_that_cannot_be(void **state)
{
    const int64_t results[] = {65,         INT64_MAX, INT64_MIN, -4096,
                               -100000000, INT32_MIN, UINT32_MAX};
    uint8_t bytes[64];
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(results); i++) {
        struct migp_error error = MIGP_ERROR_INIT;
        struct migp_device *device;

        liar.twist_io = false;
        liar.result = 0;
        assert_int_equal(new_device(&device), MIGP_OK);
        assert_int_equal(
            migp_device_set_state(device, MIGP_STATE_STOP_COPY, NULL), MIGP_OK);
        liar.twist_io = true;
        liar.result = results[i];
        assert_int_equal(migp_device_read(device, bytes, 64, &error),
                         MIGP_ERR_SYSTEM);
        assert_true(error.system_errno > 0 && error.system_errno < 4096);
        assert_int_equal(
            migp_device_set_state(device, MIGP_STATE_RESUMING, NULL), MIGP_OK);
        assert_int_equal(migp_device_write(device, bytes, 64, &error),
                         MIGP_ERR_REFUSED);
        assert_true(error.system_errno > 0 && error.system_errno < 4096);
        migp_device_free(device);
    }
}

/* A table without one of its functions: either it is not needed, or opening
 * says ENOSYS. */
static void test_open__missing_members(void **state)
{
    const size_t first = offsetof(struct migp_sys, open);
    size_t offset;

    (void)state;
    for (offset = first; offset < sizeof(struct migp_sys);
         offset += sizeof(void *)) {
        struct migp_sys sys = liar.sys;
        struct migp_device *device = NULL;
        struct migp_vfio *vfio;

        if (offset == offsetof(struct migp_sys, close)) {
            continue; /* nobody could close anything */
        }
        memset((char *)&sys + offset, 0, sizeof(void *));
        vfio = open_vfio(&sys);
        if (vfio == NULL) {
            continue;
        }
        if (migp_device_new(&device, migp_vfio_ops(), vfio, NULL, NULL) < 0) {
            migp_vfio_close(vfio);
        }
        migp_device_free(device);
    }
}

/* Each call fails with each errno, made or not made; then all later ones. */
static void test_open__each_call_fails(void **state)
{
    const int numbers[] = {EIO, EINTR, EINVAL, ENOTTY, EMFILE, EBADF, ENODEV};
    struct fail_plan plan = {.at = 0};
    bool failed = true;
    size_t i;

    (void)state;
    for (plan.at = 1; failed; plan.at++) {
        for (i = 0; i < 4 * N_TESTS(numbers); i++) {
            struct migp_vfio *vfio;

            plan.error = numbers[i / 4];
            plan.on = i % 2 == 1;
            plan.after = i / 2 % 2 == 1;
            fail_sys_start(&liar.below, &plan);
            vfio = open_vfio(&liar.sys);
            failed = liar.below.failed;
            if (!failed) {
                assert_non_null(vfio);
            }
            migp_vfio_close(vfio);
            assert_int_equal(fail_sys_open_fds(&liar.below), 0);
        }
    }
    assert_true(plan.at > 5);
}

static void test_open__interrupted_all_the_time(void **state)
{
    struct fail_plan plan = {.interrupts = 7};
    struct migp_device *device;

    (void)state;
    fail_sys_start(&liar.below, &plan);
    assert_int_equal(new_device(&device), MIGP_OK);
    assert_true(liar.below.interrupted > 20);
    assert_int_equal(migp_device_set_state(device, MIGP_STATE_STOP_COPY, NULL),
                     MIGP_OK);
    migp_device_free(device);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_flags__that_cannot_be),
        TEST(test_state__that_cannot_be),
        TEST(test_set_state__fds_that_are_none),
        TEST(test_amounts__are_clamped),
        TEST(test_io__amounts_that_cannot_be),
        TEST(test_open__missing_members),
        TEST(test_open__each_call_fails),
        TEST(test_open__interrupted_all_the_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
