# SPDX-License-Identifier: Apache-2.0
"""How long the chain waits for sums that enter and leave it. Pure functions.

Sums leave in bursts: a tile's, output stationary, or a batch's. While one leaves, the store takes a
sum in one cycle, in two as binary32, and the memory in as many as its words and their run take.
What the streams of sums hold, and what a port has under way, need not wait.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sat_host.config import ArrayConfig

from ..fifos import default_depth
from .latencies import PORT
from .memory import Counts


@dataclass(frozen=True)
class Drains:
    """The sums of a list, int64 arrays [candidates].

    sums: that leave in so many `bursts`; if some enter, as many do. sent: cycles in which the chain
    sends one. stored, read: those that the store and the reader of stored sums take; 0 where none
    enter. places: of a stream of sums between two rows; entering: of that of stored ones. behind:
    cycles that the store needs beyond those of the products. after_a: bursts that leave after the
    last activation came.
    """

    sums: Counts
    bursts: Counts
    sent: Counts
    stored: Counts
    read: Counts
    places: Counts
    entering: Counts
    behind: Counts
    after_a: Counts

    @property
    def waits(self) -> Counts:
        """Cycles, if the memory takes no longer."""
        leaving = self._late(self.places, self.stored)
        entering = np.maximum(
            self.sums * (self.read - 1) - self.bursts * self.entering * self.read, 0
        )
        return np.asarray(np.maximum(leaving + entering, self.behind), np.int64)

    def with_memory(self, cycles: Counts) -> Counts:
        """Cycles, if the memory takes so many for all sums that leave and enter."""
        ways = np.where(self.read > 0, 2, 1)
        held = self.places + PORT // self.stored
        each = np.maximum(cycles / np.maximum(self.sums * ways, 1), self.sent)
        slow = self._late(held, each) * ways
        return np.maximum(self.waits, np.ceil(slow).astype(np.int64))

    def _late(self, held: Counts, each: Counts) -> Counts:
        """Of all bursts, if the store takes `each` cycles a sum, while so many are held; those of
        the last one count too."""
        late, last = self.sums * (each - self.sent), held * each
        waits: Counts = np.maximum(late - self.bursts * last, 0) + np.minimum(late, last)
        return waits


def sum_places(config: ArrayConfig) -> tuple[int, int]:
    """`places` and `entering`."""
    return default_depth("sums", config), default_depth("sums_0", config)
