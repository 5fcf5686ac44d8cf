/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "support/made.h"

#include "support/file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SIZE 512

static _Noreturn void wrong(const struct made *made, const char *what,
                            const char *where)
{
    fprintf(stderr, "%s: %s: \"%s\"\n", made->name, what, where);
    exit(2);
}

static void *grown(void *old, size_t size)
{
    void *memory = realloc(old, size ? size : 1);

    if (!memory) {
        fprintf(stderr, "no memory for a made stream\n");
        exit(2);
    }
    return memory;
}

static void put(struct made *made, const uint8_t *bytes, size_t size)
{
    made->bytes = grown(made->bytes, made->size + size);
    memcpy(made->bytes + made->size, bytes, size);
    made->size += size;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "00ff" or "4096*00". */
static void put_hex(struct made *made, const char *word)
{
    const char *star = strchr(word, '*');
    const char *hex = star ? star + 1 : word;
    unsigned long count = star ? strtoul(word, NULL, 10) : 1;
    uint8_t unit[256];
    size_t size = 0;

    for (; *hex; hex += 2) {
        int high = digit(hex[0]);
        int low = hex[1] ? digit(hex[1]) : -1;

        if (high < 0 || low < 0 || size == sizeof(unit)) {
            wrong(made, "not hex digits in pairs", word);
        }
        unit[size++] = (uint8_t)(high * 16 + low);
    }
    while (count-- > 0) {
        put(made, unit, size);
    }
}

static void put_label(struct made *made, char *word)
{
    word[strlen(word) - 1] = '\0';
    made->labels =
        grown(made->labels, (made->n_labels + 1) * sizeof(*made->labels));
    made->label_offsets =
        grown(made->label_offsets,
              (made->n_labels + 1) * sizeof(*made->label_offsets));
    made->labels[made->n_labels] = word;
    made->label_offsets[made->n_labels++] = made->size;
}

static void read_bytes(struct made *made, char *line)
{
    char *rest = line;

    for (;;) {
        char *word = rest + strspn(rest, " \t");

        if (*word == '\0' || *word == '#') {
            return;
        }
        if (*word == '"') {
            rest = strchr(word + 1, '"');
            if (!rest) {
                wrong(made, "a string without end", word);
            }
            put(made, (const uint8_t *)word + 1, (size_t)(rest - word - 1));
            rest++;
            continue;
        }
        rest = word + strcspn(word, " \t");
        if (*rest) {
            *rest++ = '\0';
        }
        if (word[strlen(word) - 1] == ':') {
            put_label(made, word);
        } else {
            put_hex(made, word);
        }
    }
}

static uint32_t dialects_named(const struct made *made, char *names)
{
    uint32_t set = 0;
    char *word;

    for (word = strtok(names, " "); word; word = strtok(NULL, " ")) {
        if (strcmp(word, "v2") == 0) {
            set |= MIGP_DIALECT_V2;
        } else if (strcmp(word, "v1") == 0) {
            set |= MIGP_DIALECT_V1;
        } else if (strcmp(word, "qemu-5.2") == 0) {
            set |= MIGP_DIALECT_QEMU_5_2;
        } else {
            wrong(made, "no dialect", word);
        }
    }
    return set;
}

static int code_named(const struct made *made, const char *name)
{
    int code;

    for (code = 0; code >= MIGP_ERR_UNSUPPORTED; code--) {
        if (strcmp(migp_error_id(code), name) == 0) {
            return code;
        }
    }
    wrong(made, "no error", name);
}

static void read_vmdesc(struct made *made, char *words)
{
    char *space = strrchr(words, ' ');

    if (!space) {
        wrong(made, "@ vmdesc wants idstr and size", words);
    }
    *space = '\0';
    made->vmdesc.idstr = words;
    made->vmdesc.size = strtoull(space + 1, NULL, 10);
    made->n_vmdesc = 1;
}

static void read_setting(struct made *made, char *line)
{
    char *name = line + strspn(line, "@ ");
    char *value = name + strcspn(name, " ");

    if (*value) {
        *value++ = '\0';
    }
    if (strcmp(name, "read") == 0) {
        made->is_qemu = strcmp(value, "qemu") == 0;
    } else if (strcmp(name, "footers") == 0) {
        made->footers = strcmp(value, "off") == 0 ? MIGP_QEMU_FOOTERS_OFF
                                                  : MIGP_QEMU_FOOTERS_ON;
    } else if (strcmp(name, "page-size") == 0) {
        made->page_size = (uint32_t)strtoul(value, NULL, 10);
    } else if (strcmp(name, "vmdesc") == 0) {
        read_vmdesc(made, value);
    } else if (strcmp(name, "finish") == 0) {
        made->finish = code_named(made, value);
    } else if (strcmp(name, "dialects") == 0) {
        made->dialects = dialects_named(made, value);
    } else if (strcmp(name, "device-complete") == 0) {
        made->device_complete = atoi(value);
    } else if (strcmp(name, "driver") == 0) {
        made->driver = value;
    } else if (strcmp(name, "driver-finish") == 0) {
        made->driver_finish = code_named(made, value);
    } else if (strcmp(name, "ambiguous") == 0) {
        made->ambiguous = value;
    } else {
        wrong(made, "no setting", name);
    }
}

static uint64_t label_offset(const struct made *made, const char *name,
                             size_t size)
{
    size_t i;

    for (i = 0; i < made->n_labels; i++) {
        if (strlen(made->labels[i]) == size &&
            memcmp(made->labels[i], name, size) == 0) {
            return made->label_offsets[i];
        }
    }
    wrong(made, "no such label", name);
}

/* Replace "@label" by its offset. */
static char *resolved(const struct made *made, const char *line)
{
    char *out = grown(NULL, LINE_SIZE);
    size_t length = 0;

    while (*line && length < LINE_SIZE - 24) {
        size_t size = strcspn(line + 1, " ");

        if (*line != '@') {
            out[length++] = *line++;
            continue;
        }
        length += (size_t)sprintf(out + length, "%" PRIu64,
                                  label_offset(made, line + 1, size));
        line += 1 + size;
    }
    out[length] = '\0';
    return out;
}

static void resolve(struct made *made)
{
    size_t i;

    for (i = 0; i < made->n_events; i++) {
        made->events[i] = resolved(made, made->events[i]);
    }
    for (i = 0; i < made->n_driver_findings; i++) {
        made->driver_findings[i] = resolved(made, made->driver_findings[i]);
    }
    if (made->ambiguous) {
        const char *to = strchr(made->ambiguous, ' ') + 1;

        made->ambiguous_from = label_offset(made, made->ambiguous,
                                            (size_t)(to - made->ambiguous - 1));
        made->ambiguous_to = label_offset(made, to, strlen(to));
    }
}

static void add_line(char ***lines, size_t *count, char *line)
{
    *lines = grown(*lines, (*count + 1) * sizeof(**lines));
    (*lines)[(*count)++] = line + 1 + strspn(line + 1, " ");
}

static void read_line(struct made *made, char *line)
{
    char *start = line + strspn(line, " \t");

    if (*start == '@') {
        read_setting(made, start);
    } else if (*start == '=') {
        add_line(&made->events, &made->n_events, start);
    } else if (*start == '!') {
        add_line(&made->driver_findings, &made->n_driver_findings, start);
    } else {
        read_bytes(made, start);
    }
}

struct made made_load(const char *path)
{
    struct file file = golden_load(path);
    struct made made;
    char *rest;

    memset(&made, 0, sizeof(made));
    made.device_complete = -1;
    made.name = file.name;
    made.text = grown(NULL, file.size + 1);
    memcpy(made.text, file.bytes, file.size);
    made.text[file.size] = '\0';
    free(file.bytes);
    for (rest = made.text; rest && *rest;) {
        char *line = rest;

        rest = strchr(line, '\n');
        if (rest) {
            *rest++ = '\0';
        }
        read_line(&made, line);
    }
    resolve(&made);
    return made;
}

void made_free(struct made *made)
{
    size_t i;

    for (i = 0; i < made->n_events; i++) {
        free(made->events[i]);
    }
    for (i = 0; i < made->n_driver_findings; i++) {
        free(made->driver_findings[i]);
    }
    free(made->driver_findings);
    free(made->events);
    free(made->labels);
    free(made->label_offsets);
    free(made->bytes);
    free(made->text);
    free(made->name);
    memset(made, 0, sizeof(*made));
}

struct migp_qemu_options made_options(const struct made *made)
{
    struct migp_qemu_options options;

    memset(&options, 0, sizeof(options));
    options.struct_size = sizeof(options);
    migp_qemu_options_init(&options);
    options.footers = made->footers;
    options.page_size = made->page_size;
    if (made->n_vmdesc) {
        options.vmdesc = &made->vmdesc;
        options.n_vmdesc = made->n_vmdesc;
    }
    return options;
}

void made_feed(const struct made *made, struct outcome *outcome,
               const struct feeding *feeding)
{
    struct migp_qemu_options options = made_options(made);

    if (made->is_qemu) {
        feed_reader(outcome, feeding, &options);
    } else {
        feed_decoder(outcome, feeding, NULL);
    }
}
