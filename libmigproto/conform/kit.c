/* SPDX-License-Identifier: MIT */
#include "conform/kit.h"

#include "core/errno_name.h"
#include "device/uapi.h"

#include <errno.h>
#include <migproto/vfio.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A storm of signals ends as an error, not as a hang. */
#define MOST_EINTR 1000

/* --- the verdict --------------------------------------------------------- */

/* PASS, SKIP and FAIL in the order in which one replaces another. */
static unsigned gravity(uint32_t verdict)
{
    return verdict == MIGP_CONFORM_FAIL
               ? 2
               : (verdict == MIGP_CONFORM_SKIP ? 1 : 0);
}

__attribute__((format(printf, 3, 0))) static void say(struct migp_kit *kit,
                                                      uint32_t verdict,
                                                      const char *format,
                                                      va_list arguments)
{
    size_t length = strlen(kit->text);

    if (length > 0 && gravity(verdict) < gravity(kit->verdict)) {
        return;
    }
    if (gravity(verdict) > gravity(kit->verdict)) {
        kit->verdict = verdict;
        length = 0;
    } else if (length > 0) {
        /* A driver may break a rule in several ways: they are all told, as far
         * as there is room. */
        if (verdict != MIGP_CONFORM_FAIL ||
            length + sizeof("; ") >= sizeof(kit->text)) {
            return;
        }
        memcpy(kit->text + length, "; ", sizeof("; "));
        length += 2;
    }
    (void)vsnprintf(kit->text + length, sizeof(kit->text) - length, format,
                    arguments);
}

void migp_kit_fail(struct migp_kit *kit, uint32_t aspect, const char *format,
                   ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(kit, MIGP_CONFORM_FAIL, format, arguments);
    va_end(arguments);
    kit->aspects |= aspect;
}

bool migp_kit_skip(struct migp_kit *kit, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(kit, MIGP_CONFORM_SKIP, format, arguments);
    va_end(arguments);
    return false;
}

void migp_kit_note(struct migp_kit *kit, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(kit, MIGP_CONFORM_PASS, format, arguments);
    va_end(arguments);
}

void migp_kit_partial(struct migp_kit *kit, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(kit, MIGP_CONFORM_PASS, format, arguments);
    va_end(arguments);
    kit->partial = true;
}

const char *migp_kit_answer(int64_t result)
{
    if (result >= 0) {
        return "success";
    }
    return migp_errno_name(result < -INT32_MAX ? INT32_MAX : (int)-result);
}

/* --- raw calls ----------------------------------------------------------- */

int migp_kit_ioctl(struct migp_kit *kit, int fd, unsigned long request,
                   void *arg)
{
    unsigned tries = 0;
    int result;

    do {
        result = kit->sys->ioctl(kit->sys->user, fd, request, arg);
    } while (result == -EINTR && ++tries < MOST_EINTR);
    return result;
}

int migp_kit_feature(struct migp_kit *kit, uint32_t argsz, uint32_t flags,
                     void *payload, size_t size)
{
    /* Larger than any payload: what a driver writes too much stays in here. */
    uint64_t words[16] = {0};
    const struct migp_vfio_feature head = {argsz, flags};
    uint8_t *bytes = (uint8_t *)words;
    int result;

    memcpy(bytes, &head, sizeof(head));
    if (size > 0) {
        memcpy(bytes + sizeof(head), payload, size);
    }
    result = migp_kit_ioctl(kit, migp_vfio_fd(kit->vfio),
                            MIGP_VFIO_DEVICE_FEATURE, words);
    if (size > 0) {
        memcpy(payload, bytes + sizeof(head), size);
    }
    return result < 0 ? result : 0;
}

int migp_kit_get(struct migp_kit *kit, uint32_t *state, int32_t *data_fd)
{
    struct migp_vfio_feature_mig_state payload = {MIGP_STATE_COUNT, -2};
    int result = migp_kit_feature(
        kit, 16, MIGP_FEATURE_MIG_DEVICE_STATE | MIGP_VFIO_FEATURE_GET,
        &payload, sizeof(payload));

    *state = payload.device_state;
    if (data_fd != NULL) {
        *data_fd = payload.data_fd;
    }
    return result;
}

