/* SPDX-License-Identifier: MIT */
#include "cmocka_all.h"

#include "support/build.h"
#include "support/made.h"

#include <migproto/pci.h>
#include <string.h>

static struct migp_pci_config fresh(void)
{
    struct migp_pci_config config;

    memset(&config, 0xa5, sizeof(config));
    config.struct_size = sizeof(config);
    return config;
}

/* The config bytes of a made stream, between its labels. */
static int parse_made(const char *name, struct migp_pci_config *config)
{
    struct made made = made_load(name);
    uint64_t from = 0;
    uint64_t to = 0;
    size_t i;
    int code;

    for (i = 0; i < made.n_labels; i++) {
        if (strcmp(made.labels[i], "config") == 0) {
            from = made.label_offsets[i] + 8;
        } else if (strcmp(made.labels[i], "end3") == 0) {
            to = made.label_offsets[i];
        }
    }
    assert_true(from > 8 && to > from);
    *config = fresh();
    code = migp_pci_config_parse(made.bytes + from, (size_t)(to - from), config,
                                 NULL);
    made_free(&made);
    return code;
}

/* [PC-3] */
static void test_parse__ids_bars_and_msix(void **state)
{
    struct migp_pci_config config;

    (void)state;
    assert_int_equal(parse_made("made/bare-msix-64.hex", &config), MIGP_OK);
    assert_int_equal(config.version, 2);
    assert_int_equal(config.config_size, 4096);
    assert_int_equal(config.vendor_id, 0x1234);
    assert_int_equal(config.device_id, 0x5678);
    assert_int_equal(config.command, 0x0406);
    assert_int_equal(config.status, 0x0010);
    assert_int_equal(config.revision, 0xa1);
    assert_int_equal(config.class_code, 0x020000);
    assert_int_equal(config.header_kind, 0);
    assert_int_equal(config.interrupt_pin, 1);
    assert_int_equal(config.subsystem_vendor_id, 0x1af4);
    assert_int_equal(config.subsystem_id, 0x1100);
    assert_int_equal(config.bars[0], 0xf000000c);
    assert_int_equal(config.bars[1], 0);
    assert_int_equal(config.bars[2], 0x0000c001);
    assert_int_equal(config.irq_state[0], 0);
    assert_int_equal(config.irq_state[1], 1);
    assert_int_equal(config.n_caps, 1);
    assert_int_equal(config.caps[0].id, 0x11);
    assert_int_equal(config.caps[0].offset, 0x40);
    assert_int_equal(config.has_msix, 1);
    assert_int_equal(config.msix_vectors, 64);
    assert_int_equal(config.msix_masked, 4);
    assert_int_equal(config.msix_pending, 2);
    assert_int_equal(config.msix_control, 0x803f);
    assert_int_equal(config.msix_table, 0x00000003);
    assert_int_equal(config.msix_pba, 0x00000803);
    assert_int_equal(config.has_ramfb, 0);
}

static void test_parse__msix_of_other_sizes(void **state)
{
    static const struct {
        const char *name;
        uint32_t has;
        uint32_t vectors;
        uint32_t masked;
        uint32_t pending;
        uint32_t space;
    } cases[] = {{"made/bare-msix-0.hex", 0, 0, 0, 0, 4096},
                 {"made/bare-msix-hidden.hex", 0, 0, 0, 0, 4096},
                 {"made/bare-config-256.hex", 0, 0, 0, 0, 256},
                 {"made/bare-msix-1.hex", 1, 1, 0, 1, 4096},
                 {"made/bare-msix-256-64.hex", 1, 64, 0, 2, 256},
                 {"made/bare-msix-2048.hex", 1, 2048, 2047, 2, 4096}};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(cases); i++) {
        struct migp_pci_config config;

        assert_int_equal(parse_made(cases[i].name, &config), MIGP_OK);
        assert_int_equal(config.has_msix, cases[i].has);
        assert_int_equal(config.msix_vectors, cases[i].vectors);
        assert_int_equal(config.msix_masked, cases[i].masked);
        assert_int_equal(config.msix_pending, cases[i].pending);
        assert_int_equal(config.config_size, cases[i].space);
    }
}

