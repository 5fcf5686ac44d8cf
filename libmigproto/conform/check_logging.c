/* SPDX-License-Identifier: MIT */
#include "conform/table.h"

#include "device/uapi.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define PAGE UINT64_C(4096)
#define BASE (UINT64_C(64) << 20)
#define LENGTH (UINT64_C(1) << 20) /* 256 pages */
#define WORDS 4
/* A driver that writes behind the bitmap must not hit anything else. */
#define ROOM (WORDS + 4)

/* More than a page of any size that Linux has can hold, so too many. */
#define TOO_MANY 4097

typedef struct migp_vfio_feature_logging_range log_range;

static int start_ranges(struct migp_kit *kit, const log_range *ranges,
                        uint32_t n, uint64_t *page)
{
    struct migp_vfio_feature_logging_control control = {
        *page, n, 0, (uint64_t)(uintptr_t)ranges};
    int result = migp_kit_feature(
        kit, 32, MIGP_FEATURE_DMA_LOGGING_START | MIGP_VFIO_FEATURE_SET,
        &control, sizeof(control));

    if (result == 0) {
        kit->logging = true;
        *page = control.page_size;
    }
    return result;
}

static int start(struct migp_kit *kit, uint64_t *page)
{
    const log_range range = {BASE, LENGTH};

    *page = PAGE;
    return start_ranges(kit, &range, 1, page);
}

static int stop(struct migp_kit *kit)
{
    kit->logging = false;
    return migp_kit_feature(
        kit, 8, MIGP_FEATURE_DMA_LOGGING_STOP | MIGP_VFIO_FEATURE_SET, NULL, 0);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): bits are written to. */
static int report(struct migp_kit *kit, uint64_t page, uint64_t *words)
{
    struct migp_vfio_feature_logging_report payload = {
        BASE, LENGTH, page, (uint64_t)(uintptr_t)words};

    return migp_kit_feature(
        kit, 40, MIGP_FEATURE_DMA_LOGGING_REPORT | MIGP_VFIO_FEATURE_GET,
        &payload, sizeof(payload));
}

static bool has_logging(struct migp_kit *kit)
{
    int result =
        migp_kit_feature(kit, 8,
                         MIGP_FEATURE_DMA_LOGGING_START |
                             MIGP_VFIO_FEATURE_PROBE | MIGP_VFIO_FEATURE_SET,
                         NULL, 0);

    return result == 0 || migp_kit_skip(kit, "the device has no DMA logging");
}

/* Start, and see that REPORT answers at all: kernels without IOMMUFD say
 * EOPNOTSUPP. False if the verdict is told. */
static bool begin(struct migp_kit *kit)
{
    uint64_t words[ROOM] = {0};
    uint64_t page;
    int result;

    if (!has_logging(kit)) {
        return false;
    }
    result = start(kit, &page);
    if (result != 0) {
        return migp_kit_skip(kit, "DMA_LOGGING_START answers %s; see 33",
                             migp_kit_answer(result));
    }
    result = report(kit, PAGE, words);
    if (result == 0) {
        return true;
    }
    (void)stop(kit);
    return migp_kit_skip(kit, "REPORT answers %s%s", migp_kit_answer(result),
                         result == -EOPNOTSUPP ? "" : "; see 33");
}

/* --- 32, 33: START, STOP -------------------------------------------------- */

static void expect_start(struct migp_kit *kit, const char *what,
                         const log_range *ranges, uint32_t n, int expected)
{
    uint64_t page = PAGE;
    int result = start_ranges(kit, ranges, n, &page);

    if (result == 0) {
        (void)stop(kit);
    }
    if (result != expected) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE, "START with %s answers %s, not %s",
                      what, migp_kit_answer(result), migp_kit_answer(expected));
    }
}

static void check_too_many(struct migp_kit *kit)
{
    log_range *ranges = (log_range *)(void *)kit->scratch;
    size_t i;

    for (i = 0; i < TOO_MANY; i++) {
        ranges[i].iova = BASE + i * 2 * PAGE;
        ranges[i].length = PAGE;
    }
    expect_start(kit, "4097 ranges", ranges, TOO_MANY, -E2BIG);
}

