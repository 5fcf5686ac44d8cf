/* SPDX-License-Identifier: MIT */
/*
 * A save and a load on a real mtty device, step by step: every answer is the
 * one in tests/golden/mtty, and the bytes are those that were recorded. Then
 * the damaged loads: who refuses what, when, and what is in the device after.
 */
#include "data_fd.h"
#include "mtty.h"
#include "table.h"
#include "unit/cmocka_all.h"

#include <migproto/fsm.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

static struct table table;

static const struct table_row *step(const char *test)
{
    return table_find(&table, "walk", test);
}

static void is_errno(int error, const struct table_row *row, const char *field)
{
    assert_string_equal(table_errno(error), table_text(row, field));
}

static void check_data_fd(int fd, const char *test)
{
    data_fd_check(fd, strncmp(test, "datafd_RESUMING", 15) == 0, step(test));
}

/* --- the walk ------------------------------------------------------------- */

static void is_info(struct mtty *mtty, int fd, const char *test)
{
    const struct table_row *row = step(test);
    struct migp_vfio_precopy_info info;

    is_errno(mtty_info(mtty, fd, &info), row, "errno");
    if (table_has(row, "initial_bytes")) {
        assert_int_equal(info.initial_bytes,
                         table_number(row, "initial_bytes"));
        assert_int_equal(info.dirty_bytes, 0); /* where recorded, always */
        assert_true(!table_has(row, "dirty_bytes") ||
                    table_number(row, "dirty_bytes") == 0);
        assert_int_equal(info.flags, 0);
    }
}

/* A request for a state; the fd that came, or -1. */
static int goes(struct mtty *mtty, uint32_t state, const char *test)
{
    const struct table_row *row = step(test);
    struct mtty_answer answer = mtty_set(mtty, state);

    is_errno(answer.error, row, "errno");
    if (table_has(row, "state")) {
        assert_string_equal(migp_state_name(mtty_state(mtty)),
                            table_text(row, "state"));
    }
    if (table_has(row, "data_fd_out")) {
        assert_int_equal(answer.fd, table_number(row, "data_fd_out"));
    } else if (table_has(row, "data_fd")) {
        assert_string_equal(answer.fd >= 0 ? "returned" : "-1",
                            table_text(row, "data_fd"));
    }
    return answer.fd;
}

/* Reads until 0; how much came each time is in the recording. */
static size_t reads(struct mtty *mtty, int fd, size_t chunk, uint8_t *bytes,
                    size_t room, const char *test)
{
    char text[128] = "";
    size_t total = 0;
    size_t length = 0;
    migp_ssize got;

    do {
        size_t size = chunk < room - total ? chunk : room - total;

        got = mtty_read(mtty, fd, bytes + total, size);
        assert_true(got >= 0);
        length +=
            (size_t)snprintf(text + length, sizeof(text) - length, "%s%lld",
                             length > 0 ? "," : "", (long long)got);
        total += (size_t)got;
    } while (got > 0);
    assert_string_equal(text, table_text(step(test), "reads"));
    return total;
}

static void walk_precopy(struct mtty *mtty, int fd, uint8_t bytes[MTTY_MAX + 1])
{
    struct migp_vfio_precopy_info info = {.argsz = 8};

    is_info(mtty, fd, "PRECOPY_INFO_at_start");
    is_errno(-mtty_ioctl(mtty, fd, MIGP_VFIO_MIG_GET_PRECOPY_INFO, &info),
             step("PRECOPY_INFO_argsz_8"), "errno");
    info.argsz = sizeof(info);
    is_errno(-mtty_ioctl(mtty, fd, MIGP_VFIO_MIG_GET_PRECOPY_INFO + 1, &info),
             step("PRECOPY_unknown_ioctl"), "errno");
    check_data_fd(fd, "datafd_PRE_COPY_with_data");
    assert_int_equal(mtty_read(mtty, fd, bytes, 10),
                     table_number(step("PRE_COPY_read_10"), "ret"));
    is_info(mtty, fd, "PRECOPY_INFO_after_10");
    assert_int_equal(10 + reads(mtty, fd, 4096, bytes + 10, MTTY_MAX - 10,
                                "PRE_COPY_read_to_end"),
                     table_number(step("PRE_COPY_read_to_end"), "total"));
    is_info(mtty, fd, "PRECOPY_INFO_after_drain");
    check_data_fd(fd, "datafd_PRE_COPY_drained");
    mtty_fill(mtty, 2);
    is_info(mtty, fd, "PRECOPY_INFO_after_guest_writes");
}

