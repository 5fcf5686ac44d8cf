# SPDX-License-Identifier: MIT
"""save and load: streams that verify calls good, devices that come back."""

import fcntl
import os
import signal
import struct
import subprocess
import termios
import time
import unittest

from devices import (CAN_PRE_COPY, CAN_STOP_COPY, PRE_COPY, RESUMING, RUNNING,
                     STOP, STOP_COPY, DeviceCase, FakeServer)
from support import (FAILED, FINDINGS, GOOD, MIGPROTO, TIMEOUT, TWO_DEVICES,
                     bare, pci_config, read, run, tag)

MIB = 1 << 20
# More than a pipe and the command's own buffers hold.
MUCH = "64M"
MTTY_MAGIC = 0x7e9d09898c3e2c4e


def in_pipe(file):
    """Bytes that nobody has read yet."""
    count = fcntl.ioctl(file, termios.FIONREAD, bytes(4))
    return struct.unpack("i", count)[0]


def mtty_state(major=1, minor=0, ports=1):
    """mtty's state of samples/vfio-mdev/mtty.c: header, then ports of zeros
    but for what the driver checks."""
    header = struct.pack("<QIIII", MTTY_MAGIC, major, minor, ports, 0)
    port = bytearray(36)
    port[29] = 16  # max_fifo_size
    port[30] = 14  # intr_trigger_level
    return header + bytes(port) * ports


