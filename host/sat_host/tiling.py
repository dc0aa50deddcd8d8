# SPDX-License-Identifier: Apache-2.0
"""How a product is cut into what the row units hold: the scheduler's choice."""

from __future__ import annotations

from dataclasses import dataclass

DATAFLOWS = ("os", "ws")
"""Output stationary and weight stationary."""


@dataclass(frozen=True)
class Tiling:
    """dataflow: one of DATAFLOWS. interleave: activation rows T that a row unit works on at once.
    blocks: column blocks Q of a tile. buffered: a strip's activations are read from memory once and
    held by the loader, instead of once for each tap and tile."""

    dataflow: str
    interleave: int
    blocks: int
    buffered: bool
