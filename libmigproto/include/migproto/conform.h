/* SPDX-License-Identifier: MIT */
#ifndef MIGPROTO_CONFORM_H
#define MIGPROTO_CONFORM_H

/**
 * @file conform.h
 * @brief Does a driver keep the rules of VFIO migration? A suite of checks.
 *
 * The checks are numbered as in docs/conformance.md. Each starts
 * from a reset device and leaves one behind. The device's state is destroyed.
 *
 * Threads: one at a time, as for the device.
 */

#include <migproto/core.h>

#ifdef __cplusplus
extern "C" {
#endif

struct migp_vfio;

/** How a check ended. */
enum migp_conform_verdict {
    MIGP_CONFORM_PASS = 0, /**< the rule is kept */
    MIGP_CONFORM_FAIL = 1, /**< the rule is broken */
    MIGP_CONFORM_SKIP = 2, /**< cannot be told here; text says why */
    /** the rule is broken, as is known of this driver; text names it */
    MIGP_CONFORM_XFAIL = 3,
    /** a rule that this driver is known to break is kept */
    MIGP_CONFORM_XPASS = 4
};

/** What a check is. */
enum migp_conform_check_flag {
    /** The rule stands in the kernel's uAPI; else it is common practice. */
    MIGP_CONFORM_NORMATIVE = 1,
    /** May lock up or crash a kernel with a known bug: only if asked for. */
    MIGP_CONFORM_DANGEROUS = 2,
    /** Closes and opens the device. */
    MIGP_CONFORM_REOPENS = 4
};

/** A check. The strings are static. */
struct migp_conform_check {
    size_t struct_size; /**< sizeof(struct migp_conform_check) */
    uint32_t number;    /**< of the invariant, from 1 */
    uint32_t flags;     /**< set of enum migp_conform_check_flag */
    const char *id;     /**< e.g. "precopy-end-is-enomsg" */
    const char *title;  /**< the rule, in one line */
    const char *source; /**< where it is written, e.g. "vfio.h:1264-1266" */
};

/** How a check went. */
struct migp_conform_result {
    size_t struct_size;       /**< sizeof(struct migp_conform_result) */
    uint32_t number;          /**< of the check */
    uint32_t verdict;         /**< enum migp_conform_verdict */
    char text[MIGP_TEXT_MAX]; /**< what was seen, or why it was skipped */
};

/** How to run; start from migp_conform_options_init(). */
struct migp_conform_options {
    size_t struct_size;   /**< sizeof(struct migp_conform_options) */
    uint32_t flags;       /**< set of enum migp_conform_flag; default 0 */
    const char *driver;   /**< whose known deviations are expected; NULL: as
                                 the data fd's name or /sys tells; "": none */
    const uint32_t *only; /**< numbers of checks to run; NULL: all */
    size_t n_only;        /**< how many */
    uint64_t max_data;    /**< bytes of state that are kept at a time; larger
                                 devices skip the checks that need it; default
                                 1 GiB */
};

/** Flags of struct migp_conform_options. */
enum migp_conform_flag {
    MIGP_CONFORM_ALLOW_DANGEROUS = 1 /**< run the dangerous checks too */
};

/** Told of each check as it starts and as it ends. result is NULL at the
 *  start. Returns 0, or anything else to stop. */
typedef int (*migp_conform_sink)(void *user,
                                 const struct migp_conform_check *check,
                                 const struct migp_conform_result *result);

/**
 * @brief Tell how many checks there are.
 * @return how many
 * @since 0.1.0
 */
MIGP_API size_t migp_conform_count(void);

/**
 * @brief Tell a check.
 * @param index below migp_conform_count()
 * @param[out] check struct_size set by the caller
 * @return MIGP_OK or MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API int migp_conform_check_at(size_t index,
                                   struct migp_conform_check *check);

/**
 * @brief Fill in the defaults.
 * @param options the object; NULL is allowed and does nothing
 * @since 0.1.0
 */
MIGP_API void migp_conform_options_init(struct migp_conform_options *options);

/**
 * @brief Run the checks.
 * @param vfio a device that nobody else uses and that may be reset; a
 *             migp_device that was made of it must not be used meanwhile, and
 *             be asked for its state afterwards
 * @param options NULL for the defaults; not kept
 * @param sink is told how each check goes; may be NULL
 * @param user given to sink
 * @param[out] error why it failed; may be NULL
 * @return number of checks that ended FAIL (XFAIL is not among them);
 *         MIGP_ERR_NO_MIGRATION; MIGP_ERR_SYSTEM (the device does not come
 *         back from a reset); MIGP_ERR_DEVICE_LOST; MIGP_ERR_CANCELLED (by the
 *         sink); MIGP_ERR_NO_MEMORY; MIGP_ERR_INVALID_ARGUMENT
 * @since 0.1.0
 */
MIGP_API migp_ssize migp_conform_run(struct migp_vfio *vfio,
                                     const struct migp_conform_options *options,
                                     migp_conform_sink sink, void *user,
                                     struct migp_error *error);

#ifdef __cplusplus
}
#endif

#endif
