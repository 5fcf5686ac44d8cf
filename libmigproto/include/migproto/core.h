/* SPDX-License-Identifier: MIT */
#ifndef MIGPROTO_CORE_H
#define MIGPROTO_CORE_H

/**
 * @file core.h
 * @brief What every room shares: version and errors.
 *
 * An @e error is what a call returns: there are few of them, one for each
 * thing a caller does differently (enum migp_errc). A @e finding is what is
 * wrong with, or worth knowing about, the bytes that were read: there are
 * many, each with a stable name that people and scripts may rely on (finding.h).
 * An error caused by bytes names its finding.
 *
 * Threads: nothing in the library is global. An object may be used by one
 * thread at a time; different objects by different threads at once.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#error "libmigproto is for systems with VFIO"
#elif defined(__GNUC__) && !defined(SWIG)
#define MIGP_API __attribute__((visibility("default")))
#else
#define MIGP_API
#endif

/** Version of the headers; migp_version() tells the library's. */
#define MIGP_VERSION_MAJOR 0
#define MIGP_VERSION_MINOR 1 /**< see #MIGP_VERSION_MAJOR */
#define MIGP_VERSION_PATCH 0 /**< see #MIGP_VERSION_MAJOR */

/** An amount (>= 0) or a negative enum migp_errc. */
typedef int64_t migp_ssize;

/** Every error: name, number, class, identifier, text.
 *
 * Classes say who must act: CALLER (the program called wrongly), PEER (the
 * bytes are bad), SYSTEM (the machine ran out of something). */
#define MIGP_ERROR_LIST(X)                                                     \
    X(MIGP_ERR_INVALID_ARGUMENT, -1, CALLER, "invalid-argument",               \
      "an argument is out of its range")                                       \
    X(MIGP_ERR_STATE, -2, CALLER, "state",                                     \
      "the call is not allowed in the object's present state")                 \
    X(MIGP_ERR_NO_SPACE, -3, CALLER, "no-space",                               \
      "the caller's buffer is too small for the result")                       \
    X(MIGP_ERR_NEED_MORE, -4, CALLER, "need-more",                             \
      "more bytes are needed before this can be answered")                     \
    X(MIGP_ERR_NO_MEMORY, -5, SYSTEM, "no-memory", "an allocation failed")     \
    X(MIGP_ERR_NOT_A_STREAM, -6, PEER, "not-a-stream",                         \
      "the bytes are not a stream that this library reads")                    \
    X(MIGP_ERR_TRUNCATED, -7, PEER, "truncated",                               \
      "the bytes end before the stream does")                                  \
    X(MIGP_ERR_MALFORMED, -8, PEER, "malformed",                               \
      "the bytes break the rules of their format")                             \
    X(MIGP_ERR_LIMIT, -9, PEER, "limit",                                       \
      "the bytes cross a limit that the options set")                          \
    X(MIGP_ERR_UNSUPPORTED, -10, PEER, "unsupported",                          \
      "the bytes are well-formed, but of a kind that is not read")

/** What a call can return besides success. */
enum migp_errc {
    MIGP_OK = 0, /**< success */
#define MIGP_X(name, number, cls, id, text) name = (number),
    MIGP_ERROR_LIST(MIGP_X)
#undef MIGP_X
};

/** Who must act on an error. */
enum migp_error_class {
    MIGP_ERROR_CLASS_NONE = 0,   /**< not an error */
    MIGP_ERROR_CLASS_CALLER = 1, /**< the program called wrongly */
    MIGP_ERROR_CLASS_PEER = 2,   /**< the bytes are bad */
    MIGP_ERROR_CLASS_SYSTEM = 3  /**< the machine ran out of something */
};

/** Room for one error sentence, terminating NUL included. */
#define MIGP_TEXT_MAX 256

/**
 * @brief Why a call failed; allocated by the caller, filled by the call.
 *
 * Set struct_size (or use migp_error_init() or #MIGP_ERROR_INIT) first.
 */
struct migp_error {
    size_t struct_size;       /**< sizeof(struct migp_error) */
    int32_t code;             /**< enum migp_errc */
    uint32_t finding;         /**< enum migp_finding_code, or 0 */
    uint64_t offset;          /**< bytes from the start of the input */
    uint64_t value;           /**< as in struct migp_finding */
    uint64_t expected;        /**< as in struct migp_finding */
    char text[MIGP_TEXT_MAX]; /**< one English sentence, NUL-terminated */
};

/** Initialiser of a struct migp_error. */
#define MIGP_ERROR_INIT                                                        \
    {                                                                          \
        sizeof(struct migp_error), 0, 0, 0, 0, 0,                              \
        {                                                                      \
            0                                                                  \
        }                                                                      \
    }

/**
 * @brief Make an error object ready for use.
 * @param error the object; NULL is allowed and does nothing
 * @since 0.1.0
 */
MIGP_API void migp_error_init(struct migp_error *error);

/**
 * @brief Tell the library's version.
 * @return "MAJOR.MINOR.PATCH"; static, never NULL
 * @since 0.1.0
 */
MIGP_API const char *migp_version(void);

/**
 * @brief Tell an error's stable identifier.
 * @param code enum migp_errc, or any integer
 * @return e.g. "truncated"; "ok" for 0, "unknown" for a number that is none;
 *         static, never NULL
 * @since 0.1.0
 */
MIGP_API const char *migp_error_id(int code);

/**
 * @brief Tell an error's sentence.
 * @param code enum migp_errc, or any integer
 * @return an English sentence without a full stop; static, never NULL
 * @since 0.1.0
 */
MIGP_API const char *migp_error_text(int code);

/**
 * @brief Tell who must act on an error.
 * @param code enum migp_errc, or any integer
 * @return enum migp_error_class
 * @since 0.1.0
 */
MIGP_API int migp_error_class_of(int code);

#ifdef __cplusplus
}
#endif

#endif
