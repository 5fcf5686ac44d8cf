/* SPDX-License-Identifier: MIT */
#include "mtty.h"

#include "support/file.h"
#include "unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UART_LCR_DLAB 0x80
#define UART_LSR_DATA_READY 0x01

struct mtty_kind mtty_one_port = {1, "MTTY1A", "MTTY1B"};
struct mtty_kind mtty_two_ports = {2, "MTTY2A", "MTTY2B"};

const struct mtty_kind *mtty_kind(void **state)
{
    return *state;
}

const char *mtty_variable(const char *name, const char *suffix, bool may_miss)
{
    char variable[64];
    const char *value;

    (void)snprintf(variable, sizeof(variable), "MIGP_VM_%s%s", name, suffix);
    value = getenv(variable);
    if (value == NULL && !may_miss) {
        fail_msg("no %s: run this by tests/vm/run", variable);
    }
    return value;
}

static int watch_ioctl(void *user, int fd, unsigned long request, void *arg)
{
    struct mtty *mtty = user;
    const struct migp_vfio_feature *head = arg;

    if (request == MIGP_VFIO_DEVICE_FEATURE &&
        head->flags ==
            (MIGP_VFIO_FEATURE_SET | MIGP_FEATURE_MIG_DEVICE_STATE)) {
        mtty->sets++;
    }
    return mtty->fail.sys.ioctl(mtty->fail.sys.user, fd, request, arg);
}

/* fail_sys is the first member, so what it passes for user fits both. */
static void watch(struct mtty *mtty, const struct fail_plan *plan)
{
    memset(mtty, 0, sizeof(*mtty));
    fail_sys_init(&mtty->fail, migp_sys_linux());
    fail_sys_start(&mtty->fail, plan);
    mtty->sys = mtty->fail.sys;
    assert_ptr_equal(mtty->sys.user, mtty);
    mtty->sys.ioctl = watch_ioctl;
}

static int open_vfio(struct mtty *mtty, const char *name,
                     struct migp_error *error)
{
    struct migp_vfio_options how;

    migp_vfio_options_init(&how);
    how.sys = &mtty->sys;
    how.flags = MIGP_VFIO_RESET_OK;
    how.cdev_path = mtty_variable(name, "_CDEV", true);
    if (how.cdev_path == NULL) {
        how.group_path = mtty_variable(name, "_GROUP", false);
        how.name = mtty_variable(name, "", false);
    }
    mtty->ports = name[strlen("MTTY")] == '2' ? 2 : 1;
    return migp_vfio_open(&mtty->vfio, &how, error);
}

static void must(int status, const struct migp_error *error)
{
    if (status != MIGP_OK) {
        fail_msg("%s: %s", migp_error_id(status), error->text);
    }
}

void mtty_open_raw(struct mtty *mtty, const char *name)
{
    struct migp_error error = MIGP_ERROR_INIT;

    watch(mtty, NULL);
    must(open_vfio(mtty, name, &error), &error);
    assert_int_equal(mtty_reset(mtty), 0);
}

int mtty_try_open(struct mtty *mtty, const char *name, uint32_t recover,
                  const struct fail_plan *plan, struct migp_error *error)
{
    struct migp_device_options options;
    int status;

    watch(mtty, plan);
    migp_device_options_init(&options);
    options.recover = recover;
    options.sys = &mtty->sys;
    status = open_vfio(mtty, name, error);
    if (status == MIGP_OK) {
        status = migp_device_new(&mtty->device, migp_vfio_ops(), mtty->vfio,
                                 &options, error);
        if (status != MIGP_OK) {
            migp_vfio_close(mtty->vfio);
        }
    }
    if (status != MIGP_OK) {
        assert_int_equal(fail_sys_open_fds(&mtty->fail), 0);
        assert_int_equal(mtty->fail.double_close, 0);
    }
    return status;
}

