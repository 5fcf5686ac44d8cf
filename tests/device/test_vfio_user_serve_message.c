/* SPDX-License-Identifier: MIT */
#include "unit/cmocka_all.h"

#include "device/uapi.h"
#include "device/vfio_user/serve.h"

#include <errno.h>
#include <migproto/fsm.h>
#include <string.h>

/*
 * What the server makes of one request, with a driver behind it that answers
 * as the test says: in pieces, with errors between them, with regions of any
 * size. Source: Linux include/uapi/linux/vfio.h.
 */

#define DEVICE 20
#define DATA 21
#define MAX_TRANSFER UINT32_C(4096)
/* More than a service has: what a bound lets through is seen, not crashed on. */
#define OUT_ROOM (1 << 20)

struct driver {
    struct migp_user_service service;
    int64_t reads[8]; /* answers, in that order; then 0 */
    size_t n_reads;
    uint64_t prepared; /* what PRECOPY_INFO says */
    bool initial;      /* that it is of the first data */
    int64_t written;   /* the answer to writes */
    size_t asked;      /* PRECOPY_INFO */
    size_t features;   /* DEVICE_FEATURE */
    size_t moved;      /* pread, pwrite */
    size_t closed;     /* DATA */
    int reset_answer;
    struct migp_vfio_region_info region;
};

static uint8_t out[OUT_ROOM];

static int driver_ioctl(void *user, int fd, unsigned long request, void *arg)
{
    struct driver *driver = user;

    switch (request) {
    case MIGP_VFIO_MIG_GET_PRECOPY_INFO: {
        struct migp_vfio_precopy_info *info = arg;

        assert_int_equal(fd, DATA);
        driver->asked++;
        *(driver->initial ? &info->initial_bytes : &info->dirty_bytes) =
            driver->prepared;
        return 0;
    }
    case MIGP_VFIO_DEVICE_GET_REGION_INFO:
        *(struct migp_vfio_region_info *)arg = driver->region;
        return 0;
    case MIGP_VFIO_DEVICE_FEATURE:
        driver->features++;
        return 0;
    case MIGP_VFIO_DEVICE_RESET_IOCTL:
        return driver->reset_answer;
    default:
        return -ENOTTY;
    }
}

static migp_ssize driver_read(void *user, int fd, void *bytes, size_t size)
{
    struct driver *driver = user;
    int64_t answer = driver->n_reads < 8 ? driver->reads[driver->n_reads] : 0;

    assert_int_equal(fd, DATA);
    driver->n_reads++;
    if (answer > 0) {
        assert_true((uint64_t)answer <= size);
        memset(bytes, (int)driver->n_reads, (size_t)answer);
    }
    return answer;
}

static migp_ssize driver_pread(void *user, int fd, void *bytes, size_t size,
                               uint64_t offset)
{
    struct driver *driver = user;

    (void)offset;
    assert_int_equal(fd, DEVICE);
    memset(bytes, 0x77, size);
    driver->moved++;
    return (migp_ssize)size;
}

static migp_ssize driver_pwrite(void *user, int fd, const void *bytes,
                                size_t size, uint64_t offset)
{
    struct driver *driver = user;

    (void)bytes;
    (void)offset;
    assert_int_equal(fd, DEVICE);
    driver->moved++;
    return (migp_ssize)size;
}

static migp_ssize driver_write(void *user, int fd, const void *bytes,
                               size_t size)
{
    struct driver *driver = user;

    (void)bytes;
    assert_int_equal(fd, DATA);
    driver->moved++;
    return driver->written < (int64_t)size ? driver->written : (migp_ssize)size;
}

static int driver_close(void *user, int fd)
{
    struct driver *driver = user;

    assert_int_equal(fd, DATA);
    driver->closed++;
    return 0;
}

static void begin(struct driver *driver)
{
    memset(driver, 0, sizeof(*driver));
    driver->service = (struct migp_user_service){
        .device = {.struct_size = sizeof(struct migp_sys),
                   .user = driver,
                   .ioctl = driver_ioctl,
                   .read = driver_read,
                   .write = driver_write,
                   .pread = driver_pread,
                   .pwrite = driver_pwrite,
                   .close = driver_close},
        .device_fd = DEVICE,
        .data_fd = DATA,
        .max_transfer = MAX_TRANSFER,
        .room = OUT_ROOM,
        .out = out,
        .greeted = true,
    };
}

