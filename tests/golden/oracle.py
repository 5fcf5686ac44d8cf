#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compare what `migproto` says about a capture with what QEMU said itself.

QEMU's own account is src.trace in each folder of tests/golden/qemu; the sizes
of FULL sections are also in the VM description at the end of a capture, and
SWITCHOVER_ACK messages in what came back. This script reads all three without
the library's help. Nothing about a capture is written down here.

usage: oracle.py {inspect|extract|verify} MIGPROTO SOURCE_DIR UNPACKED_DIR
"""

import hashlib
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

# What a real QEMU destination did with the damaged copies is in README.md;
# this is what a checker must say: exit status, and what must be among the
# findings. In 13 the tag of the first DATA record was made INIT_DATA_SENT, so
# that the record's size and payload stand where the footer belongs; the same
# stream with INIT_DATA_SENT in END's place, which is what QEMU writes with
# switchover-ack, must be good: acknowledged_stream() makes it of 00.
VERDICTS = {
    "00-good": (0, None),
    "01-trunc-in-final-vfio-data": (1, "truncated"),
    "03-first-data-size-plus-1": (1, "unknown-tag"),
    "05-first-data-size-zero": (1, "unknown-tag"),
    "06-unknown-tag": (1, "unknown-tag"),
    "07-final-vfio-data-dropped": (1, "driver-state-short"),
    "09-footer-wrong-id": (1, "footer-mismatch"),
    "13-init-data-sent-without-ack": (1, "footer-missing"),
    "16-vmdesc-missing": (0, "vmdesc-missing"),
}

failures = []


def check(condition, what, *details):
    if not condition:
        failures.append(what)
        print("FAIL", what, *details)


def run(*command, status=(0,)):
    done = subprocess.run(command, capture_output=True)
    check(done.returncode in status, "%s: exit status" % " ".join(command),
          done.returncode, done.stderr.decode(errors="replace")[-300:])
    return done


# --- QEMU's trace ----------------------------------------------------------

SECTION = re.compile(r"savevm_section_(start|end) (\S+), section_id (\d+)")
SIZE = re.compile(r"vfio_save_block .*data_size (\d+)")
DEVICE = re.compile(r"^(vfio_\w+) +\(([0-9a-f-]+)\)")


class Traced:
    """The sections that one trace says were written, in order."""

    def __init__(self, path):
        self.sections = []   # (idstr, section id, kind, [DATA sizes])
        self.setups = []     # one per device, in order
        self.ended = False   # the source went to the end
        current = None
        for line in open(path, encoding="utf-8"):
            # 0: end of the data; QEMU writes no record for it
            if size := SIZE.search(line):
                if current and int(size[1]) > 0:
                    current[3].append(int(size[1]))
            elif section := SECTION.search(line):
                if not section[2].endswith("/vfio"):
                    continue
                if section[1] == "start":
                    current = [section[2], int(section[3]), None, []]
                elif current:
                    self.sections.append(tuple(current))
                    current = None
            elif device := DEVICE.match(line):
                self.device_event(device[1], device[2], current)
        if current:
            self.sections.append(tuple(current))

    def device_event(self, event, uuid, current):
        if event == "vfio_save_setup":
            self.setups.append(uuid)
        elif event == "vfio_save_iterate" and current:
            current[2] = "part"
        elif event.startswith("vfio_save_complete_precopy") and current:
            current[2] = "end"
        elif event == "vfio_save_device_config_state" and current:
            current[2] = "full"
            self.ended = True


# --- the capture's own bytes -----------------------------------------------

def vmdesc_of(data):
    """The VM description, looked for from the end."""
    at = len(data)
    while (at := data.rfind(b"\x06", 0, at)) >= 0:
        if at + 5 <= len(data):
            length = struct.unpack_from(">I", data, at + 1)[0]
            if at + 5 + length == len(data) and data[at + 5:at + 6] == b"{":
                return json.loads(data[at + 5:])
    return None


def acks_of(path):
    """SWITCHOVER_ACK messages in a return path, or None without one."""
    if not os.path.exists(path):
        return None
    data = open(path, "rb").read()
    kinds = []
    while data:
        kind, length = struct.unpack_from(">HH", data)
        kinds.append(kind)
        data = data[4 + length:]
    return kinds.count(7)


def machine_of(data):
    """Machine name: the configuration section is the first behind QEVM 3."""
    if data[8] != 7:
        return ""
    length = struct.unpack_from(">I", data, 9)[0]
    return data[13:13 + length].decode()


# --- inspect ---------------------------------------------------------------

def sections_of(records):
    """Group a device's records into sections; each has an end of its own."""
    groups = []
    open_group = None
    for record in records:
        if open_group is None:
            open_group = (record["section"], [], record["offset"])
        open_group[1].append(record)
        if record["tag"] in ("END", "INIT_DATA_SENT", "CONFIG_LOAD_READY"):
            groups.append(open_group)
            open_group = None
    if open_group:
        groups.append(open_group)
    return groups


