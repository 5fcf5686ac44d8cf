/* SPDX-License-Identifier: MIT */
#include "channels.h"
#include "command.h"
#include "graft_check.h"
#include "graft_copy.h"
#include "graft_donor.h"
#include "graft_frame.h"
#include "graft_outputs.h"
#include "graft_plan.h"
#include "graft_pour.h"
#include "graft_site.h"
#include "graft_vmdesc.h"
#include "message.h"
#include "option.h"
#include "printable.h"
#include "scan.h"

#include <stdlib.h>
#include <string.h>

/*
 * The same stream with another state for one device. First everything is
 * read, and it is planned what to change; then all is copied, with the
 * changes; then the copies are read, and get their names.
 */

/* All records of the device must be known: 32 bytes each. */
#define MAX_RECORDS (UINT32_C(1) << 22)

struct settings {
    struct migp_reading reading;
    struct migp_list device;
    const char *config;
    struct migp_list output;
    bool force;
    bool quiet;
};

static const struct migp_option options[] = {
    {"device", 'd', MIGP_OPTION_LIST, offsetof(struct settings, device),
     "ID[#N]=STATE", NULL, "which device, its new state's file; or =STATE"},
    {"config", 'c', MIGP_OPTION_TEXT, offsetof(struct settings, config), "FILE",
     NULL, "its new config bytes (default: the old ones)"},
    {"output", 'o', MIGP_OPTION_LIST, offsetof(struct settings, output), "OUT",
     NULL, "where to write; one for each operand, in order"},
    {"force", 0, MIGP_OPTION_FLAG, offsetof(struct settings, force), NULL, NULL,
     "write although there are errors"},
    {"quiet", 'q', MIGP_OPTION_FLAG, offsetof(struct settings, quiet), NULL,
     NULL, "do not say what was replaced"},
    {"max-records", 0, MIGP_OPTION_COUNT,
     offsetof(struct settings, reading.max_records), "N", NULL,
     "most records of the device (default 4194304)"},
    MIGP_READING_OPTIONS(struct settings),
    {NULL, 0, MIGP_OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const struct migp_usage usage = {
    "graft",
    "--device ID[#N]=STATE -o OUT... FILE [CHANNEL]...",
    "Write a stream anew with another state, and perhaps other config bytes, "
    "for\n"
    "one of its devices: STATE is what extract writes, the config bytes are "
    "what\n"
    "extract --config writes. The CHANNELs are those of multifd, in any order.",
    options,
    1,
    MIGP_CHANNELS_OPERANDS_MAX,
    NULL};

/* One graft on its way. */
struct graft {
    const struct settings *settings;
    char **files;
    size_t n_files;
    char *wanted;      /* the device's name; NULL: the only one */
    const char *state; /* file */
    struct migp_input *inputs;
    struct migp_graft_donor donor;
    struct migp_scan scan;
    struct migp_graft_site site;
    struct migp_graft_plan plan;
    struct migp_output *outputs;
    int status; /* what to exit with */
};

/* Findings of severity error: they end the graft, unless it is forced. */
static int meet_errors(struct graft *graft, const char *subject,
                       const char *what)
{
    if (graft->settings->force) {
        return 0;
    }
    graft->status = MIGP_EXIT_FINDINGS;
    migp_message_print(subject, "%s; nothing written (--force does it)", what);
    return -1;
}

static int open_inputs(struct graft *graft)
{
    size_t i;

    for (i = 0; i < graft->n_files; i++) {
        struct migp_input *input = &graft->inputs[i];

        if (migp_input_open(input, graft->files[i]) != 0) {
            return -1;
        }
        migp_input_release(input);
        if (!input->seekable || strcmp(graft->files[i], "-") == 0) {
            migp_message_print(input->name,
                               "a stream to graft on must be a file: it is "
                               "read twice");
            return -1;
        }
    }
    return migp_graft_donor_open(&graft->donor, graft->state,
                                 graft->settings->config,
                                 graft->settings->reading.max_config);
}

static int read_stream(struct graft *graft)
{
    const struct migp_scan_hooks hooks = {NULL, NULL, NULL};

    if (migp_scan_run(&graft->scan, graft->files, graft->n_files,
                      &graft->settings->reading, &hooks) != 0) {
        return -1;
    }
    if (migp_graft_print_errors(&graft->scan, NULL) != 0 &&
        meet_errors(graft, graft->scan.name, "the stream has errors") != 0) {
        return -1;
    }
    return migp_graft_site_find(&graft->site, &graft->scan, graft->wanted);
}

static int check_donor(struct graft *graft)
{
    const struct migp_graft_donor *donor = &graft->donor;
    const struct migp_graft_site *site = &graft->site;
    int result;

    if (site->is_rigid && donor->state.size != site->state_size) {
        migp_message_print(
            donor->state.name,
            "%llu bytes of state where %llu are: in dialect %s the sizes of "
            "the records reach the driver, so they cannot change",
            (unsigned long long)donor->state.size,
            (unsigned long long)site->state_size,
            migp_dialect_id(site->shown.dialects));
        return -1;
    }
    if (migp_graft_donor_check_config(donor, site, &graft->scan,
                                      graft->settings->reading.max_config) !=
        0) {
        return -1;
    }
    migp_graft_donor_warn(donor, site);
    result = migp_graft_donor_check_state(&graft->donor, site);
    return result == 1 ? meet_errors(graft, donor->state.name,
                                     "the driver would refuse this state")
                       : result;
}

static int make_plan(struct graft *graft)
{
    const size_t main = graft->scan.channels.files[0].operand;
    const uint64_t config_size = graft->donor.config_size;
    struct migp_graft_plan *plan = &graft->plan;

    migp_graft_pour(plan, &graft->site, graft->donor.state.size);
    if (graft->donor.config_name != NULL) {
        migp_graft_pour_config(plan, &graft->site, config_size);
        if (migp_graft_vmdesc(plan, &graft->site, &graft->scan,
                              &graft->inputs[main], main, config_size) != 0) {
            return -1;
        }
    }
    if (migp_graft_frame(plan, &graft->scan, &graft->inputs[main], main,
                         &graft->settings->reading) != 0) {
        return -1;
    }
    migp_graft_plan_sort(plan);
    return 0;
}

static int write_result(struct graft *graft)
{
    int result;

    if (migp_graft_copy(&graft->plan, &graft->donor, graft->inputs,
                        graft->outputs, graft->n_files) != 0) {
        return -1;
    }
    result = migp_graft_check_result(
        graft->outputs, graft->n_files, &graft->settings->reading,
        graft->wanted, &graft->site, &graft->donor, &graft->scan.summary);
    if (result < 0 ||
        (result > 0 && meet_errors(graft, graft->outputs[0].name,
                                   "the result would have errors") != 0) ||
        migp_output_commit_all(graft->outputs, graft->n_files) != 0) {
        return -1;
    }
    /* A stream that was mended is good, whatever it was before. */
    graft->status = result > 0 ? MIGP_EXIT_FINDINGS : MIGP_EXIT_GOOD;
    return 0;
}

static void print_result(const struct graft *graft)
{
    const struct migp_graft_donor *donor = &graft->donor;
    const struct migp_graft_site *site = &graft->site;
    char *id = migp_printable_make(site->shown.id);
    uint64_t config_size =
        donor->config_name != NULL ? donor->config_size : site->config_size;

    migp_message_print(
        *id != '\0' ? id : graft->scan.name,
        "%llu bytes of state instead of %llu, %llu config bytes instead of "
        "%llu",
        (unsigned long long)donor->state.size,
        (unsigned long long)site->state_size, (unsigned long long)config_size,
        (unsigned long long)site->config_size);
    free(id);
}

static int run(struct graft *graft)
{
    if (open_inputs(graft) != 0 || read_stream(graft) != 0 ||
        check_donor(graft) != 0 || make_plan(graft) != 0 ||
        migp_graft_outputs_open(graft->outputs, &graft->settings->output,
                                graft->files) != 0 ||
        write_result(graft) != 0) {
        return graft->status != MIGP_EXIT_GOOD ? graft->status
                                               : MIGP_EXIT_FAILED;
    }
    if (!graft->settings->quiet) {
        print_result(graft);
    }
    return graft->status;
}

static void set_up(struct graft *graft, const struct settings *settings,
                   char **files, size_t n_files)
{
    const char *device = settings->device.items[0];
    const char *mark = strchr(device, '=');
    size_t i;

    memset(graft, 0, sizeof(*graft));
    graft->settings = settings;
    graft->files = files;
    graft->n_files = n_files;
    graft->state = mark + 1;
    graft->status = MIGP_EXIT_GOOD;
    graft->donor.state.fd = -1;
    if (mark != device) {
        graft->wanted = migp_memory_copy_text(device);
        graft->wanted[mark - device] = '\0';
    }
    graft->inputs = migp_memory_resize(NULL, n_files, sizeof(*graft->inputs));
    graft->outputs = migp_memory_resize(NULL, n_files, sizeof(*graft->outputs));
    memset(graft->inputs, 0, n_files * sizeof(*graft->inputs));
    memset(graft->outputs, 0, n_files * sizeof(*graft->outputs));
    for (i = 0; i < n_files; i++) {
        graft->inputs[i].fd = -1;
        graft->outputs[i].fd = -1;
    }
}

static void tear_down(struct graft *graft)
{
    size_t i;

    for (i = 0; i < graft->n_files; i++) {
        migp_input_close(&graft->inputs[i]);
    }
    migp_graft_outputs_close(graft->outputs, graft->n_files);
    migp_graft_donor_free(&graft->donor);
    migp_graft_site_free(&graft->site);
    migp_graft_plan_free(&graft->plan);
    migp_scan_free(&graft->scan);
    free(graft->wanted);
    free(graft->inputs);
    free(graft->outputs);
}

int migp_graft_main(int argc, char **argv)
{
    struct settings settings;
    struct graft graft;
    int status;
    int operand;

    memset(&settings, 0, sizeof(settings));
    migp_reading_init(&settings.reading);
    settings.reading.max_records = MAX_RECORDS;
    operand = migp_option_parse(&usage, &settings, argc, argv, &status);
    if (operand < 0) {
        return status;
    }
    if (settings.device.n_items != 1) {
        return migp_option_complain(&usage,
                                    "--device ID=STATE is needed, just once");
    }
    if (strchr(settings.device.items[0], '=') == NULL) {
        return migp_option_complain(
            &usage, "--device needs the state's file too: ID=STATE");
    }
    if (settings.output.n_items != (size_t)(argc - operand)) {
        return migp_option_complain(
            &usage, "as many -o are needed as operands, in their "
                    "order");
    }
    set_up(&graft, &settings, argv + operand, (size_t)(argc - operand));
    status = run(&graft);
    tear_down(&graft);
    return status;
}
