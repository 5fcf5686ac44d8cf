/* SPDX-License-Identifier: MIT */
#include "conform_sim.h"

#include "device/uapi.h"

#include <errno.h>
#include <migproto/fsm.h>

/*
 * Kernels that the simulated device is not: something stands between it and
 * the suite and bends one answer. Nothing of it may hang the suite.
 */

enum rule {
    BEND_NOTHING,
    ENDLESS_STREAM,      /* read() always has bytes */
    ENDLESS_INFO,        /* PRECOPY_INFO always names some */
    HUGE_AMOUNTS,        /* all amounts are UINT64_MAX */
    NO_AMOUNT,           /* MIG_DATA_SIZE says 0 */
    NO_SIZE_FEATURE,     /* before Linux 6.2 */
    WRITES_NOTHING,      /* write() takes 0 bytes */
    READS_TOO_MUCH,      /* read() says more than there is room for */
    NO_RESET,            /* RESET answers EINVAL */
    NO_MIGRATION,        /* GET of MIGRATION answers ENOTTY */
    GONE,                /* all ioctls answer ENODEV after some */
    ERROR_STATE,         /* a load that fails leaves ERROR */
    ERROR_STATE_LEFT,    /* and SET leads out of it */
    FAILED_LOAD_STOPS,   /* a load that fails leaves STOP */
    NO_REPORT,           /* REPORT answers EOPNOTSUPP */
    COARSE_REPORT_FAILS, /* REPORT of 1 MiB pages answers EINVAL */
    REPORT_TOO_LONG,     /* REPORT writes behind the bitmap */
    DMA_AFTER_START,     /* the device writes 16 KiB as logging starts */
    NAMED_BY_SYS,        /* no data fd has a name, /sys says mtty */
    NAMED_XE             /* data fds are xe's */
};

struct bent {
    struct migp_sys sys; /* give this to the code under test */
    const struct migp_sys *inner;
    struct migp_sim *sim;
    enum rule rule;
    uint32_t state; /* said instead of the device's, if it is one */
    size_t calls;
};

#define HONEST UINT32_MAX

/* Another name for the device. */
#define CDEV "/dev/vfio/devices/vfio7"

static migp_ssize bent_read(void *user, int fd, void *bytes, size_t size)
{
    struct bent *bent = user;
    migp_ssize n = bent->inner->read(bent->inner->user, fd, bytes, size);

    if (bent->rule == ENDLESS_STREAM && n >= 0) {
        memset(bytes, 0x5a, size);
        return (migp_ssize)size;
    }
    return bent->rule == READS_TOO_MUCH && n > 0 ? (migp_ssize)size + 1 : n;
}

static migp_ssize bent_write(void *user, int fd, const void *bytes, size_t size)
{
    struct bent *bent = user;

    if (bent->rule == WRITES_NOTHING) {
        return 0;
    }
    return bent->inner->write(bent->inner->user, fd, bytes, size);
}

static void bend_state(struct bent *bent, uint32_t flags, uint64_t *payload,
                       int *result)
{
    struct migp_vfio_feature_mig_state *state = (void *)payload;
    const uint32_t wanted = state->device_state;

    if ((flags & MIGP_VFIO_FEATURE_GET) != 0) {
        if (bent->state != HONEST) {
            state->device_state = bent->state;
        }
    } else if (bent->rule == ERROR_STATE && bent->state != HONEST) {
        *result = -EINVAL;
    } else if (*result == 0) {
        bent->state = HONEST;
    } else if (wanted == MIGP_STATE_STOP && bent->state == HONEST) {
        bent->state = bent->rule == FAILED_LOAD_STOPS ? MIGP_STATE_STOP
                                                      : MIGP_STATE_ERROR;
    } else if (bent->rule == ERROR_STATE_LEFT && bent->state != HONEST) {
        bent->state = MIGP_STATE_STOP;
        *result = 0;
    }
}

static void bend_report(const struct bent *bent, const uint64_t *payload,
                        int *result)
{
    const struct migp_vfio_feature_logging_report *report =
        (const void *)payload;

    if (bent->rule == NO_REPORT && *result == 0) {
        *result = -EOPNOTSUPP;
    } else if (bent->rule == COARSE_REPORT_FAILS &&
               report->page_size == 1 << 20) {
        *result = -EINVAL;
    } else if (bent->rule == REPORT_TOO_LONG && *result == 0) {
        /* NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel's layout. */
        uint64_t *words = (void *)(uintptr_t)report->bitmap;

        words[report->length / report->page_size / 64] = 0;
    }
}

