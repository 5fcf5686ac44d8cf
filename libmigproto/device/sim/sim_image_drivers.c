/* SPDX-License-Identifier: MIT */
#include "core/bytes.h"
#include "device/sim/simulated.h"

#include <errno.h>
#include <string.h>

/*
 * The images of mtty, hisi, qat and pds. Little-endian, as all machines that
 * have these devices are. Source: docs/protocol.md.
 */

static uint8_t *put16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
    return at + 2;
}

static uint8_t *put32(uint8_t *at, uint32_t value)
{
    return put16(put16(at, (uint16_t)value), (uint16_t)(value >> 16));
}

static uint8_t *put64(uint8_t *at, uint64_t value)
{
    return put32(put32(at, (uint32_t)value), (uint32_t)(value >> 32));
}

/* mtty: 24 bytes, then 36 of the one port. */

#define MTTY_HEADER 24
#define MTTY_MAGIC UINT64_C(0x7e9d09898c3e2c4e)

static void mtty_header(uint8_t *at)
{
    at = put64(at, MTTY_MAGIC);
    at = put32(at, 1); /* major */
    at = put32(at, 0); /* minor */
    at = put32(at, 1); /* ports */
    (void)put32(at, 0);
}

/* A port's bytes mean something: an idle UART, a seed in its scratch. */
static void mtty_fresh(struct migp_sim *sim)
{
    uint8_t scratch = sim->content.bar[7];

    memset(sim->content.bar, 0, sizeof(sim->content.bar));
    sim->content.bar[7] = scratch;
    sim->content.bar[33] = 16; /* max_fifo_size */
    sim->content.bar[34] = 1;  /* intr_trigger_level */
}

static void mtty_build(struct migp_sim *sim)
{
    mtty_header(sim->image);
    memcpy(sim->image + MTTY_HEADER, sim->content.bar, sim->quirk->state_size);
}

static bool mtty_head_fits(const struct migp_sim *sim)
{
    uint8_t expected[MTTY_HEADER];

    mtty_header(expected);
    return memcmp(expected, sim->image, sizeof(expected)) == 0;
}

static int mtty_load(struct migp_sim *sim, uint64_t written)
{
    if (written < sim->quirk->fixed_size) {
        return -sim->quirk->load_failure;
    }
    memcpy(sim->content.bar, sim->image + MTTY_HEADER, sim->quirk->state_size);
    return 0;
}

const struct sim_image migp_sim_image_mtty = {mtty_fresh, mtty_build,
                                              mtty_head_fits, mtty_load};

/* hisi: 40 bytes that must match, then registers and queue addresses. */

#define HISI_MATCH 40
#define HISI_MAGIC_V2 UINT64_C(0xAACCFEEDDECADEDE)
#define HISI_MAGIC_V1 UINT64_C(0xCDCDCDCDFEEDAACC)
#define HISI_ADDRESSES 144

static void hisi_build(struct migp_sim *sim)
{
    uint8_t *at = sim->image;

    at = put64(at, HISI_MAGIC_V2);
    at = put32(at, 1); /* qp_num */
    at = put32(at, sim->quirk->product);
    at = put32(at, 0); /* que_iso_cfg */
    at = put32(at, 0); /* qp_base */
    at = put32(at, 1); /* vf_qm_state: ready */
    at = put16(at, 1); /* major */
    at = put16(at, 0); /* minor */
    at = put64(at, 0);
    memcpy(at, sim->content.bar, sim->quirk->state_size);
}

static bool hisi_head_fits(const struct migp_sim *sim)
{
    const uint8_t *image = sim->image;
    uint64_t magic = migp_load_le64(image);
    bool version = magic == HISI_MAGIC_V1 ||
                   (magic == HISI_MAGIC_V2 && migp_load_le16(image + 28) == 1);

    return version && migp_load_le32(image + 8) == 1 &&
           migp_load_le32(image + 12) == sim->quirk->product &&
           migp_load_le32(image + 16) == 0;
}

/* Of a device that was never set up there is nothing but the first part. */
static int hisi_load(struct migp_sim *sim, uint64_t written)
{
    size_t i;

    if (written == HISI_MATCH) {
        return 0;
    }
    if (written < sim->quirk->fixed_size) {
        return -sim->quirk->load_failure;
    }
    for (i = 0; i < 4; i++) {
        if (migp_load_le64(sim->image + HISI_ADDRESSES + 8 * i) == 0) {
            return 0;
        }
    }
    memcpy(sim->content.bar, sim->image + HISI_MATCH, sim->quirk->state_size);
    return 0;
}

const struct sim_image migp_sim_image_hisi = {NULL, hisi_build, hisi_head_fits,
                                              hisi_load};

/*
 * qat: two preambles with sections in sections, the rest of 4096 bytes is
 * what happened to be in memory.
 */

#define QAT_MAGIC UINT32_C(0xADF5CAEA)
#define QAT_SETUP 92
#define QAT_END 716
#define QAT_BANKS 4
#define QAT_BANK_SIZE 64
#define QAT_FIRST_BANK 364 /* its registers */
#define QAT_BANK_STRIDE 96

