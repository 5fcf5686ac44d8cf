/* SPDX-License-Identifier: MIT */

/* Chains of records built here: bounds, hostile ones, whose they are. */

#include "cmocka_all.h"

#include "record/driver_reader.h"
#include "support/build.h"
#include "support/prng.h"
#include "support/scale.h"

#include <stdio.h>
#include <string.h>

#define NO_VENDOR 0
#define OTHER_VENDOR 0x8086

static void put_le(struct build *build, uint64_t value, unsigned size)
{
    while (size-- > 0) {
        build_u8(build, (uint8_t)value);
        value >>= 8;
    }
}

static void put_head(struct build *build, uint64_t size, uint32_t flags,
                     uint32_t tag)
{
    put_le(build, size, 8);
    put_le(build, flags, 4);
    put_le(build, tag, 4);
}

static void put_record(struct build *build, uint64_t size, uint32_t flags,
                       uint32_t tag)
{
    put_head(build, size, flags, tag);
    build_fill(build, (size_t)size, 0xa5);
}

static struct migp_driver_reader *fed(const struct build *build)
{
    struct migp_driver_reader *reader;

    assert_int_equal(migp_driver_reader_new(&reader), MIGP_OK);
    assert_int_equal(
        migp_driver_reader_feed(reader, build->bytes, build->size, 0), MIGP_OK);
    return reader;
}

static int finished(struct migp_driver_reader *reader, uint16_t vendor,
                    uint64_t offset)
{
    if (vendor != NO_VENDOR) {
        assert_int_equal(migp_driver_reader_set_vendor(reader, vendor),
                         MIGP_OK);
    }
    return migp_driver_reader_finish(reader, offset);
}

static struct migp_driver_reader *read_all(struct build *build, uint16_t vendor,
                                           int finish)
{
    struct migp_driver_reader *reader = fed(build);

    assert_int_equal(finished(reader, vendor, build->size), finish);
    build_free(build);
    return reader;
}

static struct migp_finding finding_at(const struct migp_driver_reader *reader,
                                      size_t at)
{
    struct migp_finding finding = {0};

    assert_int_equal(migp_driver_reader_finding(reader, at, &finding), MIGP_OK);
    return finding;
}

static void expect_opaque(struct migp_driver_reader *reader)
{
    assert_int_equal(migp_driver_reader_driver(reader), MIGP_DRIVER_OPAQUE);
    assert_int_equal(migp_driver_reader_finding_count(reader), 0);
    assert_int_equal(migp_driver_reader_field_count(reader), 0);
    migp_driver_reader_free(reader);
}

/* [DR-2] */
static void test_first_head__what_may_begin_a_chain(void **state)
{
    static const struct {
        uint64_t size;
        uint32_t flags;
        uint32_t tag;
        bool may;
    } cases[] = {
        {1, 0, 0, true},
        {1, 1, 0, true},
        {1, 1, 1, true},
        {1, 1, UINT32_MAX, true},
        {UINT32_MAX, 0, 0, true},
        {UINT64_C(1) << 32, 0, 0, false},
        {UINT64_MAX, 1, 1, false},
        {1, 0, 1, false},
        {1, 2, 0, false},
        {1, 3, 0, false},
        {1, UINT32_C(0x01000000), 0, false}, /* 1, but big-endian */
    };
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(cases); i++) {
        struct build build = {NULL, 0, 0};
        struct migp_driver_reader *reader;

        put_head(&build, cases[i].size, cases[i].flags, cases[i].tag);
        build_fill(&build, 1, 0);
        reader = fed(&build);
        build_free(&build);
        (void)finished(reader, MIGP_VENDOR_MLX5, 17);
        assert_int_equal(migp_driver_reader_driver(reader),
                         cases[i].may ? MIGP_DRIVER_MLX5 : MIGP_DRIVER_OPAQUE);
        assert_int_equal(migp_driver_reader_field_count(reader) > 0,
                         cases[i].may);
        migp_driver_reader_free(reader);
    }
}