void migp_check_logging_ranges(struct migp_kit *kit)
{
    static const log_range good = {BASE, LENGTH};
    static const log_range odd_iova = {BASE + 1, LENGTH};
    static const log_range odd_length = {BASE, LENGTH + 1};
    static const log_range overlapping[] = {{BASE, LENGTH},
                                            {BASE + LENGTH / 2, LENGTH}};
    static const log_range overflowing = {UINT64_MAX - PAGE + 1, 2 * PAGE};

    if (!has_logging(kit)) {
        return;
    }
    expect_start(kit, "no range", &good, 0, -EINVAL);
    expect_start(kit, "a start that is no page", &odd_iova, 1, -EINVAL);
    expect_start(kit, "a length that is no page", &odd_length, 1, -EINVAL);
    expect_start(kit, "overlapping ranges", overlapping, 2, -EINVAL);
    expect_start(kit, "a range beyond the end", &overflowing, 1, -EOVERFLOW);
    check_too_many(kit);
}

static void check_unstarted(struct migp_kit *kit, const char *when)
{
    uint64_t words[ROOM] = {0};

    if (report(kit, PAGE, words) == 0) {
        migp_kit_fail(kit, MIGP_ASPECT_REPORT, "REPORT %s succeeds", when);
    }
}

static void expect_stop(struct migp_kit *kit, const char *when)
{
    int result = stop(kit);

    if (result != 0) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE, "STOP %s answers %s", when,
                      migp_kit_answer(result));
    }
}

void migp_check_logging_order(struct migp_kit *kit)
{
    uint64_t words[ROOM] = {0};
    uint64_t page;
    uint64_t other;
    int result;

    if (!has_logging(kit)) {
        return;
    }
    expect_stop(kit, "before START");
    check_unstarted(kit, "before START");
    result = start(kit, &page);
    if (result != 0) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE, "START of one range answers %s",
                      migp_kit_answer(result));
        return;
    }
    if (page == 0 || (page & (page - 1)) != 0) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "START returns a page_size of %llu",
                      (unsigned long long)page);
    }
    result = report(kit, PAGE, words);
    if (result != 0 && result != -EOPNOTSUPP) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "REPORT between START and STOP answers %s",
                      migp_kit_answer(result));
    }
    if (start(kit, &other) == 0) {
        migp_kit_fail(kit, MIGP_ASPECT_RESTART, "a second START succeeds");
    }
    expect_stop(kit, "after START");
    check_unstarted(kit, "after STOP");
    expect_stop(kit, "after STOP");
}

/* --- 34 to 37: REPORT ----------------------------------------------------- */

static bool any(const uint64_t *words)
{
    size_t i;

    for (i = 0; i < WORDS; i++) {
        if (words[i] != 0) {
            return true;
        }
    }
    return false;
}

static void check_bad_pages(struct migp_kit *kit)
{
    static const uint64_t bad[] = {0, 2048, 3 * PAGE};
    uint64_t words[ROOM] = {0};
    size_t i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int result = report(kit, bad[i], words);

        if (result != -EINVAL) {
            migp_kit_fail(kit, MIGP_ASPECT_RULE,
                          "REPORT with a page_size of %llu answers %s",
                          (unsigned long long)bad[i], migp_kit_answer(result));
        }
    }
}

static void check_kept_bits(struct migp_kit *kit)
{
    static const uint64_t pattern = UINT64_C(0x5555555555555555);
    uint64_t words[ROOM];
    size_t i;
    int result;

    for (i = 0; i < ROOM; i++) {
        words[i] = pattern;
    }
    result = report(kit, PAGE, words);
    for (i = 0; i < WORDS && result == 0; i++) {
        if ((words[i] & pattern) != pattern) {
            migp_kit_fail(kit, MIGP_ASPECT_RULE,
                          "REPORT clears bits of the bitmap");
            return;
        }
    }
    if (words[WORDS] != pattern) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE, "REPORT writes behind the bitmap");
    }
}

/* Bits that come again and again although each report takes them away. */
static void check_clears(struct migp_kit *kit)
{
    uint64_t all[WORDS];
    unsigned turn;
    size_t i;

    memset(all, 0xff, sizeof(all));
    for (turn = 0; turn < 3; turn++) {
        uint64_t words[ROOM] = {0};

        if (report(kit, PAGE, words) != 0) {
            return;
        }
        for (i = 0; i < WORDS; i++) {
            all[i] &= words[i];
        }
    }
    if (any(all)) {
        migp_kit_note(kit, "pages are dirty in three reports one after the "
                           "other; 36 looks at the stopped device");
    }
}

void migp_check_report(struct migp_kit *kit)
{
    if (!begin(kit)) {
        return;
    }
    check_bad_pages(kit);
    check_kept_bits(kit);
    check_clears(kit);
    (void)stop(kit);
}

static const uint64_t pages[] = {PAGE, 4 * PAGE, 64 * PAGE, LENGTH};

