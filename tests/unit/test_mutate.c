/* SPDX-License-Identifier: MIT */

/* The call itself: arguments, limits, repeatability. */

#include "cmocka_all.h"

#include "support/file.h"
#include "support/journal.h"
#include "support/made.h"
#include "support/scale.h"

#include <migproto/migproto.h>
#include <stdlib.h>
#include <string.h>

#define ROOM 4096

#define STREAM "made/bare-config-256.hex"

static void test_mutate__same_seed_same_result(void **state)
{
    struct made stream = made_load(STREAM);
    struct migp_mutate_options options;
    size_t different = 0;
    uint8_t last[ROOM] = {0};

    (void)state;
    migp_mutate_options_init(&options);
    for (options.seed = 0; options.seed < 200; options.seed++) {
        struct migp_mutation_done done[64];
        uint8_t first[ROOM];
        uint8_t again[ROOM];
        size_t n;
        migp_ssize size = migp_mutate(stream.bytes, stream.size, first, ROOM,
                                      &options, NULL, 0, NULL);

        assert_true(size >= 0);
        assert_int_equal(migp_mutate(stream.bytes, stream.size, again, ROOM,
                                     &options, done, 64, &n),
                         size);
        assert_memory_equal(first, again, (size_t)size);
        different += memcmp(first, last, 64) != 0;
        memcpy(last, first, ROOM);
    }
    assert_true(different > 50);
    made_free(&stream);
}

/* The same on every machine: what is here was written on a little-endian one
 * of 64 bits. A change of how mutations are drawn changes it, too. */
static void test_mutate__digests(void **state)
{
    static const uint64_t expected[] = {
        UINT64_C(0x5449d6bfea8f3988), UINT64_C(0xd8ca1f9fa6eac9f2),
        UINT64_C(0xc8eea8f877786890), UINT64_C(0x2cc20e91042f3bde),
        UINT64_C(0xaf64324c86027eae), UINT64_C(0x4b2f8f7ced395b43),
        UINT64_C(0x035bd03e9ef27019), UINT64_C(0x08bed324a3475319),
    };
    struct made stream = made_load(STREAM);
    struct migp_mutate_options options;
    size_t i;

    (void)state;
    migp_mutate_options_init(&options);
    for (i = 0; i < N_TESTS(expected); i++) {
        uint8_t out[ROOM];
        migp_ssize size;

        options.seed = i * UINT64_C(0x123456789abcdef);
        options.count = 8;
        size = migp_mutate(stream.bytes, stream.size, out, ROOM, &options, NULL,
                           0, NULL);
        assert_true(size >= 0);
        assert_int_equal(digest_bytes(DIGEST_START, out, (size_t)size),
                         expected[i]);
    }
    made_free(&stream);
}

/* Never longer than the room, and nothing is written behind it. */
static void test_mutate__room(void **state)
{
    struct made stream = made_load(STREAM);
    struct migp_mutate_options options;
    size_t room;

    (void)state;
    migp_mutate_options_init(&options);
    for (room = 1; room < stream.size + 100; room += test_stride()) {
        for (options.seed = 0; options.seed < 4; options.seed++) {
            uint8_t *out = malloc(room);
            migp_ssize size;

            assert_non_null(out);
            options.count = (uint32_t)options.seed * 16;
            size = migp_mutate(stream.bytes, stream.size, out, room, &options,
                               NULL, 0, NULL);
            assert_in_range(size, 0, room);
            free(out);
        }
    }
    made_free(&stream);
}

static void test_mutate__count(void **state)
{
    struct file file = golden_load("qemu/v10.1.0-loadready/main.bin");
    struct migp_mutate_options options;
    struct migp_mutation_done done[64];
    uint8_t *out = malloc(4 * file.size);
    size_t n;

    (void)state;
    assert_non_null(out);
    migp_mutate_options_init(&options);
    options.operations = MIGP_MUTATE_FLIP | MIGP_MUTATE_RESIZE;
    options.count = 64;
    options.framing = MIGP_MUTATE_FRAMING_KEEP;
    assert_true(migp_mutate(file.bytes, file.size, out, 4 * file.size, &options,
                            done, 64, &n) > 0);
    assert_int_equal(n, 64);
    assert_true(migp_mutate(file.bytes, file.size, out, 4 * file.size, &options,
                            done, 3, &n) > 0);
    assert_int_equal(n, 3);
    free(out);
    file_free(&file);
}

