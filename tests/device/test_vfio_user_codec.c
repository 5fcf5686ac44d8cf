/* SPDX-License-Identifier: MIT */
#include "unit/cmocka_all.h"

#include <migproto/vfio_user_codec.h>
#include <string.h>

/*
 * Messages written down by hand from the protocol's tables, little-endian; the
 * tail is not among the bytes.
 */
static const struct golden {
    const char *name;
    const char *hex;
    struct migp_vu_message message;
} golden[] = {
    {"version request",
     "0100 0100 1c000000 00000000 00000000  0000 0200",
     {.id = 1, .command = MIGP_VU_VERSION, .minor = 2, .tail = 8}},
    {"version reply",
     "0100 0100 14000000 01000000 00000000  0100 0300",
     {.id = 1,
      .command = MIGP_VU_VERSION,
      .head_flags = MIGP_VU_REPLY,
      .major = 1,
      .minor = 3}},
    {"map",
     "0201 0200 30000000 00000000 00000000  20000000 03000000 "
     "0010000000000000 0000000100000000 0000200000000000",
     {.id = 0x102,
      .command = MIGP_VU_DMA_MAP,
      .argsz = 32,
      .flags = 3,
      .offset = 0x1000,
      .address = 0x1000000,
      .length = 0x200000}},
    {"map reply",
     "0201 0200 10000000 01000000 00000000",
     {.id = 0x102, .command = MIGP_VU_DMA_MAP, .head_flags = 1}},
    {"unmap",
     "ffff 0300 28000000 00000000 00000000  18000000 00000000 "
     "0000000100000000 0000200000000000",
     {.id = 0xffff,
      .command = MIGP_VU_DMA_UNMAP,
      .argsz = 24,
      .address = 0x1000000,
      .length = 0x200000}},
    {"unmap reply",
     "ffff 0300 28000000 01000000 00000000  18000000 00000000 "
     "0000000100000000 0000200000000000",
     {.id = 0xffff,
      .command = MIGP_VU_DMA_UNMAP,
      .head_flags = 1,
      .argsz = 24,
      .address = 0x1000000,
      .length = 0x200000}},
    {"info",
     "0300 0400 20000000 00000000 00000000  10000000 00000000 00000000 "
     "00000000",
     {.id = 3, .command = MIGP_VU_GET_INFO, .argsz = 16}},
    {"info reply",
     "0300 0400 20000000 01000000 00000000  10000000 03000000 09000000 "
     "05000000",
     {.id = 3,
      .command = MIGP_VU_GET_INFO,
      .head_flags = 1,
      .argsz = 16,
      .flags = 3,
      .num_regions = 9,
      .num_irqs = 5}},
    {"region info",
     "0400 0500 30000000 00000000 00000000  20000000 00000000 07000000 "
     "00000000 0000000000000000 0000000000000000",
     {.id = 4, .command = MIGP_VU_REGION_INFO, .argsz = 32, .region = 7}},
    {"region info reply with capabilities",
     "0400 0500 40000000 01000000 00000000  30000000 0b000000 07000000 "
     "00000000 0010000000000000 0000007000000000",
     {.id = 4,
      .command = MIGP_VU_REGION_INFO,
      .head_flags = 1,
      .argsz = 48,
      .flags = 11,
      .region = 7,
      .length = 4096,
      .offset = 0x70000000,
      .tail = 16}},
    {"region read",
     "0500 0900 20000000 00000000 00000000  0400000000000000 07000000 "
     "02000000",
     {.id = 5,
      .command = MIGP_VU_REGION_READ,
      .offset = 4,
      .region = 7,
      .count = 2}},
    {"region read reply",
     "0500 0900 22000000 01000000 00000000  0400000000000000 07000000 "
     "02000000",
     {.id = 5,
      .command = MIGP_VU_REGION_READ,
      .head_flags = 1,
      .offset = 4,
      .region = 7,
      .count = 2,
      .tail = 2}},
    {"region write",
     "0600 0a00 24000000 00000000 00000000  0000010000000000 00000000 "
     "04000000",
     {.id = 6,
      .command = MIGP_VU_REGION_WRITE,
      .offset = 0x10000,
      .count = 4,
      .tail = 4}},
    {"region write reply",
     "0600 0a00 20000000 01000000 00000000  0000010000000000 00000000 "
     "04000000",
     {.id = 6,
      .command = MIGP_VU_REGION_WRITE,
      .head_flags = 1,
      .offset = 0x10000,
      .count = 4}},
    {"DMA read",
     "0700 0b00 20000000 00000000 00000000  0000000100000000 "
     "0002000000000000",
     {.id = 7, .command = MIGP_VU_DMA_READ, .address = 1 << 24, .length = 512}},
    {"DMA read reply",
     "0700 0b00 20020000 01000000 00000000  0000000100000000 "
     "0002000000000000",
     {.id = 7,
      .command = MIGP_VU_DMA_READ,
      .head_flags = 1,
      .address = 1 << 24,
      .length = 512,
      .tail = 512}},
    {"DMA write without a reply",
     "0800 0c00 20020000 10000000 00000000  0000000100000000 "
     "0002000000000000",
     {.id = 8,
      .command = MIGP_VU_DMA_WRITE,
      .head_flags = MIGP_VU_NO_REPLY,
      .address = 1 << 24,
      .length = 512,
      .tail = 512}},
    {"DMA write reply",
     "0800 0c00 20000000 01000000 00000000  0000000100000000 "
     "0002000000000000",
     {.id = 8,
      .command = MIGP_VU_DMA_WRITE,
      .head_flags = 1,
      .address = 1 << 24,
      .length = 512}},
    {"reset",
     "0900 0d00 10000000 00000000 00000000",
     {.id = 9, .command = MIGP_VU_RESET}},
    {"reset reply",
     "0900 0d00 10000000 01000000 00000000",
     {.id = 9, .command = MIGP_VU_RESET, .head_flags = 1}},
    {"feature",
     "0a00 1000 20000000 00000000 00000000  10000000 02000200",
     {.id = 10,
      .command = MIGP_VU_DEVICE_FEATURE,
      .argsz = 16,
      .flags = 0x20002,
      .tail = 8}},
    {"feature reply",
     "0a00 1000 20000000 01000000 00000000  10000000 02000100",
     {.id = 10,
      .command = MIGP_VU_DEVICE_FEATURE,
      .head_flags = 1,
      .argsz = 16,
      .flags = 0x10002,
      .tail = 8}},
    {"data read",
     "0b00 1100 18000000 00000000 00000000  08001000 00001000",
     {.id = 11,
      .command = MIGP_VU_MIG_DATA_READ,
      .argsz = 8 + (1 << 20),
      .count = 1 << 20}},
    {"data read reply, longer than its count",
     "0b00 1100 00040000 01000000 00000000  f0030000 00000000",
     {.id = 11,
      .command = MIGP_VU_MIG_DATA_READ,
      .head_flags = 1,
      .argsz = 1008,
      .tail = 1000}},
    {"data write",
     "0c00 1200 1c000000 00000000 00000000  0c000000 04000000",
     {.id = 12,
      .command = MIGP_VU_MIG_DATA_WRITE,
      .argsz = 12,
      .count = 4,
      .tail = 4}},
    {"data write reply",
     "0c00 1200 10000000 01000000 00000000",
     {.id = 12, .command = MIGP_VU_MIG_DATA_WRITE, .head_flags = 1}},
    {"error that repeats the request",
     "2101 1000 20000000 21000000 efbe0000",
     {.id = 0x121,
      .command = MIGP_VU_DEVICE_FEATURE,
      .head_flags = 33,
      .error_number = 48879,
      .tail = 16}},
    {"error without a number",
     "2101 1100 10000000 21000000 00000000",
     {.id = 0x121, .command = MIGP_VU_MIG_DATA_READ, .head_flags = 33}},
};

