/* SPDX-License-Identifier: MIT */

/*
 * A hostile kernel under the VFIO backend, a device on it, and trackers of
 * dirty pages. An input is, behind the head, what the caller does next and
 * what the kernel answers, in the order in which they are needed. The kernel
 * keeps honest account of fds only: each one that it opens must be closed once.
 */

#include "fuzz/check.h"

#include "device/uapi.h"

#include <errno.h>
#include <fcntl.h>
#include <migproto/device.h>
#include <migproto/dirty.h>
#include <migproto/vfio.h>
#include <string.h>

#define MAX_FDS 256
#define ACTIONS_MAX 200
#define DATA_MAX 300
#define OWN_FD 3 /* of the caller's: device, iommufd or container */

/* What an answer is made of, chosen by its first byte. */
#define PROPER 160
#define FAILED 208

struct kernel {
    struct migp_sys sys;
    const uint8_t *bytes;
    size_t size;
    size_t at;
    uint64_t now;
    bool open[MAX_FDS];
    bool cloexec[MAX_FDS];
    uint32_t state;
    bool in_session;
};

static const int errnos[] = {
    EPERM,  ENOENT, EINTR,  EIO,    EBADF,  EAGAIN, ENOMEM, EACCES,
    EFAULT, EBUSY,  ENODEV, EINVAL, EMFILE, ENOTTY, ENOMSG, EOPNOTSUPP,
};

static uint8_t next_byte(struct kernel *kernel)
{
    return kernel->at < kernel->size ? kernel->bytes[kernel->at++] : 0;
}

static uint64_t next_word(struct kernel *kernel)
{
    uint64_t word = 0;
    size_t i;

    for (i = 0; i < sizeof(word); i++) {
        word |= (uint64_t)next_byte(kernel) << (8 * i);
    }
    return word;
}

/* 0: properly; a negative errno; 1: with bytes of the input. */
static int mood(struct kernel *kernel)
{
    uint8_t byte;

    if (kernel->at >= kernel->size) {
        return -EIO;
    }
    byte = next_byte(kernel);
    if (byte < PROPER) {
        return 0;
    }
    return byte < FAILED ? -errnos[byte % 16] : 1;
}

static int open_fd(struct kernel *kernel)
{
    int fd;

    for (fd = OWN_FD + 1; fd < MAX_FDS; fd++) {
        if (!kernel->open[fd]) {
            kernel->open[fd] = true;
            kernel->cloexec[fd] = (next_byte(kernel) & 1) != 0;
            return fd;
        }
    }
    return -EMFILE;
}

static size_t open_fds(const struct kernel *kernel)
{
    size_t n = 0;
    size_t fd;

    for (fd = 0; fd < MAX_FDS; fd++) {
        n += kernel->open[fd];
    }
    return n;
}

static void scribble(struct kernel *kernel, void *bytes, size_t size)
{
    uint8_t *out = bytes;
    size_t i;

    for (i = 0; i < size; i++) {
        out[i] = next_byte(kernel);
    }
}

static int fz_open(void *user, const char *path, int flags)
{
    struct kernel *kernel = user;
    int answer = mood(kernel);

    FUZZ_CHECK(path[0] == '/' && (flags & O_ACCMODE) == O_RDWR);
    return answer < 0 ? answer : open_fd(kernel);
}

static int fz_close(void *user, int fd)
{
    struct kernel *kernel = user;

    FUZZ_CHECK(fd > OWN_FD && fd < MAX_FDS && kernel->open[fd]);
    kernel->open[fd] = false;
    return (next_byte(kernel) & 1) != 0 ? -EINTR : 0;
}

static int fz_fcntl(void *user, int fd, int command, int arg)
{
    struct kernel *kernel = user;

    if (fd < 0 || fd >= MAX_FDS || !kernel->open[fd]) {
        return -EBADF;
    }
    if (command == F_SETFD) {
        kernel->cloexec[fd] = (arg & FD_CLOEXEC) != 0;
        return 0;
    }
    return kernel->cloexec[fd] ? FD_CLOEXEC : 0;
}

