/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_VMDESC_H
#define MIGP_CLI_VMDESC_H

#include "input.h"

#include <migproto/qemu.h>

/* Where an entry is in the description's text. */
struct migp_vmdesc_place {
    size_t start;
    size_t size;
};

/* What the VM description at the end of a QEMU stream says about sizes. */
struct migp_vmdesc {
    struct migp_vmdesc_entry *entries; /* names are owned too */
    struct migp_vmdesc_place *places;  /* of the entries */
    size_t n_entries;
    uint32_t page_size;   /* 0 if it does not say, or says nonsense */
    uint64_t text_offset; /* in the file; 0 if there is no description */
    size_t text_size;
};

/* Look for it in the tail of a seekable file; finding none is no failure.
 * Everything in it is the peer's word: entries that cannot be trusted to be
 * well-formed are left out. Fails only if reading fails. */
int migp_vmdesc_load(struct migp_vmdesc *vmdesc,
                     const struct migp_input *input);
void migp_vmdesc_free(struct migp_vmdesc *vmdesc);

/* Read a description's text; for the loader and its tests. */
void migp_vmdesc_parse(struct migp_vmdesc *vmdesc, const char *text,
                       size_t size);

#endif
