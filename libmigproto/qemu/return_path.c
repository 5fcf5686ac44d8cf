/* SPDX-License-Identifier: MIT */
#include "core/bytes.h"
#include "core/error.h"
#include "core/options.h"

#include <migproto/return_path.h>

/* [RP-1] A message: be16 kind, be16 length, payload. */

#define HEAD 4
#define PAYLOAD_MAX (MIGP_RP_MESSAGE_MAX - HEAD)

/* Which members a message has on the wire, in this order. */
enum member {
    HAS_VALUE = 1,  /* be32 */
    HAS_EXTENT = 2, /* be64 start, be32 length */
    HAS_NAME = 4    /* u8 length, bytes */
};

struct message_entry {
    const char *id;
    unsigned members;
};

static const struct message_entry message_list[] = {
    {NULL, 0},
    {"SHUT", HAS_VALUE},
    {"PONG", HAS_VALUE},
    {"REQ_PAGES_ID", HAS_EXTENT | HAS_NAME},
    {"REQ_PAGES", HAS_EXTENT},
    {"RECV_BITMAP", HAS_NAME},
    {"RESUME_ACK", HAS_VALUE},
    {"SWITCHOVER_ACK", 0},
};

#define N_MESSAGES (sizeof(message_list) / sizeof(message_list[0]))

const char *migp_rp_id(uint32_t kind)
{
    return kind > 0 && kind < N_MESSAGES ? message_list[kind].id : "unknown";
}

static bool read_members(struct migp_cursor *cursor, unsigned members,
                         struct migp_rp_message *out)
{
    const uint8_t *name;
    uint8_t size;

    if ((members & HAS_VALUE) && !migp_cursor_be32(cursor, &out->value)) {
        return false;
    }
    if ((members & HAS_EXTENT) && (!migp_cursor_be64(cursor, &out->start) ||
                                   !migp_cursor_be32(cursor, &out->length))) {
        return false;
    }
    if (members & HAS_NAME) {
        if (!migp_cursor_u8(cursor, &size) ||
            !migp_cursor_take(cursor, size, &name)) {
            return false;
        }
        memcpy(out->name, name, size);
    }
    return migp_cursor_left(cursor) == 0; /* [RP-2] */
}

migp_ssize migp_rp_decode(const void *bytes, size_t size,
                          struct migp_rp_message *message,
                          struct migp_error *error)
{
    struct migp_rp_message own = {.struct_size = sizeof(own)};
    struct migp_cursor cursor;
    uint16_t kind, length;

    if ((bytes == NULL && size > 0) || message == NULL ||
        message->struct_size < sizeof(size_t)) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    if (size < HEAD) {
        return migp_error_set(error, MIGP_ERR_NEED_MORE, NULL);
    }
    kind = migp_load_be16(bytes);
    length = migp_load_be16((const uint8_t *)bytes + 2);
    if (kind == 0 || kind >= N_MESSAGES || length > PAYLOAD_MAX) {
        return migp_error_set(error, MIGP_ERR_MALFORMED, NULL); /* [RP-2] */
    }
    if (size < HEAD + (size_t)length) {
        return migp_error_set(error, MIGP_ERR_NEED_MORE, NULL);
    }
    cursor = migp_cursor_over((const uint8_t *)bytes + HEAD, length);
    own.kind = kind;
    if (!read_members(&cursor, message_list[kind].members, &own)) {
        return migp_error_set(error, MIGP_ERR_MALFORMED, NULL);
    }
    (void)migp_struct_write(message, &own, sizeof(own));
    (void)migp_error_set(error, MIGP_OK, NULL);
    return HEAD + (migp_ssize)length;
}

migp_ssize migp_rp_encode(const struct migp_rp_message *message, void *buffer,
                          size_t size)
{
    struct migp_rp_message own = {.struct_size = sizeof(own)};
    uint8_t out[HEAD + 12 + 1 + sizeof(own.name)];
    size_t length = HEAD;
    unsigned members;

    if (message == NULL || buffer == NULL ||
        migp_struct_read(&own, sizeof(own), message) < 0 || own.kind == 0 ||
        own.kind >= N_MESSAGES) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    members = message_list[own.kind].members;
    if (members & HAS_VALUE) {
        migp_store_be32(out + length, own.value);
        length += 4;
    }
    if (members & HAS_EXTENT) {
        migp_store_be64(out + length, own.start);
        migp_store_be32(out + length + 8, own.length);
        length += 12;
    }
    if (members & HAS_NAME) {
        const char *end = memchr(own.name, '\0', sizeof(own.name));
        size_t name_size;

        if (end == NULL) {
            return MIGP_ERR_INVALID_ARGUMENT;
        }
        name_size = (size_t)(end - own.name);
        out[length++] = (uint8_t)name_size;
        memcpy(out + length, own.name, name_size);
        length += name_size;
    }
    if (length > size) {
        return MIGP_ERR_NO_SPACE;
    }
    migp_store_be16(out, (uint16_t)own.kind);
    migp_store_be16(out + 2, (uint16_t)(length - HEAD));
    memcpy(buffer, out, length);
    return (migp_ssize)length;
}