static bool saving(uint32_t state)
{
    return state == MIGP_STATE_PRE_COPY || state == MIGP_STATE_PRE_COPY_P2P ||
           state == MIGP_STATE_STOP_COPY;
}

/* Proper in what it opens; whether the way is allowed is the device's care. */
static int set_state(struct kernel *kernel,
                     struct migp_vfio_feature_mig_state *wish)
{
    const bool had = kernel->in_session &&
                     saving(kernel->state) == saving(wish->device_state);

    FUZZ_CHECK(wish->data_fd == -1);
    FUZZ_CHECK(wish->device_state > 0 && wish->device_state < MIGP_STATE_COUNT);
    /* It locks up kernels. */
    FUZZ_CHECK(kernel->state != MIGP_STATE_STOP_COPY ||
               wish->device_state == MIGP_STATE_STOP_COPY ||
               !saving(wish->device_state));
    kernel->state = wish->device_state;
    kernel->in_session =
        saving(kernel->state) || kernel->state == MIGP_STATE_RESUMING;
    if (kernel->in_session && !had) {
        wish->data_fd = open_fd(kernel);
    }
    return 0;
}

/* A bitmap is as large as its pages need: the sanitizer sees the last word. */
static void set_bits(struct kernel *kernel, uint64_t pointer, uint64_t length,
                     uint64_t page_size)
{
    const uint64_t n_pages = (length - 1) / page_size + 1;
    uint64_t *words;

    memcpy(&words, &pointer, sizeof(words));
    words[0] |= next_word(kernel);
    words[(n_pages - 1) / 64] |= next_word(kernel);
}

static int feature(struct kernel *kernel, void *arg)
{
    struct migp_vfio_feature head;
    uint8_t *payload = (uint8_t *)arg + sizeof(head);
    size_t size;
    int answer = mood(kernel);

    memcpy(&head, arg, sizeof(head));
    size = head.argsz - sizeof(head);
    FUZZ_CHECK(size <= 32);
    if (answer == 1) {
        scribble(kernel, payload, size);
        return 0;
    }
    if (answer < 0) {
        /* What a failed call leaves behind must not be looked at. */
        memset(payload, 4, size);
        return answer;
    }
    if (head.flags == (MIGP_VFIO_FEATURE_GET | MIGP_FEATURE_MIGRATION)) {
        payload[0] = 7;
    } else if (head.flags ==
               (MIGP_VFIO_FEATURE_GET | MIGP_FEATURE_MIG_DEVICE_STATE)) {
        memcpy(payload, &kernel->state, sizeof(kernel->state));
    } else if (head.flags ==
               (MIGP_VFIO_FEATURE_SET | MIGP_FEATURE_MIG_DEVICE_STATE)) {
        struct migp_vfio_feature_mig_state wish;

        memcpy(&wish, payload, sizeof(wish));
        answer = set_state(kernel, &wish);
        memcpy(payload, &wish, sizeof(wish));
    } else if (head.flags ==
               (MIGP_VFIO_FEATURE_GET | MIGP_FEATURE_DMA_LOGGING_REPORT)) {
        struct migp_vfio_feature_logging_report report;

        memcpy(&report, payload, sizeof(report));
        set_bits(kernel, report.bitmap, report.length, report.page_size);
    }
    return answer;
}

static int container_pages(struct kernel *kernel, const void *arg)
{
    struct migp_vfio_dirty_bitmap_get get;
    int answer = mood(kernel);

    memcpy(&get.head, arg, sizeof(get.head));
    if (answer >= 0 && get.head.flags == MIGP_VFIO_DIRTY_GET_BITMAP) {
        memcpy(&get, arg, sizeof(get));
        FUZZ_CHECK(get.bitmap_size % sizeof(uint64_t) == 0);
        set_bits(kernel, get.bitmap, get.size, get.pgsize);
    }
    return answer < 0 ? answer : 0;
}