/* The recorder saved for the first time here, so this device has to be a new
 * one: what the guest wrote is what the stream has, and nothing else. */
static void test_kernel__a_save_by_precopy_goes_as_recorded(void **state)
{
    uint8_t bytes[MTTY_MAX + 1];
    uint8_t golden[MTTY_MAX];
    struct mtty mtty;
    size_t size;
    size_t total;
    int fd;

    mtty_open_raw(&mtty, mtty_kind(state)->source);
    table_load(&table, mtty_kind(state)->ports);
    mtty_fill(&mtty, 1);
    fd = goes(&mtty, MIGP_STATE_PRE_COPY, "RUNNING_to_PRE_COPY");
    walk_precopy(&mtty, fd, bytes);
    size = mtty_golden(&mtty, "precopy-initial", golden);
    assert_memory_equal(bytes, golden, size);
    (void)goes(&mtty, MIGP_STATE_STOP_COPY, "PRE_COPY_to_STOP_COPY");
    is_info(&mtty, fd, "PRECOPY_INFO_in_STOP_COPY");
    check_data_fd(fd, "datafd_STOP_COPY_with_data");
    total = size + reads(&mtty, fd, 16, bytes + size, MTTY_MAX + 1 - size,
                         "STOP_COPY_read_16B_chunks");
    assert_int_equal(total,
                     table_number(step("STOP_COPY_read_16B_chunks"), "total"));
    check_data_fd(fd, "datafd_STOP_COPY_eof");
    assert_int_equal(mtty_golden(&mtty, "full-precopy-path", golden), total);
    assert_memory_equal(bytes, golden, total);
    (void)goes(&mtty, MIGP_STATE_STOP, "STOP_COPY_to_STOP");
    is_errno((int)-mtty_read(&mtty, fd, bytes, 1), step("read_after_STOP"),
             "errno");
    is_info(&mtty, fd, "PRECOPY_INFO_after_STOP");
    (void)goes(&mtty, MIGP_STATE_RUNNING, "STOP_to_RUNNING");
    mtty_close_fd(&mtty, fd);
    table_free(&table);
    mtty_close(&mtty);
}

static void test_kernel__a_save_without_precopy_goes_as_recorded(void **state)
{
    uint8_t bytes[MTTY_MAX + 1];
    uint8_t golden[MTTY_MAX];
    struct mtty mtty;
    size_t size;
    int round;
    int fd;

    mtty_open_raw(&mtty, mtty_kind(state)->source);
    table_load(&table, mtty_kind(state)->ports);
    mtty_fill(&mtty, 3);
    size = mtty_golden(&mtty, "stopcopy-direct", golden);
    for (round = 0; round < 2; round++) {
        fd = goes(&mtty, MIGP_STATE_STOP_COPY, "STOP_COPY_direct");
        assert_int_equal(
            reads(&mtty, fd, 4096, bytes, sizeof(bytes), "STOP_COPY_direct"),
            size);
        assert_true(
            table_says(step("STOP_COPY_again_same_bytes"), "same", "true"));
        assert_memory_equal(bytes, golden, size);
        assert_int_equal(mtty_set(&mtty, MIGP_STATE_STOP).error, 0);
        mtty_close_fd(&mtty, fd);
    }
    table_free(&table);
    mtty_close(&mtty);
}

