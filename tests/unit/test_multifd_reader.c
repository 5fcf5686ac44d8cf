/* SPDX-License-Identifier: MIT */
#include "cmocka_all.h"
#include "support/build.h"

#include <migproto/multifd.h>
#include <stdlib.h>
#include <string.h>

/* Everything a reader said, in an order that a cut does not change. */
struct told {
    size_t n_init, n_ram, n_device;
    uint64_t ram_bytes;
    uint64_t device_offset[8];
    uint32_t index[8];
    uint32_t flags[8];
    char idstr[8][256];
    uint8_t data[4096];
    size_t n_data;
    struct migp_multifd_init init;
    migp_ssize code;
    int finish;
    struct migp_error error;
};

static void take(struct told *told, const struct migp_multifd_event *event)
{
    switch (event->kind) {
    case MIGP_MULTIFD_EVENT_INIT:
        assert_int_equal(event->offset, 0);
        assert_int_equal(event->size, MIGP_MULTIFD_INIT_SIZE);
        told->init = *event->init;
        told->n_init++;
        break;
    case MIGP_MULTIFD_EVENT_RAM:
        told->n_ram++;
        told->ram_bytes += event->size;
        break;
    case MIGP_MULTIFD_EVENT_DEVICE:
        assert_in_range(told->n_device, 0, 7);
        assert_int_equal(event->size, event->packet->size);
        told->device_offset[told->n_device] = event->offset;
        told->index[told->n_device] = event->packet->index;
        told->flags[told->n_device] = event->packet->flags;
        strcpy(told->idstr[told->n_device], event->packet->idstr);
        told->n_device++;
        break;
    case MIGP_MULTIFD_EVENT_DATA:
        assert_true(event->size > 0);
        assert_true(told->n_data + event->size <= sizeof(told->data));
        memcpy(told->data + told->n_data, event->bytes, (size_t)event->size);
        told->n_data += (size_t)event->size;
        break;
    default:
        fail();
    }
}

/* Feed pieces of at most chunk bytes, as need() says. */
static void read_in(struct told *told, const uint8_t *bytes, size_t size,
                    size_t chunk, size_t max_events,
                    const struct migp_multifd_options *options)
{
    struct migp_multifd_event events[4];
    struct migp_multifd_reader *reader;
    size_t at = 0, shown = 0, n_events, i;

    memset(told, 0, sizeof(*told));
    migp_error_init(&told->error);
    assert_int_equal(migp_multifd_reader_new(&reader, options, NULL), MIGP_OK);
    for (;;) {
        size_t left = shown - at;
        uint8_t *exact = malloc(left > 0 ? left : 1);

        assert_non_null(exact);
        memcpy(exact, bytes + at, left);
        told->code = migp_multifd_reader_feed(reader, exact, left, events,
                                              max_events, &n_events);
        assert_in_range(n_events, 0, max_events);
        for (i = 0; i < n_events; i++) {
            take(told, &events[i]);
        }
        free(exact);
        if (told->code < 0) {
            struct migp_multifd_event again;

            assert_int_equal(
                migp_multifd_reader_feed(reader, "", 0, &again, 1, &n_events),
                told->code);
            break;
        }
        at += (size_t)told->code;
        assert_int_equal(migp_multifd_reader_offset(reader), at);
        if (told->code == 0 && n_events == 0) {
            if (shown == size) {
                break;
            }
            if (at < shown) {
                assert_true(migp_multifd_reader_need(reader) > shown - at);
            }
            shown = size - shown < chunk ? size : shown + chunk;
        }
    }
    told->finish = migp_multifd_reader_finish(reader, shown - at, &told->error);
    if (told->code > 0) {
        told->code = MIGP_OK;
    }
    migp_multifd_reader_free(reader);
}

static void build_init(struct build *build, uint8_t id)
{
    build_u32(build, 0x11223344);
    build_u32(build, 1);
    build_fill(build, 16, 0xab);
    build_u8(build, id);
    build_fill(build, 39, 0);
}

