# SPDX-License-Identifier: Apache-2.0
"""How output stationary products are cut into tiles, for many tilings at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .memory import Counts
from .terms import Panel, Terms, divided


@dataclass(frozen=True)
class Products:
    """Cycles of a tile's products. blocks: of the tile. passes: of a packet of each of its blocks;
    full, tail: of a panel of `lanes` elements, and of a tap's last one."""

    blocks: Counts
    passes: Counts
    full: Counts
    tail: Counts


Step = tuple[Counts, Panel, Panel, Counts]
"""Cycles of a panel's products, the panel, the one behind it, how often that occurs."""


class OutputTiles:
    """The tiles of a product: `strips` of rows, each of `tiles` - 1 tiles of `blocks` column blocks
    and one, the last, of `last_blocks`."""

    def __init__(self, terms: Terms, interleave: Counts, blocks: Counts) -> None:
        self.terms = terms
        self.interleave, self.blocks = interleave, blocks
        self.strip = terms.units * interleave
        self.intake = terms.units * divided(interleave, terms.feed)
        self.strips = terms.copies * divided(terms.rows, self.strip)
        self.tiles = divided(terms.column_blocks, blocks)
        self.last_blocks = terms.column_blocks - (self.tiles - 1) * blocks
        self.whole, self.last = self._products(blocks), self._products(self.last_blocks)

    def _products(self, blocks: Counts) -> Products:
        terms = self.terms
        passes = terms.pass_cycles(self.interleave * blocks)
        return Products(blocks, passes, terms.full.packets * passes, terms.tail.packets * passes)

    def steps(self, tile: Products) -> list[Step]:
        """Of a tile's panels, but for the last, which a panel of the tile behind it follows."""
        terms = self.terms
        several = np.minimum(terms.tap_words - 1, 1)
        return [
            (tile.full, terms.full, terms.full, terms.taps * (terms.tap_words - 1 - several)),
            (tile.full, terms.full, terms.tail, terms.taps * several),
            (tile.tail, terms.tail, terms.first, terms.taps - 1),
        ]