static void test_kernel__a_load_goes_as_recorded(void **state)
{
    struct mtty_registers registers;
    uint8_t bytes[MTTY_MAX];
    char received[33] = "";
    struct mtty mtty;
    size_t size;
    size_t done;
    unsigned int port;
    int fd;

    /* The recorder's second device. */
    mtty_open_raw(&mtty, mtty_kind(state)->target);
    table_load(&table, mtty_kind(state)->ports);
    size = mtty_golden(&mtty, "full-precopy-path", bytes);
    fd = goes(&mtty, MIGP_STATE_RESUMING, "B_RUNNING_to_RESUMING");
    is_info(&mtty, fd, "PRECOPY_INFO_on_resume_fd");
    check_data_fd(fd, "datafd_RESUMING_empty");
    for (done = 0; done < size; done += 7) {
        size_t chunk = size - done < 7 ? size - done : 7;

        assert_int_equal(mtty_write(&mtty, fd, bytes + done, chunk),
                         (migp_ssize)chunk);
    }
    is_errno((int)-mtty_write(&mtty, fd, bytes, 1), step("B_write_1_past_end"),
             "errno");
    check_data_fd(fd, "datafd_RESUMING_full");
    (void)goes(&mtty, MIGP_STATE_STOP, "B_RESUMING_to_STOP");
    is_errno((int)-mtty_write(&mtty, fd, bytes, 1), step("B_write_after_STOP"),
             "errno");
    (void)goes(&mtty, MIGP_STATE_RUNNING, "B_STOP_to_RUNNING");
    for (port = 0; port < mtty.ports; port++) {
        mtty_registers(&mtty, port, &registers);
        memcpy(received + strlen(received), registers.received,
               registers.n_received);
        if (port == 0) {
            assert_int_equal(registers.scr,
                             table_number(step("B_uart_fifo_after"), "SCR0"));
        }
    }
    assert_string_equal(received,
                        table_text(step("B_uart_fifo_after"), "bytes"));
    mtty_close_fd(&mtty, fd);
    table_free(&table);
    mtty_close(&mtty);
}

static void test_kernel__ends_of_a_save_are_as_recorded(void **state)
{
    const struct table_row *row;
    uint8_t bytes[MTTY_MAX];
    struct iovec pieces[2] = {{bytes, 5}, {bytes + 5, 5}};
    struct mtty mtty;
    int fd;

    mtty_open_raw(&mtty, mtty_kind(state)->source);
    table_load(&table, mtty_kind(state)->ports);

    mtty_close_fd(&mtty, mtty_set(&mtty, MIGP_STATE_PRE_COPY).fd);
    (void)goes(&mtty, MIGP_STATE_STOP_COPY,
               "close_fd_in_PRE_COPY_then_STOP_COPY");

    row = step("RESET_in_PRE_COPY");
    assert_int_equal(mtty_set(&mtty, MIGP_STATE_RUNNING).error, 0);
    fd = mtty_set(&mtty, MIGP_STATE_PRE_COPY).fd;
    is_errno(mtty_reset(&mtty), row, "reset");
    assert_string_equal(migp_state_name(mtty_state(&mtty)),
                        table_text(row, "state"));
    is_errno((int)-mtty_read(&mtty, fd, bytes, 1), row, "read_errno");
    is_errno(mtty_info(&mtty, fd, &(struct migp_vfio_precopy_info){0}), row,
             "precopy_info");
    mtty_close_fd(&mtty, fd);

    row = step("cancel_PRE_COPY_to_RUNNING_midread");
    fd = mtty_set(&mtty, MIGP_STATE_PRE_COPY).fd;
    assert_int_equal(mtty_read(&mtty, fd, bytes, 5), 5);
    is_errno(mtty_set(&mtty, MIGP_STATE_RUNNING).error, row, "errno");
    is_errno((int)-mtty_read(&mtty, fd, bytes, 1), row, "read_errno");
    is_errno(mtty_info(&mtty, fd, &(struct migp_vfio_precopy_info){0}), row,
             "precopy_info");
    mtty_close_fd(&mtty, fd);

    fd = mtty_set(&mtty, MIGP_STATE_PRE_COPY).fd;
    assert_int_equal(
        mtty_set(&mtty, MIGP_STATE_PRE_COPY_P2P).fd,
        table_number(step("PRECOPY_INFO_in_PRE_COPY_P2P"), "second_fd"));
    is_info(&mtty, fd, "PRECOPY_INFO_in_PRE_COPY_P2P");
    is_errno((int)-mtty_read(&mtty, fd, (void *)1, 1), step("read_bad_address"),
             "errno");
    assert_int_equal(readv(fd, pieces, 2),
                     table_number(step("readv_5_5"), "ret"));
    mtty_close_fd(&mtty, fd);
    table_free(&table);
    mtty_close(&mtty);
}

