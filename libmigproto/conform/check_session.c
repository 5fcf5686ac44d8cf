/* SPDX-License-Identifier: MIT */
#include "conform/table.h"

#include "device/fsm.h"
#include "device/uapi.h"

#include <errno.h>
#include <fcntl.h>

/* A SET inside the saving group: no new data_fd. */
static bool move(struct migp_kit *kit, uint32_t state)
{
    const int session = kit->session;

    if (!migp_kit_go(kit, state)) {
        return false;
    }
    if (kit->session != session) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE, "SET to %s returns a new data_fd",
                      migp_state_name(state));
        return false;
    }
    return true;
}

static bool info_answers(struct migp_kit *kit, const char *where)
{
    struct migp_vfio_precopy_info info = {0};
    int result = migp_kit_info(kit, kit->session, sizeof(info), &info);

    if (result < 0) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "the data_fd answers %s to PRECOPY_INFO in %s",
                      migp_kit_answer(result), where);
    }
    return result >= 0;
}

void migp_check_session_kept(struct migp_kit *kit)
{
    migp_ssize n;

    if ((kit->migration & MIGP_MIGRATION_PRE_COPY) == 0) {
        (void)migp_kit_skip(kit, "the device has no PRE_COPY");
        return;
    }
    if (!migp_kit_go(kit, MIGP_STATE_PRE_COPY)) {
        return;
    }
    if ((kit->migration & MIGP_MIGRATION_P2P) != 0 &&
        (!move(kit, MIGP_STATE_PRE_COPY_P2P) ||
         !info_answers(kit, "PRE_COPY_P2P") ||
         !move(kit, MIGP_STATE_PRE_COPY) || !info_answers(kit, "PRE_COPY"))) {
        return;
    }
    if (!move(kit, MIGP_STATE_STOP_COPY)) {
        return;
    }
    n = migp_kit_read(kit, kit->session, kit->scratch, 1);
    if (n <= 0) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "the data_fd of PRE_COPY gives %s in STOP_COPY",
                      n == 0 ? "no data" : migp_kit_answer(n));
    }
}

/* Data that is left unread must be gone with the session. */
static void check_end(struct migp_kit *kit, uint32_t from, uint32_t to)
{
    migp_ssize n;

    if (!migp_state_supported(kit->migration, from) ||
        !migp_state_supported(kit->migration, to) ||
        !migp_kit_start(kit, from) || !migp_kit_go(kit, to)) {
        return;
    }
    n = migp_kit_read(kit, kit->session, kit->scratch, 64);
    if (n > 0) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "the data_fd still gives data after %s to %s",
                      migp_state_name(from), migp_state_name(to));
    }
}

/* A write to a dead data_fd crashes kernels (virtio before it was repaired). */
static void check_end_of_load(struct migp_kit *kit)
{
    migp_ssize n;

    if (!migp_kit_need_image(kit) ||
        !migp_kit_start(kit, MIGP_STATE_RESUMING) ||
        !migp_kit_go(kit, MIGP_STATE_STOP)) {
        return;
    }
    n = migp_kit_write(kit, kit->session, kit->image.bytes, 1);
    if (n >= 0) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "the data_fd still takes data after RESUMING to STOP");
    }
}

void migp_check_session_ends(struct migp_kit *kit)
{
    check_end(kit, MIGP_STATE_STOP_COPY, MIGP_STATE_STOP);
    check_end(kit, MIGP_STATE_PRE_COPY, MIGP_STATE_RUNNING);
    check_end(kit, MIGP_STATE_PRE_COPY_P2P, MIGP_STATE_RUNNING_P2P);
    if (kit->lost) {
        return;
    }
    if ((kit->flags & MIGP_CONFORM_ALLOW_DANGEROUS) != 0) {
        check_end_of_load(kit);
    } else {
        migp_kit_partial(kit, "a write after RESUMING to STOP was not tried: "
                              "dangerous");
    }
}

static void check_seek(struct migp_kit *kit, const char *what)
{
    migp_ssize n = migp_kit_pread(kit, kit->session, kit->scratch, 1);

    if (n != -ESPIPE) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "pread() of %s answers %s, not "
                      "ESPIPE",
                      what, migp_kit_answer(n));
    }
}

static void check_mode(struct migp_kit *kit, const char *what, int mode)
{
    int flags = kit->sys->fcntl(kit->sys->user, kit->session, F_GETFL, 0);

    if (flags < 0 || (flags & O_ACCMODE) != mode) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE, "the flags of %s are 0x%x", what,
                      (unsigned)flags);
    }
}

void migp_check_one_way(struct migp_kit *kit)
{
    migp_ssize n;

    if (!migp_kit_go(kit, MIGP_STATE_STOP_COPY)) {
        return;
    }
    check_mode(kit, "a data_fd to read from", O_RDONLY);
    check_seek(kit, "a data_fd to read from");
    n = migp_kit_write(kit, kit->session, kit->scratch, 1);
    if (n != -EBADF) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "write() to a data_fd to read from answers %s, not EBADF",
                      migp_kit_answer(n));
    }
    if (!migp_kit_reset(kit) || !migp_kit_go(kit, MIGP_STATE_RESUMING)) {
        return;
    }
    check_mode(kit, "a data_fd to write to", O_WRONLY);
    check_seek(kit, "a data_fd to write to");
    n = migp_kit_read(kit, kit->session, kit->scratch, 1);
    if (n != -EBADF) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "read() of a data_fd to write to answers %s, not EBADF",
                      migp_kit_answer(n));
    }
}