static int bend_feature(struct bent *bent, uint64_t *arg, int result)
{
    const struct migp_vfio_feature *head = (const void *)arg;
    const uint32_t flags = head->flags;

    if ((flags & MIGP_VFIO_FEATURE_PROBE) != 0) {
        return result;
    }
    switch (flags & MIGP_VFIO_FEATURE_INDEX) {
    case MIGP_FEATURE_MIGRATION:
        return bent->rule == NO_MIGRATION ? -ENOTTY : result;
    case MIGP_FEATURE_MIG_DEVICE_STATE:
        if (bent->rule >= ERROR_STATE && bent->rule <= FAILED_LOAD_STOPS) {
            bend_state(bent, flags, arg + 1, &result);
        }
        return result;
    case MIGP_FEATURE_MIG_DATA_SIZE:
        if (bent->rule == NO_AMOUNT || bent->rule == HUGE_AMOUNTS) {
            arg[1] = bent->rule == NO_AMOUNT ? 0 : UINT64_MAX;
        }
        return bent->rule == NO_SIZE_FEATURE ? -ENOTTY : result;
    case MIGP_FEATURE_DMA_LOGGING_START:
        if (bent->rule == DMA_AFTER_START && result == 0) {
            migp_sim_dma_write(bent->sim, UINT64_C(64) << 20, 16384);
        }
        return result;
    case MIGP_FEATURE_DMA_LOGGING_REPORT:
        bend_report(bent, arg + 1, &result);
        return result;
    default:
        return result;
    }
}

static int bent_ioctl(void *user, int fd, unsigned long request, void *arg)
{
    struct bent *bent = user;
    int result;

    bent->calls++;
    if (bent->rule == GONE && bent->calls > 300) {
        return -ENODEV;
    }
    if (request == MIGP_VFIO_DEVICE_RESET_IOCTL) {
        if (bent->rule == NO_RESET) {
            return -EINVAL;
        }
        bent->state = HONEST;
    }
    result = bent->inner->ioctl(bent->inner->user, fd, request, arg);
    if (request == MIGP_VFIO_DEVICE_FEATURE) {
        return bend_feature(bent, arg, result);
    }
    if (request == MIGP_VFIO_MIG_GET_PRECOPY_INFO && result == 0 &&
        (bent->rule == HUGE_AMOUNTS || bent->rule == ENDLESS_INFO)) {
        struct migp_vfio_precopy_info *info = arg;

        info->initial_bytes = bent->rule == ENDLESS_INFO ? 5 : UINT64_MAX;
        info->dirty_bytes = bent->rule == ENDLESS_INFO ? 7 : UINT64_MAX;
    }
    return result;
}

/* The rest goes through. */
static int bent_open(void *user, const char *path, int flags)
{
    const struct bent *bent = user;

    return bent->inner->open(bent->inner->user,
                             strcmp(path, CDEV) == 0 ? MIGP_SIM_PATH : path,
                             flags);
}

static int bent_close(void *user, int fd)
{
    const struct bent *bent = user;

    return bent->inner->close(bent->inner->user, fd);
}

static migp_ssize bent_pread(void *user, int fd, void *bytes, size_t size,
                             uint64_t offset)
{
    const struct bent *bent = user;

    return bent->inner->pread(bent->inner->user, fd, bytes, size, offset);
}

static int bent_fcntl(void *user, int fd, int command, int arg)
{
    const struct bent *bent = user;

    return bent->inner->fcntl(bent->inner->user, fd, command, arg);
}

static int bent_poll(void *user, int fd, int events, int timeout)
{
    const struct bent *bent = user;

    return bent->inner->poll(bent->inner->user, fd, events, timeout);
}

