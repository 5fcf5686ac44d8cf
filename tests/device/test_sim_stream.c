/* SPDX-License-Identifier: MIT */
#include "device/sim_calls.h"

/*
 * The data of a simulated device without a quirk: what is read, what is
 * accepted, and that what was refused has changed nothing.
 */

#define SIZE 16384
#define ROOM (SIZE + 65536)

static const char plain[] = "size=16K,initial=4K,seed=5";
static const char other[] = "size=16K,initial=4K,seed=6";

static void test_read__whatever_the_pieces(void **state)
{
    static const size_t pieces[] = {1, 7, 64, 4095, 4096, 65536};
    static uint8_t whole[ROOM];
    static uint8_t cut[ROOM];
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(pieces); i++) {
        struct box box = box_new(plain);
        int fd = box_enter(&box, MIGP_STATE_STOP_COPY);
        migp_ssize end;
        uint8_t *into = i == 0 ? whole : cut;

        assert_int_equal(box_drain(&box, fd, into, ROOM, pieces[i], &end),
                         SIZE);
        assert_int_equal(end, 0);
        assert_int_equal(box_read(&box, fd, into, 1), 0);
        if (i > 0) {
            assert_memory_equal(whole, cut, SIZE);
        }
        box_close(&box, fd);
        box_free(&box);
    }
}

static void test_read__precopy_then_stop_copy(void **state)
{
    static uint8_t bytes[ROOM];
    struct box box = box_new(plain);
    struct box target = box_new(other);
    struct migp_vfio_precopy_info info;
    migp_ssize end;
    size_t n;
    int fd = box_enter(&box, MIGP_STATE_PRE_COPY);
    int to = box_enter(&target, MIGP_STATE_RESUMING);

    (void)state;
    assert_int_equal(box_info(&box, fd, &info), 0);
    assert_int_equal(info.initial_bytes, 4096);
    assert_int_equal(info.dirty_bytes, 0);
    assert_int_equal(box_read(&box, fd, bytes, 100), 100);
    assert_int_equal(box_info(&box, fd, &info), 0);
    assert_int_equal(info.initial_bytes, 3996);
    box_go(&box, MIGP_STATE_PRE_COPY_P2P);
    n = 100 + box_drain(&box, fd, bytes + 100, ROOM - 100, 1000, &end);
    assert_int_equal(n, 4096);
    assert_int_equal(end, -ENOMSG);
    assert_int_equal(box_info(&box, fd, &info), 0);
    assert_int_equal(info.initial_bytes, 0);
    assert_int_equal(info.dirty_bytes, 0);
    box_go(&box, MIGP_STATE_STOP_COPY);
    n += box_drain(&box, fd, bytes + n, ROOM - n, 1000, &end);
    assert_int_equal(n, SIZE);
    assert_int_equal(end, 0);
    assert_int_equal(box_pour(&target, to, bytes, n, 777), 0);
    assert_int_not_equal(migp_sim_fingerprint(box.sim),
                         migp_sim_fingerprint(target.sim));
    box_go(&target, MIGP_STATE_STOP);
    assert_int_equal(migp_sim_fingerprint(box.sim),
                     migp_sim_fingerprint(target.sim));
    box_close(&box, fd);
    box_close(&target, to);
    box_free(&box);
    box_free(&target);
}

/* STOP_COPY before all of the initial data was read. */
static void test_read__stop_copy_too_early(void **state)
{
    static uint8_t bytes[ROOM];
    struct box box = box_new(plain);
    struct box target = box_new(other);
    migp_ssize end;
    size_t n;
    int fd = box_enter(&box, MIGP_STATE_PRE_COPY);
    int to = box_enter(&target, MIGP_STATE_RESUMING);

    (void)state;
    assert_int_equal(box_read(&box, fd, bytes, 10), 10);
    box_go(&box, MIGP_STATE_STOP_COPY);
    n = 10 + box_drain(&box, fd, bytes + 10, ROOM - 10, 4096, &end);
    assert_int_equal(n, SIZE);
    assert_int_equal(box_pour(&target, to, bytes, n, n), 0);
    box_go(&target, MIGP_STATE_STOP);
    assert_int_equal(migp_sim_fingerprint(box.sim),
                     migp_sim_fingerprint(target.sim));
    box_close(&box, fd);
    box_close(&target, to);
    box_free(&box);
    box_free(&target);
}

