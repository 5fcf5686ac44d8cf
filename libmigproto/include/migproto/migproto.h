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
 * fuzzers); fsm.h, device.h, device_ops.h, open.h (a device that can be
 * migrated); vfio.h, vfio_user.h, sim.h (where it is); sys.h (the system calls
 * it makes); dirty.h (the pages it wrote to); conform.h (does its driver keep
 * the rules).
 */

#include <migproto/conform.h>
#include <migproto/core.h>
#include <migproto/device.h>
#include <migproto/device_ops.h>
#include <migproto/dirty.h>
#include <migproto/finding.h>
#include <migproto/fsm.h>
#include <migproto/libvirt.h>
#include <migproto/multifd.h>
#include <migproto/mutate.h>
#include <migproto/open.h>
#include <migproto/pci.h>
#include <migproto/qemu.h>
#include <migproto/record.h>
#include <migproto/report.h>
#include <migproto/return_path.h>
#include <migproto/sim.h>
#include <migproto/stream.h>
#include <migproto/sys.h>
#include <migproto/vfio.h>
#include <migproto/vfio_user.h>
#include <migproto/vfio_user_codec.h>
#include <migproto/vfio_user_serve.h>

#endif
