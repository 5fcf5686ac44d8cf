/* SPDX-License-Identifier: MIT */
#include "device/sim/settings.h"

#include "core/errno_name.h"
#include "core/error.h"

#include <migproto/fsm.h>
#include <migproto/sim.h>
#include <string.h>

/* The text of one option's value, [at, end). */
struct value {
    struct sim_settings *settings;
    const char *at;
    const char *end;
    const char *why; /* what was expected, when it was not there */
};

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit size_units[] = {
    {"", 1},
    {"K", UINT64_C(1) << 10},
    {"M", UINT64_C(1) << 20},
    {"G", UINT64_C(1) << 30},
    {"T", UINT64_C(1) << 40},
    {NULL, 0},
};

static const struct unit rate_units[] = {
    {"/s", 1},
    {"K/s", UINT64_C(1) << 10},
    {"M/s", UINT64_C(1) << 20},
    {"G/s", UINT64_C(1) << 30},
    {"T/s", UINT64_C(1) << 40},
    {NULL, 0},
};

static const struct unit time_units[] = {
    {"ns", 1},
    {"us", UINT64_C(1000)},
    {"ms", UINT64_C(1000000)},
    {"s", UINT64_C(1000000000)},
    {NULL, 0},
};

static bool is(const char *at, const char *end, const char *text)
{
    size_t n = (size_t)(end - at);

    return strlen(text) == n && memcmp(at, text, n) == 0;
}