static size_t from_hex(const char *hex, uint8_t *bytes)
{
    size_t size = 0;

    for (; *hex; hex++) {
        char pair[3] = {hex[0], 0, 0};

        if (*hex != ' ') {
            pair[1] = *++hex;
            bytes[size++] = (uint8_t)strtoul(pair, NULL, 16);
        }
    }
    return size;
}

static struct migp_vu_message sized(const struct golden *one)
{
    struct migp_vu_message message = one->message;

    message.struct_size = sizeof(message);
    return message;
}

static void test_encode__golden(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(golden); i++) {
        struct migp_vu_message message = sized(&golden[i]);
        uint8_t expected[MIGP_VU_FIXED_MAX];
        uint8_t bytes[MIGP_VU_FIXED_MAX];
        size_t size = from_hex(golden[i].hex, expected);
        size_t room;

        print_message("%s\n", golden[i].name);
        for (room = 0; room < size; room++) {
            assert_int_equal(migp_vu_encode(&message, bytes, room),
                             MIGP_ERR_NO_SPACE);
        }
        assert_int_equal(migp_vu_encode(&message, bytes, size), size);
        assert_memory_equal(bytes, expected, size);
    }
}

static void test_decode__golden_and_every_prefix(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(golden); i++) {
        struct migp_vu_message expected = sized(&golden[i]);
        struct migp_vu_message message;
        uint8_t bytes[MIGP_VU_FIXED_MAX];
        size_t size = from_hex(golden[i].hex, bytes);
        size_t cut;

        print_message("%s\n", golden[i].name);
        memset(&message, 0xa5, sizeof(message));
        message.struct_size = sizeof(message);
        for (cut = 0; cut < size; cut++) {
            uint8_t *exact = malloc(cut + 1);

            memcpy(exact, bytes, cut);
            assert_int_equal(migp_vu_decode(exact, cut, &message, NULL),
                             MIGP_ERR_NEED_MORE);
            assert_int_equal(message.id, 0xa5a5);
            free(exact);
        }
        assert_int_equal(migp_vu_decode(bytes, size, &message, NULL), size);
        assert_memory_equal(&message, &expected, sizeof(message));
    }
}