static migp_ssize bent_readlink(void *user, const char *path, char *text,
                                size_t size)
{
    static const char driver[] = "../../bus/mdev/drivers/mtty";
    static const char xe[] = "anon_inode:xe_vfio_mig";
    const struct bent *bent = user;

    if (bent->rule == NAMED_XE && strncmp(path, "/proc/self/fd/", 14) == 0) {
        memcpy(text, xe, sizeof(xe) - 1);
        return sizeof(xe) - 1;
    }
    if (bent->rule == NAMED_BY_SYS) {
        if (strncmp(path, "/proc/self/fd/", 14) == 0) {
            return -ENOENT;
        }
        if (strcmp(path, "/sys/class/vfio-dev/vfio7/device/driver") == 0) {
            memcpy(text, driver, sizeof(driver) - 1);
            return sizeof(driver) - 1;
        }
    }
    return bent->inner->readlink(bent->inner->user, path, text, size);
}

static uint64_t bent_now(void *user)
{
    const struct bent *bent = user;

    return bent->inner->now(bent->inner->user);
}

static void bent_sleep(void *user, uint64_t nanoseconds)
{
    const struct bent *bent = user;

    bent->inner->sleep(bent->inner->user, nanoseconds);
}

static void run_bent(enum rule rule, uint32_t flags, struct outcome *outcome)
{
    struct migp_conform_options how;
    struct bent bent;

    memset(&bent, 0, sizeof(bent));
    bent.sys.struct_size = sizeof(bent.sys);
    bent.sys.user = &bent;
    bent.sys.open = bent_open;
    bent.sys.close = bent_close;
    bent.sys.ioctl = bent_ioctl;
    bent.sys.read = bent_read;
    bent.sys.write = bent_write;
    bent.sys.pread = bent_pread;
    bent.sys.fcntl = bent_fcntl;
    bent.sys.poll = bent_poll;
    bent.sys.readlink = bent_readlink;
    bent.sys.now = bent_now;
    bent.sys.sleep = bent_sleep;
    bent.rule = rule;
    bent.state = HONEST;
    assert_int_equal(
        migp_sim_new(&bent.sim, "size=64K,initial=16K", NULL, NULL), MIGP_OK);
    bent.inner = migp_sim_sys(bent.sim);
    migp_conform_options_init(&how);
    how.flags = flags;
    how.max_data = 1 << 20;
    run_on(&bent.sys, rule == NAMED_BY_SYS ? CDEV : MIGP_SIM_PATH, &how,
           outcome);
    assert_int_equal(migp_sim_open_fds(bent.sim), 0);
    migp_sim_free(bent.sim);
}

/* What a bent rule makes fail, by hand; nothing hangs. */
static void test_run__bent_kernels(void **state)
{
    static const struct {
        enum rule rule;
        const char *name;
        uint32_t fails[8];
    } bends[] = {
        {BEND_NOTHING, "nothing", {0}},
        /* The data fd of an ended session gives an errno, not bytes. */
        {ENDLESS_STREAM, "endless stream", {18}},
        {ENDLESS_INFO, "endless info", {24}},
        {HUGE_AMOUNTS, "huge amounts", {24}},
        {NO_AMOUNT, "no amount", {20}},
        {NO_SIZE_FEATURE, "no size feature", {0}},
        {WRITES_NOTHING, "writes nothing", {17, 22, 26}},
        {NO_RESET, "no reset", {6, 29, 31, 38}},
        {ERROR_STATE, "error state", {0}},
        {FAILED_LOAD_STOPS, "failed load stops", {29}},
        {NO_REPORT, "no report", {0}},
        {COARSE_REPORT_FAILS, "coarse report fails", {35}},
        {REPORT_TOO_LONG, "report too long", {34}},
        {DMA_AFTER_START, "DMA", {0}},
    };
    bool good = true;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bends) / sizeof(bends[0]); i++) {
        struct outcome outcome;
        uint32_t n;

        run_bent(bends[i].rule, 0, &outcome);
        if (outcome.failed < 0) {
            print_error("%s: %s\n", bends[i].name, outcome.error.text);
            good = false;
        }
        for (n = 1; n <= CHECKS; n++) {
            const uint32_t *wanted = bends[i].fails;

            while (*wanted != 0 && *wanted != n) {
                wanted++;
            }
            if ((outcome.verdict[n] == MIGP_CONFORM_FAIL) != (*wanted == n)) {
                print_error("%s: check %" PRIu32 " ended %" PRIu32 ": %s\n",
                            bends[i].name, n, outcome.verdict[n],
                            outcome.text[n]);
                good = false;
            }
        }
    }
    assert_true(good);
}

