# SPDX-License-Identifier: Apache-2.0
"""Cycles of weight stationary lists, in closed form and for many tilings at once. Pure functions.

Row r of the array holds packet rows r * chunk and on of the reduction; batches of T output rows
stream by, and their sums enter row 0 and leave the last row. A reduction too long for the array's
memories goes in segments, a list each: all but the first begin with stored binary32 sums, all but
the last store them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sat_host.config import BATCH_TOKENS, ArrayConfig
from sat_host.descriptor import STCE
from sat_host.strips import strip_words

from .activations import channel_strips
from .memory import ASSUMED_LATENCY_CYCLES, RUN_WORDS, Counts, Traffic
from .options import ALL, Options
from .pieces import Candidates, Timing, added
from .stationary_segments import pairs_of, segment_source, segment_strips, segments
from .traffic import Reduction, Ways, Weights, divided, late_fills, listed, share, sums
from .work import ProductWork

# Read as the most pipeline stages by which a row unit lags the one above: the places of the streams
# between row units (templates/sat_stce.cpp.j2).
ASSUMED_ROW_STAGES = 8


def stationary_timing(
    config: ArrayConfig, work: ProductWork, tilings: Candidates, options: Options
) -> Timing:
    """The pieces of a product but for the memory, for each candidate."""
    cut = segments(config, work, tilings.interleave, tilings.blocks)
    lists = [
        (cut.wholes, _List(config, work, tilings, options, cut.whole, cut.tap_rows[0])),
        (cut.lasts, _List(config, work, tilings, options, cut.last, cut.tap_rows[1])),
    ]

    def total(name: str) -> Counts:
        return added([times * getattr(one, name) for times, one in lists])

    def moved(name: str) -> Traffic:
        parts: list[tuple[Counts, Traffic]] = [(times, getattr(one, name)) for times, one in lists]
        return Traffic(
            added([times * part.bytes for times, part in parts]),
            added([times * part.runs for times, part in parts]),
        )

    ways = _ways(work, cut.count)
    a, load = moved("a"), moved("load")
    y = sums(config, work, tilings.interleave, np.ones_like(tilings.blocks), ways)
    return Timing(
        total("compute"),
        total("distribution"),
        total("b_delivery"),
        np.zeros_like(cut.wholes),
        lists[1][1].sums * ways.halts,
        total("start"),
        load,
        total("load_cycles"),
        {"a": a, "b": moved("b"), "y": y, "commands": moved("commands")},
        (a.bytes - load.bytes) // config.word_bytes,
    )


def _ways(work: ProductWork, count: Counts) -> Ways:
    """Y's sums, in so many segments: between two of them they are stored and read in binary32."""
    between = count - 1
    read = between + (1 if work.product.accumulate else 0)
    if work.binary32:
        return Ways(np.zeros_like(count), between + 1, read)
    return Ways(np.ones_like(count), between, read)


