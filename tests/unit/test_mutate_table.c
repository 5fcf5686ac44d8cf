/* SPDX-License-Identifier: MIT */

/* Streams taken apart: which units and fields there are, and where. */

#include "cmocka_all.h"

#include "mutate/take_apart.h"
#include "support/build.h"
#include "support/file.h"
#include "support/prng.h"
#include "support/scale.h"

#include <migproto/migproto.h>
#include <stdlib.h>
#include <string.h>

#define DEVICE "0000:00:04.0/vfio"

static void take(struct migp_mutate_table *table, const void *bytes,
                 size_t size)
{
    const struct migp_mutate_input input = {bytes, size, 4096};

    assert_int_equal(migp_mutate_take_apart(table, &input), MIGP_OK);
}

/* What holds whatever the bytes are. */
static void assert_sane(const struct migp_mutate_table *table, size_t size)
{
    uint32_t i;

    assert_true(table->n_units <= MIGP_MUTATE_MAX_UNITS);
    assert_true(table->n_fields <= MIGP_MUTATE_MAX_FIELDS);
    assert_true(table->n_units > 0 || size == 0);
    assert_true(table->rest <= size);
    for (i = 0; i < table->n_units; i++) {
        const struct migp_mutate_unit *unit = &table->units[i];

        assert_true(unit->size > 0);
        assert_true(unit->offset <= size);
        assert_true(unit->size <= size - unit->offset);
        assert_true(unit->parent == MIGP_MUTATE_NONE || unit->parent < i);
        assert_true(unit->sizer == MIGP_MUTATE_NONE ||
                    unit->sizer < table->n_fields);
        assert_non_null(unit->name);
    }
    for (i = 0; i < table->n_fields; i++) {
        const struct migp_mutate_field *field = &table->fields[i];
        const struct migp_mutate_unit *unit = &table->units[field->unit];

        assert_true(field->unit < table->n_units);
        assert_true(field->offset >= unit->offset);
        assert_true(field->offset + field->size <= unit->offset + unit->size);
        assert_true(field->link == MIGP_MUTATE_NONE ||
                    table->fields[field->link].offset != field->offset);
    }
}

static const struct migp_mutate_unit *
unit_at(const struct migp_mutate_table *table, const char *name, size_t offset)
{
    uint32_t i;

    for (i = 0; i < table->n_units; i++) {
        if (table->units[i].offset == offset &&
            strcmp(table->units[i].name, name) == 0) {
            return &table->units[i];
        }
    }
    print_error("no %s at %zu\n", name, offset);
    fail();
    return NULL;
}

static const struct migp_mutate_field *
field_at(const struct migp_mutate_table *table, const char *name, size_t offset)
{
    uint32_t i;

    for (i = 0; i < table->n_fields; i++) {
        if (table->fields[i].offset == offset &&
            strcmp(table->fields[i].name, name) == 0) {
            return &table->fields[i];
        }
    }
    print_error("no field %s at %zu\n", name, offset);
    fail();
    return NULL;
}

/* A section with a DATA record of three bytes; gives where it begins. */
static size_t build_end_section(struct build *build, const void *data,
                                size_t size)
{
    size_t at = build->size;

    build_short_head(build, MIGP_SECTION_END, 7);
    build_data(build, data, size);
    build_tag(build, MIGP_EVENT_END);
    build_footer(build, 7);
    return at;
}

static void build_start(struct build *build)
{
    build_header(build);
    build_head(build, MIGP_SECTION_START, 7, DEVICE, 2, 1);
    build_tag(build, MIGP_EVENT_SETUP);
    build_tag(build, MIGP_EVENT_END);
    build_footer(build, 7);
}

static void test_qemu__sections_and_records(void **state)
{
    struct migp_mutate_table table = {0};
    struct build build = {NULL, 0, 0};
    const struct migp_mutate_field *field;
    const struct migp_mutate_unit *unit;
    size_t at;

    (void)state;
    build_start(&build);
    at = build_end_section(&build, "abc", 3);
    build_u8(&build, 0);
    take(&table, build.bytes, build.size);
    assert_sane(&table, build.size);
    assert_true(table.whole);
    assert_int_equal(table.rest, 0);
    assert_int_equal(unit_at(&table, "header", 0)->size, 8);
    unit = unit_at(&table, "section", 8);
    assert_int_equal(unit->size, 35 + strlen(DEVICE));
    assert_int_equal(unit->parent, MIGP_MUTATE_NONE);
    assert_int_equal(field_at(&table, "name", 14)->size, strlen(DEVICE));
    assert_ptr_equal(&table.fields[field_at(&table, "name", 14)->link],
                     field_at(&table, "name length", 13));
    field = field_at(&table, "id", at + 1);
    assert_ptr_equal(&table.fields[field->link],
                     field_at(&table, "footer id", build.size - 5));
    unit = unit_at(&table, "record DATA", at + 5);
    assert_int_equal(unit->size, 19);
    assert_ptr_equal(&table.units[unit->parent],
                     unit_at(&table, "section", at));
    field = field_at(&table, "payload", at + 21);
    assert_int_equal(field->size, 3);
    assert_ptr_equal(&table.fields[field->link],
                     field_at(&table, "size", at + 13));
    (void)unit_at(&table, "record END", at + 24);
    assert_int_equal(unit_at(&table, "end of stream", build.size - 1)->size, 1);
    migp_mutate_table_free(&table);
    build_free(&build);
}

