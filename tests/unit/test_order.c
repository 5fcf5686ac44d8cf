/* SPDX-License-Identifier: MIT */

/*
 * Which record may follow which, in every dialect, written down from the
 * grammar of docs/protocol.md and tried through the decoder.
 *
 * A sequence is a row of sections: 1 START, 2 PART, 3 END, 4 FULL, each with
 * its records: S SETUP, E END_OF_STATE, D DATA, Z DATA of size 0, C CONFIG,
 * I INIT_DATA_SENT, L CONFIG_LOAD_READY.
 */

#include "cmocka_all.h"

#include "support/build.h"

#include <migproto/stream.h>
#include <stdio.h>
#include <string.h>

#define Q52 MIGP_DIALECT_QEMU_5_2
#define V1 MIGP_DIALECT_V1
#define V2 MIGP_DIALECT_V2
#define ALL MIGP_DIALECT_ANY

static const struct {
    const char *sections;
    uint32_t dialects; /* that allow it to its end */
    uint32_t whole;    /* in which the device's state is whole then */
} sequences[] = {
    {"1SE", ALL, 0},
    {"1SE 2E", V2, 0},
    {"1SE 2DE", ALL, 0},
    {"1SE 2ZE", Q52 | V1, 0},
    {"1SE 2DE 2DE 2DE", ALL, 0},
    {"1SE 2DE 2E 2E 2DE", V2, 0},
    {"1SE 2DI", V2, 0},
    {"1SE 2I", V2, 0},
    {"1SE 2I 2DI 2E", V2, 0},
    {"1SE 3E", V1 | V2, 0},
    {"1SE 3DE", V1 | V2, 0},
    {"1SE 3DDDE", V1 | V2, 0},
    {"1SE 3CEE", Q52, Q52},
    {"1SE 3CEDE", Q52, Q52},
    {"1SE 3CEDDE", Q52, Q52},
    {"1SE 2DE 3CEDE", Q52, Q52},
    {"1SE 3E 4CE", V1 | V2, V1 | V2},
    {"1SE 2DE 3DE 4CE", V1 | V2, V1 | V2},
    {"1SE 2ZE 3DE 4CE", V1, V1},
    {"1SE 2DI 3DE 4CE", V2, V2},
    {"1SE 3E 4E", V2, V2},
    {"1SE 3E 4L", V2, V2},
    {"1SE 2DE 3E 4L", V2, V2},
    /* nothing of the kind */
    {"1E", 0, 0},
    {"1D", 0, 0},
    {"1C", 0, 0},
    {"1I", 0, 0},
    {"1L", 0, 0},
    {"1SS", 0, 0},
    {"1SD", 0, 0},
    {"1SC", 0, 0},
    {"1SI", 0, 0},
    {"1SL", 0, 0},
    {"2E", 0, 0},
    {"2DE", 0, 0},
    {"3E", 0, 0},
    {"4CE", 0, 0},
    {"4E", 0, 0},
    {"1SE 1SE", 0, 0},
    {"1SE 4CE", 0, 0},
    {"1SE 4E", 0, 0},
    {"1SE 4L", 0, 0},
    {"1SE 2S", 0, 0},
    {"1SE 2C", 0, 0},
    {"1SE 2L", 0, 0},
    {"1SE 2DS", 0, 0},
    {"1SE 2DD", 0, 0},
    {"1SE 2DC", 0, 0},
    {"1SE 2DL", 0, 0},
    {"1SE 3S", 0, 0},
    {"1SE 3I", 0, 0},
    {"1SE 3L", 0, 0},
    {"1SE 3DI", 0, 0},
    {"1SE 3DC", 0, 0},
    {"1SE 3DS", 0, 0},
    {"1SE 3DL", 0, 0},
    {"1SE 3CED", Q52, 0},
    {"1SE 3CES", 0, 0},
    {"1SE 3CEC", 0, 0},
    {"1SE 3CEI", 0, 0},
    {"1SE 3CEL", 0, 0},
    {"1SE 3CEDC", 0, 0},
    {"1SE 3CEDS", 0, 0},
    {"1SE 3CEDE 4CE", 0, 0},
    {"1SE 3CEDE 4E", 0, 0},
    {"1SE 3E 2DE", 0, 0},
    {"1SE 3E 2E", 0, 0},
    {"1SE 3E 3E", 0, 0},
    {"1SE 3E 1SE", 0, 0},
    {"1SE 3E 4S", 0, 0},
    {"1SE 3E 4D", 0, 0},
    {"1SE 3E 4I", 0, 0},
    {"1SE 3E 4CE 4CE", 0, 0},
    {"1SE 3E 4CE 2E", 0, 0},
    {"1SE 3E 4CE 3E", 0, 0},
    {"1SE 3E 4CE 1SE", 0, 0},
    {"1SE 3E 4E 4CE", 0, 0},
    {"1SE 3E 4L 4CE", 0, 0},
    {"1SE 2ZE 2DI", 0, 0},
    {"1SE 2ZE 2E", 0, 0},
    {"1SE 2ZE 3E 4L", 0, 0},
    {"1SE 3ZE", V1, 0},
    {"1SE 3CEZE", Q52, Q52},
};

