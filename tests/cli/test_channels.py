# SPDX-License-Identifier: MIT
"""Multifd: a main channel and those beside it, in any order."""

import os
import struct
import unittest

from shapes import ShapeCase, handmade
from support import (FAILED, FINDINGS, GOOD, TWO_DEVICES, bare, pci_config,
                     run, scaled)

GOLDEN = "channels-out-of-order"
DEVICE = "0000:00:04.0/vfio"


class Channels(ShapeCase):
    def golden(self, name=GOLDEN):
        made = handmade.Handmade(name)
        return made, self.write(made)

    def codes(self, report):
        return [f["code"] for f in report["findings"]
                if f["severity"] != "note"]

    def test_written_down(self):
        self.check_all("channels-")

    def test_main_channel_alone(self):
        _, paths = self.golden()
        report = self.inspect(paths["main"], status=FINDINGS)
        self.assertEqual(self.codes(report), ["state-on-multifd"])
        self.assertIs(report["complete"], False)
        self.assertEqual(report["channels"], [])
        self.assertIs(report["devices"][0]["multifd"], True)
        self.assertEqual(report["devices"][0]["packets"], 0)
        self.check(run("verify", paths["main"]), FINDINGS)

    def test_channel_alone(self):
        """There must be one main channel, and only one."""
        _, paths = self.golden()
        for files in (["a"], ["a", "b"], ["main", "main"],
                      ["main", "main", "a"]):
            result = run("verify", *(paths[name] for name in files))
            self.assertIn(result.returncode, (FINDINGS, FAILED), files)
            self.check(result, result.returncode)
            self.assertNotEqual(result.stderr + result.stdout, b"")

    def test_other_files_beside_channels(self):
        """A bare stream, an empty file and nonsense have no channels."""
        _, paths = self.golden()
        for content in (bare(b"state", pci_config()), b"", b"\x11\x22\x33",
                        b"nonsense" * 20):
            other = self.file("other", content)
            for files in ([other, paths["a"]], [paths["a"], other],
                          [paths["main"], other, paths["a"]]):
                result = run("verify", *files)
                self.assertIn(result.returncode, (FINDINGS, FAILED))
                self.check(result, result.returncode)
                self.assertNotIn(b" good", result.stdout)

    def test_same_file_twice(self):
        _, paths = self.golden()
        report = self.inspect(paths["main"], paths["a"], paths["b"],
                              paths["c"], paths["c"], status=FINDINGS)
        self.assertIn("channel-repeated", self.codes(report))

    def test_one_channel_left_out(self):
        _, paths = self.golden()
        for gone, code in (("a", "packet-missing"), ("b", "packet-missing"),
                           ("c", "packet-missing")):
            files = [path for name, path in paths.items() if name != gone]
            report = self.inspect(*files, status=FINDINGS)
            self.assertIn(code, self.codes(report))
            self.assertIs(report["devices"][0]["complete"], False)
            self.assertEqual("channel-missing" in self.codes(report),
                             gone != "c")
            result = run("extract", *files, "--device", DEVICE, "-o",
                         self.path("out"))
            self.check(result, FINDINGS)

    def test_from_pipes(self):
        """The main channel may come from a pipe, named or not. Channels are
        read twice: one that cannot be sought in is refused, and named."""
        made, paths = self.golden()
        stream = bytes(made.files["main"].bytes)
        beside = [paths[name] for name in "abc"]
        self.check(run("verify", *beside, "-", data=stream), GOOD)
        self.check(run("verify", "-", *beside, data=stream), GOOD)
        for name in ("main", "c"):
            end, other = os.pipe()
            os.write(other, bytes(made.files[name].bytes))
            os.close(other)
            pipe = f"/dev/fd/{end}"
            files = [pipe if other == name else paths[other]
                     for other in paths]
            result = run("verify", *files, pass_fds=(end,))
            os.close(end)
            if name == "main":
                self.check(result, GOOD)
            else:
                self.check(result, FAILED)
                self.assertIn(pipe.encode(), result.stderr)

    def test_unreadable_channel(self):
        _, paths = self.golden()
        result = run("verify", paths["main"], self.path("not-there"))
        self.check(result, FAILED)
        self.assertIn(b"not-there", result.stderr)

    def cut(self, made, paths, name, size):
        path = self.file("cut", bytes(made.files[name].bytes[:size]))
        return [path if other == name else paths[other] for other in paths]

    def test_a_channel_cut_anywhere(self):
        """Each field of INIT, of a packet's head, of its data."""
        made, paths = self.golden()
        step = 1 if scaled(1000) >= 1000 else 37
        for name in ("b", "c"):
            whole = bytes(made.files[name].bytes)
            labels = made.files[name].labels
            heads = [labels[label] for label in labels if label[0] == "p"]
            for size in range(4, len(whole), step):
                files = self.cut(made, paths, name, size)
                report = self.inspect(*files, status=FINDINGS)
                found = [(f["offset"], f["file"], f["channel"])
                         for f in report["findings"]
                         if f["code"] == "truncated"]
                if size in heads:  # it ends between two packets
                    self.assertEqual(found, [], size)
                else:
                    channel = made.files[name].channel if size >= 64 else None
                    self.assertEqual([f[:2] for f in found],
                                     [(size, files[list(paths).index(name)])],
                                     (name, size))
                    if channel:
                        self.assertEqual(found[0][2], channel)
                self.assertIs(report["devices"][0]["complete"], False)

    def test_a_channel_of_less_than_a_magic(self):
        made, paths = self.golden()
        for size in range(4):
            files = self.cut(made, paths, "c", size)
            result = run("verify", *files)
            self.assertIn(result.returncode, (FINDINGS, FAILED))
            self.check(result, result.returncode)

    def test_main_cut_anywhere(self):
        made, paths = self.golden()
        vmdesc = made.files["main"].labels["vmdesc"]
        for size in range(8, len(made.files["main"].bytes)):
            files = self.cut(made, paths, "main", size)
            result = run("verify", *files)
            self.check(result, GOOD if size == vmdesc else FINDINGS)

    def test_bytes_changed(self):
        """Nothing may crash or hang, whatever one byte of a channel says."""
        made, paths = self.golden()
        rng = self.use_random()
        for _ in range(scaled(400)):
            name = rng.choice(["a", "b", "c", "main"])
            damaged = bytearray(made.files[name].bytes)
            for _ in range(rng.randrange(1, 4)):
                damaged[rng.randrange(len(damaged))] = rng.choice(
                    (0, 1, 0x7f, 0x80, 0xff, rng.randrange(256)))
            path = self.file("damaged", bytes(damaged))
            files = [path if other == name else paths[other]
                     for other in paths]
            result = run("inspect", "--json", *files)
            self.check(result, min(result.returncode, FAILED))

    def test_many_channels(self):
        """All 256 ids, one packet in each, in a random order of files."""
        made, paths = self.golden()
        rng = self.use_random()
        count = 256
        indices = list(range(count))
        rng.shuffle(indices)
        packet = made.files["c"].bytes[64:]
        config = made.files["b"].bytes[64:64 + 288 + 292]
        files = []
        for number, index in enumerate(indices):
            last = index == count - 1
            body = bytearray(config if last else packet)
            struct.pack_into(">I", body, 280, index)
            if not last:
                body[288:] = b"%03d" % index
            start = bytearray(made.files["a"].bytes[:64])
            start[24] = number
            files.append(self.file(f"many{number}", bytes(start + body)))
        rng.shuffle(files)
        report = self.inspect(*files, paths["main"])
        self.assertEqual(self.codes(report), [])
        self.assertEqual(len(report["channels"]), count)
        self.assertEqual([c["id"] for c in report["channels"]],
                         list(range(count)))
        out = self.path("out")
        self.check(run("extract", *files, paths["main"], "--device", DEVICE,
                       "-o", out), GOOD)
        with open(out, "rb") as file:
            self.assertEqual(file.read(), b"pre-" + b"".join(
                b"%03d" % index for index in range(count - 1)))

    def test_channels_of_a_stream_without_any(self):
        """The example's devices are on the main channel: these packets are
        nobody's."""
        _, paths = self.golden()
        report = self.inspect(TWO_DEVICES, paths["c"], status=FINDINGS)
        self.assertIn("packet-device", self.codes(report))
        self.assertEqual([d["complete"] for d in report["devices"]],
                         [True, True])


if __name__ == "__main__":
    unittest.main()
