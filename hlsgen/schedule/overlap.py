# SPDX-License-Identifier: Apache-2.0
"""An update beside the product that follows it: they share only the memory."""

from __future__ import annotations

import numpy as np

from .memory import Banks, Bytes, Counts, Memory, Places
from .pieces import Timing, with_memory


def together(
    memory: Memory, product: tuple[Timing, Places], update: tuple[Timing, Places]
) -> Counts:
    """Cycles of each candidate of a product with an update beside it."""
    alone = [with_memory(timing, memory, places).total for timing, places in (product, update)]
    busy = [memory.busy(timing.traffic, places) for timing, places in (product, update)]
    return of_both(memory, alone[0], alone[1], busy[0] + busy[1])


def of_both(memory: Banks, product: Counts, update: Counts, busy: Bytes) -> Counts:
    """The longer of the two, or what the busiest bank needs for both. busy: of both together."""
    cycles: Counts = np.maximum(np.maximum(product, update), memory.time(busy))
    return cycles
