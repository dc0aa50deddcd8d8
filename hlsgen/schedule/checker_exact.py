# SPDX-License-Identifier: Apache-2.0
"""Every word that small command lists read and write, walked as the commands say, step by step.

Slower than `checker_lists` and free of its argument: nothing is assumed of the steps.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sat_host.config import ArrayConfig
from sat_host.descriptor import STCE

from .checker_jobs import WRAP, Counts, Fields, Findings, Job, Lists, Region, ceil_div
from .checker_lists import record_words

MAX_WORDS = 1 << 24
"""Words that a job's commands touch, above which `walk_job` is not for it."""


def touched_words(products: Sequence[Lists]) -> int:
    """About as many words as `walk_job` would keep in memory, summed over all commands."""
    total = 0
    for lists in products:
        for commands in lists:
            f = Fields(commands)
            taps = f.taps_y * f.taps_x
            reads = f.rows * taps * f.a_blocks + f.reduction * f.columns * taps
            total += int((f.rows * f.columns + reads).sum())
    return total


def walk_job(config: ArrayConfig, job: Job, products: Sequence[Lists], found: Findings) -> None:
    """Walk through all commands of a job, and count how often each element of Y is written."""
    places = np.zeros(job.y.words * config.lanes, np.int64)  # of 16 bits
    for lists in products:
        for number, commands in enumerate(lists):
            fields = Fields(commands)
            last = number == len(lists) - 1
            region = job.y if last or job.sums is None else job.sums
            for index in range(fields.count):
                walk = Walk(config, {name: int(getattr(fields, name)[index]) for name in NAMES})
                walk.read(job, found)
                written = walk.places(region, walk.written(), "y_outside", found)
                if walk.f["is_accumulate"]:
                    stored = job.sums if number and job.sums is not None else job.y
                    walk.places(stored, walk.sums(), "sums_outside", found)
                if last:
                    np.add.at(places, written, 1)
    wanted = np.zeros((job.rows, job.y_pitch * config.lanes), bool)
    wanted[:, : job.columns * (2 if job.binary32 else 1)] = True
    if job.wanted is not None:
        wanted[~job.wanted] = False
    counts = places[: wanted.size].reshape(wanted.shape)
    found.need("uncovered", bool((counts[wanted] > 0).all()), "elements of Y are not written")
    once = (counts[wanted] <= 1).all() and not counts[~wanted].any()
    found.need("covered_twice", bool(once), "elements of Y written twice, or outside of its rows")


NAMES = (
    *(field.name for field in STCE.fields),
    *("is_transpose_a", "is_packed_b", "is_accumulate", "is_binary32", "is_transpose_b"),
    "is_backward_taps",
)


