/* SPDX-License-Identifier: MIT */
#include "report/report.h"

/*
 * Telling the sections of a bare stream apart. SETUP makes START. Every
 * section after it counts as a PART until CONFIG (or CONFIG_LOAD_READY)
 * shows that the one before was END. DATA after CONFIG shows that the stream
 * is QEMU 5.2's, whose END section begins with CONFIG: then the one before
 * was a PART after all.
 */

static void label(struct migp_device_report *device,
                  const struct migp_bare_section *section, int kind)
{
    uint64_t i;

    if (device->records == NULL) {
        return;
    }
    for (i = section->first_record;
         i < section->first_record + section->n_records &&
         i < device->n_records;
         i++) {
        device->records[i].section = (uint16_t)kind;
    }
}

static void count_part(struct migp_device_report *device,
                       const struct migp_bare_section *section, bool add)
{
    uint64_t one = add ? 1 : UINT64_MAX;

    device->shown.n_parts += one;
    if (section->data_bytes == 0) {
        device->shown.n_empty_parts += one;
    }
    if (add) {
        device->shown.precopy_bytes += section->data_bytes;
    } else {
        device->shown.precopy_bytes -= section->data_bytes;
    }
}

static void part_to_end(struct migp_device_report *device,
                        const struct migp_bare_section *section)
{
    if (section->n_records > 0) {
        label(device, section, MIGP_SECTION_END);
        count_part(device, section, false);
        device->shown.stopcopy_bytes += section->data_bytes;
    }
}

static void end_to_part(struct migp_device_report *device,
                        const struct migp_bare_section *section)
{
    if (section->n_records > 0) {
        label(device, section, MIGP_SECTION_PART);
        count_part(device, section, true);
        device->shown.stopcopy_bytes -= section->data_bytes;
    }
}

/* The section in hand ended, or the input did inside it. */
static void close_section(struct migp_device_report *device)
{
    struct migp_bare *bare = &device->bare;

    if (bare->full_seen) {
        return; /* a 5.2 END section has two ENDs */
    }
    if (bare->setup_seen) {
        label(device, &bare->current, MIGP_SECTION_START);
    } else {
        label(device, &bare->current, MIGP_SECTION_PART);
        count_part(device, &bare->current, true);
        bare->previous = bare->current;
    }
    bare->setup_seen = false;
    bare->current =
        (struct migp_bare_section){.first_record = device->n_records};
}

static void enter_full(struct migp_device_report *device, bool is_config)
{
    struct migp_bare *bare = &device->bare;

    if (!bare->full_seen) {
        part_to_end(device, &bare->previous);
    }
    bare->full_seen = true;
    bare->config_seen = is_config;
}

/* Something came behind CONFIG and its END: this is 5.2's END section. */
static void become_52(struct migp_device_report *device)
{
    struct migp_bare *bare = &device->bare;

    if (bare->config_seen) {
        end_to_part(device, &bare->previous);
    }
    bare->config_seen = false;
}

void migp_bare_record(struct migp_device_report *device,
                      const struct migp_event *event)
{
    struct migp_bare *bare = &device->bare;

    bare->current.n_records++;
    switch (event->kind) {
    case MIGP_EVENT_SETUP:
        bare->setup_seen = true;
        break;
    case MIGP_EVENT_CONFIG:
    case MIGP_EVENT_CONFIG_LOAD_READY:
        enter_full(device, event->kind == MIGP_EVENT_CONFIG);
        break;
    case MIGP_EVENT_DATA_BEGIN:
        become_52(device);
        break;
    case MIGP_EVENT_END:
        if (bare->config_over) {
            become_52(device);
        }
        bare->config_over = bare->full_seen;
        close_section(device);
        break;
    case MIGP_EVENT_INIT_DATA_SENT:
        close_section(device);
        break;
    default:
        break;
    }
    if (bare->full_seen) {
        label(device, &bare->current,
              bare->config_seen || !bare->config_over ? MIGP_SECTION_FULL
                                                      : MIGP_SECTION_END);
    }
}

void migp_bare_data(struct migp_device_report *device, uint64_t size)
{
    device->bare.current.data_bytes += size;
    if (device->bare.full_seen) {
        device->shown.stopcopy_bytes += size;
    }
}

void migp_bare_finish(struct migp_device_report *device, bool complete)
{
    struct migp_bare *bare = &device->bare;
    struct migp_bare_section full = bare->previous;

    if (!complete && bare->current.n_records > 0) {
        close_section(device);
    }
    /* [DS-6] FULL may be a lone END, and END before it may be one too. */
    if (!complete || bare->full_seen || full.n_records != 1) {
        return;
    }
    label(device, &full, MIGP_SECTION_FULL);
    count_part(device, &full, false);
    device->shown.on_multifd = 1;
    device->multifd_offset = device->last_offset;
}
