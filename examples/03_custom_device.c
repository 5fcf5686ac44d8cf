/* SPDX-License-Identifier: MIT */
/*
 * Usage: 03_custom_device
 *
 * A device of the VMM's own behind the same interface as the kernel's: a
 * virtual device of four registers, with pre-copy. What drives a migration
 * then need not know which devices are passed through and which are not. The
 * table below is all that a backend is; migp_device keeps the rules.
 */
#include <migproto/device.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define N_REGISTERS 4

/* How a changed register goes over: its number and its value, as bytes, so
 * that hosts of any byte order understand each other. */
#define ENTRY_SIZE 5

struct gadget {
    uint32_t registers[N_REGISTERS]; /* what the guest sees */
    uint32_t state;                  /* enum migp_state */
    int dirty[N_REGISTERS];          /* not sent since it was written */
    unsigned char entry[ENTRY_SIZE]; /* of the session: taken apart so far */
    size_t held;                     /* bytes in it */
    unsigned int loaded;             /* registers that came, as bits */
};

/* The guest writes a register. */
static void gadget_poke(struct gadget *gadget, uint32_t index, uint32_t value)
{
    gadget->registers[index] = value;
    gadget->dirty[index] = 1;
}

static int gadget_caps(void *user, struct migp_device_caps *caps)
{
    (void)user;
    caps->migration = MIGP_MIGRATION_STOP_COPY | MIGP_MIGRATION_PRE_COPY;
    caps->features =
        MIGP_HAS_RESET | MIGP_HAS_STOP_COPY_SIZE | MIGP_HAS_PRECOPY_INFO;
    (void)snprintf(caps->backend, sizeof(caps->backend), "gadget");
    return 0;
}

static int gadget_get_state(void *user, uint32_t *state)
{
    *state = ((struct gadget *)user)->state;
    return 0;
}

/* One step of the path that migp_state_path() gives. */
static int gadget_step(struct gadget *gadget, uint32_t to, int *session)
{
    uint32_t from = gadget->state;
    size_t i;

    if (from == MIGP_STATE_RESUMING &&
        (gadget->held > 0 || gadget->loaded != (1U << N_REGISTERS) - 1)) {
        return -EINVAL; /* a state that is not whole */
    }
    /* Saving begins: everything is yet to be sent. */
    if (to == MIGP_STATE_PRE_COPY ||
        (from == MIGP_STATE_STOP && to == MIGP_STATE_STOP_COPY)) {
        for (i = 0; i < N_REGISTERS; i++) {
            gadget->dirty[i] = 1;
        }
    }
    /* PRE_COPY to STOP_COPY goes on with the session that there is. */
    if (to == MIGP_STATE_PRE_COPY || to == MIGP_STATE_RESUMING ||
        (from == MIGP_STATE_STOP && to == MIGP_STATE_STOP_COPY)) {
        gadget->held = 0;
        gadget->loaded = 0;
        *session = 0;
    }
    gadget->state = to;
    return 0;
}

static int gadget_set_state(void *user, uint32_t state, int *session)
{
    struct gadget *gadget = user;
    uint32_t path[7];
    migp_ssize steps =
        migp_state_path(MIGP_MIGRATION_STOP_COPY | MIGP_MIGRATION_PRE_COPY,
                        gadget->state, state, path, 7);
    migp_ssize i;
    int result;

    if (steps < 0) {
        return -EINVAL;
    }
    for (i = 0; i < steps; i++) {
        *session = MIGP_NO_SESSION;
        result = gadget_step(gadget, path[i], session);
        if (result != 0) {
            return result; /* it stays where the last good step led */
        }
    }
    return 0;
}

/* Like a driver's data fd: any size of read, an entry may be cut anywhere. */
static migp_ssize gadget_read(void *user, int session, void *bytes, size_t size)
{
    struct gadget *gadget = user;
    unsigned char *out = bytes;
    size_t done = 0;
    uint32_t i;

    (void)session;
    while (done < size) {
        if (gadget->held == 0) {
            for (i = 0; i < N_REGISTERS && !gadget->dirty[i]; i++) {
            }
            if (i == N_REGISTERS) {
                break;
            }
            gadget->dirty[i] = 0;
            gadget->entry[0] = (unsigned char)i;
            gadget->entry[1] = (unsigned char)(gadget->registers[i] >> 24);
            gadget->entry[2] = (unsigned char)(gadget->registers[i] >> 16);
            gadget->entry[3] = (unsigned char)(gadget->registers[i] >> 8);
            gadget->entry[4] = (unsigned char)gadget->registers[i];
            gadget->held = ENTRY_SIZE;
        }
        out[done++] = gadget->entry[ENTRY_SIZE - gadget->held--];
    }
    if (done == 0 && gadget->state == MIGP_STATE_PRE_COPY) {
        return -ENOMSG; /* nothing at this time */
    }
    return (migp_ssize)done;
}

