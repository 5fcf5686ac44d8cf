/* SPDX-License-Identifier: MIT */
#include "conform/table.h"

#include "device/fsm.h"
#include "device/uapi.h"

#include <stddef.h>
#include <string.h>

/* Bytes at the start of a stream that are turned over: a magic number of every
 * driver that has one, a length far beyond any that mlx5 and virtio take. */
#define HEADER 8

/* Bytes behind the end: as a record, again one that is far too long. */
#define TAIL 64

/* A load: a stream in pieces, with one thing wrong. */
struct load {
    const char *what;
    const uint8_t *bytes;
    size_t size;
    enum migp_cut cut;
    bool damaged;  /* the first HEADER bytes turned over */
    bool trailing; /* and bytes behind the end */
};

/* How it went. */
struct loaded {
    int written; /* 0 or the error of the write */
    size_t done;
    int stopped; /* of RESUMING to STOP; 0 if it was not reached */
};

/* From a reset device through RESUMING to STOP; false if the verdict is told. A
 * refused write is final here: what comes after it is the matter of 30. */
static bool load(struct migp_kit *kit, const struct load *load,
                 struct loaded *loaded)
{
    uint8_t head[HEADER];
    size_t at = 0;
    int32_t fd = -2;
    size_t i;

    memset(loaded, 0, sizeof(*loaded));
    if (!migp_kit_prepare(kit, false) ||
        !migp_kit_go(kit, MIGP_STATE_RESUMING)) {
        return false;
    }
    if (load->damaged) {
        at = load->size < HEADER ? load->size : HEADER;
        for (i = 0; i < at; i++) {
            head[i] = load->bytes[i] ^ 0xff;
        }
        loaded->written =
            migp_kit_pour(kit, head, at, load->cut, &loaded->done);
    }
    if (loaded->written == 0) {
        size_t more;

        loaded->written = migp_kit_pour(kit, load->bytes + at, load->size - at,
                                        load->cut, &more);
        loaded->done += more;
    }
    if (loaded->written == 0 && load->trailing) {
        uint8_t tail[TAIL];
        size_t more;

        memset(tail, 0xff, sizeof(tail));
        loaded->written =
            migp_kit_pour(kit, tail, sizeof(tail), load->cut, &more);
    }
    if (loaded->written == 0) {
        loaded->stopped = migp_kit_set(kit, MIGP_STATE_STOP, &fd);
    }
    return true;
}

static struct load whole(const struct migp_kit *kit, enum migp_cut cut)
{
    const struct load load = {"the whole stream",
                              kit->image.bytes,
                              kit->image.size,
                              cut,
                              false,
                              false};

    return load;
}

static bool refused(const struct loaded *loaded)
{
    return loaded->written != 0 || loaded->stopped != 0;
}

/* --- 26, 27: what must load ---------------------------------------------- */

#define NOTHING_TO_TELL                                                        \
    "a reset device saves the same as was loaded: a load that does nothing "   \
    "would look the same"

/* A stream that a reset device would not give, where there is a way to it. */
static bool save_other(struct migp_kit *kit, struct migp_blob *blob)
{
    if (!migp_kit_prepare(kit, true)) {
        return false;
    }
    if (!kit->change.known && kit->given.size > 0) {
        return migp_blob_add(kit, blob, kit->given.bytes, kit->given.size);
    }
    return migp_kit_go(kit, MIGP_STATE_STOP) && migp_kit_save(kit, blob);
}

/* plain: what the device saved before it was loaded. */
static void judge_again(struct migp_kit *kit, const struct migp_blob *first,
                        const struct migp_blob *plain,
                        const struct migp_blob *second)
{
    if (migp_blob_same(first, second)) {
        if (migp_blob_same(first, plain)) {
            migp_kit_partial(kit, NOTHING_TO_TELL);
        }
    } else if (migp_blob_same(second, plain)) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "the load succeeds, but the device saves what it saved "
                      "before it");
    } else {
        migp_kit_fail(kit, MIGP_ASPECT_DIFFERS,
                      "what was loaded is saved differently: %zu and %zu bytes",
                      first->size, second->size);
    }
}

static void check_again(struct migp_kit *kit, const struct migp_blob *first,
                        const struct migp_blob *plain)
{
    const struct load same = {"its own stream", first->bytes, first->size,
                              MIGP_CUT_LARGE,   false,        false};
    struct migp_blob second = {0};
    struct loaded loaded;

    if (!load(kit, &same, &loaded)) {
        return;
    }
    if (refused(&loaded)) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "%s its own stream is refused with %s",
                      loaded.written != 0 ? "in write()" : "in STOP",
                      migp_kit_answer(loaded.written != 0 ? loaded.written
                                                          : loaded.stopped));
        return;
    }
    if (migp_kit_save(kit, &second)) {
        judge_again(kit, first, plain, &second);
    }
    migp_blob_free(&second);
    (void)migp_kit_go(kit, MIGP_STATE_RUNNING);
}

