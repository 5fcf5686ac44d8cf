#!/bin/sh
# SPDX-License-Identifier: MIT
#
# migproto's device commands on real devices, named in each way there is.
set -eu
golden=$PWD/tests/golden/mtty
cd "$(mktemp -d)"

fail() {
    echo "$*"
    for file in stdout stderr; do
        [ ! -s $file ] || sed "s/^/$file: /" $file
    done
    exit 1
}

# ends STATUS COMMAND...
ends() {
    expected=$1
    shift
    what=$*
    status=0
    "$@" >stdout 2>stderr || status=$?
    [ "$status" = "$expected" ] ||
        fail "$what: status $status, not $expected"
}

# has FILE PATTERN...: whole lines, extended regular expressions
has() {
    file=$1
    shift
    for pattern in "$@"; do
        grep -q -x -E -e "$pattern" "$file" || fail "$what: no line '$pattern'"
    done
}

# same FILE FILE
same() {
    cmp "$1" "$2" >stdout 2>&1 || fail "$what: $1 and $2 differ"
}

uuid='' group='' cdev=''

# spec NAME: by cdev where there is one, else by group
spec() {
    eval "uuid=\$MIGP_VM_$1 group=\$MIGP_VM_$1_GROUP cdev=\${MIGP_VM_$1_CDEV:-}"
    case $MIGP_VM_KERNEL in
    iommufd) echo "vfio:$cdev" ;;
    *) echo "vfio:$group,name=$uuid" ;;
    esac
}

one=$(spec MTTY1A) one_more=$(spec MTTY1B) two=vfio:$MIGP_VM_MTTY2A
cannot=$(spec MDPY)

# --- probe ------------------------------------------------------------------

# good SPEC UUID SIZE
good() {
    ends 0 migproto probe "$1" --reset-ok
    has stdout "$1: can be migrated" " *driver *mtty" " *name *$2" \
        " *PCI id *4348:3253" " *migration *STOP_COPY P2P PRE_COPY" \
        " *state *RUNNING" " *stop-copy size *$3( .*)?" " *pre-copy *yes" \
        " *DMA logging *yes" " *reset *yes"
}

good "$one" "$MIGP_VM_MTTY1A" 60
good "vfio:$MIGP_VM_MTTY1A" "$MIGP_VM_MTTY1A" 60
good "$two" "$MIGP_VM_MTTY2A" 96
good "vfio:$MIGP_VM_MTTY1B_GROUP,name=$MIGP_VM_MTTY1B" "$MIGP_VM_MTTY1B" 60

ends 1 migproto probe "$cannot" --reset-ok
has stdout "$cannot: cannot be migrated" " *why: .*no migration.*" " *do: .+"
ends 1 migproto probe "vfio:$MIGP_VM_MDPY" --reset-ok
has stdout "vfio:$MIGP_VM_MDPY: cannot be migrated" \
    " *why: .*no migration.*" " *do: .*mediated device has no migration.*"

ends 1 migproto probe --json "$one" "$cannot" --reset-ok
has stdout '.*"can_migrate":true,.*"driver":"mtty".*"can_migrate":false,.*'

ends 2 migproto probe "vfio:$MIGP_VM_MTTY1A_GROUP,name=$MIGP_VM_MTTY2A" \
    --reset-ok
has stdout ".*: could not be opened" " *why: .*ENODEV.*"
ends 2 migproto probe vfio:6d696770-0000-4000-8000-0000000000ff --reset-ok
has stdout ".*: could not be opened" " *do: .*no mediated device.*"
ends 2 migproto probe vfio:6d696770-0000-4000-8000-0000000000ff "$cannot"
has stdout ".*: could not be opened" " *why: there is no mediated device.*"

# In use: nobody else may have the group, or the bound device, open.
(
    exec 3<>"$MIGP_VM_MTTY1A_GROUP"
    ends 2 migproto probe "vfio:$MIGP_VM_MTTY1A_GROUP,name=$MIGP_VM_MTTY1A" \
        --reset-ok
    has stdout ".*: could not be opened" " *why: .*EBUSY.*"
) || exit 1

# --- what would reset a device needs to be allowed ---------------------------

ends 2 migproto probe "$one"
has stdout "$one: could not be opened" " *do: .*--reset-ok.*"
ends 2 migproto save "$one" -o refused
has stderr ".*--reset-ok.*"
[ ! -e refused ] || fail "a save that was refused left a file"
ends 2 migproto load "$golden/mtty-1port-full-precopy-path.bin" "$one"
ends 2 migproto conform "$one"
has stderr ".*--reset-ok.*"

# --- load and save -----------------------------------------------------------

# save_state SPEC FILE: the driver's bytes alone
save_state() {
    ends 0 migproto save --reset-ok --no-precopy "$1" -o stream
    ends 0 migproto verify -q stream
    ends 0 migproto extract stream -o "$2"
}

# load_state FILE SPEC STATUS
load_state() {
    ends 0 migproto encode --state "$1" -o stream
    ends "$3" migproto load --reset-ok stream "$2"
}

other=$(spec MTTY2B)

# Registers that a fresh device does not have: scratch registers of port 0 and
# 1, which are byte 7 of the ports behind the header of 24 bytes. mtty keeps its
# state when it is closed, so that what was loaded can be saved again.
save_state "$two" fresh
[ "$(wc -c <fresh)" = 96 ] || fail "a state of $(wc -c <fresh) bytes"
cp fresh wanted
printf '\132' | dd of=wanted bs=1 seek=31 conv=notrunc 2>/dev/null
printf '\245' | dd of=wanted bs=1 seek=67 conv=notrunc 2>/dev/null
load_state wanted "$two" 0
has stdout ".*: 96 bytes of state loaded; the device is in state RUNNING"
save_state "$two" loaded
same wanted loaded

