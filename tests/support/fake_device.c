/* SPDX-License-Identifier: MIT */
#include "support/fake_device.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static int64_t called(struct fake_device *fake, enum fake_op op, uint64_t value)
{
    fake->calls[op]++;
    fake->all_calls++;
    assert_false(fake->closed);
    return fake->hook != NULL ? fake->hook(fake, op, fake->calls[op], value)
                              : FAKE_GO;
}

static int fake_caps(void *user, struct migp_device_caps *caps)
{
    struct fake_device *fake = user;
    int64_t answer;

    assert_int_equal(caps->struct_size, sizeof(*caps));
    caps->migration = fake->migration;
    caps->features = fake->features;
    strcpy(caps->backend, "fake");
    strcpy(caps->driver, "fake_vfio_pci");
    strcpy(caps->name, "0000:00:00.0");
    fake->caps = caps;
    answer = called(fake, FAKE_CAPS, 0);
    return answer == FAKE_GO ? 0 : (int)answer;
}

static int fake_get_state(void *user, uint32_t *state)
{
    struct fake_device *fake = user;
    int64_t answer = called(fake, FAKE_GET, 0);

    if (answer != FAKE_GO) {
        return (int)answer;
    }
    *state = fake->state;
    return 0;
}

static bool is_saving(uint32_t state)
{
    return state == MIGP_STATE_PRE_COPY || state == MIGP_STATE_PRE_COPY_P2P ||
           state == MIGP_STATE_STOP_COPY;
}

static int fake_set_state(void *user, uint32_t state, int *session)
{
    struct fake_device *fake = user;
    int64_t answer;
    migp_ssize n;

    assert_int_equal(*session, MIGP_NO_SESSION);
    assert_true(fake->n_sets < FAKE_MAX_SETS);
    fake->sets[fake->n_sets++] = state;
    answer = called(fake, FAKE_SET, state);
    if (answer != FAKE_GO) {
        return (int)answer;
    }
    n = migp_state_path(fake->migration, fake->state, state, NULL, 0);
    if (n <= 0) {
        return n == 0 ? 0 : -EINVAL;
    }
    if (!is_saving(fake->state) || !is_saving(state)) {
        fake->live = MIGP_NO_SESSION;
        if (is_saving(state) || state == MIGP_STATE_RESUMING) {
            fake->live = fake->next_session++;
            fake->opened++;
            *session = fake->live;
        }
    }
    fake->state = state;
    return 0;
}

static migp_ssize fake_read(void *user, int session, void *bytes, size_t size)
{
    struct fake_device *fake = user;
    int64_t answer = called(fake, FAKE_READ, size);

    if (answer != FAKE_GO) {
        return answer;
    }
    if (session != fake->live || !is_saving(fake->state)) {
        return -ENODEV;
    }
    if (size > fake->left) {
        size = fake->left;
    }
    memset(bytes, 0x5a, size);
    fake->left -= size;
    return (migp_ssize)size;
}

static migp_ssize fake_write(void *user, int session, const void *bytes,
                             size_t size)
{
    struct fake_device *fake = user;
    int64_t answer = called(fake, FAKE_WRITE, size);

    (void)bytes;
    if (answer != FAKE_GO) {
        return answer;
    }
    if (session != fake->live || fake->state != MIGP_STATE_RESUMING) {
        return -ENODEV;
    }
    if (fake->max_write != 0 && size > fake->max_write) {
        size = fake->max_write;
    }
    fake->written += size;
    return (migp_ssize)size;
}

static int fake_info(void *user, int session, struct migp_precopy_info *info)
{
    struct fake_device *fake = user;
    int64_t answer;

    assert_int_equal(info->struct_size, sizeof(*info));
    assert_true(info->flags == 0 && info->initial_bytes == 0 &&
                info->dirty_bytes == 0);
    answer = called(fake, FAKE_INFO, 0);
    if (answer != FAKE_GO) {
        return (int)answer;
    }
    if (fake->state != MIGP_STATE_PRE_COPY &&
        fake->state != MIGP_STATE_PRE_COPY_P2P) {
        return -EINVAL;
    }
    assert_int_equal(session, fake->live);
    *info = fake->info;
    return 0;
}

static int fake_size(void *user, uint64_t *size)
{
    struct fake_device *fake = user;
    int64_t answer = called(fake, FAKE_SIZE, 0);

    *size = fake->size;
    return answer == FAKE_GO ? 0 : (int)answer;
}

