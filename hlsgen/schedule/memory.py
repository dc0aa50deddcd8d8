# SPDX-License-Identifier: Apache-2.0
"""Device memory, as the cycle model sees it: banks that move bytes, and what a run costs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Memory:
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

    def busy(self, operands: Mapping[str, Traffic], places: Mapping[str, int]) -> Bytes:
        """Bytes, with what runs cost, that each bank moves: [banks, candidates]. places: an
        operand's bank. The ports of a bank share it."""
        zero = np.zeros(np.broadcast_shapes(*(moved.bytes.shape for moved in operands.values())))
        busy = np.stack([zero] * self.banks)
        for name, moved in operands.items():
            busy[places[name]] += moved.bytes + moved.runs * self.burst_overhead_bytes
        return busy

    def cycles(self, operands: Mapping[str, Traffic], places: Mapping[str, int]) -> Counts:
        """Cycles that the busiest bank needs."""
        return self.time(self.busy(operands, places))

    def lasting(
        self,
        operands: Mapping[str, Traffic],
        places: Mapping[str, int],
        quiet: Mapping[str, Counts],
    ) -> Counts:
        """As `cycles`, with cycles in which each operand moves nothing; of several in a bank, each
        counts by its part of the bank's bytes. Less what a port waits for anyway."""
        parts = {name: self.busy({name: moved}, places) for name, moved in operands.items()}
        busy = np.sum(np.stack(np.broadcast_arrays(*parts.values())), axis=0)
        still = np.zeros_like(busy)
        for name, part in parts.items():
            still += part / np.maximum(busy, 1) * quiet.get(name, 0)
        cycles = np.ceil((busy / self.bytes_per_cycle + still).max(axis=0)).astype(np.int64)
        return np.asarray(cycles - max(PORT - self.latency, 0), np.int64)

    def time(self, busy: Bytes) -> Counts:
        """Cycles that the busiest bank needs, of what `busy` gives: [candidates]."""
        cycles: Counts = np.ceil(busy.max(axis=0) / self.bytes_per_cycle).astype(np.int64)
        return cycles
