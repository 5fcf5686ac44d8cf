/* SPDX-License-Identifier: MIT */
#include "command.h"
#include "interrupt.h"
#include "message.h"
#include "option.h"

#include <migproto/sim.h>
#include <migproto/vfio.h>
#include <migproto/vfio_user_serve.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct settings {
    bool once;
    bool quiet;
};

static const struct migp_option options[] = {
    {"once", 0, MIGP_OPTION_FLAG, offsetof(struct settings, once), NULL, NULL,
     "end when the first client has hung up"},
    {"quiet", 'q', MIGP_OPTION_FLAG, offsetof(struct settings, quiet), NULL,
     NULL, "do not say when clients can come"},
    {NULL, 0, MIGP_OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const struct migp_usage usage = {
    "serve-sim",
    "SOCKET [SPEC]",
    "Offer a simulated device by vfio-user, to one client after the other, "
    "until\n"
    "a signal comes. SPEC is that of sim devices: sim:size=256M,precopy=on. "
    "What one\n"
    "client leaves in the device the next one finds; if it hangs up in the "
    "middle of\n"
    "a migration, the device is reset.",
    options,
    1,
    2,
    "0 ended by a signal, or by --once, 2 no socket or no device could be\n"
    "made, or usage."};

/* One device on offer. */
struct serving {
    const struct settings *settings;
    const char *path;
    const char *spec;
    struct migp_sim *sim;
    int listener;
    int device; /* its fd, of the simulated kernel */
    bool bound; /* the socket's name is ours to take away */
};

static int fail(const struct serving *serving)
{
    migp_message_print(serving->path, "%s", strerror(errno));
    return -1;
}

/* "sim", "sim:OPTIONS" or the options alone; in real time. */
static int make_device(struct serving *serving)
{
    struct migp_error error = MIGP_ERROR_INIT;
    const char *text = serving->spec;
    char *whole;
    size_t size;
    int result;

    if (strcmp(text, "sim") == 0) {
        text = "";
    } else if (strncmp(text, "sim:", 4) == 0) {
        text += 4;
    }
    size = strlen(text) + sizeof("clock=real,");
    whole = migp_memory_resize(NULL, size, 1);
    (void)snprintf(whole, size, "%s%s%s",
                   strstr(text, "clock=") == NULL ? "clock=real" : "",
                   strstr(text, "clock=") == NULL && *text != '\0' ? "," : "",
                   text);
    result = migp_sim_new(&serving->sim, whole, NULL, &error);
    free(whole);
    if (result != MIGP_OK) {
        migp_message_print(serving->spec, "%s", error.text);
        return -1;
    }
    return 0;
}

static bool is_socket(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0 && S_ISSOCK(status.st_mode);
}

/* Does a socket lie there that nobody listens on any more? */
static bool is_stale(const struct sockaddr_un *address)
{
    int before = errno;
    bool stale = false;
    int fd;

    if (!is_socket(address->sun_path)) {
        return false;
    }
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd >= 0) {
        stale = connect(fd, (const struct sockaddr *)address,
                        sizeof(*address)) != 0 &&
                errno == ECONNREFUSED;
        close(fd);
    }
    errno = before; /* why the name could not be had */
    return stale;
}

static int open_socket(struct serving *serving)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(serving->path);
    int result;

    if (size >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return fail(serving);
    }
    memcpy(address.sun_path, serving->path, size + 1);
    serving->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (serving->listener < 0 ||
        fcntl(serving->listener, F_SETFD, FD_CLOEXEC) != 0) {
        return fail(serving);
    }
    result = bind(serving->listener, (const struct sockaddr *)&address,
                  sizeof(address));
    if (result != 0 && errno == EADDRINUSE && is_stale(&address) &&
        unlink(serving->path) == 0) {
        result = bind(serving->listener, (const struct sockaddr *)&address,
                      sizeof(address));
    }
    if (result != 0 && errno == EADDRINUSE && !is_socket(serving->path)) {
        migp_message_print(serving->path, "this is there, and is no socket: "
                                          "name a path that is free");
        return -1;
    }
    if (result != 0) {
        return fail(serving);
    }
    serving->bound = true;
    return listen(serving->listener, 1) == 0 ? 0 : fail(serving);
}

