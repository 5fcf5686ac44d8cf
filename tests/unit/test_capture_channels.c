/* SPDX-License-Identifier: MIT */

/*
 * Multifd channels that real QEMUs wrote: the same events whatever the pieces,
 * a channel ends only between two packets, its start and the heads of its
 * device-state packets are written again byte for byte, and its packets are
 * put back in order.
 */

#include "cmocka_all.h"

#include "support/file.h"
#include "support/journal.h"
#include "support/scale.h"

#include <migproto/multifd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SEEN 512
#define MAX_EVENTS 8

/* One event, the pieces of one packet's data put together. */
struct seen {
    uint32_t kind;
    uint32_t index;
    uint32_t flags;
    uint32_t instance_id;
    uint64_t offset;
    uint64_t size;
    uint64_t value;
    uint64_t digest; /* DATA: of the bytes; DEVICE: of the idstr */
};

struct seen_list {
    struct seen items[MAX_SEEN];
    size_t count;
    int finish;
    struct migp_error error;
};

/* How a channel is presented. */
struct way {
    size_t chunk; /* new bytes that come at a time */
    size_t cut;   /* or: two pieces, cut here; 0: no cut */
    size_t max_events;
    bool skip; /* pass over what may be passed over */
};

static struct file_list channels;

static bool is_channel(const struct file *file)
{
    static const uint8_t magic[] = {0x11, 0x22, 0x33, 0x44};

    return file->size >= sizeof(magic) &&
           memcmp(file->bytes, magic, sizeof(magic)) == 0;
}

static int load_all(void **state)
{
    struct file_list all = golden_list("qemu", ".bin");
    size_t i;

    (void)state;
    channels.files = calloc(all.count, sizeof(*channels.files));
    if (!channels.files) {
        return -1;
    }
    for (i = 0; i < all.count; i++) {
        if (is_channel(&all.files[i])) {
            channels.files[channels.count++] = all.files[i];
        } else {
            file_free(&all.files[i]);
        }
    }
    free(all.files);
    return channels.count >= 13 ? 0 : -1;
}

static int free_all(void **state)
{
    (void)state;
    file_list_free(&channels);
    return 0;
}

static void note(struct seen_list *list, const struct migp_multifd_event *event)
{
    struct seen *last = list->count ? &list->items[list->count - 1] : NULL;
    struct seen *seen;

    if (event->kind == MIGP_MULTIFD_EVENT_DATA && last &&
        last->kind == MIGP_MULTIFD_EVENT_DATA) {
        assert_true(event->offset == last->offset + last->size);
        last->digest =
            digest_bytes(last->digest, event->bytes, (size_t)event->size);
        last->size += event->size;
        return;
    }
    assert_true(list->count < MAX_SEEN);
    seen = &list->items[list->count++];
    memset(seen, 0, sizeof(*seen));
    seen->kind = event->kind;
    seen->offset = event->offset;
    seen->size = event->size;
    seen->value = event->value;
    seen->digest = DIGEST_START;
    if (event->packet) {
        seen->index = event->packet->index;
        seen->flags = event->packet->flags;
        seen->instance_id = event->packet->instance_id;
    }
    if (event->kind == MIGP_MULTIFD_EVENT_DATA) {
        seen->digest =
            digest_bytes(seen->digest, event->bytes, (size_t)event->size);
    } else if (event->kind == MIGP_MULTIFD_EVENT_DEVICE) {
        seen->digest = digest_bytes(seen->digest, event->packet->idstr,
                                    strlen(event->packet->idstr));
    }
}

/* Give bytes[from..to) in a block of its own size. */
static size_t give(struct seen_list *list, struct migp_multifd_reader *reader,
                   const uint8_t *bytes, size_t size, size_t max_events,
                   size_t *n)
{
    struct migp_multifd_event events[MAX_EVENTS];
    uint8_t *block = malloc(size ? size : 1);
    migp_ssize used;
    size_t i;

    assert_non_null(block);
    memcpy(block, bytes, size);
    used = migp_multifd_reader_feed(reader, block, size, events, max_events, n);
    assert_true(used >= 0 && (size_t)used <= size);
    assert_true(*n <= max_events);
    for (i = 0; i < *n; i++) {
        const struct migp_multifd_event *event = &events[i];

        if (event->kind == MIGP_MULTIFD_EVENT_DATA) {
            assert_true(event->bytes >= block &&
                        event->bytes + event->size <= block + size);
        } else {
            assert_null(event->bytes);
        }
        note(list, event);
    }
    free(block);
    return (size_t)used;
}

