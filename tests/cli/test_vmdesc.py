# SPDX-License-Identifier: MIT
"""The VM description: what it is good for, and that it is not trusted."""

import json
import struct
import unittest

from support import (Case, Container, GOOD, TWO_DEVICES, pci_config, read, run,
                     scaled)

# Other devices' state without footers: each ends where the description says.
# A payload that looks like the start of a section misleads whoever guesses.
DECOY = b"\x04" + struct.pack(">I", 77) + b"\x05decoy" + struct.pack(
    ">II", 0, 1)


def without_footers():
    """A stream whose sections only the description tells apart."""
    container = Container(footers=False)
    described = []

    def vmsd(name, payload, fields, subsections=()):
        container.section(4, name, payload)
        described.append({"name": name.decode(), "instance_id": 0,
                          "vmsd_name": name.decode(), "version": 1,
                          "fields": fields,
                          **({"subsections": list(subsections)}
                             if subsections else {})})

    container.section(1, b"0000:00:02.0/vfio", tag_pair())
    vmsd(b"timer", DECOY + bytes(3),
         [{"name": "a", "type": "buffer", "size": len(DECOY)},
          {"name": "b", "array_len": 3, "type": "uint8", "size": 1}])
    inner = b"\x05\x0ftimer/inner/sub" + struct.pack(">I", 1) + DECOY
    outer = b"\x05\x09timer/sub" + struct.pack(">I", 1) + bytes(8) + inner
    vmsd(b"nested", bytes(4) + outer,
         [{"name": "s", "type": "struct", "size": 4,
           "struct": {"vmsd_name": "x", "version": 1, "fields": []}}],
         [{"vmsd_name": "timer/sub", "version": 1,
           "fields": [{"name": "t", "type": "uint64", "size": 8}],
           "subsections": [{"vmsd_name": "timer/inner/sub", "version": 1,
                            "fields": [{"name": "d", "size": len(DECOY)}]}]}])
    container.section(3, b"0000:00:02.0/vfio",
                      data_record(b"abc") + tag_pair()[8:])
    full = config_record(pci_config())
    container.section(4, b"0000:00:02.0/vfio", full)
    described.append({"name": "0000:00:02.0/vfio", "instance_id": 0,
                      "size": len(full), "fields": []})
    vmsd(b"last", DECOY * 2, [{"name": "d", "array_len": 2,
                               "size": len(DECOY)}])
    container.vmdesc["devices"] = described
    return container


def tag_pair():
    return struct.pack(">QQ", 0xffffffffef100003, 0xffffffffef100001)


def data_record(payload):
    return struct.pack(">QQ", 0xffffffffef100004, len(payload)) + payload


def config_record(payload):
    return struct.pack(">Q", 0xffffffffef100002) + payload + struct.pack(
        ">Q", 0xffffffffef100001)


