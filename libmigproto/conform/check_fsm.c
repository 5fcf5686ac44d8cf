/* SPDX-License-Identifier: MIT */
#include "conform/table.h"

#include "device/fsm.h"
#include "device/uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>

#define MS UINT64_C(1000000)
/* How long a device is watched in one state. */
#define WATCH (20 * MS)

/* Told of each pair that the table allows and that is no step on the spot;
 * the device is in from. False: no more. */
typedef bool (*pair_fn)(struct migp_kit *kit, uint32_t from, uint32_t to);

static void for_each_pair(struct migp_kit *kit, pair_fn fn)
{
    uint32_t from;
    uint32_t to;
    size_t i;
    size_t j;
    bool loads = migp_kit_need_image(kit);

    for (i = 0; migp_kit_state(kit, i, &from); i++) {
        if (from == MIGP_STATE_RESUMING && !loads) {
            continue; /* the verdict says why */
        }
        for (j = 0; migp_kit_state(kit, j, &to); j++) {
            if (from == to || migp_state_path(kit->migration, from, to, NULL,
                                              0) == MIGP_ERR_STATE) {
                continue;
            }
            if (!migp_kit_start(kit, from)) {
                if (kit->lost) {
                    return;
                }
                break;
            }
            if (!fn(kit, from, to)) {
                return;
            }
        }
    }
}

static bool check_pair(struct migp_kit *kit, uint32_t from, uint32_t to)
{
    uint32_t now = MIGP_STATE_COUNT;
    int32_t fd = -2;
    int result = migp_kit_set(kit, to, &fd);
    int asked = migp_kit_get(kit, &now, NULL);

    migp_kit_close_stray(kit, fd);
    if (result != 0) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE, "SET from %s to %s fails with %s",
                      migp_state_name(from), migp_state_name(to),
                      migp_kit_answer(result));
    } else if (asked != 0 || now != to) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "SET from %s to %s succeeds, but GET says %s",
                      migp_state_name(from), migp_state_name(to),
                      asked != 0 ? migp_kit_answer(asked)
                                 : migp_state_name(now));
    }
    return true;
}

void migp_check_pairs(struct migp_kit *kit)
{
    uint32_t state;
    size_t n;

    /* The way into each state first: it is a pair too, and where it fails the
     * others cannot even be tried. */
    for (n = 0; migp_kit_state(kit, n, &state); n++) {
        if (state != MIGP_STATE_RUNNING && migp_kit_reset(kit)) {
            (void)check_pair(kit, MIGP_STATE_RUNNING, state);
        }
    }
    if (kit->verdict == MIGP_CONFORM_PASS) {
        for_each_pair(kit, check_pair);
    }
}

static void check_bad_state(struct migp_kit *kit, uint32_t from, uint32_t bad)
{
    uint32_t now = MIGP_STATE_COUNT;
    int32_t fd = -2;
    int result = migp_kit_set(kit, bad, &fd);
    int asked = migp_kit_get(kit, &now, NULL);

    if (result == 0) {
        migp_kit_close_stray(kit, fd);
    }
    if (result != -EINVAL) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "SET of %s (%u) in %s answers %s, not EINVAL",
                      migp_state_name(bad), (unsigned)bad,
                      migp_state_name(from), migp_kit_answer(result));
    } else if (asked != 0 || now != from) {
        migp_kit_fail(
            kit, MIGP_ASPECT_RULE,
            "SET of %s (%u) in %s fails, but GET says %s after it",
            migp_state_name(bad), (unsigned)bad, migp_state_name(from),
            asked != 0 ? migp_kit_answer(asked) : migp_state_name(now));
    }
}

void migp_check_bad_states(struct migp_kit *kit)
{
    static const uint32_t bad[] = {
        MIGP_STATE_ERROR,        MIGP_STATE_RUNNING_P2P, MIGP_STATE_PRE_COPY,
        MIGP_STATE_PRE_COPY_P2P, MIGP_STATE_COUNT,       UINT32_MAX,
    };
    uint32_t state;
    size_t n;
    size_t i;

    for (n = 0; migp_kit_state(kit, n, &state); n++) {
        for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            if (bad[i] != MIGP_STATE_ERROR &&
                migp_state_supported(kit->migration, bad[i])) {
                continue;
            }
            if (!migp_kit_reset(kit) || !migp_kit_go(kit, state)) {
                return;
            }
            check_bad_state(kit, state, bad[i]);
        }
    }
}

