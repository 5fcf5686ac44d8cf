/* SPDX-License-Identifier: MIT */
#include "device/vfio_user/client.h"

#include "core/error.h"
#include "device/dirty/dirty.h"

#include <errno.h>

static int user_say(struct migp_error *error, int answer, const char *what,
                    const char *hint)
{
    return migp_error_say(error, MIGP_ERR_SYSTEM, -answer,
                          "the server's DMA log %s%s", what, hint);
}

static int user_start(void *user, struct migp_dirty_wish *wish,
                      struct migp_error *error)
{
    const int answer = migp_user_log_start(user, wish->ranges, wish->n_ranges,
                                           wish->page_size);

    if (answer < 0) {
        return user_say(error, answer, "does not start",
                        answer == -ENOENT ? " (map memory first)" : "");
    }
    return MIGP_OK;
}

static int user_stop(void *user, struct migp_error *error)
{
    const int answer = migp_user_log_stop(user);

    return answer < 0 ? user_say(error, answer, "does not stop", "") : MIGP_OK;
}

static int user_report(void *user, const struct migp_iova_range *part,
                       uint64_t page_size, uint64_t *words,
                       struct migp_error *error)
{
    const int answer =
        migp_user_log_report(user, part->iova, part->length, page_size, words);

    if (answer < 0) {
        return user_say(error, answer, "cannot be read",
                        answer == -EMSGSIZE ? " (a region is too large for one "
                                              "message: map it in parts)"
                                            : "");
    }
    return MIGP_OK;
}

/* The connection is the caller's. */
static void user_release(void *user)
{
    (void)user;
}

static const struct migp_dirty_ops user_ops = {
    .start = user_start,
    .stop = user_stop,
    .report = user_report,
    .release = user_release,
};

int migp_dirty_new_vfio_user(struct migp_dirty **out,
                             struct migp_vfio_user *server,
                             struct migp_error *error)
{
    if (out != NULL) {
        *out = NULL;
    }
    if (out == NULL || server == NULL) {
        return migp_error_say(error, MIGP_ERR_INVALID_ARGUMENT, 0,
                              "no connection");
    }
    return migp_dirty_make(out, &user_ops, server, error);
}
