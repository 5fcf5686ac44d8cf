/* SPDX-License-Identifier: MIT */
#include "core/bytes.h"
#include "mutate/take_apart.h"
#include "qemu/reader.h"

/* The main channel: sections with their records, packages, the rest. */

#define BATCH 64
#define FOOTER_SIZE 5U
#define HEADER_SIZE 8U
#define COMMAND_HEAD 5U
#define SHORT_HEAD 5U /* of PART and END: the byte and the id */
#define NAME_AT 6U

struct container {
    struct migp_mutate_table *table;
    const struct migp_mutate_input *input;
    size_t base;      /* where QEMU's stream begins */
    uint32_t section; /* the open one's unit; NONE */
    uint32_t id;      /* its id's field */
    size_t covered;   /* up to here its payload has units */
    size_t payload_end;
    bool ended;     /* payload_end is known */
    uint32_t other; /* the open unit that is no section; NONE */
    uint32_t package;
    size_t package_end;
    size_t stop;    /* where bytes follow the stream's end; 0: nowhere */
    bool misplaced; /* a finding said so */
};

static size_t clipped(const struct container *container, size_t from,
                      uint64_t size)
{
    size_t left = container->input->size - from;

    return size < left ? (size_t)size : left;
}

static uint32_t parent_of(struct container *container, size_t offset)
{
    if (offset >= container->package_end) {
        container->package = MIGP_MUTATE_NONE;
    }
    return container->package;
}

/* A section's payload behind its records, and its footer; it ends at at. */
static void close_section(struct container *container, size_t at)
{
    struct migp_mutate_table *table = container->table;
    const uint8_t *bytes = container->input->bytes;
    uint32_t section = container->section;
    size_t end = at;

    if (section == MIGP_MUTATE_NONE) {
        return;
    }
    if (container->ended && at >= FOOTER_SIZE &&
        at - FOOTER_SIZE >= container->payload_end &&
        bytes[at - FOOTER_SIZE] == MIGP_QEMU_FOOTER_BYTE) {
        end = at - FOOTER_SIZE;
    }
    table->units[section].size = at - table->units[section].offset;
    if (end > container->covered) {
        migp_mutate_add_bytes(table, section, MIGP_ROLE_PAYLOAD, "payload",
                              container->covered, end - container->covered,
                              MIGP_MUTATE_NONE);
    }
    if (end < at) {
        uint32_t copy;

        (void)migp_mutate_add_field(table, section, MIGP_ROLE_BYTE, "footer",
                                    end, 1);
        copy = migp_mutate_add_field(table, section, MIGP_ROLE_FOOTER,
                                     "footer id", end + 1, 4);
        if (container->id != MIGP_MUTATE_NONE) {
            table->fields[container->id].link = copy;
        }
    }
}

/* Whatever is open ends where the next thing begins. */
static void close_open(struct container *container, size_t at)
{
    struct migp_mutate_table *table = container->table;

    if (container->package != MIGP_MUTATE_NONE && at > container->package_end) {
        at = container->package_end;
    }
    close_section(container, at);
    if (container->other != MIGP_MUTATE_NONE) {
        struct migp_mutate_unit *unit = &table->units[container->other];

        unit->size = at > unit->offset ? at - unit->offset : unit->size;
    }
    container->section = MIGP_MUTATE_NONE;
    container->other = MIGP_MUTATE_NONE;
}

/* [QC-3] byte, id; in START and FULL also name, instance and version. */
static void open_section(struct container *container, size_t at, size_t head)
{
    struct migp_mutate_table *table = container->table;
    uint32_t unit = migp_mutate_add_unit(table, "section",
                                         parent_of(container, at), at, head);
    uint32_t length;

    container->section = unit;
    container->covered = at + head;
    container->ended = false;
    (void)migp_mutate_add_field(table, unit, MIGP_ROLE_BYTE, "kind", at, 1);
    container->id =
        migp_mutate_add_field(table, unit, MIGP_ROLE_ID, "id", at + 1, 4);
    if (head == SHORT_HEAD) {
        return;
    }
    length = migp_mutate_add_field(table, unit, MIGP_ROLE_SIZE, "name length",
                                   at + SHORT_HEAD, 1);
    migp_mutate_add_bytes(table, unit, MIGP_ROLE_NAME, "name", at + NAME_AT,
                          head - NAME_AT - 8, length);
    (void)migp_mutate_add_field(table, unit, MIGP_ROLE_ID, "instance",
                                at + head - 8, 4);
    (void)migp_mutate_add_field(table, unit, MIGP_ROLE_NUMBER, "version",
                                at + head - 4, 4);
}

