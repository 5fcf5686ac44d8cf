/* SPDX-License-Identifier: MIT */
#include "device/sim_calls.h"

#include <poll.h>
#include <stdio.h>

/*
 * Drivers as a simulated device plays them, against what docs/protocol.md says
 * of them. mtty is in test_sim_mtty.c.
 */

#define ROOM (1 << 20)

static uint64_t le64(const uint8_t *bytes)
{
    uint64_t value = 0;
    int i;

    for (i = 7; i >= 0; i--) {
        value = value << 8 | bytes[i];
    }
    return value;
}

/* Records: size, flags, tag. */
static void check_record(const uint8_t *bytes, uint64_t size, uint64_t flags,
                         uint64_t tag)
{
    assert_int_equal(le64(bytes), size);
    assert_int_equal(le64(bytes + 8), flags | tag << 32);
}

static void test_mlx5__records(void **state)
{
    static uint8_t bytes[ROOM];
    struct box box = box_new("quirk=mlx5,size=64K,initial=8K,dirty-rate=8K/s");
    struct migp_vfio_precopy_info info;
    migp_ssize end;
    int fd = box_enter(&box, MIGP_STATE_PRE_COPY);

    (void)state;
    assert_int_equal(box_info(&box, fd, &info), 0);
    assert_int_equal(info.initial_bytes, 8192);
    assert_int_equal(box.sys->poll(box.sys->user, fd, POLLIN, 0), POLLIN);
    assert_int_equal(box_drain(&box, fd, bytes, ROOM, 999, &end), 8192);
    assert_int_equal(end, -ENOMSG);
    check_record(bytes, 8, 1, 1);
    assert_int_equal(le64(bytes + 16), 65536 - 16);
    check_record(bytes + 24, 8192 - 40, 0, 0);
    /* Time alone brings nothing new; the question does. */
    migp_sim_advance(box.sim, UINT64_C(1000000000));
    assert_int_equal(box_read(&box, fd, bytes, ROOM), -ENOMSG);
    assert_int_equal(box.sys->poll(box.sys->user, fd, POLLIN, 0), 0);
    assert_int_equal(box_info(&box, fd, &info), 0);
    assert_int_equal(info.initial_bytes, 0);
    assert_int_equal(info.dirty_bytes, 8192);
    assert_int_equal(box.sys->poll(box.sys->user, fd, POLLIN, 0), POLLIN);
    assert_int_equal(box_drain(&box, fd, bytes, ROOM, 999, &end), 8192);
    check_record(bytes, 8192 - 16, 0, 0);
    box_go(&box, MIGP_STATE_STOP_COPY);
    assert_int_equal(box_drain(&box, fd, bytes, ROOM, 999, &end), 65536 - 8192);
    assert_int_equal(end, 0);
    check_record(bytes, 65536 - 8192 - 16, 0, 0);
    box_close(&box, fd);
    box_free(&box);
}

static void test_mlx5__reinit(void **state)
{
    static uint8_t bytes[ROOM];
    struct box box = box_new("quirk=mlx5,size=64K,initial=8K,dirty-rate=8K/s");
    struct migp_vfio_precopy_info info;
    migp_ssize end;
    int fd = box_enter(&box, MIGP_STATE_PRE_COPY);
    int round;

    (void)state;
    assert_int_equal(
        box_feature(&box, 8,
                    MIGP_FEATURE_MIG_PRECOPY_INFOV2 | MIGP_VFIO_FEATURE_SET,
                    NULL, 0),
        0);
    for (round = 0; round < 3; round++) {
        (void)box_drain(&box, fd, bytes, ROOM, 4096, &end);
        migp_sim_advance(box.sim, UINT64_C(1000000000));
        assert_int_equal(box_info(&box, fd, &info), 0);
        assert_int_equal(info.flags, round == 0 ? 1 : 0);
        assert_int_equal(info.initial_bytes, round == 0 ? 8192 : 0);
        assert_int_equal(info.dirty_bytes, round == 0 ? 0 : 8192);
    }
    box_close(&box, fd);
    box_free(&box);
}

