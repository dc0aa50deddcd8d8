# SPDX-License-Identifier: Apache-2.0
"""How weight stationary products are cut into segments and strips, as sat_host cuts them.

For many tilings at once, in closed form but for a search for the longest strip. Pure functions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sat_host.config import BATCH_TOKENS
from sat_host.strips import MAX_COUNT, MAX_ROWS

from . import strip_columns
from .memory import Counts
from .pieces import Candidates
from .terms import Flags, Terms, divided
from .traffic import Reduction


@dataclass(frozen=True)
class Segments:
    """How each candidate's reduction is cut, arrays [candidates]: `count` segments, all but `lasts`
    of `whole`, these of `last`. tap_rows: of the kernel, in a whole and in a last one. legal:
    whether one fits at all."""

    whole: Reduction
    last: Reduction
    tap_rows: tuple[Counts, Counts]
    wholes: Counts
    lasts: Counts
    legal: Flags

    @property
    def count(self) -> Counts:
        """All segments."""
        return self.wholes + self.lasts


def segments(terms: Terms, interleave: Counts, blocks: Counts) -> Segments:
    """As sat_host.segments cuts: as few as fit, of even size: rows of taps, or taps of a row, or
    channel words of a tap."""
    words, full, short = terms.tap_words, terms.full.packets, terms.tail.packets
    kernel_rows, kernel_columns = terms.kernel_rows, terms.kernel_columns
    tap = (words - 1) * full + short
    held = terms.units * (terms.held_packets // blocks)  # packet rows
    places = BATCH_TOKENS // divided(interleave, terms.feed)  # activation words

    def fits(unit_words: Counts | int, unit_packets: Counts, units: Counts) -> Counts:
        """How many of the units fit in a segment."""
        most = np.minimum(np.minimum(places // unit_words, held // unit_packets), units)
        return np.asarray(np.maximum(most, 0), np.int64)

    def even(units: Counts, most: Counts) -> Counts:
        """The same, evened out."""
        return np.where(most > 0, divided(units, divided(units, np.maximum(most, 1))), 0)

    rows = even(kernel_rows, fits(kernel_columns * words, kernel_columns * tap, kernel_rows))
    taps = even(kernel_columns, fits(words, tap, kernel_columns))
    parts = np.where((places >= words) & (held >= tap), words, fits(1, full, words - 1))
    parts = even(words, parts)
    by_rows, by_taps = rows > 0, (rows == 0) & (taps > 0)
    size = np.where(by_rows, rows, np.where(by_taps, taps, np.maximum(parts, 1)))
    units = np.where(by_rows, kernel_rows, np.where(by_taps, kernel_columns, words))
    times = np.where(by_rows, 1, np.where(by_taps, kernel_rows, kernel_rows * kernel_columns))
    pieces = divided(units, size)
    rest = units - (pieces - 1) * size

    def part(units: Counts, ends: Counts) -> Reduction:
        """`units` of rows, taps or words. ends: whether they reach the end of a tap."""
        many = np.where(by_rows, units * kernel_columns, np.where(by_taps, units, 1))
        return Reduction(many, np.where(by_rows | by_taps, words, units), ends)

    one = np.ones_like(size)
    return Segments(
        part(size, np.where(by_rows | by_taps, 1, 0)),
        part(rest, one),
        (np.where(by_rows, size, one), np.where(by_rows, rest, one)),
        times * (pieces - 1),
        times,
        by_rows | by_taps | (parts > 0),
    )


def strip_rows(terms: Terms, tilings: Candidates) -> Counts:
    """Output rows of the strips that the smallest allows of each candidate's segments, 0 where the
    loader can't hold T rows."""
    cut = segments(terms, tilings.interleave, tilings.blocks)
    return _strip_rows(terms, tilings, cut)


def _strip_rows(terms: Terms, tilings: Candidates, cut: Segments) -> Counts:
    found = [segment_strips(terms, tilings, rows) for rows in cut.tap_rows]
    fewest: Counts = np.minimum(*found)
    return fewest


def segment_strips(terms: Terms, tilings: Candidates, tap_rows: Counts) -> Counts:
    """Rows of a strip of a segment, a multiple of T: a batch when A is transposed, else all that a
    command counts or, buffered, as many as the loader holds."""
    interleave = tilings.interleave
    if terms.transposed:
        return interleave
    batches = np.minimum(divided(terms.rows, interleave), MAX_ROWS // interleave)
    found: Counts = batches * interleave
    held = np.flatnonzero(tilings.buffered)
    found[held] = strip_columns.longest(terms.at(held), interleave[held], tap_rows[held])
    return found


def legal(terms: Terms, tilings: Candidates) -> Flags:
    """Which candidates the array's memories can hold, and its counters count."""
    cut = segments(terms, tilings.interleave, tilings.blocks)
    strips = _strip_rows(terms, tilings, cut)
    tiles = divided(terms.column_blocks, tilings.blocks)
    served = tiles * np.maximum(cut.whole.panels, cut.last.panels) * tilings.interleave
    found: Flags = cut.legal & (strips > 0) & (served <= MAX_COUNT)
    if terms.transposed:
        most = strip_columns.transposed(terms, tilings.interleave)[3]
        found &= terms.lanes * most <= terms.strip_words
    return found
