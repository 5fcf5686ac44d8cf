/* SPDX-License-Identifier: MIT */
#include "graft_donor.h"

#include "message.h"

#include <migproto/pci.h>
#include <migproto/record.h>
#include <migproto/stream.h>

#include <stdlib.h>
#include <string.h>

#define BLOCK ((size_t)256 << 10)

/* END_OF_STATE, and the footer that follows it in a section. */
#define CLOSING_MAX 13

static int load_config(struct migp_graft_donor *donor, const char *file,
                       uint64_t max_config)
{
    struct migp_input input;
    int result = -1;

    if (migp_input_open(&input, file) != 0) {
        return -1;
    }
    donor->config_name = input.name;
    if (max_config > MIGP_MAX_CONFIG_CEILING) {
        max_config = MIGP_MAX_CONFIG_CEILING;
    }
    if (migp_input_fill(&input, (size_t)max_config + 1) == 0) {
        donor->config_size = migp_input_size(&input);
        if (donor->config_size > max_config) {
            migp_message_print(input.name, "more than %llu config bytes",
                               (unsigned long long)max_config);
        } else {
            donor->config = migp_memory_resize(NULL, donor->config_size + 1, 1);
            memcpy(donor->config, migp_input_bytes(&input), donor->config_size);
            result = 0;
        }
    }
    migp_input_close(&input);
    return result;
}

int migp_graft_donor_open(struct migp_graft_donor *donor, const char *state,
                          const char *config, uint64_t max_config)
{
    memset(donor, 0, sizeof(*donor));
    donor->state.fd = -1;
    if (migp_input_open(&donor->state, state) != 0) {
        return -1;
    }
    if (!donor->state.seekable) {
        migp_message_print(donor->state.name, "the state must be a file: its "
                                              "size has to be known");
        return -1;
    }
    migp_input_release(&donor->state); /* it is read by offsets */
    return config == NULL ? 0 : load_config(donor, config, max_config);
}

void migp_graft_donor_free(struct migp_graft_donor *donor)
{
    migp_input_close(&donor->state);
    free(donor->config);
    donor->config = NULL;
}

/* END_OF_STATE, then 0x7e and the section's id if there are footers. Gives
 * the number of bytes. */
static size_t make_closing(uint8_t closing[CLOSING_MAX],
                           const struct migp_config_hint *hint)
{
    static const uint8_t end[9] = {0xff, 0xff, 0xff, 0xff, 0xef,
                                   0x10, 0x00, 0x01, 0x7e};
    size_t i;

    memcpy(closing, end, sizeof(end));
    if ((hint->flags & MIGP_CONFIG_HINT_FOOTER) == 0) {
        return sizeof(end) - 1;
    }
    for (i = 0; i < 4; i++) {
        closing[sizeof(end) + i] = (uint8_t)(hint->section_id >> (24 - 8 * i));
    }
    return CLOSING_MAX;
}

int migp_graft_donor_check_config(const struct migp_graft_donor *donor,
                                  const struct migp_graft_site *site,
                                  const struct migp_scan *scan,
                                  uint64_t max_config)
{
    struct migp_config_hint hint = {.struct_size = sizeof(hint)};
    uint8_t *bytes;
    size_t size;
    migp_ssize found;

    /* A packet tells where its config bytes end. */
    if (donor->config_name == NULL || site->shown.on_multifd) {
        return 0;
    }
    if (scan->summary.footers == MIGP_QEMU_FOOTERS_ON) {
        hint.flags = MIGP_CONFIG_HINT_FOOTER;
        hint.section_id = site->shown.section_id;
    }
    bytes = migp_memory_resize(NULL, donor->config_size + CLOSING_MAX, 1);
    memcpy(bytes, donor->config, donor->config_size);
    size = donor->config_size + make_closing(bytes + donor->config_size, &hint);
    found = migp_config_measure(bytes, size, max_config, &hint, MIGP_FEED_LAST,
                                NULL);
    free(bytes);
    if (found == (migp_ssize)donor->config_size) {
        return 0;
    }
    if (found >= 0) {
        migp_message_print(donor->config_name,
                           "a reader would take byte %lld of %zu for the end "
                           "of these config bytes",
                           (long long)found, donor->config_size);
    } else {
        migp_message_print(donor->config_name,
                           "a reader would not find the end of these config "
                           "bytes");
    }
    return -1;
}

