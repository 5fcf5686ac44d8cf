#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compare what `migproto` says about a capture with what QEMU said itself.

QEMU's own account is src.trace in each folder of tests/golden/qemu, and where
state came over multifd channels also dst.trace, which names the packets as
they arrived; the sizes of FULL sections are also in the VM description at the
end of a capture, and SWITCHOVER_ACK messages in what came back. This script
reads all of them, the channels and the layout of mapped RAM without the
library's help. Nothing about a capture is written down here.

usage: oracle.py {inspect|extract|verify|channels} MIGPROTO SOURCE_DIR
       UNPACKED_DIR
"""

import hashlib
import itertools
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


def content_of(path):
    """A file's bytes; None if the command did not write it."""
    if not os.path.exists(path):
        return None
    with open(path, "rb") as file:
        return file.read()


# --- QEMU's trace ----------------------------------------------------------

SECTION = re.compile(r"savevm_section_(start|end) (\S+), section_id (\d+)")
SIZE = re.compile(r"vfio_save_block .*data_size (\d+)")
DEVICE = re.compile(r"^(vfio_\w+) +\(([0-9a-f-]+)\)")
THREAD = re.compile(r"^vfio_save_complete_precopy_thread_start +"
                    r"\(([0-9a-f-]+)\) idstr (\S+) instance (\d+)")
WHOLE = re.compile(r"^vfio_state_pending(_exact)? +\(([0-9a-f-]+)\).*"
                   r"stopcopy size (\d+)(.*exact 1)?")


class Traced:
    """The sections that one trace says were written, in order."""

    def __init__(self, path):
        self.sections = []   # (idstr, section id, kind, [DATA sizes])
        self.setups = []     # one per device, in order
        self.threads = {}    # UUID -> (idstr, instance): state on channels
        self.whole = {}      # UUID -> what the driver said it will give
        self.ended = False   # the source went to the end
        current = None
        for line in open(path, encoding="utf-8"):
            if thread := THREAD.match(line):
                self.threads[thread[1]] = (thread[2], int(thread[3]))
            elif (whole := WHOLE.match(line)) and (whole[1] or whole[4]):
                self.whole[whole[2]] = int(whole[3])
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
        if self.threads:
            self.name_sections()

    def name_sections(self):
        """With threads the main channel's END and FULL have no event of their
        own: they are the first and the last that is not a PART."""
        for i, section in enumerate(self.sections):
            if section[2] is None:
                later = [other for other in self.sections[i + 1:]
                         if other[0] == section[0]]
                kind = "end" if later else "full"
                self.sections[i] = (*section[:2], kind, section[3])
                self.ended = self.ended or kind == "full"

    def device_event(self, event, uuid, current):
        if event == "vfio_save_setup":
            self.setups.append(uuid)
        elif uuid in self.threads:
            if event == "vfio_save_iterate" and current:
                current[2] = "part"
        elif event == "vfio_save_iterate" and current:
            current[2] = "part"
        elif event.startswith("vfio_save_complete_precopy") and current:
            current[2] = "end"
        elif event == "vfio_save_device_config_state" and current:
            current[2] = "full"
            self.ended = True


FULL_OF = re.compile(r"^qemu_loadvm_state_section_startfull (\d+)\((.*)\) "
                     r"(\d+) \d+$")
TAG = re.compile(r"^vfio_load_state +\(([0-9a-f-]+)\) data 0x([0-9a-f]+)")
BUFFER = re.compile(r"^vfio_load_state_device_buffer_(incoming|load_start) +"
                    r"\(([0-9a-f-]+)\) idx (\d+)")


class Loaded:
    """What the destination's trace says came over multifd channels."""

    def __init__(self, path):
        self.incoming = []   # (idstr, instance, index), in order of arrival
        self.loaded = []     # of those, the ones given to the driver as data
        self.ready = set()   # (idstr, instance) with CONFIG_LOAD_READY
        names = {}           # UUID at the destination -> (idstr, instance)
        section = None
        for line in open(path, encoding="utf-8"):
            if full := FULL_OF.match(line):
                section = (full[2], int(full[3]))
            elif tag := TAG.match(line):
                if int(tag[2], 16) & 0xffff == 3:
                    names[tag[1]] = section
                elif int(tag[2], 16) & 0xffff == 6:
                    self.ready.add(names[tag[1]])
            elif buffer := BUFFER.match(line):
                one = (*names[buffer[2]], int(buffer[3]))
                (self.incoming if buffer[1] == "incoming"
                 else self.loaded).append(one)


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


