/* SPDX-License-Identifier: MIT */
#ifndef MIGP_DEVICE_UAPI_H
#define MIGP_DEVICE_UAPI_H

/*
 * The numbers and layouts of Linux's VFIO, iommufd and type1 interfaces that
 * migration needs. They stand here because the headers of Debian 12 are older
 * than half of them, and include no system header, so that they cannot clash.
 * Source: Linux 6.12 and 7.1 include/uapi/linux/vfio.h and iommufd.h (facts:
 * names, numbers, layouts). Host byte order.
 */

#include <assert.h>
#include <stdint.h>

/* All are _IO(';', 100 + n): no size in the number. */
enum migp_uapi_ioctl {
    MIGP_VFIO_GET_API_VERSION = 0x3b64,
    MIGP_VFIO_CHECK_EXTENSION = 0x3b65,
    MIGP_VFIO_SET_IOMMU = 0x3b66,
    MIGP_VFIO_GROUP_GET_STATUS = 0x3b67,
    MIGP_VFIO_GROUP_SET_CONTAINER = 0x3b68,
    MIGP_VFIO_GROUP_UNSET_CONTAINER = 0x3b69,
    MIGP_VFIO_GROUP_GET_DEVICE_FD = 0x3b6a,
    MIGP_VFIO_DEVICE_GET_INFO = 0x3b6b,
    MIGP_VFIO_DEVICE_GET_REGION_INFO = 0x3b6c,
    MIGP_VFIO_DEVICE_RESET_IOCTL = 0x3b6f,
    MIGP_VFIO_IOMMU_GET_INFO = 0x3b70,
    MIGP_VFIO_IOMMU_MAP_DMA = 0x3b71,
    MIGP_VFIO_IOMMU_UNMAP_DMA = 0x3b72,
    MIGP_VFIO_IOMMU_DIRTY_PAGES = 0x3b75, /* on a container */
    MIGP_VFIO_DEVICE_FEATURE = 0x3b75,    /* on a device */
    MIGP_VFIO_DEVICE_BIND_IOMMUFD = 0x3b76,
    MIGP_VFIO_DEVICE_ATTACH_PT = 0x3b77,
    MIGP_VFIO_DEVICE_DETACH_PT = 0x3b78,
    MIGP_VFIO_MIG_GET_PRECOPY_INFO = 0x3b79, /* on a data fd */
    MIGP_IOMMU_DESTROY = 0x3b80,
    MIGP_IOMMU_IOAS_ALLOC = 0x3b81,
    MIGP_IOMMU_HWPT_SET_DIRTY_TRACKING = 0x3b8b,
    MIGP_IOMMU_HWPT_GET_DIRTY_BITMAP = 0x3b8c
};

/* VFIO_CHECK_EXTENSION, VFIO_SET_IOMMU. */
#define MIGP_VFIO_TYPE1V2_IOMMU 3
#define MIGP_VFIO_GROUP_FLAGS_VIABLE UINT32_C(1)
#define MIGP_VFIO_GROUP_FLAGS_CONTAINER_SET UINT32_C(2)

struct migp_vfio_group_status {
    uint32_t argsz;
    uint32_t flags;
};

#define MIGP_VFIO_DEVICE_FLAGS_RESET UINT32_C(1)
#define MIGP_VFIO_DEVICE_FLAGS_PCI UINT32_C(2)

struct migp_vfio_device_info {
    uint32_t argsz;
    uint32_t flags;
    uint32_t num_regions;
    uint32_t num_irqs;
    uint32_t cap_offset;
    uint32_t pad;
};

#define MIGP_VFIO_REGION_FLAG_READ UINT32_C(1)
#define MIGP_VFIO_REGION_FLAG_WRITE UINT32_C(2)

struct migp_vfio_region_info {
    uint32_t argsz;
    uint32_t flags;
    uint32_t index;
    uint32_t cap_offset;
    uint64_t size;
    uint64_t offset; /* in the device fd */
};

/* VFIO_DEVICE_FEATURE: flags are an index and what to do. */
#define MIGP_VFIO_FEATURE_INDEX UINT32_C(0xffff)
#define MIGP_VFIO_FEATURE_GET (UINT32_C(1) << 16)
#define MIGP_VFIO_FEATURE_SET (UINT32_C(1) << 17)
#define MIGP_VFIO_FEATURE_PROBE (UINT32_C(1) << 18)

