/* SPDX-License-Identifier: MIT */
/*
 * Usage: 02_save_restore_blocking [SOURCE-SPEC [DESTINATION-SPEC]]
 *
 * Moves the state of one device into another, as a VMM does that has threads
 * and a connection of its own: one thread with blocking calls on each side,
 * one socket between them. Without specs (see open.h) both devices are
 * simulated. A real VMM adopts the device fd that it has, and does around each
 * step what docs/embedding.md says.
 */
#include <migproto/migproto.h>

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* A device that dirties its state faster than it is read never runs dry. */
#define MAX_PRECOPY ((uint64_t)1 << 30)
/* One that promised more than it has yet is asked again this often. */
#define WAIT_NS 10000000L
#define MAX_WAITS 100

/* One side of the migration: what a VMM keeps for each device. */
struct side {
    const char *spec;
    int socket;
    FILE *stream; /* the same, buffered */
    struct migp_device *device;
    struct migp_encoder *encoder;         /* source */
    struct migp_decoder *decoder;         /* destination */
    struct migp_driver_reader *reader;    /* destination */
    uint64_t bytes;                       /* of state that went through */
    const char *failed;                   /* what was being done, or NULL */
    struct migp_error error;              /* why */
    unsigned char block[(size_t)1 << 20]; /* drivers like reads of this size */
};

/* The first failure stays; after it nothing below does anything. */
static bool fail(struct side *side, const char *doing)
{
    side->failed = side->failed != NULL ? side->failed : doing;
    return false;
}

/* The same where no call of the library has said why. */
static bool fail_because(struct side *side, const char *doing, const char *why)
{
    if (side->failed == NULL) {
        (void)snprintf(side->error.text, sizeof(side->error.text), "%s", why);
    }
    return fail(side, doing);
}

static bool go(struct side *side, uint32_t state)
{
    return side->failed == NULL &&
           (migp_device_set_state(side->device, state, &side->error) ==
                MIGP_OK ||
            fail(side, migp_state_name(state)));
}

static bool start(struct side *side)
{
    return (migp_device_open(&side->device, side->spec, NULL, &side->error) ==
                MIGP_OK &&
            migp_encoder_new(&side->encoder, NULL, &side->error) == MIGP_OK &&
            migp_decoder_new(&side->decoder, NULL, &side->error) == MIGP_OK &&
            migp_driver_reader_new(&side->reader) == MIGP_OK) ||
           fail(side, "start");
}

static void *finish(struct side *side)
{
    shutdown(side->socket, SHUT_RDWR); /* the other side waits, perhaps */
    migp_driver_reader_free(side->reader);
    migp_decoder_free(side->decoder);
    migp_encoder_free(side->encoder);
    migp_device_free(side->device);
    return NULL;
}

/* A record: the head is made here, the payload goes out from where it lies. */
static void put(struct side *side, int kind, const void *payload, uint64_t size)
{
    unsigned char head[MIGP_RECORD_HEAD_MAX];
    struct migp_piece pieces[2];
    size_t n_pieces = 0, i;

    if (side->failed == NULL &&
        migp_encoder_record(side->encoder, kind, payload, size, head, pieces,
                            &n_pieces) < 0) {
        fail_because(side, "encode", "the order of records is wrong");
    }
    for (i = 0; i < n_pieces && side->failed == NULL; i++) {
        if (fwrite(pieces[i].bytes, 1, pieces[i].size, side->stream) !=
            pieces[i].size) {
            fail_because(side, "send", "the other side is gone");
        }
    }
}

/* False at the end: for now in PRE_COPY, else for good; or it failed. */
static bool move_block(struct side *side)
{
    migp_ssize got = migp_device_read(side->device, side->block,
                                      sizeof(side->block), &side->error);

    if (got > 0) {
        side->bytes += (uint64_t)got;
        put(side, MIGP_EVENT_DATA_BEGIN, side->block, (uint64_t)got);
    } else if (got < 0 && got != MIGP_ERR_PRECOPY_EMPTY) {
        fail(side, "read");
    }
    return got > 0 && side->failed == NULL;
}

/* The device has nothing now: is there more to come before it makes sense to
 * stop it? With some drivers the question is what makes the next data. A
 * vfio-user server cannot be asked: nothing now is then enough. */
static bool promises_more(struct side *side)
{
    struct migp_precopy_info info = {.struct_size = sizeof(info)};
    int result = migp_device_precopy_info(side->device, &info, &side->error);

    if (result == MIGP_ERR_UNSUPPORTED) {
        return false;
    }
    if (result != MIGP_OK) {
        return fail(side, "ask");
    }
    return info.initial_bytes > 0;
}

/* While the guest runs. Each block is a section of its own: DATA, END. */
static void precopy(struct side *side)
{
    static const struct timespec wait = {0, WAIT_NS};
    unsigned int waits;

    for (waits = 0; waits < MAX_WAITS; waits++) {
        while (side->bytes < MAX_PRECOPY && move_block(side)) {
            put(side, MIGP_EVENT_END, NULL, 0);
        }
        if (side->failed != NULL || side->bytes >= MAX_PRECOPY ||
            !promises_more(side)) {
            return;
        }
        (void)nanosleep(&wait, NULL);
    }
}

