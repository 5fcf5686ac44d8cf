/* SPDX-License-Identifier: MIT */
#ifndef MIGP_TESTS_VM_MTTY_H
#define MIGP_TESTS_VM_MTTY_H

/*
 * A real mtty device of the guest that tests/vm/run starts: by its file in
 * /dev/vfio/devices where the kernel has one, else by its group. All system
 * calls go through `fail`, so none of it can leave an fd behind.
 */

#include "device/uapi.h"
#include "support/fail_sys.h"

#include <migproto/device.h>
#include <migproto/vfio.h>

#include <stdbool.h>
#include <stdint.h>

#define MTTY_HEADER 24
#define MTTY_MAX 96

/* The two kinds, and the names of their devices in the environment. */
struct mtty_kind {
    unsigned int ports;
    const char *source;
    const char *target;
};

/* For cmocka's initial_state, which is not const. */
extern struct mtty_kind mtty_one_port, mtty_two_ports;

const struct mtty_kind *mtty_kind(void **state);

/* A test for both kinds, in a list of struct CMUnitTest. */
#define MTTY_BOTH(test)                                                        \
    {#test ", mtty-1", test, NULL, NULL, &mtty_one_port},                      \
    {                                                                          \
        #test ", mtty-2", test, NULL, NULL, &mtty_two_ports                    \
    }

struct mtty {
    struct fail_sys fail;
    struct migp_sys sys; /* fail's, with an account of */
    size_t sets;         /* requests for a state that reached the kernel */
    unsigned int ports;
    struct migp_vfio *vfio;
    struct migp_device *device; /* NULL after mtty_open_raw() */
};

/* The variable MIGP_VM_<name><suffix>; the test fails without it, unless it may
 * be missing: then NULL. */
const char *mtty_variable(const char *name, const char *suffix, bool may_miss);

/* "MTTY1A" and so on. Both reset the device. */
void mtty_open_raw(struct mtty *mtty, const char *name);
void mtty_open(struct mtty *mtty, const char *name, uint32_t recover);

/* The same, without a reset and with what is to go wrong; returns what failed,
 * and then nothing is open. */
int mtty_try_open(struct mtty *mtty, const char *name, uint32_t recover,
                  const struct fail_plan *plan, struct migp_error *error);

/* Asserts that no fd is left and none was closed twice. */
void mtty_close(struct mtty *mtty);

/* Bytes of its state. */
size_t mtty_size(const struct mtty *mtty);

/* --- the kernel's interface ----------------------------------------------- */

/* What a SET of MIG_DEVICE_STATE answered. */
struct mtty_answer {
    int error; /* errno, or 0 */
    uint32_t state;
    int fd;
};

struct mtty_answer mtty_set(struct mtty *mtty, uint32_t state);
uint32_t mtty_state(struct mtty *mtty);
uint64_t mtty_data_size(struct mtty *mtty);
int mtty_reset(struct mtty *mtty); /* errno, or 0 */
int mtty_ioctl(struct mtty *, int fd, unsigned long request, void *arg);
int mtty_info(struct mtty *mtty, int fd, struct migp_vfio_precopy_info *info);
/* A number of bytes, or a negative errno. */
migp_ssize mtty_read(struct mtty *mtty, int fd, void *bytes, size_t size);
migp_ssize mtty_write(struct mtty *mtty, int fd, const void *bytes,
                      size_t size);
void mtty_close_fd(struct mtty *mtty, int fd);

/* --- the serial port behind BAR 0 (and BAR 1, with two) -------------------- */

enum {
    UART_DATA = 0,
    UART_IER = 1,
    UART_IIR = 2,
    UART_FCR = 2,
    UART_LCR = 3,
    UART_MCR = 4,
    UART_LSR = 5,
    UART_MSR = 6,
    UART_SCR = 7
};

uint8_t mtty_get(struct mtty *mtty, unsigned int port, unsigned int reg);
void mtty_put(struct mtty *mtty, unsigned int port, unsigned int reg,
              uint8_t value);

/* What the recorder wrote to all ports before its round-th save. */
void mtty_fill(struct mtty *mtty, unsigned int round);

/* Zeroes all ports, also what no guest can: loads a state, from RUNNING to
 * RUNNING, past any migp_device. */
void mtty_renew(struct mtty *mtty);

/* All that a guest can read from a port; takes the received bytes out. */
struct mtty_registers {
    uint8_t ier, iir, lcr, mcr, lsr, msr, scr;
    uint16_t divisor;
    uint8_t n_received;
    uint8_t received[16];
};

void mtty_registers(struct mtty *mtty, unsigned int port,
                    struct mtty_registers *registers);

/* tests/golden/mtty/mtty-Nport-NAME.bin; returns its bytes. */
size_t mtty_golden(const struct mtty *mtty, const char *name,
                   uint8_t bytes[MTTY_MAX]);

#endif