/* --- what migp_device makes of it ----------------------------------------- */

/* Reads as the recorder did: the same amounts, and `end` for the 0 at last. */
static size_t device_reads(struct mtty *mtty, size_t chunk, uint8_t *bytes,
                           const char *test, migp_ssize end)
{
    const char *rest = table_text(step(test), "reads");
    size_t total = 0;
    char *next;
    long amount;

    do {
        amount = strtol(rest, &next, 10);
        assert_ptr_not_equal(next, rest);
        assert_int_equal(
            migp_device_read(mtty->device, bytes + total, chunk, NULL),
            amount > 0 ? amount : end);
        total += (size_t)amount;
        rest = next + 1;
    } while (*next == ',');
    assert_int_equal(amount, 0);
    /* The end stays the end. */
    assert_int_equal(migp_device_read(mtty->device, bytes + total, 1, NULL),
                     end);
    return total;
}

static void device_info(struct mtty *mtty, const char *test)
{
    struct migp_precopy_info info = {.struct_size = sizeof(info)};
    const struct table_row *row = step(test);

    if (!table_says(row, "errno", "0")) {
        assert_int_equal(migp_device_precopy_info(mtty->device, &info, NULL),
                         MIGP_ERR_STATE);
        return;
    }
    assert_int_equal(migp_device_precopy_info(mtty->device, &info, NULL),
                     MIGP_OK);
    assert_int_equal(info.initial_bytes, table_number(row, "initial_bytes"));
    assert_int_equal(info.dirty_bytes, 0);
    assert_int_equal(info.flags, 0);
}

static void device_goes(struct mtty *mtty, uint32_t state)
{
    assert_int_equal(migp_device_set_state(mtty->device, state, NULL), MIGP_OK);
    assert_int_equal(mtty_state(mtty), state);
}

