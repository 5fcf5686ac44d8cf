/* SPDX-License-Identifier: MIT */
#include "device/sim_calls.h"

#include <stdio.h>

/* The states of a simulated device, against the tables of docs/protocol.md. */

#define SMALL "size=16K,initial=4K"

/* The tables of ways, as the page has them: a row is a state, a column a
 * request. A cell is the way after the state; * a data fd is returned, + a
 * session that was open ends, - nothing happens, X is refused. */
struct way_row {
    const char *from;
    const char *cells[7];
};

struct way_table {
    const char *options;
    uint32_t migration;
    const char *columns[8];
    struct way_row rows[8];
};

static const struct way_table tables[] = {
    {"precopy=off,p2p=off",
     1,
     {"RU", "ST", "SC", "RE", NULL},
     {{"RU", {"-", "ST", "ST>SC*", "ST>RE*"}},
      {"ST", {"RU", "-", "SC*", "RE*"}},
      {"SC", {"ST>RU+", "ST+", "-", "ST>RE*+"}},
      {"RE", {"ST>RU+", "ST+", "ST>SC*+", "-"}}}},
    {"precopy=off,p2p=on",
     3,
     {"RU", "RP", "ST", "SC", "RE", NULL},
     {{"RU", {"-", "RP", "RP>ST", "RP>ST>SC*", "RP>ST>RE*"}},
      {"RP", {"RU", "-", "ST", "ST>SC*", "ST>RE*"}},
      {"ST", {"RP>RU", "RP", "-", "SC*", "RE*"}},
      {"SC", {"ST>RP>RU+", "ST>RP+", "ST+", "-", "ST>RE*+"}},
      {"RE", {"ST>RP>RU+", "ST>RP+", "ST+", "ST>SC*+", "-"}}}},
    {"precopy=on,p2p=off",
     5,
     {"RU", "PC", "ST", "SC", "RE", NULL},
     {{"RU", {"-", "PC*", "ST", "ST>SC*", "ST>RE*"}},
      {"PC", {"RU+", "-", "RU>ST+", "SC", "RU>ST>RE*+"}},
      {"ST", {"RU", "RU>PC*", "-", "SC*", "RE*"}},
      {"SC", {"ST>RU+", "X", "ST+", "-", "ST>RE*+"}},
      {"RE", {"ST>RU+", "ST>RU>PC*+", "ST+", "ST>SC*+", "-"}}}},
    {"precopy=on,p2p=on",
     7,
     {"RU", "RP", "PC", "PP", "ST", "SC", "RE", NULL},
     {{"RU", {"-", "RP", "PC*", "RP>PP*", "RP>ST", "RP>ST>SC*", "RP>ST>RE*"}},
      {"RP", {"RU", "-", "RU>PC*", "PP*", "ST", "ST>SC*", "ST>RE*"}},
      {"PC",
       {"RU+", "RU>RP+", "-", "PP", "RU>RP>ST+", "PP>SC", "RU>RP>ST>RE*+"}},
      {"PP", {"RP>RU+", "RP+", "PC", "-", "RP>ST+", "SC", "RP>ST>RE*+"}},
      {"ST", {"RP>RU", "RP", "RP>RU>PC*", "RP>PP*", "-", "SC*", "RE*"}},
      {"SC", {"ST>RP>RU+", "ST>RP+", "X", "X", "ST+", "-", "ST>RE*+"}},
      {"RE",
       {"ST>RP>RU+", "ST>RP+", "ST>RP>RU>PC*+", "ST>RP>PP*+", "ST+", "ST>SC*+",
        "-"}}}},
};

static uint32_t state_of(const char *name)
{
    static const char *const names[] = {"",   "ST", "RU", "SC",
                                        "RE", "RP", "PC", "PP"};
    uint32_t state = 1;

    while (strncmp(names[state], name, 2) != 0) {
        state++;
        assert_true(state < MIGP_STATE_COUNT);
    }
    return state;
}

/* A device in a state, its session's fd or -1. RESUMING: all data is there,
 * so that it can be left. */
static struct box box_in(const char *options, uint32_t state, int *data_fd,
                         const uint8_t *bytes, size_t size)
{
    struct box box = box_new(options);

    assert_int_equal(box_set(&box, state, data_fd), 0);
    if (state == MIGP_STATE_RESUMING) {
        assert_int_equal(box_pour(&box, *data_fd, bytes, size, size), 0);
    }
    return box;
}

