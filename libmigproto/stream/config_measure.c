/* SPDX-License-Identifier: MIT */
#include "stream/config_measure.h"

#include "core/bytes.h"
#include "core/options.h"
#include "stream/pci_layout.h"

#define FOOTER_BYTE 0x7e
#define CLOSING_MAX (8 + 5)

/* What is looked at: the bytes after the CONFIG tag. */
struct window {
    const uint8_t *bytes;
    size_t size;
    uint64_t max;
    bool last;
    uint8_t closing[CLOSING_MAX]; /* END_OF_STATE, and the footer if any */
    size_t closing_size;
    size_t need;
    bool over; /* a layout that would fit is over the limit */
};

enum answer {
    NO,
    YES,
    MORE
};

/* [DS-9] Does what closes CONFIG start here? */
static enum answer closes_at(struct window *window, size_t at)
{
    size_t left = at < window->size ? window->size - at : 0;
    size_t compared = left < window->closing_size ? left : window->closing_size;

    if (at > window->max) {
        return NO;
    }
    if (compared > 0 &&
        memcmp(window->bytes + at, window->closing, compared) != 0) {
        return NO;
    }
    if (compared == window->closing_size) {
        return YES;
    }
    window->need = at + window->closing_size;
    return window->last ? NO : MORE;
}

static enum answer has(struct window *window, size_t size)
{
    if (size - 1 > window->max) {
        return NO;
    }
    if (size <= window->size) {
        return YES;
    }
    window->need = size;
    return window->last ? NO : MORE;
}

/* [PC-4] The four INTx states are 0 or 1; look at what is there of them. */
static bool irq_state_possible(const struct window *window, size_t at)
{
    size_t i;

    for (i = 0; i < MIGP_PCI_IRQ_SIZE && at + i < window->size; i++) {
        if (window->bytes[at + i] > (i % 4 == 3 ? 1 : 0)) {
            return false;
        }
    }
    return true;
}

/* [PC-1] One layout: this config space size, this many MSI-X vectors. */
static enum answer fits_layout(struct window *window, size_t config_size,
                               uint32_t n_vectors, size_t *end)
{
    size_t at = migp_pci_layout_size(config_size, n_vectors);
    enum answer answer;

    if (!irq_state_possible(window, MIGP_PCI_VERSION_SIZE + config_size)) {
        return NO;
    }
    answer = has(window, at + 1);
    if (answer != YES) {
        return answer;
    }
    /* [PC-5] */
    if (migp_pci_ramfb_head(window->bytes + at, window->size - at)) {
        at += MIGP_PCI_RAMFB_SIZE;
    }
    *end = at;
    return closes_at(window, at);
}

/*
 * [DS-9] The layouts of a vfio-pci device, in their order: the larger config
 * space first. The end of the smaller layout can lie in the MSI-X table of the
 * larger one, which the guest writes.
 */
static enum answer fits_layouts(struct window *window, uint32_t n_vectors,
                                size_t *end)
{
    enum answer answer = fits_layout(window, MIGP_PCI_LARGE, n_vectors, end);

    return answer != NO ? answer
                        : fits_layout(window, MIGP_PCI_SMALL, n_vectors, end);
}

static enum answer fits_pci(struct window *window, size_t *end)
{
    uint32_t n_vectors;
    enum answer answer;

    answer = has(window, MIGP_PCI_VERSION_SIZE);
    if (answer != YES) {
        return answer;
    }
    if (migp_load_be32(window->bytes) > MIGP_PCI_VERSION_NEWEST) {
        return NO;
    }
    answer = has(window, MIGP_PCI_VERSION_SIZE + MIGP_PCI_SMALL);
    if (answer != YES) {
        return answer;
    }
    (void)migp_pci_find_msix(window->bytes + MIGP_PCI_VERSION_SIZE, &n_vectors);
    answer = fits_layouts(window, n_vectors, end);
    if (answer != NO || n_vectors == 0) {
        return answer;
    }
    /* Where the table may not fit, nothing inside it may end CONFIG. */
    if (migp_pci_layout_size(MIGP_PCI_LARGE, n_vectors) > window->max) {
        window->over = true;
        return NO;
    }
    return fits_layouts(window, 0, end);
}

