/* SPDX-License-Identifier: MIT */
#ifndef MIGP_DEVICE_SIM_SETTINGS_H
#define MIGP_DEVICE_SIM_SETTINGS_H

/*
 * What a simulated device was told to be: the options, the drivers that it can
 * behave like, the rules that it can break.
 */

#include <migproto/core.h>
#include <stdbool.h>

#define SIM_MAX_FAULTS 8

/* A header, BAR 0 and a trailer must fit behind what PRE_COPY gave. */
#define SIM_SIZE_MIN (UINT64_C(8) << 10)
#define SIM_SIZE_MAX (UINT64_C(1) << 40)
#define SIM_FINAL_MIN 4240
#define SIM_RATE_MAX (UINT64_C(1) << 40)
#define SIM_TIME_MAX (UINT64_C(3600) * 1000000000)
#define SIM_COUNT_MAX UINT64_C(1000000000)

/* Dirt comes in pages. */
#define SIM_PAGE 4096

#define SIM_CONFIG_SIZE 256
#define SIM_IMAGE_MAX 65536

enum sim_operation {
    SIM_OP_SET,
    SIM_OP_GET,
    SIM_OP_READ,
    SIM_OP_WRITE,
    SIM_OP_INFO,
    SIM_OP_SIZE,
    SIM_OP_RESET,
    SIM_OP_START,
    SIM_OP_STOP,
    SIM_OP_REPORT,
    SIM_OP_COUNT
};

#define SIM_ANY_STATE UINT32_MAX

struct sim_fault_rule {
    uint32_t operation; /* enum sim_operation */
    uint32_t state;     /* SET: into which; SIM_ANY_STATE */
    int number;         /* errno */
    uint64_t first;     /* the N-th fails */
    bool onwards;       /* and all after it */
    uint64_t seen;
};

/* Rules that can be broken; sim_break.c names them. */
enum sim_break {
    SIM_BREAK_PROBE,
    SIM_BREAK_FLAGS,
    SIM_BREAK_ARGSZ,
    SIM_BREAK_GET_FD,
    SIM_BREAK_SIZE,
    SIM_BREAK_REOPEN,
    SIM_BREAK_ARC_REFUSED,
    SIM_BREAK_SET_ERROR,
    SIM_BREAK_FORBIDDEN_ARC,
    SIM_BREAK_SAME_STATE,
    SIM_BREAK_CLOEXEC,
    SIM_BREAK_NEW_FD,
    SIM_BREAK_READ_AFTER_END,
    SIM_BREAK_FAILED_SET,
    SIM_BREAK_SPONTANEOUS,
    SIM_BREAK_DIRECTION,
    SIM_BREAK_EOF,
    SIM_BREAK_ENOMSG,
    SIM_BREAK_PRECOPY_END,
    SIM_BREAK_READ_SIZES,
    SIM_BREAK_PRECOPY_LOAD,
    SIM_BREAK_INFO_IN_STOP,
    SIM_BREAK_INITIAL_GROWS,
    SIM_BREAK_INFO_FLAGS,
    SIM_BREAK_ALTERS,
    SIM_BREAK_WRITE_SIZES,
    SIM_BREAK_TRUNCATED,
    SIM_BREAK_AFTER_REFUSAL,
    SIM_BREAK_RESET_RESUMING,
    SIM_BREAK_OVERLAP,
    SIM_BREAK_UNSTARTED,
    SIM_BREAK_SECOND_START,
    SIM_BREAK_BITMAP,
    SIM_BREAK_PHANTOM,
    SIM_BREAK_LOGGING_STATE,
    SIM_BREAK_RESET_STATE,
    SIM_BREAK_CLOSE_DEVICE,
    SIM_BREAK_CLOSE_DATA,
    SIM_BREAK_REGION,
    SIM_BREAK_COUNT
};

struct sim_family;
struct sim_image;

/* What DMA_LOGGING_START, STOP and REPORT do. */
enum sim_logging_kind {
    SIM_LOGGING_NONE, /* ENOTTY */
    SIM_LOGGING_STUB, /* succeeds, whatever was asked; logs nothing */
    SIM_LOGGING_REAL,
    SIM_LOGGING_ONE_RANGE /* real; a report must lie inside one range */
};

enum sim_quirk_bit {
    SIM_QUIRK_ZERO_FOR_ENOMSG = 1, /* read() at the temporary end */
    SIM_QUIRK_STATE_SURVIVES = 2,  /* close and open */
    SIM_QUIRK_KEEPS_CONTENT = 4,   /* over a reset */
    SIM_QUIRK_INFO_STARTS = 8,     /* new data only after PRECOPY_INFO */
    SIM_QUIRK_ERROR_STATE = 16,    /* where a reset from outside leads */
    SIM_QUIRK_POLL = 32,           /* a save fd is readable when it has data */
    SIM_QUIRK_WHOLE_RECORDS = 64,  /* each record is the complete state */
    SIM_QUIRK_NO_PRECOPY_V2 = 128,
    SIM_QUIRK_REINIT = 256,
    SIM_QUIRK_SIZE_RECORD = 512,  /* PRE_COPY starts with the stop-copy size */
    SIM_QUIRK_SHORT_WRITE = 1024, /* up to the end, before overflow */
    SIM_QUIRK_STALE = 2048,       /* nobody clears the buffer of a state */
    SIM_QUIRK_LOG_ENDS = 4096     /* STOP_COPY to STOP ends DMA logging */
};

/* A driver's behaviour; sim_quirk.c has the table. */
struct sim_quirk {
    const char *name;
    const char *fd_name; /* what a data fd's link says */
    const struct sim_family *family;
    uint32_t migration; /* set of enum migp_migration_flag */
    uint32_t bits;      /* set of enum sim_quirk_bit */
    uint32_t logging;   /* enum sim_logging_kind */
    uint16_t vendor;
    uint16_t product;
    uint32_t bar_size;
    uint32_t state_size;           /* bytes of content that migrate */
    uint32_t fixed_size;           /* of the whole stream, 0: size= */
    uint32_t fixed_initial;        /* what PRE_COPY gives of it */
    uint32_t unmeasured;           /* MIG_DATA_SIZE leaves these out */
    const struct sim_image *image; /* of the image family */
    int refusal;                   /* errno of write() at a wrong header */
    int overflow;                  /* errno of write() beyond the end */
    int load_failure;              /* errno of RESUMING to STOP */
};

struct sim_settings {
    uint64_t size;
    uint64_t initial;
    bool precopy;
    bool p2p;
    uint64_t dirty_rate; /* bytes a second */
    uint64_t read_bw;
    uint64_t write_bw;
    uint64_t load_setup; /* nanoseconds */
    uint64_t stop_setup;
    uint64_t reset_bytes; /* 0: never */
    uint64_t reset_time;
    uint64_t seed;
    bool real_clock;
    uint64_t breaks; /* bit n: enum sim_break n */
    const struct sim_quirk *quirk;
    size_t n_faults;
    struct sim_fault_rule faults[SIM_MAX_FAULTS];
};

/* Read the options. Returns MIGP_OK or MIGP_ERR_INVALID_ARGUMENT, with a
 * sentence and where in the text. */
int migp_sim_settings_parse(struct sim_settings *settings, const char *text,
                            struct migp_error *error);

/* The driver of that name; NULL: none. n: characters. */
const struct sim_quirk *migp_sim_quirk_find(const char *name, size_t n);

/* The device that keeps all rules. */
const struct sim_quirk *migp_sim_quirk_none(void);

#endif