/* [DR-5] One record of tag 0. */
static void test_vendor__decides(void **state)
{
    static const struct {
        uint16_t vendor;
        int driver;
    } cases[] = {
        {NO_VENDOR, MIGP_DRIVER_RECORDS},   {0xffff, MIGP_DRIVER_RECORDS},
        {0x15b3, MIGP_DRIVER_MLX5},         {0x1af4, MIGP_DRIVER_VIRTIO},
        {OTHER_VENDOR, MIGP_DRIVER_OPAQUE}, {0xb315, MIGP_DRIVER_OPAQUE},
    };
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(cases); i++) {
        struct build build = {NULL, 0, 0};
        struct migp_driver_reader *reader;

        put_record(&build, 100, 0, 0);
        reader = read_all(&build, cases[i].vendor, MIGP_OK);
        assert_int_equal(migp_driver_reader_driver(reader), cases[i].driver);
        assert_int_equal(migp_driver_reader_finding_count(reader), 0);
        migp_driver_reader_free(reader);
    }
}

/* [DR-5] Findings of what is no chain after all are dropped. */
static void test_vendor__another_one_is_not_judged(void **state)
{
    struct build build = {NULL, 0, 0};

    (void)state;
    put_record(&build, 8, 1, 1);
    put_record(&build, 3, 1, 9);
    put_record(&build, 3, 0, 9);
    put_head(&build, UINT64_MAX, 0, 0);
    expect_opaque(read_all(&build, OTHER_VENDOR, MIGP_OK));
    put_record(&build, 8, 0, 0);
    put_head(&build, 5000, 0, 0);
    expect_opaque(read_all(&build, OTHER_VENDOR, MIGP_OK));
}

static void test_vendor__may_come_first_and_the_last_counts(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_driver_reader *reader;

    (void)state;
    assert_int_equal(migp_driver_reader_new(&reader), MIGP_OK);
    assert_int_equal(migp_driver_reader_set_vendor(reader, OTHER_VENDOR),
                     MIGP_OK);
    assert_int_equal(migp_driver_reader_set_vendor(reader, MIGP_VENDOR_VIRTIO),
                     MIGP_OK);
    put_record(&build, 100, 0, 0);
    assert_int_equal(
        migp_driver_reader_feed(reader, build.bytes, build.size, 0), MIGP_OK);
    build_free(&build);
    assert_int_equal(migp_driver_reader_driver(reader), MIGP_DRIVER_VIRTIO);
    assert_int_equal(migp_driver_reader_finish(reader, 116), MIGP_OK);
    assert_int_equal(migp_driver_reader_set_vendor(reader, MIGP_VENDOR_MLX5),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_driver_reader_driver(reader), MIGP_DRIVER_VIRTIO);
    migp_driver_reader_free(reader);
    assert_int_equal(migp_driver_reader_set_vendor(NULL, 1),
                     MIGP_ERR_INVALID_ARGUMENT);
}

/* mtty's magic is mtty, whoever made the device. */
static void test_vendor__does_not_change_mtty(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_driver_reader *reader;

    (void)state;
    put_le(&build, MIGP_MTTY_MAGIC, 8);
    reader = read_all(&build, MIGP_VENDOR_MLX5, MIGP_ERR_TRUNCATED);
    assert_int_equal(migp_driver_reader_driver(reader), MIGP_DRIVER_MTTY);
    assert_int_equal(finding_at(reader, 0).code, MIGP_FINDING_DRIVER_SHORT);
    migp_driver_reader_free(reader);
}

