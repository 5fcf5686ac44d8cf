/* SPDX-License-Identifier: MIT */

/* Each allocation fails in turn: MIGP_ERR_NO_MEMORY, and nothing leaks (the
 * sanitizers and valgrind see to that). */

#include "cmocka_all.h"

#include "support/alloc_fail.h"
#include "support/file.h"

#include <migproto/migproto.h>
#include <stdlib.h>

static void fail_each(const char *name, uint32_t count)
{
    struct file file = golden_load(name);
    size_t room = 2 * file.size + 4096;
    uint8_t *out = malloc(room);
    struct migp_mutate_options options;
    size_t n;

    assert_non_null(out);
    migp_mutate_options_init(&options);
    options.seed = 3;
    options.count = count;
    for (n = 1;; n++) {
        migp_ssize size;

        alloc_fail_at(n);
        size = migp_mutate(file.bytes, file.size, out, room, &options, NULL, 0,
                           NULL);
        if (!alloc_failed()) {
            alloc_fail_at(0);
            assert_true(size >= 0);
            break;
        }
        alloc_fail_at(0);
        assert_int_equal(size, MIGP_ERR_NO_MEMORY);
        assert_true(n < 10000);
    }
    assert_true(n > 3);
    free(out);
    file_free(&file);
}

static void test_mutate__each_allocation(void **state)
{
    (void)state;
    fail_each("qemu/v10.1.0-loadready/main.bin", 1);
    fail_each("qemu/v10.1.0-loadready/main.bin", 3);
    fail_each("qemu/e-multifd/chan1.bin", 4);
    fail_each("mtty/mtty-1port-stopcopy-direct.bin", 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mutate__each_allocation),
    };

    return cmocka_run_group_tests_name("mutate_allocation", tests, NULL, NULL);
}