class Vmdesc(Case):
    def test_it_sizes_sections_without_footers(self):
        container = without_footers()
        path = self.file("good", container.finish())
        report = self.inspect(path)
        self.assertEqual(report["footers"], "off")
        self.assertIs(report["complete"], True)
        self.assertEqual([f["code"] for f in report["findings"]],
                         ["driver-opaque"])
        self.assertEqual(report["devices"][0]["state_bytes"], 3)
        # The sizes are what does it: the same sections with one described
        # one byte short are not read the same way.
        container.vmdesc["devices"][0]["fields"][1]["array_len"] = 2
        path = self.file("short", container.finish())
        result = run("inspect", "--json", path)
        self.assertNotEqual(json.loads(result.stdout)["findings"], [])

    def test_page_size(self):
        for size in (1024, 8192, 65536):
            container = Container()
            page = struct.pack(">Q", 0x8) + b"\x03ram" + bytes(size)
            container.section(1, b"ram", page +
                              struct.pack(">Q", 0x10), version=4)
            container.device(b"a/vfio", b"state", pci_config())
            container.vmdesc["page_size"] = size
            report = self.inspect(self.file("stream", container.finish()))
            self.assertEqual(report["page_size"], size)
            self.assertIs(report["complete"], True)

    def test_nonsense_is_left_out(self):
        """None of these may crash, hang, or stop a stream with footers."""
        deep = b'{"devices":' + b"[" * 100000 + b"]" * 100000 + b"}"
        wide = b'{"devices":[{"name":"a","instance_id":0,"fields":[' + \
            b"{}," * 300000 + b"{}]}]}"
        many = b'{"devices":[' + b",".join(
            [b'{"name":"a","instance_id":0,"size":1}'] * 20000) + b"]}"
        cases = [
            b"", b"{", b"[]", b"null", b'"', b'{"devices"', b'{"devices":',
            b'{"devices":[', b'{"devices":[{', b'{"devices":[{}', b"\x00" * 99,
            b'{"devices":{}}', b'{"devices":[1,2,null,"x",[]]}',
            b'{"page_size":-1}', b'{"page_size":4097}', b'{"page_size":1e99}',
            b'{"page_size":99999999999999999999}', b'{"page_size":"4096"}',
            b'{"page_size":16777216,"devices":[]}',
            b'{"devices":[{"name":"a/vfio"}]}',
            b'{"devices":[{"name":7,"instance_id":0,"size":1}]}',
            b'{"devices":[{"name":"a\\u0000b","instance_id":0,"size":1}]}',
            b'{"devices":[{"name":"a","instance_id":-1,"size":1}]}',
            b'{"devices":[{"name":"a","instance_id":4294967296,"size":1}]}',
            b'{"devices":[{"name":"a","instance_id":0,"size":-5}]}',
            b'{"devices":[{"name":"a","instance_id":0,"fields":7}]}',
            b'{"devices":[{"name":"a","instance_id":0,"fields":[7]}]}',
            b'{"devices":[{"name":"a","instance_id":0,"fields":[{"size":'
            b'9223372036854775807,"array_len":9223372036854775807}]}]}',
            b'{"devices":[{"name":"a","instance_id":0,"fields":[{"size":'
            b'1099511627776},{"size":1099511627776}]}]}',
            b'{"devices":[{"name":"a","instance_id":0,"fields":[],'
            b'"subsections":[7]}]}',
            b'{"devices":[{"name":"a","instance_id":0,"fields":[],'
            b'"subsections":[{"fields":[]}]}]}', deep, wide, many]
        container = Container()
        container.device(b"a/vfio", b"state", pci_config())
        for text in cases:
            with self.subTest(text[:60]):
                path = self.file("stream", container.finish(text))
                report = self.inspect(path)
                self.assertEqual(report["devices"][0]["state_bytes"], 5)

    def test_wrong_size_of_a_device(self):
        """The section is right, the description is not: a warning at most."""
        container = Container()
        container.device(b"a/vfio", b"state", pci_config())
        for size in (0, 1, 291, 293, 1 << 40):
            with self.subTest(size):
                container.vmdesc["devices"][0]["size"] = size
                result = run("verify", self.file("stream",
                                                 container.finish()))
                self.assertIn(result.returncode, (0, 1))

    def test_random_damage(self):
        """Flipped bytes of a real description: the devices stay readable."""
        source = self.use_random()
        stream = read(TWO_DEVICES)
        start = stream.rindex(b"\x00\x06") + 1
        for _ in range(scaled(100)):
            damaged = bytearray(stream)
            for _ in range(source.randrange(1, 30)):
                damaged[source.randrange(start + 5, len(damaged))] = \
                    source.randrange(256)
            result = run("inspect", "--json",
                         self.file("damaged", bytes(damaged)))
            self.assertIn(result.returncode, (0, 1), result.stderr)
            report = json.loads(result.stdout)
            self.assertEqual(len(report["devices"]), 2)
            self.assertNotIn(b"Sanitizer", result.stderr)


if __name__ == "__main__":
    unittest.main()