/* Trackers have fds of their own, that nobody opened. */
enum tracker_fd {
    CONTAINER_FD = 1000,
    IOMMUFD_FD = 1001
};

static int other_ioctl(struct kernel *kernel, unsigned long request, void *arg)
{
    struct migp_iommu_get_dirty_bitmap get;
    int answer = mood(kernel);

    if (answer < 0) {
        return answer;
    }
    switch (request) {
    case MIGP_VFIO_CHECK_EXTENSION:
        return answer == 0 ? 1 : (int)next_byte(kernel);
    case MIGP_VFIO_GET_API_VERSION:
        return answer == 0 ? 0 : (int)next_byte(kernel);
    case MIGP_VFIO_GROUP_GET_STATUS:
        ((uint8_t *)arg)[4] = answer == 0 ? 1 : next_byte(kernel);
        return 0;
    case MIGP_VFIO_GROUP_GET_DEVICE_FD:
        return answer == 0 ? open_fd(kernel) : (int)next_byte(kernel);
    case MIGP_VFIO_DEVICE_GET_INFO:
        scribble(kernel, (uint8_t *)arg + 4, 20);
        return 0;
    case MIGP_VFIO_DEVICE_GET_REGION_INFO:
        ((uint8_t *)arg)[4] = 3;
        ((uint8_t *)arg)[17] = 1;
        scribble(kernel, (uint8_t *)arg + 4, answer == 0 ? 0 : 28);
        return 0;
    case MIGP_VFIO_MIG_GET_PRECOPY_INFO:
        FUZZ_CHECK(((uint8_t *)arg)[0] == 24 && ((uint8_t *)arg)[4] == 0);
        scribble(kernel, (uint8_t *)arg + 4, 20);
        return 0;
    case MIGP_VFIO_DEVICE_RESET_IOCTL:
        kernel->state = MIGP_STATE_RUNNING;
        kernel->in_session = false;
        return 0;
    case MIGP_VFIO_IOMMU_GET_INFO:
        scribble(kernel, (uint8_t *)arg + 4, 100);
        return 0;
    case MIGP_IOMMU_HWPT_GET_DIRTY_BITMAP:
        memcpy(&get, arg, sizeof(get));
        set_bits(kernel, get.data, get.length, get.page_size);
        return 0;
    default:
        return 0;
    }
}

static int fz_ioctl(void *user, int fd, unsigned long request, void *arg)
{
    struct kernel *kernel = user;

    if (request == MIGP_VFIO_DEVICE_FEATURE) {
        return fd == CONTAINER_FD ? container_pages(kernel, arg)
                                  : feature(kernel, arg);
    }
    return other_ioctl(kernel, request, arg);
}

static migp_ssize amount(struct kernel *kernel, size_t size)
{
    int answer = mood(kernel);

    if (answer == 1) {
        return (migp_ssize)next_word(kernel);
    }
    return answer < 0 ? answer : (migp_ssize)(next_byte(kernel) % (size + 1));
}

static migp_ssize fz_read(void *user, int fd, void *bytes, size_t size)
{
    (void)fd;
    memset(bytes, 0x55, size);
    return amount(user, size);
}

static migp_ssize fz_write(void *user, int fd, const void *bytes, size_t size)
{
    (void)fd;
    (void)bytes;
    return amount(user, size);
}

static migp_ssize fz_pread(void *user, int fd, void *bytes, size_t size,
                           uint64_t offset)
{
    FUZZ_CHECK(offset <= INT64_MAX);
    return fz_read(user, fd, bytes, size);
}

static migp_ssize fz_pwrite(void *user, int fd, const void *bytes, size_t size,
                            uint64_t offset)
{
    FUZZ_CHECK(offset <= INT64_MAX);
    return fz_write(user, fd, bytes, size);
}

