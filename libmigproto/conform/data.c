/* SPDX-License-Identifier: MIT */
#include "conform/kit.h"

#include "device/uapi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Rounds of PRECOPY_INFO and reading: INFO makes some drivers save again. */
#define MOST_ROUNDS 64

/* How far single bytes go: past the header of every known stream. */
#define BYTES_AT_START 4096

static size_t cut_size(enum migp_cut cut, uint64_t done)
{
    static const size_t odd[] = {1, 3, 7, 61, 4093, 65521};
    const size_t n = sizeof(odd) / sizeof(odd[0]);

    switch (cut) {
    case MIGP_CUT_BYTES:
        if (done < BYTES_AT_START) {
            return 1;
        }
        return 65521;
    case MIGP_CUT_ODD:
        /* Small ones at the start, then mostly the large one. */
        return done < BYTES_AT_START ? odd[done % (n - 1)] : odd[n - 1];
    case MIGP_CUT_LARGE:
    default:
        return MIGP_SCRATCH;
    }
}

bool migp_blob_add(struct migp_kit *kit, struct migp_blob *blob,
                   const void *bytes, size_t size)
{
    if (blob->room - blob->size < size) {
        size_t room = 2 * (blob->size + size);
        uint8_t *grown = realloc(blob->bytes, room);

        if (grown == NULL) {
            kit->no_memory = true;
            return false;
        }
        blob->bytes = grown;
        blob->room = room;
    }
    if (size > 0) {
        memcpy(blob->bytes + blob->size, bytes, size);
        blob->size += size;
    }
    return true;
}

bool migp_blob_same(const struct migp_blob *a, const struct migp_blob *b)
{
    return a->size == b->size &&
           (a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0);
}

void migp_blob_free(struct migp_blob *blob)
{
    free(blob->bytes);
    blob->bytes = NULL;
    blob->size = 0;
    blob->room = 0;
}

int migp_kit_drain(struct migp_kit *kit, struct migp_blob *blob,
                   enum migp_cut cut, uint64_t *total)
{
    uint64_t here = 0;

    for (;;) {
        migp_ssize n =
            migp_kit_read(kit, kit->session, kit->scratch, cut_size(cut, here));

        if (n <= 0) {
            return (int)n;
        }
        here += (uint64_t)n;
        *total += (uint64_t)n;
        if (*total > kit->max_data) {
            return MIGP_DRAIN_LIMIT;
        }
        if (blob != NULL &&
            !migp_blob_add(kit, blob, kit->scratch, (size_t)n)) {
            return -ENOMEM;
        }
    }
}

static bool too_much(struct migp_kit *kit)
{
    return migp_kit_skip(kit,
                         "the device gives more than the %llu bytes that "
                         "are kept at a time",
                         (unsigned long long)kit->max_data);
}

bool migp_kit_drain_all(struct migp_kit *kit, struct migp_blob *blob,
                        enum migp_cut cut)
{
    uint64_t total = blob != NULL ? blob->size : 0;
    int result = migp_kit_drain(kit, blob, cut, &total);

    if (result == MIGP_DRAIN_LIMIT) {
        return too_much(kit);
    }
    if (result != 0) {
        return migp_kit_skip(kit, "a read in STOP_COPY fails with %s; see 18",
                             migp_kit_answer(result));
    }
    return true;
}

bool migp_kit_drain_precopy(struct migp_kit *kit, struct migp_blob *blob)
{
    uint64_t total = blob != NULL ? blob->size : 0;
    unsigned round;

    for (round = 0; round < MOST_ROUNDS; round++) {
        struct migp_vfio_precopy_info info = {0};
        int result = migp_kit_drain(kit, blob, MIGP_CUT_LARGE, &total);

        if (result == MIGP_DRAIN_LIMIT) {
            return too_much(kit);
        }
        if (result != 0 && result != -ENOMSG) {
            return migp_kit_skip(kit,
                                 "a read in PRE_COPY fails with %s; "
                                 "see 24",
                                 migp_kit_answer(result));
        }
        result = migp_kit_info(kit, kit->session, sizeof(info), &info);
        if (result < 0) {
            return migp_kit_skip(kit, "PRECOPY_INFO fails with %s; see 23",
                                 migp_kit_answer(result));
        }
        if (info.initial_bytes == 0 && info.dirty_bytes == 0) {
            return true;
        }
    }
    return migp_kit_skip(kit, "PRECOPY_INFO names data again and again");
}

int migp_kit_pour(struct migp_kit *kit, const void *bytes, size_t size,
                  enum migp_cut cut, size_t *done)
{
    *done = 0;
    while (*done < size) {
        size_t piece = cut_size(cut, *done);
        migp_ssize n;

        if (piece > size - *done) {
            piece = size - *done;
        }
        n = migp_kit_write(kit, kit->session, (const uint8_t *)bytes + *done,
                           piece);
        if (n < 0) {
            return (int)n;
        }
        if (n == 0) {
            return -EIO; /* of a write that has bytes: no way to go on */
        }
        *done += (size_t)n;
    }
    return 0;
}
