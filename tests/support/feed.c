/* SPDX-License-Identifier: MIT */
#include "support/feed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_EVENTS 64

/* One of decoder, reader, report behind the calls they have in common. */
struct target {
    void *object;
    migp_ssize (*feed)(struct target *target, const uint8_t *bytes, size_t size,
                       uint32_t flags, size_t max_events, size_t *n_events);
    size_t (*need)(const struct target *target);
    uint64_t (*offset)(const struct target *target);
    struct outcome *outcome;
    const uint8_t *window;
    size_t window_size;
    uint64_t window_offset;
    uint64_t last_offset;
};

struct feeding feeding_of(const void *bytes, size_t size)
{
    struct feeding feeding;

    memset(&feeding, 0, sizeof(feeding));
    feeding.bytes = bytes;
    feeding.size = size;
    return feeding;
}

static void broke(struct outcome *outcome, const char *rule)
{
    if (!outcome->broken) {
        outcome->broken = rule;
    }
}

static void check_bytes(struct target *target, const uint8_t *bytes,
                        uint64_t offset, uint64_t size)
{
    uint64_t at = offset - target->window_offset;

    if (offset < target->window_offset || at > target->window_size ||
        size > target->window_size - at) {
        broke(target->outcome, "event bytes outside the bytes of the call");
    } else if (bytes != target->window + at) {
        broke(target->outcome, "event bytes are not those at its offset");
    }
}

static void check_record(struct target *target, const struct migp_event *event)
{
    bool payload = event->kind == MIGP_EVENT_DATA;
    bool whole = event->kind == MIGP_EVENT_CONFIG;

    if (event->kind == MIGP_EVENT_FINDING) {
        if (event->finding == 0 || event->bytes) {
            broke(target->outcome, "a FINDING with bytes or without code");
        }
        return;
    }
    if (event->kind == MIGP_EVENT_NONE || event->kind > MIGP_EVENT_FINDING) {
        broke(target->outcome, "an event of no kind");
    }
    if (event->offset < target->last_offset) {
        broke(target->outcome, "event offsets go back");
    }
    target->last_offset = event->offset;
    if (payload && event->size == 0) {
        broke(target->outcome, "a DATA piece of 0 bytes");
    }
    if (payload) {
        check_bytes(target, event->bytes, event->offset, event->size);
    } else if (whole) {
        check_bytes(target, event->bytes, event->offset + 8, event->size);
    } else if (event->bytes) {
        broke(target->outcome, "bytes where there are none");
    }
}

static migp_ssize decoder_feed(struct target *target, const uint8_t *bytes,
                               size_t size, uint32_t flags, size_t max_events,
                               size_t *n_events)
{
    struct migp_event events[MAX_EVENTS];
    migp_ssize got = migp_decoder_feed(target->object, bytes, size, flags,
                                       events, max_events, n_events);
    size_t i;

    for (i = 0; i < *n_events && i < max_events; i++) {
        check_record(target, &events[i]);
        journal_add_event(&target->outcome->journal, &events[i],
                          MIGP_SECTION_BARE, 0);
    }
    return got;
}

static size_t decoder_need(const struct target *target)
{
    return migp_decoder_need(target->object);
}

static uint64_t decoder_offset(const struct target *target)
{
    return migp_decoder_offset(target->object);
}

static void check_qemu_event(struct target *target,
                             const struct migp_qemu_event *event)
{
    if (event->kind == MIGP_QEMU_EVENT_RECORD) {
        check_record(target, &event->record);
        if (event->offset != event->record.offset ||
            event->size != event->record.size ||
            event->bytes != event->record.bytes) {
            broke(target->outcome, "RECORD unlike the record it holds");
        }
        return;
    }
    if (event->kind == MIGP_QEMU_EVENT_FINDING) {
        return;
    }
    if (event->kind == MIGP_QEMU_EVENT_NONE ||
        event->kind > MIGP_QEMU_EVENT_FINDING) {
        broke(target->outcome, "an event of no kind");
    }
    if (event->offset < target->last_offset) {
        broke(target->outcome, "event offsets go back");
    }
    target->last_offset = event->offset;
    if (event->bytes &&
        (event->bytes < target->window ||
         event->bytes + event->size > target->window + target->window_size)) {
        broke(target->outcome, "event bytes outside the bytes of the call");
    }
}

