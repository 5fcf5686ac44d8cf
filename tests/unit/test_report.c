/* SPDX-License-Identifier: MIT */
#include "cmocka_all.h"
#include "stream_of.h"

#include "support/file.h"
#include "support/made.h"

#include <migproto/report.h>
#include <stdio.h>
#include <string.h>

static struct migp_report *read_bytes(const void *bytes, size_t size,
                                      const struct migp_report_options *options,
                                      migp_ssize *fed, int *finish)
{
    struct migp_report *report;

    assert_int_equal(migp_report_new(&report, options, NULL), MIGP_OK);
    *fed = migp_report_feed(report, bytes, size, MIGP_FEED_LAST);
    *finish = migp_report_finish(report, NULL);
    return report;
}

static struct migp_report_summary summary_of(const struct migp_report *report)
{
    struct migp_report_summary summary = {.struct_size = sizeof(summary)};

    assert_int_equal(migp_report_summary(report, &summary), MIGP_OK);
    return summary;
}

static struct migp_report_device device_of(const struct migp_report *report,
                                           size_t i)
{
    struct migp_report_device device = {.struct_size = sizeof(device)};

    assert_int_equal(migp_report_device(report, i, &device), MIGP_OK);
    return device;
}

static bool has_finding(const struct migp_report *report, uint32_t code,
                        struct migp_report_finding *out)
{
    struct migp_report_summary summary = summary_of(report);
    size_t i;

    for (i = 0; i < summary.n_findings; i++) {
        assert_int_equal(migp_report_finding(report, i, out), MIGP_OK);
        if (out->finding.code == code) {
            return true;
        }
    }
    return false;
}

static void test_options_init__defaults(void **state)
{
    struct migp_report_options options;

    (void)state;
    memset(&options, 0xa5, sizeof(options));
    migp_report_options_init(&options);
    assert_int_equal(options.struct_size, sizeof(options));
    assert_int_equal(options.max_records, MIGP_DEFAULT_MAX_RECORDS);
    assert_int_equal(options.max_devices, MIGP_DEFAULT_MAX_DEVICES);
    assert_int_equal(options.max_findings, MIGP_DEFAULT_MAX_FINDINGS);
    assert_int_equal(options.dialects, MIGP_DIALECT_ANY);
    assert_null(options.qemu);
    assert_null(options.sink);
    migp_report_options_init(NULL);
}

static void test_report__one_real_stream(void **state)
{
    struct file file = golden_load("qemu/e-machine-9.2/main.bin");
    migp_ssize fed;
    int finish;
    struct migp_report *report =
        read_bytes(file.bytes, file.size, NULL, &fed, &finish);
    struct migp_report_summary summary = summary_of(report);
    struct migp_report_device device = device_of(report, 0);
    struct migp_report_record record;

    (void)state;
    assert_int_equal(fed, file.size);
    assert_int_equal(finish, MIGP_OK);
    assert_int_equal(summary.format, MIGP_FORMAT_QEMU);
    assert_int_equal(summary.complete, 1);
    assert_string_equal(summary.machine, "pc-q35-9.2");
    assert_true(summary.bytes == file.size);
    assert_int_equal(summary.page_size, 4096);
    assert_int_equal(summary.footers, MIGP_QEMU_FOOTERS_ON);
    assert_int_equal(summary.has_vmdesc, 1);
    assert_int_equal(summary.has_switchover_start, 0);
    assert_int_equal(summary.n_devices, 1);
    assert_int_equal(summary.n_findings, 0);
    assert_int_equal(summary.worst, 0);
    assert_int_equal(summary.failed, 0);
    assert_string_equal(device.id, "0000:00:02.0/vfio");
    assert_int_equal(device.driver, MIGP_DRIVER_MTTY);
    assert_int_equal(device.complete, 1);
    assert_true(device.precopy_bytes == 24 && device.stopcopy_bytes == 36);
    assert_int_equal(device.has_pci, 1);
    assert_int_equal(device.pci.vendor_id, 0x4348);
    assert_int_equal(device.pci.device_id, 0x3253);
    assert_int_equal(migp_report_record(report, 0, 0, &record), MIGP_OK);
    assert_int_equal(record.kind, MIGP_EVENT_SETUP);
    assert_int_equal(record.section, MIGP_SECTION_START);
    assert_int_equal(record.input, 0);
    assert_int_equal(migp_report_record(report, 0, device.n_records, &record),
                     MIGP_ERR_INVALID_ARGUMENT);
    migp_report_free(report);
    file_free(&file);
}

