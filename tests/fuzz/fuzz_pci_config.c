/* SPDX-License-Identifier: MIT */

/* Config bytes of any length: filled on success, untouched otherwise. */

#include "fuzz/check.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct migp_pci_config config;
    struct migp_pci_config before;
    struct migp_error error = MIGP_ERROR_INIT;
    uint8_t *exact = malloc(size ? size : 1);
    int code;

    FUZZ_CHECK(exact != NULL);
    memcpy(exact, bytes, size);
    memset(&config, 0xa5, sizeof(config));
    config.struct_size = sizeof(config);
    before = config;
    code = migp_pci_config_parse(exact, size, &config, &error);
    free(exact);
    if (code != MIGP_OK) {
        FUZZ_CHECK(code == MIGP_ERR_UNSUPPORTED || code == MIGP_ERR_MALFORMED);
        /* byte by byte, padding too: nothing may have been written */
        FUZZ_CHECK(memcmp((const uint8_t *)&config, (const uint8_t *)&before,
                          sizeof(config)) == 0);
        FUZZ_CHECK(error.code == code);
        return 0;
    }
    FUZZ_CHECK(config.config_size == 256 || config.config_size == 4096);
    FUZZ_CHECK(config.n_caps <= MIGP_PCI_MAX_CAPS);
    FUZZ_CHECK(config.version <= 2);
    FUZZ_CHECK(config.msix_vectors <= 2048);
    FUZZ_CHECK(config.msix_pending <= config.msix_vectors);
    FUZZ_CHECK(config.msix_masked <= config.msix_vectors);
    FUZZ_CHECK(size == 20u + config.config_size + 16u * config.msix_vectors +
                           (config.msix_vectors + 7) / 8 +
                           (config.has_ramfb ? 59u : 0u));
    return 0;
}