static void build_ram(struct build *build, uint32_t flags, uint32_t pages,
                      uint32_t next, unsigned room)
{
    build_u32(build, 0x11223344);
    build_u32(build, 1);
    build_u32(build, flags);
    build_u32(build, pages);
    build_u32(build, pages);
    build_u32(build, next);
    build_u64(build, 7);
    build_fill(build, 320 - 32 + 8 * (size_t)room, 0);
    build_fill(build, next, 0x11);
}

static void build_packet(struct build *build, const char *idstr, uint32_t index,
                         uint32_t flags, size_t size)
{
    build_u32(build, 0x11223344);
    build_u32(build, 1);
    build_u32(build, 0x40);
    build_text(build, idstr);
    build_fill(build, 256 - strlen(idstr), 0);
    build_u32(build, 3);
    build_u32(build, (uint32_t)size + 12);
    build_u32(build, 0);
    build_u32(build, index);
    build_u32(build, flags);
    build_fill(build, size, (uint8_t)(index + 1));
}

/* A channel of everything. */
static void build_channel(struct build *build)
{
    build_init(build, 5);
    build_ram(build, 1, 0, 0, 128);
    build_packet(build, "0000:00:02.0/vfio", 0, 0, 10);
    build_ram(build, 0, 2, 77, 128);
    build_packet(build, "0000:00:02.0/vfio", 2, 0, 0);
    build_packet(build, "vfio", 3, 0xffffffff, 20);
}

static void assert_everything(const struct told *told)
{
    uint8_t data[30];

    memset(data, 1, 10);
    memset(data + 10, 4, 20);
    assert_int_equal(told->code, MIGP_OK);
    assert_int_equal(told->finish, MIGP_OK);
    assert_int_equal(told->n_init, 1);
    assert_int_equal(told->init.channel_id, 5);
    assert_int_equal(told->init.version, 1);
    assert_int_equal(told->init.uuid[0], 0xab);
    assert_int_equal(told->init.uuid[15], 0xab);
    assert_int_equal(told->n_ram, 2);
    assert_true(told->ram_bytes == 2 * 1344 + 77);
    assert_int_equal(told->n_device, 3);
    assert_true(told->device_offset[0] == 64 + 1344);
    assert_true(told->device_offset[1] == 64 + 1344 + 298 + 1344 + 77);
    assert_int_equal(told->index[0], 0);
    assert_int_equal(told->index[1], 2);
    assert_int_equal(told->index[2], 3);
    assert_int_equal(told->flags[2], 0xffffffff);
    assert_string_equal(told->idstr[0], "0000:00:02.0/vfio");
    assert_string_equal(told->idstr[2], "vfio");
    assert_int_equal(told->n_data, 30);
    assert_memory_equal(told->data, data, 30);
}

/* [MF-1] [MF-2] [MF-3] [MF-4] */
static void test_feed__any_split_tells_the_same(void **state)
{
    struct build build = {NULL, 0, 0};
    struct told told;
    size_t chunk;

    (void)state;
    build_channel(&build);
    for (chunk = 1; chunk <= build.size; chunk += chunk < 400 ? 1 : 97) {
        read_in(&told, build.bytes, build.size, chunk, 1 + chunk % 4, NULL);
        assert_everything(&told);
    }
    build_free(&build);
}

/* [MF-2] A channel may end between two packets, and nowhere else. */
static void test_finish__every_prefix(void **state)
{
    static const size_t ends[] = {64, 64 + 1344, 64 + 1344 + 298,
                                  64 + 1344 + 298 + 1421,
                                  64 + 1344 + 298 + 1421 + 288};
    struct build build = {NULL, 0, 0};
    struct told told;
    size_t size, i;

    (void)state;
    build_channel(&build);
    for (size = 0; size < build.size; size++) {
        bool is_end = false;

        for (i = 0; i < N_TESTS(ends); i++) {
            is_end |= size == ends[i];
        }
        read_in(&told, build.bytes, size, size + 1, 4, NULL);
        assert_int_equal(told.code, MIGP_OK);
        assert_int_equal(told.finish, is_end ? MIGP_OK : MIGP_ERR_TRUNCATED);
        if (!is_end) {
            assert_int_equal(told.error.finding, MIGP_FINDING_TRUNCATED);
            assert_true(told.error.offset == size);
            assert_true(told.error.expected > 0);
            assert_true(told.error.value <= size);
        }
    }
    build_free(&build);
}

