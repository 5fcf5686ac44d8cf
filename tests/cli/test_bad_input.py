# SPDX-License-Identifier: MIT
"""Bad input: a clear error with an offset, the right exit status, no crash,
and never a file that looks like a good one."""

import json
import os
import struct
import unittest

from support import (Case, CONFIG, Container, DATA, END, FAILED, FINDINGS,
                     MIGPROTO, SETUP, TWO_DEVICES, bare, data, pci_config,
                     read, run, scaled, tag)

DEVICE = ["-d", "0000:00:03.0/vfio"]
HUGE = 0xffffffffffffffff


class BadInput(Case):
    def check_all(self, stream, statuses, device=()):
        """What every command has to do with bytes that are not a good
        stream; gives inspect's report, None if there is none."""
        path = self.file("bad", stream)
        result = run("inspect", "--json", path)
        status = result.returncode
        self.assertIn(status, statuses, result.stderr)
        self.check(result, status)
        if status == FAILED:
            self.assertEqual(result.stdout, b"")
            self.assertRegex(result.stderr, rb"^migproto: .*bad: offset \d+ "
                             rb"\(0x[0-9a-f]+\): .+ \[[a-z-]+\]\n$")
            report = None
        else:
            self.assertEqual(result.stderr, b"")
            report = json.loads(result.stdout)
            self.check_report(report, status, len(stream))
        self.check(run("inspect", path), status)
        self.check(run("verify", "-q", path), status)
        out = self.path("out")
        if status != 0:
            result = run("extract", path, *device, "-o", out)
            self.assertIn(result.returncode, (FINDINGS, FAILED))
            self.check(result, result.returncode)
            self.assertFalse(os.path.exists(out))
            self.assertEqual(os.listdir(self.folder), ["bad"])
        return report

    def check_report(self, report, status, size):
        errors = [f for f in report["findings"] if f["severity"] == "error"]
        self.assertEqual(status, FINDINGS if errors else 0)
        for finding in report["findings"]:
            self.assertLessEqual(finding["offset"], size)
            self.assertRegex(finding["code"], r"^[a-z0-9-]+$")
            self.assertGreater(len(finding["text"]), 10)
        for device in report["devices"]:
            self.assertLessEqual(device["state_bytes"], size)

    def test_empty(self):
        self.assertIsNone(self.check_all(b"", [FAILED]))
        result = run("inspect", "-")
        self.assertEqual(result.returncode, FAILED)
        self.assertIn(b"offset 0 (0x0)", result.stderr)
        self.assertIn(b"empty", result.stderr)

    def test_not_a_stream(self):
        source = self.use_random()
        elf = read(MIGPROTO)[:65536]
        for stream in (b"\x00", b"\n", b"hello world\n", elf,
                       bytes(100000), b"\xff" * 100000, b"QEVN" + bytes(99),
                       json.dumps({"a": 1}).encode(), b"\xff" * 7,
                       source.randbytes(100000)):
            with self.subTest(stream[:8]):
                self.assertIsNone(self.check_all(stream, [FAILED]))

    def test_other_versions(self):
        for version in (0, 1, 2, 4, 1 << 24, 0xffffffff):
            stream = b"QEVM" + struct.pack(">I", version) + bytes(99)
            self.check_all(stream, [FINDINGS, FAILED])

    def test_cut_real_stream(self):
        """Cut anywhere: incomplete, and the offset is where it ends."""
        stream = read(TWO_DEVICES)
        source = self.use_random()
        places = set(range(1, 60)) | {225, 240, 246, 277, 293, 300, 102784,
                                      102800, 102824, 202221, 202237, 202250,
                                      202310, 234677, 238845, 242960, 242969}
        places |= {source.randrange(1, 242000) for _ in range(scaled(60))}
        for place in sorted(places):
            with self.subTest(place):
                report = self.check_all(stream[:place], [FINDINGS, FAILED],
                                        DEVICE)
                if report is None:
                    self.assertLess(place, 9)
                    continue
                self.assertIs(report["complete"], False)
                self.assertIn(place, [f["offset"] for f in report["findings"]
                                      if f["severity"] == "error"])

    def test_cut_description(self):
        """The devices' state is whole by then: never crash, never hang."""
        stream = read(TWO_DEVICES)
        source = self.use_random()
        for _ in range(scaled(20)):
            place = source.randrange(243000, len(stream))
            self.check_all(stream[:place], [0, FINDINGS], DEVICE)

    def test_cut_bare_stream(self):
        """Every prefix of a bare stream."""
        stream = bare(b"state" * 5, pci_config(size=256, vectors=2), block=9,
                      precopy=12, init=True)
        step = max(1, len(stream) // scaled(len(stream)))
        for place in range(1, len(stream), step):
            report = self.check_all(stream[:place], [FINDINGS, FAILED])
            if report is None:
                self.assertLess(place, 17)
            else:
                self.assertIs(report["complete"], False)

    def test_flipped_bits(self):
        source = self.use_random()
        # Mostly in the devices' own sections: RAM pages hide many flips.
        real = read(TWO_DEVICES)
        spans = [(0, 300), (102760, 102900), (136400, 136460),
                 (202130, 202330), (234600, 243000), (0, len(real))]
        own = bare(b"state" * 50, pci_config(vectors=8), block=60, precopy=100)
        for _ in range(scaled(60)):
            damaged = bytearray(real)
            for _ in range(source.choice((1, 1, 1, 2, 5))):
                low, high = source.choice(spans)
                damaged[source.randrange(low, high)] ^= \
                    1 << source.randrange(8)
            self.check_all(bytes(damaged), [0, FINDINGS, FAILED], DEVICE)
            damaged = bytearray(own)
            damaged[source.randrange(len(own))] ^= 1 << source.randrange(8)
            self.check_all(bytes(damaged), [0, FINDINGS, FAILED])

    def test_hostile_lengths(self):
        start = tag(SETUP) + tag(END)
        for size in (1 << 40, (1 << 40) + 1, 1 << 62, 1 << 63, HUGE,
                     HUGE - 15, HUGE - 7):
            with self.subTest(hex(size)):
                stream = start + tag(DATA) + struct.pack(">Q", size) + b"x" * 99
                self.check_all(stream, [FINDINGS])
        self.check_all(start + tag(END) + tag(CONFIG) + bytes(200000),
                       [FINDINGS])
        head = b"QEVM\x00\x00\x00\x03"
        for name in (b"", b"a/vfio", b"ram"):
            for length in (0, len(name) + 1, 255):
                self.check_all(head + b"\x01" + bytes(4) + bytes([length]) +
                               name, [FINDINGS])
        for length in (256, 0x7fffffff, 0x80000000, 0xffffffff):
            with self.subTest(length):
                field = struct.pack(">I", length)
                self.check_all(head + b"\x07" + field + b"x" * 999, [FINDINGS])
                self.check_all(head + b"\x08\x00\x07\x00\x04" + field +
                               b"\x02" * 999, [FINDINGS])
                self.check_all(head + b"\x00\x06" + field + b"{}",
                               [FINDINGS])
                ram = head + b"\x01" + bytes(4) + b"\x03ram" + bytes(
                    4) + struct.pack(">I", 4)
                self.check_all(ram + struct.pack(">Q", length << 32 | 4) +
                               b"\xff" * 999, [FINDINGS])

    def test_many_sections(self):
        """More section ids and devices than there may be."""
        container = Container()
        for i in range(5000):
            container.section(1, f"{i}/vfio".encode(), tag(SETUP) + tag(END))
        self.check_all(container.finish(False), [FINDINGS])

    def test_many_findings(self):
        """Nonsense in each record of a tolerant reading stays bounded."""
        stream = tag(SETUP) + tag(END) + data(b"") * 20000
        path = self.file("bad", stream)
        result = self.check(run("inspect", "--json", "--tolerant", path),
                            FINDINGS)
        report = json.loads(result.stdout)
        self.assertLess(len(report["findings"]), 2000)

    def test_limits(self):
        """At and above --max-data and --max-config."""
        stream = bare(b"x" * 100, pci_config(), block=100)
        config_size = len(pci_config())
        for option, size, code in (
                ("--max-data", 100, "data-too-big"),
                ("--max-config", config_size, "config-too-big")):
            self.inspect(option, str(size), "-", data=stream)
            report = self.inspect(option, str(size - 1), "-", data=stream,
                                  status=FINDINGS)
            self.assertIn(code, [f["code"] for f in report["findings"]])
            if option == "--max-data":
                finding = report["findings"][0]
                self.assertEqual((finding["value"], finding["expected"]),
                                 (100, 99))


if __name__ == "__main__":
    unittest.main()
