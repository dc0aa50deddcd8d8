# SPDX-License-Identifier: Apache-2.0
"""Cycles by cause: those of the array alone, and those with a memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sat_host.tiling import Tiling

from .drains import Drains
from .drains import joined as joined_drains
from .memory import Counts, Memory, Traffic

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

    def store(self, memory: Memory, places: Mapping[str, int]) -> Counts:
        """As in Pieces."""
        if self.drains is None:
            return np.zeros_like(self.compute)
        y = memory.cycles({"y": self.traffic["y"]}, {"y": 0})
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


def with_memory(timing: Timing, memory: Memory, places: Mapping[str, int]) -> Pieces:
    """The pieces on a memory. places: an operand's bank.

    First `load` comes in, then the rest moves beside what the array does.
    """
    first, store = timing.load, timing.store(memory, places)
    steady = timing.compute + timing.distribution + timing.b_delivery + timing.drain + store
    load = np.maximum(memory.cycles({"a": first}, {"a": 0}), timing.load_cycles)
    rest, quiet = dict(timing.traffic), dict(timing.quiet)
    if timing.drains is not None:
        rest["a"] = _less(rest["a"], first, 1)
        beside = np.minimum(load / np.maximum(memory.cycles({"b": timing.load_b}, {"b": 0}), 1), 1)
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


def _less(traffic: Traffic, moved: Traffic, part: npt.NDArray[np.float64] | int) -> Traffic:
    """Without a part of what was moved."""
    return Traffic(
        traffic.bytes - np.asarray(moved.bytes * part, np.int64),
        traffic.runs - np.asarray(moved.runs * part, np.int64),
    )


def joined(timings: Sequence[Timing]) -> Timing:
    """The candidates of one after those of the other."""

    def of(name: str) -> Counts:
        return np.concatenate([getattr(timing, name) for timing in timings])

    def concatenated(name: str) -> dict[str, Counts]:
        tables = [getattr(timing, name) for timing in timings]
        return {key: np.concatenate([table[key] for table in tables]) for key in tables[0]}

    def moved(parts: Sequence[Traffic]) -> Traffic:
        return Traffic(
            np.concatenate([part.bytes for part in parts]),
            np.concatenate([part.runs for part in parts]),
        )

    return Timing(
        compute=of("compute"),
        distribution=of("distribution"),
        b_delivery=of("b_delivery"),
        drain=of("drain"),
        drains=None
        if timings[0].drains is None
        else joined_drains([timing.drains for timing in timings if timing.drains]),
        start=of("start"),
        load=moved([timing.load for timing in timings]),
        load_b=moved([timing.load_b for timing in timings]),
        load_cycles=of("load_cycles"),
        traffic={
            name: moved([timing.traffic[name] for timing in timings]) for name in timings[0].traffic
        },
        ports=concatenated("ports"),
        quiet=concatenated("quiet"),
    )


def added(parts: Sequence[Counts]) -> Counts:
    """Their sum."""
    total: Counts = np.sum(np.stack(np.broadcast_arrays(*parts)), axis=0, dtype=np.int64)
    return total
