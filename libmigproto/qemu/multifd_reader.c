/* SPDX-License-Identifier: MIT */
#include "core/bytes.h"
#include "core/error.h"
#include "core/options.h"
#include "qemu/multifd.h"

#include <stdlib.h>

/* [MF-1] to [MF-5]: one multifd channel, from its start to any packet's end. */

#define CHANNEL_IDS 256U
#define PAGE_SIZE_DEFAULT 4096U
#define PAGE_SIZE_MIN 1024U
#define PAGE_SIZE_MAX 65536U

enum multifd_state {
    AT_START,
    AT_PACKET,
    IN_RAM,  /* passing over the rest of a RAM packet */
    IN_DATA, /* passing on a device's data */
    HAS_FAILED
};

struct migp_multifd_reader {
    struct migp_multifd_options options;
    enum multifd_state state;
    uint64_t offset;        /* of the next byte */
    uint64_t packet_offset; /* of the channel's start or the packet in hand */
    uint64_t left;          /* IN_RAM, IN_DATA */
    size_t need;
    struct migp_multifd_init init;
    struct migp_multifd_packet packet;
    char idstr[MIGP_MULTIFD_IDSTR_SIZE];
    int failure;
    struct migp_finding why;
};

/* One call of feed. */
struct multifd_feed {
    struct migp_cursor in;
    struct migp_multifd_event *events;
    size_t max_events;
    size_t n_events;
    bool packet_shown; /* an event points to the packet in hand */
    bool waits;        /* nothing more can be done in this call */
};

static int fail(struct migp_multifd_reader *reader, int code, uint32_t finding,
                uint64_t at, uint64_t value, uint64_t expected)
{
    reader->state = HAS_FAILED;
    reader->failure = code;
    reader->need = 0;
    reader->left = 0;
    reader->why =
        migp_finding_make(finding, reader->offset + at, value, expected);
    return code;
}

/* Are size bytes there in one piece? If not, ask for them. */
static bool want(struct migp_multifd_reader *reader, struct multifd_feed *feed,
                 size_t size)
{
    if (size <= migp_cursor_left(&feed->in)) {
        return true;
    }
    reader->need = size;
    feed->waits = true;
    return false;
}

static void consume(struct migp_multifd_reader *reader,
                    struct multifd_feed *feed, size_t size)
{
    feed->in.at += size;
    reader->offset += size;
}

/* There is room: feed's loop looks before each step. */
static void emit(struct migp_multifd_reader *reader, struct multifd_feed *feed,
                 uint32_t kind, uint64_t size, uint64_t value,
                 const uint8_t *bytes)
{
    struct migp_multifd_event event = {.kind = kind,
                                       .offset = reader->offset,
                                       .size = size,
                                       .value = value,
                                       .bytes = bytes};

    if (kind == MIGP_MULTIFD_EVENT_INIT) {
        event.init = &reader->init;
    } else if (kind != MIGP_MULTIFD_EVENT_RAM) {
        event.packet = &reader->packet;
        feed->packet_shown = true;
    }
    feed->events[feed->n_events++] = event;
}

/* Magic and version, in front of the channel and of each packet. */
static int check_magic(struct migp_multifd_reader *reader, const uint8_t *bytes,
                       int not_magic)
{
    uint32_t magic = migp_load_be32(bytes), version = migp_load_be32(bytes + 4);

    if (magic != MIGP_MULTIFD_MAGIC) {
        return fail(reader, not_magic, MIGP_FINDING_MULTIFD_MAGIC, 0, magic, 0);
    }
    if (version != MIGP_MULTIFD_VERSION) {
        return fail(reader, MIGP_ERR_UNSUPPORTED, MIGP_FINDING_MULTIFD_VERSION,
                    4, version, MIGP_MULTIFD_VERSION);
    }
    return MIGP_OK;
}

/* [MF-1] */
static int step_start(struct migp_multifd_reader *reader,
                      struct multifd_feed *feed)
{
    const uint8_t *bytes = feed->in.bytes + feed->in.at;
    int code;

