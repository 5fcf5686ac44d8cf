/* SPDX-License-Identifier: MIT */
#ifndef MIGP_DEVICE_USER_CLIENT_H
#define MIGP_DEVICE_USER_CLIENT_H

/*
 * A connection to a vfio-user server, shared by the files of this folder:
 *
 *   client.c    connect, versions, what the caller asks besides migration
 *   socket.c    bytes: send, receive, wait, give up
 *   exchange.c  messages: who a reply belongs to
 *   data.c      device state: several requests at once, replies in order
 *   dma.c       maps of memory, and the server's requests to move it
 *   feature.c   DEVICE_FEATURE: states, DMA logs
 *   marks.c     a DMA log of our own
 *   ops.c       the table that a device is made of
 *
 * The socket is not blocking while it is used here. Functions return 0 or an
 * amount, or a negative errno.
 *
 * Interruption. A call that a signal interrupted returns -EINTR only where the
 * same call can be made again: no byte of its request is sent, or all are. In
 * the second case its reply is still to come, the request is an orphan: the
 * same call, made again, adopts it and goes on waiting; any other call takes
 * the reply first and drops it. So a server does nothing twice because a
 * client was interrupted. Part of a message is never left unsent, and a reply
 * that has begun is taken to its end, but for device state, whose rest stays in
 * the socket until the next read.
 *
 * Death. A server that hangs up, answers what was not asked, breaks the format
 * or is silent for too long is lost: the call that sees it returns its errno
 * (ENODEV, EPROTO, ETIMEDOUT), all later ones -ENODEV; `why` says it in words.
 *
 * What servers do otherwise than the kernel is in docs/protocol.md, VU-1 to
 * VU-10; the lines that meet it name its rule.
 *
 * Memory. Nothing is allocated by a number of the server's. What is read ahead
 * is bounded by in_flight * max_transfer.
 */

#include <migproto/dirty.h>
#include <migproto/sys.h>
#include <migproto/vfio_user.h>
#include <migproto/vfio_user_codec.h>
#include <stdbool.h>

#define MIGP_USER_IN_FLIGHT_MAX 16
/* Data requests, one other, and room for one that was given up. */
#define MIGP_USER_PENDING_MAX (MIGP_USER_IN_FLIGHT_MAX + 2)
#define MIGP_USER_TRANSFER_MIN UINT32_C(4096)
#define MIGP_USER_TRANSFER_MAX (UINT32_C(16) << 20)
#define MIGP_USER_VERSION_MAX 4096
#define MIGP_USER_MAPS_MAX 65535

/* What a signal may do while a call waits. */
enum migp_user_wait {
    MIGP_USER_STOPPABLE, /* it returns -EINTR */
    MIGP_USER_FIRM,      /* it goes on */
    MIGP_USER_NOT        /* does not wait: -EAGAIN */
};

/* A request that awaits its reply; servers answer in order. */
struct migp_user_pending {
    uint16_t id;
    uint16_t command;
    bool orphan;    /* nobody wants the reply */
    uint32_t flags; /* of the request, and the first bytes of its tail: is it */
    uint64_t key;   /* the same call again? */
    uint32_t count; /* most bytes of data in the reply */
};

/* The message that is being received. */
struct migp_user_input {
    uint8_t fixed[MIGP_VU_FIXED_MAX];
    size_t have;
    bool ready; /* message is filled, tail_left bytes are in the socket */
    struct migp_vu_message message;
    uint64_t tail_left;
};

/* Device state being read or written. */
struct migp_user_session {
    bool open;
    bool saving;
    int number;
    int failed;      /* negative errno of a request, for all that follow */
    bool dry;        /* the last reply was short: nothing now */
    bool ended;      /* and that was STOP_COPY */
    uint32_t window; /* requests to have on their way */
    uint32_t n_reads;
    uint32_t data_left; /* of the reply that is being received */
    uint8_t *store;     /* what came before it was asked for */
    size_t store_at;
    size_t store_end;
};

