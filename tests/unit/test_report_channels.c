/* SPDX-License-Identifier: MIT */
#include "cmocka_all.h"
#include "stream_of.h"

#include <migproto/report.h>
#include <string.h>

/* A migration of one device: what each channel holds, and what a report that
 * is given them says. */

#define CHANNELS 3

struct migration {
    struct build main_channel;
    struct build channels[CHANNELS];
    size_t n_channels;
};

struct seen {
    uint8_t bytes[4096]; /* of DATA, in the sink's order */
    size_t n_bytes;
    size_t n_config;
    int last_section;
};

static void sink(void *user, size_t device, int section_kind,
                 const struct migp_event *event)
{
    struct seen *seen = user;

    assert_int_equal(device, 0);
    if (event->kind == MIGP_EVENT_DATA) {
        assert_true(seen->n_bytes + event->size <= sizeof(seen->bytes));
        memcpy(seen->bytes + seen->n_bytes, event->bytes, (size_t)event->size);
        seen->n_bytes += (size_t)event->size;
    }
    seen->n_config += event->kind == MIGP_EVENT_CONFIG;
    seen->last_section = section_kind;
}

/* full: the tag in the FULL section, END or CONFIG_LOAD_READY. */
static void build_main(struct migration *migration, unsigned full)
{
    struct build *build = &migration->main_channel;

    build_header(build);
    build_vfio_start(build);
    build_short_head(build, 2, VFIO_ID);
    build_data(build, "pre", 3);
    build_tag(build, 1);
    build_footer(build, VFIO_ID);
    build_vfio_end(build);
    build_head(build, 4, VFIO_ID, VFIO_IDSTR, 0, 1);
    build_tag(build, full);
    build_footer(build, VFIO_ID);
    build_tail(build);
}

static struct build *add_channel(struct migration *migration, uint8_t id)
{
    struct build *build = &migration->channels[migration->n_channels++];

    build_u32(build, 0x11223344);
    build_u32(build, 1);
    build_fill(build, 16, 0);
    build_u8(build, id);
    build_fill(build, 39, 0);
    return build;
}

static void build_packet(struct build *build, const char *idstr, uint32_t index,
                         uint32_t flags, const void *bytes, size_t size)
{
    build_u32(build, 0x11223344);
    build_u32(build, 1);
    build_u32(build, 0x40);
    build_text(build, idstr);
    build_fill(build, 256 - strlen(idstr), 0);
    build_u32(build, 0);
    build_u32(build, (uint32_t)size + 12);
    build_u32(build, 0);
    build_u32(build, index);
    build_u32(build, flags);
    build_bytes(build, bytes, size);
}

static void build_config(struct build *build, uint32_t index)
{
    struct build config = {NULL, 0, 0};

    build_tag(&config, 2);
    build_text(&config, "config");
    build_tag(&config, 1);
    build_packet(build, VFIO_IDSTR, index, 1, config.bytes, config.size);
    build_free(&config);
}

/* Packets 0 to 3 over two channels, out of order. */
static void build_good(struct migration *migration, unsigned full)
{
    struct build *build;

    memset(migration, 0, sizeof(*migration));
    build_main(migration, full);
    build = add_channel(migration, 0);
    build_packet(build, VFIO_IDSTR, 1, 0, "two-", 4);
    build_config(build, 3);
    build = add_channel(migration, 1);
    build_packet(build, VFIO_IDSTR, 2, 0, "three", 5);
    build_packet(build, VFIO_IDSTR, 0, 0, "-one-", 5);
}

static void migration_free(struct migration *migration)
{
    size_t i;

    build_free(&migration->main_channel);
    for (i = 0; i < migration->n_channels; i++) {
        build_free(&migration->channels[i]);
    }
}

static void feed(struct migp_report *report, const struct build *build,
                 size_t chunk)
{
    size_t at = 0, shown = 0;

    for (;;) {
        migp_ssize used = migp_report_feed(report, build->bytes + at,
                                           shown - at, shown == build->size);

        if (used < 0) {
            return;
        }
        at += (size_t)used;
        if (used == 0) {
            if (shown == build->size) {
                return;
            }
            shown = build->size - shown < chunk ? build->size : shown + chunk;
        }
    }
}