    if (!want(reader, feed, MIGP_MULTIFD_INIT_SIZE)) {
        return MIGP_OK;
    }
    code = check_magic(reader, bytes, MIGP_ERR_NOT_A_STREAM);
    if (code < 0) {
        return code;
    }
    reader->init.version = MIGP_MULTIFD_VERSION;
    reader->init.channel_id = bytes[MIGP_MULTIFD_INIT_ID];
    memcpy(reader->init.uuid, bytes + MIGP_MULTIFD_INIT_UUID,
           sizeof(reader->init.uuid));
    emit(reader, feed, MIGP_MULTIFD_EVENT_INIT, MIGP_MULTIFD_INIT_SIZE, 0,
         NULL);
    consume(reader, feed, MIGP_MULTIFD_INIT_SIZE);
    reader->state = AT_PACKET;
    return MIGP_OK;
}

static void pass(struct migp_multifd_reader *reader, uint64_t size,
                 enum multifd_state state)
{
    reader->left = size;
    reader->state = size > 0 ? state : AT_PACKET;
}

/* [MF-3] Its length depends on the page size; SYNC packets have it too. */
static int step_ram(struct migp_multifd_reader *reader,
                    struct multifd_feed *feed, uint32_t flags)
{
    const uint8_t *bytes = feed->in.bytes + feed->in.at;
    uint32_t room = MIGP_MULTIFD_RAM_DATA / reader->options.page_size;
    uint64_t head = MIGP_MULTIFD_RAM_FIXED + 8 * (uint64_t)room;
    uint32_t pages, normal, next;

    if (!want(reader, feed, MIGP_MULTIFD_RAM_LOOK)) {
        return MIGP_OK;
    }
    pages = migp_load_be32(bytes + MIGP_MULTIFD_RAM_PAGES);
    normal = migp_load_be32(bytes + MIGP_MULTIFD_RAM_NORMAL);
    next = migp_load_be32(bytes + MIGP_MULTIFD_RAM_NEXT);
    if (normal > pages) {
        return fail(reader, MIGP_ERR_MALFORMED, MIGP_FINDING_PACKET_NORMAL,
                    MIGP_MULTIFD_RAM_NORMAL, normal, pages);
    }
    if (pages > room) {
        return fail(reader, MIGP_ERR_MALFORMED, MIGP_FINDING_PACKET_PAGES,
                    MIGP_MULTIFD_RAM_PAGES, pages, room);
    }
    if (next > reader->options.max_packet) {
        return fail(reader, MIGP_ERR_LIMIT, MIGP_FINDING_PACKET_TOO_BIG,
                    MIGP_MULTIFD_RAM_NEXT, next, reader->options.max_packet);
    }
    emit(reader, feed, MIGP_MULTIFD_EVENT_RAM, head + next, flags, NULL);
    consume(reader, feed, MIGP_MULTIFD_RAM_LOOK);
    pass(reader, head + next - MIGP_MULTIFD_RAM_LOOK, IN_RAM);
    return MIGP_OK;
}

/* [MF-4] The head of a device-state packet, the driver-side part included. */
static int read_device(struct migp_multifd_reader *reader, const uint8_t *bytes)
{
    struct migp_multifd_packet *packet = &reader->packet;
    uint32_t next = migp_load_be32(bytes + MIGP_MULTIFD_NEXT);
    const uint8_t *inner = bytes + MIGP_MULTIFD_INNER;

    if (bytes[MIGP_MULTIFD_IDSTR] == 0 ||
        bytes[MIGP_MULTIFD_IDSTR + MIGP_MULTIFD_IDSTR_SIZE - 1] != 0) {
        return fail(reader, MIGP_ERR_MALFORMED, MIGP_FINDING_PACKET_IDSTR,
                    MIGP_MULTIFD_IDSTR, 0, 0);
    }
    if (migp_load_be32(inner) != 0) {
        return fail(reader, MIGP_ERR_UNSUPPORTED, MIGP_FINDING_PACKET_VERSION,
                    MIGP_MULTIFD_INNER, migp_load_be32(inner), 0);
    }
    memcpy(reader->idstr, bytes + MIGP_MULTIFD_IDSTR, sizeof(reader->idstr));
    memset(packet, 0, sizeof(*packet));
    packet->idstr = reader->idstr;
    packet->instance_id = migp_load_be32(bytes + MIGP_MULTIFD_INSTANCE);
    packet->index = migp_load_be32(inner + 4);
    packet->flags = migp_load_be32(inner + 8);
    packet->size = next - MIGP_MULTIFD_INNER_SIZE;
    return MIGP_OK;
}

