# SPDX-License-Identifier: Apache-2.0
"""What the B loader and the store move, for many tile sizes at once. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .latencies import BETWEEN
from .memory import RUN_WORDS, Counts, Traffic
from .terms import Panel, Terms, divided


@dataclass(frozen=True)
class Reduction:
    """A part of a reduction: `taps` of `words` channel words each, of which `tails`, 0 or 1, is the
    tap's last word."""

    taps: Counts
    words: Counts
    tails: Counts

    @property
    def panels(self) -> Counts:
        """Words of all taps."""
        return self.taps * self.words

    def over(self, full: npt.ArrayLike, tail: npt.ArrayLike) -> Counts:
        """A count of a panel, `full` or the `tail` of its tap, summed over all panels."""
        counts = (self.words - self.tails) * np.asarray(full) + self.tails * np.asarray(tail)
        return np.asarray(self.taps * counts, np.int64)


def whole_reduction(terms: Terms) -> Reduction:
    """All of a product's."""
    return Reduction(terms.taps, terms.tap_words, np.ones_like(terms.taps))


@dataclass(frozen=True)
class Ways:
    """How often each sum is stored, as binary16 or as binary32, and how often read, as binary32."""

    binary16: Counts
    binary32: Counts
    read: Counts


def turn(
    terms: Terms, now: Panel, blocks: Counts, following: Panel, filled: Counts, passes: Counts
) -> Counts:
    """Cycles of a turn beside a panel's products, at least: the next panel comes in, of other
    elements and blocks, and the chain has the packets of its stream when that takes longer.
    passes: cycles of a packet of each block. A panel of Q column blocks is filled while the one
    before leaves as packets, each of which meets T activations."""
    fill = following.fill * filled
    packets = now.packets * blocks
    products = now.packets * passes
    left = np.minimum(packets, terms.packet_places) * passes // blocks
    late: Counts = np.maximum(fill, products + fill - packets - left)
    return late


def loading(terms: Terms, part: Reduction, blocks: Counts) -> Counts:
    """Cycles of a tile's panels, if nothing holds them up: while one leaves, the next one comes in,
    be it of the next tap or tile."""
    full, tail = terms.full, terms.tail

    def beside(now: Panel, following: Panel) -> Counts:
        return np.asarray(np.maximum(following.fill, now.packets) * blocks, np.int64)

    whole = beside(full, full)
    ends = np.where(
        part.words == 1, beside(tail, tail), beside(full, tail) + beside(tail, full) - whole
    )
    cycles: Counts = part.taps * ((part.words - part.tails) * whole + part.tails * ends)
    return cycles


def weights(terms: Terms, part: Reduction, blocks: Counts, times: Counts) -> Traffic:
    """What is read of B, each panel `times`."""
    columns, record = terms.column_blocks, terms.record
    packed = part.panels * columns
    transposed = part.panels * terms.columns
    rows = part.over(terms.full.elements, terms.tail.elements)
    plain = rows * columns
    through = (columns <= blocks) & (terms.b_pitch == columns)  # one tile
    runs = np.where(through, divided(plain, RUN_WORDS), rows * divided(columns, blocks))
    near = np.where(terms.b_pitch == 1, divided(transposed, RUN_WORDS), transposed)
    words = np.where(terms.transposed_b, transposed, plain)
    runs = np.where(terms.transposed_b, near, runs)
    words = np.where(terms.packed, packed * record, words)
    runs = np.where(terms.packed, packed * divided(record, RUN_WORDS), runs)
    return Traffic(words * terms.word_bytes * times, runs * times)


def share(traffic: Traffic, part: Counts) -> Traffic:
    """So many of the bytes, and as large a part of the runs, rounded down."""
    return Traffic(part, part * traffic.runs // np.maximum(traffic.bytes, 1))


def sums(terms: Terms, interleave: Counts, blocks: Counts, ways: Ways) -> Traffic:
    """What Y's sums move. blocks: of a row that are stored one after the other; they are read block
    by block.

    Rows of a row unit or batch are consecutive in Y; row units leave in turns.
    """
    columns = terms.column_blocks
    rows = terms.copies * terms.rows
    words: Counts = np.zeros_like(blocks)
    runs: Counts = np.zeros_like(blocks)
    one: Counts = np.ones_like(blocks)
    apart = divided(rows, interleave)
    for width, at_once, times in (
        (1, blocks, ways.binary16),
        (2, blocks, ways.binary32),
        (2, one, ways.read),
    ):
        tiles = divided(columns, at_once)
        through = terms.plain & (tiles == 1)
        together = np.where(through, interleave * at_once, at_once) * width
        each: Counts = np.where(through, apart, rows * tiles)
        stored: Counts = width * rows * columns * times
        words = words + stored
        runs = runs + times * each * divided(together, RUN_WORDS)
    return Traffic(words * terms.word_bytes, runs)


def late_fills(words: Counts, tokens: Counts, cover: Counts, strips: Counts) -> Counts:
    """Cycles for which `strips` strips wait for their words, of which there are `words` on average.

    The buffer takes a word while it serves a token of the strip before, and what is left when the
    `tokens` of that one are out while the chain has those before it, for `cover` cycles.
    """
    late: Counts = np.maximum(words - tokens - cover, 0) * np.maximum(strips - 1, 0)
    return late


def listed(commands: Counts, command_bytes: int) -> Traffic:
    """A list of commands, read one after the other, 16 in a burst."""
    return Traffic(commands * command_bytes, divided(commands, 16))


def port_cycles(traffic: Traffic, loaded: Traffic, word_bytes: Counts, commands: Counts) -> Counts:
    """Of a port that reads all but what was loaded before, a word a cycle, and waits between two
    commands."""
    words = (traffic.bytes - loaded.bytes) // word_bytes
    return np.asarray(words + (commands - 1) * BETWEEN, np.int64)