void migp_check_blocked(struct migp_kit *kit)
{
    static const uint32_t targets[] = {MIGP_STATE_PRE_COPY,
                                       MIGP_STATE_PRE_COPY_P2P};
    size_t i;

    if ((kit->migration & MIGP_MIGRATION_PRE_COPY) == 0) {
        (void)migp_kit_skip(kit, "the device has no PRE_COPY");
        return;
    }
    for (i = 0; i < 2; i++) {
        uint32_t now = MIGP_STATE_COUNT;
        int32_t fd = -2;
        int result;

        if (!migp_state_supported(kit->migration, targets[i])) {
            continue;
        }
        if (!migp_kit_start(kit, MIGP_STATE_STOP_COPY)) {
            return;
        }
        result = migp_kit_set(kit, targets[i], &fd);
        (void)migp_kit_get(kit, &now, NULL);
        if (result == 0) {
            migp_kit_close_stray(kit, fd);
            migp_kit_fail(kit, MIGP_ASPECT_RULE,
                          "SET from STOP_COPY to %s succeeds",
                          migp_state_name(targets[i]));
        } else if (now != MIGP_STATE_STOP_COPY) {
            migp_kit_fail(kit, MIGP_ASPECT_RULE,
                          "SET from STOP_COPY to %s fails, but leads to %s",
                          migp_state_name(targets[i]), migp_state_name(now));
        }
    }
}

void migp_check_same_state(struct migp_kit *kit)
{
    uint32_t state;
    size_t n;

    for (n = 0; migp_kit_state(kit, n, &state); n++) {
        uint32_t now = MIGP_STATE_COUNT;
        int32_t fd = -2;
        int result;

        if (!migp_kit_reset(kit) || !migp_kit_go(kit, state)) {
            return;
        }
        result = migp_kit_set(kit, state, &fd);
        (void)migp_kit_get(kit, &now, NULL);
        if (result != 0 || now != state) {
            migp_kit_fail(kit, MIGP_ASPECT_RULE,
                          "SET from %s to %s answers %s and leads to %s",
                          migp_state_name(state), migp_state_name(state),
                          migp_kit_answer(result), migp_state_name(now));
        } else if (fd != -1) {
            migp_kit_close_stray(kit, fd);
            migp_kit_fail(
                kit, MIGP_ASPECT_RULE, "SET from %s to %s returns data_fd %d",
                migp_state_name(state), migp_state_name(state), (int)fd);
        }
    }
}

/* A path opens a session if its last step does. */
static bool path_opens(const struct migp_kit *kit, uint32_t from, uint32_t to)
{
    uint32_t path[MIGP_STATE_COUNT];
    migp_ssize n =
        migp_state_path(kit->migration, from, to, path, MIGP_STATE_COUNT);

    return n > 0 && migp_step_opens(n > 1 ? path[n - 2] : from, to);
}

static bool check_pair_fd(struct migp_kit *kit, uint32_t from, uint32_t to)
{
    const bool opens = path_opens(kit, from, to);
    int32_t fd = -2;

    if (migp_kit_set(kit, to, &fd) != 0) {
        return migp_kit_skip(kit, "SET from %s to %s fails; see 7",
                             migp_state_name(from), migp_state_name(to)) ||
               true;
    }
    if (opens ? fd < 0 : fd != -1) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "SET from %s to %s returns data_fd %d",
                      migp_state_name(from), migp_state_name(to), (int)fd);
    } else if (opens) {
        int flags = kit->sys->fcntl(kit->sys->user, fd, F_GETFD, 0);

        if (flags < 0 || (flags & FD_CLOEXEC) == 0) {
            migp_kit_fail(kit, MIGP_ASPECT_RULE,
                          "the data_fd from %s to %s is not close-on-exec",
                          migp_state_name(from), migp_state_name(to));
        }
    }
    migp_kit_close_stray(kit, fd);
    return true;
}

/* Whether it should fail is not asked here. */
static void expect_no_fd(struct migp_kit *kit, uint32_t from, uint32_t to)
{
    int32_t fd = -2;

    if (migp_kit_set(kit, to, &fd) == 0) {
        migp_kit_close_stray(kit, fd);
    } else if (fd != -1) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "SET from %s to %s (%u) fails and returns data_fd %d, "
                      "not -1",
                      migp_state_name(from), migp_state_name(to), (unsigned)to,
                      (int)fd);
    }
}

/* What fails: states that are none; leaving RESUMING with half a stream. */
static void check_failing_fds(struct migp_kit *kit)
{
    static const uint32_t bad[] = {MIGP_STATE_ERROR, MIGP_STATE_COUNT,
                                   UINT32_MAX};
    uint32_t state;
    size_t done;
    size_t n;
    size_t i;

    for (n = 0; migp_kit_state(kit, n, &state); n++) {
        for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            if (!migp_kit_reset(kit) || !migp_kit_go(kit, state)) {
                return;
            }
            expect_no_fd(kit, state, bad[i]);
        }
        if (state == MIGP_STATE_RESUMING || kit->image.size == 0) {
            continue;
        }
        if (!migp_kit_reset(kit) || !migp_kit_go(kit, MIGP_STATE_RESUMING)) {
            return;
        }
        (void)migp_kit_pour(kit, kit->image.bytes, kit->image.size / 2,
                            MIGP_CUT_LARGE, &done);
        expect_no_fd(kit, MIGP_STATE_RESUMING, state);
    }
}

