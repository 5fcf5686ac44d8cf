/* SPDX-License-Identifier: MIT */
#include <migproto/core.h>

#define STRING_OF(x) #x
#define STRING(x) STRING_OF(x)

const char *migp_version(void)
{
    return STRING(MIGP_VERSION_MAJOR) "." STRING(MIGP_VERSION_MINOR) "." STRING(
        MIGP_VERSION_PATCH);
}
