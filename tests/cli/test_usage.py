# SPDX-License-Identifier: MIT
"""Help, version, and what the command says to a wrong usage."""

import os
import re
import unittest

from support import (Case, FAILED, GOOD, ROOT, TWO_DEVICES, run)

COMMANDS = ("inspect", "verify", "extract", "encode", "graft", "mutate", "probe",
            "save", "load", "serve-sim", "conform")


def help_options(command):
    text = run(command, "--help").stdout.decode()
    return set(re.findall(r"^  (?:-(?:\w), |    )--([\w-]+)", text, re.M))


def man_options(command):
    """Options of a command's sections in the man page."""
    with open(os.path.join(ROOT, "docs", "man", "migproto.1"),
              encoding="utf-8") as file:
        page = file.read()
    found = set()
    for title, body in re.findall(r"^\.Ss (.*)\n((?:(?!\.S[sh] ).*\n)*)", page,
                                  re.M):
        if command in re.findall(r"[a-z-]+", title):
            found |= set(re.findall(r"^\.It .*?Fl -([\w-]+)", body, re.M))
    return found


class Usage(Case):
    def test_help_lists_the_commands(self):
        for option in ("--help", "-h"):
            result = self.check(run(option), GOOD)
            for command in COMMANDS:
                self.assertIn(f"\n  {command} ".encode(), result.stdout)

    def test_each_command_has_help(self):
        for command in COMMANDS:
            for option in ("--help", "-h"):
                result = self.check(run(command, option), GOOD)
                self.assertIn(f"Usage: migproto {command} ".encode(),
                              result.stdout)
                self.assertEqual(result.stderr, b"")

    def test_help_fits_a_terminal(self):
        for arguments in [["--help"]] + [[c, "--help"] for c in COMMANDS]:
            for line in run(*arguments).stdout.decode().splitlines():
                self.assertLessEqual(len(line), 100, line)

    def test_help_ends_with_the_commands_own_exit_statuses(self):
        words = {"inspect": "1 findings", "verify": "1 findings",
                 "extract": "1 findings", "graft": "1 findings",
                 "encode": "0 written", "mutate": "0 written",
                 "probe": "1 cannot be", "save": "0 saved",
                 "load": "or the device refused it", "serve-sim": "by a signal",
                 "conform": "0 no rule broken"}
        self.assertEqual(set(words), set(COMMANDS))
        for command, expected in words.items():
            text = run(command, "--help").stdout.decode()
            end = text.split("\nExit status: ")[1]
            self.assertIn(expected, end, command)
            self.assertIn("2 ", end)

    def test_version(self):
        result = self.check(run("--version"), GOOD)
        self.assertRegex(result.stdout, rb"^migproto \d+\.\d+\.\d+\n$")

    def test_man_page_lists_the_same_options(self):
        for command in COMMANDS:
            with self.subTest(command):
                options = help_options(command)
                self.assertGreater(len(options), 2)
                self.assertEqual(options - {"help"}, man_options(command))

    def test_wrong_usage_exits_2(self):
        cases = [[], ["frobnicate"], ["inspect"], ["inspect", "a", "b"],
                 ["verify"], ["extract"], ["encode"], ["encode", "operand"]]
        cases += [[c, "--frobnicate", TWO_DEVICES] for c in COMMANDS]
        cases += [["inspect", option, TWO_DEVICES] for option in (
            "--dialect=v3", "--footers=maybe", "--color=blue", "--page-size=x",
            "--page-size=-1", "--page-size=3000", "--max-data=1Q",
            "--max-data=99999999999999999999", "--max-data=16777216T",
            "--max-records=4294967296", "--max-records=1K")]
        cases += [["extract", "--config", "--stream", TWO_DEVICES],
                  ["encode", "--state", "-", "--config", "-"],
                  ["encode", "--state", "-", "--block-size", "0"],
                  ["encode", "--state", "-", "--block-size", "2G"],
                  ["encode", "--state", "-", "--dialect", "any"],
                  ["encode", "--state", "-", "--dialect", "v1",
                   "--init-data-sent"]]
        for arguments in cases:
            with self.subTest(arguments):
                result = self.check(run(*arguments), FAILED)
                self.assertEqual(result.stdout, b"")
                self.assertRegex(result.stderr, rb"^migproto: ")

    def test_unreadable_input(self):
        cases = [(self.path("absent"), b"No such file"),
                 (self.folder, b"Is a directory")]
        for command in ("inspect", "verify", "extract"):
            for path, reason in cases:
                with self.subTest((command, path)):
                    result = self.check(run(command, path), FAILED)
                    self.assertEqual(result.stdout, b"")
                    self.assertIn(path.encode() + b": " + reason,
                                  result.stderr)
        self.check(run("encode", "--state", self.path("absent")), FAILED)


if __name__ == "__main__":
    unittest.main()