static void test_content__seed_and_registers(void **state)
{
    static uint8_t first[ROOM];
    static uint8_t second[ROOM];
    static const uint8_t value[4] = {1, 2, 3, 4};
    uint8_t read[4];
    struct box box = box_new(plain);
    struct box same = box_new(plain);
    struct box unlike = box_new(other);
    uint64_t fingerprint = migp_sim_fingerprint(box.sim);
    int fd;

    (void)state;
    assert_int_equal(box_save(&box, first, ROOM), SIZE);
    assert_int_equal(box_save(&same, second, ROOM), SIZE);
    assert_memory_equal(first, second, SIZE);
    assert_int_equal(fingerprint, migp_sim_fingerprint(same.sim));
    assert_int_equal(box_save(&unlike, second, ROOM), SIZE);
    assert_memory_not_equal(first, second, SIZE);
    assert_int_not_equal(fingerprint, migp_sim_fingerprint(unlike.sim));

    box_poke(&box, 4092, value, sizeof(value));
    assert_int_not_equal(fingerprint, migp_sim_fingerprint(box.sim));
    assert_int_equal(box_save(&box, first, ROOM), SIZE);
    fd = box_enter(&unlike, MIGP_STATE_RESUMING);
    assert_int_equal(box_pour(&unlike, fd, first, SIZE, SIZE), 0);
    box_go(&unlike, MIGP_STATE_RUNNING);
    assert_int_equal(
        unlike.sys->pread(unlike.sys->user, unlike.fd, read, 4, 4092), 4);
    assert_memory_equal(read, value, 4);
    assert_int_equal(migp_sim_fingerprint(box.sim),
                     migp_sim_fingerprint(unlike.sim));
    assert_int_equal(box_save(&unlike, second, ROOM), SIZE);
    assert_memory_equal(first, second, SIZE);
    box_close(&unlike, fd);

    assert_int_equal(box_reset(&box), 0);
    assert_int_equal(fingerprint, migp_sim_fingerprint(box.sim));
    box_free(&box);
    box_free(&same);
    box_free(&unlike);
}

/* Write; then try to load. True if either was refused, and then with the
 * errno, the state and the content that a refusal has. */
static bool refused(struct box *box, const uint8_t *bytes, size_t size,
                    size_t piece)
{
    uint64_t before = migp_sim_fingerprint(box->sim);
    int fd = box_enter(box, MIGP_STATE_RESUMING);
    migp_ssize written = box_pour(box, fd, bytes, size, piece);
    uint8_t byte = 0;
    int data_fd;
    int result;

    if (written != 0) {
        assert_int_equal(written, -EINVAL);
        assert_int_equal(box_write(box, fd, &byte, 1), -ENODEV);
    }
    result = box_set(box, MIGP_STATE_STOP, &data_fd);
    assert_int_equal(data_fd, -1);
    assert_true(written == 0 || result != 0);
    if (result != 0) {
        assert_int_equal(result, -EINVAL);
        assert_int_equal(box_get(box), MIGP_STATE_RESUMING);
        assert_int_equal(migp_sim_fingerprint(box->sim), before);
        assert_int_equal(box_reset(box), 0);
        assert_int_equal(box_get(box), MIGP_STATE_RUNNING);
        assert_int_equal(migp_sim_fingerprint(box->sim), before);
    }
    box_close(box, fd);
    return result != 0;
}

static void test_load__every_prefix(void **state)
{
    static uint8_t bytes[ROOM];
    struct box box = box_new("size=8K");
    struct box target = box_new("size=8K,seed=2");
    size_t size;
    size_t n;
    migp_ssize end;
    int fd = box_enter(&box, MIGP_STATE_PRE_COPY);

    (void)state;
    size = box_drain(&box, fd, bytes, ROOM, 4096, &end);
    box_go(&box, MIGP_STATE_STOP_COPY);
    size += box_drain(&box, fd, bytes + size, ROOM - size, 4096, &end);
    assert_int_equal(size, 8192);
    for (n = 0; n < size; n++) {
        assert_true(refused(&target, bytes, n, 4096));
    }
    assert_true(refused(&target, bytes, size + 1, 4096));
    assert_false(refused(&target, bytes, size, 1));
    assert_int_equal(migp_sim_fingerprint(box.sim),
                     migp_sim_fingerprint(target.sim));
    box_close(&box, fd);
    box_free(&box);
    box_free(&target);
}

static void test_load__every_byte_changed(void **state)
{
    static uint8_t bytes[ROOM];
    struct box box = box_new("size=8K");
    struct box target = box_new("size=8K,seed=2");
    size_t size = box_save(&box, bytes, ROOM);
    size_t i;

    (void)state;
    for (i = 0; i < size; i++) {
        bytes[i] ^= (uint8_t)(1 << i % 8);
        if (!refused(&target, bytes, size, size)) {
            fail_msg("byte %zu", i);
        }
        bytes[i] ^= (uint8_t)(1 << i % 8);
    }
    assert_false(refused(&target, bytes, size, size));
    box_free(&box);
    box_free(&target);
}

