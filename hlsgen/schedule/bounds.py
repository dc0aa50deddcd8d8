# SPDX-License-Identifier: Apache-2.0
"""Cycles that a candidate takes at least, be it legal or not, for little work. Pure functions.

So the cycle model need not count a candidate that takes longer than another one surely does.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from sat_host.config import LIMITS, ArrayConfig

from .latencies import ACTIVATIONS, STORED
from .memory import Counts
from .pieces import Candidates
from .terms import Terms, divided

NEVER = np.int64(1) << 62
"""The bound of a tile that is larger than the array or the product."""


@lru_cache(maxsize=1 << 12)
def bounded_by(config: ArrayConfig) -> ArrayConfig:
    """The array with the largest strips: no bound of Grid depends on what the loader holds."""
    return replace(config, strip_words=LIMITS["strip_words"][1])


class Grid:
    """All T and Q up to the largest of any product, which are `sizes`, each in falling order, of
    each product: [products, T, Q]."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms.at((slice(None), None, None))
        self.sizes = int(terms.interleave.max()), int(terms.memory_tile.max())
        interleave, blocks = (np.arange(most, 0, -1, dtype=np.int64) for most in self.sizes)
        self._interleave, self._blocks = interleave[None, :, None], blocks[None, None, :]
        terms = self._terms
        self._tiles = divided(terms.column_blocks, self._blocks)
        self._last_blocks = terms.column_blocks - (self._tiles - 1) * self._blocks
        self._whole, self._last = (
            terms.pass_cycles(self._interleave * each) for each in (self._blocks, self._last_blocks)
        )
        self._packets = _over(terms, terms.full.packets, terms.tail.packets)
        self._fill = _over(terms, terms.full.fill, terms.tail.fill)
        self._panels = terms.taps * terms.tap_words
        self._constant = terms.through_rows + ACTIVATIONS + STORED

    def least(self, dataflow: str) -> Counts:
        """Of each candidate if it is buffered; NEVER for what is no candidate."""
        terms = self._terms
        share = terms.units if dataflow == "os" else 1
        fits = self._interleave <= np.minimum(terms.interleave, divided(terms.rows, share))
        fits = fits & (self._blocks <= np.minimum(terms.memory_tile, terms.column_blocks))
        bound = self._output_stationary() if dataflow == "os" else self._stationary()
        return np.where(fits, bound, NEVER)

    def _output_stationary(self) -> Counts:
        """The longer of two counts: the products and the chain's intake, where they are longer
        than the sums that leave beside them; or than the panels that come in. And the first
        activations and last sums."""
        terms, tiles = self._terms, self._tiles
        strip = terms.units * self._interleave
        strips = terms.copies * divided(terms.rows, strip)
        intake = terms.units * divided(self._interleave, terms.feed)
        of_whole, of_last = (self._panel_cycles(each, intake) for each in (self._whole, self._last))
        latency, several = terms.adder_latency, tiles > 1
        leaving = terms.sent * strip * self._blocks + latency
        before = np.where(several, leaving, terms.sent * strip * self._last_blocks + latency)
        waits = np.maximum(self._whole + leaving - of_whole, 0)
        last_waits = np.maximum(self._last + before - of_last, 0)
        often = np.maximum(strips - np.where(several, 1, 2), 0)
        drains = strips * np.maximum(tiles - 2, 0) * waits + often * last_waits
        late = (tiles - 1) * np.maximum(self._late(strip, self._blocks) - of_whole, 0)
        late = late + np.maximum(self._late(strip, self._last_blocks) - of_last, 0)
        found = strips * ((tiles - 1) * of_whole + of_last) + np.maximum(drains, strips * late)
        # Behind the list's last panel no intake comes.
        found = found - np.maximum(intake - terms.tail.packets * self._last, 0)
        ends = intake + latency + terms.sent * strip * self._last_blocks
        return np.asarray(found + self._constant + ends, np.int64)

    def _panel_cycles(self, passes: Counts, intake: Counts) -> Counts:
        """Of all panels of a tile."""
        terms = self._terms
        full, tail = (
            np.maximum(panel.packets * passes, intake) for panel in (terms.full, terms.tail)
        )
        return _over(terms, full, tail)

    def _late(self, strip: Counts, blocks: Counts) -> Counts:
        """Cycles in which the panels of a tile but for the first come in: of B and, transposed, of
        A, of which each block of a strip's channels takes `lanes`."""
        terms = self._terms
        of_b = (self._fill - terms.first.fill) * blocks
        return np.asarray(np.maximum(of_b, (self._panels - 1) * self._blocks_of(strip)), np.int64)

    def _blocks_of(self, strip: Counts) -> Counts:
        """Cycles of a transposed panel; 0 where A is not transposed."""
        terms = self._terms
        words = divided(np.minimum(strip, terms.rows), terms.lanes)
        return np.where(terms.transposed_a, terms.lanes * words, 0)

    def _stationary(self) -> Counts:
        """The products or the activations of all batches, and the first packets; segments make
        neither less. Transposed, a strip is a batch, beside which a tile's packets come in."""
        terms, tiles = self._terms, self._tiles
        batches = terms.copies * divided(terms.rows, self._interleave)
        chunk = divided(self._packets, terms.units)
        tokens = self._panels * divided(self._interleave, terms.feed)
        whole, last = (
            np.maximum(chunk * self._whole, tokens),
            np.maximum(chunk * self._last, tokens),
        )
        fill = np.where(terms.transposed_a, np.maximum(self._fill, self._packets), 0)
        taken = self._panels * self._blocks_of(self._interleave)
        of_whole, of_last = (
            np.maximum(batch, np.maximum(fill * blocks, taken))
            for batch, blocks in ((whole, self._blocks), (last, self._last_blocks))
        )
        # The packets of the first tile come in before, and beside the list's last tile nothing.
        longest = np.maximum(of_whole - whole, of_last - last)
        found = batches * ((tiles - 1) * of_whole + of_last) - longest
        blocks = np.where(tiles == 1, self._last_blocks, self._blocks)
        return np.asarray(found + self._packets * blocks + self._constant, np.int64)


def _over(terms: Terms, full: Counts, tail: Counts) -> Counts:
    """A count of a panel, summed over all panels of a tile."""
    return np.asarray(terms.taps * ((terms.tap_words - 1) * full + tail), np.int64)


def least_unbuffered(terms: Terms, tilings: Candidates) -> Counts:
    """Of candidates whose activations are read as needed, a word a cycle: but for those beside the
    list's last tile."""
    share = terms.units if tilings.dataflow == "os" else 1
    strip = share * tilings.interleave
    strips = terms.copies * divided(terms.rows, strip)
    tiles = divided(terms.column_blocks, tilings.blocks)
    panels = terms.taps * terms.tap_words
    return np.asarray((strips * tiles - 1) * panels * strip, np.int64)
