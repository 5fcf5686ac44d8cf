/* SPDX-License-Identifier: MIT */
/*
 * Every change of state of a real mtty device, from everywhere to everywhere:
 * the kernel answers as it did when tests/golden/mtty was recorded, and
 * migp_device makes of it what device.h promises. The features likewise.
 */
#include "mtty.h"
#include "table.h"
#include "unit/cmocka_all.h"

#include <migproto/fsm.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct table table;

/* A row that failed says which it was. */
static const struct table_row *current;

static bool same(const char *what, const char *answered, const char *recorded)
{
    if (strcmp(answered, recorded) == 0) {
        return true;
    }
    print_error("from %s to %s: %s is %s, was %s\n",
                table_text(current, "from"), table_text(current, "to"), what,
                answered, recorded);
    return false;
}

static void is(const char *what, const char *answered, const char *recorded)
{
    assert_true(same(what, answered, recorded));
}

static void is_number(const char *what, uint64_t answered, uint64_t expected)
{
    char texts[2][24];

    (void)snprintf(texts[0], sizeof(texts[0]), "%llu",
                   (unsigned long long)answered);
    (void)snprintf(texts[1], sizeof(texts[1]), "%llu",
                   (unsigned long long)expected);
    is(what, texts[0], texts[1]);
}

static const char *state_text(uint32_t state, char text[16])
{
    if (state < MIGP_STATE_COUNT) {
        return migp_state_name(state);
    }
    (void)snprintf(text, 16, "0x%x", state);
    return text;
}

static bool has_session(uint32_t state)
{
    return state == MIGP_STATE_STOP_COPY || state == MIGP_STATE_RESUMING ||
           state == MIGP_STATE_PRE_COPY || state == MIGP_STATE_PRE_COPY_P2P;
}

static bool recorded_from(const char *from)
{
    return table_says(current, "from", from);
}

/* Did the state change, and which session then is the present one? */
static bool returned(void)
{
    return table_says(current, "data_fd", "returned");
}

/* --- what the kernel answers ---------------------------------------------- */

/* Brings the device to where the row starts; the fd of the session, or -1. */
static int start_raw(struct mtty *mtty)
{
    uint32_t from = (uint32_t)table_number(current, "from_state");
    struct mtty_answer answer;
    uint8_t bytes[MTTY_MAX];
    size_t size;
    int fd = -1;

    assert_int_equal(mtty_reset(mtty), 0);
    is_number("the state after a reset", mtty_state(mtty), MIGP_STATE_RUNNING);
    if (recorded_from("STOP_COPY(from PRE_COPY)")) {
        fd = mtty_set(mtty, MIGP_STATE_PRE_COPY).fd;
    }
    answer = mtty_set(mtty, from);
    assert_int_equal(answer.error, 0);
    if (answer.fd >= 0) {
        assert_int_equal(fd, -1);
        fd = answer.fd;
    }
    if (recorded_from("RESUMING(full data)")) {
        size = mtty_golden(mtty, "stopcopy-direct", bytes);
        assert_int_equal(mtty_write(mtty, fd, bytes, size), (migp_ssize)size);
    }
    assert_int_equal(fd >= 0, has_session(from));
    return fd;
}

/* The session that was open before, and the one that is after. */
static void check_fds(struct mtty *mtty, int old, int new)
{
    uint32_t from = (uint32_t)table_number(current, "from_state");
    struct migp_vfio_precopy_info info;
    uint8_t byte;
    migp_ssize got;
    int error;

    if (table_has(current, "old_fd_zero_len_io")) {
        got = from == MIGP_STATE_RESUMING ? mtty_write(mtty, old, &byte, 0)
                                          : mtty_read(mtty, old, &byte, 0);
        is("no byte through the old fd", table_errno((int)-got),
           table_text(current, "old_fd_zero_len_io"));
    } else {
        assert_int_equal(old, -1);
    }
    if (table_has(current, "new_fd_read1")) {
        got = mtty_read(mtty, new, &byte, 1);
        is_number("a byte of the new fd", (uint64_t)got,
                  (uint64_t)table_number(current, "new_fd_read1"));
    }
    if (table_has(current, "precopy_info_errno")) {
        error = mtty_info(mtty, new >= 0 ? new : old, &info);
        is("PRECOPY_INFO", table_errno(error),
           table_text(current, "precopy_info_errno"));
        is_number("initial_bytes", info.initial_bytes,
                  (uint64_t)table_number(current, "precopy_initial_bytes"));
        is_number("dirty_bytes", info.dirty_bytes, 0);
    }
}

