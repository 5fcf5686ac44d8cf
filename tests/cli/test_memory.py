# SPDX-License-Identifier: MIT
"""Files larger than memory: what the command takes does not grow with them."""

import json
import os
import resource
import struct
import subprocess
import unittest

from support import (Case, Container, DATA, END, GOOD, FINDINGS, MIGPROTO,
                     SETUP, TWO_DEVICES, bare, config, data, pci_config, read,
                     tag)

# Instrumentation keeps shadows of its own.
INSTRUMENTED = b"__asan_init" in read(MIGPROTO) or \
    b"__tsan_init" in read(MIGPROTO)


MIB = 1 << 20


@unittest.skipIf(INSTRUMENTED, "memory is not the command's own here")
class Memory(Case):
    def limited(self, limit, *arguments, status=GOOD,
                kind=resource.RLIMIT_DATA, **more):
        """Run the command with a limit on what it may allocate, its
        libraries' own data included: the kernel refuses more."""
        result = subprocess.run(
            [MIGPROTO, *arguments], check=False, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=120,
            preexec_fn=lambda: resource.setrlimit(kind, (limit, limit)),
            **more)
        self.assertEqual(result.returncode, status,
                         result.stderr + result.stdout[-1000:])
        return result.stdout

    def test_the_limit_works(self):
        """What needs more than the others may have does fail."""
        path = self.sparse("large", b"", 64 * MIB, b"x")
        self.limited(6 * MIB, "encode", "--state", path, "-b", "32M", "-o",
                     "/dev/null", status=2)
        self.limited(80 * MIB, "encode", "--state", path, "-b", "32M", "-o",
                     "/dev/null")

    def sparse(self, name, head, hole, tail):
        with open(self.path(name), "wb") as file:
            file.write(head)
            file.seek(hole, os.SEEK_CUR)
            file.write(tail)
        return self.path(name)

    def test_large_bare_stream(self):
        """64 GiB in one DATA record, most of it a hole."""
        size = 64 << 30
        path = self.sparse(
            "large", tag(SETUP) + tag(END) + tag(DATA) +
            struct.pack(">Q", size), size, tag(END) + config(pci_config()))
        output = self.limited(6 * MIB, "inspect", "--json",
                                 "--no-digest", path)
        report = json.loads(output)
        self.assertEqual(report["devices"][0]["state_bytes"], size)
        self.assertIs(report["complete"], True)
        self.limited(6 * MIB, "verify", path)

    def test_digest_and_extraction(self):
        """512 MiB that are read to the last byte."""
        size = 512 << 20
        path = self.sparse(
            "large", tag(SETUP) + tag(END) + tag(DATA) +
            struct.pack(">Q", size), size, tag(END) + config(pci_config()))
        output = self.limited(6 * MIB, "inspect", "--json", path)
        self.assertEqual(
            json.loads(output)["devices"][0]["state_sha256"],
            # sha256 of 512 MiB of zeros, by sha256sum.
            ZEROS_SHA256)
        self.limited(6 * MIB, "extract", path, "-o", "/dev/null")
        with open(path, "rb") as stdin:
            self.limited(6 * MIB, "inspect", "-", stdin=stdin)
        self.limited(6 * MIB, "encode", "--state", path, "-o",
                        "/dev/null")

    def test_large_other_device(self):
        """4 GiB of a device that is skipped by its described size."""
        size = 4 << 30
        container = Container(footers=False)
        container.section(4, b"huge", b"")
        head = container.bytes
        container.bytes = b""
        container.device(b"a/vfio", b"state", pci_config())
        container.vmdesc["devices"].insert(0, {
            "name": "huge", "instance_id": 0, "size": size, "fields": []})
        path = self.sparse("large", head, size, container.finish())
        output = self.limited(6 * MIB, "inspect", "--json", path)
        report = json.loads(output)
        self.assertIs(report["complete"], True)
        self.assertEqual(report["devices"][0]["state_bytes"], 5)

    def test_large_ram(self):
        """A page stream longer than any window."""
        page = struct.pack(">Q", 0x8 | 0x20) + bytes(4096)
        container = Container()
        container.section(1, b"ram", struct.pack(">Q", 4096 | 0x4) + b"\x01r" +
                          struct.pack(">QQ", 4096, 0x10), version=4)
        first = struct.pack(">Q", 0x8) + b"\x01r" + bytes(4096)
        container.section(2, b"ram", first + page * 20000 +
                          struct.pack(">Q", 0x10))
        container.device(b"a/vfio", b"state", pci_config())
        path = self.file("ram", container.finish())
        output = self.limited(6 * MIB, "inspect", "--json", path)
        self.assertGreater(json.loads(output)["ram_bytes"], 20000 * 4096)

    def test_many_records(self):
        """A million records: those kept are few, and so is the memory."""
        stream = tag(SETUP) + tag(END) + data(b"x") * 1000000 + tag(END) + \
            config(pci_config())
        path = self.file("many", stream)
        output = self.limited(12 * MIB, "inspect", "--json", path)
        device, = json.loads(output)["devices"]
        self.assertEqual(len(device["records"]), 65536)
        self.assertEqual(device["records_omitted"], 1000005 - 65536)
        self.limited(12 * MIB, "inspect", "--records", path)
        self.limited(6 * MIB, "inspect", "--json", "--max-records=100",
                        path)

    def test_hostile_description(self):
        """JSON that would cost a thousand times its size."""
        container = Container()
        container.device(b"a/vfio", b"state", pci_config())
        for text in (b'{"devices":[' + b"[]," * 2000000 + b"[]]}",
                     b'{"devices":[{"a":[' + b"{}," * 2000000 + b"{}]}]}",
                     b'{"devices":[{"a":' + b"[" * 3000000,
                     b'{"page_size":[' + b"[]," * 2000000 + b"[]]}"):
            path = self.file("hostile", container.finish(text))
            self.limited(24 * MIB, "verify", path)

    def test_truncated_giant(self):
        """A size of 1 TiB, and 1 MiB of it: no allocation believes it."""
        path = self.file("cut", tag(SETUP) + tag(END) + tag(DATA) +
                         struct.pack(">Q", 1 << 40) + bytes(1 << 20))
        self.limited(6 * MIB, "verify", path, status=FINDINGS)
        self.limited(6 * MIB, "inspect", path, status=FINDINGS)

    def test_address_space(self):
        """A limit that the kernel enforces, for the largest file here."""
        size = 64 << 30
        path = self.sparse(
            "large", tag(SETUP) + tag(END) + tag(DATA) +
            struct.pack(">Q", size), size, tag(END) + config(pci_config()))
        self.limited(64 * MIB, "verify", path, kind=resource.RLIMIT_AS)


ZEROS_SHA256 = \
    "9acca8e8c22201155389f65abbf6bc9723edc7384ead80503839f49dcc56d767"

if __name__ == "__main__":
    unittest.main()
