/* SPDX-License-Identifier: MIT */
#include "qemu/reader.h"
#include "stream/tag.h"

/*
 * [QC-8] Sections of other devices have no length and a format of their own.
 * Where the VM description tells the size of a FULL, it is passed over by
 * that; else its footer is looked for; and where there are no footers
 * either, the next section of a VFIO device is.
 */

#define SIZED_MAX 65536

enum answer {
    NO,
    YES,
    MORE
};

static enum answer enough(const struct migp_cursor *cursor, size_t size,
                          bool last, size_t *need)
{
    if (size <= migp_cursor_left(cursor)) {
        return YES;
    }
    *need = cursor->at + size;
    return last ? NO : MORE;
}

/* Does a START or FULL head start here? Its idstr is printable then. */
static enum answer is_named_head(const struct migp_cursor *cursor, bool last,
                                 size_t *need)
{
    const uint8_t *head = cursor->bytes + cursor->at;
    enum answer answer = enough(cursor, 6, last, need);
    size_t i;

    if (answer != YES) {
        return answer;
    }
    for (i = 0; i < head[5]; i++) {
        answer = enough(cursor, 7 + i, last, need);
        if (answer != YES) {
            return answer;
        }
        if (head[6 + i] < 0x20 || head[6 + i] > 0x7e) {
            return NO;
        }
    }
    return head[5] > 0 ? YES : NO;
}

static enum answer is_eof(const struct migp_cursor *cursor, bool last,
                          size_t *need)
{
    if (migp_cursor_left(cursor) == 1 && last) {
        return YES;
    }
    switch (enough(cursor, 2, last, need)) {
    case YES:
        return cursor->bytes[cursor->at + 1] == MIGP_QEMU_VMDESCRIPTION ? YES
                                                                        : NO;
    case MORE:
        return MORE;
    default:
        return NO;
    }
}

/* Could a section, a command or the end of the stream start here? */
static enum answer is_start(const struct migp_qemu_reader *reader,
                            const struct migp_cursor *cursor, bool last,
                            size_t *need)
{
    const uint8_t *bytes = cursor->bytes + cursor->at;
    enum answer answer;

    if (reader->package_end != 0 &&
        reader->offset + cursor->at == reader->package_end) {
        return YES;
    }
    if (migp_cursor_left(cursor) == 0) {
        *need = cursor->at + 1;
        return last ? NO : MORE;
    }
    switch (bytes[0]) {
    case MIGP_QEMU_EOF:
        return is_eof(cursor, last, need);
    case MIGP_QEMU_START:
    case MIGP_QEMU_FULL:
        return is_named_head(cursor, last, need);
    case MIGP_QEMU_PART:
    case MIGP_QEMU_END:
        answer = enough(cursor, 5, last, need);
        if (answer == YES &&
            migp_section_find(&reader->table, migp_load_be32(bytes + 1)) ==
                NULL) {
            return NO;
        }
        return answer;
    case MIGP_QEMU_COMMAND:
        answer = enough(cursor, 3, last, need);
        if (answer == YES && !migp_qemu_is_command(migp_load_be16(bytes + 1))) {
            return NO;
        }
        return answer;
    default:
        return NO;
    }
}

/* Does this section's footer, and something sensible after it, start here? */
static enum answer is_footer(const struct migp_qemu_reader *reader,
                             struct migp_cursor cursor, bool last, size_t *need)
{
    uint8_t footer[5] = {MIGP_QEMU_FOOTER_BYTE};
    size_t left = migp_cursor_left(&cursor);
    size_t compared = left < 5 ? left : 5;

    migp_store_be32(footer + 1, reader->section->shown.section_id);
    if (memcmp(cursor.bytes + cursor.at, footer, compared) != 0) {
        return NO;
    }
    if (compared < 5) {
        *need = cursor.at + 5;
        return last ? NO : MORE;
    }
    cursor.at += 5;
    return is_start(reader, &cursor, last, need);
}

