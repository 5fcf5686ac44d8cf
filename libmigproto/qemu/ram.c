/* SPDX-License-Identifier: MIT */
#include "qemu/reader.h"

/*
 * [QC-7] RAM is passed over by its grammar: words of an address and flags
 * that share a be64, each followed by what its flags say.
 */

enum ram_flag {
    RAM_ZERO = 0x002,
    RAM_MEM_SIZE = 0x004,
    RAM_PAGE = 0x008,
    RAM_EOS = 0x010,
    RAM_CONTINUE = 0x020,
    RAM_XBZRLE = 0x040,
    RAM_COMPRESS_PAGE = 0x100,
    RAM_MULTIFD_FLUSH = 0x200
};

#define SMALLEST_PAGE_SIZE_FIELD 4096U

static int fail_flags(struct migp_qemu_reader *reader, uint64_t word)
{
    return migp_qemu_fail(reader, MIGP_ERR_MALFORMED, MIGP_FINDING_RAM_FLAGS,
                          reader->offset, word, reader->page_size);
}

/* Is the payload's head, after the block id, there? Its size if so. */
static bool has_block_id(struct migp_qemu_reader *reader,
                         const struct migp_qemu_feed *feed, uint64_t flags,
                         size_t *head_size)
{
    *head_size = 8;
    if (flags & RAM_CONTINUE) {
        return true;
    }
    if (!migp_qemu_want(reader, feed, 9)) {
        return false;
    }
    *head_size = 9 + (size_t)migp_qemu_at(feed)[8];
    return migp_qemu_want(reader, feed, *head_size);
}

/* A page, in one of its encodings. */
static int step_page(struct migp_qemu_reader *reader,
                     struct migp_qemu_feed *feed, uint64_t flags)
{
    const uint8_t *bytes = migp_qemu_at(feed);
    size_t head_size;
    uint64_t size;

    if (!has_block_id(reader, feed, flags, &head_size)) {
        return MIGP_OK;
    }
    switch (flags & ~(uint64_t)RAM_CONTINUE) {
    case RAM_ZERO:
        size = 1;
        break;
    case RAM_PAGE:
        size = reader->page_size;
        break;
    case RAM_XBZRLE:
        if (!migp_qemu_want(reader, feed, head_size + 3)) {
            return MIGP_OK;
        }
        size = 3 + (uint64_t)migp_load_be16(bytes + head_size + 1);
        break;
    default: /* RAM_COMPRESS_PAGE */
        if (!migp_qemu_want(reader, feed, head_size + 4)) {
            return MIGP_OK;
        }
        size = 4 + (uint64_t)migp_load_be32(bytes + head_size);
        break;
    }
    migp_qemu_consume(reader, feed, head_size);
    migp_qemu_pass(reader, size, MIGP_QEMU_IN_RAM);
    return MIGP_OK;
}

int migp_qemu_step_ram(struct migp_qemu_reader *reader,
                       struct migp_qemu_feed *feed)
{
    uint64_t mask = reader->page_size - 1;
    uint64_t word, flags;

    if (!migp_qemu_want(reader, feed, 8)) {
        return MIGP_OK;
    }
    word = migp_load_be64(migp_qemu_at(feed));
    flags = word & mask;
    if (reader->ram.mapped && flags != RAM_EOS && flags != RAM_MEM_SIZE) {
        return fail_flags(reader, word); /* [QC-14] */
    }
    switch (flags & ~(uint64_t)RAM_CONTINUE) {
    case RAM_EOS:
        migp_qemu_consume(reader, feed, 8);
        migp_qemu_section_done(reader, feed);
        return MIGP_OK;
    case RAM_MEM_SIZE:
        migp_qemu_consume(reader, feed, 8);
        reader->ram.blocks_left = word & ~mask;
        reader->state = MIGP_QEMU_IN_RAM_BLOCKS;
        return MIGP_OK;
    case RAM_MULTIFD_FLUSH:
        migp_qemu_consume(reader, feed, 8);
        return MIGP_OK;
    case RAM_ZERO:
    case RAM_PAGE:
    case RAM_XBZRLE:
    case RAM_COMPRESS_PAGE:
        return step_page(reader, feed, flags);
    default:
        return fail_flags(reader, word);
    }
}

/*
 * With postcopy a block whose page size is not the target's has it here. A
 * name's length is not 0 and a page size is below 2^56, and neither is a
 * power of two where a word of flags follows.
 */
static bool is_page_size(const uint8_t *bytes)
{
    uint64_t value = migp_load_be64(bytes);

    return bytes[0] == 0 && value >= SMALLEST_PAGE_SIZE_FIELD &&
           (value & (value - 1)) == 0;
}

/* One entry of the list: u8 length, name, be64 size, optional fields. */
int migp_qemu_step_ram_blocks(struct migp_qemu_reader *reader,
                              struct migp_qemu_feed *feed)
{
    const uint8_t *bytes = migp_qemu_at(feed);
    struct migp_qemu_ram *ram = &reader->ram;
    uint64_t used_length, elsewhere = 0;
    size_t size, at;
    int code;

    if (ram->blocks_left == 0) {
        reader->state = MIGP_QEMU_IN_RAM;
        return MIGP_OK;
    }
    if (!migp_qemu_want(reader, feed, 1)) {
        return MIGP_OK;
    }
    size = 1 + (size_t)bytes[0] + 8;
    if (!migp_qemu_want(reader, feed, size)) {
        return MIGP_OK;
    }
    used_length = migp_load_be64(bytes + size - 8);
    if (used_length > ram->blocks_left) {
        return migp_qemu_fail(reader, MIGP_ERR_MALFORMED,
                              MIGP_FINDING_RAM_BLOCKS, reader->offset,
                              used_length, ram->blocks_left);
    }
    if (ram->postcopy) {
        if (!migp_qemu_want(reader, feed, size + 8)) {
            return MIGP_OK;
        }
        size += is_page_size(bytes + size) ? 8 : 0;
    }
    size += ram->ignore_shared ? 8 : 0;
    at = size;
    size += ram->mapped ? MIGP_QEMU_MAPPED_RAM_SIZE : 0;
    if (!migp_qemu_want(reader, feed, size)) {
        return MIGP_OK;
    }
    if (ram->mapped) {
        code = migp_qemu_read_mapped_ram(reader, bytes + at, at, used_length,
                                         &elsewhere);
        if (code < 0) {
            return code;
        }
    }
    ram->blocks_left -= used_length;
    migp_qemu_consume(reader, feed, size);
    migp_qemu_pass(reader, elsewhere, MIGP_QEMU_IN_RAM_BLOCKS);
    return MIGP_OK;
}
