/* SPDX-License-Identifier: MIT */
#ifndef MIGP_TESTS_UNIT_STREAM_OF_H
#define MIGP_TESTS_UNIT_STREAM_OF_H

/* Small containers for tests that look at one part of them. */

#include "support/build.h"
#include "support/feed.h"

#define VFIO_ID 0x28u
#define VFIO_IDSTR "0000:00:04.0/vfio"

/* START, END and FULL of a VFIO device, with footers. */
static inline void build_vfio_start(struct build *build)
{
    build_head(build, 1, VFIO_ID, VFIO_IDSTR, 0, 1);
    build_tag(build, 3);
    build_tag(build, 1);
    build_footer(build, VFIO_ID);
}

static inline void build_vfio_end(struct build *build)
{
    build_short_head(build, 3, VFIO_ID);
    build_tag(build, 1);
    build_footer(build, VFIO_ID);
}

static inline void build_vfio_full(struct build *build)
{
    build_head(build, 4, VFIO_ID, VFIO_IDSTR, 0, 1);
    build_tag(build, 2);
    build_text(build, "config");
    build_tag(build, 1);
    build_footer(build, VFIO_ID);
}

static inline void build_tail(struct build *build)
{
    build_u8(build, 0);
    build_u8(build, 6);
    build_u32(build, 2);
    build_text(build, "{}");
}

/* Feed the whole; free the bytes. The outcome is to be freed. */
static inline void outcome_of(struct outcome *outcome, struct build *build,
                              const struct migp_qemu_options *options)
{
    struct feeding feeding = feeding_of(build->bytes, build->size);

    feed_reader(outcome, &feeding, options);
    build_free(build);
}

#endif
