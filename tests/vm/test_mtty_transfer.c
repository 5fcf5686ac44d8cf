/* SPDX-License-Identifier: MIT */
/*
 * The state of a real device moved to another one, and what is left behind:
 * the second has the first's registers, the stream is what was recorded, and
 * two hundred times cost no more than fifty.
 */
#define _DEFAULT_SOURCE
#include "mtty.h"
#include "support/journey.h"
#include "unit/cmocka_all.h"

#include <migproto/fsm.h>
#include <migproto/record.h>

#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

static struct journey journey;

static void open_pair(struct mtty *source, struct mtty *target,
                      unsigned int ports)
{
    mtty_open(source, ports == 2 ? "MTTY2A" : "MTTY1A", MIGP_RECOVER_STATE);
    mtty_open(target, ports == 2 ? "MTTY2B" : "MTTY1B", MIGP_RECOVER_RESET);
}

/* All that a guest can write is another value than mtty_fill()'s. */
static void blank(struct mtty *mtty)
{
    unsigned int port;

    for (port = 0; port < mtty->ports; port++) {
        mtty_put(mtty, port, UART_LCR, 0);
        mtty_put(mtty, port, UART_IER, 0);
        mtty_put(mtty, port, UART_FCR, 0x06); /* FIFOs off and emptied */
        mtty_put(mtty, port, UART_MCR, 0);
        mtty_put(mtty, port, UART_SCR, 0);
    }
}

static void check_stream(const uint8_t *bytes, size_t size)
{
    struct migp_driver_reader *reader;

    assert_int_equal(migp_driver_reader_new(&reader), MIGP_OK);
    assert_int_equal(migp_driver_reader_feed(reader, bytes, size, 0), MIGP_OK);
    assert_int_equal(migp_driver_reader_finish(reader, size), MIGP_OK);
    assert_int_equal(migp_driver_reader_driver(reader), MIGP_DRIVER_MTTY);
    assert_int_equal(migp_driver_reader_finding_count(reader), 0);
    migp_driver_reader_free(reader);
}

static void check_same(struct mtty *source, struct mtty *target)
{
    struct mtty_registers first;
    struct mtty_registers second;
    unsigned int port;

    for (port = 0; port < source->ports; port++) {
        mtty_registers(source, port, &first);
        mtty_registers(target, port, &second);
        assert_memory_equal(&first, &second, sizeof(first));
    }
}

static void transfer(unsigned int ports, bool precopy, size_t chunk)
{
    struct mtty source;
    struct mtty target;
    uint8_t golden[MTTY_MAX];
    struct mtty_registers registers;
    size_t size;

    open_pair(&source, &target, ports);
    mtty_renew(&source);
    mtty_fill(&source, 3);
    blank(&target);
    assert_int_equal(
        journey_save(&journey, source.device, precopy, chunk, NULL), MIGP_OK);
    assert_int_equal(mtty_state(&source), MIGP_STATE_STOP);
    /* The same bytes by both ways: nothing changed meanwhile. */
    size = mtty_golden(&source, "stopcopy-direct", golden);
    assert_int_equal(journey.n, size);
    assert_memory_equal(journey.bytes, golden, size);
    check_stream(journey.bytes, journey.n);

    assert_int_equal(journey_load(&journey, target.device, chunk, NULL),
                     MIGP_OK);
    assert_int_equal(mtty_state(&target), MIGP_STATE_RUNNING);
    assert_int_equal(
        migp_device_set_state(source.device, MIGP_STATE_RUNNING, NULL),
        MIGP_OK);
    assert_int_equal(mtty_get(&target, 0, UART_SCR), 0xa6);
    check_same(&source, &target);
    /* All bytes have been received now. */
    mtty_registers(&target, 0, &registers);
    assert_int_equal(registers.n_received, 0);
    mtty_close(&target);
    mtty_close(&source);
}

static void test_transfer__the_second_has_the_firsts_registers(void **state)
{
    static const size_t chunks[] = {1, 5, 24, 36, 4096};
    size_t i;

    for (i = 0; i < N_TESTS(chunks); i++) {
        transfer(mtty_kind(state)->ports, false, chunks[i]);
        transfer(mtty_kind(state)->ports, true, chunks[i]);
    }
}

/* The other half of the registers: the divisor latch, interrupts that wait, a
 * FIFO with so many bytes, of which 16 fit. */
static void odd_port(struct mtty *mtty, unsigned int port, unsigned int n)
{
    unsigned int i;

    mtty_put(mtty, port, UART_LCR, 0x03);
    mtty_put(mtty, port, UART_FCR, 0x07);
    for (i = 0; i < n; i++) {
        mtty_put(mtty, port, UART_DATA, (uint8_t)(0x80 + i));
    }
    mtty_put(mtty, port, UART_IER, 0x0f);
    mtty_put(mtty, port, UART_MCR, 0x0b);
    mtty_put(mtty, port, UART_LCR, 0x83);
    mtty_put(mtty, port, UART_DATA, 0x34);
    mtty_put(mtty, port, UART_IER, 0x12);
}