static void try_raw(struct mtty *mtty)
{
    uint32_t to = (uint32_t)table_number(current, "to_value");
    int old = start_raw(mtty);
    struct mtty_answer answer = mtty_set(mtty, to);
    char text[16];

    is("errno", table_errno(answer.error), table_text(current, "errno_name"));
    is("device_state", state_text(answer.state, text),
       table_text(current, "out_device_state"));
    is("data_fd", answer.fd >= 0 ? "returned" : "-1",
       table_text(current, "data_fd"));
    is("the state", state_text(mtty_state(mtty), text),
       table_text(current, "state_after"));
    is_number("MIG_DATA_SIZE", mtty_data_size(mtty),
              (uint64_t)table_number(current, "mig_data_size"));
    check_fds(mtty, old, answer.fd);
    mtty_close_fd(mtty, answer.fd);
    mtty_close_fd(mtty, old);
}

static void each_pair(struct mtty *mtty, unsigned int ports,
                      void (*attempt)(struct mtty *))
{
    size_t tried = 0;
    size_t i;

    table_load(&table, ports);
    for (i = 0; i < table.n_rows; i++) {
        if (strcmp(table.rows[i].list, "fsm_matrix") == 0) {
            current = &table.rows[i];
            attempt(mtty);
            tried++;
        }
    }
    table_free(&table);
    /* 9 ways to be somewhere; 8 states and 2 numbers that are none. */
    assert_int_equal(tried, 90);
}

static void test_kernel__every_pair_is_answered_as_recorded(void **state)
{
    struct mtty mtty;

    mtty_open_raw(&mtty, mtty_kind(state)->source);
    each_pair(&mtty, mtty_kind(state)->ports, try_raw);
    mtty_close(&mtty);
}

/* --- what migp_device makes of it ----------------------------------------- */

static void start_device(struct mtty *mtty)
{
    uint32_t from = (uint32_t)table_number(current, "from_state");
    uint8_t bytes[MTTY_MAX];
    size_t size;

    assert_int_equal(migp_device_reset(mtty->device, NULL), MIGP_OK);
    if (recorded_from("STOP_COPY(from PRE_COPY)")) {
        assert_int_equal(
            migp_device_set_state(mtty->device, MIGP_STATE_PRE_COPY, NULL),
            MIGP_OK);
    }
    assert_int_equal(migp_device_set_state(mtty->device, from, NULL), MIGP_OK);
    if (recorded_from("RESUMING(full data)")) {
        size = mtty_golden(mtty, "stopcopy-direct", bytes);
        assert_int_equal(migp_device_write(mtty->device, bytes, size, NULL),
                         (migp_ssize)size);
    }
    assert_int_equal(migp_device_session(mtty->device) != MIGP_NO_SESSION,
                     has_session(from));
    mtty->sets = 0;
}

/* What the caller is told, and whether the kernel may be asked at all. */
static int expected_status(bool *asks)
{
    uint32_t from = (uint32_t)table_number(current, "from_state");
    uint32_t to = (uint32_t)table_number(current, "to_value");
    migp_ssize way = migp_state_path(7, from, to, NULL, 0);

    *asks = way > 0;
    if (to >= MIGP_STATE_COUNT) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    if (way < 0) {
        return MIGP_ERR_STATE;
    }
    /* Nothing else fails on mtty: it leaves RESUMING with all data only. */
    return table_says(current, "errno_name", "0") ? MIGP_OK : MIGP_ERR_REFUSED;
}

