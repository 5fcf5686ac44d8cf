/* SPDX-License-Identifier: MIT */
#ifndef MIGP_DEVICE_USER_CODEC_H
#define MIGP_DEVICE_USER_CODEC_H

#include <migproto/vfio_user_codec.h>

/*
 * Bytes of the fixed part of the message that begins with these
 * MIGP_VU_HEAD_SIZE bytes: what must be received before migp_vu_decode() can
 * say more. At most the message's own size.
 * Returns as migp_vu_decode() does for the head alone.
 */
migp_ssize migp_vu_fixed_size(const void *head, struct migp_error *error);

#endif
