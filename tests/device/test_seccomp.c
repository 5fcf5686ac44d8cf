/* SPDX-License-Identifier: MIT */
/*
 * docs/embedding.md says which system calls each entry point makes. Here each
 * line of its tables is run under a filter that allows no others, and then once
 * for each call in it under a filter that lacks that call: so no call is missing
 * in the tables, and none is there for nothing.
 *
 * The lines of the kernel's devices need one: MIGP_TEST_SPEC names it, as the
 * command's SPEC does (tests/vm); without it they are skipped, aloud.
 */
#define _GNU_SOURCE /* siginfo_t, MAP_ANONYMOUS */
#include <migproto/device.h>
#include <migproto/dirty.h>
#include <migproto/open.h>
#include <migproto/sim.h>
#include <migproto/vfio.h>
#include <migproto/vfio_user.h>
#include <migproto/vfio_user_serve.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MAX_LINES 64
#define MAX_CALLS 24

/* One line of the tables. */
struct line {
    char section[64];
    char entry[96];
    char calls[MAX_CALLS][48];
    bool perhaps[MAX_CALLS];
    size_t n_calls;
};

static struct line lines[MAX_LINES];
static size_t n_lines;

/* What the page says is always allowed, and what ends the process. */
static const char *const always[] = {
    "brk",   "mmap",          "munmap",     "mremap",      "madvise",
    "futex", "clock_gettime", "exit_group", "rt_sigreturn"};

static const struct {
    const char *name;
    unsigned long request;
} requests[] = {
    {"VFIO_GET_API_VERSION", 0x3b64},
    {"VFIO_CHECK_EXTENSION", 0x3b65},
    {"VFIO_SET_IOMMU", 0x3b66},
    {"VFIO_GROUP_GET_STATUS", 0x3b67},
    {"VFIO_GROUP_SET_CONTAINER", 0x3b68},
    {"VFIO_GROUP_UNSET_CONTAINER", 0x3b69},
    {"VFIO_GROUP_GET_DEVICE_FD", 0x3b6a},
    {"VFIO_DEVICE_GET_INFO", 0x3b6b},
    {"VFIO_DEVICE_GET_REGION_INFO", 0x3b6c},
    {"VFIO_DEVICE_RESET", 0x3b6f},
    {"VFIO_IOMMU_GET_INFO", 0x3b70},
    {"VFIO_DEVICE_FEATURE", 0x3b75},
    {"VFIO_IOMMU_DIRTY_PAGES", 0x3b75},
    {"VFIO_DEVICE_BIND_IOMMUFD", 0x3b76},
    {"VFIO_MIG_GET_PRECOPY_INFO", 0x3b79},
};

/* What a line's functions work on. */
struct scene {
    struct migp_sim *sim;
    struct migp_device *device;
    struct migp_vfio *vfio;
    struct migp_vfio_user *server;
    struct migp_dirty *dirty;
    pthread_t thread;
    int sockets[2];
    int sim_fd;
    char path[64];
    int listener;
    uint8_t bytes[65536];
    migp_ssize n;
};

struct part {
    const char *section;
    const char *entry;
    void (*prepare)(struct scene *scene);
    void (*run)(struct scene *scene);
};

/* In a child: a failure must not look like success. */
static void must(bool fine, const char *what)
{
    if (!fine) {
        (void)fprintf(stderr, "in the child: %s\n", what);
        _exit(3);
    }
}

/* --- vfio-user --- */

static void *serve(void *user)
{
    struct scene *scene = user;
    struct migp_vfio_user_serve_options how;
    int fd = scene->sockets[1];

    if (scene->listener >= 0) {
        fd = accept(scene->listener, NULL, NULL);
    }
    migp_vfio_user_serve_options_init(&how);
    how.device_sys = migp_sim_sys(scene->sim);
    (void)migp_vfio_user_serve(fd, scene->sim_fd, &how, NULL);
    return NULL;
}

static void start_server(struct scene *scene)
{
    const struct migp_sys *sys;

    must(migp_sim_new(&scene->sim, "size=16K,initial=5K", NULL, NULL) ==
             MIGP_OK,
         "sim");
    sys = migp_sim_sys(scene->sim);
    scene->sim_fd = sys->open(sys->user, MIGP_SIM_PATH, O_RDWR);
    must(scene->sim_fd >= 0, "sim open");
    must(pthread_create(&scene->thread, NULL, serve, scene) == 0, "thread");
}

