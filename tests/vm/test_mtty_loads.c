/* SPDX-License-Identifier: MIT */
/*
 * Damaged states loaded into a real mtty device: the driver takes and refuses
 * them as it did when tests/golden/mtty was recorded, and even loads what it
 * has refused; migp_device never lets it.
 */
#include "mtty.h"
#include "table.h"
#include "unit/cmocka_all.h"

#include <migproto/fsm.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* In the scratch register of a port before the load. No stream has it. */
#define BEFORE 0x5c

#define ALL SIZE_MAX

struct load {
    const char *test;
    /* Of a good state: these bytes become value, so many are kept. */
    size_t offset;
    size_t n;
    uint8_t value;
    size_t kept; /* ALL, or how many */
    int more;    /* then so many more, or fewer */
};

/* samples/vfio-mdev/mtty.c: magic at 0, versions at 8 and 12, ports at 16,
 * flags at 20, the first port's registers at 24. */
static const struct load loads[] = {
    {"corrupt_none", 0, 0, 0, ALL, 0},
    {"corrupt_none_1B_chunks", 0, 0, 0, ALL, 0},
    {"corrupt_bad_magic_one_write", 0, 1, 0xff, ALL, 0},
    {"corrupt_bad_magic_1B_chunks", 0, 1, 0xff, ALL, 0},
    {"corrupt_bad_magic_header_only", 0, 1, 0xff, MTTY_HEADER, 0},
    {"corrupt_bad_magic_first_8_bytes_only", 0, 1, 0xff, 8, 0},
    {"corrupt_major_ver_2", 8, 1, 2, ALL, 0},
    {"corrupt_minor_ver_1", 12, 1, 1, ALL, 0},
    {"corrupt_nr_ports_wrong", 16, 1, 3, ALL, 0},
    {"corrupt_flags_nonzero", 20, 1, 1, ALL, 0},
    {"corrupt_empty", 0, 0, 0, 0, 0},
    {"corrupt_short_header_minus_1", 0, 0, 0, MTTY_HEADER, -1},
    {"corrupt_header_only", 0, 0, 0, MTTY_HEADER, 0},
    {"corrupt_full_minus_1", 0, 0, 0, ALL, -1},
    {"corrupt_full_plus_1_one_write", 0, 0, 0, ALL, 1},
    {"corrupt_full_plus_1_in_chunks", 0, 0, 0, ALL, 1},
    {"corrupt_payload_uart_regs_garbage", MTTY_HEADER, 8, 0xee, ALL, 0},
};

static struct table table;

static const struct table_row *row_of(const char *test)
{
    return table_find(&table, "corrupt", test);
}

static void is_errno(int error, const struct table_row *row, const char *field)
{
    assert_string_equal(table_errno(error), table_text(row, field));
}

static size_t make(const struct mtty *mtty, const struct load *load,
                   uint8_t bytes[MTTY_MAX + 1])
{
    size_t size = mtty_golden(mtty, "stopcopy-direct", bytes);

    bytes[size] = 0;
    memset(bytes + load->offset, load->value, load->n);
    size = load->kept == ALL ? size : load->kept;
    size = load->more < 0 ? size - 1 : size + (size_t)load->more;
    assert_int_equal(size, table_number(row_of(load->test), "len"));
    return size;
}

/* --- what the kernel answers ---------------------------------------------- */

/* The recorder went on where STOP was refused: a write of nothing, RUNNING, a
 * reset. */
static void check_refused(struct mtty *mtty, int fd,
                          const struct table_row *row)
{
    assert_true(table_says(row, "zero_len_write_then", "0 0"));
    assert_int_equal(mtty_write(mtty, fd, "", 0), 0);
    is_errno(mtty_set(mtty, MIGP_STATE_RUNNING).error, row, "to_RUNNING_errno");
    assert_string_equal(migp_state_name(mtty_state(mtty)),
                        table_text(row, "state_after_RUNNING_req"));
    is_errno(mtty_reset(mtty), row, "reset_errno");
    assert_string_equal(migp_state_name(mtty_state(mtty)),
                        table_text(row, "state_after_reset"));
}

