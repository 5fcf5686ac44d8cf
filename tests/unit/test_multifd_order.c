/* SPDX-License-Identifier: MIT */
#include "cmocka_all.h"
#include "support/prng.h"

#include <migproto/multifd.h>
#include <stdlib.h>

static struct migp_multifd_order *order_of(uint32_t max_packets)
{
    struct migp_multifd_order *order;

    assert_int_equal(migp_multifd_order_new(&order, max_packets), MIGP_OK);
    return order;
}

static int add(struct migp_multifd_order *order, uint32_t index, uint32_t flags,
               struct migp_error *error)
{
    const struct migp_multifd_place place = {.index = index,
                                             .flags = flags,
                                             .offset = 1000 + (uint64_t)index,
                                             .size = index,
                                             .token = index + 7};

    return migp_multifd_order_add(order, &place, error);
}

static void assert_next(struct migp_multifd_order *order, uint32_t index)
{
    struct migp_multifd_place place;

    assert_int_equal(migp_multifd_order_next(order, &place), MIGP_OK);
    assert_int_equal(place.index, index);
    assert_true(place.offset == 1000 + index);
    assert_true(place.token == index + 7);
}

static void assert_no_next(struct migp_multifd_order *order, int code)
{
    struct migp_multifd_place place = {.index = 99};

    assert_int_equal(migp_multifd_order_next(order, &place), code);
    assert_int_equal(place.index, 99);
}

/* [MF-6] */
static void test_next__any_order_of_arrival(void **state)
{
    struct prng random = prng_start("unit_multifd_order");
    uint32_t indices[200], i, k, round;

    (void)state;
    for (round = 0; round < 200; round++) {
        uint32_t n = 1 + round;
        struct migp_multifd_order *order = order_of(n);

        for (i = 0; i < n; i++) {
            indices[i] = i;
        }
        for (i = n - 1; i > 0; i--) {
            uint32_t other = (uint32_t)prng_below(&random, i + 1);

            k = indices[i];
            indices[i] = indices[other];
            indices[other] = k;
        }
        for (i = 0; i < n; i++) {
            assert_int_equal(
                add(order, indices[i], indices[i] == n - 1 ? 1 : 0, NULL),
                MIGP_OK);
        }
        assert_true(migp_multifd_order_count(order) == n);
        assert_int_equal(migp_multifd_order_finish(order, NULL, NULL),
                         MIGP_ERR_STATE);
        for (i = 0; i < n; i++) {
            assert_next(order, i);
        }
        assert_no_next(order, MIGP_ERR_STATE);
        assert_int_equal(migp_multifd_order_finish(order, NULL, NULL), MIGP_OK);
        migp_multifd_order_free(order);
    }
}

/* As on a live connection: taken as soon as it is there. */
static void test_next__while_packets_arrive(void **state)
{
    struct migp_multifd_order *order = order_of(0);

    (void)state;
    assert_no_next(order, MIGP_ERR_NEED_MORE);
    assert_int_equal(add(order, 1, 0, NULL), MIGP_OK);
    assert_no_next(order, MIGP_ERR_NEED_MORE);
    assert_int_equal(add(order, 0, 0, NULL), MIGP_OK);
    assert_next(order, 0);
    assert_int_equal(add(order, 3, 1, NULL), MIGP_OK);
    assert_next(order, 1);
    assert_no_next(order, MIGP_ERR_NEED_MORE);
    assert_int_equal(add(order, 2, 0, NULL), MIGP_OK);
    assert_next(order, 2);
    assert_next(order, 3);
    assert_no_next(order, MIGP_ERR_STATE);
    migp_multifd_order_free(order);
}

static void assert_refused(struct migp_multifd_order *order, uint32_t index,
                           uint32_t flags, int code, uint32_t finding,
                           uint64_t expected)
{
    struct migp_error error = MIGP_ERROR_INIT;
    uint64_t count = migp_multifd_order_count(order);

    assert_int_equal(add(order, index, flags, &error), code);
    assert_int_equal(error.finding, finding);
    assert_true(error.expected == expected);
    assert_true(error.offset == 1000 + (uint64_t)index);
    assert_true(migp_multifd_order_count(order) == count);
}

