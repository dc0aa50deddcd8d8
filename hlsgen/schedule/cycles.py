# SPDX-License-Identifier: Apache-2.0
"""Cycles of the array, in closed form and for many tilings at once. Pure functions.

Output stationary, and what both dataflows share; hlsgen.schedule.weight_stationary has the other.

What the row units do is exact: the sum of PeriodPlan::cycles (kernels/period.h) over the commands
of product_commands. A row unit is one loop, in which a stream that is empty or full halts
products, intake and sums alike. So what the loaders take longer than a panel's products and intake
is added panel by panel, the longest of them all, and what the store takes longer on top. The memory
is a bound over a whole product: what happens within a strip is taken to be buffered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sat_host.config import ArrayConfig
from sat_host.descriptor import STCE, WUVE
from sat_host.strips import strip_words

from .activations import channel_strips, pixel_run
from .memory import ASSUMED_LATENCY_CYCLES, RUN_WORDS, Counts, Memory, Traffic
from .options import ALL, Options
from .pieces import Candidates, Pieces, Timing, added, with_memory
from .traffic import Ways, Weights, divided, late_fills, listed, share, sums, whole_reduction
from .weight_stationary import ASSUMED_ROW_STAGES, stationary_timing
from .work import ProductWork, UpdateWork


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
        return added(cycles)


class _Tiles:
    """The tiles of a product: `strips` of rows, each of `tiles` - 1 tiles of `blocks` column blocks
    and one, the last, of `last_blocks`."""

    def __init__(
        self,
        config: ArrayConfig,
        work: ProductWork,
        interleave: Counts,
        blocks: Counts,
        options: Options,
    ) -> None:
        self.config, self.work, self.options = config, work, options
        self.interleave, self.blocks = interleave, blocks
        self.weights = Weights(config, work, options)
        self.column_blocks = config.blocks(work.columns)
        self.strip = config.rows * interleave
        self.intake = config.rows * divided(interleave, config.feed)
        self.strips = work.copies * -(-work.rows // self.strip)
        self.tiles = divided(self.column_blocks, blocks)
        self.last_blocks = self.column_blocks - (self.tiles - 1) * blocks
        self.tap_panels = config.blocks(work.reduction)
        self.tail = work.reduction - (self.tap_panels - 1) * config.lanes
        self.first_panel = config.lanes if self.tap_panels > 1 else self.tail  # elements

    def pass_cycles(self, blocks: Counts) -> Counts:
        """A pass over the sums of a tile of `blocks`, with its idle cycles."""
        return self.weights.pass_cycles(self.interleave * blocks)

    def steps(self, blocks: Counts, behind: Counts | None) -> list[tuple[int, int, int, Counts]]:
        """The panels of a tile of `blocks`, with a tile of other blocks behind it or none: elements
        of a panel and of the next one, how often they follow each other, the next one's blocks."""
        lanes, tail, taps = self.config.lanes, self.tail, self.work.taps
        if self.tap_panels == 1:
            found = [(tail, tail, taps - 1, blocks)]
        else:
            found = [
                (lanes, lanes, taps * (self.tap_panels - 2), blocks),
                (lanes, tail, taps, blocks),
                (tail, lanes, taps - 1, blocks),
            ]
        return found if behind is None else [*found, (tail, self.first_panel, 1, behind)]

    def products(self, elements: int, blocks: Counts) -> Counts:
        """Cycles of a panel's products."""
        return self.weights.packet_rows(elements) * self.pass_cycles(blocks)


def product_cycles(
    config: ArrayConfig,
    memory: Memory,
    work: ProductWork,
    candidates: Candidates,
    options: Options = ALL,
) -> Pieces:
    """The pieces of a product for each candidate. Raises ValueError for one that the array can't
    hold."""
    timing = product_timing(config, work, candidates, options)
    return with_memory(timing, memory, work.places(memory.banks))


def product_timing(
    config: ArrayConfig, work: ProductWork, candidates: Candidates, options: Options = ALL
) -> Timing:
    """What of `product_cycles` does not depend on the memory."""
    for name, sizes, most in (
        ("interleave", candidates.interleave, config.interleave),
        ("blocks", candidates.blocks, config.memory_tile),
    ):
        if sizes.size and not (sizes.min() >= 1 and sizes.max() <= most):
            raise ValueError(f"{name}: expected 1 to {most}, got {sizes.min()} to {sizes.max()}")
    if candidates.dataflow == "ws":
        return stationary_timing(config, work, candidates, options)
    return _output_stationary(config, work, candidates, options)


