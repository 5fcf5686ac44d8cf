/* SPDX-License-Identifier: MIT */
#include "device/sim_calls.h"
#include "support/file.h"

#include "core/errno_name.h"

#include <stdio.h>

/* The simulated mtty, against what a real kernel answered (data/). */

/* The state of a real device, read by its own driver. */
static struct file golden_mtty(void)
{
    struct file file = golden_load("mtty/mtty-1port-stopcopy-direct.bin");

    assert_int_equal(file.size, 60);
    return file;
}

/* "STOP_COPY(from_PRE_COPY)" and the like; the fd of its session or -1. */
static int mtty_enter(const struct box *box, const char *from,
                      const struct file *good)
{
    size_t n = strcspn(from, "(");
    uint32_t target = 1;
    int fd = -1;

    while (strlen(migp_state_name(target)) != n ||
           memcmp(from, migp_state_name(target), n) != 0) {
        target++;
        assert_true(target < MIGP_STATE_COUNT);
    }
    if (strstr(from, "from_PRE_COPY") != NULL) {
        fd = box_enter(box, MIGP_STATE_PRE_COPY);
        box_go(box, target);
        return fd;
    }
    assert_int_equal(box_set(box, target, &fd), 0);
    if (strstr(from, "full_data") != NULL) {
        assert_int_equal(box_pour(box, fd, good->bytes, good->size, 60), 0);
    }
    return fd;
}

static int negative_errno(const char *name)
{
    return strcmp(name, "0") == 0 ? 0 : -migp_errno_number(name, strlen(name));
}

/* A row of the file; see data/matrix.py. */
struct matrix_row {
    char from[32];
    unsigned to;
    char result[16];
    char after[16];
    int fd_came;
    char info[16];
    char old_fd[16];
};

static void check_row(const struct matrix_row *row, const struct file *good)
{
    struct box box = box_new("quirk=mtty");
    struct migp_vfio_precopy_info info;
    int old_fd = mtty_enter(&box, row->from, good);
    uint8_t byte = 0;
    int new_fd;
    int fd;

    assert_int_equal(box_set(&box, row->to, &new_fd),
                     negative_errno(row->result));
    assert_string_equal(migp_state_name(box_get(&box)), row->after);
    assert_int_equal(new_fd >= 0, row->fd_came);
    fd = new_fd >= 0 ? new_fd : old_fd;
    if (strcmp(row->info, "-") != 0) {
        assert_true(fd >= 0);
        assert_int_equal(box_info(&box, fd, &info), negative_errno(row->info));
    }
    if (strcmp(row->old_fd, "-") != 0) {
        migp_ssize result = strncmp(row->from, "RES", 3) == 0
                                ? box_write(&box, old_fd, &byte, 0)
                                : box_read(&box, old_fd, &byte, 0);

        assert_int_equal(result, negative_errno(row->old_fd));
    }
    if (old_fd >= 0) {
        box_close(&box, old_fd);
    }
    if (new_fd >= 0) {
        box_close(&box, new_fd);
    }
    box_free(&box);
}

static void test_mtty__whole_matrix_of_a_real_kernel(void **state)
{
    FILE *file = fopen(MIGP_TESTS_DIR "/device/data/mtty-1-matrix.txt", "r");
    struct file good = golden_mtty();
    char line[128];
    int rows = 0;

    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        struct matrix_row row;

        if (line[0] == '#') {
            continue;
        }
        /* Each field is shorter than its room: the file is our own. */
        assert_int_equal(sscanf(line, "%31s %u %15s %15s %d %15s %15s",
                                row.from, &row.to, row.result, row.after,
                                &row.fd_came, row.info, row.old_fd),
                         7);
        check_row(&row, &good);
        rows++;
    }
    assert_int_equal(rows, 90);
    assert_int_equal(fclose(file), 0);
    file_free(&good);
}

