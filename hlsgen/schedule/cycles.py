# SPDX-License-Identifier: Apache-2.0
"""Cycles of the array, in closed form and for many tilings at once. Pure functions.

Output stationary, and what both dataflows share; hlsgen.schedule.weight_stationary has the other.

What the row units do is exact: the sum of PeriodPlan::cycles (kernels/period.h) over the commands
of product_commands. A row unit is one loop, in which a stream that is empty or full halts
products, intake and sums alike. So what the loaders take longer than a panel's products and intake
is added panel by panel, the longest of them all, and what sums wait for the store on top. Memory
is a bound over a whole product, but for what comes before and behind (Timing.quiet).
hlsgen.timing.compare holds all of it against the timed simulation of the kernels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sat_host.config import ArrayConfig
from sat_host.descriptor import STCE

from .drains import Drains
from .latencies import ACTIVATIONS, FETCH, STORED, packets, planned
from .memory import Counts, Memory
from .options import ALL, Options
from .output_activations import OutputActivations
from .output_tiles import OutputTiles, Products
from .pieces import Candidates, Pieces, Timing, added, with_memory
from .terms import Flags, Panel, Terms, terms
from .traffic import Ways, listed, port_cycles, share, sums, turn, weights, whole_reduction
from .weight_stationary import stationary_timing
from .work import ProductWork


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
    return timing_of(terms(config, work, options, candidates.size), candidates)


def timing_of(terms: Terms, candidates: Candidates) -> Timing:
    """Of each candidate, a way to cut the product in its row of the terms; all of them have A
    transposed, or none."""
    if candidates.dataflow == "ws":
        return stationary_timing(terms, candidates)
    return _output_stationary(terms, candidates)


def _output_stationary(terms: Terms, candidates: Candidates) -> Timing:
    buffered = candidates.buffered
    tiles = OutputTiles(terms, candidates.interleave, candidates.blocks)
    rows = _row_units(tiles)
    number = tiles.strips * tiles.tiles
    idle = rows.drain // number
    a = OutputActivations(tiles, buffered, idle)
    late_a, late_b = _stalls(tiles, a, idle)
    part, ways = whole_reduction(terms), _ways(terms)
    b = weights(terms, part, tiles.blocks, tiles.strips)
    # The two panels that are held before the first product.
    first_b = share(b, b.bytes * 2 // (number * part.panels))
    commands = np.where(buffered, 1, tiles.tiles) * tiles.strips
    intake = np.maximum(rows.first, a.intake)
    others = _others(tiles, buffered, commands, intake)
    held = buffered & (not terms.transposed)
    array = rows.compute + rows.distribution + late_b
    panel = tiles.last.tail
    # What is read as needed comes while others are waited for.
    ahead = np.where(buffered, 0, intake + np.maximum(others, 0))
    return Timing(
        rows.compute,
        rows.distribution + late_a + a.late,
        late_b,
        rows.drain,
        _drains(tiles, ways, held),
        ACTIVATIONS + a.gap + intake + rows.last + terms.through_rows + STORED,
        a.load,
        first_b,
        np.maximum(a.load.bytes // terms.word_bytes, others),
        {
            "a": a.traffic,
            "b": b,
            "y": sums(terms, tiles.interleave, tiles.blocks, ways),
            "commands": listed(commands, STCE.bytes),
        },
        {
            "a": port_cycles(a.traffic, a.load, terms.word_bytes, commands),
            "b": port_cycles(b, first_b, terms.word_bytes, commands),
            "commands": (commands - 1) * FETCH,
        },
        {
            "a": np.where(held, array // tiles.strips - a.gap, panel - ahead),
            "b": panel,
            "y": array // number - rows.last,
            "commands": array // commands,
        },
    )


def _ways(terms: Terms) -> Ways:
    """Every sum is stored once, and read where the product accumulates."""
    times = (~terms.binary32, terms.binary32, terms.accumulate)
    binary16, binary32, read = (way.astype(np.int64) for way in times)
    return Ways(binary16, binary32, read)


def _others(tiles: OutputTiles, buffered: Flags, commands: Counts, intake: Counts) -> Counts:
    """Cycles for which the first activations, or their intake, wait for plans and packets."""
    first = packets(commands) + tiles.terms.first.fill * tiles.blocks
    plan = planned(commands, np.where(buffered, tiles.tiles, 1))
    others: Counts = np.maximum(plan, first - intake) - ACTIVATIONS
    return others


def _drains(tiles: OutputTiles, ways: Ways, held: npt.NDArray[np.bool_]) -> Drains:
    """Tile by tile."""
    terms, number = tiles.terms, tiles.strips * tiles.tiles
    return Drains(
        tiles.strip * tiles.strips * terms.column_blocks,
        number,
        terms.sent,
        terms.sent,
        2 * ways.read,
        terms.sum_places,
        terms.entering,
        np.zeros_like(number),
        np.minimum(np.where(held, tiles.tiles + 1, 1), number),
    )


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
    columns = terms(config, work, options, given[0].size)
    return _row_units(OutputTiles(columns, given[0], given[1]))


def _row_units(tiles: OutputTiles) -> RowUnits:
    zero = np.zeros_like(tiles.interleave)
    whole, last, intake = tiles.blocks, tiles.last_blocks, tiles.intake
    one = tiles.tiles == 1
    # A period's tile, the blocks of the tile that leaves beside it, and how often that occurs. The
    # list's last tile has none behind it whose activations come in.
    before_last = np.where(one, last, whole)
    lone = one & (tiles.strips == 1)
    several = np.where(one, 0, 1)
    of_whole = _Periods(tiles, tiles.whole)
    of_whole.add(zero, intake, several)
    of_whole.add(last, intake, several * (tiles.strips - 1))
    of_whole.add(whole, intake, several * tiles.strips * (tiles.tiles - 2))
    of_last = _Periods(tiles, tiles.last)
    of_last.add(zero, intake, np.where(one & ~lone, 1, 0))
    often = np.where(one, np.maximum(tiles.strips - 2, 0), tiles.strips - 1)
    of_last.add(before_last, intake, often)
    of_last.add(np.where(lone, 0, before_last), zero, np.ones_like(zero))
    leaving = tiles.terms.adder_latency + tiles.terms.sent * tiles.strip * last
    return RowUnits(
        of_whole.compute + of_last.compute,
        of_whole.distribution + of_last.distribution,
        of_whole.drain + of_last.drain,
        intake,
        leaving,
    )


class _Periods:
    """compute, distribution and drain of periods of PeriodPlan that compute equal tiles."""

    def __init__(self, tiles: OutputTiles, of: Products) -> None:
        terms = tiles.terms
        self._tiles, self._of = tiles, of
        body = terms.taps * (terms.tap_words - 1) * np.maximum(of.full, tiles.intake)
        self._body = body + (terms.taps - 1) * np.maximum(of.tail, tiles.intake)
        self._compute = terms.taps * ((terms.tap_words - 1) * of.full + of.tail)
        self._enter = np.where(terms.accumulate, tiles.strip * of.blocks, 0)
        latency = terms.adder_latency
        self._entered = np.where(terms.accumulate, self._enter + latency, self._enter)
        self._leave = np.maximum(self._enter, latency)
        self._covered = self._body + of.tail - of.passes
        self.compute = self.distribution = self.drain = np.zeros_like(of.blocks)

    def add(self, drained: Counts, following: Counts, times: Counts) -> None:
        """Periods that occur `times`. drained: blocks of the tile that leaves. following: the
        intake beside the last panel."""
        terms, tiles = self._tiles.terms, self._tiles
        leaving = self._leave + terms.sent * tiles.strip * drained
        drained_end = np.where(drained > 0, leaving, self._enter)
        products = self._body + np.maximum(self._of.tail, following)
        start = np.maximum(self._entered, drained_end - self._covered)
        cycles = np.maximum(start + products, drained_end)
        self.compute = self.compute + times * self._compute
        self.distribution = self.distribution + times * (products - self._compute)
        self.drain = self.drain + times * (cycles - products)


def _stalls(tiles: OutputTiles, a: OutputActivations, idle: Counts) -> tuple[Counts, Counts]:
    """Cycles for which the row units wait for activations, and beyond these for packets.

    Beside the products of a panel, the activations and the packets of the next one come. A panel of
    activations waits before the chain, so the A side's turns even out over a tile. idle: cycles for
    which a tile waits for sums, in which both come as well.
    """
    one, first = tiles.tiles == 1, tiles.terms.first
    whole, last = (_beside(tiles, a, idle, tile) for tile in (tiles.whole, tiles.last))
    behind = np.where(one, tiles.last_blocks, tiles.blocks)
    # A tile, the blocks of the tile behind it, and how often that occurs. Nothing is behind the
    # list's last tile.
    occurrences = [
        (tiles.whole, whole, tiles.blocks, tiles.strips * np.maximum(tiles.tiles - 2, 0)),
        (tiles.whole, whole, tiles.last_blocks, tiles.strips * np.where(one, 0, 1)),
        (tiles.last, last, behind, tiles.strips - 1),
    ]
    late_a, late_b = _late(last)
    for tile, before, blocks, times in occurrences:
        panel, fill = _panel(tiles, tile, tile.tail, (tiles.terms.tail, first), blocks)
        found = _late((before[0] + panel, before[1] + a.panel(first), before[2] + fill))
        late_a = late_a + times * found[0]
        late_b = late_b + times * found[1]
    return late_a, late_b


_Turns = tuple[Counts, Counts, Counts]
"""Cycles of panels: of their products, with the activations beside them, and with the packets."""


def _beside(tiles: OutputTiles, a: OutputActivations, idle: Counts, tile: Products) -> _Turns:
    """Of a tile's panels, but for the last."""
    array, with_a, with_b = idle, np.zeros_like(idle), np.zeros_like(idle)
    for products, now, following, often in tiles.steps(tile):
        panel, fill = _panel(tiles, tile, products, (now, following), tile.blocks)
        array = array + often * panel
        with_a = with_a + often * a.panel(following)
        with_b = with_b + often * fill
    return array, with_a, with_b


def _panel(
    tiles: OutputTiles, tile: Products, products: Counts, both: tuple[Panel, Panel], filled: Counts
) -> tuple[Counts, Counts]:
    """Cycles of a panel's products, and with the packets of the next one, of `filled` blocks."""
    panel: Counts = np.maximum(products, tiles.intake)
    fill = turn(tiles.terms, both[0], tile.blocks, both[1], filled, tile.passes)
    return panel, np.asarray(np.maximum(panel, fill), np.int64)


def _late(turns: _Turns) -> tuple[Counts, Counts]:
    """Cycles beyond the products for activations, and beyond these for packets."""
    array, with_a, with_b = turns
    with_a = np.maximum(array, with_a)
    return with_a - array, np.asarray(np.maximum(with_a, with_b) - with_a, np.int64)