static migp_ssize reader_feed(struct target *target, const uint8_t *bytes,
                              size_t size, uint32_t flags, size_t max_events,
                              size_t *n_events)
{
    struct migp_qemu_event events[MAX_EVENTS];
    migp_ssize got = migp_qemu_reader_feed(target->object, bytes, size, flags,
                                           events, max_events, n_events);
    size_t i;

    for (i = 0; i < *n_events && i < max_events; i++) {
        check_qemu_event(target, &events[i]);
        journal_add_qemu_event(&target->outcome->journal, &events[i]);
    }
    return got;
}

static size_t reader_need(const struct target *target)
{
    return migp_qemu_reader_need(target->object);
}

static uint64_t reader_offset(const struct target *target)
{
    return migp_qemu_reader_offset(target->object);
}

static migp_ssize report_feed(struct target *target, const uint8_t *bytes,
                              size_t size, uint32_t flags, size_t max_events,
                              size_t *n_events)
{
    (void)max_events;
    *n_events = 0;
    return migp_report_feed(target->object, bytes, size, flags);
}

static size_t report_need(const struct target *target)
{
    return migp_report_need(target->object);
}

static size_t next_cut(const struct feeding *feeding, size_t after)
{
    size_t next = feeding->size;
    size_t at;

    if (feeding->cut > after && feeding->cut < next) {
        next = feeding->cut;
    }
    if (feeding->chunk) {
        at = after < feeding->phase
                 ? feeding->phase
                 : after + feeding->chunk -
                       (after - feeding->phase) % feeding->chunk;
        next = at < next ? at : next;
    }
    if (feeding->random && next > after + 1) {
        at = after + 1 + (size_t)prng_below(feeding->random, next - after);
        next = at < next ? at : next;
    }
    return next;
}

static void check_failed(struct target *target, migp_ssize code)
{
    size_t n_events = 0;
    migp_ssize again =
        target->feed(target, (const uint8_t *)"", 1, 0, 1, &n_events);

    if (code < MIGP_ERR_UNSUPPORTED || code > MIGP_ERR_INVALID_ARGUMENT) {
        broke(target->outcome, "a failure that is no error code");
    }
    if (code == MIGP_ERR_INVALID_ARGUMENT) {
        broke(target->outcome, "INVALID_ARGUMENT for good arguments");
    }
    if (again != code || n_events != 0) {
        broke(target->outcome, "another answer after a failure");
    }
}

/* Give bytes[from..to) to the target; returns consumed or a failure. */
static migp_ssize give(struct target *target, const struct feeding *feeding,
                       size_t from, size_t to, size_t *n_events)
{
    size_t max_events = feeding->max_events ? feeding->max_events : MAX_EVENTS;
    uint32_t flags = to == feeding->size && !feeding->open ? MIGP_FEED_LAST : 0;
    const uint8_t *window = feeding->bytes + from;
    uint8_t *copy = NULL;
    migp_ssize got;

    if (max_events > MAX_EVENTS) {
        max_events = MAX_EVENTS;
    }
    if (feeding->exact && to > from) {
        copy = malloc(to - from);
        if (!copy) {
            exit(2);
        }
        memcpy(copy, window, to - from);
        window = copy;
    }
    target->window = window;
    target->window_size = to - from;
    target->window_offset = target->outcome->consumed;
    *n_events = 0;
    got = target->feed(target, to > from ? window : NULL, to - from, flags,
                       max_events, n_events);
    free(copy);
    target->outcome->calls++;
    if (*n_events > max_events) {
        broke(target->outcome, "more events than there is room for");
    }
    if (got > (migp_ssize)(to - from)) {
        broke(target->outcome, "more consumed than given");
        got = (migp_ssize)(to - from);
    }
    return got;
}