def compare_sections(name, report, traced, whole):
    """Every VFIO section, in stream order, beside the trace's."""
    ours = []
    for device in report["devices"]:
        for kind, records, offset in sections_of(device["records"]):
            ours.append((offset, device["id"], device["section_id"], kind,
                         records))
    ours.sort(key=lambda section: section[0])
    starts = [section for section in ours if section[3] == "start"]
    others = [section for section in ours if section[3] != "start"]
    check(len(starts) == len(traced.setups), name + ": START sections",
          len(starts), len(traced.setups))
    for start in starts:
        check([record["tag"] for record in start[4]] == ["SETUP", "END"],
              name + ": START holds SETUP and END")
    if whole:
        check(len(others) == len(traced.sections),
              name + ": number of sections", len(others),
              len(traced.sections))
    else:
        check(len(others) <= len(traced.sections),
              name + ": no more sections than QEMU began")
    for section, told in zip(others, traced.sections):
        offset, idstr, section_id, kind, records = section
        where = "%s: section at %d" % (name, offset)
        check((idstr, section_id) == told[:2], where + ": identity",
              (idstr, section_id), told)
        check(kind == told[2], where + ": kind", kind, told)
        sizes = [r["size"] for r in records if r["tag"] == "DATA"]
        check(sizes == told[3], where + ": DATA sizes", sizes, told)
        tags = [r["tag"] for r in records if r["tag"] != "DATA"]
        allowed = {"part": (["END"], ["INIT_DATA_SENT"]), "end": (["END"],),
                   "full": (["CONFIG", "END"],)}[kind]
        check(tags in allowed, where + ": tags", tags)


def check_offsets(name, report, data):
    """At each record's offset lies its tag, and DATA's size behind it."""
    numbers = {"END": 1, "CONFIG": 2, "SETUP": 3, "DATA": 4,
               "INIT_DATA_SENT": 5, "CONFIG_LOAD_READY": 6}
    for device in report["devices"]:
        for record in device["records"]:
            at = record["offset"]
            tag = struct.unpack_from(">Q", data, at)[0]
            check(tag == 0xffffffffef100000 | numbers[record["tag"]],
                  "%s: tag at %d" % (name, at), hex(tag))
            check(record["channel"] == 0, name + ": channel")
            if record["tag"] == "DATA":
                size = struct.unpack_from(">Q", data, at + 8)[0]
                check(size == record["size"],
                      "%s: size at %d" % (name, at))


def state_of(device, data):
    """The device's state, from the bytes of the capture."""
    return b"".join(
        data[r["offset"] + 16:r["offset"] + 16 + r["size"]]
        for r in device["records"] if r["tag"] == "DATA")


