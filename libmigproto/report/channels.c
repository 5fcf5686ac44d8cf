/* SPDX-License-Identifier: MIT */
#include "core/error.h"
#include "core/options.h"
#include "qemu/multifd.h"
#include "report/report.h"

#include <stdlib.h>

/*
 * [MF-7] The channels beside the main one, one after the other. Only the heads
 * of a device's packets are taken here; their data waits where it is until all
 * channels have been seen. See report/assemble.c.
 */

#define BATCH 16

struct migp_channel_report *
migp_report_channel_in_hand(const struct migp_report *report)
{
    return report->n_channels > 0 ? report->channels[report->n_channels - 1]
                                  : NULL;
}

bool migp_report_channel_failed(const struct migp_report *report)
{
    size_t i;

    for (i = 0; i < report->n_channels; i++) {
        if (report->channels[i]->failure < 0) {
            return true;
        }
    }
    return false;
}

void migp_report_channels_free(struct migp_report *report)
{
    size_t i;

    for (i = 0; i < report->n_channels; i++) {
        migp_multifd_reader_free(report->channels[i]->reader);
        free(report->channels[i]);
    }
    free(report->channels);
    report->channels = NULL;
    report->n_channels = 0;
}

static int fail_channel(struct migp_report *report,
                        struct migp_channel_report *channel, int code)
{
    struct migp_error error = MIGP_ERROR_INIT;

    channel->failure = code;
    (void)migp_multifd_reader_error(channel->reader, &error);
    if (error.finding != MIGP_FINDING_NONE) {
        (void)migp_report_say(report, -1, error.finding, error.offset,
                              error.value, error.expected);
    }
    return code;
}

/* A new channel's start: is it one that was not there before? */
static void take_init(struct migp_report *report,
                      struct migp_channel_report *channel,
                      const struct migp_multifd_init *init)
{
    size_t i;

    channel->started = true;
    channel->shown.channel_id = init->channel_id;
    memcpy(channel->shown.uuid, init->uuid, sizeof(channel->shown.uuid));
    for (i = 0; i + 1 < report->n_channels; i++) {
        const struct migp_channel_report *other = report->channels[i];

        if (other->started && other->shown.channel_id == init->channel_id) {
            (void)migp_report_say(report, -1, MIGP_FINDING_CHANNEL_REPEATED,
                                  MIGP_MULTIFD_INIT_ID,
                                  (uint64_t)init->channel_id + 1, 0);
        }
    }
    if (report->channels[0]->started &&
        memcmp(report->channels[0]->shown.uuid, init->uuid,
               sizeof(init->uuid)) != 0) {
        (void)migp_report_say(report, -1, MIGP_FINDING_CHANNEL_UUID,
                              MIGP_MULTIFD_INIT_UUID, 0, 0);
    }
}

/* The index of the device that a packet names, or -1. Mostly it is the one
 * that the packet before it named. */
static int64_t device_of(const struct migp_report *report,
                         struct migp_channel_report *channel,
                         const struct migp_multifd_packet *packet)
{
    int64_t index = migp_report_find_device(report, channel->last_device,
                                            packet->idstr, packet->instance_id);

    if (index >= 0) {
        channel->last_device = (size_t)index;
    }
    return index;
}

/* May this device have packets? Says why not, once. */
static bool device_takes(struct migp_report *report,
                         struct migp_channel_report *channel, int64_t index,
                         uint64_t offset)
{
    struct migp_device_report *device;

    if (index < 0) {
        if (!channel->device_unknown) {
            (void)migp_report_say(report, -1, MIGP_FINDING_PACKET_DEVICE,
                                  offset, 0, 0);
        }
        channel->device_unknown = true;
        return false;
    }
    device = report->devices[index];
    if (device->shown.on_multifd && device->shown.stopcopy_bytes == 0) {
        return true;
    }
    if (!device->packet_refused) {
        (void)migp_report_say(report, index, MIGP_FINDING_PACKET_ON_MAIN,
                              offset, 0, 0);
    }
    device->packet_refused = true;
    return false;
}

/* Remember where a device's packet is. */
static int take_packet(struct migp_report *report,
                       struct migp_channel_report *channel,
                       const struct migp_multifd_event *event)
{
    const struct migp_multifd_place place = {.index = event->packet->index,
                                             .flags = event->packet->flags,
                                             .offset = event->offset,
                                             .size = event->size,
                                             .token = report->n_channels - 1};
    int64_t index = device_of(report, channel, event->packet);
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_device_report *device;
    int code = MIGP_OK;

    if (!device_takes(report, channel, index, event->offset)) {
        return MIGP_OK;
    }
    device = report->devices[index];
    if (device->order == NULL) {
        code =
            migp_multifd_order_new(&device->order, report->options.max_packets);
    }
    if (code == MIGP_OK) {
        code = migp_multifd_order_add(device->order, &place, &error);
    }
    if (code == MIGP_ERR_NO_MEMORY) {
        return code;
    }
    device->shown.n_packets++;
    if (code < 0) {
        device->packets_bad = true;
        device->config_refused |=
            error.finding == MIGP_FINDING_PACKET_AFTER_CONFIG &&
            (place.flags & MIGP_MULTIFD_CONFIG) != 0;
        (void)migp_report_say(report, index, error.finding, error.offset,
                              error.value, error.expected);
    }
    return MIGP_OK;
}