/* Digits, moving at behind them. */
static bool take_number(const char **at, const char *end, uint64_t *out)
{
    const char *start = *at;
    uint64_t number = 0;

    while (*at < end && **at >= '0' && **at <= '9') {
        unsigned digit = (unsigned)(**at - '0');

        if (number > (UINT64_MAX - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
        (*at)++;
    }
    *out = number;
    return *at > start;
}

/* A number and one of the units; 0 needs none. */
static bool take_amount(const char *at, const char *end,
                        const struct unit *units, uint64_t max, uint64_t *out)
{
    uint64_t number;

    if (!take_number(&at, end, &number)) {
        return false;
    }
    if (number == 0 && at == end) {
        *out = 0;
        return true;
    }
    for (; units->name != NULL; units++) {
        if (is(at, end, units->name)) {
            if (number > max / units->factor) {
                return false;
            }
            *out = number * units->factor;
            return true;
        }
    }
    return false;
}

static bool read_size(struct value *value)
{
    value->why = "is a size from 8K to 1T";
    return take_amount(value->at, value->end, size_units, SIM_SIZE_MAX,
                       &value->settings->size) &&
           value->settings->size >= SIM_SIZE_MIN;
}

static bool read_initial(struct value *value)
{
    value->why = "is a size up to 1T";
    return take_amount(value->at, value->end, size_units, SIM_SIZE_MAX,
                       &value->settings->initial);
}

static bool read_switch(struct value *value, bool *out)
{
    value->why = "is on or off";
    *out = is(value->at, value->end, "on");
    return *out || is(value->at, value->end, "off");
}

static bool read_precopy(struct value *value)
{
    return read_switch(value, &value->settings->precopy);
}

static bool read_p2p(struct value *value)
{
    return read_switch(value, &value->settings->p2p);
}

static bool read_rate(struct value *value, uint64_t *out)
{
    value->why = "is a rate as 50M/s, up to 1T/s, or 0";
    return take_amount(value->at, value->end, rate_units, SIM_RATE_MAX, out);
}

static bool read_dirty_rate(struct value *value)
{
    return read_rate(value, &value->settings->dirty_rate);
}

static bool read_read_bw(struct value *value)
{
    return read_rate(value, &value->settings->read_bw);
}

static bool read_write_bw(struct value *value)
{
    return read_rate(value, &value->settings->write_bw);
}

static bool read_time(struct value *value, uint64_t *out)
{
    value->why = "is a time in ns, us, ms or s, up to 3600s, or 0";
    return take_amount(value->at, value->end, time_units, SIM_TIME_MAX, out);
}

static bool read_load_setup(struct value *value)
{
    return read_time(value, &value->settings->load_setup);
}

static bool read_stop_setup(struct value *value)
{
    return read_time(value, &value->settings->stop_setup);
}

static bool read_reset_after(struct value *value)
{
    struct sim_settings *settings = value->settings;
    uint64_t amount;

    if (take_amount(value->at, value->end, size_units, SIM_SIZE_MAX, &amount)) {
        settings->reset_bytes = amount;
    } else if (take_amount(value->at, value->end, time_units, SIM_TIME_MAX,
                           &amount)) {
        settings->reset_time = amount;
    } else {
        amount = 0;
    }
    value->why = "is an amount of data, or a time with its unit, above 0";
    return amount > 0;
}

static bool read_seed(struct value *value)
{
    value->why = "is a number below 2^64";
    return take_number(&value->at, value->end, &value->settings->seed) &&
           value->at == value->end;
}

static bool read_quirk(struct value *value)
{
    value->why = "is mtty, mlx5, virtio, hisi, qat or pds";
    value->settings->quirk =
        migp_sim_quirk_find(value->at, (size_t)(value->end - value->at));
    return value->settings->quirk != NULL;
}

static bool read_break(struct value *value)
{
    size_t i;

    value->why = "names no rule that can be broken";
    for (i = 0; i < SIM_BREAK_COUNT; i++) {
        if (is(value->at, value->end, migp_sim_break_id(i))) {
            value->settings->breaks |= UINT64_C(1) << i;
            return true;
        }
    }
    return false;
}

static bool read_clock(struct value *value)
{
    value->why = "is virtual or real";
    value->settings->real_clock = is(value->at, value->end, "real");
    return value->settings->real_clock || is(value->at, value->end, "virtual");
}

static const char *const operations[SIM_OP_COUNT] = {
    [SIM_OP_SET] = "SET",     [SIM_OP_GET] = "GET",
    [SIM_OP_READ] = "READ",   [SIM_OP_WRITE] = "WRITE",
    [SIM_OP_INFO] = "INFO",   [SIM_OP_SIZE] = "SIZE",
    [SIM_OP_RESET] = "RESET", [SIM_OP_START] = "START",
    [SIM_OP_STOP] = "STOP",   [SIM_OP_REPORT] = "REPORT",
};

/* A word up to one of the marks, or to the end. */
static const char *word_end(const char *at, const char *end, const char *marks)
{
    while (at < end && strchr(marks, *at) == NULL) {
        at++;
    }
    return at;
}

static bool find_word(const char *at, const char *end,
                      const char *(*name)(uint32_t), uint32_t count,
                      uint32_t *out)
{
    for (*out = 0; *out < count; (*out)++) {
        if (is(at, end, name(*out))) {
            return true;
        }
    }
    return false;
}

static const char *operation_name(uint32_t operation)
{
    return operations[operation];
}

/* "@N" or "@N+", to the value's end. */
static bool read_when(const char *at, const char *end,
                      struct sim_fault_rule *rule)
{
    rule->first = 1;
    if (at == end) {
        return true;
    }
    at++;
    if (!take_number(&at, end, &rule->first)) {
        return false;
    }
    if (at < end && *at == '+') {
        rule->onwards = true;
        at++;
    }
    return at == end && rule->first >= 1 && rule->first <= SIM_COUNT_MAX;
}

/* OP[:STATE]:ERRNO[@N] */
static bool read_fail(struct value *value)
{
    struct sim_settings *settings = value->settings;
    struct sim_fault_rule *rule = &settings->faults[settings->n_faults];
    const char *end = value->end;
    const char *at = value->at;
    const char *stop = word_end(at, end, ":");

    value->why = "is given more than eight times";
    if (settings->n_faults == SIM_MAX_FAULTS) {
        return false;
    }
    value->why = "is OP[:STATE]:ERRNO[@N], as SET:STOP_COPY:EIO@2";
    rule->state = SIM_ANY_STATE;
    if (!find_word(at, stop, operation_name, SIM_OP_COUNT, &rule->operation) ||
        stop == end) {
        return false;
    }
    at = stop + 1;
    stop = word_end(at, end, ":@");
    if (stop < end && *stop == ':') {
        value->why = "names a state that a device can be set to, with SET only";
        if (rule->operation != SIM_OP_SET ||
            !find_word(at, stop, migp_state_name, MIGP_STATE_COUNT,
                       &rule->state) ||
            rule->state == MIGP_STATE_ERROR) {
            return false;
        }
        at = stop + 1;
        stop = word_end(at, end, "@");
    }
    value->why = "names an errno as EIO";
    rule->number = migp_errno_number(at, (size_t)(stop - at));
    if (rule->number == 0) {
        return false;
    }
    value->why = "counts from @1 to @1000000000";
    settings->n_faults++;
    return read_when(stop, end, rule);
}

struct option {
    const char *name;
    bool (*read)(struct value *value);
    bool repeats;
};

static const struct option option_list[] = {
    {"size", read_size, false},
    {"initial", read_initial, false},
    {"precopy", read_precopy, false},
    {"p2p", read_p2p, false},
    {"dirty-rate", read_dirty_rate, false},
    {"read-bw", read_read_bw, false},
    {"write-bw", read_write_bw, false},
    {"load-setup", read_load_setup, false},
    {"stop-setup", read_stop_setup, false},
    {"fail", read_fail, true},
    {"reset-after", read_reset_after, false},
    {"seed", read_seed, false},
    {"quirk", read_quirk, false},
    {"break", read_break, true},
    {"clock", read_clock, false},
};

#define OPTION_COUNT (sizeof(option_list) / sizeof(option_list[0]))

/* Where an option was given, by its index; NULL: not at all. */
struct given {
    const char *at[OPTION_COUNT];
};

static const char *where_given(const struct given *given, const char *name)
{
    size_t i;

    for (i = 0; i < OPTION_COUNT; i++) {
        if (strcmp(option_list[i].name, name) == 0) {
            return given->at[i];
        }
    }
    return NULL;
}

static int refuse(struct migp_error *error, size_t offset, const char *at,
                  const char *end, const char *why)
{
    int n = end - at > 60 ? 60 : (int)(end - at);

    (void)migp_error_say(error, MIGP_ERR_INVALID_ARGUMENT, 0, "%.*s%s %s", n,
                         at, n == 0 ? "an empty name" : "", why);
    if (error != NULL && error->struct_size >= sizeof(*error)) {
        error->offset = offset;
    }
    return MIGP_ERR_INVALID_ARGUMENT;
}

/* One option, [at, end) of the text. */
static int read_option(struct sim_settings *settings, struct given *given,
                       const char *text, const char *at, const char *end,
                       struct migp_error *error)
{
    const char *equals = word_end(at, end, "=");
    size_t offset = (size_t)(at - text);
    struct value value = {settings, equals, end, NULL};
    size_t i;

    for (i = 0; i < OPTION_COUNT; i++) {
        if (is(at, equals, option_list[i].name)) {
            break;
        }
    }
    if (i == OPTION_COUNT) {
        return refuse(error, offset, at, equals,
                      "is no option of a simulated device");
    }
    if (equals == end) {
        return refuse(error, offset, at, equals, "needs a value: NAME=VALUE");
    }
    if (given->at[i] != NULL && !option_list[i].repeats) {
        return refuse(error, offset, at, equals, "is given twice");
    }
    given->at[i] = at;
    value.at++;
    if (!option_list[i].read(&value)) {
        return refuse(error, (size_t)(equals + 1 - text), at, equals,
                      value.why);
    }
    return MIGP_OK;
}

static void set_defaults(struct sim_settings *settings)
{
    memset(settings, 0, sizeof(*settings));
    settings->size = UINT64_C(64) << 20;
    settings->seed = 1;
    settings->quirk = migp_sim_quirk_none();
}

/* What depends on several options at once. */
static int settle(struct sim_settings *settings, const struct given *given,
                  const char *text, struct migp_error *error)
{
    const struct sim_quirk *quirk = settings->quirk;
    const char *size = where_given(given, "size");
    const char *initial = where_given(given, "initial");
    const char *fixed = size != NULL ? size : initial;

    if (where_given(given, "precopy") == NULL) {
        settings->precopy = (quirk->migration & MIGP_MIGRATION_PRE_COPY) != 0;
    }
    if (where_given(given, "p2p") == NULL) {
        settings->p2p = (quirk->migration & MIGP_MIGRATION_P2P) != 0;
    }
    if (quirk->fixed_size != 0 && fixed != NULL) {
        return refuse(error, (size_t)(fixed - text), fixed,
                      word_end(fixed, fixed + strlen(fixed), "="),
                      "cannot be chosen for a driver whose state has a fixed "
                      "size");
    }
    if (quirk->fixed_size != 0) {
        settings->size = quirk->fixed_size;
        settings->initial = quirk->fixed_initial;
    } else if (initial != NULL &&
               settings->initial > settings->size - SIM_FINAL_MIN) {
        return refuse(error, (size_t)(initial - text), initial,
                      word_end(initial, initial + strlen(initial), "="),
                      "must leave 4240 bytes of size for STOP_COPY");
    }
    return MIGP_OK;
}

int migp_sim_settings_parse(struct sim_settings *settings, const char *text,
                            struct migp_error *error)
{
    struct given given = {{NULL}};
    const char *at = text != NULL ? text : "";
    const char *start = at;

    set_defaults(settings);
    while (*at != '\0') {
        const char *end = word_end(at, at + strlen(at), ",");
        int result = read_option(settings, &given, start, at, end, error);

        if (result != MIGP_OK) {
            return result;
        }
        at = *end == ',' ? end + 1 : end;
        if (*end == ',' && *at == '\0') {
            return refuse(error, (size_t)(end - start), end, at,
                          "ends the options with nothing behind it");
        }
    }
    return settle(settings, &given, start, error);
}
