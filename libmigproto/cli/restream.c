/* SPDX-License-Identifier: MIT */
#include "restream.h"

#include "message.h"

#include <string.h>

int migp_restream_open(struct migp_restream *restream, uint32_t dialects,
                       struct migp_output *output)
{
    static const uint32_t each[MIGP_RESTREAM_ENCODERS] = {
        MIGP_DIALECT_V2, MIGP_DIALECT_V1, MIGP_DIALECT_QEMU_5_2};
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_encoder_options options;
    size_t i;

    memset(restream, 0, sizeof(*restream));
    restream->output = output;
    for (i = 0; i < MIGP_RESTREAM_ENCODERS; i++) {
        if ((dialects & each[i]) == 0) {
            continue;
        }
        migp_encoder_options_init(&options);
        options.dialect = each[i];
        if (migp_encoder_new(&restream->encoders[i], &options, &error) !=
            MIGP_OK) {
            migp_message_print(NULL, "%s", error.text);
            migp_restream_close(restream);
            return -1;
        }
    }
    return 0;
}

int migp_restream_write(struct migp_restream *restream, int kind,
                        const void *payload, uint64_t size)
{
    struct migp_piece pieces[2];
    unsigned char spare[MIGP_RECORD_HEAD_MAX];
    unsigned char head[MIGP_RECORD_HEAD_MAX];
    migp_ssize head_size = MIGP_ERR_STATE;
    size_t n_pieces;
    size_t i;

    for (i = 0; i < MIGP_RESTREAM_ENCODERS; i++) {
        migp_ssize result;

        if (restream->encoders[i] == NULL) {
            continue;
        }
        /* Dialects differ in what may follow what, not in the bytes. */
        result = migp_encoder_record(restream->encoders[i], kind, payload, size,
                                     head_size < 0 ? head : spare, pieces,
                                     &n_pieces);
        if (result < 0) {
            migp_encoder_free(restream->encoders[i]);
            restream->encoders[i] = NULL;
        } else {
            head_size = result;
        }
    }
    if (head_size < 0) {
        return MIGP_ERR_STATE;
    }
    if (migp_output_write(restream->output, head, (size_t)head_size) != 0 ||
        (payload != NULL &&
         migp_output_write(restream->output, payload, (size_t)size) != 0)) {
        return -1;
    }
    return 0;
}

void migp_restream_close(struct migp_restream *restream)
{
    size_t i;

    for (i = 0; i < MIGP_RESTREAM_ENCODERS; i++) {
        migp_encoder_free(restream->encoders[i]);
        restream->encoders[i] = NULL;
    }
}
