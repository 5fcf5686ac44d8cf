/* SPDX-License-Identifier: MIT */
#include "conform/table.h"

#include "device/uapi.h"

#include <errno.h>
#include <stddef.h>

/* Reads between which the amounts are looked at. */
#define MOST_LOOKS 4096
#define LOOKS 8

static bool has_precopy(struct migp_kit *kit)
{
    return (kit->migration & MIGP_MIGRATION_PRE_COPY) != 0 ||
           migp_kit_skip(kit, "the device has no PRE_COPY");
}

void migp_check_precopy_end(struct migp_kit *kit)
{
    unsigned turn;

    if (!has_precopy(kit) || !migp_kit_go(kit, MIGP_STATE_PRE_COPY)) {
        return;
    }
    for (turn = 0; turn < LOOKS; turn++) {
        migp_ssize n;

        if (!migp_kit_drain_precopy(kit, NULL)) {
            return;
        }
        n = migp_kit_read(kit, kit->session, kit->scratch, 64);
        if (n <= 0) {
            if (n != -ENOMSG) {
                migp_kit_fail(kit, n == 0 ? MIGP_ASPECT_ZERO : MIGP_ASPECT_RULE,
                              "a read without pre-copy data answers %s, not "
                              "ENOMSG",
                              n == 0 ? "0" : migp_kit_answer(n));
            }
            return;
        }
    }
    (void)migp_kit_skip(kit, "the device has new pre-copy data all the time");
}

/* All of a session: what PRE_COPY gives, then what STOP_COPY does. */
static bool save_precopy(struct migp_kit *kit, struct migp_blob *blob)
{
    return migp_kit_prepare(kit, true) &&
           migp_kit_go(kit, MIGP_STATE_PRE_COPY) &&
           migp_kit_drain_precopy(kit, blob) &&
           migp_kit_go(kit, MIGP_STATE_STOP_COPY) &&
           migp_kit_drain_all(kit, blob, MIGP_CUT_LARGE);
}

/* From a state of its own to STOP; false if a step failed. */
static bool load_large(struct migp_kit *kit, const struct migp_blob *blob,
                       int *written, size_t *done, int *stopped)
{
    int32_t fd = -2;

    *stopped = 0;
    if (!migp_kit_prepare(kit, false) ||
        !migp_kit_go(kit, MIGP_STATE_RESUMING)) {
        return false;
    }
    *written =
        migp_kit_pour(kit, blob->bytes, blob->size, MIGP_CUT_LARGE, done);
    if (*written == 0) {
        *stopped = migp_kit_set(kit, MIGP_STATE_STOP, &fd);
    }
    return true;
}

/* What the device saves after it has loaded what it saved by STOP_COPY alone.
 * False: that could not be found out, or a step failed. */
static bool save_without(struct migp_kit *kit, struct migp_blob *blob)
{
    struct migp_blob stream = {0};
    bool good = false;
    size_t done;
    int written;
    int stopped;

    if (migp_kit_prepare(kit, true) && migp_kit_go(kit, MIGP_STATE_STOP) &&
        migp_kit_save(kit, &stream) &&
        load_large(kit, &stream, &written, &done, &stopped) && written == 0 &&
        stopped == 0) {
        good = migp_kit_save(kit, blob);
    }
    migp_blob_free(&stream);
    return good;
}

/* The same twice, or there is nothing to compare with. */
static bool find_wanted(struct migp_kit *kit, struct migp_blob *wanted)
{
    struct migp_blob again = {0};
    bool good = save_without(kit, wanted) && save_without(kit, &again) &&
                migp_blob_same(wanted, &again);

    migp_blob_free(&again);
    return good;
}

static void load_precopy(struct migp_kit *kit, const struct migp_blob *stream,
                         const struct migp_blob *wanted)
{
    struct migp_blob blob = {0};
    size_t done;
    int written;
    int stopped;

    if (!load_large(kit, stream, &written, &done, &stopped)) {
        return;
    }
    if (written != 0) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "write() refuses the stream with %s after %zu of %zu "
                      "bytes",
                      migp_kit_answer(written), done, stream->size);
        return;
    }
    if (stopped != 0) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE, "RESUMING to STOP fails with %s",
                      migp_kit_answer(stopped));
        return;
    }
    if (wanted != NULL && migp_kit_save(kit, &blob) &&
        !migp_blob_same(wanted, &blob)) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "with pre-copy another state is loaded than without");
    }
    migp_blob_free(&blob);
    (void)migp_kit_go(kit, MIGP_STATE_RUNNING);
}

