# SPDX-License-Identifier: Apache-2.0
"""An update beside the product that follows it: they share only the memory."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .memory import Counts, Memory
from .pieces import Timing, with_memory

Places = Mapping[str, int]


def together(
    memory: Memory, product: tuple[Timing, Places], update: tuple[Timing, Places]
) -> Counts:
    """Cycles of each candidate of a product with an update beside it: the longer of the two, or
    what the busiest bank needs for both."""
    alone = [with_memory(timing, memory, places).total for timing, places in (product, update)]
    busy = [memory.busy(timing.traffic, places) for timing, places in (product, update)]
    cycles: Counts = np.maximum(np.maximum(alone[0], alone[1]), memory.time(busy[0] + busy[1]))
    return cycles