static void load_raw(struct mtty *mtty, const struct load *load)
{
    const struct table_row *row = row_of(load->test);
    size_t chunk = (size_t)table_number(row, "chunk");
    uint8_t bytes[MTTY_MAX + 1];
    size_t size = make(mtty, load, bytes);
    struct mtty_answer answer;
    migp_ssize took = 0;
    size_t done = 0;
    int fd;

    assert_int_equal(mtty_reset(mtty), 0);
    mtty_put(mtty, 0, UART_SCR, BEFORE);
    fd = mtty_set(mtty, MIGP_STATE_RESUMING).fd;
    while (done < size && took >= 0) {
        size_t n = size - done < chunk ? size - done : chunk;

        took = mtty_write(mtty, fd, bytes + done, n);
        done += took > 0 ? (size_t)took : 0;
    }
    assert_int_equal(done, table_number(row, "written_ok"));
    is_errno(took < 0 ? (int)-took : 0, row, "write_errno");
    answer = mtty_set(mtty, MIGP_STATE_STOP);
    is_errno(answer.error, row, "to_STOP_errno");
    assert_string_equal(migp_state_name(mtty_state(mtty)),
                        table_text(row, "state_after_STOP_req"));
    if (answer.error != 0) {
        check_refused(mtty, fd, row);
        assert_int_equal(mtty_get(mtty, 0, UART_SCR), BEFORE);
    } else {
        assert_int_equal(mtty_get(mtty, 0, UART_SCR),
                         table_number(row, "loaded_SCR0"));
    }
    mtty_close_fd(mtty, fd);
}

static void test_kernel__damaged_loads_end_as_recorded(void **state)
{
    struct mtty mtty;
    size_t i;

    mtty_open_raw(&mtty, mtty_kind(state)->source);
    table_load(&table, mtty_kind(state)->ports);
    for (i = 0; i < N_TESTS(loads); i++) {
        load_raw(&mtty, &loads[i]);
    }
    table_free(&table);
    mtty_close(&mtty);
}

/* What makes a failed write final: the driver forgets that it refused. */
static void test_kernel__loads_a_header_that_it_refused(void **state)
{
    const struct table_row *row;
    uint8_t bytes[MTTY_MAX];
    struct mtty mtty;
    char text[32];
    size_t size;
    int fd;

    mtty_open_raw(&mtty, mtty_kind(state)->source);
    table_load(&table, mtty_kind(state)->ports);
    row = row_of("bad_magic_ignore_EFAULT_and_continue");
    size = mtty_golden(&mtty, "stopcopy-direct", bytes);
    bytes[0] = 0xff;
    bytes[MTTY_HEADER + UART_SCR] = 0x77;
    mtty_put(&mtty, 0, UART_SCR, BEFORE);
    fd = mtty_set(&mtty, MIGP_STATE_RESUMING).fd;
    (void)snprintf(
        text, sizeof(text), "-1 %s",
        table_errno((int)-mtty_write(&mtty, fd, bytes, MTTY_HEADER)));
    assert_string_equal(text, table_text(row, "header_write"));
    (void)snprintf(text, sizeof(text), "%lld 0",
                   (long long)mtty_write(&mtty, fd, bytes + MTTY_HEADER,
                                         size - MTTY_HEADER));
    assert_string_equal(text, table_text(row, "rest_write"));
    is_errno(mtty_set(&mtty, MIGP_STATE_STOP).error, row, "to_STOP_errno");
    assert_string_equal(migp_state_name(mtty_state(&mtty)),
                        table_text(row, "state"));
    assert_int_equal(mtty_get(&mtty, 0, UART_SCR), table_number(row, "SCR0"));
    mtty_close_fd(&mtty, fd);
    table_free(&table);
    mtty_close(&mtty);
}

static int resume(struct mtty *mtty)
{
    assert_int_equal(mtty_reset(mtty), 0);
    return mtty_set(mtty, MIGP_STATE_RESUMING).fd;
}

