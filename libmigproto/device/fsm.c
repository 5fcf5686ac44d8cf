/* SPDX-License-Identifier: MIT */
#include "device/fsm.h"

#include <migproto/fsm.h>

#include <stddef.h>

#define E MIGP_STATE_ERROR
#define ST MIGP_STATE_STOP
#define RU MIGP_STATE_RUNNING
#define SC MIGP_STATE_STOP_COPY
#define RE MIGP_STATE_RESUMING
#define RP MIGP_STATE_RUNNING_P2P
#define PC MIGP_STATE_PRE_COPY
#define PP MIGP_STATE_PRE_COPY_P2P

/*
 * The next state on the way from a row to a column, for a device that has all
 * states. The way is the shortest that has no state of the saving group and no
 * RESUMING inside. A device without some of the states takes the same way and
 * leaves them out, so this one table holds for all four sets of flags.
 [DV-1] */
static const uint8_t next_state[MIGP_STATE_COUNT][MIGP_STATE_COUNT] = {
    /*        E   ST  RU  SC  RE  RP  PC  PP */
    [E] = {E, E, E, E, E, E, E, E},
    [ST] = {E, ST, RP, SC, RE, RP, RP, RP},
    [RU] = {E, RP, RU, RP, RP, RP, PC, RP},
    [SC] = {E, ST, ST, SC, ST, ST, E, E},
    [RE] = {E, ST, ST, ST, RE, ST, ST, ST},
    [RP] = {E, ST, RU, ST, ST, RP, RU, PP},
    [PC] = {E, RU, RU, PP, RU, RU, PC, PP},
    [PP] = {E, RP, RP, SC, RP, RP, PC, PP},
};

static const char *const names[MIGP_STATE_COUNT] = {
    "ERROR",    "STOP",        "RUNNING",  "STOP_COPY",
    "RESUMING", "RUNNING_P2P", "PRE_COPY", "PRE_COPY_P2P",
};

/* What a device needs to have a state. */
static const uint8_t needs[MIGP_STATE_COUNT] = {
    [ST] = MIGP_MIGRATION_STOP_COPY,
    [SC] = MIGP_MIGRATION_STOP_COPY,
    [RE] = MIGP_MIGRATION_STOP_COPY,
    [RP] = MIGP_MIGRATION_P2P,
    [PC] = MIGP_MIGRATION_PRE_COPY,
    [PP] = MIGP_MIGRATION_PRE_COPY | MIGP_MIGRATION_P2P,
};

bool migp_migration_valid(uint64_t migration)
{
    const uint64_t all =
        MIGP_MIGRATION_STOP_COPY | MIGP_MIGRATION_P2P | MIGP_MIGRATION_PRE_COPY;

    return (migration & MIGP_MIGRATION_STOP_COPY) != 0 &&
           (migration & ~all) == 0;
}

bool migp_state_supported(uint32_t migration, uint32_t state)
{
    return state < MIGP_STATE_COUNT &&
           (needs[state] & migration) == needs[state];
}

uint32_t migp_state_next(uint32_t migration, uint32_t from, uint32_t to)
{
    uint32_t state = from;

    do {
        state = next_state[state][to];
    } while (!migp_state_supported(migration, state));
    return state;
}

bool migp_state_saving(uint32_t state)
{
    return state == PC || state == PP || state == SC;
}

bool migp_step_opens(uint32_t from, uint32_t to)
{
    return (from != to && to == RE) ||
           (!migp_state_saving(from) && migp_state_saving(to));
}

bool migp_step_ends(uint32_t from, uint32_t to)
{
    return (from == RE && to != RE) ||
           (migp_state_saving(from) && !migp_state_saving(to));
}

migp_ssize migp_state_path(uint32_t migration, uint32_t from, uint32_t to,
                           uint32_t *path, size_t max)
{
    size_t n = 0;

    if (!migp_migration_valid(migration) || from >= MIGP_STATE_COUNT ||
        to >= MIGP_STATE_COUNT) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    if (!migp_state_supported(migration, from) ||
        !migp_state_supported(migration, to)) {
        return MIGP_ERR_UNSUPPORTED;
    }
    while (from != to) {
        from = migp_state_next(migration, from, to);
        if (from == E) {
            return MIGP_ERR_STATE;
        }
        if (path != NULL) {
            if (n == max) {
                return MIGP_ERR_NO_SPACE;
            }
            path[n] = from;
        }
        n++;
    }
    return (migp_ssize)n;
}

const char *migp_state_name(uint32_t state)
{
    return state < MIGP_STATE_COUNT ? names[state] : "unknown";
}
