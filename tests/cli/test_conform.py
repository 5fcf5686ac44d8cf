# SPDX-License-Identifier: MIT
"""conform: KTAP that a parser understands, exit statuses, and the page that
tells about it."""

import json
import os
import re
import subprocess
import sys
import unittest

from support import Case, FAILED, FINDINGS, GOOD, MIGPROTO, ROOT, run

RESULT = re.compile(r"^(ok|not ok) (\d+) - (\d+)\.([a-z0-9-]+)"
                    r"(?: # (SKIP|XFAIL|XPASS) (.+))?$")
TOTALS = re.compile(r"^# Totals: pass:(\d+) fail:(\d+) xfail:(\d+) xpass:(\d+) "
                    r"skip:(\d+) error:(\d+)$")
PAGE = os.path.join(ROOT, "docs", "conformance.md")
GENERATE = os.path.join(ROOT, "tests", "ci", "gen-conformance")


class Ktap:
    """What a run printed, by the rules of the kernel's ktap.rst."""

    def __init__(self, text):
        lines = text.decode("ascii").splitlines()
        assert lines[0] == "KTAP version 1", lines[0]
        self.planned = int(re.fullmatch(r"1\.\.(\d+)", lines[1]).group(1))
        self.results = {}
        self.before = {}
        self.bail = None
        self.order = []
        said = []
        for line in lines[2:-1]:
            match = RESULT.match(line)
            if line.startswith("# "):
                said.append(line[2:])
            elif line.startswith("Bail out! "):
                self.bail = line
            else:
                assert match, line
                number = int(match[3])
                assert int(match[2]) == len(self.order) + 1, line
                self.order.append(number)
                self.results[number] = (match[1], match[5], match[6])
                self.before[number] = said
                said = []
        names = ("pass", "fail", "xfail", "xpass", "skip", "error")
        self.totals = dict(zip(names, map(int, TOTALS.match(lines[-1])
                                          .groups())))

    def numbers(self, result, directive):
        return {number for number, found in self.results.items()
                if found[:2] == (result, directive)}


