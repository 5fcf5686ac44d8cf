# SPDX-License-Identifier: MIT
"""inspect and verify: the JSON object and the tables."""

import hashlib
import os
import pty
import struct
import unittest

from support import (Case, Container, DATA, END, GOOD, FINDINGS, MIGPROTO,
                     SETUP, TWO_DEVICES, bare, config, data, pci_config,
                     read, run, tag)

# Written by hand from the bytes of the file and QEMU's trace of its writing:
# offset, section, tag, size.
FIRST = [(225, "start", "SETUP", 0), (233, "start", "END", 0),
         (102784, "part", "DATA", 24), (102824, "part", "END", 0),
         (136421, "part", "END", 0),
         (202151, "end", "DATA", 36), (202203, "end", "END", 0),
         (234669, "full", "CONFIG", 4116), (238793, "full", "END", 0)]
SECOND = [(277, "start", "SETUP", 0), (285, "start", "END", 0),
          (102842, "part", "DATA", 24), (102882, "part", "END", 0),
          (136439, "part", "END", 0),
          (202221, "end", "DATA", 72), (202309, "end", "END", 0),
          (238837, "full", "CONFIG", 4116), (242961, "full", "END", 0)]

TOP_KEYS = ["format", "complete", "machine", "devices", "findings"]
DEVICE_KEYS = ["id", "instance", "section_id", "dialect", "driver",
               "precopy_bytes", "stopcopy_bytes", "state_bytes",
               "state_sha256", "config", "records", "records_omitted"]
CONFIG_KEYS = ["size", "vendor", "device", "class", "msix_vectors"]
RECORD_KEYS = ["offset", "channel", "section", "tag", "size"]
FINDING_KEYS = ["offset", "severity", "code", "text"]


def state_of(stream, records):
    return b"".join(stream[offset + 16:offset + 16 + size]
                    for offset, _, kind, size in records if kind == "DATA")