/* "walk" in data/fsm-matrix-mtty-1.json. */
static void test_mtty__precopy(void **state)
{
    struct box box = box_new("quirk=mtty");
    struct migp_vfio_precopy_info info;
    uint8_t bytes[61];
    migp_ssize end;
    int fd = box_enter(&box, MIGP_STATE_PRE_COPY);

    (void)state;
    assert_int_equal(box_info(&box, fd, &info), 0);
    assert_int_equal(info.initial_bytes, 24);
    assert_int_equal(info.dirty_bytes, 0);
    assert_int_equal(box_read(&box, fd, bytes, 10), 10);
    assert_int_equal(box_info(&box, fd, &info), 0);
    assert_int_equal(info.initial_bytes, 14);
    assert_int_equal(box_drain(&box, fd, bytes, 61, 61, &end), 14);
    assert_int_equal(end, 0);
    assert_int_equal(box_info(&box, fd, &info), 0);
    assert_int_equal(info.initial_bytes, 0);
    assert_int_equal(
        box_feature(&box, 8,
                    MIGP_FEATURE_MIG_PRECOPY_INFOV2 | MIGP_VFIO_FEATURE_PROBE,
                    NULL, 0),
        -ENOTTY);
    box_go(&box, MIGP_STATE_STOP_COPY);
    assert_int_equal(box_drain(&box, fd, bytes, 61, 16, &end), 36);
    assert_int_equal(end, 0);
    box_close(&box, fd);
    box_free(&box);
}

static void test_mtty__takes_and_gives_a_real_state(void **state)
{
    struct file good = golden_mtty();
    struct box box = box_new("quirk=mtty,seed=9");
    struct box second = box_new("quirk=mtty");
    uint8_t bytes[61];
    uint8_t registers[8];
    int fd;

    (void)state;
    fd = box_enter(&box, MIGP_STATE_RESUMING);
    assert_int_equal(box_pour(&box, fd, good.bytes, 60, 7), 0);
    assert_int_equal(box_write(&box, fd, bytes, 1), -ENOMEM);
    box_go(&box, MIGP_STATE_RUNNING);
    assert_int_equal(box.sys->pread(box.sys->user, box.fd, registers, 8, 0), 8);
    assert_memory_equal(registers, good.bytes + 24, 8);
    assert_int_equal(box.sys->pread(box.sys->user, box.fd, registers, 8, 8),
                     -EINVAL);
    assert_int_equal(box_save(&box, bytes, sizeof(bytes)), 60);
    assert_memory_equal(bytes, good.bytes, 60);
    assert_int_not_equal(migp_sim_fingerprint(box.sim),
                         migp_sim_fingerprint(second.sim));
    box_close(&box, fd);
    fd = box_enter(&second, MIGP_STATE_RESUMING);
    assert_int_equal(box_pour(&second, fd, bytes, 60, 60), 0);
    box_go(&second, MIGP_STATE_STOP);
    assert_int_equal(migp_sim_fingerprint(box.sim),
                     migp_sim_fingerprint(second.sim));
    box_close(&second, fd);
    /* A reset leaves the registers as they are. */
    assert_int_equal(box_reset(&box), 0);
    assert_int_equal(box_save(&box, bytes, sizeof(bytes)), 60);
    assert_memory_equal(bytes, good.bytes, 60);
    box_free(&box);
    box_free(&second);
    file_free(&good);
}

/* "corrupt" in data/fsm-matrix-mtty-1.json: what was changed, how long it is
 * and in what pieces it goes; then what write() and SET say. */
