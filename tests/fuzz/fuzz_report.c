/* SPDX-License-Identifier: MIT */

/* A report of anything, whole and cut; every answer is asked for. */

#include "fuzz/check.h"

#include <stdlib.h>

static uint64_t sunk;

static void sink(void *user, size_t device, int section,
                 const struct migp_event *event)
{
    (void)user;
    (void)section;
    FUZZ_CHECK(device < 3);
    if (event->kind == MIGP_EVENT_DATA || event->kind == MIGP_EVENT_CONFIG) {
        uint64_t i;

        for (i = 0; i < event->size; i++) {
            sunk += event->bytes[i];
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t choice = fuzz_choice(bytes, size, 3);
    struct feeding feeding = fuzz_whole(bytes, size);
    struct migp_qemu_options qemu;
    struct migp_report_options options;
    struct outcome whole;
    struct outcome split;

    migp_qemu_options_init(&qemu);
    qemu.decoder_flags = choice & 1 ? MIGP_DECODER_TOLERANT : 0;
    migp_report_options_init(&options);
    options.qemu = &qemu;
    options.max_records = choice & 2 ? 3 : 100;
    options.max_devices = 3;
    options.max_findings = choice & 4 ? 2 : 100;
    options.sink = choice & 8 ? sink : NULL;
    feed_report(&whole, &feeding, &options);
    feeding = fuzz_split(bytes, size);
    feed_report(&split, &feeding, &options);
    fuzz_compare(&whole, &split);
    return 0;
}
