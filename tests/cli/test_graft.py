# SPDX-License-Identifier: MIT
"""graft: another state for one device, and everything else as it was."""

import glob
import itertools
import json
import os
import resource
import signal
import struct
import subprocess
import time
import unittest

import support
from shapes import handmade
from support import (Case, Container, DATA, END, FAILED, FINDINGS, GOOD,
                     INIT_DATA_SENT, MIGPROTO, ROOT, SETUP, TWO_DEVICES, bare,
                     config, data, read, run, scaled, tag)

GOLDEN = os.environ["MIGP_GOLDEN_DIR"]  # unpacked captures
MIB = 1 << 20
NAME = b"a/vfio"
HEAD = 288  # of a device-state packet

# Instrumentation keeps shadows of its own.
INSTRUMENTED = b"__asan_init" in read(MIGPROTO) or \
    b"__tsan_init" in read(MIGPROTO)

# Captures whose device is not whole, and those with one thing changed.
CAPTURES_NOT_WHOLE = {"qemu/g-cancel-precopy", "qemu/g-cut-mid-stream"}
REPLAYS_GOOD = ("00-good", "16-vmdesc-missing")
# Hand-made streams with a device that is whole; what is in them by name.
MADE_WANTED = {"bare-v1-zero-data", "bare-qemu-5.2", "qemu-5.2-config-first",
               "qemu-v1-zero-data", "qemu-no-footers", "qemu-no-vmdesc",
               "qemu-two-devices-ack", "bare-config-empty", "qemu-ramfb"}
SHAPES_WANTED = {"channels-out-of-order", "channels-no-data",
                 "channels-empty-packet", "channels-two-instances",
                 "libvirt-raw", "libvirt-mapped-ram", "mapped-ram-two-blocks"}


def pci_config(vendor=0x1234, **more):
    """Of a vendor whose driver's format nobody knows."""
    return support.pci_config(vendor=vendor, **more)


class Made(handmade.Handmade):
    """A file of tests/golden/made: one stream, told what to find in it."""

    def setting(self, words):
        self.now = self.files.setdefault("main", handmade.File())

    def line(self, line):
        if not line.startswith("!"):
            super().line(line)


def made_names():
    folder = os.path.join(ROOT, "tests", "golden", "made")
    return sorted(os.path.basename(path)[:-len(".hex")]
                  for path in glob.glob(os.path.join(folder, "*.hex")))


def packets(channel):
    """Device-state packets of a channel: (offset, index, flags, data); and
    everything else in it."""
    offset, found, rest = 64, [], channel[:64]
    while offset < len(channel):
        magic, version, flags = struct.unpack_from(">III", channel, offset)
        assert (magic, version) == (0x11223344, 1), offset
        if flags & 0x40:
            size, _, index, bits = struct.unpack_from(">IIII", channel,
                                                      offset + 272)
            whole = 276 + size
            found.append((offset, index, bits,
                          channel[offset + HEAD:offset + whole]))
        else:
            whole = 1344 + struct.unpack_from(">I", channel, offset + 20)[0]
            rest += channel[offset:offset + whole]
        offset += whole
    assert offset == len(channel)
    return found, rest


def channel(number, *device_packets):
    """A channel of (index, flags, data)."""
    out = struct.pack(">II16xB39x", 0x11223344, 1, number)
    for index, flags, payload in device_packets:
        out += struct.pack(">III256sIIIII", 0x11223344, 1, 0x40, NAME, 0,
                           12 + len(payload), 0, index, flags) + payload
    return out


def enumerated(parts, last):
    """The packets of parts, then the config packet."""
    return [(i, 0, part) for i, part in enumerate(parts)] + \
        [(len(parts), 1, last)]


def save_file_front(xml=b"<domain/>\0", form=0):
    """What libvirt writes before QEMU's stream."""
    return b"LibvirtQemudSave" + struct.pack("<5I", 2, len(xml), 1, form, 0) \
        + bytes(56) + xml


def multifd_main(precopy=b""):
    container = Container()
    container.section(1, NAME, tag(SETUP) + tag(END))
    if precopy:
        container.section(2, NAME, data(precopy) + tag(END))
    container.section(3, NAME, tag(END))
    container.section(4, NAME, tag(END))
    return container.finish()


class GraftCase(Case):
    def setUp(self):
        super().setUp()
        self.counter = itertools.count()

    def new(self, prefix):
        return self.path(f"{prefix}{next(self.counter)}")

    def graft(self, files, device, state, *more, new_config=None, status=GOOD):
        """Graft bytes; the outputs' bytes. Nothing else may appear."""
        before = set(os.listdir(self.folder))
        outs = [self.new("out") for _ in files]
        given = self.file(f"state{next(self.counter)}", state)
        arguments = ["--device", f"{device}={given}", *more]
        if new_config is not None:
            arguments += ["--config",
                          self.file(f"config{next(self.counter)}", new_config)]
        for out in outs:
            arguments += ["-o", out]
        inputs = set(os.listdir(self.folder))
        self.result = self.check(run("graft", *files, *arguments), status)
        appeared = set(os.listdir(self.folder)) - inputs
        wanted = {os.path.basename(out) for out in outs}
        written = status == GOOD or "--force" in more
        self.assertEqual(appeared, wanted if written else set(), before)
        return [read(out) for out in outs] if written else None

    def take(self, files, device, *option, status=GOOD):
        out = self.new("take")
        more = ["--device", device] if device else []
        result = self.check(run("extract", *files, *more, *option, "-o", out),
                            status)
        return read(out) if result.returncode == GOOD else None

    def check_result(self, outputs, device, state, config_bytes=None):
        """What the other commands say about it."""
        paths = [self.file(f"result{next(self.counter)}", output)
                 for output in outputs]
        self.check(run("verify", *paths), GOOD)
        report = self.inspect(*paths)
        self.assertTrue(report["complete"])
        found = [d for d in report["devices"] if device in ("", d["id"])]
        self.assertEqual([d["state_bytes"] for d in found], [len(state)])
        self.assertEqual(self.take(paths, device), state)
        if config_bytes is not None:
            self.assertEqual(self.take(paths, device, "--config"),
                             config_bytes)
        return report