class Save(DeviceCase):
    def test_stop_copy(self):
        for size in (1 * MIB, 3 * MIB + 17):
            path = self.save(f"sim:size={size},precopy=off")
            device, = self.inspect(path)["devices"]
            self.assertEqual(device["state_bytes"], size)
            self.assertEqual(device["precopy_bytes"] or 0, 0)
            self.assertEqual(device["config"]["size"], 0)
            self.assertEqual(device["dialect"], "v2")
            self.check(run("verify", path), GOOD)
            self.assertEqual(len(self.extract(path)), size)

    def test_precopy(self):
        path = self.save("sim:size=8M,initial=3M")
        device, = self.inspect(path)["devices"]
        self.assertGreaterEqual(device["precopy_bytes"], 3 * MIB)
        self.assertGreaterEqual(device["state_bytes"], 8 * MIB)
        # A section for each record, and nobody agreed on INIT_DATA_SENT.
        tags = [record["tag"] for record in device["records"]]
        self.assertEqual(tags[:4], ["SETUP", "END", "DATA", "END"])
        self.assertNotIn("INIT_DATA_SENT", tags)
        self.check(run("verify", path), GOOD)

    def test_no_precopy(self):
        path = self.save("sim:size=4M,initial=1M", "saved", "--no-precopy")
        device, = self.inspect(path)["devices"]
        self.assertEqual(device["precopy_bytes"] or 0, 0)

    def test_precopy_that_is_not_there(self):
        out = self.path("out")
        result = self.check(run("save", "sim:precopy=off", "--precopy", "-o",
                                out), FAILED)
        self.assertIn(b"no pre-copy", result.stderr)
        self.assertEqual(self.left_behind(), [])

    def test_a_device_that_never_runs_dry(self):
        """It changes faster than it is read; the limit ends it."""
        path = self.save("sim:size=4M,dirty-rate=900G/s,read-bw=500M/s",
                         "saved", "--precopy-limit", "9M")
        device, = self.inspect(path)["devices"]
        self.assertGreaterEqual(device["precopy_bytes"], 9 * MIB)
        self.assertLess(device["precopy_bytes"], 11 * MIB)
        self.check(run("verify", path), GOOD)

    def test_the_limit_that_nobody_gave(self):
        """Twice what STOP_COPY would give, and 64M at least."""
        for size, limit in (("1M", 64 * MIB), ("40M", 80 * MIB)):
            path = self.save(f"sim:size={size},dirty-rate=900G/s,"
                             "read-bw=500M/s")
            device, = self.inspect(path, "--no-digest")["devices"]
            self.assertGreaterEqual(device["precopy_bytes"], limit)
            self.assertLess(device["precopy_bytes"], limit + 2 * MIB)

    def test_a_device_that_never_gives_what_it_promised(self):
        """It is asked again now and then, for ten seconds and no longer."""
        before = time.monotonic()
        path = self.save("sim:size=1M,break=initial-bytes-grow")
        self.assertGreater(time.monotonic() - before, 9)
        self.check(run("verify", path), GOOD)

    def test_a_device_that_cannot_tell_what_is_left(self):
        result = self.check(run("save", "sim:size=1M,fail=INFO:EIO", "-o",
                                self.path("out")), FAILED)
        self.assertIn(b"EIO", result.stderr)
        self.assertEqual(self.left_behind(), [])

    def test_precopy_limit_of_nothing(self):
        path = self.save("sim:size=2M", "saved", "--precopy-limit=0")
        self.assertEqual(self.inspect(path)["devices"][0]["precopy_bytes"] or
                         0, 0)

    def test_summary(self):
        path = self.path("saved")
        result = self.check(run("save", "sim:size=1M", "-o", path), GOOD)
        self.assertRegex(result.stdout, rb"saved: \d+ bytes of state, \d+ by "
                         rb"pre-copy; the device was stopped for \d+ ms\n$")
        result = self.check(run("save", "-q", "sim:size=1M", "-o", path), GOOD)
        self.assertEqual(result.stdout, b"")
        self.assertEqual(result.stderr, b"")

    def test_standard_output(self):
        result = self.check(run("save", "sim:size=2M,precopy=off"), GOOD)
        path = self.save("sim:size=2M,precopy=off")
        self.assertEqual(result.stdout, read(path))
        self.assertEqual(result.stderr, b"")

    def test_the_device_goes_back(self):
        server = self.serve("socket", "sim:quirk=mtty")
        self.save(server.spec)
        self.assertEqual(self.state_of(server.spec), "RUNNING")
        self.save(server.spec, "saved", "--leave-stopped")
        self.assertEqual(self.state_of(server.spec), "STOP")
        # A device that was stopped before stays so.
        path = self.save(server.spec)
        self.assertEqual(self.state_of(server.spec), "STOP")
        self.check(run("verify", path), GOOD)
        result = self.check(run("save", "--precopy", server.spec, "-o",
                                self.path("other")), FAILED)
        self.assertIn(b"stopped", result.stderr)

    def test_failures(self):
        """Whatever fails: no file, and the device is said to be back."""
        for fault in ("READ:EIO", "READ:EIO@2", "READ:ENODEV@3",
                      "SET:STOP_COPY:EIO", "SET:PRE_COPY:EBUSY"):
            with self.subTest(fault):
                result = self.check(
                    run("save", f"sim:size=4M,initial=1M,fail={fault}", "-o",
                        self.path("out")), FAILED)
                self.assertIn(b"is in state RUNNING", result.stderr)
                self.assertEqual(result.stdout, b"")
                self.assertEqual(self.left_behind(), [])

    def test_a_device_that_is_reset_on_the_way(self):
        result = self.check(run("save", "sim:size=8M,reset-after=3M", "-o",
                                self.path("out")), FAILED)
        self.assertIn(b"reset", result.stderr)
        self.assertIn(b"is in state RUNNING", result.stderr)
        self.assertEqual(self.left_behind(), [])

    def test_a_device_that_only_a_reset_brings_back(self):
        spec = "sim:size=8M,initial=4M,fail=READ:EIO@2,fail=SET:RUNNING:EIO"
        result = self.check(run("save", spec, "-o", self.path("out")), FAILED)
        self.assertIn(b"only a reset brings it back", result.stderr)
        result = self.check(run("save", spec, "--reset-ok", "-o",
                                self.path("out")), FAILED)
        self.assertIn(b"was reset, and is in state RUNNING", result.stderr)
        self.assertEqual(self.left_behind(), [])

    def test_a_device_that_does_not_go_back(self):
        """The file is whole nevertheless, and perhaps all that there is."""
        path = self.path("out")
        result = self.check(run("save", "sim:size=2M,fail=SET:RUNNING:EIO",
                                "--no-precopy", "-o", path), FAILED)
        self.assertIn(b"the state was saved, but", result.stderr)
        self.check(run("verify", path), GOOD)

    def test_a_server_that_dies(self):
        server = self.serve("socket", "sim:size=1G,read-bw=20M/s")
        process = subprocess.Popen(
            [MIGPROTO, "save", server.spec, "-o", self.path("out")],
            stderr=subprocess.PIPE)
        end = time.monotonic() + TIMEOUT
        while not self.left_behind() and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.2)
        server.stop(signal.SIGKILL)
        error = process.communicate(timeout=TIMEOUT)[1]
        self.assertEqual(process.returncode, FAILED, error)
        self.assertIn(server.spec.encode(), error)
        self.assertIn(b"which state the device is in is not known", error)
        self.assertNotIn(b"the device is in state", error)
        self.assertEqual(self.left_behind(), [])

    def test_an_output_that_cannot_be(self):
        server = self.serve("socket")
        result = self.check(run("save", server.spec, "-o",
                                self.path("absent/out")), FAILED)
        self.assertIn(b"No such file", result.stderr)
        if os.path.exists("/dev/full"):
            result = self.check(run("save", server.spec, "-o", "/dev/full"),
                                FAILED)
            self.assertIn(b"No space", result.stderr)
            self.assertIn(b"is in state RUNNING", result.stderr)
        self.assertEqual(self.state_of(server.spec), "RUNNING")

    def test_a_device_that_cannot_be_opened(self):
        result = self.check(run("save", "vfio-user:" + self.path("absent"),
                                "-o", self.path("out")), FAILED)
        self.assertIn(b"start the vfio-user server", result.stderr)
        self.assertEqual(self.left_behind(), [])

    def test_wrong_usage(self):
        for arguments in ([], ["sim", "sim"], ["sim", "--precopy",
                                               "--no-precopy"],
                          ["sim", "--precopy-limit=x"]):
            self.check(run("save", "-o", self.path("out"), *arguments), FAILED)
        self.assertEqual(self.left_behind(), [])


