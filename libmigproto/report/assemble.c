/* SPDX-License-Identifier: MIT */
#include "core/error.h"
#include "report/report.h"
#include "stream/tag.h"

/*
 * [MF-8] The second look at multifd channels: device by device, packet by
 * packet in the order of the index, so that the driver's bytes and the sink
 * see what the destination's driver would be given.
 */

#define TAG_SIZE ((size_t)8)

static struct migp_device_report *
device_in_hand(const struct migp_report *report)
{
    return report->devices[report->assembly.device];
}

static bool is_config(const struct migp_multifd_place *place)
{
    return (place->flags & MIGP_MULTIFD_CONFIG) != 0;
}

/* Findings and records are about the channel that the packet lies in. */
static void point_at(struct migp_report *report,
                     const struct migp_multifd_place *place)
{
    const struct migp_channel_report *channel =
        report->channels[(size_t)place->token];

    report->input = channel->shown.input;
}

static void point_at_main(struct migp_report *report)
{
    report->input = 0;
}

/* The packet in hand has been seen, or need not be. */
static void end_packet(struct migp_report *report)
{
    device_in_hand(report)->n_given++;
    report->assembly.in_hand = false;
    point_at_main(report);
}

/* Go past what nobody looks at, if need be to the packet's end. */
static void pass_over(struct migp_report *report)
{
    struct migp_assembly *assembly = &report->assembly;
    struct migp_device_report *device = device_in_hand(report);
    uint64_t size = migp_report_uninteresting(
        report, device, assembly->place.size - assembly->done);

    if (size > 0 && !is_config(&assembly->place)) {
        migp_report_pass_data(report, device, MIGP_SECTION_MULTIFD, size);
        assembly->done += size;
    }
    if (assembly->done == assembly->place.size) {
        end_packet(report);
    }
}

/* A packet of the driver's bytes begins, as a DATA record does. */
static int begin_data(struct migp_report *report)
{
    struct migp_assembly *assembly = &report->assembly;
    const struct migp_event event = {.kind = MIGP_EVENT_DATA_BEGIN,
                                     .offset = assembly->place.offset,
                                     .size = assembly->place.size};
    int code = migp_report_collect(report, assembly->device,
                                   MIGP_SECTION_MULTIFD, &event);

    if (code == MIGP_OK && event.size == 0) {
        code = migp_report_say(report, (int64_t)assembly->device,
                               MIGP_FINDING_DATA_SIZE_ZERO, event.offset, 0, 0);
    }
    device_in_hand(report)->state_end = event.offset + MIGP_MULTIFD_HEAD_SIZE;
    device_in_hand(report)->state_input = report->input;
    pass_over(report);
    return code;
}

/* A packet that cannot be a config packet is not asked for. */
static int begin_config(struct migp_report *report)
{
    struct migp_assembly *assembly = &report->assembly;
    uint64_t size = assembly->place.size;
    uint32_t finding;
    int code;

    if (size >= 2 * TAG_SIZE &&
        size - 2 * TAG_SIZE <= report->qemu_options.max_config) {
        return MIGP_OK;
    }
    finding = size < 2 * TAG_SIZE ? MIGP_FINDING_CONFIG_PACKET
                                  : MIGP_FINDING_PACKET_TOO_BIG;
    device_in_hand(report)->packets_bad = true;
    code = migp_report_say(report, (int64_t)assembly->device, finding,
                           assembly->place.offset, size,
                           report->qemu_options.max_config + 2 * TAG_SIZE);
    end_packet(report);
    return code;
}

/* A channel that was cut inside this packet has said so: nobody can give it. */
static bool is_cut(struct migp_report *report)
{
    const struct migp_multifd_place *place = &report->assembly.place;
    const struct migp_channel_report *channel =
        report->channels[(size_t)place->token];

    if (place->size <= channel->end - place->offset - MIGP_MULTIFD_HEAD_SIZE) {
        return false;
    }
    device_in_hand(report)->packets_bad = true;
    end_packet(report);
    return true;
}

/* Go to the next packet that is to be given, if there is one. */
static int advance(struct migp_report *report)
{
    struct migp_assembly *assembly = &report->assembly;

    while (!assembly->in_hand && assembly->device < report->n_devices) {
        struct migp_multifd_order *order = device_in_hand(report)->order;
        int code;

        if (order == NULL ||
            migp_multifd_order_next(order, &assembly->place) != MIGP_OK) {
            assembly->device++;
            continue;
        }
        assembly->in_hand = true;
        assembly->done = 0;
        point_at(report, &assembly->place);
        if (is_cut(report)) {
            continue;
        }
        code = is_config(&assembly->place) ? begin_config(report)
                                           : begin_data(report);
        if (code < 0) {
            report->failure = code;
            return code;
        }
    }
    return MIGP_OK;
}

int migp_report_piece(struct migp_report *report,
                      struct migp_report_piece *piece)
{
    struct migp_assembly *assembly;
    int code;

