/* SPDX-License-Identifier: MIT */
#include "core/bytes.h"
#include "core/error.h"
#include "core/options.h"
#include "stream/pci_layout.h"

#include <migproto/pci.h>

/*
 * The config bytes of a vfio-pci device. Three byte orders meet here: QEMU's
 * own numbers are big-endian, config space and the MSI-X table are raw
 * little-endian registers, and the ramfb fields are as the guest wrote them,
 * big-endian.
 */

#define PCI_HEADER_KIND_MASK 0x7f
#define PCI_MSIX_ENTRY_CTRL 12

/* Where the parts of one layout begin. */
struct layout {
    size_t config_size;
    uint32_t n_vectors;
    uint8_t msix_at; /* of the capability in config space; 0 if hidden */
    bool has_ramfb;
};

static bool fits(size_t size, size_t config_size, uint32_t n_vectors,
                 const uint8_t *bytes, struct layout *out)
{
    size_t plain = migp_pci_layout_size(config_size, n_vectors);

    out->config_size = config_size;
    out->n_vectors = n_vectors;
    out->has_ramfb = size == plain + MIGP_PCI_RAMFB_SIZE &&
                     migp_pci_ramfb_head(bytes + plain, size - plain);
    return size == plain || out->has_ramfb;
}

/* [PC-1] The only layout that has this size. */
static bool find_layout(const uint8_t *bytes, size_t size, struct layout *out)
{
    static const size_t config_sizes[2] = {MIGP_PCI_LARGE, MIGP_PCI_SMALL};
    uint32_t n_vectors;
    size_t i;

    for (i = 0; i < 2; i++) {
        if (size < migp_pci_layout_size(config_sizes[i], 0)) {
            continue;
        }
        out->msix_at =
            migp_pci_find_msix(bytes + MIGP_PCI_VERSION_SIZE, &n_vectors);
        if (fits(size, config_sizes[i], n_vectors, bytes, out) ||
            fits(size, config_sizes[i], 0, bytes, out)) {
            return true;
        }
    }
    return false;
}

static int refuse(struct migp_error *error, int code, uint32_t finding,
                  uint64_t offset, uint64_t value)
{
    const struct migp_finding why =
        migp_finding_make(finding, offset, value, MIGP_PCI_VERSION_NEWEST);

    return migp_error_set(error, code, &why);
}

static void read_header(const uint8_t *config, struct migp_pci_config *out)
{
    size_t i;

    out->vendor_id = migp_load_le16(config + 0x00);
    out->device_id = migp_load_le16(config + 0x02);
    out->command = migp_load_le16(config + 0x04);
    out->status = migp_load_le16(config + 0x06);
    out->revision = config[0x08];
    out->class_code = migp_load_le32(config + 0x08) >> 8;
    out->header_kind = config[0x0e] & PCI_HEADER_KIND_MASK;
    out->interrupt_pin = config[0x3d];
    if (out->header_kind == 0) {
        for (i = 0; i < 6; i++) {
            out->bars[i] = migp_load_le32(config + 0x10 + 4 * i);
        }
        out->subsystem_vendor_id = migp_load_le16(config + 0x2c);
        out->subsystem_id = migp_load_le16(config + 0x2e);
    }
}

/* The chain as far as it goes; returns where it breaks, or 0. */
static uint8_t read_caps(const uint8_t *config, struct migp_pci_config *out)
{
    uint8_t offsets[MIGP_PCI_MAX_CAPS];
    uint8_t broken_at;
    size_t n = migp_pci_walk(config, offsets, MIGP_PCI_MAX_CAPS, &broken_at);
    size_t i;

    out->n_caps = (uint8_t)n;
    for (i = 0; i < n; i++) {
        out->caps[i].id = config[offsets[i]];
        out->caps[i].offset = offsets[i];
    }
    return broken_at;
}

/* [PC-3] */
static void read_msix(const uint8_t *config, const uint8_t *table,
                      const struct layout *layout, struct migp_pci_config *out)
{
    const uint8_t *pending = table + (size_t)16 * layout->n_vectors;
    uint32_t i;

    out->has_msix = layout->n_vectors > 0;
    out->msix_vectors = layout->n_vectors;
    if (layout->msix_at != 0) {
        out->msix_control = migp_load_le16(config + layout->msix_at + 2);
        out->msix_table = migp_load_le32(config + layout->msix_at + 4);
        out->msix_pba = migp_load_le32(config + layout->msix_at + 8);
    }
    for (i = 0; i < layout->n_vectors; i++) {
        const uint8_t *entry = table + (size_t)16 * i;

        out->msix_masked += (uint32_t)entry[PCI_MSIX_ENTRY_CTRL] & 1u;
        out->msix_pending += ((uint32_t)pending[i / 8] >> (i % 8)) & 1u;
    }
}