#define N_PAGES (sizeof(pages) / sizeof(pages[0]))

/* Of a device that is stopped and whose log is empty, in each size; 36 tells
 * if it does not become empty. */
static void check_empty_pages(struct migp_kit *kit)
{
    uint64_t words[ROOM] = {0};
    size_t i;

    if (!migp_kit_go(kit, MIGP_STATE_STOP)) {
        return;
    }
    (void)report(kit, PAGE, words);
    memset(words, 0, sizeof(words));
    if (report(kit, PAGE, words) != 0 || any(words)) {
        return;
    }
    for (i = 0; i < N_PAGES; i++) {
        if (report(kit, pages[i], words) == 0 && any(words)) {
            migp_kit_fail(kit, MIGP_ASPECT_RULE,
                          "pages of %llu bytes are dirty where no page of "
                          "%llu is",
                          (unsigned long long)pages[i],
                          (unsigned long long)PAGE);
            return;
        }
    }
}

/* That a coarse page is dirty where a fine one was cannot be seen: a report
 * takes away what it gives, and user space cannot have the same DMA twice. */
void migp_check_report_pages(struct migp_kit *kit)
{
    size_t i;

    if (!begin(kit)) {
        return;
    }
    for (i = 0; i < N_PAGES; i++) {
        const uint64_t bits = LENGTH / pages[i];
        uint64_t words[ROOM] = {0};
        int result = report(kit, pages[i], words);

        if (result != 0) {
            migp_kit_fail(kit, MIGP_ASPECT_RULE,
                          "REPORT with a page_size of %llu answers %s",
                          (unsigned long long)pages[i],
                          migp_kit_answer(result));
        } else if (bits < 64 && words[0] >> bits != 0) {
            migp_kit_fail(kit, MIGP_ASPECT_RULE,
                          "REPORT with a page_size of %llu sets bits beyond "
                          "the range",
                          (unsigned long long)pages[i]);
        }
    }
    check_empty_pages(kit);
    (void)stop(kit);
    migp_kit_partial(kit, "that coarse pages cover what fine ones do was not "
                          "looked at: it takes known DMA");
}

void migp_check_report_stopped(struct migp_kit *kit)
{
    uint64_t words[ROOM] = {0};
    int result;

    if (!begin(kit)) {
        return;
    }
    if (!migp_kit_go(kit, MIGP_STATE_STOP)) {
        (void)stop(kit);
        return;
    }
    /* The first takes what was written before the device stopped. */
    (void)report(kit, PAGE, words);
    memset(words, 0, sizeof(words));
    result = report(kit, PAGE, words);
    if (result != 0) {
        (void)migp_kit_skip(kit, "REPORT answers %s in STOP; see 37",
                            migp_kit_answer(result));
    } else if (any(words)) {
        migp_kit_fail(kit, MIGP_ASPECT_RULE,
                      "a stopped device has dirtied pages since the last "
                      "report");
    }
    (void)stop(kit);
}

/* A log that runs does not care where the device goes. */
static void check_log_lasts(struct migp_kit *kit)
{
    uint64_t words[ROOM] = {0};
    uint64_t page;
    int result;

    if (!migp_kit_reset(kit) || start(kit, &page) != 0) {
        return;
    }
    if (migp_kit_go(kit, MIGP_STATE_STOP_COPY) &&
        migp_kit_go(kit, MIGP_STATE_STOP)) {
        result = report(kit, PAGE, words);
        if (result != 0) {
            migp_kit_fail(kit, MIGP_ASPECT_LASTS,
                          "REPORT answers %s after STOP_COPY to STOP: the log "
                          "that was started in RUNNING is gone",
                          migp_kit_answer(result));
        }
    }
    (void)stop(kit);
}

void migp_check_logging_states(struct migp_kit *kit)
{
    uint32_t state;
    size_t n;

    if (!begin(kit)) {
        return;
    }
    for (n = 0; migp_kit_state(kit, n, &state); n++) {
        uint64_t words[ROOM] = {0};
        uint64_t page;
        int result;

        if (!migp_kit_reset(kit) || !migp_kit_go(kit, state)) {
            return;
        }
        result = start(kit, &page);
        if (result == 0) {
            result = report(kit, PAGE, words);
        }
        if (result == 0) {
            result = stop(kit);
        }
        if (result != 0) {
            migp_kit_fail(kit, MIGP_ASPECT_RULE, "DMA logging answers %s in %s",
                          migp_kit_answer(result), migp_state_name(state));
        }
    }
    check_log_lasts(kit);
}
