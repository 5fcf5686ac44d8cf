/* SPDX-License-Identifier: MIT */
#include "pick.h"

#include "message.h"
#include "printable.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An event that waits; its bytes are at an offset in the pick's. */
struct migp_pick_event {
    size_t device;
    size_t bytes;
    int section_kind;
    struct migp_event event;
};

static bool id_fits(const char *wanted, size_t size, const char *id)
{
    char *printable;
    bool fits = strlen(id) == size && memcmp(id, wanted, size) == 0;

    if (!fits) {
        /* What inspect shows can be typed. */
        printable = migp_printable_make(id);
        fits =
            strlen(printable) == size && memcmp(printable, wanted, size) == 0;
        free(printable);
    }
    return fits;
}

static bool device_fits(const char *wanted,
                        const struct migp_report_device *device)
{
    const char *mark;
    char instance[16];

    if (wanted == NULL || id_fits(wanted, strlen(wanted), device->id)) {
        return true;
    }
    mark = strrchr(wanted, '#');
    if (mark == NULL) {
        return false;
    }
    snprintf(instance, sizeof(instance), "%" PRIu32, device->instance_id);
    return strcmp(mark + 1, instance) == 0 &&
           id_fits(wanted, (size_t)(mark - wanted), device->id);
}

static size_t grown(size_t room, size_t needed)
{
    size_t next = room > 0 ? room : 64;

    while (next < needed) {
        next *= 2;
    }
    return next;
}

static void keep_event(struct migp_pick *pick, size_t device, int section_kind,
                       const struct migp_event *event)
{
    struct migp_pick_event *kept;
    size_t size = event->bytes != NULL ? (size_t)event->size : 0;

    if (pick->n_events == pick->room) {
        pick->room = grown(pick->room, pick->n_events + 1);
        pick->events =
            migp_memory_resize(pick->events, pick->room, sizeof(*pick->events));
    }
    /* Config bytes may be none, and are somewhere nevertheless. */
    if (pick->bytes == NULL || pick->bytes_room - pick->n_bytes < size) {
        pick->bytes_room = grown(pick->bytes_room, pick->n_bytes + size);
        pick->bytes = migp_memory_resize(pick->bytes, pick->bytes_room, 1);
    }
    kept = &pick->events[pick->n_events++];
    kept->device = device;
    kept->section_kind = section_kind;
    kept->event = *event;
    kept->bytes = pick->n_bytes;
    if (size > 0) {
        memcpy(pick->bytes + pick->n_bytes, event->bytes, size);
        pick->n_bytes += size;
    }
}

void migp_pick_sink(void *user, size_t device, int section_kind,
                    const struct migp_event *event)
{
    struct migp_pick *pick = user;

    if (pick->found) {
        if (device == pick->target) {
            pick->deliver(pick->user, section_kind, event);
        }
    } else if (device >= pick->n_examined) {
        keep_event(pick, device, section_kind, event);
    }
}

static void deliver_kept(struct migp_pick *pick)
{
    size_t i;

    for (i = 0; i < pick->n_events; i++) {
        struct migp_pick_event *kept = &pick->events[i];

        if (pick->found && kept->device == pick->target) {
            if (kept->event.bytes != NULL) {
                kept->event.bytes = pick->bytes + kept->bytes;
            }
            pick->deliver(pick->user, kept->section_kind, &kept->event);
        }
    }
    pick->n_events = 0;
    pick->n_bytes = 0;
}

void migp_pick_step(struct migp_pick *pick, const struct migp_report *report)
{
    struct migp_report_device device;

    device.struct_size = sizeof(device);
    while (migp_report_device(report, pick->n_examined, &device) == MIGP_OK) {
        if (device_fits(pick->wanted, &device)) {
            if (pick->found) {
                pick->ambiguous = true;
            } else {
                pick->found = true;
                pick->target = pick->n_examined;
            }
        }
        pick->n_examined++;
    }
    deliver_kept(pick);
}

/* "ID#INSTANCE" of each device, on stderr. */
static void print_devices(const struct migp_report *report)
{
    struct migp_report_device device;
    size_t i;

    device.struct_size = sizeof(device);
    for (i = 0; migp_report_device(report, i, &device) == MIGP_OK; i++) {
        char *id = migp_printable_make(device.id);

        if (id[0] == '\0') {
            fputs("  (a bare stream's device; leave out --device)\n", stderr);
        } else {
            fprintf(stderr, "  %s#%" PRIu32 "\n", id, device.instance_id);
        }
        free(id);
    }
    if (i == 0) {
        fputs("  (none)\n", stderr);
    }
}

int migp_pick_check(const struct migp_pick *pick, const char *name,
                    const struct migp_report *report)
{
    if (pick->found && !pick->ambiguous) {
        return 0;
    }
    if (pick->wanted == NULL) {
        migp_message_print(name, pick->found ? "--device must say which one of:"
                                             : "there is no device");
    } else {
        migp_message_print(name,
                           pick->ambiguous
                               ? "%s is more than one device; there are:"
                               : "there is no device %s; there are:",
                           pick->wanted);
    }
    if (pick->wanted != NULL || pick->found) {
        print_devices(report);
    }
    return -1;
}

void migp_pick_free(struct migp_pick *pick)
{
    free(pick->events);
    free(pick->bytes);
    pick->events = NULL;
    pick->bytes = NULL;
}
