/* SPDX-License-Identifier: MIT */
#include "stream/pci_layout.h"

#include "core/bytes.h"

#define PCI_STATUS 0x06
#define PCI_STATUS_CAP_LIST 0x10
#define PCI_CAPABILITY_LIST 0x34
#define PCI_STD_HEADER_SIZE 0x40
#define PCI_CAP_ID_MSIX 0x11
#define PCI_MSIX_TABLE_SIZE 0x7ff

size_t migp_pci_walk(const uint8_t *config, uint8_t *offsets, size_t max,
                     uint8_t *broken_at)
{
    uint8_t seen[MIGP_PCI_SMALL / 4] = {0};
    uint8_t at = (uint8_t)(config[PCI_CAPABILITY_LIST] & ~3u);
    size_t n = 0;

    *broken_at = 0;
    if ((config[PCI_STATUS] & PCI_STATUS_CAP_LIST) == 0) {
        return 0;
    }
    while (at != 0) {
        if (at < PCI_STD_HEADER_SIZE || seen[at / 4] != 0 || n == max) {
            *broken_at = at;
            break;
        }
        seen[at / 4] = 1;
        offsets[n++] = at;
        at = (uint8_t)(config[at + 1] & ~3u);
    }
    return n;
}

/* [PC-3] The vector count is in the capability's control word, less one. */
uint8_t migp_pci_find_msix(const uint8_t *config, uint32_t *n_vectors)
{
    uint8_t offsets[MIGP_PCI_CHAIN_MAX];
    uint8_t broken_at;
    size_t n = migp_pci_walk(config, offsets, MIGP_PCI_CHAIN_MAX, &broken_at);
    size_t i;

    *n_vectors = 0;
    for (i = 0; i < n; i++) {
        if (config[offsets[i]] == PCI_CAP_ID_MSIX) {
            uint32_t control = migp_load_le16(config + offsets[i] + 2);

            *n_vectors = (control & PCI_MSIX_TABLE_SIZE) + 1;
            return offsets[i];
        }
    }
    return 0;
}

size_t migp_pci_layout_size(size_t config_size, uint32_t n_vectors)
{
    return MIGP_PCI_VERSION_SIZE + config_size + MIGP_PCI_IRQ_SIZE +
           (size_t)16 * n_vectors + (n_vectors + 7) / 8;
}

bool migp_pci_ramfb_head(const uint8_t *bytes, size_t size)
{
    static const char name[] = "VFIOPCIDevice/VFIODisplay";
    uint8_t head[MIGP_PCI_RAMFB_HEAD];
    size_t length = sizeof(name) - 1;

    head[0] = 0x05;
    head[1] = (uint8_t)length;
    memcpy(head + 2, name, length);
    migp_store_be32(head + 2 + length, 1);
    return memcmp(bytes, head, size < sizeof(head) ? size : sizeof(head)) == 0;
}
