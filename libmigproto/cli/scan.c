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

/* Of a packet that is looked at again, at a time. */
#define PIECE_SIZE ((size_t)1 << 20)

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
    reading->max_packet = MIGP_DEFAULT_MAX_PACKET;
    reading->max_packets = MIGP_DEFAULT_MAX_PACKETS;
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
    options.max_packet = reading->max_packet > UINT32_MAX
                             ? UINT32_MAX
                             : (uint32_t)reading->max_packet;
    options.max_packets = reading->max_packets;
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

/* A report that is being filled from several inputs. */
struct reading_state {
    struct migp_scan *scan;
    const struct migp_scan_hooks *hooks;
    struct migp_progress progress;
    uint64_t before; /* bytes of the inputs that are done */
};

static int take_step(struct reading_state *state)
{
    const struct migp_scan_hooks *hooks = state->hooks;

    return hooks->step != NULL &&
                   hooks->step(hooks->user, state->scan->report) != 0
               ? -1
               : 0;
}

static int read_all(struct reading_state *state, struct migp_input *input)
{
    int result;

    do {
        result = feed_once(state->scan->report, input);
        if (result >= 0 && take_step(state) != 0) {
            result = -1;
        }
        migp_progress_update(&state->progress, state->before + input->taken);
    } while (result > 0);
    state->before += input->taken;
    return result;
}

/* The bytes that are looked at a second time, in the order that the report
 * asks for. */
static int read_pieces(struct reading_state *state)
{
    struct migp_channel_file *files = state->scan->channels.files;
    struct migp_report *report = state->scan->report;
    struct migp_report_piece piece;
    uint8_t *bytes = NULL;
    size_t room = 0, size;
    int result;

    while ((result = migp_report_piece(report, &piece)) == 1) {
        size = piece.at_once || piece.size < PIECE_SIZE ? (size_t)piece.size
                                                        : PIECE_SIZE;
        if (size > room) {
            room = size;
            bytes = migp_memory_resize(bytes, room, 1);
        }
        if (migp_input_read_at(&files[piece.input].input, piece.offset, bytes,
                               size) != 0) {
            result = -1;
            break;
        }
        result = migp_report_give(report, bytes, size);
        if (result < 0 || take_step(state) != 0) {
            break;
        }
    }
    free(bytes);
    if (result < 0 && result != -1) {
        migp_message_print(NULL, "%s", migp_error_text(result));
    }
    return result == 0 ? 0 : -1;
}

/* The multifd channels; none is read if the main channel is at fault. */
static int read_channels(struct reading_state *state)
{
    struct migp_channels *channels = &state->scan->channels;
    size_t i;

    for (i = 1; i < channels->n_files; i++) {
        struct migp_error error = MIGP_ERROR_INIT;
        int code = migp_report_next_channel(state->scan->report, &error);

        if (code == MIGP_ERR_NO_MEMORY) {
            migp_message_print(NULL, "%s", error.text);
            return -1;
        }
        if (code == MIGP_ERR_STATE) {
            migp_message_print(state->scan->name,
                               "a bare stream has no other channels");
            return -1;
        }
        if (code < 0) {
            return 0;
        }
        if (read_all(state, &channels->files[i].input) != 0) {
            return -1;
        }
        migp_input_release(&channels->files[i].input);
    }
    return read_pieces(state);
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
    if (scan->summary.format == MIGP_FORMAT_UNKNOWN &&
        !scan->summary.is_libvirt) {
        migp_message_print_at(scan->name, error->offset, error->text,
                              error->finding != 0
                                  ? migp_finding_id(error->finding)
                                  : migp_error_id(error->code));
        return -1;
    }
    return 0;
}

static int read_inputs(struct reading_state *state,
                       const struct migp_reading *reading)
{
    struct migp_scan *scan = state->scan;
    struct migp_input *main_input = &scan->channels.files[0].input;
    uint64_t total = 0;
    size_t i;
    int result;

    if (migp_vmdesc_load(&scan->vmdesc, main_input) != 0 ||
        make_report(scan, reading, state->hooks) != 0) {
        return -1;
    }
    for (i = 0; i < scan->channels.n_files; i++) {
        total += scan->channels.files[i].input.size;
    }
    migp_progress_start(&state->progress, total);
    result = read_all(state, main_input);
    if (result == 0 && scan->channels.n_files > 1) {
        result = read_channels(state);
    }
    migp_progress_clear(&state->progress);
    return result;
}

int migp_scan_run(struct migp_scan *scan, char *const *files, size_t n_files,
                  const struct migp_reading *reading,
                  const struct migp_scan_hooks *hooks)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct reading_state state = {.scan = scan, .hooks = hooks};

    memset(scan, 0, sizeof(*scan));
    if (migp_channels_open(&scan->channels, files, n_files) != 0) {
        return -1;
    }
    scan->name = migp_message_input_name(scan->channels.files[0].file);
    if (read_inputs(&state, reading) != 0) {
        return -1;
    }
    /* The verdict is in the findings. */
    (void)migp_report_finish(scan->report, &error);
    scan->summary.struct_size = sizeof(scan->summary);
    migp_report_summary(scan->report, &scan->summary);
    return check_recognised(scan, scan->channels.files[0].input.taken == 0,
                            &error);
}

void migp_scan_free(struct migp_scan *scan)
{
    migp_report_free(scan->report);
    migp_vmdesc_free(&scan->vmdesc);
    migp_channels_close(&scan->channels);
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

const char *migp_scan_finding_file(const struct migp_scan *scan,
                                   const struct migp_report_finding *found)
{
    return found->input > 0 && found->input < scan->channels.n_files
               ? scan->channels.files[found->input].file
               : scan->name;
}

uint32_t migp_scan_channel_of(const struct migp_scan *scan, uint32_t input)
{
    return input > 0 && input < scan->channels.n_files
               ? scan->channels.files[input].id + 1
               : 0;
}

int migp_scan_status(const struct migp_scan *scan)
{
    return scan->summary.worst == MIGP_SEVERITY_ERROR + 1 ? MIGP_EXIT_FINDINGS
                                                          : MIGP_EXIT_GOOD;
}