/* Parts, empty parts, an unfinished device, a driver cut short. */
static void test_report__replayed_damage(void **state)
{
    static const struct {
        const char *name;
        int code;
        uint32_t finding;
        uint64_t offset;
        uint32_t worst;
    } cases[] = {
        {"01-trunc-in-final-vfio-data", MIGP_ERR_TRUNCATED,
         MIGP_FINDING_TRUNCATED, 202043, MIGP_SEVERITY_ERROR + 1},
        {"03-first-data-size-plus-1", MIGP_ERR_MALFORMED,
         MIGP_FINDING_UNKNOWN_TAG, 102773, MIGP_SEVERITY_ERROR + 1},
        {"05-first-data-size-zero", MIGP_ERR_MALFORMED,
         MIGP_FINDING_UNKNOWN_TAG, 102748, MIGP_SEVERITY_ERROR + 1},
        {"06-unknown-tag", MIGP_ERR_MALFORMED, MIGP_FINDING_UNKNOWN_TAG, 102732,
         MIGP_SEVERITY_ERROR + 1},
        {"07-final-vfio-data-dropped", MIGP_ERR_MALFORMED,
         MIGP_FINDING_DRIVER_SHORT, 202031, MIGP_SEVERITY_ERROR + 1},
        {"09-footer-wrong-id", MIGP_ERR_MALFORMED, MIGP_FINDING_FOOTER_MISMATCH,
         202083, MIGP_SEVERITY_ERROR + 1},
        {"16-vmdesc-missing", MIGP_OK, MIGP_FINDING_VMDESC_MISSING, 238737,
         MIGP_SEVERITY_WARNING + 1},
    };
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(cases); i++) {
        char name[128];
        struct file file;
        struct migp_report *report;
        struct migp_report_finding found;
        migp_ssize fed;
        int finish;

        snprintf(name, sizeof(name), "replay/%s.bin", cases[i].name);
        file = golden_load(name);
        report = read_bytes(file.bytes, file.size, NULL, &fed, &finish);
        assert_int_equal(finish, cases[i].code);
        assert_true(has_finding(report, cases[i].finding, &found));
        assert_true(found.finding.offset == cases[i].offset);
        assert_int_equal(summary_of(report).worst, cases[i].worst);
        migp_report_free(report);
        file_free(&file);
    }
}

static void test_report__bare_streams(void **state)
{
    struct made made = made_load("made/bare-ramfb.hex");
    migp_ssize fed;
    int finish;
    struct migp_report *report =
        read_bytes(made.bytes, made.size, NULL, &fed, &finish);
    struct migp_report_summary summary = summary_of(report);
    struct migp_report_device device = device_of(report, 0);

    (void)state;
    assert_int_equal(finish, MIGP_OK);
    assert_int_equal(summary.format, MIGP_FORMAT_STREAM);
    assert_int_equal(summary.complete, 1);
    assert_int_equal(summary.page_size, 0);
    assert_string_equal(summary.machine, "");
    assert_string_equal(device.id, "");
    assert_int_equal(device.section_id, 0);
    assert_int_equal(device.has_config, 1);
    assert_true(device.config_size == 5207);
    assert_int_equal(device.pci.has_ramfb, 1);
    migp_report_free(report);
    made_free(&made);
}

static void test_report__neither_format(void **state)
{
    static const char *const inputs[] = {"", "Q", "QEV",
                                         ("\x7f"
                                          "ELF\1\1\1\0"),
                                         "{\"a\": 1} and more"};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(inputs); i++) {
        struct migp_report_finding found;
        migp_ssize fed;
        int finish;
        struct migp_report *report =
            read_bytes(inputs[i], strlen(inputs[i]), NULL, &fed, &finish);

        assert_true(finish == MIGP_ERR_NOT_A_STREAM ||
                    finish == MIGP_ERR_TRUNCATED);
        assert_int_equal(summary_of(report).complete, 0);
        assert_int_equal(summary_of(report).n_devices, 0);
        assert_int_equal(summary_of(report).worst, MIGP_SEVERITY_ERROR + 1);
        assert_true(has_finding(report, MIGP_FINDING_NOT_A_STREAM, &found) ||
                    has_finding(report, MIGP_FINDING_TRUNCATED, &found));
        migp_report_free(report);
    }
}