/* One message with one of its first 16-bit words and so on changed. */
static migp_ssize decode_changed(const char *hex, size_t at, uint32_t value,
                                 struct migp_error *error)
{
    struct migp_vu_message message = {.struct_size = sizeof(message)};
    uint8_t bytes[MIGP_VU_FIXED_MAX];
    size_t size = from_hex(hex, bytes);

    memcpy(bytes + at, &value, 4);
    return migp_vu_decode(bytes, size, &message, error);
}

#define FEATURE "0a00 1000 20000000 00000000 00000000  10000000 02000200"
#define READ_REPLY "0b00 1100 1c000000 01000000 00000000  0c000000 04000000"
#define RESET_REPLY "0900 0d00 10000000 01000000 00000000"
#define DMA_WRITE                                                              \
    "0800 0c00 20020000 00000000 00000000  0000000100000000 0002000000000000"

static void test_decode__sizes(void **state)
{
    const uint32_t max = MIGP_VU_MESSAGE_MAX;
    struct migp_error error = MIGP_ERROR_INIT;

    (void)state;
    assert_int_equal(decode_changed(FEATURE, 4, 15, &error),
                     MIGP_ERR_MALFORMED);
    assert_int_equal(error.code, MIGP_ERR_MALFORMED);
    assert_non_null(strstr(error.text, "15 bytes"));
    assert_int_equal(decode_changed(FEATURE, 4, 23, NULL), MIGP_ERR_MALFORMED);
    assert_int_equal(decode_changed(FEATURE, 4, 24, NULL), 24);
    assert_int_equal(decode_changed(FEATURE, 4, max, NULL), 24);
    assert_int_equal(decode_changed(FEATURE, 4, max + 1, NULL), MIGP_ERR_LIMIT);
    assert_int_equal(decode_changed(FEATURE, 4, UINT32_MAX, NULL),
                     MIGP_ERR_LIMIT);
    /* a tail where there is none, and one that is not what it says */
    assert_int_equal(decode_changed(RESET_REPLY, 4, 17, NULL),
                     MIGP_ERR_MALFORMED);
    assert_int_equal(decode_changed(READ_REPLY, 20, 3, NULL), 24);
    assert_int_equal(decode_changed(READ_REPLY, 20, 4, NULL), 24);
    assert_int_equal(decode_changed(READ_REPLY, 20, 5, NULL),
                     MIGP_ERR_MALFORMED);
    assert_int_equal(decode_changed(DMA_WRITE, 24, 511, NULL),
                     MIGP_ERR_MALFORMED);
    assert_int_equal(decode_changed(DMA_WRITE, 24, 512, NULL), 32);
    assert_int_equal(decode_changed(DMA_WRITE, 28, 1, NULL),
                     MIGP_ERR_MALFORMED);
}

