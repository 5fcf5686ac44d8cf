/* SPDX-License-Identifier: MIT */

/* The chains of tests/golden/made: in every split, every prefix, and with
 * what nobody looks at left out. */

#include "cmocka_all.h"

#include "record/driver_reader.h"
#include "support/file.h"
#include "support/made.h"

#include <inttypes.h>
#include <migproto/pci.h>
#include <migproto/report.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The device's state: payload of all DATA, and where each byte was. */
struct state {
    const struct made *made;
    uint8_t bytes[2048];
    uint64_t offsets[2048];
    size_t size;
    uint16_t vendor; /* of the CONFIG; 0: no PCI config */
};

static struct made *mades;
static struct state *states;
static size_t n_states;

static void take_event(struct state *it, const struct migp_event *event)
{
    struct migp_pci_config pci = {.struct_size = sizeof(pci)};
    size_t i;

    if (event->kind == MIGP_EVENT_DATA) {
        assert_true(it->size + event->size <= sizeof(it->bytes));
        memcpy(it->bytes + it->size, event->bytes, (size_t)event->size);
        for (i = 0; i < event->size; i++) {
            it->offsets[it->size++] = event->offset + i;
        }
    } else if (event->kind == MIGP_EVENT_CONFIG &&
               migp_pci_config_parse(event->bytes, (size_t)event->size, &pci,
                                     NULL) == MIGP_OK) {
        it->vendor = pci.vendor_id;
    }
}

static void read_state(struct state *it, const struct made *made)
{
    struct migp_event events[64];
    struct migp_decoder *decoder;
    size_t n_events;
    size_t i;

    it->made = made;
    assert_int_equal(migp_decoder_new(&decoder, NULL, NULL), MIGP_OK);
    assert_int_equal(migp_decoder_feed(decoder, made->bytes, made->size,
                                       MIGP_FEED_LAST, events, N_TESTS(events),
                                       &n_events),
                     made->size);
    for (i = 0; i < n_events; i++) {
        take_event(it, &events[i]);
    }
    migp_decoder_free(decoder);
}

static int load_all(void **state)
{
    struct file_list list = golden_list("made", ".hex");
    size_t i;

    (void)state;
    mades = calloc(list.count, sizeof(*mades));
    states = calloc(list.count, sizeof(*states));
    if (!mades || !states) {
        return -1;
    }
    for (i = 0; i < list.count; i++) {
        struct made made = made_load(list.files[i].name);

        if (made.driver) {
            mades[n_states] = made;
            read_state(&states[n_states], &mades[n_states]);
            n_states++;
        } else {
            made_free(&made);
        }
    }
    file_list_free(&list);
    return n_states >= 15 ? 0 : -1;
}

static int free_all(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < n_states; i++) {
        made_free(&mades[i]);
    }
    free(mades);
    free(states);
    return 0;
}

static struct migp_driver_reader *made_reader(void)
{
    struct migp_driver_reader *reader;

    assert_int_equal(migp_driver_reader_new(&reader), MIGP_OK);
    return reader;
}

/* Feed the first size bytes, piece by piece; a piece ends where the next byte
 * is not the next one of the input. skip: leave out what may be left out. */
static int feed_pieces(struct migp_driver_reader *reader,
                       const struct state *it, size_t size, size_t piece,
                       bool skip)
{
    size_t at = 0;

    while (at < size) {
        uint64_t idle = migp_driver_reader_uninteresting(reader);
        size_t now = 1;

        while (now < piece && at + now < size &&
               it->offsets[at + now] == it->offsets[at] + now) {
            now++;
        }
        if (skip && idle > 0) {
            now = idle < now ? (size_t)idle : now;
            assert_int_equal(migp_driver_reader_skip(reader, now), MIGP_OK);
        } else {
            assert_int_equal(migp_driver_reader_feed(reader, it->bytes + at,
                                                     now, it->offsets[at]),
                             MIGP_OK);
        }
        at += now;
    }
    if (it->vendor) {
        assert_int_equal(migp_driver_reader_set_vendor(reader, it->vendor),
                         MIGP_OK);
    }
    return migp_driver_reader_finish(reader,
                                     size > 0 ? it->offsets[size - 1] + 1 : 0);
}