static void test_qemu__package_and_description(void **state)
{
    struct migp_mutate_table table = {0};
    struct build build = {NULL, 0, 0};
    const struct migp_mutate_unit *package;
    size_t at, inside;

    (void)state;
    build_start(&build);
    at = build.size;
    build_command(&build, 7, 4);
    build_u32(&build, 5 + 16 + 8 + 5 + 5 + 4);
    inside = build_end_section(&build, NULL, 0);
    build_command(&build, 2, 4);
    build_u32(&build, 1);
    build_u8(&build, 0);
    build_u8(&build, 6);
    build_u32(&build, 2);
    build_text(&build, "{}");
    take(&table, build.bytes, build.size);
    assert_sane(&table, build.size);
    assert_true(table.whole);
    package = unit_at(&table, "package", at);
    assert_int_equal(package->size, 9 + 43);
    assert_ptr_equal(&table.fields[package->sizer],
                     field_at(&table, "package size", at + 5));
    assert_ptr_equal(&table.units[unit_at(&table, "command", at)->parent],
                     package);
    assert_ptr_equal(&table.units[unit_at(&table, "section", inside)->parent],
                     package);
    assert_int_equal(unit_at(&table, "section", inside)->size, 34);
    assert_int_equal(unit_at(&table, "command", inside + 34)->size, 9);
    assert_int_equal(field_at(&table, "JSON", build.size - 2)->size, 2);
    migp_mutate_table_free(&table);
    build_free(&build);
}

static void put_le32(struct build *build, uint32_t value)
{
    build_u8(build, (uint8_t)value);
    build_u8(build, (uint8_t)(value >> 8));
    build_u8(build, (uint8_t)(value >> 16));
    build_u8(build, (uint8_t)(value >> 24));
}

static void put_link(struct build *build, uint32_t flags, uint32_t tag,
                     uint32_t size)
{
    put_le32(build, size);
    put_le32(build, 0);
    put_le32(build, flags);
    put_le32(build, tag);
    build_fill(build, size, 0xab);
}

static void test_driver__a_chain_alone_and_in_a_record(void **state)
{
    struct migp_mutate_table table = {0};
    struct build chain = {NULL, 0, 0};
    struct build build = {NULL, 0, 0};
    const struct migp_mutate_unit *unit;
    size_t at;

    (void)state;
    put_link(&chain, 1, 1, 8);
    put_link(&chain, 0, 0, 300);
    take(&table, chain.bytes, chain.size);
    assert_sane(&table, chain.size);
    assert_true(table.whole);
    assert_int_equal(table.format, MIGP_MUTATE_DRIVER);
    assert_int_equal(unit_at(&table, "driver record", 24)->size, 316);
    assert_true(field_at(&table, "size", 24)->little_endian);

    take(&table, chain.bytes, chain.size - 1);
    assert_false(table.whole);
    assert_int_equal(table.rest, 315);

    build_start(&build);
    at = build_end_section(&build, chain.bytes, chain.size) + 5;
    take(&table, build.bytes, build.size);
    assert_sane(&table, build.size);
    unit = unit_at(&table, "record DATA", at);
    assert_ptr_equal(&table.fields[unit->sizer],
                     field_at(&table, "size", at + 8));
    assert_ptr_equal(
        &table.units[unit_at(&table, "driver record", at + 40)->parent], unit);
    migp_mutate_table_free(&table);
    build_free(&build);
    build_free(&chain);
}

/* A capture's channel begins with its start; packets of both kinds follow. */
static void test_multifd__a_capture(void **state)
{
    struct file file = golden_load("qemu/e-multifd/chan1.bin");
    struct migp_mutate_table table = {0};
    uint32_t i, n_ram = 0, n_device = 0;

    (void)state;
    take(&table, file.bytes, file.size);
    assert_sane(&table, file.size);
    assert_true(table.whole);
    assert_int_equal(table.format, MIGP_MUTATE_MULTIFD);
    assert_int_equal(unit_at(&table, "channel start", 0)->size, 64);
    for (i = 0; i < table.n_units; i++) {
        n_ram += strcmp(table.units[i].name, "RAM packet") == 0;
        n_device += strcmp(table.units[i].name, "device packet") == 0;
    }
    assert_true(n_ram > 0);
    assert_true(n_device > 0);
    migp_mutate_table_free(&table);
    file_free(&file);
}