static migp_ssize fz_readlink(void *user, const char *path, char *text,
                              size_t size)
{
    struct kernel *kernel = user;
    const size_t length = next_byte(kernel);

    FUZZ_CHECK(path[0] == '/');
    scribble(kernel, text, length < size ? length : size);
    return amount(kernel, size);
}

static int fz_find_name(void *user, const char *directory, const char *prefix,
                        char *text, size_t size)
{
    struct kernel *kernel = user;
    int answer = mood(kernel);

    FUZZ_CHECK(directory[0] == '/' && strcmp(prefix, "vfio") == 0);
    if (answer == 1) {
        scribble(kernel, text, size);
        return 0;
    }
    memcpy(text, "vfio0", 6);
    return answer;
}

static uint64_t fz_now(void *user)
{
    struct kernel *kernel = user;

    kernel->now += UINT64_C(1000000000);
    return kernel->now;
}

static void kernel_init(struct kernel *kernel, const struct feeding *feeding)
{
    memset(kernel, 0, sizeof(*kernel));
    kernel->sys.struct_size = sizeof(kernel->sys);
    kernel->sys.user = kernel;
    kernel->sys.open = fz_open;
    kernel->sys.close = fz_close;
    kernel->sys.ioctl = fz_ioctl;
    kernel->sys.fcntl = fz_fcntl;
    kernel->sys.read = fz_read;
    kernel->sys.write = fz_write;
    kernel->sys.pread = fz_pread;
    kernel->sys.pwrite = fz_pwrite;
    kernel->sys.readlink = fz_readlink;
    kernel->sys.find_name = fz_find_name;
    kernel->sys.now = fz_now;
    kernel->bytes = feeding->bytes;
    kernel->size = feeding->size;
    kernel->state = MIGP_STATE_RUNNING;
}

/* No kernel gives an fd that is open already: the caller's is open only where
 * the backend knows of it, and can see that. */
static bool has_own_fd(uint8_t way)
{
    return way % 4 == 0 || (way & 16) != 0;
}

static struct migp_vfio *open_vfio(struct kernel *kernel, uint8_t way)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_vfio_options how;
    struct migp_vfio *vfio;
    int code;

    migp_vfio_options_init(&how);
    how.sys = &kernel->sys;
    how.flags = MIGP_VFIO_RESET_OK | (way & 8 ? MIGP_VFIO_NO_REINIT : 0);
    if (way % 4 == 0) {
        how.device_fd = OWN_FD;
    } else if (way % 4 == 1) {
        how.cdev_path = "/dev/vfio/devices/vfio0";
        how.iommufd = way & 16 ? OWN_FD : -1;
    } else {
        how.name = "0000:3b:00.2";
        how.group_path = way % 4 == 2 ? "/dev/vfio/7" : NULL;
        how.container_fd = way & 16 ? OWN_FD : -1;
        how.vf_token = way & 32 ? "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001" : NULL;
    }
    code = migp_vfio_open(&vfio, &how, &error);
    FUZZ_CHECK((code == MIGP_OK) == (vfio != NULL));
    FUZZ_CHECK(error.code == code);
    if (code == MIGP_OK && way & 64) {
        (void)migp_vfio_reopen(vfio, &error);
    }
    return vfio;
}

/* --- dirty pages --------------------------------------------------------- */

struct seen {
    uint64_t from;
    uint64_t to;
    uint64_t last_end;
    uint64_t bytes;
    uint32_t calls;
};

static int see(void *user, const struct migp_iova_range *dirty)
{
    struct seen *seen = user;

    FUZZ_CHECK(dirty->length > 0 && dirty->iova >= seen->from);
    FUZZ_CHECK(dirty->length <= seen->to - dirty->iova);
    FUZZ_CHECK(seen->calls == 0 || dirty->iova > seen->last_end);
    seen->last_end = dirty->iova + dirty->length;
    seen->bytes += dirty->length;
    seen->calls++;
    return 0;
}

