/* SPDX-License-Identifier: MIT */
#include "vmdesc.h"

#include "message.h"

#include <json-c/json.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Descriptions seen are 40 to 60 KiB; big guests reach some MiB. */
#define MAX_TEXT ((uint64_t)16 << 20)
/* Each object costs json-c some 700 bytes, each value in a list some 70: bound
 * what one device may take. */
#define MAX_CONTAINERS 16384
#define MAX_COMMAS 131072
#define MAX_DEPTH 64
#define MAX_ENTRIES 8192
/* Sums below this cannot overflow, whatever is added next. */
#define MAX_SIZE ((uint64_t)1 << 40)

struct cursor {
    const char *text;
    size_t size;
    size_t position;
};

/* The next byte that is not blank, 0 at the end; it is not taken. */
static char peek(struct cursor *cursor)
{
    while (cursor->position < cursor->size) {
        char c = cursor->text[cursor->position];

        if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
            return c;
        }
        cursor->position++;
    }
    return '\0';
}

static bool take(struct cursor *cursor, char wanted)
{
    if (peek(cursor) != wanted) {
        return false;
    }
    cursor->position++;
    return true;
}

/* Past the closing quote of the string that starts here. */
static bool pass_string(struct cursor *cursor)
{
    while (++cursor->position < cursor->size) {
        char c = cursor->text[cursor->position];

        if (c == '"') {
            cursor->position++;
            return true;
        }
        if (c == '\\') {
            cursor->position++;
        }
    }
    return false;
}

/* Past one value, whose brackets are counted before any of it is parsed: the
 * parser's memory must not be the peer's choice. */
static bool pass_value(struct cursor *cursor)
{
    unsigned int containers = 0;
    unsigned int commas = 0;
    unsigned int depth = 0;

    peek(cursor);
    while (cursor->position < cursor->size) {
        char c = cursor->text[cursor->position];

        if (depth == 0 && (c == ',' || c == '}' || c == ']')) {
            return true;
        }
        if (c == '"') {
            if (!pass_string(cursor)) {
                return false;
            }
            continue;
        }
        if (c == '{' || c == '[') {
            depth++;
            containers++;
        } else if (c == '}' || c == ']') {
            depth--;
        } else if (c == ',') {
            commas++;
        }
        if (depth > MAX_DEPTH || containers > MAX_CONTAINERS ||
            commas > MAX_COMMAS) {
            return false;
        }
        cursor->position++;
    }
    return false;
}

/* The value that starts here, or NULL if it is broken (or null). */
static struct json_object *parse_value(struct cursor *cursor)
{
    struct json_tokener *tokener;
    struct json_object *value = NULL;
    size_t start;

    peek(cursor);
    start = cursor->position;
    if (!pass_value(cursor) || cursor->position - start > INT_MAX) {
        return NULL;
    }
    tokener = json_tokener_new_ex(MAX_DEPTH + 1);
    if (tokener == NULL) {
        return NULL;
    }
    /* A number ends only where something else begins: one byte more, which
     * pass_value() has seen. */
    value = json_tokener_parse_ex(tokener, cursor->text + start,
                                  (int)(cursor->position - start + 1));
    if (json_tokener_get_error(tokener) != json_tokener_success) {
        json_object_put(value);
        value = NULL;
    }
    json_tokener_free(tokener);
    return value;
}

/* A whole number from 0 to limit. */
static bool get_number(struct json_object *object, const char *key,
                       uint64_t limit, uint64_t *number)
{
    struct json_object *value;
    int64_t got;

    if (!json_object_object_get_ex(object, key, &value) ||
        !json_object_is_type(value, json_type_int)) {
        return false;
    }
    got = json_object_get_int64(value);
    if (got < 0 || (uint64_t)got > limit) {
        return false;
    }
    *number = (uint64_t)got;
    return true;
}

static bool add_fields(struct json_object *fields, uint64_t *size)
{
    size_t n = json_object_array_length(fields);
    size_t i;

    for (i = 0; i < n; i++) {
        struct json_object *field = json_object_array_get_idx(fields, i);
        uint64_t one;
        uint64_t count = 1;

        if (!json_object_is_type(field, json_type_object) ||
            !get_number(field, "size", MAX_SIZE, &one)) {
            return false;
        }
        if (json_object_object_get_ex(field, "array_len", NULL) &&
            !get_number(field, "array_len", MAX_SIZE, &count)) {
            return false;
        }
        if (one != 0 && count > (MAX_SIZE - *size) / one) {
            return false;
        }
        *size += one * count;
    }
    return true;
}

