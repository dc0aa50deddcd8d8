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

from .drains import Drains, sum_places
from .latencies import ACTIVATIONS, FETCH, STORED, packets, planned, through_rows
from .memory import Counts, Memory, Traffic
from .options import ALL, Options
from .output_activations import OutputActivations
from .output_tiles import OutputTiles
from .pieces import Candidates, Pieces, Timing, added, with_memory
from .traffic import Ways, listed, port_cycles, share, sums, whole_reduction
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
    if candidates.dataflow == "ws":
        return stationary_timing(config, work, candidates, options)
    return _output_stationary(config, work, candidates, options)


def _output_stationary(
    config: ArrayConfig, work: ProductWork, candidates: Candidates, options: Options
) -> Timing:
    tiles = OutputTiles(config, work, candidates.interleave, candidates.blocks, options)
    rows = _row_units(tiles)
    number = tiles.strips * tiles.tiles
    idle = rows.drain // number
    a = OutputActivations(tiles, candidates.buffered, idle)
    late_a, late_b = _stalls(tiles, a, idle)
    b, first_b = _weights(tiles)
    ways = _ways(work)
    commands = np.where(candidates.buffered, 1, tiles.tiles) * tiles.strips
    intake = np.maximum(rows.first, a.intake)
    others = _others(tiles, candidates.buffered, commands, intake)
    held = candidates.buffered & (not work.transposed_a)
    zero = np.zeros_like(tiles.strip)
    array = rows.compute + rows.distribution + late_b + zero
    panel = tiles.products(tiles.tail, tiles.last_blocks)
    # What is read as needed comes while others are waited for.
    ahead = np.where(candidates.buffered, 0, intake + np.maximum(others, 0))
    return Timing(
        rows.compute + zero,
        rows.distribution + late_a + a.late,
        late_b + zero,
        rows.drain + zero,
        _drains(tiles, ways, held),
        ACTIVATIONS + a.gap + intake + rows.last + through_rows(config) + STORED,
        a.load,
        first_b,
        np.maximum(a.load.bytes // config.word_bytes, others),
        {
            "a": a.traffic,
            "b": b,
            "y": sums(config, work, tiles.interleave, tiles.blocks, ways),
            "commands": listed(commands, STCE.bytes),
        },
        {
            "a": port_cycles(a.traffic, a.load, config.word_bytes, commands),
            "b": port_cycles(b, first_b, config.word_bytes, commands),
            "commands": (commands - 1) * FETCH,
        },
        {
            "a": np.where(held, array // tiles.strips - a.gap, panel - ahead),
            "b": panel + zero,
            "y": array // number - rows.last,
            "commands": array // commands,
        },
    )


def _ways(work: ProductWork) -> Ways:
    """Every sum is stored once, and read where the product accumulates."""
    times = (not work.binary32, work.binary32, work.product.accumulate)
    binary16, binary32, read = (np.array([int(way)]) for way in times)
    return Ways(binary16, binary32, read)


def _weights(tiles: OutputTiles) -> tuple[Traffic, Traffic]:
    """What B moves, and the two panels of it that are held before the first product."""
    part = whole_reduction(tiles.config, tiles.work)
    b = tiles.weights.traffic(part, tiles.blocks, tiles.strips)
    return b, share(b, b.bytes * 2 // (tiles.strips * tiles.tiles * part.panels))


def _others(
    tiles: OutputTiles, buffered: npt.NDArray[np.bool_], commands: Counts, intake: Counts
) -> Counts:
    """Cycles for which the first activations, or their intake, wait for plans and packets."""
    first = packets(commands) + tiles.weights.fill(tiles.first_panel, tiles.blocks)
    plan = planned(commands, np.where(buffered, tiles.tiles, 1))
    others: Counts = np.maximum(plan, first - intake) - ACTIVATIONS
    return others


def _drains(tiles: OutputTiles, ways: Ways, held: npt.NDArray[np.bool_]) -> Drains:
    """Tile by tile."""
    config, one = tiles.config, np.ones_like(tiles.strip)
    return Drains(
        tiles.strip * tiles.strips * tiles.column_blocks,
        tiles.strips * tiles.tiles,
        tiles.sent * one,
        tiles.sent * one,
        one * 2 * ways.read,
        *sum_places(config),
        0 * one,
        np.minimum(np.where(held, tiles.tiles + 1, 1), tiles.strips * tiles.tiles),
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
    return _row_units(OutputTiles(config, work, given[0], given[1], options))


def _row_units(tiles: OutputTiles) -> RowUnits:
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
    leaving = tiles.config.adder_latency + tiles.sent * tiles.strip * last
    return RowUnits(found[0], found[1], found[2], intake, leaving)


def _period(tiles: OutputTiles, computed: Counts, drained: Counts, following: Counts) -> Counts:
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
    drained_end = np.where(drained > 0, leave + tiles.sent * tiles.strip * drained, enter)
    start = np.maximum(entered, drained_end - (body + tail - passes))
    cycles = np.maximum(start + body + last, drained_end)
    compute = taps * ((tiles.tap_panels - 1) * full + tail)
    return np.stack([compute, body + last - compute, cycles - body - last])


def _stalls(tiles: OutputTiles, a: OutputActivations, idle: Counts) -> tuple[Counts, Counts]:
    """Cycles for which the row units wait for activations, and beyond these for packets.

    Beside the products of a panel, the activations and the packets of the next one come. A panel of
    activations waits before the chain, so the A side's turns even out over a tile. idle: cycles for
    which a tile waits for sums, in which both come as well.
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
        array: Counts = idle + np.zeros_like(first)
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