static void check_cell(const char *options, const char *from, const char *to,
                       const char *cell, const uint8_t *bytes, size_t size)
{
    int old_fd;
    int new_fd;
    struct box box = box_in(options, state_of(from), &old_fd, bytes, size);
    uint32_t target = state_of(to);
    bool refused = cell[0] == 'X';
    uint8_t byte = 0;

    assert_int_equal(box_set(&box, target, &new_fd), refused ? -EINVAL : 0);
    assert_int_equal(box_get(&box), refused ? state_of(from) : target);
    assert_int_equal(new_fd >= 0, strchr(cell, '*') != NULL);
    if (old_fd >= 0) {
        migp_ssize result = state_of(from) == MIGP_STATE_RESUMING
                                ? box_write(&box, old_fd, &byte, 0)
                                : box_read(&box, old_fd, &byte, 1);

        assert_int_equal(result == -ENODEV, strchr(cell, '+') != NULL);
        box_close(&box, old_fd);
    }
    if (new_fd >= 0) {
        box_close(&box, new_fd);
    }
    box_free(&box);
}

/* How often the way from RUNNING to a state enters step. */
static unsigned times_entered(uint32_t migration, uint32_t to, uint32_t step)
{
    uint32_t path[7];
    migp_ssize n = migp_state_path(migration, MIGP_STATE_RUNNING, to, path, 7);
    unsigned times = 0;
    migp_ssize i;

    for (i = 0; i < n; i++) {
        times += path[i] == step ? 1 : 0;
    }
    return times;
}

/* Each step of the way can fail; the device is then where the step before
 * left it. */
static void check_steps(const char *options, uint32_t migration, uint32_t from,
                        uint32_t to, const char *cell, const uint8_t *bytes,
                        size_t size)
{
    uint32_t before = from;
    const char *at = cell;

    while (at != NULL && strchr("-X", cell[0]) == NULL) {
        uint32_t step = state_of(at);
        char text[128];
        struct box box;
        int old_fd;
        int new_fd;

        (void)snprintf(text, sizeof(text), "%s,fail=SET:%s:EIO@%u", options,
                       migp_state_name(step),
                       times_entered(migration, from, step) + 1);
        box = box_in(text, from, &old_fd, bytes, size);
        assert_int_equal(box_set(&box, to, &new_fd), -EIO);
        assert_int_equal(new_fd, -1);
        assert_int_equal(box_get(&box), before);
        if (old_fd >= 0) {
            box_close(&box, old_fd);
        }
        box_free(&box);
        before = step;
        at = strchr(at, '>');
        at = at != NULL ? at + 1 : NULL;
    }
}

static void test_states__every_pair_of_every_table(void **state)
{
    static uint8_t bytes[16384 + 1];
    size_t t;

    (void)state;
    for (t = 0; t < N_TESTS(tables); t++) {
        const struct way_table *table = &tables[t];
        char options[64];
        struct box source;
        size_t size;
        size_t row;
        size_t column;

        (void)snprintf(options, sizeof(options), SMALL ",%s", table->options);
        source = box_new(options);
        size = box_save(&source, bytes, sizeof(bytes));
        box_free(&source);
        for (row = 0; table->columns[row] != NULL; row++) {
            assert_string_equal(table->rows[row].from, table->columns[row]);
            for (column = 0; table->columns[column] != NULL; column++) {
                const char *cell = table->rows[row].cells[column];

                check_cell(options, table->columns[row], table->columns[column],
                           cell, bytes, size);
                check_steps(
                    options, table->migration, state_of(table->columns[row]),
                    state_of(table->columns[column]), cell, bytes, size);
            }
        }
    }
}

static void test_states__what_a_device_does_not_have(void **state)
{
    static const struct {
        const char *options;
        uint32_t migration;
        uint32_t lacks[3];
    } kinds[] = {
        {"precopy=off,p2p=off",
         1,
         {MIGP_STATE_PRE_COPY, MIGP_STATE_PRE_COPY_P2P,
          MIGP_STATE_RUNNING_P2P}},
        {"precopy=off,p2p=on",
         3,
         {MIGP_STATE_PRE_COPY, MIGP_STATE_PRE_COPY_P2P, MIGP_STATE_ERROR}},
        {"precopy=on,p2p=off",
         5,
         {MIGP_STATE_RUNNING_P2P, MIGP_STATE_PRE_COPY_P2P, MIGP_STATE_ERROR}},
        {"", 7, {MIGP_STATE_ERROR, MIGP_STATE_COUNT, UINT32_MAX}},
    };
    size_t i;
    size_t k;

    (void)state;
    for (i = 0; i < N_TESTS(kinds); i++) {
        struct box box = box_new(kinds[i].options);
        uint64_t migration = 0;
        int data_fd;

        assert_int_equal(
            box_feature(&box, 16,
                        MIGP_FEATURE_MIGRATION | MIGP_VFIO_FEATURE_GET,
                        &migration, sizeof(migration)),
            0);
        assert_int_equal(migration, kinds[i].migration);
        box_go(&box, MIGP_STATE_STOP);
        for (k = 0; k < 3; k++) {
            assert_int_equal(box_set(&box, kinds[i].lacks[k], &data_fd),
                             -EINVAL);
            assert_int_equal(data_fd, -1);
            assert_int_equal(box_get(&box), MIGP_STATE_STOP);
        }
        box_free(&box);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states__every_pair_of_every_table),
        cmocka_unit_test(test_states__what_a_device_does_not_have),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