/* What a chain of records answers to bad data; nothing at the end is. */
static void check_chain(const char *options, bool size_record)
{
    static uint8_t good[ROOM];
    static const uint8_t unknown[16] = {1, [12] = 9};
    static const uint8_t optional[17] = {1, [8] = 1, [12] = 9};
    static const uint8_t huge[16] = {[4] = 1};
    static const uint8_t sized[24] = {8, [12] = 1};
    struct box box = box_new(options);
    size_t size = box_save(&box, good, ROOM);
    size_t n;
    int fd;

    for (n = 0; n <= size; n += size / 7) {
        uint64_t before = migp_sim_fingerprint(box.sim);

        fd = box_enter(&box, MIGP_STATE_RESUMING);
        assert_int_equal(box_pour(&box, fd, good, n, 999), 0);
        box_go(&box, MIGP_STATE_STOP);
        assert_int_equal(migp_sim_fingerprint(box.sim), before);
        box_close(&box, fd);
    }
    fd = box_enter(&box, MIGP_STATE_RESUMING);
    assert_int_equal(box_pour(&box, fd, optional, 17, 1), 0);
    if (size_record) {
        assert_int_equal(box_pour(&box, fd, sized, 24, 24), 0);
    }
    assert_int_equal(box_pour(&box, fd, good, size, size), 0);
    assert_int_equal(box_write(&box, fd, unknown, 16), -EOPNOTSUPP);
    assert_int_equal(box_write(&box, fd, optional, 16), -ENODEV);
    box_go(&box, MIGP_STATE_STOP);
    box_close(&box, fd);
    fd = box_enter(&box, MIGP_STATE_RESUMING);
    assert_int_equal(box_write(&box, fd, huge, 16), -ENOMEM);
    assert_int_equal(box_write(&box, fd, good, 16), -ENODEV);
    box_go(&box, MIGP_STATE_STOP);
    box_close(&box, fd);
    fd = box_enter(&box, MIGP_STATE_RESUMING);
    good[16 + 3] ^= 1;
    assert_int_equal(box_pour(&box, fd, good, size, size), -EINVAL);
    box_close(&box, fd);
    assert_int_equal(box_reset(&box), 0);
    box_free(&box);
}

static void test_chains__bad_data(void **state)
{
    struct box box = box_new("quirk=virtio,size=16K");
    static const uint8_t sized[24] = {8, [12] = 1};
    int fd = box_enter(&box, MIGP_STATE_RESUMING);

    (void)state;
    assert_int_equal(box_write(&box, fd, sized, 24), -EOPNOTSUPP);
    box_close(&box, fd);
    box_free(&box);
    check_chain("quirk=mlx5,size=16K", true);
    check_chain("quirk=virtio,size=16K", false);
}

/* A device's content goes where the last whole record says. */
static void test_virtio__each_record_is_a_whole_state(void **state)
{
    static uint8_t bytes[ROOM];
    struct box box = box_new("quirk=virtio,size=16K,seed=4");
    struct box target = box_new("quirk=virtio,size=16K,seed=5");
    struct migp_vfio_precopy_info info;
    uint64_t first = migp_sim_fingerprint(box.sim);
    migp_ssize end;
    size_t n;
    int fd = box_enter(&box, MIGP_STATE_PRE_COPY);
    int to = box_enter(&target, MIGP_STATE_RESUMING);

    (void)state;
    assert_int_equal(box_info(&box, fd, &info), 0);
    assert_int_equal(info.initial_bytes, 16384);
    n = box_drain(&box, fd, bytes, ROOM, 4096, &end);
    assert_int_equal(n, 16384);
    assert_int_equal(end, -ENOMSG);
    check_record(bytes, 16384 - 16, 0, 0);
    assert_int_equal(box_info(&box, fd, &info), 0);
    assert_int_equal(info.dirty_bytes, 0);
    migp_sim_advance(box.sim, UINT64_C(1000000000));
    assert_int_equal(box_info(&box, fd, &info), 0);
    assert_int_equal(info.initial_bytes, 0);
    assert_int_equal(info.dirty_bytes, 16384);
    n += box_drain(&box, fd, bytes + n, ROOM - n, 4096, &end);
    assert_int_equal(box_info(&box, fd, &info), 0);
    assert_int_equal(info.dirty_bytes, 0);
    box_poke(&box, 0, "new", 3);
    box_go(&box, MIGP_STATE_STOP_COPY);
    n += box_drain(&box, fd, bytes + n, ROOM - n, 4096, &end);
    assert_int_equal(n, 3 * 16384);
    assert_int_equal(box_pour(&target, to, bytes, n - 1, 4096), 0);
    assert_int_equal(migp_sim_fingerprint(target.sim), first);
    assert_int_equal(box_write(&target, to, bytes + n - 1, 1), 1);
    box_go(&target, MIGP_STATE_STOP);
    assert_int_equal(migp_sim_fingerprint(target.sim),
                     migp_sim_fingerprint(box.sim));
    box_close(&box, fd);
    box_close(&target, to);
    box_free(&box);
    box_free(&target);
}