/* [MF-3] */
static void test_feed__page_sizes(void **state)
{
    static const uint32_t sizes[] = {1024, 4096, 16384, 65536};
    struct told told;
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(sizes); i++) {
        struct build build = {NULL, 0, 0};
        struct migp_multifd_options options;
        unsigned room = 524288 / sizes[i];

        migp_multifd_options_init(&options);
        options.page_size = sizes[i];
        build_init(&build, 0);
        build_ram(&build, 0, room, 5, room);
        build_packet(&build, "vfio", 0, 0, 1);
        read_in(&told, build.bytes, build.size, 50, 4, &options);
        assert_int_equal(told.finish, MIGP_OK);
        assert_int_equal(told.n_device, 1);
        assert_true(told.ram_bytes == 320 + 8 * room + 5);
        build_free(&build);
    }
}

struct fault {
    size_t at; /* of a be32 that is changed */
    uint32_t value;
    int code;
    uint32_t finding;
    size_t offset;
};

static void assert_faults(const struct build *good, const struct fault *faults,
                          size_t n_faults)
{
    size_t i, k;

    for (i = 0; i < n_faults; i++) {
        uint8_t *bytes = malloc(good->size);
        struct told told;

        assert_non_null(bytes);
        memcpy(bytes, good->bytes, good->size);
        for (k = 0; k < 4; k++) {
            bytes[faults[i].at + k] =
                (uint8_t)(faults[i].value >> (24 - 8 * k));
        }
        read_in(&told, bytes, good->size, 1 + i * 100, 4, NULL);
        assert_int_equal(told.code, faults[i].code);
        assert_int_equal(told.finish, faults[i].code);
        assert_int_equal(told.error.finding, faults[i].finding);
        assert_true(told.error.offset == faults[i].offset);
        free(bytes);
    }
}

static void test_feed__faults(void **state)
{
    enum {
        RAM = 64,
        DEVICE = 64 + 1344
    };
    static const struct fault faults[] = {
        {0, 0x5145564d, MIGP_ERR_NOT_A_STREAM, MIGP_FINDING_MULTIFD_MAGIC, 0},
        {4, 2, MIGP_ERR_UNSUPPORTED, MIGP_FINDING_MULTIFD_VERSION, 4},
        {RAM, 0x11223345, MIGP_ERR_MALFORMED, MIGP_FINDING_MULTIFD_MAGIC, RAM},
        {RAM + 4, 0, MIGP_ERR_UNSUPPORTED, MIGP_FINDING_MULTIFD_VERSION,
         RAM + 4},
        {RAM + 8, 0x80, MIGP_ERR_MALFORMED, MIGP_FINDING_PACKET_FLAGS, RAM + 8},
        {RAM + 8, 0x41, MIGP_ERR_MALFORMED, MIGP_FINDING_PACKET_FLAGS, RAM + 8},
        {RAM + 12, 129, MIGP_ERR_MALFORMED, MIGP_FINDING_PACKET_PAGES,
         RAM + 12},
        {RAM + 16, 1, MIGP_ERR_MALFORMED, MIGP_FINDING_PACKET_NORMAL, RAM + 16},
        {RAM + 20, (1u << 30) + 1, MIGP_ERR_LIMIT, MIGP_FINDING_PACKET_TOO_BIG,
         RAM + 20},
        {DEVICE + 12, 0, MIGP_ERR_MALFORMED, MIGP_FINDING_PACKET_IDSTR,
         DEVICE + 12},
        {DEVICE + 264, 1, MIGP_ERR_MALFORMED, MIGP_FINDING_PACKET_IDSTR,
         DEVICE + 12},
        {DEVICE + 272, 0, MIGP_ERR_MALFORMED, MIGP_FINDING_PACKET_TOO_SMALL,
         DEVICE + 272},
        {DEVICE + 272, 11, MIGP_ERR_MALFORMED, MIGP_FINDING_PACKET_TOO_SMALL,
         DEVICE + 272},
        {DEVICE + 272, (1u << 30) + 13, MIGP_ERR_LIMIT,
         MIGP_FINDING_PACKET_TOO_BIG, DEVICE + 272},
        {DEVICE + 272, 0xffffffff, MIGP_ERR_LIMIT, MIGP_FINDING_PACKET_TOO_BIG,
         DEVICE + 272},
        {DEVICE + 276, 1, MIGP_ERR_UNSUPPORTED, MIGP_FINDING_PACKET_VERSION,
         DEVICE + 276},
    };
    struct build build = {NULL, 0, 0};

    (void)state;
    build_channel(&build);
    assert_faults(&build, faults, N_TESTS(faults));
    build_free(&build);
}

