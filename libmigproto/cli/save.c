/* SPDX-License-Identifier: MIT */
#include "command.h"
#include "device_arg.h"
#include "interrupt.h"
#include "message.h"
#include "option.h"
#include "output.h"
#include "progress.h"
#include "restream.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* One read of the device, and so one DATA record at most. */
#define BLOCK_SIZE ((size_t)1 << 20)
/* Of pre-copy data, unless --precopy-limit says otherwise: twice what the
 * device thinks that it has, and between these. */
#define LEAST_LIMIT ((uint64_t)64 << 20)
#define MOST_LIMIT ((uint64_t)64 << 30)
/* A device that promised more initial data is asked again this often. */
#define WAIT_NS 10000000L
#define MAX_WAITS 1000

struct settings {
    const char *output;
    uint64_t precopy_limit;
    bool precopy;
    bool no_precopy;
    bool leave_stopped;
    bool reset_ok;
    bool quiet;
};

#define NO_LIMIT UINT64_MAX

static const struct migp_option options[] = {
    {"output", 'o', MIGP_OPTION_TEXT, offsetof(struct settings, output), "FILE",
     NULL, "where to write (default standard output)"},
    {"precopy", 0, MIGP_OPTION_FLAG, offsetof(struct settings, precopy), NULL,
     NULL, "fail if the device has no pre-copy"},
    {"no-precopy", 0, MIGP_OPTION_FLAG, offsetof(struct settings, no_precopy),
     NULL, NULL, "do not use pre-copy"},
    {"precopy-limit", 0, MIGP_OPTION_SIZE,
     offsetof(struct settings, precopy_limit), "BYTES", NULL,
     "stop the device after so much pre-copy data"},
    {"leave-stopped", 0, MIGP_OPTION_FLAG,
     offsetof(struct settings, leave_stopped), NULL, NULL,
     "leave the device in STOP"},
    MIGP_RESET_OK_OPTION(struct settings),
    {"quiet", 'q', MIGP_OPTION_FLAG, offsetof(struct settings, quiet), NULL,
     NULL, "do not say what was saved"},
    {NULL, 0, MIGP_OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const struct migp_usage usage = {
    "save",
    "SPEC",
    "Save the state of a device as a bare stream: while the device runs, if "
    "it\n"
    "has pre-copy, then what is left, while it is stopped. Afterwards the "
    "device\n"
    "goes back to the state that it had.",
    options,
    1,
    0,
    "0 saved, 2 the device cannot be opened, or failed, the output\n"
    "was not written, or usage."};

/* One save on its way. */
struct saving {
    const struct settings *settings;
    struct migp_device_arg arg;
    struct migp_output output;
    struct migp_restream restream;
    struct migp_progress progress;
    unsigned char *block;
    uint64_t precopy_bytes;
    uint64_t stopcopy_bytes;
    uint64_t stopped_at; /* milliseconds of a clock */
};

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int put(struct saving *saving, int kind, const void *payload,
               uint64_t size)
{
    return migp_restream_write(&saving->restream, kind, payload, size) == 0
               ? 0
               : -1;
}

/* Read a block and write it as a DATA record. Returns its bytes, 0 at the end,
 * MIGP_ERR_PRECOPY_EMPTY, or another negative number after saying why. */
static migp_ssize move_block(struct saving *saving)
{
    struct migp_error error = MIGP_ERROR_INIT;
    migp_ssize got =
        migp_device_read(saving->arg.device, saving->block, BLOCK_SIZE, &error);

    if (got > 0) {
        if (put(saving, MIGP_EVENT_DATA_BEGIN, saving->block, (uint64_t)got) !=
            0) {
            return MIGP_ERR_SYSTEM;
        }
        migp_progress_update(&saving->progress, saving->precopy_bytes +
                                                    saving->stopcopy_bytes +
                                                    (uint64_t)got);
    } else if (got < 0 && got != MIGP_ERR_PRECOPY_EMPTY &&
               got != MIGP_ERR_CANCELLED) {
        migp_device_arg_complain(&saving->arg, &error);
    }
    return migp_interrupt_came() ? MIGP_ERR_CANCELLED : got;
}

/* The device has no pre-copy data at this time: 1 if that will do, 0 if more
 * is to come before it makes sense to stop it. */
static int precopy_is_enough(struct saving *saving)
{
    struct migp_precopy_info info = {.struct_size = sizeof(info)};
    struct migp_error error = MIGP_ERROR_INIT;
    int result = migp_device_precopy_info(saving->arg.device, &info, &error);

    if (result == MIGP_ERR_UNSUPPORTED) {
        return 1;
    }
    if (result != MIGP_OK) {
        if (result != MIGP_ERR_CANCELLED) {
            migp_device_arg_complain(&saving->arg, &error);
        }
        return -1;
    }
    return info.initial_bytes == 0 ? 1 : 0;
}

static uint64_t choose_limit(const struct saving *saving, uint64_t estimate)
{
    uint64_t limit = saving->settings->precopy_limit;

    if (limit == NO_LIMIT) {
        /* Far from overflowing: estimates end at MIGP_ESTIMATE_MAX. */
        limit = 2 * estimate;
        limit = limit < LEAST_LIMIT ? LEAST_LIMIT : limit;
        limit = limit > MOST_LIMIT ? MOST_LIMIT : limit;
    }
    return limit;
}

/* A section of its own for each record, as QEMU has it. */
static int save_precopy(struct saving *saving, uint64_t limit)
{
    static const struct timespec wait = {0, WAIT_NS};
    unsigned int waits = 0;
    migp_ssize got;
    int enough;

    while (saving->precopy_bytes < limit && waits < MAX_WAITS) {
        got = move_block(saving);
        if (got > 0) {
            saving->precopy_bytes += (uint64_t)got;
            if (put(saving, MIGP_EVENT_END, NULL, 0) != 0) {
                return -1;
            }
        } else if (got != MIGP_ERR_PRECOPY_EMPTY) {
            return -1;
        } else {
            enough = precopy_is_enough(saving);
            if (enough != 0) {
                return enough > 0 ? 0 : -1;
            }
            waits++;
            (void)nanosleep(&wait, NULL);
        }
    }
    return 0;
}

static int save_stopcopy(struct saving *saving)
{
    migp_ssize got;

    while ((got = move_block(saving)) > 0) {
        saving->stopcopy_bytes += (uint64_t)got;
    }
    return got == 0 ? put(saving, MIGP_EVENT_END, NULL, 0) : -1;
}

/* The record is there in any case, for readers to know that the state is
 * whole. PCI config space is the VMM's: devices of the kernel give no bytes. */
static int save_config(struct saving *saving)
{
    struct migp_error error = MIGP_ERROR_INIT;
    migp_ssize got = 0;

    if ((saving->arg.caps.features & MIGP_HAS_CONFIG) != 0) {
        got = migp_device_save_config(saving->arg.device, saving->block,
                                      MIGP_DEFAULT_MAX_CONFIG, &error);
    }
    if (got < 0) {
        migp_device_arg_complain(&saving->arg, &error);
        return -1;
    }
    return put(saving, MIGP_EVENT_CONFIG, saving->block, (uint64_t)got) == 0
               ? put(saving, MIGP_EVENT_END, NULL, 0)
               : -1;
}

static bool can_precopy(const struct migp_device_arg *arg)
{
    return arg->start == MIGP_STATE_RUNNING &&
           (arg->caps.migration & MIGP_MIGRATION_PRE_COPY) != 0;
}

/* The device's sections one after the other. */
static int save_all(struct saving *saving)
{
    struct migp_device_arg *arg = &saving->arg;
    uint64_t estimate = 0;

    /* Unknown is as good as nothing: it is for the eye. */
    (void)migp_device_stop_copy_size(arg->device, &estimate, NULL);
    migp_progress_start(&saving->progress, estimate);
    if (put(saving, MIGP_EVENT_SETUP, NULL, 0) != 0 ||
        put(saving, MIGP_EVENT_END, NULL, 0) != 0) {
        return -1;
    }
    if (!saving->settings->no_precopy && can_precopy(arg) &&
        (migp_device_arg_go(arg, MIGP_STATE_PRE_COPY) != 0 ||
         save_precopy(saving, choose_limit(saving, estimate)) != 0)) {
        return -1;
    }
    saving->stopped_at = now_ms();
    if (migp_device_arg_go(arg, MIGP_STATE_STOP_COPY) != 0 ||
        save_stopcopy(saving) != 0 || save_config(saving) != 0 ||
        migp_interrupt_came()) {
        return -1;
    }
    return migp_output_commit(&saving->output);
}

static void print_summary(const struct saving *saving, uint32_t end)
{
    printf("%s: %" PRIu64 " bytes of state, %" PRIu64 " by pre-copy; ",
           saving->output.name, saving->precopy_bytes + saving->stopcopy_bytes,
           saving->precopy_bytes);
    if (end == MIGP_STATE_RUNNING) {
        printf("the device was stopped for %" PRIu64 " ms\n",
               now_ms() - saving->stopped_at);
    } else {
        printf("the device is in state %s\n", migp_state_name(end));
    }
}

/* The stream is whole and in its place: nothing takes it away any more. */
static int release_device(struct saving *saving)
{
    struct migp_device_arg *arg = &saving->arg;
    const struct settings *settings = saving->settings;
    uint32_t end = settings->leave_stopped ? MIGP_STATE_STOP : arg->start;

    migp_interrupt_settle();
    if (migp_device_arg_go(arg, end) != 0) {
        migp_message_print(arg->spec,
                           "the state was saved, but the device did "
                           "not go back to %s",
                           migp_state_name(end));
        migp_device_arg_bring_back(arg);
        return -1;
    }
    if (!settings->quiet && saving->output.fd > STDERR_FILENO) {
        print_summary(saving, end);
    }
    return 0;
}

static int save(struct saving *saving, const char *spec)
{
    const struct settings *settings = saving->settings;
    int result;

    if (migp_output_open(&saving->output, settings->output) != 0 ||
        migp_device_arg_open(&saving->arg, spec, settings->reset_ok) != 0) {
        return -1;
    }
    saving->output.stop = migp_interrupt_flag();
    if (settings->precopy && !can_precopy(&saving->arg)) {
        migp_message_print(spec, "%s",
                           saving->arg.start == MIGP_STATE_RUNNING
                               ? "the device has no pre-copy"
                               : "the device is stopped: no pre-copy");
        return -1;
    }
    if (migp_restream_open(&saving->restream, MIGP_DIALECT_V2,
                           &saving->output) != 0) {
        return -1;
    }
    saving->block = migp_memory_resize(NULL, BLOCK_SIZE, 1);
    result = save_all(saving);
    migp_progress_clear(&saving->progress);
    if (result != 0) {
        migp_device_arg_bring_back(&saving->arg);
        return -1;
    }
    return release_device(saving);
}

int migp_save_main(int argc, char **argv)
{
    struct settings settings;
    struct saving saving;
    int status;
    int operand;

    memset(&settings, 0, sizeof(settings));
    settings.precopy_limit = NO_LIMIT;
    operand = migp_option_parse(&usage, &settings, argc, argv, &status);
    if (operand < 0) {
        return status;
    }
    if (settings.precopy && settings.no_precopy) {
        return migp_option_complain(
            &usage, "--precopy and --no-precopy exclude each other");
    }
    memset(&saving, 0, sizeof(saving));
    saving.settings = &settings;
    saving.output.fd = -1;
    status =
        save(&saving, argv[operand]) == 0 ? MIGP_EXIT_GOOD : MIGP_EXIT_FAILED;
    free(saving.block);
    migp_restream_close(&saving.restream);
    migp_output_close(&saving.output);
    migp_device_arg_close(&saving.arg);
    migp_interrupt_end();
    return status;
}
