/* SPDX-License-Identifier: MIT */
#include "support/alloc_fail.h"

#include <stdlib.h>

static size_t fail_at;
static size_t count;
static bool failed;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);

void alloc_fail_at(size_t n)
{
    fail_at = n;
    count = 0;
    failed = false;
}

size_t alloc_count(void)
{
    return count;
}

bool alloc_failed(void)
{
    return failed;
}

static bool this_one_fails(void)
{
    count++;
    if (count == fail_at) {
        failed = true;
        return true;
    }
    return false;
}

void *__wrap_malloc(size_t size)
{
    return this_one_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return this_one_fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return this_one_fails() ? NULL : __real_realloc(old, size);
}
