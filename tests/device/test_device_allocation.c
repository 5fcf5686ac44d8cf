/* SPDX-License-Identifier: MIT */

/* Each allocation on the way to a device fails in turn: MIGP_ERR_NO_MEMORY,
 * nothing open afterwards, and nothing leaks (the sanitizers see to that). */

#include "support/alloc_fail.h"
#include "support/fake_device.h"

#include <migproto/open.h>
#include <migproto/sim.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define BY_CDEV "vfio:" MIGP_SIM_PATH

static void test_new__out_of_memory(void **state)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct fake_device fake;
    struct migp_device *device = (void *)&fake;

    (void)state;
    fake_init(&fake);
    alloc_fail_at(1);
    assert_int_equal(migp_device_new(&device, &fake.ops, &fake, NULL, &error),
                     MIGP_ERR_NO_MEMORY);
    assert_null(device);
    assert_int_equal(error.code, MIGP_ERR_NO_MEMORY);
    assert_int_equal(fake.all_calls, 0);
    assert_false(fake.closed);
    alloc_fail_at(0);
    assert_int_equal(migp_device_new(&device, &fake.ops, &fake, NULL, NULL),
                     MIGP_OK);
    assert_int_equal(alloc_count(), 1);
    migp_device_free(device);
}

static void test_open__out_of_memory(void **state)
{
    static const char *const specs[] = {"sim", "sim:quirk=mtty", BY_CDEV};
    struct migp_open_options options;
    struct migp_sim *kernel;
    size_t s;

    (void)state;
    assert_int_equal(migp_sim_new(&kernel, "", NULL, NULL), MIGP_OK);
    migp_open_options_init(&options);
    options.flags = MIGP_OPEN_RESET_OK;
    for (s = 0; s < sizeof(specs) / sizeof(specs[0]); s++) {
        size_t n;
        int code = MIGP_ERR_NO_MEMORY;

        options.sys = s == 2 ? migp_sim_sys(kernel) : NULL;
        for (n = 1; code != MIGP_OK; n++) {
            struct migp_error error = MIGP_ERROR_INIT;
            struct migp_device *device = (void *)&error;
            bool failed;

            assert_true(n < 100);
            alloc_fail_at(n);
            code = migp_device_open(&device, specs[s], &options, &error);
            failed = alloc_failed();
            alloc_fail_at(0);
            assert_int_equal(code, failed ? MIGP_ERR_NO_MEMORY : MIGP_OK);
            assert_int_equal(error.code, code);
            assert_int_equal(device != NULL, !failed);
            migp_device_free(device);
            assert_int_equal(migp_sim_open_fds(kernel), 0);
        }
        assert_true(n > 2);
    }
    migp_sim_free(kernel);
}

/* What is done with a device that is there allocates nothing. */
static void test_device__allocates_only_when_made(void **state)
{
    struct fake_device fake;
    struct migp_device *device;
    uint8_t bytes[64];

    (void)state;
    fake_init(&fake);
    device = fake_device_in(&fake, MIGP_RECOVER_RESET, MIGP_STATE_RUNNING);
    alloc_fail_at(1);
    assert_int_equal(migp_device_set_state(device, MIGP_STATE_PRE_COPY, NULL),
                     MIGP_OK);
    assert_int_equal(migp_device_read(device, bytes, 64, NULL), 64);
    assert_int_equal(migp_device_set_state(device, MIGP_STATE_RESUMING, NULL),
                     MIGP_OK);
    assert_int_equal(migp_device_write(device, bytes, 64, NULL), 64);
    assert_int_equal(migp_device_reset(device, NULL), MIGP_OK);
    assert_int_equal(alloc_count(), 0);
    alloc_fail_at(0);
    migp_device_free(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new__out_of_memory),
        cmocka_unit_test(test_open__out_of_memory),
        cmocka_unit_test(test_device__allocates_only_when_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
