# SPDX-License-Identifier: MIT
"""Runs the command on the files of tests/golden/shapes, and compares what it
says with what is written down beside them."""

import itertools
import json
import os
import sys

from support import Case, FAILED, GOOD, FINDINGS, ROOT, read, run

sys.path.insert(0, os.path.join(ROOT, "tests", "golden"))
import handmade  # noqa: E402  pylint: disable=wrong-import-position

SEVERITIES = ("error", "warning", "note")


class ShapeCase(Case):
    """What holds for each of them."""

    def write(self, made):
        """Its files on disk: name -> path."""
        return {name: self.file(name + ".bin", bytes(file.bytes))
                for name, file in made.files.items()}

    def device(self, made, report, text):
        """`IDSTR` or `IDSTR#INSTANCE`."""
        idstr, _, instance = text.partition("#")
        for device in report["devices"]:
            if (device["id"], device["instance"]) == (idstr,
                                                      int(instance or 0)):
                return device
        raise AssertionError(made.name + ": no device " + text)

    def check_findings(self, made, paths, report):
        """All errors and warnings, and no others; of notes those written."""
        ours = list(report["findings"])
        wanted = [(severity, *words) for severity in SEVERITIES
                  for words in made.wanted(severity)]
        for severity, code, name, place, *more in wanted:
            file = made.files[name]
            finding = {"severity": severity, "code": code}
            if place != "-":
                finding["offset"] = file.offset(place)
                finding["file"] = paths[name]
                finding["channel"] = file.channel
            for key, text in zip(more[::2], more[1::2]):
                finding[key] = file.offset(text)
            match = [f for f in ours
                     if all((f[key] or 0) == value if key == "channel" else
                            f[key] == value for key, value in finding.items())]
            self.assertEqual(len(match), 1, (finding, ours))
            ours.remove(match[0])
        if not made.wanted("some"):
            self.assertEqual([f for f in ours if f["severity"] != "note"], [])

    def check_some(self, made, report):
        """`some error [CODE FILE PLACE]`: at least this."""
        for severity, *more in made.wanted("some"):
            there = [(f["code"], f["offset"]) for f in report["findings"]
                     if f["severity"] == severity]
            self.assertNotEqual(there, [])
            if more:
                offset = made.files[more[1]].offset(more[2])
                self.assertIn((more[0], offset), there)

    def check_whole(self, made, report):
        for key, text in made.wanted("is"):
            self.assertEqual(report[key], json.loads(text), key)
        for words in made.wanted("says"):
            text = " ".join(f["text"] for f in report["findings"])
            self.assertIn(words[0], text)
        for name, *words in made.wanted("channel"):
            number = made.files[name].channel
            channel = [c for c in report["channels"]
                       if c["channel"] == number][0]
            self.assertEqual(channel["id"], number - 1)
            self.assertEqual(channel["bytes"], len(made.files[name].bytes))
            for key, text in zip(words[::2], words[1::2]):
                value = channel[key].replace("-", "") if key == "uuid" \
                    else json.dumps(channel[key])
                self.assertEqual(value, text, key)
        ids = sorted(f.channel for f in made.files.values() if f.channel)
        if not made.wanted("error"):
            self.assertEqual([c["channel"] for c in report["channels"]], ids)

    def check_devices(self, made, report, arguments):
        for text, *words in made.wanted("state"):
            device = self.device(made, report, text)
            state = "".join(words).encode("ascii")
            self.assertEqual(device["state_bytes"], len(state))
            out = self.path("state")
            extract = run("extract", *arguments, "--device", text, "-o", out)
            self.check(extract, GOOD if device["complete"] and
                       not made.wanted("error") else FINDINGS)
            if extract.returncode == GOOD:
                self.assertEqual(read(out), state)
        for text, size in made.wanted("config"):
            device = self.device(made, report, text)
            self.assertEqual(device["config"]["size"], int(size))
        for text, value in made.wanted("complete"):
            device = self.device(made, report, text)
            self.assertEqual(device["complete"], json.loads(value))
        for text, count in made.wanted("packets"):
            device = self.device(made, report, text)
            self.assertEqual(device["packets"], int(count))

    def check_places(self, made, report):
        """Where records lie: DATA at a packet, CONFIG at its tag."""
        for text, *places in made.wanted("order"):
            device = self.device(made, report, text)
            records = [r for r in device["records"]
                       if r["section"] == "multifd" and r["tag"] != "END"]
            wanted = []
            for place, record in zip(places, records):
                name, offset = made.place(place)
                config = record["tag"] == "CONFIG"
                wanted.append((made.files[name].channel,
                               offset + (288 if config else 0)))
            self.assertEqual([(r["channel"], r["offset"]) for r in records],
                             wanted)
            self.assertEqual(len(records), len(places))
            self.assertIs(device["multifd"], True)
        for text, *places in made.wanted("record"):
            device = self.device(made, report, text)
            self.assertEqual(
                [r["offset"] for r in device["records"]
                 if r["tag"] in ("DATA", "CONFIG")],
                [made.place(place)[1] for place in places])

    def check_refused(self, made, paths):
        """Nothing that could be read: it is said on stderr, and why."""
        for command in (["inspect", "--json"], ["inspect"], ["verify"],
                        ["verify", "--quiet"],
                        ["extract", "-o", self.path("none")]):
            result = self.check(run(*command, *paths.values()), FAILED)
            self.assertEqual(result.stdout, b"")
            text = result.stderr.decode("ascii")
            for code, name, place in made.wanted("refused"):
                self.assertIn(paths[name], text)
                self.assertIn(f": offset {made.files[name].offset(place)} ",
                              text)
                self.assertIn(f"[{code}]", text)
            for words in made.wanted("says"):
                self.assertIn(words[0], text)

    def check_made(self, name):
        """One .hex file, its files given in every order."""
        made = handmade.Handmade(name)
        paths = self.write(made)
        status = int(made.wanted("exit")[0][0])
        if status == FAILED:
            self.check_refused(made, paths)
            return
        outputs = set()
        for order in itertools.permutations(paths.values()):
            report = self.inspect(*order, status=status)
            self.check(run("verify", *order), status)
            self.check_findings(made, paths, report)
            self.check_some(made, report)
            outputs.add(json.dumps(report, sort_keys=True))
        self.assertEqual(len(outputs), 1, "the order of files matters")
        self.check_whole(made, report)
        self.check_devices(made, report, list(paths.values()))
        self.check_places(made, report)
        self.check(run("inspect", *paths.values()), status)

    def check_all(self, prefix):
        for name in handmade.names(prefix):
            with self.subTest(name):
                self.check_made(name)
