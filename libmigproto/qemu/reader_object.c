/* SPDX-License-Identifier: MIT */
#include "core/error.h"
#include "core/options.h"
#include "qemu/reader.h"

#include <stdlib.h>

#define PAGE_SIZE_MIN 1024U
#define PAGE_SIZE_MAX 65536U

void migp_qemu_options_init(struct migp_qemu_options *options)
{
    if (options != NULL) {
        memset(options, 0, sizeof(*options));
        options->struct_size = sizeof(*options);
        options->max_sections = MIGP_DEFAULT_MAX_SECTIONS;
        options->max_data = MIGP_DEFAULT_MAX_DATA;
        options->max_config = MIGP_DEFAULT_MAX_CONFIG;
    }
}

static bool options_good(const struct migp_qemu_options *options)
{
    uint32_t page_size = options->page_size;
    size_t i;

    for (i = 0; options->vmdesc != NULL && i < options->n_vmdesc; i++) {
        if (options->vmdesc[i].idstr == NULL ||
            options->vmdesc[i].size > INT64_MAX) {
            return false;
        }
    }
    return options->footers <= MIGP_QEMU_FOOTERS_OFF &&
           (options->decoder_flags & ~(uint32_t)MIGP_DECODER_TOLERANT) == 0 &&
           (page_size == 0 ||
            (page_size >= PAGE_SIZE_MIN && page_size <= PAGE_SIZE_MAX &&
             (page_size & (page_size - 1)) == 0)) &&
           options->max_config <= MIGP_MAX_CONFIG_CEILING &&
           (options->vmdesc != NULL || options->n_vmdesc == 0);
}

int migp_qemu_reader_new(struct migp_qemu_reader **out,
                         const struct migp_qemu_options *options,
                         struct migp_error *error)
{
    struct migp_qemu_options own;

    migp_qemu_options_init(&own);
    if (out == NULL) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    *out = NULL;
    if ((options != NULL && migp_struct_read(&own, sizeof(own), options) < 0) ||
        !options_good(&own)) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    *out = calloc(1, sizeof(**out));
    if (*out == NULL) {
        return migp_error_set(error, MIGP_ERR_NO_MEMORY, NULL);
    }
    (*out)->options = own;
    (*out)->footers = own.footers;
    (*out)->page_size =
        own.page_size != 0 ? own.page_size : MIGP_QEMU_DEFAULT_PAGE;
    (*out)->page_size_known = own.page_size != 0;
    return MIGP_OK;
}

void migp_qemu_reader_free(struct migp_qemu_reader *reader)
{
    if (reader != NULL) {
        migp_section_table_free(&reader->table);
        free(reader);
    }
}

void migp_qemu_reader_start_at(struct migp_qemu_reader *reader, uint64_t offset)
{
    reader->offset = offset;
    reader->input_end = offset;
}

size_t migp_qemu_reader_need(const struct migp_qemu_reader *reader)
{
    return reader != NULL ? reader->need : 0;
}

uint64_t migp_qemu_reader_skippable(const struct migp_qemu_reader *reader)
{
    if (reader == NULL || reader->n_queued > 0) {
        return 0;
    }
    switch (reader->state) {
    case MIGP_QEMU_IN_SKIP:
        return reader->skip_left;
    case MIGP_QEMU_IN_VFIO:
        return migp_decoder_data_left(reader->section->decoder);
    default:
        return 0;
    }
}

int migp_qemu_reader_skip(struct migp_qemu_reader *reader, uint64_t size)
{
    if (reader == NULL || size > migp_qemu_reader_skippable(reader)) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    reader->offset += size;
    if (reader->state == MIGP_QEMU_IN_VFIO) {
        return migp_decoder_skip(reader->section->decoder, size);
    }
    if (reader->state == MIGP_QEMU_IN_SKIP) {
        migp_qemu_pass(reader, reader->skip_left - size, reader->after_skip);
    }
    return MIGP_OK;
}

int migp_qemu_reader_error(const struct migp_qemu_reader *reader,
                           struct migp_error *error)
{
    if (reader == NULL) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    return migp_error_set(error, reader->failure, &reader->why);
}

static bool is_whole(const struct migp_qemu_reader *reader)
{
    return reader->state == MIGP_QEMU_AFTER_ALL ||
           (reader->state == MIGP_QEMU_AFTER_EOF &&
            reader->input_end <= reader->offset) ||
           (reader->state == MIGP_QEMU_IN_SKIP &&
            reader->after_skip == MIGP_QEMU_AFTER_ALL &&
            reader->bytes_after_end);
}

/* What the input ended in, and how much of it is missing at least. */
static uint64_t open_unit(const struct migp_qemu_reader *reader,
                          uint64_t *missing)
{
    *missing = reader->skip_left > 0 ? reader->skip_left : 1;
    return reader->state == MIGP_QEMU_IN_VFIO
               ? migp_decoder_open_record(reader->section->decoder, missing)
               : reader->unit_offset;
}

static int fail_short(struct migp_qemu_reader *reader)
{
    uint64_t end =
        reader->offset > reader->input_end ? reader->offset : reader->input_end;
    uint64_t missing, unit = open_unit(reader, &missing);

    if (reader->state == MIGP_QEMU_IN_SCAN &&
        reader->section->content == MIGP_CONTENT_BROKEN) { /* [QC-13] */
        return migp_qemu_fail(reader, MIGP_ERR_MALFORMED, MIGP_FINDING_LOST,
                              reader->unit_offset, 0, 0);
    }
    if (reader->state == MIGP_QEMU_AT_NEXT && end == reader->offset) {
        return migp_qemu_fail(reader, MIGP_ERR_TRUNCATED,
                              MIGP_FINDING_UNFINISHED, end, 0, 0);
    }
    return migp_qemu_fail(reader, MIGP_ERR_TRUNCATED, MIGP_FINDING_TRUNCATED,
                          end, unit, missing);
}

int migp_qemu_reader_finish(struct migp_qemu_reader *reader,
                            struct migp_error *error)
{
    if (reader == NULL) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    if (reader->state != MIGP_QEMU_HAS_FAILED) {
        if (is_whole(reader)) {
            return migp_error_set(error, MIGP_OK, NULL);
        }
        (void)fail_short(reader);
    }
    return migp_qemu_reader_error(reader, error);
}

uint64_t migp_qemu_reader_offset(const struct migp_qemu_reader *reader)
{
    return reader != NULL ? reader->offset : 0;
}

uint32_t migp_qemu_reader_dialects(const struct migp_qemu_reader *reader,
                                   const struct migp_qemu_section *section)
{
    const struct migp_section *own;

    if (reader == NULL || section == NULL) {
        return 0;
    }
    own = migp_section_find(&reader->table, section->section_id);
    return own != NULL && own->decoder != NULL
               ? migp_decoder_dialects(own->decoder)
               : 0;
}

int migp_qemu_reader_is_complete(const struct migp_qemu_reader *reader,
                                 const struct migp_qemu_section *section)
{
    const struct migp_section *own;

    if (reader == NULL || section == NULL) {
        return 0;
    }
    own = migp_section_find(&reader->table, section->section_id);
    return own != NULL && own->content == MIGP_CONTENT_VFIO &&
                   own->decoder->state == MIGP_DECODER_CLOSED &&
                   migp_order_complete(own->decoder->places)
               ? 1
               : 0;
}