static void test_hisi__match_data(void **state)
{
    struct box box = box_new("quirk=hisi,seed=4");
    struct box target = box_new("quirk=hisi,seed=5");
    uint8_t bytes[177];
    uint64_t before = migp_sim_fingerprint(target.sim);
    int data_fd;
    int fd;

    (void)state;
    assert_int_equal(box_set(&box, MIGP_STATE_RUNNING_P2P, &data_fd), -EINVAL);
    assert_int_equal(box_save(&box, bytes, 177), 176);
    assert_int_equal(le64(bytes), UINT64_C(0xAACCFEEDDECADEDE));
    /* Exactly the match data: success, and nothing is loaded. */
    fd = box_enter(&target, MIGP_STATE_RESUMING);
    assert_int_equal(box_pour(&target, fd, bytes, 39, 39), 0);
    assert_int_equal(box_set(&target, MIGP_STATE_STOP, &data_fd), -EINVAL);
    assert_int_equal(box_write(&target, fd, bytes + 39, 1), 1);
    box_go(&target, MIGP_STATE_STOP);
    assert_int_equal(migp_sim_fingerprint(target.sim), before);
    box_close(&target, fd);
    /* Another device's is refused, once. */
    fd = box_enter(&target, MIGP_STATE_RESUMING);
    bytes[12] ^= 1;
    assert_int_equal(box_write(&target, fd, bytes, 40), -EFAULT);
    assert_int_equal(box_pour(&target, fd, bytes + 40, 136, 50), 0);
    assert_int_equal(box_write(&target, fd, bytes, 1), -ENOMEM);
    box_go(&target, MIGP_STATE_STOP);
    assert_int_equal(migp_sim_fingerprint(target.sim),
                     migp_sim_fingerprint(box.sim));
    box_close(&target, fd);
    box_free(&box);
    box_free(&target);
}

static void test_qat__stale_bytes(void **state)
{
    struct box box = box_new("quirk=qat,seed=4");
    struct box target = box_new("quirk=qat,seed=5");
    uint8_t first[4097];
    uint8_t second[4097];
    uint64_t before = migp_sim_fingerprint(target.sim);
    int data_fd;
    int fd;

    (void)state;
    assert_int_equal(box_save(&box, first, 4097), 4096);
    assert_int_equal(box_save(&box, second, 4097), 4096);
    assert_memory_equal(first, second, 716);
    assert_memory_not_equal(first + 716, second + 716, 4096 - 716);
    fd = box_enter(&target, MIGP_STATE_RESUMING);
    assert_int_equal(box_set(&target, MIGP_STATE_STOP, &data_fd), -EINVAL);
    first[4] ^= 2; /* version */
    assert_int_equal(box_write(&target, fd, first, 92), -EINVAL);
    first[4] ^= 2;
    box_close(&target, fd);
    assert_int_equal(box_reset(&target), 0);
    /* After a save of its own nothing at all is a state. */
    assert_int_equal(box_save(&target, second, 4097), 4096);
    fd = box_enter(&target, MIGP_STATE_RESUMING);
    box_go(&target, MIGP_STATE_STOP);
    assert_int_equal(migp_sim_fingerprint(target.sim), before);
    box_close(&target, fd);
    fd = box_enter(&target, MIGP_STATE_RESUMING);
    assert_int_equal(box_pour(&target, fd, first, 716, 91), 0);
    box_go(&target, MIGP_STATE_STOP);
    assert_int_equal(migp_sim_fingerprint(target.sim),
                     migp_sim_fingerprint(box.sim));
    box_close(&target, fd);
    box_free(&box);
    box_free(&target);
}