static void dirty_step(struct kernel *kernel, struct migp_dirty *dirty)
{
    const uint8_t what = next_byte(kernel);
    const uint64_t page = migp_dirty_page_size(dirty);
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_iova_range ranges[2];
    struct seen seen;
    migp_ssize code;

    if (dirty == NULL) {
        return;
    }
    if (page == 0) {
        /* No more than a few chunks: the test is to be fast. */
        ranges[0].iova = next_word(kernel) & ~UINT64_C(4095);
        ranges[0].length = UINT64_C(4096) << (what % 21);
        ranges[1].iova = ranges[0].iova + ranges[0].length + (what & 0x2000);
        ranges[1].length = UINT64_C(4096) << (what % 19);
        code = migp_dirty_start(dirty, ranges, 1 + what % 2, 4096, &error);
        FUZZ_CHECK((code == MIGP_OK) == (migp_dirty_page_size(dirty) > 0));
    } else if (what % 8 == 0) {
        code = migp_dirty_stop(dirty, &error);
        /* What did not stop can be asked again. */
        FUZZ_CHECK((code == MIGP_OK) == (migp_dirty_page_size(dirty) == 0));
    } else {
        memset(&seen, 0, sizeof(seen));
        seen.from = what % 2 ? 0 : next_word(kernel);
        seen.to = what % 2 ? UINT64_MAX - (page - 1) : next_word(kernel);
        seen.from -= seen.from % page;
        seen.to = seen.to < seen.from ? seen.from : seen.to;
        seen.to -= (seen.to - seen.from) % page;
        code = migp_dirty_report(dirty, seen.from, seen.to - seen.from, see,
                                 &seen, &error);
        FUZZ_CHECK(code < 0 || (uint64_t)code == seen.bytes ||
                   code == INT64_MAX);
    }
    FUZZ_CHECK(code >= 0 || error.code == code);
}

/* --- the device ---------------------------------------------------------- */

static void data_step(struct kernel *kernel, struct migp_device *device,
                      bool writing)
{
    struct migp_error error = MIGP_ERROR_INIT;
    uint8_t bytes[DATA_MAX];
    const size_t size = 1u + next_byte(kernel);
    migp_ssize n;

    memset(bytes, 0, sizeof(bytes));
    if (writing) {
        n = migp_device_write(device, bytes, size, &error);
        FUZZ_CHECK(n < 0 || (size_t)n <= size);
    } else {
        n = migp_device_read(device, bytes, size, &error);
        FUZZ_CHECK(n < 0 || (size_t)n <= size);
        FUZZ_CHECK(n != 0 || migp_device_state(device) == MIGP_STATE_STOP_COPY);
        FUZZ_CHECK(bytes[size] == 0);
    }
    FUZZ_CHECK(n >= 0 || error.code == n);
}

static void ask_step(struct migp_device *device)
{
    struct migp_precopy_info info = {.struct_size = sizeof(info)};
    struct migp_error error = MIGP_ERROR_INIT;
    uint64_t size = 0;
    uint32_t state;
    int code;

    code = migp_device_precopy_info(device, &info, &error);
    FUZZ_CHECK(code <= 0 && (code == 0 || error.code == code));
    FUZZ_CHECK(info.initial_bytes <= MIGP_ESTIMATE_MAX &&
               info.dirty_bytes <= MIGP_ESTIMATE_MAX);
    FUZZ_CHECK((info.flags & ~(uint32_t)MIGP_PRECOPY_REINIT) == 0);
    (void)migp_device_stop_copy_size(device, &size, &error);
    FUZZ_CHECK(size <= MIGP_ESTIMATE_MAX);
    (void)migp_device_query_state(device, &state, &error);
}

