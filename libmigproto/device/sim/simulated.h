/* SPDX-License-Identifier: MIT */
#ifndef MIGP_DEVICE_SIM_SIMULATED_H
#define MIGP_DEVICE_SIM_SIMULATED_H

/*
 * What the files of the simulated device share: the object, and one function
 * per idea. Functions return 0 or an amount, or a negative errno, as a kernel
 * does inside.
 */

#include "device/sim/payload.h"
#include "device/sim/settings.h"

#include <migproto/fsm.h>
#include <migproto/sim.h>
#include <stdbool.h>

/* As many files as one device's kernel opens; then EMFILE. */
#define SIM_MAX_FDS 64

/* The numbers of its fds start where no real one is likely to be. */
#define SIM_FIRST_FD 1000

/* DMA writes that are remembered one by one; beyond, neighbours are joined. */
#define SIM_MAX_RUNS 4096

#define SIM_MAX_RANGES 256

enum sim_fd_kind {
    SIM_FD_FREE,
    SIM_FD_DEVICE,
    SIM_FD_IOMMU,
    SIM_FD_SAVE,
    SIM_FD_LOAD
};

struct sim_fd {
    uint8_t kind;
    bool cloexec;
    bool bound;       /* a device: given to an iommufd */
    int status;       /* F_GETFL */
    uint64_t session; /* a data fd: of which session */
    uint64_t stale;   /* a data fd: bytes it gave after its session's end */
};

/* A span of I/O addresses, [start, end). */
struct sim_span {
    uint64_t start;
    uint64_t end;
};

struct sim_logging {
    bool on;
    uint64_t page; /* granule of what is logged */
    uint32_t n_ranges;
    struct sim_span ranges[SIM_MAX_RANGES];
    uint32_t n_runs;
    struct sim_span runs[SIM_MAX_RUNS]; /* written to, sorted, disjoint */
};

/* What a session has given or taken so far. */
struct sim_session {
    uint64_t number; /* 0: there was none yet */
    bool live;
    bool poisoned;     /* refused data once: it takes no more */
    uint64_t bytes;    /* through read() or write() */
    uint64_t began;    /* when, nanoseconds */
    uint64_t eof_seen; /* reads that found the end in STOP_COPY */
};

/* A state on its way out; see the families of streams. */
struct sim_save {
    struct sim_payload_out payload;
    uint64_t sequence;      /* payloads begun */
    uint64_t given_of_size; /* bytes of size= that PRE_COPY had */
    uint64_t dirty;         /* bytes dirtied and not yet in a payload */
    uint64_t dirty_rest;    /* what a rate leaves over, bytes * 1e9 */
    uint64_t dirty_since;   /* when dirty was last brought up to date */
    bool final_begun;
    bool reinit; /* the next PRECOPY_INFO tells of new initial data */
    bool reinit_done;
    uint64_t queried;   /* when the device was last asked for its amount */
    uint64_t image_at;  /* of an image: bytes given */
    uint64_t image_end; /* of an image: bytes there are by now */
};

/* A state on its way in. */
struct sim_load {
    struct sim_payload_in payload;
    uint64_t sequence;    /* payloads complete */
    uint64_t got_of_size; /* bytes of payloads that count towards size= */
    bool checked;         /* the arriving payload's header suits the device */
    bool damaged;
    bool complete;
    uint8_t record[16]; /* of a chain: the header that is arriving */
    size_t record_at;
    uint64_t record_left; /* of a chain: payload still to come */
    bool record_skipped;  /* of a chain: its payload does not matter */
    uint64_t image_at;    /* of an image: bytes written */
    struct sim_content pending;
};

struct migp_sim {
    struct migp_sys sys;
    struct migp_sys clock; /* now and sleep, with clock=real */
    struct sim_settings settings;
    const struct sim_quirk *quirk;
    uint32_t migration;

    uint64_t virtual_now;
    uint64_t time_rest; /* what bandwidths leave over */

    struct sim_fd fds[SIM_MAX_FDS];
    uint64_t sessions; /* begun */
    struct sim_session session;
    struct sim_save save;
    struct sim_load load;

    uint32_t state;
    uint64_t set_at; /* when the state was last set */
    bool reinit_wanted;
    bool ever_reset; /* reset-after has happened */

    struct sim_logging logging;
    struct sim_content content;
    uint8_t config[SIM_CONFIG_SIZE];

    struct sim_pattern out_pattern;
    struct sim_pattern in_pattern;
    uint8_t image[SIM_IMAGE_MAX];
};

static inline bool sim_broken(const struct migp_sim *sim, enum sim_break rule)
{
    return (sim->settings.breaks >> rule & 1) != 0;
}

/* sim_kernel.c: the table of fds. */
void migp_sim_fill_sys(struct migp_sim *sim);
int migp_sim_fd_install(struct migp_sim *sim, enum sim_fd_kind kind,
                        int status);
struct sim_fd *migp_sim_fd_find(struct migp_sim *sim, int fd);

