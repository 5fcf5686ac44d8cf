# SPDX-License-Identifier: MIT
"""What the tests of the commands for devices share: a served device."""

import json
import os
import signal
import subprocess

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


__all__ = ["DeviceCase", "Server", "read", "run"]
