/* SPDX-License-Identifier: MIT */

/* The shared object that AFL++ loads, loaded and driven as AFL++ does. */

#include "cmocka_all.h"

#include "support/file.h"

#include <dlfcn.h>
#include <string.h>

typedef void *(*init_function)(void *afl, unsigned int seed);
typedef size_t (*fuzz_function)(void *data, uint8_t *bytes, size_t size,
                                uint8_t **out, const uint8_t *other,
                                size_t other_size, size_t max_size);
typedef void (*deinit_function)(void *data);

static struct {
    void *library;
    init_function init;
    fuzz_function fuzz;
    deinit_function deinit;
} mutator;

/* ISO C has no conversion from an object's address to a function's. */
static void find(const char *name, void *function)
{
    void *symbol = dlsym(mutator.library, name);

    assert_non_null(symbol);
    memcpy(function, &symbol, sizeof(symbol));
}

static int load(void **state)
{
    (void)state;
    mutator.library = dlopen(MIGP_AFL_MUTATOR, RTLD_NOW | RTLD_LOCAL);
    if (mutator.library == NULL) {
        print_error("%s\n", dlerror());
        return -1;
    }
    find("afl_custom_init", &mutator.init);
    find("afl_custom_fuzz", &mutator.fuzz);
    find("afl_custom_deinit", &mutator.deinit);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    return dlclose(mutator.library);
}

static uint8_t *copy_of(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size);

    assert_non_null(copy);
    memcpy(copy, bytes, size);
    return copy;
}

static void test_fuzz__changes_within_the_limit(void **state)
{
    struct file file = golden_load("qemu/v10.1.0-loadready/main.bin");
    void *left = mutator.init(NULL, 7);
    void *right = mutator.init(NULL, 7);
    size_t changed = 0;
    unsigned i;

    (void)state;
    assert_non_null(left);
    assert_non_null(right);
    for (i = 0; i < 50; i++) {
        size_t most = file.size + 16 * (size_t)i;
        uint8_t *out, *again;
        size_t size =
            mutator.fuzz(left, file.bytes, file.size, &out, NULL, 0, most);

        assert_true(size > 0 && size <= most);
        assert_ptr_not_equal(out, file.bytes);
        changed += size != file.size || memcmp(out, file.bytes, size) != 0;
        /* the same seed draws the same row of results */
        assert_int_equal(
            mutator.fuzz(right, file.bytes, file.size, &again, NULL, 0, most),
            size);
        assert_memory_equal(out, again, size);
    }
    assert_int_equal(changed, 50);
    mutator.deinit(left);
    mutator.deinit(right);
    file_free(&file);
}

/* AFL++ feeds a result back in as the next input. */
static void test_fuzz__its_own_results(void **state)
{
    struct file file = golden_load("qemu/e-multifd/chan1.bin");
    void *data = mutator.init(NULL, 1);
    size_t size = file.size;
    uint8_t *bytes = copy_of(file.bytes, size);
    unsigned i;

    (void)state;
    for (i = 0; i < 100 && size > 0; i++) {
        uint8_t *out;
        size_t got = mutator.fuzz(data, bytes, size, &out, NULL, 0, 1 << 20);

        free(bytes);
        assert_in_range(got, 0, 1 << 20);
        size = got;
        bytes = copy_of(got > 0 ? out : file.bytes, got > 0 ? got : 1);
    }
    free(bytes);
    mutator.deinit(data);
    file_free(&file);
}

static void test_fuzz__nothing_and_no_room(void **state)
{
    void *data = mutator.init(NULL, 0);
    uint8_t none[1] = {0};
    uint8_t *out = NULL;

    (void)state;
    assert_int_equal(mutator.fuzz(data, none, 0, &out, NULL, 0, 100), 0);
    assert_non_null(out); /* or AFL++ 4.04 ends itself */
    out = NULL;
    assert_int_equal(mutator.fuzz(data, none, 1, &out, NULL, 0, 0), 0);
    assert_non_null(out);
    mutator.deinit(data);
    mutator.deinit(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fuzz__changes_within_the_limit),
        cmocka_unit_test(test_fuzz__its_own_results),
        cmocka_unit_test(test_fuzz__nothing_and_no_room),
    };

    return cmocka_run_group_tests_name("afl_mutator", tests, load, unload);
}