static void test_report__no_vfio_device(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_report_finding found;
    struct migp_report *report;
    migp_ssize fed;
    int finish;

    (void)state;
    build_header(&build);
    build_head(&build, 4, 1, "timer", 0, 1);
    build_u8(&build, 0x55);
    build_footer(&build, 1);
    build_tail(&build);
    report = read_bytes(build.bytes, build.size, NULL, &fed, &finish);
    assert_int_equal(finish, MIGP_OK);
    assert_true(has_finding(report, MIGP_FINDING_NO_DEVICE, &found));
    assert_int_equal(summary_of(report).worst, MIGP_SEVERITY_NOTE + 1);
    assert_int_equal(found.device, -1);
    migp_report_free(report);
    build_free(&build);
}

/* State that went over multifd channels is not in this file. */
static void test_report__state_on_multifd(void **state)
{
    static const char *const names[] = {"made/qemu-load-ready.hex",
                                        "made/qemu-full-end-only.hex"};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(names); i++) {
        struct made made = made_load(names[i]);
        struct migp_report_finding found;
        migp_ssize fed;
        int finish;
        struct migp_report *report =
            read_bytes(made.bytes, made.size, NULL, &fed, &finish);

        assert_true(has_finding(report, MIGP_FINDING_LOAD_READY, &found));
        assert_int_equal(found.device, 0);
        assert_int_equal(device_of(report, 0).has_config, 0);
        migp_report_free(report);
        made_free(&made);
    }
}

static void test_report__init_data_sent_again(void **state)
{
    struct file file = golden_load("qemu/r-reinit-3/main.bin");
    struct migp_report_finding found;
    migp_ssize fed;
    int finish;
    struct migp_report *report =
        read_bytes(file.bytes, file.size, NULL, &fed, &finish);

    (void)state;
    assert_int_equal(finish, MIGP_OK);
    assert_true(has_finding(report, MIGP_FINDING_INIT_REPEATED, &found));
    assert_true(has_finding(report, MIGP_FINDING_DRIVER_REPEAT, &found));
    assert_true(found.finding.value == 3);
    assert_int_equal(summary_of(report).worst, MIGP_SEVERITY_WARNING + 1);
    assert_true(device_of(report, 0).precopy_bytes == 96);
    migp_report_free(report);
    file_free(&file);
}

struct sunk {
    uint64_t bytes;
    uint64_t digest;
    size_t records;
};

static void sink(void *user, size_t device, int section,
                 const struct migp_event *event)
{
    struct sunk *sunk = user;

    (void)section;
    assert_int_equal(device, 0);
    sunk->records += event->kind != MIGP_EVENT_DATA;
    if (event->kind == MIGP_EVENT_DATA) {
        sunk->bytes += event->size;
        sunk->digest =
            digest_bytes(sunk->digest, event->bytes, (size_t)event->size);
    }
}

static void test_sink__gets_the_device_state(void **state)
{
    struct file file = golden_load("qemu/a-one-exec/main.bin");
    struct sunk sunk = {0, DIGEST_START, 0};
    struct migp_report_options options;
    struct migp_report *report;
    migp_ssize fed;
    int finish;
    uint64_t digest = DIGEST_START;
    uint64_t i;

    (void)state;
    migp_report_options_init(&options);
    options.sink = sink;
    options.user = &sunk;
    report = read_bytes(file.bytes, file.size, &options, &fed, &finish);
    assert_int_equal(sunk.bytes, 60);
    assert_int_equal(sunk.records, device_of(report, 0).n_records);
    for (i = 0; i < device_of(report, 0).n_records; i++) {
        struct migp_report_record record;

        assert_int_equal(migp_report_record(report, 0, i, &record), MIGP_OK);
        if (record.kind == MIGP_EVENT_DATA_BEGIN) {
            digest = digest_bytes(digest, file.bytes + record.offset + 16,
                                  (size_t)record.size);
        }
    }
    assert_true(digest == sunk.digest);
    migp_report_free(report);
    file_free(&file);
}

