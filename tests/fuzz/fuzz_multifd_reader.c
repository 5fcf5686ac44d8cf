/* SPDX-License-Identifier: MIT */

/* A multifd channel, whole and cut, fed or passed over: the same packets. */

#include "fuzz/check.h"

#include <stdlib.h>
#include <string.h>

static void note(struct journal *journal, uint32_t detail, uint64_t offset,
                 uint64_t size, uint64_t value, uint64_t digest)
{
    struct entry entry;

    memset(&entry, 0, sizeof(entry));
    entry.kind = ENTRY_ANSWER;
    entry.detail = detail;
    entry.offset = offset;
    entry.size = size;
    entry.value = value;
    entry.digest = digest;
    journal_add(journal, &entry);
}

/* A device's data comes in pieces, which are put together again. */
static void note_data(struct journal *journal,
                      const struct migp_multifd_event *event)
{
    struct entry *last = &journal->entries[journal->count - 1];

    FUZZ_CHECK(journal->count > 0 && event->size > 0);
    FUZZ_CHECK(last->detail == MIGP_MULTIFD_EVENT_DEVICE ||
               last->detail == MIGP_MULTIFD_EVENT_DATA);
    if (last->detail == MIGP_MULTIFD_EVENT_DEVICE) {
        note(journal, MIGP_MULTIFD_EVENT_DATA, event->offset, 0, 0,
             DIGEST_START);
        last = &journal->entries[journal->count - 1];
    }
    FUZZ_CHECK(last->offset + last->size == event->offset);
    last->size += event->size;
    last->digest =
        digest_bytes(last->digest, event->bytes, (size_t)event->size);
}

static void note_event(struct journal *journal,
                       const struct migp_multifd_event *event)
{
    const struct migp_multifd_packet *packet = event->packet;

    switch (event->kind) {
    case MIGP_MULTIFD_EVENT_INIT:
        FUZZ_CHECK(event->offset == 0 && journal->count == 0);
        note(journal, event->kind, 0, event->size, event->init->channel_id,
             digest_bytes(DIGEST_START, event->init->uuid, 16));
        break;
    case MIGP_MULTIFD_EVENT_RAM:
        note(journal, event->kind, event->offset, event->size, event->value, 0);
        break;
    case MIGP_MULTIFD_EVENT_DEVICE:
        FUZZ_CHECK(packet->size == event->size);
        note(journal, event->kind, event->offset, event->size,
             (uint64_t)packet->index << 32 | packet->flags,
             digest_bytes(packet->instance_id, packet->idstr,
                          strlen(packet->idstr)));
        break;
    default:
        FUZZ_CHECK(event->kind == MIGP_MULTIFD_EVENT_DATA);
        note_data(journal, event);
        break;
    }
}

/* One call, its bytes in a block of their own size. */
static migp_ssize feed_once(struct migp_multifd_reader *reader,
                            struct journal *journal, const uint8_t *bytes,
                            size_t size, size_t max_events)
{
    struct migp_multifd_event events[16];
    uint8_t *exact = malloc(size + 1);
    size_t n, i;
    migp_ssize got;

    FUZZ_CHECK(exact != NULL);
    memcpy(exact, bytes, size);
    got = migp_multifd_reader_feed(reader, exact, size, events, max_events, &n);
    FUZZ_CHECK(n <= max_events);
    for (i = 0; i < n; i++) {
        note_event(journal, &events[i]);
    }
    free(exact);
    FUZZ_CHECK(got < 0 || (size_t)got <= size);
    /* neither moved nor waits for more than there was */
    FUZZ_CHECK(got != 0 || n > 0 || size == 0 ||
               migp_multifd_reader_need(reader) > size);
    return got;
}

/* RAM is passed over without being fed. Only pieces of data are events. */
static size_t pass_ram(struct migp_multifd_reader *reader,
                       const struct journal *journal, size_t left)
{
    uint64_t size = migp_multifd_reader_skippable(reader);

    if (journal->count == 0 ||
        journal->entries[journal->count - 1].detail != MIGP_MULTIFD_EVENT_RAM) {
        return 0;
    }
    size = size < left ? size : left;
    FUZZ_CHECK(migp_multifd_reader_skip(reader, size) == MIGP_OK);
    return (size_t)size;
}

static void read_in(const struct feeding *feeding, uint32_t page_size,
                    bool pass, struct journal *journal)
{
    size_t max_events = feeding->max_events ? feeding->max_events : 16;
    size_t chunk = feeding->chunk ? feeding->chunk : feeding->size + 1;
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_multifd_options options;
    struct migp_multifd_reader *reader;
    size_t at = 0, window = chunk;
    migp_ssize got = 0;
    int code;

    migp_multifd_options_init(&options);
    options.page_size = page_size;
    options.max_packet = 1 << 20;
    FUZZ_CHECK(migp_multifd_reader_new(&reader, &options, NULL) == MIGP_OK);
    while (at < feeding->size) {
        size_t left = feeding->size - at;

        got = feed_once(reader, journal, feeding->bytes + at,
                        window < left ? window : left, max_events);
        if (got < 0 || (got == 0 && migp_multifd_reader_need(reader) > left)) {
            break;
        }
        at += (size_t)got;
        at += pass ? pass_ram(reader, journal, feeding->size - at) : 0;
        FUZZ_CHECK(migp_multifd_reader_offset(reader) == at);
        window = migp_multifd_reader_need(reader) > chunk
                     ? migp_multifd_reader_need(reader)
                     : chunk;
    }
    code = migp_multifd_reader_finish(reader, feeding->size - at, &error);
    FUZZ_CHECK(got >= 0 || code == got);
    note(journal, 100, error.offset, error.value, error.expected,
         error.finding);
    migp_multifd_reader_free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t choice = fuzz_choice(bytes, size, 3);
    uint32_t page_size = choice & 1 ? 65536 : 4096;
    struct feeding whole = fuzz_whole(bytes, size);
    struct feeding split = fuzz_split(bytes, size);
    struct journal left = {NULL, 0, 0};
    struct journal right = {NULL, 0, 0};
    long difference;

    read_in(&whole, page_size, false, &left);
    read_in(&split, page_size, (choice & 2) != 0, &right);
    difference = journal_difference(&left, &right);
    if (difference >= 0) {
        journal_show("whole", &left, (size_t)difference);
        journal_show("split", &right, (size_t)difference);
        fuzz_fail("whole and split differ");
    }
    journal_free(&left);
    journal_free(&right);
    return 0;
}
