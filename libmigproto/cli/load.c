/* SPDX-License-Identifier: MIT */
#include "command.h"
#include "device_arg.h"
#include "input.h"
#include "interrupt.h"
#include "load_check.h"
#include "message.h"
#include "option.h"
#include "printable.h"
#include "progress.h"

#include <migproto/record.h>
#include <migproto/stream.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_EVENTS 64

struct settings {
    bool stop;
    bool reset_ok;
    bool quiet;
};

static const struct migp_option options[] = {
    {"stop", 0, MIGP_OPTION_FLAG, offsetof(struct settings, stop), NULL, NULL,
     "leave the device in STOP: do not let it run"},
    MIGP_RESET_OK_OPTION(struct settings),
    {"quiet", 'q', MIGP_OPTION_FLAG, offsetof(struct settings, quiet), NULL,
     NULL, "do not say what was loaded"},
    {NULL, 0, MIGP_OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const struct migp_usage usage = {
    "load",
    "FILE SPEC",
    "Load the state of a device from a bare stream, and let the device run. "
    "What\n"
    "is wrong with the stream is found before the device would take it. FILE - "
    "is\n"
    "standard input.",
    options,
    2,
    0,
    "0 loaded, 1 the stream has errors, or the device refused it,\n"
    "2 unreadable, the device cannot be opened, or failed, or usage."};

/* One load on its way. */
struct loading {
    const struct settings *settings;
    struct migp_input input;
    struct migp_device_arg arg;
    struct migp_decoder *decoder;
    struct migp_driver_reader *reader;
    struct migp_progress progress;
    size_t n_told;  /* findings of the reader */
    bool told;      /* what is wrong with a file was said before */
    bool resuming;  /* the device takes state */
    uint64_t bytes; /* of state */
    int status;     /* of a failure */
};

/* What the library noticed; errors end the loading. */
static int tell(struct loading *loading, const struct migp_finding *finding)
{
    static const char warning[] = "warning: ";
    bool bad = finding->severity == MIGP_SEVERITY_ERROR;
    char text[sizeof(warning) + MIGP_TEXT_MAX];
    size_t start = bad ? 0 : sizeof(warning) - 1;

    memcpy(text, warning, sizeof(warning));
    migp_finding_text(finding, text + start, MIGP_TEXT_MAX);
    if (bad || (finding->severity == MIGP_SEVERITY_WARNING && !loading->told)) {
        migp_message_print_at(loading->input.name, finding->offset, text,
                              migp_finding_id(finding->code));
    }
    if (bad) {
        loading->status = MIGP_EXIT_FINDINGS;
    }
    return bad ? -1 : 0;
}

static int tell_driver_findings(struct loading *loading)
{
    struct migp_finding finding;
    int result = 0;

    for (; loading->n_told < migp_driver_reader_finding_count(loading->reader);
         loading->n_told++) {
        if (migp_driver_reader_finding(loading->reader, loading->n_told,
                                       &finding) == MIGP_OK &&
            tell(loading, &finding) != 0) {
            result = -1;
        }
    }
    return result;
}

/* The device's own state is lost from here on: as late as possible. */
static int enter_resuming(struct loading *loading)
{
    if (!loading->resuming &&
        migp_device_arg_go(&loading->arg, MIGP_STATE_RESUMING) != 0) {
        return -1;
    }
    loading->resuming = true;
    return 0;
}

/* Whose state it is, and whose device, as far as that is known. */
static void say_who(const struct loading *loading, char *text, size_t size)
{
    const struct migp_device_caps *caps = &loading->arg.caps;
    int driver = migp_driver_reader_driver(loading->reader);
    char *name = migp_printable_make(caps->driver);
    char pci[sizeof("PCI vvvv:dddd")] = "";
    bool both = name[0] != '\0' && caps->vendor != 0;

    if (caps->vendor != 0) {
        (void)snprintf(pci, sizeof(pci), "PCI %04x:%04x", caps->vendor,
                       caps->product);
    }
    (void)snprintf(text, size, "%s%s%s%s%s%s%s",
                   driver != MIGP_DRIVER_OPAQUE ? "; the state is " : "",
                   driver != MIGP_DRIVER_OPAQUE ? migp_driver_id(driver) : "",
                   driver != MIGP_DRIVER_OPAQUE ? "'s" : "",
                   name[0] != '\0'     ? "; the device's driver is "
                   : caps->vendor != 0 ? "; the device is "
                                       : "",
                   name, both ? ", " : "", pci);
    free(name);
}

/* The device does not want what it was given, or failed. */
static int refuse_at(struct loading *loading, const char *where, uint64_t taken,
                     const struct migp_error *error)
{
    char who[MIGP_TEXT_MAX];

    if (error->code != MIGP_ERR_REFUSED) {
        if (error->code != MIGP_ERR_CANCELLED) {
            migp_device_arg_complain(&loading->arg, error);
        }
        return -1;
    }
    loading->status = MIGP_EXIT_FINDINGS;
    say_who(loading, who, sizeof(who));
    migp_message_print(loading->input.name,
                       "refused %s (%" PRIu64 " bytes taken): %s%s", where,
                       taken, error->text, who);
    return -1;
}

static int load_data(struct loading *loading, const struct migp_event *event)
{
    struct migp_error error = MIGP_ERROR_INIT;
    char where[64];
    migp_ssize done;

    migp_driver_reader_feed(loading->reader, event->bytes, (size_t)event->size,
                            event->offset);
    if (tell_driver_findings(loading) != 0 || enter_resuming(loading) != 0) {
        return -1;
    }
    done = migp_device_write(loading->arg.device, event->bytes,
                             (size_t)event->size, &error);
    if (done < 0) {
        (void)snprintf(where, sizeof(where), "at byte %" PRIu64 " of its state",
                       loading->bytes);
        return refuse_at(loading, where, loading->bytes + error.value, &error);
    }
    loading->bytes += (uint64_t)done;
    return (uint64_t)done == event->size ? 0 : -1;
}

static int load_config(struct loading *loading, const struct migp_event *event)
{
    struct migp_error error = MIGP_ERROR_INIT;

    if (event->size == 0) {
        return 0;
    }
    if ((loading->arg.caps.features & MIGP_HAS_CONFIG) == 0) {
        migp_message_print(loading->input.name,
                           "warning: the %" PRIu64 " config bytes at offset "
                           "%" PRIu64 " are not loaded: PCI config space is "
                           "the VMM's, and this device takes none",
                           event->size, event->offset);
        return 0;
    }
    if (enter_resuming(loading) != 0) {
        return -1;
    }
    return migp_device_load_config(loading->arg.device, event->bytes,
                                   (size_t)event->size, &error) == MIGP_OK
               ? 0
               : refuse_at(loading, "at its config bytes", loading->bytes,
                           &error);
}

static int load_event(struct loading *loading, const struct migp_event *event)
{
    struct migp_finding finding;

    switch (event->kind) {
    case MIGP_EVENT_DATA:
        return load_data(loading, event);
    case MIGP_EVENT_CONFIG:
        return load_config(loading, event);
    case MIGP_EVENT_FINDING:
        finding.code = event->finding;
        finding.severity = (uint32_t)migp_finding_severity(event->finding);
        finding.offset = event->offset;
        finding.value = event->size;
        finding.expected = event->expected;
        return tell(loading, &finding);
    default:
        return 0;
    }
}

static int complain_of_stream(struct loading *loading,
                              const struct migp_error *error)
{
    loading->status = MIGP_EXIT_FINDINGS;
    migp_message_print_at(loading->input.name, error->offset, error->text,
                          error->finding != 0 ? migp_finding_id(error->finding)
                                              : migp_error_id(error->code));
    return -1;
}

/* Decode what is in the window; 1 if there is more to come, 0 at the end. */
static int decode_window(struct loading *loading)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_event events[MAX_EVENTS];
    struct migp_input *input = &loading->input;
    size_t need = migp_decoder_need(loading->decoder);
    migp_ssize used;
    size_t n_events;
    size_t i;

    if (migp_input_fill(input, need > 0 ? need : 1) != 0) {
        return -1;
    }
    used = migp_decoder_feed(
        loading->decoder, migp_input_bytes(input), migp_input_size(input),
        input->at_end ? MIGP_FEED_LAST : 0, events, MAX_EVENTS, &n_events);
    for (i = 0; i < n_events; i++) {
        if (load_event(loading, &events[i]) != 0 || migp_interrupt_came()) {
            return -1;
        }
    }
    if (used < 0) {
        (void)migp_decoder_error(loading->decoder, &error);
        return complain_of_stream(loading, &error);
    }
    migp_input_consume(input, (size_t)used);
    migp_progress_update(&loading->progress, input->taken);
    if (input->at_end) {
        return used > 0 || n_events == MAX_EVENTS;
    }
    /* What it cannot use alone it must not be given alone again. */
    if (used == 0 && n_events == 0) {
        return migp_input_fill(input, migp_input_size(input) + 1) == 0 ? 1 : -1;
    }
    return 1;
}

/* RESUMING to STOP is the driver's judgement, and some drivers take a state
 * that is cut short: what we know comes before it. */
static int check_whole(struct loading *loading)
{
    struct migp_error error = MIGP_ERROR_INIT;

    if (migp_decoder_finish(loading->decoder, &error) != MIGP_OK) {
        return complain_of_stream(loading, &error);
    }
    if (loading->arg.caps.vendor != 0) {
        (void)migp_driver_reader_set_vendor(loading->reader,
                                            loading->arg.caps.vendor);
    }
    (void)migp_driver_reader_finish(loading->reader,
                                    migp_decoder_offset(loading->decoder));
    return tell_driver_findings(loading);
}

static int let_run(struct loading *loading)
{
    struct migp_device_arg *arg = &loading->arg;
    struct migp_error error = MIGP_ERROR_INIT;

    /* A device without any state is loaded by this alone. */
    if (enter_resuming(loading) != 0) {
        return -1;
    }
    /* Once it is there it has another state: there is no way back. */
    arg->start = MIGP_STATE_STOP;
    if (migp_device_set_state(arg->device, MIGP_STATE_STOP, &error) !=
        MIGP_OK) {
        return refuse_at(loading, "at the end of its state", loading->bytes,
                         &error);
    }
    return loading->settings->stop
               ? 0
               : migp_device_arg_go(arg, MIGP_STATE_RUNNING);
}

static int load_stream(struct loading *loading)
{
    int more;

    do {
        more = decode_window(loading);
    } while (more > 0);
    migp_progress_clear(&loading->progress);
    if (more < 0 || check_whole(loading) != 0 || migp_interrupt_came() ||
        let_run(loading) != 0) {
        migp_device_arg_bring_back(&loading->arg);
        return loading->status;
    }
    if (!loading->settings->quiet) {
        printf("%s: %" PRIu64 " bytes of state loaded; the device is in state "
               "%s\n",
               loading->arg.spec, loading->bytes,
               migp_state_name(migp_device_state(loading->arg.device)));
    }
    return MIGP_EXIT_GOOD;
}

/* Is it the name of a device, where a file's should be? */
static bool is_spec(const char *file)
{
    static const char *const starts[] = {"sim:", "vfio:", "vfio-user:"};
    bool found = strcmp(file, "sim") == 0;
    size_t i;

    for (i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        found |= strncmp(file, starts[i], strlen(starts[i])) == 0;
    }
    return found && access(file, F_OK) != 0;
}

static int load(struct loading *loading, char *file, const char *spec)
{
    struct migp_error error = MIGP_ERROR_INIT;
    int status;

    if (is_spec(file)) {
        migp_message_print(file, "this names a device, and there is no such "
                                 "file: FILE comes first, then SPEC");
        return MIGP_EXIT_FAILED;
    }
    if (migp_input_open(&loading->input, file) != 0) {
        return MIGP_EXIT_FAILED;
    }
    loading->told = loading->input.seekable && strcmp(file, "-") != 0;
    status = migp_load_check(&loading->input, file);
    if (status != MIGP_EXIT_GOOD) {
        return status;
    }
    if (migp_decoder_new(&loading->decoder, NULL, &error) != MIGP_OK ||
        migp_driver_reader_new(&loading->reader) != MIGP_OK) {
        migp_message_print(NULL, "out of memory");
        return MIGP_EXIT_FAILED;
    }
    if (migp_device_arg_open(&loading->arg, spec,
                             loading->settings->reset_ok) != 0) {
        return MIGP_EXIT_FAILED;
    }
    loading->input.stop = migp_interrupt_flag();
    migp_progress_start(&loading->progress, loading->input.size);
    return load_stream(loading);
}

int migp_load_main(int argc, char **argv)
{
    struct settings settings;
    struct loading loading;
    int status;
    int operand;

    memset(&settings, 0, sizeof(settings));
    operand = migp_option_parse(&usage, &settings, argc, argv, &status);
    if (operand < 0) {
        return status;
    }
    memset(&loading, 0, sizeof(loading));
    loading.settings = &settings;
    loading.status = MIGP_EXIT_FAILED;
    loading.input.fd = -1;
    status = load(&loading, argv[operand], argv[operand + 1]);
    migp_driver_reader_free(loading.reader);
    migp_decoder_free(loading.decoder);
    migp_input_close(&loading.input);
    migp_device_arg_close(&loading.arg);
    migp_interrupt_end();
    return status;
}