class Identity(GraftCase):
    """A device's own state and config change no byte."""

    def check_own(self, files):
        devices = self.inspect(*files)["devices"]
        originals = [read(file) for file in files]
        for device in devices:
            name = f"{device['id']}#{device['instance']}"
            if device["id"] == "":
                name = ""
            state = self.take(files, name)
            config_bytes = self.take(files, name, "--config")
            for more in ({}, {"new_config": config_bytes}):
                outputs = self.graft(files, name, state, **more)
                self.assertTrue(outputs == originals, (files, name))
        return len(devices)

    def test_captures(self):
        seen = set()
        for folder in sorted(glob.glob(os.path.join(GOLDEN, "qemu", "*"))):
            name = os.path.relpath(folder, GOLDEN)
            files = [os.path.join(folder, "main.bin"),
                     *sorted(glob.glob(os.path.join(folder, "chan*.bin")))]
            seen.add(name)
            with self.subTest(name):
                if name not in CAPTURES_NOT_WHOLE:
                    self.assertGreater(self.check_own(files), 0)
                else:
                    device = self.inspect(*files, status=FINDINGS)["devices"]
                    self.graft(files, device[0]["id"], b"", status=FINDINGS)
        self.assertLess(CAPTURES_NOT_WHOLE, seen)
        self.assertIn("qemu/e-multifd", seen)
        self.assertIn("qemu/f-mapped-ram", seen)

    def test_replays(self):
        for name in REPLAYS_GOOD:
            with self.subTest(name):
                path = os.path.join(GOLDEN, "replay", name + ".bin")
                self.assertEqual(self.check_own([path]), 1)

    def check_handmade(self, written):
        """Graft on it if it is good and whole; gives whether it was."""
        files = [self.file(f"{name}{next(self.counter)}", bytes(file.bytes))
                 for name, file in written.files.items()]
        result = run("inspect", "--json", *files)
        if result.returncode != GOOD:
            return False
        devices = json.loads(result.stdout)["devices"]
        if not all(d["complete"] and d["config"] for d in devices):
            return False
        return self.check_own(files) > 0

    def test_written_down(self):
        done = set()
        for name in made_names():
            with self.subTest(name):
                if self.check_handmade(Made(os.path.join("..", "made", name))):
                    done.add(name)
        self.assertLess(MADE_WANTED, done)

    def test_written_down_shapes(self):
        done = set()
        for name in handmade.names(""):
            with self.subTest(name):
                if self.check_handmade(handmade.Handmade(name)):
                    done.add(name)
        self.assertLess(SHAPES_WANTED, done)


def sections(parts, end, config_bytes, last=END):
    """A bare stream of records of these payloads; None: a PART without."""
    out = tag(SETUP) + tag(END)
    for i, part in enumerate(parts):
        out += data(part) if part is not None else b""
        out += tag(last if i == len(parts) - 1 else END)
    out += b"".join(map(data, end)) + tag(END)
    return out + config(config_bytes)