class Walk:
    """One command's reads and writes. f: its fields by name, and `is_<flag>`."""

    def __init__(self, config: ArrayConfig, f: dict[str, int]) -> None:
        self.config, self.f = config, f
        self.blocks = ceil_div(f["columns"], config.lanes)
        self.panels = ceil_div(f["reduction"], config.lanes)

    def read(self, job: Job, found: Findings) -> None:
        """Check all words of A and of B."""
        f = self.f
        if f["is_transpose_a"]:
            words, inside = self._source(f["reduction"], f["a_words"])
        else:
            words, inside = self._source(f["rows"], f["taps_y"] * f["taps_x"] * f["a_blocks"])
        a = (words[inside] - job.a.address) % WRAP
        found.need("a_outside", bool((a < job.a.words).all()), f"reads beyond {job.a.name}")
        if f["strip_words"]:
            strip = (words[inside] - f["strip_address"]) % WRAP
            start = (f["strip_address"] - job.a.address) % WRAP
            holds = (strip < f["strip_words"]).all() and start + f["strip_words"] <= job.a.words
            found.need("strip_range", bool(holds), "a strip lacks words, or reaches beyond A")
        b = (self._operand() - job.b.address) % WRAP
        found.need("b_outside", bool((b < job.b.words).all()), f"reads beyond {job.b.name}")

    def places(self, region: Region, elements: Counts, rule: str, found: Findings) -> Counts:
        """Those of `elements`, places of 16 bits, that lie in a tensor, from its start."""
        lanes = self.config.lanes
        words = (elements // lanes - region.address) % WRAP
        inside = words < region.words
        found.need(rule, bool(inside.all()), f"beyond {region.name}")
        chosen: Counts = (words * lanes + elements % lanes)[inside]
        return chosen

    def written(self) -> Counts:
        """Places of 16 bits of Y, rows x columns."""
        return self._elements(self.f["y_address"], 1, bool(self.f["is_binary32"]))

    def sums(self) -> Counts:
        """Places of 16 bits of the stored sums, which mirror Y in binary32."""
        scale = 1 if self.f["is_binary32"] else 2
        return self._elements(self.f["sums_address"], scale, True)

    def _elements(self, start: int, scale: int, binary32: bool) -> Counts:
        f, lanes = self.f, self.config.lanes
        rows = np.arange(f["rows"])
        if f["is_transpose_a"]:
            column = f["a_block"] * lanes + f["a_skip"]
            lines, images = _crossed(rows, column, f["a_channels"], 0, 1 << 40)
        else:
            lines, images = _crossed(rows, f["out_x"], f["out_width"], f["out_y"], f["out_height"])
        steps = (f["y_pitch"], f["y_row_jump"], f["y_image_jump"])
        row = start + scale * _walked(rows, lines, images, steps)
        place = np.arange(f["columns"] * (2 if binary32 else 1))
        words = (row[:, None] + place // lanes) % WRAP
        return words * lanes + place % lanes

    def _source(self, pixels: int, words: int) -> tuple[Counts, Counts]:
        """Addresses [pixels, words of taps], and which of them lie inside the image."""
        f = self.f
        n, k = np.arange(pixels), np.arange(words)
        lines, images = _crossed(n, f["out_x"], f["out_width"], f["out_y"], f["out_height"])
        y = f["a_y"] + f["a_stride_y"] * (lines - images * f["out_height"])
        x = f["a_x"] + f["a_stride_x"] * (n - lines * f["out_width"])
        steps = (f["a_step"], f["a_row_jump"], f["a_image_jump"])
        pixel = f["a_address"] + _walked(n, lines, images, steps)
        first, tap_x = (f["a_block"], f["tap_x"]) if f["is_transpose_a"] else (0, 0)
        taps, block = np.divmod(first + k, f["a_blocks"])
        down = (tap_x + taps) // f["taps_x"]
        across = taps - down * f["taps_x"]
        turn = -1 if f["is_backward_taps"] else 1
        tap = (taps - down) * f["a_tap_step"] + down * f["a_tap_jump"] + block
        inside_y = y[:, None] + turn * down
        inside_x = x[:, None] + turn * across
        inside = (inside_y >= 0) & (inside_y < f["a_height"])
        inside &= (inside_x >= 0) & (inside_x < f["a_width"])
        return (pixel[:, None] + tap) % WRAP, inside

    def _operand(self) -> Counts:
        """Addresses of all of B's words."""
        f = self.f
        tap = np.zeros(1, np.int64)
        if not f["is_transpose_a"]:
            count = np.arange(f["taps_y"] * f["taps_x"])
            down = count // f["taps_x"]
            tap = (count - down) * f["b_tap_step"] + down * f["b_tap_jump"]
        if f["is_packed_b"]:
            record = record_words(self.config, f["keep"])
            outer, inner = np.arange(self.blocks) * f["b_block_step"], np.arange(
                self.panels * record)  # fmt: skip
        elif f["is_transpose_b"]:
            outer, inner = np.arange(f["columns"]) * f["b_pitch"], np.arange(self.panels)
        else:
            outer, inner = np.arange(f["reduction"]) * f["b_pitch"], np.arange(self.blocks)
        words: Counts = np.add.outer(np.add.outer(tap, outer), inner).ravel() + f["b_address"]
        return words


def _crossed(
    steps: Counts, column: int, width: int, row: int, height: int
) -> tuple[Counts, Counts]:
    """Ends of rows and of images that a walk of so many steps from (row, column) has passed."""
    lines = (column + steps) // width
    return lines, (row + lines) // height


def _walked(steps: Counts, lines: Counts, images: Counts, words: tuple[int, int, int]) -> Counts:
    """Words from the start: a step, a jump at a row's end or one at an image's end each time."""
    step, line, image = words
    walked: Counts = (steps - lines) * step + (lines - images) * line + images * image
    return walked
