/* SPDX-License-Identifier: MIT */

/* Each allocation of a connection fails in turn: nothing is lost but the call
 * that needed it, and nothing leaks (the sanitizers see to that). */

#include "unit/cmocka_all.h"

#include "device/vfio_user/client.h"
#include "support/alloc_fail.h"
#include "support/vu_peer.h"

#include <errno.h>
#include <migproto/vfio_user_serve.h>
#include <string.h>

static const uint8_t data[50000];

static void begin(struct vu_peer *peer, struct migp_vfio_user_options *how)
{
    vu_peer_init(peer, NULL);
    peer->data = data;
    peer->data_size = sizeof(data);
    vu_peer_options(peer, how);
    how->max_transfer = 4096;
}

static void test_connect__out_of_memory(void **state)
{
    struct vu_peer peer;
    struct migp_vfio_user_options how;
    struct migp_vfio_user *server;

    (void)state;
    begin(&peer, &how);
    alloc_fail_at(1);
    assert_int_equal(migp_vfio_user_connect(&server, &how, NULL),
                     MIGP_ERR_NO_MEMORY);
    assert_null(server);
    alloc_fail_at(0);
    assert_int_equal(peer.open, 0);
    vu_peer_free(&peer);
}

/* Read-ahead that cannot be kept: the request is not made, no byte is lost. */
static void test_settle__out_of_memory(void **state)
{
    const struct migp_device_ops *ops = migp_vfio_user_ops();
    struct vu_peer peer;
    struct migp_vfio_user_options how;
    struct migp_vfio_user *server;
    uint8_t bytes[4096];
    int session = MIGP_NO_SESSION;
    uint32_t now = 0;
    size_t done = 0;
    migp_ssize got;

    (void)state;
    begin(&peer, &how);
    assert_int_equal(migp_vfio_user_connect(&server, &how, NULL), MIGP_OK);
    assert_int_equal(ops->set_state(server, MIGP_STATE_PRE_COPY, &session), 0);
    do {
        got = ops->read(server, session, bytes, sizeof(bytes));
        assert_true(got > 0);
        done += (size_t)got;
    } while (server->session.n_reads == 0);
    alloc_fail_at(1);
    assert_int_equal(ops->get_state(server, &now), -ENOMEM);
    alloc_fail_at(0);
    assert_int_equal(ops->get_state(server, &now), 0);
    assert_int_equal(now, MIGP_STATE_PRE_COPY);
    while ((got = ops->read(server, session, bytes, sizeof(bytes))) > 0) {
        done += (size_t)got;
    }
    assert_int_equal(got, -ENOMSG);
    assert_int_equal(done, sizeof(data));
    migp_vfio_user_close(server);
    assert_int_equal(peer.open, 0);
    vu_peer_free(&peer);
}

static void test_maps_and_logs__out_of_memory(void **state)
{
    const struct migp_iova_range whole = {0, 4096};
    struct vu_peer peer;
    struct migp_vfio_user_options how;
    struct migp_vfio_user *server;
    struct migp_error error = MIGP_ERROR_INIT;
    size_t requests;

    (void)state;
    begin(&peer, &how);
    assert_int_equal(migp_vfio_user_connect(&server, &how, NULL), MIGP_OK);
    requests = peer.requests;
    alloc_fail_at(1);
    assert_int_equal(migp_vfio_user_dma_map(server, 0, 4096, 3, -1, 0, &error),
                     MIGP_ERR_SYSTEM);
    assert_int_equal(error.system_errno, ENOMEM);
    assert_int_equal(peer.requests, requests);
    alloc_fail_at(0);
    assert_int_equal(migp_vfio_user_dma_map(server, 0, 4096, 3, -1, 0, NULL),
                     MIGP_OK);
    requests = peer.requests;
    alloc_fail_at(1);
    assert_int_equal(migp_user_log_start(server, &whole, 1, 4096), -ENOMEM);
    alloc_fail_at(2);
    assert_int_equal(migp_user_log_start(server, &whole, 1, 4096), -ENOMEM);
    alloc_fail_at(0);
    assert_int_equal(server->log_page, 0);
    assert_null(server->maps[0].marks);
    assert_int_equal(peer.requests, requests);
    migp_vfio_user_close(server);
    vu_peer_free(&peer);
}

static void test_serve__out_of_memory(void **state)
{
    struct vu_peer peer;
    struct migp_vfio_user_options unused;
    struct migp_vfio_user_serve_options how;
    size_t n;

    (void)state;
    begin(&peer, &unused);
    migp_vfio_user_serve_options_init(&how);
    how.sys = &peer.sys;
    peer.hung_up = true;
    for (n = 1; n < 3; n++) {
        alloc_fail_at(n);
        assert_int_equal(migp_vfio_user_serve(3, 4, &how, NULL),
                         MIGP_ERR_NO_MEMORY);
    }
    alloc_fail_at(0);
    assert_int_equal(migp_vfio_user_serve(3, 4, &how, NULL), MIGP_OK);
    assert_int_equal(alloc_count(), 2);
    vu_peer_free(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connect__out_of_memory),
        cmocka_unit_test(test_settle__out_of_memory),
        cmocka_unit_test(test_maps_and_logs__out_of_memory),
        cmocka_unit_test(test_serve__out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
