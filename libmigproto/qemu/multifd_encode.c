/* SPDX-License-Identifier: MIT */
#include "core/bytes.h"
#include "qemu/multifd.h"

/* [MF-1], [MF-4] What the reader of a channel reads, written. */

static void store_magic(uint8_t *bytes)
{
    migp_store_be32(bytes, MIGP_MULTIFD_MAGIC);
    migp_store_be32(bytes + 4, MIGP_MULTIFD_VERSION);
}

migp_ssize migp_multifd_init_encode(const struct migp_multifd_init *init,
                                    void *buffer, size_t size)
{
    uint8_t *bytes = buffer;

    if (init == NULL || buffer == NULL || init->channel_id > UINT8_MAX) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    if (size < MIGP_MULTIFD_INIT_SIZE) {
        return MIGP_ERR_NO_SPACE;
    }
    memset(bytes, 0, MIGP_MULTIFD_INIT_SIZE);
    store_magic(bytes);
    memcpy(bytes + MIGP_MULTIFD_INIT_UUID, init->uuid, sizeof(init->uuid));
    bytes[MIGP_MULTIFD_INIT_ID] = (uint8_t)init->channel_id;
    return MIGP_MULTIFD_INIT_SIZE;
}

migp_ssize migp_multifd_packet_encode(const struct migp_multifd_packet *packet,
                                      void *buffer, size_t size)
{
    uint8_t *bytes = buffer;
    size_t length;

    if (packet == NULL || buffer == NULL || packet->idstr == NULL ||
        packet->size > UINT32_MAX - MIGP_MULTIFD_INNER_SIZE) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    length = strlen(packet->idstr);
    if (length == 0 || length >= MIGP_MULTIFD_IDSTR_SIZE) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    if (size < MIGP_MULTIFD_HEAD_SIZE) {
        return MIGP_ERR_NO_SPACE;
    }
    memset(bytes, 0, MIGP_MULTIFD_HEAD_SIZE);
    store_magic(bytes);
    migp_store_be32(bytes + MIGP_MULTIFD_FLAGS, MIGP_MULTIFD_FLAG_DEVICE);
    memcpy(bytes + MIGP_MULTIFD_IDSTR, packet->idstr, length);
    migp_store_be32(bytes + MIGP_MULTIFD_INSTANCE, packet->instance_id);
    migp_store_be32(bytes + MIGP_MULTIFD_NEXT,
                    packet->size + MIGP_MULTIFD_INNER_SIZE);
    migp_store_be32(bytes + MIGP_MULTIFD_INNER + 4, packet->index);
    migp_store_be32(bytes + MIGP_MULTIFD_INNER + 8, packet->flags);
    return MIGP_MULTIFD_HEAD_SIZE;
}
