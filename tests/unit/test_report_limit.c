/* SPDX-License-Identifier: MIT */

/* What a report keeps is limited; the rest is counted, and said. */

#include "cmocka_all.h"
#include "stream_of.h"

#include <migproto/report.h>
#include <stdio.h>
#include <string.h>

static struct migp_report *read_build(struct build *build,
                                      const struct migp_report_options *options)
{
    struct migp_report *report;

    assert_int_equal(migp_report_new(&report, options, NULL), MIGP_OK);
    (void)migp_report_feed(report, build->bytes, build->size, MIGP_FEED_LAST);
    (void)migp_report_finish(report, NULL);
    build_free(build);
    return report;
}

static bool has_finding(const struct migp_report *report, uint32_t code,
                        struct migp_report_finding *out)
{
    struct migp_report_summary summary = {.struct_size = sizeof(summary)};
    size_t i;

    assert_int_equal(migp_report_summary(report, &summary), MIGP_OK);
    for (i = 0; i < summary.n_findings; i++) {
        assert_int_equal(migp_report_finding(report, i, out), MIGP_OK);
        if (out->finding.code == code) {
            return true;
        }
    }
    return false;
}

static void test_records__at_below_and_above_the_limit(void **state)
{
    uint32_t limit;

    (void)state;
    for (limit = 6; limit <= 8; limit++) {
        struct build build = {NULL, 0, 0};
        struct migp_report_options options;
        struct migp_report_device device = {.struct_size = sizeof(device)};
        struct migp_report_finding found;
        struct migp_report *report;

        build_tag(&build, 3); /* 7 records */
        build_tag(&build, 1);
        build_data(&build, "abcdef", 6);
        build_data(&build, "ghi", 3);
        build_tag(&build, 1);
        build_tag(&build, 2);
        build_text(&build, "cfg");
        build_tag(&build, 1);
        migp_report_options_init(&options);
        options.max_records = limit;
        report = read_build(&build, &options);
        assert_int_equal(migp_report_device(report, 0, &device), MIGP_OK);
        assert_true(device.n_records == (limit < 7 ? limit : 7));
        assert_true(device.n_records_omitted == (limit < 7 ? 7 - limit : 0));
        assert_int_equal(device.complete, 1);
        assert_int_equal(
            has_finding(report, MIGP_FINDING_RECORDS_OMITTED, &found),
            limit < 7);
        if (limit < 7) {
            assert_true(found.finding.value == 1);
            assert_true(found.finding.expected == limit);
        }
        migp_report_free(report);
    }
}

static void build_devices(struct build *build, unsigned count)
{
    unsigned i;

    build_header(build);
    for (i = 0; i < count; i++) {
        char idstr[32];

        snprintf(idstr, sizeof(idstr), "0000:00:%02x.0/vfio", i);
        build_head(build, 1, 100 + i, idstr, 0, 1);
        build_tag(build, 3);
        build_tag(build, 1);
        build_footer(build, 100 + i);
    }
    build_tail(build);
}

static void test_devices__at_below_and_above_the_limit(void **state)
{
    uint32_t limit;

    (void)state;
    for (limit = 4; limit <= 6; limit++) {
        struct build build = {NULL, 0, 0};
        struct migp_report_options options;
        struct migp_report_summary summary = {.struct_size = sizeof(summary)};
        struct migp_report_finding found;
        struct migp_report *report;

        build_devices(&build, 5);
        migp_report_options_init(&options);
        options.max_devices = limit;
        report = read_build(&build, &options);
        assert_int_equal(migp_report_summary(report, &summary), MIGP_OK);
        assert_int_equal(summary.n_devices, limit < 5 ? limit : 5);
        assert_int_equal(has_finding(report, MIGP_FINDING_DEVICE_LIMIT, &found),
                         limit < 5);
        migp_report_free(report);
    }
}

static void test_findings__more_than_the_limit(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_report_options options;
    struct migp_report_summary summary = {.struct_size = sizeof(summary)};
    struct migp_report_finding found;
    struct migp_report *report;

    (void)state;
    build_devices(&build, 9); /* nine devices that do not end */
    migp_report_options_init(&options);
    options.max_findings = 4;
    report = read_build(&build, &options);
    assert_int_equal(migp_report_summary(report, &summary), MIGP_OK);
    assert_true(summary.n_findings <= 5);
    assert_int_equal(summary.worst, MIGP_SEVERITY_ERROR + 1);
    assert_true(has_finding(report, MIGP_FINDING_FINDINGS_OMITTED, &found));
    assert_true(found.finding.value == 5);
    migp_report_free(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records__at_below_and_above_the_limit),
        cmocka_unit_test(test_devices__at_below_and_above_the_limit),
        cmocka_unit_test(test_findings__more_than_the_limit),
    };

    return cmocka_run_group_tests_name("report_limit", tests, NULL, NULL);
}
