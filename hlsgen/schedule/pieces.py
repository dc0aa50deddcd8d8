# SPDX-License-Identifier: Apache-2.0
"""Cycles by cause: those of the array alone, and those with a memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sat_host.tiling import Tiling

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

    compute to store: as in Pieces.
    load: what the A loader reads before the chain takes a word; load_cycles: of both loaders until
    then, at least. start: the first intake from there, the last sums and the latencies. traffic: by
    operand. port: words that the A loader's port moves after `load`, at most one a cycle.
    """

    compute: Counts
    distribution: Counts
    b_delivery: Counts
    drain: Counts
    store: Counts
    start: Counts
    load: Traffic
    load_cycles: Counts
    traffic: Mapping[str, Traffic]
    port: Counts

    @property
    def steady(self) -> Counts:
        """Cycles of the array, if the memory keeps up."""
        return self.compute + self.distribution + self.b_delivery + self.drain + self.store


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
    steady, first = timing.steady, timing.load
    load = np.maximum(memory.cycles({"a": first}, {"a": 0}), timing.load_cycles)
    rest = dict(timing.traffic)
    if "a" in rest:
        a = rest["a"]
        rest["a"] = Traffic(a.bytes - first.bytes, a.runs - first.runs)
    busy = np.maximum(memory.cycles(rest, places), timing.port)
    return Pieces(
        timing.compute,
        timing.distribution,
        timing.b_delivery,
        timing.drain,
        timing.store,
        np.maximum(busy - steady, 0),
        timing.start + load,
        np.zeros_like(steady),
        {name: moved.bytes for name, moved in timing.traffic.items()},
    )


def joined(timings: Sequence[Timing]) -> Timing:
    """The candidates of one after those of the other."""

    def of(name: str) -> Counts:
        return np.concatenate([getattr(timing, name) for timing in timings])

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
        store=of("store"),
        start=of("start"),
        load=moved([timing.load for timing in timings]),
        load_cycles=of("load_cycles"),
        traffic={
            name: moved([timing.traffic[name] for timing in timings]) for name in timings[0].traffic
        },
        port=of("port"),
    )


def added(parts: Sequence[Counts]) -> Counts:
    """Their sum."""
    total: Counts = np.sum(np.stack(np.broadcast_arrays(*parts)), axis=0, dtype=np.int64)
    return total
