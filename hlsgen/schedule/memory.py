# SPDX-License-Identifier: Apache-2.0
"""Device memory, as the cycle model sees it: banks that move bytes, and what a run costs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.float64]

# Assumed, not measured: every run also takes the time of one DDR4 burst (8 beats of 64 bits). An
# isolated burst opens a row, and a rank opens at most four rows in tFAW, 21 to 30 ns at 2400 MT/s
# for pages of 1 and 2 KiB (JEDEC JESD79-4): time for 101 to 144 bytes at 19.2 GB/s for each 64
# bytes, so 37 to 80 bytes are lost.
ASSUMED_BURST_OVERHEAD_BYTES = 64.0

# Assumed, not measured: cycles from a request to its data. The kernels' buffers of 64 words are
# there to cover it (templates/sat_stce.cpp.j2).
ASSUMED_LATENCY_CYCLES = 64

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
    burst_overhead_bytes: the time that a run takes beyond its bytes, as bytes at the peak; see
    ASSUMED_BURST_OVERHEAD_BYTES. Raises ValueError for a memory that moves nothing.
    """

    banks: int
    bytes_per_cycle: float
    burst_overhead_bytes: float

    def __post_init__(self) -> None:
        if self.banks < 1:
            raise ValueError(f"banks: expected at least 1, got {self.banks}")
        if not (math.isfinite(self.bytes_per_cycle) and self.bytes_per_cycle > 0):
            raise ValueError(f"bytes_per_cycle: expected more than 0, got {self.bytes_per_cycle}")
        if not (math.isfinite(self.burst_overhead_bytes) and self.burst_overhead_bytes >= 0):
            raise ValueError(
                f"burst_overhead_bytes: expected at least 0, got {self.burst_overhead_bytes}"
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

    def time(self, busy: Bytes) -> Counts:
        """Cycles that the busiest bank needs, of what `busy` gives: [candidates]."""
        cycles: Counts = np.ceil(busy.max(axis=0) / self.bytes_per_cycle).astype(np.int64)
        return cycles
