# SPDX-License-Identifier: MIT
"""serve-sim: a simulated device for vfio-user clients."""

import contextlib
import os
import signal
import socket
import struct
import unittest

from devices import DeviceCase
from support import FAILED, GOOD, run


def version_message():
    """VERSION of the vfio-user protocol: header, major 0, minor 2, JSON."""
    body = struct.pack("<HH", 0, 2) + b'{"capabilities":{}}\0'
    return struct.pack("<HHIII", 1, 1, 16 + len(body), 0, 0) + body


class Serve(DeviceCase):
    def test_one_client_after_the_other(self):
        server = self.serve("socket", "sim:size=2M,seed=5")
        self.assertEqual(server.first_line,
                         b"serving sim:size=2M,seed=5 on %s\n" %
                         server.path.encode())
        first = self.extract(self.save(server.spec, "a", "--no-precopy"))
        second = self.extract(self.save(server.spec, "b", "--no-precopy"))
        self.assertEqual(first, second)
        # The same device without a socket between gives the same bytes.
        self.assertEqual(first, self.extract(self.save(
            "sim:size=2M,seed=5", "c", "--no-precopy")))

    def test_signals_end_it(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            server = self.serve("socket")
            self.assertTrue(os.path.exists(server.path))
            status, _, error = server.stop(number)
            self.assertEqual((status, error), (GOOD, b""))
            self.assertFalse(os.path.exists(server.path))

    def test_a_signal_while_a_client_is_there(self):
        server = self.serve("socket")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(server.path)
            client.sendall(version_message())
            self.assertTrue(client.recv(16))
            status, _, error = server.stop()
        self.assertEqual((status, error), (GOOD, b""))
        self.assertFalse(os.path.exists(server.path))

    def test_once(self):
        server = self.serve("socket", "--once")
        self.probe(server.spec)
        status, _, error = server.wait()
        self.assertEqual((status, error), (GOOD, b""))
        self.assertFalse(os.path.exists(server.path))

    def test_a_client_that_talks_nonsense(self):
        server = self.serve("socket")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(server.path)
            client.sendall(b"GET / HTTP/1.1\r\n\r\n" * 10)
            with contextlib.suppress(ConnectionResetError):
                client.recv(4096)
        self.assertEqual(self.state_of(server.spec), "RUNNING")
        _, _, error = server.stop()
        self.assertIn(b"migproto: " + server.path.encode(), error)

    def test_a_client_that_goes_in_the_middle(self):
        """What it left behind is not the next one's. Like mtty too, which
        keeps its state when it is closed."""
        for number, spec in enumerate(("sim:size=1M", "sim:quirk=mtty")):
            server = self.serve(f"socket{number}", spec)
            stream = self.save(spec)
            with open(stream, "rb") as file:
                half = file.read(os.path.getsize(stream) // 2)
            # Without --reset-ok it leaves the device in RESUMING.
            result = run("load", "-", server.spec, data=half)
            self.assertIn(b"only a reset", result.stderr)
            self.assertEqual(self.state_of(server.spec), "RUNNING")

    def test_what_a_client_leaves_is_the_next_ones(self):
        server = self.serve("socket", "sim:seed=1,size=1M")
        other = self.save("sim:seed=2,size=1M", "other", "--no-precopy")
        self.check(run("load", "--stop", other, server.spec), GOOD)
        self.assertEqual(self.state_of(server.spec), "STOP")
        self.assertEqual(self.extract(self.save(server.spec, "again")),
                         self.extract(other))

    def test_a_stale_socket(self):
        path = self.path("socket")
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(path)
        server = self.serve("socket")
        self.assertEqual(self.state_of(server.spec), "RUNNING")

    def test_a_name_that_is_taken(self):
        server = self.serve("socket")
        result = self.check(run("serve-sim", server.path), FAILED)
        self.assertIn(b"in use", result.stderr)
        self.assertEqual(self.state_of(server.spec), "RUNNING")
        path = self.file("file", b"kept")
        result = self.check(run("serve-sim", path), FAILED)
        self.assertIn(b"is no socket", result.stderr)
        self.assertTrue(os.path.exists(path))

    def test_a_socket_of_another_kind(self):
        """No client of ours gets in, but somebody may be there."""
        path = self.path("socket")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.bind(path)
            before = os.lstat(path).st_ino
            result = self.check(run("serve-sim", path), FAILED)
            self.assertIn(b"in use", result.stderr)
            self.assertEqual(os.lstat(path).st_ino, before)

    def test_wrong_usage(self):
        for arguments in ([], [self.path("a"), "sim:nonsense"],
                          [self.path("a"), "sim", "sim"],
                          [self.path("x" * 120)],
                          [self.path("absent/socket")]):
            with self.subTest(arguments):
                result = self.check(run("serve-sim", *arguments), FAILED)
                self.assertEqual(result.stdout, b"")
                self.assertRegex(result.stderr, rb"^migproto: ")
        self.assertEqual(os.listdir(self.folder), [])


if __name__ == "__main__":
    unittest.main()