class MainChannel(GraftCase):
    """What becomes of the records, written down from the rules."""

    def check_records(self, old, state, parts, end, last=END):
        """old: (parts, end); the new state gives the same with these."""
        config_bytes = pci_config()
        stream = self.file("stream", sections(*old, config_bytes, last))
        output, = self.graft([stream], "", state)
        wanted = sections(parts, end, config_bytes, last)
        self.assertTrue(output == wanted)
        self.assertEqual(b"".join(p or b"" for p in parts) + b"".join(end),
                         state)
        self.check_result([output], "", state, config_bytes)

    def test_where_the_bytes_go(self):
        old = ([b"abcd", None, b"efg"], [b"hijkl", b"mn"])
        for state, parts, end in (
                (b"ABCDEFGHIJKLMN", [b"ABCD", None, b"EFG"],
                 [b"HIJKL", b"MN"]),
                (b"ABCDEFGHIJKLM", [b"ABCD", None, b"EFG"], [b"HIJKL", b"M"]),
                (b"ABCDEFGHIJKL", [b"ABCD", None, b"EFG"], [b"HIJKL"]),
                (b"ABCDEFGHIJK", [b"ABCD", None, b"EFG"], [b"HIJK"]),
                (b"ABCDEFG", [b"ABCD", None, b"EFG"], []),
                (b"ABCDE", [b"ABCD", None, b"E"], []),
                (b"ABC", [b"ABC", None, None], []),
                (b"", [None, None, None], []),
                (b"ABCDEFGHIJKLMN" + bytes(MIB - 2),
                 [b"ABCD", None, b"EFG"],
                 [b"HIJKL", b"MN" + bytes(MIB - 2)]),
                (b"ABCDEFGHIJKLMN" + bytes(2 * MIB),
                 [b"ABCD", None, b"EFG"],
                 [b"HIJKL", b"MN" + bytes(MIB - 2), bytes(MIB), bytes(2)])):
            for last in (END, INIT_DATA_SENT):
                with self.subTest(len=len(state), last=last):
                    self.check_records(old, state, parts, end, last)

    def test_a_state_without_stop_copy_data(self):
        """It gets a record before END's own END."""
        old = ([b"abcd"], [])
        self.check_records(old, b"ABCD", [b"ABCD"], [])
        self.check_records(old, b"ABC", [b"ABC"], [])
        self.check_records(old, b"ABCDE", [b"ABCD"], [b"E"])
        self.check_records(([], []), b"", [], [])
        self.check_records(([], []), b"ABC", [], [b"ABC"])
        self.check_records(([None], []), bytes(MIB) + b"A", [None],
                           [bytes(MIB), b"A"])

    def test_records_bigger_than_usual(self):
        """New records are as big as the biggest there is in END."""
        block = 3 * MIB
        state = self.random.randbytes(2 * block + 100)
        self.check_records(([b"x"], [bytes(block)]), state, [state[:1]],
                           [state[1:block + 1], state[block + 1:2 * block + 1],
                            state[2 * block + 1:]])
        self.check_records(([bytes(block)], [b"x"]), state, [state[:block]],
                           [state[block:block + MIB],
                            state[block + MIB:block + 2 * MIB],
                            state[block + 2 * MIB:2 * block],
                            state[2 * block:]])

    def test_in_a_container(self):
        """Sections, footers and all other bytes stay as they are."""
        original = read(TWO_DEVICES)
        first, second = "0000:00:02.0/vfio", "0000:00:03.0/vfio"
        # Of the first device: payload of the DATA records.
        precopy, stopcopy = (102800, 24), (202167, 36)
        state = self.take([TWO_DEVICES], second)
        output, = self.graft([TWO_DEVICES], first, state)
        offset, size = stopcopy
        wanted = (original[:precopy[0]] + state[:24] +
                  original[precopy[0] + 24:offset - 8] +
                  struct.pack(">Q", 72) + state[24:] +
                  original[offset + size:])
        self.assertTrue(output == wanted)
        self.assertIn(b"96 bytes of state instead of 60", self.result.stderr)
        self.assertEqual(self.result.stdout, b"")
        self.check_result([output], first, state)
        path = self.file("after", output)
        self.assertEqual(self.take([path], second), state)
        # And back: the same bytes again.
        again, = self.graft([path], first, self.take([TWO_DEVICES], first))
        self.assertTrue(again == original)
        self.graft([TWO_DEVICES], first, state, "--quiet")
        self.assertEqual(self.result.stderr, b"")

    def test_a_lost_state_comes_back(self):
        """The stream that QEMU would load without its last data."""
        lost = os.path.join(GOLDEN, "replay", "07-final-vfio-data-dropped.bin")
        good = os.path.join(GOLDEN, "replay", "00-good.bin")
        state = self.take([good], "")
        self.check(run("verify", lost), FINDINGS)
        self.graft([lost], "", state, status=FINDINGS)
        self.assertIn(b"--force", self.result.stderr)
        output, = self.graft([lost], "", state, "--force")
        self.assertTrue(output == read(good))

    def test_records_that_may_not_change(self):
        """Before v2 the size of each chunk reached the driver."""
        for name in ("bare-v1-zero-data", "bare-qemu-5.2",
                     "qemu-5.2-config-first", "qemu-v1-zero-data"):
            written = Made(os.path.join("..", "made", name))
            path = self.file(name, bytes(written.files["main"].bytes))
            device = self.inspect(path)["devices"][0]["id"]
            state = self.take([path], device)
            for other in (state[:-1], state + b"x", b""):
                self.graft([path], device, other, status=FAILED)
                self.assertIn(b"cannot change", self.result.stderr)
            other = bytes(byte ^ 0xff for byte in state)
            output, = self.graft([path], device, other)
            self.check_result([output], device, other)

    def test_in_a_package(self):
        """The package's length follows."""
        def make(state, config_bytes):
            container = Container()
            container.section(1, NAME, tag(SETUP) + tag(END))
            outside = container.bytes
            container.bytes = b""
            container.section(3, NAME, data(state) + tag(END))
            container.section(4, NAME, config(config_bytes))
            container.bytes += b"\x08\x00\x02\x00\x04\x00\x00\x00\x03"
            inside = container.bytes
            container.bytes = outside + b"\x08\x00\x07\x00\x04" + \
                struct.pack(">I", len(inside)) + inside
            return container.finish(False)

        path = self.file("stream", make(b"state", pci_config()))
        for state in (b"state", b"a longer state", b"s"):
            for more in (pci_config(), pci_config(vectors=9)):
                output, = self.graft([path], "", state, new_config=more)
                self.assertTrue(output == make(state, more))
        front = save_file_front()
        path = self.file("save", front + make(b"state", pci_config()))
        output, = self.graft([path], "", b"another state")
        self.assertTrue(output == front + make(b"another state",
                                               pci_config()))

    def test_in_a_save_file(self):
        """What libvirt put in front stays."""
        front = save_file_front()
        device = "0000:00:02.0/vfio"
        plain, = self.graft([TWO_DEVICES], device, b"another",
                            new_config=pci_config(vectors=3))
        path = self.file("save", front + read(TWO_DEVICES))
        output, = self.graft([path], device, b"another",
                             new_config=pci_config(vectors=3))
        self.assertTrue(output == front + plain)


