/* SPDX-License-Identifier: MIT */
#include "core/error.h"
#include "record/driver_reader.h"

/* From a chain that has ended to what a driver reader tells of it. */

/* Each kind of finding has its own room: none crowds out another. */
_Static_assert(MIGP_CHAIN_SKIPPED + 4 <= MIGP_DRIVER_FINDINGS,
               "skipped; refused; flags; odd size; empty, cut or too big");

static bool is_behind(const struct migp_driver_reader *reader, size_t at,
                      uint32_t input, uint64_t offset)
{
    return reader->finding_inputs[at] == input &&
           reader->findings[at].offset > offset;
}

/* Findings are told in the order of the input. */
static void add(struct migp_driver_reader *reader, uint32_t code,
                const struct migp_chain_mark *mark, uint64_t value,
                uint64_t expected)
{
    struct migp_finding finding =
        migp_finding_make(code, mark->offset, value, expected);
    size_t at = reader->n_findings;

    migp_driver_add_finding(reader, &finding, mark->input);
    for (; at > 0 && is_behind(reader, at - 1, mark->input, mark->offset);
         at--) {
        reader->findings[at] = reader->findings[at - 1];
        reader->findings[at - 1] = finding;
    }
}

static bool knows_tag_1(const struct migp_driver_reader *reader)
{
    return reader->driver == MIGP_DRIVER_MLX5;
}

/* [DR-7] */
static int tell_refused(struct migp_driver_reader *reader)
{
    const struct migp_chain *chain = &reader->chain;
    const struct migp_chain_mark *first = NULL;

    if (chain->has_refused[MIGP_CHAIN_TAG_OTHER]) {
        first = &chain->refused[MIGP_CHAIN_TAG_OTHER];
    }
    if (!knows_tag_1(reader) && chain->has_refused[MIGP_CHAIN_TAG_1] &&
        (first == NULL ||
         chain->refused[MIGP_CHAIN_TAG_1].number < first->number)) {
        first = &chain->refused[MIGP_CHAIN_TAG_1];
    }
    if (first == NULL) {
        return MIGP_OK;
    }
    add(reader, MIGP_FINDING_DRIVER_TAG, first, first->record.tag, 0);
    return MIGP_ERR_MALFORMED;
}

/* [DR-8] The first few, whichever of the two kinds they are. */
static void tell_skipped(struct migp_driver_reader *reader)
{
    const struct migp_chain *chain = &reader->chain;
    const size_t n_1 =
        knows_tag_1(reader) ? 0 : chain->n_skipped[MIGP_CHAIN_TAG_1];
    const size_t n_other = chain->n_skipped[MIGP_CHAIN_TAG_OTHER];
    const struct migp_chain_mark *one = chain->skipped[MIGP_CHAIN_TAG_1];
    const struct migp_chain_mark *other = chain->skipped[MIGP_CHAIN_TAG_OTHER];
    size_t i = 0;
    size_t k = 0;

    while (i + k < MIGP_CHAIN_SKIPPED && (i < n_1 || k < n_other)) {
        const struct migp_chain_mark *mark =
            k == n_other || (i < n_1 && one[i].number < other[k].number)
                ? &one[i++]
                : &other[k++];

        add(reader, MIGP_FINDING_DRIVER_SKIPPED, mark, mark->record.tag,
            mark->record.size);
    }
}

static void tell_odd_fields(struct migp_driver_reader *reader)
{
    const struct migp_chain *chain = &reader->chain;

    if (chain->has_odd_flags) { /* [DR-9] */
        add(reader, MIGP_FINDING_DRIVER_FLAGS, &chain->odd_flags,
            chain->odd_flags.record.flags, MIGP_DRIVER_RECORD_OPTIONAL);
    }
    if (chain->has_odd_size && knows_tag_1(reader)) { /* [DR-10] */
        add(reader, MIGP_FINDING_DRIVER_RECORD_ODD, &chain->odd_size,
            chain->odd_size.record.size, 8);
    }
}

