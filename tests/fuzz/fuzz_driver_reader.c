/* SPDX-License-Identifier: MIT */

/* Device state, whole, cut, and with what nobody looks at left out: the same
 * driver, fields and findings. Chains of records are walked here too. */

#include "fuzz/check.h"

#include "core/bytes.h"
#include "record/driver_reader.h"

#include <string.h>

#define VENDOR_MLX5 0x15b3
#define VENDOR_VIRTIO 0x1af4

static uint16_t vendor_of(const uint8_t *bytes, size_t size)
{
    static const uint16_t vendors[] = {0, VENDOR_MLX5, VENDOR_VIRTIO, 0x8086};

    return vendors[fuzz_choice(bytes, size, 3) % 4];
}

/* skip: leave out every second time what may be left out. */
static struct migp_driver_reader *
read_in(const struct feeding *feeding, uint16_t vendor, bool skip, int *finish)
{
    struct migp_driver_reader *reader;
    size_t at = 0;
    bool turn = skip;

    FUZZ_CHECK(migp_driver_reader_new(&reader) == MIGP_OK);
    while (at < feeding->size) {
        size_t now = feeding->size - at;
        uint64_t idle = turn ? migp_driver_reader_uninteresting(reader) : 0;

        if (feeding->chunk && now > feeding->chunk) {
            now = feeding->chunk;
        }
        if (idle > 0) {
            now = idle < now ? (size_t)idle : now;
            FUZZ_CHECK(migp_driver_reader_skip(reader, now) == MIGP_OK);
        } else {
            FUZZ_CHECK(migp_driver_reader_feed(reader, feeding->bytes + at, now,
                                               at) == MIGP_OK);
        }
        at += now;
        turn = skip && !turn;
    }
    if (vendor != 0) {
        FUZZ_CHECK(migp_driver_reader_set_vendor(reader, vendor) == MIGP_OK);
    }
    *finish = migp_driver_reader_finish(reader, at);
    return reader;
}

/* What must be said of the bytes of one of the two vendors' devices, unless
 * they are mtty's. */
static int walk(const uint8_t *bytes, size_t size, uint16_t vendor)
{
    bool refused = false;
    size_t at = 0;

    while (at < size) {
        uint8_t head[16] = {0};
        size_t there = size - at < 16 ? size - at : 16;
        uint64_t length;
        uint32_t flags;
        uint32_t tag;

        memcpy(head, bytes + at, there);
        length = migp_load_le64(head);
        flags = migp_load_le32(head + 8);
        tag = migp_load_le32(head + 12);
        if (at == 0 && (length > UINT32_MAX || flags > 1 || flags < !!tag ||
                        (there == 16 && length == 0 && flags == 0))) {
            return MIGP_OK; /* opaque */
        }
        if (there < 16) {
            return MIGP_ERR_TRUNCATED;
        }
        if (length > UINT32_MAX) {
            return MIGP_ERR_MALFORMED;
        }
        if (length > size - at - 16) {
            return MIGP_ERR_TRUNCATED;
        }
        refused |= tag > (vendor == VENDOR_MLX5 ? 1u : 0u) && (flags & 1u) == 0;
        at += 16 + (size_t)length;
    }
    return refused ? MIGP_ERR_MALFORMED : MIGP_OK;
}

static void compare(const struct migp_driver_reader *left,
                    const struct migp_driver_reader *right)
{
    size_t i;

    FUZZ_CHECK(migp_driver_reader_driver(left) ==
               migp_driver_reader_driver(right));
    FUZZ_CHECK(migp_driver_reader_finding_count(left) ==
               migp_driver_reader_finding_count(right));
    FUZZ_CHECK(migp_driver_reader_field_count(left) ==
               migp_driver_reader_field_count(right));
    for (i = 0; i < migp_driver_reader_finding_count(left); i++) {
        struct migp_finding a;
        struct migp_finding b;

        FUZZ_CHECK(migp_driver_reader_finding(left, i, &a) == MIGP_OK);
        FUZZ_CHECK(migp_driver_reader_finding(right, i, &b) == MIGP_OK);
        FUZZ_CHECK(memcmp(&a, &b, sizeof(a)) == 0);
    }
    for (i = 0; i < migp_driver_reader_field_count(left); i++) {
        struct migp_field a;
        struct migp_field b;

        FUZZ_CHECK(migp_driver_reader_field(left, i, &a) == MIGP_OK);
        FUZZ_CHECK(migp_driver_reader_field(right, i, &b) == MIGP_OK);
        FUZZ_CHECK(strcmp(a.name, b.name) == 0);
        FUZZ_CHECK(a.kind == b.kind && a.size == b.size &&
                   a.number == b.number);
        FUZZ_CHECK(a.kind != MIGP_FIELD_BYTES ||
                   memcmp(a.bytes, b.bytes, a.size) == 0);
    }
}

static int has_finding(const struct migp_driver_reader *reader, uint32_t code)
{
    size_t i;

    for (i = 0; i < migp_driver_reader_finding_count(reader); i++) {
        struct migp_finding finding;

        FUZZ_CHECK(migp_driver_reader_finding(reader, i, &finding) == MIGP_OK);
        if (finding.code == code) {
            return 1;
        }
    }
    return 0;
}

static void check_chain(const struct migp_driver_reader *reader,
                        const struct feeding *feeding, uint16_t vendor,
                        int finish)
{
    int driver = migp_driver_reader_driver(reader);

    if (driver == MIGP_DRIVER_OPAQUE) {
        FUZZ_CHECK(finish == MIGP_OK);
        FUZZ_CHECK(migp_driver_reader_finding_count(reader) ==
                   (feeding->size > 0 &&
                    (vendor == VENDOR_MLX5 || vendor == VENDOR_VIRTIO)));
        FUZZ_CHECK(migp_driver_reader_field_count(reader) == 0);
    }
    if (driver != MIGP_DRIVER_MTTY &&
        (vendor == VENDOR_MLX5 || vendor == VENDOR_VIRTIO)) {
        FUZZ_CHECK(finish == walk(feeding->bytes, feeding->size, vendor));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct feeding feeding = fuzz_whole(bytes, size);
    struct migp_driver_reader *whole;
    struct migp_driver_reader *split;
    struct migp_mtty_state mtty = {.struct_size = sizeof(mtty)};
    uint16_t vendor = vendor_of(bytes, size);
    int finish_whole;
    int finish_split;
    int parsed;
    int skip;

    whole = read_in(&feeding, vendor, false, &finish_whole);
    parsed = migp_mtty_parse(feeding.bytes, feeding.size, &mtty, NULL);
    FUZZ_CHECK(
        (parsed == MIGP_ERR_NOT_A_STREAM || parsed == MIGP_ERR_TRUNCATED) ||
        migp_driver_reader_driver(whole) == MIGP_DRIVER_MTTY);
    /* ports that begin like the header are taken for it: [MT-4] */
    FUZZ_CHECK(parsed != MIGP_OK || finish_whole == MIGP_OK ||
               has_finding(whole, MIGP_FINDING_DRIVER_REPEAT));
    check_chain(whole, &feeding, vendor, finish_whole);
    feeding = fuzz_split(bytes, size);
    for (skip = 0; skip < 2; skip++) {
        split = read_in(&feeding, vendor, skip != 0, &finish_split);
        FUZZ_CHECK(finish_whole == finish_split);
        compare(whole, split);
        migp_driver_reader_free(split);
    }
    migp_driver_reader_free(whole);
    return 0;
}