static int take_event(struct migp_report *report,
                      struct migp_channel_report *channel,
                      const struct migp_multifd_event *event)
{
    switch (event->kind) {
    case MIGP_MULTIFD_EVENT_INIT:
        take_init(report, channel, event->init);
        return MIGP_OK;
    case MIGP_MULTIFD_EVENT_RAM:
        channel->shown.n_ram++;
        channel->shown.ram_bytes += event->size;
        return MIGP_OK;
    case MIGP_MULTIFD_EVENT_DEVICE:
        channel->shown.n_packets++;
        channel->shown.data_bytes += event->size;
        return take_packet(report, channel, event);
    default:
        return MIGP_OK;
    }
}

migp_ssize migp_report_feed_channel(struct migp_report *report,
                                    const uint8_t *bytes, size_t size)
{
    struct migp_channel_report *channel = migp_report_channel_in_hand(report);
    struct migp_multifd_event events[BATCH];
    size_t total = 0, n_events, i;
    migp_ssize used;

    if (channel->reader == NULL) {
        return MIGP_ERR_STATE;
    }
    if (channel->failure < 0) {
        return channel->failure;
    }
    do {
        used = migp_multifd_reader_feed(channel->reader, bytes + total,
                                        size - total, events, BATCH, &n_events);
        for (i = 0; i < n_events; i++) {
            int code = take_event(report, channel, &events[i]);

            if (code < 0) {
                report->failure = code;
                return code;
            }
        }
        if (used < 0) {
            return fail_channel(report, channel, (int)used);
        }
        total += (size_t)used;
    } while (used != 0);
    channel->unread = size - total;
    return (migp_ssize)total;
}

void migp_report_end_channel(struct migp_report *report)
{
    struct migp_channel_report *channel = migp_report_channel_in_hand(report);
    struct migp_error error = MIGP_ERROR_INIT;
    int code;

    if (channel == NULL || channel->reader == NULL) {
        return;
    }
    channel->end =
        migp_multifd_reader_offset(channel->reader) + channel->unread;
    if (channel->failure == MIGP_OK) {
        code = migp_multifd_reader_finish(channel->reader, channel->unread,
                                          &error);
        if (code < 0) {
            (void)fail_channel(report, channel, code);
        }
    }
    channel->shown.complete = channel->failure == MIGP_OK;
    channel->shown.bytes = migp_multifd_reader_offset(channel->reader);
    migp_multifd_reader_free(channel->reader);
    channel->reader = NULL;
}

static int add_channel(struct migp_report *report)
{
    struct migp_multifd_options options;
    struct migp_channel_report *channel = calloc(1, sizeof(*channel));
    int code;

    if (channel == NULL) {
        return MIGP_ERR_NO_MEMORY;
    }
    migp_multifd_options_init(&options);
    options.page_size = report->reader->page_size;
    options.max_packet = report->options.max_packet;
    code = migp_multifd_reader_new(&channel->reader, &options, NULL);
    if (code < 0) {
        free(channel);
        return code;
    }
    report->channels[report->n_channels++] = channel;
    channel->shown.struct_size = sizeof(channel->shown);
    channel->shown.input = (uint32_t)report->n_channels;
    report->input = channel->shown.input;
    return MIGP_OK;
}

int migp_report_next_channel(struct migp_report *report,
                             struct migp_error *error)
{
    int code = MIGP_OK;

    if (report == NULL) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    if (report->finished || report->assembly.begun ||
        report->format == MIGP_FORMAT_STREAM) {
        return migp_error_set(error, MIGP_ERR_STATE, NULL);
    }
    migp_report_finish_main(report);
    if (report->failure < 0) {
        return migp_error_set(error, report->failure, &report->why);
    }
    migp_report_end_channel(report);
    if (report->n_channels == MIGP_MAX_CHANNELS) {
        return migp_error_set(error, MIGP_ERR_LIMIT, NULL);
    }
    if (report->channels == NULL) {
        report->channels = calloc(MIGP_MAX_CHANNELS, sizeof(*report->channels));
    }
    code = report->channels != NULL ? add_channel(report) : MIGP_ERR_NO_MEMORY;
    return migp_error_set(error, code, NULL);
}

void migp_report_check_channels(struct migp_report *report)
{
    bool there[MIGP_MAX_CHANNELS] = {false};
    uint32_t most = 0, id;
    size_t i;

    for (i = 0; i < report->n_channels; i++) {
        const struct migp_channel_report *channel = report->channels[i];

        if (channel->started) {
            id = channel->shown.channel_id;
            there[id] = true;
            most = id > most ? id : most;
        }
    }
    for (id = 0; id < most; id++) {
        if (!there[id] && (id == 0 || there[id - 1])) { /* a gap begins */
            (void)migp_report_say(report, -1, MIGP_FINDING_CHANNEL_MISSING, 0,
                                  (uint64_t)id + 1, (uint64_t)most + 1);
        }
    }
}

int migp_report_channel(const struct migp_report *report, size_t position,
                        struct migp_report_channel *out)
{
    const struct migp_channel_report *channel;
    struct migp_report_channel own;

    if (report == NULL || out == NULL || position >= report->n_channels) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    channel = report->channels[position];
    own = channel->shown;
    if (channel->reader != NULL) {
        own.bytes = migp_multifd_reader_offset(channel->reader);
    }
    return migp_struct_write(out, &own, sizeof(own));
}
