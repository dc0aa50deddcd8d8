# SPDX-License-Identifier: Apache-2.0
"""An update beside the product that follows it: they share only the memory."""

from __future__ import annotations

import numpy as np

from .memory import Banks, Bytes, Counts


def of_both(memory: Banks, product: Counts, update: Counts, busy: Bytes) -> Counts:
    """The longer of the two, or what the busiest bank needs for both. busy: of both together."""
    cycles: Counts = np.maximum(np.maximum(product, update), memory.time(busy))
    return cycles
