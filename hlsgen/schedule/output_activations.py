# SPDX-License-Identifier: Apache-2.0
"""The A side of output stationary tiles, for many tilings at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sat_host.config import ArrayConfig
from sat_host.strips import strip_words

from .activations import channel_strips, pixel_run
from .latencies import BETWEEN
from .memory import RUN_WORDS, Counts, Traffic
from .output_tiles import OutputTiles
from .traffic import divided, share
from .work import ProductWork


class OutputActivations:
    """What the loader reads, and its cycles of a panel.

    load: what must be there before the chain takes the first word: the first strip, or of a
    transposed product the first panel. intake: cycles of the first panel, where the chain's are not
    more. idle: cycles for which a tile waits for sums. late: those for which strips wait for their
    words. gap: ... and the second one longer than others; between two strips the reader takes a
    command.
    """

    def __init__(self, tiles: OutputTiles, buffered: npt.NDArray[np.bool_], idle: Counts) -> None:
        self._tiles = tiles
        config, work = tiles.config, tiles.work
        self.late = np.zeros_like(tiles.strip)
        self.gap = np.zeros_like(tiles.strip)
        if work.transposed_a:
            self._transposed()
            return
        # Read as needed: a word a cycle, while the chain takes `feed`.
        self._direct = np.where(buffered, 0, tiles.strip)
        panels = work.taps * tiles.tap_panels
        words = work.copies * work.rows * tiles.tiles * panels
        runs = direct_runs(config, work, words)
        held, held_runs, first = buffered_words(work, tiles.strip)
        words = np.where(buffered, work.copies * held, words)
        runs = np.where(buffered, work.copies * held_runs, runs)
        self.traffic = Traffic(words * config.word_bytes, runs)
        first = np.where(buffered, first, 0)
        self.load = share(self.traffic, first * config.word_bytes)
        self.intake = self._direct
        each = divided(work.copies * held, tiles.strips)
        self._wait_for_strips(each, panels, buffered, idle)

    def _wait_for_strips(
        self, words: Counts, panels: int, buffered: npt.NDArray[np.bool_], idle: Counts
    ) -> None:
        """What strips of so many words wait. The chain has panels waiting before it by then, but
        not when the first strip is served."""
        tiles, config = self._tiles, self._tiles.config
        last = np.maximum(tiles.products(tiles.tail, tiles.last_blocks), tiles.intake)
        waiting = config.rows * divided(config.interleave, config.feed) // tiles.intake  # panels
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
        tiles, work, config = self._tiles, self._tiles.work, self._tiles.config
        sizes, places = np.unique(tiles.strip, return_inverse=True)
        found = [
            channel_strips(work.rows, work.a_channels, int(size), config.lanes) for size in sizes
        ]
        words, runs, whole, most, transposer = (
            np.array([getattr(strips, name) for strips in found], np.int64)[places]
            for name in ("words", "runs", "whole", "most", "transposer")
        )
        self._transposer = transposer
        times = work.copies * tiles.tiles
        near = pixel_run(work.product.a)  # pixels of a run, in strips of whole pixels
        length = RUN_WORDS if near == 0 else np.minimum(
            RUN_WORDS, near * config.blocks(work.a_channels)
        )  # fmt: skip
        through = divided(work.reduction * whole, length)
        self.traffic = Traffic(
            times * work.reduction * words * config.word_bytes,
            times * (work.reduction * runs + through),
        )
        self._words = most
        self.load = share(self.traffic, tiles.first_panel * most * config.word_bytes)
        # The first block comes in before a row of it leaves.
        self.intake = config.lanes + transposer

    def panel(self, following: int) -> Counts:
        """Cycles of a panel with the next one, of so many elements: 0 where the intake says all.
        A transposed panel is read while the one before goes through the transposer."""
        if not self._tiles.work.transposed_a:
            return self._direct
        taken: Counts = np.maximum(self._transposer, following * self._words)
        return taken


def buffered_words(work: ProductWork, strips: Counts) -> tuple[Counts, Counts, Counts]:
    """Of one copy's strips of so many rows, each read once: words, runs, words of the first."""
    sizes, places = np.unique(strips, return_inverse=True)
    found = [strip_words(work.product.a, work.rows, int(size)) for size in sizes]
    words, first = (
        np.array([getattr(one, name) for one in found], np.int64)[places]
        for name in ("total", "first")
    )
    return words, divided(words, RUN_WORDS) + divided(work.rows, strips), first


def direct_runs(config: ArrayConfig, work: ProductWork, words: Counts) -> Counts:
    """Runs of words that are read pixel after pixel, tap after tap."""
    if config.blocks(work.a_channels) > 1 or work.product.a.pitch > 1:
        return words
    near = pixel_run(work.product.a)
    return divided(words, RUN_WORDS if near == 0 else min(near, RUN_WORDS))
