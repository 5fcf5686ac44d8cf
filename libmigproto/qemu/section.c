/* SPDX-License-Identifier: MIT */
#include "qemu/reader.h"

/* What every section has: its head and its footer. */

/* A section's payload begins: where it goes depends on whose it is. */
static int enter_payload(struct migp_qemu_reader *reader,
                         struct migp_qemu_feed *feed, int kind,
                         size_t head_size)
{
    struct migp_qemu_event event = {.kind = MIGP_QEMU_EVENT_SECTION,
                                    .offset = reader->offset,
                                    .size = head_size,
                                    .value = (uint64_t)kind,
                                    .section = &reader->section->shown};

    migp_qemu_emit(reader, feed, &event);
    migp_qemu_consume(reader, feed, head_size);
    reader->payload_offset = reader->offset;
    reader->section_ended = false;
    reader->section_kind = kind;
    switch (reader->section->content) {
    case MIGP_CONTENT_VFIO:
        return migp_qemu_enter_vfio(reader, feed);
    case MIGP_CONTENT_RAM:
        reader->state = MIGP_QEMU_IN_RAM;
        return MIGP_OK;
    default:
        return migp_qemu_enter_opaque(reader);
    }
}

static const struct migp_vmdesc_entry *
find_vmdesc(const struct migp_qemu_options *options,
            const struct migp_qemu_section *shown)
{
    size_t i;

    for (i = 0; i < options->n_vmdesc; i++) {
        const struct migp_vmdesc_entry *entry = &options->vmdesc[i];

        if (entry->instance_id == shown->instance_id &&
            strcmp(entry->idstr, shown->idstr) == 0) {
            return entry;
        }
    }
    return NULL;
}

static int add_section(struct migp_qemu_reader *reader, uint32_t section_id,
                       const uint8_t *idstr, size_t idstr_size)
{
    struct migp_decoder_options options;

    if (reader->table.n >= reader->options.max_sections) { /* [QC-11] */
        return migp_qemu_fail(reader, MIGP_ERR_LIMIT,
                              MIGP_FINDING_TOO_MANY_SECTIONS, reader->offset, 0,
                              reader->options.max_sections);
    }
    migp_decoder_options_init(&options);
    options.flags = reader->options.decoder_flags;
    options.max_data = reader->options.max_data;
    options.max_config = reader->options.max_config;
    reader->section = migp_section_add(&reader->table, section_id, idstr,
                                       idstr_size, &options);
    return reader->section != NULL
               ? MIGP_OK
               : migp_qemu_fail(reader, MIGP_ERR_NO_MEMORY, MIGP_FINDING_NONE,
                                reader->offset, 0, 0);
}

/* [QC-3] Find or make the section that a START or FULL names. */
static int name_section(struct migp_qemu_reader *reader, uint32_t section_id,
                        const uint8_t *idstr, size_t idstr_size,
                        const uint8_t *numbers)
{
    uint32_t instance_id = migp_load_be32(numbers);
    bool is_new;

    reader->section = migp_section_find(&reader->table, section_id);
    is_new = reader->section == NULL;
    if (is_new) {
        int code = add_section(reader, section_id, idstr, idstr_size);

        if (code < 0) {
            return code;
        }
        reader->section->shown.instance_id = instance_id;
        reader->section->vmdesc =
            find_vmdesc(&reader->options, &reader->section->shown);
    }
    if (reader->section->idstr_size != idstr_size ||
        memcmp(reader->section->idstr, idstr, idstr_size) != 0 ||
        reader->section->shown.instance_id != instance_id) {
        return migp_qemu_fail(reader, MIGP_ERR_MALFORMED,
                              MIGP_FINDING_SECTION_ID_REUSED,
                              reader->offset + 1, section_id, 0);
    }
    reader->section->shown.version_id = migp_load_be32(numbers + 4);
    return MIGP_OK;
}

/* START and FULL carry a name. */
static int step_named(struct migp_qemu_reader *reader,
                      struct migp_qemu_feed *feed, int kind)
{
    const uint8_t *head = migp_qemu_at(feed);
    size_t idstr_size;
    int code;

    if (!migp_qemu_want(reader, feed, 6)) {
        return MIGP_OK;
    }
    idstr_size = head[5];
    if (idstr_size == 0) {
        return migp_qemu_fail(reader, MIGP_ERR_MALFORMED,
                              MIGP_FINDING_IDSTR_EMPTY, reader->offset + 5, 0,
                              0);
    }
    if (!migp_qemu_want(reader, feed, 6 + idstr_size + 8)) {
        return MIGP_OK;
    }
    code = name_section(reader, migp_load_be32(head + 1), head + 6, idstr_size,
                        head + 6 + idstr_size);
    if (code < 0) {
        return code;
    }
    return enter_payload(reader, feed, kind, 6 + idstr_size + 8);
}

