/* SPDX-License-Identifier: MIT */

/* A container, whole and cut, with a VM description or without. */

#include "fuzz/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct migp_vmdesc_entry told[] = {
        {"timer", 0, 0, 24}, {"0000:00:04.0/vfio", 0, 0, 100}};
    uint8_t choice = fuzz_choice(bytes, size, 3);
    struct feeding feeding = fuzz_whole(bytes, size);
    struct migp_qemu_options options;
    struct outcome whole;
    struct outcome split;

    migp_qemu_options_init(&options);
    options.decoder_flags = choice & 1 ? MIGP_DECODER_TOLERANT : 0;
    options.footers = ((choice >> 1) & 3u) % 3;
    options.page_size = choice & 8 ? 1024 : 0;
    options.max_sections = choice & 16 ? 4 : MIGP_DEFAULT_MAX_SECTIONS;
    options.max_config = choice & 32 ? 300 : MIGP_DEFAULT_MAX_CONFIG;
    if (choice & 64) {
        options.vmdesc = told;
        options.n_vmdesc = 2;
    }
    feed_reader(&whole, &feeding, &options);
    feeding = fuzz_split(bytes, size);
    feed_reader(&split, &feeding, &options);
    fuzz_compare(&whole, &split);
    return 0;
}