static void region_step(struct kernel *kernel, struct migp_vfio *vfio)
{
    const uint8_t what = next_byte(kernel);
    uint8_t bytes[64] = {0};
    migp_ssize n;

    if (what & 1) {
        n = migp_vfio_region_write(vfio, what / 16, what & 14, bytes, 64, NULL);
    } else {
        n = migp_vfio_region_read(vfio, what / 16, what & 14, bytes, 63, NULL);
        FUZZ_CHECK(bytes[63] == 0);
    }
    FUZZ_CHECK(n <= 64);
}

static void step(struct kernel *kernel, struct migp_device *device,
                 struct migp_vfio *vfio, struct migp_dirty *const *dirty)
{
    struct migp_error error = MIGP_ERROR_INIT;
    const uint8_t what = next_byte(kernel);
    int code;
    int session;

    switch (what % 12) {
    case 0:
    case 1:
    case 2:
    case 3:
        code = migp_device_set_state(device, what / 12 % 9, &error);
        FUZZ_CHECK(code <= 0 && (code == 0 || error.code == code));
        break;
    case 4:
    case 5:
        data_step(kernel, device, false);
        break;
    case 6:
        data_step(kernel, device, true);
        break;
    case 7:
        ask_step(device);
        break;
    case 8:
        code = migp_device_reset(device, &error);
        FUZZ_CHECK(code != MIGP_OK ||
                   migp_device_state(device) == MIGP_STATE_RUNNING);
        break;
    case 9:
        region_step(kernel, vfio);
        break;
    case 10:
        dirty_step(kernel, dirty[what / 12 % 3]);
        break;
    default:
        migp_device_cancel(device, what >= 250);
        break;
    }
    session = migp_device_session(device);
    FUZZ_CHECK(migp_device_state(device) < MIGP_STATE_COUNT);
    FUZZ_CHECK(
        session == MIGP_NO_SESSION ||
        (session > OWN_FD && session < MAX_FDS && kernel->open[session]));
}

static void run(struct kernel *kernel, struct migp_vfio *vfio, uint8_t recover)
{
    struct migp_dirty *dirty[3] = {NULL, NULL, NULL};
    struct migp_device_options options;
    struct migp_device *device;
    size_t i;

    migp_device_options_init(&options);
    options.recover = recover % 3;
    options.sys = &kernel->sys;
    if (migp_device_new(&device, migp_vfio_ops(), vfio, &options, NULL) < 0) {
        migp_vfio_close(vfio);
        return;
    }
    if (recover & 16) {
        (void)migp_dirty_new_vfio(&dirty[0], &vfio, 1, NULL);
    }
    if (recover & 32) {
        (void)migp_dirty_new_type1(&dirty[1], &kernel->sys, CONTAINER_FD, NULL);
    }
    if (recover & 64) {
        (void)migp_dirty_new_iommufd(&dirty[2], &kernel->sys, IOMMUFD_FD, 1,
                                     NULL);
    }
    for (i = 0; i < ACTIONS_MAX && kernel->at < kernel->size; i++) {
        step(kernel, device, vfio, dirty);
    }
    for (i = 0; i < 3; i++) {
        migp_dirty_free(dirty[i]);
    }
    migp_device_free(device);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct feeding feeding = fuzz_whole(bytes, size);
    struct migp_vfio *vfio;
    struct kernel kernel;

    kernel_init(&kernel, &feeding);
    kernel.open[OWN_FD] = has_own_fd(fuzz_choice(bytes, size, 0));
    vfio = open_vfio(&kernel, fuzz_choice(bytes, size, 0));
    if (vfio != NULL) {
        run(&kernel, vfio, fuzz_choice(bytes, size, 1));
    }
    kernel.open[OWN_FD] ^= has_own_fd(fuzz_choice(bytes, size, 0));
    FUZZ_CHECK(open_fds(&kernel) == 0);
    return 0;
}