/* A pointer that no process has anything behind. */
bool migp_sim_bad_pointer(const void *pointer);

/* sim_clock.c */
uint64_t migp_sim_now(const struct migp_sim *sim);
void migp_sim_pass(struct migp_sim *sim, uint64_t nanoseconds);
void migp_sim_pass_bytes(struct migp_sim *sim, uint64_t bytes, uint64_t rate);
void migp_sim_dirty_begin(struct migp_sim *sim);
void migp_sim_dirty_update(struct migp_sim *sim);

/* sim_fault.c: the errno to fail with now, negative, or 0. */
int migp_sim_fault(struct migp_sim *sim, enum sim_operation operation);
int migp_sim_fault_step(struct migp_sim *sim, uint32_t state);

/* sim_feature.c */
int migp_sim_feature(struct migp_sim *sim, void *arg);

/* sim_state.c */
bool migp_sim_running(const struct migp_sim *sim);
bool migp_sim_precopying(const struct migp_sim *sim);
int migp_sim_set_state(struct migp_sim *sim, uint32_t target, int *data_fd);
int migp_sim_ask_reset(struct migp_sim *sim);
void migp_sim_reset_outside(struct migp_sim *sim);
void migp_sim_end_session(struct migp_sim *sim);
void migp_sim_device_opened(struct migp_sim *sim);
void migp_sim_device_closed(struct migp_sim *sim);
/* What happens by itself as time and bytes go by. */
void migp_sim_tick(struct migp_sim *sim);

/* sim_stream.c: what is done to a data fd. */
migp_ssize migp_sim_data_read(struct migp_sim *sim, struct sim_fd *file,
                              void *bytes, size_t size);
migp_ssize migp_sim_data_write(struct migp_sim *sim, struct sim_fd *file,
                               const void *bytes, size_t size);
int migp_sim_precopy_info(struct migp_sim *sim, struct sim_fd *file, void *arg);
int migp_sim_data_poll(struct migp_sim *sim, const struct sim_fd *file);

/* One of these for each family of streams. */
struct sim_family {
    /* A session to read from begins, in PRE_COPY or in STOP_COPY. */
    void (*begin)(struct migp_sim *sim);
    /* STOP_COPY was entered with a session begun in PRE_COPY; may be NULL. */
    void (*finish)(struct migp_sim *sim);
    /* Bytes of what there is, 0 if there is nothing at this time. */
    size_t (*read)(struct migp_sim *sim, uint8_t *bytes, size_t size);
    /* What is left to read in PRE_COPY. */
    void (*amounts)(struct migp_sim *sim, uint64_t *initial, uint64_t *dirty);
    /* A session to write to begins; may be NULL. */
    void (*load_begin)(struct migp_sim *sim);
    migp_ssize (*write)(struct migp_sim *sim, const uint8_t *bytes,
                        size_t size);
    /* RESUMING is left for STOP: take what was written. */
    int (*load)(struct migp_sim *sim);
};

extern const struct sim_family migp_sim_family_segments; /* sim_segments.c */
extern const struct sim_family migp_sim_family_chain;    /* sim_chain.c */
extern const struct sim_family migp_sim_family_image;    /* sim_image.c */

/* sim_segments.c, for chains too. */
void migp_sim_begin_payload(struct migp_sim *sim, uint32_t kind,
                            uint64_t length, const void *lead,
                            size_t lead_size);
uint64_t migp_sim_dirty_pages(const struct migp_sim *sim);
bool migp_sim_payload_fits(const struct migp_sim *sim);

/* A driver whose state is an image of a fixed size. */
struct sim_image {
    /* The state that a device has after a reset, where not any bytes do;
     * may be NULL. */
    void (*fresh)(struct migp_sim *sim);
    /* Put the device's state into sim->image. */
    void (*build)(struct migp_sim *sim);
    /* Is what PRE_COPY gives first, in sim->image, this device's? */
    bool (*head_fits)(const struct migp_sim *sim);
    /* Take the state out of sim->image; written: bytes. */
    int (*load)(struct migp_sim *sim, uint64_t written);
};

extern const struct sim_image migp_sim_image_mtty; /* sim_image_drivers.c */
extern const struct sim_image migp_sim_image_hisi;
extern const struct sim_image migp_sim_image_qat;
extern const struct sim_image migp_sim_image_pds;

/* sim_object.c: the content after a reset. */
void migp_sim_content_fresh(struct migp_sim *sim);

/* sim_logging.c */
void migp_sim_logging_stop(struct migp_sim *sim);
int migp_sim_logging_start(struct migp_sim *sim, void *payload);
int migp_sim_logging_report(struct migp_sim *sim, void *payload);

/* sim_region.c */
void migp_sim_config_fill(struct migp_sim *sim);
int migp_sim_device_ioctl(struct migp_sim *sim, unsigned long request,
                          void *arg);
migp_ssize migp_sim_region_access(struct migp_sim *sim, void *bytes,
                                  const void *given, size_t size,
                                  uint64_t offset);

#endif
