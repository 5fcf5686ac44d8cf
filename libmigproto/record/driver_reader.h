/* SPDX-License-Identifier: MIT */
#ifndef MIGP_RECORD_DRIVER_READER_H
#define MIGP_RECORD_DRIVER_READER_H

#include "record/chain.h"
#include "record/mtty.h"

#include <migproto/record.h>
#include <stdbool.h>

#define MIGP_DRIVER_FINDINGS 8
#define MIGP_DRIVER_FIELDS 48
#define MIGP_DRIVER_NAME 32

/* Follows mtty's bytes part by part: header, port, port. */
struct migp_mtty_reader {
    struct migp_mtty_state state;
    uint8_t header[MIGP_MTTY_HEADER_SIZE];
    uint8_t part[MIGP_MTTY_PORT_SIZE];
    uint64_t part_offset; /* of part's first byte, in the input */
    uint32_t part_input;
    size_t n_part;
    uint64_t n_repeats;
    bool has_header;
    bool refused; /* a header that the driver would not take */
};

struct migp_driver_reader {
    int driver; /* enum migp_driver; may change until the state ends */
    bool finished;
    uint16_t vendor;  /* of the PCI device; 0 if it is not known */
    uint8_t first[8]; /* what recognition looks at */
    size_t n_first;
    uint64_t first_offset;
    uint32_t first_input;
    uint64_t n_bytes;
    size_t n_findings;
    struct migp_finding findings[MIGP_DRIVER_FINDINGS];
    uint32_t finding_inputs[MIGP_DRIVER_FINDINGS]; /* what offset is in */
    uint32_t input; /* of the bytes that come: the caller's number for it */
    size_t n_fields;
    struct migp_field fields[MIGP_DRIVER_FIELDS];
    char names[MIGP_DRIVER_FIELDS][MIGP_DRIVER_NAME];
    struct migp_mtty_reader mtty;
    struct migp_chain chain;
};

/*
 * How many of the bytes that come next need not be fed: UINT64_MAX if none of
 * them is looked at any more. migp_driver_reader_skip() tells that they were
 * passed over; it returns MIGP_ERR_INVALID_ARGUMENT if there are too many.
 */
uint64_t
migp_driver_reader_uninteresting(const struct migp_driver_reader *reader);
int migp_driver_reader_skip(struct migp_driver_reader *reader, uint64_t size);

/* input: what its offset is in. */
void migp_driver_add_finding(struct migp_driver_reader *reader,
                             const struct migp_finding *finding,
                             uint32_t input);
void migp_driver_add_number(struct migp_driver_reader *reader, int kind,
                            const char *prefix, const char *name,
                            uint64_t number);
void migp_driver_add_bytes(struct migp_driver_reader *reader,
                           const char *prefix, const char *name,
                           const uint8_t *bytes, size_t size);

/* mtty_reader.c */
void migp_mtty_reader_feed(struct migp_driver_reader *reader,
                           const uint8_t *bytes, size_t size, uint64_t offset);
int migp_mtty_reader_finish(struct migp_driver_reader *reader, uint64_t offset);

/* chain_reader.c */
int migp_chain_reader_finish(struct migp_driver_reader *reader,
                             uint64_t offset);

#endif