static void give(struct migp_report *report, const struct migration *migration,
                 size_t chunk)
{
    struct migp_report_piece piece;
    int code;

    while ((code = migp_report_piece(report, &piece)) == 1) {
        const struct build *build = &migration->channels[piece.input - 1];
        size_t size =
            piece.at_once || piece.size < chunk ? (size_t)piece.size : chunk;

        assert_in_range(piece.input, 1, migration->n_channels);
        assert_true(piece.offset + piece.size <= build->size);
        assert_int_equal(
            migp_report_give(report, build->bytes + piece.offset, size),
            MIGP_OK);
    }
    assert_int_equal(code, 0);
}

static struct migp_report *report_of(const struct migration *migration,
                                     size_t chunk, bool backwards,
                                     struct seen *seen)
{
    struct migp_report_options options;
    struct migp_report *report;
    size_t i;

    memset(seen, 0, sizeof(*seen));
    migp_report_options_init(&options);
    options.sink = sink;
    options.user = seen;
    assert_int_equal(migp_report_new(&report, &options, NULL), MIGP_OK);
    feed(report, &migration->main_channel, chunk);
    for (i = 0; i < migration->n_channels; i++) {
        size_t at = backwards ? migration->n_channels - 1 - i : i;

        assert_int_equal(migp_report_next_channel(report, NULL), MIGP_OK);
        feed(report, &migration->channels[at], chunk);
    }
    if (!backwards) {
        give(report, migration, chunk);
    }
    return report;
}

static struct migp_report_finding finding_at(const struct migp_report *report,
                                             size_t position)
{
    struct migp_report_finding found;

    assert_int_equal(migp_report_finding(report, position, &found), MIGP_OK);
    return found;
}

static struct migp_report_summary summary_of(const struct migp_report *report)
{
    struct migp_report_summary summary = {.struct_size = sizeof(summary)};

    assert_int_equal(migp_report_summary(report, &summary), MIGP_OK);
    return summary;
}

static struct migp_report_device device_of(const struct migp_report *report)
{
    struct migp_report_device device = {.struct_size = sizeof(device)};

    assert_int_equal(migp_report_device(report, 0, &device), MIGP_OK);
    return device;
}

/* The only finding of severity warning or error is this one, apart from the
 * config bytes' not being PCI's. */
static void assert_only(const struct migration *migration, uint32_t code,
                        uint32_t input, uint64_t offset, bool complete)
{
    struct seen seen;
    struct migp_report *report = report_of(migration, 100, false, &seen);
    size_t i, n = 0;

    (void)migp_report_finish(report, NULL);
    for (i = 0; i < summary_of(report).n_findings; i++) {
        struct migp_report_finding found = finding_at(report, i);

        if (found.finding.severity == MIGP_SEVERITY_NOTE ||
            found.finding.code == MIGP_FINDING_PCI_SIZE) {
            continue;
        }
        n++;
        assert_int_equal(found.finding.code, code);
        assert_int_equal(found.input, input);
        assert_true(found.finding.offset == offset);
    }
    assert_int_equal(n, 1);
    assert_int_equal(summary_of(report).complete, complete);
    migp_report_free(report);
}

/* [MF-7] [MF-8] */
static void test_report__packets_in_order(void **state)
{
    static const unsigned fulls[] = {1, 6};
    struct migration migration;
    size_t chunk, i;

    (void)state;
    for (i = 0; i < N_TESTS(fulls); i++) {
        build_good(&migration, fulls[i]);
        for (chunk = 1; chunk < 700; chunk += 13) {
            struct seen seen;
            struct migp_report *report =
                report_of(&migration, chunk, false, &seen);
            struct migp_report_record record;
            struct migp_report_device device;

            assert_int_equal(migp_report_finish(report, NULL), MIGP_OK);
            assert_int_equal(seen.n_bytes, 17);
            assert_memory_equal(seen.bytes, "pre-one-two-three", 17);
            assert_int_equal(seen.n_config, 1);
            assert_int_equal(seen.last_section, MIGP_SECTION_MULTIFD);
            device = device_of(report);
            assert_int_equal(device.complete, 1);
            assert_int_equal(device.on_multifd, 1);
            assert_int_equal(device.n_packets, 4);
            assert_true(device.precopy_bytes == 3);
            assert_true(device.stopcopy_bytes == 14);
            assert_true(device.config_size == 6);
            assert_true(device.n_records == 11);
            assert_int_equal(migp_report_record(report, 0, 6, &record),
                             MIGP_OK);
            assert_int_equal(record.section, MIGP_SECTION_MULTIFD);
            assert_int_equal(record.input, 2);
            assert_true(record.offset == 64 + 293 && record.size == 5);
            assert_int_equal(migp_report_record(report, 0, 9, &record),
                             MIGP_OK);
            assert_int_equal(record.kind, MIGP_EVENT_CONFIG);
            assert_int_equal(record.input, 1);
            assert_true(record.offset == 64 + 292 + 288);
            assert_int_equal(summary_of(report).complete, 1);
            assert_int_equal(summary_of(report).n_channels, 2);
            migp_report_free(report);
        }
        migration_free(&migration);
    }
}

