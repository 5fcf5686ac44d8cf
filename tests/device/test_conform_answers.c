/* SPDX-License-Identifier: MIT */
#include "bent_sys.h"
#include "conform_sim.h"

#include "device/uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <migproto/fsm.h>

/*
 * As test_conform_rules.c: kernels that break one thing each. These give one
 * wrong answer in one state.
 */

enum rule {
    PAYLOAD_IS_READ,      /* GET of MIGRATION fails with ones in its payload */
    NO_GET_IN_P2P,        /* GET of the state fails in RUNNING_P2P */
    STATE_IT_HAS_NOT,     /* GET says RUNNING_P2P for STOP */
    BAD_STATE_RUNS,       /* a SET of no state fails, and starts the device */
    BLOCKED_ARC_STOPS,    /* STOP_COPY to PRE_COPY fails in STOP */
    SAME_STATE_FD,        /* a SET from STOP to STOP names an fd */
    ERROR_STAYS,          /* a load that fails leaves ERROR, RESET as well */
    NO_START,             /* START answers EIO */
    ODD_PAGE,             /* START returns a page_size of three pages */
    BITS_BEYOND,          /* a coarse REPORT sets bits beyond the range */
    PRECOPY_REFUSED,      /* a load from PRE_COPY fails in STOP */
    INFO_WITHOUT_PRECOPY, /* PRECOPY_INFO works without PRE_COPY */
    INFO_IN_STOP,
    INFO_IN_RESUMING,
    NO_INFO_IN_P2P,    /* PRECOPY_INFO fails in PRE_COPY_P2P */
    NOTHING_INITIAL,   /* initial_bytes is 0 before the first read */
    ALWAYS_INITIAL,    /* initial_bytes is never 0 */
    NO_INFO_OF_DEVICE, /* GET_INFO fails in STOP */
    NO_POLL,           /* poll() fails */
    NOTHING_FINAL,     /* a session of PRE_COPY has no data in STOP_COPY */
    LOADED_FD_LIVES,   /* write() works after RESUMING to STOP */
    SEEKS,             /* pread() of a data_fd works */
    BOTH_WAYS          /* a data_fd is O_RDWR */
};

struct bent {
    struct bent_sys through;
    enum rule rule;
    uint32_t state;
    bool from_precopy; /* the last save was begun in PRE_COPY */
    bool loaded;       /* RESUMING has become STOP */
    bool error;
    uint64_t read;
};

static int inner_ioctl(struct bent *bent, int fd, unsigned long request,
                       void *arg)
{
    return through_ioctl(&bent->through, fd, request, arg);
}

static void inner_set(struct bent *bent, int fd, uint32_t state)
{
    uint32_t arg[4] = {
        16, MIGP_FEATURE_MIG_DEVICE_STATE | MIGP_VFIO_FEATURE_SET, state, 0};

    (void)inner_ioctl(bent, fd, MIGP_VFIO_DEVICE_FEATURE, arg);
    bent->state = state;
}

static bool precopying(uint32_t state)
{
    return state == MIGP_STATE_PRE_COPY || state == MIGP_STATE_PRE_COPY_P2P;
}

static void note_set(struct bent *bent, uint32_t from, uint32_t to)
{
    if (precopying(to)) {
        bent->from_precopy = true;
    } else if (to == MIGP_STATE_STOP_COPY && !precopying(from)) {
        bent->from_precopy = false;
    }
    bent->loaded = from == MIGP_STATE_RESUMING && to == MIGP_STATE_STOP;
    bent->read = 0;
    bent->state = to;
}