static void run(struct target *target, const struct feeding *feeding)
{
    struct outcome *outcome = target->outcome;
    uint64_t base = target->offset ? target->offset(target) : 0;
    size_t full = feeding->max_events ? feeding->max_events : MAX_EVENTS;
    size_t at = 0;
    size_t avail = next_cut(feeding, 0);

    outcome->consumed = base;
    for (;;) {
        size_t n_events;
        size_t given = avail - at;
        migp_ssize got = give(target, feeding, at, avail, &n_events);
        size_t need;

        if (got < 0) {
            outcome->code = got;
            check_failed(target, got);
            return;
        }
        at += (size_t)got;
        outcome->consumed += (uint64_t)got;
        if (target->offset && target->offset(target) != outcome->consumed) {
            broke(outcome, "offset() is not what was consumed");
        }
        if (n_events == full && full > 0) {
            continue; /* there may be more where that came from */
        }
        need = target->need(target);
        if (got == 0 && n_events == 0 && given > 0 && need <= given &&
            avail < feeding->size) {
            broke(outcome, "neither moved nor said what it waits for");
            return;
        }
        if (at < avail && need <= avail - at && avail < feeding->size) {
            broke(outcome, "bytes left without need");
        }
        if (avail == feeding->size) {
            if (got == 0 || at == avail) {
                return;
            }
            continue;
        }
        do {
            avail = next_cut(feeding, avail);
        } while (avail < feeding->size && avail - at < need);
        if (outcome->calls > 64 + 16 * (uint64_t)feeding->size) {
            broke(outcome, "calls without end");
            return;
        }
    }
}

static void begin(struct outcome *outcome, struct target *target)
{
    memset(outcome, 0, sizeof(*outcome));
    memset(target, 0, sizeof(*target));
    migp_error_init(&outcome->error);
    target->outcome = outcome;
}

static void no_object(struct outcome *outcome)
{
    outcome->code = MIGP_ERR_NO_MEMORY;
    outcome->finish = MIGP_ERR_NO_MEMORY;
}

void feed_decoder(struct outcome *outcome, const struct feeding *feeding,
                  const struct migp_decoder_options *options)
{
    struct target target;
    struct migp_decoder *decoder;

    begin(outcome, &target);
    if (migp_decoder_new(&decoder, options, NULL) != MIGP_OK) {
        no_object(outcome);
        return;
    }
    target.object = decoder;
    target.feed = decoder_feed;
    target.need = decoder_need;
    target.offset = decoder_offset;
    run(&target, feeding);
    outcome->finish = migp_decoder_finish(decoder, &outcome->error);
    outcome->dialects = migp_decoder_dialects(decoder);
    if (outcome->code != MIGP_OK && outcome->finish != outcome->code) {
        broke(outcome, "finish() tells another failure than feed()");
    }
    migp_decoder_free(decoder);
}

