/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_MESSAGE_H
#define MIGP_CLI_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

/* "migproto: SUBJECT: SENTENCE" on stderr; without a subject if it is NULL. */
__attribute__((format(printf, 2, 3))) void
migp_message_print(const char *subject, const char *format, ...);

/* "migproto: SUBJECT: offset N (0xN): SENTENCE [code]" on stderr. */
void migp_message_print_at(const char *subject, uint64_t offset,
                           const char *sentence, const char *code);

/* What a file is called in messages: "-" is standard input. */
const char *migp_message_input_name(const char *file);

/* Memory, or a message and exit status 2: a command has no way to go on. */
void *migp_memory_resize(void *memory, size_t count, size_t size);
char *migp_memory_copy_text(const char *text);

#endif
