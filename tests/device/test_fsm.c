/* SPDX-License-Identifier: MIT */

/* The ways between states, compared cell by cell with tables that were
 * compared with the kernel's own function and executed on a real device, and
 * with a search over single steps. */

#include "device/fsm.h"

#include <migproto/fsm.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define N MIGP_STATE_COUNT

/*
 * One row a line; cells: the way behind the row's state. `*`: the last step
 * opens a session; `+`: the session that was open is ended; `-`: nothing to
 * do; `X`: forbidden.
 */
struct table {
    uint32_t migration;
    const char *columns;
    const char *rows[N];
};

static const struct table tables[] = {
    {1,
     "RU ST SC RE",
     {
         "RU|-|ST|ST>SC*|ST>RE*",
         "ST|RU|-|SC*|RE*",
         "SC|ST>RU+|ST+|-|ST>RE*+",
         "RE|ST>RU+|ST+|ST>SC*+|-",
     }},
    {3,
     "RU RP ST SC RE",
     {
         "RU|-|RP|RP>ST|RP>ST>SC*|RP>ST>RE*",
         "RP|RU|-|ST|ST>SC*|ST>RE*",
         "ST|RP>RU|RP|-|SC*|RE*",
         "SC|ST>RP>RU+|ST>RP+|ST+|-|ST>RE*+",
         "RE|ST>RP>RU+|ST>RP+|ST+|ST>SC*+|-",
     }},
    {5,
     "RU PC ST SC RE",
     {
         "RU|-|PC*|ST|ST>SC*|ST>RE*",
         "PC|RU+|-|RU>ST+|SC|RU>ST>RE*+",
         "ST|RU|RU>PC*|-|SC*|RE*",
         "SC|ST>RU+|X|ST+|-|ST>RE*+",
         "RE|ST>RU+|ST>RU>PC*+|ST+|ST>SC*+|-",
     }},
    {7,
     "RU RP PC PP ST SC RE",
     {
         "RU|-|RP|PC*|RP>PP*|RP>ST|RP>ST>SC*|RP>ST>RE*",
         "RP|RU|-|RU>PC*|PP*|ST|ST>SC*|ST>RE*",
         "PC|RU+|RU>RP+|-|PP|RU>RP>ST+|PP>SC|RU>RP>ST>RE*+",
         "PP|RP>RU+|RP+|PC|-|RP>ST+|SC|RP>ST>RE*+",
         "ST|RP>RU|RP|RP>RU>PC*|RP>PP*|-|SC*|RE*",
         "SC|ST>RP>RU+|ST>RP+|X|X|ST+|-|ST>RE*+",
         "RE|ST>RP>RU+|ST>RP+|ST>RP>RU>PC*+|ST>RP>PP*+|ST+|ST>SC*+|-",
     }},
};

#define N_TABLES (sizeof(tables) / sizeof(tables[0]))

static const char short_names[N][3] = {"ER", "ST", "RU", "SC",
                                       "RE", "RP", "PC", "PP"};

static uint32_t by_name(const char *name)
{
    uint32_t i;

    for (i = 0; i < N; i++) {
        if (strncmp(short_names[i], name, 2) == 0) {
            return i;
        }
    }
    fail_msg("no state %.2s", name);
    return 0;
}

/* What the library says, in the tables' words. */
static void cell_of(uint32_t migration, uint32_t from, uint32_t to, char *text)
{
    uint32_t path[N];
    migp_ssize n = migp_state_path(migration, from, to, path, N);
    int opens = 0;
    int ends = 0;
    migp_ssize i;

    text[0] = '\0';
    if (n <= 0) {
        strcpy(text, n == 0 ? "-" : n == MIGP_ERR_STATE ? "X" : "?");
        return;
    }
    for (i = 0; i < n; i++) {
        uint32_t left = i == 0 ? from : path[i - 1];
        int step_opens = migp_step_opens(left, path[i]);
        int step_ends = migp_step_ends(left, path[i]);

        /* Only the last step opens, only the first ends. */
        assert_true(!step_opens || i == n - 1);
        assert_true(!step_ends || i == 0);
        opens |= step_opens;
        ends |= step_ends;
        if (i > 0) {
            strcat(text, ">");
        }
        strcat(text, short_names[path[i]]);
    }
    strcat(text, opens ? "*" : "");
    strcat(text, ends ? "+" : "");
}

