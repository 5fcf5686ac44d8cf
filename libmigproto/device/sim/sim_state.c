/* SPDX-License-Identifier: MIT */
#include "device/fsm.h"
#include "device/sim/simulated.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* The state machine: sessions, steps, resets. */

/* How long a spontaneous change of state lets wait for itself. */
#define SPONTANEOUS_NS 100000

bool migp_sim_running(const struct migp_sim *sim)
{
    return sim->state == MIGP_STATE_RUNNING ||
           sim->state == MIGP_STATE_RUNNING_P2P || migp_sim_precopying(sim);
}

bool migp_sim_precopying(const struct migp_sim *sim)
{
    return sim->state == MIGP_STATE_PRE_COPY ||
           sim->state == MIGP_STATE_PRE_COPY_P2P;
}

void migp_sim_end_session(struct migp_sim *sim)
{
    sim->session.live = false;
}

static void begin_session(struct migp_sim *sim, uint32_t to)
{
    memset(&sim->session, 0, sizeof(sim->session));
    sim->session.number = ++sim->sessions;
    sim->session.live = true;
    sim->session.began = migp_sim_now(sim);
    if (to == MIGP_STATE_RESUMING) {
        memset(&sim->load, 0, sizeof(sim->load));
        if (sim->quirk->family->load_begin != NULL) {
            sim->quirk->family->load_begin(sim);
        }
    } else {
        memset(&sim->save, 0, sizeof(sim->save));
        migp_sim_dirty_begin(sim);
        sim->quirk->family->begin(sim);
    }
}

static int step(struct migp_sim *sim, uint32_t to)
{
    uint32_t from = sim->state;
    int result = migp_sim_fault_step(sim, to);

    if (result != 0) {
        return result;
    }
    if (from == MIGP_STATE_RESUMING) {
        migp_sim_pass(sim, sim->settings.load_setup);
        result = sim->session.live ? sim->quirk->family->load(sim) : -EINVAL;
        if (result != 0) {
            return result;
        }
    }
    if (to == MIGP_STATE_STOP_COPY) {
        migp_sim_dirty_update(sim);
        migp_sim_pass(sim, sim->settings.stop_setup);
    }
    if (migp_step_ends(from, to)) {
        migp_sim_end_session(sim);
    }
    if (from == MIGP_STATE_STOP_COPY &&
        (sim->quirk->bits & SIM_QUIRK_LOG_ENDS) != 0) {
        migp_sim_logging_stop(sim);
    }
    sim->state = to;
    if (migp_step_opens(from, to)) {
        begin_session(sim, to);
    } else if (to == MIGP_STATE_STOP_COPY &&
               sim->quirk->family->finish != NULL) {
        sim->quirk->family->finish(sim);
    }
    return 0;
}

/* If the table of fds is full the state has changed all the same, and its
 * session can be reached by nobody. */
static int install_data_fd(struct migp_sim *sim)
{
    bool load = sim->state == MIGP_STATE_RESUMING;
    int fd = migp_sim_fd_install(sim, load ? SIM_FD_LOAD : SIM_FD_SAVE,
                                 load ? O_WRONLY : O_RDONLY);

    if (fd >= 0) {
        struct sim_fd *file = migp_sim_fd_find(sim, fd);

        file->session = sim->session.number;
        file->cloexec = !sim_broken(sim, SIM_BREAK_CLOEXEC);
    }
    return fd;
}

/* What a driver answers before it does anything; 1: go on. */
static int check_target(struct migp_sim *sim, uint32_t target)
{
    bool error_state = sim->state == MIGP_STATE_ERROR;

    if (error_state) {
        return (sim->quirk->bits & SIM_QUIRK_ERROR_STATE) != 0 ? -EIO : -EINVAL;
    }
    if (target == MIGP_STATE_ERROR && sim_broken(sim, SIM_BREAK_SET_ERROR)) {
        migp_sim_end_session(sim);
        sim->state = MIGP_STATE_ERROR;
        return 0;
    }
    if (target == MIGP_STATE_ERROR ||
        !migp_state_supported(sim->migration, target)) {
        return -EINVAL;
    }
    if (target == sim->state) {
        return sim_broken(sim, SIM_BREAK_SAME_STATE) ? -EINVAL : 0;
    }
    if (sim->state == MIGP_STATE_RESUMING && target != MIGP_STATE_STOP &&
        sim_broken(sim, SIM_BREAK_ARC_REFUSED)) {
        return -EINVAL;
    }
    return 1;
}

