/* SPDX-License-Identifier: MIT */
#ifndef MIGP_STREAM_CONFIG_MEASURE_H
#define MIGP_STREAM_CONFIG_MEASURE_H

#include <migproto/stream.h>

/* All of enum migp_config_hint_flag. */
#define MIGP_CONFIG_HINTS                                                      \
    ((uint32_t)(MIGP_CONFIG_HINT_SIZE | MIGP_CONFIG_HINT_FOOTER))

/* Beside those, for the container: size is exact if END stands there. */
#define MIGP_CONFIG_HINT_LIKELY 0x80000000U

/*
 * migp_config_measure() for a caller that comes back with more bytes: *scanned
 * (0 at first) remembers how far the search for END_OF_STATE has looked.
 */
migp_ssize migp_config_measure_from(const uint8_t *bytes, size_t size,
                                    uint64_t max_config,
                                    const struct migp_config_hint *hint,
                                    uint32_t flags, size_t *scanned,
                                    size_t *need);

#endif