static void check_row(const struct table *table, const char *row)
{
    uint32_t from = by_name(row);
    const char *column = table->columns;
    const char *at = strchr(row, '|');
    size_t cells = 0;

    while (at != NULL) {
        char expected[64];
        char got[64];
        size_t length;

        at++;
        length = strcspn(at, "|");
        assert_true(length < sizeof(expected));
        memcpy(expected, at, length);
        expected[length] = '\0';
        cell_of(table->migration, from, by_name(column), got);
        if (strcmp(got, expected) != 0) {
            fail_msg("flags %u, %.2s to %.2s: %s, not %s",
                     (unsigned)table->migration, row, column, got, expected);
        }
        cells++;
        at = strchr(at, '|');
        column += column[2] == ' ' ? 3 : 2;
    }
    assert_true(*column == '\0' && cells == (strlen(table->columns) + 1) / 3);
}

/* [DV-1] */
static void test_state_path__as_in_the_tables(void **state)
{
    size_t pairs = 0;
    size_t i;

    (void)state;
    for (i = 0; i < N_TABLES; i++) {
        size_t columns = (strlen(tables[i].columns) + 1) / 3;
        size_t row;

        for (row = 0; row < columns; row++) {
            /* Rows and columns name the same states. */
            assert_int_equal(by_name(tables[i].rows[row]),
                             by_name(tables[i].columns + 3 * row));
            check_row(&tables[i], tables[i].rows[row]);
            pairs += columns;
        }
        assert_null(tables[i].rows[columns]);
    }
    assert_int_equal(pairs, 4 * 4 + 5 * 5 + 5 * 5 + 7 * 7);
}

/* The steps that drivers implement: linux drivers/vfio/vfio_main.c, the long
 * comment of vfio_mig_get_next_state(). */
static const struct step {
    const char *text;
    uint32_t with;
    uint32_t without;
} steps[] = {
    {"RE>ST", 1, 0}, {"ST>RE", 1, 0}, {"ST>SC", 1, 0}, {"SC>ST", 1, 0},
    {"RU>ST", 1, 2}, {"ST>RU", 1, 2}, {"RU>RP", 3, 0}, {"RP>RU", 3, 0},
    {"RP>ST", 3, 0}, {"ST>RP", 3, 0}, {"RU>PC", 5, 0}, {"PC>RU", 5, 0},
    {"PC>SC", 5, 2}, {"PC>PP", 7, 0}, {"PP>PC", 7, 0}, {"PP>RP", 7, 0},
    {"PP>SC", 7, 0}, {"RP>PP", 7, 0},
};

