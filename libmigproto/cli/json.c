/* SPDX-License-Identifier: MIT */
#include "json.h"

#include "command.h"
#include "message.h"
#include "printable.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

/* Prints a value of json-c and frees it. */
static void print_value(struct json_object *value)
{
    const char *text;

    text = json_object_to_json_string_ext(
        value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    if (text == NULL) {
        migp_message_print(NULL, "out of memory");
        exit(MIGP_EXIT_FAILED);
    }
    fputs(text, stdout);
    json_object_put(value);
}

static struct json_object *checked(struct json_object *value)
{
    if (value == NULL) {
        migp_message_print(NULL, "out of memory");
        exit(MIGP_EXIT_FAILED);
    }
    return value;
}

static void print_key(struct migp_json *json, const char *key)
{
    if (json->comma) {
        putchar(',');
    }
    if (key != NULL) {
        print_value(checked(json_object_new_string(key)));
        putchar(':');
    }
    json->comma = true;
}

void migp_json_open(struct migp_json *json, const char *key, char bracket)
{
    print_key(json, key);
    putchar(bracket);
    json->comma = false;
}

void migp_json_close(struct migp_json *json, char bracket)
{
    putchar(bracket);
    json->comma = true;
}

void migp_json_number(struct migp_json *json, const char *key, uint64_t value)
{
    print_key(json, key);
    print_value(checked(json_object_new_uint64(value)));
}

void migp_json_bool(struct migp_json *json, const char *key, bool value)
{
    print_key(json, key);
    print_value(checked(json_object_new_boolean(value)));
}

void migp_json_null(struct migp_json *json, const char *key)
{
    print_key(json, key);
    print_value(NULL);
}

void migp_json_text(struct migp_json *json, const char *key, const char *text)
{
    print_key(json, key);
    print_value(checked(json_object_new_string(text)));
}

void migp_json_peer_text(struct migp_json *json, const char *key,
                         const char *text)
{
    char *safe = migp_printable_make(text);

    migp_json_text(json, key, safe);
    free(safe);
}
