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
#include <stdbool.h>
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
    bool refused;                    /* what came is no state of a gadget */
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
        (gadget->refused || gadget->held > 0 ||
         gadget->loaded != (1U << N_REGISTERS) - 1)) {
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
        gadget->refused = false;
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
    if (gadget->state != MIGP_STATE_PRE_COPY &&
        gadget->state != MIGP_STATE_STOP_COPY) {
        return -EINVAL;
    }
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
    /* What was refused once stays so: a rest must not look like a start. */
    if (gadget->state != MIGP_STATE_RESUMING || gadget->refused) {
        return -EINVAL;
    }
    for (i = 0; i < size; i++) {
        gadget->entry[gadget->held++] = in[i];
        if (gadget->entry[0] >= N_REGISTERS) {
            gadget->refused = true;
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

/* What the source gave; as small as this device it fits. */
struct parcel {
    unsigned char bytes[256];
    size_t size;
};

/* Read until there is nothing: at this time in PRE_COPY, else for good. */
static int drain(struct migp_device *device, struct parcel *parcel,
                 struct migp_error *error)
{
    migp_ssize got;

    do {
        if (parcel->size == sizeof(parcel->bytes)) {
            return MIGP_ERR_NO_SPACE;
        }
        got = migp_device_read(device, parcel->bytes + parcel->size,
                               sizeof(parcel->bytes) - parcel->size, error);
        parcel->size += got > 0 ? (size_t)got : 0;
    } while (got > 0);
    return got == MIGP_ERR_PRECOPY_EMPTY ? MIGP_OK : (int)got;
}

static int save(struct gadget *from, struct parcel *parcel,
                struct migp_error *error)
{
    struct migp_device *source;
    int result = migp_device_new(&source, &gadget_ops, from, NULL, error);

    if (result == MIGP_OK) {
        result = migp_device_set_state(source, MIGP_STATE_PRE_COPY, error);
    }
    if (result == MIGP_OK) {
        result = drain(source, parcel, error);
    }
    if (result == MIGP_OK) {
        printf("pre-copy: %zu bytes\n", parcel->size);
        gadget_poke(from, 2, 0xcafe); /* the guest still runs */
        result = migp_device_set_state(source, MIGP_STATE_STOP_COPY, error);
    }
    if (result == MIGP_OK) {
        result = drain(source, parcel, error);
    }
    if (result == MIGP_OK) {
        printf("in all: %zu bytes\n", parcel->size);
    }
    migp_device_free(source);
    return result;
}

static int load(struct gadget *to, const struct parcel *parcel,
                struct migp_error *error)
{
    struct migp_device *destination;
    int result = migp_device_new(&destination, &gadget_ops, to, NULL, error);
    migp_ssize done;

    if (result == MIGP_OK) {
        result = migp_device_set_state(destination, MIGP_STATE_RESUMING, error);
    }
    if (result == MIGP_OK) {
        done =
            migp_device_write(destination, parcel->bytes, parcel->size, error);
        result = done < 0 ? (int)done : MIGP_OK;
    }
    if (result == MIGP_OK) {
        result = migp_device_set_state(destination, MIGP_STATE_RUNNING, error);
    }
    migp_device_free(destination);
    return result;
}

static int migrate(struct gadget *from, struct gadget *to)
{
    struct parcel parcel = {.size = 0};
    struct migp_error error = MIGP_ERROR_INIT;
    int result = save(from, &parcel, &error);

    if (result == MIGP_OK) {
        result = load(to, &parcel, &error);
    }
    if (result != MIGP_OK) {
        fprintf(stderr, "failed: %s\n",
                error.code == result ? error.text : migp_error_text(result));
    }
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
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        perror("standard output");
        return 1;
    }
    return memcmp(from.registers, to.registers, sizeof(from.registers)) != 0;
}