/* Bytes that a description with "fields" and "subsections" takes. A
 * subsection has a head: 0x05, length of its name, name, be32 version. The
 * size of a field of structs already counts what is inside. */
/* NOLINTNEXTLINE(misc-no-recursion): MAX_DEPTH bounds the parsed tree. */
static bool add_vmsd(struct json_object *vmsd, uint64_t *size)
{
    struct json_object *list;
    struct json_object *name;
    size_t n;
    size_t i;

    if (!json_object_is_type(vmsd, json_type_object) ||
        !json_object_object_get_ex(vmsd, "fields", &list) ||
        !json_object_is_type(list, json_type_array) ||
        !add_fields(list, size)) {
        return false;
    }
    if (!json_object_object_get_ex(vmsd, "subsections", &list)) {
        return true;
    }
    n = json_object_is_type(list, json_type_array)
            ? json_object_array_length(list)
            : 0;
    for (i = 0; i < n; i++) {
        struct json_object *one = json_object_array_get_idx(list, i);

        if (!json_object_object_get_ex(one, "vmsd_name", &name) ||
            !json_object_is_type(name, json_type_string)) {
            return false;
        }
        *size += 1 + 1 + (uint64_t)json_object_get_string_len(name) + 4;
        if (*size > MAX_SIZE || !add_vmsd(one, size)) {
            return false;
        }
    }
    return true;
}

static void add_device(struct migp_vmdesc *vmdesc, struct json_object *device,
                       struct migp_vmdesc_place place)
{
    struct migp_vmdesc_entry *entry;
    struct json_object *name;
    const char *text;
    uint64_t instance;
    uint64_t size = 0;

    if (!json_object_is_type(device, json_type_object) ||
        !json_object_object_get_ex(device, "name", &name) ||
        !json_object_is_type(name, json_type_string) ||
        !get_number(device, "instance_id", UINT32_MAX, &instance)) {
        return;
    }
    text = json_object_get_string(name);
    if (strlen(text) != (size_t)json_object_get_string_len(name)) {
        return;
    }
    /* Handlers without a description of fields, VFIO's among them, have
     * their size at the top. */
    if (!get_number(device, "size", MAX_SIZE, &size) &&
        !add_vmsd(device, &size)) {
        return;
    }
    vmdesc->entries = migp_memory_resize(vmdesc->entries, vmdesc->n_entries + 1,
                                         sizeof(*vmdesc->entries));
    vmdesc->places = migp_memory_resize(vmdesc->places, vmdesc->n_entries + 1,
                                        sizeof(*vmdesc->places));
    vmdesc->places[vmdesc->n_entries] = place;
    entry = &vmdesc->entries[vmdesc->n_entries++];
    memset(entry, 0, sizeof(*entry));
    entry->idstr = migp_memory_copy_text(text);
    entry->instance_id = (uint32_t)instance;
    entry->size = size;
}

static bool parse_devices(struct migp_vmdesc *vmdesc, struct cursor *cursor)
{
    if (!take(cursor, '[')) {
        return false;
    }
    if (take(cursor, ']')) {
        return true;
    }
    do {
        struct json_object *device;
        size_t start;

        (void)peek(cursor);
        start = cursor->position;
        device = parse_value(cursor);
        if (device == NULL || vmdesc->n_entries == MAX_ENTRIES) {
            json_object_put(device);
            return false;
        }
        add_device(vmdesc, device,
                   (struct migp_vmdesc_place){start, cursor->position - start});
        json_object_put(device);
    } while (take(cursor, ','));
    return take(cursor, ']');
}

static bool parse_page_size(struct migp_vmdesc *vmdesc, struct cursor *cursor)
{
    struct json_object *value;
    char first = peek(cursor);
    int64_t size;

    if (first < '0' || first > '9') {
        return pass_value(cursor);
    }
    value = parse_value(cursor);
    size = json_object_get_int64(value);

    if (json_object_is_type(value, json_type_int) && size >= 1024 &&
        size <= 65536 && (size & (size - 1)) == 0) {
        vmdesc->page_size = (uint32_t)size;
    }
    json_object_put(value);
    return true;
}

