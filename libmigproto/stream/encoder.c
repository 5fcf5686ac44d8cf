/* SPDX-License-Identifier: MIT */
#include "core/bytes.h"
#include "core/error.h"
#include "core/options.h"
#include "stream/order.h"
#include "stream/tag.h"

#include <migproto/stream.h>
#include <stdlib.h>

struct migp_encoder {
    int section; /* enum migp_section_kind */
    bool open;   /* inside a section, or in a bare stream that has begun */
    migp_places places;
};

void migp_encoder_options_init(struct migp_encoder_options *options)
{
    if (options != NULL) {
        memset(options, 0, sizeof(*options));
        options->struct_size = sizeof(*options);
        options->dialect = MIGP_DIALECT_V2;
    }
}

static bool is_one_dialect(uint32_t dialect)
{
    return dialect == MIGP_DIALECT_QEMU_5_2 || dialect == MIGP_DIALECT_V1 ||
           dialect == MIGP_DIALECT_V2;
}

int migp_encoder_new(struct migp_encoder **out,
                     const struct migp_encoder_options *options,
                     struct migp_error *error)
{
    struct migp_encoder_options own;

    migp_encoder_options_init(&own);
    if (out == NULL) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    *out = NULL;
    if ((options != NULL && migp_struct_read(&own, sizeof(own), options) < 0) ||
        !is_one_dialect(own.dialect) || own.reserved != 0) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    *out = calloc(1, sizeof(**out));
    if (*out == NULL) {
        return migp_error_set(error, MIGP_ERR_NO_MEMORY, NULL);
    }
    (*out)->places = migp_order_start(own.dialect);
    return MIGP_OK;
}

void migp_encoder_free(struct migp_encoder *encoder)
{
    free(encoder);
}

int migp_encoder_begin_section(struct migp_encoder *encoder, int kind)
{
    migp_places next;

    if (encoder == NULL || kind < MIGP_SECTION_START ||
        kind > MIGP_SECTION_FULL) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    next = migp_order_enter(encoder->places, kind);
    if (encoder->open || next == 0) {
        return MIGP_ERR_STATE;
    }
    encoder->section = kind;
    encoder->open = true;
    encoder->places = next;
    return MIGP_OK;
}

static bool has_payload(int kind)
{
    return kind == MIGP_EVENT_DATA_BEGIN || kind == MIGP_EVENT_CONFIG;
}

static bool arguments_good(const struct migp_encoder *encoder, int kind,
                           const void *payload, uint64_t size, const void *head,
                           const struct migp_piece *pieces,
                           const size_t *n_pieces)
{
    if (encoder == NULL || head == NULL || pieces == NULL || n_pieces == NULL ||
        kind < MIGP_EVENT_END || kind > MIGP_EVENT_CONFIG_LOAD_READY) {
        return false;
    }
    return has_payload(kind) ? size <= SIZE_MAX || payload == NULL
                             : payload == NULL && size == 0;
}

/* [DS-2] Where this record leads; 0 if it is not allowed here. */
static migp_places next_places(const struct migp_encoder *encoder, int kind,
                               uint64_t size)
{
    bool empty = kind == MIGP_EVENT_DATA_BEGIN && size == 0;

    if (encoder->section != MIGP_SECTION_BARE && !encoder->open) {
        return 0;
    }
    return migp_order_step(encoder->places, (unsigned)kind, encoder->section,
                           empty);
}

migp_ssize migp_encoder_record(struct migp_encoder *encoder, int kind,
                               const void *payload, uint64_t size, void *head,
                               struct migp_piece *pieces, size_t *n_pieces)
{
    migp_places next;
    size_t length = 8;

    if (!arguments_good(encoder, kind, payload, size, head, pieces, n_pieces)) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    next = next_places(encoder, kind, size);
    if (next == 0) {
        return MIGP_ERR_STATE;
    }
    encoder->places = next;
    encoder->open =
        encoder->section == MIGP_SECTION_BARE || !migp_order_closed(next);
    migp_store_be64(head, migp_tag_of((unsigned)kind)); /* [DS-1] */
    if (kind == MIGP_EVENT_DATA_BEGIN) {
        migp_store_be64((uint8_t *)head + 8, size);
        length += 8;
    }
    pieces[0] = (struct migp_piece){head, length};
    *n_pieces = 1;
    if (payload != NULL && size > 0) {
        pieces[1] = (struct migp_piece){payload, (size_t)size};
        *n_pieces = 2;
    }
    return (migp_ssize)length;
}

int migp_encoder_is_complete(const struct migp_encoder *encoder)
{
    return encoder != NULL && migp_order_complete(encoder->places) ? 1 : 0;
}
