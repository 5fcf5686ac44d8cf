/* SPDX-License-Identifier: MIT */
#ifndef MIGPROTO_MIGPROTO_H
#define MIGPROTO_MIGPROTO_H

/**
 * @file migproto.h
 * @brief All of libmigproto: the state of VFIO devices on its way.
 *
 * Take the rooms one by one if you need less: core.h (errors, findings),
 * stream.h (one device's records), qemu.h (QEMU's container, PCI config
 * bytes, return path), record.h (what drivers put inside), report.h (a whole
 * stream as data).
 */

#include <migproto/core.h>
#include <migproto/qemu.h>
#include <migproto/record.h>
#include <migproto/report.h>
#include <migproto/stream.h>

#endif
