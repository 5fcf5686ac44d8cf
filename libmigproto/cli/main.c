/* SPDX-License-Identifier: MIT */
#include "command.h"
#include "message.h"
#include "output.h"

#include <migproto/core.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
    {"inspect", "show what a migration stream holds", migp_inspect_main},
    {"verify", "check a migration stream", migp_verify_main},
    {"extract", "write a device's state, config bytes or records",
     migp_extract_main},
    {"graft", "replace a device's state in a stream", migp_graft_main},
    {"encode", "make a device-state stream of a state", migp_encode_main},
    {"mutate", "damage a stream, for those who fuzz its readers",
     migp_mutate_main},
    {"probe", "show what a device can do, or why it cannot be migrated",
     migp_probe_main},
    {"save", "save a device's state as a device-state stream", migp_save_main},
    {"load", "load a device's state", migp_load_main},
    {"serve-sim", "offer a simulated device by vfio-user", migp_serve_sim_main},
    {"conform", "check that a driver keeps the rules of VFIO migration",
     migp_conform_main},
};

static int print_help(void)
{
    size_t i;

    puts("Usage: migproto COMMAND [OPTION]... [FILE]\n\n"
         "Take apart, check and make migration streams of VFIO devices; save "
         "and load\ndevices.\n\n"
         "Commands:");
    for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        printf("  %-10s%s\n", commands[i].name, commands[i].summary);
    }
    puts("\n'migproto COMMAND --help' shows a command's options, 'migproto "
         "--version' the\nversion; migproto(1) says the rest.");
    return MIGP_EXIT_GOOD;
}

static int print_version(void)
{
    printf("migproto %s\n", migp_version());
    return MIGP_EXIT_GOOD;
}

static int run(int argc, char **argv)
{
    size_t i;

    if (argc < 2) {
        migp_message_print(NULL, "a command is missing");
        fputs("Try 'migproto --help'.\n", stderr);
        return MIGP_EXIT_FAILED;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        return print_help();
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        return print_version();
    }
    for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    migp_message_print(NULL, "%s is not a command", argv[1]);
    fputs("Try 'migproto --help'.\n", stderr);
    return MIGP_EXIT_FAILED;
}

/* A file opened while one of the three standard descriptors is closed would
 * take its place, and messages would go into it. */
static int open_standard_descriptors(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd < 0) {
        return -1;
    }
    close(fd);
    return 0;
}

int main(int argc, char **argv)
{
    int status;

    if (open_standard_descriptors() != 0) {
        return MIGP_EXIT_FAILED;
    }

    /* A reader that goes away is an error of a write, not an end by signal:
     * unfinished files are to be removed. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    status = run(argc, argv);
    if (migp_output_check_stdout() != 0) {
        return MIGP_EXIT_FAILED;
    }
    return status;
}
