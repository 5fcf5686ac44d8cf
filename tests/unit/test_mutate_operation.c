/* SPDX-License-Identifier: MIT */

/* Each operation does what its name says, and no more. */

#include "cmocka_all.h"

#include "support/build.h"
#include "support/scale.h"

#include <migproto/migproto.h>
#include <string.h>

#define ROOM 4096

/* A bare stream: nobody counts its records, so what an operation does is all
 * that it does. */
static void build_bare(struct build *build)
{
    unsigned i;

    build_tag(build, MIGP_EVENT_SETUP);
    build_tag(build, MIGP_EVENT_END);
    for (i = 0; i < 4; i++) {
        uint8_t data[40];

        memset(data, (int)(0x60 + i), sizeof(data));
        build_data(build, data, 10 * (i + 1));
        build_tag(build, MIGP_EVENT_END);
    }
    build_tag(build, MIGP_EVENT_CONFIG);
    build_pci(build, 256, 2);
    build_tag(build, MIGP_EVENT_END);
}

struct result {
    uint8_t bytes[ROOM];
    size_t size;
    struct migp_mutation_done done;
};

/* One mutation of one kind; false if this seed found none to make. */
static bool one(const struct build *build, uint32_t operation, uint32_t framing,
                uint64_t seed, struct result *result)
{
    struct migp_mutate_options options;
    migp_ssize size;
    size_t n = 9;

    migp_mutate_options_init(&options);
    options.operations = operation;
    options.framing = framing;
    options.count = 1;
    options.seed = seed;
    size = migp_mutate(build->bytes, build->size, result->bytes, ROOM, &options,
                       &result->done, 1, &n);
    assert_true(size >= 0);
    result->size = (size_t)size;
    assert_true(n <= 1);
    if (n == 0) {
        assert_int_equal(result->size, build->size);
        assert_memory_equal(result->bytes, build->bytes, build->size);
        return false;
    }
    assert_int_equal(result->done.operation, operation);
    assert_int_equal(result->done.framing, framing);
    assert_true(result->done.offset + result->done.size <= build->size);
    assert_true(result->size != build->size ||
                memcmp(result->bytes, build->bytes, build->size) != 0);
    return true;
}

static bool is_name(const char *name, const char *expected)
{
    return strcmp(name, expected) == 0;
}

/* The result is the input up to at, and from there on what stands at from. */
static void assert_gap(const struct build *build, const struct result *result,
                       size_t at, size_t from)
{
    assert_int_equal(result->size, build->size - (from - at));
    assert_memory_equal(result->bytes, build->bytes, at);
    if (build->size > from) {
        assert_memory_equal(result->bytes + at, build->bytes + from,
                            build->size - from);
    }
}

/* Differences are in a range only; there is at least one. */
static void assert_only(const struct build *build, const struct result *result,
                        size_t at, size_t size)
{
    assert_int_equal(result->size, build->size);
    assert_memory_equal(result->bytes, build->bytes, at);
    assert_memory_equal(result->bytes + at + size, build->bytes + at + size,
                        build->size - at - size);
}

typedef void (*check)(const struct build *build, const struct result *result);

static void each_seed(uint32_t operation, uint32_t framing, check look)
{
    struct build build = {NULL, 0, 0};
    uint64_t seeds = test_scaled(400);
    uint64_t made = 0;
    uint64_t seed;

    build_bare(&build);
    for (seed = 0; seed < seeds; seed++) {
        struct result result;

        if (one(&build, operation, framing, seed, &result)) {
            look(&build, &result);
            made++;
        }
    }
    assert_true(made * 4 > seeds * 3);
    build_free(&build);
}

static void look_drop(const struct build *build, const struct result *result)
{
    size_t at = (size_t)result->done.offset;

    assert_gap(build, result, at, at + (size_t)result->done.size);
    assert_true((result->done.framing == MIGP_MUTATE_FRAMING_KEEP) ==
                is_name(result->done.field, ""));
}

static void test_drop__leaves_out_what_it_names(void **state)
{
    (void)state;
    each_seed(MIGP_MUTATE_DROP, MIGP_MUTATE_FRAMING_KEEP, look_drop);
    each_seed(MIGP_MUTATE_DROP, MIGP_MUTATE_FRAMING_BREAK, look_drop);
}

static void look_cut(const struct build *build, const struct result *result)
{
    size_t at = (size_t)result->done.offset;

    assert_gap(build, result, result->size, build->size);
    if (result->done.framing == MIGP_MUTATE_FRAMING_KEEP) {
        assert_int_equal(result->size, at);
    } else {
        assert_in_range(result->size, at, at + result->done.size - 1);
    }
}

static void test_cut__at_or_inside_what_it_names(void **state)
{
    (void)state;
    each_seed(MIGP_MUTATE_CUT, MIGP_MUTATE_FRAMING_KEEP, look_cut);
    each_seed(MIGP_MUTATE_CUT, MIGP_MUTATE_FRAMING_BREAK, look_cut);
}

static void look_flip(const struct build *build, const struct result *result)
{
    assert_only(build, result, (size_t)result->done.offset,
                (size_t)result->done.size);
    if (result->done.framing == MIGP_MUTATE_FRAMING_KEEP) {
        assert_true(is_name(result->done.field, "payload") ||
                    is_name(result->done.field, "config"));
    } else {
        assert_true(is_name(result->done.field, "tag") ||
                    is_name(result->done.field, "size"));
    }
}

static void test_flip__inside_one_field(void **state)
{
    (void)state;
    each_seed(MIGP_MUTATE_FLIP, MIGP_MUTATE_FRAMING_KEEP, look_flip);
    each_seed(MIGP_MUTATE_FLIP, MIGP_MUTATE_FRAMING_BREAK, look_flip);
}

