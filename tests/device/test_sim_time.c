/* SPDX-License-Identifier: MIT */
#include "device/sim_calls.h"

#include <stdio.h>

/* What takes time, what happens with it, and what fails on demand. */

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)

static uint64_t now(const struct box *box)
{
    return box->sys->now(box->sys->user);
}

static void test_bandwidth__read(void **state)
{
    static const size_t pieces[] = {1, 1000, 65536, 1 << 20};
    static uint8_t bytes[(1 << 20) + 1];
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(pieces); i++) {
        struct box box = box_new("size=1M,read-bw=4M/s,precopy=off");
        int fd = box_enter(&box, MIGP_STATE_STOP_COPY);
        uint64_t start = now(&box);
        migp_ssize end;

        assert_int_equal(
            box_drain(&box, fd, bytes, sizeof(bytes), pieces[i], &end),
            1 << 20);
        assert_int_equal(now(&box) - start, SECOND / 4);
        box_close(&box, fd);
        box_free(&box);
    }
}

static void test_bandwidth__write_and_setups(void **state)
{
    static uint8_t bytes[65537];
    struct box box =
        box_new("size=64K,write-bw=64K/s,load-setup=300ms,stop-setup=7us");
    uint64_t start = now(&box);
    size_t n = box_save(&box, bytes, sizeof(bytes));
    int fd;

    (void)state;
    assert_int_equal(now(&box) - start, 7000);
    start = now(&box);
    fd = box_enter(&box, MIGP_STATE_RESUMING);
    assert_int_equal(box_pour(&box, fd, bytes, n, 999), 0);
    assert_int_equal(now(&box) - start, SECOND);
    box_go(&box, MIGP_STATE_STOP);
    assert_int_equal(now(&box) - start, SECOND + 300 * MS);
    box_close(&box, fd);
    box_free(&box);
}

static void check_amounts(const struct box *box, int fd, uint64_t initial,
                          uint64_t dirty)
{
    struct migp_vfio_precopy_info info;

    assert_int_equal(box_info(box, fd, &info), 0);
    assert_int_equal(info.initial_bytes, initial);
    assert_int_equal(info.dirty_bytes, dirty);
}

static void test_dirty_rate__grows_with_time(void **state)
{
    static uint8_t bytes[1 << 21];
    struct box box = box_new("size=1M,initial=64K,dirty-rate=40K/s");
    struct box target = box_new("size=1M,seed=2");
    int fd = box_enter(&box, MIGP_STATE_PRE_COPY);
    int to = box_enter(&target, MIGP_STATE_RESUMING);
    migp_ssize end;
    size_t n;

    (void)state;
    check_amounts(&box, fd, 65536, 0);
    migp_sim_advance(box.sim, SECOND / 20);
    check_amounts(&box, fd, 65536, 0); /* half a page */
    migp_sim_advance(box.sim, SECOND / 20);
    check_amounts(&box, fd, 65536, 4096);
    n = box_drain(&box, fd, bytes, sizeof(bytes), 10000, &end);
    assert_int_equal(end, -ENOMSG);
    assert_int_equal(n, 65536 + 4096);
    check_amounts(&box, fd, 0, 0);
    box.sys->sleep(box.sys->user, SECOND);
    check_amounts(&box, fd, 0, 40960);
    assert_int_equal(box_read(&box, fd, bytes + n, 960), 960);
    n += 960;
    check_amounts(&box, fd, 0, 40000);
    migp_sim_advance(box.sim, 3600 * SECOND);
    /* No more than the rest of the state, and what is being read. */
    check_amounts(&box, fd, 0, 40000 + (1 << 20) - 65536);
    box_go(&box, MIGP_STATE_STOP_COPY);
    migp_sim_advance(box.sim, 3600 * SECOND);
    n += box_drain(&box, fd, bytes + n, sizeof(bytes) - n, 4096, &end);
    assert_int_equal(end, 0);
    /* Initial, 4 KiB, 40 KiB, all else twice. */
    assert_int_equal(n, 65536 + 4096 + 40960 + 2 * ((1 << 20) - 65536));
    assert_int_equal(box_pour(&target, to, bytes, n, 5000), 0);
    box_go(&target, MIGP_STATE_STOP);
    assert_int_equal(migp_sim_fingerprint(box.sim),
                     migp_sim_fingerprint(target.sim));
    box_close(&box, fd);
    box_close(&target, to);
    box_free(&box);
    box_free(&target);
}