static void check_amounts(struct mtty *mtty, uint32_t state)
{
    struct migp_precopy_info info = {.struct_size = sizeof(info)};
    uint64_t size = 0;
    uint8_t byte;
    int status;

    assert_int_equal(migp_device_stop_copy_size(mtty->device, &size, NULL),
                     MIGP_OK);
    is_number("stop_copy_size", size,
              (uint64_t)table_number(current, "mig_data_size"));
    if (table_has(current, "new_fd_read1")) {
        assert_int_equal(migp_device_read(mtty->device, &byte, 1, NULL),
                         table_number(current, "new_fd_read1"));
    }
    status = migp_device_precopy_info(mtty->device, &info, NULL);
    if (state == MIGP_STATE_PRE_COPY || state == MIGP_STATE_PRE_COPY_P2P) {
        is("PRECOPY_INFO", "0", table_text(current, "precopy_info_errno"));
        assert_int_equal(status, MIGP_OK);
        is_number("initial_bytes", info.initial_bytes,
                  (uint64_t)table_number(current, "precopy_initial_bytes"));
    } else {
        is("PRECOPY_INFO", migp_error_id(status),
           migp_error_id(MIGP_ERR_STATE));
    }
}

static void try_device(struct mtty *mtty)
{
    uint32_t to = (uint32_t)table_number(current, "to_value");
    struct migp_error error = MIGP_ERROR_INIT;
    bool asks;
    int expected = expected_status(&asks);
    uint32_t state;
    int before;

    start_device(mtty);
    before = migp_device_session(mtty->device);
    is("the result",
       migp_error_id(migp_device_set_state(mtty->device, to, &error)),
       migp_error_id(expected));
    if (expected == MIGP_ERR_REFUSED) {
        is("its errno", table_errno(error.system_errno),
           table_text(current, "errno_name"));
    }
    state = migp_device_state(mtty->device);
    is("the state", migp_state_name(state), table_text(current, "state_after"));
    is_number("the kernel's state", mtty_state(mtty), state);
    is_number("requests to the kernel, if any", mtty->sets > 0, asks);
    is_number("needs a reset", migp_device_needs_reset(mtty->device) != 0,
              expected == MIGP_ERR_REFUSED);
    is_number("a session", migp_device_session(mtty->device) >= 0,
              has_session(state));
    if (has_session(state) && !returned()) {
        assert_int_equal(migp_device_session(mtty->device), before);
    }
    check_amounts(mtty, state);
}

static void test_device__every_pair_ends_as_recorded(void **state)
{
    struct mtty mtty;

    mtty_open(&mtty, mtty_kind(state)->source, MIGP_RECOVER_STATE);
    each_pair(&mtty, mtty_kind(state)->ports, try_device);
    mtty_close(&mtty);
}

/* --- features ------------------------------------------------------------- */

/* A request of any shape; room for more than the kernel has to say. */
struct request {
    struct migp_vfio_feature head;
    uint64_t payload[24];
};

static int ask(struct mtty *mtty, uint32_t argsz, uint32_t flags,
               struct request *request)
{
    request->head.argsz = argsz;
    request->head.flags = flags;
    return -mtty_ioctl(mtty, migp_vfio_fd(mtty->vfio), MIGP_VFIO_DEVICE_FEATURE,
                       request);
}

static void check_probe(struct mtty *mtty, const struct table_row *row,
                        uint32_t feature)
{
    static const struct {
        const char *field;
        uint32_t flags;
    } ways[] = {
        {"PROBE", 0},
        {"PROBE_GET", MIGP_VFIO_FEATURE_GET},
        {"PROBE_SET", MIGP_VFIO_FEATURE_SET},
        {"PROBE_GET_SET", MIGP_VFIO_FEATURE_GET | MIGP_VFIO_FEATURE_SET},
    };
    struct request request = {0};
    size_t i;

    for (i = 0; i < N_TESTS(ways); i++) {
        assert_string_equal(
            table_errno(ask(mtty, sizeof(request.head),
                            MIGP_VFIO_FEATURE_PROBE | ways[i].flags | feature,
                            &request)),
            table_text(row, ways[i].field));
    }
}

