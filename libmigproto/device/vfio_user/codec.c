/* SPDX-License-Identifier: MIT */
#include "device/vfio_user/codec.h"

#include "core/error.h"
#include "core/options.h"

#include <stdbool.h>
#include <string.h>

/*
 * Source: the vfio-user protocol (QEMU docs/interop/vfio-user.rst, facts), and
 * what libvfio-user answers. The host's byte order, so memcpy() is enough.
 */

/* How long the tail is. */
enum tail_rule {
    TAIL_NONE,
    TAIL_ANY,
    TAIL_COUNT,           /* exactly count bytes */
    TAIL_COUNT_OR_LONGER, /* replies are as long as was asked for, not as what
                             there was (libvfio-user) */
    TAIL_LENGTH           /* exactly length bytes */
};

/* One integer on the wire and where it is kept; size 0 ends a list. */
struct field {
    uint8_t size;
    uint8_t at;
};

#define FIELD_MAX 6
#define FIELD(member)                                                          \
    {                                                                          \
        sizeof(((struct migp_vu_message *)0)->member),                         \
            offsetof(struct migp_vu_message, member)                           \
    }
/* Zero when sent, not looked at when received. */
#define PAD(size)                                                              \
    {                                                                          \
        (size), 0                                                              \
    }

struct layout {
    uint8_t command;
    uint8_t is_reply;
    uint8_t tail;
    struct field fields[FIELD_MAX];
};

static const struct layout layouts[] = {
    {MIGP_VU_VERSION, 0, TAIL_ANY, {FIELD(major), FIELD(minor)}},
    {MIGP_VU_VERSION, 1, TAIL_ANY, {FIELD(major), FIELD(minor)}},
    {MIGP_VU_DMA_MAP,
     0,
     TAIL_NONE,
     {FIELD(argsz), FIELD(flags), FIELD(offset), FIELD(address),
      FIELD(length)}},
    {MIGP_VU_DMA_MAP, 1, TAIL_NONE, {{0, 0}}},
    {MIGP_VU_DMA_UNMAP,
     0,
     TAIL_NONE,
     {FIELD(argsz), FIELD(flags), FIELD(address), FIELD(length)}},
    {MIGP_VU_DMA_UNMAP,
     1,
     TAIL_ANY,
     {FIELD(argsz), FIELD(flags), FIELD(address), FIELD(length)}},
    /* requests have the reply's structure, all but a few members zero */
    {MIGP_VU_GET_INFO, 0, TAIL_NONE, {FIELD(argsz), PAD(4), PAD(4), PAD(4)}},
    {MIGP_VU_GET_INFO,
     1,
     TAIL_ANY,
     {FIELD(argsz), FIELD(flags), FIELD(num_regions), FIELD(num_irqs)}},
    {MIGP_VU_REGION_INFO,
     0,
     TAIL_NONE,
     {FIELD(argsz), PAD(4), FIELD(region), PAD(4), PAD(8), PAD(8)}},
    /* the pad is cap_offset: where in the tail, which nobody here reads */
    {MIGP_VU_REGION_INFO,
     1,
     TAIL_ANY,
     {FIELD(argsz), FIELD(flags), FIELD(region), PAD(4), FIELD(length),
      FIELD(offset)}},
    {MIGP_VU_REGION_READ,
     0,
     TAIL_NONE,
     {FIELD(offset), FIELD(region), FIELD(count)}},
    {MIGP_VU_REGION_READ,
     1,
     TAIL_COUNT,
     {FIELD(offset), FIELD(region), FIELD(count)}},
    {MIGP_VU_REGION_WRITE,
     0,
     TAIL_COUNT,
     {FIELD(offset), FIELD(region), FIELD(count)}},
    {MIGP_VU_REGION_WRITE,
     1,
     TAIL_NONE,
     {FIELD(offset), FIELD(region), FIELD(count)}},
    {MIGP_VU_DMA_READ, 0, TAIL_NONE, {FIELD(address), FIELD(length)}},
    {MIGP_VU_DMA_READ, 1, TAIL_LENGTH, {FIELD(address), FIELD(length)}},
    {MIGP_VU_DMA_WRITE, 0, TAIL_LENGTH, {FIELD(address), FIELD(length)}},
    {MIGP_VU_DMA_WRITE, 1, TAIL_NONE, {FIELD(address), FIELD(length)}},
    {MIGP_VU_RESET, 0, TAIL_NONE, {{0, 0}}},
    {MIGP_VU_RESET, 1, TAIL_NONE, {{0, 0}}},
    {MIGP_VU_DEVICE_FEATURE, 0, TAIL_ANY, {FIELD(argsz), FIELD(flags)}},
    {MIGP_VU_DEVICE_FEATURE, 1, TAIL_ANY, {FIELD(argsz), FIELD(flags)}},
    {MIGP_VU_MIG_DATA_READ, 0, TAIL_NONE, {FIELD(argsz), FIELD(count)}},
    {MIGP_VU_MIG_DATA_READ,
     1,
     TAIL_COUNT_OR_LONGER,
     {FIELD(argsz), FIELD(count)}},
    {MIGP_VU_MIG_DATA_WRITE, 0, TAIL_COUNT, {FIELD(argsz), FIELD(count)}},
    {MIGP_VU_MIG_DATA_WRITE, 1, TAIL_NONE, {{0, 0}}},
};

