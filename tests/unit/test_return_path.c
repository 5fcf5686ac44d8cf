/* SPDX-License-Identifier: MIT */
#include "cmocka_all.h"

#include "support/build.h"
#include "support/file.h"

#include <migproto/return_path.h>
#include <string.h>

static const struct {
    uint32_t kind;
    uint16_t length;
    const char *body; /* hex */
    uint32_t value;
    uint64_t start;
    uint32_t size;
    const char *name;
} good[] = {
    {MIGP_RP_SHUT, 4, "00000001", 1, 0, 0, ""},
    {MIGP_RP_PONG, 4, "deadbeef", 0xdeadbeef, 0, 0, ""},
    {MIGP_RP_REQ_PAGES_ID, 19, "0123456789abcdef 00001000 06 70632e72616d", 0,
     UINT64_C(0x0123456789abcdef), 0x1000, "pc.ram"},
    {MIGP_RP_REQ_PAGES, 12, "00000000 00002000 00001000", 0, 0x2000, 0x1000,
     ""},
    {MIGP_RP_RECV_BITMAP, 4, "03 72616d", 0, 0, 0, "ram"},
    {MIGP_RP_RESUME_ACK, 4, "00000001", 1, 0, 0, ""},
    {MIGP_RP_SWITCHOVER_ACK, 0, "", 0, 0, 0, ""},
};

static void put_hex(struct build *build, const char *hex)
{
    for (; *hex; hex++) {
        char pair[3] = {hex[0], 0, 0};

        if (*hex != ' ') {
            pair[1] = *++hex;
            build_u8(build, (uint8_t)strtoul(pair, NULL, 16));
        }
    }
}

static void put_good(struct build *build, size_t i)
{
    build_u16(build, (uint16_t)good[i].kind);
    build_u16(build, good[i].length);
    put_hex(build, good[i].body);
    assert_int_equal(build->size, 4 + good[i].length);
}

static struct migp_rp_message fresh(void)
{
    struct migp_rp_message message;

    memset(&message, 0xa5, sizeof(message));
    message.struct_size = sizeof(message);
    return message;
}

/* [RP-1] */
static void test_decode__each_kind(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(good); i++) {
        struct build build = {NULL, 0, 0};
        struct migp_rp_message message = fresh();
        struct migp_error error = MIGP_ERROR_INIT;

        put_good(&build, i);
        build_text(&build, "the next message");
        assert_int_equal(
            migp_rp_decode(build.bytes, build.size, &message, &error),
            4 + good[i].length);
        assert_int_equal(message.kind, good[i].kind);
        assert_int_equal(message.value, good[i].value);
        assert_true(message.start == good[i].start);
        assert_int_equal(message.length, good[i].size);
        assert_string_equal(message.name, good[i].name);
        build_free(&build);
    }
}

static void test_decode__every_prefix_needs_more(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(good); i++) {
        struct build build = {NULL, 0, 0};
        size_t size;

        put_good(&build, i);
        for (size = 0; size < build.size; size++) {
            struct migp_rp_message message = fresh();
            struct migp_rp_message before = message;

            assert_int_equal(migp_rp_decode(build.bytes, size, &message, NULL),
                             MIGP_ERR_NEED_MORE);
            assert_memory_equal(&message, &before, sizeof(message));
        }
        build_free(&build);
    }
}

static void test_encode__is_what_decode_reads(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(good); i++) {
        struct build build = {NULL, 0, 0};
        struct migp_rp_message message = fresh();
        uint8_t out[MIGP_RP_MESSAGE_MAX];
        size_t size;

        put_good(&build, i);
        assert_true(migp_rp_decode(build.bytes, build.size, &message, NULL) >
                    0);
        for (size = 0; size < build.size; size++) {
            assert_int_equal(migp_rp_encode(&message, out, size),
                             MIGP_ERR_NO_SPACE);
        }
        assert_int_equal(migp_rp_encode(&message, out, build.size), build.size);
        assert_memory_equal(out, build.bytes, build.size);
        build_free(&build);
    }
}

/* [RP-2] */
static void test_decode__wrong_lengths_and_kinds(void **state)
{
    static const struct {
        uint16_t kind;
        uint16_t length;
        uint8_t name_length; /* where there is a name */
    } bad[] = {{0, 4, 0},
               {8, 4, 0},
               {0xffff, 4, 0},
               {MIGP_RP_SHUT, 3, 0},
               {MIGP_RP_SHUT, 5, 0},
               {MIGP_RP_SHUT, 0, 0},
               {MIGP_RP_PONG, 8, 0},
               {MIGP_RP_REQ_PAGES, 11, 0},
               {MIGP_RP_REQ_PAGES, 13, 0},
               {MIGP_RP_REQ_PAGES_ID, 12, 0},
               {MIGP_RP_REQ_PAGES_ID, 15, 3},
               {MIGP_RP_REQ_PAGES_ID, 15, 1},
               {MIGP_RP_RECV_BITMAP, 0, 0},
               {MIGP_RP_RESUME_ACK, 5, 0},
               {MIGP_RP_SWITCHOVER_ACK, 1, 0},
               {MIGP_RP_SHUT, 513, 0},
               {MIGP_RP_SHUT, 0xffff, 0}};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(bad); i++) {
        struct build build = {NULL, 0, 0};
        struct migp_rp_message message = fresh();
        struct migp_rp_message before = message;
        struct migp_error error = MIGP_ERROR_INIT;

        build_u16(&build, bad[i].kind);
        build_u16(&build, bad[i].length);
        build_fill(&build, 12, 1);
        build_u8(&build, bad[i].name_length);
        build_fill(&build, 600, 'n');
        assert_int_equal(
            migp_rp_decode(build.bytes, build.size, &message, &error),
            MIGP_ERR_MALFORMED);
        assert_int_equal(error.code, MIGP_ERR_MALFORMED);
        assert_true(strlen(error.text) > 0);
        assert_memory_equal(&message, &before, sizeof(message));
        build_free(&build);
    }
}