def check_device(name, device, data, vmdesc):
    records = device["records"]
    sums = {"part": 0, "end": 0, "start": 0, "full": 0}
    for record in records:
        if record["tag"] == "DATA":
            sums[record["section"]] += record["size"]
    check(device["precopy_bytes"] == sums["part"], name + ": precopy_bytes")
    check(device["stopcopy_bytes"] == sums["end"], name + ": stopcopy_bytes")
    check(device["records_omitted"] == 0, name + ": records_omitted")
    check(device["dialect"] == "v2", name + ": dialect", device["dialect"])
    state = state_of(device, data)
    check(device["state_bytes"] == len(state), name + ": state_bytes")
    check(device["state_sha256"] == hashlib.sha256(state).hexdigest(),
          name + ": state_sha256")
    if vmdesc is None:
        return
    told = [entry["size"] for entry in vmdesc["devices"]
            if entry["name"] == device["id"] and
            entry["instance_id"] == device["instance"]]
    check(len(told) == 1, name + ": in the VM description")
    check(device["config"]["size"] + 16 == told[0],
          name + ": size of FULL", device["config"]["size"], told)


def inspect(migproto, name, folder, unpacked):
    path = os.path.join(unpacked, "main.bin")
    data = open(path, "rb").read()
    traced = Traced(os.path.join(folder, "src.trace"))
    vmdesc = vmdesc_of(data)
    report = json.loads(run(migproto, "inspect", "--json", path,
                            status=(0, 1)).stdout)
    check(report["format"] == "qemu", name + ": format")
    check(report["machine"] == machine_of(data), name + ": machine",
          report["machine"])
    check(report["complete"] == traced.ended, name + ": complete",
          report["complete"], traced.ended)
    check((vmdesc is not None) == traced.ended,
          name + ": a VM description where QEMU came to the end")
    compare_sections(name, report, traced, traced.ended)
    check_offsets(name, report, data)
    for device in report["devices"]:
        check_device(name + " " + device["id"], device, data, vmdesc)
    inits = [sum(r["tag"] == "INIT_DATA_SENT" for r in d["records"])
             for d in report["devices"]]
    acks = acks_of(os.path.join(unpacked, "return.bin"))
    if acks is None or acks == 0:
        check(sum(inits) == 0, name + ": INIT_DATA_SENT without ACK", inits)
    else:
        check(min(inits) >= 1 and sum(inits) >= acks,
              name + ": INIT_DATA_SENT and ACKs", inits, acks)
    errors = [f for f in report["findings"] if f["severity"] == "error"]
    if traced.ended:
        check(not errors, name + ": errors", errors)
    else:
        check(any(f["offset"] == len(data) and f["code"] == "truncated"
                  for f in errors),
              name + ": incomplete where it stops", len(data), errors)
    return report


# --- extract ---------------------------------------------------------------

MTTY_MAGIC = 0x7e9d09898c3e2c4e


def check_mtty(name, state):
    """The kernel's struct mtty_data, little-endian as the host was."""
    magic, major, minor, ports, flags = struct.unpack_from("<QIIII", state)
    check((magic, major, minor, flags) == (MTTY_MAGIC, 1, 0, 0),
          name + ": mtty header")
    check(ports in (1, 2), name + ": mtty ports", ports)
    body = state[24:]
    repeats = 0
    while len(body) > 36 * ports and body[:24] == state[:24]:
        body = body[24:]
        repeats += 1
    check(len(body) == 36 * ports, name + ": size", len(state), ports)
    for port in range(ports):
        fields = struct.unpack_from("<8s16s6BHBBBB", body, 36 * port)
        head, tail, count = fields[2:5]
        room = fields[10]
        check(head < 16 and tail < 16 and count <= 16, name + ": fifo indices")
        check(room in (1, 16), name + ": fifo size", room)
    return ports, repeats


