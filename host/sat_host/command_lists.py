# SPDX-License-Identifier: Apache-2.0
"""All command lists of a product, or of equal products side by side, to run one after the other."""

from __future__ import annotations

from dataclasses import dataclass

from .config import ArrayConfig
from .product import Product
from .program import Commands, batch_commands
from .segments import scratch_words, segments
from .tiling import Tiling


@dataclass(frozen=True)
class Copies:
    """`count` equal products. steps: words from one's A, B and Y to the next's."""

    count: int = 1
    steps: tuple[int, int, int] = (0, 0, 0)


ONE = Copies()


@dataclass(frozen=True)
class Work:
    """A product as a device ran it, at the addresses that it had."""

    product: Product
    tiling: Tiling
    copies: Copies = ONE


def command_lists(
    config: ArrayConfig,
    product: Product,
    tiling: Tiling,
    copies: Copies = ONE,
    scratch: int | None = None,
) -> list[Commands]:
    """One list for each segment of the reduction; the results are whole after the last.

    scratch: address of `between_words` words, when that is not 0. Raises ArgumentError for a tiling
    that the array can't hold.
    """
    a, b, y = copies.steps
    found = []
    for part in segments(config, product, tiling, scratch):
        wider = part.y.binary32 and not product.y.binary32  # stored sums, in place of results
        steps = a, b, 2 * y if wider else y
        found.append(batch_commands(config, part, copies.count, steps, tiling))
    return found


def between_words(
    config: ArrayConfig, product: Product, tiling: Tiling, copies: Copies = ONE
) -> int:
    """Words of memory for the sums between segments; 0 where Y holds them or there is one alone."""
    words = scratch_words(config, product, tiling)
    return words + 2 * copies.steps[2] * (copies.count - 1) if words else 0
