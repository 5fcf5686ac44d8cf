/* SPDX-License-Identifier: MIT */
#include "cmocka_all.h"

#include <migproto/finding.h>
#include <stdio.h>
#include <string.h>

#define X(name, number, severity, id, text)                                    \
    {name, number, MIGP_SEVERITY_##severity, id, text},
static const struct {
    unsigned name;
    unsigned number;
    int severity;
    const char *id;
    const char *text;
} listed[] = {MIGP_FINDING_LIST(X)};
#undef X

static void test_finding_id__every_code(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(listed); i++) {
        assert_int_equal(listed[i].name, listed[i].number);
        assert_string_equal(migp_finding_id(listed[i].number), listed[i].id);
        assert_int_equal(migp_finding_severity(listed[i].number),
                         listed[i].severity);
    }
}

static void test_finding_id__codes_and_names_are_unique(void **state)
{
    size_t i;
    size_t j;

    (void)state;
    for (i = 0; i < N_TESTS(listed); i++) {
        for (j = 0; j < i; j++) {
            assert_int_not_equal(listed[i].number, listed[j].number);
            assert_string_not_equal(listed[i].id, listed[j].id);
        }
    }
}

static void test_finding_id__numbers_that_are_none(void **state)
{
    uint32_t code;

    (void)state;
    assert_string_equal(migp_finding_id(0), "none");
    assert_string_equal(migp_finding_id(UINT32_MAX), "unknown");
    assert_int_equal(migp_finding_severity(0), MIGP_SEVERITY_NOTE);
    assert_int_equal(migp_finding_severity(UINT32_MAX), MIGP_SEVERITY_NOTE);
    for (code = 1; code < 300; code++) {
        size_t i;
        int known = 0;

        for (i = 0; i < N_TESTS(listed); i++) {
            known |= listed[i].number == code;
        }
        if (!known) {
            assert_string_equal(migp_finding_id(code), "unknown");
        }
    }
}

static void test_severity_id__names_and_others(void **state)
{
    (void)state;
    assert_string_equal(migp_severity_id(MIGP_SEVERITY_NOTE), "note");
    assert_string_equal(migp_severity_id(MIGP_SEVERITY_WARNING), "warning");
    assert_string_equal(migp_severity_id(MIGP_SEVERITY_ERROR), "error");
    assert_non_null(migp_severity_id(-1));
    assert_non_null(migp_severity_id(3));
}

/* The sentence from the list, filled in by other means than the library's. */
static void fill_in(const char *text, const struct migp_finding *finding,
                    char *out)
{
    while (*text) {
        if (strncmp(text, "{v}", 3) == 0 || strncmp(text, "{e}", 3) == 0) {
            out += sprintf(out, "%llu",
                           (unsigned long long)(text[1] == 'v'
                                                    ? finding->value
                                                    : finding->expected));
            text += 3;
        } else if (strncmp(text, "{V}", 3) == 0 ||
                   strncmp(text, "{E}", 3) == 0) {
            out += sprintf(out, "0x%llx",
                           (unsigned long long)(text[1] == 'V'
                                                    ? finding->value
                                                    : finding->expected));
            text += 3;
        } else {
            *out++ = *text++;
        }
    }
    *out = '\0';
}

static void test_finding_text__every_code_and_extreme_numbers(void **state)
{
    static const uint64_t numbers[] = {0,   1,          9,         10,
                                       255, UINT32_MAX, UINT64_MAX};
    size_t i;
    size_t j;

    (void)state;
    for (i = 0; i < N_TESTS(listed); i++) {
        if (strstr(listed[i].text, "{r}") || strstr(listed[i].text, "{s}")) {
            continue; /* see test_finding_text__names_of_records_and_sections */
        }
        for (j = 0; j < N_TESTS(numbers); j++) {
            struct migp_finding finding = {listed[i].number, 0, 0, numbers[j],
                                           numbers[N_TESTS(numbers) - 1 - j]};
            char text[MIGP_TEXT_MAX];
            char wanted[2 * MIGP_TEXT_MAX];
            migp_ssize length = migp_finding_text(&finding, text, sizeof(text));

            fill_in(listed[i].text, &finding, wanted);
            assert_string_equal(text, wanted);
            assert_int_equal(length, strlen(wanted));
            assert_null(strchr(text, '{'));
        }
    }
}

