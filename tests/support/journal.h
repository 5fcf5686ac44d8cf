/* SPDX-License-Identifier: MIT */
#ifndef MIGP_TESTS_SUPPORT_JOURNAL_H
#define MIGP_TESTS_SUPPORT_JOURNAL_H

/*
 * What a decoder or a reader reported, in a form that does not depend on how
 * the input was cut: pieces of one DATA record are one entry, payload is
 * remembered as a digest.
 */

#include <migproto/migproto.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOURNAL_TEXT 40

enum entry_kind {
    ENTRY_RECORD,  /* detail: enum migp_event_kind */
    ENTRY_READER,  /* detail: enum migp_qemu_event_kind */
    ENTRY_FINDING, /* detail: enum migp_finding_code */
    ENTRY_ANSWER   /* detail: the caller's own number */
};

struct entry {
    uint32_t kind;
    uint32_t detail;
    uint32_t section; /* enum migp_section_kind */
    uint32_t section_id;
    uint64_t offset;
    uint64_t size;
    uint64_t value;
    uint64_t digest;         /* of the bytes */
    char text[JOURNAL_TEXT]; /* machine name or idstr, as far as it fits */
};

struct journal {
    struct entry *entries;
    size_t count;
    size_t room;
};

void journal_add(struct journal *journal, const struct entry *entry);
void journal_add_event(struct journal *journal, const struct migp_event *event,
                       int section, uint32_t section_id);
void journal_add_qemu_event(struct journal *journal,
                            const struct migp_qemu_event *event);
void journal_free(struct journal *journal);

/* Position of the first difference, or -1. */
long journal_difference(const struct journal *left,
                        const struct journal *right);

/*
 * Is shorter how longer begins? Its last entry may be a DATA record that is
 * cut, findings at its very end (offset >= end) do not count.
 */
bool journal_is_prefix(const struct journal *shorter,
                       const struct journal *longer, uint64_t end);

/* One line without newline, as tests/golden/made writes it. */
void entry_print(const struct entry *entry, char *buffer, size_t size);

/* Print both sides around a position to stderr. */
void journal_show(const char *name, const struct journal *journal,
                  size_t around);

uint64_t digest_bytes(uint64_t digest, const void *bytes, size_t size);
#define DIGEST_START UINT64_C(0xcbf29ce484222325)

#endif