class Load(DeviceCase):
    def move(self, options, *save_arguments):
        """Save one served device into another, which then has the same."""
        first = self.serve("first", f"sim:seed=1,{options}")
        second = self.serve("second", f"sim:seed=2,{options}")
        plain = self.extract(self.save(first.spec, "plain", "--no-precopy"))
        other = self.extract(self.save(second.spec, "other", "--no-precopy"))
        self.assertNotEqual(plain, other)
        path = self.save(first.spec, "moved", *save_arguments)
        result = self.check(run("load", path, second.spec), GOOD)
        self.assertIn(b"the device is in state RUNNING", result.stdout)
        self.assertEqual(result.stderr, b"")
        again = self.extract(self.save(second.spec, "again", "--no-precopy"))
        self.assertEqual(again, plain)
        first.stop()
        second.stop()

    def test_into_another_device(self):
        self.move("size=3M", "--no-precopy")

    def test_into_another_device_with_precopy(self):
        self.move("size=3M,initial=1M")

    def test_a_device_like_mtty(self):
        self.move("quirk=mtty", "--no-precopy")

    def test_a_device_like_mtty_with_precopy(self):
        self.move("quirk=mtty")

    def test_simulated(self):
        for options in ("size=1M", "size=1M,precopy=off", "quirk=mlx5",
                        "quirk=virtio", "quirk=hisi", "quirk=qat",
                        "quirk=pds"):
            with self.subTest(options):
                path = self.save(f"sim:{options}")
                result = self.check(run("load", path, f"sim:{options}"), GOOD)
                self.assertIn(b"bytes of state loaded", result.stdout)
                self.check(run("load", "-q", path, f"sim:{options}"), GOOD)

    def test_from_a_pipe(self):
        stream = read(self.save("sim:size=3M"))
        result = self.check(run("load", "-", "sim:size=3M", data=stream), GOOD)
        self.assertIn(b"bytes of state loaded", result.stdout)
        # In pieces of one byte too.
        stream = read(self.save("sim:quirk=mtty"))
        process = subprocess.Popen([MIGPROTO, "load", "-", "sim:quirk=mtty"],
                                   stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)
        for position in range(len(stream)):
            process.stdin.write(stream[position:position + 1])
            process.stdin.flush()
        process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, GOOD)

    def test_stop(self):
        server = self.serve("socket", "sim:quirk=mtty")
        path = self.save("sim:quirk=mtty")
        result = self.check(run("load", "--stop", path, server.spec), GOOD)
        self.assertIn(b"the device is in state STOP\n", result.stdout)
        self.assertEqual(self.state_of(server.spec), "STOP")

    def test_config_is_the_vmms(self):
        state = self.extract(self.save("sim:size=1M"))
        stream = bare(state, pci_config())
        for file in (self.file("stream", stream), "-"):
            result = self.check(run("load", file, "sim:size=1M", data=stream),
                                GOOD)
            self.assertIn(b"are not loaded: PCI config", result.stderr)

    def test_a_qemu_stream(self):
        content = read(TWO_DEVICES)
        for file, data in ((TWO_DEVICES, b""), ("-", content)):
            result = self.check(run("load", file, "sim", data=data), FAILED)
            self.assertIn(b"bare stream", result.stderr)
            self.assertIn(b"migproto extract %s --stream " % file.encode(),
                          result.stderr)
        for start in (b"LibvirtQemudSave", b"\x11\x22\x33\x44"):
            result = self.check(run("load", "-", "sim",
                                    data=start + bytes(500)), FAILED)
            self.assertIn(b"bare stream", result.stderr)

    def test_no_stream(self):
        for data in (b"", b"\0", b"nonsense", b"none", bytes(1000),
                     bytes(self.use_random().choices(range(255), k=500))):
            for file in (self.file("stream", data), "-"):
                with self.subTest((file, data)):
                    result = self.check(run("load", file, "sim", data=data),
                                        FAILED)
                    self.assertIn(b"[not-a-stream]", result.stderr)
                    self.assertEqual(result.stdout, b"")
            # Standard input may be a file, too.
            with open(self.path("stream"), "rb") as file:
                self.check(run("load", "-", "sim", stdin=file), FAILED)

    def test_the_first_bytes_of_a_stream(self):
        """A pipe has the same exit status as a file."""
        stream = read(self.save("sim:size=1M"))
        for size in range(1, 25):
            for file in (self.file("stream", stream[:size]), "-"):
                with self.subTest((file, size)):
                    self.check(run("load", file, "sim:size=1M", "--reset-ok",
                                   data=stream[:size]), FINDINGS)

    def test_a_device_that_does_not_run_with_its_new_state(self):
        """It was RUNNING before, but with another state."""
        result = self.check(run("load", self.save("sim:size=1M"),
                                "sim:size=1M,fail=SET:RUNNING:EIO"), FAILED)
        self.assertIn(b"the device is in state STOP\n", result.stderr)
        self.assertEqual(result.stdout, b"")

    def cuts(self, stream):
        return sorted(self.use_random().sample(range(1, len(stream)), 12) +
                      [8, 16, len(stream) - 16, len(stream) - 1])

    def test_a_cut_file_does_not_reach_the_device(self):
        """The device could not even be opened."""
        stream = read(self.save("sim:size=1M"))
        for cut in self.cuts(stream):
            with self.subTest(cut):
                file = self.file("stream", stream[:cut])
                result = run("load", file, "vfio-user:" + self.path("absent"))
                self.check(result, FINDINGS if cut >= 8 else FAILED)
                if cut >= 8:
                    self.assertIn(b"nothing was loaded", result.stderr)

    def test_a_cut_pipe_is_never_loaded(self):
        server = self.serve("socket", "sim:seed=2,size=1M")
        before = self.extract(self.save(server.spec, "before",
                                        "--no-precopy"))
        stream = read(self.save("sim:seed=1,size=1M"))
        for cut in self.cuts(stream):
            with self.subTest(cut):
                result = self.check(run("load", "-", server.spec,
                                        "--reset-ok", data=stream[:cut]),
                                    FINDINGS)
                self.assertIn(b"is in state RUNNING", result.stderr)
                self.assertEqual(result.stdout, b"")
        self.assertEqual(self.state_of(server.spec), "RUNNING")
        self.assertNotEqual(before, self.extract(self.save(
            "sim:seed=1,size=1M", "first", "--no-precopy")))
        self.assertEqual(before, self.extract(self.save(
            server.spec, "after", "--no-precopy")))

    def test_only_a_reset_helps(self):
        stream = read(self.save("sim:size=1M"))
        cut = stream[:len(stream) // 2]
        result = self.check(run("load", "-", "sim:size=1M", data=cut),
                            FINDINGS)
        self.assertIn(b"only a reset brings it back", result.stderr)
        self.assertIn(b"--reset-ok", result.stderr)
        result = self.check(run("load", "-", "sim:size=1M", "--reset-ok",
                                data=cut), FINDINGS)
        self.assertIn(b"was reset", result.stderr)
        self.assertIn(b"is in state RUNNING", result.stderr)

    def test_a_device_that_refuses(self):
        path = self.save("sim:size=2M")
        for fault in ("WRITE:EINVAL", "WRITE:EFAULT@2", "SET:STOP:EINVAL@2"):
            spec = f"sim:size=2M,fail={fault}"
            with self.subTest(fault):
                result = self.check(run("load", path, spec), FINDINGS)
                self.assertIn(b"only a reset", result.stderr)
                self.assertEqual(result.stdout, b"")
                result = self.check(run("load", path, spec, "--reset-ok"),
                                    FINDINGS)
                self.assertIn(b"was reset, and is in state RUNNING",
                              result.stderr)

    def test_where_and_what_is_refused(self):
        path = self.save("sim:quirk=mtty")
        for fault, where, taken in (("WRITE:EINVAL", b"at byte 0", 0),
                                    ("WRITE:EINVAL@2", b"at byte 24", 24),
                                    ("SET:STOP:EINVAL@2", b"at the end", 60)):
            with self.subTest(fault):
                result = self.check(
                    run("load", path, f"sim:quirk=mtty,fail={fault}"),
                    FINDINGS)
                self.assertIn(
                    b"migproto: %s: refused %s of its state (%d bytes taken): "
                    % (path.encode(), where, taken), result.stderr)
                self.assertIn(b"EINVAL", result.stderr)
                self.assertIn(b"; the state is mtty's; the device is PCI "
                              b"4348:3253\n", result.stderr)

    def test_a_refused_header_is_not_in_the_device(self):
        """mtty would load the header that it has just refused."""
        server = self.serve("socket", "sim:quirk=mtty,seed=3")
        before = self.extract(self.save(server.spec, "before",
                                        "--no-precopy"))
        # Not mtty's magic, so that only the driver can know.
        bad = bytearray(self.extract(self.save("sim:quirk=mtty,seed=4")))
        bad[0] ^= 0xff
        path = self.file("stream", bare(bytes(bad)))
        result = self.check(run("load", path, server.spec, "--reset-ok"),
                            FINDINGS)
        self.assertIn(b"was reset, and is in state RUNNING", result.stderr)
        after = self.extract(self.save(server.spec, "after", "--no-precopy"))
        self.assertEqual(len(after), len(before))
        self.assertNotIn(bytes(bad[24:]), after)

    def test_a_driver_record_that_is_cut(self):
        state = mtty_state()
        for bad, code in ((state[:50], b"driver-state-short"),
                          (mtty_state(major=2), b"driver-header")):
            for file in (self.file("stream", bare(bad)), "-"):
                result = self.check(
                    run("load", file, "sim:quirk=mtty", "--reset-ok",
                        data=bare(bad)), FINDINGS)
                self.assertIn(code, result.stderr)
                self.assertEqual(result.stdout, b"")

    def test_a_warning_is_said_once_and_does_not_stop_it(self):
        """mtty takes a FIFO count that is too large."""
        state = bytearray(mtty_state())
        state[24 + 26] = 17
        stream = bare(bytes(state))
        for file in (self.file("stream", stream), "-"):
            result = self.check(run("load", file, "sim:quirk=mtty",
                                    data=stream), GOOD)
            self.assertEqual(result.stderr.count(b"warning: "), 1)
            self.assertIn(b"[driver-field]", result.stderr)

    def test_a_bad_header_does_not_reach_the_device(self):
        """From a pipe: it is seen before the device would lose its state."""
        server = self.serve("socket", "sim:quirk=mtty,seed=3")
        before = self.extract(self.save(server.spec, "before",
                                        "--no-precopy"))
        result = self.check(run("load", "-", server.spec, "--reset-ok",
                                data=bare(mtty_state(major=2))), FINDINGS)
        self.assertIn(b"driver-header", result.stderr)
        self.assertNotIn(b"was reset", result.stderr)
        self.assertEqual(self.extract(self.save(
            server.spec, "after", "--no-precopy")), before)

    def test_bytes_behind_the_stream(self):
        stream = read(self.save("sim:size=1M")) + tag(3)
        for file in (self.file("stream", stream), "-"):
            result = run("load", file, "sim:size=1M", "--reset-ok",
                         data=stream)
            self.check(result, FINDINGS)

    def test_operands_in_the_wrong_order(self):
        path = self.save("sim:size=1M")
        for spec in ("sim", "sim:size=1M", "vfio:fd:3", "vfio-user:x"):
            result = self.check(run("load", spec, path), FAILED)
            self.assertIn(b"FILE comes first, then SPEC", result.stderr)
        # A file may have such a name.
        os.rename(path, self.path("sim"))
        self.check(run("load", "sim", "sim:size=1M", cwd=self.folder), GOOD)

    def test_wrong_usage(self):
        for arguments in ([], ["sim"], ["-", "sim", "sim"],
                          [self.path("absent"), "sim"]):
            self.check(run("load", *arguments), FAILED)


class Signals(DeviceCase):
    """A save or a load that is interrupted brings its device back."""

    def start(self, *arguments, **more):
        return subprocess.Popen([MIGPROTO, *arguments],
                                stderr=subprocess.PIPE, **more)

    def wait_for(self, condition):
        end = time.monotonic() + TIMEOUT
        while not condition():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)

    def finish(self, process, number):
        error = process.communicate(timeout=TIMEOUT)[1]
        self.assertEqual(process.returncode, -number, error)
        return error

    def test_save(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number):
                process = self.start("save", "sim:size=1G,read-bw=20M/s",
                                     "-o", self.path("out"))
                self.wait_for(lambda: any(
                    os.path.getsize(self.path(name)) > MIB
                    for name in self.left_behind()))
                process.send_signal(number)
                error = self.finish(process, number)
                self.assertIn(b"interrupted; the device is in state RUNNING",
                              error)
                self.assertEqual(self.left_behind(), [])

    def while_held(self, server, *arguments, number=signal.SIGINT):
        """Signal the command when a state change is on its way, and see that
        it ends by the signal; returns what it printed and said."""
        process = self.start(*arguments, stdout=subprocess.PIPE)
        self.assertTrue(server.holds.wait(TIMEOUT))
        process.send_signal(number)
        time.sleep(0.1)
        server.let_go()
        out, error = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, -number, error)
        return out, error

    def test_save_while_a_state_change_is_on_its_way(self):
        for now, can, hold in (
                (RUNNING, CAN_STOP_COPY | CAN_PRE_COPY, PRE_COPY),
                (RUNNING, CAN_STOP_COPY | CAN_PRE_COPY, STOP_COPY),
                (RUNNING, CAN_STOP_COPY, STOP_COPY),
                (STOP, CAN_STOP_COPY, STOP_COPY)):
            with self.subTest((now, can, hold)), FakeServer(
                    self.path(f"socket{now}{can}{hold}"), bytes(100), now, can,
                    hold) as server:
                out, error = self.while_held(server, "save", server.spec, "-o",
                                             self.path("out"))
                self.assertIn(b"interrupted; the device is in state " +
                              (b"RUNNING" if now == RUNNING else b"STOP") +
                              b"\n", error)
                self.assertEqual(server.now, now)
                self.assertEqual(out, b"")
                self.assertEqual(self.left_behind(), [])

    def test_save_when_the_file_is_there(self):
        """Nothing is taken back any more, and what was saved is said."""
        for now, hold in ((RUNNING, RUNNING), (STOP, STOP)):
            with self.subTest(now), FakeServer(
                    self.path(f"socket{now}"), bytes(100), now,
                    hold=hold) as server:
                out, error = self.while_held(server, "save", server.spec, "-o",
                                             self.path("out"))
                self.assertEqual(error, b"")
                self.assertIn(b"out: 100 bytes of state, ", out)
                self.assertEqual(server.now, now)
                self.check(run("verify", self.path("out")), GOOD)
                os.unlink(self.path("out"))

    def test_load_while_a_state_change_is_on_its_way(self):
        path = self.save("sim:quirk=mtty")
        for hold, end, words in (
                (RESUMING, RESUMING, b"state RESUMING\n"),
                # It has its new state: there is no way back.
                (STOP, STOP, b"state STOP\n"),
                (RUNNING, STOP, b"state STOP\n")):
            with self.subTest(hold), FakeServer(
                    self.path(f"socket{hold}"), bytes(100), RUNNING,
                    hold=hold) as server:
                out, error = self.while_held(server, "load", path, server.spec,
                                             number=signal.SIGTERM)
                self.assertIn(b"interrupted; the device is in " + words, error)
                self.assertEqual(b"only a reset brings it back" in error,
                                 hold == RESUMING)
                self.assertEqual(server.now, end)
                self.assertEqual(out, b"")

    def test_save_into_a_pipe_that_is_full(self):
        process = self.start("save", "sim:size=" + MUCH,
                             stdout=subprocess.PIPE)
        self.wait_for(lambda: in_pipe(process.stdout) >= 1 << 15)
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        error = process.stderr.read()
        process.stdout.close()
        process.stderr.close()
        self.assertEqual(process.wait(timeout=TIMEOUT), -signal.SIGINT)
        self.assertIn(b"interrupted; the device is in state RUNNING", error)

    def test_load_from_a_pipe_that_is_empty(self):
        stream = read(self.save("sim:size=1M"))
        process = self.start("load", "-", "sim:size=1M", "--reset-ok",
                             stdin=subprocess.PIPE)
        process.stdin.write(stream[:len(stream) // 2])
        process.stdin.flush()
        # More than a pipe holds, so that it is in the middle of loading.
        self.wait_for(lambda: in_pipe(process.stdin) == 0)
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        error = process.stderr.read()
        process.stdin.close()
        process.stderr.close()
        self.assertEqual(process.wait(timeout=TIMEOUT), -signal.SIGTERM)
        self.assertIn(b"interrupted; the device was reset, and is in state "
                      b"RUNNING", error)

    def test_a_second_signal_ends_at_once(self):
        """The driver's call takes ten minutes here."""
        process = self.start(
            "load", self.save("sim:size=1M"),
            "sim:size=1M,load-setup=600s")
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        self.finish(process, signal.SIGINT)


if __name__ == "__main__":
    unittest.main()
