/* SPDX-License-Identifier: MIT */

/*
 * A report of a migration with several channels: the main one, FUZZ_PART, the
 * next one and so on. Whole and cut, and with what it wants to see again given
 * whole and cut.
 */

#include "fuzz/check.h"

#include <stdlib.h>
#include <string.h>

#define MAX_PARTS 6

struct source {
    const uint8_t *bytes;
    size_t size;
    size_t n_parts;
    size_t chunk; /* 0: whole */
};

static uint8_t *copy_of(const uint8_t *bytes, size_t size)
{
    uint8_t *exact = malloc(size + 1);

    FUZZ_CHECK(exact != NULL);
    memcpy(exact, bytes, size);
    return exact;
}

/* One channel; gives what feed failed with, or MIGP_OK. */
static int feed_part(struct migp_report *report, const struct source *source,
                     size_t which)
{
    size_t from, at = 0;
    size_t size = fuzz_part(source->bytes, source->size, which, &from);
    size_t chunk = source->chunk > 0 ? source->chunk : size + 1;
    size_t window = chunk;

    for (;;) {
        size_t left = size - at;
        size_t now = window < left ? window : left;
        uint8_t *exact = copy_of(source->bytes + from + at, now);
        migp_ssize got = migp_report_feed(report, exact, now,
                                          now == left ? MIGP_FEED_LAST : 0);
        size_t need = migp_report_need(report);

        free(exact);
        FUZZ_CHECK(got <= (migp_ssize)now);
        if (got < 0 || now == left) {
            return got < 0 ? (int)got : MIGP_OK;
        }
        FUZZ_CHECK(got > 0 || need > now);
        at += (size_t)got;
        window = need > chunk ? need : chunk;
    }
}

static void give_piece(struct migp_report *report, const struct source *source,
                       const struct migp_report_piece *piece)
{
    size_t from;
    size_t size = fuzz_part(source->bytes, source->size, piece->input, &from);
    size_t now = (size_t)piece->size;
    uint8_t *exact;

    FUZZ_CHECK(piece->input > 0 && piece->input < source->n_parts);
    FUZZ_CHECK(piece->size > 0 && piece->size <= size);
    FUZZ_CHECK(piece->offset <= size - piece->size);
    if (piece->at_once == 0 && source->chunk > 0 && source->chunk < now) {
        now = source->chunk;
    }
    exact = copy_of(source->bytes + from + piece->offset, now);
    FUZZ_CHECK(migp_report_give(report, exact, now) == MIGP_OK);
    free(exact);
}

static void answer(struct journal *journal, uint32_t number, uint64_t a,
                   uint64_t b, uint64_t c)
{
    struct entry entry;

    memset(&entry, 0, sizeof(entry));
    entry.kind = ENTRY_ANSWER;
    entry.detail = number;
    entry.offset = a;
    entry.size = b;
    entry.value = c;
    journal_add(journal, &entry);
}

static void ask_device(struct journal *journal,
                       const struct migp_report *report, size_t device)
{
    struct migp_report_device about = {.struct_size = sizeof(about)};
    struct migp_report_record record;
    uint64_t i;

    FUZZ_CHECK(migp_report_device(report, device, &about) == MIGP_OK);
    FUZZ_CHECK(about.n_records <= 100);
    answer(journal, 1, about.section_id, about.on_multifd, about.n_packets);
    answer(journal, 2, about.dialects, about.driver, about.complete);
    answer(journal, 3, about.precopy_bytes, about.stopcopy_bytes,
           about.n_parts);
    answer(journal, 4, about.config_offset, about.config_size, about.has_pci);
    answer(journal, 5, about.n_records, about.n_records_omitted,
           about.n_fields);
    for (i = 0; i < about.n_records; i++) {
        FUZZ_CHECK(migp_report_record(report, device, i, &record) == MIGP_OK);
        answer(journal, 10u + record.kind, record.offset, record.size,
               (uint64_t)record.input << 16 | record.section);
    }
}

