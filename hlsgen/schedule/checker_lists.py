# SPDX-License-Identifier: Apache-2.0
"""Proofs about command lists from their fields alone, as intervals: no walk over elements.

A walk through pixels only adds steps. When these are the ones of whole images, which is checked,
the walk's every place is known from its first one, and so is what a command reads and writes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sat_host.config import ArrayConfig

from .checker_buffers import check_buffers, check_strips
from .checker_jobs import (
    WRAP,
    Commands,
    Counts,
    Fields,
    Findings,
    Job,
    Lists,
    Region,
    ceil_div,
    runs_of,
    signed,
)

# Fields that all commands of a list share.
SHARED = (
    *("a_step", "a_row_jump", "a_image_jump", "a_tap_step", "a_tap_jump", "a_blocks", "a_channels"),
    *("b_pitch", "b_block_step", "b_tap_step", "b_tap_jump", "y_pitch", "y_row_jump"),
    *("y_image_jump", "reduction", "flags", "a_height", "a_width", "a_stride_y", "a_stride_x"),
    *("out_height", "out_width", "taps_y", "taps_x", "keep", "a_keep"),
)


def check_job(config: ArrayConfig, job: Job, products: Sequence[Lists], found: Findings) -> None:
    """Prove the lists of `job`: products, each in one list or in parts of its sums."""
    for name, other in (("A", job.a), ("B", job.b)):
        found.need("y_overlaps", not job.y.overlaps(other), f"Y ({job.y.name}) meets {name}")
        if job.sums is not None:
            apart = not job.sums.overlaps(other)
            found.need("y_overlaps", apart, f"stored sums ({job.sums.name}) meet {name}")
    terms = 0
    written = np.zeros(job.rows, np.int64)
    for lists in products:
        before: List | None = None
        for number, commands in enumerate(lists):
            part = List(config, job, commands, found, last=number == len(lists) - 1)
            if not part.check(before):
                return
            terms += part.terms
            before = part
        if before is not None:
            written += np.bincount(before.all_rows(), minlength=job.rows)[: job.rows]
    wanted = np.ones(job.rows, bool) if job.wanted is None else job.wanted
    found.need("uncovered", bool((written[wanted] > 0).all()), "rows of Y that no list writes")
    once = (written[wanted] <= 1).all() and not written[~wanted].any()
    found.need("covered_twice", bool(once), "rows of Y that lists write twice, or should not")
    found.need("terms", terms == job.terms, f"{terms} terms in all, expected {job.terms}")


class List:
    """One list: the commands of a product, or of a part of its sums."""

    def __init__(
        self, config: ArrayConfig, job: Job, commands: Commands, found: Findings, *, last: bool
    ) -> None:
        self.config, self.job, self.found, self.last = config, job, found, last
        self.f = Fields(commands)

    def check(self, before: List | None) -> bool:
        """Whether nothing is wrong; `before` is the list of the part of the sums before this."""
        if not self._shapes():
            return False
        check_buffers(self.config, self.f, self.found)
        keep, a_keep = self.job.keeps or (self.f.keep, self.f.a_keep)
        same = (self.f.keep == keep) & (self.f.a_keep == a_keep)
        self.found.need("keep", same, f"expected {keep}, and {a_keep} of A")
        if not (self._source() and self._target(before) and self._operand()):
            return False
        check_strips(self.job, self.f, (self.image, self.word), self.found)
        return self._coverage() and self._sums(before)

    @property
    def terms(self) -> int:
        """Products of two elements."""
        f = self.f
        taps = 1 if self.transposed else int(f.taps_y[0] * f.taps_x[0])
        return int((f.rows * f.columns).sum()) * taps * int(f.reduction[0])

    # What all commands share ----------------------------------------------------------------

    def _shapes(self) -> bool:
        f = self.f
        if not self.found.need("shape", f.count > 0, "an empty list"):
            return False
        same = [name for name in SHARED if (getattr(f, name) != getattr(f, name)[0]).any()]
        if not self.found.need("shape", not same, f"commands differ in {', '.join(same)}"):
            return False
        least = ("rows", "columns", "reduction", "a_height", "a_width", "a_stride_y", "a_stride_x",
                 "out_height", "out_width", "taps_y", "taps_x", "a_blocks", "y_pitch",
                 "interleave", "blocks")  # fmt: skip
        empty = [name for name in least if (getattr(f, name) < 1).any()]
        if not self.found.need("shape", not empty, f"{', '.join(empty)} below 1"):
            return False
        inside = (f.out_y < f.out_height) & (f.out_x < f.out_width)
        return self.found.need("shape", inside, "the first pixel is outside of its image")

    @property
    def transposed(self) -> bool:
        """Whether A's pixels are the reduction."""
        return bool(self.f.is_transpose_a[0])

    # A --------------------------------------------------------------------------------------

    def _source(self) -> bool:
        """A's steps, and that its images lie within the tensor; `image`: the first one of each
        command, `pixel`: the number of its first output pixel."""
        f, job, found = self.f, self.job, self.found
        pitch, turn = job.a_pitch, 1 - 2 * int(f.is_backward_taps[0])
        line = f.a_width * pitch
        steps = {
            "a_tap_step": turn * pitch + 0 * line,
            "a_tap_jump": turn * (line - (f.taps_x - 1) * pitch),
            "a_step": f.a_stride_x * pitch,
            "a_row_jump": f.a_stride_y * line - (f.out_width - 1) * f.a_stride_x * pitch,
            "a_image_jump": f.a_height * line - (f.out_height - 1) * f.a_stride_y * line
            - (f.out_width - 1) * f.a_stride_x * pitch,
        }  # fmt: skip
        wrong = [name for name, value in steps.items() if (getattr(f, name) != value).any()]
        if not found.need("a_steps", not wrong, f"{', '.join(wrong)} of a pitch of {pitch} words"):
            return False
        size = int(f.a_height[0] * line[0])
        images = job.a.words // size
        start = signed(f.a_address - job.a.address) - f.a_y * line - f.a_x * pitch
        self.image, self.word = start // size, start % size
        used = f.a_blocks if self.transposed else ceil_div(f.reduction, self.config.lanes)
        found.need("shape", f.a_blocks == used, "a_blocks are not the words of the reduction")
        place = f.out_height * f.out_width
        self.pixel = self.image * place + f.out_y * f.out_width + f.out_x
        count = f.reduction if self.transposed else f.rows
        self.images, self.place = images, int(place[0])
        inside = (self.image >= 0) & (self.pixel + count <= images * place)
        return found.need(
            "a_outside", inside & (self.word + f.a_blocks <= pitch),
            f"reads beyond {job.a.name}, {images} images of {size} words",
        ) and (not self.transposed or self._channels())  # fmt: skip

    def _channels(self) -> bool:
        """Transposed A: the channel words of taps that the rows lie in."""
        f, lanes = self.f, self.config.lanes
        first = f.a_block * lanes + f.a_skip
        words = ceil_div(f.a_channels, lanes)
        holds = (f.a_skip < lanes) & (first < f.a_channels) & (f.a_blocks == words)
        last = first + f.rows - 1
        crossed, channel = np.divmod(last, np.maximum(f.a_channels, 1))
        needed = crossed * f.a_blocks + channel // lanes - f.a_block + 1
        return self.found.need(
            "shape", holds & (f.a_words == needed), "a_block, a_skip or a_words are not the rows'"
        )

    # Y --------------------------------------------------------------------------------------

    def _target(self, before: List | None) -> bool:
        """Y's steps, its type, and where each command's rows begin in it: `first_row`, in rows of
        the tensor, and `first_block`, in column blocks."""
        f, job, found = self.f, self.job, self.found
        binary32, accumulate = bool(f.is_binary32[0]), bool(f.is_accumulate[0])
        found.need("accumulate", accumulate == (before is not None or job.accumulate),
                   "sums begin at zero that should go on, or the other way round")  # fmt: skip
        found.need("accumulate", binary32 == (job.binary32 or not self.last), "Y's type")
        region, self.pitch = self._region()
        width = f.a_channels if self.transposed else f.out_width
        row = f.y_row_jump + (width - 1) * f.y_pitch
        image = f.y_image_jump + (f.out_height - 1) * row + (f.out_width - 1) * f.y_pitch
        steps = [f.y_pitch] + ([row] if self._many_rows else []) + (
            [image] if not self.transposed and self.images > 1 else [])  # fmt: skip
        whole = all((step % self.pitch == 0).all() for step in steps)
        if not found.need("y_steps", whole, f"steps are not whole rows of {self.pitch} words"):
            return False
        self.steps = tuple(int(step[0]) // self.pitch for step in (f.y_pitch, row, image))
        offset = signed(f.y_address - region.address)
        self.first_row, word = np.divmod(offset, self.pitch)
        size = 2 if binary32 else 1
        self.first_block = word // size
        found.need("y_steps", word % size == 0, "Y begins inside a column block")
        last = self.first_block + ceil_div(f.columns, self.config.lanes)
        inside = (offset >= 0) & (last * size <= self.pitch)
        return found.need("y_outside", inside, f"columns beyond {region.name}")

    @property
    def _many_rows(self) -> bool:
        """Whether the rows of Y's images follow each other by a step of their own."""
        f = self.f
        lines = f.taps_y * f.taps_x if self.transposed else f.out_height
        return bool(lines[0] > 1)

    def _region(self) -> tuple[Region, int]:
        """Where Y lies and the words of its rows: stored sums are a mirror of Y in binary32."""
        job = self.job
        if self.last or job.sums is None:
            return job.y, job.y_pitch
        return job.sums, job.y_pitch * (1 if job.binary32 else 2)

    def _sums(self, before: List | None) -> bool:
        """Stored sums are read where the list before wrote those of the same rows, or are Y's."""
        f, found = self.f, self.found
        if not f.is_accumulate[0]:
            return True
        if before is None:
            same = f.sums_address == f.y_address
            return found.need("sums_outside", same & (f.is_binary32 == 1), "sums are not Y's")
        scale = 1 if f.is_binary32[0] else 2
        steps = [
            before.f.y_pitch[0] == scale * f.y_pitch[0],
            before.f.y_row_jump[0] == scale * f.y_row_jump[0] or not self._many_rows,
            before.f.y_image_jump[0] == scale * f.y_image_jump[0] or self.transposed,
        ]
        region, pitch = before._region()
        row = self.first_row - self.origin + before.origin
        place = (f.sums_address - region.address - row * pitch - 2 * self.first_block) % WRAP
        return found.need(
            "sums_outside", np.all(steps) & (place == 0), "not the sums stored before"
        )

    def all_rows(self) -> Counts:
        """The tensor's rows that the whole list writes."""
        place, line, image = self.steps
        f = self.f
        if self.transposed:
            copies, taps = self.job.copies, int(f.taps_y[0] * f.taps_x[0])
            part, channels = self.job.rows // copies, int(f.a_channels[0])
            grid = np.add.outer(np.arange(copies) * part, np.arange(taps) * line)
            return np.add.outer(grid, np.arange(channels) * place).ravel()
        lines = np.add.outer(np.arange(self.images) * image, np.arange(int(f.out_height[0])) * line)
        grid = np.add.outer(lines, np.arange(int(f.out_width[0])) * place)
        return self.origin + grid.ravel()

    # B --------------------------------------------------------------------------------------

    def _operand(self) -> bool:
        """B's extreme words lie within its copy's part of the tensor."""
        f, job, lanes = self.f, self.job, self.config.lanes
        packed, turned = bool(f.is_packed_b[0]), bool(f.is_transpose_b[0])
        blocks, panels = ceil_div(f.columns, lanes), ceil_div(f.reduction, lanes)
        if packed:
            record = record_words(self.config, int(f.keep[0]))
            spans = [(blocks - 1) * f.b_block_step, panels * record - 1]
        elif turned:
            spans = [(f.columns - 1) * f.b_pitch, panels - 1]
        else:
            spans = [(f.reduction - 1) * f.b_pitch, blocks - 1]
        if not self.transposed:
            down = f.b_tap_jump + (f.taps_x - 1) * f.b_tap_step
            spans += [(f.taps_y - 1) * down, (f.taps_x - 1) * f.b_tap_step]
        low = signed(f.b_address - job.b.address) + sum(np.minimum(s, 0) for s in spans)
        high = signed(f.b_address - job.b.address) + sum(np.maximum(s, 0) for s in spans)
        part = job.b.words // job.copies
        copy = self._copies()
        inside = (low >= copy * part) & (high < (copy + 1) * part)
        step = f.b_block_step if packed else lanes * f.b_pitch if turned else 1
        place = f.b_address - copy * part - self.first_block * step
        found = self.found.need("b_outside", inside, f"reads beyond {job.b.name}")
        same = (place - place[0]) % WRAP == 0
        return self.found.need("b_steps", same, "strips read different B") and found

    def _copies(self) -> Counts:
        """Which of the equal products a command is of."""
        copy: Counts = self.pixel // (self.images * self.place // self.job.copies)
        return copy

    # Coverage -------------------------------------------------------------------------------

    def _coverage(self) -> bool:
        """The rows of Y are those of A, and the commands cover all of them once, for each range of
        columns."""
        f, job, found = self.f, self.job, self.found
        place, line, image = self.steps
        copy = self._copies()
        if self.transposed:
            part = job.rows // job.copies
            rest = self.first_row - copy * part
            channel = f.a_block * self.config.lanes + f.a_skip
            tap = np.zeros_like(rest)
            if self._many_rows:
                tap = (rest - channel * place) // max(line, 1)
            row, many = (copy * f.taps_y * f.taps_x + tap) * f.a_channels + channel, f.taps_y
            total = job.copies * int(many[0] * f.taps_x[0] * f.a_channels[0])
            shift = rest - tap * line - channel * place
            self.origin = 0
            begin = self.pixel - copy * (self.images * self.place // job.copies)
            aligned = (shift == 0) & self._tap_places(tap) & (begin == begin[0])
        else:
            row, total = self.pixel, self.images * self.place
            shift = self.first_row - self.image * image - f.out_y * line - f.out_x * place
            self.origin = int(shift[0])
            last = (self.pixel + f.rows - 1) // (total // job.copies)
            y, x = f.a_y - f.out_y * f.a_stride_y, f.a_x - f.out_x * f.a_stride_x
            aligned = (shift == self.origin) & (last == copy) & (y == y[0]) & (x == x[0])
        if not found.need(
            "rows_apart", aligned, "Y's rows are not those that A and B are read for"
        ):
            return False
        if not self._columns(row, total):
            return False
        rows = self.all_rows()
        region, pitch = self._region()
        words = ceil_div(job.columns, self.config.lanes) * (1 + int(f.is_binary32[0]))
        end = (int(rows.max()) * pitch + words) if rows.size else 0
        inside = rows.size == 0 or (int(rows.min()) >= 0 and end <= region.words)
        return found.need("y_outside", inside, f"rows beyond {region.name}")

    def _tap_places(self, tap: Counts) -> Counts:
        """Transposed A: whether each command begins at the tap of its first row."""
        f = self.f
        turn = 1 - 2 * f.is_backward_taps
        down, across = np.divmod(tap, f.taps_x)
        y, x = f.a_y - turn * down, f.a_x - turn * across
        holds: Counts = (
            (y == y[0]) & (x == x[0]) & (f.tap_x == across) & (tap < f.taps_y * f.taps_x)
        )
        return holds

    def _columns(self, row: Counts, total: int) -> bool:
        """Every range of columns has all rows once, and the ranges make up Y's columns."""
        f, job, lanes = self.f, self.job, self.config.lanes
        ranges = np.stack([self.first_block * lanes, f.columns], axis=1)
        unique, which = np.unique(ranges, axis=0, return_inverse=True)
        which = which.ravel()
        results = [runs_of(unique[:, 0], unique[:, 1], job.columns)]
        for number in range(len(unique)):
            chosen = which == number
            results.append(runs_of(row[chosen], f.rows[chosen], total))
        whole = all(result[0] for result in results)
        apart = all(result[1] for result in results)
        covered = self.found.need("uncovered", whole, "elements of Y that no command writes")
        return covered & self.found.need("covered_twice", apart, "elements that two commands write")


def record_words(config: ArrayConfig, keep: int) -> int:
    """Words of a packed record: kept values of a panel's groups, then, unless all are kept, their
    indices of log2(M) bits, as many whole ones a 16-bit place as fit."""
    values = config.lanes // config.group * keep
    bits = (config.group - 1).bit_length()
    return values + (0 if keep == config.group else int(ceil_div(values, 16 // bits)))