static void test_decode__longest_name(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_rp_message message = fresh();
    uint8_t out[MIGP_RP_MESSAGE_MAX];

    (void)state;
    build_u16(&build, MIGP_RP_REQ_PAGES_ID);
    build_u16(&build, 13 + 255);
    build_u64(&build, UINT64_MAX);
    build_u32(&build, UINT32_MAX);
    build_u8(&build, 255);
    build_fill(&build, 255, 'n');
    assert_int_equal(migp_rp_decode(build.bytes, build.size, &message, NULL),
                     build.size);
    assert_int_equal(strlen(message.name), 255);
    assert_int_equal(migp_rp_encode(&message, out, sizeof(out)), build.size);
    assert_memory_equal(out, build.bytes, build.size);
    build_free(&build);
}

static void test_decode__bad_arguments(void **state)
{
    static const uint8_t shut[] = {0, 1, 0, 4, 0, 0, 0, 0};
    struct migp_rp_message message = fresh();

    (void)state;
    assert_int_equal(migp_rp_decode(NULL, 8, &message, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_rp_decode(shut, 8, NULL, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    message.struct_size = 0;
    assert_int_equal(migp_rp_decode(shut, 8, &message, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
}

static void test_encode__bad_arguments(void **state)
{
    struct migp_rp_message message;
    uint8_t out[MIGP_RP_MESSAGE_MAX];

    (void)state;
    memset(&message, 0, sizeof(message));
    message.struct_size = sizeof(message);
    message.kind = MIGP_RP_SHUT;
    assert_int_equal(migp_rp_encode(NULL, out, sizeof(out)),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_rp_encode(&message, NULL, sizeof(out)),
                     MIGP_ERR_INVALID_ARGUMENT);
    message.kind = 0;
    assert_int_equal(migp_rp_encode(&message, out, sizeof(out)),
                     MIGP_ERR_INVALID_ARGUMENT);
    message.kind = 8;
    assert_int_equal(migp_rp_encode(&message, out, sizeof(out)),
                     MIGP_ERR_INVALID_ARGUMENT);
    message.kind = MIGP_RP_RECV_BITMAP;
    memset(message.name, 'n', sizeof(message.name)); /* no NUL */
    assert_int_equal(migp_rp_encode(&message, out, sizeof(out)),
                     MIGP_ERR_INVALID_ARGUMENT);
}

/* Every return path that a real QEMU wrote, message by message. */
static void test_decode__captures(void **state)
{
    struct file_list list = golden_list("qemu", "return.bin");
    size_t i;

    (void)state;
    assert_true(list.count >= 5);
    for (i = 0; i < list.count; i++) {
        const struct file *file = &list.files[i];
        struct build again = {NULL, 0, 0};
        size_t at = 0;
        uint32_t last = 0;

        while (at < file->size) {
            struct migp_rp_message message = fresh();
            uint8_t out[MIGP_RP_MESSAGE_MAX];
            migp_ssize got = migp_rp_decode(file->bytes + at, file->size - at,
                                            &message, NULL);

            assert_true(got > 0);
            at += (size_t)got;
            last = message.kind;
            assert_int_equal(migp_rp_encode(&message, out, sizeof(out)), got);
            build_bytes(&again, out, (size_t)got);
        }
        assert_int_equal(last, MIGP_RP_SHUT);
        assert_memory_equal(again.bytes, file->bytes, file->size);
        build_free(&again);
    }
    file_list_free(&list);
}

static void test_ids__every_name(void **state)
{
    static const char *const names[] = {
        "SHUT",        "PONG",       "REQ_PAGES_ID",  "REQ_PAGES",
        "RECV_BITMAP", "RESUME_ACK", "SWITCHOVER_ACK"};
    uint32_t i;

    (void)state;
    for (i = 0; i < N_TESTS(names); i++) {
        assert_string_equal(migp_rp_id(i + 1), names[i]);
    }
    assert_string_equal(migp_rp_id(0), "unknown");
    assert_string_equal(migp_rp_id(8), "unknown");
    assert_string_equal(migp_rp_id(UINT32_MAX), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode__each_kind),
        cmocka_unit_test(test_decode__every_prefix_needs_more),
        cmocka_unit_test(test_encode__is_what_decode_reads),
        cmocka_unit_test(test_decode__wrong_lengths_and_kinds),
        cmocka_unit_test(test_decode__longest_name),
        cmocka_unit_test(test_decode__bad_arguments),
        cmocka_unit_test(test_encode__bad_arguments),
        cmocka_unit_test(test_decode__captures),
        cmocka_unit_test(test_ids__every_name),
    };

    return cmocka_run_group_tests_name("return_path", tests, NULL, NULL);
}
