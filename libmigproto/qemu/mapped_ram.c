/* SPDX-License-Identifier: MIT */
#include "qemu/reader.h"

/*
 * [QC-14] In a mapped-ram file each block's list entry is followed by a
 * header that says where in the file its bitmap and pages are: the bitmap
 * right behind the header, the pages further on, and behind their end the next
 * entry. Offsets count from the start of the file, which is not the start of
 * the input where QEMU was told to write from an offset on; so only their
 * distances are used, and all blocks must agree on the rest.
 */

#define HEADER_VERSION 1U
#define PAGE_SIZE_MIN 1024U
#define PAGE_SIZE_MAX 65536U

enum header_at {
    AT_VERSION = 0,
    AT_PAGE_SIZE = 4,
    AT_BITMAP = 12,
    AT_PAGES = 20
};

static int fail(struct migp_qemu_reader *reader, uint32_t finding,
                uint64_t offset, uint64_t value, uint64_t expected)
{
    return migp_qemu_fail(reader, MIGP_ERR_MALFORMED, finding, offset, value,
                          expected);
}

static bool page_size_good(uint64_t size)
{
    return size >= PAGE_SIZE_MIN && size <= PAGE_SIZE_MAX &&
           (size & (size - 1)) == 0;
}

/* The bitmap has a bit for each page, in words of 64. */
static uint64_t bitmap_size(uint64_t used_length, uint64_t page_size)
{
    uint64_t pages = used_length / page_size + (used_length % page_size != 0);

    return (pages / 64 + (pages % 64 != 0)) * 8;
}

/* Is the bitmap where all blocks' bitmaps are: right behind the header? */
static int check_bitmap(struct migp_qemu_reader *reader, uint64_t offset,
                        uint64_t behind, uint64_t bitmap)
{
    struct migp_qemu_ram *ram = &reader->ram;

    if (!ram->shift_known && bitmap >= behind) {
        ram->shift = bitmap - behind;
        ram->shift_known = true;
    }
    if (bitmap != behind + ram->shift) {
        return fail(reader, MIGP_FINDING_MAPPED_RAM_BITMAP, offset, bitmap,
                    behind + ram->shift);
    }
    return MIGP_OK;
}

int migp_qemu_read_mapped_ram(struct migp_qemu_reader *reader,
                              const uint8_t *header, size_t at,
                              uint64_t used_length, uint64_t *elsewhere)
{
    uint64_t offset = reader->offset + at;
    uint32_t version = migp_load_be32(header + AT_VERSION);
    uint64_t page_size = migp_load_be64(header + AT_PAGE_SIZE);
    uint64_t bitmap = migp_load_be64(header + AT_BITMAP);
    uint64_t pages = migp_load_be64(header + AT_PAGES);
    uint64_t bitmap_end;
    int code;

    *elsewhere = 0;
    if (version != HEADER_VERSION) {
        return fail(reader, MIGP_FINDING_MAPPED_RAM, offset, version,
                    HEADER_VERSION);
    }
    if (bitmap == 0 && pages == 0) { /* a shared block that is left out */
        return MIGP_OK;
    }
    if (!page_size_good(page_size) ||
        (reader->page_size_known && page_size != reader->page_size)) {
        return fail(reader, MIGP_FINDING_MAPPED_RAM, offset + AT_PAGE_SIZE,
                    page_size, reader->page_size);
    }
    reader->page_size = (uint32_t)page_size;
    reader->page_size_known = true;
    code = check_bitmap(reader, offset + AT_BITMAP,
                        offset + MIGP_QEMU_MAPPED_RAM_SIZE, bitmap);
    if (code < 0) {
        return code;
    }
    bitmap_end = bitmap + bitmap_size(used_length, page_size);
    if (bitmap_end < bitmap || pages < bitmap_end || pages > INT64_MAX ||
        used_length > INT64_MAX - pages) {
        return fail(reader, MIGP_FINDING_MAPPED_RAM_OFFSET, offset + AT_PAGES,
                    pages, bitmap_end);
    }
    if (pages % page_size != 0) {
        return fail(reader, MIGP_FINDING_MAPPED_RAM_ALIGN, offset + AT_PAGES,
                    pages, page_size);
    }
    *elsewhere = pages + used_length - bitmap;
    return MIGP_OK;
}