int migp_kit_set(struct migp_kit *kit, uint32_t state, int32_t *data_fd)
{
    struct migp_vfio_feature_mig_state payload = {state, *data_fd};
    int result = migp_kit_feature(
        kit, 16, MIGP_FEATURE_MIG_DEVICE_STATE | MIGP_VFIO_FEATURE_SET,
        &payload, sizeof(payload));

    *data_fd = payload.data_fd;
    return result;
}

int migp_kit_size(struct migp_kit *kit, uint64_t *size)
{
    struct migp_vfio_feature_mig_data_size payload = {0};
    int result = migp_kit_feature(
        kit, 16, MIGP_FEATURE_MIG_DATA_SIZE | MIGP_VFIO_FEATURE_GET, &payload,
        sizeof(payload));

    *size = payload.stop_copy_length;
    return result;
}

int migp_kit_info(struct migp_kit *kit, int fd, uint32_t argsz,
                  struct migp_vfio_precopy_info *info)
{
    info->argsz = argsz;
    return migp_kit_ioctl(kit, fd, MIGP_VFIO_MIG_GET_PRECOPY_INFO, info);
}

migp_ssize migp_kit_read(struct migp_kit *kit, int fd, void *bytes, size_t size)
{
    unsigned tries = 0;
    migp_ssize result;

    do {
        result = kit->sys->read(kit->sys->user, fd, bytes, size);
    } while (result == -EINTR && ++tries < MOST_EINTR);
    return result > (migp_ssize)size ? -EPROTO : result;
}

migp_ssize migp_kit_write(struct migp_kit *kit, int fd, const void *bytes,
                          size_t size)
{
    unsigned tries = 0;
    migp_ssize result;

    do {
        result = kit->sys->write(kit->sys->user, fd, bytes, size);
    } while (result == -EINTR && ++tries < MOST_EINTR);
    return result > (migp_ssize)size ? -EPROTO : result;
}

migp_ssize migp_kit_pread(struct migp_kit *kit, int fd, void *bytes,
                          size_t size)
{
    unsigned tries = 0;
    migp_ssize result;

    do {
        result = kit->sys->pread(kit->sys->user, fd, bytes, size, 0);
    } while (result == -EINTR && ++tries < MOST_EINTR);
    return result;
}

int migp_kit_poll(struct migp_kit *kit, int fd, int events)
{
    unsigned tries = 0;
    int result;

    do {
        result = kit->sys->poll(kit->sys->user, fd, events, 0);
    } while (result == -EINTR && ++tries < MOST_EINTR);
    return result;
}

void migp_kit_close(struct migp_kit *kit, int *fd)
{
    if (*fd >= 0) {
        (void)kit->sys->close(kit->sys->user, *fd);
    }
    *fd = -1;
}

bool migp_kit_fd_name(struct migp_kit *kit, int fd, char *name, size_t size)
{
    static const char prefix[] = "anon_inode:";
    const size_t skip = sizeof(prefix) - 1;
    char path[32];
    char link[128];
    migp_ssize n;

    name[0] = '\0';
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    n = kit->sys->readlink(kit->sys->user, path, link, sizeof(link) - 1);
    if (n < 0 || n >= (migp_ssize)sizeof(link)) {
        return false;
    }
    link[n] = '\0';
    if (n > (migp_ssize)skip && memcmp(link, prefix, skip) == 0) {
        (void)snprintf(name, size, "%.*s", (int)size - 1, link + skip);
    }
    return true;
}

/* "[vfio-device]" and its like are somebody else's, and so are the standard
 * ones where nothing tells. */
void migp_kit_close_stray(struct migp_kit *kit, int fd)
{
    char name[64];

    if (fd < 0 || fd == kit->session || fd == kit->kept ||
        fd == migp_vfio_fd(kit->vfio)) {
        return;
    }
    if (migp_kit_fd_name(kit, fd, name, sizeof(name))
            ? name[0] != '\0' && name[0] != '['
            : fd > 2) {
        migp_kit_close(kit, &fd);
    }
}

void migp_kit_sleep(struct migp_kit *kit, uint64_t nanoseconds)
{
    kit->sys->sleep(kit->sys->user, nanoseconds);
}
