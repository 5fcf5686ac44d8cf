/* SPDX-License-Identifier: MIT */
#include "channels.h"

#include "message.h"

#include <migproto/multifd.h>

#include <stdlib.h>
#include <string.h>

/* Which channel it is; a fault of its start is said when it is read. */
static void take_id(struct migp_channel_file *channel)
{
    struct migp_multifd_reader *reader;
    struct migp_multifd_event event;
    size_t n_events = 0;

    if (migp_multifd_reader_new(&reader, NULL, NULL) == MIGP_OK) {
        (void)migp_multifd_reader_feed(
            reader, migp_input_bytes(&channel->input),
            migp_input_size(&channel->input), &event, 1, &n_events);
        if (n_events > 0 && event.kind == MIGP_MULTIFD_EVENT_INIT) {
            channel->id = event.init->channel_id;
        }
        migp_multifd_reader_free(reader);
    }
}

/* Look at the first bytes. */
static int look(struct migp_channel_file *channel)
{
    static const uint8_t magic[] = {0x11, 0x22, 0x33, 0x44};
    struct migp_input *input = &channel->input;

    if (migp_input_fill(input, MIGP_MULTIFD_INIT_SIZE) != 0) {
        return -1;
    }
    if (migp_input_size(input) < sizeof(magic)) {
        migp_message_print(input->name,
                           "%zu bytes are no channel of a migration",
                           migp_input_size(input));
        return -1;
    }
    channel->is_channel =
        migp_input_size(input) >= sizeof(magic) &&
        memcmp(migp_input_bytes(input), magic, sizeof(magic)) == 0;
    if (!channel->is_channel) {
        return 0;
    }
    take_id(channel);
    if (!input->seekable) {
        migp_message_print(channel->file, "a multifd channel must be a file: "
                                          "it is read twice");
        return -1;
    }
    return migp_input_rewind(input);
}

static int compare(const void *left, const void *right)
{
    const struct migp_channel_file *a = left;
    const struct migp_channel_file *b = right;

    if (a->is_channel != b->is_channel) {
        return a->is_channel ? 1 : -1;
    }
    if (a->id != b->id) {
        return a->id < b->id ? -1 : 1;
    }
    return strcmp(a->file, b->file); /* a fault: at least always the same */
}

static bool looks_like_main(const struct migp_channel_file *file)
{
    return memcmp(migp_input_bytes(&file->input), "QEVM", 4) == 0 ||
           memcmp(migp_input_bytes(&file->input), "Libv", 4) == 0;
}

static int check(const struct migp_channels *channels)
{
    const struct migp_channel_file *files = channels->files;

    if (channels->n_files == 1) {
        return 0;
    }
    if (files[0].is_channel) {
        migp_message_print(NULL, "none of the files is the main channel of a "
                                 "migration");
        return -1;
    }
    if (!files[1].is_channel) {
        migp_message_print(files[looks_like_main(&files[0]) ? 1 : 0].file,
                           "not a multifd channel, and there is another main "
                           "channel, %s",
                           files[looks_like_main(&files[0]) ? 0 : 1].file);
        return -1;
    }
    return 0;
}

int migp_channels_open(struct migp_channels *channels, char *const *files,
                       size_t n_files)
{
    size_t i;

    channels->n_files = n_files;
    channels->files =
        migp_memory_resize(NULL, n_files, sizeof(*channels->files));
    memset(channels->files, 0, n_files * sizeof(*channels->files));
    for (i = 0; i < n_files; i++) {
        channels->files[i].file = files[i];
        channels->files[i].operand = i;
        if (migp_input_open(&channels->files[i].input, files[i]) != 0) {
            return -1;
        }
        channels->files[i].is_open = true;
        if (n_files > 1 && look(&channels->files[i]) != 0) {
            return -1;
        }
    }
    qsort(channels->files, n_files, sizeof(*channels->files), compare);
    return check(channels);
}

void migp_channels_close(struct migp_channels *channels)
{
    size_t i;

    for (i = 0; i < channels->n_files; i++) {
        if (channels->files[i].is_open) {
            migp_input_close(&channels->files[i].input);
        }
    }
    free(channels->files);
    channels->files = NULL;
    channels->n_files = 0;
}
