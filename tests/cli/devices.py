# SPDX-License-Identifier: MIT
"""What the tests of the commands for devices share: a served device."""

import contextlib
import errno
import json
import os
import signal
import socket
import struct
import subprocess
import threading

from support import GOOD, MIGPROTO, TIMEOUT, Case, read, run


class Server:
    """A `migproto serve-sim` that runs."""

    def __init__(self, path, *arguments):
        self.path = path
        self.process = subprocess.Popen(
            [MIGPROTO, "serve-sim", path, *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.first_line = self.process.stdout.readline()

    @property
    def spec(self):
        return "vfio-user:" + self.path

    def stop(self, number=signal.SIGTERM):
        """End it by a signal; returns the status and what it said."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()

    def wait(self):
        out, error = self.process.communicate(timeout=TIMEOUT)
        return self.process.returncode, self.first_line + out, error


VERSION = 1
GET_INFO = 4
DEVICE_FEATURE = 16
MIG_DATA_READ = 17
MIG_DATA_WRITE = 18
# Of DEVICE_FEATURE's flags; an index is in the low 16 bits.
SET = 1 << 17
PROBE = 1 << 18
MIGRATION = 1
STATE = 2
# enum vfio_device_mig_state, and what a device can do.
STOP, RUNNING, STOP_COPY, RESUMING, RUNNING_P2P, PRE_COPY = range(1, 7)
CAN_STOP_COPY, CAN_P2P, CAN_PRE_COPY = 1, 2, 4


class FakeServer:
    """A vfio-user server of a device whose whole state is told: without one
    it has no migration, otherwise it has STOP_COPY. Going into the state
    `hold` takes until let_go() is called."""

    def __init__(self, path, state=None, now=RUNNING, can=CAN_STOP_COPY,
                 hold=None):
        self.spec = "vfio-user:" + path
        self.state = state
        self.unread = b""
        self.now = now
        self.can = can
        self.hold = hold
        self.holds = threading.Event()
        self.go = threading.Event()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.go.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()

    def let_go(self):
        self.go.set()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                with self.listener.accept()[0] as client:
                    while self.answer(client):
                        pass

    def answer(self, client):
        head = client.recv(16, socket.MSG_WAITALL)
        if len(head) < 16:
            return False
        number, command, size, _, _ = struct.unpack("<HHIII", head)
        request = client.recv(size - 16, socket.MSG_WAITALL)
        body = self.reply(command, request)
        flags, error = (1, 0) if body is not None else (0x21, errno.ENOTTY)
        body = body or b""
        client.sendall(struct.pack("<HHIII", number, command, 16 + len(body),
                                   flags, error) + body)
        return True

    def reply(self, command, request):
        """The body; None for ENOTTY."""
        if command == VERSION:
            return struct.pack("<HH", 0, 1) + b'{"capabilities":{}}\0'
        if command == GET_INFO:  # PCI, nine regions, five interrupts
            return struct.pack("<IIII", 16, 2, 9, 5)
        if self.state is None:
            return None
        if command == MIG_DATA_READ:
            count = struct.unpack_from("<I", request, 4)[0]
            got, self.unread = self.unread[:count], self.unread[count:]
            return struct.pack("<II", 8 + len(got), len(got)) + got
        if command == MIG_DATA_WRITE:
            return b""
        if command == DEVICE_FEATURE:
            return self.feature(request)
        return None

    def feature(self, request):
        flags = struct.unpack_from("<I", request, 4)[0]
        index = flags & 0xffff
        if index not in (MIGRATION, STATE):
            return None
        if flags & PROBE:
            return request
        if flags & SET:
            state = struct.unpack_from("<I", request, 8)[0]
            if state == self.hold:
                self.holds.set()
                self.go.wait(TIMEOUT)
            self.now = state
            self.unread = self.state
            return request
        if index == MIGRATION:
            return struct.pack("<IIQ", 16, flags, self.can)
        return struct.pack("<IIII", 16, flags, self.now, 0)


class DeviceCase(Case):
    """A test that saves and loads devices."""

    def serve(self, name, *arguments):
        server = Server(self.path(name), *arguments)
        self.addCleanup(server.stop)
        self.assertTrue(server.first_line, name)
        return server

    def probe(self, *specs, status=GOOD, **more):
        result = self.check(run("probe", "--json", *specs, **more), status)
        return json.loads(result.stdout)["devices"]

    def state_of(self, spec):
        """Where a served device is."""
        return self.probe(spec)[0]["state"]

    def save(self, spec, name="saved", *arguments):
        path = self.path(name)
        self.check(run("save", spec, "-o", path, *arguments), GOOD)
        return path

    def extract(self, path):
        return self.check(run("extract", path), GOOD).stdout

    def left_behind(self):
        """Files in the test's folder that are no sockets."""
        return sorted(name for name in os.listdir(self.folder)
                      if os.path.isfile(self.path(name)))


__all__ = ["CAN_P2P", "CAN_PRE_COPY", "CAN_STOP_COPY", "DeviceCase",
           "FakeServer", "PRE_COPY", "RESUMING", "RUNNING", "RUNNING_P2P",
           "STOP", "STOP_COPY", "Server", "read", "run"]
