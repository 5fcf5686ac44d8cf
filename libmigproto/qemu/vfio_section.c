/* SPDX-License-Identifier: MIT */
#include "qemu/reader.h"
#include "stream/config_measure.h"

/* A VFIO device's section: the decoder reads its payload. */

#define VFIO_VERSION 1U
#define BATCH 16

static int fail_like(struct migp_qemu_reader *reader,
                     const struct migp_decoder *decoder, int code)
{
    const struct migp_finding *why = &decoder->why;

    return migp_qemu_fail(reader, code, why->code, why->offset, why->value,
                          why->expected);
}

/*
 * What the container knows of the end of CONFIG; see [DS-9]. In an END section
 * it is 5.2's, and more records follow it [DS-13].
 */
static struct migp_config_hint
config_hint(const struct migp_qemu_reader *reader)
{
    struct migp_config_hint hint = {.struct_size = sizeof(hint)};
    const struct migp_vmdesc_entry *entry = reader->section->vmdesc;

    if (reader->footers == MIGP_QEMU_FOOTERS_ON &&
        reader->section_kind == MIGP_SECTION_FULL) {
        hint.flags = MIGP_CONFIG_HINT_FOOTER;
        hint.section_id = reader->section->shown.section_id;
    }
    /* CONFIG and END have eight bytes each. */
    if (entry != NULL && reader->section_kind == MIGP_SECTION_FULL &&
        entry->size >= 16 && entry->size - 16 <= reader->options.max_config) {
        hint.flags |= MIGP_CONFIG_HINT_LIKELY;
        hint.size = entry->size - 16;
    }
    return hint;
}

int migp_qemu_enter_vfio(struct migp_qemu_reader *reader,
                         struct migp_qemu_feed *feed)
{
    struct migp_config_hint hint = config_hint(reader);
    struct migp_decoder *decoder = reader->section->decoder;
    uint32_t version = reader->section->shown.version_id;
    int code;

    if (version != VFIO_VERSION) {
        if (!migp_qemu_tolerant(reader)) {
            return migp_qemu_fail(reader, MIGP_ERR_UNSUPPORTED,
                                  MIGP_FINDING_SECTION_VERSION,
                                  reader->unit_offset, version, VFIO_VERSION);
        }
        migp_qemu_emit_finding(reader, feed, MIGP_FINDING_SECTION_VERSION,
                               reader->unit_offset, version, VFIO_VERSION);
    }
    code = migp_decoder_begin_section(decoder, reader->section_kind,
                                      reader->offset, &hint);
    if (code < 0) {
        return fail_like(reader, decoder, code);
    }
    reader->state = MIGP_QEMU_IN_VFIO;
    return MIGP_OK;
}

static void pass_on(struct migp_qemu_reader *reader,
                    struct migp_qemu_feed *feed,
                    const struct migp_event *record)
{
    if (record->kind == MIGP_EVENT_FINDING) {
        migp_qemu_emit_finding(reader, feed, record->finding, record->offset,
                               record->size, record->expected);
    } else {
        const struct migp_qemu_event event = {
            .kind = MIGP_QEMU_EVENT_RECORD,
            .offset = record->offset,
            .size = record->size,
            .value = (uint64_t)reader->section_kind,
            .bytes = record->bytes,
            .section = &reader->section->shown,
            .record = *record};

        migp_qemu_emit(reader, feed, &event);
    }
}

/*
 * [QC-13] The records make no sense any more. Where footers tell sections apart the
 * rest of the stream can still be read: from the record at fault on, look for
 * the footer, and follow this device no further.
 */
static int give_up(struct migp_qemu_reader *reader, struct migp_qemu_feed *feed)
{
    const struct migp_decoder *decoder = reader->section->decoder;
    const struct migp_finding *why = &decoder->why;
    uint64_t from = why->code == MIGP_FINDING_CONFIG_TOO_BIG
                        ? decoder->offset
                        : decoder->record_offset;

    if (!migp_qemu_tolerant(reader) || decoder->failure == MIGP_ERR_TRUNCATED ||
        reader->footers != MIGP_QEMU_FOOTERS_ON) {
        return fail_like(reader, decoder, decoder->failure);
    }
    migp_qemu_emit_finding(reader, feed, why->code, why->offset, why->value,
                           why->expected);
    migp_qemu_consume(reader, feed, (size_t)(from - reader->offset));
    reader->section->content = MIGP_CONTENT_BROKEN;
    reader->state = MIGP_QEMU_IN_SCAN;
    return MIGP_OK;
}

/*
 * The head of a record that the window cuts stays in the window, so that one
 * at fault can always be gone back to. Returns the bytes that are consumed.
 */
static size_t leave_cut_head(struct migp_qemu_reader *reader, size_t used)
{
    struct migp_decoder *decoder = reader->section->decoder;
    size_t back = migp_decoder_rewind(decoder);

    reader->need = migp_decoder_need(decoder);
    if (back > 0) {
        reader->need = back < 8 ? 8 : MIGP_RECORD_HEAD_MAX;
    }
    return used - back;
}

int migp_qemu_step_vfio(struct migp_qemu_reader *reader,
                        struct migp_qemu_feed *feed)
{
    struct migp_decoder *decoder = reader->section->decoder;
    size_t room = feed->max_events - feed->n_events;
    struct migp_event records[BATCH];
    size_t n_records, i;
    migp_ssize used;

    used = migp_decoder_feed(decoder, migp_qemu_at(feed), migp_qemu_left(feed),
                             feed->last ? MIGP_FEED_LAST : 0, records,
                             room < BATCH ? room : BATCH, &n_records);
    for (i = 0; i < n_records; i++) {
        pass_on(reader, feed, &records[i]);
    }
    if (used < 0) {
        return give_up(reader, feed);
    }
    migp_qemu_consume(reader, feed, leave_cut_head(reader, (size_t)used));
    if (decoder->state == MIGP_DECODER_CLOSED && decoder->n_queued == 0) {
        migp_qemu_check_vmdesc(reader, feed);
        migp_qemu_section_done(reader, feed);
    }
    return MIGP_OK;
}
