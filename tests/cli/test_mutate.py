# SPDX-License-Identifier: MIT
"""mutate: repeatable, bounded, and what it says it did is what it did."""

import json
import os
import re
import unittest

from support import (Case, FAILED, GOOD, TWO_DEVICES, bare, data, pci_config,
                     read, run, scaled, tag, END, SETUP)

OPERATIONS = ("swap", "drop", "repeat", "resize", "retag", "cut", "flip")
LINE = re.compile(r"^(\w+) \((keep|break)\): offset (\d+) \((0x[0-9a-f]+)\), "
                  r"(\d+) bytes: ([\w ]+)(?:, ([\w ]+))?$")


class Mutate(Case):
    def mutate(self, *arguments, status=GOOD, **more):
        return self.check(run("mutate", *arguments, **more), status)

    def described(self, *arguments):
        """The result and what --json says about it."""
        out = self.path("out")
        result = self.mutate("--json", "-o", out, *arguments)
        self.assertEqual(result.stderr, b"")
        return read(out), json.loads(result.stdout)

    def test_same_seed_same_result(self):
        results = set()
        for seed in range(scaled(20)):
            first = self.mutate(TWO_DEVICES, "--seed", str(seed)).stdout
            again = self.mutate("-s", str(seed), "-",
                                data=read(TWO_DEVICES)).stdout
            self.assertEqual(first, again)
            self.assertNotEqual(first, read(TWO_DEVICES))
            results.add(first)
        self.assertGreater(len(results), scaled(20) * 3 // 4)

    def test_seed_of_64_bits(self):
        for seed in ("18446744073709551615", "0xffffffffffffffff"):
            _, said = self.described(TWO_DEVICES, "--seed", seed)
            self.assertEqual(said["seed"], (1 << 64) - 1)
        for seed in ("18446744073709551616", "-1", "x", ""):
            self.mutate(TWO_DEVICES, "--seed", seed, status=FAILED)

    def test_framing_keep_is_still_read(self):
        """inspect reads to the end: nothing is lost, no footer is wrong."""
        for seed in range(scaled(60)):
            out, said = self.described(TWO_DEVICES, "--framing", "keep",
                                       "--seed", str(seed))
            self.assertTrue(said["mutations"])
            for one in said["mutations"]:
                self.assertEqual(one["framing"], "keep")
            result = run("inspect", "--json", "--tolerant", "-", data=out)
            self.assertIn(result.returncode, (0, 1))
            codes = {f["code"] for f in json.loads(result.stdout)["findings"]}
            self.assertFalse(codes & {
                "footer-missing", "footer-mismatch", "unknown-section-byte",
                "unknown-section-id", "unknown-tag", "lost", "truncated",
                "bytes-after-end"}, (seed, said))

    def test_framing_break_is_mostly_noticed(self):
        noticed = 0
        for seed in range(60):
            out, said = self.described(TWO_DEVICES, "--framing", "break",
                                       "--count", "1", "--seed", str(seed))
            self.assertEqual(said["mutations"][0]["framing"], "break")
            noticed += run("inspect", "--json", "-",
                           data=out).returncode != 0
        self.assertGreater(noticed, 40)

    def test_one_operation(self):
        whole = read(TWO_DEVICES)
        for operation in OPERATIONS:
            for seed in range(scaled(10)):
                out, said = self.described(TWO_DEVICES, "--operation",
                                           operation, "--seed", str(seed),
                                           "--count", "1")
                self.assertLessEqual(len(said["mutations"]), 1)
                self.assertEqual(said["output_bytes"], len(out))
                self.assertEqual(said["input_bytes"], len(whole))
                for one in said["mutations"]:
                    self.assertEqual(one["operation"], operation)
                    self.assertLessEqual(one["offset"] + one["size"],
                                         len(whole))
                    self.look(operation, one, whole, out)

    def look(self, operation, one, whole, out):
        at, size = one["offset"], one["size"]
        if operation == "drop":
            self.assertEqual(len(out), len(whole) - size)
            self.assertEqual(out[at:], whole[at + size:])
        elif operation == "cut":
            self.assertEqual(out, whole[:len(out)])
            self.assertLess(len(out), at + size)
        elif operation == "flip":
            self.assertEqual(out[:at] + out[at + size:],
                             whole[:at] + whole[at + size:])
        elif operation == "swap":
            self.assertEqual(sorted(out), sorted(whole))
        elif operation == "repeat":
            self.assertEqual(len(out), len(whole) + size)
            self.assertIn(whole[at:at + size], out)

    def test_list_of_operations(self):
        seen = set()
        for seed in range(40):
            _, said = self.described(TWO_DEVICES, "--operation", "cut,flip",
                                     "--seed", str(seed))
            seen |= {one["operation"] for one in said["mutations"]}
        self.assertEqual(seen, {"cut", "flip"})

    def test_count(self):
        for count in (1, 7, 64):
            _, said = self.described(TWO_DEVICES, "--count", str(count),
                                     "--operation", "flip", "--seed", "5")
            self.assertEqual(len(said["mutations"]), count)

    def test_explain(self):
        result = self.mutate(TWO_DEVICES, "--seed", "9", "--count", "5", "-v")
        self.assertEqual(result.stdout,
                         self.mutate(TWO_DEVICES, "--seed", "9", "--count",
                                     "5").stdout)
        lines = result.stderr.decode().splitlines()
        _, said = self.described(TWO_DEVICES, "--seed", "9", "--count", "5")
        self.assertEqual(len(lines), len(said["mutations"]))
        for line, one in zip(lines, said["mutations"]):
            match = LINE.match(line)
            self.assertIsNotNone(match, line)
            self.assertEqual(int(match[3]), int(match[4], 16))
            self.assertEqual((match[1], match[2], int(match[3]),
                              int(match[5]), match[6], match[7] or ""),
                             (one["operation"], one["framing"], one["offset"],
                              one["size"], one["unit"], one["field"]))

    def test_units_of_a_bare_stream(self):
        units = set()
        path = self.file("bare", bare(b"state" * 10, pci_config(), 16))
        for seed in range(scaled(60)):
            _, said = self.described(path, "--seed", str(seed))
            units |= {one["unit"] for one in said["mutations"]}
        self.assertIn("record DATA", units)
        self.assertIn("record CONFIG", units)

    def test_never_longer_than_asked(self):
        whole = bare(b"x" * 1000)
        for size in (1, 100, len(whole), len(whole) + 10):
            for seed in range(5):
                out = self.mutate("-", "--max-size", str(size), "--operation",
                                  "repeat,resize", "--seed", str(seed),
                                  data=whole).stdout
                self.assertLessEqual(len(out), size)

    def test_input_too_long(self):
        whole = bare(b"x" * 1000)
        out = self.path("out")
        result = self.mutate("-", "--max-input", "100", "-o", out, data=whole,
                             status=FAILED)
        self.assertIn(b"--max-input", result.stderr)
        self.assertFalse(os.path.exists(out))
        self.assertEqual(os.listdir(self.folder), [])
        self.mutate("-", "--max-input", str(len(whole)), data=whole)

    def test_large_pipe(self):
        whole = tag(SETUP) + tag(END) + data(bytes(3 << 20))
        out = self.mutate("-", "--operation", "flip", "--seed", "1",
                          data=whole).stdout
        self.assertEqual(len(out), len(whole))
        self.assertNotEqual(out, whole)

    def test_nothing_to_do(self):
        result = self.mutate("-", data=b"")
        self.assertEqual(result.stdout, b"")
        self.assertIn(b"nothing could be done", result.stderr)

    def test_any_bytes(self):
        noise = self.use_random()
        for size in (1, 7, 8, 100, 5000):
            self.mutate("-", "--seed", str(size), data=noise.randbytes(size))

    def test_wrong_usage(self):
        for arguments in (["--operation", "swap,burn"], ["--operation", ""],
                          ["--operation", "swap,,drop"],
                          ["--framing", "bend"], ["--count", "65"],
                          ["--max-input", "0"], ["--page-size", "5000"],
                          ["--json"], ["--json", "-o", "-"]):
            result = self.mutate(TWO_DEVICES, *arguments, status=FAILED)
            self.assertEqual(result.stdout, b"")
            self.assertNotEqual(result.stderr, b"")
        self.mutate(status=FAILED)
        self.mutate(self.path("missing"), status=FAILED)


if __name__ == "__main__":
    unittest.main()
