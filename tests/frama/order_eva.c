/* SPDX-License-Identifier: MIT */

/*
 * frama-c: libmigproto/stream/order.c libmigproto/stream/tag.c
 * proves: the order rules and tags have no undefined behaviour for any places, record, section kind and word
 */

#include "stream/order.h"
#include "stream/tag.h"

#include <__fc_builtin.h>

static volatile uint64_t sink;

int main(void)
{
    migp_places places = Frama_C_unsigned_int_interval(0, ~0u);
    unsigned record = Frama_C_unsigned_int_interval(1, 6);
    int kind = Frama_C_interval(-2147483647 - 1, 2147483647);

    sink = migp_order_start(Frama_C_unsigned_int_interval(0, ~0u));
    sink = migp_order_enter(places, kind);
    /*@ split record; */
    sink = migp_order_step(places, record, kind, Frama_C_interval(0, 1) != 0);
    sink = migp_order_anywhere(record, kind);
    sink = migp_tag_of(record);
    /*@ merge record; */
    sink = migp_order_entry(kind);
    sink = migp_order_closed(places);
    sink = migp_order_complete(places);
    sink = migp_order_dialects(places);
    sink = migp_tag_kind(Frama_C_unsigned_long_interval(0, (unsigned long)-1));
    return 0;
}
