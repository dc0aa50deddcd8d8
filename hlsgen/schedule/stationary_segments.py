# SPDX-License-Identifier: Apache-2.0
"""How weight stationary products are cut into segments and strips, as sat_host cuts them.

For many tilings at once, in closed form but for a search for the longest strip. Pure functions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sat_host.config import BATCH_TOKENS, ArrayConfig
from sat_host.product import Source
from sat_host.strips import MAX_COUNT, MAX_ROWS, longest_strip

from .activations import channel_strips
from .memory import Counts
from .options import ALL
from .pieces import Candidates
from .traffic import Reduction, Weights, divided
from .work import ProductWork


@dataclass(frozen=True)
class Segments:
    """How each candidate's reduction is cut, arrays [candidates]: `count` segments, all but `lasts`
    of `whole`, these of `last`. tap_rows: of the kernel, in a whole and in a last one. legal: bool;
    whether one fits at all."""

    whole: Reduction
    last: Reduction
    tap_rows: tuple[Counts, Counts]
    wholes: Counts
    lasts: Counts
    legal: npt.NDArray[np.bool_]

    @property
    def count(self) -> Counts:
        """All segments."""
        return self.wholes + self.lasts


def segments(
    config: ArrayConfig, work: ProductWork, interleave: Counts, blocks: Counts
) -> Segments:
    """As sat_host.segments cuts: as few as fit, of even size: rows of taps, or taps of a row, or
    channel words of a tap."""
    weights = Weights(config, work, ALL)
    words = config.blocks(work.reduction)
    tail = work.reduction - (words - 1) * config.lanes
    full, short = weights.packet_rows(config.lanes), weights.packet_rows(tail)
    kernel = (1, 1) if work.transposed_a else work.product.a.taps
    tap = (words - 1) * full + short
    held = config.rows * (config.held_packets // blocks)  # packet rows
    places = BATCH_TOKENS // divided(interleave, config.feed)  # activation words

    def fits(unit_words: int, unit_packets: int, units: int) -> Counts:
        """How many of the units fit in a segment."""
        most = np.minimum(np.minimum(places // unit_words, held // unit_packets), units)
        return np.maximum(most, 0)

    def even(units: int, most: Counts) -> Counts:
        """The same, evened out."""
        return np.where(most > 0, divided(units, divided(units, np.maximum(most, 1))), 0)

    rows = even(kernel[0], fits(kernel[1] * words, kernel[1] * tap, kernel[0]))
    taps = even(kernel[1], fits(words, tap, kernel[1]))
    parts = np.where((places >= words) & (held >= tap), words, fits(1, full, words - 1))
    parts = even(words, parts)
    by_rows, by_taps = rows > 0, (rows == 0) & (taps > 0)
    size = np.where(by_rows, rows, np.where(by_taps, taps, np.maximum(parts, 1)))
    units = np.where(by_rows, kernel[0], np.where(by_taps, kernel[1], words))
    times = np.where(by_rows, 1, np.where(by_taps, kernel[0], kernel[0] * kernel[1]))
    pieces = divided(units, size)
    rest = units - (pieces - 1) * size

    def part(units: Counts, ends: Counts) -> Reduction:
        """`units` of rows, taps or words. ends: whether they reach the end of a tap."""
        many = np.where(by_rows, units * kernel[1], np.where(by_taps, units, 1))
        return Reduction(many, np.where(by_rows | by_taps, words, units), ends, tail)

    one = np.ones_like(size)
    return Segments(
        part(size, np.where(by_rows | by_taps, 1, 0)),
        part(rest, one),
        (np.where(by_rows, size, one), np.where(by_rows, rest, one)),
        times * (pieces - 1),
        times,
        by_rows | by_taps | (parts > 0),
    )


def strip_rows(config: ArrayConfig, work: ProductWork, tilings: Candidates) -> Counts:
    """Output rows of the strips that the smallest allows of each candidate's segments, 0 where the
    loader can't hold T rows."""
    cut = segments(config, work, tilings.interleave, tilings.blocks)
    found = [
        segment_strips(config, work, tilings, cut.tap_rows[0]),
        segment_strips(config, work, tilings, cut.tap_rows[1]),
    ]
    fewest: Counts = np.minimum(*found)
    return fewest


def segment_strips(
    config: ArrayConfig, work: ProductWork, tilings: Candidates, tap_rows: Counts
) -> Counts:
    """Rows of a strip of a segment, a multiple of T: a batch when A is transposed, else all that a
    command counts or, buffered, as many as the loader holds."""
    interleave = tilings.interleave
    if work.transposed_a:
        return interleave
    batches = np.minimum(divided(work.rows, interleave), MAX_ROWS // interleave)
    found: Counts = batches * interleave
    for t, taps in pairs_of(interleave, tap_rows):
        chosen = (interleave == t) & (tap_rows == taps) & tilings.buffered
        source = segment_source(work.product.a, taps)
        found[chosen] = longest_strip(source, work.rows, t, config.strip_words)
    return found


def pairs_of(*arrays: Counts) -> list[tuple[int, ...]]:
    """Which values stand beside each other."""
    return sorted(set(zip(*(array.tolist() for array in arrays), strict=True)))


def segment_source(source: Source, tap_rows: int) -> Source:
    """What a segment of so many rows of taps reads; which rows they are changes only the clipping,
    and the first ones stand for all."""
    return replace(source, taps=(tap_rows, source.taps[1]))


def legal(config: ArrayConfig, work: ProductWork, tilings: Candidates) -> npt.NDArray[np.bool_]:
    """Which candidates the array's memories can hold, and its counters count."""
    cut = segments(config, work, tilings.interleave, tilings.blocks)
    strips = strip_rows(config, work, tilings)
    tiles = divided(config.blocks(work.columns), tilings.blocks)
    served = tiles * np.maximum(cut.whole.panels, cut.last.panels) * tilings.interleave
    found = cut.legal & (strips > 0) & (served <= MAX_COUNT)
    if work.transposed_a:
        most = [
            channel_strips(work.rows, work.a_channels, int(t), config.lanes).most
            for t in tilings.interleave
        ]
        found &= config.lanes * np.array(most, np.int64) <= config.strip_words
    return found