def extract(migproto, name, folder, unpacked):
    path = os.path.join(unpacked, "main.bin")
    data = open(path, "rb").read()
    report = json.loads(run(migproto, "inspect", "--json", path,
                            status=(0, 1)).stdout)
    if not report["complete"]:
        return
    for device in report["devices"]:
        what = name + " " + device["id"]
        state = state_of(device, data)
        with tempfile.TemporaryDirectory() as scratch:
            out = os.path.join(scratch, "out")
            run(migproto, "extract", path, "--device", device["id"], "-o", out)
            check(open(out, "rb").read() == state, what + ": extracted state")
            run(migproto, "extract", path, "--device", device["id"],
                "--config", "-o", out)
            config = device["config"]
            at = [r["offset"] + 8 for r in device["records"]
                  if r["tag"] == "CONFIG"][0]
            bytes_ = data[at:at + config["size"]]
            check(open(out, "rb").read() == bytes_, what + ": config bytes")
            ids = struct.unpack_from("<HH", bytes_, 4)
            check(ids == (config["vendor"], config["device"]), what + ": ids")
        ports, repeats = check_mtty(what, state)
        fields = device["driver_state"]
        check(fields["nr_ports"] == ports, what + ": nr_ports",
              fields["nr_ports"])
        for port in range(ports):
            at = len(state) - 36 * (ports - port)
            check(fields["port%d.uart_reg" % port] == state[at:at + 8].hex(),
                  what + ": uart_reg")
            check(fields["port%d.divisor" % port] ==
                  struct.unpack_from("<H", state, at + 30)[0],
                  what + ": divisor")
        warned = [f["code"] for f in report["findings"]
                  if f["severity"] == "warning"]
        check(("driver-header-repeats" in warned) == (repeats > 0),
              what + ": repeated headers", repeats, warned)
        if repeats == 0:
            check(len(state) in (60, 96), what + ": 60 or 96 bytes")


# --- verify ----------------------------------------------------------------

def acknowledged_stream(good):
    """00 with the END of its first PART that has DATA made INIT_DATA_SENT."""
    data = good.index(bytes.fromhex("ffffffffef100004"))
    end = good.index(bytes.fromhex("ffffffffef100001"), data)
    return good[:end + 7] + b"\x05" + good[end + 8:]


def verify_acknowledged(migproto, unpacked):
    with open(os.path.join(unpacked, "replay", "00-good.bin"), "rb") as file:
        stream = acknowledged_stream(file.read())
    with tempfile.NamedTemporaryFile() as file:
        file.write(stream)
        file.flush()
        run(migproto, "verify", file.name)
        report = json.loads(run(migproto, "inspect", "--json",
                                file.name).stdout)
    tags = [r["tag"] for r in report["devices"][0]["records"]]
    check("INIT_DATA_SENT" in tags, "acknowledged: INIT_DATA_SENT", tags)
    check(report["findings"] == [], "acknowledged: no finding",
          report["findings"])


def verify(migproto, source, unpacked):
    names = sorted(name[:-len(".bin")]
                   for name in os.listdir(os.path.join(unpacked, "replay")))
    check(set(names) == set(VERDICTS), "replay: every file has a verdict")
    for name in names:
        path = os.path.join(unpacked, "replay", name + ".bin")
        status, code = VERDICTS[name]
        run(migproto, "verify", path, status=(status,))
        report = json.loads(run(migproto, "inspect", "--json", path,
                                status=(0, 1)).stdout)
        codes = [f["code"] for f in report["findings"]]
        worst = {f["severity"] for f in report["findings"]}
        if code:
            check(code in codes, name + ": finding " + code, codes)
        if status == 0:
            check("error" not in worst, name + ": no error", codes)
            check(("warning" in worst) == bool(code), name + ": warning",
                  codes)
    verify_acknowledged(migproto, unpacked)
    for name in sorted(os.listdir(os.path.join(source, "qemu"))):
        traced = Traced(os.path.join(source, "qemu", name, "src.trace"))
        path = os.path.join(unpacked, "qemu", name, "main.bin")
        run(migproto, "verify", path, status=(0 if traced.ended else 1,))


def main():
    what, migproto, source, unpacked = sys.argv[1:]
    if what == "verify":
        verify(migproto, source, unpacked)
    else:
        step = {"inspect": inspect, "extract": extract}[what]
        for name in sorted(os.listdir(os.path.join(source, "qemu"))):
            step(migproto, name, os.path.join(source, "qemu", name),
                 os.path.join(unpacked, "qemu", name))
    print("%s: %d failures" % (what, len(failures)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
