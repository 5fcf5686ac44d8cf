# SPDX-License-Identifier: MIT
#
# Instrumentation has to reach every object of a program, so these options are
# global, not a property of one target.

if(MIGP_SANITIZE)
    add_compile_options("-fsanitize=${MIGP_SANITIZE}"
        -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options("-fsanitize=${MIGP_SANITIZE}")
endif()

if(MIGP_BUILD_FUZZERS)
    if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "MIGP_BUILD_FUZZERS needs clang (libFuzzer)")
    endif()
    # Coverage for libFuzzer; the targets alone link its main().
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
