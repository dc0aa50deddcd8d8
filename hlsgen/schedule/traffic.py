# SPDX-License-Identifier: Apache-2.0
"""What the B loader and the store move, for many tile sizes at once. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sat_host.config import ArrayConfig

from ..fifos import default_depth
from .latencies import BETWEEN
from .memory import RUN_WORDS, Counts, Traffic
from .options import Options
from .work import ProductWork


def divided(count: npt.ArrayLike, by: npt.ArrayLike) -> Counts:
    """count / by, rounded up."""
    return np.asarray(-(-np.asarray(count, np.int64) // np.asarray(by, np.int64)), np.int64)


@dataclass(frozen=True)
class Reduction:
    """A part of a reduction: `taps` of `words` channel words each, of which `tails`, 0 or 1, is the
    tap's last word, of `tail` elements. Integers or arrays that broadcast."""

    taps: Counts
    words: Counts
    tails: Counts
    tail: int

    @property
    def panels(self) -> Counts:
        """Words of all taps."""
        return self.taps * self.words

    def over(self, full: npt.ArrayLike, tail: npt.ArrayLike) -> Counts:
        """A count of a panel, `full` or the `tail` of its tap, summed over all panels."""
        counts = (self.words - self.tails) * np.asarray(full) + self.tails * np.asarray(tail)
        return np.asarray(self.taps * counts, np.int64)


def whole_reduction(config: ArrayConfig, work: ProductWork) -> Reduction:
    """All of a product's."""
    words = config.blocks(work.reduction)
    tail = work.reduction - (words - 1) * config.lanes
    return Reduction(np.array([work.taps]), np.array([words]), np.array([1]), tail)


@dataclass(frozen=True)
class Ways:
    """How often each sum is stored, as binary16 or as binary32, and how often read, as binary32."""

    binary16: Counts
    binary32: Counts
    read: Counts


class Weights:
    """The B side of a product: a panel of Q column blocks is filled while the one before leaves as
    packets, each of which meets T activations."""

    def __init__(self, config: ArrayConfig, work: ProductWork, options: Options) -> None:
        self.config, self.work, self.options = config, work, options
        dense = config.value_words(config.group)
        self.packet_places = default_depth("packets", config)  # of a stream between row units
        self.record = config.record_words(work.keep) if options.pregenerated else dense

    def packet_rows(self, elements: int) -> int:
        """Packets of a panel for each column block, as packet_rows in kernels/types.h."""
        if self.work.keep == self.config.group:
            return elements
        return -(-elements // self.config.group) * self.work.keep

    def pass_cycles(self, touched: Counts) -> Counts:
        """Cycles of a packet of each column block, in which so many sums are touched: a sum waits
        for the addition before, with the others in between or, not interleaved, without."""
        latency = self.config.adder_latency
        if not self.options.interleaved:
            return touched * latency
        cycles: Counts = np.maximum(touched, latency)
        return cycles

    def fill(self, elements: int, blocks: Counts) -> Counts:
        """Cycles in which a panel of so many elements comes in."""
        if self.work.packed_b:
            return self.record * blocks
        if self.work.transposed_b:
            return (self.config.lanes + elements) * blocks
        return elements * blocks

    def turn(
        self, elements: int, blocks: Counts, following: int, filled: Counts, passes: Counts
    ) -> Counts:
        """Cycles of a turn beside a panel's products, at least: the next panel comes in, of other
        elements and blocks, and the chain has the packets of its stream when that takes longer.
        passes: cycles of a packet of each block."""
        fill = self.fill(following, filled)
        packets = self.packet_rows(elements) * blocks
        products = self.packet_rows(elements) * passes
        left = np.minimum(packets, self.packet_places) * passes // blocks
        late: Counts = np.maximum(fill, products + fill - packets - left)
        return late

    def loading(self, part: Reduction, blocks: Counts) -> Counts:
        """Cycles of a tile's panels, if nothing holds them up: while one leaves, the next one comes
        in, be it of the next tap or tile."""
        full, tail = self.config.lanes, part.tail

        def turn(now: int, following: int) -> Counts:
            leaving = self.packet_rows(now) * blocks
            return np.asarray(np.maximum(self.fill(following, blocks), leaving), np.int64)

        ends = np.where(
            part.words == 1,
            turn(tail, tail),
            turn(full, tail) + turn(tail, full) - turn(full, full),
        )
        cycles: Counts = part.taps * (
            (part.words - part.tails) * turn(full, full) + part.tails * ends
        )
        return cycles

    def traffic(self, part: Reduction, blocks: Counts, times: Counts) -> Traffic:
        """What `times` strips read of a part of the reduction and of all columns."""
        config, work = self.config, self.work
        columns = config.blocks(work.columns)
        tiles = divided(columns, blocks)
        if work.packed_b:
            records = part.panels * columns
            words, runs = records * self.record, records * -(-self.record // RUN_WORDS)
        elif work.transposed_b:
            words = part.panels * work.columns
            runs = divided(words, RUN_WORDS) if work.product.b.pitch == 1 else words
        else:
            rows = part.over(config.lanes, part.tail)
            words = rows * columns
            through = (tiles == 1) & (work.product.b.pitch == columns)
            runs = np.where(through, divided(words, RUN_WORDS), rows * tiles)
        return Traffic(words * config.word_bytes * times, runs * times)


def share(traffic: Traffic, part: Counts) -> Traffic:
    """So many of the bytes, and as large a part of the runs, rounded down."""
    return Traffic(part, part * traffic.runs // np.maximum(traffic.bytes, 1))


def sums(
    config: ArrayConfig, work: ProductWork, interleave: Counts, blocks: Counts, ways: Ways
) -> Traffic:
    """What Y's sums move. blocks: of a row that are stored one after the other; they are read block
    by block.

    Rows of a row unit or batch are consecutive in Y; row units leave in turns.
    """
    columns = config.blocks(work.columns)
    rows = work.copies * work.rows
    plain = work.product.y.pitch == columns * (2 if work.binary32 else 1)
    words = np.zeros_like(blocks)
    runs = np.zeros_like(blocks)
    one = np.ones_like(blocks)
    for width, at_once, times in (
        (1, blocks, ways.binary16),
        (2, blocks, ways.binary32),
        (2, one, ways.read),
    ):
        tiles = divided(columns, at_once)
        through = plain & (tiles == 1)
        together = np.where(through, interleave * at_once, at_once) * width
        each = np.where(through, divided(rows, interleave), rows * tiles)
        words = words + times * width * rows * columns
        runs = runs + times * each * divided(together, RUN_WORDS)
    return Traffic(words * config.word_bytes, runs)


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


def port_cycles(traffic: Traffic, loaded: Traffic, word_bytes: int, commands: Counts) -> Counts:
    """Of a port that reads all but what was loaded before, a word a cycle, and waits between two
    commands."""
    words = (traffic.bytes - loaded.bytes) // word_bytes
    return np.asarray(words + (commands - 1) * BETWEEN, np.int64)