/* [MF-4] The limit itself is allowed; so is any compression of RAM. */
static void test_feed__at_the_limits(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_multifd_options options;
    struct told told;

    (void)state;
    migp_multifd_options_init(&options);
    options.max_packet = 20;
    build_init(&build, 255);
    build_ram(&build, 0x3f, 128, 20, 128);
    build_packet(&build, "vfio", 0, 0, 20);
    read_in(&told, build.bytes, build.size, 1000, 4, &options);
    assert_int_equal(told.finish, MIGP_OK);
    assert_int_equal(told.init.channel_id, 255);
    assert_int_equal(told.n_data, 20);
    options.max_packet = 19;
    read_in(&told, build.bytes, build.size, 1000, 4, &options);
    assert_int_equal(told.code, MIGP_ERR_LIMIT);
    assert_true(told.error.value == 20 && told.error.expected == 19);
    build_free(&build);
}

/* The head of a packet stays good until its events have been read. */
static void test_feed__one_packet_at_a_time(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_multifd_reader *reader;
    struct migp_multifd_event events[8];
    size_t n_events;
    migp_ssize used;

    (void)state;
    build_init(&build, 0);
    build_packet(&build, "vfio", 0, 0, 0);
    build_packet(&build, "a/vfio", 1, 0, 1);
    assert_int_equal(migp_multifd_reader_new(&reader, NULL, NULL), MIGP_OK);
    used = migp_multifd_reader_feed(reader, build.bytes, build.size, events, 8,
                                    &n_events);
    assert_int_equal(n_events, 2);
    assert_int_equal(used, 64 + 288);
    assert_string_equal(events[1].packet->idstr, "vfio");
    used = migp_multifd_reader_feed(reader, build.bytes + used,
                                    build.size - (size_t)used, events, 8,
                                    &n_events);
    assert_int_equal(n_events, 2);
    assert_string_equal(events[0].packet->idstr, "a/vfio");
    assert_int_equal(events[0].packet->instance_id, 3);
    assert_int_equal(events[1].kind, MIGP_MULTIFD_EVENT_DATA);
    migp_multifd_reader_free(reader);
    build_free(&build);
}