static void add_header(struct container *container, size_t at)
{
    uint32_t unit = migp_mutate_add_unit(container->table, "header",
                                         MIGP_MUTATE_NONE, at, HEADER_SIZE);

    (void)migp_mutate_add_field(container->table, unit, MIGP_ROLE_MAGIC,
                                "magic", at, 4);
    (void)migp_mutate_add_field(container->table, unit, MIGP_ROLE_NUMBER,
                                "version", at + 4, 4);
}

/* [QC-2] Byte, length, name; then subsections, taken as bytes. */
static void open_configuration(struct container *container, size_t at,
                               size_t name_size)
{
    struct migp_mutate_table *table = container->table;
    uint32_t unit = migp_mutate_add_unit(
        table, "configuration", parent_of(container, at), at, 5 + name_size);
    uint32_t length;

    container->other = unit;
    (void)migp_mutate_add_field(table, unit, MIGP_ROLE_BYTE, "byte", at, 1);
    length = migp_mutate_add_field(table, unit, MIGP_ROLE_SIZE, "name length",
                                   at + 1, 4);
    migp_mutate_add_bytes(table, unit, MIGP_ROLE_NAME, "name", at + 5,
                          name_size, length);
}

/* [QC-5] Byte, number, length, body. [QC-6] The body of PACKAGED counts
 * what follows. */
static void add_command(struct container *container, size_t at,
                        const struct migp_qemu_event *event)
{
    struct migp_mutate_table *table = container->table;
    size_t body = at + COMMAND_HEAD, size = (size_t)event->size;
    bool packaged =
        strcmp(migp_qemu_command_id((uint32_t)event->value), "PACKAGED") == 0;
    uint32_t parent = parent_of(container, at), unit, length, count;

    if (packaged) {
        size_t inside =
            clipped(container, body + size, migp_load_be32(event->bytes));

        parent = migp_mutate_add_unit(table, "package", parent, at,
                                      COMMAND_HEAD + size + inside);
        container->package = parent;
        container->package_end = body + size + inside;
    }
    unit =
        migp_mutate_add_unit(table, "command", parent, at, COMMAND_HEAD + size);
    (void)migp_mutate_add_field(table, unit, MIGP_ROLE_BYTE, "byte", at, 1);
    (void)migp_mutate_add_field(table, unit, MIGP_ROLE_COMMAND, "number",
                                at + 1, 2);
    length =
        migp_mutate_add_field(table, unit, MIGP_ROLE_SIZE, "length", at + 3, 2);
    if (!packaged) {
        migp_mutate_add_bytes(table, unit, MIGP_ROLE_PAYLOAD, "body", body,
                              size, length);
        return;
    }
    count = migp_mutate_add_field(table, unit, MIGP_ROLE_SIZE, "package size",
                                  body, size);
    if (parent != MIGP_MUTATE_NONE) {
        table->units[parent].sizer = count;
    }
}

/* [QC-9] Byte, length, JSON. */
static void add_vmdesc(struct container *container, size_t at, uint64_t size)
{
    struct migp_mutate_table *table = container->table;
    size_t inside = clipped(container, at + 5, size);
    uint32_t unit = migp_mutate_add_unit(table, "VM description",
                                         MIGP_MUTATE_NONE, at, 5 + inside);
    uint32_t length;

    (void)migp_mutate_add_field(table, unit, MIGP_ROLE_BYTE, "byte", at, 1);
    length =
        migp_mutate_add_field(table, unit, MIGP_ROLE_SIZE, "length", at + 1, 4);
    migp_mutate_add_bytes(table, unit, MIGP_ROLE_PAYLOAD, "JSON", at + 5,
                          inside, length);
}