void migp_check_round_trip(struct migp_kit *kit)
{
    struct migp_blob first = {0};
    struct migp_blob plain = {0};

    if (save_other(kit, &first) && migp_kit_prepare(kit, false) &&
        migp_kit_go(kit, MIGP_STATE_STOP) && migp_kit_save(kit, &plain)) {
        check_again(kit, &first, &plain);
    }
    migp_blob_free(&first);
    migp_blob_free(&plain);
    (void)(kit->lost || migp_kit_prepare(kit, false));
}

/* Load in one piece and save; false if the verdict is told. */
static bool save_loaded(struct migp_kit *kit, const struct load *large,
                        struct migp_blob *blob)
{
    struct loaded loaded;

    if (!load(kit, large, &loaded)) {
        return false;
    }
    if (refused(&loaded)) {
        return migp_kit_skip(kit, "the device's own stream is refused; see 26");
    }
    return migp_kit_save(kit, blob);
}

/* wanted: what the device saves after a load in one piece; NULL: not the same
 * each time. */
static void check_cut(struct migp_kit *kit, const struct load *cut,
                      const struct migp_blob *wanted)
{
    struct migp_blob blob = {0};
    struct loaded loaded;

    if (!load(kit, cut, &loaded)) {
        return;
    }
    if (refused(&loaded)) {
        migp_kit_fail(
            kit, MIGP_ASPECT_RULE,
            "the stream in %s pieces is refused with %s after %zu bytes",
            cut->what,
            migp_kit_answer(loaded.written != 0 ? loaded.written
                                                : loaded.stopped),
            loaded.done);
        return;
    }
    if (wanted != NULL && migp_kit_save(kit, &blob) &&
        !migp_blob_same(wanted, &blob)) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "the stream in %s pieces loads another state than in "
                      "one",
                      cut->what);
    }
    migp_blob_free(&blob);
}

static void check_cuts(struct migp_kit *kit, const struct migp_blob *stream)
{
    const struct load large = {"large",        stream->bytes, stream->size,
                               MIGP_CUT_LARGE, false,         false};
    struct load odd = large;
    struct load small = large;
    struct migp_blob wanted = {0};
    struct migp_blob again = {0};

    odd.what = "odd";
    odd.cut = MIGP_CUT_ODD;
    small.what = "small";
    small.cut = MIGP_CUT_BYTES;
    if (save_loaded(kit, &large, &wanted) && save_loaded(kit, &large, &again)) {
        const bool stable = migp_blob_same(&wanted, &again);

        migp_blob_free(&again);
        if (!stable) {
            migp_kit_partial(kit, "two saves after the same load differ: only "
                                  "that it is taken was looked at");
        } else if (migp_blob_same(&wanted, &kit->image)) {
            migp_kit_partial(kit, NOTHING_TO_TELL);
        }
        check_cut(kit, &odd, stable ? &wanted : NULL);
        check_cut(kit, &small, stable ? &wanted : NULL);
    }
    migp_blob_free(&wanted);
    migp_blob_free(&again);
}

void migp_check_write_cuts(struct migp_kit *kit)
{
    struct migp_blob stream = {0};

    if (!migp_kit_need_image(kit)) {
        return;
    }
    if (save_other(kit, &stream)) {
        check_cuts(kit, &stream);
    }
    migp_blob_free(&stream);
    (void)(kit->lost || migp_kit_prepare(kit, false));
}

/* --- 28, 29: what must not ----------------------------------------------- */

static void expect_refusal(struct migp_kit *kit, const struct load *bad,
                           uint32_t aspect)
{
    struct loaded loaded;

    if (load(kit, bad, &loaded) && !refused(&loaded)) {
        migp_kit_fail(kit, aspect, "%s is accepted (%zu of %zu bytes)",
                      bad->what, bad->size, kit->image.size);
    }
}

/* The k-th place to cut the stream at: short of known headers, at their ends,
 * in the middle, before the last byte. 0: no more. */
static size_t cut_at(const struct migp_kit *kit, size_t k)
{
    const size_t size = kit->image.size;
    const size_t places[] = {1,       16, 24, 40, 92, size / 2, size - size / 8,
                             size - 1};

    for (; k < sizeof(places) / sizeof(places[0]); k++) {
        if (places[k] > 0 && places[k] < size) {
            return places[k];
        }
    }
    return 0;
}

void migp_check_bad_loads(struct migp_kit *kit)
{
    struct load bad;
    size_t k;

    if (!migp_kit_need_image(kit)) {
        return;
    }
    bad = whole(kit, MIGP_CUT_LARGE);
    bad.what = "an empty stream";
    bad.size = 0;
    expect_refusal(kit, &bad, MIGP_ASPECT_EMPTY);

    bad.what = "a truncated stream";
    for (k = 0; (bad.size = cut_at(kit, k)) != 0; k++) {
        expect_refusal(kit, &bad, MIGP_ASPECT_TRUNCATED);
    }

    bad = whole(kit, MIGP_CUT_LARGE);
    bad.what = "a stream with a damaged header";
    bad.damaged = true;
    expect_refusal(kit, &bad, MIGP_ASPECT_HEADER);

    bad = whole(kit, MIGP_CUT_LARGE);
    bad.what = "a stream with bytes behind its end";
    bad.trailing = true;
    expect_refusal(kit, &bad, MIGP_ASPECT_TRAILING);
}

