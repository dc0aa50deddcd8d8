# SPDX-License-Identifier: Apache-2.0
"""The A side of output stationary tiles, for many tilings at once."""

from __future__ import annotations

import numpy as np

from . import strip_columns
from .latencies import BETWEEN
from .memory import RUN_WORDS, Counts, Traffic
from .output_tiles import OutputTiles
from .terms import Flags, Panel, Terms, divided
from .traffic import share


class OutputActivations:
    """What the loader reads, and its cycles of a panel.

    load: what must be there before the chain takes the first word: the first strip, or of a
    transposed product the first panel. intake: cycles of the first panel, where the chain's are not
    more. idle: cycles for which a tile waits for sums. late: those for which strips wait for their
    words. gap: ... and the second one longer than others; between two strips the reader takes a
    command.
    """

    def __init__(self, tiles: OutputTiles, buffered: Flags, idle: Counts) -> None:
        self._tiles = tiles
        terms = tiles.terms
        self.late = np.zeros_like(tiles.strip)
        self.gap = np.zeros_like(tiles.strip)
        if terms.transposed:
            self._transposed()
            return
        # Read as needed: a word a cycle, while the chain takes `feed`.
        self._direct = np.where(buffered, 0, tiles.strip)
        panels = terms.taps * terms.tap_words
        words = terms.copies * terms.rows * tiles.tiles * panels
        runs = divided(words, _direct_run(terms))
        held, _, first = strip_columns.held(terms, tiles.strip)
        held_runs = divided(held, RUN_WORDS) + divided(terms.rows, tiles.strip)
        words = np.where(buffered, terms.copies * held, words)
        runs = np.where(buffered, terms.copies * held_runs, runs)
        self.traffic = Traffic(words * terms.word_bytes, runs)
        first = np.where(buffered, first, 0)
        self.load = share(self.traffic, first * terms.word_bytes)
        self.intake = self._direct
        each = divided(terms.copies * held, tiles.strips)
        self._wait_for_strips(each, panels, buffered, idle)

    def _wait_for_strips(
        self, words: Counts, panels: Counts, buffered: Flags, idle: Counts
    ) -> None:
        """What strips of so many words wait. The chain has panels waiting before it by then, but
        not when the first strip is served."""
        tiles, terms = self._tiles, self._tiles.terms
        last = np.maximum(tiles.last.tail, tiles.intake)
        waiting = terms.units * divided(terms.interleave, terms.feed) // tiles.intake  # panels
        cover = waiting * (last + idle)
        tokens = tiles.tiles * panels * tiles.intake
        pace = np.maximum(tokens // words, 1)
        late = np.maximum(words - tokens - cover, 0) + np.maximum(BETWEEN - pace - cover, 0)
        self.late = np.where(buffered, late * np.maximum(tiles.strips - 1, 0), 0)
        stall = np.where(pace <= tiles.intake, BETWEEN - pace, 0)
        behind = words + BETWEEN - tiles.intake - (tiles.tiles * panels - 1) * last
        gap = np.maximum(np.maximum(stall, behind) - late, 0)
        self.gap = np.where(buffered & (tiles.strips > 1), gap, 0)

    def _transposed(self) -> None:
        tiles, terms = self._tiles, self._tiles.terms
        words, runs, whole, most, transposer = strip_columns.transposed(terms, tiles.strip)
        self._transposer = transposer
        times = terms.copies * tiles.tiles
        # Of a run, in strips of whole pixels.
        near = np.minimum(RUN_WORDS, terms.near * terms.a_words)
        length = np.where(terms.near == 0, RUN_WORDS, near)
        through = divided(terms.reduction * whole, length)
        self.traffic = Traffic(
            times * terms.reduction * words * terms.word_bytes,
            times * (terms.reduction * runs + through),
        )
        self._words = most
        self.load = share(self.traffic, terms.first.elements * most * terms.word_bytes)
        # The first block comes in before a row of it leaves.
        self.intake = terms.lanes + transposer

    def panel(self, following: Panel) -> Counts:
        """Cycles of a panel with the next one: 0 where the intake says all. A transposed panel is
        read while the one before goes through the transposer."""
        if not self._tiles.terms.transposed:
            return self._direct
        taken: Counts = np.maximum(self._transposer, following.elements * self._words)
        return taken


def _direct_run(terms: Terms) -> Counts:
    """Consecutive words of those that are read pixel after pixel, tap after tap."""
    near = np.where(terms.near == 0, RUN_WORDS, np.minimum(terms.near, RUN_WORDS))
    return np.where((terms.a_words > 1) | (terms.a_pitch > 1), 1, near)
