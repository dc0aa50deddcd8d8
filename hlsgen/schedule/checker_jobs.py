# SPDX-License-Identifier: Apache-2.0
"""What command lists are checked against, and what is found wrong with them.

The checker takes nothing from the scheduler or from the code that makes commands: it walks the
fields of a command by their meaning in `sat_host.descriptor` and knows of the array only its
constants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from sat_host.descriptor import STCE

Commands = npt.NDArray[Any]
Counts = npt.NDArray[np.int64]
Rows = npt.NDArray[np.bool_]

WRAP = 1 << 32


@dataclass(frozen=True)
class Fault:
    """One broken rule. where: the product or the tensor. rule: its name, as in RULES."""

    where: str
    rule: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.rule}: {self.what}"


RULES = {
    "uncovered": "every element of Y is written",
    "covered_twice": "... and only once",
    "terms": "the sums have as many terms as the product",
    "shape": "the fields that a list's commands share are the same in all of them, and possible",
    "rows_apart": "A's rows and B's copy are those of the rows of Y",
    "a_steps": "the steps through A are those of images of its pitch",
    "b_steps": "every strip reads the same B",
    "y_steps": "the steps through Y are whole rows of it",
    "a_outside": "A is read within its tensor",
    "b_outside": "B is read within its tensor",
    "y_outside": "Y is written within its tensor",
    "sums_outside": "stored sums are read where the sums before were written",
    "accumulate": "sums begin at zero, or at stored ones when there are some, and end in Y's type",
    "rows": "a command has no more rows than the array holds",
    "interleave": "the interleave is one that a row unit has",
    "blocks": "a tile has no more column blocks than a row unit",
    "keep": "N is 1 to M, that of the layer, and M for a matrix",
    "strip_words": "a strip fits the loader's memory",
    "strip_range": "a strip holds all that its rows touch, and lies within A",
    "panel_words": "a transposed panel fits the loader's memory",
    "held_words": "weight stationary: a row unit holds the activations of its rows",
    "held_packets": "weight stationary: a row unit holds its part of the weights",
    "y_overlaps": "Y lies apart from A and B",
    "overlap": "no two tensors share a byte",
    "capacity": "a tensor ends within its bank",
    "alignment": "a tensor starts at a multiple of 4 KiB",
    "addressable": "a tensor ends within 2^32 words",
    "tensor": "a tensor is there, and large enough",
    "missing": "every product and update of the step is there, once",
}
"""Every rule by its name."""


@dataclass(frozen=True)
class Region:
    """A tensor in device memory: its first word, and how many it has."""

    name: str
    address: int
    words: int

    def overlaps(self, other: Region) -> bool:
        """Whether they share a word."""
        return self.address < other.address + other.words and (
            other.address < self.address + self.words
        )


@dataclass(frozen=True)
class Job:
    """What the lists that make one output must do.

    a, b, y: where the operands lie; a_pitch, y_pitch: words of a row of A's pixels and of Y.
    columns, binary32: of Y. wanted: which of Y's rows are to be written, None for all. terms:
    products of two elements in all, pruned ones included. copies: equal parts of A, B and Y, each a
    product of its own. accumulate: sums start at the stored Y. sums: where parts of a sum wait for
    the next. keeps: N of B, and of A where it is pruned as it is loaded, else 0; None for any.
    """

    name: str
    a: Region
    a_pitch: int
    b: Region
    y: Region
    y_pitch: int
    columns: int
    binary32: bool
    terms: int
    copies: int = 1
    accumulate: bool = False
    wanted: Rows | None = None
    sums: Region | None = None
    keeps: tuple[int, int] | None = None

    @property
    def rows(self) -> int:
        """Rows of Y, written or not."""
        return self.y.words // self.y_pitch


@dataclass
class Findings:
    """The faults of one job; of commands that break a rule, the first and how many there are."""

    where: str
    faults: list[Fault] = field(default_factory=list)

    def add(self, rule: str, what: str) -> None:
        """A breach of a rule."""
        assert rule in RULES, rule
        self.faults.append(Fault(self.where, rule, what))

    def need(self, rule: str, holds: Any, what: str) -> bool:
        """Note a fault unless `holds`, a truth or one for each command; whether all of it holds."""
        truths = np.atleast_1d(np.asarray(holds, bool))
        if truths.all():
            return True
        broken = np.flatnonzero(~truths)
        many = f", {broken.size} of {truths.size} commands, first number {broken[0]}"
        self.add(rule, what + (many if truths.size > 1 else ""))
        return False


class Fields:
    """The fields of a list as int64 arrays, by name; steps that may go back are signed."""

    SIGNED = ("a_step", "a_row_jump", "a_image_jump", "a_tap_step", "a_tap_jump", "b_tap_step",
              "b_tap_jump", "y_row_jump", "y_image_jump")  # fmt: skip

    def __init__(self, commands: Commands) -> None:
        self._commands = commands
        self.count = len(commands)

    def __getattr__(self, name: str) -> Counts:
        if name.startswith("is_"):
            mask = STCE.flag(name[3:])
            return (self._commands["flags"].astype(np.int64) & mask) // mask
        values: Counts = self._commands[name].astype(np.int64)
        return signed(values) if name in self.SIGNED else values


def signed(words: Counts) -> Counts:
    """Differences of addresses, which wrap around, as -2^31 to 2^31 - 1."""
    return (words + WRAP // 2) % WRAP - WRAP // 2


def ceil_div(value: Any, divisor: Any) -> Any:
    """The quotient, rounded up."""
    return -(-value // divisor)


def runs_of(starts: Counts, lengths: Counts, end: int) -> tuple[bool, bool]:
    """Whether intervals cover [0, end) without a gap, and whether none meets another or the end."""
    order = np.argsort(starts, kind="stable")
    begin, stop = starts[order], (starts + lengths)[order]
    furthest = np.concatenate([[0], np.maximum.accumulate(stop)])
    whole = bool((begin <= furthest[:-1]).all()) and furthest[-1] >= end
    apart = bool((begin >= furthest[:-1]).all()) and furthest[-1] <= end
    return whole, apart


Lists = Sequence[Commands]