static void check_left(struct migp_kit *kit, const struct load *bad,
                       unsigned *failures)
{
    uint32_t now = MIGP_STATE_COUNT;
    struct loaded loaded;

    if (!load(kit, bad, &loaded) || !refused(&loaded)) {
        return;
    }
    ++*failures;
    (void)migp_kit_get(kit, &now, NULL);
    if (now != MIGP_STATE_RESUMING && now != MIGP_STATE_ERROR) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE, "%s is refused and leaves %s",
                      bad->what, migp_state_name(now));
    }
    kit->reset_broken = false;
    if (migp_kit_reset(kit) && kit->reset_broken) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "RESET does not lead out of %s after %s",
                      migp_state_name(now), bad->what);
    }
}

void migp_check_failed_load(struct migp_kit *kit)
{
    unsigned failures = 0;
    struct load bad;

    if (!migp_kit_need_image(kit)) {
        return;
    }
    bad = whole(kit, MIGP_CUT_LARGE);
    bad.what = "an empty stream";
    bad.size = 0;
    check_left(kit, &bad, &failures);
    bad.what = "a truncated stream";
    bad.size = kit->image.size / 2;
    check_left(kit, &bad, &failures);
    bad = whole(kit, MIGP_CUT_LARGE);
    bad.what = "a stream with a damaged header";
    bad.damaged = true;
    check_left(kit, &bad, &failures);
    if (failures == 0 && !kit->lost) {
        (void)migp_kit_skip(kit, "no load could be made to fail; see 28");
    }
}

/* --- 30: after a refusal -------------------------------------------------- */

/* Small pieces at the start, so that only few bytes are in the one that is
 * refused. Returns how many writes failed; *after: bytes accepted later. */
static unsigned write_on(struct migp_kit *kit, size_t *after)
{
    const uint8_t *bytes = kit->image.bytes;
    const size_t size = kit->image.size;
    unsigned failures = 0;
    size_t at = 0;

    *after = 0;
    while (at < size) {
        size_t piece = at < 4096 ? 1 : MIGP_SCRATCH;
        uint8_t turned;
        migp_ssize n;

        if (piece > size - at) {
            piece = size - at;
        }
        turned = bytes[at] ^ 0xff;
        n = migp_kit_write(kit, kit->session,
                           at < HEADER ? &turned : bytes + at, piece);
        if (n <= 0) {
            failures++;
            at += piece; /* its bytes may have been kept */
            continue;
        }
        at += (size_t)n;
        *after += failures > 0 ? (size_t)n : 0;
    }
    return failures;
}

/* xe of 6.19.0 to 6.19.10 uses freed memory then (CVE-2026-31490). */
static bool crashes(struct migp_kit *kit)
{
    char name[64];

    return (kit->flags & MIGP_CONFORM_ALLOW_DANGEROUS) == 0 &&
           migp_kit_fd_name(kit, kit->session, name, sizeof(name)) &&
           strcmp(name, "xe_vfio_mig") == 0;
}

void migp_check_refused_write(struct migp_kit *kit)
{
    unsigned failures;
    int32_t fd = -2;
    size_t after;

    if (!migp_kit_need_image(kit) || !migp_kit_go(kit, MIGP_STATE_RESUMING)) {
        return;
    }
    if (crashes(kit)) {
        (void)migp_kit_skip(kit, "dangerous with xe, only if asked for "
                                 "(CVE-2026-31490)");
        return;
    }
    failures = write_on(kit, &after);
    if (failures == 0) {
        (void)migp_kit_skip(kit, "no write is refused");
        return;
    }
    if (after > 0 && migp_kit_set(kit, MIGP_STATE_STOP, &fd) == 0) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "%zu bytes are accepted after a refused write, and the "
                      "load succeeds",
                      after);
    }
}

/* --- 31 ------------------------------------------------------------------- */

void migp_check_load_abort(struct migp_kit *kit)
{
    uint32_t now = MIGP_STATE_COUNT;
    int session;

    if (!migp_kit_go(kit, MIGP_STATE_RESUMING)) {
        return;
    }
    /* A reset closes the session; this one is looked at afterwards. */
    session = kit->session;
    kit->session = -1;
    kit->reset_broken = false;
    if (migp_kit_reset(kit)) {
        if (kit->reset_broken || migp_kit_get(kit, &now, NULL) != 0 ||
            now != MIGP_STATE_RUNNING) {
            migp_kit_fail(kit, MIGP_ASPECT_RULE,
                          "RESET in RESUMING does not lead to RUNNING");
        } else if ((kit->flags & MIGP_CONFORM_ALLOW_DANGEROUS) == 0) {
            migp_kit_partial(kit, "a write after the reset was not tried: "
                                  "dangerous");
        } else if (migp_kit_write(kit, session, kit->scratch, 1) >= 0) {
            migp_kit_fail(kit, MIGP_ASPECT_RULE,
                          "the data_fd still takes data after RESET");
        }
    }
    migp_kit_close(kit, &session);
}
