#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check who includes and calls whom: layers.py BUILD_DIRECTORY

Two views of the same rules: the #include lines of the sources, and the
symbols of the object files, which no macro or declaration by hand can hide.
"""

import pathlib
import re
import subprocess
import sys

# A room, and the rooms whose headers and functions it may use.
ROOMS = {
    "core": {"core"},
    "stream": {"core", "stream"},
    "qemu": {"core", "stream", "qemu"},
    "record": {"core", "record"},
    "report": {"core", "stream", "qemu", "record", "report"},
    "mutate": {"core", "stream", "qemu", "record", "mutate"},
    "device": {"core", "device"},
    "conform": {"core", "device", "conform"},
}

# The only files that call the system. Everything else in device/ and conform/
# goes through the table that they fill (sys.h).
SYSTEM_FILES = {"device/sys_linux.c"}

# What those rooms may use besides: numbers of the kernel, flags, atomics.
SYSTEM_ROOMS = {"device", "conform"}
DEVICE_HEADERS = {"assert.h", "fcntl.h", "poll.h", "stdatomic.h"}

# Installed headers that are not named after their room.
HEADER_ROOM = {
    "finding": "core",
    "device_ops": "device", "fsm": "device", "open": "device", "sys": "device", "vfio": "device",
    "vfio_user": "device", "vfio_user_codec": "device",
    "vfio_user_serve": "device", "sim": "device", "dirty": "device",
    "libvirt": "qemu", "multifd": "qemu", "pci": "qemu", "return_path": "qemu",
}

# No input or output, clock, thread, process, locale or assert in there.
PURE_HEADERS = {
    "errno.h", "inttypes.h", "limits.h", "stdarg.h", "stdbool.h", "stddef.h",
    "stdint.h", "stdio.h", "stdlib.h", "string.h",
}
PURE_SYMBOLS = re.compile(
    r"mem(chr|cmp|cpy|move|set)|str(chr|cmp|len|ncmp|nlen|rchr|str)|"
    r"malloc|calloc|realloc|free|v?snprintf|_GLOBAL_OFFSET_TABLE_")

# These see what a user sees: the installed headers.
PUBLIC_ONLY = ["libmigproto/afl", "libmigproto/cli", "examples", "tests/install"]

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)

problems = []


def room_of_header(name):
    stem = pathlib.PurePath(name).stem
    return HEADER_ROOM.get(stem, stem)


def calls_system(path):
    """Of a source file, or of an object file without its .o."""
    parts = pathlib.PurePath(path).parts
    for top in ("libmigproto", "migp_objects.dir"):
        if top in parts:
            rest = parts[len(parts) - parts[::-1].index(top):]
    return "/".join(rest) in SYSTEM_FILES


def sources(folder):
    return sorted(p for p in pathlib.Path(folder).rglob("*.[ch]"))


def check_room_includes(room, allowed):
    for path in sources(f"libmigproto/{room}"):
        if re.search(r"\b(__asm__|asm)\b", path.read_text()):
            problems.append(f"{path}: has instructions of its own")
        for mark, name in INCLUDE.findall(path.read_text()):
            head = name.split("/")[0]
            if mark == '"':
                fine = head in allowed and "/" in name
            elif head == "migproto":
                fine = room_of_header(name) in allowed
            else:
                fine = name in PURE_HEADERS or \
                    room in SYSTEM_ROOMS and name in DEVICE_HEADERS or \
                    calls_system(path.with_suffix(".c"))
            if not fine:
                problems.append(f"{path}: includes {name}")


def check_public_includes(folder):
    for path in sources(folder):
        for mark, name in INCLUDE.findall(path.read_text()):
            beside = (path.parent / name).is_file() or \
                (pathlib.Path(folder).parent / name).is_file() and \
                name.startswith(pathlib.Path(folder).name + "/")
            if mark == '"' and not beside:
                problems.append(f"{path}: includes {name}")


def check_headers():
    """An installed header needs no more than the rooms below it."""
    for path in sources("libmigproto/include/migproto"):
        allowed = ROOMS.get(room_of_header(path.name), set(ROOMS))
        for mark, name in INCLUDE.findall(path.read_text()):
            if name.startswith("migproto/"):
                fine = mark == "<" and room_of_header(name) in allowed
            else:
                fine = name in {"stddef.h", "stdint.h"}
            if not fine:
                problems.append(f"{path}: includes {name}")


def symbols(path, option):
    lines = subprocess.run(["nm", option, str(path)], check=True, text=True,
                           capture_output=True).stdout.splitlines()
    return [line.split()[-1] for line in lines if line.strip()]


def check_objects(build):
    objects = {}
    for room in ROOMS:
        found = sorted(build.rglob(f"migp_objects.dir/{room}/**/*.o"))
        if found:
            objects[room] = found
    missing = {r for r in ROOMS if sources(f"libmigproto/{r}")} - set(objects)
    for room in missing:
        problems.append(f"no object files of {room}/ in {build}")
    home = {}
    for room, paths in objects.items():
        for path in paths:
            for name in symbols(path, "--defined-only"):
                home.setdefault(name, room)
    for room, paths in objects.items():
        for path in paths:
            for name in symbols(path, "-u"):
                if name.startswith("migp_"):
                    fine = home.get(name, room) in ROOMS[room]
                else:
                    fine = PURE_SYMBOLS.fullmatch(name) or \
                        calls_system(path.with_suffix(""))
                if not fine:
                    problems.append(f"{room}/{path.stem}: calls {name}")
            sizes = subprocess.run(["size", "-A", str(path)], check=True,
                                   text=True, capture_output=True).stdout
            for name, size in re.findall(r"^(\.(?:t?data|t?bss)\b[.\w]*)\s+"
                                         r"(\d+)", sizes, re.MULTILINE):
                if int(size) and not name.startswith(".data.rel.ro"):
                    problems.append(f"{room}/{path.stem}: {size} bytes of "
                                    f"global state in {name}")
    return sum(len(paths) for paths in objects.values())


def main():
    for room, allowed in ROOMS.items():
        check_room_includes(room, allowed)
    for folder in PUBLIC_ONLY:
        check_public_includes(folder)
    check_headers()
    known = set(ROOMS) | {"include", "afl", "cli", "cmake", "maps",
                          "pkgconfig"}
    for path in pathlib.Path("libmigproto").iterdir():
        if path.is_dir() and path.name not in known:
            problems.append(f"{path}/ is not in the table of rooms")
    count = check_objects(pathlib.Path(sys.argv[1]))
    for problem in problems:
        print(problem)
    print(f"{count} objects, {len(problems)} problems")
    return 1 if problems else 0


sys.exit(main())
