/* SPDX-License-Identifier: MIT */
#include "device/sim_calls.h"

#include <stdio.h>

/*
 * Each rule that can be broken: kept by a device as it is, broken by one that
 * was told to.
 */

#define SIZE 16384
#define ROOM (4 * SIZE)

static int feature(const struct box *box, uint32_t flags, void *payload,
                   size_t size)
{
    return box_feature(box, (uint32_t)(8 + size), flags, payload, size);
}

static int start(const struct box *box, uint32_t n)
{
    static const struct migp_vfio_feature_logging_range ranges[2] = {
        {0, 65536}, {4096, 4096}};
    struct migp_vfio_feature_logging_control control = {
        4096, n, 0, (uint64_t)(uintptr_t)ranges};

    return feature(box, 6 | MIGP_VFIO_FEATURE_SET, &control, sizeof(control));
}

/* NOLINTNEXTLINE(readability-non-const-parameter): bits are written to. */
static int report(const struct box *box, uint64_t *bits)
{
    struct migp_vfio_feature_logging_report payload = {
        0, 65536, 4096, (uint64_t)(uintptr_t)bits};

    return feature(box, 8 | MIGP_VFIO_FEATURE_GET, &payload, sizeof(payload));
}

static bool set_is(const struct box *box, uint32_t state, int expected)
{
    int data_fd;
    int result = box_set(box, state, &data_fd);

    if (data_fd >= 0) {
        box_close(box, data_fd);
    }
    return result == expected;
}

static bool probe(struct box *box)
{
    return box_feature(box, 8, 2 | MIGP_VFIO_FEATURE_PROBE, NULL, 0) == 0;
}

static bool flags(struct box *box)
{
    uint64_t migration = 0;

    return feature(box, 1 | MIGP_VFIO_FEATURE_GET, &migration, 8) == 0 &&
           migration == 7;
}

static bool argsz(struct box *box)
{
    return box_feature(box, 15, 1 | MIGP_VFIO_FEATURE_GET, NULL, 0) == -EINVAL;
}

static bool get_fd(struct box *box)
{
    struct migp_vfio_feature_mig_state got = {0, 77};

    return feature(box, 2 | MIGP_VFIO_FEATURE_GET, &got, 8) == 0 &&
           got.data_fd == -1;
}

static bool size_while_resuming(struct box *box)
{
    uint64_t size = 0;

    box_close(box, box_enter(box, MIGP_STATE_RESUMING));
    return feature(box, 9 | MIGP_VFIO_FEATURE_GET, &size, 8) == 0;
}

static bool reopen(struct box *box)
{
    box_go(box, MIGP_STATE_STOP);
    box_close(box, box->fd);
    box->fd = box->sys->open(box->sys->user, MIGP_SIM_PATH, O_RDWR);
    return box_get(box) == MIGP_STATE_RUNNING;
}

/* Save, and load again with the given pieces; the state then asked for. */
static bool round_trip(struct box *box, size_t piece, uint32_t target)
{
    static uint8_t bytes[ROOM];
    uint64_t before = migp_sim_fingerprint(box->sim);
    size_t size = box_save(box, bytes, ROOM);
    int fd = box_enter(box, MIGP_STATE_RESUMING);
    bool good = box_pour(box, fd, bytes, size, piece) == 0 &&
                set_is(box, target, 0) && box_get(box) == target &&
                migp_sim_fingerprint(box->sim) == before;

    box_close(box, fd);
    return good;
}

static bool combined_arc(struct box *box)
{
    return round_trip(box, SIZE, MIGP_STATE_RUNNING);
}

static bool alters(struct box *box)
{
    return round_trip(box, SIZE, MIGP_STATE_STOP);
}

static bool small_writes(struct box *box)
{
    return round_trip(box, 1, MIGP_STATE_STOP);
}

static bool set_error(struct box *box)
{
    return set_is(box, MIGP_STATE_ERROR, -EINVAL) &&
           box_get(box) == MIGP_STATE_RUNNING;
}