static void expect_as_written(const struct migp_driver_reader *reader,
                              const struct state *it, int finish)
{
    const struct made *made = it->made;
    size_t i;

    if (finish != made->driver_finish) {
        fprintf(stderr, "%s: %s\n", made->name, migp_error_id(finish));
    }
    assert_int_equal(finish, made->driver_finish);
    assert_string_equal(migp_driver_id(migp_driver_reader_driver(reader)),
                        made->driver);
    for (i = 0; i < migp_driver_reader_finding_count(reader); i++) {
        struct migp_finding finding;
        char line[256];

        assert_int_equal(migp_driver_reader_finding(reader, i, &finding),
                         MIGP_OK);
        snprintf(line, sizeof(line), "%s %" PRIu64 " %" PRIu64 " %" PRIu64,
                 migp_finding_id(finding.code), finding.offset, finding.value,
                 finding.expected);
        assert_true(i < made->n_driver_findings);
        assert_string_equal(line, made->driver_findings[i]);
        assert_int_equal(finding.severity, migp_finding_severity(finding.code));
    }
    assert_int_equal(i, made->n_driver_findings);
}

static void test_made__as_written_in_every_split(void **state)
{
    size_t i;
    size_t piece;
    int skip;

    (void)state;
    for (i = 0; i < n_states; i++) {
        for (piece = 1; piece <= states[i].size; piece++) {
            for (skip = 0; skip < 2; skip++) {
                struct migp_driver_reader *reader = made_reader();
                int finish = feed_pieces(reader, &states[i], states[i].size,
                                         piece, skip != 0);

                expect_as_written(reader, &states[i], finish);
                migp_driver_reader_free(reader);
            }
        }
    }
}

static const struct state *named(const char *name)
{
    size_t i;

    for (i = 0; i < n_states; i++) {
        if (strstr(mades[i].name, name)) {
            return &states[i];
        }
    }
    fail_msg("no %s", name);
    return NULL;
}

/* Where the record that byte number size is in began, walked by hand. */
static size_t record_start(const struct state *it, size_t size)
{
    size_t at = 0;

    for (;;) {
        size_t next = at + 16 + it->bytes[at] + 256u * it->bytes[at + 1];

        if (next > size) {
            return at;
        }
        at = next;
    }
}

/* [DR-11] Every prefix of a good chain, but at the borders of records. */
static void test_finish__every_prefix_is_cut(void **state)
{
    static const char *const names[] = {"bare-mlx5.hex", "bare-virtio.hex",
                                        "bare-mlx5-in-chunks.hex",
                                        "bare-mlx5-optional-unknown.hex"};
    size_t borders = 0;
    size_t i;
    size_t size;

    (void)state;
    for (i = 0; i < N_TESTS(names); i++) {
        const struct state *it = named(names[i]);

        for (size = 1; size < it->size; size++) {
            struct migp_driver_reader *reader = made_reader();
            int finish = feed_pieces(reader, it, size, 7, (size & 1) != 0);
            size_t start = record_start(it, size);
            size_t n = migp_driver_reader_finding_count(reader);
            struct migp_finding finding = {0};

            assert_string_equal(
                migp_driver_id(migp_driver_reader_driver(reader)),
                it->made->driver);
            assert_true(n == 0 || migp_driver_reader_finding(
                                      reader, n - 1, &finding) == MIGP_OK);
            if (start == size) {
                borders++;
                assert_int_equal(finish, MIGP_OK);
                assert_int_not_equal(finding.code, MIGP_FINDING_DRIVER_CUT);
            } else {
                assert_int_equal(finish, MIGP_ERR_TRUNCATED);
                assert_int_equal(finding.code, MIGP_FINDING_DRIVER_CUT);
                assert_true(finding.offset == it->offsets[start]);
                assert_true(finding.value == size - start);
                assert_true(finding.expected > finding.value);
            }
            migp_driver_reader_free(reader);
        }
    }
    assert_int_equal(borders, 3 + 2 + 2 + 3);
}

