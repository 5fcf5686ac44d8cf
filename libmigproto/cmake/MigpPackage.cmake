# SPDX-License-Identifier: MIT
#
# `cpack` makes the Debian packages of the installed components. Configure
# with -DCMAKE_INSTALL_PREFIX=/usr, or the library directory is not Debian's.

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME libmigproto)
set(CPACK_PACKAGE_VENDOR "The libmigproto authors")
set(CPACK_PACKAGE_CONTACT "The libmigproto authors <libmigproto@localhost>")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_STRIP_FILES ON)
set(CPACK_RESOURCE_FILE_LICENSE "${PROJECT_SOURCE_DIR}/LICENSE")

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL runtime development)
if(TARGET migproto)
    list(APPEND CPACK_COMPONENTS_ALL tools)
endif()
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# The AFL++ plug-in of the development package needs the library itself, which
# that package depends on anyway.
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SHLIBDEPS OFF)

set(CPACK_COMPONENT_RUNTIME_DESCRIPTION
    "Shared library for the migration state of VFIO devices.")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME "libmigproto${PROJECT_VERSION_MAJOR}")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)

set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION
    "Headers, static library, CMake and pkg-config files of libmigproto.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libmigproto-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "libmigproto${PROJECT_VERSION_MAJOR} (= ${PROJECT_VERSION})")

set(CPACK_COMPONENT_TOOLS_DESCRIPTION
    "The migproto command: inspect, verify, extract, encode, graft and mutate streams.")
set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME migproto)
set(CPACK_DEBIAN_TOOLS_PACKAGE_SECTION utils)

include(CPack)