void migp_check_precopy_stream(struct migp_kit *kit)
{
    struct migp_blob wanted = {0};
    struct migp_blob blob = {0};
    bool known;

    if (!has_precopy(kit) || !migp_kit_need_image(kit)) {
        return;
    }
    known = find_wanted(kit, &wanted);
    if (!known) {
        migp_kit_partial(kit, "that the state is the same as without pre-copy "
                              "was not looked at: its saves differ");
    } else if (migp_blob_same(&wanted, &kit->image)) {
        migp_kit_partial(kit, "a reset device saves the same as was loaded: a "
                              "load that does nothing would look the same");
    }
    if (!kit->lost && save_precopy(kit, &blob)) {
        load_precopy(kit, &blob, known ? &wanted : NULL);
    }
    migp_blob_free(&wanted);
    migp_blob_free(&blob);
    (void)(kit->lost || migp_kit_prepare(kit, false));
}

static void expect_info(struct migp_kit *kit, const char *where, uint32_t argsz,
                        int expected)
{
    struct migp_vfio_precopy_info info = {0};
    int result = migp_kit_info(kit, kit->session, argsz, &info);

    if (result >= 0) {
        result = 0;
    }
    if (result != expected) {
        migp_kit_fail(
            kit, MIGP_ASPECT_RULE, "PRECOPY_INFO answers %s %s, not %s",
            migp_kit_answer(result), where, migp_kit_answer(expected));
    }
}

static void check_no_info(struct migp_kit *kit)
{
    struct migp_vfio_precopy_info info = {0};

    if (!migp_kit_start(kit, MIGP_STATE_STOP_COPY)) {
        return;
    }
    if (migp_kit_info(kit, kit->session, sizeof(info), &info) >= 0) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "PRECOPY_INFO answers on a device without PRE_COPY");
    }
}

void migp_check_info(struct migp_kit *kit)
{
    const uint32_t whole = sizeof(struct migp_vfio_precopy_info);
    struct migp_vfio_precopy_info info = {0};

    if ((kit->migration & MIGP_MIGRATION_PRE_COPY) == 0) {
        check_no_info(kit);
        return;
    }
    if (!migp_kit_start(kit, MIGP_STATE_PRE_COPY)) {
        return;
    }
    expect_info(kit, "in PRE_COPY", whole, 0);
    expect_info(kit, "at an argsz of 23", whole - 1, -EINVAL);
    expect_info(kit, "at an argsz of 8", 8, -EINVAL);
    if (!migp_kit_go(kit, MIGP_STATE_STOP_COPY)) {
        return;
    }
    expect_info(kit, "in STOP_COPY", whole, -EINVAL);
    if (!migp_kit_go(kit, MIGP_STATE_STOP)) {
        return;
    }
    /* The session has ended too: both are reasons to refuse. */
    if (migp_kit_info(kit, kit->session, whole, &info) >= 0) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE, "PRECOPY_INFO answers in STOP");
    }
    if (!migp_kit_reset(kit) || !migp_kit_go(kit, MIGP_STATE_RESUMING)) {
        return;
    }
    if (migp_kit_info(kit, kit->session, whole, &info) >= 0) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "PRECOPY_INFO answers in RESUMING");
    }
}

struct amounts {
    uint64_t first;
    uint64_t initial;
    uint64_t dirty;
    uint64_t read;
};