static void test_dirty_rate__largest_numbers(void **state)
{
    struct box box = box_new("size=1T,dirty-rate=1T/s");
    int fd = box_enter(&box, MIGP_STATE_PRE_COPY);

    (void)state;
    migp_sim_advance(box.sim, SECOND / 2);
    check_amounts(&box, fd, 64, UINT64_C(1) << 39);
    migp_sim_advance(box.sim, UINT64_MAX);
    check_amounts(&box, fd, 64, (UINT64_C(1) << 40) - 4096);
    assert_int_equal(now(&box), UINT64_MAX);
    box_close(&box, fd);
    box_free(&box);
}

/* A clock that counts what is asked of it. */
struct told {
    uint64_t now;
    uint64_t slept;
};

static uint64_t told_now(void *user)
{
    return ((struct told *)user)->now;
}

static void told_sleep(void *user, uint64_t nanoseconds)
{
    ((struct told *)user)->slept += nanoseconds;
}

static void test_clock__real(void **state)
{
    static uint8_t bytes[65537];
    struct told told = {17, 0};
    struct migp_sys clock = {.struct_size = sizeof(clock),
                             .user = &told,
                             .now = told_now,
                             .sleep = told_sleep};
    struct box box;

    (void)state;
    assert_int_equal(migp_sim_new(&box.sim,
                                  "size=64K,read-bw=128K/s,clock=real", &clock,
                                  NULL),
                     MIGP_OK);
    box.sys = migp_sim_sys(box.sim);
    box.fd = box.sys->open(box.sys->user, MIGP_SIM_PATH, O_RDWR);
    assert_int_equal(now(&box), 17);
    assert_int_equal(box_save(&box, bytes, sizeof(bytes)), 65536);
    assert_int_equal(told.slept, SECOND / 2);
    migp_sim_advance(box.sim, SECOND);
    assert_int_equal(now(&box), 17);
    assert_int_equal(told.slept, SECOND / 2);
    box_free(&box);
}

static void test_reset_after__bytes(void **state)
{
    static uint8_t bytes[65537];
    struct box box = box_new("size=64K,reset-after=10000");
    int fd = box_enter(&box, MIGP_STATE_STOP_COPY);
    migp_ssize end;

    (void)state;
    assert_int_equal(box_drain(&box, fd, bytes, sizeof(bytes), 4096, &end),
                     10000);
    assert_int_equal(end, -ENODEV);
    assert_int_equal(box_get(&box), MIGP_STATE_RUNNING);
    box_close(&box, fd);
    /* Once. */
    assert_int_equal(box_save(&box, bytes, sizeof(bytes)), 65536);
    box_free(&box);

    box = box_new("size=64K,reset-after=10000");
    fd = box_enter(&box, MIGP_STATE_RESUMING);
    migp_sim_reset(box.sim);
    box_close(&box, fd);
    fd = box_enter(&box, MIGP_STATE_STOP_COPY);
    assert_int_equal(box_drain(&box, fd, bytes, sizeof(bytes), 10000, &end),
                     10000);
    assert_int_equal(end, -ENODEV);
    box_close(&box, fd);
    box_free(&box);
}

static void test_reset_after__time_in_a_session(void **state)
{
    struct box box = box_new("reset-after=5ms");
    uint8_t byte;
    int fd;

    (void)state;
    migp_sim_advance(box.sim, SECOND);
    box_go(&box, MIGP_STATE_STOP);
    fd = box_enter(&box, MIGP_STATE_PRE_COPY);
    migp_sim_advance(box.sim, 5 * MS - 1);
    assert_int_equal(box_read(&box, fd, &byte, 1), 1);
    migp_sim_advance(box.sim, 1);
    assert_int_equal(box_get(&box), MIGP_STATE_RUNNING);
    assert_int_equal(box_read(&box, fd, &byte, 1), -ENODEV);
    box_close(&box, fd);
    box_free(&box);
}

