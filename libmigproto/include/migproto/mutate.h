/* SPDX-License-Identifier: MIT */
#ifndef MIGPROTO_MUTATE_H
#define MIGPROTO_MUTATE_H

/**
 * @file mutate.h
 * @brief Damage a stream where it hurts, for those who fuzz its readers.
 *
 * A mutator that flips random bytes of a migration stream mostly hits RAM and
 * payload, and nearly every change of a size or a tag ends the reading at
 * once. This one takes the stream apart first (a QEMU stream, a bare
 * device-state stream, a multifd channel, a libvirt save file, or a driver's
 * chain of records) and works on its units (sections, records, packets,
 * commands) and fields (tags, sizes, ids, names, indices, flags, payload).
 * What cannot be taken apart, such as the result of an earlier mutation from
 * some place on, is units of bytes, parted where a tag stands.
 *
 * A pure function of its arguments: the same bytes, seed and options give the
 * same result on every machine. It allocates a bounded table of units, and
 * for more than one mutation a second buffer as long as room, and frees them
 * again; no global, no thread.
 *
 * docs/fuzzing.md shows it under libFuzzer and AFL++.
 */

#include <migproto/core.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What can be done to a stream; a set of bits. */
enum migp_mutation {
    MIGP_MUTATE_SWAP = 1,   /**< two units change places */
    MIGP_MUTATE_DROP = 2,   /**< a unit is left out */
    MIGP_MUTATE_REPEAT = 4, /**< a unit comes twice, there or elsewhere */
    MIGP_MUTATE_RESIZE = 8, /**< payload grows or shrinks, or a number that
                                  says a size or a length changes */
    MIGP_MUTATE_RETAG = 16, /**< a tag, a section byte, a command, a flag or
                                  a packet's index becomes another one */
    MIGP_MUTATE_CUT = 32,   /**< the end is cut off, at or inside a unit */
    MIGP_MUTATE_FLIP = 64,  /**< bits inside one field flip */
    MIGP_MUTATE_ALL = 127   /**< any of them */
};

/** What happens to the numbers that frame what was changed. */
enum migp_mutate_framing {
    MIGP_MUTATE_FRAMING_ANY = 0,  /**< by chance, one or the other */
    MIGP_MUTATE_FRAMING_KEEP = 1, /**< sizes follow their payload, footers
                                        their section: the result can still be
                                        taken apart to its end */
    MIGP_MUTATE_FRAMING_BREAK = 2 /**< sizes, lengths and footers lie */
};

/** How to mutate; start from migp_mutate_options_init(). */
struct migp_mutate_options {
    size_t struct_size;  /**< sizeof(struct migp_mutate_options) */
    uint64_t seed;       /**< default 0 */
    uint32_t operations; /**< set of enum migp_mutation; default ALL */
    uint32_t framing;    /**< enum migp_mutate_framing; default ANY */
    uint32_t count;      /**< mutations one after the other, at most 64;
                              default 0: 1 to 4, by the seed */
    uint32_t page_size;  /**< target page bytes of a multifd channel; default
                              4096 */
};

/** One mutation that was made. */
struct migp_mutation_done {
    uint32_t operation; /**< enum migp_mutation, one bit */
    uint32_t framing;   /**< enum migp_mutate_framing: KEEP or BREAK */
    uint64_t offset;    /**< of the unit or field, in the bytes that this
                             mutation was given */
    uint64_t size;      /**< bytes of it */
    const char *unit;   /**< e.g. "section", "record DATA"; static */
    const char *field;  /**< e.g. "size"; "" for the whole unit; static */
};

/**
 * @brief Fill in the defaults.
 * @param options the object; NULL is allowed and does nothing
 * @since 0.1.0
 */
MIGP_API void migp_mutate_options_init(struct migp_mutate_options *options);

/**
 * @brief Mutate a stream.
 * @param bytes the stream, or any bytes
 * @param size number of bytes
 * @param[out] out where to write the result; may not overlap bytes
 * @param room bytes in out, > 0; the result is never longer, and of a longer
 *             input only so many bytes are looked at
 * @param options NULL for the defaults
 * @param[out] done array that tells what was done; NULL if max_done is 0
 * @param max_done room in done; 64 is always enough
 * @param[out] n_done entries written; may be NULL if max_done is 0
 * @return bytes of the result (0 only if size is 0), or
 *         MIGP_ERR_INVALID_ARGUMENT or MIGP_ERR_NO_MEMORY
 * @since 0.1.0
 */
MIGP_API migp_ssize migp_mutate(const void *bytes, size_t size, void *out,
                                size_t room,
                                const struct migp_mutate_options *options,
                                struct migp_mutation_done *done,
                                size_t max_done, size_t *n_done);

/**
 * @brief Tell an operation's name.
 * @param operation enum migp_mutation, one bit
 * @return "swap", "drop", "repeat", "resize", "retag", "cut" or "flip";
 *         "unknown" for what is none; static, never NULL
 * @since 0.1.0
 */
MIGP_API const char *migp_mutation_id(uint32_t operation);

#ifdef __cplusplus
}
#endif

#endif
