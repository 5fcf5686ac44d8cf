/* SPDX-License-Identifier: MIT */

/*
 * What a user's first program would be: one device's records, decoded. It is
 * built against the installed library in every way that is offered.
 */

#include <inttypes.h>
#include <migproto/migproto.h>
#include <stdio.h>
#include <string.h>

/* SETUP END, DATA of three bytes, END, CONFIG of four bytes, END. */
static const uint8_t stream[] = {
    0xff, 0xff, 0xff, 0xff, 0xef, 0x10, 0x00, 0x03, /* SETUP */
    0xff, 0xff, 0xff, 0xff, 0xef, 0x10, 0x00, 0x01, /* END */
    0xff, 0xff, 0xff, 0xff, 0xef, 0x10, 0x00, 0x04, /* DATA */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, /* its size */
    0x61, 0x62, 0x63,                               /* its payload */
    0xff, 0xff, 0xff, 0xff, 0xef, 0x10, 0x00, 0x01, /* END */
    0xff, 0xff, 0xff, 0xff, 0xef, 0x10, 0x00, 0x02, /* CONFIG */
    0x01, 0x02, 0x03, 0x04,                         /* its bytes */
    0xff, 0xff, 0xff, 0xff, 0xef, 0x10, 0x00, 0x01, /* END */
};

static uint64_t payload_of(struct migp_decoder *decoder)
{
    struct migp_event events[8];
    uint64_t payload = 0;
    size_t done = 0;

    while (done < sizeof(stream)) {
        size_t n_events = 0;
        migp_ssize used = migp_decoder_feed(
            decoder, stream + done, sizeof(stream) - done, MIGP_FEED_LAST,
            events, sizeof(events) / sizeof(events[0]), &n_events);

        if (used < 0 || (used == 0 && n_events == 0))
            break;
        done += (size_t)used;
        for (size_t i = 0; i < n_events; i++) {
            if (events[i].kind == MIGP_EVENT_DATA)
                payload += events[i].size;
        }
    }
    return payload;
}

int main(void)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_decoder *decoder = NULL;
    char headers[32];

    (void)snprintf(headers, sizeof(headers), "%d.%d.%d", MIGP_VERSION_MAJOR,
                   MIGP_VERSION_MINOR, MIGP_VERSION_PATCH);
    if (strcmp(headers, migp_version()) != 0) {
        (void)fprintf(stderr, "headers %s, library %s\n", headers,
                      migp_version());
        return 1;
    }
    if (migp_decoder_new(&decoder, NULL, &error) != MIGP_OK) {
        (void)fprintf(stderr, "%s\n", error.text);
        return 1;
    }

    uint64_t payload = payload_of(decoder);
    int whole = migp_decoder_finish(decoder, &error);

    migp_decoder_free(decoder);
    if (whole != MIGP_OK || payload != 3) {
        (void)fprintf(stderr, "payload %" PRIu64 ": %s\n", payload, error.text);
        return 1;
    }
    printf("libmigproto %s decodes\n", migp_version());
    return 0;
}
