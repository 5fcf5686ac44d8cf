/* SPDX-License-Identifier: MIT */
#include "command.h"
#include "view.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum colour_when {
    COLOUR_AUTO,
    COLOUR_ALWAYS,
    COLOUR_NEVER
};

struct settings {
    struct migp_reading reading;
    bool json;
    bool records;
    bool no_digest;
    uint32_t colour;
};

static const struct migp_choice colour_choices[] = {
    {"auto", COLOUR_AUTO},
    {"always", COLOUR_ALWAYS},
    {"never", COLOUR_NEVER},
    {NULL, 0},
};

static const struct migp_option options[] = {
    {"json", 0, MIGP_OPTION_FLAG, offsetof(struct settings, json), NULL, NULL,
     "print one JSON object instead of tables"},
    {"records", 0, MIGP_OPTION_FLAG, offsetof(struct settings, records), NULL,
     NULL, "print every record kept, also when they are many"},
    {"no-digest", 0, MIGP_OPTION_FLAG, offsetof(struct settings, no_digest),
     NULL, NULL, "do not compute the SHA-256 of each state"},
    {"max-records", 0, MIGP_OPTION_COUNT,
     offsetof(struct settings, reading.max_records), "N", NULL,
     "records kept per device, the rest is counted (default 65536)"},
    MIGP_READING_OPTIONS(struct settings),
    {"color", 0, MIGP_OPTION_CHOICE, offsetof(struct settings, colour),
     "auto|always|never", colour_choices,
     "colour the tables (default auto: on a terminal)"},
    {NULL, 0, MIGP_OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const struct migp_usage usage = {
    "inspect",
    "FILE [CHANNEL]...",
    "Show what a migration stream holds: its container, its devices with "
    "their\n"
    "records, driver state and PCI config, and what is wrong with it. FILE - "
    "is\n"
    "standard input; the CHANNELs are those of multifd, in any order.",
    options,
    1,
    MIGP_CHANNELS_OPERANDS_MAX,
    NULL};

/* https://no-color.org: set and not empty means no colour. */
static bool wants_colour(uint32_t when)
{
    const char *no_color = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");

    if (when != COLOUR_AUTO) {
        return when == COLOUR_ALWAYS;
    }
    return isatty(STDOUT_FILENO) != 0 &&
           (no_color == NULL || no_color[0] == '\0') && terminal != NULL &&
           strcmp(terminal, "dumb") != 0;
}

static int show(const struct settings *settings, const struct migp_scan *scan,
                struct migp_digests *digests)
{
    struct migp_view view = {
        .scan = scan,
        .digests = settings->no_digest ? NULL : digests,
        .all_records = settings->records,
        .colour = !settings->json && wants_colour(settings->colour),
    };

    return settings->json ? migp_view_print_json(&view)
                          : migp_view_print_tables(&view);
}

int migp_inspect_main(int argc, char **argv)
{
    struct migp_digests digests = {0};
    struct migp_scan_hooks hooks = {0};
    struct settings settings;
    struct migp_scan scan;
    int status;
    int operand;

    memset(&settings, 0, sizeof(settings));
    migp_reading_init(&settings.reading);
    operand = migp_option_parse(&usage, &settings, argc, argv, &status);
    if (operand < 0) {
        return status;
    }
    if (!settings.no_digest) {
        hooks.sink = migp_digests_sink;
        hooks.user = &digests;
    }
    status = MIGP_EXIT_FAILED;
    if (migp_scan_run(&scan, argv + operand, (size_t)(argc - operand),
                      &settings.reading, &hooks) == 0 &&
        show(&settings, &scan, &digests) == 0) {
        status = migp_scan_status(&scan);
    }
    migp_scan_free(&scan);
    migp_digests_free(&digests);
    return status;
}