static void test_kernel__features_are_probed_as_recorded(void **state)
{
    /* In the order of their numbers. */
    static const char *const names[] = {
        "PCI_VF_TOKEN",
        "MIGRATION",
        "MIG_DEVICE_STATE",
        "LOW_POWER_ENTRY",
        "LOW_POWER_ENTRY_WITH_WAKEUP",
        "LOW_POWER_EXIT",
        "DMA_LOGGING_START",
        "DMA_LOGGING_STOP",
        "DMA_LOGGING_REPORT",
        "MIG_DATA_SIZE",
        "BUS_MASTER",
        "unknown_11",
    };
    struct mtty mtty;
    char test[64];
    uint32_t i;

    mtty_open_raw(&mtty, mtty_kind(state)->source);
    table_load(&table, mtty_kind(state)->ports);
    for (i = 0; i < N_TESTS(names); i++) {
        (void)snprintf(test, sizeof(test), "probe_%s", names[i]);
        check_probe(&mtty, table_find(&table, "features", test), i);
    }
    table_free(&table);
    mtty_close(&mtty);
}

static void test_kernel__the_envelope_is_answered_as_recorded(void **state)
{
    static const struct {
        const char *test;
        uint32_t argsz;
        uint32_t flags;
    } ways[] = {
        {"GET_MIGRATION", 16, MIGP_VFIO_FEATURE_GET},
        {"GET_MIGRATION_short_argsz", 8, MIGP_VFIO_FEATURE_GET},
        {"GET_MIGRATION_argsz_4", 4, MIGP_VFIO_FEATURE_GET},
        {"GET_MIGRATION_big_argsz", 200, MIGP_VFIO_FEATURE_GET},
        {"SET_MIGRATION", 16, MIGP_VFIO_FEATURE_SET},
        {"GET_SET_MIGRATION", 16,
         MIGP_VFIO_FEATURE_GET | MIGP_VFIO_FEATURE_SET},
        {"noop_flags_MIGRATION", 16, 0},
        {"unknown_flag_bit19", 16, MIGP_VFIO_FEATURE_GET | 1U << 19},
    };
    struct request request;
    struct mtty mtty;
    size_t i;

    mtty_open_raw(&mtty, mtty_kind(state)->source);
    table_load(&table, mtty_kind(state)->ports);
    for (i = 0; i < N_TESTS(ways); i++) {
        memset(&request, 0, sizeof(request));
        assert_string_equal(
            table_errno(ask(&mtty, ways[i].argsz,
                            ways[i].flags | MIGP_FEATURE_MIGRATION, &request)),
            table_text(table_find(&table, "features", ways[i].test), "errno"));
        if (i == 0) {
            assert_int_equal(
                request.payload[0],
                table_number(table_find(&table, "features", ways[i].test),
                             "flags"));
        }
    }
    table_free(&table);
    mtty_close(&mtty);
}

static void test_device__says_what_the_recording_says(void **state)
{
    struct migp_device_caps caps = {.struct_size = sizeof(caps)};
    struct mtty mtty;

    mtty_open(&mtty, mtty_kind(state)->source, MIGP_RECOVER_STATE);
    table_load(&table, mtty_kind(state)->ports);
    assert_int_equal(migp_device_get_caps(mtty.device, &caps), MIGP_OK);
    assert_int_equal(
        caps.migration,
        table_number(table_find(&table, "features", "GET_MIGRATION"), "flags"));
    /* The recording: MIG_DATA_SIZE, PRECOPY_INFO and RESET answer, feature 12
     * does not; CONFIG bytes are the VMM's with a kernel device. */
    assert_int_equal(caps.features & ~(uint32_t)MIGP_HAS_DMA_LOGGING,
                     MIGP_HAS_RESET | MIGP_HAS_STOP_COPY_SIZE |
                         MIGP_HAS_PRECOPY_INFO);
    assert_string_equal(caps.backend, "vfio");
    /* mtty's config space: samples/vfio-mdev/mtty.c, 0x32534348. */
    assert_int_equal(caps.vendor, 0x4348);
    assert_int_equal(caps.product, 0x3253);
    table_free(&table);
    mtty_close(&mtty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MTTY_BOTH(test_kernel__every_pair_is_answered_as_recorded),
        MTTY_BOTH(test_device__every_pair_ends_as_recorded),
        MTTY_BOTH(test_kernel__features_are_probed_as_recorded),
        MTTY_BOTH(test_kernel__the_envelope_is_answered_as_recorded),
        MTTY_BOTH(test_device__says_what_the_recording_says),
    };

    return cmocka_run_group_tests_name("mtty_matrix", tests, NULL, NULL);
}
