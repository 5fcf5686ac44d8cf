/* SPDX-License-Identifier: MIT */
#include "core/errno_name.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

struct errno_entry {
    int number;
    const char *name;
};

#define MIGP_X(name)                                                           \
    {                                                                          \
        name, #name                                                            \
    }
static const struct errno_entry errno_list[] = {
    MIGP_X(EPERM),        MIGP_X(ENOENT),       MIGP_X(EINTR),
    MIGP_X(EIO),          MIGP_X(ENXIO),        MIGP_X(E2BIG),
    MIGP_X(EBADF),        MIGP_X(EAGAIN),       MIGP_X(ENOMEM),
    MIGP_X(EACCES),       MIGP_X(EFAULT),       MIGP_X(EBUSY),
    MIGP_X(EEXIST),       MIGP_X(ENODEV),       MIGP_X(ENOTDIR),
    MIGP_X(EISDIR),       MIGP_X(EINVAL),       MIGP_X(ENFILE),
    MIGP_X(EMFILE),       MIGP_X(ENOTTY),       MIGP_X(EFBIG),
    MIGP_X(ENOSPC),       MIGP_X(ESPIPE),       MIGP_X(EROFS),
    MIGP_X(EPIPE),        MIGP_X(ERANGE),       MIGP_X(EDEADLK),
    MIGP_X(ENAMETOOLONG), MIGP_X(ENOSYS),       MIGP_X(ELOOP),
    MIGP_X(ENOMSG),       MIGP_X(ENODATA),      MIGP_X(ETIME),
    MIGP_X(EPROTO),       MIGP_X(EBADMSG),      MIGP_X(EOVERFLOW),
    MIGP_X(EMSGSIZE),     MIGP_X(EPROTOTYPE),   MIGP_X(EOPNOTSUPP),
    MIGP_X(EADDRINUSE),   MIGP_X(ECONNABORTED), MIGP_X(ECONNRESET),
    MIGP_X(ENOBUFS),      MIGP_X(ENOTCONN),     MIGP_X(ESHUTDOWN),
    MIGP_X(ETIMEDOUT),    MIGP_X(ECONNREFUSED), MIGP_X(EALREADY),
    MIGP_X(EINPROGRESS),  MIGP_X(ESTALE),       MIGP_X(ECANCELED),
    MIGP_X(EREMOTEIO),
};
#undef MIGP_X

const char *migp_errno_name(int number)
{
    size_t i;

    for (i = 0; i < sizeof(errno_list) / sizeof(errno_list[0]); i++) {
        if (errno_list[i].number == number) {
            return errno_list[i].name;
        }
    }
    return "an errno without a name";
}

int migp_errno_number(const char *name, unsigned long n)
{
    size_t i;

    for (i = 0; i < sizeof(errno_list) / sizeof(errno_list[0]); i++) {
        if (strlen(errno_list[i].name) == n &&
            memcmp(errno_list[i].name, name, n) == 0) {
            return errno_list[i].number;
        }
    }
    return 0;
}