static void put_record(struct build *build, char letter)
{
    static const char letters[] = "?ECSDIL";

    switch (letter) {
    case 'D':
        build_data(build, "payload", 7);
        break;
    case 'Z':
        build_data(build, "", 0);
        break;
    case 'C':
        build_tag(build, 2);
        build_text(build, "config's bytes");
        break;
    default:
        build_tag(build, (unsigned)(strchr(letters, letter) - letters));
        break;
    }
}

/* Feed one section; *all is false when its payload was not all taken. */
static int feed_section(struct migp_decoder *decoder, int kind,
                        const struct build *build, uint64_t offset)
{
    struct migp_event events[32];
    size_t n_events;
    migp_ssize got;
    int code = migp_decoder_begin_section(decoder, kind, offset, NULL);

    if (code != MIGP_OK) {
        return code;
    }
    got = migp_decoder_feed(decoder, build->bytes, build->size, 0, events, 32,
                            &n_events);
    if (got < 0) {
        return (int)got;
    }
    return (size_t)got == build->size ? MIGP_OK : MIGP_ERR_NEED_MORE;
}

/* What came of a sequence in these dialects: MIGP_OK or a failure. */
static int try_sequence(const char *text, uint32_t dialects, int *finish,
                        uint32_t *left)
{
    struct migp_decoder_options options;
    struct migp_decoder *decoder;
    uint64_t offset = 0;
    int code = MIGP_OK;

    migp_decoder_options_init(&options);
    options.dialects = dialects;
    assert_int_equal(migp_decoder_new(&decoder, &options, NULL), MIGP_OK);
    while (*text && code == MIGP_OK) {
        struct build build = {NULL, 0, 0};
        int kind = *text++ - '0';

        for (; *text && *text != ' '; text++) {
            put_record(&build, *text);
        }
        text += *text == ' ';
        code = feed_section(decoder, kind, &build, offset);
        offset += build.size;
        build_free(&build);
    }
    *finish = migp_decoder_finish(decoder, NULL);
    *left = migp_decoder_dialects(decoder);
    migp_decoder_free(decoder);
    return code;
}

/* [DS-2] [DS-3] [DS-4] [DS-5] [DS-6] */
static void test_order__each_dialect_alone(void **state)
{
    static const uint32_t dialects[] = {Q52, V1, V2};
    size_t bad = 0;
    size_t i;
    size_t j;

    (void)state;
    for (i = 0; i < N_TESTS(sequences); i++) {
        for (j = 0; j < N_TESTS(dialects); j++) {
            int finish;
            uint32_t left;
            int code;
            int want;
            int end;

            /* v2 writes none, but takes one: see below */
            if (dialects[j] == V2 && strchr(sequences[i].sections, 'Z')) {
                continue;
            }
            code = try_sequence(sequences[i].sections, dialects[j], &finish,
                                &left);
            want = sequences[i].dialects & dialects[j] ? MIGP_OK
                                                       : MIGP_ERR_MALFORMED;
            end = want != MIGP_OK                    ? want
                  : sequences[i].whole & dialects[j] ? MIGP_OK
                                                     : MIGP_ERR_TRUNCATED;

            if (code != want || finish != end) {
                fprintf(stderr, "%s in %s: %s, finish %s\n",
                        sequences[i].sections, migp_dialect_id(dialects[j]),
                        migp_error_id(code), migp_error_id(finish));
                bad++;
            }
        }
    }
    assert_int_equal(bad, 0);
}

/* [DS-2] */
static void test_order__all_dialects_at_once(void **state)
{
    size_t bad = 0;
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(sequences); i++) {
        int finish;
        uint32_t left;
        int code = try_sequence(sequences[i].sections, ALL, &finish, &left);

        if (sequences[i].dialects == 0
                ? code != MIGP_ERR_MALFORMED
                : code != MIGP_OK || left != sequences[i].dialects) {
            fprintf(stderr, "%s: %s, dialects %#x\n", sequences[i].sections,
                    migp_error_id(code), left);
            bad++;
        }
        assert_int_not_equal(left, 0);
    }
    assert_int_equal(bad, 0);
}

/* Where v1 is ruled out a DATA of size 0 is worth a warning, no more. */
/* [DS-8] */
static void test_order__zero_size_data_in_v2(void **state)
{
    static const struct {
        const char *sections;
        uint32_t dialects;
    } cases[] = {{"1SE 2ZE 3DE 4CE", V2},
                 {"1SE 2ZI 3ZZE 4L", V2},
                 {"1SE 2DI 2ZE 3E 4E", ALL}};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(cases); i++) {
        int finish;
        uint32_t left;

        assert_int_equal(
            try_sequence(cases[i].sections, cases[i].dialects, &finish, &left),
            MIGP_OK);
        assert_int_equal(finish, MIGP_OK);
        assert_int_equal(left, V2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order__each_dialect_alone),
        cmocka_unit_test(test_order__all_dialects_at_once),
        cmocka_unit_test(test_order__zero_size_data_in_v2),
    };

    return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
