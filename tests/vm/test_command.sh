#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The command on real mtty devices: probe, save, load. mtty keeps its state
# when it is closed, so that what was loaded can be saved again.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
    echo "$*"
    exit 1
}

# status EXPECTED COMMAND...: what it says goes into the file output
status() {
    expected=$1
    shift
    got=0
    "$@" >output 2>&1 || got=$?
    [ "$got" = "$expected" ] || fail "status $got, not $expected: $*
$(cat output)"
}

says() {
    grep -qF -e "$1" output || fail "it does not say '$1': $(cat output)"
}

# save_state SPEC FILE: the driver's bytes alone
save_state() {
    status 0 migproto save --reset-ok --no-precopy "$1" -o stream
    status 0 migproto verify -q stream
    status 0 migproto extract stream -o "$2"
}

one=vfio:$MIGP_VM_MTTY1A
two=vfio:$MIGP_VM_MTTY2A
other=vfio:$MIGP_VM_MTTY2B
case $MIGP_VM_KERNEL in
iommufd) other=vfio:$MIGP_VM_MTTY2B_CDEV ;;
*) other=vfio:$MIGP_VM_MTTY2B_GROUP,name=$MIGP_VM_MTTY2B ;;
esac

status 0 migproto probe --reset-ok "$one" "$other"
says "driver          mtty"
says "PCI id          4348:3253"
says "migration       STOP_COPY P2P PRE_COPY"
says "stop-copy size  60"
says "stop-copy size  96"

# What cannot be, and what would change it.
status 1 migproto probe "$one"
says --reset-ok
status 1 migproto probe --reset-ok "vfio:$MIGP_VM_MDPY"
says "no migration"
status 1 migproto probe --reset-ok vfio:6d696770-0000-4000-8000-0000000000ff
says "no mediated device"
status 2 migproto save "$one" -o stream
[ ! -e stream ] || fail "a refused save left a file"

# Registers that a fresh device does not have: scratch registers of port 0 and
# 1, which are byte 7 of the ports behind the header of 24 bytes.
save_state "$two" fresh
[ "$(wc -c <fresh)" = 96 ] || fail "a state of $(wc -c <fresh) bytes"
cp fresh wanted
printf '\132' | dd of=wanted bs=1 seek=31 conv=notrunc 2>/dev/null
printf '\245' | dd of=wanted bs=1 seek=67 conv=notrunc 2>/dev/null
migproto encode --state wanted >stream
status 0 migproto load --reset-ok stream "$two"
says "96 bytes of state loaded; the device is in state RUNNING"
save_state "$two" loaded
cmp wanted loaded || fail "the device has another state than was loaded"

# From one device into the other, with pre-copy and from a pipe.
save_state "$other" before
! cmp -s before wanted || fail "the other device has that state already"
status 0 migproto save --reset-ok --precopy "$two" -o moved
says "24 by pre-copy"
migproto verify -q moved || fail "verify does not like it"
status 0 sh -c "migproto load --reset-ok - '$other' <moved"
save_state "$other" after
cmp wanted after || fail "the other device has another state than was saved"

# A header that the driver refuses, and would load afterwards. A reset of mtty
# leaves its registers as they are: those from before.
cp fresh refused
printf X | dd of=refused bs=1 conv=notrunc 2>/dev/null
migproto encode --state refused >stream
status 1 migproto load --reset-ok stream "$other"
says "EFAULT"
says "the device was reset, and is in state RUNNING"
save_state "$other" after
cmp wanted after || fail "what was refused is in the device"

# A state that is cut short, and one for more ports than there are.
head -c 80 wanted >short
migproto encode --state short >stream
status 1 migproto load --reset-ok stream "$other"
says "driver-state-short"
migproto encode --state wanted >stream
status 1 migproto load --reset-ok stream "$one"
says "the device was reset, and is in state RUNNING"
status 0 migproto probe --reset-ok "$one" "$two" "$other"
echo "probe, save and load, on $MIGP_VM_KERNEL"
