# SPDX-License-Identifier: MIT
"""Where the bytes go: full disks, readers that go away, interruptions."""

import os
import signal
import subprocess
import time
import unittest

from support import (Case, FAILED, GOOD, MIGPROTO, TWO_DEVICES, bare, read,
                     run)

DEVICE = ["-d", "0000:00:02.0/vfio"]


class Output(Case):
    @unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full")
    def test_disk_full(self):
        for arguments in (["inspect", TWO_DEVICES], ["--help"], ["--version"],
                          ["inspect", "--json", TWO_DEVICES],
                          ["verify", TWO_DEVICES], ["inspect", "--help"],
                          ["extract", TWO_DEVICES, *DEVICE],
                          ["encode", "--state", TWO_DEVICES]):
            with self.subTest(arguments), open("/dev/full", "wb") as full:
                result = subprocess.run([MIGPROTO, *arguments], stdout=full,
                                        stderr=subprocess.PIPE, check=False)
                self.assertEqual(result.returncode, FAILED)
                self.assertEqual(result.stderr.count(b"\n"), 1, result.stderr)
                self.assertIn(b"No space left", result.stderr)

    def test_reader_goes_away(self):
        """No message, no signal: exit status 2."""
        large = self.file("large", bare(bytes(4 << 20), block=64))
        for arguments in (["inspect", "--json", large],
                          ["inspect", "--records", large], ["extract", large],
                          ["encode", "--state", large]):
            with self.subTest(arguments[0]):
                process = subprocess.Popen(
                    [MIGPROTO, *arguments], stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE)
                process.stdout.read(10)
                process.stdout.close()
                errors = process.stderr.read()
                process.stderr.close()
                self.assertEqual(process.wait(), FAILED)
                self.assertEqual(errors, b"")

    def test_no_folder_for_the_file(self):
        out = os.path.join(self.folder, "absent", "out")
        result = self.check(run("extract", TWO_DEVICES, *DEVICE, "-o", out),
                            FAILED)
        self.assertIn(b"No such file", result.stderr)

    def test_named_pipe_stays_a_pipe(self):
        pipe = self.path("pipe")
        os.mkfifo(pipe)
        process = subprocess.Popen(
            [MIGPROTO, "extract", TWO_DEVICES, *DEVICE, "-o", pipe])
        state = read(pipe)
        self.assertEqual(process.wait(), GOOD)
        self.assertEqual(len(state), 60)
        self.assertEqual(os.listdir(self.folder), ["pipe"])

    def test_same_file_in_and_out(self):
        path = self.file("stream", read(TWO_DEVICES))
        self.check(run("extract", path, *DEVICE, "-o", path), GOOD)
        self.assertEqual(len(read(path)), 60)

    def test_interrupted(self):
        """The unfinished file goes away, and the signal is what ends it."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number):
                process = subprocess.Popen(
                    [MIGPROTO, "encode", "--state", "-", "-o",
                     self.path("out")], stdin=subprocess.PIPE)
                deadline = time.monotonic() + 30
                while not os.listdir(self.folder):
                    self.assertLess(time.monotonic(), deadline)
                    time.sleep(0.01)
                # The file is there a moment before the signals are caught.
                time.sleep(0.2)
                process.send_signal(number)
                self.assertEqual(process.wait(), -number)
                process.stdin.close()
                self.assertEqual(os.listdir(self.folder), [])


if __name__ == "__main__":
    unittest.main()
