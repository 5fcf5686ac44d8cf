/* SPDX-License-Identifier: MIT */
#include "qemu/reader.h"

#include "core/error.h"

#define QEMU_MAGIC 0x5145564dU /* "QEVM" */
#define QEMU_VERSION 3U
#define MULTIFD_MAGIC 0x11223344U

bool migp_qemu_want(struct migp_qemu_reader *reader,
                    const struct migp_qemu_feed *feed, size_t size)
{
    if (size <= migp_qemu_left(feed)) {
        return true;
    }
    reader->need = size;
    return false;
}

void migp_qemu_consume(struct migp_qemu_reader *reader,
                       struct migp_qemu_feed *feed, size_t size)
{
    const uint8_t *bytes;

    if (migp_cursor_take(&feed->in, size, &bytes)) {
        reader->offset += size;
    }
}

void migp_qemu_pass(struct migp_qemu_reader *reader, uint64_t size,
                    enum migp_qemu_state after)
{
    reader->skip_left = size;
    reader->after_skip = after;
    reader->state = size > 0 ? MIGP_QEMU_IN_SKIP : after;
}

void migp_qemu_emit(struct migp_qemu_reader *reader,
                    struct migp_qemu_feed *feed,
                    const struct migp_qemu_event *event)
{
    if (feed->n_events < feed->max_events) {
        feed->events[feed->n_events++] = *event;
    } else if (reader->n_queued < MIGP_QEMU_QUEUE) {
        reader->queue[reader->n_queued++] = *event;
    }
}

void migp_qemu_emit_finding(struct migp_qemu_reader *reader,
                            struct migp_qemu_feed *feed, uint32_t code,
                            uint64_t offset, uint64_t value, uint64_t expected)
{
    const struct migp_qemu_event event = {
        .kind = MIGP_QEMU_EVENT_FINDING,
        .finding = code,
        .offset = offset,
        .size = value,
        .value = expected,
        .section = reader->section != NULL ? &reader->section->shown : NULL};

    migp_qemu_emit(reader, feed, &event);
}

int migp_qemu_fail(struct migp_qemu_reader *reader, int code, uint32_t finding,
                   uint64_t offset, uint64_t value, uint64_t expected)
{
    reader->state = MIGP_QEMU_HAS_FAILED;
    reader->failure = code;
    reader->need = 0;
    reader->skip_left = 0;
    reader->why = migp_finding_make(finding, offset, value, expected);
    return code;
}

bool migp_qemu_tolerant(const struct migp_qemu_reader *reader)
{
    return (reader->options.decoder_flags & MIGP_DECODER_TOLERANT) != 0;
}

/* [QC-1] Magic and version. */
static int step_header(struct migp_qemu_reader *reader,
                       struct migp_qemu_feed *feed)
{
    struct migp_qemu_event event = {
        .kind = MIGP_QEMU_EVENT_HEADER, .offset = reader->offset, .size = 8};
    uint32_t magic, version;

    if (!migp_qemu_want(reader, feed, 8)) {
        return MIGP_OK;
    }
    magic = migp_load_be32(migp_qemu_at(feed));
    version = migp_load_be32(migp_qemu_at(feed) + 4);
    if (magic == MULTIFD_MAGIC) {
        return migp_qemu_fail(reader, MIGP_ERR_NOT_A_STREAM,
                              MIGP_FINDING_MULTIFD_CHANNEL, reader->offset,
                              magic, 0);
    }
    if (magic != QEMU_MAGIC) {
        return migp_qemu_fail(reader, MIGP_ERR_NOT_A_STREAM,
                              MIGP_FINDING_NOT_A_STREAM, reader->offset, magic,
                              0);
    }
    if (version != QEMU_VERSION) {
        return migp_qemu_fail(reader, MIGP_ERR_UNSUPPORTED,
                              MIGP_FINDING_STREAM_VERSION, reader->offset + 4,
                              version, QEMU_VERSION);
    }
    event.value = version;
    migp_qemu_emit(reader, feed, &event);
    migp_qemu_consume(reader, feed, 8);
    reader->state = MIGP_QEMU_AT_NEXT;
    return MIGP_OK;
}

