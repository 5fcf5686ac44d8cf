#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Usage: inspect_speed.sh MIGPROTO [MIB] [RUNS]
#
# How fast `inspect` reads a bare stream of MIB MiB (1024) in records of 1 MiB:
# without digests against `cat FILE >/dev/null`, with them against
# `openssl dgst -sha256`. Only ratios mean anything: the commands alternate in
# each of RUNS (5) runs, and the medians are compared. The file is read from
# the page cache.
set -eu

migproto=${1:?usage: inspect_speed.sh MIGPROTO [MIB] [RUNS]}
mib=${2:-1024}
runs=${3:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
stream=$work/stream

head -c "$((mib << 20))" /dev/zero |
    "$migproto" encode --state - --block-size 1M -o "$stream"

# Milliseconds that a command takes; its output goes to a file, not to the
# terminal.
measure()
{
    begin=$(date +%s%N)
    "$@" >"$work/output"
    end=$(date +%s%N)
    echo "$(((end - begin) / 1000000))"
}

# As a shell would run it: cat's output is the null device itself.
run_cat()
{
    cat "$stream" >/dev/null
}

# The same, for a reader that cannot seek.
run_pipe()
{
    "$migproto" inspect --no-digest - <"$stream"
}

median()
{
    sort -n "$1" | sed -n "$(((runs + 1) / 2))p"
}

ratio()
{
    awk -v name="$1" -v base="$2" -v own="$3" 'BEGIN {
        printf "%-42s %6.2f  (%d ms against %d ms)\n", name,
            base / (own > 0 ? own : 1), own, base }'
}

cat "$stream" >/dev/null
run=0
while [ "$run" -lt "$runs" ]; do
    measure run_cat >>"$work/cat"
    measure "$migproto" inspect --no-digest "$stream" >>"$work/plain"
    measure run_pipe >>"$work/pipe"
    measure openssl dgst -sha256 "$stream" >>"$work/openssl"
    measure "$migproto" inspect "$stream" >>"$work/digest"
    run=$((run + 1))
done

echo "$mib MiB in records of 1 MiB, medians of $runs alternating runs"
echo "speed as a multiple of the other command's:"
ratio "inspect --no-digest FILE : cat FILE" \
    "$(median "$work/cat")" "$(median "$work/plain")"
ratio "inspect --no-digest - <FILE : cat FILE" \
    "$(median "$work/cat")" "$(median "$work/pipe")"
ratio "inspect FILE : openssl dgst -sha256 FILE" \
    "$(median "$work/openssl")" "$(median "$work/digest")"