void feed_reader(struct outcome *outcome, const struct feeding *feeding,
                 const struct migp_qemu_options *options)
{
    struct target target;
    struct migp_qemu_reader *reader;

    begin(outcome, &target);
    if (migp_qemu_reader_new(&reader, options, NULL) != MIGP_OK) {
        no_object(outcome);
        return;
    }
    target.object = reader;
    target.feed = reader_feed;
    target.need = reader_need;
    target.offset = reader_offset;
    run(&target, feeding);
    outcome->finish = migp_qemu_reader_finish(reader, &outcome->error);
    if (outcome->code != MIGP_OK && outcome->finish != outcome->code) {
        broke(outcome, "finish() tells another failure than feed()");
    }
    migp_qemu_reader_free(reader);
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
    uint64_t i;

    if (migp_report_device(report, device, &about) != MIGP_OK) {
        return;
    }
    answer(journal, 1, about.section_id, about.instance_id,
           digest_bytes(DIGEST_START, about.id, strlen(about.id)));
    answer(journal, 2, about.dialects, about.driver, about.complete);
    answer(journal, 3, about.precopy_bytes, about.stopcopy_bytes,
           about.n_parts);
    answer(journal, 4, about.config_offset, about.config_size, about.has_pci);
    answer(journal, 5, about.n_records, about.n_records_omitted,
           about.n_empty_parts);
    answer(journal, 6, about.has_config, about.start_offset, about.n_fields);
    for (i = 0; i < about.n_records; i++) {
        struct migp_report_record record;

        if (migp_report_record(report, device, i, &record) == MIGP_OK) {
            answer(journal, 10u + record.kind, record.offset, record.size,
                   record.section);
        }
    }
    for (i = 0; i < about.n_fields; i++) {
        struct migp_field field;

        if (migp_report_field(report, device, (size_t)i, &field) == MIGP_OK) {
            answer(journal, 30u + field.kind, field.number, field.size,
                   digest_bytes(DIGEST_START, field.name, strlen(field.name)));
        }
    }
}

static void ask(struct journal *journal, const struct migp_report *report)
{
    struct migp_report_summary sum = {.struct_size = sizeof(sum)};
    size_t i;

    if (migp_report_summary(report, &sum) != MIGP_OK) {
        return;
    }
    answer(journal, 100, sum.format, sum.complete, sum.bytes);
    answer(journal, 101, sum.n_sections, sum.n_commands, sum.ram_bytes);
    answer(journal, 102, sum.other_bytes, sum.page_size, sum.footers);
    answer(journal, 103, sum.n_devices, sum.n_findings, sum.worst);
    answer(journal, 104, sum.failed, sum.has_vmdesc, sum.has_switchover_start);
    for (i = 0; i < sum.n_devices; i++) {
        ask_device(journal, report, i);
    }
    for (i = 0; i < sum.n_findings; i++) {
        struct migp_report_finding found;
        struct entry entry;

        if (migp_report_finding(report, i, &found) != MIGP_OK) {
            continue;
        }
        memset(&entry, 0, sizeof(entry));
        entry.kind = ENTRY_FINDING;
        entry.detail = found.finding.code;
        entry.offset = found.finding.offset;
        entry.size = found.finding.value;
        entry.value = found.finding.expected;
        entry.section = found.finding.severity;
        entry.section_id = (uint32_t)found.device;
        journal_add(journal, &entry);
    }
}

void feed_report(struct outcome *outcome, const struct feeding *feeding,
                 const struct migp_report_options *options)
{
    struct target target;
    struct migp_report *report;

    begin(outcome, &target);
    if (migp_report_new(&report, options, NULL) != MIGP_OK) {
        no_object(outcome);
        return;
    }
    target.object = report;
    target.feed = report_feed;
    target.need = report_need;
    run(&target, feeding);
    outcome->finish = migp_report_finish(report, &outcome->error);
    ask(&outcome->journal, report);
    migp_report_free(report);
}

void outcome_free(struct outcome *outcome)
{
    journal_free(&outcome->journal);
}

bool outcome_same(const char *what, const struct outcome *left,
                  const struct outcome *right)
{
    long at = journal_difference(&left->journal, &right->journal);

    if (at >= 0) {
        fprintf(stderr, "%s: events differ\n", what);
        journal_show("left", &left->journal, (size_t)at);
        journal_show("right", &right->journal, (size_t)at);
        return false;
    }
    if (left->code != right->code || left->finish != right->finish ||
        left->error.finding != right->error.finding ||
        left->error.offset != right->error.offset) {
        fprintf(stderr,
                "%s: left %" PRId64 "/%d %s at %" PRIu64 ", right %" PRId64
                "/%d %s at %" PRIu64 "\n",
                what, left->code, left->finish,
                migp_finding_id(left->error.finding), left->error.offset,
                right->code, right->finish,
                migp_finding_id(right->error.finding), right->error.offset);
        return false;
    }
    return true;
}