/* One "key": value of the outermost object. */
static bool parse_member(struct migp_vmdesc *vmdesc, struct cursor *cursor)
{
    static const char devices[] = "\"devices\"";
    static const char page_size[] = "\"page_size\"";
    const char *key;
    size_t size;

    if (peek(cursor) != '"') {
        return false;
    }
    key = cursor->text + cursor->position;
    if (!pass_string(cursor)) {
        return false;
    }
    size = (size_t)(cursor->text + cursor->position - key);
    if (!take(cursor, ':')) {
        return false;
    }
    if (size == strlen(devices) && memcmp(key, devices, size) == 0) {
        return parse_devices(vmdesc, cursor);
    }
    if (size == strlen(page_size) && memcmp(key, page_size, size) == 0) {
        return parse_page_size(vmdesc, cursor);
    }
    return pass_value(cursor);
}

void migp_vmdesc_parse(struct migp_vmdesc *vmdesc, const char *text,
                       size_t size)
{
    struct cursor cursor = {text, size, 0};

    memset(vmdesc, 0, sizeof(*vmdesc));
    if (!take(&cursor, '{')) {
        return;
    }
    /* What was understood before something broke stays: each entry stands
     * for itself, and the reader checks it against the section. */
    while (parse_member(vmdesc, &cursor) && take(&cursor, ',')) {
    }
}

static uint64_t load_be32(const uint8_t *bytes)
{
    return (uint64_t)bytes[0] << 24 | (uint64_t)bytes[1] << 16 |
           (uint64_t)bytes[2] << 8 | bytes[3];
}

/* Find the 0x06 whose length reaches the end of the file; gives the text's
 * offset in *offset, 0 if there is none. JSON has no byte 0x06 in it, so the
 * first one met from behind is the right one. */
static int find_text(const struct migp_input *input, uint64_t *offset)
{
    enum {
        BLOCK = 65536,
        HEAD = 5
    };
    uint8_t *block = migp_memory_resize(NULL, BLOCK + HEAD, 1);
    uint64_t end = input->size;
    uint64_t stop = end > MAX_TEXT ? end - MAX_TEXT : 0;
    int result = 0;

    *offset = 0;
    /* Heads start in [begin, end); the block holds all their bytes. */
    while (result == 0 && *offset == 0 && end > stop) {
        uint64_t begin = end - stop > BLOCK ? end - BLOCK : stop;
        uint64_t rest = input->size - begin;
        size_t held = rest < BLOCK + HEAD ? (size_t)rest : BLOCK + HEAD;
        size_t i = held > HEAD ? held - HEAD : 0;

        result = migp_input_read_at(input, begin, block, held);
        while (result == 0 && i-- > 0) {
            if (block[i] == 0x06 &&
                load_be32(block + i + 1) == rest - i - HEAD) {
                *offset = begin + i + HEAD;
                break;
            }
        }
        end = begin;
    }
    free(block);
    return result;
}

int migp_vmdesc_load(struct migp_vmdesc *vmdesc, const struct migp_input *input)
{
    uint8_t magic[4];
    uint64_t offset;
    char *text;
    size_t size;

    memset(vmdesc, 0, sizeof(*vmdesc));
    if (!input->seekable || input->size < sizeof(magic)) {
        return 0;
    }
    if (migp_input_read_at(input, 0, magic, sizeof(magic)) != 0) {
        return -1;
    }
    /* QEMU's stream may be in a save file of libvirt's. */
    if (memcmp(magic, "QEVM", sizeof(magic)) != 0 &&
        memcmp(magic, "Libv", sizeof(magic)) != 0) {
        return 0;
    }
    if (find_text(input, &offset) != 0) {
        return -1;
    }
    if (offset == 0) {
        return 0;
    }
    size = (size_t)(input->size - offset);
    text = migp_memory_resize(NULL, size, 1);
    if (migp_input_read_at(input, offset, text, size) != 0) {
        free(text);
        return -1;
    }
    migp_vmdesc_parse(vmdesc, text, size);
    vmdesc->text_offset = offset;
    vmdesc->text_size = size;
    free(text);
    return 0;
}

void migp_vmdesc_free(struct migp_vmdesc *vmdesc)
{
    size_t i;

    for (i = 0; i < vmdesc->n_entries; i++) {
        free((char *)vmdesc->entries[i].idstr);
    }
    free(vmdesc->entries);
    free(vmdesc->places);
    memset(vmdesc, 0, sizeof(*vmdesc));
}
