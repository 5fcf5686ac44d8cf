/* SPDX-License-Identifier: MIT */
#include "device/device.h"

#include "device/fsm.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ST MIGP_STATE_STOP
#define RU MIGP_STATE_RUNNING
#define SC MIGP_STATE_STOP_COPY
#define RE MIGP_STATE_RESUMING
#define RP MIGP_STATE_RUNNING_P2P
#define PC MIGP_STATE_PRE_COPY
#define PP MIGP_STATE_PRE_COPY_P2P

/* A set of states. */
#define IN(state) (1U << (state))
#define PRE_COPIES (IN(PC) | IN(PP))
#define SAVING (PRE_COPIES | IN(SC))
#define ANY ((1U << MIGP_STATE_COUNT) - 1)

enum way_back {
    STAY = 0,      /* as good as anything else */
    GO_BACK,       /* to where it was before */
    STOP_THEN_RUN, /* out of the session by STOP, then to where it rests */
    ONLY_A_RESET   /* drivers have oopsed on anything else */
};

/*
 * A change from one of `from` to one of `to` failed and the device is in one
 * of `now`: the first row that fits. The way out of PRE_COPY and RESUMING is
 * not tried twice: mlx5 may have freed its files, any driver would load what
 * was written so far.
 [DV-6] */
static const struct rule {
    unsigned from;
    unsigned to;
    unsigned now;
    enum way_back way;
} rules[] = {
    {PRE_COPIES, ANY & ~SAVING, PRE_COPIES, ONLY_A_RESET},
    {IN(RE), ANY, IN(RE), ONLY_A_RESET},
    /* It is in RESUMING, but its session is lost: leaving would load nothing,
     * and some drivers take that for a state. */
    {ANY, IN(RE), IN(RE), ONLY_A_RESET},
    {ANY, IN(SC), SAVING, STOP_THEN_RUN},
    {ANY, IN(SC), ANY, GO_BACK},
    {ANY, PRE_COPIES | IN(RE), ANY, GO_BACK},
};

/* Where a device that was in a state is at rest: without a session. */
static const uint8_t rest[MIGP_STATE_COUNT] = {
    [ST] = ST, [RU] = RU, [SC] = ST, [RE] = ST, [RP] = RP, [PC] = RU, [PP] = RP,
};

static enum way_back way_back(uint32_t from, uint32_t to, uint32_t now)
{
    size_t i;

    for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if ((rules[i].from & IN(from)) != 0 && (rules[i].to & IN(to)) != 0 &&
            (rules[i].now & IN(now)) != 0) {
            return rules[i].way;
        }
    }
    return STAY;
}

/* Where to go back to. A session that lives on is kept, one that is gone is
 * not opened anew; a stop that failed leaves the device running. */
static uint32_t goal_of(uint32_t from, uint32_t to, uint32_t now)
{
    if (to == SC) {
        return rest[from] == ST ? ST : RU;
    }
    return migp_device_same_session(from, now) ? from : rest[from];
}

__attribute__((format(printf, 2, 3))) static void
add_text(struct migp_error *error, const char *format, ...)
{
    char more[MIGP_TEXT_MAX];
    size_t length = strlen(error->text);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(more, sizeof(more), format, arguments);
    va_end(arguments);
    (void)snprintf(error->text + length, sizeof(error->text) - length, "%s",
                   more);
}

/* Without a session: one that opens is none that the caller knows of. */
static int go(struct migp_device *device, uint32_t target)
{
    uint32_t state;
    int session;
    int seen;
    int result;

    if (device->state == target) {
        return 0;
    }
    result = migp_device_request(device, target, &session);
    if (session >= 0 && session != device->session &&
        device->ops.end_session != NULL) {
        device->ops.end_session(device->user, session);
    }
    if (result == MIGP_CALL_CANCELLED) {
        return result;
    }
    seen = migp_device_ask(device, &state);
    if (seen < 0) {
        device->unsure = true;
        return seen;
    }
    migp_device_adopt(device, state);
    if (result == 0 && state != target) {
        return -EIO;
    }
    return result;
}

bool migp_device_one_way(uint32_t from, uint32_t target)
{
    return way_back(from, target, from) == ONLY_A_RESET;
}

void migp_device_let_run(struct migp_device *device)
{
    (void)go(device, RU);
}

/* [DV-7] */
int migp_device_last_resort(struct migp_device *device, int code,
                            struct migp_error *error)
{
    struct migp_error second = MIGP_ERROR_INIT;
    int result;

    device->needs_reset = true;
    if (device->recover != MIGP_RECOVER_RESET) {
        add_text(error, "; only a reset helps");
        return code;
    }
    result = migp_device_reset(device, &second);
    if (result == MIGP_OK) {
        add_text(error, "; the device was reset");
        return code;
    }
    if (result == MIGP_ERR_CANCELLED) {
        *error = second;
        return result;
    }
    add_text(error, "; only a reset helps, but %s", second.text);
    return code;
}

static int gone_back(struct migp_device *device, uint32_t goal, int result,
                     int code, struct migp_error *error)
{
    if (result == MIGP_CALL_CANCELLED) {
        return migp_device_failed(device, error, MIGP_ERR_CANCELLED, result,
                                  "");
    }
    if (result < 0) {
        add_text(error, "; going back to %s failed, too",
                 migp_state_name(goal));
        return migp_device_last_resort(device, code, error);
    }
    add_text(error, "; went back to %s", migp_state_name(goal));
    return code;
}

int migp_device_recover(struct migp_device *device, uint32_t from,
                        uint32_t target, int code, struct migp_error *error)
{
    uint32_t goal = goal_of(from, target, device->state);
    enum way_back way = way_back(from, target, device->state);
    int result = 0;

    if (device->state == MIGP_STATE_ERROR || way == ONLY_A_RESET) {
        return migp_device_last_resort(device, code, error);
    }
    if (device->recover == MIGP_RECOVER_NONE || way == STAY ||
        device->state == goal) {
        return code;
    }
    if (way == STOP_THEN_RUN) {
        result = go(device, ST);
    }
    if (result == 0) {
        result = go(device, goal);
    }
    return gone_back(device, goal, result, code, error);
}