/* The bytes come from another host: nothing in them is believed. */
static migp_ssize gadget_write(void *user, int session, const void *bytes,
                               size_t size)
{
    struct gadget *gadget = user;
    const unsigned char *in = bytes;
    size_t i;

    (void)session;
    for (i = 0; i < size; i++) {
        gadget->entry[gadget->held++] = in[i];
        if (gadget->entry[0] >= N_REGISTERS) {
            return -EINVAL;
        }
        if (gadget->held == ENTRY_SIZE) {
            gadget->held = 0;
            gadget->loaded |= 1U << gadget->entry[0];
            gadget->registers[gadget->entry[0]] =
                (uint32_t)gadget->entry[1] << 24 |
                (uint32_t)gadget->entry[2] << 16 |
                (uint32_t)gadget->entry[3] << 8 | gadget->entry[4];
        }
    }
    return (migp_ssize)size;
}

static int gadget_stop_copy_size(void *user, uint64_t *size)
{
    (void)user;
    *size = (uint64_t)N_REGISTERS * ENTRY_SIZE;
    return 0;
}

static int gadget_precopy_info(void *user, int session,
                               struct migp_precopy_info *info)
{
    const struct gadget *gadget = user;
    size_t i;

    (void)session;
    for (i = 0; i < N_REGISTERS; i++) {
        info->dirty_bytes += gadget->dirty[i] ? ENTRY_SIZE : 0;
    }
    return 0;
}

static int gadget_reset(void *user)
{
    struct gadget *gadget = user;

    memset(gadget, 0, sizeof(*gadget));
    gadget->state = MIGP_STATE_RUNNING;
    return 0;
}

static const struct migp_device_ops gadget_ops = {
    .struct_size = sizeof(struct migp_device_ops),
    .caps = gadget_caps,
    .get_state = gadget_get_state,
    .set_state = gadget_set_state,
    .read = gadget_read,
    .write = gadget_write,
    .precopy_info = gadget_precopy_info,
    .stop_copy_size = gadget_stop_copy_size,
    .reset = gadget_reset,
};

/* Read until there is nothing; as small as this device it fits in one. */
static size_t drain(struct migp_device *device, unsigned char *bytes,
                    size_t room)
{
    size_t done = 0;
    migp_ssize got;

    while (done < room &&
           (got = migp_device_read(device, bytes + done, 3, NULL)) > 0) {
        done += (size_t)got;
    }
    return done;
}

static int migrate(struct gadget *from, struct gadget *to)
{
    unsigned char bytes[256];
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_device *source = NULL;
    struct migp_device *destination = NULL;
    size_t size = 0;
    int result = -1;

    if (migp_device_new(&source, &gadget_ops, from, NULL, &error) == MIGP_OK &&
        migp_device_new(&destination, &gadget_ops, to, NULL, &error) ==
            MIGP_OK &&
        migp_device_set_state(source, MIGP_STATE_PRE_COPY, &error) == MIGP_OK) {
        size = drain(source, bytes, sizeof(bytes) - 3);
        printf("pre-copy: %zu bytes\n", size);
        gadget_poke(from, 2, 0xcafe); /* the guest still runs */
        result = migp_device_set_state(source, MIGP_STATE_STOP_COPY, &error);
    }
    if (result == MIGP_OK) {
        size += drain(source, bytes + size, sizeof(bytes) - 3 - size);
        printf("in all: %zu bytes\n", size);
        result =
            migp_device_set_state(destination, MIGP_STATE_RESUMING, &error);
    }
    if (result == MIGP_OK) {
        result =
            migp_device_write(destination, bytes, size, &error) ==
                    (migp_ssize)size
                ? migp_device_set_state(destination, MIGP_STATE_RUNNING, &error)
                : -1;
    }
    if (result != MIGP_OK) {
        printf("failed: %s\n", error.text);
    }
    migp_device_free(destination);
    migp_device_free(source);
    return result;
}

int main(void)
{
    struct gadget from = {.state = MIGP_STATE_RUNNING};
    struct gadget to = {.state = MIGP_STATE_RUNNING};
    uint32_t i;

    for (i = 0; i < N_REGISTERS; i++) {
        gadget_poke(&from, i, 0x11111111 * (i + 1));
    }
    if (migrate(&from, &to) != MIGP_OK) {
        return 1;
    }
    for (i = 0; i < N_REGISTERS; i++) {
        printf("register %" PRIu32 ": %08" PRIx32 "\n", i, to.registers[i]);
    }
    return memcmp(from.registers, to.registers, sizeof(from.registers)) != 0;
}