class Conform(Case):
    def conform(self, *arguments, status=GOOD):
        result = self.check(run("conform", *arguments), status)
        self.assertEqual(result.stderr, b"")
        return Ktap(result.stdout)

    def checks(self):
        return json.loads(self.check(run("conform", "--list", "--json"),
                                     GOOD).stdout)["checks"]

    def test_a_device_that_keeps_the_rules(self):
        for spec in ("sim", "sim:", "sim:size=1M,initial=64K"):
            ktap = self.conform(spec)
            self.assertEqual(ktap.planned, 41)
            self.assertEqual(ktap.order, list(range(1, 42)))
            self.assertEqual(ktap.numbers("ok", "SKIP"), {9, 15, 41})
            self.assertEqual(ktap.totals, {
                "pass": 38, "fail": 0, "xfail": 0, "xpass": 0, "skip": 3,
                "error": 0})
            self.assertIsNone(ktap.bail)

    def test_known_deviations(self):
        broken = {6, 19, 30, 33, 39}
        ktap = self.conform("sim:quirk=mtty")
        self.assertEqual(ktap.numbers("not ok", "XFAIL"), broken)
        self.assertEqual(ktap.numbers("not ok", None), set())
        self.assertEqual(ktap.totals["xfail"], 5)
        for number in broken:
            self.assertRegex(ktap.results[number][2], r"^mtty: .*\(mtty\.c:")
        ktap = self.conform("--driver", "", "sim:quirk=mtty", status=FINDINGS)
        self.assertEqual(ktap.numbers("not ok", None), broken)
        self.assertEqual(ktap.totals["fail"], 5)
        ktap = self.conform("--driver=mtty", "sim:size=64K")
        self.assertEqual(ktap.numbers("ok", "XPASS"), broken)

    def test_a_broken_rule(self):
        ktap = self.conform("sim:size=64K,break=eof-then-data",
                            status=FINDINGS)
        self.assertEqual(ktap.numbers("not ok", None), {18})
        self.assertEqual(ktap.before[18][-1],
                         "a read after the end answers data, not 0")

    def test_rule_and_source_come_before_the_result(self):
        known = {check["number"]: check for check in self.checks()}
        ktap = self.conform("--check", "16,1,16", "sim:size=64K")
        self.assertEqual(ktap.planned, 2)
        self.assertEqual(ktap.order, [1, 16])
        for number in (1, 16):
            check = known[number]
            self.assertIn(f"{number} {check['title']} ({check['source']})",
                          ktap.before[number])

    def test_lines_are_out_before_a_check_runs(self):
        """A device that takes ten seconds to stop is killed in the middle."""
        with subprocess.Popen(
                [MIGPROTO, "conform", "--check", "1,18",
                 "sim:size=64K,stop-setup=10s"],
                stdout=subprocess.PIPE) as child:
            lines = []
            try:
                while not lines or not lines[-1].startswith(b"# 18 "):
                    lines.append(child.stdout.readline())
                    self.assertTrue(lines[-1], lines)
            finally:
                child.kill()
            lines += child.stdout.readlines()
        self.assertEqual(lines[:2], [b"KTAP version 1\n", b"1..2\n"])
        self.assertRegex(lines[-2], b"^ok 1 - 1.")
        self.assertRegex(lines[-1], b"^# 18 ")

    def test_dangerous_only_if_asked_for(self):
        spec = "sim:size=64K,break=forbidden-arc-allowed"
        ktap = self.conform("--check", "9", spec)
        self.assertEqual(ktap.results[9],
                         ("ok", "SKIP", "dangerous, only if asked for"))
        ktap = self.conform("--check", "9", "--dangerous", spec,
                            status=FINDINGS)
        self.assertEqual(ktap.results[9][0], "not ok")

    def test_device_that_fails(self):
        result = self.check(
            run("conform", "sim:size=64K,fail=GET:EIO@40+"), FAILED)
        self.assertIn(b"does not come back from a reset: EIO", result.stderr)
        ktap = Ktap(result.stdout)
        self.assertIn("EIO", ktap.bail)
        self.assertEqual(ktap.totals["error"], 1)
        self.assertLess(len(ktap.order), ktap.planned)

    def test_device_that_cannot_be_migrated(self):
        """Its driver says what cannot be: asked, so not a failure to ask."""
        for extra in ([], ["--json"]):
            result = self.check(run("conform", "sim:break=bad-flags", *extra),
                                FINDINGS)
            self.assertIn(b"[no-migration]", result.stderr)
            self.assertEqual(result.stdout, b"")

    def test_more_state_than_is_kept(self):
        ktap = self.conform("--max-data", "64K", "sim:size=1M")
        self.assertEqual(ktap.totals["fail"], 0)
        self.assertIn("65536", ktap.results[26][2])

    def test_json(self):
        checks = self.checks()
        result = self.check(run("conform", "--json", "--driver", "",
                                "sim:quirk=mtty"), FINDINGS)
        found = json.loads(result.stdout)
        self.assertEqual(set(found), {"device", "name", "driver", "migration",
                                      "checks", "totals", "error"})
        self.assertEqual(found["device"], "sim:quirk=mtty")
        self.assertEqual(found["migration"], ["STOP_COPY", "P2P", "PRE_COPY"])
        self.assertIsNone(found["error"])
        self.assertEqual([check["number"] for check in found["checks"]
                          if check["verdict"] == "fail"], [6, 19, 30, 33, 39])
        self.assertEqual(sum(found["totals"].values()), len(checks))
        for one, listed in zip(found["checks"], checks):
            self.assertEqual({key: one[key] for key in listed}, listed)
        result = self.check(run("conform", "--json",
                                "sim:size=64K,fail=GET:EIO@40+"), FAILED)
        self.assertIn("EIO", json.loads(result.stdout)["error"])

    def test_list(self):
        result = self.check(run("conform", "--list"), GOOD)
        lines = result.stdout.decode().splitlines()
        checks = self.checks()
        self.assertEqual(len(lines), 1 + len(checks))
        for line, check in zip(lines[1:], checks):
            self.assertEqual(line.split()[:2],
                             [str(check["number"]), check["id"]])
            self.assertIn(check["title"], line)
            self.assertIn(check["source"], line)
            self.assertIn("normative" if check["normative"] else "practice",
                          line)
            self.assertEqual("dangerous" in line.split(), check["dangerous"])

    def test_refused_before_anything_is_opened(self):
        for spec, words in (
                ("vfio:0000:3b:00.2", b"--reset-ok"),
                ("vfio:fd:3", b"--reset-ok"),
                ("vfio:/dev/vfio/devices/vfio0", b"--reset-ok"),
                ("vfio-user:/nowhere", b"not for vfio-user servers")):
            result = self.check(run("conform", spec), FAILED)
            self.assertEqual(result.stdout, b"")
            self.assertIn(words, result.stderr)
        result = self.check(run("conform", "--reset-ok", "vfio-user:/nowhere"),
                            FAILED)
        self.assertIn(b"not for vfio-user servers", result.stderr)

    def test_wrong_usage(self):
        for arguments in (
                [], ["a", "b"], ["--check", "0", "sim"],
                ["--check", "42", "sim"], ["--check", "", "sim"],
                ["--check", "1,", "sim"], ["--check", "1-3", "sim"],
                ["--check", "4294967297", "sim"], ["--check", "-1", "sim"],
                ["--driver", "nobody", "sim"], ["--max-data", "0", "sim"],
                ["--max-data", "65G", "sim"], ["sim:size=x"], ["nonsense"]):
            with self.subTest(arguments):
                result = self.check(run("conform", *arguments), FAILED)
                self.assertEqual(result.stdout, b"")
                self.assertRegex(result.stderr, rb"^migproto: ")


class Page(Case):
    """docs/conformance.md is what the tables in the library say."""

    def test_page_is_up_to_date(self):
        made = subprocess.run([sys.executable, GENERATE], check=True,
                              stdout=subprocess.PIPE).stdout
        with open(PAGE, "rb") as file:
            self.assertEqual(file.read().decode(), made.decode(),
                             "tests/ci/gen-conformance --write")

    def test_page_has_what_the_command_lists(self):
        with open(PAGE, encoding="utf-8") as file:
            rows = re.findall(r"^\| (\d+) \| `([a-z0-9-]+)` \| (.*?) \| "
                              r"(.*?) \| (.*?) \|$", file.read(), re.M)
        listed = json.loads(run("conform", "--list",
                                "--json").stdout)["checks"]
        self.assertEqual(len(rows), len(listed))
        for row, check in zip(rows, listed):
            kind = "normative" if check["normative"] else "practice"
            kind += ", **dangerous**" if check["dangerous"] else ""
            kind += ", reopens" if check["reopens"] else ""
            self.assertEqual(row, (str(check["number"]), check["id"],
                                   check["title"], check["source"], kind))

    def test_sample_output_is_real(self):
        with open(PAGE, encoding="utf-8") as file:
            sample = re.search(r"^```\n(KTAP version 1\n.*?)^```$",
                               file.read(), re.M | re.S).group(1)
        result = run("conform", "--check", "6,9,19,20", "sim:quirk=mtty")
        self.assertEqual(result.stdout.decode(), sample)


if __name__ == "__main__":
    unittest.main()