static void test_decode__kinds_and_commands(void **state)
{
    uint32_t command;
    uint32_t flags;

    (void)state;
    for (flags = 0; flags < 64; flags++) {
        uint32_t kind = flags & 15;
        migp_ssize expected = MIGP_ERR_MALFORMED;

        if (kind == 0 && (flags & MIGP_VU_ERROR) == 0) {
            expected = 24;
        } else if (kind == MIGP_VU_REPLY) {
            expected = flags & MIGP_VU_ERROR ? MIGP_VU_HEAD_SIZE : 24;
        }
        assert_int_equal(decode_changed(FEATURE, 8, flags, NULL), expected);
    }
    for (command = 0; command < 65536; command++) {
        static const char known[] = "\1\2\3\4\5\11\12\13\14\15\20\21\22";
        bool is_known =
            command < 128 && command > 0 && strchr(known, (int)command);
        struct migp_vu_message message = {.struct_size = sizeof(message)};
        uint8_t bytes[MIGP_VU_FIXED_MAX] = {0};
        migp_ssize got;

        memcpy(bytes + 2, &command, 2);
        bytes[4] = 16;
        bytes[8] = 33;
        got = migp_vu_decode(bytes, 16, &message, NULL);
        assert_int_equal(got, is_known ? 16 : MIGP_ERR_MALFORMED);
    }
}

static void test_encode__refuses(void **state)
{
    static const struct migp_vu_message bad[] = {
        {.command = 0},
        {.command = 6},
        {.command = 14},
        {.command = 15},
        {.command = MIGP_VU_RESET, .head_flags = 2},
        {.command = MIGP_VU_RESET, .head_flags = MIGP_VU_ERROR},
        {.command = MIGP_VU_RESET, .tail = 1},
        {.command = MIGP_VU_MIG_DATA_WRITE, .count = 4, .tail = 3},
        {.command = MIGP_VU_MIG_DATA_WRITE, .count = 4, .tail = 5},
        {.command = MIGP_VU_MIG_DATA_READ,
         .head_flags = MIGP_VU_REPLY,
         .count = 4,
         .tail = 3},
        {.command = MIGP_VU_DMA_READ,
         .head_flags = MIGP_VU_REPLY,
         .length = 4,
         .tail = 3},
        {.command = MIGP_VU_DEVICE_FEATURE, .tail = MIGP_VU_MESSAGE_MAX - 23},
        {.command = MIGP_VU_DEVICE_FEATURE, .tail = UINT64_MAX},
    };
    struct migp_vu_message most = {.struct_size = sizeof(most),
                                   .command = MIGP_VU_DEVICE_FEATURE,
                                   .tail = MIGP_VU_MESSAGE_MAX - 24};
    uint8_t bytes[MIGP_VU_FIXED_MAX];
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(bad); i++) {
        struct migp_vu_message message = bad[i];

        message.struct_size = sizeof(message);
        assert_int_equal(migp_vu_encode(&message, bytes, sizeof(bytes)),
                         MIGP_ERR_INVALID_ARGUMENT);
    }
    assert_int_equal(migp_vu_encode(&most, bytes, sizeof(bytes)), 24);
    assert_int_equal(migp_vu_encode(NULL, bytes, sizeof(bytes)),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_vu_encode(&most, NULL, 0), MIGP_ERR_INVALID_ARGUMENT);
    most.struct_size = 0;
    assert_int_equal(migp_vu_encode(&most, bytes, sizeof(bytes)),
                     MIGP_ERR_INVALID_ARGUMENT);
}

static void test_decode__struct_size(void **state)
{
    struct {
        struct migp_vu_message message;
        uint8_t newer[16];
    } larger;
    struct migp_vu_message shorter = {.tail = 77};
    uint8_t bytes[MIGP_VU_FIXED_MAX];
    size_t size = from_hex(FEATURE, bytes);

    (void)state;
    memset(&larger, 0xff, sizeof(larger));
    larger.message.struct_size = sizeof(larger);
    assert_int_equal(migp_vu_decode(bytes, size, &larger.message, NULL), 24);
    assert_int_equal(larger.newer[0] | larger.newer[15], 0);
    assert_int_equal(larger.message.tail, 8);
    shorter.struct_size = offsetof(struct migp_vu_message, tail);
    assert_int_equal(migp_vu_decode(bytes, size, &shorter, NULL), 24);
    assert_int_equal(shorter.argsz, 16);
    assert_int_equal(shorter.tail, 77);
    shorter.struct_size = 3;
    assert_int_equal(migp_vu_decode(bytes, size, &shorter, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_vu_decode(bytes, size, NULL, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_vu_decode(NULL, 1, &larger.message, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encode__golden),
        cmocka_unit_test(test_decode__golden_and_every_prefix),
        cmocka_unit_test(test_decode__sizes),
        cmocka_unit_test(test_decode__kinds_and_commands),
        cmocka_unit_test(test_encode__refuses),
        cmocka_unit_test(test_decode__struct_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
