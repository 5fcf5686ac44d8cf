/* SPDX-License-Identifier: MIT */
#include "support/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a: one byte after the other, so pieces give what the whole gives. */
uint64_t digest_bytes(uint64_t digest, const void *bytes, size_t size)
{
    const uint8_t *byte = bytes;
    size_t i;

    for (i = 0; i < size; i++) {
        digest = (digest ^ byte[i]) * UINT64_C(0x100000001b3);
    }
    return digest;
}

void journal_add(struct journal *journal, const struct entry *entry)
{
    if (journal->count == journal->room) {
        journal->room = journal->room ? journal->room * 2 : 64;
        journal->entries = realloc(journal->entries,
                                   journal->room * sizeof(*journal->entries));
        if (!journal->entries) {
            fprintf(stderr, "no memory for a journal\n");
            exit(2);
        }
    }
    journal->entries[journal->count++] = *entry;
}

static bool continues(const struct journal *journal, const struct entry *entry)
{
    const struct entry *before;

    if (journal->count == 0 || entry->kind != ENTRY_RECORD ||
        entry->detail != MIGP_EVENT_DATA) {
        return false;
    }
    before = &journal->entries[journal->count - 1];
    return before->kind == ENTRY_RECORD && before->detail == MIGP_EVENT_DATA &&
           before->offset + before->size == entry->offset &&
           before->section_id == entry->section_id;
}

void journal_add_event(struct journal *journal, const struct migp_event *event,
                       int section, uint32_t section_id)
{
    struct entry entry;

    memset(&entry, 0, sizeof(entry));
    entry.offset = event->offset;
    entry.size = event->size;
    if (event->kind == MIGP_EVENT_FINDING) {
        entry.kind = ENTRY_FINDING;
        entry.detail = event->finding;
        entry.value = event->expected;
        journal_add(journal, &entry);
        return;
    }
    entry.kind = ENTRY_RECORD;
    entry.detail = event->kind;
    entry.section = (uint32_t)section;
    entry.section_id = section_id;
    if (continues(journal, &entry)) {
        struct entry *before = &journal->entries[journal->count - 1];

        before->size += entry.size;
        before->digest =
            digest_bytes(before->digest, event->bytes, (size_t)event->size);
        return;
    }
    entry.digest = DIGEST_START;
    if (event->bytes) {
        entry.digest =
            digest_bytes(entry.digest, event->bytes, (size_t)event->size);
    }
    journal_add(journal, &entry);
}

void journal_add_qemu_event(struct journal *journal,
                            const struct migp_qemu_event *event)
{
    struct entry entry;

    if (event->kind == MIGP_QEMU_EVENT_RECORD) {
        journal_add_event(journal, &event->record, (int)event->value,
                          event->section ? event->section->section_id : 0);
        return;
    }
    memset(&entry, 0, sizeof(entry));
    entry.offset = event->offset;
    entry.size = event->size;
    entry.value = event->value;
    if (event->kind == MIGP_QEMU_EVENT_FINDING) {
        entry.kind = ENTRY_FINDING;
        entry.detail = event->finding;
        journal_add(journal, &entry);
        return;
    }
    entry.kind = ENTRY_READER;
    entry.detail = event->kind;
    entry.digest = DIGEST_START;
    if (event->bytes) {
        entry.digest =
            digest_bytes(entry.digest, event->bytes, (size_t)event->size);
    }
    if (event->section) {
        entry.section_id = event->section->section_id;
        snprintf(entry.text, sizeof(entry.text), "%s", event->section->idstr);
    } else if (event->kind == MIGP_QEMU_EVENT_MACHINE && event->bytes) {
        snprintf(entry.text, sizeof(entry.text), "%.*s", (int)event->size,
                 (const char *)event->bytes);
    }
    journal_add(journal, &entry);
}

void journal_free(struct journal *journal)
{
    free(journal->entries);
    memset(journal, 0, sizeof(*journal));
}

long journal_difference(const struct journal *left, const struct journal *right)
{
    size_t both = left->count < right->count ? left->count : right->count;
    size_t i;

    for (i = 0; i < both; i++) {
        if (memcmp(&left->entries[i], &right->entries[i],
                   sizeof(left->entries[i])) != 0) {
            return (long)i;
        }
    }
    return left->count == right->count ? -1 : (long)both;
}

