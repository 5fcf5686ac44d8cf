/* SPDX-License-Identifier: MIT */

/* Device state, whole and cut: the same driver, fields and findings. */

#include "fuzz/check.h"

#include <string.h>

static struct migp_driver_reader *read_in(const struct feeding *feeding,
                                          int *finish)
{
    struct migp_driver_reader *reader;
    size_t at = 0;

    FUZZ_CHECK(migp_driver_reader_new(&reader) == MIGP_OK);
    while (at < feeding->size) {
        size_t now = feeding->size - at;

        if (feeding->chunk && now > feeding->chunk) {
            now = feeding->chunk;
        }
        FUZZ_CHECK(migp_driver_reader_feed(reader, feeding->bytes + at, now,
                                           at) == MIGP_OK);
        at += now;
    }
    *finish = migp_driver_reader_finish(reader, at);
    return reader;
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

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct feeding feeding = fuzz_whole(bytes, size);
    struct migp_driver_reader *whole;
    struct migp_driver_reader *split;
    struct migp_mtty_state mtty = {.struct_size = sizeof(mtty)};
    int finish_whole;
    int finish_split;
    int parsed;

    whole = read_in(&feeding, &finish_whole);
    parsed = migp_mtty_parse(feeding.bytes, feeding.size, &mtty, NULL);
    FUZZ_CHECK(
        (parsed == MIGP_ERR_NOT_A_STREAM || parsed == MIGP_ERR_TRUNCATED) ||
        migp_driver_reader_driver(whole) == MIGP_DRIVER_MTTY);
    /* ports that begin like the header are taken for it: [MT-4] */
    FUZZ_CHECK(parsed != MIGP_OK || finish_whole == MIGP_OK ||
               has_finding(whole, MIGP_FINDING_DRIVER_REPEAT));
    feeding = fuzz_split(bytes, size);
    split = read_in(&feeding, &finish_split);
    FUZZ_CHECK(finish_whole == finish_split);
    compare(whole, split);
    migp_driver_reader_free(whole);
    migp_driver_reader_free(split);
    return 0;
}
