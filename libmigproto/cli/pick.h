/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_PICK_H
#define MIGP_CLI_PICK_H

#include <migproto/report.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Passes on the events of one device, named "ID" or "ID#INSTANCE", while a
 * report is read.
 *
 * A sink is told a device's index and may not ask the report for its name, so
 * the events of a device that is new wait until the feed has returned. They
 * are never more than one feed has brought. */
struct migp_pick {
    const char *wanted; /* as given; NULL: the only device there is */
    void (*deliver)(void *user, int section_kind,
                    const struct migp_event *event);
    void *user;
    size_t n_examined; /* devices whose names have been looked at */
    size_t target;     /* index of the device; valid if found */
    bool found;
    bool ambiguous;                 /* more than one device fits */
    struct migp_pick_event *events; /* those that wait */
    size_t n_events;
    size_t room;
    uint8_t *bytes; /* their payload */
    size_t n_bytes;
    size_t bytes_room;
};

/* A migp_report_sink; user is a struct migp_pick. */
void migp_pick_sink(void *user, size_t device, int section_kind,
                    const struct migp_event *event);

/* Look at the names of new devices; after each feed. */
void migp_pick_step(struct migp_pick *pick, const struct migp_report *report);

/* Is there one device that fits? Fails, with a message that lists those there
 * are. name: of the input. */
int migp_pick_check(const struct migp_pick *pick, const char *name,
                    const struct migp_report *report);

void migp_pick_free(struct migp_pick *pick);

#endif
