/* SPDX-License-Identifier: MIT */
#ifndef MIGP_QEMU_READER_H
#define MIGP_QEMU_READER_H

/*
 * The inside of the container's reader. Each file of this room parses one
 * kind of thing and takes a step: it consumes from the window, or says how
 * many bytes it needs in one piece and leaves the window as it is.
 */

#include "core/bytes.h"
#include "qemu/section_table.h"

#include <migproto/qemu.h>

#define MIGP_QEMU_QUEUE 4
#define MIGP_QEMU_FOOTER_BYTE 0x7e
#define MIGP_QEMU_DEFAULT_PAGE 4096

/* What the container's bytes 0x00 to 0x08 start. */
enum migp_qemu_byte {
    MIGP_QEMU_EOF = 0x00,
    MIGP_QEMU_START = 0x01,
    MIGP_QEMU_PART = 0x02,
    MIGP_QEMU_END = 0x03,
    MIGP_QEMU_FULL = 0x04,
    MIGP_QEMU_SUBSECTION = 0x05,
    MIGP_QEMU_VMDESCRIPTION = 0x06,
    MIGP_QEMU_CONFIGURATION = 0x07,
    MIGP_QEMU_COMMAND = 0x08
};

enum migp_qemu_state {
    MIGP_QEMU_AT_HEADER,
    MIGP_QEMU_AT_NEXT, /* a section, a command or the end */
    MIGP_QEMU_IN_VFIO,
    MIGP_QEMU_IN_RAM,
    MIGP_QEMU_IN_RAM_BLOCKS, /* inside the list that MEM_SIZE begins */
    MIGP_QEMU_IN_SIZED,      /* a section whose size the vmdesc tells */
    MIGP_QEMU_IN_SCAN,       /* looking for the footer of a section */
    MIGP_QEMU_IN_RUN,        /* looking for the next section of a device */
    MIGP_QEMU_IN_SKIP,       /* passing over bytes, then after_skip */
    MIGP_QEMU_AT_PAYLOAD_END,
    MIGP_QEMU_AT_FOOTER,
    MIGP_QEMU_AFTER_EOF,
    MIGP_QEMU_AFTER_ALL,
    MIGP_QEMU_HAS_FAILED
};

struct migp_qemu_ram {
    uint64_t blocks_left; /* of the sum that MEM_SIZE announces */
    bool ignore_shared;   /* blocks have an address */
    bool postcopy;        /* blocks may have a page size */
    bool mapped;          /* blocks say where in the file their pages are */
    bool shift_known;
    uint64_t shift; /* what those offsets count before this input's start */
};

struct migp_qemu_reader {
    struct migp_qemu_options options;
    enum migp_qemu_state state;
    enum migp_qemu_state after_skip;
    uint64_t offset;         /* of the next byte */
    uint64_t input_end;      /* one past the last byte seen */
    uint64_t unit_offset;    /* of the section, command ... in hand */
    uint64_t payload_offset; /* of the section's payload */
    uint64_t skip_left;
    uint64_t run_offset;  /* where a run of unknown sections began */
    uint64_t package_end; /* of PACKAGED; 0 outside */
    size_t need;
    uint32_t page_size;
    bool page_size_known; /* else it is the default */
    uint32_t footers;     /* enum migp_qemu_footers, AUTO until known */
    bool bytes_after_end;
    bool configuration_seen;
    struct migp_qemu_ram ram;
    struct migp_section_table table;
    struct migp_section *section; /* in hand, or NULL */
    int section_kind;
    bool section_ended;
    unsigned n_queued;
    unsigned queue_at;
    struct migp_qemu_event queue[MIGP_QEMU_QUEUE];
    int failure;
    struct migp_finding why;
};

/* One call of feed: what comes in, and where events go. */
struct migp_qemu_feed {
    struct migp_cursor in;
    bool last;
    struct migp_qemu_event *events;
    size_t max_events;
    size_t n_events;
};