static void test_mtty__bad_data(void **state)
{
    static const struct {
        int changed;
        size_t size;
        size_t piece;
        migp_ssize written;
        int stop;
    } cases[] = {
        {-1, 60, 4096, 0, 0},
        {-1, 60, 1, 0, 0},
        {0, 60, 4096, -EFAULT, 0},
        {0, 60, 1, -EFAULT, -EINVAL},
        {0, 24, 4096, -EFAULT, -EINVAL},
        {0, 8, 4096, 0, -EINVAL},
        {8, 60, 4096, -EFAULT, 0},
        {12, 60, 4096, -EFAULT, 0},
        {16, 60, 4096, -EFAULT, 0},
        {20, 60, 4096, -EFAULT, 0},
        {-1, 0, 4096, 0, -EINVAL},
        {-1, 23, 4096, 0, -EINVAL},
        {-1, 24, 4096, 0, -EINVAL},
        {-1, 59, 4096, 0, -EINVAL},
        {-1, 61, 4096, -ENOMEM, -EINVAL},
        {-1, 61, 8, -ENOMEM, -EINVAL},
        {25, 60, 4096, 0, 0},
    };
    struct file good = golden_mtty();
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(cases); i++) {
        struct box box = box_new("quirk=mtty");
        uint8_t bytes[61] = {0};
        int fd = box_enter(&box, MIGP_STATE_RESUMING);
        int data_fd;

        memcpy(bytes, good.bytes, 60);
        if (cases[i].changed >= 0) {
            bytes[cases[i].changed] ^= 0x40;
        }
        assert_int_equal(
            box_pour(&box, fd, bytes, cases[i].size, cases[i].piece),
            cases[i].written);
        assert_int_equal(box_set(&box, MIGP_STATE_STOP, &data_fd),
                         cases[i].stop);
        assert_int_equal(box_get(&box), cases[i].stop == 0
                                            ? MIGP_STATE_STOP
                                            : MIGP_STATE_RESUMING);
        box_close(&box, fd);
        box_free(&box);
    }
    file_free(&good);
}

/* It loads what it has refused: "bad_magic_ignore_EFAULT_and_continue". */
static void test_mtty__forgets_a_refusal(void **state)
{
    struct file good = golden_mtty();
    struct box box = box_new("quirk=mtty");
    uint8_t scratch;
    int fd = box_enter(&box, MIGP_STATE_RESUMING);

    (void)state;
    good.bytes[0] ^= 1;
    good.bytes[24 + 7] = 0x77;
    assert_int_equal(box_write(&box, fd, good.bytes, 24), -EFAULT);
    assert_int_equal(box_write(&box, fd, good.bytes + 24, 36), 36);
    box_go(&box, MIGP_STATE_STOP);
    assert_int_equal(box.sys->pread(box.sys->user, box.fd, &scratch, 1, 7), 1);
    assert_int_equal(scratch, 0x77);
    box_close(&box, fd);
    box_free(&box);
    file_free(&good);
}

static void test_mtty__state_survives_closing(void **state)
{
    struct box box = box_new("quirk=mtty");
    struct migp_vfio_feature_logging_range one = {0, 4096};
    struct migp_vfio_feature_logging_control control = {
        12288, 1, 0, (uint64_t)(uintptr_t)&one};
    int i;

    (void)state;
    one.length = 0;
    for (i = 0; i < 2; i++) {
        assert_int_equal(
            box_feature(&box, 32,
                        MIGP_FEATURE_DMA_LOGGING_START | MIGP_VFIO_FEATURE_SET,
                        &control, sizeof(control)),
            0);
        assert_int_equal(control.page_size, 12288);
    }
    box_close(&box, box_enter(&box, MIGP_STATE_RESUMING));
    box_close(&box, box.fd);
    box.fd = box.sys->open(box.sys->user, MIGP_SIM_PATH, O_RDWR);
    assert_int_equal(box_get(&box), MIGP_STATE_RESUMING);
    assert_int_equal(box_set(&box, MIGP_STATE_STOP, &i), -EINVAL);
    assert_int_equal(box_reset(&box), 0);
    assert_int_equal(box_get(&box), MIGP_STATE_RUNNING);
    box_free(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mtty__whole_matrix_of_a_real_kernel),
        cmocka_unit_test(test_mtty__precopy),
        cmocka_unit_test(test_mtty__takes_and_gives_a_real_state),
        cmocka_unit_test(test_mtty__bad_data),
        cmocka_unit_test(test_mtty__forgets_a_refusal),
        cmocka_unit_test(test_mtty__state_survives_closing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
