/* SPDX-License-Identifier: MIT */
#ifndef MIGP_DEVICE_USER_SERVE_H
#define MIGP_DEVICE_USER_SERVE_H

#include <migproto/sys.h>
#include <migproto/vfio_user_codec.h>
#include <stdbool.h>

/* Beyond what a message may carry: its own head and what a log's has. */
#define MIGP_USER_SERVE_EXTRA 65536

/* One client and its device. */
struct migp_user_service {
    struct migp_sys sys;    /* of the socket */
    struct migp_sys device; /* of the device */
    int socket;
    int device_fd;
    int data_fd; /* the session's, never sent */
    uint32_t max_transfer;
    size_t room;  /* of in and of out */
    uint8_t *in;  /* the request, head and all */
    uint8_t *out; /* the reply's tail */
    bool greeted; /* versions were exchanged */
    bool stopped; /* a signal came */
    int failed;   /* errno of the socket */
};

/*
 * serve_message.c: do what a request wants. reply comes with the request's id
 * and command; tail bytes of out are sent behind it. Returns 0 or a negative
 * errno, which becomes an error reply.
 */
int migp_user_serve_message(struct migp_user_service *service,
                            const struct migp_vu_message *request,
                            const uint8_t *tail, struct migp_vu_message *reply);

/* serve_feature.c: the same for DEVICE_FEATURE. */
int migp_user_serve_feature(struct migp_user_service *service,
                            const struct migp_vu_message *request,
                            const uint8_t *tail, struct migp_vu_message *reply);

#endif