static void test_mutate__of_nothing(void **state)
{
    struct migp_mutation_done done[64];
    uint8_t out[8];
    size_t n = 5;

    (void)state;
    assert_int_equal(migp_mutate(NULL, 0, out, 8, NULL, done, 64, &n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(migp_mutate("", 0, out, 8, NULL, NULL, 0, NULL), 0);
}

static int with(const struct migp_mutate_options *options)
{
    uint8_t out[16];
    migp_ssize size =
        migp_mutate("abcdefgh", 8, out, sizeof(out), options, NULL, 0, NULL);

    return size < 0 ? (int)size : MIGP_OK;
}

static void test_mutate__bad_options(void **state)
{
    struct migp_mutate_options options;
    uint32_t *const members[] = {&options.operations, &options.framing,
                                 &options.count, &options.page_size};
    static const struct {
        unsigned member;
        uint32_t value;
        int code;
    } cases[] = {
        {0, 0, MIGP_ERR_INVALID_ARGUMENT},
        {0, 128, MIGP_ERR_INVALID_ARGUMENT},
        {0, 64, MIGP_OK},
        {1, 2, MIGP_OK},
        {1, 3, MIGP_ERR_INVALID_ARGUMENT},
        {2, 64, MIGP_OK},
        {2, 65, MIGP_ERR_INVALID_ARGUMENT},
        {3, 512, MIGP_ERR_INVALID_ARGUMENT},
        {3, 1024, MIGP_OK},
        {3, 5000, MIGP_ERR_INVALID_ARGUMENT},
        {3, 65536, MIGP_OK},
        {3, 131072, MIGP_ERR_INVALID_ARGUMENT},
    };
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(cases); i++) {
        migp_mutate_options_init(&options);
        *members[cases[i].member] = cases[i].value;
        assert_int_equal(with(&options), cases[i].code);
    }
    migp_mutate_options_init(NULL);
}

static void test_mutate__bad_arguments(void **state)
{
    struct migp_mutation_done done[1];
    uint8_t out[8];
    size_t n;

    (void)state;
    assert_int_equal(migp_mutate(NULL, 1, out, 8, NULL, NULL, 0, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_mutate("a", 1, NULL, 8, NULL, NULL, 0, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_mutate("a", 1, out, 0, NULL, NULL, 0, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_mutate("a", 1, out, 8, NULL, NULL, 1, &n),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_mutate("a", 1, out, 8, NULL, done, 1, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
}

/* As every struct that a caller allocates: see test_struct_size.c. */
static void test_mutate__struct_size(void **state)
{
    union {
        struct migp_mutate_options options;
        uint8_t bytes[sizeof(struct migp_mutate_options) + 32];
    } wide;

    (void)state;
    memset(&wide, 0, sizeof(wide));
    migp_mutate_options_init(&wide.options);
    assert_int_equal(wide.options.struct_size, sizeof(wide.options));
    wide.options.struct_size += 32;
    assert_int_equal(with(&wide.options), MIGP_OK);
    wide.bytes[sizeof(wide) - 1] = 1;
    assert_int_equal(with(&wide.options), MIGP_ERR_INVALID_ARGUMENT);
    memset(&wide, 0xff, sizeof(wide));
    wide.options.struct_size = sizeof(size_t);
    assert_int_equal(with(&wide.options), MIGP_OK);
    wide.options.struct_size = sizeof(size_t) - 1;
    assert_int_equal(with(&wide.options), MIGP_ERR_INVALID_ARGUMENT);
}

static void test_mutation_id__each(void **state)
{
    static const char *const ids[] = {"swap",  "drop", "repeat", "resize",
                                      "retag", "cut",  "flip"};
    uint32_t i;

    (void)state;
    for (i = 0; i < N_TESTS(ids); i++) {
        assert_string_equal(migp_mutation_id(1U << i), ids[i]);
    }
    assert_string_equal(migp_mutation_id(0), "unknown");
    assert_string_equal(migp_mutation_id(3), "unknown");
    assert_string_equal(migp_mutation_id(128), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mutate__same_seed_same_result),
        cmocka_unit_test(test_mutate__digests),
        cmocka_unit_test(test_mutate__room),
        cmocka_unit_test(test_mutate__count),
        cmocka_unit_test(test_mutate__of_nothing),
        cmocka_unit_test(test_mutate__bad_options),
        cmocka_unit_test(test_mutate__bad_arguments),
        cmocka_unit_test(test_mutate__struct_size),
        cmocka_unit_test(test_mutation_id__each),
    };

    return cmocka_run_group_tests_name("mutate", tests, NULL, NULL);
}
