/* SPDX-License-Identifier: MIT */
#include "mutate/edit.h"

#include <string.h>

bool migp_mutate_is_number(const struct migp_mutate_field *field)
{
    return field->size == 1 || field->size == 2 || field->size == 4 ||
           field->size == 8;
}

uint64_t migp_mutate_load(const struct migp_mutate_input *input,
                          const struct migp_mutate_field *field)
{
    const uint8_t *bytes = input->bytes + field->offset;
    uint64_t value = 0;
    size_t i;

    for (i = 0; i < field->size; i++) {
        size_t at = field->little_endian ? field->size - 1 - i : i;

        value = value << 8 | bytes[at];
    }
    return value;
}

static uint64_t most(size_t size)
{
    return size < 8 ? (UINT64_C(1) << (8 * size)) - 1 : UINT64_MAX;
}

bool migp_edit_store(struct migp_edit *edit,
                     const struct migp_mutate_field *field, uint64_t value)
{
    struct migp_store *store;

    if (edit->n_stores == MIGP_EDIT_STORES) {
        return false;
    }
    store = &edit->stores[edit->n_stores++];
    store->offset = field->offset;
    store->size = field->size;
    store->little_endian = field->little_endian;
    store->value = value & most(field->size);
    return true;
}

bool migp_edit_store_byte(struct migp_edit *edit, size_t offset, uint8_t value)
{
    const struct migp_mutate_field field = {.offset = offset, .size = 1};

    return migp_edit_store(edit, &field, value);
}

/* Add to what a number will be. */
static bool add_to(struct migp_edit *edit,
                   const struct migp_mutate_table *table,
                   const struct migp_mutate_input *input, uint32_t number,
                   const struct migp_splice *splice)
{
    const struct migp_mutate_field *field;
    struct migp_store *store = NULL;
    uint64_t value;
    unsigned i;

    if (number == MIGP_MUTATE_NONE) {
        return true;
    }
    field = &table->fields[number];
    for (i = 0; i < edit->n_stores; i++) {
        if (edit->stores[i].offset == field->offset) {
            store = &edit->stores[i];
        }
    }
    value = store != NULL ? store->value : migp_mutate_load(input, field);
    if (splice->insert > splice->remove) {
        size_t more = splice->insert - splice->remove;

        if (more > most(field->size) - value) {
            return false;
        }
        value += more;
    } else {
        size_t less = splice->remove - splice->insert;

        if (less > value) {
            return false;
        }
        value -= less;
    }
    if (store != NULL) {
        store->value = value;
        return true;
    }
    return migp_edit_store(edit, field, value);
}

bool migp_edit_follow(struct migp_edit *edit,
                      const struct migp_mutate_table *table,
                      const struct migp_mutate_input *input)
{
    unsigned i;

    for (i = 0; i < edit->n_splices; i++) {
        const struct migp_splice *splice = &edit->splices[i];
        uint32_t unit = splice->inside;

        if (!add_to(edit, table, input, splice->sizer, splice)) {
            return false;
        }
        while (unit != MIGP_MUTATE_NONE) {
            if (!add_to(edit, table, input, table->units[unit].sizer, splice)) {
                return false;
            }
            unit = table->units[unit].parent;
        }
    }
    return true;
}

static size_t result_size(const struct migp_edit *edit, size_t size,
                          size_t room)
{
    unsigned i;

    for (i = 0; i < edit->n_splices; i++) {
        size -= edit->splices[i].remove;
    }
    for (i = 0; i < edit->n_splices; i++) {
        size_t insert = edit->splices[i].insert;

        if (size > room || insert > room - size) {
            return SIZE_MAX;
        }
        size += insert;
    }
    return size <= room ? size : SIZE_MAX;
}

static void insert(const struct migp_splice *splice, const uint8_t *bytes,
                   uint8_t *out)
{
    size_t done = 0;

    if (splice->period == 0) {
        memset(out, 0, splice->insert);
        return;
    }
    while (done < splice->insert) {
        size_t left = splice->insert - done;
        size_t now = splice->period < left ? splice->period : left;

        memcpy(out + done, bytes + splice->from, now);
        done += now;
    }
}

/* Numbers go where their place has moved to, if it is still there. */
static void write_stores(const struct migp_edit *edit, uint8_t *out)
{
    unsigned i, j;

    for (i = 0; i < edit->n_stores; i++) {
        const struct migp_store *store = &edit->stores[i];
        size_t to = store->offset;
        bool there = true;
        size_t k;

        for (j = 0; j < edit->n_splices; j++) {
            const struct migp_splice *splice = &edit->splices[j];

            if (splice->at <= store->offset) {
                there = there && store->offset >= splice->at + splice->remove;
                to += splice->insert - splice->remove;
            } else {
                there = there && store->offset + store->size <= splice->at;
            }
        }
        for (k = 0; there && k < store->size; k++) {
            size_t at = store->little_endian ? k : store->size - 1 - k;

            out[to + at] = (uint8_t)(store->value >> (8 * k));
        }
    }
}

size_t migp_edit_apply(const struct migp_edit *edit,
                       const struct migp_mutate_input *input, uint8_t *out,
                       size_t room)
{
    size_t size = result_size(edit, input->size, room);
    size_t from = 0, to = 0;
    unsigned i;

    if (size == SIZE_MAX || size == 0) {
        return SIZE_MAX;
    }
    for (i = 0; i < edit->n_splices; i++) {
        const struct migp_splice *splice = &edit->splices[i];

        memcpy(out + to, input->bytes + from, splice->at - from);
        to += splice->at - from;
        insert(splice, input->bytes, out + to);
        to += splice->insert;
        from = splice->at + splice->remove;
    }
    memcpy(out + to, input->bytes + from, input->size - from);
    write_stores(edit, out);
    if (size == input->size && memcmp(out, input->bytes, size) == 0) {
        return SIZE_MAX;
    }
    return size;
}
