/* SPDX-License-Identifier: MIT */
#include "message.h"

#include "command.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void migp_message_print(const char *subject, const char *format, ...)
{
    va_list arguments;

    fputs("migproto: ", stderr);
    if (subject != NULL) {
        fprintf(stderr, "%s: ", subject);
    }
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

void migp_message_print_at(const char *subject, uint64_t offset,
                           const char *sentence, const char *code)
{
    migp_message_print(subject, "offset %" PRIu64 " (0x%" PRIx64 "): %s [%s]",
                       offset, offset, sentence, code);
}

const char *migp_message_input_name(const char *file)
{
    return strcmp(file, "-") == 0 ? "standard input" : file;
}

void *migp_memory_resize(void *memory, size_t count, size_t size)
{
    void *result = NULL;

    if (size == 0 || count <= SIZE_MAX / size) {
        result = realloc(memory, count * size != 0 ? count * size : 1);
    }
    if (result == NULL) {
        migp_message_print(NULL, "out of memory");
        exit(MIGP_EXIT_FAILED);
    }
    return result;
}

char *migp_memory_copy_text(const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(migp_memory_resize(NULL, size, 1), text, size);
}