static void prepare_pair(struct scene *scene)
{
    scene->listener = -1;
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, scene->sockets) == 0, "pair");
    start_server(scene);
}

static void prepare_path(struct scene *scene)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)snprintf(scene->path, sizeof(scene->path), "/tmp/migp-seccomp.%ld",
                   (long)getpid());
    (void)unlink(scene->path);
    memcpy(address.sun_path, scene->path, sizeof(scene->path));
    scene->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    must(bind(scene->listener, (struct sockaddr *)&address, sizeof(address)) ==
                 0 &&
             listen(scene->listener, 1) == 0,
         "listen");
    start_server(scene);
}

static void connect_pair(struct scene *scene)
{
    struct migp_vfio_user_options how;

    migp_vfio_user_options_init(&how);
    how.socket = scene->sockets[0];
    must(migp_vfio_user_connect(&scene->server, &how, NULL) == MIGP_OK,
         "connect");
}

static void connect_path(struct scene *scene)
{
    struct migp_vfio_user_options how;

    migp_vfio_user_options_init(&how);
    how.path = scene->path;
    must(migp_vfio_user_connect(&scene->server, &how, NULL) == MIGP_OK,
         "connect");
}

static void prepare_connected(struct scene *scene)
{
    prepare_pair(scene);
    connect_pair(scene);
}

static void new_user_device(struct scene *scene)
{
    must(migp_device_new(&scene->device, migp_vfio_user_ops(), scene->server,
                         NULL, NULL) == MIGP_OK,
         "device");
}

static void prepare_user_device(struct scene *scene)
{
    prepare_connected(scene);
    new_user_device(scene);
}

static void prepare_user_path_device(struct scene *scene)
{
    prepare_path(scene);
    connect_path(scene);
    new_user_device(scene);
    (void)unlink(scene->path);
}

static void map_dma(struct scene *scene)
{
    must(migp_vfio_user_dma_map(scene->server, 0, 4096, 3, -1, 0, NULL) ==
             MIGP_OK,
         "map");
    must(migp_vfio_user_dma_unmap(scene->server, 0, 4096, NULL) == MIGP_OK,
         "unmap");
}

static void user_registers(struct scene *scene)
{
    must(migp_vfio_user_region_read(scene->server, 0, 0, scene->bytes, 4,
                                    NULL) == 4,
         "region read");
    must(migp_vfio_user_region_write(scene->server, 0, 0, scene->bytes, 4,
                                     NULL) == 4,
         "region write");
}

/* --- all devices --- */

static void to(struct scene *scene, uint32_t state)
{
    must(migp_device_set_state(scene->device, state, NULL) == MIGP_OK,
         "set_state");
}

static void run_states(struct scene *scene)
{
    to(scene, MIGP_STATE_PRE_COPY);
    to(scene, MIGP_STATE_STOP_COPY);
    to(scene, MIGP_STATE_STOP);
    to(scene, MIGP_STATE_RUNNING);
}

static void enter_precopy(struct scene *scene)
{
    to(scene, MIGP_STATE_PRE_COPY);
}

static void run_read(struct scene *scene)
{
    while (migp_device_read(scene->device, scene->bytes, 1000, NULL) > 0) {
    }
}

static void enter_stop_copy(struct scene *scene)
{
    to(scene, MIGP_STATE_STOP_COPY);
}

static void run_read_to_end(struct scene *scene)
{
    migp_ssize got;

    do {
        got = migp_device_read(scene->device, scene->bytes, 1000, NULL);
    } while (got > 0);
    must(got == 0, "read to the end");
}

static void read_all(struct scene *scene)
{
    migp_ssize got;

    to(scene, MIGP_STATE_STOP_COPY);
    do {
        got = migp_device_read(scene->device, scene->bytes + scene->n,
                               sizeof(scene->bytes) - (size_t)scene->n, NULL);
        must(got >= 0, "read");
        scene->n += got;
    } while (got > 0);
    to(scene, MIGP_STATE_RESUMING);
}

static void run_write(struct scene *scene)
{
    must(migp_device_write(scene->device, scene->bytes, (size_t)scene->n,
                           NULL) == scene->n,
         "write");
}