/* [DR-5] Small numbers, zeros: begins like a chain, and is none. */
static void test_no_vendor__what_is_no_chain_is_opaque(void **state)
{
    struct build build = {NULL, 0, 0};

    (void)state;
    build_fill(&build, 4096, 0);
    expect_opaque(read_all(&build, NO_VENDOR, MIGP_OK));
    put_record(&build, 4, 1, 77); /* nothing of tag 0 */
    expect_opaque(read_all(&build, NO_VENDOR, MIGP_OK));
    put_head(&build, 1, 0, 0);
    build_fill(&build, 1000, 0x33);
    expect_opaque(read_all(&build, NO_VENDOR, MIGP_OK));
    put_record(&build, 8, 0, 0); /* then one that neither driver takes */
    put_record(&build, 8, 0, 5);
    expect_opaque(read_all(&build, NO_VENDOR, MIGP_OK));
    put_record(&build, 8, 0, 0);
    put_head(&build, UINT64_C(1) << 32, 0, 0);
    expect_opaque(read_all(&build, NO_VENDOR, MIGP_OK));
}

/* [DR-3] The record alone tells mlx5, and only as mlx5 writes it. */
static void test_no_vendor__stop_copy_size(void **state)
{
    static const struct {
        uint64_t size;
        uint32_t flags;
        uint32_t tag;
        int driver;
    } cases[] = {
        {8, 1, 1, MIGP_DRIVER_MLX5},    {7, 1, 1, MIGP_DRIVER_RECORDS},
        {9, 1, 1, MIGP_DRIVER_RECORDS}, {8, 1, 2, MIGP_DRIVER_RECORDS},
        {8, 0, 1, MIGP_DRIVER_OPAQUE},  {8, 3, 1, MIGP_DRIVER_OPAQUE},
    };
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(cases); i++) {
        struct build build = {NULL, 0, 0};
        struct migp_driver_reader *reader;

        put_record(&build, 20, 0, 0);
        put_record(&build, cases[i].size, cases[i].flags, cases[i].tag);
        reader = read_all(&build, NO_VENDOR, MIGP_OK);
        assert_int_equal(migp_driver_reader_driver(reader), cases[i].driver);
        /* what virtio would skip is told, if it may be virtio's */
        assert_int_equal(migp_driver_reader_finding_count(reader),
                         cases[i].driver == MIGP_DRIVER_RECORDS);
        assert_true(cases[i].driver != MIGP_DRIVER_RECORDS ||
                    finding_at(reader, 0).code == MIGP_FINDING_DRIVER_SKIPPED);
        migp_driver_reader_free(reader);
    }
}

static void put_part(struct build *build, uint16_t kind, uint8_t flags,
                     uint32_t length)
{
    put_le(build, kind, 2);
    put_le(build, flags, 1);
    build_fill(build, 9, 0);
    put_le(build, length, 4);
    build_fill(build, length, 0x77);
}

/* [DR-4] Each case changes one thing of a record of two parts. */
static void test_no_vendor__device_parts(void **state)
{
    static const struct {
        uint16_t kind;
        uint8_t flags;
        uint8_t reserved;
        int more; /* bytes that the record has more than its parts */
        int driver;
    } cases[] = {
        {0x100, 1, 0, 0, MIGP_DRIVER_VIRTIO},
        {0x5ff, 0, 0, 0, MIGP_DRIVER_VIRTIO},
        {0x0ff, 0, 0, 0, MIGP_DRIVER_RECORDS},
        {0x600, 0, 0, 0, MIGP_DRIVER_RECORDS},
        {0x100, 2, 0, 0, MIGP_DRIVER_RECORDS},
        {0x100, 0, 1, 0, MIGP_DRIVER_RECORDS},
        {0x100, 0, 0, 1, MIGP_DRIVER_RECORDS},
        {0x100, 0, 0, 15, MIGP_DRIVER_RECORDS},
        {0x100, 0, 0, 16, MIGP_DRIVER_RECORDS},
        {0x100, 0, 0, -1, MIGP_DRIVER_RECORDS},
    };
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(cases); i++) {
        struct build build = {NULL, 0, 0};
        struct migp_driver_reader *reader;

        put_head(&build, UINT64_C(24) + 21 + (uint64_t)cases[i].more, 0, 0);
        put_part(&build, 0x101, 0, 8);
        put_part(&build, cases[i].kind, cases[i].flags, 5);
        build.bytes[16 + 24 + 3] = cases[i].reserved;
        build_fill(&build, cases[i].more > 0 ? (size_t)cases[i].more : 0, 0);
        build.size -= cases[i].more < 0 ? 1 : 0;
        reader = read_all(&build, NO_VENDOR, MIGP_OK);
        assert_int_equal(migp_driver_reader_driver(reader), cases[i].driver);
        migp_driver_reader_free(reader);
    }
}