static void test_skip__payload(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_multifd_reader *reader;
    struct migp_multifd_event events[8];
    size_t n_events, at = 0;

    (void)state;
    build_init(&build, 0);
    build_ram(&build, 0, 1, 100, 128);
    build_packet(&build, "vfio", 0, 0, 50);
    assert_int_equal(migp_multifd_reader_new(&reader, NULL, NULL), MIGP_OK);
    assert_int_equal(migp_multifd_reader_skippable(reader), 0);
    at += (size_t)migp_multifd_reader_feed(reader, build.bytes, 64 + 24, events,
                                           8, &n_events);
    assert_int_equal(at, 64 + 24);
    assert_true(migp_multifd_reader_skippable(reader) == 1344 - 24 + 100);
    assert_int_equal(migp_multifd_reader_skip(reader, 1344 - 24 + 101),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_multifd_reader_skip(reader, 0), MIGP_OK);
    assert_int_equal(migp_multifd_reader_skip(reader, 1344 - 24 + 100),
                     MIGP_OK);
    at = 64 + 1344 + 100;
    assert_true(migp_multifd_reader_offset(reader) == at);
    (void)migp_multifd_reader_feed(reader, build.bytes + at, 288, events, 8,
                                   &n_events);
    assert_true(migp_multifd_reader_skippable(reader) == 50);
    assert_int_equal(migp_multifd_reader_skip(reader, 20), MIGP_OK);
    (void)migp_multifd_reader_feed(reader, build.bytes + at + 308, 30, events,
                                   8, &n_events);
    assert_int_equal(n_events, 1);
    assert_true(events[0].offset == at + 308 && events[0].size == 30);
    assert_int_equal(migp_multifd_reader_finish(reader, 0, NULL), MIGP_OK);
    migp_multifd_reader_free(reader);
    build_free(&build);
}

static void test_arguments(void **state)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_multifd_options options;
    struct migp_multifd_reader *reader;
    struct migp_multifd_event event;
    size_t n_events;

    (void)state;
    migp_multifd_options_init(NULL);
    migp_multifd_options_init(&options);
    assert_int_equal(migp_multifd_reader_new(NULL, NULL, &error),
                     MIGP_ERR_INVALID_ARGUMENT);
    options.page_size = 512;
    assert_int_equal(migp_multifd_reader_new(&reader, &options, &error),
                     MIGP_ERR_INVALID_ARGUMENT);
    options.page_size = 131072;
    assert_int_equal(migp_multifd_reader_new(&reader, &options, &error),
                     MIGP_ERR_INVALID_ARGUMENT);
    options.page_size = 4097;
    assert_int_equal(migp_multifd_reader_new(&reader, &options, &error),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_null(reader);
    assert_int_equal(migp_multifd_reader_new(&reader, NULL, NULL), MIGP_OK);
    assert_int_equal(
        migp_multifd_reader_feed(NULL, "", 0, &event, 1, &n_events),
        MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(
        migp_multifd_reader_feed(reader, NULL, 1, &event, 1, &n_events),
        MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(
        migp_multifd_reader_feed(reader, "", 0, NULL, 1, &n_events),
        MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(
        migp_multifd_reader_feed(reader, "", 0, &event, 0, &n_events),
        MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_multifd_reader_feed(reader, "", 0, &event, 1, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(
        migp_multifd_reader_feed(reader, NULL, 0, &event, 1, &n_events), 0);
    assert_int_equal(migp_multifd_reader_need(reader), 64);
    assert_int_equal(migp_multifd_reader_need(NULL), 0);
    assert_true(migp_multifd_reader_skippable(NULL) == 0);
    assert_true(migp_multifd_reader_offset(NULL) == 0);
    assert_int_equal(migp_multifd_reader_skip(NULL, 0),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_multifd_reader_finish(NULL, 0, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_multifd_reader_error(NULL, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_multifd_reader_finish(reader, 0, &error),
                     MIGP_ERR_TRUNCATED);
    assert_true(error.expected == 64);
    assert_int_equal(migp_multifd_reader_error(reader, NULL),
                     MIGP_ERR_TRUNCATED);
    migp_multifd_reader_free(reader);
    migp_multifd_reader_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_feed__any_split_tells_the_same),
        cmocka_unit_test(test_finish__every_prefix),
        cmocka_unit_test(test_feed__page_sizes),
        cmocka_unit_test(test_feed__faults),
        cmocka_unit_test(test_feed__at_the_limits),
        cmocka_unit_test(test_feed__one_packet_at_a_time),
        cmocka_unit_test(test_skip__payload),
        cmocka_unit_test(test_arguments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