static int serve(struct driver *driver, const struct migp_vu_message *request,
                 const void *tail, struct migp_vu_message *reply)
{
    memset(reply, 0, sizeof(*reply));
    reply->struct_size = sizeof(*reply);
    return migp_user_serve_message(&driver->service, request, tail, reply);
}

/* --- device state --------------------------------------------------------- */

/* A reply with less than was asked for is the end of the state: bytes in front
 * of an error must not become one. */
static void test_data_read__error_after_some_data(void **state)
{
    static const struct {
        int64_t reads[8];
        uint64_t prepared;
        int code;
        uint32_t count;
        size_t asked;
    } cases[] = {
        {{-EIO}, 0, -EIO, 0, 0},
        {{100, -EIO}, 0, -EIO, 0, 0},
        {{100, 100, -ENODEV}, 0, -ENODEV, 0, 0},
        {{100, -EINTR}, 0, -EINTR, 0, 0},
        {{100, -ENOMSG, -EIO}, 8, -EIO, 0, 1},
        {{100, 0}, 0, 0, 100, 0},
        {{600, 400}, 0, 0, 1000, 0},
        /* some drivers prepare more when they are asked how much there is */
        {{-ENOMSG, 50, -ENOMSG}, 50, 0, 50, 1},
        {{100, -ENOMSG, 50, -ENOMSG}, 50, 0, 150, 1},
        {{-ENOMSG, 50}, 0, 0, 0, 1},
        {{-ENOMSG, -ENOMSG}, 50, 0, 0, 1},
    };
    const struct migp_vu_message request = {
        .command = MIGP_VU_MIG_DATA_READ, .argsz = 1008, .count = 1000};
    size_t i;

    (void)state;
    for (i = 0; i < 2 * N_TESTS(cases); i++) {
        const size_t at = i / 2;
        struct migp_vu_message reply;
        struct driver driver;

        begin(&driver);
        memcpy(driver.reads, cases[at].reads, sizeof(driver.reads));
        driver.prepared = cases[at].prepared;
        driver.initial = i % 2 != 0;
        assert_int_equal(serve(&driver, &request, NULL, &reply),
                         cases[at].code);
        assert_int_equal(reply.count, cases[at].count);
        assert_int_equal(reply.tail, cases[at].count);
        assert_int_equal(driver.asked, cases[at].asked);
        assert_int_equal(driver.service.stopped, cases[at].code == -EINTR);
    }
}

/* A driver that takes nothing has not taken it. */
static void test_data_write__all_or_an_error(void **state)
{
    static const uint8_t bytes[100];
    static const struct {
        int64_t answer;
        uint32_t argsz;
        int code;
        size_t calls;
    } cases[] = {
        {100, 108, 0, 1},       {40, 108, 0, 3},
        {0, 108, -EIO, 1},      {-ENOSPC, 108, -ENOSPC, 1},
        {100, 107, -EINVAL, 0}, {100, 7, -EINVAL, 0},
    };
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(cases); i++) {
        const struct migp_vu_message request = {.command =
                                                    MIGP_VU_MIG_DATA_WRITE,
                                                .argsz = cases[i].argsz,
                                                .count = 100,
                                                .tail = 100};
        struct migp_vu_message reply;
        struct driver driver;

        begin(&driver);
        driver.written = cases[i].answer;
        assert_int_equal(serve(&driver, &request, bytes, &reply),
                         cases[i].code);
        assert_int_equal(driver.moved, cases[i].calls);
    }
}

/* The driver ends the session with a reset: its fd is no longer of use. */
static void test_reset__closes_the_session(void **state)
{
    const struct migp_vu_message request = {.command = MIGP_VU_RESET};
    const struct migp_vu_message read = {
        .command = MIGP_VU_MIG_DATA_READ, .argsz = 12, .count = 4};
    struct migp_vu_message reply;
    struct driver driver;

    (void)state;
    begin(&driver);
    driver.reset_answer = -EBUSY;
    assert_int_equal(serve(&driver, &request, NULL, &reply), -EBUSY);
    assert_int_equal(driver.closed, 0);
    driver.reset_answer = 0;
    assert_int_equal(serve(&driver, &request, NULL, &reply), 0);
    assert_int_equal(driver.closed, 1);
    assert_int_equal(serve(&driver, &read, NULL, &reply), -EINVAL);
    assert_int_equal(driver.n_reads, 0);
    assert_int_equal(serve(&driver, &request, NULL, &reply), 0);
    assert_int_equal(driver.closed, 1);
}