/* An error reply has nothing but its head that means anything: libvfio-user
 * sends the request back behind it. */
static const struct layout error_layout = {0, 1, TAIL_ANY, {{0, 0}}};

/* Of a head's flags: what kind of message it is. */
#define KIND_MASK UINT32_C(15)

static const struct layout *find_layout(uint16_t command, uint32_t head_flags)
{
    bool is_reply = (head_flags & KIND_MASK) == MIGP_VU_REPLY;
    size_t i;

    for (i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
        if (layouts[i].command == command && layouts[i].is_reply == is_reply) {
            return is_reply && (head_flags & MIGP_VU_ERROR) ? &error_layout
                                                            : &layouts[i];
        }
    }
    return NULL;
}

static size_t fields_size(const struct layout *layout)
{
    size_t size = 0;
    size_t i;

    for (i = 0; i < FIELD_MAX && layout->fields[i].size > 0; i++) {
        size += layout->fields[i].size;
    }
    return size;
}

static bool tail_fits(const struct layout *layout,
                      const struct migp_vu_message *message)
{
    switch (layout->tail) {
    case TAIL_NONE:
        return message->tail == 0;
    case TAIL_COUNT:
        return message->tail == message->count;
    case TAIL_COUNT_OR_LONGER:
        return message->tail >= message->count;
    case TAIL_LENGTH:
        return message->tail == message->length;
    default:
        return true;
    }
}

static bool kind_known(uint32_t head_flags)
{
    uint32_t kind = head_flags & KIND_MASK;

    return kind == MIGP_VU_REPLY ||
           (kind == 0 && (head_flags & MIGP_VU_ERROR) == 0);
}

migp_ssize migp_vu_encode(const struct migp_vu_message *message, void *bytes,
                          size_t size)
{
    struct migp_vu_message own = {.struct_size = sizeof(own)};
    uint8_t *out = bytes;
    const struct layout *layout;
    uint32_t whole;
    size_t fixed;
    size_t i;

    if (!message || !bytes || migp_struct_read(&own, sizeof(own), message)) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    layout = find_layout(own.command, own.head_flags);
    if (!layout || !kind_known(own.head_flags) || !tail_fits(layout, &own)) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    fixed = MIGP_VU_HEAD_SIZE + fields_size(layout);
    if (own.tail > MIGP_VU_MESSAGE_MAX - fixed) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    if (size < fixed) {
        return MIGP_ERR_NO_SPACE;
    }
    whole = (uint32_t)(fixed + own.tail);
    memset(out, 0, fixed);
    memcpy(out, &own.id, 2);
    memcpy(out + 2, &own.command, 2);
    memcpy(out + 4, &whole, 4);
    memcpy(out + 8, &own.head_flags, 4);
    if (layout == &error_layout) {
        memcpy(out + 12, &own.error_number, 4);
    }
    out += MIGP_VU_HEAD_SIZE;
    for (i = 0; i < FIELD_MAX && layout->fields[i].size > 0; i++) {
        if (layout->fields[i].at > 0) {
            memcpy(out, (const uint8_t *)&own + layout->fields[i].at,
                   layout->fields[i].size);
        }
        out += layout->fields[i].size;
    }
    return (migp_ssize)fixed;
}