static int bent_set(struct bent *bent, int fd, uint32_t *words, uint32_t to)
{
    const uint32_t from = bent->state;
    int result;

    if (bent->error || (bent->rule == PRECOPY_REFUSED && bent->from_precopy &&
                        from == MIGP_STATE_RESUMING && to == MIGP_STATE_STOP)) {
        words[3] = UINT32_MAX; /* a data_fd of -1 */
        return -EINVAL;
    }
    result = inner_ioctl(bent, fd, MIGP_VFIO_DEVICE_FEATURE, words);
    if (result == 0) {
        note_set(bent, from, to);
        if (bent->rule == SAME_STATE_FD && from == to &&
            to == MIGP_STATE_STOP) {
            words[3] = 7;
        }
    } else if (bent->rule == BAD_STATE_RUNS && to >= MIGP_STATE_COUNT &&
               from == MIGP_STATE_STOP) {
        inner_set(bent, fd, MIGP_STATE_RUNNING);
    } else if (bent->rule == BLOCKED_ARC_STOPS && precopying(to)) {
        inner_set(bent, fd, MIGP_STATE_STOP);
    } else if (bent->rule == ERROR_STAYS && from == MIGP_STATE_RESUMING &&
               to == MIGP_STATE_STOP) {
        bent->error = true;
    }
    return result;
}

static int bent_state(struct bent *bent, int fd, uint32_t *words)
{
    int result;

    if ((words[1] & MIGP_VFIO_FEATURE_SET) != 0) {
        return bent_set(bent, fd, words, words[2]);
    }
    if (bent->rule == NO_GET_IN_P2P && bent->state == MIGP_STATE_RUNNING_P2P) {
        return -EIO;
    }
    result = inner_ioctl(bent, fd, MIGP_VFIO_DEVICE_FEATURE, words);
    if (bent->error) {
        words[2] = MIGP_STATE_ERROR;
    } else if (bent->rule == STATE_IT_HAS_NOT && words[2] == MIGP_STATE_STOP) {
        words[2] = MIGP_STATE_RUNNING_P2P;
    }
    return result;
}

static int bent_logging(struct bent *bent, int fd, uint32_t *words, bool start)
{
    struct migp_vfio_feature_logging_control *control =
        (void *)(uint64_t *)(void *)(words + 2);
    const struct migp_vfio_feature_logging_report *report = (void *)control;
    int result = inner_ioctl(bent, fd, MIGP_VFIO_DEVICE_FEATURE, words);

    if (result != 0) {
        return result;
    }
    if (start && bent->rule == NO_START) {
        uint32_t stop[2] = {8, MIGP_FEATURE_DMA_LOGGING_STOP |
                                   MIGP_VFIO_FEATURE_SET};

        (void)inner_ioctl(bent, fd, MIGP_VFIO_DEVICE_FEATURE, stop);
        return -EIO;
    }
    if (start && bent->rule == ODD_PAGE) {
        control->page_size = 12288;
    } else if (!start && bent->rule == BITS_BEYOND &&
               bent->state == MIGP_STATE_RUNNING &&
               report->page_size == 1 << 18) {
        /* NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel's layout. */
        *(uint64_t *)(uintptr_t)report->bitmap |= 1 << 4;
    }
    return 0;
}

static int bent_feature(struct bent *bent, int fd, uint32_t *words)
{
    if ((words[1] & MIGP_VFIO_FEATURE_PROBE) == 0 && words[0] >= 16) {
        switch (words[1] & MIGP_VFIO_FEATURE_INDEX) {
        case MIGP_FEATURE_MIGRATION:
            if (bent->rule == PAYLOAD_IS_READ && words[2] == UINT32_MAX &&
                (words[1] & MIGP_VFIO_FEATURE_GET) != 0) {
                return -EIO;
            }
            break;
        case MIGP_FEATURE_MIG_DEVICE_STATE:
            return bent_state(bent, fd, words);
        case MIGP_FEATURE_DMA_LOGGING_START:
            return bent_logging(bent, fd, words, true);
        case MIGP_FEATURE_DMA_LOGGING_REPORT:
            return bent_logging(bent, fd, words, false);
        default:
            break;
        }
    }
    return inner_ioctl(bent, fd, MIGP_VFIO_DEVICE_FEATURE, words);
}

static int bent_info(struct bent *bent, int fd,
                     struct migp_vfio_precopy_info *info)
{
    int result;

