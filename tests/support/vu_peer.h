/* SPDX-License-Identifier: MIT */
#ifndef MIGP_TESTS_SUPPORT_VU_PEER_H
#define MIGP_TESTS_SUPPORT_VU_PEER_H

/*
 * A vfio-user server without a process: a table of system calls whose socket
 * ends in a function of the test's, which sees each request and says what comes
 * back. Nothing waits: where nothing comes back, time passes at once.
 */

#include <migproto/sys.h>
#include <migproto/vfio_user.h>
#include <migproto/vfio_user_codec.h>
#include <stdbool.h>

#define VU_PEER_ROOM ((size_t)1 << 20)
#define VU_PEER_SOCKET 100

struct vu_peer;

/* A whole message of the client's: bytes with its head, also as decoded (its
 * command is 0 if it could not be). */
typedef void (*vu_peer_handler)(struct vu_peer *peer,
                                const struct migp_vu_message *message,
                                const uint8_t *bytes, size_t size);

struct vu_peer {
    struct migp_sys sys;
    vu_peer_handler handler;
    void *user; /* the test's */

    size_t chunk;   /* most bytes of a call; 0: no bound */
    bool stutter;   /* every other call answers EAGAIN */
    bool hung_up;   /* after what is still to be received */
    bool deaf;      /* takes no bytes, for ever */
    size_t cut_at;  /* hangs up after so many bytes; 0: never */
    size_t mute_at; /* falls silent after so many; 0: never */
    uint8_t flip_mask;
    size_t flip_at;    /* that byte (1 is the first) comes damaged; 0: none */
    int error;         /* of every call from now on; 0: none */
    size_t give_fds;   /* fds that come with the next bytes */
    uint64_t clock;    /* nanoseconds */
    uint64_t per_call; /* time that every receive takes */

    /* To be looked at. */
    size_t requests; /* that the handler saw, VERSION among them */
    size_t fds_passed;
    size_t given_fds; /* to the client */
    size_t open;      /* fds of this table */
    size_t calls;
    size_t given; /* bytes that the client received */

    /* A model of a device for vu_peer_device(). */
    uint32_t state;
    uint64_t migration;
    const uint8_t *data; /* what reads give */
    size_t data_at;
    size_t data_size;
    bool full_size;        /* replies as long as the request wanted */
    uint32_t max_transfer; /* more in a message is EINVAL; 0: no bound */
    size_t written;
    uint8_t *written_bytes;
    size_t written_room;
    int fail_command; /* with fail_errno, fail_after times later */
    uint32_t fail_errno;
    size_t fail_after;
    bool like_libvfio; /* quirks of states: see spec */
    size_t resets;

    uint8_t *in;
    size_t in_size;
    uint8_t *out;
    size_t out_at;
    size_t out_end;
    bool turn;
};

/* handler NULL: vu_peer_device(). */
void vu_peer_init(struct vu_peer *peer, vu_peer_handler handler);
void vu_peer_free(struct vu_peer *peer);

/* Options for a connection to it. */
void vu_peer_options(struct vu_peer *peer, struct migp_vfio_user_options *how);

/* To be received by the client. */
void vu_peer_push(struct vu_peer *peer, const void *bytes, size_t size);
void vu_peer_say(struct vu_peer *peer, const struct migp_vu_message *message,
                 const void *tail);
/* The reply to a request, with its id and command. */
void vu_peer_reply(struct vu_peer *peer, const struct migp_vu_message *request,
                   struct migp_vu_message *reply, const void *tail);
void vu_peer_error(struct vu_peer *peer, const struct migp_vu_message *request,
                   uint32_t number);

/* A device such as libvfio-user serves: VERSION, features 1 and 2, data. */
void vu_peer_device(struct vu_peer *peer, const struct migp_vu_message *message,
                    const uint8_t *bytes, size_t size);

#endif