static void run_query(struct scene *scene)
{
    must(migp_device_query_state(scene->device, NULL, NULL) == MIGP_OK,
         "query");
}

static void run_info(struct scene *scene)
{
    struct migp_precopy_info info = {.struct_size = sizeof(info)};

    must(migp_device_precopy_info(scene->device, &info, NULL) == MIGP_OK,
         "info");
}

static void run_size(struct scene *scene)
{
    uint64_t size;

    must(migp_device_stop_copy_size(scene->device, &size, NULL) == MIGP_OK,
         "size");
}

static void run_reset(struct scene *scene)
{
    must(migp_device_reset(scene->device, NULL) == MIGP_OK, "reset");
}

static void run_free(struct scene *scene)
{
    migp_device_free(scene->device);
}

/* --- simulated devices --- */

static void prepare_nothing(struct scene *scene)
{
    (void)scene;
}

static void run_sim(struct scene *scene)
{
    must(migp_device_open(&scene->device, "sim:size=16K,clock=virtual", NULL,
                          NULL) == MIGP_OK,
         "open sim");
    read_all(scene);
    run_write(scene);
    to(scene, MIGP_STATE_RUNNING);
    migp_device_free(scene->device);
}

/* --- the kernel's devices --- */

static void open_options(struct migp_open_options *how)
{
    migp_open_options_init(how);
    how->flags = MIGP_OPEN_RESET_OK;
    how->recover = MIGP_RECOVER_RESET;
}

static void open_spec(struct scene *scene)
{
    struct migp_open_options how;

    open_options(&how);
    must(migp_device_open(&scene->device, getenv("MIGP_TEST_SPEC"), &how,
                          NULL) == MIGP_OK,
         "open");
}

static void prepare_device(struct scene *scene)
{
    open_spec(scene);
    run_reset(scene);
    scene->vfio = migp_device_backend(scene->device, migp_vfio_ops());
}

static void prepare_precopy(struct scene *scene)
{
    prepare_device(scene);
    enter_precopy(scene);
}

static void prepare_stop_copy(struct scene *scene)
{
    prepare_device(scene);
    enter_stop_copy(scene);
}

static void prepare_saved(struct scene *scene)
{
    prepare_device(scene);
    read_all(scene);
}

static void user_precopy(struct scene *scene)
{
    prepare_user_device(scene);
    enter_precopy(scene);
}

static void user_stop_copy(struct scene *scene)
{
    prepare_user_device(scene);
    enter_stop_copy(scene);
}

static void user_saved(struct scene *scene)
{
    prepare_user_device(scene);
    read_all(scene);
}

static void run_adopt(struct scene *scene)
{
    struct migp_vfio_options how;

    migp_vfio_options_init(&how);
    how.device_fd = migp_vfio_fd(scene->vfio);
    must(migp_vfio_open(&scene->vfio, &how, NULL) == MIGP_OK, "adopt");
}

static void prepare_adopted(struct scene *scene)
{
    prepare_device(scene);
    run_adopt(scene);
}

static void run_device_new(struct scene *scene)
{
    must(migp_device_new(&scene->device, migp_vfio_ops(), scene->vfio, NULL,
                         NULL) == MIGP_OK,
         "device");
}

static void run_kernel_registers(struct scene *scene)
{
    must(migp_vfio_region_read(scene->vfio, MIGP_VFIO_REGION_BAR0, 7,
                               scene->bytes, 1, NULL) == 1,
         "region read");
    must(migp_vfio_region_write(scene->vfio, MIGP_VFIO_REGION_BAR0, 7,
                                scene->bytes, 1, NULL) == 1,
         "region write");
}

static void run_device_dirty(struct scene *scene)
{
    static const struct migp_iova_range range = {0, 65536};

    must(migp_dirty_new_vfio(&scene->dirty, &scene->vfio, 1, NULL) == MIGP_OK,
         "dirty new");
    must(migp_dirty_start(scene->dirty, &range, 1, 4096, NULL) == MIGP_OK,
         "dirty start");
    migp_dirty_free(scene->dirty);
}

#define VU "vfio-user"
#define KERNEL "The kernel's devices"
#define SIMULATED "Simulated devices"