/* [DR-4] One record that is not made of parts is enough. */
static void test_no_vendor__device_parts_in_all_records(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_driver_reader *reader;

    (void)state;
    put_head(&build, 24, 0, 0);
    put_part(&build, 0x101, 0, 8);
    put_record(&build, 15, 0, 0);
    put_head(&build, 24, 0, 0);
    put_part(&build, 0x101, 0, 8);
    reader = read_all(&build, NO_VENDOR, MIGP_OK);
    assert_int_equal(migp_driver_reader_driver(reader), MIGP_DRIVER_RECORDS);
    migp_driver_reader_free(reader);
}

/* [DR-6] The bound itself; [DR-11] for what it leaves missing. */
static void test_size__at_and_above_the_bound(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_driver_reader *reader;
    struct migp_finding finding;

    (void)state;
    put_record(&build, 4, 0, 0);
    put_head(&build, MIGP_DRIVER_RECORD_MAX, 0, 0);
    reader = read_all(&build, MIGP_VENDOR_VIRTIO, MIGP_ERR_TRUNCATED);
    finding = finding_at(reader, 0);
    assert_int_equal(finding.code, MIGP_FINDING_DRIVER_CUT);
    assert_true(finding.offset == 20 && finding.value == 16);
    assert_true(finding.expected == UINT64_C(0x10000000f));
    migp_driver_reader_free(reader);

    /* of whatever tag; and what looks like a record behind it is none */
    put_record(&build, 4, 0, 0);
    put_head(&build, (uint64_t)MIGP_DRIVER_RECORD_MAX + 1, 1, 4);
    put_record(&build, 4, 0, 9);
    reader = read_all(&build, MIGP_VENDOR_VIRTIO, MIGP_ERR_MALFORMED);
    assert_int_equal(migp_driver_reader_finding_count(reader), 1);
    finding = finding_at(reader, 0);
    assert_int_equal(finding.code, MIGP_FINDING_DRIVER_SIZE);
    assert_true(finding.offset == 20);
    assert_true(finding.value == UINT64_C(0x100000000));
    migp_driver_reader_free(reader);
}

/* Gigabytes, of which only the heads are fed. */
static void test_skip__payload_is_not_needed(void **state)
{
    struct migp_driver_reader *reader;
    struct build build = {NULL, 0, 0};
    uint64_t offset = 0;
    unsigned i;

    (void)state;
    put_head(&build, MIGP_DRIVER_RECORD_MAX, 0, 0);
    assert_int_equal(migp_driver_reader_new(&reader), MIGP_OK);
    for (i = 0; i < 100; i++) {
        uint64_t idle;

        assert_int_equal(migp_driver_reader_uninteresting(reader), 0);
        assert_int_equal(
            migp_driver_reader_feed(reader, build.bytes, 16, offset), MIGP_OK);
        offset += 16;
        if (i == 0) {
            /* the first bytes may be those of a device part */
            uint8_t zeros[16] = {0};

            assert_int_equal(migp_driver_reader_uninteresting(reader), 0);
            assert_int_equal(migp_driver_reader_feed(reader, zeros, 16, offset),
                             MIGP_OK);
            offset += 16;
        }
        idle = migp_driver_reader_uninteresting(reader);
        assert_true(idle == MIGP_DRIVER_RECORD_MAX - (i == 0 ? 16 : 0));
        assert_int_equal(migp_driver_reader_skip(reader, idle + 1),
                         MIGP_ERR_INVALID_ARGUMENT);
        assert_int_equal(migp_driver_reader_skip(reader, idle - 1), MIGP_OK);
        assert_int_equal(migp_driver_reader_uninteresting(reader), 1);
        assert_int_equal(migp_driver_reader_skip(reader, 1), MIGP_OK);
        offset += idle;
    }
    build_free(&build);
    assert_int_equal(finished(reader, MIGP_VENDOR_MLX5, offset), MIGP_OK);
    assert_int_equal(migp_driver_reader_finding_count(reader), 0);
    assert_int_equal(migp_driver_reader_skip(reader, 0),
                     MIGP_ERR_INVALID_ARGUMENT);
    migp_driver_reader_free(reader);
}

