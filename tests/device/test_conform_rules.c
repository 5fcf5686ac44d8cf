/* SPDX-License-Identifier: MIT */
#include "bent_sys.h"
#include "conform_sim.h"

#include "device/uapi.h"

#include <errno.h>
#include <migproto/fsm.h>

/*
 * Checks look at several things each. For each of them there is a kernel here
 * that breaks just that one, in a way that a driver could, and the check that
 * has to see it is named by hand.
 */

enum rule {
    HONEST,
    PROBE_WRITES,         /* PROBE writes where a payload would be */
    SIZE_WANDERS,         /* MIG_DATA_SIZE in STOP is four times as much */
    FD_AT_BAD_STATE,      /* a SET of no state fails and names an fd */
    FD_AT_FAILED_LOAD,    /* as does one that fails to load */
    PRECOPY_FD_LIVES,     /* a data_fd gives data after PRE_COPY to RUNNING */
    PRECOPY_P2P_FD_LIVES, /* after PRE_COPY_P2P to RUNNING_P2P */
    GET_FAILS_LATER,      /* GET works once in RUNNING_P2P */
    NOT_READABLE,         /* poll() says nothing at the end */
    INFO_OF_23_BYTES,     /* PRECOPY_INFO takes that argsz */
    INFO_OF_8_BYTES,
    INITIAL_FALLS_FAST,   /* initial_bytes is 0 after one read */
    LOAD_IS_LOST,         /* a load succeeds and does nothing */
    PRECOPY_LOAD_IS_LOST, /* if it was saved from PRE_COPY */
    ODD_LOAD_IS_LOST,     /* if a write had 3 bytes */
    BYTE_LOAD_IS_LOST,    /* if two writes had one byte each */
    EMPTY_LOADS,          /* a load of nothing succeeds */
    TAIL_IS_SWALLOWED,    /* bytes behind the end are taken */
    LOAD_FD_LIVES,        /* write() works after RESET in RESUMING */
    MANY_RANGES,          /* START takes more than a page of ranges */
    STOP_NEEDS_START,     /* STOP fails if there never was a START */
    STOP_ONCE,            /* STOP fails if there was a STOP before */
    STOP_FAILS,           /* STOP of what was started answers EIO */
    REPORT_FAILS,         /* REPORT answers EIO */
    REPORT_OF_2048,       /* REPORT takes that page_size */
    REPORT_OF_3_PAGES,
    COARSE_IS_DIRTY,   /* coarse pages are dirty where nothing is */
    SOME_AFTER_RESET,  /* a data_fd gives 64 bytes after RESET, then ends */
    RESET_MISSES_PRE,  /* RESET does nothing in PRE_COPY */
    RESET_MISSES_P2P,  /* in PRE_COPY_P2P */
    CONFIG_FIRST_BYTE, /* config space reads differently in STOP */
    CONFIG_FOURTH_BYTE,
};

struct bent {
    struct bent_sys through;
    enum rule rule;
    uint32_t state;
    bool from_precopy; /* the last save was begun in PRE_COPY */
    bool lose;         /* what is being loaded */
    bool leaked;       /* an ended session gives data */
    bool dead_load;    /* a reset ended RESUMING */
    bool started;
    bool logging;
    uint64_t written;
    uint64_t read;
    unsigned single; /* writes of one byte */
    unsigned gets;
    uint8_t scratch;
};

#define SCRATCH 7 /* in BAR 0, at 0 */
#define CONFIG ((uint64_t)MIGP_VFIO_REGION_CONFIG << 40)

static int inner_ioctl(struct bent *bent, int fd, unsigned long request,
                       void *arg)
{
    return through_ioctl(&bent->through, fd, request, arg);
}

/* --- what each kind of call does ----------------------------------------- */

static void note_set(struct bent *bent, int fd, uint32_t to)
{
    const uint32_t from = bent->state;

    bent->leaked =
        (bent->rule == PRECOPY_FD_LIVES && from == MIGP_STATE_PRE_COPY &&
         to == MIGP_STATE_RUNNING) ||
        (bent->rule == PRECOPY_P2P_FD_LIVES &&
         from == MIGP_STATE_PRE_COPY_P2P && to == MIGP_STATE_RUNNING_P2P);
    if (to == MIGP_STATE_PRE_COPY || to == MIGP_STATE_PRE_COPY_P2P) {
        bent->from_precopy = true;
    } else if (to == MIGP_STATE_STOP_COPY && from != MIGP_STATE_PRE_COPY &&
               from != MIGP_STATE_PRE_COPY_P2P) {
        bent->from_precopy = false;
    }
    if (from == MIGP_STATE_RESUMING && to != from && bent->lose) {
        (void)through_pwrite(&bent->through, fd, &bent->scratch, 1, SCRATCH);
    }
    if (to == MIGP_STATE_RESUMING) {
        (void)through_pread(&bent->through, fd, &bent->scratch, 1, SCRATCH);
        bent->lose = bent->rule == LOAD_IS_LOST ||
                     (bent->rule == PRECOPY_LOAD_IS_LOST && bent->from_precopy);
        bent->written = 0;
        bent->single = 0;
    }
    bent->read = 0;
    bent->dead_load = false;
    bent->state = to;
}