static void test_libvirt__header_and_stream(void **state)
{
    struct migp_mutate_table table = {0};
    struct build build = {NULL, 0, 0};
    size_t xml;

    (void)state;
    build_text(&build, "LibvirtQemudSave");
    put_le32(&build, 2);
    put_le32(&build, 9);
    build_fill(&build, 92 - build.size, 0);
    xml = build.size;
    build_text(&build, "<domain/>");
    build_start(&build);
    build_u8(&build, 0);
    take(&table, build.bytes, build.size);
    assert_sane(&table, build.size);
    assert_true(table.whole);
    assert_int_equal(table.format, MIGP_MUTATE_QEMU);
    assert_ptr_equal(&table.fields[field_at(&table, "XML", xml)->link],
                     field_at(&table, "data size", 20));
    (void)unit_at(&table, "header", xml + 9);
    (void)unit_at(&table, "section", xml + 9 + 8);
    (void)unit_at(&table, "record SETUP", xml + 9 + 8 + 14 + strlen(DEVICE));
    migp_mutate_table_free(&table);
    build_free(&build);
}

/* Without XML there is no unit of it: none is empty. */
static void test_libvirt__no_xml(void **state)
{
    struct migp_mutate_table table = {0};
    struct build build = {NULL, 0, 0};

    (void)state;
    build_text(&build, "LibvirtQemudSave");
    put_le32(&build, 2);
    build_fill(&build, 92 - build.size, 0);
    build_start(&build);
    take(&table, build.bytes, build.size);
    assert_sane(&table, build.size);
    assert_true(table.whole);
    (void)unit_at(&table, "header", 92);
    migp_mutate_table_free(&table);
    build_free(&build);
}

/* What cannot be read is bytes; a tag in it still begins a unit. */
static void test_rest__is_parted_at_tags(void **state)
{
    struct migp_mutate_table table = {0};
    struct build build = {NULL, 0, 0};
    size_t at;

    (void)state;
    build_start(&build);
    at = build.size;
    build_text(&build, "neither a section nor a command");
    build_data(&build, "xyz", 3);
    take(&table, build.bytes, build.size);
    assert_sane(&table, build.size);
    assert_false(table.whole);
    assert_int_equal(table.rest, build.size - at);
    assert_int_equal(unit_at(&table, "bytes", at)->size, 31);
    assert_int_equal(unit_at(&table, "bytes", at + 31)->size, 19);
    assert_int_equal(field_at(&table, "tag", at + 31)->size, 8);
    migp_mutate_table_free(&table);
    build_free(&build);
}

/* Behind the bound everything is one unit, and the end is still found. */
static void test_table__is_bounded(void **state)
{
    struct migp_mutate_table table = {0};
    struct build build = {NULL, 0, 0};
    const struct migp_mutate_unit *last;
    unsigned i;

    (void)state;
    build_start(&build);
    for (i = 0; i < 3 * MIGP_MUTATE_MAX_UNITS; i++) {
        build_short_head(&build, MIGP_SECTION_PART, 7);
        build_tag(&build, MIGP_EVENT_END);
        build_footer(&build, 7);
    }
    build_u8(&build, 0);
    take(&table, build.bytes, build.size);
    assert_sane(&table, build.size);
    assert_true(table.whole);
    assert_int_equal(table.n_units, MIGP_MUTATE_MAX_UNITS);
    last = &table.units[table.n_units - 1];
    assert_string_equal(last->name, "bytes");
    assert_int_equal(last->offset + last->size, build.size);

    build.bytes[build.size - 1] = 0x55;
    take(&table, build.bytes, build.size);
    assert_false(table.whole);
    migp_mutate_table_free(&table);
    build_free(&build);
}

static void test_take_apart__prefixes_and_damage(void **state)
{
    static const char *const names[] = {
        "qemu/v10.1.0-loadready/main.bin", "qemu/e-multifd/chan2.bin",
        "qemu/x-no-footer/main.bin", "qemu/g-cut-mid-stream/main.bin"};
    struct prng prng = prng_start("take_apart");
    struct migp_mutate_table table = {0};
    size_t i, j;

    (void)state;
    for (i = 0; i < N_TESTS(names); i++) {
        struct file file = golden_load(names[i]);
        size_t step = (1 + file.size / 400) * test_stride();

        for (j = 0; j < file.size; j += step) {
            uint8_t *exact = malloc(j + 1);

            assert_non_null(exact);
            memcpy(exact, file.bytes, j);
            take(&table, exact, j);
            assert_sane(&table, j);
            free(exact);
        }
        for (j = test_scaled(200); j > 0; j--) {
            size_t at = (size_t)prng_below(&prng, file.size);
            uint8_t before = file.bytes[at];

            file.bytes[at] = (uint8_t)prng_next(&prng);
            take(&table, file.bytes, file.size);
            assert_sane(&table, file.size);
            file.bytes[at] = before;
        }
        file_free(&file);
    }
    migp_mutate_table_free(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_qemu__sections_and_records),
        cmocka_unit_test(test_qemu__package_and_description),
        cmocka_unit_test(test_driver__a_chain_alone_and_in_a_record),
        cmocka_unit_test(test_multifd__a_capture),
        cmocka_unit_test(test_libvirt__header_and_stream),
        cmocka_unit_test(test_libvirt__no_xml),
        cmocka_unit_test(test_rest__is_parted_at_tags),
        cmocka_unit_test(test_table__is_bounded),
        cmocka_unit_test(test_take_apart__prefixes_and_damage),
    };

    return cmocka_run_group_tests_name("mutate_table", tests, NULL, NULL);
}