static migp_ssize fake_save_config(void *user, void *bytes, size_t size)
{
    struct fake_device *fake = user;
    int64_t answer = called(fake, FAKE_SAVE_CONFIG, size);

    if (answer != FAKE_GO) {
        return answer;
    }
    if (size < 4) {
        return -ENOSPC;
    }
    memcpy(bytes, "conf", 4);
    return 4;
}

static int fake_load_config(void *user, const void *bytes, size_t size)
{
    struct fake_device *fake = user;
    int64_t answer = called(fake, FAKE_LOAD_CONFIG, size);

    (void)bytes;
    return answer == FAKE_GO ? 0 : (int)answer;
}

static int fake_reset(void *user)
{
    struct fake_device *fake = user;
    int64_t answer = called(fake, FAKE_RESET, 0);

    if (answer != FAKE_GO) {
        return (int)answer;
    }
    fake_move(fake, fake->after_reset);
    return 0;
}

static void fake_end_session(void *user, int session)
{
    struct fake_device *fake = user;

    assert_false(fake->closed);
    if (session < 100 || session >= fake->next_session ||
        fake->is_ended[session - 100]) {
        fake->ended_wrongly++;
        return;
    }
    fake->is_ended[session - 100] = true;
    fake->ended++;
}

static void fake_close(void *user)
{
    struct fake_device *fake = user;

    assert_false(fake->closed);
    fake->closed = true;
}

static uint64_t fake_now(void *user)
{
    struct fake_device *fake = user;

    return fake->now;
}

static void fake_sleep(void *user, uint64_t nanoseconds)
{
    struct fake_device *fake = user;

    fake->now += nanoseconds;
    fake->slept += nanoseconds;
}

void fake_init(struct fake_device *fake)
{
    memset(fake, 0, sizeof(*fake));
    fake->ops = (struct migp_device_ops){
        .struct_size = sizeof(fake->ops),
        .caps = fake_caps,
        .get_state = fake_get_state,
        .set_state = fake_set_state,
        .read = fake_read,
        .write = fake_write,
        .precopy_info = fake_info,
        .stop_copy_size = fake_size,
        .save_config = fake_save_config,
        .load_config = fake_load_config,
        .reset = fake_reset,
        .end_session = fake_end_session,
        .close = fake_close,
    };
    fake->clock.struct_size = sizeof(fake->clock);
    fake->clock.user = fake;
    fake->clock.now = fake_now;
    fake->clock.sleep = fake_sleep;
    fake->migration = 7;
    fake->features = 63;
    fake->state = MIGP_STATE_RUNNING;
    fake->after_reset = MIGP_STATE_RUNNING;
    fake->left = 100;
    fake->info.struct_size = sizeof(fake->info);
    fake->live = MIGP_NO_SESSION;
    fake->next_session = 100;
}

void fake_move(struct fake_device *fake, uint32_t state)
{
    fake->state = state;
    fake->live = MIGP_NO_SESSION;
}

void fake_forget(struct fake_device *fake)
{
    memset(fake->calls, 0, sizeof(fake->calls));
    fake->all_calls = 0;
    fake->n_sets = 0;
    fake->slept = 0;
}

struct migp_device *fake_device_in(struct fake_device *fake, uint32_t recover,
                                   uint32_t state)
{
    struct migp_device_options options;
    struct migp_device *device;

    migp_device_options_init(&options);
    options.recover = recover;
    options.sys = &fake->clock;
    assert_int_equal(migp_device_new(&device, &fake->ops, fake, &options, NULL),
                     MIGP_OK);
    assert_int_equal(migp_device_set_state(device, state, NULL), MIGP_OK);
    assert_int_equal(fake->state, state);
    assert_int_equal(migp_device_session(device), fake->live);
    fake_forget(fake);
    fake->device = device;
    return device;
}

void fake_check_sessions(const struct fake_device *fake,
                         const struct migp_device *device)
{
    int session =
        device != NULL ? migp_device_session(device) : MIGP_NO_SESSION;

    assert_int_equal(fake->ended_wrongly, 0);
    assert_int_equal(fake->opened - fake->ended, session >= 0);
    if (session >= 0) {
        assert_true(session >= 100 && session < fake->next_session);
        assert_false(fake->is_ended[session - 100]);
    }
}