/* [PC-5] */
static void test_parse__ramfb(void **state)
{
    struct migp_pci_config config;

    (void)state;
    assert_int_equal(parse_made("made/bare-ramfb.hex", &config), MIGP_OK);
    assert_int_equal(config.has_ramfb, 1);
    assert_true(config.ramfb_address == UINT64_C(0xfe000000));
    assert_int_equal(config.ramfb_fourcc, 0x34325258);
    assert_int_equal(config.ramfb_flags, 0);
    assert_int_equal(config.ramfb_width, 1280);
    assert_int_equal(config.ramfb_height, 800);
    assert_int_equal(config.ramfb_stride, 5120);
    assert_int_equal(config.msix_vectors, 64);
}

/* [PC-1] */
static void test_parse__every_wrong_length(void **state)
{
    struct build build = {NULL, 0, 0};
    size_t size;

    (void)state;
    build_pci(&build, 256, 9);
    build_fill(&build, 70, 0);
    for (size = 0; size <= build.size; size++) {
        size_t whole = 276 + 9 * 16 + 2;
        struct migp_pci_config config = fresh();
        struct migp_pci_config before = config;
        uint8_t *exact = malloc(size ? size : 1);
        int code;

        assert_non_null(exact);
        memcpy(exact, build.bytes, size);
        code = migp_pci_config_parse(exact, size, &config, NULL);
        free(exact);
        if (size == whole || size == 276) {
            assert_int_equal(code, MIGP_OK); /* 276: MSI-X hidden */
        } else {
            assert_int_equal(code, MIGP_ERR_UNSUPPORTED);
            assert_memory_equal(&config, &before, sizeof(config));
        }
    }
    build_free(&build);
}

/* [PC-2] */
static void test_parse__versions(void **state)
{
    static const uint8_t versions[] = {0, 1, 2, 3, 0xff};
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(versions); i++) {
        struct build build = {NULL, 0, 0};
        struct migp_pci_config config = fresh();
        int code;

        build_pci(&build, 256, 0);
        build.bytes[3] = versions[i];
        code = migp_pci_config_parse(build.bytes, build.size, &config, NULL);
        if (versions[i] <= 2) {
            assert_int_equal(code, MIGP_OK);
            assert_int_equal(config.version, versions[i]);
        } else {
            assert_int_not_equal(code, MIGP_OK);
        }
        build_free(&build);
    }
}

/* [PC-3] */
static void test_parse__broken_capability_chains(void **state)
{
    static const struct {
        uint8_t first;
        uint8_t at;
        uint8_t next;
        uint32_t broken;
        uint8_t n_caps;
    } cases[] = {
        {0x50, 0x50, 0x00, 0, 1},
        {0x53, 0x50, 0x00, 0, 1}, /* the low two bits do not count */
        {0x50, 0x50, 0x50, 1, 1}, /* a loop of one */
        {0x00, 0x50, 0x00, 0, 0},
    };
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(cases); i++) {
        struct build build = {NULL, 0, 0};
        struct migp_pci_config config = fresh();
        struct migp_error error = MIGP_ERROR_INIT;

        build_pci(&build, 256, 0);
        build.bytes[4 + 0x06] = 0x10;
        build.bytes[4 + 0x34] = cases[i].first;
        build.bytes[4 + cases[i].at] = 0x01;
        build.bytes[4 + cases[i].at + 1] = cases[i].next;
        assert_int_equal(
            migp_pci_config_parse(build.bytes, build.size, &config, &error),
            MIGP_OK);
        assert_int_equal(error.finding,
                         cases[i].broken ? MIGP_FINDING_PCI_CAP_LOOP : 0);
        assert_int_equal(config.n_caps, cases[i].n_caps);
        build_free(&build);
    }
}

