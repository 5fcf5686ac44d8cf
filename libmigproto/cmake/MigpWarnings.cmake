# SPDX-License-Identifier: MIT
#
# migp_warnings: link it PRIVATE to whatever the project compiles.

add_library(migp_warnings INTERFACE)
target_compile_options(migp_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wundef
    -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wcast-align
    -Wimplicit-fallthrough
    $<$<BOOL:${MIGP_WERROR}>:-Werror>)