enum migp_uapi_feature {
    MIGP_FEATURE_PCI_VF_TOKEN = 0,
    MIGP_FEATURE_MIGRATION = 1,
    MIGP_FEATURE_MIG_DEVICE_STATE = 2,
    MIGP_FEATURE_DMA_LOGGING_START = 6,
    MIGP_FEATURE_DMA_LOGGING_STOP = 7,
    MIGP_FEATURE_DMA_LOGGING_REPORT = 8,
    MIGP_FEATURE_MIG_DATA_SIZE = 9,
    MIGP_FEATURE_MIG_PRECOPY_INFOV2 = 12
};

/* The payload follows. */
struct migp_vfio_feature {
    uint32_t argsz;
    uint32_t flags;
};

struct migp_vfio_feature_migration {
    uint64_t flags;
};

struct migp_vfio_feature_mig_state {
    uint32_t device_state;
    int32_t data_fd;
};

struct migp_vfio_feature_mig_data_size {
    uint64_t stop_copy_length;
};

struct migp_vfio_feature_logging_control {
    uint64_t page_size;
    uint32_t num_ranges;
    uint32_t reserved;
    uint64_t ranges; /* a pointer to struct migp_vfio_feature_logging_range */
};

struct migp_vfio_feature_logging_range {
    uint64_t iova;
    uint64_t length;
};

struct migp_vfio_feature_logging_report {
    uint64_t iova;
    uint64_t length;
    uint64_t page_size;
    uint64_t bitmap; /* a pointer to 64-bit words */
};

/* Most ranges of one DMA_LOGGING_START: a page of them. */
#define MIGP_VFIO_LOGGING_RANGES_MAX 256

#define MIGP_VFIO_PRECOPY_INFO_REINIT UINT32_C(1)

struct migp_vfio_precopy_info {
    uint32_t argsz;
    uint32_t flags;
    uint64_t initial_bytes;
    uint64_t dirty_bytes;
};

struct migp_vfio_bind_iommufd {
    uint32_t argsz;
    uint32_t flags;
    int32_t iommufd;
    uint32_t out_devid;
};

/* type1 */
#define MIGP_VFIO_DIRTY_START UINT32_C(1)
#define MIGP_VFIO_DIRTY_STOP UINT32_C(2)
#define MIGP_VFIO_DIRTY_GET_BITMAP UINT32_C(4)
#define MIGP_VFIO_IOMMU_INFO_CAPS UINT32_C(2)
#define MIGP_VFIO_IOMMU_INFO_CAP_MIGRATION 2

struct migp_vfio_iommu_info {
    uint32_t argsz;
    uint32_t flags;
    uint64_t iova_pgsizes;
    uint32_t cap_offset;
    uint32_t pad;
};

struct migp_vfio_cap_header {
    uint16_t id;
    uint16_t version;
    uint32_t next;
};

struct migp_vfio_iommu_cap_migration {
    struct migp_vfio_cap_header header;
    uint32_t flags;
    uint32_t pad;
    uint64_t pgsize_bitmap;
    uint64_t max_dirty_bitmap_size;
};

struct migp_vfio_dirty_bitmap {
    uint32_t argsz;
    uint32_t flags;
};

struct migp_vfio_dirty_bitmap_get {
    struct migp_vfio_dirty_bitmap head;
    uint64_t iova;
    uint64_t size;
    uint64_t pgsize;
    uint64_t bitmap_size; /* bytes */
    uint64_t bitmap;      /* a pointer to 64-bit words */
};

/* iommufd */
#define MIGP_IOMMU_DIRTY_TRACKING_ENABLE UINT32_C(1)
#define MIGP_IOMMU_DIRTY_BITMAP_NO_CLEAR UINT32_C(1)

struct migp_iommu_set_dirty_tracking {
    uint32_t size;
    uint32_t flags;
    uint32_t hwpt_id;
    uint32_t reserved;
};

struct migp_iommu_get_dirty_bitmap {
    uint32_t size;
    uint32_t hwpt_id;
    uint32_t flags;
    uint32_t reserved;
    uint64_t iova;
    uint64_t length;
    uint64_t page_size;
    uint64_t data; /* a pointer to bits */
};

static_assert(sizeof(struct migp_vfio_region_info) == 32, "as the kernel's");
static_assert(sizeof(struct migp_vfio_feature) == 8, "as the kernel's");
static_assert(sizeof(struct migp_vfio_feature_mig_state) == 8, "likewise");
static_assert(sizeof(struct migp_vfio_feature_logging_control) == 24, "alike");
static_assert(sizeof(struct migp_vfio_feature_logging_report) == 32, "alike");
static_assert(sizeof(struct migp_vfio_precopy_info) == 24, "as the kernel's");
static_assert(sizeof(struct migp_vfio_dirty_bitmap_get) == 48, "alike");
static_assert(sizeof(struct migp_iommu_get_dirty_bitmap) == 48, "alike");

#endif