class Json(Case):
    def test_keys_stand_in_order(self):
        report = self.inspect(self.file("cut", read(TWO_DEVICES)[:210000]),
                              status=FINDINGS)
        self.assertEqual(list(report)[:5], TOP_KEYS)
        self.assertGreater(len(report["findings"]), 0)
        for finding in report["findings"]:
            self.assertEqual(list(finding)[:4], FINDING_KEYS)
        report = self.inspect(TWO_DEVICES)
        self.assertEqual(list(report)[:5], TOP_KEYS)
        for device in report["devices"]:
            self.assertEqual(list(device)[:12], DEVICE_KEYS)
            self.assertEqual(list(device["config"])[:5], CONFIG_KEYS)
            for record in device["records"]:
                self.assertEqual(list(record), RECORD_KEYS)

    def test_real_stream(self):
        stream = read(TWO_DEVICES)
        report = self.inspect(TWO_DEVICES)
        self.assertEqual(report["format"], "qemu")
        self.assertIs(report["complete"], True)
        self.assertEqual(report["machine"], "pc-q35-10.0")
        self.assertEqual(report["page_size"], 4096)
        self.assertEqual(report["footers"], "on")
        self.assertEqual(report["bytes"], len(stream))
        self.assertIs(report["switchover_start"], True)
        self.assertEqual([d["id"] for d in report["devices"]],
                         ["0000:00:02.0/vfio", "0000:00:03.0/vfio"])
        self.assertEqual([d["section_id"] for d in report["devices"]], [37, 38])
        for device, records in zip(report["devices"], (FIRST, SECOND)):
            state = state_of(stream, records)
            self.assertEqual(
                [(r["offset"], r["section"], r["tag"], r["size"])
                 for r in device["records"]], records)
            self.assertEqual({r["channel"] for r in device["records"]}, {0})
            self.assertEqual(device["records_omitted"], 0)
            self.assertEqual(device["precopy_bytes"], 24)
            self.assertEqual(device["stopcopy_bytes"], len(state) - 24)
            self.assertEqual(device["state_bytes"], len(state))
            self.assertEqual(device["state_sha256"],
                             hashlib.sha256(state).hexdigest())
            self.assertEqual(device["dialect"], "v2")
            self.assertEqual(device["driver"], "mtty")
            self.assertEqual(device["config"]["size"], 4116)
            self.assertEqual(device["config"]["vendor"], 0x4348)
            self.assertEqual(device["config"]["device"], 0x3253)
            self.assertEqual(device["config"]["msix_vectors"], 0)
            self.assertIs(device["complete"], True)
            self.assertGreater(len(device["driver_state"]), 5)
        self.assertEqual([len(state_of(stream, r)) for r in (FIRST, SECOND)],
                         [60, 96])

    def test_no_digest(self):
        report = self.inspect("--no-digest", TWO_DEVICES)
        whole = self.inspect(TWO_DEVICES)
        for device in whole["devices"]:
            self.assertIsNotNone(device["state_sha256"])
            device["state_sha256"] = None
        self.assertEqual(report, whole)

    def test_max_records(self):
        for limit in (0, 1, 8, 9, 10):
            with self.subTest(limit):
                report = self.inspect(f"--max-records={limit}", TWO_DEVICES)
                device = report["devices"][0]
                kept = min(limit, 9)
                self.assertEqual(len(device["records"]), kept)
                self.assertEqual(device["records_omitted"], 9 - kept)
                self.assertEqual(device["state_bytes"], 60)

    def test_stdin_gives_the_same(self):
        def nameless(report):
            for finding in report["findings"]:
                del finding["file"]
            return report

        stream = read(TWO_DEVICES)
        self.assertEqual(self.inspect("-", data=stream),
                         self.inspect(TWO_DEVICES))
        bytes_ = bare(b"abc" * 1000, pci_config(vectors=4), block=100,
                      precopy=1500)
        self.assertEqual(nameless(self.inspect("-", data=bytes_)),
                         nameless(self.inspect(self.file("bare", bytes_))))

    def test_slow_pipe(self):
        """Bytes that come one by one make no difference."""
        stream = bare(b"x" * 300, pci_config(), block=64, precopy=128)
        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read_end)
            for i in range(len(stream)):
                os.write(write_end, stream[i:i + 1])
            os._exit(0)
        os.close(write_end)
        try:
            report = self.inspect("-", stdin=read_end)
        finally:
            os.close(read_end)
            os.waitpid(child, 0)
        self.assertEqual(report, self.inspect("-", data=stream))

    def test_bare_stream(self):
        state = bytes(range(256)) * 40
        stream = bare(state, pci_config(vendor=0x8086, device=0x101e,
                                        vectors=64, size=4096),
                      block=1000, precopy=3000, init=True)
        report = self.inspect(self.file("bare", stream))
        self.assertEqual(report["format"], "stream")
        self.assertEqual(report["machine"], "")
        self.assertIs(report["complete"], True)
        device, = report["devices"]
        self.assertEqual(device["id"], "")
        self.assertEqual(device["driver"], "opaque")
        self.assertEqual(device["state_bytes"], len(state))
        self.assertEqual(device["state_sha256"],
                         hashlib.sha256(state).hexdigest())
        self.assertEqual(device["config"]["size"], 4116 + 64 * 16 + 8)
        self.assertEqual(device["config"]["vendor"], 0x8086)
        self.assertEqual(device["config"]["device"], 0x101e)
        self.assertEqual(device["config"]["class"], 0x020000)
        self.assertEqual(device["config"]["msix_vectors"], 64)
        self.assertEqual(
            [r["tag"] for r in device["records"]],
            ["SETUP", "END", "DATA", "END", "DATA", "END", "DATA",
             "INIT_DATA_SENT"] + ["DATA"] * 8 + ["END", "CONFIG", "END"])

    def test_few_records_kept_change_nothing_else(self):
        """What is counted does not depend on what is kept."""
        stream = bare(bytes(500), pci_config(), block=64, precopy=200)
        whole, = self.inspect("-", data=stream)["devices"]
        self.assertEqual((whole["parts"], whole["empty_parts"],
                          whole["precopy_bytes"]), (4, 0, 200))
        for limit in (0, 1, 2, 3):
            with self.subTest(limit):
                device, = self.inspect(f"--max-records={limit}", "-",
                                       data=stream)["devices"]
                for key in ("parts", "empty_parts", "precopy_bytes",
                            "stopcopy_bytes", "complete", "state_sha256"):
                    self.assertEqual(device[key], whole[key], key)

    def test_only_bytes_that_are_there_count(self):
        """A size that the input does not have is not the state's size."""
        container = Container()
        container.section(1, b"a/vfio", tag(SETUP) + tag(END))
        container.section(2, b"a/vfio", data(b"ab") + tag(END))
        head = tag(DATA) + struct.pack(">Q", 1 << 30) + b"cde"
        device, = self.inspect("-", data=container.bytes + b"\x02" + bytes(4) +
                               head, status=FINDINGS)["devices"]
        self.assertEqual(device["state_bytes"], 5)
        self.assertEqual(device["state_sha256"],
                         hashlib.sha256(b"abcde").hexdigest())
        device, = self.inspect("-", data=tag(SETUP) + tag(END) + data(b"ab") +
                               tag(END) + head, status=FINDINGS)["devices"]
        self.assertEqual(device["state_bytes"], 5)

    def test_peer_text_is_made_safe(self):
        """Control characters, bad UTF-8 and quotes in names."""
        name = b"a\x1b[31m\"\\\xff\xc2\x9b\n/vfio"
        container = Container(machine=b"m\x07\xfe\"")
        container.device(name, b"state", pci_config())
        report = self.inspect("-", data=container.finish(False))
        self.assertEqual(report["machine"], "m\\x07\\xfe\"")
        self.assertEqual(report["devices"][0]["id"],
                         "a\\x1b[31m\"\\x5c\\xff\\xc2\\x9b\\x0a/vfio")
        tables = self.check(run("inspect", "-", data=container.finish(False)),
                            GOOD).stdout
        self.assertNotIn(b"\x1b", tables)
        self.assertIn(b"a\\x1b[31m\"\\x5c\\xff\\xc2\\x9b\\x0a/vfio", tables)