/* Opaque bytes are all uninteresting; mtty's never are. */
static void test_skip__of_other_drivers(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_driver_reader *reader;

    (void)state;
    build_fill(&build, 15, 0xff);
    reader = fed(&build);
    assert_int_equal(migp_driver_reader_uninteresting(reader), 0);
    assert_int_equal(migp_driver_reader_feed(reader, build.bytes, 1, 15),
                     MIGP_OK);
    build_free(&build);
    assert_true(migp_driver_reader_uninteresting(reader) == UINT64_MAX);
    assert_int_equal(migp_driver_reader_skip(reader, UINT64_C(1) << 40),
                     MIGP_OK);
    assert_int_equal(finished(reader, 0x8086, 0), MIGP_OK);
    expect_opaque(reader);

    put_le(&build, MIGP_MTTY_MAGIC, 8);
    build_fill(&build, 1000, 0xff);
    reader = fed(&build);
    build_free(&build);
    assert_int_equal(migp_driver_reader_uninteresting(reader), 0);
    assert_int_equal(migp_driver_reader_skip(reader, 1),
                     MIGP_ERR_INVALID_ARGUMENT);
    migp_driver_reader_free(reader);
}

/*
 * [DR-8] A million records worth a note each, and every other thing that can
 * be found: the notes are few, and nothing is missing.
 */
static void test_findings__notes_crowd_out_nothing(void **state)
{
    static const uint32_t wanted[] = {
        MIGP_FINDING_DRIVER_SKIPPED, MIGP_FINDING_DRIVER_SKIPPED,
        MIGP_FINDING_DRIVER_SKIPPED, MIGP_FINDING_DRIVER_RECORD_ODD,
        MIGP_FINDING_DRIVER_FLAGS,   MIGP_FINDING_DRIVER_TAG,
        MIGP_FINDING_DRIVER_CUT};
    struct build many = {NULL, 0, 0};
    struct build last = {NULL, 0, 0};
    struct migp_driver_reader *reader;
    uint64_t offset = 0;
    size_t i;

    (void)state;
    for (i = 0; i < 1000; i++) {
        put_record(&many, 0, 1, 0x1000);
    }
    put_record(&last, 5, 1, 1);
    for (i = 0; i < 100; i++) {
        put_record(&last, 0, 0x80000001, 0);
        put_record(&last, 0, 0, (uint32_t)(2 + i));
    }
    put_head(&last, 1, 0, 0);
    assert_int_equal(migp_driver_reader_new(&reader), MIGP_OK);
    for (i = 0; i < 1000; i++) {
        assert_int_equal(
            migp_driver_reader_feed(reader, many.bytes, many.size, offset),
            MIGP_OK);
        offset += many.size;
    }
    assert_int_equal(
        migp_driver_reader_feed(reader, last.bytes, last.size, offset),
        MIGP_OK);
    build_free(&many);
    build_free(&last);
    assert_int_equal(finished(reader, MIGP_VENDOR_MLX5, offset),
                     MIGP_ERR_TRUNCATED);
    assert_int_equal(migp_driver_reader_finding_count(reader), N_TESTS(wanted));
    for (i = 0; i < N_TESTS(wanted); i++) {
        assert_int_equal(finding_at(reader, i).code, wanted[i]);
        assert_true(i == 0 || finding_at(reader, i).offset >
                                  finding_at(reader, i - 1).offset);
    }
    migp_driver_reader_free(reader);
}

