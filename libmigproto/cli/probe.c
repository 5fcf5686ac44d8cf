/* SPDX-License-Identifier: MIT */
#include "command.h"
#include "device_arg.h"
#include "device_why.h"
#include "json.h"
#include "option.h"
#include "printable.h"
#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct settings {
    bool json;
    bool reset_ok;
};

static const struct migp_option options[] = {
    {"json", 0, MIGP_OPTION_FLAG, offsetof(struct settings, json), NULL, NULL,
     "print one JSON object instead of tables"},
    MIGP_RESET_OK_OPTION(struct settings),
    {NULL, 0, MIGP_OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const struct migp_usage usage = {
    "probe",
    "SPEC...",
    "Show what each device can do, or why it cannot be migrated and what "
    "would\n"
    "change that. A device is opened and asked, nothing else.",
    options,
    1,
    MIGP_LIST_MAX,
    "of several devices the highest: 0 can be migrated, 1 cannot be,\n"
    "2 could not be opened, so nobody knows, or usage."};

/* What was found out about one device. */
struct finding_out {
    const char *spec;
    bool can;     /* be migrated */
    bool is_open; /* and answered */
    struct migp_device_caps caps;
    uint32_t state;
    bool has_size;
    uint64_t size;
    struct migp_error error;
    char why[MIGP_WHY_MAX];
};

static const struct {
    uint32_t flag;
    const char *name;
} migration_flags[] = {
    {MIGP_MIGRATION_STOP_COPY, "STOP_COPY"},
    {MIGP_MIGRATION_P2P, "P2P"},
    {MIGP_MIGRATION_PRE_COPY, "PRE_COPY"},
};
#define N_MIGRATION_FLAGS (sizeof(migration_flags) / sizeof(migration_flags[0]))

static bool has(const struct finding_out *found, uint32_t feature)
{
    return (found->caps.features & feature) != 0;
}

/* Did the device itself say whether it can be migrated? */
static bool is_known(const struct finding_out *found)
{
    return found->is_open || found->error.code == MIGP_ERR_NO_MIGRATION;
}

static enum migp_exit status_of(const struct finding_out *found)
{
    return !is_known(found) ? MIGP_EXIT_FAILED
           : found->can     ? MIGP_EXIT_GOOD
                            : MIGP_EXIT_FINDINGS;
}

/* A device that cannot be migrated as it is, though its driver could. */
static void judge_state(struct finding_out *found)
{
    found->can = found->state == MIGP_STATE_RUNNING ||
                 found->state == MIGP_STATE_RUNNING_P2P ||
                 found->state == MIGP_STATE_STOP;
    if (found->can) {
        return;
    }
    found->error.code = MIGP_ERR_STATE;
    (void)snprintf(found->error.text, sizeof(found->error.text),
                   "the device is in state %s", migp_state_name(found->state));
    (void)snprintf(found->why, sizeof(found->why), "%s",
                   found->state == MIGP_STATE_ERROR
                       ? "only a reset brings it back"
                       : "somebody is migrating it: let that come to its end");
}

static void find_out(struct finding_out *found, const char *spec, bool reset_ok)
{
    struct migp_device_arg arg;

    memset(found, 0, sizeof(*found));
    migp_error_init(&found->error);
    found->spec = spec;
    if (migp_device_arg_try(&arg, spec, reset_ok, &found->error) == MIGP_OK) {
        found->is_open = true;
        found->caps = arg.caps;
        found->state = arg.start;
        found->has_size = migp_device_stop_copy_size(arg.device, &found->size,
                                                     NULL) == MIGP_OK;
        judge_state(found);
    } else {
        migp_device_why(spec, reset_ok, &found->error, found->why);
    }
    migp_device_arg_close(&arg);
}

static void add_text(struct migp_table *table, const char *name,
                     const char *text)
{
    char *safe = migp_printable_make(text);

    migp_table_add_pair(table, name, "%s",
                        safe[0] != '\0' ? safe : "not known");
    free(safe);
}

static void add_what_it_can(struct migp_table *table,
                            const struct finding_out *found)
{
    char size[MIGP_PRINTABLE_SIZE_MAX];
    char flags[64] = "";
    size_t used = 0;
    size_t i;

    for (i = 0; i < N_MIGRATION_FLAGS; i++) {
        if ((found->caps.migration & migration_flags[i].flag) != 0) {
            used +=
                (size_t)snprintf(flags + used, sizeof(flags) - used, "%s%s",
                                 used > 0 ? " " : "", migration_flags[i].name);
        }
    }
    migp_table_add_pair(table, "migration", "%s", flags);
    migp_table_add_pair(table, "state", "%s", migp_state_name(found->state));
    migp_table_add_pair(table, "stop-copy size", "%s",
                        found->has_size ? migp_printable_size(found->size, size)
                                        : "not told");
    migp_table_add_pair(table, "pre-copy", "%s",
                        (found->caps.migration & MIGP_MIGRATION_PRE_COPY) == 0
                            ? "no"
                        : has(found, MIGP_HAS_REINIT) ? "yes, REINIT"
                                                      : "yes");
    migp_table_add_pair(table, "DMA logging", "%s",
                        has(found, MIGP_HAS_DMA_LOGGING) ? "yes" : "no");
    migp_table_add_pair(table, "reset", "%s",
                        has(found, MIGP_HAS_RESET) ? "yes" : "no");
}

/* Both the spec and what is said of it may hold any bytes. */
static void print_line(const char *before, const char *text, const char *after)
{
    char *safe = migp_printable_make(text);

    printf("%s%s%s\n", before, safe, after);
    free(safe);
}

static void print_tables(const struct finding_out *found)
{
    static const struct migp_column columns[] = {
        {"name", 0, 0.1}, {"value", 0, 0.9}, {NULL, 0, 0}};
    struct migp_table table;

    print_line("", found->spec,
               !is_known(found) ? ": could not be opened"
               : found->can     ? ": can be migrated"
                                : ": cannot be migrated");
    migp_table_open(&table, columns, false, false);
    if (found->is_open) {
        add_text(&table, "backend", found->caps.backend);
        add_text(&table, "driver", found->caps.driver);
        add_text(&table, "name", found->caps.name);
        if (found->caps.vendor != 0) {
            migp_table_add_pair(&table, "PCI id", "%04x:%04x",
                                found->caps.vendor, found->caps.product);
        }
        add_what_it_can(&table, found);
    }
    migp_table_print(&table);
    /* Sentences, which a table would cut to the line. */
    if (!found->can) {
        print_line("  why: ", found->error.text, "");
    }
    if (found->why[0] != '\0') {
        print_line("  do:  ", found->why, "");
    }
}

static void print_flags(struct migp_json *json, uint32_t migration)
{
    size_t i;

    migp_json_open(json, "migration", '[');
    for (i = 0; i < N_MIGRATION_FLAGS; i++) {
        if ((migration & migration_flags[i].flag) != 0) {
            migp_json_text(json, NULL, migration_flags[i].name);
        }
    }
    migp_json_close(json, ']');
}

static void print_json_caps(struct migp_json *json,
                            const struct finding_out *found)
{
    migp_json_peer_text(json, "backend", found->caps.backend);
    migp_json_peer_text(json, "driver", found->caps.driver);
    migp_json_peer_text(json, "name", found->caps.name);
    migp_json_number(json, "vendor", found->caps.vendor);
    migp_json_number(json, "device", found->caps.product);
    print_flags(json, found->caps.migration);
    migp_json_text(json, "state", migp_state_name(found->state));
    if (found->has_size) {
        migp_json_number(json, "stop_copy_bytes", found->size);
    } else {
        migp_json_null(json, "stop_copy_bytes");
    }
    migp_json_bool(json, "precopy",
                   (found->caps.migration & MIGP_MIGRATION_PRE_COPY) != 0);
    migp_json_bool(json, "reinit", has(found, MIGP_HAS_REINIT));
    migp_json_bool(json, "dma_logging", has(found, MIGP_HAS_DMA_LOGGING));
    migp_json_bool(json, "reset", has(found, MIGP_HAS_RESET));
}

static void print_json(struct migp_json *json, const struct finding_out *found)
{
    migp_json_open(json, NULL, '{');
    migp_json_peer_text(json, "spec", found->spec);
    if (is_known(found)) {
        migp_json_bool(json, "can_migrate", found->can);
    } else {
        migp_json_null(json, "can_migrate");
    }
    if (found->is_open) {
        print_json_caps(json, found);
    }
    if (!found->can) {
        migp_json_open(json, "error", '{');
        migp_json_text(json, "code", migp_error_id(found->error.code));
        migp_json_number(json, "errno",
                         (uint64_t)(found->error.system_errno > 0
                                        ? found->error.system_errno
                                        : 0));
        migp_json_peer_text(json, "text", found->error.text);
        migp_json_peer_text(json, "advice", found->why);
        migp_json_close(json, '}');
    }
    migp_json_close(json, '}');
}

int migp_probe_main(int argc, char **argv)
{
    struct migp_json json = {false};
    struct finding_out found;
    struct settings settings;
    int status;
    int operand;
    int i;

    memset(&settings, 0, sizeof(settings));
    operand = migp_option_parse(&usage, &settings, argc, argv, &status);
    if (operand < 0) {
        return status;
    }
    status = MIGP_EXIT_GOOD;
    if (settings.json) {
        migp_json_open(&json, NULL, '{');
        migp_json_open(&json, "devices", '[');
    }
    for (i = operand; i < argc; i++) {
        find_out(&found, argv[i], settings.reset_ok);
        if ((int)status_of(&found) > status) {
            status = (int)status_of(&found);
        }
        if (settings.json) {
            print_json(&json, &found);
        } else {
            print_tables(&found);
        }
    }
    if (settings.json) {
        migp_json_close(&json, ']');
        migp_json_close(&json, '}');
        putchar('\n');
    }
    return status;
}