static void save(struct side *side)
{
    struct migp_device_caps caps = {.struct_size = sizeof(caps)};

    migp_device_get_caps(side->device, &caps);
    put(side, MIGP_EVENT_SETUP, NULL, 0);
    put(side, MIGP_EVENT_END, NULL, 0);
    if ((caps.migration & MIGP_MIGRATION_PRE_COPY) != 0 &&
        go(side, MIGP_STATE_PRE_COPY)) {
        precopy(side);
    }
    /* Here a VMM stops its processors. */
    if (go(side, MIGP_STATE_STOP_COPY)) {
        while (move_block(side)) {
        }
    }
    put(side, MIGP_EVENT_END, NULL, 0);
    /* CONFIG is where a VMM puts its PCI config space; here it is empty. */
    put(side, MIGP_EVENT_CONFIG, "", 0);
    put(side, MIGP_EVENT_END, NULL, 0);
    if (side->failed == NULL &&
        (fflush(side->stream) != 0 || shutdown(side->socket, SHUT_WR) != 0)) {
        fail_because(side, "send", "the other side is gone");
    }
}

/* The destination's byte decides where the guest runs on: until it has come,
 * nothing of the source is given up. */
static void *run_source(void *user)
{
    struct side *side = user;
    char verdict = 0;

    if (start(side)) {
        save(side);
    }
    if (side->failed == NULL &&
        (recv(side->socket, &verdict, 1, 0) != 1 || verdict != 'y')) {
        fail_because(side, "wait", "the other side has not loaded it");
    }
    /* Where only a reset would bring it back the VMM decides: a reset loses
     * the state of the guest's device. */
    if (side->device != NULL &&
        migp_device_set_state(side->device,
                              side->failed == NULL ? MIGP_STATE_STOP
                                                   : MIGP_STATE_RUNNING,
                              NULL) != MIGP_OK) {
        fail_because(side, "leave", "the device did not go back");
    }
    return finish(side);
}

static bool load_event(struct side *side, const struct migp_event *event)
{
    if (event->kind != MIGP_EVENT_DATA) {
        return true; /* CONFIG is for the VMM's own PCI emulation */
    }
    side->bytes += event->size;
    migp_driver_reader_feed(side->reader, event->bytes, (size_t)event->size,
                            event->offset);
    return migp_device_write(side->device, event->bytes, (size_t)event->size,
                             &side->error) == (migp_ssize)event->size ||
           fail(side, "write");
}

/* What is wrong with the driver's record: the first error. */
static void say_finding(const struct side *side, char *text, size_t size)
{
    size_t n = migp_driver_reader_finding_count(side->reader);
    struct migp_finding finding;
    size_t i;

    text[0] = '\0';
    for (i = 0; i < n && text[0] == '\0'; i++) {
        if (migp_driver_reader_finding(side->reader, i, &finding) == MIGP_OK &&
            finding.severity == MIGP_SEVERITY_ERROR) {
            (void)migp_finding_text(&finding, text, size);
        }
    }
}

/* A driver may take a state that is cut short: what the stream itself tells
 * about that is to be asked before RESUMING is left. */
static bool check(struct side *side)
{
    char why[MIGP_TEXT_MAX];
    int result;

    if (migp_decoder_finish(side->decoder, &side->error) != MIGP_OK) {
        return fail(side, "check");
    }
    result = migp_driver_reader_finish(side->reader,
                                       migp_decoder_offset(side->decoder));
    if (result == MIGP_OK) {
        return true;
    }
    say_finding(side, why, sizeof(why));
    return fail_because(side, "check",
                        why[0] != '\0' ? why : migp_error_text(result));
}

static bool load(struct side *side)
{
    struct migp_event events[32];
    size_t held = 0, got, n, i;
    migp_ssize used;

    do {
        got = fread(side->block + held, 1, sizeof(side->block) - held,
                    side->stream);
        held += got;
        do {
            used = migp_decoder_feed(side->decoder, side->block, held,
                                     got == 0 ? MIGP_FEED_LAST : 0, events, 32,
                                     &n);
            for (i = 0; i < n; i++) {
                if (!load_event(side, &events[i])) {
                    return false;
                }
            }
            held -= used > 0 ? (size_t)used : 0;
            /* What it leaves is presented again. */
            memmove(side->block, side->block + (used > 0 ? used : 0), held);
        } while (used > 0 || n == 32);
    } while (got > 0 && used == 0);
    return check(side);
}

static void *run_destination(void *user)
{
    struct side *side = user;

    if (start(side) && go(side, MIGP_STATE_RESUMING) && load(side) &&
        go(side, MIGP_STATE_STOP) && go(side, MIGP_STATE_RUNNING) &&
        send(side->socket, "y", 1, 0) != 1) {
        fail_because(side, "answer", "the other side is gone");
    }
    /* Only a reset leads out of RESUMING with a part of a state. */
    if (side->failed != NULL && side->device != NULL) {
        (void)migp_device_reset(side->device, NULL);
    }
    return finish(side);
}

int main(int argc, char **argv)
{
    static struct side sides[2]; /* source, destination */
    pthread_t thread;
    int sockets[2];
    int i;

    signal(SIGPIPE, SIG_IGN);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) != 0) {
        return 1;
    }
    for (i = 0; i < 2; i++) {
        migp_error_init(&sides[i].error);
        sides[i].spec = argc > i + 1 ? argv[i + 1] : "sim:size=8M,initial=1M";
        sides[i].socket = sockets[i];
        sides[i].stream = fdopen(sockets[i], i == 0 ? "w" : "r");
    }
    if (sides[0].stream == NULL || sides[1].stream == NULL ||
        pthread_create(&thread, NULL, run_destination, &sides[1]) != 0) {
        return 1;
    }
    run_source(&sides[0]);
    pthread_join(thread, NULL);
    for (i = 0; i < 2; i++) {
        printf("%s: %" PRIu64 " bytes of state\n", sides[i].spec,
               sides[i].bytes);
        if (sides[i].failed != NULL) {
            fprintf(stderr, "%s: %s failed: %s\n", sides[i].spec,
                    sides[i].failed, sides[i].error.text);
        }
        fclose(sides[i].stream);
    }
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        perror("standard output");
        return 1;
    }
    return sides[0].failed != NULL || sides[1].failed != NULL;
}
