# SPDX-License-Identifier: MIT
"""The examples, on devices that can be looked at."""

import os
import shutil
import struct
import subprocess
import unittest

from devices import DeviceCase, FakeServer
from support import ROOT, TIMEOUT

BLOCKING = os.environ["MIGP_EXAMPLE_BLOCKING"]  # path of it, set by ctest

CUSTOM = os.environ["MIGP_EXAMPLE_CUSTOM"]
# Folder of libmigproto.pc; empty where Rust cannot load the library.
PC = os.environ["MIGP_EXAMPLE_PC"]
RUSTC = os.environ.get("RUSTC", "rustc")


class Printing(unittest.TestCase):
    @unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full")
    def test_what_cannot_be_printed(self):
        for example in (BLOCKING, CUSTOM):
            with open("/dev/full", "wb") as full:
                result = subprocess.run([example], stdout=full, check=False,
                                        stderr=subprocess.PIPE,
                                        timeout=TIMEOUT)
            self.assertEqual(result.returncode, 1, example)
            self.assertIn(b"standard output: No space", result.stderr)


class Blocking(DeviceCase):
    def run_example(self, *specs):
        return subprocess.run([BLOCKING, *specs], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=TIMEOUT,
                              check=False)

    def state(self, server, name):
        return self.extract(self.save(server.spec, name, "--no-precopy"))

    def test_the_state_moves(self):
        for number, options in enumerate(
                ("size=3M,initial=1M", "size=1M,precopy=off", "quirk=mtty")):
            with self.subTest(options):
                source = self.serve(f"source{number}",
                                    f"sim:seed=1,{options}")
                target = self.serve(f"target{number}",
                                    f"sim:seed=2,{options}")
                before = self.state(source, "before")
                self.assertNotEqual(before, self.state(target, "other"))
                result = self.run_example(source.spec, target.spec)
                self.assertEqual((result.returncode, result.stderr),
                                 (0, b""))
                self.assertEqual(self.state_of(source.spec), "STOP")
                self.assertEqual(self.state_of(target.spec), "RUNNING")
                self.assertEqual(self.state(target, "after"), before)

    def test_a_failure_leaves_the_source_running(self):
        for fault in (["fail=READ:EIO@2", ""], ["", "fail=WRITE:EFAULT@2"],
                      ["", "fail=SET:STOP:EINVAL@2"],
                      ["fail=SET:STOP_COPY:EIO", ""],
                      ["", "fail=SET:RESUMING:EIO"]):
            with self.subTest(fault):
                number = "-".join(fault).replace(":", "")
                source, target = (
                    self.serve(f"{side}{number}", f"sim:size=3M,{extra}")
                    if extra else
                    self.serve(f"{side}{number}", "sim:size=3M")
                    for side, extra in zip("st", fault))
                result = self.run_example(source.spec, target.spec)
                self.assertEqual(result.returncode, 1, result.stdout)
                self.assertIn(b" failed: ", result.stderr)
                self.assertEqual(self.state_of(source.spec), "RUNNING")
                self.assertEqual(self.state_of(target.spec), "RUNNING")

    def test_a_device_that_never_gives_what_it_promised(self):
        """It is asked again now and then, and not for ever."""
        before = os.times()
        result = self.run_example("sim:size=1M,break=initial-bytes-grow",
                                  "sim:size=1M")
        after = os.times()
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        spent = (after.children_user + after.children_system -
                 before.children_user - before.children_system)
        # A sanitizer's or valgrind's start takes part of it.
        self.assertLess(spent, (after.elapsed - before.elapsed) / 2)

    def test_a_device_that_cannot_tell_what_is_left(self):
        result = self.run_example("sim:size=1M,fail=INFO:EIO", "sim:size=1M")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, b" ask failed: .*EIO")

    def test_a_driver_record_that_is_cut(self):
        """mtty's header says more ports than there are."""
        state = struct.pack("<QIIII", 0x7e9d09898c3e2c4e, 1, 0, 1, 0)
        with FakeServer(self.path("source"), state) as source:
            result = self.run_example(source.spec, "sim:quirk=mtty")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, rb"sim:quirk=mtty: check failed: "
                         rb".*cut short.*24 bytes.*60")
        self.assertNotRegex(result.stderr, rb"failed: *\n")

    def test_the_other_side_is_blamed(self):
        """Not what the last call of this side, which was good, had said."""
        result = self.run_example("sim:size=1M,initial=64K",
                                  "sim:size=1M,fail=WRITE:EFAULT@2")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr,
                         rb"64K: (wait failed: the other side has not loaded "
                         rb"it|send failed: the other side is gone)\n")
        self.assertNotIn(b"no pre-copy data", result.stderr)

    def test_a_device_that_is_none(self):
        result = self.run_example("nonsense", "sim")
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"start failed", result.stderr)


@unittest.skipUnless(PC and shutil.which(RUSTC), "no rustc, or a sanitizer")
class Rust(DeviceCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.program = os.path.join(PC, "rust_looked_at")
        subprocess.run(
            ["sh", os.path.join(ROOT, "examples/rust/build.sh"), cls.program],
            env={**os.environ, "PKG_CONFIG_PATH": PC}, check=True,
            timeout=TIMEOUT)

    def test_both_devices_come_back(self):
        for number, (source, target, words) in enumerate((
                ("fail=READ:EIO@2", "seed=2", b"; the source runs on\n"),
                ("seed=1", "fail=WRITE:EFAULT@2",
                 b"; the destination was reset; the source runs on\n"),
                ("seed=1", "fail=SET:STOP:EINVAL@2",
                 b"; the destination was reset; the source runs on\n"))):
            with self.subTest((source, target)):
                first = self.serve(f"s{number}", "sim:size=3M," + source)
                second = self.serve(f"t{number}", "sim:size=3M," + target)
                result = subprocess.run(
                    [self.program, first.spec, second.spec],
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    timeout=TIMEOUT, check=False)
                self.assertEqual(result.returncode, 1, result.stdout)
                self.assertIn(words, result.stderr)
                self.assertEqual(self.state_of(first.spec), "RUNNING")
                self.assertEqual(self.state_of(second.spec), "RUNNING")


if __name__ == "__main__":
    unittest.main()
