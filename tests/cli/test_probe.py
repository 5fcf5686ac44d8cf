# SPDX-License-Identifier: MIT
"""probe: what a device can do, and what is said of one that cannot."""

import errno
import json
import os
import socket
import unittest

from devices import (CAN_P2P, CAN_PRE_COPY, CAN_STOP_COPY, PRE_COPY,
                     RUNNING_P2P, DeviceCase, FakeServer)
from support import FAILED, FINDINGS, GOOD, run

PCI = "0000:3b:00.2"


class Probe(DeviceCase):
    def refused(self, spec, *arguments, env=None):
        """The error of the one device of a probe that could not ask it."""
        device, = self.probe(spec, *arguments, status=FAILED, env=env)
        self.assertEqual(device["spec"], spec)
        self.assertIsNone(device["can_migrate"])
        self.assertTrue(device["error"]["text"])
        text = self.check(run("probe", spec, *arguments, env=env), FAILED)
        self.assertIn(b": could not be opened\n", text.stdout)
        self.assertIn(device["error"]["text"].encode(), text.stdout)
        self.assertIn(device["error"]["advice"].encode(), text.stdout)
        return device["error"]

    def test_simulated(self):
        device, = self.probe("sim:size=3M")
        self.assertTrue(device["can_migrate"])
        self.assertEqual(device["backend"], "sim")
        self.assertEqual(device["migration"], ["STOP_COPY", "P2P", "PRE_COPY"])
        self.assertEqual(device["state"], "RUNNING")
        self.assertEqual(device["stop_copy_bytes"], 3 << 20)
        for name in ("precopy", "dma_logging", "reset"):
            self.assertTrue(device[name], name)
        self.assertNotIn("error", device)

    def test_flags(self):
        cases = {"precopy=off,p2p=off": ["STOP_COPY"],
                 "precopy=off": ["STOP_COPY", "P2P"],
                 "p2p=off": ["STOP_COPY", "PRE_COPY"]}
        for options, flags in cases.items():
            device, = self.probe("sim:" + options)
            self.assertEqual(device["migration"], flags)
            self.assertEqual(device["precopy"], "PRE_COPY" in flags)

    def test_quirks(self):
        """Facts of the drivers; mtty's are those of a real one."""
        mtty, pds = self.probe("sim:quirk=mtty", "sim:quirk=pds")
        self.assertEqual((mtty["vendor"], mtty["device"]), (0x4348, 0x3253))
        self.assertEqual(mtty["stop_copy_bytes"], 60)
        self.assertEqual(pds["migration"], ["STOP_COPY", "P2P"])

    def test_table(self):
        result = self.check(run("probe", "sim:size=1M", "sim:precopy=off"),
                            GOOD)
        text = result.stdout.decode()
        self.assertEqual(text.count("can be migrated\n"), 2)
        for words in ("STOP_COPY P2P PRE_COPY", "RUNNING", "1048576",
                      "sim:size=1M: can be migrated\n"):
            self.assertIn(words, text)

    def test_nothing_changes(self):
        server = self.serve("socket", "sim:quirk=mtty")
        for _ in range(3):
            device, = self.probe(server.spec)
            self.assertEqual(device["backend"], "vfio-user")
            self.assertEqual(device["state"], "RUNNING")
            self.assertTrue(device["can_migrate"])

    def test_a_device_without_migration(self):
        with FakeServer(self.path("socket")) as server:
            device, = self.probe(server.spec, status=FINDINGS)
            self.assertIs(device["can_migrate"], False)
            self.assertEqual(device["error"]["code"], "no-migration")
            result = self.check(run("probe", server.spec), FINDINGS)
            self.assertIn(b"socket: cannot be migrated\n", result.stdout)

    def test_a_device_that_runs_without_p2p(self):
        for now, good in ((RUNNING_P2P, True), (PRE_COPY, False)):
            with FakeServer(self.path(f"socket{now}"), b"", now,
                            CAN_STOP_COPY | CAN_P2P | CAN_PRE_COPY) as server:
                device, = self.probe(server.spec,
                                     status=GOOD if good else FINDINGS)
                self.assertIs(device["can_migrate"], good)

    def test_a_spec_of_any_bytes(self):
        """JSON stays JSON, and a terminal gets no controls."""
        for spec, more in (
                (b"vfio:/dev/vfio/\xff\xfe\x1b[31m", ["--reset-ok"]),
                (b"vfio:/dev/vfio/\xff\xfe\x1b[31m", []),
                (b"vfio-user:/\xff\x1b[31m", []),
                (b"/dev/vfio/\x9b\xff\x1b[31m", []),
                (b"sim:\xff\x1b[31m", [])):
            with self.subTest(spec):
                device, = self.probe(spec, *more, status=FAILED)
                self.assertIn("\\xff", device["spec"])
                result = self.check(run("probe", spec, *more), FAILED)
                self.assertRegex(result.stdout, rb"\A[\n -~]*\Z")
                self.assertIn(b"\\x1b[31m: could not be opened\n",
                              result.stdout)
                self.assertIn(device["error"]["advice"].encode(),
                              result.stdout)

    def test_the_highest_status_of_several(self):
        absent = "vfio-user:" + self.path("absent")
        with FakeServer(self.path("socket")) as server:
            for specs, status, expected in (
                    (["sim", server.spec, "sim:seed=2"], FINDINGS,
                     [True, False, True]),
                    (["sim", absent, "sim:seed=2"], FAILED,
                     [True, None, True]),
                    ([absent, server.spec], FAILED, [None, False])):
                devices = self.probe(*specs, status=status)
                self.assertEqual([d["can_migrate"] for d in devices],
                                 expected)

    def test_a_spec_that_is_none(self):
        for spec in ("", "nonsense", "sim:nonsense", "sim:size=x", "vfio:",
                     "vfio:fd:x", "vfio-user:"):
            with self.subTest(spec):
                self.refused(spec)

    def test_an_empty_option_has_a_name(self):
        self.assertIn("an empty name is no option",
                      self.refused("sim:,")["text"])
        self.assertNotIn("--reset-ok", self.refused("vfio:")["advice"])

    def test_a_word_that_looks_like_a_device(self):
        for word, spec in ((PCI, "vfio:" + PCI), (PCI[5:], "vfio:" + PCI),
                           ("/dev/vfio/7", "vfio:/dev/vfio/7")):
            self.assertIn("write " + spec, self.refused(word)["advice"])
        for word in ("nonsense", PCI[:-1], PCI + "0", "/dev/null"):
            self.assertEqual(self.refused(word)["advice"], "")

    def test_no_such_socket(self):
        error = self.refused("vfio-user:" + self.path("absent"))
        self.assertIn("start the vfio-user server", error["advice"])

    def test_a_socket_that_nobody_listens_on(self):
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(self.path("socket"))
        error = self.refused("vfio-user:" + self.path("socket"))
        self.assertIn("nobody listens", error["advice"])

    def test_a_file_that_is_no_device(self):
        with open(self.file("file", b""), "rb") as file:
            result = run("probe", "--json", f"vfio:fd:{file.fileno()}",
                         pass_fds=[file.fileno()])
        device, = json.loads(self.check(result, FAILED).stdout)["devices"]
        self.assertIsNone(device["can_migrate"])
        self.assertIn("no fd of a VFIO device", device["error"]["text"])
        self.assertEqual(device["error"]["errno"], errno.ENOTTY)
        self.assertIn("VFIO_GROUP_GET_DEVICE_FD", device["error"]["advice"])

    def test_an_fd_that_was_not_inherited(self):
        error = self.refused("vfio:fd:99")
        self.assertEqual(error["errno"], errno.EBADF)
        self.assertIn("99<>FILE", error["advice"])

    def test_no_such_file(self):
        for spec, words in (
                ("vfio:/dev/vfio/devices/vfio4000000", "VFIO_DEVICE_CDEV"),
                ("vfio:/dev/vfio/4000000,name=" + PCI, "bound to a VFIO")):
            for more in ([], ["--reset-ok"]):
                with self.subTest((spec, more)):
                    error = self.refused(spec, *more)
                    self.assertIn("there is no /dev/vfio/",
                                  error["advice" if more else "text"])
                    self.assertIn(words, error["advice"])

    @unittest.skipIf(os.geteuid() == 0, "root may open every file")
    def test_no_permission(self):
        path = self.file("vfio0", b"")
        os.chmod(path, 0)
        error = self.refused("vfio:" + path, "--reset-ok")
        self.assertIn("chown", error["advice"])

    def test_a_path_wants_reset_ok(self):
        path = self.file("vfio0", b"")
        error = self.refused("vfio:" + path)
        self.assertIn("--reset-ok", error["advice"])
        error = self.refused("vfio:" + path, "--reset-ok")
        self.assertNotIn("--reset-ok", error["advice"])


