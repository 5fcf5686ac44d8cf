#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Usage: build.sh PROGRAM
#
# Builds the example with rustc alone, against the libmigproto that pkg-config
# knows (PKG_CONFIG_PATH). RUSTC may name another rustc than Debian's.
set -eu

program=${1:?usage: build.sh PROGRAM}
libraries=$(pkg-config --variable=libdir libmigproto)
"${RUSTC:-rustc}" --edition 2021 -D warnings -C opt-level=2 \
    -L "native=$libraries" -C link-arg="-Wl,-rpath,$libraries" \
    -o "$program" "$(dirname "$0")/save_load.rs"
