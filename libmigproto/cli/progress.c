/* SPDX-License-Identifier: MIT */
#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Smaller files are read before anyone can wonder. */
#define SMALLEST ((uint64_t)64 << 20)
#define REDRAW_MS 100
#define BAR_WIDTH 40

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void migp_progress_start(struct migp_progress *progress, uint64_t total)
{
    progress->total = total;
    progress->drawn = false;
    progress->wanted = total > SMALLEST && isatty(STDERR_FILENO) != 0;
    progress->last = progress->wanted ? now_ms() : 0;
}

void migp_progress_update(struct migp_progress *progress, uint64_t done)
{
    char bar[BAR_WIDTH + 1];
    unsigned int percent;
    size_t filled;
    uint64_t now;

    if (!progress->wanted) {
        return;
    }
    now = now_ms();
    if (now - progress->last < REDRAW_MS) {
        return;
    }
    progress->last = now;
    progress->drawn = true;
    if (done > progress->total) {
        done = progress->total;
    }
    /* total is over 64 MiB, so dividing first loses nothing that shows. */
    percent = (unsigned int)(done / (progress->total / 100));
    if (percent > 100) {
        percent = 100;
    }
    filled = (size_t)percent * BAR_WIDTH / 100;
    memset(bar, '#', filled);
    memset(bar + filled, '.', BAR_WIDTH - filled);
    bar[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r[%s] %3u%% of %llu MiB", bar, percent,
            (unsigned long long)(progress->total >> 20));
    fflush(stderr);
}

void migp_progress_clear(struct migp_progress *progress)
{
    if (progress->drawn) {
        fprintf(stderr, "\r%*s\r", BAR_WIDTH + 30, "");
        fflush(stderr);
        progress->drawn = false;
    }
}