class MappedRam(GraftCase):
    """RAM pages lie at fixed offsets; what is behind them may move."""

    @staticmethod
    def container():
        container = Container()
        container.bytes += b"\x05\x1aconfiguration/capabilities" + \
            struct.pack(">II", 1, 1) + b"\x0amapped-ram"
        return container

    @staticmethod
    def ram(container, pages_at, front=0):
        """A START section of RAM with one block of one page; offsets in it
        count what is in front of the stream too."""
        block = b"\x06pc.ram" + struct.pack(">Q", 4096)
        start = len(container.bytes) + 1 + 4 + 4 + 8
        bitmap = start + 8 + len(block) + 28
        payload = struct.pack(">Q", 4096 | 4) + block + \
            struct.pack(">IQQQ", 1, 4096, bitmap + front, pages_at + front)
        payload += b"\1" + bytes(7)
        payload += bytes(pages_at - start - len(payload)) + b"P" * 4096
        assert container.section(1, b"ram", payload + struct.pack(">Q", 16),
                                 version=4) == start

    def test_behind_ram(self):
        device = "0000:00:02.0/vfio"
        path = os.path.join(GOLDEN, "qemu", "f-mapped-ram", "main.bin")
        self.assertTrue(self.inspect(path)["mapped_ram"])
        original = read(path)
        state = self.take([path], device) * 100
        output, = self.graft([path], device, state, "--force", status=FINDINGS)
        records = self.inspect(path)["devices"][0]["records"]
        first = min(r["offset"] for r in records if r["tag"] == "DATA")
        self.assertTrue(output[:first] == original[:first])
        self.assertNotEqual(output, original)

    def test_holes_stay(self):
        """The file takes no more of the disk than what is in it."""
        container = self.container()
        self.ram(container, 64 * MIB)
        container.device(NAME, b"state", pci_config())
        path = self.file("stream", container.finish())
        out = self.path("out")
        self.check(run("graft", path, "--device",
                       "=" + self.file("state", b"another"), "-o", out), GOOD)
        wanted = self.container()
        self.ram(wanted, 64 * MIB)
        wanted.device(NAME, b"another", pci_config())
        self.assertTrue(read(out) == wanted.finish())
        self.assertLess(os.stat(out).st_blocks * 512, 4 * MIB)

    def test_before_ram(self):
        def make(state, front=0):
            container = self.container()
            container.section(1, NAME, tag(SETUP) + tag(END))
            container.section(2, NAME, data(state) + tag(END))
            self.ram(container, 8192, front)
            container.section(3, NAME, tag(END))
            container.section(4, NAME, config(pci_config()))
            return container.finish(False)

        path = self.file("stream", make(b"state"))
        output, = self.graft([path], "", b"STATE")
        self.assertTrue(output == make(b"STATE"))
        for state in (b"s", b""):
            self.graft([path], "", state, status=FAILED)
            self.assertIn(b"fixed offsets", self.result.stderr)
            front = save_file_front(bytes(69540), 6)
            wrapped = self.file("save", front + make(b"state", len(front)))
            self.graft([wrapped], "", state, status=FAILED)
            self.assertIn(b"fixed offsets", self.result.stderr)
        # What is more than the PART held goes behind RAM.
        output, = self.graft([path], "", b"STATE and more")
        self.check_result([output], "a/vfio", b"STATE and more")