static void add_end(struct container *container, size_t at)
{
    uint32_t unit = migp_mutate_add_unit(container->table, "end of stream",
                                         MIGP_MUTATE_NONE, at, 1);

    (void)migp_mutate_add_field(container->table, unit, MIGP_ROLE_BYTE, "byte",
                                at, 1);
}

static void add_record(struct container *container,
                       const struct migp_qemu_event *event)
{
    struct migp_event record = event->record;

    if (record.kind != MIGP_EVENT_DATA) {
        record.offset += container->base;
        container->covered = migp_mutate_add_record(
            container->table, container->input, container->section, &record);
    }
}

/* What stands at the top, or in a package, ends what stood there before. */
static void add_top(struct container *container, size_t at,
                    const struct migp_qemu_event *event)
{
    close_open(container, at);
    switch (event->kind) {
    case MIGP_QEMU_EVENT_HEADER:
        add_header(container, at);
        break;
    case MIGP_QEMU_EVENT_MACHINE:
        open_configuration(container, at, (size_t)event->size);
        break;
    case MIGP_QEMU_EVENT_SECTION:
        open_section(container, at, (size_t)event->size);
        break;
    case MIGP_QEMU_EVENT_COMMAND:
        add_command(container, at, event);
        break;
    case MIGP_QEMU_EVENT_VMDESC:
        add_vmdesc(container, at, event->size);
        break;
    default:
        add_end(container, at);
        break;
    }
}

static void add_event(struct container *container,
                      const struct migp_qemu_event *event)
{
    size_t at = container->base + (size_t)event->offset;

    switch (event->kind) {
    case MIGP_QEMU_EVENT_RECORD:
        add_record(container, event);
        break;
    case MIGP_QEMU_EVENT_SECTION_END:
        container->payload_end = at;
        container->ended = true;
        break;
    case MIGP_QEMU_EVENT_FINDING:
        container->misplaced =
            container->misplaced || migp_mutate_is_framing(event->finding);
        if (event->finding == MIGP_FINDING_BYTES_AFTER_END) {
            container->stop = at;
        }
        break;
    default:
        add_top(container, at, event);
        break;
    }
}

static int read_all(struct container *container,
                    struct migp_qemu_reader *reader)
{
    const struct migp_mutate_input *input = container->input;
    struct migp_qemu_event events[BATCH];
    size_t at = container->base, n, i;
    migp_ssize used;

    do {
        used =
            migp_qemu_reader_feed(reader, input->bytes + at, input->size - at,
                                  MIGP_FEED_LAST, events, BATCH, &n);
        for (i = 0; i < n; i++) {
            add_event(container, &events[i]);
        }
        at += used > 0 ? (size_t)used : 0;
    } while (used >= 0 && n == BATCH);
    return used < 0 ? (int)used : MIGP_OK;
}

int64_t migp_mutate_take_qemu(struct migp_mutate_table *table,
                              const struct migp_mutate_input *input,
                              size_t from)
{
    struct container container = {.table = table,
                                  .input = input,
                                  .base = from,
                                  .section = MIGP_MUTATE_NONE,
                                  .other = MIGP_MUTATE_NONE,
                                  .package = MIGP_MUTATE_NONE};
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_qemu_options options;
    struct migp_qemu_reader *reader;
    size_t at;
    int code;

    migp_qemu_options_init(&options);
    options.decoder_flags = MIGP_DECODER_TOLERANT;
    code = migp_qemu_reader_new(&reader, &options, NULL);
    if (code < 0) {
        return code;
    }
    code = read_all(&container, reader);
    at = container.stop > 0 ? container.stop
                            : from + (size_t)migp_qemu_reader_offset(reader);
    close_open(&container, at);
    if (code != MIGP_ERR_NO_MEMORY) {
        code = migp_qemu_reader_finish(reader, &error);
    }
    table->whole =
        at == input->size && !container.misplaced &&
        (code == MIGP_OK || error.finding == MIGP_FINDING_UNFINISHED);
    migp_qemu_reader_free(reader);
    return code == MIGP_ERR_NO_MEMORY || table->no_memory ? MIGP_ERR_NO_MEMORY
                                                          : (int64_t)at;
}