/* [DR-7] [DR-8] For virtio, tag 1 is one of the others. */
static void test_findings__of_virtio_are_in_order(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_driver_reader *reader;
    size_t i;

    (void)state;
    put_record(&build, 1, 1, 9);
    put_record(&build, 1, 1, 1);
    put_record(&build, 1, 1, 9);
    put_record(&build, 1, 1, 9);
    put_record(&build, 1, 1, 1);
    put_record(&build, 1, 0, 1);
    put_record(&build, 1, 0, 9);
    reader = read_all(&build, MIGP_VENDOR_VIRTIO, MIGP_ERR_MALFORMED);
    assert_int_equal(migp_driver_reader_finding_count(reader), 4);
    for (i = 0; i < 4; i++) {
        assert_int_equal(finding_at(reader, i).offset, 17 * (i < 3 ? i : 5));
        assert_int_equal(finding_at(reader, i).value, i == 0 || i == 2 ? 9 : 1);
    }
    assert_int_equal(finding_at(reader, 3).code, MIGP_FINDING_DRIVER_TAG);
    migp_driver_reader_free(reader);
}

/* [DR-2] */
static void test_driver__zeros_are_no_chain(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_driver_reader *reader;

    (void)state;
    put_record(&build, 0, 0, 0);
    put_record(&build, 0, 0, 0);
    reader = read_all(&build, MIGP_VENDOR_VIRTIO, MIGP_OK);
    assert_int_equal(migp_driver_reader_driver(reader), MIGP_DRIVER_OPAQUE);
    /* [DR-13] */
    assert_int_equal(migp_driver_reader_finding_count(reader), 1);
    assert_int_equal(finding_at(reader, 0).code, MIGP_FINDING_DRIVER_NO_CHAIN);
    assert_int_equal(finding_at(reader, 0).value, MIGP_VENDOR_VIRTIO);
    migp_driver_reader_free(reader);
    put_record(&build, 0, 0, 0);
    reader = read_all(&build, 0x8086, MIGP_OK);
    assert_int_equal(migp_driver_reader_finding_count(reader), 0);
    migp_driver_reader_free(reader);
}

/* [DR-12] Not said where something worse explains it. */
static void test_findings__empty(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_driver_reader *reader;

    (void)state;
    put_record(&build, 8, 1, 1);
    put_record(&build, 0, 0, 0);
    reader = read_all(&build, MIGP_VENDOR_MLX5, MIGP_OK);
    assert_int_equal(migp_driver_reader_finding_count(reader), 1);
    assert_int_equal(finding_at(reader, 0).code, MIGP_FINDING_DRIVER_EMPTY);
    assert_int_equal(finding_at(reader, 0).value, 2);
    assert_int_equal(finding_at(reader, 0).offset, 40);
    migp_driver_reader_free(reader);

    put_record(&build, 8, 1, 1);
    put_record(&build, 0, 0, 9);
    reader = read_all(&build, MIGP_VENDOR_MLX5, MIGP_ERR_MALFORMED);
    assert_int_equal(migp_driver_reader_finding_count(reader), 1);
    assert_int_equal(finding_at(reader, 0).code, MIGP_FINDING_DRIVER_TAG);
    migp_driver_reader_free(reader);

    /* no bytes at all are nobody's */
    expect_opaque(read_all(&build, MIGP_VENDOR_MLX5, MIGP_OK));
}

static void put_anything(struct build *build, struct prng *random)
{
    static const uint64_t sizes[] = {0, 1, 8, 15, 16, 24, 300};
    static const uint32_t tags[] = {0, 0, 0, 1, 1, 2, 9};
    static const uint32_t flags[] = {0, 1, 1, 1, 2, 3};
    unsigned n = (unsigned)prng_below(random, 12);

    while (n-- > 0) {
        uint32_t tag = tags[prng_below(random, N_TESTS(tags))];

        if (prng_below(random, 4) == 0) {
            put_head(build, 24 + 17, 0, 0);
            put_part(build, 0x102, 0, 8);
            put_part(build, 0x103, 0, 1);
        } else {
            put_record(build, sizes[prng_below(random, N_TESTS(sizes))],
                       tag == 0 ? 0 : flags[prng_below(random, N_TESTS(flags))],
                       tag);
        }
    }
}

