/* SPDX-License-Identifier: MIT */
#ifndef MIGP_QEMU_MULTIFD_H
#define MIGP_QEMU_MULTIFD_H

/* Where things are in a multifd channel, for those who read and who write. */

#include <migproto/multifd.h>

#define MIGP_MULTIFD_VERSION 1U
#define MIGP_MULTIFD_IDSTR_SIZE 256

/* What the channel starts with: magic, version, uuid, id, zeros. */
#define MIGP_MULTIFD_INIT_UUID 8
#define MIGP_MULTIFD_INIT_ID 24

/* What each packet starts with: magic, version, flags. */
#define MIGP_MULTIFD_FLAGS 8
#define MIGP_MULTIFD_COMMON_SIZE 12

#define MIGP_MULTIFD_FLAG_SYNC 0x01U
#define MIGP_MULTIFD_FLAG_DEVICE 0x40U
#define MIGP_MULTIFD_FLAGS_KNOWN 0x7fU /* 0x3e: how RAM is compressed */

/* A RAM packet's own numbers, then a be64 for each page it has room for. */
#define MIGP_MULTIFD_RAM_PAGES 12
#define MIGP_MULTIFD_RAM_NORMAL 16
#define MIGP_MULTIFD_RAM_NEXT 20
#define MIGP_MULTIFD_RAM_LOOK 24 /* bytes up to here are looked at */
#define MIGP_MULTIFD_RAM_FIXED 320
#define MIGP_MULTIFD_RAM_DATA 524288U

/* A device-state packet: idstr, instance, size of what follows, and that
 * begins with a version, an index and flags. */
#define MIGP_MULTIFD_IDSTR 12
#define MIGP_MULTIFD_INSTANCE 268
#define MIGP_MULTIFD_NEXT 272
#define MIGP_MULTIFD_INNER 276
#define MIGP_MULTIFD_INNER_SIZE 12U

#endif