class Reading(Case):
    """Options that say how to read."""

    def codes(self, *arguments, status=FINDINGS, **more):
        report = self.inspect(*arguments, status=status, **more)
        return [f["code"] for f in report["findings"]], report

    def test_tolerant(self):
        stream = tag(SETUP) + tag(END) + tag(SETUP) + bare(b"abc")[8:]
        codes, strict = self.codes("-", data=stream)
        self.assertEqual(codes, ["tag-order", "driver-opaque"])
        self.assertEqual(strict["findings"][0]["offset"], 16)
        codes, tolerant = self.codes("--tolerant", "-", status=GOOD,
                                     data=stream)
        self.assertEqual(codes, ["tag-order", "driver-opaque"])
        self.assertEqual([r["findings"][0]["severity"]
                          for r in (strict, tolerant)], ["error", "warning"])
        self.assertEqual(tolerant["devices"][0]["state_bytes"], 3)

    def test_dialect(self):
        stream = bare(b"abc", pci_config(), precopy=2, init=True)
        for dialect in ("v2", "any"):
            self.inspect("--dialect", dialect, "-", data=stream)
        for dialect in ("v1", "qemu-5.2"):
            codes, _ = self.codes("--dialect", dialect, "-", data=stream)
            self.assertIn("tag-order", codes)

    def test_footers(self):
        container = Container()
        container.device(b"a/vfio", b"state", pci_config())
        stream = container.finish(False)
        self.inspect("--footers=on", "-", data=stream)
        self.codes("--footers=off", "-", data=stream)
        container = Container(footers=False)
        container.device(b"a/vfio", b"state", pci_config())
        stream = container.finish(False)
        self.inspect("--footers=off", "-", data=stream)
        codes, _ = self.codes("--footers=on", "-", data=stream)
        self.assertIn("footer-missing", codes)

    def test_page_size(self):
        """From a pipe nothing says it: the option does."""
        container = Container()
        container.section(1, b"ram", struct.pack(">Q", 0x10), version=4)
        page = struct.pack(">Q", 0x8) + b"\x03ram" + bytes(8192)
        container.section(2, b"ram", page * 3 + struct.pack(">Q", 0x10))
        container.device(b"a/vfio", b"state", pci_config())
        stream = container.finish(False)
        self.codes("-", data=stream)
        report = self.inspect("--page-size=8K", "-", data=stream)
        self.assertEqual(report["page_size"], 8192)
        self.assertEqual(report["devices"][0]["state_bytes"], 5)


