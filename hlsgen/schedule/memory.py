# SPDX-License-Identifier: Apache-2.0
"""Device memory, as the cycle model sees it: banks that move bytes, and what a run costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..cards.card import Card
from .latencies import PORT

Counts = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.float64]

RUN_WORDS = 64
"""Most words of a run; consecutive words beyond them begin another."""


@dataclass(frozen=True)
class Traffic:
    """What a list moves of one operand: bytes, and the runs of consecutive words in which they
    go, which are what opens rows of the memory, however they are cut into bursts of the port."""

    bytes: Counts
    runs: Counts


Places = Mapping[str, int] | Mapping[str, Counts]
"""An operand's bank, of all candidates or of each."""


class Banks:
    """What banks need for what they move. Bandwidth, costs of a run and latency are numbers, or
    columns [candidates]."""

    banks: int
    bytes_per_cycle: Any
    burst_overhead_bytes: Any
    latency: Any

    def busy(
        self, operands: Mapping[str, Traffic], places: Places, banks: int | None = None
    ) -> Bytes:
        """Bytes, with what runs cost, that each bank moves: [banks, candidates]. banks: the first
        ones, all by default. The ports of a bank share it."""
        size = np.broadcast_shapes(*(moved.bytes.shape for moved in operands.values()))[0]
        busy = np.zeros((banks or self.banks, size))
        column = np.arange(size)
        for name, moved in operands.items():
            busy[places[name], column] += moved.bytes + moved.runs * self.burst_overhead_bytes
        return busy

    def cycles(self, operands: Mapping[str, Traffic], places: Places) -> Counts:
        """Cycles that the busiest bank needs."""
        return self.time(self.busy(operands, places))

    def alone(self, moved: Traffic) -> Counts:
        """Cycles of an operand in a bank of its own."""
        busy = moved.bytes + moved.runs * self.burst_overhead_bytes
        cycles: Counts = np.ceil(busy / self.bytes_per_cycle).astype(np.int64)
        return cycles

    def lasting(
        self, operands: Mapping[str, Traffic], places: Places, quiet: Mapping[str, Counts]
    ) -> Counts:
        """Cycles that the busiest bank needs, with those in which each operand moves nothing; of
        several in a bank, each counts by its part of the bank's bytes. Less what a port waits for
        anyway."""
        taken = 1 + max(int(np.max(places[name])) for name in operands)
        busy = self.busy(operands, places, min(self.banks, taken + 1))  # a free one is like others
        column, still = np.arange(busy.shape[1]), np.zeros_like(busy)
        for name, moved in operands.items():
            if name in quiet:
                at = places[name], column
                part = moved.bytes + moved.runs * self.burst_overhead_bytes
                still[at] += part / np.maximum(busy[at], 1) * quiet[name]
        cycles = np.ceil((busy / self.bytes_per_cycle + still).max(axis=0)).astype(np.int64)
        return np.asarray(cycles - np.maximum(PORT - self.latency, 0), np.int64)

    def time(self, busy: Bytes) -> Counts:
        """Cycles that the busiest bank needs, of what `busy` gives: [candidates]."""
        cycles: Counts = np.ceil(busy.max(axis=0) / self.bytes_per_cycle).astype(np.int64)
        return cycles


@dataclass(frozen=True)
class Memory(Banks):
    """Banks of device memory.

    banks: how many. bytes_per_cycle: of one bank at its peak, in a cycle of the array's clock.
    burst_overhead_bytes: the time that a run takes beyond its bytes, as bytes at the peak. latency:
    cycles from the end of an access until the port has it. Raises ValueError for a memory that
    moves nothing.
    """

    banks: int
    bytes_per_cycle: float
    burst_overhead_bytes: float
    latency: int = 0

    def __post_init__(self) -> None:
        if self.banks < 1:
            raise ValueError(f"banks: expected at least 1, got {self.banks}")
        if not (math.isfinite(self.bytes_per_cycle) and self.bytes_per_cycle > 0):
            raise ValueError(f"bytes_per_cycle: expected more than 0, got {self.bytes_per_cycle}")
        if not (math.isfinite(self.burst_overhead_bytes) and self.burst_overhead_bytes >= 0):
            raise ValueError(
                f"burst_overhead_bytes: expected at least 0, got {self.burst_overhead_bytes}"
            )

    @classmethod
    def of_card(cls, card: Card, clock_mhz: float) -> Memory:
        """A card's banks, as its file says, in cycles of the array's clock."""
        channels = card.memory
        return cls(
            len(card.banks),
            card.bank_bandwidth / (clock_mhz * 1e6),
            channels.run_overhead_bytes,
            math.ceil(channels.latency_ns * clock_mhz / 1e3),
        )


@dataclass(frozen=True)
class Memories(Banks):
    """The memory of each candidate, columns as the fields of Memory. banks: the most of them."""

    banks: int
    bytes_per_cycle: Bytes
    burst_overhead_bytes: Bytes
    latency: Counts

    @classmethod
    def of(cls, memories: Sequence[Memory], places: Counts) -> Memories:
        """For each candidate the memory at a place. Banks that are free change nothing."""
        bandwidth, overhead, latency = (
            np.array([getattr(memory, name) for memory in memories])[places]
            for name in ("bytes_per_cycle", "burst_overhead_bytes", "latency")
        )
        return cls(max(memory.banks for memory in memories), bandwidth, overhead, latency)

    def at(self, places: Counts) -> Memories:
        """Those of some of the candidates."""
        bandwidth, overhead = self.bytes_per_cycle[places], self.burst_overhead_bytes[places]
        return Memories(self.banks, bandwidth, overhead, self.latency[places])
