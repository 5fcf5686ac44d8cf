#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Usage: test.sh BUILD-DIRECTORY
#
# Builds the example against the pkg-config file in the directory and runs it.
# Exit status 77 without rustc: a skip, which ctest counts aloud.
set -eu

if ! command -v "${RUSTC:-rustc}" >/dev/null; then
    echo "skipped: no rustc (./dev setup check)"
    exit 77
fi
PKG_CONFIG_PATH=$1
export PKG_CONFIG_PATH
sh "$(dirname "$0")/build.sh" "$1/rust_save_load"

"$1/rust_save_load"
"$1/rust_save_load" sim:size=3M,precopy=off sim:size=3M
# What a driver refuses is said, and is the exit status.
if "$1/rust_save_load" sim:size=1M,fail=READ:EIO sim:size=1M; then
    echo "a failing device was not noticed"
    exit 1
fi
said=$("$1/rust_save_load" sim:size=1M sim:size=1M,fail=WRITE:EFAULT@2 2>&1) && {
    echo "a refused state was not noticed"
    exit 1
}
case $said in
*"the destination was reset; the source runs on") ;;
*)
    echo "what became of the devices was not said: $said"
    exit 1
    ;;
esac
if "$1/rust_save_load" nonsense; then
    echo "a bad spec was not noticed"
    exit 1
fi