class Sysfs(DeviceCase):
    """Advice from what sysfs says, here a made-up one."""

    def sysfs(self, vendor="0x15b3", cls="0x020000", driver=None):
        device = os.path.join(self.folder, "bus/pci/devices", PCI)
        os.makedirs(device)
        for name, text in (("vendor", vendor), ("class", cls)):
            with open(os.path.join(device, name), "w",
                      encoding="ascii") as file:
                file.write(text + "\n")
        if driver is not None:
            os.symlink("../../../bus/pci/drivers/" + driver,
                       os.path.join(device, "driver"))

    def error(self, *arguments):
        device, = self.probe(*arguments, status=FAILED,
                             env={"MIGPROTO_SYSFS": self.folder})
        return device["error"]

    def advice(self):
        error = self.error("vfio:" + PCI)
        return error["text"] + "; " + error["advice"]

    def test_no_such_device(self):
        """Not that it may be reset: allowing that would not help."""
        error = self.error("vfio:" + PCI)
        self.assertEqual(error["text"], "there is no PCI device " + PCI)
        self.assertRegex(error["advice"], "^lspci -D")
        error = self.error("vfio:" + PCI, "--reset-ok")
        self.assertIn("no PCI device " + PCI, error["advice"])

    def test_no_such_mdev(self):
        error = self.error("vfio:83b8f4f2-509f")
        self.assertEqual(error["text"],
                         "there is no mediated device 83b8f4f2-509f")

    def test_no_driver(self):
        self.sysfs()
        text = self.advice()
        self.assertIn("no driver is bound", text)
        self.assertIn("modprobe mlx5_vfio_pci", text)
        self.assertIn(f"echo mlx5_vfio_pci > /sys/bus/pci/devices/{PCI}/"
                      "driver_override", text)
        self.assertIn(f"echo {PCI} > /sys/bus/pci/drivers_probe", text)
        self.assertNotIn("unbind", text)

    def test_another_driver(self):
        self.sysfs(driver="mlx5_core")
        text = self.advice()
        self.assertIn("mlx5_core is no VFIO driver", text)
        self.assertIn("driver/unbind", text)

    def test_each_vendor(self):
        cases = (("0x1af4", "0x020000", "virtio_vfio_pci"),
                 ("0x19e5", "0x120000", "hisi_acc_vfio_pci"),
                 ("0x1dd8", "0x020000", "pds_vfio_pci"),
                 ("0x8086", "0x0b4000", "qat_vfio_pci"),
                 ("0x8086", "0x030000", "xe-vfio-pci"))
        for number, (vendor, cls, driver) in enumerate(cases):
            with self.subTest(driver):
                self.folder = os.path.join(self.folder, str(number))
                self.sysfs(vendor, cls)
                self.assertIn(f"echo {driver} >", self.advice())

    def test_a_vendor_without_a_driver(self):
        self.sysfs(vendor="0x8086", cls="0x020000", driver="e1000e")
        text = self.advice()
        self.assertIn("none is known for PCI vendor 8086", text)
        self.assertNotIn("driver_override", text)

    def test_a_vfio_driver_wants_reset_ok(self):
        self.sysfs(driver="mlx5_vfio_pci")
        self.assertIn("--reset-ok", self.advice())


class Usage(DeviceCase):
    def test_wrong_usage(self):
        for arguments in ([], ["--reset-ok"], ["--json=x", "sim"]):
            self.check(run("probe", *arguments), FAILED)


if __name__ == "__main__":
    unittest.main()