/* Fill message from the head; *whole: bytes of the message. */
static int read_head(const uint8_t *head, struct migp_vu_message *message,
                     uint32_t *whole, const struct layout **layout,
                     struct migp_error *error)
{
    memcpy(&message->id, head, 2);
    memcpy(&message->command, head + 2, 2);
    memcpy(whole, head + 4, 4);
    memcpy(&message->head_flags, head + 8, 4);
    if (*whole < MIGP_VU_HEAD_SIZE) {
        return migp_error_say(error, MIGP_ERR_MALFORMED, 0,
                              "a vfio-user message says it has %u bytes, "
                              "fewer than its head",
                              (unsigned int)*whole);
    }
    if (*whole > MIGP_VU_MESSAGE_MAX) {
        return migp_error_say(error, MIGP_ERR_LIMIT, 0,
                              "a vfio-user message of %u bytes",
                              (unsigned int)*whole);
    }
    if (!kind_known(message->head_flags)) {
        return migp_error_say(error, MIGP_ERR_MALFORMED, 0,
                              "a vfio-user message with flags 0x%x is neither "
                              "request nor reply",
                              (unsigned int)message->head_flags);
    }
    *layout = find_layout(message->command, message->head_flags);
    if (!*layout) {
        return migp_error_say(error, MIGP_ERR_MALFORMED, 0,
                              "a vfio-user message with the unknown command "
                              "%u",
                              (unsigned int)message->command);
    }
    if (*layout == &error_layout) {
        memcpy(&message->error_number, head + 12, 4);
    }
    if (*whole - MIGP_VU_HEAD_SIZE < fields_size(*layout)) {
        return migp_error_say(error, MIGP_ERR_MALFORMED, 0,
                              "a vfio-user message of %u bytes is too short "
                              "for its command %u",
                              (unsigned int)*whole,
                              (unsigned int)message->command);
    }
    return MIGP_OK;
}

migp_ssize migp_vu_fixed_size(const void *head, struct migp_error *error)
{
    struct migp_vu_message message = {.struct_size = sizeof(message)};
    const struct layout *layout = &error_layout;
    uint32_t whole = 0;
    int code = read_head(head, &message, &whole, &layout, error);

    return code != MIGP_OK
               ? code
               : (migp_ssize)(MIGP_VU_HEAD_SIZE + fields_size(layout));
}

migp_ssize migp_vu_decode(const void *bytes, size_t size,
                          struct migp_vu_message *message,
                          struct migp_error *error)
{
    struct migp_vu_message own = {.struct_size = sizeof(own)};
    const uint8_t *in = bytes;
    const struct layout *layout = &error_layout;
    uint32_t whole = 0;
    size_t fixed;
    size_t i;
    int code;

    if ((!bytes && size > 0) || !message ||
        message->struct_size < sizeof(size_t)) {
        return migp_error_say(error, MIGP_ERR_INVALID_ARGUMENT, 0,
                              "no bytes or no message given");
    }
    if (size < MIGP_VU_HEAD_SIZE) {
        return migp_error_say(error, MIGP_ERR_NEED_MORE, 0,
                              "the head of a vfio-user message is incomplete");
    }
    code = read_head(in, &own, &whole, &layout, error);
    if (code != MIGP_OK) {
        return code;
    }
    fixed = MIGP_VU_HEAD_SIZE + fields_size(layout);
    if (size < fixed) {
        return migp_error_say(error, MIGP_ERR_NEED_MORE, 0,
                              "the fixed part of a vfio-user message is "
                              "incomplete");
    }
    in += MIGP_VU_HEAD_SIZE;
    for (i = 0; i < FIELD_MAX && layout->fields[i].size > 0; i++) {
        if (layout->fields[i].at > 0) {
            memcpy((uint8_t *)&own + layout->fields[i].at, in,
                   layout->fields[i].size);
        }
        in += layout->fields[i].size;
    }
    own.tail = whole - fixed;
    if (!tail_fits(layout, &own)) {
        return migp_error_say(error, MIGP_ERR_MALFORMED, 0,
                              "the data of a vfio-user message (command %u) "
                              "has %llu bytes, not as many as it says",
                              (unsigned int)own.command,
                              (unsigned long long)own.tail);
    }
    code = migp_struct_write(message, &own, sizeof(own));
    return code != MIGP_OK ? code : (migp_ssize)fixed;
}