static bool look(struct migp_kit *kit, struct amounts *amounts, bool *again)
{
    struct migp_vfio_precopy_info info = {0};
    int result = migp_kit_info(kit, kit->session, sizeof(info), &info);

    if (result < 0) {
        return migp_kit_skip(kit, "PRECOPY_INFO fails with %s; see 23",
                             migp_kit_answer(result));
    }
    amounts->initial = info.initial_bytes;
    amounts->dirty = info.dirty_bytes;
    /* Without MIG_PRECOPY_INFOv2 it stays the 0 that went in. */
    *again = (info.flags & MIGP_VFIO_PRECOPY_INFO_REINIT) != 0;
    return true;
}

static bool check_first(struct migp_kit *kit, const struct amounts *amounts)
{
    if (amounts->initial == 0) {
        migp_kit_fail(kit, MIGP_ASPECT_ZERO,
                      "initial_bytes is 0 as PRE_COPY begins");
    }
    if (amounts->dirty != 0) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "dirty_bytes is %llu as PRE_COPY begins",
                      (unsigned long long)amounts->dirty);
    }
    return kit->verdict == MIGP_CONFORM_PASS;
}

static void check_falling(struct migp_kit *kit, struct amounts *amounts)
{
    const uint64_t piece = amounts->first / LOOKS + 1;
    uint64_t before = amounts->first;
    unsigned turn;
    bool again = false;

    for (turn = 0; turn < MOST_LOOKS && amounts->initial > 0; turn++) {
        migp_ssize n =
            migp_kit_read(kit, kit->session, kit->scratch,
                          piece < MIGP_SCRATCH ? (size_t)piece : MIGP_SCRATCH);

        if (n <= 0) {
            migp_kit_fail(kit, MIGP_ASPECT_RULE,
                          "a read answers %s where initial_bytes is still %llu",
                          n == 0 ? "0" : migp_kit_answer(n),
                          (unsigned long long)amounts->initial);
            return;
        }
        amounts->read += (uint64_t)n;
        if (!look(kit, amounts, &again)) {
            return;
        }
        if (again) {
            amounts->first = amounts->read + amounts->initial;
        } else if (amounts->initial > before) {
            migp_kit_fail(kit, MIGP_ASPECT_RULE,
                          "initial_bytes grows from %llu to %llu",
                          (unsigned long long)before,
                          (unsigned long long)amounts->initial);
            return;
        }
        before = amounts->initial;
    }
    if (amounts->initial > 0) {
        (void)migp_kit_skip(kit,
                            "initial_bytes is still %llu after %llu "
                            "bytes",
                            (unsigned long long)amounts->initial,
                            (unsigned long long)amounts->read);
    } else if (amounts->read < amounts->first) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "initial_bytes was %llu, and is 0 after %llu bytes",
                      (unsigned long long)amounts->first,
                      (unsigned long long)amounts->read);
    }
}

void migp_check_initial_bytes(struct migp_kit *kit)
{
    struct amounts amounts = {0};
    bool again;

    if (!has_precopy(kit) || !migp_kit_go(kit, MIGP_STATE_PRE_COPY) ||
        !look(kit, &amounts, &again) || !check_first(kit, &amounts)) {
        return;
    }
    amounts.first = amounts.initial;
    check_falling(kit, &amounts);
}

void migp_check_info_flags(struct migp_kit *kit)
{
    struct migp_vfio_precopy_info info = {0};
    int result;

    if (!has_precopy(kit)) {
        return;
    }
    result = migp_kit_feature(
        kit, 8, MIGP_FEATURE_MIG_PRECOPY_INFOV2 | MIGP_VFIO_FEATURE_SET, NULL,
        0);
    if (result != 0) {
        (void)migp_kit_skip(kit, "MIG_PRECOPY_INFOv2 answers %s",
                            migp_kit_answer(result));
        return;
    }
    if (!migp_kit_go(kit, MIGP_STATE_PRE_COPY)) {
        return;
    }
    info.flags = UINT32_MAX;
    result = migp_kit_info(kit, kit->session, sizeof(info), &info);
    if (result < 0) {
        (void)migp_kit_skip(kit, "PRECOPY_INFO fails with %s; see 23",
                            migp_kit_answer(result));
    } else if ((info.flags & ~MIGP_VFIO_PRECOPY_INFO_REINIT) != 0) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE, "the flags are 0x%x",
                      (unsigned)info.flags);
    }
}