static void check_odd_port(struct mtty *mtty, unsigned int port, unsigned int n)
{
    struct mtty_registers registers;

    mtty_registers(mtty, port, &registers);
    assert_int_equal(registers.divisor, 0x1234);
    assert_int_equal(registers.mcr, 0x0b);
    assert_int_equal(registers.lsr & 0x02, n > 16 ? 0x02 : 0); /* overrun */
    mtty_put(mtty, port, UART_LCR, 0x03);
    mtty_registers(mtty, port, &registers);
    assert_int_equal(registers.ier, 0x0f);
    if (n < 16) { /* mtty takes a full FIFO for an empty one */
        assert_int_equal(registers.n_received, n);
        assert_int_equal(registers.received[n - 1], 0x80 + n - 1);
    }
}

static void transfer_odd(unsigned int ports, unsigned int n)
{
    static struct journey again;
    struct mtty source;
    struct mtty target;
    unsigned int port;

    open_pair(&source, &target, ports);
    blank(&target);
    for (port = 0; port < source.ports; port++) {
        odd_port(&source, port, n);
    }
    assert_int_equal(journey_save(&journey, source.device, true, 10, NULL),
                     MIGP_OK);
    check_stream(journey.bytes, journey.n);
    assert_int_equal(journey_load(&journey, target.device, 7, NULL), MIGP_OK);
    assert_int_equal(journey_save(&again, target.device, false, 50, NULL),
                     MIGP_OK);
    assert_int_equal(again.n, journey.n);
    assert_memory_equal(again.bytes, journey.bytes, again.n);
    for (port = 0; port < source.ports; port++) {
        check_odd_port(&target, port, n);
    }
    mtty_close(&target);
    mtty_close(&source);
}

static void test_transfer__divisor_overrun_and_interrupts_too(void **state)
{
    transfer_odd(mtty_kind(state)->ports, 15);
    transfer_odd(mtty_kind(state)->ports, 20);
}

/* A device with two ports refuses the state of one with one port. */
static void test_transfer__to_another_kind_is_refused(void **state)
{
    struct mtty source;
    struct mtty target;
    struct mtty_registers before;
    struct mtty_registers after;
    struct migp_error error = MIGP_ERROR_INIT;

    mtty_open(&source, mtty_kind(state)->source, MIGP_RECOVER_STATE);
    mtty_open(&target, mtty_kind(state)->ports == 2 ? "MTTY1B" : "MTTY2B",
              MIGP_RECOVER_RESET);
    mtty_fill(&source, 3);
    blank(&target);
    mtty_registers(&target, 0, &before);
    assert_int_equal(journey_save(&journey, source.device, true, 4096, NULL),
                     MIGP_OK);
    assert_int_equal(journey_load(&journey, target.device, 4096, &error),
                     MIGP_ERR_REFUSED);
    /* Too much is noticed before the header is looked at. */
    assert_int_equal(error.system_errno,
                     mtty_kind(state)->ports == 2 ? ENOMEM : EFAULT);
    assert_int_equal(migp_device_needs_reset(target.device), 0);
    assert_int_equal(mtty_state(&target), MIGP_STATE_RUNNING);
    mtty_registers(&target, 0, &after);
    assert_memory_equal(&before, &after, sizeof(before));
    mtty_close(&target);
    mtty_close(&source);
}

/* --- what it leaves behind ------------------------------------------------ */

static size_t open_files(void)
{
    DIR *folder = opendir("/proc/self/fd");
    size_t n = 0;

    assert_non_null(folder);
    while (readdir(folder) != NULL) {
        n++;
    }
    assert_int_equal(closedir(folder), 0);
    return n;
}

/* In KiB, of a line of /proc/self/status. */
static long status_number(const char *name)
{
    FILE *file = fopen("/proc/self/status", "re");
    long value = -1;
    char line[256];

    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) {
            value = strtol(line + strlen(name), NULL, 10);
        }
    }
    assert_int_equal(fclose(file), 0);
    assert_true(value > 0);
    return value;
}

static void test_transfer__two_hundred_leave_nothing_behind(void **state)
{
    const size_t files = open_files();
    size_t allocated = 0;
    long space = 0;
    long data = 0;
    int i;

    for (i = 1; i <= 200; i++) {
        transfer(mtty_kind(state)->ports, i % 2 == 0, 16);
        if (i == 50) {
            /* In this order: what stdio frees, malloc keeps as in use. */
            space = status_number("VmSize:");
            data = status_number("VmData:");
            allocated = mallinfo2().uordblks;
        }
    }
    assert_int_equal(open_files(), files);
    assert_int_equal(mallinfo2().uordblks, allocated);
    assert_int_equal(status_number("VmData:"), data);
    assert_int_equal(status_number("VmSize:"), space); /* also mappings */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MTTY_BOTH(test_transfer__the_second_has_the_firsts_registers),
        MTTY_BOTH(test_transfer__divisor_overrun_and_interrupts_too),
        MTTY_BOTH(test_transfer__to_another_kind_is_refused),
        MTTY_BOTH(test_transfer__two_hundred_leave_nothing_behind),
    };

    return cmocka_run_group_tests_name("mtty_transfer", tests, NULL, NULL);
}
