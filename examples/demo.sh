#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Usage: demo.sh MIGPROTO
#
# Takes apart a migration stream that QEMU 10.0.13 wrote with two VFIO devices,
# then a copy of it with one byte changed; saves a simulated device and loads
# another one. Every command is shown as it runs.
set -eu

migproto=${1:?usage: demo.sh MIGPROTO}
case $migproto in
*/*) migproto=$(cd "$(dirname "$migproto")" && pwd)/$(basename "$migproto") ;;
esac
stream=$(cd "$(dirname "$0")" && pwd)/streams/two-devices.qemu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cp "$stream" "$work/two-devices.qemu"
cd "$work"

migproto()
{
    "$migproto" "$@"
}

say()
{
    printf '\n# %s\n' "$*"
}

# Show a command, then run it.
show()
{
    printf '$ %s\n' "$*"
    eval "$*"
}

say "A migration stream, as a real QEMU wrote it: what is in it?"
show migproto inspect two-devices.qemu

say "Is it good? One line and an exit status say so."
show migproto verify two-devices.qemu

say "The second device's state: what the destination's driver would be given."
show migproto extract two-devices.qemu --device 0000:00:03.0/vfio -o state.bin
show od -A d -t x1 state.bin

say "Now a copy with one byte changed, at offset 202221 of 287246."
show cp two-devices.qemu damaged.qemu
show "printf '\177' |
    dd of=damaged.qemu bs=1 seek=202221 conv=notrunc status=none"
set +e
show migproto verify damaged.qemu
status=$?
set -e
printf '(exit status %s)\n' "$status"
test "$status" -eq 1

say "A damaged stream gives no file that looks like a good one."
set +e
show migproto extract damaged.qemu --device 0000:00:03.0/vfio -o lost.bin
status=$?
set -e
printf '(exit status %s)\n' "$status"
test "$status" -eq 1
test ! -e lost.bin

say "A device that can be migrated, here a simulated one: what can it do?"
show migproto probe sim:size=32M,initial=4M

say "Its state, saved while it runs as far as that goes, and loaded into another."
show migproto save sim:size=32M,initial=4M -o device.stream
show migproto verify device.stream
show migproto load device.stream sim:size=32M