class Tables(Case):
    def test_what_they_say(self):
        text = self.check(run("inspect", TWO_DEVICES), GOOD).stdout.decode()
        for words in ("QEMU migration stream", "pc-q35-10.0", "4096",
                      "Device 0000:00:02.0/vfio", "Device 0000:00:03.0/vfio",
                      "mtty", "4348:3253", "4116 bytes", "234669",
                      "SETUP", "Findings"):
            self.assertIn(words, text)
        state = state_of(read(TWO_DEVICES), FIRST)
        self.assertIn(hashlib.sha256(state).hexdigest(), text)
        self.assertNotIn("\x1b", text)

    def test_many_records_are_counted_unless_asked_for(self):
        stream = bare(bytes(5000), pci_config(), block=1)
        few = self.check(run("inspect", "-", data=stream), GOOD).stdout
        self.assertLess(few.count(b"\n"), 60)
        self.assertIn(b"DATA 5000", few)
        many = self.check(run("inspect", "--records", "-", data=stream),
                          GOOD).stdout
        self.assertGreater(many.count(b"\n"), 5000)
        self.assertEqual(many.count(b" DATA "), 5001)

    def test_colour(self):
        plain = run("inspect", TWO_DEVICES).stdout
        self.assertNotIn(b"\x1b", plain)
        coloured = run("inspect", "--color=always", TWO_DEVICES,
                       env={"NO_COLOR": "1"}).stdout
        self.assertIn(b"\x1b[1m", coloured)
        # Green is only in the tables' cells.
        self.assertIn(b"\x1b[32m", coloured)
        never = run("inspect", "--color=never", TWO_DEVICES).stdout
        self.assertEqual(never, plain)

    def on_terminal(self, *arguments, env):
        """What a terminal of 120 columns receives."""
        try:
            child, terminal = pty.fork()
        except OSError as error:
            self.skipTest(f"no terminals here: {error}")
        if child == 0:
            os.environ.pop("NO_COLOR", None)
            os.environ.update({"TERM": "xterm", "COLUMNS": "120", **env})
            try:
                os.execv(MIGPROTO, [MIGPROTO, *arguments])
            finally:
                os._exit(127)
        output = b""
        while True:
            try:
                piece = os.read(terminal, 65536)
            except OSError:
                break
            if not piece:
                break
            output += piece
        os.close(terminal)
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status), output

    def test_colour_on_a_terminal(self):
        for env, expected in (({}, True), ({"NO_COLOR": "1"}, False),
                              ({"NO_COLOR": ""}, True),
                              ({"TERM": "dumb"}, False)):
            with self.subTest(env):
                status, text = self.on_terminal("inspect", TWO_DEVICES,
                                                env=env)
                self.assertEqual(status, GOOD)
                self.assertIn(b"0000:00:02.0/vfio", text)
                self.assertEqual(b"\x1b[" in text, expected)

    def test_progress_bar(self):
        """Over 64 MiB, and on a terminal only."""
        size = 1 << 30
        path = self.path("large")
        with open(path, "wb") as file:
            file.write(tag(SETUP) + tag(END) + tag(DATA) +
                       struct.pack(">Q", size))
            file.seek(size, os.SEEK_CUR)
            file.write(tag(END) + config(b""))
        status, text = self.on_terminal("inspect", path, env={})
        self.assertEqual(status, GOOD)
        self.assertIn(b"% of 1024 MiB", text)
        self.assertEqual(run("inspect", path).stderr, b"")
        status, text = self.on_terminal("inspect", TWO_DEVICES, env={})
        self.assertNotIn(b"MiB", text)

    def test_binary_output_refuses_a_terminal(self):
        for arguments in (["extract", "--device", "0000:00:02.0/vfio",
                           TWO_DEVICES], ["encode", "--state", TWO_DEVICES]):
            status, text = self.on_terminal(*arguments, env={})
            self.assertEqual(status, 2)
            self.assertIn(b"terminal", text)


class Verify(Case):
    def test_good(self):
        result = self.check(run("verify", TWO_DEVICES), GOOD)
        self.assertRegex(result.stdout, rb"two-devices.qemu: good: complete, "
                         rb"2 devices, 0 errors, 0 warnings\n$")

    def test_bad(self):
        stream = bytearray(read(TWO_DEVICES))
        stream[202221] ^= 0x80
        path = self.file("bad", bytes(stream))
        result = self.check(run("verify", path), FINDINGS)
        lines = result.stdout.decode().splitlines()
        self.assertRegex(
            lines[0], r"bad: offset 202221 \(0x315ed\): error: .* "
            r"\[unknown-tag\]$")
        self.assertRegex(lines[-1], r"bad: BAD: incomplete, 2 devices, "
                         r"[1-9]\d* errors?, \d+ warnings?$")

    def test_warnings_are_good(self):
        container = Container()
        container.device(b"x/vfio", b"state", pci_config())
        result = self.check(run("verify", "-", data=container.finish(False)),
                            GOOD)
        self.assertIn(b"warning", result.stdout)
        self.assertIn(b"[vmdesc-missing]", result.stdout)

    def test_quiet(self):
        for content, status in ((read(TWO_DEVICES), GOOD),
                              (read(TWO_DEVICES)[:-60000], FINDINGS)):
            result = self.check(run("verify", "-q", "-", data=content), status)
            self.assertEqual(result.stdout + result.stderr, b"")

    def test_json_is_that_of_inspect(self):
        for content, status in ((read(TWO_DEVICES), GOOD),
                              (read(TWO_DEVICES)[:210000], FINDINGS)):
            path = self.file("stream", content)
            self.assertEqual(
                self.check(run("verify", "--json", path), status).stdout,
                self.check(run("inspect", "--json", path), status).stdout)


if __name__ == "__main__":
    unittest.main()