/* [DR-2] Without a vendor, less than a head is nobody's. */
static void test_finish__less_than_a_head(void **state)
{
    struct state it = *named("bare-mlx5.hex");
    size_t size;

    (void)state;
    it.vendor = 0;
    for (size = 0; size < 16; size++) {
        struct migp_driver_reader *reader = made_reader();

        assert_int_equal(feed_pieces(reader, &it, size, 3, false), MIGP_OK);
        assert_int_equal(migp_driver_reader_driver(reader), MIGP_DRIVER_OPAQUE);
        assert_int_equal(migp_driver_reader_finding_count(reader), 0);
        assert_int_equal(migp_driver_reader_field_count(reader), 0);
        migp_driver_reader_free(reader);
    }
}

static uint64_t field_of(const struct migp_driver_reader *reader,
                         const char *name)
{
    struct migp_field field;
    size_t i;

    for (i = 0; migp_driver_reader_field(reader, i, &field) == MIGP_OK; i++) {
        if (strcmp(field.name, name) == 0) {
            assert_int_equal(field.kind, MIGP_FIELD_NUMBER);
            return field.number;
        }
    }
    fail_msg("no field %s", name);
    return 0;
}

static struct migp_driver_reader *read_whole(const char *name)
{
    const struct state *it = named(name);
    struct migp_driver_reader *reader = made_reader();

    (void)feed_pieces(reader, it, it->size, it->size, true);
    return reader;
}

static void test_fields__of_mlx5(void **state)
{
    struct migp_driver_reader *reader = read_whole("bare-mlx5.hex");

    (void)state;
    assert_int_equal(field_of(reader, "records"), 4);
    assert_int_equal(field_of(reader, "fw_data.images"), 3);
    assert_int_equal(field_of(reader, "fw_data.bytes"), 40 + 24 + 64);
    assert_int_equal(field_of(reader, "stop_copy_size"), 0x200000);
    assert_int_equal(field_of(reader, "unknown.records"), 0);
    migp_driver_reader_free(reader);

    reader = read_whole("bare-mlx5-mandatory-unknown.hex");
    assert_int_equal(field_of(reader, "records"), 4);
    assert_int_equal(field_of(reader, "unknown.records"), 2);
    assert_int_equal(field_of(reader, "unknown.bytes"), 3);
    migp_driver_reader_free(reader);

    /* of what was cut, the bytes that are there */
    reader = read_whole("bare-mlx5-cut-in-payload.hex");
    assert_int_equal(field_of(reader, "fw_data.bytes"), 32 + 31);
    migp_driver_reader_free(reader);
}

static void test_fields__of_virtio(void **state)
{
    struct migp_driver_reader *reader = read_whole("bare-virtio.hex");

    (void)state;
    assert_int_equal(field_of(reader, "records"), 3);
    assert_int_equal(field_of(reader, "device_data.contexts"), 3);
    assert_int_equal(field_of(reader, "device_data.bytes"), 3 * 155);
    assert_int_equal(field_of(reader, "device_data.last"), 155);
    assert_int_equal(field_of(reader, "device_data.last_parts"), 6);
    assert_int_equal(field_of(reader, "unknown.records"), 0);
    migp_driver_reader_free(reader);

    reader = read_whole("bare-virtio-optional-unknown.hex");
    assert_int_equal(field_of(reader, "unknown.records"), 2);
    assert_int_equal(field_of(reader, "unknown.bytes"), 8);
    migp_driver_reader_free(reader);
}