static uint8_t *qat_preamble(uint8_t *at, uint16_t sections, uint32_t size)
{
    at = put32(at, QAT_MAGIC);
    at = put32(at, 1);
    at = put16(at, 16);
    at = put16(at, sections);
    return put32(at, size);
}

static uint8_t *qat_section(uint8_t *at, const char *id, uint32_t size,
                            uint32_t sections)
{
    size_t n = strlen(id);

    memset(at, 0, 8);
    memcpy(at, id, n < 8 ? n : 8);
    at = put32(at + 8, size);
    return put32(at, sections);
}

static uint8_t *qat_number(uint8_t *at, const char *id, uint32_t value)
{
    return put32(qat_section(at, id, 4, 0), value);
}

/* All but the banks' registers, which stay as they are. */
static void qat_frame(uint8_t *at)
{
    static const char *const pins[] = {"visrc", "vimsk", "vispv",
                                       "vimpv", "pf2vm", "vm2pf"};
    static const char *const banks[QAT_BANKS] = {"bnk0", "bnk1", "bnk2",
                                                 "bnk3"};
    size_t i;

    at = qat_preamble(at, 1, QAT_SETUP - 16);
    at = qat_section(at, "CONFIG", 60, 3);
    at = qat_number(at, "gencap", 0x1f);
    at = qat_number(at, "svcmap", 0x6);
    at = qat_number(at, "extdc", 0);
    at = qat_preamble(at, 3, QAT_END - QAT_SETUP - 16);
    at = qat_section(at, "GENER", 56, 3);
    at = qat_number(at, "iovinit", 1);
    at = qat_number(at, "compver", 2);
    at = qat_section(at, "sla", 0, 0);
    at = qat_section(at, "MISCBAR", 120, 6);
    for (i = 0; i < sizeof(pins) / sizeof(pins[0]); i++) {
        at = qat_number(at, pins[i], 0);
    }
    at = qat_section(at, "ETRBAR", QAT_BANKS * QAT_BANK_STRIDE, QAT_BANKS);
    for (i = 0; i < QAT_BANKS; i++) {
        at = qat_section(at, banks[i], 16 + QAT_BANK_SIZE, 1);
        at = qat_section(at, "mregs", QAT_BANK_SIZE, 0) + QAT_BANK_SIZE;
    }
}

/* The tail is whatever memory held: other bytes for each session. */
static void qat_build(struct migp_sim *sim)
{
    size_t i;

    qat_frame(sim->image);
    for (i = 0; i < QAT_BANKS; i++) {
        memcpy(sim->image + QAT_FIRST_BANK + i * QAT_BANK_STRIDE,
               sim->content.bar + i * QAT_BANK_SIZE, QAT_BANK_SIZE);
    }
    memset(sim->image + QAT_END, (int)(sim->session.number & 0xff),
           sim->quirk->fixed_size - QAT_END);
}

static bool qat_head_fits(const struct migp_sim *sim)
{
    uint8_t expected[QAT_END] = {0};

    qat_frame(expected);
    return memcmp(expected, sim->image, QAT_SETUP) == 0;
}

/* How much was written is not asked: the buffer is always full of something. */
static int qat_load(struct migp_sim *sim, uint64_t written)
{
    uint8_t expected[QAT_END];
    size_t i;

    (void)written;
    memcpy(expected, sim->image, sizeof(expected));
    qat_frame(expected);
    if (memcmp(expected, sim->image, sizeof(expected)) != 0) {
        return -sim->quirk->load_failure;
    }
    for (i = 0; i < QAT_BANKS; i++) {
        memcpy(sim->content.bar + i * QAT_BANK_SIZE,
               sim->image + QAT_FIRST_BANK + i * QAT_BANK_STRIDE,
               QAT_BANK_SIZE);
    }
    return 0;
}

const struct sim_image migp_sim_image_qat = {NULL, qat_build, qat_head_fits,
                                             qat_load};

/* pds: opaque, checked by the device itself once all is there. */

static void pds_build(struct migp_sim *sim)
{
    sim->save.sequence = 0;
    migp_sim_begin_payload(sim, SIM_PAYLOAD_FINAL, sim->quirk->fixed_size, NULL,
                           0);
    (void)migp_sim_payload_give(&sim->save.payload, &sim->out_pattern,
                                sim->image, sim->quirk->fixed_size);
}

static bool pds_head_fits(const struct migp_sim *sim)
{
    (void)sim;
    return true;
}

/* All of the buffer goes to the device, however much of it was written. */
static int pds_load(struct migp_sim *sim, uint64_t written)
{
    struct sim_payload_in *in = &sim->load.payload;

    (void)written;
    memset(in, 0, sizeof(*in));
    if (migp_sim_payload_take(in, &sim->in_pattern, sim->image,
                              sim->quirk->fixed_size) < 0 ||
        !migp_sim_payload_whole(in) || in->damaged ||
        in->head.kind != SIM_PAYLOAD_FINAL || !migp_sim_payload_fits(sim)) {
        return -sim->quirk->load_failure;
    }
    sim->content.seed = in->head.seed;
    memcpy(sim->content.bar, in->bar, sizeof(in->bar));
    return 0;
}

const struct sim_image migp_sim_image_pds = {NULL, pds_build, pds_head_fits,
                                             pds_load};
