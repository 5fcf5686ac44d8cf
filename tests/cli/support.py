# SPDX-License-Identifier: MIT
"""What the tests of the command share: running it, and bytes to give it.

The streams here are put together from the format's description
(docs/protocol.md), not by the library under test.
"""

import json
import os
import random
import shutil
import struct
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
MIGPROTO = os.environ["MIGPROTO"]  # path of the command, set by ctest
TWO_DEVICES = os.path.join(ROOT, "examples", "streams", "two-devices.qemu")

END, CONFIG, SETUP, DATA, INIT_DATA_SENT, LOAD_READY = range(1, 7)

GOOD, FINDINGS, FAILED = 0, 1, 2

TIMEOUT = 60


def scaled(count):
    """How many times to try: MIGP_TEST_SCALE=1/50 in slow lanes."""
    top, _, bottom = os.environ.get("MIGP_TEST_SCALE", "1").partition("/")
    return max(1, count * int(top) // int(bottom or "1"))


def run(*arguments, data=b"", env=None, **more):
    """Run the command; bytes in, bytes out."""
    if "stdin" not in more:
        more["input"] = data
    return subprocess.run([MIGPROTO, *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=TIMEOUT, check=False,
                          env={**os.environ, **(env or {})}, **more)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def tag(number):
    return struct.pack(">Q", 0xffffffffef100000 + number)


def data(payload):
    return tag(DATA) + struct.pack(">Q", len(payload)) + payload


def config(payload):
    return tag(CONFIG) + payload + tag(END)


def pci_config(vendor=0x1234, device=0x1041, vectors=0, size=256):
    """Config bytes of a vfio-pci device; MSI-X capability at 0x40 if any."""
    space = bytearray(size)
    struct.pack_into("<HHHHBBBB", space, 0, vendor, device, 0x0006,
                     0x10 if vectors else 0, 3, 0, 0, 2)
    tail = b""
    if vectors:
        space[0x34] = 0x40
        struct.pack_into("<BBH", space, 0x40, 0x11, 0, vectors - 1)
        tail = bytes(16 * vectors) + bytes((vectors + 7) // 8)
    return struct.pack(">I", 2) + bytes(space) + bytes(16) + tail


def bare(state=b"", config_bytes=b"", block=1 << 20, precopy=0,
         dialect="v2", init=False):
    """A bare stream, as docs/protocol.md has it."""
    out = [tag(SETUP), tag(END)]
    position = 0
    while position < precopy:
        size = min(block, precopy - position)
        out.append(data(state[position:position + size]))
        position += size
        last = position == precopy
        out.append(tag(INIT_DATA_SENT if init and last else END))
    if init and precopy == 0:
        out.append(tag(INIT_DATA_SENT))
    if dialect == "qemu-5.2":
        out.append(config(config_bytes))
    while position < len(state):
        out.append(data(state[position:position + block]))
        position += block
    out.append(tag(END))
    if dialect != "qemu-5.2":
        out.append(config(config_bytes))
    return b"".join(out)


class Container:
    """Puts a QEMU migration stream together, section by section."""

    def __init__(self, footers=True, machine=b"pc-q35-10.0"):
        self.footers = footers
        self.ids = {}
        self.vmdesc = {"configuration": {}, "page_size": 4096, "devices": []}
        self.bytes = b"QEVM" + struct.pack(">I", 3)
        if machine is not None:
            self.bytes += b"\x07" + struct.pack(">I", len(machine)) + machine

    def section(self, kind, name, payload, instance=0, version=1):
        number = self.ids.setdefault((name, instance), len(self.ids))
        self.bytes += bytes([kind]) + struct.pack(">I", number)
        if kind in (1, 4):
            self.bytes += bytes([len(name)]) + name
            self.bytes += struct.pack(">II", instance, version)
        offset = len(self.bytes)
        self.bytes += payload
        if self.footers:
            self.bytes += b"\x7e" + struct.pack(">I", number)
        return offset

    def device(self, name, state, config_bytes, instance=0):
        """A whole VFIO device, all of its state in the END section."""
        self.section(1, name, tag(SETUP) + tag(END), instance)
        self.section(3, name, data(state) + tag(END) if state else tag(END),
                     instance)
        full = config(config_bytes)
        self.section(4, name, full, instance)
        self.vmdesc["devices"].append({
            "name": name.decode("latin-1"), "instance_id": instance,
            "size": len(full), "fields": [
                {"name": "data", "size": len(full), "type": "buffer"}]})

    def finish(self, vmdesc=True):
        """The stream; vmdesc may be bytes to use instead of the true one."""
        out = self.bytes + b"\x00"
        if vmdesc is True:
            vmdesc = json.dumps(self.vmdesc).encode()
        if vmdesc is not False:
            out += b"\x06" + struct.pack(">I", len(vmdesc)) + vmdesc
        return out


class Case(unittest.TestCase):
    """A test with a folder of its own and a seeded random source."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="migproto-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.seed = int(os.environ.get("MIGP_TEST_SEED", "0")) or \
            random.SystemRandom().randrange(1, 1 << 32)
        self.random = random.Random(self.seed)

    def use_random(self):
        """Say which seed a failure can be repeated with."""
        print(f"{self.id()}: MIGP_TEST_SEED={self.seed}", flush=True)
        return self.random

    def path(self, name):
        return os.path.join(self.folder, name)

    def file(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content)
        return self.path(name)

    def check(self, result, status):
        """The exit status, and that nothing a sanitizer says is there."""
        text = result.stderr.decode("utf-8", "replace")
        self.assertEqual(result.returncode, status,
                         text + result.stdout.decode("utf-8", "replace")[:4000])
        for word in ("Sanitizer", "runtime error"):
            self.assertNotIn(word, text)
        return result

    def inspect(self, *arguments, status=GOOD, **more):
        result = self.check(run("inspect", "--json", *arguments, **more),
                            status)
        self.assertTrue(result.stdout.endswith(b"\n"))
        self.assertEqual(result.stdout.count(b"\n"), 1)
        return json.loads(result.stdout.decode("ascii"))
