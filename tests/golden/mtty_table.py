#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mtty_table.py RECORDING.json >TABLE.tsv

Turns a recording of what a real mtty device answered into a text that a C
program reads with strchr(). One line for each entry of each list, fields
separated by tabs: the list's name first, then NAME=VALUE, nothing left out.
What stands once at the top of the recording stands in a line of its own, under
the list's name "recording".
"""
import json
import sys


def text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return " ".join(text(part) for part in value)
    value = str(value)
    if "\t" in value or "\n" in value:
        raise ValueError(value)
    return value


def line(name, fields):
    return "\t".join([name] + [f"{key}={text(value)}"
                               for key, value in fields.items()])


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        recording = json.load(file)
    lists = {name: entries for name, entries in recording.items()
             if isinstance(entries, list) and isinstance(entries[0], dict)}
    print(line("recording", {name: value for name, value in recording.items()
                             if name not in lists}))
    for name, entries in lists.items():
        for entry in entries:
            print(line(name, entry))


if __name__ == "__main__":
    main()
