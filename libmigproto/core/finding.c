/* SPDX-License-Identifier: MIT */
#include "core/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct finding_entry {
    uint32_t code;
    uint32_t severity;
    const char *id;
    const char *text;
};

static const struct finding_entry finding_list[] = {
#define MIGP_X(name, number, severity, id, text)                               \
    {name, MIGP_SEVERITY_##severity, id, text},
    MIGP_FINDING_LIST(MIGP_X)
#undef MIGP_X
};

static const struct finding_entry *find_finding(uint32_t code)
{
    size_t i;

    for (i = 0; i < sizeof(finding_list) / sizeof(finding_list[0]); i++) {
        if (finding_list[i].code == code) {
            return &finding_list[i];
        }
    }
    return NULL;
}

const char *migp_finding_id(uint32_t code)
{
    const struct finding_entry *entry = find_finding(code);

    if (code == MIGP_FINDING_NONE) {
        return "none";
    }
    return entry != NULL ? entry->id : "unknown";
}

int migp_finding_severity(uint32_t code)
{
    const struct finding_entry *entry = find_finding(code);

    return entry != NULL ? (int)entry->severity : MIGP_SEVERITY_NOTE;
}

const char *migp_severity_id(int severity)
{
    switch (severity) {
    case MIGP_SEVERITY_ERROR:
        return "error";
    case MIGP_SEVERITY_WARNING:
        return "warning";
    default:
        return "note";
    }
}

struct migp_finding migp_finding_make(uint32_t code, uint64_t offset,
                                      uint64_t value, uint64_t expected)
{
    struct migp_finding finding = {code, (uint32_t)migp_finding_severity(code),
                                   offset, value, expected};

    return finding;
}

/* By tag number and by section byte; see enum migp_event_kind. */
static const char *const record_names[] = {NULL,
                                           "END",
                                           "CONFIG",
                                           "SETUP",
                                           "DATA",
                                           "INIT_DATA_SENT",
                                           "CONFIG_LOAD_READY"};
static const char *const section_names[] = {NULL, "START", "PART", "END",
                                            "FULL"};

static const char *name_of(const char *const *names, size_t n, uint64_t number)
{
    return number > 0 && number < n ? names[number] : "something unknown";
}

/* The text of one placeholder, "{v}" and the like; NULL if it is none. */
static const char *placeholder(const struct migp_finding *finding,
                               const char *at, char *number, size_t size)
{
    if (at[0] != '{' || at[1] == '\0' || at[2] != '}') {
        return NULL;
    }
    switch (at[1]) {
    case 'v':
        (void)snprintf(number, size, "%" PRIu64, finding->value);
        return number;
    case 'V':
        (void)snprintf(number, size, "0x%" PRIx64, finding->value);
        return number;
    case 'e':
        (void)snprintf(number, size, "%" PRIu64, finding->expected);
        return number;
    case 'r':
        return name_of(record_names, sizeof(record_names) / sizeof(char *),
                       finding->value);
    case 's':
        return name_of(section_names, sizeof(section_names) / sizeof(char *),
                       finding->value);
    case 'E':
        (void)snprintf(number, size, "0x%" PRIx64, finding->expected);
        return number;
    default:
        return NULL;
    }
}

migp_ssize migp_finding_text(const struct migp_finding *finding, char *buffer,
                             size_t size)
{
    const struct finding_entry *entry;
    const char *at;
    char number[24];
    size_t length = 0;

    if (finding == NULL || (buffer == NULL && size > 0)) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    entry = find_finding(finding->code);
    at = entry != NULL ? entry->text : "finding {v} is not known";
    while (*at != '\0') {
        const char *piece = placeholder(finding, at, number, sizeof(number));
        size_t piece_size = 1;

        if (piece != NULL) {
            piece_size = strlen(piece);
            at += 3;
        } else {
            piece = at++;
        }
        if (length + piece_size < size) {
            memcpy(buffer + length, piece, piece_size);
        } else if (length < size) {
            memcpy(buffer + length, piece, size - length - 1);
        }
        length += piece_size;
    }
    if (size > 0) {
        buffer[length < size ? length : size - 1] = '\0';
    }
    return (migp_ssize)length;
}