static int open_device(struct serving *serving)
{
    const struct migp_sys *sys = migp_sim_sys(serving->sim);

    serving->device = sys->open(sys->user, MIGP_SIM_PATH, O_RDWR);
    if (serving->device < 0) {
        migp_message_print(serving->spec, "%s", strerror(-serving->device));
        return -1;
    }
    return 0;
}

static void close_device(struct serving *serving)
{
    const struct migp_sys *sys;

    if (serving->device >= 0) {
        sys = migp_sim_sys(serving->sim);
        (void)sys->close(sys->user, serving->device);
        serving->device = -1;
    }
}

/* Reset the device if a migration is under way, or it is in ERROR; false if
 * that failed. */
static bool settle(const struct serving *serving)
{
    struct migp_device_options resetting;
    struct migp_vfio_options how;
    struct migp_device *device = NULL;
    struct migp_vfio *vfio = NULL;
    bool settled = false;

    migp_vfio_options_init(&how);
    how.sys = migp_sim_sys(serving->sim);
    how.device_fd = serving->device;
    if (migp_vfio_open(&vfio, &how, NULL) != MIGP_OK) {
        return false;
    }
    migp_device_options_init(&resetting);
    resetting.sys = how.sys;
    if (migp_device_new(&device, migp_vfio_ops(), vfio, &resetting, NULL) ==
        MIGP_OK) {
        settled = migp_device_state(device) == MIGP_STATE_RUNNING ||
                  migp_device_state(device) == MIGP_STATE_STOP ||
                  migp_device_reset(device, NULL) == MIGP_OK;
    } else {
        migp_vfio_close(vfio);
    }
    migp_device_free(device);
    return settled;
}

/* The next client finds the device as this one left it, unless that was in the
 * middle of a migration: then it is reset. If that fails it is closed, as the
 * kernel does when a VMM goes away, and opened again. */
static int serve_client(struct serving *serving, int socket)
{
    struct migp_vfio_user_serve_options how;
    struct migp_error error = MIGP_ERROR_INIT;

    migp_vfio_user_serve_options_init(&how);
    how.device_sys = migp_sim_sys(serving->sim);
    if (migp_vfio_user_serve(socket, serving->device, &how, &error) !=
            MIGP_OK &&
        !migp_interrupt_came()) {
        migp_message_print(serving->path, "%s", error.text);
    }
    if (settle(serving)) {
        return 0;
    }
    close_device(serving);
    return open_device(serving);
}

static int serve_clients(struct serving *serving)
{
    int result;
    int socket;

    if (!serving->settings->quiet) {
        printf("serving %s on %s\n", serving->spec, serving->path);
        (void)fflush(stdout);
    }
    do {
        socket = accept(serving->listener, NULL, NULL);
        if (socket >= 0) {
            result = serve_client(serving, socket);
            close(socket);
            if (result != 0) {
                return -1;
            }
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return fail(serving);
        }
    } while (!migp_interrupt_came() &&
             (socket < 0 || !serving->settings->once));
    return 0;
}

int migp_serve_sim_main(int argc, char **argv)
{
    struct settings settings;
    struct serving serving;
    int status;
    int operand;

    memset(&settings, 0, sizeof(settings));
    operand = migp_option_parse(&usage, &settings, argc, argv, &status);
    if (operand < 0) {
        return status;
    }
    memset(&serving, 0, sizeof(serving));
    serving.settings = &settings;
    serving.path = argv[operand];
    serving.spec = argc - operand > 1 ? argv[operand + 1] : "sim";
    serving.listener = -1;
    serving.device = -1;
    status = MIGP_EXIT_FAILED;
    if (make_device(&serving) == 0 && open_device(&serving) == 0) {
        migp_interrupt_catch();
        if (open_socket(&serving) == 0 && serve_clients(&serving) == 0) {
            status = MIGP_EXIT_GOOD;
        }
    }
    migp_interrupt_settle();
    if (serving.bound) {
        unlink(serving.path);
    }
    if (serving.listener >= 0) {
        close(serving.listener);
    }
    close_device(&serving);
    migp_sim_free(serving.sim);
    return status;
}