static const struct part parts[] = {
    {VU, "migp_vfio_user_connect() by path", prepare_path, connect_path},
    {VU, "migp_vfio_user_connect() with a socket", prepare_pair, connect_pair},
    {VU, "migp_device_new()", prepare_connected, new_user_device},
    {VU, "migp_device_set_state()", prepare_user_device, run_states},
    {VU, "migp_device_query_state()", prepare_user_device, run_query},
    {VU, "migp_device_read() in PRE_COPY", user_precopy, run_read},
    {VU, "migp_device_read() in STOP_COPY", user_stop_copy, run_read_to_end},
    {VU, "migp_device_write()", user_saved, run_write},
    {VU, "migp_device_reset()", prepare_user_device, run_reset},
    {VU, "migp_device_free() of a path", prepare_user_path_device, run_free},
    {VU, "migp_device_free() of a socket", prepare_user_device, run_free},
    {VU, "migp_vfio_user_dma_map(), _unmap()", prepare_connected, map_dma},
    {VU, "migp_vfio_user_region_read(), _write()", prepare_connected,
     user_registers},
    {SIMULATED, "all, with clock=virtual", prepare_nothing, run_sim},
    {KERNEL, "migp_vfio_open() of an fd", prepare_device, run_adopt},
    {KERNEL, "migp_device_new()", prepare_adopted, run_device_new},
    {KERNEL, "migp_device_set_state()", prepare_device, run_states},
    {KERNEL, "migp_device_query_state()", prepare_device, run_query},
    {KERNEL, "migp_device_read() in PRE_COPY", prepare_precopy, run_read},
    {KERNEL, "migp_device_read() in STOP_COPY", prepare_stop_copy,
     run_read_to_end},
    {KERNEL, "migp_device_write()", prepare_saved, run_write},
    {KERNEL, "migp_device_precopy_info()", prepare_precopy, run_info},
    {KERNEL, "migp_device_stop_copy_size()", prepare_device, run_size},
    {KERNEL, "migp_device_reset()", prepare_device, run_reset},
    {KERNEL, "migp_device_free() in a session", prepare_stop_copy, run_free},
    {KERNEL, "migp_vfio_region_read(), _write()", prepare_device,
     run_kernel_registers},
    {KERNEL, "migp_dirty_new_vfio(), _start(), _free()", prepare_device,
     run_device_dirty},
};

/* --- the page --- */

static void parse_calls(struct line *line, char *text)
{
    char *save = NULL;
    char *call = strtok_r(text, ",|\n", &save);

    for (; call != NULL; call = strtok_r(NULL, ",|\n", &save)) {
        char *end;
        char *mark;

        while (*call == ' ') {
            call++;
        }
        end = call + strlen(call);
        while (end > call && end[-1] == ' ') {
            *--end = '\0';
        }
        if (*call == '\0' || strcmp(call, "none") == 0) {
            continue;
        }
        assert_true(line->n_calls < MAX_CALLS);
        mark = strchr(call, '?');
        if (mark != NULL) {
            *mark = '\0';
            line->perhaps[line->n_calls] = true;
        }
        (void)snprintf(line->calls[line->n_calls++], sizeof(line->calls[0]),
                       "%s", call);
    }
}

static void parse_line(const char *section, char *text)
{
    struct line *line = &lines[n_lines];
    char *end = strchr(text + 1, '|');

    assert_non_null(end);
    assert_true(n_lines < MAX_LINES);
    while (end > text && end[-1] == ' ') {
        end--;
    }
    *end = '\0';
    (void)snprintf(line->section, sizeof(line->section), "%s", section);
    (void)snprintf(line->entry, sizeof(line->entry), "%s",
                   text + strspn(text, "| "));
    parse_calls(line, strchr(end + 1, '|') + 1);
    n_lines++;
}

static int read_page(void **state)
{
    const char *path = getenv("MIGP_TEST_EMBEDDING");
    char section[64] = "";
    char text[1024];
    bool inside = false;
    FILE *page = fopen(
        path != NULL ? path : MIGP_TESTS_DIR "/../docs/embedding.md", "r");

    (void)state;
    assert_non_null(page);
    while (fgets(text, sizeof(text), page) != NULL) {
        if (strncmp(text, "## ", 3) == 0) {
            inside = strcmp(text, "## System calls\n") == 0;
        } else if (strncmp(text, "### ", 4) == 0) {
            text[strcspn(text, "\n")] = '\0';
            assert_true(snprintf(section, sizeof(section), "%s", text + 4) <
                        (int)sizeof(section));
        } else if (inside && strncmp(text, "| migp_", 7) == 0) {
            parse_line(section, text);
        } else if (inside && strncmp(text, "| all", 5) == 0) {
            parse_line(section, text);
        }
    }
    assert_int_equal(fclose(page), 0);
    return 0;
}