void mtty_open(struct mtty *mtty, const char *name, uint32_t recover)
{
    struct migp_error error = MIGP_ERROR_INIT;

    must(mtty_try_open(mtty, name, recover, NULL, &error), &error);
    must(migp_device_reset(mtty->device, &error), &error);
    mtty->sets = 0;
}

void mtty_close(struct mtty *mtty)
{
    if (mtty->device != NULL) {
        migp_device_free(mtty->device);
    } else {
        migp_vfio_close(mtty->vfio);
    }
    assert_int_equal(fail_sys_open_fds(&mtty->fail), 0);
    assert_int_equal(mtty->fail.double_close, 0);
}

size_t mtty_size(const struct mtty *mtty)
{
    return MTTY_HEADER + 36 * (size_t)mtty->ports;
}

/* --- the kernel's interface ----------------------------------------------- */

/* Past `fail`: what a test asks is neither counted nor failed. */
int mtty_ioctl(struct mtty *mtty, int fd, unsigned long request, void *arg)
{
    const struct migp_sys *sys = mtty->fail.inner;

    return sys->ioctl(sys->user, fd, request, arg);
}

static int device_ioctl(struct mtty *mtty, unsigned long request, void *arg)
{
    return mtty_ioctl(mtty, migp_vfio_fd(mtty->vfio), request, arg);
}

struct feature_state {
    struct migp_vfio_feature head;
    struct migp_vfio_feature_mig_state state;
};

struct mtty_answer mtty_set(struct mtty *mtty, uint32_t state)
{
    struct feature_state set = {
        {sizeof(set), MIGP_VFIO_FEATURE_SET | MIGP_FEATURE_MIG_DEVICE_STATE},
        {state, -2}};
    struct mtty_answer answer;

    answer.error = -device_ioctl(mtty, MIGP_VFIO_DEVICE_FEATURE, &set);
    answer.state = set.state.device_state;
    answer.fd = set.state.data_fd;
    return answer;
}

uint32_t mtty_state(struct mtty *mtty)
{
    struct feature_state get = {
        {sizeof(get), MIGP_VFIO_FEATURE_GET | MIGP_FEATURE_MIG_DEVICE_STATE},
        {UINT32_MAX, -2}};

    assert_int_equal(device_ioctl(mtty, MIGP_VFIO_DEVICE_FEATURE, &get), 0);
    assert_int_equal(get.state.data_fd, -1);
    return get.state.device_state;
}

uint64_t mtty_data_size(struct mtty *mtty)
{
    struct {
        struct migp_vfio_feature head;
        struct migp_vfio_feature_mig_data_size size;
    } get = {{sizeof(get), MIGP_VFIO_FEATURE_GET | MIGP_FEATURE_MIG_DATA_SIZE},
             {UINT64_MAX}};

    assert_int_equal(device_ioctl(mtty, MIGP_VFIO_DEVICE_FEATURE, &get), 0);
    return get.size.stop_copy_length;
}

int mtty_reset(struct mtty *mtty)
{
    return -device_ioctl(mtty, MIGP_VFIO_DEVICE_RESET_IOCTL, NULL);
}

int mtty_info(struct mtty *mtty, int fd, struct migp_vfio_precopy_info *info)
{
    memset(info, 0, sizeof(*info));
    info->argsz = sizeof(*info);
    return -mtty_ioctl(mtty, fd, MIGP_VFIO_MIG_GET_PRECOPY_INFO, info);
}

migp_ssize mtty_read(struct mtty *mtty, int fd, void *bytes, size_t size)
{
    const struct migp_sys *sys = mtty->fail.inner;

    return sys->read(sys->user, fd, bytes, size);
}

migp_ssize mtty_write(struct mtty *mtty, int fd, const void *bytes, size_t size)
{
    const struct migp_sys *sys = mtty->fail.inner;

    return sys->write(sys->user, fd, bytes, size);
}

void mtty_close_fd(struct mtty *mtty, int fd)
{
    const struct migp_sys *sys = mtty->fail.inner;

    if (fd >= 0) {
        assert_int_equal(sys->close(sys->user, fd), 0);
    }
}

