# SPDX-License-Identifier: Apache-2.0
"""An independent proof that a program does what its layers need, and only that.

Nothing here comes from the scheduler or from the code that makes commands. The jobs come from the
geometry of the layers, the rest from the commands' fields and the map of the tensors. Rules:
`hlsgen.schedule.checker_jobs.RULES`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from sat_host.convolution import Convolution
from sat_host.layer_shapes import ActivationLayer, WeightedLayer

from .checker_exact import MAX_WORDS, touched_words, walk_job
from .checker_jobs import WRAP, Fault, Findings, Job, Region, Rows, ceil_div
from .checker_lists import check_job, record_words
from .checker_updates import check_update
from .memory_map import Tensor
from .program import ProductEntry, Program

ALIGN = 4096


def check(program: Program, *, exact: bool = False) -> list[Fault]:
    """All faults of a program, none for a good one. exact: also walk all words of small ones."""
    faults = list(check_memory(program))
    for job, entries in jobs(program, faults):
        products = [program.commands(entry) for entry in entries]
        found = Findings(job.name)
        check_job(program.config, job, products, found)
        if exact and not found.faults and touched_words(products) <= MAX_WORDS:
            walk_job(program.config, job, products, found)
        faults += found.faults
    for layer in program.layers:
        if isinstance(layer, WeightedLayer):
            faults += check_update(program, layer)
    return faults


def check_memory(program: Program) -> Iterator[Fault]:
    """Tensors lie apart, aligned, each within its bank and within what commands can address."""
    memory, word = program.memory, 2 * program.config.lanes
    order = sorted(memory.tensors, key=lambda tensor: tensor.address)
    for before, after in pairwise(order):
        if before.address + before.bytes > after.address:
            yield Fault(after.name, "overlap", f"begins inside {before.name}")
    for tensor in memory.tensors:
        start, end = tensor.bank * memory.bank_bytes, (tensor.bank + 1) * memory.bank_bytes
        last = tensor.address + tensor.bytes
        if not (0 <= tensor.bank < memory.banks and start <= tensor.address and last <= end):
            yield Fault(tensor.name, "capacity", f"not within bank {tensor.bank}")
        if tensor.address % ALIGN or tensor.bytes % word:
            yield Fault(tensor.name, "alignment", f"byte {tensor.address}, {tensor.bytes} bytes")
        if last > WRAP * word:
            yield Fault(tensor.name, "addressable", f"ends at byte {last}")


@dataclass(frozen=True)
class _Group:
    """The products that make one output: of a layer, by stage, Y and whether sums accumulate."""

    layer: str
    stage: str
    y: str
    accumulate: bool


def jobs(program: Program, faults: list[Fault]) -> Iterator[tuple[Job, list[ProductEntry]]]:
    """What each group of products must do, with the products; groups amiss go into `faults`."""
    groups: dict[_Group, list[ProductEntry]] = {}
    for entry in program.products:
        group = _Group(entry.layer, entry.stage, entry.tensors[2], entry.product.accumulate)
        groups.setdefault(group, []).append(entry)
    found = []
    for layer in program.layers:
        made = _weighted(program, layer) if isinstance(layer, WeightedLayer) else _paired(
            program, layer)  # fmt: skip
        for plan in made:
            group = _Group(layer.name, plan.stage, plan.y.name, plan.accumulate)
            entries = groups.pop(group, [])
            if not entries or any(entry.runs != plan.runs for entry in entries):
                what = f"expected {plan.stage} {plan.runs} times a step"
                faults.append(Fault(f"{layer.name} {plan.stage}", "missing", what))
            if not entries or not plan.sound(entries, faults):
                continue
            found.append((plan.job(program, entries), entries))
    for group in groups:
        what = "no layer needs it, or its Y is another tensor"
        faults.append(Fault(f"{group.layer} {group.stage}", "missing", what))
    yield from found


@dataclass(frozen=True)
class _Plan:
    """A job before its tensors are known to be there. extents: rows and columns of A's and of Y's
    matrix; b_words: of all of B."""

    layer: str
    stage: str
    runs: int
    a: Tensor
    b: Tensor
    y: Tensor
    a_extents: tuple[int, int]
    b_words: int
    y_extents: tuple[int, int]
    terms: int
    lanes: int
    keeps: tuple[int, int]
    copies: int = 1
    accumulate: bool = False
    wanted: Rows | None = None

    @property
    def binary32(self) -> bool:
        """Y's type."""
        return self.stage == "WU"

    def pitches(self) -> tuple[int, int]:
        """Words of a row of A and of Y."""
        a, y = (ceil_div(extents[1], self.lanes) for extents in (self.a_extents, self.y_extents))
        return a, y * (2 if self.binary32 else 1)

    def sound(self, entries: list[ProductEntry], faults: list[Fault]) -> bool:
        """Whether the entries name the right tensors, and these are as large as they must be."""
        found = Findings(f"{self.layer} {self.stage}")
        names = (self.a.name, self.b.name, self.y.name)
        right = all(entry.tensors == names for entry in entries)
        found.need("tensor", right, f"expected {', '.join(names)} as A, B and Y")
        a_pitch, y_pitch = self.pitches()
        sizes = (self.a_extents[0] * a_pitch, self.b_words, self.y_extents[0] * y_pitch)
        for tensor, words in zip((self.a, self.b, self.y), sizes, strict=True):
            size = words * 2 * self.lanes
            found.need("tensor", tensor.bytes == size, f"{tensor.name} is not of {size} bytes")
        faults += found.faults
        return not found.faults

    def job(self, program: Program, entries: list[ProductEntry]) -> Job:
        """The job of sound entries."""
        scratch = {entry.scratch for entry in entries} - {None}
        sums = program.memory[scratch.pop() or ""] if scratch else None
        a_pitch, y_pitch = self.pitches()
        return Job(
            f"{self.layer} {self.stage}",
            self._region(self.a), a_pitch, self._region(self.b), self._region(self.y), y_pitch,
            self.y_extents[1], self.binary32, self.terms, self.copies, self.accumulate, self.wanted,
            None if sums is None else self._region(sums), self.keeps,
        )  # fmt: skip

    def _region(self, tensor: Tensor) -> Region:
        word = 2 * self.lanes
        return Region(tensor.name, tensor.address // word, tensor.bytes // word)


def _weighted(program: Program, layer: WeightedLayer) -> Iterator[_Plan]:
    """FF, WU, WU that accumulates, and BP of a layer with weights."""
    shape, config, memory = layer.shape, program.config, program.memory
    lanes = config.lanes

    def of(role: str) -> Tensor:
        return memory[f"{layer.name}.{role}"]

    micro_batches = program.batch // program.micro_batch
    lines, columns = _out(shape, 0), _out(shape, 1)
    x = shape.images * shape.height * shape.width, shape.channels
    y = shape.images * lines * columns, shape.filters
    taps = shape.kernel[0] * shape.kernel[1]
    terms = y[0] * y[1] * taps * shape.channels
    tap_rows = ceil_div(shape.channels, lanes) * lanes if taps > 1 else shape.channels
    rows = (taps - 1) * tap_rows + shape.channels
    inner, outer = ceil_div(rows, lanes), ceil_div(shape.filters, lanes)
    records = inner * outer
    ff = records * record_words(config, layer.ff_keep)
    yield _Plan(layer.name, "FF", micro_batches, of("x"), of("ff"), of("y"), x, ff, y, terms, lanes,
                (layer.ff_keep, 0))  # fmt: skip
    wanted = np.arange(rows) % tap_rows < shape.channels
    dy_words = y[0] * outer
    for accumulate, runs in ((False, 1), (True, micro_batches - 1)):
        if runs:
            yield _Plan(
                layer.name, "WU", runs, of("x"), of("dy"), of("gradient"), x, dy_words,
                (rows, shape.filters), terms, lanes, (config.group, 0), 1, accumulate, wanted,
            )  # fmt: skip
    if layer.bp_keep:
        reach = [_reach(shape, axis) for axis in (0, 1)]
        terms = shape.images * shape.channels * shape.filters * int(reach[0].sum() * reach[1].sum())
        pixels = np.outer(reach[0] > 0, reach[1] > 0).ravel()
        bp = records * record_words(config, layer.bp_keep)
        yield _Plan(
            layer.name, "BP", micro_batches, of("dy"), of("bp"), of("dx"), y, bp, x, terms, lanes,
            (layer.bp_keep, layer.dy_keep), wanted=np.tile(pixels, shape.images),
        )  # fmt: skip


def _out(shape: Convolution, axis: int) -> int:
    """Places of the kernel along an axis."""
    size = (shape.height, shape.width)[axis] + 2 * shape.padding[axis]
    return (size - shape.kernel[axis]) // shape.stride[axis] + 1


def _reach(shape: Convolution, axis: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """How many taps a stride lets reach each place along an axis, whether from inside the output
    or from beyond it."""
    place = np.arange((shape.height, shape.width)[axis])[:, None] + shape.padding[axis]
    tap = np.arange(shape.kernel[axis])
    counts: np.ndarray[tuple[int], np.dtype[np.int64]] = (
        ((place - tap) % shape.stride[axis] == 0).sum(axis=1).astype(np.int64)
    )
    return counts


def _paired(program: Program, layer: ActivationLayer) -> Iterator[_Plan]:
    """FF, and BP of both factors, of a product of two activations."""
    memory, lanes, copies = program.memory, program.config.lanes, layer.copies
    keeps = program.config.group, 0
    height, inner, outer = layer.height, layer.inner, layer.outer
    micro_batches = program.batch // program.micro_batch

    def of(role: str) -> Tensor:
        return memory[f"{layer.name}.{role}"]

    def rows(count: int) -> int:
        return copies * count

    def words(count: int, columns: int) -> int:
        return rows(count) * int(ceil_div(columns, lanes))

    terms = copies * height * inner * outer
    other = (outer, inner) if layer.keys else (inner, outer)
    x, dy = (rows(height), inner), (rows(height), outer)
    b_words = words(*other)
    yield _Plan(layer.name, "FF", micro_batches, of("x"), of("other"), of("y"),
                x, b_words, dy, terms, lanes, keeps, copies)  # fmt: skip
    yield _Plan(layer.name, "BP", micro_batches, of("dy"), of("other"), of("dx_in_place"),
                dy, b_words, x, terms, lanes, keeps, copies)  # fmt: skip
    a, b = ("dy", "x") if layer.keys else ("x", "dy")
    sizes = {"x": inner, "dy": outer}
    yield _Plan(
        layer.name, "BP", micro_batches, of(a), of(b), of("d_other"), (rows(height), sizes[a]),
        words(height, sizes[b]), (rows(other[0]), other[1]), terms, lanes, keeps, copies,
    )  # fmt: skip
