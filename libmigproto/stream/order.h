/* SPDX-License-Identifier: MIT */
#ifndef MIGP_STREAM_ORDER_H
#define MIGP_STREAM_ORDER_H

/*
 * Which record may follow which, for every dialect at once.
 *
 * A bare stream does not say which dialect it is, nor whether a DATA record
 * belongs to a PART or to an END section. So the rules run as a set of
 * places where the stream may be, one bit for each place in each dialect; a
 * record moves every place that allows it and drops the others. The record is
 * out of order when none is left, and the dialects are those with a place.
 */

#include <stdbool.h>
#include <stdint.h>

/* A set of places; 0 is "nowhere": the last record was out of order. */
typedef uint32_t migp_places;

/* Before the first record, for a set of enum migp_dialect. */
migp_places migp_order_start(uint32_t dialects);

/*
 * Keep the places where a section of this kind may begin; 0 if none.
 * kind: enum migp_section_kind, not BARE.
 */
migp_places migp_order_enter(migp_places places, int kind);

/*
 * Move on by a record.
 * record: enum migp_event_kind of a tag (1 to 6); kind: of the section around
 * it, BARE if unknown; empty: a DATA record of size 0.
 */
migp_places migp_order_step(migp_places places, unsigned record, int kind,
                            bool empty);

/* Every place where this record could have led, wherever it came from. */
migp_places migp_order_anywhere(unsigned record, int kind);

/* Every place where a section of this kind could begin. */
migp_places migp_order_entry(int kind);

/* Those of the places that are in these dialects; all, if none is. */
migp_places migp_order_within(migp_places places, uint32_t dialects);

/* May the section end at the record just taken? */
bool migp_order_closed(migp_places places);

/* Is the device's state whole? */
bool migp_order_complete(migp_places places);

/* The dialects that have a place: a set of enum migp_dialect. */
uint32_t migp_order_dialects(migp_places places);

#endif
