/* SPDX-License-Identifier: MIT */
#include "scan.h"

#include "command.h"
#include "input.h"
#include "message.h"
#include "printable.h"
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct migp_choice migp_dialect_choices[] = {
    {"v2", MIGP_DIALECT_V2},
    {"v1", MIGP_DIALECT_V1},
    {"qemu-5.2", MIGP_DIALECT_QEMU_5_2},
    {"any", MIGP_DIALECT_ANY},
    {NULL, 0},
};

const struct migp_choice migp_footers_choices[] = {
    {"auto", MIGP_QEMU_FOOTERS_AUTO},
    {"on", MIGP_QEMU_FOOTERS_ON},
    {"off", MIGP_QEMU_FOOTERS_OFF},
    {NULL, 0},
};

void migp_reading_init(struct migp_reading *reading)
{
    memset(reading, 0, sizeof(*reading));
    reading->dialects = MIGP_DIALECT_ANY;
    reading->max_data = MIGP_DEFAULT_MAX_DATA;
    reading->max_config = MIGP_DEFAULT_MAX_CONFIG;
    reading->max_records = MIGP_DEFAULT_MAX_RECORDS;
}

static int make_report(struct migp_scan *scan,
                       const struct migp_reading *reading,
                       const struct migp_scan_hooks *hooks)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_report_options options;
    struct migp_qemu_options qemu;

    migp_qemu_options_init(&qemu);
    qemu.footers = reading->footers;
    qemu.decoder_flags = reading->tolerant ? MIGP_DECODER_TOLERANT : 0;
    qemu.page_size = reading->page_size > UINT32_MAX
                         ? UINT32_MAX
                         : (uint32_t)reading->page_size;
    if (qemu.page_size == 0) {
        qemu.page_size = scan->vmdesc.page_size;
    }
    qemu.max_data = reading->max_data;
    qemu.max_config = reading->max_config;
    qemu.vmdesc = scan->vmdesc.entries;
    qemu.n_vmdesc = scan->vmdesc.n_entries;

    migp_report_options_init(&options);
    options.max_records = reading->max_records;
    options.dialects = reading->dialects;
    options.qemu = &qemu;
    options.sink = hooks->sink;
    options.user = hooks->user;
    if (migp_report_new(&scan->report, &options, &error) != MIGP_OK) {
        migp_message_print(NULL, "%s [%s]", error.text,
                           migp_error_id(error.code));
        return -1;
    }
    return 0;
}

static void pass_over(struct migp_report *report, struct migp_input *input)
{
    uint64_t size = migp_report_skippable(report);

    if (size > 0) {
        size = migp_input_skip(input, size);
        migp_report_skip(report, size);
    }
}

/* Give the window to the report once. Returns 1 to go on, 0 at the end of
 * what can be read, -1 if the command cannot go on. */
static int feed_once(struct migp_report *report, struct migp_input *input)
{
    size_t need;
    migp_ssize taken;

    pass_over(report, input);
    need = migp_report_need(report);
    if (migp_input_fill(input, need > 0 ? need : 1) != 0) {
        return -1;
    }
    taken = migp_report_feed(report, migp_input_bytes(input),
                             migp_input_size(input),
                             input->at_end ? MIGP_FEED_LAST : 0);
    if (taken < 0) {
        if (taken == MIGP_ERR_NO_MEMORY || taken == MIGP_ERR_STATE ||
            taken == MIGP_ERR_INVALID_ARGUMENT) {
            migp_message_print(NULL, "%s", migp_error_text((int)taken));
            return -1;
        }
        return 0;
    }
    migp_input_consume(input, (size_t)taken);
    if (input->at_end) {
        return taken > 0 && migp_input_size(input) > 0;
    }
    /* A report that takes nothing and asks for nothing must not be asked
     * the same again: the window grows. */
    if (taken == 0 && migp_report_need(report) <= migp_input_size(input) &&
        migp_report_skippable(report) == 0) {
        return migp_input_fill(input, migp_input_size(input) + 1) == 0 ? 1 : -1;
    }
    return 1;
}

static int read_all(struct migp_report *report, struct migp_input *input,
                    const struct migp_scan_hooks *hooks)
{
    struct migp_progress progress;
    int result;

    migp_progress_start(&progress, input->size);
    do {
        result = feed_once(report, input);
        if (result >= 0 && hooks->step != NULL &&
            hooks->step(hooks->user, report) != 0) {
            result = -1;
        }
        migp_progress_update(&progress, input->taken);
    } while (result > 0);
    migp_progress_clear(&progress);
    return result;
}

/* Say so if there is no stream in the input at all. */
static int check_recognised(const struct migp_scan *scan, bool empty,
                            const struct migp_error *error)
{
    if (empty) {
        migp_message_print_at(scan->name, 0, "the input is empty",
                              migp_error_id(MIGP_ERR_NOT_A_STREAM));
        return -1;
    }
    if (scan->summary.format == MIGP_FORMAT_UNKNOWN) {
        migp_message_print_at(scan->name, error->offset, error->text,
                              error->finding != 0
                                  ? migp_finding_id(error->finding)
                                  : migp_error_id(error->code));
        return -1;
    }
    return 0;
}

int migp_scan_run(struct migp_scan *scan, const char *file,
                  const struct migp_reading *reading,
                  const struct migp_scan_hooks *hooks)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_input input;
    bool empty;
    int result;

    memset(scan, 0, sizeof(*scan));
    scan->name = migp_message_input_name(file);
    if (migp_input_open(&input, file) != 0) {
        return -1;
    }
    result = migp_vmdesc_load(&scan->vmdesc, &input);
    if (result == 0) {
        result = make_report(scan, reading, hooks);
    }
    if (result == 0) {
        result = read_all(scan->report, &input, hooks);
    }
    empty = input.taken == 0;
    migp_input_close(&input);
    if (result != 0) {
        return -1;
    }
    /* The verdict is in the findings. */
    (void)migp_report_finish(scan->report, &error);
    scan->summary.struct_size = sizeof(scan->summary);
    migp_report_summary(scan->report, &scan->summary);
    return check_recognised(scan, empty, &error);
}

void migp_scan_free(struct migp_scan *scan)
{
    migp_report_free(scan->report);
    migp_vmdesc_free(&scan->vmdesc);
    scan->report = NULL;
}

char *migp_scan_finding_text(const struct migp_scan *scan,
                             const struct migp_report_finding *found)
{
    struct migp_report_device device = {.struct_size = sizeof(device)};
    char *id = migp_printable_make("");
    char text[MIGP_TEXT_MAX];
    char *whole;
    size_t size;

    migp_finding_text(&found->finding, text, sizeof(text));
    if (found->device >= 0 &&
        migp_report_device(scan->report, (size_t)found->device, &device) ==
            MIGP_OK) {
        free(id);
        id = migp_printable_make(device.id);
    }
    size = strlen(id) + sizeof(": ") + strlen(text);
    whole = migp_memory_resize(NULL, size, 1);
    (void)snprintf(whole, size, "%s%s%s", id, *id != '\0' ? ": " : "", text);
    free(id);
    return whole;
}

int migp_scan_status(const struct migp_scan *scan)
{
    return scan->summary.worst == MIGP_SEVERITY_ERROR + 1 ? MIGP_EXIT_FINDINGS
                                                          : MIGP_EXIT_GOOD;
}
