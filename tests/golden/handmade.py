# SPDX-License-Identifier: MIT
"""Reads tests/golden/shapes/*.hex: files that were written down by hand, and
what must be said of them. The format is told in README.md beside this."""

import glob
import os
import re
import shlex
import struct

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shapes")
WORD = re.compile(r"""\s*(?:(#.*)|"([^"]*)"|'([^']*)'|(\S+))""")


class Wrong(Exception):
    """The .hex file itself is wrong."""


class File:
    """One of the files: bytes, and where its labels are."""

    def __init__(self):
        self.bytes = bytearray()
        self.labels = {}
        self.holes = []  # (offset, label, what to add): filled in at the end

    def copy(self, other):
        self.bytes = bytearray(other.bytes)
        self.labels = dict(other.labels)

    def word(self, word):
        if word.endswith(":"):
            if word[:-1] in self.labels:
                raise Wrong("label twice: " + word)
            self.labels[word[:-1]] = len(self.bytes)
        elif word.startswith("@"):
            label, _, more = word[1:].partition("+")
            self.holes.append((len(self.bytes), label, int(more or "0", 0)))
            self.bytes += bytes(8)
        else:
            count, _, unit = word.rpartition("*")
            self.bytes += bytes.fromhex(unit) * int(count or "1")

    def fill(self):
        for offset, label, more in self.holes:
            struct.pack_into(">Q", self.bytes, offset,
                             self.labels[label] + more)

    def offset(self, text):
        """A number, `end`, or a label, with something added."""
        label, _, more = text.lstrip("@").partition("+")
        if label.isdigit():
            return int(label)
        start = len(self.bytes) if label == "end" else self.labels[label]
        return start + int(more or "0", 0)

    @property
    def channel(self):
        """0 for what is no multifd channel, else its id + 1."""
        return self.bytes[24] + 1 if self.bytes[:4] == b"\x11\x22\x33\x44" \
            else 0


class Handmade:
    """A .hex file."""

    def __init__(self, name):
        self.name = name
        self.files = {}
        self.expected = []  # words of each `=` line
        self.now = None
        path = os.path.join(FOLDER, name + ".hex")
        with open(path, encoding="ascii") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    self.line(line.strip())
                except (Wrong, ValueError, KeyError, IndexError) as error:
                    raise Wrong(f"{path}:{number}: {error}") from error
        for file in self.files.values():
            file.fill()

    def line(self, line):
        if line.startswith("@ "):
            self.setting(shlex.split(line[1:], comments=True))
        elif line.startswith("="):
            self.expected.append(shlex.split(line[1:]))
        else:
            for match in WORD.finditer(line):
                comment, *texts, word = match.groups()
                if comment:
                    return
                for text in texts:
                    if text is not None:
                        self.now.bytes += text.encode("ascii")
                if word:
                    self.now.word(word)

    def setting(self, words):
        if words[0] != "file":
            raise Wrong("no setting: " + words[0])
        self.now = self.files[words[1]] = File()
        if len(words) == 4 and words[2] == "same":
            self.now.copy(Handmade(words[3]).files[words[1]])
        elif len(words) != 2:
            raise Wrong("@ file NAME [same OTHER]")

    def wanted(self, kind):
        """The words of all `= kind` lines."""
        return [words[1:] for words in self.expected if words[0] == kind]

    def place(self, text):
        """`FILE@LABEL` as a file's name and an offset."""
        name, _, label = text.partition("@")
        return name, self.files[name].offset(label)


def names(prefix):
    """All that begin so, and there must be some."""
    found = sorted(os.path.basename(path)[:-len(".hex")] for path in
                   glob.glob(os.path.join(FOLDER, prefix + "*.hex")))
    if not found:
        raise Wrong("no " + prefix)
    return found