/* [PC-5] */
static void read_ramfb(const uint8_t *fields, struct migp_pci_config *out)
{
    out->has_ramfb = 1;
    out->ramfb_address = migp_load_be64(fields);
    out->ramfb_fourcc = migp_load_be32(fields + 8);
    out->ramfb_flags = migp_load_be32(fields + 12);
    out->ramfb_width = migp_load_be32(fields + 16);
    out->ramfb_height = migp_load_be32(fields + 20);
    out->ramfb_stride = migp_load_be32(fields + 24);
}

/* [PC-4] */
static int read_irq_state(const uint8_t *words, size_t at,
                          struct migp_pci_config *out, struct migp_error *error)
{
    size_t i;

    for (i = 0; i < 4; i++) {
        out->irq_state[i] = migp_load_be32(words + 4 * i);
        if (out->irq_state[i] > 1) {
            return refuse(error, MIGP_ERR_MALFORMED, MIGP_FINDING_PCI_IRQ_STATE,
                          at + 4 * i, out->irq_state[i]);
        }
    }
    return MIGP_OK;
}

static int read_layout(const uint8_t *bytes, const struct layout *layout,
                       struct migp_pci_config *out, struct migp_error *error)
{
    const uint8_t *config = bytes + MIGP_PCI_VERSION_SIZE;
    const uint8_t *irq = config + layout->config_size;
    uint8_t broken_at;
    int code;

    out->version = migp_load_be32(bytes);
    if (out->version > MIGP_PCI_VERSION_NEWEST) { /* [PC-2] */
        return refuse(error, MIGP_ERR_MALFORMED, MIGP_FINDING_PCI_VERSION, 0,
                      out->version);
    }
    out->config_size = (uint32_t)layout->config_size;
    code = read_irq_state(irq, (size_t)(irq - bytes), out, error);
    if (code < 0) {
        return code;
    }
    read_header(config, out);
    broken_at = read_caps(config, out);
    read_msix(config, irq + MIGP_PCI_IRQ_SIZE, layout, out);
    if (layout->has_ramfb) {
        read_ramfb(
            bytes +
                migp_pci_layout_size(layout->config_size, layout->n_vectors) +
                MIGP_PCI_RAMFB_HEAD,
            out);
    }
    if (broken_at != 0) {
        (void)refuse(error, MIGP_OK, MIGP_FINDING_PCI_CAP_LOOP,
                     MIGP_PCI_VERSION_SIZE + (uint64_t)broken_at, broken_at);
    }
    return MIGP_OK;
}

int migp_pci_config_parse(const void *bytes, size_t size,
                          struct migp_pci_config *config,
                          struct migp_error *error)
{
    struct migp_pci_config own = {.struct_size = sizeof(own)};
    struct layout layout = {0};
    int code;

    if (bytes == NULL || config == NULL ||
        config->struct_size < sizeof(size_t)) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    (void)migp_error_set(error, MIGP_OK, NULL);
    if (!find_layout(bytes, size, &layout)) {
        return refuse(error, MIGP_ERR_UNSUPPORTED, MIGP_FINDING_PCI_SIZE, 0,
                      size);
    }
    code = read_layout(bytes, &layout, &own, error);
    if (code < 0) {
        return code;
    }
    return migp_struct_write(config, &own, sizeof(own));
}

const char *migp_pci_cap_id(uint32_t id)
{
    static const char *const names[] = {[0x01] = "Power Management",
                                        [0x03] = "VPD",
                                        [0x05] = "MSI",
                                        [0x08] = "HyperTransport",
                                        [0x09] = "Vendor-Specific",
                                        [0x0d] = "Subsystem ID",
                                        [0x10] = "PCI Express",
                                        [0x11] = "MSI-X",
                                        [0x12] = "SATA",
                                        [0x13] = "Advanced Features",
                                        [0x14] = "Enhanced Allocation"};

    if (id >= sizeof(names) / sizeof(names[0]) || names[id] == NULL) {
        return "unknown";
    }
    return names[id];
}