/* --- registers ------------------------------------------------------------ */

/* Behind a region's last byte lies another region. */
static void test_region__its_last_byte(void **state)
{
    static const struct {
        uint64_t offset;
        uint32_t count;
        int code;
    } cases[] = {
        {0, 16, 0},       {15, 1, 0},       {16, 0, 0},
        {0, 17, -EINVAL}, {12, 5, -EINVAL}, {15, 2, -EINVAL},
        {16, 1, -EINVAL}, {17, 0, -EINVAL}, {UINT64_MAX, 2, -EINVAL},
        {1, 16, -EINVAL},
    };
    static const uint8_t bytes[32];
    size_t i;

    (void)state;
    for (i = 0; i < 2 * N_TESTS(cases); i++) {
        struct migp_vu_message request = {.offset = cases[i / 2].offset,
                                          .count = cases[i / 2].count};
        const bool write = i % 2 != 0;
        const bool moves = cases[i / 2].code == 0 && cases[i / 2].count > 0;
        struct migp_vu_message reply;
        struct driver driver;

        begin(&driver);
        driver.region.flags =
            MIGP_VFIO_REGION_FLAG_READ | MIGP_VFIO_REGION_FLAG_WRITE;
        driver.region.size = 16;
        driver.region.offset = 0x1000;
        request.command = write ? MIGP_VU_REGION_WRITE : MIGP_VU_REGION_READ;
        request.tail = write ? request.count : 0;
        assert_int_equal(serve(&driver, &request, bytes, &reply),
                         cases[i / 2].code);
        assert_int_equal(driver.moved, moves);
    }
}

/* A driver's word about a region is not trusted with an off_t. */
static void test_region__impossible_places(void **state)
{
    static const struct {
        uint32_t flags;
        uint64_t size;
        uint64_t offset;
        int code;
    } cases[] = {
        {MIGP_VFIO_REGION_FLAG_READ, 16, INT64_MAX - 16, 0},
        {MIGP_VFIO_REGION_FLAG_READ, 16, INT64_MAX - 15, -EINVAL},
        {MIGP_VFIO_REGION_FLAG_READ, 16, UINT64_C(1) << 63, -EINVAL},
        {MIGP_VFIO_REGION_FLAG_READ, UINT64_MAX, 0, -EINVAL},
        {MIGP_VFIO_REGION_FLAG_WRITE, 16, 0, -EINVAL},
        {0, 16, 0, -EINVAL},
    };
    const struct migp_vu_message request = {.command = MIGP_VU_REGION_READ,
                                            .count = 4};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(cases); i++) {
        struct migp_vu_message reply;
        struct driver driver;

        begin(&driver);
        driver.region.flags = cases[i].flags;
        driver.region.size = cases[i].size;
        driver.region.offset = cases[i].offset;
        assert_int_equal(serve(&driver, &request, NULL, &reply), cases[i].code);
        assert_int_equal(driver.moved, cases[i].code == 0);
    }
}

/* --- features ------------------------------------------------------------- */

/* One bit a page: as many pages as max_transfer has bits. */
static void test_log_report__no_more_pages_than_fit(void **state)
{
    static const struct {
        uint64_t length;
        uint64_t page;
        int code;
    } cases[] = {
        {UINT64_C(4096) * 8 * MAX_TRANSFER, 4096, 0},
        {UINT64_C(4096) * (8 * MAX_TRANSFER + 8), 4096, -EINVAL},
        {UINT64_C(4096) * 16 * MAX_TRANSFER, 4096, -EINVAL},
        {4096, 1, 0},
        {1 << 17, 1, -EINVAL},
        {4096, 0, -EINVAL},
    };
    const struct migp_vu_message request = {
        .command = MIGP_VU_DEVICE_FEATURE,
        .argsz = UINT32_MAX,
        .flags = MIGP_FEATURE_DMA_LOGGING_REPORT | MIGP_VFIO_FEATURE_GET,
        .tail = 24};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(cases); i++) {
        const uint64_t tail[3] = {0, cases[i].length, cases[i].page};
        struct migp_vu_message reply;
        struct driver driver;

        begin(&driver);
        assert_int_equal(serve(&driver, &request, tail, &reply), cases[i].code);
        assert_int_equal(driver.features, cases[i].code == 0);
    }
}