static void set_vendor(struct migp_driver_reader *reader,
                       const struct migp_graft_donor *donor,
                       const struct migp_graft_site *site)
{
    struct migp_pci_config pci = {.struct_size = sizeof(pci)};

    if (donor->config_name == NULL) {
        if (site->shown.has_pci) {
            (void)migp_driver_reader_set_vendor(reader,
                                                site->shown.pci.vendor_id);
        }
    } else if (migp_pci_config_parse(donor->config, donor->config_size, &pci,
                                     NULL) == MIGP_OK) {
        (void)migp_driver_reader_set_vendor(reader, pci.vendor_id);
    }
}

void migp_graft_donor_warn(const struct migp_graft_donor *donor,
                           const struct migp_graft_site *site)
{
    const struct migp_pci_config *old = &site->shown.pci;
    struct migp_pci_config pci = {.struct_size = sizeof(pci)};
    struct migp_error error = MIGP_ERROR_INIT;

    if (donor->state.size == 0 && site->state_size > 0) {
        migp_message_print(donor->state.name,
                           "warning: the new state is empty");
    }
    if (donor->config_name == NULL || !site->shown.has_pci) {
        return;
    }
    if (migp_pci_config_parse(donor->config, donor->config_size, &pci,
                              &error) != MIGP_OK) {
        migp_message_print(donor->config_name, "warning: %s", error.text);
    } else if (pci.config_size != old->config_size) {
        migp_message_print(donor->config_name,
                           "warning: config space of %u bytes; the device has "
                           "%u",
                           (unsigned)pci.config_size,
                           (unsigned)old->config_size);
    }
}

/* To the driver's reader, and into the digest. */
static int read_state(const struct migp_input *state,
                      struct migp_driver_reader *reader,
                      struct migp_digests *digests)
{
    uint8_t *block = migp_memory_resize(NULL, BLOCK, 1);
    uint64_t offset = 0;
    int result = 0;

    while (result == 0 && offset < state->size) {
        uint64_t left = state->size - offset;
        size_t size = left < BLOCK ? (size_t)left : BLOCK;

        result = migp_input_read_at(state, offset, block, size);
        if (result == 0) {
            const struct migp_event event = {
                .kind = MIGP_EVENT_DATA, .size = size, .bytes = block};

            (void)migp_driver_reader_feed(reader, block, size, offset);
            migp_digests_sink(digests, 0, MIGP_SECTION_BARE, &event);
            offset += size;
        }
    }
    free(block);
    return result;
}

/* Print what the driver's format tells; 1 if there is an error in it. */
static int print_findings(const struct migp_graft_donor *donor,
                          const struct migp_driver_reader *reader)
{
    struct migp_finding finding;
    char text[MIGP_TEXT_MAX];
    int result = 0;
    size_t i;

    for (i = 0; migp_driver_reader_finding(reader, i, &finding) == MIGP_OK;
         i++) {
        if (finding.severity == MIGP_SEVERITY_NOTE) {
            continue;
        }
        migp_finding_text(&finding, text, sizeof(text));
        migp_message_print_at(donor->state.name, finding.offset, text,
                              migp_finding_id(finding.code));
        if (finding.severity == MIGP_SEVERITY_ERROR) {
            result = 1;
        }
    }
    return result;
}

static bool is_chain(int driver)
{
    return driver == MIGP_DRIVER_MLX5 || driver == MIGP_DRIVER_VIRTIO;
}

static bool may_be_same(int before, int after)
{
    return before == after ||
           (before == MIGP_DRIVER_RECORDS && is_chain(after)) ||
           (after == MIGP_DRIVER_RECORDS && is_chain(before));
}

int migp_graft_donor_check_state(struct migp_graft_donor *donor,
                                 const struct migp_graft_site *site)
{
    struct migp_digests digests = {0};
    struct migp_driver_reader *reader;
    int before = (int)site->shown.driver;
    int result;

    if (migp_driver_reader_new(&reader) != MIGP_OK) {
        migp_message_print(NULL, "%s", migp_error_text(MIGP_ERR_NO_MEMORY));
        return -1;
    }
    result = read_state(&donor->state, reader, &digests);
    if (result == 0) {
        result = migp_digests_finish(&digests, 0, donor->digest);
    }
    migp_digests_free(&digests);
    if (result == 0) {
        set_vendor(reader, donor, site);
        (void)migp_driver_reader_finish(reader, donor->state.size);
        if (!may_be_same(before, migp_driver_reader_driver(reader))) {
            migp_message_print(
                donor->state.name,
                "warning: this is a state of driver %s; the device's was of %s",
                migp_driver_id(migp_driver_reader_driver(reader)),
                migp_driver_id(before));
        }
        result = print_findings(donor, reader);
    }
    migp_driver_reader_free(reader);
    return result;
}
