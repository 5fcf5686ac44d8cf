# SPDX-License-Identifier: MIT
"""extract: a device's state, its config bytes, its records."""

import os
import unittest

from support import (Case, Container, FAILED, FINDINGS, GOOD, TWO_DEVICES,
                     bare, data, pci_config, read, run, tag, END, LOAD_READY,
                     SETUP)

FIRST, SECOND = "0000:00:02.0/vfio", "0000:00:03.0/vfio"
# Payload of the sections, from the bytes of the file: offset and size.
SECTIONS = {FIRST: [(225, 16), (102784, 48), (136421, 8), (202151, 60),
                    (234669, 4132)],
            SECOND: [(277, 16), (102842, 48), (136439, 8), (202221, 96),
                     (238837, 4132)]}
STATES = {FIRST: [(102800, 24), (202167, 36)],
          SECOND: [(102858, 24), (202237, 72)]}
CONFIGS = {FIRST: (234677, 4116), SECOND: (238845, 4116)}


def pieces(stream, places):
    return b"".join(stream[offset:offset + size] for offset, size in places)


class Extract(Case):
    def extract(self, *arguments, status=GOOD, **more):
        return self.check(run("extract", *arguments, **more), status).stdout

    def test_state(self):
        stream = read(TWO_DEVICES)
        for device, places in STATES.items():
            state = pieces(stream, places)
            self.assertEqual(
                self.extract(TWO_DEVICES, "--device", device), state)
            self.assertEqual(
                self.extract("-", "-d", device, data=stream), state)
            self.assertEqual(
                self.extract(TWO_DEVICES, "-d", device + "#0"), state)
            out = self.path("state")
            self.assertEqual(self.extract(TWO_DEVICES, "-d", device, "-o",
                                          out), b"")
            self.assertEqual(read(out), state)
        self.assertEqual([sum(size for _, size in STATES[d])
                          for d in (FIRST, SECOND)], [60, 96])

    def test_config(self):
        stream = read(TWO_DEVICES)
        for device, place in CONFIGS.items():
            self.assertEqual(
                self.extract(TWO_DEVICES, "--config", "-d", device),
                pieces(stream, [place]))

    def test_stream(self):
        """Encoded anew, it is the sections' payload, byte for byte."""
        stream = read(TWO_DEVICES)
        for device, places in SECTIONS.items():
            records = self.extract(TWO_DEVICES, "--stream", "-d", device)
            self.assertEqual(records, pieces(stream, places))
            path = self.file("bare", records)
            self.check(run("verify", path), GOOD)
            self.assertEqual(self.extract(path),
                             pieces(stream, STATES[device]))
            self.assertEqual(self.extract(path, "--config"),
                             pieces(stream, [CONFIGS[device]]))
            self.assertEqual(self.extract(path, "--stream"), records)

    def test_which_device(self):
        for name in ("nobody", FIRST + "#1", FIRST + "#", FIRST + "#00",
                     FIRST[:-1], ""):
            with self.subTest(name):
                result = self.check(run("extract", TWO_DEVICES, "-d", name),
                                    FAILED)
                self.assertEqual(result.stdout, b"")
                for device in (FIRST, SECOND):
                    self.assertIn(device.encode() + b"#0", result.stderr)
        result = self.check(run("extract", TWO_DEVICES), FAILED)
        self.assertIn(FIRST.encode(), result.stderr)
        self.assertEqual(result.stdout, b"")

    def test_instances(self):
        """Devices of one id are told apart by their instance."""
        container = Container()
        container.device(b"vfio", b"zero", pci_config())
        container.device(b"vfio", b"seven", pci_config(), instance=7)
        container.device(b"odd#7/vfio", b"odd", pci_config())
        path = self.file("stream", container.finish())
        self.assertEqual(self.extract(path, "-d", "vfio#0"), b"zero")
        self.assertEqual(self.extract(path, "-d", "vfio#7"), b"seven")
        self.assertEqual(self.extract(path, "-d", "odd#7/vfio"), b"odd")
        self.assertEqual(self.extract(path, "-d", "odd#7/vfio#0"), b"odd")
        result = self.check(run("extract", path, "-d", "vfio"), FAILED)
        self.assertIn(b"more than one", result.stderr)
        # Standard output may have had bytes by then; a file not.
        out = self.path("out")
        self.extract(path, "-d", "vfio", "-o", out, status=FAILED)
        self.assertFalse(os.path.exists(out))

    def test_a_name_as_inspect_shows_it(self):
        container = Container()
        container.device(b"\x80\\/vfio", b"state", pci_config())
        stream = container.finish(False)
        self.assertEqual(self.extract("-", "-d", r"\x80\x5c/vfio",
                                      data=stream), b"state")

    def test_large_state(self):
        """More than any window, in records of every size."""
        source = self.use_random()
        state = source.randbytes(9 << 20)
        for block in (1 << 20, 3000000, 65537, 1 << 24):
            container = Container()
            container.section(1, b"a/vfio", tag(SETUP) + tag(END))
            payload = b"".join(data(state[i:i + block])
                               for i in range(0, len(state), block))
            container.section(3, b"a/vfio", payload + tag(END))
            container.section(4, b"a/vfio", b"\xff\xff\xff\xff\xef\x10\x00\x02"
                              + pci_config() + tag(END))
            self.assertEqual(self.extract("-", "-d", "a/vfio",
                                          data=container.finish(False)), state)

    def test_many_devices_at_once(self):
        """All of them fit into one read: each gets its own bytes."""
        container = Container()
        names = [f"{i}/vfio".encode() for i in range(200)]
        for name in names:
            container.device(name, b"state of " + name, b"")
        stream = container.finish(False)
        for name in (names[0], names[77], names[-1]):
            self.assertEqual(
                self.extract("-", "-d", name.decode(), data=stream),
                b"state of " + name)

    def test_damaged_stream_leaves_nothing(self):
        good = read(TWO_DEVICES)
        flipped = bytearray(good)
        flipped[202221] ^= 0x80
        for damaged in (bytes(flipped), good[:202260], good[:150000]):
            path = self.file("damaged", damaged)
            for option in ([], ["--config"], ["--stream"]):
                out = self.path("out")
                result = self.check(run("extract", path, *option, "-d", SECOND,
                                        "-o", out), FINDINGS)
                self.assertRegex(result.stderr,
                                 rb"damaged: offset \d+ \(0x[0-9a-f]+\): .* "
                                 rb"\[[a-z-]+\]\n")
                self.assertEqual(sorted(os.listdir(self.folder)), ["damaged"])
                result = self.check(run("extract", path, *option, "-d",
                                        SECOND), FINDINGS)
                self.assertNotEqual(result.stderr, b"")

    def test_an_existing_file_stays(self):
        path = self.file("damaged", read(TWO_DEVICES)[:202260])
        out = self.file("out", b"precious")
        self.extract(path, "-d", SECOND, "-o", out, status=FINDINGS)
        self.assertEqual(read(out), b"precious")
        self.extract(TWO_DEVICES, "-d", SECOND, "-o", out)
        self.assertEqual(len(read(out)), 96)

    def test_partial(self):
        good = read(TWO_DEVICES)
        path = self.file("damaged", good[:202237 + 10])
        out = self.path("out")
        self.extract(path, "-d", SECOND, "-o", out, "--partial",
                     status=FINDINGS)
        self.assertEqual(read(out), pieces(good, [(102858, 24), (202237, 10)]))
        self.assertEqual(
            self.extract(path, "-d", SECOND, "--partial", status=FINDINGS),
            read(out))
        self.extract(TWO_DEVICES, "-d", SECOND, "-o", out, "--partial")
        self.assertEqual(len(read(out)), 96)

    def test_state_that_is_elsewhere(self):
        """With multifd the main channel has only part of the state."""
        for last in (END, LOAD_READY):
            container = Container()
            container.section(1, b"a/vfio", tag(SETUP) + tag(END))
            container.section(3, b"a/vfio", tag(END))
            container.section(4, b"a/vfio", tag(last))
            path = self.file("main", container.finish())
            result = self.check(run("verify", path), FINDINGS)
            self.assertIn(b"[state-on-multifd]", result.stdout)
            out = self.path("out")
            result = self.check(run("extract", path, "-o", out), FINDINGS)
            self.assertIn(b"a/vfio: ", result.stderr)
            self.assertIn(b"[state-on-multifd]", result.stderr)
            self.assertFalse(os.path.exists(out))

    def test_broken_order(self):
        """The state can be had by --tolerant, a good stream cannot."""
        stream = tag(SETUP) + tag(END) + tag(SETUP) + bare(b"abc")[8:]
        for option in ([], ["--stream"]):
            result = self.check(run("extract", "-", *option, data=stream),
                                FINDINGS)
            self.assertIn(b"offset 16 (0x10)", result.stderr)
            self.assertEqual(result.stdout, b"")
        self.assertEqual(self.extract("-", "--tolerant", data=stream), b"abc")
        result = self.check(run("extract", "-", "--tolerant", "--stream",
                                data=stream), FINDINGS)
        self.assertIn(b"offset 16 (0x10)", result.stderr)
        self.assertEqual(result.stdout, b"")

    def test_dialects_survive(self):
        """What v1 and 5.2 allow, and v2 does not, comes out as it was."""
        config_bytes = pci_config()
        empty_data = data(b"")
        v1 = (tag(SETUP) + tag(END) + data(b"abc") + tag(END) + empty_data +
              tag(END) + data(b"def") + tag(END) +
              bare(b"", config_bytes)[24:])
        old = bare(b"abcdef" * 9, config_bytes, block=7, precopy=20,
                   dialect="qemu-5.2")
        for stream, state in ((v1, b"abcdef"), (old, b"abcdef" * 9)):
            self.assertEqual(self.extract("-", "--stream", data=stream),
                             stream)
            self.assertEqual(self.extract("-", data=stream), state)
            self.assertEqual(self.extract("-", "--config", data=stream),
                             config_bytes)


if __name__ == "__main__":
    unittest.main()
