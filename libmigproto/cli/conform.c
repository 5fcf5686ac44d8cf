/* SPDX-License-Identifier: MIT */
#include "command.h"
#include "json.h"
#include "ktap.h"
#include "message.h"
#include "option.h"
#include "table.h"

#include <migproto/conform.h>
#include <migproto/open.h>
#include <migproto/vfio.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ONLY 64

struct settings {
    const char *checks;
    const char *driver;
    uint64_t max_data;
    bool reset_ok;
    bool dangerous;
    bool list;
    bool json;
};

static const struct migp_option options[] = {
    {"reset-ok", 0, MIGP_OPTION_FLAG, offsetof(struct settings, reset_ok), NULL,
     NULL, "reset the device, destroy its state; needed for real devices"},
    {"dangerous", 0, MIGP_OPTION_FLAG, offsetof(struct settings, dangerous),
     NULL, NULL, "run what locks up or crashes kernels with known bugs too"},
    {"check", 'c', MIGP_OPTION_TEXT, offsetof(struct settings, checks),
     "N[,N...]", NULL, "run only these checks"},
    {"driver", 0, MIGP_OPTION_TEXT, offsetof(struct settings, driver), "NAME",
     NULL, "whose known deviations are expected; '': none (default: asked)"},
    {"max-data", 0, MIGP_OPTION_SIZE, offsetof(struct settings, max_data),
     "BYTES", NULL, "most state to keep in memory (default 1G)"},
    {"list", 'l', MIGP_OPTION_FLAG, offsetof(struct settings, list), NULL, NULL,
     "show the checks; needs no device"},
    {"json", 0, MIGP_OPTION_FLAG, offsetof(struct settings, json), NULL, NULL,
     "print JSON"},
    {NULL, 0, MIGP_OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const struct migp_usage usage = {
    "conform",
    "SPEC",
    "Check whether a driver keeps the rules of VFIO migration. Prints KTAP.\n"
    "SPEC names a device, e.g. vfio:0000:3b:00.2; its state is destroyed.",
    options,
    0,
    1,
    "0 no rule broken that is not known to be, 1 one is, or the device\n"
    "cannot be migrated, 2 it cannot be opened, or failed, or usage."};

/* --- the list ------------------------------------------------------------ */

static const char *kind_of(const struct migp_conform_check *check)
{
    return (check->flags & MIGP_CONFORM_NORMATIVE) != 0 ? "normative"
                                                        : "practice";
}

static bool has_flag(const struct migp_conform_check *check, uint32_t flag)
{
    return (check->flags & flag) != 0;
}

static void list_text(void)
{
    static const struct migp_column columns[] = {
        {"N", SCOLS_FL_RIGHT, 2},
        {"CHECK", 0, 10},
        {"RULE", 0, 40},
        {"KIND", 0, 9},
        {"NOTE", 0, 9},
        {"SOURCE", 0, 20},
        {NULL, 0, 0},
    };
    struct migp_table table;
    size_t i;

    migp_table_open(&table, columns, true, false);
    for (i = 0; i < migp_conform_count(); i++) {
        struct migp_conform_check check = {sizeof(check), 0, 0, "", "", ""};

        (void)migp_conform_check_at(i, &check);
        migp_table_add_line(&table);
        migp_table_add(&table, NULL, "%" PRIu32, check.number);
        migp_table_add(&table, NULL, "%s", check.id);
        migp_table_add(&table, NULL, "%s", check.title);
        migp_table_add(&table, NULL, "%s", kind_of(&check));
        migp_table_add(&table, NULL, "%s",
                       has_flag(&check, MIGP_CONFORM_DANGEROUS) ? "dangerous"
                       : has_flag(&check, MIGP_CONFORM_REOPENS) ? "reopens"
                                                                : "");
        migp_table_add(&table, NULL, "%s", check.source);
    }
    migp_table_print(&table);
}

static void json_check(struct migp_json *json,
                       const struct migp_conform_check *check)
{
    migp_json_number(json, "number", check->number);
    migp_json_text(json, "id", check->id);
    migp_json_text(json, "title", check->title);
    migp_json_text(json, "source", check->source);
    migp_json_bool(json, "normative", has_flag(check, MIGP_CONFORM_NORMATIVE));
    migp_json_bool(json, "dangerous", has_flag(check, MIGP_CONFORM_DANGEROUS));
    migp_json_bool(json, "reopens", has_flag(check, MIGP_CONFORM_REOPENS));
}

static void list_json(void)
{
    struct migp_json json = {false};
    size_t i;

    migp_json_open(&json, NULL, '{');
    migp_json_open(&json, "checks", '[');
    for (i = 0; i < migp_conform_count(); i++) {
        struct migp_conform_check check = {sizeof(check), 0, 0, "", "", ""};

        (void)migp_conform_check_at(i, &check);
        migp_json_open(&json, NULL, '{');
        json_check(&json, &check);
        migp_json_close(&json, '}');
    }
    migp_json_close(&json, ']');
    migp_json_close(&json, '}');
    putchar('\n');
}

/* --- the run ------------------------------------------------------------- */

struct run {
    const char *spec;
    const struct migp_device_caps *caps;
    size_t planned;
    struct migp_ktap ktap;
    struct migp_json json;
    bool as_json;
    bool begun; /* only when the first check starts: usage errors come before */
};

static const struct {
    enum migp_ktap_result result;
    const char *word;
} verdicts[] = {
    [MIGP_CONFORM_PASS] = {MIGP_KTAP_PASS, "pass"},
    [MIGP_CONFORM_FAIL] = {MIGP_KTAP_FAIL, "fail"},
    [MIGP_CONFORM_SKIP] = {MIGP_KTAP_SKIP, "skip"},
    [MIGP_CONFORM_XFAIL] = {MIGP_KTAP_XFAIL, "xfail"},
    [MIGP_CONFORM_XPASS] = {MIGP_KTAP_XPASS, "xpass"},
};

static void show_json(struct run *run, const struct migp_conform_check *check,
                      const struct migp_conform_result *result)
{
    run->ktap.counts[verdicts[result->verdict].result]++;
    migp_json_open(&run->json, NULL, '{');
    json_check(&run->json, check);
    migp_json_text(&run->json, "verdict", verdicts[result->verdict].word);
    migp_json_text(&run->json, "text", result->text);
    migp_json_close(&run->json, '}');
    fflush(stdout);
}

/* As the kernel calls them. */
static const struct {
    uint32_t flag;
    const char *name;
} flag_names[] = {
    {MIGP_MIGRATION_STOP_COPY, "STOP_COPY"},
    {MIGP_MIGRATION_P2P, "P2P"},
    {MIGP_MIGRATION_PRE_COPY, "PRE_COPY"},
};
#define N_FLAGS (sizeof(flag_names) / sizeof(flag_names[0]))

static void begin(struct run *run)
{
    const struct migp_device_caps *caps = run->caps;
    char names[64] = "";
    size_t i;

    run->begun = true;
    if (run->as_json) {
        migp_json_open(&run->json, NULL, '{');
        migp_json_peer_text(&run->json, "device", run->spec);
        migp_json_peer_text(&run->json, "name", caps->name);
        migp_json_peer_text(&run->json, "driver", caps->driver);
        migp_json_open(&run->json, "migration", '[');
        for (i = 0; i < N_FLAGS; i++) {
            if ((caps->migration & flag_names[i].flag) != 0) {
                migp_json_text(&run->json, NULL, flag_names[i].name);
            }
        }
        migp_json_close(&run->json, ']');
        migp_json_open(&run->json, "checks", '[');
        return;
    }
    migp_ktap_begin(&run->ktap, run->planned);
    for (i = 0; i < N_FLAGS; i++) {
        if ((caps->migration & flag_names[i].flag) != 0) {
            snprintf(names + strlen(names), sizeof(names) - strlen(names),
                     " %s", flag_names[i].name);
        }
    }
    migp_ktap_say("driver %s, migration%s",
                  caps->driver[0] != '\0' ? caps->driver : "not known", names);
}

static int show(void *user, const struct migp_conform_check *check,
                const struct migp_conform_result *result)
{
    struct run *run = user;
    char name[MIGP_TEXT_MAX];

    if (!run->begun) {
        begin(run);
    }
    if (run->as_json) {
        if (result != NULL) {
            show_json(run, check, result);
        }
        return 0;
    }
    if (result == NULL) {
        migp_ktap_say("%" PRIu32 " %s (%s)", check->number, check->title,
                      check->source);
        return 0;
    }
    if (result->text[0] != '\0' && (result->verdict == MIGP_CONFORM_PASS ||
                                    result->verdict == MIGP_CONFORM_FAIL)) {
        migp_ktap_say("%s", result->text);
    }
    snprintf(name, sizeof(name), "%" PRIu32 ".%s", check->number, check->id);
    migp_ktap_result(&run->ktap, verdicts[result->verdict].result, name,
                     result->text);
    return 0;
}

static void end_json(struct run *run, const char *bail)
{
    size_t i;

    migp_json_close(&run->json, ']');
    migp_json_open(&run->json, "totals", '{');
    for (i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        migp_json_number(&run->json, verdicts[i].word,
                         run->ktap.counts[verdicts[i].result]);
    }
    migp_json_close(&run->json, '}');
    if (bail != NULL) {
        migp_json_text(&run->json, "error", bail);
    } else {
        migp_json_null(&run->json, "error");
    }
    migp_json_close(&run->json, '}');
    putchar('\n');
}

/* A device that cannot be migrated is a result, as it is of the others. */
static int status_of(int code)
{
    return code == MIGP_ERR_NO_MIGRATION ? MIGP_EXIT_FINDINGS
                                         : MIGP_EXIT_FAILED;
}

static int run_on(struct migp_device *device, struct migp_vfio *vfio,
                  const char *spec, const struct migp_conform_options *how,
                  bool as_json)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_device_caps caps;
    struct run run = {.as_json = as_json, .spec = spec, .caps = &caps};
    migp_ssize failed;

    memset(&caps, 0, sizeof(caps));
    caps.struct_size = sizeof(caps);
    (void)migp_device_get_caps(device, &caps);
    run.planned = how->only != NULL ? how->n_only : migp_conform_count();
    failed = migp_conform_run(vfio, how, show, &run, &error);
    if (failed < 0) {
        migp_message_print(spec, "%s [%s]", error.text,
                           migp_error_id((int)failed));
    }
    if (run.begun && as_json) {
        end_json(&run, failed < 0 ? error.text : NULL);
    } else if (run.begun) {
        migp_ktap_end(&run.ktap, failed < 0 ? error.text : NULL);
    }
    if (failed < 0) {
        return status_of((int)failed);
    }
    return failed > 0 ? MIGP_EXIT_FINDINGS : MIGP_EXIT_GOOD;
}

static bool simulated(const char *spec)
{
    return strcmp(spec, "sim") == 0 || strncmp(spec, "sim:", 4) == 0;
}

static int open_and_run(const char *spec, const struct settings *settings,
                        const struct migp_conform_options *how)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_open_options open_how;
    struct migp_device *device;
    struct migp_vfio *vfio;
    int status;
    int code;

    if (strncmp(spec, "vfio-user:", 10) == 0) {
        migp_message_print(spec, "conform is for drivers behind the kernel's "
                                 "interface, not for vfio-user servers");
        return MIGP_EXIT_FAILED;
    }
    if (!simulated(spec) && !settings->reset_ok) {
        migp_message_print(spec, "conform resets the device and destroys its "
                                 "state: --reset-ok says that it may");
        return MIGP_EXIT_FAILED;
    }
    migp_open_options_init(&open_how);
    open_how.flags = settings->reset_ok ? MIGP_OPEN_RESET_OK : 0;
    code = migp_device_open(&device, spec, &open_how, &error);
    if (code != MIGP_OK) {
        migp_message_print(spec, "%s [%s]", error.text, migp_error_id(code));
        return status_of(code);
    }
    vfio = migp_device_backend(device, migp_vfio_ops());
    if (vfio == NULL) {
        migp_message_print(spec, "conform is for drivers behind the kernel's "
                                 "interface");
        status = MIGP_EXIT_FAILED;
    } else {
        status = run_on(device, vfio, spec, how, settings->json);
    }
    migp_device_free(device);
    return status;
}

