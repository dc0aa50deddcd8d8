# SPDX-License-Identifier: Apache-2.0
"""How a bound looks everywhere on the page: a colour, and for those who can't tell colours, or on
grey paper, a texture of its bars and a shape of its points."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..schedule.pieces import PIECES

Point = tuple[float, float]


@dataclass(frozen=True)
class Look:
    """light, dark: colours, after Okabe and Ito, safe for the colour-blind. texture: of lines over
    the colour, letters of "/b|-", where b falls; "" for none. shape: of points, around 0, 0; () for
    a disc. meaning: in a few words."""

    light: str
    dark: str
    texture: str
    shape: tuple[Point, ...]
    meaning: str


def _corners(count: int, radius: float, turn: float = 0.0) -> tuple[Point, ...]:
    """Of a regular polygon, the first one above, turned by part of a full turn."""
    angles = (math.tau * (place / count + turn) for place in range(count))
    return tuple((radius * math.sin(angle), -radius * math.cos(angle)) for angle in angles)


_CROSS = ((-1.8, -5.0), (1.8, -5.0), (1.8, -1.8), (5.0, -1.8), (5.0, 1.8), (1.8, 1.8), (1.8, 5.0),
          (-1.8, 5.0), (-1.8, 1.8), (-5.0, 1.8), (-5.0, -1.8), (-1.8, -1.8))  # fmt: skip

BOUNDS = {
    "compute": Look(
        "#0072b2", "#4da6e0", "", (),
        "products, with idle cycles of short passes; of updates, their rows",
    ),
    "memory": Look(
        "#d55e00", "#f0833a", "/", _corners(3, 6.0), "the busiest bank or port"
    ),
    "fill": Look(
        "#767676", "#a0a0a0", "|-", _corners(4, 5.6, 0.125),
        "first operands, last sums, latencies",
    ),
    "distribution": Look(
        "#00805d", "#2fbf95", "|", _corners(4, 6.0), "waiting for activations"
    ),
    "b_delivery": Look(
        "#b05a8c", "#e39bc2", "-", _corners(3, 6.0, 0.5), "waiting for weights"
    ),
    "drain": Look("#c27f00", "#f2bb45", "b", _CROSS, "waiting for sums that leave or enter"),
    "store": Look(
        "#3d9bd6", "#8fd0f5", "/b", _corners(5, 5.8), "sums to and from memory"
    ),
    "overlap": Look(
        "#7f6f1f", "#d8cf70", "/-", _corners(6, 5.6), "hidden behind products"
    ),
}  # fmt: skip

assert set(BOUNDS) == set(PIECES)