static size_t next_end(const struct way *way, size_t end, size_t size)
{
    size_t next =
        way->chunk && way->chunk < size - end ? end + way->chunk : size;

    return way->cut > end && way->cut < next ? way->cut : next;
}

static void take_apart(struct seen_list *list, const uint8_t *bytes,
                       size_t size, const struct way *way)
{
    size_t room = way->max_events ? way->max_events : MAX_EVENTS;
    struct migp_multifd_reader *reader;
    size_t at = 0;
    size_t end = next_end(way, 0, size);

    list->count = 0;
    migp_error_init(&list->error);
    assert_int_equal(migp_multifd_reader_new(&reader, NULL, NULL), MIGP_OK);
    for (;;) {
        size_t n;
        size_t used = give(list, reader, bytes + at, end - at, room, &n);
        uint64_t skippable;
        size_t need;

        at += used;
        assert_true(migp_multifd_reader_offset(reader) == at);
        skippable = migp_multifd_reader_skippable(reader);
        if (way->skip && skippable > 0 && skippable <= size - at) {
            assert_int_equal(migp_multifd_reader_skip(reader, skippable),
                             MIGP_OK);
            at += (size_t)skippable;
            end = end > at ? end : at;
            continue;
        }
        need = migp_multifd_reader_need(reader);
        if (used > 0 || n > 0) {
            continue;
        }
        if (end == size) {
            break;
        }
        assert_true(at == end || need > end - at);
        end = next_end(way, end, size);
    }
    list->finish = migp_multifd_reader_finish(reader, size - at, &list->error);
    migp_multifd_reader_free(reader);
}

static bool same(const char *name, const struct seen_list *left,
                 const struct seen_list *right)
{
    size_t i;

    for (i = 0; i < left->count && i < right->count; i++) {
        if (memcmp(&left->items[i], &right->items[i], sizeof(left->items[i])) !=
            0) {
            break;
        }
    }
    if (i < left->count || i < right->count || left->finish != right->finish) {
        fprintf(stderr, "%s: event %zu of %zu and %zu; finish %d and %d\n",
                name, i, left->count, right->count, left->finish,
                right->finish);
        return false;
    }
    return true;
}

static struct seen_list *whole_of(const struct file *file)
{
    struct seen_list *list = calloc(1, sizeof(*list));
    struct way way = {0};

    assert_non_null(list);
    take_apart(list, file->bytes, file->size, &way);
    assert_int_equal(list->finish, MIGP_OK);
    assert_true(list->count >= 2);
    assert_int_equal(list->items[0].kind, MIGP_MULTIFD_EVENT_INIT);
    return list;
}

static void test_feed__in_pieces_of_every_kind(void **state)
{
    static const size_t chunks[] = {1,   2,   3,    7,    12,   63,   64,
                                    275, 288, 1343, 1344, 1345, 65536};
    struct seen_list other;
    size_t i;
    size_t j;

    (void)state;
    for (i = 0; i < channels.count; i++) {
        const struct file *file = &channels.files[i];
        struct seen_list *whole = whole_of(file);

        for (j = 0; j<N_TESTS(chunks); j += test_stride()> 1 ? 4 : 1) {
            struct way way = {.chunk = chunks[j], .max_events = j % 2 ? 1 : 0};

            take_apart(&other, file->bytes, file->size, &way);
            assert_true(same(file->name, whole, &other));
        }
        free(whole);
    }
}