bool journal_is_prefix(const struct journal *shorter,
                       const struct journal *longer, uint64_t end)
{
    size_t count = shorter->count;
    const struct entry *left;
    const struct entry *right;

    while (count > 0 && shorter->entries[count - 1].kind == ENTRY_FINDING &&
           shorter->entries[count - 1].offset >= end) {
        count--;
    }
    if (count == 0) {
        return true;
    }
    if (count > longer->count ||
        memcmp(shorter->entries, longer->entries,
               (count - 1) * sizeof(*shorter->entries)) != 0) {
        return false;
    }
    left = &shorter->entries[count - 1];
    right = &longer->entries[count - 1];
    if (left->kind == ENTRY_RECORD && left->detail == MIGP_EVENT_DATA) {
        return right->kind == ENTRY_RECORD &&
               right->detail == MIGP_EVENT_DATA &&
               left->offset == right->offset && left->size <= right->size;
    }
    return memcmp(left, right, sizeof(*left)) == 0;
}

static void print_reader(const struct entry *entry, char *buffer, size_t size)
{
    uint64_t at = entry->offset;

    switch (entry->detail) {
    case MIGP_QEMU_EVENT_HEADER:
        snprintf(buffer, size, "HEADER %" PRIu64 " version %" PRIu64, at,
                 entry->value);
        break;
    case MIGP_QEMU_EVENT_MACHINE:
        snprintf(buffer, size, "MACHINE %" PRIu64 " %s", at, entry->text);
        break;
    case MIGP_QEMU_EVENT_SECTION:
        snprintf(buffer, size,
                 "SECTION %" PRIu64 " %s %" PRIu32 " %s head %" PRIu64, at,
                 migp_section_id((int)entry->value), entry->section_id,
                 entry->text, entry->size);
        break;
    case MIGP_QEMU_EVENT_SECTION_END:
        snprintf(buffer, size,
                 "SECTION_END %" PRIu64 " %s %" PRIu32 " payload %" PRIu64, at,
                 migp_section_id((int)entry->value), entry->section_id,
                 entry->size);
        break;
    case MIGP_QEMU_EVENT_COMMAND:
        snprintf(buffer, size, "COMMAND %" PRIu64 " %s body %" PRIu64, at,
                 migp_qemu_command_id((uint32_t)entry->value), entry->size);
        break;
    case MIGP_QEMU_EVENT_END_OF_STREAM:
        snprintf(buffer, size, "END_OF_STREAM %" PRIu64, at);
        break;
    case MIGP_QEMU_EVENT_VMDESC:
        snprintf(buffer, size, "VMDESC %" PRIu64 " json %" PRIu64, at,
                 entry->size);
        break;
    default:
        snprintf(buffer, size, "READER-EVENT %" PRIu32, entry->detail);
        break;
    }
}

void entry_print(const struct entry *entry, char *buffer, size_t size)
{
    switch (entry->kind) {
    case ENTRY_FINDING:
        snprintf(buffer, size, "FINDING %s %" PRIu64 " %" PRIu64 " %" PRIu64,
                 migp_finding_id(entry->detail), entry->offset, entry->size,
                 entry->value);
        break;
    case ENTRY_RECORD:
        /* DATA_BEGIN is the record, DATA its payload. */
        snprintf(buffer, size, "%s %s %" PRIu64 " %" PRIu64,
                 migp_section_id((int)entry->section),
                 entry->detail == MIGP_EVENT_DATA ? "PAYLOAD"
                 : entry->detail == MIGP_EVENT_DATA_BEGIN
                     ? "DATA"
                     : migp_record_id((int)entry->detail),
                 entry->offset, entry->size);
        break;
    case ENTRY_READER:
        print_reader(entry, buffer, size);
        break;
    default:
        snprintf(buffer, size,
                 "ANSWER %" PRIu32 " %" PRIu64 " %" PRIu64 " %" PRIu64,
                 entry->detail, entry->offset, entry->size, entry->value);
        break;
    }
}

void journal_show(const char *name, const struct journal *journal,
                  size_t around)
{
    size_t from = around > 3 ? around - 3 : 0;
    size_t i;

    fprintf(stderr, "%s (%zu entries):\n", name, journal->count);
    for (i = from; i < journal->count && i < around + 4; i++) {
        char line[512];

        entry_print(&journal->entries[i], line, sizeof(line));
        fprintf(stderr, "  %s[%zu] %s\n", i == around ? ">" : " ", i, line);
    }
}
