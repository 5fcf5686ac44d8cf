/* SPDX-License-Identifier: MIT */
#include "core/error.h"
#include "report/report.h"
#include "stream/tag.h"

#include <migproto/libvirt.h>

/* What the first bytes tell: which format it is, and what is around it. */

#define FIRST_LOOK 8
#define TAG_PREFIX_SIZE 7

static bool starts_with(const uint8_t *bytes, size_t size, const void *prefix,
                        size_t prefix_size)
{
    return size > 0 &&
           memcmp(bytes, prefix, size < prefix_size ? size : prefix_size) == 0;
}

/* Neither format: say what it starts with. */
static int refuse(struct migp_report *report, const uint8_t *bytes, size_t size)
{
    uint32_t magic = size >= 4 ? migp_load_be32(bytes) : 0;
    struct migp_finding why = migp_finding_make(
        magic == MIGP_MULTIFD_MAGIC ? MIGP_FINDING_MULTIFD_CHANNEL
                                    : MIGP_FINDING_NOT_A_STREAM,
        report->offset, magic, 0);

    return migp_report_fail(report, -1, MIGP_ERR_NOT_A_STREAM, &why);
}

static migp_ssize recognise_stream(struct migp_report *report,
                                   const uint8_t *bytes, size_t size)
{
    uint8_t tag[8];

    migp_store_be64(tag, MIGP_TAG_SETUP);
    if (report->offset == 0 && starts_with(bytes, size, tag, TAG_PREFIX_SIZE)) {
        report->format = MIGP_FORMAT_STREAM;
    } else if (starts_with(bytes, size, "QEVM", 4)) {
        report->format = MIGP_FORMAT_QEMU;
        report->counts.stream_offset = report->offset;
        migp_qemu_reader_start_at(report->reader, report->offset);
    } else {
        return refuse(report, bytes, size);
    }
    return 0;
}

/* The input ends inside libvirt's header. */
static int cut_header(struct migp_report *report, size_t size)
{
    struct migp_finding why = migp_finding_make(
        MIGP_FINDING_TRUNCATED, size, 0, MIGP_LIBVIRT_HEADER_SIZE - size);

    report->counts.is_libvirt = 1;
    return migp_report_fail(report, -1, MIGP_ERR_TRUNCATED, &why);
}

/* libvirt's header is there, good or bad. Gives its size, or a failure. */
static migp_ssize take_libvirt(struct migp_report *report,
                               const struct migp_libvirt_header *header,
                               const struct migp_error *error)
{
    struct migp_finding why;

    report->counts.is_libvirt = 1;
    if (error->code < 0) {
        why = migp_finding_make(error->finding, error->offset, error->value,
                                error->expected);
        return migp_report_fail(report, -1, error->code, &why);
    }
    if (header->is_partial) {
        (void)migp_report_say(report, -1, MIGP_FINDING_LIBVIRT_PARTIAL, 0, 0,
                              0);
    }
    if (header->format != MIGP_LIBVIRT_RAW &&
        header->format != MIGP_LIBVIRT_SPARSE) {
        why = migp_finding_make(MIGP_FINDING_LIBVIRT_FORMAT,
                                MIGP_LIBVIRT_FORMAT_AT, header->format,
                                header->stream_offset);
        return migp_report_fail(report, -1, MIGP_ERR_UNSUPPORTED, &why);
    }
    report->wrapper_left = header->data_size; /* [LV-2] */
    return MIGP_LIBVIRT_HEADER_SIZE;
}

static size_t pass_wrapper(struct migp_report *report, size_t size)
{
    size_t passed =
        report->wrapper_left < size ? (size_t)report->wrapper_left : size;

    report->wrapper_left -= passed;
    return passed;
}

/* One thing at a time; *again: there may be more to find out. */
static migp_ssize step(struct migp_report *report, const uint8_t *bytes,
                       size_t size, bool last, bool *again)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_libvirt_header header = {.struct_size = sizeof(header)};
    bool is_first = report->offset == 0;

    *again = false;
    report->need = FIRST_LOOK;
    if (report->wrapper_left > 0) {
        *again = size > 0;
        return (migp_ssize)pass_wrapper(report, size);
    }
    if (size < FIRST_LOOK && (!last || (size == 0 && !is_first))) {
        return 0;
    }
    if (is_first && size > 0) {
        switch (migp_libvirt_header_parse(bytes, size, &header, &error)) {
        case MIGP_ERR_NOT_A_STREAM:
            break;
        case MIGP_ERR_NEED_MORE:
            report->need = MIGP_LIBVIRT_HEADER_SIZE;
            return last ? cut_header(report, size) : 0;
        default:
            *again = true;
            return take_libvirt(report, &header, &error);
        }
    }
    return recognise_stream(report, bytes, size);
}

migp_ssize migp_report_recognise(struct migp_report *report,
                                 const uint8_t *bytes, size_t size, bool last)
{
    size_t total = 0;
    bool again;

    do {
        migp_ssize used =
            step(report, bytes + total, size - total, last, &again);

        if (used < 0) {
            return used;
        }
        total += (size_t)used;
        report->offset += (size_t)used;
    } while (again);
    return (migp_ssize)total;
}