def _output_stationary(
    config: ArrayConfig, work: ProductWork, candidates: Candidates, options: Options
) -> Timing:
    tiles = _Tiles(config, work, candidates.interleave, candidates.blocks, options)
    rows = _row_units(tiles)
    a = _Activations(tiles, candidates.buffered)
    late_a, late_b = _stalls(tiles, a)
    part = whole_reduction(config, work)
    ways = Ways(
        *(
            np.array([int(way)])
            for way in (not work.binary32, work.binary32, work.product.accumulate)
        )
    )
    left = tiles.strip * tiles.strips * tiles.column_blocks
    words = a.load.bytes // config.word_bytes
    latency = ASSUMED_LATENCY_CYCLES + config.rows * ASSUMED_ROW_STAGES
    commands = np.where(candidates.buffered, 1, tiles.tiles) * tiles.strips
    zero = np.zeros_like(left)
    return Timing(
        rows.compute + zero,
        rows.distribution + late_a + a.late,
        late_b + zero,
        rows.drain + zero,
        left * ways.halts,
        np.maximum(rows.first, a.intake) + rows.last + latency,
        a.load,
        np.maximum(words, tiles.weights.fill(tiles.first_panel, tiles.blocks)),
        {
            "a": a.traffic,
            "b": tiles.weights.traffic(part, tiles.blocks, tiles.strips),
            "y": sums(config, work, tiles.interleave, tiles.blocks, ways),
            "commands": listed(commands, STCE.bytes),
        },
        (a.traffic.bytes - a.load.bytes) // config.word_bytes,
    )


class _Activations:
    """The A side of output stationary tiles: what the loader reads, and its cycles of a panel.

    load: what must be there before the chain takes the first word: the first strip, or of a
    transposed product the first panel. intake: cycles of the first panel, where the chain's are not
    more. late: cycles for which strips wait for their words.
    """

    def __init__(self, tiles: _Tiles, buffered: npt.NDArray[np.bool_]) -> None:
        self._tiles = tiles
        config, work = tiles.config, tiles.work
        self.late = np.zeros_like(tiles.strip)
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
        last = np.maximum(tiles.products(tiles.tail, tiles.last_blocks), tiles.intake)
        waiting = config.rows * divided(config.interleave, config.feed) // tiles.intake  # panels
        late = late_fills(
            divided(work.copies * held, tiles.strips),
            tiles.tiles * panels * tiles.intake,
            waiting * last,
            tiles.strips,
        )
        self.late = np.where(buffered, late, 0)

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
        self.intake = transposer

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


def row_unit_cycles(
    config: ArrayConfig,
    work: ProductWork,
    interleave: npt.ArrayLike,
    blocks: npt.ArrayLike,
    options: Options = ALL,
) -> RowUnits:
    """What the row units count for output stationary tiles of T x Q, by kernels/period.h, if no
    stream makes them wait. The two broadcast."""
    given = np.broadcast_arrays(
        np.atleast_1d(np.asarray(interleave, np.int64)), np.asarray(blocks, np.int64)
    )
    return _row_units(_Tiles(config, work, given[0], given[1], options))


def _row_units(tiles: _Tiles) -> RowUnits:
    zero = np.zeros_like(tiles.interleave)
    whole, last, intake = tiles.blocks, tiles.last_blocks, tiles.intake
    one = tiles.tiles == 1
    # A period's tile, the blocks of the tile that leaves beside it, and how often that occurs. The
    # list's last tile has none behind it whose activations come in.
    before_last = np.where(one, last, whole)
    lone = one & (tiles.strips == 1)
    occurrences = [
        (whole, zero, intake, np.where(one, 0, 1)),
        (whole, last, intake, np.where(one, 0, tiles.strips - 1)),
        (whole, whole, intake, np.where(one, 0, tiles.strips * (tiles.tiles - 2))),
        (last, zero, intake, np.where(one & ~lone, 1, 0)),
        (last, before_last, intake,
         np.where(one, np.maximum(tiles.strips - 2, 0), tiles.strips - 1)),
        (last, np.where(lone, 0, before_last), zero, np.ones_like(zero)),
    ]  # fmt: skip
    found = np.zeros((3, *zero.shape), np.int64)  # compute, distribution, drain
    for computed, drained, following, times in occurrences:
        found += times * _period(tiles, computed, drained, following)
    leaving = tiles.config.adder_latency + tiles.strip * last
    return RowUnits(found[0], found[1], found[2], intake, leaving)


