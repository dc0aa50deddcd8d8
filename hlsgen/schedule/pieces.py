# SPDX-License-Identifier: Apache-2.0
"""Cycles by cause: those of the array alone, and those with a memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from sat_host.tiling import Tiling

from .drains import Drains
from .memory import Banks, Counts, Places, Traffic

PIECES = (
    "compute", "distribution", "b_delivery", "drain", "store", "memory", "fill", "overlap",
)  # fmt: skip


@dataclass(frozen=True)
class Candidates:
    """Ways to cut a product, arrays of one axis each. dataflow: of all of them. interleave,
    blocks: T and Q. buffered: bool."""

    dataflow: str
    interleave: Counts
    blocks: Counts
    buffered: npt.NDArray[np.bool_]

    @property
    def size(self) -> int:
        """How many."""
        return int(self.interleave.size)

    @classmethod
    def of(cls, tiling: Tiling) -> Candidates:
        """One alone."""
        return cls(
            tiling.dataflow,
            np.array([tiling.interleave]),
            np.array([tiling.blocks]),
            np.array([tiling.buffered]),
        )

    def some(self, places: Counts | npt.NDArray[np.bool_]) -> Candidates:
        """Those at several places."""
        return Candidates(
            self.dataflow, self.interleave[places], self.blocks[places], self.buffered[places]
        )

    def at(self, place: int) -> Tiling:
        """The one at a place."""
        return Tiling(
            self.dataflow,
            int(self.interleave[place]),
            int(self.blocks[place]),
            bool(self.buffered[place]),
        )


@dataclass(frozen=True)
class Timing:
    """What does not depend on the memory's speed, int64 arrays [candidates].

    compute to drain: as in Pieces. drains: the sums that the chain waits for; None for an update.
    start: the latencies, the first intake and the last sums. load: what the A loader reads before
    the chain takes a word; load_b: what the B loader may hold by then; load_cycles: until then, at
    least. traffic: by operand. ports: by operand, cycles of its port after `load`. quiet: by
    operand, cycles beside `load` in which it moves nothing: of Y before the first sums leave, of A
    and B after the last word came, but for bursts of sums that leave then; negative where it moves
    in a part of `start`.
    """

    compute: Counts
    distribution: Counts
    b_delivery: Counts
    drain: Counts
    drains: Drains | None
    start: Counts
    load: Traffic
    load_b: Traffic
    load_cycles: Counts
    traffic: Mapping[str, Traffic]
    ports: Mapping[str, Counts]
    quiet: Mapping[str, Counts]

    def store(self, memory: Banks) -> Counts:
        """As in Pieces."""
        if self.drains is None:
            return np.zeros_like(self.compute)
        y = memory.alone(self.traffic["y"])
        return self.drains.with_memory(y)


@dataclass(frozen=True)
class Pieces:
    """Cycles by cause, an int64 array [candidates] each; `total` is their sum.

    compute: products, with the idle cycles of passes shorter than the adder's latency; of an
    update, its rows. distribution: waiting for activations. b_delivery: waiting for packets. drain:
    products waiting for sums that leave or enter. store: cycles beyond the first that a sum takes
    from or to memory. memory: what the busiest bank or port takes longer than all of these. fill:
    the first activations and packets, the last sums and the latencies. overlap: minus what runs
    beside another product. bytes: by operand.
    """

    compute: Counts
    distribution: Counts
    b_delivery: Counts
    drain: Counts
    store: Counts
    memory: Counts
    fill: Counts
    overlap: Counts
    bytes: Mapping[str, Counts]

    @property
    def total(self) -> Counts:
        """All cycles."""
        return added([getattr(self, name) for name in PIECES])

    @property
    def bound(self) -> npt.NDArray[np.str_]:
        """The largest piece of each candidate, of equal ones the first."""
        largest = np.argmax(np.stack([getattr(self, name) for name in PIECES]), axis=0)
        return np.asarray(np.asarray(PIECES)[largest], np.str_)


def with_memory(timing: Timing, memory: Banks, places: Places) -> Pieces:
    """The pieces on a memory. places: an operand's bank.

    First `load` comes in, then the rest moves beside what the array does.
    """
    first, store = timing.load, timing.store(memory)
    steady = timing.compute + timing.distribution + timing.b_delivery + timing.drain + store
    load = np.maximum(memory.alone(first), timing.load_cycles)
    rest, quiet = dict(timing.traffic), dict(timing.quiet)
    if timing.drains is not None:
        rest["a"] = _less(rest["a"], first, 1)
        beside = np.minimum(load / np.maximum(memory.alone(timing.load_b), 1), 1)
        rest["b"] = _less(rest["b"], timing.load_b, beside)
        burst = store // timing.drains.bursts
        quiet["a"] = quiet["a"] + burst * timing.drains.after_a
        quiet["b"] = quiet["b"] + burst
    busy = memory.lasting(rest, places, quiet)
    for name, cycles in timing.ports.items():
        busy = np.maximum(busy, cycles + quiet[name])
    return Pieces(
        timing.compute,
        timing.distribution,
        timing.b_delivery,
        timing.drain,
        store,
        np.maximum(busy - steady, 0),
        timing.start + load,
        np.zeros_like(steady),
        {name: moved.bytes for name, moved in timing.traffic.items()},
    )


def least_cycles(timing: Timing) -> Counts:
    """Cycles on a memory that moves all at once."""
    busy = timing.compute + timing.distribution + timing.b_delivery + timing.drain
    if timing.drains is not None:
        busy = busy + timing.drains.waits
    return np.asarray(busy + timing.start + timing.load_cycles, np.int64)


def _less(traffic: Traffic, moved: Traffic, part: npt.NDArray[np.float64] | int) -> Traffic:
    """Without a part of what was moved."""
    return Traffic(
        traffic.bytes - np.asarray(moved.bytes * part, np.int64),
        traffic.runs - np.asarray(moved.runs * part, np.int64),
    )


def joined(timings: Sequence[Timing]) -> Timing:
    """The candidates of one after those of the other."""
    found: Timing = _joined(timings)
    return found


def _joined(parts: Sequence[Any]) -> Any:
    """Columns of equal dataclasses, one after the other."""
    first = parts[0]
    if isinstance(first, np.ndarray):
        return first if len(parts) == 1 else np.concatenate(parts)
    if isinstance(first, dict):
        return {name: _joined([part[name] for part in parts]) for name in first}
    if first is None:
        return None
    columns = (_joined([getattr(part, each.name) for part in parts]) for each in fields(first))
    return type(first)(*columns)


def added(parts: Sequence[Counts]) -> Counts:
    """Their sum."""
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
