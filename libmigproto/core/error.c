/* SPDX-License-Identifier: MIT */
#include "core/error.h"

#include "core/errno_name.h"
#include "core/options.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct error_entry {
    int code;
    int error_class;
    const char *id;
    const char *text;
};

static const struct error_entry error_list[] = {
#define MIGP_X(name, number, cls, id, text)                                    \
    {name, MIGP_ERROR_CLASS_##cls, id, text},
    MIGP_ERROR_LIST(MIGP_X)
#undef MIGP_X
};

static const struct error_entry *find_error(int code)
{
    size_t i;

    for (i = 0; i < sizeof(error_list) / sizeof(error_list[0]); i++) {
        if (error_list[i].code == code) {
            return &error_list[i];
        }
    }
    return NULL;
}

const char *migp_error_id(int code)
{
    const struct error_entry *entry = find_error(code);

    if (code == MIGP_OK) {
        return "ok";
    }
    return entry != NULL ? entry->id : "unknown";
}

const char *migp_error_text(int code)
{
    const struct error_entry *entry = find_error(code);

    if (code == MIGP_OK) {
        return "success";
    }
    return entry != NULL ? entry->text
                         : "an error that this version of the "
                           "library does not know";
}

int migp_error_class_of(int code)
{
    const struct error_entry *entry = find_error(code);

    return entry != NULL ? entry->error_class : MIGP_ERROR_CLASS_NONE;
}

void migp_error_init(struct migp_error *error)
{
    if (error != NULL) {
        memset(error, 0, sizeof(*error));
        error->struct_size = sizeof(*error);
    }
}

int migp_error_set(struct migp_error *error, int code,
                   const struct migp_finding *finding)
{
    struct migp_error own;

    if (error == NULL) {
        return code;
    }
    migp_error_init(&own);
    own.code = code;
    if (finding != NULL && finding->code != MIGP_FINDING_NONE) {
        own.finding = finding->code;
        own.offset = finding->offset;
        own.value = finding->value;
        own.expected = finding->expected;
        migp_finding_text(finding, own.text, sizeof(own.text));
    } else {
        const char *text = migp_error_text(code);
        size_t length = strlen(text);

        if (length >= sizeof(own.text)) {
            length = sizeof(own.text) - 1;
        }
        memcpy(own.text, text, length);
    }
    (void)migp_struct_write(error, &own, sizeof(own));
    return code;
}

int migp_error_say(struct migp_error *error, int code, int system_errno,
                   const char *format, ...)
{
    struct migp_error own;
    va_list arguments;
    size_t length;

    if (error == NULL) {
        return code;
    }
    migp_error_init(&own);
    own.code = code;
    own.system_errno = system_errno;
    va_start(arguments, format);
    (void)vsnprintf(own.text, sizeof(own.text), format, arguments);
    va_end(arguments);
    length = strlen(own.text);
    if (system_errno > 0) {
        (void)snprintf(own.text + length, sizeof(own.text) - length, ": %s",
                       migp_errno_name(system_errno));
    }
    (void)migp_struct_write(error, &own, sizeof(own));
    return code;
}
