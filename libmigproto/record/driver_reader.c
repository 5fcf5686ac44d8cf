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
                             const struct migp_finding *finding)
{
    if (reader->n_findings < MIGP_DRIVER_FINDINGS) {
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

static void feed_driver(struct migp_driver_reader *reader, const uint8_t *bytes,
                        size_t size, uint64_t offset)
{
    if (reader->driver == MIGP_DRIVER_MTTY) {
        migp_mtty_reader_feed(reader, bytes, size, offset);
    }
}

/* The first eight bytes tell the driver; then they are its first bytes. */
static size_t recognise(struct migp_driver_reader *reader, const uint8_t *bytes,
                        size_t size, uint64_t offset)
{
    size_t have = (size_t)reader->n_bytes;
    size_t taken = sizeof(reader->first) - have;
    bool big_endian;

    if (have == 0) {
        reader->first_offset = offset;
    }
    taken = taken < size ? taken : size;
    memcpy(reader->first + have, bytes, taken);
    if (have + taken == sizeof(reader->first)) {
        reader->recognised = true;
        if (migp_mtty_magic(reader->first, &big_endian)) {
            reader->driver = MIGP_DRIVER_MTTY;
        }
        feed_driver(reader, reader->first, sizeof(reader->first),
                    reader->first_offset);
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
    if (!reader->recognised) {
        taken = recognise(reader, at, size, offset);
    }
    if (taken < size) {
        feed_driver(reader, at + taken, size - taken, offset + taken);
    }
    reader->n_bytes += size;
    return MIGP_OK;
}

int migp_driver_reader_finish(struct migp_driver_reader *reader,
                              uint64_t offset)
{
    if (reader == NULL || reader->finished) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    reader->finished = true;
    return reader->driver == MIGP_DRIVER_MTTY
               ? migp_mtty_reader_finish(reader, offset)
               : MIGP_OK;
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
    return driver == MIGP_DRIVER_MTTY ? "mtty" : "opaque";
}
