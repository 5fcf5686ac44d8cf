/* SPDX-License-Identifier: MIT */
#include "conform/table.h"

#include <errno.h>
#include <poll.h>

/* How often the end is read again. */
#define ENDS 4

/* A stream may be this many times larger than MIG_DATA_SIZE said, and then it
 * is taken for one that has no end. */
#define MOST_TIMES 16

/* Read and forget; false if the verdict is told. */
static bool find_end(struct migp_kit *kit)
{
    uint64_t said = 0;
    uint64_t total = 0;
    int result;

    (void)migp_kit_size(kit, &said);
    result = migp_kit_drain(kit, NULL, MIGP_CUT_LARGE, &total);
    if (result == MIGP_DRAIN_LIMIT) {
        if (said > kit->max_data / MOST_TIMES) {
            return migp_kit_skip(kit,
                                 "the device has %llu bytes of state, "
                                 "more than are read",
                                 (unsigned long long)said);
        }
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "no end after %llu bytes, where %llu were said",
                      (unsigned long long)total, (unsigned long long)said);
        return false;
    }
    if (result != 0) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "after %llu bytes a read in STOP_COPY answers %s",
                      (unsigned long long)total, migp_kit_answer(result));
        return false;
    }
    return true;
}

static void check_end(struct migp_kit *kit)
{
    int revents = migp_kit_poll(kit, kit->session, POLLIN);
    unsigned i;

    if (revents < 0) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE, "poll() at the end answers %s",
                      migp_kit_answer(revents));
    } else if ((revents & POLLIN) == 0) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "poll() at the end says 0x%x, not readable",
                      (unsigned)revents);
    }
    for (i = 0; i < ENDS; i++) {
        migp_ssize n = migp_kit_read(kit, kit->session, kit->scratch, 64);

        if (n != 0) {
            migp_kit_fail(kit, MIGP_ASPECT_RULE,
                          "a read after the end answers %s, not 0",
                          n > 0 ? "data" : migp_kit_answer(n));
            break;
        }
    }
}

void migp_check_stop_copy_end(struct migp_kit *kit)
{
    if (!migp_kit_go(kit, MIGP_STATE_STOP_COPY) || !find_end(kit)) {
        return;
    }
    check_end(kit);
    /* The end for now must not come back as the end for good. */
    if (kit->verdict == MIGP_CONFORM_FAIL ||
        (kit->migration & MIGP_MIGRATION_PRE_COPY) == 0 ||
        !migp_kit_start(kit, MIGP_STATE_PRE_COPY) ||
        !migp_kit_drain_precopy(kit, NULL) ||
        !migp_kit_go(kit, MIGP_STATE_STOP_COPY) || !find_end(kit)) {
        return;
    }
    check_end(kit);
}

void migp_check_size_ratio(struct migp_kit *kit)
{
    uint64_t said = 0;
    uint64_t total = 0;
    int result = migp_kit_size(kit, &said);

    if (result == -ENOTTY) {
        (void)migp_kit_skip(kit, "the kernel has no MIG_DATA_SIZE");
        return;
    }
    if (result != 0) {
        (void)migp_kit_skip(kit, "MIG_DATA_SIZE answers %s; see 5",
                            migp_kit_answer(result));
        return;
    }
    if (!migp_kit_go(kit, MIGP_STATE_STOP_COPY)) {
        return;
    }
    result = migp_kit_drain(kit, NULL, MIGP_CUT_LARGE, &total);
    if (result == MIGP_DRAIN_LIMIT) {
        (void)migp_kit_skip(kit, "more than %llu bytes of state",
                            (unsigned long long)kit->max_data);
    } else if (result != 0) {
        (void)migp_kit_skip(kit, "a read fails with %s; see 18",
                            migp_kit_answer(result));
    } else if (total > 0 && said == 0) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "STOP_COPY gives %llu bytes, MIG_DATA_SIZE said none",
                      (unsigned long long)total);
    } else {
        migp_kit_note(kit,
                      "STOP_COPY gives %llu bytes, MIG_DATA_SIZE said "
                      "%llu",
                      (unsigned long long)total, (unsigned long long)said);
    }
}

/* One save of a device that stays stopped between two of them. */
static bool save_stopped(struct migp_kit *kit, struct migp_blob *blob,
                         enum migp_cut cut)
{
    return migp_kit_go(kit, MIGP_STATE_STOP) &&
           migp_kit_go(kit, MIGP_STATE_STOP_COPY) &&
           migp_kit_drain_all(kit, blob, cut);
}

static void compare_cut(struct migp_kit *kit, const struct migp_blob *whole,
                        enum migp_cut cut, const char *name)
{
    struct migp_blob blob = {0};

    if (save_stopped(kit, &blob, cut) && !migp_blob_same(whole, &blob)) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "read in %s pieces the stream has %zu bytes and differs "
                      "from the %zu read at large",
                      name, blob.size, whole->size);
    }
    migp_blob_free(&blob);
}

void migp_check_read_cuts(struct migp_kit *kit)
{
    struct migp_blob whole = {0};
    struct migp_blob again = {0};

    if (save_stopped(kit, &whole, MIGP_CUT_LARGE) &&
        save_stopped(kit, &again, MIGP_CUT_LARGE)) {
        if (!migp_blob_same(&whole, &again)) {
            (void)migp_kit_skip(kit, "two saves of the stopped device differ "
                                     "however they are read");
        } else {
            compare_cut(kit, &whole, MIGP_CUT_ODD, "odd");
            compare_cut(kit, &whole, MIGP_CUT_BYTES, "small");
        }
    }
    migp_blob_free(&whole);
    migp_blob_free(&again);
}
