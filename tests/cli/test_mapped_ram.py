# SPDX-License-Identifier: MIT
"""mapped-ram files: RAM pages at fixed offsets, the stream jumps over them."""

import unittest

from shapes import ShapeCase, handmade
from support import FINDINGS, GOOD, run, scaled

GOLDEN = "mapped-ram-two-blocks"


class MappedRam(ShapeCase):
    def test_written_down(self):
        self.check_all("mapped-ram-")

    def test_from_a_pipe(self):
        """What cannot be sought in is read through."""
        made = handmade.Handmade(GOLDEN)
        stream = bytes(made.files["main"].bytes)
        path = self.file("stream", stream)
        by_file = self.inspect(path)
        by_pipe = self.inspect("-", data=stream)
        self.assertEqual(by_pipe["devices"], by_file["devices"])
        self.assertEqual(by_pipe["mapped_ram"], True)

    def test_cut_anywhere(self):
        made = handmade.Handmade(GOLDEN)
        stream = bytes(made.files["main"].bytes)
        labels = made.files["main"].labels
        step = 1 if scaled(1000) >= 1000 else 23
        sizes = [size for size in range(8, len(stream), step)
                 if not any(labels[pages] + 8 < size < labels[pages] + 4000
                            for pages in ("pages1", "pages2"))
                 and not labels["pages1"] + 4096 < size <
                 labels["pages1"] + 8190]
        self.assertTrue(len(sizes) > 20)
        for size in sizes:
            result = run("verify", self.file("cut", stream[:size]))
            self.check(result,
                       GOOD if size == labels["vmdesc"] else FINDINGS)

    def test_bytes_changed(self):
        made = handmade.Handmade(GOLDEN)
        stream = bytes(made.files["main"].bytes)
        labels = made.files["main"].labels
        rng = self.use_random()
        for _ in range(scaled(300)):
            damaged = bytearray(stream)
            at = rng.randrange(labels["ram1"], labels["bitmap1"])
            damaged[at] = rng.choice((0, 1, 0x7f, 0x80, 0xff,
                                      rng.randrange(256)))
            result = run("inspect", "--json", self.file("damaged",
                                                        bytes(damaged)))
            self.check(result, min(result.returncode, 2))


if __name__ == "__main__":
    unittest.main()
