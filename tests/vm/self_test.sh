#!/bin/sh
# SPDX-License-Identifier: MIT
#
# self_test.sh [--iommufd]: on the host, that tests/vm/run tells a good end
# from each bad one: a machine that never fails would pass every test.
#
# The guest's shell expands, not this one; no --iommufd is no argument.
# shellcheck disable=SC2016,SC2086
set -eu
run=$(cd "$(dirname "$0")" && pwd)/run
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# ends STATUS WHAT ARGUMENT...: so must `run ARGUMENT...` end
ends() {
    expected=$1
    what=$2
    shift 2
    status=0
    "$run" "$@" >stdout 2>stderr || status=$?
    if [ "$status" != "$expected" ]; then
        echo "$what: status $status, not $expected; it printed:"
        cat stdout stderr
        exit 1
    fi
}

# holds FILE LINE
holds() {
    if ! grep -q -x -F -e "$2" "$1"; then
        echo "$what: no line '$2' in $1:"
        cat "$1"
        exit 1
    fi
}

kind=${1:-}
mkdir "a folder"
echo "of the host" >"a folder/file"
printf '#!/bin/sh\nread -r line <"$2/file"; echo "$1 $line"\nexit $3\n' \
    >"it's one"
chmod +x "it's one"

# Quoting, a file, a folder, both outputs, a status and what is left behind.
ends 7 "a program's status" $kind --file "$PWD/it's one" --file "a folder" \
    --out left -- sh -c '"$0" "$@"; status=$?; echo complaint >&2
        echo made >"$MIGP_VM_OUT/in the guest"; exit $status' \
    "./it's one" 'a "$HOME"  word' "a folder" 7
holds stdout 'a "$HOME"  word of the host'
holds stderr complaint
holds "left/in the guest" made

# A program of the host with its libraries; the guest's own would not say so.
ends 0 "a program of the host" $kind -- /usr/bin/env --version
grep -q coreutils stdout

ends 125 "a kernel that warns" $kind -- \
    sh -c 'echo "<4>WARNING: CPU: 0 PID: 1 at self_test" >/dev/kmsg; exit 0'
grep -q 'the kernel complained' stderr

ends 125 "a kernel that dies" $kind -- \
    sh -c 'echo last words; echo c >/proc/sysrq-trigger'
holds stdout "last words"
grep -q 'Kernel panic' stderr

ends 125 "a machine that is switched off" $kind -- poweroff -f

ends 124 "a program that hangs" $kind --timeout 8 -- \
    sh -c 'echo last words; sleep 600'
holds stdout "last words"

echo "six ends, six times the right status"