/* The longest chain there is room for; a longer one can only be a loop. */
static void test_parse__longest_capability_chain(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_pci_config config = fresh();
    struct migp_error error = MIGP_ERROR_INIT;
    unsigned at;

    (void)state;
    build_pci(&build, 256, 0);
    build.bytes[4 + 0x06] = 0x10;
    build.bytes[4 + 0x34] = 0x40;
    for (at = 0x40; at < 0x100; at += 4) {
        build.bytes[4 + at] = 0x09;
        build.bytes[4 + at + 1] = (uint8_t)(at + 4);
    }
    assert_int_equal(
        migp_pci_config_parse(build.bytes, build.size, &config, &error),
        MIGP_OK);
    assert_int_equal(config.n_caps, 48);
    assert_int_equal(config.caps[47].offset, 0xfc);
    assert_int_equal(error.finding, 0);
    /* and closed into a ring */
    build.bytes[4 + 0xfd] = 0x40;
    assert_int_equal(
        migp_pci_config_parse(build.bytes, build.size, &config, &error),
        MIGP_OK);
    assert_int_equal(error.finding, MIGP_FINDING_PCI_CAP_LOOP);
    assert_true(config.n_caps <= 48);
    build_free(&build);
}

/* Without the status bit there is no chain, whatever the pointer says. */
static void test_parse__no_capability_bit(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_pci_config config = fresh();

    (void)state;
    build_pci(&build, 256, 5);
    build.bytes[4 + 0x06] = 0x00;
    assert_int_equal(migp_pci_config_parse(build.bytes, 276, &config, NULL),
                     MIGP_OK);
    assert_int_equal(config.n_caps, 0);
    assert_int_equal(config.has_msix, 0);
    build_free(&build);
}

/* [PC-4] */
static void test_parse__irq_state_other_than_0_and_1(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_pci_config config = fresh();
    struct migp_error error = MIGP_ERROR_INIT;
    int code;

    (void)state;
    build_pci(&build, 4096, 0);
    build.bytes[4 + 4096 + 7] = 2;
    code = migp_pci_config_parse(build.bytes, build.size, &config, &error);
    assert_int_equal(code, MIGP_ERR_MALFORMED);
    assert_int_equal(error.finding, MIGP_FINDING_PCI_IRQ_STATE);
    assert_true(error.value == 2);
    assert_true(error.offset == 4104);
    build_free(&build);
}

/* Another header layout: no BARs and subsystem where they would be. */
static void test_parse__bridge_header(void **state)
{
    struct build build = {NULL, 0, 0};
    struct migp_pci_config config = fresh();

    (void)state;
    build_pci(&build, 256, 0);
    build.bytes[4 + 0x0e] = 0x81;
    memset(build.bytes + 4 + 0x10, 0x77, 24);
    memset(build.bytes + 4 + 0x2c, 0x77, 4);
    assert_int_equal(
        migp_pci_config_parse(build.bytes, build.size, &config, NULL), MIGP_OK);
    assert_int_equal(config.header_kind, 1);
    assert_int_equal(config.bars[0], 0);
    assert_int_equal(config.subsystem_id, 0);
    build_free(&build);
}

static void test_parse__bad_arguments(void **state)
{
    struct migp_pci_config config = fresh();

    (void)state;
    assert_int_equal(migp_pci_config_parse(NULL, 1, &config, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(migp_pci_config_parse("", 1, NULL, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    config.struct_size = 4;
    assert_int_equal(migp_pci_config_parse("", 1, &config, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    config = fresh();
    assert_int_equal(migp_pci_config_parse("", 0, &config, NULL),
                     MIGP_ERR_UNSUPPORTED);
}

static void test_cap_id__names(void **state)
{
    (void)state;
    assert_string_equal(migp_pci_cap_id(0x11), "MSI-X");
    assert_string_equal(migp_pci_cap_id(0x05), "MSI");
    assert_string_equal(migp_pci_cap_id(0xfe), "unknown");
    assert_string_equal(migp_pci_cap_id(UINT32_MAX), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse__ids_bars_and_msix),
        cmocka_unit_test(test_parse__msix_of_other_sizes),
        cmocka_unit_test(test_parse__ramfb),
        cmocka_unit_test(test_parse__every_wrong_length),
        cmocka_unit_test(test_parse__versions),
        cmocka_unit_test(test_parse__broken_capability_chains),
        cmocka_unit_test(test_parse__longest_capability_chain),
        cmocka_unit_test(test_parse__no_capability_bit),
        cmocka_unit_test(test_parse__irq_state_other_than_0_and_1),
        cmocka_unit_test(test_parse__bridge_header),
        cmocka_unit_test(test_parse__bad_arguments),
        cmocka_unit_test(test_cap_id__names),
    };

    return cmocka_run_group_tests_name("pci_config", tests, NULL, NULL);
}
