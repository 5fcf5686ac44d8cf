/* SPDX-License-Identifier: MIT */
#include "device/sim/simulated.h"
#include "device/uapi.h"

#include <errno.h>
#include <string.h>

/*
 * DMA logging: START, STOP and REPORT. The checks that come before a driver
 * is asked stand in the kernel's order. Source: linux v6.12
 * drivers/vfio/vfio_main.c (facts only); docs/protocol.md.
 */

#define PAGE_MAX (UINT64_C(2) << 20)

/* A pointer as it stands in an argument. */
static void *pointer_of(uint64_t address)
{
    uintptr_t value = (uintptr_t)address;
    void *pointer;

    memcpy(&pointer, &value, sizeof(pointer));
    return pointer;
}

static bool power_of_two(uint64_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

/* The granule that the device takes for the one it was asked for. */
static uint64_t choose_page(uint64_t hint)
{
    uint64_t page = SIM_PAGE;

    while (page < PAGE_MAX && page * 2 <= hint) {
        page *= 2;
    }
    return page;
}

/* By the kernel's mask, whether page is a power of two or not. */
static bool misaligned(const struct migp_vfio_feature_logging_range *range,
                       uint64_t page)
{
    return ((range->iova | range->length) & (page - 1)) != 0;
}

/* The n-th range against those before it. */
static int check_range(const struct migp_sim *sim,
                       const struct migp_vfio_feature_logging_range *range,
                       uint64_t page, struct sim_span *ranges, uint32_t n)
{
    struct sim_span *out = &ranges[n];
    uint32_t i;

    if (misaligned(range, page)) {
        return -EINVAL;
    }
    if (range->iova > UINT64_MAX - range->length) {
        return -EOVERFLOW;
    }
    out->start = range->iova;
    out->end = range->iova + range->length;
    for (i = 0; i < n; i++) {
        const struct sim_span *other = &ranges[i];

        if (out->start < other->end && other->start < out->end &&
            !sim_broken(sim, SIM_BREAK_OVERLAP)) {
            return -EINVAL;
        }
    }
    return 0;
}

static int read_ranges(const struct migp_sim *sim,
                       const struct migp_vfio_feature_logging_control *control,
                       struct sim_span *ranges)
{
    const void *from = pointer_of(control->ranges);
    uint32_t i;

    if (control->num_ranges == 0) {
        return -EINVAL;
    }
    if (control->num_ranges > SIM_MAX_RANGES) {
        return -E2BIG;
    }
    if (migp_sim_bad_pointer(from)) {
        return -EFAULT;
    }
    for (i = 0; i < control->num_ranges; i++) {
        struct migp_vfio_feature_logging_range range;
        int result;

        memcpy(&range, (const uint8_t *)from + i * sizeof(range),
               sizeof(range));
        result = check_range(sim, &range, control->page_size, ranges, i);
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

void migp_sim_logging_stop(struct migp_sim *sim)
{
    sim->logging.on = false;
    sim->logging.n_ranges = 0;
    sim->logging.n_runs = 0;
}

int migp_sim_logging_start(struct migp_sim *sim, void *payload)
{
    struct migp_vfio_feature_logging_control control;
    struct sim_span ranges[SIM_MAX_RANGES];
    int result;

    memcpy(&control, payload, sizeof(control));
    result = read_ranges(sim, &control, ranges);
    if (result == 0) {
        result = migp_sim_fault(sim, SIM_OP_START);
    }
    if (result != 0 || sim->quirk->logging == SIM_LOGGING_STUB) {
        return result;
    }
    if ((sim->logging.on && !sim_broken(sim, SIM_BREAK_SECOND_START)) ||
        (!migp_sim_running(sim) && sim_broken(sim, SIM_BREAK_LOGGING_STATE))) {
        return -EINVAL;
    }
    migp_sim_logging_stop(sim);
    memcpy(sim->logging.ranges, ranges, control.num_ranges * sizeof(ranges[0]));
    sim->logging.n_ranges = control.num_ranges;
    sim->logging.page = choose_page(control.page_size);
    sim->logging.on = true;
    control.page_size = sim->logging.page;
    memcpy(payload, &control, sizeof(control));
    return 0;
}

static void remove_run(struct sim_logging *logging, uint32_t at)
{
    logging->n_runs--;
    memmove(&logging->runs[at], &logging->runs[at + 1],
            (logging->n_runs - at) * sizeof(logging->runs[0]));
}

/* There is room for one more run before at. If there is none the two there
 * become one: more is then reported than was written, never less. */
static void insert_run(struct sim_logging *logging, uint32_t at,
                       struct sim_span run)
{
    if (logging->n_runs == SIM_MAX_RUNS) {
        uint32_t into = at > 0 ? at - 1 : 0;
        struct sim_span *near = &logging->runs[into];

        near->start = run.start < near->start ? run.start : near->start;
        near->end = run.end > near->end ? run.end : near->end;
        return;
    }
    memmove(&logging->runs[at + 1], &logging->runs[at],
            (logging->n_runs - at) * sizeof(logging->runs[0]));
    logging->runs[at] = run;
    logging->n_runs++;
}

static void add_run(struct sim_logging *logging, struct sim_span run)
{
    uint32_t at = 0;

    while (at < logging->n_runs && logging->runs[at].end < run.start) {
        at++;
    }
    while (at < logging->n_runs && logging->runs[at].start <= run.end) {
        const struct sim_span *other = &logging->runs[at];

        run.start = other->start < run.start ? other->start : run.start;
        run.end = other->end > run.end ? other->end : run.end;
        remove_run(logging, at);
    }
    insert_run(logging, at, run);
}

static void subtract(struct sim_logging *logging, struct sim_span span)
{
    uint32_t at = 0;

    while (at < logging->n_runs) {
        struct sim_span run = logging->runs[at];

        if (run.end <= span.start || run.start >= span.end) {
            at++;
            continue;
        }
        remove_run(logging, at);
        if (run.end > span.end) {
            const struct sim_span rest = {span.end, run.end};

            insert_run(logging, at, rest);
        }
        if (run.start < span.start) {
            const struct sim_span rest = {run.start, span.start};

            insert_run(logging, at, rest);
            at++;
        }
    }
}

/* A stopped device does no DMA. */
void migp_sim_dma_write(struct migp_sim *sim, uint64_t iova, uint64_t length)
{
    struct sim_logging *logging = &sim->logging;
    uint64_t end = length > UINT64_MAX - iova ? UINT64_MAX : iova + length;
    uint32_t i;

    if (!logging->on || length == 0 || !migp_sim_running(sim)) {
        return;
    }
    for (i = 0; i < logging->n_ranges; i++) {
        const struct sim_span *range = &logging->ranges[i];
        uint64_t mask = logging->page - 1;
        struct sim_span run = {iova, end};

        if (run.start >= range->end || run.end <= range->start) {
            continue;
        }
        run.start = run.start & ~mask;
        run.end =
            run.end > UINT64_MAX - mask ? UINT64_MAX : (run.end + mask) & ~mask;
        run.start = run.start < range->start ? range->start : run.start;
        run.end = run.end > range->end ? range->end : run.end;
        add_run(logging, run);
    }
}

static void set_bits(void *bitmap, uint64_t first, uint64_t last)
{
    uint8_t *words = bitmap;
    uint64_t bit = first;

    while (bit <= last) {
        uint64_t in_word = bit % 64;
        uint64_t n = last - bit < 63 - in_word ? last - bit : 63 - in_word;
        uint64_t mask = (UINT64_MAX >> (63 - n)) << in_word;
        uint64_t word;

        memcpy(&word, words + bit / 64 * 8, sizeof(word));
        word |= mask;
        memcpy(words + bit / 64 * 8, &word, sizeof(word));
        bit += n + 1;
    }
}

static bool inside_one_range(const struct sim_logging *logging,
                             const struct sim_span *span)
{
    uint32_t i;

    for (i = 0; i < logging->n_ranges; i++) {
        if (span->start >= logging->ranges[i].start &&
            span->end <= logging->ranges[i].end) {
            return true;
        }
    }
    return false;
}

static void fill_bitmap(struct migp_sim *sim, const struct sim_span *span,
                        uint64_t page, void *bitmap)
{
    struct sim_logging *logging = &sim->logging;
    uint32_t i;

    if (sim_broken(sim, SIM_BREAK_BITMAP)) {
        memset(bitmap, 0,
               (size_t)((span->end - span->start - 1) / page / 64 + 1) * 8);
    }
    for (i = 0; i < logging->n_runs; i++) {
        struct sim_span run = logging->runs[i];

        if (run.start < span->end && span->start < run.end) {
            run.start = run.start < span->start ? span->start : run.start;
            run.end = run.end > span->end ? span->end : run.end;
            set_bits(bitmap, (run.start - span->start) / page,
                     (run.end - 1 - span->start) / page);
        }
    }
    if (sim_broken(sim, SIM_BREAK_PHANTOM)) {
        set_bits(bitmap, 0, 0);
    }
    subtract(logging, *span);
}

int migp_sim_logging_report(struct migp_sim *sim, void *payload)
{
    struct migp_vfio_feature_logging_report report;
    struct sim_span span;
    void *bitmap;
    int result;

    memcpy(&report, payload, sizeof(report));
    if (report.page_size < SIM_PAGE || !power_of_two(report.page_size)) {
        return -EINVAL;
    }
    if (report.iova > UINT64_MAX - report.length) {
        return -EOVERFLOW;
    }
    result = migp_sim_fault(sim, SIM_OP_REPORT);
    if (result != 0 || sim->quirk->logging == SIM_LOGGING_STUB) {
        return result;
    }
    if (!sim->logging.on) {
        return sim_broken(sim, SIM_BREAK_UNSTARTED) ? 0 : -EINVAL;
    }
    span.start = report.iova;
    span.end = report.iova + report.length;
    bitmap = pointer_of(report.bitmap);
    if (report.length == 0 || (sim->quirk->logging == SIM_LOGGING_ONE_RANGE &&
                               !inside_one_range(&sim->logging, &span))) {
        return -EINVAL;
    }
    if (migp_sim_bad_pointer(bitmap)) {
        return -EFAULT;
    }
    fill_bitmap(sim, &span, report.page_size, bitmap);
    return 0;
}