static void ask(struct journal *journal, const struct migp_report *report)
{
    struct migp_report_summary summary = {.struct_size = sizeof(summary)};
    uint32_t i;

    FUZZ_CHECK(migp_report_summary(report, &summary) == MIGP_OK);
    /* One more says how many were left out. */
    FUZZ_CHECK(summary.n_devices <= 3 && summary.n_findings <= 101);
    answer(journal, 50, summary.format, summary.complete, summary.failed);
    answer(journal, 51, summary.bytes, summary.n_sections, summary.n_channels);
    answer(journal, 52, summary.worst, summary.stream_offset,
           summary.is_mapped_ram);
    for (i = 0; i < summary.n_devices; i++) {
        ask_device(journal, report, i);
    }
    for (i = 0; i < summary.n_findings; i++) {
        struct migp_report_finding found;

        FUZZ_CHECK(migp_report_finding(report, i, &found) == MIGP_OK);
        answer(journal, 1000 + found.finding.code, found.finding.offset,
               found.finding.value, found.finding.expected);
        answer(journal, 60, found.input, (uint64_t)found.device, 0);
    }
    for (i = 0; i < summary.n_channels; i++) {
        struct migp_report_channel channel = {.struct_size = sizeof(channel)};

        FUZZ_CHECK(migp_report_channel(report, i, &channel) == MIGP_OK);
        answer(journal, 70, channel.input, channel.channel_id, channel.bytes);
        answer(journal, 71, channel.n_ram, channel.n_packets,
               channel.data_bytes);
        answer(journal, 72, channel.ram_bytes, channel.complete, 0);
    }
}

static void read_in(const struct source *source,
                    const struct migp_report_options *options,
                    struct journal *journal)
{
    struct migp_report_piece piece;
    struct migp_report *report;
    uint64_t calls = 0;
    size_t i;
    int code;

    FUZZ_CHECK(migp_report_new(&report, options, NULL) == MIGP_OK);
    code = feed_part(report, source, 0);
    answer(journal, 80, (uint64_t)-code, 0, 0);
    for (i = 1; i < source->n_parts; i++) {
        code = migp_report_next_channel(report, NULL);
        answer(journal, 81, (uint64_t)-code, 0, 0);
        if (code != MIGP_OK) {
            break;
        }
        code = feed_part(report, source, i);
        answer(journal, 82, (uint64_t)-code, 0, 0);
    }
    while ((code = migp_report_piece(report, &piece)) == 1) {
        give_piece(report, source, &piece);
        FUZZ_CHECK(calls++ < 64 + (uint64_t)source->size);
    }
    FUZZ_CHECK(code == 0);
    answer(journal, 83, (uint64_t)-migp_report_finish(report, NULL), 0, 0);
    ask(journal, report);
    migp_report_free(report);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t choice = fuzz_choice(bytes, size, 3);
    size_t count = fuzz_part_count(bytes, size);
    struct source source = {bytes, size, count < MAX_PARTS ? count : MAX_PARTS,
                            0};
    struct migp_qemu_options qemu;
    struct migp_report_options options;
    struct journal left = {NULL, 0, 0};
    struct journal right = {NULL, 0, 0};
    long difference;

    migp_qemu_options_init(&qemu);
    qemu.decoder_flags = choice & 1 ? MIGP_DECODER_TOLERANT : 0;
    migp_report_options_init(&options);
    options.qemu = &qemu;
    options.max_records = choice & 2 ? 3 : 100;
    options.max_devices = 3;
    options.max_findings = choice & 4 ? 2 : 100;
    options.max_packets = choice & 8 ? 8 : 256;
    options.max_packet = choice & 16 ? 100 : 1 << 20;
    read_in(&source, &options, &left);
    source.chunk = 1u + fuzz_choice(bytes, size, 0);
    read_in(&source, &options, &right);
    difference = journal_difference(&left, &right);
    if (difference >= 0) {
        journal_show("whole", &left, (size_t)difference);
        journal_show("split", &right, (size_t)difference);
        fuzz_fail("whole and split differ");
    }
    journal_free(&left);
    journal_free(&right);
    return 0;
}