void migp_check_data_fds(struct migp_kit *kit)
{
    for_each_pair(kit, check_pair_fd);
    if (!kit->lost) {
        check_failing_fds(kit);
    }
}

static bool on_path(const struct migp_kit *kit, uint32_t from, uint32_t to,
                    uint32_t state)
{
    uint32_t path[MIGP_STATE_COUNT];
    migp_ssize n =
        migp_state_path(kit->migration, from, to, path, MIGP_STATE_COUNT);
    migp_ssize i;

    for (i = 0; i < n; i++) {
        if (path[i] == state) {
            return true;
        }
    }
    return state == from || state == MIGP_STATE_ERROR;
}

/* The one change that user space can make fail is leaving RESUMING with a
 * stream that is not whole. */
void migp_check_failed_set(struct migp_kit *kit)
{
    unsigned failures = 0;
    uint32_t to;
    size_t n;

    if (!migp_kit_need_image(kit)) {
        return;
    }
    for (n = 0; migp_kit_state(kit, n, &to); n++) {
        uint32_t now = MIGP_STATE_COUNT;
        int32_t fd = -2;
        size_t done;

        if (to == MIGP_STATE_RESUMING) {
            continue;
        }
        if (!migp_kit_reset(kit) || !migp_kit_go(kit, MIGP_STATE_RESUMING)) {
            return;
        }
        (void)migp_kit_pour(kit, kit->image.bytes, kit->image.size / 2,
                            MIGP_CUT_LARGE, &done);
        if (migp_kit_set(kit, to, &fd) == 0) {
            migp_kit_close_stray(kit, fd);
            continue;
        }
        failures++;
        (void)migp_kit_get(kit, &now, NULL);
        if (!on_path(kit, MIGP_STATE_RESUMING, to, now)) {
            migp_kit_fail(kit, MIGP_ASPECT_RULE,
                          "SET from RESUMING to %s fails and leaves %s",
                          migp_state_name(to), migp_state_name(now));
        }
    }
    if (failures == 0) {
        (void)migp_kit_skip(kit, "no SET could be made to fail");
    }
}

void migp_check_error_state(struct migp_kit *kit)
{
    uint32_t now = MIGP_STATE_COUNT;
    int32_t fd = -2;
    size_t done;

    if (!migp_kit_need_image(kit) || !migp_kit_go(kit, MIGP_STATE_RESUMING)) {
        return;
    }
    (void)migp_kit_pour(kit, kit->image.bytes, kit->image.size / 2,
                        MIGP_CUT_LARGE, &done);
    (void)migp_kit_set(kit, MIGP_STATE_STOP, &fd);
    (void)migp_kit_get(kit, &now, NULL);
    if (now != MIGP_STATE_ERROR) {
        (void)migp_kit_skip(kit, "the device could not be brought into ERROR");
        return;
    }
    /* The kernel warns of it, and some are told to panic then. */
    if ((kit->flags & MIGP_CONFORM_ALLOW_DANGEROUS) == 0) {
        migp_kit_partial(kit, "SET in ERROR was not tried: dangerous");
    } else {
        fd = -2;
        if (migp_kit_set(kit, MIGP_STATE_RUNNING, &fd) == 0) {
            migp_kit_fail(kit, MIGP_ASPECT_RULE, "SET leads out of ERROR");
        }
    }
    kit->reset_broken = false;
    if (migp_kit_reset(kit) && kit->reset_broken) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "RESET does not lead out of "
                      "ERROR");
    }
}

void migp_check_no_drift(struct migp_kit *kit)
{
    uint32_t state;
    size_t n;

    for (n = 0; migp_kit_state(kit, n, &state); n++) {
        uint32_t first = MIGP_STATE_COUNT;
        uint32_t later = MIGP_STATE_COUNT;
        int asked;

        if (!migp_kit_reset(kit) || !migp_kit_go(kit, state)) {
            return;
        }
        asked = migp_kit_get(kit, &first, NULL);
        migp_kit_sleep(kit, WATCH);
        if (asked == 0) {
            asked = migp_kit_get(kit, &later, NULL);
        }
        if (asked != 0) {
            migp_kit_fail(kit, MIGP_ASPECT_RULE, "GET answers %s in %s",
                          migp_kit_answer(asked), migp_state_name(state));
        } else if (first != later) {
            migp_kit_fail(kit, MIGP_ASPECT_RULE, "%s became %s by itself",
                          migp_state_name(first), migp_state_name(later));
        }
    }
}
