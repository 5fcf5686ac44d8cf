/* SPDX-License-Identifier: MIT */
#include "core/bytes.h"
#include "core/error.h"
#include "core/options.h"

#include <migproto/libvirt.h>

/*
 * [LV-1] The header: 16 bytes of magic, then words in the byte order of the
 * host that wrote it (libvirt, src/qemu/qemu_saveimage.h).
 */

#define MAGIC_SIZE 16
#define VERSION_MAX 3U

enum word {
    VERSION = 0,
    DATA_SIZE = 1,
    WAS_RUNNING = 2,
    FORMAT = 3
};

static uint32_t load(const uint8_t *bytes, enum word word, bool big_endian)
{
    const uint8_t *at = bytes + MAGIC_SIZE + 4 * (size_t)word;

    return big_endian ? migp_load_be32(at) : migp_load_le32(at);
}

static bool has_magic(const uint8_t *bytes, size_t size, bool *is_partial)
{
    size_t known = size < MAGIC_SIZE ? size : MAGIC_SIZE;

    *is_partial = memcmp(bytes, "LibvirtQemudPart", known) == 0;
    return *is_partial || memcmp(bytes, "LibvirtQemudSave", known) == 0;
}

int migp_libvirt_header_parse(const void *bytes, size_t size,
                              struct migp_libvirt_header *header,
                              struct migp_error *error)
{
    struct migp_libvirt_header own = {.struct_size = sizeof(own)};
    bool is_partial, big_endian;
    struct migp_finding why;

    if (bytes == NULL || header == NULL) {
        return migp_error_set(error, MIGP_ERR_INVALID_ARGUMENT, NULL);
    }
    if (size == 0) {
        return migp_error_set(error, MIGP_ERR_NEED_MORE, NULL);
    }
    if (!has_magic(bytes, size, &is_partial)) {
        return migp_error_set(error, MIGP_ERR_NOT_A_STREAM, NULL);
    }
    if (size < MIGP_LIBVIRT_HEADER_SIZE) {
        return migp_error_set(error, MIGP_ERR_NEED_MORE, NULL);
    }
    own.version = load(bytes, VERSION, false);
    big_endian = own.version > VERSION_MAX;
    if (big_endian) {
        own.version = load(bytes, VERSION, true);
    }
    if (own.version == 0 || own.version > VERSION_MAX) {
        why = migp_finding_make(MIGP_FINDING_LIBVIRT_VERSION, MAGIC_SIZE,
                                load(bytes, VERSION, false), VERSION_MAX);
        return migp_error_set(error, MIGP_ERR_UNSUPPORTED, &why);
    }
    own.big_endian = big_endian ? 1 : 0;
    own.data_size = load(bytes, DATA_SIZE, big_endian);
    own.was_running = load(bytes, WAS_RUNNING, big_endian);
    own.format = load(bytes, FORMAT, big_endian);
    own.is_partial = is_partial ? 1 : 0;
    own.stream_offset = MIGP_LIBVIRT_HEADER_SIZE + (uint64_t)own.data_size;
    return migp_error_set(error, migp_struct_write(header, &own, sizeof(own)),
                          NULL);
}

const char *migp_libvirt_format_id(uint32_t format)
{
    static const char *const ids[] = {"raw",  "gzip", "bzip2", "xz",
                                      "lzop", "zstd", "sparse"};

    return format < sizeof(ids) / sizeof(ids[0]) ? ids[format] : "unknown";
}