static int step_device(struct migp_multifd_reader *reader,
                       struct multifd_feed *feed)
{
    const uint8_t *bytes = feed->in.bytes + feed->in.at;
    uint32_t next;
    int code;

    if (feed->packet_shown) { /* its events must stay good till they are read */
        feed->waits = true;
        return MIGP_OK;
    }
    if (!want(reader, feed, MIGP_MULTIFD_INNER)) {
        return MIGP_OK;
    }
    next = migp_load_be32(bytes + MIGP_MULTIFD_NEXT);
    if (next < MIGP_MULTIFD_INNER_SIZE) {
        return fail(reader, MIGP_ERR_MALFORMED, MIGP_FINDING_PACKET_TOO_SMALL,
                    MIGP_MULTIFD_NEXT, next, MIGP_MULTIFD_INNER_SIZE);
    }
    if (next - MIGP_MULTIFD_INNER_SIZE > reader->options.max_packet) {
        return fail(reader, MIGP_ERR_LIMIT, MIGP_FINDING_PACKET_TOO_BIG,
                    MIGP_MULTIFD_NEXT, next - MIGP_MULTIFD_INNER_SIZE,
                    reader->options.max_packet);
    }
    if (!want(reader, feed, MIGP_MULTIFD_HEAD_SIZE)) {
        return MIGP_OK;
    }
    code = read_device(reader, bytes);
    if (code < 0) {
        return code;
    }
    emit(reader, feed, MIGP_MULTIFD_EVENT_DEVICE, reader->packet.size, 0, NULL);
    consume(reader, feed, MIGP_MULTIFD_HEAD_SIZE);
    pass(reader, reader->packet.size, IN_DATA);
    return MIGP_OK;
}

/* [MF-2] */
static int step_packet(struct migp_multifd_reader *reader,
                       struct multifd_feed *feed)
{
    const uint8_t *bytes = feed->in.bytes + feed->in.at;
    uint32_t flags;
    int code;

    reader->packet_offset = reader->offset;
    if (migp_cursor_left(&feed->in) == 0) { /* the channel may end here */
        feed->waits = true;
        return MIGP_OK;
    }
    if (!want(reader, feed, MIGP_MULTIFD_COMMON_SIZE)) {
        return MIGP_OK;
    }
    code = check_magic(reader, bytes, MIGP_ERR_MALFORMED);
    if (code < 0) {
        return code;
    }
    flags = migp_load_be32(bytes + MIGP_MULTIFD_FLAGS);
    if ((flags & ~MIGP_MULTIFD_FLAGS_KNOWN) != 0 ||
        ((flags & MIGP_MULTIFD_FLAG_DEVICE) != 0 &&
         (flags & MIGP_MULTIFD_FLAG_SYNC) != 0)) {
        return fail(reader, MIGP_ERR_MALFORMED, MIGP_FINDING_PACKET_FLAGS,
                    MIGP_MULTIFD_FLAGS, flags, 0);
    }
    return (flags & MIGP_MULTIFD_FLAG_DEVICE) != 0
               ? step_device(reader, feed)
               : step_ram(reader, feed, flags);
}

/* RAM, or a device's data. */
static void step_pass(struct migp_multifd_reader *reader,
                      struct multifd_feed *feed)
{
    size_t left = migp_cursor_left(&feed->in);
    size_t size = reader->left < left ? (size_t)reader->left : left;

    if (size == 0) {
        feed->waits = true;
        return;
    }
    if (reader->state == IN_DATA) {
        emit(reader, feed, MIGP_MULTIFD_EVENT_DATA, size, 0,
             feed->in.bytes + feed->in.at);
    }
    consume(reader, feed, size);
    pass(reader, reader->left - size, reader->state);
}

