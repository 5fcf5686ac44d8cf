/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CONFORM_KIT_H
#define MIGP_CONFORM_KIT_H

/*
 * What the checks are made of. All calls are raw: nothing stands between a
 * check and the driver that would keep a rule in the driver's place.
 *
 * A step that a check needs and that is not what it checks ends in SKIP when it
 * fails ("see 7"): so a driver that breaks one rule fails in one place. The
 * numbers are those of the checks that own the step.
 *
 * Everything is bounded: bytes by max_data, repetitions by a count, waiting by
 * a deadline. Only a call that never returns cannot be helped.
 */

#include <migproto/conform.h>
#include <migproto/fsm.h>
#include <migproto/sys.h>

#include <stdbool.h>

struct migp_vfio;
struct migp_vfio_precopy_info;

/* Which part of a check failed: a known deviation covers some. */
enum migp_aspect {
    MIGP_ASPECT_RULE = 1,      /* anything else */
    MIGP_ASPECT_REOPEN = 2,    /* the state after close and open */
    MIGP_ASPECT_EMPTY = 4,     /* a load of nothing is accepted */
    MIGP_ASPECT_TRUNCATED = 8, /* one that is cut short */
    MIGP_ASPECT_HEADER = 16,   /* one whose first bytes are wrong */
    MIGP_ASPECT_TRAILING = 32, /* one with bytes behind its end */
    MIGP_ASPECT_DIFFERS = 64,  /* two saves of one state differ */
    MIGP_ASPECT_ZERO = 128,    /* 0 where another answer is due */
    MIGP_ASPECT_RESTART = 256, /* a second START is accepted */
    MIGP_ASPECT_REPORT = 512,  /* a REPORT without START is accepted */
    MIGP_ASPECT_LASTS = 1024   /* a log does not outlive a change of state */
};

/* State of a device. */
struct migp_blob {
    uint8_t *bytes;
    size_t size;
    size_t room;
};

/* A byte of the device's state that may be written to. */
struct migp_change {
    bool asked;
    bool known; /* there is one */
    uint32_t region;
    uint64_t offset;
    uint8_t plain; /* what it was */
};

struct migp_kit {
    struct migp_vfio *vfio;
    const struct migp_sys *sys;
    uint64_t max_data;
    uint32_t flags;     /* set of enum migp_conform_flag */
    uint32_t migration; /* the device's flags, without those of no meaning */

    int session; /* data fd that was opened last, or -1 */
    int kept;    /* one before it, or -1 */
    bool used;   /* a check has run */
    bool logging;
    bool reset_broken; /* RESET does not lead to RUNNING, SET does */
    bool lost;         /* nothing leads to RUNNING */
    bool no_memory;
    int lost_errno;

    const char *driver; /* whose deviations are expected; NULL: nobody's */
    bool driver_asked;

    struct migp_blob image; /* of the device; a stream that it loads */
    struct migp_blob given; /* its stream before the first reset, if asked */
    uint8_t *scratch;       /* MIGP_SCRATCH bytes */
    struct migp_change change;

    /* of the check that runs */
    uint32_t verdict; /* enum migp_conform_verdict */
    uint32_t aspects; /* set of enum migp_aspect that failed */
    bool partial;     /* not all of the rule could be looked at */
    char text[MIGP_TEXT_MAX];
};

/* Most bytes of one read or write. */
#define MIGP_SCRATCH ((size_t)1 << 20)

/* --- the verdict: the first sentence of the gravest kind stays ----------- */

__attribute__((format(printf, 3, 4))) void
migp_kit_fail(struct migp_kit *kit, uint32_t aspect, const char *format, ...);
/* Nothing that failed before is forgotten by it. Returns false. */
__attribute__((format(printf, 2, 3))) bool
migp_kit_skip(struct migp_kit *kit, const char *format, ...);
/* What is worth knowing about a check that passes. */
__attribute__((format(printf, 2, 3))) void
migp_kit_note(struct migp_kit *kit, const char *format, ...);
/* The same; and a part of the rule could not be looked at. */
__attribute__((format(printf, 2, 3))) void
migp_kit_partial(struct migp_kit *kit, const char *format, ...);

/* --- raw calls: >= 0 or a negative errno --------------------------------- */

int migp_kit_ioctl(struct migp_kit *kit, int fd, unsigned long request,
                   void *arg);
/* VFIO_DEVICE_FEATURE; size bytes of payload are copied in, and out again. */
int migp_kit_feature(struct migp_kit *kit, uint32_t argsz, uint32_t flags,
                     void *payload, size_t size);
