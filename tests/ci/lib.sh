# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034
#
# Sourced by the stages, which start at the root of the tree.

out=${MIGP_CHECK_DIR:-build/check}
mkdir -p "$out"
out=$(cd "$out" && pwd)
jobs=$(nproc)

# Status of a stage, or of a test, that could not run: said, never silent.
skipped=77

# Where what the network gave is kept from one clean clone to the next.
cache=${XDG_CACHE_HOME:-${HOME:-$PWD/build}/.cache}/migproto

say() {
    printf '%s\n' "$*"
}

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# quiet COMMAND...: its output is for those who look for a failure.
quiet() {
    quiet_log=$(mktemp "$out/log.XXXXXX")
    if "$@" >"$quiet_log" 2>&1; then
        rm -f "$quiet_log"
        return
    fi
    say "failed: $*"
    tail -n 100 "$quiet_log"
    rm -f "$quiet_log"
    return 1
}

# files PATTERN...: those of the project, also the ones not yet committed.
files() {
    if git -c safe.directory='*' rev-parse --git-dir >/dev/null 2>&1; then
        git -c safe.directory='*' ls-files --cached --others \
            --exclude-standard -- "$@" | while read -r file; do
            [ ! -f "$file" ] || say "$file"
        done
    else
        for pattern in "$@"; do
            find . -path ./build -prune -o -path ./.git -prune -o \
                -type f -name "${pattern##*/}" -print | sed 's,^\./,,'
        done
    fi | sort -u
}

# configure LANE CMAKE-OPTION...: into $out/LANE; no option of an older run stays
configure() {
    lane=$1
    shift
    case $1 in
    --preset) ;; # which says itself whether it wants the tests
    *) set -- -DMIGP_BUILD_TESTS=ON "$@" ;;
    esac
    quiet cmake --fresh -S . -B "$out/$lane" -G Ninja "$@"
}

compile() {
    lane=$1
    shift
    quiet cmake --build "$out/$lane" "$@"
}

# run_ctest LANE CTEST-OPTION...: runs and counts
run_ctest() {
    lane=$1
    shift
    ctest_log=$out/$lane/ctest.log
    ctest_status=0
    ctest --test-dir "$out/$lane" --no-tests=error --timeout 300 \
        --parallel "$jobs" --output-on-failure "$@" >"$ctest_log" 2>&1 || ctest_status=$?
    tally=$(awk '
        /^ *[0-9]+\/[0-9]+ Test +#/ {
            if (/\*\*\*Skipped/) skipped++
            else if (/ Passed /) passed++
            else failed++
        }
        END { print passed + 0, failed + 0, skipped + 0 }' "$ctest_log")
    [ -z "${MIGP_TALLY:-}" ] || echo "$tally" >>"$MIGP_TALLY"
    # shellcheck disable=SC2086
    set -- $tally
    say "$lane: $1 tests passed, $2 failed, $3 skipped"
    [ "$3" = 0 ] || grep '\*\*\*Skipped' "$ctest_log"
    [ "$ctest_status" = 0 ] || grep -v -e ' Passed ' -e '^ *Start  *[0-9]' "$ctest_log" | tail -n 200
    return "$ctest_status"
}
