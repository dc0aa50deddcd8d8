# SPDX-License-Identifier: Apache-2.0
"""Cycles of the array, in closed form and for many tile sizes at once. Pure functions.

What the row units do is exact: the sum of PeriodPlan::cycles (kernels/period.h) over the commands
of product_commands. A row unit is one loop, in which a stream that is empty or full halts
products, intake and sums alike. So what the loaders and the store take longer than the row units is
added to their cycles, each on its own: an upper bound where two of them wait in the same cycle. The
memory is a bound over a whole product: what happens within a panel is taken to be buffered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sat_host.config import ArrayConfig
from sat_host.descriptor import STCE, WUVE

from .memory import ASSUMED_LATENCY_CYCLES, Counts, Memory, Traffic
from .work import ProductWork, UpdateWork

PIECES = ("compute", "distribution", "b_delivery", "drain", "store", "memory", "fill")

# From the pragmas of templates/sat_stce.cpp.j2: places of a stream of packets between row units,
# words of B's longest burst, and, read as the most pipeline stages by which a row unit lags the one
# above, the places of its other streams.
PACKET_PLACES = 8
BURST_WORDS = 64
ASSUMED_ROW_STAGES = 8


@dataclass(frozen=True)
class Pieces:
    """Cycles by cause, an int64 array [candidates] each; `total` is their sum.

    compute: products, with the idle cycles of passes shorter than the adder's latency; of an
    update, its rows. distribution: waiting for activations. b_delivery: waiting for packets. drain:
    products waiting for sums that leave or enter. store: the second cycle that a sum takes from or
    to memory. memory: what the busiest bank takes longer than all of these. fill: the first
    activations, the last sums and the latencies. bytes: by operand.
    """

    compute: Counts
    distribution: Counts
    b_delivery: Counts
    drain: Counts
    store: Counts
    memory: Counts
    fill: Counts
    bytes: Mapping[str, Counts]

    @property
    def total(self) -> Counts:
        """All cycles."""
        return _added([getattr(self, name) for name in PIECES])

    @property
    def bound(self) -> npt.NDArray[np.str_]:
        """The largest piece of each candidate, of equal ones the first."""
        largest = np.argmax(np.stack([getattr(self, name) for name in PIECES]), axis=0)
        return np.asarray(np.asarray(PIECES)[largest], np.str_)


@dataclass(frozen=True)
class RowUnits:
    """Cycles of the row units by cause: `total` is the sum of PeriodPlan::cycles over a list.

    compute, distribution, drain: as in Pieces, of the periods that compute. first: the period that
    brings the first panel's activations. last: the one in which the last tile leaves.
    """

    compute: Counts
    distribution: Counts
    drain: Counts
    first: Counts
    last: Counts

    @property
    def total(self) -> Counts:
        """All cycles."""
        cycles = (self.compute, self.distribution, self.drain, self.first, self.last)
        return _added(cycles)


class _Tiles:
    """The tiles of a product: `strips` of rows, each of `tiles` - 1 tiles of `blocks` column blocks
    and one, the last, of `last_blocks`."""

    def __init__(
        self, config: ArrayConfig, work: ProductWork, interleave: Counts, blocks: Counts
    ) -> None:
        self.config, self.work = config, work
        self.interleave, self.blocks = interleave, blocks
        self.column_blocks = config.blocks(work.columns)
        self.strip = config.rows * interleave
        self.copy_strips = -(-work.rows // self.strip)
        self.strips = work.copies * self.copy_strips
        self.tiles = -(-self.column_blocks // blocks)
        self.last_blocks = self.column_blocks - (self.tiles - 1) * blocks
        self.count = self.strips * self.tiles
        self.tap_panels = config.blocks(work.reduction)
        self.panels = work.taps * self.tap_panels
        self.tail = work.reduction - (self.tap_panels - 1) * config.lanes

    def packet_rows(self, elements: int) -> int:
        """Packets of a panel for each column block, as packet_rows in kernels/types.h."""
        if self.work.keep == self.config.group:
            return elements
        return -(-elements // self.config.group) * self.work.keep

    def pass_cycles(self, blocks: Counts) -> Counts:
        """A pass over the sums of a tile of `blocks`, with its idle cycles."""
        cycles: Counts = np.maximum(self.interleave * blocks, self.config.adder_latency)
        return cycles

    def over_tiles(self, whole: Counts, last: Counts) -> Counts:
        """A count of a tile, `whole` or `last` of its strip, summed over all tiles."""
        return self.strips * ((self.tiles - 1) * whole + last)


def product_cycles(
    config: ArrayConfig,
    memory: Memory,
    work: ProductWork,
    interleave: npt.ArrayLike,
    blocks: npt.ArrayLike,
    *,
    accumulate: bool = False,
) -> Pieces:
    """The pieces of a product in tiles of interleave T x blocks Q; the two broadcast, to one axis
    at least.

    accumulate: Y's stored sums are added to. Raises ValueError for a tile that the array can't
    hold.
    """
    tiles = _tiles_of(config, work, interleave, blocks)
    rows = row_unit_cycles(config, work, interleave, blocks, accumulate=accumulate)
    operands = product_traffic(config, work, interleave, blocks, accumulate=accumulate)
    distribution = rows.distribution + _transposer_stalls(tiles)
    b_delivery = tiles.over_tiles(
        _packet_stalls(tiles, tiles.blocks), _packet_stalls(tiles, tiles.last_blocks)
    )
    sums = tiles.strip * tiles.strips * tiles.column_blocks
    store = sums * (2 if accumulate else 1)
    latency = ASSUMED_LATENCY_CYCLES + config.rows * ASSUMED_ROW_STAGES
    fill = rows.first + rows.last + latency
    before = rows.compute + distribution + b_delivery + rows.drain + store
    waiting = np.maximum(memory.cycles(operands) - before, 0)
    return Pieces(
        rows.compute,
        distribution,
        b_delivery,
        rows.drain,
        store,
        waiting,
        fill,
        {name: moved.bytes for name, moved in operands.items()},
    )


def row_unit_cycles(
    config: ArrayConfig,
    work: ProductWork,
    interleave: npt.ArrayLike,
    blocks: npt.ArrayLike,
    *,
    accumulate: bool = False,
) -> RowUnits:
    """What the row units count, by kernels/period.h, if no stream makes them wait."""
    tiles = _tiles_of(config, work, interleave, blocks)
    zero = np.zeros_like(tiles.interleave)
    whole, last = tiles.blocks, tiles.last_blocks
    one = tiles.tiles == 1
    # A period's tile, the blocks of the tile that leaves beside it, and how often that occurs. The
    # list's last tile has none behind it whose activations come in.
    before_last = np.where(one, last, whole)
    lone = one & (tiles.strips == 1)
    occurrences = [
        (whole, zero, tiles.interleave, np.where(one, 0, 1)),
        (whole, last, tiles.interleave, np.where(one, 0, tiles.strips - 1)),
        (whole, whole, tiles.interleave, np.where(one, 0, tiles.strips * (tiles.tiles - 2))),
        (last, zero, tiles.interleave, np.where(one & ~lone, 1, 0)),
        (last, before_last, tiles.interleave,
         np.where(one, np.maximum(tiles.strips - 2, 0), tiles.strips - 1)),
        (last, np.where(lone, 0, before_last), zero, np.ones_like(zero)),
    ]  # fmt: skip
    sums = np.zeros((3, *zero.shape), np.int64)  # compute, distribution, drain
    for computed, drained, next_interleave, times in occurrences:
        sums += times * _period(tiles, computed, drained, next_interleave, accumulate)
    return RowUnits(sums[0], sums[1], sums[2], tiles.strip, tiles.strip * last)


def product_traffic(
    config: ArrayConfig,
    work: ProductWork,
    interleave: npt.ArrayLike,
    blocks: npt.ArrayLike,
    *,
    accumulate: bool = False,
) -> dict[str, Traffic]:
    """What a product moves, by operand: a, b, y, commands.

    Of a convolution, words that lie outside of the image are counted, though they are not read.
    """
    tiles = _tiles_of(config, work, interleave, blocks)
    word = config.word_bytes
    if work.transposed_a:
        a = work.copies * _strip_words(tiles) * tiles.tiles * work.reduction
    else:
        a = work.copies * work.rows * tiles.tiles * tiles.panels
    b, runs = _b_words(tiles)
    rows = np.broadcast_to(np.int64(work.copies * work.rows * tiles.column_blocks), a.shape)
    ways = 2 if accumulate else 1
    y_words = ways * (2 if work.binary32 else 1)
    listed = tiles.count * STCE.bytes
    return {
        "a": Traffic(a * word, a),
        "b": Traffic(b * word, runs),
        "y": Traffic(rows * y_words * word, rows * ways),
        "commands": Traffic(listed, -(-tiles.count // 16)),
    }


def update_cycles(config: ArrayConfig, memory: Memory, update: UpdateWork) -> Pieces:
    """The pieces of an update, arrays of one element; those that it does not have are zero.

    A row of a block takes two cycles, as does the transposer. Rows that the last blocks lack take
    their turns. fill: the last block's way through transposer, selector and writer.
    """
    lanes, group = config.lanes, config.group
    grid = config.blocks(update.rows) * config.blocks(update.columns)
    compute = 2 * lanes * grid
    ff = group + config.record_words(update.ff_keep) if update.ff_keep else 0
    bp = lanes + group + config.record_words(update.bp_keep) if update.bp_keep else 0
    operands = update_traffic(config, update)
    waiting = np.maximum(memory.cycles(operands) - compute, 0)
    none = np.zeros(1, np.int64)
    fill = none + max(ff, bp) + ASSUMED_LATENCY_CYCLES
    moved = {name: traffic.bytes for name, traffic in operands.items()}
    return Pieces(none + compute, none, none, none, none, waiting, fill, moved)


def update_traffic(config: ArrayConfig, update: UpdateWork) -> dict[str, Traffic]:
    """What an update moves, by operand: weights, velocity, gradient, ff, bp, commands."""
    columns = config.blocks(update.columns)
    records = config.blocks(update.rows) * columns
    bursts = {"weights": 2, "velocity": 2, "gradient": 1}  # read and written; read
    words = {
        name: (2 * update.rows * columns * ways, update.rows * columns * ways)
        for name, ways in bursts.items()
    }
    for name, keep in (("ff", update.ff_keep), ("bp", update.bp_keep)):
        record = config.record_words(keep) if keep else 0
        words[name] = records * record, records * -(-record // BURST_WORDS)
    found = {
        name: Traffic(np.array([count * config.word_bytes], np.int64), np.array([runs], np.int64))
        for name, (count, runs) in words.items()
    }
    return {**found, "commands": Traffic(np.array([WUVE.bytes]), np.array([1]))}


def _tiles_of(
    config: ArrayConfig, work: ProductWork, interleave: npt.ArrayLike, blocks: npt.ArrayLike
) -> _Tiles:
    given = np.broadcast_arrays(
        np.atleast_1d(np.asarray(interleave, np.int64)), np.asarray(blocks, np.int64)
    )
    for name, sizes, most in zip(
        ("interleave", "blocks"), given, (config.interleave, config.memory_tile), strict=True
    ):
        if sizes.size and not (sizes.min() >= 1 and sizes.max() <= most):
            raise ValueError(f"{name}: expected 1 to {most}, got {sizes.min()} to {sizes.max()}")
    return _Tiles(config, work, given[0], given[1])


def _period(
    tiles: _Tiles, computed: Counts, drained: Counts, next_interleave: Counts, accumulate: bool
) -> Counts:
    """[compute, distribution, drain] of a period of PeriodPlan, by the blocks of its tiles."""
    rows, taps = tiles.config.rows, tiles.work.taps
    passes = tiles.pass_cycles(computed)
    full = tiles.packet_rows(tiles.config.lanes) * passes
    tail = tiles.packet_rows(tiles.tail) * passes
    body = taps * (tiles.tap_panels - 1) * np.maximum(full, tiles.strip)
    body = body + (taps - 1) * np.maximum(tail, tiles.strip)
    last = np.maximum(tail, rows * next_interleave)
    enter = tiles.strip * computed if accumulate else np.zeros_like(passes)
    entered = enter + tiles.config.adder_latency if accumulate else enter
    drained_end = enter + tiles.strip * drained
    start = np.maximum(entered, drained_end - (body + tail - passes))
    cycles = np.maximum(start + body + last, drained_end)
    compute = taps * ((tiles.tap_panels - 1) * full + tail)
    return np.stack([compute, body + last - compute, cycles - body - last])


def _packet_stalls(tiles: _Tiles, blocks: Counts) -> Counts:
    """Cycles for which a tile of `blocks` waits for form_packets (kernels/load_weights.h).

    It fills a panel, then empties it, in turns. While it fills, the array has what is left of the
    panel before: the packets in their stream, then its wait for activations.
    """
    config, work = tiles.config, tiles.work
    passes = tiles.pass_cycles(blocks)

    def stall(elements: int) -> Counts:
        if work.packed_b:
            fill = config.record_words(work.keep) * blocks
        elif work.transposed_b:
            fill = (config.lanes + elements) * blocks
        else:
            fill = elements * blocks
        packets = tiles.packet_rows(elements) * blocks
        products = tiles.packet_rows(elements) * passes
        panel = np.maximum(products, tiles.strip)
        left = np.minimum(packets, PACKET_PLACES) * passes // blocks + panel - products
        waits: Counts = np.maximum(np.maximum(fill - left, fill + packets - panel), 0)
        return waits

    panels = (tiles.tap_panels - 1) * stall(config.lanes) + stall(tiles.tail)
    return np.asarray(work.taps * panels, np.int64)


def _transposer_stalls(tiles: _Tiles) -> Counts:
    """Cycles for which the row units wait for arrange_blocks (kernels/load_activations.h).

    It fills a block in `lanes` cycles, then empties it, and the intake waits meanwhile; only a
    panel's first block is filled beside the products that follow the intake of the one before.
    """
    if not tiles.work.transposed_a:
        return np.zeros_like(tiles.interleave)
    lanes = tiles.config.lanes
    elements = lanes if tiles.tap_panels > 1 else tiles.tail
    found = np.zeros_like(tiles.interleave)
    for blocks, times in ((tiles.blocks, tiles.tiles - 1), (tiles.last_blocks, 1)):
        products = tiles.packet_rows(elements) * tiles.pass_cycles(blocks)
        hidden = np.clip(products - tiles.strip, 0, lanes)
        fills = tiles.work.copies * _strip_words(tiles) * lanes - tiles.strips * hidden
        found = found + times * tiles.panels * fills
    return found


def _strip_words(tiles: _Tiles) -> Counts:
    """Channel words that the strips of one transposed product lie in, summed over the strips.

    All words of all taps, and once more each word that two strips share.
    """
    work, lanes = tiles.work, tiles.config.lanes
    words = work.rows // work.a_channels * tiles.config.blocks(work.a_channels)
    words += tiles.config.blocks(work.rows % work.a_channels)
    sizes, places = np.unique(tiles.strip, return_inverse=True)
    shared = [
        np.count_nonzero(np.arange(size, work.rows, size) % work.a_channels % lanes)
        for size in sizes
    ]
    return words + np.asarray(shared, np.int64)[places].reshape(tiles.strip.shape)


def _b_words(tiles: _Tiles) -> tuple[Counts, Counts]:
    """Words that read_weights reads, and the bursts in which they lie."""
    config, work = tiles.config, tiles.work
    if work.packed_b:
        record = config.record_words(work.keep)
        records = tiles.strips * tiles.panels * tiles.column_blocks
        return records * record, records * -(-record // BURST_WORDS)
    if work.transposed_b:
        words = tiles.strips * tiles.panels * work.columns
        return words, words
    rows = tiles.strips * work.taps * work.reduction
    return rows * tiles.column_blocks, rows * tiles.tiles


def _added(parts: Sequence[Counts]) -> Counts:
    total: Counts = np.sum(np.stack(parts), axis=0, dtype=np.int64)
    return total