static void test_fields__of_either(void **state)
{
    struct migp_driver_reader *reader = read_whole("bare-records.hex");

    (void)state;
    assert_int_equal(field_of(reader, "tag_0.records"), 2);
    assert_int_equal(field_of(reader, "tag_0.bytes"), 20 + 33);
    assert_int_equal(field_of(reader, "tag_0.last"), 33);
    migp_driver_reader_free(reader);
}

/* The same lines from a report, among those about the rest of the stream. */
static void expect_reported(const struct made *made)
{
    struct migp_report_device device = {.struct_size = sizeof(device)};
    struct migp_report_finding found;
    struct migp_report *report;
    size_t told = 0;
    size_t i;

    assert_int_equal(migp_report_new(&report, NULL, NULL), MIGP_OK);
    assert_int_equal(
        migp_report_feed(report, made->bytes, made->size, MIGP_FEED_LAST),
        (migp_ssize)made->size);
    assert_int_equal(migp_report_finish(report, NULL) == MIGP_OK,
                     made->driver_finish == MIGP_OK);
    assert_int_equal(migp_report_device(report, 0, &device), MIGP_OK);
    assert_string_equal(migp_driver_id((int)device.driver), made->driver);
    for (i = 0; migp_report_finding(report, i, &found) == MIGP_OK; i++) {
        char line[256];

        snprintf(line, sizeof(line), "%s %" PRIu64 " %" PRIu64 " %" PRIu64,
                 migp_finding_id(found.finding.code), found.finding.offset,
                 found.finding.value, found.finding.expected);
        if (told < made->n_driver_findings &&
            strcmp(line, made->driver_findings[told]) == 0) {
            assert_int_equal(found.device, 0);
            told++;
        }
    }
    assert_int_equal(told, made->n_driver_findings);
    migp_report_free(report);
}

static void test_report__tells_the_same(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < n_states; i++) {
        expect_reported(&mades[i]);
    }
}

/* [DR-1] */
static void test_parse__is_little_endian(void **state)
{
    static const uint8_t head[] = {1,  2,  3,  4,  5,  6,  7,  8, 9,
                                   10, 11, 12, 13, 14, 15, 16, 17};
    struct migp_driver_record record = {7, 7, 7};
    size_t size;

    (void)state;
    for (size = 0; size < 16; size++) {
        assert_int_equal(migp_driver_record_parse(head, size, &record),
                         MIGP_ERR_NEED_MORE);
    }
    assert_true(record.size == 7 && record.flags == 7 && record.tag == 7);
    assert_int_equal(migp_driver_record_parse(head, sizeof(head), &record),
                     MIGP_OK);
    assert_true(record.size == UINT64_C(0x0807060504030201));
    assert_int_equal(record.flags, 0x0c0b0a09);
    assert_int_equal(record.tag, 0x100f0e0d);
}

static void test_parse__bad_arguments(void **state)
{
    uint8_t head[16] = {0};
    struct migp_driver_record record;

    (void)state;
    assert_int_equal(migp_driver_record_parse(NULL, 16, &record),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_driver_record_parse(head, 16, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_driver_record_parse(NULL, 0, &record),
                     MIGP_ERR_NEED_MORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made__as_written_in_every_split),
        cmocka_unit_test(test_finish__every_prefix_is_cut),
        cmocka_unit_test(test_finish__less_than_a_head),
        cmocka_unit_test(test_fields__of_mlx5),
        cmocka_unit_test(test_fields__of_virtio),
        cmocka_unit_test(test_fields__of_either),
        cmocka_unit_test(test_report__tells_the_same),
        cmocka_unit_test(test_parse__is_little_endian),
        cmocka_unit_test(test_parse__bad_arguments),
    };

    return cmocka_run_group_tests_name("driver_record", tests, load_all,
                                       free_all);
}
