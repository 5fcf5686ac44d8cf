/* SPDX-License-Identifier: MIT */
#ifndef MIGP_TESTS_SUPPORT_MADE_H
#define MIGP_TESTS_SUPPORT_MADE_H

/*
 * A stream that was written down by hand (tests/golden/made/NAME.hex), with
 * the events that a decoder must report. The format is told in
 * tests/golden/README.md.
 */

#include "support/feed.h"

struct made {
    uint8_t *bytes;
    size_t size;
    char *name;
    bool is_qemu;       /* else a bare device-state stream */
    uint32_t footers;   /* enum migp_qemu_footers */
    uint32_t page_size; /* 0: not given */
    struct migp_vmdesc_entry vmdesc;
    size_t n_vmdesc;
    int finish;             /* what finish must say */
    uint32_t dialects;      /* bare: what must be left; 0: not told */
    int device_complete;    /* report: of device 0; -1: not told */
    const char *driver;     /* of the state's bytes; NULL: not told */
    int driver_finish;      /* what must be said of them */
    char **driver_findings; /* expected lines */
    size_t n_driver_findings;
    uint64_t ambiguous_from; /* prefixes from here to there are no test */
    uint64_t ambiguous_to;
    char *ambiguous;
    char **events; /* expected lines */
    size_t n_events;
    char **labels;
    uint64_t *label_offsets;
    size_t n_labels;
    char *text; /* the file, which the strings point into */
};

/* path: below the golden folder. Stops the program at a mistake. */
struct made made_load(const char *path);
void made_free(struct made *made);

/* Options that the file asks for. */
struct migp_qemu_options made_options(const struct made *made);

/* Feed it as the file says it is to be read. */
void made_feed(const struct made *made, struct outcome *outcome,
               const struct feeding *feeding);

#endif
