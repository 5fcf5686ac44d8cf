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

/** Memory to be written; one of several pieces, in order. */
struct migp_piece {
    const void *bytes; /**< NULL only if size is 0 */
    size_t size;       /**< bytes */
};

/** Every error: name, number, class, identifier, text.
 *
 * Classes say who must act: CALLER (the program called wrongly), PEER (the
 * bytes, or the data that a device refused, are bad), SYSTEM (the machine, the
 * kernel, a driver or a server failed), FATAL (what the object stood for is
 * gone). */
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
      "it is of a kind that this library or this device does not have")        \
    X(MIGP_ERR_SYSTEM, -11, SYSTEM, "system",                                  \
      "a system call, a driver or a server failed")                            \
    X(MIGP_ERR_PRECOPY_EMPTY, -12, CALLER, "precopy-empty",                    \
      "the device has no pre-copy data at this time")                          \
    X(MIGP_ERR_CANCELLED, -13, CALLER, "cancelled", "the caller cancelled")    \
    X(MIGP_ERR_DEVICE_RESET, -14, SYSTEM, "device-reset",                      \
      "the device was reset behind the caller's back")                         \
    X(MIGP_ERR_NEEDS_RESET, -15, SYSTEM, "needs-reset",                        \
      "nothing but a reset brings the device back")                            \
    X(MIGP_ERR_DEVICE_LOST, -16, FATAL, "device-lost",                         \
      "the device, or the server behind it, is gone")                          \
    X(MIGP_ERR_NO_MIGRATION, -17, SYSTEM, "no-migration",                      \
      "the device cannot be migrated")                                         \
    X(MIGP_ERR_REFUSED, -18, PEER, "refused", "the device refused the data")   \
    X(MIGP_ERR_TIMED_OUT, -19, SYSTEM, "timed-out",                            \
      "it took longer than the options allow")

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
    MIGP_ERROR_CLASS_SYSTEM = 3, /**< the machine or a driver failed */
    MIGP_ERROR_CLASS_FATAL = 4   /**< what the object stood for is gone */
};

/** Room for one error sentence, terminating NUL included. */
#define MIGP_TEXT_MAX 256

/**
 * @brief Why a call failed; allocated by the caller, filled by the call.
 *
 * Set struct_size (or use migp_error_init() or #MIGP_ERROR_INIT) first. A call
 * that succeeds leaves it as it was.
 */
struct migp_error {
    size_t struct_size;       /**< sizeof(struct migp_error) */
    int32_t code;             /**< enum migp_errc */
    uint32_t finding;         /**< enum migp_finding_code, or 0 */
    int32_t system_errno;     /**< errno of the call that failed, or 0 */
    uint64_t offset;          /**< bytes from the start of the input */
    uint64_t value;           /**< as in struct migp_finding */
    uint64_t expected;        /**< as in struct migp_finding */
    char text[MIGP_TEXT_MAX]; /**< one English sentence, NUL-terminated */
};

/** Initialiser of a struct migp_error. */
#define MIGP_ERROR_INIT                                                        \
    {                                                                          \
        sizeof(struct migp_error), 0, 0, 0, 0, 0, 0,                           \
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
