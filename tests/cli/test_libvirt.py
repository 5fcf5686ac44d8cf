# SPDX-License-Identifier: MIT
"""libvirt's save files: a header and XML in front of QEMU's stream."""

import struct
import unittest

from shapes import ShapeCase, handmade
from support import FAILED, FINDINGS, GOOD, TWO_DEVICES, read, run, scaled

GOLDEN = "libvirt-raw"


def save_file(stream, xml=b"<domain/>\0", version=2, form=0, order="<",
              magic=b"LibvirtQemudSave"):
    return magic + struct.pack(order + "5I", version, len(xml), 1, form,
                               0) + bytes(56) + xml + stream


class Libvirt(ShapeCase):
    def test_written_down(self):
        self.check_all("libvirt-")

    def test_around_a_capture(self):
        """The same devices; every offset is bigger by what is in front."""
        plain = self.inspect(TWO_DEVICES)
        for order in "<>":
            for xml in (b"", b"<domain/>\0", b"x" * 70000):
                wrapped = self.inspect(self.file(
                    "save", save_file(read(TWO_DEVICES), xml, order=order)))
                front = 92 + len(xml)
                self.assertIs(wrapped["libvirt"], True)
                self.assertEqual(wrapped["stream_offset"], front)
                self.assertIs(plain["libvirt"], False)
                self.assertEqual(plain["stream_offset"], 0)
                for ours, theirs in zip(wrapped["devices"], plain["devices"]):
                    self.assertEqual(ours["state_sha256"],
                                     theirs["state_sha256"])
                    self.assertEqual(ours["offset"], theirs["offset"] + front)
                    self.assertEqual(
                        [r["offset"] - front for r in ours["records"]],
                        [r["offset"] for r in theirs["records"]])
                self.assertEqual(wrapped["findings"], plain["findings"])
                self.assertEqual(wrapped["vmdesc"], True)

    def test_without_footers_the_description_is_found(self):
        """It is looked for from the end of the file, whatever is in front."""
        plain = self.inspect("-", data=read(TWO_DEVICES))
        piped = self.inspect("-", data=save_file(read(TWO_DEVICES)))
        self.assertEqual([d["state_sha256"] for d in piped["devices"]],
                         [d["state_sha256"] for d in plain["devices"]])

    def test_extract(self):
        path = self.file("save", save_file(read(TWO_DEVICES)))
        device = self.inspect(path)["devices"][0]["id"]
        for file in (path, TWO_DEVICES):
            self.check(run("extract", file, "--device", device, "-o",
                           self.path("out" + str(file == path))), GOOD)
        self.assertEqual(read(self.path("outTrue")),
                         read(self.path("outFalse")))

    def test_cut_anywhere(self):
        """[LV-2]"""
        made = handmade.Handmade(GOLDEN)
        stream = bytes(made.files["main"].bytes)
        labels = made.files["main"].labels
        step = 1 if scaled(1000) >= 1000 else 23
        for size in range(1, len(stream), step):
            result = run("verify", self.file("cut", stream[:size]))
            if size < 16:  # not yet the whole magic: it may be anything
                self.assertIn(result.returncode, (FINDINGS, FAILED))
                continue
            self.check(result,
                       GOOD if size == labels["vmdesc"] else FINDINGS)
            if size < labels["header"] + 8:
                self.assertIn(b"[truncated]", result.stdout)

    def test_bytes_changed(self):
        made = handmade.Handmade(GOLDEN)
        stream = bytes(made.files["main"].bytes)
        rng = self.use_random()
        for _ in range(scaled(300)):
            damaged = bytearray(stream)
            damaged[rng.randrange(16, 92)] = rng.choice(
                (0, 1, 0x7f, 0x80, 0xff, rng.randrange(256)))
            result = run("inspect", "--json",
                         self.file("damaged", bytes(damaged)))
            self.check(result, min(result.returncode, 2))


if __name__ == "__main__":
    unittest.main()
