/* SPDX-License-Identifier: MIT */
#include "qemu/reader.h"

#define ANY_LENGTH 0xffffffffU

enum command {
    POSTCOPY_ADVISE = 3,
    PACKAGED = 7
};

struct command_entry {
    const char *id;
    uint32_t length; /* of the body */
};

/* [QC-5] By number; the length of 3 may also be 16. */
static const struct command_entry command_list[] = {
    {NULL, 0},
    {"OPEN_RETURN_PATH", 0},
    {"PING", 4},
    {"POSTCOPY_ADVISE", 0},
    {"POSTCOPY_LISTEN", 0},
    {"POSTCOPY_RUN", 0},
    {"POSTCOPY_RAM_DISCARD", ANY_LENGTH},
    {"PACKAGED", 4},
    {"ENABLE_COLO", 0},
    {"POSTCOPY_RESUME", 0},
    {"RECV_BITMAP", ANY_LENGTH},
    {"SWITCHOVER_START", 0},
};

#define N_COMMANDS (sizeof(command_list) / sizeof(command_list[0]))

bool migp_qemu_is_command(uint32_t command)
{
    return command > 0 && command < N_COMMANDS;
}

const char *migp_qemu_command_id(uint32_t command)
{
    return migp_qemu_is_command(command) ? command_list[command].id : "unknown";
}

static bool length_is_good(uint32_t command, uint32_t length)
{
    uint32_t expected = command_list[command].length;

    return expected == ANY_LENGTH || length == expected ||
           (command == POSTCOPY_ADVISE && length == 16);
}

/* [QC-6] The body gives a size; as many bytes follow with nested sections. */
static int enter_package(struct migp_qemu_reader *reader, uint32_t size)
{
    if (reader->package_end != 0) {
        return migp_qemu_fail(reader, MIGP_ERR_MALFORMED,
                              MIGP_FINDING_UNKNOWN_COMMAND, reader->unit_offset,
                              PACKAGED, 0);
    }
    reader->package_end = size > 0 ? reader->offset + size : 0;
    return MIGP_OK;
}

int migp_qemu_step_command(struct migp_qemu_reader *reader,
                           struct migp_qemu_feed *feed)
{
    struct migp_qemu_event event = {.kind = MIGP_QEMU_EVENT_COMMAND,
                                    .offset = reader->offset};
    uint32_t command, length;

    if (!migp_qemu_want(reader, feed, 5)) {
        return MIGP_OK;
    }
    command = migp_load_be16(migp_qemu_at(feed) + 1);
    length = migp_load_be16(migp_qemu_at(feed) + 3);
    if (!migp_qemu_is_command(command)) {
        return migp_qemu_fail(reader, MIGP_ERR_MALFORMED,
                              MIGP_FINDING_UNKNOWN_COMMAND, reader->offset,
                              command, 0);
    }
    if (!length_is_good(command, length)) {
        return migp_qemu_fail(reader, MIGP_ERR_MALFORMED,
                              MIGP_FINDING_COMMAND_LENGTH, reader->offset,
                              length, command_list[command].length);
    }
    if (!migp_qemu_want(reader, feed, 5 + (size_t)length)) {
        return MIGP_OK;
    }
    event.value = command;
    event.size = length;
    event.bytes = migp_qemu_at(feed) + 5;
    migp_qemu_emit(reader, feed, &event);
    migp_qemu_consume(reader, feed, 5 + (size_t)length);
    if (command == POSTCOPY_ADVISE && length == 16) {
        reader->ram.postcopy = true;
    }
    return command == PACKAGED
               ? enter_package(reader, migp_load_be32(event.bytes))
               : MIGP_OK;
}