    if (bent->rule == NO_INFO_IN_P2P &&
        bent->state == MIGP_STATE_PRE_COPY_P2P) {
        return -EIO;
    }
    if (bent->rule == INFO_WITHOUT_PRECOPY ||
        (bent->rule == INFO_IN_STOP && bent->state == MIGP_STATE_STOP) ||
        (bent->rule == INFO_IN_RESUMING &&
         bent->state == MIGP_STATE_RESUMING)) {
        return 0;
    }
    result = inner_ioctl(bent, fd, MIGP_VFIO_MIG_GET_PRECOPY_INFO, info);
    if (bent->rule == NOTHING_INITIAL && bent->read == 0) {
        info->initial_bytes = 0;
    } else if (bent->rule == ALWAYS_INITIAL && info->initial_bytes == 0) {
        info->initial_bytes = 1;
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
        bent->state = MIGP_STATE_RUNNING;
        bent->loaded = false;
        return inner_ioctl(bent, fd, request, arg);
    case MIGP_VFIO_MIG_GET_PRECOPY_INFO:
        return bent_info(bent, fd, arg);
    case MIGP_VFIO_DEVICE_GET_INFO:
        return bent->rule == NO_INFO_OF_DEVICE && bent->state == MIGP_STATE_STOP
                   ? -EIO
                   : inner_ioctl(bent, fd, request, arg);
    default:
        return inner_ioctl(bent, fd, request, arg);
    }
}

static int bent_open(void *user, const char *path, int flags)
{
    struct bent *bent = user;

    bent->state = MIGP_STATE_RUNNING;
    bent->error = false;
    return through_open(user, path, flags);
}

static migp_ssize bent_read(void *user, int fd, void *bytes, size_t size)
{
    struct bent *bent = user;
    migp_ssize n;

    if (bent->rule == NOTHING_FINAL && bent->from_precopy &&
        bent->state == MIGP_STATE_STOP_COPY) {
        return 0;
    }
    n = through_read(user, fd, bytes, size);
    bent->read += n > 0 ? (uint64_t)n : 0;
    return n;
}

static migp_ssize bent_write(void *user, int fd, const void *bytes, size_t size)
{
    const struct bent *bent = user;

    return bent->rule == LOADED_FD_LIVES && bent->loaded
               ? (migp_ssize)size
               : through_write(user, fd, bytes, size);
}

static migp_ssize bent_pread(void *user, int fd, void *bytes, size_t size,
                             uint64_t offset)
{
    const struct bent *bent = user;
    migp_ssize n = through_pread(user, fd, bytes, size, offset);

    return bent->rule == SEEKS && n == -ESPIPE ? 0 : n;
}

static int bent_fcntl(void *user, int fd, int command, int arg)
{
    const struct bent *bent = user;

    return bent->rule == BOTH_WAYS && command == F_GETFL
               ? O_RDWR
               : through_fcntl(user, fd, command, arg);
}

static int bent_poll(void *user, int fd, int events, int timeout)
{
    const struct bent *bent = user;

    return bent->rule == NO_POLL ? -EIO
                                 : through_poll(user, fd, events, timeout);
}

struct bend {
    enum rule rule;
    const char *name;
    uint32_t checks[3]; /* a list that 0 ends */
    uint32_t flags;
    const char *sim; /* NULL: with all states */
};

static void run_bent(const struct bend *bend, struct outcome *outcome)
{
    const char *text = bend->sim != NULL ? bend->sim : "size=64K,initial=16K";
    struct migp_conform_options how;
    struct migp_sim *sim;
    struct bent bent;

    memset(&bent, 0, sizeof(bent));
    assert_int_equal(migp_sim_new(&sim, text, NULL, NULL), MIGP_OK);
    bent_sys_init(&bent.through, migp_sim_sys(sim));
    bent.through.sys.ioctl = bent_ioctl;
    bent.through.sys.open = bent_open;
    bent.through.sys.read = bent_read;
    bent.through.sys.write = bent_write;
    bent.through.sys.pread = bent_pread;
    bent.through.sys.fcntl = bent_fcntl;
    bent.through.sys.poll = bent_poll;
    bent.rule = bend->rule;
    bent.state = MIGP_STATE_RUNNING;
    migp_conform_options_init(&how);
    how.flags = bend->flags;
    how.driver = "";
    how.max_data = 1 << 20;
    run_on(&bent.through.sys, MIGP_SIM_PATH, &how, outcome);
    assert_int_equal(migp_sim_open_fds(sim), 0);
    migp_sim_free(sim);
}