class _List:
    """The list of one segment: its cycles and its traffic.

    Strips of `strip` rows, each of `tiles` - 1 tiles of Q column blocks and a last one of
    `last_blocks`; a tile's batches of T rows go by while the next tile's packets come in.
    """

    def __init__(
        self,
        config: ArrayConfig,
        work: ProductWork,
        tilings: Candidates,
        options: Options,
        part: Reduction,
        tap_rows: Counts,
    ) -> None:
        self._config, self._work, self._tilings = config, work, tilings
        self._part = part
        self._weights = weights = Weights(config, work, options)
        self._packets = part.over(weights.packet_rows(config.lanes), weights.packet_rows(part.tail))
        self._chunk = divided(self._packets, config.rows)
        interleave, blocks = tilings.interleave, tilings.blocks
        columns = config.blocks(work.columns)
        self._tiles = divided(columns, blocks)
        self._last = columns - (self._tiles - 1) * blocks
        self._strip = np.maximum(segment_strips(config, work, tilings, tap_rows), interleave)
        self._strips = divided(work.rows, self._strip)
        self._batches = self._strip // interleave  # of a strip but the last
        self._last_batches = divided(work.rows, interleave) - (self._strips - 1) * self._batches
        self._held = np.zeros_like(interleave)  # words of a strip, on average
        self._read_activations(tap_rows)
        self.b = weights.traffic(part, blocks, work.copies * self._strips)
        commands = np.where(tilings.buffered, 1, self._tiles) * self._strips
        self.commands = listed(work.copies * commands, STCE.bytes)
        batches = work.copies * divided(work.rows, interleave)
        self.sums = batches * interleave * columns
        self._copies, self._count = work.copies, batches
        self._count_cycles(batches)
        self._count_start()

    def _pass(self, blocks: Counts) -> Counts:
        return self._weights.pass_cycles(self._tilings.interleave * blocks)

    def _read_activations(self, tap_rows: Counts) -> None:
        """A's traffic, the first strip's, and the least cycles of a batch's words."""
        work, config, tilings = self._work, self._config, self._tilings
        words = self._part.panels
        intake = words * divided(tilings.interleave, config.feed)
        zero = np.zeros_like(intake)
        times = work.copies * self._tiles
        if work.transposed_a:
            self._read_transposed(intake, times)
            return
        direct = times * work.rows * words
        runs = direct
        held, held_runs, first = zero.copy(), zero.copy(), zero.copy()
        for strip, taps in pairs_of(self._strip, tap_rows):
            chosen = (self._strip == strip) & (tap_rows == taps)
            found = strip_words(segment_source(work.product.a, taps), work.rows, strip)
            held[chosen], first[chosen] = work.copies * found.total, found.first
            held_runs[chosen] = work.copies * (-(-found.total // RUN_WORDS) - (-work.rows // strip))
        buffered = tilings.buffered
        self._held = np.where(buffered, divided(held, work.copies * self._strips), 0)
        read = np.where(buffered, held, direct) * config.word_bytes
        self.a = Traffic(read, np.where(buffered, held_runs, runs))
        load = np.where(buffered, first, 0)
        self.load = share(self.a, load * config.word_bytes)
        self._intake = np.where(buffered, intake, words * tilings.interleave)

    def _read_transposed(self, intake: Counts, times: Counts) -> None:
        work, config, part = self._work, self._config, self._part
        interleave = self._tilings.interleave
        words, runs, most, transposer = (np.zeros_like(intake) for _ in range(4))
        for (t,) in pairs_of(interleave):
            chosen = interleave == t
            found = channel_strips(work.rows, work.a_channels, t, config.lanes)
            words[chosen], most[chosen] = found.words, found.most
            runs[chosen] = found.runs + found.whole
            transposer[chosen] = found.transposer
        pixels = part.over(config.lanes, part.tail)
        self.a = Traffic(times * pixels * words * config.word_bytes, times * pixels * runs)
        first = np.minimum(pixels, config.lanes) * most
        self.load = share(self.a, first * config.word_bytes)
        # A panel of pixels is read while the one before is transposed, which takes no less.
        self._intake = np.asarray(np.maximum(intake, part.panels * transposer), np.int64)

    def _count_cycles(self, batches: Counts) -> None:
        """compute, distribution and b_delivery, summed over the list's tiles."""
        whole, last, tiles = self._tilings.blocks, self._last, self._tiles
        self.compute = self.distribution = np.zeros_like(tiles)
        for blocks, often in ((whole, tiles - 1), (last, 1)):
            compute = self._chunk * self._pass(blocks)
            self.compute = self.compute + often * batches * compute
            late = np.maximum(self._intake - compute, 0)
            self.distribution = self.distribution + often * batches * late
        self.distribution = self.distribution + self._late_strips()
        self.b_delivery = self._over_tiles(self._late)

    def _over_tiles(self, count: Callable[[Counts, Counts, Counts], Counts]) -> Counts:
        """A count of a tile's blocks, the next one's and its batches, summed over all tiles but the
        list's last, which nothing follows."""
        whole, last, tiles, copies = self._tilings.blocks, self._last, self._tiles, self._copies
        one = tiles == 1
        steps = [
            (whole, whole, np.maximum(tiles - 2, 0), 0),
            (whole, last, np.where(one, 0, 1), 0),
            (last, np.where(one, last, whole), np.ones_like(tiles), 1),
        ]
        total: Counts = np.zeros_like(tiles)
        for now, following, often, ends in steps:
            found = copies * (self._strips - 1) * count(now, following, self._batches)
            found = found + (copies - ends) * count(now, following, self._last_batches)
            total = total + often * found
        return total

    def _late_strips(self) -> Counts:
        """Cycles for which strips wait for their words."""
        config, interleave = self._config, self._tilings.interleave
        batch = self._part.panels * divided(interleave, config.feed)  # tokens
        waiting = config.rows * divided(config.interleave, config.feed) // batch  # before the chain
        cover = waiting * self._chunk * self._pass(self._last)
        tokens = self._tiles * self._batches * batch
        return late_fills(self._held, tokens, cover, self._work.copies * self._strips)

    def _late(self, now: Counts, following: Counts, batches: Counts) -> Counts:
        """Cycles beyond a tile's batches until the next tile's packets are there."""
        batch = np.maximum(self._chunk * self._pass(now), self._intake)
        late, rest = self._packets_late(following, batches, batch)
        loader = self._loader(following)
        slower = divided(rest * loader, self._packets * following)
        found: Counts = np.maximum(late + slower, loader - batches * batch)
        return found

    def _packets_late(
        self, following: Counts, batches: Counts, batch: Counts
    ) -> tuple[Counts, Counts]:
        """Cycles by which packets of the next tile make a tile's batches longer, 16 beside each,
        and those of the rest, in a period of its own."""
        packets = self._packets * following
        full = np.minimum(batches, packets // BATCH_TOKENS)
        rest = packets - full * BATCH_TOKENS
        fits = full < batches
        late = full * np.maximum(BATCH_TOKENS - batch, 0)
        late = late + np.where(fits, np.maximum(rest - batch, 0), 0)
        return late, np.where(fits, 0, rest)

    def units(self) -> Counts:
        """The sum of PeriodPlan::cycles (kernels/period.h) over the list, if no stream waits."""
        tokens = self._part.panels * divided(self._tilings.interleave, self._config.feed)

        def batch(blocks: Counts) -> Counts:
            cycles: Counts = np.maximum(self._chunk * self._pass(blocks), tokens)
            return cycles

        def late(now: Counts, following: Counts, batches: Counts) -> Counts:
            return added(self._packets_late(following, batches, batch(now)))

        whole, last = self._tilings.blocks, self._last
        first = np.maximum(self._packets * np.where(self._tiles == 1, last, whole), tokens)
        products = self._count * ((self._tiles - 1) * batch(whole) + batch(last))
        # Beside the last batch no other comes.
        end = batch(last) - self._chunk * self._pass(last)
        return added([first + products - end, self._over_tiles(late)])

    def _loader(self, blocks: Counts) -> Counts:
        """Cycles of the B loader for a tile."""
        return self._weights.loading(self._part, blocks)

    def _count_start(self) -> None:
        """The first tile's packets, the first batch, the wave through the rows, the last sums."""
        config = self._config
        first = np.where(self._tiles == 1, self._last, self._tilings.blocks)
        passes = self._pass(self._last)
        wave = (self._chunk - 1) * passes + config.adder_latency + ASSUMED_ROW_STAGES
        self.load_cycles = np.maximum(self.load.bytes // config.word_bytes, self._loader(first))
        leaving = self._tilings.interleave * self._last
        wave = (config.rows - 1) * wave
        self.start = self._intake + wave + leaving + ASSUMED_LATENCY_CYCLES


def stationary_unit_cycles(
    config: ArrayConfig, work: ProductWork, tilings: Candidates, options: Options = ALL
) -> Counts:
    """What the row units count for a product in segments, by kernels/period.h, if no stream makes
    them wait: the sum of PeriodPlan::cycles over their lists."""
    cut = segments(config, work, tilings.interleave, tilings.blocks)
    whole = _List(config, work, tilings, options, cut.whole, cut.tap_rows[0])
    last = _List(config, work, tilings, options, cut.last, cut.tap_rows[1])
    return added([cut.wholes * whole.units(), cut.lasts * last.units()])