/* Another sink-less caller need not present opaque bytes again. */
static void test_report__channel_query(void **state)
{
    struct migp_report_channel channel = {.struct_size = sizeof(channel)};
    struct migration migration;
    struct migp_report *report;
    struct seen seen;

    (void)state;
    build_good(&migration, 1);
    report = report_of(&migration, 1000, false, &seen);
    assert_int_equal(migp_report_channel(report, 1, &channel), MIGP_OK);
    assert_int_equal(channel.input, 2);
    assert_int_equal(channel.channel_id, 1);
    assert_true(channel.bytes == 64 + 2 * 288 + 10);
    assert_true(channel.n_ram == 0 && channel.ram_bytes == 0);
    assert_true(channel.n_packets == 2 && channel.data_bytes == 10);
    assert_int_equal(channel.complete, 1);
    assert_int_equal(migp_report_channel(report, 2, &channel),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_report_channel(NULL, 0, &channel),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_report_channel(report, 0, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    migp_report_free(report);
    migration_free(&migration);
}

/* [MF-8] */
static void test_report__nothing_given_again(void **state)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct migration migration;
    struct migp_report *report;
    struct seen seen;

    (void)state;
    build_good(&migration, 1);
    report = report_of(&migration, 1000, true, &seen);
    assert_int_equal(migp_report_finish(report, &error), MIGP_ERR_MALFORMED);
    assert_int_equal(error.finding, MIGP_FINDING_STATE_UNREAD);
    assert_true(error.value == 0 && error.expected == 4);
    assert_int_equal(device_of(report).complete, 0);
    migp_report_free(report);
    migration_free(&migration);
}

/* [MF-8] */
static void test_report__no_channel_and_no_packet(void **state)
{
    struct migration migration;
    uint64_t full;

    (void)state;
    memset(&migration, 0, sizeof(migration));
    build_main(&migration, 1);
    full = migration.main_channel.size - 8 - 5 - 8; /* tail, footer, END */
    assert_only(&migration, MIGP_FINDING_LOAD_READY, 0, full, false);
    (void)add_channel(&migration, 0);
    assert_only(&migration, MIGP_FINDING_STATE_MISSING, 0, full, false);
    migration_free(&migration);
}

/* [MF-6] */
static void test_report__packets_at_fault(void **state)
{
    static const struct {
        uint32_t index[3];
        uint32_t config;
        uint32_t code;
        uint64_t offset; /* in packets of 289 bytes */
    } cases[] = {
        {{0, 1, 1}, 2, MIGP_FINDING_PACKET_REPEATED, 2},
        {{0, 1, 3}, 4, MIGP_FINDING_PACKET_MISSING, 2},
        {{0, 1, 4294967294u}, 2, MIGP_FINDING_PACKET_INDEX, 2},
        {{0, 2, 1}, 1, MIGP_FINDING_PACKET_REPEATED, 3},
        {{0, 3, 1}, 2, MIGP_FINDING_PACKET_AFTER_CONFIG, 3},
    };
    size_t i, k;

    (void)state;
    for (i = 0; i < N_TESTS(cases); i++) {
        struct seen seen;
        struct migp_report *report;
        struct migration migration;
        struct migp_error error = MIGP_ERROR_INIT;
        struct build *build;

        memset(&migration, 0, sizeof(migration));
        build_main(&migration, 6);
        build = add_channel(&migration, 0);
        for (k = 0; k < 3; k++) {
            build_packet(build, VFIO_IDSTR, cases[i].index[k], 0, "x", 1);
        }
        build_config(build, cases[i].config);
        report = report_of(&migration, 300, false, &seen);
        assert_int_equal(migp_report_finish(report, &error),
                         MIGP_ERR_MALFORMED);
        assert_int_equal(error.finding, cases[i].code);
        assert_true(error.offset == 64 + 289 * cases[i].offset);
        assert_int_equal(device_of(report).complete, 0);
        assert_int_equal(summary_of(report).complete, 0);
        migp_report_free(report);
        migration_free(&migration);
    }
}

/* [MF-5] */
static void test_report__config_packets(void **state)
{
    static const uint8_t zeros[16] = {0};
    struct migration migration;
    struct build *build;
    unsigned i;

    (void)state;
    memset(&migration, 0, sizeof(migration));
    build_main(&migration, 6);
    build = add_channel(&migration, 0);
    build_packet(build, VFIO_IDSTR, 0, 0, "x", 1);
    build_packet(build, VFIO_IDSTR, 1, 1, zeros, 16);
    assert_only(&migration, MIGP_FINDING_CONFIG_PACKET, 1, 64 + 289, false);
    migration_free(&migration);
    memset(&migration, 0, sizeof(migration));
    build_main(&migration, 6);
    build = add_channel(&migration, 0);
    build_packet(build, VFIO_IDSTR, 0, 0, "x", 1);
    build_packet(build, VFIO_IDSTR, 1, 1, zeros, 15);
    assert_only(&migration, MIGP_FINDING_CONFIG_PACKET, 1, 64 + 289, false);
    migration_free(&migration);
    /* Each of the two tags alone. */
    for (i = 0; i < 2; i++) {
        struct build packet = {NULL, 0, 0};

        build_tag(&packet, i == 0 ? 2 : 3);
        build_tag(&packet, i == 0 ? 3 : 1);
        memset(&migration, 0, sizeof(migration));
        build_main(&migration, 6);
        build = add_channel(&migration, 0);
        build_packet(build, VFIO_IDSTR, 0, 0, "x", 1);
        build_packet(build, VFIO_IDSTR, 1, 1, packet.bytes, packet.size);
        assert_only(&migration, MIGP_FINDING_CONFIG_PACKET, 1, 64 + 289, false);
        migration_free(&migration);
        build_free(&packet);
    }
    memset(&migration, 0, sizeof(migration));
    build_main(&migration, 6);
    build = add_channel(&migration, 0);
    build_packet(build, VFIO_IDSTR, 0, 0, NULL, 0);
    build_packet(build, VFIO_IDSTR, 1, 0, "x", 1);
    build_config(build, 2);
    assert_only(&migration, MIGP_FINDING_DATA_SIZE_ZERO, 1, 64, true);
    migration_free(&migration);
}

/* [MF-7] */
static void test_report__channels_at_fault(void **state)
{
    struct migration migration;
    struct build *build;

    (void)state;
    build_good(&migration, 1);
    (void)add_channel(&migration, 1);
    assert_only(&migration, MIGP_FINDING_CHANNEL_REPEATED, 3, 24, true);
    migration_free(&migration);
    build_good(&migration, 1);
    (void)add_channel(&migration, 3);
    assert_only(&migration, MIGP_FINDING_CHANNEL_MISSING, 0, 0, true);
    migration.channels[2].bytes[24] = 9; /* a wider gap is one, too */
    assert_only(&migration, MIGP_FINDING_CHANNEL_MISSING, 0, 0, true);
    migration_free(&migration);
    build_good(&migration, 1);
    migration.channels[0].bytes[24] = 2; /* not the first one */
    assert_only(&migration, MIGP_FINDING_CHANNEL_MISSING, 0, 0, true);
    migration_free(&migration);
    build_good(&migration, 1);
    (void)add_channel(&migration, 2);
    migration.channels[2].bytes[8] = 1;
    assert_only(&migration, MIGP_FINDING_CHANNEL_UUID, 3, 8, true);
    migration_free(&migration);
    build_good(&migration, 1);
    build = add_channel(&migration, 2);
    build_u32(build, 0x11223344);
    assert_only(&migration, MIGP_FINDING_TRUNCATED, 3, 68, false);
    migration_free(&migration);
    build_good(&migration, 1);
    build = add_channel(&migration, 2);
    build_packet(build, "other/vfio", 0, 0, "x", 1);
    build_packet(build, "other/vfio", 1, 0, "x", 1);
    assert_only(&migration, MIGP_FINDING_PACKET_DEVICE, 3, 64, true);
    migration_free(&migration);
}

/* [MF-7] A device whose state the main channel holds takes no packets: it has
 * CONFIG there, or DATA in END, or both. */
static void test_report__packet_for_a_device_on_main(void **state)
{
    unsigned which;

    (void)state;
    for (which = 1; which <= 3; which++) {
        struct migp_error error = MIGP_ERROR_INIT;
        struct migration migration;
        struct build *build = &migration.main_channel;
        struct migp_report *report;
        struct seen seen;

        memset(&migration, 0, sizeof(migration));
        build_header(build);
        build_vfio_start(build);
        build_short_head(build, 3, VFIO_ID);
        if ((which & 1) != 0) {
            build_data(build, "x", 1);
        }
        build_tag(build, 1);
        build_footer(build, VFIO_ID);
        if ((which & 2) != 0) {
            build_vfio_full(build);
        } else {
            build_head(build, 4, VFIO_ID, VFIO_IDSTR, 0, 1);
            build_tag(build, 1);
            build_footer(build, VFIO_ID);
        }
        build_tail(build);
        build = add_channel(&migration, 0);
        build_packet(build, VFIO_IDSTR, 0, 0, "x", 1);
        build_packet(build, VFIO_IDSTR, 1, 0, "x", 1);
        report = report_of(&migration, 300, false, &seen);
        assert_int_equal(migp_report_finish(report, &error),
                         MIGP_ERR_MALFORMED);
        assert_int_equal(error.finding, MIGP_FINDING_PACKET_ON_MAIN);
        assert_true(error.offset == 64);
        assert_int_equal(seen.n_bytes, which & 1);
        migp_report_free(report);
        migration_free(&migration);
    }
}

/* Limits of the options reach the channels and the packets. */
static void test_report__limits(void **state)
{
    static const struct {
        uint32_t max_packet, max_packets, max_config, code;
    } cases[] = {
        {4, 256, 65536, MIGP_FINDING_PACKET_TOO_BIG},
        {1000, 3, 65536, MIGP_FINDING_PACKET_INDEX},
        {1000, 4, 5, MIGP_FINDING_PACKET_TOO_BIG},
        {1000, 4, 6, MIGP_FINDING_NONE},
    };
    size_t i, k;

    (void)state;
    for (i = 0; i < N_TESTS(cases); i++) {
        struct migp_error error = MIGP_ERROR_INIT;
        struct migp_report_options options;
        struct migp_qemu_options qemu;
        struct migration migration;
        struct migp_report *report;

        build_good(&migration, 1);
        migp_qemu_options_init(&qemu);
        qemu.max_config = cases[i].max_config;
        migp_report_options_init(&options);
        options.qemu = &qemu;
        options.max_packet = cases[i].max_packet;
        options.max_packets = cases[i].max_packets;
        assert_int_equal(migp_report_new(&report, &options, NULL), MIGP_OK);
        feed(report, &migration.main_channel, 1000);
        for (k = 0; k < migration.n_channels; k++) {
            assert_int_equal(migp_report_next_channel(report, NULL), MIGP_OK);
            feed(report, &migration.channels[k], 1000);
        }
        give(report, &migration, 1000);
        (void)migp_report_finish(report, &error);
        assert_int_equal(error.finding, cases[i].code);
        migp_report_free(report);
        migration_free(&migration);
    }
}

/* [MF-7] What a channel whose start cannot be read says counts for nothing. */
static void test_report__first_channel_unreadable(void **state)
{
    struct migration migration;
    struct migp_report *report;
    struct seen seen;
    uint32_t i;

    (void)state;
    build_good(&migration, 1);
    migration.channels[0].bytes[7] = 2; /* its version */
    migration.channels[1].bytes[8] = 9; /* UUID */
    report = report_of(&migration, 100, false, &seen);
    (void)migp_report_finish(report, NULL);
    for (i = 0; i < summary_of(report).n_findings; i++) {
        assert_int_not_equal(finding_at(report, i).finding.code,
                             MIGP_FINDING_CHANNEL_UUID);
    }
    assert_int_equal(finding_at(report, 0).finding.code,
                     MIGP_FINDING_MULTIFD_VERSION);
    migp_report_free(report);
    migration_free(&migration);
}

/* A driver's finding is where its own byte is: here in the main channel. */
static void test_report__finding_of_an_earlier_input(void **state)
{
    static const uint8_t head[24] = {0x4e, 0x2c, 0x3e, 0x8c, 0x89,
                                     0x09, 0x9d, 0x7e, 2};
    struct migp_error error = MIGP_ERROR_INIT;
    struct migration migration;
    struct build *build = &migration.main_channel;
    struct migp_report *report;
    struct seen seen;
    uint64_t at;

    (void)state;
    memset(&migration, 0, sizeof(migration));
    build_header(build);
    build_vfio_start(build);
    build_short_head(build, 2, VFIO_ID);
    at = build->size + 16;
    build_data(build, head, sizeof(head));
    build_tag(build, 1);
    build_footer(build, VFIO_ID);
    build_vfio_end(build);
    build_head(build, 4, VFIO_ID, VFIO_IDSTR, 0, 1);
    build_tag(build, 1);
    build_footer(build, VFIO_ID);
    build_tail(build);
    build = add_channel(&migration, 0);
    build_packet(build, VFIO_IDSTR, 0, 0, head, sizeof(head));
    build_config(build, 1);
    report = report_of(&migration, 100, false, &seen);
    assert_int_equal(migp_report_finish(report, &error), MIGP_ERR_MALFORMED);
    assert_int_equal(error.finding, MIGP_FINDING_DRIVER_HEADER);
    assert_true(error.offset == at + 8);
    assert_int_equal(finding_at(report, 1).finding.code,
                     MIGP_FINDING_DRIVER_HEADER);
    assert_int_equal(finding_at(report, 1).input, 0);
    migp_report_free(report);
    migration_free(&migration);
}

static void test_report__order_of_calls(void **state)
{
    struct migp_report_piece piece;
    struct migration migration;
    struct migp_report *report;
    struct seen seen;
    size_t i;

    (void)state;
    build_good(&migration, 1);
    assert_int_equal(migp_report_next_channel(NULL, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_report_new(&report, NULL, NULL), MIGP_OK);
    assert_int_equal(migp_report_next_channel(report, NULL),
                     MIGP_ERR_NOT_A_STREAM);
    assert_int_equal(migp_report_piece(report, &piece), 0);
    assert_int_equal(migp_report_give(report, "x", 1), MIGP_ERR_STATE);
    migp_report_free(report);

    assert_int_equal(migp_report_new(&report, NULL, NULL), MIGP_OK);
    feed(report, &migration.main_channel, 1000);
    assert_int_equal(migp_report_piece(NULL, &piece),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_report_piece(report, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    for (i = 0; i < MIGP_MAX_CHANNELS; i++) {
        assert_int_equal(migp_report_next_channel(report, NULL), MIGP_OK);
    }
    assert_int_equal(migp_report_next_channel(report, NULL), MIGP_ERR_LIMIT);
    assert_int_equal(migp_report_feed(report, "x", 1, 0), MIGP_ERR_STATE);
    migp_report_free(report);

    report = report_of(&migration, 1000, false, &seen);
    assert_int_equal(migp_report_next_channel(report, NULL), MIGP_ERR_STATE);
    assert_int_equal(migp_report_feed(report, "x", 1, 0), MIGP_ERR_STATE);
    assert_int_equal(migp_report_give(report, "x", 1), MIGP_ERR_STATE);
    assert_int_equal(migp_report_finish(report, NULL), MIGP_OK);
    assert_int_equal(migp_report_piece(report, &piece), MIGP_ERR_STATE);
    assert_int_equal(migp_report_next_channel(report, NULL), MIGP_ERR_STATE);
    migp_report_free(report);
    migration_free(&migration);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report__packets_in_order),
        cmocka_unit_test(test_report__channel_query),
        cmocka_unit_test(test_report__nothing_given_again),
        cmocka_unit_test(test_report__no_channel_and_no_packet),
        cmocka_unit_test(test_report__packets_at_fault),
        cmocka_unit_test(test_report__config_packets),
        cmocka_unit_test(test_report__channels_at_fault),
        cmocka_unit_test(test_report__packet_for_a_device_on_main),
        cmocka_unit_test(test_report__limits),
        cmocka_unit_test(test_report__first_channel_unreadable),
        cmocka_unit_test(test_report__finding_of_an_earlier_input),
        cmocka_unit_test(test_report__order_of_calls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
