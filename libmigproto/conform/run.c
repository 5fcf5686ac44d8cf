/* SPDX-License-Identifier: MIT */
#include "conform/deviations.h"
#include "conform/table.h"

#include "core/error.h"
#include "core/options.h"
#include "device/uapi.h"

#include <errno.h>
#include <migproto/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void migp_conform_options_init(struct migp_conform_options *options)
{
    if (options == NULL) {
        return;
    }
    memset(options, 0, sizeof(*options));
    options->struct_size = sizeof(*options);
    options->max_data = UINT64_C(1) << 30;
}

static bool known_number(uint32_t number)
{
    size_t i;

    for (i = 0; migp_conform_entry(i) != NULL; i++) {
        if (migp_conform_entry(i)->number == number) {
            return true;
        }
    }
    return false;
}

static int take_options(struct migp_conform_options *own,
                        const struct migp_conform_options *given,
                        struct migp_error *error)
{
    size_t i;

    migp_conform_options_init(own);
    if (given != NULL &&
        migp_struct_read(own, sizeof(*own), given) != MIGP_OK) {
        return migp_error_say(error, MIGP_ERR_INVALID_ARGUMENT, 0,
                              "the options are of another version");
    }
    if ((own->flags & ~(uint32_t)MIGP_CONFORM_ALLOW_DANGEROUS) != 0 ||
        (own->only == NULL && own->n_only > 0)) {
        return migp_error_say(error, MIGP_ERR_INVALID_ARGUMENT, 0,
                              "the options make no sense");
    }
    for (i = 0; i < own->n_only; i++) {
        if (!known_number(own->only[i])) {
            return migp_error_say(error, MIGP_ERR_INVALID_ARGUMENT, 0,
                                  "there is no check %u",
                                  (unsigned)own->only[i]);
        }
    }
    if (own->driver != NULL && own->driver[0] != '\0' &&
        migp_deviation_driver(own->driver) == NULL) {
        return migp_error_say(error, MIGP_ERR_INVALID_ARGUMENT, 0,
                              "nothing is known of the driver '%.64s'",
                              own->driver);
    }
    return MIGP_OK;
}

static bool wanted(const struct migp_conform_options *options, uint32_t number)
{
    size_t i;

    for (i = 0; i < options->n_only; i++) {
        if (options->only[i] == number) {
            return true;
        }
    }
    return options->only == NULL;
}

static int lost(const struct migp_kit *kit, struct migp_error *error)
{
    const int code =
        kit->lost_errno == ENODEV ? MIGP_ERR_DEVICE_LOST : MIGP_ERR_SYSTEM;

    return migp_error_say(error, code, kit->lost_errno,
                          "the device does not come back from a reset");
}

static int ask_migration(struct migp_kit *kit, struct migp_error *error)
{
    struct migp_vfio_feature_migration payload = {0};
    int result = migp_kit_feature(
        kit, 16, MIGP_FEATURE_MIGRATION | MIGP_VFIO_FEATURE_GET, &payload,
        sizeof(payload));

    if (result == -ENODEV || result == -EBADF) {
        return migp_error_say(error, MIGP_ERR_DEVICE_LOST, -result,
                              "the device does not answer");
    }
    if (result == -ENOTTY || result == -EINVAL) {
        return migp_error_say(error, MIGP_ERR_NO_MIGRATION, -result,
                              "the driver has no migration");
    }
    if (result != 0) {
        return migp_error_say(error, MIGP_ERR_SYSTEM, -result,
                              "DEVICE_FEATURE MIGRATION");
    }
    /* Check 2 tells if they make no sense; the others want ones that do. */
    kit->migration = (uint32_t)(payload.flags &
                                (MIGP_MIGRATION_STOP_COPY | MIGP_MIGRATION_P2P |
                                 MIGP_MIGRATION_PRE_COPY)) |
                     MIGP_MIGRATION_STOP_COPY;
    return MIGP_OK;
}

/* A data fd is named after its driver, whatever /sys has mounted over it. Asked
 * only when it matters: entering STOP_COPY may be what a driver dies of, and
 * then the check that does so should be the last one that was named. */
static const char *ask_driver(struct migp_kit *kit)
{
    struct migp_device_caps caps;
    const char *driver;
    char name[64] = "";

    if (migp_kit_start(kit, MIGP_STATE_STOP_COPY) && kit->session >= 0) {
        (void)migp_kit_fd_name(kit, kit->session, name, sizeof(name));
    }
    driver = migp_deviation_driver(name);
    if (driver != NULL) {
        return driver;
    }
    memset(&caps, 0, sizeof(caps));
    caps.struct_size = sizeof(caps);
    if (migp_vfio_ops()->caps(kit->vfio, &caps) < 0) {
        return NULL;
    }
    return migp_deviation_driver(caps.driver);
}

/* Some driver is known to break it. */
static bool has_deviation(uint32_t number)
{
    size_t i;

    for (i = 0; migp_deviation_at(i) != NULL; i++) {
        if (migp_deviation_at(i)->number == number) {
            return true;
        }
    }
    return false;
}