static void expect_same(const struct migp_driver_reader *left,
                        const struct migp_driver_reader *right)
{
    size_t i;

    assert_int_equal(migp_driver_reader_driver(left),
                     migp_driver_reader_driver(right));
    assert_int_equal(migp_driver_reader_finding_count(left),
                     migp_driver_reader_finding_count(right));
    assert_int_equal(left->n_bytes, right->n_bytes);
    for (i = 0; i < migp_driver_reader_finding_count(left); i++) {
        struct migp_finding a = finding_at(left, i);
        struct migp_finding b = finding_at(right, i);

        assert_memory_equal(&a, &b, sizeof(a));
    }
    assert_int_equal(left->n_fields, right->n_fields);
    for (i = 0; i < left->n_fields; i++) {
        assert_string_equal(left->fields[i].name, right->fields[i].name);
        assert_true(left->fields[i].number == right->fields[i].number);
    }
}

/* Any chain, cut anywhere, in any split, with any amount left out. */
static void test_feed__and_skip_in_any_split(void **state)
{
    static const uint16_t vendors[] = {0, 0x15b3, 0x1af4, 0x8086};
    struct prng random = prng_start("chain");
    uint64_t rounds = test_scaled(20000);

    (void)state;
    while (rounds-- > 0) {
        struct build build = {NULL, 0, 0};
        struct migp_driver_reader *whole;
        struct migp_driver_reader *split;
        uint16_t vendor = vendors[prng_below(&random, N_TESTS(vendors))];
        size_t at = 0;

        put_anything(&build, &random);
        build.size -= build.size > 0 && prng_below(&random, 2) == 0
                          ? prng_below(&random, build.size)
                          : 0;
        whole = fed(&build);
        assert_int_equal(migp_driver_reader_new(&split), MIGP_OK);
        while (at < build.size) {
            size_t now = 1 + prng_below(&random, 40);
            uint64_t idle = migp_driver_reader_uninteresting(split);

            now = now < build.size - at ? now : build.size - at;
            if (idle > 0 && prng_below(&random, 2) == 0) {
                now = idle < now ? (size_t)idle : now;
                assert_int_equal(migp_driver_reader_skip(split, now), MIGP_OK);
            } else {
                assert_int_equal(
                    migp_driver_reader_feed(split, build.bytes + at, now, at),
                    MIGP_OK);
            }
            at += now;
        }
        assert_int_equal(finished(whole, vendor, at),
                         finished(split, vendor, at));
        expect_same(whole, split);
        migp_driver_reader_free(whole);
        migp_driver_reader_free(split);
        build_free(&build);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_head__what_may_begin_a_chain),
        cmocka_unit_test(test_vendor__decides),
        cmocka_unit_test(test_vendor__another_one_is_not_judged),
        cmocka_unit_test(test_vendor__may_come_first_and_the_last_counts),
        cmocka_unit_test(test_vendor__does_not_change_mtty),
        cmocka_unit_test(test_no_vendor__what_is_no_chain_is_opaque),
        cmocka_unit_test(test_no_vendor__stop_copy_size),
        cmocka_unit_test(test_no_vendor__device_parts),
        cmocka_unit_test(test_no_vendor__device_parts_in_all_records),
        cmocka_unit_test(test_size__at_and_above_the_bound),
        cmocka_unit_test(test_skip__payload_is_not_needed),
        cmocka_unit_test(test_skip__of_other_drivers),
        cmocka_unit_test(test_findings__notes_crowd_out_nothing),
        cmocka_unit_test(test_findings__of_virtio_are_in_order),
        cmocka_unit_test(test_driver__zeros_are_no_chain),
        cmocka_unit_test(test_findings__empty),
        cmocka_unit_test(test_feed__and_skip_in_any_split),
    };

    return cmocka_run_group_tests_name("chain", tests, NULL, NULL);
}
