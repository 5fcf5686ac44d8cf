/* SPDX-License-Identifier: MIT */
#include "record/driver_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int migp_driver_reader_new(struct migp_driver_reader **out)
{
    if (out == NULL) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    *out = calloc(1, sizeof(**out));
    return *out != NULL ? MIGP_OK : MIGP_ERR_NO_MEMORY;
}

void migp_driver_reader_free(struct migp_driver_reader *reader)
{
    free(reader);
}

void migp_driver_add_finding(struct migp_driver_reader *reader,
                             const struct migp_finding *finding, uint32_t input)
{
    if (reader->n_findings < MIGP_DRIVER_FINDINGS) {
        reader->finding_inputs[reader->n_findings] = input;
        reader->findings[reader->n_findings++] = *finding;
    }
}

static struct migp_field *add_field(struct migp_driver_reader *reader,
                                    const char *prefix, const char *name)
{
    size_t at = reader->n_fields;

    if (at == MIGP_DRIVER_FIELDS) {
        return NULL;
    }
    (void)snprintf(reader->names[at], MIGP_DRIVER_NAME, "%s%s", prefix, name);
    reader->n_fields++;
    reader->fields[at].name = reader->names[at];
    return &reader->fields[at];
}

void migp_driver_add_number(struct migp_driver_reader *reader, int kind,
                            const char *prefix, const char *name,
                            uint64_t number)
{
    struct migp_field *field = add_field(reader, prefix, name);

    if (field != NULL) {
        field->kind = (uint32_t)kind;
        field->number = number;
    }
}

void migp_driver_add_bytes(struct migp_driver_reader *reader,
                           const char *prefix, const char *name,
                           const uint8_t *bytes, size_t size)
{
    struct migp_field *field = add_field(reader, prefix, name);

    if (field != NULL) {
        field->kind = MIGP_FIELD_BYTES;
        field->bytes = bytes;
        field->size = (uint32_t)size;
    }
}

/* What the bytes so far, and the device's vendor, say. */
static void update_driver(struct migp_driver_reader *reader)
{
    if (reader->driver == MIGP_DRIVER_MTTY) {
        return;
    }
    reader->driver = migp_chain_driver(&reader->chain, reader->vendor);
}

static void feed_driver(struct migp_driver_reader *reader, const uint8_t *bytes,
                        size_t size, uint64_t offset)
{
    reader->chain.input = reader->input;
    if (reader->driver == MIGP_DRIVER_MTTY) {
        migp_mtty_reader_feed(reader, bytes, size, offset);
    } else {
        migp_chain_feed(&reader->chain, bytes, size, offset);
    }
}

/* What was held back to recognise it; it may have come from another input. */
static void feed_first(struct migp_driver_reader *reader)
{
    uint32_t input = reader->input;

    reader->input = reader->first_input;
    feed_driver(reader, reader->first, reader->n_first, reader->first_offset);
    reader->input = input;
}

/*
 * mtty is told by its first eight bytes; whatever else it is, they are the
 * first half of a head, if there is one.
 */
static size_t recognise(struct migp_driver_reader *reader, const uint8_t *bytes,
                        size_t size, uint64_t offset)
{
    size_t taken = sizeof(reader->first) - reader->n_first;
    bool big_endian;

    if (reader->n_first == 0) {
        reader->first_offset = offset;
        reader->first_input = reader->input;
    }
    taken = taken < size ? taken : size;
    memcpy(reader->first + reader->n_first, bytes, taken);
    reader->n_first += taken;
    if (reader->n_first == sizeof(reader->first)) {
        if (migp_mtty_magic(reader->first, &big_endian)) {
            reader->driver = MIGP_DRIVER_MTTY;
        }
        feed_first(reader);
    }
    return taken;
}

int migp_driver_reader_feed(struct migp_driver_reader *reader,
                            const void *bytes, size_t size, uint64_t offset)
{
    const uint8_t *at = bytes;
    size_t taken = 0;

    if (reader == NULL || (bytes == NULL && size > 0) || reader->finished) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    if (size == 0) {
        return MIGP_OK;
    }
    if (reader->n_first < sizeof(reader->first)) {
        taken = recognise(reader, at, size, offset);
    }
    if (taken < size) {
        feed_driver(reader, at + taken, size - taken, offset + taken);
    }
    reader->n_bytes += size;
    update_driver(reader);
    return MIGP_OK;
}

uint64_t
migp_driver_reader_uninteresting(const struct migp_driver_reader *reader)
{
    if (reader->n_first < sizeof(reader->first) ||
        reader->driver == MIGP_DRIVER_MTTY) {
        return 0;
    }
    return migp_chain_uninteresting(&reader->chain);
}

int migp_driver_reader_skip(struct migp_driver_reader *reader, uint64_t size)
{
    if (reader->finished || size > migp_driver_reader_uninteresting(reader)) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    migp_chain_skip(&reader->chain, size);
    reader->n_bytes += size;
    return MIGP_OK;
}

/* All ones and zeros are what a device gives that is not there (PCI Local Bus
 * 3.0, 6.1), or whose config was not written. */
int migp_driver_reader_set_vendor(struct migp_driver_reader *reader,
                                  uint16_t vendor_id)
{
    if (reader == NULL || reader->finished) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    reader->vendor = vendor_id == UINT16_MAX ? 0 : vendor_id;
    update_driver(reader);
    return MIGP_OK;
}

int migp_driver_reader_finish(struct migp_driver_reader *reader,
                              uint64_t offset)
{
    if (reader == NULL || reader->finished) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    reader->finished = true;
    if (reader->driver == MIGP_DRIVER_MTTY) {
        return migp_mtty_reader_finish(reader, offset);
    }
    if (reader->n_first < sizeof(reader->first)) {
        feed_first(reader);
    }
    return migp_chain_reader_finish(reader, offset);
}

int migp_driver_reader_driver(const struct migp_driver_reader *reader)
{
    return reader != NULL ? reader->driver : MIGP_DRIVER_OPAQUE;
}

size_t migp_driver_reader_finding_count(const struct migp_driver_reader *reader)
{
    return reader != NULL ? reader->n_findings : 0;
}

int migp_driver_reader_finding(const struct migp_driver_reader *reader,
                               size_t position, struct migp_finding *finding)
{
    if (reader == NULL || finding == NULL || position >= reader->n_findings) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    *finding = reader->findings[position];
    return MIGP_OK;
}

size_t migp_driver_reader_field_count(const struct migp_driver_reader *reader)
{
    return reader != NULL ? reader->n_fields : 0;
}

int migp_driver_reader_field(const struct migp_driver_reader *reader,
                             size_t position, struct migp_field *field)
{
    if (reader == NULL || field == NULL || position >= reader->n_fields) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    *field = reader->fields[position];
    return MIGP_OK;
}

const char *migp_driver_id(int driver)
{
    switch (driver) {
    case MIGP_DRIVER_MTTY:
        return "mtty";
    case MIGP_DRIVER_MLX5:
        return "mlx5";
    case MIGP_DRIVER_VIRTIO:
        return "virtio";
    case MIGP_DRIVER_RECORDS:
        return "mlx5-or-virtio";
    default:
        return "opaque";
    }
}
