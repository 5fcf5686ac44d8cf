/* SPDX-License-Identifier: MIT */
#include "cmocka_all.h"

#include <migproto/core.h>
#include <string.h>

#define X(name, number, cls, id, text)                                         \
    {name, number, MIGP_ERROR_CLASS_##cls, id, text},
static const struct {
    int name;
    int number;
    int class_of;
    const char *id;
    const char *text;
} listed[] = {MIGP_ERROR_LIST(X)};
#undef X

static void test_error_id__every_code(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(listed); i++) {
        assert_int_equal(listed[i].name, listed[i].number);
        assert_string_equal(migp_error_id(listed[i].number), listed[i].id);
        assert_string_equal(migp_error_text(listed[i].number), listed[i].text);
        assert_int_equal(migp_error_class_of(listed[i].number),
                         listed[i].class_of);
    }
}

static void test_error_id__codes_are_unique(void **state)
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

static void test_error_id__ok_and_numbers_that_are_none(void **state)
{
    static const int none[] = {1, 2, -20, -4096, INT32_MAX, INT32_MIN};
    size_t i;

    (void)state;
    assert_string_equal(migp_error_id(MIGP_OK), "ok");
    assert_int_equal(migp_error_class_of(MIGP_OK), MIGP_ERROR_CLASS_NONE);
    assert_true(strlen(migp_error_text(MIGP_OK)) > 0);
    for (i = 0; i < N_TESTS(none); i++) {
        assert_string_equal(migp_error_id(none[i]), "unknown");
        assert_true(strlen(migp_error_text(none[i])) > 0);
        assert_int_equal(migp_error_class_of(none[i]), MIGP_ERROR_CLASS_NONE);
    }
}

static void test_error_text__is_a_sentence_without_full_stop(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(listed); i++) {
        const char *text = migp_error_text(listed[i].number);

        assert_true(strlen(text) > 10);
        assert_int_not_equal(text[strlen(text) - 1], '.');
        assert_true(strlen(text) < MIGP_TEXT_MAX);
    }
}

static void test_error_init__makes_the_initialiser(void **state)
{
    struct migp_error error;
    struct migp_error wanted = MIGP_ERROR_INIT;

    (void)state;
    memset(&error, 0xa5, sizeof(error));
    migp_error_init(&error);
    assert_int_equal(error.struct_size, wanted.struct_size);
    assert_int_equal(error.code, 0);
    assert_int_equal(error.finding, 0);
    assert_true(error.offset == 0 && error.value == 0 && error.expected == 0);
    assert_string_equal(error.text, "");
    migp_error_init(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_id__every_code),
        cmocka_unit_test(test_error_id__codes_are_unique),
        cmocka_unit_test(test_error_id__ok_and_numbers_that_are_none),
        cmocka_unit_test(test_error_text__is_a_sentence_without_full_stop),
        cmocka_unit_test(test_error_init__makes_the_initialiser),
    };

    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