MULTIFD_MAGIC = 0x11223344


class Channel:
    """A multifd channel, taken apart by the description of its bytes."""

    def __init__(self, path, page_size=4096):
        self.path = path
        self.data = data = open(path, "rb").read()
        magic, version, uuid, number = struct.unpack_from(">II16sB", data)
        if (magic, version) != (MULTIFD_MAGIC, 1):
            raise ValueError(path + ": not a multifd channel")
        self.uuid = uuid
        self.id = number
        self.ram = []        # sizes of packets, heads included
        self.packets = []    # (idstr, instance, index, flags, offset, size)
        at = 64
        while at < len(data):
            magic, version, flags = struct.unpack_from(">III", data, at)
            if (magic, version) != (MULTIFD_MAGIC, 1):
                raise ValueError("%s: no packet at %d" % (path, at))
            if flags & 0x40 == 0:
                size = 320 + 8 * (524288 // page_size)
                size += struct.unpack_from(">I", data, at + 20)[0]
                self.ram.append(size)
                at += size
                continue
            name = data[at + 12:at + 268].rstrip(b"\0").decode()
            instance, size = struct.unpack_from(">II", data, at + 268)
            version, index, bits = struct.unpack_from(">III", data, at + 276)
            if version != 0:
                raise ValueError("%s: version %d at %d" % (path, version, at))
            self.packets.append((name, instance, index, bits, at, size - 12))
            at += 276 + size
        if at != len(data):
            raise ValueError(path + ": does not end between two packets")

    def about(self):
        """What --json must say of it."""
        return {"channel": self.id + 1, "id": self.id,
                "bytes": len(self.data), "ram_packets": len(self.ram),
                "ram_bytes": sum(self.ram), "packets": len(self.packets),
                "data_bytes": sum(packet[5] for packet in self.packets),
                "complete": True}


class Packet:
    """One device-state packet of a channel."""

    def __init__(self, channel, fields):
        (self.idstr, self.instance, self.index, self.flags, self.offset,
         self.size) = fields
        self.channel = channel.id + 1
        self.data = channel.data[self.offset + 288:][:self.size]

    def records(self):
        """What --json must say of it."""
        def record(tag, offset, size):
            return {"offset": offset, "channel": self.channel,
                    "section": "multifd", "tag": tag, "size": size}

        if self.flags & 1 == 0:
            return [record("DATA", self.offset, self.size)]
        return [record("CONFIG", self.offset + 288, self.size - 16),
                record("END", self.offset + 288 + self.size - 8, 0)]


def channels_of(unpacked):
    """The channels beside the main one, in the order of their ids."""
    names = sorted(name for name in os.listdir(unpacked)
                   if re.fullmatch(r"chan[1-9]\.bin", name))
    return sorted((Channel(os.path.join(unpacked, name)) for name in names),
                  key=lambda channel: channel.id)


def packets_of(channels, idstr, instance):
    """A device's packets in the order of their index."""
    return sorted((Packet(channel, fields) for channel in channels
                   for fields in channel.packets
                   if fields[:2] == (idstr, instance)),
                  key=lambda packet: packet.index)


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


def full_tags(device, traced, loaded):
    """What a FULL section holds, as the traces have it."""
    name = (device["id"], device["instance"])
    if name not in traced.threads.values():
        return ["CONFIG", "END"]
    return ["CONFIG_LOAD_READY"] if name in loaded.ready else ["END"]


def compare_sections(name, report, traced, loaded, whole):
    """Every VFIO section, in stream order, beside the trace's."""
    ours = []
    tags_of = {}
    for device in report["devices"]:
        tags_of[device["id"]] = full_tags(device, traced, loaded)
        main = [record for record in device["records"]
                if record["section"] != "multifd"]
        for kind, records, offset in sections_of(main):
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
                   "full": (tags_of[idstr],)}[kind]
        check(tags in allowed, where + ": tags", tags)