migp_ssize migp_multifd_reader_feed(struct migp_multifd_reader *reader,
                                    const void *bytes, size_t size,
                                    struct migp_multifd_event *events,
                                    size_t max_events, size_t *n_events)
{
    struct multifd_feed feed = {
        .in = migp_cursor_over(bytes != NULL ? bytes : "", size),
        .events = events,
        .max_events = max_events};
    int code = MIGP_OK;

    if (n_events != NULL) {
        *n_events = 0;
    }
    if (reader == NULL || (bytes == NULL && size > 0) || events == NULL ||
        max_events == 0 || n_events == NULL) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    reader->need = 0;
    while (code == MIGP_OK && !feed.waits && feed.n_events < max_events) {
        switch (reader->state) {
        case AT_START:
            code = step_start(reader, &feed);
            break;
        case AT_PACKET:
            code = step_packet(reader, &feed);
            break;
        case HAS_FAILED:
            code = reader->failure;
            break;
        default:
            step_pass(reader, &feed);
            break;
        }
    }
    *n_events = feed.n_events;
    return code < 0 ? code : (migp_ssize)feed.in.at;
}

void migp_multifd_options_init(struct migp_multifd_options *options)
{
    if (options != NULL) {
        memset(options, 0, sizeof(*options));
        options->struct_size = sizeof(*options);
        options->page_size = PAGE_SIZE_DEFAULT;
        options->max_packet = MIGP_DEFAULT_MAX_PACKET;
    }
}

int migp_multifd_reader_new(struct migp_multifd_reader **out,
                            const struct migp_multifd_options *options,
                            struct migp_error *error)
{
    struct migp_multifd_options own;

    migp_multifd_options_init(&own);
    if (out == NULL) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    *out = NULL;
    if ((options != NULL && migp_struct_read(&own, sizeof(own), options) < 0) ||
        own.page_size < PAGE_SIZE_MIN || own.page_size > PAGE_SIZE_MAX ||
        (own.page_size & (own.page_size - 1)) != 0) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    *out = calloc(1, sizeof(**out));
    if (*out == NULL) {
        return migp_error_set(error, MIGP_ERR_NO_MEMORY, NULL);
    }
    (*out)->options = own;
    return MIGP_OK;
}

void migp_multifd_reader_free(struct migp_multifd_reader *reader)
{
    free(reader);
}

size_t migp_multifd_reader_need(const struct migp_multifd_reader *reader)
{
    return reader != NULL ? reader->need : 0;
}

uint64_t migp_multifd_reader_skippable(const struct migp_multifd_reader *reader)
{
    return reader != NULL ? reader->left : 0;
}

int migp_multifd_reader_skip(struct migp_multifd_reader *reader, uint64_t size)
{
    if (reader == NULL || size > reader->left) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    if (size > 0) {
        reader->offset += size;
        pass(reader, reader->left - size, reader->state);
    }
    return MIGP_OK;
}

int migp_multifd_reader_finish(struct migp_multifd_reader *reader,
                               size_t unread, struct migp_error *error)
{
    uint64_t missing;

    if (reader == NULL) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    if (reader->state == HAS_FAILED ||
        (reader->state == AT_PACKET && unread == 0)) {
        return migp_multifd_reader_error(reader, error);
    }
    missing = reader->left > unread ? reader->left - unread : 1;
    if (reader->need > unread) {
        missing = reader->need - unread;
    }
    (void)fail(reader, MIGP_ERR_TRUNCATED, MIGP_FINDING_TRUNCATED, unread,
               reader->packet_offset, missing);
    return migp_multifd_reader_error(reader, error);
}

uint64_t migp_multifd_reader_offset(const struct migp_multifd_reader *reader)
{
    return reader != NULL ? reader->offset : 0;
}

int migp_multifd_reader_error(const struct migp_multifd_reader *reader,
                              struct migp_error *error)
{
    if (reader == NULL) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    return migp_error_set(error, reader->failure, &reader->why);
}