/* [DS-9] The first END_OF_STATE; bytes before *scanned have been looked at. */
static enum answer fits_scan(struct window *window, size_t *scanned,
                             size_t *end)
{
    size_t at = *scanned;

    while (at < window->size && at <= window->max) {
        const uint8_t *found =
            memchr(window->bytes + at, window->closing[0], window->size - at);
        enum answer answer;

        if (found == NULL) {
            at = window->size;
            break;
        }
        at = (size_t)(found - window->bytes);
        answer = closes_at(window, at);
        if (answer != NO) {
            *scanned = at;
            *end = at;
            return answer;
        }
        at++;
    }
    *scanned = at;
    window->need = at + window->closing_size;
    return window->last ? NO : MORE;
}

static migp_ssize measure_hinted(struct window *window, uint64_t size)
{
    if (size > window->max) {
        return MIGP_ERR_LIMIT; /* [DS-10] */
    }
    switch (closes_at(window, (size_t)size)) {
    case YES:
        return (migp_ssize)size;
    case MORE:
        return MIGP_ERR_NEED_MORE;
    default:
        return window->need > window->size ? MIGP_ERR_TRUNCATED
                                           : MIGP_ERR_MALFORMED;
    }
}

static migp_ssize measure(struct window *window, size_t *scanned)
{
    enum answer answer;
    size_t end = 0;

    /* A device without config bytes writes CONFIG and END back to back. */
    answer = closes_at(window, 0);
    if (answer == NO && *scanned == 0) {
        answer = fits_pci(window, &end);
    }
    if (window->over) {
        return MIGP_ERR_LIMIT; /* [DS-10] */
    }
    if (answer == NO) {
        answer = fits_scan(window, scanned, &end);
    }
    if (answer == YES) {
        return (migp_ssize)end;
    }
    if (*scanned > window->max) {
        return MIGP_ERR_LIMIT; /* [DS-10] */
    }
    return answer == MORE ? MIGP_ERR_NEED_MORE : MIGP_ERR_TRUNCATED;
}

migp_ssize migp_config_measure_from(const uint8_t *bytes, size_t size,
                                    uint64_t max_config,
                                    const struct migp_config_hint *hint,
                                    uint32_t flags, size_t *scanned,
                                    size_t *need)
{
    struct window window = {.bytes = bytes,
                            .size = size,
                            .max = max_config,
                            .last = (flags & MIGP_FEED_LAST) != 0,
                            .closing_size = 8};
    migp_ssize result;

    migp_store_be64(window.closing, MIGP_TAG_END_OF_STATE);
    if (hint->flags & MIGP_CONFIG_HINT_FOOTER) {
        window.closing[8] = FOOTER_BYTE;
        migp_store_be32(window.closing + 9, hint->section_id);
        window.closing_size = CLOSING_MAX;
    }
    if (hint->flags & MIGP_CONFIG_HINT_SIZE) {
        result = measure_hinted(&window, hint->size);
    } else if (hint->flags & MIGP_CONFIG_HINT_LIKELY) {
        result = measure_hinted(&window, hint->size);
        if (result < 0 && result != MIGP_ERR_NEED_MORE) {
            result = measure(&window, scanned);
        }
    } else {
        result = measure(&window, scanned);
    }
    if (result == MIGP_ERR_NEED_MORE && need != NULL) {
        *need = window.need;
    }
    return result;
}

migp_ssize migp_config_measure(const void *bytes, size_t size,
                               uint64_t max_config,
                               const struct migp_config_hint *hint,
                               uint32_t flags, size_t *need)
{
    struct migp_config_hint own = {.struct_size = sizeof(own)};
    size_t scanned = 0;

    if ((bytes == NULL && size > 0) || (flags & ~(uint32_t)MIGP_FEED_LAST) ||
        max_config > MIGP_MAX_CONFIG_CEILING) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    if ((hint != NULL && migp_struct_read(&own, sizeof(own), hint) < 0) ||
        (own.flags & ~MIGP_CONFIG_HINTS) != 0) {
        return MIGP_ERR_INVALID_ARGUMENT;
    }
    return migp_config_measure_from(bytes != NULL ? bytes : (const void *)"",
                                    size, max_config, &own, flags, &scanned,
                                    need);
}
