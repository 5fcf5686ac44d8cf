/* SPDX-License-Identifier: MIT */
#include "core/error.h"
#include "core/options.h"
#include "report/report.h"

#include <stdlib.h>

void migp_report_options_init(struct migp_report_options *options)
{
    if (options != NULL) {
        memset(options, 0, sizeof(*options));
        options->struct_size = sizeof(*options);
        options->max_records = MIGP_DEFAULT_MAX_RECORDS;
        options->max_devices = MIGP_DEFAULT_MAX_DEVICES;
        options->max_findings = MIGP_DEFAULT_MAX_FINDINGS;
        options->dialects = MIGP_DIALECT_ANY;
        options->max_packets = MIGP_DEFAULT_MAX_PACKETS;
        options->max_packet = MIGP_DEFAULT_MAX_PACKET;
    }
}

/*
 * What is wrong is to be shown wherever it lies, so the parsers below run
 * tolerant; how much it matters is decided in findings.c.
 */
static int make_parsers(struct migp_report *report, struct migp_error *error)
{
    struct migp_qemu_options qemu = report->qemu_options;
    struct migp_decoder_options bare;
    int code;

    qemu.decoder_flags |= MIGP_DECODER_TOLERANT;
    code = migp_qemu_reader_new(&report->reader, &qemu, error);
    if (code < 0) {
        return code;
    }
    migp_decoder_options_init(&bare);
    bare.flags = MIGP_DECODER_TOLERANT;
    bare.dialects = report->options.dialects;
    bare.max_data = report->qemu_options.max_data;
    bare.max_config = report->qemu_options.max_config;
    return migp_decoder_new(&report->decoder, &bare, error);
}

int migp_report_new(struct migp_report **out,
                    const struct migp_report_options *options,
                    struct migp_error *error)
{
    struct migp_report_options own;
    struct migp_qemu_options qemu;
    int code;

    migp_report_options_init(&own);
    migp_qemu_options_init(&qemu);
    if (out == NULL) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    *out = NULL;
    if ((options != NULL && migp_struct_read(&own, sizeof(own), options) < 0) ||
        own.max_devices > INT32_MAX ||
        own.max_packets > MIGP_MAX_PACKETS_CEILING ||
        (own.qemu != NULL &&
         migp_struct_read(&qemu, sizeof(qemu), own.qemu) < 0)) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    *out = calloc(1, sizeof(**out));
    if (*out == NULL) {
        return migp_error_set(error, MIGP_ERR_NO_MEMORY, NULL);
    }
    (*out)->options = own;
    (*out)->options.qemu = NULL;
    (*out)->qemu_options = qemu;
    (*out)->need = 8;
    code = make_parsers(*out, error);
    if (code < 0) {
        migp_report_free(*out);
        *out = NULL;
    }
    return code;
}

void migp_report_free(struct migp_report *report)
{
    if (report != NULL) {
        migp_report_devices_free(report);
        migp_report_channels_free(report);
        free(report->findings);
        migp_qemu_reader_free(report->reader);
        migp_decoder_free(report->decoder);
        free(report);
    }
}

const char *migp_format_id(int format)
{
    switch (format) {
    case MIGP_FORMAT_QEMU:
        return "qemu";
    case MIGP_FORMAT_STREAM:
        return "stream";
    default:
        return "unknown";
    }
}