int migp_qemu_enter_opaque(struct migp_qemu_reader *reader)
{
    reader->run_offset = reader->offset;
    if (reader->section_kind == MIGP_SECTION_FULL &&
        reader->section->vmdesc != NULL) {
        reader->state = MIGP_QEMU_IN_SIZED;
    } else if (reader->footers == MIGP_QEMU_FOOTERS_OFF) {
        reader->state = MIGP_QEMU_IN_RUN;
    } else {
        reader->state = MIGP_QEMU_IN_SCAN;
    }
    return MIGP_OK;
}

/* The bytes not consumed yet, as a cursor of their own. */
static struct migp_cursor ahead(const struct migp_qemu_feed *feed)
{
    return migp_cursor_over(migp_qemu_at(feed), migp_qemu_left(feed));
}

/*
 * The size is believed if a footer stands where it says, or if it is too big
 * to look so far ahead, or if there are no footers to look for.
 */
int migp_qemu_step_sized(struct migp_qemu_reader *reader,
                         struct migp_qemu_feed *feed)
{
    uint64_t size = reader->section->vmdesc->size;

    if (size <= SIZED_MAX && size <= reader->options.max_config &&
        reader->footers != MIGP_QEMU_FOOTERS_OFF) {
        struct migp_cursor cursor = ahead(feed);
        size_t need = 0;
        enum answer answer = enough(&cursor, (size_t)size, feed->last, &need);

        if (answer == YES) {
            cursor.at += (size_t)size;
            answer = is_footer(reader, cursor, feed->last, &need);
        }
        if (answer == MORE) {
            reader->need = need;
            return MIGP_OK;
        }
        if (answer == NO && reader->footers == MIGP_QEMU_FOOTERS_AUTO &&
            cursor.at == (size_t)size) { /* perhaps there are no footers */
            answer = is_start(reader, &cursor, feed->last, &need);
        }
        if (answer == MORE) {
            reader->need = need;
            return MIGP_OK;
        }
        if (answer == NO) {
            reader->state = MIGP_QEMU_IN_SCAN;
            return MIGP_OK;
        }
    }
    migp_qemu_pass(reader, size, MIGP_QEMU_AT_PAYLOAD_END);
    return MIGP_OK;
}

/* Compare with bytes that may not all be there yet. */
static enum answer is_same(const struct migp_cursor *cursor,
                           const uint8_t *bytes, size_t size, bool last,
                           size_t *need)
{
    size_t left = migp_cursor_left(cursor);

    if (memcmp(cursor->bytes + cursor->at, bytes, left < size ? left : size) !=
        0) {
        return NO;
    }
    return enough(cursor, size, last, need);
}

/* Does a section of a VFIO device that is known start here? */
static enum answer is_vfio_section(const struct migp_qemu_reader *reader,
                                   const struct migp_cursor *cursor, bool last,
                                   size_t *need)
{
    const uint8_t *bytes = cursor->bytes + cursor->at;
    const struct migp_section *section;
    uint8_t head[6 + 255 + 8];
    size_t size = 5;
    enum answer answer = enough(cursor, size, last, need);

    if (answer != YES) {
        return answer;
    }
    section = migp_section_find(&reader->table, migp_load_be32(bytes + 1));
    if (section == NULL || section->shown.is_vfio == 0) {
        return NO;
    }
    if (bytes[0] == MIGP_QEMU_FULL) {
        memcpy(head, bytes, 5);
        head[5] = (uint8_t)section->idstr_size;
        memcpy(head + 6, section->idstr, section->idstr_size);
        size = 6 + section->idstr_size + 8;
        migp_store_be32(head + size - 8, section->shown.instance_id);
        migp_store_be32(head + size - 4, section->shown.version_id);
        answer = is_same(cursor, head, size, last, need);
        if (answer != YES) {
            return answer;
        }
    }
    answer = enough(cursor, size + 8, last, need);
    if (answer == YES && migp_tag_kind(migp_load_be64(bytes + size)) == 0) {
        return NO;
    }
    return answer;
}

/*
 * Where does the section end that is looked through? Any section ends at its
 * footer. One that is broken may have lost it: it ends where a section of a
 * known device begins, too [QC-13].
 */