/* --- the filter --- */

static volatile int *trapped;

static void on_trap(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    *trapped = info->si_syscall;
    _exit(2);
}

static int allow(scmp_filter_ctx filter, const char *call)
{
    size_t i;

    if (strncmp(call, "ioctl ", 6) == 0) {
        for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
            if (strcmp(requests[i].name, call + 6) == 0) {
                return seccomp_rule_add(
                    filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                    SCMP_A1(SCMP_CMP_EQ, requests[i].request, 0));
            }
        }
        return -EINVAL;
    }
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW,
                            seccomp_syscall_resolve_name(call), 0);
}

static void filter(const struct line *line, size_t without)
{
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_TRAP);
    struct sigaction action = {0};
    size_t i;

    action.sa_sigaction = on_trap;
    action.sa_flags = SA_SIGINFO;
    must(context != NULL && sigaction(SIGSYS, &action, NULL) == 0, "filter");
    for (i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
        must(allow(context, always[i]) == 0, always[i]);
    }
    for (i = 0; i < line->n_calls; i++) {
        must(i == without || allow(context, line->calls[i]) == 0,
             line->calls[i]);
    }
    must(seccomp_load(context) == 0, "load");
}

/* The exit status of the part in a child: 0 done, 2 stopped by the filter. */
static int try_part(const struct part *part, const struct line *line,
                    size_t without)
{
    static struct scene scene;
    int status = -1;
    pid_t child;

    *trapped = -1;
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)alarm(60);
        part->prepare(&scene);
        filter(line, without);
        part->run(&scene);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static const struct part *part_of(const struct line *line)
{
    size_t i;

    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strcmp(parts[i].section, line->section) == 0 &&
            strcmp(parts[i].entry, line->entry) == 0) {
            return &parts[i];
        }
    }
    fail_msg("docs/embedding.md: no test runs the line '%s' of '%s'",
             line->entry, line->section);
    return NULL;
}

static bool can_run(const struct line *line)
{
    return strcmp(line->section, KERNEL) != 0 ||
           getenv("MIGP_TEST_SPEC") != NULL;
}

static void test_tables__nothing_else_is_called(void **state)
{
    size_t run = 0;
    size_t i;

    (void)state;
    for (i = 0; i < n_lines; i++) {
        const struct part *part = part_of(&lines[i]);
        int status;

        if (!can_run(&lines[i])) {
            continue;
        }
        status = try_part(part, &lines[i], SIZE_MAX);
        if (status != 0) {
            char *name =
                seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, *trapped);

            fail_msg("%s, %s: status %d, system call %d %s", lines[i].section,
                     lines[i].entry, status, *trapped,
                     name != NULL ? name : "");
        }
        run++;
    }
    print_message("%zu of %zu lines run\n", run, n_lines);
    assert_int_equal(n_lines, sizeof(parts) / sizeof(parts[0]));
    assert_true(run > 0);
}

static void test_tables__each_call_is_needed(void **state)
{
    size_t i;
    size_t j;

    (void)state;
    for (i = 0; i < n_lines; i++) {
        const struct part *part = part_of(&lines[i]);

        for (j = 0; can_run(&lines[i]) && j < lines[i].n_calls; j++) {
            int status = lines[i].perhaps[j] ? 2 : try_part(part, &lines[i], j);

            if (status != 2) {
                fail_msg("%s, %s: %s is not needed (status %d)",
                         lines[i].section, lines[i].entry, lines[i].calls[j],
                         status);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables__nothing_else_is_called),
        cmocka_unit_test(test_tables__each_call_is_needed),
    };

    trapped = mmap(NULL, sizeof(*trapped), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (trapped == MAP_FAILED) {
        return 1;
    }
    return cmocka_run_group_tests_name("seccomp", tests, read_page, NULL);
}