static void test_run__more_bytes_than_room(void **state)
{
    struct outcome outcome;

    (void)state;
    run_bent(READS_TOO_MUCH, 0, &outcome);
    assert_int_equal(outcome.verdict[18], MIGP_CONFORM_FAIL);
    assert_non_null(strstr(outcome.text[18], "EPROTO"));
}

static void test_run__no_report(void **state)
{
    struct outcome outcome;
    uint32_t n;

    (void)state;
    run_bent(NO_REPORT, 0, &outcome);
    for (n = 34; n <= 37; n++) {
        assert_int_equal(outcome.verdict[n], MIGP_CONFORM_SKIP);
        assert_string_equal(outcome.text[n], "REPORT answers EOPNOTSUPP");
    }
    assert_int_equal(outcome.verdict[32], MIGP_CONFORM_PASS);
    assert_int_equal(outcome.verdict[33], MIGP_CONFORM_PASS);
}

static void test_run__no_size_feature(void **state)
{
    struct outcome outcome;

    (void)state;
    run_bent(NO_SIZE_FEATURE, 0, &outcome);
    assert_int_equal(outcome.verdict[5], MIGP_CONFORM_SKIP);
    assert_int_equal(outcome.verdict[20], MIGP_CONFORM_SKIP);
}

static void test_run__state_error(void **state)
{
    struct outcome outcome;

    (void)state;
    run_bent(ERROR_STATE, 0, &outcome);
    assert_int_equal(outcome.verdict[15], MIGP_CONFORM_PASS);
    assert_non_null(strstr(outcome.text[15], "dangerous"));
    run_bent(ERROR_STATE, MIGP_CONFORM_ALLOW_DANGEROUS, &outcome);
    assert_int_equal(outcome.verdict[15], MIGP_CONFORM_PASS);
    assert_string_equal(outcome.text[15], "");
    run_bent(ERROR_STATE_LEFT, MIGP_CONFORM_ALLOW_DANGEROUS, &outcome);
    assert_int_equal(outcome.verdict[15], MIGP_CONFORM_FAIL);
}

static void test_run__driver_named_by_sys(void **state)
{
    static const uint32_t known[] = {6, 19, 30, 33, 39, 0};
    struct outcome outcome;

    (void)state;
    run_bent(NAMED_BY_SYS, 0, &outcome);
    assert_int_equal(outcome.failed, 0);
    expect_numbers(&outcome, "mtty by /sys", MIGP_CONFORM_XPASS, known);
}

/* What some of its kernels crash of is not done to it unasked. */
static void test_run__xe_is_spared(void **state)
{
    struct outcome outcome;

    (void)state;
    run_bent(NAMED_XE, 0, &outcome);
    assert_int_equal(outcome.failed, 0);
    assert_int_equal(outcome.verdict[30], MIGP_CONFORM_SKIP);
    run_bent(NAMED_XE, MIGP_CONFORM_ALLOW_DANGEROUS, &outcome);
    assert_int_equal(outcome.failed, 0);
    assert_int_equal(outcome.verdict[30], MIGP_CONFORM_PASS);
}

static void test_run__no_migration(void **state)
{
    struct outcome outcome;

    (void)state;
    run_bent(NO_MIGRATION, 0, &outcome);
    assert_int_equal(outcome.failed, MIGP_ERR_NO_MIGRATION);
    assert_int_equal(outcome.verdict[1], NOT_RUN);
}

static void test_run__device_goes_away(void **state)
{
    struct outcome outcome;

    (void)state;
    run_bent(GONE, 0, &outcome);
    assert_int_equal(outcome.failed, MIGP_ERR_DEVICE_LOST);
    assert_int_equal(outcome.error.system_errno, ENODEV);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run__bent_kernels),
        cmocka_unit_test(test_run__more_bytes_than_room),
        cmocka_unit_test(test_run__no_report),
        cmocka_unit_test(test_run__no_size_feature),
        cmocka_unit_test(test_run__state_error),
        cmocka_unit_test(test_run__driver_named_by_sys),
        cmocka_unit_test(test_run__xe_is_spared),
        cmocka_unit_test(test_run__no_migration),
        cmocka_unit_test(test_run__device_goes_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
