/* SPDX-License-Identifier: MIT */

/* A bare stream, whole and cut; strict or tolerant, small limits or not. */

#include "fuzz/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t choice = fuzz_choice(bytes, size, 3);
    struct feeding feeding = fuzz_whole(bytes, size);
    struct migp_decoder_options options;
    struct outcome whole;
    struct outcome split;

    migp_decoder_options_init(&options);
    options.flags = choice & 1 ? MIGP_DECODER_TOLERANT : 0;
    options.dialects = choice & 14 ? (choice >> 1) & 7u : MIGP_DIALECT_ANY;
    if (choice & 16) {
        options.max_config = 300;
        options.max_data = 100;
    }
    feed_decoder(&whole, &feeding, &options);
    feeding = fuzz_split(bytes, size);
    feed_decoder(&split, &feeding, &options);
    FUZZ_CHECK(whole.dialects != 0);
    fuzz_compare(&whole, &split);
    return 0;
}