static bool is_seen(const struct bend *bend)
{
    struct outcome outcome;
    bool good = true;
    uint32_t n;

    run_bent(bend, &outcome);
    for (n = 1; n <= CHECKS; n++) {
        const bool wanted = n == bend->checks[0] || n == bend->checks[1];

        if ((outcome.verdict[n] == MIGP_CONFORM_FAIL) != wanted) {
            print_error("%s: check %" PRIu32 " ended %" PRIu32 ": %s\n",
                        bend->name, n, outcome.verdict[n], outcome.text[n]);
            good = false;
        }
    }
    if (outcome.failed < 0) {
        print_error("%s: %s\n", bend->name, outcome.error.text);
    }
    return good && outcome.failed >= 0;
}

static void test_run__each_answer_that_a_check_looks_at(void **state)
{
    static const struct bend bends[] = {
        {PAYLOAD_IS_READ, "PAYLOAD_IS_READ", {2}, 0, NULL},
        /* 4 and 7 are the ones that ask; for the others it is a step. */
        {NO_GET_IN_P2P, "NO_GET_IN_P2P", {4, 7}, 0, NULL},
        {STATE_IT_HAS_NOT,
         "STATE_IT_HAS_NOT",
         {4, 7},
         0,
         "size=64K,initial=16K,p2p=off"},
        {BAD_STATE_RUNS, "BAD_STATE_RUNS", {8}, 0, NULL},
        {BLOCKED_ARC_STOPS,
         "BLOCKED_ARC_STOPS",
         {9},
         MIGP_CONFORM_ALLOW_DANGEROUS,
         NULL},
        {SAME_STATE_FD, "SAME_STATE_FD", {10}, 0, NULL},
        /* A load is how it came there. */
        {ERROR_STAYS, "ERROR_STAYS", {15, 29}, 0, NULL},
        {NO_START, "NO_START", {33}, 0, NULL},
        {ODD_PAGE, "ODD_PAGE", {33}, 0, NULL},
        {BITS_BEYOND, "BITS_BEYOND", {35}, 0, NULL},
        {PRECOPY_REFUSED, "PRECOPY_REFUSED", {22}, 0, NULL},
        {INFO_WITHOUT_PRECOPY,
         "INFO_WITHOUT_PRECOPY",
         {23},
         0,
         "size=64K,precopy=off"},
        {INFO_IN_STOP, "INFO_IN_STOP", {23}, 0, NULL},
        {INFO_IN_RESUMING, "INFO_IN_RESUMING", {23}, 0, NULL},
        {NO_INFO_IN_P2P, "NO_INFO_IN_P2P", {12}, 0, NULL},
        {NOTHING_INITIAL, "NOTHING_INITIAL", {24}, 0, NULL},
        {ALWAYS_INITIAL, "ALWAYS_INITIAL", {24}, 0, NULL},
        {NO_INFO_OF_DEVICE, "NO_INFO_OF_DEVICE", {40}, 0, NULL},
        {NO_POLL, "NO_POLL", {18}, 0, NULL},
        /* What is missing does not load. */
        {NOTHING_FINAL, "NOTHING_FINAL", {12, 22}, 0, NULL},
        {LOADED_FD_LIVES,
         "LOADED_FD_LIVES",
         {13},
         MIGP_CONFORM_ALLOW_DANGEROUS,
         NULL},
        {SEEKS, "SEEKS", {17}, 0, NULL},
        {BOTH_WAYS, "BOTH_WAYS", {17}, 0, NULL},
    };
    bool good = true;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bends) / sizeof(bends[0]); i++) {
        good = is_seen(&bends[i]) && good;
    }
    assert_true(good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run__each_answer_that_a_check_looks_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