/* Every cut near the start of a packet; elsewhere bytes are only passed. */
static void test_feed__every_cut_in_a_head(void **state)
{
    struct seen_list other;
    size_t stride = test_stride();
    size_t i;
    size_t j;

    (void)state;
    for (i = 0; i < channels.count; i++) {
        const struct file *file = &channels.files[i];
        struct seen_list *whole = whole_of(file);

        for (j = 0; j < whole->count; j++) {
            const struct seen *seen = &whole->items[j];
            struct way way = {.cut = (size_t)seen->offset + 1};
            size_t end = way.cut + 330;

            if (seen->kind == MIGP_MULTIFD_EVENT_RAM && j % 8 != 0) {
                continue;
            }
            for (; way.cut < end && way.cut < file->size; way.cut += stride) {
                take_apart(&other, file->bytes, file->size, &way);
                assert_true(same(file->name, whole, &other));
            }
        }
        free(whole);
    }
}

static void test_skip__passes_over_ram_and_data(void **state)
{
    struct seen_list other;
    size_t i;
    size_t j;

    (void)state;
    for (i = 0; i < channels.count; i++) {
        const struct file *file = &channels.files[i];
        struct seen_list *whole = whole_of(file);
        struct way way = {.max_events = 1, .skip = true};
        size_t at = 0;

        take_apart(&other, file->bytes, file->size, &way);
        assert_int_equal(other.finish, MIGP_OK);
        for (j = 0; j < whole->count; j++) {
            if (whole->items[j].kind != MIGP_MULTIFD_EVENT_DATA) {
                assert_true(at < other.count);
                assert_memory_equal(&whole->items[j], &other.items[at++],
                                    sizeof(other.items[0]));
            }
        }
        assert_int_equal(at, other.count);
        free(whole);
    }
}

/* Is there a packet's start at this offset? */
static bool between_packets(const struct seen_list *whole, uint64_t offset)
{
    size_t i;

    for (i = 0; i < whole->count; i++) {
        if (whole->items[i].kind != MIGP_MULTIFD_EVENT_DATA &&
            whole->items[i].offset == offset) {
            return offset > 0;
        }
    }
    return false;
}

static void test_finish__only_between_two_packets(void **state)
{
    struct seen_list other;
    struct way way = {0};
    size_t i;
    size_t ends = 0;

    (void)state;
    for (i = 0; i < channels.count; i++) {
        const struct file *file = &channels.files[i];
        struct seen_list *whole = whole_of(file);
        size_t step = file->size > 40000 ? 97 * test_stride() : test_stride();
        size_t size;

        for (size = 0; size < file->size; size += step) {
            bool good = between_packets(whole, size);

            take_apart(&other, file->bytes, size, &way);
            assert_int_equal(other.finish, good ? MIGP_OK : MIGP_ERR_TRUNCATED);
            if (!good) {
                assert_int_equal(other.error.finding, MIGP_FINDING_TRUNCATED);
                assert_true(other.error.offset == size);
            }
            ends += good;
        }
        free(whole);
    }
    if (test_stride() == 1) {
        assert_true(ends > 10);
    }
}

/* The bytes that the encoders write, beside those of the capture. */
static size_t write_again(const struct file *file)
{
    struct migp_multifd_event events[MAX_EVENTS];
    struct migp_multifd_reader *reader;
    uint8_t again[MIGP_MULTIFD_HEAD_SIZE];
    size_t at = 0;
    size_t heads = 0;
    size_t n;
    size_t i;

    assert_int_equal(migp_multifd_reader_new(&reader, NULL, NULL), MIGP_OK);
    do {
        migp_ssize used = migp_multifd_reader_feed(
            reader, file->bytes + at, file->size - at, events, MAX_EVENTS, &n);

        assert_true(used >= 0);
        at += (size_t)used;
        for (i = 0; i < n; i++) {
            const uint8_t *there = file->bytes + events[i].offset;

            if (events[i].kind == MIGP_MULTIFD_EVENT_INIT) {
                assert_int_equal(migp_multifd_init_encode(events[i].init, again,
                                                          sizeof(again)),
                                 MIGP_MULTIFD_INIT_SIZE);
                assert_memory_equal(again, there, MIGP_MULTIFD_INIT_SIZE);
            } else if (events[i].kind == MIGP_MULTIFD_EVENT_DEVICE) {
                assert_int_equal(migp_multifd_packet_encode(
                                     events[i].packet, again, sizeof(again)),
                                 MIGP_MULTIFD_HEAD_SIZE);
                assert_memory_equal(again, there, MIGP_MULTIFD_HEAD_SIZE);
                heads++;
            }
        }
    } while (n > 0);
    assert_int_equal(at, file->size);
    migp_multifd_reader_free(reader);
    return heads;
}