def check_offsets(name, report, data):
    """At each record's offset lies its tag, and DATA's size behind it."""
    numbers = {"END": 1, "CONFIG": 2, "SETUP": 3, "DATA": 4,
               "INIT_DATA_SENT": 5, "CONFIG_LOAD_READY": 6}
    for device in report["devices"]:
        for record in device["records"]:
            if record["section"] == "multifd":
                continue  # compared with the packets
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
        for r in device["records"]
        if r["tag"] == "DATA" and r["section"] != "multifd")


def check_device(name, device, data, vmdesc, packets=()):
    records = device["records"]
    sums = {"part": 0, "end": 0, "start": 0, "full": 0, "multifd": 0}
    for record in records:
        if record["tag"] == "DATA":
            sums[record["section"]] += record["size"]
    check(device["precopy_bytes"] == sums["part"], name + ": precopy_bytes")
    check(device["stopcopy_bytes"] == sums["end"] + sums["multifd"],
          name + ": stopcopy_bytes")
    check(device["records_omitted"] == 0, name + ": records_omitted")
    check(device["dialect"] == "v2", name + ": dialect", device["dialect"])
    state = state_of(device, data) + b"".join(
        packet.data for packet in packets if packet.flags & 1 == 0)
    check(device["state_bytes"] == len(state), name + ": state_bytes")
    check(device["state_sha256"] == hashlib.sha256(state).hexdigest(),
          name + ": state_sha256")
    if vmdesc is None:
        return
    told = [entry["size"] for entry in vmdesc["devices"]
            if entry["name"] == device["id"] and
            entry["instance_id"] == device["instance"]]
    check(len(told) == 1, name + ": in the VM description")
    full = 8 if device["multifd"] else device["config"]["size"] + 16
    check(full == told[0], name + ": size of FULL", full, told)


