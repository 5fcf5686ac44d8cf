/* SPDX-License-Identifier: MIT */
#include "stream/tag.h"

const char *migp_record_id(int kind)
{
    switch (kind) {
    case MIGP_EVENT_END:
        return "END";
    case MIGP_EVENT_CONFIG:
        return "CONFIG";
    case MIGP_EVENT_SETUP:
        return "SETUP";
    case MIGP_EVENT_DATA_BEGIN:
    case MIGP_EVENT_DATA:
        return "DATA";
    case MIGP_EVENT_INIT_DATA_SENT:
        return "INIT_DATA_SENT";
    case MIGP_EVENT_CONFIG_LOAD_READY:
        return "CONFIG_LOAD_READY";
    default:
        return "unknown";
    }
}

const char *migp_section_id(int kind)
{
    switch (kind) {
    case MIGP_SECTION_BARE:
        return "bare";
    case MIGP_SECTION_START:
        return "start";
    case MIGP_SECTION_PART:
        return "part";
    case MIGP_SECTION_END:
        return "end";
    case MIGP_SECTION_FULL:
        return "full";
    case MIGP_SECTION_MULTIFD:
        return "multifd";
    default:
        return "unknown";
    }
}

const char *migp_dialect_id(uint32_t dialects)
{
    if (dialects & MIGP_DIALECT_V2) {
        return "v2";
    }
    if (dialects & MIGP_DIALECT_V1) {
        return "v1";
    }
    return dialects & MIGP_DIALECT_QEMU_5_2 ? "qemu-5.2" : "unknown";
}