/* One call of each kind; what it answers. */
static int call(const struct box *box, const char *what, int save_fd,
                int load_fd)
{
    struct migp_vfio_precopy_info info;
    struct migp_vfio_feature_logging_range range = {0, 4096};
    struct migp_vfio_feature_logging_control control = {
        4096, 1, 0, (uint64_t)(uintptr_t)&range};
    uint64_t bits = 0;
    struct migp_vfio_feature_logging_report report = {
        0, 4096, 4096, (uint64_t)(uintptr_t)&bits};
    uint8_t payload[8] = {0};
    uint8_t byte = 0;

    if (strcmp(what, "READ") == 0) {
        return (int)box_read(box, save_fd, &byte, 1) < 0 ? -EIO : 0;
    } else if (strcmp(what, "INFO") == 0) {
        return box_info(box, save_fd, &info);
    } else if (strcmp(what, "WRITE") == 0) {
        return (int)box_write(box, load_fd, &byte, 0);
    } else if (strcmp(what, "GET") == 0) {
        return box_feature(box, 16, 2 | MIGP_VFIO_FEATURE_GET, payload, 8);
    } else if (strcmp(what, "SIZE") == 0) {
        return box_feature(box, 16, 9 | MIGP_VFIO_FEATURE_GET, payload, 8);
    } else if (strcmp(what, "RESET") == 0) {
        return box_reset(box);
    } else if (strcmp(what, "START") == 0) {
        int result = box_feature(box, 32, 6 | MIGP_VFIO_FEATURE_SET, &control,
                                 sizeof(control));

        (void)box_feature(box, 8, 7 | MIGP_VFIO_FEATURE_SET, NULL, 0);
        return result;
    } else if (strcmp(what, "STOP") == 0) {
        return box_feature(box, 8, 7 | MIGP_VFIO_FEATURE_SET, NULL, 0);
    } else {
        int result;

        (void)box_feature(box, 32, 6 | MIGP_VFIO_FEATURE_SET, &control,
                          sizeof(control));
        result = box_feature(box, 40, 8 | MIGP_VFIO_FEATURE_GET, &report,
                             sizeof(report));
        (void)box_feature(box, 8, 7 | MIGP_VFIO_FEATURE_SET, NULL, 0);
        return result;
    }
}

static void test_fail__nth_of_each_operation(void **state)
{
    static const char *const operations[] = {"GET",   "READ", "WRITE",
                                             "INFO",  "SIZE", "RESET",
                                             "START", "STOP", "REPORT"};
    static const char *const forms[] = {"", "@1", "@2", "@3+"};
    static const char answers[][6] = {"x....", "x....", ".x...", "..xxx"};
    size_t i;
    size_t k;
    size_t n;

    (void)state;
    for (i = 0; i < N_TESTS(operations); i++) {
        const char *what = operations[i];
        /* START and REPORT stop logging again. */
        bool loads = strcmp(what, "WRITE") == 0;

        for (k = 0; k < N_TESTS(forms); k++) {
            char options[64];
            struct box box;
            int fd;

            (void)snprintf(options, sizeof(options), "fail=%s:EIO%s", what,
                           forms[k]);
            box = box_new(options);
            fd = box_enter(&box,
                           loads ? MIGP_STATE_RESUMING : MIGP_STATE_PRE_COPY);
            for (n = 0; n < 5; n++) {
                assert_int_equal(call(&box, what, fd, fd),
                                 answers[k][n] == 'x' ? -EIO : 0);
            }
            box_close(&box, fd);
            box_free(&box);
        }
    }
}

static void test_fail__set(void **state)
{
    struct box box = box_new("fail=SET:EBUSY@2,fail=SET:STOP_COPY:EIO@2+,"
                             "fail=SET:RUNNING_P2P:EAGAIN@3");
    int data_fd;
    int fd;

    (void)state;
    box_go(&box, MIGP_STATE_STOP);
    assert_int_equal(box_set(&box, MIGP_STATE_STOP_COPY, &data_fd), -EBUSY);
    assert_int_equal(box_get(&box), MIGP_STATE_STOP);
    fd = box_enter(&box, MIGP_STATE_STOP_COPY);
    box_close(&box, fd);
    box_go(&box, MIGP_STATE_RUNNING);
    /* The third entry of RUNNING_P2P, then the second of STOP_COPY. */
    assert_int_equal(box_set(&box, MIGP_STATE_STOP_COPY, &data_fd), -EAGAIN);
    assert_int_equal(box_get(&box), MIGP_STATE_RUNNING);
    assert_int_equal(box_set(&box, MIGP_STATE_STOP_COPY, &data_fd), -EIO);
    assert_int_equal(data_fd, -1);
    assert_int_equal(box_get(&box), MIGP_STATE_STOP);
    assert_int_equal(box_set(&box, MIGP_STATE_STOP_COPY, &data_fd), -EIO);
    box_free(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bandwidth__read),
        cmocka_unit_test(test_bandwidth__write_and_setups),
        cmocka_unit_test(test_dirty_rate__grows_with_time),
        cmocka_unit_test(test_dirty_rate__largest_numbers),
        cmocka_unit_test(test_clock__real),
        cmocka_unit_test(test_reset_after__bytes),
        cmocka_unit_test(test_reset_after__time_in_a_session),
        cmocka_unit_test(test_fail__nth_of_each_operation),
        cmocka_unit_test(test_fail__set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
