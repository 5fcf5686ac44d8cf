/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_CHANNELS_H
#define MIGP_CLI_CHANNELS_H

#include "input.h"

/* Operands of a command that reads a migration of any number of channels. */
#define MIGP_CHANNELS_OPERANDS_MAX 257

/* One file of a migration, open and at its start. */
struct migp_channel_file {
    const char *file; /* as given */
    size_t operand;   /* its place on the command line */
    bool is_open;
    bool is_channel; /* a multifd channel, not the main channel */
    uint32_t id;     /* of a multifd channel whose start can be read */
    struct migp_input input;
};

/* The files of one migration, the main channel first, the others by id: the
 * order on the command line means nothing. */
struct migp_channels {
    struct migp_channel_file *files;
    size_t n_files;
};

/* Open the files and find out which is which. A single file is always the main
 * channel. Fails, with a message, if a file cannot be read, or if there is not
 * exactly one main channel. Close them in every case. */
int migp_channels_open(struct migp_channels *channels, char *const *files,
                       size_t n_files);
void migp_channels_close(struct migp_channels *channels);

#endif