static int bent_set(struct bent *bent, int fd, uint32_t *words, uint32_t to)
{
    int result;

    if (bent->rule == EMPTY_LOADS && bent->state == MIGP_STATE_RESUMING &&
        to == MIGP_STATE_STOP && bent->written == 0) {
        (void)inner_ioctl(bent, fd, MIGP_VFIO_DEVICE_RESET_IOCTL, NULL);
    }
    result = inner_ioctl(bent, fd, MIGP_VFIO_DEVICE_FEATURE, words);
    bent->gets = 0;
    if (result == 0) {
        note_set(bent, fd, to);
    } else if ((bent->rule == FD_AT_BAD_STATE && to >= MIGP_STATE_COUNT) ||
               (bent->rule == FD_AT_FAILED_LOAD && to < MIGP_STATE_COUNT &&
                to != MIGP_STATE_ERROR)) {
        words[3] = 7;
    }
    return result;
}

static int bent_state(struct bent *bent, int fd, uint32_t *words)
{
    if ((words[1] & MIGP_VFIO_FEATURE_SET) != 0) {
        return bent_set(bent, fd, words, words[2]);
    }
    if (bent->rule == GET_FAILS_LATER &&
        bent->state == MIGP_STATE_RUNNING_P2P && bent->gets++ > 0) {
        return -EIO;
    }
    return inner_ioctl(bent, fd, MIGP_VFIO_DEVICE_FEATURE, words);
}

static int bent_start(struct bent *bent, int fd, uint32_t *words)
{
    const struct migp_vfio_feature_logging_control *control =
        (const void *)(words + 2);
    int result;

    if (bent->rule == MANY_RANGES && control->num_ranges > 4096) {
        return 0;
    }
    result = inner_ioctl(bent, fd, MIGP_VFIO_DEVICE_FEATURE, words);
    if (result == 0) {
        bent->started = true;
        bent->logging = true;
    }
    return result;
}

static int bent_stop(struct bent *bent, int fd, uint32_t *words)
{
    if ((bent->rule == STOP_NEEDS_START && !bent->started) ||
        (bent->rule == STOP_ONCE && bent->started && !bent->logging)) {
        return -EINVAL;
    }
    if (bent->rule == STOP_FAILS && bent->logging) {
        bent->logging = false;
        (void)inner_ioctl(bent, fd, MIGP_VFIO_DEVICE_FEATURE, words);
        return -EIO;
    }
    bent->logging = false;
    return inner_ioctl(bent, fd, MIGP_VFIO_DEVICE_FEATURE, words);
}

static int bent_report(struct bent *bent, int fd, uint32_t *words)
{
    const struct migp_vfio_feature_logging_report *report =
        (const void *)(words + 2);
    int result;

    if ((bent->rule == REPORT_OF_2048 && report->page_size == 2048) ||
        (bent->rule == REPORT_OF_3_PAGES && report->page_size == 12288)) {
        return 0;
    }
    if (bent->rule == REPORT_FAILS) {
        return -EIO;
    }
    result = inner_ioctl(bent, fd, MIGP_VFIO_DEVICE_FEATURE, words);
    if (bent->rule == COARSE_IS_DIRTY && result == 0 &&
        report->page_size == 1 << 20) {
        /* NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel's layout. */
        *(uint64_t *)(uintptr_t)report->bitmap |= 1;
    }
    return result;
}

static int bent_feature(struct bent *bent, int fd, uint32_t *words)
{
    int result;

    if ((words[1] & MIGP_VFIO_FEATURE_PROBE) != 0) {
        result = inner_ioctl(bent, fd, MIGP_VFIO_DEVICE_FEATURE, words);
        if (bent->rule == PROBE_WRITES) {
            words[3] = 0; /* its own idea of a data_fd */
        }
        return result;
    }
    switch (words[1] & MIGP_VFIO_FEATURE_INDEX) {
    case MIGP_FEATURE_MIG_DEVICE_STATE:
        return words[0] < 16
                   ? inner_ioctl(bent, fd, MIGP_VFIO_DEVICE_FEATURE, words)
                   : bent_state(bent, fd, words);
    case MIGP_FEATURE_DMA_LOGGING_START:
        return bent_start(bent, fd, words);
    case MIGP_FEATURE_DMA_LOGGING_STOP:
        return bent_stop(bent, fd, words);
    case MIGP_FEATURE_DMA_LOGGING_REPORT:
        return bent_report(bent, fd, words);
    case MIGP_FEATURE_MIG_DATA_SIZE:
        result = inner_ioctl(bent, fd, MIGP_VFIO_DEVICE_FEATURE, words);
        if (bent->rule == SIZE_WANDERS && bent->state == MIGP_STATE_STOP &&
            bent->gets++ > 0) {
            words[2] *= 4;
        }
        return result;
    default:
        return inner_ioctl(bent, fd, MIGP_VFIO_DEVICE_FEATURE, words);
    }
}

