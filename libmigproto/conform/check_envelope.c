/* SPDX-License-Identifier: MIT */
#include "conform/table.h"

#include "device/fsm.h"
#include "device/uapi.h"

#include <errno.h>
#include <stddef.h>

#define GET MIGP_VFIO_FEATURE_GET
#define SET MIGP_VFIO_FEATURE_SET
#define PROBE MIGP_VFIO_FEATURE_PROBE

/* A call and the only answer that is right. */
struct call {
    const char *what;
    uint32_t argsz;
    uint32_t flags;
    int expected;
};

static void expect_calls(struct migp_kit *kit, const struct call *calls,
                         size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        const struct migp_vfio_feature_mig_state given = {MIGP_STATE_RUNNING,
                                                          -2};
        struct migp_vfio_feature_mig_state payload = given;
        int result = migp_kit_feature(kit, calls[i].argsz, calls[i].flags,
                                      &payload, sizeof(payload));

        if (result != calls[i].expected) {
            migp_kit_fail(kit, MIGP_ASPECT_RULE, "%s answers %s, not %s",
                          calls[i].what, migp_kit_answer(result),
                          migp_kit_answer(calls[i].expected));
        } else if ((calls[i].flags & PROBE) != 0 &&
                   (payload.device_state != given.device_state ||
                    payload.data_fd != given.data_fd)) {
            migp_kit_fail(kit, MIGP_ASPECT_RULE,
                          "%s writes behind the 8 bytes that it was given",
                          calls[i].what);
        }
    }
}

void migp_check_probe(struct migp_kit *kit)
{
    static const struct call calls[] = {
        {"PROBE of MIGRATION", 8, MIGP_FEATURE_MIGRATION | PROBE, 0},
        {"PROBE|GET of MIGRATION", 8, MIGP_FEATURE_MIGRATION | PROBE | GET, 0},
        {"PROBE|SET of MIGRATION", 8, MIGP_FEATURE_MIGRATION | PROBE | SET,
         -EINVAL},
        {"GET of MIGRATION", 16, MIGP_FEATURE_MIGRATION | GET, 0},
        {"PROBE of MIG_DEVICE_STATE", 8, MIGP_FEATURE_MIG_DEVICE_STATE | PROBE,
         0},
        {"PROBE|GET of MIG_DEVICE_STATE", 8,
         MIGP_FEATURE_MIG_DEVICE_STATE | PROBE | GET, 0},
        {"PROBE|SET of MIG_DEVICE_STATE", 8,
         MIGP_FEATURE_MIG_DEVICE_STATE | PROBE | SET, 0},
        {"PROBE|GET|SET of MIG_DEVICE_STATE", 8,
         MIGP_FEATURE_MIG_DEVICE_STATE | PROBE | GET | SET, 0},
        {"GET of MIG_DEVICE_STATE", 16, MIGP_FEATURE_MIG_DEVICE_STATE | GET, 0},
    };

    expect_calls(kit, calls, sizeof(calls) / sizeof(calls[0]));
}

void migp_check_flags(struct migp_kit *kit)
{
    static const struct call calls[] = {
        {"SET of MIGRATION", 16, MIGP_FEATURE_MIGRATION | SET, -EINVAL},
    };
    struct migp_vfio_feature_migration payload = {UINT64_MAX};
    int result = migp_kit_feature(kit, 16, MIGP_FEATURE_MIGRATION | GET,
                                  &payload, sizeof(payload));

    if (result != 0) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE, "GET of MIGRATION answers %s",
                      migp_kit_answer(result));
    } else if (!migp_migration_valid(payload.flags)) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE, "the flags are 0x%llx",
                      (unsigned long long)payload.flags);
    }
    expect_calls(kit, calls, sizeof(calls) / sizeof(calls[0]));
}

