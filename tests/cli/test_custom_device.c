/* SPDX-License-Identifier: MIT */
/*
 * The backend of the example, driven without the device around it: by hostile
 * bytes, and in orders that the device would not let through.
 */
int example_main(void);
#define main example_main
/* Its functions are static. NOLINTNEXTLINE(bugprone-suspicious-include) */
#include "../../examples/03_custom_device.c"
#undef main

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const unsigned char bad[ENTRY_SIZE] = {N_REGISTERS};
static const unsigned char good[ENTRY_SIZE] = {1, 2, 3, 4, 5};

static void go(struct gadget *gadget, uint32_t state)
{
    int session = MIGP_NO_SESSION;

    assert_int_equal(gadget_ops.set_state(gadget, state, &session), 0);
}

static void write_all_registers(struct gadget *gadget)
{
    unsigned char entry[ENTRY_SIZE] = {0};

    for (; entry[0] < N_REGISTERS; entry[0]++) {
        assert_int_equal(gadget_ops.write(gadget, 0, entry, ENTRY_SIZE),
                         ENTRY_SIZE);
    }
}

static void test_write__refused_for_good(void **state)
{
    struct gadget gadget = {.state = MIGP_STATE_RUNNING};
    struct gadget before;
    int session = MIGP_NO_SESSION;
    size_t i;

    (void)state;
    go(&gadget, MIGP_STATE_RESUMING);
    write_all_registers(&gadget);
    assert_int_equal(gadget_ops.write(&gadget, 0, bad, 1), -EINVAL);
    before = gadget;
    for (i = 0; i < 1000; i++) {
        assert_int_equal(gadget_ops.write(&gadget, 0, good, 1 + i % ENTRY_SIZE),
                         -EINVAL);
    }
    assert_memory_equal(&gadget, &before, sizeof(gadget));
    assert_int_equal(
        gadget_ops.set_state(&gadget, MIGP_STATE_RUNNING, &session), -EINVAL);
    assert_int_equal(gadget_ops.reset(&gadget), 0);
    go(&gadget, MIGP_STATE_RESUMING);
    write_all_registers(&gadget);
    go(&gadget, MIGP_STATE_RUNNING);
}

static void test_write__refused_session_is_not_the_next_ones(void **state)
{
    struct gadget gadget = {.state = MIGP_STATE_RUNNING};

    (void)state;
    go(&gadget, MIGP_STATE_RESUMING);
    assert_int_equal(gadget_ops.write(&gadget, 0, bad, ENTRY_SIZE), -EINVAL);
    gadget.state = MIGP_STATE_STOP; /* as if somebody else had reset it */
    go(&gadget, MIGP_STATE_RESUMING);
    write_all_registers(&gadget);
    go(&gadget, MIGP_STATE_RUNNING);
}

static void test_write__outside_of_resuming(void **state)
{
    static const uint32_t states[] = {MIGP_STATE_RUNNING, MIGP_STATE_STOP,
                                      MIGP_STATE_PRE_COPY,
                                      MIGP_STATE_STOP_COPY};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        struct gadget gadget = {.state = states[i], .held = ENTRY_SIZE};
        struct gadget before = gadget;

        assert_int_equal(gadget_ops.write(&gadget, 0, good, ENTRY_SIZE),
                         -EINVAL);
        assert_memory_equal(&gadget, &before, sizeof(gadget));
    }
}

static void test_read__outside_of_saving(void **state)
{
    struct gadget gadget = {.state = MIGP_STATE_RUNNING};
    unsigned char byte = 0;

    (void)state;
    gadget_poke(&gadget, 0, 1);
    assert_int_equal(gadget_ops.read(&gadget, 0, &byte, 1), -EINVAL);
    go(&gadget, MIGP_STATE_RESUMING);
    assert_int_equal(gadget_ops.read(&gadget, 0, &byte, 1), -EINVAL);
}

static migp_ssize fail_read(void *user, int session, void *bytes, size_t size)
{
    (void)user;
    (void)session;
    (void)bytes;
    (void)size;
    return -EIO;
}

static void test_drain__failed_read_is_no_end(void **state)
{
    struct migp_device_ops ops = gadget_ops;
    struct gadget gadget = {.state = MIGP_STATE_RUNNING};
    struct migp_error error = MIGP_ERROR_INIT;
    struct parcel parcel = {.size = 0};
    struct migp_device *device;

    (void)state;
    assert_int_equal(migp_device_new(&device, &ops, &gadget, NULL, &error),
                     MIGP_OK);
    assert_int_equal(migp_device_set_state(device, MIGP_STATE_PRE_COPY, &error),
                     MIGP_OK);
    assert_int_equal(drain(device, &parcel, &error), MIGP_OK);
    assert_int_equal(parcel.size, N_REGISTERS * ENTRY_SIZE);
    migp_device_free(device);

    ops.read = fail_read;
    gadget.state = MIGP_STATE_RUNNING;
    parcel.size = 0;
    assert_int_equal(migp_device_new(&device, &ops, &gadget, NULL, &error),
                     MIGP_OK);
    assert_int_equal(migp_device_set_state(device, MIGP_STATE_PRE_COPY, &error),
                     MIGP_OK);
    assert_int_equal(drain(device, &parcel, &error), MIGP_ERR_SYSTEM);
    migp_device_free(device);
}

static void test_drain__no_room(void **state)
{
    struct gadget gadget = {.state = MIGP_STATE_RUNNING};
    struct migp_error error = MIGP_ERROR_INIT;
    struct parcel parcel = {.size = sizeof(parcel.bytes) - 1};
    struct migp_device *device;

    (void)state;
    assert_int_equal(
        migp_device_new(&device, &gadget_ops, &gadget, NULL, &error), MIGP_OK);
    assert_int_equal(migp_device_set_state(device, MIGP_STATE_PRE_COPY, &error),
                     MIGP_OK);
    assert_int_equal(drain(device, &parcel, &error), MIGP_ERR_NO_SPACE);
    migp_device_free(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write__refused_for_good),
        cmocka_unit_test(test_write__refused_session_is_not_the_next_ones),
        cmocka_unit_test(test_write__outside_of_resuming),
        cmocka_unit_test(test_read__outside_of_saving),
        cmocka_unit_test(test_drain__failed_read_is_no_end),
        cmocka_unit_test(test_drain__no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
