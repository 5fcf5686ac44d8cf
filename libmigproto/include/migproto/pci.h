/* SPDX-License-Identifier: MIT */
#ifndef MIGPROTO_PCI_H
#define MIGPROTO_PCI_H

/**
 * @file pci.h
 * @brief The config bytes of a vfio-pci device.
 *
 * What QEMU saves of a PCI device besides the driver's own state: config
 * space, INTx, the MSI-X table. QEMU's own numbers are big-endian, those of
 * config space and of the MSI-X table little-endian. Pure; allocates nothing.
 */

#include <migproto/core.h>
#include <migproto/finding.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Most capabilities a chain in 256 bytes can have. */
#define MIGP_PCI_MAX_CAPS 48

/** One capability of the standard chain. */
struct migp_pci_cap {
    uint8_t id;          /**< capability id, e.g. 0x11 MSI-X */
    uint8_t offset;      /**< in config space */
    uint8_t reserved[2]; /**< 0 */
};

/** What the config bytes of a vfio-pci device say. */
struct migp_pci_config {
    size_t struct_size;           /**< sizeof(struct migp_pci_config) */
    uint32_t version;             /**< of QEMU's PCIDevice state, 2 today */
    uint32_t config_size;         /**< config space: 256 or 4096 bytes */
    uint32_t msix_vectors;        /**< entries of the MSI-X table; 0 without */
    uint32_t msix_pending;        /**< pending bits that are set */
    uint32_t msix_masked;         /**< table entries that are masked */
    uint32_t has_msix;            /**< 1 if the MSI-X table was written */
    uint16_t vendor_id;           /**< config space 0x00 */
    uint16_t device_id;           /**< config space 0x02 */
    uint16_t command;             /**< config space 0x04 */
    uint16_t status;              /**< config space 0x06 */
    uint32_t class_code;          /**< config space 0x09, 24 bits */
    uint8_t revision;             /**< config space 0x08 */
    uint8_t header_kind;          /**< config space 0x0e, low 7 bits */
    uint8_t interrupt_pin;        /**< config space 0x3d */
    uint8_t n_caps;               /**< entries in caps */
    uint16_t subsystem_vendor_id; /**< config space 0x2c; header kind 0 */
    uint16_t subsystem_id;        /**< config space 0x2e; header kind 0 */
    uint32_t bars[6];             /**< config space 0x10; header kind 0 */
    uint32_t irq_state[4];        /**< INTx A to D, each 0 or 1 */
    uint32_t msix_table;          /**< MSI-X: table offset and BIR register */
    uint32_t msix_pba;      /**< MSI-X: pending bits offset and BIR register */
    uint32_t msix_control;  /**< MSI-X: message control */
    uint32_t has_ramfb;     /**< 1 if the ramfb subsection is there */
    uint64_t ramfb_address; /**< guest-physical */
    uint32_t ramfb_fourcc;  /**< pixel format */
    uint32_t ramfb_flags;   /**< 0 */
    uint32_t ramfb_width;   /**< pixels */
    uint32_t ramfb_height;  /**< pixels */
    uint32_t ramfb_stride;  /**< bytes */
    struct migp_pci_cap caps[MIGP_PCI_MAX_CAPS]; /**< in chain order */
};

/**
 * @brief Decode the config bytes of a vfio-pci device.
 * @param bytes the bytes of a CONFIG event
 * @param size number of bytes
 * @param[out] config struct_size set by the caller; filled on success, else
 *             unchanged
 * @param[out] error what is wrong and where, offset counted from bytes; also
 *             set on success if the capability chain is broken
 *             (error->finding); may be NULL
 * @return MIGP_OK; MIGP_ERR_INVALID_ARGUMENT; MIGP_ERR_UNSUPPORTED if the
 *         bytes have no layout of a vfio-pci device (they may be right for
 *         another bus); MIGP_ERR_MALFORMED if they have but break its rules
 * @since 0.1.0
 */
MIGP_API int migp_pci_config_parse(const void *bytes, size_t size,
                                   struct migp_pci_config *config,
                                   struct migp_error *error);

/**
 * @brief Tell a PCI capability's name.
 * @param id capability id
 * @return e.g. "MSI-X"; "unknown" for what is none; static, never NULL
 * @since 0.1.0
 */
MIGP_API const char *migp_pci_cap_id(uint32_t id);

#ifdef __cplusplus
}
#endif

#endif
