#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fuzz_edges.sh BUILD_DIRECTORY [SECONDS [TARGET...]]: how many edges does a
# fuzz target reach in the same time, from the same corpus, with the mutator
# that knows streams (tests/fuzz/mutator.c) and without it?
#
# BUILD_DIRECTORY is one of the fuzz preset. Both runs of a target go at the
# same time, so that they share what the machine has. "beyond" counts the edges
# that the corpus itself does not reach. MIGP_FUZZ_CORPUS=DIRECTORY takes the
# inputs in there, the same for all targets, in place of the corpora in the
# tree; MIGP_FUZZ_SEED=NUMBER another seed.
set -eu
cd "$(dirname "$0")/../.."

build=${1:?a build directory of the fuzz preset is missing}
seconds=${2:-60}
[ $# -lt 2 ] || shift
shift
[ $# -gt 0 ] || set -- qemu_reader report decoder
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# one TARGET WAY: leaves its log in $work/TARGET-WAY.log
one() {
    mkdir "$work/$1-$2"
    "$build/tests/fuzz/fuzz_$1" -max_total_time="$seconds" \
        -seed="${MIGP_FUZZ_SEED:-1}" -timeout=10 -print_final_stats=1 \
        -artifact_prefix="$build/$1-$2-" "$work/$1-$2" \
        "${MIGP_FUZZ_CORPUS:-tests/fuzz/corpus/$1}" >"$work/$1-$2.log" 2>&1
}

# edges LOG WORD: of the first line with that word; of the last line for ""
edges() {
    sed -n "s/.*$2.* cov: \([0-9]*\) .*/\1/p" "$1" | if [ -n "$2" ]; then
        head -n 1
    else
        tail -n 1
    fi
}

runs() {
    sed -n 's/^stat::number_of_executed_units: *//p' "$1"
}

printf '%-18s %7s %7s %7s %6s %7s %9s %9s\n' target corpus plain mutator \
    ratio beyond "runs" "runs"
for target in "$@"; do
    MIGP_FUZZ_PLAIN=1 one "$target" plain &
    plain=$!
    one "$target" mutator ||
        echo "$target: a failure ended the run; see $build/$target-mutator-*" >&2
    wait "$plain" ||
        echo "$target: a failure ended the run; see $build/$target-plain-*" >&2
    awk -v target="$target" -v corpus="$(edges "$work/$target-plain.log" INITED)" \
        -v plain="$(edges "$work/$target-plain.log" "")" \
        -v mutator="$(edges "$work/$target-mutator.log" "")" \
        -v plain_runs="$(runs "$work/$target-plain.log")" \
        -v mutator_runs="$(runs "$work/$target-mutator.log")" '
        BEGIN {
            beyond = plain > corpus ? (mutator - corpus) / (plain - corpus) : 0
            printf "%-18s %7d %7d %7d %6.2f %7.2f %9d %9d\n", target, corpus,
                plain, mutator, mutator / plain, beyond, plain_runs,
                mutator_runs
        }'
done