static bool is_check(uint32_t number)
{
    size_t i;

    for (i = 0; i < migp_conform_count(); i++) {
        struct migp_conform_check check = {sizeof(check), 0, 0, "", "", ""};

        (void)migp_conform_check_at(i, &check);
        if (check.number == number) {
            return true;
        }
    }
    return false;
}

/* "6,19": how many, 0 if it is no such list. Each once: the plan counts. */
static size_t parse_checks(const char *text, uint32_t *only)
{
    size_t n = 0;
    size_t i;

    for (;;) {
        char *end;
        unsigned long number;

        if (*text < '0' || *text > '9' || n == MAX_ONLY) {
            return 0;
        }
        number = strtoul(text, &end, 10);
        if (number > UINT32_MAX || !is_check((uint32_t)number)) {
            return 0;
        }
        for (i = 0; i < n && only[i] != number; i++) {
        }
        if (i == n) {
            only[n++] = (uint32_t)number;
        }
        if (*end == '\0') {
            return n;
        }
        if (*end != ',') {
            return 0;
        }
        text = end + 1;
    }
}

int migp_conform_main(int argc, char **argv)
{
    struct migp_conform_options how;
    struct settings settings;
    uint32_t only[MAX_ONLY];
    int status;
    int operand;

    memset(&settings, 0, sizeof(settings));
    migp_conform_options_init(&how);
    settings.max_data = how.max_data;
    operand = migp_option_parse(&usage, &settings, argc, argv, &status);
    if (operand < 0) {
        return status;
    }
    if (settings.list) {
        (settings.json ? list_json : list_text)();
        return MIGP_EXIT_GOOD;
    }
    if (operand >= argc) {
        return migp_option_complain(&usage, "a device is missing");
    }
    if (settings.checks != NULL) {
        how.n_only = parse_checks(settings.checks, only);
        how.only = only;
        if (how.n_only == 0) {
            return migp_option_complain(
                &usage, "--check takes numbers of --list: 6,19");
        }
    }
    if (settings.max_data == 0 || settings.max_data > UINT64_C(1) << 36) {
        return migp_option_complain(&usage, "--max-data must be 1 to 64G");
    }
    how.max_data = settings.max_data;
    how.driver = settings.driver;
    how.flags = settings.dangerous ? MIGP_CONFORM_ALLOW_DANGEROUS : 0;
    return open_and_run(argv[operand], &settings, &how);
}