class Multifd(GraftCase):
    """Several files: packets instead of records."""

    def check_channels(self, originals, outputs, state, config_bytes):
        """Other packets as they were, indices without a gap, config last."""
        found = []
        for before, after in zip(originals, outputs):
            if before[:4] == b"QEVM":
                continue
            ours, rest = packets(after)
            self.assertEqual(rest, packets(before)[1])
            found += ours
        found.sort(key=lambda packet: packet[1])
        self.assertEqual([packet[1] for packet in found],
                         list(range(len(found))))
        self.assertEqual([packet[2] for packet in found],
                         [0] * (len(found) - 1) + [1])
        self.assertEqual(found[-1][3], config(config_bytes))
        self.assertTrue(b"".join(packet[3] for packet in found[:-1]) == state)
        return found

    def stream(self, *channels, precopy=b""):
        return [self.file(f"in{next(self.counter)}", content)
                for content in (multifd_main(precopy), *channels)]

    def test_where_the_bytes_go(self):
        last = config(pci_config())
        files = self.stream(
            channel(0, (1, 0, b"fgh"), (3, 1, last)),
            channel(1, (2, 0, b"ij"), (0, 0, b"cde")), precopy=b"ab")
        for state, precopy, one, two in (
                (b"ABCDEFGHIJ", b"AB", [(1, 0, b"FGH"), (3, 1, last)],
                 [(2, 0, b"IJ"), (0, 0, b"CDE")]),
                (b"ABCDEFGHI", b"AB", [(1, 0, b"FGH"), (3, 1, last)],
                 [(2, 0, b"I"), (0, 0, b"CDE")]),
                (b"ABCDEFGH", b"AB", [(1, 0, b"FGH"), (2, 1, last)],
                 [(0, 0, b"CDE")]),
                (b"ABCD", b"AB", [(1, 1, last)], [(0, 0, b"CD")]),
                (b"AB", b"AB", [(0, 1, last)], []),
                (b"A", b"A", [(0, 1, last)], []),
                (b"", b"", [(0, 1, last)], []),
                (b"ABCDEFGHIJ" + bytes(2 * MIB), b"AB",
                 [(1, 0, b"FGH"), (5 - 1, 1, last)],
                 [(2, 0, b"IJ" + bytes(MIB - 2)), (3, 0, bytes(MIB)),
                  (0, 0, b"CDE")])):
            if len(state) > 2 * MIB:
                # The rest of the last packet: two bytes.
                one[1] = (5, 1, last)
                two.insert(2, (4, 0, bytes(2)))
            with self.subTest(len(state)):
                outputs = self.graft(files, "a/vfio", state)
                main = multifd_main(precopy)
                if not precopy:
                    container = Container()
                    container.section(1, NAME, tag(SETUP) + tag(END))
                    for kind in (2, 3, 4):
                        container.section(kind, NAME, tag(END))
                    main = container.finish()
                self.assertTrue(outputs == [main, channel(0, *one),
                                            channel(1, *two)])
                self.check_result(outputs, "a/vfio", state, pci_config())

    def test_packets_without_data(self):
        """They stay, and move up where others go."""
        last = config(pci_config())
        files = self.stream(channel(0, (0, 0, b"abc"), (1, 0, b""),
                                    (2, 0, b"def"), (3, 0, b""), (4, 1, last)))
        for state, *wanted in (
                (b"ABCDEF", (0, 0, b"ABC"), (1, 0, b""), (2, 0, b"DEF"),
                 (3, 0, b""), (4, 1, last)),
                (b"ABCDEFG", (0, 0, b"ABC"), (1, 0, b""), (2, 0, b"DEF"),
                 (3, 0, b"G"), (4, 1, last)),
                (b"AB", (0, 0, b"AB"), (1, 0, b""), (2, 0, b""),
                 (3, 1, last)),
                (b"", (0, 0, b""), (1, 0, b""), (2, 1, last))):
            outputs = self.graft(files, "a/vfio", state)
            self.assertTrue(outputs == [multifd_main(), channel(0, *wanted)])

    def test_a_first_packet(self):
        """Only the config packet is there: new ones go before it."""
        last = config(pci_config())
        files = self.stream(channel(0), channel(1, (0, 1, last)))
        outputs = self.graft(files, "a/vfio", b"new" + bytes(MIB))
        self.assertTrue(outputs == [
            multifd_main(), channel(0),
            channel(1, (0, 0, b"new" + bytes(MIB - 3)), (1, 0, bytes(3)),
                    (2, 1, last))])

    def test_config(self):
        """Only its packet changes: FULL has a tag alone."""
        old, new = pci_config(vectors=2), pci_config(vectors=300)
        files = self.stream(channel(0, (0, 0, b"abc"), (1, 1, config(old))))
        outputs = self.graft(files, "a/vfio", b"abc", new_config=new)
        self.assertTrue(outputs == [
            multifd_main(), channel(0, (0, 0, b"abc"), (1, 1, config(new)))])
        report = self.check_result(outputs, "a/vfio", b"abc", new)
        self.assertEqual(
            report["devices"][0]["config"]["msix_vectors"], 300)

    def test_captures(self):
        for name in ("e-multifd", "e-loadready-two"):
            folder = os.path.join(GOLDEN, "qemu", name)
            files = [os.path.join(folder, "main.bin"),
                     *sorted(glob.glob(os.path.join(folder, "chan*.bin")))]
            device = self.inspect(*files)["devices"][0]["id"]
            config_bytes = self.take(files, device, "--config")
            originals = [read(file) for file in files]
            for state in (b"", b"short", bytes(3 * MIB)):
                outputs = self.graft(files, device, state)
                self.assertIn(b"warning: this is a state of driver opaque",
                              self.result.stderr)
                self.check_result(outputs, device, state, config_bytes)
                if name == "e-multifd":
                    precopy = self.inspect(*files)["devices"][0][
                        "precopy_bytes"]
                    self.check_channels(originals, outputs, state[precopy:],
                                        config_bytes)

    def test_any_order(self):
        """The outputs follow the operands, which may come in any order."""
        last = config(pci_config())
        files = self.stream(channel(0, (0, 0, b"abc"), (2, 1, last)),
                            channel(1, (1, 0, b"def")), channel(2))
        state = b"another state" * 1000
        wanted = dict(zip(files, self.graft(files, "a/vfio", state,
                                            new_config=pci_config(vectors=5))))
        for order in itertools.permutations(files):
            outputs = self.graft(order, "a/vfio", state,
                                 new_config=pci_config(vectors=5))
            self.assertTrue(outputs == [wanted[file] for file in order])

    def test_half_empty_blocks(self):
        """What begins with zeros is no hole."""
        block = bytes(MIB // 2 + 7) + b"x" * (MIB // 2 - 7)
        packet = 5 * block
        last = config(pci_config())
        files = self.stream(channel(0, (0, 0, packet), (1, 1, last)))
        for state in (packet, packet[::-1]):
            outputs = self.graft(files, "a/vfio", state)
            self.check_result(outputs, "a/vfio", state)

    def test_extract_as_a_bare_stream(self):
        """Packets take the place of END's DATA and of FULL's CONFIG."""
        own = pci_config()
        for parts in ([], [b"one"], [b"", b"one"], [b"one", b"two"]):
            files = self.stream(channel(0, *enumerated(parts, config(own))),
                                precopy=b"pre")
            stream = self.take(files, "a/vfio", "--stream")
            wanted = tag(SETUP) + tag(END) + data(b"pre") + tag(END) + \
                tag(END)
            if any(parts):
                wanted += b"".join(data(p) for p in parts if p) + tag(END)
            self.assertEqual(stream, wanted + config(own))

    def test_big_config(self):
        """More than one block of whoever reads it, and not a PCI device's."""
        own = self.random.randbytes(3 * MIB + 1)
        files = self.stream(channel(0, (0, 0, b"abc"), (1, 1, config(own))))
        self.check(run("verify", *files), FINDINGS)
        self.check(run("verify", "--max-config", "4M", *files), GOOD)
        out = self.path("config")
        self.check(run("extract", "--max-config", "4M", "--config", *files,
                       "-o", out), GOOD)
        self.assertEqual(read(out), own)

    def test_a_channel_is_missing(self):
        last = config(pci_config())
        files = self.stream(channel(0, (0, 0, b"abc"), (2, 1, last)),
                            channel(1, (1, 0, b"def")))
        self.graft(files[:2], "a/vfio", b"abcdef", status=FINDINGS)
        self.graft(files[:1], "a/vfio", b"abcdef", status=FINDINGS)
        self.graft(files[1:], "a/vfio", b"abcdef", status=FAILED)


    def test_too_many_records(self):
        last = config(pci_config())
        files = self.stream(channel(0, (0, 0, b"abc"), (1, 1, last)))
        records = len(self.inspect(*files)["devices"][0]["records"])
        self.graft(files, "a/vfio", b"abc", f"--max-records={records}")
        self.graft(files, "a/vfio", b"abc", f"--max-records={records - 1}",
                   status=FAILED)
        self.assertIn(b"--max-records", self.result.stderr)


class Damaged(GraftCase):
    """Whatever the bytes are: all files, or none, and no crash."""

    def test_bytes_changed(self):
        source = self.use_random()
        last = config(pci_config())
        whole = [[multifd_main(b"ab"),
                  channel(0, (1, 0, b"fgh"), (2, 1, last)),
                  channel(1, (0, 0, b"cde"))],
                 [bytes(handmade.Handmade("mapped-ram-two-blocks")
                        .files["main"].bytes)],
                 [bare(b"a state", pci_config(), precopy=3)]]
        state = self.file("state", b"another state")
        config_file = self.file("config", pci_config(vectors=2))
        for _ in range(scaled(150)):
            contents = [bytearray(c) for c in source.choice(whole)]
            for _ in range(source.randrange(1, 4)):
                content = source.choice(contents)
                content[source.randrange(len(content))] = source.choice(
                    (0, 1, 4, 0x7e, 0x7f, 0x80, 0xff, source.randrange(256)))
            files = [self.file(f"in{i}", bytes(content))
                     for i, content in enumerate(contents)]
            outs = [self.path(f"out{i}") for i in range(len(files))]
            before = set(os.listdir(self.folder)) - \
                {os.path.basename(out) for out in outs}
            more = ["--force"] if source.random() < 0.5 else []
            if source.random() < 0.5:
                more += ["--config", config_file]
            for out in outs:
                if os.path.exists(out):
                    os.unlink(out)
                more += ["-o", out]
            result = run("graft", *files, "--device", "=" + state, *more)
            self.check(result, min(result.returncode, FAILED))
            after = set(os.listdir(self.folder)) - before
            if result.returncode == GOOD or after:
                self.assertEqual(after, {os.path.basename(out)
                                         for out in outs})
                self.assertIn(result.returncode,
                              (GOOD, FINDINGS) if "--force" in more
                              else (GOOD,))
                verdict = run("verify", *outs)
                self.check(verdict, result.returncode)


class NewConfig(GraftCase):
    def test_other_size(self):
        """FULL, its size in the VM description, and no other byte."""
        def make(config_bytes):
            container = Container()
            container.device(b"other/vfio", b"other", pci_config())
            container.device(NAME, b"state", config_bytes)
            container.section(4, b"timer", b"12345678")
            container.vmdesc["devices"].append({
                "name": "timer", "instance_id": 0, "vmsd_name": "timer",
                "version": 1, "fields": [{"name": "x", "type": "uint64",
                                          "size": 8}]})
            return container

        old = make(pci_config(vectors=64))
        path = self.file("stream", old.finish())
        for vectors, size in ((0, 256), (1, 256), (64, 4096), (2048, 4096)):
            new = pci_config(vectors=vectors, size=size)
            output, = self.graft([path], "a/vfio", b"state", new_config=new)
            wanted = make(new)
            stream, mark, text = output.partition(b"\x00\x06\x00")
            self.assertTrue(stream == wanted.bytes)
            length, = struct.unpack(">I", b"\x00" + text[:3])
            self.assertEqual(length, len(text) - 3)
            self.assertEqual(json.loads(text[3:]), wanted.vmdesc)
            # The other devices' entries are not even written anew.
            entry = json.dumps(old.vmdesc["devices"][0]).encode()
            self.assertIn(entry, text)
            report = self.check_result([output], "a/vfio", b"state", new)
            self.assertEqual(
                report["devices"][1]["config"]["msix_vectors"], vectors)

    def test_other_bytes_of_the_same_size(self):
        """The description stays as it is, byte for byte."""
        container = Container()
        container.device(NAME, b"state", pci_config())
        path = self.file("stream", container.finish())
        new = pci_config(vendor=0x15b3)
        output, = self.graft([path], "a/vfio", b"state", new_config=new)
        self.assertTrue(output ==
                        read(path).replace(pci_config(), new))

    def test_without_footers(self):
        container = Container(footers=False)
        container.device(NAME, b"state", pci_config(vectors=64))
        path = self.file("stream", container.finish())
        new = pci_config(vectors=2)
        output, = self.graft([path], "a/vfio", b"s", new_config=new)
        self.check_result([output], "a/vfio", b"s", new)

    def test_description_is_odd(self):
        """Where it cannot be made right, nothing is written."""
        container = Container()
        container.device(NAME, b"state", pci_config())
        size = container.vmdesc["devices"][0]["size"]
        for entry in ({"size": size},
                      {"size": size, "fields": []},
                      {"size": size, "fields": [{"size": 1}]},
                      {"size": size, "fields": [{"size": size},
                                                {"size": size}]}):
            container.vmdesc["devices"] = [
                {"name": "a/vfio", "instance_id": 0, **entry}]
            path = self.file("stream", container.finish())
            good = entry == {"size": size}
            output = self.graft([path], "a/vfio", b"state",
                                new_config=pci_config(vectors=1),
                                status=GOOD if good else FAILED)
            if good:
                self.check_result(output, "a/vfio", b"state",
                                  pci_config(vectors=1))
            self.graft([path], "a/vfio", b"other state")
        # Something behind it: it is there, but not where it is looked for.
        path = self.file("stream", container.finish() + b"behind")
        self.graft([path], "a/vfio", b"other state")
        self.graft([path], "a/vfio", b"state",
                   new_config=pci_config(vectors=1), status=FAILED)

    def test_end_is_ambiguous(self):
        """Config bytes in which a reader would see their end."""
        stream = self.file("stream", bare(b"state", pci_config()))
        for new in (b"abc" + tag(END) + b"def",
                    pci_config() + tag(END) + bytes(64)):
            self.graft([stream], "", b"state", new_config=new, status=FAILED)
            self.assertIn(b"end of these config bytes", self.result.stderr)
        new = pci_config(vectors=3)
        new = new[:300] + tag(END) + new[308:]
        output, = self.graft([stream], "", b"state", new_config=new)
        self.check_result([output], "", b"state", new)
        # With a footer the first END is not the end.
        container = Container()
        container.device(NAME, b"state", pci_config())
        path = self.file("container", container.finish())
        new = b"abc" + tag(END) + b"def"
        output, = self.graft([path], "", b"state", new_config=new)
        self.check_result([output], "a/vfio", b"state", new)

    def test_limits(self):
        stream = self.file("stream", bare(b"state", b"config"))
        self.graft([stream], "", b"state", new_config=bytes(65536))
        self.graft([stream], "", b"state", new_config=bytes(65537),
                   status=FAILED)
        self.graft([stream], "", b"state", "--max-config=1M",
                   new_config=bytes(65537))
        output, = self.graft([stream], "", b"state", new_config=b"")
        self.assertEqual(output, bare(b"state", b""))

    def test_faulty_config(self):
        """What verify would find in the result is found before it appears."""
        stream = self.file("stream", bare(b"state", pci_config()))
        new = bytearray(pci_config())
        new[4 + 256 + 3] = 7  # INTx A
        self.graft([stream], "", b"state", new_config=bytes(new),
                   status=FINDINGS)
        self.assertIn(b"[pci-irq-state]", self.result.stderr)
        output, = self.graft([stream], "", b"state", "--force",
                             new_config=bytes(new), status=FINDINGS)
        self.assertEqual(output, bare(b"state", bytes(new)))


class Driver(GraftCase):
    """States of drivers whose format is known."""

    def test_cut_short(self):
        device = "0000:00:02.0/vfio"
        state = self.take([TWO_DEVICES], device)
        for size in (1, 24, 59):
            self.graft([TWO_DEVICES], device, state[:size],
                       status=FINDINGS if size >= 24 else GOOD)
            if size >= 24:
                self.assertIn(b"[driver-state-short]", self.result.stderr)
                output, = self.graft([TWO_DEVICES], device, state[:size],
                                     "--force", status=FINDINGS)
                path = self.file("forced", output)
                self.check(run("verify", path), FINDINGS)
        self.graft([TWO_DEVICES], device, state + b"x", status=FINDINGS)

    def test_another_driver(self):
        device = "0000:00:02.0/vfio"
        record = struct.pack("<QII", 5, 0, 0) + b"image"
        output, = self.graft([TWO_DEVICES], device, record,
                             new_config=pci_config(vendor=0x15b3))
        self.assertIn(b"warning: this is a state of driver mlx5; the device's "
                      b"was of mtty", self.result.stderr)
        report = self.check_result([output], device, record)
        self.assertEqual(report["devices"][0]["driver"], "mlx5")

    def test_perhaps_the_same_driver(self):
        """Some records fit two drivers: no warning, either way."""
        record = struct.pack("<QII", 5, 0, 0) + b"image"
        unknown, known = b"not of PCI", pci_config(vendor=0x15b3)
        for before, after in ((unknown, known), (known, unknown)):
            path = self.file("stream", bare(record, before))
            output, = self.graft([path], "", record, new_config=after)
            self.assertNotIn(b"of driver", self.result.stderr)
            self.assertEqual(output, bare(record, after))


class Files(GraftCase):
    """Inputs that cannot be read twice, outputs that cannot be written."""

    DEVICE = "0000:00:02.0/vfio"

    def setUp(self):
        super().setUp()
        self.state = self.file("state", b"a state")

    def run_graft(self, *arguments, status, **more):
        before = {name: read(self.path(name))
                  for name in os.listdir(self.folder)
                  if os.path.isfile(self.path(name))}
        result = self.check(run("graft", *arguments, **more), status)
        if status != GOOD:
            self.assertEqual(before,
                             {name: read(self.path(name))
                              for name in os.listdir(self.folder)
                              if os.path.isfile(self.path(name))})
            self.assertEqual(result.stdout, b"")
        return result

    def test_usage(self):
        device = ["--device", f"{self.DEVICE}={self.state}"]
        out = ["-o", self.path("out")]
        for arguments in ([], [TWO_DEVICES], [TWO_DEVICES, *device],
                          [TWO_DEVICES, *out], [*device, *out],
                          [TWO_DEVICES, *device, *out, *out],
                          [TWO_DEVICES, TWO_DEVICES, *device, *out],
                          [TWO_DEVICES, *device, *device, *out],
                          [TWO_DEVICES, "--device", self.DEVICE, *out],
                          [TWO_DEVICES, *device, *out, "--partial"]):
            with self.subTest(arguments):
                result = self.run_graft(*arguments, status=FAILED)
                self.assertIn(b"Try 'migproto graft --help'", result.stderr)
        result = self.check(run("graft", "--help"), GOOD)
        self.assertIn(b"--force", result.stdout)

    def test_which_device(self):
        for name in ("nobody", self.DEVICE + "#1", ""):
            result = self.run_graft(
                TWO_DEVICES, "--device", f"{name}={self.state}", "-o",
                self.path("out"), status=FAILED)
            self.assertIn(self.DEVICE.encode(), result.stderr)
        container = Container()
        container.device(b"vfio", b"zero", pci_config())
        container.device(b"vfio", b"seven", pci_config(), instance=7)
        path = self.file("stream", container.finish())
        output, = self.graft([path], "vfio#7", b"VII")
        wanted = Container()
        wanted.device(b"vfio", b"zero", pci_config())
        wanted.device(b"vfio", b"VII", pci_config(), instance=7)
        self.assertTrue(output == wanted.finish())
        self.graft([path], "vfio", b"VII", status=FAILED)

    def test_inputs_that_cannot_be_sought_in(self):
        pipe = self.path("pipe")
        os.mkfifo(pipe)
        out = ["-o", self.path("out")]
        device = f"{self.DEVICE}={self.state}"
        self.run_graft("-", "--device", device, *out, status=FAILED,
                       data=read(TWO_DEVICES))
        self.run_graft("/dev/stdin", "--device", device, *out, status=FAILED,
                       data=read(TWO_DEVICES))
        self.run_graft(TWO_DEVICES, "--device", f"{self.DEVICE}=/dev/stdin",
                       *out, status=FAILED, data=b"a state")
        self.run_graft(TWO_DEVICES, "--device", f"{self.DEVICE}=absent", *out,
                       status=FAILED)
        self.run_graft(TWO_DEVICES, "--device", device, "--config", "absent",
                       *out, status=FAILED)
        # Config bytes may come from a pipe.
        self.run_graft(TWO_DEVICES, "--device", device, "--config",
                       "/dev/stdin", *out, status=GOOD, data=pci_config())

    def test_outputs_that_are_no_files(self):
        pipe = self.path("pipe")
        os.mkfifo(pipe)
        for out in ("-", "/dev/null", pipe, self.folder, "/",
                    os.path.join(self.folder, "absent", "out"),
                    os.path.join(self.state, "out"), ""):
            with self.subTest(out):
                self.run_graft(TWO_DEVICES, "--device",
                               f"{self.DEVICE}={self.state}", "-o", out,
                               status=FAILED)

    def multifd(self):
        last = config(pci_config())
        return [self.file("main", multifd_main()),
                self.file("one", channel(0, (0, 0, b"abc"), (1, 1, last)))]

    def test_one_of_the_outputs(self):
        """If one cannot be written, none appears."""
        main, one = self.multifd()
        device = ["--device", f"=" + self.state]
        for second in ("absent/out", "", "main/x"):
            self.run_graft(main, one, *device, "-o", self.path("out"), "-o",
                           os.path.join(self.folder, second), status=FAILED)
        for first, second in (("out", "out"), ("out", "./out"),
                              ("out", "../" +
                               os.path.basename(self.folder) + "/out")):
            result = self.run_graft(main, one, *device, "-o", first, "-o",
                                    second, status=FAILED, cwd=self.folder)
            self.assertIn(b"two -o", result.stderr)

    def test_in_place(self):
        """The inputs may be the outputs: all is read before any changes."""
        main, one = self.multifd()
        device = ["--device", f"=" + self.state]
        wanted = self.graft([main, one], "a/vfio", b"a state")
        self.run_graft(main, one, *device, "-o", main, "-o", one, status=GOOD)
        self.assertTrue([read(main), read(one)] == wanted)
        # The state's own file too, but no name that is another input's.
        result = self.run_graft(one, main, *device, "-o", main, "-o",
                                self.path("out"), status=FAILED)
        self.assertIn(b"another operand", result.stderr)
        self.run_graft(one, main, *device, "-o", one, "-o", self.state,
                       status=GOOD)
        self.assertTrue([read(one), read(self.state)] == wanted[::-1])
        self.assertEqual(sorted(name for name in os.listdir(self.folder)
                                if "." in name), [])

    def test_permissions_and_links(self):
        main, one = self.multifd()
        link = self.path("link")
        os.symlink(self.state, link)
        os.umask(0o022)
        self.run_graft(main, one, "--device", "=" + self.state, "-o", link,
                       "-o", self.path("out"), status=GOOD)
        self.assertFalse(os.path.islink(link))
        self.assertEqual(read(self.state), b"a state")
        self.assertEqual(os.stat(link).st_mode & 0o777, 0o644)

    def test_disk_full(self):
        """A write that fails leaves the old files and nothing else."""
        main, one = self.multifd()
        large = self.file("large", self.random.randbytes(MIB))
        old = self.file("old", b"precious")

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, MIB))

        # Python ignores SIGXFSZ, and so does what it starts this way.
        result = self.run_graft(main, one, "--device", "=" + large, "-o", old,
                                "-o", self.path("out"), status=FAILED,
                                preexec_fn=limit, restore_signals=False)
        self.assertIn(b"File too large", result.stderr)
        self.assertEqual(sorted(os.listdir(self.folder)),
                         ["large", "main", "old", "one", "state"])

    @unittest.skipIf(INSTRUMENTED, "memory is not the command's own here")
    def test_large_state(self):
        """What the command takes does not grow with it."""
        size = 256 * MIB
        stream, large = self.path("stream"), self.path("large")
        with open(stream, "wb") as file:
            file.write(tag(SETUP) + tag(END) + tag(DATA) +
                       struct.pack(">Q", size))
            file.seek(size, os.SEEK_CUR)
            file.write(tag(END) + config(pci_config()))
        with open(large, "wb") as file:
            file.truncate(size + 5)

        def limit():
            resource.setrlimit(resource.RLIMIT_DATA, (8 * MIB, 8 * MIB))

        out = self.path("out")
        self.run_graft(stream, "--device", "=" + large, "-o", out,
                       status=GOOD, preexec_fn=limit)
        report = self.inspect("--no-digest", out)["devices"][0]
        self.assertEqual([r["size"] for r in report["records"]
                          if r["tag"] == "DATA"], [size, 5])
        self.assertLess(os.stat(out).st_blocks * 512, 4 * MIB)

    def start_long_graft(self, size):
        """One that has made its two unfinished files and goes on copying."""
        main, one = self.multifd()
        with open(main, "ab") as file:
            file.truncate(size)  # bytes after the end are copied too
        before = len(os.listdir(self.folder))
        process = subprocess.Popen(
            [MIGPROTO, "graft", one, main, "--device", "=" + self.state, "-o",
             self.path("out1"), "-o", self.path("out2")],
            stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        deadline = time.monotonic() + 60
        while len(os.listdir(self.folder)) < before + 2:
            self.assertLess(time.monotonic(), deadline)
            self.assertIsNone(process.poll())
            time.sleep(0.001)
        return process

    def test_interrupted(self):
        """All unfinished files go away, and the signal is what ends it."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number):
                process = self.start_long_graft(16 << 30)
                process.send_signal(number)
                self.assertEqual(process.wait(), -number)
                self.assertEqual(sorted(os.listdir(self.folder)),
                                 ["main", "one", "state"])

    def test_a_name_that_is_taken_meanwhile(self):
        """The last file cannot get its name: the first gives its back."""
        for old in (b"precious", None):
            with self.subTest(old):
                if old is not None:
                    self.file("out1", old)
                process = self.start_long_graft(1 << 30)
                process.send_signal(signal.SIGSTOP)
                os.mkdir(self.path("out2"))
                process.send_signal(signal.SIGCONT)
                self.assertEqual(process.wait(), FAILED)
                self.assertIn(b"out2: Is a directory", process.stderr.read())
                os.rmdir(self.path("out2"))
                left = ["main", "one", "state"]
                if old is not None:
                    self.assertEqual(read(self.path("out1")), old)
                    os.unlink(self.path("out1"))
                self.assertEqual(sorted(os.listdir(self.folder)), left)


if __name__ == "__main__":
    unittest.main()