/* [DR-11] */
static void tell_cut(struct migp_driver_reader *reader)
{
    const struct migp_chain *chain = &reader->chain;
    uint64_t head = MIGP_DRIVER_RECORD_HEAD;

    if (chain->left == 0) {
        add(reader, MIGP_FINDING_DRIVER_CUT, &chain->hand, chain->n_thing,
            head);
    } else {
        add(reader, MIGP_FINDING_DRIVER_CUT, &chain->hand,
            head + chain->hand.record.size - chain->left,
            head + chain->hand.record.size);
    }
}

static int tell_end(struct migp_driver_reader *reader, uint64_t offset,
                    int refused)
{
    const struct migp_chain *chain = &reader->chain;
    const struct migp_chain_mark end = {.offset = offset,
                                        .input = reader->input};

    if (chain->too_big) { /* [DR-6] */
        add(reader, MIGP_FINDING_DRIVER_SIZE, &chain->hand,
            chain->hand.record.size, MIGP_DRIVER_RECORD_MAX);
        return MIGP_ERR_MALFORMED;
    }
    if (migp_chain_is_cut(chain)) {
        tell_cut(reader);
        return MIGP_ERR_TRUNCATED;
    }
    if (!chain->has_state && refused == MIGP_OK) { /* [DR-12] */
        add(reader, MIGP_FINDING_DRIVER_EMPTY, &end, chain->n_records, 0);
    }
    return refused;
}

static void number(struct migp_driver_reader *reader, const char *prefix,
                   const char *name, uint64_t value)
{
    migp_driver_add_number(reader, MIGP_FIELD_NUMBER, prefix, name, value);
}

/* Under the names that the drivers have for them. */
static void describe(struct migp_driver_reader *reader)
{
    const struct migp_chain *chain = &reader->chain;
    struct migp_chain_count skipped = chain->strange[MIGP_CHAIN_TAG_OTHER];

    number(reader, "", "records", chain->n_records);
    if (reader->driver == MIGP_DRIVER_MLX5) {
        number(reader, "fw_data.", "images", chain->state.records);
        number(reader, "fw_data.", "bytes", chain->state.bytes);
        if (chain->has_stop_copy_size) {
            number(reader, "", "stop_copy_size", chain->stop_copy_size);
        }
    } else {
        const char *prefix =
            reader->driver == MIGP_DRIVER_VIRTIO ? "device_data." : "tag_0.";

        number(reader, prefix,
               reader->driver == MIGP_DRIVER_VIRTIO ? "contexts" : "records",
               chain->state.records);
        number(reader, prefix, "bytes", chain->state.bytes);
        number(reader, prefix, "last", chain->last_state_size);
        if (chain->parts_seen && !chain->parts_contradict) {
            number(reader, prefix, "last_parts", chain->n_parts);
        }
        skipped.records += chain->strange[MIGP_CHAIN_TAG_1].records;
        skipped.bytes += chain->strange[MIGP_CHAIN_TAG_1].bytes;
    }
    number(reader, "unknown.", "records", skipped.records);
    number(reader, "unknown.", "bytes", skipped.bytes);
}

static bool has_chain_vendor(const struct migp_driver_reader *reader)
{
    return reader->vendor == MIGP_VENDOR_MLX5 ||
           reader->vendor == MIGP_VENDOR_VIRTIO;
}

/* [DR-13] */
static void tell_no_chain(struct migp_driver_reader *reader)
{
    const struct migp_chain_mark begin = {.offset = reader->first_offset,
                                          .input = reader->first_input};

    if (has_chain_vendor(reader) && reader->n_bytes > 0) {
        add(reader, MIGP_FINDING_DRIVER_NO_CHAIN, &begin, reader->vendor, 0);
    }
}

int migp_chain_reader_finish(struct migp_driver_reader *reader, uint64_t offset)
{
    int refused;

    /* [DR-11] Less than a head tells nothing by itself, but after what the
     * device is, it does. */
    if (migp_chain_is_beginning(&reader->chain) && has_chain_vendor(reader)) {
        reader->chain.begun = true;
    }
    reader->driver = migp_chain_driver(&reader->chain, reader->vendor);
    if (reader->driver == MIGP_DRIVER_OPAQUE) {
        tell_no_chain(reader);
        return MIGP_OK;
    }
    describe(reader);
    tell_skipped(reader);
    tell_odd_fields(reader);
    refused = tell_refused(reader);
    return tell_end(reader, offset, refused);
}
