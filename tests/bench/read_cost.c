/* SPDX-License-Identifier: MIT */
/* read_cost COUNT: reads COUNT times from a device that answers at once. What
 * migp_device adds to a read is what tests/ci/cost counts. */
#include <migproto/device.h>

#include <stdio.h>
#include <stdlib.h>

static uint32_t now = MIGP_STATE_RUNNING;

static int cost_caps(void *user, struct migp_device_caps *caps)
{
    (void)user;
    caps->migration = MIGP_MIGRATION_STOP_COPY;
    return 0;
}

static int cost_get_state(void *user, uint32_t *state)
{
    (void)user;
    *state = now;
    return 0;
}

static int cost_set_state(void *user, uint32_t state, int *session)
{
    (void)user;
    now = state;
    if (state == MIGP_STATE_STOP_COPY) {
        *session = 0;
    }
    return 0;
}

static migp_ssize cost_read(void *user, int session, void *bytes, size_t size)
{
    (void)user;
    (void)session;
    (void)bytes;
    return (migp_ssize)size;
}

static migp_ssize cost_write(void *user, int session, const void *bytes,
                             size_t size)
{
    (void)user;
    (void)session;
    (void)bytes;
    return (migp_ssize)size;
}

static const struct migp_device_ops cost_ops = {
    .struct_size = sizeof(cost_ops),
    .caps = cost_caps,
    .get_state = cost_get_state,
    .set_state = cost_set_state,
    .read = cost_read,
    .write = cost_write,
};

int main(int argc, char **argv)
{
    static char buffer[4096];
    struct migp_device *device;
    unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
    unsigned long i;

    if (migp_device_new(&device, &cost_ops, NULL, NULL, NULL) != MIGP_OK ||
        migp_device_set_state(device, MIGP_STATE_STOP_COPY, NULL) != MIGP_OK) {
        return 1;
    }
    for (i = 0; i < count; i++) {
        if (migp_device_read(device, buffer, sizeof(buffer), NULL) !=
            (migp_ssize)sizeof(buffer)) {
            return 1;
        }
    }
    migp_device_free(device);
    (void)printf("%lu reads\n", count);
    return 0;
}