static void test_finding_text__names_of_records_and_sections(void **state)
{
    static const struct {
        uint32_t code;
        uint64_t value;
        const char *part;
    } cases[] = {{MIGP_FINDING_TAG_ORDER, 0, "something unknown is not"},
                 {MIGP_FINDING_TAG_ORDER, 1, "END is not"},
                 {MIGP_FINDING_TAG_ORDER, 3, "SETUP is not"},
                 {MIGP_FINDING_TAG_ORDER, 6, "CONFIG_LOAD_READY is not"},
                 {MIGP_FINDING_TAG_ORDER, 7, "something unknown is not"},
                 {MIGP_FINDING_TAG_ORDER, UINT64_MAX, "something unknown"},
                 {MIGP_FINDING_SECTION_ORDER, 1, "a START section"},
                 {MIGP_FINDING_SECTION_ORDER, 4, "a FULL section"},
                 {MIGP_FINDING_SECTION_ORDER, 5, "a something unknown"}};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(cases); i++) {
        struct migp_finding finding = {cases[i].code, 0, 0, cases[i].value, 0};
        char text[MIGP_TEXT_MAX];

        assert_true(migp_finding_text(&finding, text, sizeof(text)) > 0);
        assert_ptr_equal(strstr(text, cases[i].part), text);
    }
}

static void test_finding_text__tiny_buffers(void **state)
{
    struct migp_finding finding = {MIGP_FINDING_DATA_TOO_BIG, 0, 0, UINT64_MAX,
                                   12345};
    char whole[MIGP_TEXT_MAX];
    char text[MIGP_TEXT_MAX];
    migp_ssize length = migp_finding_text(&finding, whole, sizeof(whole));
    size_t size;

    (void)state;
    assert_int_equal(migp_finding_text(&finding, NULL, 0), length);
    for (size = 1; size < sizeof(text); size++) {
        size_t kept = size <= (size_t)length ? size - 1 : (size_t)length;

        memset(text, '#', sizeof(text));
        assert_int_equal(migp_finding_text(&finding, text, size), length);
        assert_memory_equal(text, whole, kept);
        assert_int_equal(text[kept], '\0');
        assert_int_equal(text[size], '#');
    }
}

static void test_finding_text__bad_arguments(void **state)
{
    struct migp_finding finding = {MIGP_FINDING_UNKNOWN_TAG, 0, 0, 0, 0};
    char text[8];

    (void)state;
    assert_int_equal(migp_finding_text(NULL, text, sizeof(text)),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_finding_text(NULL, NULL, 0),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_finding_text(&finding, NULL, 1),
                     MIGP_ERR_INVALID_ARGUMENT);
}

static void test_finding_text__a_code_that_is_none(void **state)
{
    struct migp_finding finding = {0x7fff, 0, 0, 1, 2};
    char text[MIGP_TEXT_MAX];

    (void)state;
    memset(text, '#', sizeof(text));
    assert_true(migp_finding_text(&finding, text, sizeof(text)) >= 0);
    assert_non_null(memchr(text, '\0', sizeof(text)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finding_id__every_code),
        cmocka_unit_test(test_finding_id__codes_and_names_are_unique),
        cmocka_unit_test(test_finding_id__numbers_that_are_none),
        cmocka_unit_test(test_severity_id__names_and_others),
        cmocka_unit_test(test_finding_text__every_code_and_extreme_numbers),
        cmocka_unit_test(test_finding_text__names_of_records_and_sections),
        cmocka_unit_test(test_finding_text__tiny_buffers),
        cmocka_unit_test(test_finding_text__bad_arguments),
        cmocka_unit_test(test_finding_text__a_code_that_is_none),
    };

    return cmocka_run_group_tests_name("finding", tests, NULL, NULL);
}