/* [QC-10] After the EOF byte only a VM description may follow. */
static int step_eof(struct migp_qemu_reader *reader,
                    struct migp_qemu_feed *feed)
{
    const struct migp_qemu_event event = {.kind = MIGP_QEMU_EVENT_END_OF_STREAM,
                                          .offset = reader->offset};

    migp_qemu_consume(reader, feed, 1);
    if (reader->package_end != 0) { /* [QC-6] it ends the package only */
        if (reader->offset != reader->package_end) {
            if (!migp_qemu_tolerant(reader)) {
                return migp_qemu_fail(reader, MIGP_ERR_MALFORMED,
                                      MIGP_FINDING_PACKAGE_EOF,
                                      reader->unit_offset,
                                      reader->package_end - reader->offset, 0);
            }
            migp_qemu_emit_finding(reader, feed, MIGP_FINDING_PACKAGE_EOF,
                                   reader->unit_offset,
                                   reader->package_end - reader->offset, 0);
        }
        migp_qemu_pass(reader, reader->package_end - reader->offset,
                       MIGP_QEMU_AT_NEXT);
        return MIGP_OK;
    }
    migp_qemu_emit(reader, feed, &event);
    reader->state = MIGP_QEMU_AFTER_EOF;
    return MIGP_OK;
}

/* [QC-6] A package ends exactly where its last section does. */
static int check_package(struct migp_qemu_reader *reader)
{
    if (reader->package_end == 0 || reader->offset < reader->package_end) {
        return MIGP_OK;
    }
    if (reader->offset > reader->package_end) {
        return migp_qemu_fail(reader, MIGP_ERR_MALFORMED,
                              MIGP_FINDING_PACKAGE_OVERRUN, reader->unit_offset,
                              0, reader->package_end);
    }
    reader->package_end = 0;
    return MIGP_OK;
}

static int step_next(struct migp_qemu_reader *reader,
                     struct migp_qemu_feed *feed)
{
    uint8_t byte;
    int code = check_package(reader);

    reader->section = NULL;
    if (code < 0) {
        return code;
    }
    if (migp_qemu_left(feed) == 0) {
        return MIGP_OK;
    }
    byte = *migp_qemu_at(feed);
    reader->unit_offset = reader->offset;
    switch (byte) {
    case MIGP_QEMU_EOF:
        return step_eof(reader, feed);
    case MIGP_QEMU_START:
    case MIGP_QEMU_PART:
    case MIGP_QEMU_END:
    case MIGP_QEMU_FULL:
        return migp_qemu_step_section(reader, feed);
    case MIGP_QEMU_CONFIGURATION:
        return migp_qemu_step_configuration(reader, feed);
    case MIGP_QEMU_COMMAND:
        return migp_qemu_step_command(reader, feed);
    default:
        return migp_qemu_fail(reader, MIGP_ERR_MALFORMED,
                              MIGP_FINDING_UNKNOWN_SECTION_BYTE, reader->offset,
                              byte, 0);
    }
}

/* [QC-9] */
static int step_after_eof(struct migp_qemu_reader *reader,
                          struct migp_qemu_feed *feed)
{
    struct migp_qemu_event event = {.kind = MIGP_QEMU_EVENT_VMDESC,
                                    .offset = reader->offset};

    if (migp_qemu_left(feed) == 0) {
        return MIGP_OK;
    }
    reader->unit_offset = reader->offset;
    if (*migp_qemu_at(feed) != MIGP_QEMU_VMDESCRIPTION) {
        reader->state = MIGP_QEMU_AFTER_ALL;
        return MIGP_OK;
    }
    if (!migp_qemu_want(reader, feed, 5)) {
        return MIGP_OK;
    }
    event.size = migp_load_be32(migp_qemu_at(feed) + 1);
    migp_qemu_emit(reader, feed, &event);
    migp_qemu_consume(reader, feed, 5);
    migp_qemu_pass(reader, event.size, MIGP_QEMU_AFTER_ALL);
    return MIGP_OK;
}