static void test_encode__starts_and_heads_again(void **state)
{
    size_t heads = 0;
    size_t i;

    (void)state;
    for (i = 0; i < channels.count; i++) {
        heads += write_again(&channels.files[i]);
    }
    assert_true(heads >= 16);
}

static bool same_folder(const struct file *left, const struct file *right)
{
    size_t length = (size_t)(strrchr(left->name, '/') - left->name);

    return strncmp(left->name, right->name, length + 1) == 0;
}

/* All packets of one device, from all channels of a folder, into an order. */
static size_t fill(struct migp_multifd_order *order, const struct file *first,
                   uint64_t idstr, uint32_t instance_id, bool backwards)
{
    size_t added = 0;
    size_t i;
    size_t j;

    for (i = 0; i < channels.count; i++) {
        size_t which = backwards ? channels.count - 1 - i : i;
        const struct file *file = &channels.files[which];
        struct seen_list *list;

        if (!same_folder(first, file)) {
            continue;
        }
        list = whole_of(file);
        for (j = 0; j < list->count; j++) {
            const struct seen *seen = &list->items[j];
            struct migp_multifd_place place = {.index = seen->index,
                                               .flags = seen->flags,
                                               .offset = seen->offset,
                                               .size = seen->size,
                                               .token = which};

            if (seen->kind == MIGP_MULTIFD_EVENT_DEVICE &&
                seen->digest == idstr && seen->instance_id == instance_id) {
                assert_int_equal(migp_multifd_order_add(order, &place, NULL),
                                 MIGP_OK);
                added++;
            }
        }
        free(list);
    }
    return added;
}

/* Out they come: 0, 1, ... and the config packet last. */
static void drain(struct migp_multifd_order *order, size_t added)
{
    struct migp_multifd_place place;
    uint32_t index;

    assert_int_equal(migp_multifd_order_count(order), added);
    for (index = 0; index < added; index++) {
        assert_int_equal(migp_multifd_order_finish(order, NULL, NULL),
                         MIGP_ERR_STATE);
        assert_int_equal(migp_multifd_order_next(order, &place), MIGP_OK);
        assert_int_equal(place.index, index);
        assert_int_equal(place.flags & MIGP_MULTIFD_CONFIG, index == added - 1);
    }
    assert_int_equal(migp_multifd_order_next(order, &place), MIGP_ERR_STATE);
    assert_int_equal(migp_multifd_order_finish(order, NULL, NULL), MIGP_OK);
}

static void test_order__every_device_of_every_capture(void **state)
{
    size_t devices = 0;
    size_t i;
    size_t j;
    int backwards;

    (void)state;
    for (i = 0; i < channels.count; i++) {
        struct seen_list *list = whole_of(&channels.files[i]);

        for (j = 0; j < list->count; j++) {
            const struct seen *seen = &list->items[j];

            if (seen->kind != MIGP_MULTIFD_EVENT_DEVICE) {
                continue;
            }
            for (backwards = 0; backwards < 2; backwards++) {
                struct migp_multifd_order *order;
                size_t added;

                assert_int_equal(migp_multifd_order_new(&order, 0), MIGP_OK);
                added = fill(order, &channels.files[i], seen->digest,
                             seen->instance_id, backwards);
                assert_true(added >= 2);
                drain(order, added);
                migp_multifd_order_free(order);
            }
            devices++;
        }
        free(list);
    }
    assert_true(devices >= 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_feed__in_pieces_of_every_kind),
        cmocka_unit_test(test_feed__every_cut_in_a_head),
        cmocka_unit_test(test_skip__passes_over_ram_and_data),
        cmocka_unit_test(test_finish__only_between_two_packets),
        cmocka_unit_test(test_encode__starts_and_heads_again),
        cmocka_unit_test(test_order__every_device_of_every_capture),
    };

    return cmocka_run_group_tests_name("capture_channels", tests, load_all,
                                       free_all);
}