static bool forbidden_arc(struct box *box)
{
    box_close(box, box_enter(box, MIGP_STATE_STOP_COPY));
    return set_is(box, MIGP_STATE_PRE_COPY, -EINVAL) &&
           set_is(box, MIGP_STATE_PRE_COPY_P2P, -EINVAL) &&
           box_get(box) == MIGP_STATE_STOP_COPY;
}

static bool same_state(struct box *box)
{
    return set_is(box, MIGP_STATE_RUNNING, 0);
}

static bool cloexec(struct box *box)
{
    int fd = box_enter(box, MIGP_STATE_STOP_COPY);
    bool good = box->sys->fcntl(box->sys->user, fd, F_GETFD, 0) == FD_CLOEXEC;

    box_close(box, fd);
    return good;
}

static bool no_new_fd(struct box *box)
{
    int data_fd;

    box_close(box, box_enter(box, MIGP_STATE_PRE_COPY));
    assert_int_equal(box_set(box, MIGP_STATE_STOP_COPY, &data_fd), 0);
    if (data_fd >= 0) {
        box_close(box, data_fd);
    }
    return data_fd == -1;
}

static bool read_after_end(struct box *box)
{
    int fd = box_enter(box, MIGP_STATE_STOP_COPY);
    uint8_t byte;
    migp_ssize n;

    box_go(box, MIGP_STATE_STOP);
    n = box_read(box, fd, &byte, 1);
    box_close(box, fd);
    return n == -ENODEV;
}

static bool failed_set(struct box *box)
{
    box_close(box, box_enter(box, MIGP_STATE_RESUMING));
    return set_is(box, MIGP_STATE_STOP, -EINVAL) &&
           box_get(box) == MIGP_STATE_RESUMING;
}

static bool truncated(struct box *box)
{
    box_close(box, box_enter(box, MIGP_STATE_RESUMING));
    return set_is(box, MIGP_STATE_STOP, -EINVAL);
}

static bool no_drift(struct box *box)
{
    box_go(box, MIGP_STATE_STOP);
    box->sys->sleep(box->sys->user, 1000000);
    return box_get(box) == MIGP_STATE_STOP;
}

static bool one_way(struct box *box)
{
    int fd = box_enter(box, MIGP_STATE_RESUMING);
    uint8_t byte;
    bool good = box_read(box, fd, &byte, 1) == -EBADF;

    box_close(box, fd);
    return good;
}

/* What the first and the second read at the end of STOP_COPY give. */
static bool ends_with(struct box *box, migp_ssize first, migp_ssize second)
{
    static uint8_t bytes[ROOM];
    int fd = box_enter(box, MIGP_STATE_STOP_COPY);
    migp_ssize end;
    bool good;

    (void)box_drain(box, fd, bytes, ROOM, 4096, &end);
    good = end == first && box_read(box, fd, bytes, 1) == second;
    box_close(box, fd);
    return good;
}

static bool stop_copy_end(struct box *box)
{
    return ends_with(box, 0, 0);
}

/* In small pieces or at once; and what comes at the end of PRE_COPY. */
static bool precopy_end(struct box *box)
{
    static uint8_t bytes[ROOM];
    int fd = box_enter(box, MIGP_STATE_PRE_COPY);
    migp_ssize end;

    (void)box_drain(box, fd, bytes, ROOM, 4096, &end);
    box_close(box, fd);
    return end == -ENOMSG;
}

static bool read_sizes(struct box *box)
{
    static uint8_t whole[ROOM];
    static uint8_t cut[ROOM];
    int fd = box_enter(box, MIGP_STATE_STOP_COPY);
    migp_ssize end;

    (void)box_drain(box, fd, whole, ROOM, 4096, &end);
    box_close(box, fd);
    box_go(box, MIGP_STATE_STOP);
    fd = box_enter(box, MIGP_STATE_STOP_COPY);
    (void)box_drain(box, fd, cut, ROOM, 1, &end);
    box_close(box, fd);
    return memcmp(whole, cut, SIZE) == 0;
}

