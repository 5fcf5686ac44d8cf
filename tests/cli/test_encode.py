# SPDX-License-Identifier: MIT
"""encode: bare streams, equal to those put together by hand."""

import os
import unittest

from support import (Case, END, FAILED, GOOD, bare, pci_config, read, run,
                     tag)

SIZES = (0, 1, 7, 4096, 100000)
BLOCKS = (1, 7, 4096, 65536, 1 << 20)


class Encode(Case):
    def encode(self, *arguments, status=GOOD, **more):
        return self.check(run("encode", *arguments, **more), status).stdout

    def cases(self):
        """State size, block size, pre-copy length, dialect, INIT_DATA_SENT."""
        for size in SIZES:
            for block in BLOCKS:
                if size // block > 5000:
                    continue
                for precopy in sorted({0, size // 3, size}):
                    yield size, block, precopy, "v2", False
                    yield size, block, precopy, "v2", True
                    yield size, block, precopy, "v1", False
                    yield size, block, precopy, "qemu-5.2", False

    def test_round_trip(self):
        """Bytes as the format says; read again, they give all back."""
        content = self.use_random().randbytes(max(SIZES))
        config_bytes = pci_config(vectors=3)
        config_path = self.file("config", config_bytes)
        count = 0
        for size, block, precopy, dialect, init in self.cases():
            with self.subTest((size, block, precopy, dialect, init)):
                state = content[:size]
                arguments = ["--state", self.file("state", state), "--config",
                             config_path, "--block-size", str(block),
                             "--precopy-length", str(precopy), "--dialect",
                             dialect]
                stream = self.encode(*arguments,
                                     *(["--init-data-sent"] if init else []))
                self.assertEqual(stream, bare(state, config_bytes, block,
                                              precopy, dialect, init))
                count += 1
                if count % 5 == 0:
                    self.read_again(stream, state, config_bytes, precopy,
                                    dialect)

    def read_again(self, stream, state, config_bytes, precopy, dialect):
        path = self.file("stream", stream)
        self.assertEqual(self.check(run("extract", path), GOOD).stdout, state)
        self.assertEqual(self.check(run("extract", path, "--config"),
                                    GOOD).stdout, config_bytes)
        self.assertEqual(self.check(run("extract", path, "--stream"),
                                    GOOD).stdout, stream)
        report = self.inspect(path)
        # Nothing wrong: that a driver is not known is only a note.
        self.assertEqual([f for f in report["findings"] if f["code"] not in
                          ("driver-opaque", "no-stop-copy-data")], [])
        device, = report["devices"]
        self.assertEqual(device["state_bytes"], len(state))
        if precopy:
            self.assertEqual(device["precopy_bytes"], precopy)
        # Without any record of its own, v1 looks like v2.
        self.assertEqual(device["dialect"],
                         dialect if dialect == "qemu-5.2" else "v2")
        chosen = self.inspect("--dialect", dialect, path)
        self.assertEqual(chosen["devices"][0]["dialect"], dialect)

    def test_state_from_a_pipe(self):
        state = self.use_random().randbytes(3000001)
        for block in ("4K", "1M", "16M"):
            from_pipe = self.encode("-s", "-", "-b", block, data=state)
            from_file = self.encode("-s", self.file("state", state), "-b",
                                    block)
            self.assertEqual(from_pipe, from_file)
        self.assertEqual(from_pipe, bare(state, block=16 << 20))

    def test_without_config(self):
        stream = self.encode("--state", "-", data=b"state")
        self.assertEqual(stream, bare(b"state"))
        self.assertEqual(self.inspect("-", data=stream)["devices"][0]["config"]
                         ["size"], 0)

    def test_config_from_a_pipe(self):
        stream = self.encode("--state", self.file("state", b"abc"), "--config",
                             "-", data=pci_config())
        self.assertEqual(stream, bare(b"abc", pci_config()))

    def test_precopy_longer_than_the_state(self):
        for state in (b"", b"abc"):
            out = self.path("out")
            result = self.check(run("encode", "--state", "-", "-o", out,
                                    "--precopy-length", "4", data=state),
                                FAILED)
            self.assertIn(b"shorter", result.stderr)
            self.assertEqual(os.listdir(self.folder), [])

    def test_config_too_large(self):
        result = self.check(run("encode", "--state", "-", "--config",
                                self.file("config", bytes((64 << 10) + 1)),
                                data=b"x"), FAILED)
        self.assertIn(b"config", result.stderr)

    def test_config_whose_end_a_reader_would_miss(self):
        result = self.check(run("encode", "--state", "-", "--config",
                                self.file("config", b"A" * 8 + tag(END) +
                                          b"B" * 16), data=b"x"), FAILED)
        self.assertIn(b"byte 8 of 32", result.stderr)
        self.assertEqual(result.stdout, b"")

    def test_output_file(self):
        out = self.path("out")
        self.assertEqual(self.encode("--state", "-", "-o", out, data=b"abc"),
                         b"")
        self.assertEqual(read(out), bare(b"abc"))
        umask = os.umask(0)
        os.umask(umask)
        self.assertEqual(os.stat(out).st_mode & 0o777, 0o666 & ~umask)


if __name__ == "__main__":
    unittest.main()
