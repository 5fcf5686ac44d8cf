/* SPDX-License-Identifier: MIT */
#include "command.h"
#include "input.h"
#include "message.h"
#include "option.h"
#include "output.h"
#include "restream.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A block is held whole: from a pipe its size shows only at its end. */
#define MAX_BLOCK ((uint64_t)1 << 30)
/* What readers accept unless they are told otherwise. */
#define MAX_CONFIG ((size_t)MIGP_DEFAULT_MAX_CONFIG)

struct settings {
    const char *state;
    const char *config;
    const char *output;
    uint64_t block_size;
    uint64_t precopy_length;
    uint32_t dialect;
    bool init_data_sent;
};

static const struct migp_choice dialect_choices[] = {
    {"v2", MIGP_DIALECT_V2},
    {"v1", MIGP_DIALECT_V1},
    {"qemu-5.2", MIGP_DIALECT_QEMU_5_2},
    {NULL, 0},
};

static const struct migp_option options[] = {
    {"state", 's', MIGP_OPTION_TEXT, offsetof(struct settings, state), "FILE",
     NULL, "the device's state; - is standard input"},
    {"config", 'c', MIGP_OPTION_TEXT, offsetof(struct settings, config), "FILE",
     NULL, "the config bytes (default none: an empty CONFIG)"},
    {"output", 'o', MIGP_OPTION_TEXT, offsetof(struct settings, output), "FILE",
     NULL, "where to write (default standard output)"},
    {"block-size", 'b', MIGP_OPTION_SIZE, offsetof(struct settings, block_size),
     "BYTES", NULL, "most bytes in one DATA record (default 1M)"},
    {"dialect", 0, MIGP_OPTION_CHOICE, offsetof(struct settings, dialect),
     "v2|v1|qemu-5.2", dialect_choices,
     "which QEMU to write like (default v2)"},
    {"precopy-length", 0, MIGP_OPTION_SIZE,
     offsetof(struct settings, precopy_length), "BYTES", NULL,
     "bytes sent while the device runs (default 0)"},
    {"init-data-sent", 0, MIGP_OPTION_FLAG,
     offsetof(struct settings, init_data_sent), NULL, NULL,
     "end the last pre-copy section with INIT_DATA_SENT"},
    {NULL, 0, MIGP_OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const struct migp_usage usage = {
    "encode",
    "--state FILE",
    "Make a bare device-state stream of a device's state and config bytes.",
    options,
    0,
    0,
    "0 written, 2 input unreadable, output not written, or usage."};

/* One stream on its way. */
struct encoding {
    const struct settings *settings;
    struct migp_input state;
    struct migp_input config;
    struct migp_output output;
    struct migp_restream restream;
};

static int put(struct encoding *encoding, int kind, const void *payload,
               uint64_t size)
{
    int result = migp_restream_write(&encoding->restream, kind, payload, size);

    if (result == MIGP_ERR_STATE) {
        migp_message_print(NULL, "the dialect does not allow %s here",
                           migp_record_id(kind));
    }
    return result == 0 ? 0 : -1;
}

/* One DATA record of at most size bytes of the state; gives how many in
 * *done, 0 at the state's end. */
static int put_block(struct encoding *encoding, uint64_t size, uint64_t *done)
{
    struct migp_input *state = &encoding->state;
    size_t held;

    if (size > encoding->settings->block_size) {
        size = encoding->settings->block_size;
    }
    if (migp_input_fill(state, (size_t)size) != 0) {
        return -1;
    }
    held = migp_input_size(state);
    *done = held < size ? held : size;
    if (*done > 0 && put(encoding, MIGP_EVENT_DATA_BEGIN,
                         migp_input_bytes(state), *done) != 0) {
        return -1;
    }
    migp_input_consume(state, (size_t)*done);
    return 0;
}

static int put_precopy(struct encoding *encoding)
{
    const struct settings *settings = encoding->settings;
    uint64_t left = settings->precopy_length;
    uint64_t done;

    while (left > 0) {
        if (put_block(encoding, left, &done) != 0) {
            return -1;
        }
        if (done == 0) {
            migp_message_print(encoding->state.name,
                               "the state is shorter than --precopy-length");
            return -1;
        }
        left -= done;
        if ((left > 0 || !settings->init_data_sent) &&
            put(encoding, MIGP_EVENT_END, NULL, 0) != 0) {
            return -1;
        }
    }
    if (settings->init_data_sent) {
        return put(encoding, MIGP_EVENT_INIT_DATA_SENT, NULL, 0);
    }
    return 0;
}

/* CONFIG has no length on the wire: would a reader find its end where it is?
 * The bytes are the guest's in part, so they may hold what looks like it. */
static int check_config(const struct migp_input *config)
{
    static const uint8_t end[8] = {0xff, 0xff, 0xff, 0xff,
                                   0xef, 0x10, 0x00, 0x01};
    size_t size = migp_input_size(config);
    uint8_t *bytes = migp_memory_resize(NULL, size + sizeof(end), 1);
    migp_ssize found;

    if (size > 0) {
        memcpy(bytes, migp_input_bytes(config), size);
    }
    memcpy(bytes + size, end, sizeof(end));
    found = migp_config_measure(bytes, size + sizeof(end), MAX_CONFIG, NULL,
                                MIGP_FEED_LAST, NULL);
    free(bytes);
    if (found == (migp_ssize)size) {
        return 0;
    }
    if (found >= 0) {
        migp_message_print(config->name,
                           "a reader would take byte %lld of %zu for the end "
                           "of these config bytes",
                           (long long)found, size);
    } else {
        migp_message_print(config->name,
                           "a reader would not find the end of these config "
                           "bytes");
    }
    return -1;
}

static int put_config(struct encoding *encoding)
{
    struct migp_input *config = &encoding->config;

    if (encoding->settings->config == NULL) {
        return put(encoding, MIGP_EVENT_CONFIG, "", 0) != 0
                   ? -1
                   : put(encoding, MIGP_EVENT_END, NULL, 0);
    }
    if (migp_input_fill(config, MAX_CONFIG + 1) != 0) {
        return -1;
    }
    if (migp_input_size(config) > MAX_CONFIG) {
        migp_message_print(config->name, "more than %zu config bytes",
                           MAX_CONFIG);
        return -1;
    }
    if (check_config(config) != 0) {
        return -1;
    }
    if (put(encoding, MIGP_EVENT_CONFIG, migp_input_bytes(config),
            migp_input_size(config)) != 0) {
        return -1;
    }
    return put(encoding, MIGP_EVENT_END, NULL, 0);
}

static int put_stopcopy(struct encoding *encoding)
{
    uint64_t done;

    do {
        if (put_block(encoding, UINT64_MAX, &done) != 0) {
            return -1;
        }
    } while (done > 0);
    return put(encoding, MIGP_EVENT_END, NULL, 0);
}

/* The device's sections one after the other. */
static int put_stream(struct encoding *encoding)
{
    /* QEMU 5.2 wrote CONFIG at the start of its END section. */
    bool config_first = encoding->settings->dialect == MIGP_DIALECT_QEMU_5_2;

    if (put(encoding, MIGP_EVENT_SETUP, NULL, 0) != 0 ||
        put(encoding, MIGP_EVENT_END, NULL, 0) != 0 ||
        put_precopy(encoding) != 0 ||
        (config_first && put_config(encoding) != 0) ||
        put_stopcopy(encoding) != 0 ||
        (!config_first && put_config(encoding) != 0)) {
        return -1;
    }
    return migp_output_commit(&encoding->output);
}

static int open_all(struct encoding *encoding)
{
    const struct settings *settings = encoding->settings;

    if (migp_input_open(&encoding->state, settings->state) != 0 ||
        (settings->config != NULL &&
         migp_input_open(&encoding->config, settings->config) != 0) ||
        migp_output_open(&encoding->output, settings->output) != 0) {
        return -1;
    }
    return migp_restream_open(&encoding->restream, settings->dialect,
                              &encoding->output);
}

static int run(const struct settings *settings)
{
    struct encoding encoding;
    int status = MIGP_EXIT_FAILED;

    memset(&encoding, 0, sizeof(encoding));
    encoding.settings = settings;
    encoding.state.fd = encoding.config.fd = encoding.output.fd = -1;
    if (open_all(&encoding) == 0 && put_stream(&encoding) == 0) {
        status = MIGP_EXIT_GOOD;
    }
    migp_restream_close(&encoding.restream);
    migp_output_close(&encoding.output);
    migp_input_close(&encoding.config);
    migp_input_close(&encoding.state);
    return status;
}

static const char *find_fault(const struct settings *settings)
{
    if (settings->state == NULL) {
        return "--state is missing";
    }
    if (settings->config != NULL && strcmp(settings->state, "-") == 0 &&
        strcmp(settings->config, "-") == 0) {
        return "state and config cannot both be standard input";
    }
    if (settings->block_size == 0 || settings->block_size > MAX_BLOCK) {
        return "--block-size must be from 1 byte to 1G";
    }
    if (settings->init_data_sent && settings->dialect != MIGP_DIALECT_V2) {
        return "--init-data-sent exists only in dialect v2";
    }
    return NULL;
}

int migp_encode_main(int argc, char **argv)
{
    struct settings settings;
    const char *fault;
    int status;

    memset(&settings, 0, sizeof(settings));
    settings.block_size = (uint64_t)1 << 20;
    settings.dialect = MIGP_DIALECT_V2;
    if (migp_option_parse(&usage, &settings, argc, argv, &status) < 0) {
        return status;
    }
    fault = find_fault(&settings);
    if (fault != NULL) {
        return migp_option_complain(&usage, fault);
    }
    return run(&settings);
}