int migp_qemu_step_section(struct migp_qemu_reader *reader,
                           struct migp_qemu_feed *feed)
{
    int kind = *migp_qemu_at(feed);
    uint32_t section_id;

    if (kind == MIGP_QEMU_START || kind == MIGP_QEMU_FULL) {
        return step_named(reader, feed, kind);
    }
    if (!migp_qemu_want(reader, feed, 5)) {
        return MIGP_OK;
    }
    section_id = migp_load_be32(migp_qemu_at(feed) + 1);
    reader->section = migp_section_find(&reader->table, section_id);
    if (reader->section == NULL) { /* [QC-3] */
        return migp_qemu_fail(reader, MIGP_ERR_MALFORMED,
                              MIGP_FINDING_UNKNOWN_SECTION_ID,
                              reader->offset + 1, section_id, 0);
    }
    return enter_payload(reader, feed, kind, 5);
}

/* [QC-9] A VM description gives the payload size of FULL sections. */
void migp_qemu_check_vmdesc(struct migp_qemu_reader *reader,
                            struct migp_qemu_feed *feed)
{
    const struct migp_vmdesc_entry *entry = reader->section->vmdesc;
    uint64_t size = reader->offset - reader->payload_offset;

    if (reader->section_kind == MIGP_SECTION_FULL && entry != NULL &&
        entry->size != size) {
        migp_qemu_emit_finding(reader, feed,
                               reader->section->shown.is_vfio != 0
                                   ? MIGP_FINDING_VMDESC_FULL
                                   : MIGP_FINDING_VMDESC_SIZE,
                               reader->offset, size, entry->size);
    }
}

void migp_qemu_section_done(struct migp_qemu_reader *reader,
                            struct migp_qemu_feed *feed)
{
    const struct migp_qemu_event event = {
        .kind = MIGP_QEMU_EVENT_SECTION_END,
        .offset = reader->offset,
        .size = reader->offset - reader->payload_offset,
        .value = (uint64_t)reader->section_kind,
        .section = &reader->section->shown};

    if (!reader->section_ended) { /* a footer may be looked for behind it */
        migp_qemu_emit(reader, feed, &event);
    }
    reader->section_ended = true;
    reader->state = MIGP_QEMU_AT_FOOTER;
}

/* [QC-4] Without a footer the next byte starts something. */
static int step_without_footer(struct migp_qemu_reader *reader,
                               struct migp_qemu_feed *feed, uint8_t byte)
{
    if (reader->footers == MIGP_QEMU_FOOTERS_AUTO &&
        byte <= MIGP_QEMU_COMMAND) {
        reader->footers = MIGP_QEMU_FOOTERS_OFF;
        reader->state = MIGP_QEMU_AT_NEXT;
        return MIGP_OK;
    }
    if (!migp_qemu_tolerant(reader) ||
        reader->footers != MIGP_QEMU_FOOTERS_ON ||
        reader->section->content != MIGP_CONTENT_VFIO) {
        return migp_qemu_fail(reader, MIGP_ERR_MALFORMED,
                              MIGP_FINDING_FOOTER_MISSING, reader->offset, byte,
                              0);
    }
    migp_qemu_emit_finding(reader, feed, MIGP_FINDING_FOOTER_MISSING,
                           reader->offset, byte, 0);
    reader->section->content = MIGP_CONTENT_BROKEN;
    reader->state = MIGP_QEMU_IN_SCAN;
    return MIGP_OK;
}

int migp_qemu_step_footer(struct migp_qemu_reader *reader,
                          struct migp_qemu_feed *feed)
{
    const uint8_t *bytes = migp_qemu_at(feed);
    uint32_t section_id, own_id = reader->section->shown.section_id;

    if (reader->footers == MIGP_QEMU_FOOTERS_OFF) {
        reader->state = MIGP_QEMU_AT_NEXT;
        return MIGP_OK;
    }
    if (!migp_qemu_want(reader, feed, 1)) {
        return MIGP_OK;
    }
    if (bytes[0] != MIGP_QEMU_FOOTER_BYTE) {
        return step_without_footer(reader, feed, bytes[0]);
    }
    if (!migp_qemu_want(reader, feed, 5)) {
        return MIGP_OK;
    }
    section_id = migp_load_be32(bytes + 1);
    if (section_id != own_id) { /* [QC-4] */
        if (!migp_qemu_tolerant(reader)) {
            return migp_qemu_fail(reader, MIGP_ERR_MALFORMED,
                                  MIGP_FINDING_FOOTER_MISMATCH, reader->offset,
                                  section_id, own_id);
        }
        migp_qemu_emit_finding(reader, feed, MIGP_FINDING_FOOTER_MISMATCH,
                               reader->offset, section_id, own_id);
    }
    reader->footers = MIGP_QEMU_FOOTERS_ON;
    migp_qemu_consume(reader, feed, 5);
    reader->state = MIGP_QEMU_AT_NEXT;
    return MIGP_OK;
}