/* Memory that the device may reach, in ascending order. */
struct migp_user_map {
    uint64_t address;
    uint64_t length;
    uint32_t flags;
    bool has_fd;
    bool tracked;    /* by the log that runs */
    uint64_t *marks; /* bit by page: dirty and not yet reported; or NULL */
};

struct migp_vfio_user {
    struct migp_sys sys;
    int socket;
    bool own_socket;
    int old_flags; /* of a socket that was adopted */
    uint32_t in_flight;
    uint32_t max_transfer;
    uint64_t timeout;
    migp_vfio_user_dma dma;
    void *dma_user;

    char name[128];
    char version[MIGP_USER_VERSION_MAX + 1];
    size_t version_size;

    int dead; /* errno, or 0 */
    char why[160];

    uint16_t next_id;
    struct migp_user_pending pending[MIGP_USER_PENDING_MAX];
    size_t n_pending;
    struct migp_user_input input;

    bool sending; /* a message is partly sent: nothing may come between */
    bool answer_waits;
    struct migp_vu_message answer; /* to the server's request */
    uint8_t *dma_bytes;            /* max_transfer of them */
    uint32_t dma_room;

    struct migp_user_session session;
    bool state_known;
    uint32_t state;

    struct migp_user_map *maps;
    size_t n_maps;
    size_t room_maps;
    uint64_t log_page; /* 0: no log runs */
};

/* --- client.c ------------------------------------------------------------ */

/* Tell the caller: "WHAT: WHY", why the server is lost or its errno. */
int migp_user_fail(const struct migp_vfio_user *server,
                   struct migp_error *error, const char *what, int answer);

/* What GET_INFO says: set of VFIO_DEVICE_FLAGS. */
int migp_user_device_flags(struct migp_vfio_user *server, uint32_t *flags);

/* Registers, in one message. Returns how many bytes. */
migp_ssize migp_user_region_read(struct migp_vfio_user *server, uint32_t region,
                                 uint64_t offset, void *bytes, uint32_t size);

/* --- socket.c ------------------------------------------------------------- */

/* The server is lost. Returns -number. */
int migp_user_die(struct migp_vfio_user *server, int number, const char *why);

/* How long a call has been waiting; all zero: not yet. */
struct migp_user_waiting {
    bool begun;
    uint64_t deadline;
    uint32_t spins;
};

/* Receive some bytes. Returns how many, > 0. */
migp_ssize migp_user_fill(struct migp_vfio_user *server, void *bytes,
                          size_t size, struct migp_user_waiting *waiting,
                          enum migp_user_wait wait);

/* Send a message, from its first byte on to its end; while the server takes
 * nothing, what it sends is taken. */
int migp_user_send_message(struct migp_vfio_user *server,
                           const struct migp_vu_message *message,
                           const void *tail, int fd, enum migp_user_wait wait);

/* Receive up to size bytes of the tail. Returns how many, > 0 if size is. */
migp_ssize migp_user_tail(struct migp_vfio_user *server, void *bytes,
                          size_t size, enum migp_user_wait wait);

/* Receive exactly size bytes of the tail, or lose the server. */
int migp_user_tail_all(struct migp_vfio_user *server, void *bytes, size_t size);

/* Drop the rest of the message. */
int migp_user_skip_tail(struct migp_vfio_user *server);

/* --- exchange.c ---------------------------------------------------------- */

/* What an error reply says, as a negative errno that a caller can have: servers
 * send numbers that are none. */
int migp_user_reply_errno(const struct migp_vu_message *reply);

/*
 * Send a request; its id is chosen here. tail may be NULL, fd -1. With
 * MIGP_USER_STOPPABLE -EINTR means that nothing was sent.
 */
int migp_user_send(struct migp_vfio_user *server,
                   struct migp_vu_message *request, const void *tail, int fd,
                   enum migp_user_wait wait);