/* [MF-6] */
static void test_add__refused(void **state)
{
    struct migp_multifd_order *order = order_of(10);

    (void)state;
    assert_refused(order, 10, 0, MIGP_ERR_LIMIT, MIGP_FINDING_PACKET_INDEX, 10);
    assert_refused(order, UINT32_MAX - 1, 0, MIGP_ERR_LIMIT,
                   MIGP_FINDING_PACKET_INDEX, 10);
    assert_refused(order, UINT32_MAX, 1, MIGP_ERR_LIMIT,
                   MIGP_FINDING_PACKET_INDEX, 10);
    assert_int_equal(add(order, 9, 0, NULL), MIGP_OK);
    assert_int_equal(add(order, 0, 0, NULL), MIGP_OK);
    assert_refused(order, 9, 0, MIGP_ERR_MALFORMED,
                   MIGP_FINDING_PACKET_REPEATED, 0);
    assert_next(order, 0);
    assert_refused(order, 0, 0, MIGP_ERR_MALFORMED,
                   MIGP_FINDING_PACKET_REPEATED, 0);
    assert_refused(order, 5, 1, MIGP_ERR_MALFORMED,
                   MIGP_FINDING_PACKET_AFTER_CONFIG, 5);
    migp_multifd_order_free(order);
    order = order_of(10);
    assert_int_equal(add(order, 1, 0, NULL), MIGP_OK);
    assert_refused(order, 0, 1, MIGP_ERR_MALFORMED,
                   MIGP_FINDING_PACKET_AFTER_CONFIG, 0);
    migp_multifd_order_free(order);
    order = order_of(10);
    assert_int_equal(add(order, 4, 0, NULL), MIGP_OK);
    assert_int_equal(add(order, 5, 1, NULL), MIGP_OK);
    assert_refused(order, 5, 1, MIGP_ERR_MALFORMED,
                   MIGP_FINDING_CONFIG_REPEATED, 5);
    assert_refused(order, 3, 1, MIGP_ERR_MALFORMED,
                   MIGP_FINDING_CONFIG_REPEATED, 5);
    assert_refused(order, 6, 0, MIGP_ERR_MALFORMED,
                   MIGP_FINDING_PACKET_AFTER_CONFIG, 5);
    assert_int_equal(add(order, 3, 0, NULL), MIGP_OK);
    migp_multifd_order_free(order);
}

/* [MF-6] */
static void test_finish__what_is_missing(void **state)
{
    struct migp_multifd_order *order = order_of(0);
    struct migp_multifd_place beside = {.index = 77};
    struct migp_error error = MIGP_ERROR_INIT;

    (void)state;
    assert_int_equal(migp_multifd_order_finish(order, &beside, &error),
                     MIGP_ERR_TRUNCATED);
    assert_int_equal(error.finding, MIGP_FINDING_CONFIG_MISSING);
    assert_true(error.value == 0 && beside.index == 0);
    assert_int_equal(add(order, 2, 0, NULL), MIGP_OK);
    assert_int_equal(add(order, 4, 1, NULL), MIGP_OK);
    assert_int_equal(migp_multifd_order_finish(order, &beside, &error),
                     MIGP_ERR_TRUNCATED);
    assert_int_equal(error.finding, MIGP_FINDING_PACKET_MISSING);
    assert_true(error.value == 0 && error.expected == 4);
    assert_true(error.offset == 1002 && beside.index == 2);
    migp_multifd_order_free(order);
    order = order_of(0);
    assert_int_equal(add(order, 0, 0, NULL), MIGP_OK);
    assert_int_equal(add(order, 1, 0, NULL), MIGP_OK);
    assert_next(order, 0);
    assert_next(order, 1);
    assert_int_equal(migp_multifd_order_finish(order, &beside, &error),
                     MIGP_ERR_TRUNCATED);
    assert_int_equal(error.finding, MIGP_FINDING_CONFIG_MISSING);
    assert_true(error.value == 2 && error.offset == 1001);
    migp_multifd_order_free(order);
}

static void test_arguments(void **state)
{
    struct migp_multifd_order *order = NULL;
    struct migp_multifd_place place = {.index = 0};

    (void)state;
    assert_int_equal(migp_multifd_order_new(NULL, 0),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(
        migp_multifd_order_new(&order, MIGP_MAX_PACKETS_CEILING + 1),
        MIGP_ERR_INVALID_ARGUMENT);
    assert_null(order);
    order = order_of(1);
    assert_int_equal(migp_multifd_order_add(NULL, &place, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_multifd_order_add(order, NULL, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_multifd_order_next(NULL, &place),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_multifd_order_next(order, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_multifd_order_finish(NULL, NULL, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_true(migp_multifd_order_count(NULL) == 0);
    migp_multifd_order_free(order);
    migp_multifd_order_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_next__any_order_of_arrival),
        cmocka_unit_test(test_next__while_packets_arrive),
        cmocka_unit_test(test_add__refused),
        cmocka_unit_test(test_finish__what_is_missing),
        cmocka_unit_test(test_arguments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
