/* SPDX-License-Identifier: MIT */
#ifndef MIGPROTO_MIGPROTO_H
#define MIGPROTO_MIGPROTO_H

/**
 * @file migproto.h
 * @brief All of libmigproto: the state of VFIO devices on its way.
 *
 * Take the rooms one by one if you need less: core.h (errors), finding.h,
 * stream.h (one device's records); qemu.h, multifd.h, pci.h, return_path.h,
 * libvirt.h (what QEMU and libvirt wrap around them); record.h (what drivers
 * put inside); report.h (a whole stream as data); mutate.h (damage for
 * fuzzers).
 */

#include <migproto/core.h>
#include <migproto/finding.h>
#include <migproto/libvirt.h>
#include <migproto/multifd.h>
#include <migproto/mutate.h>
#include <migproto/pci.h>
#include <migproto/qemu.h>
#include <migproto/record.h>
#include <migproto/report.h>
#include <migproto/return_path.h>
#include <migproto/stream.h>

#endif