static enum answer ends_section(const struct migp_qemu_reader *reader,
                                const struct migp_cursor *cursor, bool last,
                                size_t *need, bool *has_footer)
{
    uint8_t byte = cursor->bytes[cursor->at];

    *has_footer = byte == MIGP_QEMU_FOOTER_BYTE;
    if (*has_footer) {
        return is_footer(reader, *cursor, last, need);
    }
    if (byte == MIGP_QEMU_PART || byte == MIGP_QEMU_END ||
        byte == MIGP_QEMU_FULL) {
        return is_vfio_section(reader, cursor, last, need);
    }
    return NO;
}

/* The next byte where the section may end. */
static bool find_end(const struct migp_qemu_reader *reader,
                     struct migp_cursor *cursor)
{
    const uint8_t *from = cursor->bytes + cursor->at;
    const uint8_t *found;

    if (migp_cursor_left(cursor) == 0) {
        return false;
    }
    if (reader->section->content == MIGP_CONTENT_BROKEN) {
        return true;
    }
    found = memchr(from, MIGP_QEMU_FOOTER_BYTE, migp_cursor_left(cursor));
    cursor->at = found != NULL ? (size_t)(found - cursor->bytes) : cursor->size;
    return found != NULL;
}

int migp_qemu_step_scan(struct migp_qemu_reader *reader,
                        struct migp_qemu_feed *feed)
{
    struct migp_cursor cursor = ahead(feed);

    for (; find_end(reader, &cursor); cursor.at++) {
        size_t need = 0;
        bool has_footer;
        enum answer answer =
            ends_section(reader, &cursor, feed->last, &need, &has_footer);

        if (answer == NO) {
            continue;
        }
        migp_qemu_consume(reader, feed, cursor.at);
        if (answer == MORE) {
            reader->need = need - cursor.at;
            return MIGP_OK;
        }
        if (reader->section->content != MIGP_CONTENT_BROKEN) {
            migp_qemu_check_vmdesc(reader, feed);
        }
        migp_qemu_section_done(reader, feed);
        if (!has_footer) {
            reader->state = MIGP_QEMU_AT_NEXT;
        }
        return MIGP_OK;
    }
    migp_qemu_consume(reader, feed, cursor.at);
    return MIGP_OK;
}

/* Does a run of unknown sections end here? */
static enum answer ends_run(const struct migp_qemu_reader *reader,
                            const struct migp_cursor *cursor, bool last,
                            size_t *need)
{
    static const uint8_t eof[2] = {MIGP_QEMU_EOF, MIGP_QEMU_VMDESCRIPTION};
    enum answer answer;

    switch (cursor->bytes[cursor->at]) {
    case MIGP_QEMU_PART:
    case MIGP_QEMU_END:
    case MIGP_QEMU_FULL:
        return is_vfio_section(reader, cursor, last, need);
    case MIGP_QEMU_EOF:
        if (migp_cursor_left(cursor) == 1) {
            *need = cursor->at + 2;
            return last ? YES : MORE;
        }
        answer = is_same(cursor, eof, sizeof(eof), last, need);
        if (answer == YES) {
            answer = enough(cursor, 7, last, need);
        }
        if (answer == YES && cursor->bytes[cursor->at + 6] != '{') {
            return NO;
        }
        return answer;
    default:
        return NO;
    }
}

/* [QC-12] */
int migp_qemu_step_run(struct migp_qemu_reader *reader,
                       struct migp_qemu_feed *feed)
{
    struct migp_cursor cursor = ahead(feed);

    for (; migp_cursor_left(&cursor) > 0; cursor.at++) {
        size_t need = 0;
        enum answer answer = ends_run(reader, &cursor, feed->last, &need);

        if (answer != NO) {
            migp_qemu_consume(reader, feed, cursor.at);
            if (answer == MORE) {
                reader->need = need - cursor.at;
            } else {
                migp_qemu_emit_finding(reader, feed, MIGP_FINDING_OPAQUE_RUN,
                                       reader->run_offset,
                                       reader->offset - reader->run_offset, 0);
                migp_qemu_section_done(reader, feed);
            }
            return MIGP_OK;
        }
    }
    migp_qemu_consume(reader, feed, cursor.at);
    return MIGP_OK;
}