static int bent_reset(struct bent *bent, int fd)
{
    if ((bent->rule == RESET_MISSES_PRE &&
         bent->state == MIGP_STATE_PRE_COPY) ||
        (bent->rule == RESET_MISSES_P2P &&
         bent->state == MIGP_STATE_PRE_COPY_P2P)) {
        return 0;
    }
    bent->dead_load =
        bent->rule == LOAD_FD_LIVES && bent->state == MIGP_STATE_RESUMING;
    bent->leaked = bent->rule == SOME_AFTER_RESET;
    bent->state = MIGP_STATE_RUNNING;
    bent->gets = 0;
    return inner_ioctl(bent, fd, MIGP_VFIO_DEVICE_RESET_IOCTL, NULL);
}

static int bent_info(struct bent *bent, int fd,
                     struct migp_vfio_precopy_info *info)
{
    const uint32_t argsz = info->argsz;
    int result;

    if ((bent->rule == INFO_OF_23_BYTES && argsz == 23) ||
        (bent->rule == INFO_OF_8_BYTES && argsz == 8)) {
        info->argsz = sizeof(*info);
    }
    result = inner_ioctl(bent, fd, MIGP_VFIO_MIG_GET_PRECOPY_INFO, info);
    if (bent->rule == INITIAL_FALLS_FAST && result == 0 && bent->read > 0) {
        info->dirty_bytes += info->initial_bytes;
        info->initial_bytes = 0;
    }
    return result;
}

static int bent_ioctl(void *user, int fd, unsigned long request, void *arg)
{
    struct bent *bent = user;

    switch (request) {
    case MIGP_VFIO_DEVICE_FEATURE:
        return bent_feature(bent, fd, arg);
    case MIGP_VFIO_DEVICE_RESET_IOCTL:
        return bent_reset(bent, fd);
    case MIGP_VFIO_MIG_GET_PRECOPY_INFO:
        return bent_info(bent, fd, arg);
    default:
        return inner_ioctl(bent, fd, request, arg);
    }
}

static migp_ssize bent_read(void *user, int fd, void *bytes, size_t size)
{
    struct bent *bent = user;
    migp_ssize n = through_read(user, fd, bytes, size);

    if (n < 0 && bent->leaked) {
        bent->leaked = false;
        memset(bytes, 0x5a, size < 64 ? size : 64);
        return size < 64 ? (migp_ssize)size : 64;
    }
    bent->read += n > 0 ? (uint64_t)n : 0;
    return n;
}

static migp_ssize bent_write(void *user, int fd, const void *bytes, size_t size)
{
    struct bent *bent = user;
    uint8_t tail[64];

    memset(tail, 0xff, sizeof(tail));
    if ((bent->rule == TAIL_IS_SWALLOWED && size == sizeof(tail) &&
         memcmp(bytes, tail, size) == 0) ||
        bent->dead_load) {
        return (migp_ssize)size;
    }
    bent->single += size == 1 ? 1 : 0;
    bent->lose = bent->lose || (bent->rule == ODD_LOAD_IS_LOST && size == 3) ||
                 (bent->rule == BYTE_LOAD_IS_LOST && bent->single == 2);
    bent->written += size;
    return through_write(user, fd, bytes, size);
}

static migp_ssize bent_pread(void *user, int fd, void *bytes, size_t size,
                             uint64_t offset)
{
    struct bent *bent = user;
    const size_t at = bent->rule == CONFIG_FOURTH_BYTE ? 3 : 0;
    migp_ssize n = through_pread(user, fd, bytes, size, offset);

    if ((bent->rule == CONFIG_FIRST_BYTE || bent->rule == CONFIG_FOURTH_BYTE) &&
        bent->state == MIGP_STATE_STOP && offset == CONFIG && n == 4) {
        ((uint8_t *)bytes)[at] ^= 1;
    }
    return n;
}

static int bent_poll(void *user, int fd, int events, int timeout)
{
    const struct bent *bent = user;

    return bent->rule == NOT_READABLE ? 0
                                      : through_poll(user, fd, events, timeout);
}

/* --- which check sees it ------------------------------------------------- */