static bool precopy_load(struct box *box)
{
    static uint8_t bytes[ROOM];
    int fd = box_enter(box, MIGP_STATE_PRE_COPY);
    migp_ssize end;
    size_t n = box_drain(box, fd, bytes, ROOM, 4096, &end);
    bool good;

    box_go(box, MIGP_STATE_STOP_COPY);
    n += box_drain(box, fd, bytes + n, ROOM - n, 4096, &end);
    box_close(box, fd);
    fd = box_enter(box, MIGP_STATE_RESUMING);
    good = box_pour(box, fd, bytes, n, 4096) == 0;
    box_close(box, fd);
    return good;
}

static bool info_in_stop(struct box *box)
{
    struct migp_vfio_precopy_info info;
    int fd = box_enter(box, MIGP_STATE_STOP_COPY);
    bool good = box_info(box, fd, &info) == -EINVAL;

    box_close(box, fd);
    return good;
}

static bool initial_shrinks(struct box *box)
{
    struct migp_vfio_precopy_info info;
    int fd = box_enter(box, MIGP_STATE_PRE_COPY);
    uint8_t bytes[100];

    assert_int_equal(box_read(box, fd, bytes, 100), 100);
    assert_int_equal(box_info(box, fd, &info), 0);
    box_close(box, fd);
    return info.initial_bytes == 4096 - 100;
}

static bool info_flags(struct box *box)
{
    struct migp_vfio_precopy_info info;
    int fd = box_enter(box, MIGP_STATE_PRE_COPY);

    assert_int_equal(box_feature(box, 8, 12 | MIGP_VFIO_FEATURE_SET, NULL, 0),
                     0);
    assert_int_equal(box_info(box, fd, &info), 0);
    box_close(box, fd);
    return info.flags == 0;
}

static bool after_refusal(struct box *box)
{
    static const uint8_t bytes[64];
    int fd = box_enter(box, MIGP_STATE_RESUMING);
    bool good;

    assert_int_equal(box_write(box, fd, bytes, 64), -EINVAL);
    good = box_write(box, fd, bytes, 64) == -ENODEV &&
           set_is(box, MIGP_STATE_STOP, -EINVAL);
    box_close(box, fd);
    return good;
}

static bool reset_resuming(struct box *box)
{
    box_close(box, box_enter(box, MIGP_STATE_RESUMING));
    return box_reset(box) == 0 && box_get(box) == MIGP_STATE_RUNNING;
}

static bool reset_saving(struct box *box)
{
    box_close(box, box_enter(box, MIGP_STATE_PRE_COPY));
    return box_reset(box) == 0 && box_get(box) == MIGP_STATE_RUNNING;
}

static bool overlap(struct box *box)
{
    return start(box, 2) == -EINVAL;
}

static bool unstarted(struct box *box)
{
    uint64_t bits = 0;

    return report(box, &bits) == -EINVAL;
}

static bool second_start(struct box *box)
{
    int first = start(box, 1);

    return first == 0 && start(box, 1) == -EINVAL;
}

static bool bitmap_kept(struct box *box)
{
    uint64_t bits = 0x5000;

    return start(box, 1) == 0 && report(box, &bits) == 0 && bits == 0x5000;
}

static bool clean(struct box *box)
{
    uint64_t bits = 0;

    return start(box, 1) == 0 && report(box, &bits) == 0 &&
           report(box, &bits) == 0 && bits == 0;
}

static bool logging_in_stop(struct box *box)
{
    box_go(box, MIGP_STATE_STOP);
    return start(box, 1) == 0;
}

static bool close_device(struct box *box)
{
    int fd = box_enter(box, MIGP_STATE_STOP_COPY);
    uint8_t byte;
    bool good;

    box_close(box, box->fd);
    good = box_read(box, fd, &byte, 1) == -ENODEV;
    box_close(box, fd);
    box->fd = box->sys->open(box->sys->user, MIGP_SIM_PATH, O_RDWR);
    return good;
}