static void test_device__a_save_by_precopy_goes_as_recorded(void **state)
{
    static uint8_t bytes[MTTY_MAX + 4096];
    uint8_t golden[MTTY_MAX];
    struct mtty mtty;
    size_t total;
    int session;

    mtty_open(&mtty, mtty_kind(state)->source, MIGP_RECOVER_STATE);
    table_load(&table, mtty_kind(state)->ports);
    mtty_renew(&mtty);
    mtty_fill(&mtty, 1);
    device_goes(&mtty, MIGP_STATE_PRE_COPY);
    session = migp_device_session(mtty.device);
    device_info(&mtty, "PRECOPY_INFO_at_start");
    assert_int_equal(migp_device_read(mtty.device, bytes, 10, NULL),
                     table_number(step("PRE_COPY_read_10"), "ret"));
    device_info(&mtty, "PRECOPY_INFO_after_10");
    total = 10 + device_reads(&mtty, 4096, bytes + 10, "PRE_COPY_read_to_end",
                              MIGP_ERR_PRECOPY_EMPTY);
    device_info(&mtty, "PRECOPY_INFO_after_drain");
    mtty_fill(&mtty, 2);
    device_info(&mtty, "PRECOPY_INFO_after_guest_writes");
    device_goes(&mtty, MIGP_STATE_STOP_COPY);
    assert_int_equal(migp_device_session(mtty.device), session);
    device_info(&mtty, "PRECOPY_INFO_in_STOP_COPY");
    total +=
        device_reads(&mtty, 16, bytes + total, "STOP_COPY_read_16B_chunks", 0);
    assert_int_equal(mtty_golden(&mtty, "full-precopy-path", golden), total);
    assert_memory_equal(bytes, golden, total);
    device_goes(&mtty, MIGP_STATE_STOP);
    assert_int_equal(migp_device_read(mtty.device, bytes, 1, NULL),
                     MIGP_ERR_STATE);
    device_info(&mtty, "PRECOPY_INFO_after_STOP");
    device_goes(&mtty, MIGP_STATE_RUNNING);
    table_free(&table);
    mtty_close(&mtty);
}

static void test_device__a_load_goes_as_recorded(void **state)
{
    const struct table_row *row;
    struct migp_error error = MIGP_ERROR_INIT;
    uint8_t bytes[MTTY_MAX];
    struct mtty mtty;
    size_t size;
    size_t done;

    mtty_open(&mtty, mtty_kind(state)->target, MIGP_RECOVER_STATE);
    table_load(&table, mtty_kind(state)->ports);
    size = mtty_golden(&mtty, "full-precopy-path", bytes);
    row = step("B_write_7B_chunks");
    assert_int_equal(size, table_number(row, "total"));
    device_goes(&mtty, MIGP_STATE_RESUMING);
    for (done = 0; done < size; done += 7) {
        size_t chunk = size - done < 7 ? size - done : 7;

        assert_int_equal(
            migp_device_write(mtty.device, bytes + done, chunk, NULL),
            (migp_ssize)chunk);
    }
    device_info(&mtty, "PRECOPY_INFO_on_resume_fd");
    device_goes(&mtty, MIGP_STATE_STOP);
    assert_int_equal(migp_device_write(mtty.device, bytes, 1, NULL),
                     MIGP_ERR_STATE);
    device_goes(&mtty, MIGP_STATE_RUNNING);
    assert_int_equal(mtty_get(&mtty, 0, UART_SCR),
                     table_number(step("B_uart_fifo_after"), "SCR0"));

    /* One byte too many: the kernel would load what came before. */
    device_goes(&mtty, MIGP_STATE_RESUMING);
    assert_int_equal(migp_device_write(mtty.device, bytes, size, NULL),
                     (migp_ssize)size);
    assert_int_equal(migp_device_write(mtty.device, bytes, 1, &error),
                     MIGP_ERR_REFUSED);
    is_errno(error.system_errno, step("B_write_1_past_end"), "errno");
    assert_int_equal(migp_device_set_state(mtty.device, MIGP_STATE_STOP, NULL),
                     MIGP_ERR_NEEDS_RESET);
    assert_int_equal(migp_device_reset(mtty.device, NULL), MIGP_OK);
    table_free(&table);
    mtty_close(&mtty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MTTY_BOTH(test_kernel__a_save_by_precopy_goes_as_recorded),
        MTTY_BOTH(test_kernel__a_save_without_precopy_goes_as_recorded),
        MTTY_BOTH(test_kernel__a_load_goes_as_recorded),
        MTTY_BOTH(test_kernel__ends_of_a_save_are_as_recorded),
        MTTY_BOTH(test_device__a_save_by_precopy_goes_as_recorded),
        MTTY_BOTH(test_device__a_load_goes_as_recorded),
    };

    return cmocka_run_group_tests_name("mtty_walk", tests, NULL, NULL);
}
