/* SPDX-License-Identifier: MIT */
#include "cmocka_all.h"

#include <migproto/multifd.h>
#include <stdlib.h>
#include <string.h>

/* [MF-1] */
static void test_init_encode__bytes(void **state)
{
    static const uint8_t start[] = {0x11, 0x22, 0x33, 0x44, 0, 0, 0, 1};
    struct migp_multifd_init init = {.channel_id = 200};
    uint8_t bytes[65];
    size_t i;

    (void)state;
    memset(bytes, 0xee, sizeof(bytes));
    memset(init.uuid, 0x5a, sizeof(init.uuid));
    assert_int_equal(migp_multifd_init_encode(&init, bytes, 64), 64);
    assert_memory_equal(bytes, start, 8);
    assert_int_equal(bytes[8], 0x5a);
    assert_int_equal(bytes[23], 0x5a);
    assert_int_equal(bytes[24], 200);
    for (i = 25; i < 64; i++) {
        assert_int_equal(bytes[i], 0);
    }
    assert_int_equal(bytes[64], 0xee);
    assert_int_equal(migp_multifd_init_encode(&init, bytes, 63),
                     MIGP_ERR_NO_SPACE);
    init.channel_id = 256;
    assert_int_equal(migp_multifd_init_encode(&init, bytes, 64),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_multifd_init_encode(NULL, bytes, 64),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_multifd_init_encode(&init, NULL, 64),
                     MIGP_ERR_INVALID_ARGUMENT);
}

/* [MF-4] */
static void test_packet_encode__bytes(void **state)
{
    static const uint8_t start[] = {0x11, 0x22, 0x33, 0x44, 0, 0,
                                    0,    1,    0,    0,    0, 0x40};
    static const uint8_t end[] = {0,    0,    0, 9, 0x01, 0x02, 0x03,
                                  0x10, 0,    0, 0, 0,    0xa1, 0xa2,
                                  0xa3, 0xa4, 0, 0, 0,    1};
    const struct migp_multifd_packet packet = {.idstr = "s/vfio",
                                               .instance_id = 9,
                                               .index = 0xa1a2a3a4,
                                               .flags = 1,
                                               .size = 0x01020304};
    uint8_t bytes[289];
    size_t i;

    (void)state;
    memset(bytes, 0xee, sizeof(bytes));
    assert_int_equal(migp_multifd_packet_encode(&packet, bytes, 288), 288);
    assert_memory_equal(bytes, start, 12);
    assert_memory_equal(bytes + 12, "s/vfio", 7);
    for (i = 19; i < 268; i++) {
        assert_int_equal(bytes[i], 0);
    }
    assert_memory_equal(bytes + 268, end, 20);
    assert_int_equal(bytes[288], 0xee);
}

static void test_packet_encode__refused(void **state)
{
    struct migp_multifd_packet packet = {.idstr = "vfio"};
    uint8_t bytes[288];
    char name[257];

    (void)state;
    memset(name, 'n', 256);
    name[256] = '\0';
    assert_int_equal(migp_multifd_packet_encode(&packet, bytes, 287),
                     MIGP_ERR_NO_SPACE);
    packet.size = UINT32_MAX - 12;
    assert_int_equal(migp_multifd_packet_encode(&packet, bytes, 288), 288);
    packet.size = UINT32_MAX - 11;
    assert_int_equal(migp_multifd_packet_encode(&packet, bytes, 288),
                     MIGP_ERR_INVALID_ARGUMENT);
    packet.size = 0;
    packet.idstr = name;
    assert_int_equal(migp_multifd_packet_encode(&packet, bytes, 288),
                     MIGP_ERR_INVALID_ARGUMENT);
    packet.idstr = name + 1;
    assert_int_equal(migp_multifd_packet_encode(&packet, bytes, 288), 288);
    packet.idstr = "";
    assert_int_equal(migp_multifd_packet_encode(&packet, bytes, 288),
                     MIGP_ERR_INVALID_ARGUMENT);
    packet.idstr = NULL;
    assert_int_equal(migp_multifd_packet_encode(&packet, bytes, 288),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_multifd_packet_encode(NULL, bytes, 288),
                     MIGP_ERR_INVALID_ARGUMENT);
    packet.idstr = "vfio";
    assert_int_equal(migp_multifd_packet_encode(&packet, NULL, 288),
                     MIGP_ERR_INVALID_ARGUMENT);
}

/* What is written is read, whatever the numbers. */
static void test_packet_encode__read_again(void **state)
{
    struct migp_multifd_packet packet = {
        .idstr = "vfio", .index = 3, .flags = 7, .instance_id = 1, .size = 0};
    const struct migp_multifd_init init = {.channel_id = 3};
    struct migp_multifd_event events[2];
    struct migp_multifd_reader *reader;
    uint8_t bytes[64 + 288];
    size_t n_events;

    (void)state;
    assert_int_equal(migp_multifd_init_encode(&init, bytes, 64), 64);
    assert_int_equal(migp_multifd_packet_encode(&packet, bytes + 64, 288), 288);
    assert_int_equal(migp_multifd_reader_new(&reader, NULL, NULL), MIGP_OK);
    assert_int_equal(migp_multifd_reader_feed(reader, bytes, sizeof(bytes),
                                              events, 2, &n_events),
                     sizeof(bytes));
    assert_int_equal(n_events, 2);
    assert_int_equal(events[0].init->channel_id, 3);
    assert_string_equal(events[1].packet->idstr, packet.idstr);
    assert_int_equal(events[1].packet->index, packet.index);
    assert_int_equal(events[1].packet->flags, packet.flags);
    assert_int_equal(events[1].packet->instance_id, packet.instance_id);
    assert_int_equal(events[1].packet->size, 0);
    migp_multifd_reader_free(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_init_encode__bytes),
        cmocka_unit_test(test_packet_encode__bytes),
        cmocka_unit_test(test_packet_encode__refused),
        cmocka_unit_test(test_packet_encode__read_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
