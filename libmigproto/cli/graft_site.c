/* SPDX-License-Identifier: MIT */
#include "graft_site.h"

#include "message.h"
#include "pick.h"

#include <migproto/multifd.h>

#include <stdlib.h>
#include <string.h>

/* Of each tag. */
#define TAG_SIZE 8

static int find_device(struct migp_graft_site *site,
                       const struct migp_scan *scan, const char *wanted)
{
    struct migp_pick pick = {.wanted = wanted};
    int result;

    migp_pick_step(&pick, scan->report);
    result = migp_pick_check(&pick, scan->name, scan->report);
    site->device = pick.target;
    migp_pick_free(&pick);
    if (result == 0) {
        site->shown.struct_size = sizeof(site->shown);
        migp_report_device(scan->report, site->device, &site->shown);
    }
    return result;
}

static int check_device(const struct migp_graft_site *site,
                        const struct migp_scan *scan)
{
    const struct migp_report_device *shown = &site->shown;

    if (!shown->complete || !shown->has_config) {
        migp_message_print(
            scan->name, "the device's state is not whole in these files%s",
            shown->on_multifd ? ": name those of all channels" : "");
        return -1;
    }
    if (shown->n_records_omitted > 0) {
        migp_message_print(scan->name,
                           "the device has more records than --max-records");
        return -1;
    }
    return 0;
}

static void add_slot(struct migp_graft_site *site, size_t input,
                     const struct migp_report_record *record)
{
    struct migp_graft_slot *slot = &site->slots[site->n_slots++];

    slot->input = input;
    slot->offset = record->offset;
    slot->size = record->size;
    slot->is_packet = record->section == MIGP_SECTION_MULTIFD;
    slot->is_stop_copy = record->section != MIGP_SECTION_PART;
    site->state_size += record->size;
}

static void take_record(struct migp_graft_site *site,
                        const struct migp_scan *scan,
                        const struct migp_report_record *record)
{
    const bool in_packet = record->section == MIGP_SECTION_MULTIFD;
    size_t input = scan->channels.files[record->input].operand;

    switch (record->kind) {
    case MIGP_EVENT_DATA_BEGIN:
        add_slot(site, input, record);
        break;
    case MIGP_EVENT_CONFIG:
        site->n_configs++;
        site->config_input = input;
        site->config_offset = record->offset + TAG_SIZE;
        site->config_size = record->size;
        if (in_packet) {
            site->end_input = input;
            site->end_offset = record->offset - MIGP_MULTIFD_HEAD_SIZE;
        }
        break;
    case MIGP_EVENT_END:
        if (record->section == MIGP_SECTION_END && !site->shown.on_multifd) {
            site->end_input = input;
            site->end_offset = record->offset;
        }
        break;
    default:
        break;
    }
}

int migp_graft_site_find(struct migp_graft_site *site,
                         const struct migp_scan *scan, const char *wanted)
{
    struct migp_report_record record;
    uint64_t i;

    memset(site, 0, sizeof(*site));
    if (find_device(site, scan, wanted) != 0 || check_device(site, scan) != 0) {
        return -1;
    }
    site->slots = migp_memory_resize(NULL, (size_t)site->shown.n_records + 1,
                                     sizeof(*site->slots));
    for (i = 0; i < site->shown.n_records; i++) {
        if (migp_report_record(scan->report, site->device, i, &record) ==
            MIGP_OK) {
            take_record(site, scan, &record);
        }
    }
    if (site->n_configs > 1) {
        migp_message_print(scan->name, "the device has CONFIG more than once");
        return -1;
    }
    site->is_rigid = (site->shown.dialects & MIGP_DIALECT_V2) == 0;
    return 0;
}

void migp_graft_site_free(struct migp_graft_site *site)
{
    free(site->slots);
    site->slots = NULL;
}