    if (report == NULL || piece == NULL) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    assembly = &report->assembly;
    if (report->finished) {
        return MIGP_ERR_STATE;
    }
    if (report->failure < 0 || report->n_channels == 0) {
        return report->failure == MIGP_ERR_NO_MEMORY ? report->failure : 0;
    }
    if (!assembly->begun) {
        migp_report_end_channel(report);
        assembly->begun = true;
        report->input = 0;
    }
    code = advance(report);
    if (code < 0) {
        return code;
    }
    if (!assembly->in_hand) {
        return 0;
    }
    piece->offset =
        assembly->place.offset + MIGP_MULTIFD_HEAD_SIZE + assembly->done;
    piece->size = assembly->place.size - assembly->done;
    piece->input = report->input;
    piece->at_once = is_config(&assembly->place) ? 1 : 0;
    return 1;
}

/* [MF-5] CONFIG, the config bytes, END. */
static int give_config(struct migp_report *report, const uint8_t *bytes,
                       size_t size)
{
    struct migp_assembly *assembly = &report->assembly;
    size_t index = assembly->device;
    uint64_t offset = assembly->place.offset + MIGP_MULTIFD_HEAD_SIZE;
    const struct migp_event config = {.kind = MIGP_EVENT_CONFIG,
                                      .offset = offset,
                                      .size = size - 2 * TAG_SIZE,
                                      .bytes = bytes + TAG_SIZE};
    const struct migp_event end = {.kind = MIGP_EVENT_END,
                                   .offset = offset + size - TAG_SIZE};
    int code;

    if (migp_load_be64(bytes) != MIGP_TAG_CONFIG ||
        migp_load_be64(bytes + size - TAG_SIZE) != MIGP_TAG_END_OF_STATE) {
        report->devices[index]->packets_bad = true;
        return migp_report_say(report, (int64_t)index,
                               MIGP_FINDING_CONFIG_PACKET,
                               assembly->place.offset, size, 0);
    }
    code = migp_report_collect(report, index, MIGP_SECTION_MULTIFD, &config);
    return code < 0
               ? code
               : migp_report_collect(report, index, MIGP_SECTION_MULTIFD, &end);
}

int migp_report_give(struct migp_report *report, const void *bytes, size_t size)
{
    struct migp_assembly *assembly;
    uint64_t left;
    int code;

    if (report == NULL || bytes == NULL || size == 0) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    assembly = &report->assembly;
    if (report->finished || !assembly->in_hand || report->failure < 0) {
        return MIGP_ERR_STATE;
    }
    left = assembly->place.size - assembly->done;
    if (size > left || (is_config(&assembly->place) && size != left)) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    if (is_config(&assembly->place)) {
        code = give_config(report, bytes, size);
    } else {
        const struct migp_event event = {.kind = MIGP_EVENT_DATA,
                                         .offset = assembly->place.offset +
                                                   MIGP_MULTIFD_HEAD_SIZE +
                                                   assembly->done,
                                         .size = size,
                                         .bytes = bytes};

        code = migp_report_collect(report, assembly->device,
                                   MIGP_SECTION_MULTIFD, &event);
    }
    assembly->done += size;
    pass_over(report);
    if (code < 0) {
        report->failure = code;
    }
    return code;
}

bool migp_report_packets_whole(struct migp_report *report, size_t index)
{
    struct migp_device_report *device = report->devices[index];
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_multifd_place beside;
    int code;

    if (report->n_channels == 0) { /* nobody was to look for them */
        (void)migp_report_say(report, (int64_t)index,
                              device->shown.stopcopy_bytes > 0
                                  ? MIGP_FINDING_CONFIG_NOWHERE
                                  : MIGP_FINDING_LOAD_READY,
                              device->multifd_offset, 0, 0);
        return false;
    }
    if (device->order == NULL && migp_report_channel_failed(report)) {
        return false; /* what is missing may be behind that fault */
    }
    if (device->order == NULL) {
        (void)migp_report_say(report, (int64_t)index,
                              MIGP_FINDING_STATE_MISSING,
                              device->multifd_offset, report->n_channels, 0);
        return false;
    }
    code = migp_multifd_order_finish(device->order, &beside, &error);
    if (code == MIGP_ERR_TRUNCATED && device->config_refused) {
        return false; /* that it is missing has its reason */
    }
    if (code == MIGP_ERR_TRUNCATED) {
        point_at(report, &beside);
        (void)migp_report_say(report, (int64_t)index, error.finding,
                              error.offset, error.value, error.expected);
        point_at_main(report);
        return false;
    }
    if (code < 0 || device->n_given < migp_multifd_order_count(device->order)) {
        (void)migp_report_say(report, (int64_t)index, MIGP_FINDING_STATE_UNREAD,
                              device->multifd_offset, device->n_given,
                              migp_multifd_order_count(device->order));
        return false;
    }
    return !device->packets_bad;
}