/* Wait for the reply to the oldest request: input is ready then. The server's
 * own requests are served on the way. */
int migp_user_next(struct migp_vfio_user *server, enum migp_user_wait wait);

/* Drop the rest of the message: the oldest request is answered. */
int migp_user_done(struct migp_vfio_user *server);

/* Send what migp_user_serve_dma() left waiting; never called while sending. */
int migp_user_send_answer(struct migp_vfio_user *server);

/*
 * One request and its reply, after all earlier replies. out: room bytes for the
 * reply's tail, *got: how many came; more than that is not vfio-user, unless
 * lax, which drops them. An error reply is returned as its errno.
 */
struct migp_user_call {
    struct migp_vu_message request;
    const void *tail;
    int fd; /* to pass, or -1 */
    void *out;
    size_t room;
    bool lax;
    size_t got;
    struct migp_vu_message reply;
};
int migp_user_call(struct migp_vfio_user *server, struct migp_user_call *call,
                   enum migp_user_wait wait);

/* --- data.c -------------------------------------------------------------- */

/* Take all replies that are to come: what is device state is kept for the next
 * reads, errors for the next write. */
int migp_user_settle(struct migp_vfio_user *server, enum migp_user_wait wait);

/* The reply to a MIG_DATA_WRITE is there: take it. */
int migp_user_take_written(struct migp_vfio_user *server);

/* Begin a session, forgetting another one. Returns its number. */
int migp_user_session_open(struct migp_vfio_user *server, bool saving);
void migp_user_session_close(struct migp_vfio_user *server, int number);
/* PRE_COPY became STOP_COPY. */
void migp_user_session_turn(struct migp_vfio_user *server);

migp_ssize migp_user_read(struct migp_vfio_user *server, int number,
                          void *bytes, size_t size);
migp_ssize migp_user_write(struct migp_vfio_user *server, int number,
                           const void *bytes, size_t size);

/* --- dma.c --------------------------------------------------------------- */

/* The server's DMA_READ or DMA_WRITE is in input: do it, and answer. */
int migp_user_serve_dma(struct migp_vfio_user *server);

/* --- feature.c ----------------------------------------------------------- */

int migp_user_get_migration(struct migp_vfio_user *server, uint64_t *flags);
int migp_user_get_state(struct migp_vfio_user *server, uint32_t *state,
                        enum migp_user_wait wait);
int migp_user_set_state(struct migp_vfio_user *server, uint32_t state,
                        enum migp_user_wait wait);
/* Does the server know DMA logs? 1, 0 or a negative errno. */
int migp_user_has_log(struct migp_vfio_user *server);

/*
 * The DMA log, for device/dirty/: as the kernel's DMA_LOGGING features, but
 * ranges and reports need not be DMA regions. Signals do not interrupt them.
 *
 * start: -ENOENT if no memory is mapped, -EALREADY if it runs. report: set the
 * bits of dirty pages in words, bit 0 being iova, and forget them; iova and
 * length are multiples of page_size; -ENODATA if no log runs, -EINVAL if its
 * pages have another size, -EMSGSIZE if a region's bitmap does not fit into a
 * message; what is not mapped is not reported.
 */
int migp_user_log_start(struct migp_vfio_user *server,
                        const struct migp_iova_range *ranges, size_t n_ranges,
                        uint64_t page_size);
int migp_user_log_stop(struct migp_vfio_user *server);
int migp_user_log_report(struct migp_vfio_user *server, uint64_t iova,
                         uint64_t length, uint64_t page_size, uint64_t *words);

/* --- marks.c: our own log, beside the server's --------------------------- */

/* Room for the marks of a region whose pages are of this size. */
int migp_user_marks_new(struct migp_user_map *map, uint64_t page_size);
/* Memory that the server has written to by message. */
void migp_user_marks_set(struct migp_vfio_user *server, uint64_t address,
                         uint64_t length);
uint64_t migp_user_pages(const struct migp_user_map *map, uint64_t page_size);

#endif