/* data_fd may be NULL. */
int migp_kit_get(struct migp_kit *kit, uint32_t *state, int32_t *data_fd);
/* data_fd goes in as well: whatever the driver should overwrite. */
int migp_kit_set(struct migp_kit *kit, uint32_t state, int32_t *data_fd);
int migp_kit_size(struct migp_kit *kit, uint64_t *size);
/* Everything in info but argsz goes in as it is. */
int migp_kit_info(struct migp_kit *kit, int fd, uint32_t argsz,
                  struct migp_vfio_precopy_info *info);
migp_ssize migp_kit_read(struct migp_kit *kit, int fd, void *bytes,
                         size_t size);
migp_ssize migp_kit_write(struct migp_kit *kit, int fd, const void *bytes,
                          size_t size);
/* From offset 0. */
migp_ssize migp_kit_pread(struct migp_kit *kit, int fd, void *bytes,
                          size_t size);
/* At once; returns revents. */
int migp_kit_poll(struct migp_kit *kit, int fd, int events);
void migp_kit_close(struct migp_kit *kit, int *fd);
/* Close an fd that came where none should, if it is a data fd. */
void migp_kit_close_stray(struct migp_kit *kit, int fd);
/* The name of what a data fd stands for, e.g. "mtty_mig"; "" for another kind
 * of fd. False: it cannot be told, there is no /proc. */
bool migp_kit_fd_name(struct migp_kit *kit, int fd, char *name, size_t size);
void migp_kit_sleep(struct migp_kit *kit, uint64_t nanoseconds);

/* "EINVAL", or "success" for what is not negative. Static. */
const char *migp_kit_answer(int64_t result);

/* --- steps: false if the verdict is SKIP now ----------------------------- */

/* RESET until RUNNING; by SET where RESET does not do it. Ends sessions and
 * DMA logging. False: the device is lost. */
bool migp_kit_reset(struct migp_kit *kit);
/* SET a state of the table and be there; a data fd that comes is the session,
 * the one before it is kept. */
bool migp_kit_go(struct migp_kit *kit, uint32_t state);
/* Reset and go; in RESUMING a whole stream is written too. */
bool migp_kit_start(struct migp_kit *kit, uint32_t state);
/* The n-th state that the device has, without ERROR; false behind the last. */
bool migp_kit_state(const struct migp_kit *kit, size_t n, uint32_t *state);
/* Ask the device for its stream once: reset, STOP_COPY, read, reset. */
bool migp_kit_need_image(struct migp_kit *kit);

/* Reset, and bring the device into one of two states: as it was, or changed in
 * what a save gives. On devices of which nothing is known both are the same. A
 * check that has changed it prepares it as it was in the end. change.c */
bool migp_kit_prepare(struct migp_kit *kit, bool changed);
/* Save by STOP_COPY, behind what blob has; the device is in STOP then. */
bool migp_kit_save(struct migp_kit *kit, struct migp_blob *blob);

/* --- data ---------------------------------------------------------------- */

/* Pieces in which a stream is read or written. */
enum migp_cut {
    MIGP_CUT_LARGE, /* MIGP_SCRATCH bytes */
    MIGP_CUT_ODD,   /* sizes that fit nothing */
    MIGP_CUT_BYTES  /* single bytes at the start, then odd ones */
};

/* Returned by reading when max_data was not enough. */
#define MIGP_DRAIN_LIMIT 1

/* Read the session to its end for now or for good, behind what blob has; blob
 * NULL: keep nothing. Returns 0 or -ENOMSG (the end), MIGP_DRAIN_LIMIT, or the
 * error of a read. *total is added to. */
int migp_kit_drain(struct migp_kit *kit, struct migp_blob *blob,
                   enum migp_cut cut, uint64_t *total);
/* The same in STOP_COPY, a step. */
bool migp_kit_drain_all(struct migp_kit *kit, struct migp_blob *blob,
                        enum migp_cut cut);
/* In PRE_COPY, a step: until a read finds nothing and PRECOPY_INFO says so. */
bool migp_kit_drain_precopy(struct migp_kit *kit, struct migp_blob *blob);

/* Write to the session. Returns 0 or the error; *done: bytes accepted. */
int migp_kit_pour(struct migp_kit *kit, const void *bytes, size_t size,
                  enum migp_cut cut, size_t *done);

bool migp_blob_add(struct migp_kit *kit, struct migp_blob *blob,
                   const void *bytes, size_t size);
bool migp_blob_same(const struct migp_blob *a, const struct migp_blob *b);
void migp_blob_free(struct migp_blob *blob);

#endif
