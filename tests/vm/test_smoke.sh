#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The machine is what the other tests take it for.
set -eu

fail() {
    echo "$*"
    exit 1
}

release=$(uname -r)
case $MIGP_VM_KERNEL-$release in
debian-6.12.*-amd64 | iommufd-6.12.*-migproto) ;;
*) fail "kernel $release in a machine of kind $MIGP_VM_KERNEL" ;;
esac

# opens FILE: a character device that a driver stands behind
opens() {
    [ -c "$1" ] || fail "no character device: '$1'"
    (exec 3<>"$1") || fail "does not open: $1"
}

opens /dev/vfio/vfio
uuid='' group='' cdev=''
for name in MTTY1A MTTY1B MTTY2A MTTY2B MDPY; do
    eval "uuid=\$MIGP_VM_$name group=\$MIGP_VM_${name}_GROUP"
    eval "cdev=\${MIGP_VM_${name}_CDEV:-}"
    case $name in
    MDPY) type=mdpy-vga ;;
    MTTY1?) type=mtty-1 ;;
    *) type=mtty-2 ;;
    esac
    made=$(readlink "/sys/bus/mdev/devices/$uuid/mdev_type")
    [ "${made##*/}" = $type ] || fail "$name is no $type but a '$made'"
    opens "$group"
    case $MIGP_VM_KERNEL in
    iommufd) opens "$cdev" ;;
    *) [ -z "$cdev" ] || fail "this kernel should have no $cdev" ;;
    esac
done
case $MIGP_VM_KERNEL in
iommufd) opens /dev/iommu ;;
*) [ ! -e /dev/iommu ] || fail "this kernel should have no iommufd" ;;
esac

version=$(migproto --version) || fail "migproto ends with status $?"
case $version in
"migproto "[0-9]*) ;;
*) fail "migproto --version says: $version" ;;
esac
echo "$release, $version"