/* --- the serial port ------------------------------------------------------ */

uint8_t mtty_get(struct mtty *mtty, unsigned int port, unsigned int reg)
{
    uint8_t value = 0xff;

    assert_int_equal(migp_vfio_region_read(mtty->vfio,
                                           MIGP_VFIO_REGION_BAR0 + port, reg,
                                           &value, 1, NULL),
                     1);
    return value;
}

void mtty_put(struct mtty *mtty, unsigned int port, unsigned int reg,
              uint8_t value)
{
    assert_int_equal(migp_vfio_region_write(mtty->vfio,
                                            MIGP_VFIO_REGION_BAR0 + port, reg,
                                            &value, 1, NULL),
                     1);
}

void mtty_fill(struct mtty *mtty, unsigned int round)
{
    unsigned int port;
    unsigned int i;

    for (port = 0; port < mtty->ports; port++) {
        mtty_put(mtty, port, UART_LCR, 0x03); /* 8N1 */
        mtty_put(mtty, port, UART_IER, 0x05);
        mtty_put(mtty, port, UART_FCR, 0x07); /* FIFOs on, emptied */
        for (i = 0; i < 5; i++) {
            mtty_put(mtty, port, UART_DATA,
                     (uint8_t)('A' + round + 8 * port + i));
        }
        mtty_put(mtty, port, UART_SCR, (uint8_t)(0xa5 ^ round ^ port));
    }
}

void mtty_renew(struct mtty *mtty)
{
    uint8_t bytes[MTTY_MAX];
    size_t size = mtty_golden(mtty, "stopcopy-direct", bytes);
    int fd;

    memset(bytes + MTTY_HEADER, 0, size - MTTY_HEADER);
    assert_int_equal(mtty_reset(mtty), 0);
    fd = mtty_set(mtty, MIGP_STATE_RESUMING).fd;
    assert_int_equal(mtty_write(mtty, fd, bytes, size), (migp_ssize)size);
    assert_int_equal(mtty_set(mtty, MIGP_STATE_RUNNING).error, 0);
    mtty_close_fd(mtty, fd);
}

void mtty_registers(struct mtty *mtty, unsigned int port,
                    struct mtty_registers *registers)
{
    memset(registers, 0, sizeof(*registers));
    registers->lcr = mtty_get(mtty, port, UART_LCR);
    if ((registers->lcr & UART_LCR_DLAB) != 0) {
        /* Then IER and DATA are the divisor, and nothing can be received. */
        registers->divisor = (uint16_t)(mtty_get(mtty, port, UART_DATA) |
                                        mtty_get(mtty, port, UART_IER) << 8);
    } else {
        registers->ier = mtty_get(mtty, port, UART_IER);
    }
    registers->iir = mtty_get(mtty, port, UART_IIR);
    registers->mcr = mtty_get(mtty, port, UART_MCR);
    registers->lsr = mtty_get(mtty, port, UART_LSR);
    registers->msr = mtty_get(mtty, port, UART_MSR);
    registers->scr = mtty_get(mtty, port, UART_SCR);
    while ((registers->lcr & UART_LCR_DLAB) == 0 &&
           registers->n_received < sizeof(registers->received) &&
           (mtty_get(mtty, port, UART_LSR) & UART_LSR_DATA_READY) != 0) {
        registers->received[registers->n_received++] =
            mtty_get(mtty, port, UART_DATA);
    }
}

size_t mtty_golden(const struct mtty *mtty, const char *name,
                   uint8_t bytes[MTTY_MAX])
{
    char path[512];
    struct file file;
    size_t size;

    (void)snprintf(path, sizeof(path), "%s/mtty/mtty-%uport-%s.bin",
                   MIGP_VM_GOLDEN, mtty->ports, name);
    file = file_load(path);
    size = file.size;
    assert_in_range(size, 1, MTTY_MAX);
    memcpy(bytes, file.bytes, size);
    file_free(&file);
    return size;
}