# From one device into the other, with pre-copy and from a pipe.
save_state "$other" before
! cmp -s before wanted || fail "the other device has that state already"
ends 0 migproto save --reset-ok --precopy "$two" -o moved
has stdout "moved: 96 bytes of state, 24 by pre-copy; .*"
ends 0 migproto verify -q moved
ends 0 migproto load --reset-ok - "$other" <moved
save_state "$other" after
same wanted after

# A header that the driver refuses, and would load afterwards. A reset of mtty
# leaves its registers as they are: those from before.
cp fresh refused
printf X | dd of=refused bs=1 conv=notrunc 2>/dev/null
load_state refused "$other" 1
has stderr "migproto: stream: refused at byte 0 of its state .*EFAULT.*" \
    ".*the device's driver is mtty, PCI 4348:3253" \
    ".*: the device was reset, and is in state RUNNING"
save_state "$other" after
same wanted after

# A state that is cut short, and one for more ports than there are.
head -c 80 wanted >short
load_state short "$other" 1
has stderr ".*driver-state-short.*"
load_state wanted "$one" 1
has stderr ".*; the state is mtty's; .*" \
    ".*: the device was reset, and is in state RUNNING"
ends 0 migproto probe --reset-ok "$one" "$two" "$other"

# there_and_back FILE SPEC SPEC: loaded into the first and moved on to the
# second it is still the state that was recorded
there_and_back() {
    state=$1
    ends 0 migproto encode --state "$state" -o given
    ends 0 migproto load given "$2" --reset-ok
    for how in --precopy --no-precopy; do
        ends 0 migproto save "$2" $how --reset-ok -o saved
        has stdout "saved: $(stat -c %s "$state") bytes of state, .*"
        ends 0 migproto verify saved
        has stdout "saved: good: complete, 1 device, 0 errors, 0 warnings"
        ends 0 migproto extract saved -o extracted
        same "$state" extracted
        ends 0 migproto load saved "$3" --reset-ok
        ends 0 migproto save "$3" $how --reset-ok -o moved
        ends 0 migproto extract moved -o extracted
        same "$state" extracted
    done
    ends 0 migproto probe "$2" "$3" --reset-ok
    has stdout " *state *RUNNING"
}

there_and_back "$golden/mtty-1port-full-precopy-path.bin" "$one" "$one_more"
there_and_back "$golden/mtty-2port-full-precopy-path.bin" "$two" \
    "vfio:$MIGP_VM_MTTY2B"

# Refused by the driver, or damaged before it gets there: nothing is loaded.
ends 0 migproto encode --state "$golden/mtty-2port-stopcopy-direct.bin" -o wrong
ends 1 migproto load wrong "$one" --reset-ok
ends 0 migproto save "$one" --reset-ok -o moved
ends 0 migproto extract moved -o extracted
same "$golden/mtty-1port-full-precopy-path.bin" extracted
head -c 100 given >short
ends 1 migproto load short "$two" --reset-ok
ends 0 migproto save "$two" --reset-ok -o moved
ends 0 migproto extract moved -o extracted
same "$golden/mtty-2port-full-precopy-path.bin" extracted

ends 0 migproto save "$two" --leave-stopped --reset-ok -o moved
ends 0 migproto probe "$two" --reset-ok
has stdout " *state *STOP"
ends 0 migproto load given "$two" --stop --reset-ok
ends 0 migproto probe "$two" --reset-ok
has stdout " *state *STOP"

ends 2 migproto save "$cannot" --reset-ok -o refused
has stderr ".*no migration.*"

# --- conform -----------------------------------------------------------------

for name in "$one" "$two"; do
    ends 0 migproto conform "$name" --reset-ok
    has stdout "KTAP version 1" "1[.][.]41" "ok 1 - 1[.].*" \
        "not ok 6 - .*# XFAIL mtty.*" "not ok 19 - .*# XFAIL mtty.*" \
        "not ok 30 - .*# XFAIL mtty.*" "not ok 33 - .*# XFAIL mtty.*" \
        "not ok 39 - .*# XFAIL mtty.*" "ok 9 - .*# SKIP .*" \
        "# Totals: pass:.* fail:0 xfail:5 xpass:0 skip:.* error:0"
    case $MIGP_VM_KERNEL in
    iommufd) has stdout "ok 34 - [^#]*" "ok 36 - [^#]*" "ok 37 - [^#]*" ;;
    *) has stdout "ok 34 - .*# SKIP .*EOPNOTSUPP.*" \
        "ok 37 - .*# SKIP .*EOPNOTSUPP.*" ;;
    esac
    [ "$(grep -c '^not ok' stdout)" = 5 ] || fail "$what: more than five fail"
    [ "$(grep -c -E '^(not )?ok' stdout)" = 41 ] || fail "$what: not all ran"
done
ends 1 migproto conform "$one" --reset-ok --driver= -c 19
has stdout "1[.][.]1" "not ok 1 - 19[.][^#]*"
# That is what was to be found out about the driver.
ends 1 migproto conform "$cannot" --reset-ok
has stderr ".*no migration.*"

echo "all commands, all names"
