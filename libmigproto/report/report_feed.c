/* SPDX-License-Identifier: MIT */
#include "core/error.h"
#include "report/report.h"

#define BATCH 32

int migp_report_fail(struct migp_report *report, int64_t device, int code,
                     const struct migp_finding *why)
{
    report->failure = code;
    report->why = *why;
    if (why->code != MIGP_FINDING_NONE) {
        (void)migp_report_add_finding(report, device, why);
    }
    return report->failure;
}

/* FULL holds END alone where the state went over multifd channels. */
static int end_full(struct migp_report *report, size_t index,
                    const struct migp_qemu_event *event)
{
    struct migp_device_report *device = report->devices[index];

    if (event->size == 8) {
        device->shown.on_multifd = 1;
        device->multifd_offset = event->offset - 8;
        return MIGP_OK;
    }
    migp_report_end_of_state(report, index);
    return MIGP_OK;
}

static int end_section(struct migp_report *report, size_t index,
                       const struct migp_qemu_event *event)
{
    struct migp_device_report *device = report->devices[index];

    switch (event->value) {
    case MIGP_SECTION_PART:
        device->shown.n_parts++;
        device->shown.n_empty_parts += device->section_data_bytes == 0;
        break;
    case MIGP_SECTION_END:
        device->state_ended = true;
        device->state_end = event->offset;
        if (device->shown.has_config) {
            migp_report_end_of_state(report, index); /* [DS-13] */
        }
        break;
    case MIGP_SECTION_FULL:
        return end_full(report, index, event);
    default:
        break;
    }
    return MIGP_OK;
}

static int take_vfio_event(struct migp_report *report,
                           const struct migp_qemu_event *event)
{
    migp_ssize index =
        migp_report_device_of(report, event->section, event->offset);

    if (index < 0) {
        return (int)index;
    }
    switch (event->kind) {
    case MIGP_QEMU_EVENT_SECTION:
        report->devices[index]->section_data_bytes = 0;
        return MIGP_OK;
    case MIGP_QEMU_EVENT_RECORD:
        return migp_report_collect(report, (size_t)index, (int)event->value,
                                   &event->record);
    case MIGP_QEMU_EVENT_SECTION_END:
        return end_section(report, (size_t)index, event);
    default:
        return migp_report_say(report, index, event->finding, event->offset,
                               event->size, event->value);
    }
}

static void count_section(struct migp_report *report,
                          const struct migp_qemu_event *event)
{
    if (event->section->is_vfio != 0) {
        return;
    }
    if (strcmp(event->section->idstr, "ram") == 0) {
        report->counts.ram_bytes += event->size;
    } else {
        report->counts.other_bytes += event->size;
    }
}

static int take_qemu_event(struct migp_report *report,
                           const struct migp_qemu_event *event)
{
    switch (event->kind) {
    case MIGP_QEMU_EVENT_MACHINE: {
        size_t size = (size_t)event->size < sizeof(report->machine) - 1
                          ? (size_t)event->size
                          : sizeof(report->machine) - 1;

        memcpy(report->machine, event->bytes, size);
        break;
    }
    case MIGP_QEMU_EVENT_SECTION:
        report->counts.n_sections++;
        break;
    case MIGP_QEMU_EVENT_SECTION_END:
        count_section(report, event);
        break;
    case MIGP_QEMU_EVENT_COMMAND:
        report->counts.n_commands++;
        if (strcmp(migp_qemu_command_id((uint32_t)event->value),
                   "SWITCHOVER_START") == 0) {
            report->counts.has_switchover_start = 1;
        }
        break;
    case MIGP_QEMU_EVENT_END_OF_STREAM:
        report->end_of_stream = true;
        report->end_offset = event->offset + 1;
        break;
    case MIGP_QEMU_EVENT_VMDESC:
        report->counts.has_vmdesc = 1;
        break;
    default:
        break;
    }
    if (event->section != NULL && event->section->is_vfio != 0) {
        return take_vfio_event(report, event);
    }
    return event->kind == MIGP_QEMU_EVENT_FINDING
               ? migp_report_say(report, -1, event->finding, event->offset,
                                 event->size, event->value)
               : MIGP_OK;
}

/* One event at a time: what the reader is asked about it must not be ahead. */
static migp_ssize feed_qemu(struct migp_report *report, const uint8_t *bytes,
                            size_t size, uint32_t flags)
{
    struct migp_qemu_event event;
    size_t n_events;
    migp_ssize used = migp_qemu_reader_feed(report->reader, bytes, size, flags,
                                            &event, 1, &n_events);

    if (n_events > 0) {
        int code = take_qemu_event(report, &event);

        if (code < 0) {
            report->failure = code;
            return code;
        }
    }
    if (used < 0) {
        return migp_report_fail(report, migp_report_device_in_hand(report),
                                (int)used, &report->reader->why);
    }
    return n_events > 0 && used == 0 ? MIGP_ERR_NEED_MORE : used;
}

static migp_ssize feed_bare(struct migp_report *report, const uint8_t *bytes,
                            size_t size, uint32_t flags)
{
    struct migp_event events[BATCH];
    size_t n_events, i;
    migp_ssize device = migp_report_device_of(report, NULL, 0);
    migp_ssize used;

    if (device < 0) {
        report->failure = (int)device;
        return device;
    }
    used = migp_decoder_feed(report->decoder, bytes, size, flags, events, BATCH,
                             &n_events);
    for (i = 0; i < n_events; i++) {
        int code = migp_report_collect(report, (size_t)device,
                                       MIGP_SECTION_BARE, &events[i]);

        if (code < 0) {
            report->failure = code;
            return code;
        }
    }
    if (used < 0) {
        return migp_report_fail(report, device, (int)used,
                                &report->decoder->why);
    }
    return n_events == BATCH && used == 0 ? MIGP_ERR_NEED_MORE : used;
}

migp_ssize migp_report_feed(struct migp_report *report, const void *bytes,
                            size_t size, uint32_t flags)
{
    const uint8_t *at = bytes != NULL ? bytes : (const uint8_t *)"";
    size_t total = 0;
    migp_ssize used;

    if (report == NULL || (bytes == NULL && size > 0) ||
        (flags & ~(uint32_t)MIGP_FEED_LAST) != 0) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    if (report->finished || report->assembly.begun) {
        return MIGP_ERR_STATE;
    }
    if (report->failure < 0) {
        return report->failure;
    }
    if (report->n_channels > 0) {
        /* A channel's end says nothing about what is before it. */
        return migp_report_feed_channel(report, at, size);
    }
    if (report->format == MIGP_FORMAT_UNKNOWN) {
        used = migp_report_recognise(report, at, size,
                                     (flags & MIGP_FEED_LAST) != 0);
        if (used < 0 || report->format == MIGP_FORMAT_UNKNOWN) {
            return used;
        }
        total = (size_t)used;
    }
    do {
        used = report->format == MIGP_FORMAT_QEMU
                   ? feed_qemu(report, at + total, size - total, flags)
                   : feed_bare(report, at + total, size - total, flags);
        if (used == MIGP_ERR_NEED_MORE) {
            continue; /* a full batch of events without a byte */
        }
        if (used < 0) {
            return used;
        }
        total += (size_t)used;
    } while (used != 0);
    return (migp_ssize)total;
}
