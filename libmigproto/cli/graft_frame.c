/* SPDX-License-Identifier: MIT */
#include "graft_frame.h"

#include "message.h"

#include <migproto/qemu.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* qemu migration/savevm.c: the body is be32, the bytes behind it that belong
 * to the package. */
#define COMMAND_PACKAGED 7
#define COMMAND_HEAD 5
#define PACKAGED_BODY 4

#define BATCH 64
#define MAX_PACKAGES 64

/* A walk through the container. */
struct walk {
    struct migp_graft_plan *plan;
    const struct migp_scan *scan;
    struct migp_qemu_reader *reader;
    struct migp_input *file;
    size_t main;
    uint64_t start; /* of QEMU's stream in the file */
    int n_packages;
};

static bool changes_size_before(const struct migp_graft_plan *plan,
                                size_t input, uint64_t offset)
{
    size_t i;

    for (i = 0; i < plan->n_edits; i++) {
        const struct migp_graft_edit *edit = &plan->edits[i];

        if (edit->input == input && edit->offset < offset &&
            edit->size != edit->removed) {
            return true;
        }
    }
    return false;
}

/* The bytes of a package follow the command, outside its own length. */
static int meet_package(struct walk *walk, const struct migp_qemu_event *event)
{
    uint64_t length = walk->start + event->offset + COMMAND_HEAD;
    uint64_t begin = length + PACKAGED_BODY;
    uint64_t size;
    uint64_t growth;

    if (event->size != PACKAGED_BODY) {
        return 0;
    }
    /* Each is compared with all edits; QEMU makes one. */
    if (++walk->n_packages > MAX_PACKAGES) {
        migp_message_print(walk->scan->name, "more than %d packages",
                           MAX_PACKAGES);
        return -1;
    }
    size = (uint64_t)event->bytes[0] << 24 | (uint64_t)event->bytes[1] << 16 |
           (uint64_t)event->bytes[2] << 8 | event->bytes[3];
    growth =
        migp_graft_plan_growth(walk->plan, walk->main, begin, begin + size);
    if (growth == 0) {
        return 0;
    }
    if (size + growth > UINT32_MAX) {
        migp_message_print(walk->scan->name, "the device is in a package, "
                                             "which would become too long");
        return -1;
    }
    migp_graft_plan_write_be32(walk->plan, walk->main, length,
                               (uint32_t)(size + growth));
    return 0;
}

static int meet_ram(struct walk *walk, const struct migp_qemu_event *event)
{
    if (walk->scan->summary.is_mapped_ram &&
        strcmp(event->section->idstr, "ram") == 0 &&
        changes_size_before(walk->plan, walk->main,
                            walk->start + event->offset)) {
        migp_message_print(walk->scan->name,
                           "sizes would change before RAM pages that lie at "
                           "fixed offsets");
        return -1;
    }
    return 0;
}

static int meet(struct walk *walk, const struct migp_qemu_event *event)
{
    if (event->kind == MIGP_QEMU_EVENT_COMMAND &&
        event->value == COMMAND_PACKAGED) {
        return meet_package(walk, event);
    }
    if (event->kind == MIGP_QEMU_EVENT_SECTION_END &&
        event->value == MIGP_SECTION_START) {
        return meet_ram(walk, event);
    }
    return 0;
}

static void pass_over(struct walk *walk)
{
    uint64_t size = migp_qemu_reader_skippable(walk->reader);

    if (size > 0) {
        size = migp_input_skip(walk->file, size);
        (void)migp_qemu_reader_skip(walk->reader, size);
    }
}

/* A stream that the report could not follow to its end has been told of, and
 * is written by force only. */
static int fail(const struct walk *walk)
{
    struct migp_error error = MIGP_ERROR_INIT;

    if (walk->scan->summary.failed != 0) {
        return 0;
    }
    (void)migp_qemu_reader_error(walk->reader, &error);
    migp_message_print_at(walk->scan->name, walk->start + error.offset,
                          error.text, migp_error_id(error.code));
    return -1;
}

/* Returns 1 to go on, 0 at the end, -1 to give up. */
static int step(struct walk *walk)
{
    struct migp_qemu_event events[BATCH];
    size_t n_events;
    size_t need;
    size_t i;
    migp_ssize taken;

    pass_over(walk);
    need = migp_qemu_reader_need(walk->reader);
    if (migp_input_fill(walk->file, need > 0 ? need : 1) != 0) {
        return -1;
    }
    taken = migp_qemu_reader_feed(
        walk->reader, migp_input_bytes(walk->file), migp_input_size(walk->file),
        walk->file->at_end ? MIGP_FEED_LAST : 0, events, BATCH, &n_events);
    for (i = 0; i < n_events; i++) {
        if (meet(walk, &events[i]) != 0) {
            return -1;
        }
    }
    if (taken < 0) {
        return fail(walk);
    }
    migp_input_consume(walk->file, (size_t)taken);
    return taken > 0 || n_events == BATCH || !walk->file->at_end;
}

/* Past what is in front of QEMU's stream. */
static int pass_front(struct walk *walk)
{
    uint64_t left = walk->start;

    while (left > 0 && !walk->file->at_end) {
        if (migp_input_fill(walk->file, 1) != 0) {
            return -1;
        }
        left -= migp_input_skip(walk->file, left);
    }
    return 0;
}

static int walk_all(struct walk *walk)
{
    int result = pass_front(walk) == 0 ? 1 : -1;

    while (result > 0) {
        result = step(walk);
    }
    return result;
}

/* What the report was told, or has found out. */
static void make_options(struct migp_qemu_options *options,
                         const struct migp_scan *scan,
                         const struct migp_reading *reading)
{
    migp_qemu_options_init(options);
    options->footers = scan->summary.footers;
    options->decoder_flags = MIGP_DECODER_TOLERANT; /* as a report reads */
    options->page_size = scan->summary.page_size;
    options->max_data = reading->max_data;
    options->max_config = reading->max_config;
    options->vmdesc = scan->vmdesc.entries;
    options->n_vmdesc = scan->vmdesc.n_entries;
}

int migp_graft_frame(struct migp_graft_plan *plan, const struct migp_scan *scan,
                     struct migp_input *file, size_t main,
                     const struct migp_reading *reading)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_qemu_options options;
    struct walk walk = {.plan = plan,
                        .scan = scan,
                        .file = file,
                        .main = main,
                        .start = scan->summary.stream_offset};
    int result;

    if (scan->summary.format != MIGP_FORMAT_QEMU ||
        !changes_size_before(plan, main, UINT64_MAX)) {
        return 0;
    }
    make_options(&options, scan, reading);
    if (migp_qemu_reader_new(&walk.reader, &options, &error) != MIGP_OK) {
        migp_message_print(NULL, "%s", error.text);
        return -1;
    }
    result = walk_all(&walk);
    migp_qemu_reader_free(walk.reader);
    return result;
}