def mapped_blocks(name, data, at, end):
    """Walk a mapped-ram file's list of RAM blocks; where it goes on."""
    total = struct.unpack_from(">Q", data, at)[0]
    check(total & 0xfff == 4, name + ": MEM_SIZE", hex(total))
    total -= 4
    at += 8
    while total > 0:
        at += 1 + data[at]
        used, version, page, bitmap, pages = struct.unpack_from(
            ">QIQQQ", data, at)
        at += 8 + 28
        check((version, page, bitmap) == (1, 4096, at),
              name + ": mapped-ram header", version, page, bitmap, at)
        count = (used // page + 63) // 64 * 8
        check(bitmap + count <= pages and pages + used <= end,
              name + ": a block's pages lie behind its bitmap")
        if bitmap + count > pages or used > total:
            break
        total -= used
        at = pages + used
    check(data[at:at + 8] == struct.pack(">Q", 0x10),
          name + ": EOS at %d" % at)
    return at + 8


def check_mapped_ram(name, report, data):
    """In the configuration, and where the section behind RAM is."""
    ram = struct.pack(">BIB3sII", 1, 1, 3, b"ram", 0, 4)
    at = data.find(ram, 0, 1024)
    mapped = data.find(b"\x0amapped-ram", 0, at) >= 0
    check(report["mapped_ram"] is mapped, name + ": mapped_ram")
    check((report["libvirt"], report["stream_offset"]) == (False, 0),
          name + ": nothing around the stream")
    if not mapped:
        return False
    at = mapped_blocks(name, data, at + len(ram), len(data))
    check(data[at:at + 5] == b"\x7e" + struct.pack(">I", 1),
          name + ": RAM's footer")
    # The blocks are in RAM's START; that of the device comes right behind it.
    check(report["devices"][0]["offset"] == at + 5,
          name + ": the section behind RAM", report["devices"][0]["offset"],
          at + 5)
    return True


def loaded_of(folder):
    path = os.path.join(folder, "dst.trace")
    return Loaded(path) if os.path.exists(path) else None


def inspect(migproto, name, folder, unpacked):
    path = os.path.join(unpacked, "main.bin")
    data = open(path, "rb").read()
    traced = Traced(os.path.join(folder, "src.trace"))
    loaded = loaded_of(folder)
    vmdesc = vmdesc_of(data)
    report = json.loads(run(migproto, "inspect", "--json", path,
                            status=(0, 1)).stdout)
    check(report["format"] == "qemu", name + ": format")
    check(report["machine"] == machine_of(data), name + ": machine",
          report["machine"])
    whole = traced.ended and not traced.threads
    check(report["complete"] == whole, name + ": complete",
          report["complete"], whole)
    check((vmdesc is not None) == traced.ended,
          name + ": a VM description where QEMU came to the end")
    compare_sections(name, report, traced, loaded, traced.ended)
    check_offsets(name, report, data)
    check_mapped_ram(name, report, data)
    check(report["channels"] == [], name + ": the main channel alone")
    for device in report["devices"]:
        check_device(name + " " + device["id"], device, data, vmdesc)
        there = (device["id"], device["instance"]) in traced.threads.values()
        check((device["multifd"], device["packets"]) == (there, 0),
              name + ": on multifd", device["multifd"], there)
    warned = [f["device"] for f in report["findings"]
              if f["code"] == "state-on-multifd"]
    check(len(warned) == len(traced.threads), name + ": state-on-multifd",
          warned, traced.threads)
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
        check({f["code"] for f in errors} <= {"state-on-multifd"},
              name + ": errors", errors)
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
    if not report["complete"] or report["devices"][0]["multifd"]:
        return  # with channels: see channels()
    for device in report["devices"]:
        what = name + " " + device["id"]
        state = state_of(device, data)
        with tempfile.TemporaryDirectory() as scratch:
            out = os.path.join(scratch, "out")
            run(migproto, "extract", path, "--device", device["id"], "-o", out)
            check(content_of(out) == state, what + ": extracted state")
            run(migproto, "extract", path, "--device", device["id"],
                "--config", "-o", out)
            config = device["config"]
            at = [r["offset"] + 8 for r in device["records"]
                  if r["tag"] == "CONFIG"][0]
            bytes_ = data[at:at + config["size"]]
            check(content_of(out) == bytes_, what + ": config bytes")
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


# --- channels --------------------------------------------------------------

def compare_packets(name, report, channels, traced, loaded):
    """Every packet: the channels' bytes, both traces, and the report."""
    check([said["file"] for said in report["channels"]] ==
          [channel.path for channel in channels], name + ": files")
    check([{k: v for k, v in said.items() if k not in ("uuid", "file")}
           for said in report["channels"]] ==
          [channel.about() for channel in channels], name + ": channels",
          report["channels"])
    check([said["uuid"].replace("-", "") for said in report["channels"]] ==
          [channel.uuid.hex() for channel in channels], name + ": UUIDs")
    for channel in channels:
        sent = [packet[:3] for packet in channel.packets]
        arrived = iter(loaded.incoming)
        check(all(packet in arrived for packet in sent),
              "%s: channel %d, order of arrival" % (name, channel.id), sent,
              loaded.incoming)
    everything = sorted(packet[:3] for channel in channels
                        for packet in channel.packets)
    check(everything == sorted(loaded.incoming), name + ": every packet",
          everything, loaded.incoming)
    check({device["id"] for device in report["devices"] if device["multifd"]}
          == {idstr for idstr, _ in traced.threads.values()},
          name + ": devices on multifd")


def compare_device(name, device, packets, traced, loaded):
    """One device's packets in the report, and what both QEMUs said of it."""
    identity = (device["id"], device["instance"])
    check(device["packets"] == len(packets), name + ": packets",
          device["packets"])
    records = [record for packet in packets for record in packet.records()]
    count = len(records)
    check(device["records"][-count:] == records, name + ": records of packets",
          device["records"][-count:], records)
    check(all(record["section"] != "multifd"
              for record in device["records"][:-count]),
          name + ": packets behind the main channel's records")
    config = device["config"] or {}
    check(config.get("size") == packets[-1].size - 16, name + ": config size")
    check(config.get("offset") == packets[-1].offset + 288,
          name + ": config offset")
    data = sorted(packet.index for packet in packets if packet.flags & 1 == 0)
    check(data == sorted(index for *whose, index in loaded.loaded
                         if tuple(whose) == identity),
          name + ": packets given to the driver", data, loaded.loaded)
    # mtty answers with the size of its whole state, sent before or not.
    whole = [size for uuid, size in traced.whole.items()
             if traced.threads.get(uuid) == identity]
    check([device["state_bytes"]] == whole, name + ": size of the state",
          device["state_bytes"], whole)


def extract_channels(migproto, name, files, device, data, packets):
    state = state_of(device, data) + b"".join(
        packet.data for packet in packets if packet.flags & 1 == 0)
    config = packets[-1].data[8:-8]
    with tempfile.TemporaryDirectory() as scratch:
        out = os.path.join(scratch, "out")
        for order in (files, files[::-1]):
            run(migproto, "extract", *order, "--device", device["id"], "-o",
                out)
            check(content_of(out) == state, name + ": extracted state")
        run(migproto, "extract", *files, "--device", device["id"], "--config",
            "-o", out)
        check(content_of(out) == config, name + ": config bytes")
    ports, repeats = check_mtty(name, state)
    check(repeats == 0, name + ": mtty's header once")
    check(device["driver_state"]["nr_ports"] == ports, name + ": nr_ports")


def without(migproto, name, main, channels, gone):
    """One channel left out: what must be said without it."""
    left = [channel for channel in channels if channel is not gone]
    done = run(migproto, "inspect", "--json", main,
               *(channel.path for channel in left), status=(0, 1))
    report = json.loads(done.stdout)
    errors = [(f["code"], f["device"]) for f in report["findings"]
              if f["severity"] == "error"]
    wanted = []
    for number, device in enumerate(report["devices"]):
        all_ = packets_of(channels, device["id"], device["instance"])
        have = packets_of(left, device["id"], device["instance"])
        indices = [packet.index for packet in have]
        if not have:
            wanted.append(("state-missing", number))
        elif indices != list(range(len(indices))):
            wanted.append(("packet-missing", number))
        elif len(have) < len(all_):
            wanted.append(("config-missing", number))
        check(device["complete"] is (len(have) == len(all_)),
              name + ": complete without a channel", device["complete"])
    for one in wanted:
        check(one in errors, name + ": without a channel", one, errors)
    missing = gone.id < max(channel.id for channel in channels)
    if not wanted:
        check({code for code, _ in errors} <= {"channel-missing"},
              name + ": without a channel", errors)
    run(migproto, "verify", main, *(channel.path for channel in left),
        status=(1 if wanted or missing else 0,))
    warned = [f["value"] for f in report["findings"]
              if f["code"] == "channel-missing"]
    check(warned == ([gone.id + 1] if missing else []),
          name + ": channel-missing", warned)


def channels(migproto, name, folder, unpacked):
    """The main channel together with those beside it."""
    beside = channels_of(unpacked)
    if not beside:
        return
    main = os.path.join(unpacked, "main.bin")
    data = open(main, "rb").read()
    files = [main] + [channel.path for channel in beside]
    traced = Traced(os.path.join(folder, "src.trace"))
    loaded = loaded_of(folder)
    out = None
    for order in itertools.permutations(files):
        done = run(migproto, "inspect", "--json", *order)
        out = out or done.stdout
        check(done.stdout == out, name + ": the same in any order", order)
    report = json.loads(out)
    check(report["complete"] is True, name + ": complete")
    codes = [f["code"] for f in report["findings"]]
    check(codes == [], name + ": no finding", codes)
    compare_sections(name, report, traced, loaded, True)
    check_offsets(name, report, data)
    compare_packets(name, report, beside, traced, loaded)
    for device in report["devices"]:
        what = name + " " + device["id"]
        packets = packets_of(beside, device["id"], device["instance"])
        check_device(what, device, data, vmdesc_of(data), packets)
        compare_device(what, device, packets, traced, loaded)
        extract_channels(migproto, what, files, device, data, packets)
    run(migproto, "verify", *files)
    for gone in beside:
        without(migproto, name, main, beside, gone)


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
        whole = traced.ended and not traced.threads
        run(migproto, "verify", path, status=(0 if whole else 1,))


def main():
    what, migproto, source, unpacked = sys.argv[1:]
    if what == "verify":
        verify(migproto, source, unpacked)
    else:
        step = {"inspect": inspect, "extract": extract,
                "channels": channels}[what]
        for name in sorted(os.listdir(os.path.join(source, "qemu"))):
            step(migproto, name, os.path.join(source, "qemu", name),
                 os.path.join(unpacked, "qemu", name))
    print("%s: %d failures" % (what, len(failures)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
