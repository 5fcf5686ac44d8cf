/* SPDX-License-Identifier: MIT */

/*
 * Packets put in and taken out in any order, compared with a table of all
 * indices. An input is two bytes for each step: what to do, which index.
 */

#include "fuzz/check.h"

#include <string.h>

#define INDICES 256

struct model {
    uint32_t max;
    bool seen[INDICES];
    uint64_t token[INDICES];
    uint32_t highest; /* index + 1; 0: none came */
    uint32_t config;  /* index + 1 */
    uint32_t next;
    uint64_t count;
};

static int expected(const struct model *model,
                    const struct migp_multifd_place *place)
{
    bool is_config = (place->flags & MIGP_MULTIFD_CONFIG) != 0;

    if (place->index >= model->max) {
        return MIGP_ERR_LIMIT;
    }
    if (model->seen[place->index] || (is_config && model->config > 0) ||
        (model->config > 0 && place->index + 1 > model->config) ||
        (is_config && place->index + 1 < model->highest)) {
        return MIGP_ERR_MALFORMED;
    }
    return MIGP_OK;
}

static void add(struct migp_multifd_order *order, struct model *model,
                const struct migp_multifd_place *place)
{
    struct migp_error error = MIGP_ERROR_INIT;
    int code = migp_multifd_order_add(order, place, &error);

    FUZZ_CHECK(code == expected(model, place));
    FUZZ_CHECK(error.code == code);
    FUZZ_CHECK((code == MIGP_OK) == (error.finding == MIGP_FINDING_NONE));
    if (code != MIGP_OK) {
        return;
    }
    model->seen[place->index] = true;
    model->token[place->index] = place->token;
    model->count++;
    if (place->index >= model->highest) {
        model->highest = place->index + 1;
    }
    if ((place->flags & MIGP_MULTIFD_CONFIG) != 0) {
        model->config = place->index + 1;
    }
}

static bool can_take(const struct model *model)
{
    return model->next < model->max && model->seen[model->next];
}

static void take(struct migp_multifd_order *order, struct model *model)
{
    struct migp_multifd_place place;
    int code = migp_multifd_order_next(order, &place);

    if (model->config > 0 && model->next == model->config) {
        FUZZ_CHECK(code == MIGP_ERR_STATE);
    } else if (!can_take(model)) {
        FUZZ_CHECK(code == MIGP_ERR_NEED_MORE);
    } else {
        FUZZ_CHECK(code == MIGP_OK);
        FUZZ_CHECK(place.index == model->next);
        FUZZ_CHECK(place.token == model->token[model->next]);
        model->next++;
    }
}

static void check_end(const struct migp_multifd_order *order,
                      const struct model *model)
{
    struct migp_error error = MIGP_ERROR_INIT;
    int code = migp_multifd_order_finish(order, NULL, &error);

    FUZZ_CHECK(migp_multifd_order_count(order) == model->count);
    if (model->config > 0 && model->next == model->config) {
        FUZZ_CHECK(code == MIGP_OK);
    } else if (can_take(model)) {
        FUZZ_CHECK(code == MIGP_ERR_STATE);
    } else {
        FUZZ_CHECK(code == MIGP_ERR_TRUNCATED);
        FUZZ_CHECK(error.finding == (model->next < model->highest
                                         ? MIGP_FINDING_PACKET_MISSING
                                         : MIGP_FINDING_CONFIG_MISSING));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct feeding feeding = fuzz_whole(bytes, size);
    struct migp_multifd_order *order;
    struct model model;
    size_t at;

    memset(&model, 0, sizeof(model));
    model.max = 1u + fuzz_choice(bytes, size, 0);
    FUZZ_CHECK(migp_multifd_order_new(&order, model.max) == MIGP_OK);
    for (at = 0; at + 2 <= feeding.size; at += 2) {
        uint8_t what = feeding.bytes[at];
        uint8_t index = feeding.bytes[at + 1];
        struct migp_multifd_place place = {
            .index = what & 64 ? UINT32_MAX - index : index,
            .flags = what & 1u,
            .offset = at,
            .size = what,
            .token = at};

        if (what & 128) {
            take(order, &model);
        } else {
            add(order, &model, &place);
        }
        check_end(order, &model);
    }
    migp_multifd_order_free(order);
    return 0;
}
