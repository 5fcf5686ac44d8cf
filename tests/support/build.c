/* SPDX-License-Identifier: MIT */
#include "support/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void build_bytes(struct build *build, const void *bytes, size_t size)
{
    while (build->size + size > build->room) {
        build->room = build->room ? build->room * 2 : 256;
        build->bytes = realloc(build->bytes, build->room);
        if (!build->bytes) {
            fprintf(stderr, "no memory to build a stream\n");
            exit(2);
        }
    }
    if (size) {
        memcpy(build->bytes + build->size, bytes, size);
        build->size += size;
    }
}

void build_u8(struct build *build, uint8_t value)
{
    build_bytes(build, &value, 1);
}

void build_u16(struct build *build, uint16_t value)
{
    build_u8(build, (uint8_t)(value >> 8));
    build_u8(build, (uint8_t)value);
}

void build_u32(struct build *build, uint32_t value)
{
    build_u16(build, (uint16_t)(value >> 16));
    build_u16(build, (uint16_t)value);
}

void build_u64(struct build *build, uint64_t value)
{
    build_u32(build, (uint32_t)(value >> 32));
    build_u32(build, (uint32_t)value);
}

void build_text(struct build *build, const char *text)
{
    build_bytes(build, text, strlen(text));
}

void build_fill(struct build *build, size_t size, uint8_t value)
{
    while (size-- > 0) {
        build_u8(build, value);
    }
}

void build_tag(struct build *build, unsigned number)
{
    build_u32(build, 0xffffffff);
    build_u16(build, 0xef10);
    build_u16(build, (uint16_t)number);
}

void build_data(struct build *build, const void *bytes, size_t size)
{
    build_tag(build, 4);
    build_u64(build, size);
    build_bytes(build, bytes, size);
}

void build_header(struct build *build)
{
    build_text(build, "QEVM");
    build_u32(build, 3);
}

void build_short_head(struct build *build, uint8_t kind, uint32_t id)
{
    build_u8(build, kind);
    build_u32(build, id);
}

void build_head(struct build *build, uint8_t kind, uint32_t id,
                const char *idstr, uint32_t instance, uint32_t version)
{
    build_short_head(build, kind, id);
    build_u8(build, (uint8_t)strlen(idstr));
    build_text(build, idstr);
    build_u32(build, instance);
    build_u32(build, version);
}

void build_footer(struct build *build, uint32_t id)
{
    build_u8(build, 0x7e);
    build_u32(build, id);
}

void build_command(struct build *build, uint16_t command, uint16_t length)
{
    build_u8(build, 0x08);
    build_u16(build, command);
    build_u16(build, length);
}

void build_pci(struct build *build, size_t config_size, unsigned n_vectors)
{
    size_t start = build->size + 4;
    unsigned i;

    build_u32(build, 2);
    build_fill(build, config_size, 0);
    build_fill(build, 16, 0);
    build->bytes[start] = 0x86;
    build->bytes[start + 1] = 0x80;
    if (n_vectors == 0) {
        return;
    }
    build->bytes[start + 0x06] = 0x10;
    build->bytes[start + 0x34] = 0x50;
    build->bytes[start + 0x50] = 0x11;
    build->bytes[start + 0x52] = (uint8_t)(n_vectors - 1);
    build->bytes[start + 0x53] = (uint8_t)((n_vectors - 1) >> 8);
    for (i = 0; i < n_vectors; i++) {
        build_fill(build, 16, (uint8_t)i);
    }
    build_fill(build, (n_vectors + 7) / 8, 0);
}

void build_free(struct build *build)
{
    free(build->bytes);
    memset(build, 0, sizeof(*build));
}