static void test_kernel__ends_of_a_load_are_as_recorded(void **state)
{
    const struct table_row *row;
    uint8_t bytes[MTTY_MAX];
    struct mtty mtty;
    size_t size;
    int fd;

    mtty_open_raw(&mtty, mtty_kind(state)->source);
    table_load(&table, mtty_kind(state)->ports);
    size = mtty_golden(&mtty, "stopcopy-direct", bytes);

    row = row_of("RESUMING_partial_to_STOP_COPY");
    fd = resume(&mtty);
    assert_int_equal(mtty_write(&mtty, fd, bytes, size / 2), size / 2);
    is_errno(mtty_set(&mtty, MIGP_STATE_STOP_COPY).error, row, "errno");
    assert_string_equal(migp_state_name(mtty_state(&mtty)),
                        table_text(row, "state"));

    row = row_of("write_after_reset");
    is_errno(mtty_reset(&mtty), row, "reset");
    is_errno((int)-mtty_write(&mtty, fd, bytes, 1), row, "errno");
    assert_string_equal(migp_state_name(mtty_state(&mtty)),
                        table_text(row, "state"));
    mtty_close_fd(&mtty, fd);

    row = row_of("close_resume_fd_unwritten_then_STOP");
    mtty_close_fd(&mtty, resume(&mtty));
    is_errno(mtty_set(&mtty, MIGP_STATE_STOP).error, row, "errno");
    assert_string_equal(migp_state_name(mtty_state(&mtty)),
                        table_text(row, "state"));

    row = row_of("close_resume_fd_full_then_STOP");
    fd = resume(&mtty);
    assert_int_equal(mtty_write(&mtty, fd, bytes, size), (migp_ssize)size);
    mtty_close_fd(&mtty, fd);
    is_errno(mtty_set(&mtty, MIGP_STATE_STOP).error, row, "errno");
    assert_string_equal(migp_state_name(mtty_state(&mtty)),
                        table_text(row, "state"));

    row = row_of("write_bad_address");
    fd = resume(&mtty);
    is_errno((int)-mtty_write(&mtty, fd, (void *)1, 1), row, "errno");
    mtty_close_fd(&mtty, fd);
    assert_int_equal(mtty_reset(&mtty), 0);
    table_free(&table);
    mtty_close(&mtty);
}

/* --- what migp_device makes of it ----------------------------------------- */

/* Writes as the recorder did; MIGP_OK, or what failed and is then final. */
static int write_all(struct mtty *mtty, const struct load *load)
{
    const struct table_row *row = row_of(load->test);
    struct migp_error error = MIGP_ERROR_INIT;
    size_t chunk = (size_t)table_number(row, "chunk");
    uint8_t bytes[MTTY_MAX + 1];
    size_t size = make(mtty, load, bytes);
    size_t done = 0;
    migp_ssize took = 0;

    while (done < size && took >= 0) {
        size_t n = size - done < chunk ? size - done : chunk;

        took = migp_device_write(mtty->device, bytes + done, n, &error);
        done += took > 0 ? (size_t)took : 0;
    }
    assert_int_equal(done, table_number(row, "written_ok"));
    is_errno(took < 0 ? error.system_errno : 0, row, "write_errno");
    if (took < 0) {
        assert_int_equal(error.value, 0);
        return (int)took;
    }
    return MIGP_OK;
}

/* MIGP_OK, or MIGP_ERR_REFUSED by the write or at the end. */
static int load_device(struct mtty *mtty, const struct load *load)
{
    const struct table_row *row = row_of(load->test);
    struct migp_error error = MIGP_ERROR_INIT;
    int status;

    mtty_put(mtty, 0, UART_SCR, BEFORE);
    assert_int_equal(
        migp_device_set_state(mtty->device, MIGP_STATE_RESUMING, NULL),
        MIGP_OK);
    status = write_all(mtty, load);
    if (status != MIGP_OK) {
        return status;
    }
    status = migp_device_set_state(mtty->device, MIGP_STATE_STOP, &error);
    is_errno(status != MIGP_OK ? error.system_errno : 0, row, "to_STOP_errno");
    return status;
}