static void test_pds__limit_and_error_state(void **state)
{
    static uint8_t bytes[65537];
    struct box box = box_new("quirk=pds,seed=4");
    struct box target = box_new("quirk=pds,seed=5,reset-after=65536");
    int data_fd;
    int fd;

    (void)state;
    assert_int_equal(box_set(&box, MIGP_STATE_PRE_COPY, &data_fd), -EINVAL);
    assert_int_equal(box_save(&box, bytes, sizeof(bytes)), 65536);
    fd = box_enter(&target, MIGP_STATE_RESUMING);
    assert_int_equal(box_pour(&target, fd, bytes, 65535, 65535), 0);
    assert_int_equal(box_set(&target, MIGP_STATE_STOP, &data_fd), -EIO);
    assert_int_equal(box_write(&target, fd, bytes + 65535, 2), 1);
    /* Now the device is reset from outside, in the middle of its load. */
    assert_int_equal(box_get(&target), MIGP_STATE_ERROR);
    assert_int_equal(box_write(&target, fd, bytes, 1), -ENODEV);
    assert_int_equal(box_set(&target, MIGP_STATE_STOP, &data_fd), -EIO);
    assert_int_equal(box_set(&target, MIGP_STATE_RUNNING, &data_fd), -EIO);
    assert_int_equal(box_get(&target), MIGP_STATE_ERROR);
    assert_int_equal(box_reset(&target), 0);
    assert_int_equal(box_get(&target), MIGP_STATE_RUNNING);
    box_close(&target, fd);
    fd = box_enter(&target, MIGP_STATE_RESUMING);
    assert_int_equal(box_write(&target, fd, bytes, 65537), 65536);
    assert_int_equal(box_write(&target, fd, bytes, 1), -EINVAL);
    box_go(&target, MIGP_STATE_STOP);
    assert_int_equal(migp_sim_fingerprint(target.sim),
                     migp_sim_fingerprint(box.sim));
    box_close(&target, fd);
    box_free(&box);
    box_free(&target);
}

/* Flags, MIG_DATA_SIZE, DMA logging, name of a data fd, PCI device. */
static void test_quirks__what_each_says_of_itself(void **state)
{
    static const struct {
        const char *options;
        const char *link;
        uint64_t migration;
        uint64_t data_size;
        int logging;
        uint8_t vendor[2];
    } drivers[] = {
        {"size=64K", "anon_inode:sim_mig", 7, 65536, 0, {0x55, 0x1d}},
        {"quirk=mtty", "anon_inode:mtty_mig", 7, 60, 0, {0x48, 0x43}},
        {"quirk=mlx5,size=64K",
         "anon_inode:mlx5vf_mig",
         7,
         65520,
         0,
         {0xb3, 0x15}},
        {"quirk=virtio,size=64K",
         "anon_inode:virtiovf_mig",
         7,
         65520,
         -ENOTTY,
         {0xf4, 0x1a}},
        {"quirk=hisi",
         "anon_inode:hisi_acc_vf_mig",
         5,
         176,
         -ENOTTY,
         {0xe5, 0x19}},
        {"quirk=qat", "anon_inode:qat_vf_mig", 7, 4096, -ENOTTY, {0x86, 0x80}},
        {"quirk=pds", "anon_inode:pds_vfio_lm", 3, 65536, 0, {0xd8, 0x1d}},
    };
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(drivers); i++) {
        struct box box = box_new(drivers[i].options);
        uint64_t value = 0;
        uint8_t vendor[2];
        char path[32];
        char link[64];
        migp_ssize n;
        int fd = box_enter(&box, MIGP_STATE_STOP_COPY);

        assert_int_equal(
            box_feature(&box, 16, 1 | MIGP_VFIO_FEATURE_GET, &value, 8), 0);
        assert_int_equal(value, drivers[i].migration);
        assert_int_equal(
            box_feature(&box, 16, 9 | MIGP_VFIO_FEATURE_GET, &value, 8), 0);
        assert_int_equal(value, drivers[i].data_size);
        assert_int_equal(
            box_feature(&box, 8, 6 | MIGP_VFIO_FEATURE_PROBE, NULL, 0),
            drivers[i].logging);
        assert_int_equal(
            box_feature(&box, 8, 7 | MIGP_VFIO_FEATURE_SET, NULL, 0),
            drivers[i].logging);
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        n = box.sys->readlink(box.sys->user, path, link, sizeof(link) - 1);
        assert_true(n > 0);
        link[n] = '\0';
        assert_string_equal(link, drivers[i].link);
        assert_int_equal(
            box.sys->pread(box.sys->user, box.fd, vendor, 2, UINT64_C(7) << 40),
            2);
        assert_memory_equal(vendor, drivers[i].vendor, 2);
        box_close(&box, fd);
        box_free(&box);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mlx5__records),
        cmocka_unit_test(test_mlx5__reinit),
        cmocka_unit_test(test_chains__bad_data),
        cmocka_unit_test(test_virtio__each_record_is_a_whole_state),
        cmocka_unit_test(test_hisi__match_data),
        cmocka_unit_test(test_qat__stale_bytes),
        cmocka_unit_test(test_pds__limit_and_error_state),
        cmocka_unit_test(test_quirks__what_each_says_of_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