def _period(tiles: _Tiles, computed: Counts, drained: Counts, following: Counts) -> Counts:
    """[compute, distribution, drain] of a period of PeriodPlan, by the blocks of its tiles.
    following: the intake beside its last panel."""
    taps = tiles.work.taps
    passes = tiles.pass_cycles(computed)
    full = tiles.products(tiles.config.lanes, computed)
    tail = tiles.products(tiles.tail, computed)
    body = taps * (tiles.tap_panels - 1) * np.maximum(full, tiles.intake)
    body = body + (taps - 1) * np.maximum(tail, tiles.intake)
    last = np.maximum(tail, following)
    accumulate = tiles.work.product.accumulate
    enter = tiles.strip * computed if accumulate else np.zeros_like(passes)
    entered = enter + tiles.config.adder_latency if accumulate else enter
    leave: Counts = np.maximum(enter, tiles.config.adder_latency)
    drained_end = np.where(drained > 0, leave + tiles.strip * drained, enter)
    start = np.maximum(entered, drained_end - (body + tail - passes))
    cycles = np.maximum(start + body + last, drained_end)
    compute = taps * ((tiles.tap_panels - 1) * full + tail)
    return np.stack([compute, body + last - compute, cycles - body - last])


def _stalls(tiles: _Tiles, a: _Activations) -> tuple[Counts, Counts]:
    """Cycles for which the row units wait for activations, and beyond these for packets.

    Beside the products of a panel, the activations and the packets of the next one come. A panel of
    activations waits before the chain, so the A side's turns even out over a tile.
    """
    one = tiles.tiles == 1
    first = np.where(one, tiles.last_blocks, tiles.blocks)
    # A tile's blocks, those of the tile behind it, and how often that occurs. Nothing is behind the
    # list's last tile.
    occurrences = [
        (tiles.blocks, tiles.blocks, tiles.strips * np.maximum(tiles.tiles - 2, 0)),
        (tiles.blocks, tiles.last_blocks, tiles.strips * np.where(one, 0, 1)),
        (tiles.last_blocks, first, tiles.strips - 1),
        (tiles.last_blocks, None, np.ones_like(first)),
    ]
    late_a: Counts = np.zeros_like(first)
    late_b: Counts = np.zeros_like(first)
    for blocks, behind, times in occurrences:
        array: Counts = np.zeros_like(first)
        with_a: Counts = np.zeros_like(first)
        with_b: Counts = np.zeros_like(first)
        for now, following, often, filled in tiles.steps(blocks, behind):
            panel: Counts = np.maximum(tiles.products(now, blocks), tiles.intake)
            fill = tiles.weights.turn(now, blocks, following, filled, tiles.pass_cycles(blocks))
            fill = np.maximum(panel, fill)
            array = array + often * panel
            with_a = with_a + often * a.panel(following)
            with_b = with_b + often * fill
        with_a = np.maximum(array, with_a)
        with_b = np.maximum(with_a, with_b)
        late_a = late_a + times * (with_a - array)
        late_b = late_b + times * (with_b - with_a)
    return late_a, late_b


def update_cycles(config: ArrayConfig, memory: Memory, update: UpdateWork) -> Pieces:
    """The pieces of an update, arrays of one element; those that it does not have are zero."""
    return with_memory(update_timing(config, update), memory, update.places(memory.banks))


def update_timing(config: ArrayConfig, update: UpdateWork) -> Timing:
    """What of `update_cycles` does not depend on the memory.

    A row of a block takes two cycles, as does the transposer. Rows that the last blocks lack take
    their turns. start: the last block's way through transposer, selector and writer.
    """
    lanes, group = config.lanes, config.group
    grid = config.blocks(update.rows) * config.blocks(update.columns)
    ff = group + config.record_words(update.ff_keep) if update.ff_keep else 0
    bp = lanes + group + config.record_words(update.bp_keep) if update.bp_keep else 0
    none = np.zeros(1, np.int64)
    return Timing(
        none + 2 * lanes * grid, none, none, none, none,
        none + max(ff, bp) + ASSUMED_LATENCY_CYCLES,
        Traffic(none, none), none, update_traffic(config, update), none,
    )  # fmt: skip


def update_traffic(config: ArrayConfig, update: UpdateWork) -> dict[str, Traffic]:
    """What an update moves, by operand: weights, velocity, gradient, ff, bp, commands."""
    columns = config.blocks(update.columns)
    records = config.blocks(update.rows) * columns
    runs = {"weights": 2, "velocity": 2, "gradient": 1}  # read and written; read
    words = {
        name: (2 * update.rows * columns * ways, update.rows * columns * ways)
        for name, ways in runs.items()
    }
    for name, keep in (("ff", update.ff_keep), ("bp", update.bp_keep)):
        record = config.record_words(keep) if keep else 0
        words[name] = records * record, records * -(-record // RUN_WORDS)
    found = {
        name: Traffic(np.array([count * config.word_bytes], np.int64), np.array([times], np.int64))
        for name, (count, times) in words.items()
    }
    return {**found, "commands": listed(np.array([1]), WUVE.bytes)}