static int step_after_all(struct migp_qemu_reader *reader,
                          struct migp_qemu_feed *feed)
{
    if (migp_qemu_left(feed) == 0) {
        return MIGP_OK;
    }
    migp_qemu_emit_finding(reader, feed, MIGP_FINDING_BYTES_AFTER_END,
                           reader->offset, 0, 0);
    reader->bytes_after_end = true;
    migp_qemu_pass(reader, UINT64_MAX - reader->offset, MIGP_QEMU_AFTER_ALL);
    return MIGP_OK;
}

static int step_skip(struct migp_qemu_reader *reader,
                     struct migp_qemu_feed *feed)
{
    size_t left = migp_qemu_left(feed);
    size_t size = reader->skip_left < left ? (size_t)reader->skip_left : left;

    migp_qemu_consume(reader, feed, size);
    migp_qemu_pass(reader, reader->skip_left - size, reader->after_skip);
    return MIGP_OK;
}

static int step(struct migp_qemu_reader *reader, struct migp_qemu_feed *feed)
{
    switch (reader->state) {
    case MIGP_QEMU_AT_HEADER:
        return step_header(reader, feed);
    case MIGP_QEMU_AT_NEXT:
        return step_next(reader, feed);
    case MIGP_QEMU_IN_VFIO:
        return migp_qemu_step_vfio(reader, feed);
    case MIGP_QEMU_IN_RAM:
        return migp_qemu_step_ram(reader, feed);
    case MIGP_QEMU_IN_RAM_BLOCKS:
        return migp_qemu_step_ram_blocks(reader, feed);
    case MIGP_QEMU_IN_SIZED:
        return migp_qemu_step_sized(reader, feed);
    case MIGP_QEMU_IN_SCAN:
        return migp_qemu_step_scan(reader, feed);
    case MIGP_QEMU_IN_RUN:
        return migp_qemu_step_run(reader, feed);
    case MIGP_QEMU_IN_SKIP:
        return step_skip(reader, feed);
    case MIGP_QEMU_AT_PAYLOAD_END:
        migp_qemu_section_done(reader, feed);
        return MIGP_OK;
    case MIGP_QEMU_AT_FOOTER:
        return migp_qemu_step_footer(reader, feed);
    case MIGP_QEMU_AFTER_EOF:
        return step_after_eof(reader, feed);
    case MIGP_QEMU_AFTER_ALL:
        return step_after_all(reader, feed);
    default:
        return reader->failure;
    }
}

static void drain_queue(struct migp_qemu_reader *reader,
                        struct migp_qemu_feed *feed)
{
    while (reader->queue_at < reader->n_queued &&
           feed->n_events < feed->max_events) {
        feed->events[feed->n_events++] = reader->queue[reader->queue_at++];
    }
    if (reader->queue_at == reader->n_queued) {
        reader->queue_at = 0;
        reader->n_queued = 0;
    }
}

migp_ssize migp_qemu_reader_feed(struct migp_qemu_reader *reader,
                                 const void *bytes, size_t size, uint32_t flags,
                                 struct migp_qemu_event *events,
                                 size_t max_events, size_t *n_events)
{
    struct migp_qemu_feed feed = {
        .in = migp_cursor_over(bytes != NULL ? bytes : "", size),
        .last = (flags & MIGP_FEED_LAST) != 0,
        .events = events,
        .max_events = max_events};
    int code = MIGP_OK;

    if (n_events != NULL) {
        *n_events = 0;
    }
    if (reader == NULL || (bytes == NULL && size > 0) || events == NULL ||
        max_events == 0 || n_events == NULL ||
        (flags & ~(uint32_t)MIGP_FEED_LAST) != 0) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    if (size > 0) {
        reader->input_end = reader->offset + size;
    }
    drain_queue(reader, &feed);
    while (code == MIGP_OK && feed.n_events < max_events) {
        enum migp_qemu_state state = reader->state;
        size_t at = feed.in.at;

        reader->need = 0;
        code = step(reader, &feed);
        if (feed.in.at == at && reader->state == state) {
            break;
        }
    }
    *n_events = feed.n_events;
    return code < 0 ? code : (migp_ssize)feed.in.at;
}