static int has_step(uint32_t migration, uint32_t from, uint32_t to)
{
    size_t i;

    for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (by_name(steps[i].text) == from &&
            by_name(steps[i].text + 3) == to &&
            (migration & steps[i].with) == steps[i].with &&
            (migration & steps[i].without) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Length of the shortest way with nothing of the saving group and no RESUMING
 * inside, -1 if there is none. */
static int search(uint32_t migration, uint32_t from, uint32_t to)
{
    int distance[N];
    uint32_t queue[N];
    size_t head = 0;
    size_t tail = 0;
    uint32_t i;

    for (i = 0; i < N; i++) {
        distance[i] = -1;
    }
    distance[from] = 0;
    queue[tail++] = from;
    while (head < tail) {
        uint32_t at = queue[head++];

        if (at != from && (strstr("SC RE PC PP", short_names[at]) != NULL)) {
            continue; /* only at an end */
        }
        for (i = 0; i < N; i++) {
            if (distance[i] < 0 && has_step(migration, at, i)) {
                distance[i] = distance[at] + 1;
                queue[tail++] = i;
            }
        }
    }
    return distance[to];
}

static void check_way(uint32_t migration, uint32_t from, uint32_t to)
{
    uint32_t path[N];
    migp_ssize n = migp_state_path(migration, from, to, path, N);
    int shortest = search(migration, from, to);
    migp_ssize i;

    /* The only way with a session's state inside: it stays in the session. */
    if (from == MIGP_STATE_PRE_COPY && to == MIGP_STATE_STOP_COPY &&
        migration == 7) {
        assert_int_equal(n, 2);
        assert_int_equal(path[0], MIGP_STATE_PRE_COPY_P2P);
        return;
    }
    /* Blocked, though there would be steps: linux include/uapi/linux/vfio.h
     * "STOP_COPY -> PRE_COPY". */
    if (from == MIGP_STATE_STOP_COPY &&
        (to == MIGP_STATE_PRE_COPY || to == MIGP_STATE_PRE_COPY_P2P)) {
        assert_true(shortest > 0);
        shortest = -1;
    }
    assert_int_equal(n, shortest < 0 ? MIGP_ERR_STATE : shortest);
    for (i = 0; i < n; i++) {
        assert_true(has_step(migration, i == 0 ? from : path[i - 1], path[i]));
        assert_true(i == n - 1 ||
                    strstr("SC RE PC PP", short_names[path[i]]) == NULL);
    }
    assert_true(n <= 0 || path[n - 1] == to);
}

static void test_state_path__is_the_shortest_way(void **state)
{
    static const uint32_t flags[] = {1, 3, 5, 7};
    size_t f;
    uint32_t from;
    uint32_t to;

    (void)state;
    for (f = 0; f < 4; f++) {
        for (from = 0; from < N; from++) {
            for (to = 0; to < N; to++) {
                if (migp_state_supported(flags[f], from) &&
                    migp_state_supported(flags[f], to)) {
                    check_way(flags[f], from, to);
                }
            }
        }
    }
}

static void test_state_path__bad_arguments(void **state)
{
    uint32_t path[N] = {99};
    uint32_t flags;

    (void)state;
    for (flags = 0; flags < 32; flags++) {
        int good = flags == 1 || flags == 3 || flags == 5 || flags == 7;

        assert_int_equal(migp_migration_valid(flags), good);
        assert_int_equal(migp_state_path(flags, 1, 2, NULL, 0) >= 0, good);
    }
    assert_false(migp_migration_valid(UINT64_C(1) << 32 | 1));
    assert_int_equal(migp_state_path(7, N, 1, path, N),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_state_path(7, 1, N, path, N),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_state_path(7, UINT32_MAX, UINT32_MAX, path, N),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_state_path(1, 2, 5, path, N), MIGP_ERR_UNSUPPORTED);
    assert_int_equal(migp_state_path(5, 2, 7, path, N), MIGP_ERR_UNSUPPORTED);
    assert_int_equal(migp_state_path(3, 6, 2, path, N), MIGP_ERR_UNSUPPORTED);
    assert_int_equal(path[0], 99);
    /* 4 steps: below, at, above the room. */
    assert_int_equal(migp_state_path(7, 6, 4, path, 3), MIGP_ERR_NO_SPACE);
    assert_int_equal(migp_state_path(7, 6, 4, path, 4), 4);
    assert_int_equal(migp_state_path(7, 6, 4, path, 5), 4);
    assert_int_equal(migp_state_path(7, 6, 4, NULL, 0), 4);
}

static void test_state_path__error_is_a_dead_end(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 1; i < N; i++) {
        assert_int_equal(migp_state_path(7, 0, i, NULL, 0), MIGP_ERR_STATE);
        assert_int_equal(migp_state_path(7, i, 0, NULL, 0), MIGP_ERR_STATE);
    }
    assert_int_equal(migp_state_path(7, 0, 0, NULL, 0), 0);
}

static void test_state_name__every_state(void **state)
{
    (void)state;
    assert_string_equal(migp_state_name(0), "ERROR");
    assert_string_equal(migp_state_name(1), "STOP");
    assert_string_equal(migp_state_name(2), "RUNNING");
    assert_string_equal(migp_state_name(3), "STOP_COPY");
    assert_string_equal(migp_state_name(4), "RESUMING");
    assert_string_equal(migp_state_name(5), "RUNNING_P2P");
    assert_string_equal(migp_state_name(6), "PRE_COPY");
    assert_string_equal(migp_state_name(7), "PRE_COPY_P2P");
    assert_string_equal(migp_state_name(8), "unknown");
    assert_string_equal(migp_state_name(UINT32_MAX), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_state_path__as_in_the_tables),
        cmocka_unit_test(test_state_path__is_the_shortest_way),
        cmocka_unit_test(test_state_path__bad_arguments),
        cmocka_unit_test(test_state_path__error_is_a_dead_end),
        cmocka_unit_test(test_state_name__every_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
