#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The lines of docs/embedding.md that need a device of the kernel: each entry
# point under a filter of system calls. tests/device/test_seccomp.c does it; on
# the host it runs the other lines.
set -eu

if ! command -v device_seccomp >/dev/null; then
    echo "device_seccomp was not built: it needs libseccomp"
    exit 77
fi
grep -q '^Seccomp_filters:' /proc/self/status || {
    echo "this kernel should have filters for system calls"
    exit 1
}
for spec in "vfio:$MIGP_VM_MTTY1A_GROUP,name=$MIGP_VM_MTTY1A" \
    ${MIGP_VM_MTTY1B_CDEV:+"vfio:$MIGP_VM_MTTY1B_CDEV"} \
    "vfio:$MIGP_VM_MTTY2A"; do
    echo "$spec:"
    MIGP_TEST_SPEC=$spec device_seccomp
done