/* The bytes not consumed yet. */
static inline const uint8_t *migp_qemu_at(const struct migp_qemu_feed *feed)
{
    return feed->in.bytes + feed->in.at;
}

static inline size_t migp_qemu_left(const struct migp_qemu_feed *feed)
{
    return migp_cursor_left(&feed->in);
}

/* reader.c */

/* Are size bytes there? If not, ask for them; the caller then returns. */
bool migp_qemu_want(struct migp_qemu_reader *reader,
                    const struct migp_qemu_feed *feed, size_t size);
/* Consume size bytes that are there. */
void migp_qemu_consume(struct migp_qemu_reader *reader,
                       struct migp_qemu_feed *feed, size_t size);
/* Pass over size bytes, seen or not, then go on in state after. */
void migp_qemu_pass(struct migp_qemu_reader *reader, uint64_t size,
                    enum migp_qemu_state after);
void migp_qemu_emit(struct migp_qemu_reader *reader,
                    struct migp_qemu_feed *feed,
                    const struct migp_qemu_event *event);
void migp_qemu_emit_finding(struct migp_qemu_reader *reader,
                            struct migp_qemu_feed *feed, uint32_t code,
                            uint64_t offset, uint64_t value, uint64_t expected);
int migp_qemu_fail(struct migp_qemu_reader *reader, int code, uint32_t finding,
                   uint64_t offset, uint64_t value, uint64_t expected);
bool migp_qemu_tolerant(const struct migp_qemu_reader *reader);

/* Count offsets from here on; before the first feed. */
void migp_qemu_reader_start_at(struct migp_qemu_reader *reader,
                               uint64_t offset);

/* configuration.c */
int migp_qemu_step_configuration(struct migp_qemu_reader *reader,
                                 struct migp_qemu_feed *feed);

/* command.c */
bool migp_qemu_is_command(uint32_t command);
int migp_qemu_step_command(struct migp_qemu_reader *reader,
                           struct migp_qemu_feed *feed);

/* section.c */
int migp_qemu_step_section(struct migp_qemu_reader *reader,
                           struct migp_qemu_feed *feed);
int migp_qemu_step_footer(struct migp_qemu_reader *reader,
                          struct migp_qemu_feed *feed);
/* Report it if the payload, which ends at the next byte, has another size. */
void migp_qemu_check_vmdesc(struct migp_qemu_reader *reader,
                            struct migp_qemu_feed *feed);
/* The section's payload ended at the next byte. */
void migp_qemu_section_done(struct migp_qemu_reader *reader,
                            struct migp_qemu_feed *feed);

/* vfio_section.c */
int migp_qemu_enter_vfio(struct migp_qemu_reader *reader,
                         struct migp_qemu_feed *feed);
int migp_qemu_step_vfio(struct migp_qemu_reader *reader,
                        struct migp_qemu_feed *feed);

/* ram.c */
int migp_qemu_step_ram(struct migp_qemu_reader *reader,
                       struct migp_qemu_feed *feed);
int migp_qemu_step_ram_blocks(struct migp_qemu_reader *reader,
                              struct migp_qemu_feed *feed);

/* mapped_ram.c */

#define MIGP_QEMU_MAPPED_RAM_SIZE 28
/* Read a block's mapped-ram header, which is at bytes behind the next one;
 * *elsewhere: how many bytes behind it to pass over. */
int migp_qemu_read_mapped_ram(struct migp_qemu_reader *reader,
                              const uint8_t *header, size_t at,
                              uint64_t used_length, uint64_t *elsewhere);

/* opaque.c */
int migp_qemu_enter_opaque(struct migp_qemu_reader *reader);
int migp_qemu_step_sized(struct migp_qemu_reader *reader,
                         struct migp_qemu_feed *feed);
int migp_qemu_step_scan(struct migp_qemu_reader *reader,
                        struct migp_qemu_feed *feed);
int migp_qemu_step_run(struct migp_qemu_reader *reader,
                       struct migp_qemu_feed *feed);

#endif
