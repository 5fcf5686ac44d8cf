/* SPDX-License-Identifier: MIT */
#include "graft_vmdesc.h"

#include "message.h"

#include <json-c/json.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* The CONFIG tag before the config bytes, and END_OF_STATE behind them. */
#define TAGS_SIZE 16
/* A description is 0x06, be32 length, text. */
#define LENGTH_SIZE 4

static const struct migp_vmdesc_place *
find_entry(const struct migp_scan *scan, const char *id, uint32_t instance)
{
    const struct migp_vmdesc *vmdesc = &scan->vmdesc;
    size_t i;

    for (i = 0; i < vmdesc->n_entries; i++) {
        if (strcmp(vmdesc->entries[i].idstr, id) == 0 &&
            vmdesc->entries[i].instance_id == instance) {
            return &vmdesc->places[i];
        }
    }
    return NULL;
}

static struct json_object *parse(const char *text, size_t size)
{
    struct json_tokener *tokener = json_tokener_new();
    struct json_object *entry = NULL;

    if (tokener != NULL && size <= INT_MAX) {
        entry = json_tokener_parse_ex(tokener, text, (int)size);
    }
    if (tokener != NULL) {
        json_tokener_free(tokener);
    }
    return entry;
}

/* Set "size" of one object, which must have been the old one. */
static int set_size(struct json_object *object, uint64_t old_size,
                    uint64_t new_size)
{
    struct json_object *size;

    if (!json_object_is_type(object, json_type_object) ||
        !json_object_object_get_ex(object, "size", &size) ||
        !json_object_is_type(size, json_type_int) ||
        json_object_get_uint64(size) != old_size) {
        return -1;
    }
    return json_object_set_uint64(size, new_size) == 1 ? 0 : -1;
}

/* {"name", "instance_id", "size", "fields": [{"name": "data", "size", ...}]}
 * is what QEMU writes of a handler that is no VMStateDescription:
 * migration/savevm.c. */
static int set_sizes(struct json_object *entry, uint64_t old_size,
                     uint64_t new_size)
{
    struct json_object *fields;

    if (set_size(entry, old_size, new_size) != 0) {
        return -1;
    }
    if (!json_object_object_get_ex(entry, "fields", &fields)) {
        return 0;
    }
    if (!json_object_is_type(fields, json_type_array) ||
        json_object_array_length(fields) != 1) {
        return -1;
    }
    return set_size(json_object_array_get_idx(fields, 0), old_size, new_size);
}

/* The entry's text, with the new size in it. The caller's, to free(); NULL if
 * it is not what QEMU writes of a VFIO device. */
static char *rewrite(const char *text, size_t size, uint64_t old_size,
                     uint64_t new_size)
{
    struct json_object *entry = parse(text, size);
    const char *changed = NULL;
    char *result;

    if (set_sizes(entry, old_size, new_size) == 0) {
        changed = json_object_to_json_string_ext(
            entry, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    }
    result = changed != NULL ? migp_memory_copy_text(changed) : NULL;
    json_object_put(entry);
    return result;
}

static void plan_entry(struct migp_graft_plan *plan,
                       const struct migp_vmdesc *vmdesc, size_t main,
                       const struct migp_vmdesc_place *place, const char *text)
{
    size_t size = strlen(text);

    migp_graft_plan_write_be32(
        plan, main, vmdesc->text_offset - LENGTH_SIZE,
        (uint32_t)(vmdesc->text_size - place->size + size));
    migp_graft_plan_write(plan, main, vmdesc->text_offset + place->start,
                          place->size, text, size);
}

int migp_graft_vmdesc(struct migp_graft_plan *plan,
                      const struct migp_graft_site *site,
                      const struct migp_scan *scan,
                      const struct migp_input *file, size_t main,
                      uint64_t config_size)
{
    const struct migp_vmdesc_place *place;
    char *text;
    char *changed;
    int result = -1;

    /* With multifd the FULL section holds a tag alone. */
    if (config_size == site->config_size || site->shown.on_multifd ||
        !scan->summary.has_vmdesc) {
        return 0;
    }
    if (scan->vmdesc.text_offset == 0) {
        migp_message_print(scan->name,
                           "the size of the config bytes changes, but the VM "
                           "description that tells it is not at the end");
        return -1;
    }
    /* QEMU 5.2 describes no VFIO device. */
    place = find_entry(scan, site->shown.id, site->shown.instance_id);
    if (place == NULL) {
        return 0;
    }
    text = migp_memory_resize(NULL, place->size + 1, 1);
    if (migp_input_read_at(file, scan->vmdesc.text_offset + place->start, text,
                           place->size) == 0) {
        changed = rewrite(text, place->size, site->config_size + TAGS_SIZE,
                          config_size + TAGS_SIZE);
        if (changed != NULL) {
            plan_entry(plan, &scan->vmdesc, main, place, changed);
            result = 0;
        } else {
            migp_message_print(scan->name,
                               "the VM description's entry of the device is "
                               "not what QEMU writes");
        }
        free(changed);
    }
    free(text);
    return result;
}