static void check_loaded(struct mtty *mtty, const struct load *load)
{
    assert_true(table_says(row_of(load->test), "write_errno", "0"));
    assert_true(table_says(row_of(load->test), "to_STOP_errno", "0"));
    assert_int_equal(mtty_state(mtty), MIGP_STATE_STOP);
    assert_int_equal(mtty_get(mtty, 0, UART_SCR),
                     table_number(row_of(load->test), "loaded_SCR0"));
    assert_int_equal(
        migp_device_set_state(mtty->device, MIGP_STATE_RUNNING, NULL), MIGP_OK);
}

static void test_device__what_was_refused_waits_for_a_reset(void **state)
{
    static const uint32_t others[] = {
        MIGP_STATE_STOP,        MIGP_STATE_RUNNING,  MIGP_STATE_STOP_COPY,
        MIGP_STATE_RUNNING_P2P, MIGP_STATE_PRE_COPY, MIGP_STATE_PRE_COPY_P2P};
    struct mtty mtty;
    size_t i;
    size_t k;

    mtty_open(&mtty, mtty_kind(state)->source, MIGP_RECOVER_STATE);
    table_load(&table, mtty_kind(state)->ports);
    for (i = 0; i < N_TESTS(loads); i++) {
        if (load_device(&mtty, &loads[i]) == MIGP_OK) {
            check_loaded(&mtty, &loads[i]);
            continue;
        }
        assert_int_equal(migp_device_needs_reset(mtty.device), 1);
        assert_int_equal(migp_device_state(mtty.device), MIGP_STATE_RESUMING);
        mtty.sets = 0;
        for (k = 0; k < N_TESTS(others); k++) {
            assert_int_equal(
                migp_device_set_state(mtty.device, others[k], NULL),
                MIGP_ERR_NEEDS_RESET);
        }
        assert_int_equal(migp_device_write(mtty.device, "", 1, NULL),
                         MIGP_ERR_NEEDS_RESET);
        assert_int_equal(mtty.sets, 0);
        assert_int_equal(mtty_state(&mtty), MIGP_STATE_RESUMING);
        assert_int_equal(migp_device_reset(mtty.device, NULL), MIGP_OK);
        assert_int_equal(migp_device_needs_reset(mtty.device), 0);
        assert_int_equal(mtty_state(&mtty), MIGP_STATE_RUNNING);
        assert_int_equal(mtty_get(&mtty, 0, UART_SCR), BEFORE);
    }
    table_free(&table);
    mtty_close(&mtty);
}

static void test_device__what_was_refused_is_reset_away(void **state)
{
    struct mtty mtty;
    size_t i;

    mtty_open(&mtty, mtty_kind(state)->source, MIGP_RECOVER_RESET);
    table_load(&table, mtty_kind(state)->ports);
    for (i = 0; i < N_TESTS(loads); i++) {
        int status = load_device(&mtty, &loads[i]);

        if (status == MIGP_OK) {
            check_loaded(&mtty, &loads[i]);
            continue;
        }
        assert_int_equal(status, MIGP_ERR_REFUSED);
        assert_int_equal(migp_device_needs_reset(mtty.device), 0);
        assert_int_equal(migp_device_state(mtty.device), MIGP_STATE_RUNNING);
        assert_int_equal(migp_device_session(mtty.device), MIGP_NO_SESSION);
        assert_int_equal(mtty_state(&mtty), MIGP_STATE_RUNNING);
        assert_int_equal(mtty_get(&mtty, 0, UART_SCR), BEFORE);
    }
    table_free(&table);
    mtty_close(&mtty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MTTY_BOTH(test_kernel__damaged_loads_end_as_recorded),
        MTTY_BOTH(test_kernel__loads_a_header_that_it_refused),
        MTTY_BOTH(test_kernel__ends_of_a_load_are_as_recorded),
        MTTY_BOTH(test_device__what_was_refused_waits_for_a_reset),
        MTTY_BOTH(test_device__what_was_refused_is_reset_away),
    };

    return cmocka_run_group_tests_name("mtty_loads", tests, NULL, NULL);
}
