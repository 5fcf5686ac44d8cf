/* SPDX-License-Identifier: MIT */
#ifndef MIGP_CLI_COMMAND_H
#define MIGP_CLI_COMMAND_H

/* Exit statuses of every command; the man page promises them. */
enum migp_exit {
    MIGP_EXIT_GOOD = 0,     /* done, and nothing of severity error found */
    MIGP_EXIT_FINDINGS = 1, /* the stream has findings of severity error; a
                               device refuses it, or cannot be migrated */
    MIGP_EXIT_FAILED = 2    /* unreadable, not a stream, or wrong usage */
};

/* Each command is one file; main.c only has the table of them. */
int migp_inspect_main(int argc, char **argv);
int migp_verify_main(int argc, char **argv);
int migp_extract_main(int argc, char **argv);
int migp_graft_main(int argc, char **argv);
int migp_encode_main(int argc, char **argv);
int migp_mutate_main(int argc, char **argv);
int migp_probe_main(int argc, char **argv);
int migp_save_main(int argc, char **argv);
int migp_load_main(int argc, char **argv);
int migp_serve_sim_main(int argc, char **argv);
int migp_conform_main(int argc, char **argv);

#endif