static bool close_data(struct box *box)
{
    box_close(box, box_enter(box, MIGP_STATE_STOP_COPY));
    return box_get(box) == MIGP_STATE_STOP_COPY;
}

static bool config_in_stop(struct box *box)
{
    uint8_t byte;

    box_go(box, MIGP_STATE_STOP);
    return box->sys->pread(box->sys->user, box->fd, &byte, 1,
                           UINT64_C(7) << 40) == 1;
}

static const struct {
    const char *id;
    uint32_t check; /* the invariant in docs/protocol.md */
    bool (*kept)(struct box *box);
} rules[] = {
    {"probe-disagrees", 1, probe},
    {"bad-flags", 2, flags},
    {"bad-argsz-accepted", 3, argsz},
    {"get-returns-fd", 4, get_fd},
    {"no-size-while-resuming", 5, size_while_resuming},
    {"state-survives-reopen", 6, reopen},
    {"combined-arc-refused", 7, combined_arc},
    {"error-can-be-set", 8, set_error},
    {"forbidden-arc-allowed", 9, forbidden_arc},
    {"set-same-state-fails", 10, same_state},
    {"fd-not-cloexec", 11, cloexec},
    {"new-fd-at-stop-copy", 12, no_new_fd},
    {"read-after-session-end", 13, read_after_end},
    {"failed-set-moves-elsewhere", 14, failed_set},
    {"spontaneous-state", 16, no_drift},
    {"resume-fd-readable", 17, one_way},
    {"eof-then-data", 18, stop_copy_end},
    {"enomsg-in-stop-copy", 18, stop_copy_end},
    {"precopy-end-is-zero", 19, precopy_end},
    {"segmentation-matters", 21, read_sizes},
    {"precopy-not-loadable", 22, precopy_load},
    {"precopy-info-in-stop", 23, info_in_stop},
    {"initial-bytes-grow", 24, initial_shrinks},
    {"precopy-flags-undefined", 25, info_flags},
    {"load-alters-state", 26, alters},
    {"small-write-refused", 27, small_writes},
    {"truncated-load-accepted", 28, truncated},
    {"accepts-after-refusal", 30, after_refusal},
    {"reset-keeps-resuming", 31, reset_resuming},
    {"overlapping-ranges-accepted", 32, overlap},
    {"report-without-start", 33, unstarted},
    {"second-start", 33, second_start},
    {"report-overwrites-bitmap", 34, bitmap_kept},
    {"report-never-clean", 36, clean},
    {"logging-needs-running", 37, logging_in_stop},
    {"reset-keeps-state", 38, reset_saving},
    {"close-keeps-session", 39, close_device},
    {"data-close-changes-state", 39, close_data},
    {"config-silent-in-stop", 40, config_in_stop},
};

static bool kept(const char *breaks, bool (*check)(struct box *box))
{
    char options[128];
    struct box box;
    bool good;

    (void)snprintf(options, sizeof(options), "size=16K,initial=4K%s%s",
                   breaks != NULL ? ",break=" : "",
                   breaks != NULL ? breaks : "");
    box = box_new(options);
    good = check(&box);
    box_free(&box);
    return good;
}

static void test_break_id__is_the_list(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(rules); i++) {
        assert_string_equal(migp_sim_break_id(i), rules[i].id);
        assert_int_equal(migp_sim_break_check(i), rules[i].check);
    }
    assert_null(migp_sim_break_id(i));
    assert_int_equal(migp_sim_break_check(i), 0);
    assert_null(migp_sim_break_id(SIZE_MAX));
    assert_int_equal(migp_sim_break_check(SIZE_MAX), 0);
}

static void test_break__each_rule(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(rules); i++) {
        if (!kept(NULL, rules[i].kept)) {
            fail_msg("%s: without being asked to", rules[i].id);
        }
        if (kept(rules[i].id, rules[i].kept)) {
            fail_msg("%s: not broken", rules[i].id);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_break_id__is_the_list),
        cmocka_unit_test(test_break__each_rule),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