static void expect(struct migp_conform_result *result, struct migp_kit *kit)
{
    const struct migp_deviation *known;
    char seen[MIGP_TEXT_MAX];

    if (result->verdict == MIGP_CONFORM_SKIP ||
        !has_deviation(result->number)) {
        return;
    }
    if (!kit->driver_asked && !kit->lost) {
        kit->driver_asked = true;
        kit->driver = ask_driver(kit);
        (void)(kit->lost || migp_kit_reset(kit));
    }
    known = kit->driver != NULL
                ? migp_deviation_find(kit->driver, result->number)
                : NULL;
    if (known == NULL) {
        return;
    }
    if (result->verdict == MIGP_CONFORM_PASS && known->certain &&
        !kit->partial) {
        result->verdict = MIGP_CONFORM_XPASS;
        (void)snprintf(result->text, sizeof(result->text),
                       "%s: expected that %s (%s)", known->driver,
                       known->reason, known->source);
    } else if (result->verdict == MIGP_CONFORM_FAIL &&
               (kit->aspects & ~known->aspects) == 0) {
        result->verdict = MIGP_CONFORM_XFAIL;
        memcpy(seen, result->text, sizeof(seen));
        (void)snprintf(result->text, sizeof(result->text),
                       "%s: %s (%s): %.120s", known->driver, known->reason,
                       known->source, seen);
    }
}

/* The device's stream before the first RESET of all, which may be another than
 * after it. Only if the check that was named last is one that needs it. */
static void take_given(struct migp_kit *kit, uint32_t number)
{
    uint32_t state;

    if (kit->used) {
        return;
    }
    kit->used = true;
    if ((number == 26 || number == 27) &&
        migp_kit_get(kit, &state, NULL) == 0 && state == MIGP_STATE_RUNNING &&
        !migp_kit_save(kit, &kit->given)) {
        migp_blob_free(&kit->given);
    }
}

static void run_one(struct migp_kit *kit,
                    const struct migp_conform_entry *entry,
                    struct migp_conform_result *result)
{
    take_given(kit, entry->number);
    kit->verdict = MIGP_CONFORM_PASS;
    kit->aspects = 0;
    kit->partial = false;
    kit->text[0] = '\0';
    if ((entry->flags & MIGP_CONFORM_DANGEROUS) != 0 &&
        (kit->flags & MIGP_CONFORM_ALLOW_DANGEROUS) == 0) {
        (void)migp_kit_skip(kit, "dangerous, only if asked for");
    } else if (migp_kit_reset(kit)) {
        entry->run(kit);
        if (!kit->lost) {
            (void)migp_kit_reset(kit);
        }
    }
    result->struct_size = sizeof(*result);
    result->number = entry->number;
    result->verdict = kit->verdict;
    memcpy(result->text, kit->text, sizeof(result->text));
    expect(result, kit);
}

static migp_ssize run_all(struct migp_kit *kit,
                          const struct migp_conform_options *options,
                          migp_conform_sink sink, void *user,
                          struct migp_error *error)
{
    migp_ssize failed = 0;
    size_t i;

    for (i = 0; i < migp_conform_count(); i++) {
        struct migp_conform_check check = {sizeof(check), 0, 0, 0, 0, 0};
        struct migp_conform_result result;

        (void)migp_conform_check_at(i, &check);
        if (!wanted(options, check.number)) {
            continue;
        }
        if (sink != NULL && sink(user, &check, NULL) != 0) {
            return migp_error_say(error, MIGP_ERR_CANCELLED, 0,
                                  "cancelled before check %u",
                                  (unsigned)check.number);
        }
        run_one(kit, migp_conform_entry(i), &result);
        if (kit->no_memory) {
            return migp_error_say(error, MIGP_ERR_NO_MEMORY, 0,
                                  "no memory for the device's state");
        }
        failed += result.verdict == MIGP_CONFORM_FAIL ? 1 : 0;
        if (sink != NULL && sink(user, &check, &result) != 0) {
            return migp_error_say(error, MIGP_ERR_CANCELLED, 0,
                                  "cancelled after check %u",
                                  (unsigned)check.number);
        }
        if (kit->lost) {
            return lost(kit, error);
        }
    }
    return failed;
}

static migp_ssize run(struct migp_kit *kit,
                      const struct migp_conform_options *options,
                      migp_conform_sink sink, void *user,
                      struct migp_error *error)
{
    int code = ask_migration(kit, error);

    if (code != MIGP_OK) {
        return code;
    }
    if (options->driver != NULL) {
        kit->driver_asked = true;
        kit->driver = migp_deviation_driver(options->driver);
    }
    return run_all(kit, options, sink, user, error);
}

migp_ssize migp_conform_run(struct migp_vfio *vfio,
                            const struct migp_conform_options *options,
                            migp_conform_sink sink, void *user,
                            struct migp_error *error)
{
    struct migp_conform_options own;
    struct migp_kit kit;
    migp_ssize result;

    migp_error_init(error);
    if (vfio == NULL) {
        return migp_error_say(error, MIGP_ERR_INVALID_ARGUMENT, 0,
                              "there is no device");
    }
    result = take_options(&own, options, error);
    if (result != MIGP_OK) {
        return result;
    }
    memset(&kit, 0, sizeof(kit));
    kit.vfio = vfio;
    kit.sys = migp_vfio_sys(vfio);
    kit.max_data = own.max_data;
    kit.flags = own.flags;
    kit.session = -1;
    kit.kept = -1;
    kit.scratch = malloc(MIGP_SCRATCH);
    if (kit.scratch == NULL) {
        return migp_error_say(error, MIGP_ERR_NO_MEMORY, 0, "no memory");
    }
    result = run(&kit, &own, sink, user, error);
    migp_kit_close(&kit, &kit.session);
    migp_kit_close(&kit, &kit.kept);
    migp_blob_free(&kit.image);
    migp_blob_free(&kit.given);
    free(kit.scratch);
    return result;
}