/* Seeking over what nobody looks at gives the same answers. */
static void test_skip__same_answers(void **state)
{
    struct file file = golden_load("qemu/d-iterations/main.bin");
    struct migp_report *report;
    size_t at = 0;
    size_t skipped = 0;
    size_t window = 512;

    (void)state;
    assert_int_equal(migp_report_new(&report, NULL, NULL), MIGP_OK);
    while (at < file.size) {
        uint64_t skip = migp_report_skippable(report);
        size_t now = window < file.size - at ? window : file.size - at;
        migp_ssize got;

        assert_int_equal(migp_report_skip(report, skip + 1),
                         MIGP_ERR_INVALID_ARGUMENT);
        if (skip > 0) {
            assert_int_equal(migp_report_skip(report, skip), MIGP_OK);
            at += (size_t)skip;
            skipped += (size_t)skip;
            continue;
        }
        got = migp_report_feed(report, file.bytes + at, now,
                               now == file.size - at ? MIGP_FEED_LAST : 0);
        assert_true(got >= 0);
        at += (size_t)got;
        window =
            migp_report_need(report) > 512 ? migp_report_need(report) : 512;
    }
    assert_int_equal(migp_report_finish(report, NULL), MIGP_OK);
    assert_true(skipped > 100000);
    assert_true(device_of(report, 0).precopy_bytes == 24);
    assert_int_equal(device_of(report, 0).complete, 1);
    migp_report_free(report);
    file_free(&file);
}

static void test_calls__bad_arguments_and_state(void **state)
{
    struct migp_report *report;
    struct migp_report_options options;
    struct migp_report_finding finding;
    struct migp_report_record record;
    struct migp_report_device device = {.struct_size = sizeof(device)};
    struct migp_field field;

    (void)state;
    assert_int_equal(migp_report_new(NULL, NULL, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    migp_report_options_init(&options);
    options.dialects = 16;
    assert_int_equal(migp_report_new(&report, &options, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_null(report);
    assert_int_equal(migp_report_new(&report, NULL, NULL), MIGP_OK);
    assert_int_equal(migp_report_feed(NULL, "", 0, 0),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_report_feed(report, NULL, 1, 0),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_report_feed(report, "", 0, 2),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_report_device(report, 0, &device),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_report_device(NULL, 0, &device),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_report_record(report, 0, 0, &record),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_report_field(report, 0, 0, &field),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_report_finding(report, 0, &finding),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_report_summary(report, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_report_skip(NULL, 0), MIGP_ERR_INVALID_ARGUMENT);
    (void)migp_report_finish(report, NULL);
    assert_int_equal(migp_report_feed(report, "QEVM", 4, 0), MIGP_ERR_STATE);
    assert_int_equal(migp_report_finish(NULL, NULL), MIGP_ERR_INVALID_ARGUMENT);
    migp_report_free(report);
    migp_report_free(NULL);
    assert_string_equal(migp_format_id(MIGP_FORMAT_QEMU), "qemu");
    assert_string_equal(migp_format_id(MIGP_FORMAT_STREAM), "stream");
    assert_string_equal(migp_format_id(MIGP_FORMAT_UNKNOWN), "unknown");
    assert_string_equal(migp_format_id(77), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_init__defaults),
        cmocka_unit_test(test_report__one_real_stream),
        cmocka_unit_test(test_report__replayed_damage),
        cmocka_unit_test(test_report__bare_streams),
        cmocka_unit_test(test_report__neither_format),
        cmocka_unit_test(test_report__no_vfio_device),
        cmocka_unit_test(test_report__state_on_multifd),
        cmocka_unit_test(test_report__init_data_sent_again),
        cmocka_unit_test(test_sink__gets_the_device_state),
        cmocka_unit_test(test_skip__same_answers),
        cmocka_unit_test(test_calls__bad_arguments_and_state),
    };

    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