static void look_retag(const struct build *build, const struct result *result)
{
    assert_only(build, result, (size_t)result->done.offset, 8);
    assert_string_equal(result->done.field, "tag");
}

static void test_retag__only_the_tag(void **state)
{
    (void)state;
    each_seed(MIGP_MUTATE_RETAG, MIGP_MUTATE_FRAMING_KEEP, look_retag);
    each_seed(MIGP_MUTATE_RETAG, MIGP_MUTATE_FRAMING_BREAK, look_retag);
}

static void look_repeat(const struct build *build, const struct result *result)
{
    size_t size = (size_t)result->done.size;
    size_t at = 0;

    assert_int_equal(result->size, build->size + size);
    while (at < build->size && build->bytes[at] == result->bytes[at]) {
        at++;
    }
    /* the copy may begin with bytes that were there already: step back */
    for (;; at--) {
        if (memcmp(result->bytes + at, build->bytes + result->done.offset,
                   size) == 0 &&
            memcmp(result->bytes + at + size, build->bytes + at,
                   build->size - at) == 0) {
            return;
        }
        assert_int_not_equal(at, 0);
    }
}

static void test_repeat__a_copy_of_what_it_names(void **state)
{
    (void)state;
    each_seed(MIGP_MUTATE_REPEAT, MIGP_MUTATE_FRAMING_KEEP, look_repeat);
    each_seed(MIGP_MUTATE_REPEAT, MIGP_MUTATE_FRAMING_BREAK, look_repeat);
}

static void count_bytes(const uint8_t *bytes, size_t size, long *counts,
                        long step)
{
    size_t i;

    for (i = 0; i < size; i++) {
        counts[bytes[i]] += step;
    }
}

static void look_swap(const struct build *build, const struct result *result)
{
    long counts[256] = {0};
    size_t i;

    assert_int_equal(result->size, build->size);
    count_bytes(build->bytes, build->size, counts, 1);
    count_bytes(result->bytes, result->size, counts, -1);
    for (i = 0; i < 256; i++) {
        assert_int_equal(counts[i], 0);
    }
}

static void test_swap__the_same_bytes_elsewhere(void **state)
{
    (void)state;
    each_seed(MIGP_MUTATE_SWAP, MIGP_MUTATE_FRAMING_KEEP, look_swap);
    each_seed(MIGP_MUTATE_SWAP, MIGP_MUTATE_FRAMING_BREAK, look_swap);
}

static uint64_t be64(const uint8_t *bytes)
{
    uint64_t value = 0;
    size_t i;

    for (i = 0; i < 8; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

/* Kept: the size before the payload says how long it is now. Broken: it does
 * not. */
static void look_resize(const struct build *build, const struct result *result)
{
    size_t at = (size_t)result->done.offset;
    long change = (long)result->size - (long)build->size;

    if (is_name(result->done.field, "config")) {
        assert_int_equal(result->done.framing, MIGP_MUTATE_FRAMING_KEEP);
        return;
    }
    if (is_name(result->done.field, "size")) {
        assert_int_equal(result->done.framing, MIGP_MUTATE_FRAMING_BREAK);
        assert_only(build, result, at, 8);
        return;
    }
    assert_string_equal(result->done.field, "payload");
    assert_int_not_equal(change, 0);
    assert_memory_equal(result->bytes, build->bytes, at - 8);
    assert_int_equal(
        (long)be64(result->bytes + at - 8),
        (long)result->done.size +
            (result->done.framing == MIGP_MUTATE_FRAMING_KEEP ? change : 0));
}

static void test_resize__the_size_follows_or_lies(void **state)
{
    (void)state;
    each_seed(MIGP_MUTATE_RESIZE, MIGP_MUTATE_FRAMING_KEEP, look_resize);
    each_seed(MIGP_MUTATE_RESIZE, MIGP_MUTATE_FRAMING_BREAK, look_resize);
}

/* The package's size counts what is dropped inside it. */
static void test_keep__sizes_around_follow(void **state)
{
    struct build build = {NULL, 0, 0};
    size_t body, seen = 0;
    uint64_t seed;

    (void)state;
    build_header(&build);
    build_command(&build, 7, 4);
    body = build.size;
    build_u32(&build, 3 * 9);
    for (seed = 0; seed < 3; seed++) {
        build_command(&build, 2, 4);
        build_u32(&build, (uint32_t)seed);
    }
    build_u8(&build, 0);
    for (seed = 0; seed < 100; seed++) {
        struct result result;

        if (one(&build, MIGP_MUTATE_DROP, MIGP_MUTATE_FRAMING_KEEP, seed,
                &result) &&
            result.done.offset > body) {
            assert_int_equal(result.done.size,
                             result.done.offset == build.size - 1 ? 1 : 9);
            assert_int_equal(result.bytes[body + 3],
                             result.done.size == 9 ? 18 : 27);
            seen += result.done.size == 9;
        }
    }
    assert_true(seen > 10);
    build_free(&build);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drop__leaves_out_what_it_names),
        cmocka_unit_test(test_cut__at_or_inside_what_it_names),
        cmocka_unit_test(test_flip__inside_one_field),
        cmocka_unit_test(test_retag__only_the_tag),
        cmocka_unit_test(test_repeat__a_copy_of_what_it_names),
        cmocka_unit_test(test_swap__the_same_bytes_elsewhere),
        cmocka_unit_test(test_resize__the_size_follows_or_lies),
        cmocka_unit_test(test_keep__sizes_around_follow),
    };

    return cmocka_run_group_tests_name("mutate_operation", tests, NULL, NULL);
}
