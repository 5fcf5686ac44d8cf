/* SPDX-License-Identifier: MIT */
#include "core/error.h"
#include "core/options.h"
#include "stream/config_measure.h"
#include "stream/decoder.h"

#include <stdlib.h>
#include <string.h>

void migp_decoder_options_init(struct migp_decoder_options *options)
{
    if (options != NULL) {
        memset(options, 0, sizeof(*options));
        options->struct_size = sizeof(*options);
        options->dialects = MIGP_DIALECT_ANY;
        options->max_data = MIGP_DEFAULT_MAX_DATA;
        options->max_config = MIGP_DEFAULT_MAX_CONFIG;
    }
}

int migp_decoder_options_read(struct migp_decoder_options *own,
                              const struct migp_decoder_options *given)
{
    migp_decoder_options_init(own);
    if (given != NULL && migp_struct_read(own, sizeof(*own), given) < 0) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    if (own->dialects == 0 || (own->dialects & ~(uint32_t)MIGP_DIALECT_ANY) ||
        (own->flags & ~(uint32_t)MIGP_DECODER_TOLERANT) ||
        own->max_config > MIGP_MAX_CONFIG_CEILING ||
        own->base_offset > INT64_MAX) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    return MIGP_OK;
}

void migp_decoder_setup(struct migp_decoder *decoder,
                        const struct migp_decoder_options *options)
{
    memset(decoder, 0, sizeof(*decoder));
    decoder->options = *options;
    decoder->offset = options->base_offset;
    decoder->record_offset = options->base_offset;
    decoder->places = migp_order_start(options->dialects);
}

int migp_decoder_new(struct migp_decoder **out,
                     const struct migp_decoder_options *options,
                     struct migp_error *error)
{
    struct migp_decoder_options own;

    if (out == NULL) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    *out = NULL;
    if (migp_decoder_options_read(&own, options) < 0) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    *out = malloc(sizeof(**out));
    if (*out == NULL) {
        return migp_error_set(error, MIGP_ERR_NO_MEMORY, NULL);
    }
    migp_decoder_setup(*out, &own);
    return MIGP_OK;
}

void migp_decoder_free(struct migp_decoder *decoder)
{
    free(decoder);
}

bool migp_decoder_tolerant(const struct migp_decoder *decoder)
{
    return (decoder->options.flags & MIGP_DECODER_TOLERANT) != 0;
}

int migp_decoder_fail(struct migp_decoder *decoder, int code, uint32_t finding,
                      uint64_t offset, uint64_t value, uint64_t expected)
{
    decoder->state = MIGP_DECODER_FAILED;
    decoder->failure = code;
    decoder->need = 0;
    decoder->data_left = 0;
    decoder->why = migp_finding_make(finding, offset, value, expected);
    return code;
}

/* Nothing may be read yet, or a section must have ended. */
static bool is_between(const struct migp_decoder *decoder)
{
    return decoder->state == MIGP_DECODER_CLOSED ||
           (decoder->state == MIGP_DECODER_TAG && !decoder->begun);
}

int migp_decoder_begin_section(struct migp_decoder *decoder, int kind,
                               uint64_t offset,
                               const struct migp_config_hint *hint)
{
    struct migp_config_hint own = {.struct_size = sizeof(own)};
    migp_places next;

    if (decoder == NULL || kind < MIGP_SECTION_START ||
        kind > MIGP_SECTION_FULL ||
        (hint != NULL && migp_struct_read(&own, sizeof(own), hint) < 0) ||
        (own.flags & ~(MIGP_CONFIG_HINTS | MIGP_CONFIG_HINT_LIKELY)) != 0) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    if (!is_between(decoder)) {
        return MIGP_ERR_STATE;
    }
    decoder->offset = offset;
    decoder->record_size = 0;
    next = migp_order_enter(decoder->places, kind);
    if (next == 0) { /* [DS-2] */
        if (!migp_decoder_tolerant(decoder)) {
            return migp_decoder_fail(decoder, MIGP_ERR_MALFORMED,
                                     MIGP_FINDING_SECTION_ORDER, offset,
                                     (uint64_t)kind, 0);
        }
        if (decoder->n_queued < MIGP_DECODER_QUEUE) {
            decoder->queue[decoder->n_queued++] =
                (struct migp_event){.kind = MIGP_EVENT_FINDING,
                                    .finding = MIGP_FINDING_SECTION_ORDER,
                                    .offset = offset,
                                    .size = (uint64_t)kind};
        }
        next = migp_order_within(migp_order_entry(kind),
                                 decoder->options.dialects);
    }
    decoder->places = next;
    decoder->data_from = 0;
    decoder->section = kind;
    decoder->hint = own;
    decoder->state = MIGP_DECODER_TAG;
    decoder->begun = true;
    return MIGP_OK;
}

size_t migp_decoder_rewind(struct migp_decoder *decoder)
{
    size_t back = decoder->n_held;

    if (decoder->state == MIGP_DECODER_SIZE) {
        back += 8;
        decoder->state = MIGP_DECODER_TAG;
    }
    decoder->n_held = 0;
    decoder->offset -= back;
    return back;
}

int migp_decoder_skip(struct migp_decoder *decoder, uint64_t size)
{
    if (decoder == NULL || size > migp_decoder_data_left(decoder)) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    if (size > 0) {
        migp_decoder_pass(decoder, size);
    }
    return MIGP_OK;
}

uint64_t migp_decoder_open_record(const struct migp_decoder *decoder,
                                  uint64_t *missing)
{
    bool in_tag = decoder->state == MIGP_DECODER_TAG && decoder->n_held > 0;

    *missing = decoder->data_left > 0 ? decoder->data_left : 1;
    return in_tag ? decoder->offset - decoder->n_held : decoder->record_offset;
}

int migp_decoder_finish(struct migp_decoder *decoder, struct migp_error *error)
{
    if (decoder == NULL) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    if (decoder->state != MIGP_DECODER_FAILED) {
        uint64_t end = decoder->offset > decoder->input_end
                           ? decoder->offset
                           : decoder->input_end;
        bool at_end = decoder->state == MIGP_DECODER_CLOSED ||
                      (decoder->state == MIGP_DECODER_TAG &&
                       decoder->section == MIGP_SECTION_BARE);
        uint64_t missing, record = migp_decoder_open_record(decoder, &missing);

        if (at_end && decoder->n_held == 0 &&
            migp_order_complete(decoder->places)) {
            return migp_error_set(error, MIGP_OK, NULL);
        }
        (void)migp_decoder_fail(decoder, MIGP_ERR_TRUNCATED,
                                MIGP_FINDING_TRUNCATED, end, record,
                                missing); /* [DS-14] */
    }
    return migp_decoder_error(decoder, error);
}

int migp_decoder_error(const struct migp_decoder *decoder,
                       struct migp_error *error)
{
    if (decoder == NULL) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    return migp_error_set(error, decoder->failure, &decoder->why);
}

size_t migp_decoder_need(const struct migp_decoder *decoder)
{
    return decoder != NULL ? decoder->need : 0;
}

uint64_t migp_decoder_data_left(const struct migp_decoder *decoder)
{
    return decoder != NULL && decoder->n_queued == 0 ? decoder->data_left : 0;
}

uint64_t migp_decoder_offset(const struct migp_decoder *decoder)
{
    return decoder != NULL ? decoder->offset : 0;
}

uint32_t migp_decoder_dialects(const struct migp_decoder *decoder)
{
    return decoder != NULL ? migp_order_dialects(decoder->places) : 0;
}