static void run_bent(enum rule rule, const char *text,
                     const struct migp_conform_options *how,
                     struct outcome *outcome)
{
    struct migp_sim *sim;
    struct bent bent;

    memset(&bent, 0, sizeof(bent));
    assert_int_equal(migp_sim_new(&sim, text, NULL, NULL), MIGP_OK);
    bent_sys_init(&bent.through, migp_sim_sys(sim));
    bent.through.sys.ioctl = bent_ioctl;
    bent.through.sys.read = bent_read;
    bent.through.sys.write = bent_write;
    bent.through.sys.pread = bent_pread;
    bent.through.sys.poll = bent_poll;
    bent.rule = rule;
    bent.state = MIGP_STATE_RUNNING;
    run_on(&bent.through.sys, MIGP_SIM_PATH, how, outcome);
    assert_int_equal(migp_sim_open_fds(sim), 0);
    migp_sim_free(sim);
}

struct bend {
    enum rule rule;
    const char *name;
    uint32_t flags;
    uint32_t checks[3]; /* a list that 0 ends */
};

static bool is_seen(const struct bend *bend)
{
    struct migp_conform_options how;
    struct outcome outcome;
    bool good = true;
    uint32_t n;

    migp_conform_options_init(&how);
    how.flags = bend->flags;
    how.driver = "";
    how.max_data = 1 << 20;
    run_bent(bend->rule, "size=64K,initial=16K", &how, &outcome);
    for (n = 1; n <= CHECKS; n++) {
        const bool wanted = n == bend->checks[0] || n == bend->checks[1];

        if ((outcome.verdict[n] == MIGP_CONFORM_FAIL) != wanted) {
            print_error("%s: check %" PRIu32 " ended %" PRIu32 ": %s\n",
                        bend->name, n, outcome.verdict[n], outcome.text[n]);
            good = false;
        }
    }
    return good && outcome.failed >= 0;
}

static void test_run__each_thing_that_a_check_looks_at(void **state)
{
/* clang-format off */
#define RULE(rule, check) {rule, #rule, 0, {check}}
    /* clang-format on */
    static const struct bend bends[] = {
        RULE(HONEST, 0),
        RULE(PROBE_WRITES, 1),
        RULE(SIZE_WANDERS, 5),
        RULE(FD_AT_BAD_STATE, 11),
        RULE(FD_AT_FAILED_LOAD, 11),
        RULE(PRECOPY_FD_LIVES, 13),
        RULE(PRECOPY_P2P_FD_LIVES, 13),
        RULE(GET_FAILS_LATER, 16),
        RULE(NOT_READABLE, 18),
        RULE(INFO_OF_23_BYTES, 23),
        RULE(INFO_OF_8_BYTES, 23),
        RULE(INITIAL_FALLS_FAST, 24),
        RULE(LOAD_IS_LOST, 26),
        RULE(PRECOPY_LOAD_IS_LOST, 22),
        RULE(ODD_LOAD_IS_LOST, 27),
        RULE(BYTE_LOAD_IS_LOST, 27),
        RULE(EMPTY_LOADS, 28),
        RULE(TAIL_IS_SWALLOWED, 28),
        {LOAD_FD_LIVES, "LOAD_FD_LIVES", MIGP_CONFORM_ALLOW_DANGEROUS, {31}},
        RULE(MANY_RANGES, 32),
        RULE(STOP_NEEDS_START, 33),
        RULE(STOP_ONCE, 33),
        /* 37 starts and stops in every state. */
        {STOP_FAILS, "STOP_FAILS", 0, {33, 37}},
        RULE(REPORT_FAILS, 33),
        RULE(REPORT_OF_2048, 34),
        RULE(REPORT_OF_3_PAGES, 34),
        RULE(COARSE_IS_DIRTY, 35),
        RULE(SOME_AFTER_RESET, 38),
        RULE(RESET_MISSES_PRE, 38),
        RULE(RESET_MISSES_P2P, 38),
        RULE(CONFIG_FIRST_BYTE, 40),
        RULE(CONFIG_FOURTH_BYTE, 40),
    };
#undef RULE
    bool good = true;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bends) / sizeof(bends[0]); i++) {
        good = is_seen(&bends[i]) && good;
    }
    assert_true(good);
}

/* mtty keeps its registers over a RESET: only a changed one tells. */
static void test_run__a_load_that_mtty_loses(void **state)
{
    struct migp_conform_options how;
    struct outcome outcome;

    (void)state;
    migp_conform_options_init(&how);
    run_bent(LOAD_IS_LOST, "quirk=mtty", &how, &outcome);
    assert_int_equal(outcome.failed, 1);
    assert_int_equal(outcome.verdict[26], MIGP_CONFORM_FAIL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run__each_thing_that_a_check_looks_at),
        cmocka_unit_test(test_run__a_load_that_mtty_loses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