void migp_check_envelope(struct migp_kit *kit)
{
    static const struct call calls[] = {
        {"an argsz of 4", 4, MIGP_FEATURE_MIGRATION | GET, -EINVAL},
        {"GET of MIGRATION without payload", 8, MIGP_FEATURE_MIGRATION | GET,
         -EINVAL},
        {"GET of MIGRATION with half a payload", 12,
         MIGP_FEATURE_MIGRATION | GET, -EINVAL},
        {"GET of MIG_DEVICE_STATE without payload", 8,
         MIGP_FEATURE_MIG_DEVICE_STATE | GET, -EINVAL},
        {"SET of MIG_DEVICE_STATE with half a payload", 12,
         MIGP_FEATURE_MIG_DEVICE_STATE | SET, -EINVAL},
        {"flag 1 << 19", 16, MIGP_FEATURE_MIGRATION | GET | (UINT32_C(1) << 19),
         -EINVAL},
        {"flag 1 << 31", 16,
         MIGP_FEATURE_MIG_DEVICE_STATE | GET | (UINT32_C(1) << 31), -EINVAL},
        {"GET|SET of MIG_DEVICE_STATE", 16,
         MIGP_FEATURE_MIG_DEVICE_STATE | GET | SET, -EINVAL},
        {"MIGRATION without an operation", 16, MIGP_FEATURE_MIGRATION, -EINVAL},
        {"MIG_DEVICE_STATE without an operation", 16,
         MIGP_FEATURE_MIG_DEVICE_STATE, -EINVAL},
        {"GET of MIGRATION with a larger argsz", 64,
         MIGP_FEATURE_MIGRATION | GET, 0},
    };

    expect_calls(kit, calls, sizeof(calls) / sizeof(calls[0]));
}

void migp_check_get_state(struct migp_kit *kit)
{
    uint32_t state;
    size_t n;

    for (n = 0; migp_kit_state(kit, n, &state); n++) {
        uint32_t now = MIGP_STATE_COUNT;
        int32_t fd = -2;
        int32_t opened = -2;
        int result;

        /* Where SET leads is the matter of 7. */
        if (!migp_kit_reset(kit)) {
            return;
        }
        if (migp_kit_set(kit, state, &opened) == 0) {
            kit->session = opened;
        }
        result = migp_kit_get(kit, &now, &fd);
        if (result != 0) {
            migp_kit_fail(kit, MIGP_ASPECT_RULE,
                          "GET answers %s after a SET "
                          "to %s",
                          migp_kit_answer(result), migp_state_name(state));
        } else if (fd != -1) {
            migp_kit_fail(kit, MIGP_ASPECT_RULE,
                          "GET in %s gives data_fd %d, not -1",
                          migp_state_name(now), (int)fd);
        } else if (!migp_state_supported(kit->migration, now)) {
            migp_kit_fail(kit, MIGP_ASPECT_RULE,
                          "GET gives state %u, which the flags 0x%x do not "
                          "have",
                          (unsigned)now, (unsigned)kit->migration);
        }
    }
}

void migp_check_data_size(struct migp_kit *kit)
{
    uint64_t first = 0;
    uint64_t again = 0;
    uint32_t state;
    size_t n;
    int result = migp_kit_size(kit, &first);

    if (result == -ENOTTY) {
        (void)migp_kit_skip(kit, "the kernel has no MIG_DATA_SIZE");
        return;
    }
    for (n = 0; migp_kit_state(kit, n, &state); n++) {
        if (!migp_kit_reset(kit) || !migp_kit_go(kit, state)) {
            return;
        }
        result = migp_kit_size(kit, &first);
        if (result != 0) {
            migp_kit_fail(kit, MIGP_ASPECT_RULE,
                          "MIG_DATA_SIZE answers %s in %s",
                          migp_kit_answer(result), migp_state_name(state));
        } else if (state == MIGP_STATE_STOP &&
                   (migp_kit_size(kit, &again) != 0 || again / 2 > first ||
                    first / 2 > again)) {
            /* An estimate; but of a device at rest. */
            migp_kit_fail(kit, MIGP_ASPECT_RULE,
                          "MIG_DATA_SIZE in STOP is %llu, then %llu",
                          (unsigned long long)first, (unsigned long long)again);
        }
    }
}