/* argsz is the room that the client has for the reply. */
static void test_feature__argsz_and_tail(void **state)
{
    static const struct {
        uint32_t flags;
        uint32_t argsz;
        uint32_t tail;
        int code;
    } cases[] = {
        /* 100 pages are two words */
        {MIGP_FEATURE_DMA_LOGGING_REPORT | MIGP_VFIO_FEATURE_GET, 48, 24, 0},
        {MIGP_FEATURE_DMA_LOGGING_REPORT | MIGP_VFIO_FEATURE_GET, 47, 24,
         -EINVAL},
        {MIGP_FEATURE_MIG_DEVICE_STATE | MIGP_VFIO_FEATURE_SET, 16, 8, 0},
        {MIGP_FEATURE_MIG_DEVICE_STATE | MIGP_VFIO_FEATURE_SET, 16, 4, -EINVAL},
        {MIGP_FEATURE_MIG_DEVICE_STATE | MIGP_VFIO_FEATURE_SET, 20, 12,
         -EINVAL},
        {MIGP_FEATURE_MIG_DEVICE_STATE | MIGP_VFIO_FEATURE_SET, 15, 8, -EINVAL},
    };
    const uint64_t tail[3] = {MIGP_STATE_STOP, 100 * 4096, 4096};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(cases); i++) {
        const struct migp_vu_message request = {.command =
                                                    MIGP_VU_DEVICE_FEATURE,
                                                .argsz = cases[i].argsz,
                                                .flags = cases[i].flags,
                                                .tail = cases[i].tail};
        struct migp_vu_message reply;
        struct driver driver;

        begin(&driver);
        assert_int_equal(serve(&driver, &request, tail, &reply), cases[i].code);
        assert_int_equal(driver.features, cases[i].code == 0);
    }
}

/* The driver's fd is of no use to a client, and none of its business. */
static void test_feature__no_fd_in_a_state(void **state)
{
    const struct migp_vu_message request = {
        .command = MIGP_VU_DEVICE_FEATURE,
        .argsz = 16,
        .flags = MIGP_FEATURE_MIG_DEVICE_STATE | MIGP_VFIO_FEATURE_GET};
    static const uint8_t expected[8] = {0, 0, 0, 0, 255, 255, 255, 255};
    struct migp_vu_message reply;
    struct driver driver;

    (void)state;
    begin(&driver);
    assert_int_equal(serve(&driver, &request, NULL, &reply), 0);
    assert_int_equal(reply.tail, 8);
    assert_memory_equal(out, expected, 8);
}

/* The ranges go through an array of this many. */
static void test_log_start__no_more_ranges_than_fit(void **state)
{
    static uint8_t tail[16 + (MIGP_VFIO_LOGGING_RANGES_MAX + 1) * 16];
    uint32_t n;

    (void)state;
    for (n = MIGP_VFIO_LOGGING_RANGES_MAX - 1;
         n <= MIGP_VFIO_LOGGING_RANGES_MAX + 1; n++) {
        const int code = n > MIGP_VFIO_LOGGING_RANGES_MAX ? -E2BIG : 0;
        const struct migp_vu_message request = {
            .command = MIGP_VU_DEVICE_FEATURE,
            .argsz = 8 + 16 + n * 16,
            .flags = MIGP_FEATURE_DMA_LOGGING_START | MIGP_VFIO_FEATURE_SET,
            .tail = 16 + n * 16};
        struct migp_vu_message reply;
        struct driver driver;

        begin(&driver);
        memcpy(tail + 8, &n, sizeof(n));
        assert_int_equal(serve(&driver, &request, tail, &reply), code);
        assert_int_equal(driver.features, code == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_read__error_after_some_data),
        cmocka_unit_test(test_data_write__all_or_an_error),
        cmocka_unit_test(test_reset__closes_the_session),
        cmocka_unit_test(test_region__its_last_byte),
        cmocka_unit_test(test_region__impossible_places),
        cmocka_unit_test(test_feature__argsz_and_tail),
        cmocka_unit_test(test_feature__no_fd_in_a_state),
        cmocka_unit_test(test_log_report__no_more_pages_than_fit),
        cmocka_unit_test(test_log_start__no_more_ranges_than_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