/* The kernel's table has no such way; a driver that broke the rule would. */
static bool go_back_to_precopy(struct migp_sim *sim, uint32_t target)
{
    if (sim->state != MIGP_STATE_STOP_COPY ||
        (target != MIGP_STATE_PRE_COPY && target != MIGP_STATE_PRE_COPY_P2P) ||
        !sim_broken(sim, SIM_BREAK_FORBIDDEN_ARC)) {
        return false;
    }
    sim->state = target;
    return true;
}

static int walk(struct migp_sim *sim, uint32_t target, bool *opened)
{
    while (sim->state != target) {
        uint32_t next = migp_state_next(sim->migration, sim->state, target);
        int result;

        if (next == MIGP_STATE_ERROR) {
            return -EINVAL;
        }
        *opened =
            migp_step_opens(sim->state, next) ||
            (next == MIGP_STATE_STOP_COPY && sim_broken(sim, SIM_BREAK_NEW_FD));
        result = step(sim, next);
        if (result != 0) {
            return result;
        }
    }
    return 0;
}

int migp_sim_set_state(struct migp_sim *sim, uint32_t target, int *data_fd)
{
    bool opened = false;
    int result = migp_sim_fault(sim, SIM_OP_SET);

    sim->set_at = migp_sim_now(sim);
    if (result != 0) {
        return result;
    }
    result = check_target(sim, target);
    if (result <= 0 || go_back_to_precopy(sim, target)) {
        return result < 0 ? result : 0;
    }
    result = walk(sim, target, &opened);
    sim->set_at = migp_sim_now(sim);
    if (result != 0) {
        if (sim_broken(sim, SIM_BREAK_FAILED_SET) &&
            sim->state == MIGP_STATE_RESUMING) {
            migp_sim_end_session(sim);
            sim->state = MIGP_STATE_RUNNING;
        }
        return result;
    }
    if (opened) {
        result = install_data_fd(sim);
        if (result < 0) {
            return result;
        }
        *data_fd = result;
    }
    return 0;
}

static void reset(struct migp_sim *sim)
{
    migp_sim_end_session(sim);
    sim->state = MIGP_STATE_RUNNING;
    sim->set_at = migp_sim_now(sim);
    if ((sim->quirk->bits & SIM_QUIRK_KEEPS_CONTENT) == 0) {
        migp_sim_content_fresh(sim);
        migp_sim_config_fill(sim);
    }
}

int migp_sim_ask_reset(struct migp_sim *sim)
{
    int result = migp_sim_fault(sim, SIM_OP_RESET);

    if (result != 0) {
        return result;
    }
    if (sim->session.live) {
        enum sim_break rule = sim->state == MIGP_STATE_RESUMING
                                  ? SIM_BREAK_RESET_RESUMING
                                  : SIM_BREAK_RESET_STATE;

        if (sim_broken(sim, rule)) {
            return 0;
        }
    }
    reset(sim);
    return 0;
}

/* pds: a device that recovered from an error in the middle of a migration is
 * not the one whose state was being moved. */
void migp_sim_reset_outside(struct migp_sim *sim)
{
    bool migrating = sim->state != MIGP_STATE_RUNNING || sim->logging.on;

    reset(sim);
    if (migrating && (sim->quirk->bits & SIM_QUIRK_ERROR_STATE) != 0) {
        sim->state = MIGP_STATE_ERROR;
    }
}

void migp_sim_reset(struct migp_sim *sim)
{
    migp_sim_reset_outside(sim);
}

void migp_sim_device_opened(struct migp_sim *sim)
{
    bool survives = (sim->quirk->bits & SIM_QUIRK_STATE_SURVIVES) != 0 ||
                    sim_broken(sim, SIM_BREAK_REOPEN) ||
                    sim_broken(sim, SIM_BREAK_CLOSE_DEVICE);

    if (!survives) {
        reset(sim);
    }
}

void migp_sim_device_closed(struct migp_sim *sim)
{
    if (!sim_broken(sim, SIM_BREAK_CLOSE_DEVICE)) {
        migp_sim_end_session(sim);
    }
    migp_sim_logging_stop(sim);
    sim->reinit_wanted = false;
}

void migp_sim_tick(struct migp_sim *sim)
{
    const struct sim_settings *settings = &sim->settings;
    uint64_t now = migp_sim_now(sim);
    const struct sim_session *session = &sim->session;

    if (session->live && !sim->ever_reset &&
        ((settings->reset_bytes != 0 &&
          session->bytes >= settings->reset_bytes) ||
         (settings->reset_time != 0 &&
          now - session->began >= settings->reset_time))) {
        sim->ever_reset = true;
        migp_sim_reset_outside(sim);
    }
    if (sim_broken(sim, SIM_BREAK_SPONTANEOUS) &&
        sim->state == MIGP_STATE_STOP && now - sim->set_at >= SPONTANEOUS_NS) {
        sim->state = MIGP_STATE_RUNNING;
    }
}