static void test_load__of_another_kind_of_device(void **state)
{
    static uint8_t bytes[ROOM];
    struct box box = box_new(plain);
    struct box larger = box_new("size=32K");
    size_t size = box_save(&box, bytes, ROOM);

    (void)state;
    assert_true(refused(&larger, bytes, size, size));
    assert_true(refused(&larger, (const uint8_t *)"not a stream", 12, 12));
    memset(bytes, 0, size);
    assert_true(refused(&larger, bytes, size, size));
    box_free(&box);
    box_free(&larger);
}

/* A load that was too short can be completed. */
static void test_load__the_rest_after_a_refusal(void **state)
{
    static uint8_t bytes[ROOM];
    struct box box = box_new(plain);
    struct box target = box_new(other);
    size_t size = box_save(&box, bytes, ROOM);
    int fd = box_enter(&target, MIGP_STATE_RESUMING);
    int data_fd;

    (void)state;
    assert_int_equal(box_pour(&target, fd, bytes, size - 1, 4096), 0);
    assert_int_equal(box_set(&target, MIGP_STATE_STOP, &data_fd), -EINVAL);
    assert_int_equal(box_write(&target, fd, bytes + size - 1, 1), 1);
    box_go(&target, MIGP_STATE_STOP);
    assert_int_equal(migp_sim_fingerprint(box.sim),
                     migp_sim_fingerprint(target.sim));
    box_close(&target, fd);
    box_free(&box);
    box_free(&target);
}

/* Nothing of that size is kept. */
static void test_read__a_terabyte(void **state)
{
    static uint8_t bytes[1 << 20];
    struct box box = box_new("size=1T,initial=1023G,seed=3");
    struct migp_vfio_precopy_info info;
    int fd = box_enter(&box, MIGP_STATE_PRE_COPY);

    (void)state;
    assert_int_equal(box_read(&box, fd, bytes, sizeof(bytes)), sizeof(bytes));
    assert_int_equal(box_info(&box, fd, &info), 0);
    assert_int_equal(info.initial_bytes,
                     (UINT64_C(1023) << 30) - sizeof(bytes));
    assert_memory_not_equal(bytes + 65536, bytes + 131072, 65536);
    box_close(&box, fd);
    box_free(&box);
}

static void test_precopy_info__flags(void **state)
{
    struct box box = box_new(plain);
    struct migp_vfio_precopy_info info;
    int fd = box_enter(&box, MIGP_STATE_PRE_COPY);
    const struct migp_sys *sys = box.sys;
    uint32_t argsz;

    (void)state;
    for (argsz = 0; argsz < 24; argsz++) {
        info.argsz = argsz;
        assert_int_equal(
            sys->ioctl(sys->user, fd, MIGP_VFIO_MIG_GET_PRECOPY_INFO, &info),
            -EINVAL);
    }
    info.argsz = sizeof(info);
    info.flags = UINT32_MAX;
    assert_int_equal(
        sys->ioctl(sys->user, fd, MIGP_VFIO_MIG_GET_PRECOPY_INFO, &info), 0);
    assert_int_equal(info.flags, UINT32_MAX);
    assert_int_equal(
        box_feature(&box, 8,
                    MIGP_FEATURE_MIG_PRECOPY_INFOV2 | MIGP_VFIO_FEATURE_SET,
                    NULL, 0),
        0);
    assert_int_equal(
        sys->ioctl(sys->user, fd, MIGP_VFIO_MIG_GET_PRECOPY_INFO, &info), 0);
    assert_int_equal(info.flags, 0);
    assert_int_equal(
        sys->ioctl(sys->user, fd, MIGP_VFIO_MIG_GET_PRECOPY_INFO, NULL),
        -EFAULT);
    box_go(&box, MIGP_STATE_STOP_COPY);
    assert_int_equal(box_info(&box, fd, &info), -EINVAL);
    box_close(&box, fd);
    box_free(&box);

    box = box_new("precopy=off");
    fd = box_enter(&box, MIGP_STATE_STOP_COPY);
    assert_int_equal(box_info(&box, fd, &info), -ENOTTY);
    assert_int_equal(
        box_feature(&box, 8,
                    MIGP_FEATURE_MIG_PRECOPY_INFOV2 | MIGP_VFIO_FEATURE_SET,
                    NULL, 0),
        -EINVAL);
    box_close(&box, fd);
    box_free(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read__whatever_the_pieces),
        cmocka_unit_test(test_read__precopy_then_stop_copy),
        cmocka_unit_test(test_read__stop_copy_too_early),
        cmocka_unit_test(test_content__seed_and_registers),
        cmocka_unit_test(test_load__every_prefix),
        cmocka_unit_test(test_load__every_byte_changed),
        cmocka_unit_test(test_load__of_another_kind_of_device),
        cmocka_unit_test(test_load__the_rest_after_a_refusal),
        cmocka_unit_test(test_read__a_terabyte),
        cmocka_unit_test(test_precopy_info__flags),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
