/* SPDX-License-Identifier: MIT */
#ifndef MIGP_STREAM_TAG_H
#define MIGP_STREAM_TAG_H

#include <migproto/stream.h>

/* [DS-1] All tags share their upper 48 bits; the rest is the number. */
#define MIGP_TAG_BASE (MIGP_TAG_END_OF_STATE - 1)

/* The record kind (enum migp_event_kind) of a tag; 0 if it is none. */
static inline unsigned migp_tag_kind(uint64_t tag)
{
    uint64_t number = tag - MIGP_TAG_BASE;

    return number <= MIGP_EVENT_CONFIG_LOAD_READY ? (unsigned)number : 0;
}

/* The tag of a record kind from 1 to 6. */
static inline uint64_t migp_tag_of(unsigned kind)
{
    return MIGP_TAG_BASE + kind;
}

#endif
