/* SPDX-License-Identifier: MIT */
#include "stream/order.h"

#include <migproto/stream.h>
#include <stddef.h>

enum place {
    BEFORE_SETUP,
    AFTER_SETUP,
    BETWEEN,     /* after START or a PART: another PART, or END */
    IN_PART,     /* a PART with its DATA */
    IN_END,      /* an END section with DATA */
    COMPLETED,   /* after END: FULL */
    IN_CONFIG,   /* a FULL section with CONFIG */
    DONE,        /* the device's state is whole */
    IN_CONFIG52, /* 5.2: an END section with CONFIG */
    IN_END52,    /* 5.2: and that CONFIG's own END */
    N_PLACES
};

#define BIT(dialect, place) ((migp_places)1 << ((dialect)*N_PLACES + (place)))
#define IN_52(place) BIT(0, place)
#define IN_V1(place) BIT(1, place)
#define IN_V2(place) BIT(2, place)
#define IN_NEW(place) (IN_V1(place) | IN_V2(place))
#define IN_ALL(place) (IN_52(place) | IN_V1(place) | IN_V2(place))
#define ONE_DIALECT(dialect)                                                   \
    ((((migp_places)1 << N_PLACES) - 1) << ((dialect)*N_PLACES))

struct order_rule {
    uint8_t record;
    uint8_t section;
    int8_t move; /* how far the bits move: from place to place */
    migp_places from;
};

#define RULE(record, section, dialects, from, to)                              \
    {                                                                          \
        MIGP_EVENT_##record, MIGP_SECTION_##section, (int8_t)((to) - (from)),  \
            dialects(from)                                                     \
    }

/*
 * [DS-2] The rules, sorted by record. A rule reads: this record, in a section
 * of this kind, in these dialects, leads from here to there.
 * Source: docs/protocol.md, "Order".
 */
static const struct order_rule order_list[] = {
    RULE(END, START, IN_ALL, AFTER_SETUP, BETWEEN), /* [DS-3] */
    RULE(END, PART, IN_ALL, IN_PART, BETWEEN),      /* [DS-4] */
    RULE(END, PART, IN_V2, BETWEEN, BETWEEN),
    RULE(END, END, IN_NEW, BETWEEN, COMPLETED), /* [DS-5] */
    RULE(END, END, IN_NEW, IN_END, COMPLETED),
    RULE(END, FULL, IN_NEW, IN_CONFIG, DONE), /* [DS-6] */
    RULE(END, FULL, IN_V2, COMPLETED, DONE),
    RULE(END, END, IN_52, IN_CONFIG52, IN_END52), /* [DS-13] */
    RULE(END, END, IN_52, IN_END52, DONE),
    RULE(CONFIG, FULL, IN_NEW, COMPLETED, IN_CONFIG), /* [DS-6] */
    RULE(CONFIG, END, IN_52, BETWEEN, IN_CONFIG52),   /* [DS-13] */
    RULE(SETUP, START, IN_ALL, BEFORE_SETUP, AFTER_SETUP),
    RULE(DATA_BEGIN, PART, IN_ALL, BETWEEN, IN_PART), /* [DS-4] */
    RULE(DATA_BEGIN, END, IN_NEW, BETWEEN, IN_END),   /* [DS-5] */
    RULE(DATA_BEGIN, END, IN_NEW, IN_END, IN_END),
    RULE(DATA_BEGIN, END, IN_52, IN_END52, IN_END52),    /* [DS-13] */
    RULE(INIT_DATA_SENT, PART, IN_V2, BETWEEN, BETWEEN), /* [DS-12] */
    RULE(INIT_DATA_SENT, PART, IN_V2, IN_PART, BETWEEN),
    RULE(CONFIG_LOAD_READY, FULL, IN_V2, COMPLETED, DONE), /* [DS-12] */
};

#define N_RULES (sizeof(order_list) / sizeof(order_list[0]))

/* Where each record's rules begin in order_list; one past the last at 7. */
static const uint8_t rules_of[8] = {0, 0, 9, 11, 12, 16, 18, 19};

migp_places migp_order_start(uint32_t dialects)
{
    migp_places places = 0;

    if (dialects & MIGP_DIALECT_QEMU_5_2) {
        places |= IN_52(BEFORE_SETUP);
    }
    if (dialects & MIGP_DIALECT_V1) {
        places |= IN_V1(BEFORE_SETUP);
    }
    if (dialects & MIGP_DIALECT_V2) {
        places |= IN_V2(BEFORE_SETUP);
    }
    return places;
}

migp_places migp_order_entry(int kind)
{
    switch (kind) {
    case MIGP_SECTION_START:
        return IN_ALL(BEFORE_SETUP);
    case MIGP_SECTION_PART:
    case MIGP_SECTION_END:
        return IN_ALL(BETWEEN);
    case MIGP_SECTION_FULL:
        return IN_NEW(COMPLETED);
    default:
        return 0;
    }
}

migp_places migp_order_enter(migp_places places, int kind)
{
    return places & migp_order_entry(kind);
}

static migp_places moved(migp_places bits, int8_t move)
{
    return move >= 0 ? bits << move : bits >> -move;
}

migp_places migp_order_step(migp_places places, unsigned record, int kind,
                            bool empty)
{
    migp_places next = 0;
    size_t i;

    for (i = rules_of[record]; i < rules_of[record + 1]; i++) {
        const struct order_rule *rule = &order_list[i];

        if (kind == MIGP_SECTION_BARE || kind == rule->section) {
            next |= moved(places & rule->from, rule->move);
        }
    }
    if (empty) {
        next &= ONE_DIALECT(0) | ONE_DIALECT(1); /* [DS-8] */
    }
    return next;
}

migp_places migp_order_anywhere(unsigned record, int kind)
{
    return migp_order_step(~(migp_places)0, record, kind, false);
}

migp_places migp_order_within(migp_places places, uint32_t dialects)
{
    migp_places mask = 0;

    mask |= dialects & MIGP_DIALECT_QEMU_5_2 ? ONE_DIALECT(0) : 0;
    mask |= dialects & MIGP_DIALECT_V1 ? ONE_DIALECT(1) : 0;
    mask |= dialects & MIGP_DIALECT_V2 ? ONE_DIALECT(2) : 0;
    return (places & mask) != 0 ? places & mask : places;
}

bool migp_order_closed(migp_places places)
{
    return (places & (IN_ALL(BETWEEN) | IN_ALL(COMPLETED) | IN_ALL(DONE))) != 0;
}

bool migp_order_complete(migp_places places)
{
    return (places & IN_ALL(DONE)) != 0;
}

uint32_t migp_order_dialects(migp_places places)
{
    uint32_t dialects = 0;

    if (places & ONE_DIALECT(0)) {
        dialects |= MIGP_DIALECT_QEMU_5_2;
    }
    if (places & ONE_DIALECT(1)) {
        dialects |= MIGP_DIALECT_V1;
    }
    if (places & ONE_DIALECT(2)) {
        dialects |= MIGP_DIALECT_V2;
    }
    return dialects;
}
